"""What an export of this program writes in parts that are no layers: authors write the same parts as layers of theirs.

The metadata of an operator say whose it is.
"""

from __future__ import annotations

from typing import Any

from ...backends.onnx.bags import REDUCTIONS
from ...backends.onnx.naming import LAYER
from .file import Op
from .written_out import Found, Graph, Parts


def _is(op: Op, kind: str) -> bool:
    """Whether an export wrote an operator for a layer of this kind."""
    return op.meta.get(LAYER, "").rpartition(":")[2].partition("@")[0].partition("#")[0] == kind


def glu(graph: Graph, op: Op) -> Found:
    """One half of the channels times the sigmoid of the other."""
    if not _is(op, "glu"):
        return None
    parts = Parts(graph)
    gate = parts.take(op.inputs[1], "Sigmoid")
    halves = parts.take(op.inputs[0], "Split")
    if gate is None or halves is None or tuple(halves.outputs) != (op.inputs[0], gate.inputs[0]):
        return None
    if any(reader.outputs[0] != gate.outputs[0] for reader in graph.readers.get(gate.inputs[0], ())):
        return None
    return parts.whole(op, "Glu", halves.inputs[:1], axis=halves.attributes.get("axis", 0))


def groups(graph: Graph, op: Op) -> Found:
    """A group norm without weights: an instance norm of groups, between reshapes."""
    parts = Parts(graph)
    norm = parts.take(op.inputs[0], "InstanceNormalization") if _is(op, "group_norm") else None
    apart = None if norm is None else parts.take(norm.inputs[0], "Reshape")
    ones = None if norm is None else graph.stored(norm.inputs[1])
    if norm is None or apart is None or ones is None:
        return None
    epsilon = norm.attributes.get("epsilon", 1e-5)
    return parts.whole(op, "Groups", apart.inputs[:1], num_groups=ones.size, epsilon=epsilon)


def bag(graph: Graph, op: Op) -> Found:
    """Rows of a table, put together."""
    parts = Parts(graph)
    rows = parts.take(op.inputs[0], "Gather") if _is(op, "embedding_bag") else None
    return None if rows is None else parts.whole(op, "EmbeddingBag", rows.inputs, mode=REDUCTIONS.index(op.kind))


def attention(graph: Graph, op: Op) -> Found:
    """Two products around a softmax, see `backends.onnx.attention`."""
    if not _is(op, "scaled_dot_product_attention"):
        return None
    parts = Parts(graph)
    attributes: dict[str, Any] = {}
    guard = parts.take(op.inputs[0], "Where")
    if guard is not None:
        parts.take(guard.inputs[0], "IsNaN")
    shares = parts.take(op.inputs[0] if guard is None else guard.inputs[2], "Softmax")
    scores = None if shares is None else parts.take(shares.inputs[0], "Add", "MatMul")
    mask: tuple[str, ...] = ()
    if scores is not None and scores.kind == "Add":
        added = scores.inputs[1]
        if (stored := graph.stored(added)) is not None and added == f"{op.meta[LAYER]}/causal":
            attributes["causal"] = stored.ndim
        else:
            chosen = parts.take(added, "Where") if guard is not None else None
            mask = (added if chosen is None else chosen.inputs[0],)
        scores = parts.take(scores.inputs[0], "MatMul")
    scaled = None if scores is None else parts.take(scores.inputs[0], "Mul")
    turned = None if scores is None else parts.take(scores.inputs[1], "Transpose")
    scale = None if scaled is None else parts.number(scaled.inputs[1])
    if scaled is None or turned is None or scale is None:
        return None
    inputs = (scaled.inputs[0], turned.inputs[0], op.inputs[1], *mask)
    return parts.whole(op, "Attention", inputs, scale=scale, **attributes)
