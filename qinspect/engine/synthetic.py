"""Inputs made of stored statistics, for checks where no data is at hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from .feed import row_limits
from .graph import LayerGraph, TensorSpec
from .problem import Problem
from .statistics import TensorStats
from .text import Text


def synthetic_inputs(
    graph: LayerGraph, stats: Mapping[str, TensorStats], count: int, batch: int, seed: int = 0
) -> list[tuple[torch.Tensor, ...]]:
    """Batches of inputs whose values are distributed as the statistics say.

    A value is drawn from the input's histogram, evenly within its bin, and kept inside the range that
    its channel had. Pictures are made of squares of one value, of side 1, 2, 4, ... from sample to
    sample: the distribution is the same, and the layers behind are not fed noise alone. Numbers that
    an embedding looks up are drawn evenly from its rows.

    Parameters
    ----------
    stats : mapping of value name to TensorStats
        From calibration.
    count : int
        Samples, at least; whole batches are made.
    batch : int
        Samples in a batch.
    seed : int
        The same seed gives the same inputs.

    Returns
    -------
    list of tuples of torch.Tensor
        One tensor per input of the model.

    Raises
    ------
    Problem
        Where nothing is known of an input.
    """
    rng = np.random.default_rng(seed)
    limits = row_limits(graph)
    return [
        tuple(_input(limits, spec, stats, start, batch, rng) for spec in graph.inputs)
        for start in range(0, count, batch)
    ]


def _input(
    limits: Mapping[str, tuple[str, int]],
    spec: TensorSpec,
    stats: Mapping[str, TensorStats],
    start: int,
    batch: int,
    rng: np.random.Generator,
) -> torch.Tensor:
    shape = list(spec.sized(batch))
    if spec.name in stats:
        known = stats[spec.name]
        if len(shape) == 4:
            values = np.stack([_picture(known, shape[1:], 1 << (start + i) % 4, rng) for i in range(shape[0])])
        else:
            values = _drawn(known, shape, rng)
        return torch.from_numpy(_within(values, known)).to(getattr(torch, spec.dtype))
    if spec.name not in limits:
        raise Problem(
            Text("input {spec}", spec=spec.name),
            Text("the statistics say nothing of its values ({dtype})", dtype=spec.dtype),
            Text("Give --data as well."),
        )
    return torch.from_numpy(rng.integers(0, limits[spec.name][1], shape)).to(getattr(torch, spec.dtype))


def _drawn(stats: TensorStats, shape: list[int], rng: np.random.Generator) -> NDArray[np.float32]:
    histogram = stats.histogram
    total = int(histogram.counts.sum())
    if not total:
        raise Problem(Text("statistics"), Text("an input held no finite value"), Text("Calibrate on other data."))
    size = int(np.prod(shape))
    bins = rng.choice(len(histogram.counts), size, p=histogram.counts / total)
    values = (histogram.first + bins + rng.random(size)) * histogram.width
    return np.clip(values, stats.min, stats.max).astype(np.float32).reshape(shape)


def _picture(stats: TensorStats, shape: list[int], side: int, rng: np.random.Generator) -> NDArray[np.float32]:
    channels, height, width = shape
    coarse = _drawn(stats, [channels, -(-height // side), -(-width // side)], rng)
    return np.repeat(np.repeat(coarse, side, 1), side, 2)[:, :height, :width]


def _within(values: NDArray[np.float32], stats: TensorStats) -> NDArray[np.float32]:
    """Each channel inside its own range: axis 1, or the last of three, as `calibrate.tensor_stats` has it."""
    if values.ndim < 2:
        return values
    axis = 2 if values.ndim == 3 else 1
    ends = stats.channel_min, stats.channel_max
    if any(end.shape != (values.shape[axis],) or not np.isfinite(end).all() for end in ends):
        return values
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.clip(values, ends[0].reshape(shape), ends[1].reshape(shape))
