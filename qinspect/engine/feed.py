"""What goes into a model: batches whose indices exist, and the user's own model run on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from .data import Dataset, batches
from .graph import LayerGraph, Param
from .graph.execute import outputs_of
from .graph.memory import Growth, Shortage, ran_out
from .load import Model
from .load.own_process import Running
from .problem import Problem
from .process.guest import Raised
from .progress import Cancelled, Report, silent
from .source import is_callable
from .text import Text


def row_limits(graph: LayerGraph) -> Mapping[str, tuple[str, int]]:
    """By input that an embedding looks up: the embedding with the fewest rows, and how many they are."""
    found: dict[str, tuple[str, int]] = {}
    inputs = set(graph.input_names)
    for layer in graph.layers:
        if layer.op != "embedding" or not isinstance(layer.args[0], Param) or not layer.inputs:
            continue
        name = graph.origin(layer.inputs[0])
        rows = int(graph.params[layer.args[0].key].shape[0])
        if name in inputs and rows < found.get(name, ("", rows + 1))[1]:
            found[name] = layer.id, rows
    return found


def checked_batches(
    graph: LayerGraph, data: Dataset, indices: Sequence[int], size: int, who: str = ""
) -> Iterator[tuple[tuple[torch.Tensor, ...], Any]]:
    """`batches`, whose indices (token ids, say) are rows of the embeddings that look them up.

    Parameters
    ----------
    who : str
        Whose code runs on them beside the graph's, for what is said of memory that is kept.

    Raises
    ------
    Problem
        Naming the sample, the input, the index and the legal range; and where what runs on the batches keeps memory
        until there is hardly any.
    """
    limits, where = row_limits(graph), data.spec.source
    growth = Growth()
    done = 0
    for inputs, labels in batches(data, indices, size):
        for spec, tensor in zip(graph.inputs, inputs, strict=True):
            if spec.name not in limits or tensor.is_floating_point():
                continue
            layer, rows = limits[spec.name]
            wrong = ((tensor < 0) | (tensor >= rows)).nonzero()
            if len(wrong):
                first = wrong[0].tolist()
                raise Problem(
                    data.spec.source,
                    Text(
                        "{sample} holds {index} in {input}, but {layer} has {rows} rows",
                        sample=data.names[indices[done + first[0]]],
                        index=int(tensor[tuple(first)]),
                        input=spec.name,
                        layer=layer,
                        rows=rows,
                    ),
                    Text("Give indices from 0 to {last}; they may be another tokenizer's.", last=rows - 1),
                )
        done += len(inputs[0])
        yield inputs, labels
        if remaining := math.ceil((len(indices) - done) / size):
            suspects = (who, *(layer.path for layer in graph.opaque), where if is_callable(where) else "")
            growth.check(", ".join(filter(None, dict.fromkeys(suspects))) or Text("memory"), remaining)


def float_outputs(
    model: Model, inputs: Sequence[torch.Tensor], names: Sequence[str] = (), report: Report = silent
) -> list[torch.Tensor]:
    """What the user's own model gives for a batch; one that does not fit into the memory goes through in halves.

    Parameters
    ----------
    names : sequence of str
        Of the samples, for what is said of them.
    report : Report
        Called while a model in a process of its own runs; where it raises, that process is killed.

    Raises
    ------
    Shortage
        Where one sample alone does not fit.
    Problem
        Where the model's code raises anything else: with the first sample for which it does, and the message.
    """
    try:
        if isinstance(model.forward, Running):
            return model.forward(*inputs, report=report)
        return outputs_of(model.forward(*inputs))
    except Cancelled:
        raise
    except Exception as error:
        if isinstance(error, Problem) and not isinstance(error, Shortage):
            raise
        if not isinstance(error, Shortage) and not ran_out(error):
            raise _fault(model, inputs, names, error) from error
        half = len(inputs[0]) // 2
        if not half or not model.dynamic_batch:
            remedy = Text("Close other programs, or open the model with a smaller --input-shape.")
            if isinstance(model.forward, Running):
                model.forward.rest()  # with the memory that it keeps
                remedy = Text(
                    "Does its code keep tensors, in a list say? Else close other programs, or open the model with a "
                    "smaller --input-shape."
                )
            raise Shortage(model.spec.source, Text("memory ran out while the float model ran"), remedy) from error
    # Here the exception is gone, and with it what its frames held.
    parts = (
        float_outputs(model, [t[:half] for t in inputs], names[:half], report),
        float_outputs(model, [t[half:] for t in inputs], names[half:], report),
    )
    return [torch.cat(pair) for pair in zip(*parts, strict=True)]


def _fault(model: Model, inputs: Sequence[torch.Tensor], names: Sequence[str], error: Exception) -> Problem:
    """What the model's code raised, and for which sample, where its batch is free to try them one by one."""
    sample = names[0] if len(names) == 1 else ""
    for place, name in enumerate(names if len(names) > 1 and model.dynamic_batch else ()):
        try:
            model.forward(*(t[place : place + 1] for t in inputs))
        except Exception as alone:
            sample, error = name, alone
            break
    raised = Raised.of(error)
    what = Text("the float model raises {kind} ({said})", kind=raised.kind, said=raised.said)
    if sample:
        what = Text("{what} for {sample}", what=what, sample=sample)
    shapes = ", ".join(f"{tuple(t.shape)} {str(t.dtype).removeprefix('torch.')}" for t in inputs)
    return Problem(
        raised.line or model.spec.source,
        what,
        Text("Does the model take such inputs? They are {shapes} here.", shapes=shapes),
    )
