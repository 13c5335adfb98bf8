"""How attention is written in ONNX: the products as they are, which every runtime has kernels for."""

from __future__ import annotations

import math

import numpy as np

from ...graph import Layer, Param, Ref
from .moves import Declined, Writer

PLACES = 4
"""Batch, heads, positions, width."""


def attention(writer: Writer, layer: Layer, output: str) -> None:
    """``softmax((q * scale) k^T + mask) v``.

    With a mask of truth values, a position that may look at nothing gives 0, as torch's does.
    """
    query, key, value, mask, dropout, causal = (*layer.args, None, 0.0, False)[: max(6, len(layer.args))][:6]
    scale, grouped = layer.kwargs.get("scale"), layer.kwargs.get("enable_gqa", False)
    shapes = [writer.shape(item) for item in (query, key, value)]
    if dropout or grouped or any(len(shape) != PLACES for shape in shapes) or shapes[0][-1] is None:
        raise Declined
    if any(shape[:2] != shapes[0][:2] for shape in shapes[1:]) or layer.dtype != "float32":
        raise Declined
    if mask is not None and (causal or not isinstance(mask, (Ref, Param)) or len(writer.shape(mask)) > PLACES):
        raise Declined
    if scale is None:
        scale = 1 / math.sqrt(shapes[0][-1])
    if not isinstance(scale, (int, float)):
        raise Declined
    rows, columns = shapes[0][2], shapes[1][2]
    if causal and (rows is None or columns is None):
        raise Declined
    masked = mask is not None and writer.dtype(mask) == "bool"
    if mask is not None and not masked and writer.dtype(mask) != "float32":
        raise Declined
    q, k, v = (writer.tensor(item) for item in (query, key, value))
    scaled = writer.node("Mul", [q, writer.constant(np.float32(scale), f"{layer.id}/scale")])
    scores = writer.node("MatMul", [scaled, writer.node("Transpose", [k], perm=[0, 1, 3, 2])])
    if causal:
        ahead = np.triu(np.full((rows or 0, columns or 0), -np.inf, np.float32), 1)
        scores = writer.node("Add", [scores, writer.constant(ahead, f"{layer.id}/causal")])
    elif masked:
        zero, never = (
            writer.constant(np.float32(n), f"{layer.id}/{name}") for name, n in (("zero", 0), ("never", -np.inf))
        )
        scores = writer.node("Add", [scores, writer.node("Where", [writer.tensor(mask), zero, never])])
    elif mask is not None:
        scores = writer.node("Add", [scores, writer.tensor(mask)])
    shares = writer.node("Softmax", [scores], axis=-1)
    if masked:
        shares = writer.node("Where", [writer.node("IsNaN", [shares]), zero, shares])
    writer.node("MatMul", [shares, v], output)
