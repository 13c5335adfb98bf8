"""What is open: model, data, plan, figures, selection.

Importing this file does not import torch: the model and the data set are made in jobs and only
their attributes are read here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from PySide6.QtCore import QObject, Signal

from ..engine.plan import QuantPlan
from ..engine.results import Analysis, Finding, LayerRow
from ..session import Run, Session
from .language import translated
from .planned import Planned

if TYPE_CHECKING:
    from ..engine.calibrate import Calibration
    from ..engine.data import Dataset
    from ..engine.float_check import FloatCheck
    from ..engine.graph import LayerGraph
    from ..engine.load import Model
    from ..engine.metric import Metric
    from ..engine.plan.target import Target
    from ..engine.search.costs import Costs
    from ..engine.search.pareto import Pareto, Point, Verified
    from ..engine.search.timings import Timings
    from ..engine.search.whatif import WhatIf
    from .close_up import FileKernels

Freshness = Literal["none", "stale", "quick", "exact"]


class Document(Planned):
    """The open model with everything that is known about it.

    Signals carry nothing (views read what they need) but the selection and log lines.
    `leaving` comes while all that another model will replace is still there.
    """

    leaving = Signal()
    model_changed = Signal()
    data_changed = Signal()
    check_changed = Signal()
    calibration_changed = Signal()
    results_changed = Signal()
    outputs_measured = Signal()
    file_kernels_found = Signal()
    selection_changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clear()

    def _clear(self) -> None:
        self.model = None
        self._asked = []
        self.inspected: Analysis | None = None
        self.file_kernels: FileKernels | None = None
        self.data: Dataset | None = None
        self.metric_source = "top-1"
        self.metric: Metric | None = None  # the usual one, whose class is not imported before it is needed
        self._output: int | None = None
        self.check: FloatCheck | None = None
        self.confirmed = ""
        self.calibration: Calibration | None = None
        self.begun: Calibration | None = None  # what one has that is under way or was stopped
        self._of_plan: dict[str, Calibration] = {}
        self.plan = QuantPlan()
        self.runs: list[Run] = []
        self.selection: tuple[str, ...] = ()
        self._costs: tuple[LayerGraph, Costs] | None = None
        self._estimates: dict[str, WhatIf | None] = {}
        self._timed: tuple[Target, tuple[Analysis, ...]] | None = None
        self._timings: Timings | None = None
        self.exported: tuple[str, bool] | None = None  # a plan, and whether its last file does what it says
        self.searched: Pareto | None = None
        self._last: Run | None = None
        self._earlier: Run | None = None  # of the last plan before the current one that has figures
        self._measured: tuple[str, Verified] | None = None
        self._stopped = ""  # the plan whose figures were not waited for

    # -- what is open -------------------------------------------------------------------------

    def set_model(self, model: Model, inspected: Analysis, plan: QuantPlan) -> None:
        """Begin anew with another model; the undo history of the old one is dropped.

        Parameters
        ----------
        model : Model
        inspected : Analysis
            What is known of it without data.
        plan : QuantPlan
            The plan to begin with.
        """
        self.leaving.emit()
        self._clear()
        self.model, self.inspected, self.plan = model, inspected, plan
        self.undo_stack.clear()
        self.log(self.tr("opened {0}: {1} layers").format(model.name, len(inspected.layers)))
        self.model_changed.emit()
        self.data_changed.emit()
        self.calibration_changed.emit()
        self.plan_changed.emit()
        self.results_changed.emit()
        self.selection_changed.emit(())

    def set_file_kernels(self, found: FileKernels) -> None:
        """What runs the layers of the quantized file that is open."""
        self.file_kernels = found
        self.file_kernels_found.emit()

    def set_data(self, data: Dataset) -> None:
        """Another data set, or the same with another preparation: its metric must be confirmed anew."""
        self.data = data
        self._output = None
        self.check = None
        self.searched = self._costs = self._measured = None
        if self.calibration is not None and not self.calibration.key.endswith(data.digest):
            self.calibration = None
            self._of_plan = {}
        if self.begun is not None and not self.begun.key.endswith(data.digest):
            self.begun = None
        self.confirmed = self.confirmed if self.confirmed == data.digest else ""
        self._last = self.find() or self._last
        self.log(self.tr("data: {0} samples from {1}").format(len(data), data.spec.source))
        self.data_changed.emit()
        self.calibration_changed.emit()
        self.results_changed.emit()

    def set_metric(self, source: str, metric: Metric) -> None:
        """Judge the outputs by another metric: the float model's figure must be confirmed anew."""
        self.metric_source, self.metric, self._output = source, metric, None
        self.check, self.confirmed = None, ""
        self.searched = self._costs = self._measured = None
        self._last = self.find() or self._last
        self.log(self.tr("metric: {0}").format(metric.name))
        self.check_changed.emit()
        self.results_changed.emit()

    @property
    def metric_name(self) -> str:
        """What runs are judged by; without targets it still says how the outputs are read."""
        return "top-1" if self.metric is None else self.metric.name

    @property
    def judged_output(self) -> int:
        """The output that the metric is of: the one that was chosen, else the first that fits the labels."""
        if self.model is None or len(self.model.graph.output_values) < 2:
            return 0
        if self._output is None:
            from ..engine.classes import judged
            from ..engine.metric import TOP1

            self._output = judged(self.metric or TOP1, self.model.graph, self.data).output or 0
        return self._output

    @property
    def labelled(self) -> bool:
        """Whether the data have targets that a metric may compare with."""
        return self.data is not None and self.data.targets is not None

    @property
    def drop_unit(self) -> str:
        """What a drop is said in: ``points`` of a share, or the metric's own unit (its name, where it has none)."""
        if self.metric is None or self.metric.unit == "share" or not self.labelled:
            return "points"
        return self.metric.unit or self.metric.name

    def set_check(self, check: FloatCheck) -> None:
        """The float model's own figures on the data."""
        self.check = check
        self.check_changed.emit()

    def confirm(self) -> None:
        """The user says that the float metric is the one that the model should have."""
        if self.data is not None:
            self.confirmed = self.data.digest
            self.check_changed.emit()

    def statistics(self, plan: QuantPlan | None = None) -> Calibration | None:
        """Statistics by the names of a plan's graph (the current one's); None where they are not there yet.

        Equalizing scales values, and a fusion that is switched off makes new ones: see `set_statistics`.
        """
        plan = plan or self.plan
        if not plan.remedied("equalize") and not plan.fusions:
            return self.calibration
        return self._of_plan.get(plan.fingerprint)

    def set_statistics(self, plan: QuantPlan, whole: Calibration, own: Calibration) -> None:
        """Statistics that a plan needs: all that is known now, and that by the names of the plan's graph."""
        if self.calibration is not None and self.calibration.key == whole.key:
            self.calibration = whole
            self._of_plan[plan.fingerprint] = own
            self.calibration_changed.emit()

    def set_calibration(self, calibration: Calibration) -> None:
        """The statistics of every tensor."""
        self.calibration, self.begun, self._costs = calibration, None, None
        self._of_plan = {}
        seconds = f"{calibration.seconds:.1f}"
        self.log(self.tr("calibrated on {0} samples in {1} s").format(calibration.samples, seconds))
        self.calibration_changed.emit()

    def set_begun(self, part: Calibration) -> None:
        """Statistics of a calibration that was stopped: it goes on from there."""
        self.begun = part
        self.calibration_changed.emit()

    # -- layers -------------------------------------------------------------------------------

    def rows(self) -> tuple[LayerRow, ...]:
        """The layers with the newest figures, or without any before the first analysis."""
        found = self.analysis
        return () if found is None else found.layers

    @property
    def analysis(self) -> Analysis | None:
        """The analysis that is shown, or what is known of the model without data."""
        run = self.shown
        return self.inspected if run is None else run.analysis

    def select(self, ids: Iterable[str]) -> None:
        """Select layers, everywhere."""
        chosen = tuple(ids)
        if chosen != self.selection:
            self.selection = chosen
            self.selection_changed.emit(chosen)

    @property
    def current(self) -> str | None:
        """The layer whose details are shown: the last one selected."""
        return self.selection[-1] if self.selection else None

    def worst(self) -> str | None:
        """The layer with the largest estimated share of the output error, where one is known."""
        known = [row for row in self.rows() if row.errors.estimated_kl or row.errors.estimated_mse]
        best = max(known, key=lambda row: (row.errors.estimated_kl or 0, row.errors.estimated_mse or 0), default=None)
        return None if best is None else best.id

    def _take_plan(self, plan: QuantPlan) -> None:
        self._earlier = self.find() or self._earlier
        self.plan = plan
        self._stopped = ""
        self._last = self.find() or self._last
        self.plan_changed.emit()
        self.results_changed.emit()

    # -- estimates ----------------------------------------------------------------------------

    def set_costs(self, graph: LayerGraph, costs: Costs) -> None:
        """What single roundings do to the output, on a plan's fused graph: what estimates are sums of."""
        self._costs = (graph, costs)
        self._estimates = {}

    def costs(self, plan: QuantPlan | None = None) -> Costs | None:
        """What is known of a plan's roundings (the current one's); None where its graph is another one."""
        if self.model is None or self._costs is None:
            return None
        from ..engine.job import fused_graph  # imports torch, which opening the model did already

        graph, costs = self._costs
        return costs if fused_graph(self.model, plan or self.plan).graph is graph else None

    def estimate(self, plan: QuantPlan | None = None) -> WhatIf | None:
        """What a plan (the current one) would do, without running it; None where too little is known.

        Remedies of single layers change their numbers beyond the grid: of those nothing is estimated.
        """
        plan = plan or self.plan
        if self.calibration is None or self._costs is None or any(item.kind != "equalize" for item in plan.remedies):
            return None
        if plan.fingerprint not in self._estimates:
            self._estimates[plan.fingerprint] = self._estimated(plan, self.calibration)
        return self._estimates[plan.fingerprint]

    def _estimated(self, plan: QuantPlan, calibration: Calibration) -> WhatIf | None:
        costs = self.costs(plan)
        if costs is None or self._costs is None:
            return None
        from ..engine.search.device import run_timings
        from ..engine.search.whatif import estimate_plan

        graph = self._costs[0]
        timed = (plan.target, self.timed())
        if self._timed != timed:
            self._timed, self._timings = timed, run_timings(graph, plan, timed[1])
        return estimate_plan(graph, plan, replace(costs, timings=self._timings), calibration.tensors)

    # -- figures ------------------------------------------------------------------------------

    def find(self, plan: QuantPlan | None = None, exact: bool | None = None) -> Run | None:
        """The best run of a plan (the current one) on what is open: all samples before quick, the newest first.

        With `exact`, one on all samples or a quick one only.
        """
        if self.model is None or self.data is None:
            return None
        digests = (self.model.digest, self.data.digest, (plan or self.plan).fingerprint)
        subject = (*digests, self.metric_name, self.judged_output)
        found = [run for run in reversed(self.runs) if run.subject == subject and exact in (None, run.exact)]
        return max(found, key=lambda run: run.exact, default=None)

    def about(self, run: Run) -> bool:
        """Whether a run is of the open model and data, judged by the metric that is chosen."""
        if self.model is None or self.data is None:
            return False
        ours = (self.model.digest, self.data.digest, self.metric_name, self.judged_output)
        return (run.model, run.data, run.metric, run.output) == ours

    @property
    def shown(self) -> Run | None:
        """What the panels show: the current plan's run, or the last one (`freshness` is stale then)."""
        return self.find() or self._last

    @property
    def measured_before(self) -> Run | None:
        """What the current plan's figures are compared with: the run of the last plan before it that has one."""
        earlier = self._earlier
        if earlier is None or earlier.plan == self.plan or not self.about(earlier):
            return None
        return next((run for run in self.runs if (run.key, run.exact) == (earlier.key, earlier.exact)), None)

    @property
    def freshness(self) -> Freshness:
        """How the figures that are shown relate to the current plan."""
        run = self.find()
        if run is not None:
            return "exact" if run.exact else "quick"
        return "none" if self._last is None else "stale"

    @property
    def last_exact(self) -> Run | None:
        """The newest run with kernels and latency, whatever its plan."""
        digest = self.model.digest if self.model else ""
        return next((run for run in reversed(self.runs) if run.exact and run.model == digest), None)

    def timed(self) -> tuple[Analysis, ...]:
        """Runs of the model with times of the device that is shown, the newest first."""
        last = self.last_exact
        runs = [run for run in reversed(self.runs) if last is not None and run.exact and run.model == last.model]
        return tuple(run.analysis for run in runs if last is not None and run.device == last.device)

    def apart(self) -> frozenset[str]:
        """Layers of fusions that the plan switched off."""
        off = {identity for identity, on in self.plan.fusions if not on}
        rows = self.shown.analysis.fusions if off and self.shown is not None else ()
        return frozenset(off.union(*(row.layers for row in rows if row.id in off)))

    def applicable(self) -> tuple[Finding, ...]:
        """Findings of the current plan whose remedy is an edit."""
        run = self.find()
        return () if run is None else tuple(finding for finding in run.analysis.findings if finding.plan is not None)

    def add_run(self, plan: QuantPlan, analysis: Analysis, exact: bool, name: str = "") -> None:
        """Keep an analysis; a quick one replaces the quick one before it of the same plan."""
        if self.model is None or self.data is None:
            return
        number = sum(run.exact for run in self.runs) + 1
        edit = self.undo_stack.undoText() if plan == self.plan else ""
        run = Run("", self.model.digest, self.data.digest, exact, plan, analysis)
        title = name or run.device or edit or plan.target.title
        # The same once more keeps the name that it has, which the user may have given it.
        again = next((old.name for old in self.runs if old.key == run.key and old.exact and exact), None)
        run = replace(run, name=again or (f"{number}: {title}" if exact else title))
        self.runs = [old for old in self.runs if old.key != run.key or (old.exact and not exact)]
        self.runs.append(run)
        self._estimates = {}
        if plan == self.plan:
            self._last = run
        self.results_changed.emit()

    def set_measured(self, plan: QuantPlan, found: Verified) -> None:
        """What a plan does to the outputs, before its layers' figures are there."""
        self._measured = (plan.fingerprint, found)
        self.outputs_measured.emit()

    @property
    def measured(self) -> Verified | None:
        """The same of the current plan, while there is no more than that."""
        known = self.freshness == "stale" and self._measured is not None and self._measured[0] == self.plan.fingerprint
        return self._measured[1] if known and self._measured is not None else None

    def set_stopped(self, plan: QuantPlan | None) -> None:
        """The figures of a plan were on their way and will not come; or (None) they are again."""
        fingerprint = "" if plan is None else plan.fingerprint
        if fingerprint != self._stopped:
            self._stopped = fingerprint
            self.outputs_measured.emit()

    @property
    def stopped(self) -> bool:
        """Whether the current plan has no figures, and none are on their way."""
        return self.freshness == "stale" and self._stopped == self.plan.fingerprint

    def found_point(self) -> Point | None:
        """The plan that is shown, as the search simulated it; None where it has not."""
        points = () if self.searched is None else self.searched.points
        return next((point for point in points if point.plan == self.plan and point.select is not None), None)

    def set_searched(self, found: Pareto) -> None:
        """What a search found."""
        self.searched = found
        self.log(self.tr("search: {0} plans; {1}").format(len(found.points), translated(found.why)))
        self.results_changed.emit()

    def rename_run(self, run: Run, name: str) -> None:
        """Give a run another name."""
        self.runs[self.runs.index(run)] = renamed = replace(run, name=name)
        if self._last is run:
            self._last = renamed
        self.results_changed.emit()

    def remove_run(self, run: Run) -> None:
        """Forget a run."""
        self.runs.remove(run)
        if self._last is run:
            self._last = self.find() or (self.runs[-1] if self.runs else None)
        self.results_changed.emit()

    # -- the rest -----------------------------------------------------------------------------

    def session(self, step: str, calibration: bytes | None) -> Session:
        """Everything that a file is to remember."""
        return Session(
            None if self.model is None else self.model.spec.to_json(),
            None if self.data is None else self.data.spec.to_json(),
            self.plan,
            self.confirmed,
            tuple(self.runs),
            calibration,
            step,
            self.metric_source,
            None if self.metric is None else self.metric.output,
        )

    def restore(self, session: Session, metric: Metric | None = None) -> None:
        """Take plan, metric, runs and confirmation of a session whose model and data are open again."""
        self.metric_source, self.metric, self._output = session.metric, metric, None
        self.runs = list(session.runs)
        self.confirmed = session.confirmed
        if session.plan is not None:
            self.plan = session.plan
        self.undo_stack.clear()
        self._last = self._earlier = self.find() or (self.runs[-1] if self.runs else None)
        for changed in (self.plan_changed, self.check_changed, self.results_changed):
            changed.emit()
