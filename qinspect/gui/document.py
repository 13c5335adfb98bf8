"""What is open: model, data, plan, figures, selection; the only way to change a plan.

Importing this file does not import torch: the model and the data set are made in jobs and only
their attributes are read here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from ..engine.plan import Override, QuantPlan
from ..engine.qconfig import PRESETS, QConfig, TensorConfig
from ..engine.results import Analysis, LayerRow
from ..engine.target import Target
from ..session import Run, Session
from .edits import BOTH_FLOAT, Edit, changed_config, names
from .language import translated

if TYPE_CHECKING:
    from ..engine.calibrate import Calibration
    from ..engine.data import Dataset
    from ..engine.graph import Layer
    from ..engine.job import FloatCheck
    from ..engine.load import Model
    from ..engine.search.pareto import Pareto

Role = Literal["weight", "activation"]
Freshness = Literal["none", "stale", "quick", "exact"]


class Document(QObject):
    """The open model with everything that is known about it.

    Signals carry nothing (views read what they need) but the selection and log lines.
    """

    model_changed = Signal()
    data_changed = Signal()
    check_changed = Signal()
    calibration_changed = Signal()
    plan_changed = Signal()
    results_changed = Signal()
    selection_changed = Signal(object)
    logged = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.log_lines: list[str] = []
        self._clear()

    def _clear(self) -> None:
        self.model: Model | None = None
        self.inspected: Analysis | None = None
        self.data: Dataset | None = None
        self.check: FloatCheck | None = None
        self.confirmed = ""
        self.calibration: Calibration | None = None
        self.plan = QuantPlan()
        self.runs: list[Run] = []
        self.selection: tuple[str, ...] = ()
        self.estimate: float | None = None
        self.exported: list[str] = []
        self.searched: Pareto | None = None
        self._last: Run | None = None

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

    def set_data(self, data: Dataset) -> None:
        """Another data set, or the same with another preparation: its metric must be confirmed anew."""
        self.data = data
        self.check = None
        self.searched = None
        if self.calibration is not None and not self.calibration.key.endswith(data.digest):
            self.calibration = None
        self.confirmed = self.confirmed if self.confirmed == data.digest else ""
        self._last = self.find() or self._last
        self.log(self.tr("data: {0} samples from {1}").format(len(data), data.spec.source))
        self.data_changed.emit()
        self.calibration_changed.emit()
        self.results_changed.emit()

    def set_check(self, check: FloatCheck) -> None:
        """The float model's own figures on the data."""
        self.check = check
        self.check_changed.emit()

    def confirm(self) -> None:
        """The user says that the float metric is the one that the model should have."""
        if self.data is not None:
            self.confirmed = self.data.digest
            self.check_changed.emit()

    def set_calibration(self, calibration: Calibration) -> None:
        """The statistics of every tensor."""
        self.calibration = calibration
        seconds = f"{calibration.seconds:.1f}"
        self.log(self.tr("calibrated on {0} samples in {1} s").format(calibration.samples, seconds))
        self.calibration_changed.emit()

    # -- layers -------------------------------------------------------------------------------

    def layer(self, layer_id: str) -> Layer | None:
        """A layer of the model, absorbed or not."""
        return None if self.model is None else self.model.graph.by_id.get(layer_id)

    def rows(self) -> tuple[LayerRow, ...]:
        """The layers with the newest figures, or without any before the first analysis."""
        found = self.analysis
        return () if found is None else found.layers

    @property
    def analysis(self) -> Analysis | None:
        """The analysis that is shown, or what is known of the model without data."""
        run = self.shown
        return self.inspected if run is None else run.analysis

    def qconfig(self, layer_id: str) -> QConfig | None:
        """What the current plan asks for a layer."""
        layer = self.layer(layer_id)
        return None if layer is None else self.plan.qconfig(layer)

    def qconfigs(self, ids: Iterable[str]) -> dict[str, QConfig]:
        """What the current plan asks for layers, by id; those that are not in the model are left out."""
        layers = {} if self.model is None else self.model.graph.by_id
        return self.plan.qconfigs(layers[layer_id] for layer_id in ids if layer_id in layers)

    def weighted(self, layer_id: str) -> bool:
        """Whether a layer has a weight."""
        layer = self.layer(layer_id)
        return layer is not None and "weight" in layer.roles and not layer.op.endswith("_norm")

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

    # -- the plan -----------------------------------------------------------------------------

    def edit(self, name: str, plan: QuantPlan, merge: str = "", estimate: float | None = None) -> bool:
        """Change the plan, undoably.

        Parameters
        ----------
        name : str
            What was done, for the undo menu.
        plan : QuantPlan
            The new plan.
        merge : str
            Edits with the same word shortly after each other become one.
        estimate : float | None
            The KL divergence that the new plan is estimated to have, in nats.

        Returns
        -------
        bool
            Whether anything changed.
        """
        # A plan from a file names the processor that its maker left open: equal in all that counts.
        if plan == self.plan or (self.model is not None and plan.fingerprint == self.plan.fingerprint):
            return False
        self.undo_stack.push(Edit(self._take_plan, name, self.plan, plan, merge, estimate))
        self.log(name)
        return True

    def change(self, ids: Sequence[str], role: Role, **fields: Any) -> bool:
        """Change some fields of the weight's or the activation's configuration of layers.

        A layer that is float becomes quantized; where a new storage type has other limits, the
        bits follow it.

        Raises
        ------
        Problem
            Where the values do not go together.
        """
        plan = self.plan
        for layer_id in ids:
            asked = self.qconfig(layer_id)
            if asked is None or (role == "weight" and not self.weighted(layer_id)):
                continue
            plan = plan.with_layer(layer_id, **{role: changed_config(getattr(asked, role), self._start(role), fields)})
        what = ", ".join(f"{key} {value}" for key, value in fields.items())
        title = self.tr("{0} {1} for {2}").format(self._role(role), what, names(ids))
        return self.edit(title, plan, merge=f"{role}{sorted(fields)}{ids}")

    def make_float(self, ids: Sequence[str], role: Role | None = None) -> bool:
        """Leave layers, or only their weights or activations, in float."""
        plan = self.plan
        for layer_id in ids:
            plan = plan.with_layer(layer_id, **{key: None for key in (role,) if key} or BOTH_FLOAT)
        gone = {} if role else dict.fromkeys(ids, 0.0)
        title = self.tr("{0} float for {1}").format(self._role(role), names(ids))
        return self.edit(title, plan, estimate=self.estimate_with(gone))

    def apply(self, ids: Sequence[str], qconfig: QConfig, name: str, estimate: float | None = None) -> bool:
        """Give layers one qconfig; weights only where there are any."""
        plan = self.plan
        for layer_id in ids:
            weight = qconfig.weight if self.weighted(layer_id) else "inherit"
            plan = plan.with_layer(layer_id, weight=weight, activation=qconfig.activation)
        return self.edit(self.tr("{0} for {1}").format(name, names(ids)), plan, estimate=estimate)

    def apply_matching(self, kind: Literal["path", "op"], pattern: str, qconfig: QConfig, name: str) -> bool:
        """Give all layers of a module or of an operator one qconfig; overrides by id inside it go."""
        matching = Override(kind, pattern, qconfig.weight, qconfig.activation)
        graph = self.model.graph if self.model else None
        plan = self.plan
        for layer_id in [o.pattern for o in plan.overrides if o.kind == "id"]:
            layer = graph.by_id.get(layer_id) if graph else None
            if layer is not None and matching.matches(layer):
                plan = plan.without_layer(layer_id)
        what = f"{kind} {pattern}"
        return self.edit(self.tr("{0} for {1}").format(name, what), plan.with_override(matching))

    def follow_default(self, ids: Sequence[str]) -> bool:
        """Remove the overrides of single layers."""
        plan = self.plan
        for layer_id in ids:
            plan = plan.without_layer(layer_id)
        return self.edit(self.tr("{0} for {1}").format(self.tr("default"), names(ids)), plan)

    def set_target(self, target: Target) -> bool:
        """Another place to run; a plan that nobody changed becomes the new target's first."""
        plan = self.plan.with_target(target)
        if self.model is not None:
            # Imports torch, which opening the model did already.
            from ..engine.job import retarget

            plan = retarget(self.plan, self.model.graph, target)
        return self.edit(self.tr("target {0}").format(target.name), plan, merge="target")

    def set_fusion(self, identity: str, on: bool) -> bool:
        """Switch one fusion on or off."""
        word = self.tr("on") if on else self.tr("off")
        title = self.tr("fusion {0} {1}").format(identity, word)
        return self.edit(title, self.plan.with_fusion(identity, on))

    def _role(self, role: Role | None) -> str:
        return {"weight": self.tr("weight"), "activation": self.tr("activation")}.get(role or "", self.tr("all"))

    def _start(self, role: Role) -> TensorConfig:
        """What a float tensor begins with when it is to be quantized."""
        found = getattr(self.plan.default, role) or getattr(PRESETS[self.plan.target.preset], role)
        assert isinstance(found, TensorConfig)
        return found

    def _take_plan(self, plan: QuantPlan, estimate: float | None) -> None:
        self.plan = plan
        self.estimate = estimate
        self._last = self.find() or self._last
        self.plan_changed.emit()
        self.results_changed.emit()

    def estimate_with(self, layers: Mapping[str, float]) -> float | None:
        """The plan's KL divergence, estimated, when single layers cause other ones.

        The layers' estimates add up, so one is taken from the sum and the other put in its place.

        Parameters
        ----------
        layers : mapping of str to float
            New estimates in nats, by layer id.
        """
        run = self.find()
        if run is None or not layers or run.analysis.totals.estimated_kl is None:
            return None
        total = run.analysis.totals.estimated_kl
        for layer_id, kl in layers.items():
            row = run.analysis.row(layer_id)
            if row is None or (row.quantized and row.errors.estimated_kl is None):
                return None
            total += kl - (row.errors.estimated_kl or 0.0)
        return max(total, 0.0)

    # -- figures ------------------------------------------------------------------------------

    def find(self, plan: QuantPlan | None = None) -> Run | None:
        """The best run of a plan (the current one) on what is open: all samples before quick."""
        if self.model is None or self.data is None:
            return None
        key = (self.model.digest, self.data.digest, (plan or self.plan).fingerprint)
        found = [run for run in self.runs if run.key == key]
        return max(found, key=lambda run: run.exact, default=None) if found else None

    @property
    def shown(self) -> Run | None:
        """What the panels show: the current plan's run, or the last one (`freshness` is stale then)."""
        return self.find() or self._last

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

    def add_run(self, plan: QuantPlan, analysis: Analysis, exact: bool) -> None:
        """Keep an analysis; a quick one replaces the quick one before it of the same plan."""
        if self.model is None or self.data is None:
            return
        number = sum(run.exact for run in self.runs) + 1
        edit = self.undo_stack.undoText() if plan == self.plan else ""
        name = f"{number}: {edit or plan.target.name}" if exact else edit or plan.target.name
        run = Run(name, self.model.digest, self.data.digest, exact, plan, analysis)
        self.runs = [old for old in self.runs if old.key != run.key or (old.exact and not exact)]
        self.runs.append(run)
        if plan == self.plan:
            self._last = run
        self.results_changed.emit()

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
        )

    def restore(self, session: Session) -> None:
        """Take plan, runs and confirmation of a session whose model and data are open again."""
        self.runs = list(session.runs)
        self.confirmed = session.confirmed
        if session.plan is not None:
            self.plan = session.plan
        self.undo_stack.clear()
        self._last = self.find() or (self.runs[-1] if self.runs else None)
        for changed in (self.plan_changed, self.check_changed, self.results_changed):
            changed.emit()

    def log(self, line: str) -> None:
        """One line for the log."""
        stamped = f"{time.strftime('%H:%M:%S')}  {line}"
        self.log_lines.append(stamped)
        self.logged.emit(stamped)
