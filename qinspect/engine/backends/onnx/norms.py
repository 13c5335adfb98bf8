"""How norms are written in ONNX that have no operator in all opsets: in parts that are known again."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...graph import Layer, Param
from .moves import Declined, Emitter, Writer, target_shape


def _rms_norm(writer: Writer, layer: Layer, output: str) -> None:
    """``x / sqrt(mean(x**2) + epsilon) * weight``, along the last axis."""
    x, shape, weight, epsilon = (*layer.args, None, None)[:4]
    if not isinstance(weight, Param) or len(shape) != 1 or layer.dtype != "float32":
        raise Declined
    if epsilon is None:
        epsilon = np.finfo(np.float32).eps
    given = writer.tensor(x)
    two, least = (writer.constant(np.float32(n), f"{layer.id}/{name}") for name, n in (("two", 2), ("eps", epsilon)))
    last = writer.constant(np.array([-1], np.int64), f"{layer.id}/axes")
    mean = writer.node("ReduceMean", [writer.node("Pow", [given, two]), last], keepdims=1)
    root = writer.node("Sqrt", [writer.node("Add", [mean, least])])
    writer.node("Mul", [writer.node("Div", [given, root]), writer.tensor(weight)], output)


def _group_norm(writer: Writer, layer: Layer, output: str) -> None:
    """An instance norm of groups, between reshapes; channels are scaled and moved afterwards."""
    x, groups, weight, bias, epsilon = (*layer.args, None, None, 1e-5)[:5]
    rank = len(layer.shape)
    if rank < 3 or (weight is None) != (bias is None) or layer.dtype != "float32":
        raise Declined
    back = target_shape(writer, layer)
    apart = writer.constant(np.array([0, groups, -1], np.int64), f"{layer.id}/groups")
    ones = writer.constant(np.ones(groups, np.float32), f"{layer.id}/ones")
    zeros = writer.constant(np.zeros(groups, np.float32), f"{layer.id}/zeros")
    rows = writer.node("Reshape", [writer.tensor(x), apart])
    norm = writer.node("InstanceNormalization", [rows, ones, zeros], epsilon=float(epsilon))
    if weight is None:
        writer.node("Reshape", [norm, back], output)
        return
    along = writer.constant(np.array([-1, *[1] * (rank - 2)], np.int64), f"{layer.id}/channels")
    scale, shift = (writer.node("Reshape", [writer.tensor(item), along]) for item in (weight, bias))
    writer.node("Add", [writer.node("Mul", [writer.node("Reshape", [norm, back]), scale]), shift], output)


NORMS: Mapping[str, Emitter] = {"rms_norm": _rms_norm, "group_norm": _group_norm}
