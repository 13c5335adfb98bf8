"""Confidence intervals against formulas computed another way, and against how often they are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from qinspect.engine import intervals


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_shares_have_scipys_wilson_interval(case):
    hits, total = case
    ours = intervals.share(hits, total)
    theirs = binomtest(hits, total).proportion_ci(method="wilson")
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    assert ours.low <= ours.value <= ours.high


def test_no_sample_says_nothing():
    found = intervals.share(0, 0)
    assert (found.low, found.high) == (0.0, 1.0)


def test_a_share_that_lost_no_sample_may_still_have_lost_some():
    hits = np.ones(50, bool)
    found = intervals.share_lost(hits, hits)
    assert found.value == 0
    assert found.high == -found.low == pytest.approx(intervals.Z**2 / (50 + intervals.Z**2), rel=1e-6)
    assert intervals.share_lost(np.ones(5000, bool), np.ones(5000, bool)).high < 0.001


def test_the_interval_of_a_paired_loss_holds_the_true_loss_about_95_times_in_100():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(1000):
        kind = rng.random(80)
        before, after = kind < 0.8, (kind < 0.7) | (kind > 0.95)
        found = intervals.share_lost(before, after)
        inside += found.low <= 0.8 - (0.7 + 0.05) <= found.high
    assert 920 < inside < 985


@pytest.mark.parametrize("count", [5, 20, 50, 200])
def test_a_loss_beyond_the_interval_of_no_change_is_seen_97_times_in_100(count):
    """Where nothing changed, the upper end is a loss that would have shown itself."""
    high = intervals.share_changed(0, 0, count).high
    assert (1 - high) ** count <= 0.025 + 1e-12
    rng = np.random.default_rng(1)
    unseen = (rng.binomial(count, high, 20_000) == 0).mean()
    assert unseen < 0.03


@pytest.mark.parametrize(("lost", "won"), [(0.01, 0.0), (0.03, 0.01), (0.1, 0.02), (0.02, 0.05), (0.0005, 0.0005)])
@pytest.mark.parametrize("count", [30, 100])
def test_the_true_change_lies_within_the_interval_about_95_times_in_100(lost, won, count):
    counts = np.random.default_rng(2).multinomial(count, [lost, won, 1 - lost - won], 4000)
    kinds, times = np.unique(counts, axis=0, return_counts=True)
    found = [intervals.share_changed(int(b), int(c), count) for b, c, _ in kinds]
    inside = sum(n for n, one in zip(times, found, strict=True) if one.low <= lost - won <= one.high)
    assert inside / 4000 > 0.93


def test_the_two_sides_of_a_change_mirror_each_other_and_expected_numbers_lie_between():
    one, other = intervals.share_changed(7, 2, 60), intervals.share_changed(2, 7, 60)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
    assert one.low < one.value < one.high
    ends = [intervals.share_changed(lost, 1.0, 60).high for lost in (2, 2.5, 3)]
    assert ends == sorted(ends)


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval():
    values = np.random.default_rng(1).exponential(size=400)
    found = intervals.mean(values)
    half = intervals.Z * values.std() / 20
    assert found.value == values.mean()
    assert (found.value - found.low, found.high - found.value) == pytest.approx((half, half), rel=0.2)


def test_any_statistic_can_be_resampled():
    values = np.random.default_rng(2).normal(size=200)
    found = intervals.statistic(lambda picked: float(np.median(values[picked])), len(values), 200)
    assert found.low < found.value == np.median(values) < found.high
