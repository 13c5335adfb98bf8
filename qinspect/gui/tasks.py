"""What the user sets to work: each method queues one job and puts its result into the document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from ..engine.plan import QuantPlan
from ..engine.progress import Report, part
from ..engine.results import Analysis
from . import work
from .document import Document
from .errands import Errands, line
from .jobs import Job, Jobs
from .language import language_of

if TYPE_CHECKING:
    from ..engine.calibrate import Calibration
    from ..engine.data import Dataset
    from ..engine.dump import Dump
    from ..engine.load import Model
    from ..engine.search.trials import Trials

QUICK_MS = 1500
"""So long after the last edit its figures are computed."""

QUICK_SHARE = 0.2
"""Of those the outputs' come first, and take about so much of the time."""

STATISTICS_SHARE = 0.05
"""Statistics that only this plan needs are collected before."""


class Tasks(Errands):
    """The long operations on a document.

    Signals
    -------
    model_opened(spec), data_opened(Opened), host_known(Host)
    model_refused(Problem), data_refused(Problem)
        What was named cannot be opened.
    exported(ExportReport), analyzed(exact)
    check_started(), check_stopped(reason)
        The float model is being run for its metric; it was cancelled (no reason), or failed.
    analyzing_changed(bool)
        Calibration and analysis of everything began, or are over.
    making_many(Job)
        It is queued, and will make some hundred thousand objects that stay.
    """

    model_opened = Signal(object)
    model_refused = Signal(object)
    data_refused = Signal(object)
    data_opened = Signal(object)
    host_known = Signal(object)
    exported = Signal(object)
    analyzed = Signal(bool)
    check_started = Signal()
    check_stopped = Signal(str)
    analyzing_changed = Signal(bool)
    making_many = Signal(object)

    # Emitted in the worker: a plan, and what it does to the outputs, or the statistics that it needed besides.
    _first_figures = Signal(object, object)
    _gathered = Signal(object, object, object)

    def __init__(self, document: Document, jobs: Jobs) -> None:
        super().__init__(document, jobs)
        self._whole: Job | None = None
        self._quick: Job | None = None
        self._calibrating: Job | None = None
        self._timer = QTimer(self, singleShot=True, interval=QUICK_MS)
        self._timer.timeout.connect(self.run_quick)
        self._trials: tuple[str, Trials | None] = ("", None)  # what the float outputs are of, and where they are kept
        self._of_one: list[Calibration] = []  # one, and what the worker made of it with more values
        self._first_figures.connect(document.set_measured, Qt.ConnectionType.QueuedConnection)
        self._gathered.connect(document.set_statistics, Qt.ConnectionType.QueuedConnection)
        document.model_changed.connect(self._forget)
        document.plan_changed.connect(self._edited)

    # -- opening ------------------------------------------------------------------------------

    def look_at_host(self) -> Job:
        """Import torch in the background and say what computer this is."""
        job = self._start(self.tr("Starting the engine"), work.host, self.host_known.emit, quiet=True)
        self.making_many.emit(job)
        return job

    def open_model(
        self,
        spec: dict[str, Any],
        allow_code: bool,
        plan: QuantPlan | None = None,
        data: dict[str, Any] | None = None,
        judged: tuple[str, str | None] | None = None,
    ) -> Job:
        """Open a model, and the metric, the output that it is of, and data where they are given with it."""

        def opened(found: work.OpenedModel) -> None:
            self._document.set_model(found.model, found.inspected, found.plan)
            self.model_opened.emit(spec)
            if judged is not None:
                self.open_metric(*judged)
            if data is not None:
                self.open_data(data, allow_code)

        title = self.tr("Opening {0}").format(Path(spec["source"]).name)
        target = self._document.plan.target
        job = self._start(
            title,
            lambda report: work.load_model(spec, allow_code, plan, target, report),
            opened,
            refused=self.model_refused.emit,
        )
        self.making_many.emit(job)
        return job

    def open_data(self, spec: dict[str, Any], allow_code: bool = False) -> Job | None:
        """Open a data set and compute the float metric."""
        model = self._document.model
        if model is None:
            return None

        def opened(found: work.Opened) -> None:
            self._document.set_data(found.data)
            self.data_opened.emit(found)
            self.check_float()

        title = self.tr("Opening {0}").format(Path(spec["source"]).name)
        return self._start(
            title,
            lambda report: work.open_data(spec, model, allow_code, report),
            opened,
            refused=self.data_refused.emit,
        )

    def check_float(self) -> Job | None:
        """Compute the float metric."""
        model, data = self._document.model, self._document.data
        if model is None or data is None:
            return None
        metric = self._document.metric
        job = self._start(
            self.tr("Float metric"),
            lambda report: work.check_float(model, data, report, metric),
            self._document.set_check,
        )
        job.failed.connect(lambda problem: self.check_stopped.emit(line(problem)))
        job.cancelled.connect(lambda: self.check_stopped.emit(""))
        self.check_started.emit()
        return job

    def open_metric(self, source: str, output: int | str | None = None) -> Job | None:
        """Judge outputs by another metric, or another one of them; the float model's own figure comes first."""
        model = self._document.model
        if model is None:
            return None

        def opened(metric: Any) -> None:
            self._document.set_metric(source, metric)
            self.check_float()

        title = self.tr("Metric {0}").format(source)
        return self._start(title, lambda report: work.open_metric(source, output, model, report), opened)

    # -- computing ----------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the analysis may run: a model, data, and a float metric that was confirmed."""
        data = self._document.data
        return self._document.model is not None and data is not None and self._document.confirmed == data.digest

    def run_all(self, sweep: bool = False) -> Job | None:
        """Calibrate if need be, then analyze on all samples with kernels and latency.

        With `sweep`, each layer's isolated and leave-one-out errors are measured too.
        """
        if not self.ready or self.analyzing:
            return None
        self._timer.stop()
        self._make_way()
        if self._document.calibration is None:
            return self._follow(self.calibrate(then=lambda: self._follow(self._analyze(False, sweep))))
        return self._follow(self._analyze(False, sweep))

    @property
    def analyzing(self) -> bool:
        """Whether `run_all` is under way or waits for its turn."""
        return self._whole is not None and not self._whole.over

    def _follow(self, job: Job | None) -> Job | None:
        self._whole = job
        if job is not None:
            job.finished.connect(lambda: self.analyzing_changed.emit(self.analyzing))
        self.analyzing_changed.emit(self.analyzing)
        return job

    def calibrate(self, then: Callable[[], Any] | None = None) -> Job | None:
        """Collect the statistics."""
        model, data = self._document.model, self._document.data
        plan, known = self._document.plan, self.statistics
        if model is None or data is None:
            return None

        document = self._document

        def calibrated(found: Any) -> None:
            document.set_calibration(found)
            if then is not None:
                then()

        def keep(part: Any) -> None:  # in the worker, now and then
            if document.model is model and document.data is data:
                document.begun = part

        job = self._calibrating = self._start(
            self.tr("Calibrating"),
            lambda report: work.calibrate(model, data, plan, known, report, keep),
            calibrated,
        )
        for stopped in (job.cancelled, job.failed):
            stopped.connect(lambda *_: document.calibration_changed.emit())
        return job

    @property
    def calibrating(self) -> bool:
        """Whether statistics are being collected."""
        return self._calibrating is not None and not self._calibrating.over

    @property
    def statistics(self) -> Any:
        """What a session keeps: the statistics, or what there is of them yet."""
        return self._document.calibration or self._document.begun

    def run_quick(self) -> Job | None:
        """Figures of the current plan on a few samples, unless they are known."""
        if not self.ready or self._document.calibration is None or self._document.find() is not None:
            return None
        self._quick = self._analyze(quick=True)
        return self._quick

    def _analyze(self, quick: bool, sweep: bool = False, plan: QuantPlan | None = None, name: str = "") -> Job:
        document = self._document
        model, data, calibration = document.model, document.data, document.calibration
        plan = plan or document.plan
        metric = document.metric

        def found(analysis: Analysis) -> None:
            if document.model is model and document.data is data:
                document.add_run(plan, analysis, not quick, name)
                self.analyzed.emit(not quick)

        have: list[Analysis] = []  # filled by the worker

        def keep() -> None:
            if have and document.model is model and document.data is data and document.find(plan) is None:
                document.add_run(plan, have[-1], exact=False, name=name)
                document.log(self.tr("kept what was computed before the kernels were run"))
            if self._whole is job or not self.analyzing:
                document.set_stopped(plan)

        subject = f"{model.digest} {data.digest} {document.metric_name} {metric and metric.output}"

        def run(report: Report) -> Analysis:
            whole, own = self.gather(model, data, plan, calibration, part(report, 0, STATISTICS_SHARE))
            if whole is not calibration:
                self._gathered.emit(plan, whole, own)  # the next edit finds them
            report = part(report, STATISTICS_SHARE, 1)
            if quick:
                known = self._trials[1] if self._trials[0] == subject else None
                first, report = part(report, 0, QUICK_SHARE), part(report, QUICK_SHARE, 1)
                trials = work.first_figures(model, data, plan, whole, metric, known, first)
                self._trials = subject, trials
                if trials is not None and plan.fingerprint in trials.known:
                    self._first_figures.emit(plan, trials.known[plan.fingerprint])
            return work.analyze(model, data, plan, whole, quick, report, sweep, metric, have.append)

        samples = min(work.QUICK_SAMPLES, len(data.splits.final)) if data is not None else 0
        title = self.tr("Figures on {0} samples").format(samples) if quick else self.tr("Analyzing")
        job = self._start(title, run, found)
        document.set_stopped(None)
        job.cancelled.connect(keep)
        job.failed.connect(lambda _: keep())
        return job

    def gather(
        self, model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, report: Report
    ) -> tuple[Calibration, Calibration]:
        """In the worker: `work.statistics`, with what was gathered since this job was queued."""
        if not any(known is calibration for known in self._of_one):
            self._of_one = [calibration]
        whole, own = work.statistics(model, data, plan, self._of_one[-1], report)
        if whole is not self._of_one[-1]:
            self._of_one.append(whole)
        return whole, own

    def try_plan(self, plan: QuantPlan, name: str) -> Job | None:
        """Quick figures of a plan that is not to become the current one, and of the current one beside it."""
        document = self._document
        if not self.ready or document.calibration is None:
            return None
        job = None
        for each, title in ((document.plan, ""), (plan, name)):
            if document.find(each, exact=False) is None:
                job = self._analyze(quick=True, plan=each, name=title)
        return job

    def _edited(self) -> None:
        self._make_way()
        self._timer.start()

    def _make_way(self) -> None:
        """Stop what only shows something about a plan that is no longer the current one."""
        if self._quick is not None and not self._quick.over:
            self._quick.cancel()
        self._quick = None

    def _forget(self) -> None:
        self._trials = "", None  # they hold the model that was open before
        self._of_one = []

    def rest(self) -> None:
        """Compute nothing more of what was edited: the window closes."""
        self._timer.stop()

    @property
    def awaiting_figures(self) -> bool:
        """Whether an edit's figures are not there yet, but will be."""
        coming = self._timer.isActive() and self._document.find() is None
        return coming or (self._quick is not None and not self._quick.over)

    def search(self, wish: work.SearchWish) -> Job | None:
        """Look for the plans that none beats; what was found goes to the document."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None or self.analyzing:
            return None

        metric = document.metric

        def found(pareto: Any) -> None:
            if document.model is model and document.data is data:
                document.set_searched(pareto)

        return self._follow(
            self._start(
                self.tr("Searching"),
                lambda report: work.search(model, data, plan, calibration, wish, metric, report),
                found,
            )
        )

    def export(self, to: str, out: Path, options: dict[str, Any]) -> Job | None:
        """Write and verify the quantized model."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None

        metric = document.metric

        def exported(report: Any) -> None:
            document.exported = (plan.fingerprint, report.verified)
            document.log(self.tr("exported {0}").format(report.path))
            self.exported.emit(report)

        return self._start(
            self.tr("Exporting {0}").format(out.name),
            lambda report: work.export(model, plan, calibration, data, to, out, options, metric, report),
            exported,
        )

    def dump(self, layer_id: str, out: Path) -> Job | None:
        """Write one layer's integers into a folder."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None

        def dumped(found: Dump) -> None:
            if found.equal_share is not None:
                said = self.tr("{0}: {1}% of the kernel's values equal the simulation's")
                document.log(said.format(found.layer, f"{found.equal_share * 100:.4g}"))
            document.wrote(found.path)

        title = self.tr("Saving the integers of {0}").format(layer_id)
        return self._start(
            title, lambda report: work.dump(model, data, plan, calibration, layer_id, out, report), dumped
        )

    def bring_back(self, profile: Path, layer_info: Path | None) -> Job | None:
        """Take the times that another device measured, as a run of its own of the current plan."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None
        metric = document.metric

        def found(analysis: Analysis) -> None:
            if document.model is model and document.data is data:
                document.add_run(plan, analysis, exact=True)
                document.log(self.tr("times of {0} from {1}").format(analysis.target["device"], profile))

        return self._start(
            self.tr("Times of another device"),
            lambda report: work.device_times(model, data, plan, calibration, profile, layer_info, metric, report),
            found,
        )

    def save_report(self, path: Path) -> Job | None:
        """Write the report of the figures that are shown."""
        run = self._document.find()
        if run is None:
            return None
        language = language_of(QApplication.instance())
        return self._start(
            self.tr("Writing the report"),
            lambda report: work.write_report(run.analysis, path, language),
            lambda _: self._document.wrote(path),
        )
