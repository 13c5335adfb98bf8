"""Whatever a plan asks of torch's backends: a layer runs in integers or is refused with a reason."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.runner import OrtRunner
from qinspect.engine.backends.pt2e.lower import lower
from qinspect.engine.backends.pt2e.nodes import described
from qinspect.engine.backends.tables import table
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import DTYPES, FLOATS, GRANULARITIES, QConfig, TensorConfig
from qinspect.engine.plan.target import Target, first_qconfig
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import WEIGHTED, quantize
from qinspect.engine.simulate import Simulation

TARGETS = ("fx-x86", "fx-fbgemm", "fx-onednn", "fx-qnnpack", "eager-onednn", "pt2e")


class Mixed(nn.Module):
    """Convolution, depthwise and transposed, a sum, a product, a recurrent and a linear layer; input (N, 3, 6, 6)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.depthwise = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.up = nn.ConvTranspose2d(4, 4, 2)
        self.gru, self.fc = nn.GRU(7, 6, batch_first=True), nn.Linear(6, 5)

    def forward(self, x):
        x = F.relu(self.conv(x))
        x = F.hardswish(self.depthwise(x) + x) * x
        x, _ = self.gru(self.up(x).mean(2))
        return F.softmax(F.layer_norm(self.fc(x), (5,)), -1)


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def graph(trace_once, images) -> LayerGraph:
    torch.manual_seed(0)
    return trace_once(Mixed().requires_grad_(False), images)


def _tensor(**fields: Any) -> TensorConfig | None:
    try:
        return TensorConfig(**fields)
    except Problem:
        return None


CONFIGS = st.none() | st.builds(
    _tensor,
    dtype=st.sampled_from((*DTYPES, *FLOATS)) | st.sampled_from(("uint8", "int8")),
    bits=st.sampled_from((0, 0, 0, 4, 7, 8)),
    symmetric=st.booleans(),
    narrow=st.booleans(),
    granularity=st.sampled_from(GRANULARITIES),
    dynamic=st.booleans(),
    group_size=st.just(2),
)
ASKED = ("conv:conv2d", "fc:linear", "gru:gru", "up:conv_transpose2d", ":softmax")


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@example(default=(TensorConfig("int8", symmetric=True, granularity="per_group"), TensorConfig("uint8")), own={})
@example(default=(TensorConfig("int8", symmetric=True), TensorConfig("int16", dynamic=True)), own={})
@given(default=st.tuples(CONFIGS, CONFIGS), own=st.dictionaries(st.sampled_from(ASKED), st.tuples(CONFIGS, CONFIGS)))
def test_every_layer_that_is_asked_runs_in_integers_or_has_a_reason(name, graph, images, default, own):
    target = Target.parse(name)
    if target.backend != "pt2e" and target.engine not in torch.backends.quantized.supported_engines:
        pytest.skip(f"this torch has no engine {target.engine}")
    plan = QuantPlan(target, QConfig(*default)).with_layers({key: QConfig(*pair) for key, pair in own.items()})
    fused = fuse(graph, plan).graph
    with torch.no_grad():
        q = quantize(fused, plan, calibrate(fused, [(images,)]).tensors)
        theirs = outputs_of(Simulation(q)((images,)))
        for layer_id in q.asked:
            assert (layer_id in q.integer) != bool(q.why_not.get(layer_id)), layer_id
        integer = {layer.id for layer in fused.layers if layer.id in q.integer and not layer.transparent}
        assert integer <= q.asked
        if target.backend == "pt2e":
            program = lower(q).module
            weighted = {layer_id for layer_id in integer if fused.by_id[layer_id].op in WEIGHTED}
            assert weighted <= described(program.graph).layers
            ours = outputs_of(program(images))
        else:
            runner = FxRunner(q)
            assert set(runner.kernels) == integer
            ours = runner.run((images,))
    for one, two in zip(ours, theirs, strict=True):
        assert torch.isfinite(one).all()
        assert one.shape == two.shape


class Exponent(nn.Module):
    def forward(self, x):
        return torch.exp(x)


@pytest.mark.parametrize("target", [*TARGETS, "ort"])
def test_a_reason_names_the_operator_that_has_no_kernel(canonical, target):
    (layer,) = canonical(Exponent(), torch.randn(2, 3)).layers
    assert layer.op == "other"
    wanted = Target.parse(target)
    reason = table(wanted).why_not(layer, first_qconfig(wanted), wanted)
    assert "for exp" in reason


class Between(nn.Module):
    """An operation between two convolutions, on 4 channels; `high` are numbers that are stored."""

    def __init__(self, operation: Any) -> None:
        super().__init__()
        self.conv, self.behind, self.operation = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1), operation
        self.register_buffer("high", torch.linspace(0.1, 1, 4).reshape(4, 1, 1))

    def forward(self, x):
        return self.behind(self.operation(self, self.conv(x)))


NOT_IN_INTEGERS = {
    "clamp": lambda m, y: torch.clamp(y, max=m.high),
    "prelu": lambda m, y: F.prelu(y, y.mean((0, 2, 3))),
    "add": lambda m, y: torch.add(y, F.relu(y), alpha=2),
}
REASONS = {
    ("fx-onednn", "clamp"): "its limits are tensors, not numbers",
    ("fx-onednn", "prelu"): "its weight is computed at run time",
    ("fx-onednn", "add"): "torch runs it in integers only between two activations",
    ("ort", "clamp"): "its limits are tensors, not numbers",
    ("ort", "add"): "ONNX Runtime runs it in integers only between two activations",
    ("tensorrt", "clamp"): "its limits are tensors, not numbers",
    ("tensorrt", "add"): "TensorRT runs it in integers only between two activations",
    ("pt2e", "clamp"): "its limits are tensors, not numbers",
}


@pytest.mark.parametrize(("name", "op"), REASONS)
def test_what_no_kernel_computes_so_is_a_float_layer_with_its_reason(canonical, quantized, images, name, op):
    target = Target.parse(name)
    plan = QuantPlan(target, first_qconfig(target)).with_layers({f":{op}": first_qconfig(target)})
    q = quantized(canonical(Between(NOT_IN_INTEGERS[op]), images), plan, [(images,)])
    assert q.why_not[f":{op}"] == REASONS[name, op]
    assert {"conv:conv2d", "behind:conv2d"} <= q.integer


EXACT_IN_FLOAT = {
    **NOT_IN_INTEGERS,
    "half": lambda m, y: F.relu(y).half().float(),
    "double": lambda m, y: F.relu(y).double().float(),
    "long": lambda m, y: F.relu(y).mul(4).relu().long().float(),
    "convolution without a batch": lambda m, y: torch.stack([m.behind(F.relu(y[0])).mean(0)] * 4)[:, None].expand_as(y),
    "index": lambda m, y: m.high.flatten()[F.relu(y).mul(4).long().clamp(0, 3)],
    "pool with ceil_mode": lambda m, y: F.avg_pool2d(y, 3, 2, ceil_mode=True),
    "pool with padding and ceil_mode": lambda m, y: F.avg_pool2d(y, 3, 2, 1, True, False),
    "pool with a divisor": lambda m, y: F.avg_pool2d(y, 3, 2, divisor_override=5),
}


@pytest.mark.parametrize("name", ["fx-onednn", "eager-onednn", "ort"])
@pytest.mark.parametrize("op", EXACT_IN_FLOAT)
def test_what_kernels_and_simulation_compute_of_unusual_operations_is_the_same(canonical, quantized, images, name, op):
    target = Target.parse(name)
    graph = canonical(Between(EXACT_IN_FLOAT[op]), images)
    q = quantized(graph, QuantPlan(target, first_qconfig(target)), [(images,)])
    with torch.no_grad():
        (theirs,) = outputs_of(simulation(q)((images,)))
        runner = OrtRunner(q, float_model(q.graph)) if name == "ort" else FxRunner(q)
        (ours,) = runner.run((images,))
    assert (ours - theirs).abs().max() <= 0.02 * theirs.abs().max()
