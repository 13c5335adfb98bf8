"""What the graph's colours stand for: from a figure to a colour and a legend."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QRectF, Qt
from PySide6.QtGui import QColor, QLinearGradient, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from ..theme import Colours, colours_of, sequential
from .model import FLOAT, INT8, MIXED, Figures, GraphModel

OVERLAYS = ("none", "error", "sensitivity", "latency", "type")


translate = QCoreApplication.translate


def overlay_title(name: str) -> str:
    """Name of an overlay for people."""
    return {
        "none": translate("Overlay", "No colour"),
        "error": translate("Overlay", "Error share"),
        "sensitivity": translate("Overlay", "Sensitivity"),
        "latency": translate("Overlay", "Latency"),
        "type": translate("Overlay", "Type"),
    }[name]


def figure(name: str, figures: Figures) -> float | None:
    """The figure that an overlay shows."""
    return {
        "error": figures.error_share,
        "sensitivity": figures.sensitivity,
        "latency": figures.latency_us,
    }.get(name)


def figure_text(name: str, value: float | None) -> str:
    """A figure with its unit, short."""
    if value is None:
        return "–"
    if name == "error":
        return "< 0.1%" if 0 < value < 0.0005 else f"{value * 100:.1f}%"
    if name == "sensitivity":
        return f"{value:.2g} nat"
    return f"{value / 1000:.2f} ms" if value >= 1000 else f"{value:.0f} µs"


@dataclass(frozen=True)
class Scale:
    """Colours of one overlay over the visible blocks.

    Parameters
    ----------
    name : str
        One of `OVERLAYS`.
    low, high : float | None
        Smallest and largest figure; None where nothing was measured.
    log : bool
        Even steps of colour are even ratios.
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False

    @staticmethod
    def over(name: str, shown: Iterable[Figures]) -> Scale:
        """The scale that spans the figures; sums and shares begin at 0."""
        known = [v for v in (figure(name, one) for one in shown) if v is not None and math.isfinite(v)]
        if not known:
            return Scale(name)
        if name == "sensitivity":
            # Divergences spread over decades; three of them are told apart.
            high = max(known)
            low = max(min((v for v in known if v > 0), default=0.0), high / 1000)
            return Scale(name, low, high, 0 < low < high)
        return Scale(name, 0.0, max(known))

    def share(self, figures: Figures) -> float | None:
        """Place of a figure on the scale, 0 to 1."""
        value = figure(self.name, figures)
        if value is None or self.low is None or self.high is None or not math.isfinite(value):
            return None
        if self.log:
            return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0

    def fill(self, figures: Figures, colours: Colours) -> QColor | None:
        """Colour of a block, None where nothing is known of it."""
        if self.name == "type":
            return kind_color(figures.kind, colours) if figures.kind else None
        share = self.share(figures)
        return None if share is None else sequential(share, colours)


def kind_color(kind: str, colours: Colours) -> QColor:
    """Colour of a numeric kind."""
    return colours.color({INT8: "int8", FLOAT: "float", MIXED: "mixed"}.get(kind, "muted"))


def describe(model: GraphModel, block_id: str, figures: Figures) -> str:
    """What is known of a block, in a few lines, for its tooltip and for screen readers."""
    block, node = model.blocks[block_id], model.nodes.get(block_id)
    lines = [block.path or block.id if block.group else block.id]
    if node is not None:
        lines.append(node.label or node.op)
        if node.shape:
            lines.append(translate("Overlay", "output: {}").format(f"{node.shape} {node.dtype}"))
    else:
        lines.append(translate("Overlay", "{} layers").format(len(block.layers)))
    if figures.dtype or figures.kind:
        lines.append(translate("Overlay", "type: {}").format(figures.dtype or figures.kind))
    for name, text in (
        ("error", translate("Overlay", "share of the output error, estimated: {}")),
        ("sensitivity", translate("Overlay", "estimated KL: {}")),
        ("latency", translate("Overlay", "latency: {}")),
    ):
        value = figure(name, figures)
        if value is not None:
            lines.append(text.format(figure_text(name, value)))
    if figures.borders:
        lines.append(translate("Overlay", "int8/float borders inside: {}").format(figures.borders))
    if node is not None and node.source:
        lines.append(translate("Overlay", "source: {}").format(node.source))
    return "\n".join(lines)


class Legend(QWidget):
    """One line below the graph: what the colours stand for, and the marks of int8/float borders.

    What has no room is left out from the left, and all of it stands in the tooltip.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Legend"))
        self.setFixedHeight(26)
        self._scale = Scale("none")
        self._stale = False
        self.hide()

    @property
    def scale(self) -> Scale:
        return self._scale

    def show_scale(self, scale: Scale, stale: bool = False) -> None:
        """Show another scale."""
        self._scale, self._stale = scale, stale
        self.setVisible(True)
        title = self._title()
        self.setAccessibleDescription(title)
        self.setToolTip(title)
        self.update()

    def _title(self, short: bool = False) -> str:
        title = {
            "error": self.tr("Error share, est. (%)") if short else self.tr("Share of the output error, estimated (%)"),
            "sensitivity": self.tr("Estimated KL (nat)"),
            "latency": self.tr("Latency (µs)"),
            "type": self.tr("Type of the kernel"),
        }.get(self._scale.name, "")
        if self._scale.log:
            title += self.tr(", log scale")
        if self._stale:
            title += self.tr(" · stale")
        return title

    def _ends(self) -> tuple[str, str]:
        name, low, high = self._scale.name, self._scale.low, self._scale.high
        first = figure_text(name, low)
        return (f"≤ {first}" if self._scale.log else first), figure_text(name, high)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self.draw(painter, QRectF(self.rect()))

    def draw(self, painter: QPainter, area: QRectF) -> None:
        """Paint it into an area, of the widget or of a picture."""
        colours = colours_of(self)
        painter.setFont(self.font())
        painter.setPen(colours.color("line"))
        painter.drawLine(area.topLeft(), area.topRight())
        row = area.adjusted(12, 1, -12, 0)
        row.setRight(self._borders(painter, row, colours) - 16)
        if self._scale.name == "none":
            return
        if self._scale.name == "type":
            row.setRight(self._kinds(painter, row, colours) - 16)
        elif self._scale.high is not None:
            row.setRight(self._gradient(painter, row, colours) - 16)
        painter.setPen(colours.color("muted"))
        painter.drawText(row, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, self.caption(row.width()))

    def caption(self, room: float) -> str:
        """What the colours stand for, in the words that have room; whole in the tooltip."""
        known = self._scale.name == "type" or self._scale.high is not None
        for title in (self._title(), self._title(short=True)):
            text = title if known else self.tr("{0}: not measured yet").format(title)
            if self.fontMetrics().horizontalAdvance(text) <= room:
                return text
        # Part of a word says nothing: the list above the graph names it too.
        return "" if known else self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room))

    def _kinds(self, painter: QPainter, row: QRectF, colours: Colours) -> float:
        """Draw the types at the right of a row; its left edge comes back."""
        x = row.right()
        for kind, text in ((MIXED, self.tr("mixed")), (FLOAT, "float"), (INT8, "int8")):
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(colours.color("text"))
            painter.drawText(QRectF(x - width, row.y(), width, row.height()), Qt.AlignmentFlag.AlignVCenter, text)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(kind_color(kind, colours))
            painter.drawRoundedRect(QRectF(x - width - 18, row.center().y() - 6, 12, 12), 3, 3)
            x -= width + 30
        return x + 12

    def _gradient(self, painter: QPainter, row: QRectF, colours: Colours) -> float:
        """Draw the gradient between its ends at the right of a row; its left edge comes back."""
        first, last = self._ends()
        metrics = painter.fontMetrics()
        one, two = metrics.horizontalAdvance(first), metrics.horizontalAdvance(last)
        words = metrics.horizontalAdvance(self._title(short=True)) + 16
        length = min(max(row.width() - one - two - 16 - words, 40.0), 120.0)
        bar = QRectF(row.right() - two - 8 - length, row.center().y() - 5, length, 10)
        gradient = QLinearGradient(bar.topLeft(), bar.topRight())
        for step in range(11):
            gradient.setColorAt(step / 10, sequential(step / 10, colours))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(bar, 3, 3)
        painter.setPen(colours.color("text"))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(row, Qt.AlignmentFlag.AlignRight | middle, last)
        left = bar.left() - 8 - one
        painter.drawText(QRectF(left, row.y(), one, row.height()), middle, first)
        return left

    def _borders(self, painter: QPainter, row: QRectF, colours: Colours) -> float:
        """Draw the marks at the right of a row; their left edge comes back."""
        x = row.right()
        for kind, text in ((FLOAT, self.tr("to float (DQ)")), (INT8, self.tr("to int8 (Q)"))):
            width = painter.fontMetrics().horizontalAdvance(text)
            painter.setPen(colours.color("muted"))
            painter.drawText(QRectF(x - width, row.y(), width, row.height()), Qt.AlignmentFlag.AlignVCenter, text)
            draw_border(painter, x - width - 10, row.center().y(), kind, colours)
            x -= width + 28
        return x + 12


def draw_border(painter: QPainter, x: float, y: float, kind: str, colours: Colours) -> None:
    """The mark of an int8/float border on an edge: a diamond in the colour of what comes after."""
    painter.save()
    painter.translate(x, y)
    painter.rotate(45)
    painter.setPen(QPen(colours.color("background"), 1.5))
    painter.setBrush(kind_color(kind, colours))
    painter.drawRect(QRectF(-4, -4, 8, 8))
    painter.restore()
