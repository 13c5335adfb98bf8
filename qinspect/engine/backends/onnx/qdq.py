"""From the float ONNX model and the qparams to the model with QuantizeLinear and DequantizeLinear."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ...graph import Layer
from ...qparams import QParams
from ...quantize import Quantization
from ..clips import clip_limits, whole_limits
from ..grouping import PASSING
from ..ort.table import SIXTEEN_BITS, grouping, stored
from ..ort.unasked import keep_float
from . import partly as onnx_partly
from .curves import as_one
from .naming import LAYER, MERGED, VALUES, content_key, metadata
from .opset import needed_opset
from .protos import drop_unread
from .weights import STORAGE, whole_numbers

MOVES = frozenset(
    {
        "Reshape",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Slice",
        "Split",
        "Gather",
        "Expand",
        "Tile",
        "Identity",
    }
)
"""They move values, integers as well as others."""

PICKS = MOVES | {"MaxPool", "Pad", "Concat", "Resize", "DepthToSpace", "SpaceToDepth"}
"""On a grid they give what the float operator gives, rounded."""

COMPUTES = frozenset(
    {
        "Conv",
        "Gemm",
        "MatMul",
        "Add",
        "Mul",
        "AveragePool",
        "GlobalAveragePool",
        "LeakyRelu",
        "Sigmoid",
        "Softmax",
        "Concat",
    }
)
"""They compute new values: between a dequantizer for every input and a quantizer."""


INTEGERS, ABSORBED, CLIPS = "qinspect.integers", "qinspect.absorbed", "qinspect.clips"
SIGNED = "qinspect.signed"
"""Keys of the model's metadata, JSON: value name to the tensor that holds its integers; layers that
no operator is left of to the layers that do their work; values whose clip is one of integers, or is left
to the ends of the grid, to its limits; and values whose signed integers are stored as `table.stored` says."""


def quantized_model(float_bytes: bytes, quantization: Quantization) -> bytes:
    """The quantized model: QDQ around what computes, integers through what only moves or picks.

    Parameters
    ----------
    float_bytes : bytes
        From `export.float_model`, of the same graph.
    quantization : Quantization
        Values in ``at_origin`` are quantized behind the layer that makes them, others where a
        quantized layer reads them. Weights are stored as integers, biases as int32 on the grid
        ``input scale * weight scale``.

    Returns
    -------
    bytes
        A serialized model with the same inputs and outputs.

    Notes
    -----
    A clip (ReLU, ReLU6, clamp) behind a quantized layer disappears where the ends of the grid clip
    the same; elsewhere it clips the integers. Since rounding is monotonic, and 0 lies on every
    grid, ``q(min(max(x, a), b)) = min(max(q(x), q(a)), q(b))``: both give the same numbers.
    """
    return _Builder(onnx.load_from_string(float_bytes), quantization).run().SerializeToString()


def integer_tensor(value: str) -> str:
    """Name of the tensor that holds a value's integers."""
    return f"{value}/quantized"


class _Builder:
    def __init__(self, model: onnx.ModelProto, quantization: Quantization) -> None:
        self.model = model
        self.q = quantization
        self.grids = {value: stored(params) for value, params in quantization.values.items()}
        self.tensors: dict[str, str] = json.loads(metadata(model, VALUES))
        self.merged: dict[str, str] = json.loads(metadata(model, MERGED))
        self.outputs = {item.name for item in model.graph.output}
        self.arrays = {tensor.name: tensor for tensor in model.graph.initializer}
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self.equal: dict[tuple[Any, ...], str] = {}  # of a module, what is stored -> its name
        self.ints: dict[str, str] = {}  # value -> tensor of integers
        self.floats: dict[tuple[str, str], str] = {}  # value, layer -> dequantized for it
        self.rounded: dict[str, tuple[str, str, str]] = {}  # value -> what was made of it at run time
        self.values = {}  # float tensor -> value; a merged padding's is its source's
        for value, tensor in self.tensors.items():
            if value not in {layer.value for layer in self.q.graph.layers if layer.id in self.merged}:
                self.values[tensor] = value
        self.dropped: dict[str, str] = {}  # layers without an operator left -> the layer that does their work
        self.clips: dict[str, list[float | None]] = {}
        self.layer: Layer = quantization.graph.layers[0]
        self.count: dict[str, int] = {}

    def run(self) -> onnx.ModelProto:
        groups: dict[str, list[onnx.NodeProto]] = {}
        for node in self.model.graph.node:
            groups.setdefault(metadata(node, LAYER), []).append(node)
        for layer in self.q.graph.layers:
            self.layer = layer
            nodes = groups.get(layer.id, [])
            if layer.id in self.merged:
                if layer.id in self.q.quantized:
                    self.ints[layer.value] = self._integers(layer.inputs[0])
            elif layer.id in self.q.dynamic:
                onnx_partly.dynamic(self, nodes, self.rounded)
            elif layer.id in self.q.weight_only:
                onnx_partly.weight_only(self, nodes)
            elif layer.id not in self.q.quantized:
                self.copy(as_one(layer, nodes) if any(map(self.q.at_origin, layer.inputs)) else nodes)
            elif nodes:
                self._quantize_layer(nodes)
        for node in groups.get("", []):  # what names an output
            value = self.values[node.input[0]]
            node.input[0] = self.real(value, "")
            self.nodes.append(node)
        for name in self.outputs:
            value = self.values.get(name)
            if value is not None and self.q.at_origin(value):
                self._dequantize(value, self.ints[value], self._name("dequantize", name), "", name)
        absorbed = {pad: conv for pad, conv in self.merged.items() if pad in self.q.quantized} | self.dropped
        extra = {INTEGERS: json.dumps(self.ints), ABSORBED: json.dumps(absorbed), CLIPS: json.dumps(self.clips)}
        if shifted := sorted(value for value in self.q.values if self.q.values[value].dtype != self.grids[value].dtype):
            extra[SIGNED] = json.dumps(shifted)
        graph = self.model.graph
        result = helper.make_model(
            helper.make_graph(self.nodes, graph.name, graph.input, graph.output, value_info=graph.value_info),
            opset_imports=self.model.opset_import,
            ir_version=self.model.ir_version,
            producer_name=self.model.producer_name,
        )
        result.metadata_props.extend(self.model.metadata_props)
        # Of a large model a copy of the float weights, which nothing reads any more, is not to be made.
        read = {name for node in self.nodes for name in node.input}
        kept = {**self.arrays, **self.stored}
        result.graph.initializer.extend(tensor for name, tensor in kept.items() if name in read)
        keep_float(result, self.q.quantized)
        drop_unread(result)
        self._say_opsets(result)
        for key, text in extra.items():
            result.metadata_props.add(key=key, value=text)
        return result

    @staticmethod
    def _say_opsets(model: onnx.ModelProto) -> None:
        """Raise the opset where something needs it, and say whose other operators there are."""
        model.opset_import[0].version = max(needed_opset(model), model.opset_import[0].version)
        if any(node.domain == "com.microsoft" for node in model.graph.node):
            model.opset_import.append(helper.make_opsetid("com.microsoft", 1))

    # -- layers ---------------------------------------------------------------------------------

    def copy(self, nodes: Iterable[onnx.NodeProto]) -> None:
        """Write operators as they are: they read real numbers."""
        for node in nodes:
            node.input[:] = [
                self.real(self._reads(name), self.layer.id) if name in self.values else name for name in node.input
            ]
            self.nodes.append(node)

    def _reads(self, tensor: str) -> str:
        """The value that the layer reads as this tensor: it may be that of a padding it took over."""
        for value in self.layer.inputs:
            producer = self.q.graph.producer.get(value)
            if producer is not None and self.merged.get(producer.id) == self.layer.id and self.tensors[value] == tensor:
                return value
        return self.values[tensor]

    def _quantize_layer(self, nodes: list[onnx.NodeProto]) -> None:
        layer = self.layer
        passing = layer.transparent or grouping(layer) == PASSING
        data = self._data(nodes)
        touched = [node for node in nodes if any(name in data for name in node.output)]
        if not self._on_whole_numbers(touched, passing):
            self._around(nodes, data)
            return
        made = {name: self.values[name] for node in nodes for name in node.output if name in self.values}
        ints: dict[str, str] = {}  # the layer's own tensors
        left = False
        for node in nodes:
            if layer.value not in self.grids and not any(name in ints or name in self.values for name in node.input):
                self.nodes.append(node)  # behind the sums, which are real numbers
            elif not any(name in data for name in node.output):
                # The size of something: it is the same whether real numbers or whole ones are asked.
                node.input[:] = [self._int_of(name, ints) if name in data else name for name in node.input]
                self.nodes.append(node)
            elif node.op_type in COMPUTES and not (passing or self._same_grid(node)):
                self._compute(node, ints)
                left = True
            elif node.op_type in ("Clip", "Relu"):
                left = self._clip(node, ints) or left
            else:
                node.input[:] = [self._int_of(name, ints) if name in data else name for name in node.input]
                if node.op_type == "Pad":
                    zero = self._zero_point(self.grids[layer.value])
                    node.input[:] = [*node.input[:2], self.store(f"{layer.id}/zero_point", zero)]
                for index, name in enumerate(node.output):
                    value = self.values.get(name)
                    ints[name] = node.output[index] = integer_tensor(name if value is None else value)
                self.append(node)
                left = True
        self.ints.update({value: ints[name] for name, value in made.items() if name in ints})
        if not left:
            source = self.q.graph.producer.get(layer.inputs[0])
            self.dropped[layer.id] = source.id if source else ""

    def _on_whole_numbers(self, nodes: list[onnx.NodeProto], passing: bool) -> bool:
        """Whether a layer's operators are one that computes, and others that the runtime has for integers."""
        if not self.layer.transparent and self._grids_of_layer() & SIXTEEN_BITS:
            return False
        known = {"Clip", "Relu"} | (PICKS if passing else MOVES | COMPUTES)
        computing = sum(node.op_type in COMPUTES for node in nodes)
        return all(node.op_type in known for node in nodes) and (passing or computing == 1)

    def _grids_of_layer(self) -> set[str]:
        """Types of the values that the layer reads and hands on."""
        values = (*self.layer.inputs, self.layer.value)
        return {self.grids[value].dtype for value in values if value in self.grids}

    def _data(self, nodes: list[onnx.NodeProto]) -> set[str]:
        """The tensors of a layer that hold data: those that it reads, and those made of them, sizes left out."""
        data = {name for node in nodes for name in node.input if name in self.values}
        for node in nodes:
            if node.op_type not in ("Shape", "Size") and any(name in data for name in node.input):
                data.update(node.output)
        return data

    def _same_grid(self, node: onnx.NodeProto) -> bool:
        """Whether a Concat's inputs and output share one grid, so that integers can be put together."""
        if node.op_type != "Concat":
            return False
        out = self.grids[self.layer.value]
        return all(_equal(self.grids[self._reads(name)], out) for name in node.input if name in self.values)

    def _compute(self, node: onnx.NodeProto, ints: dict[str, str]) -> None:
        layer = self.layer
        inputs = []
        for index, name in enumerate(node.input):
            if index > 0 and layer.id in self.q.weights:
                inputs.append(self.weight() if index == 1 else self._bias())
            elif name in ints or name in self.values:
                value = self._reads(name) if name in self.values else layer.inputs[0]
                inputs.append(self._dequantize(value, self._int_of(name, ints), self._name("dequantize"), layer.id))
            else:
                inputs.append(name)
        node.input[:] = inputs
        if layer.value not in self.grids:
            # Its readers take real numbers: the runtime has integer kernels that give such.
            self.append(node)
            return
        real, output = f"{layer.id}/real", node.output[0]
        last = self.values.get(output) == layer.value
        result = integer_tensor(layer.value) if last else f"{layer.id}/integers"
        ints[output] = result
        node.output[:] = [real]
        self.append(node)
        self._quantize(layer.value, real, result, self._name("quantize"), layer.id)

    def _clip(self, node: onnx.NodeProto, ints: dict[str, str]) -> bool:
        """Clip integers; False where the grid's ends do it."""
        layer, source = self.layer, self._int_of(node.input[0], ints)
        params = self.grids[layer.value]
        ends = whole_limits(params, layer)
        ints[node.output[0]] = source
        self.clips[layer.value] = list(clip_limits((layer, *layer.executed)[-1]))
        if ends == (params.qmin, params.qmax):
            return False
        dtype = np.dtype(params.dtype).type
        names = (f"{layer.id}/low", f"{layer.id}/high")
        bounds = [self.store(name, np.asarray(dtype(end))) for name, end in zip(names, ends, strict=True)]
        clipped = f"{layer.id}/clipped"
        self.append(helper.make_node("Clip", [source, *bounds], [clipped], f"{layer.id}/Clip"))
        ints[node.output[0]] = clipped
        return True

    def _around(self, nodes: list[onnx.NodeProto], data: set[str]) -> None:
        """Quantize and dequantize around operators that cannot be told apart; what runs between is float."""
        layer = self.layer
        own = {name for node in nodes for name in node.output if name in data}
        own -= {name for name in own if name in self.values and self.values[name] not in self.grids}
        for node in nodes:
            inputs: list[str] = []
            for index, name in enumerate(node.input):
                if index > 0 and layer.id in self.q.weights and node.op_type in ("Conv", "Gemm"):
                    inputs.append(self.weight() if index == 1 else self._bias())
                elif name in own:
                    inputs.append(f"{name}/real")
                elif name in data and (value := self._reads(name)) in self.grids:
                    inputs.append(self._dequantized(value))
                else:
                    inputs.append(name)
            node.input[:] = inputs
            node.output[:] = [f"{name}/real" if name in own else name for name in node.output]
            self.nodes.append(node)
        for name in own & self.values.keys():
            value = self.values[name]
            self.ints[value] = integer_tensor(value)
            self._quantize(value, f"{name}/real", self.ints[value], self._name("quantize"), layer.id)

    def _dequantized(self, value: str) -> str:
        """Real numbers on the grid, for this layer."""
        key = (value, f"{self.layer.id}, on the grid")
        if key not in self.floats:
            self.floats[key] = self._dequantize(value, self._integers(value), self._name("dequantize"), self.layer.id)
        return self.floats[key]

    # -- tensors --------------------------------------------------------------------------------

    def _int_of(self, name: str, ints: dict[str, str]) -> str:
        return ints[name] if name in ints else self._integers(self._reads(name))

    def _integers(self, value: str) -> str:
        """Integers of a value; where a float layer made it they are made here, once."""
        if value not in self.ints:
            real = self.real(value, self.layer.id)
            self.ints[value] = integer_tensor(value)
            self._quantize(value, real, self.ints[value], self._name("quantize_input"), self.layer.id)
        return self.ints[value]

    def real(self, value: str, reader: str) -> str:
        """Real numbers of a value, dequantized once for each layer that reads them."""
        if self.q.at_origin(value):
            key = (value, reader)
            if key not in self.floats:
                name = self._name("dequantize", reader or value)
                self.floats[key] = self._dequantize(value, self.ints[value], name, reader)
            return self.floats[key]
        producer = self.q.graph.producer.get(value)
        if producer is not None and producer.id in self.merged:
            return self.real(producer.inputs[0], reader)
        return self.tensors[value]

    def _name(self, stem: str, owner: str = "") -> str:
        """A name for an operator that no other has."""
        name = f"{owner or self.layer.id}/{stem}"
        self.count[name] = self.count.get(name, 0) + 1
        return name if self.count[name] == 1 else f"{name}_{self.count[name]}"

    def append(self, node: onnx.NodeProto, layer_id: str | None = None) -> None:
        del node.metadata_props[:]
        helper.set_model_props(node, {LAYER: self.layer.id if layer_id is None else layer_id})
        self.nodes.append(node)

    def store(self, name: str, array: np.ndarray[Any, Any]) -> str:
        if name not in self.stored:
            self.stored[name] = numpy_helper.from_array(array, name)
        return name

    def store_once(self, name: str, array: np.ndarray[Any, Any]) -> str:
        """Store what belongs to the layer's weight; calls of one module share what is equal."""
        return self.store(self.equal.setdefault(content_key(self.layer, array), name), array)

    def _zero_point(self, params: QParams) -> np.ndarray[Any, Any]:
        return params.zero_point.astype(params.dtype)

    def _grid(self, stem: str, params: QParams) -> list[str]:
        zero = self.store(f"{stem}/zero_point", self._zero_point(params))
        return [self.store(f"{stem}/scale", params.scale.astype(np.float32)), zero]

    def _quantize(self, value: str, source: str, result: str, name: str, layer_id: str) -> None:
        grid = self._grid(value, self.grids[value])
        self.append(helper.make_node("QuantizeLinear", [source, *grid], [result], name), layer_id)

    def _dequantize(self, value: str, source: str, name: str, layer_id: str, result: str = "") -> str:
        grid = self._grid(value, self.grids[value])
        result = result or f"{name}/value"
        self.append(helper.make_node("DequantizeLinear", [source, *grid], [result], name), layer_id)
        return result

    def weight(self) -> str:
        """Real numbers of the layer's weight, made of what is stored."""
        layer, params = self.layer, self.q.weights[self.layer.id]
        weight = self.q.graph.weight(layer)
        assert weight is not None
        stem = f"{layer.id}/weight"
        whole = self.store_once(f"{stem}/quantized", whole_numbers(weight, params))
        if params.dtype in ("fp16", "bf16"):
            self.append(helper.make_node("Cast", [whole], [stem], f"{stem}/cast", to=onnx.TensorProto.FLOAT))
            return stem
        zero = (
            []
            if params.is_float
            else [self.store_once(f"{stem}/zero_point", params.zero_point.astype(STORAGE[params.dtype]))]
        )
        if params.dtype.endswith("int4") and layer.id in self.q.integer:
            # The runtime widens it when it loads the model, and has integer kernels for what comes out.
            wide = np.dtype(params.dtype.replace("4", "8"))
            kind = helper.np_dtype_to_tensor_dtype(wide)
            self.append(helper.make_node("Cast", [whole], [f"{stem}/wide"], f"{stem}/cast", to=kind))
            whole, zero = f"{stem}/wide", [self.store(f"{stem}/zero_point/wide", params.zero_point.astype(wide))]
        axis = {} if params.axis is None else {"axis": params.axis}
        if params.group_size is not None:
            axis = {"axis": 1, "block_size": params.group_size}
        inputs = [whole, self.store_once(f"{stem}/scale", params.scale), *zero]
        self.append(helper.make_node("DequantizeLinear", inputs, [stem], f"{stem}/dequantize", **axis))
        return stem

    def _bias(self) -> str:
        """Real numbers of the layer's bias, made of its integers on the grid of the sums where it has such."""
        layer, params = self.layer, self.q.weights[self.layer.id]
        stem = f"{layer.id}/bias"
        rounded = self.q.bias_in_steps(layer)
        if rounded is None:
            bias = self.q.graph.bias(layer)
            assert bias is not None
            return self.store_once(stem, bias.detach().numpy())
        whole, step = rounded
        array = self.store_once(f"{stem}/quantized", whole.numpy().astype(np.int32))
        scale = self.store_once(f"{stem}/scale", step.numpy().astype(np.float32))
        zero = self.store_once(f"{stem}/zero_point", np.zeros(step.shape, np.int32))
        axis = {} if params.axis is None else {"axis": 0}
        self.append(helper.make_node("DequantizeLinear", [array, scale, zero], [stem], f"{stem}/dequantize", **axis))
        return stem


def _equal(one: QParams, two: QParams) -> bool:
    return (one.dtype, float(one.scale), int(one.zero_point)) == (two.dtype, float(two.scale), int(two.zero_point))
