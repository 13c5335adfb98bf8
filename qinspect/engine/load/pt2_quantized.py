"""Programs that were quantized already (PT2E): the float graph behind them, and what was quantized."""

from __future__ import annotations

import json
import operator
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram
from torch.fx import Node

from ..backends.pt2e.tall import make_flat
from ..existing import Existing
from ..graph import LayerGraph, Param, Ref
from ..graph.nodes import MADE_OF
from ..plan import QuantPlan
from ..plan.file import plan_from_json
from ..problem import Problem
from ..qparams import QParams
from ..text import Text

PLAN = "extra/qinspect_plan.json"
"""Where an export of this program's own carries its plan, inside the archive."""

MAX_PLAN = 16 << 20


@dataclass
class Grids:
    """What was quantized, by the names that the nodes were given.

    Parameters
    ----------
    values : dict of str to QParams
        Computed values.
    weights : dict of str to (QParams, ndarray)
        Stored tensors, with their integers.
    dynamic : set of str
        Values that are rounded with the range that they have at run time.
    """

    dynamic: set[str] = field(default_factory=set)
    values: dict[str, QParams] = field(default_factory=dict)
    weights: dict[str, tuple[QParams, NDArray[Any]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.values or self.weights or self.dynamic)


def strip(program: ExportedProgram) -> Grids:
    """Take the quantizers and dequantizers between computed values out of a program.

    Stored integers keep their dequantizer: it is computed once, when the graph is made. Of exports of this
    program's own, conv1d that are computed as conv2d are themselves again, and max poolings that pad for themselves
    get their ``ceil_mode`` back.

    Parameters
    ----------
    program : ExportedProgram
        Changed. Nodes whose value was quantized are named, for `normalize.normalize`'s ``tensors``.
    """
    make_flat(program)
    stored = _stored(program)
    graph, found = program.graph, Grids()
    named: dict[Node, Node] = {}  # quantizer -> the node that stands for what it rounds
    for node in list(graph.nodes):
        if not _is(node, "dequantize_per_tensor", "dequantize_per_channel"):
            continue
        source = node.args[0]
        if isinstance(source, Node) and source in stored:
            name = f"weight {len(found.weights)}"
            _name(node, name)
            found.weights[name] = (_grid(node, stored), stored[source].detach().numpy())
        elif isinstance(source, Node) and _is(source, "quantize_per_tensor") and source.args[0] not in stored:
            if source not in named:
                with graph.inserting_before(source):
                    named[source] = graph.call_function(torch.ops.aten.alias.default, (source.args[0],))
                named[source].meta["val"] = node.meta.get("val")
                now = _chosen_now(source)
                name = f"dynamic {len(found.dynamic)}" if now else f"value {len(found.values)}"
                _name(named[source], name)
                if now:
                    found.dynamic.add(name)
                else:
                    found.values[name] = _grid(source, stored)
            node.replace_all_uses_with(named[source])
            graph.erase_node(node)
    for quantizer in named:
        graph.erase_node(quantizer)
    for node in reversed(list(graph.nodes)):
        chosen = node.args[0] if node.target is operator.getitem else node
        if isinstance(chosen, Node) and _is(chosen, "choose_qparams") and not node.users:
            graph.erase_node(node)
    for node in list(graph.nodes):
        _restore_ceil_mode(node)
    return found


def existing_of(path: Path, graph: LayerGraph, tensors: Mapping[str, Any], grids: Grids) -> Existing | None:
    """What was quantized in a program, by layer and value of its graph; None where nothing was."""
    if not grids:
        return None
    named = {name: found.value for name, found in tensors.items() if isinstance(found, Ref)}
    values = {value: grids.values[name] for name, value in named.items() if name in grids.values}
    dynamic = frozenset(value for name, value in named.items() if name in grids.dynamic)
    keys = {found.key: name for name, found in tensors.items() if isinstance(found, Param)}
    weights, integers = {}, {}
    for layer in graph.layers:
        name = keys.get(layer.roles.get("weight", ""))
        if name is not None:
            weights[layer.id], integers[layer.id] = grids.weights[name]
    plan = _own_plan(path)
    return Existing(
        "PT2E", "qinspect" if plan else "", values, weights, integers, dynamic, plan, identified=plan is not None
    )


def _stored(program: ExportedProgram) -> dict[Node, torch.Tensor]:
    """Stored tensors by the node that brings them in."""
    specs = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
    tensors: dict[str, Any] = {**program.constants, **program.state_dict}
    found = {}
    for node in program.graph.find_nodes(op="placeholder"):
        tensor = tensors.get(specs.get(node.name) or "")
        if isinstance(tensor, torch.Tensor):
            found[node] = tensor
    return found


def _is(node: Node, *names: str) -> bool:
    target = node.target
    return (
        isinstance(target, torch._ops.OpOverload)
        and target.namespace == "quantized_decomposed"
        and target._opname in names
    )


def _chosen_now(quantizer: Node) -> bool:
    """Whether a quantizer's scale is chosen at run time."""
    scale = quantizer.args[1]
    return (
        isinstance(scale, Node)
        and scale.target is operator.getitem
        and isinstance(scale.args[0], Node)
        and _is(scale.args[0], "choose_qparams")
    )


def _name(node: Node, name: str) -> None:
    node.meta["custom"] = {**(node.meta.get("custom") or {}), MADE_OF["tensor"]: name}


def _grid(node: Node, stored: Mapping[Node, torch.Tensor]) -> QParams:
    """Scale and zero point that a quantizer or dequantizer has as arguments."""

    def numbers(item: Any) -> NDArray[Any]:
        if isinstance(item, Node):
            if item not in stored:
                raise Problem(
                    node.name, Text("has a scale that is computed at run time"), Text("Quantize it statically.")
                )
            item = stored[item].detach().numpy()
        return np.asarray(item)

    per_channel = _is(node, "quantize_per_channel", "dequantize_per_channel")
    scale, zero_point = numbers(node.args[1]), numbers(node.args[2])
    axis, rest = (node.args[3], node.args[4:]) if per_channel else (None, node.args[3:])
    if not per_channel:
        scale, zero_point = scale.reshape(()), zero_point.reshape(())
    low, high = rest[:2]
    assert isinstance(low, int)
    assert isinstance(high, int)
    assert axis is None or isinstance(axis, int)
    dtype = str(rest[2]).removeprefix("torch.")
    bits = (high - low + 1).bit_length() - 1 if low >= 0 else max(high + 1, -low).bit_length()
    return QParams(scale, zero_point, dtype, low, high, axis, bits)


def _restore_ceil_mode(node: Node) -> None:
    """Undo what `backends.pt2e.lower` does to max poolings with ``ceil_mode``."""
    if node.target is not torch.ops.aten.max_pool2d.default:
        return
    pad = node.args[0]
    if not isinstance(pad, Node) or pad.target not in (
        torch.ops.aten.pad.default,
        torch.ops.aten.constant_pad_nd.default,
    ):
        return
    key = MADE_OF["layer"]
    own, other = ((item.meta.get("custom") or {}).get(key) for item in (node, pad))
    if own is not None and own == other:
        given = node.args[1:5]  # kernel, stride, padding, dilation
        node.args = (pad.args[0], *given, *([], 0, 1)[len(given) - 1 :], True)


def _own_plan(path: Path) -> QuantPlan | None:
    """The plan that an export of this program carries."""
    try:
        with zipfile.ZipFile(path) as archive:
            info = next((i for i in archive.infolist() if i.filename.partition("/")[2] == PLAN), None)
            if info is None or info.file_size > MAX_PLAN:
                return None
            return plan_from_json(json.loads(archive.read(info)))
    except (Problem, OSError, ValueError, RecursionError, zipfile.BadZipFile):
        return None
