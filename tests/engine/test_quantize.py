"""Which layers run in integers, and which values share a scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.decide import decide
from qinspect.engine.fuse import fuse
from qinspect.engine.job import first_plan
from qinspect.engine.plan import Override, QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import TARGETS, Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import quantize

ORT = QuantPlan.preset(Target())
FX = QuantPlan.preset(Target.parse("fx-onednn"))
IMAGE = torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
BATCHES = [(IMAGE,)]


class Net(nn.Module):
    def __init__(self, forward, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self.run = forward

    def forward(self, x):
        return self.run(self, x)


@pytest.fixture
def of(canonical, quantized):
    def make(net, plan=ORT, x=IMAGE):
        return quantized(canonical(net, x), plan, [(x,)])

    return make


def same(one, two):
    return np.array_equal(one.scale, two.scale) and np.array_equal(one.zero_point, two.zero_point)


def conv():
    return nn.Conv2d(3, 3, 1)


def test_passing_layers_have_the_parameters_of_their_input(of):
    net = Net(lambda m, x: F.max_pool2d(m.conv(x), 2).flatten(1), conv=conv())
    q = of(net)
    assert {":max_pool2d"} < q.quantized
    assert q.passing == q.quantized - {"conv:conv2d"}
    values = [value for value in q.values if value != "x"]
    assert len(values) >= 3
    assert all(same(q.values[value], q.values["conv:conv2d"]) for value in values)


@pytest.mark.parametrize("pool", [nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1)])
def test_average_pooling_shares_its_inputs_parameters_and_rounds(of, pool):
    q = of(nn.Sequential(conv(), pool))
    assert same(q.values["0:conv2d"], next(v for k, v in q.values.items() if k.startswith("1:")))
    assert not any(item.startswith("1:") for item in q.passing)
    assert any(item.startswith("1:") for item in q.quantized)


def test_cat_has_one_scale_that_holds_all_its_inputs(of):
    net = Net(lambda m, x: torch.cat([m.one(x), m.two(x) * 1.0 if False else m.two(x)], 1), one=conv(), two=conv())
    net.two.weight.data *= 10
    plan = ORT.with_default(activation=TensorConfig("uint8"))
    q = of(net, plan)
    one, two, both = (q.values[name] for name in ("one:conv2d", "two:conv2d", ":cat"))
    assert same(one, both)
    assert same(two, both)
    with torch.no_grad():
        values = torch.cat([net.one(IMAGE), net.two(IMAGE)], 1)
    assert float(both.scale) == pytest.approx(float(values.max() - values.min()) / 255, rel=1e-4)


def test_add_has_its_own_parameters(of):
    q = of(Net(lambda m, x: m.one(x) + m.two(x), one=conv(), two=conv()))
    assert not same(q.values[":add"], q.values["one:conv2d"])


def test_a_group_follows_the_configuration_of_its_first_layer(of):
    net = nn.Sequential(conv(), nn.AvgPool2d(2))
    fixed = TensorConfig("uint8", estimator="fixed", range=(-2.0, 2.0))
    q = of(net, ORT.with_layer("0:conv2d", activation=fixed))
    assert float(q.values["1:avg_pool2d"].scale) == np.float32(4 / 255)


@pytest.mark.parametrize("usual", ["mse", "minmax", "fixed"])
def test_a_range_that_is_fixed_for_a_layer_is_that_of_what_it_hands_on_and_not_of_what_it_reads(of, usual):
    net = Net(lambda m, x: m.two(m.one(x)), one=conv(), two=conv())
    config = TensorConfig("uint8", estimator=usual, range=(-9.0, 9.0) if usual == "fixed" else None)
    plan = ORT.with_default(activation=config)
    free = of(net, ORT.with_default(activation=TensorConfig("uint8", estimator="mse" if usual == "mse" else "minmax")))
    fixed = of(net, plan.with_layer("one:conv2d", plan.default.weight, config.but(estimator="fixed", range=(0.0, 0.5))))
    assert float(fixed.values["one:conv2d"].high) == pytest.approx(0.5)
    assert same(fixed.values["x"], free.values["x"])
    assert float(fixed.values["x"].low) < -1


@pytest.mark.parametrize("usual", ["mse", "minmax"])
def test_what_a_float_layer_has_made_is_estimated_as_the_default_says_and_a_model_input_as_its_reader_does(of, usual):
    net = Net(lambda m, x: m.two(m.one(x)), one=conv(), two=conv())
    plan = ORT.with_default(activation=TensorConfig("uint8", estimator=usual))
    percentile = TensorConfig("uint8", estimator="percentile", percentile=90.0)
    as_before = of(net, plan.with_layer("one:conv2d", None, None))
    q = of(net, plan.with_layer("one:conv2d", None, None).with_layer("two:conv2d", activation=percentile))
    assert same(q.values["one:conv2d"], as_before.values["one:conv2d"])
    assert not same(q.values["two:conv2d"], as_before.values["two:conv2d"])
    first = of(net, plan.with_layer("one:conv2d", activation=percentile))
    assert float(first.values["x"].high) < float(of(net, plan).values["x"].high)


@pytest.mark.parametrize("tail", [nn.Identity(), nn.Flatten(), nn.AdaptiveAvgPool2d(1)])
def test_sigmoid_has_fixed_output_parameters_whatever_only_passes_it_on(of, tail):
    q = of(nn.Sequential(conv(), nn.Sigmoid(), tail))
    assert float(q.values["1:sigmoid"].scale) == 1 / 256
    assert int(q.values["1:sigmoid"].zero_point) == 0


def test_tanh_has_fixed_output_parameters_on_fx(of):
    q = of(nn.Sequential(conv(), nn.Tanh()), FX)
    assert (float(q.values["1:tanh"].scale), int(q.values["1:tanh"].zero_point)) == (2 / 256, 128)


def test_a_fused_relu_gives_the_range_after_it(of):
    q = of(nn.Sequential(conv(), nn.ReLU()))
    assert set(q.values) == {"input", "1:relu"}
    assert int(q.values["1:relu"].zero_point) == 0


def test_a_layer_that_the_target_cannot_run_stays_float_with_its_reason(of):
    q = of(nn.Sequential(conv(), nn.SiLU(), conv()))
    assert "1:silu" not in q.asked | q.quantized
    assert "silu" in q.why_not["1:silu"]
    assert not q.at_origin("1:silu")
    assert "1:silu" in q.values, "the second convolution reads it in integers"


@pytest.mark.parametrize(
    "override",
    [
        Override("id", "1:silu", activation=TensorConfig("uint8")),
        Override("op", "silu", activation=TensorConfig("uint8")),
        Override("path", "1", activation=TensorConfig("uint8")),
    ],
)
def test_what_an_override_names_is_asked_though_the_target_cannot_run_it(of, override):
    q = of(nn.Sequential(conv(), nn.SiLU(), conv()), ORT.with_override(override))
    assert "1:silu" in q.asked - q.quantized
    assert "silu" in q.why_not["1:silu"]


def test_a_default_that_no_kernel_takes_is_asked_all_the_same(of):
    plan = QuantPlan.preset(Target.parse("fx-onednn")).with_default(activation=TensorConfig("int8"))
    q = of(nn.Sequential(conv(), nn.SiLU()), plan)
    assert q.asked == {"0:conv2d"}, "another qconfig would run the convolution, and none the SiLU"
    assert "uint8" in q.why_not["0:conv2d"]
    assert "silu" in q.why_not["1:silu"]


@pytest.mark.parametrize("name", TARGETS)
def test_a_first_plan_asks_for_nothing_that_its_target_cannot_run(canonical, name):
    class Up(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.up, self.fc = conv(), nn.ConvTranspose2d(3, 3, 2, groups=3), nn.Linear(9, 4)
            self.lstm, self.norm = nn.LSTM(4, 4), nn.LayerNorm(4)

        def forward(self, x):
            x = torch.nn.functional.silu(self.up(self.conv(x)))
            x = self.norm(self.fc(x)).flatten(1, 2)
            return torch.softmax(self.lstm(x)[0], -1)

    graph = canonical(Up(), torch.randn(2, 3, 8, 8))
    plan = first_plan(graph, Target.parse(name))
    found = decide(fuse(graph, plan).graph, plan)
    assert found.asked <= found.integer
    assert "conv:conv2d" in found.asked


def test_a_layer_set_to_float_is_not_asked_and_needs_no_parameters(of):
    q = of(nn.Sequential(conv(), conv()), ORT.with_layer("1:conv2d", weight=None, activation=None))
    assert q.asked == q.quantized == {"0:conv2d"}
    assert set(q.values) == {"input", "0:conv2d"}
    assert set(q.weights) == {"0:conv2d"}


def test_a_pooling_of_float_values_stays_float(of):
    q = of(nn.Sequential(nn.MaxPool2d(2), conv()))
    assert q.why_not["0:max_pool2d"] == "its input is float"
    assert "0:max_pool2d" in q.values, "the convolution rounds what it reads"


def test_operators_without_a_scheme_are_not_asked_by_a_default(of):
    net = Net(lambda m, x: torch.erfinv(m.bn(x) * 0.1), bn=nn.BatchNorm2d(3))
    q = of(net)
    assert not {"bn:batch_norm", ":erfinv"} & q.asked


def test_a_layer_may_read_one_of_several_results_of_a_float_layer(of):
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.fc = nn.LSTM(4, 3, batch_first=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(self.lstm(x)[0])

    q = of(Recurrent(), x=torch.randn(2, 5, 4))
    assert q.quantized == {"fc:linear"}


@pytest.mark.parametrize("target", ["ort", "fx-onednn", "fx-qnnpack"])
def test_weights_have_one_scale_per_output_channel_or_one_in_all(of, target):
    plan = QuantPlan.preset(Target.parse(target))
    q = of(nn.Sequential(nn.Conv2d(3, 5, 3), nn.Flatten(), nn.Linear(180, 7)), plan)
    per_channel = plan.default.weight.granularity == "per_channel"
    assert q.weights["0:conv2d"].scale.shape == ((5,) if per_channel else ())
    assert q.weights["2:linear"].scale.shape == ((7,) if per_channel else ())


def test_a_dead_channels_step_is_widened_until_its_bias_fits_32_bits(of):
    net = nn.Sequential(conv())
    net[0].weight.data[1] = 1e-12
    net[0].bias.data[1] = 5.0
    q = of(net)
    step = q.weights["0:conv2d"].scale * q.values["input"].scale
    assert (np.abs(net[0].bias.detach().numpy()) / step < 2**30 * 1.01).all()


def test_missing_statistics_are_named(canonical):
    graph = fuse(canonical(nn.Sequential(conv()), IMAGE), ORT).graph
    with pytest.raises(Problem, match="was not seen in calibration"):
        quantize(graph, ORT, {})


def test_bits_reach_the_parameters(of):
    q = of(nn.Sequential(conv(), nn.ReLU()), QuantPlan.preset(Target.parse("fx-fbgemm")))
    params = q.values["1:relu"]
    assert (params.bits, params.qmax) == (7, 255)


def test_a_weights_grid_is_computed_once_for_a_qconfig_and_graph(canonical, monkeypatch):
    from qinspect.engine import quantize as module

    asked = []
    real = module.estimate_weight
    monkeypatch.setattr(module, "estimate_weight", lambda *given: asked.append(given[1]) or real(*given))
    graph = fuse(canonical(Net(lambda self, x: self.conv(x), conv=nn.Conv2d(3, 4, 1)), IMAGE), ORT).graph
    stats = calibrate(graph, BATCHES).tensors
    finer = ORT.with_default(ORT.default.weight.but(estimator="percentile", percentile=90.0), ORT.default.activation)
    found = [quantize(graph, plan, stats).weights["conv:conv2d"].scale.tolist() for plan in (ORT, finer, ORT, finer)]
    assert [config.estimator for config in asked] == ["minmax", "percentile"]
    assert found[:2] == found[2:]
    assert found[0] != found[1]


@pytest.mark.parametrize("plan", [ORT, FX])
def test_a_detectors_scores_are_not_put_on_the_grid_of_its_boxes(of, plan):
    """Boxes are decoded in float, and what is handed on is both beside each other: no integer kernel gains anything."""

    def decoded(net, x):
        found = net.head(x)
        return torch.cat([(found[:, :2] * 2 - 0.5) ** 2 * 64, torch.sigmoid(found[:, 2:])], 1)

    q = of(Net(decoded, head=nn.Conv2d(3, 6, 1)), plan)
    assert not {":cat", ":sigmoid", ":pow"} & q.quantized
    assert "head:conv2d" in q.quantized
    named = of(Net(decoded, head=nn.Conv2d(3, 6, 1)), plan.with_override(Override("op", "cat", None, TensorConfig())))
    assert ":cat" in named.quantized


@pytest.mark.parametrize("plan", [ORT, FX])
def test_what_is_handed_on_together_is_rounded_where_all_of_it_comes_from_integers(of, plan):
    net = Net(lambda net, x: torch.cat([net.one(x), net.two(x)], 1), one=nn.Conv2d(3, 2, 1), two=nn.Conv2d(3, 4, 1))
    assert of(net, plan).quantized >= {"one:conv2d", "two:conv2d", ":cat"}
