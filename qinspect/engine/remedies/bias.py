"""Bias correction: what quantized weights shift on average is taken back in the bias."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..decide import WEIGHTED
from ..graph import Layer
from ..graph.execute import Executor
from ..progress import Report, silent
from ..quantize import Quantization
from ..simulate import Simulation
from ..text import Text


@dataclass
class _Mean:
    total: torch.Tensor | None = None
    count: int = 0

    def add(self, x: torch.Tensor, axis: int) -> None:
        axes = [i for i in range(x.dim()) if i != axis]
        part = x.double().sum(axes)
        self.total = part if self.total is None else self.total + part
        self.count += x.numel() // part.numel()


def correct_biases(
    quantization: Quantization,
    batches: Iterable[Sequence[torch.Tensor]],
    layers: Sequence[str],
    report: Report = silent,
    total: int = 0,
) -> dict[str, torch.Tensor]:
    """New biases that make the mean of every output channel what it is in float.

    ``b' = b + E[W x + b] - E[W_q x_q + b_q]`` per output channel, both on the float model's input x,
    before an activation that is fused (the empirical form of Nagel et al. 2019, section 4.2; borders
    that padding makes are in it).

    Parameters
    ----------
    quantization : Quantization
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    layers : sequence of str
        Ids of layers with a weight; those that are not quantized are passed over.
    report : Report
    total : int
        Number of samples to come, for the report.

    Returns
    -------
    dict of layer id to torch.Tensor
        Shape (output channels,), float32.
    """
    q = quantization
    wanted = {key for key in layers if key in q.weights}
    plain = Executor(q.float_graph, channels_last=True)
    simulation = Simulation(q, channels_last=True)
    means = {key: _Mean() for key in wanted}
    samples = 0
    with torch.inference_mode():
        for inputs in batches:
            samples = _pass(plain, simulation, inputs, wanted, means, report, samples, total)
    found = {}
    for key, mean in means.items():
        layer = q.graph.by_id[key]
        if mean.total is None:
            continue
        bias = q.graph.bias(layer)
        shift = mean.total / mean.count
        found[key] = (shift if bias is None else bias.detach().double() + shift).float()
    return found


def _pass(
    plain: Executor,
    simulation: Simulation,
    inputs: Sequence[torch.Tensor],
    wanted: set[str],
    means: dict[str, _Mean],
    report: Report,
    samples: int,
    total: int,
) -> int:
    size = int(inputs[0].shape[0])
    q = simulation.quantization
    last = {name: index for index, layer in enumerate(q.graph.layers) for name in layer.inputs}
    values: dict[str, Any] = dict(zip(q.graph.input_names, inputs, strict=True))
    for index, layer in enumerate(q.graph.layers):
        report(samples + size * index / len(q.graph.layers), total or samples + size, Text("correcting biases"))
        if layer.id in wanted:
            f = plain.compute(_bare(layer), values)
            rounded = {name: simulation.read(name, values[name]) for name in layer.inputs}
            means[layer.id].add(f - simulation.compute(_bare(layer), rounded), _channel_axis(layer, f))
        values[layer.value] = plain.compute(layer, values)
        for name in layer.inputs:
            if last[name] == index:
                values.pop(name, None)
    return samples + size


def _bare(layer: Layer) -> Layer:
    """The layer without the activations that it absorbed."""
    kept = tuple(item for item in layer.fused if item.id in layer.folded)
    return replace(layer, fused=kept)


def _channel_axis(layer: Layer, value: torch.Tensor) -> int:
    assert layer.op in WEIGHTED
    return value.dim() - 1 if layer.op == "linear" else value.dim() - 1 - int(layer.op[-2])
