"""Below the workbench: runs, worst samples, log."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QPlainTextEdit, QTabWidget

from ..document import Document
from .runs import RunsTable
from .samples import WorstSamples


class Bottom(QTabWidget):
    """Three tabs."""

    def __init__(self, document: Document) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.runs = RunsTable(document)
        self.samples = WorstSamples(document)
        self.log = QPlainTextEdit(readOnly=True)
        self.log.setAccessibleName(self.tr("Log"))
        self.log.setPlaceholderText(self.tr("What was opened, edited and computed is written here."))
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setMaximumBlockCount(5000)
        self.addTab(self.runs, self.tr("Runs"))
        self.addTab(self.samples, self.tr("Worst samples"))
        self.addTab(self.log, self.tr("Log"))
        # Beside the tabs they take no height from the runs.
        for button in (self.runs.restore, self.runs.remove):
            button.setFlat(True)
        self.tabBar().setDrawBase(False)  # its line would begin anew beside the tabs
        self.setCornerWidget(self.runs.buttons)
        self.currentChanged.connect(lambda _: self.runs.buttons.setVisible(self.currentWidget() is self.runs))
        for line in document.log_lines:
            self.log.appendPlainText(line)
        document.logged.connect(self.log.appendPlainText)
