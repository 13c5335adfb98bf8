"""The best plans between all integers and all float: estimated, solved for, verified, repaired, chosen."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from ..backends.tables import table
from ..calibrate import Calibration
from ..data import Dataset, batches
from ..graph import LayerGraph
from ..inspect import data_json, model_json
from ..job import batch_size, calibrate_model, fed, float_onnx, fused_graph, whole_batches
from ..load import Model
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..problem import Problem
from ..profiles import DeviceTimes
from ..progress import Report, part, silent
from ..quantize import Quantization, quantize
from ..sensitivity.estimate import effort
from ..statistics import TensorStats
from ..text import Text
from .choices import choices, described, space
from .choose import choose, cost_of, limited, meets, unbeaten, verified
from .costs import Costs, score_plans
from .device import device_timings
from .families import least_estimated, worthwhile
from .front import Choices, Selection, least_cost, least_loss, sweep
from .pareto import Constraint, Objective, Pareto, Point
from .pool import COUNTS, Pool, Tried
from .seeds import ranking
from .timings import TimingWork, fit_timings, kernels_used, time_plans
from .trials import Trials
from .whatif import estimate_plan

TRIAL_SAMPLES = 128
"""Samples of the select split that plans are simulated on; a drop of the metric is decided on all of it."""

ROUNDS = 4
"""In which the constraint is approached."""

RANK_SAMPLES = 32
"""Samples of the select split on which layers are measured one by one."""

TIMED = 6
"""Plans that are timed beside each other."""


def search(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    report: Report = silent,
    *,
    constraint: Constraint | None = None,
    objective: Objective = "latency",
    metric: Metric = TOP1,
    alternatives: bool = True,
    device: DeviceTimes | None = None,
) -> Pareto:
    """Find the plans that are not beaten in both loss and cost, and choose one.

    Parameters
    ----------
    model, data
    plan : QuantPlan
        Where to start: what it leaves in float stays so, the rest may become float or get another
        configuration that its target runs.
    calibration : Calibration
    report : Report
    constraint : Constraint | None
        Without one the knee of the front is chosen.
    objective : str
        What is to be small beside the loss.
    metric : Metric
    alternatives : bool
        Whether other configurations are tried beside float.
    device : DeviceTimes | None
        Times that another device measured, in place of this computer's: of plans they are sums then,
        and configurations whose kernels were not timed there are left out.

    Returns
    -------
    Pareto
        Also where the constraint is not met: it says so, and its chosen point is the nearest.

    Raises
    ------
    Problem
        Where the plan runs nothing in integers, or the data cannot answer what is asked.
    """
    return _Search(model, data, plan, calibration, report, constraint, objective, metric, alternatives, device).run()


class _Search:
    def __init__(
        self,
        model: Model,
        data: Dataset,
        plan: QuantPlan,
        calibration: Calibration,
        report: Report,
        constraint: Constraint | None,
        objective: Objective,
        metric: Metric,
        alternatives: bool,
        device: DeviceTimes | None,
    ) -> None:
        self.began = time.perf_counter()
        self.report, self.model, self.data, self.metric = report, model, data, metric
        self.constraint, self.objective, self.device = constraint, objective, device
        calibration = calibrate_model(model, data, plan, part(report, 0, 0.03), calibration)
        self.stats = calibration.tensors
        self.space = space(fused_graph(model, plan).graph, plan, alternatives, objective)
        if not self.space.units:
            raise Problem(
                Text("search"), Text("the plan runs no layer in integers"), Text("Give a plan or a target that does.")
            )
        self.notes: list[str] = list(model.notes)
        elsewhere = getattr(table(plan.target), "NOT_RUN_HERE", None)
        if elsewhere and objective == "latency" and device is None:
            raise Problem(
                Text("target {target}", target=plan.target.title),
                elsewhere,
                Text("Use --objective size or layers, or --profile."),
            )
        if constraint is not None and constraint.kind == "ms" and objective != "latency":
            raise Problem(
                Text("search"),
                Text("a limit in milliseconds needs the objective latency"),
                Text("Leave --objective out."),
            )
        graph = self.space.graph
        select = whole_batches(graph, data.splits.select)
        if not select:
            raise Problem(data.spec.source, Text("the select split is empty"), Text("Give more samples, or --split."))
        self.trials = Trials(graph, self.stats, data, "select", select[:TRIAL_SAMPLES], metric)
        self.select = select
        self.timing_error: float | None = None
        self.fp32_ms: float | None = None

    def run(self) -> Pareto:
        if self.constraint is not None and self.constraint.kind != "ms":
            # What cannot be answered is refused before anything long is done.
            limited(self.trials.verify(self.space.plan, part(self.report, 0.03, 0.03)), self.constraint)
        self.costs = self._costs()
        self.choices = self._choices()
        self.pool = Pool(self.space, self.choices, self.trials)
        by_number = self.objective == "layers"
        self.report(0.31, 1, Text("solving for the front"))
        selections = [s for s in sweep(self.choices, COUNTS if by_number else ()) if self.pool.quantizes(s)]
        order = self._ranking() if by_number else ()
        for base in (self.pool.as_given, least_estimated(self.choices)):
            selections += self.pool.by_rank(base, order)
        self.pool.add([self.pool.as_given, *selections], part(self.report, 0.42, 0.48), Text("verifying"))
        self.pool.repair(part(self.report, 0.48, 0.68), few_and_large=by_number)
        self.pool.go_on(order, part(self.report, 0.68, 0.68))
        self._approach()
        self._score_rest()
        self._time()
        start = self._point(self.pool.given)
        unit = self._unit(start)
        known = self._known(start)
        index, met, why = choose(known, self.constraint, self.objective, self.fp32_ms, unit)
        points = self._points(known, known[index])
        chosen = next(place for place, point in enumerate(points) if point is known[index])
        best, start = self._final(points[chosen], start)
        points = (*points[:chosen], best, *points[chosen + 1 :])
        return Pareto(
            model_json(self.model),
            data_json(self.data, self.metric),
            self._target(),
            self.objective,
            self.constraint,
            start,
            points,
            chosen,
            met,
            why,
            self.timing_error,
            len(self.pool.tried),
            tuple(filter(None, (self.data.splits.warning, *self.notes))),
            time.perf_counter() - self.began,
            unit,
        )

    def _target(self) -> dict[str, Any]:
        target = self.space.plan.target.on_this_host()
        if self.device is None:
            return target
        with_what = {key: n for key in ("threads", "batch") if (n := getattr(self.device, key)) is not None}
        return {**target, **with_what, "device": self.device.device}

    # -- what is known before anything is solved ---------------------------------------------------

    def _costs(self) -> Costs:
        graph, plan = self.space.graph, self.space.plan
        inner = part(self.report, 0.03, 0.14, Text("estimating the effect of every rounding"))
        costs = self._scored(self.space.plans_to_score(), None, inner)
        if self.objective != "latency":
            return costs
        if self.device is not None:
            timings, notes = device_timings(graph, plan, self.device)
            self.notes += notes
            self.fp32_ms = timings.fp32_ms
            return dataclasses.replace(costs, timings=timings)
        everything = range(len(self.space.units))
        plans = {
            "plan": plan,
            "float": self.space.with_floats(everything),
            "even": self.space.with_floats(everything[::2]),
            "odd": self.space.with_floats(everything[1::2]),
            **self._other_kernels(),
        }
        quantizations = {name: quantize(graph, item, self.stats) for name, item in plans.items()}
        timed = time_plans(
            TimingWork(
                quantizations,
                frozenset(quantizations) - {"float"},
                self._float_onnx(quantizations["plan"]),
                self._latency_inputs(),
            ),
            part(self.report, 0.14, 0.31, Text("measuring layers and borders")),
        )
        pairs = {name: (quantizations[name], timed[name]) for name in plans}
        whole = [pair for name, pair in pairs.items() if name not in ("float", "even", "odd")]
        timings = fit_timings(timed["float"], whole, [pairs["even"], pairs["odd"]], plan.target.batch)
        self.timing_error, self.fp32_ms = timings.error, timings.fp32_ms
        return dataclasses.replace(costs, timings=timings)

    def _choices(self) -> Choices:
        """What may be chosen, without the kinds of changes that make plans worse."""
        inner = part(self.report, 0.31, 0.31, Text("trying other ranges"))

        def loss(offered: Choices, selection: Selection) -> float:
            return self.trials.verify(self.space.select(offered, selection), inner).loss

        return worthwhile(choices(self.space, self.costs, self.objective), loss)

    def _score_rest(self) -> None:
        """Score what plans of the front round in a way that no single change did: as a new neighbour reads it."""
        plans = [item.plan for item in (*self.pool.front(), self.pool.given)]
        inner = part(self.report, 0.7, 0.72, Text("estimating the effect of every rounding"))
        self.costs = self._scored(plans, self.costs, inner)

    def _scored(self, plans: Sequence[QuantPlan], known: Costs | None, report: Report) -> Costs:
        graph = self.space.graph
        samples, draws = effort(graph, len(self.select), len(plans))
        chosen = self.select[:samples]
        feed = fed(batches(self.data, chosen, batch_size(graph)))
        return score_plans(
            graph, plans, self.stats, feed, known, report, total=len(chosen), draws=draws, classes=self.trials.classes
        )

    def _other_kernels(self) -> dict[str, QuantPlan]:
        """Plans with the kernels that other types run on, which take another time."""
        usual = kernels_used(self.space.graph, self.space.decisions)
        found: dict[str, QuantPlan] = {}
        for index, plan in enumerate(self.space.plans_to_score()[1:]):
            used = kernels_used(self.space.graph, quantize(self.space.graph, plan, self.stats).decisions)
            if used != usual:
                found[f"other {index}"] = plan
        return found

    def _float_onnx(self, quantization: Quantization) -> bytes | None:
        return float_onnx(quantization) if quantization.plan.target.backend == "ort" else None

    def _latency_inputs(self) -> tuple[torch.Tensor, ...]:
        batch = self.space.plan.target.batch
        alike = self.data.alike(self.select)
        return self.data.load([alike[i % len(alike)] for i in range(batch)])

    def _ranking(self) -> tuple[int, ...]:
        """The units in the order in which they are to become float, run one by one."""
        few = whole_batches(self.space.graph, self.select, RANK_SAMPLES)
        trials = Trials(self.space.graph, self.stats, self.data, "select", few, self.metric)
        return ranking(self.space, trials, part(self.report, 0.31, 0.42, Text("measuring one layer at a time")))

    def _approach(self) -> None:
        """Solve again near the constraint, with the limit corrected by what was verified."""
        wanted = self.constraint
        if wanted is None:
            return
        if wanted.kind == "drop":
            # Plans near the limit are told apart by few samples: all of them are needed.
            self._verify_whole()
        for round_ in range(ROUNDS):
            front = self.pool.front()
            self.report(0.68 + 0.01 * round_, 1, Text("approaching the limit"))
            selection = self._between(front, wanted)
            if selection is None or not self.pool.quantizes(selection) or selection in self.pool.tried:
                return
            inner = part(self.report, 0.68 + 0.01 * round_, 0.69 + 0.01 * round_)
            self.pool.add([selection], inner, Text("approaching the limit"))

    def _between(self, front: Sequence[Tried], wanted: Constraint) -> Selection | None:
        """A selection between the last plan that does not meet a limit and the first that does."""
        if wanted.kind == "ms":
            spent = [t for t in front if self._ms(t) is not None]
            over = [t for t in spent if (self._ms(t) or 0.0) > wanted.limit]
            under = [t for t in spent if t not in over]
            if not over or not under:
                return None
            near = max(under, key=lambda t: t.cost)
            return least_loss(self.choices, near.cost + (wanted.limit - (self._ms(near) or 0.0)) * 1e3)
        good = [t for t in front if meets(t.verified, wanted)]
        bad = [t for t in front if t not in good]
        if not good or not bad:
            return None
        first, last = min(good, key=lambda t: t.cost), max(bad, key=lambda t: t.cost)
        if last.cost >= first.cost:
            return None
        return least_cost(self.choices, (max(first.loss, 1e-12) * max(last.loss, 1e-12)) ** 0.5)

    def _verify_whole(self) -> None:
        """Decide on the whole select split, where so far it was a part."""
        if len(self.select) <= len(self.trials.samples):
            return
        graph = self.space.graph
        self.trials = Trials(graph, self.stats, self.data, "select", self.select, self.metric)
        kept = [self.pool.as_given, *(item.selection for item in self.pool.front())]
        self.pool = Pool(self.space, self.choices, self.trials)
        self.pool.add(kept, part(self.report, 0.66, 0.68), Text("verifying on all of the select split"))

    def _ms(self, item: Tried) -> float | None:
        if item.timed is not None:
            return item.timed.ms
        return estimate_plan(self.space.graph, item.plan, self.costs).ms

    # -- the answer --------------------------------------------------------------------------------

    def _time(self) -> None:
        """Measure the plans of the front beside the float model, as many as fit at once."""
        if self.objective != "latency" or self.device is not None:
            return
        graph, stats = self.space.graph, self.stats
        nothing = quantize(graph, self.space.with_floats(range(len(self.space.units))), stats)
        onnx = self._float_onnx(nothing)
        given = self.pool.given
        front = [given, *(item for item in self.pool.front() if item is not given)]
        parts = [front[i : i + TIMED] for i in range(0, len(front), TIMED)]
        floats: list[float] = []
        for index, group in enumerate(parts):
            quantizations = {str(i): quantize(graph, item.plan, stats) for i, item in enumerate(group)}
            inner = part(self.report, 0.72 + 0.23 * index / len(parts), 0.72 + 0.23 * (index + 1) / len(parts))
            work = TimingWork({"float": nothing, **quantizations}, frozenset(), onnx, self._latency_inputs())
            found = time_plans(work, inner)
            floats.append(found["float"].ms)
            for i, item in enumerate(group):
                item.timed = found[str(i)]
        self.fp32_ms = min(floats)

    def _known(self, start: Point) -> list[Point]:
        """The plans that quantize and are not beaten by another, the plan as given, and the float model."""
        # What only float layers read is float too, so that a plan may be the float model under another name.
        made = [self._point(item) for item in self.pool.front() if self._rounds(item.plan)]
        found = self._unbeaten(made)
        if self.constraint is not None and all(point.plan != start.plan for point in found):
            found.append(start)  # its drop may be smaller than that of plans with less KL
        return [*found, self._float_point(start)]

    def _rounds(self, plan: QuantPlan) -> bool:
        return bool(quantize(self.space.graph, plan, self.stats).quantized)

    def _points(self, known: Sequence[Point], chosen: Point) -> tuple[Point, ...]:
        """Those of all that no other beats, and the one that was chosen."""
        found = self._unbeaten(known)
        if all(point is not chosen for point in found):
            found.append(chosen)
        return tuple(sorted(found, key=lambda p: (cost_of(p, self.objective), verified(p).loss)))

    def _unbeaten(self, points: Sequence[Point]) -> list[Point]:
        return unbeaten(points, lambda p: cost_of(p, self.objective), lambda p: verified(p).loss)

    def _float_point(self, start: Point) -> Point:
        selection = tuple(len(unit.options) - 1 for unit in self.choices.units)
        floats, _ = described(self.space, self.choices, selection)
        plan = self.space.select(self.choices, selection)
        estimate = estimate_plan(self.space.graph, plan, self.costs)
        ms = self.fp32_ms if self.objective == "latency" else None
        found = verified(start).of_float()
        kl = None if found.kl is None else estimate.kl
        return Point(plan, floats, (), kl, estimate.mse, estimate.ms, estimate.bytes, found, None, ms, ms, True)

    def _point(self, item: Tried) -> Point:
        estimate = estimate_plan(self.space.graph, item.plan, self.costs)
        floats, changed = described(self.space, self.choices, item.selection)
        return Point(
            item.plan,
            floats,
            tuple(changed.items()),
            estimate.kl,
            estimate.mse,
            estimate.ms,
            estimate.bytes,
            item.verified,
            None,
            None if item.timed is None else self.fp32_ms,
            None if item.timed is None else item.timed.ms,
        )

    def _unit(self, point: Point) -> str:
        """Of a drop: points of a share (such as the agreement where there is no metric), or the metric's own."""
        if self.metric.unit == "share" or verified(point).metric is None:
            return "points"
        return self.metric.unit or self.metric.name

    def _final(self, *points: Point) -> list[Point]:
        inner = part(self.report, 0.95, 1.0, Text("the chosen plan on the final split"))
        if not whole_batches(self.space.graph, self.data.splits.final):
            self.notes.append(
                Text("The final split is empty: the chosen plan was not tried on samples it was not chosen on.")
            )
        return on_final(self.space.graph, self.stats, self.data, self.metric, points, inner)


def on_final(
    graph: LayerGraph,
    stats: Mapping[str, TensorStats],
    data: Dataset,
    metric: Metric,
    points: Sequence[Point],
    report: Report = silent,
) -> list[Point]:
    """Points with what their plans do on the final split, that none was chosen on; as they were where it is empty."""
    final = whole_batches(graph, data.splits.final)
    if not final:
        return list(points)
    trials = Trials(graph, stats, data, "final", final, metric)
    found = []
    for index, point in enumerate(points):
        inner = part(report, index / len(points), (index + 1) / len(points))
        verified = trials.verify(point.plan, inner)
        found.append(dataclasses.replace(point, final=verified.of_float() if point.all_float else verified))
    return found
