"""Groups of ONNX operators that are one layer, put together before they are traced.

What an exporter takes apart (a linear layer of a sequence, SiLU, HardSwish; see `written_out` for formulas) becomes
one operator again, as it was in the author's program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .file import OnnxFile, Op
from .written_out import Found, gelu, group_norm, layer_norm, mish, rms_norm, stack

Array = NDArray[Any]


def with_constants(file: OnnxFile) -> OnnxFile:
    """The file with its constants among the stored tensors."""
    known = [(op, constant(op)) for op in file.ops]
    arrays = {**file.arrays, **{op.outputs[0]: value for op, value in known if value is not None}}
    return replace(file, ops=tuple(op for op, value in known if value is None), arrays=arrays)


def merged(file: OnnxFile, keep: Collection[str] = ()) -> OnnxFile:
    """The file with groups as single operators; tensors in `keep` must not disappear."""
    return _Merger(file, keep).run()


class _Merger:
    def __init__(self, file: OnnxFile, keep: Collection[str]) -> None:
        self.file = file
        self.ops = file.ops
        self.made = {name: op for op in self.ops for name in op.outputs if name}
        self.readers: dict[str, list[Op]] = {}
        for op in self.ops:
            for name in op.inputs:
                self.readers.setdefault(name, []).append(op)
        self.kept = {*keep, *(item.name for item in file.outputs)}

    def run(self) -> OnnxFile:
        gone: set[str] = set()  # first outputs of operators that went into another
        new: dict[str, Op] = {}
        for op in self.ops:
            found = next((made for pattern in PATTERNS.get(op.kind, ()) if (made := pattern(self, op))), None)
            if found is not None:
                new[op.outputs[0]], parts = found
                gone.update(part.outputs[0] for part in parts)
        ops = tuple(new.get(op.outputs[0], op) for op in self.ops if op.outputs[0] not in gone)
        return replace(self.file, ops=ops)

    # -- what patterns ask -----------------------------------------------------------------------

    def source(self, name: str, kind: str) -> Op | None:
        """The operator of a kind that makes a tensor for one reader alone."""
        op = self.made.get(name)
        if op is None or op.kind != kind or len(self.readers.get(name, ())) != 1 or name in self.kept:
            return None
        return op

    def stored(self, name: str) -> Array | None:
        return self.file.arrays.get(name)


def _gated(m: _Merger, op: Op) -> Found:
    """``x * sigmoid(x)`` is SiLU, ``x * hardsigmoid(x)`` HardSwish."""
    for x, gate in (op.inputs, op.inputs[::-1]):
        sigmoid = m.source(gate, "Sigmoid")
        if sigmoid is not None and sigmoid.inputs[0] == x:
            return replace(op, kind="Silu", inputs=(x,)), (sigmoid,)
        hard = m.source(gate, "HardSigmoid")
        if (
            hard is not None
            and hard.inputs[0] == x
            and abs(float(hard.attributes.get("alpha", 0.2)) - 1 / 6) < 1e-6
            and hard.attributes.get("beta", 0.5) == 0.5
        ):
            return replace(op, kind="HardSwish", inputs=(x,)), (hard,)
    return None


def _linear(m: _Merger, op: Op) -> Found:
    """A product with a stored matrix, and the addition of a stored vector."""
    for y, other in (op.inputs, op.inputs[::-1]):
        bias, product = m.stored(other), m.source(y, "MatMul")
        if bias is None or product is None:
            continue
        matrix = m.stored(product.inputs[1])
        if matrix is not None and matrix.ndim == 2 and bias.shape == matrix.shape[1:]:
            # Named after the product: that is whose weight it has.
            whole = replace(product, kind="Linear", inputs=(*product.inputs, other), outputs=op.outputs)
            return whole, (product,)
    return None


def _rows(m: _Merger, op: Op) -> Found:
    """Gemm between reshapes that make one axis of all but the last, and undo it: a linear layer."""
    gemm = m.source(op.inputs[0], "Gemm")
    before = None if gemm is None else m.source(gemm.inputs[0], "Reshape")
    if gemm is None or before is None:
        return None
    flat, back, matrix = m.stored(before.inputs[1]), m.stored(op.inputs[1]), m.stored(gemm.inputs[1])
    attributes = gemm.attributes
    plain = attributes.get("alpha", 1.0) == 1 and attributes.get("beta", 1.0) == 1 and not attributes.get("transA", 0)
    if flat is None or back is None or matrix is None or not plain or not attributes.get("transB", 0):
        return None
    outward, inward = matrix.shape
    if flat.tolist() != [-1, inward] or back.ndim != 1 or back.size < 3 or back[-1] != outward:
        return None
    return replace(gemm, kind="Rows", inputs=(before.inputs[0], *gemm.inputs[1:]), outputs=op.outputs), (before, gemm)


PATTERNS: Mapping[str, Sequence[Callable[[_Merger, Op], Found]]] = {
    "Mul": (_gated, gelu, mish, rms_norm),
    "Div": (gelu,),
    "Add": (_linear, layer_norm, group_norm),
    "Reshape": (_rows,),
    "Concat": (stack,),
}


NUMBERS = {"value_float": np.float32, "value_floats": np.float32, "value_int": np.int64, "value_ints": np.int64}
"""Attributes of Constant that hold no array."""


def constant(op: Op) -> Array | None:
    """What a Constant operator holds; None for others, and for texts."""
    if op.kind != "Constant":
        return None
    for name, dtype in (
        ("value_float", np.float32),
        ("value_floats", np.float32),
        ("value_int", np.int64),
        ("value_ints", np.int64),
    ):
        if name in op.attributes:
            return np.asarray(op.attributes[name], dtype)
    value = op.attributes.get("value")
    return value if isinstance(value, np.ndarray) else None
