"""A metric of the user's in a process of its own, which stays for the next call: it may crash, hang, or exit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..progress import Report, silent
from ..staged import scratch_folder
from ..text import Text
from .guest import Guest, Raised

__all__ = ["Raised", "Resident"]


class Resident:
    """``function(outputs, targets) -> float`` that code of the user's defines.

    Parameters
    ----------
    source : str
        ``file.py:name`` or ``package.module:name``; importing it runs there too.
    report : Report
        Called while the process starts; where it raises, the process is killed.

    Attributes
    ----------
    name, unit : str
    higher_is_better : bool
        As the function's own attributes say.

    Raises
    ------
    Problem
        Where it cannot be imported; `Died` where that ends the process.
    """

    def __init__(self, source: str, report: Report = silent) -> None:
        self.source = source
        remedy = Text("Mend the function, or name another.")
        self._guest = Guest(source, "qinspect.engine.process.resident:Host", [source], remedy, report)
        about = self._guest.about
        self.name, self.unit = str(about["name"]), str(about["unit"])
        self.higher_is_better = bool(about["higher_is_better"])

    def __reduce__(self) -> tuple[Any, ...]:
        return (Resident, (self.source,))

    def __call__(self, outputs: Sequence[NDArray[Any]], targets: NDArray[Any], report: Report = silent) -> float:
        """Call it with tensors made of these arrays (the tensor alone where there is one output).

        Parameters
        ----------
        outputs : sequence of arrays, shape (samples, ...)
        targets : array, shape (samples, ...)
        report : Report
            Called every 30 ms; where it raises, the process is killed, and the next call starts another.

        Raises
        ------
        Raised
            Where the function raises.
        Problem
            Its own; `Died` where the process ended.
        """
        with scratch_folder() as folder:
            for name, array in (*enumerate(outputs), ("y", targets)):
                np.save(folder / f"{name}.npy", array, allow_pickle=False)
            return float(self._guest.call("value", str(folder), len(outputs), report=report))


class Host:
    """The process's side."""

    def __init__(self, source: str, report: Report = silent) -> None:
        from ..load.callable import resolve

        self._function = resolve(source)
        self.about = {
            "name": str(getattr(self._function, "__name__", source)),
            "higher_is_better": bool(getattr(self._function, "higher_is_better", True)),
            "unit": str(getattr(self._function, "unit", "")),
        }

    def value(self, folder: str, count: int) -> float:
        import torch

        *outputs, targets = [
            torch.from_numpy(np.load(Path(folder) / f"{name}.npy", allow_pickle=False)) for name in (*range(count), "y")
        ]
        return float(self._function(outputs[0] if count == 1 else outputs, targets))
