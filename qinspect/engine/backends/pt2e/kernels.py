"""Which kernels a compiled program calls, whose layers' work they do, and how long each takes; with torch alone.

A bench kit takes this file along: it imports no others of ours but `inductor`.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch

from ..stopwatch import Stopwatch
from .inductor import SOURCES, Compiled, as_compiled, names_in

CALL = re.compile(r"^(?:\w+ = )?(?:torch\.ops\.(\w+)\.(\w+)[.\w]*|extern_kernels\.(\w+)|(cpp_\w+))\(")

INTEGER = ("onednn::qconv", "onednn::qlinear")
"""How events of oneDNN's integer kernels begin."""


@dataclass(frozen=True)
class Kernel:
    """One call in the generated code.

    Parameters
    ----------
    event : str
        How the profiler names it; of a loop of C++ the end of that.
    layers : tuple of str
        Ids of the layers that it computes, in order.
    rounds : tuple of str
        Where it computes none: the layers whose values it quantizes or dequantizes, or names of model inputs.
    adds : bool
        Whether it adds another value to its sums.
    """

    event: str
    layers: tuple[str, ...]
    rounds: tuple[str, ...] = ()
    adds: bool = False


def kernels_in(program: Compiled) -> list[Kernel]:
    """The kernels that a program calls, in order."""
    found: list[Kernel] = []
    sources: tuple[str, ...] = ()
    _, _, body = program.code.partition("def call(self, args):")
    for line in body.partition("\nrunner = ")[0].splitlines():
        text = line.strip()
        if (said := SOURCES.search(text)) is not None:
            sources = names_in(said.group(1))
        elif (call := CALL.match(text)) is not None:
            space, operator, plain, loop = call.groups()
            nodes = program.loops.get(loop, ()) if loop else sources
            event = loop or f"{space or 'aten'}::{operator or plain}"
            made = _kernel(event, nodes, program, "torch.uint8" in text)
            found.append(replace(made, adds=".binary" in call.group()))
            sources = ()
    return found


def with_sums(kernels: Sequence[Kernel], weighted: Collection[str], read: Mapping[str, Sequence[str]]) -> list[Kernel]:
    """The same kernels, where one that adds to a linear layer's sums is said to compute both.

    In the code it stands for the addition alone.

    Parameters
    ----------
    weighted : collection of str
        Layers with a weight in integers.
    read : mapping of str to sequence of str
        By layer, those of them whose values it reads.
    """
    own = (tuple(layer for layer in kernel.layers if layer in weighted) for kernel in kernels
           if kernel.event.startswith(INTEGER) and not kernel.adds)  # fmt: skip
    has_own = {layers[-1] for layers in own if layers}
    found = []
    for kernel in kernels:
        last = kernel.layers[-1:]
        if kernel.adds and last and last[0] not in weighted:
            inside = [layer for layer in read.get(last[0], ()) if layer not in has_own]
            kernel = replace(kernel, layers=(*inside[-1:], *last))
        found.append(kernel)
    return found


def _kernel(event: str, nodes: Iterable[str], program: Compiled, whole: bool) -> Kernel:
    known = [name for name in nodes if name in program.owners]
    layers = [program.owners[name] for name in known if "quantize_per" not in name]
    rounded = [program.owners[name] or program.quantizers.get(name, "") for name in known if "quantize_per" in name]
    if event.startswith(INTEGER) and whole:
        # The quantizer behind it is inside; what comes before it is said to be too, and is another kernel's.
        layers = [program.owners[name] for name in known if name in program.quantizers][-1:]
    return Kernel(event, tuple(dict.fromkeys(filter(None, layers))), tuple(dict.fromkeys(rounded)))


def laps(events: Sequence[Any], mark: str, kernels: Sequence[Kernel]) -> list[list[float]]:
    """Times of the kernels in every marked run in which the profiler saw all of them, µs.

    Parameters
    ----------
    events : sequence of torch.autograd.profiler_util.FunctionEvent
        Of the one thread that runs the program.
    mark : str
        What ``record_function`` called the runs.
    kernels : sequence of Kernel
        In order.
    """
    known = {kernel.event for kernel in kernels}
    runs = [event.time_range for event in events if event.name == mark]
    named = sorted(
        (event.time_range.start, event.time_range.end, name)
        for event in events
        if (name := _name(event.name, known)) is not None
    )
    found = []
    for run in runs:
        outer: list[tuple[float, float, str]] = []
        for start, end, name in named:
            # A kernel that another one calls is inside it.
            if run.start <= start and end <= run.end and not (outer and start < outer[-1][1]):
                outer.append((start, end, name))
        if [name for _, _, name in outer] == [kernel.event for kernel in kernels]:
            found.append([end - start for start, end, _ in outer])
    return found


def _name(event: str, known: set[str]) -> str | None:
    """The kernel that an event is of: loops come with the number of their graph before their name."""
    if event in known:
        return event
    head, _, loop = event.partition("cpp_")
    return f"cpp_{loop}" if head.startswith("graph_") and f"cpp_{loop}" in known else None


@dataclass(frozen=True)
class PutDown:
    """Times of kernels by what they were spent on, us in each run.

    Parameters
    ----------
    us : mapping of layer id to list of float
        Under an empty id what belongs to none.
    boundaries : mapping of (str, str) to list of float
        What only rounds, by the layer or model input whose value it rounds and the layer that reads that; in `us` too.
    inside : mapping of layer id to layer id
        Layers whose time is in that of another.
    """

    us: dict[str, list[float]]
    boundaries: dict[tuple[str, str], list[float]]
    inside: dict[str, str]


def put_down(kernels: Sequence[Kernel], runs: Sequence[Sequence[float]], readers: Mapping[str, str]) -> PutDown:
    """What each kernel takes put down to a layer: the last of those that it computes; the others are inside it.

    A kernel that only quantizes or dequantizes belongs to the border between the value's layer (or the
    model's input) and the first layer that reads it.

    Parameters
    ----------
    runs : sequence of sequences of float
        Of each run, the kernels' times.
    readers : mapping of str to str
        By layer id and name of a model input: the first layer that reads its value, or ``output``. Inputs come first.
    """
    us: dict[str, list[float]] = defaultdict(lambda: [0.0] * len(runs))
    boundaries: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0] * len(runs))
    inside: dict[str, str] = {}
    for index, kernel in enumerate(kernels):
        times = [run[index] for run in runs]
        owner = ""
        if kernel.layers:
            owner = kernel.layers[-1]
            inside.update((layer, owner) for layer in kernel.layers[:-1] if layer not in inside)
        elif kernel.rounds:
            source = next((one for one in kernel.rounds if one in readers), next(iter(readers)))
            owner = source if readers[source] == "output" else readers[source]
            between = source, readers[source]
            boundaries[between] = [a + b for a, b in zip(boundaries[between], times, strict=True)]
        us[owner] = [a + b for a, b in zip(us[owner], times, strict=True)]
    # What has a kernel of its own is not inside another's.
    return PutDown(dict(us), dict(boundaries), {one: two for one, two in inside.items() if one not in us})


def timed(
    programs: Mapping[str, Compiled],
    given: Sequence[torch.Tensor],
    warm_ups: int,
    runs: int,
    tick: Callable[[int, int], None],
    watch: Stopwatch,
) -> dict[str, list[float]]:
    """ms of every run of these programs, by turns.

    Parameters
    ----------
    tick : callable
        Told of what is done and of how much there is.
    watch : Stopwatch
    """
    found: dict[str, list[float]] = {name: [] for name in programs}
    with as_compiled():
        for run in range(warm_ups + runs):
            tick(run, warm_ups + runs)
            for name, program in programs.items():
                program.call(*given)  # the other model's weights are in the cache
                ms = watch.ms(partial(program.call, *given))
                if run >= warm_ups:
                    found[name].append(ms)
    return found


def profiled(
    programs: Mapping[str, Compiled],
    kernels: Mapping[str, Sequence[Kernel]],
    given: Sequence[torch.Tensor],
    runs: int,
    tick: Callable[[int, int], None],
) -> dict[str, list[list[float]]]:
    """Times of each program's kernels, us, in runs under torch's profiler: those in which it saw all of them."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with as_compiled(), torch.profiler.profile(activities=activities, acc_events=True) as profile:
        for run in range(runs):
            tick(run, runs)
            for name, program in programs.items():
                program.call(*given)
                with torch.profiler.record_function(f"qinspect {name}"):
                    program.call(*given)
    events = list(profile.events() or ())
    return {name: laps(events, f"qinspect {name}", kernels[name]) for name in programs}
