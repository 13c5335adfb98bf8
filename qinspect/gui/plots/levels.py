"""The weights as the integers that they become: how often each level is used, per channel."""

from __future__ import annotations

import numpy as np
import pyqtgraph as pg
from numpy.typing import NDArray
from PySide6.QtWidgets import QWidget

from ..theme import sequential
from .base import Plot, Table, rgba


class WeightLevels(Plot):
    """A heat map, channels across and integer levels up; or the sum over the channels as bars."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: NDArray[np.int64] = np.zeros((0, 0), np.int64)
        self._first = 0
        self.channels = self.toggle(
            self.tr("per channel"), self.tr("Channels across; darker is more often, on a log scale"), on=True
        )
        self.channels.toggled.connect(lambda: self._measure())
        self.begin(
            self.tr("Weight levels"), self.tr("Select a layer with integer weights to see how its levels are used.")
        )

    def set_levels(self, counts: NDArray[np.int64] | None, first: int = 0) -> None:
        """Show how often each level is used.

        Parameters
        ----------
        counts : int64 array, shape (channels, levels) | None
            None shows the hint.
        first : int
            The level of the first column.
        """
        self._counts = np.zeros((0, 0), np.int64) if counts is None else counts
        self._first = first
        self._measure()

    def clear(self) -> None:
        """Show the hint."""
        self.set_levels(None)

    def _measure(self) -> None:
        self.redraw()
        self.plot.enableAutoRange()

    def redraw(self) -> None:
        self.plot.clear()
        self.show_data(self._counts.size > 0)
        if not self._counts.size:
            return
        channels, levels = self._counts.shape
        total = self._counts.sum(0)
        if self.channels.isChecked():
            self._axes(self.tr("channel"), self.tr("level"))
            image = pg.ImageItem(np.log1p(self._counts.astype(np.float64)), axisOrder="row-major")
            image.setImage(np.log1p(self._counts.T.astype(np.float64)), autoLevels=True)
            stops = np.linspace(0, 1, 8)
            colours = [sequential(float(stop), self.colours) for stop in stops]
            image.setColorMap(pg.ColorMap(stops, [c.getRgb()[:3] for c in colours]))
            image.setRect(-0.5, self._first - 0.5, channels, levels)
            self.plot.addItem(image)
        else:
            self._axes(self.tr("level"), self.tr("number of weights"))
            order = np.arange(levels) + self._first
            bars = pg.BarGraphItem(
                x=order, height=total, width=0.9, pen=pg.mkPen(None), brush=rgba(self.colours.accent, 190)
            )
            self.plot.addItem(bars)
        used = int((total > 0).sum())
        ends = int(total[0] + total[-1])
        per = (self._counts > 0).sum(1)
        self.set_caption(
            " · ".join(
                (
                    self.tr("{} of {} levels used, {} … {} in a channel").format(
                        used, levels, int(per.min()), int(per.max())
                    ),
                    self.tr("{:.2f}% at the ends").format(100 * ends / max(int(total.sum()), 1)),
                    self.tr("{:.1f}% at 0").format(self._zero_share(total)),
                )
            )
        )

    def _zero_share(self, total: NDArray[np.int64]) -> float:
        place = -self._first
        return 100 * float(total[place]) / max(int(total.sum()), 1) if 0 <= place < len(total) else 0.0

    def table(self) -> Table:
        rows = [
            (channel, level + self._first, int(count))
            for channel, line in enumerate(self._counts)
            for level, count in enumerate(line)
            if count
        ]
        return ("channel", "level", "weights"), rows
