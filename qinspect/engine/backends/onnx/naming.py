"""What things are called in an ONNX file: outputs, stored tensors, and the metadata that names layers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ...graph import Layer, LayerGraph, Ref

OPSET = 18
IR_VERSION = 10  # The first with metadata on nodes; onnxruntime reads it from 1.18 on.

LAYER, VALUES, MERGED, PLAN = "qinspect.layer", "qinspect.values", "qinspect.merged", "qinspect.plan"
"""Keys of metadata: a node's layer id; of the model, JSON: value name to tensor name, paddings that a
convolution took over to the convolution's id, and the plan."""

Shape = tuple[int | None, ...]
"""Of a tensor; None where it varies with the batch."""


def output_names(graph: LayerGraph) -> list[str]:
    """Names of the model's outputs: their keys, and their places where they have none.

    A dictionary or a dataclass of its author's gives ``scores``, and of what it nests ``feat_0``, ``feat_1``; a tuple
    ``output_0``, ``output_1``, ...; what is alone in one is ``output``.
    """
    found: list[str] = []
    taken = set(graph.input_names)
    for path in _paths(graph.outputs):
        keyed = bool(path) and isinstance(path[0], str)
        name = "_".join(map(str, path)) if keyed else "_".join(("output", *map(str, path)))
        if not keyed and len(graph.output_values) == 1:
            name = "output"
        if name in graph.input_names:
            name = f"{name}_out"
        while name in taken:
            name += "_"
        taken.add(name)
        found.append(name)
    return found


def _paths(tree: Any, before: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The keys and places that lead to each value, in the order of `graph.refs`."""
    if isinstance(tree, Ref):
        yield before
    elif isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from _paths(item, (*before, key if isinstance(key, int) and before else str(key)))
    elif isinstance(tree, (tuple, list)):
        for index, item in enumerate(tree):
            yield from _paths(item, (*before, index))


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
