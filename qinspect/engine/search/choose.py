"""Which point of a front to take: by the limit that the user gave, or at the knee."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ..problem import Problem
from .pareto import Constraint, Objective, Point, Verified

T = TypeVar("T")


def unbeaten(items: Sequence[T], cost: Callable[[T], float], loss: Callable[[T], float]) -> list[T]:
    """Those that no other is at least as good as in both, the cheapest first."""
    found: list[T] = []
    for item in sorted(items, key=lambda i: (cost(i), loss(i))):
        if not found or loss(item) < loss(found[-1]):
            found.append(item)
    return found


def cost_of(point: Point, objective: Objective) -> float:
    """What an objective makes small."""
    if objective == "latency":
        return point.ms if point.ms is not None else float("inf")
    return float(point.bytes if objective == "size" else len(point.float_layers))


def verified(point: Point) -> Verified:
    """What a point does on the select split."""
    assert point.select is not None
    return point.select


def meets(found: Verified, wanted: Constraint) -> bool:
    """Whether the whole confidence interval lies within a limit on the loss."""
    figure = found.kl if wanted.kind == "kl" else found.drop
    return figure is not None and figure.high <= wanted.limit


def choose(
    points: Sequence[Point],
    constraint: Constraint | None,
    objective: Objective,
    fp32_ms: float | None,
    unit: str = "points",
) -> tuple[int, bool, str]:
    """The point to take.

    A limit on the loss counts as met where the upper end of the confidence interval on the select
    split is within it; of the points that meet it the cheapest is taken. Of the points within a
    limit on the time the most exact is. Without a limit it is the knee: the point nearest to the
    corner where both are as small as anywhere on the front, each scaled to its range.

    Returns
    -------
    tuple of (int, bool, str)
        Index, whether the constraint is met, and why, one line.
    """
    if constraint is None:
        return knee(points, objective), True, "the knee of the front: from here on less loss costs more than it gains"
    if constraint.kind == "ms":
        within = [i for i, p in enumerate(points) if p.ms is not None and p.ms <= constraint.limit]
        if within:
            best = min(within, key=lambda i: verified(points[i]).loss)
            return best, True, f"the most exact of those within {constraint.limit:g} ms"
        best = min(range(len(points)), key=lambda i: cost_of(points[i], "latency"))
        return best, False, f"no plan runs in {constraint.limit:g} ms; the fastest takes {points[best].ms or 0:.2f} ms"
    return _choose_by_loss(points, constraint, objective, fp32_ms, unit)


def _choose_by_loss(
    points: Sequence[Point], constraint: Constraint, objective: Objective, fp32_ms: float | None, unit: str
) -> tuple[int, bool, str]:
    name = {"kl": "KL", "drop": "drop"}[constraint.kind]
    unit = "nats" if constraint.kind == "kl" else unit
    figures = [verified(p).kl if constraint.kind == "kl" else verified(p).drop for p in points]
    if any(figure is None for figure in figures):
        what = (
            "a distribution over classes"
            if constraint.kind == "kl"
            else "labels (or y and its --metric), or classes to agree on"
        )
        raise Problem("search", f"the limit on the {name} needs {what}", "Use another limit.")
    known = [figure for figure in figures if figure is not None]
    met = [i for i, figure in enumerate(known) if figure.high <= constraint.limit]
    limit = _amount(constraint.limit, unit)
    samples = verified(points[0]).samples
    if met:
        best = min(met, key=lambda i: cost_of(points[i], objective))
        slow = objective == "latency" and fp32_ms is not None and cost_of(points[best], objective) >= fp32_ms
        but = "; it is not faster than float" if slow else ""
        return best, True, f"the cheapest of those whose {name} is at most {limit} with 95 % confidence{but}"
    sharpest = min((figure.high - figure.low) / 2 for figure in known)
    if constraint.kind == "drop" and sharpest > constraint.limit:
        best = min(range(len(points)), key=lambda i: (known[i].high, cost_of(points[i], objective)))
        return (
            best,
            False,
            (
                f"{samples} samples cannot resolve a drop of {limit}: even the surest plan's is known "
                f"to no better than {_amount(sharpest, unit)}"
            ),
        )
    within = [i for i, figure in enumerate(known) if figure.value <= constraint.limit]
    best = min(range(len(points)), key=lambda i: (known[i].high, cost_of(points[i], objective)))
    if within:
        reach = _amount(known[best].high, unit)
        return (
            best,
            False,
            (
                f"{samples} samples cannot resolve a {name} of {limit}: of the surest plan it is "
                f"{_amount(known[best].value, unit)}, but up to {reach} with 95 % confidence"
            ),
        )
    best = min(range(len(points)), key=lambda i: (known[i].value, cost_of(points[i], objective)))
    found = _amount(known[best].value, unit)
    return best, False, f"no plan keeps the {name} at {limit}; the nearest has {found}"


def _amount(value: float, unit: str) -> str:
    return f"{value * 100 if unit == 'points' else value:.4g} {unit}"


def knee(points: Sequence[Point], objective: Objective) -> int:
    """The point nearest to the corner of the least loss and the least cost, each scaled to its range on the front."""
    costs = [cost_of(p, objective) for p in points]
    losses = [verified(p).loss for p in points]

    def scaled(values: list[float]) -> list[float]:
        low, high = min(values), max(values)
        return [(v - low) / (high - low) if high > low else 0.0 for v in values]

    both = [c**2 + e**2 for c, e in zip(scaled(costs), scaled(losses), strict=True)]
    return both.index(min(both))
