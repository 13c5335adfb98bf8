"""The distinct ways in which plans round each layer of a graph."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..graph import Layer, LayerGraph, refs
from ..graph.execute import Executor
from ..graph.recurrent import RECURRENT, matrices
from ..plan.qconfig import TensorConfig
from ..qparams import QParams, dynamic_qparams
from ..quantize import Quantization
from ..simulate import Simulation

Way = tuple[str, Hashable]
"""``(kind, key)``: the kind is ``read`` (the key names the input as well), ``weight`` or ``output``."""


@dataclass(frozen=True)
class NoisyLayer:
    """A layer that some plan rounds.

    Parameters
    ----------
    layer : Layer
    reads : mapping of key to QParams or TensorConfig
        How inputs that are not on a grid are rounded; a qconfig where that is decided at run time.
    weights : mapping of key to (torch.Tensor, torch.Tensor or None)
        Rounded weights, with the biases that go with them.
    outputs : mapping of key to QParams
        How the value that it hands on is rounded.
    recurrent : mapping of key to Simulation
        What runs a dynamic LSTM or GRU, which rounds its own state at every step: its ``weight`` and ``read`` ways.
    used : mapping of str to tuple of Way
        The ways of each plan that rounds it.
    """

    layer: Layer
    reads: dict[tuple[str, Hashable], QParams | TensorConfig]
    weights: dict[Hashable, tuple[torch.Tensor, torch.Tensor | None]]
    outputs: dict[Hashable, QParams]
    recurrent: dict[Hashable, Simulation]
    used: dict[str, tuple[Way, ...]]


class Noises:
    """What every layer's rounding adds to float values, for several plans on one graph.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    variants : mapping of str to Quantization
    only : frozenset of str, optional
        Ids of the layers to look at; all otherwise.
    """

    def __init__(self, graph: LayerGraph, variants: Mapping[str, Quantization], only: frozenset[str] | None) -> None:
        self._executor = Executor(graph, channels_last=True)
        self._producer = graph.producer
        self.layers: dict[str, NoisyLayer] = {}
        for layer in graph.layers:
            if layer.transparent or (only is not None and layer.id not in only):
                continue
            found = NoisyLayer(layer, {}, {}, {}, {}, {})
            for name, q in variants.items():
                if layer.id in q.rounding:
                    found.used[name] = _enter(found, q)
            if found.used:
                self.layers[layer.id] = found

    def of_value(self, name: str, reader: Layer | None) -> list[tuple[str, Way, QParams | TensorConfig]]:
        """How a value is rounded where it is made, and where a layer reads it: layer id, way and numbers."""
        found: list[tuple[str, Way, QParams | TensorConfig]] = []
        maker = self._producer.get(name)
        if maker is not None and maker.id in self.layers:
            found += [(maker.id, ("output", key), params) for key, params in self.layers[maker.id].outputs.items()]
        if reader is not None and reader.id in self.layers:
            reads = self.layers[reader.id].reads
            found += [(reader.id, ("read", key), how) for key, how in reads.items() if key[0] == name]
        return found

    def with_weight(self, layer: Layer, key: Hashable, values: Mapping[str, Any]) -> Any:
        """The layer's value with one of its rounded weights."""
        weight, bias = self.layers[layer.id].weights[key]
        swapped = {layer.roles["weight"]: weight}
        if bias is not None:
            swapped[layer.roles["bias"]] = bias
        return self._executor.compute(layer, values, swapped=swapped)


def rounded(value: torch.Tensor, how: QParams | TensorConfig) -> torch.Tensor:
    """A value on its grid."""
    return (dynamic_qparams(value, how) if isinstance(how, TensorConfig) else how).fake_quantize(value)


def _enter(into: NoisyLayer, q: Quantization) -> tuple[Way, ...]:
    layer = into.layer
    used: list[Way] = []
    if layer.op in RECURRENT and layer.id in q.dynamic:
        grids = {name: p for name, p in q.weights.items() if name.rpartition("/")[0] == layer.id}
        places = tuple(tensor.data_ptr() for tensor in matrices(q.graph, layer).values())
        key: Hashable = (q.configs[layer.id], tuple((name, _key(p)) for name, p in grids.items()), places)
        if key not in into.recurrent:
            into.recurrent[key] = Simulation(dataclasses.replace(q, weights=grids), channels_last=True)
        return ("weight", key), ("read", key)
    for name, how in _reads(layer, q).items():
        read = (name, how if isinstance(how, TensorConfig) else _key(how))
        into.reads[read] = how
        used.append(("read", read))
    weight = q.graph.weight(layer)
    if layer.id in q.weights and weight is not None:
        key = (_key(q.weights[layer.id]), weight.data_ptr())  # remedies change weights, too
        if key not in into.weights:
            on_grid = q.weights[layer.id].fake_quantize(weight.detach())
            if on_grid.dim() == 4:
                on_grid = on_grid.contiguous(memory_format=torch.channels_last)
            into.weights[key] = on_grid, q.graph.bias(layer)
        used.append(("weight", key))
    if layer.value in q.values and layer.id in q.quantized:
        key = _key(q.values[layer.value])
        into.outputs[key] = q.values[layer.value]
        used.append(("output", key))
    return tuple(used)


def _reads(layer: Layer, q: Quantization) -> dict[str, QParams | TensorConfig]:
    """How the inputs that a layer itself rounds are rounded."""
    if layer.id in q.dynamic:
        config = q.configs[layer.id].activation
        assert config is not None
        return {ref.value: config for ref in refs(layer.args)}
    if layer.id in q.weight_only:
        return {}
    return {name: q.values[name] for name in layer.inputs if name in q.values and not q.at_origin(name)}


def _key(params: QParams) -> Hashable:
    """Equal for equal numbers."""
    fields = (getattr(params, field.name) for field in dataclasses.fields(params))
    return tuple((f.shape, f.tobytes()) if isinstance(f, np.ndarray) else f for f in fields)
