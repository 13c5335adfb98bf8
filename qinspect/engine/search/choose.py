"""Which point of a front to take: by the limit that the user gave, or at the knee."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

from ..doctor.case import duration
from ..intervals import Interval, share, share_changed
from ..problem import Problem, Unmet
from ..text import Text
from .pareto import Constraint, Objective, Point, Verified

T = TypeVar("T")

MOST_SAMPLES = 1_000_000
"""A drop that needs more is not to be resolved."""


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


def limited(found: Verified, wanted: Constraint) -> Interval:
    """The figure that a limit on the loss is of.

    Raises
    ------
    Problem
        Where the model and its data do not have it.
    """
    figure = found.kl if wanted.kind == "kl" else found.drop
    if figure is None:
        name, what = {
            "kl": (Text("KL"), Text("a distribution over classes")),
            "drop": (Text("drop"), Text("labels (or y and its --metric), or classes to agree on")),
        }[wanted.kind]
        raise Problem(
            Text("search"),
            Text("the limit on the {name} needs {what}", name=name, what=what),
            Text("Use another limit."),
        )
    return figure


def too_few(samples: int, wanted: Constraint | None, of_agreement: bool) -> Unmet | None:
    """What is to be said of a limit on a share's drop that no plan can keep on so few samples, though it lost none.

    Returns
    -------
    Unmet | None
        With how many samples would do.
    """
    if wanted is None or wanted.kind != "drop":
        return None

    def reach(count: int) -> float:
        return 1 - share(count, count).low if of_agreement else share_changed(0, 0, count).high

    if reach(samples) <= wanted.limit:
        return None
    need = samples
    while reach(need) > wanted.limit and need < MOST_SAMPLES:
        need = need + max(1, need // 100)
    return Unmet(
        Text("search"),
        Text(
            "{samples} samples to select on cannot resolve a drop of {limit}: of a plan that loses none of them it "
            "is known to no better than {reach}",
            samples=samples,
            limit=_amount(wanted.limit, "points"),
            reach=_amount(reach(samples), "points"),
        ),
        Text(
            "About {need} would do (--samples, --split), or a limit of {reach}.",
            need=need,
            reach=_ceiling(reach(samples)),
        )
        if need < MOST_SAMPLES
        else Text("Give a limit of {reach} or more, or --max-kl.", reach=_ceiling(reach(samples))),
    )


def _ceiling(share_: float) -> Text:
    """In points, rounded up to a tenth."""
    return _amount(math.ceil(share_ * 1000) / 1000, "points")


def meets(found: Verified, wanted: Constraint) -> bool:
    """Whether the whole confidence interval lies within a limit on the loss."""
    return limited(found, wanted).high <= wanted.limit


def choose(
    points: Sequence[Point],
    constraint: Constraint | None,
    objective: Objective,
    fp32_ms: float | None,
    unit: str = "points",
) -> tuple[int, bool, str]:
    """The point to take.

    The float model is one of the points: where it alone keeps a limit on the loss, the limit counts as not
    met, since nothing is quantized then, unless the float model costs no more than what quantizes.

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
        best = knee(points, objective)
        if points[best].all_float:
            return best, True, _not_dearer(objective)
        return best, True, Text("the knee of the front: from here on less loss costs more than it gains")
    if constraint.kind == "ms":
        return _choose_by_time(points, constraint.limit)
    return _choose_by_loss(points, constraint, objective, fp32_ms, unit)


def _nothing(why: Text) -> Text:
    return Text("no layer is to be quantized: {why}", why=why)


def _not_dearer(objective: Objective) -> Text:
    if objective == "latency":
        why = Text("the float model loses nothing and is at least as fast as every plan that quantizes")
    else:
        why = Text("the float model loses nothing and is at least as small as every plan that quantizes")
    return _nothing(why)


def _choose_by_time(points: Sequence[Point], limit: float) -> tuple[int, bool, str]:
    within = [i for i, p in enumerate(points) if p.ms is not None and p.ms <= limit]
    if within:
        best = min(within, key=lambda i: verified(points[i]).loss)
        if points[best].all_float:
            return best, True, _nothing(Text("the float model runs within {limit}", limit=duration(limit)))
        return best, True, Text("the most exact of those within {limit}", limit=duration(limit))
    best = min(range(len(points)), key=lambda i: cost_of(points[i], "latency"))
    times = {"limit": duration(limit), "least": duration(points[best].ms or 0)}
    if points[best].all_float:
        why = Text("no plan runs in {limit}; the fastest, which is the float model, takes {least}", **times)
    else:
        why = Text("no plan runs in {limit}; the fastest takes {least}", **times)
    return best, False, why


def _choose_by_loss(
    points: Sequence[Point], constraint: Constraint, objective: Objective, fp32_ms: float | None, unit: str
) -> tuple[int, bool, str]:
    name = {"kl": Text("KL"), "drop": Text("drop")}[constraint.kind]
    unit = "nats" if constraint.kind == "kl" else unit
    known = [limited(verified(point), constraint) for point in points]
    costs = [cost_of(point, objective) for point in points]
    limit = _amount(constraint.limit, unit)
    met = [i for i, figure in enumerate(known) if figure.high <= constraint.limit]
    quantizing = [i for i, point in enumerate(points) if not point.all_float]
    if met:
        best = min(met, key=lambda i: (costs[i], points[i].all_float))
        if not points[best].all_float:
            why = Text(
                "the cheapest of those whose {name} is at most {limit} with 95 % confidence", name=name, limit=limit
            )
            slow = objective == "latency" and fp32_ms is not None and costs[best] >= fp32_ms
            return best, True, Text("{why}; it is not faster than float", why=why) if slow else why
        if all(costs[i] >= costs[best] for i in quantizing):
            return best, True, _not_dearer(objective)
        if len(met) > 1:
            if objective == "latency":
                why = Text(
                    "no plan whose {name} is at most {limit} is faster than the float model", name=name, limit=limit
                )
            else:
                why = Text(
                    "no plan whose {name} is at most {limit} is smaller than the float model", name=name, limit=limit
                )
            return best, True, _nothing(why)
    best = min(quantizing, key=lambda i: (known[i].high, known[i].value, costs[i]))
    found, reach = _amount(known[best].value, unit), _amount(known[best].high, unit)
    samples = verified(points[best]).samples
    sharpest = min((known[i].high - known[i].low) / 2 for i in quantizing)
    if constraint.kind == "drop" and sharpest > constraint.limit:
        why = Text(
            "{samples} samples cannot resolve a drop of {limit}: even the surest plan's is known "
            "to no better than {sharpest}; of the nearest it is {found}, up to {reach}",
            samples=samples,
            limit=limit,
            sharpest=_amount(sharpest, unit),
            found=found,
            reach=reach,
        )
    elif any(known[i].value <= constraint.limit for i in quantizing):
        why = Text(
            "{samples} samples cannot resolve a {name} of {limit}: of the surest plan it is "
            "{found}, but up to {reach} with 95 % confidence",
            samples=samples,
            name=name,
            limit=limit,
            found=found,
            reach=reach,
        )
    elif met:
        why = Text(
            "only the float model keeps the {name} at {limit}; the nearest plan that quantizes has {found}, "
            "up to {reach} with 95 % confidence",
            name=name,
            limit=limit,
            found=found,
            reach=reach,
        )
    else:
        why = Text(
            "no plan keeps the {name} at {limit}; the nearest has {found}, up to {reach} with 95 % confidence",
            name=name,
            limit=limit,
            found=found,
            reach=reach,
        )
    return best, False, why


def _amount(value: float, unit: str) -> Text:
    if unit == "points":
        return Text("{amount:.4g} points", amount=value * 100)
    if unit == "nats":
        return Text("{amount:.4g} nats", amount=value)
    return Text("{amount:.4g} {unit}", amount=value, unit=unit)


def knee(points: Sequence[Point], objective: Objective) -> int:
    """The point nearest to the corner of the least loss and the least cost, each scaled to its range on the front.

    Of the plans that quantize, as far as the float model is not cheaper; where none is left, the float model.
    """
    costs = [cost_of(p, objective) for p in points]
    losses = [verified(p).loss for p in points]
    floats = [i for i, point in enumerate(points) if point.all_float]
    useful = [i for i in range(len(points)) if i not in floats and all(costs[i] < costs[f] for f in floats)]
    if not useful:
        return floats[0]

    def scaled(values: list[float]) -> dict[int, float]:
        low, high = min(values[i] for i in useful), max(values[i] for i in useful)
        return {i: (values[i] - low) / (high - low) if high > low else 0.0 for i in useful}

    cost, loss = scaled(costs), scaled(losses)
    return min(useful, key=lambda i: cost[i] ** 2 + loss[i] ** 2)
