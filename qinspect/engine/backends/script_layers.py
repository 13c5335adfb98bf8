"""Fake quantization: what an integer model computes, in float32.

Depends on torch alone: this file goes as it is into every script export for ONNX Runtime.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

LIMITS = {"int8": (-128, 127), "uint8": (0, 255), "int4": (-8, 7), "int16": (-32768, 32767), "uint16": (0, 65535)}


def fake_quantize(x: torch.Tensor, q: dict[str, Any]) -> torch.Tensor:
    """``(clamp(round(x / scale) + zero_point, qmin, qmax) - zero_point) * scale``.

    Parameters
    ----------
    x : torch.Tensor
        float32, any shape.
    q : dict
        ``scale`` and ``zero_point`` (numbers, or lists with one per index of ``axis``), ``qmin``, ``qmax``.
    """
    if q["axis"] is None:
        return torch.fake_quantize_per_tensor_affine(x, q["scale"], q["zero_point"], q["qmin"], q["qmax"])
    scale = torch.tensor(q["scale"], dtype=torch.float32)
    zero_point = torch.tensor(q["zero_point"], dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(x, scale, zero_point, q["axis"], q["qmin"], q["qmax"])


class OnGrid(nn.Module):
    """A convolution or linear layer with its weight on its grid, and its bias on the grid of the int32 sums.

    The weight is rounded again in every run, so that an ONNX export has it between a quantizer
    and a dequantizer, from which the runtime makes an integer kernel.
    """

    def __init__(self, layer: nn.Module, q: dict[str, Any], source: dict[str, Any]) -> None:
        super().__init__()
        self.layer = layer
        given: Any = layer
        self.q = {**q, "qmin": LIMITS[q["dtype"]][0], "qmax": LIMITS[q["dtype"]][1]}
        self.register_buffer("weight", fake_quantize(given.weight.detach(), q))
        bias = given.bias
        if bias is not None:
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
        result: torch.Tensor = layer._conv_forward(x, weight, bias)
        return result
