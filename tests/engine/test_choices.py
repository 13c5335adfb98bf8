"""What a search may decide, against what the plans that it makes come to."""

from __future__ import annotations

import dataclasses
import itertools
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from qinspect.engine.decide import decide
from qinspect.engine.fuse import fuse
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import QConfig, TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.search.choices import choices, described, space
from qinspect.engine.search.costs import Costs
from qinspect.engine.search.front import Option, loss_and_cost
from qinspect.engine.search.seeds import ranking


class Residual(nn.Module):
    """Two residual sums in a row, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.one, self.two = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = self.stem(x)
        x = x + self.one(x)
        x = x + self.two(x)
        return self.fc(x.mean((2, 3)))


@pytest.fixture(scope="module")
def graph(trace_once):
    return trace_once(Residual().eval(), torch.randn(2, 3, 8, 8))


def counted(graph, target):
    """The space, and choices that lose 1 for every unit that rounds what it hands on."""
    plan = QuantPlan.preset(Target.parse(target))
    made = space(fuse(graph, plan).graph, plan)
    offered = choices(made, Costs(), "layers")
    units = [
        dataclasses.replace(
            unit,
            options=tuple(Option(o.config, o.what, float(o.config is not None), o.cost) for o in unit.options),
        )
        for unit in offered.units
    ]
    return made, dataclasses.replace(offered, units=tuple(units))


@pytest.mark.parametrize("target", ["ort", "tensorrt"])
def test_what_is_float_since_no_integer_kernel_reads_it_is_so_in_the_plan(graph, target):
    made, offered = counted(graph, target)
    floats = [len(unit.options) - 1 for unit in offered.units]
    unread = 0
    for selection in itertools.product(*((0, last) for last in floats)):
        decisions = decide(made.graph, made.select(offered, selection))
        rounding = sum(unit.id in decisions.quantized for unit in offered.units)
        assert loss_and_cost(offered, selection)[0] == rounding
        unread += rounding < sum(index == 0 for index in selection)
    assert unread


def test_a_range_is_not_given_to_what_is_float_anyway(graph):
    """A layer that a plan names would be rounded whatever reads it."""
    made, offered = counted(graph, "ort")
    (first, second) = (i for i, unit in enumerate(offered.units) if ":add" in unit.id)
    unit = offered.units[first]
    entropy = QConfig(None, TensorConfig("uint8", estimator="entropy"))
    options = (unit.options[0], Option(entropy, "activation entropy", 0.5, 0.0), unit.options[-1])
    units = (*offered.units[:first], dataclasses.replace(unit, options=options), *offered.units[first + 1 :])
    offered = dataclasses.replace(offered, units=units)
    alone = [0] * len(offered.units)
    alone[first] = 1
    assert offered.units[first].id in described(made, offered, tuple(alone))[1]
    readers = offered.readers[first]
    beside = tuple(len(u.options) - 1 if i in readers else alone[i] for i, u in enumerate(offered.units))
    assert second in readers
    decisions = decide(made.graph, made.select(offered, beside))
    assert offered.units[first].id not in decisions.quantized
    assert offered.units[first].id not in described(made, offered, beside)[1]


def test_layers_are_ranked_by_what_each_loses_where_it_alone_is_in_integers(graph):
    made, offered = counted(graph, "ort")
    losses = {unit.id: float((7 * place) % 5) for place, unit in enumerate(offered.units)}
    alone = []

    class Trials:
        def verify(self, plan, report):
            rounding = decide(made.graph, plan).quantized
            alone.append([key for key in losses if key in rounding])
            return SimpleNamespace(loss=sum(losses[key] for key in alone[-1]))

    order = ranking(made, Trials())
    assert len(alone) == len(losses)
    assert max(map(len, alone)) == 1
    # An addition between float layers is float as well, and loses nothing.
    found = [sum(losses[key] for key in alone[unit]) for unit in order]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]
