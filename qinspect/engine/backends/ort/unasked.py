"""What onnxruntime would quantize although the plan leaves it in float."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ..onnx.naming import LAYER, metadata

ROUNDED = ("Conv", "ConvTranspose", "Gemm")
"""Operators whose stored weight and bias the runtime rounds, where what they read comes out of a dequantizer."""


def keep_float(model: onnx.ModelProto, quantized: Collection[str]) -> None:
    """Keep the runtime's hands off layers in float that read from quantized ones.

    Its optimizer rounds the weight of a float convolution or Gemm behind a dequantizer to int8 per tensor
    (`WeightBiasQuantization`), and makes an integer kernel of it where a quantizer follows. It does so only where
    the dequantizer has one scale for all: with the same scale once for each channel it computes the same numbers,
    and the layer stays as it is.

    Parameters
    ----------
    model : onnx.ModelProto
        Changed.
    quantized : collection of str
        Ids of the layers that are to be quantized.
    """
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type not in ROUNDED or metadata(node, LAYER) in quantized:
            continue
        source = makers.get(node.input[0])
        if source is None or source.op_type != "DequantizeLinear" or arrays[source.input[1]].dims:
            continue
        shape = _stored_shape(node.input[1], makers, arrays)
        if shape is None:
            continue
        for index, name in enumerate(source.input[1:3], start=1):
            spread = f"{source.name}/{('scale', 'zero_point')[index - 1]}"
            number: NDArray[Any] = numpy_helper.to_array(arrays[name])
            model.graph.initializer.append(numpy_helper.from_array(np.full(_channels(node, shape), number), spread))
            source.input[index] = spread
        source.attribute.append(helper.make_attribute("axis", 1))


def _stored_shape(
    name: str, makers: dict[str, onnx.NodeProto], arrays: dict[str, onnx.TensorProto]
) -> tuple[int, ...] | None:
    """The shape of a weight, which may be stored in integers."""
    while name not in arrays:
        maker = makers.get(name)
        if maker is None or maker.op_type not in ("DequantizeLinear", "Cast"):
            return None
        name = maker.input[0]
    return tuple(arrays[name].dims)


def _channels(node: onnx.NodeProto, shape: tuple[int, ...]) -> int:
    """Length of axis 1 of what a node reads."""
    attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
    if node.op_type == "Gemm":
        return shape[1] if attributes.get("transB", 0) else shape[0]
    return shape[0] if node.op_type == "ConvTranspose" else shape[1] * int(attributes.get("group", 1))
