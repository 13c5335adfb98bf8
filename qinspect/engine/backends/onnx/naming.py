"""What things are called in an ONNX file: outputs, stored tensors, and the metadata that names layers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...graph import Layer, LayerGraph

OPSET = 18
IR_VERSION = 10  # The first with metadata on nodes; onnxruntime reads it from 1.18 on.

LAYER, VALUES, MERGED = "qinspect.layer", "qinspect.values", "qinspect.merged"
"""Keys of metadata: a node's layer id; of the model, JSON: value name to tensor name, and paddings
that a convolution took over to the convolution's id."""

Shape = tuple[int | None, ...]
"""Of a tensor; None where it varies with the batch."""


def output_names(graph: LayerGraph) -> list[str]:
    """Names of the model's outputs: those of a dictionary, else ``output`` or ``output_0``, ``output_1``, ..."""
    count = len(graph.output_values)
    names = ["output"] if count == 1 else [f"output_{index}" for index in range(count)]
    if isinstance(graph.outputs, Mapping) and len(graph.outputs) == count:
        names = [str(key) for key in graph.outputs]
    return [f"{name}_out" if name in graph.input_names else name for name in names]


def content_key(layer: Layer, array: np.ndarray[Any, Any]) -> tuple[Any, ...]:
    """The same for what is equal in two calls of one module."""
    content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
    return layer.id.rpartition(":")[0], str(array.dtype), array.shape, content


def stored_names(graph: LayerGraph) -> dict[str, str]:
    """A name for every stored tensor, by key, that nothing else in the file has.

    What exports write is called ``layer/what`` (``conv1/weight``). The tensors of a file that such an
    export made are called so as well, so a stored tensor's name has no slash; nor is it that of an input,
    an output or a value.
    """
    taken = {*graph.input_names, *output_names(graph), *graph.producer}
    found = {}
    for key in sorted(graph.params, key=lambda key: "/" in key):  # those that may keep their name come first
        name = key.replace("/", ".")
        while name in taken:
            name += "_stored"
        taken.add(name)
        found[key] = name
    return found


def metadata(owner: Any, key: str) -> str:
    """A metadata entry of a model or node, empty where there is none."""
    return next((item.value for item in owner.metadata_props if item.key == key), "")
