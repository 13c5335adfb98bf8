"""What the function for one ONNX operator is given: its inputs as tensors, or as numbers that are known.

Sizes are computed in ONNX by operators like everything else. Where nothing but shapes and stored
numbers goes into them they are computed at once, as numpy arrays of numbers (a size that varies
with the batch is a `torch.SymInt` in an array of objects), and leave no layer behind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...problem import Problem
from ...text import Text
from .file import Op

Array = NDArray[Any]

SMALL = 4096
"""Numbers that an array may have to be computed with at once."""

TORCH_TYPES: Mapping[str, Any] = {
    "uint16": np.int32,
    "uint32": np.int64,
    "uint64": np.int64,
    "int4": np.int8,
    "uint4": np.uint8,
    **dict.fromkeys(("float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"), np.float32),
}
"""What stands for types that torch hardly computes with."""


class Call:
    """One operator with its inputs.

    Parameters
    ----------
    op : Op
    values : sequence
        A torch.Tensor that is computed at run time, an ndarray that is known, or None.
    opset : int
        Of the standard operators.
    where : str
        The file, for messages.
    stored : callable
        Gives the tensor that stands for a known input, by its name and content.
    """

    def __init__(
        self, op: Op, values: Sequence[Any], opset: int, where: str, stored: Callable[[str, Array], torch.Tensor]
    ) -> None:
        self.op = op
        self.values = values
        self.opset = opset
        self.where = where
        self._stored = stored

    def refuse(self, what: str, remedy: str = Text("Export the model without it.")) -> Problem:
        """The error that this operator is used in a way that cannot be followed."""
        return Problem(f"{self.where}, {self.op.name}", Text("{kind} {what}", kind=self.op.kind, what=what), remedy)

    def get(self, attribute: str, default: Any = None) -> Any:
        value = self.op.attributes.get(attribute)
        return default if value is None else value

    def has(self, index: int) -> bool:
        return index < len(self.values) and self.values[index] is not None

    def known(self, index: int) -> bool:
        """Whether an input is there and known before anything runs."""
        return self.has(index) and isinstance(self.values[index], np.ndarray)

    def tensor(self, index: int) -> torch.Tensor:
        if not self.has(index):
            raise self.refuse(Text("lacks its input {index}", index=index), Text("Export it anew."))
        value = self.values[index]
        return value if isinstance(value, torch.Tensor) else self._stored(self.op.inputs[index], value)

    def optional(self, index: int) -> torch.Tensor | None:
        return self.tensor(index) if self.has(index) else None

    def operand(self, index: int) -> Any:
        """A tensor, or a plain number where the input is one that is known."""
        value = self.values[index] if self.has(index) else None
        if isinstance(value, np.ndarray) and value.ndim == 0:
            return plain(value[()])
        return self.tensor(index)

    def numbers(self, index: int, attribute: str = "") -> list[Any] | None:
        """An input, or an attribute of older versions, as a list of known numbers; None where it is left out."""
        if self.has(index):
            if not self.known(index):
                what = Text("takes {sizes} that are computed from the data", sizes=attribute or Text("sizes"))
                raise self.refuse(what, Text("Export the model with fixed sizes."))
            return [plain(item) for item in self.values[index].reshape(-1)]
        value = self.get(attribute)
        return value if value is None or isinstance(value, list) else [value]

    def number(self, index: int, attribute: str = "") -> Any:
        """One known number, or None."""
        found = self.numbers(index, attribute)
        if found is None or not found:
            return None
        return found[0]

    def axis(self, default: int, rank: int) -> int:
        return int(self.get("axis", default)) % max(rank, 1)


def as_tensor(array: Array) -> torch.Tensor:
    """A tensor of the array's memory, where that may be written and torch has its type."""
    array = array.astype(TORCH_TYPES.get(array.dtype.name, array.dtype), copy=False)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def plain(item: Any) -> Any:
    """A Python number, or a SymInt as it is."""
    return item.item() if isinstance(item, np.generic) else item


def is_small(array: Array) -> bool:
    """Whether an array is computed with at once: sizes and flags, and few real numbers."""
    return array.size <= (64 if array.dtype.kind == "f" else SMALL)


def sizes(items: Sequence[Any]) -> Array:
    """An array of sizes, some of which may be symbols."""
    if all(isinstance(item, (int, np.integer)) for item in items):
        return np.array([int(item) for item in items], np.int64)
    found = np.empty(len(items), object)
    found[:] = list(items)
    return found


# -- operators on known numbers ------------------------------------------------------------------


def _axes(c: Call, index: int) -> list[int] | None:
    return c.numbers(index, "axes")


def _gather(c: Call) -> Array:
    data, index = c.values[0], c.values[1].astype(np.int64)
    return np.asarray(np.take(data, index, axis=c.axis(0, data.ndim)))


def _slice(c: Call) -> Array:
    data = c.values[0]
    starts, ends = c.numbers(1, "starts") or [], c.numbers(2, "ends") or []
    axes = c.numbers(3, "axes") or list(range(len(starts)))
    steps = c.numbers(4, "steps") or [1] * len(starts)
    index: list[Any] = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        index[int(axis)] = slice(start, None if step < 0 and end < -data.shape[int(axis)] else end, step)
    return np.asarray(data[tuple(index)])


def _unsqueeze(c: Call) -> Array:
    axes = _axes(c, 1) or []
    rank = c.values[0].ndim + len(axes)
    return np.expand_dims(c.values[0], tuple(int(axis) % rank for axis in axes))


def _squeeze(c: Call) -> Array:
    axes = _axes(c, 1)
    return np.asarray(np.squeeze(c.values[0], None if axes is None else tuple(int(axis) for axis in axes)))


def _reshape(c: Call) -> Array:
    wanted = [int(n) for n in c.numbers(1, "shape") or []]
    return np.asarray(c.values[0].reshape([c.values[0].shape[i] if n == 0 else n for i, n in enumerate(wanted)]))


def _cast(c: Call) -> Array:
    dtype = element_type(c.get("to"))
    data = c.values[0]
    return data if data.dtype == object and np.dtype(dtype).kind in "iu" else data.astype(dtype)


def _divide(one: Array, two: Array) -> Array:
    if one.dtype.kind in "iu" and two.dtype.kind in "iu":
        return np.asarray(np.trunc(one / two).astype(one.dtype))
    if object in (one.dtype, two.dtype):
        return np.asarray(one // two)
    return np.asarray(one / two)


def _range(c: Call) -> Array | None:
    start, limit, delta = (plain(value[()]) for value in c.values[:3])  # of one type
    if any(isinstance(item, torch.SymInt) for item in (start, limit, delta)) or not delta:
        return None
    if (limit - start) / delta > SMALL:
        return None
    return np.arange(start, limit, delta).astype(c.values[0].dtype)


def _constant_of_shape(c: Call) -> Array | None:
    shape = c.numbers(0) or []
    if any(isinstance(n, torch.SymInt) for n in shape) or int(np.prod([float(n) for n in shape])) > SMALL:
        return None
    value = c.get("value")
    fill = np.float32(0) if value is None else np.asarray(value).reshape(-1)[0]
    return np.full([int(n) for n in shape], fill)


def _expand(c: Call) -> Array | None:
    shape = c.numbers(1) or []
    if any(isinstance(n, torch.SymInt) for n in shape) or float(np.prod([float(n) for n in shape])) > SMALL:
        return None
    data = c.values[0]
    return np.asarray(np.broadcast_to(data, np.broadcast_shapes(data.shape, tuple(int(n) for n in shape))))


def _reduce(function: Callable[..., Any]) -> Callable[[Call], Array]:
    def run(c: Call) -> Array:
        axes = _axes(c, 1)
        over = None if axes is None else tuple(int(axis) for axis in axes)
        return np.asarray(function(c.values[0], axis=over, keepdims=bool(c.get("keepdims", 1))))

    return run


def _binary(function: Callable[..., Any]) -> Callable[[Call], Array]:
    return lambda c: np.asarray(function(c.values[0], c.values[1]))


def _unary(function: Callable[..., Any]) -> Callable[[Call], Array]:
    return lambda c: np.asarray(function(c.values[0]))


def _same_type(function: Callable[..., Any]) -> Callable[[Call], Array]:
    return lambda c: np.asarray(function(c.values[0])).astype(c.values[0].dtype)


KNOWN: Mapping[str, Callable[[Call], Array | None]] = {
    "Add": _binary(np.add),
    "Sub": _binary(np.subtract),
    "Mul": _binary(np.multiply),
    "Div": lambda c: _divide(c.values[0], c.values[1]),
    "Mod": _binary(np.mod),
    "Pow": _binary(np.power),
    "Min": _binary(np.minimum),
    "Max": _binary(np.maximum),
    "Equal": _binary(np.equal),
    "Greater": _binary(np.greater),
    "GreaterOrEqual": _binary(np.greater_equal),
    "Less": _binary(np.less),
    "LessOrEqual": _binary(np.less_equal),
    "And": _binary(np.logical_and),
    "Or": _binary(np.logical_or),
    "Xor": _binary(np.logical_xor),
    "Not": _unary(np.logical_not),
    "Neg": _unary(np.negative),
    "Abs": _unary(np.abs),
    "Floor": _same_type(np.floor),
    "Ceil": _same_type(np.ceil),
    "Sqrt": _same_type(np.sqrt),
    "Identity": lambda c: np.asarray(c.values[0]),
    "Concat": lambda c: np.concatenate(list(c.values), axis=int(c.get("axis", 0))),
    "Gather": _gather,
    "Slice": _slice,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Transpose": lambda c: np.asarray(np.transpose(c.values[0], c.get("perm"))),
    "Cast": _cast,
    "Where": lambda c: np.asarray(np.where(c.values[0], c.values[1], c.values[2])),
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "Size": lambda c: np.asarray(c.values[0].size, np.int64),
    "Shape": lambda c: sizes(c.values[0].shape[slice(c.get("start", 0), c.get("end"))]),
}
"""Operators that are computed at once where all inputs are known and small; None declines."""


def element_type(number: Any) -> Any:
    """The numpy type that stands for one of ONNX's element types; all real numbers are float32 here."""
    from onnx import helper

    try:
        dtype = np.dtype(helper.tensor_dtype_to_np_dtype(int(number)))
    except (KeyError, TypeError, ValueError):
        raise Problem(
            Text("Cast"), Text("has the unknown type {number}", number=number), Text("Export it anew.")
        ) from None
    if dtype.kind == "f" or dtype.name.startswith(("bfloat", "float")):
        return np.float32
    if dtype.kind not in "biu":
        raise Problem(Text("Cast"), Text("makes {dtype}", dtype=dtype.name), Text("Export the model without it."))
    return TORCH_TYPES.get(dtype.name, dtype.type)


Function = Callable[[Call], Any]
"""Gives an operator's output, or a tuple of its outputs."""
