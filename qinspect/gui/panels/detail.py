"""Of the selected layer: qconfig and histogram, channels, kernel against simulation, what else it could be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QSplitter, QTabWidget, QVBoxLayout, QWidget

from ...engine.results import LayerRow
from ...engine.results.kernels import Latency
from ..document import Document
from ..language import translated
from ..plots.channels import ChannelRanges
from ..plots.kernel import KernelPlot, KernelScatter
from ..plots.levels import WeightLevels
from .candidates import CandidatesPanel
from .cards import label
from .figures import micros
from .geometry import geometry
from .layer_facts import ran_text, stays_float
from .matrix import WhatIfMatrix
from .qconfig_editor import QConfigEditor
from .range_panel import RangePanel

if TYPE_CHECKING:
    from ...engine.calibrate.channels import ChannelValues
    from ...engine.statistics import TensorStats
    from ..close_up import WeightRanges, WhatIf


CHANNELS, KERNEL, WHAT_IF = 1, 2, 3
"""Places of the tabs."""


class Detail(QTabWidget):
    """The right side of the workbench.

    Signals
    -------
    range_fixed(low, high), range_freed()
        Of the activation of the current layer.
    channels_wanted(layer id, low, high)
        Its values are to be counted channel by channel, between these ends.
    what_if_wanted(layer id)
        What is left of its tensors in every configuration.
    """

    range_fixed = Signal(float, float)
    range_freed = Signal()
    channels_wanted = Signal(str, float, float)
    what_if_wanted = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.hidden = 0
        """So many of the selected layers are hidden by the table's filter."""
        self.setDocumentMode(True)
        self.editor = QConfigEditor()
        self.range = RangePanel(document)
        self.histogram, self.ranges = self.range.histogram, self.range.ranges
        self.below = CandidatesPanel()
        self.candidates = self.below.table
        first = QSplitter(Qt.Orientation.Vertical)
        for widget in (self.editor, self.range, self.below):
            first.addWidget(widget)
        first.setStretchFactor(0, 0)
        first.setStretchFactor(1, 3)
        first.setStretchFactor(2, 2)
        first.setChildrenCollapsible(False)
        # So that in a small window there is room to drag the histogram's lines, and the best five candidates are seen.
        first.setSizes([189, 294, 133])
        self.levels = WeightLevels()
        self.channels = ChannelRanges()
        self.activation_channels = ChannelRanges(values=True)
        self._stats: TensorStats | None = None  # of the current layer's activation
        self._asked: TensorStats | None = None  # whose values are counted, or were
        self._counted: ChannelValues | None = None
        self._row: LayerRow | None = None  # the current layer
        self._weights: WeightRanges | None = None  # of the current layer
        self._behind: set[int] = set()  # tabs that show an older state
        self._listed: tuple[Any, ...] | None = None  # what the candidates that are listed belong to
        self._listed_plan = ""
        self._matrix_of = ""  # the layer whose matrix is shown
        self.channels.set_title(self.tr("Weights per channel"))
        self.activation_channels.set_title(self.tr("Activation per channel"))
        second = QSplitter(Qt.Orientation.Vertical)
        second.addWidget(self.levels)
        second.addWidget(self.channels)
        second.addWidget(self.activation_channels)
        third = QWidget()
        column = QVBoxLayout(third)
        column.setContentsMargins(0, 0, 0, 0)
        self.kernel, self.pairs = KernelPlot(), KernelScatter()
        self.kernel_text = label("")
        self.kernel_text.setContentsMargins(8, 4, 8, 8)
        plots = QSplitter(Qt.Orientation.Vertical)
        plots.addWidget(self.pairs)
        plots.addWidget(self.kernel)
        column.addWidget(plots, 1)
        column.addWidget(self.kernel_text)
        self.addTab(first, self.tr("Qconfig"))
        self.addTab(second, self.tr("Channels"))
        self.addTab(third, self.tr("Kernel"))
        self.matrix = WhatIfMatrix()
        self.addTab(self.matrix, self.tr("What if"))
        self.setTabToolTip(0, self.tr("Qconfig and histogram of the activation"))
        self.setTabToolTip(1, self.tr("Ranges of weights and activation per channel"))
        self.setTabToolTip(2, self.tr("The integer kernel against the simulation; time; place in the source"))
        self.setTabToolTip(WHAT_IF, self.tr("Weight and activation in every type, scheme, granularity and range"))
        self.range.range_fixed.connect(self.range_fixed)
        self.range.range_freed.connect(self.range_freed)
        self.candidates.previewed.connect(self.range.preview)
        self.activation_channels.by_value.toggled.connect(lambda _: self._show_values())
        self.currentChanged.connect(lambda _: self._fill_tab())
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
        qconfigs = document.qconfigs(ids)
        edited = document.edited()
        self.editor.show_qconfigs(
            ids,
            [qconfigs[layer_id].weight for layer_id in qconfigs if document.weighted(layer_id)],
            [qconfig.activation for qconfig in qconfigs.values()],
            self._note(row) if len(ids) < 2 else self._kinds(ids),
            any(layer_id in edited for layer_id in ids),
            self._geometry(row) if len(ids) == 1 else "",
        )
        self.range.show_layer(row, len(ids) > 1)
        self._refresh_candidates()
        self._row, self._stats = row, self.range.stats(row)
        if self._weights is not None and self._weights.layer_id != document.current:
            self._weights = None  # those of the current layer are on their way
        self._behind = {CHANNELS, KERNEL, WHAT_IF}
        self._fill_tab()

    def _fill_tab(self) -> None:
        """Bring the tab that is shown up to date."""
        shown = self.currentIndex()
        if shown not in self._behind:
            return
        self._behind.discard(shown)
        if shown == CHANNELS:
            self._show_channels()
        elif shown == WHAT_IF:
            self._ask_what_if()
        else:
            self._show_kernel(self._row)

    def _show_channels(self) -> None:
        row, stats = self._row, self._stats
        for plot in (self.levels, self.channels):
            plot.setVisible(row is None or self._document.weighted(row.id))
        self._show_weights()
        if stats is not None and len(stats.channel_min):
            self.activation_channels.set_ranges(
                stats.channel_min, stats.channel_max, *self.range.ends(), self.tr("activation")
            )
        else:
            self.activation_channels.clear()
        self._show_values()

    def _ask_what_if(self) -> None:
        document = self._document
        if document.calibration is None:
            self.matrix.show_nothing(self.tr("Calibrate to see what each type, scheme and range would leave."))
        elif len(document.selection) != 1:
            self.matrix.show_nothing(self.tr("Select one layer to see what each type, scheme and range would leave."))
        else:
            if self._matrix_of != document.selection[0]:  # an edit's numbers take the place of the last ones
                self.matrix.show_nothing(self.tr("Rounding {0} in every way…").format(document.selection[0]))
            self.what_if_wanted.emit(document.selection[0])

    def show_what_if(self, found: WhatIf) -> None:
        """What is left of a layer's tensors, if it and the plan are still the current ones."""
        document = self._document
        if (found.layer_id,) == document.selection and found.plan == document.plan.fingerprint:
            self._matrix_of = found.layer_id
            self.matrix.show_found(found)

    def _note(self, row: LayerRow | None) -> str:
        if row is None:
            return ""
        parts = [" + ".join((row.op, *(name.rpartition(":")[2] for name in row.fused)))]
        if row.shares_with is not None:
            parts.append(
                self.tr("shares the quantizer of {0}: the activation of both is edited").format(row.shares_with)
            )
        elif self._document.freshness != "stale" and (
            (row.why_not and not row.asked) or stays_float(row, self._document.freshness == "exact")
        ):
            parts.append(self.tr("stays float: {0}").format(row.why_not or self.tr("no integer kernel")))
        return "; ".join(parts)

    def _kinds(self, ids: Sequence[str]) -> str:
        """The operators of a selection: ``conv2d ×5, add ×2``."""
        chosen = set(ids)
        found = Counter(row.op for row in self._document.rows() if row.id in chosen and row.fused_into is None)
        kinds = ", ".join(f"{op} ×{count}" for op, count in found.most_common())
        if self.hidden:
            kinds += "\n" + self.tr("{0} of them are hidden by the filter, and edited too").format(self.hidden)
        return kinds

    def _show_values(self) -> None:
        """The values of the current layer by channel; they are counted where they are to be seen for the first time."""
        plot, stats, layer_id = self.activation_channels, self._stats, self._document.current
        plot.set_values(self._counted if stats is self._asked else None)
        seen = plot.by_value.isChecked() and self.currentIndex() == 1
        if seen and stats is not None and layer_id is not None and stats is not self._asked and not plot.empty:
            self._asked, self._counted = stats, None
            self.channels_wanted.emit(layer_id, stats.min, stats.max)

    def show_channels(self, layer_id: str, found: ChannelValues | None) -> None:
        """The values of a layer, counted channel by channel."""
        if layer_id == self._document.current and self._stats is self._asked:
            self._counted = found
            self._show_values()

    def show_weights(self, found: WeightRanges | None) -> None:
        """Ranges of the weights of the current layer."""
        if found is None or found.layer_id == self._document.current:
            self._weights = found
            if self.currentIndex() == CHANNELS:
                self._show_weights()

    def _show_weights(self) -> None:
        found = self._weights
        if found is None:
            self.channels.clear()
            self.levels.clear()
        else:
            self.channels.set_ranges(found.low, found.high, found.grid_low, found.grid_high, self.tr("weight"))
            self.levels.set_levels(found.levels, found.first_level)

    def _whose(self) -> tuple[Any, ...] | None:
        """Model, data and layer that candidates may be listed for; None where they are of no single layer."""
        document = self._document
        model, data, chosen = document.model, document.data, document.selection
        if model is None or data is None or document.calibration is None or len(chosen) != 1:
            return None
        return model.digest, data.digest, document.calibration.key, chosen[0]

    def _refresh_candidates(self) -> None:
        """Candidates of another layer than the selected one are taken away at once; answers take seconds."""
        document, whose = self._document, self._whose()
        if whose is None or whose != self._listed:
            self._listed = None
            self.below.show_nothing(self._why_none())
            return
        now = document.qconfig(self.candidates.found[0].weight_of) if self.candidates.found else None
        if now is not None:
            self.candidates.follow(now, document.plan.fingerprint != self._listed_plan)

    def _why_none(self) -> str:
        document = self._document
        count = len(document.selection)
        if document.calibration is None:
            return ""
        if count == 0:
            return self.tr("Select a layer to see what else it could be.")
        if count > 1:
            return self.tr("{0} layers are selected. Select one to see what else it could be.").format(count)
        return self.tr("Computing what else {0} could be…").format(document.current)

    def show_candidates(self, layer_id: str, found: tuple[Any, ...]) -> None:
        """Candidates of a layer, if it is still the current one."""
        if self._take_answer(layer_id):
            self.below.show_found(found)

    def show_no_candidates(self, layer_id: str, why: str) -> None:
        """Say why there are none for a layer."""
        if self._take_answer(layer_id):
            self.below.show_nothing(why)

    def show_waiting(self, layer_id: str, why: str) -> None:
        """Say what the candidates of a layer wait for; those that are listed for it stay."""
        if layer_id == self._document.current and self._listed is None:
            self.below.show_nothing(why)

    def _take_answer(self, layer_id: str) -> bool:
        whose = self._whose()
        if whose is None or whose[-1] != layer_id:
            return False
        self._listed, self._listed_plan = whose, self._document.plan.fingerprint
        return True

    def _times(self, time: Latency) -> str:
        """The two medians with their quartiles, and whether they tell which is faster."""
        parts = []
        for name, us, low, high in (
            ("fp32", time.fp32_us, time.fp32_low_us, time.fp32_high_us),
            ("int8", time.int8_us, time.int8_low_us, time.int8_high_us),
        ):
            part = f"{name} {micros(us)}"
            parts.append(
                part if low is None else self.tr("{0} (quartiles {1} … {2})").format(part, micros(low), micros(high))
            )
        text = self.tr("Median time: {0}.").format(", ".join(parts))
        if time.fp32_us is not None and time.int8_us is not None and not time.apart:
            text += " " + self.tr("The quartiles overlap: which is faster is not certain.")
        return text

    def _show_kernel(self, row: LayerRow | None) -> None:
        exact = self._document.last_exact
        known = None if exact is None or row is None else exact.analysis.row(row.id)
        for plot in (self.pairs, self.kernel):
            plot.set_check(None if known is None else known.kernel)
        lines = [self._geometry(row)]
        of_file = self._document.file_kernels
        ran = None if of_file is None or row is None else of_file.ran.get(row.id)
        if ran is not None:
            text = ran_text(ran)
            lines.append(f"{text[0].upper()}{text[1:]}.")
        if known is None:
            self.kernel_text.setText("\n".join(filter(None, lines)))
            return
        if exact is not None and exact is not self._document.find():
            lines.append(self.tr("From the run “{0}”, not for the current plan.").format(exact.name))
        if known.latency is not None:
            lines.append(self._times(known.latency))
        if known.why_not:
            lines.append(translated(known.why_not))
        if known.source:
            lines.append(known.source)
        self.kernel_text.setText("\n".join(filter(None, lines)))

    def _geometry(self, row: LayerRow | None) -> str:
        """Kernel, channels and shape of a layer."""
        layer = None if row is None else self._document.layer(row.id)
        return "" if layer is None or self._document.model is None else geometry(layer, self._document.model.graph)
