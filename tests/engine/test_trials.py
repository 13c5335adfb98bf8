"""Plans tried out on samples: the same figures whatever a batch is passed in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.job import calibrate_model, first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.metric import TOP1
from qinspect.engine.plan.target import Target
from qinspect.engine.search import trials
from qinspect.engine.search.trials import Trials

STATES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(6, 12), nn.Linear(6, 12), nn.Linear(6, 4)

    def forward(self, x):
        states = torch.stack([torch.tanh(self.one(x)), self.two(x)])  # layers first, as recurrent state is
        return self.out(x), states

def model():
    torch.manual_seed(0)
    return Net()
"""


@pytest.fixture
def made(tmp_path):
    (tmp_path / "net.py").write_text(STATES)
    numbers = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
    np.save(tmp_path / "x.npy", numbers)
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model", None, ((1, 6),)), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "x.npy")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    stats = calibrate_model(model, data, plan).tensors
    return Trials(fused_graph(model, plan).graph, stats, data, "final", data.splits.final, TOP1), plan


def by_hand(made: Trials, plan, size: int) -> float:
    """Share of the outputs' power, by running all samples of a state that has them on its second axis."""
    from qinspect.engine.graph.execute import Executor, outputs_of
    from qinspect.engine.quantize import quantize
    from qinspect.engine.simulate import Simulation

    (whole,) = (torch.cat(parts) for parts in zip(*made._batches(), strict=True))
    float_, model = Executor(made.graph), Simulation(quantize(made.graph, plan, made.stats))
    shares = []
    with torch.inference_mode():
        reference = outputs_of(float_((whole,)))
        parts = [outputs_of(model((part,))) for part in whole.split(size)]
    for index, f in enumerate(reference):
        q = torch.cat([part[index] for part in parts], index)  # the first output's samples are on axis 0
        shares.append(float(((q - f).double() ** 2).sum() / (f.double() ** 2).sum()))
    return sum(shares) / len(shares)


def test_outputs_that_have_their_samples_on_another_axis_are_put_together_again(made, monkeypatch):
    found, plan = made
    dynamic = plan.with_default(
        plan.default.weight, dataclasses.replace(plan.default.activation, dynamic=True)
    ).with_target(dataclasses.replace(plan.target, batch=2))
    assert found.verify(dynamic).mse == pytest.approx(by_hand(found, dynamic, 2), rel=1e-4)
    # Static plans are passed in portions that fit the processor's cache.
    split = lambda _, inputs: [tuple(part) for part in zip(*(t.split(3) for t in inputs), strict=True)]  # noqa: E731
    monkeypatch.setattr(trials, "portions", split)
    assert found.verify(plan).mse == pytest.approx(by_hand(found, plan, 64), rel=1e-4)
