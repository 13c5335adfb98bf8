"""Analyses that are kept, side by side: what differs in the plan, and what that did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QStackedWidget,
    QTableWidgetItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from ...engine.results import integer_layers
from ...session import Run
from ..document import Document
from ..icons import set_icon
from .cards import Hint
from .compare import NAME, WIDE_NAME, as_html
from .figures import measured, millis, share, small
from .tables import align_right, copy_as, explain, row_table, set_bare

NAME_WIDTH = 170
"""Pixels that a run's name keeps; columns that have no room beside it are scrolled to."""

SOMETIMES = range(2, 6)
"""The columns from metric to KL: not every model and data set have them."""


class RunsTable(QWidget):
    """The runs; two that are selected are compared.

    Signals
    -------
    restore_requested(Run), remove_requested(Run), rename_requested(Run, name)
    chosen(list of Run)
        The selection changed.
    """

    restore_requested = Signal(object)
    remove_requested = Signal(object)
    rename_requested = Signal(object, str)
    chosen = Signal(object)

    def __init__(self, document: Document, tall: bool = False) -> None:
        super().__init__()
        self._document = document
        self._filling = False
        titles = (
            self.tr("Run"),
            self.tr("Target"),
            self.tr("Metric"),
            self.tr("Kernel"),
            self.tr("Agreement"),
            self.tr("KL (nats)"),
            self.tr("SQNR (dB)"),
            self.tr("int8 ms"),
            self.tr("Speed-up"),
            self.tr("Layers int8"),
        )
        self.table = row_table(titles, self.tr("Runs"), least=NAME_WIDTH)
        align_right(self.table, *range(2, len(titles)))
        explain(
            self.table,
            self.tr("Double-click to rename it; bold is of the current plan, italic quick figures on few samples"),
            self.tr("Backend and engine that the plan is for"),
            self.tr("Of the simulated model, on the final split"),
            self.tr("Metric of the target's own kernels; without labels their agreement with the float model"),
            self.tr("Share of the samples on which the simulated model gives the float model's top-1 answer"),
            self.tr("KL(fp32‖int8) of the simulated model, mean per sample"),
            self.tr("Of the model's outputs, simulated against float: 10 log10(Σ y² / Σ (y − ŷ)²)"),
            self.tr("Median time of a forward pass of the quantized model"),
            self.tr("Times as fast as float: float's time over that of the quantized model"),
            self.tr("Layers that run in integers, of those for which the plan asks it"),
        )
        for column, bare in (
            (2, (self.tr("Metric"), self.tr("Metric's unit"))),
            (3, (self.tr("Kernel"), self.tr("Kernel's unit"))),
            (4, (self.tr("Agreement (%)"),)),
            (7, (self.tr("int8 (ms)"), self.tr("fp32 (ms)"))),
            (9, (self.tr("Layers int8"), self.tr("Layers asked for"))),
        ):
            copy_as(self.table, column, *bare)
        self.table.itemSelectionChanged.connect(self._selected)
        self.table.itemChanged.connect(self._renamed)
        self.restore = QPushButton(self.tr("Restore plan"))
        set_icon(self.restore, "backup-restore")
        self.restore.setToolTip(self.tr("Take this run's plan as the current one; can be undone"))
        self.remove = QPushButton(self.tr("Remove"))
        set_icon(self.remove, "delete-outline")
        self.restore.clicked.connect(lambda: self._each(self.restore_requested))
        self.remove.clicked.connect(lambda: self._each(self.remove_requested))
        rename = QAction(self.tr("Rename"), self.table)
        rename.setShortcut(QKeySequence(Qt.Key.Key_F2))
        rename.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        rename.triggered.connect(self._rename)
        restore, remove = (QAction(button.text(), self.table) for button in (self.restore, self.remove))
        restore.triggered.connect(self.restore.click)
        remove.triggered.connect(self.remove.click)
        separator = QAction(self.table)
        separator.setSeparator(True)
        self.table.insertActions(self.table.actions()[0], [restore, rename, remove, separator])
        self._for_one, self._for_some = (restore, rename), remove
        self.compared = QTextBrowser()
        self.compared.setAccessibleName(self.tr("Comparison of two runs"))
        self.compared.setFrameShape(QFrame.Shape.NoFrame)
        self.buttons = QWidget()
        across = QHBoxLayout(self.buttons)
        across.setContentsMargins(8, 4 if tall else 0, 8, 4 if tall else 0)
        across.addWidget(self.restore)
        across.addWidget(self.remove)
        inside = QWidget()
        # Where there is height, the comparison stands below; where there is not, beside, and the buttons have another
        # place (`Bottom`).
        both = QVBoxLayout(inside) if tall else QHBoxLayout(inside)
        both.setContentsMargins(0, 0, 0, 0)
        both.setSpacing(0)
        self._both, self._tall = both, tall
        both.addWidget(self.table, 2 if tall else 7)
        if tall:
            both.addWidget(self.buttons, 0, Qt.AlignmentFlag.AlignLeft)
        both.addWidget(self.compared, 3)
        self.stack = QStackedWidget()
        self.stack.addWidget(
            Hint(self.tr("Every analysis is kept here with its plan and figures, to compare and to go back to."))
        )
        self.stack.addWidget(inside)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.stack)
        document.results_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """List the runs, the newest on top."""
        self._filling = True
        chosen = [run.key for run in self.selected()]
        runs = list(reversed(self._document.runs))
        self._runs = runs
        self.stack.setCurrentIndex(1 if runs else 0)
        self.compared.setVisible(len(runs) > 1)
        self.buttons.setEnabled(bool(runs))
        self.table.setRowCount(len(runs))
        current = self._document.find()
        for place, run in enumerate(runs):
            totals = run.analysis.totals
            ratio = totals.fp32_ms / totals.int8_ms if totals.fp32_ms and totals.int8_ms else None
            unit = run.analysis.data.get("metric_unit")
            integer, asked = integer_layers(run.analysis.layers)
            by_metric = totals.kernel_metric is not None
            bare: tuple[tuple[float | str | None, ...], ...] = (
                (),
                (),
                _with_unit(totals.quantized_metric, unit),
                _with_unit(totals.kernel_metric, unit) if by_metric else _with_unit(totals.kernel_agreement, None),
                _with_unit(totals.agreement, None)[:1],
                (totals.kl,),
                (totals.sqnr_db,),
                (totals.int8_ms, totals.fp32_ms),
                (ratio,),
                (integer, asked),
            )
            texts = (
                run.name,
                run.plan.target.title,
                measured(totals.quantized_metric, unit),
                share(totals.kernel_agreement)
                if totals.kernel_metric is None
                else measured(totals.kernel_metric, unit),
                share(totals.agreement),
                small(totals.kl),
                "–" if totals.sqnr_db is None else f"{totals.sqnr_db:.1f}",
                millis(totals.int8_ms),
                "–" if ratio is None else f"{ratio:.2f}×",
                f"{integer} / {asked}",
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if bare[column]:
                    set_bare(item, *bare[column])
                editable = Qt.ItemFlag.ItemIsEditable if column == 0 else Qt.ItemFlag.NoItemFlags
                item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | editable)
                if column > 1:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                font = item.font()
                font.setBold(run is current)
                font.setItalic(not run.exact)
                item.setFont(font)
                item.setToolTip(
                    self.tr("all samples, kernels and time") if run.exact else self.tr("quick figures on few samples")
                )
                self.table.setItem(place, column, item)
        for column in SOMETIMES:
            # Of a regression there is no KL, without labels no metric: the room is for what there is.
            shown = any(self.table.item(place, column).text() != "–" for place in range(len(runs)))
            self.table.setColumnHidden(column, not shown)
        # One target of all runs is said in the status bar.
        self.table.setColumnHidden(1, len({run.plan.target.title for run in runs}) < 2)
        for place, run in enumerate(runs):
            if run.key in chosen and len(chosen) < 3:
                for column in range(self.table.columnCount()):
                    self.table.item(place, column).setSelected(True)
        self._filling = False
        self._selected()

    def selected(self) -> list[Run]:
        """The runs that are selected, the older one first."""
        places = sorted({item.row() for item in self.table.selectedItems()}, reverse=True)
        return [self._runs[place] for place in places if place < len(self._runs)]

    def select(self, runs: Sequence[Run]) -> None:
        """Select runs that were chosen elsewhere."""
        keys = [(run.key, run.exact) for run in runs]
        self.table.clearSelection()
        for place, run in enumerate(self._runs):
            if (run.key, run.exact) in keys:
                for column in range(self.table.columnCount()):
                    self.table.item(place, column).setSelected(True)

    def _each(self, signal: Any) -> None:
        for run in self.selected():
            signal.emit(run)

    def _selected(self) -> None:
        if self._filling:
            return
        runs = self.selected()
        self.restore.setEnabled(len(runs) == 1)
        self.remove.setEnabled(bool(runs))
        for act in self._for_one:
            act.setEnabled(len(runs) == 1)
        self._for_some.setEnabled(bool(runs))
        if not self._tall:
            # Beside the table a comparison needs room, and says what the columns do that it takes it from.
            for widget, part in ((self.table, 5 if len(runs) == 2 else 7), (self.compared, 5 if len(runs) == 2 else 3)):
                self._both.setStretchFactor(widget, part)
        if len(runs) == 2:
            self.compared.setHtml(as_html(*runs, letters=WIDE_NAME if self._tall else NAME))
        else:
            self.compared.setPlainText(self.tr("Select two runs to compare plans and figures."))
        self.chosen.emit(runs)

    def _rename(self) -> None:
        if len(self.selected()) == 1:
            self.table.editItem(self.table.item(self.table.currentRow(), 0))

    def _renamed(self, item: QTableWidgetItem) -> None:
        if not self._filling and item.column() == 0 and item.text().strip():
            self.rename_requested.emit(self._runs[item.row()], item.text().strip())


def _with_unit(value: float | None, unit: str | None) -> tuple[float | None, str]:
    """A metric as a number and its unit, for a spreadsheet; a share in percent."""
    if unit in (None, "share"):
        return None if value is None else value * 100, "%"
    return value, unit or ""
