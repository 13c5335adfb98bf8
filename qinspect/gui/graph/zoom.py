"""A drawing that is zoomed with the wheel and moved by dragging."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QApplication, QGraphicsItem, QGraphicsScene, QGraphicsView, QWidget

ZOOM_MIN, ZOOM_MAX = 0.002, 3.0
EDGE = 16
"""Pixels above and below the drawing, where one of its ends is shown."""


class ZoomView(QGraphicsView):
    """Shows one item.

    Signals
    -------
    moved()
        Another part of it is in sight.
    clicked(QPoint)
        The left button was pressed and released at a place of the viewport, without a drag.
    """

    moved = Signal()
    clicked = Signal(QPoint)

    def __init__(self, content: QGraphicsItem, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        # What is in the middle stays there when the panels around it take or give room.
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setRenderHint(QPainter.RenderHint.Antialiasing)
        scene = QGraphicsScene(self)
        # One item: an index over it would only cost.
        scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        scene.addItem(content)
        self.setScene(scene)
        self._content = content
        self._press: QPoint | None = None
        self._panning = False

    @property
    def zoom(self) -> float:
        return self.transform().m11()

    def seen(self) -> QRectF:
        """The part of the drawing that is in sight."""
        return self.mapToScene(self.viewport().rect()).boundingRect()

    def set_extent(self) -> None:
        """Take over the content's size, with room around it: a box at its edge can be brought to the middle."""
        view = self.viewport().size()
        margin_x, margin_y = view.width() / max(self.zoom, 0.01), view.height() / max(self.zoom, 0.01)
        self.setSceneRect(self._content.boundingRect().adjusted(-margin_x, -margin_y, margin_x, margin_y))

    def set_zoom(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom; the scene point under `at` (of the viewport) stays there."""
        at = at if at is not None else QPointF(self.viewport().rect().center())
        zoom = min(max(zoom, ZOOM_MIN), ZOOM_MAX)
        before = self.mapToScene(at.toPoint())
        self.resetTransform()
        self.scale(zoom, zoom)
        self.set_extent()
        self.scroll_by(QPointF(self.mapFromScene(before)) - at)

    def scroll_by(self, delta: QPointF) -> None:
        """Move what is in sight by pixels of the viewport."""
        for bar, part in ((self.horizontalScrollBar(), delta.x()), (self.verticalScrollBar(), delta.y())):
            bar.setValue(bar.value() + round(part))
        self.moved.emit()

    def center(self, point: QPointF) -> None:
        """Bring a point of the drawing to the middle, or as near to it as leaves no empty room above or below."""
        bounds, half = self._content.boundingRect(), (self.viewport().height() / 2 - EDGE) / self.zoom
        low, high = bounds.top() + half, bounds.bottom() - half
        self.centerOn(point.x(), (low + high) / 2 if low > high else min(max(point.y(), low), high))
        self.moved.emit()

    def show_area(self, area: QRectF) -> None:
        """Show a part of the drawing as large as it fits, no larger than it is meant to be."""
        view = self.viewport().rect().adjusted(16, 16, -16, -16)
        self.set_zoom(min(view.width() / area.width(), view.height() / area.height(), 1.0))
        self.center(area.center())

    def first(self) -> QRectF:
        """Where the drawing begins."""
        return self._content.boundingRect()

    def show_start(self) -> None:
        """Show the beginning of the drawing at a size that can be read."""
        bounds = self._content.boundingRect()
        view = self.viewport().rect()
        if bounds.isEmpty() or view.isEmpty():
            return
        whole = (view.width() - 32) / bounds.width()
        self.set_zoom(min(whole, 1.0) if whole >= 0.5 else 0.75)
        middle = bounds.center().x()
        if whole < 0.5:
            middle = max(self.first().center().x(), bounds.left() + view.width() / 2 / self.zoom - 16)
        self.center(QPointF(middle, bounds.top() + view.height() / 2 / self.zoom - 16))

    # -- mouse --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            self._press, self._panning = event.position().toPoint(), False
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        delta = event.position().toPoint() - self._press
        if not self._panning and delta.manhattanLength() < QApplication.startDragDistance():
            return
        self._panning = True
        self.viewport().setCursor(Qt.CursorShape.ClosedHandCursor)
        self.scroll_by(QPointF(-delta))
        self._press = event.position().toPoint()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        self._press = None
        self.viewport().unsetCursor()
        if not self._panning and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(event.position().toPoint())

    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.set_zoom(self.zoom * 1.2**steps, event.position())
        event.accept()
