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

SUMS = {False: fused_int8.ConvAdd2d, True: fused_int8.ConvAddReLU2d}
"""Convolutions that add another value to their sums, which is overwritten; by whether a ReLU follows."""


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
    adds: bool = False,
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
    adds : bool
        Whether it takes a second input, which is added to its sums and overwritten (two-dimensional,
        engine onednn).
    """
    made: Any = SUMS[relu] if adds else CONVOLUTIONS[type(layer), relu]
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


def int8_linear(
    layer: nn.Linear,
    q: dict[str, Any],
    source: Point,
    out: Point,
    relu: bool = False,
    slope: float | None = None,
    tanh: bool = False,
) -> nn.Module:
    """A float linear layer as torch's int8 module, for the engine that is set; see `int8_conv`.

    `slope` is that of a LeakyReLU behind it; this and tanh need engine onednn.
    """
    made: Any = fused_int8.LinearReLU if relu else fused_int8.LinearTanh if tanh else int8.Linear
    sizes = (layer.in_features, layer.out_features)
    has_bias = layer.bias is not None
    module: Any = made(*sizes, has_bias) if slope is None else fused_int8.LinearLeakyReLU(*sizes, slope, has_bias)
    module.set_weight_bias(quantize_weight(layer.weight, q), round_bias(layer.bias, q, source))
    module.scale, module.zero_point = out
    return module


class DynamicLinear(nn.Module):
    """torch's linear kernel that rounds its input with the range that this has now, and hands on real numbers.

    Parameters
    ----------
    layer : nn.Linear
        Float.
    q : dict
        Of the weight, see `quantize_weight`.
    reduce_range : bool
        Whether the input gets 7 bits.
    """

    def __init__(self, layer: nn.Linear, q: dict[str, Any], reduce_range: bool = False) -> None:
        super().__init__()
        self.packed = torch.ops.quantized.linear_prepack(quantize_weight(layer.weight, q), layer.bias)
        self.reduce_range = reduce_range

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ops.quantized.linear_dynamic(x, self.packed, self.reduce_range)


class DynamicRecurrent(nn.Module):
    """torch's LSTM or GRU, or a cell of one, with int8 weights; input and state are rounded at run time.

    Parameters
    ----------
    op : str
        ``lstm``, ``gru``, ``lstm_cell`` or ``gru_cell``.
    tensors : dict of str to torch.Tensor
        Float weights and biases under the names that torch.nn gives them.
    q : dict
        Of each weight, see `quantize_weight`.
    reduce_range : bool
        Whether input and state get 7 bits; of cells they always do.
    layers, both, batch_first
        Levels, whether there are two directions, and the order of axes; of no cell.
    """

    def __init__(
        self,
        op: str,
        tensors: dict[str, torch.Tensor],
        q: dict[str, Any],
        reduce_range: bool = False,
        layers: int = 1,
        both: bool = False,
        batch_first: bool = False,
    ) -> None:
        super().__init__()
        self.op, self.settings = op, (True, layers, 0.0, False, both, batch_first)
        self.cells = []
        for end in sorted({name.removeprefix("weight_ih") for name in q if name.startswith("weight_ih")}):
            packed, biases = [], []
            for part in ("ih", "hh"):
                weight = tensors[f"weight_{part}{end}"]
                bias = tensors.get(f"bias_{part}{end}", torch.zeros(len(weight)))
                whole = quantize_weight(weight, q[f"weight_{part}{end}"])
                packed.append(torch.ops.quantized.linear_prepack(whole, bias))
                biases.append(bias)
            if op.endswith("_cell"):
                self.cells = [*packed, *biases]
            else:
                make = torch.ops.quantized.make_quantized_cell_params_dynamic
                self.cells.append(make(*packed, *biases, reduce_range))

    def forward(self, x: torch.Tensor, state: Any) -> Any:
        if self.op.endswith("_cell"):
            return getattr(torch.ops.quantized, f"quantized_{self.op}_dynamic")(x, state, *self.cells)
        if self.op == "gru":
            return torch.quantized_gru(x, state, self.cells, *self.settings)
        return torch.quantized_lstm(x, state, self.cells, *self.settings, dtype=torch.qint8, use_dynamic=True)


class WeightOnlyLinear(nn.Module):
    """torch's linear kernel that multiplies float values with int8 weights, one scale for each output."""

    def __init__(self, layer: nn.Linear, q: dict[str, Any]) -> None:
        super().__init__()
        self.weight = quantize_weight(layer.weight, q).int_repr()
        self.scale = torch.tensor(q["scale"], dtype=torch.float32)
        self.bias = layer.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        y = torch.ops.aten._weight_int8pack_mm(rows, self.weight, self.scale)
        y = y if self.bias is None else y + self.bias
        return y.reshape(*x.shape[:-1], y.shape[-1])


class Int8Embedding(nn.Module):
    """torch's embedding with uint8 rows, each with a scale and an offset of its own."""

    def __init__(self, weight: torch.Tensor, q: dict[str, Any]) -> None:
        super().__init__()
        scale, zero_point = (torch.tensor(q[key], dtype=torch.float32) for key in ("scale", "zero_point"))
        rows = torch.fake_quantize_per_channel_affine(
            weight.detach(), scale, zero_point.to(torch.int32), 0, q["qmin"], q["qmax"]
        )
        # With zero points that are no integers to torch: the scheme that its embeddings ask for.
        whole = torch.quantize_per_channel(rows, scale, zero_point, 0, torch.quint8)
        self.packed = torch.ops.quantized.embedding_bag_prepack(whole)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return torch.ops.quantized.embedding_byte(self.packed, index)


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
