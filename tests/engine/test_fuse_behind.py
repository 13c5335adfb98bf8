"""Additions and curves in the kernel of the layer before them, where a target has one that does both."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.backends.pt2e.lower import lower
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.kernels import compare
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import ACTIVATION, WEIGHT
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import Quantization
from qinspect.engine.simulate import Simulation

ONEDNN, PT2E = Target("fx", "onednn"), Target("pt2e", "inductor")


class Residual(nn.Module):
    """Sums behind convolutions, plain and clipped, and curves behind convolution and linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.mid = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.one, self.two, self.short = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.norm = nn.BatchNorm2d(8)
        self.swish, self.silu = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 32, 1)
        # Of products of fewer than 17 inputs inductor makes loops in float where the batch is 1.
        self.leaky, self.tanh, self.gelu, self.fc = (nn.Linear(32, 32) for _ in range(4))

    def forward(self, x):
        x = self.stem(x)
        x = F.relu(self.norm(self.one(F.relu(self.mid(x)))) + x)
        x = self.two(F.relu(x)) + self.short(x)
        x = F.silu(self.silu(F.hardswish(self.swish(x)))).mean((2, 3))
        x = F.leaky_relu(self.leaky(x), 0.2)
        return self.fc(F.gelu(self.gelu(torch.tanh(self.tanh(x)))))


class Later(nn.Module):
    """Sums that a kernel may not write over what it adds: `kind` says why."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.one, self.two = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

    def forward(self, x):
        y = F.relu(self.one(x))
        if self.kind == "read later":
            return self.two(F.hardtanh(self.two(F.max_pool2d(y, 1)) + y) * y)
        if self.kind == "view read later":
            return (self.two(F.max_pool2d(y, 1)) + y).flatten(1) * y.flatten(1)
        if self.kind == "own input":
            return self.two(y) + y
        if self.kind == "output":
            return self.two(F.max_pool2d(y, 1)) + y, y
        return self.two(F.max_pool2d(y, 1)) + F.adaptive_avg_pool2d(y, 1)


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(6, 3, 12, 12)


def plan_for(target: Target) -> QuantPlan:
    return QuantPlan(target).with_default(WEIGHT, ACTIVATION)


def rows(graph: Any, plan: QuantPlan) -> dict[str, tuple[str, str]]:
    """State and reason of every candidate behind a layer, by id."""
    return {row.id: (row.state, row.reason or "") for row in fuse(graph, plan).rows}


def test_onednn_takes_sums_leaky_relu_and_tanh_and_inductor_sums_swishes_and_gelu(canonical, images):
    graph = canonical(Residual(), images)
    behind = {":add": "relu", ":add#2": None, ":hardswish": None, ":silu": None}
    onednn, pt2e, x86 = (rows(graph, plan_for(t)) for t in (ONEDNN, PT2E, Target("fx", "x86")))
    always = {"norm:batch_norm", ":relu", ":relu#2"}
    sums = {":add", ":add#2"}
    assert {key for key in onednn if onednn[key][0] == "fused"} == always | sums | {":leaky_relu", ":tanh"}
    assert {key for key in pt2e if pt2e[key][0] == "fused"} == always | sums | {":hardswish", ":silu", ":gelu"}
    assert {key for key in x86 if x86[key][0] == "fused"} == always
    assert all(x86[key][1].startswith("unsupported by the backends") for key in behind)
    assert "engine onednn" in x86[":add"][1]
    assert "engine onednn" in x86[":add#2"][1]
    assert not {":leaky_relu", ":tanh"} & (pt2e.keys() | x86.keys())


def test_the_graph_with_sums_inside_gives_the_same_numbers(canonical, images):
    graph = canonical(Residual(), images)
    with torch.no_grad():
        (wanted,) = outputs_of(Executor(graph)((images,)))
        for target in (ONEDNN, PT2E):
            (found,) = outputs_of(Executor(fuse(graph, plan_for(target)).graph)((images,)))
            assert torch.allclose(found, wanted, atol=1e-5)


def test_the_later_of_two_layers_takes_the_sum(canonical, images):
    fused = fuse(canonical(Residual(), images), plan_for(ONEDNN)).graph
    assert [item.id for item in fused.by_id["short:conv2d"].fused] == [":add#2"]
    assert not fused.by_id["two:conv2d"].fused


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("read later", "read by :mul as well"),
        ("view read later", "read by :mul as well"),
        ("own input", "is also the input of two:conv2d"),
        ("output", "also an output of the model"),
        ("broadcast", "scales or repeats"),
    ],
)
def test_what_is_needed_afterwards_is_not_written_over(canonical, images, kind, reason):
    state, said = rows(canonical(Later(kind), images), plan_for(ONEDNN))[":add"]
    assert state == "blocked"
    assert reason in said


def test_a_plan_keeps_sums_apart(canonical, images):
    graph = canonical(Residual(), images)
    plan = plan_for(ONEDNN)
    assert rows(graph, plan.with_fusion(":add", False))[":add"] == ("off", "")
    narrow = plan.with_layer(":add", activation=ACTIVATION.but(bits=7))
    assert "qconfig mismatch" in rows(graph, narrow)[":add"][1]
    six = canonical(nn.Sequential(nn.Conv2d(3, 3, 1), Sum()), images)
    assert "clips sums by ReLU alone" in rows(six, plan_for(PT2E))["1:add"][1]


def test_gelu_is_taken_in_where_integer_layers_read_it_or_the_plan_says_so(canonical):
    x = torch.randn(4, 32)
    graph = canonical(nn.Sequential(nn.Linear(32, 32), nn.GELU()), x)
    assert rows(graph, plan_for(PT2E))["1:gelu"] == ("blocked", "it stays float, and so does what reads it")
    assert rows(graph, plan_for(PT2E).with_layer("1:gelu", activation=ACTIVATION))["1:gelu"][0] == "fused"
    inner = canonical(nn.Sequential(nn.Linear(32, 32), nn.GELU(), nn.Linear(32, 4)), x)
    assert rows(inner, plan_for(PT2E))["1:gelu"][0] == "fused"
    assert rows(inner, plan_for(PT2E).with_layer("1:gelu", activation=None))["1:gelu"][0] == "blocked"


def test_a_layer_left_float_takes_what_is_fused_to_it_along(canonical, quantized, images):
    graph = canonical(Residual(), images)
    plan = plan_for(ONEDNN).with_layer("one:conv2d", weight=None, activation=None)
    assert rows(graph, plan)[":add"][0] == "fused"
    q = quantized(graph, plan, [(images,)])
    assert "one:conv2d" not in q.asked | q.quantized
    with torch.no_grad():
        ours, theirs = FxRunner(q).run((images,))[0], outputs_of(Simulation(q)((images,)))[0]
    assert float((ours - theirs).abs().max()) < 0.05 * float(theirs.abs().max())


class Sum(nn.Module):
    """A sum, clipped at both ends."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        return F.relu6(self.conv(F.max_pool2d(x, 1)) + x)


@pytest.mark.parametrize("kind", ["residual", "clipped at both ends"])
def test_onednns_kernels_are_within_a_step_of_the_simulation(canonical, quantized, images, kind):
    if "onednn" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch has no engine onednn")
    net = Residual() if kind == "residual" else nn.Sequential(nn.Conv2d(3, 3, 1), Sum())
    images = 10 * images
    q: Quantization = quantized(canonical(net, images), plan_for(ONEDNN), [(images,)])
    runner = FxRunner(q)
    kernels = set(runner.kernels.values())
    assert kernels >= (
        {"quantized.ConvAdd2d", "quantized.ConvAddReLU2d", "quantized.LinearLeakyReLU", "quantized.LinearTanh"}
        if kind == "residual"
        else {"quantized.ConvAddReLU2d"}
    )
    found: dict[str, Any] = {}
    with torch.no_grad():
        compare(Simulation(q), runner.integers((images,)), (images,), found)
        ours, theirs = runner.run((images,))[0], outputs_of(Simulation(q)((images,)))[0]
    checks = {layer_id: difference.check() for layer_id, difference in found.items()}
    assert set(checks) == {layer.id for layer in q.graph.layers if layer.id in q.quantized and not layer.transparent}
    assert max(check.max_steps for check in checks.values()) <= 1
    assert min(check.equal_share for check in checks.values()) > 0.999
    assert float((ours - theirs).abs().max()) < 0.05 * float(theirs.abs().max())


def test_inductors_reference_program_is_bit_for_bit_the_simulation(canonical, quantized, images):
    q = quantized(canonical(Residual(), images), plan_for(PT2E), [(images,)])
    program = lower(q)
    assert set(program.quantizers) == set(q.values)
    assert not {"one:conv2d", "swish:conv2d", "gelu:linear"} & set(program.quantizers)
    more = 2 * images
    with torch.no_grad():
        (ours,), (theirs,) = outputs_of(program.module(more)), outputs_of(Simulation(q)((more,)))
    assert torch.equal(ours, theirs)


@pytest.mark.slow
def test_inductor_calls_one_kernel_for_both_and_the_profiler_names_the_layers(canonical, quantized, images):
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    import torch._inductor.config as inductor

    from qinspect.engine.backends.pt2e.kernels import kernels_in
    from qinspect.engine.backends.pt2e.runner import Pt2eRunner

    q = quantized(canonical(Residual(), images), plan_for(PT2E), [(images,)])
    with inductor.patch(compile_threads=1):
        runner = Pt2eRunner(q)
        assert {key: kernel for key, kernel in runner.kernels.items() if kernel.startswith("onednn")} == {
            **dict.fromkeys(
                ("stem:conv2d", "mid:conv2d", "two:conv2d", "swish:conv2d", "silu:conv2d"), "onednn.qconv_pointwise"
            ),
            **dict.fromkeys(("one:conv2d", "short:conv2d"), "onednn.qconv2d_pointwise"),
            **dict.fromkeys(
                ("leaky:linear", "tanh:linear", "gelu:linear", "fc:linear"), "onednn.qlinear_pointwise"
            ),
        }  # fmt: skip
        called = {layer for kernel in kernels_in(runner._whole) for layer in kernel.layers}
        timing = runner.time((images[:1],), 1, 5, lambda *_: None)
    assert called >= {layer.id for layer in q.graph.layers if not layer.transparent}
    assert {"stem:conv2d", "one:conv2d", "fc:linear"} <= set(timing.int8_us)
    assert {"stem:conv2d", "one:conv2d", "fc:linear"} <= set(timing.fp32_us)
    assert all(len(times) == 5 for times in timing.int8_us.values())
