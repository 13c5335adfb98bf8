"""Kinds of changes that look good one by one and are bad together are struck before a search solves for plans."""

from __future__ import annotations

from qinspect.engine.plan.qconfig import PRESETS, QConfig
from qinspect.engine.search.families import families_of, least_estimated, without, worthwhile
from qinspect.engine.search.front import Choices, Option, Unit

USUAL = PRESETS["qinspect"]
WEIGHT, VALUE = USUAL.weight, USUAL.activation
assert WEIGHT is not None
assert VALUE is not None
CUTS, ENTROPY = VALUE.but(estimator="percentile"), VALUE.but(estimator="entropy")
WIDE = VALUE.but(dtype="int16", bits=16)
COARSE = WEIGHT.but(granularity="per_tensor")
PERCENTILE, KL, PER_TENSOR = ("activation", "percentile"), ("activation", "entropy"), ("weight", "per_tensor")


def option(config, loss):
    return Option(config, "", loss, 0.0)


def units(*more):
    usual = option(QConfig(WEIGHT, VALUE), 1.0)
    return tuple(
        Unit(str(i), (str(i),), (usual, *options, Option(None, "float", 0.0, 1.0))) for i, options in enumerate(more)
    )


CHOICES = Choices(
    units(
        (option(QConfig(WEIGHT, CUTS), 0.5), option(QConfig(WEIGHT, ENTROPY), 0.7)),
        (option(QConfig(COARSE, CUTS), 0.4),),
        (option(QConfig(WEIGHT, WIDE), 0.1),),
    ),
    (),
)


def test_a_familys_options_change_an_estimator_or_a_granularity_and_no_type():
    found = [[families_of(o, unit.options[0]) for o in unit.options] for unit in CHOICES.units]
    assert found == [
        [set(), {PERCENTILE}, {KL}, set()],
        [set(), {PERCENTILE, PER_TENSOR}, set()],
        [set(), set(), set()],
    ]


def test_the_least_estimated_of_the_plans_own_types_is_neither_float_nor_wider():
    assert least_estimated(CHOICES) == (1, 1, 0)
    assert least_estimated(without(CHOICES, PERCENTILE)) == (1, 0, 0)


def test_without_a_family_the_plans_own_and_float_remain():
    rest = without(CHOICES, PERCENTILE)
    assert [len(unit.options) for unit in rest.units] == [3, 2, 3]
    assert all(unit.options[0].config == QConfig(WEIGHT, VALUE) for unit in rest.units)
    assert all(unit.options[-1].config is None for unit in rest.units)


def run(cost):
    """A plan's loss when it is run, by the families that it has; notes what was asked."""
    asked = []

    def loss(choices, selection):
        chosen = [unit.options[i] for unit, i in zip(choices.units, selection, strict=True)]
        there = [f for o, unit in zip(chosen, choices.units, strict=True) for f in families_of(o, unit.options[0])]
        asked.append(there)
        return 1.0 + sum(cost[family] for family in there)

    return loss, asked


def test_what_makes_the_plan_worse_when_it_is_run_is_struck_and_what_mends_it_is_kept():
    loss, _ = run({PERCENTILE: 0.2, KL: -0.1, PER_TENSOR: -0.05})
    kept = worthwhile(CHOICES, loss)
    assert kept == without(CHOICES, PERCENTILE)
    loss, _ = run({PERCENTILE: -0.2, KL: 0.3, PER_TENSOR: 0.0})
    assert worthwhile(CHOICES, loss) == CHOICES  # none is in the plan that percentiles are not better than


def test_one_after_the_other_is_struck():
    # With percentiles gone the first unit takes entropy, which is bad as well.
    loss, _ = run({PERCENTILE: 0.2, KL: 0.1, PER_TENSOR: 0.0})
    assert worthwhile(CHOICES, loss) == without(without(CHOICES, PERCENTILE), KL)


def test_where_there_is_no_family_nothing_is_run():
    loss, asked = run({})
    plain = Choices(units((), (option(QConfig(WEIGHT, WIDE), 0.1),)), ())
    assert worthwhile(plain, loss) == plain
    assert asked == []
