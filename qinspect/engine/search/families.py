"""Kinds of changes that a search is better without, found by running plans.

Estimates of single roundings take errors for noise. What one estimator cuts off at many layers is none: it
leans the same way everywhere and adds up, so that a hundred small gains may be one large loss. Only running
a plan shows it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from .front import Choices, Option, Selection, Unit

Family = tuple[str, str]
"""``activation`` or ``weight``, and the estimator or granularity that is new."""


def families_of(option: Option, usual: Option) -> frozenset[Family]:
    """What an option changes, by kind; nothing where it is float, or of another type, which other rules judge."""
    if option.config is None or usual.config is None:
        return frozenset()
    found: set[Family] = set()
    pairs = (
        ("activation", usual.config.activation, option.config.activation),
        ("weight", usual.config.weight, option.config.weight),
    )
    for which, before, after in pairs:
        if before is None or after is None or before == after or before.dtype != after.dtype:
            continue
        if after.estimator != before.estimator:
            found.add((which, after.estimator))
        if after.granularity != before.granularity:
            found.add((which, after.granularity))
    return frozenset(found)


def without(choices: Choices, family: Family) -> Choices:
    """The choices but for the options that a family has a part in."""

    def kept(unit: Unit) -> Unit:
        options = tuple(o for o in unit.options if family not in families_of(o, unit.options[0]))
        return dataclasses.replace(unit, options=options)

    return dataclasses.replace(choices, units=tuple(map(kept, choices.units)))


def least_estimated(choices: Choices) -> Selection:
    """Of each unit the option of the plan's own types that is estimated to lose least."""
    found = []
    for unit in choices.units:
        usual = unit.options[0]
        alike = [0, *(i for i, option in enumerate(unit.options) if families_of(option, usual))]
        found.append(min(alike, key=lambda i: unit.options[i].loss))
    return tuple(found)


def worthwhile(choices: Choices, loss: Callable[[Choices, Selection], float]) -> Choices:
    """The choices without the families that make a plan worse when it is run, struck one by one, the worst first.

    Parameters
    ----------
    choices : Choices
    loss : callable
        What the plan loses that a selection of choices stands for, run on samples.
    """

    def families() -> list[Family]:
        return sorted({f for unit in choices.units for o in unit.options for f in families_of(o, unit.options[0])})

    now = loss(choices, least_estimated(choices)) if families() else 0.0
    while families():
        rests = [without(choices, family) for family in families()]
        least, rest = min(((loss(rest, least_estimated(rest)), rest) for rest in rests), key=lambda pair: pair[0])
        if least >= now:
            break
        now, choices = least, rest
    return choices
