"""The layers as a tree by module, for any view of Qt."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

from PySide6.QtCore import QCoreApplication, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont, QPalette, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import QApplication

from ...engine.results import LayerRow
from ..language import translated
from .layer_columns import COLUMNS, SWEPT, Column
from .layer_facts import Facts, flags

Index = QModelIndex | QPersistentModelIndex
translate = QCoreApplication.translate
SortRole = Qt.ItemDataRole.UserRole
IdsRole = Qt.ItemDataRole.UserRole + 1
SearchRole = Qt.ItemDataRole.UserRole + 2
BarRole = Qt.ItemDataRole.UserRole + 3
"""Share of the longest bar, 0 to 1."""
BriefRole = Qt.ItemDataRole.UserRole + 5
"""A layer's name without the operator, which has a column of its own, where that tells it from its neighbours."""
PlainRole = Qt.ItemDataRole.UserRole + 4
"""A layer's cell for a spreadsheet; nothing of a module."""


class Node:
    """A module (without a row) or a layer."""

    __slots__ = ("brief", "children", "name", "parent", "path", "place", "row")

    def __init__(self, name: str, path: str, parent: Node | None, row: LayerRow | None = None) -> None:
        self.name = name
        self.brief = ""
        self.path = path
        self.parent = parent
        self.row = row
        self.children: list[Node] = []
        self.place = 0
        if parent is not None:
            self.place = len(parent.children)
            parent.children.append(self)

    def layers(self) -> Iterator[LayerRow]:
        """The rows of itself and below, those absorbed left out."""
        if self.row is not None:
            yield self.row
            return
        for child in self.children:
            yield from child.layers()


def build(rows: tuple[LayerRow, ...], flat: bool, absorbed: bool) -> Node:
    """The tree of some rows.

    Parameters
    ----------
    rows : tuple of LayerRow
        In execution order.
    flat : bool
        Without modules.
    absorbed : bool
        Absorbed layers below the layer that absorbed them.
    """
    root = Node("", "", None)
    homes: dict[str, Node] = {"": root}
    found: dict[str, Node] = {}
    # Modules that hold others: what such a one computes itself stands in it, beside them.
    holding = {row.path[:end] for row in rows for end, letter in enumerate(row.path) if letter == "."}
    for row in rows:
        if row.fused_into is not None:
            if absorbed and row.fused_into in found:
                host = found[row.fused_into]
                above = host.parent.path if host.parent else ""
                inside = above and row.path.startswith(above + ".")
                Node(row.id[len(above) + 1 :] if inside else row.id, row.path, host, row)
            continue
        home = root
        if not flat:
            pieces = row.path.split(".") if row.path else []
            pieces = pieces if row.path in holding else pieces[:-1]
            for depth in range(1, len(pieces) + 1):
                path = ".".join(pieces[:depth])
                # A path that comes again after other layers is the same module still.
                if path not in homes:
                    homes[path] = Node(pieces[depth - 1], path, home)
                home = homes[path]
        name = row.id if flat else row.id[len(home.path) + 1 :] if home.path else row.id.removeprefix(":")
        found[row.id] = Node(name, row.path, home, row)
    if not flat:
        _shorten(root)
    _name_briefly(root)
    return root


def _name_briefly(node: Node) -> None:
    """Leave out the operators of those whose paths alone tell them apart."""
    above = f"{node.path}." if node.path else ""
    paths = [child.row.path.removeprefix(above) if child.row is not None else "" for child in node.children]
    met = Counter(paths)
    for child, path in zip(node.children, paths, strict=True):
        own = path in ("", node.path)  # the module's, or a module
        child.brief = child.name if own or met[path] > 1 else path
        _name_briefly(child)


def _shorten(node: Node) -> None:
    """Modules with nothing but one layer or module in them are joined with it."""
    for place, child in enumerate(node.children):
        while child.row is None and len(child.children) == 1:
            only = child.children[0]
            only.name = f"{child.name}.{only.name}"
            only.parent = node
            node.children[place] = child = only
        child.place = place
        if child.row is None:
            _shorten(child)


class LayerModel(QStandardItemModel):
    """Rows with the columns of `layer_columns.COLUMNS`.

    Qt keeps the structure, and asks here for contents alone: of a selection of hundreds of parts it asks for the
    parent of each part at each cell that it paints, which took seconds while the answer was Python's.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(0, len(COLUMNS), parent)
        self.facts = Facts()
        self.missing = -math.inf
        """What is not measured counts as this where it is sorted: it stands at the end in both directions."""
        self.flat = False
        self.absorbed = False
        self._shape: tuple[Any, ...] = ()
        self._root = Node("", "", None)
        self._nodes: dict[str, Node] = {}
        self._at: dict[tuple[int, int], Node] = {}  # by what Qt calls the parent, and the row
        self._longest = 1.0

    def set_facts(self, facts: Facts, flat: bool, absorbed: bool, deep: bool = True) -> bool:
        """Show other figures; the tree is kept, with what is open and selected, where layers are the same.

        Parameters
        ----------
        facts : Facts
        flat, absorbed : bool
            Without modules; with the absorbed layers.
        deep : bool
            Tell of every module's rows and not of the outermost alone, since they are sorted or filtered.

        Returns
        -------
        bool
            Whether the tree was built anew.
        """
        shape = (flat, absorbed, tuple((row.id, row.fused_into) for row in facts.rows))
        self._longest = max(facts.shares.values(), default=1.0) or 1.0
        if shape == self._shape:
            fresh = {row.id: row for row in facts.rows}
            for key, node in self._nodes.items():
                node.row = fresh[key]
            self.facts = facts
            self._all_changed(QModelIndex(), deep)
            return False
        self.beginResetModel()
        self.facts, self.flat, self.absorbed, self._shape = facts, flat, absorbed, shape
        self._root = build(facts.rows, flat, absorbed)
        self._nodes, self._at = {}, {}
        blocked = self.blockSignals(True)  # the reset tells all of it
        self.removeRows(0, self.rowCount())
        self._fill(self.invisibleRootItem(), self._root)
        self.blockSignals(blocked)
        self.endResetModel()
        return True

    def _all_changed(self, parent: QModelIndex, deep: bool) -> None:
        count = self.rowCount(parent)
        if not count:
            return
        self.dataChanged.emit(self.index(0, 0, parent), self.index(count - 1, len(COLUMNS) - 1, parent))
        for place in range(count if deep else 0):
            self._all_changed(self.index(place, 0, parent), deep)

    # -- structure ----------------------------------------------------------------------------

    def _fill(self, item: QStandardItem, node: Node) -> None:
        """Put what is in a node into its item."""
        if node.row is not None:
            self._nodes[node.row.id] = node
        if not node.children:
            return
        item.setColumnCount(len(COLUMNS))
        item.appendRows([QStandardItem() for _ in node.children])
        above = self.index(0, 0, item.index()).internalId()
        for place, child in enumerate(node.children):
            self._at[above, place] = child
            self._fill(item.child(place), child)

    def _node(self, index: Index) -> Node:
        return self._at[index.internalId(), index.row()]

    def index_of(self, layer_id: str) -> QModelIndex:
        """Where a layer stands; invalid where it does not."""
        node = self._nodes.get(layer_id)
        return QModelIndex() if node is None else self._index(node)

    def _index(self, node: Node) -> QModelIndex:
        above = node.parent
        return QModelIndex() if above is None else self.index(node.place, 0, self._index(above))

    # -- contents -----------------------------------------------------------------------------

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return translate("Columns", COLUMNS[section].title)
        if role == Qt.ItemDataRole.ToolTipRole:
            return translate("Columns", COLUMNS[section].tip)
        if role == Qt.ItemDataRole.TextAlignmentRole and COLUMNS[section].right:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.InitialSortOrderRole and COLUMNS[section].large_first:
            return Qt.SortOrder.DescendingOrder
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node, column = self._node(index), COLUMNS[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(node, index.column())
        if role == SortRole:
            value = self._value(node, index.column())
            return self.missing if value is None else value
        if role == Qt.ItemDataRole.TextAlignmentRole and column.right:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tip(node, column)
        if role == Qt.ItemDataRole.ForegroundRole and (
            self._faint(node, column.stale) or self._noise(node, column.key)
        ):
            return QColor(QApplication.palette().color(QPalette.ColorRole.PlaceholderText))
        if role == Qt.ItemDataRole.FontRole and self._stale(column.stale):
            font = QFont()
            font.setItalic(True)
            return font
        if role == IdsRole:
            # Who picks an absorbed layer edits the one that absorbed it: a qconfig of its own would do nothing.
            return tuple(row.fused_into or row.id for row in node.layers())
        if role == BriefRole:
            return node.brief
        if role == SearchRole:
            return self._search(node)
        if role == PlainRole and node.row is not None:
            if node.row.fused_into is not None and column.key not in ("layer", "op"):
                return ""
            return column.plain(column.value(node.row, self.facts))
        if role == BarRole and column.key == "share" and node.row is not None:
            value = self._value(node, index.column())
            return None if value is None or self._stale(column.stale) else min(value / self._longest, 1.0)
        return None

    def _stale(self, kind: str) -> bool:
        return self.facts.stale if kind == "figures" else self.facts.times_stale if kind == "times" else False

    def _faint(self, node: Node, kind: str) -> bool:
        return self._stale(kind) or (node.row is not None and node.row.fused_into is not None)

    def _noise(self, node: Node, key: str) -> bool:
        """Whether a difference of times is less than they spread."""
        time = None if node.row is None or key != "gain" else self.facts.times.get(node.row.id)
        return time is not None and not time.apart

    def _value(self, node: Node, column: int) -> Any:
        spec = COLUMNS[column]
        if node.row is not None:
            return node.name if spec.key == "layer" and not self.flat else spec.value(node.row, self.facts)
        if spec.key == "layer":
            return node.name
        if spec.total:
            values = [v for row in node.layers() if (v := spec.value(row, self.facts)) is not None]
            return sum(values) if values else None
        return "" if not spec.right else None

    def _text(self, node: Node, column: int) -> str:
        spec = COLUMNS[column]
        if node.row is None and spec.key == "op":
            return translate("Columns", "{0} layers").format(sum(1 for _ in node.layers()))
        if node.row is None and not spec.total and spec.key != "layer":
            return ""
        if node.row is not None and node.row.fused_into is not None and spec.key not in ("layer", "op"):
            return ""
        return spec.text(self._value(node, column))

    def _tip(self, node: Node, column: Column) -> str:
        if node.row is None:
            return node.path
        row = node.row
        if column.key == "flags":
            return "\n".join(f"{word}: {why}" for word, why in flags(row, self.facts))
        lines = [row.id]
        if column.key in SWEPT and column.value(row, self.facts) is None and row.fused_into is None:
            lines.append(translate("Layers", "not measured: Run, “Measure every layer alone” does that"))
        if row.source:
            lines.append(row.source)
        if row.fused:
            lines.append(translate("Layers", "fused: {0}").format(", ".join(row.fused)))
        if row.fused_into:
            lines.append(translate("Layers", "fused into {0}").format(row.fused_into))
        if row.why_not:
            lines.append(translate("Layers", "stays float: {0}").format(translated(row.why_not)))
        if self.facts.stale:
            lines.append(translate("Layers", "figures in italics belong to another plan"))
        return "\n".join(lines)

    def _search(self, node: Node) -> str:
        if node.row is None:
            return ""
        words = [self._text(node, column) for column in (1, 2, 5)]
        return " ".join([node.row.id, *node.row.fused, *words]).lower()
