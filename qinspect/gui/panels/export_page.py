"""Export: what is taken away, and how it was verified."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout

from ..document import Document
from ..icons import icon, set_icon, set_primary
from .cards import Card, Hint, Page, clear, heading, label, row
from .figures import share

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
        facts = []
        if report.agreement_with_simulation is not None:
            facts.append(self.tr("agrees with the simulation {0}").format(share(report.agreement_with_simulation)))
        if report.equal_share is not None:
            facts.append(self.tr("{0} of the outputs equal").format(share(report.equal_share)))
        if report.layers_asked is not None:
            facts.append(self.tr("{0} of {1} layers integer").format(report.layers_quantized, report.layers_asked))
        card.body.addWidget(label(" · ".join(facts)))
        text = report.lines if isinstance(report.lines, str) else "\n".join(report.lines)
        card.body.addWidget(label(text, "muted"))
        self.results.insertWidget(0, card)

    def _browse(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self.tr("Folder"), self.folder.text()):
            self.folder.setText(path)
