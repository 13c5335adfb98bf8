"""Rows of a list that say one thing plainly and another one, muted, beside it."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from ..theme import colours_of, readable_on

MainRole, AsideRole = Qt.ItemDataRole.UserRole + 1, Qt.ItemDataRole.UserRole + 2
"""What is drawn plainly (without it the item's text), and what is drawn beside it."""
INSET, BETWEEN = 8, 12


class TwoParts(QStyledItemDelegate):
    """Draws rows of two parts.

    Parameters
    ----------
    parent : QWidget
        The list.
    right : bool
        The second part stands at the right edge, and not right behind the first.
    """

    def __init__(self, parent: QWidget, right: bool = False) -> None:
        super().__init__(parent)
        self._right = right

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        # As wide as the list and no wider: what has no room is elided.
        return QSize(0, option.fontMetrics.height() + 10)  # type: ignore[attr-defined]

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        widget = self.parent()
        assert isinstance(widget, QWidget)
        made = QStyleOptionViewItem(option)
        self.initStyleOption(made, index)
        main, aside = index.data(MainRole) or made.text, index.data(AsideRole) or ""  # type: ignore[attr-defined]
        made.text = ""  # type: ignore[attr-defined]
        widget.style().drawControl(QStyle.ControlElement.CE_ItemViewItem, made, painter, widget)
        colours, metrics = colours_of(widget), made.fontMetrics  # type: ignore[attr-defined]
        chosen = bool(made.state & QStyle.StateFlag.State_Selected)  # type: ignore[attr-defined]
        plain = readable_on(colours.color("selection")) if chosen else colours.color("text")
        muted = plain if chosen else colours.color("muted")
        room = QRect(made.rect).adjusted(INSET, 0, -INSET, 0)  # type: ignore[attr-defined]
        across = Qt.AlignmentFlag.AlignVCenter
        if self._right and aside:
            painter.setPen(muted)
            painter.drawText(room, across | Qt.AlignmentFlag.AlignRight, aside)
            room.setRight(room.right() - metrics.horizontalAdvance(aside) - BETWEEN)
        enabled = index.flags() & Qt.ItemFlag.ItemIsEnabled
        painter.setPen(plain if enabled else muted)
        text = metrics.elidedText(main, Qt.TextElideMode.ElideMiddle, room.width())
        painter.drawText(room, across | Qt.AlignmentFlag.AlignLeft, text)
        room.setLeft(room.left() + metrics.horizontalAdvance(text) + BETWEEN)
        if not self._right and room.width() > 3 * BETWEEN:
            painter.setPen(muted)
            rest = metrics.elidedText(aside, Qt.TextElideMode.ElideMiddle, room.width())
            painter.drawText(room, across | Qt.AlignmentFlag.AlignLeft, rest)
