"""Times of kernels put down to layers and borders."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ...graph import LayerGraph
from ..runner import LayerTimes
from .inductor import Compiled
from .kernels import Kernel, kernels_in, put_down, with_sums


def layers_kernels(graph: LayerGraph, weighted: Collection[str], program: Compiled) -> list[Kernel]:
    """The kernels that a program calls, in order, with all that they compute.

    Parameters
    ----------
    weighted : collection of str
        Layers with a weight in integers.
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


def readers(graph: LayerGraph) -> dict[str, str]:
    """The first layer that reads each model input and each layer's value, or ``output``."""
    values = {**{name: name for name in graph.input_names}, **{layer.id: layer.value for layer in graph.layers}}
    found = {}
    for name, value in values.items():
        of = (layer.id for layer in graph.consumers.get(value, ()) if not layer.transparent)
        found[name] = next(of, "output")
    return found


def layer_times(graph: LayerGraph, kernels: Sequence[Kernel], runs: Sequence[Sequence[float]]) -> LayerTimes:
    """`kernels.put_down`, by the layers of a graph."""
    if not runs:
        return LayerTimes()
    found = put_down(kernels, runs, readers(graph))
    return LayerTimes(found.us, found.boundaries, found.inside)
