"""Work in a child process that may be killed: kernels may crash, hang, or not listen to Cancel.

``python -m qinspect.engine.process.child FOLDER`` is the child's side. The folder is private to the user
and holds ``work.pt``, written by the parent a moment before; it is the only thing ever unpickled.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..problem import NotWritten, Problem
from ..progress import Report, silent
from ..staged import scratch_folder
from ..text import Text, from_parts, parts_of
from .unforeseen import problem_of

KERNELS = Text("the kernels")

SILENCE_S = 1800.0
"""A child that has told nothing for so long hangs. Inductor compiles a large model for minutes without a word."""


class Died(Problem):
    """The process crashed, was killed, or hung: what it was to find is not known, and nothing else is wrong."""


POLICY, OURS = "OMP_WAIT_POLICY", "QINSPECT_OMP_WAIT_POLICY"
"""What OpenMP reads when torch is loaded; and that it was said here, not by the user."""


def wait_asleep() -> None:
    """Let torch's threads sleep while they wait for one another, unless the user says how; before torch is imported.

    By default they wait busily behind every operator. Where another program has a processor at the time, the rest
    waits for a thread that does not run: an analysis took 33 to 130 s on two such processors, and 19 to 38 s asleep.
    """
    if POLICY not in os.environ:
        os.environ.update({POLICY: "passive", OURS: "1"})


def run_in_child(
    function: str, work: Any, report: Report = silent, *, what: str = KERNELS, as_deployed: bool = False
) -> Any:
    """Call ``function(work, report)`` in a new process.

    Parameters
    ----------
    function : str
        ``package.module:name``.
    work : object
        Plain data and tensors.
    report : Report
        Told what the child tells; where it raises, the child is killed.
    what : str
        Named in the message where the child dies.
    as_deployed : bool
        Whether torch's threads wait for one another as they do elsewhere, since they are timed.

    Returns
    -------
    object
        What the function returned.

    Raises
    ------
    Problem
        The child's own; `Died` where it crashed, was killed by the system, or told nothing for `SILENCE_S`.
    """
    import torch

    with scratch_folder() as folder:
        torch.save((function, work), folder / "work.pt")
        with open(folder / "stderr", "w+b") as errors:
            child = subprocess.Popen(
                [sys.executable, "-m", "qinspect.engine.process.child", str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=child_environment(as_deployed),
            )
            try:
                answer = _listen(child, report, what)
            except BaseException:
                child.kill()
                raise
            finally:
                if child.stdout:
                    child.stdout.close()
                child.wait()
            if answer == "done":
                return torch.load(folder / "result.pt", weights_only=False)
            if isinstance(answer, dict):
                kind = NotWritten if answer["not_written"] else Problem
                raise kind(*map(from_parts, answer["problem"]))
            errors.seek(0)
            said = errors.read().decode(errors="replace").strip().splitlines()
        why = how_it_ended(child.returncode, said)
        what_happened = Text("running it in a process of its own {why}", why=why)
        raise Died(what, what_happened, Text("Choose another engine, or leave it out."))


def child_environment(as_deployed: bool = False) -> dict[str, str]:
    """For a Python that finds what this one finds, and nothing else: files in the current folder are not imported."""
    places = [place or os.getcwd() for place in sys.path]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(places), "PYTHONSAFEPATH": "1"}
    if as_deployed and OURS in here:
        del here[OURS], here[POLICY]
    return here


def how_it_ended(returncode: int, said: Sequence[str]) -> str:
    """Why a process failed, in words: by its exit status, or by the last line that it wrote."""
    if returncode < 0:
        name = signal.Signals(-returncode).name
        if name == "SIGKILL":
            return Text("was killed; is there too little memory?")
        return Text("crashed ({signal})", signal=name)
    return Text("stopped ({last})", last=said[-1][:300] if said else f"exit {returncode}")


def _listen(child: subprocess.Popen[bytes], report: Report, what: str) -> Any:
    """Pass the child's progress on until it has ended; its last word, or None."""
    heard = time.monotonic()
    messages: list[Any] = []
    assert child.stdout is not None

    def read(stream: Any) -> None:
        with contextlib.suppress(ValueError):
            for line in stream:
                with contextlib.suppress(ValueError):
                    messages.append(json.loads(line))

    reader = threading.Thread(target=read, args=(child.stdout,), daemon=True)
    reader.start()
    progress: tuple[float, float, str] = (0.0, 1.0, Text("starting a process for the kernels"))
    answer: Any = None
    while True:
        ended = child.poll() is not None
        if ended:
            reader.join(5)
        while messages:
            heard = time.monotonic()
            message = messages.pop(0)
            if isinstance(message, list):
                progress = (float(message[0]), float(message[1]), from_parts(message[2]))
            else:
                answer = message
        report(*progress)
        if ended:
            return answer
        if time.monotonic() - heard > SILENCE_S:
            raise Died(
                what,
                Text(
                    "its process hangs: it has told nothing for {minutes:.0f} minutes, and was ended",
                    minutes=SILENCE_S / 60,
                ),
                Text("Choose another engine, or leave it out."),
            )
        time.sleep(0.03)


def main(folder: Path) -> int:
    """The child's side."""
    import torch

    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print must not come between the messages
    last = 0.0

    def report(done: float, total: float, note: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > 0.03:
            last = now
            out.write(json.dumps([done, total, parts_of(note)]) + "\n")

    try:
        # Mapped: of a large model's weights only what is used takes memory.
        name, work = torch.load(folder / "work.pt", weights_only=False, mmap=True)
        module, _, attribute = name.partition(":")
        result = getattr(importlib.import_module(module), attribute)(work, report)
        torch.save(result, folder / "result.pt")
        out.write('"done"\n')
        return 0
    except (Exception, SystemExit) as error:
        problem = problem_of(error)
        if problem is None:
            traceback.print_exc()
        else:
            parts = [parts_of(text) for text in (problem.where, problem.what, problem.remedy)]
            out.write(json.dumps({"problem": parts, "not_written": isinstance(problem, NotWritten)}) + "\n")
        return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
