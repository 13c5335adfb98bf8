"""Mergeable statistics of one tensor, from which any range can be estimated."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

BINS = 2048
"""A histogram never has more bins than this, nor (but for single values) fewer than a quarter."""

SAMPLES = 4096
"""Ranges by sample are kept of the first so many."""

BATCHES = 4096
"""Ranges by batch are kept of the last so many: an average that moves by a hundredth has forgotten what was before."""


@dataclass(frozen=True)
class Histogram:
    """Counts over bins of width ``2**exponent`` whose edges are whole multiples of that width.

    Since every edge of a wider grid is an edge of all finer ones, widening is exact: it adds up
    neighbouring bins. Hence merging in any order gives the same counts.

    Parameters
    ----------
    exponent : int
        Base-2 logarithm of the bin width.
    first : int
        Index of the first bin; bin ``i`` covers ``[i, i + 1) * 2**exponent``.
    counts : int64 array, shape (n,)
        Number of sampled values in each bin.
    """

    exponent: int
    first: int
    counts: NDArray[np.int64]

    @property
    def width(self) -> float:
        return math.ldexp(1.0, self.exponent)

    @property
    def edges(self) -> NDArray[np.float64]:
        """Bin edges, shape (n + 1,), in the tensor's unit."""
        return np.asarray((self.first + np.arange(len(self.counts) + 1)) * self.width, np.float64)

    @property
    def centers(self) -> NDArray[np.float64]:
        """Bin centres, shape (n,)."""
        return np.asarray((self.first + np.arange(len(self.counts)) + 0.5) * self.width, np.float64)

    def widened(self, exponent: int) -> Histogram:
        """The same counts over wider bins."""
        if exponent == self.exponent:
            return self
        shift = min(exponent - self.exponent, 63)  # a constant 0 has the narrowest bins of all
        first = self.first >> shift
        index = ((self.first + np.arange(len(self.counts), dtype=np.int64)) >> shift) - first
        starts = np.flatnonzero(np.diff(index, prepend=-1))
        return Histogram(exponent, first, np.add.reduceat(self.counts, starts))

    def merged(self, other: Histogram) -> Histogram:
        """Counts of both."""
        if not len(self.counts):
            return other
        if not len(other.counts):
            return self
        exponent = max(self.exponent, other.exponent)
        one, two = self.widened(exponent), other.widened(exponent)
        while True:
            first = min(one.first, two.first)
            length = max(one.first + len(one.counts), two.first + len(two.counts)) - first
            if length <= BINS:
                break
            exponent += 1
            one, two = one.widened(exponent), two.widened(exponent)
        counts = np.zeros(length, np.int64)
        for part in (one, two):
            start = part.first - first
            counts[start : start + len(part.counts)] += part.counts
        return Histogram(exponent, first, counts)


def bin_exponent(low: float, high: float) -> int:
    """Smallest exponent whose bins cover ``[low, high]`` with at most `BINS` of them."""
    span = max(high - low, abs(low) * 2**-20, abs(high) * 2**-20, 2.0**-100)
    exponent = max(math.frexp(span / BINS)[1] - 1, -126)
    while math.floor(math.ldexp(high, -exponent)) - math.floor(math.ldexp(low, -exponent)) >= BINS:
        exponent += 1
    return exponent


@dataclass(frozen=True)
class TensorStats:
    """What calibration knows of one tensor.

    Parameters
    ----------
    count : int
        Values seen.
    min, max : float
        Exact, over all values. NaN where the tensor held NaN.
    mean : float
        Exact, over all finite values.
    channel_min, channel_max : float32 array, shape (channels,)
        Exact, over axis 1 (the last one for tensors of two or three axes).
    batch_min, batch_max : float32 array, shape (batches,)
        One per batch for the last `BATCHES` ones, in the order seen.
    nonfinite : int
        Number of NaN and infinite values (counted only in batches that have any).
    sampled : int
        Values that `variance`, `zeros` and `histogram` rest on.
    sample_mean, variance : float
        Of the sampled values.
    zeros : int
        Sampled values that are exactly 0.
    histogram : Histogram
        Of the sampled finite values.
    sample_min, sample_max : float32 array, shape (samples,)
        One per sample for the first `SAMPLES` ones, in the order seen; empty where the samples are
        not on the first axis.
    """

    count: int
    min: float
    max: float
    mean: float
    channel_min: NDArray[np.float32]
    channel_max: NDArray[np.float32]
    batch_min: NDArray[np.float32]
    batch_max: NDArray[np.float32]
    nonfinite: int
    sampled: int
    sample_mean: float
    variance: float
    zeros: int
    histogram: Histogram
    sample_min: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    sample_max: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))

    @cached_property
    def ranges(self) -> dict[Hashable, tuple[float, float]]:
        """What estimators found in it before, by configuration."""
        return {}

    @property
    def zero_share(self) -> float:
        return self.zeros / self.sampled if self.sampled else math.nan

    def beside(self, other: TensorStats) -> TensorStats:
        """Statistics of the values of two tensors together, which were seen in the same batches."""
        if self.batch_min.shape != other.batch_min.shape:
            return self.merged(other)
        ends = np.minimum(self.batch_min, other.batch_min), np.maximum(self.batch_max, other.batch_max)
        return replace(self.merged(other), batch_min=ends[0], batch_max=ends[1])

    def merged(self, other: TensorStats) -> TensorStats:
        """Statistics of both parts of the data."""
        mean = weighted(self.mean, self.count - self.nonfinite, other.mean, other.count - other.nonfinite)
        sampled, sample_mean, variance = merged_moments(
            (self.sampled, self.sample_mean, self.variance), (other.sampled, other.sample_mean, other.variance)
        )
        same = self.channel_min.shape == other.channel_min.shape
        return TensorStats(
            self.count + other.count,
            float(np.minimum(self.min, other.min)),
            float(np.maximum(self.max, other.max)),
            mean,
            np.minimum(self.channel_min, other.channel_min) if same else np.empty(0, np.float32),
            np.maximum(self.channel_max, other.channel_max) if same else np.empty(0, np.float32),
            np.concatenate([self.batch_min, other.batch_min])[-BATCHES:],
            np.concatenate([self.batch_max, other.batch_max])[-BATCHES:],
            self.nonfinite + other.nonfinite,
            sampled,
            sample_mean,
            variance,
            self.zeros + other.zeros,
            self.histogram.merged(other.histogram),
            np.concatenate([self.sample_min, other.sample_min])[:SAMPLES],
            np.concatenate([self.sample_max, other.sample_max])[:SAMPLES],
        )


def merged_moments(one: tuple[int, float, float], two: tuple[int, float, float]) -> tuple[int, float, float]:
    """Number, mean and variance of both parts (Chan, Golub and LeVeque, 1983)."""
    (n, mean, variance), (m, other, spread) = one, two
    both = weighted(variance, n, spread, m)
    if n and m:
        both += (other - mean) ** 2 * n * m / (n + m) ** 2
    return n + m, weighted(mean, n, other, m), both


def weighted(one: float, n: int, two: float, m: int) -> float:
    """Mean of two means; a part without values does not count, NaN or not."""
    if not n or not m:
        return one if n else two
    return (one * n + two * m) / (n + m)
