"""What is left of a layer's weight and activation in every type, scheme, granularity and range; a click applies it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...engine.plan.qconfig import ESTIMATOR_TITLES, TensorConfig
from ..language import translated
from .cards import Hint, heading, label
from .figures import described
from .layer_facts import short
from .tables import filling, make_copyable, set_bare

if TYPE_CHECKING:
    from ...engine.search.whatif import Cell
    from ..close_up import WhatIf


translate = QCoreApplication.translate


class Matrix(QTableWidget):
    """Types, schemes and granularities down, range estimators across, the tensor's own SQNR in dB in the cells.

    Signals
    -------
    taken(TensorConfig)
        A click, or Enter.
    """

    taken = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(21)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        make_copyable(self)
        self.cells: dict[tuple[int, int], Cell] = {}
        self.cellClicked.connect(self._take)

    def show_cells(self, cells: tuple[Cell, ...]) -> None:
        """Fill it; the best that the target can run is bold, what the plan has is marked."""
        rows = list(dict.fromkeys(_row_of(cell.config) for cell in cells))
        columns = list(dict.fromkeys(cell.config.estimator for cell in cells))
        able = [cell.sqnr_db for cell in cells if cell.why_not is None and cell.sqnr_db is not None]
        best = max(able, default=None)
        with filling(self):
            self.clear()
            self.setRowCount(len(rows))
            self.setColumnCount(1 + len(columns))
            titles = [_title(next(cell.config for cell in cells if cell.config.estimator == name)) for name in columns]
            self.setHorizontalHeaderLabels([self.tr("SQNR (dB)"), *titles])
            for place, name in enumerate(rows):
                self.setItem(place, 0, QTableWidgetItem(name))
                self.item(place, 0).setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.cells = {}
            for cell in cells:
                place = rows.index(_row_of(cell.config)), 1 + columns.index(cell.config.estimator)
                self.cells[place] = cell
                self.setItem(*place, self._item(cell, best))

    def _item(self, cell: Cell, best: float | None) -> QTableWidgetItem:
        number = self.tr("exact") if cell.sqnr_db is None else f"{'≈ ' if cell.rough else ''}{cell.sqnr_db:.1f}"
        item = QTableWidgetItem(f"● {number}" if cell.current else number)
        set_bare(item, cell.sqnr_db)
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        lines = [described(cell.config)]
        if cell.rough:
            lines.append(self.tr("Rests on single values that are cut off, of which a share was counted; some dB off"))
        if cell.current:
            lines.append(self.tr("What the plan has"))
        if cell.why_not is not None:
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            lines.append(translated(cell.why_not))
        elif best is not None and cell.sqnr_db == best:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
        item.setToolTip("\n".join(lines))
        return item

    def _take(self, row: int, column: int) -> None:
        cell = self.cells.get((row, column))
        if cell is not None and cell.why_not is None and not cell.current:
            self.taken.emit(cell.config)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take(self.currentRow(), self.currentColumn())
            return
        super().keyPressEvent(event)


class WhatIfMatrix(QStackedWidget):
    """Weight and activation of the selected layer, or why there is nothing.

    Signals
    -------
    taken(role, TensorConfig)
        ``weight`` or ``activation`` of the current layer is to be so.
    """

    taken = Signal(str, object)

    def __init__(self) -> None:
        super().__init__()
        self.hint = Hint("")
        self.addWidget(self.hint)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(4, 8, 4, 8)
        self.tables: dict[str, Matrix] = {}
        self._headings: dict[str, QWidget] = {}
        for role, title, share in (("weight", self.tr("Weight"), 2), ("activation", self.tr("Activation"), 1)):
            table = self.tables[role] = Matrix(title)
            table.taken.connect(lambda config, role=role: self.taken.emit(role, config))
            self._headings[role] = heading(title)
            column.addWidget(self._headings[role])
            column.addWidget(table, share)
        words = self.tr(
            "What rounding leaves of the tensor itself, from the stored weights and the calibration's statistics: "
            "nothing is run. What it does to the output is in the list of candidates. A click applies a cell."
        )
        column.addWidget(label(words, "muted"))
        self.addWidget(inside)

    def show_found(self, found: WhatIf) -> None:
        """Fill the tables that the layer has something for."""
        for role, cells in (("weight", found.weight), ("activation", found.activation)):
            self.tables[role].show_cells(cells)
            self.tables[role].setVisible(bool(cells))
            self._headings[role].setVisible(bool(cells))
        if found.weight or found.activation:
            self.setCurrentIndex(1)
        else:
            self.show_nothing(self.tr("Neither weight nor statistics of this layer are known."))

    def show_nothing(self, why: str) -> None:
        """Say why there is nothing to see."""
        self.hint.setText(why)
        self.setCurrentIndex(0)


def _row_of(config: TensorConfig) -> str:
    """Type, granularity and scheme in few letters."""
    if config.is_float:
        return short(config)
    scheme = translate("Matrix", "sym") if config.symmetric else translate("Matrix", "aff")
    return f"{short(config)} {scheme}"


def _title(config: TensorConfig) -> str:
    """How the range is found, in few letters."""
    name = config.estimator
    return f"{config.percentile:g} %" if name == "percentile" else translated(ESTIMATOR_TITLES[name])
