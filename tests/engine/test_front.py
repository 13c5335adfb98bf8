"""The integer program against trying everything."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qinspect.engine.plan.qconfig import QConfig, TensorConfig
from qinspect.engine.search.front import (
    Choices,
    Crossing,
    Option,
    Unit,
    cheapest,
    least_cost,
    least_loss,
    loss_and_cost,
    neighbours,
    sweep,
)

WHOLE = QConfig(TensorConfig("int8"), TensorConfig())
small = st.integers(0, 20).map(float)


@st.composite
def problems(draw):
    units = []
    for index in range(draw(st.integers(2, 5))):
        options = [Option(WHOLE, "", draw(small), draw(small))]
        if draw(st.booleans()):
            options.append(Option(WHOLE, "other", draw(small), draw(small)))
        options.append(Option(None, "float", 0.0, draw(small)))
        unread = draw(st.none() | small)
        units.append(Unit(str(index), (str(index),), tuple(options), draw(st.booleans()), unread))
    crossings = []
    indices = st.none() | st.integers(0, len(units) - 1)
    for _ in range(draw(st.integers(0, 5))):
        maker = draw(indices)
        drawn = dict.fromkeys(draw(st.lists(indices, min_size=1, max_size=3)))
        readers = tuple(r for r in drawn if r is None or maker is None or r > maker) or (None,)
        crossings.append(Crossing(maker, readers, draw(small), draw(small), draw(small)))
    return Choices(tuple(units), tuple(crossings))


def everything(choices):
    selections = itertools.product(*(range(len(unit.options)) for unit in choices.units))
    return {selection: loss_and_cost(choices, selection) for selection in selections}


@settings(max_examples=60, deadline=None)
@given(problems(), st.floats(0, 1))
def test_no_selection_beats_the_solution(choices, share):
    known = everything(choices)
    assert known[cheapest(choices)][1] == pytest.approx(min(cost for _, cost in known.values()), abs=1e-3)
    losses, costs = ([v[i] for v in known.values()] for i in (0, 1))
    limit = min(losses) + share * (max(losses) - min(losses))
    best = min(cost for loss, cost in known.values() if loss <= limit + 1e-9)
    found = known[least_cost(choices, limit)]
    assert found[1] == pytest.approx(best, abs=1e-3)
    assert found[0] <= limit + 1e-3
    limit = min(costs) + share * (max(costs) - min(costs))
    best = min(loss for loss, cost in known.values() if cost <= limit + 1e-9)
    found = known[least_loss(choices, limit)]
    assert found[0] == pytest.approx(best, abs=1e-3)
    assert found[1] <= limit + 1e-3


def chain(crossing=0.0):
    """Two units that gain from integers around one that is bad in them."""
    losses = (1.0, 10.0, 1.0)
    units = tuple(
        Unit(str(i), (str(i),), (Option(WHOLE, "", loss, 1.0), Option(None, "float", 0.0, 5.0)))
        for i, loss in enumerate(losses)
    )
    values = [Crossing(None, (0,), 0.0, 0.0, 0.0)]
    values += [Crossing(i, (i + 1 if i < 2 else None,), 0.5, crossing, crossing) for i in range(3)]
    return Choices(units, tuple(values))


def test_the_worst_layer_is_left_in_float_first_and_its_value_is_rounded_all_the_same():
    found = least_cost(chain(), 5.0)
    assert found == (0, 1, 0)
    assert loss_and_cost(chain(), found) == (2.5, 7.0)


def test_dear_borders_make_islands_grow():
    """In float between integers the middle costs two borders; with the last one in float as well, one."""
    assert least_cost(chain(crossing=1.0), 5.0) == (0, 1, 0)
    assert least_cost(chain(crossing=3.0), 5.0) == (0, 1, 1)


def test_what_only_float_layers_read_is_float_and_costs_nothing():
    """Of an addition between two layers nothing is rounded once its reader is float; the first layer still rounds."""
    units = (
        Unit("a", ("a",), (Option(WHOLE, "", 1.0, 0.0), Option(None, "float", 0.0, 1.0))),
        Unit("add", ("add",), (Option(WHOLE, "", 5.0, 0.0), Option(None, "float", 0.0, 1.0)), unread=0.0),
        Unit("b", ("b",), (Option(WHOLE, "", 6.0, 0.0), Option(None, "float", 0.0, 1.0))),
    )
    choices = Choices(
        units, (Crossing(0, (1,), 1.0, 0, 0), Crossing(1, (2,), 5.0, 0, 0), Crossing(2, (None,), 0, 0, 0))
    )
    assert loss_and_cost(choices, (0, 0, 0)) == (12.0, 0.0)
    assert loss_and_cost(choices, (0, 0, 1)) == (1.0, 1.0)
    assert loss_and_cost(choices, (0, 1, 0)) == (12.0, 1.0)
    assert least_loss(choices, 1.0) == (0, 0, 1)


def test_a_limit_that_nothing_keeps_has_no_solution():
    choices = Choices((Unit("a", ("a",), (Option(WHOLE, "", 2.0, 1.0),)),), ())
    assert least_cost(choices, 1.0) is None


def test_a_sweep_goes_from_the_cheapest_to_all_float_and_every_step_is_better_and_dearer():
    found = [loss_and_cost(chain(1.0), selection) for selection in sweep(chain(1.0))]
    assert found[-1][0] == 0
    assert all(a[0] > b[0] and a[1] < b[1] for a, b in itertools.pairwise(found))


def test_neighbours_change_one_unit_or_swap_two():
    found = neighbours(chain(), (0, 1, 0))
    assert set(found) == {(1, 1, 0), (0, 0, 0), (0, 1, 1), (1, 0, 0), (0, 0, 1)}


def test_a_unit_that_the_target_has_no_kernel_for_is_swapped_with_none():
    float_only = Unit("b", ("b",), (Option(None, "", 0.0, 1.0), Option(None, "apart", 0.0, 2.0)))
    whole = Unit("a", ("a",), (Option(WHOLE, "", 1.0, 1.0), Option(None, "float", 0.0, 3.0)))
    assert set(neighbours(Choices((whole, float_only), ()), (0, 0))) == {(1, 0), (0, 1)}
