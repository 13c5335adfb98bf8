"""Models whose inputs and outputs are integers, for devices that have no use for real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from ...problem import Problem
from ...text import Text
from .naming import metadata
from .protos import copied, drop_unread, set_property

IO = "qinspect.io"
"""Key of the model's metadata, JSON: scale, zero point and type of every input and output in integers."""


def integer_io(model: onnx.ModelProto, partly: bool = False) -> onnx.ModelProto:
    """Fold the quantizers of inputs and the dequantizers of outputs into whoever feeds and reads the model.

    Inputs and outputs keep their names; ``x = (q - zero_point) * scale`` with the numbers that the
    metadata `IO` has. An output that is computed in float is given on the grid that its readers in the
    model have; one that has none stays float.

    Parameters
    ----------
    partly : bool
        Leave an input that is read in float as it is.

    Raises
    ------
    Problem
        Where an input is read in float.
    """
    copy = copied(model)
    arrays = {tensor.name: tensor for tensor in copy.graph.initializer}
    found: dict[str, dict[str, Any]] = {}
    dropped: list[onnx.NodeProto] = []
    renamed: dict[str, str] = {}
    for info in copy.graph.input:
        if info.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            continue
        readers = [node for node in copy.graph.node if info.name in node.input]
        if not readers or any(node.op_type != "QuantizeLinear" for node in readers) or not _same_grid(readers, arrays):
            if partly:
                continue
            raise Problem(
                f"input {info.name}",
                Text("is read in float, or on several grids, so it cannot be given as integers"),
                Text("Quantize the layers that read it, or use --io float."),
            )
        found[info.name] = _grid(readers[0], arrays)
        info.type.tensor_type.elem_type = arrays[readers[0].input[2]].data_type
        renamed.update({node.output[0]: info.name for node in readers})
        dropped += readers
    makes = {name: node for node in copy.graph.node for name in node.output}
    again: list[tuple[str, str]] = []  # integers that have another's name, and the output that they are as well
    for info in copy.graph.output:
        node = makes.get(info.name)
        if node is None or info.type.tensor_type.elem_type != onnx.TensorProto.FLOAT:
            continue
        readers = [other for other in copy.graph.node if info.name in other.input]
        quantizers = [other for other in readers if other.op_type == "QuantizeLinear"]
        if node.op_type == "DequantizeLinear" and not arrays[node.input[1]].dims:
            whole = node.input[0]
            if whole in renamed or whole not in makes:
                again.append((whole, info.name))
            else:
                renamed[whole] = info.name
            if not readers:
                dropped.append(node)
        elif quantizers and _same_grid(quantizers, arrays):
            node = quantizers[0]
            dropped += quantizers[1:]
            renamed.update({other.output[0]: info.name for other in quantizers})
        else:
            continue
        renamed[info.name] = f"{info.name}/real"
        found[info.name] = _grid(node, arrays)
        info.type.tensor_type.elem_type = arrays[node.input[2]].data_type
    gone = {id(node) for node in dropped}
    nodes = [node for node in copy.graph.node if id(node) not in gone]
    for node in nodes:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        node.output[:] = [renamed.get(name, name) for name in node.output]
    for whole, name in again:
        nodes.append(helper.make_node("Identity", [renamed.get(whole, whole)], [name], f"{name}/identity"))
    del copy.graph.node[:]
    copy.graph.node.extend(nodes)
    drop_unread(copy)
    set_property(copy, IO, json.dumps(found))
    return copy


def grids(model: onnx.ModelProto) -> Mapping[str, Mapping[str, Any]]:
    """What `IO` says: by input or output name, scale, zero point and type; empty where all are float."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(metadata(model, IO) or "{}")
    return found


def to_integers(array: NDArray[Any], grid: Mapping[str, Any]) -> NDArray[Any]:
    """Real numbers on the grid of an input, as the model's own quantizer would round them."""
    ends = np.iinfo(grid["dtype"])
    whole = np.rint(array / np.float32(grid["scale"])) + grid["zero_point"]
    return np.clip(whole, ends.min, ends.max).astype(grid["dtype"])


def to_real(array: NDArray[Any], grid: Mapping[str, Any]) -> NDArray[np.float32]:
    """Real numbers for the integers of an output."""
    return (array.astype(np.float32) - np.float32(grid["zero_point"])) * np.float32(grid["scale"])


def _same_grid(nodes: list[onnx.NodeProto], arrays: Mapping[str, onnx.TensorProto]) -> bool:
    return len({json.dumps(_grid(node, arrays)) for node in nodes}) == 1


def _grid(node: onnx.NodeProto, arrays: Mapping[str, onnx.TensorProto]) -> dict[str, Any]:
    scale, zero = (numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
    return {"scale": float(scale), "zero_point": int(zero), "dtype": str(zero.dtype)}
