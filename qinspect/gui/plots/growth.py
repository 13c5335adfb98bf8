"""Ranges against the number of calibration samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from .base import Plot, Table, rgba

if TYPE_CHECKING:
    from ...engine.calibrate.quality import RangeGrowth


class GrowthPlot(Plot):
    """Part of its whole range that a tensor has with fewer samples: the median tensor, and the tenth percentile."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._growth: RangeGrowth | None = None
        self.plot.vb.setMouseEnabled(x=False, y=False)
        self.begin(
            self.tr("Range against samples"), self.tr("Calibrate on eight samples or more to see how the ranges grow.")
        )

    def set_growth(self, growth: RangeGrowth | None) -> None:
        """Show it; None shows the hint."""
        self._growth = growth
        self.redraw()

    def clear(self) -> None:
        """Show the hint."""
        self.set_growth(None)

    def redraw(self) -> None:
        self.plot.clear()
        growth = self._growth
        self.show_data(growth is not None)
        if growth is None:
            return
        colours = self.colours
        self.set_caption("")
        self._axes(self.tr("samples"), self.tr("range (% of all)"))
        bottom = self.plot.getAxis("bottom")
        x = np.log2(growth.counts)
        shown = [(place, str(count)) for place, count in zip(x, growth.counts, strict=True)]
        # All and half of all may stand close to a power of two.
        kept = [item for item in shown[:-1] if x[-1] - item[0] > 0.6] + shown[-1:]
        bottom.setTicks([kept])
        for values, color, style in (
            (growth.low, colours.muted, Qt.PenStyle.DashLine),
            (growth.typical, colours.accent, Qt.PenStyle.SolidLine),
        ):
            pen = pg.mkPen(color, width=2, style=style)
            self.plot.plot(x, 100 * values, pen=pen, symbol="o", symbolSize=5, symbolBrush=color, symbolPen=None)
        self.plot.addItem(pg.InfiniteLine(100, 0, pen=pg.mkPen(rgba(colours.muted, 120), style=Qt.PenStyle.DotLine)))
        self.plot.setYRange(min(float(growth.low.min()) * 100, 90), 101, padding=0.02)
        self.set_legend(
            ("●", self.tr("median tensor"), colours.accent), ("●", self.tr("tenth percentile"), colours.muted)
        )

    def table(self) -> Table:
        assert self._growth is not None
        rows = zip(self._growth.counts, self._growth.typical, self._growth.low, strict=True)
        return ("samples", "median_share", "tenth_percentile_share"), [(int(n), float(a), float(b)) for n, a, b in rows]
