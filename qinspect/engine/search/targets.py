"""The best plans of several targets in one front: another engine is a choice too."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

from ..calibrate import Calibration
from ..data import Dataset
from ..job import calibrate_model, fused_graph
from ..load import Model
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..problem import Problem
from ..progress import Report, part, silent
from ..text import Text, joined
from .choose import choose, cost_of, unbeaten, verified
from .pareto import Constraint, Objective, Pareto, Point
from .run import on_final, search

KERNELS_NOT_COMPARED = Text(
    "Losses are simulated; where a target's kernels compute something else than the simulation, analyze says so."
)


def search_targets(
    model: Model,
    data: Dataset,
    plans: Sequence[QuantPlan],
    calibration: Calibration,
    report: Report = silent,
    *,
    constraint: Constraint | None = None,
    objective: Objective = "latency",
    metric: Metric = TOP1,
    alternatives: bool = True,
) -> Pareto:
    """Search on each of several targets, and make one front of what was found.

    Parameters
    ----------
    model, data
    plans : sequence of QuantPlan
        Where to start, one for each target. A plan runs on its target whole: layers of one plan do not
        run on different engines.
    calibration, report, constraint, objective, metric, alternatives
        As for `search`.

    Returns
    -------
    Pareto
        Every point's plan has its own target, and its time was measured there, beside the float model of
        the same runtime. Its `start` and its `target` are those of the first plan.

    Raises
    ------
    Problem
        As `search`; and where two plans are for the same target.
    """
    began = time.perf_counter()
    names = [plan.target.name for plan in plans]
    if len(set(names)) < len(names):
        raise Problem(
            Text("search"),
            Text("{targets} are not different targets", targets=joined(names)),
            Text("Name each target once."),
        )
    found = []
    for index, plan in enumerate(plans):
        inner = part(
            report,
            index / len(plans),
            (index + 1) / len(plans),
            Text("searching on {target}", target=plan.target.title),
        )
        found.append(
            search(
                model,
                data,
                plan,
                calibration,
                inner,
                constraint=constraint,
                objective=objective,
                metric=metric,
                alternatives=alternatives,
            )
        )
    if len(found) == 1:
        return found[0]
    known = _known(found, objective)
    fp32_ms = min((p.ms for p in known if p.all_float and p.ms is not None), default=None)
    index, met, why = choose(known, constraint, objective, fp32_ms, found[0].drop_unit)
    best = known[index]
    points = unbeaten(known, lambda p: cost_of(p, objective), lambda p: verified(p).loss)
    points = sorted(
        points if any(p is best for p in points) else [*points, best],
        key=lambda p: (cost_of(p, objective), verified(p).loss),
    )
    chosen = next(place for place, point in enumerate(points) if point is best)
    if best.final is None:
        points[chosen] = _on_final(model, data, best, calibration, metric, part(report, 1, 1))
    errors = [pareto.timing_error for pareto in found if pareto.timing_error is not None]
    notes = dict.fromkeys(note for pareto in found for note in pareto.notes)
    return dataclasses.replace(
        found[0],
        points=tuple(points),
        chosen=chosen,
        met=met,
        why=Text("{why}; it is for {target}", why=why, target=best.plan.target.title),
        timing_error=max(errors, default=None),
        verified=sum(pareto.verified for pareto in found),
        notes=(*notes, KERNELS_NOT_COMPARED),
        search_s=time.perf_counter() - began,
        targets=tuple(names),
    )


def _known(found: Sequence[Pareto], objective: Objective) -> list[Point]:
    """The points of all, and of their float models the cheapest."""
    points = [point for pareto in found for point in pareto.points if not point.all_float]
    floats = [point for pareto in found for point in pareto.points if point.all_float]
    return [*points, min(floats, key=lambda p: cost_of(p, objective))]


def _on_final(
    model: Model, data: Dataset, point: Point, calibration: Calibration, metric: Metric, report: Report
) -> Point:
    stats: Any = calibrate_model(model, data, point.plan, known=calibration).tensors
    graph = fused_graph(model, point.plan).graph
    return on_final(graph, stats, data, metric, [point], report)[0]
