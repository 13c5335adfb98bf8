"""The simulation with the arithmetic of ONNX Runtime's kernels: the same whole numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ...execute import by_onednn
from ...graph import Layer, Ref
from ...qconfig import TensorConfig
from ...qparams import QParams, dynamic_qparams
from ...quantize import Quantization
from ...simulate import Simulation
from ..onnx.ops import limits
from .table import stored

CONVOLUTIONS = {"conv1d": F.conv1d, "conv2d": F.conv2d, "conv3d": F.conv3d}


class OrtSimulation(Simulation):
    """What onnxruntime computes.

    Fake quantization multiplies real numbers and rounds; kernels add up whole numbers and multiply
    the sum once. Both round the same result, but where it lies close to the middle of two steps they
    may differ by one. A deep net makes much of little: of MobileNetV2's first convolution two values
    in a million differ, of its outputs three quarters. So convolutions, linear layers, additions and
    averages are computed here as in the kernels (whole numbers are exact in float32 up to 2**24):

    ``q = round(sum * (s_w * s_x / s_y)) + z_y``, and
    ``q = round(a * (s_a / s_y) + (b * (s_b / s_y) + (z_y - (s_a / s_y * z_a + s_b / s_y * z_b))))``,

    each operation in float32, a product and the sum it goes into rounded once (fused multiply-add).
    What a float layer made is rounded by dividing, not by the reciprocal.

    Parameters
    ----------
    quantization : Quantization
        For target ort.
    channels_last : bool
        As for `Simulation`.
    """

    def __init__(self, quantization: Quantization, channels_last: bool = False) -> None:
        super().__init__(quantization, channels_last)
        self._weighted: dict[str, tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]] = {}
        for layer in quantization.graph.layers:
            whole = quantization.sums_integers(layer) and layer.id not in quantization.why_not
            if whole and (layer.op in CONVOLUTIONS or layer.op == "linear"):
                self._weighted[layer.id] = self._prepare(layer)

    def _prepare(self, layer: Layer) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
        """Weight and bias as whole numbers, and what their sums are multiplied with."""
        q = self.quantization
        params, source, out = q.weights[layer.id], q.input_scale(layer), q.values[layer.value]
        weight, bias = q.graph.weight(layer), q.graph.bias(layer)
        assert weight is not None
        assert source is not None
        zero = torch.from_numpy(np.atleast_1d(params.zero_point)).reshape(-1, *[1] * (weight.dim() - 1))
        whole = (params.quantize(weight.detach()) - zero).float()
        if self.channels_last and whole.dim() == 4:
            whole = whole.contiguous(memory_format=torch.channels_last)
        scale = torch.from_numpy(np.atleast_1d(params.scale))
        if bias is not None:
            step = scale.double() * float(source.scale)
            bias = torch.clamp(torch.round(bias.detach().double() / step), -(2**31), 2**31 - 1).float()
        factor = scale * _scale(source) / _scale(out)
        spatial = 0 if layer.op == "linear" else int(layer.op[-2])
        return whole, bias, factor.reshape(-1, *[1] * spatial)

    def run_layer(self, layer: Layer, values: Mapping[str, Any]) -> Any:
        q = self.quantization
        if layer.id not in q.quantized or layer.id in q.why_not or layer.transparent:
            return super().run_layer(layer, values)
        operands = [item.value for item in layer.args[:2] if isinstance(item, Ref)]
        if layer.id in self._weighted:
            return self._finish(layer, self._sums(layer, values))
        if layer.op == "add" and len(operands) == 2 and layer.kwargs.get("alpha", 1) == 1:
            return self._finish(layer, self._added(layer, operands, values))
        if layer.op.startswith("adaptive_avg_pool") or layer.op == "mean":
            return self._finish(
                layer, self.compute(layer, {**values, layer.inputs[0]: self._whole(layer.inputs[0], values)})
            )
        view = dict(values)
        for name in layer.inputs:
            if name in q.values and isinstance(values[name], torch.Tensor) and not q.at_origin(name):
                view[name] = self._whole(name, values) * _scale(q.values[name])
        result = self.compute(layer, view)
        if layer.op.startswith("avg_pool"):
            params = stored(q.values[layer.value])
            # The zero point is added before rounding, which decides ties.
            return self._finish(
                layer, (result / _scale(params) + int(params.zero_point)).round_() - int(params.zero_point)
            )
        return self.round(layer, result)

    def round_now(self, value: torch.Tensor, config: TensorConfig) -> torch.Tensor:
        """As DynamicQuantizeLinear does it: by dividing."""
        params = dynamic_qparams(value, config)
        scale, zero = _scale(params), int(params.zero_point)
        return torch.round(value / scale).add_(zero).clamp_(params.qmin, params.qmax).sub_(zero).mul_(scale)

    def _whole(self, name: str, values: Mapping[str, Any]) -> torch.Tensor:
        """Whole numbers of a value less its zero point, as float32."""
        params, value = self.quantization.values[name], values[name]
        zero = int(params.zero_point)
        if self.quantization.at_origin(name):
            return torch.round(value * (1 / _scale(params)))
        return torch.clamp(torch.round(value / _scale(params)), params.qmin - zero, params.qmax - zero)

    def _sums(self, layer: Layer, values: Mapping[str, Any]) -> torch.Tensor:
        weight, bias, factor = self._weighted[layer.id]
        x = self._whole(layer.inputs[0], values)
        if layer.op == "linear":
            return F.linear(x, weight, bias).mul_(factor)
        args = (x, weight, bias, *layer.args[3:7])
        return CONVOLUTIONS[layer.op](*(by_onednn(args) if layer.op == "conv2d" else args)).mul_(factor)

    def _added(self, layer: Layer, operands: list[str], values: Mapping[str, Any]) -> torch.Tensor:
        params = [stored(self.quantization.values[name]) for name in operands]
        out = stored(self.quantization.values[layer.value])
        one, two = (np.float32(item.scale / out.scale) for item in params)
        z_one, z_two, z_out = (np.float32(int(item.zero_point)) for item in (*params, out))
        # Compilers contract the first product with the sum; in float64 it is exact, and rounded once.
        rest = z_out - np.float32(np.float64(one) * np.float64(z_one) + np.float64(two * z_two))
        a, b = (self._whole(name, values).double() + float(z) for name, z in zip(operands, (z_one, z_two), strict=True))
        # The kernels multiply and add in one step: in float64 the product is exact, and one rounding is left.
        inner = (b * float(two) + float(rest)).float()
        return (a * float(one) + inner.double()).float().round_().sub_(float(z_out))

    def _finish(self, layer: Layer, whole: torch.Tensor) -> torch.Tensor:
        """Round, clip to the grid and what was fused, and go back to real numbers."""
        params = self.quantization.values[layer.value]
        low, high = params.qmin, params.qmax
        if layer.executed:
            ends = limits(layer.executed[-1]) or (None, None)
            low = low if ends[0] is None else max(low, _quantized(params, ends[0]))
            high = high if ends[1] is None else min(high, _quantized(params, ends[1]))
        zero = int(params.zero_point)
        return whole.round_().clamp_(low - zero, high - zero).mul_(_scale(params))


def _scale(params: QParams) -> torch.Tensor:
    scale: NDArray[np.float32] = np.asarray(params.scale, np.float32)
    return torch.from_numpy(scale.reshape(()))


def _quantized(params: QParams, number: float) -> int:
    return int(params.quantize(torch.tensor([number], dtype=torch.float32))[0])
