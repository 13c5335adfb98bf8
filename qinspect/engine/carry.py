"""A plan taken to another target: what it chose stays, as far as that target can run it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from .backends.tables import hands_on_float, table
from .graph import Layer, LayerGraph
from .plan import QuantPlan
from .plan.qconfig import QConfig, TensorConfig
from .plan.target import Target, first_qconfig
from .text import Text

Chosen = TensorConfig | Literal["inherit"] | None


def carried(plan: QuantPlan, graph: LayerGraph, target: Target) -> tuple[QuantPlan, tuple[Text, ...]]:
    """The plan for another target, and what had to be changed for it.

    A configuration that the target runs stays as it is. Of any other the type (storage, bits, symmetry) becomes that
    of the target's own first plan, and its estimator, fixed range and granularity stay where the target takes them.
    The type of a default that nobody changed is the target's as well: another's bits may saturate there.

    Parameters
    ----------
    plan : QuantPlan
    graph : LayerGraph
        Fused or not.
    target : Target

    Returns
    -------
    plan, changes
        A sentence for each configuration that is another now.
    """
    own = first_qconfig(target)
    untouched = plan.default == first_qconfig(plan.target)
    changes: dict[Text, None] = {}

    def fit(given: Chosen, role: str, layers: Sequence[Layer], default: bool = False) -> Chosen:
        first = own.weight if role == "weight" else own.activation
        if not isinstance(given, TensorConfig) or first is None:
            return given
        # No kernel there hands on real numbers: the range that cuts nothing off.
        has_none = given.estimator == "none" and not all(hands_on_float(layer, target) for layer in layers)
        wanted = given.but(estimator="minmax", range=None) if has_none else given
        kept = _with_choices(first, wanted)
        choices = (kept,) if default and untouched else (wanted, kept)
        for choice in (*choices, kept.but(granularity=first.granularity, group_size=first.group_size), first):
            if _runs(choice, role, own, layers, target):
                break
        if choice != given:
            change = Text("{role}: {before} became {after}", role=role, before=given, after=choice)
            if str(choice) == str(given):  # the lowest integer is left out, or taken
                low, high = choice.grid
                change = Text("{role}: {given} takes {low} to {high} now", role=role, given=given, low=low, high=high)
            changes[change] = None
        return choice

    every = [layer for layer in graph.layers if not layer.transparent]
    default = QConfig(
        fit(plan.default.weight, "weight", every, True),  # type: ignore[arg-type]
        fit(plan.default.activation, "activation", every, True),  # type: ignore[arg-type]
    )
    overrides = []
    for item in plan.overrides:
        layers = [layer for layer in every if item.matches(layer)]
        weight, activation = fit(item.weight, "weight", layers), fit(item.activation, "activation", layers)
        overrides.append(replace(item, weight=weight, activation=activation))
    return replace(plan, target=target, default=default, overrides=tuple(overrides)), tuple(changes)


def _with_choices(first: TensorConfig, given: TensorConfig) -> TensorConfig:
    """A target's first configuration with the range and granularity that a plan chose."""
    if given.dynamic or given.is_float or first.dynamic:
        return first
    return first.but(
        estimator=given.estimator,
        percentile=given.percentile,
        momentum=given.momentum,
        range=given.range,
        granularity=given.granularity,
        group_size=given.group_size,
    )


def _runs(config: TensorConfig, role: str, own: QConfig, layers: Sequence[Layer], target: Target) -> bool:
    """Whether a target runs a configuration in all the layers that it runs with its own."""
    refuses = table(target).why_not
    asked = replace(own, weight=config) if role == "weight" else replace(own, activation=config)
    return all(refuses(layer, own, target) or not refuses(layer, asked, target) for layer in layers)
