"""What to say of failures that may come from anywhere and are no fault of the program."""

from __future__ import annotations

import errno
import traceback
from pathlib import Path

from ..problem import Problem, line_of
from ..text import Text

PACKAGE = Path(__file__).parents[2]


class Left(SystemExit):
    """``os._exit`` was called, which would have ended the process without a word."""


def problem_of(error: BaseException) -> Problem | None:
    """The problem that an exception stands for; None where it may be a fault of the program."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SystemExit):
        return Problem(
            _outside(error) or Text("code of the model, the data or the metric"),
            Text("ended the program: {call}({code})", call=_call(error), code=error.code),
            Text("Take that call out of it."),
        )
    if isinstance(error, OSError) and (error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return Problem(
            str(error.filename or Text("disk")),
            Text("the system refused it ({reason})", reason=error.strerror or type(error).__name__),
            Text("Check the path, its permissions and the room on the disk."),
        )
    if isinstance(error, ImportError):
        return Problem(
            error.name or "Python",
            Text("cannot be imported ({said})", said=line_of(error, 200)),
            Text("Install qinspect anew, with all that it needs, in this environment."),
        )
    from ..graph.memory import ran_out  # which imports torch

    if ran_out(error):
        return Problem(
            Text("memory"),
            Text(
                "there is too little ({said})",
                said=(str(error).split("DefaultCPUAllocator: ")[-1] or "MemoryError")[:200],
            ),
            Text("Close other programs, or open the model with a smaller --input-shape."),
        )
    return None


def _call(error: SystemExit) -> str:
    return "os._exit" if isinstance(error, Left) else "sys.exit"


def _outside(error: BaseException) -> str | None:
    """The file and line that raised it, of code that is not this package's."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [frame for frame in frames if PACKAGE not in Path(frame.filename).parents]
    return f"{places[-1].filename}:{places[-1].lineno}" if places else None
