"""The histogram of the selected layer's activation, and the range that its grid covers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from ...engine.plan import QuantPlan
from ...engine.plan.qconfig import TensorConfig
from ...engine.results import LayerRow
from ...engine.statistics import Histogram
from ..document import Document
from ..plots.histogram import Grid, HistogramPlot, clipped_shares
from .qconfig_editor import RangeFields

if TYPE_CHECKING:
    from ...engine.qparams import QParams
    from ...engine.statistics import TensorStats


NOTHING, ROUNDED, UNSEEN, BEFORE, RUN = "", "rounded", "unseen", "before", "run"
"""What the distribution is compared with."""


@dataclass(frozen=True)
class Other:
    """What is laid over the histogram: outlined values and, where it is another one, their grid."""

    name: str
    histogram: Histogram | None = None
    grid: Grid | None = None
    sqnr_db: float | None = None
    clipped: float | None = None


class RangePanel(QWidget):
    """Histogram with draggable ends, numbers to type, and what can be laid over it.

    Signals
    -------
    range_fixed(low, high), range_freed()
        Of the activation of the current layer.
    validation_wanted(str)
        The distribution of a layer on data that it was not calibrated on.
    statistics_wanted(QuantPlan)
        A plan has values of its own, whose statistics are not there yet.
    """

    range_fixed = Signal(float, float)
    range_freed = Signal()
    validation_wanted = Signal(str)
    statistics_wanted = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._row: LayerRow | None = None
        self._among_others = False
        self._stats: TensorStats | None = None
        self._config: TensorConfig | None = None
        self._grid: Grid | None = None
        self._sqnr_db: float | None = None
        self._unseen: tuple[str, TensorStats] | None = None
        self.histogram = HistogramPlot()
        self.histogram.setMinimumHeight(140)
        self.histogram.set_title(self.tr("Activation"))
        # A ReLU puts a spike at 0 that hides all the rest on a linear axis.
        self.histogram.logarithmic.setChecked(True)
        self.compare = QComboBox()
        self.compare.setAccessibleName(self.tr("Compare with"))
        self.compare.setToolTip(
            self.tr(
                "Outline beside the values: those after rounding, those of the select split, which was not "
                "calibrated on, or those that another plan makes, with its grid"
            )
        )
        self.compare.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.compare.setMinimumContentsLength(9)
        self.histogram.add_control(self.compare)
        self.ranges = RangeFields()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.histogram, 1)
        column.addWidget(self.ranges)
        self._list_others()
        self.compare.activated.connect(lambda _: self.show_layer(self._row, self._among_others))
        self.histogram.range_dragging.connect(self._dragging)
        # A drag of the line follows in the numbers, and is one edit when it ends.
        self.histogram.range_dragged.connect(self.range_fixed)
        self.ranges.fixed.connect(self.range_fixed)
        self.ranges.freed.connect(self.range_freed)
        # The stack counts an edit only after it has told of the new plan; and it tells when it is deleted, too.
        document.undo_stack.indexChanged.connect(self._edited, Qt.ConnectionType.QueuedConnection)

    def stats(self, row: LayerRow | None, plan: QuantPlan | None = None) -> TensorStats | None:
        """What calibration knows of the value that a layer hands on under a plan (the current one)."""
        document = self._document
        if row is None or document.calibration is None:
            return None
        known = document.statistics(plan)
        if known is None:
            self.statistics_wanted.emit(plan or document.plan)
            known = document.calibration
        # The last absorbed layer's value is what the unit hands on.
        for name in (*reversed(row.fused), row.id):
            if name in known.tensors:
                return known.tensors[name]
        return None

    def ends(self) -> tuple[float | None, float | None]:
        """The grid's ends, where there is one grid."""
        return (None, None) if self._grid is None else (self._grid.low, self._grid.high)

    def show_layer(self, row: LayerRow | None, among_others: bool = False) -> None:
        """Show the activation of a layer; the title names it where it is one of several that are selected."""
        stats = self.stats(row)
        another = row is None or self._row is None or row.id != self._row.id or stats is not self._stats
        self._row, self._stats, self._among_others = row, stats, among_others
        if another:
            self.histogram.forget()
        # Beside the controls there is room for the name alone.
        title = row.id if among_others and row is not None else ""
        self.histogram.set_title(title or self.tr("Activation"))
        self._list_others()
        if row is None or stats is None:
            self._grid, self._config = None, None
            self.histogram.clear()
            calibrated = self._document.calibration is not None
            usual = self.tr("Calibrate to see the distribution of the layer's activation.")
            self.histogram.set_hint(self._why_empty(row) if calibrated else usual)
            self.ranges.show_range(None, None, False, False)
            return
        qconfig = self._document.qconfig(row.id)
        self._config = config = qconfig.activation if qconfig is not None and row.fused_into is None else None
        fresh = self._document.freshness in ("quick", "exact")
        self._grid = _grid(stats, config, row if fresh else None)
        self._sqnr_db = row.errors.local_sqnr_db if fresh else None
        with self.histogram.together():
            self._draw_values(config)
            self._show_plan()
        fixed = config is not None and config.estimator == "fixed"
        # A drag fixes the range: who pulls at a line wants it there, and would move the picture otherwise.
        self.histogram.set_draggable(self._grid is not None, fixed)
        self.ranges.show_range(*self.ends(), fixed, self._grid is not None)
        if self.chosen[0] == UNSEEN and (self._unseen is None or self._unseen[0] != row.id):
            self.validation_wanted.emit(row.id)

    def _why_empty(self, row: LayerRow | None) -> str:
        if row is None:
            return self.tr("Select a layer to see the distribution of its activation.")
        return self.tr("Calibration has no values of {0}.").format(row.id)

    def preview(self, candidate: Any) -> None:
        """Lay a candidate's grid over the histogram; None puts the plan's back."""
        if self._stats is None:
            return
        config = self._config if candidate is None else candidate.activation
        with self.histogram.together():
            self._draw_values(config)
            if candidate is None:
                self._show_plan()
            else:
                grid = _grid(self._stats, config)
                expected = _expected(self._stats, grid, config)
                self.histogram.set_grid(grid, candidate.local_sqnr_db, expected, candidate=True)

    def _show_plan(self) -> None:
        """Lay the plan's own grid over the histogram."""
        self.histogram.set_grid(self._grid, self._sqnr_db, _expected(self._stats, self._grid, self._config))

    def _dragging(self, low: float, high: float) -> None:
        """Everything follows the line, from the stored bins alone."""
        self.ranges.show_range(low, high, True, True)
        if self._stats is None or self._config is None or not low < high:
            return
        config = self._config.but(estimator="fixed", range=(low, high))
        params = estimated(self._stats, config)
        self.histogram.set_grid(as_grid(params, config), None, expected_sqnr_db(self._stats, params))

    # -- what is laid over it -----------------------------------------------------------------

    @property
    def chosen(self) -> tuple[str, str]:
        """What the values are compared with, and for a run its key."""
        found = self.compare.currentData()
        return (found[0], found[1]) if found is not None else (NOTHING, "")

    def _list_others(self) -> None:
        """What there is to compare with, with what was chosen kept."""
        document = self._document
        entries = [
            (self.tr("compare…"), (NOTHING, "")),
            (self.tr("after rounding"), (ROUNDED, "")),
            (self.tr("unseen samples"), (UNSEEN, "")),
        ]
        if document.before is not None:
            edit = document.undo_stack.undoText()
            entries.append((self.tr("before “{0}”").format(edit), (BEFORE, "")))
        for run in reversed(document.runs):
            if run.exact and run.plan.fingerprint != document.plan.fingerprint and run.model == self._digest():
                entries.append((self.tr("run “{0}”").format(run.name), (RUN, run.plan.fingerprint)))
        if entries == [
            (self.compare.itemText(i), tuple(self.compare.itemData(i))) for i in range(self.compare.count())
        ]:
            return
        chosen = self.chosen
        self.compare.clear()
        for text, key in entries:
            self.compare.addItem(text, key)
        self.compare.setCurrentIndex(next((i for i, (_, key) in enumerate(entries) if key == chosen), 0))

    def _edited(self) -> None:
        self._list_others()
        if self.chosen[0] == BEFORE and self._stats is not None:
            self._draw_values(self._config)

    def _digest(self) -> str:
        return "" if self._document.model is None else self._document.model.digest

    def show_validation(self, layer_id: str, stats: TensorStats | None) -> None:
        """Outline the values of the select split."""
        if stats is not None and self._row is not None and layer_id == self._row.id:
            self._unseen = (layer_id, stats)
            self._draw_values(self._config)

    def _other(self, stats: TensorStats, row: LayerRow, config: TensorConfig | None) -> Other:
        """What is to be laid over the values of a layer."""
        kind, key = self.chosen
        if kind == ROUNDED and _has_grid(config):
            assert config is not None
            return Other(self.tr("after rounding"), rounded(stats.histogram, estimated(stats, config)))
        if kind == UNSEEN and self._unseen is not None and self._unseen[0] == row.id:
            return Other(self.tr("select split"), self._unseen[1].histogram)
        if kind == BEFORE and self._document.before is not None:
            return self._of_plan(self.tr("before the edit"), self._document.before, row)
        if kind == RUN:
            run = next((run for run in self._document.runs if run.plan.fingerprint == key), None)
            if run is not None:
                return self._of_plan(run.name, run.plan, row)
        return Other("")

    def _of_plan(self, name: str, plan: QuantPlan, row: LayerRow) -> Other:
        """The layer's values under another plan, rounded as it rounds them, with its grid."""
        stats, qconfig = self.stats(row, plan), self._document.qconfig(row.id, plan)
        if stats is None or qconfig is None:
            return Other("")
        config = qconfig.activation
        run = self._document.find(plan)
        grid = _grid(stats, config, None if run is None else run.analysis.row(row.id))
        if grid is None or config is None:
            return Other(self.tr("{0}, in float").format(name), stats.histogram)
        params = estimated(stats, config)
        clipped = sum(clipped_shares(stats.histogram, grid.low, grid.high, grid.scale, stats.min, stats.max))
        return Other(name, rounded(stats.histogram, params), grid, expected_sqnr_db(stats, params), clipped)

    def _draw_values(self, config: TensorConfig | None) -> None:
        stats = self._stats
        assert stats is not None
        other = Other("") if self._row is None else self._other(stats, self._row, config)
        self.histogram.set_histogram(
            stats.histogram,
            stats.min,
            stats.max,
            stats.zero_share,
            other.histogram,
            other.name,
            other.grid,
            other.sqnr_db,
            other.clipped,
        )


def _grid(stats: TensorStats, config: TensorConfig | None, row: LayerRow | None = None) -> Grid | None:
    """The grid of a configuration: what an analysis used, where it is given, else estimated from statistics."""
    if not _has_grid(config):
        return None
    assert config is not None
    found = None if row is None else row.activation
    if found and found.get("scale") is not None and np.ndim(found["scale"]) == 0:
        scale, zero = float(found["scale"]), int(found["zero_point"])
        low, high = config.grid
        return Grid((low - zero) * scale, (high - zero) * scale, scale, zero, config.bits, config.dtype)
    return as_grid(estimated(stats, config), config)


def _has_grid(config: TensorConfig | None) -> bool:
    """Whether there is one grid of integers, known before the model runs."""
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


def _expected(stats: TensorStats | None, grid: Grid | None, config: TensorConfig | None) -> float | None:
    """The same of a grid that the plot shows, which may be that of a whole group of values."""
    if stats is None or grid is None or config is None or not _has_grid(config):
        return None
    from ...engine.qparams import QParams

    scale, zero = np.asarray(grid.scale, np.float32), np.asarray(grid.zero_point, np.int32)
    return expected_sqnr_db(stats, QParams(scale, zero, config.dtype, *config.storage))


def rounded(histogram: Histogram, params: QParams) -> Histogram:
    """The histogram of the values after rounding: every bin moved to the level of its centre."""
    scale, zero = float(params.scale), int(params.zero_point)
    levels = np.clip(np.round(histogram.centers / scale) + zero, params.qmin, params.qmax)
    index = np.floor((levels - zero) * scale / histogram.width).astype(np.int64)
    first = int(index.min())
    counts = np.bincount(index - first, histogram.counts).astype(np.int64)
    return Histogram(histogram.exponent, first, counts)
