"""A function of the user's in a process of its own, which stays for the next call: it may crash, hang, or exit.

``python -m qinspect.engine.resident SOURCE`` is its side: it imports what the source names and answers on stdout, one
line of JSON for each line on stdin, which names a folder with the arrays to call it with.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .child import Died, child_environment, how_it_ended
from .problem import Problem, line_of
from .progress import Report, silent
from .text import Text, from_parts, parts_of
from .unforeseen import problem_of


class Raised(Exception):
    """What the function raised there.

    Parameters
    ----------
    kind, said : str
        The exception's name, and the first line of what it says.
    """

    def __init__(self, kind: str, said: str) -> None:
        super().__init__(kind, said)
        self.kind, self.said = kind, said


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
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._digest = self._content()
        about = self._start(report)
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
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                if self._content() != self._digest:
                    what = Text("has changed since it was opened")
                    raise Problem(self.source, what, Text("Open it anew."))
                self._start(report)
            with tempfile.TemporaryDirectory(prefix="qinspect-") as folder:
                for name, array in (*enumerate(outputs), ("y", targets)):
                    np.save(Path(folder) / f"{name}.npy", array, allow_pickle=False)
                return float(self._ask(json.dumps([folder, len(outputs)]), report))

    def _content(self) -> bytes:
        """Of a file that is named by its path: what the user allowed to run is this very one."""
        path = Path(self.source.rpartition(":")[0])
        return hashlib.sha256(path.read_bytes()).digest() if path.suffix == ".py" and path.is_file() else b""

    def _start(self, report: Report) -> dict[str, Any]:
        self._process = process = subprocess.Popen(
            [sys.executable, "-m", "qinspect.engine.resident", self.source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=child_environment(),
        )
        weakref.finalize(self, _end, process)
        return dict(self._ask(None, report))

    def _ask(self, words: str | None, report: Report) -> Any:
        """Its answer to a line, or to nothing where it has just begun."""
        process = self._process
        assert process is not None
        said, hears = process.stdout, process.stdin
        assert said is not None
        assert hears is not None
        lines: list[str] = []
        listener = threading.Thread(target=lambda: lines.append(said.readline()), daemon=True)
        listener.start()
        try:
            if words is not None:
                hears.write(words + "\n")
                hears.flush()
            while listener.is_alive():
                report(0, 1, Text("running {source}", source=self.source))
                listener.join(0.03)
        except BrokenPipeError:
            listener.join()
        except BaseException:
            process.kill()
            listener.join()
            _end(process)
            raise
        if not lines or not lines[0]:
            process.wait()
            why = how_it_ended(process.returncode, ())
            _end(process)
            what = Text("running it in a process of its own {why}", why=why)
            raise Died(self.source, what, Text("Mend the function, or name another."))
        kind, answer = json.loads(lines[0])
        if kind == "problem":
            raise Problem(*map(from_parts, answer))
        if kind == "raised":
            raise Raised(*answer)
        return answer


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # of a line that it did not read
                stream.close()


def main(source: str) -> int:
    """The process's side."""
    import torch

    from .load.callable import resolve

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for who listens, and ends this one
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what the function prints must not come between the answers
    asked: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in sys.stdin:
            asked.put(line)
        os._exit(0)  # nobody is left to answer

    threading.Thread(target=listen, daemon=True).start()

    def tell(kind: str, answer: Any) -> None:
        out.write(json.dumps([kind, answer]) + "\n")

    def failed(error: BaseException) -> None:
        problem = problem_of(error)
        if problem is None or isinstance(error, OSError):
            tell("raised", [type(error).__name__, line_of(error, 200)])
        else:
            tell("problem", [parts_of(text) for text in (problem.where, problem.what, problem.remedy)])

    try:
        function = resolve(source)
        tell(
            "is",
            {
                "name": str(getattr(function, "__name__", source)),
                "higher_is_better": bool(getattr(function, "higher_is_better", True)),
                "unit": str(getattr(function, "unit", "")),
            },
        )
    except (Exception, SystemExit) as error:
        failed(error)
        return 1
    while True:
        folder, count = json.loads(asked.get())
        *outputs, targets = [
            torch.from_numpy(np.load(Path(folder) / f"{name}.npy", allow_pickle=False)) for name in (*range(count), "y")
        ]
        try:
            tell("value", float(function(outputs[0] if count == 1 else outputs, targets)))
        except (Exception, SystemExit) as error:
            failed(error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
