"""Tables of rows: how they look, and copying them to a spreadsheet."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QTableWidget, QTableWidgetItem

BareRole = Qt.ItemDataRole.UserRole + 7
"""What of a cell, and of its title, goes to a spreadsheet where that is not what is shown: a list of texts."""


class RowTable(QTableWidget):
    """A table whose first column takes the room that is left, but as much as its texts need, up to a width."""

    def __init__(self, columns: int, least: int) -> None:
        super().__init__(0, columns)
        self._least = least
        self.horizontalHeader().sectionResized.connect(lambda column, *_: column and self._fit())
        self.itemChanged.connect(lambda item: item.column() or self._fit())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        header = self.horizontalHeader()
        others = sum(header.sectionSize(column) for column in range(1, self.columnCount()))
        needed = max(self.sizeHintForColumn(0), header.sectionSizeHint(0))
        wanted = max(min(self._least, needed), self.viewport().width() - others)
        if header.sectionResizeMode(0) == QHeaderView.ResizeMode.Interactive and header.sectionSize(0) != wanted:
            header.resizeSection(0, wanted)


def row_table(titles: Sequence[str], name: str, least: int = 0) -> QTableWidget:
    """An empty table of whole rows; its first column takes the room that is left.

    Parameters
    ----------
    titles : sequence of str
    name : str
        For screen readers.
    least : int
        Pixels that the first column keeps, if its texts need them, where there is less room; 0 lets it shrink.
    """
    table = RowTable(len(titles), least) if least else QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    header = table.horizontalHeader()
    header.setHighlightSections(False)  # bold titles need more room: columns would move with the selection
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive if least else QHeaderView.ResizeMode.Stretch)
    make_copyable(table)
    return table


def explain(table: QTableWidget, *tips: str) -> None:
    """Say of each column, from the first on, what it shows."""
    for column, tip in enumerate(tips):
        table.horizontalHeaderItem(column).setToolTip(tip)


def align_right(table: QTableWidget, *columns: int) -> None:
    """Let the titles of columns with numbers stand where the numbers do."""
    for column in columns:
        table.horizontalHeaderItem(column).setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def copy_as(table: QTableWidget, column: int, *titles: str) -> None:
    """Give a column that shows units, or several figures in one cell, its titles in a spreadsheet: see `set_bare`."""
    table.horizontalHeaderItem(column).setData(BareRole, list(titles))


def set_bare(item: QTableWidgetItem, *values: float | str | None) -> None:
    """Give a cell its figures in a spreadsheet, bare, as many as its column has titles; None was not measured."""
    item.setData(BareRole, [value if isinstance(value, str) else _bare(value) for value in values])


def _bare(value: float | None) -> str:
    return "" if value is None or not math.isfinite(value) else f"{value:.7g}"


def table_text(table: QTableView) -> str:
    """Header and rows, tab-separated: the selected rows, or all where fewer than two are."""
    model = table.model()
    columns = [column for column in range(model.columnCount()) if not table.isColumnHidden(column)]
    rows = sorted({index.row() for index in table.selectedIndexes()})
    if len(rows) < 2:
        rows = list(range(model.rowCount()))
    across = Qt.Orientation.Horizontal
    titles = [model.headerData(column, across, BareRole) or [model.headerData(column, across)] for column in columns]
    lines = [[str(title) for several in titles for title in several]]
    # Where a cell shows an abbreviation, the whole is what would be edited.
    whole = Qt.ItemDataRole.EditRole
    for row in rows:
        cells = [model.index(row, column) for column in columns]
        lines.append([str(text) for cell in cells for text in cell.data(BareRole) or [cell.data(whole) or ""]])
    return "\n".join("\t".join(line) for line in lines)


def make_copyable(table: QTableView) -> QAction:
    """Copy with Ctrl+C and from the context menu."""
    copy = QAction(QCoreApplication.translate("Tables", "Copy table"), table)
    copy.setShortcut(QKeySequence(QKeySequence.StandardKey.Copy))
    copy.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
    copy.triggered.connect(lambda: QGuiApplication.clipboard().setText(table_text(table)))
    table.addAction(copy)
    table.setContextMenuPolicy(Qt.ContextMenuPolicy.ActionsContextMenu)
    return copy


@contextmanager
def filling(table: QTableWidget) -> Iterator[None]:
    """While a table is filled: no signals, and no column that measures all rows again at every item."""
    header = table.horizontalHeader()
    fitted = [
        column
        for column in range(table.columnCount())
        if header.sectionResizeMode(column) == QHeaderView.ResizeMode.ResizeToContents
    ]
    for column in fitted:
        header.setSectionResizeMode(column, QHeaderView.ResizeMode.Interactive)
    blocked = table.blockSignals(True)
    try:
        yield
    finally:
        table.blockSignals(blocked)
        for column in fitted:
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        table.viewport().update()
