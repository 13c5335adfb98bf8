"""Errors are what their definitions say, layer by layer and at the output."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.errors import CHUNK, Noise, OutputErrors, Power, kl_divergence, logits, sqnr_db
from qinspect.engine.graph.execute import Executor
from qinspect.engine.measure import measure
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.progress import Cancelled
from qinspect.engine.simulate import Simulation

X = torch.randn(8, 3, 6, 6, generator=torch.Generator().manual_seed(1))
PLAN = QuantPlan().with_default(activation=TensorConfig("uint8", bits=5))


@pytest.fixture(scope="module")
def graph(trace_once):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.SiLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 5))
    return trace_once(net, X)


@pytest.fixture
def q(graph, quantized):
    return quantized(graph, PLAN, [(X,)])


def power_db(f, q):
    return 10 * np.log10(float((f.double() ** 2).sum()) / float(((f - q).double() ** 2).sum()))


@torch.no_grad()
def test_cumulative_errors_are_those_of_the_whole_simulation(q):
    floats, quantized = {}, {}
    Executor(q.graph)([X], lambda layer, value: floats.setdefault(layer.id, value))
    Simulation(q)([X], lambda layer, value: quantized.setdefault(layer.id, value))
    found = measure(q, [(X[:5],), (X[5:],)])
    assert found.samples == 8
    for key in ("0:conv2d", "2:silu", "5:linear"):
        errors = found.layers[key]
        assert errors.cumulative_sqnr_db == pytest.approx(power_db(floats[key], quantized[key]), abs=0.05)
        assert errors.cumulative_mse == pytest.approx(float(((floats[key] - quantized[key]) ** 2).mean()), rel=0.02)
        cosine = torch.cosine_similarity(floats[key].flatten(), quantized[key].flatten(), 0)
        assert errors.cumulative_cosine == pytest.approx(float(cosine), abs=1e-4)


@torch.no_grad()
def test_what_was_measured_of_the_first_samples_is_kept_when_it_is_cancelled(q):
    kept = []

    def impatient(done, total, note=""):
        if done > 6:
            raise Cancelled

    with pytest.raises(Cancelled):
        measure(q, [(X[k : k + 1],) for k in range(8)], impatient, total=8, partly=kept.append)
    (found,) = kept
    assert 0 < found.samples < 8
    alone = measure(q, [(X[k : k + 1],) for k in range(found.samples)])
    assert found.layers == alone.layers
    assert found.outputs.mean_kl == alone.outputs.mean_kl
    kept.clear()
    with pytest.raises(Cancelled):
        measure(q, [(X,)], lambda *said: impatient(7, 8), partly=kept.append)
    assert kept == []


@torch.no_grad()
def test_local_errors_are_those_of_the_layer_alone_on_float_input(q):
    values = {"input": X}
    Executor(q.graph)([X], lambda layer, value: values.setdefault(layer.value, value))
    simulation = Simulation(q)
    found = measure(q, [(X,)])
    for key in ("0:conv2d", "5:linear"):
        layer = q.graph.by_id[key]
        expected = power_db(values[layer.value], simulation.run_layer(layer, values))
        assert found.layers[key].local_sqnr_db == pytest.approx(expected, abs=0.05)
    assert found.layers["5:linear"].local_sqnr_db > found.layers["5:linear"].cumulative_sqnr_db


@torch.no_grad()
def test_the_parts_of_a_layer_are_its_weights_and_its_activation_rounded_alone(q):
    values = {"input": X}
    Executor(q.graph)([X], lambda layer, value: values.setdefault(layer.value, value))
    plain, simulation = Executor(q.graph), Simulation(q)
    found = measure(q, [(X,)]).layers
    for key in ("0:conv2d", "5:linear"):
        layer = q.graph.by_id[key]
        own = values[layer.value]
        by_weight = power_db(own, simulation.compute(layer, values))
        coarse = plain.compute(layer, simulation.as_read(layer, values))
        by_activation = power_db(own, simulation.round(layer, coarse))
        assert found[key].local_weight_sqnr_db == pytest.approx(by_weight, abs=1e-3)
        assert found[key].local_activation_sqnr_db == pytest.approx(by_activation, abs=1e-3)


@pytest.mark.parametrize("shape", [(3, 5, 70, 80), (CHUNK,), (7, 11), (0, 4)])
def test_sums_over_a_tensor_are_those_of_its_values_in_whatever_order_they_lie(shape):
    f = torch.randn(shape)
    q = f + 0.1 * torch.randn(shape)
    a, b = f.double().numpy(), q.double().numpy()
    for laid in (f, f.contiguous(memory_format=torch.channels_last) if f.dim() == 4 else f):
        power = Power()
        power.add(laid, q)
        power.add(q, q)
        assert power.count == 2 * a.size
        assert power.signal == pytest.approx((a**2).sum() + (b**2).sum(), rel=1e-5)
        assert power.noise == pytest.approx(((a - b) ** 2).sum(), rel=1e-5)
        assert power.product == pytest.approx((a * b).sum() + (b**2).sum(), rel=1e-5)
        assert power.max == pytest.approx(np.abs(a - b).max(initial=0), rel=1e-5)


def test_nan_is_the_largest_difference():
    power = Power()
    power.add(torch.ones(2 * CHUNK), torch.cat([torch.full((CHUNK,), float("nan")), torch.ones(CHUNK)]))
    assert np.isnan(power.max)


@pytest.mark.parametrize("kind", [Noise, Power])
def test_what_a_mask_makes_infinite_in_both_is_no_difference(kind):
    # A report of a text classifier's scores, masked with -inf, ended in "cannot convert float NaN to integer".
    f = torch.randn(2 * CHUNK)
    q = f + 0.1
    masked = torch.rand(2 * CHUNK) < 0.3
    found, wanted = kind(), kind()
    found.add(f.masked_fill(masked, -torch.inf), q.masked_fill(masked, -torch.inf))
    wanted.add(f.masked_fill(masked, 0), q.masked_fill(masked, 0))
    assert found == wanted
    assert found.sqnr_db == pytest.approx(20, abs=0.3)
    found.add(torch.full((4,), torch.inf), torch.ones(4))
    assert found.sqnr_db is None


def test_a_layer_that_rounds_nothing_has_no_local_error(q):
    errors = measure(q, [(X,)]).layers["2:silu"]
    assert errors.local_sqnr_db is None
    assert not errors.local_mse


def test_a_float_plan_is_exact_and_says_so(canonical, quantized):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(64, 3))
    q = quantized(canonical(net, X), QuantPlan().with_default(None, None), [(X,)])
    found = measure(q, [(X,)])
    assert found.layers["0:conv2d"].exact
    assert found.layers["0:conv2d"].cumulative_sqnr_db is None
    assert found.outputs.mean_kl == 0
    assert found.outputs.agreement == 1
    assert found.outputs.mse == 0
    assert found.outputs.sqnr_db is None


def test_outputs_alone_are_the_same_as_with_layers(q):
    whole, quick = measure(q, [(X,)]), measure(q, [(X,)], layer_samples=0)
    assert not quick.layers
    assert quick.outputs.mean_kl == pytest.approx(whole.outputs.mean_kl, rel=1e-3)
    assert quick.outputs.mse == pytest.approx(whole.outputs.mse, rel=1e-3)


def test_what_is_collected_are_the_outputs_of_every_batch(q):
    seen = []
    measure(q, [(X[:3],), (X[3:],)], layer_samples=0, collect=lambda f, s: seen.append((f[0].shape, s[0].shape)))
    assert seen == [((3, 5), (3, 5)), ((5, 5), (5, 5))]


def test_kl_is_the_divergence_of_the_two_softmaxes():
    a, b = torch.randn(20, 7), torch.randn(20, 7)
    p, q = torch.softmax(a.double(), 1), torch.softmax(b.double(), 1)
    assert torch.allclose(kl_divergence(a, b), (p * (p / q).log()).sum(1))
    assert kl_divergence(a, a + 5).abs().max() < 1e-9, "a shift of all logits changes nothing"


def test_kl_of_extreme_logits_is_finite():
    a, b = torch.tensor([[1e4, -1e4]]), torch.tensor([[-1e4, 1e4]])
    assert torch.isfinite(kl_divergence(a, b)).all()


def test_several_outputs_are_each_normalized_by_their_own_power():
    found = OutputErrors()
    big, small = torch.full((4, 3), 1000.0), torch.full((4, 3), 0.001)
    found.add([big, small], [big * 1.1, small])
    found.add([big, small], [big, small * 1.2])
    assert found.mse == pytest.approx((0.01 / 2 + 0.04 / 2) / 2, rel=1e-4)


def test_whole_numbers_count_in_the_squared_error_only_where_nothing_else_is():
    scores, classes = torch.randn(4, 10), torch.tensor([3, 900, 5, 7])
    found = OutputErrors()
    found.add([classes, scores], [torch.tensor([900, 3, 5, 7]), scores + 0.1])
    assert found.mse == pytest.approx(0.01 * scores.numel() / float((scores**2).sum()), rel=1e-4)
    found = OutputErrors()
    found.add([classes], [classes])
    assert found.exact


def test_agreement_is_the_share_of_equal_answers():
    found = OutputErrors()
    reference = torch.eye(4)
    found.add([reference], [reference.flip(0)])
    found.add([reference], [reference])
    assert found.agreement == 0.5


@pytest.mark.parametrize("shape", [(4,), (4, 1), (4, 3, 5)])
def test_outputs_that_are_no_logits_have_no_kl_and_no_agreement(shape):
    assert logits([torch.zeros(shape)]) is None
    found = OutputErrors()
    found.add([torch.ones(shape)], [torch.ones(shape) * 1.1])
    assert found.mean_kl is None
    assert found.agreement is None
    assert found.mse == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize(
    ("signal", "noise", "expected"),
    [(100, 1, 20), (1, 100, -20), (1, 0, None), (0, 1, None), (np.inf, 1, None), (1, np.nan, None)],
)
def test_sqnr_is_ten_times_the_logarithm_of_the_ratio_of_powers(signal, noise, expected):
    assert sqnr_db(signal, noise) == expected


@torch.no_grad()
def test_maximum_and_root_mean_square_in_steps_are_those_of_the_difference(q):
    values = {"input": X}
    Executor(q.graph)([X], lambda layer, value: values.setdefault(layer.value, value))
    layer = q.graph.by_id["0:conv2d"]
    difference = Simulation(q).run_layer(layer, values) - values[layer.value]
    errors = measure(q, [(X[:3],), (X[3:],)]).layers["0:conv2d"]
    assert errors.local_max == pytest.approx(float(difference.abs().max()), rel=1e-4)
    step = float(q.values[layer.value].scale)
    assert errors.local_rmse_steps == pytest.approx(float((difference**2).mean()) ** 0.5 / step, rel=1e-4)


def test_rounding_alone_is_a_twelfth_of_a_step_squared(canonical, quantized):
    x = torch.rand(64, 3, 16, 16)
    net = nn.Conv2d(3, 4, 3)
    plan = QuantPlan().with_default(activation=TensorConfig("uint8", bits=6, estimator="minmax"))
    q = quantized(canonical(net, x[:2]), plan, [(x,)])
    q = dataclasses.replace(q, weights={}, values={name: v for name, v in q.values.items() if name != "input"})
    assert measure(q, [(x,)]).layers[":conv2d"].local_rmse_steps == pytest.approx(1 / np.sqrt(12), rel=0.03)


def test_the_parts_of_weight_and_activation_add_up_to_the_local_error(q):
    errors = measure(q, [(X,)]).layers
    conv, pool = errors["0:conv2d"], errors["3:max_pool2d"]
    weight, activation, both = (
        10 ** (-db / 10) for db in (conv.local_weight_sqnr_db, conv.local_activation_sqnr_db, conv.local_sqnr_db)
    )
    assert 0 < weight < activation
    assert weight + activation == pytest.approx(both, rel=0.1)
    assert pool.local_weight_sqnr_db is None
