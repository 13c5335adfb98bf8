"""Measuring one layer at a time gives what a run of the whole model with that layer gives."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.errors import OutputErrors
from qinspect.engine.graph.execute import Executor
from qinspect.engine.metric import TOP1
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.problem import Problem
from qinspect.engine.progress import Cancelled
from qinspect.engine.sensitivity.sweep import read_sweep, sweep
from qinspect.engine.simulate import Simulation

PLAN = QuantPlan().with_default(TensorConfig("int8", bits=5, symmetric=True), TensorConfig("uint8", bits=5))


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x).relu()
        x = x + self.inner(x)
        return self.fc(self.pool(x).flatten(1))


@pytest.fixture(scope="module")
def q(trace_once):
    from qinspect.engine.calibrate import calibrate
    from qinspect.engine.fuse import fuse
    from qinspect.engine.quantize import quantize

    torch.manual_seed(0)
    graph = fuse(trace_once(Residual(), torch.rand(2, 3, 8, 8)), PLAN).graph
    return quantize(graph, PLAN, calibrate(graph, BATCHES, share=1.0).tensors)


BATCHES = [(torch.randn(n, 3, 8, 8, generator=torch.Generator().manual_seed(n)),) for n in (6, 5)]
LABELS = np.arange(11) % 5


def whole_run(q, chosen):
    """Errors at the output when the layers in `chosen` round, all others being float."""
    plain, simulation = Executor(q.graph, channels_last=True), Simulation(q, channels_last=True)
    found, answers = OutputErrors(), []
    with torch.no_grad():
        for inputs in BATCHES:
            values = dict(zip(q.graph.input_names, inputs, strict=True))
            for layer in q.graph.layers:
                values[layer.value] = (simulation if layer.id in chosen else plain).run_layer(layer, values)
            found.add([plain(inputs)], [values[name] for name in q.graph.output_values])
            answers.append(values[q.graph.output_values[0]].argmax(-1).numpy())
    return found, np.concatenate(answers)


def test_isolated_is_a_run_with_that_layer_alone_and_leave_one_out_one_with_all_others(q):
    found = sweep(q, BATCHES, metric=TOP1, targets=LABELS)
    everything = {layer.id for layer in q.graph.layers}
    assert set(found.isolated) == set(found.leave_one_out) == q.rounding
    assert found.samples == 11
    for id in q.rounding:
        for row, chosen in ((found.isolated[id], {id}), (found.leave_one_out[id], everything - {id})):
            expected, answers = whole_run(q, chosen)
            assert row.mse == pytest.approx(expected.mse, rel=1e-3)
            assert row.kl == pytest.approx(expected.mean_kl, rel=1e-3, abs=1e-9)
            assert row.sqnr_db == pytest.approx(-10 * np.log10(row.mse), abs=1e-6)
            assert row.agreement == expected.agreement
            assert row.cosine == pytest.approx(expected.powers[0].cosine)
            assert row.max == pytest.approx(expected.powers[0].max, rel=1e-3)
            assert row.metric == pytest.approx((answers == LABELS).mean())


def test_the_figures_do_not_depend_on_the_memory_that_is_allowed(q):
    roomy, tight = sweep(q, BATCHES), sweep(q, BATCHES, memory_bytes=1)
    for id, row in roomy.isolated.items():
        assert tight.isolated[id].mse == pytest.approx(row.mse, rel=1e-3)
        assert tight.leave_one_out[id].kl == pytest.approx(roomy.leave_one_out[id].kl, rel=1e-3)


def test_the_most_promising_layers_come_first_and_what_was_measured_when_cancelled_is_kept(q, monkeypatch):
    monkeypatch.setattr("qinspect.engine.sensitivity.sweep.FIRST", 1)
    order = sorted(q.rounding, reverse=True)
    kept, notes = [], []

    def stop(done, total, note=""):
        notes.append((done, total))
        if kept:
            raise Cancelled

    with pytest.raises(Cancelled):
        sweep(q, BATCHES, stop, order=order, keep=kept.append)
    assert list(kept[-1].isolated) == order[:1]
    assert notes == sorted(notes)
    asked = []
    resumed = sweep(q, BATCHES, order=order, known=kept[-1], keep=asked.append)
    assert resumed.isolated == sweep(q, BATCHES, order=order).isolated
    assert resumed.isolated[order[0]] is kept[-1].isolated[order[0]]
    assert [len(part.isolated) for part in asked] == [2, 4, len(order)]


def test_a_sweep_comes_back_from_its_file(tmp_path, q):
    found = dataclasses.replace(sweep(q, BATCHES), key="k")
    (tmp_path / "sweep.json").write_text(json.dumps(found.to_json()))
    assert read_sweep(tmp_path / "sweep.json") == found


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', '{"version": 1, "isolated": {"a": {"b": 1}}}'])
def test_another_file_is_named_as_no_sweep(tmp_path, content):
    (tmp_path / "sweep.json").write_text(content)
    with pytest.raises(Problem, match=r"sweep\.json"):
        read_sweep(tmp_path / "sweep.json")


def test_nothing_is_run_where_all_is_known(q):
    known = sweep(q, BATCHES)

    def never(*_):
        raise AssertionError

    assert sweep(q, BATCHES, never, known=known) == known
