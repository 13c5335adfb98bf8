"""What inductor runs in integers, on x86, from a program quantized with PT2E."""

from __future__ import annotations

from ...graph import Layer
from ...plan.qconfig import QConfig, TensorConfig
from ...plan.target import Target
from ...text import Text
from ..clips import CLIPS, has_constant_limits
from ..fx.table import grouping
from ..grouping import pads_zeros
from .nodes import WEIGHTED

__all__ = ["LOOPS", "WEIGHTED", "absorbs", "grouping", "hands_on_float", "why_not"]

LOOPS = frozenset(
    {
        "add", "mul", "cat", "hardswish", "hardsigmoid", "leaky_relu", "sigmoid", "tanh", "elu", "prelu", "silu",
        "avg_pool2d", "adaptive_avg_pool2d", "mean", "max_pool1d", "max_pool2d", "relu", "relu6", "hardtanh", "clamp",
        "pad",
    }
)  # fmt: skip
"""Layers that become loops of C++ over integers: read, computed in registers, rounded, written."""


IN_BFLOAT16 = Text(
    "inductor's kernel for weights alone in int8 takes bfloat16 values; with float32 it is slower than a float layer"
)
"""``aten._weight_int8pack_mm``: with float32 it was measured 2 to 400 times slower than a float linear layer, since
nothing there uses vector instructions, and inductor itself chooses it for bfloat16 alone."""

ONE_CALL = frozenset({("conv2d", "add"), ("conv2d", "hardswish"), ("conv2d", "silu"), ("linear", "gelu")})
"""What inductor's patterns put into one call of oneDNN where no quantizer stands between."""


def hands_on_float(layer: Layer) -> bool:
    """Whether a layer with a weight may hand on real numbers: oneDNN's kernels scale their sums either way."""
    return layer.op in WEIGHTED


def absorbs(layer: Layer, part: Layer, clip: Layer | None, target: Target) -> str | None:
    """Why inductor does not compute a layer and `part` behind it in one call, or None where it does.

    Parameters are those of `fx.table.absorbs`.
    """
    if (layer.op, part.op) == ("linear", "add"):
        return Text("inductor adds to the sums of a linear layer only what is float")
    if (layer.op, part.op) not in ONE_CALL:
        return Text("inductor has no integer kernel for {one} and {other} together", one=layer.op, other=part.op)
    if part.op == "add" and clip is not None and clip.op != "relu":
        return Text("inductor's kernel clips sums by ReLU alone, not by {op}", op=clip.op)
    if part.op == "add" and len(part.shape) != 4:
        return Text("the kernel takes inputs with a batch axis")
    return None


def why_not(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why inductor cannot run a layer in integers as asked, or None where it can."""
    if layer.op.startswith("conv_transpose"):
        return Text("torchao's pattern for integer convolutions does not look whether they are transposed")
    if layer.op not in WEIGHTED | LOOPS:
        return Text("inductor has no integer kernel for {op}", op=layer.operator)
    if layer.op == "pad" and not pads_zeros(layer):
        return Text("only padding with zeros stays on the grid")
    if layer.op in CLIPS and not has_constant_limits(layer):
        return Text("its limits are tensors, not numbers")
    activation, weight = config.activation, config.weight
    if activation is None:
        return IN_BFLOAT16 if weight is not None else None
    if activation.dynamic and layer.op != "linear":
        return Text("inductor has no integer kernel for {op} with a range at run time", op=layer.op)
    if activation.dtype != "uint8":
        return Text("inductor's integer kernels take uint8 activations, not {dtype}", dtype=activation.dtype)
    if activation.granularity != "per_tensor":
        return Text("activations are quantized per tensor")
    if activation.dynamic and activation.symmetric:
        return Text("torch chooses affine ranges at run time")
    return _weight_refused(layer, weight) if layer.op in WEIGHTED else None


def _weight_refused(layer: Layer, weight: TensorConfig | None) -> str | None:
    """Why inductor's kernels do not take a layer's weight as asked."""
    if "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if weight is None:
        return Text("its weight stays float")
    if weight.dtype != "int8":
        return Text("inductor's integer kernels take int8 weights, not {dtype}", dtype=weight.dtype)
    if not weight.symmetric:
        return Text("inductor's integer kernels take symmetric weights")
    if weight.granularity == "per_group":
        return Text("inductor's integer kernels take weights per tensor or per channel")
    if isinstance(layer.args[4] if len(layer.args) > 4 else None, str):
        return Text("inductor's quantized convolution takes no padding by name")
    return None
