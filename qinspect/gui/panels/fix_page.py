"""Fix: remedies, fusions, runs compared, and the search."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFrame, QPushButton, QScrollArea, QSplitter, QTabWidget, QVBoxLayout, QWidget

from ..document import Document
from ..icons import set_icon
from ..prices import price
from .cards import label, row
from .estimate import edit_line
from .findings import Findings, unscored
from .fusions import FusionLedger
from .remedies import RemediesPanel
from .runs import RunsTable
from .search import SearchPanel


class FixPage(QWidget):
    """Findings on the left; ledger, runs and search on the right.

    Signals
    -------
    run_requested()
    """

    run_requested = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._analyzing = False
        self._late = False
        self.findings = Findings()
        self.ledger = FusionLedger()
        self.remedies = RemediesPanel(document)
        self.runs = RunsTable(document, tall=True)
        self.search = SearchPanel(document)
        self.pareto = self.search.pareto
        self.state = label("", "muted")
        self.run = QPushButton(self.tr("Run everything"))
        self.run.setToolTip(self.tr("Ctrl+Enter"))
        set_icon(self.run, "play")
        self.run.clicked.connect(self.run_requested)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(16, 12, 12, 12)
        column.setSpacing(8)
        column.addWidget(label(self.tr("Fix"), factor=1.5, bold=True))
        across = row()
        across.addWidget(self.state, 1)
        across.addWidget(self.run)
        column.addLayout(across)
        scroll = QScrollArea(widgetResizable=True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(self.findings)
        self.findings.after = scroll
        scroll.setAccessibleName(self.tr("Findings"))
        column.addWidget(scroll, 1)
        right = QTabWidget(documentMode=True)
        right.addTab(self.ledger, self.tr("Fusions"))
        right.addTab(self.remedies, self.tr("Remedies"))
        right.addTab(self.runs, self.tr("Runs"))
        right.addTab(self.search, self.tr("Search"))
        self.tabs = right
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(right)
        split.setStretchFactor(0, 4)
        split.setStretchFactor(1, 5)
        split.setChildrenCollapsible(False)
        left.setMinimumWidth(380)
        split.setSizes([520, 846])
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(split)
        self.ledger.toggled.connect(document.set_fusion)
        self.ledger.pattern_toggled.connect(self._toggle_pattern)
        document.results_changed.connect(self._changed)
        document.outputs_measured.connect(self._show_state)
        self.refresh()

    def _changed(self) -> None:
        # A hidden page is brought up to date when it is shown.
        self._late = not self.isVisible()
        if not self._late:
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._late:
            self._late = False
            self.refresh()

    def _toggle_pattern(self, pattern: str, on: bool) -> None:
        analysis = self._document.analysis
        if analysis is None:
            return
        plan = self._document.plan
        for fusion in analysis.fusions:
            if fusion.state != "blocked" and (not pattern or fusion.pattern == pattern):
                plan = plan.with_fusion(fusion.id, on)
        word = self.tr("on") if on else self.tr("off")
        self._document.edit(self.tr("fusions {0} {1}").format(pattern or self.tr("all"), word), plan)

    def set_analyzing(self, on: bool) -> None:
        """While everything is analyzed it cannot be started once more."""
        self._analyzing = on
        self.search.set_busy(on)
        self.remedies.set_busy(on)
        self._show_state()

    def refresh(self) -> None:
        """Show the newest run."""
        document = self._document
        run, stale = document.shown, document.freshness == "stale"
        findings = run.analysis.findings if run is not None else ()
        # Remedies that an edit can carry out come first.
        ordered = tuple(sorted(findings, key=lambda f: f.plan is None))
        hint = (
            self.tr("After the analysis, what can be won back stands here, each with a remedy to apply.")
            if run is None
            else self.tr("It was stopped before causes were looked for.")
            if unscored(run.analysis.totals)
            else self.tr("The doctor found nothing to mend.")
        )
        self.findings.show_findings(ordered, hint, stale, price=partial(price, document))
        analysis = document.analysis
        self.ledger.show_rows(analysis.fusions if analysis is not None else (), dict(document.plan.fusions))
        self._show_state()

    def _show_state(self) -> None:
        document = self._document
        ready = document.data is not None and document.confirmed == document.data.digest
        self.run.setEnabled(ready and not self._analyzing)
        self.state.setText(
            self.tr("Running…")
            if self._analyzing
            else {
                "none": self.tr("Nothing was analyzed yet."),
                "stale": edit_line(document)[0] or self.tr("The plan changed: new figures are on their way."),
                "quick": " ".join(
                    (edit_line(document)[0], self.tr("Quick figures; run everything to measure kernels and time."))
                ).lstrip(),
                "exact": self.tr("Figures of the current plan on all samples."),
            }[document.freshness]
        )
