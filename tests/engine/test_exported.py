"""What every export's verification has in common."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.cli.terminal import divergence
from qinspect.engine.backends.exported import first_inputs, unlike_outputs
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.job import calibrate_model
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.plan.target import Target


@pytest.fixture
def given(tmp_path):
    """A model of two linear layers with a free batch, and 24 samples for it."""
    torch.manual_seed(0)
    x = torch.randn(24, 6)
    program = torch.export.export(
        nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval(),
        (x[:2],),
        dynamic_shapes=({0: torch.export.Dim("batch")},),
    )
    torch.export.save(program, tmp_path / "net.pt2")
    np.save(tmp_path / "x.npy", x.numpy())
    model = load_model(ModelSpec(str(tmp_path / "net.pt2")))
    return model, open_data(DataSpec(str(tmp_path / "x.npy")), model.graph.inputs[0].shape)


def test_a_dynamic_plan_is_verified_at_its_targets_batch(given, tmp_path, monkeypatch):
    """Its ranges are those of the batch: one of 16 has others than the 16 alone."""
    from qinspect.engine.backends.pt2e import export as pt2e

    model, data = given
    seen: list[int] = []
    monkeypatch.setattr(pt2e, "export_pt2e", lambda q, out, samples, *_, **__: seen.extend(len(b[0]) for b in samples))
    for batch in (1, 2):
        plan = QuantPlan(Target("pt2e", "inductor", batch=batch), PRESETS["default-dynamic"])
        export(model, plan, calibrate_model(model, data, plan), data, "pt2e", tmp_path / "out.pt2")
        assert set(seen) == {batch}
        seen.clear()


def test_a_kits_inputs_are_taken_from_as_many_batches_as_it_takes(given, canonical, quantized):
    x = torch.arange(30.0).reshape(10, 3)
    q = quantized(canonical(nn.Linear(3, 2), x), QuantPlan.preset(Target()), [(x,)])
    for size in (1, 4, 10):
        assert torch.equal(first_inputs(q, [(part,) for part in x.split(size)], 8)[0], x[:8])


def test_an_export_without_an_integer_layer_says_so(given, tmp_path):
    model, data = given
    for preset, said in (("qinspect", False), ("float", True)):
        plan = QuantPlan(Target(), PRESETS[preset])
        found = export(model, plan, calibrate_model(model, data, plan), data, "onnx", tmp_path / f"{preset}.onnx")
        assert found.verified
        assert any("nothing in it is quantized" in str(note) for note in found.notes) == said


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ([1.0, 2.0, -math.inf], False),
        ([1.0, 2.001, -math.inf], False),
        ([1.0, 3.0, -math.inf], True),
        ([1.0, math.nan, -math.inf], True),
        ([1.0, math.inf, -math.inf], True),
    ],
)
def test_outputs_without_a_finite_difference_are_not_taken_for_those_of_the_simulation(given, wrong):
    simulated = [[torch.tensor([[1.0, 2.0, -math.inf]])]]
    assert bool(unlike_outputs([[torch.tensor([given])]], simulated)) == wrong


def test_a_divergence_without_a_number_is_said_in_words():
    assert [divergence(kl) for kl in (0.25, math.inf, math.nan)] == ["0.2500 nats", "infinite", "undefined"]
