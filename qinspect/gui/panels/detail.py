"""Of the selected layer: qconfig and histogram, channels, kernel against simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QSplitter,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from ...engine.qconfig import TensorConfig
from ...engine.results import LayerRow
from ..document import Document
from ..plots.channels import ChannelRanges
from ..plots.histogram import Grid, HistogramPlot
from ..plots.kernel import KernelPlot
from .cards import Hint, label
from .figures import decibel, micros, small
from .layer_columns import stays_float
from .qconfig_editor import QConfigEditor, RangeFields
from .tables import make_copyable

if TYPE_CHECKING:
    from ...engine.statistics import TensorStats
    from ..work import WeightRanges


class Candidates(QTableWidget):
    """What else the layer could be, by estimated effect.

    Signals
    -------
    taken(Candidate, bool)
        Enter or a double click; with Shift for all layers like it.
    previewed(Candidate | None)
        The one under the mouse or the cursor.
    """

    taken = Signal(object, bool)
    previewed = Signal(object)

    def __init__(self) -> None:
        super().__init__(0, 3)
        self.setHorizontalHeaderLabels([self.tr("Candidate"), self.tr("Est. KL"), self.tr("SQNR")])
        self.setAccessibleName(self.tr("Candidates"))
        self.setToolTip(
            self.tr("Estimated from the statistics, not measured. Enter applies, Shift+Enter to all layers like it.")
        )
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(22)
        make_copyable(self)
        self.found: tuple[Any, ...] = ()
        self.cellDoubleClicked.connect(self._double_clicked)
        self.setMouseTracking(True)
        self.cellEntered.connect(lambda place, _: self.previewed.emit(self.found[place]))
        self.currentCellChanged.connect(lambda place, *_: self._at(place))

    def show_candidates(self, found: tuple[Any, ...]) -> None:
        """List candidates; those that the target does not support are greyed, with the reason."""
        self.found = found
        self.setRowCount(len(found))
        for place, candidate in enumerate(found):
            title = f"● {candidate.title}" if candidate.current else candidate.title
            texts = (title, small(candidate.estimated_kl), decibel(candidate.local_sqnr_db))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(f"{candidate.weight} · {candidate.activation}")
                if candidate.why_not is not None:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                    item.setToolTip(candidate.why_not)
                self.setItem(place, column, item)

    def _at(self, place: int) -> None:
        self.previewed.emit(self.found[place] if 0 <= place < len(self.found) and self.hasFocus() else None)

    def _double_clicked(self, place: int, _: int) -> None:
        if self.found[place].why_not is None:
            self.taken.emit(self.found[place], False)

    def leaveEvent(self, event: QEvent) -> None:
        self.previewed.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and 0 <= self.currentRow() < len(self.found):
            if self.found[self.currentRow()].why_not is None:
                like = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
                self.taken.emit(self.found[self.currentRow()], like)
            return
        super().keyPressEvent(event)


class Detail(QTabWidget):
    """The right side of the workbench.

    Signals
    -------
    range_fixed(low, high), range_freed()
        Of the activation of the current layer.
    """

    range_fixed = Signal(float, float)
    range_freed = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.setDocumentMode(True)
        self.editor = QConfigEditor()
        self.ranges = RangeFields()
        self.histogram = HistogramPlot()
        self.histogram.setMinimumHeight(120)
        # A ReLU puts a spike at 0 that hides all the rest on a linear axis.
        self.histogram.logarithmic.setChecked(True)
        self.candidates = Candidates()
        self.no_candidates = Hint(
            self.tr("After the analysis, other qconfigs for the layer are listed here by their estimated effect.")
        )
        self.below = QStackedWidget()
        self.below.addWidget(self.no_candidates)
        self.below.addWidget(self.candidates)
        plot = QWidget()
        column = QVBoxLayout(plot)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.histogram, 1)
        column.addWidget(self.ranges)
        first = QSplitter(Qt.Orientation.Vertical)
        for widget in (self.editor, plot, self.below):
            first.addWidget(widget)
        first.setStretchFactor(0, 0)
        first.setStretchFactor(1, 1)
        first.setStretchFactor(2, 1)
        first.setChildrenCollapsible(False)
        first.setSizes([250, 220, 190])
        self.below.setMinimumHeight(72)
        self.channels = ChannelRanges()
        self.activation_channels = ChannelRanges()
        second = QSplitter(Qt.Orientation.Vertical)
        second.addWidget(self.channels)
        second.addWidget(self.activation_channels)
        third = QWidget()
        column = QVBoxLayout(third)
        column.setContentsMargins(0, 0, 0, 0)
        self.kernel = KernelPlot()
        self.kernel_text = label("")
        self.kernel_text.setContentsMargins(8, 4, 8, 8)
        column.addWidget(self.kernel, 1)
        column.addWidget(self.kernel_text)
        self.addTab(first, self.tr("Qconfig"))
        self.addTab(second, self.tr("Channels"))
        self.addTab(third, self.tr("Kernel"))
        self.setTabToolTip(0, self.tr("Qconfig and histogram of the activation"))
        self.setTabToolTip(1, self.tr("Ranges of weights and activation per channel"))
        self.setTabToolTip(2, self.tr("The integer kernel against the simulation; time; place in the source"))
        self._grid: Grid | None = None
        # A drag of the line follows in the numbers, and is one edit when it ends.
        self.histogram.range_dragging.connect(lambda low, high: self.ranges.show_range(low, high, True, True))
        self.histogram.range_dragged.connect(self.range_fixed)
        self.ranges.fixed.connect(self.range_fixed)
        self.ranges.freed.connect(self.range_freed)
        self.candidates.previewed.connect(self._preview)
        self.histogram.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        # Nothing is shown of a layer while its panel is hidden; it is brought up to date here.
        if watched is self.histogram and event.type() == QEvent.Type.Show:
            self.refresh()
        return super().eventFilter(watched, event)

    def refresh(self) -> None:
        """Show the selection."""
        document = self._document
        ids = document.selection
        row = next((r for r in document.rows() if r.id == document.current), None)
        if row is not None and row.fused_into is not None:
            ids = tuple(layer_id for layer_id in ids if layer_id != row.id) or ids
        qconfigs = [q for layer_id in ids if (q := document.qconfig(layer_id)) is not None]
        edited = {o.pattern for o in document.plan.overrides if o.kind == "id"}
        self.editor.show_qconfigs(
            ids,
            qconfigs,
            any(document.weighted(layer_id) for layer_id in ids),
            self._note(row),
            any(layer_id in edited for layer_id in ids),
        )
        self._show_histogram(row)
        self._show_kernel(row)

    def _note(self, row: LayerRow | None) -> str:
        if row is None:
            return ""
        parts = [" + ".join((row.op, *(name.rpartition(":")[2] for name in row.fused)))]
        if row.fused_into is not None:
            parts.append(self.tr("absorbed by {0}: edit that one").format(row.fused_into))
        elif self._document.freshness != "stale" and stays_float(row, self._document.freshness == "exact"):
            parts.append(self.tr("stays float: {0}").format(row.why_not or self.tr("no integer kernel")))
        return "; ".join(parts)

    def _stats(self, row: LayerRow | None) -> TensorStats | None:
        calibration = self._document.calibration
        if row is None or calibration is None:
            return None
        # The last absorbed layer's value is what the unit hands on.
        for name in (*reversed(row.fused), row.id):
            if name in calibration.tensors:
                return calibration.tensors[name]
        return None

    def _show_histogram(self, row: LayerRow | None) -> None:
        stats = self._stats(row)
        if row is None or stats is None:
            self.histogram.clear()
            self.activation_channels.clear()
            self.ranges.show_range(None, None, False, False)
            return
        qconfig = self._document.qconfig(row.id)
        config = qconfig.activation if qconfig is not None and row.fused_into is None else None
        self.histogram.set_histogram(stats.histogram, stats.min, stats.max, stats.zero_share)
        self._grid = self._make_grid(row, stats, config)
        fixed = config is not None and config.estimator == "fixed"
        fresh = self._document.freshness in ("quick", "exact")
        self.histogram.set_grid(self._grid, row.errors.local_sqnr_db if fresh else None)
        self.histogram.set_draggable(fixed)
        ends = (None, None) if self._grid is None else (self._grid.low, self._grid.high)
        self.ranges.show_range(*ends, fixed, config is not None)
        if len(stats.channel_min):
            self.activation_channels.set_ranges(stats.channel_min, stats.channel_max, *ends, self.tr("activation"))
        else:
            self.activation_channels.clear()

    def _preview(self, candidate: Any) -> None:
        """Lay a candidate's grid over the histogram; None puts the plan's back."""
        row = next((r for r in self._document.rows() if r.id == self._document.current), None)
        stats = self._stats(row)
        if stats is None:
            return
        if candidate is None:
            self.histogram.set_grid(self._grid)
        else:
            self.histogram.set_grid(estimated_grid(stats, candidate.activation), candidate.local_sqnr_db)

    def _make_grid(self, row: LayerRow, stats: TensorStats, config: TensorConfig | None) -> Grid | None:
        if config is None:
            return None
        found = row.activation if self._document.freshness in ("quick", "exact") else None
        if found and found.get("scale") is not None and np.ndim(found["scale"]) == 0:
            scale, zero = float(found["scale"]), int(found["zero_point"])
            low, high = config.grid
            return Grid((low - zero) * scale, (high - zero) * scale, scale, zero, config.bits, config.dtype)
        return estimated_grid(stats, config)

    def show_weights(self, found: WeightRanges | None) -> None:
        """Ranges of the weights of the current layer."""
        if found is None:
            self.channels.clear()
        elif found.layer_id == self._document.current:
            self.channels.set_ranges(found.low, found.high, found.grid_low, found.grid_high, self.tr("weight"))

    def show_candidates(self, layer_id: str, found: tuple[Any, ...]) -> None:
        """Candidates of a layer, if it is still the current one."""
        if layer_id == self._document.current:
            self.candidates.show_candidates(found)
            self.below.setCurrentWidget(self.candidates if found else self.no_candidates)

    def show_no_candidates(self, layer_id: str, why: str) -> None:
        """Say why there are none for a layer."""
        if layer_id == self._document.current:
            self.no_candidates.setText(why)
            self.below.setCurrentWidget(self.no_candidates)

    def _show_kernel(self, row: LayerRow | None) -> None:
        exact = self._document.last_exact
        known = None if exact is None or row is None else exact.analysis.row(row.id)
        self.kernel.set_check(None if known is None else known.kernel)
        if known is None:
            self.kernel_text.setText("")
            return
        lines = []
        if exact is not None and exact is not self._document.find():
            lines.append(self.tr("From the run “{0}”, not for the current plan.").format(exact.name))
        if known.latency is not None:
            spread = "" if known.latency.spread_us is None else f" ± {micros(known.latency.spread_us)}"
            lines.append(f"fp32 {micros(known.latency.fp32_us)}, int8 {micros(known.latency.int8_us)}{spread}")
        if known.why_not:
            lines.append(known.why_not)
        if known.source:
            lines.append(known.source)
        self.kernel_text.setText("\n".join(lines))


def estimated_grid(stats: TensorStats, config: TensorConfig | None) -> Grid | None:
    """The grid that a configuration gives, from the statistics in microseconds; None for float."""
    if config is None:
        return None
    # Imports torch, which is there: something was calibrated.
    from ...engine.ranges import estimate_activation

    params = estimate_activation(stats, config)
    low, high, scale, zero = (np.ravel(part) for part in (params.low, params.high, params.scale, params.zero_point))
    return Grid(float(low.min()), float(high.max()), float(scale.max()), int(zero[0]), config.bits, config.dtype)
