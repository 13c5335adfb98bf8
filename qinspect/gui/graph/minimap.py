"""The whole graph small, with the part that is in sight; a click goes there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from ..theme import colours_of

if TYPE_CHECKING:
    from .canvas import GraphCanvas

LARGEST = QSize(120, 220)


class Minimap(QWidget):
    """Lies on the graph; hidden while all of the graph is in sight.

    The boxes are painted once into a picture, so that panning costs one blit.
    """

    def __init__(self, canvas: GraphCanvas) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._picture: QPixmap | None = None
        self._needed = False
        self.setAccessibleName(self.tr("Overview of the graph"))
        self.setToolTip(self.tr("Click or drag to go there"))
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.hide()

    def redraw(self) -> None:
        """The graph is drawn otherwise."""
        self._picture = None
        bounds = self._canvas.item.boundingRect()
        self._needed = bounds.height() > 600 or bounds.width() > 1200
        self.make_room()
        height = LARGEST.height()
        width = min(max(bounds.width() * height / max(bounds.height(), 1.0), 36), LARGEST.width())
        self.resize(round(width) + 12, height + 12)
        self.update()

    def make_room(self) -> None:
        """Hide where the graph has hardly room itself, and where all of it is in sight."""
        room, canvas = self._canvas.viewport().size(), self._canvas
        part = not canvas.seen().contains(canvas.item.boundingRect())
        self.setVisible(self._needed and part and room.width() >= 440 and room.height() >= 320)

    def follow(self) -> None:
        """Another part of the graph is in sight."""
        self.make_room()
        self.update()

    def _scale(self) -> tuple[float, float]:
        bounds = self._canvas.item.boundingRect()
        # Very long graphs are shown wider than they are, or nothing could be made out.
        high = (self.height() - 12) / max(bounds.height(), 1.0)
        wide = min((self.width() - 12) / max(bounds.width(), 1.0), high * 40)
        return wide, high

    def _draw(self) -> QPixmap:
        ratio = self.devicePixelRatioF()
        picture = QPixmap(self.size() * ratio)
        picture.setDevicePixelRatio(ratio)
        picture.fill(Qt.GlobalColor.transparent)
        colours = colours_of(self)
        painter = QPainter(picture)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.color("line")))
        painter.setBrush(colours.color("raised", 235))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        painter.setPen(Qt.PenStyle.NoPen)
        bounds = self._canvas.item.boundingRect()
        wide, high = self._scale()
        left = (self.width() - bounds.width() * wide) / 2
        for node in self._canvas.item.nodes:
            rect = node.rect
            painter.setBrush(node.fill or colours.color("muted", 170))
            x, y = left + (rect.x() - bounds.x()) * wide, 6 + (rect.y() - bounds.y()) * high
            painter.drawRect(QRectF(x, y, max(rect.width() * wide, 1.0), max(rect.height() * high, 0.75)))
        painter.end()
        return picture

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._picture is None or self._picture.devicePixelRatio() != self.devicePixelRatioF():
            self._picture = self._draw()
        painter = QPainter(self)
        painter.drawPixmap(0, 0, self._picture)
        canvas = self._canvas
        seen = canvas.seen()
        bounds = canvas.item.boundingRect()
        wide, high = self._scale()
        left = (self.width() - bounds.width() * wide) / 2
        frame = QRectF(
            left + (seen.x() - bounds.x()) * wide,
            6 + (seen.y() - bounds.y()) * high,
            seen.width() * wide,
            max(seen.height() * high, 3.0),
        ).intersected(QRectF(self.rect()).adjusted(2, 2, -2, -2))
        accent = colours_of(self).color("accent")
        painter.setPen(QPen(accent, 1.5))
        accent.setAlpha(30)
        painter.setBrush(accent)
        painter.drawRect(frame)

    def _go(self, point: QPointF) -> None:
        bounds = self._canvas.item.boundingRect()
        wide, high = self._scale()
        left = (self.width() - bounds.width() * wide) / 2
        self._canvas.centerOn(bounds.x() + (point.x() - left) / wide, bounds.y() + (point.y() - 6) / high)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())
