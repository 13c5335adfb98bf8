"""A field for the name of a file or folder."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionFrame

BESIDE = 2
"""Pixels that Qt leaves free on either side of the text of a field."""


class PathLine(QLineEdit):
    """Of a path without room the end is seen while nobody types, which tells it from others; the tooltip has it all."""

    def __init__(self, text: str = "", placeholder: str = "") -> None:
        super().__init__(text, placeholderText=placeholder)
        self.textChanged.connect(self.setToolTip)
        self.setToolTip(text)

    def shown(self) -> str:
        """What is seen of the path while nobody types."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideLeft, self._room().width())

    def _room(self) -> QRect:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        inside = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        return inside.adjusted(BESIDE, 0, -BESIDE, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        shown = self.shown()
        if self.hasFocus() or shown == self.text():
            super().paintEvent(event)
            return
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        painter = QPainter(self)
        self.style().drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option, painter, self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self._room(), Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
