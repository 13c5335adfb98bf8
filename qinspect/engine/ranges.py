"""Range estimators: from statistics to scale and zero point, without running the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from .plan.qconfig import TensorConfig
from .problem import Problem
from .qparams import QParams, from_range
from .statistics import BINS, TensorStats
from .text import Text


def estimate_activation(stats: TensorStats, config: TensorConfig) -> QParams:
    """Scale and zero point of one tensor from its statistics.

    Raises
    ------
    Problem
        Where the tensor held no finite value.
    """
    return from_range(*activation_range(stats, config), config)


def activation_range(stats: TensorStats, config: TensorConfig) -> tuple[float, float]:
    """The range that an estimator chooses; of the same statistics it is computed once.

    ``moving_average`` follows each batch's ends, as torch's MovingAverageMinMaxObserver does:
    ``min += momentum * (batch_min - min)``. ``percentile`` cuts half of the rest off each side. ``mse``
    minimizes the expected squared error, clipping error plus step²/12 for what is inside (values that
    are exactly 0 cause none). ``entropy`` minimizes KL(original || quantized) over symmetric thresholds
    (Migacz, 8-bit inference with TensorRT, 2017). In a float format, whose steps grow with the values,
    a smaller range buys no finer ones, and both take all of it.
    """
    if config not in stats.ranges:
        stats.ranges[config] = _activation_range(stats, config)
    return stats.ranges[config]


def _activation_range(stats: TensorStats, config: TensorConfig) -> tuple[float, float]:
    if config.estimator == "fixed":
        assert config.range is not None
        return config.range
    low, high = stats.min, stats.max
    if not np.isfinite([low, high]).all():
        edges = stats.histogram.edges
        if not len(stats.histogram.counts):
            raise Problem(
                Text("calibration"),
                Text("a tensor held no finite value"),
                Text("Look for NaN in the model or the data."),
            )
        low, high = float(edges[0]), float(edges[-1])
    if not config.has_scale or config.estimator in ("minmax", "none") or len(stats.histogram.counts) < 2 or low == high:
        return low, high
    if config.estimator == "moving_average":
        return _moving_average_range(stats, low, high, config.momentum)
    if config.estimator == "percentile":
        return _percentile_range(stats, low, high, config.percentile)
    if config.is_float:
        return low, high
    if config.estimator == "mse":
        whole, found = (low, high), _mse_range(stats, low, high, config)
        levels = config.grid[1] - config.grid[0]
        if found == whole or found[1] - found[0] >= levels * stats.histogram.width:
            return found
        # The histogram is of a share of the values. On a fine grid the few beyond it weigh more than all rounding.
        return min(whole, found, key=lambda ends: rounding_error(stats, from_range(ends[0], ends[1], config)))
    return _entropy_range(stats, low, high, config)


def _moving_average_range(stats: TensorStats, low: float, high: float, momentum: float) -> tuple[float, float]:
    finite = np.isfinite(stats.batch_min) & np.isfinite(stats.batch_max)
    ends = np.stack([stats.batch_min, stats.batch_max])[:, finite].astype(np.float32)
    if not ends.shape[1]:
        return low, high
    found = ends[:, 0]
    for batch in ends.T[1:]:
        found = found + np.float32(momentum) * (batch - found)
    return float(found[0]), float(found[1])


def _percentile_range(stats: TensorStats, low: float, high: float, percentile: float) -> tuple[float, float]:
    counts = stats.histogram.counts
    edges = stats.histogram.edges
    cumulative = np.concatenate([[0], np.cumsum(counts)]) / counts.sum()
    cut = (100 - percentile) / 200
    found = np.interp([cut, 1 - cut], cumulative, edges)
    return max(low, float(found[0])), min(high, float(found[1]))


_CELLS = np.arange(-8, 9, dtype=np.float64)
"""Grid points around 0 whose rounding error is summed exactly; beyond, it is step²/12 per value."""


class _Moments:
    """Sums over the values below any point of a histogram, for the errors of many ranges at once."""

    def __init__(self, stats: TensorStats) -> None:
        centers, counts = stats.histogram.centers, stats.histogram.counts.astype(np.float64)
        if stats.zeros:  # exact zeros cause no error: leave them out
            index = -stats.histogram.first
            if 0 <= index < len(counts):
                counts[index] = max(0.0, counts[index] - stats.zeros)
        self.start, self.width = stats.histogram.edges[0], stats.histogram.width
        # Number, sum and sum of squares are rows: numpy is slow along a short last axis.
        self.powers = np.stack([counts, counts * centers, counts * centers**2])
        self.sums = np.concatenate([np.zeros((3, 1)), np.cumsum(self.powers, 1)], 1)

    def below(self, point: NDArray[np.float64]) -> NDArray[np.float64]:
        """Number, sum and sum of squares of the values below; shape (3,) plus that of `point`."""
        bins = self.powers.shape[1]
        place = np.maximum(np.minimum((point - self.start) / self.width, bins), 0)
        index = np.minimum(place.astype(np.intp), bins - 1)
        found = self.powers.take(index, 1)
        found *= place - index
        found += self.sums.take(index, 1)
        return found

    def error(
        self, low: NDArray[np.float64], high: NDArray[np.float64], step: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Summed squared error of clipping to ``[low, high]`` and rounding to `step` inside, shape (n,).

        Many tensors have most of their values within a step of 0, where the error is x² and not
        step²/12: hence the exact sums over the middle cells.
        """
        cells = _CELLS[_CELLS >= 0] if low.min() >= 0 else _CELLS
        borders = np.append(cells - 0.5, cells[-1] + 0.5) * step[:, None]
        low, high, step = low[:, None], high[:, None], step[:, None]
        below = self.below(np.concatenate([low, np.maximum(np.minimum(borders, high), low), high], 1))
        under, upto = below[..., 0], below[..., -1]
        number, total, squares = np.diff(below[..., 1:-1])
        grid = cells * step
        middle = squares - 2 * grid * total + grid**2 * number
        clipped = _around(under, low[:, 0]) + _around(self.sums[:, -1:] - upto, high[:, 0])
        others = upto[0] - under[0] - number.sum(1)
        return np.asarray(clipped + middle.sum(1) + others * step[:, 0] ** 2 / 12)


def rounding_error(stats: TensorStats, params: QParams) -> float:
    """Expected squared error of rounding a tensor's values to a grid, mean per value: see `rounding_parts`."""
    return sum(rounding_parts(stats, params))


def rounding_parts(stats: TensorStats, params: QParams) -> tuple[float, float]:
    """Expected squared error of the values within a grid's range and of those it cuts off, from the histogram.

    Parameters
    ----------
    stats : TensorStats
    params : QParams
        Per tensor.

    Returns
    -------
    float, float
        Both as means over all values: their sum is the error.
    """
    sampled = int(stats.histogram.counts.sum())
    if not sampled:
        return 0.0, 0.0
    scale, zero = float(params.scale), int(params.zero_point)
    low, high = (params.qmin - zero) * scale, (params.qmax - zero) * scale
    edges = stats.histogram.edges
    # What rounds to the last number is not clipped; and the outer bins reach further than their values.
    low = min(low, float(edges[0])) if low - scale / 2 <= stats.min else low
    high = max(high, float(edges[-1])) if high + scale / 2 >= stats.max else high
    ends = np.array([low]), np.array([high])
    moments = _Moments(stats)
    under, upto = moments.below(ends[0]), moments.below(ends[1])
    clipped = _around(under, ends[0]) + _around(moments.sums[:, -1:] - upto, ends[1])
    if scale >= stats.histogram.width:
        inside = moments.error(*ends, np.array([scale])) - clipped
    else:
        # Of a grid finer than the bins nothing can be said but that rounding errors are spread evenly.
        inside = (upto[0] - under[0]) * scale**2 / 12
    return float(inside[0]) / sampled, cut_off(stats, low, high) / stats.count


_AROUND = 33
"""Bins over which the density of a tail is taken."""


def cut_off(stats: TensorStats, low: float, high: float) -> float:
    """Summed squared distance of all values to a range that they lie beyond.

    Where little is cut off these are single values, whose place in a bin matters: each sample's smallest
    and largest are known, and of the others the histogram says how many there are.
    """
    counts, edges = stats.histogram.counts, stats.histogram.edges
    of_each = stats.count / counts.sum()  # values that each counted one stands for
    # As mode "same", which hands out 33 values where there are fewer bins.
    around = np.convolve(counts, np.full(_AROUND, of_each / _AROUND))[_AROUND // 2 :][: len(counts)]
    density = around if of_each > 1 else counts
    total = 0.0
    for side, end, known in ((1, high, stats.sample_max), (-1, low, stats.sample_min)):
        known = known[np.isfinite(known)].astype(np.float64)
        beyond = known[side * (known - end) > 0]
        near, far = (edges[:-1], edges[1:]) if side > 0 else (edges[1:], edges[:-1])
        start = np.maximum(side * (near - end), 0.0)
        stop = np.maximum(side * (far - end), 0.0)
        place = np.clip(((beyond - edges[0]) / stats.histogram.width).astype(np.int64), 0, len(counts) - 1)
        known_here = np.bincount(place, minlength=len(counts))
        # Of those counted where known ones lie some are these themselves, the more so the fewer others are around.
        themselves = counts * known_here / np.maximum(np.maximum(known_here, density), 1)
        others = (counts * (stop - start) / stats.histogram.width - themselves) * of_each
        spread = (start**2 + start * stop + stop**2) / 3
        total += float(((beyond - end) ** 2).sum() + (np.maximum(others, 0.0) * spread).sum())
    return total


def _around(moments: NDArray[np.float64], point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum of squared distances to a point, from number, sum and sum of squares."""
    squares = moments[2] - 2 * point * moments[1] + point**2 * moments[0]
    return np.asarray(np.maximum(squares, 0))


def _mse_range(stats: TensorStats, low: float, high: float, config: TensorConfig) -> tuple[float, float]:
    moments = _Moments(stats)
    levels = config.grid[1] - config.grid[0]
    shares = np.linspace(0.02, 1, 50)
    if config.symmetric:
        bounds = max(-low, high) * shares
        errors = moments.error(np.maximum(-bounds, low), np.minimum(bounds, high), 2 * bounds / levels)
        bound = float(bounds[int(np.argmin(errors))])
        return max(-bound, low), min(bound, high)
    low, high = min(low, 0.0), max(high, 0.0)
    # One end at a time, from the whole range inwards, until neither moves; an end that is 0 stays there.
    best, least = (low, high), np.inf
    free = [end for end in (1, 0) if (low, high)[end]]
    for _ in range(4):
        before = least
        for end in free:
            lows, highs = (np.full(len(shares), value) for value in best)
            lows, highs = (lows, high * shares) if end else (low * shares, highs)
            errors = moments.error(lows, highs, (highs - lows) / levels)
            index = int(np.argmin(errors))
            if errors[index] < least:
                best, least = (float(lows[index]), float(highs[index])), float(errors[index])
        if len(free) == 1 or least >= before * (1 - 1e-6):
            break
    return best


def _entropy_range(stats: TensorStats, low: float, high: float, config: TensorConfig) -> tuple[float, float]:
    counts = stats.histogram.counts.astype(np.float64)
    if stats.zeros:
        index = -stats.histogram.first
        if 0 <= index < len(counts):
            # A spike at exactly 0 is represented whatever the range; it would drown the rest.
            counts[index] = max(0.0, counts[index] - stats.zeros)
    bound = max(-low, high)
    limits = bound * np.linspace(0.1, 1, 91)
    divergences = _divergences(counts, stats.histogram.centers, limits, low, high, config)
    best = float(limits[int(np.argmin(divergences))]) if np.isfinite(divergences).any() else bound
    return max(low, -best), min(high, best)


def _divergences(
    counts: NDArray[np.float64],
    centers: NDArray[np.float64],
    limits: NDArray[np.float64],
    low: float,
    high: float,
    config: TensorConfig,
) -> NDArray[np.float64]:
    """KL(original || quantized) of clipping to each of ``±limits``, shape (limits,); infinite where nothing is left.

    The original has what is clipped in its first and last bin. The quantized one has every step's
    values spread evenly over those of its bins that are not empty. So all sums are differences of
    running sums between the steps' borders.
    """
    width = centers[1] - centers[0]
    bins = len(counts)
    first = np.minimum(np.maximum(np.ceil((-limits - centers[0]) / width), 0), bins).astype(np.intp)
    stop = np.minimum(np.maximum(np.floor((limits - centers[0]) / width), -1), bins - 1).astype(np.intp) + 1
    mass, number, entropy = np.zeros((3, bins + 1))
    for running, each in ((mass, counts), (number, counts > 0), (entropy, _x_log_x(counts))):
        np.cumsum(each, out=running[1:])
    found = np.full(len(limits), np.inf)
    usable = (stop - first >= 2) & (mass[stop] > mass[np.minimum(first, stop)])
    limits, first, stop = limits[usable], first[usable], stop[usable]
    total, kept = mass[-1], mass[stop] - mass[first]
    start = -limits if config.symmetric else np.maximum(-limits, low)
    end = limits if config.symmetric else np.minimum(limits, high)
    # Steps far below a bin's width keep every bin apart, as finer ones do.
    levels = min(config.grid[1] - config.grid[0] + 1, 4 * BINS)
    step = np.maximum((end - start) / (levels - 1), 1e-30)
    # The first bin of each step; where there are more steps than bins some have none.
    places = (step / width)[:, None] * (np.arange(levels + 1) - 0.5)
    places += ((start - centers[0]) / width)[:, None]
    np.ceil(places, out=places)
    np.minimum(np.maximum(places, first[:, None], out=places), stop[:, None], out=places)
    borders = places.astype(np.intp)
    borders[:, 0], borders[:, -1] = first, stop
    sums, filled = np.diff(mass.take(borders)), np.diff(number.take(borders))
    spread = np.divide(sums, np.maximum(filled, 1, out=filled), out=filled)
    log_spread = np.maximum(spread, 1e-30, out=spread).astype(np.float32)
    np.log(log_spread, out=log_spread)
    own, cross = entropy[stop] - entropy[first], np.einsum("ij,ij->i", sums, log_spread)
    lost, nowhere = np.zeros(len(limits)), np.zeros(len(limits))
    rows = np.arange(len(limits))
    for edge, clipped in ((first, mass[first]), (stop - 1, total - mass[stop])):
        there = counts[edge]
        place = np.minimum(np.maximum(np.rint((centers[edge] - start) / step), 0), levels - 1).astype(np.intp)
        own += np.where(there > 0, _x_log_x(there + clipped) - _x_log_x(there), 0)
        cross += np.where(there > 0, clipped * log_spread[rows, place], 0)
        # Clipped into a bin that the quantized one has empty: as improbable as can be.
        nowhere += np.where(there > 0, 0, clipped)
        lost += np.where(there > 0, 0, _x_log_x(clipped / total) * total - clipped * np.log(1e-12))
    found[usable] = (own - cross + lost - (total - nowhere) * np.log(total / kept)) / total
    return found


def _x_log_x(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(x * np.log(np.maximum(x, 1e-300)))


def estimate_weight(weight: torch.Tensor, config: TensorConfig, axis: int) -> QParams:
    """Scale and zero point of a weight from its values.

    Parameters
    ----------
    weight : torch.Tensor
        Float, any shape; of two axes with the output channels first for ``per_group``.
    config : TensorConfig
        ``per_channel`` gives one scale per index of `axis`, ``per_group`` one for each of its groups.
    axis : int
        Axis of the output channels.

    Returns
    -------
    QParams
        `qmin` and `qmax` are the grid's: weights are rounded before they are stored.
    """
    rows = weight.detach().float().movedim(axis, 0).reshape(weight.shape[axis], -1).numpy()
    shape: tuple[int, ...] = (len(rows),)
    grouped = config.granularity == "per_group"
    if grouped:
        size = config.group_size
        # Zeros widen no range: 0 is on every grid.
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % size)))
        shape = (len(rows), rows.shape[1] // size)
        rows = rows.reshape(-1, size)
    elif config.granularity == "per_tensor":
        rows, shape = rows.reshape(1, -1), ()
    low, high = rows.min(1), rows.max(1)
    if config.estimator == "fixed":
        assert config.range is not None
        low, high = np.full_like(low, config.range[0]), np.full_like(high, config.range[1])
    elif config.estimator == "percentile":
        cut = (100 - config.percentile) / 2
        low, high = np.percentile(rows, [cut, 100 - cut], axis=1)
    elif config.estimator in ("mse", "entropy"):
        # Entropy needs a distribution; a channel of a weight has too few values for one.
        low, high = _weight_mse_range(rows, low, high, config)
    params = from_range(low.reshape(shape), high.reshape(shape), config, axis if shape and config.has_scale else None)
    ends = config.storage if config.is_float else config.grid
    return QParams(
        params.scale, params.zero_point, params.dtype, *ends, params.axis, config.bits, size if grouped else None
    )


def _weight_mse_range(
    rows: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32], config: TensorConfig
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Shrink each row's range so that the squared error of rounding its values is least."""
    best = np.full(len(rows), np.inf)
    best_low, best_high = low.copy(), high.copy()
    values = torch.from_numpy(rows)
    for share in np.linspace(1, 0.3, 36, dtype=np.float32):
        found = from_range(low * share, high * share, config, 0)
        params = replace(found, qmin=config.grid[0], qmax=config.grid[1])
        error = ((params.fake_quantize(values).numpy() - rows) ** 2).sum(1)
        better = error < best
        best = np.where(better, error, best)
        best_low = np.where(better, low * share, best_low)
        best_high = np.where(better, high * share, best_high)
    return best_low, best_high
