"""A layer graph as JSON, with its stored tensors elsewhere: the float model of a folder that can be opened again."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import torch

from ..problem import Problem
from ..text import Text
from . import Layer, LayerGraph, Param, Ref, TensorSpec, refs, replace

GRAPH = "graph.json"
"""Name of the file in such a folder."""

TORCH_VALUES = {"dtype": torch.dtype, "layout": torch.layout, "memory_format": torch.memory_format}
"""Arguments of operators that are names in torch."""

PLAIN = ("id", "path", "op", "target", "source", "dtype", "macs", "transparent")
"""Fields of a layer that are as they are in JSON."""


def flat(graph: LayerGraph) -> tuple[LayerGraph, dict[str, str]]:
    """A fused graph with every layer that is computed on its own again; what was folded into weights is gone.

    Returns
    -------
    graph, renamed
        `renamed` has the values whose name was that of a folded layer, and their name in the new graph.
    """
    renamed: dict[str, str] = {}
    for layer in graph.layers:
        last = layer.id
        for part in layer.fused:
            if part.id in layer.before:
                continue
            if part.id in layer.folded:
                renamed[part.id] = last
            else:
                last = part.id

    def leaf(item: Ref | Param) -> Ref | Param:
        return Ref(renamed.get(item.value, item.value)) if isinstance(item, Ref) else item

    layers = [
        dataclasses.replace(
            part,
            args=replace(part.args, leaf),
            kwargs=replace(dict(part.kwargs), leaf),
            fused=(),
            folded=(),
            before=(),
        )
        for layer in graph.layers
        for part in (layer, *layer.executed)
    ]
    outputs = replace(graph.outputs, leaf)
    return dataclasses.replace(graph, layers=tuple(layers), outputs=outputs, statistics={}).pruned(), renamed


def to_json(graph: LayerGraph, names: Mapping[str, str]) -> dict[str, Any]:
    """A graph without its tensors.

    Parameters
    ----------
    graph : LayerGraph
        Fused or not; it is written as `flat` makes it.
    names : mapping of tensor key to str
        Where each stored tensor is found, for `from_json`'s ``tensors``.
    """
    whole, renamed = flat(graph)
    return {
        "version": 1,
        "inputs": [{"name": s.name, "shape": list(s.shape), "dtype": s.dtype} for s in whole.inputs],
        "layers": [_layer_json(layer) for layer in whole.layers],
        "outputs": _plain(whole.outputs),
        "tensors": {key: {"name": names[key], "shape": list(tensor.shape)} for key, tensor in whole.params.items()},
        "renamed": renamed,
    }


def _layer_json(layer: Layer) -> dict[str, Any]:
    found = {name: getattr(layer, name) for name in PLAIN}
    return {
        **found,
        "args": _plain(list(layer.args)),
        "kwargs": {key: _plain(item) for key, item in layer.kwargs.items()},
        "roles": dict(layer.roles),
        "shape": list(layer.shape),
        "free": list(layer.free),
    }


def _plain(item: Any) -> Any:
    """An argument as JSON: what JSON has not is an object with one key that says what it is."""
    if item is None or isinstance(item, (bool, int, str)):
        return item
    if isinstance(item, float):
        return item if math.isfinite(item) else {"float": str(item)}
    if isinstance(item, Ref):
        return {"ref": item.value}
    if isinstance(item, Param):
        return {"tensor": item.key}
    if isinstance(item, list):
        return [_plain(part) for part in item]
    if isinstance(item, tuple):
        return {"tuple": [_plain(part) for part in item]}
    if isinstance(item, Mapping):
        return {"dict": [[key, _plain(part)] for key, part in item.items()]}
    if isinstance(item, torch.device):
        return {"device": item.type}
    for kind, of in TORCH_VALUES.items():
        if isinstance(item, of):
            return {kind: str(item).removeprefix("torch.")}
    what = Text("an argument of kind {kind} cannot be written", kind=type(item).__name__)
    raise Problem(Text("export"), what, Text("Report this model."))


def from_json(data: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> LayerGraph:
    """Read what `to_json` wrote; whether its operators may be run is for the caller to check.

    Parameters
    ----------
    data : mapping
    tensors : mapping of str to torch.Tensor

    Raises
    ------
    ValueError, KeyError, TypeError, AttributeError
        Where it is not as `to_json` writes it: a layer that reads what comes after it, a tensor of another size.
    """
    if data["version"] != 1:
        raise ValueError(f"version {data['version']!r}")
    inputs = tuple(TensorSpec(str(s["name"]), _sizes(s["shape"]), str(s["dtype"])) for s in data["inputs"])
    params = {str(key): tensors[item["name"]].reshape(item["shape"]) for key, item in data["tensors"].items()}
    known = {spec.name for spec in inputs}
    layers = []
    for item in data["layers"]:
        layer = _layer(item)
        _check(layer.id, (layer.args, dict(layer.kwargs)), known, params)
        if layer.id in known or not set(layer.roles.values()) <= params.keys():
            raise ValueError(f"the layer {layer.id!r} is there twice, or its tensors are not there")
        known.add(layer.id)
        layers.append(layer)
    outputs = _argument(data["outputs"])
    _check(Text("the output"), outputs, known, params)
    return LayerGraph(inputs, tuple(layers), outputs, params)


def _layer(item: Mapping[str, Any]) -> Layer:
    source = item["source"]
    return Layer(
        str(item["id"]),
        str(item["path"]),
        str(item["op"]),
        str(item["target"]),
        tuple(_argument(part) for part in item["args"]),
        {str(key): _argument(part) for key, part in item["kwargs"].items()},
        {str(key): str(part) for key, part in item["roles"].items()},
        None if source is None else str(source),
        tuple(int(n) for n in item["shape"]),
        str(item["dtype"]),
        int(item["macs"]),
        bool(item["transparent"]),
        tuple(int(n) for n in item["free"]),
    )


def _sizes(shape: list[int | None]) -> tuple[int | None, ...]:
    return tuple(None if n is None else int(n) for n in shape)


def _check(where: str, tree: Any, known: set[str], params: Mapping[str, Any]) -> None:
    if missing := [ref.value for ref in refs(tree) if ref.value not in known]:
        raise ValueError(f"{where} reads {missing[0]!r}, which nothing before it makes")
    replace(tree, lambda leaf: params[leaf.key] if isinstance(leaf, Param) else leaf)


def _argument(item: Any) -> Any:
    if isinstance(item, list):
        return [_argument(part) for part in item]
    if not isinstance(item, dict):
        return item
    ((kind, value),) = item.items()
    if kind == "ref":
        return Ref(str(value))
    if kind == "tensor":
        return Param(str(value))
    if kind == "tuple":
        return tuple(_argument(part) for part in value)
    if kind == "dict":
        return {str(key): _argument(part) for key, part in value}
    if kind == "float":
        return float(value)
    if kind == "device" and value == "cpu":
        return torch.device("cpu")
    found = getattr(torch, str(value), None)
    if kind not in TORCH_VALUES or not isinstance(found, TORCH_VALUES[kind]):
        raise ValueError(f"{kind} {value!r} is not known")
    return found
