"""Export: what is taken away, and how it was verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from ..document import Document
from ..icons import icon, set_icon, set_primary
from ..language import translated
from .cards import Card, Hint, Page, clear, heading, label, row
from .figures import decibel, share

KINDS = ("onnx", "fx", "script", "plan")


class ExportPage(Page):
    """Choose a form and a folder.

    Signals
    -------
    export_requested(to, folder)
    """

    export_requested = Signal(str, str)

    def __init__(self, document: Document) -> None:
        super().__init__("", "")
        self.title.setText(self.tr("Export"))
        self.purpose.setText(
            self.tr("Files that reproduce exactly. Each is loaded in a new process and compared with the simulation.")
        )
        self._document = document
        meanings = {
            "onnx": (
                self.tr("ONNX, QDQ"),
                self.tr("model.onnx with QuantizeLinear/DequantizeLinear, for ONNX Runtime."),
            ),
            "fx": (
                self.tr("PyTorch FX folder"),
                self.tr("Float graph, plan, qparams, weights and a script that rebuilds the int8 model."),
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
        self.to = "onnx"
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.body.addLayout(columns)
        left, right = QVBoxLayout(), QVBoxLayout()
        columns.addLayout(left, 5)
        columns.addLayout(right, 6)
        grid = QGridLayout()
        grid.setSpacing(8)
        self.cards: dict[str, Card] = {}
        for index, kind in enumerate(KINDS):
            title, text = meanings[kind]
            card = Card(title, choosable=True)
            card.setAccessibleName(title)
            card.setAccessibleDescription(text)
            card.body.addWidget(label(text, "muted"))
            card.body.addStretch(1)
            card.chosen.connect(lambda kind=kind: self.choose(kind))
            self.cards[kind] = card
            grid.addWidget(card, index // 2, index % 2)
        left.addLayout(grid)
        place = Card(self.tr("Folder"))
        self.folder = QLineEdit(str(Path.cwd() / "qinspect-export"))
        self.folder.setAccessibleName(self.tr("Folder"))
        browse = QPushButton()
        set_icon(browse, "folder-open-outline")
        browse.setAccessibleName(self.tr("Choose a folder"))
        browse.setToolTip(self.tr("Choose a folder"))
        browse.clicked.connect(self._browse)
        across = row()
        across.addWidget(self.folder, 1)
        across.addWidget(browse)
        place.body.addLayout(across)
        self.note = label("", "muted")
        place.body.addWidget(self.note)
        self.go = QPushButton(self.tr("Export and verify"))
        set_icon(self.go, "export-variant")
        self.go.clicked.connect(lambda: self.export_requested.emit(self.to, self.folder.text().strip()))
        place.body.addLayout(row(self.go, 1))
        left.addWidget(place)
        left.addStretch(1)
        self.results = QVBoxLayout()
        self.results.setSpacing(8)
        right.addLayout(self.results)
        self.hint = Hint(self.tr("What was exported, and whether it gives what the window showed, stands here."))
        self.results.addWidget(self.hint)
        right.addStretch(1)
        self.body.addStretch(1)
        self.shown = 0
        for changed in (document.plan_changed, document.calibration_changed, document.model_changed):
            changed.connect(self.refresh)
        self.choose("onnx")
        self.refresh()

    def choose(self, kind: str) -> None:
        """Choose what is written, one of `KINDS`."""
        self.to = kind
        for name, card in self.cards.items():
            card.set_picked(name == kind)

    def refresh(self) -> None:
        """Whether there is anything to export."""
        document = self._document
        ready = document.calibration is not None
        backend = document.plan.target.backend
        for kind, needed in (("onnx", "ort"), ("fx", "fx")):
            self.cards[kind].setEnabled(backend == needed)
            wrong = self.tr("The plan's target is {0}; choose another on the Target page.").format(
                document.plan.target.name
            )
            self.cards[kind].setToolTip("" if backend == needed else wrong)
        if not self.cards[self.to].isEnabled():
            self.choose("onnx" if backend == "ort" else "fx")
        self.go.setEnabled(ready)
        set_primary(self.go, ready)
        self.note.setText(
            self.tr("Target {0}, the current plan.").format(document.plan.target.name)
            if ready
            else self.tr("Calibrate first: without statistics there are no scales.")
        )

    def show_report(self, report: Any) -> None:
        """Add what was exported, the newest on top."""
        if not self.shown:
            clear(self.results)
        self.shown += 1
        card = Card()
        card.set_edge("good" if report.verified else "bad")
        mark = label(wrap=False)
        mark.setPixmap(
            icon("check-decagram" if report.verified else "alert-circle", "good" if report.verified else "bad").pixmap(
                20, 20
            )
        )
        top = row(mark)
        top.addWidget(heading(self.tr("Verified in a new process") if report.verified else self.tr("Not verified")), 1)
        card.body.addLayout(top)
        card.body.addWidget(label(str(report.path)))
        shown = self._document.find()
        totals = shown.analysis.totals if shown is not None else None
        lines = []
        if report.metric is not None:
            window = totals.kernel_metric if totals is not None else None
            beside = "" if window is None else self.tr(", the window showed {0}").format(share(window))
            lines.append(self.tr("metric {0} on {1} samples").format(share(report.metric), report.samples) + beside)
        if report.agreement is not None:
            lines.append(self.tr("same top-1 answer as the simulation: {0}").format(share(report.agreement)))
        if report.equal_share is not None:
            lines.append(self.tr("equal output values: {0}").format(share(report.equal_share)))
        if report.sqnr_db is not None:
            lines.append(self.tr("output against the simulation: {0}").format(decibel(report.sqnr_db)))
        lines.append(self.tr("{0} of {1} layers integer").format(len(report.quantized), len(report.asked)))
        if report.quantize_nodes is not None:
            lines.append(
                self.tr("{0} QuantizeLinear, {1} DequantizeLinear").format(
                    report.quantize_nodes, report.dequantize_nodes
                )
            )
        card.body.addWidget(label("\n".join(lines)))
        if report.problems:
            card.body.addWidget(label("\n".join(map(translated, report.problems)), "muted"))
        if report.versions:
            text = ", ".join(f"{name} {version}" for name, version in report.versions.items())
            card.body.addWidget(label(text, "muted"))
        self.results.insertWidget(0, card)

    def _browse(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self.tr("Folder"), self.folder.text()):
            self.folder.setText(path)
