"""Runs as points of the Pareto plot; a point is taken as the plan."""

from __future__ import annotations

from PySide6.QtCore import Signal

from ...engine.results import Totals
from ...session import Run
from ..document import Document
from ..plots.pareto import ParetoPlot, ParetoPoint

FLOAT = "float"


def run_key(run: Run) -> str:
    """What the plot calls a run."""
    return f"{'|'.join(run.key)}|{run.exact}"


def lost_points(totals: Totals) -> float | None:
    """What the kernels (or, where they did not run, the simulation) lost, in points."""
    if totals.fp32_metric is not None:
        value = totals.quantized_metric if totals.kernel_metric is None else totals.kernel_metric
        return None if value is None else (totals.fp32_metric - value) * 100
    value = totals.agreement if totals.kernel_agreement is None else totals.kernel_agreement
    return None if value is None else (1 - value) * 100


def pareto_points(document: Document) -> list[ParetoPoint]:
    """The runs of the open model and data, and the float model beside the newest of them."""
    if document.model is None or document.data is None:
        return []
    here = (document.model.digest, document.data.digest)
    current = document.find()
    points = []
    newest: Totals | None = None
    for run in document.runs:
        if (run.model, run.data) != here:
            continue
        totals = run.analysis.totals
        kl = totals.kl if totals.kernel_kl is None else totals.kernel_kl
        points.append(
            ParetoPoint(run_key(run), run.name, totals.int8_ms, kl, lost_points(totals), current=run is current)
        )
        newest = totals if totals.fp32_ms is not None else newest
    if newest is not None:
        points.append(ParetoPoint(FLOAT, FLOAT, newest.fp32_ms, 0.0, 0.0, "float"))
    return points


class PlanPareto(ParetoPlot):
    """The Pareto plot of a document.

    Signals
    -------
    restore_requested(Run)
        A run's point was double-clicked.
    """

    restore_requested = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.opened.connect(self._open)
        document.results_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the runs."""
        points = pareto_points(self._document)
        if points != list(self._points):
            self.set_points(points)

    def _open(self, key: str) -> None:
        run = next((run for run in self._document.runs if run_key(run) == key), None)
        if run is not None:
            self.restore_requested.emit(run)
