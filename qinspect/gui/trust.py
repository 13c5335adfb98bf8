"""Python code runs only after the user said so, once for each version of a file."""

from __future__ import annotations

import hashlib
import importlib.machinery
import sys
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QSettings

from ..engine.problem import Problem
from ..engine.source import is_callable
from ..engine.text import Text


@dataclass(frozen=True)
class Code:
    """Python code that a source names.

    Parameters
    ----------
    source : str
        As the user gave it.
    path : Path
        The file that would run.
    digest : str
        SHA-256 of the file.
    """

    source: str
    path: Path
    digest: str

    @property
    def key(self) -> str:
        return f"trust/{hashlib.sha256(str(self.path).encode()).hexdigest()}"


def names_code(source: str) -> bool:
    """Whether a source is ``file.py:callable`` or ``package.module:callable``."""
    return is_callable(source)


def code_behind(source: str) -> Code | None:
    """The file that opening a source would run, found without running anything; None for data files.

    Raises
    ------
    Problem
        Where there is no such file or module.
    """
    if not names_code(source):
        return None
    head = source.rpartition(":")[0]
    path = Path(head).resolve() if head.endswith(".py") else _module_file(head)
    if path is None:
        raise Problem(
            source,
            Text("there is no module {head!r}", head=head),
            Text("Install the package, or give a path to the file."),
        )
    try:
        return Code(source, path, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise Problem(str(path), error.strerror or Text("cannot be read"), Text("Check the path.")) from error


def _module_file(name: str) -> Path | None:
    """Where a module lies; unlike importlib's own look-up this imports no parent package."""
    places: list[str] | None = list(sys.path)
    found = None
    for piece in name.split("."):
        spec = importlib.machinery.PathFinder.find_spec(piece, places)
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or [])
        found = spec.origin
    return Path(found) if found else None


def is_trusted(code: Code, settings: QSettings) -> bool:
    """Whether this very content of the file was allowed before."""
    return settings.value(code.key, "") == code.digest


def trust(code: Code, settings: QSettings) -> None:
    """Remember that the user allowed this content of the file."""
    settings.setValue(code.key, code.digest)
