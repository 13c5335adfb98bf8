"""Activation functions in ONNX: the right numbers, in operators that are fast, and the time under their layer."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.opset import lowest_onnxruntime, with_opset
from qinspect.engine.backends.ort.runner import OrtRunner, open_model, session
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target

CURVES = {
    "gelu": nn.GELU(),
    "gelu with tanh": nn.GELU("tanh"),
    "mish": nn.Mish(),
    "silu": nn.SiLU(),
    "elu": nn.ELU(0.5),
    "selu": nn.SELU(),
    "celu": nn.CELU(0.7),
    "softplus": nn.Softplus(),
    "softplus, steep": nn.Softplus(3.0),
    "group norm": nn.GroupNorm(2, 8),
}


class Net(nn.Module):
    """A curve between two convolutions, input (N, 4, 12, 12)."""

    def __init__(self, curve: nn.Module) -> None:
        super().__init__()
        self.first, self.curve, self.last = nn.Conv2d(4, 8, 3), curve, nn.Conv2d(8, 8, 3)

    def forward(self, x):
        return self.last(self.curve(self.first(x)))


@pytest.mark.parametrize("kind", CURVES)
def test_a_curve_gives_torchs_numbers_far_out_too(canonical, kind):
    x = torch.cat([torch.linspace(-100, 100, 3991), torch.randn(9)]).reshape(1, 8, 20, 25)
    x[0, 0, 0, :2] = torch.tensor([1e4, -1e4])
    with torch.no_grad():
        wanted = CURVES[kind](x).numpy()
    found = session(float_model(canonical(CURVES[kind], x)), 1).run(None, {"input": x.numpy()})[0]
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("kind", CURVES)
def test_a_curves_time_is_its_layers(canonical, quantized, kind):
    x = torch.randn(2, 4, 12, 12)
    q = quantized(canonical(Net(CURVES[kind]), x), QuantPlan.preset(Target()), [(x,)])
    runner = OrtRunner(q, float_model(q.graph))
    timing = runner.time((x,), 1, 3)
    curve = next(layer.id for layer in q.graph.layers if layer.id.startswith("curve"))
    assert curve in timing.fp32_us
    assert curve in timing.int8_us
    assert "" not in timing.fp32_us  # nothing is left that belongs to no layer
    assert set(timing.int8_us) - {""} == {layer.id for layer in q.graph.layers}
    assert {("first:conv2d", curve), (curve, "last:conv2d")} <= set(timing.boundaries)
    with torch.no_grad():
        wanted = outputs_of(simulation(q)((x,)))[0]
    step = float(q.values["last:conv2d"].scale)
    assert float((runner.run((x,))[0] - wanted).abs().max()) <= 1.01 * step


@pytest.mark.parametrize(("kind", "op"), [("gelu", "Gelu"), ("silu", "QuickGelu")])
def test_onnxruntime_runs_a_curve_as_one_operator_in_float_and_between_whole_numbers(canonical, quantized, kind, op):
    x = torch.randn(2, 4, 12, 12)
    q = quantized(canonical(Net(CURVES[kind]), x), QuantPlan.preset(Target()), [(x,)])
    plain = float_model(q.graph)
    assert all(node.domain == "" for node in onnx.load_from_string(plain).graph.node)
    whole = OrtRunner(q, plain).model_bytes
    for model in (plain, whole):
        kinds = [node.op_type for node in open_model(model, 1)[1].graph.node]
        assert kinds.count(op) == 1
        assert not {"Erf", "Sigmoid", "Mul"} & set(kinds)
    old = with_opset(onnx.load_from_string(whole), 13)
    assert lowest_onnxruntime(old) == {"Gelu": "1.6", "QuickGelu": "1.12"}[op]
