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
        return "< 0.1 %" if 0 < value < 0.0005 else f"{value * 100:.1f} %"
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
    return "\n".join(lines)


class Legend(QWidget):
    """The scale of the overlay: gradient with its ends and unit, or the kinds; lies on the graph."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(self.tr("Legend"))
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
        self.resize(self._width(), 72 if scale.name != "none" else 30)
        self.update()

    def _title(self) -> str:
        title = {
            "error": self.tr("Share of the output error, estimated (%)"),
            "sensitivity": self.tr("Estimated KL (nat)"),
            "latency": self.tr("Latency (µs)"),
            "type": self.tr("Type of the kernel"),
        }.get(self._scale.name, "")
        if self._scale.log:
            title += self.tr(", log scale")
        if self._stale:
            title += self.tr(" · stale")
        return title

    def _width(self) -> int:
        wide = max(self._title(), self.tr("to int8 (Q)") + self.tr("to float (DQ)") + 12 * "x", key=len)
        return max(self.fontMetrics().horizontalAdvance(wide) + 24, 220)

    def _ends(self) -> tuple[str, str]:
        name, low, high = self._scale.name, self._scale.low, self._scale.high
        first = figure_text(name, low)
        return (f"≤ {first}" if self._scale.log else first), figure_text(name, high)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.color("line")))
        painter.setBrush(colours.color("raised", 238))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        inner = QRectF(self.rect()).adjusted(10, 6, -10, -6)
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        middle = Qt.AlignmentFlag.AlignVCenter
        self._borders(painter, QRectF(inner.x(), inner.bottom() - 18, inner.width(), 18), colours)
        if self._scale.name == "none":
            return
        painter.setPen(colours.color("muted"))
        painter.drawText(QRectF(inner.x(), inner.y(), inner.width(), 18), left | middle, self._title())
        row = QRectF(inner.x(), inner.y() + 20, inner.width(), 20)
        if self._scale.name == "type":
            x = row.x()
            for kind, text in ((INT8, "int8"), (FLOAT, "float"), (MIXED, self.tr("mixed"))):
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(kind_color(kind, colours))
                painter.drawRoundedRect(QRectF(x, row.y() + 4, 12, 12), 3, 3)
                painter.setPen(colours.color("text"))
                painter.drawText(QRectF(x + 18, row.y(), 60, 20), left | middle, text)
                x += 30 + painter.fontMetrics().horizontalAdvance(text)
        elif self._scale.high is None:
            painter.drawText(row, left | middle, self.tr("not measured yet"))
        else:
            first, last = self._ends()
            metrics = painter.fontMetrics()
            one, two = metrics.horizontalAdvance(first) + 8, metrics.horizontalAdvance(last) + 8
            bar = QRectF(row.x() + one, row.y() + 5, row.width() - one - two, 10)
            gradient = QLinearGradient(bar.topLeft(), bar.topRight())
            for step in range(11):
                gradient.setColorAt(step / 10, sequential(step / 10, colours))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(gradient)
            painter.drawRoundedRect(bar, 3, 3)
            painter.setPen(colours.color("text"))
            painter.drawText(row, left | middle, first)
            painter.drawText(row, right | middle, last)

    def _borders(self, painter: QPainter, row: QRectF, colours: Colours) -> None:
        x = row.x()
        middle = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        for kind, text in ((INT8, self.tr("to int8 (Q)")), (FLOAT, self.tr("to float (DQ)"))):
            draw_border(painter, x + 6, row.center().y(), kind, colours)
            painter.setPen(colours.color("muted"))
            painter.drawText(QRectF(x + 18, row.y(), 100, row.height()), middle, text)
            x += 34 + painter.fontMetrics().horizontalAdvance(text)


def draw_border(painter: QPainter, x: float, y: float, kind: str, colours: Colours) -> None:
    """The mark of an int8/float border on an edge: a diamond in the colour of what comes after."""
    painter.save()
    painter.translate(x, y)
    painter.rotate(45)
    painter.setPen(QPen(colours.color("background"), 1.5))
    painter.setBrush(kind_color(kind, colours))
    painter.drawRect(QRectF(-4, -4, 8, 8))
    painter.restore()
