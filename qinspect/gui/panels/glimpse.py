"""One sample as the model takes it: its picture, its curve, or what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPaintEvent, QPen, QPixmap, QPolygonF, QTextOption
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..language import translated
from ..theme import colours_of

if TYPE_CHECKING:
    from ...engine.data.glimpse import Glimpse

MARGIN = 4


CRISP = 4
"""A picture that is drawn so many times as large or more has visible pixels, not blurred ones."""


class GlimpseView(QWidget):
    """A square; empty until something is shown.

    Parameters
    ----------
    side : int
        Pixels along an edge.
    most : int
        With it the square grows up to so many pixels with the room that it has; 0 keeps it as it is.
    """

    def __init__(self, side: int, most: int = 0) -> None:
        super().__init__()
        if most:
            self.setMinimumSize(QSize(side, side))
            self.setMaximumSize(QSize(most, most))
            policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            policy.setHeightForWidth(True)
            self.setSizePolicy(policy)
        else:
            self.setFixedSize(QSize(side, side))
        self._side = side
        self.glimpse: Glimpse | None = None
        self._picture: QPixmap | None = None

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def heightForWidth(self, width: int) -> int:
        return min(max(width, self.minimumWidth()), self.maximumWidth())

    def show_glimpse(self, glimpse: Glimpse | None) -> None:
        """Show a sample, or nothing."""
        self.glimpse = glimpse
        self._picture = None
        words = "" if glimpse is None else translated(glimpse.words)
        self.setToolTip(words)
        self.setAccessibleDescription(words)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, colours = QPainter(self), colours_of(self)
        if (picture := self._fitted()) is not None:
            size = picture.deviceIndependentSize()
            at = QPointF((self.width() - size.width()) / 2, (self.height() - size.height()) / 2)
            painter.drawPixmap(at, picture)
        elif self.glimpse is not None:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
            painter.setPen(colours.color("line"))
            painter.drawRoundedRect(frame, 4, 4)
            inside = frame.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
            if self.glimpse.curve is not None:
                painter.setPen(QPen(colours.color("accent"), 1))
                painter.setBrush(colours.color("accent", 110))
                painter.drawPolygon(outline(self.glimpse.curve, inside))
            else:
                painter.setPen(colours.color("text"))
                option = QTextOption(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
                option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
                painter.drawText(inside, translated(self.glimpse.words), option)

    def _fitted(self) -> QPixmap | None:
        """The picture in the screen's own pixels."""
        if self.glimpse is None or self.glimpse.picture is None:
            return None
        ratio = self.devicePixelRatioF()
        side = round(min(self.width(), self.height()) * ratio)
        if self._picture is None or max(self._picture.width(), self._picture.height()) != side:
            self._picture = pixmap(self.glimpse.picture, side)
            self._picture.setDevicePixelRatio(ratio)
        return self._picture


def outline(curve: Any, inside: QRectF) -> QPolygonF:
    """Along the highest values and back along the lowest, float array of shape (2, n), filling a rectangle."""
    low, high = float(curve[0].min()), float(curve[1].max())
    step, scale = inside.width() / max(len(curve[0]) - 1, 1), inside.height() / (high - low or 1)

    def point(place: int, value: float) -> QPointF:
        return QPointF(inside.left() + place * step, inside.bottom() - (value - low) * scale)

    there = [point(place, float(value)) for place, value in enumerate(curve[1])]
    back = [point(place, float(value)) for place, value in enumerate(curve[0])]
    return QPolygonF([*there, *reversed(back)])


def pixmap(picture: Any, side: int) -> QPixmap:
    """A picture, uint8 of shape (H, W, 3), that fits into a square."""
    # Numpy is imported with the first data set, not with the window.
    import numpy as np

    array = np.ascontiguousarray(picture)
    height, width = array.shape[:2]
    image = QImage(array.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    smooth = max(width, height) * CRISP > side
    mode = Qt.TransformationMode.SmoothTransformation if smooth else Qt.TransformationMode.FastTransformation
    return QPixmap.fromImage(image).scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)
