"""Statistics merge exactly, in any order, and stay of bounded size."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qinspect.engine.calibrate import tensor_stats
from qinspect.engine.statistics import BINS, Histogram, bin_exponent

QUICK = settings(max_examples=60, deadline=None)
floats = st.floats(-(2.0**100), 2.0**100, width=32)
arrays = hnp.arrays(np.float32, st.integers(1, 40), elements=floats)


def exact_histogram(values, exponent):
    """Counts over bins of a given width, by Python's own arithmetic."""
    index = [math.floor(math.ldexp(float(v), -exponent)) for v in values]
    first = min(index)
    counts = np.zeros(max(index) - first + 1, np.int64)
    np.add.at(counts, np.array(index) - first, 1)
    return Histogram(exponent, first, counts)


def histogram_of(values):
    return exact_histogram(values, bin_exponent(float(min(values)), float(max(values))))


def same(one, two):
    return one.exponent == two.exponent and one.first == two.first and np.array_equal(one.counts, two.counts)


@QUICK
@given(
    values=hnp.arrays(np.float32, st.integers(1, 30), elements=st.floats(-100, 100, width=32)), by=st.integers(0, 12)
)
def test_widening_gives_the_counts_of_the_wider_grid(values, by):
    fine = exact_histogram(values, bin_exponent(float(values.min()), float(values.max())))
    assert same(fine.widened(fine.exponent + by), exact_histogram(values, fine.exponent + by))


@QUICK
@given(parts=st.lists(arrays, min_size=3, max_size=5), seed=st.randoms())
def test_histograms_merge_to_the_same_counts_in_any_order(parts, seed):
    histograms = [histogram_of(part) for part in parts]

    def merged(items):
        total = items[0]
        for item in items[1:]:
            total = total.merged(item)
        return total

    first = merged(histograms)
    seed.shuffle(histograms)
    second = merged(histograms)
    exponent = max(first.exponent, second.exponent)
    # The exponent may depend on the order only where a merge was possible without widening.
    assert same(first.widened(exponent), second.widened(exponent))
    assert first.counts.sum() == sum(len(part) for part in parts)
    assert len(first.counts) <= BINS
    assert same(first, exact_histogram(np.concatenate(parts), first.exponent))


@QUICK
@given(values=arrays)
def test_a_histogram_is_never_larger_than_its_bound_and_covers_all_values(values):
    exponent = bin_exponent(float(values.min()), float(values.max()))
    found = exact_histogram(values, exponent)
    assert len(found.counts) <= BINS
    assert found.edges[0] <= values.min()
    assert found.edges[-1] >= values.max()


@pytest.mark.parametrize("spread", [1e-3, 1.0, 37.0, 1e6])
def test_a_histogram_keeps_at_least_a_quarter_of_its_bins(spread):
    stats = tensor_stats(torch.linspace(-spread, spread * 1.7, 5000))
    assert BINS / 4 < len(stats.histogram.counts) <= BINS


@settings(max_examples=40, deadline=None)
@given(
    values=hnp.arrays(np.float32, (6, 3, 4), elements=st.floats(-50, 50, width=16)),
    cut=st.integers(1, 5),
    other=st.integers(1, 5),
)
def test_statistics_of_parts_merge_to_those_of_the_whole(values, cut, other):
    x = torch.from_numpy(values)
    whole = tensor_stats(x)
    merged = tensor_stats(x[:cut]).merged(tensor_stats(x[cut:]))
    pieces = [tensor_stats(x[i : i + 1]) for i in range(6)]
    pieces = pieces[other:] + pieces[:other]
    by_ones = pieces[0]
    for piece in pieces[1:]:
        by_ones = by_ones.merged(piece)
    for found in (merged, by_ones):
        assert (found.count, found.min, found.max) == (whole.count, whole.min, whole.max)
        assert np.array_equal(found.channel_min, whole.channel_min)
        assert np.array_equal(found.channel_max, whole.channel_max)
        assert (found.zeros, found.sampled, found.nonfinite) == (whole.zeros, whole.sampled, 0)
        assert found.mean == pytest.approx(values.mean(dtype=np.float64), rel=1e-4, abs=1e-4)
        assert found.variance == pytest.approx(values.var(dtype=np.float64), rel=1e-3, abs=1e-3)
        assert found.histogram.counts.sum() == x.numel()


def test_counts_are_those_of_numpy():
    x = torch.randn(4000, generator=torch.Generator().manual_seed(0)).to(torch.float16).float()
    found = tensor_stats(x).histogram
    expected, _ = np.histogram(x.numpy().astype(np.float64), found.edges)
    assert np.array_equal(found.counts, expected)


def test_nan_and_infinity_are_counted_and_left_out_of_everything_else():
    x = torch.tensor([1.0, math.nan, 2.0, math.inf, -math.inf, 3.0])
    stats = tensor_stats(x)
    assert stats.nonfinite == 3
    assert stats.sampled == 3
    assert stats.mean == 2
    assert stats.variance == pytest.approx(2 / 3)
    assert stats.histogram.counts.sum() == 3
    assert math.isnan(stats.max)


def test_the_mean_of_merged_parts_weighs_only_finite_values():
    dirty = tensor_stats(torch.tensor([math.nan] * 9 + [10.0]))
    clean = tensor_stats(torch.tensor([0.0]))
    assert dirty.merged(clean).mean == pytest.approx(5)
    assert dirty.merged(clean).nonfinite == 9


def test_a_tensor_of_nothing_but_nan_has_statistics():
    stats = tensor_stats(torch.full((4,), math.nan))
    assert (stats.nonfinite, stats.sampled, len(stats.histogram.counts)) == (4, 0, 0)
    merged = stats.merged(tensor_stats(torch.ones(2)))
    assert merged.mean == 1
    assert merged.histogram.counts.sum() == 2


@pytest.mark.parametrize("value", [0.0, -0.0, 1.0, -3.7, 1e-40, -1e-45, 3e38, -3e38, 123456.789])
def test_a_constant_has_one_value_no_variance_and_one_bin(value):
    stats = tensor_stats(torch.full((3, 5), value))
    assert stats.min == stats.max == torch.tensor(value).item()
    assert stats.mean == pytest.approx(stats.min, rel=1e-6)
    assert stats.variance == pytest.approx(0, abs=max(1e-9, (1e-6 * value) ** 2))
    assert stats.histogram.counts.tolist() == [15]
    assert stats.histogram.edges[0] <= stats.min < stats.histogram.edges[1]
    assert stats.zeros == (15 if value == 0 else 0)


def test_denormal_numbers_are_counted():
    stats = tensor_stats(torch.tensor([0.0, 1e-45, 1e-40, -1e-42]))
    assert stats.histogram.counts.sum() == 4
    assert stats.zeros == 1


@pytest.mark.parametrize("large", [1e6, 1e37])
def test_small_negative_numbers_stay_below_zero_beside_large_ones(large):
    parts = torch.tensor([large, -large]), torch.tensor([-1e-42, 0.0, -0.0, 1e-42, -1e-30])
    whole = tensor_stats(torch.cat(parts)).histogram
    merged = tensor_stats(parts[0]).merged(tensor_stats(parts[1])).histogram
    assert whole.counts[-whole.first - 1 : -whole.first + 1].tolist() == [2, 3]
    assert np.array_equal(whole.counts, merged.counts)


def test_a_huge_range_is_counted_without_overflow():
    stats = tensor_stats(torch.tensor([-3.4e38, 0.0, 1.0, 3.4e38]))
    assert (stats.min, stats.max) == (pytest.approx(-3.4e38), pytest.approx(3.4e38))
    assert stats.histogram.counts.sum() == 4
    assert math.isfinite(stats.mean)
    assert len(stats.histogram.counts) <= BINS


def test_the_mean_of_large_values_does_not_overflow():
    assert tensor_stats(torch.full((1000,), 2e38)).mean == pytest.approx(2e38, rel=1e-6)
    half = torch.full((70000,), 2.0, dtype=torch.float16)
    assert tensor_stats(half).mean == 2


def test_a_narrow_range_far_from_zero_keeps_its_values_in_their_bins():
    x = 1000 + torch.arange(100) * 0.01
    found = tensor_stats(x).histogram
    expected, _ = np.histogram(x.double().numpy(), found.edges)
    assert np.array_equal(found.counts, expected)


@pytest.mark.parametrize(("shape", "axis"), [((3, 4, 5, 6), 1), ((3, 4, 5), 2), ((3, 4), 1), ((2, 3, 2, 2, 2), 1)])
def test_channel_ranges_are_over_the_channel_axis(shape, axis):
    x = torch.randn(shape)
    stats = tensor_stats(x)
    others = [i for i in range(len(shape)) if i != axis]
    assert np.array_equal(stats.channel_min, x.amin(others).numpy())
    assert np.array_equal(stats.channel_max, x.amax(others).numpy())


def test_the_layout_in_memory_does_not_matter():
    x = torch.randn(2, 8, 9, 9)
    one, two = tensor_stats(x), tensor_stats(x.contiguous(memory_format=torch.channels_last))
    assert same(one.histogram, two.histogram)
    assert np.array_equal(one.channel_max, two.channel_max)


@pytest.mark.parametrize("channels", [1, 3, 16, 24, 64, 80, 144])
@pytest.mark.parametrize("size", [(1, 1), (7, 7), (5, 13), (12, 16), (23, 29)])
def test_channel_ranges_are_exact_however_the_channels_lie_in_memory(channels, size):
    x = torch.randn(3, channels, *size)
    for laid in (x, x.contiguous(memory_format=torch.channels_last), x.transpose(2, 3), x[:, :, ::2]):
        stats = tensor_stats(laid)
        assert np.array_equal(stats.channel_min, laid.amin((0, 2, 3)).numpy())
        assert np.array_equal(stats.channel_max, laid.amax((0, 2, 3)).numpy())
    tokens = x.flatten(2).movedim(1, 2)
    for laid in (tokens, tokens.contiguous()):
        assert np.array_equal(tensor_stats(laid).channel_max, laid.amax((0, 1)).numpy())


def test_a_share_of_the_values_meets_all_channels_and_keeps_exact_ends():
    x = torch.zeros(4, 16, 64, 64)
    x += torch.arange(16).reshape(1, 16, 1, 1)
    x[3, 15, 63, 63] = 99.0
    stats = tensor_stats(x.contiguous(memory_format=torch.channels_last), share=0.1)
    assert stats.max == 99
    assert stats.sampled < x.numel() / 8
    assert stats.zeros / stats.sampled == pytest.approx(1 / 16, rel=0.02)
    assert (np.histogram(stats.histogram.centers, 17, (0, 17), weights=stats.histogram.counts)[0][:16] > 0).all()
