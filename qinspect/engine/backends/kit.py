"""What all bench kits share: what measures in them, what their README says of it, and the trial where they are made."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ... import __version__
from ..progress import Report
from ..text import Text
from .exported import run_python

KIT_SAMPLES = 8
"""Samples that go into a kit, at most."""

PACKAGE = "measure"
"""Folder of a kit with the files of ours that measure."""

BACK = """\
    qinspect analyze MODEL --data DATA --plan plan.json --profile bench.json --out DIR

To choose, with them, which layers are to be quantized:

    qinspect search MODEL --data DATA --plan plan.json --profile bench.json --out DIR
"""

BENCH = '''\
"""Measures the float and the int8 model of this folder on this device, end to end and per layer.

    python bench.py [--runs 50] [--threads 1] [--batch 1]

Writes bench.json beside this file. Bring it back to where the models were exported:

    qinspect analyze MODEL --data DATA --plan plan.json --profile bench.json --out DIR
    qinspect search MODEL --data DATA --plan plan.json --profile bench.json --out DIR
"""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from {package}.device.{module} import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(HERE))
'''


def write_kit(folder: Path, module: str, others: Sequence[str], readme: str, **words: str) -> None:
    """Write what measures, and README.txt.

    Parameters
    ----------
    module : str
        Of `device`, whose ``main`` measures.
    others : sequence of str
        Files of this folder, such as ``pt2e/nodes.py``, that it needs besides.
    readme : str
        With `words` in braces.
    """
    here = Path(__file__).parent
    for name in ("device/common.py", f"device/{module}.py", *others):
        place = folder / PACKAGE / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text((here / name).read_text(encoding="utf-8"), encoding="utf-8")
        for package in (place.parent, folder / PACKAGE):
            (package / "__init__.py").touch()
    (folder / "bench.py").write_text(BENCH.format(package=PACKAGE, module=module), encoding="utf-8")
    text = readme.format(version=__version__, back=BACK, **words)
    (folder / "README.txt").write_text(text, encoding="utf-8")


def try_kit(
    folder: Path, module: str, others: Sequence[str], report: Report, *, keeps: bool = False
) -> Mapping[str, Any]:
    """Run a kit with few runs in a new process that sees installed packages only; what it wrote into bench.json.

    Parameters
    ----------
    module : str
        As for `write_kit`.
    others : sequence of str
        Packages that it must do without.
    keeps : bool
        Whether its ``keep_expected`` is to write what is expected, first.
    """
    trial = folder / "trial.json"
    code = (
        "import sys\n"
        "sys.dont_write_bytecode = True\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        f"from bench import HERE, main\nfrom {PACKAGE}.device import {module}\n"
        + (f"{module}.keep_expected(HERE)\n" if keeps else "")
        + f"sys.argv = ['bench.py', '--runs', '3', '--out', {str(trial)!r}]\n"
        "assert not main(HERE)\n"
        f"others = sorted({set(others)!r} & set(sys.modules))\n"
        "assert not others, f'bench.py needs {others}'\n"
    )
    run_python(["-I", "-B", "-c", code], folder, report, str(folder))
    (folder / "stderr").unlink(missing_ok=True)
    found: Mapping[str, Any] = json.loads(trial.read_text(encoding="utf-8"))
    trial.unlink()
    return found


def unequal(trial: Mapping[str, Any]) -> list[Text]:
    """What is wrong with a kit that gave other outputs than are expected where it was made."""
    share = trial["equal_share"]
    return [] if share == 1 else [Text("bench.py gives {share:.1%} of the expected outputs", share=share)]
