"""The layer table: filter, column sets, selection, bulk edits from the context menu."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from PySide6.QtCore import (
    QCoreApplication,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSignalBlocker,
    QSize,
    QSortFilterProxyModel,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QGuiApplication,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
    QShortcut,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLineEdit,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from ..icons import set_icon
from ..theme import colours_of
from .cards import row
from .layer_columns import COLUMNS, SETS
from .layer_facts import Facts, flags_text, type_text
from .layer_model import BarRole, BriefRole, IdsRole, LayerModel, PlainRole, SearchRole, SortRole

Index = QModelIndex | QPersistentModelIndex
WIDTH = 78
"""Of any other column."""
WIDTHS = {"layer": 134, "op": 126, "type": 98, "share": 60, "gain": 70, "flags": 40}
LIMITS = {"type": (98, 150), "flags": (60, 120)}
"""Of these columns, where there is room: as wide as their longest text, whose tool tip has all, within these limits."""
THINNEST = 3
"""Pixels: a thinner bar would look like a line between columns."""
OPERATOR = next(place for place, column in enumerate(COLUMNS) if column.key == "op")


class _Filter(QSortFilterProxyModel):
    """Every word must be somewhere in the layer's name, operator, type or flags."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.setSortRole(SortRole)
        self.setRecursiveFilteringEnabled(True)

    def set_text(self, text: str) -> None:
        self.beginFilterChange()
        self.words = text.lower().split()
        self.endFilterChange(QSortFilterProxyModel.Direction.Rows)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        model = self.sourceModel()
        if isinstance(model, LayerModel):
            model.missing = math.inf if order == Qt.SortOrder.AscendingOrder else -math.inf
        super().sort(column, order)

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:
        if not self.words:
            return True
        text = self.sourceModel().index(row, 0, parent).data(SearchRole)
        return bool(text) and all(word in text for word in self.words)


class _Roomy(QStyledItemDelegate):
    """Rows with some air."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        found = super().sizeHint(option, index)
        return QSize(found.width(), max(22, found.height() + 6))


class _Bar(_Roomy):
    """A bar behind the share of the error."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        length = index.data(BarRole) or 0.0
        box = QRect(option.rect)
        box.adjust(2, 3, -2, -3)
        wide = round(box.width() * length)
        if wide >= THINNEST:
            widget = self.parent()
            assert isinstance(widget, QWidget)
            colours = colours_of(widget)
            box.setLeft(box.right() - wide)
            painter.fillRect(box, colours.color("bad" if length > 0.6 else "warn" if length > 0.25 else "muted", 70))
        super().paint(painter, option, index)


class _Name(_Roomy):
    """Names that have no room end with what tells them apart."""

    def initStyleOption(self, option: QStyleOptionViewItem, index: Index) -> None:
        super().initStyleOption(option, index)
        option.textElideMode = Qt.TextElideMode.ElideLeft  # type: ignore[attr-defined]
        view = self.parent()
        if isinstance(view, QTreeView) and not view.isColumnHidden(OPERATOR):
            option.text = index.data(BriefRole)  # type: ignore[attr-defined]
        text: str = option.text  # type: ignore[attr-defined]
        room = option.rect.width() - 8  # type: ignore[attr-defined]
        if option.fontMetrics.horizontalAdvance(text) > room:  # type: ignore[attr-defined]
            # The operator has a column of its own; the number of the call or of the operator stays.
            path, _, op = text.rpartition(":")
            option.text = path + op[len(re.split("[@#]", op)[0]) :] if path else text  # type: ignore[attr-defined]


class _View(QTreeView):
    """Says why it is empty, and keeps the current row in sight."""

    hint = ""
    by_hand = False
    """Whether the user has set the width of a column."""

    def __init__(self) -> None:
        super().__init__()
        self.widest: dict[str, int] = {}  # pixels of the longest text, of the columns that have limits

    def share_room(self) -> None:
        """What is left beside the columns goes to names and operators, and what lacks comes from them; not by hand."""
        if self.by_hand:
            return
        shown = {column.key: place for place, column in enumerate(COLUMNS) if not self.isColumnHidden(place)}
        widths = WIDTHS | {key: min(max(self.widest.get(key, 0), least), most) for key, (least, most) in LIMITS.items()}
        if "type" in shown:  # flags follow the window's edge
            self.setColumnWidth(shown["type"], widths["type"])
        room = self.viewport().width() - sum(widths.get(key, WIDTH) for key in shown)
        for key, part in (("layer", 0.6), ("op", 0.4)):
            if key in shown:
                more = min(WIDTHS[key], math.floor(room * part))
                self.setColumnWidth(shown[key], max(WIDTHS[key] * 3 // 4, WIDTHS[key] + more))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.share_room()
        row = self.visualRect(self.currentIndex())
        # Only what the lower edge has just cut: a row that was scrolled away on purpose stays away.
        if row.isValid() and row.top() < event.oldSize().height() and row.bottom() >= self.viewport().height() > 0:
            self.scrollTo(self.currentIndex())

    def find(self, index: QModelIndex) -> None:
        """Bring a row into sight: with its neighbours, where it was out of it."""
        seen = self.viewport().rect().contains(self.visualRect(index))
        hint = QAbstractItemView.ScrollHint
        self.scrollTo(index, hint.EnsureVisible if seen else hint.PositionAtCenter)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self.hint and not self.model().rowCount():
            painter = QPainter(self.viewport())
            painter.setPen(self.palette().color(QPalette.ColorRole.PlaceholderText))
            room = self.viewport().rect().adjusted(16, 16, -16, -16)
            painter.drawText(room, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.hint)


class LayerTree(QWidget):
    """The table with its filter line.

    Signals
    -------
    selected(tuple of ids)
        Layers; for a module all layers in it.
    menu_requested(QPoint, str)
        In global coordinates, for the selection; the layer that was pointed at, or nothing.
    toggled()
        Absorbed layers or modules are to be shown or hidden.
    filtered()
        Other rows are shown than before; what is selected stays so.
    """

    selected = Signal(object)
    menu_requested = Signal(QPoint, str)
    toggled = Signal()
    filtered = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._to_find = False  # a row was selected while there was no room that it could be scrolled into
        self._kept: tuple[str, ...] = ()  # selected before the filter hid some of it
        self.model = LayerModel(self)
        self.proxy = _Filter()
        self.proxy.setParent(self)
        self.proxy.setSourceModel(self.model)
        self.view = _View()
        self.view.setModel(self.proxy)
        self.view.setAccessibleName(self.tr("Layers"))
        self.view.setUniformRowHeights(True)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setAlternatingRowColors(True)
        self.view.setAllColumnsShowFocus(True)
        self.view.setIndentation(14)
        self.view.setSortingEnabled(True)
        self.view.header().setSortIndicatorClearable(True)
        self.view.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        # Who sorts wants to see what is first.
        self.view.header().sortIndicatorChanged.connect(lambda *_: self.view.scrollToTop())
        self.view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(
            lambda point: self.menu_requested.emit(self.view.viewport().mapToGlobal(point), self._under(point))
        )
        self.view.selectionModel().selectionChanged.connect(self._selected)
        # Who clicks on the one row that the filter left means that row alone, which to the table is no change.
        self.view.clicked.connect(self._selected)
        keys = [column.key for column in COLUMNS]
        self.view.setItemDelegate(_Roomy(self.view))
        self.view.setItemDelegateForColumn(keys.index("layer"), _Name(self.view))
        self.view.setItemDelegateForColumn(keys.index("share"), _Bar(self.view))
        for column, key in enumerate(keys):
            self.view.setColumnWidth(column, WIDTHS.get(key, WIDTH))
        self.view.header().sectionResized.connect(self._resized)
        self.filter = QLineEdit(placeholderText=self.tr("Filter: name, operator, type, flag"), clearButtonEnabled=True)
        self.filter.setAccessibleName(self.tr("Filter layers"))
        self.filter.textChanged.connect(self._filtered)
        self.sets = QComboBox()
        for name in SETS:
            self.sets.addItem(QCoreApplication.translate("Columns", name), name)
        self.sets.setAccessibleName(self.tr("Columns"))
        self.sets.setToolTip(self.tr("Which columns are shown"))
        self.sets.currentIndexChanged.connect(lambda: self.show_set(self.sets.currentData()))
        self.flat = self._toggle("format-list-numbered", self.tr("In execution order, without modules"))
        self.absorbed = self._toggle("call-merge", self.tr("Show absorbed layers: folded BatchNorms, fused ReLUs"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        bar = row(spacing=4)
        bar.setContentsMargins(4, 4, 4, 4)
        bar.addWidget(self.filter, 1)
        for widget in (self.sets, self.flat, self.absorbed):
            bar.addWidget(widget)
        layout.addLayout(bar)
        layout.addWidget(self.view, 1)
        self.show_set("Overview")
        copy = QShortcut(QKeySequence(QKeySequence.StandardKey.Copy), self.view, self.copy)
        # Named in the constructor it is not heeded, and takes Ctrl+C from the other tables.
        copy.setContext(Qt.ShortcutContext.WidgetShortcut)

    def _toggle(self, name: str, tip: str) -> QToolButton:
        made = QToolButton(checkable=True)
        set_icon(made, name)
        made.setToolTip(tip)
        made.setAccessibleName(tip)
        made.toggled.connect(self.toggled)
        return made

    def show_facts(self, facts: Facts) -> None:
        """Show rows; what is open, selected and sorted stays."""
        chosen = self.ids()
        self._measure(facts)
        # Where nothing is sorted or filtered by what changed, only what is in sight is drawn anew.
        deep = self.proxy.sortColumn() >= 0 or bool(self.proxy.words)
        self.view.setRootIsDecorated(not self.flat.isChecked())
        if self.model.set_facts(facts, self.flat.isChecked(), self.absorbed.isChecked(), deep):
            self.view.expandAll()
            self.select(chosen)
        elif not deep:
            # Qt draws only the outermost rows anew, which are all that it is told of.
            self.view.viewport().update()

    def _measure(self, facts: Facts) -> None:
        """Leave to names and operators what no type or flag needs; what an edit changes moves nothing to and fro."""
        rows, metrics = [row for row in facts.rows if row.fused_into is None], self.view.fontMetrics()
        before = dict(self.view.widest)
        for key, text_of in (("type", type_text), ("flags", flags_text)):
            said = {text_of(row, facts) for row in rows}
            widest = max((metrics.horizontalAdvance(text) for text in said), default=0) + 12
            self.view.widest[key] = max(widest, before.get(key, 0))
        if self.view.widest != before:
            self.view.share_room()

    def _resized(self, column: int, *_: int) -> None:
        # The last column follows the window's edge; the others change so only where one is drawn.
        dragged = QApplication.mouseButtons() & Qt.MouseButton.LeftButton and self.view.header().underMouse()
        if dragged and column != self.view.header().visualIndex(len(COLUMNS) - 1):
            self.view.by_hand = True

    def show_set(self, name: str) -> None:
        """Show a set of columns, a key of `SETS`."""
        for index, column in enumerate(COLUMNS):
            self.view.setColumnHidden(index, column.key not in SETS[name])
        self.view.share_room()
        self.sets.setCurrentIndex(self.sets.findData(name))

    def _filtered(self, text: str) -> None:
        chosen = self._kept or self.ids()
        # What is selected or open is looked for anew at every row that goes: hundreds of each take seconds.
        with QSignalBlocker(self.view.selectionModel()):
            self.view.selectionModel().reset()
        self.view.collapseAll()
        self.proxy.set_text(text)
        self.view.hint = self.tr("No layer matches “{0}”.").format(text) if text.strip() else ""
        self.view.setAccessibleDescription("" if self.proxy.rowCount() else self.view.hint)
        self.view.expandAll()
        self.select(chosen)
        self._kept = chosen
        self.filtered.emit()

    # -- selection ----------------------------------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """The layers that are selected, in the table's order, the current one last."""
        found: dict[str, None] = {}
        # Qt's own selectedRows asks for the parent of every selected cell.
        for part in self.view.selectionModel().selection():
            parent = part.parent()
            for place in range(part.top(), part.bottom() + 1):
                found.update(dict.fromkeys(self.proxy.index(place, 0, parent).data(IdsRole)))
        # A module is selected for what is shown of it.
        found = dict.fromkeys(self._shown(found))
        current = self.view.currentIndex()
        now = current.siblingAtColumn(0).data(IdsRole) if current.isValid() else None
        if now and len(now) == 1 and now[0] in found:
            found.pop(now[0])
            found[now[0]] = None
        return tuple(found)

    @property
    def filtering(self) -> bool:
        """Whether some layers may be hidden."""
        return bool(self.proxy.words)

    def shown(self) -> tuple[str, ...]:
        """The layers that the filter leaves, in the table's order."""
        found = [index.data(IdsRole) for index in self._all(QModelIndex())]
        return tuple(dict.fromkeys(self._shown(layer_id for ids in found for layer_id in ids)))

    def _shown(self, ids: Iterable[str]) -> list[str]:
        """Those of some layers that the filter leaves."""
        if not self.filtering:
            return list(ids)
        index_of, proxy = self.model.index_of, self.proxy
        return [layer_id for layer_id in ids if proxy.mapFromSource(index_of(layer_id)).isValid()]

    def hidden(self, ids: Iterable[str]) -> int:
        """How many of these layers the filter hides."""
        if not self.proxy.words:
            return 0
        known = [layer_id for layer_id in ids if self.model.index_of(layer_id).isValid()]
        return len(known) - len(self._shown(known))

    def _under(self, point: QPoint) -> str:
        index = self.view.indexAt(point)
        found = index.siblingAtColumn(0).data(IdsRole) if index.isValid() else ()
        return found[0] if len(found) == 1 else ""

    def _selected(self) -> None:
        self._kept = ()
        self.selected.emit(self.ids())

    def select(self, ids: tuple[str, ...]) -> None:
        """Select layers that were chosen elsewhere, without telling of it."""
        self._kept = ()
        if set(ids) == set(self.ids()):
            return
        selection = QItemSelection()
        last = QModelIndex()
        run: list[QModelIndex] = []
        last_column = len(COLUMNS) - 1
        for layer_id in (*ids, None):
            index = QModelIndex() if layer_id is None else self.proxy.mapFromSource(self.model.index_of(layer_id))
            # Neighbours are selected as one range: hundreds of ranges make every change of the table slow.
            if run and not (
                index.isValid() and index.row() == run[-1].row() + 1 and index.parent() == run[-1].parent()
            ):
                selection.select(run[0], run[-1].siblingAtColumn(last_column))
                run = []
            if index.isValid():
                run.append(index)
                last = index
        model = self.view.selectionModel()
        model.blockSignals(True)
        flag = QItemSelectionModel.SelectionFlag
        if last.isValid():
            model.setCurrentIndex(last, flag.NoUpdate)
        # Whole rows already: told to make them so, Qt holds each range against each other one.
        model.select(selection, flag.ClearAndSelect)
        model.blockSignals(False)
        if last.isValid():
            self.view.find(last)
            self._to_find = not self.isVisible()
        self.view.viewport().update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self._to_find:
            self._to_find = False
            QTimer.singleShot(0, self, lambda: self.view.find(self.view.currentIndex()))

    # -- for a spreadsheet --------------------------------------------------------------------

    def as_tsv(self) -> str:
        """The visible columns of the selected layers, or of all that are shown; tab-separated, numbers bare."""
        shown = [i for i in range(len(COLUMNS)) if not self.view.isColumnHidden(i)]
        titles = []
        for column in (COLUMNS[i] for i in shown):
            title = QCoreApplication.translate("Columns", column.title)
            titles.append(f"{title} ({column.unit})" if column.unit else title)
        lines = ["\t".join(titles)]
        chosen = set(self.ids())
        for index in self._all(QModelIndex()):
            ids = index.data(IdsRole)
            # A module's sums would be counted twice there.
            if index.data(PlainRole) is not None and (len(chosen) < 2 or ids[0] in chosen):
                lines.append("\t".join(index.siblingAtColumn(i).data(PlainRole) for i in shown))
        return "\n".join(lines)

    def _all(self, parent: QModelIndex) -> list[QModelIndex]:
        found = []
        for place in range(self.proxy.rowCount(parent)):
            index = self.proxy.index(place, 0, parent)
            found += [index, *self._all(index)]
        return found

    def copy(self) -> None:
        """Put the table on the clipboard."""
        QGuiApplication.clipboard().setText(self.as_tsv())
