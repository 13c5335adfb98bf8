"""What ONNX Runtime makes of a quantized file, whoever wrote it: which layers it runs in integers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from ...existing import Existing, Ran
from ...graph import LayerGraph
from ...progress import Report
from ...text import Text
from ..onnx.naming import LAYER
from ..onnx.protos import copied
from .profile import MOVES, SUMS, Owners
from .runner import INTEGER_KERNELS, kernels_of, open_model

QDQ = ("QuantizeLinear", "DequantizeLinear")


def open_file(
    model: onnx.ModelProto, graph: LayerGraph, existing: Existing, threads: int = 1
) -> tuple[Any, dict[str, Ran]]:
    """A session of a quantized file, and by layer id what it runs the layers with that are in integers there.

    Layers are left out whose operators are not known again in the graph that runs.

    Parameters
    ----------
    model : onnx.ModelProto
        Quantized, with its data.
    graph : LayerGraph
        Of the file, fused.
    existing : Existing
        What is quantized in it.
    threads : int
    """
    marked = model if existing.identified else with_layers(model, graph, existing.tensors)
    session, optimized = open_model(marked.SerializeToString(), threads)
    layers = [layer for layer in graph.layers if not layer.transparent and existing.is_quantized(layer)]
    real = {layer.id for layer in layers if layer.value not in existing.values}
    integer = kernels_of(marked, optimized, [layer.id for layer in layers], real)
    found = {layer_id: Ran(operator, True) for layer_id, operator in integer.items()}
    owners = Owners(marked, optimized)
    for layer in layers:
        own = [owners.nodes[index].op_type for index, owner in owners.named.items() if owner == layer.id]
        own = [kind for kind in own if kind not in QDQ and kind not in MOVES]
        if not own or layer.id in found:
            continue
        if own[0] in INTEGER_KERNELS:
            found[layer.id] = Ran(" + ".join(own), True)
        else:
            sums = [kind for kind in own if kind.removeprefix("Fused") in SUMS]
            found[layer.id] = Ran((sums or own)[0], False)
    return session, found


def look(work: tuple[Path, LayerGraph, Existing], report: Report) -> dict[str, Ran]:
    """In a child process: what the runtime runs a file's layers with (`open_file`)."""
    path, graph, existing = work
    report(0, 1, Text("looking at what ONNX Runtime makes of it"))
    return open_file(onnx.load(path), graph, existing)[1]


def with_layers(model: onnx.ModelProto, graph: LayerGraph, tensors: Mapping[str, str]) -> onnx.ModelProto:
    """A copy whose operators say of which layer they are, as those of our own files do, by names that are unique.

    A layer's operators are those between the tensors that it reads and the one that it makes.

    Parameters
    ----------
    model : onnx.ModelProto
    graph : LayerGraph
        Of the file, fused.
    tensors : mapping of value name to str
        The file's tensor of a value.
    """
    copy = copied(model)
    made = {name: index for index, node in enumerate(copy.graph.node) for name in node.output}
    inputs = {item.name for item in copy.graph.input}
    owner: dict[int, str] = {}
    for layer in graph.layers:
        reads = set[str]()
        values = list(layer.inputs)
        while values:
            value = graph.origin(values.pop())
            name = tensors.get(value, "")
            if name in made or name in inputs:
                reads.add(name)
            elif value in graph.producer:  # an uneven padding, which its convolution's operator does
                values += graph.producer[value].inputs
        todo = [tensors.get(layer.value, "")]
        while todo:
            index = made.get(name := todo.pop(), -1)
            if index >= 0 and index not in owner and name not in reads:
                owner[index] = layer.id
                todo += copy.graph.node[index].input
    for index, node in enumerate(copy.graph.node):
        node.name = f"{node.name or node.op_type}#{index}"
        if index in owner:
            node.metadata_props.add(key=LAYER, value=owner[index])
    copy.ir_version = max(copy.ir_version, 10)  # the first that has metadata of operators
    return copy
