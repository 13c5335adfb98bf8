"""What the estimates come to, layer by layer, and whether their sum says what the whole plan does."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..text import Text, counted


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of the float model on some samples, and what each layer's noise does to their margins.

    Parameters
    ----------
    tops : int64 array, shape (samples, 1 + rivals)
        The answer, and the classes that come next.
    gaps : float64 array, shape (samples, rivals)
        By how much the answer's logit is larger than theirs.
    shifts : mapping of layer id to float64 array, shape (samples,)
        What the first of these is changed by, to first order.
    labels : int64 array, shape (samples,) | None
    """

    tops: NDArray[np.int64]
    gaps: NDArray[np.float64]
    shifts: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Scores:
    """Estimated output error that each layer's own quantization causes.

    Parameters
    ----------
    mse : mapping of layer id to float
        Share of the output's power (each output normalized by its own), mean over outputs.
    kl : mapping of layer id to float
        Nats per sample; empty where the first output is no logits.
    samples : int
        Samples that it rests on.
    weight_kl, weight_mse : mapping of layer id to float
        What rounding the weight alone adds; the rest is the activations'.
    kl_error, mse_error : float | None
        Standard error of the sums over the layers.
    answers : Answers | None
        How near each sample's answer is to another one; None where that was not followed.
    """

    mse: Mapping[str, float]
    kl: Mapping[str, float]
    samples: int
    weight_kl: Mapping[str, float] = dataclasses.field(default_factory=dict)
    weight_mse: Mapping[str, float] = dataclasses.field(default_factory=dict)
    kl_error: float | None = None
    mse_error: float | None = None
    answers: Answers | None = None


LIMIT_KL = 0.3
"""Above so many nats a sum of estimates only says that it is bad: noise so large bends back, or tips over."""

LIMIT_MSE = 0.1
"""The same for the share of the outputs' power, where there is no KL divergence."""

TOLERANCE = 0.2
"""Estimate and measurement agree where they differ by no more than this share."""

NEGLIGIBLE_KL, NEGLIGIBLE_MSE = 1e-4, 1e-5
"""Or by so many nats, or so small a share of the power (50 dB): errors of that size decide nothing."""


def holds(scores: Scores, kl: float | None = None, mse: float | None = None) -> tuple[bool | None, str | None]:
    """Whether the sum over the layers says what the whole plan does.

    Before the plan has been run only its own size speaks against an estimate.

    Parameters
    ----------
    scores : Scores
    kl, mse : float | None
        Measured on the same samples; the second counts where there is no KL divergence.

    Returns
    -------
    bool | None
        None where nothing was estimated.
    str | None
        Why it does not hold.
    """
    if scores.kl:
        estimated, error, measured = sum(scores.kl.values()), scores.kl_error, kl
        limit, unit, negligible = LIMIT_KL, Text("nats of KL"), NEGLIGIBLE_KL
    elif scores.mse:
        estimated, error, measured = sum(scores.mse.values()), scores.mse_error, mse
        limit, unit, negligible = LIMIT_MSE, Text("of the output's power"), NEGLIGIBLE_MSE
    else:
        return None, None
    if estimated > limit:
        return False, Text(
            "estimates above {limit:g} {unit} are too large to be added up layer by layer", limit=limit, unit=unit
        )
    if measured is None:
        return True, None
    if abs(estimated - measured) <= max(TOLERANCE * measured, negligible):
        return True, None
    if math.isnan(measured):
        return False, Text("the quantized model's answers are not numbers")
    if error is not None and abs(estimated - measured) <= 2 * error:
        return False, Text(
            "it is too uncertain, {estimated:.3g} ± {error:.2g} {unit} on {samples} ({measured:.3g} measured "
            "on them), a few of which make up most of it",
            measured=measured,
            unit=unit,
            estimated=estimated,
            error=2 * error,
            samples=counted(scores.samples, Text("sample")),
        )
    how = Text("add to one another") if measured > estimated else Text("cancel out in part")
    return False, Text(
        "on {samples} {measured:.3g} {unit} measured, {estimated:.3g} estimated: the layers' errors {how}",
        samples=counted(scores.samples, Text("sample")),
        measured=measured,
        unit=unit,
        estimated=estimated,
        how=how,
    )


__all__ = ["NEGLIGIBLE_KL", "Answers", "Scores", "holds"]
