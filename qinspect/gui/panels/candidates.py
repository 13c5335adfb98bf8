"""What else the selected layer could be, by estimated effect."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QStackedWidget, QTableWidget, QTableWidgetItem

from ..language import translated
from .cards import Hint
from .figures import decibel, described, micros, small
from .tables import make_copyable


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
        super().__init__(0, 4)
        self.setHorizontalHeaderLabels([self.tr("Candidate"), self.tr("Est. KL"), self.tr("SQNR"), self.tr("Time")])
        self.horizontalHeaderItem(0).setTextAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.horizontalHeaderItem(3).setToolTip(
            self.tr(
                "Median time of the layer; ≈ is estimated from other layers, – is not known: point at it for the reason"
            )
        )
        self.setAccessibleName(self.tr("Candidates"))
        self.setToolTip(
            self.tr(
                "Estimated on 16 samples of the select split, not measured; the shares in the table of layers are of "
                "the final split. Enter applies, Shift+Enter to all layers like it."
            )
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
            name = translated(candidate.title)
            title = f"● {name}" if candidate.current else name
            time = candidate.time
            us = "–" if time is None else f"{'' if time.measured or time.us is None else '≈ '}{micros(time.us)}"
            texts = (title, small(candidate.estimated_kl), decibel(candidate.local_sqnr_db), us)
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                item.setToolTip(f"{described(candidate.weight)} · {described(candidate.activation)}")
                if candidate.why_not is not None:
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                    item.setToolTip(translated(candidate.why_not))
                if column == 3 and time is not None:
                    item.setToolTip(translated(time.source))
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
        """Say why there are none."""
        usual = self.tr("After the analysis, other qconfigs for the layer are listed here by their estimated effect.")
        self.hint.setText(why or usual)
        self.setCurrentWidget(self.hint)
