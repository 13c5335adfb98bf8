"""Metrics as sums over samples: of any resample they are known without reading the outputs again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True)
class Tally:
    """What each sample adds to a metric.

    Parameters
    ----------
    sums : array, shape (samples, ...)
        Integers, or float64.
    figure : callable
        Given the sums over some samples, shape (...), the metric.
    """

    sums: NDArray[Any]
    figure: Callable[[NDArray[Any]], float]

    def of(self, picked: NDArray[np.int64]) -> float:
        """The metric of samples, some of which may be there more than once."""
        times = np.bincount(picked, minlength=len(self.sums))
        return self.figure((times @ self.sums.reshape(len(self.sums), -1)).reshape(self.sums.shape[1:]))


def of_positions(one: NDArray[Any], targets: NDArray[Any], axis: int) -> Tally:
    """Share of the positions with the right class, those with a negative one left out.

    Parameters
    ----------
    one : float array, shape (samples, ...) with the classes along `axis`
    targets : int array, shape (samples, ...)
    """
    right = torch.from_numpy(one).argmax(axis).numpy() == targets
    known = targets >= 0
    per_sample = [np.count_nonzero(mask.reshape(len(targets), -1), 1) for mask in (right & known, known)]
    return Tally(np.stack(per_sample, 1), _share)


def of_classes(one: NDArray[Any], targets: NDArray[Any]) -> Tally:
    """Mean over the classes that occur of intersection over union; logits (N, C, ...), masks (N, ...)."""
    samples, known = len(targets), targets >= 0
    answer = torch.from_numpy(one).argmax(1).numpy()
    classes = max(one.shape[1], int(targets.max(initial=0)) + 1)
    row = np.arange(samples).reshape(-1, *[1] * (targets.ndim - 1)) * classes

    def count(mask: NDArray[np.bool_], of: NDArray[Any]) -> NDArray[np.int64]:
        return np.bincount((row + of)[mask], minlength=samples * classes).reshape(samples, classes)

    sums = np.stack([count(known & (answer == targets), answer), count(known, answer), count(known, targets)], 2)

    def figure(total: NDArray[Any]) -> float:
        both, answered, true = total[total[:, 2] > 0].T
        return float((both / (answered + true - both)).mean()) if len(both) else math.nan

    return Tally(sums, figure)


def of_squares(one: NDArray[Any], targets: NDArray[Any]) -> Tally:
    """Root of the mean squared difference, of as many numbers in each sample."""
    squares = (one.astype(np.float64) - targets.reshape(one.shape).astype(np.float64)) ** 2
    sums = np.stack([squares.reshape(len(one), -1).sum(1), np.full(len(one), squares[0].size)], 1)
    return Tally(sums, lambda total: math.sqrt(_share(total)))


def _share(total: NDArray[Any]) -> float:
    return float(total[0] / total[1]) if total[1] else math.nan
