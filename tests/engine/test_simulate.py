"""The simulation computes what integer kernels are specified to compute."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.simulate import Simulation, quantized_params

ORT = QuantPlan.preset(Target())
IMAGE = torch.randn(6, 3, 8, 8, generator=torch.Generator().manual_seed(4))


class Net(nn.Module):
    """Convolution, ReLU, addition, pooling, linear."""

    def __init__(self):
        super().__init__()
        self.one = nn.Conv2d(3, 4, 3, padding=1)
        self.two = nn.Conv2d(4, 4, 1, bias=False)
        self.pool = nn.AvgPool2d(2)
        self.fc = nn.Linear(64, 5)

    def forward(self, x):
        x = torch.relu(self.one(x))
        x = torch.relu(self.two(x) + x)
        return self.fc(self.pool(x).flatten(1))


def per_tensor(x, params):
    """quantize and dequantize as torch's own reference operators do."""
    import torch.ao.quantization.fx._decomposed

    ops = torch.ops.quantized_decomposed
    scale, zero = float(params.scale), int(params.zero_point)
    dtype = torch.uint8 if params.dtype == "uint8" else torch.int8
    whole = ops.quantize_per_tensor(x.contiguous(), scale, zero, params.qmin, params.qmax, dtype)
    return ops.dequantize_per_tensor(whole, scale, zero, params.qmin, params.qmax, dtype)


def per_channel(weight, params):
    """Weights on their grid, by numpy in float64."""
    scale = params.scale.astype(np.float64).reshape(-1, *[1] * (weight.dim() - 1))
    whole = np.clip(np.round(weight.detach().double().numpy() / scale), params.qmin, params.qmax)
    return torch.from_numpy((whole * scale).astype(np.float32))


def bias_on_grid(bias, weight, source):
    step = weight.scale.astype(np.float64) * float(source.scale)
    return torch.from_numpy((np.round(bias.detach().double().numpy() / step) * step).astype(np.float32))


@pytest.fixture(scope="module")
def traced(trace_once):
    torch.manual_seed(0)
    net = Net().eval()
    return net, trace_once(net, IMAGE)


@pytest.fixture
def case(traced, quantized):
    net, graph = traced
    return net, quantized(graph, ORT, [(IMAGE,)])


def reference(net, q):
    """The same model written out by hand."""
    v, w = q.values, q.weights
    x = per_tensor(IMAGE, v["x"])
    one = F.conv2d(
        x, per_channel(net.one.weight, w["one:conv2d"]), bias_on_grid(net.one.bias, w["one:conv2d"], v["x"]), padding=1
    )
    one = per_tensor(torch.relu(one), v[":relu"])
    two = per_tensor(F.conv2d(one, per_channel(net.two.weight, w["two:conv2d"])), v["two:conv2d"])
    added = per_tensor(torch.relu(two + one), v[":relu#2"])
    pooled = per_tensor(F.avg_pool2d(added, 2), v["pool:avg_pool2d"])
    fc = w["fc:linear"]
    logits = F.linear(
        pooled.flatten(1), per_channel(net.fc.weight, fc), bias_on_grid(net.fc.bias, fc, v["pool:avg_pool2d"])
    )
    return per_tensor(logits, v["fc:linear"])


@torch.no_grad()
def test_a_network_is_simulated_as_its_hand_written_reference_computes_it(case):
    net, q = case
    found, expected = Simulation(q)([IMAGE]), reference(net, q)
    steps = ((found - expected) / float(q.values["fc:linear"].scale)).round()
    # Sums of float32 products depend on their order: now and then a tie falls to the other side.
    assert float((steps == 0).float().mean()) >= 0.95
    assert float(steps.abs().max()) <= 1


@torch.no_grad()
def test_every_quantized_value_lies_on_its_grid(case):
    _, q = case
    seen = {}
    Simulation(q)([IMAGE], lambda layer, value: seen.setdefault(layer.value, value))
    for layer in q.graph.layers:
        if layer.id in q.quantized:
            params, value = q.values[layer.value], seen[layer.value]
            whole = value.double() / float(params.scale) + int(params.zero_point)
            assert torch.allclose(whole, whole.round(), atol=1e-3), layer.id
            assert params.qmin <= whole.min() + 1e-3
            assert whole.max() <= params.qmax + 1e-3


@torch.no_grad()
def test_weights_and_biases_are_on_the_grids_of_the_kernel(case):
    net, q = case
    found = quantized_params(q)
    assert set(found) == {
        "one:conv2d/weight",
        "one:conv2d/bias",
        "two:conv2d/weight",
        "fc:linear/weight",
        "fc:linear/bias",
    }
    assert torch.equal(found["one:conv2d/weight"], per_channel(net.one.weight, q.weights["one:conv2d"]))
    expected = bias_on_grid(net.one.bias, q.weights["one:conv2d"], q.values["x"])
    assert torch.equal(found["one:conv2d/bias"], expected)
    assert not torch.equal(expected, net.one.bias)


@torch.no_grad()
def test_the_layout_in_memory_changes_nothing_but_rounding(case):
    _, q = case
    one, two = Simulation(q)([IMAGE]), Simulation(q, channels_last=True)([IMAGE])
    assert float(((one - two).abs() / float(q.values["fc:linear"].scale)).max()) <= 1.01


@torch.no_grad()
def test_the_graphs_own_weights_are_untouched_after_a_run(case):
    net, q = case
    simulation = Simulation(q)
    simulation([IMAGE])
    assert torch.equal(simulation.params["one.weight"], net.one.weight)


@torch.no_grad()
def test_a_plan_of_float_simulates_the_float_model_bitwise(canonical, quantized):
    net = Net().eval()
    q = quantized(canonical(net, IMAGE), ORT.with_default(None, None), [(IMAGE,)])
    assert not q.quantized
    assert torch.equal(Simulation(q)([IMAGE]), net(IMAGE))


@torch.no_grad()
def test_a_float_layers_value_is_rounded_only_where_a_quantized_layer_reads_it(canonical, quantized):
    class Fork(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            middle = F.silu(self.one(x))
            return self.two(middle), middle.exp()

    net = Fork().eval()
    q = quantized(canonical(net, IMAGE), ORT, [(IMAGE,)])
    seen = {}
    result, other = Simulation(q)([IMAGE], lambda layer, value: seen.setdefault(layer.value, value))
    middle = seen[":silu"]
    assert torch.equal(middle, F.silu(seen["one:conv2d"])), "silu itself is not rounded"
    assert torch.equal(other, middle.exp())
    params = q.weights["two:conv2d"]
    source = q.values[":silu"]
    expected = F.conv2d(
        per_tensor(middle, source), per_channel(net.two.weight, params), bias_on_grid(net.two.bias, params, source)
    )
    steps = (result - per_tensor(expected, q.values["two:conv2d"])) / float(q.values["two:conv2d"].scale)
    assert float(steps.abs().max()) <= 1.01
    assert float((steps.abs() < 0.5).float().mean()) > 0.99


@torch.no_grad()
def test_a_shared_weight_is_quantized_with_each_calls_own_scales(canonical, quantized):
    conv = nn.Conv2d(3, 3, 1)
    net = nn.Sequential(conv, nn.ReLU(), conv).eval()
    q = quantized(canonical(net, IMAGE), ORT, [(IMAGE,)])
    found = quantized_params(q)
    one, two = ([found[key] for key in found if key.endswith(role)] for role in ("/weight", "/bias"))
    assert torch.equal(*one)
    assert not torch.equal(*two)
    Simulation(q)([IMAGE])


@torch.no_grad()
def test_max_pooling_and_reshaping_round_nothing(canonical, quantized):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.MaxPool2d(2), nn.Flatten()).eval()
    q = quantized(canonical(net, IMAGE), ORT, [(IMAGE,)])
    seen = {}
    result = Simulation(q)([IMAGE], lambda layer, value: seen.setdefault(layer.op, value))
    assert torch.equal(result, F.max_pool2d(seen["conv2d"], 2).flatten(1))


@torch.no_grad()
@pytest.mark.parametrize("bits", [3, 5, 8])
def test_fewer_bits_mean_more_error(traced, quantized, bits):
    net, graph = traced

    def error(width):
        plan = ORT.with_default(activation=TensorConfig("uint8", bits=width))
        return float(((Simulation(quantized(graph, plan, [(IMAGE,)]))([IMAGE]) - net(IMAGE)) ** 2).mean())

    assert error(bits) > 0
    assert error(bits - 1) > 1.5 * error(bits)


@torch.no_grad()
def test_a_padding_merged_into_a_convolution_pads_with_the_number_that_stands_for_zero(canonical, quantized):
    net = nn.Sequential(nn.ZeroPad2d(1), nn.Conv2d(3, 4, 3)).eval()
    x = IMAGE + 3  # zero is far outside of the values
    q = quantized(canonical(net, x), ORT, [(x,)])
    assert q.values["input"].fake_quantize(torch.zeros(1)).item() == 0
    noise = Simulation(q)([x]) - net(x)
    assert float((noise**2).mean() / (net(x) ** 2).mean()) < 1e-3


class Mixer(nn.Module):
    """A convolution, linear layers with and without an activation, and a product of two values."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.one, self.two = nn.Linear(36, 8), nn.Linear(36, 8)

    def forward(self, x):
        x = self.conv(x).flatten(2)
        return torch.relu(self.one(x)) @ self.two(x).transpose(1, 2)


@pytest.fixture
def anything(monkeypatch):
    """A target that can do all that is asked, so that the arithmetic is seen alone."""
    from types import SimpleNamespace

    from qinspect.engine.backends.ort import table as ort_table

    able = SimpleNamespace(why_not=lambda *_: None, grouping=ort_table.grouping)
    monkeypatch.setattr("qinspect.engine.decide.table", lambda target: able)


WEIGHTS = [
    TensorConfig("int8", symmetric=True, granularity="per_channel"),
    TensorConfig("uint4", granularity="per_channel", estimator="mse"),
    TensorConfig("fp16"),
    TensorConfig("fp8_e4m3", granularity="per_channel"),
]


def weights_rounded(graph, config):
    """The module's weights, rounded by what is tested elsewhere."""
    from qinspect.engine.ranges import estimate_weight

    found = {}
    for layer in graph.layers:
        if (weight := graph.weight(layer)) is not None:
            found[layer.id] = estimate_weight(weight, config, 0).fake_quantize(weight.detach())
    return found


@pytest.mark.parametrize("config", WEIGHTS, ids=str)
def test_weight_only_rounds_the_weights_and_nothing_else(anything, canonical, quantized, config):
    net = Mixer().eval()
    q = quantized(canonical(net, IMAGE), ORT.with_default(weight=config, activation=None), [(IMAGE,)])
    assert q.weight_only == q.asked == q.rounding == {"conv:conv2d", "one:linear", "two:linear"}
    assert not q.values
    assert not q.quantized
    rounded = weights_rounded(q.graph, config)
    with torch.no_grad():
        for name in ("conv:conv2d", "one:linear", "two:linear"):
            net.get_submodule(name.partition(":")[0]).weight.copy_(rounded[name])
        assert torch.equal(Simulation(q)((IMAGE,)), net(IMAGE))


@pytest.mark.parametrize("granularity", ["per_tensor", "per_token"])
def test_dynamic_layers_round_what_they_read_with_the_range_of_the_batch(anything, canonical, quantized, granularity):
    net = Mixer().eval()
    plan = ORT.with_default(activation=TensorConfig("uint8", granularity=granularity, dynamic=True))
    plan = plan.with_layer("conv:conv2d", None, None)
    q = quantized(canonical(net, IMAGE), plan, [(IMAGE,)])
    assert q.dynamic == {"one:linear", "two:linear", ":matmul"}
    assert not q.values
    assert not q.quantized

    def now(x):
        low, high = (x.amin(-1, keepdim=True), x.amax(-1, keepdim=True)) if granularity == "per_token" else x.aminmax()
        scale = (high.clamp_min(0) - low.clamp_max(0)) / 255
        zero = (-low.clamp_max(0) / scale).round()
        return ((x * (1 / scale)).round() + zero).clamp(0, 255).sub(zero).mul(scale)

    weights = quantized_params(q)
    assert weights.keys() == {"one:linear/weight", "two:linear/weight"}
    for batch in (IMAGE[:2], IMAGE[2:] * 3):  # the range follows the batch
        with torch.no_grad():
            x = net.conv(batch).flatten(2)
            one = torch.relu(F.linear(now(x), weights["one:linear/weight"], net.one.bias))
            two = F.linear(now(x), weights["two:linear/weight"], net.two.bias).transpose(1, 2)
            torch.testing.assert_close(Simulation(q)((batch,)), now(one) @ now(two), rtol=1e-5, atol=1e-5)


def test_errors_and_estimates_hold_weight_only_and_dynamic_layers(anything, canonical, quantized):
    from qinspect.engine.measure import measure
    from qinspect.engine.sensitivity.estimate import score

    plan = ORT.with_default(activation=TensorConfig("uint8", dynamic=True))
    plan = plan.with_layer("conv:conv2d", activation=None)
    q = quantized(canonical(Mixer().eval(), IMAGE), plan, [(IMAGE,)])
    assert q.weight_only == {"conv:conv2d"}
    found = measure(q, [(IMAGE,)]).layers
    assert all(10 < found[layer].local_sqnr_db < 80 for layer in q.rounding)
    scores = score({"plan": q}, [(IMAGE,)])["plan"]
    assert all(scores.mse[layer] > 0 for layer in q.rounding)
