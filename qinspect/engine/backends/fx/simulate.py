"""The simulation with the arithmetic of torch's integer kernels: the same integers, bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ...graph import Layer, refs
from ...plan.target import has_amx, host_isa
from ...quantize import Quantization
from ..clips import CLIPS, whole_limits
from ..sums import SumSimulation, along_channels, scale_of
from .table import AVERAGES

MOST_GROUPS = 100
"""Convolutions of more groups engine x86 gives to fbgemm."""


class TorchSimulation(SumSimulation):
    """What torch's kernels compute.

    They add up integers exactly and differ in how the sums become integers again. With the
    input's scale ``s_x``, the weight's ``s_w``, the output's ``s_y`` and ``z_y``, and the bias, on the grid
    of the sums, as a real number ``b`` and a whole one ``n``, each operation in float32:

    - onednn: ``round(((sum * (1 / (1 / s_x))) * s_w + b) * (1 / s_y) + z_y)``; a value that is added to the
      sums goes to them, after the bias, in one fused multiply-add of its whole number and ``1 / (1 / s)``;
      a linear layer has ``1 / (1 / s_w)``. Where the processor has AMX, the two scales of all but depthwise
      convolutions are multiplied with each other first: ``sum * ((1 / (1 / s_x)) * s_w)``
    - fbgemm: ``round((sum + b / (s_x * s_w)) * (s_x * s_w / s_y)) + z_y``; with one scale for all channels
      the bias is multiplied with the reciprocal, in one step with the sum
    - qnnpack: ``round((sum + n) * ((s_x * s_w) * (1 / s_y))) + z_y``

    Engine x86 gives convolutions to onednn where the processor has VNNI instructions and there are no
    more than `MOST_GROUPS` groups, all else to fbgemm. fbgemm's depthwise kernels saturate besides, which
    is not imitated: it is a fault that is to be seen. A PReLU multiplies its input's integers by those of
    its slopes, or of 1.0, on a grid of their own, and these by ``(s_x * s_slope) * (1 / s_y)``. Averages are taken
    of integers; where one lies in the middle of two, it goes to the even one, before or after the zero point is
    added. Additions and the rest are those of plain fake quantization.

    Parameters
    ----------
    quantization : Quantization
        For target fx or eager.
    channels_last : bool
        As for `Simulation`.
    """

    def __init__(self, quantization: Quantization, channels_last: bool = False) -> None:
        super().__init__(quantization, channels_last)
        layers = quantization.graph.layers
        self._scaled = {layer.id: self._constants(layer) for layer in layers if self._sums(layer)}
        self._slopes = {layer.id: self._slopes_of(layer) for layer in layers if self._is_int8_prelu(layer)}

    def _sums(self, layer: Layer) -> bool:
        """Whether a layer is one whose sums are scaled here, and what is behind it clips or is added to them."""
        return layer.id in self.weighted and all(part.op in CLIPS | {"add"} for part in layer.executed)

    def _constants(self, layer: Layer) -> Mapping[str, Any]:
        """What a layer's sums are added to and multiplied with."""
        q, made = self.quantization, self.weighted[layer.id]
        source, out = q.input_scale(layer), q.values[layer.value]
        assert source is not None
        s_x, s_y, s_w = scale_of(source), scale_of(out), made.scale
        real = None
        if made.bias is not None:
            step = s_w.double() * float(source.scale)
            real = (along_channels(made.bias, layer).double() * step).float()
        return {"kind": self._kind(layer), "s_x": s_x, "s_y": s_y, "s_w": s_w, "both": s_x * s_w, "bias": real}

    def _is_int8_prelu(self, layer: Layer) -> bool:
        q = self.quantization
        whole = layer.id in q.quantized and layer.id not in q.why_not
        return layer.op == "prelu" and whole and not layer.executed and q.input_scale(layer) is not None

    def _slopes_of(self, layer: Layer) -> tuple[torch.Tensor, float, torch.Tensor]:
        """Whole slopes less their zero point, that of 1.0, and what the products are multiplied with."""
        from .kernels import slope_grid  # imports torch.ao

        q = self.quantization
        source, out = q.input_scale(layer), q.values[layer.value]
        assert source is not None
        slopes = q.graph.params[layer.roles["weight"]].detach().float().flatten()
        grid = slope_grid(slopes)
        step, zero = torch.tensor(grid["scale"], dtype=torch.float32), grid["zero_point"]
        whole = [(torch.round(x / step) + zero).clamp(0, 255) - zero for x in (slopes, torch.ones(1))]
        return whole[0], float(whole[1]), scale_of(source) * step * (1 / scale_of(out))

    def _kind(self, layer: Layer) -> str:
        """The library that runs a layer."""
        target = self.quantization.plan.target
        if target.engine != "x86":
            return target.engine
        groups = layer.args[6] if layer.op.startswith("conv") else None
        vnni = (target.isa or host_isa()) == "avx512-vnni"
        plain = not self.quantization.weights[layer.id].zero_point.any()
        return "onednn" if groups is not None and groups <= MOST_GROUPS and vnni and plain else "fbgemm"

    def _in_tiles(self, layer: Layer) -> bool:
        """Whether onednn multiplies a layer's weights and values tile by tile, which it does with AMX."""
        weight = self.quantization.graph.weight(layer)
        depthwise = layer.op.startswith("conv") and weight is not None and layer.args[6] == weight.shape[0]
        return not depthwise and has_amx()

    def scales(self, layer: Layer) -> bool:
        """Whether a layer's sums are scaled as the kernel does it; others are those of plain fake quantization."""
        return layer.id in self._scaled

    def _prelu(self, layer: Layer, values: Mapping[str, Any]) -> torch.Tensor:
        slopes, one, scale = self._slopes[layer.id]
        params, x = self.quantization.values[layer.value], self.whole(layer.inputs[0], values)
        zero = int(params.zero_point)
        products = torch.where(x > 0, x * one, x * slopes.reshape(-1, *[1] * (x.dim() - 2)))
        whole = products.mul_(scale).round_().clamp_(params.qmin - zero, params.qmax - zero)
        return whole.mul_(scale_of(params))

    def _is_average(self, layer: Layer) -> bool:
        q = self.quantization
        whole = layer.id in q.quantized and layer.id not in q.why_not
        return layer.op in AVERAGES and whole and not layer.executed and layer.inputs[0] in q.values

    def _average(self, layer: Layer, values: Mapping[str, Any]) -> torch.Tensor:
        source, params = layer.inputs[0], self.quantization.values[layer.value]
        zero = int(params.zero_point)
        mean = self.compute(layer, {**values, source: self.whole(source, values)})
        # Convolutions hand on channels_last values, for which, and for volumes, this pooling has another kernel.
        behind = layer.op == "avg_pool3d" or (
            layer.op == "avg_pool2d" and source not in self.quantization.graph.input_names
        )
        whole = mean.round_() if behind else mean.add_(zero).round_().sub_(zero)
        return whole.clamp_(params.qmin - zero, params.qmax - zero).mul_(scale_of(params))

    def run_layer(self, layer: Layer, values: Mapping[str, Any]) -> Any:
        if layer.id in self._slopes:
            return self._prelu(layer, values)
        if self._is_average(layer):
            return self._average(layer, values)
        if not self.scales(layer):
            return super().run_layer(layer, values)
        given, made = self._scaled[layer.id], self.weighted[layer.id]
        params = self.quantization.values[layer.value]
        zero = int(params.zero_point)
        if given["kind"] == "onednn":
            # The library is given reciprocals, and takes those of them; of a convolution's weight it is not.
            s_w = 1 / (1 / given["s_w"]) if layer.op == "linear" else given["s_w"]
            s_x = 1 / (1 / given["s_x"])
            sums = self.sums(layer, values)
            sums = sums.mul_(s_x * s_w) if self._in_tiles(layer) else sums.mul_(s_x).mul_(s_w)
            if given["bias"] is not None:
                sums.add_(given["bias"])
            for name in _added(layer):
                # In float64 the product is exact, and one rounding is left.
                scale = 1 / (1 / scale_of(self.quantization.values[name]))
                sums = (sums.double() + self.whole(name, values).double() * scale.double()).float()
            whole = sums.mul_(1 / given["s_y"]).add_(zero).round_().sub_(zero)
        elif given["kind"] == "qnnpack":
            whole = self.sums(layer, values, made.bias).mul_(given["both"] * (1 / given["s_y"])).round_()
        else:
            sums = self.sums(layer, values)
            if given["bias"] is not None and made.per_channel:
                sums.add_(given["bias"] / given["both"])
            elif given["bias"] is not None:
                # Multiplied and added in one step as well.
                reciprocal = (1 / given["both"]).double()
                sums = (sums.double() + given["bias"].double() * reciprocal).float()
            whole = sums.mul_(given["both"] / given["s_y"]).round_()
        low, high = whole_limits(params, layer)
        return whole.clamp_(low - zero, high - zero).mul_(scale_of(params))


def _added(layer: Layer) -> list[str]:
    """The values that an addition fused to a layer adds to its sums."""
    inside = {layer.id, *(part.id for part in layer.fused)}
    additions = [part for part in layer.executed if part.op == "add"]
    return [ref.value for part in additions for ref in refs(part.args) if ref.value not in inside]
