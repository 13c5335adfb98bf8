"""Where the packaged files lie: demo model and data, icons, translations, help pages."""

from __future__ import annotations

from pathlib import Path


def resource(name: str) -> Path:
    """Path of a packaged file or folder, in an installed wheel as well as in a checkout.

    Parameters
    ----------
    name : str
        Relative to the ``resources`` folder, with forward slashes, such as ``demo/classes.txt``.

    Raises
    ------
    FileNotFoundError
        Where neither place has it: the installation is damaged.
    """
    package = Path(__file__).resolve().parent
    # The wheel carries the folder inside the package, the checkout beside it.
    for root in (package / "resources", package.parent / "resources"):
        if (path := root / name).exists():
            return path
    raise FileNotFoundError(f"qinspect's resource {name!r} is missing: install qinspect again")


def is_ours(path: Path) -> bool:
    """Whether a file is one of the demo's, whose code needs no permission and no process of its own."""
    try:
        return path.resolve().is_relative_to(resource("demo").resolve())
    except FileNotFoundError:
        return False
