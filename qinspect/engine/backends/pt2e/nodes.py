"""Whose the nodes of a program quantized with PT2E are; read and written without torchao."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.fx import Graph, Node

WEIGHTED = frozenset({"conv1d", "conv2d", "linear"})
"""Layers for which inductor calls oneDNN's integer kernels (``onednn.qconv``, ``onednn.qlinear``)."""

OWNER, VALUE = "qinspect.owner", "qinspect.value"
"""Keys of ``node.meta["custom"]`` beside `normalize.MADE_OF`: the layer, with all that it absorbed, whose node
it is; what a quantizer quantizes."""


@dataclass(frozen=True)
class Described:
    """What a program says of itself.

    Parameters
    ----------
    layers : frozenset of str
        Layers whose weight is stored in integers, and those without one that are rounded behind.
    quantize_nodes, dequantize_nodes : int
    """

    layers: frozenset[str]
    quantize_nodes: int
    dequantize_nodes: int


def layer_of(node: Node) -> str | None:
    """The id of the layer whose node it is."""
    return (node.meta.get("custom") or {}).get(OWNER) or None


def weight_node(node: Node) -> Node | None:
    """The weight that a convolution or linear node reads."""
    if operator_name(node) not in WEIGHTED or not isinstance(node.args[1], Node):
        return None
    return node.args[1]


def operator_name(node: Node) -> str:
    """``conv2d``, ``quantize_per_tensor``; empty for what is no operator of torch's."""
    return node.target._opname if isinstance(node.target, torch._ops.OpOverload) else ""


def described(graph: Graph) -> Described:
    """Which layers a program quantizes, by its quantizers and the identities written into it."""
    names = [operator_name(node) for node in graph.nodes]
    # What is rounded at run time says whose value it is, and is rounded for its readers.
    rounded = {layer_of(node) for node in graph.nodes if str(node.target).endswith("quantize_per_tensor.default")}
    weights = {layer_of(node): weight for node in graph.nodes if (weight := weight_node(node)) is not None}
    real = {layer for layer, weight in weights.items() if operator_name(weight) != "dequantize_per_channel"}
    return Described(
        frozenset(layer for layer in (rounded | weights.keys()) - real if layer),
        sum(name.startswith("quantize_") for name in names),
        sum(name.startswith("dequantize_") for name in names),
    )
