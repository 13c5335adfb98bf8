"""From the float ONNX model and the qparams to a model with Q/DQ where TensorRT wants them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...graph import Layer
from ...qparams import QParams
from ...quantize import Quantization
from ..onnx.naming import LAYER, MERGED, VALUES, content_key, metadata
from ..onnx.protos import copied, set_property
from ..onnx.qdq import ABSORBED, INTEGERS, integer_tensor

WEIGHTED = {"Conv": 0, "ConvTranspose": 1, "Gemm": 0, "MatMul": 1}
"""Operators with a weight, and the axis of its output channels (Gemm with transB)."""


def tensorrt_model(float_bytes: bytes, quantization: Quantization) -> bytes:
    """The quantized model for TensorRT.

    One pair of QuantizeLinear and DequantizeLinear stands before the layers that read a value in
    integers, and float layers and outputs take the same value from behind it, so that whoever makes it
    hands on integers alone; weights are stored as int8 behind a DequantizeLinear of their own; biases stay float.
    Everything else is as in the float model, which TensorRT fuses by itself.

    Parameters
    ----------
    float_bytes : bytes
        From `export.float_model`, of the same graph.
    quantization : Quantization
        For target tensorrt.
    """
    model = onnx.load_from_string(float_bytes)
    tensors: dict[str, str] = json.loads(metadata(model, VALUES))
    merged: dict[str, str] = json.loads(metadata(model, MERGED))
    writer = _Writer(quantization, tensors, merged)
    for node in model.graph.node:
        layer = quantization.graph.by_id.get(metadata(node, LAYER))
        if layer is not None and layer.id in quantization.quantized:
            if not layer.transparent:
                writer.quantize(node, layer)
        elif layer is not None:
            writer.read_rounded(node, layer)
        writer.nodes.append(node)
    writer.hand_out_rounded([output.name for output in model.graph.output])
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    used = {name for node in writer.nodes for name in node.input}
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(writer.nodes)
    model.graph.initializer.extend(t for name, t in {**arrays, **writer.stored}.items() if name in used)
    whole = {value: integer_tensor(value) for value in writer.pairs}
    model.metadata_props.add(key=INTEGERS, value=json.dumps(whole))
    absorbed = {pad: conv for pad, conv in merged.items() if pad in quantization.quantized}
    model.metadata_props.add(key=ABSORBED, value=json.dumps(absorbed))
    return model.SerializeToString()


class _Writer:
    def __init__(self, q: Quantization, tensors: Mapping[str, str], merged: Mapping[str, str]) -> None:
        self.q = q
        self.tensors = tensors
        self.merged = merged
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self.equal: dict[tuple[Any, ...], str] = {}  # of a module, what is stored -> its name
        self.pairs: dict[str, str] = {}  # value -> its dequantized tensor

    def quantize(self, node: onnx.NodeProto, layer: Layer) -> None:
        """Give a node of a quantized layer its inputs by way of integers."""
        reads = {self.tensors[value]: value for value in layer.inputs if value in self.tensors}
        weighted = layer.id in self.q.weights and node.op_type in WEIGHTED
        for index, name in enumerate(node.input):
            if weighted and index == 1:
                node.input[index] = self._weight(layer)
            elif weighted and index == 2:
                node.input[index] = self._bias(layer)
            elif name in reads and reads[name] in self.q.values:
                node.input[index] = self.pair(reads[name], name, layer)

    def read_rounded(self, node: onnx.NodeProto, layer: Layer) -> None:
        """Give a node of a float layer what is in integers already as those say it."""
        for value in layer.inputs:
            tensor = self.tensors.get(value, "")
            if tensor in node.input and self.q.at_origin(value):
                rounded = self.pair(value, tensor, layer)
                node.input[:] = [rounded if name == tensor else name for name in node.input]

    def hand_out_rounded(self, outputs: Sequence[str]) -> None:
        """Put outputs of the model that are in integers behind their dequantizers."""
        for value, tensor in self.tensors.items():
            if tensor not in outputs or value not in self.pairs or not self.q.at_origin(value):
                continue
            names = {tensor: f"{tensor}/real", self.pairs[value]: tensor}
            for node in self.nodes:
                node.input[:] = [names.get(name, name) for name in node.input]
                node.output[:] = [names.get(name, name) for name in node.output]
            self.pairs[value] = tensor

    def pair(self, value: str, tensor: str, layer: Layer) -> str:
        producer = self.q.graph.producer.get(value)
        if producer is not None and producer.id in self.merged and producer.id in self.q.quantized:
            value = producer.inputs[0]  # a padding that the convolution took over: the same grid
        if value not in self.pairs:
            whole, self.pairs[value] = integer_tensor(value), f"{value}/dequantized"
            grid = self._grid(value, self.q.values[value])
            self._append("QuantizeLinear", [tensor, *grid], whole, f"{value}/quantize", layer)
            self._append("DequantizeLinear", [whole, *grid], self.pairs[value], f"{value}/dequantize", layer)
        return self.pairs[value]

    def _weight(self, layer: Layer) -> str:
        params, stem = self.q.weights[layer.id], f"{layer.id}/weight"
        weight = self.q.graph.weight(layer)
        assert weight is not None
        whole = params.quantize(weight.detach()).numpy().astype(np.int8)
        scale, zero = params.scale.astype(np.float32), params.zero_point.astype(np.int8)
        inputs = [
            self._store_once(layer, f"{stem}/quantized", whole),
            self._store_once(layer, f"{stem}/scale", scale),
            self._store_once(layer, f"{stem}/zero_point", zero),
        ]
        axis = {} if params.axis is None else {"axis": params.axis}
        self._append("DequantizeLinear", inputs, stem, f"{stem}/dequantize", layer, **axis)
        return stem

    def _bias(self, layer: Layer) -> str:
        """In float; a remedy may have changed it."""
        bias = self.q.graph.bias(layer)
        assert bias is not None
        return self._store_once(layer, f"{layer.id}/bias", bias.detach().numpy())

    def _grid(self, stem: str, params: QParams) -> list[str]:
        scale = self._store(f"{stem}/scale", params.scale.astype(np.float32))
        return [scale, self._store(f"{stem}/zero_point", params.zero_point.astype(np.int8))]

    def _store_once(self, layer: Layer, name: str, array: np.ndarray[Any, Any]) -> str:
        """Calls of one module share what is equal."""
        return self._store(self.equal.setdefault(content_key(layer, array), name), array)

    def _store(self, name: str, array: np.ndarray[Any, Any]) -> str:
        self.stored.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def _append(self, op: str, inputs: list[str], output: str, name: str, layer: Layer, **attributes: Any) -> None:
        node = helper.make_node(op, inputs, [output], name, **attributes)
        helper.set_model_props(node, {LAYER: layer.id})
        self.nodes.append(node)


def with_integers(model: onnx.ModelProto, quantization: Quantization) -> onnx.ModelProto:
    """A copy in which every value that is on a grid is quantized, those too that move before they are read."""
    copy = copied(model)
    tensors: dict[str, str] = json.loads(metadata(model, VALUES))
    merged: dict[str, str] = json.loads(metadata(model, MERGED))
    whole: dict[str, str] = json.loads(metadata(model, INTEGERS))
    writer = _Writer(quantization, tensors, merged)
    for layer in quantization.graph.layers:
        value = layer.value
        if not quantization.at_origin(value) or value in whole:
            continue
        # A merged padding has its source's numbers, around which whoever reads them puts the zeros.
        origin = layer.inputs[0] if layer.id in merged else value
        if origin == value and value not in tensors:
            continue  # the parts of a split, which are no tensor
        if origin not in whole:
            writer.pair(origin, tensors[value], layer)
        whole[value] = integer_tensor(origin)
    copy.graph.node.extend(node for node in writer.nodes if node.op_type == "QuantizeLinear")
    known = {tensor.name for tensor in copy.graph.initializer}
    copy.graph.initializer.extend(t for name, t in writer.stored.items() if name not in known)
    set_property(copy, INTEGERS, json.dumps(whole))
    return copy
