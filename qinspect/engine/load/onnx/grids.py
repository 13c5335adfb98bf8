"""Real and integers of an ONNX file on its grids, and what our own files say of theirs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...backends.onnx.interface import IO
from ...backends.onnx.qdq import CLIPS, INTEGERS, SIGNED
from ...plan.qconfig import DTYPES
from ...qparams import QParams
from .file import Op

Array = NDArray[Any]

FP8 = {"float8_e4m3fn": "fp8_e4m3", "float8_e5m2": "fp8_e5m2"}


def quantized(real: Array, grid: tuple[Array, Array], op: Op, params: QParams) -> Array:
    """A stored tensor that the file quantizes when it runs."""
    scale, zero = _spread(real.shape, grid, op)
    ends = (params.qmin, params.qmax)
    whole = np.clip(np.rint(real / scale) + zero, *ends)
    return np.asarray(whole, np.int32 if params.is_float else params.dtype)


def dequantized(whole: Array, grid: tuple[Array, Array], op: Op) -> Array:
    """``(q - zero_point) * scale`` in float32, by channel or block where the scale is."""
    scale, zero = _spread(whole.shape, grid, op)
    return np.asarray((whole.astype(np.float32) - zero) * scale, np.float32)


def _spread(shape: tuple[int, ...], grid: tuple[Array, Array], op: Op) -> tuple[Array, Array]:
    """Scale and zero point in shapes that broadcast against the tensor."""
    block, axis = int(op.attributes.get("block_size", 0)), int(op.attributes.get("axis", 1))

    def spread(item: Array) -> Array:
        item = item.astype(np.float32)
        if item.size == 1:
            return item.reshape([1] * len(shape))
        if block:
            return np.repeat(item, block, axis).take(range(shape[axis]), axis)
        along = [1] * len(shape)
        along[axis] = -1
        return item.reshape(along)

    return spread(grid[0]), spread(grid[1])


def dtype_of(dtype: np.dtype[Any], op: Op) -> str:
    bits = op.attributes.get("bits")
    return f"uint{bits}" if bits else FP8.get(dtype.name, dtype.name)


def own_clips(meta: Mapping[str, str]) -> dict[str, list[tuple[str, tuple[float | None, float | None]]]]:
    """Limits of the clips of integers, and of those that this program's export left to the grid, by the tensor."""
    try:
        clips, integers = json.loads(meta.get(CLIPS, "{}")), json.loads(meta.get(INTEGERS, "{}"))
        found: dict[str, list[tuple[str, tuple[float | None, float | None]]]] = {}
        for value, (low, high) in clips.items():
            found.setdefault(str(integers[value]), []).append((str(value), (low, high)))
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def own_grids(meta: Mapping[str, str]) -> dict[str, QParams]:
    """Grids of the inputs and outputs that this program's own export has in integers."""
    try:
        found = {}
        for name, grid in json.loads(meta.get(IO, "{}")).items():
            low, high = DTYPES[grid["dtype"]]
            found[str(name)] = QParams(
                np.asarray(grid["scale"]), np.asarray(grid["zero_point"]), grid["dtype"], low, high
            )
        return found
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def own_signed(meta: Mapping[str, str]) -> frozenset[str]:
    """Values whose signed integers this program's own export stores as unsigned ones."""
    try:
        return frozenset(map(str, json.loads(meta.get(SIGNED, "[]"))))
    except (ValueError, TypeError, RecursionError):
        return frozenset()
