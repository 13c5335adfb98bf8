"""BatchNorms that go into the layer after them, and what is absorbed through operators that move values."""

from __future__ import annotations

import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize


class Net(nn.Module):
    def __init__(self, *parts, forward=None):
        super().__init__()
        self.parts = nn.ModuleList(parts)
        self.run = forward

    def forward(self, x):
        if self.run is not None:
            return self.run(self.parts, x)
        for part in self.parts:
            x = part(x)
        return x


class Do(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def settle(module):
    """Statistics and parameters of BatchNorms that are not the identity, all in float64."""
    torch.manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                if tensor is not None:
                    tensor.data.uniform_(0.3, 1.7)
    return module.double().eval().requires_grad_(False)


def rand(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 0.4


IMAGE, LINE, VOLUME, SEQUENCE, VECTOR = (
    rand(2, 4, 6, 6), rand(2, 4, 9), rand(2, 4, 3, 4, 5), rand(2, 5, 8), rand(2, 8)
)  # fmt: skip

EXACT = {
    "conv2d": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3)], IMAGE, ["batch_norm+conv2d"]),
    "conv2d without bias": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, 2, bias=False)], IMAGE, ["batch_norm+conv2d"]),
    "valid": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding="valid")], IMAGE, ["batch_norm+conv2d"]),
    "grouped": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, groups=2)], IMAGE, ["batch_norm+conv2d"]),
    "depthwise": ([nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, groups=4)], IMAGE, ["batch_norm+conv2d"]),
    "conv1d": ([nn.BatchNorm1d(4), nn.Conv1d(4, 6, 3)], LINE, ["batch_norm+conv1d"]),
    "conv3d": ([nn.BatchNorm3d(4), nn.Conv3d(4, 6, 2, groups=2)], VOLUME, ["batch_norm+conv3d"]),
    "transposed, 1x1": (
        [nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 6, 1, groups=2)], IMAGE, ["batch_norm+conv_transpose2d"]),
    "linear": ([nn.BatchNorm1d(8, affine=False), nn.Linear(8, 3)], VECTOR, ["batch_norm+linear"]),
    "flatten, linear": ([nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(144, 3)], IMAGE, ["batch_norm+linear"]),
    "transpose, linear": (
        [nn.BatchNorm1d(5), Do(lambda x: x.transpose(1, 2)), nn.Linear(5, 3)], SEQUENCE, ["batch_norm+linear"]),
    "channels last, linear": (
        [nn.BatchNorm2d(4), Do(lambda x: x.permute(0, 2, 3, 1)), nn.Linear(4, 3)], IMAGE, ["batch_norm+linear"]),
    "dropout between": ([nn.BatchNorm2d(4), nn.Dropout2d(), nn.Conv2d(4, 6, 3)], IMAGE, ["batch_norm+conv2d"]),
    "behind a relu": (
        [nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1), nn.ReLU6()], IMAGE,
        ["conv2d+relu", "batch_norm+conv2d", "batch_norm+conv2d+relu6"]),
    "both sides": (
        [nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()], IMAGE,
        ["batch_norm+conv2d", "batch_norm+conv2d+batch_norm", "batch_norm+conv2d+batch_norm+relu"]),
    "a padding before the norm": (
        [nn.ZeroPad2d(1), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3)], IMAGE,
        ["batch_norm+conv2d", "pad+batch_norm+conv2d"]),
    "conv, flatten, norm": (
        [nn.Conv2d(4, 6, 3), nn.Flatten(2), nn.BatchNorm1d(6), nn.ReLU()], IMAGE,
        ["conv2d+batch_norm", "conv2d+batch_norm+relu"]),
    "linear, transpose, norm": (
        [nn.Linear(8, 3), Do(lambda x: x.transpose(1, 2)), nn.BatchNorm1d(3)], SEQUENCE, ["linear+batch_norm"]),
    "linear, unsqueeze, norm": (
        [nn.Linear(8, 3), Do(lambda x: x[:, :, None, None]), nn.BatchNorm2d(3)], VECTOR, ["linear+batch_norm"]),
    "linear, rows, norm": (
        [nn.Linear(8, 3), Do(lambda x: x.reshape(-1, 3)), nn.BatchNorm1d(3), nn.ReLU()], SEQUENCE,
        ["linear+batch_norm", "linear+batch_norm+relu"]),
    "relu behind moves": (
        [nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), Do(lambda x: x.flatten(1).unsqueeze(1)), nn.Hardtanh()], IMAGE,
        ["conv2d+batch_norm", "conv2d+batch_norm+hardtanh"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def traced(trace_once):
    """``traced(name)``: the net and its graph, traced once."""

    @functools.cache
    def make(name):
        parts, x, _ = EXACT[name]
        net = settle(Net(*parts))
        return net, trace_once(net, x)

    return make


@pytest.mark.parametrize("name", EXACT)
def test_what_is_exact_is_fused_and_computes_the_same_in_float64(name, traced):
    _, x, patterns = EXACT[name]
    net, graph = traced(name)
    fused = fuse(graph, QuantPlan())
    assert [(row.pattern, row.state) for row in fused.rows] == [(pattern, "fused") for pattern in patterns]
    assert not any(layer.op in ("batch_norm", "relu", "relu6", "hardtanh", "pad") for layer in fused.graph.layers)
    for batch in (x, x[:1], torch.cat([x, x[:1]])):
        expected = net(batch)
        got = Executor(fused.graph)([batch])
        assert torch.allclose(got, expected, rtol=1e-10, atol=1e-10 * float(expected.abs().max()))


@pytest.mark.parametrize("name", EXACT)
def test_each_candidate_can_be_switched_off_alone(name, traced):
    _, x, _ = EXACT[name]
    net, graph = traced(name)
    expected = net(x)
    for row in fuse(graph, QuantPlan()).rows:
        fused = fuse(graph, QuantPlan().with_fusion(row.id, False))
        assert next(other.state for other in fused.rows if other.id == row.id) == "off"
        assert row.id in {layer.id for layer in fused.graph.layers}
        assert torch.allclose(Executor(fused.graph)([x]), expected, rtol=1e-9, atol=1e-9)


BLOCKED = {
    "zero padding": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=1)], IMAGE, "pads with zeros"),
    "same": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding="same")], IMAGE, "pads with zeros"),
    "one axis padded": ([nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding=(0, 1))], IMAGE, "pads with zeros"),
    "transposed": ([nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 6, 3)], IMAGE, "different numbers of products"),
    "transposed, strided": (
        [nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 6, 1, stride=2)], IMAGE, "different numbers of products"),
    "pre-activation": ([nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 1)], IMAGE, "the model's input"),
    "pad between": ([nn.BatchNorm2d(4), nn.ZeroPad2d(1), nn.Conv2d(4, 6, 3)], IMAGE, "the model's input"),
    "mixed axes": (
        [nn.BatchNorm2d(4), Do(lambda x: x.permute(0, 2, 1, 3).flatten(1)), nn.Linear(144, 3)], IMAGE,
        "mixes its channels"),
    "along the sequence": ([nn.BatchNorm1d(5), nn.Linear(8, 3)], SEQUENCE, "another axis than its channels"),
    "flattened away": ([nn.Conv2d(4, 6, 3), nn.Flatten(), nn.BatchNorm1d(96)], IMAGE, "another axis"),
}  # fmt: skip


@pytest.mark.parametrize("name", BLOCKED)
def test_what_is_not_exact_is_blocked_with_the_reason(name, canonical):
    parts, x, reason = BLOCKED[name]
    net = settle(Net(*parts))
    fused = fuse(canonical(net, x), QuantPlan())
    row = next(row for row in fused.rows if row.id.endswith("batch_norm"))
    assert row.state == "blocked"
    assert reason in row.reason
    assert torch.allclose(Executor(fused.graph)([x]), net(x), rtol=1e-10)


FORKS = {
    "its result": (lambda p, x: p[1](y := p[0](x)).mean() + y.mean(), "its result is also read by :mean"),
    "an output": (lambda p, x: (p[1](y := p[0](x)), y), "its result is also an output of the model"),
    "the moved result": (
        lambda p, x: p[1](y := p[0](x).transpose(2, 3)).mean() + y.mean(),
        "its result is also read by :mean",
    ),
}


@pytest.mark.parametrize("name", FORKS)
def test_a_second_reader_blocks_the_way_into_the_next_layer(name, canonical):
    forward, reason = FORKS[name]
    net = settle(Net(nn.BatchNorm2d(4), nn.Conv2d(4, 6, 1), forward=forward))
    fused = fuse(canonical(net, IMAGE), QuantPlan())
    (row,) = [row for row in fused.rows if row.id.endswith("batch_norm")]
    assert row.state == "blocked"
    assert reason in row.reason


def test_a_shared_convolution_takes_the_norm_before_each_of_its_calls(canonical):
    def forward(parts, x):
        conv, one, two = parts
        return conv(two(conv(one(x)).tanh()))

    net = settle(Net(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4), nn.BatchNorm2d(4), forward=forward))
    fused = fuse(canonical(net, IMAGE), QuantPlan())
    assert [row.state for row in fused.rows] == ["fused", "fused"]
    assert [layer.op for layer in fused.graph.layers] == ["conv2d", "tanh", "conv2d"]
    assert torch.allclose(Executor(fused.graph)([IMAGE]), net(IMAGE), rtol=1e-10)


def test_a_norm_in_train_mode_goes_nowhere(canonical):
    net = settle(Net(nn.Conv2d(4, 4, 1), forward=lambda p, x: p[0](F.batch_norm(x, None, None, training=True))))
    (row,) = fuse(canonical(net, IMAGE), QuantPlan()).rows
    assert row.state == "blocked"
    assert "train mode" in row.reason


@pytest.mark.parametrize("op", ["hardswish", "hardsigmoid", "silu"])
def test_a_curve_behind_a_convolution_is_a_candidate_that_no_backend_has(op, canonical):
    net = settle(Net(nn.Conv2d(4, 4, 1), Do(getattr(F, op))))
    (row,) = fuse(canonical(net, IMAGE), QuantPlan()).rows
    assert (row.pattern, row.state) == (f"conv2d+{op}", "blocked")
    assert "unsupported by the backends" in row.reason


MISMATCHES = {"float": (None, True), "other bits": (7, True), "the same": (8, False)}


@pytest.mark.parametrize("name", MISMATCHES)
def test_a_clip_that_an_override_gives_another_type_stays_a_layer(name, canonical):
    bits, blocked = MISMATCHES[name]
    plan = QuantPlan()
    activation = None if bits is None else plan.default.activation.but(bits=bits, estimator="minmax")
    plan = plan.with_layer("parts.1:relu", activation=activation)
    graph = canonical(settle(Net(nn.Conv2d(4, 4, 1), nn.ReLU())), IMAGE)
    (row,) = fuse(graph, plan).rows
    assert row.state == ("blocked" if blocked else "fused")
    assert ("qconfig mismatch" in (row.reason or "")) == blocked


def test_a_layer_made_float_keeps_what_it_absorbed(canonical):
    plan = QuantPlan().with_layer("parts.0:conv2d", activation=None)
    (row,) = fuse(canonical(settle(Net(nn.Conv2d(4, 4, 1), nn.ReLU())), IMAGE), plan).rows
    assert row.state == "fused"


def test_statistics_of_a_value_that_is_no_longer_moved_have_a_name_of_their_own(traced):
    _, graph = traced("conv, flatten, norm")
    fused = fuse(graph, QuantPlan()).graph
    (conv,) = [layer for layer in fused.layers if not layer.transparent]
    assert conv.value == "parts.3:relu"
    assert fused.statistics[conv.value] not in graph.producer
    (stands,) = fuse(graph, QuantPlan()).stands_for.values()
    assert stands == ("parts.3:relu", fused.layers[-1].value)


class PreActivation(nn.Module):
    """BatchNorm, ReLU, convolution; the norms before 1x1 convolutions without ReLU go into these."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.norm1, self.conv1 = nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.norm2, self.conv2 = nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, padding=1)
        self.norm3, self.down = nn.BatchNorm2d(8), nn.Conv2d(8, 8, 1, stride=2)
        self.norm4, self.fc = nn.BatchNorm2d(8), nn.Linear(8 * 16, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.conv1(self.norm1(x).relu())
        x = x + self.conv2(self.norm2(y).relu())
        x = self.down(self.norm3(x))
        return self.fc(self.norm4(x.sigmoid()).flatten(1))


@pytest.mark.parametrize("target", [Target(), Target("fx", "onednn")], ids=lambda target: target.name)
def test_kernels_equal_the_simulation_where_a_norm_went_into_the_next_layer(target, canonical):
    if target.backend == "fx" and target.engine not in torch.backends.quantized.supported_engines:
        pytest.skip(f"torch has no engine {target.engine} here")
    net = settle(PreActivation()).float()
    x = torch.rand(4, 3, 8, 8)
    plan = QuantPlan.preset(target)
    fused = fuse(canonical(net, x), plan)
    front = {layer.id: layer.before for layer in fused.graph.layers if layer.before}
    assert front == {"down:conv2d": ("norm3:batch_norm",), "fc:linear": ("norm4:batch_norm",)}
    quantization = quantize(fused.graph, plan, calibrate(fused.graph, [(x,)], share=1.0).tensors)
    if target.backend == "ort":
        from qinspect.engine.backends.onnx.export import float_model
        from qinspect.engine.backends.ort.runner import OrtRunner

        runner = OrtRunner(quantization, float_model(fused.graph), 1)
    else:
        from qinspect.engine.backends.fx.runner import FxRunner

        runner = FxRunner(quantization)
    assert {"down:conv2d", "fc:linear"} <= set(runner.kernels)
    with torch.inference_mode():
        wanted = outputs_of(simulation(quantization)([x]))[0]
        step = float(quantization.values["fc:linear"].scale)
        assert float((runner.run([x])[0] - wanted).abs().max()) <= step * 1.001
        assert float((net(x) - wanted).abs().max()) < 0.3 * float(net(x).abs().max())
