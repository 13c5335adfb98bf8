"""What to say of failures that may come from anywhere and are no fault of the program."""

from __future__ import annotations

import errno

from .problem import Problem
from .text import Text


def problem_of(error: BaseException) -> Problem | None:
    """The problem that an exception stands for; None where it may be a fault of the program."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, SystemExit):
        return Problem(
            Text("code of the model, the data or the metric"),
            Text("ended the program: sys.exit({code})", code=error.code),
            Text("Take that call out of it."),
        )
    if isinstance(error, OSError) and (error.filename or error.errno in (errno.ENOSPC, errno.EDQUOT)):
        return Problem(
            str(error.filename or Text("disk")),
            Text("the system refused it ({reason})", reason=error.strerror or type(error).__name__),
            Text("Check the path, its permissions and the room on the disk."),
        )
    from .memory import ran_out  # which imports torch

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
