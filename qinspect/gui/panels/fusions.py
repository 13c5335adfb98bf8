"""The ledger: every fusion candidate, whether it is fused, and why not."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...engine.results import FusionRow
from ..icons import icon
from ..language import translated
from .cards import Hint, row
from .figures import small
from .tables import explain, filling, make_copyable

DELTA = 4
"""Place of the column with the differences."""
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class _Box(QStyledItemDelegate):
    """A check box that can be seen in the dark theme, where Fusion's has no outline."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        super().paint(painter, option, index)
        state = index.data(Qt.ItemDataRole.CheckStateRole)
        if state is None:
            return
        full = QStyleOptionViewItem(option)
        self.initStyleOption(full, index)
        widget = self.parent()
        assert isinstance(widget, QWidget)
        box = widget.style().subElementRect(QStyle.SubElement.SE_ItemViewItemCheckIndicator, full, widget)
        chosen = bool(full.state & QStyle.StateFlag.State_Selected)
        palette = widget.palette()
        painter.fillRect(box.adjusted(-1, -1, 1, 1), palette.highlight() if chosen else palette.base())
        on = Qt.CheckState(state) == Qt.CheckState.Checked
        role = "on_accent" if chosen else "accent" if on else "muted"
        icon("checkbox-marked" if on else "checkbox-blank-outline", role).paint(painter, box.adjusted(-1, -1, 1, 1))


class FusionLedger(QWidget):
    """A table with a check box for each candidate.

    Signals
    -------
    toggled(id, on)
    pattern_toggled(pattern, on)
        All candidates of a pattern.
    layers_requested(tuple of ids)
    """

    toggled = Signal(str, bool)
    pattern_toggled = Signal(str, bool)
    layers_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._filling = False
        self._rows: tuple[FusionRow, ...] = ()
        self.table = QTableWidget(0, 5)
        self.table.setHorizontalHeaderLabels(
            [self.tr("Pattern"), self.tr("Layers"), self.tr("State"), self.tr("Reason"), self.tr("max |Δ|")]
        )
        explain(
            self.table,
            self.tr("What is merged into what; the box turns it on or off"),
            self.tr("The layer that stays, and those that it absorbs"),
            self.tr("Fused, off by your choice, or blocked"),
            self.tr("Why it cannot be fused"),
            self.tr("Largest difference of the layer's output before and after folding, in float"),
        )
        self.table.setAccessibleName(self.tr("Fusions"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setItemDelegateForColumn(0, _Box(self.table))
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.table.horizontalHeaderItem(DELTA).setTextAlignment(RIGHT)
        for column, mode in enumerate("CSCSC"):
            header.setSectionResizeMode(
                column,
                QHeaderView.ResizeMode.Stretch if mode == "S" else QHeaderView.ResizeMode.ResizeToContents,
            )
        make_copyable(self.table)
        self.table.itemChanged.connect(self._changed)
        self.table.cellDoubleClicked.connect(lambda place, _: self.layers_requested.emit(self._shown[place].layers))
        self.pattern = QComboBox()
        self.pattern.setAccessibleName(self.tr("Pattern"))
        self.pattern.currentIndexChanged.connect(self._fill)
        self.all_on = QPushButton(self.tr("All on"))
        self.all_off = QPushButton(self.tr("All off"))
        self.all_on.clicked.connect(lambda: self.pattern_toggled.emit(self.pattern.currentData() or "", True))
        self.all_off.clicked.connect(lambda: self.pattern_toggled.emit(self.pattern.currentData() or "", False))
        self.stack = QStackedWidget()
        self.stack.addWidget(
            Hint(self.tr("After the analysis, every BatchNorm and ReLU that could be fused is listed here."))
        )
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 4, 0, 0)
        tools = row(self.pattern, self.all_on, self.all_off, 1)
        tools.setContentsMargins(8, 0, 8, 0)
        column.addLayout(tools)
        column.addWidget(self.table, 1)
        self.stack.addWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
        self._shown: list[FusionRow] = []

    def show_rows(self, rows: tuple[FusionRow, ...], wanted: dict[str, bool]) -> None:
        """Show the ledger.

        Parameters
        ----------
        rows : tuple of FusionRow
        wanted : dict of str to bool
            What the current plan says, by candidate; it may be newer than `rows`.
        """
        self._rows, self._wanted = rows, wanted
        chosen = self.pattern.currentData()
        self.pattern.blockSignals(True)
        self.pattern.clear()
        self.pattern.addItem(self.tr("all patterns ({0})").format(len(rows)), "")
        for name in dict.fromkeys(fusion.pattern for fusion in rows):
            count = sum(fusion.pattern == name for fusion in rows)
            self.pattern.addItem(f"{name} ({count})", name)
        self.pattern.setCurrentIndex(max(0, self.pattern.findData(chosen)))
        self.pattern.blockSignals(False)
        self.stack.setCurrentIndex(1 if rows else 0)
        self._fill()

    def _fill(self) -> None:
        self._filling = True
        states = {"fused": self.tr("fused"), "off": self.tr("off"), "blocked": self.tr("blocked")}
        only = self.pattern.currentData()
        self._shown = [fusion for fusion in self._rows if not only or fusion.pattern == only]
        with filling(self.table):
            self.table.setRowCount(len(self._shown))
            for place, fusion in enumerate(self._shown):
                on = self._wanted.get(fusion.id, True)
                pending = fusion.state != "blocked" and on != (fusion.state == "fused")
                word = self.tr("on") if on else self.tr("off")
                state = self.tr("{0}, to be computed").format(word) if pending else states[fusion.state]
                texts = (
                    fusion.pattern,
                    ", ".join(fusion.layers),
                    state,
                    translated(fusion.reason or ""),
                    small(fusion.max_abs_delta),
                )
                for column, text in enumerate(texts):
                    item = QTableWidgetItem(text)
                    item.setToolTip(text)
                    if column == DELTA:
                        item.setTextAlignment(RIGHT)
                    flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
                    if column == 0 and fusion.state != "blocked":
                        flags |= Qt.ItemFlag.ItemIsUserCheckable
                        item.setCheckState(Qt.CheckState.Checked if on else Qt.CheckState.Unchecked)
                    item.setFlags(flags)
                    self.table.setItem(place, column, item)
        self._filling = False

    def _changed(self, item: QTableWidgetItem) -> None:
        if not self._filling and item.column() == 0:
            self.toggled.emit(self._shown[item.row()].id, item.checkState() == Qt.CheckState.Checked)
