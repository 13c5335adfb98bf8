"""Rules on how a range was chosen from the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..graph import Layer
from ..plan import QuantPlan
from ..plan.qconfig import TensorConfig
from ..qparams import QParams
from ..ranges import estimate_activation, rounding_error
from ..results import Finding
from ..statistics import TensorStats
from ..text import Text, counted
from .case import Case
from .ranges import CLEARLY, activation_gain, own_values

CENTRAL = 0.999
"""Share of the values that are no outliers."""

WIDE = 8.0
"""A range so many times as wide as what `CENTRAL` of the values need (3 bits) is ruled by the others."""

CHOSEN = ("fixed", "percentile", "mse")
"""Estimators that cut because the user wants them to, or that weigh cutting against steps themselves."""


def outliers_rule_range(case: Case) -> list[Finding]:
    """Few large values stretch the range, and all others share what steps are left."""
    found: list[tuple[float, float, Layer, TensorConfig]] = []
    for layer, config, stats, params in _estimated(case, ("fixed",)):
        low, high = _bulk(stats)
        # Of a grid that is wider than the values by itself, such as a sigmoid's, no value is the reason.
        width = min(float(params.high - params.low), stats.max - stats.min)
        if high - low <= 0 or width < WIDE * (high - low):
            continue
        now = rounding_error(stats, params)
        better = config.but(estimator="percentile", percentile=100 * CENTRAL)
        least = rounding_error(stats, estimate_activation(stats, better))
        # Cutting a value off costs its whole distance. Where that outweighs the finer steps by this measure,
        # the effect on the output decides, and is to be tried.
        gain = activation_gain(case, layer, now, 1 - least / now) if 0 < least < now else 0.0
        found.append((width / (high - low), gain, layer, better))
    if not found:
        return []
    found.sort(key=lambda item: -item[0])
    ratio, _, worst, _ = found[0]
    stats = case.calibration.tensors[worst.value]
    low, high = _bulk(stats)
    return [
        Finding(
            "outliers_rule_range",
            Text("Outliers rule the range of {tensors}", tensors=counted(len(found), Text("tensor"))),
            Text(
                "worst at {worst}: {central:.1%} of the values lie between {low:.3g} and {high:.3g}, the "
                "range goes from {min:.3g} to {max:.3g} and costs them {bits:.1f} bits",
                worst=worst.id,
                central=CENTRAL,
                low=low,
                high=high,
                min=stats.min,
                max=stats.max,
                bits=np.log2(ratio),
            ),
            tuple(layer.id for _, _, layer, _ in found),
            "warning",
            sum(gain for _, gain, _, _ in found) or None,
            Text("Clip the outliers, which gives finer steps to all others, and see what that does to the output."),
            _with_ranges(case.plan, found),
        )
    ]


def estimator_cuts(case: Case) -> list[Finding]:
    """The estimator cuts values off that matter more than the finer steps it gains for the others."""
    found: list[tuple[float, float, Layer, TensorConfig]] = []
    for layer, config, stats, params in _estimated(case, CHOSEN):
        if float(params.low) <= stats.min and stats.max <= float(params.high):
            continue
        better = config.but(estimator="mse")
        now, least = (rounding_error(stats, each) for each in (params, estimate_activation(stats, better)))
        if now > CLEARLY * least:
            found.append((now / max(least, 1e-300), activation_gain(case, layer, now, 1 - least / now), layer, better))
    if not found:
        return []
    found.sort(key=lambda item: -item[0])
    ratio, _, worst, _ = found[0]
    stats, params = case.calibration.tensors[worst.value], case.quantization.values[worst.value]
    return [
        Finding(
            "estimator_cuts",
            Text("The range estimator cuts off what matters of {tensors}", tensors=counted(len(found), Text("tensor"))),
            Text(
                "worst at {worst}: its values go from {min:.3g} to {max:.3g}, its range from {low:.3g} to {high:.3g}; "
                "the range with the least squared error has an SQNR {gain:.1f} dB higher",
                worst=worst.id,
                min=stats.min,
                max=stats.max,
                low=float(params.low),
                high=float(params.high),
                gain=10 * np.log10(ratio),
            ),
            tuple(layer.id for _, _, layer, _ in found),
            "warning",
            sum(gain for _, gain, _, _ in found) or None,
            Text("Take the range with the least squared error (MSE)."),
            _with_ranges(case.plan, found),
        )
    ]


def _estimated(case: Case, but: Sequence[str]) -> Iterator[tuple[Layer, TensorConfig, TensorStats, QParams]]:
    """Finite values with a quantizer of their own, whose range came from another estimator than these."""
    for layer, config in own_values(case):
        stats = case.calibration.tensors.get(layer.value)
        if stats is not None and not stats.nonfinite and config.estimator not in but:
            yield layer, config, stats, case.quantization.values[layer.value]


def _with_ranges(plan: QuantPlan, found: Sequence[tuple[float, float, Layer, TensorConfig]]) -> dict[str, Any]:
    """The plan with a better range for each."""
    for _, _, layer, better in found:
        plan = plan.with_layer(layer.id, activation=better)
    return plan.to_json()


def _bulk(stats: TensorStats) -> tuple[float, float]:
    """Between what most of the values lie."""
    cumulative = np.concatenate([[0], np.cumsum(stats.histogram.counts)])
    cut = (1 - CENTRAL) / 2
    ends = np.interp([cut * cumulative[-1], (1 - cut) * cumulative[-1]], cumulative, stats.histogram.edges)
    return float(ends[0]), float(ends[1])
