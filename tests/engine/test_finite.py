"""A float model whose answers are no numbers is refused, naming the first sample and the first layer; no figure is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.float_check import check_float
from qinspect.engine.job import calibrate_model, first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import quantize

NET = """\
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x):
        y = torch.log(x.mean(1, keepdim=True) + 1)
        z = self.last(torch.relu(self.first(x)))
        return z, y

def model():
    return Net(), torch.rand(2, 4)
"""


@pytest.fixture
def opened(tmp_path):
    """Opens the net with data of which sample 7 has values whose logarithm is NaN, or infinite."""
    (tmp_path / "net.py").write_text(NET)

    def opened(value, split):
        x = np.random.default_rng(0).random((24, 4), np.float32)
        x[7] = value
        np.savez(tmp_path / "d.npz", x=x, y=np.arange(24) % 3)
        model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
        data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
        good, others = tuple(range(8, 24)), tuple(range(8))
        parts = {"calibrate": good, "select": good, "final": good, split: others}
        return model, dataclasses.replace(data, splits=dataclasses.replace(data.splits, **parts))

    return opened


SAID = (
    r"net\.py:model: the float model's output is NaN or infinite for x\[7\], and the first layer whose values "
    r"are so is :log \(.*net\.py:11\)\. Mend that layer, or leave such samples out"
)


@pytest.mark.parametrize("value", [-2.0, -1.0], ids=["nan", "infinite"])
def test_the_first_sample_and_layer_are_named_before_any_figure(opened, value):
    model, data = opened(value, "final")
    with pytest.raises(Problem, match=SAID):
        check_float(model, data)
    plan = first_plan(model.graph, Target())
    with pytest.raises(Problem, match=SAID):
        analyze(model, data, plan, calibrate_model(model, data, plan), kernels=False, latency=False)


@pytest.mark.parametrize("value", [-2.0, -1.0], ids=["nan", "infinite"])
def test_statistics_of_such_samples_are_refused_also_where_they_are_there(opened, value, monkeypatch):
    model, data = opened(value, "calibrate")
    with pytest.raises(Problem, match=SAID):
        calibrate_model(model, data, QuantPlan())
    monkeypatch.setattr("qinspect.engine.job.demand_calibrated", lambda *_: None)
    known = calibrate_model(model, data, QuantPlan())  # as of an earlier version
    monkeypatch.undo()
    with pytest.raises(Problem, match=SAID):
        calibrate_model(model, data, QuantPlan(), known=known)


def test_a_value_without_a_number_names_its_layer(opened):
    model, data = opened(1.0, "final")
    calibration = calibrate_model(model, data, QuantPlan())
    none = dataclasses.replace(calibration.tensors["last:linear"], nonfinite=calibration.tensors["last:linear"].count)
    with pytest.raises(Problem, match=r"^last:linear: its values were all NaN or infinite during calibration"):
        quantize(fused_graph(model, QuantPlan()).graph, QuantPlan(), {**calibration.tensors, "last:linear": none})


def test_where_it_gives_numbers_when_it_is_run_again_no_layer_is_named(opened):
    model, data = opened(1.0, "final")
    lacks = iter([torch.nan, torch.nan])
    moody = dataclasses.replace(model, forward=lambda x: (torch.full((len(x), 3), next(lacks)), torch.zeros(len(x), 1)))
    with pytest.raises(Problem, match=r"model: the float model's output is NaN or infinite\. Look for what divides"):
        check_float(moody, data)
