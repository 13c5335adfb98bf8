"""torch's embedding bags of one size as ONNX's Gather and a reduction."""

from __future__ import annotations

from collections.abc import Sequence

from ...graph import Layer, LayerGraph, Ref

REDUCTIONS: Sequence[str] = ("ReduceSum", "ReduceMean", "ReduceMax")
"""By torch's number of the mode."""


def bags_of_one_size(graph: LayerGraph, layer: Layer) -> str | None:
    """The value (N, words) of whose rows the bags are made; None where they are of other sizes, or weighed.

    torch hands such rows on as one, with the places at which the bags begin.

    Parameters
    ----------
    graph : LayerGraph
    layer : Layer
        ``embedding_bag``.
    """
    words, places = layer.args[1:3]
    rest = (*layer.args[3:], *(False, 0, False, None, False, None)[len(layer.args) - 3 :])
    mode, (weights, last, padding) = rest[1], rest[3:6]
    if not isinstance(words, Ref) or not isinstance(places, Ref) or weights is not None or last:
        return None
    if mode not in range(len(REDUCTIONS)) or padding is not None:
        return None
    flat, begins = graph.producer.get(words.value), graph.producer.get(places.value)
    if flat is None or begins is None or not flat.transparent or list(flat.args[1:]) != [[-1]]:
        return None
    source = flat.inputs[0]
    known = {spec.name: spec.shape for spec in graph.inputs}
    shape = known[source] if source in known else graph.producer[source].shape
    if len(shape) != 2 or begins.target != "aten.arange.start_step":
        return None
    return source if begins.args[0] == 0 and begins.args[2] == shape[1] else None
