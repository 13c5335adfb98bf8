"""What a finding's remedy wins back is run, and findings stand in the order of that."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.doctor import ordered
from qinspect.engine.job import calibrate_model
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.progress import Cancelled
from qinspect.engine.results import Analysis, Finding, Tried, analysis_from_json

COARSE = QuantPlan().with_default(TensorConfig("int8", bits=4, symmetric=True), TensorConfig("uint8"))

NET = """
import torch
from torch import nn


def make(outputs):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, outputs))
    spread = torch.logspace(0, -1.5, 32)
    net[0].weight.data.mul_(spread[:, None])
    net[0].bias.data.mul_(spread)
    net[2].weight.data.mul_(4 / spread)
    return net.eval(), (torch.rand(2, 6),)


def classes():
    return make(10)


def regression():
    return make(1)
"""
"""The first layer's weights are of very different size by channel."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tried")
    (folder / "net.py").write_text(NET)
    np.save(folder / "x.npy", np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32))
    return folder


@pytest.fixture(scope="module", params=["classes", "regression"])
def either(folder, request):
    return opened(folder, request.param)


@pytest.fixture(scope="module")
def classes(folder):
    return opened(folder, "classes")


def opened(folder, name: str, samples: int = 200):
    model = load_model(ModelSpec(f"{folder / 'net.py'}:{name}"), allow_code=True)
    return model, open_data(DataSpec(str(folder / "x.npy"), samples=samples))


def analyzed(model_and_data, plan: QuantPlan, **words) -> Analysis:
    model, data = model_and_data
    return analyze(model, data, plan, calibrate_model(model, data, plan), kernels=False, latency=False, **words)


def test_what_a_remedy_does_is_what_an_analysis_of_its_plan_finds(either):
    found = analyzed(either, COARSE, samples=48)
    ran = [finding for finding in found.findings if finding.tried is not None]
    assert ran
    for finding in ran:
        tried, after = finding.tried, analyzed(either, plan_from_json(finding.plan), samples=48).totals
        assert tried.samples == after.samples == 48
        assert (tried.kl_before, tried.mse_before) == pytest.approx((found.totals.kl, found.totals.mse))
        assert (tried.kl, tried.mse, tried.agreement) == pytest.approx((after.kl, after.mse, after.agreement))
        assert (tried.won is None) == (after.kl is None)
        if tried.won is not None:
            assert tried.won[0] == pytest.approx(found.totals.kl - after.kl)
            assert tried.won[1] < tried.won[0] < tried.won[2]
    assert any(finding.tried.gain > 0 for finding in ran)
    assert analysis_from_json(found.to_json()) == found


def test_findings_stand_in_the_order_of_what_their_remedies_were_seen_to_win_back(classes):
    wins = [finding.wins or 0.0 for finding in analyzed(classes, COARSE).findings if finding.severity != "error"]
    assert wins == sorted(wins, reverse=True)


def test_of_many_samples_the_first_are_taken(classes, folder):
    found = analyzed(classes, COARSE)
    assert found.totals.samples == 50
    assert {finding.tried.samples for finding in found.findings if finding.tried} == {50}
    many = opened(folder, "classes", samples=400)
    assert {finding.tried.samples for finding in analyzed(many, COARSE).findings if finding.tried} == {64}


def test_an_analysis_that_is_stopped_while_remedies_run_is_kept(classes):
    kept = []

    def report(done: float, total: float, note: str = "") -> None:
        if note == "trying remedies":
            raise Cancelled

    with pytest.raises(Cancelled):
        analyzed(classes, COARSE, report=report, partly=kept.append)
    assert kept[-1].findings
    assert all(finding.tried is None for finding in kept[-1].findings)
    assert kept[-1].totals.estimated_kl is not None


def finding(rule: str, severity: str, gain: float | None, won: tuple[float, float, float] | None = None) -> Finding:
    tried = None if won is None else Tried(64, 0.05, 0.05 - won[0], won, 0.1, 0.1, 0.9, 0.9)
    return Finding(rule, rule, "", (), severity, gain, "", {}, tried)


def test_a_remedy_that_wins_nothing_back_is_a_note_and_comes_behind_what_does():
    found = ordered(
        [
            finding("sensitive_layers", "warning", 0.03, (0.004, -0.002, 0.01)),
            finding("clipped_on_unseen", "warning", 0.02, (-0.01, -0.02, -0.005)),
            finding("estimator_cuts", "note", 0.001, (0.02, 0.01, 0.03)),
            finding("layer_slower", "warning", None, (0.0, -0.001, 0.001)),
            finding("float_metric_low", "error", None),
        ]
    )
    assert [(each.rule, each.severity) for each in found] == [
        ("float_metric_low", "error"),
        ("estimator_cuts", "note"),
        ("layer_slower", "warning"),
        ("sensitive_layers", "note"),
        ("clipped_on_unseen", "note"),
    ]
    said = {each.rule: each.tried.said for each in found if each.tried}
    assert said["estimator_cuts"] == "KL 0.05 → 0.03 nats, run on 64 samples"
    assert said["sensitive_layers"] == "no difference that 64 samples can tell: KL 0.05 → 0.046 nats"
    assert said["clipped_on_unseen"].startswith("makes it worse: KL 0.05 → 0.06 nats")


def test_of_a_model_without_classes_the_squared_error_is_said():
    tried = Tried(64, None, None, None, 0.1, 0.02, None, None)
    assert tried.gain == pytest.approx(0.08)
    assert tried.said == "MSE 0.1 → 0.02 of the outputs' power, run on 64 samples"
    assert replace(tried, mse=0.2).said.startswith("wins nothing back")


def test_quick_figures_come_without(classes):
    assert all(finding.tried is None for finding in analyzed(classes, COARSE, remedies=False).findings)
