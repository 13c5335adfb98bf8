"""Time of the slowest layers, float against int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QPointF, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QComboBox, QWidget

from .base import Plot, Table, rgba, told_apart


@dataclass(frozen=True)
class LatencyBar:
    """One layer; median µs with lower and upper quartile, None where not measured.

    `spread_us` is the int8 interquartile range, `border_us` the part of the int8 time that quantizers
    and dequantizers at its borders take.
    """

    id: str
    label: str
    fp32_us: float | None = None
    int8_us: float | None = None
    spread_us: float | None = None
    border_us: float | None = None
    fp32_quartiles: tuple[float, float] | None = None
    int8_quartiles: tuple[float, float] | None = None
    slower: bool = False


MOST_WHISKER = 1.6
"""The axis ends at so many times the longest bar; where a whisker is longer, an arrow stands at its end."""

NAMES, FEWEST, MOST = 0.28, 22, 60
"""Share of the width that names may take, and the letters that they have at least and at most."""


class LatencyPlot(Plot):
    """Paired bars per layer, slowest on top.

    Signals
    -------
    layer_selected(str)
        The user clicked a layer.
    """

    layer_selected = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._all: tuple[LatencyBar, ...] = ()
        self._bars: tuple[LatencyBar, ...] = ()
        self._selected: str | None = None
        self.number = QComboBox()
        self.number.setAccessibleName(self.tr("How many layers"))
        for count in (12, 25, 50):
            self.number.addItem(self.tr("slowest {}").format(count), count)
        self.number.currentIndexChanged.connect(self._number_chosen)
        self.add_control(self.number)
        self.plot.invertY(True)
        self.plot.vb.setMouseEnabled(x=False, y=True)
        self._band = pg.LinearRegionItem(orientation="horizontal", movable=False, pen=pg.mkPen(None))
        self.canvas.scene().sigMouseClicked.connect(self._clicked)
        self.begin(self.tr("Latency of the layers"), self.tr("Measure latency to see what each layer costs."))

    def set_bars(self, bars: Sequence[LatencyBar]) -> None:
        """Show layers in any order; none that was measured shows the hint."""
        known = [bar for bar in bars if bar.fp32_us is not None or bar.int8_us is not None]
        self._all = tuple(sorted(known, key=lambda bar: -max(bar.fp32_us or 0.0, bar.int8_us or 0.0)))
        self._number_chosen()

    def clear(self) -> None:
        """Show the hint."""
        self.set_bars(())

    def select(self, layer_id: str | None) -> None:
        """Mark a layer without a signal."""
        self._selected = layer_id
        self._place_band()

    def _number_chosen(self) -> None:
        self._bars = self._all[: self.number.currentData()]
        self.redraw()
        self.plot.setYRange(-0.5, len(self._bars) - 0.5, padding=0.01)
        self.plot.setXRange(0.0, self._reach(), padding=0.02)

    def _reach(self) -> float:
        """How far the axis goes: over all bars, and over whiskers unless one would leave no room to the bars."""
        medians = [us for bar in self._bars for us in (bar.fp32_us, bar.int8_us) if us is not None]
        ends = [ends[1] for bar in self._bars for ends in (bar.fp32_quartiles, bar.int8_quartiles) if ends is not None]
        longest = max(medians, default=0.0) or 1.0
        return max(longest, min(max(ends, default=0.0), MOST_WHISKER * longest))

    def redraw(self) -> None:
        self.plot.clear()
        self.show_data(bool(self._bars))
        if not self._bars:
            return
        colours = self.colours
        self._axes(self.tr("median time (µs)"), self.tr("layer"))
        self.plot.showGrid(x=True, y=False, alpha=0.14 if colours.dark else 0.1)
        self._name_rows()
        self._band.setBrush(rgba(colours.accent, 40))
        self.plot.addItem(self._band, ignoreBounds=True)
        rows = np.arange(len(self._bars))
        legend = [("■", "fp32", colours.float), ("■", "int8", colours.int8)]
        for key, color, shift in (("fp32_us", colours.float, -0.2), ("int8_us", colours.int8, 0.2)):
            width = np.array([getattr(bar, key) or 0.0 for bar in self._bars])
            bars = pg.BarGraphItem(
                x0=np.zeros(len(rows)),
                y=rows + shift,
                width=width,
                height=0.36,
                pen=pg.mkPen(None),
                brush=rgba(color, 220),
            )
            self.plot.addItem(bars)
        borders = [
            (p, bar.int8_us, min(bar.border_us, bar.int8_us))
            for p, bar in enumerate(self._bars)
            if bar.border_us and bar.int8_us
        ]
        if borders:
            place, end, wide = np.array(borders, np.float64).T
            part = pg.BarGraphItem(
                x0=end - wide,
                y=place + 0.2,
                width=wide,
                height=0.36,
                pen=pg.mkPen(None),
                brush=rgba(colours.mixed, 235),
            )
            self.plot.addItem(part)
            legend.append(("■", self.tr("borders"), colours.mixed))
        self.set_legend(*legend)
        measured = [
            (place + shift, median, *quartiles)
            for place, bar in enumerate(self._bars)
            for shift, median, quartiles in (
                (-0.2, bar.fp32_us, bar.fp32_quartiles),
                (0.2, bar.int8_us, bar.int8_quartiles),
            )
            if median is not None and quartiles is not None
        ]
        if measured:
            place, middle, low, high = np.array(measured, np.float64).T
            whiskers = pg.ErrorBarItem(
                x=middle,
                y=place,
                left=np.maximum(middle - low, 0.0),
                right=np.maximum(high - middle, 0.0),
                beam=0.2,
                pen=pg.mkPen(colours.text, width=1),
            )
            self.plot.addItem(whiskers)
            beyond = place[high > self._reach()]
            marks = pg.ScatterPlotItem(
                x=np.full(len(beyond), self._reach()), y=beyond, symbol="t2", size=9, pen=None, brush=colours.text
            )
            self.plot.addItem(marks)
        self._place_band()
        slower = sum(bar.slower for bar in self._all)
        total = [sum(getattr(bar, key) or 0.0 for bar in self._all) for key in ("fp32_us", "int8_us")]
        text = self.tr("{} of {} layers · sum {:.2f} ms fp32, {:.2f} ms int8").format(
            len(self._bars), len(self._all), total[0] / 1000, total[1] / 1000
        )
        border = sum(bar.border_us or 0.0 for bar in self._all)
        if border:
            text += self.tr(" · {:.2f} ms of it at borders between float and int8").format(border / 1000)
        if slower:
            text += self.tr(" · {} slower in int8").format(slower)
        if measured:
            text += self.tr(" · whiskers: from the lower to the upper quartile")
        self.set_caption(text)

    def _name_rows(self) -> None:
        """Names have a share of the width, so that in a wide plot they are seen whole."""
        letters = int(NAMES * self.width() / max(self.fontMetrics().averageCharWidth(), 1))
        names = told_apart([bar.label for bar in self._bars], min(max(letters, FEWEST), MOST))
        self.plot.getAxis("left").setTicks([list(enumerate(names))])

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width() and self._bars:
            self._name_rows()

    def _place_band(self) -> None:
        place = next((p for p, bar in enumerate(self._bars) if bar.id == self._selected), None)
        self._band.setVisible(place is not None)
        if place is not None:
            self._band.setRegion((place - 0.5, place + 0.5))

    def point_of(self, layer_id: str) -> QPointF:
        """Where in the canvas a layer's row is."""
        place = next(p for p, bar in enumerate(self._bars) if bar.id == layer_id)
        (left, right), _ = self.plot.vb.viewRange()
        found: QPointF = self.plot.vb.mapViewToScene(QPointF((left + right) / 2, place))
        return found

    def _clicked(self, event: object) -> None:
        if not self._bars or event.button() != Qt.MouseButton.LeftButton:  # type: ignore[attr-defined]
            return
        # A click on the name counts, too.
        row = round(self.plot.vb.mapSceneToView(event.scenePos()).y())  # type: ignore[attr-defined]
        if 0 <= row < len(self._bars):
            self.select(self._bars[row].id)
            self.layer_selected.emit(self._bars[row].id)

    def table(self) -> Table:
        names = ("fp32_low_us", "fp32_high_us", "int8_low_us", "int8_high_us")
        return ("layer", "fp32_us", "int8_us", "spread_us", "border_us", *names), [
            (
                bar.id,
                bar.fp32_us,
                bar.int8_us,
                bar.spread_us,
                bar.border_us,
                *(bar.fp32_quartiles or (None, None)),
                *(bar.int8_quartiles or (None, None)),
            )
            for bar in self._all
        ]
