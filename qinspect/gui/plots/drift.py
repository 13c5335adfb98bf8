"""A state that is fed back: the error step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from .base import Plot, Table

if TYPE_CHECKING:
    from ...engine.results.samples import Drift


class DriftPlot(Plot):
    """SQNR of the outputs and of the state, each model on its own last state, and of the outputs on float's."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._drift: Drift | None = None
        self.begin(self.tr("Error of the state, step by step"), self.tr("Analyze a model whose state goes in and out."))

    def set_drift(self, drift: Drift | None) -> None:
        """Show it; None shows the hint."""
        self._drift = drift
        self.redraw()

    def clear(self) -> None:
        """Show the hint."""
        self.set_drift(None)

    def redraw(self) -> None:
        self.plot.clear()
        drift = self._drift
        self.show_data(drift is not None)
        if drift is None:
            return
        colours = self.colours
        self._axes(self.tr("step"), self.tr("SQNR (dB)"))
        series = (
            (drift.output_sqnr_db, self.tr("output"), colours.accent, Qt.PenStyle.SolidLine),
            (drift.fresh_sqnr_db, self.tr("output, state of float"), colours.muted, Qt.PenStyle.DashLine),
            (drift.state_sqnr_db, self.tr("state"), colours.warn, Qt.PenStyle.SolidLine),
        )
        for values, _, color, style in series:
            # A step at which nothing differs has no SQNR: a gap.
            y = np.array([np.nan if value is None else value for value in values])
            pen = pg.mkPen(color, width=2, style=style)
            steps = np.arange(1, len(y) + 1)
            self.plot.plot(
                steps, y, pen=pen, connect="finite", symbol="o", symbolSize=5, symbolBrush=color, symbolPen=None
            )
        self.set_legend(*(("●", name, color) for _, name, color, _ in series))
        self.set_caption(
            self.tr("{0}, fed back over {1} steps, {2} streams; each model on its own state").format(
                ", ".join(drift.inputs), drift.steps, drift.streams
            )
        )

    def table(self) -> Table:
        assert self._drift is not None
        drift = self._drift
        series = zip(drift.output_sqnr_db, drift.fresh_sqnr_db, drift.state_sqnr_db, strict=True)
        columns = ("step", "output_sqnr_db", "output_on_float_state_sqnr_db", "state_sqnr_db")
        return columns, [(step, *values) for step, values in enumerate(series, 1)]
