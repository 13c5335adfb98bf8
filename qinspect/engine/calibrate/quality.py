"""Whether the calibration samples were enough: how far the ranges reach with fewer of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from ..progress import Report, silent
from ..text import Text
from . import Calibration

WIDER = 0.05
"""A range that the second half of the samples widens by more than this share of it is still growing."""

GROWING = 0.1
"""More samples are wanted where a larger share of the tensors than this is still growing."""

FEWEST = 8
"""Of fewer samples nothing is said."""


@dataclass(frozen=True)
class RangeGrowth:
    """Ranges against the number of samples.

    Parameters
    ----------
    samples : int
        That the ranges of all rest on.
    counts : int64 array, shape (points,)
        Numbers of samples, rising, the last one all.
    typical, low : float array, shape (points,)
        Part of its whole range that a tensor has with so many samples drawn at random: the median
        over the tensors, and the tenth percentile.
    growth : dict of str to float
        By how much of its whole range the second half of the samples widens a tensor, by value name.
    """

    samples: int
    counts: NDArray[np.int64]
    typical: NDArray[np.float64]
    low: NDArray[np.float64]
    growth: dict[str, float]

    @property
    def growing(self) -> tuple[str, ...]:
        """Values whose ranges still grow, the fastest first."""
        found = [name for name, growth in self.growth.items() if growth > WIDER]
        return tuple(sorted(found, key=lambda name: -self.growth[name]))

    @property
    def enough(self) -> bool:
        """Whether few enough of them still grow."""
        return len(self.growing) <= GROWING * len(self.growth)


def range_growth(calibration: Calibration, report: Report = silent) -> RangeGrowth | None:
    """How the ranges grow with the samples, averaged over all orders in which they might have come.

    The mean of the largest of n values drawn without replacement from N sorted ones is the sum of
    x_(k) C(k-1, n-1) / C(N, n), so that no order needs to be drawn. A range reaches from the smaller of
    minimum and 0 to the larger of maximum and 0, as grids do.

    Returns
    -------
    RangeGrowth | None
        None with fewer than `FEWEST` samples, or where ranges by sample are not known.
    """
    stats = {n: s for n, s in calibration.tensors.items() if len(s.sample_max) and np.isfinite([s.min, s.max]).all()}
    if not stats:
        return None
    total = min(len(s.sample_max) for s in stats.values())
    if total < FEWEST:
        return None
    halves = 2 ** np.arange(0, int(np.log2(total)) + 1)
    counts = np.unique([*halves, total // 2, total])
    weights = np.stack([_weights(total, int(count)) for count in counts], 1)
    shares = {}
    for index, (name, s) in enumerate(stats.items()):
        report(index, len(stats), Text("ranges against samples"))
        high = np.maximum(np.sort(s.sample_max[:total].astype(np.float64)), 0) @ weights
        low = np.maximum(np.sort(-s.sample_min[:total].astype(np.float64)), 0) @ weights
        width = high + low
        if width[-1] > 0:
            shares[name] = width / width[-1]
    if not shares:
        return None
    all_of = np.stack(list(shares.values()))
    half = int(np.searchsorted(counts, total // 2))
    return RangeGrowth(
        total,
        counts.astype(np.int64),
        np.median(all_of, 0),
        np.percentile(all_of, 10, axis=0),
        {name: float(1 - share[half]) for name, share in shares.items()},
    )


def _weights(total: int, count: int) -> NDArray[np.float64]:
    """C(k-1, n-1) / C(N, n) for k = 1 … N: how likely the k-th smallest of N values is the largest of n of them."""
    k = np.arange(1, total + 1, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        log = _log_choose(k - 1, count - 1.0) - _log_choose(np.asarray(float(total)), float(count))
    return np.where(k >= count, np.exp(log), 0.0)


def _log_choose(n: NDArray[np.float64], k: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    return found
