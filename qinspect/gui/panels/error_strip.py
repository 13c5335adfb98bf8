"""Where the error comes from, at a glance: a bar for each layer, in execution order."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from ..theme import colours_of
from .figures import share

HEIGHT = 84
LEAST = 3
"""Pixels of a bar; of more layers than have room, those beside one another share one."""
GAP = 0.2
"""Of a bar's room."""


@dataclass(frozen=True)
class Bar:
    """A layer's share of the output error; `worst` ones are those that cause half of it."""

    id: str
    share: float
    worst: bool


def bars_of(shares: dict[str, float]) -> tuple[Bar, ...]:
    """One bar per layer, in the order of `shares`; the fewest that cause half of the error are marked."""
    worst: set[str] = set()
    reached = 0.0
    for layer_id in sorted(shares, key=lambda name: -shares[name]):
        if reached >= 0.5 * sum(shares.values()):
            break
        worst.add(layer_id)
        reached += shares[layer_id]
    return tuple(Bar(layer_id, value, layer_id in worst) for layer_id, value in shares.items())


class ErrorStrip(QWidget):
    """The bars; a click asks for the layer.

    Signals
    -------
    chosen(str)
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[Bar, ...] = ()
        self._stale = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(self.tr("Share of the output error, layer by layer"))

    def sizeHint(self) -> QSize:
        return QSize(400, HEIGHT)

    def show_shares(self, shares: dict[str, float], stale: bool = False) -> None:
        """Show the share of each layer, in execution order; paler where they are of another plan."""
        self._bars, self._stale = bars_of(shares), stale
        self.update()

    def _shown(self) -> list[Bar]:
        """As many as have room; of neighbours that share a bar the largest."""
        size = -(-len(self._bars) * LEAST // max(1, self.width()))
        if size <= 1:
            return list(self._bars)
        parts = (self._bars[start : start + size] for start in range(0, len(self._bars), size))
        return [max(part, key=lambda bar: bar.share) for part in parts]

    def bar_at(self, x: float) -> Bar | None:
        """The bar at a place."""
        shown = self._shown()
        place = int(x * len(shown) / max(1, self.width()))
        return shown[place] if 0 <= place < len(shown) else None

    def paintEvent(self, event: QPaintEvent) -> None:
        shown, colours = self._shown(), colours_of(self)
        highest = max((bar.share for bar in shown), default=0.0)
        painter = QPainter(self)
        painter.fillRect(QRectF(0, self.height() - 1, self.width(), 1), colours.color("line"))
        if not highest:
            return
        room = self.width() / len(shown)
        for place, bar in enumerate(shown):
            height = max(1.0, bar.share / highest * (self.height() - 2))
            color = QColor(colours.color("warn" if bar.worst else "accent", 110 if self._stale else 255))
            left, width = place * room + GAP * room / 2, min(room * (1 - GAP), 24.0)
            painter.fillRect(QRectF(left, self.height() - 1 - height, width, height), color)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            bar = self.bar_at(event.pos().x())
            if bar is not None:
                QToolTip.showText(event.globalPos(), f"{bar.id}: {share(bar.share)}", self)
            return True
        return super().event(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        bar = self.bar_at(event.position().x())
        if bar is not None and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(bar.id)
