"""Below the workbench: latency, runs, log."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QTabWidget

from ..document import Document
from ..plots.latency import LatencyBar, LatencyPlot
from .runs import RunsTable


class Bottom(QTabWidget):
    """Three tabs."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.setDocumentMode(True)
        self.latency = LatencyPlot()
        self.runs = RunsTable(document)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setAccessibleName(self.tr("Log"))
        self.log.setPlaceholderText(self.tr("What was opened, edited and computed is written here."))
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setMaximumBlockCount(5000)
        self.addTab(self.latency, self.tr("Latency"))
        self.addTab(self.runs, self.tr("Runs"))
        self.addTab(self.log, self.tr("Log"))
        for line in document.log_lines:
            self.log.appendPlainText(line)
        document.logged.connect(self.log.appendPlainText)
        document.results_changed.connect(self.refresh)
        document.selection_changed.connect(lambda _: self.latency.select(document.current))
        self.latency.layer_selected.connect(lambda layer_id: document.select((layer_id,)))
        self.refresh()

    def refresh(self) -> None:
        """Show the newest times."""
        exact = self._document.last_exact
        bars = []
        for row in exact.analysis.layers if exact is not None else ():
            if row.latency is not None and row.fused_into is None:
                time = row.latency
                bars.append(LatencyBar(row.id, row.id, time.fp32_us, time.int8_us, time.spread_us))
        self.latency.set_bars(bars)
        stale = exact is not None and exact is not self._document.find()
        self.setTabText(0, self.tr("Latency (of another plan)") if stale else self.tr("Latency"))
        self.latency.select(self._document.current)
