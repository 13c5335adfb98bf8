"""Which kernels a compiled program calls, whose layers' work they do, and how long each takes."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...graph import LayerGraph
from ..runner import LayerTimes
from .code import SOURCES, Compiled, names_in

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


def with_sums(graph: LayerGraph, weighted: Collection[str], kernels: Sequence[Kernel]) -> list[Kernel]:
    """The same kernels, where one that adds to a linear layer's sums is said to compute both.

    In the code it stands for the addition alone.

    Parameters
    ----------
    weighted : collection of str
        Layers with a weight in whole numbers.
    """
    own = (tuple(layer for layer in kernel.layers if layer in weighted) for kernel in kernels
           if kernel.event.startswith(INTEGER) and not kernel.adds)  # fmt: skip
    has_own = {layers[-1] for layers in own if layers}
    found = []
    for kernel in kernels:
        last = kernel.layers[-1:]
        if kernel.adds and last and last[0] not in weighted:
            makers = (graph.producer.get(graph.origin(name)) for name in graph.by_id[last[0]].inputs)
            inside = [m.id for m in makers if m is not None and m.id in weighted and m.id not in has_own]
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


def layer_times(graph: LayerGraph, kernels: Sequence[Kernel], runs: Sequence[Sequence[float]]) -> LayerTimes:
    """What each kernel takes put down to a layer: the last of those that it computes; the others are inside it.

    A kernel that only quantizes or dequantizes belongs to the border between the value's layer (or the
    model's input) and the first layer that reads it.
    """
    if not runs:
        return LayerTimes()
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
            between = _between(graph, kernel)
            owner = next((layer for layer in reversed(between) if layer in graph.by_id), "")
            boundaries[between] = [a + b for a, b in zip(boundaries[between], times, strict=True)]
        us[owner] = [a + b for a, b in zip(us[owner], times, strict=True)]
    # What has a kernel of its own is not inside another's.
    return LayerTimes(dict(us), dict(boundaries), {one: two for one, two in inside.items() if one not in us})


def _between(graph: LayerGraph, kernel: Kernel) -> tuple[str, str]:
    """The layer or model input whose value a kernel rounds, and the layer that reads it, or ``output``."""
    source = next((one for one in kernel.rounds if one in graph.by_id), "")
    given = next((one for one in kernel.rounds if one in graph.input_names), graph.input_names[0])
    value = graph.by_id[source].value if source else given
    readers = [layer for layer in graph.consumers.get(value, ()) if not layer.transparent]
    return source or value, readers[0].id if readers else "output"
