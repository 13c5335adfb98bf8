"""Whose the operators are that ONNX Runtime really runs, and how long each layer took."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import onnx

from ..onnx.naming import LAYER, metadata
from ..runner import WARM_UPS, LayerTimes

MOVES = frozenset({"Transpose", "ReorderInput", "ReorderOutput"})
"""What the runtime inserts where it changes the layout."""

SUMS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})

CURVES = frozenset({"Gelu", "QuickGelu", "FastGelu"})
"""What it makes of several operators."""


class Owners:
    """Whose the operators of an optimized graph are.

    onnxruntime names an operator that it made of others after the main one of them, or after its
    output, and adds ``_token_7`` or ``_nchwc`` where it changed the layout, ``/QuickGeluFusion/`` where a
    curve is meant. What it inserts has names of its own: that belongs to the layer that reads it, else to
    the one that it reads. A convolution or product named after what it took in from behind is its own layer's.

    Parameters
    ----------
    model : onnx.ModelProto
        As it was given to the runtime; its nodes' metadata name their layers.
    optimized : onnx.ModelProto
        As the runtime runs it.

    Attributes
    ----------
    nodes : list
        Of the optimized graph.
    named : dict of int to str
        Layer ids of those nodes, by index, whose names or outputs say it.
    by_name : dict of str to str
        Layer id of every node by its name, empty where it is not known.
    inside : dict of str to str
        Layers whose work the operator of another does, and that other's id.
    boundaries : dict of str to tuple of str
        By the name of a quantizer or dequantizer, the layers (or input, output) on both sides of it.
    """

    def __init__(self, model: onnx.ModelProto, optimized: onnx.ModelProto) -> None:
        self.nodes = list(optimized.graph.node)
        known: dict[str, str] = {}
        for node in model.graph.node:
            known.update(dict.fromkeys((node.name, *node.output), metadata(node, LAYER)))
        makes = {name: index for index, node in enumerate(self.nodes) for name in node.output}
        reads: dict[str, list[int]] = {}
        self.named: dict[int, str] = {}
        for index, node in enumerate(self.nodes):
            for name in node.input:
                reads.setdefault(name, []).append(index)
            for name in (node.name, *(() if node.op_type in MOVES else node.output)):
                if stem(name) in known:
                    self.named[index] = known[stem(name)]
                    break
        self.named.update(_of_sums(model, self.nodes, self.named))
        self.named.update(_of_fused(model, self.nodes, self.named))
        every = dict(self.named)
        for index, node in reversed(list(enumerate(self.nodes))):
            if index not in every:
                beside = [i for name in node.output for i in reads.get(name, [])]
                beside += [makes[name] for name in node.input if name in makes]
                every[index] = next((every[i] for i in beside if every.get(i)), "")
        self.by_name = {node.name: every[index] for index, node in enumerate(self.nodes)}
        self.inside = _inside(model, set(self.named.values()))
        self.boundaries: dict[str, tuple[str, str]] = {}
        for index, node in enumerate(self.nodes):
            if node.op_type in ("QuantizeLinear", "DequantizeLinear"):
                behind = [every[i] for name in node.output for i in reads.get(name, []) if every.get(i)]
                # Of several that read it, the one whose time it is in.
                reader = every[index] if every[index] in behind or not behind else behind[0]
                value = node.input[0]
                while value in makes:  # a layer's own reshape, too, may come before its input is dequantized
                    before = makes[value]
                    if self.nodes[before].op_type not in MOVES | ({"Reshape"} if every[before] == reader else set()):
                        break
                    value = self.nodes[before].input[0]
                source = every[makes[value]] if value in makes else value
                self.boundaries[node.name] = source, reader or node.output[0]


def _of_sums(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], named: Mapping[int, str]) -> dict[int, str]:
    """Convolutions and products that are named after what they took in from behind, and whose they are."""
    own: dict[str, set[str]] = {}
    before: dict[str, list[str]] = {}
    makes = {name: metadata(node, LAYER) for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        layer = metadata(node, LAYER)
        own.setdefault(layer, set()).add(node.op_type)
        before.setdefault(layer, []).extend(makes[name] for name in node.input if name in makes)
    found = {}
    for index, layer in named.items():
        kind = nodes[index].op_type.removeprefix("Fused")
        if kind not in SUMS or kind in own.get(layer, ()):
            continue
        owner = next((one for one in before.get(layer, ()) if kind in own[one] and one not in named.values()), None)
        if owner is not None:
            found[index] = owner
    return found


def _of_fused(model: onnx.ModelProto, nodes: Sequence[onnx.NodeProto], named: Mapping[int, str]) -> dict[int, str]:
    """Curves that the runtime made of several operators and whose output it renamed (a Gelu between convolutions).

    They are of the one layer that reads what they read and has no other operator left.
    """
    makes = {name: index for index, node in enumerate(nodes) for name in node.output}
    layers = {name: metadata(node, LAYER) for node in model.graph.node for name in node.output}
    left, readers = set(named.values()), dict[str, set[str]]()
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(layers.get(name, name), set()).add(metadata(node, LAYER))
    found: dict[int, str] = {}
    for index, node in enumerate(nodes):
        if index in named or node.op_type not in CURVES:
            continue
        source = node.input[0]
        while source in makes and nodes[makes[source]].op_type in MOVES:
            source = nodes[makes[source]].input[0]
        maker = {**named, **found}.get(makes[source], "") if source in makes else source
        whose = readers.get(maker, set()) - left - set(found.values()) - {maker}
        if len(whose) == 1:
            found[index] = whose.pop()
    return found


def _inside(model: onnx.ModelProto, left: set[str]) -> dict[str, str]:
    """Layers that no operator is left of, and the layer before each that took it in: the last that it reads."""
    makes: dict[str, tuple[int, str]] = {}
    found: dict[str, str] = {}
    for index, node in enumerate(model.graph.node):
        layer = metadata(node, LAYER)
        if layer and layer not in left and node.op_type not in ("QuantizeLinear", "DequantizeLinear"):
            before = [makes[name] for name in node.input if name in makes and makes[name][1] != layer]
            if before:
                host = max(before)[1]
                found.setdefault(layer, found.get(host, host))
        makes.update(dict.fromkeys(node.output, (index, layer)))
    return {layer: host for layer, host in found.items() if host in left}


def stem(name: str) -> str:
    """An operator's name without what the runtime added to it."""
    return re.sub(r"(_token_\d+|_nchwc|_nhwc|_quant|/\w+Fusion/|/duplicated)+$", "", name).removeprefix("fused ")


def layer_times(events: Sequence[Mapping[str, Any]], owners: Owners, runs: int) -> LayerTimes:
    """Times of the last `runs` runs from a profile.

    Parameters
    ----------
    events : sequence of mappings
        The profile's JSON.
    owners : Owners
        Of the graph that was profiled.
    runs : int
        Runs behind the `WARM_UPS` first ones.
    """
    us: dict[str, list[float]] = {}
    boundaries: dict[tuple[str, str], list[float]] = {}
    for name, times in node_times(events).items():
        # Operators of one name are all run once a run.
        each = len(times) // (runs + WARM_UPS)
        sums = [sum(times[i * each : (i + 1) * each]) for i in range(WARM_UPS, runs + WARM_UPS)]
        _add(us, owners.by_name.get(name, ""), sums)
        if name in owners.boundaries:
            _add(boundaries, owners.boundaries[name], sums)
    return LayerTimes(us, boundaries, {layer: by for layer, by in owners.inside.items() if layer not in us})


def node_times(events: Sequence[Mapping[str, Any]]) -> dict[str, list[float]]:
    """µs of every call of every operator in a profile, by its name."""
    found: dict[str, list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and str(event.get("name", "")).endswith("_kernel_time"):
            found.setdefault(str(event["name"]).removesuffix("_kernel_time"), []).append(float(event["dur"]))
    return found


def _add(into: dict[Any, list[float]], key: Any, times: list[float]) -> None:
    before = into.get(key)
    into[key] = times if before is None else [a + b for a, b in zip(before, times, strict=True)]
