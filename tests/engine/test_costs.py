"""Effects of single roundings: they add up to what a whole plan's score says, whatever the plan leaves in float."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qinspect.engine.backends.ort import table as ort_table
from qinspect.engine.calibrate import calibrate
from qinspect.engine.decide import decide
from qinspect.engine.fuse import fuse
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import QConfig, TensorConfig
from qinspect.engine.quantize import quantize
from qinspect.engine.search.costs import Costs, Effect, Rounding, plan_bytes, roundings, score_plans
from qinspect.engine.sensitivity.estimate import Draws, score

FLOAT = QConfig(None, None)


class Branches(nn.Module):
    """Two branches that are added, a pool, and a layer without an integer kernel in between."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (nn.Conv2d(n, 8, 3, padding=1) for n in (3, 8, 8))
        self.norm, self.fc = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, x):
        a = torch.relu(self.one(x))
        a = a + torch.relu(self.two(a))
        a = torch.relu(self.three(torch.max_pool2d(a, 2)))
        return self.fc(self.norm(a.mean((2, 3))))


@pytest.fixture
def case(canonical):
    torch.manual_seed(1)
    x = torch.randn(64, 3, 8, 8)
    plan = QuantPlan().with_default(
        TensorConfig("int8", bits=5, symmetric=True, granularity="per_channel"), TensorConfig("uint8", bits=5)
    )
    graph = fuse(canonical(Branches(), x[:2]), plan).graph
    return graph, plan, calibrate(graph, [(x,)], share=1.0).tensors, [(part,) for part in x.split(32)]


def total(graph, plan, costs):
    effects = [costs.effects[item] for item in roundings(graph, decide(graph, plan))]
    return sum(effect.mse for effect in effects), sum(effect.kl for effect in effects)


def rounded(graph, plan, kind):
    return {item.name for item in roundings(graph, decide(graph, plan)) if item.kind == kind}


@pytest.mark.parametrize("left", [(), ("two:conv2d",), ("one:conv2d", "three:conv2d"), ("fc:linear",)])
def test_effects_known_from_one_plan_add_up_to_the_score_of_another(case, left):
    graph, plan, stats, batches = case
    costs = score_plans(graph, [plan], stats, batches, draws=Draws(16, 32))
    other = plan.with_layers(dict.fromkeys(left, FLOAT))
    direct = score({"it": quantize(graph, other, stats)}, batches, draws=Draws(16, 32))["it"]
    mse, kl = total(graph, other, costs)
    assert mse == pytest.approx(sum(direct.mse.values()), rel=0.2)
    assert kl == pytest.approx(sum(direct.kl.values()), rel=0.2)


def test_a_layer_in_float_between_integers_still_has_its_value_rounded(case):
    graph, plan, _, _ = case
    conv = graph.by_id["two:conv2d"]
    left = plan.with_layer(conv.id, None, None)
    assert conv.id not in rounded(graph, left, "weight")
    assert conv.value in rounded(graph, left, "value")  # the addition reads it rounded
    alone = plan.with_layers(dict.fromkeys((conv.id, ":add"), FLOAT))
    assert conv.value not in rounded(graph, alone, "value")


def test_inputs_of_the_model_and_outputs_of_float_layers_are_roundings_too(case):
    graph, plan, stats, batches = case
    assert {graph.input_names[0], graph.by_id["norm:layer_norm"].value} <= rounded(graph, plan, "value")
    costs = score_plans(graph, [plan], stats, batches)
    assert set(costs.effects) == set(roundings(graph, decide(graph, plan)))
    assert all(effect.mse > 0 and effect.kl > 0 for effect in costs.effects.values())


def test_only_what_is_not_known_is_scored(case):
    graph, plan, stats, batches = case
    costs = score_plans(graph, [plan], stats, batches)
    assert score_plans(graph, [plan.with_layer("two:conv2d", None, None)], stats, batches, costs) is costs
    weight = plan.default.weight.but(granularity="per_tensor")
    other = plan.with_layer("three:conv2d", weight, plan.default.activation)
    more = score_plans(graph, [other], stats, batches, costs)
    assert set(more.effects) - set(costs.effects) == {Rounding("weight", "three:conv2d", weight)}
    assert all(more.effects[key] == effect for key, effect in costs.effects.items())


def test_weights_alone_and_dynamic_layers_are_scored_like_the_rest(case, monkeypatch):
    monkeypatch.setattr(ort_table, "why_not", lambda layer, config, target: None)
    graph, plan, stats, batches = case
    mixed = plan.with_layer("one:conv2d", plan.default.weight, None).with_layer(
        "fc:linear", plan.default.weight, TensorConfig("uint8", bits=5, dynamic=True)
    )
    costs = score_plans(graph, [mixed], stats, batches, draws=Draws(16, 32))
    assert {"weight", "value", "read"} == {item.kind for item in costs.effects}
    direct = score({"it": quantize(graph, mixed, stats)}, batches, draws=Draws(16, 32))["it"]
    assert total(graph, mixed, costs)[0] == pytest.approx(sum(direct.mse.values()), rel=0.2)


def test_costs_merged_keep_what_either_knows():
    one, two = (Rounding("value", name, TensorConfig()) for name in "ab")
    effect = Effect(0.1, 0.2)
    assert Costs({one: effect}, 8).merged(Costs({two: effect})) == Costs({one: effect, two: effect}, 8)


def test_bytes_count_weights_at_their_width_with_their_scales(case):
    graph, plan, _, _ = case
    everything = sum(t.numel() for t in graph.params.values()) * 4
    assert plan_bytes(graph, decide(graph, plan.with_default(None, None))) == everything
    one = plan.with_default(None, None).with_layer("two:conv2d", plan.default.weight, plan.default.activation)
    weight = 8 * 8 * 9
    assert plan_bytes(graph, decide(graph, one)) == everything - 4 * weight + weight + 8 * 5
