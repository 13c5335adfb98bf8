"""What else the selected layer could be, by effect."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStackedWidget,
    QTableWidget,
    QTableWidgetItem,
    QToolTip,
)

from ...engine.plan.qconfig import ESTIMATOR_TITLES, QConfig
from ...engine.text import Text, remade
from ..language import translated
from .cards import Hint
from .figures import decibel, described, micros, small
from .tables import align_right, copy_as, explain, make_copyable, set_bare

AS_IT_IS = "as it is"
"""What the engine calls the candidate that the plan has."""


class Candidates(QTableWidget):
    """What else the layer could be, by effect.

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
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels([self.tr("Candidate"), self.tr("KL"), self.tr("SQNR"), self.tr("Time")])
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        explain(
            self,
            self.tr("What the layer could be; grey is what the target has no kernel for"),
            self.tr(
                "KL(fp32‖int8) at the model's output with this layer alone quantized, in nats. A lower one can come "
                "with a lower SQNR: that counts every error of the layer alike, KL only what reaches the answers; and "
                "small differences on few samples are chance"
            ),
            self.tr(
                "Of the layer's output with this candidate, weight and activation rounded, fed with float inputs: "
                "10 log10(Σ y² / Σ (y − ŷ)²). “Local” in the table of layers, and “layer” "
                "below the histogram, are the same on the final split (F1 here: Terms, SQNR)"
            ),
            self.tr(
                "Median time of the layer; ≈ is estimated from other layers, – is not known: point at it for the reason"
            ),
        )
        align_right(self, 1, 2, 3)
        copy_as(self, 1, self.tr("KL (nats)"))
        copy_as(self, 2, self.tr("SQNR (dB)"))
        copy_as(self, 3, self.tr("Time (µs)"), self.tr("Time is"))
        self.setAccessibleName(self.tr("Candidates"))
        self.setToolTip(
            self.tr(
                "Run with all other layers in float, on 16 samples of the select split (64 of a small net); the shares "
                "in the table of layers are of the final split. Enter applies, Shift+Enter to all layers like it."
            )
        )
        self.verticalHeader().hide()
        self.setShowGrid(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.verticalHeader().setDefaultSectionSize(21)
        make_copyable(self)
        self.found: tuple[Any, ...] = ()
        self.cellDoubleClicked.connect(self._double_clicked)
        self.setMouseTracking(True)
        self.cellEntered.connect(lambda place, _: self.previewed.emit(self.found[place]))
        self.currentCellChanged.connect(lambda place, *_: self._at(place))

    def show_candidates(self, found: tuple[Any, ...]) -> None:
        """List candidates; those that the target does not support are greyed, with the reason.

        The cursor stays with its candidate, wherever that stands now, and goes where it is no more there: never does
        another one slip under it.
        """
        place = self.currentRow()
        before = _config(self.found[place]) if 0 <= place < len(self.found) else None
        self.found = ()
        self.setRowCount(0)
        self.found = found
        self.setRowCount(len(found))
        for place, candidate in enumerate(found):
            time = candidate.time
            us = "–" if time is None else f"{'' if time.measured or time.us is None else '≈ '}{micros(time.us)}"
            texts = (_title(candidate), small(candidate.isolated_kl), decibel(candidate.local_sqnr_db), us)
            source, exact_us = ("", None) if time is None else (translated(time.source), time.us)
            bare = (
                (),
                (candidate.isolated_kl,),
                (candidate.local_sqnr_db,),
                (exact_us, source),
            )
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if bare[column]:
                    set_bare(item, *bare[column])
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(f"{described(candidate.weight)} · {described(candidate.activation)}")
                if candidate.why_not is not None:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                    item.setToolTip(translated(candidate.why_not))
                if column == 3 and time is not None:
                    item.setToolTip(source)
                self.setItem(place, column, item)
            if before is not None and _config(candidate) == before:
                self.setCurrentCell(place, 0)

    def follow(self, now: QConfig, stale: bool) -> None:
        """Say which candidate the layer is now; figures of a plan that was edited since are in italics."""
        self.found = tuple(replace(found, current=_config(found) == now) for found in self.found)
        for place, candidate in enumerate(self.found):
            for column in range(self.columnCount()):
                item = self.item(place, column)
                font = item.font()
                font.setItalic(stale and column > 0)
                item.setFont(font)
            was = candidate.title == AS_IT_IS and not candidate.current
            self.item(place, 0).setText(self.tr("as it was") if was else _title(candidate))

    def _at(self, place: int) -> None:
        self.previewed.emit(self.found[place] if 0 <= place < len(self.found) and self.hasFocus() else None)

    def _double_clicked(self, place: int, _: int) -> None:
        self._take(self.found[place], False)

    def _take(self, candidate: Any, like_it: bool) -> None:
        # What the layer is already is no edit; for others of its operator it may be one.
        if candidate.why_not is None and (like_it or not candidate.current):
            self.taken.emit(candidate, like_it)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # Qt puts the cursor on the first row without showing it there.
        if self.currentRow() >= 0 and not self.selectionModel().isRowSelected(self.currentRow()):
            self.selectRow(self.currentRow())

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            item = self.itemAt(event.pos())
            if item is None:
                return super().viewportEvent(event)
            text = item.toolTip()
            # Beside the list, so that it covers no candidate.
            width = max(self.fontMetrics().horizontalAdvance(line) for line in text.splitlines() or [""])
            place = self.viewport().mapToGlobal(QPoint(0, event.pos().y()))
            QToolTip.showText(place - QPoint(width + 32, 24), text, self.viewport())
            return True
        return super().viewportEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self.previewed.emit(None)
        super().leaveEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            place = self.currentRow()
            if 0 <= place < len(self.found) and self.selectionModel().isRowSelected(place):
                self._take(self.found[place], bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
            return
        super().keyPressEvent(event)


def _title(candidate: Any) -> str:
    title = candidate.title
    if isinstance(title, Text) and (estimator := title.values.get("estimator")) in ESTIMATOR_TITLES:
        title = remade(title, title.template, {"estimator": ESTIMATOR_TITLES[estimator]})
    name = translated(title)
    return f"● {name}" if candidate.current else name


def _config(candidate: Any) -> QConfig:
    return QConfig(candidate.weight, candidate.activation)


class CandidatesPanel(QStackedWidget):
    """The candidates, or why there are none."""

    def __init__(self) -> None:
        super().__init__()
        self.table = Candidates()
        self.hint = Hint("")
        self.addWidget(self.hint)
        self.addWidget(self.table)
        self.setMinimumHeight(72)
        self.show_nothing()

    def show_found(self, found: tuple[Any, ...]) -> None:
        """List candidates."""
        self.table.show_candidates(found)
        if found:
            self.setCurrentWidget(self.table)
        else:
            self.show_nothing(self.tr("There is no other qconfig for this layer."))

    def show_nothing(self, why: str = "") -> None:
        """Say why there are none; nothing of those of another layer is kept."""
        self.table.show_candidates(())
        usual = self.tr("After the analysis, other qconfigs for the layer are listed here by their effect.")
        self.hint.setText(why or usual)
        self.setCurrentWidget(self.hint)
