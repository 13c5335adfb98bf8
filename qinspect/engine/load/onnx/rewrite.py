"""Groups of ONNX operators that are one layer, put together before they are traced.

What an exporter takes apart (a linear layer of a sequence, SiLU, HardSwish; see `written_out` for formulas) becomes
one operator again, as it was in the author's program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.onnx.bags import REDUCTIONS
from ...backends.onnx.naming import LAYER
from ...qparams import QParams
from .file import OnnxFile, Op
from .own_parts import attention, bag, glu, groups
from .written_out import Found, gelu, group_norm, layer_norm, mish, rms_norm, stack

Array = NDArray[Any]


def with_constants(file: OnnxFile) -> OnnxFile:
    """The file with its constants among the stored tensors."""
    known = [(op, constant(op)) for op in file.ops]
    arrays = {**file.arrays, **{op.outputs[0]: value for op, value in known if value is not None}}
    return replace(file, ops=tuple(op for op, value in known if value is None), arrays=arrays)


def merged(file: OnnxFile, grids: dict[str, QParams] | None = None) -> OnnxFile:
    """The file with groups as single operators.

    Parameters
    ----------
    file : OnnxFile
    grids : dict of str to QParams
        Of tensors, which must not disappear for that; changed where one is that of the group's own value.
    """
    return _Merger(file, {} if grids is None else grids).run()


class _Merger:
    def __init__(self, file: OnnxFile, grids: dict[str, QParams]) -> None:
        self.file = file
        self.grids = grids
        self.ops = file.ops
        self.made = {name: op for op in self.ops for name in op.outputs if name}
        self.readers: dict[str, list[Op]] = {}
        for op in self.ops:
            for name in op.inputs:
                self.readers.setdefault(name, []).append(op)
        self.outputs = {item.name for item in file.outputs}
        self.kept = {*grids, *self.outputs}

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

    def source(self, name: str, kind: str, beside: str = "") -> Op | None:
        """The operator of a kind that makes a tensor for one reader alone.

        The tensor may have a grid where it is that of `beside`, a tensor with the same numbers, or that has none.
        """
        op = self.made.get(name)
        if op is None or op.kind != kind or len(self.readers.get(name, ())) != 1:
            return None
        if name in self.kept and (name in self.outputs or not beside or not self._on_one_grid(name, beside)):
            return None
        return op

    def _on_one_grid(self, name: str, beside: str) -> bool:
        other = self.grids.get(beside)
        if other is not None:
            return other.to_json() == self.grids[name].to_json()
        # Who else reads what comes before would read integers as well.
        behind = beside in {output for reader in self.readers[name] for output in reader.outputs}
        return behind or len(self.readers.get(beside, ())) == 1

    def made_of(self, name: str) -> str:
        """The first input of the operator that makes a tensor."""
        return self.made[name].inputs[0] if name in self.made else ""

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


def _rsqrt(m: _Merger, op: Op) -> Found:
    """One over the square root, as torch writes its one operator for both."""
    root = m.source(op.inputs[0], "Sqrt")
    return None if root is None else (replace(op, kind="Rsqrt", inputs=root.inputs), (root,))


def _rows(m: _Merger, op: Op) -> Found:
    """Gemm between reshapes that make one axis of all but the last, and undo it: a linear layer."""
    gemm = m.source(op.inputs[0], "Gemm", op.outputs[0])
    before = None if gemm is None else m.source(gemm.inputs[0], "Reshape", m.made_of(gemm.inputs[0]))
    if gemm is None or before is None or before.meta.get(LAYER) != gemm.meta.get(LAYER):
        return None  # in a file of our own, reshapes that are layers of their own
    flat, back, matrix = m.stored(before.inputs[1]), m.stored(op.inputs[1]), m.stored(gemm.inputs[1])
    attributes = gemm.attributes
    plain = attributes.get("alpha", 1.0) == 1 and attributes.get("beta", 1.0) == 1 and not attributes.get("transA", 0)
    if flat is None or back is None or matrix is None or not plain or not attributes.get("transB", 0):
        return None
    outward, inward = matrix.shape
    if flat.tolist() != [-1, inward] or back.ndim != 1 or back.size < 3 or back[-1] != outward:
        return None
    for inner, outer in ((op.inputs[0], op.outputs[0]), (gemm.inputs[0], before.inputs[0])):
        if inner in m.grids:
            m.grids.setdefault(outer, m.grids[inner])
    inputs, shape = (before.inputs[0], *gemm.inputs[1:]), {"shape": back.tolist()}
    return replace(gemm, kind="Rows", inputs=inputs, outputs=op.outputs, attributes=shape), (before, gemm)


PATTERNS: Mapping[str, Sequence[Callable[[_Merger, Op], Found]]] = {
    "Mul": (_gated, gelu, mish, glu, rms_norm),
    "Div": (gelu,),
    "Add": (_linear, layer_norm, group_norm),
    "Reciprocal": (_rsqrt,),
    "Reshape": (_rows, groups),
    "Concat": (stack,),
    "MatMul": (attention,),
    **dict.fromkeys(REDUCTIONS, (bag,)),
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
