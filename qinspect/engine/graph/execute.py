"""Running a layer graph."""

from __future__ import annotations

import importlib
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils._python_dispatch import TorchDispatchMode

from ..problem import Problem, line_of
from ..text import Text
from . import Layer, LayerGraph, Param, Ref, replace
from .memory import Shortage, ran_out

Hook = Callable[[Layer, torch.Tensor], torch.Tensor]
"""Given a layer and the value it hands on; returns what its readers get."""


@cache
def function(target: str) -> Callable[..., Any]:
    """The callable that a target names: ``aten.conv2d.default`` or ``_operator.mul``."""
    head, _, name = target.rpartition(".")
    if target in ("aten.view.default", "aten._unsafe_view.default"):
        # A copy that made the values contiguous before it may be gone, and channels_last is not contiguous.
        return torch.ops.aten.reshape.default
    if target.startswith(("aten.", "quantized_decomposed.", "prims.", "higher_order.")):
        namespace, opname, overload = target.split(".", 2)
        return getattr(getattr(getattr(torch.ops, namespace), opname), overload)
    if head in ("_operator", "operator"):
        return getattr(operator, name)
    return getattr(importlib.import_module(head), name)


def by_onednn(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Arguments of a two-dimensional convolution, with which torch computes it fast for few samples too.

    With fewer than 16 samples and one thread torch takes a way for 1x1 kernels that is half as fast as
    oneDNN's. A kernel of one value has the same result for any dilation, and one of 2 gets it to oneDNN.
    """
    x, weight = args[:2]
    stride, dilation, groups = (args[i] if i < len(args) else 1 for i in (3, 5, 6))
    plain = groups == 1 and all(number in (1, [1, 1], (1, 1)) for number in (stride, dilation))
    if not plain or tuple(weight.shape[2:]) != (1, 1) or not 1 < x.shape[0] < 16:
        return args
    return (*(*args, *(None, 1, 0, 1, 1)[len(args) - 2 :])[:5], [2, 2], 1)


NEW = frozenset({"conv1d", "conv2d", "conv3d", "linear", "add"})
"""Operators whose results are nobody else's: what comes next in the same layer may overwrite them, which spares a pass
through memory (no layer but the one that absorbed it reads what it reads)."""

_IN_PLACE = {
    f"aten.{name}.default": f"aten.{name}_.default"
    for name in ("relu", "relu6", "hardtanh", "clamp", "hardswish", "silu", "hardsigmoid", "leaky_relu")
}


_NONE: Mapping[str, torch.Tensor] = {}


class ShapesOnly(TorchDispatchMode):
    """While it lasts, what makes tensors from sizes alone makes them without values, on the meta device."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if any(argument.name == "device" for argument in func._schema.arguments):
            kwargs["device"] = torch.device("meta")
        return func(*args, **kwargs)


class Executor:
    """A graph made ready to run many times.

    Parameters
    ----------
    graph : LayerGraph
        What to run.
    params : mapping, optional
        Tensors to use in place of the graph's, by key.
    channels_last : bool
        Keep four-dimensional tensors in the layout in which convolutions are fastest.
    """

    def __init__(
        self,
        graph: LayerGraph,
        params: Mapping[str, torch.Tensor] | None = None,
        channels_last: bool = False,
    ) -> None:
        self.graph = graph
        self.params = {**graph.params, **(params or {})}
        self.channels_last = channels_last
        if channels_last:
            for layer in graph.layers:
                key = layer.roles.get("weight")
                if layer.op == "conv2d" and key is not None:
                    self.params[key] = self.params[key].contiguous(memory_format=torch.channels_last)
        last = {name: index for index, layer in enumerate(graph.layers) for name in layer.inputs}
        for name in graph.output_values:
            last.pop(name, None)
        self._steps = [
            (layer, tuple(name for name in layer.inputs if last.get(name) == index))
            for index, layer in enumerate(graph.layers)
        ]

    def _more_memory(self) -> Text:
        if not self.graph.opaque:
            return Text("Close other programs, or use smaller inputs.")
        return Text(
            "Does the code of {layers} keep tensors, in a list say? Else close other programs, or use smaller inputs.",
            layers=", ".join(layer.id for layer in self.graph.opaque),
        )

    def compute(
        self,
        layer: Layer,
        values: Mapping[str, Any],
        parts: int | None = None,
        swapped: Mapping[str, torch.Tensor] = _NONE,
    ) -> Any:
        """The value that one layer hands on, absorbed activations included.

        Parameters
        ----------
        layer : Layer
        values : mapping
            What it reads, by name.
        parts : int, optional
            Stop after so many of its own operator and the absorbed ones that are computed.
        swapped : mapping
            Tensors to use in place of these parameters, by key.
        """
        local: dict[str, Any] = {}

        def leaf(item: Ref | Param) -> Any:
            if isinstance(item, Param):
                return swapped[item.key] if item.key in swapped else self.params[item.key]
            return local[item.value] if item.value in local else values[item.value]

        before, result = "", None
        chain = (layer, *layer.executed)[:parts]
        for index, part in enumerate(chain):
            args = tuple(_filled(item, leaf) for item in part.args)
            kwargs = {key: _filled(item, leaf) for key, item in part.kwargs.items()}
            if self.channels_last and part.op == "conv2d" and not kwargs:
                args = by_onednn(args)
            target = part.target
            if before in NEW and target in _IN_PLACE and args[0] is result and not result.requires_grad:
                # A curve of several operators may read its argument again.
                again = any(local.get(name) is result for later in chain[index + 1 :] for name in later.inputs)
                target = target if again else _IN_PLACE[target]
            try:
                result = function(target)(*args, **kwargs)
            except Problem:
                raise
            except Exception as error:
                if ran_out(error):
                    raise Shortage(layer.id, Text("memory ran out"), self._more_memory()) from error
                raise _cannot_run(layer.id, part, args, error) from error
            before = part.op
            local[part.id] = result
            for folded in layer.fused:
                if folded.id in layer.folded:
                    local[folded.id] = result
        return result

    def run_layer(self, layer: Layer, values: Mapping[str, Any]) -> Any:
        """What `__call__` does for one layer; other arithmetic puts itself in here."""
        return self.compute(layer, values)

    def __call__(self, inputs: Sequence[torch.Tensor], hook: Hook | None = None) -> Any:
        """Run the graph.

        Parameters
        ----------
        inputs : sequence of torch.Tensor
            In the order of ``graph.inputs``.
        hook : Hook, optional
            Called with every layer and its value.
        """
        values: dict[str, Any] = {}
        for spec, tensor in zip(self.graph.inputs, inputs, strict=True):
            if self.channels_last and tensor.dim() == 4:
                tensor = tensor.contiguous(memory_format=torch.channels_last)
            values[spec.name] = tensor
        for layer, dead in self._steps:
            value = self.run_layer(layer, values)
            if hook is not None and isinstance(value, torch.Tensor):
                value = hook(layer, value)
            values[layer.value] = value
            for name in dead:
                del values[name]
        return replace(
            self.graph.outputs, lambda leaf: self.params[leaf.key] if isinstance(leaf, Param) else values[leaf.value]
        )


def _cannot_run(layer_id: str, part: Layer, args: tuple[Any, ...], error: Exception) -> Problem:
    """What an operator's exception means; an embedding says nothing of its range."""
    if part.op == "embedding" and isinstance(error, IndexError):
        table, index = args[:2]
        return Problem(
            layer_id,
            Text(
                "its table has {rows} rows, and it is given indices from {least} to {most}",
                rows=len(table),
                least=int(index.min()),
                most=int(index.max()),
            ),
            Text("Give indices from 0 to {last}; they may be another tokenizer's.", last=len(table) - 1),
        )
    line = line_of(error, 200)
    return Problem(layer_id, Text("cannot run: {line}", line=line), Text("Does the data have the model's input shape?"))


def _filled(item: Any, leaf: Callable[[Any], Any]) -> Any:
    """`replace`, without a walk through what is plainly a leaf or a number."""
    if isinstance(item, (Ref, Param)):
        return leaf(item)
    return replace(item, leaf) if isinstance(item, (tuple, list, Mapping)) else item


def outputs_of(result: Any) -> list[torch.Tensor]:
    """The tensors in a model's result, in order."""
    return [leaf for leaf in torch.utils._pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]


def one_after_the_other(batches: Iterable[Sequence[NDArray[Any]]]) -> list[NDArray[Any]]:
    """Every output over all batches, joined along the first axis.

    Where samples of different shapes have outputs of different shapes, those are filled up with zeros to the
    largest: two models' outputs differ by nothing there.
    """
    return [_joined(parts) for parts in zip(*batches, strict=True)]


def _joined(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    if len({part.shape[1:] for part in parts}) == 1 or len({part.ndim for part in parts}) > 1:
        return np.concatenate(parts)
    largest = [max(sizes) for sizes in zip(*(part.shape[1:] for part in parts), strict=True)]
    joined = np.zeros((sum(map(len, parts)), *largest), parts[0].dtype)
    start = 0
    for part in parts:
        joined[(slice(start, start + len(part)), *map(slice, part.shape[1:]))] = part
        start += len(part)
    return joined


def samples_of(inputs: Sequence[torch.Tensor]) -> int:
    """How many samples a model's inputs are of."""
    return int(inputs[0].shape[0]) if inputs[0].dim() else 1


PORTION_BYTES = 16 << 20
"""Largest value that a portion may make: it stays in the processor's cache, and the allocator uses its room again."""


def portions(
    graph: LayerGraph,
    inputs: Sequence[torch.Tensor],
    limit: int = PORTION_BYTES,
    kept: int | None = None,
    most: int | None = None,
) -> list[tuple[torch.Tensor, ...]]:
    """A batch in portions of as many samples as pass through the layers fast.

    Values that fit into the cache are written and read several times faster than those of a large
    batch, whose memory the system hands out anew, page by page, every time.

    Parameters
    ----------
    graph : LayerGraph
        Where its batch is fixed, or its inputs do not agree on one, the batch stays whole.
    inputs : sequence of torch.Tensor
        Batch first.
    limit : int
        Bytes of the largest value of a portion; one sample is the least.
    kept : int, optional
        Bytes of all its values together, where they are kept at the same time.
    most : int, optional
        Samples of a portion at most.
    """
    whole = [tuple(inputs)]
    free = [bool(spec.shape) and spec.shape[0] is None for spec in graph.inputs]
    sizes = {int(t.shape[0]) for t, split in zip(inputs, free, strict=True) if split}
    if not free or not all(free) or len(sizes) != 1:
        return whole
    size = sizes.pop()
    of_sample = [4 * math.prod(shape) for shape in (*(layer.shape for layer in graph.layers), inputs[0].shape[1:])]
    fitting = max(1, limit // max(1, *of_sample))
    if kept is not None:
        fitting = max(1, min(fitting, kept // max(1, sum(of_sample))))
    if most is not None:
        fitting = max(1, min(fitting, most))
    # Of about equal size, so that the last one is not a small rest.
    count = math.ceil(size / fitting)
    if count <= 1:
        return whole
    return list(zip(*(torch.tensor_split(t, count) for t in inputs), strict=True))
