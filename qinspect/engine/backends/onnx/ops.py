"""How each canonical operator is written in ONNX, in the form that runtimes know how to quantize."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import helper

from ...graph import Layer, Param
from ..clips import CLIPS, clip_limits, has_constant_limits
from ..grouping import over_all_of_space, pads_zeros, takes_nearest
from .attention import attention
from .curves import CURVES
from .moves import TRANSPARENT, Declined, Emitter, Writer, numbers, target_shape
from .norms import NORMS
from .pools import POOLS


def emit(writer: Writer, layer: Layer, output: str) -> None:
    """Write one operator.

    Raises
    ------
    Declined
        Before anything is written, where it is not known here.
    """
    emitter = EMITTERS.get(layer.op) if not layer.transparent else TRANSPARENT.get(layer.target.split(".")[1])
    if emitter is None:
        raise Declined(layer.id)
    emitter(writer, layer, output)


def _promoted(writer: Writer, layer: Layer, argument: Any) -> str:
    """A tensor in the type of the layer's own value, to which torch widens by itself and ONNX does not."""
    name = writer.tensor(argument)
    if writer.dtype(argument) == layer.dtype:
        return name
    return writer.node("Cast", [name], to=int(helper.np_dtype_to_tensor_dtype(np.dtype(layer.dtype))))


def conv_pads(layer: Layer, kernel: Sequence[int]) -> list[int]:
    """Padding of a convolution as ONNX has it: all beginnings, then all ends."""
    spatial = len(kernel)
    padding, dilation = layer.args[4], numbers(layer.args[5], spatial)
    if padding == "valid":
        return [0] * (2 * spatial)
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        return [n // 2 for n in total] + [n - n // 2 for n in total]
    return numbers(padding, spatial) * 2


def _conv(writer: Writer, layer: Layer, output: str) -> None:
    spatial = int(layer.op[-2])
    if len(layer.shape) != spatial + 2:
        raise Declined
    kernel = [size or 0 for size in writer.shape(layer.args[1])[2:]]
    writer.node(
        "Conv",
        [writer.tensor(item) for item in layer.args[:3] if item is not None],
        output,
        kernel_shape=kernel,
        strides=numbers(layer.args[3], spatial),
        pads=conv_pads(layer, kernel),
        dilations=numbers(layer.args[5], spatial),
        group=layer.args[6],
    )


def _conv_transpose(writer: Writer, layer: Layer, output: str) -> None:
    spatial = int(layer.op[-2])
    if len(layer.shape) != spatial + 2:
        raise Declined
    writer.node(
        "ConvTranspose",
        [writer.tensor(item) for item in layer.args[:3] if item is not None],
        output,
        kernel_shape=list(writer.shape(layer.args[1])[2:]),
        strides=numbers(layer.args[3], spatial),
        pads=numbers(layer.args[4], spatial) * 2,
        output_padding=numbers(layer.args[5], spatial),
        group=layer.args[6],
        dilations=numbers(layer.args[7], spatial),
    )


def _linear(writer: Writer, layer: Layer, output: str) -> None:
    """Gemm, between reshapes where the input has more than two axes: MatMul has no integer bias."""
    if not isinstance(layer.args[1], Param) or len(layer.shape) < 2:
        raise Declined
    inputs = [writer.tensor(item) for item in layer.args[:3] if item is not None]
    if len(layer.shape) == 2:
        writer.node("Gemm", inputs, output, transB=1)
        return
    back = target_shape(writer, layer)
    flat = writer.constant(np.array([-1, writer.shape(layer.args[1])[1]], np.int64), f"{layer.id}/rows")
    rows = writer.node("Reshape", [inputs[0], flat])
    writer.node("Reshape", [writer.node("Gemm", [rows, *inputs[1:]], transB=1), back], output)


def _batch_norm(writer: Writer, layer: Layer, output: str) -> None:
    x, weight, bias, mean, var, training, _momentum, eps = layer.args[:8]
    if training or any(item is None for item in (weight, bias, mean, var)):
        raise Declined
    tensors = [writer.tensor(item) for item in (x, weight, bias, mean, var)]
    writer.node("BatchNormalization", tensors, output, epsilon=eps)


def _clip(writer: Writer, layer: Layer, output: str) -> None:
    if not has_constant_limits(layer):
        raise Declined
    low, high = clip_limits(layer)
    x = _promoted(writer, layer, layer.args[0])
    if low == 0 and high is None and layer.dtype == "float32":
        writer.node("Relu", [x], output)
        return
    number = np.dtype(layer.dtype).type
    bounds = [
        "" if bound is None else writer.constant(number(bound), f"{layer.id}/{side}")
        for side, bound in (("min", low), ("max", high))
    ]
    writer.node("Clip", [x, *bounds], output)


def _prelu(writer: Writer, layer: Layer, output: str) -> None:
    slope = writer.tensor(layer.args[1])
    if len(writer.shape(layer.args[1])) != 1 or len(layer.shape) < 2:
        raise Declined
    shape = np.array([-1, *[1] * (len(layer.shape) - 2)], np.int64)
    slope = writer.node("Reshape", [slope, writer.constant(shape, f"{layer.id}/shape")])
    writer.node("PRelu", [writer.tensor(layer.args[0]), slope], output)


def _arithmetic(op: str) -> Emitter:
    def write(writer: Writer, layer: Layer, output: str) -> None:
        name = layer.target.split(".")[1].rstrip("_")
        if layer.kwargs.get("alpha", 1) != 1 or layer.kwargs.get("rounding_mode") or name != layer.op:
            raise Declined
        one, two = (
            writer.constant(np.float32(item), f"{layer.id}/number")
            if isinstance(item, (int, float)) and layer.dtype == "float32"
            else _promoted(writer, layer, item)
            for item in layer.args[:2]
        )
        writer.node(op, [one, two], output)

    return write


def _matmul(writer: Writer, layer: Layer, output: str) -> None:
    if layer.target.split(".")[1] not in ("mm", "bmm", "matmul"):
        raise Declined
    writer.node("MatMul", [writer.tensor(item) for item in layer.args[:2]], output)


def _mean(writer: Writer, layer: Layer, output: str) -> None:
    if layer.target != "aten.mean.dim" or not layer.args[1] or layer.kwargs.get("dtype") is not None:
        raise Declined
    x, axes, keep = writer.tensor(layer.args[0]), list(layer.args[1]), bool(layer.args[2])
    if over_all_of_space(layer):
        if keep:
            writer.node("GlobalAveragePool", [x], output)
            return
        axis = writer.constant(np.arange(2, 2 + len(axes)), f"{layer.id}/axes")
        writer.node("Squeeze", [writer.node("GlobalAveragePool", [x]), axis], output)
        return
    over = writer.constant(np.array(axes, np.int64), f"{layer.id}/axes")
    writer.node("ReduceMean", [x, over], output, keepdims=int(keep))


def _cat(writer: Writer, layer: Layer, output: str) -> None:
    axis = layer.args[1] if len(layer.args) > 1 else 0
    writer.node("Concat", [_promoted(writer, layer, item) for item in layer.args[0]], output, axis=axis)


def _pad(writer: Writer, layer: Layer, output: str) -> None:
    pads = zero_pads(layer, len(layer.shape))
    if pads is None:
        raise Declined
    x = writer.tensor(layer.args[0])
    writer.node("Pad", [x, writer.constant(np.array(pads, np.int64), f"{layer.id}/pads")], output)


def zero_pads(layer: Layer, rank: int) -> list[int] | None:
    """A padding with zeros as ONNX has it (beginnings, then ends, of all axes), else None."""
    sides = layer.args[1]
    if not pads_zeros(layer) or not all(isinstance(n, int) for n in sides):
        return None
    begins, ends = [0] * rank, [0] * rank
    for index in range(len(sides) // 2):  # F.pad counts axes from the last
        begins[rank - 1 - index], ends[rank - 1 - index] = sides[2 * index], sides[2 * index + 1]
    return begins + ends


def _interpolate(writer: Writer, layer: Layer, output: str) -> None:
    """Resize that takes the nearest value, over the axes behind batch and channels, as torch counts them."""
    if not takes_nearest(layer) or len(layer.args) != 3:
        raise Declined
    sizes, scales = layer.args[1:]
    exact = "nearest_exact" in layer.target
    before = writer.shape(layer.args[0])
    axes: dict[str, list[int]] = {}
    given: np.ndarray[Any, Any]
    if sizes is not None:
        scales = _as_scales(before[2:], sizes, exact)
    # Of all axes: where ONNX Runtime moves a Transpose through Resize, it overlooks the attribute `axes`.
    if scales is not None:
        given = np.array([1, 1, *scales], np.float32)
    elif None not in before[:2]:
        given = np.array([*before[:2], *sizes], np.int64)
    else:
        given, axes = np.array(sizes, np.int64), {"axes": list(range(2, len(before)))}
    kind = "sizes" if given.dtype == np.int64 else "scales"
    stored = writer.constant(given, f"{layer.id}/{kind}")
    writer.node(
        "Resize",
        [writer.tensor(layer.args[0]), "", *(["", stored] if kind == "sizes" else [stored])],
        output,
        mode="nearest",
        coordinate_transformation_mode="half_pixel" if exact else "asymmetric",
        nearest_mode="round_prefer_ceil" if exact else "floor",
        **axes,
    )


def _as_scales(before: Sequence[int | None], sizes: Sequence[int], exact: bool) -> list[np.float32] | None:
    """Scales by which a runtime gets the same sizes, and picks the same neighbours; None where there are none."""
    found = []
    for have, want in zip(before, sizes, strict=True):
        if have is None:
            return None
        scale = np.float32(want / have)
        at = np.arange(want, dtype=np.float32) + np.float32(0.5 if exact else 0)
        picked = np.floor(at * np.float32(have / want))
        if int(np.float32(have) * scale) != want or int(have * float(scale)) != want:
            return None
        if any((np.floor(other) != picked).any() for other in (at / scale, at * np.float32(1 / float(scale)))):
            return None
        found.append(scale)
    return found


EMITTERS: Mapping[str, Emitter] = {
    **CURVES,
    **NORMS,
    **POOLS,
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _conv),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), _conv_transpose),
    **dict.fromkeys(CLIPS, _clip),
    "linear": _linear,
    "batch_norm": _batch_norm,
    "prelu": _prelu,
    "add": _arithmetic("Add"),
    "sub": _arithmetic("Sub"),
    "mul": _arithmetic("Mul"),
    "div": _arithmetic("Div"),
    "matmul": _matmul,
    "scaled_dot_product_attention": attention,
    "mean": _mean,
    "cat": _cat,
    "pad": _pad,
    "interpolate": _interpolate,
}
