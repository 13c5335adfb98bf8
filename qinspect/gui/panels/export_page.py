"""Export: what is taken away, in which form, and how it was verified."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...engine.backends import refuse_opaque
from ...engine.plan.kinds import KINDS, holds_onnx, refused, targets_for
from ...engine.plan.target import TITLES
from ..document import Document
from ..icons import set_icon, set_primary
from ..jobs import Job
from ..language import translated
from .cards import GAP, Card, Hint, Page, clear, heading, label, row
from .device_card import DeviceCard
from .export_result import ExportResult
from .path_line import PathLine

OPSETS = {"onnx": (13, 21), "kit": (13, 21), "tensorrt": (13, 19)}
"""First and last opset that each kind can be written in."""


class ExportPage(Page):
    """Choose a form, its options and a folder.

    Signals
    -------
    export_requested(to, folder, options)
        `options` are ``opset`` and ``io``, as `engine.export.export` takes them.
    layers_requested(tuple of ids)
    profile_requested(path, layer_info)
        Times that another device measured; `layer_info` is empty where there is none.
    run_requested()
        There is nothing to export before the model was calibrated.
    target_requested(str)
        A kind needs another target, such as the one of this name.
    """

    export_requested = Signal(str, str, object)
    layers_requested = Signal(object)
    profile_requested = Signal(str, str)
    run_requested = Signal()
    target_requested = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__("", "")
        self.set_title(self.tr("Export"))
        self.purpose.setText(
            self.tr("Each file is loaded in a new process, run there, and compared with the simulation layer by layer.")
        )
        self._document = document
        self.to = "onnx"
        self.refused: dict[str, str] = {}
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.body.addLayout(columns)
        left, right = QVBoxLayout(), QVBoxLayout()
        columns.addLayout(left, 6)
        columns.addLayout(right, 5)
        left.addLayout(self._make_cards())
        left.addStretch(1)
        right.addWidget(self._make_form())
        self.device = DeviceCard(document)
        self.device.profile_requested.connect(self.profile_requested)
        self.results = QVBoxLayout()
        self.results.setSpacing(8)
        right.addLayout(self.results)
        self.hint = Hint(self.tr("Exported files and their checks are listed here."))
        self.results.addWidget(self.hint)
        right.addWidget(self.device)
        right.addStretch(1)
        self.body.addStretch(1)
        self.reports: list[Any] = []
        self._analyzing = False
        self._job: Job | None = None
        self._under_way = ""  # the kind that it writes
        for changed in (
            document.plan_changed,
            document.calibration_changed,
            document.model_changed,
            document.check_changed,
        ):
            changed.connect(self.refresh)
        self.choose("onnx")
        self.refresh()

    def _make_cards(self) -> QGridLayout:
        meanings = {
            "onnx": (
                self.tr("ONNX, QDQ"),
                self.tr("An .onnx file with QuantizeLinear/DequantizeLinear, for ONNX Runtime."),
            ),
            "tensorrt": (
                self.tr("ONNX for TensorRT"),
                self.tr("Q/DQ placed by TensorRT's rules, and the trtexec line that builds and profiles it."),
            ),
            "kit": (
                self.tr("Measuring kit"),
                self.tr(
                    "A folder that times float and int8 on another device, with onnxruntime or torch alone; "
                    "its bench.json comes back here."
                ),
            ),
            "fx": (
                self.tr("PyTorch FX folder"),
                self.tr("Float graph, plan, qparams, weights and a script that rebuilds the int8 model."),
            ),
            "eager": (
                self.tr("PyTorch eager folder"),
                self.tr("The same with stubs and fused modules, as torch.ao's eager mode has them."),
            ),
            "pt2e": (
                self.tr("PT2E, quantized .pt2"),
                self.tr("A program with quantizers; inductor compiles it to integer kernels."),
            ),
            "script": (
                self.tr("Python script"),
                self.tr("A program that quantizes the model again, step by step."),
            ),
            "plan": (
                self.tr("Plan and qparams"),
                self.tr("plan.json and qparams.json: the same plan with the same qparams gives the same bits."),
            ),
        }
        self._grid = QGridLayout()
        self._grid.setSpacing(GAP)
        self.cards: dict[str, Card] = {}
        self._meanings: dict[str, QLabel] = {}
        self._reasons: dict[str, QLabel] = {}
        self._ways: dict[str, QPushButton] = {}  # to the target that a kind needs
        for kind in KINDS:
            title, text = meanings[kind]
            card = Card(title, choosable=True)
            card.setAccessibleName(title)
            card.setAccessibleDescription(text)
            meaning = label(text, "muted")
            card.body.addWidget(meaning)
            reason = label("", "muted", factor=0.92)
            card.body.addWidget(reason)
            there = QPushButton(flat=True)
            there.setObjectName("link")
            there.setAccessibleDescription(title)
            there.clicked.connect(lambda _=False, kind=kind: self.target_requested.emit(self._other_target(kind)))
            card.body.addLayout(row(there, 1))
            card.body.addStretch(1)
            card.chosen.connect(lambda kind=kind: self.choose(kind))
            self.cards[kind], self._meanings[kind] = card, meaning
            self._reasons[kind], self._ways[kind] = reason, there
        self._others = heading(self.tr("For other targets"))
        self._others.setContentsMargins(0, GAP, 0, 0)
        return self._grid

    def _arrange(self) -> None:
        """What can be written comes first, with what it is; what needs another target below, as a title and the way."""
        own = [kind for kind in KINDS if kind not in self.refused]
        places = (own, [kind for kind in KINDS if kind in self.refused])
        while self._grid.count():
            self._grid.takeAt(0)
        line = 0
        for kinds in places:
            if kinds is not own:
                # In the page before it is shown: it would be a window of its own else.
                self._grid.addWidget(self._others, line, 0, 1, 2)
                self._others.setVisible(bool(kinds))
                line += 1
            for place, kind in enumerate(kinds):
                self._grid.addWidget(self.cards[kind], line + place // 2, place % 2)
            line += -(-len(kinds) // 2)

    def _make_form(self) -> Card:
        card = Card(self.tr("Write it"))
        self.form = QFormLayout()
        self.opset = QComboBox()
        self.opset.setToolTip(self.tr("Version of ONNX's operators; 16 and 4 bits need 21. Older runtimes read less."))
        self.io = QComboBox()
        self.io.addItem(self.tr("float"), "float")
        self.io.addItem(self.tr("integers (int8)"), "int8")
        self.io.setToolTip(self.tr("What the model takes and gives: float, or the numbers on its own grids"))
        self.folder = PathLine(str(_usual_place() / "qinspect-export"))
        browse = QPushButton()
        set_icon(browse, "folder-open-outline")
        browse.setAccessibleName(self.tr("Choose a folder"))
        browse.setToolTip(self.tr("Choose a folder"))
        browse.clicked.connect(self._browse)
        across = row()
        across.addWidget(self.folder, 1)
        across.addWidget(browse)
        for name, field, widget in (
            (self.tr("O&pset"), self.opset, self.opset),
            (self.tr("&Inputs and outputs"), self.io, self.io),
            (self.tr("F&older"), across, self.folder),
        ):
            self.form.addRow(name, field)
            widget.setAccessibleName(name.replace("&", ""))
            self.form.labelForField(field).setBuddy(widget)  # type: ignore[attr-defined]
        card.body.addLayout(self.form)
        self.note = label("", "muted")
        card.body.addWidget(self.note)
        self.go = QPushButton(self.tr("Export and verify"))
        set_icon(self.go, "export-variant")
        self.go.clicked.connect(self._go)
        self.run = QPushButton(self.tr("Calibrate and analyze"))
        self.run.setToolTip(self.tr("Ctrl+Enter"))
        set_icon(self.run, "play")
        self.run.clicked.connect(self.run_requested)
        card.body.addLayout(row(self.run, self.go, 1))
        return card

    # -- what the user does -------------------------------------------------------------------

    def choose(self, kind: str) -> None:
        """Choose what is written, one of `KINDS`; only its own options are shown."""
        self.to = kind
        for name, card in self.cards.items():
            card.set_picked(name == kind)
        onnx = self._holds_onnx()
        for choice in (self.opset, self.io):
            self.form.setRowVisible(choice, onnx)
        if onnx:
            chosen, (first, last) = self.opset.currentData(), OPSETS[kind]
            self.opset.clear()
            self.opset.addItem(self.tr("as the plan needs"), None)
            for opset in range(last, first - 1, -1):
                self.opset.addItem(str(opset), opset)
            self.opset.setCurrentIndex(max(self.opset.findData(chosen), 0))

    def leads(self) -> tuple[QWidget, ...]:
        return (self.go,) if self._document.calibration is not None else (self.run,)

    def options(self) -> dict[str, Any]:
        """Options of the kind that is chosen."""
        return {
            "opset": self.opset.currentData() if self._holds_onnx() else None,
            "io": self.io.currentData() if self._holds_onnx() else "float",
        }

    def _holds_onnx(self) -> bool:
        """Whether what is chosen has an ONNX file in it."""
        return holds_onnx(self.to, self._document.plan.target)

    def _go(self) -> None:
        self._under_way = self.to
        self.export_requested.emit(self.to, self.folder.text().strip(), self.options())

    def follow(self, job: Job | None) -> None:
        """One export at a time: the button waits for it."""
        if job is not None:
            self._job = job
            job.finished.connect(self.refresh)
            self.refresh()

    def set_analyzing(self, on: bool) -> None:
        """While everything is analyzed it cannot be started once more."""
        self._analyzing = on
        if on and self.run.hasFocus():
            self.setFocus()  # else disabling the button hands it to any other
        self.refresh()

    def _browse(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self.tr("Folder"), self.folder.text()):
            self.folder.setText(path)

    # -- what is shown ------------------------------------------------------------------------

    def why_not(self, kind: str) -> str:
        """Why the plan cannot be exported to a kind; empty where it can."""
        document = self._document
        if self._other_target(kind):
            return self.tr("The plan's target is {0}; this needs {1}.").format(
                document.plan.target.title, self._targets(kind)
            )
        if document.model is not None and kind != "plan":
            problem = refuse_opaque(document.model.graph, kind)
            if problem is not None:
                return f"{translated(problem.where)}: {translated(problem.what)}"
        return ""

    def _other_target(self, kind: str) -> str:
        """A target that a kind needs instead of the plan's; empty where that one will do."""
        return targets_for(kind)[0] if refused(kind, self._document.plan.target) is not None else ""

    def _targets(self, kind: str) -> str:
        """Targets of a kind in a few words: an engine may be any of its backend's."""
        backends = dict.fromkeys(name.partition("-")[0] for name in targets_for(kind))
        return self.tr(" or ").join(TITLES[backend] for backend in backends)

    def refresh(self) -> None:
        """Whether there is anything to export, and what the plan's target can be exported to."""
        document = self._document
        ready = document.calibration is not None
        self.refused = {kind: why for kind in KINDS if (why := self.why_not(kind))}
        for kind, card in self.cards.items():
            why = self.refused.get(kind, "")
            card.set_refused(bool(why))
            card.setToolTip(why)
            elsewhere = bool(self._other_target(kind))
            self._meanings[kind].setVisible(not elsewhere)
            self._reasons[kind].setText(why)
            self._reasons[kind].setVisible(bool(why) and not elsewhere)
            self._ways[kind].setText(self.tr("Needs target {0}").format(self._targets(kind)))
            self._ways[kind].setVisible(elsewhere)
        self._arrange()
        if self.to in self.refused:
            # What the target itself runs, where there is such a kind, before what can be made for any.
            backend = document.plan.target.backend
            own = "onnx" if backend == "ort" else backend
            self.choose(next(kind for kind in (own, *KINDS) if kind in KINDS and kind not in self.refused))
        else:
            self.choose(self.to)
        busy = self._job is not None and not self._job.over
        if busy and self.go.hasFocus():
            # Qt would give the focus to whatever comes next, where the next key might change something.
            self.setFocus()
        waited = self.hasFocus() and not self.go.isEnabled()
        self.go.setEnabled(ready and not busy)
        if waited and ready and not busy:
            self.go.setFocus()
        self.go.setVisible(ready)
        sure = document.data is not None and document.confirmed == document.data.digest
        self.run.setVisible(not ready)
        self.run.setEnabled(sure and not self._analyzing)
        set_primary(self.run, sure and not self._analyzing)
        self.go.setText(
            self.tr("Exporting to {0}…").format(self.cards[self._under_way].accessibleName())
            if busy
            else self.tr("Export and verify")
        )
        set_primary(self.go, ready and not busy)
        self.note.setText(
            self.tr("Target {0}, the current plan.").format(document.plan.target.title)
            if ready
            else self.tr("Running…")
            if self._analyzing
            else self.tr("Calibrate first: without statistics there are no scales.")
            if sure
            else self.tr("Choose data and confirm the float metric first.")
        )

    def show_report(self, report: Any) -> None:
        """Add what was exported, the newest on top."""
        if not self.reports:
            clear(self.results)
        self.reports.append(report)
        found = ExportResult(report, self._document.find())
        found.layers_requested.connect(self.layers_requested)
        self.results.insertWidget(0, found)
        before: QWidget = self.go
        for button in found.findChildren(QPushButton):  # made last, they would be the last for the tabulator
            QWidget.setTabOrder(before, button)
            before = button


def _usual_place() -> Path:
    """The current folder; the user's own where a desktop started the program in the root, or there is none any more."""
    try:
        here = Path.cwd()
    except OSError:
        return Path.home()
    return here if here != Path(here.anchor) and os.access(here, os.W_OK) else Path.home()
