"""What TensorRT runs in integers from a network with explicit quantization (Q/DQ layers).

From NVIDIA's documentation (Working with Quantized Types; Q/DQ placement recommendations): int8 is
symmetric with zero point 0, activations per tensor, weights per tensor or per output channel. Inputs
of weighted layers are quantized, their outputs are not (so that BatchNorm, ReLU and additions stay
fused to them), the other input of an addition is. There is no TensorRT on the computers that the
project is tested on: what its builder makes of a network shows in the layer information that
``trtexec`` writes, see `qinspect.engine.profiles`.
"""

from __future__ import annotations

from ...graph import Layer
from ...plan.qconfig import QConfig
from ...plan.target import Target
from ...text import Text
from ..clips import CLIPS, has_constant_limits
from ..grouping import OWN, PASSING, SHARED, between_two_values, over_all_of_space, pads_zeros, pools_to_one

WEIGHTED = frozenset({"conv2d", "conv3d", "conv_transpose2d", "conv_transpose3d", "linear"})
MAX_POOLS = frozenset({"max_pool2d", "max_pool3d"})
AVERAGES = frozenset({"avg_pool2d", "adaptive_avg_pool2d", "mean"})
RUNS = WEIGHTED | CLIPS | MAX_POOLS | AVERAGES | {"add", "mul", "matmul", "cat", "pad"}

BIAS_IS_FLOAT = True
"""Biases are added in float32 to the dequantized sums, and not quantized."""

ROUNDS_FOR_READERS = True
"""A quantizer stands before a layer that reads integers; a value that none reads stays as it is."""

NOT_RUN_HERE = Text("its kernels run on an NVIDIA GPU; --profile lays what trtexec measured there over the layers")
"""Why there are no kernels to compare with and no latencies."""


def grouping(layer: Layer) -> str:
    """Whether a layer's output has a quantizer of its own."""
    if layer.op == "cat":
        return SHARED
    if layer.op in CLIPS | MAX_POOLS or pads_zeros(layer):
        return PASSING
    return OWN


def why_not(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why TensorRT cannot run a layer in integers as asked, or None where it can."""
    reason = _operator(layer)
    activation, weight = config.activation, config.weight
    if reason is not None:
        return reason
    if activation is None:
        return Text("the lowering to TensorRT keeps no weight in integers beside float values") if weight else None
    if activation.dynamic:
        return Text("TensorRT's int8 ranges are constants")
    if activation.dtype != "int8" or not activation.symmetric:
        return Text(
            "TensorRT takes symmetric int8 activations, not {scheme}",
            scheme=_scheme(activation.dtype, activation.symmetric),
        )
    if activation.granularity != "per_tensor":
        return Text("TensorRT quantizes activations per tensor")
    if layer.op not in WEIGHTED:
        return None
    if "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if weight is None:
        return Text("its weight stays float")
    if weight.dtype != "int8" or not weight.symmetric:
        return Text(
            "TensorRT takes symmetric int8 weights, not {scheme}", scheme=_scheme(weight.dtype, weight.symmetric)
        )
    if weight.granularity not in ("per_tensor", "per_channel"):
        return Text("TensorRT quantizes int8 weights per tensor or per channel")
    if layer.op.startswith("conv_transpose") and weight.granularity == "per_channel" and layer.args[6] != 1:
        return Text("TensorRT takes per-tensor weights in grouped transposed convolutions")
    return None


def _operator(layer: Layer) -> str | None:
    if layer.op == "conv1d":
        return Text("TensorRT convolves in two or three dimensions")
    if layer.op not in RUNS:
        return Text("TensorRT computes {op} in floating point", op=layer.op)
    if layer.op == "pad" and not pads_zeros(layer):
        return Text("only padding with zeros stays on the grid")
    if layer.op.startswith("adaptive_avg_pool") and not pools_to_one(layer):
        return Text("ONNX has average pooling to output size 1 only")
    if layer.op == "mean" and not over_all_of_space(layer):
        return Text("TensorRT averages in integers over all of height and width only")
    if layer.op in CLIPS and not has_constant_limits(layer):
        return Text("its limits are tensors, not numbers")
    if layer.op in ("add", "mul", "matmul") and not between_two_values(layer):
        return Text("TensorRT runs it in integers only between two activations")
    return None


def _scheme(dtype: str, symmetric: bool) -> str:
    return f"{'symmetric' if symmetric else 'affine'} {dtype}"
