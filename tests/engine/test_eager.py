"""torch.ao's eager mode: the source's own demo, parity with FX graph mode and the simulation, and its folder."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
import torch.ao.quantization as ao
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.eager import layers as eager_layers
from qinspect.engine.backends.fx.export import export_fx
from qinspect.engine.backends.fx.int8 import engine
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.kernels import compare
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import ACTIVATION, WEIGHT, TensorConfig
from qinspect.engine.plan.target import FX_ENGINES, Target
from qinspect.engine.quantize import Quantization
from qinspect.engine.results.kernels import KernelCheck
from qinspect.engine.simulate import Simulation

Quantize = Callable[..., Quantization]


@pytest.fixture(params=FX_ENGINES)
def each_engine(request: pytest.FixtureRequest) -> str:
    return supported(request.param)


def supported(name: str) -> str:
    if name not in torch.backends.quantized.supported_engines:
        pytest.skip(f"this torch has no engine {name}")
    return name


def plan_for(name: str, backend: str = "eager") -> QuantPlan:
    """7-bit activations, which no kernel saturates with; min-max everywhere."""
    plan = QuantPlan.preset(Target(backend, name))
    assert plan.default.activation is not None
    return plan.with_default(activation=replace(plan.default.activation, bits=7, estimator="minmax"))


def checks(runner: FxRunner, x: torch.Tensor) -> dict[str, KernelCheck]:
    found: dict = {}
    with torch.no_grad():
        compare(Simulation(runner.quantization), runner.integers((x,)), (x,), found)
    return {layer_id: difference.check() for layer_id, difference in found.items()}


class M(nn.Module):
    """The demo of PyTorch's introduction to eager mode quantization."""

    def __init__(self) -> None:
        super().__init__()
        self.quant = ao.QuantStub()
        self.conv = nn.Conv2d(1, 1, 1)
        self.relu = nn.ReLU()
        self.dequant = ao.DeQuantStub()

    def forward(self, x):
        return self.dequant(self.relu(self.conv(self.quant(x))))


@pytest.mark.parametrize("reduce_range", [False, True])
def test_the_demo_m_gives_the_same_int8_output_by_hand_and_through_qinspect(
    each_engine, canonical, quantized, reduce_range
):
    model, x = M().eval(), torch.randn(4, 1, 4, 4)
    by_hand = copy.deepcopy(model)
    by_hand.qconfig = ao.QConfig(
        activation=ao.MinMaxObserver.with_args(reduce_range=reduce_range),
        weight=ao.PerChannelMinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_channel_symmetric),
    )
    with engine(each_engine), torch.no_grad():
        prepared = ao.prepare(ao.fuse_modules(by_hand, [["conv", "relu"]]))
        prepared(x)
        converted = ao.convert(prepared)
        whole = converted.conv(converted.quant(x)).int_repr()
        wanted = converted(x)
    activation = ACTIVATION.but(bits=7 if reduce_range else 8, estimator="minmax")
    q = quantized(canonical(model, x), QuantPlan(Target("eager", each_engine)).with_default(WEIGHT, activation), [(x,)])
    runner = FxRunner(q)
    assert runner.kernels == {"conv:conv2d": "quantized.ConvReLU2d"}
    assert torch.equal(runner.run((x,))[0], wanted)
    assert torch.equal(runner.integers((x,))["relu:relu"], whole.to(torch.int32))


class ResNet(nn.Module):
    """Two residual blocks, one with a projection; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16)
        self.one, self.two = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.three, self.four = nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.Conv2d(32, 32, 3, padding=1)
        self.shortcut = nn.Conv2d(16, 32, 1, stride=2)
        self.fc = nn.Linear(32, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.stem_bn(self.stem(x))), 3, 1, 1)
        x = F.relu(self.two(F.relu(self.one(x))) + x)
        x = F.relu(self.four(F.relu(self.three(x))) + self.shortcut(x))
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class MobileNet(nn.Module):
    """Inverted residuals with a gate; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8)
        self.expand, self.depthwise = nn.Conv2d(8, 32, 1), nn.Conv2d(32, 32, 3, padding=1, groups=32)
        self.depthwise5 = nn.Conv2d(32, 32, 5, stride=2, groups=32)
        self.narrow, self.project = nn.Conv2d(32, 32, 1), nn.Conv2d(32, 8, 1)
        self.squeeze, self.fc = nn.Linear(32, 32), nn.Linear(8, 10)

    def forward(self, x):
        x = F.hardswish(self.stem_bn(self.stem(x)))
        y = F.relu6(self.depthwise(F.relu6(self.expand(x))))
        x = x + self.project(y)
        y = F.relu6(self.expand(x))
        y = F.relu6(self.depthwise5(F.pad(y, (1, 2, 1, 2))))
        y = F.leaky_relu(self.narrow(y), 0.1)
        y = y * torch.sigmoid(self.squeeze(y.mean((2, 3)))).unsqueeze(-1).unsqueeze(-1)
        return self.fc(torch.cat([self.project(y)], 1).mean((2, 3)))


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(16, 3, 16, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module", params=[ResNet, MobileNet], ids=["resnet", "mobilenet"])
def graph(request: pytest.FixtureRequest, trace_once, one_thread, images) -> LayerGraph:
    torch.manual_seed(0)
    net = request.param()
    nn.init.uniform_(net.stem_bn.weight, 0.5, 2)
    nn.init.normal_(net.stem_bn.bias)
    return trace_once(net, images)


def test_every_layer_computes_what_the_simulation_does(each_engine, graph, images, quantized):
    runner = FxRunner(quantized(graph, plan_for(each_engine), [(images,)]))
    q = runner.quantization
    found = checks(runner, images)
    assert set(found) == q.asked & q.quantized
    assert set(q.weights) == {layer.id for layer in graph.layers if layer.op in ("conv2d", "linear")}
    assert {layer_id: check.max_steps for layer_id, check in found.items() if check.max_steps > 1} == {}
    weighted = [check.equal_share for layer_id, check in found.items() if layer_id in q.weights]
    assert min(weighted) >= (0.995 if each_engine == "qnnpack" else 0.999)


def apart(plan: QuantPlan, graph: LayerGraph) -> QuantPlan:
    """The plan without sums in convolutions, which graph mode alone has."""
    for layer in graph.layers:
        plan = plan.with_fusion(layer.id, False) if layer.op == "add" else plan
    return plan


def test_eager_mode_gives_the_integers_of_graph_mode(each_engine, graph, images, quantized):
    eager, fx = (
        FxRunner(quantized(graph, apart(plan_for(each_engine, backend), graph), [(images,)]))
        for backend in ("eager", "fx")
    )
    assert eager.kernels == fx.kernels
    one, two = eager.integers((images,)), fx.integers((images,))
    assert {name: bool(torch.equal(one[name], two[name])) for name in two} == dict.fromkeys(one, True)
    assert torch.equal(eager.run((images,))[0], fx.run((images,))[0])


@pytest.mark.parametrize("backend", ["fx", "eager"])
def test_an_int8_prelu_on_its_own_slope_grid_is_found_where_all_slopes_are_below_one(
    canonical, quantized, images, backend
):
    """Our lowering keeps 1.0 on the grid of the slopes; torch.ao's own does not, and the check must say so."""
    name = supported("onednn")
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.PReLU(8, 0.1), nn.Conv2d(8, 4, 1), nn.PReLU(4, 0.25))
    runner = FxRunner(quantized(canonical(net, images), plan_for(name, backend), [(images,)]))
    assert max(check.max_steps for check in checks(runner, images).values()) <= 1
    with engine(name):
        for attribute, layer_id in (("_1", "1:prelu"), ("_3", "3:prelu")):
            params = runner.quantization.values[layer_id]
            out = float(params.scale), int(params.zero_point)
            plain = eager_layers.observed(net.get_submodule(attribute[1:]), out)
            plain.qconfig = ao.QConfig(plain.qconfig.activation, ao.MinMaxObserver.with_args(dtype=torch.quint8))
            runner.module.add_module(attribute, eager_layers.to_int8(nn.Sequential(plain))[0])
    found = checks(runner, images)
    assert {layer_id for layer_id, check in found.items() if check.max_steps > 1} == {"1:prelu", "3:prelu"}


def test_the_folder_is_rebuilt_by_prepare_and_convert_in_a_new_process(canonical, quantized, images, tmp_path):
    name = supported("onednn")
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.PReLU(8, 0.1), nn.Hardswish(), nn.Conv2d(8, 4, 1), nn.ReLU6())
    q = quantized(canonical(net, images), plan_for(name), [(images,)])
    found = export_fx(q, tmp_path / "net", [(images[:4],)], name="net")
    assert found.problems == ()
    assert (found.to, found.verified) == ("eager", True)
    assert set(found.quantized) == {"0:conv2d", "1:prelu", "2:hardswish", "3:conv2d"}
    text = (tmp_path / "net" / "build.py").read_text()
    assert "to_int8(EagerModel(" in text
    assert "relu=True" in text
    assert json.loads((tmp_path / "net" / "plan.json").read_text())["target"]["backend"] == "eager"


@pytest.mark.parametrize("backend", ["fx", "eager"])
@pytest.mark.parametrize("bits", [7, 8])
def test_a_dynamic_linear_layer_runs_in_torchs_dynamic_kernel(each_engine, canonical, quantized, backend, bits):
    x = torch.randn(6, 24)
    net = nn.Sequential(nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 8))
    plan = QuantPlan(Target(backend, each_engine)).with_default(WEIGHT, TensorConfig("uint8", bits=bits, dynamic=True))
    q = quantized(canonical(net, x), plan, [(x,)])
    if each_engine == "qnnpack" and bits == 7:
        assert q.why_not["0:linear"] == "qnnpack's dynamic kernel takes 8 bits"
        return
    runner = FxRunner(q)
    assert runner.kernels == dict.fromkeys(("0:linear", "2:linear"), "quantized.linear_dynamic")
    with torch.no_grad():
        (ours,) = runner.run((x,))
        (theirs,), (plain,) = (outputs_of(model((x,))) for model in (Simulation(q), Executor(q.graph)))
    # The kernel may round a value at a tie the other way; the rounding itself is far larger.
    assert float((ours - theirs).abs().max()) < 0.3 * float((theirs - plain).abs().max())


def test_a_dynamic_plan_is_refused_by_layer_where_torch_has_no_kernel(canonical, quantized, images):
    net = nn.Sequential(nn.Conv2d(3, 8, 3))
    plan = QuantPlan(Target("fx", "x86")).with_default(WEIGHT, TensorConfig("uint8", dynamic=True))
    q = quantized(canonical(net, images), plan, [(images,)])
    assert q.why_not == {"0:conv2d": "torch has no dynamic kernel for conv2d"}


def test_a_folder_with_a_dynamic_layer_is_rebuilt(canonical, quantized, tmp_path):
    x = torch.randn(6, 24)
    net = nn.Sequential(nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, 8))
    plan = QuantPlan(Target("fx", supported("onednn"))).with_default(WEIGHT, TensorConfig("uint8", dynamic=True))
    found = export_fx(quantized(canonical(net, x), plan, [(x,)]), tmp_path / "net", [(x,)])
    assert found.problems == ()
    assert found.quantized == ("0:linear", "2:linear")


class Scores(nn.Module):
    """A sigmoid, whose kernel has a fixed grid, beside values of a wider range."""

    def __init__(self):
        super().__init__()
        self.scores, self.boxes = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 4, 1)
        self.last = nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.last(torch.cat([torch.sigmoid(self.scores(x)), 20 * self.boxes(x).relu()], 1))


def test_a_sigmoid_hands_on_the_grid_that_it_shares_and_not_its_own_fixed_one(each_engine, canonical, quantized):
    torch.manual_seed(0)
    net, x = Scores().eval(), torch.randn(4, 3, 8, 8)
    q = quantized(canonical(net, x[:2]), plan_for(each_engine), [(x,)])
    assert {":sigmoid", ":cat"} <= q.quantized
    found = checks(FxRunner(q), x)
    assert {":sigmoid", ":cat"} <= found.keys()
    assert all(found[id].max_steps <= 1 and found[id].equal_share > 0.99 for id in (":sigmoid", ":cat"))
