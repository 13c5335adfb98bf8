"""Which plans a search tries beside those that it has: what is verified decides, and there is an end to it."""

from __future__ import annotations

import pytest

from qinspect.engine.intervals import Interval
from qinspect.engine.plan.qconfig import QConfig, TensorConfig
from qinspect.engine.progress import silent
from qinspect.engine.search.front import Choices, Option, Unit
from qinspect.engine.search.pareto import Verified
from qinspect.engine.search.pool import COUNTS, REPAIRS, Pool
from qinspect.engine.text import Text

UNITS = 40
WHOLE = QConfig(TensorConfig("int8"), TensorConfig())
ONE_BY_ONE = Choices(
    tuple(
        Unit(str(i), (str(i),), (Option(WHOLE, "", 1.0 + i, 0.0), Option(None, "float", 0.0, 1.0)))
        for i in range(UNITS)
    ),
    (),
)
"""Layers in integers or in float; a plan costs as much as it has in float, and estimates put the last first."""


class Space:
    def select(self, choices, selection):
        return selection


class Trials:
    """Simulates a plan: its loss is what `losses` say of the layers in float."""

    samples = range(8)

    def __init__(self, loss):
        self.loss = loss

    def verify(self, plan, report):
        value = self.loss({index for index, option in enumerate(plan) if option})
        return Verified("select", 8, Interval(value, value, value), None, None, None, None, None)


def in_float(*indices):
    return tuple(int(i in indices) for i in range(UNITS))


def pool_of(loss, *selections):
    pool = Pool(Space(), ONE_BY_ONE, Trials(loss))
    pool.add([pool.as_given, *selections], silent, Text("verifying"))
    return pool


@pytest.mark.parametrize(("few_and_large", "most"), [(False, REPAIRS), (True, 2 * REPAIRS)])
def test_repairs_are_limited_in_all_however_many_plans_are_unlike_their_estimates(few_and_large, most):
    pool = pool_of(lambda floats: 1e6 - len(floats), *(in_float(i, i + 1) for i in range(UNITS - 1)))
    before = len(pool.tried)
    pool.repair(silent, few_and_large)
    assert len(pool.tried) - before == most


def test_a_search_goes_on_from_the_plan_that_was_verified_best():
    truth = {3: 50.0, 30: 10.0}  # what is gained by leaving them in float; estimates say the reverse
    pool = pool_of(lambda floats: 1000 - sum(truth.get(i, 1.0) for i in floats), in_float(30), in_float(3))
    pool.go_on(range(UNITS), silent)
    others = [index for index in range(UNITS) if index != 3]
    went_on = {in_float(3, *others[: count - 1]) for count in COUNTS[1:]}
    assert set(pool.tried) == {in_float(), in_float(3), in_float(30)} | went_on
