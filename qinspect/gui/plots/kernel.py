"""The integer kernel against the simulation: value against value, and how far they are apart."""

from __future__ import annotations

import math

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from qinspect.engine.results.kernels import KernelCheck

from .base import Plot, Table, rgba

MOST_WRITTEN = 15
"""Over more bars than these nothing is written."""


class KernelPlot(Plot):
    """Number of values by their difference in steps of the output's grid."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._check: KernelCheck | None = None
        self.begin(
            self.tr("Kernel against simulation"),
            self.tr("Run the analysis with kernel checks to compare what the integer kernel computes."),
        )

    def set_check(self, check: KernelCheck | None) -> None:
        """Show the check of one layer; None shows the hint."""
        self._check = check
        self.redraw()

    def clear(self) -> None:
        """Show the hint."""
        self.set_check(None)

    def redraw(self) -> None:
        self.plot.clear()
        check = self._check
        self.show_data(check is not None)
        if check is None:
            return
        colours = self.colours
        self.set_legend(("■", self.tr("at most one step"), colours.good), ("■", self.tr("more"), colours.bad))
        self._axes(self.tr("kernel − simulation (steps)"), self.tr("number of values"))
        axis = self.plot.getAxis("left")
        axis.setLogMode(False, True)
        # Below one value there is nothing.
        floor = math.log10(0.5)
        for near, color in ((True, colours.good), (False, colours.bad)):
            steps = sorted(k for k, n in check.histogram.items() if n > 0 and (abs(k) <= 1) == near)
            if steps:
                top = np.log10([check.histogram[k] for k in steps])
                bars = pg.BarGraphItem(x=steps, y0=floor, y1=top, width=0.8, pen=pg.mkPen(None), brush=rgba(color, 215))
                self.plot.addItem(bars)
        total = max(sum(check.histogram.values()), 1)
        if len(check.histogram) <= MOST_WRITTEN:
            for steps, count in check.histogram.items():
                if count > 0:
                    share = count / total
                    text = pg.TextItem(f"{share:.1%}" if share >= 0.001 else str(count), colours.text, anchor=(0.5, 1))
                    text.setPos(steps, math.log10(count))
                    self.plot.addItem(text, ignoreBounds=True)
        reach = max([3, *(abs(k) for k in check.histogram)]) + 0.6
        self.plot.setXRange(-reach, reach, padding=0)
        # Room for what is written on the highest bar.
        highest = math.log10(max([*check.histogram.values(), 1]))
        self.plot.setYRange(floor, highest + max(0.6, 0.18 * (highest - floor)), padding=0)
        # Steps are integers.
        whole = range(-int(reach), int(reach) + 1)
        self.plot.getAxis("bottom").setTicks([[(k, f"{k:+d}" if k else "0") for k in whole]] if reach < 9 else None)
        parts = [
            self.tr("largest difference {} steps").format(check.max_steps),
            self.tr("{:.2f}% equal").format(check.equal_share * 100),
            self.tr("{:.2f}% within one step").format(check.within_one * 100),
        ]
        if check.saturated:
            parts.append(self.tr("the kernel saturates"))
        if any(abs(k) >= 128 for k in check.histogram):
            parts.append(self.tr("±128 stands for more, too"))
        self.set_caption(" · ".join(parts))

    def table(self) -> Table:
        assert self._check is not None
        return ("steps", "values"), sorted(self._check.histogram.items())


class KernelScatter(Plot):
    """The kernel's values against those of the simulation, some of one layer's."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._check: KernelCheck | None = None
        self.begin(
            self.tr("Kernel and simulation, value by value"),
            self.tr("Run the analysis with kernel checks to compare what the integer kernel computes."),
        )

    def set_check(self, check: KernelCheck | None) -> None:
        """Show the check of one layer; None, and one of an older file without values, show the hint."""
        self._check = check if check is not None and check.pairs else None
        self.redraw()

    def clear(self) -> None:
        """Show the hint."""
        self.set_check(None)

    def redraw(self) -> None:
        self.plot.clear()
        check = self._check
        self.show_data(check is not None)
        if check is None:
            return
        colours = self.colours
        self._axes(self.tr("simulation (steps)"), self.tr("kernel (steps)"))
        self.plot.addItem(pg.InfiniteLine((0, 0), 45, pen=pg.mkPen(colours.muted, style=Qt.PenStyle.DotLine)))
        pairs = np.array(check.pairs)
        near = np.abs(pairs[:, 1] - pairs[:, 0]) <= 1
        for some, color, symbol in ((near, colours.good, "o"), (~near, colours.bad, "d")):
            dots = pg.ScatterPlotItem(*pairs[some].T, symbol=symbol, size=6, pen=None, brush=rgba(color, 190))
            self.plot.addItem(dots)
        self.set_legend(("●", self.tr("at most one step"), colours.good), ("◆", self.tr("more"), colours.bad))
        low, high = int(pairs.min()), int(pairs.max())
        for axis in (self.plot.setXRange, self.plot.setYRange):
            axis(low, max(high, low + 1), padding=0.04)
        total = sum(check.histogram.values())
        self.set_caption(
            self.tr("{0} of {1} values: drawn evenly, and the farthest apart; on the line both are equal").format(
                len(pairs), f"{total:,}".replace(",", "\u202f")
            )
        )

    def table(self) -> Table:
        assert self._check is not None
        return ("simulation", "kernel"), self._check.pairs
