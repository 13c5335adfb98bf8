"""The canonical layer graph: plain data that every later step reads."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch.utils._pytree import TreeSpec


@dataclass(frozen=True, slots=True)
class Ref:
    """An argument that is the value of another layer or of a model input."""

    value: str


@dataclass(frozen=True, slots=True)
class Param:
    """An argument that is a stored tensor (weight, bias, running statistic, constant)."""

    key: str


OPAQUE = "qinspect.engine.opaque.run"
"""The target of a layer that runs a sub-module's own code."""


@dataclass(frozen=True)
class TensorSpec:
    """A model input.

    Parameters
    ----------
    name : str
    shape : tuple of int or None
        None is free to vary: on axis 0 the batch, elsewhere a length.
    dtype : str
    sizes : tuple of int
        The shape in the example that the model was traced with; empty where it is not known.
    """

    name: str
    shape: tuple[int | None, ...]
    dtype: str
    sizes: tuple[int, ...] = ()

    def sized(self, batch: int, times: int = 1) -> tuple[int, ...]:
        """A whole shape: `batch` samples where that is free, other free axes `times` as long as in the example."""
        known = self.sizes or (1,) * len(self.shape)
        free = (batch, *(size * times for size in known[1:]))
        return tuple(size if wanted is None else wanted for wanted, size in zip(self.shape, free, strict=False))


@dataclass(frozen=True)
class Layer:
    """One operator of the canonical graph.

    Parameters
    ----------
    id : str
        Stable identity, ``module.path:op`` with ``@n`` for the n-th call of a shared module
        and ``#k`` for the k-th operator of that kind in the module.
    path : str
        The module's path, empty for the root.
    op : str
        One of a closed list, as torch.nn.functional names it, or ``other``.
    target : str
        The ATen operator that computes it, such as ``aten.conv2d.default``.
    args, kwargs : tuple
        The operator's arguments; tensors stand as `Ref` and `Param`.
    roles : mapping
        What the stored tensors are for: ``weight``, ``bias``, ... to their keys.
    source : str | None
        ``file.py:line`` of the author's code.
    shape, dtype : tuple, str
        Of the (first) output, for the example batch.
    macs : int
        Multiply-adds for one sample.
    transparent : bool
        Moves or renames values and computes nothing: it has no quantizer of its own.
    free : tuple of int
        Axes of the (first) output whose length follows the batch.
    fused : tuple of Layer
        Layers absorbed into this one, in the order in which they follow it. Folded ones
        (a BatchNorm that went into the weights) are not executed.
    folded : tuple of str
        Ids in `fused` that live on in the parameters only.
    before : tuple of str
        Ids in `fused` that came in front of this layer (a padding, a BatchNorm).
    """

    id: str
    path: str
    op: str
    target: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    shape: tuple[int, ...] = ()
    dtype: str = "float32"
    macs: int = 0
    transparent: bool = False
    free: tuple[int, ...] = ()
    fused: tuple[Layer, ...] = ()
    folded: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @cached_property
    def value(self) -> str:
        """Name of the value that this layer hands on: its own id, or the last absorbed layer's."""
        behind = [layer.id for layer in self.fused if layer.id not in self.before]
        return behind[-1] if behind else self.id

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the values that it reads, in order, each once."""
        own = [ref.value for ref in refs(self.args)] + [ref.value for ref in refs(dict(self.kwargs))]
        inside = {self.id} | {layer.id for layer in self.fused}
        for layer in self.executed:
            own += [name for name in layer.inputs if name not in inside]
        return tuple(dict.fromkeys(own))

    @property
    def operator(self) -> str:
        """Its operator for people: torch's own name where it is none of the closed list."""
        if self.op != "other":
            return self.op
        parts = self.target.split(".")
        return parts[1] if parts[0] == "aten" else parts[-1]

    @property
    def executed(self) -> tuple[Layer, ...]:
        """The absorbed layers that are still computed, such as a fused ReLU."""
        return tuple(layer for layer in self.fused if layer.id not in self.folded)


def refs(tree: Any) -> Iterator[Ref]:
    """All `Ref` in a nested structure of tuples, lists and dictionaries, in order."""
    if isinstance(tree, Ref):
        yield tree
    elif isinstance(tree, (tuple, list)):
        for item in tree:
            yield from refs(item)
    elif isinstance(tree, Mapping):
        for item in tree.values():
            yield from refs(item)


def replace(tree: Any, make: Any) -> Any:
    """Copy of a nested structure with every `Ref` and `Param` replaced by ``make(leaf)``."""
    if isinstance(tree, (Ref, Param)):
        return make(tree)
    if isinstance(tree, tuple):
        return tuple(replace(item, make) for item in tree)
    if isinstance(tree, list):
        return [replace(item, make) for item in tree]
    if isinstance(tree, Mapping):
        return {key: replace(item, make) for key, item in tree.items()}
    return tree


def containers(spec: TreeSpec, leaves: Sequence[Any]) -> Any:
    """What a specification nests, in plain tuples, lists and dictionaries; nothing of its author's runs.

    Parameters
    ----------
    spec : TreeSpec
    leaves : sequence
        As many as it has.
    """
    if spec.is_leaf():
        return leaves[0]
    found: list[Any] = []
    start = 0
    for child in spec.children():
        found.append(containers(child, leaves[start : start + child.num_leaves]))
        start += child.num_leaves
    if spec.type is list:
        return found
    names = spec.context
    if isinstance(names, (list, tuple)) and len(names) == 2 and isinstance(names[0], (list, tuple)):
        names = names[0]  # a dataclass: the fields that are there, and those that are None
    keyed = isinstance(names, (list, tuple)) and len(names) == len(found) > 0
    if keyed and all(isinstance(name, (str, int)) for name in names):
        return dict(zip(names, found, strict=True))
    return tuple(found)


@dataclass(frozen=True, eq=False)
class LayerGraph:
    """Layers in the order in which they run, with the tensors they need.

    Parameters
    ----------
    inputs : tuple of TensorSpec
        The model's inputs; their names are value names.
    layers : tuple of Layer
        In execution order.
    outputs : nested structure
        What the model returns, with `Ref` where values stand.
    params : mapping of str to torch.Tensor
        Stored tensors by key.
    statistics : mapping of value name to str
        Names that calibration has for values that are not those of the author's model, but scaled.
    """

    inputs: tuple[TensorSpec, ...]
    layers: tuple[Layer, ...]
    outputs: Any
    params: Mapping[str, torch.Tensor]
    statistics: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> Mapping[str, Layer]:
        """Every layer by its id, absorbed ones included."""
        found = {layer.id: layer for layer in self.layers}
        for layer in self.layers:
            found.update({inner.id: inner for inner in layer.fused})
        return found

    @cached_property
    def producer(self) -> Mapping[str, Layer]:
        """The layer that hands on each value."""
        return {layer.value: layer for layer in self.layers}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Layer, ...]]:
        """The layers that read each value."""
        found: dict[str, list[Layer]] = {}
        for layer in self.layers:
            for name in layer.inputs:
                found.setdefault(name, []).append(layer)
        return {name: tuple(layers) for name, layers in found.items()}

    def origin(self, value: str) -> str:
        """The value of which this one is a view: its own name where it was computed, or is a model input."""
        producer = self.producer.get(value)
        while producer is not None and producer.transparent and producer.inputs:
            value = producer.inputs[0]
            producer = self.producer.get(value)
        return value

    @cached_property
    def dtypes(self) -> Mapping[str, str]:
        """dtype of each value; ``tuple`` where an operator has several results, Python's own name of a size."""
        found = {spec.name: spec.dtype for spec in self.inputs}
        return found | {layer.value: layer.dtype for layer in self.layers}

    def data(self, layer: Layer) -> tuple[str, ...]:
        """The float values that a layer reads: not sizes, indices, or an operator's several results."""
        return tuple(name for name in layer.inputs if self.dtypes[name].startswith(("float", "bfloat")))

    @cached_property
    def opaque(self) -> tuple[Layer, ...]:
        """Layers that run a sub-module's own code, since it could not be traced."""
        return tuple(layer for layer in self.layers if layer.target == OPAQUE)

    @cached_property
    def live_values(self) -> int:
        """Largest number of values that live at the same time while one sample (of a fixed batch: all) passes."""
        last = {name: place for place, layer in enumerate(self.layers) for name in layer.inputs}
        live = {spec.name: math.prod(spec.sized(1)) for spec in self.inputs}
        most = sum(live.values())
        for place, layer in enumerate(self.layers):
            made = math.prod(layer.shape)
            live[layer.value] = made
            # An absorbed activation writes a second value beside the first, and an eighth is copied to be counted.
            most = max(most, sum(live.values()) + made * (1 + len(layer.executed)))
            for name in layer.inputs:
                if last[name] == place and name not in self.output_values:
                    live.pop(name, None)
        return most

    @cached_property
    def output_values(self) -> tuple[str, ...]:
        """Names of the values that the model returns, in order."""
        return tuple(ref.value for ref in refs(self.outputs))

    @cached_property
    def output_makers(self) -> tuple[str, ...]:
        """Ids of the layers that compute what the model returns."""
        origins = dict.fromkeys(self.origin(value) for value in self.output_values)
        return tuple(self.producer[value].id for value in origins if value in self.producer)

    @cached_property
    def input_names(self) -> tuple[str, ...]:
        return tuple(spec.name for spec in self.inputs)

    def weight(self, layer: Layer) -> torch.Tensor | None:
        """The layer's weight tensor, or None where it has none."""
        key = layer.roles.get("weight")
        return None if key is None else self.params[key]

    def bias(self, layer: Layer) -> torch.Tensor | None:
        """The layer's bias, or None."""
        key = layer.roles.get("bias")
        return None if key is None else self.params[key]

    def pruned(self) -> LayerGraph:
        """Without stored tensors that nothing reads."""
        used: set[str] = set()

        def note(leaf: Ref | Param) -> Ref | Param:
            if isinstance(leaf, Param):
                used.add(leaf.key)
            return leaf

        for layer in self.layers:
            for part in (layer, *layer.executed):
                replace((part.args, dict(part.kwargs)), note)
        replace(self.outputs, note)
        return dataclasses.replace(self, params={key: self.params[key] for key in self.params if key in used})
