"""Remedies do what they promise: equalized nets compute the same, rounding by data is never worse, means come back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import QuantPlan, Remedy
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import quantize
from qinspect.engine.remedies import equalize, pairs, remedied
from qinspect.engine.simulate import Simulation

ORT = QuantPlan.preset(Target())
PER_TENSOR = ORT.with_default(weight=TensorConfig("int8", symmetric=True), activation=TensorConfig("uint8"))


def net(groups=1, act=None):
    return nn.Sequential(
        nn.Conv2d(4, 8, 3, padding=1, groups=groups), act or nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 6, 3, groups=2)
    )


@pytest.fixture
def prepare(canonical):
    def run(module, x, plan=PER_TENSOR, chosen=None):
        graph = fuse(canonical(module, x[:2]), plan).graph
        if chosen is not None:
            graph = equalize(graph, chosen(graph))
        found = calibrate(graph, [(x,)], share=1.0).tensors
        return quantize(graph, plan, {graph.statistics.get(name, name): stats for name, stats in found.items()})

    return run


# -- equalization ----------------------------------------------------------------------------------


def test_neighbours_are_pairs_only_where_scaling_commutes(canonical):
    x = torch.randn(2, 4, 12, 12)

    def found(module, *inputs):
        return pairs(fuse(canonical(module, *(inputs or (x,))), ORT).graph)

    assert found(net()) == (("0:conv2d", "3:conv2d"),)
    assert found(net(act=nn.PReLU(8))) == (("0:conv2d", "3:conv2d"),)
    assert found(net(act=nn.ReLU6())) == ()
    assert found(net(act=nn.SiLU())) == ()
    assert found(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3)), torch.randn(2, 4)) == (
        ("0:linear", "2:linear"),
    )

    class Branching(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            y = self.a(x)
            return self.b(y) + y

    assert found(Branching()) == ()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), groups=st.sampled_from([1, 2, 4]), spread=st.floats(0, 3))
def test_an_equalized_net_computes_the_same(seed, groups, spread):
    from tests.engine.conftest import to_graph

    generator = torch.Generator().manual_seed(seed)
    module = net(groups).double()
    with torch.no_grad():
        module[0].weight *= torch.exp(spread * torch.randn(8, 1, 1, 1, generator=generator))
        module[0].weight[1] = 0
    x = torch.randn(2, 4, 12, 12, generator=generator, dtype=torch.float64)
    graph = fuse(to_graph(module, x), ORT).graph
    twin = equalize(graph, pairs(graph))
    torch.testing.assert_close(Executor(twin)((x,)), Executor(graph)((x,)), rtol=1e-9, atol=1e-9)


def test_channels_are_of_one_size_afterwards_and_their_statistics_have_other_names(canonical):
    module = net()
    with torch.no_grad():
        module[0].weight *= torch.logspace(-2, 2, 8).reshape(-1, 1, 1, 1)
    graph = fuse(canonical(module, torch.randn(2, 4, 12, 12)), ORT).graph
    twin = equalize(graph, pairs(graph))
    one = twin.weight(twin.by_id["0:conv2d"]).abs().flatten(1).amax(1)
    two = twin.weight(twin.by_id["3:conv2d"]).reshape(2, 3, 4, -1).abs().amax((1, 3)).flatten()
    torch.testing.assert_close(one, two, rtol=0.01, atol=0)
    assert set(twin.statistics) == {"1:relu", "2:max_pool2d"}
    assert equalize(graph, ()) is graph


def test_equalization_lowers_the_error_of_per_tensor_weights(prepare):
    module, x = net(), torch.randn(16, 4, 12, 12)
    with torch.no_grad():
        module[0].weight *= torch.logspace(-1.5, 1.5, 8).reshape(-1, 1, 1, 1)
        module[3].weight /= (
            torch.logspace(-1.5, 1.5, 8).reshape(2, 1, 4, 1, 1).expand(2, 3, 4, 1, 1).reshape(6, 4, 1, 1)
        )

    def noise(q):
        return float(((Simulation(q)((x,)) - module(x)) ** 2).mean().detach())

    assert noise(prepare(module, x, chosen=pairs)) < 0.1 * noise(prepare(module, x))


# -- rounding by data ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: nn.Conv2d(4, 8, 3, padding=1), (16, 4, 8, 8)),
        (lambda: nn.Conv2d(8, 8, 3, stride=2, groups=8), (16, 8, 9, 9)),
        (lambda: nn.Conv1d(4, 6, 5, dilation=2), (16, 4, 40)),
        (lambda: nn.Conv2d(4, 6, (4, 3), padding="same"), (16, 4, 8, 8)),
        (lambda: nn.Conv1d(4, 6, 4, padding="same", dilation=3), (16, 4, 40)),
        (lambda: nn.Linear(24, 8), (256, 24)),
    ],
    ids=["conv2d", "depthwise", "conv1d", "padded unevenly", "padded unevenly, 1d", "linear"],
)
def test_rounding_by_data_is_better_than_nearest_and_stays_on_the_grid(prepare, layer, shape):
    module = nn.Sequential(layer())
    mixing = torch.randn(shape[1], shape[1])
    x = (torch.randn(shape).movedim(1, -1) @ mixing).movedim(-1, 1) + 2  # inputs that have to do with each other
    weight = TensorConfig("int8", 4, symmetric=True, granularity="per_channel")
    (key,) = prepare(module, x).weights
    plan = PER_TENSOR.with_default(weight=weight, activation=TensorConfig("uint8", bits=8))
    q = prepare(module, x, plan.with_remedy(Remedy("adaround", (key,))))
    better = remedied(q, [(x,)])
    source = q.values["input"].fake_quantize(x)

    def error(quantization):
        own = quantization.graph.by_id[key]
        simulation = Simulation(quantization)
        return float(((simulation.compute(own, {"input": source}) - module(source)) ** 2).mean().detach())

    assert error(better) < 0.9 * error(q)  # a depthwise row has nine weights: little to choose from
    new, old = better.graph.weight(better.graph.by_id[key]), q.graph.weight(q.graph.by_id[key])
    torch.testing.assert_close(q.weights[key].fake_quantize(new), new)
    step = torch.from_numpy(q.weights[key].scale).reshape(-1, *[1] * (old.dim() - 1))
    assert bool(((new - old).abs() <= step * 1.0001).all())
    torch.testing.assert_close(better.float_graph.weight(better.float_graph.by_id[key]), old)


def test_rounding_spends_no_weights_on_a_mean_that_bias_correction_takes_back(prepare):
    module = nn.Sequential(nn.Linear(24, 16))
    x = torch.randn(512, 24) @ torch.randn(24, 24) + 8  # means that outweigh what differs from sample to sample
    weight = TensorConfig("int8", 4, symmetric=True, granularity="per_channel")
    plan = PER_TENSOR.with_default(weight=weight, activation=TensorConfig("uint8", bits=8))
    remedies = [Remedy(kind, ("0:linear",)) for kind in ("adaround", "bias_correction")]
    alone, both = (prepare(module, x, plan.with_remedies(some, True)) for some in (remedies[1:], remedies))

    def error(quantization):
        made = remedied(quantization, [(part,) for part in x.split(128)])
        source = made.values["input"].fake_quantize(x)
        got = Simulation(made).compute(made.graph.by_id["0:linear"], {"input": source})
        return float(((got - module(x)) ** 2).mean().detach())

    assert error(both) < 0.7 * error(alone)


def test_rounding_does_not_fit_the_few_samples_that_it_saw_and_no_others(prepare):
    module = nn.Sequential(nn.Linear(96, 32))
    # Inputs that have nothing to do with each other: nearest rounding is the best, whatever 64 samples look like.
    seen, unseen = (torch.randn(count, 96) for count in (64, 2048))
    weight = TensorConfig("int8", 4, symmetric=True, granularity="per_channel")
    plan = PER_TENSOR.with_default(weight=weight, activation=TensorConfig("uint8", bits=8))
    remedies = [Remedy(kind, ("0:linear",)) for kind in ("adaround", "bias_correction")]
    alone, both = (prepare(module, seen, plan.with_remedies(some, True)) for some in (remedies[1:], remedies))

    def error(quantization):
        made = remedied(quantization, [(seen,)])
        simulation = Simulation(made)
        got = simulation.compute(made.graph.by_id["0:linear"], {"input": unseen})
        return float(((got - module(unseen)) ** 2).mean().detach())

    assert error(both) < 1.1 * error(alone)


# -- bias correction -----------------------------------------------------------------------------------


@pytest.mark.parametrize("bias", [True, False])
def test_the_mean_of_every_channel_comes_back(prepare, bias):
    module = nn.Sequential(nn.Conv2d(4, 8, 3, padding=1, bias=bias), nn.ReLU(), nn.Conv2d(8, 4, 1, bias=bias))
    x = torch.rand(32, 4, 8, 8) + 0.5
    weight = TensorConfig("int8", 3, symmetric=True)
    plan = PER_TENSOR.with_default(weight=weight, activation=TensorConfig("uint8")).with_remedy(
        Remedy("bias_correction", ("0:conv2d", "2:conv2d"))
    )
    q = prepare(module, x, plan)
    better = remedied(q, [(part,) for part in x.split(8)])
    for quantization, close in ((q, False), (better, True)):
        layer = quantization.graph.by_id["0:conv2d"]
        bare = dataclasses.replace(layer, fused=())
        got = Simulation(quantization).compute(bare, {"input": q.values["input"].fake_quantize(x)})
        shift = (got - module[0](x)).mean((0, 2, 3)).abs().max()
        assert (shift < 1e-3) == close
    torch.testing.assert_close(Executor(better.float_graph)((x,)), module(x), rtol=1e-5, atol=1e-5)


# -- plans ---------------------------------------------------------------------------------------------


def test_a_plan_with_remedies_survives_being_written_and_one_without_reads_as_before():
    plan = ORT.with_remedy(Remedy("equalize", ("a", "b"))).with_remedy(Remedy("adaround", ("c",)))
    assert plan_from_json(plan.to_json()) == plan
    assert plan.fingerprint != ORT.fingerprint
    assert "remedies" not in ORT.to_json()
    assert plan.with_remedy(Remedy("adaround", ("c",)), on=False).remedied("adaround") == ()


@pytest.mark.parametrize(
    "item",
    [
        {"kind": "magic", "layers": ["a"]},
        {"kind": "equalize", "layers": ["a"]},
        {"kind": "adaround", "layers": []},
        {"kind": "adaround", "layers": "a"},
        {"kind": "adaround", "layers": ["a"], "x": 1},
    ],
)
def test_a_remedy_that_is_not_known_is_refused(item):
    with pytest.raises(Problem, match="plan"):
        plan_from_json({**ORT.to_json(), "remedies": [item]})


def test_a_remedy_for_a_layer_without_a_quantized_weight_is_refused(prepare):
    q = prepare(net(), torch.randn(4, 4, 12, 12), ORT.with_remedy(Remedy("adaround", ("nowhere:conv2d",))))
    with pytest.raises(Problem, match="nowhere:conv2d"):
        remedied(q, [(torch.randn(4, 4, 12, 12),)])


def test_remedies_reach_the_file_that_is_exported(prepare):
    onnx = pytest.importorskip("onnx")
    from qinspect.engine.backends.onnx.qdq import quantized_model
    from qinspect.engine.job import float_onnx

    x = torch.rand(16, 4, 12, 12)
    plan = ORT.with_remedy(Remedy("adaround", ("0:conv2d",))).with_remedy(Remedy("bias_correction", ("0:conv2d",)))
    module = nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), nn.ReLU())
    q = remedied(prepare(module, x, plan), [(x,)])
    model = onnx.load_from_string(quantized_model(float_onnx(q), q))
    stored = [onnx.numpy_helper.to_array(t) for t in model.graph.initializer]
    whole = q.weights["0:conv2d"].quantize(q.graph.weight(q.graph.by_id["0:conv2d"])).numpy()
    assert any(a.shape == whole.shape and np.array_equal(a.astype(int), whole.astype(int)) for a in stored)
    assert any(a.dtype == np.int32 and a.shape == (8,) and a.any() for a in stored)
