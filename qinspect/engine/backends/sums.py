"""Simulations that add up integers, as kernels do, in place of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ..graph import Layer
from ..graph.execute import by_onednn
from ..qparams import QParams
from ..quantize import Quantization
from ..simulate import Simulation

CONVOLUTIONS = {"conv1d": F.conv1d, "conv2d": F.conv2d, "conv3d": F.conv3d}


@dataclass(frozen=True)
class Weighted:
    """A convolution or linear layer in integers.

    Parameters
    ----------
    weight : torch.Tensor
        Integers less their zero points, float32.
    bias : torch.Tensor | None
        In steps of ``input scale * weight scale``, float32, shape (channels,).
    scale : torch.Tensor
        The weight's, float32, in a shape that broadcasts against the sums.
    per_channel : bool
    """

    weight: torch.Tensor
    bias: torch.Tensor | None
    scale: torch.Tensor
    per_channel: bool


class SumSimulation(Simulation):
    """Convolutions and linear layers as exact sums of integers, which are exact in float32 up to 2**24.

    Fake quantization multiplies real numbers and rounds; kernels add up integers and scale the sum
    once. Both round the same result, but where it lies close to the middle of two steps they may differ
    by one. A deep net makes much of little: of MobileNetV2's first convolution two values in a million
    differ, of its outputs three quarters.

    Attributes
    ----------
    weighted : dict of layer id to Weighted
        The layers that are computed so.
    """

    def __init__(self, quantization: Quantization, channels_last: bool = False) -> None:
        super().__init__(quantization, channels_last)
        self.weighted: dict[str, Weighted] = {}
        for layer in quantization.graph.layers:
            whole = quantization.sums_integers(layer) and layer.id not in quantization.why_not
            if whole and (layer.op in CONVOLUTIONS or layer.op == "linear"):
                self.weighted[layer.id] = self._prepare(layer)

    def _prepare(self, layer: Layer) -> Weighted:
        q = self.quantization
        params = q.weights[layer.id]
        weight, bias = q.graph.weight(layer), q.bias_in_steps(layer)
        assert weight is not None
        zero = torch.from_numpy(np.atleast_1d(params.zero_point)).reshape(-1, *[1] * (weight.dim() - 1))
        whole = (params.quantize(weight.detach()) - zero).float()
        if self.channels_last and whole.dim() == 4:
            whole = whole.contiguous(memory_format=torch.channels_last)
        scale = torch.from_numpy(np.atleast_1d(params.scale))
        added = None if bias is None else bias[0].float()
        return Weighted(whole, added, along_channels(scale, layer), params.axis is not None)

    def whole(self, name: str, values: Mapping[str, Any]) -> torch.Tensor:
        """Integers of a value less its zero point, as float32; a real one is rounded as `read` does it."""
        return (self.read(name, values[name]) * (1 / scale_of(self.quantization.values[name]))).round_()

    def sums(self, layer: Layer, values: Mapping[str, Any], bias: torch.Tensor | None = None) -> torch.Tensor:
        """The sums of a layer in `weighted`, and this bias in integers."""
        weight, x = self.weighted[layer.id].weight, self.whole(layer.inputs[0], values)
        if layer.op == "linear":
            return F.linear(x, weight, bias)
        args = (x, weight, bias, *layer.args[3:7])
        return CONVOLUTIONS[layer.op](*(by_onednn(args) if layer.op == "conv2d" else args))


def along_channels(numbers: torch.Tensor, layer: Layer) -> torch.Tensor:
    """Numbers by output channel in a shape that broadcasts against what a layer makes."""
    spatial = 0 if layer.op == "linear" else int(layer.op[-2])
    return numbers.reshape(-1, *[1] * spatial)


def scale_of(params: QParams) -> torch.Tensor:
    """The one scale of a value, float32 without axes."""
    scale: NDArray[np.float32] = np.asarray(params.scale, np.float32)
    return torch.from_numpy(scale.reshape(()))
