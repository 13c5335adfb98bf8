"""The samples that quantization harms most; one that is chosen is shown layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...engine.results.samples import SampleRow
from ..document import Document
from .cards import Hint, label
from .cards import row as beside
from .figures import small
from .glimpse import GlimpseView
from .tables import align_right, explain, filling, row_table, set_bare

if TYPE_CHECKING:
    from ..close_up import SampleErrors

SHOWN = 100
"""The rest of them is harmed less."""
PICTURE = 112


class WorstSamples(QWidget):
    """A table of samples, the worst first, with the picture of the chosen one.

    Signals
    -------
    chosen(int)
        Index of a sample in the data set: its errors layer by layer are wanted.
    """

    chosen = Signal(int)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._rows: tuple[SampleRow, ...] = ()
        self._classes: tuple[str, ...] = ()
        self.table = row_table(
            [self.tr("Sample"), self.tr("KL (nats)"), self.tr("MSE"), self.tr("Float says"), self.tr("int8 says")],
            self.tr("Worst samples"),
        )
        align_right(self.table, 1, 2)
        explain(
            self.table,
            self.tr("Of the final split, the ones that quantization changes most on top"),
            self.tr("KL(fp32‖int8) of this sample alone"),
            self.tr("Mean squared error of the outputs over their float power"),
            self.tr("Top-1 answer of the float model"),
            self.tr("Top-1 answer of the simulated quantized model"),
        )
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.currentCellChanged.connect(lambda place, *_: self._at(place))
        self.picture = GlimpseView(PICTURE)
        self.note = label(self.tr("Choose a sample to see its error layer by layer in Depth."), "muted")
        self.note.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.fall = QPushButton(self.tr("Show layer"))
        self.fall.hide()
        self.fall.clicked.connect(lambda: self._document.select((self._worst,)))
        self._worst = ""  # the layer at which the chosen sample's SQNR falls most
        side = QHBoxLayout()
        side.setContentsMargins(8, 4, 8, 4)
        side.addWidget(self.picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QVBoxLayout()
        words.addWidget(self.note)
        words.addLayout(beside(self.fall, 1))
        words.addStretch(1)
        side.addLayout(words, 1)
        inside = QWidget()
        across = QHBoxLayout(inside)
        across.setContentsMargins(0, 0, 0, 0)
        across.addWidget(self.table, 5)
        across.addLayout(side, 3)
        self.stack = QStackedWidget()
        self.stack.addWidget(Hint(self.tr("After the analysis, the samples that int8 harms most are listed here.")))
        self.stack.addWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
        document.results_changed.connect(self.refresh)
        self.refresh()

    def set_classes(self, classes: tuple[str, ...]) -> None:
        """Names of the classes; without them their numbers are shown."""
        self._classes = classes
        self._rows = ()
        self.refresh()

    def refresh(self) -> None:
        """Show the newest run's samples."""
        run = self._document.shown
        rows = () if run is None else run.analysis.samples[:SHOWN]
        if rows == self._rows:
            return
        self._rows = rows
        self.stack.setCurrentIndex(1 if rows else 0)
        with filling(self.table):
            self.table.setRowCount(len(rows))
            for place, row in enumerate(rows):
                answers = (self._class(row.float_top), self._class(row.quantized_top))
                texts = (row.name, small(row.kl), small(row.mse), *answers)
                for column, text in enumerate(texts):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text)
                    if column in (1, 2):
                        set_bare(item, (row.kl, row.mse)[column - 1])
                        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                    if column == 4 and row.quantized_top != row.float_top:
                        font = item.font()
                        font.setBold(True)
                        item.setFont(font)
                    self.table.setItem(place, column, item)
            self.table.setCurrentCell(-1, -1)
        self.picture.show_glimpse(None)
        self.fall.hide()
        self.note.setText(self.tr("Choose a sample to see its error layer by layer in Depth."))

    def _class(self, number: int | None) -> str:
        if number is None:
            return "–"
        return self._classes[number] if number < len(self._classes) else str(number)

    def _at(self, place: int) -> None:
        if 0 <= place < len(self._rows):
            row = self._rows[place]
            self.picture.show_glimpse(None)
            self.fall.hide()
            self.note.setText(self.tr("{0}: computing its errors…").format(row.name))
            self.chosen.emit(row.index)

    def show_sample(self, found: SampleErrors) -> None:
        """The picture of a sample, and what it was labelled and taken for."""
        row = next((row for row in self._rows if row.index == found.index), None)
        if row is None:
            return
        self.picture.show_glimpse(found.glimpse)
        lines = [row.name]
        if row.label is not None:
            lines.append(self.tr("label: {0}").format(self._class(row.label)))
        answers = self.tr("float: {0}, int8: {1}")
        lines.append(answers.format(self._class(row.float_top), self._class(row.quantized_top)))
        if found.drop is not None:
            name, fall = found.drop
            self._worst = name
            lines.append(self.tr("largest fall of its SQNR: {0} dB at {1}").format(f"{fall:.1f}", name))
        self.fall.setVisible(found.drop is not None)
        self.note.setText("\n".join(lines))
