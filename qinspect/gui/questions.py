"""What the panels ask of the selected layer: short jobs whose answers are shown and not kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal

from ..engine.plan import QuantPlan
from . import close_up, work
from .document import Document
from .errands import Errands, line
from .jobs import Failure, Job, Jobs
from .tasks import Tasks

if TYPE_CHECKING:
    from ..engine.graph import LayerGraph
    from ..engine.search.costs import Costs

MOST_KNOWN = 200
"""Layers whose candidates are kept, so that going back to one shows them at once."""


class Questions(Errands):
    """Short looks at one layer or one sample.

    Signals
    -------
    candidates_found(layer id, tuple), candidates_failed(layer id, why), candidates_delayed(layer id, why)
    weights_found(WeightRanges | None), sample_found(SampleErrors)
    validation_found(layer id, TensorStats | None), quality_found(RangeGrowth | None)
    channels_found(layer id, ChannelValues | None)
    what_if_found(WhatIf)
    remedies_found(plan's fingerprint, tuple of Remedy, or None where they were not looked for)
    """

    candidates_found = Signal(str, object)
    candidates_failed = Signal(str, str)
    candidates_delayed = Signal(str, str)
    weights_found = Signal(object)
    sample_found = Signal(object)
    validation_found = Signal(str, object)
    channels_found = Signal(str, object)
    what_if_found = Signal(object)
    quality_found = Signal(object)
    remedies_found = Signal(str, object)

    def __init__(self, document: Document, jobs: Jobs, tasks: Tasks) -> None:
        super().__init__(document, jobs)
        self._tasks = tasks
        self._told: set[str] = set()
        self._gathering: set[str] = set()
        self._asking: Job | None = None
        self._known: dict[tuple[Any, ...], tuple[Any, Any]] = {}
        self._scoring: Job | None = None
        self._scored = ""
        self._looking: Job | None = None
        self._counting: Job | None = None
        # Candidates of a plan that is no longer the current one are of no use, and all figures come before them.
        document.plan_changed.connect(self.stop)
        tasks.analyzing_changed.connect(lambda on: on and self.stop())
        document.calibration_changed.connect(self.ask_quality)
        # When data that are opened with the model are in the queue: nobody waits for this.
        document.model_changed.connect(lambda: QTimer.singleShot(0, self, self.ask_file_kernels))

    def stop(self) -> None:
        """Look for no more candidates, nor at what the plan rounds or cuts off."""
        self._cease_counting()
        for job in (self._asking, self._scoring):
            if job is not None and not job.over:
                job.cancel()
        self._asking = self._scoring = None

    def ask_candidates(self) -> Job | None:
        """What else the current layer could be; the answer is `candidates_found`."""
        document = self._document
        if self._asking is not None and not self._asking.over:
            self._asking.cancel()
        # The figures of an edit come first, where they are not known; then this is asked again.
        if self._tasks.awaiting_figures:
            return None
        layer_id, model, data = document.current, document.model, document.data
        plan, calibration = document.plan, document.calibration
        if len(document.selection) != 1:  # they are of one layer
            return None
        if layer_id is None or model is None or data is None or calibration is None:
            return None
        if self._tasks.analyzing:
            self.candidates_delayed.emit(layer_id, self.tr("Candidates are computed when the running job is over."))
        timed, metric = document.timed(), document.metric
        subject = model.digest, data.digest, calibration.key, plan.fingerprint, document.metric_name
        key = (*subject, layer_id, *map(id, timed))
        if (known := self._known.get(key)) is not None:
            self.candidates_found.emit(layer_id, known[0])
            return None

        def answered(found: Any) -> None:
            # The runs are kept with it, or another one may get the identity that the key has.
            self._known[key] = found, timed
            if len(self._known) > MOST_KNOWN:
                del self._known[next(iter(self._known))]
            self.candidates_found.emit(layer_id, found)

        if self._scoring is not None and not self._scoring.over:
            # What is waited for comes first; the other is asked for again afterwards.
            self._scoring.cancel()
        self._asking = job = self._jobs.start(
            self.tr("Candidates"),
            lambda report: close_up.candidates(model, data, plan, calibration, layer_id, timed, metric, report),
            quiet=True,
        )
        # A job that was cancelled may have been done already: its answer is of another plan or model.
        job.done.connect(lambda found: self._asking is job and answered(found))
        job.failed.connect(lambda problem: self._no_candidates(layer_id, problem))
        job.finished.connect(lambda: self.ask_effects() if self._asking is job else None)
        return job

    def _no_candidates(self, layer_id: str, problem: object) -> None:
        # Nobody asked for candidates in so many words: what was foreseen is said in their own place only.
        if not isinstance(problem, Failure):
            self.candidates_failed.emit(layer_id, line(problem))
            return
        self.candidates_failed.emit(layer_id, self.tr("The candidates for this layer could not be computed."))
        self._document.log(self.tr("failed: {0}: {1}").format(f"{problem.title} {layer_id}", problem.summary))
        # The same failure for the next layer needs no second dialog.
        if problem.summary not in self._told:
            self._told.add(problem.summary)
            self.problem.emit(problem)

    def ask_effects(self) -> Job | None:
        """What everything that the plan rounds does to the output; the document estimates edits from it then.

        Asked when the plan's figures are there, and once for a plan.
        """
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        busy = self._scoring is not None and not self._scoring.over
        if model is None or data is None or calibration is None or busy or self._tasks.awaiting_figures:
            return None
        estimate = document.estimate()
        subject = f"{calibration.key} {document.metric_name} {plan.fingerprint}"
        if document.find() is None or (estimate is not None and estimate.known) or self._scored == subject:
            return None
        known, metric = document.costs(), document.metric

        def found(answer: tuple[LayerGraph, Costs]) -> None:
            self._scored = subject
            if document.model is model and document.data is data and document.calibration is calibration:
                document.set_costs(*answer)

        self._scoring = self._jobs.start(
            self.tr("Effects of single roundings"),
            lambda report: work.effects(model, data, plan, calibration, known, metric, report),
            quiet=True,
        )
        self._scoring.done.connect(found)
        self._scoring.failed.connect(lambda problem: self._no_effects(subject, problem))
        return self._scoring

    def _no_effects(self, subject: str, problem: object) -> None:
        # Nobody asked for it in so many words; edits have no estimate then.
        self._scored = subject
        self._document.log(self.tr("no estimates for edits: {0}").format(line(problem)))

    def ask_file_kernels(self) -> Job | None:
        """What really runs the layers of a quantized ONNX file; the document has it then."""
        document = self._document
        model = document.model
        if self._looking is not None and not self._looking.over:
            self._looking.cancel()  # at another model
        self._looking = None
        if model is None or model.existing is None or not model.existing.for_onnxruntime:
            return None

        def found(kernels: close_up.FileKernels) -> None:
            if document.model is model:
                document.set_file_kernels(kernels)

        self._looking = self._start(
            self.tr("What ONNX Runtime makes of the file"),
            lambda report: close_up.file_kernels(model, report),
            found,
            quiet=True,
        )
        return self._looking

    def ask_weights(self) -> Job | None:
        """Ranges of the current layer's weights; the answer is `weights_found`."""
        document = self._document
        layer_id, model, plan = document.current, document.model, document.plan
        if layer_id is None or model is None or not document.weighted(layer_id):
            return None
        return self._start(
            self.tr("Weights"),
            lambda report: close_up.weight_ranges(model, plan, layer_id, report),
            self.weights_found.emit,
            quiet=True,
        )

    def ask_what_if(self, layer_id: str) -> Job | None:
        """What is left of a layer's tensors in every configuration; the answer is `what_if_found`."""
        document = self._document
        model, plan, calibration = document.model, document.plan, document.calibration
        if model is None or calibration is None:
            return None
        self._cease_counting()

        def answered(found: close_up.WhatIf) -> None:
            self.what_if_found.emit(found)
            if plan.fingerprint == document.plan.fingerprint and document.calibration is calibration:
                self._count_cut_off(found)

        return self._start(
            self.tr("What if"),
            lambda report: close_up.what_if(model, plan, calibration, layer_id, report),
            answered,
            quiet=True,
        )

    def _count_cut_off(self, found: close_up.WhatIf) -> None:
        """Make the cells exact that rest on single values; the answer is `what_if_found` once more."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None or not any(cell.rough for cell in found.activation):
            return
        self._cease_counting()
        self._counting = self._start(
            self.tr("What is cut off"),
            lambda report: close_up.counted_cells(model, data, plan, calibration, found, report),
            self.what_if_found.emit,
            quiet=True,
        )

    def _cease_counting(self) -> None:
        if self._counting is not None and not self._counting.over:
            self._counting.cancel()
        self._counting = None

    def ask_validation(self, layer_id: str) -> Job | None:
        """A layer's distribution on the select split; the answer is `validation_found`."""
        model, data, plan = self._document.model, self._document.data, self._document.plan
        if model is None or data is None:
            return None
        return self._start(
            self.tr("Select split"),
            lambda report: close_up.validation_stats(model, data, plan, layer_id, report),
            lambda found: self.validation_found.emit(layer_id, found),
        )

    def ask_channels(self, layer_id: str, low: float, high: float) -> Job | None:
        """A layer's values by channel; the answer is `channels_found`."""
        model, data, plan = self._document.model, self._document.data, self._document.plan
        if model is None or data is None:
            return None
        return self._start(
            self.tr("Values per channel"),
            lambda report: close_up.channel_values(model, data, plan, layer_id, (low, high), report),
            lambda found: self.channels_found.emit(layer_id, found),
        )

    def ask_statistics(self, plan: QuantPlan) -> Job | None:
        """Statistics by the names of a plan's graph; the document has them then."""
        document = self._document
        model, data, calibration = document.model, document.data, document.calibration
        if model is None or data is None or calibration is None or plan.fingerprint in self._gathering:
            return None
        self._gathering.add(plan.fingerprint)
        job = self._start(
            self.tr("Statistics"),
            lambda report: self._tasks.gather(model, data, plan, calibration, report),
            lambda found: document.set_statistics(plan, *found),
            quiet=True,
        )
        job.finished.connect(lambda: self._gathering.discard(plan.fingerprint))
        return job

    def ask_remedies(self) -> Job | None:
        """What remedies the current plan leaves room for; the answer is `remedies_found`."""
        model, plan = self._document.model, self._document.plan
        if model is None:
            return None
        job = self._start(
            self.tr("Remedies"),
            lambda report: work.possible_remedies(model, plan, report),
            lambda found: self.remedies_found.emit(plan.fingerprint, found),
            quiet=True,
        )
        for stopped in (job.cancelled, job.failed):
            stopped.connect(lambda *_: self.remedies_found.emit(plan.fingerprint, None))
        return job

    def ask_quality(self) -> Job | None:
        """Whether the calibration samples were enough; the answer is `quality_found`."""
        calibration = self._document.calibration
        if calibration is None:
            return None

        def found(growth: object) -> None:
            if self._document.calibration is calibration:
                self.quality_found.emit(growth)

        title = self.tr("Ranges against samples")
        return self._start(title, lambda report: work.quality(calibration, report), found, quiet=True)

    def ask_sample(self, index: int) -> Job | None:
        """The error of one sample, layer by layer; the answer is `sample_found`."""
        document = self._document
        model, data, plan, calibration = document.model, document.data, document.plan, document.calibration
        if model is None or data is None or calibration is None:
            return None
        return self._start(
            self.tr("Sample {0}").format(data.names[index]),
            lambda report: close_up.sample_errors(model, data, plan, calibration, index, report),
            self.sample_found.emit,
        )
