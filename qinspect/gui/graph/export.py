"""The graph as a picture: everything that is open, whatever is in sight, with what its colours stand for."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtWidgets import QStyleOptionGraphicsItem

from ..picture import save_picture
from ..theme import colours_of
from .canvas import GraphCanvas
from .overlay import Legend

MARGIN, NARROWEST = 16, 480
"""Pixels around the graph, and the width that its legend needs."""


def save_graph(canvas: GraphCanvas, legend: Legend, path: Path) -> None:
    """Write PNG or SVG, as the suffix says.

    Raises
    ------
    ValueError
        The suffix is neither.
    Problem
        The file cannot be written; an older one stays as it was.
    """
    bounds = canvas.item.boundingRect()
    width = max(bounds.width() + 2 * MARGIN, NARROWEST)
    height = bounds.height() + 2 * MARGIN
    size = QSize(round(width), round(height) + legend.height())
    option = QStyleOptionGraphicsItem()
    option.exposedRect = bounds  # type: ignore[attr-defined]

    def paint(painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(QRectF(0, 0, size.width(), size.height()), colours_of(canvas).color("background"))
        painter.save()
        painter.translate(QPointF(width / 2, MARGIN) - QPointF(bounds.center().x(), bounds.top()))
        canvas.item.paint(painter, option, canvas)
        painter.restore()
        legend.draw(painter, QRectF(0, size.height() - legend.height(), size.width(), legend.height()))

    save_picture(path, size, canvas.accessibleName(), canvas.logicalDpiX(), paint)
