"""Plots as files: PNG, SVG and the numbers behind them as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMarginsF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFont, QPainter

from ..picture import save_picture, write_beside
from ..theme import colours_of

if TYPE_CHECKING:
    from .base import Plot

_TITLE = 24


def save_plot(plot: Plot, path: Path) -> None:
    """Write a plot as its suffix says.

    Raises
    ------
    ValueError
        The suffix is none of the three.
    Problem
        The file cannot be written; an older one stays as it was.
    """
    if path.suffix.lower() == ".csv":
        header, rows = plot.table()
        write_csv(path, header, rows)
    else:
        size = _size(plot)
        save_picture(path, size, plot.title(), plot.logicalDpiX(), lambda painter: _render(plot, painter, size))


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table that spreadsheets read; what was not measured is an empty cell."""
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(header)
    out.writerows(["" if cell is None else cell for cell in row] for row in rows)
    write_beside(path, text.getvalue())


def _caption_height(plot: Plot) -> int:
    room = QRect(0, 0, plot.canvas.width() - 16, 10_000)
    return plot.fontMetrics().boundingRect(room, Qt.TextFlag.TextWordWrap, plot.caption()).height() + 8


def _size(plot: Plot) -> QSize:
    size: QSize = plot.canvas.size()
    return size + QSize(0, _TITLE + _caption_height(plot))


def _render(plot: Plot, painter: QPainter, size: QSize) -> None:
    """Title, plot and caption, without the buttons."""
    colours = colours_of(plot)
    area = QRectF(0, 0, size.width(), size.height())
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.fillRect(area, colours.color("background"))
    below = _caption_height(plot)
    body = area.marginsRemoved(QMarginsF(0, _TITLE, 0, below))
    # Dots are drawn one by one: on the screen they are cut from an atlas, which a drawing cannot hold.
    items = [item for item in plot.canvas.scene().items() if hasattr(item, "setExportMode")]
    for item in items:
        item.setExportMode(True, {"antialias": True, "resolutionScale": 1.0, "painter": painter})
    try:
        plot.canvas.scene().render(painter, body, QRectF(plot.canvas.rect()))
    finally:
        for item in items:
            item.setExportMode(False)
    font = QFont(plot.font())
    painter.setFont(font)
    middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
    painter.setPen(colours.color("muted"))
    wrap = Qt.TextFlag.TextWordWrap
    painter.drawText(QRectF(8, size.height() - below, size.width() - 16, below), middle | wrap, plot.caption())
    font.setBold(True)
    painter.setFont(font)
    painter.setPen(colours.color("text"))
    painter.drawText(QRectF(8, 0, size.width() - 16, _TITLE), middle, plot.title())
