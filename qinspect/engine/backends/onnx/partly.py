"""Layers that hand on float values in ONNX: their weight is rounded, and maybe what they read is, at run time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import onnx
import torch
from onnx import helper

from ...graph import Layer, Ref
from ...quantize import Quantization
from .weights import blocks, whole_numbers

FLOAT, INT8 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT8

EXACT = 1
"""MatMulNBits' accuracy_level: what it reads stays float32. From 4 on it rounds that to 8 bits as well, which is
what the runtime chooses where it makes a MatMulNBits of a DequantizeLinear and a MatMul."""


class Builder(Protocol):
    """Where operators are written to: `qdq`'s builder."""

    q: Quantization
    layer: Layer
    tensors: dict[str, str]

    def real(self, value: str, reader: str) -> str:
        """Name of the tensor with a value's real numbers."""
        ...

    def copy(self, nodes: Sequence[onnx.NodeProto]) -> None:
        """Write operators as they are in the float model."""
        ...

    def append(self, node: onnx.NodeProto, layer_id: str | None = None) -> None: ...

    def store(self, name: str, array: np.ndarray[Any, Any]) -> str:
        """Name of a stored tensor with this content."""
        ...

    def store_once(self, name: str, array: np.ndarray[Any, Any]) -> str:
        """The same, shared with other calls of the layer's module."""
        ...

    def weight(self) -> str:
        """Write what makes real numbers of the layer's stored weight; returns their tensor's name."""
        ...


def weight_only(to: Builder, nodes: Sequence[onnx.NodeProto]) -> None:
    """Write a layer whose weight alone is rounded.

    Of a linear layer with 4 bits that is a MatMulNBits; of others the float operator behind what makes
    real numbers of the stored weight.
    """
    layer = to.layer
    if layer.op == "linear" and layer.id in to.q.integer:
        main, rest = _split(to, nodes)
        _matmul_nbits(to, main)
        to.copy(rest)
        return
    for node in nodes:
        if node.op_type in ("Conv", "ConvTranspose", "Gemm"):
            node.input[1] = to.weight()
    to.copy(nodes)


def _matmul_nbits(to: Builder, output: str) -> None:
    layer, q = to.layer, to.q
    weight, bias, params = q.graph.weight(layer), q.graph.bias(layer), q.weights[layer.id]
    assert weight is not None
    packed, scale, zero, size = blocks(weight, params)
    stem = f"{layer.id}/weight"
    inputs = [
        to.real(layer.inputs[0], layer.id),
        to.store_once(f"{stem}/quantized", packed),
        to.store_once(f"{stem}/scale", scale),
    ]
    if zero is not None:
        inputs.append(to.store_once(f"{stem}/zero_point", zero))
    product = output if bias is None else f"{layer.id}/product"
    attributes = {"K": weight.shape[1], "N": weight.shape[0], "block_size": size, "accuracy_level": EXACT}
    attributes["bits"] = 4 if params.dtype.endswith("4") else 8
    to.append(helper.make_node("MatMulNBits", inputs, [product], layer.id, domain="com.microsoft", **attributes))
    _add_bias(to, bias, product, output)


def _add_bias(to: Builder, bias: torch.Tensor | None, product: str, output: str, spatial: int = 0) -> None:
    if bias is not None:
        stored = to.store_once(f"{to.layer.id}/bias", _by_channel(bias.detach().numpy(), spatial))
        to.append(helper.make_node("Add", [product, stored], [output], f"{to.layer.id}/add_bias"))


def dynamic(to: Builder, nodes: Sequence[onnx.NodeProto], rounded: dict[str, tuple[str, str, str]]) -> None:
    """Write a layer that rounds what it reads: DynamicQuantizeLinear, MatMulInteger or ConvInteger, and the scale.

    Parameters
    ----------
    to : Builder
    nodes : sequence of onnx.NodeProto
        The layer's, in the float model.
    rounded : dict
        Values that were rounded before, to the tensors of integers, scale and zero point: several
        layers share them. Added to.
    """
    layer, q = to.layer, to.q
    main, rest = _split(to, nodes)
    operands = [item.value for item in layer.args[:2] if isinstance(item, Ref)]
    numbers, scale, zero = _rounded(to, operands[0], rounded)
    params = q.weights.get(layer.id)
    bias = None
    conv = next((node for node in nodes if node.op_type == "Conv"), None)
    spatial = 0
    if params is None:
        other, other_scale, other_zero = _rounded(to, operands[1], rounded)
    else:
        weight, bias = q.graph.weight(layer), q.graph.bias(layer)
        assert weight is not None
        whole, step = whole_numbers(weight, params), params.scale
        spatial = weight.dim() - 2 if conv is not None else 0
        if conv is None:
            whole = np.ascontiguousarray(whole.T)
        stem = f"{layer.id}/weight"
        other = to.store_once(f"{stem}/quantized", whole)
        if params.dtype.endswith("4"):
            to.append(helper.make_node("Cast", [other], [f"{stem}/wide"], f"{stem}/cast", to=INT8))
            other = f"{stem}/wide"
        other_scale = to.store_once(f"{stem}/scale", _by_channel(step, spatial))
        kind = whole.dtype if not params.dtype.endswith("4") else np.int8
        # One for all: where there is one scale for each channel, all zero points are 0.
        other_zero = to.store_once(f"{stem}/zero_point", np.asarray(params.zero_point.reshape(-1)[0], kind))
    sums = f"{layer.id}/sums"
    inputs = [numbers, other, zero, other_zero]
    if conv is None:
        to.append(helper.make_node("MatMulInteger", inputs, [sums], layer.id))
    else:
        integer = helper.make_node("ConvInteger", inputs, [sums], layer.id)
        integer.attribute.extend(conv.attribute)
        to.append(integer)
    real, both, product = f"{layer.id}/sums/real", f"{layer.id}/scale", f"{layer.id}/product"
    to.append(helper.make_node("Cast", [sums], [real], f"{layer.id}/cast", to=FLOAT))
    to.append(helper.make_node("Mul", [scale, other_scale], [both], f"{layer.id}/scales"))
    to.append(helper.make_node("Mul", [real, both], [main if bias is None else product], f"{layer.id}/rescale"))
    _add_bias(to, bias, product, main, spatial)
    to.copy(rest)


def _rounded(to: Builder, value: str, rounded: dict[str, tuple[str, str, str]]) -> tuple[str, str, str]:
    if value not in rounded:
        names = (f"{value}/now", f"{value}/now/scale", f"{value}/now/zero_point")
        source = to.real(value, to.layer.id)
        to.append(helper.make_node("DynamicQuantizeLinear", [source], list(names), f"{value}/now/quantize"))
        rounded[value] = names
    return rounded[value]


def _by_channel(array: np.ndarray[Any, Any], spatial: int) -> np.ndarray[Any, Any]:
    """One number for each channel, in a shape that broadcasts against (batch, channels, spatial axes)."""
    return array.reshape(-1, *[1] * spatial) if array.ndim else array


def _split(to: Builder, nodes: Sequence[onnx.NodeProto]) -> tuple[str, list[onnx.NodeProto]]:
    """Name of the tensor that the layer itself makes, and the operators of what it absorbed."""
    layer = to.layer
    main = f"{layer.id}/alone" if layer.executed else to.tensors[layer.value]
    last = next(index for index, node in enumerate(nodes) if main in node.output)
    return main, list(nodes[last + 1 :])
