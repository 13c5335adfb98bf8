"""Rules on samples that were not calibrated on: values that their ranges cut off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..calibrate import Calibration
from ..calibrate.quality import range_growth
from ..graph import Layer
from ..plan.qconfig import TensorConfig
from ..ranges import cut_off, estimate_activation, rounding_error
from ..results import Finding
from ..statistics import TensorStats
from ..text import Text, counted, joined
from .case import Case
from .ranges import own_values

CLIPPED = 0.8
"""Least share of a tensor's error that is values cut off. Where it is less, finer steps are worth some of it: in
MobileNetV2 sums with a share of one half lose more by a wider range than they win."""

ENOUGH = 0.2
"""A range that leaves no more of the error than this is wide enough."""

BLAMED = 0.05
"""Least share of the whole error that this makes up."""

DOUBLINGS = 3
"""The range that is proposed is the one that is expected of eight times as many samples."""


@dataclass(frozen=True)
class _Cut:
    """One tensor that is cut off."""

    layer: Layer
    config: TensorConfig
    samples: int
    reach: float
    end: float
    steps: float
    share: float
    effect: float


def clipped_on_unseen(case: Case) -> list[Finding]:
    """Single tensors whose values leave the calibrated range on other samples, and the error that this makes."""
    loss = case.loss
    total = sum(loss.of(row) for row in case.rows)
    if loss.whole is None or loss.whole < loss.least:
        return []
    found = [cut for layer, config in own_values(case) if (cut := _cut(case, layer, config)) is not None]
    found = [cut for cut in found if total > 0 and cut.effect > BLAMED * total]
    if not found:
        return []
    found.sort(key=lambda cut: -cut.effect)
    worst = found[0]
    edited, ways = case.plan, set[Text]()
    for cut in found:
        better, way = _wider(case.calibration.tensors[cut.layer.value], case.validation[cut.layer.value], cut)
        if better != cut.config:
            edited = edited.with_layer(cut.layer.id, activation=better)
            ways.add(way)
    gain = sum(cut.effect for cut in found)
    remedy = Text("Calibrate on more samples.")
    if ways:
        remedy = Text("{ways}; or calibrate on more samples.", ways=joined(sorted(ways)))
    return [
        Finding(
            "clipped_on_unseen",
            Text(
                "{tensors} cut off on samples that were not calibrated on",
                tensors=counted(len(found), Text("tensor")),
            ),
            Text(
                "worst at {layer}: {samples} beyond the range, which ends at {end:.3g}, as far as {reach:.3g} "
                "({steps:.0f} steps); cutting them off is {share:.0%} of the error of rounding it there",
                layer=worst.layer.id,
                samples=counted(worst.samples, Text("sample")),
                end=worst.end,
                reach=worst.reach,
                steps=worst.steps,
                share=worst.share,
            ),
            tuple(cut.layer.id for cut in found),
            "warning",
            gain if loss.is_kl else None,
            remedy,
            edited.to_json() if ways else None,
        )
    ]


def _cut(case: Case, layer: Layer, config: TensorConfig) -> _Cut | None:
    ours, theirs = case.calibration.tensors.get(layer.value), case.validation.get(layer.value)
    row = case.row_of.get(layer.id)
    if ours is None or theirs is None or row is None or not theirs.sampled:
        return None
    params = case.quantization.values[layer.value]
    low, high, step = float(params.low), float(params.high), float(params.scale)
    over, under = theirs.sample_max - high, low - theirs.sample_min
    beyond = np.maximum(np.maximum(over, under), 0.0).astype(np.float64)
    clipped = cut_off(theirs, low, high) / theirs.count if (beyond > step / 2).any() else 0.0
    inside = rounding_error(ours, params)
    if clipped <= 0 or clipped < CLIPPED * (clipped + inside):
        return None
    share = clipped / (clipped + inside)
    worst = int(beyond.argmax())
    above = over[worst] >= under[worst]
    reach, end = (float(theirs.sample_max[worst]), high) if above else (float(theirs.sample_min[worst]), low)
    outside = int((beyond > step / 2).sum())
    return _Cut(layer, config, outside, reach, end, float(beyond[worst]) / step, share, share * case.loss.of(row))


def _wider(stats: TensorStats, unseen: TensorStats, cut: _Cut) -> tuple[TensorConfig, Text]:
    """A range from the calibration samples that reaches farther, and what it is, in words."""
    config = cut.config
    whole = config.but(estimator="minmax", range=None)
    if config.estimator not in ("minmax", "fixed"):
        left = rounding_error(unseen, estimate_activation(stats, whole))
        if left <= ENOUGH * rounding_error(unseen, estimate_activation(stats, config)):
            return whole, Text("Take the whole range that calibration saw")
    growth = range_growth(Calibration({cut.layer.value: stats}, len(stats.sample_max)))
    # Each doubling is taken to widen the range by as much as the last one did: large values become rarer
    # exponentially (Gumbel's law for the largest of many).
    factor = 1.0 if growth is None else 1 + DOUBLINGS * growth.growth.get(cut.layer.value, 0.0)
    ends = min(factor * stats.min, 0.0), max(factor * stats.max, 0.0)
    way = Text("Take the range that {times} times as many samples are expected to have", times=2**DOUBLINGS)
    return config.but(estimator="fixed", range=ends), way
