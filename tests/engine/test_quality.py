"""Ranges against the number of samples: the closed form against drawing orders, and what it says."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qinspect.engine.calibrate import Calibration, tensor_stats
from qinspect.engine.calibrate.quality import range_growth


def of_ranges(low, high) -> Calibration:
    """A calibration of one tensor with these ranges by sample."""
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    stats = tensor_stats(torch.from_numpy(np.stack([low, high], 1)))
    return Calibration({"x": dataclasses.replace(stats, sample_min=low, sample_max=high)}, len(low))


def test_the_mean_over_all_subsets_is_that_of_drawing_each_of_them():
    rng = np.random.default_rng(0)
    low, high = -rng.random(9).astype(np.float32), rng.random(9).astype(np.float32) * 3
    found = range_growth(of_ranges(low, high))
    whole = high.max() - low.min()
    for count, share in zip(found.counts, found.typical, strict=True):
        widths = [high[list(c)].max() - low[list(c)].min() for c in itertools.combinations(range(9), int(count))]
        assert share == pytest.approx(np.mean(widths) / whole, rel=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 100, width=32), min_size=8, max_size=40).filter(lambda v: max(v) > 0))
def test_more_samples_never_narrow_a_range_and_all_of_them_give_all(values):
    found = range_growth(of_ranges(-np.asarray(values), np.asarray(values)))
    assert (np.diff(found.typical) >= -1e-9).all()
    assert found.typical[-1] == pytest.approx(1)
    assert found.counts[-1] == found.samples == len(values)


def test_ranges_that_every_sample_fills_need_no_more_and_those_that_one_sample_makes_do():
    even = range_growth(of_ranges(np.full(32, -1.0), np.full(32, 2.0)))
    assert even.enough
    assert even.growing == ()
    spike = np.ones(32)
    spike[7] = 50
    found = range_growth(of_ranges(np.zeros(32), spike))
    assert found.growing == ("x",)
    assert not found.enough
    assert found.growth["x"] == pytest.approx(0.5 * 49 / 50)


def test_of_a_few_samples_nothing_is_said():
    assert range_growth(of_ranges(np.zeros(7), np.ones(7))) is None
