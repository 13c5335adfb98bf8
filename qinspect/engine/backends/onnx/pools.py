"""How poolings are written in ONNX."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...graph import Layer
from .moves import Declined, Emitter, Writer, numbers


def _max_pool(writer: Writer, layer: Layer, output: str) -> None:
    spatial = int(layer.op[-2])
    x, kernel, stride, padding, dilation, ceil = layer.args[:6]
    if len(layer.shape) != spatial + 2:
        raise Declined
    writer.node(
        "MaxPool",
        [writer.tensor(x)],
        output,
        kernel_shape=numbers(kernel, spatial),
        strides=numbers(stride or kernel, spatial),
        pads=numbers(padding, spatial) * 2,
        dilations=numbers(dilation, spatial),
        ceil_mode=int(ceil),
    )


def _avg_pool(writer: Writer, layer: Layer, output: str) -> None:
    """An average over whole windows; where torch divides by another number, times what sets that right.

    ONNX knows no divisor, and with ceil_mode runtimes count what the last windows reach beyond the padding.
    """
    spatial = int(layer.op[-2])
    x, kernel, stride, padding, ceil, include, divisor = (*layer.args, None)[:7]
    if len(layer.shape) != spatial + 2:
        raise Declined
    size, step, pads = (numbers(item, spatial) for item in (kernel, stride or kernel, padding))
    beyond = _beyond(writer, layer, size, step, pads) if ceil else [0] * spatial
    plain = divisor is None and not any(beyond)
    mean = writer.node(
        "AveragePool",
        [writer.tensor(x)],
        output if plain else "",
        kernel_shape=size,
        strides=step,
        pads=[*pads, *(p + more for p, more in zip(pads, beyond, strict=True))],
        count_include_pad=int(include) if plain else 1,
    )
    if plain:
        return
    counts = np.asarray(divisor) if divisor is not None else _counts(writer, layer, size, step, pads, include)
    share = writer.constant((math.prod(size) / counts).astype(np.float32), f"{layer.id}/share")
    writer.node("Mul", [mean, share], output)


def _lengths(writer: Writer, layer: Layer) -> list[tuple[int, int]]:
    """Lengths of each spatial axis before and behind a pooling."""
    found = []
    for before, after in zip(writer.shape(layer.args[0])[2:], writer.shape(layer)[2:], strict=True):
        if before is None or after is None:
            raise Declined
        found.append((before, after))
    return found


def _beyond(writer: Writer, layer: Layer, size: Sequence[int], step: Sequence[int], pads: Sequence[int]) -> list[int]:
    """How far the last windows reach beyond the padding."""
    axes = zip(_lengths(writer, layer), size, step, pads, strict=True)
    return [max(0, (after - 1) * s + k - 2 * p - before) for (before, after), k, s, p in axes]


def _counts(
    writer: Writer, layer: Layer, size: Sequence[int], step: Sequence[int], pads: Sequence[int], include: bool
) -> np.ndarray[Any, Any]:
    """By how many values torch divides at each place: those in the window, with or without the padding."""
    found = np.ones(())
    for (before, after), k, s, p in zip(_lengths(writer, layer), size, step, pads, strict=True):
        start = np.arange(after) * s - p
        stop = np.minimum(start + k, before + p)
        length = stop - start if include else np.minimum(stop, before) - np.maximum(start, 0)
        found = found[..., None] * length
    return found


def _adaptive_avg_pool(writer: Writer, layer: Layer, output: str) -> None:
    spatial = int(layer.op[-2])
    if len(layer.shape) != spatial + 2 or numbers(layer.args[1], spatial) != [1] * spatial:
        raise Declined
    writer.node("GlobalAveragePool", [writer.tensor(layer.args[0])], output)


POOLS: Mapping[str, Emitter] = {
    **{f"max_pool{n}d": _max_pool for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _avg_pool for n in (1, 2, 3)},
    **{f"adaptive_avg_pool{n}d": _adaptive_avg_pool for n in (1, 2, 3)},
}
