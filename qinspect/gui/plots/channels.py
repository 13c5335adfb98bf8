"""Ranges per channel, of weights or of an activation; or how the values lie in each channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from numpy.typing import ArrayLike, NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QWidget

from ..theme import sequential
from .base import Plot, Table, rgba

if TYPE_CHECKING:
    from ...engine.calibrate.channels import ChannelValues


class ChannelRanges(Plot):
    """Smallest and largest value of every channel as a band of bars, or all its values as a column of a heat map.

    The grid of one range for all, or of one per channel, is drawn over it.

    Parameters
    ----------
    values : bool
        Whether the values themselves can be had.
    """

    def __init__(self, parent: QWidget | None = None, values: bool = False) -> None:
        super().__init__(parent)
        self._values: ChannelValues | None = None
        self._low: NDArray[np.float64] | None = None
        self._high: NDArray[np.float64] = np.zeros(0)
        self._grid: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
        self._order: NDArray[np.intp] = np.zeros(0, np.intp)
        self._what = ""
        self.by_value = self.toggle(
            self.tr("values"),
            self.tr("All values of each channel, on 16 calibration samples; colour: how many, on a log scale"),
        )
        self.by_value.setVisible(values)
        self.sorted = self.toggle(self.tr("sort"), self.tr("Order the channels by the width of their range"))
        self.sorted.toggled.connect(lambda: self.redraw())
        self._cursor = pg.InfiniteLine(angle=90, movable=False)
        self.canvas.scene().sigMouseMoved.connect(self._hover)
        self.begin(
            self.tr("Ranges per channel"),
            self.tr("Select a layer with weights, or calibrate, to see the range of each channel."),
        )

    def set_ranges(
        self,
        low: ArrayLike | None,
        high: ArrayLike | None,
        grid_low: ArrayLike | None = None,
        grid_high: ArrayLike | None = None,
        what: str = "",
    ) -> None:
        """Show the ranges.

        Parameters
        ----------
        low, high : array, shape (channels,) | None
            Smallest and largest value; None shows the hint.
        grid_low, grid_high : float or array, shape (channels,)
            Ends of the grid: one for the tensor, or one per channel.
        what : str
            What is shown, such as ``weight`` or ``activation``.
        """
        self._low = None if low is None else np.asarray(low, np.float64).ravel()
        if self._low is None or high is None or not len(self._low):
            self._low = None
        else:
            self._high = np.asarray(high, np.float64).ravel()
        self._grid = None
        if self._low is not None and grid_low is not None and grid_high is not None:
            size = len(self._low)
            self._grid = (
                np.broadcast_to(np.asarray(grid_low, np.float64).ravel(), (size,)),
                np.broadcast_to(np.asarray(grid_high, np.float64).ravel(), (size,)),
            )
        self._what = what or self.tr("value")
        self._values = None
        self.redraw()
        self.plot.enableAutoRange()

    def set_values(self, values: ChannelValues | None) -> None:
        """Show the values of every channel, as soon as there are any, in place of the ranges alone."""
        self._values = values
        self.redraw()

    def clear(self) -> None:
        """Show the hint."""
        self.set_ranges(None, None)

    @property
    def _shown(self) -> ChannelValues | None:
        """The values that are drawn."""
        values = self._values
        there = values is not None and self._low is not None and len(values.counts) == len(self._low)
        return values if there and self.by_value.isChecked() else None

    def redraw(self) -> None:
        self.plot.clear()
        self.show_data(self._low is not None)
        if self._low is None:
            return
        colours = self.colours
        low, high, size = self._low, self._high, len(self._low)
        width = high - low
        ordered = self.sorted.isChecked()
        self._order = np.argsort(-width, kind="stable") if ordered else np.arange(size)
        low, high = low[self._order], high[self._order]
        self._axes(self.tr("channel (widest first)") if ordered else self.tr("channel"), self._what)
        if self._shown is not None:
            self.plot.addItem(self._picture(self._shown))
        else:
            self.plot.addItem(
                pg.BarGraphItem(
                    x=np.arange(size), y0=low, y1=high, width=0.8 if size < 200 else 1.0,
                    pen=pg.mkPen(None), brush=rgba(colours.accent, 150),
                )
            )  # fmt: skip
        self.plot.addItem(pg.InfiniteLine(0, 0, pen=pg.mkPen(colours.line)), ignoreBounds=True)
        if self._grid is not None:
            edges = np.arange(size + 1) - 0.5
            for ends in self._grid:
                pen = pg.mkPen(colours.bad, width=1.5, style=Qt.PenStyle.DashLine)
                # Of one range for all, the line is straight; of one each, it follows the channels.
                self.plot.addItem(pg.PlotCurveItem(edges, ends[self._order], stepMode="center", pen=pen))
        self._cursor.setPen(pg.mkPen(colours.muted, style=Qt.PenStyle.DotLine))
        self._cursor.hide()
        self.plot.addItem(self._cursor, ignoreBounds=True)
        self._describe()

    def _picture(self, values: ChannelValues) -> pg.ImageItem:
        """Channels across, values up; what a channel never has stays background."""
        shares = np.log1p(values.counts[self._order].T.astype(np.float64))
        image = pg.ImageItem(shares, axisOrder="row-major", autoLevels=True)
        stops = np.linspace(0, 1, 8)
        colours = [sequential(float(stop), self.colours).getRgb()[:3] for stop in stops]
        image.setColorMap(
            pg.ColorMap(np.r_[0, 1e-6, stops[1:]], [self.colours.color("background").getRgb()[:3], *colours])
        )
        image.setRect(-0.5, values.low, len(self._order), values.high - values.low)
        return image

    def _describe(self) -> None:
        assert self._low is not None
        width = self._high - self._low
        middle = float(np.median(width))
        ratio = f"{float(width.max()) / middle:.1f}" if middle > 0 else "∞"
        parts = [
            self.tr("{} channels").format(len(width)),
            self.tr("{:.4g} … {:.4g}").format(float(self._low.min()), float(self._high.max())),
            self.tr("widest {} × the median").format(ratio),
        ]
        if self._grid is not None:
            same = np.ptp(self._grid[0]) == 0 and np.ptp(self._grid[1]) == 0
            parts.append(self.tr("dashed: grid of the tensor") if same else self.tr("dashed: grid of each channel"))
        if self._shown is not None:
            parts.append(self.tr("values of {} samples").format(self._shown.samples))
        self.set_caption(" · ".join(parts))

    def _hover(self, place: QPointF) -> None:
        if self._low is None:
            return
        if not self.plot.vb.sceneBoundingRect().contains(place):
            if self._cursor.isVisible():
                self._cursor.hide()
                self._describe()
            return
        x = round(self.plot.vb.mapSceneToView(place).x())
        if not 0 <= x < len(self._order):
            return
        channel = int(self._order[x])
        self._cursor.setValue(x)
        self._cursor.show()
        text = self.tr("channel {}: {:.4g} … {:.4g}").format(channel, self._low[channel], self._high[channel])
        if self._grid is not None:
            text += self.tr(" · grid {:.4g} … {:.4g}").format(self._grid[0][channel], self._grid[1][channel])
        self.set_caption(text)

    def table(self) -> Table:
        assert self._low is not None
        values, grid = self._shown, self._grid
        if values is not None:
            edges = np.linspace(values.low, values.high, values.counts.shape[1] + 1)
            counted = [
                (int(channel), float(edges[place]), float(edges[place + 1]), int(values.counts[channel, place]))
                for channel in self._order
                for place in np.flatnonzero(values.counts[channel])
            ]
            return ("channel", "from", "to", "values"), counted
        rows = []
        for place in self._order:
            ends = (float(grid[0][place]), float(grid[1][place])) if grid is not None else (None, None)
            rows.append((int(place), float(self._low[place]), float(self._high[place]), *ends))
        return ("channel", "min", "max", "grid_low", "grid_high"), rows
