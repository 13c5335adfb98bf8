"""Expected answers: checked by drawing noise, and by running plans."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import QuantPlan
from qinspect.engine.quantize import quantize
from qinspect.engine.search.answers import chances_to_stay, expected_agreement, expected_drop
from qinspect.engine.search.costs import Costs, score_plans
from qinspect.engine.search.whatif import estimate_plan
from qinspect.engine.sensitivity.scores import Answers

RNG = np.random.default_rng(0)


def answers(logits, labels=None):
    order = np.argsort(-logits, 1)
    best = np.take_along_axis(logits, order, 1)
    return Answers(order, best[:, :1] - best[:, 1:], {}, labels)


def test_the_chance_to_stay_is_that_of_drawn_noise():
    logits = RNG.normal(size=(5, 6))
    parts = [RNG.uniform(0.2, 0.6, 5) for _ in range(3)]
    deviation = np.sqrt(np.square(parts).sum(0) / 2)
    noisy = logits + deviation[:, None] * RNG.normal(size=(40_000, 5, 6))
    stayed = (noisy.argmax(-1) == logits.argmax(-1)).mean(0)
    assert chances_to_stay(answers(logits), parts) == pytest.approx(stayed, abs=0.01)


def test_without_noise_every_answer_stays():
    found = answers(RNG.normal(size=(9, 4)), RNG.integers(0, 4, 9))
    stays = chances_to_stay(found, [])
    assert stays == pytest.approx(1)
    assert expected_agreement(stays).value == pytest.approx(1)
    assert expected_drop(found, [], stays).value == pytest.approx(0)


def test_the_expected_drop_is_that_of_drawn_noise():
    logits, labels = RNG.normal(size=(400, 3)), RNG.integers(0, 3, 400)
    parts = [np.full(400, 0.8)]
    noisy = logits + 0.8 / 2**0.5 * RNG.normal(size=(200, 400, 3))
    drop = (logits.argmax(1) == labels).mean() - (noisy.argmax(-1) == labels).mean()
    found = answers(logits, labels)
    expected = expected_drop(found, parts, chances_to_stay(found, parts))
    assert expected.value == pytest.approx(drop, abs=0.02)
    assert expected.low < expected.value < expected.high
    assert expected_drop(answers(logits), parts, chances_to_stay(found, parts)) is None


@pytest.fixture(scope="module")
def case(trace_once):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 6)).eval()
    x = torch.randn(512, 12)
    graph = fuse(trace_once(net, x[:2]), QuantPlan()).graph
    return graph, x, calibrate(graph, [(x,)], share=1.0).tensors


@pytest.mark.parametrize("bits", [4, 5, 8])
def test_the_agreement_of_a_plan_is_foreseen(case, bits):
    graph, x, stats = case
    plan = QuantPlan().with_default(activation=QuantPlan().default.activation.but(bits=bits))
    with torch.no_grad():
        exact = Executor(graph)((x,))
        run = simulation(quantize(graph, plan, stats))((x,))
    stayed = float((exact.argmax(1) == run.argmax(1)).double().mean())
    labels = exact.argmax(1).numpy()
    costs = score_plans(graph, [plan], stats, [(x,)], margins=True, labels=labels)
    found = estimate_plan(graph, plan, costs)
    assert found.agreement.value == pytest.approx(stayed, abs=0.05)
    assert found.agreement.low < found.agreement.value <= found.agreement.high
    assert found.drop.value == pytest.approx(1 - found.agreement.value)


def test_answers_that_were_not_followed_are_not_made_up(case):
    graph, x, stats = case
    found = estimate_plan(graph, QuantPlan(), score_plans(graph, [QuantPlan()], stats, [(x[:32],)]))
    assert found.known
    assert (found.agreement, found.drop) == (None, None)


def test_what_was_followed_before_is_kept_when_more_is_scored(case):
    graph, x, stats = case
    other = QuantPlan().with_default(activation=QuantPlan().default.activation.but(bits=5))
    first = score_plans(graph, [QuantPlan()], stats, [(x[:64],)], margins=True)
    both = score_plans(graph, [other], stats, [(x[:64],)], first, margins=True)
    assert estimate_plan(graph, QuantPlan(), both) == estimate_plan(graph, QuantPlan(), first)
    assert estimate_plan(graph, other, both).agreement.value < estimate_plan(graph, QuantPlan(), both).agreement.value
    assert not estimate_plan(graph, other, Costs()).known
