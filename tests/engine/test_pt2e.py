"""Plans lowered with PT2E: what is asked is what is quantized, bit for bit the simulation; and inductor's code."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.pt2e.compiler import compiled
from qinspect.engine.backends.pt2e.inductor import Compiled, with_own_dequantizers
from qinspect.engine.backends.pt2e.kernels import kernels_in
from qinspect.engine.backends.pt2e.lower import DEQUANTIZE, lower, taps
from qinspect.engine.backends.pt2e.nodes import described, layer_of
from qinspect.engine.backends.pt2e.profile import layer_times
from qinspect.engine.backends.runner import Call
from qinspect.engine.data_spec import DataSpec
from qinspect.engine.evidence import _by_calls
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.job import calibrate_model, fused_graph
from qinspect.engine.kernels import KernelWork, compare, run_kernels
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import ACTIVATION, WEIGHT, TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.simulate import Simulation, quantized_params

TARGET = Target("pt2e", "inductor")


class ResidualNet(nn.Module):
    """Residual, depthwise, with pooling, gates and a clip; input (N, 3, 15, 15)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_bn = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.depthwise, self.depthwise_bn = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False), nn.BatchNorm2d(8)
        self.project, self.other = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 4, 3, padding=1)
        self.pool = nn.MaxPool2d(3, 2, 1, ceil_mode=True)
        self.fc, self.gate = nn.Linear(12, 6), nn.Linear(12, 12)

    def forward(self, x):
        x = F.relu(self.stem_bn(self.stem(x)))
        y = F.relu6(self.depthwise_bn(self.depthwise(x)))
        x = F.relu(self.project(y) + x)
        x = self.pool(torch.cat([x, self.other(x)], 1))
        x = F.hardswish(F.pad(x, (0, 1, 0, 1))).mean((2, 3))
        x = x * torch.sigmoid(self.gate(x))
        first, second = self.fc(x.view(x.size(0), -1)).chunk(2, 1)
        return first, F.softmax(second, 1)


@pytest.fixture(autouse=True)
def seeded(one_thread: None) -> Iterator[None]:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(6, 3, 15, 15, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def graph(trace_once, images) -> LayerGraph:
    torch.manual_seed(0)
    net = ResidualNet()
    for norm in (net.stem_bn, net.depthwise_bn):
        nn.init.uniform_(norm.weight, 0.5, 2)
        nn.init.normal_(norm.bias)
        nn.init.normal_(norm.running_mean)
    return trace_once(net, images)


def targets(q: Quantization) -> list[tuple[str, str]]:
    """Operator and layer of each node of the lowered program, quantizers left out."""
    module = lower(q).module
    return [
        (node.target._opname, layer_of(node) or "")
        for node in module.graph.nodes
        if node.op == "call_function" and hasattr(node.target, "_opname") and "quantize" not in node.target._opname
    ]


@pytest.mark.parametrize("bits", [8, 7])
def test_the_reference_program_is_bit_for_bit_the_simulation(graph, images, quantized, bits):
    plan = QuantPlan(TARGET).with_default(WEIGHT, ACTIVATION.but(bits=bits))
    q = quantized(graph, plan, [(images,)])
    assert set(q.why_not) == {":softmax"} or not q.why_not
    more = 2 * images  # beyond the calibrated range: clipping is compared as well
    with torch.no_grad():
        ours, theirs = outputs_of(lower(q).module(more)), outputs_of(Simulation(q)((more,)))
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))


def test_every_value_that_is_quantized_has_one_quantizer_with_its_numbers(graph, images, quantized):
    q = quantized(graph, QuantPlan.preset(TARGET), [(images,)])
    found = lower(q).quantizers
    assert set(found) == set(q.values) - {":split"}  # that is several values
    for name, node in found.items():
        params = q.values[name]
        assert node.args[1:5] == (float(params.scale), int(params.zero_point), params.qmin, params.qmax)


def test_a_layer_left_float_and_a_fusion_switched_off_are_so_in_the_program(graph, images, quantized):
    plan = QuantPlan.preset(TARGET).with_layer("other:conv2d", weight=None, activation=None)
    plan = plan.with_fusion("stem_bn:batch_norm", False).with_fusion(":relu6", False)
    q = quantized(graph, plan, [(images,)])
    program = lower(q)
    said = targets(q)
    assert ("batch_norm", "stem_bn:batch_norm") in said
    assert not any(op == "alias" for op, _ in said)
    conv = next(n for n in program.module.graph.nodes if layer_of(n) == "other:conv2d")
    assert conv.args[1].op == "get_attr"  # its weight is read as it is
    depthwise = program.quantizers["depthwise_bn:batch_norm"]  # rounded before the clip, and again behind it
    assert layer_of(depthwise.args[0]) == "depthwise:conv2d"
    assert program.quantizers[":relu6"].args[1] == depthwise.args[1]
    with torch.no_grad():
        ours, theirs = outputs_of(program.module(images)), outputs_of(Simulation(q)((images,)))
    assert all(torch.equal(one, two) for one, two in zip(ours, theirs, strict=True))


def test_two_calls_of_one_module_have_scales_of_their_own(canonical, images, quantized):
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 3, padding=1)

        def forward(self, x):
            return self.conv(F.relu(3 * self.conv(x)))

    q = quantized(canonical(Twice(), images), QuantPlan.preset(TARGET), [(images,)])
    with torch.no_grad():
        (ours,), (theirs,) = outputs_of(lower(q).module(images)), outputs_of(Simulation(q)((images,)))
    assert torch.equal(ours, theirs)


def test_a_program_stores_weights_in_whole_numbers_alone(graph, images, quantized):
    q = quantized(graph, QuantPlan.preset(TARGET).with_layer("other:conv2d", weight=None, activation=None), [(images,)])
    stored = lower(q).module.state_dict()
    assert {name for name, tensor in stored.items() if tensor.is_floating_point() and tensor.dim() > 1} == {
        "other.weight"
    }
    assert sum(tensor.dtype == torch.int8 for tensor in stored.values()) == len(q.weights)


def test_taps_hand_out_the_whole_numbers_of_every_value(graph, images, quantized):
    q = quantized(graph, QuantPlan.preset(TARGET), [(images,)])
    lowered = lower(q)
    with torch.no_grad():
        outputs, numbers = taps(lowered)(images)
        assert all(
            torch.equal(a, b) for a, b in zip(outputs_of(outputs), outputs_of(lowered.module(images)), strict=True)
        )
    assert len(numbers) == len(lowered.quantizers)
    assert {tensor.dtype for tensor in numbers} == {torch.uint8}
    assert not any(node.target is DEQUANTIZE for node in lowered.quantizers.values())


@pytest.mark.parametrize(
    ("weight", "activation", "reason"),
    [
        (WEIGHT.but(granularity="per_group"), ACTIVATION, "per tensor or per channel"),
        (WEIGHT, None, "bfloat16"),
        (WEIGHT, TensorConfig("uint8", dynamic=True), "conv2d with a range at run time"),
        (WEIGHT.but(symmetric=False), ACTIVATION, "symmetric"),
        (WEIGHT, ACTIVATION.but(dtype="int8"), "uint8 activations, not int8"),
        (WEIGHT, ACTIVATION.but(dtype="int16", bits=16), "not int16"),
    ],
)
def test_what_inductor_would_leave_in_float_is_refused_beforehand(graph, images, quantized, weight, activation, reason):
    q = quantized(graph, QuantPlan(TARGET).with_default(weight, activation), [(images,)])
    assert reason in q.why_not["stem:conv2d"]
    assert "stem:conv2d" not in q.quantized


def test_a_transposed_convolution_is_refused(canonical, quantized):
    x = torch.randn(2, 4, 5, 5)
    q = quantized(canonical(nn.Sequential(nn.ConvTranspose2d(4, 4, 2)), x), QuantPlan.preset(TARGET), [(x,)])
    assert "transposed" in q.why_not["0:conv_transpose2d"]


def test_integer_kernels_are_read_off_generated_code_by_the_quantizer_behind_them():
    code = """
    def call(self, args):
        cpp_fused_quantize_0(arg0_1, buf0)
        # Topologically Sorted Source Nodes: [q, q_1], Original ATen: [quantized_decomposed.quantize_per_tensor]
        buf4 = torch.ops.onednn.qconv_pointwise.tensor(buf0, s, z, w, b, 1, 0.01, 0, torch.uint8, 'relu', [], '')
        # Topologically Sorted Source Nodes: [dequantize_per_tensor, conv2d_1], Original ATen: [aten.convolution]
        buf5 = extern_kernels.convolution(buf4, w_1, stride=(1, 1))
        # Topologically Sorted Source Nodes: [linear], Original ATen: [aten.addmm]
        buf6 = torch.ops.onednn.qlinear_pointwise.tensor(buf5, s, z, w, b, 1.0, 0, torch.float32, 'none', [None], '')
        torch.ops.onednn.qconv2d_pointwise.binary_tensor(buf6, s, z, w, b, 0.01, 0, torch.uint8, 'sum', 1.0, 'relu')
    """
    owners = {"q": "", "q_1": "conv", "conv2d_1": "other", "dequantize_per_tensor": "conv", "linear": "fc"}
    program = Compiled(None, code, {"q": "x", "q_1": "relu:relu"}, owners, {"cpp_fused_quantize_0": ("q",)})
    found = [(kernel.event, kernel.layers) for kernel in kernels_in(program)]
    assert found == [
        ("cpp_fused_quantize_0", ()),
        ("onednn::qconv_pointwise", ("conv",)),
        ("aten::convolution", ("other",)),
        ("onednn::qlinear_pointwise", ("fc",)),
        ("onednn::qconv2d_pointwise", ()),
    ]


def test_a_kernel_that_rounds_the_second_input_belongs_to_the_border_behind_that_input(canonical):
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)

        def forward(self, a, b):
            return self.one(a) + self.two(b)

    graph = canonical(Two(), torch.randn(2, 4), torch.randn(2, 4))
    code = """
    def call(self, args):
        cpp_fused_quantize_0(arg0_1, buf0)
        cpp_fused_quantize_1(arg1_1, buf1)
    """
    loops = {"cpp_fused_quantize_0": ("quantize_per_tensor",), "cpp_fused_quantize_1": ("quantize_per_tensor_1",)}
    names = {"quantize_per_tensor": "a", "quantize_per_tensor_1": "b"}
    kernels = kernels_in(Compiled(None, code, names, dict.fromkeys(names, ""), loops))
    times = layer_times(graph, kernels, [[2.0, 3.0]])
    assert times.boundaries == {("a", "one:linear"): [2.0], ("b", "two:linear"): [3.0]}
    assert times.us == {"one:linear": [2.0], "two:linear": [3.0]}


class Heads(nn.Module):
    """Linear layers and a sum that share an input of three axes, as attention has them."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(32, 32) for _ in range(3))

    def forward(self, x):
        return torch.softmax(self.query(x) @ self.key(x).transpose(1, 2), -1) @ self.value(x) + x


def test_linear_layers_that_share_an_input_have_dequantizers_that_nothing_makes_one_again(canonical, quantized):
    x = torch.randn(3, 5, 32)
    program = lower(quantized(canonical(Heads(), x), QuantPlan.preset(TARGET), [(x,)])).module
    apart = with_own_dequantizers(program)
    read = [node.args[0] for node in apart.graph.nodes if getattr(node.target, "_opname", "") == "linear"]
    assert len({(node.args[0], node.args[4]) for node in read}) == 3
    assert all(node.target is DEQUANTIZE and len(node.users) == 1 for node in read)
    with torch.no_grad():
        assert torch.equal(outputs_of(apart(x))[0], outputs_of(program(x))[0])


class Block(nn.Module):
    """A residual block around linear layers, one of them with a ReLU behind it, which reads nothing but float."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(32, 32) for _ in range(3))
        self.norm, self.last = nn.LayerNorm(32), nn.LayerNorm(32)

    def forward(self, x):
        x = self.norm(x + self.one(x) + self.two(x))
        return self.last(F.relu(self.three(x)) + x)


def block_plan(kind: str) -> QuantPlan:
    plan = QuantPlan.preset(replace(TARGET, batch=3))
    weight = WEIGHT if kind == "dynamic" else WEIGHT.but(granularity="per_tensor")
    return plan if kind == "static" else plan.with_default(weight, TensorConfig("uint8", dynamic=True))


@pytest.fixture
def block(canonical, quantized):
    x = torch.randn(3, 5, 32, generator=torch.Generator().manual_seed(1))
    net = canonical(Block(), x)
    return x, lambda kind: quantized(net, block_plan(kind), [(x,)])


@pytest.mark.parametrize("kind", ["static", "dynamic", "dynamic, per tensor"])
def test_what_only_float_layers_read_is_handed_on_in_float_as_the_simulation_has_it(block, kind):
    x, of = block
    q = of(kind)
    linear = {"one:linear", "two:linear", "three:linear"}
    assert q.integer == linear
    assert not linear & q.values.keys()
    program = lower(q).module
    assert described(program.graph).layers - {"norm:layer_norm"} == linear  # which is rounded for its readers
    with torch.no_grad():
        assert torch.equal(outputs_of(program(x))[0], outputs_of(Simulation(q)((x,)))[0])


def test_a_call_is_held_against_what_the_simulation_makes_of_that_which_it_read(block):
    x, of = block
    q = of("static")
    layer = q.graph.by_id["two:linear"]
    read = q.values["x"].fake_quantize(x)
    added = torch.randn(3, 5, 32)
    params = quantized_params(q)
    sums = F.linear(read, params["two:linear/weight"], params["two:linear/bias"])
    step = float(sums.max() - sums.min()) / 255
    right = torch.relu(sums + added)
    wrong = right.clone()
    wrong[0, 0, 0] += 3 * step
    for result, largest in ((right, 0), (wrong, 3)):
        found: dict[str, Any] = {}
        compare(Simulation(q), {}, (x,), found, calls={layer.id: [Call(read, result, added, torch.relu)]})
        assert found.keys() == {layer.id}
        assert found[layer.id].largest == largest


def test_what_a_layers_calls_read_gave_and_added_is_cut_to_the_samples_and_left_out_where_there_is_a_curve(block):
    x, of = block
    q = of("static")
    layer = q.graph.by_id["two:linear"]
    one, two = (q.values["x"].fake_quantize(item) for item in (x, torch.cat([2 * x[:1], x[:1], x[:1]])))
    gave = torch.randn(30, 32)
    calls = [Call(one.flatten(0, 1), gave[:15]), Call(two.flatten(0, 1), gave[15:])]
    found = _by_calls(q, layer, calls, 4)
    assert found is not None
    assert torch.equal(q.values["x"].dequantize(found.integers["x"]), torch.cat([one, two[:1]]))
    assert found.given is not None
    assert torch.equal(found.given, gave[:20].view(4, 5, 32))
    assert found.added is None
    more = _by_calls(q, layer, [replace(call, added=2 * call.result) for call in calls], 4)
    assert more is not None
    assert more.added is not None
    assert torch.equal(more.added, 2 * gave[:20].view(4, 5, 32))
    assert _by_calls(q, layer, [replace(call, curve=torch.relu) for call in calls], 4) is None


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["static", "dynamic, per tensor"])
def test_sums_and_curves_behind_linear_layers_with_float_outputs_compile_to_integer_kernels(block, kind):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    import torch._inductor.config as inductor

    from qinspect.engine.backends.pt2e.runner import Pt2eRunner

    x, of = block
    q = of(kind)
    before = x.clone()
    checks: dict[str, Any] = {}
    with inductor.patch(compile_threads=1), torch.inference_mode():  # in which the child runs
        with torch.inference_mode(False):
            runner = Pt2eRunner(q)
        (ours,) = runner.run((x,))
        more = torch.cat([x, 2 * x[:2]])  # filled up to two batches
        compare(Simulation(q), runner.integers((more,)), (more,), checks, runner.reals((more,)), runner.calls((more,)))
    assert torch.equal(x, before), "inductor's call for a sum writes over what it adds"
    assert checks.keys() == runner.kernels.keys()
    counts = {name: sum(difference.check().histogram.values()) for name, difference in checks.items()}
    assert counts == dict.fromkeys(q.integer, 2 * 3 * 5 * 32)
    assert all(difference.largest == 0 for difference in checks.values())
    assert runner.kernels == dict.fromkeys(q.integer, "onednn.qlinear_pointwise")
    with torch.no_grad():
        assert torch.allclose(ours, outputs_of(Simulation(q)((x,)))[0], atol=1e-5)


@pytest.mark.slow
def test_linear_layers_that_share_an_input_all_run_in_integers(canonical, quantized):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    import torch._inductor.config as inductor

    from qinspect.engine.backends.pt2e.runner import Pt2eRunner

    x = torch.randn(3, 5, 32)
    q = quantized(canonical(Heads(), x), QuantPlan.preset(TARGET), [(x,)])
    with inductor.patch(compile_threads=1):
        kernels = Pt2eRunner(q).kernels
    assert {key: kernel for key, kernel in kernels.items() if key.endswith(":linear")} == dict.fromkeys(
        ("query:linear", "key:linear", "value:linear"), "onednn.qlinear_pointwise"
    )


@pytest.mark.slow
def test_inductor_makes_an_integer_kernel_of_every_layer_and_the_bits_are_the_simulations(digits_model):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    model = load_model(ModelSpec(digits_model.source, str(digits_model.weights), ((1, 1, 8, 8),)), allow_code=True)
    spec = DataSpec(str(digits_model.data), samples=60)
    from qinspect.engine.calibrate import Calibration
    from qinspect.engine.data import open_data

    data = open_data(spec, (None, 1, 8, 8))
    plan = QuantPlan.preset(replace(TARGET, batch=8)).with_layer("project:conv2d", weight=None, activation=None)
    calibration: Calibration = calibrate_model(model, data, plan)
    q = quantize(fused_graph(model, plan).graph, plan, calibration.tensors)
    work = KernelWork(q, None, spec, data.splits.select[:10], data.splits.final, 10, timing=False)
    found = run_kernels(work)
    assert {key: kernel for key, kernel in found.kernels.items() if kernel.startswith("onednn")} == {
        "conv:conv2d": "onednn.qconv_pointwise",
        "depthwise:conv2d": "onednn.qconv_pointwise",
        "fc:linear": "onednn.qlinear_pointwise",
    }
    assert set(found.checks) == set(found.kernels)
    assert q.giving_real
    assert max(check.max_steps for check in found.checks.values()) <= 1
    assert min(check.equal_share for check in found.checks.values()) > 0.999
    with torch.no_grad():
        x = torch.cat([data.load([i])[0] for i in data.splits.final])
        simulated = outputs_of(Simulation(q)((x,)))[0]
    assert float((torch.from_numpy(found.outputs[0]) - simulated).abs().max()) < 0.02 * float(simulated.abs().max())


@pytest.mark.slow
def test_a_program_is_not_compiled_again_because_another_was():
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    import torch._inductor.config as inductor

    x = torch.rand(1, 4)
    with torch.no_grad(), inductor.patch(compile_threads=1):  # more of them stay behind
        one, two = (torch.export.export(nn.Sequential(nn.Linear(4, n)), (x,)).module() for n in (3, 5))
        first, second = compiled(one, (x,), 1), compiled(two, (x,), 1)
        assert first.code
        with torch.compiler.set_stance("fail_on_recompile"):
            assert first.call(x).shape == (1, 3)
            assert second.call(x).shape == (1, 5)


class OverTime(nn.Module):
    """Two convolutions over time; what comes behind them is not linear in how many positions there are."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.again = nn.Conv1d(4, 8, 5, stride=2, padding=2), nn.Conv1d(8, 8, 3, padding=1)

    def forward(self, x):
        return torch.relu(self.again(torch.relu(self.conv(x)))).flatten(1).square().cumsum(1)


@pytest.mark.slow
def test_a_convolution_over_time_of_several_taps_gives_as_many_positions_as_its_kernel(canonical, quantized):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    import torch._inductor.config as inductor

    from qinspect.engine.backends.pt2e.runner import Pt2eRunner

    x = torch.randn(3, 4, 20)
    q = quantized(canonical(OverTime(), x), QuantPlan.preset(TARGET), [(x,)])
    with inductor.patch(compile_threads=1):
        runner = Pt2eRunner(q)
        (ours,) = runner.run((x,))
    assert {key for key, kernel in runner.kernels.items() if kernel.startswith("onednn")} == set(q.weights)
    with torch.no_grad():
        assert torch.allclose(ours, outputs_of(Simulation(q)((x,)))[0], rtol=1e-4)
