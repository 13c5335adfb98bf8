"""A plan taken to another target keeps what it chose."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qinspect.engine.carry import carried
from qinspect.engine.decide import decide
from qinspect.engine.fuse import fuse
from qinspect.engine.job import first_plan
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target, first_qconfig


@pytest.fixture
def graph(canonical, one_thread):
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 5))
    return canonical(net, torch.rand(2, 3, 6, 6))


def test_the_estimators_of_a_plan_for_onnxruntime_stay_for_tensorrt_and_the_types_that_change_are_said(graph):
    plan = first_plan(graph, Target()).with_layer("0:conv2d", activation=fixed((0.0, 2.0)))
    found, changes = carried(plan, graph, Target.parse("tensorrt"))
    own = first_qconfig(Target.parse("tensorrt")).activation
    assert own.estimator != plan.default.activation.estimator
    assert found.target.backend == "tensorrt"
    assert found.default.activation == own.but(estimator=plan.default.activation.estimator)
    asked = {layer.id: found.qconfig(layer) for layer in graph.layers}
    assert (asked["0:conv2d"].activation.dtype, asked["0:conv2d"].activation.range) == ("int8", (0.0, 2.0))
    assert (asked["3:linear"].activation.dtype, asked["3:linear"].activation.estimator) == ("int8", "none")
    assert asked["3:linear"].weight.granularity == plan.default.weight.granularity
    assert any("uint8" in line and "int8" in line and line.startswith("activation: ") for line in changes)
    assert len(changes) == 3  # the default, the fixed range, the type that the output's layer reads


def fixed(ends):
    return first_qconfig(Target()).activation.but(estimator="fixed", range=ends)


def test_a_layer_in_float_stays_so_and_a_default_takes_the_bits_of_an_engine_that_saturates(graph):
    plan = first_plan(graph, Target()).with_layer("0:conv2d", weight=None, activation=None)
    found, changes = carried(plan, graph, Target.parse("fx-fbgemm"))
    assert found.qconfig(graph.by_id["0:conv2d"]).activation is None
    assert found.default.activation.bits == 7
    assert found.default.activation.estimator == "mse"
    assert any("7" in line for line in changes)


def test_what_was_chosen_by_hand_stays_where_the_target_runs_it(graph):
    weight = first_qconfig(Target()).weight.but(granularity="per_tensor", estimator="mse")
    plan = first_plan(graph, Target()).with_layer("3:linear", weight=weight)
    found, _ = carried(plan, graph, Target.parse("fx-onednn"))
    assert found.qconfig(graph.by_id["3:linear"]).weight == weight


def test_a_layer_that_hands_on_real_numbers_has_a_range_where_no_kernel_does_so(graph):
    plan = first_plan(graph, Target())
    assert plan.qconfig(graph.by_id["3:linear"]).activation.estimator == "none"
    found, changes = carried(plan, graph, Target.parse("fx-onednn"))
    assert found.qconfig(graph.by_id["3:linear"]).activation.estimator == "minmax"
    assert any("none became" in line for line in changes)


def test_a_layer_without_a_range_has_the_one_that_cuts_nothing_off_where_its_kernel_rounds(graph):
    activation = first_qconfig(Target()).activation.but(estimator="none")
    for target, estimator in (("ort", None), ("fx-onednn", "minmax")):
        plan = QuantPlan(Target.parse(target), first_qconfig(Target())).with_layer("3:linear", activation=activation)
        assert plan.default.activation.estimator == "mse"
        fused = fuse(graph, plan).graph
        grid = decide(fused, plan).grids.get(fused.by_id["3:linear"].value)
        assert (grid and grid[1].estimator) == estimator


def test_nothing_is_said_where_nothing_changes(graph):
    plan = first_plan(graph, Target.parse("fx-onednn"))
    found, changes = carried(plan, graph, Target.parse("eager-onednn"))
    assert changes == ()
    assert found.default == plan.default


def test_a_grid_that_leaves_out_the_lowest_integer_is_told_from_one_that_takes_it(graph):
    weight = first_qconfig(Target()).weight.but(narrow=False)
    plan = first_plan(graph, Target.parse("fx-onednn")).with_default(weight=weight)
    _, changes = carried(plan, graph, Target.parse("fx-onednn"))
    assert changes == ()
    _, changes = carried(plan, graph, Target.parse("tensorrt"))
    (change,) = (change for change in changes if change.startswith("weight"))
    assert change == f"weight: {weight} takes -127 to 127 now"
