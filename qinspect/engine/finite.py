"""What is NaN or infinite in the float model: no figure means anything then, and the layer is to be named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import torch

from .calibrate import Calibration, calibrate
from .data import Dataset
from .feed import checked_batches
from .graph import LayerGraph
from .graph.execute import Executor, outputs_of
from .problem import Problem
from .statistics import TensorStats
from .text import Text


def nonfinite(tensors: Mapping[str, TensorStats], graph: LayerGraph) -> tuple[str, ...]:
    """Names of values that were NaN or infinite, first those that are computed first; not of what a mask made so."""
    found = {name for name, stats in tensors.items() if stats.nonfinite}
    meant = _masks(graph, found)
    order = (*graph.input_names, *(layer.value for layer in graph.layers))
    return tuple(name for name in order if name in found - meant)


def demand_answers(
    outputs: Sequence[torch.Tensor],
    model: str,
    graph: LayerGraph,
    data: Dataset,
    indices: Sequence[int],
    size: int,
) -> None:
    """The float model's outputs are numbers.

    Parameters
    ----------
    outputs : sequence of torch.Tensor
        Of these samples.
    model : str
        Its source, for the message.
    graph : LayerGraph
        The float model, fused or not.
    size : int
        Samples of a batch.

    Raises
    ------
    Problem
        Where one is not: with the first sample and layer.
    """
    if not _are_answers(outputs):
        raise _broken(model, graph, data, indices, size)


def demand_calibrated(
    calibration: Calibration, model: str, graph: LayerGraph, data: Dataset, indices: Sequence[int], size: int
) -> None:
    """`demand_answers` of what went by while statistics were gathered."""
    known = calibration.of(graph).tensors
    outputs = [known[name] for value in graph.output_values if (name := graph.origin(value)) in known]
    ends = [torch.tensor([stats.min, stats.max]) for stats in outputs]
    if not _are_answers(ends):
        raise _broken(model, graph, data, indices, size)


def _are_answers(outputs: Sequence[torch.Tensor]) -> bool:
    return all(bool(output.isfinite().all()) for output in outputs)


def _broken(model: str, graph: LayerGraph, data: Dataset, indices: Sequence[int], size: int) -> Problem:
    """Run the samples again, up to the first that is answered so."""
    what = Text("the float model's output is NaN or infinite")
    remedy = Text("Look for what divides by 0, overflows or takes the logarithm of 0, or leave such samples out.")
    executor, done = Executor(graph), 0
    with torch.inference_mode():
        for inputs, _ in checked_batches(graph, data, indices, size):
            outputs = outputs_of(executor(inputs))
            if not _are_answers(outputs):
                rows = range(len(inputs[0]))
                by_sample = ([o[row] for o in outputs if len(o) == len(rows)] for row in rows)
                row = next((row for row, of_one in enumerate(by_sample) if not _are_answers(of_one)), 0)
                what = Text("{what} for {sample}", what=what, sample=data.names[indices[done + row]])
                if first := nonfinite(calibrate(graph, [inputs]).tensors, graph)[:1]:
                    layer = graph.producer.get(first[0])
                    place = f"{first[0]} ({layer.source})" if layer is not None and layer.source else first[0]
                    what = Text("{what}, and the first layer whose values are so is {layer}", what=what, layer=place)
                    remedy = Text("Mend that layer, or leave such samples out.")
                break
            done += len(inputs[0])
    return Problem(model, what, remedy)  # code with a state of its own may give numbers when it is run again


def _masks(graph: LayerGraph, found: AbstractSet[str]) -> set[str]:
    """Of values that are infinite in places those that an attention mask makes so, before a softmax takes them away."""
    meant: set[str] = set()
    for layer in graph.layers:
        before = {graph.origin(name) for name in layer.inputs} & found
        fills = layer.target.startswith(("aten.masked_fill", "aten.where"))
        if layer.id in found and before <= meant and (fills or (before and (layer.op == "add" or layer.transparent))):
            meant.add(layer.id)
    return meant
