"""The simulation with the arithmetic of ONNX Runtime's kernels: the same integers, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...decide import MATRIX_PRODUCTS
from ...graph import Layer, Ref
from ...plan.qconfig import TensorConfig
from ...qparams import dynamic_qparams
from ...quantize import Quantization
from ..clips import whole_limits
from ..sums import SumSimulation, scale_of
from .table import stored


class OrtSimulation(SumSimulation):
    """What onnxruntime computes: convolutions, linear layers, additions and averages as in its kernels.

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
        self._factors = {layer_id: self._factor(layer_id) for layer_id in self.weighted}

    def _factor(self, layer_id: str) -> torch.Tensor:
        """What the sums of a layer are multiplied with."""
        q, layer = self.quantization, self.quantization.graph.by_id[layer_id]
        source = q.input_scale(layer)
        assert source is not None
        both = self.weighted[layer_id].scale * scale_of(source)
        return both / scale_of(q.values[layer.value]) if layer.value in q.values else both

    def run_layer(self, layer: Layer, values: Mapping[str, Any]) -> Any:
        q = self.quantization
        if layer.id not in q.quantized or layer.id in q.why_not or layer.transparent:
            return super().run_layer(layer, values)
        operands = [item.value for item in layer.args[:2] if isinstance(item, Ref)]
        if layer.value not in q.values and (layer.id not in self.weighted or layer.executed):
            return super().run_layer(layer, values)
        if layer.id in self.weighted:
            sums = self.sums(layer, values, self.weighted[layer.id].bias)
            return self._finish(layer, sums.mul_(self._factors[layer.id]))
        if layer.op == "add" and len(operands) == 2 and layer.kwargs.get("alpha", 1) == 1:
            return self._finish(layer, self._added(layer, operands, values))
        plain = len(operands) == 2 and set(operands) == set(layer.inputs) <= q.values.keys()  # nothing is added to it
        if layer.op in MATRIX_PRODUCTS and plain:
            return self._finish(layer, self._multiplied(layer, operands, values))
        if layer.op.startswith("adaptive_avg_pool") or layer.op == "mean" or self._is_global(layer, values):
            mean = self.compute(layer, {**values, layer.inputs[0]: self.whole(layer.inputs[0], values)})
            factor = scale_of(q.values[layer.inputs[0]]) / scale_of(q.values[layer.value])
            return self._finish(layer, mean * factor)
        view = dict(values)
        for name in layer.inputs:
            if name in q.values and isinstance(values[name], torch.Tensor) and not q.at_origin(name):
                view[name] = self.whole(name, values) * scale_of(q.values[name])
        result = self.compute(layer, view)
        if layer.op == "cat":
            return self._finish(layer, result / scale_of(q.values[layer.value]))
        if layer.op.startswith("avg_pool"):
            params = stored(q.values[layer.value])
            # The zero point is added before rounding, which decides ties.
            return self._finish(
                layer, (result / scale_of(params) + int(params.zero_point)).round_() - int(params.zero_point)
            )
        return self.round(layer, result)

    def _is_global(self, layer: Layer, values: Mapping[str, Any]) -> bool:
        """Whether an average's one window is all of the image, for which the kernel is that of a global average."""
        if not layer.op.startswith("avg_pool") or len(layer.args) < 2:
            return False
        size = list(values[layer.inputs[0]].shape[2:])
        spatial = len(size)
        kernel, padding, divisor = layer.args[1], layer.args[3:4], layer.args[6:7]
        window = [kernel] * spatial if isinstance(kernel, int) else list(kernel) * (spatial if len(kernel) == 1 else 1)
        pads = padding[0] if padding else 0
        padded = any(pads) if isinstance(pads, (list, tuple)) else bool(pads)
        return window == size and not padded and not any(divisor)

    def round_now(self, value: torch.Tensor, config: TensorConfig) -> torch.Tensor:
        """As DynamicQuantizeLinear does it: by dividing."""
        params = dynamic_qparams(value, config)
        scale, zero = scale_of(params), int(params.zero_point)
        return (value / scale).round_().add_(zero).clamp_(params.qmin, params.qmax).sub_(zero).mul_(scale)

    def whole(self, name: str, values: Mapping[str, Any]) -> torch.Tensor:
        """Integers of a value less its zero point, as float32."""
        params, value = self.quantization.values[name], values[name]
        zero = int(params.zero_point)
        if self.quantization.at_origin(name):
            return (value * (1 / scale_of(params))).round_()
        return (value / scale_of(params)).round_().clamp_(params.qmin - zero, params.qmax - zero)

    def _multiplied(self, layer: Layer, operands: list[str], values: Mapping[str, Any]) -> torch.Tensor:
        """Sums of products of integers, which float64 holds, times the scales as QLinearMatMul takes them."""
        wholes = {name: self.whole(name, values).double() for name in operands}
        one, two, out = (scale_of(self.quantization.values[name]) for name in (*operands, layer.value))
        sums: torch.Tensor = self.compute(layer, {**values, **wholes})
        return sums.float() * (one * two / out)

    def _added(self, layer: Layer, operands: list[str], values: Mapping[str, Any]) -> torch.Tensor:
        params = [stored(self.quantization.values[name]) for name in operands]
        out = stored(self.quantization.values[layer.value])
        one, two = (np.float32(item.scale / out.scale) for item in params)
        z_one, z_two, z_out = (np.float32(int(item.zero_point)) for item in (*params, out))
        # Compilers contract the first product with the sum; in float64 it is exact, and rounded once.
        rest = z_out - np.float32(np.float64(one) * np.float64(z_one) + np.float64(two * z_two))
        a, b = (self.whole(name, values).double() + float(z) for name, z in zip(operands, (z_one, z_two), strict=True))
        # The kernels multiply and add in one step: in float64 the product is exact, and one rounding is left.
        inner = (b * float(two) + float(rest)).float()
        return (a * float(one) + inner.double()).float().round_().sub_(float(z_out))

    def _finish(self, layer: Layer, whole: torch.Tensor) -> torch.Tensor:
        """Round, clip to the grid and what was fused, and go back to real numbers; those without a grid are such."""
        if layer.value not in self.quantization.values:
            return whole
        params = self.quantization.values[layer.value]
        low, high = whole_limits(params, layer)
        zero = int(params.zero_point)
        return whole.round_().clamp_(low - zero, high - zero).mul_(scale_of(params))
