"""The fusion candidates as rows, for any view of Qt: a cell is made when it is drawn."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from ...engine.results import FusionRow
from ..language import translated
from .figures import small

Index = QModelIndex | QPersistentModelIndex
PATTERN, LAYERS, STATE, REASON, DELTA = range(5)
RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
Role = Qt.ItemDataRole


def brief(layers: tuple[str, ...]) -> str:
    """The layers' ids; what the first one's module has in common with the others' is said once."""
    first, *others = layers
    common = first[: first.rfind(".", 0, first.rfind(":")) + 1]
    while common and not all(layer.startswith(common) for layer in others):
        common = common[: common.rfind(".", 0, -1) + 1]
    return ", ".join((first, *(layer[len(common) :] for layer in others)))


class FusionModel(QAbstractTableModel):
    """Rows with a check box each; that of a blocked candidate cannot be checked.

    Parameters
    ----------
    titles, tips : tuple of str
        Of the columns.

    Signals
    -------
    toggled(id, on)
    """

    toggled = Signal(str, bool)

    def __init__(self, titles: tuple[str, ...], tips: tuple[str, ...], parent: QObject) -> None:
        super().__init__(parent)
        self._titles, self._tips = titles, tips
        self.rows: tuple[FusionRow, ...] = ()
        self._wanted: dict[str, bool] = {}

    def show_rows(self, rows: tuple[FusionRow, ...], wanted: dict[str, bool]) -> None:
        """Show candidates; those that are shown already keep their place and selection."""
        if rows == self.rows:
            self._wanted = wanted
            if rows:
                self.dataChanged.emit(self.index(0, PATTERN), self.index(len(rows) - 1, DELTA))
            return
        self.beginResetModel()
        self.rows, self._wanted = rows, wanted
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self._titles)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Role.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Role.DisplayRole:
            return self._titles[section]
        if role == Role.ToolTipRole:
            return self._tips[section]
        return RIGHT if role == Role.TextAlignmentRole and section == DELTA else None

    def data(self, index: Index, role: int = Role.DisplayRole) -> Any:
        fusion, column = self.rows[index.row()], index.column()
        if role == Role.DisplayRole:
            return brief(fusion.layers) if column == LAYERS else self._text(fusion, column)
        if role in (Role.EditRole, Role.ToolTipRole):
            return self._text(fusion, column)
        if role == Role.TextAlignmentRole:
            return RIGHT if column == DELTA else None
        if role == Role.CheckStateRole and column == PATTERN:
            on = fusion.state != "blocked" and self._on(fusion)
            return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
        return None

    def setData(self, index: Index, value: Any, role: int = Role.EditRole) -> bool:
        if role != Role.CheckStateRole or index.column() != PATTERN:
            return False
        self.toggled.emit(self.rows[index.row()].id, Qt.CheckState(value) == Qt.CheckState.Checked)
        return True

    def flags(self, index: Index) -> Qt.ItemFlag:
        found = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemNeverHasChildren
        checkable = index.isValid() and index.column() == PATTERN and self.rows[index.row()].state != "blocked"
        return found | Qt.ItemFlag.ItemIsUserCheckable if checkable else found

    def _on(self, fusion: FusionRow) -> bool:
        return self._wanted.get(fusion.id, True)

    def _text(self, fusion: FusionRow, column: int) -> str:
        if column == PATTERN:
            return fusion.pattern
        if column == LAYERS:
            return ", ".join(fusion.layers)
        if column == STATE:
            return self._state(fusion)
        if column == REASON:
            return translated(fusion.reason or "")
        # As many digits in each row.
        return small(fusion.max_abs_delta) if not fusion.max_abs_delta else f"{fusion.max_abs_delta:.2e}"

    def states(self) -> set[str]:
        """What stands in the column of states."""
        seen = {(fusion.state, self._on(fusion)): fusion for fusion in self.rows}
        return {self._state(fusion) for fusion in seen.values()}

    def _state(self, fusion: FusionRow) -> str:
        # The plan may be newer than the rows.
        on = self._on(fusion)
        if fusion.state != "blocked" and on != (fusion.state == "fused"):
            word = self.tr("on") if on else self.tr("off")
            return self.tr("{0}, to be computed").format(word)
        return {"fused": self.tr("fused"), "off": self.tr("off"), "blocked": self.tr("blocked")}[fusion.state]
