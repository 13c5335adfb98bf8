"""Scales and zero points are torch.ao's where it computes the same, and near the best where it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from qinspect.engine.calibrate import tensor_stats
from qinspect.engine.plan.qconfig import FLOATS, TensorConfig
from qinspect.engine.problem import Problem
from qinspect.engine.qparams import FLOAT_TYPES, QParams, dynamic_qparams, fixed_output, from_range
from qinspect.engine.ranges import _divergences, activation_range, cut_off, estimate_activation, estimate_weight

QUICK = settings(max_examples=60, deadline=None)
SCHEMES = [(dtype, symmetric) for dtype in ("uint8", "int8") for symmetric in (False, True)]
tensors = hnp.arrays(np.float32, (5, 7), elements=st.floats(-1e4, 1e4, width=32))


def torch_observer(dtype, symmetric, reduce_range=False, per_channel=False):
    from torch.ao.quantization.observer import MinMaxObserver, PerChannelMinMaxObserver

    kind = "channel" if per_channel else "tensor"
    scheme = getattr(torch, f"per_{kind}_{'symmetric' if symmetric else 'affine'}")
    observer = PerChannelMinMaxObserver if per_channel else MinMaxObserver
    return observer(dtype=getattr(torch, f"q{dtype}"), qscheme=scheme, reduce_range=reduce_range)


@pytest.mark.parametrize("reduce_range", [False, True])
@pytest.mark.parametrize(("dtype", "symmetric"), SCHEMES)
@QUICK
@given(values=tensors)
def test_min_max_gives_the_scale_and_zero_point_of_torch(dtype, symmetric, reduce_range, values):
    x = torch.from_numpy(values)
    mine = estimate_activation(tensor_stats(x), TensorConfig(dtype, bits=8 - reduce_range, symmetric=symmetric))
    if dtype == "uint8" and symmetric and reduce_range:
        assert int(mine.zero_point) == 64  # torch's observers refuse this one
        return
    observer = torch_observer(dtype, symmetric, reduce_range)
    observer(x)
    scale, zero = observer.calculate_qparams()
    assert float(mine.scale) == scale.item()
    assert int(mine.zero_point) == zero.item()


@QUICK
@given(values=hnp.arrays(np.float32, (4, 9), elements=st.floats(-1e4, 1e4, width=32)), momentum=st.floats(0.01, 1))
def test_the_moving_average_is_torchs(values, momentum):
    from torch.ao.quantization.observer import MovingAverageMinMaxObserver

    observer = MovingAverageMinMaxObserver(averaging_constant=momentum)
    for batch in torch.from_numpy(values):
        observer(batch)
    stats = replace(tensor_stats(torch.from_numpy(values)), batch_min=values.min(1), batch_max=values.max(1))
    mine = estimate_activation(stats, TensorConfig(estimator="moving_average", momentum=momentum))
    scale, zero = observer.calculate_qparams()
    # torch multiplies and adds in one rounding, numpy in two.
    assert float(mine.scale) == pytest.approx(scale.item(), rel=1e-6)
    assert abs(int(mine.zero_point) - zero.item()) <= 1


@pytest.mark.parametrize(("dtype", "symmetric"), SCHEMES)
@QUICK
@given(values=tensors)
def test_per_channel_min_max_gives_the_scales_and_zero_points_of_torch(dtype, symmetric, values):
    x = torch.from_numpy(values)
    observer = torch_observer(dtype, symmetric, per_channel=True)
    observer(x)
    scale, zero = observer.calculate_qparams()
    mine = estimate_weight(x, TensorConfig(dtype, symmetric=symmetric, granularity="per_channel"), 0)
    assert np.array_equal(mine.scale, scale.numpy())
    assert np.array_equal(mine.zero_point, zero.numpy())


@pytest.mark.parametrize("bits", [2, 4, 7, 8])
@pytest.mark.parametrize(("dtype", "symmetric"), SCHEMES)
@QUICK
@given(low=st.floats(-1e6, 1e6, width=32), span=st.floats(0, 1e6, width=32))
def test_the_grid_holds_zero_and_the_range_that_was_asked(dtype, symmetric, bits, low, span):
    params = from_range(low, low + span, TensorConfig(dtype, bits=bits, symmetric=symmetric))
    qmin, qmax = TensorConfig(dtype, bits=bits).grid
    assert qmin <= params.zero_point <= qmax
    step = float(params.scale)
    assert float(params.low) <= min(low, 0) + step
    assert float(params.high) >= max(low + span, 0) - step
    assert params.fake_quantize(torch.zeros(1)).item() == 0


@pytest.mark.parametrize(("dtype", "symmetric"), SCHEMES)
@QUICK
@given(values=tensors, bits=st.integers(3, 8), per_channel=st.booleans(), factor=st.floats(0.1, 2))
def test_fake_quantizing_is_quantizing_and_dequantizing(dtype, symmetric, values, bits, per_channel, factor):
    x = torch.from_numpy(values)
    config = TensorConfig(
        dtype, bits=bits, symmetric=symmetric, granularity="per_channel" if per_channel else "per_tensor"
    )
    params = estimate_weight(x * factor, config, 1)
    whole = params.quantize(x)
    assert whole.dtype == torch.int32
    assert params.qmin <= int(whole.min()) <= int(whole.max()) <= params.qmax
    assert torch.equal(params.fake_quantize(x), params.dequantize(whole))
    assert torch.equal(params.fake_quantize(params.fake_quantize(x)), params.fake_quantize(x))


@pytest.mark.parametrize("value", [0.0, 1e-30, -1e-38])
def test_a_tensor_of_almost_nothing_gets_torchs_smallest_scale(value):
    params = estimate_activation(tensor_stats(torch.full((4,), value)), TensorConfig())
    assert float(params.scale) == torch.finfo(torch.float32).eps
    assert np.isfinite(params.low)


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_widest_range_of_float32_has_a_finite_scale(symmetric):
    params = from_range(-3.4e38, 3.4e38, TensorConfig(symmetric=symmetric))
    assert np.isfinite(params.scale)
    assert params.scale == pytest.approx(6.8e38 / 255, rel=0.01)
    assert torch.isfinite(params.fake_quantize(torch.tensor([3e38, -3e38]))).all()


def draw(kind):
    generator = torch.Generator().manual_seed(5)
    normal = torch.randn(40_000, generator=generator)
    return {
        "normal": normal,
        "outliers": torch.cat([normal, torch.tensor([40.0, -55.0])]),
        "relu": normal.relu(),
        "long tail": (normal * 1.5).exp(),
        "shifted": normal * 0.1 + 3,
        "laplace": normal.sign() * -torch.rand(40_000, generator=generator).clamp_min(1e-6).log(),
    }[kind]


KINDS = ["normal", "outliers", "relu", "long tail", "shifted", "laplace"]


def squared_error(x, params):
    # Clipping is at the ends of the grid of `bits`.
    grid = TensorConfig(params.dtype, bits=params.bits).grid
    whole = torch.clamp(torch.round(x / float(params.scale)) + int(params.zero_point), *grid)
    return float((((whole - int(params.zero_point)) * float(params.scale) - x) ** 2).double().sum())


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_the_mse_estimator_is_near_the_best_of_a_brute_force_search(kind, symmetric, bits):
    x = draw(kind)
    config = TensorConfig("uint8", bits=bits, symmetric=symmetric, estimator="mse")
    found = squared_error(x, estimate_activation(tensor_stats(x), config))
    low, high = min(0.0, float(x.min())), max(0.0, float(x.max()))
    best = np.inf
    for a in np.linspace(0.03, 1, 40):
        for b in np.linspace(0.03, 1, 40) if low < 0 and not symmetric else [a]:
            span = max(-low, high)
            ends = (-span * a, span * a) if symmetric else (low * b, high * a)
            best = min(best, squared_error(x, from_range(*ends, config)))
    assert found <= 1.12 * best


@pytest.mark.parametrize("kind", KINDS)
def test_the_mse_estimator_is_never_worse_than_min_max(kind):
    x = draw(kind)
    stats = tensor_stats(x)
    errors = [squared_error(x, estimate_activation(stats, TensorConfig(estimator=e))) for e in ("mse", "minmax")]
    assert errors[0] <= 1.01 * errors[1]


@pytest.mark.parametrize("percentile", [90.0, 99.0, 99.9, 100.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_percentile_is_numpys_within_a_bin(kind, percentile):
    x = draw(kind)
    stats = tensor_stats(x)
    low, high = activation_range(stats, TensorConfig(estimator="percentile", percentile=percentile))
    cut = (100 - percentile) / 200
    values, rank = x.double().numpy(), 2 / len(x)  # numpy interpolates between two values, a bin may hold either
    for found, place in ((low, cut), (high, 1 - cut)):
        below, above = np.quantile(values, np.clip([place - rank, place + rank], 0, 1))
        assert below - stats.histogram.width <= found <= above + stats.histogram.width


@pytest.mark.parametrize("kind", KINDS)
def test_entropy_chooses_a_range_inside_min_max(kind):
    stats = tensor_stats(draw(kind))
    low, high = activation_range(stats, TensorConfig(estimator="entropy"))
    assert stats.min <= low < high <= stats.max


def test_entropy_cuts_a_lone_outlier_off():
    low, high = activation_range(tensor_stats(draw("outliers")), TensorConfig(estimator="entropy"))
    assert -20 < low < -2
    assert 2 < high < 20


def test_entropy_keeps_nearly_all_of_a_normal_distribution():
    x = draw("normal")
    low, high = activation_range(tensor_stats(x), TensorConfig(estimator="entropy"))
    assert float(((x > low) & (x < high)).float().mean()) > 0.98


@pytest.mark.parametrize("estimator", ["minmax", "mse", "percentile", "entropy"])
@pytest.mark.parametrize("value", [0.0, 2.5, -2.5, 1e-42])
def test_every_estimator_takes_a_constant(estimator, value):
    params = estimate_activation(tensor_stats(torch.full((100,), value)), TensorConfig(estimator=estimator))
    result = params.fake_quantize(torch.tensor([value])).item()
    assert result == pytest.approx(value, rel=0.01, abs=1e-6)


@pytest.mark.parametrize("estimator", ["minmax", "mse", "percentile", "entropy"])
def test_every_estimator_ignores_infinities(estimator):
    x = torch.cat([draw("normal"), torch.tensor([torch.inf, -torch.inf, torch.nan])])
    low, high = activation_range(tensor_stats(x), TensorConfig(estimator=estimator))
    assert -6 < low < -1
    assert 1 < high < 6


def test_a_tensor_without_a_finite_value_is_a_problem():
    with pytest.raises(Problem, match="no finite value"):
        activation_range(tensor_stats(torch.full((3,), torch.nan)), TensorConfig())


def test_a_fixed_range_is_taken_as_it_is():
    config = TensorConfig(estimator="fixed", range=(-1.0, 3.0))
    params = estimate_activation(tensor_stats(draw("normal")), config)
    assert float(params.scale) == np.float32(4 / 255)
    assert int(params.zero_point) == 64
    weights = estimate_weight(torch.randn(3, 4), config.but(granularity="per_channel"), 0)
    assert weights.scale.tolist() == [np.float32(4 / 255)] * 3


@pytest.mark.parametrize("estimator", ["mse", "entropy", "percentile"])
def test_weight_estimators_never_do_worse_than_their_grid_allows(estimator):
    weight = torch.randn(6, 50, generator=torch.Generator().manual_seed(0))
    config = TensorConfig("int8", bits=4, symmetric=True, granularity="per_channel", percentile=99.0)
    plain = estimate_weight(weight, config, 0)
    found = estimate_weight(weight, config.but(estimator=estimator), 0)
    assert (found.scale <= plain.scale + 1e-9).all()
    if estimator != "percentile":
        errors = [((p.fake_quantize(weight) - weight) ** 2).sum() for p in (found, plain)]
        assert errors[0] < errors[1]


def test_weights_of_transposed_convolutions_have_their_channels_on_axis_1():
    weight = torch.randn(2, 3, 2, 2)
    params = estimate_weight(weight, TensorConfig("int8", symmetric=True, granularity="per_channel"), 1)
    assert params.scale.shape == (3,)
    assert params.axis == 1
    assert np.allclose(params.scale, weight.abs().amax((0, 2, 3)).numpy() / 127.5)


@pytest.mark.parametrize("op", ["sigmoid", "hardsigmoid", "softmax", "tanh"])
def test_operators_with_a_known_output_range_have_fixed_parameters(op):
    params = fixed_output(op, TensorConfig())
    assert (float(params.scale), int(params.zero_point)) == ((2 / 256, 128) if op == "tanh" else (1 / 256, 0))
    assert fixed_output(op, TensorConfig("int8")) is None
    assert fixed_output("relu", TensorConfig()) is None


def test_seven_bits_spread_the_range_over_half_the_grid_and_clip_where_the_kernel_does():
    params = from_range(0.0, 12.7, TensorConfig(bits=7))
    assert float(params.scale) == pytest.approx(0.1, rel=1e-5)
    assert (params.qmin, params.qmax) == (0, 255)
    assert float(params.high) == pytest.approx(12.7, rel=1e-5)
    assert params.fake_quantize(torch.tensor([20.0])).item() == pytest.approx(20.0, rel=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_mse_range_of_16_bits_holds_the_rare_values_that_the_histogram_has_not_seen(symmetric):
    values = np.random.default_rng(3).normal(0, 4, (100, 1, 4000)).astype(np.float32)
    seen = tensor_stats(torch.from_numpy(values))
    values[7, 0, 5], values[70, 0, 9] = 33.0, -35.0
    ends = {"sample_min": values.min((1, 2)), "sample_max": values.max((1, 2))}
    stats = replace(tensor_stats(torch.from_numpy(values)), histogram=seen.histogram, **ends)
    config = TensorConfig("int16", 16, symmetric=symmetric, estimator="mse")
    found, whole = (estimate_activation(stats, config.but(estimator=name)) for name in ("mse", "minmax"))
    x = torch.from_numpy(values)
    errors = [((one.fake_quantize(x) - x) ** 2).mean().item() for one in (found, whole)]
    assert errors[0] <= 1.01 * errors[1]
    # Of eight bits cutting them off is worth it.
    config = config.but(dtype="int8", bits=8)
    assert estimate_activation(stats, config).scale < estimate_activation(stats, config.but(estimator="minmax")).scale


@pytest.mark.parametrize("samples", [64, 1024])
@pytest.mark.parametrize("share", [1, 0.09])
def test_what_lies_beyond_a_range_is_as_much_as_it_is_though_only_a_share_of_the_values_was_counted(samples, share):
    """Each sample's largest value is known, and was counted among the others where it was in the share."""
    found: dict[float, list[float]] = {0.7: [], 0.6: [], 0.5: [], 0.4: []}
    for seed in range(8):
        x = torch.randn(samples, 288, generator=torch.Generator().manual_seed(seed)).relu()
        stats = replace(tensor_stats(x, share=share), sample_max=x.amax(1).numpy())
        for part, ratios in found.items():
            exact = float(((x.double() - part * stats.max).clamp_min(0) ** 2).sum())
            ratios.append(cut_off(stats, 0.0, part * stats.max) / exact)
    for ratios in found.values():
        assert np.mean(ratios) == pytest.approx(1, abs=0.01 if share == 1 else 0.1)


def test_values_that_lie_in_a_few_bins_and_were_counted_in_part_have_a_range_by_squared_error():
    """As behind hundreds of layers that nobody trained."""
    x = torch.rand(64, 288, generator=torch.Generator().manual_seed(0)) + 5
    stats = tensor_stats(x, share=0.09)
    stats = replace(stats, histogram=stats.histogram.widened(stats.histogram.exponent + 6))
    assert len(stats.histogram.counts) < 33
    params = estimate_activation(stats, TensorConfig("int8", 8, estimator="mse"))
    assert (params.fake_quantize(x) - x).abs().max() < 0.6 * params.scale.item()
    assert cut_off(stats, 0.0, 4.0) == pytest.approx(float(((x.double() - 4) ** 2).sum()), rel=0.03)


def test_int16_and_int4_grids_are_used_in_full():
    for dtype, levels in (("int16", 65535), ("int4", 15)):
        params = from_range(-1.0, 1.0, TensorConfig(dtype, bits=16 if dtype == "int16" else 4))
        assert float(params.scale) == pytest.approx(2 / levels, rel=1e-6)
        assert isinstance(params, QParams)


@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
@QUICK
@given(values=tensors, factor=st.sampled_from([1e-6, 1.0, 10.0]))
def test_half_precision_is_torchs_cast(dtype, values, factor):
    x = torch.from_numpy(values) * factor
    expected = x.to(FLOAT_TYPES[dtype]).float()
    for params in (
        estimate_weight(x, TensorConfig(dtype), 0),
        estimate_activation(tensor_stats(x), TensorConfig(dtype, estimator="mse")),
    ):
        assert torch.equal(params.fake_quantize(x), expected)


@pytest.mark.parametrize("granularity", ["per_tensor", "per_channel"])
@pytest.mark.parametrize("dtype", ["fp8_e4m3", "fp8_e5m2"])
@QUICK
@given(values=tensors)
def test_fp8_is_torchs_cast_of_what_the_scale_brings_into_its_range(dtype, granularity, values):
    x = torch.from_numpy(values)
    params = estimate_weight(x, TensorConfig(dtype, granularity=granularity), 0)
    largest = torch.finfo(FLOAT_TYPES[dtype]).max
    assert largest == FLOATS[dtype][1]
    bound = x.abs().amax(1, keepdim=True) if granularity == "per_channel" else x.abs().max()
    scale = (bound / largest).clamp_min(torch.finfo(torch.float32).eps)
    expected = (x / scale).clamp(-largest, largest).to(FLOAT_TYPES[dtype]).float() * scale
    assert torch.equal(params.fake_quantize(x), expected)


def test_fp8_has_no_number_beyond_its_largest():
    params = from_range(-1.0, 1.0, TensorConfig("fp8_e4m3"))
    assert params.fake_quantize(torch.tensor([3.0, -3.0])).tolist() == pytest.approx([1.0, -1.0])


def test_clipping_buys_nothing_in_a_float_format():
    stats = tensor_stats(draw("outliers"))
    for estimator in ("mse", "entropy"):
        assert activation_range(stats, TensorConfig("fp8_e4m3", estimator=estimator)) == (stats.min, stats.max)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("dtype", ["int4", "uint4", "int8"])
@pytest.mark.parametrize(("features", "size"), [(64, 16), (50, 16), (7, 32)])
def test_groups_are_channels_of_their_own(dtype, symmetric, features, size):
    weight = torch.randn(5, features)
    config = TensorConfig(dtype, symmetric=symmetric, granularity="per_group", group_size=size)
    params = estimate_weight(weight, config, 0)
    assert params.scale.shape == (5, -(-features // size))
    apart = [
        estimate_weight(part, config.but(granularity="per_channel"), 0).fake_quantize(part)
        for part in weight.split(size, 1)
    ]
    assert torch.equal(params.fake_quantize(weight), torch.cat(apart, 1))


def test_groups_of_int4_have_the_scales_of_torchao():
    torchao = pytest.importorskip("torchao.quantization.quant_primitives")
    weight = torch.randn(8, 64)
    params = estimate_weight(weight, TensorConfig("int4", symmetric=True, granularity="per_group"), 0)
    kind = torchao.MappingType.SYMMETRIC
    scale, _ = torchao.choose_qparams_affine(weight, kind, (1, 32), torch.int8, -8, 7)
    assert np.allclose(params.scale, scale.numpy(), rtol=1e-6)


def test_every_group_has_its_own_estimate():
    weight = torch.randn(6, 64)
    config = TensorConfig("int4", symmetric=True, granularity="per_group", percentile=95)
    plain, mse, percentile = (
        estimate_weight(weight, config.but(estimator=e), 0) for e in ("minmax", "mse", "percentile")
    )
    errors = [((p.fake_quantize(weight) - weight) ** 2).reshape(6, 2, 32).sum(-1).numpy() for p in (plain, mse)]
    assert (errors[1] <= errors[0] * 1.0001).all()
    assert (mse.scale < plain.scale).any()
    assert (percentile.scale < plain.scale).all()


@pytest.mark.parametrize(("dtype", "symmetric"), SCHEMES)
@QUICK
@given(values=tensors)
def test_a_dynamic_range_is_that_of_the_tensor_or_of_each_row(dtype, symmetric, values):
    x = torch.from_numpy(values)
    config = TensorConfig(dtype, symmetric=symmetric, dynamic=True)
    whole = estimate_activation(tensor_stats(x), config.but(dynamic=False))
    assert torch.equal(dynamic_qparams(x, config).fake_quantize(x), whole.fake_quantize(x))
    each = [estimate_activation(tensor_stats(row), config.but(dynamic=False)).fake_quantize(row) for row in x]
    by_token = dynamic_qparams(x[None], config.but(granularity="per_token")).fake_quantize(x[None])
    assert torch.equal(by_token, torch.stack(each)[None])


@pytest.mark.parametrize(("dtype", "bits"), [("uint8", 8), ("int8", 8), ("uint8", 7), ("int16", 16)])
def test_rounding_per_tensor_is_that_of_torch_bit_for_bit(dtype, bits):
    torch.manual_seed(bits)
    x = torch.cat([torch.randn(20000) * 3, torch.arange(-300, 300) * 0.5, torch.tensor([0.0, -0.0, 1e9, -1e9])])
    for low, high in ((-1.3, 2.7), (0.0, 6.0), (-127.5, 127.5), (-1e-4, 1e-4)):
        params = from_range(low, high, TensorConfig(dtype, bits=bits))
        expected = torch.fake_quantize_per_tensor_affine(
            x, float(params.scale), int(params.zero_point), params.qmin, params.qmax
        )
        assert torch.equal(params.fake_quantize(x), expected)


def divergence(counts, centers, limit, low, high, config):
    """KL of the histogram against its quantized self, bin by bin, as Migacz describes it."""
    inside = np.abs(centers) <= limit
    kept = counts[inside]
    reference = kept.copy()
    reference[0] += counts[centers < -limit].sum()
    reference[-1] += counts[centers > limit].sum()
    start, end = (-limit, limit) if config.symmetric else (max(-limit, low), min(limit, high))
    step = (end - start) / (config.grid[1] - config.grid[0])
    index = np.round((centers[inside] - start) / step).astype(int)
    quantized = np.zeros_like(kept)
    for one in set(index):
        there = (index == one) & (kept > 0)
        quantized[there] = kept[index == one].sum() / max(1, there.sum())
    p, q = reference / reference.sum(), np.maximum(quantized / quantized.sum(), 1e-12)
    return np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0]))


@pytest.mark.parametrize("config", [TensorConfig(bits=5), TensorConfig("int8", symmetric=True), TensorConfig(bits=8)])
def test_divergences_of_many_thresholds_at_once_are_those_of_each_alone(config):
    rng = np.random.default_rng(0)
    centers = (np.arange(-60, 200) + 0.5) / 32
    counts = np.round(rng.exponential(200, 260) * np.exp(-np.abs(centers) / 2)) * (rng.random(260) > 0.2)
    limits = np.linspace(0.4, 1, 13) * centers.max()
    found = _divergences(counts, centers, limits, centers.min(), centers.max(), config)
    expected = [divergence(counts, centers, limit, centers.min(), centers.max(), config) for limit in limits]
    assert found == pytest.approx(np.array(expected), rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("bits", [8, 7])
@pytest.mark.parametrize("kind", ["normal", "relu", "laplace", "uniform", "growing", "shifting"])
def test_the_mse_range_rounds_no_worse_than_torchs_histogram_observer(kind, bits):
    """Both look for the least squared error; the scales are within a quarter of each other, ours never the worse."""
    from torch.ao.quantization.observer import HistogramObserver

    torch.manual_seed(1)
    draw = {
        "normal": lambda: torch.randn(20000),
        "relu": lambda: torch.randn(20000).relu(),
        "laplace": lambda: torch.distributions.Laplace(0.0, 1.0).sample((20000,)),
        "uniform": lambda: torch.rand(20000) * 3 - 1,
    }.get(kind, lambda: torch.randn(20000))
    x = torch.stack([draw() for _ in range(4)])
    if kind == "growing":
        x = x * torch.tensor([[1.0], [2.0], [5.0], [20.0]])
    elif kind == "shifting":
        x = x + torch.tensor([[0.0], [3.0], [-4.0], [1.0]])
    observer = HistogramObserver(reduce_range=bits == 7)
    for batch in x:
        observer(batch)
    scale, zero = observer.calculate_qparams()
    theirs = torch.fake_quantize_per_tensor_affine(x, float(scale), int(zero), 0, 2**bits - 1)
    params = estimate_activation(tensor_stats(x), TensorConfig(estimator="mse", bits=bits))
    ours = torch.fake_quantize_per_tensor_affine(x, float(params.scale), int(params.zero_point), 0, 2**bits - 1)
    assert float(((ours - x) ** 2).mean()) <= 1.01 * float(((theirs - x) ** 2).mean())
    assert 0.75 < float(params.scale) / float(scale) < 1.25
