"""torch's int8 layers, made from float layers and scales.

Depends on torch alone: this file goes as it is into every FX export, so that what the export
rebuilds and what was measured here are made by the same lines.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.ao.nn.intrinsic.quantized as fused_int8
import torch.ao.nn.quantized as int8
import torch.nn.functional as F
from torch import nn

Point = tuple[float, int]
"""Scale and zero point of an activation."""

CONVOLUTIONS = {
    (nn.Conv1d, False): int8.Conv1d,
    (nn.Conv1d, True): fused_int8.ConvReLU1d,
    (nn.Conv2d, False): int8.Conv2d,
    (nn.Conv2d, True): fused_int8.ConvReLU2d,
    (nn.Conv3d, False): int8.Conv3d,
    (nn.Conv3d, True): fused_int8.ConvReLU3d,
    (nn.ConvTranspose1d, False): int8.ConvTranspose1d,
    (nn.ConvTranspose2d, False): int8.ConvTranspose2d,
}


def quantize_weight(weight: torch.Tensor, q: dict[str, Any]) -> torch.Tensor:
    """A float weight as a qint8 tensor, rounded to the grid that `q` describes.

    Parameters
    ----------
    weight : torch.Tensor
        float32, any shape.
    q : dict
        ``scale`` and ``zero_point`` (numbers, or lists with one per index of ``axis``),
        ``qmin`` and ``qmax`` (the ends of the grid; fewer than 8 bits leave out the rest).
    """
    weight = weight.detach().contiguous()
    if q["axis"] is None:
        rounded = torch.fake_quantize_per_tensor_affine(weight, q["scale"], q["zero_point"], q["qmin"], q["qmax"])
        return torch.quantize_per_tensor(rounded, q["scale"], q["zero_point"], torch.qint8)
    scale = torch.tensor(q["scale"], dtype=torch.float32)
    zero_point = torch.tensor(q["zero_point"], dtype=torch.int32)
    rounded = torch.fake_quantize_per_channel_affine(weight, scale, zero_point, q["axis"], q["qmin"], q["qmax"])
    return torch.quantize_per_channel(rounded, scale.double(), zero_point.long(), q["axis"], torch.qint8)


def round_bias(bias: torch.Tensor | None, q: dict[str, Any], source: Point) -> torch.Tensor | None:
    """A bias on the grid of the int32 sums, ``input scale * weight scale``.

    fbgemm and qnnpack round it so themselves; onednn would keep it in float.
    """
    if bias is None:
        return None
    step = torch.tensor(q["scale"], dtype=torch.float32).double() * source[0]
    whole = torch.clamp(torch.round(bias.detach().double() / step), -(2**31), 2**31 - 1)
    return (whole * step).to(bias.dtype)


def int8_conv(
    layer: nn.Module,
    q: dict[str, Any],
    source: Point,
    out: Point,
    relu: bool = False,
    zeros: tuple[int, ...] = (),
    padding: Any = None,
) -> nn.Module:
    """A float convolution as torch's int8 module, for the engine that is set.

    Parameters
    ----------
    layer : nn.Conv1d, Conv2d, Conv3d, ConvTranspose1d or ConvTranspose2d
        Float.
    q : dict
        Of the weight, see `quantize_weight`.
    source, out : tuple of float, int
        Scale and zero point of input and output.
    relu : bool
        Whether the kernel clips at 0.
    zeros, padding : tuple of int
        Zeros to put around the kernel, as ``F.pad`` takes them, and the padding to use then in
        place of the layer's own: so a padding that differs from side to side is merged in.
    """
    made: Any = CONVOLUTIONS[type(layer), relu]
    given: Any = layer
    settings = {"output_padding": given.output_padding} if given.transposed else {}
    weight = F.pad(given.weight.detach(), zeros) if zeros else given.weight
    module = made(
        given.in_channels, given.out_channels, tuple(weight.shape[2:]), stride=given.stride,
        padding=given.padding if padding is None else padding, dilation=given.dilation, groups=given.groups,
        bias=given.bias is not None, **settings,
    )  # fmt: skip
    module.set_weight_bias(quantize_weight(weight, q), round_bias(given.bias, q, source))
    module.scale, module.zero_point = out
    return module


def int8_linear(layer: nn.Linear, q: dict[str, Any], source: Point, out: Point, relu: bool = False) -> nn.Module:
    """A float linear layer as torch's int8 module, for the engine that is set; see `int8_conv`."""
    made: Any = fused_int8.LinearReLU if relu else int8.Linear
    module: Any = made(layer.in_features, layer.out_features, layer.bias is not None)
    module.set_weight_bias(quantize_weight(layer.weight, q), round_bias(layer.bias, q, source))
    module.scale, module.zero_point = out
    return module


class DynamicLinear(nn.Module):
    """torch's linear kernel that rounds its input with the range that this has now, and hands on real numbers."""

    def __init__(self, layer: nn.Linear, q: dict[str, Any], reduce_range: bool) -> None:
        super().__init__()
        self.packed = torch.ops.quantized.linear_prepack(quantize_weight(layer.weight, q), layer.bias)
        self.reduce_range = reduce_range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.quantized.linear_dynamic(x, self.packed, self.reduce_range)


def int8_dynamic_linear(layer: nn.Linear, q: dict[str, Any], reduce_range: bool = False) -> nn.Module:
    """A float linear layer as torch's dynamic one, for the engine that is set.

    Parameters
    ----------
    layer : nn.Linear
        Float.
    q : dict
        Of the weight, see `quantize_weight`.
    reduce_range : bool
        Whether the input gets 7 bits.
    """
    return DynamicLinear(layer, q, reduce_range)


def rounded(
    layer: nn.Module, q: dict[str, Any], source: Point, zeros: tuple[int, ...] = (), padding: Any = None
) -> nn.Module:
    """A float convolution or linear layer with its weight and bias on their grids, still float.

    Parameters are as for `int8_conv`.
    """
    given: Any = layer
    weight = F.pad(given.weight.detach(), zeros) if zeros else given.weight
    bias = round_bias(given.bias, q, source)
    made: Any
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.in_features, layer.out_features, bias is not None)
    else:
        settings = {"output_padding": given.output_padding} if given.transposed else {}
        made = type(layer)(
            given.in_channels, given.out_channels, tuple(weight.shape[2:]), stride=given.stride,
            padding=given.padding if padding is None else padding, dilation=given.dilation, groups=given.groups,
            bias=bias is not None, **settings,
        )  # fmt: skip
    made.weight = nn.Parameter(quantize_weight(weight, q).dequantize(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias, requires_grad=False)
    return made


def slope_grid(slopes: torch.Tensor) -> dict[str, Any]:
    """Scale and zero point for the slopes of torch's int8 PReLU, on whose grid 1.0 lies exactly.

    The kernel multiplies what is positive by the grid's own 1.0, and clamps it where the grid does
    not reach 1.0.
    """
    low, high = min(0.0, float(slopes.min())), max(1.0, float(slopes.max()))
    steps = math.floor(255 / (high - low))
    if steps >= 1 and math.ceil(-low * steps) + math.ceil(high * steps) > 255:
        steps -= 1
    scale = 1 / steps if steps >= 1 else (high - low) / 255
    return {"scale": scale, "zero_point": min(255, math.ceil(-low / scale)), "dtype": "uint8"}


class Int8PReLU(nn.Module):
    """torch's int8 PReLU, see `slope_grid`."""

    def __init__(self, slopes: torch.Tensor, out: Point) -> None:
        super().__init__()
        grid = slope_grid(slopes)
        flat = slopes.detach().flatten()
        self.slopes = torch.quantize_per_tensor(flat, grid["scale"], grid["zero_point"], torch.quint8)
        self.scale, self.zero_point = out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.quantized.prelu(x, self.slopes, self.scale, self.zero_point)


def int8_prelu(layer: nn.PReLU, out: Point) -> nn.Module:
    """A float PReLU as torch's int8 one."""
    return Int8PReLU(layer.weight, out)
