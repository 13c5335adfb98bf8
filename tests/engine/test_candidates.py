"""Candidates for a layer: what the target supports, best first, of every kind."""

from __future__ import annotations

import pytest

from qinspect.engine.data import DataSpec, batches, open_data
from qinspect.engine.job import calibrate_model, fed, first_plan, quantization_of
from qinspect.engine.load import load_model
from qinspect.engine.measure import measure
from qinspect.engine.plan.qconfig import PRESETS, QConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.search.candidates import MOST, MOST_SAMPLES, candidates
from qinspect.engine.sensitivity.sweep import sweep
from qinspect.engine.source import ModelSpec


@pytest.fixture(scope="module")
def opened(digits_model):
    spec = ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,))
    model = load_model(spec, allow_code=True)
    data = open_data(DataSpec(str(digits_model.data), samples=64), model.graph.inputs[0].shape)
    return model, data, calibrate_model(model, data, first_plan(model.graph, Target()))


def found(opened, layer, plan):
    model, data, calibration = opened
    return candidates(model, data, plan, calibration, layer)


def test_candidates_are_at_most_eight_and_the_best_come_first(opened):
    plan = first_plan(opened[0].graph, Target())
    for layer in ("fc:linear", "conv:conv2d"):
        rows = found(opened, layer, plan)
        assert 5 <= len(rows) <= MOST
        effects = [row.isolated_kl for row in rows]
        assert effects == sorted(effects)
        assert len({(row.weight, row.activation) for row in rows}) == len(rows)
        assert [row.title for row in rows if row.current] == ["as it is"]
        assert "float" in {row.title for row in rows}
        assert all(row.layer_id == layer for row in rows)


def test_no_two_candidates_come_to_the_same_numbers(opened):
    """Of estimators that find the same range one is enough: eight places are few."""
    model, data, calibration = opened
    plan = first_plan(model.graph, Target())
    for layer in ("fc:linear", "conv:conv2d"):
        rows = [row for row in found(opened, layer, plan) if row.title != "float"]
        numbers = set()
        for row in rows:
            q = quantization_of(model, data, plan.with_layer(layer, row.weight, row.activation), calibration)
            grids = str([[(name, p.to_json()) for name, p in each.items()] for each in (q.values, q.weights)])
            numbers.add((grids, q.quantized, q.weight_only, row.activation if layer in q.dynamic else None))
        assert len(numbers) == len(rows)


def test_at_the_models_output_no_range_is_offered_that_clips(opened):
    plan = first_plan(opened[0].graph, Target())

    def estimators(layer):
        return {row.activation.estimator for row in found(opened, layer, plan) if row.activation is not None}

    assert estimators("fc:linear") == {"none", "minmax"}
    assert estimators("conv:conv2d") & {"mse", "percentile", "entropy"}


def test_a_linear_layer_may_be_dynamic_or_weight_only(opened):
    graph = opened[0].graph
    for target in ("ort", "fx-onednn"):
        rows = found(opened, "fc:linear", first_plan(graph, Target.parse(target)))
        kinds = {row.title: row for row in rows}
        assert any(row.activation is None and row.weight is not None for row in rows)
        assert all(row.local_sqnr_db > 10 for row in rows if row.title != "float")
        assert kinds["dynamic"].activation.dynamic
        assert kinds["dynamic"].why_not is None


def test_what_is_computed_in_float_says_so_and_takes_two_places_at_most(opened):
    rows = found(opened, "conv:conv2d", first_plan(opened[0].graph, Target()))
    in_float = [row for row in rows if row.why_not is not None]
    assert len(in_float) <= 2
    assert all("float" in row.why_not for row in in_float)


@pytest.mark.parametrize("preset", ["default-dynamic", "weight-only-int4", "float"])
def test_a_layer_of_another_kind_has_static_candidates(opened, preset):
    plan = first_plan(opened[0].graph, Target(), PRESETS[preset])
    rows = found(opened, "fc:linear", plan)
    assert sum(row.current for row in rows) == 1
    current = next(row for row in rows if row.current)
    assert QConfig(current.weight, current.activation) == PRESETS[preset]
    assert any(row.activation is not None and not row.activation.dynamic for row in rows)


def test_a_member_of_a_group_is_edited_at_its_leader(opened):
    rows = found(opened, "pool:max_pool2d", first_plan(opened[0].graph, Target()))
    assert {row.layer_id for row in rows} == {":add"}


def test_each_sqnr_is_that_of_a_run_of_the_edited_plan(opened):
    model, data, calibration = opened
    plan = first_plan(model.graph, Target())
    samples = data.splits.select[:MOST_SAMPLES]
    for layer in ("fc:linear", "depthwise:conv2d"):
        rows = [row for row in found(opened, layer, plan) if row.title != "float"]
        assert len(rows) > 4
        for row in rows:
            edited = plan.with_layer(layer, row.weight, row.activation)
            quantization = quantization_of(model, data, edited, calibration)
            run = measure(quantization, fed(batches(data, samples, 16))).layers[layer]
            assert row.local_sqnr_db == pytest.approx(run.local_sqnr_db, abs=0.05), row.title


def test_each_kl_is_that_of_the_edited_layer_alone(opened):
    model, data, calibration = opened
    plan = first_plan(model.graph, Target())
    inputs = list(fed(batches(data, data.splits.select[:MOST_SAMPLES], 16)))
    for layer in ("fc:linear", "depthwise:conv2d"):
        rows = found(opened, layer, plan)
        assert [(row.isolated_kl, row.isolated_mse) for row in rows if row.title == "float"] == [(0, 0)]
        for row in rows:
            edited = plan.with_layer(layer, row.weight, row.activation)
            alone = sweep(quantization_of(model, data, edited, calibration), inputs, only=frozenset([layer])).isolated
            if row.title != "float":
                assert row.isolated_kl == pytest.approx(alone[layer].kl, rel=1e-3, abs=1e-9), row.title
                assert row.isolated_mse == pytest.approx(alone[layer].mse, rel=1e-3, abs=1e-12), row.title
