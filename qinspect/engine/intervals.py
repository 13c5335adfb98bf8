"""How sure a figure of few samples is: 95 % confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054
"""Two-sided 95 % of the normal distribution."""

RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A figure with the ends of its 95 % confidence interval, in the figure's unit."""

    value: float
    low: float
    high: float


def share(hits: float, total: int) -> Interval:
    """A share, with Wilson's score interval (Wilson 1927); `hits` may be an expected number."""
    if not total:
        return Interval(math.nan, 0.0, 1.0)
    p = hits / total
    centre = (p + Z**2 / (2 * total)) / (1 + Z**2 / total)
    half = Z / (1 + Z**2 / total) * math.sqrt(p * (1 - p) / total + Z**2 / (4 * total**2))
    return Interval(p, min(p, max(0.0, centre - half)), max(p, min(1.0, centre + half)))


def share_lost(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> Interval:
    """How much smaller a share of hits has become on the same samples.

    The adjusted Wald interval for matched pairs, which adds half a sample to each of the four
    counts (Agresti and Min, Statistics in Medicine 24, 2005): unlike resampling it does not say
    that nothing can be lost where no sample has changed.

    Parameters
    ----------
    before, after : bool arrays, shape (samples,)
    """
    return share_changed(int((before & ~after).sum()), int((~before & after).sum()), len(before))


def share_changed(lost: float, won: float, count: int) -> Interval:
    """The same, from how many of `count` hits were lost and how many others won; they may be expected numbers."""
    total, b, c = count + 2, lost + 0.5, won + 0.5
    centre = (b - c) / total
    half = Z * math.sqrt(max(b + c - (b - c) ** 2 / total, 0.0)) / total
    value = (lost - won) / count if count else math.nan
    return Interval(value, max(-1.0, min(value, centre - half)), min(1.0, max(value, centre + half)))


def mean(values: NDArray[np.floating], seed: int = 0) -> Interval:
    """A mean, with the bootstrap's percentile interval (Efron 1979).

    Parameters
    ----------
    values : float array, shape (samples,)
    """
    rng = np.random.default_rng(seed)
    rows = max(1, 1_000_000 // len(values))  # at a time, however many samples there are
    parts = [min(rows, RESAMPLES - start) for start in range(0, RESAMPLES, rows)]
    means = [values[rng.integers(0, len(values), (n, len(values)))].mean(1) for n in parts]
    low, high = np.percentile(np.concatenate(means), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


def statistic(
    function: Callable[[NDArray[np.int64]], float], count: int, resamples: int = 200, seed: int = 0
) -> Interval:
    """Any figure of samples, with the bootstrap's percentile interval.

    Parameters
    ----------
    function : callable
        Given the indices of samples (some more than once), the figure.
    count : int
        Number of samples.
    """
    rng = np.random.default_rng(seed)
    value = function(np.arange(count))
    found = [function(rng.integers(0, count, count)) for _ in range(resamples)]
    finite = np.asarray([f for f in found if math.isfinite(f)] or [value])
    low, high = np.percentile(finite, [2.5, 97.5])
    return Interval(value, min(value, float(low)), max(value, float(high)))
