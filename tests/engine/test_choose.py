"""Which point is taken, and what is said where none can be."""

from __future__ import annotations

import dataclasses

import pytest

from qinspect.engine.intervals import Interval
from qinspect.engine.plan import QuantPlan
from qinspect.engine.problem import Problem
from qinspect.engine.search.choose import choose, knee, unbeaten
from qinspect.engine.search.pareto import Constraint, Point, Verified


def point(ms, kl, spread=0.001, drop=None):
    drop = None if drop is None else Interval(drop, drop - spread, drop + spread)
    found = Verified("select", 100, Interval(kl, kl - spread, kl + spread), kl, None, None, None, drop)
    return Point(QuantPlan(), (), (), kl, kl, ms, 1000, found, None, 10.0, ms)


POINTS = (point(2, 0.1), point(3, 0.02), point(4, 0.012), point(9, 0.002))


def test_of_the_points_within_a_limit_the_cheapest_is_taken():
    assert choose(POINTS, Constraint("kl", 0.05), "latency", 10.0)[:2] == (1, True)
    assert choose(POINTS, Constraint("kl", 0.2), "latency", 10.0)[:2] == (0, True)


def test_a_point_whose_interval_reaches_over_the_limit_is_passed_over():
    assert choose(POINTS, Constraint("kl", 0.0205), "latency", 10.0)[:2] == (2, True)


def test_a_limit_that_no_point_keeps_names_the_nearest():
    index, met, why = choose(POINTS, Constraint("kl", 0.0001), "latency", 10.0)
    assert (index, met) == (3, False)
    assert "no plan keeps the KL at 0.0001 nats; the nearest has 0.002 nats" in why


def test_a_limit_that_the_samples_cannot_resolve_is_said_to_be_so():
    wrong = point(1, 5.0, drop=1.0, spread=0.02)
    lost = Interval(1.0, 0.96, 1.0)  # of a plan that gets nothing right no more can be lost
    wrong = dataclasses.replace(wrong, select=dataclasses.replace(wrong.select, drop=lost))
    points = (wrong, point(2, 0.1, drop=0.03, spread=0.02), point(3, 0.02, drop=0.0, spread=0.02))
    index, met, why = choose(points, Constraint("drop", 0.01), "latency", 10.0)
    assert (index, met) == (2, False)
    assert "100 samples cannot resolve a drop of 1 points" in why
    assert "no better than 2 points" in why


def test_a_plan_that_may_be_worse_than_the_limit_is_named_with_how_far():
    points = (point(2, 0.1, drop=0.03, spread=0.02), point(3, 0.02, drop=0.01, spread=0.02))
    index, met, why = choose(points, Constraint("drop", 0.025), "latency", 10.0)
    assert (index, met) == (1, False)
    assert "of the surest plan it is 1 points, but up to 3 points with 95 % confidence" in why


def test_that_the_only_answer_is_not_faster_than_float_is_said():
    index, met, why = choose(POINTS, Constraint("kl", 0.004), "latency", 8.0)
    assert (index, met) == (3, True)
    assert "not faster than float" in why
    assert "not faster" not in choose(POINTS, Constraint("kl", 0.004), "latency", 10.0)[2]


def test_of_the_points_within_a_time_the_most_exact_is_taken():
    assert choose(POINTS, Constraint("ms", 4.5), "latency", 10.0)[:2] == (2, True)
    index, met, why = choose(POINTS, Constraint("ms", 1.0), "latency", 10.0)
    assert (index, met) == (0, False)
    assert "the fastest takes 2.00 ms" in why


def test_a_limit_on_a_figure_that_the_model_does_not_have_is_refused():
    with pytest.raises(Problem, match="labels"):
        choose(POINTS, Constraint("drop", 0.1), "latency", 10.0)


def test_without_a_limit_the_knee_is_taken():
    assert choose(POINTS, None, "latency", 10.0)[:2] == (1, True)
    assert knee(POINTS[:1], "latency") == 0


def test_a_point_that_another_beats_is_not_on_the_front():
    beaten = point(5, 0.05)
    assert unbeaten([*POINTS, beaten], lambda p: p.int8_ms, lambda p: p.select.loss) == list(POINTS)


def float_point(ms):
    return dataclasses.replace(point(ms, 0.0, 0.0, 0.0), all_float=True)


def test_where_only_the_float_model_keeps_a_limit_the_nearest_that_quantizes_is_named():
    index, met, why = choose((*POINTS, float_point(10)), Constraint("kl", 0.0001), "latency", 10.0)
    assert (index, met) == (3, False)
    assert "only the float model keeps the KL at 0.0001 nats; the nearest plan that quantizes has 0.002 nats" in why


def test_the_float_model_is_taken_where_nothing_that_quantizes_is_faster():
    for wanted in (Constraint("kl", 0.0001), Constraint("kl", 0.05), None):
        index, met, why = choose((*POINTS, float_point(1)), wanted, "latency", 1.0)
        assert (index, met) == (4, True)
        assert "no layer is to be quantized: the float model loses nothing and is at least as fast" in why
    index, met, why = choose((*POINTS, float_point(2.5)), Constraint("kl", 0.05), "latency", 2.5)
    assert (index, met) == (4, True)
    assert "no plan whose KL is at most 0.05 nats is faster than the float model" in why


def test_the_nearest_is_the_one_with_the_least_upper_bound():
    sure, unsure = point(3, 0.02, drop=0.03, spread=0.01), point(4, 0.01, drop=0.025, spread=0.024)
    index, met, why = choose((sure, unsure), Constraint("drop", 0.02), "latency", 10.0)
    assert (index, met) == (0, False)
    assert "the nearest has 3 points, up to 4 points" in why


def test_a_drop_of_a_metric_with_its_own_unit_is_said_in_it():
    points = (point(2, 0.1, drop=0.3, spread=0.01), float_point(10))
    assert "at most 0.5 rmse" in choose(points, Constraint("drop", 0.5), "latency", 10.0, "rmse")[2]


def test_short_times_are_said_in_microseconds():
    assert (
        "no plan runs in 5.0 µs; the fastest takes 42.0 µs"
        in choose((point(0.042, 0.1), float_point(0.09)), Constraint("ms", 0.005), "latency", 0.09)[2]
    )


def test_within_a_time_that_float_keeps_the_float_model_is_the_most_exact():
    index, met, why = choose((*POINTS, float_point(10)), Constraint("ms", 12), "latency", 10.0)
    assert (index, met) == (4, True)
    assert "the float model runs within 12.00 ms" in why


def test_the_knee_is_of_plans_that_quantize():
    assert knee((*POINTS, float_point(10)), "latency") == knee(POINTS, "latency")
