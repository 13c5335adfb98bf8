"""Runs and the plans of a search as points of the Pareto plot; a point is taken as the plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtGui import QShowEvent

from ...engine.results import Totals
from ...session import Run
from ..document import Document
from ..plots.pareto import ParetoPlot, ParetoPoint

if TYPE_CHECKING:
    from ...engine.search.pareto import Point

FLOAT, NOW = "float", "now"
translate = QCoreApplication.translate


def run_key(run: Run) -> str:
    """What the plot calls a run."""
    return "|".join(map(str, (*run.key, run.exact)))


def point_key(place: int) -> str:
    """What the plot calls a plan that the search found."""
    return f"search|{place}"


def lost(totals: Totals, data: Mapping[str, Any]) -> float | None:
    """What the kernels (or, where they did not run, the simulation) lost: points of a share, else the metric's unit.

    Parameters
    ----------
    totals : Totals
    data : mapping
        What the analysis says of metric and unit.
    """
    if totals.fp32_metric is not None:
        value = totals.quantized_metric if totals.kernel_metric is None else totals.kernel_metric
        if value is None:
            return None
        worse = totals.fp32_metric - value
        worse = worse if data.get("metric_higher_is_better") is not False else -worse
        return worse * (100 if data.get("metric_unit") in (None, "share") else 1)
    value = totals.agreement if totals.kernel_agreement is None else totals.kernel_agreement
    return None if value is None else (1 - value) * 100


def pareto_points(document: Document) -> list[ParetoPoint]:
    """The runs of the open model and data, and the float model beside the newest of them.

    A computer is not equally fast at all times: the times of each run are scaled so that the target's float takes as
    long as it did in the newest measurement on this target, which is the search's where there is one.
    """
    if document.model is None or document.data is None:
        return []
    here = (document.model.digest, document.data.digest)
    current, last = document.find(), document.last_exact
    # Times of two devices have no place on one axis.
    device = next((run.device for run in (current, last) if run is not None), "")
    runs = [
        run for run in document.runs if (run.model, run.data) == here and run.device == device and document.about(run)
    ]
    searched = () if document.searched is None else document.searched.points
    timed = [(run.plan.target, run.analysis.totals.fp32_ms) for run in runs]
    if document.searched is not None and not document.searched.targets:
        timed += [(point.plan.target, point.fp32_ms) for point in searched]
    # The newest of each target, and of all.
    float_ms = {target: ms for target, ms in timed if ms is not None}
    newest = next((ms for _, ms in reversed(timed) if ms is not None), None)
    points = []
    for run in runs:
        totals = run.analysis.totals
        now = float_ms.get(run.plan.target)
        kl = totals.kl if totals.kernel_kl is None else totals.kernel_kl
        points.append(
            ParetoPoint(
                run_key(run),
                run.name,
                _scaled(totals.int8_ms, totals.fp32_ms, now),
                kl,
                lost(totals, run.analysis.data),
                current=run is current,
                mse=totals.mse,
                scaled=totals.fp32_ms not in (None, now),
            )
        )
    taken = document.found_point() if current is None else None
    if document.searched is not None:
        scale = 100 if document.searched.drop_unit == "points" else 1
        points += [_searched(place, point, scale, point is taken) for place, point in enumerate(searched)]
    unknown = current is None and taken is None and document.freshness == "stale"
    if unknown and (estimate := document.estimate()) is not None:
        points.append(
            ParetoPoint(
                NOW,
                translate("Pareto", "the current plan, estimated"),
                _estimated_ms(document, estimate.ms, float_ms),
                estimate.kl,
                None if estimate.drop is None else estimate.drop.value * 100,
                "estimate",
                current=True,
                mse=estimate.mse,
            )
        )
    if newest is not None:
        points.append(ParetoPoint(FLOAT, FLOAT, newest, 0.0, 0.0, "float", mse=0.0))
    return points


def _estimated_ms(document: Document, ms: float | None, float_ms: Mapping[Any, float]) -> float | None:
    """An estimate rests on the times of the newest run of its target."""
    target = document.plan.target
    beside = [run.analysis.totals.fp32_ms for run in document.runs if run.plan.target == target]
    known = next((each for each in reversed(beside) if each is not None), None)
    return _scaled(ms, known, float_ms.get(target))


def _scaled(ms: float | None, beside: float | None, float_ms: float | None) -> float | None:
    """A time that was measured while float took `beside` ms, for a moment when it takes `float_ms`."""
    return ms if None in (ms, beside, float_ms) or not beside else ms * float_ms / beside  # type: ignore[operator]


def _searched(place: int, point: Point, scale: float, current: bool) -> ParetoPoint:
    select = point.select
    kl = point.estimated_kl if select is None or select.kl is None else select.kl.value
    drop = None if select is None or select.drop is None else select.drop.value * scale
    measured = select is not None and point.int8_ms is not None
    title = translate("Pareto", "plan {0}: in float {1}").format(place + 1, len(point.float_layers))
    mse = point.estimated_mse if select is None or select.mse is None else select.mse
    kind = "search" if measured else "estimate"
    return ParetoPoint(point_key(place), title, point.ms, kl, drop, kind, current=current, mse=mse)


class PlanPareto(ParetoPlot):
    """The Pareto plot of a document.

    Signals
    -------
    restore_requested(Run)
        A run's point was double-clicked.
    plan_chosen(int), plan_opened(int)
        A point of the search was clicked, or double-clicked.
    """

    restore_requested = Signal(object)
    plan_chosen = Signal(int)
    plan_opened = Signal(int)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.opened.connect(self._open)
        self.chosen.connect(lambda key: self._is_plan(key) and self.plan_chosen.emit(int(key.partition("|")[2])))
        document.results_changed.connect(self._changed)
        self.refresh()

    def _changed(self) -> None:
        # Hidden, it is brought up to date when it is shown.
        if self.isVisible():
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        """Show the runs."""
        points = pareto_points(self._document)
        if points != list(self._points):
            self.set_points(points, self._document.drop_unit)

    def _is_plan(self, key: str) -> bool:
        return key.startswith("search|")

    def _open(self, key: str) -> None:
        if self._is_plan(key):
            self.plan_opened.emit(int(key.partition("|")[2]))
            return
        run = next((run for run in self._document.runs if run_key(run) == key), None)
        if run is not None:
            self.restore_requested.emit(run)
