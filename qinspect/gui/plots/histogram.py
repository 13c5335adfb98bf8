"""The distribution of an activation and the grid that is laid over it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from qinspect.engine.statistics import Histogram

from .base import Plot, Table, rgba

RARE = 1e-9
"""Stands for the share of values that are there but were not seen in the histogram."""


@dataclass(frozen=True)
class Grid:
    """The quantization grid as the plot shows it.

    Parameters
    ----------
    low, high : float
        Real numbers at its ends, in the tensor's unit.
    scale : float
    zero_point : int
    bits : int
    dtype : str
    """

    low: float
    high: float
    scale: float
    zero_point: int
    bits: int
    dtype: str = ""


def outside_share(histogram: Histogram, low: float, high: float) -> tuple[float, float]:
    """Shares of the values below `low` and above `high`.

    Inside the bin that a limit cuts, values are taken as evenly spread.
    """
    total = int(histogram.counts.sum())
    if not total:
        return 0.0, 0.0
    summed = np.concatenate([[0], np.cumsum(histogram.counts)])
    below, up_to = np.interp([low, high], histogram.edges, summed)
    return float(below / total), float(1 - up_to / total)


def clipped_shares(
    histogram: Histogram, low: float, high: float, scale: float, smallest: float, largest: float
) -> tuple[float, float]:
    """Shares of the values that a grid from `low` to `high` cuts off at either end.

    What rounds to its last number is not cut off: a ReLU6's sixes may lie an ulp beyond ``255 * scale``. The histogram
    is of a share of the values; the smallest and the largest of all are known.
    """
    low, high = low - scale / 2, high + scale / 2
    below, above = outside_share(histogram, low, high)
    return max(below, RARE) if smallest < low else 0.0, max(above, RARE) if largest > high else 0.0


class HistogramPlot(Plot):
    """Histogram of a tensor with the grid's range as two lines.

    Signals
    -------
    range_dragging(float, float)
        While a line is dragged: low, high.
    range_dragged(float, float)
        When it was let go.
    """

    range_dragging = Signal(float, float)
    range_dragged = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histogram: Histogram | None = None
        self._other: Histogram | None = None
        self._other_name = ""
        self._other_grid: Grid | None = None
        self._other_sqnr_db: float | None = None
        self._other_clipped: float | None = None
        self._grid: Grid | None = None
        self._limits: tuple[float | None, float | None] = (None, None)
        self._zero_share: float | None = None
        self._sqnr_db: float | None = None
        self._expected_sqnr_db: float | None = None
        self._of_candidate = False
        self._draggable = self._fixed = False
        self._dragging = False
        self._zoomed = False
        self._held = False
        self.logarithmic = self.toggle(self.tr("log"), self.tr("Logarithmic vertical axis"))
        self.logarithmic.toggled.connect(lambda: self.redraw())
        self._shades = [pg.LinearRegionItem(movable=False, pen=pg.mkPen(None)) for _ in range(2)]
        self.lines = pg.InfiniteLine(angle=90), pg.InfiniteLine(angle=90)
        for line in self.lines:
            line.sigDragged.connect(self._moved)
            line.sigPositionChangeFinished.connect(self._let_go)
        self.plot.vb.sigXRangeChanged.connect(self._place_shades)
        self.plot.vb.sigRangeChangedManually.connect(self._zoom)
        self.begin(
            self.tr("Activation histogram"),
            self.tr("Calibrate to see the distribution of the layer's activation."),
        )

    # -- content ------------------------------------------------------------------------------

    def set_histogram(
        self,
        histogram: Histogram | None,
        minimum: float | None = None,
        maximum: float | None = None,
        zero_share: float | None = None,
        other: Histogram | None = None,
        other_name: str = "",
        other_grid: Grid | None = None,
        other_sqnr_db: float | None = None,
        other_clipped: float | None = None,
    ) -> None:
        """Show a distribution.

        Parameters
        ----------
        histogram : Histogram | None
            None shows the hint.
        minimum, maximum : float | None
            Exact smallest and largest value, marked below the axis.
        zero_share : float | None
            Share of the values that are exactly 0.
        other : Histogram | None
            Outlined over the first, such as the quantized values.
        other_name : str
            What the other one is.
        other_grid : Grid | None
            Its grid, where that is another one than the first's, drawn as two thin lines.
        other_sqnr_db : float | None
            Of the values rounded to that grid, expected from the histogram.
        other_clipped : float | None
            Share of the values outside that grid.
        """
        self._histogram = histogram if histogram is not None and len(histogram.counts) else None
        self._limits, self._zero_share = (minimum, maximum), zero_share
        self._other, self._other_name = other, other_name
        self._other_grid, self._other_sqnr_db, self._other_clipped = other_grid, other_sqnr_db, other_clipped
        if not self._held:
            self.redraw()
            self.fit()

    def set_grid(
        self,
        grid: Grid | None,
        sqnr_db: float | None = None,
        expected_sqnr_db: float | None = None,
        candidate: bool = False,
    ) -> None:
        """Show a grid's range; lines that are being dragged stay under the pointer.

        Parameters
        ----------
        grid : Grid | None
        sqnr_db : float | None
            Of the layer, measured on samples that calibration did not see.
        expected_sqnr_db : float | None
            Of the values of the histogram, rounded to the grid.
        candidate : bool
            Whether it was measured of a candidate, which is on fewer samples and another split.
        """
        far = self._grid is None or grid is None or not self._in_sight(grid)
        self._grid, self._sqnr_db, self._expected_sqnr_db = grid, sqnr_db, expected_sqnr_db
        self._of_candidate = candidate
        if self._dragging and grid is not None:
            self._describe(*self.range())
            return
        if self._held:
            return
        self.redraw()
        if far:
            self.fit()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Values and grid that are set inside are drawn once, at the end."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
            self.redraw()
            self.fit()

    def set_draggable(self, on: bool, fixed: bool = True) -> None:
        """Whether the lines can be dragged, and whether the range is fixed by hand (drawn without gaps)."""
        self._draggable, self._fixed = on, fixed
        self._style_lines()

    def forget(self) -> None:
        """Another tensor comes: neither the last one's grid nor what was zoomed in it is kept."""
        self._grid, self._sqnr_db, self._expected_sqnr_db = None, None, None
        self._zoomed = self._dragging = False

    def clear(self) -> None:
        """Show the hint."""
        self.forget()
        self.set_histogram(None)

    def range(self) -> tuple[float, float]:
        """Low and high as the lines stand."""
        one, two = self.lines[0].value(), self.lines[1].value()
        return (one, two) if one <= two else (two, one)

    def fit(self) -> None:
        """Show all of the distribution and of the range, unless a part was zoomed or a line is being dragged."""
        if self._histogram is None or self._zoomed or self._dragging:
            return
        held = np.flatnonzero(self._histogram.counts)
        edges = self._histogram.edges
        low, high = (float(edges[held[0]]), float(edges[held[-1] + 1])) if len(held) else (edges[0], edges[-1])
        for grid in (self._grid, self._other_grid):
            if grid is not None and math.isfinite(grid.low + grid.high):
                low, high = min(low, grid.low), max(high, grid.high)
        self.plot.setXRange(low, high, padding=0.04)
        self.plot.enableAutoRange(y=True)

    def show_all(self) -> None:
        self._zoomed = False
        self.fit()

    def _zoom(self) -> None:
        self._zoomed = True

    def _in_sight(self, grid: Grid) -> bool:
        left, right = self.plot.vb.viewRange()[0]
        return bool(left <= grid.low and grid.high <= right)

    # -- drawing ------------------------------------------------------------------------------

    def redraw(self) -> None:
        self.plot.clear()
        self.show_data(self._histogram is not None)
        if self._histogram is None:
            return
        colours, log = self.colours, self.logarithmic.isChecked()
        self.plot.getAxis("left").setLogMode(False, log)
        self._axes(self.tr("value"), self.tr("share (%)"))
        width = self._histogram.width
        self._steps(self._histogram, width, pg.mkPen(colours.accent, width=1), rgba(colours.accent, 90))
        if self._other is not None and len(self._other.counts):
            self._steps(self._other, width, pg.mkPen(colours.warn, width=1.25), None)
        for value in self._limits:
            if value is not None and math.isfinite(value):
                mark = pg.InfiniteLine(value, 90, pen=pg.mkPen(colours.muted, style=Qt.PenStyle.DotLine))
                self.plot.addItem(mark, ignoreBounds=True)
        for value in () if self._other_grid is None else (self._other_grid.low, self._other_grid.high):
            pen = pg.mkPen(colours.warn, width=1.5, style=Qt.PenStyle.DashDotLine)
            self.plot.addItem(pg.InfiniteLine(value, 90, pen=pen), ignoreBounds=True)
        if self._grid is not None:
            for shade, line, value in zip(self._shades, self.lines, (self._grid.low, self._grid.high), strict=True):
                shade.setBrush(rgba(colours.bad, 26))
                self.plot.addItem(shade, ignoreBounds=True)
                line.blockSignals(True)
                line.setValue(value)
                line.blockSignals(False)
                self.plot.addItem(line, ignoreBounds=True)
            self._style_lines()
            self._place_shades()
            self._describe(self._grid.low, self._grid.high)
        else:
            self._describe(None, None)

    def _steps(self, histogram: Histogram, width: float, pen: object, brush: object) -> None:
        # Shares of bins as wide as the first histogram's, so that two can be compared.
        total = max(int(histogram.counts.sum()), 1)
        share = histogram.counts / total * 100 * (width / histogram.width)
        edges = histogram.edges
        if brush is None:
            edges, share = _cells(edges, share)
        floor = 0.0
        if self.logarithmic.isChecked():
            smallest = 100 / total * (width / histogram.width)
            floor = math.log10(smallest / 2)
            share = np.log10(np.maximum(share, smallest / 2))
        edges, share = _without_flat(edges, share)
        self.plot.addItem(
            pg.PlotCurveItem(edges, share, stepMode="center", fillLevel=floor if brush else None, brush=brush, pen=pen)
        )

    def _style_lines(self) -> None:
        colours = self.colours
        for line in self.lines:
            line.setMovable(self._draggable)
            if not self._draggable:
                line.setMouseHover(False)  # a mouse that rests on it marks it no more
            style = Qt.PenStyle.SolidLine if self._draggable and self._fixed else Qt.PenStyle.DashLine
            line.setPen(pg.mkPen(colours.bad, width=2, style=style))
            line.setHoverPen(pg.mkPen(colours.bad, width=4))
            line.setCursor(Qt.CursorShape.SizeHorCursor if self._draggable else Qt.CursorShape.ArrowCursor)

    def _place_shades(self) -> None:
        if self._grid is None:
            return
        (left, right), (low, high) = self.plot.vb.viewRange()[0], self.range()
        for shade, start, end in ((self._shades[0], left, low), (self._shades[1], high, right)):
            shade.setVisible(start < end)
            if start < end:
                shade.setRegion((start, end))

    def _describe(self, low: float | None, high: float | None) -> None:
        if self._histogram is None:
            return
        figures = self._sqnr()
        parts, tips = [figures] if figures else [], []
        if self._zero_share is not None and math.isfinite(self._zero_share):
            parts.append(self.tr("zeros {}").format(_percent(self._zero_share)))
        if low is not None and high is not None:
            parts.append(self._clipped(low, high))
        grid = self._grid
        if grid is not None and low is not None and high is not None:
            covered = self.tr("range {:.4g} … {:.4g}").format(low, high)
            # It is in the fields below, too; beside another one it has to be read here.
            (tips if self._other_grid is None else parts).append(covered)
            parts.append(self.tr("scale {:.4g}, zero point {}").format(grid.scale, grid.zero_point))
            tips.append(self.tr("{} bit").format(grid.bits) + (f" {grid.dtype}" if grid.dtype else ""))
        if self._limits[0] is not None and self._limits[1] is not None:
            ends = self.tr("min {:.4g}, max {:.4g} (dotted)").format(*self._limits)
            (parts if grid is None else tips).append(ends)
        if self._other_grid is not None:
            parts.append(self._describe_other(self._other_grid))
        elif self._other is not None and self._other_name:
            parts.append(self.tr("outlined: {}").format(self._other_name))
        if figures:
            tips.append(
                self.tr(
                    "SQNR is 10 log10(Σ y² / Σ (y − ŷ)²). With ≈ it is that of this histogram on this grid: the "
                    "activation alone, on the calibration samples. That of the layer was measured, weights included, "
                    "on the final split: “Local” in the table of layers; that of a candidate on a few samples of the "
                    "select split, as in the list below (F1 here: Terms, SQNR)"
                )
            )
        self._caption.setToolTip("\n".join(tips))
        self.set_caption(" · ".join(parts))

    def _sqnr(self) -> str:
        """What is expected of the histogram, and what was measured of the layer."""
        expected, found = self._expected_sqnr_db, self._sqnr_db
        if found is None:
            return "" if expected is None else self.tr("SQNR ≈ {:.1f} dB").format(expected)
        if expected is None:
            alone = self.tr("candidate's SQNR {:.1f} dB") if self._of_candidate else self.tr("SQNR measured {:.1f} dB")
            return alone.format(found)
        both = self.tr("SQNR ≈ {:.1f} dB, layer {:.1f} dB")
        if self._of_candidate:
            both = self.tr("SQNR ≈ {:.1f} dB, candidate {:.1f} dB")
        return both.format(expected, found)

    def _clipped(self, low: float, high: float) -> str:
        """How much is outside the range, and at which end."""
        assert self._histogram is not None
        edges = self._histogram.edges
        smallest, largest = (
            end if end is not None else float(edges[place]) for place, end in zip((0, -1), self._limits, strict=True)
        )
        scale = 0.0 if self._grid is None else self._grid.scale
        below, above = clipped_shares(self._histogram, low, high, scale, smallest, largest)
        if below > 0 and above > 0:
            text = self.tr("clipped {} (below {}, above {})")
            return text.format(_percent(below + above), _percent(below), _percent(above))
        if below > 0:
            return self.tr("clipped {} below").format(_percent(below))
        return self.tr("clipped {} above").format(_percent(above)) if above > 0 else self.tr("nothing clipped")

    def _describe_other(self, grid: Grid) -> str:
        parts = [self.tr("range {:.4g} … {:.4g}").format(grid.low, grid.high)]
        if self._other_clipped is not None:
            parts.append(self.tr("clipped {0}").format(_percent(self._other_clipped)))
        if self._other_sqnr_db is not None:
            parts.append(self.tr("SQNR ≈ {:.1f} dB").format(self._other_sqnr_db))
        return f"{self._other_name}: {', '.join(parts)}"

    # -- dragging -----------------------------------------------------------------------------

    def _moved(self) -> None:
        self._dragging = True
        low, high = self.range()
        self._place_shades()
        self._describe(low, high)
        self.range_dragging.emit(low, high)

    def _let_go(self) -> None:
        if not self._dragging:
            return
        self._dragging = False
        self.range_dragged.emit(*self.range())

    def table(self) -> Table:
        assert self._histogram is not None
        edges = self._histogram.edges
        return ("bin_low", "bin_high", "count"), [
            (float(low), float(high), int(count))
            for low, high, count in zip(edges[:-1], edges[1:], self._histogram.counts, strict=True)
        ]


def _cells(edges: NDArray[np.float64], share: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Spread each value of a sparse histogram over its cell, half-way to its neighbours.

    Quantized values fill one bin in many: drawn as they are, they would be a comb that hides
    all behind it and stands far above the distribution that it came from.
    """
    held = np.flatnonzero(share)
    if len(held) < 2 or len(held) * 2 > held[-1] - held[0] + 1:
        return edges, share
    centers = (edges[held] + edges[held + 1]) / 2
    middle = (centers[1:] + centers[:-1]) / 2
    cells = np.concatenate([[2 * centers[0] - middle[0]], middle, [2 * centers[-1] - middle[-1]]])
    return cells, share[held] * (edges[1] - edges[0]) / np.diff(cells)


def _without_flat(
    edges: NDArray[np.float64], heights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Join neighbouring bins of one height: the same picture from fewer points."""
    keep = np.concatenate([[True], np.diff(heights) != 0])
    return np.concatenate([edges[:-1][keep], edges[-1:]]), heights[keep]


def _percent(share: float) -> str:
    if 0 < share < 0.00005:
        return "< 0.01%"
    return f"{share * 100:.2f}%" if share < 0.1 else f"{share * 100:.1f}%"
