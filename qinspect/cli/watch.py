"""The work in a process of its own below this one, so that a crash in native code ends in a line that says where.

The copy is made before torch is imported: it costs some milliseconds, and this process stays small.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import os
import re
import signal
import sys
import threading
from pathlib import Path

from ..engine.source import is_callable

CRASHES = {
    "SIGSEGV": "segmentation fault",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
    "SIGABRT": "abort",
    "SIGSYS": "forbidden system call",
}
"""Signals by which code ends its own process."""

STOPS_S = 10.0
"""What was asked to stop twice, and has not after so long, does not hear: it is killed."""

PACKAGE = Path(__file__).parents[1]
PR_SET_PDEATHSIG = 1
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in ', re.MULTILINE)


def watched(options: argparse.Namespace) -> int | None:
    """Go on in a copy of this process, and see how that ends.

    Parameters
    ----------
    options : argparse.Namespace
        What was asked for: its sources are named where the copy crashes.

    Returns
    -------
    int | None
        None in the copy, or where none can be made; else the exit status.
    """
    if sys.platform != "linux" or threading.active_count() > 1:  # of several threads a copy has only this one
        return None
    sys.stdout.flush()
    sys.stderr.flush()
    trace = os.fdopen(os.memfd_create("trace"), "r+b", buffering=0)
    heard = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, heard)
    here = os.getpid()
    try:
        copy = os.fork()
    except OSError:  # too many processes, or too little memory
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return None
    if copy:
        ended, stopped = _wait(copy, heard)
        return _status(ended, stopped, trace, options)
    import ctypes  # torch needs it as well

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != here:
        os._exit(1)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if not faulthandler.is_enabled():
        faulthandler.enable(trace)
    return None


def _wait(copy: int, heard: set[signal.Signals]) -> tuple[int, bool]:
    """How it ended, as `os.waitpid` has it, and whether it was killed since it did not hear."""
    asked = 0
    while True:
        info = signal.sigtimedwait(heard, STOPS_S) if asked > 1 else signal.sigwaitinfo(heard)
        found, ended = os.waitpid(copy, os.WNOHANG)
        if found:
            return ended, False
        if info is None:
            os.kill(copy, signal.SIGKILL)
            return os.waitpid(copy, 0)[1], True
        if info.si_signo != signal.SIGCHLD:
            asked += 1
            if info.si_pid:  # from a process; Ctrl+C on the terminal reaches the copy by itself
                os.kill(copy, info.si_signo)


def _status(ended: int, stopped: bool, trace: io.FileIO, options: argparse.Namespace) -> int:
    """The exit status, after the line that the copy cannot write any more."""
    status = os.waitstatus_to_exitcode(ended)
    if status >= 0:
        return status
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)  # the progress
    if stopped:
        print("cancelled", file=sys.stderr)
        return 130
    name = signal.Signals(-status).name
    if name == "SIGKILL":
        who = getattr(options, "model", None) or "memory"
        print(
            f"qinspect: {who}: the system ended the program (SIGKILL), as it does where memory runs out. "
            "Close other programs, or take a smaller --input-shape or fewer --samples.",
            file=sys.stderr,
        )
    elif name in CRASHES:
        trace.seek(0)
        said = trace.read().decode(errors="replace")
        if options.debug:
            print(said, file=sys.stderr)
        print(f"qinspect: {_crash(f'{name}, {CRASHES[name]}', said, options)}", file=sys.stderr)
    else:  # it did not hear, as while it is imported: this one ends likewise
        signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {-status})
        os.kill(os.getpid(), -status)
    return 1


def _crash(how: str, said: str, options: argparse.Namespace) -> str:
    """What is said of a crash: where in the user's code it was, else in whose hands."""
    named = [getattr(options, name, None) for name in ("model", "data", "metric")]
    sources = [source for source in named if source and is_callable(source)]
    frames = _FRAME.findall(said[max(0, said.find("Current thread")) :]) + _FRAME.findall(said)
    for file, line in frames:
        if _is_theirs(Path(file), sources):
            return f"{file}:{line}: crashed the program ({how}). Mend what is called there, or leave it out."
    place = f" in {Path(frames[0][0]).name}:{frames[0][1]}" if frames else ""
    who = ", ".join(sources) or getattr(options, "model", None) or "qinspect"
    return f"{who}: native code crashed the program{place} ({how}). --debug shows what it was doing."


def _is_theirs(file: Path, sources: list[str]) -> bool:
    """Whether a file is code that was named, or stands beside it: none of Python's, of other packages, or ours."""
    if not file.is_file() or PACKAGE in file.parents or file.resolve() == Path(sys.argv[0]).resolve():
        return False
    import sysconfig

    packages = {head.partition(".")[0] for source in sources if not (head := source.partition(":")[0]).endswith(".py")}
    libraries = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    installed = bool({"site-packages", "dist-packages"} & set(file.parts) or libraries & set(file.parents))
    return not installed or bool(packages & {*file.parts, file.stem})
