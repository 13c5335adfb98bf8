"""Tabs that carry a mark which moves none of them."""

from __future__ import annotations

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QTabBar

from ..theme import colours_of

RADIUS = 3


class MarkedTabs(QTabBar):
    """A dot after the title, in the room that every tab has there."""

    def __init__(self) -> None:
        super().__init__()
        self.marked: frozenset[int] = frozenset()

    def mark(self, places: frozenset[int], why: str) -> None:
        """Mark tabs and no others; `why` is said by their tooltips, and to a screen reader with their titles."""
        for place in range(self.count()):
            on = place in places
            self.setTabToolTip(place, why if on else "")
            self.setAccessibleTabName(place, f"{self.tabText(place)}: {why}" if on else "")
        if places != self.marked:
            self.marked = places
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours_of(self).color("warn"))
        for place in self.marked:
            if self.isTabVisible(place):
                rect = self.tabRect(place)
                painter.drawEllipse(QPointF(rect.right() - RADIUS - 1, rect.top() + 2 * RADIUS + 1), RADIUS, RADIUS)
