"""Convolutions over time as convolutions over pictures of height one, and back.

torch 2.13 packs the weight of oneDNN's integer conv1d with an axis of one more, takes that for its length where it is
asked for shapes, and so compiles whatever reads a convolution of several taps for too many positions. Its conv2d is
right, and runs in the same kernel.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch.export import ExportedProgram
from torch.fx import Graph, GraphModule, Node

from .nodes import layer_of, operator_name

TALL = "qinspect.tall"
"""Key of ``node.meta["custom"]``: the value has an axis of height, of length 1, that the layer's has not."""

HEIGHT = 2
"""Which axis that is."""

CONV1D, CONV2D = (torch.ops.aten.conv1d, torch.ops.aten.conv2d)

POINTWISE = ("relu", "hardtanh", "clamp", "gelu", "hardswish", "silu", "sigmoid", "tanh", "quantize_per_tensor")
"""What may stand between a convolution and its quantizer and computes value by value; besides them additions."""


def make_tall(module: GraphModule, layers: Collection[str]) -> dict[Node, Node]:
    """Compute the conv1d of these layers as conv2d, up to their quantizers.

    Parameters
    ----------
    module : torch.fx.GraphModule
        Changed; in torchao's reference form.
    layers : collection of str
        Ids.

    Returns
    -------
    dict
        By each quantizer whose integers have an axis more now, the node that takes it off them.
    """
    squeezed: dict[Node, Node] = {}
    for node in list(module.graph.nodes):
        if operator_name(node) == "conv1d" and layer_of(node) in layers:
            last = _widened(module, node)
            readers = list(last.users)
            with module.graph.inserting_after(last):
                flat = squeezed[last] = module.graph.call_function(torch.ops.aten.squeeze.dim, (last, HEIGHT))
            flat.meta = _meta(last)
            for reader in readers:
                reader.replace_input_with(last, flat)
    module.recompile()
    return squeezed


def _widened(module: GraphModule, node: Node) -> Node:
    """A conv2d in place of a conv1d; the last node behind it that keeps its height."""
    graph = module.graph
    given: tuple[Any, ...] = node.args
    x, weight = given[:2]
    rest: list[Any] = [*given[2:], *[None, 1, 0, 1, 1][len(given) - 2 :]]
    bias, stride, padding, dilation, groups = rest
    stored: Any = weight.args[0]
    place, _, name = str(stored.target).rpartition(".")
    owner = module.get_submodule(place)
    setattr(owner, name, torch.nn.Buffer(getattr(owner, name).detach().unsqueeze(HEIGHT)))
    sides = padding if isinstance(padding, str) else [0, *_list(padding)]
    kind = CONV2D.padding if isinstance(padding, str) else CONV2D.default
    with graph.inserting_before(node):
        source = _taller(graph, x, node)
        conv = graph.call_function(
            kind, (source, weight, bias, [1, *_list(stride)], sides, [1, *_list(dilation)], groups)
        )
    conv.meta = _meta(node)
    node.replace_all_uses_with(conv)
    graph.erase_node(node)
    if not x.users:
        graph.erase_node(x)
    last = conv
    while len(last.users) == 1:
        user = next(iter(last.users))
        if operator_name(user) == "add":
            other = [item for item in user.args[:2] if item is not last]
            if len(other) != 1 or not isinstance(other[0], Node):
                break
            with graph.inserting_before(user):
                user.replace_input_with(other[0], _taller(graph, other[0], user))
        elif operator_name(user) not in POINTWISE or user.args[0] is not last:
            break
        user.meta = _meta(user)
        last = user
    return last


def _taller(graph: Graph, value: Node, reader: Node) -> Node:
    """A value with an axis of height; of what is dequantized the integers get it, so that kernels are found."""
    whole = operator_name(value) == "dequantize_per_tensor"
    tall = graph.call_function(torch.ops.aten.unsqueeze.default, (value.args[0] if whole else value, HEIGHT))
    tall.meta = _meta(reader)
    if not whole:
        return tall
    again = graph.node_copy(value)
    again.args = (tall, *value.args[1:])
    again.meta = _meta(value)
    return again


def _meta(node: Node) -> dict[str, Any]:
    return {"custom": {**node.meta.get("custom", {}), TALL: "1"}}


def _list(numbers: Any) -> list[int]:
    return [numbers] if isinstance(numbers, int) else list(numbers)


def make_flat(program: ExportedProgram) -> None:
    """Undo `make_tall` in a program that was read from a file; one that is marked in another way stays as it is."""
    nodes = [node for node in program.graph.nodes if (node.meta.get("custom") or {}).get(TALL)]
    targets = {spec.arg.name: spec.target for spec in program.graph_signature.input_specs}
    tensors: dict[Node, tuple[dict[str, Any], str]] = {}
    for node in nodes:
        name = operator_name(node)
        arguments: tuple[Any, ...] = node.args
        if name == "conv2d":
            weight: Any = arguments[1].args[0] if isinstance(arguments[1], Node) else None
            target = str(targets.get(getattr(weight, "name", ""), ""))
            where = next((kept for kept in (program.state_dict, program.constants) if target in kept), None)
            if where is None or where[target].dim() != 4 or where[target].shape[HEIGHT] != 1:
                return
            tensors[weight] = (where, target)
        elif name in ("squeeze", "unsqueeze"):
            if node.args[1] != HEIGHT:
                return
        elif name not in (*POINTWISE, "add", "dequantize_per_tensor"):
            return
    for weight, (where, target) in tensors.items():
        where[target] = where[target].detach().squeeze(HEIGHT)
        for node in (weight, *weight.users):
            _flatten(node)
    for node in nodes:
        if operator_name(node) in ("squeeze", "unsqueeze"):
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
            continue
        if operator_name(node) == "conv2d":
            rest = [item[1:] if isinstance(item, list | tuple) else item for item in node.args[3:]]
            node.target = CONV1D.padding if len(node.args) > 4 and isinstance(node.args[4], str) else CONV1D.default
            node.args = (*node.args[:3], *rest)
        _flatten(node)


def _flatten(node: Node) -> None:
    value = node.meta.get("val")
    if isinstance(value, torch.Tensor) and value.dim() == 4:
        node.meta["val"] = value.squeeze(HEIGHT)
