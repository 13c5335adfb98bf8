"""The ledger: every fusion candidate, whether it is fused, and why not."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QPushButton,
    QStackedWidget,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from ...engine.results import FusionRow
from ..icons import icon
from .cards import Hint, row
from .fusion_model import DELTA, LAYERS, PATTERN, REASON, STATE, FusionModel, Index, brief
from .tables import make_copyable

BOX, AIR = 24, 10
"""Pixels for the check box, and around a text."""
LAYERS_SHARE = 0.62
"""Of the room for names and reasons; the names take no more than that where reasons are given."""


class _Box(QStyledItemDelegate):
    """A check box that can be seen in the dark theme, where Fusion's has no outline; a cross for what is blocked."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
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
        free = bool(index.flags() & Qt.ItemFlag.ItemIsUserCheckable)
        name = "close" if not free else "checkbox-marked" if on else "checkbox-blank-outline"
        icon(name, role).paint(painter, box.adjusted(-1, -1, 1, 1))


class _Table(QTableView):
    """Its columns are as wide as their texts; names and reasons share what is left."""

    _names = 0
    _reasons = False

    def measure(self) -> None:
        """Measure the texts, of which hundreds of rows have few."""
        model = self.model()
        assert isinstance(model, FusionModel)
        header, rows = self.horizontalHeader(), model.rows
        width = self.fontMetrics().horizontalAdvance
        for column, texts in (
            (PATTERN, {fusion.pattern for fusion in rows}),
            (STATE, model.states()),
            (DELTA, {"0.00e-00"}),
        ):
            widest = max(map(width, texts), default=0) + AIR + (BOX if column == PATTERN else 0)
            header.resizeSection(column, max(widest, header.sectionSizeHint(column)))
        self._names = width(max((brief(fusion.layers) for fusion in rows), key=len, default="")) + 2 * AIR
        self._reasons = any(fusion.reason for fusion in rows)
        self._share_room()

    def _share_room(self) -> None:
        header = self.horizontalHeader()
        room = self.viewport().width() - sum(header.sectionSize(column) for column in (PATTERN, STATE, DELTA))
        reason = header.sectionSizeHint(REASON)
        wanted = min(self._names, round(room * LAYERS_SHARE)) if self._reasons else room - reason
        header.resizeSection(LAYERS, max(wanted, header.sectionSizeHint(LAYERS)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._share_room()


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
        self._rows: tuple[FusionRow, ...] = ()
        self._wanted: dict[str, bool] = {}
        self.table = _Table()
        self.model = FusionModel(
            (self.tr("Pattern"), self.tr("Layers"), self.tr("State"), self.tr("Reason"), self.tr("max |Δ|")),
            (
                self.tr("What is merged into what; the box turns it on or off"),
                self.tr("The layer that stays, and those that it absorbs"),
                self.tr("Fused, off by your choice, or blocked"),
                self.tr("Why it cannot be fused"),
                self.tr("Largest difference of the layer's output before and after folding, in float"),
            ),
            self,
        )
        self.table.setModel(self.model)
        self.table.setAccessibleName(self.tr("Fusions"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.setShowGrid(False)
        self.table.setWordWrap(False)
        self.table.setItemDelegateForColumn(PATTERN, _Box(self.table))
        self.table.setTabKeyNavigation(False)
        self.table.verticalHeader().hide()
        self.table.verticalHeader().setDefaultSectionSize(24)
        header = self.table.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionResizeMode(REASON, QHeaderView.ResizeMode.Stretch)
        make_copyable(self.table)
        self.model.toggled.connect(self.toggled)
        self.table.doubleClicked.connect(lambda index: self.layers_requested.emit(self.model.rows[index.row()].layers))
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
        only = self.pattern.currentData()
        self.model.show_rows(tuple(row for row in self._rows if not only or row.pattern == only), self._wanted)
        self.table.measure()
