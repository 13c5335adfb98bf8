"""Memory: what a run takes, what there is, and what is said where that is too little."""

from __future__ import annotations

import os
import re
from itertools import pairwise
from pathlib import Path

from ..problem import Problem, line_of
from ..text import Text
from . import LayerGraph

VALUE_BYTES = 4
"""Of one value: what runs is float32."""

MAPPED_BYTES = 256 << 20
"""Weights in files from this size on are not read but mapped: what is not used takes no memory, and the system may
take back what was. Smaller ones are read, since a mapped file that is cut short kills the process."""

LEFT = 0.1
"""Where so little is left of the memory that was free, the system begins to swap."""

_NO_LIMIT = 1 << 60


class Shortage(Problem):
    """Memory ran out while something was computed."""


def ran_out(error: BaseException) -> bool:
    """Whether an exception of torch's, onnxruntime's or Python's says that there is no more memory."""
    text = str(error)
    return isinstance(error, MemoryError) or any(
        words in text
        for words in ("can't allocate memory", "Cannot allocate memory", "bad_alloc", "Failed to allocate")
    )


def in_units(count: int) -> str:
    """A number of bytes in kB, MB or GB of 2**10, 2**20 or 2**30, with three digits at most."""
    for unit, size in (("GB", 2**30), ("MB", 2**20)):
        if count >= size:
            return f"{count / size:.1f} {unit}" if count < 10 * size else f"{count / size:.0f} {unit}"
    return f"{max(1, round(count / 2**10))} kB"


def wanted(error: BaseException) -> str:
    """How much was asked for where memory ran out, as far as the exception says so, else what it says."""
    found = re.search(r"tried to allocate (\d+) bytes", str(error))
    return in_units(int(found[1])) if found else line_of(error, 200) or type(error).__name__


def fixed_batch(graph: LayerGraph) -> int | None:
    """The model's batch where its author fixed it, else None."""
    return graph.inputs[0].shape[0] if graph.inputs and graph.inputs[0].shape else None


def fitting_batch(graph: LayerGraph, most: int) -> int:
    """Samples that go through a model with a free batch at once: `most`, or fewer where they need half of what is free.

    Parameters
    ----------
    graph : LayerGraph
    most : int
        A power of two.
    """
    free = free_bytes()
    size = most
    while free is not None and size > 1 and size * graph.live_values * VALUE_BYTES > free // 2:
        size //= 2
    return size


def is_large(graph: LayerGraph) -> bool:
    """Whether the weights are of a size of which copies are not to be kept, see `MAPPED_BYTES`."""
    return sum(tensor.numel() * tensor.element_size() for tensor in graph.params.values()) >= MAPPED_BYTES


def check_memory(graph: LayerGraph, where: str) -> None:
    """Refuse to begin what cannot end.

    Raises
    ------
    Problem
        Where one sample (of a fixed batch: the batch) needs more memory than is free.
    """
    free, needed = free_bytes(), graph.live_values * VALUE_BYTES
    if free is not None and needed > free:
        raise Problem(
            where,
            Text(
                "one sample needs about {needed:.0f} MB of memory beside the weights, and {free:.0f} MB are free",
                needed=needed / 2**20,
                free=free / 2**20,
            ),
            Text("Close other programs, or open the model with a smaller --input-shape."),
        )


class Growth:
    """Notices that memory is kept from batch to batch, before there is none left.

    A forward pass of the user's that appends its activations to a list does so, and so may data of his code's.
    """

    def __init__(self) -> None:
        self._taken: list[int] = []
        self._free = 0

    def check(self, where: str, remaining: int | None = None) -> None:
        """After each batch.

        Parameters
        ----------
        where : str
            What is named.
        remaining : int | None
            Batches that are still to come; None where that is not known.

        Raises
        ------
        Problem
            Where each of the last batches took more memory, most of what was free is gone so, and what is left would
            not do for two more, or is less than `LEFT` of it.
        """
        taken, free = _resident(), free_bytes()
        if taken is None or free is None:
            return
        self._taken.append(taken)
        if len(self._taken) == 2:  # the first has made what every other needs as well
            self._free = free
        if len(self._taken) < 4:
            return
        kept, least = taken - self._taken[1], min(b - a for a, b in pairwise(self._taken[-3:]))
        short = free < 2 * least or (free < LEFT * self._free and 2 * kept > self._free)
        if least > 0 and short and (remaining is None or least * remaining > free):
            raise Problem(
                where,
                Text(
                    "after {count} batches {kept:.0f} MB more memory is taken than after two, and {free:.0f} MB are "
                    "free",
                    count=len(self._taken),
                    kept=kept / 2**20,
                    free=free / 2**20,
                ),
                Text(
                    "Does code of the model or of the data keep tensors, in a list say? Else close other programs, or "
                    "give fewer --samples."
                ),
            )


def free_bytes() -> int | None:
    """Memory that this process may still take: of the system's, its control group's and its own limits the least.

    None where the system says nothing of it.
    """
    found = [
        free for free in (_system(), _control_group(), _own("RLIMIT_AS", 0), _own("RLIMIT_DATA", 5)) if free is not None
    ]
    return min(found, default=None)


def _system() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):  # not on every system
        return None


def _resident() -> int | None:
    """What this process has in memory; None where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _control_group() -> int | None:
    """What a container or a service may take."""
    for folder, limit, used in (
        ("/sys/fs/cgroup", "memory.max", "memory.current"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            most, now = (int(Path(folder, name).read_text(encoding="ascii")) for name in (limit, used))
        except (OSError, ValueError):  # "max" is no limit
            continue
        if most < _NO_LIMIT:
            return max(0, most - now)
    return None


def _own(limit: str, used: int) -> int | None:
    """What is left of a limit of this process; `used` is the place in /proc's statm of what it has taken of it."""
    try:
        import resource

        most = resource.getrlimit(getattr(resource, limit))[0]
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[used])
    except (ImportError, AttributeError, OSError, ValueError, IndexError):
        return None
    return None if most == resource.RLIM_INFINITY else max(0, most - pages * os.sysconf("SC_PAGE_SIZE"))
