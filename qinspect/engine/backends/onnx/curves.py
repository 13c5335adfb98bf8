"""How activation functions are written in ONNX: in operators that the runtime has fast kernels for, or fuses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import ModelProto, NodeProto, helper

from ...graph import Layer
from .moves import Declined, Emitter, Writer
from .naming import LAYER, metadata
from .protos import drop_unread


def _unary(op: str, *names: str) -> Emitter:
    """An operator of one tensor; `names` are the ONNX attributes of the arguments that follow."""

    def write(writer: Writer, layer: Layer, output: str) -> None:
        if any(item is not None for item in layer.args[1 + len(names) :]):
            raise Declined
        attributes = dict(zip(names, layer.args[1:], strict=False))
        if not all(isinstance(value, (int, float)) for value in attributes.values()):
            raise Declined
        kinds = {key: value if key == "axis" else float(value) for key, value in attributes.items()}
        writer.node(op, [writer.tensor(layer.args[0])], output, **kinds)

    return write


def _number(writer: Writer, layer: Layer, name: str, value: float) -> str:
    return writer.constant(np.float32(value), f"{layer.id}/{name}")


def _hard_sigmoid(writer: Writer, layer: Layer, output: str) -> None:
    writer.node("HardSigmoid", [writer.tensor(layer.args[0])], output, alpha=1 / 6, beta=0.5)


def _hardswish(writer: Writer, layer: Layer, output: str) -> None:
    """In its parts: the runtime would take it apart too, and forget whose they are."""
    x = writer.tensor(layer.args[0])
    writer.node("Mul", [x, writer.node("HardSigmoid", [x], alpha=1 / 6, beta=0.5)], output)


def _silu(writer: Writer, layer: Layer, output: str) -> None:
    x = writer.tensor(layer.args[0])
    writer.node("Mul", [x, writer.node("Sigmoid", [x])], output)


def _gelu(writer: Writer, layer: Layer, output: str) -> None:
    """``(x * (1 + erf(x / sqrt 2))) / 2``: multiplied in this order the runtime makes one Gelu of it.

    With tanh it is ``x * sigmoid(2 u)``, since ``(1 + tanh u) / 2 = sigmoid(2 u)``: half the operators, and no Pow.
    """
    x = writer.tensor(layer.args[0])
    if layer.kwargs.get("approximate", "none") == "none":
        one, half, root = (
            _number(writer, layer, name, value) for name, value in (("one", 1), ("half", 0.5), ("root", math.sqrt(2)))
        )
        summed = writer.node("Add", [writer.node("Erf", [writer.node("Div", [x, root])]), one])
        writer.node("Mul", [writer.node("Mul", [x, summed]), half], output)
        return
    twice = 2 * math.sqrt(2 / math.pi)
    cubic, linear = _number(writer, layer, "cubic", 0.044715 * twice), _number(writer, layer, "linear", twice)
    rising = writer.node("Add", [writer.node("Mul", [writer.node("Mul", [x, x]), cubic]), linear])
    writer.node("Mul", [x, writer.node("Sigmoid", [writer.node("Mul", [x, rising])])], output)


def _mish(writer: Writer, layer: Layer, output: str) -> None:
    """``x * tanh(log(1 + e**x))`` as ``x * n / (n + 2)`` with ``n = e**x * (e**x + 2)``.

    The runtime computes Softplus value by value, Exp with vectors: a tenth of the time. From 20 on n / (n + 2) is 1.
    """
    x = writer.tensor(layer.args[0])
    high, two = _number(writer, layer, "high", 20), _number(writer, layer, "two", 2)
    power = writer.node("Exp", [writer.node("Clip", [x, "", high])])
    n = writer.node("Mul", [power, writer.node("Add", [power, two])])
    share = writer.node("Div", [n, writer.node("Add", [n, two])])
    writer.node("Mul", [x, share], output)


def _elu(writer: Writer, layer: Layer, output: str) -> None:
    alpha, scale, input_scale = (*layer.args[1:], 1, 1, 1)[:3]
    if scale != 1 or input_scale != 1:
        raise Declined
    writer.node("Elu", [writer.tensor(layer.args[0])], output, alpha=float(alpha))


def _softplus(writer: Writer, layer: Layer, output: str) -> None:
    """Beyond torch's threshold of 20, where it hands on x, both are the same in float32."""
    beta, threshold = (*layer.args[1:], 1, 20)[:2]
    if beta != 1 or threshold < 17:
        raise Declined
    writer.node("Softplus", [writer.tensor(layer.args[0])], output)


CURVES: Mapping[str, Emitter] = {
    "leaky_relu": _unary("LeakyRelu", "alpha"),
    "sigmoid": _unary("Sigmoid"),
    "tanh": _unary("Tanh"),
    "softmax": _unary("Softmax", "axis"),
    "selu": _unary("Selu"),
    "elu": _elu,
    "softplus": _softplus,
    "gelu": _gelu,
    "mish": _mish,
    "silu": _silu,
    "hardswish": _hardswish,
    "hardsigmoid": _hard_sigmoid,
}

WHOLE: Mapping[str, tuple[str, Mapping[str, Any]]] = {"gelu": ("Gelu", {}), "silu": ("QuickGelu", {"alpha": 1.0})}
"""onnxruntime's own operator for a curve, and its attributes."""


def as_one(layer: Layer, nodes: Sequence[NodeProto]) -> Sequence[NodeProto]:
    """A curve that reads what was dequantized as the one operator that onnxruntime otherwise makes of its parts.

    It gives each part a dequantizer of its own first, and then finds no curve.
    """
    if len(nodes) < 2 or layer.op not in WHOLE or layer.kwargs.get("approximate", "none") != "none":
        return nodes
    op, attributes = WHOLE[layer.op]
    source, result = nodes[0].input[0], nodes[-1].output[0]
    node = helper.make_node(op, [source], [result], layer.id, domain="com.microsoft", **attributes)
    node.metadata_props.extend(nodes[0].metadata_props)
    return [node]


GELU_PARTS = frozenset({"Mul", "Add", "Div", "Erf", "Sigmoid", "Gelu"})


def with_gelu(model: ModelProto) -> None:
    """Make each GELU the operator that opset 20 has for it, in place."""
    parts: dict[str, list[NodeProto]] = {}
    for node in model.graph.node:
        layer = metadata(node, LAYER)
        if node.op_type in GELU_PARTS and layer.rpartition(":")[2].partition("@")[0].partition("#")[0] == "gelu":
            parts.setdefault(layer, []).append(node)
    gone: dict[str, NodeProto | None] = {}
    for layer, nodes in parts.items():
        tanh = any(node.op_type == "Sigmoid" for node in nodes)
        whole = helper.make_node(
            "Gelu", nodes[0].input[:1], nodes[-1].output[:1], layer, approximate="tanh" if tanh else "none"
        )
        whole.metadata_props.extend(nodes[0].metadata_props)
        gone.update({node.output[0]: None for node in nodes})
        gone[nodes[-1].output[0]] = whole
    kept = [gone.get(node.output[0], node) for node in model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(node for node in kept if node is not None)
    drop_unread(model)
    if not any(node.domain for node in model.graph.node):
        own = [item for item in model.opset_import if item.domain in ("", "ai.onnx")]
        del model.opset_import[:]
        model.opset_import.extend(own)
