"""Target: where the quantized model will run."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFormLayout, QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ...engine.plan.qconfig import PRESETS, QConfig
from ...engine.plan.target import Target, first_qconfig
from ..document import Document
from ..icons import set_icon, set_primary
from .cards import GAP, Card, Page, Whole, heading, label, row
from .figures import described

if TYPE_CHECKING:
    from ..work import Host


class TargetPage(Page):
    """One card per target, by family.

    Signals
    -------
    chosen(Target), run_requested()
    preset_chosen(QConfig, name)
        What layers begin with.
    """

    chosen = Signal(object)
    preset_chosen = Signal(object, str)
    run_requested = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__("", "")
        self.set_title(self.tr("Target"))
        self.purpose.setText(
            self.tr("Where the quantized model will run. It decides which layers become integer, and how.")
        )
        self._document = document
        self._analyzing = False
        self.cards: dict[str, Card] = {}
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.body.addLayout(columns)
        families, side = QVBoxLayout(), QVBoxLayout()
        families.setSpacing(GAP)
        columns.addLayout(families, 7)
        columns.addLayout(side, 4)
        self._add_runtimes(families)
        self._add_engines(families)
        families.addStretch(1)
        self.known: Host | None = None
        self._offered: tuple[str, Target] | None = None  # of which model and target the presets are
        below = (*self._add_settings(side), *self._add_beginning(side))
        for name in below:  # so that the fields of both cards begin below one another
            name.setMinimumWidth(max(other.sizeHint().width() for other in below))
        self._add_next(side)
        side.addStretch(1)
        self.body.addStretch(1)
        for changed in (
            document.plan_changed,
            document.data_changed,
            document.check_changed,
            document.calibration_changed,
        ):
            changed.connect(self.refresh)
        self.refresh()

    def _add_runtimes(self, to: QVBoxLayout) -> None:
        for name, title, text in (
            (
                "ort",
                self.tr("ONNX Runtime"),
                self.tr(
                    "One .onnx file for servers, PCs and phones; the usual choice for CPUs, and needs no PyTorch there."
                ),
            ),
            (
                "pt2e",
                self.tr("PyTorch PT2E, compiled by inductor"),
                self.tr(
                    "A .pt2 file for PyTorch on x86 CPUs, compiled where it runs: that computer needs a C++ compiler."
                ),
            ),
            (
                "tensorrt",
                self.tr("TensorRT"),
                self.tr(
                    "An .onnx file for NVIDIA GPUs. Only simulated here: speed and kernels are measured on the device."
                ),
            ),
        ):
            to.addWidget(self._make_card(name, title, title, text))

    def _add_engines(self, to: QVBoxLayout) -> None:
        """PyTorch's two modes: what their engines have in common is said once, above them."""
        engines = {
            "x86": self.tr(
                "PyTorch's default on x86; sums of wide depthwise convolutions saturate with 8-bit activations."
            ),
            "fbgemm": self.tr(
                "Older x86 CPUs, without VNNI; sums saturate with 8-bit activations, so layers begin with 7 bits."
            ),
            "onednn": self.tr("Newer x86 CPUs, with VNNI or AMX: fastest there, and sums are exact."),
            "qnnpack": self.tr(
                "Arm CPUs and phones; one scale for all weights of a layer, so sensitive layers lose more."
            ),
        }
        said = self.tr("An engine is the library that computes in integers: take that of the CPU it will run on.")
        fx = _begin_family(to, self.tr("PyTorch FX, by engine"), said)
        for index, (engine, text) in enumerate(engines.items()):
            whole = self.tr("PyTorch FX, engine {0}").format(engine)
            fx.addWidget(self._make_card(f"fx-{engine}", engine, whole, text), index // 2, index % 2)
        said = self.tr("The same engines and speed, for code that uses PyTorch's older QuantStub interface.")
        eager = _begin_family(to, self.tr("PyTorch eager mode, by engine"), said)
        for index, engine in enumerate(engines):
            whole = self.tr("PyTorch eager mode, engine {0}").format(engine)
            eager.addWidget(self._make_card(f"eager-{engine}", engine, whole, ""), 0, index)

    def _add_settings(self, to: QVBoxLayout) -> list[QWidget]:
        """What times are measured with; the names before its fields."""
        card, form = Card(self.tr("Measured with")), QFormLayout()
        self.threads = Whole(minimum=1, maximum=256)
        self.threads.setToolTip(self.tr("Threads that the latency is measured with"))
        self.batch = Whole(minimum=1, maximum=1024)
        self.batch.setToolTip(self.tr("Samples that go through at once when the latency is measured"))
        for name, spin in ((self.tr("&Threads"), self.threads), (self.tr("&Batch"), self.batch)):
            spin.setAccessibleName(name.replace("&", ""))
            spin.setMinimumHeight(26)
            form.addRow(name, spin)
            spin.valueChanged.connect(self._settings_changed)
        self.host = label(self.tr("finding out…"))
        form.addRow(self.tr("This computer"), self.host)
        card.body.addLayout(form)
        to.addWidget(card)
        return [form.labelForField(field) for field in (self.threads, self.batch, self.host)]

    def _add_beginning(self, to: QVBoxLayout) -> list[QWidget]:
        """What layers begin with; the names before its fields."""
        card, form = Card(self.tr("Layers begin with")), QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.weight, self.activation = label(), label()
        self.preset = QComboBox()
        self.preset.setToolTip(
            self.tr("The qconfig of every layer that has none of its own; single layers are edited on the page Layers")
        )
        self.preset.setAccessibleName(self.tr("Preset"))
        self.preset.activated.connect(self._begin_with)
        form.addRow(self.tr("&Preset"), self.preset)
        form.addRow(self.tr("Weights"), self.weight)
        form.addRow(self.tr("Activations"), self.activation)
        card.body.addLayout(form)
        to.addWidget(card)
        return [form.labelForField(field) for field in (self.preset, self.weight, self.activation)]

    def _add_next(self, to: QVBoxLayout) -> None:
        card = Card(self.tr("Next"))
        self.todo = label("", "muted")
        card.body.addWidget(self.todo)
        self.run = QPushButton(self.tr("Calibrate and analyze"))
        self.run.setToolTip(self.tr("Ctrl+Enter"))
        set_icon(self.run, "play")
        self.run.clicked.connect(self.run_requested)
        card.body.addLayout(row(self.run, 1))
        to.addWidget(card)

    def _make_card(self, name: str, title: str, whole: str, text: str) -> Card:
        """The card of a target; `whole` names it where the heading above it is not seen."""
        card = Card(title, choosable=True)
        card.setAccessibleName(whole)
        card.setAccessibleDescription(text)
        if text:
            card.body.addWidget(label(text, "muted"))
            card.body.addStretch(1)
        card.chosen.connect(lambda: self._choose(name))
        self.cards[name] = card
        return card

    def leads(self) -> tuple[QWidget, ...]:
        return (self.run,)

    def lead_to(self, name: str) -> None:
        """Bring a target's card into sight, with the focus: a key chooses it."""
        self.cards[name].setFocus()
        QTimer.singleShot(0, self, lambda: self.ensureWidgetVisible(self.cards[name]))

    def show_host(self, host: Host) -> None:
        """Say what computer this is."""
        self.known = host
        self.host.setText(self.tr("{0}, {1} cores, torch {2}").format(host.isa, host.cores, host.torch))

    def set_analyzing(self, on: bool) -> None:
        """While everything is analyzed it cannot be started once more."""
        self._analyzing = on
        if on and self.run.hasFocus():
            self.setFocus()  # else disabling the button hands it to any other
        self.refresh()

    def refresh(self) -> None:
        """Show the plan's target."""
        document = self._document
        target = document.plan.target
        for name, card in self.cards.items():
            card.set_picked(name == target.name)
        for spin, value in ((self.threads, target.threads), (self.batch, target.batch)):
            spin.blockSignals(True)
            spin.setValue(value)
            spin.blockSignals(False)
        default = document.plan.default
        self.weight.setText(described(default.weight))
        self.activation.setText(described(default.activation))
        self._offer_presets(target, default)
        ready = document.data is not None and document.confirmed == document.data.digest
        self.run.setEnabled(ready and not self._analyzing)
        set_primary(self.run, ready and not self._analyzing)
        if self._analyzing:
            text = self.tr("Running…")
        elif document.model is None:
            text = self.tr("Open a model first.")
        elif document.data is None:
            text = self.tr("Choose data first.")
        elif not ready:
            text = self.tr("Confirm the float metric on the Data page first.")
        elif document.calibration is None and document.begun is not None:
            kept = (
                self.tr(
                    "Statistics of {0} of {1} samples are kept; calibration goes on from there, "
                    "then all layers are analyzed."
                )
                if self._goes_on()
                else self.tr(
                    "Statistics of {0} of {1} samples are of other fusions than the plan has now: calibration begins "
                    "anew. Undo the change, and it goes on from there."
                )
            )
            text = kept.format(document.begun.samples, document.begun.planned)
        elif document.calibration is None:
            text = self.tr(
                "One pass over {0} samples collects the statistics of every tensor; then all layers are analyzed."
            ).format(len(document.data.splits.calibrate))
        else:
            text = self.tr("Calibrated; only the analysis runs again.")
        self.run.setText(
            self.tr("Analyze")
            if document.calibration is not None
            else self.tr("Calibrate and analyze")
            if not self._goes_on()
            else self.tr("Go on calibrating and analyze")
        )
        self.todo.setText(text)

    def _offer_presets(self, target: Target, default: QConfig) -> None:
        """Name the default, and what else layers can begin with on the target; what it has no kernel for is greyed."""
        model = self._document.model
        if (key := ("" if model is None else model.digest, target)) != self._offered:
            self._offered = key
            self.preset.clear()
            self.preset.addItem(self.tr("of the target"), first_qconfig(target))
            for name, qconfig in PRESETS.items():
                self.preset.addItem(name, qconfig)
                if model is not None and not self._document.runs_somewhere(qconfig):
                    item = self.preset.model().item(self.preset.count() - 1)
                    item.setEnabled(False)
                    item.setToolTip(self.tr("{0} has no kernel for it").format(target.title))
        if self.preset.itemText(self.preset.count() - 1) == (own := self.tr("the plan's own")):
            self.preset.removeItem(self.preset.count() - 1)
        known = [self.preset.itemData(place) for place in range(self.preset.count())]
        if default not in known:
            self.preset.addItem(own, default)
            known.append(default)
        self.preset.setCurrentIndex(known.index(default))
        self.preset.setEnabled(model is not None and model.existing is None)

    def _begin_with(self, place: int) -> None:
        self.preset_chosen.emit(self.preset.itemData(place), self.preset.itemText(place))

    def _goes_on(self) -> bool:
        """Whether there are statistics of a calibration that was stopped, and of the values that the plan has."""
        document = self._document
        if document.model is None or document.begun is None:
            return False
        from ...engine.job import goes_on  # imports torch, which opening the model did already

        return goes_on(document.model, document.plan, document.begun)

    def _choose(self, name: str) -> None:
        old = self._document.plan.target
        self.chosen.emit(replace(Target.parse(name), threads=old.threads, batch=old.batch, isa=old.isa))

    def _settings_changed(self) -> None:
        old = self._document.plan.target
        self.chosen.emit(replace(old, threads=self.threads.value(), batch=self.batch.value()))


def _begin_family(to: QVBoxLayout, title: str, said: str) -> QGridLayout:
    """A title and what the cards have in common that go into the grid below."""
    to.addSpacing(GAP)
    to.addWidget(heading(title))
    to.addWidget(label(said, "muted"))
    grid = QGridLayout()
    grid.setSpacing(GAP)
    to.addLayout(grid)
    return grid
