"""The histogram of the selected layer's activation, and the range that its grid covers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ...engine.qconfig import TensorConfig
from ...engine.results import LayerRow
from ...engine.statistics import Histogram
from ..document import Document
from ..plots.histogram import Grid, HistogramPlot
from .qconfig_editor import RangeFields

if TYPE_CHECKING:
    from ...engine.qparams import QParams
    from ...engine.statistics import TensorStats


class RangePanel(QWidget):
    """Histogram with draggable ends, numbers to type, and what can be laid over it.

    Signals
    -------
    range_fixed(low, high), range_freed()
        Of the activation of the current layer.
    validation_wanted(str)
        The distribution of a layer on data that it was not calibrated on.
    """

    range_fixed = Signal(float, float)
    range_freed = Signal()
    validation_wanted = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._row: LayerRow | None = None
        self._stats: TensorStats | None = None
        self._config: TensorConfig | None = None
        self._grid: Grid | None = None
        self._sqnr_db: float | None = None
        self._other: tuple[str, TensorStats] | None = None
        self.histogram = HistogramPlot()
        self.histogram.setMinimumHeight(200)
        self.histogram.set_title(self.tr("Activation"))
        # A ReLU puts a spike at 0 that hides all the rest on a linear axis.
        self.histogram.logarithmic.setChecked(True)
        self.quantized = self.histogram.toggle(
            self.tr("int8"), self.tr("Outline the values after rounding to the grid")
        )
        self.validation = self.histogram.toggle(
            self.tr("unseen"), self.tr("Outline the values on the select split, which was not calibrated on")
        )
        self.ranges = RangeFields()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.histogram, 1)
        column.addWidget(self.ranges)
        self.quantized.toggled.connect(lambda on: self._overlay_chosen(self.validation, on))
        self.validation.toggled.connect(lambda on: self._overlay_chosen(self.quantized, on))
        self.histogram.range_dragging.connect(self._dragging)
        # A drag of the line follows in the numbers, and is one edit when it ends.
        self.histogram.range_dragged.connect(self.range_fixed)
        self.ranges.fixed.connect(self.range_fixed)
        self.ranges.freed.connect(self.range_freed)

    def stats(self, row: LayerRow | None) -> TensorStats | None:
        """What calibration knows of the value that a layer hands on."""
        calibration = self._document.calibration
        if row is None or calibration is None:
            return None
        # The last absorbed layer's value is what the unit hands on.
        for name in (*reversed(row.fused), row.id):
            if name in calibration.tensors:
                return calibration.tensors[name]
        return None

    def ends(self) -> tuple[float | None, float | None]:
        """The grid's ends, where there is one grid."""
        return (None, None) if self._grid is None else (self._grid.low, self._grid.high)

    def show_layer(self, row: LayerRow | None) -> None:
        """Show the activation of a layer."""
        stats = self.stats(row)
        self._row, self._stats = row, stats
        if row is None or stats is None:
            self._grid, self._config = None, None
            self.histogram.clear()
            self.ranges.show_range(None, None, False, False)
            return
        qconfig = self._document.qconfig(row.id)
        self._config = config = qconfig.activation if qconfig is not None and row.fused_into is None else None
        self._grid = self._make_grid(row, stats, config)
        fresh = self._document.freshness in ("quick", "exact")
        self._sqnr_db = row.errors.local_sqnr_db if fresh else None
        self._draw_values(config)
        self.histogram.set_grid(self._grid, self._sqnr_db)
        fixed = config is not None and config.estimator == "fixed"
        self.histogram.set_draggable(fixed)
        self.ranges.show_range(*self.ends(), fixed, self._grid is not None)
        if self.validation.isChecked() and (self._other is None or self._other[0] != row.id):
            self.validation_wanted.emit(row.id)

    def _make_grid(self, row: LayerRow, stats: TensorStats, config: TensorConfig | None) -> Grid | None:
        if not _has_grid(config):
            return None
        assert config is not None
        found = row.activation if self._document.freshness in ("quick", "exact") else None
        if found and found.get("scale") is not None and np.ndim(found["scale"]) == 0:
            scale, zero = float(found["scale"]), int(found["zero_point"])
            low, high = config.grid
            return Grid((low - zero) * scale, (high - zero) * scale, scale, zero, config.bits, config.dtype)
        return as_grid(estimated(stats, config), config)

    def preview(self, candidate: Any) -> None:
        """Lay a candidate's grid over the histogram; None puts the plan's back."""
        if self._stats is None:
            return
        config = self._config if candidate is None else candidate.activation
        self._draw_values(config)
        if candidate is None:
            self.histogram.set_grid(self._grid, self._sqnr_db)
        elif _has_grid(config):
            grid = as_grid(estimated(self._stats, config), config)
            self.histogram.set_grid(grid, candidate.local_sqnr_db)
        else:
            self.histogram.set_grid(None, candidate.local_sqnr_db)

    def _dragging(self, low: float, high: float) -> None:
        """Everything follows the line, from the stored bins alone."""
        self.ranges.show_range(low, high, True, True)
        if self._stats is None or self._config is None or not low < high:
            return
        config = self._config.but(estimator="fixed", range=(low, high))
        params = estimated(self._stats, config)
        self.histogram.set_grid(as_grid(params, config), expected_sqnr_db(self._stats, params), expected=True)

    # -- overlays -----------------------------------------------------------------------------

    def _overlay_chosen(self, other: Any, on: bool) -> None:
        if on:
            other.setChecked(False)
        self.show_layer(self._row)

    def show_validation(self, layer_id: str, stats: TensorStats | None) -> None:
        """Outline the values of the select split."""
        if stats is not None and self._row is not None and layer_id == self._row.id:
            self._other = (layer_id, stats)
            self._draw_values(self._config)

    def _draw_values(self, config: TensorConfig | None) -> None:
        stats = self._stats
        assert stats is not None
        other, name = None, ""
        if self.quantized.isChecked() and _has_grid(config):
            assert config is not None
            other, name = rounded(stats.histogram, estimated(stats, config)), self.tr("after rounding")
        elif self.validation.isChecked() and self._other is not None and self._row is not None:
            layer_id, found = self._other
            if layer_id == self._row.id:
                other, name = found.histogram, self.tr("select split")
        self.histogram.set_histogram(stats.histogram, stats.min, stats.max, stats.zero_share, other, name)


def _has_grid(config: TensorConfig | None) -> bool:
    """Whether there is one grid of whole numbers, known before the model runs."""
    return config is not None and not config.is_float and not config.dynamic


def estimated(stats: TensorStats, config: TensorConfig) -> QParams:
    """The grid that a configuration gives, from the statistics in microseconds."""
    # Imports torch, which is there: something was calibrated.
    from ...engine.ranges import estimate_activation

    return estimate_activation(stats, config)


def as_grid(params: QParams, config: TensorConfig) -> Grid:
    """A grid as the plot shows it."""
    low, high, scale, zero = (np.ravel(part) for part in (params.low, params.high, params.scale, params.zero_point))
    return Grid(float(low.min()), float(high.max()), float(scale.max()), int(zero[0]), config.bits, config.dtype)


def expected_sqnr_db(stats: TensorStats, params: QParams) -> float | None:
    """``10 log10(E[x²] / E[(x − x̂)²])`` of a tensor rounded to a grid, expected from its histogram."""
    from ...engine.ranges import rounding_error

    power, noise = stats.variance + stats.sample_mean**2, rounding_error(stats, params)
    return 10 * math.log10(power / noise) if power > 0 and noise > 0 else None


def rounded(histogram: Histogram, params: QParams) -> Histogram:
    """The histogram of the values after rounding: every bin moved to the level of its centre."""
    scale, zero = float(params.scale), int(params.zero_point)
    levels = np.clip(np.round(histogram.centers / scale) + zero, params.qmin, params.qmax)
    index = np.floor((levels - zero) * scale / histogram.width).astype(np.int64)
    first = int(index.min())
    counts = np.bincount(index - first, histogram.counts).astype(np.int64)
    return Histogram(histogram.exponent, first, counts)
