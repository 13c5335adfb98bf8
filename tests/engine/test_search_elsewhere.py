"""A search with the times of another device, and one over several targets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.decide import decide
from qinspect.engine.job import calibrate_model, first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan, Target
from qinspect.engine.problem import Problem
from qinspect.engine.profiles import DeviceTimes
from qinspect.engine.results.kernels import Boundary, Latency, LatencySums
from qinspect.engine.search.device import NO_BORDERS, border, device_timings, run_timings, with_float
from qinspect.engine.search.pareto import Constraint
from qinspect.engine.search.run import search
from qinspect.engine.search.targets import search_targets
from qinspect.engine.search.timings import elements, plan_ms

SLOW = "project:conv2d"
LAYERS = ("conv:conv2d", "depthwise:conv2d", SLOW, "pool:max_pool2d", "fc:linear")
FLOAT = dict.fromkeys(LAYERS, 100.0)
WHOLE = {**dict.fromkeys(LAYERS, 20.0), SLOW: 900.0}
BORDERS = {"quantize": ((1000, 1.1), (100_000, 11.0)), "dequantize": ((1000, 0.6), (100_000, 50.1))}


def device(**changes):
    given = {"fp32_us": FLOAT, "int8_us": WHOLE, "threads": 4, "batch": 1, "borders": BORDERS}
    return DeviceTimes("a board", 20, **{**given, **changes})


@pytest.fixture(scope="module")
def case(digits_model):
    spec = ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,))
    model = load_model(spec, allow_code=True)
    data = open_data(DataSpec(str(digits_model.data)), digits_model.input_shape)
    plan = first_plan(model.graph, Target())
    return model, data, plan, calibrate_model(model, data, plan)


def test_a_layer_that_is_slow_in_integers_over_there_stays_float_here(case):
    found = search(*case, device=device())
    fastest = found.points[0]
    assert SLOW in fastest.float_layers
    assert "fc:linear" not in fastest.float_layers
    assert fastest.int8_ms is None
    assert fastest.estimated_ms < found.start.estimated_ms
    assert found.target["device"] == "a board"
    assert found.target["threads"] == 4
    assert any("Times are those of a board" in note and "estimate" in note for note in found.notes)
    floats = found.points[-1]
    assert floats.all_float
    assert floats.ms == pytest.approx(0.5)


def test_a_limit_in_milliseconds_holds_for_the_estimated_time(case):
    found = search(*case, device=device(), constraint=Constraint("ms", 0.3))
    assert found.met
    assert found.best.estimated_ms <= 0.3


def test_kernels_that_were_not_timed_over_there_are_not_proposed(case):
    found = search(*case, device=device())
    configs = [o.activation for point in found.points for o in point.plan.overrides]
    dtypes = {config.dtype for config in configs if config not in (None, "inherit")}
    assert "int16" not in dtypes
    assert all(point.estimated_ms is not None for point in found.points)


def test_times_are_scaled_to_those_of_the_whole_and_unknown_borders_are_said(case):
    graph = fused_graph(case[0], case[2]).graph
    timings, notes = device_timings(graph, case[2], device(fp32_ms=1.0, int8_ms=0.49, borders={}))
    assert timings.layers["fc:linear", "float"] == pytest.approx(200)
    assert timings.layers["fc:linear", "uint8, int8"] == pytest.approx(20 * 490 / 980)
    assert (timings.fp32_ms, timings.int8_ms) == pytest.approx((1.0, 0.49))
    assert timings.quantize.us(10**6) == 0
    assert NO_BORDERS in notes
    measured, notes = device_timings(graph, case[2], device(plan=case[2].to_json()))
    assert NO_BORDERS not in notes
    assert measured.dequantize.us(100_000) == pytest.approx(50.1, rel=1e-3)


def test_a_border_is_the_line_through_what_was_measured():
    found = border(BORDERS["quantize"])
    assert (found.fixed_us, found.us_per_million) == pytest.approx((1.0, 100.0))
    assert border(()) is None
    assert border(((1000, 2.0),)).us(2000) == pytest.approx(4.0)
    assert border(((1000, 2.0), (2000, 1.0))).us_per_million == 0


def test_runs_that_timed_the_target_tell_what_an_edit_would_take(case):
    model, data, plan, calibration = case
    graph = fused_graph(model, plan).graph
    run = analyze(model, data, plan, calibration, samples=16, latency=False, kernels=False)
    assert run_timings(graph, plan, [run]) is None  # nothing was timed
    input_name = graph.inputs[0].name
    border = Boundary(input_name, "conv:conv2d", 5.0)
    output = Boundary("fc:linear", "output", 1.0)
    rows = tuple(
        dataclasses.replace(row, latency=Latency(100.0, 20.0, 1.0)) if row.id in LAYERS else row for row in run.layers
    )
    totals = dataclasses.replace(run.totals, fp32_ms=0.5, int8_ms=0.094)  # the sum without the borders
    timed = dataclasses.replace(
        run, layers=rows, totals=totals, latency=LatencySums(runs=9, boundaries=(border, output))
    )
    found = run_timings(graph, plan, [timed])
    assert found.layers["conv:conv2d", "float"] == pytest.approx(100)
    assert found.layers["conv:conv2d", "uint8, int8"] == pytest.approx(15)
    assert found.layers["fc:linear", "uint8, int8"] == pytest.approx(19)
    assert found.layers["depthwise:conv2d", "uint8, int8"] == pytest.approx(20)
    # One line through both borders: each is a cost for each, and one for each value.
    sizes = elements(graph, input_name), elements(graph, graph.by_id["fc:linear"].value)
    assert found.quantize.us(sizes[0]) == pytest.approx(5.0)
    assert found.dequantize.us(sizes[1]) == pytest.approx(1.0)
    decisions = decide(graph, plan)
    assert plan_ms(graph, decisions, found) == pytest.approx(0.1)
    other = plan.with_target(Target.parse("fx-onednn"))
    assert run_timings(graph, other, [timed]) is None


def test_a_profile_of_one_model_needs_one_of_the_other(case):
    graph = fused_graph(case[0], case[2]).graph
    one = DeviceTimes("TensorRT", 3, {}, WHOLE)
    with pytest.raises(Problem, match="times of the quantized model only"):
        device_timings(graph, case[2], one)
    both = with_float(one, DeviceTimes("TensorRT", 3, {}, FLOAT))
    assert device_timings(graph, case[2], both)[0].fp32_ms == pytest.approx(0.5)


def test_a_target_that_is_not_run_here_is_searched_with_the_times_of_its_device(case):
    model, data, _, calibration = case
    plan = first_plan(model.graph, Target.parse("tensorrt"))
    with pytest.raises(Problem, match="--profile"):
        search(model, data, plan, calibration)
    times = dict.fromkeys(LAYERS, 10.0)
    found = search(model, data, plan, calibration, device=device(int8_us=times))
    assert found.points[0].estimated_ms < found.points[-1].estimated_ms


def test_plans_of_several_targets_share_one_front(case):
    engine = next((e for e in ("onednn", "x86", "qnnpack") if e in torch.backends.quantized.supported_engines), None)
    if engine is None:
        pytest.skip("torch has no quantized engine here")
    model, data, plan, calibration = case
    coarse = first_plan(model.graph, Target("fx", engine))
    assert coarse.default.weight is not None
    plans = [plan, coarse.with_default(coarse.default.weight.but(bits=4))]
    found = search_targets(model, data, plans, calibration, objective="size", constraint=Constraint("kl", 0.05))
    assert found.targets == ("ort", plans[1].target.name)
    assert sum(point.all_float for point in found.points) == 1
    losses = [point.select.loss for point in found.points]
    assert losses == sorted(losses, reverse=True)
    assert found.met
    assert found.best.final is not None
    assert found.why.endswith(f"it is for {found.best.plan.target.title}")
    rows = found.to_json()
    assert rows["targets"] == list(found.targets)
    assert {row["target"] for row in rows["points"]} <= set(found.targets)
    assert found.best.select.kl.high <= 0.05
    with pytest.raises(Problem, match="not different targets"):
        search_targets(model, data, [plan, plan], calibration)


def test_one_target_is_searched_as_ever(case):
    model, data, plan, calibration = case
    found = search_targets(model, data, [plan], calibration, objective="size")
    assert found.targets == ()
    assert np.isfinite(found.search_s)
    assert isinstance(found.start.plan, QuantPlan)


@pytest.mark.parametrize(("p90", "said"), [(2.5, False), (4.0, True)])
def test_times_that_vary_much_are_said_not_to_be_trusted(case, p90, said):
    times = dataclasses.replace(device(), fp32_ms=1.0, fp32_p90_ms=1.1, int8_ms=0.5, int8_p90_ms=0.5 * p90)
    found = analyze(*case, kernels=False, device=times)
    assert any("4.0 times the median" in note for note in found.notes) is said
