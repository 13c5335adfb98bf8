"""An edit's estimate on a net of 500 layers: in ms, and over one plain forward pass of the same net."""

from __future__ import annotations

import statistics
import time

import numpy as np
import pytest
import torch

from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.decide import decide
from qinspect.engine.job import calibrate_model, first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.target import Target
from qinspect.engine.search.costs import Costs
from qinspect.engine.search.timings import Border, Timings, kernels_used
from qinspect.engine.search.whatif import estimate_plan, score_missing

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

NET = """
import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b, self.c = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 3, padding=1, groups=c), nn.Conv2d(c, c, 1)
        self.n, self.m, self.o = (nn.BatchNorm2d(c) for _ in range(3))

    def forward(self, x):
        y = torch.relu(self.n(self.a(x)))
        return x + self.o(self.c(torch.relu(self.m(self.b(y)))))


class Net(nn.Module):
    def __init__(self, blocks=125, c=16):
        super().__init__()
        self.first, self.head = nn.Conv2d(3, c, 3, padding=1), nn.Linear(c, 10)
        self.blocks = nn.Sequential(*[Block(c) for _ in range(blocks)])

    def forward(self, x):
        return self.head(self.blocks(torch.relu(self.first(x))).mean((2, 3)))


def model():
    torch.manual_seed(0)
    return Net().eval()
"""


def median_ms(work, count: int) -> float:
    found = []
    for index in range(count):
        began = time.thread_time()  # other work on the computer does not count
        work(index)
        found.append((time.thread_time() - began) * 1e3)
    return statistics.median(found)


def test_an_edit_is_estimated_in_a_fraction_of_one_forward_pass(tmp_path, one_thread):
    (tmp_path / "net.py").write_text(NET)
    generator = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=generator.normal(size=(64, 3, 16, 16)).astype(np.float32), y=np.arange(64) % 10)
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model", input_shape=((1, 3, 16, 16),)), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    graph = fused_graph(model, plan).graph
    layers = [layer for layer in graph.layers if not layer.transparent]
    calibration = calibrate_model(model, data, plan)
    costs = score_missing(model, data, plan, calibration, Costs())
    times = dict.fromkeys(kernels_used(graph, decide(graph, plan)).items(), 10.0)
    times.update({(layer.id, "float"): 30.0 for layer in layers})
    costs = costs.merged(Costs(timings=Timings(times, Border(1, 1), Border(1, 1), 15.0, 5.0)))
    convolutions = [layer.id for layer in layers if layer.op == "conv2d"]
    config = plan.default.activation
    assert config is not None
    edits = {
        "a layer to float": lambda i: plan.with_layer(convolutions[i], None, None),
        "another range, not scored yet": lambda i: plan.with_layer(
            convolutions[i], activation=config.but(estimator="fixed", range=(-1.0, 1.0 + i))
        ),
        "the ranges of all activations, not scored yet": lambda i: plan.with_default(
            activation=config.but(estimator="fixed", range=(-1.0, 1.0 + i))
        ),
    }
    batch = torch.randn(16, 3, 16, 16)
    with torch.inference_mode():
        median_ms(lambda _: model.forward(batch), 3)
        forward = median_ms(lambda _: model.forward(batch), 10)
    print(f"\n{len(layers)} layers; a forward pass of 16 samples {forward:.0f} ms")
    for what, edit in edits.items():
        plans = [edit(index) for index in range(40)]

        def estimate(index: int, plans: list = plans) -> None:
            found = estimate_plan(fused_graph(model, plans[index]).graph, plans[index], costs, calibration.tensors)
            assert None not in (found.kl, found.mse, found.ms, found.agreement, found.drop)

        ms = median_ms(estimate, len(plans))
        print(f"{what}: {ms:.1f} ms, {ms / forward:.2f} forward passes")
        assert ms < forward
