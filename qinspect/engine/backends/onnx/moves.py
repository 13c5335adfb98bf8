"""How operators that only move values are written in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from ...graph import Layer


class Writer(Protocol):
    """Where operators are written to."""

    def tensor(self, argument: Any) -> str:
        """Name of the tensor that an argument stands for; raises `Declined` where it is none."""
        ...

    def constant(self, array: np.ndarray[Any, Any] | np.generic, stem: str) -> str:
        """Name of a stored tensor with this content."""
        ...

    def node(self, op: str, inputs: Sequence[str], output: str = "", **attributes: Any) -> str:
        """Write one operator; returns the name of its output (made up where none is given)."""
        ...

    def split(self, layer: Layer, axis: int, sizes: Sequence[int], squeezed: bool = False) -> None:
        """Write a Split whose outputs are the values that its readers pick, with or without the axis."""
        ...

    def shape(self, argument: Any) -> tuple[int | None, ...]:
        """Shape of an argument or of a layer's value; None stands where the batch makes it vary."""
        ...

    def dtype(self, argument: Any) -> str:
        """Type of a tensor argument's values, such as ``float32``."""
        ...


class Declined(Exception):
    """The operator is used in a way that is left to torch's own exporter."""


Emitter = Callable[[Writer, Layer, str], None]
"""Writes a layer whose value gets the given name."""


def numbers(value: Any, count: int) -> list[int]:
    """One number for each spatial axis."""
    items = [value] if isinstance(value, int) else list(value)
    if not all(isinstance(item, int) for item in items):
        raise Declined
    return items * count if len(items) == 1 else items


def target_shape(writer: Writer, layer: Layer) -> str:
    """The layer's own shape as a tensor for Reshape."""
    shape = [-1 if size is None else size for size in writer.shape(layer)]
    if shape.count(-1) > 1 or 0 in shape:
        raise Declined
    return writer.constant(np.array(shape, np.int64), f"{layer.id}/shape")


def _reshape(writer: Writer, layer: Layer, output: str) -> None:
    writer.node("Reshape", [writer.tensor(layer.args[0]), target_shape(writer, layer)], output)


def _transpose(writer: Writer, layer: Layer, output: str) -> None:
    rank = len(writer.shape(layer.args[0]))
    order = list(range(rank))
    name = layer.target.split(".")[1]
    if name == "permute":
        order = [axis % rank for axis in layer.args[1]]
    else:
        one, two = (axis % rank for axis in layer.args[1:3]) if name != "t" else (0, rank - 1)
        order[one], order[two] = order[two], order[one]
    writer.node("Transpose", [writer.tensor(layer.args[0])], output, perm=order)


def _pixel_shuffle(writer: Writer, layer: Layer, output: str) -> None:
    factor = layer.args[1]
    shape = writer.shape(layer.args[0])
    if len(shape) != 4 or None in shape[1:]:
        raise Declined
    _, channels, height, width = shape
    assert channels is not None
    apart = np.array([-1, channels // factor**2, factor, factor, height, width], np.int64)
    x = writer.node("Reshape", [writer.tensor(layer.args[0]), writer.constant(apart, f"{layer.id}/apart")])
    x = writer.node("Transpose", [x], perm=[0, 1, 4, 2, 5, 3])
    writer.node("Reshape", [x, target_shape(writer, layer)], output)


def _slice(writer: Writer, layer: Layer, output: str) -> None:
    axis, start, end, step = layer.args[1:5]
    if not all(isinstance(n, int) or n is None for n in (start, end, step)):
        raise Declined
    parts = [("starts", start or 0), ("ends", (1 << 63) - 1 if end is None else end), ("axes", axis), ("steps", step)]
    x = writer.tensor(layer.args[0])
    writer.node(
        "Slice", [x, *(writer.constant(np.array([n], np.int64), f"{layer.id}/{name}") for name, n in parts)], output
    )


def _select(writer: Writer, layer: Layer, output: str) -> None:
    axis, index = layer.args[1:3]
    if not isinstance(index, int):
        raise Declined
    at = writer.constant(np.array(index, np.int64), f"{layer.id}/index")
    writer.node("Gather", [writer.tensor(layer.args[0]), at], output, axis=axis)


PARTING = ("split", "split_with_sizes", "chunk", "unbind")
"""What makes several tensors of one."""


def _split(writer: Writer, layer: Layer, output: str) -> None:
    unbinds = ".unbind." in layer.target
    place = 1 if unbinds else 2
    axis = layer.args[place] if len(layer.args) > place else 0
    total = writer.shape(layer.args[0])[axis]
    if total is None:
        raise Declined
    wanted = 1 if unbinds else layer.args[1]
    if isinstance(wanted, int):
        size = -(-total // wanted) if ".chunk." in layer.target else wanted
        wanted = [min(size, total - at) for at in range(0, total, size)]
    if not all(isinstance(n, int) for n in wanted):
        raise Declined
    writer.split(layer, axis, list(wanted), squeezed=unbinds)


TRANSPARENT: Mapping[str, Emitter] = {
    **dict.fromkeys(("view", "reshape", "_unsafe_view", "flatten", "unflatten", "squeeze", "unsqueeze"), _reshape),
    **dict.fromkeys(("transpose", "permute", "t", "swapaxes"), _transpose),
    **dict.fromkeys(PARTING, _split),
    "pixel_shuffle": _pixel_shuffle,
    "slice": _slice,
    "select": _select,
}
