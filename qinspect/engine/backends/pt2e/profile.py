"""Times of kernels put down to layers and borders."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence

from ...graph import LayerGraph
from ..runner import LayerTimes
from .inductor import Compiled
from .kernels import Kernel, kernels_in, with_sums


def layers_kernels(graph: LayerGraph, weighted: Collection[str], program: Compiled) -> list[Kernel]:
    """The kernels that a program calls, in order, with all that they compute.

    Parameters
    ----------
    weighted : collection of str
        Layers with a weight in whole numbers.
    """
    return with_sums(kernels_in(program), weighted, sums_read(graph, weighted))


def sums_read(graph: LayerGraph, weighted: Collection[str]) -> dict[str, list[str]]:
    """By each layer that reads values of these layers: whose, in the order of its inputs."""
    found: dict[str, list[str]] = {}
    for layer in graph.layers:
        makers = (graph.producer.get(graph.origin(name)) for name in layer.inputs)
        if of := [maker.id for maker in makers if maker is not None and maker.id in weighted]:
            found[layer.id] = of
    return found


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
