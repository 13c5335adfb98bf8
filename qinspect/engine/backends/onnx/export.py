"""The float ONNX model of a fused graph, every node and tensor of which names its layer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import torch
from onnx import helper, numpy_helper

from ...graph import Layer, LayerGraph, Param, Ref
from ...graph.execute import Executor, ShapesOnly
from ...problem import NotWritten
from ...text import Text
from .. import refuse_opaque
from ..grouping import pads_zeros
from .bags import REDUCTIONS, bags_of_one_size
from .cells import KINDS, SEQUENCES, one_step, sequence
from .moves import PARTING, Declined
from .naming import IR_VERSION, LAYER, MERGED, OPSET, VALUES, Shape, output_names, stored_names
from .ops import emit, zero_pads

if TYPE_CHECKING:
    from .foreign import Foreign


def float_model(graph: LayerGraph) -> bytes:
    """The graph as ONNX.

    Operators that the project knows are written by it, in the form that runtimes quantize; a graph
    with others goes through torch's exporter, from which those others are taken. A padding with
    zeros that one convolution alone reads becomes the convolution's own.

    Parameters
    ----------
    graph : LayerGraph
        Fused; the batch varies where its inputs say so.

    Returns
    -------
    bytes
        A serialized model; tensors are named by values and stored tensors, nodes by layers.

    Raises
    ------
    Problem
        Where an operator has no counterpart in ONNX.
    """
    if problem := refuse_opaque(graph, "ONNX"):
        raise problem
    exporter = _Exporter(graph)
    exporter.write()
    if exporter.unknown:
        from .foreign import Foreign

        exporter = _Exporter(graph, Foreign(graph, exporter.shapes))
        exporter.write()
    model = exporter.model()
    if model.ByteSize() >= onnx.checker.MAXIMUM_PROTOBUF:
        raise NotWritten(Text("ONNX export"), Text("the model is larger than 2 GB"), Text("Use an FX target."))
    return model.SerializeToString()


def shapes(graph: LayerGraph) -> dict[str, Shape]:
    """Shape of every tensor value, None where it varies with the inputs', found without computing anything."""
    found: list[dict[str, tuple[int, ...]]] = []
    dynamic = any(size is None for spec in graph.inputs for size in spec.shape)
    executor = Executor(graph, {key: tensor.to("meta") for key, tensor in graph.params.items()})
    for batch, times in ((2, 1), (3, 2)) if dynamic else ((1, 1),):
        seen: dict[str, tuple[int, ...]] = {}
        inputs = [
            torch.empty(spec.sized(batch, times), dtype=getattr(torch, spec.dtype), device="meta")
            for spec in graph.inputs
        ]

        def note(layer: Layer, value: torch.Tensor, into: dict[str, tuple[int, ...]] = seen) -> torch.Tensor:
            into[layer.value] = tuple(value.shape)
            return value

        seen.update({spec.name: tuple(tensor.shape) for spec, tensor in zip(graph.inputs, inputs, strict=True)})
        with ShapesOnly():  # type: ignore[no-untyped-call]
            executor(inputs, note)
        found.append(seen)
    return {
        name: tuple(n if n == m else None for n, m in zip(shape, found[-1][name], strict=True))
        for name, shape in found[0].items()
    }


class _Exporter:
    """Implements `ops.Writer`."""

    def __init__(self, graph: LayerGraph, foreign: Foreign | None = None) -> None:
        self.graph = graph
        self.foreign = foreign
        self.shapes = foreign.shapes if foreign else shapes(graph)
        self.nodes: list[onnx.NodeProto] = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self.tensors: dict[str, str] = {name: name for name in graph.input_names}
        self.merged: dict[str, str] = {}
        self.written: set[str] = set()
        self.layer: Layer = graph.layers[0]
        self.start = 0  # where its nodes begin
        self.inner: dict[str, str] = {}  # values inside the layer that is being written
        self.unknown: list[Layer] = []
        self.names = stored_names(graph)
        for name, value in zip(output_names(graph), graph.output_values, strict=True):
            if value in graph.producer:
                self.tensors.setdefault(value, name)

    def write(self) -> None:
        """Write all layers; those that need torch's exporter, where there is none, go to `unknown`."""
        for layer in self.graph.layers:
            self._write(layer)

    def model(self) -> onnx.ModelProto:
        names = output_names(self.graph)
        taken: set[str] = set()
        for name, value in zip(names, self.graph.output_values, strict=True):
            if self.tensors[value] != name or name in taken:
                self.nodes.append(helper.make_node("Identity", [self.tensors[value]], [name], f"{name}/identity"))
            taken.add(name)
        inputs = [
            helper.make_tensor_value_info(spec.name, _element(spec.dtype), _symbolic(spec.name, spec.shape))
            for spec in self.graph.inputs
        ]
        outputs = []
        for name, value in zip(names, self.graph.output_values, strict=True):
            dtype = self.graph.producer[value].dtype if value in self.graph.producer else "float32"
            outputs.append(helper.make_tensor_value_info(name, _element(dtype), _symbolic(name, self.shapes[value])))
        used = {name for node in self.nodes for name in node.input}
        proto = helper.make_graph(self.nodes, "qinspect", inputs, outputs)
        model = helper.make_model(
            proto, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="qinspect"
        )
        for name in tuple(self.stored):  # one by one, so that there are never two copies of all
            tensor = self.stored.pop(name)
            if name in used:
                model.graph.initializer.append(tensor)
        helper.set_model_props(model, {VALUES: json.dumps(self.tensors), MERGED: json.dumps(self.merged)})
        return model

    # -- layers ---------------------------------------------------------------------------------

    def _write(self, layer: Layer) -> None:
        several = layer.transparent and layer.target.split(".")[1] in PARTING
        if (
            (layer.op in SEQUENCES and self._sequence(layer))
            or (layer.op in KINDS and self._cell(layer))
            or (layer.op == "embedding_bag" and self._bag(layer))
        ):
            return
        if layer.value in self.written or (layer.value not in self.shapes and not several):
            return  # written by the Split before it; or a size or a list, which whoever reads it brings along
        if self._merge(layer):
            return
        self.layer, self.inner = layer, {}
        self.start = len(self.nodes)
        final = layer.value if several else self.tensors.setdefault(layer.value, layer.value)
        parts = (layer, *layer.executed)
        try:
            for part in parts:
                output = final if part is parts[-1] else f"{part.id}/alone"
                emit(self, part, output)
                self.inner[part.id] = output
                self.inner.update({inner.id: output for inner in layer.fused if inner.id in layer.folded})
        except Declined:
            del self.nodes[self.start :]
            if self.foreign is None:
                self.unknown.append(layer)
            elif not several:
                for node in self.foreign.nodes(layer.value, self.tensors):
                    helper.set_model_props(node, {LAYER: layer.id})
                    self.nodes.append(node)
                self.stored.update(self.foreign.stored)

    def _cell(self, layer: Layer) -> bool:
        """Write a cell at once with the states that are picked out of it; False where that cannot be."""
        x, outputs = layer.args[0], []
        if len(self.shape(x)) != 2 or layer.executed:
            return False
        states = layer.args[1] if layer.op == "lstm_cell" else [layer.args[1]]
        if layer.op == "lstm_cell":
            readers = self.graph.consumers.get(layer.value, ())
            if layer.dtype != "tuple" or any(
                not reader.target.endswith("getitem") or reader.args[1] not in (0, 1) for reader in readers
            ):
                return False
            outputs = [f"{layer.id}/{index}" for index in range(2)]
            for reader in readers:
                outputs[reader.args[1]] = self.tensors.setdefault(reader.value, reader.value)
                self.written.add(reader.value)
        else:
            outputs = [self.tensors.setdefault(layer.value, layer.value)]
        inputs = [self.tensor(item) for item in (x, *states)]
        for node in one_step(self.graph, layer, inputs, outputs, self.constant):
            helper.set_model_props(node, {LAYER: layer.id})
            self.nodes.append(node)
        return True

    def _sequence(self, layer: Layer) -> bool:
        """Write a recurrent layer at once with what is picked out of it; False where that cannot be."""
        readers = self.graph.consumers.get(layer.value, ())
        count = 3 if layer.op == "lstm" else 2
        picked = all(reader.target.endswith("getitem") and reader.args[1] in range(count) for reader in readers)
        if any("weight_hr" in role for role in layer.roles):
            raise NotWritten(layer.id, Text("ONNX's LSTM has no projections"), Text("Use an FX target."))
        packed = not isinstance(layer.args[2], (tuple, list))
        if layer.dtype != "tuple" or not picked or packed or len(self.shape(layer.args[0])) != 3:
            return False
        outputs = [f"{layer.id}/{index}" for index in range(count)]
        for reader in readers:
            outputs[reader.args[1]] = self.tensors.setdefault(reader.value, reader.value)
            self.written.add(reader.value)
        states = layer.args[1] if layer.op == "lstm" else [layer.args[1]]
        inputs = [self.tensor(item) for item in (layer.args[0], *states)]
        for node in sequence(self.graph, layer, inputs, outputs, self.constant):
            helper.set_model_props(node, {LAYER: layer.id})
            self.nodes.append(node)
        return True

    def _bag(self, layer: Layer) -> bool:
        """Write an embedding bag with the value that is picked out of it; False where that cannot be."""
        readers = self.graph.consumers.get(layer.value, ())
        words = bags_of_one_size(self.graph, layer)
        if words is None or any(not reader.target.endswith("getitem") or reader.args[1] for reader in readers):
            return False
        self.layer, self.inner, self.start = layer, {}, len(self.nodes)
        rows = self.node("Gather", [self.tensor(layer.args[0]), self.tensor(Ref(words))], axis=0)
        for reader in readers:
            axis = self.constant(np.array([1], np.int64), f"{layer.id}/axis")
            output = self.tensors.setdefault(reader.value, reader.value)
            self.node(REDUCTIONS[layer.args[4]], [rows, axis], output, keepdims=0)
            self.written.add(reader.value)
        return True

    def _merge(self, layer: Layer) -> bool:
        """Leave out a padding that the convolution after it can do."""
        if not pads_zeros(layer) or layer.value in self.graph.output_values:
            return False
        readers = self.graph.consumers.get(layer.value, ())
        if len(readers) != 1 or readers[0].op not in ("conv1d", "conv2d", "conv3d"):
            return False
        conv = readers[0]
        rank = len(layer.shape)
        pads = zero_pads(layer, rank)
        if conv.args[0] != Ref(layer.value) or conv.args[1] == Ref(layer.value) or len(conv.shape) != rank:
            return False
        if pads is None or min(pads) < 0 or pads[0] or pads[1] or pads[rank] or pads[rank + 1]:
            return False
        self.merged[layer.id] = conv.id
        self.tensors[layer.value] = self.tensor(layer.args[0])
        return True

    # -- what `ops` writes with ----------------------------------------------------------------

    def tensor(self, argument: Any) -> str:
        if isinstance(argument, Param):
            stored = self.names[argument.key]
            if stored not in self.stored:
                array = self.graph.params[argument.key].detach().contiguous().numpy()
                self.stored[stored] = numpy_helper.from_array(array, stored)
            return stored
        if not isinstance(argument, Ref):
            raise Declined
        name = self.inner.get(argument.value) or self.tensors.get(argument.value)
        if name is None:
            raise Declined
        return name

    def constant(self, array: np.ndarray[Any, Any] | np.generic, stem: str) -> str:
        self.stored[stem] = numpy_helper.from_array(np.asarray(array), stem)
        return stem

    def shape(self, argument: Any) -> Shape:
        if isinstance(argument, Param):
            return tuple(self.graph.params[argument.key].shape)
        name = argument.value
        if name not in self.shapes:
            raise Declined
        return self.shapes[name]

    def dtype(self, argument: Any) -> str:
        if isinstance(argument, Param):
            return str(self.graph.params[argument.key].dtype).removeprefix("torch.")
        if argument.value in self.graph.producer:
            return self.graph.producer[argument.value].dtype
        found = {spec.name: spec.dtype for spec in self.graph.inputs}
        return found.get(argument.value, self.layer.dtype)  # else a value inside the layer that is being written

    def node(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        if any(isinstance(value, Ref) for value in attributes.values()):
            raise Declined  # computed from the batch's size, and an attribute is a constant
        if op == "Conv":
            attributes["pads"] = self._all_pads(attributes["pads"])
        before = len(self.nodes) - self.start
        name = f"{self.layer.id}/{op}{before}" if before else self.layer.id
        output = output or f"{name}/value"
        node = helper.make_node(op, list(inputs), [output], name, **attributes)
        helper.set_model_props(node, {LAYER: self.layer.id})
        self.nodes.append(node)
        return output

    def split(self, layer: Layer, axis: int, sizes: Sequence[int], squeezed: bool = False) -> None:
        outputs = [f"{layer.id}/{index}" for index in range(len(sizes))]
        squeezes: list[tuple[str, str]] = []
        for reader in self.graph.consumers.get(layer.value, ()):
            if not reader.target.endswith("getitem") or not isinstance(reader.args[1], int):
                raise Declined
            index = reader.args[1] % len(sizes)
            made = self.tensors.setdefault(reader.value, reader.value)
            self.written.add(reader.value)
            if squeezed:
                squeezes.append((outputs[index], made))
            else:
                outputs[index] = made
        x = self.tensor(layer.args[0])
        node = helper.make_node(
            "Split", [x, self.constant(np.array(sizes, np.int64), f"{layer.id}/sizes")], outputs, layer.id, axis=axis
        )
        helper.set_model_props(node, {LAYER: layer.id})
        self.nodes.append(node)
        for part, made in squeezes:
            self.node("Squeeze", [part, self.constant(np.array([axis], np.int64), f"{layer.id}/axis")], made)

    def _all_pads(self, own: list[int]) -> list[int]:
        """A convolution's padding with that of a merged one."""
        total = list(own)
        for pad_id, conv_id in self.merged.items():
            if conv_id == self.layer.id:
                pad = self.graph.by_id[pad_id]
                rank = len(pad.shape)
                pads = zero_pads(pad, rank)
                assert pads is not None
                total = [a + b for a, b in zip(total, pads[2:rank] + pads[rank + 2 :], strict=True)]
        return total


def _element(dtype: str) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _symbolic(name: str, shape: Shape) -> list[int | str]:
    """Lengths with names where they vary: axes of one name have one length."""
    return [(f"{name}_{axis}" if axis else "batch") if size is None else size for axis, size in enumerate(shape)]
