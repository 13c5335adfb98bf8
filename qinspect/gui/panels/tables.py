"""Tables of rows: how they look, and copying them to a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget


def row_table(titles: Sequence[str], name: str) -> QTableWidget:
    """An empty table of whole rows; its first column takes the room that is left, `name` is for screen readers."""
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.setAccessibleName(name)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.setTabKeyNavigation(False)
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(24)
    header = table.horizontalHeader()
    header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    make_copyable(table)
    return table


def explain(table: QTableWidget, *tips: str) -> None:
    """Say of each column, from the first on, what it shows."""
    for column, tip in enumerate(tips):
        table.horizontalHeaderItem(column).setToolTip(tip)


def table_text(table: QTableWidget) -> str:
    """Header and rows, tab-separated: the selected rows, or all where fewer than two are."""
    columns = [column for column in range(table.columnCount()) if not table.isColumnHidden(column)]
    rows = sorted({index.row() for index in table.selectedIndexes()})
    if len(rows) < 2:
        rows = list(range(table.rowCount()))
    lines = [[table.horizontalHeaderItem(column).text() for column in columns]]
    lines += [[_text(table, row, column) for column in columns] for row in rows]
    return "\n".join("\t".join(line) for line in lines)


def _text(table: QTableWidget, row: int, column: int) -> str:
    item = table.item(row, column)
    return "" if item is None else item.text()


def make_copyable(table: QTableWidget) -> QAction:
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
