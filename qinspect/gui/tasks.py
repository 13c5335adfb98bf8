"""What the user sets to work: each method queues one job and puts its result into the document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from ..engine.plan import QuantPlan
from ..engine.problem import Problem
from ..engine.progress import Report
from ..engine.results import Analysis
from ..session import Session, load_session, save_session
from . import work
from .document import Document
from .jobs import Failure, Job, Jobs
from .language import translated

QUICK_MS = 1500
"""So long after the last edit its figures are computed."""
AUTOSAVE_MS = 20_000


class Tasks(QObject):
    """The long operations on a document.

    Signals
    -------
    problem(Problem | Failure)
        Something did not work; nothing was lost.
    model_opened(spec), data_opened(Opened), host_known(Host), candidates_found(layer id, tuple)
    weights_found(WeightRanges | None), sample_found(SampleErrors)
    validation_found(layer id, TensorStats | None)
    exported(ExportReport), analyzed(exact), session_opened(step)
    analyzing_changed(bool)
        Calibration and analysis of everything began, or are over.
    """

    problem = Signal(object)
    model_opened = Signal(object)
    data_opened = Signal(object)
    host_known = Signal(object)
    candidates_found = Signal(str, object)
    candidates_failed = Signal(str, str)
    weights_found = Signal(object)
    sample_found = Signal(object)
    validation_found = Signal(str, object)
    exported = Signal(object)
    analyzed = Signal(bool)
    analyzing_changed = Signal(bool)
    session_opened = Signal(str)

    def __init__(self, document: Document, jobs: Jobs, autosave: Path | None = None) -> None:
        super().__init__(document)
        self._document = document
        self._jobs = jobs
        self.autosave = autosave
        self._whole: Job | None = None
        self._quick: Job | None = None
        self._told: set[str] = set()
        self._asking: Job | None = None
        self._begun: Any = None  # what a cancelled calibration had
        self._timer = QTimer(self, singleShot=True, interval=QUICK_MS)
        self._timer.timeout.connect(self.run_quick)
        self._saver = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._saver.timeout.connect(self._save_quietly)
        self.step = "open"
        document.plan_changed.connect(self._edited)
        document.results_changed.connect(self._touch)
        document.check_changed.connect(self._touch)

    def _start(
        self, title: str, work: Callable[[Report], Any], done: Callable[[Any], None], quiet: bool = False
    ) -> Job:
        job = self._jobs.start(title, work, quiet)
        job.done.connect(done)
        job.failed.connect(self.problem)
        job.failed.connect(
            lambda problem: self._document.log(self.tr("failed: {0}: {1}").format(title, _line(problem)))
        )
        job.cancelled.connect(lambda: quiet or self._document.log(self.tr("cancelled: {0}").format(title)))
        return job

    # -- opening ------------------------------------------------------------------------------

    def look_at_host(self) -> Job:
        """Import torch in the background and say what computer this is."""
        return self._start(self.tr("Starting the engine"), work.host, self.host_known.emit, quiet=True)

    def open_model(
        self,
        spec: dict[str, Any],
        allow_code: bool,
        plan: QuantPlan | None = None,
        data: dict[str, Any] | None = None,
    ) -> Job:
        """Open a model, and the data after it where they are given with it."""

        def opened(found: work.OpenedModel) -> None:
            self._document.set_model(found.model, found.inspected, found.plan)
            self.model_opened.emit(spec)
            if data is not None:
                self.open_data(data, allow_code)

        title = self.tr("Opening {0}").format(spec["source"])
        target = self._document.plan.target
        return self._start(title, lambda report: work.load_model(spec, allow_code, plan, target, report), opened)

    def open_data(self, spec: dict[str, Any], allow_code: bool = False) -> Job | None:
        """Open a data set and compute the float metric."""
        model = self._document.model
        if model is None:
            return None

        def opened(found: work.Opened) -> None:
            self._document.set_data(found.data)
            self.data_opened.emit(found)
            self.check_float()

        title = self.tr("Opening {0}").format(spec["source"])
        return self._start(title, lambda report: work.open_data(spec, model, allow_code, report), opened)

    def check_float(self) -> Job | None:
        """Compute the float metric."""
        model, data = self._document.model, self._document.data
        if model is None or data is None:
            return None
        return self._start(
            self.tr("Float metric"),
            lambda report: work.check_float(model, data, report),
            self._document.set_check,
        )

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
        plan, known = self._document.plan, self._document.calibration or self._begun
        if model is None or data is None:
            return None

        def calibrated(found: Any) -> None:
            self._begun = None
            self._document.set_calibration(found)
            if then is not None:
                then()

        def keep(part: Any) -> None:  # in the worker, which then stops
            self._begun = part

        return self._start(
            self.tr("Calibrating"),
            lambda report: work.calibrate(model, data, plan, known, report, keep),
            calibrated,
        )

    def run_quick(self) -> Job | None:
        """Figures of the current plan on a few samples, unless they are known."""
        if not self.ready or self._document.calibration is None or self._document.find() is not None:
            return None
        self._quick = self._analyze(quick=True)
        return self._quick

    def _analyze(self, quick: bool, sweep: bool = False) -> Job:
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration

        def found(analysis: Analysis) -> None:
            if document.model is model and document.data is data:
                document.add_run(plan, analysis, exact=not quick)
                self.analyzed.emit(not quick)

        return self._start(
            self.tr("Figures on {0} samples").format(work.QUICK_SAMPLES) if quick else self.tr("Analyzing"),
            lambda report: work.analyze(model, data, plan, calibration, quick, report, sweep),
            found,
        )

    def _edited(self) -> None:
        self._make_way()
        self._timer.start()

    def _make_way(self) -> None:
        """Stop what only shows something about a plan that is no longer the current one."""
        for job in (self._quick, self._asking):
            if job is not None and not job.over:
                job.cancel()
        self._quick = self._asking = None

    def ask_candidates(self) -> Job | None:
        """What else the current layer could be; the answer is `candidates_found`."""
        document = self._document
        if self._asking is not None and not self._asking.over:
            self._asking.cancel()
        # The figures of an edit come first, where they are not known; then this is asked again.
        awaited = self._timer.isActive() and document.find() is None
        if awaited or (self._quick is not None and not self._quick.over):
            return None
        layer_id, model, data = document.current, document.model, document.data
        plan, calibration = document.plan, document.calibration
        if layer_id is None or model is None or data is None or calibration is None:
            return None
        self._asking = job = self._jobs.start(
            self.tr("Candidates"),
            lambda report: work.candidates(model, data, plan, calibration, layer_id, report),
            quiet=True,
        )
        job.done.connect(lambda found: self.candidates_found.emit(layer_id, found))
        job.failed.connect(lambda problem: self._no_candidates(layer_id, problem))
        return job

    def _no_candidates(self, layer_id: str, problem: object) -> None:
        # Nobody asked for candidates in so many words: what was foreseen is said in their own place only.
        if not isinstance(problem, Failure):
            self.candidates_failed.emit(layer_id, _line(problem))
            return
        self.candidates_failed.emit(layer_id, self.tr("The candidates for this layer could not be computed."))
        self._document.log(self.tr("failed: {0}: {1}").format(f"{problem.title} {layer_id}", problem.summary))
        # The same failure for the next layer needs no second dialog.
        if problem.summary not in self._told:
            self._told.add(problem.summary)
            self.problem.emit(problem)

    def ask_weights(self) -> Job | None:
        """Ranges of the current layer's weights; the answer is `weights_found`."""
        document = self._document
        layer_id, model, plan = document.current, document.model, document.plan
        if layer_id is None or model is None or not document.weighted(layer_id):
            return None
        return self._start(
            self.tr("Weights"),
            lambda report: work.weight_ranges(model, plan, layer_id, report),
            self.weights_found.emit,
            quiet=True,
        )

    def search(self, kind: str, limit: float, objective: str) -> Job | None:
        """Look for the plans that none beats; what was found goes to the document."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None or self.analyzing:
            return None

        def found(pareto: Any) -> None:
            if document.model is model and document.data is data:
                document.set_searched(pareto)

        return self._follow(
            self._start(
                self.tr("Searching"),
                lambda report: work.search(model, data, plan, calibration, kind, limit, objective, report),
                found,
            )
        )

    def ask_validation(self, layer_id: str) -> Job | None:
        """A layer's distribution on the select split; the answer is `validation_found`."""
        model, data, plan = self._document.model, self._document.data, self._document.plan
        if model is None or data is None:
            return None
        return self._start(
            self.tr("Select split"),
            lambda report: work.validation_stats(model, data, plan, layer_id, report),
            lambda found: self.validation_found.emit(layer_id, found),
        )

    def ask_sample(self, index: int) -> Job | None:
        """The error of one sample, layer by layer; the answer is `sample_found`."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None
        return self._start(
            self.tr("Sample {0}").format(data.names[index]),
            lambda report: work.sample_errors(model, data, plan, calibration, index, report),
            self.sample_found.emit,
        )

    def export(self, to: str, out: Path) -> Job | None:
        """Write and verify the quantized model."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None

        def exported(report: Any) -> None:
            document.exported.append(str(report.path))
            document.log(self.tr("exported {0}").format(report.path))
            self.exported.emit(report)

        return self._start(
            self.tr("Exporting {0}").format(to),
            lambda report: work.export(model, plan, calibration, data, to, out, report),
            exported,
        )

    def save_report(self, path: Path) -> Job | None:
        """Write the report of the figures that are shown."""
        run = self._document.find()
        if run is None:
            return None
        return self._start(
            self.tr("Writing the report"),
            lambda report: work.write_report(run.analysis, path),
            lambda _: self._document.log(self.tr("wrote {0}").format(path)),
        )

    # -- sessions -----------------------------------------------------------------------------

    def open_session(self, path: Path, allowed: Callable[[Session], bool | None]) -> Job | None:
        """Open everything that a session names; ``allowed`` asks for trust in its code."""
        session = load_session(path)
        if session.model is None:
            return None
        model_spec, allow = session.model, allowed(session)
        if allow is None:
            return None

        def opened(found: Any) -> None:
            model, data, calibration = found
            self._document.set_model(model.model, model.inspected, model.plan)
            self.model_opened.emit(model_spec)
            if data is not None:
                self._document.set_data(data.data)
                self.data_opened.emit(data)
            self._document.restore(session)
            if calibration is not None and data is not None and calibration.key.endswith(data.data.digest):
                self._document.set_calibration(calibration)
            self.session_opened.emit(session.step)
            if data is not None:
                self.check_float()

        return self._start(
            self.tr("Opening {0}").format(path.name),
            lambda report: work.reopen(model_spec, session.data, session.plan, session.calibration, allow, report),
            opened,
        )

    def save_session(self, path: Path, quiet: bool = False) -> Job:
        """Write the session in the background."""
        session, calibration = self._document.session(self.step, None), self._document.calibration
        return self._start(
            self.tr("Saving {0}").format(path.name),
            lambda report: _save(session, calibration, path),
            lambda _: quiet or self._document.log(self.tr("saved {0}").format(path)),
            quiet,
        )

    def _touch(self) -> None:
        if self.autosave is not None and not self._saver.isActive():
            self._saver.start()

    def _save_quietly(self) -> None:
        if self.autosave is None or self._document.model is None:
            return
        if self._jobs.idle:
            self.save_session(self.autosave, quiet=True)
        else:
            self._saver.start()

    def save_now(self) -> None:
        """Write the autosaved session at once, when the window closes."""
        self._timer.stop()
        self._saver.stop()
        if self.autosave is not None and self._document.model is not None:
            _save(self._document.session(self.step, None), self._document.calibration, self.autosave)


def _line(problem: object) -> str:
    """A problem or a failure in one line."""
    return (
        problem.summary
        if isinstance(problem, Failure)
        else translated(problem.text)
        if isinstance(problem, Problem)
        else str(problem)
    )


def _save(session: Session, calibration: Any, path: Path) -> None:
    from dataclasses import replace

    data = None if calibration is None else calibration.to_bytes()
    save_session(replace(session, calibration=data), path)
