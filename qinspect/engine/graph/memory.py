"""Memory: what a run takes, what there is, and what is said where that is too little."""

from __future__ import annotations

import os
from pathlib import Path

from ..problem import Problem
from ..text import Text
from . import LayerGraph

VALUE_BYTES = 4
"""Of one value: what runs is float32."""

MAPPED_BYTES = 256 << 20
"""Weights in files from this size on are not read but mapped: what is not used takes no memory, and the system may
take back what was. Smaller ones are read, since a mapped file that is cut short kills the process."""

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
