"""Rules on the data: what the model saw, and whether that was enough."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from ..finite import nonfinite
from ..results import Finding
from ..statistics import TensorStats
from ..text import Text, counted, listed
from .case import Case

BEYOND = 0.25
"""Part of the calibrated range by which other samples may leave it."""

SHIFT = 0.5
"""Standard deviations by which a mean may differ between calibration and other samples."""

NEAR = 0.01
"""Largest distance between the distribution functions of values that cannot be told apart."""

ABOVE_CHANCE = 0.2
"""Of the way from chance to all right: a metric that got no further is hardly better than chance."""


def float_metric_low(case: Case) -> list[Finding]:
    """The float model answers hardly better than by chance: the commonest "int8 drop" is wrong preprocessing."""
    analysis = case.analysis
    metric = analysis.totals.fp32_metric
    place = analysis.data.get("judged_output") or 0
    classes = analysis.data.get("classes") or 0
    few = (analysis.totals.samples or 0) < 20
    if metric is None or few or analysis.data.get("metric") != "top-1" or classes < 2:
        return []
    # Of few classes three times chance is all of them.
    if metric > min(max(0.1, 3 / classes), 1 / classes + ABOVE_CHANCE * (1 - 1 / classes)):
        return []
    return [
        Finding(
            "float_metric_low",
            Text("The float model itself is hardly better than chance"),
            Text(
                "top-1 {metric:.1%} with {classes} classes, before anything is quantized",
                metric=metric,
                classes=classes,
            )
            if len(analysis.outputs) < 2
            else Text(
                "top-1 {metric:.1%} with the {classes} classes of output {output}, before anything is quantized",
                metric=metric,
                classes=classes,
                output=place,
            ),
            (),
            "error",
            None,
            Text(
                "Check the preprocessing: channel order (--channels), scale and normalization (--normalize), "
                "crop (--resize, --crop)."
            )
            if len(analysis.outputs) < 2
            else Text("Check that these are the classes (--output), and the preprocessing."),
        )
    ]


def too_few_samples(case: Case) -> list[Finding]:
    """Two halves of the calibration data give different ranges."""
    quantization, calibration = case.quantization, case.calibration
    unlike = []
    for name in quantization.values:
        stats = calibration.tensors.get(name)
        if stats is None or len(stats.batch_max) < 4:
            continue
        halves = np.array_split(np.maximum(np.abs(stats.batch_max), np.abs(stats.batch_min)), 2)
        one, two = float(halves[0].max()), float(halves[1].max())
        if max(one, two) > 1.25 * min(one, two):
            unlike.append(name)
    if len(unlike) < max(2, 0.2 * len(quantization.values)):
        return []
    return [
        Finding(
            "too_few_samples",
            Text(
                "The ranges of {unlike} of {all} tensors differ by more than a quarter between the "
                "halves of the calibration data",
                unlike=len(unlike),
                all=len(quantization.values),
            ),
            Text("{samples} samples; {tensors}", samples=calibration.samples, tensors=listed(unlike)),
            case.layers_of(unlike),
            "warning",
            None,
            Text("Calibrate on more samples, or on ones that are more alike what the model will see."),
        )
    ]


def nonfinite_values(case: Case) -> list[Finding]:
    """NaN or infinite values in the float model."""
    names = nonfinite(case.calibration.tensors, case.quantization.graph)
    if not names:
        return []
    return [
        Finding(
            "nonfinite_values",
            Text(
                "{tensors} held NaN or infinite values during calibration", tensors=counted(len(names), Text("tensor"))
            ),
            listed(names),
            case.layers_of(names),
            "error",
            None,
            Text("Find the first of them in the graph: the float model is broken there, or the data is."),
        )
    ]


def calibration_unlike_validation(case: Case) -> list[Finding]:
    """Samples that were not calibrated on leave the calibrated ranges, or lie elsewhere in them."""
    unlike, worst = [], 0.0
    compared = [
        name for name in case.quantization.values if name in case.validation and name in case.calibration.tensors
    ]
    for name in compared:
        ours, theirs = case.calibration.tensors[name], case.validation[name]
        span = ours.max - ours.min
        beyond = max(theirs.max - ours.max, ours.min - theirs.min)
        shift = abs(theirs.mean - ours.mean) / max(ours.variance**0.5, 1e-30)
        if (span > 0 and beyond > BEYOND * span) or shift > SHIFT:
            unlike.append(name)
            worst = max(worst, beyond / span if span > 0 else 0.0)
    if len(unlike) < max(2, 0.2 * len(compared)):
        return []
    return [
        Finding(
            "calibration_unlike_validation",
            Text(
                "{unlike} of {all} tensors look different on samples that were not calibrated on",
                unlike=len(unlike),
                all=len(compared),
            ),
            Text(
                "{tensors}; at worst {worst:.0%} of the calibrated range beyond its end",
                tensors=listed(unlike),
                worst=worst,
            ),
            case.layers_of(unlike),
            "warning",
            None,
            Text(
                "Calibrate on samples like those that the model will see: the same source, preprocessing and classes."
            ),
        )
    ]


def synthetic_calibration(case: Case) -> list[Finding]:
    """Inputs whose values follow a textbook distribution: random numbers in place of data."""
    found = []
    for name in case.quantization.graph.input_names:
        stats = case.calibration.tensors.get(name)
        kind = None if stats is None else _textbook(stats)
        if kind is not None:
            found.append((name, kind))
    return [
        Finding(
            "synthetic_calibration",
            Text("The calibration data of input {name} looks like random numbers", name=name),
            Text("its values follow a {kind} distribution to within {near:.0%} everywhere", kind=kind, near=NEAR),
            (),
            "warning",
            None,
            Text("Calibrate on real samples: inside the network random numbers give other ranges than data."),
        )
        for name, kind in found
    ]


def _textbook(stats: TensorStats) -> Text | None:
    """The distribution that the values cannot be told from (largest distance of the distribution functions)."""
    counts = stats.histogram.counts
    if stats.sampled < 5000 or len(counts) < 64 or stats.variance <= 0:
        return None
    shares = np.cumsum(counts) / counts.sum()
    edges = stats.histogram.edges[1:]
    normal = ndtr((edges - stats.sample_mean) / stats.variance**0.5)
    uniform = np.clip((edges - stats.min) / (stats.max - stats.min), 0, 1)
    for kind, expected in ((Text("normal"), normal), (Text("uniform"), uniform)):
        if float(np.abs(shares - expected).max()) < NEAR:
            return kind
    return None


def output_hidden(case: Case) -> list[Finding]:
    """An output with a large error of its own, which the scale of another one hides in any sum over both."""
    rows = [row for row in case.analysis.outputs if row.mse is not None]
    if len(rows) < 2:
        return []
    noise = {row.index: (row.mse or 0.0) * row.power for row in rows}
    whole = sum(noise.values())
    power = sum(row.power for row in rows)
    hidden = [
        row for row in rows if (row.mse or 0.0) > 0.03 and noise[row.index] < 0.1 * whole and whole < 0.01 * power
    ]
    if not hidden:
        return []
    worst = max(hidden, key=lambda row: row.mse or 0.0)
    return [
        Finding(
            "output_hidden",
            Text(
                "The error of {outputs} hides behind a larger one's scale", outputs=counted(len(hidden), Text("output"))
            ),
            Text(
                "output {index} has SQNR {sqnr_db:.1f} dB; over all outputs together it seems {whole_db:.1f} dB",
                index=worst.index,
                sqnr_db=worst.sqnr_db,
                whole_db=10 * np.log10(power / whole),
            ),
            (),
            "warning",
            None,
            Text("Judge each output by its own error (its row under outputs); the totals here weigh all alike."),
        )
    ]
