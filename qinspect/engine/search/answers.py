"""How many answers a plan is expected to change, from how near they are to others and the noise that it adds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from .. import intervals
from ..intervals import Interval
from ..sensitivity.scores import Answers

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(24)


def chances_to_stay(answers: Answers, shifts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """For each sample the chance that its answer stays what it is.

    The signs of what single roundings do to a margin tell little of the sign of what they do together (measured
    on MobileNetV2: correlation 0.4), their squares tell its size well. So the noise of every logit is taken
    as normal and independent, half of the margin's variance each, and the answer stays where its logit
    remains above those of the rivals that are nearest.

    Parameters
    ----------
    answers : Answers
    shifts : sequence of float64 arrays, shape (samples,)
        Of every rounding: what it changes the margin by.

    Returns
    -------
    float64 array, shape (samples,)
    """
    variance = np.square(shifts).sum(0) if len(shifts) else np.zeros(len(answers.gaps))
    deviation = np.sqrt(np.maximum(variance, 1e-30) / 2)[:, None]
    stays = np.zeros(len(answers.gaps))
    for node, weight in zip(_NODES, _WEIGHTS / _WEIGHTS.sum(), strict=True):
        stays += weight * ndtr(answers.gaps / deviation + node).prod(1)
    return stays


def expected_agreement(stays: NDArray[np.float64]) -> Interval:
    """The share of answers that stay, as if each were drawn with its chance."""
    return intervals.share(float(stays.sum()), len(stays))


def expected_drop(
    answers: Answers, shifts: Sequence[NDArray[np.float64]], stays: NDArray[np.float64]
) -> Interval | None:
    """By how much top-1 is expected to fall; None without labels.

    Where the float model is wrong, the chance to become right is that of its changing times the label's
    part in what may overtake it.
    """
    if answers.labels is None:
        return None
    labels = answers.labels[:, None]
    right = answers.tops[:, 0] == answers.labels
    deviation = np.sqrt(np.maximum(np.square(shifts).sum(0) if len(shifts) else 0.0, 1e-30))
    overtake = ndtr(-answers.gaps / np.broadcast_to(deviation, stays.shape)[:, None])
    whole = overtake.sum(1)
    of_label = (overtake * (answers.tops[:, 1:] == labels)).sum(1)
    part = np.divide(of_label, whole, out=np.zeros_like(whole), where=whole > 0)
    lost, won = float(((1 - stays) * right).sum()), float(((1 - stays) * part * ~right).sum())
    return intervals.share_changed(lost, won, len(stays))
