"""Whether the calibration samples were enough, with the ranges against their number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QPushButton

from ..document import Document
from ..icons import set_icon
from .cards import Card, label, row

if TYPE_CHECKING:
    from ...engine.calibrate.quality import RangeGrowth
    from ..plots.growth import GrowthPlot

HEIGHT = 190


class QualityCard(Card):
    """Not shown before something was calibrated.

    Signals
    -------
    layers_requested(tuple of ids)
        Those whose ranges still grow.
    """

    layers_requested = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__(self.tr("Were the samples enough?"))
        self._document = document
        self._growth: RangeGrowth | None = None
        self.plot: GrowthPlot | None = None
        self.text = label("")
        self.text.setToolTip(
            self.tr(
                "Mean range of n of the samples, over all choices of n, as a part of the range of all; "
                "from the smallest and largest value of each sample"
            )
        )
        self.show_layers = QPushButton(self.tr("Show the growing ones"))
        set_icon(self.show_layers, "crosshairs-gps")
        self.show_layers.clicked.connect(self._show_layers)
        self.body.addWidget(self.text)
        self.body.addLayout(row(self.show_layers, 1))
        self.hide()
        document.calibration_changed.connect(self._changed)

    def _changed(self) -> None:
        if self._document.calibration is None:
            self.hide()

    def show_growth(self, growth: RangeGrowth | None) -> None:
        """Show it; of a few samples nothing can be said."""
        self._growth = growth
        calibration = self._document.calibration
        self.setVisible(calibration is not None)
        if calibration is None:
            return
        if self.plot is None:
            # Imports pyqtgraph, which the window does not wait for when it opens.
            from ..plots.growth import GrowthPlot

            self.plot = GrowthPlot()
            self.plot.exported.connect(self._document.wrote)
            self.plot.setFixedHeight(HEIGHT)
            self.body.insertWidget(self.body.count() - 1, self.plot)
        self.plot.set_growth(growth)
        self.show_layers.setVisible(growth is not None and bool(growth.growing))
        if growth is None:
            self.set_edge("")
            self.text.setText(self.tr("{0} samples: too few to say.").format(calibration.samples))
            return
        self.set_edge("good" if growth.enough else "warn")
        found = self.tr("The second half of {0} samples widened {1} of {2} ranges by more than 5%.").format(
            growth.samples, len(growth.growing), len(growth.growth)
        )
        verdict = self.tr("Enough.") if growth.enough else self.tr("More samples would widen ranges further.")
        self.text.setText(f"{verdict} {found}")

    def _show_layers(self) -> None:
        if self._growth is not None:
            ids = [name for name in self._growth.growing if self._document.layer(name) is not None]
            self.layers_requested.emit(tuple(ids))
