"""What ONNX Runtime's CPU provider runs in integers from a QDQ model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ...graph import Layer
from ...plan.qconfig import QConfig, TensorConfig
from ...plan.target import Target
from ...qparams import QParams
from ...text import Text
from ..clips import CLIPS, has_constant_limits
from ..grouping import (
    OWN,
    PASSING,
    SHARED,
    between_two_values,
    over_all_of_space,
    pads_zeros,
    pools_to_one,
    takes_nearest,
)

MAX_POOLS = frozenset({"max_pool1d", "max_pool2d", "max_pool3d"})
AVERAGES = frozenset({"avg_pool2d", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "mean"})
RUNS = (
    frozenset(
        {
            "conv1d",
            "conv2d",
            "conv3d",
            "linear",
            "matmul",
            "add",
            "mul",
            "cat",
            "leaky_relu",
            "sigmoid",
            "softmax",
            "pad",
            "interpolate",
        }
    )
    | CLIPS
    | MAX_POOLS
    | AVERAGES
)
"""Seen in the graphs that onnxruntime 1.32 makes of QDQ models; clips run on the integers."""

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
INTEGER_WEIGHTED = CONVOLUTIONS | {"linear"}
WEIGHTED = INTEGER_WEIGHTED | {"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"}
STORED_FLOAT = frozenset({"embedding", "embedding_bag", "lstm", "gru", "lstm_cell", "gru_cell"})
"""Layers with weights that the lowering leaves as they are."""

SIXTEEN_BITS = frozenset({"int16", "uint16"})
FOUR_BITS = frozenset({"int4", "uint4"})
LOW_BITS = FOUR_BITS | {"int8", "uint8"}

DYNAMIC = TensorConfig("uint8", dynamic=True)
"""What DynamicQuantizeLinear does."""

BIAS_IS_INT32 = True
"""A bias is stored in steps of ``input scale * weight scale`` and added to the sums, which wrap around."""

RESCALES = True
"""Concatenations and averages take values on grids of their own, where the plan has a range for each of them."""

SHIFT = 128
"""What is added to signed integers of activations, see `stored`."""


def grouping(layer: Layer) -> str:
    """Whether a layer's output has a quantizer of its own."""
    if layer.op == "cat" or layer.op in AVERAGES:
        return SHARED
    if layer.op in CLIPS | MAX_POOLS or pads_zeros(layer) or takes_nearest(layer):
        return PASSING
    return OWN


def hands_on_float(layer: Layer) -> bool:
    """Whether a layer with a weight may hand on real numbers and have an integer kernel: a Conv without a
    quantizer behind it runs in float."""
    return layer.op == "linear"


def why_not(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why the runtime cannot do what is asked of a layer, or None where it can."""
    activation, weight = config.activation, config.weight
    if activation is None:
        if weight is not None and layer.op in STORED_FLOAT:
            return Text("the lowering to ONNX stores weights of {op} in float", op=layer.op)
        return None if weight is None or layer.op not in WEIGHTED else _weight_refused(layer, weight)
    if activation.dynamic:
        return _dynamic_refused(layer, activation, weight)
    return _operator_refused(layer) or _static_refused(layer, activation, weight)


def float_kernel(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why a layer that is rounded as asked is computed in float all the same, or None where it is not."""
    activation, weight = config.activation, config.weight
    if activation is not None and activation.dynamic:
        return None
    if activation is not None and activation.dtype in SIXTEEN_BITS:
        return Text("ONNX Runtime computes it in float between DequantizeLinear and QuantizeLinear of 16 bits")
    if weight is None or layer.op not in WEIGHTED:
        return None
    in_float = Text("the weight is stored as {dtype}, the kernel computes in float", dtype=weight.dtype)
    if activation is not None:
        return in_float if weight.dtype not in LOW_BITS or weight.granularity == "per_group" else None
    if layer.op != "linear" or weight.dtype not in FOUR_BITS:
        # MatMulNBits takes 8 bits too, but with values left in float32 it is six times slower than float.
        return in_float
    if weight.granularity == "per_group" and not takes_blocks(weight.group_size):
        return Text("{in_float}: MatMulNBits takes groups of 16, 32, 64, ...", in_float=in_float)
    return None


def _operator_refused(layer: Layer) -> str | None:
    if layer.op not in RUNS:
        return Text("ONNX Runtime has no integer kernel for {op}", op=layer.operator)
    if layer.op == "pad" and not pads_zeros(layer):
        return Text("only padding with zeros stays on the grid")
    if layer.op == "interpolate" and not takes_nearest(layer):
        return Text("it interpolates in integers by taking the nearest value, to a known size, only")
    if layer.op.startswith("adaptive_avg_pool") and not pools_to_one(layer):
        return Text("ONNX Runtime has an integer kernel for output size 1 only")
    if layer.op == "mean" and not over_all_of_space(layer):
        return Text("ONNX Runtime has an integer kernel for the mean over all of height and width only")
    if layer.op == "avg_pool2d" and (layer.args[4] or layer.args[6] is not None):
        return Text("ONNX Runtime has no integer kernel for this kind of average pooling (ceil_mode or a divisor)")
    if layer.op in CLIPS and not has_constant_limits(layer):
        return Text("its limits are tensors, not numbers")
    if layer.op in ("add", "mul", "matmul") and not between_two_values(layer):
        return Text("ONNX Runtime runs it in integers only between two activations")
    return None


def _static_refused(layer: Layer, activation: TensorConfig, weight: TensorConfig | None) -> str | None:
    if activation.dtype not in {"uint8", "int8"} | SIXTEEN_BITS:
        return Text("ONNX Runtime takes activations of 8 or 16 bits, not {dtype}", dtype=activation.dtype)
    if activation.granularity != "per_tensor":
        return Text("activations are quantized per tensor")
    if layer.op not in INTEGER_WEIGHTED:
        return None
    if weight is None:
        return Text("its weight stays float")
    return _weight_refused(layer, weight)


def _dynamic_refused(layer: Layer, activation: TensorConfig, weight: TensorConfig | None) -> str | None:
    if layer.op == "matmul" and not between_two_values(layer):
        return Text("ONNX Runtime runs it in integers only between two activations")
    if layer.op == "matmul" and layer.target.split(".")[1] not in ("mm", "bmm", "matmul"):
        return Text("the lowering to ONNX multiplies two values at run time and adds none")
    if layer.op not in INTEGER_WEIGHTED | {"matmul"}:
        return Text("ONNX Runtime has no dynamic kernel for {op}", op=layer.op)
    if activation != DYNAMIC:
        return Text(
            "ONNX Runtime rounds at run time to {dynamic} only, not to {activation}",
            dynamic=DYNAMIC,
            activation=activation,
        )
    if layer.op == "matmul":
        return None
    if weight is None:
        return Text("its weight stays float")
    if weight.dtype not in LOW_BITS or weight.granularity == "per_group":
        return Text(
            "ONNX Runtime's dynamic kernels take weights of up to 8 bits per tensor or channel, not {weight}",
            weight=weight,
        )
    return _weight_refused(layer, weight)


def _weight_refused(layer: Layer, weight: TensorConfig) -> str | None:
    if "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if weight.dynamic:
        return Text("a weight is the same in every run: it has no dynamic range")
    if len(layer.shape) < 2 or (layer.op != "linear" and len(layer.shape) != int(layer.op[-2]) + 2):
        return Text("the lowering to ONNX takes inputs with a batch axis")
    if weight.granularity == "per_group" and layer.op != "linear":
        return Text("groups are along the features of linear layers")
    if weight.granularity == "per_channel" and not weight.symmetric:
        return Text("ONNX Runtime takes symmetric weights where they are per channel")
    return None


def stored(params: QParams) -> QParams:
    """A value's grid as the model has it: signed numbers are stored with 128 added.

    The same real numbers: on x86 the runtime has no kernels for signed activations switched on, and
    where it does not find its own way to unsigned ones it computes in float without a word.
    """
    if params.dtype != "int8":
        return params
    zero = params.zero_point + np.int32(SHIFT)
    return replace(params, zero_point=zero, dtype="uint8", qmin=params.qmin + SHIFT, qmax=params.qmax + SHIFT)


def as_asked(params: QParams) -> QParams:
    """A grid whose integers are stored as `stored` says, as it was."""
    if params.dtype != "uint8":
        return params
    zero = params.zero_point - np.int32(SHIFT)
    return replace(params, zero_point=zero, dtype="int8", qmin=params.qmin - SHIFT, qmax=params.qmax - SHIFT)


def takes_blocks(size: int) -> bool:
    """Whether MatMulNBits has kernels for groups of this size: powers of two from 16 on."""
    return size >= 16 and size & (size - 1) == 0
