"""What ONNX Runtime's CPU provider runs in integers from a QDQ model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..graph import Layer, Ref
from ..plan import Target
from ..qconfig import QConfig
from ..qparams import QParams
from .grouping import OWN, PASSING, SHARED, over_all_of_space, pads_zeros

CLIPS = frozenset({"relu", "relu6", "hardtanh", "clamp"})
MAX_POOLS = frozenset({"max_pool1d", "max_pool2d"})
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
        }
    )
    | CLIPS
    | MAX_POOLS
    | AVERAGES
)
"""Seen in the graphs that onnxruntime 1.32 makes of QDQ models; clips run on the whole numbers."""

BIAS_IS_INT32 = True
"""A bias is stored in steps of ``input scale * weight scale`` and added to the sums, which wrap around."""


SHIFT = 128
"""What is added to signed whole numbers of activations, see `stored`."""


def grouping(layer: Layer) -> str:
    """Whether a layer's output has a quantizer of its own."""
    if layer.op == "cat" or layer.op in AVERAGES:
        return SHARED
    if layer.op in CLIPS | MAX_POOLS or pads_zeros(layer):
        return PASSING
    return OWN


def why_not(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why the runtime cannot run a layer in integers as asked, or None where it can."""
    if layer.op not in RUNS:
        return f"ONNX Runtime has no integer kernel for {layer.op}"
    if layer.op == "pad" and not pads_zeros(layer):
        return "only padding with zeros stays on the grid"
    if layer.op.startswith("adaptive_avg_pool") and any(size != 1 for size in _sizes(layer.args[1])):
        return "ONNX Runtime has an integer kernel for output size 1 only"
    if layer.op == "mean" and not over_all_of_space(layer):
        return "ONNX Runtime has an integer kernel for the mean over all of height and width only"
    if layer.op == "avg_pool2d" and (layer.args[4] or layer.args[6] is not None):
        return "ONNX Runtime has no integer kernel for this kind of average pooling (ceil_mode or a divisor)"
    if layer.op in CLIPS and any(isinstance(item, Ref) for item in layer.args[1:]):
        return "its limits are computed at run time"
    if layer.op in ("add", "mul", "matmul") and len([a for a in layer.args[:2] if isinstance(a, Ref)]) < 2:
        return "ONNX Runtime runs it in integers only between two activations"
    activation, weight = config.activation, config.weight
    if activation is None:
        return "the lowering to ONNX Runtime keeps no weight in integers beside float values" if weight else None
    if activation.dynamic:
        return "the lowering to ONNX Runtime has no dynamic ranges"
    if activation.dtype not in ("uint8", "int8"):
        return f"ONNX Runtime's integer kernels take 8-bit activations, not {activation.dtype}"
    if activation.granularity != "per_tensor":
        return "activations are quantized per tensor"
    if layer.op in ("conv1d", "conv2d", "conv3d", "linear"):
        if "weight" not in layer.roles:
            return "its weight is computed at run time"
        if weight is None:
            return "its weight stays float"
        if weight.dtype not in ("int8", "uint8"):
            return f"ONNX Runtime's integer kernels take 8-bit weights, not {weight.dtype}"
        if weight.granularity == "per_channel" and not weight.symmetric:
            return "ONNX Runtime takes symmetric weights where they are per channel"
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


def _sizes(size: int | tuple[int, ...] | list[int]) -> list[int]:
    return [size] if isinstance(size, int) else list(size)
