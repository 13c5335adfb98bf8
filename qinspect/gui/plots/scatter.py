"""What each layer's quantization costs in error against what it wins in time."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtWidgets import QWidget

from .base import Plot, Table, rgba, short_name


@dataclass(frozen=True)
class GainPoint:
    """One layer: share of the output error (0 to 1), µs won by int8 (negative: lost), its kind."""

    id: str
    label: str
    error_share: float
    won_us: float
    quantized: bool = True


class _Brush(pg.ViewBox):
    """A view where dragging with the left button draws a rectangle."""

    brushed = Signal(object, bool)

    def __init__(self) -> None:
        super().__init__(enableMenu=False)
        self._box = pg.QtWidgets.QGraphicsRectItem()
        self._box.setZValue(1e6)
        self.addItem(self._box, ignoreBounds=True)
        self._box.hide()

    def style_box(self, pen: object, brush: object) -> None:
        self._box.setPen(pen)
        self._box.setBrush(brush)

    def mouseDragEvent(self, ev: object, axis: object = None) -> None:
        if ev.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            super().mouseDragEvent(ev, axis)
            return
        ev.accept()  # type: ignore[attr-defined]
        one = self.mapToView(ev.buttonDownPos())  # type: ignore[attr-defined]
        area = QRectF(one, self.mapToView(ev.pos())).normalized()  # type: ignore[attr-defined]
        self._box.setRect(area)
        self._box.setVisible(not ev.isFinish())  # type: ignore[attr-defined]
        if ev.isFinish():  # type: ignore[attr-defined]
            self.brushed.emit(area, bool(ev.modifiers() & Qt.KeyboardModifier.ControlModifier))  # type: ignore[attr-defined]


class GainScatter(Plot):
    """Error share against time won; a drag selects layers, with Control it adds to them.

    Signals
    -------
    layers_selected(list of str)
        What the user brushed or clicked, in execution order.
    """

    layers_selected = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self._box = _Brush()
        super().__init__(parent, self._box)
        self._points: tuple[GainPoint, ...] = ()
        self._chosen: frozenset[str] = frozenset()
        self._dots: pg.ScatterPlotItem | None = None
        self._box.brushed.connect(self._brushed)
        self.canvas.scene().sigMouseClicked.connect(self._clicked)
        self.begin(
            self.tr("Error against time won"),
            self.tr("Run the analysis with latency to see which layers are worth quantizing."),
        )

    def set_points(self, points: Sequence[GainPoint]) -> None:
        """Show layers in execution order; none shows the hint."""
        self._points = tuple(p for p in points if math.isfinite(p.error_share) and math.isfinite(p.won_us))
        self._chosen = frozenset()
        self.redraw()
        self.plot.enableAutoRange()

    def clear(self) -> None:
        """Show the hint."""
        self.set_points(())

    def select(self, layers: Collection[str]) -> None:
        """Mark layers without a signal."""
        self._chosen = frozenset(layers)
        self._style()

    @property
    def chosen(self) -> list[str]:
        """Marked layers in execution order."""
        return [point.id for point in self._points if point.id in self._chosen]

    def _places(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """x as log10 of the share in percent, y in µs."""
        share = np.array([point.error_share * 100 for point in self._points])
        positive = share[share > 0]
        # No logarithm of 0: such layers stand half a decade to the left of the smallest.
        floor = positive.min() / 10**0.5 if len(positive) else 1e-3
        return np.log10(np.maximum(share, floor)), np.array([point.won_us for point in self._points])

    def redraw(self) -> None:
        self.plot.clear()
        self._dots = None
        self.show_data(bool(self._points))
        if not self._points:
            return
        colours = self.colours
        self._axes(self.tr("share of the output error, estimated (%)"), self.tr("time won by int8 (µs)"))
        self.plot.getAxis("bottom").setLogMode(True, False)
        self._box.style_box(pg.mkPen(colours.accent), pg.mkBrush(rgba(colours.accent, 40)))
        if self._box._box.scene() is None:
            self._box.addItem(self._box._box, ignoreBounds=True)
        self.plot.addItem(pg.InfiniteLine(0, 0, pen=pg.mkPen(colours.muted, style=Qt.PenStyle.DotLine)))
        x, y = self._places()
        self._dots = pg.ScatterPlotItem(x, y, data=[point.id for point in self._points], hoverable=True, tip=self._tip)
        self.plot.addItem(self._dots)
        self._style()

    def _style(self) -> None:
        if self._dots is None:
            return
        colours = self.colours
        kinds = [point.quantized for point in self._points]
        picked = [point.id in self._chosen for point in self._points]
        self._dots.setSymbol(["o" if one else "s" for one in kinds])
        self._dots.setSize([12 if one else 8 for one in picked])
        self._dots.setBrush([pg.mkBrush(rgba(colours.int8 if one else colours.float, 190)) for one in kinds])
        self._dots.setPen(
            [pg.mkPen(colours.text, width=2) if one else pg.mkPen(colours.background, width=0.75) for one in picked]
        )
        self.set_legend(("●", "int8", colours.int8), ("■", self.tr("float"), colours.float))
        parts = [self.tr("{} layers").format(len(self._points))]
        if self._chosen:
            rows = [point for point in self._points if point.id in self._chosen]
            parts.append(
                self.tr("{} selected: {:.1f}% of the error, {:+.0f} µs").format(
                    len(rows), sum(r.error_share for r in rows) * 100, round(sum(r.won_us for r in rows))
                )
            )
        else:
            parts.append(self.tr("drag to select"))
        self.set_caption(" · ".join(parts))

    def _tip(self, x: float, y: float, data: str) -> str:
        return self.tr("{}\n{:.2g}% of the error, {:+.0f} µs").format(short_name(data, 48), 10**x, round(y))

    def point_of(self, layer_id: str) -> QPointF:
        """Where in the canvas a layer's dot is."""
        place = [point.id for point in self._points].index(layer_id)
        x, y = self._places()
        found: QPointF = self.plot.vb.mapViewToScene(QPointF(x[place], y[place]))
        return found

    def _brushed(self, area: QRectF, add: bool) -> None:
        if not self._points:
            return
        x, y = self._places()
        inside = (area.left() <= x) & (x <= area.right()) & (area.top() <= y) & (y <= area.bottom())
        found = {point.id for point, hit in zip(self._points, inside, strict=True) if hit}
        self.select(self._chosen | found if add else found)
        self.layers_selected.emit(self.chosen)

    def _clicked(self, event: object) -> None:
        if self._dots is None or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        hits = self._dots.pointsAt(self._dots.mapFromScene(event.scenePos()))  # type: ignore[attr-defined]
        found = {hits[0].data()} if len(hits) else set()
        add = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)  # type: ignore[attr-defined]
        if found or self._chosen:
            self.select(self._chosen ^ found if add else found)
            self.layers_selected.emit(self.chosen)

    def table(self) -> Table:
        return ("layer", "error_share", "won_us", "quantized"), [
            (p.id, p.error_share, p.won_us, p.quantized) for p in self._points
        ]
