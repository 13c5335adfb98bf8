"""Recurrent operators that an export of this program wrote anew for each of their values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from ...backends.onnx.naming import LAYER
from .file import OnnxFile, Op

RECURRENT = frozenset({"LSTM", "GRU", "RNN"})

PREPARING = frozenset(
    {
        "Cast", "Concat", "ConstantOfShape", "Expand", "Gather", "Identity", "Mul", "Reshape", "Shape", "Slice",
        "Squeeze", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
"""What stands before them, and is there as often."""


def without_copies(file: OnnxFile) -> OnnxFile:
    """The file with one of those recurrent operators that compute the same of the same.

    Parameters
    ----------
    file : OnnxFile
        Its constants among its stored tensors.
    """
    if not any(op.kind in RECURRENT and LAYER in op.meta for op in file.ops):
        return file
    numbers: dict[object, int] = {}  # what a tensor is -> a number that equal ones share
    known: dict[str, int] = {}

    def number(what: object) -> int:
        return numbers.setdefault(what, len(numbers))

    def of(names: Iterable[str]) -> tuple[int, ...]:
        for name in names:
            if name not in known:
                array = file.arrays.get(name)
                content = None if array is None else hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()
                known[name] = number(name if array is None else (str(array.dtype), array.shape, content))
        return tuple(known[name] for name in names)

    first: dict[tuple[object, ...], Op] = {}
    same: dict[str, str] = {}
    ops: list[Op] = []
    given_out = {item.name for item in file.outputs}
    for op in file.ops:
        op = replace(op, inputs=tuple(same.get(name, name) for name in op.inputs))
        if op.kind in PREPARING | RECURRENT:
            made = (op.kind, of(op.inputs), repr(sorted(op.attributes.items())))
            known.update((name, number((*made, index))) for index, name in enumerate(op.outputs) if name)
            if op.kind in RECURRENT and LAYER in op.meta:
                other = first.setdefault(made, op)
                if other is not op and not given_out.intersection(op.outputs) and all(other.outputs):
                    same.update(zip(op.outputs, other.outputs, strict=False))
                    continue
        ops.append(op)
    return replace(file, ops=tuple(ops))
