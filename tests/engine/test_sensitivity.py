"""The estimates from a few backward passes agree with quantizing one layer at a time."""

from __future__ import annotations

import dataclasses
import importlib.util
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.errors import kl_divergence
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.sensitivity import estimate, largest
from qinspect.engine.sensitivity.estimate import Draws, effort, score
from qinspect.engine.sensitivity.scores import Scores, holds
from qinspect.engine.sensitivity.sweep import sweep
from qinspect.engine.simulate import Simulation


def only(q: Quantization, layer_id: str) -> Simulation:
    """A simulation in which one layer rounds, as if it stood alone."""
    simulation = Simulation(q, channels_last=True)
    run = simulation.run_layer
    simulation.run_layer = lambda layer, values: (
        run(layer, values) if layer.id == layer_id else simulation.compute_float(layer, values)
    )
    simulation.compute_float = Executor(q.graph, channels_last=True).compute
    return simulation


def weights_only(q: Quantization) -> Quantization:
    """The same with float activations."""
    return dataclasses.replace(q, quantized=frozenset(), weight_only=frozenset(q.weights), values={})


@pytest.fixture(scope="module")
def digits(digits_model):
    code = digits_model.folder / "digits_net.py"
    spec = importlib.util.spec_from_file_location("digits_net_for_scores", code)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    net = module.model().eval()
    net.load_state_dict(load_file(digits_model.weights), strict=False)
    x = torch.from_numpy(np.load(digits_model.data)["x"])
    return net, x


@pytest.fixture(scope="module")
def scored(digits, trace_once):
    net, x = digits
    plan = QuantPlan().with_default(TensorConfig("int8", bits=5, symmetric=True), TensorConfig("uint8", bits=5))
    graph = fuse(trace_once(net, x[:2]), plan).graph
    q = quantize(graph, plan, calibrate(graph, [(x[:64],)], share=1.0).tensors)
    batches = [(part,) for part in x[64:192].split(32)]
    scores = score({"plan": q}, batches, draws=Draws(8, 16))["plan"]
    float_model = Executor(graph, channels_last=True)
    mse, kl = {}, {}
    with torch.no_grad():
        reference = [float_model(batch) for batch in batches]
        power = sum(float((r**2).sum()) for r in reference)
        for key in scores.mse:
            results = [only(q, key)(batch) for batch in batches]
            pairs = list(zip(reference, results, strict=True))
            mse[key] = sum(float(((a - b) ** 2).sum()) for a, b in pairs) / power
            kl[key] = float(torch.cat([kl_divergence(a, b) for a, b in pairs]).mean())
        whole = [Simulation(q, channels_last=True)(batch) for batch in batches]
        total = float(torch.cat([kl_divergence(a, b) for a, b in zip(reference, whole, strict=True)]).mean())
    return scores, mse, kl, total


def test_every_quantized_layer_that_rounds_has_a_score(scored):
    scores, *_ = scored
    assert scores.samples == 128
    assert len(scores.mse) == 5
    assert all(value > 0 for value in scores.mse.values())


@pytest.mark.parametrize("which", ["mse", "kl"])
def test_the_estimates_rank_the_layers_as_quantizing_one_at_a_time_does(scored, which):
    scores, mse, kl, _ = scored
    found, exact = (scores.mse, mse) if which == "mse" else (scores.kl, kl)
    assert spearmanr([found[k] for k in exact], list(exact.values())).statistic > 0.89


def test_the_estimated_mse_of_each_layer_is_near_the_exact_one(scored):
    scores, mse, _, _ = scored
    for key, exact in mse.items():
        assert scores.mse[key] == pytest.approx(exact, rel=0.5), key


def test_the_sum_of_the_estimates_is_near_the_kl_of_the_whole_plan(scored):
    scores, _, kl, total = scored
    assert 0.5 < sum(scores.kl.values()) / sum(kl.values()) < 2
    assert 0.4 < sum(scores.kl.values()) / total < 2.5


def test_half_of_the_fisher_sum_is_the_kl_of_a_linear_softmax_model(canonical, quantized):
    """For logits z with noise d, KL = d' (diag p - p p') d / 2 up to third order."""
    torch.manual_seed(0)
    net = nn.Linear(6, 4)
    x = torch.randn(512, 6)
    plan = QuantPlan().with_default(TensorConfig("int8", symmetric=True), TensorConfig("uint8", bits=6))
    q = quantized(canonical(net, x[:2]), plan, [(x,)])
    (key,) = q.quantized
    with torch.no_grad():
        z = net(x)
        d = Simulation(q)([x]) - z
        expected = fisher_kl(z, d)
        assert expected == pytest.approx(float(kl_divergence(z, z + d).mean()), rel=0.05)
    found = score({"plan": q}, [(x,)], draws=Draws(60, 120))["plan"]
    assert found.kl[key] == pytest.approx(expected, rel=0.08)
    assert found.mse[key] == pytest.approx(float((d**2).sum() / (z**2).sum()), rel=0.08)


@pytest.fixture
def coarse(canonical, quantized):
    """``coarse(outputs)``: the only layer of a linear model, its weight in five bits; id, quantization, samples, logits
    and what rounding does to them."""

    def make(outputs):
        torch.manual_seed(0)
        net = nn.Linear(6, outputs)
        x = torch.randn(8, 6)
        plan = QuantPlan().with_default(TensorConfig("int8", bits=5), TensorConfig())
        q = weights_only(quantized(canonical(net, x[:2]), plan, [(x,)]))
        (key,) = q.weight_only
        with torch.no_grad():
            z = net(x)
            return key, q, x, z, Simulation(q)([x]) - z

    return make


def fisher_kl(z, d):
    """Second order of the KL divergence between the softmax of logits and of changed ones, mean over samples."""
    p = torch.softmax(z, 1)
    return float((((p * d * d).sum(1) - (p * d).sum(1) ** 2) / 2).mean())


@pytest.mark.parametrize(("classes", "draws"), [(2, 1), (4, 2), (3, 2)])
def test_with_as_many_vectors_as_classes_nothing_of_the_kl_is_left_to_chance(coarse, classes, draws):
    key, q, x, z, d = coarse(classes)
    for seed in range(4):
        found = score({"plan": q}, [(x,)], draws=Draws(draws, 2 * draws), seed=seed, to_run=0)["plan"]
        assert found.kl[key] == pytest.approx(fisher_kl(z, d), rel=1e-4)


def test_with_as_many_vectors_as_outputs_nothing_of_the_squared_error_is_left_to_chance(coarse):
    key, q, x, z, d = coarse(4)
    for seed in range(4):
        found = score({"plan": q}, [(x,)], draws=Draws(4, 8), seed=seed)["plan"]
        assert found.mse[key] == pytest.approx(float((d**2).sum() / (z**2).sum()), rel=1e-4)


def test_of_many_classes_each_vector_alone_is_as_if_no_other_were(coarse):
    """Over many seeds two vectors and fifty classes give the mean that the Fisher matrix has."""
    key, q, x, z, d = coarse(50)
    found = [score({"plan": q}, [(x,)], seed=seed, to_run=0)["plan"].kl[key] for seed in range(400)]
    assert np.mean(found) == pytest.approx(fisher_kl(z, d), abs=4 * np.std(found) / len(found) ** 0.5)
    assert np.std(found) > 0


@pytest.mark.parametrize(
    ("side", "available", "expected"),
    [
        (8, 1000, (256, Draws(4, 8))),
        (8, 100, (100, Draws(4, 8))),
        (8, 40, (40, Draws(4, 8))),
        (512, 1000, (64, Draws(2, 2))),
        (512, 40, (40, Draws(2, 2))),
    ],
)
def test_small_nets_are_scored_on_more_samples_and_vectors(canonical, side, available, expected):
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 64, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert effort(canonical(net, torch.randn(2, 3, side, side)), available) == expected


def test_the_squared_error_of_a_net_that_computes_little_for_each_value_has_one_vector_more(canonical):
    """Its gradients cost less than its forward pass does."""
    dense = nn.Sequential(nn.Conv2d(3, 256, 3), nn.Conv2d(256, 256, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    apart = nn.Sequential(nn.Conv2d(3, 256, 3), nn.Conv2d(256, 256, 3, groups=256), nn.Conv2d(256, 256, 1))
    for net, expected in ((dense, Draws(1, 2)), (apart, Draws(2, 2))):
        graph = canonical(net, torch.randn(2, 3, 96, 96))
        assert effort(graph, 1000) == (64, expected)
        assert effort(graph, 1000, plans=8) == (64, Draws(1, 2))  # each vector is one more for all of their roundings


def test_a_fixed_batch_is_scored_in_whole_batches(canonical):
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))
    free = canonical(net, torch.randn(2, 3, 8, 8))
    fixed = dataclasses.replace(
        free, inputs=tuple(dataclasses.replace(spec, shape=(96, *spec.shape[1:])) for spec in free.inputs)
    )
    assert effort(fixed, 960) == (288, Draws(4, 8))
    assert effort(fixed, 192) == (192, Draws(4, 8))


def test_several_plans_are_scored_at_once_as_each_alone(canonical):
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))
    x = torch.randn(32, 6)
    graph = fuse(canonical(net, x[:2]), QuantPlan()).graph
    stats = calibrate(graph, [(x,)]).tensors
    plans = {bits: QuantPlan().with_default(activation=TensorConfig(bits=bits)) for bits in (4, 8)}
    variants = {str(bits): quantize(graph, plan, stats) for bits, plan in plans.items()}
    both = score(variants, [(x,)], to_run=0)
    for name, q in variants.items():
        alone = score({name: q}, [(x,)], to_run=0)[name]
        assert alone.mse == pytest.approx(both[name].mse)
        assert alone.kl == pytest.approx(both[name].kl)
    assert sum(both["4"].mse.values()) > 10 * sum(both["8"].mse.values())


def test_the_same_seed_gives_the_same_scores_and_only_the_layers_asked_for(canonical, quantized):
    net = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 4))
    x = torch.randn(16, 6)
    q = quantized(canonical(net, x[:2]), QuantPlan(), [(x,)])
    one, two = (score({"p": q}, [(x,)], only=frozenset({"0:linear"}), to_run=0)["p"] for _ in range(2))
    assert one == two
    assert set(one.mse) == {"0:linear"}
    other = score({"p": q}, [(x,)], seed=1, to_run=0)["p"]
    assert other.mse["0:linear"] != one.mse["0:linear"]


def test_outputs_that_are_no_logits_have_an_mse_and_no_kl(canonical, quantized):
    x = torch.randn(4, 3, 6, 6)
    q = quantized(canonical(nn.Conv2d(3, 2, 1), x), QuantPlan(), [(x,)])
    found = score({"p": q}, [(x,)])["p"]
    assert found.kl == {}
    assert found.mse[":conv2d"] > 0


def test_values_with_the_samples_on_another_axis_or_with_one_axis_are_scored_alike(canonical, quantized):
    class Net(nn.Module):
        def __init__(self, swapped):
            super().__init__()
            self.fc, self.head, self.swapped = nn.Linear(6, 6), nn.Linear(6, 3), swapped

        def forward(self, x):
            x = self.fc(x.transpose(0, 1)).transpose(0, 1) if self.swapped else self.fc(x)
            return self.head(x.mean(1))

    torch.manual_seed(0)
    plain = Net(False)
    other = Net(True)
    other.load_state_dict(plain.state_dict())
    x = torch.randn(64, 5, 6)
    plan = QuantPlan().with_default(activation=TensorConfig(bits=4))
    found = []
    for net in (plain, other):
        q = quantized(canonical(net, x[:3]), plan, [(x,)])
        found.append(score({"p": q}, [(part,) for part in x.split(4)], draws=Draws(40, 80))["p"].mse["fc:linear"])
    assert found[0] == pytest.approx(found[1], rel=0.25)

    class Flat(nn.Module):
        def forward(self, x):
            return x.mean((1, 2))

    fx = QuantPlan.preset(Target.parse("fx-onednn"))
    fx = fx.with_layer(":mean", None, fx.default.activation)  # by itself a first plan rounds nothing that float reads
    q = quantized(canonical(Flat(), x[:3]), fx, [(x,)])
    assert score({"p": q}, [(x,)])["p"].mse[":mean"] > 0


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU])
def test_a_dynamic_recurrent_layer_is_scored_with_its_weights_and_its_state(canonical, quantized, kind, batch_first):
    """It reads the model's input and hands on several tensors."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.rnn, self.fc = kind(6, 16, 2, batch_first=batch_first), nn.Linear(16, 3)

        def forward(self, x):
            made, last = self.rnn(x if batch_first else x.transpose(0, 1))
            return self.fc(made.mean(1 if batch_first else 0) + (last[0] if kind is nn.LSTM else last)[0])

    x = torch.randn(64, 9, 6)
    plan = QuantPlan.preset(Target.parse("fx-onednn"))
    config = TensorConfig("int8", symmetric=True), TensorConfig("uint8", dynamic=True)
    name = "rnn:" + kind.__name__.lower()
    plan = plan.with_default(None, None).with_layer(name, *config)
    q = quantized(canonical(Net(), x[:2]), plan, [(x,)])
    parts = [(part,) for part in x.split(16)]  # its ranges are those of a batch
    found = score({"p": q}, parts, draws=Draws(16, 16), to_run=0)["p"]
    with torch.no_grad():
        pairs = [(Executor(q.graph)(part), Simulation(q)(part)) for part in parts]
    measured = sum(float(((a - b) ** 2).sum()) for a, b in pairs) / sum(float((a**2).sum()) for a, _ in pairs)
    assert found.mse[name] == pytest.approx(measured, rel=0.01)  # all behind it is linear
    assert 0 < found.weight_mse[name] < found.mse[name]


def test_scoring_leaves_no_gradient_behind(canonical, quantized):
    net = nn.Linear(6, 4)
    x = torch.randn(8, 6)
    graph = canonical(net, x[:2])
    q = quantized(graph, QuantPlan(), [(x,)])
    score({"p": q}, [(x,)])
    assert net.weight.grad is None
    assert not any(tensor.requires_grad for tensor in q.graph.params.values())
    assert dataclasses.is_dataclass(q)


@pytest.mark.parametrize("clipped", [True, False])
def test_the_gradient_of_an_image_is_computed_where_something_rests_on_it_alone(
    canonical, quantized, monkeypatch, clipped
):
    """Through a clip the input's rounding is followed as it is; through a convolution alone along the gradient."""
    image, grad, wanted = torch.randn(4, 3, 8, 8), torch.autograd.grad, []

    def noted(heads, tensors, *args, **kwargs):
        wanted.extend(tuple(tensor.shape) for tensor in tensors)
        return grad(heads, tensors, *args, **kwargs)

    monkeypatch.setattr(torch.autograd, "grad", noted)
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU() if clipped else nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 6))
    q = quantized(canonical(net, image), QuantPlan.preset(Target()), [(image,)])
    found = score({"p": q}, [(image,)])["p"]
    assert (image.shape in wanted) != clipped
    assert len(wanted) > 0
    assert found.mse["0:conv2d"] > 0


def test_the_weight_s_part_is_what_is_left_when_only_the_weight_is_rounded(canonical, quantized):
    x = torch.randn(32, 6)
    graph = canonical(nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3)), x)
    weight = TensorConfig("int8", bits=4, symmetric=True)
    q = quantized(graph, QuantPlan().with_default(weight, TensorConfig(bits=6)), [(x,)])
    both, alone = (score({"p": which}, [(x,)], to_run=0)["p"] for which in (q, weights_only(q)))
    for key, part in both.weight_mse.items():
        assert part > 0
        assert part == pytest.approx(alone.weight_mse[key], rel=1e-3)
        assert part == pytest.approx(alone.mse[key], rel=1e-3)


@pytest.fixture(scope="module")
def heavy(trace_once):
    """A net, its quantization and samples, of which a few make up most of the error: they are cut off far."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(24, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
    x = torch.randn(96, 24)
    graph = fuse(trace_once(net, x[:2]), QuantPlan()).graph
    q = quantize(graph, QuantPlan().with_default(activation=TensorConfig(bits=5)), calibrate(graph, [(x,)]).tensors)
    x[::24] *= 3
    return q, x


def alone(q, x):
    """Of every layer the mean effect on the outputs, run."""
    return sweep(q, [(x,)]).isolated


def test_of_few_samples_that_carry_the_error_the_effects_are_run_and_the_sum_scatters_less(heavy):
    q, x = heavy
    exact = alone(q, x)
    for which in ("kl", "mse"):
        whole = sum(getattr(e, which) for e in exact.values())
        with_runs, without = (
            [sum(getattr(score({"p": q}, [(x,)], seed=s, to_run=n)["p"], which).values()) / whole for s in range(12)]
            for n in (16, 0)
        )
        assert np.std(with_runs) < 0.6 * np.std(without)
        assert np.mean(with_runs) == pytest.approx(1, abs=0.1)
        assert abs(np.mean(with_runs) - 1) < abs(np.mean(without) - 1)


def test_half_as_many_effects_are_run_as_there_are_samples_and_plans_share_them(heavy, monkeypatch):
    q, x = heavy
    sought = []
    monkeypatch.setattr(
        estimate, "largest", lambda estimates, count: sought.append(count) or largest.largest(estimates, count)
    )
    for samples, plans, counts in ((96, 1, 16), (20, 1, 10), (96, 4, 4), (20, 4, 3)):
        sought.clear()
        score({str(i): q for i in range(plans)}, [(x[:samples],)])
        assert sought == [counts] * 2 * plans


def test_the_weight_s_part_of_what_was_run_is_the_estimated_share(heavy):
    q, x = heavy
    estimated, ran = (score({"p": q}, [(x,)], to_run=n)["p"] for n in (0, 48))
    for which in ("kl", "mse"):
        before, after = (
            {id: part / getattr(s, which)[id] for id, part in getattr(s, f"weight_{which}").items()}
            for s in (estimated, ran)
        )
        assert after == pytest.approx(before)
        assert getattr(ran, which) != pytest.approx(getattr(estimated, which), rel=1e-3)


def test_of_the_weights_only_those_that_are_run_are_rounded_for_it(heavy):
    q, _ = heavy
    first = min(q.weights)
    assert len(q.weights) == 3
    assert set(largest._of_layers(q, {first}).weights) == {first}


def test_what_is_run_is_the_noise_that_was_estimated_and_the_mean_stays(canonical, quantized):
    """Noise that happens to be large is picked; run with other noise it would be small, and the mean too low."""
    torch.manual_seed(0)
    net = nn.Linear(6, 4)
    x = torch.randn(512, 6)
    plan = QuantPlan().with_default(TensorConfig("int8", symmetric=True), TensorConfig("uint8", bits=6))
    q = quantized(canonical(net, x[:2]), plan, [(x,)])
    estimated, ran = (score({"p": q}, [(x,)], draws=Draws(60, 120), to_run=n)["p"] for n in (0, 128))
    for which in ("kl", "mse"):
        assert getattr(ran, which) == pytest.approx(getattr(estimated, which), rel=0.03)
    assert ran.kl != estimated.kl


def test_without_logits_half_of_the_vectors_picks_what_the_other_half_has_run(canonical, quantized):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 1))
    x = torch.randn(64, 6)
    x[::16] *= 4
    q = quantized(canonical(net, x[:2]), QuantPlan().with_default(activation=TensorConfig(bits=5)), [(x[:16],)])
    whole = sum(e.mse for e in alone(q, x).values())
    found = [score({"p": q}, [(x,)], seed=seed)["p"] for seed in range(6)]
    assert [sum(f.mse.values()) / whole for f in found] == pytest.approx([1] * 6, rel=0.2)
    assert not found[0].kl


def test_the_standard_error_shrinks_with_the_number_of_samples(canonical, quantized):
    x = torch.randn(1024, 6)
    q = quantized(canonical(nn.Sequential(nn.Linear(6, 5), nn.Linear(5, 3)), x[:2]), QuantPlan(), [(x,)])
    few, many = (score({"p": q}, [(x[:n],)], to_run=0)["p"] for n in (16, 1024))
    assert few.kl_error > 2 * many.kl_error > 0
    assert few.mse_error > 2 * many.mse_error > 0


def scores_of(kl, error):
    return Scores({"a": kl}, {"a": kl}, 32, kl_error=error, mse_error=error)


@pytest.mark.parametrize(
    ("estimated", "error", "measured", "expected", "says"),
    [
        (0.10, 0.0, 0.11, True, None),
        (0.10, 0.0, 0.13, False, "add to one another"),
        (0.10, 0.02, 0.13, False, "0.1 ± 0.04 nats of KL on 32 samples (0.13 measured on them)"),
        (0.13, 0.0, 0.10, False, "cancel out"),
        (0.31, 0.1, 0.31, False, "too large"),
        (0.10, 0.0, None, True, None),
        (0.10, 0.0, math.nan, False, "not numbers"),
        (5e-6, 0.0, 9e-5, True, None),  # errors that decide nothing
    ],
)
def test_an_estimate_holds_below_its_limit_and_within_a_fifth(estimated, error, measured, expected, says):
    found, reason = holds(scores_of(estimated, error), measured)
    assert found is expected
    assert (says or "") in (reason or "")
    assert (reason is None) == expected


def test_without_logits_the_squared_error_decides_and_without_anything_nothing():
    assert holds(Scores({"a": 0.05}, {}, 32), None, 0.2) == (
        False,
        "on 32 samples 0.2 of the output's power measured, 0.05 estimated: the layers' errors add to one another",
    )
    assert holds(Scores({}, {}, 0), None, None) == (None, None)


def test_portions_of_other_power_and_of_several_outputs_count_by_their_samples(canonical, quantized, monkeypatch):
    """Each is divided by its own power at first; the whole is a share of the power of all samples."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(6, 40), nn.Linear(6, 30)

        def forward(self, x):
            return self.a(x)[:, None], self.b(x)[:, None]

    x = torch.cat([torch.randn(64, 6), 5 * torch.randn(64, 6)])
    q = quantized(canonical(Net(), x[:2]), QuantPlan(), [(x,)])
    whole = score({"p": q}, [(x,)], draws=Draws(8, 16))["p"]
    parted = score({"p": q}, [(part,) for part in x.split(32)], draws=Draws(8, 16))["p"]
    for layer_id, mse in whole.mse.items():
        assert parted.mse[layer_id] == pytest.approx(mse, rel=0.2)
    assert whole.samples == parted.samples == 128


def test_every_portion_has_random_vectors_of_its_own(canonical, quantized):
    net = nn.Sequential(nn.Linear(6, 8), nn.Linear(8, 4))
    x = torch.randn(16, 6)
    q = quantized(canonical(net, x[:2]), QuantPlan(), [(x,)])
    once, twice = (score({"p": q}, [(x,)] * times)["p"] for times in (1, 2))
    assert twice.mse["0:linear"] != pytest.approx(once.mse["0:linear"], rel=1e-3)
