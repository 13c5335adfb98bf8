"""The plan of the open model, and every way to change it: each edit is undoable and has a name.

Importing this file does not import torch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QUndoStack

from ..engine.plan import Override, QuantPlan
from ..engine.plan.qconfig import PRESETS, QConfig, TensorConfig
from ..engine.plan.target import Target
from ..engine.results import LayerRow
from .edits import BOTH_FLOAT, Edit, change_name, changed_config, names
from .language import translated
from .words import words

if TYPE_CHECKING:
    from ..engine.graph import Layer
    from ..engine.load import Model
    from ..engine.search.candidates import Candidate

Role = Literal["weight", "activation"]


class Planned(QObject):
    """A model with its plan.

    Signals
    -------
    plan_changed()
    logged(str)
        One line.
    written(str)
        A file that the user asked for is there.
    """

    plan_changed = Signal()
    logged = Signal(str)
    written = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.undo_stack = QUndoStack(self)
        self.log_lines: list[str] = []
        self.model: Model | None = None
        self.plan = QuantPlan()
        self._first: tuple[tuple[str, Target, QConfig], QuantPlan] | None = None
        self._asked: list[tuple[QuantPlan, Model, dict[str, QConfig]]] = []
        self._of_weights: tuple[Model | None, frozenset[str]] = None, frozenset()
        self._led: tuple[tuple[LayerRow, ...], dict[str, str]] = ((), {})

    def log(self, line: str) -> None:
        """One line for the log."""
        stamped = f"{time.strftime('%H:%M:%S')}  {line}"
        self.log_lines.append(stamped)
        self.logged.emit(stamped)

    def wrote(self, path: Path | str) -> None:
        """A file that the user asked for is there."""
        self.log(self.tr("wrote {0}").format(path))
        self.written.emit(str(path))

    # -- what it says -------------------------------------------------------------------------

    def layer(self, layer_id: str) -> Layer | None:
        """A layer of the model, absorbed or not."""
        return None if self.model is None else self.model.graph.by_id.get(layer_id)

    def qconfig(self, layer_id: str, plan: QuantPlan | None = None) -> QConfig | None:
        """What a plan (the current one) asks for a layer."""
        return self.qconfigs((layer_id,), plan).get(layer_id)

    def qconfigs(self, ids: Iterable[str], plan: QuantPlan | None = None) -> dict[str, QConfig]:
        """What a plan (the current one) asks for layers, by id; those that are not in the model are left out.

        Of layers that share a quantizer, the activation is their leader's.
        """
        plan = plan or self.plan
        layers = {} if self.model is None else self.model.graph.by_id
        wanted = [layer_id for layer_id in ids if layer_id in layers]
        every = self._every(plan)
        found = {layer_id: every[layer_id] for layer_id in wanted}
        leaders = self._leaders()
        for layer_id in wanted:
            leader = leaders.get(layer_id)
            if leader in layers and found[layer_id].activation is not None:
                own = found.get(leader) or plan.qconfig(layers[leader])
                found[layer_id] = QConfig(found[layer_id].weight, own.activation)
        return found

    def _every(self, plan: QuantPlan) -> dict[str, QConfig]:
        """What a plan asks for every layer, each on its own: an edit asks several times, of old and new plan."""
        if self.model is None:
            return {}
        for known, model, found in self._asked:
            if known is plan and model is self.model:
                return found
        found = plan.qconfigs(self.model.graph.layers)
        self._asked = [*self._asked[-3:], (plan, self.model, found)]
        return found

    def _leaders(self) -> dict[str, str]:
        """The layers whose activation configuration is another one's, see `engine.groups`."""
        rows = self.rows()
        if self._led[0] is not rows:
            self._led = (rows, {row.id: row.shares_with for row in rows if row.shares_with is not None})
        return self._led[1]

    @property
    def first(self) -> QuantPlan:
        """The plan that the program makes of target and default: what nobody has edited layer by layer."""
        target, default = self.plan.target, self.plan.default
        if self.model is None:
            return QuantPlan(target)
        key = self.model.digest, target, default
        if self._first is None or self._first[0] != key:
            # Imports torch, which opening the model did already.
            from ..engine.job import first_plan, opening_plan

            opening = opening_plan(self.model, target)
            same = opening.default == default or self.model.existing is not None
            self._first = key, opening if same else first_plan(self.model.graph, target, default)
        return self._first[1]

    def edited(self) -> frozenset[str]:
        """Layers whose own override is not what the first plan says of them."""
        own, first = ({o.pattern: o for o in plan.overrides if o.kind == "id"} for plan in (self.plan, self.first))
        return frozenset(key for key in own.keys() | first.keys() if own.get(key) != first.get(key))

    @property
    def before(self) -> QuantPlan | None:
        """The plan before the last edit that was not undone."""
        place = self.undo_stack.index()
        last = self.undo_stack.command(place - 1) if place else None
        return last.old if isinstance(last, Edit) else None

    def weighted(self, layer_id: str) -> bool:
        """Whether a layer has a weight."""
        if self.model is not self._of_weights[0]:
            layers = () if self.model is None else self.model.graph.layers
            found = {item.id for item in layers if "weight" in item.roles and not item.op.endswith("_norm")}
            self._of_weights = self.model, frozenset(found)
        return layer_id in self._of_weights[1]

    # -- the plan -----------------------------------------------------------------------------

    def edit(self, name: str, plan: QuantPlan, merge: str = "") -> bool:
        """Change the plan, undoably.

        Parameters
        ----------
        name : str
            What was done, for the undo menu.
        plan : QuantPlan
            The new plan.
        merge : str
            Edits with the same word shortly after each other become one.

        Returns
        -------
        bool
            Whether anything changed.
        """
        # A plan from a file names the processor that its maker left open: equal in all that counts.
        if plan == self.plan or (self.model is not None and plan.fingerprint == self.plan.fingerprint):
            return False
        self.undo_stack.push(Edit(self._take_plan, name, self.plan, plan, merge))
        self.log(name)
        return True

    def remedy_name(self, plan: QuantPlan) -> str:
        """What a remedy's plan does to the current one, for the undo menu and the run; empty where no words fit."""
        ids = [row.id for row in self.rows() if row.fused_into is None]
        parts = [change_name(self.qconfigs(ids), self.qconfigs(ids, plan))]
        titles = {
            "equalize": self.tr("equalize neighbours"),
            "adaround": self.tr("round by data"),
            "bias_correction": self.tr("correct biases"),
        }
        new = [remedy for remedy in plan.remedies if remedy not in self.plan.remedies]
        parts += [title for kind, title in titles.items() if any(remedy.kind == kind for remedy in new)]
        if plan.fusions != self.plan.fusions:
            parts.append(self.tr("fusions"))
        return ", ".join(filter(None, parts))

    def _plain(self, plan: QuantPlan, ids: Iterable[str]) -> QuantPlan:
        """A plan without overrides of single layers that say what it says without them: it is the plan from before."""
        layers = [layer for layer in map(self.layer, ids) if layer is not None]
        asked, without = plan.qconfigs(layers), plan.without_layers(layer.id for layer in layers).qconfigs(layers)
        return plan.without_layers(layer_id for layer_id in asked if asked[layer_id] == without[layer_id])

    def change(self, ids: Sequence[str], role: Role, **fields: Any) -> bool:
        """Change some fields of the weight's or the activation's configuration of layers.

        A layer that is float becomes quantized; where a new storage type has other limits, the
        bits follow it.

        Raises
        ------
        Problem
            Where the values do not go together.
        """
        leaders = self._leaders() if role == "activation" else {}
        units = tuple(dict.fromkeys(leaders.get(layer_id, layer_id) for layer_id in ids))
        if role == "weight":
            ids = units = tuple(filter(self.weighted, units))
        new = []
        for layer_id, asked in self.qconfigs(units).items():
            wanted = changed_config(getattr(asked, role), self._start(role), fields)
            # What it is already needs no override.
            if wanted != getattr(asked, role):
                new.append(Override("id", layer_id, **{role: wanted}))
        plan = self.plan.with_overrides(new)
        title = self.tr("{0} {1} for {2}").format(self._role(role), words(fields), names(ids))
        return self.edit(title, self._plain(plan, units), merge=f"{role}{sorted(fields)}{ids}")

    def give(self, layer_id: str, role: Role, config: TensorConfig) -> bool:
        """Give the weight or the activation of a layer a configuration as it is."""
        unit = self._leaders().get(layer_id, layer_id) if role == "activation" else layer_id
        title = self.tr("{0} {1} for {2}").format(self._role(role), translated(config.text), unit)
        plan = self.plan.with_override(Override("id", unit, **{role: config}))
        return self.edit(title, self._plain(plan, (unit,)))

    def make_float(self, ids: Sequence[str], role: Role | None = None) -> bool:
        """Leave layers, or only their weights or activations, in float."""
        fields = {key: None for key in (role,) if key} or BOTH_FLOAT
        plan = self.plan.with_overrides(Override("id", layer_id, **fields) for layer_id in ids)
        if role is None:
            title = self.tr("float for {0}").format(names(ids))
        else:
            title = self.tr("{0} float for {1}").format(self._role(role), names(ids))
        return self.edit(title, self._remediable(plan))

    def apply(self, ids: Sequence[str], qconfig: QConfig, name: str) -> bool:
        """Give layers one qconfig; weights only where there are any.

        Of several, those that the target has no kernel for that are left as they are: nobody means them.
        """
        meant = [layer_id for layer_id in ids if self._runs(layer_id, qconfig)] if len(ids) > 1 else []
        if 0 < len(meant) < len(ids):
            left = self.tr("{0}: {1} layers left as they are, {2} has no such kernel for them")
            self.log(left.format(name, len(ids) - len(meant), self.plan.target.title))
            ids = meant
        leaders = self._leaders()
        plan = self.plan.with_overrides(
            override for layer_id in ids for override in self._given(layer_id, leaders.get(layer_id, layer_id), qconfig)
        )
        plan = self._plain(plan, [*ids, *(leaders[layer_id] for layer_id in ids if layer_id in leaders)])
        title = self.tr("{0} for {1}").format(name, names(ids))
        return self.edit(title, self._remediable(plan))

    def begin_with(self, qconfig: QConfig, name: str) -> bool:
        """Another default for all layers that have no qconfig of their own."""
        if self.model is None:
            return False
        from ..engine.job import begin_with  # imports torch, which opening the model did already

        title = self.tr("layers begin with {0}").format(name)
        return self.edit(title, self._remediable(begin_with(self.plan, self.model.graph, qconfig)))

    def _runs(self, layer_id: str, qconfig: QConfig) -> bool:
        """Whether the target has a kernel for a layer with a qconfig."""
        from ..engine.backends.tables import table  # imports torch, which opening the model did already

        layer, target = self.layer(layer_id), self.plan.target
        return layer is not None and table(target).why_not(layer, qconfig, target) is None

    def runs_somewhere(self, qconfig: QConfig) -> bool:
        """Whether the target has a kernel for any layer that has a weight, of the operators of the model."""
        layers = () if self.model is None else self.model.graph.layers
        kinds = {layer.op: layer.id for layer in layers if self.weighted(layer.id)}
        return not kinds or any(self._runs(layer_id, qconfig) for layer_id in kinds.values())

    def take(self, candidate: Candidate, like_it: bool = False) -> bool:
        """Give a layer a candidate's qconfig, or all layers of its operator.

        Its weight is the layer's own; its activation is that of the leader, where it shares a quantizer.
        """
        unit = candidate.weight_of
        qconfig, name = QConfig(candidate.weight, candidate.activation), translated(candidate.title)
        if like_it:
            layer = self.layer(unit)
            op = "" if layer is None else layer.op
            alike = [row.id for row in self.rows() if row.op == op and row.fused_into is None]
            if self._leaders().keys().isdisjoint(alike):
                return self.apply_matching("op", op, qconfig, name)
            return self.apply(alike, qconfig, name)
        if qconfig == self.qconfig(unit):
            return False
        title = self.tr("{0} for {1}").format(name, unit)
        plan = self.plan.with_overrides(self._given(unit, candidate.layer_id, qconfig))
        plan = self._plain(plan, (unit, candidate.layer_id))
        return self.edit(title, self._remediable(plan))

    def _remediable(self, plan: QuantPlan) -> QuantPlan:
        """A plan without remedies of layers whose weight it leaves in float: there is no rounding to remedy."""
        singles = [remedy for remedy in plan.single_remedies if remedy.kind != "equalize"]
        asked = self.qconfigs((remedy.layers[0] for remedy in singles), plan)
        gone = [r for r in singles if r.layers[0] in asked and asked[r.layers[0]].weight is None]
        return plan.with_remedies(gone, False)

    def _given(self, layer_id: str, leader: str, qconfig: QConfig) -> list[Override]:
        """What configures a layer's weight and its quantizer's activation; float is always its own."""
        weight = qconfig.weight if self.weighted(layer_id) else "inherit"
        if leader == layer_id or qconfig.activation is None:
            return [Override("id", layer_id, weight, qconfig.activation)]
        own = [Override("id", layer_id, weight)] if weight != "inherit" else []
        return [*own, Override("id", leader, activation=qconfig.activation)]

    def apply_matching(self, kind: Literal["path", "op"], pattern: str, qconfig: QConfig, name: str) -> bool:
        """Give all layers of a module or of an operator one qconfig; overrides by id inside it go."""
        matching = Override(kind, pattern, qconfig.weight, qconfig.activation)
        graph = self.model.graph if self.model else None
        single = [o.pattern for o in self.plan.overrides if o.kind == "id"]
        named = [graph.by_id[layer_id] for layer_id in single if layer_id in graph.by_id] if graph else []
        plan = self.plan.without_layers(layer.id for layer in named if matching.matches(layer))
        what = f"{kind} {pattern}"
        plan = self._remediable(plan.with_override(matching))
        return self.edit(self.tr("{0} for {1}").format(name, what), plan)

    def follow_default(self, ids: Sequence[str]) -> bool:
        """Take back what was set for single layers: what the first plan says of them stands."""
        first = {o.pattern: o for o in self.first.overrides if o.kind == "id"}
        plan = self.plan.without_layers(ids).with_overrides(first[layer_id] for layer_id in ids if layer_id in first)
        return self.edit(self.tr("{0} for {1}").format(self.tr("default"), names(ids)), plan)

    def set_target(self, target: Target) -> bool:
        """Another place to run; a plan that nobody changed becomes the new target's first."""
        plan = self.plan.with_target(target)
        if self.model is not None:
            # Imports torch, which opening the model did already.
            from ..engine.job import retarget

            plan = retarget(self.plan, self.model.graph, target)
        return self.edit(self.tr("target {0}").format(target.title), plan, merge="target")

    def set_fusion(self, identity: str, on: bool) -> bool:
        """Switch one fusion on or off."""
        word = self.tr("on") if on else self.tr("off")
        title = self.tr("fusion {0} {1}").format(identity, word)
        return self.edit(title, self.plan.with_fusion(identity, on))

    def _role(self, role: Role) -> str:
        return {"weight": self.tr("weight"), "activation": self.tr("activation")}[role]

    def _start(self, role: Role) -> TensorConfig:
        """What a float tensor begins with when it is to be quantized."""
        found = getattr(self.plan.default, role) or getattr(PRESETS[self.plan.target.preset], role)
        assert isinstance(found, TensorConfig)
        return found

    # -- what only the figures tell -----------------------------------------------------------

    def rows(self) -> tuple[LayerRow, ...]:
        """The layers with the newest figures."""
        raise NotImplementedError

    def _take_plan(self, plan: QuantPlan) -> None:
        """Make a plan the current one."""
        raise NotImplementedError
