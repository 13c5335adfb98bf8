"""What torch.ao's quantized operators (FX graph mode) run in integers."""

from __future__ import annotations

from ...graph import Layer, refs
from ...plan.qconfig import QConfig, TensorConfig
from ...plan.target import Target
from ...text import Text
from ..clips import CLIPS, has_constant_limits
from ..grouping import OWN, PASSING, SHARED, between_two_values, pads_zeros, takes_nearest

WEIGHTED = frozenset({"conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "linear"})
AVERAGES = frozenset({f"{kind}avg_pool{n}d" for kind in ("", "adaptive_") for n in (1, 2, 3)} | {"mean"})
MAX_POOLS = frozenset({"max_pool1d", "max_pool2d", "max_pool3d"})
RUNS = (
    WEIGHTED
    | AVERAGES
    | MAX_POOLS
    | frozenset(
        {
            "add",
            "mul",
            "cat",
            "hardswish",
            "leaky_relu",
            "sigmoid",
            "tanh",
            "elu",
            "prelu",
            "interpolate",
            "relu",
            "relu6",
            "hardtanh",
            "clamp",
            "pad",
        }
    )
)

ONEDNN_PAIRS = frozenset({("conv2d", "add"), ("linear", "leaky_relu"), ("linear", "tanh")})
"""``ConvAdd2d``, ``ConvAddReLU2d``, ``LinearLeakyReLU`` and ``LinearTanh`` of torch.ao."""

RUNS_PYTHON = True
"""Code of the model's author may stand among the kernels."""


RECURRENT = frozenset({"lstm", "gru", "lstm_cell", "gru_cell"})
DYNAMIC = RECURRENT | {"linear"}
"""Layers that round what they read at run time: ``quantized.linear_dynamic`` and what torch builds on it."""


def grouping(layer: Layer) -> str:
    """Whether a layer's output has a quantizer of its own."""
    if layer.op == "cat" or layer.op in AVERAGES or (layer.op == "interpolate" and not takes_nearest(layer)):
        return SHARED
    if layer.op in CLIPS | MAX_POOLS or pads_zeros(layer) or takes_nearest(layer):
        # torch's quantized ReLU keeps its input's scale and zero point.
        return PASSING
    return OWN


def why_not(layer: Layer, config: QConfig, target: Target) -> str | None:
    """Why torch cannot run a layer in integers as asked, or None where it can."""
    activation, weight = config.activation, config.weight
    if activation is None:
        return None if weight is None else _weight_only_refused(layer, weight)
    if activation.dynamic:
        return _dynamic_refused(layer, activation, weight, target)
    if reason := _operator_refused(layer) or _engine_refused(layer, target):
        return reason
    if activation.dtype != "uint8":
        return Text("torch's integer kernels take uint8 activations, not {dtype}", dtype=activation.dtype)
    if activation.granularity != "per_tensor":
        return Text("activations are quantized per tensor")
    return _weight_refused(layer, weight) if layer.op in WEIGHTED else None


def _operator_refused(layer: Layer) -> str | None:
    """Why no engine of torch's runs such an operator in integers."""
    if layer.op not in RUNS:
        return Text("torch has no integer kernel for {op}", op=layer.operator)
    if layer.op == "pad" and not pads_zeros(layer):
        return Text("only padding with zeros stays on the grid")
    if layer.op == "interpolate" and not _interpolates(layer):
        return Text(
            "torch interpolates integers nearest in two and three dimensions, bilinearly in two, to a known size"
        )
    if layer.op in WEIGHTED | {"prelu"} and "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if layer.op in CLIPS and not has_constant_limits(layer):
        return Text("its limits are tensors, not numbers")
    if layer.op in ("add", "mul") and not between_two_values(layer):
        return Text("torch runs it in integers only between two activations")
    return None


def _engine_refused(layer: Layer, target: Target) -> str | None:
    """Why the target's engine alone does not run an operator."""
    if layer.op.startswith("conv_transpose") and target.engine != "qnnpack":
        # Measured with torch 2.13: fbgemm at 8 to 8 channels, onednn at 8 to 4 are off by 130 to 250 steps.
        return Text(
            "torch's integer transposed convolution computes wrong numbers with engine {engine}", engine=target.engine
        )
    if target.engine == "qnnpack" and layer.op in ("conv3d", "conv_transpose1d", "max_pool3d"):
        return Text("qnnpack has no {op}", op=layer.op)
    return None


def _weight_refused(layer: Layer, weight: TensorConfig | None) -> str | None:
    """Why torch's kernels do not take a layer's weight as asked."""
    if layer.op != "linear" and len(layer.shape) != int(layer.op[-2]) + 2:
        return Text("the kernel takes inputs with a batch axis")
    if weight is None:
        return Text("its weight stays float")
    if weight.dtype != "int8":
        return Text("torch's integer kernels take int8 weights, not {dtype}", dtype=weight.dtype)
    if not weight.symmetric:
        return Text("the lowering to torch takes symmetric weights")
    if weight.granularity == "per_group":
        return Text("torch's integer kernels take weights per tensor or per channel")
    if layer.op.startswith("conv_transpose") and weight.granularity == "per_channel":
        return Text("torch takes per-tensor weights in transposed convolutions")
    if isinstance(layer.args[4] if len(layer.args) > 4 else None, str):
        return Text("torch's quantized convolution takes no padding by name")
    return None


def _interpolates(layer: Layer) -> bool:
    """Whether torch has a kernel for integers: tried with torch 2.13 for every engine."""
    plane = layer.target.startswith("aten.upsample_bilinear2d.") and not any(refs(layer.args[1:]))
    return plane or (takes_nearest(layer) and len(layer.shape) > 3)


def absorbs(layer: Layer, part: Layer, clip: Layer | None, target: Target) -> str | None:
    """Why no kernel computes a layer and `part` behind it in one go, or None where one does.

    Parameters
    ----------
    layer, part : Layer
        A convolution or linear layer, and an addition or a curve that reads it.
    clip : Layer | None
        What clips the sum of an addition, and would be fused as well.
    target : Target
    """
    if (layer.op, part.op) not in ONEDNN_PAIRS:
        return Text("torch has no integer kernel for {one} and {other} together", one=layer.op, other=part.op)
    if target.backend != "fx" or target.engine != "onednn":
        return Text(
            "only FX with engine onednn has a kernel for {one} and {other} together", one=layer.op, other=part.op
        )
    if part.op == "add" and len(part.shape) != 4:
        return Text("the kernel takes inputs with a batch axis")
    return None


def _dynamic_refused(layer: Layer, activation: TensorConfig, weight: TensorConfig | None, target: Target) -> str | None:
    """Why torch's dynamic kernel cannot run a layer as asked, or None where it can."""
    if layer.op not in DYNAMIC:
        return Text("torch has no dynamic kernel for {op}", op=layer.op)
    if layer.op == "linear" and "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if layer.op in RECURRENT and (reason := _recurrent_refused(layer, activation, target)):
        return reason
    if activation.bits not in (7, 8) or activation != TensorConfig("uint8", bits=activation.bits, dynamic=True):
        return Text(
            "torch's dynamic kernel takes uint8 inputs, affine, per tensor, of 7 or 8 bits, not {activation}",
            activation=activation,
        )
    if target.engine == "qnnpack" and activation.bits != 8:
        return Text("qnnpack's dynamic kernel takes 8 bits")
    if weight is None or weight.dtype != "int8" or not weight.symmetric or weight.granularity == "per_group":
        return Text(
            "torch's dynamic kernel takes symmetric int8 weights per tensor or channel, not {weight}",
            weight=weight or Text("float"),
        )
    return None


def _recurrent_refused(layer: Layer, activation: TensorConfig, target: Target) -> str | None:
    """What torch's dynamic kernels for LSTM and GRU ask besides."""
    cell = layer.op.endswith("_cell")
    if not cell and not isinstance(layer.args[2], (tuple, list)):
        return Text("torch's dynamic kernel is lowered for whole sequences only, not for packed ones")
    if any(role.startswith("weight_hr") for role in layer.roles):
        return Text("torch's dynamic LSTM has no projections")
    expected = 2 if cell else len(layer.args[2]) - (2 if layer.args[3] else 0) * layer.args[4] * (1 + layer.args[7])
    if sum(role.startswith("weight") for role in layer.roles) != expected:
        return Text("its weights are computed at run time")
    if cell and activation.bits != 7 and target.engine != "qnnpack":
        return Text("torch's dynamic cells take inputs of 7 bits")
    return None


def _weight_only_refused(layer: Layer, weight: TensorConfig) -> str | None:
    """Why torch cannot keep a weight alone in integers as asked, or None where it can."""
    if layer.op == "embedding":
        if "weight" not in layer.roles:
            return Text("its weight is computed at run time")
        if weight.dtype != "uint8" or weight.bits != 8 or weight.symmetric or weight.granularity != "per_channel":
            return Text("torch's quantized embedding stores affine uint8 rows, not {weight}", weight=weight)
        return None
    if layer.op != "linear":
        return Text("torch has no kernel for {op} with its weight alone in integers", op=layer.op)
    if "weight" not in layer.roles:
        return Text("its weight is computed at run time")
    if weight.dtype != "int8" or not weight.symmetric or weight.granularity != "per_channel":
        return Text("torch's weight-only kernel takes symmetric int8 weights per channel, not {weight}", weight=weight)
    return None
