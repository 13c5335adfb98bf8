"""Plans lowered to torch's integer kernels: what runs in integers, and that it computes what the simulation does."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.device.operators import faster_layout
from qinspect.engine.backends.fx.int8 import engine, int8_module
from qinspect.engine.backends.fx.lower import float_module
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.kernels import DRAWN, FARTHEST, compare
from qinspect.engine.load import quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import ACTIVATION, WEIGHT
from qinspect.engine.plan.target import FX_ENGINES, Target
from qinspect.engine.progress import silent
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.results.kernels import KernelCheck
from qinspect.engine.simulate import Simulation

SUPPORTED = torch.backends.quantized.supported_engines


def supported(name: str) -> str:
    """The engine, or a skip with the reason."""
    if name not in SUPPORTED:
        pytest.skip(f"this torch has no engine {name} (it has {', '.join(SUPPORTED)})")
    return name


@pytest.fixture(params=FX_ENGINES)
def each_engine(request: pytest.FixtureRequest) -> str:
    return supported(request.param)


@pytest.fixture(autouse=True)
def seeded(one_thread: None) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


class TinyNet(nn.Module):
    """One of everything that convolutional nets are made of; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, groups=8, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(8)
        self.relu6 = nn.ReLU6()
        self.project = nn.Conv2d(8, 8, 1)
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 12, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.average = nn.AvgPool2d(2, ceil_mode=True, count_include_pad=False)
        self.fc = nn.Linear(16, 6)
        self.gate = nn.Linear(16, 16)

    def forward(self, x):
        x = self.relu(self.stem_bn(self.stem(x)))
        y = self.relu6(self.depthwise_bn(self.depthwise(F.pad(x, (0, 1, 0, 1)))))
        x = self.relu(self.project(y) + y)
        x = self.pool(torch.cat([self.left(x), self.relu(self.right(x))], 1))
        x = F.hardswish(self.average(x)).mean((2, 3))
        x = x * torch.sigmoid(self.gate(x))
        first, second = self.fc(x).chunk(2, 1)
        return F.leaky_relu(first, 0.1) + torch.tanh(second), F.relu(x.view(x.size(0), -1) - 0.1)


def graph_of(module: nn.Module, x: torch.Tensor) -> LayerGraph:
    with quiet(), torch.no_grad():
        program = torch.export.export(module.eval(), (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        return normalize(program.run_decompositions({}))


def quantization_of(module: nn.Module | LayerGraph, x: torch.Tensor, plan: QuantPlan) -> Quantization:
    graph = module if isinstance(module, LayerGraph) else graph_of(module, x)
    fused = fuse(graph, plan).graph
    with torch.no_grad():
        return quantize(fused, plan, calibrate(fused, [(x,)]).tensors)


def plan_for(name: str, bits: int | None = None, estimator: str = "minmax") -> QuantPlan:
    plan = QuantPlan.preset(Target("fx", name))
    activation = plan.default.activation
    assert activation is not None
    return plan.with_default(activation=replace(activation, bits=bits or activation.bits, estimator=estimator))


def engines() -> list[str]:
    """Those that this torch has; for tests that trace a net once for all of them."""
    found = [name for name in FX_ENGINES if name in SUPPORTED]
    if not found:
        pytest.skip("this torch has no engine for integer kernels")
    return found


def trained(module: nn.Module, x: torch.Tensor) -> nn.Module:
    """With BatchNorm statistics and factors that are not the identity."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.normal_(part.bias)
    with torch.no_grad():
        module.train()(x)
    return module.eval()


def checks(runner: FxRunner, x: torch.Tensor) -> dict[str, KernelCheck]:
    found: dict = {}
    with torch.no_grad():
        compare(Simulation(runner.quantization), runner.integers((x,)), (x,), found)
    return {layer_id: difference.check() for layer_id, difference in found.items()}


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(8, 3, 16, 16)


def test_the_float_module_gives_the_bits_of_the_executor_and_names_its_layers(images):
    graph = fuse(graph_of(trained(TinyNet(), images), images), plan_for("x86")).graph
    module = float_module(graph)
    with torch.no_grad():
        ours, theirs = outputs_of(module(images)), outputs_of(Executor(graph)((images,)))
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))
    assert isinstance(module.stem, nn.Conv2d)
    assert isinstance(module.relu6, nn.ReLU6)
    assert isinstance(module.average, nn.AvgPool2d)
    ids = {node.meta["qinspect"] for node in module.graph.nodes if node.op != "output"}
    assert ids - {""} == {layer.id for layer in graph.layers}
    values = {node.meta["value"] for node in module.graph.nodes if "value" in node.meta}
    assert values >= {layer.value for layer in graph.layers}


def test_every_layer_runs_as_asked_and_within_a_step_of_the_simulation(each_engine, images):
    q = quantization_of(trained(TinyNet(), images), images, plan_for(each_engine, bits=7))
    runner = FxRunner(q)
    assert set(q.why_not) == {":sub", ":relu"}  # the one has no kernel, so the other has no integers
    integers = runner.integers((images,))
    own = [layer for layer in q.graph.layers if layer.id in q.quantized and not layer.transparent]
    assert set(integers) >= {layer.value for layer in own}
    found = checks(runner, images)
    assert set(found) == q.asked & q.quantized
    assert set(runner.kernels) >= set(found)
    assert {layer_id: check for layer_id, check in found.items() if check.max_steps > 1} == {}
    weighted = [check for layer_id, check in found.items() if layer_id in q.weights]
    assert min(check.equal_share for check in weighted) > (0.995 if each_engine == "qnnpack" else 0.999)
    for ours, theirs in zip(runner.run((images,)), outputs_of(Simulation(q)((images,))), strict=True):
        assert float((ours - theirs).abs().max()) < 0.05 * float(theirs.abs().max())


def test_some_values_are_kept_beside_the_simulation_and_those_farthest_from_it(each_engine, images):
    q = quantization_of(trained(TinyNet(), images), images, plan_for(each_engine, bits=7))
    runner = FxRunner(q)
    integers = dict(runner.integers((images,)))
    layer = next(layer for layer in q.graph.layers if layer.id in q.quantized and layer.id in q.weights)
    spoilt = integers[layer.value].clone()
    spoilt.view(-1)[1234] += 9
    found: dict = {}
    with torch.no_grad():
        for kernel in (integers[layer.value], spoilt):
            compare(Simulation(q), {**integers, layer.value: kernel}, (images,), found)
    check = found[layer.id].check()
    assert DRAWN // 4 < len(check.pairs) <= DRAWN + FARTHEST
    assert max(abs(two - one) for one, two in check.pairs) == check.max_steps == 9
    assert {two for _, two in check.pairs} <= set(spoilt.flatten().tolist())
    assert {two - one for one, two in check.pairs} <= set(check.histogram)
    assert sum(one == two for one, two in check.pairs) > len(check.pairs) / 2


def test_a_layer_that_the_plan_leaves_float_stays_float(each_engine, images):
    plan = plan_for(each_engine, bits=7).with_layer("project:conv2d", weight=None, activation=None)
    runner = FxRunner(quantization_of(trained(TinyNet(), images), images, plan))
    assert "project:conv2d" not in runner.kernels
    assert type(runner.module.project) is nn.Conv2d
    kinds = {node.name: node.meta["kind"] for node in runner.module.graph.nodes if node.op != "output"}
    assert kinds["project"] == "float"
    assert kinds["project_q"] == "quantize"  # for the addition behind it


def test_a_fusion_that_is_off_is_off_in_the_kernels(each_engine, images):
    plan = plan_for(each_engine, bits=7).with_fusion("relu:relu", False).with_fusion("depthwise_bn:batch_norm", False)
    runner = FxRunner(quantization_of(trained(TinyNet(), images), images, plan))
    assert runner.kernels["stem:conv2d"] == "quantized.Conv2d"
    assert runner.kernels["relu:relu"] == "quantized relu"
    assert isinstance(runner.module.depthwise_bn, nn.BatchNorm2d)
    assert "depthwise_bn:batch_norm" not in runner.kernels
    assert max(check.max_steps for check in checks(runner, images).values()) <= 1


class Clipped(nn.Module):
    def __init__(self, clip: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.conv, self.clip = nn.Conv2d(3, 8, 3), clip

    def forward(self, x):
        return self.clip(self.conv(4 * x))


@pytest.mark.parametrize(
    ("clip", "bits", "kernel"),
    [
        (F.relu, 8, "quantized.ConvReLU2d"),
        (F.relu6, 8, "quantized.ConvReLU2d"),
        (F.relu6, 7, "quantized.ConvReLU2d + clamp"),
        (lambda x: torch.clamp(x, -1, 2), 8, "quantized.Conv2d"),
        (lambda x: torch.clamp(x, -1, 2), 7, "quantized.Conv2d + clamp"),
        (lambda x: F.hardtanh(x, 0.5, 2), 8, "quantized.Conv2d + clamp"),
    ],
)
def test_a_clip_is_dropped_only_where_the_grid_clips_the_same(images, clip, bits, kernel):
    graph = graph_of(Clipped(clip), images)
    for name in engines():
        runner = FxRunner(quantization_of(graph, images, plan_for(name, bits=bits)))
        assert runner.kernels["conv:conv2d"] == kernel
        # Twice the calibrated range: a clip that was dropped too much would show.
        check = checks(runner, 2 * images)["conv:conv2d"]
        assert (name, check.max_steps) <= (name, 1)
        assert check.equal_share > 0.995


@pytest.mark.parametrize("clip", [F.relu6, lambda x: F.hardtanh(x, -1, 2), lambda x: torch.clamp(x, max=1)])
def test_a_clip_that_is_not_fused_clips_whole_numbers(images, clip):
    graph = graph_of(Clipped(clip), images)
    (layer,) = [layer for layer in graph.layers if layer.op in ("relu6", "hardtanh", "clamp")]
    for name in engines():
        plan = plan_for(name, bits=7).with_fusion(layer.id, False)
        runner = FxRunner(quantization_of(graph, images, plan))
        assert runner.kernels[layer.id] == "quantized clamp"
        found = checks(runner, images)
        assert (name, found[layer.id].max_steps) == (name, 0)
        assert found["conv:conv2d"].max_steps <= 1


POINTWISE = {
    "relu": F.relu,
    "hardswish": F.hardswish,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "elu": F.elu,
    "mul": lambda x: x * torch.sigmoid(x),
    "avg_pool2d": lambda x: F.avg_pool2d(x, 3, 2, 1),
    "adaptive_avg_pool2d": lambda x: F.adaptive_avg_pool2d(x, (2, 3)),
    "max_pool2d": lambda x: F.max_pool2d(x, 3, 2, 1),
    "mean": lambda x: x.mean((2, 3), keepdim=True),
    "conv_transpose2d": nn.ConvTranspose2d(8, 8, 2, stride=2),
}


class Sizes(nn.Module):
    """Pools and interpolation in one to three dimensions; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.line, self.volume = nn.Conv2d(3, 8, 3), nn.Conv1d(8, 8, 3), nn.Conv3d(8, 8, 1)

    def forward(self, x):
        x = self.conv(x)
        larger = F.interpolate(x, scale_factor=2, mode="nearest"), F.interpolate(x, size=(9, 21), mode="nearest-exact")
        smooth = F.interpolate(x, scale_factor=2, mode="bilinear"), F.interpolate(x, size=(7, 19), mode="bilinear")
        line = self.line(x.flatten(2))
        pooled = F.avg_pool1d(line, 2), F.adaptive_avg_pool1d(line, 1), F.adaptive_avg_pool1d(line, 3)
        volume = self.volume(x.unflatten(2, (2, 7)))
        grown = F.interpolate(volume, scale_factor=2, mode="nearest"), F.max_pool3d(volume, 2)
        return (*larger, *smooth, *pooled, *grown, F.avg_pool3d(volume, 2), F.adaptive_avg_pool3d(volume, 1))


def test_pools_and_interpolation_in_one_to_three_dimensions_run_in_integers(images):
    graph = graph_of(Sizes(), images)
    for name in engines():
        runner = FxRunner(quantization_of(graph, images, plan_for(name, bits=7)))
        # qnnpack has no convolution in three dimensions, and nothing is taken of what is float.
        of_float = {"volume:conv3d", ":interpolate#5", ":max_pool3d", ":avg_pool3d", ":adaptive_avg_pool3d"}
        assert set(runner.quantization.why_not) == (of_float if name == "qnnpack" else set())
        found = checks(runner, images)
        picks = {
            key: check for key, check in found.items() if "max_pool" in key or key in (":interpolate", ":interpolate#2")
        }
        assert len(picks) >= 2
        assert max(check.max_steps for check in picks.values()) == 0
        pools = {key: check for key, check in found.items() if key.startswith(":") and key not in picks}
        assert len(pools) >= (5 if name == "qnnpack" else 7)
        assert max(check.max_steps for check in pools.values()) <= 1


@pytest.mark.parametrize("op", POINTWISE)
def test_an_operator_behind_a_convolution_is_within_a_step(images, op):
    graph = graph_of(Clipped(POINTWISE[op]), images)
    for name in engines():
        plan = plan_for(name, bits=7).with_default(weight=WEIGHT.but(granularity="per_tensor"))
        for layer in graph.layers:
            if layer.op == "relu":
                plan = plan.with_fusion(layer.id, False)
        runner = FxRunner(quantization_of(graph, images, plan))
        found = {layer_id: check for layer_id, check in checks(runner, images).items() if op in layer_id}
        if op == "conv_transpose2d" and name != "qnnpack":
            assert "wrong numbers" in runner.quantization.why_not["clip:conv_transpose2d"]
            continue
        assert found
        assert (name, max(check.max_steps for check in found.values())) <= (name, 1)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(4, 6, 3, padding=1), (3, 4, 20)),
        (nn.Conv2d(4, 8, 3, groups=2, dilation=2), (3, 4, 12, 12)),
        (nn.Conv2d(4, 8, (3, 1), stride=(2, 1), padding=(1, 0), bias=False), (3, 4, 12, 12)),
        (nn.Conv2d(4, 8, 3, groups=4, padding=1), (3, 4, 12, 12)),
        (nn.Conv3d(4, 8, 3, padding=1), (3, 4, 6, 6, 6)),
        (nn.Linear(8, 5), (3, 8)),
        (nn.Linear(8, 5, bias=False), (3, 7, 8)),
    ],
    ids=["conv1d", "grouped", "oblong", "doubling", "conv3d", "linear", "linear3"],
)
@pytest.mark.parametrize("relu", [False, True])
def test_a_layer_with_weights_is_within_a_step(layer, shape, relu):
    x = torch.randn(shape)
    graph = graph_of(nn.Sequential(layer, nn.ReLU()) if relu else nn.Sequential(layer), x)
    for name in engines():
        q = quantization_of(graph, x, plan_for(name, bits=7))
        if isinstance(layer, nn.Conv3d) and name == "qnnpack":
            assert q.why_not["0:conv3d"] == "qnnpack has no conv3d"
            continue
        (check,) = checks(FxRunner(q), x).values()
        assert (name, check.max_steps) <= (name, 1)
        assert check.equal_share > 0.99


class Grown(nn.Module):
    def __init__(self, size: int, stride: int, pad: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.pad, self.conv = pad, nn.Conv2d(8, 8, size, stride=stride, groups=8)
        self.stem = nn.Conv2d(3, 8, 1)

    def forward(self, x):
        return F.relu(self.conv(F.pad(self.stem(x), self.pad)))


@pytest.mark.parametrize(
    ("size", "stride", "pad", "merged"),
    [
        (3, 2, (0, 1, 0, 1), True),
        (5, 2, (1, 2, 1, 2), True),
        (3, 2, (0, 1, 1, 1), True),
        (3, 1, (0, 1, 0, 1), False),  # no even padding gives as many outputs
        (3, 2, (0, 3, 0, 3), False),
    ],
)
def test_an_uneven_padding_is_merged_into_a_depthwise_convolution_with_the_same_bits(images, size, stride, pad, merged):
    graph = graph_of(Grown(size, stride, pad), images)
    for name in engines():
        plan = plan_for(name, bits=7)
        one = FxRunner(quantization_of(graph, images, plan))
        two = FxRunner(quantization_of(graph, images, plan.with_fusion(":pad", False)))
        assert two.info.merged == {}
        # qnnpack is quick with 3x3 and 5x5 alone.
        assert bool(one.info.merged) is (merged and (name != "qnnpack" or size == 3))
        assert all(torch.equal(a, b) for a, b in zip(one.run((images,)), two.run((images,)), strict=True))
        ours, theirs = one.integers((images,)), two.integers((images,))
        assert {key: bool(torch.equal(ours[key], theirs[key])) for key in theirs} == dict.fromkeys(theirs, True)


def test_a_shared_module_is_lowered_for_each_of_its_calls(each_engine, images):
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.relu = nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(self.relu(self.conv(x))))

    runner = FxRunner(quantization_of(Shared(), images, plan_for(each_engine, bits=7)))
    assert runner.kernels == {"conv:conv2d": "quantized.ConvReLU2d", "conv:conv2d@2": "quantized.ConvReLU2d"}
    assert max(check.max_steps for check in checks(runner, images).values()) <= 1


def test_a_prelu_keeps_its_positive_branch_though_all_slopes_are_below_one(images):
    supported("onednn")
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.PReLU(8, 0.1))
    runner = FxRunner(quantization_of(net, images, plan_for("onednn")))
    assert runner.kernels["1:prelu"] == "quantized.prelu"
    assert checks(runner, images)["1:prelu"].max_steps <= 1


@pytest.mark.parametrize("slopes", [(0.25,), (-0.4, 0.1, 0.99, 0.3), (1.7, 0.2, 0.0, 0.5)])
def test_a_prelu_is_simulated_bit_for_bit_whatever_its_slopes(images, each_engine, slopes):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(len(slopes)), nn.Flatten(), nn.Linear(784, 5), nn.PReLU(1, 0.1))
    with torch.no_grad():
        net[1].weight.copy_(torch.tensor(slopes))
    runner = FxRunner(quantization_of(net, images, plan_for(each_engine, bits=7)))
    found: dict = {}
    with torch.no_grad():
        compare(simulation(runner.quantization), runner.integers((images,)), (images,), found)
    assert {found[layer_id].check().max_steps for layer_id in ("1:prelu", "4:prelu")} == {0}


@pytest.mark.parametrize("op", ["roll", "flip", "transpose", "stack_of_views"])
def test_values_are_moved_without_loss(images, op):
    supported("x86")

    class Moves(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.next = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 1)

        def forward(self, x):
            x = self.conv(x)
            if op == "roll":
                x = torch.roll(x, 1, 1)
            elif op == "flip":
                x = torch.flip(x, [1])
            elif op == "transpose":
                x = x.transpose(2, 3)
            else:
                x = x.permute(0, 2, 3, 1).reshape(x.size(0), -1, 4).permute(0, 2, 1).reshape(x.size(0), 4, 16, 16)
            return self.next(x)

    runner = FxRunner(quantization_of(Moves(), images, plan_for("x86")))
    found = checks(runner, images)
    assert set(found) == {"conv:conv2d", "next:conv2d"}
    assert max(check.max_steps for check in found.values()) <= 1


def test_fbgemm_saturates_in_depthwise_convolutions_and_the_check_says_so():
    supported("fbgemm")
    x = torch.rand(4, 64, 12, 12)
    net = nn.Sequential(nn.Conv2d(64, 64, 3, padding=1, groups=64))
    nn.init.uniform_(net[0].weight, 0.5, 1)
    found = checks(FxRunner(quantization_of(net, x, plan_for("fbgemm", bits=8))), x)["0:conv2d"]
    if found.max_steps <= 1:
        pytest.skip("this processor's fbgemm does not add pairs of products in 16 bits")
    assert found.saturated
    assert found.max_steps > 2
    seven = checks(FxRunner(quantization_of(net, x, plan_for("fbgemm", bits=7))), x)["0:conv2d"]
    assert seven.max_steps <= 1
    assert not seven.saturated


def test_times_are_given_for_every_layer_and_the_engine_is_set_back(images):
    supported("onednn")
    before = torch.backends.quantized.engine, torch.get_num_threads()
    q = quantization_of(trained(TinyNet(), images), images, plan_for("onednn"))
    runner = FxRunner(q)
    timing = runner.time((images[:1],), 1, 3, silent)
    assert (torch.backends.quantized.engine, torch.get_num_threads()) == before
    assert len(timing.fp32_ms) == len(timing.int8_ms) == 3
    assert set(timing.fp32_us) == {layer.id for layer in q.graph.layers}
    assert set(timing.int8_us) == {layer.id for layer in q.graph.layers} | {""}
    assert {len(laps) for laps in [*timing.fp32_us.values(), *timing.int8_us.values()]} == {3}
    assert runner.channels_last in (True, False)


class Grid(nn.Module):
    """A detector's constants have five axes: samples, anchors, height, width, numbers."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3)
        self.register_buffer("anchors", torch.rand(1, 3, 1, 1, 2))

    def forward(self, x):
        return self.conv(x).unflatten(1, (3, 2)).permute(0, 1, 3, 4, 2) * self.anchors


def test_a_model_with_constants_of_five_axes_is_timed_in_both_layouts(images):
    supported("onednn")
    runner = FxRunner(quantization_of(Grid().eval(), images, plan_for("onednn")))
    assert len(runner.time((images[:1],), 1, 3, silent).fp32_ms) == 3
    net = Grid().eval()
    expected = net(images[:1])
    same, given = faster_layout(net, [images[:1]])
    assert torch.allclose(same(*given), expected, atol=1e-6)


# -- beside torch.ao's own flows -------------------------------------------------------------------


class Plain(nn.Module):
    """What prepare_fx can do; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.relu = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU()
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.left, self.right = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.pool, self.fc = nn.MaxPool2d(2), nn.Linear(16, 5)

    def forward(self, x):
        x = self.depthwise(self.relu(self.stem(x)))
        left, right = self.left(x), self.right(x)
        x = torch.cat([torch.add(left, right), right], 1)
        return self.fc(torch.mean(self.pool(x), (2, 3)))


def converted_by_torch(q: Quantization, x: torch.Tensor) -> nn.Module:
    """prepare_fx and convert_fx on the float module, with observers that hold our scales."""
    from torch.ao.quantization import (
        FixedQParamsObserver,
        PerChannelMinMaxObserver,
        QConfig,
        QConfigMapping,
    )
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    class FixedPerChannel(PerChannelMinMaxObserver):
        def __init__(self, scale: torch.Tensor, **given: object) -> None:
            super().__init__(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
            self.fixed = scale

        def calculate_qparams(self):
            return self.fixed, torch.zeros(len(self.fixed), dtype=torch.int64)

    def activation(value: str) -> object:
        p = q.values[value]
        return FixedQParamsObserver.with_args(
            scale=float(p.scale), zero_point=int(p.zero_point), dtype=torch.quint8, quant_min=0, quant_max=255
        )

    module = float_module(q.graph)
    mapping = QConfigMapping()
    any_weight = PerChannelMinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_channel_symmetric)
    for layer in q.graph.layers:
        for node in module.graph.nodes:
            if node.meta.get("qinspect") != layer.id:
                continue
            weight = any_weight
            if layer.id in q.weights:
                p = q.weights[layer.id]
                scale = torch.from_numpy(p.scale)
                weight = (
                    FixedPerChannel.with_args(scale=scale)
                    if p.axis is not None
                    else FixedQParamsObserver.with_args(
                        scale=float(p.scale), zero_point=0, dtype=torch.qint8, quant_min=-128, quant_max=127
                    )
                )
            mapping.set_module_name(str(node.target), QConfig(activation(layer.value), weight))
    functions = {"add": torch.add, "cat": torch.cat, "mean": torch.mean}
    for function, layer in [(functions[item.op], item) for item in q.graph.layers if item.op in functions]:
        mapping.set_object_type(function, QConfig(activation(layer.value), any_weight))
    (name,) = q.graph.input_names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch.ao's own, many; what is tested is its result
        prepared = prepare_fx(module, mapping, (x,))
        for node in prepared.graph.nodes:  # the input's observer belongs to the first layer's qconfig
            if node.op == "call_module" and node.args and getattr(node.args[0], "op", "") == "placeholder":
                setattr(prepared, str(node.target), activation(name)())
        return convert_fx(prepared)


def test_the_bits_are_those_of_prepare_fx_and_convert_fx(each_engine, images):
    q = quantization_of(Plain().eval(), images, plan_for(each_engine, bits=7))
    # torch leaves the bias in float; fbgemm and qnnpack round it at run time, onednn does not.
    runner = FxRunner(q)
    for layer in q.graph.layers:
        if layer.id in q.weights:
            bias = getattr(runner.module, layer.path).bias()
            q.graph.params[layer.roles["bias"]].copy_(bias)
    with engine(each_engine), torch.no_grad():
        theirs = converted_by_torch(q, images)
        kernels = {type(part).__name__ for part in theirs.modules()}
        assert {"ConvReLU2d", "Conv2d", "Linear"} <= kernels
        assert torch.equal(theirs(images), runner.run((images,))[0])


class M(nn.Module):
    """The source's own demo, without its stubs."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(1, 1, 1), nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x))


def test_the_demo_m_gives_the_output_of_eager_mode_by_hand():
    supported("x86")
    from torch.ao import quantization as ao

    torch.manual_seed(3)
    net, x = M().eval(), torch.randn(4, 1, 4, 4)
    nn.init.constant_(net.conv.weight, 0.7)
    with warnings.catch_warnings(), engine("x86"):
        warnings.simplefilter("ignore")

        class Stubbed(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.quant, self.conv, self.relu, self.dequant = ao.QuantStub(), net.conv, net.relu, ao.DeQuantStub()

            def forward(self, x):
                return self.dequant(self.relu(self.conv(self.quant(x))))

        hand = Stubbed().eval()
        hand.qconfig = ao.QConfig(
            activation=ao.MinMaxObserver.with_args(dtype=torch.quint8, reduce_range=True),
            weight=ao.MinMaxObserver.with_args(dtype=torch.qint8, qscheme=torch.per_tensor_symmetric),
        )
        prepared = ao.prepare(ao.fuse_modules(hand, [["conv", "relu"]]))
        prepared(x)
        by_hand = ao.convert(prepared)
        expected = by_hand(x)
    plan = plan_for("x86").with_default(
        weight=WEIGHT.but(granularity="per_tensor"), activation=ACTIVATION.but(bits=7, estimator="minmax")
    )
    q = quantization_of(net, x, plan)
    runner = FxRunner(q)
    assert float(q.values["x"].scale) == float(by_hand.quant.scale)
    assert int(q.values["relu:relu"].zero_point) == by_hand.conv.zero_point
    assert float(q.values["relu:relu"].scale) == by_hand.conv.scale
    assert torch.equal(runner.run((x,))[0], expected)
    assert torch.equal(Simulation(q)((x,)), expected)


def test_qparams_as_json_are_the_kernels_own(images):
    supported("x86")
    q = quantization_of(trained(TinyNet(), images), images, plan_for("x86"))
    module, info = int8_module(q)
    assert info.q == q.qparams_json()
    assert module.stem.scale == info.q["values"]["relu:relu"]["scale"]
    scales = module.stem.weight().q_per_channel_scales().tolist()
    assert scales == info.q["weights"]["stem:conv2d"]["scale"]
