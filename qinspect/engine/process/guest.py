"""Code of the user's in a process of its own, which may crash, hang or exit without harm to anything else.

``python -m qinspect.engine.process.guest`` is its side. It is told on stdin, one line of JSON each, what to make of
that code (a class of this package, with ``about`` and methods) and which method to call, and answers on stdout.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import importlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..problem import Problem, line_of
from ..progress import Report, silent
from ..text import Text, from_parts, parts_of
from .child import Died, child_environment, how_it_ended
from .unforeseen import problem_of


class Raised(Exception):
    """What the user's code raised there.

    Parameters
    ----------
    kind, said : str
        The exception's name, and the first line of what it says.
    line : str | None
        ``file.py:line`` of the user's that raised it.
    trace : str
        Its traceback.
    """

    def __init__(self, kind: str, said: str, line: str | None = None, trace: str = "") -> None:
        super().__init__(kind, said)
        self.kind, self.said, self.line = kind, said, line
        if trace:
            self.add_note(trace)

    @classmethod
    def of(cls, error: BaseException) -> Raised:
        """What an exception is, wherever it was raised."""
        from ..load.trace import author_line

        return error if isinstance(error, cls) else cls(type(error).__name__, line_of(error, 200), author_line(error))


Process = subprocess.Popen[str]

_waiting: list[Process] = []
_lock = threading.Lock()

ENDS_S = 5.0
"""So long is waited for the end of what was killed, or is about to end."""


def prepare(count: int = 1) -> None:
    """Start processes that import torch while this one does other things; the next guests are taken from them.

    Parameters
    ----------
    count : int
        How many are to wait.
    """
    with _lock:
        _waiting[:] = [process for process in _waiting if process.poll() is None]
        while len(_waiting) < count:
            _waiting.append(_start())


def dismiss() -> None:
    """End those that wait: nobody will ask for them."""
    with _lock:
        waiting, _waiting[:] = list(_waiting), []
    for process in waiting:
        _end(process)


atexit.register(dismiss)

_kept: list[weakref.ref[Guest]] = []


def keep(guest: Guest | None) -> None:
    """Have one process for the model that is open: the one before rests, though somebody may go back to its model."""
    with _lock:
        before = [found for reference in _kept if (found := reference()) is not None]
        _kept[:] = [] if guest is None else [weakref.ref(guest)]
    for other in before:
        other.rest()


def _start() -> Process:
    return subprocess.Popen(
        [sys.executable, "-m", "qinspect.engine.process.guest"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=child_environment(),
        start_new_session=True,  # with what the code starts it is a group, which ends as one
    )


def _take() -> Process:
    with _lock:
        while _waiting:
            process = _waiting.pop(0)
            if process.poll() is None:
                return process
    return _start()


class Guest:
    """An object made of the user's code, in a process of its own.

    Parameters
    ----------
    source : str
        ``file.py:name`` or ``package.module:name``: for messages, and to see whether the file has changed.
    host : str
        ``qinspect.…:Class`` of what is made there, as ``Class(*arguments, report)``.
    arguments : sequence
        As JSON has them.
    remedy : str
        What to do where the code ends its process.
    report : Report
        Called while it is made; where it raises, the process is killed.
    again : bool
        Whether it is made anew where its process has ended, for the next call.

    Attributes
    ----------
    about : mapping
        What it says of itself.

    Raises
    ------
    Raised, Problem
        What making it raised; `Died` where it ended the process.
    """

    def __init__(
        self,
        source: str,
        host: str,
        arguments: Sequence[Any],
        remedy: str,
        report: Report = silent,
        again: bool = True,
    ) -> None:
        self.source, self._host, self._arguments, self._remedy = source, host, list(arguments), remedy
        self._again = again
        self._lock = threading.Lock()
        self._digest = self._content()
        self._open(report)

    def call(self, method: str, *arguments: Any, report: Report = silent) -> Any:
        """Call a method; what it returns came as JSON.

        Parameters
        ----------
        report : Report
            Called every 30 ms; where it raises, the process is killed.

        Raises
        ------
        Raised
            What the code raises.
        Problem
            Its own; `Died` where the process ended.
        """
        with self._lock:
            if self._again and self.process.poll() is not None:
                if self._content() != self._digest:
                    what = Text("has changed since it was opened")
                    raise Problem(self.source, what, Text("Open it anew."))
                self._open(report)
            return self._ask([method, arguments], report)

    def rest(self) -> None:
        """End its process until it is called again; a call that is under way ends with it."""
        if self.process.returncode is None:
            _kill(self.process)
        with self._lock:
            _end(self.process)

    close = rest

    def _content(self) -> bytes:
        """Of a file that is named by its path: what the user allowed to run is this very one."""
        path = Path(self.source.rpartition(":")[0])
        return hashlib.sha256(path.read_bytes()).digest() if path.suffix == ".py" and path.is_file() else b""

    def _open(self, report: Report) -> None:
        self.process = process = _take()
        weakref.finalize(self, _end, process)
        try:
            self.about: Mapping[str, Any] = self._ask([self._host, self._arguments], report)
        except BaseException:
            _end(process)
            raise

    def _ask(self, words: Any, report: Report) -> Any:
        process = self.process
        assert process.stdin is not None
        lines: queue.Queue[str] = queue.Queue()
        listener = threading.Thread(target=_listen, args=(process, lines), daemon=True)
        listener.start()
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended: so says what it answers
                process.stdin.write(json.dumps(words) + "\n")
                process.stdin.flush()
            answered = _wait(process, lines, report, Text("running {source}", source=self.source))
        except BaseException:
            _end(process, listener)
            raise
        if answered is None:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it closed its own pipe, and goes on
                process.wait(ENDS_S)
            _end(process, listener)
            why = how_it_ended(process.returncode, ())
            raise Died(self.source, Text("running it in a process of its own {why}", why=why), self._remedy)
        kind, answer = answered
        if kind == "problem":
            raise Problem(*map(from_parts, answer))
        if kind == "raised":
            raise Raised(*answer)
        return answer


def _listen(process: Process, lines: queue.Queue[str]) -> None:
    """Put what a process says into a queue, up to its answer; an empty line is its end."""
    said = process.stdout
    assert said is not None
    while True:
        try:
            line = said.readline()
        except ValueError:  # closed
            line = ""
        lines.put(line)
        if not line.startswith('["report"'):
            if process.stdout is None:  # nobody else closes it, see `_end`
                said.close()
            return


def _wait(process: Process, lines: queue.Queue[str], report: Report, note: str) -> tuple[str, Any] | None:
    """Pass a process's reports on until it answers; None where it ended instead."""
    told: tuple[float, float, str] = (0, 1, note)
    while True:
        report(*told)
        line = ""
        try:
            line = lines.get(timeout=0.03)
        except queue.Empty:
            if process.poll() is None:
                continue
            _kill(process)  # what it has started would hold the pipe open
            with contextlib.suppress(queue.Empty):
                line = lines.get(timeout=ENDS_S)
        if not line:
            return None
        kind, answer = json.loads(line)
        if kind != "report":
            return kind, answer
        told = (float(answer[0]), float(answer[1]), from_parts(answer[2]))


def _kill(process: Process) -> None:
    """The process and all that it has started, such as workers that read data."""
    if sys.platform == "win32":
        process.kill()
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of them is left
        os.killpg(process.pid, signal.SIGKILL)


def _end(process: Process, listener: threading.Thread | None = None) -> None:
    assert process.stdin is not None
    if process.stdin.closed:  # long since: its number may be another's
        return
    _kill(process)
    process.wait()
    if listener is not None:
        listener.join(ENDS_S)
        if listener.is_alive():  # what has left the group holds the pipe: closing it would wait for the listener
            process.stdout = None
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # of a line that it did not read
                stream.close()


def main() -> int:
    """The process's side."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for who listens, and ends this one
    out = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what the code prints must not come between the answers
    hears = os.fdopen(os.dup(0), encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # nor may it read what is asked
    asked: queue.Queue[str] = queue.Queue()

    def listen() -> None:
        for line in hears:
            asked.put(line)
        if sys.platform != "win32" and os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # nobody is left to answer; what the code has started goes as well
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()

    def report(done: float, total: float, note: str = "") -> None:
        out.write(json.dumps(["report", [done, total, parts_of(note)]]) + "\n")

    def failed(error: BaseException) -> None:
        problem = problem_of(error)
        if problem is None or isinstance(error, OSError):
            raised, trace = Raised.of(error), "".join(traceback.format_exception(error))
            out.write(json.dumps(["raised", [raised.kind, raised.said, raised.line, trace]]) + "\n")
        else:
            parts = [parts_of(text) for text in (problem.where, problem.what, problem.remedy)]
            out.write(json.dumps(["problem", parts]) + "\n")

    import torch  # noqa: F401  before it is asked anything: that is what `prepare` is for

    from ..load import warm

    warm(asked.empty)
    host: Any = None
    while True:
        name, arguments = json.loads(asked.get())
        try:
            if host is None:
                module, _, attribute = name.partition(":")
                host = getattr(importlib.import_module(module), attribute)(*arguments, report)
                answer = host.about
            else:
                answer = getattr(host, name)(*arguments)
            out.write(json.dumps(["is", answer]) + "\n")
        except (Exception, SystemExit) as error:
            failed(error)
            if host is None:
                return 1


if __name__ == "__main__":
    sys.exit(main())
