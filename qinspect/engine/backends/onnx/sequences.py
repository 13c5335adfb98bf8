"""Parts of a tensor that torch's exporter takes out of a sequence, as one Split gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper


def without_sequences(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same model with a Split for every SplitToSequence of which SequenceAt takes parts at known places.

    TensorRT knows no sequences.
    """
    graph = model.graph
    known: dict[str, NDArray[Any]] = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            known[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    lengths = {info.name: [dim.dim_value for dim in info.type.tensor_type.shape.dim] for info in graph.value_info}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    given = {output.name for output in graph.output}
    changed: dict[str, list[onnx.NodeProto]] = {}  # by output: what stands in a node's place
    for node in graph.node:
        if node.op_type != "SplitToSequence" or len(node.input) < 2 or node.output[0] in given:
            continue
        attributes = {item.name: helper.get_attribute_value(item) for item in node.attribute}
        items, size, shape = readers.get(node.output[0], []), known.get(node.input[1]), lengths.get(node.input[0], [])
        axis = attributes.get("axis", 0)
        total = shape[axis] if -len(shape) <= axis < len(shape) else 0
        taken = all(item.op_type == "SequenceAt" and item.input[1] in known for item in items)
        if not (taken and total and size is not None and attributes.get("keepdims", 1)):
            continue
        sizes = [int(n) for n in size] if size.ndim else _equal_parts(total, int(size))
        outputs = [f"{node.output[0]}_{index}" for index in range(len(sizes))]
        for item in items:
            source = outputs[int(known[item.input[1]])]
            changed[item.output[0]] = [helper.make_node("Identity", [source], [item.output[0]], item.name)]
        stored = f"{node.output[0]}_sizes"
        graph.initializer.append(numpy_helper.from_array(np.array(sizes, np.int64), stored))
        split = helper.make_node("Split", [node.input[0], stored], outputs, node.name, axis=axis)
        changed[node.output[0]] = [split]
    nodes = [new for node in graph.node for new in changed.get(node.output[0], [node])]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _equal_parts(total: int, size: int) -> list[int]:
    """As many of this size as there are, and what is left."""
    return [size] * (total // size) + ([total % size] if total % size else [])
