"""Fake quantization: what an integer model computes, in float32.

Depends on torch alone: this file goes as it is into every script for ONNX Runtime, TensorRT and PT2E.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

LIMITS = {
    "int4": (-8, 7),
    "uint4": (0, 15),
    "int8": (-128, 127),
    "uint8": (0, 255),
    "int16": (-32768, 32767),
    "uint16": (0, 65535),
}
FLOATS = {
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "fp8_e4m3": torch.float8_e4m3fn,
    "fp8_e5m2": torch.float8_e5m2,
}


def fake_quantize(x: torch.Tensor, q: dict[str, Any]) -> torch.Tensor:
    """``(clamp(round(x / scale) + zero_point, qmin, qmax) - zero_point) * scale``.

    Parameters
    ----------
    x : torch.Tensor
        float32, any shape.
    q : dict
        ``scale`` and ``zero_point`` (numbers, or lists with one per index of ``axis``), ``qmin``, ``qmax``.
    """
    scale = torch.tensor(q["scale"], dtype=torch.float32)
    zero_point = torch.tensor(q["zero_point"], dtype=torch.int32)
    if q["dtype"] in FLOATS:
        return _to_format(x, scale, q)
    if "group_size" in q:
        scale, zero = (_of_values(numbers, x, q) for numbers in (scale, zero_point.float()))
        whole = torch.clamp(torch.round(x * (1 / scale)) + zero, q["qmin"], q["qmax"])
        return (whole - zero) * scale
    if q["axis"] is None:
        return torch.fake_quantize_per_tensor_affine(x, q["scale"], q["zero_point"], q["qmin"], q["qmax"])
    return torch.fake_quantize_per_channel_affine(x, scale, zero_point, q["axis"], q["qmin"], q["qmax"])


def _of_values(numbers: torch.Tensor, x: torch.Tensor, q: dict[str, Any]) -> torch.Tensor:
    """The number of each value's group."""
    return numbers.repeat_interleave(q["group_size"], 1)[:, : x.shape[1]]


def _to_format(x: torch.Tensor, scale: torch.Tensor, q: dict[str, Any]) -> torch.Tensor:
    """Rounded to a float format; fp16 and bf16 have no scale."""
    kind = FLOATS[q["dtype"]]
    if q["dtype"] in ("fp16", "bf16"):
        return x.to(kind).to(x.dtype)
    if "group_size" in q:
        scale = _of_values(scale, x, q)
    elif q["axis"] is not None:
        shape = [1] * x.dim()
        shape[q["axis"]] = -1
        scale = scale.reshape(shape)
    return torch.clamp(x / scale, q["qmin"], q["qmax"]).to(kind).to(x.dtype) * scale


def round_now(x: torch.Tensor, qmin: int = 0, qmax: int = 255) -> torch.Tensor:
    """Rounded to uint8 with the range that the values have now, as DynamicQuantizeLinear does it."""
    low, high = x.min().clamp(max=0), x.max().clamp(min=0)
    scale = ((high - low) / (qmax - qmin)).clamp(min=torch.finfo(torch.float32).eps)
    zero_point = (qmin - torch.round(low / scale)).clamp(qmin, qmax)
    return torch.fake_quantize_per_tensor_affine(x, float(scale), int(zero_point), qmin, qmax)


class OnGrid(nn.Module):
    """A layer with its weight on its grid and, where `source` is its input's, its bias on that of the int32 sums.

    Without a grid of the input (`source`) the bias stays as it is.

    The weight is rounded again in every run, so that an ONNX export has it between a quantizer
    and a dequantizer, from which the runtime makes an integer kernel.
    """

    def __init__(self, layer: nn.Module, q: dict[str, Any], source: dict[str, Any] | None) -> None:
        super().__init__()
        self.layer = layer
        given: Any = layer
        low, high = LIMITS.get(q["dtype"], (q["qmin"], q["qmax"]))
        self.q = {**q, "qmin": low, "qmax": high}
        self.register_buffer("weight", fake_quantize(given.weight.detach(), q))
        bias = given.bias
        if bias is not None and source is not None:
            step = torch.tensor(q["scale"], dtype=torch.float32).double() * source["scale"]
            whole = torch.clamp(torch.round(bias.detach().double() / step), -(2**31), 2**31 - 1)
            bias = (whole * step).to(bias.dtype)
        self.register_buffer("bias", bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = fake_quantize(self.get_buffer("weight"), self.q)
        bias = self._buffers["bias"]
        layer: Any = self.layer
        if isinstance(layer, nn.Linear):
            return F.linear(x, weight, bias)
        if isinstance(layer, nn.modules.conv._ConvTransposeNd):
            return self._transposed(x, weight, bias)
        result: torch.Tensor = layer._conv_forward(x, weight, bias)
        return result

    def _transposed(self, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        given: Any = self.layer
        function = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[weight.dim() - 3]
        how = (given.stride, given.padding, given.output_padding, given.groups, given.dilation)
        result: torch.Tensor = function(x, weight, bias, *how)
        return result
