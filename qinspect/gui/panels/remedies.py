"""Remedies beyond qconfigs: equalize, round by data, correct biases; applied, tried, taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QPushButton,
    QStackedWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ...engine.plan import REMEDIES, QuantPlan, Remedy
from ...engine.results import error_shares
from ...session import Run
from ..document import Document
from ..icons import set_icon
from .cards import Hint, Wrapped, row
from .figures import decibel, share, small
from .tables import align_right, copy_as, explain, filling, row_table, set_bare


class RemediesPanel(QWidget):
    """A row for each layer or pair that can be helped, with figures before and after where both were measured.

    Signals
    -------
    wanted()
        What is possible is to be found out for the current plan.
    tried(Remedy)
        The plan with it (or without, where it is on) is to be measured, and not to become the current one.
    layers_requested(tuple of ids)
    """

    wanted = Signal()
    tried = Signal(object)
    layers_requested = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._possible: tuple[Remedy, ...] = ()
        self._of = self._asked = ""
        self._others: dict[tuple[Remedy, bool], Run] = {}
        self._own: dict[bool, Run | None] = {}
        self._shown: list[Remedy] = []
        self._shares: dict[str, float] = {}  # of the output error, by layer
        self._listed: tuple[frozenset[Remedy], bool] = (frozenset(), False)
        self.titles = {
            "equalize": self.tr("Equalize neighbours"),
            "adaround": self.tr("Round by data"),
            "bias_correction": self.tr("Correct biases"),
        }
        self._meanings = {
            "equalize": self.tr(
                "Scales the channels that two neighbours share, so that one scale serves all of them; "
                "in float the model stays the same. For one scale per tensor."
            ),
            "adaround": self.tr(
                "Rounds each weight up or down so that the layer's output, not the weight, is nearest: "
                "as fast as before. For weights that cause the error. Takes seconds a layer."
            ),
            "bias_correction": self.tr(
                "Takes back in the bias what quantized weights shift on average. Costs nothing at run time."
            ),
        }
        self.kind = QComboBox()
        self.kind.setAccessibleName(self.tr("Kind of remedy"))
        for kind in REMEDIES:
            self.kind.addItem(self.titles[kind], kind)
        self.kind.currentIndexChanged.connect(self._fill)
        self.apply = QPushButton(self.tr("Apply"))
        set_icon(self.apply, "auto-fix")
        self.apply.setToolTip(self.tr("One edit, which can be undone"))
        self.remove = QPushButton(self.tr("Take out"))
        set_icon(self.remove, "delete-outline")
        self.measure = QPushButton(self.tr("Try"))
        set_icon(self.measure, "play")
        self.measure.setToolTip(
            self.tr("Quick figures of the plan with each selected remedy, and without it; the plan stays as it is")
        )
        self.apply.clicked.connect(lambda: self._set(True))
        self.remove.clicked.connect(lambda: self._set(False))
        self.measure.clicked.connect(self._try)
        self.meaning = Wrapped("", "muted")
        self.meaning.setContentsMargins(8, 0, 8, 0)
        self.table = row_table(
            [
                self.tr("Layers"),
                self.tr("State"),
                self.tr("Layer's SQNR"),
                self.tr("KL (nats)"),
                self.tr("Error"),
            ],
            self.tr("Remedies"),
        )
        align_right(self.table, 4)
        explain(
            self.table,
            self.tr("What the remedy changes"),
            self.tr("Whether the current plan has it"),
            self.tr("Of the layer's own quantization, without → with the remedy; of a pair the lower one"),
            self.tr("Of the whole model, without → with the remedy; normalized MSE where outputs are no classes"),
            self.tr("Estimated share of the output error that these layers cause: the largest stand on top"),
        )
        copy_as(self.table, 2, self.tr("SQNR without (dB)"), self.tr("SQNR with (dB)"))
        copy_as(self.table, 3, self.tr("KL without (nats)"), self.tr("KL with (nats)"))
        copy_as(self.table, 4, self.tr("Error (%)"))
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.itemSelectionChanged.connect(self._enable)
        self.table.cellDoubleClicked.connect(lambda place, _: self.layers_requested.emit(self._shown[place].layers))
        self.hint = Hint("")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.hint)
        self.stack.addWidget(self.table)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 0)
        tools = row(self.kind, self.apply, self.remove, self.measure, 1)
        tools.setContentsMargins(8, 0, 8, 0)
        column.addLayout(tools)
        column.addWidget(self.meaning)
        column.addWidget(self.stack, 1)
        self._busy = False
        for changed in (document.results_changed, document.calibration_changed):
            changed.connect(self.refresh)
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def set_busy(self, busy: bool) -> None:
        """While something runs, nothing is tried."""
        self._busy = busy
        self._enable()

    def show_possible(self, fingerprint: str, found: tuple[Remedy, ...] | None) -> None:
        """What the plan of that fingerprint leaves room for; None where that was cancelled, and is asked for anew."""
        if found is None:
            self._asked = ""
            self.hint.setText(self.tr("Nothing was looked for: it was cancelled. Come here again to look for it."))
            return
        self._of, self._possible = fingerprint, found
        self.refresh()

    def refresh(self) -> None:
        """Show the current plan's remedies; what is possible is asked for when it is not known."""
        document = self._document
        if not self.isVisible():
            return
        if document.model is not None and self._asked != document.plan.fingerprint:
            self._asked = document.plan.fingerprint
            self.wanted.emit()
        self._fill()

    # -- what is shown ------------------------------------------------------------------------

    def _fill(self) -> None:
        kind = self.kind.currentData()
        self.meaning.setText(self._meanings[kind])
        chosen = {remedy.layers for remedy in self.selected()}
        on = self._on(kind)
        possible = [remedy for remedy in self._possible if remedy.kind == kind]
        self._others = self._measured()
        self._own = {exact: self._document.find(exact=exact) for exact in (True, False)}
        self._shares = error_shares(self._document.rows())
        rows = [*possible, *(remedy for remedy in on if remedy not in possible)]
        # Sorted when they are listed, and not anew at every edit: rows stay under the pointer.
        listed = (frozenset(rows), bool(self._shares))
        if listed != self._listed:
            rows.sort(key=lambda remedy: -(self._share(remedy) or 0))
            self._listed, self._shown = listed, rows
        rows = self._shown
        self.stack.setCurrentIndex(1 if rows else 0)
        self.hint.setText(
            self.tr("Open a model first.")
            if self._document.model is None
            else self.tr("Looking for layers that this could help…")
            if self._of != self._document.plan.fingerprint
            else self.tr("There is no layer of the plan that this could help.")
        )
        with filling(self.table):
            self.table.setRowCount(len(rows))
            for place, remedy in enumerate(rows):
                self._fill_row(place, remedy, remedy in on, remedy in possible)
        self.table.clearSelection()
        for place, remedy in enumerate(rows):
            if remedy.layers in chosen:
                for column in range(self.table.columnCount()):
                    self.table.item(place, column).setSelected(True)
        self._enable()

    def _fill_row(self, place: int, remedy: Remedy, on: bool, possible: bool) -> None:
        state = self.tr("on") if on else self.tr("off")
        if on and not possible and self._of == self._document.plan.fingerprint:
            state = self.tr("on, but not possible: take it out")
        without, with_ = self._pair(remedy, on)
        sqnr, loss = (_lowest(without, remedy), _lowest(with_, remedy)), (_loss(without), _loss(with_))
        # The whole plan's own figure would be the same in every row.
        change = "–" if None in loss else _both(*loss, small)
        part = self._share(remedy)
        texts = (" → ".join(remedy.layers), state, _both(*sqnr, decibel), change, share(part))
        bare = ((), (), sqnr, loss, (None if part is None else part * 100,))
        tip = self.tr("Not measured yet: try it") if without is None or with_ is None else ""
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text if column < 2 else tip if column < 4 else "")
            if column == 4:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if bare[column]:
                set_bare(item, *bare[column])
            if column == 1 and on:
                font = item.font()
                font.setBold(True)
                item.setFont(font)
            self.table.setItem(place, column, item)

    def _share(self, remedy: Remedy) -> float | None:
        """The part of the output error that a remedy's layers cause."""
        known = [self._shares[layer_id] for layer_id in remedy.layers if layer_id in self._shares]
        return sum(known) if known else None

    def _on(self, kind: str) -> list[Remedy]:
        """The current plan's remedies of a kind, by single layers or pairs."""
        return [remedy for remedy in self._document.plan.single_remedies if remedy.kind == kind]

    def _measured(self) -> dict[tuple[Remedy, bool], Run]:
        """Runs of plans that differ from the current one in a single remedy, by that and by whether they are exact."""
        document, found = self._document, {}
        here, bare = set(document.plan.single_remedies), replace(document.plan, remedies=()).fingerprint
        for run in document.runs:
            if document.about(run) and replace(run.plan, remedies=()).fingerprint == bare:
                differing = here ^ set(run.plan.single_remedies)
                if len(differing) == 1:
                    found[differing.pop(), run.exact] = run
        return found

    def _pair(self, remedy: Remedy, on: bool) -> tuple[Run | None, Run | None]:
        """Runs without and with a remedy, on the same samples where there are such."""
        pairs = [(self._own[exact], self._others.get((remedy, exact))) for exact in (True, False)]
        # Else what is known of the plan itself: after an edit those are quick figures.
        pairs.sort(key=lambda pair: (None in pair, pair[0] is None))
        here, there = pairs[0]
        return (there, here) if on else (here, there)

    def toggled_plan(self, remedy: Remedy) -> QuantPlan:
        """The current plan with a remedy switched."""
        plan = self._document.plan
        return plan.with_remedies((remedy,), remedy not in self._on(remedy.kind))

    # -- what the user does -------------------------------------------------------------------

    def selected(self) -> list[Remedy]:
        """The selected rows."""
        places = sorted({item.row() for item in self.table.selectedItems()})
        return [self._shown[place] for place in places if place < len(self._shown)]

    def _enable(self) -> None:
        some = self.selected()
        chosen, on = some or self._shown, self._on(self.kind.currentData())
        # Without a selection they are for every row, which is to be seen before it is pressed.
        self.apply.setText(self.tr("Apply") if some else self.tr("Apply to all"))
        self.remove.setText(self.tr("Take out") if some else self.tr("Take all out"))
        self.apply.setEnabled(any(remedy not in on for remedy in chosen))
        self.remove.setEnabled(any(remedy in on for remedy in chosen))
        self.measure.setEnabled(bool(self.selected()) and self._document.calibration is not None and not self._busy)

    def _set(self, wanted: bool) -> None:
        chosen: Sequence[Remedy] = self.selected() or self._shown
        on = self._on(self.kind.currentData())
        changed = [remedy for remedy in chosen if (remedy in on) != wanted]
        title = self.titles[self.kind.currentData()]
        layers = [layer_id for remedy in changed for layer_id in remedy.layers]
        # A run is named after it: of several what counts is on how many layers.
        word = (
            f"{title}: {' → '.join(layers)}"
            if len(changed) == 1
            else self.tr("{0}: {1} layers").format(title, len(set(layers)))
        )
        off = word if wanted else self.tr("{0}, taken out").format(word)
        self._document.edit(off, self._document.plan.with_remedies(changed, wanted))

    def _try(self) -> None:
        for remedy in self.selected():
            self.tried.emit(remedy)


def _both(before: float | None, after: float | None, text: object) -> str:
    """Figures without and with; where one is not measured yet, the other one alone: that of the current plan."""
    assert callable(text)
    known = [text(value) for value in (before, after) if value is not None]
    return " → ".join(known) or "–"


def _lowest(run: Run | None, remedy: Remedy) -> float | None:
    """The lowest SQNR of a remedy's layers, dB."""
    rows = [None if run is None else run.analysis.row(layer_id) for layer_id in remedy.layers]
    known = [row.errors.local_sqnr_db for row in rows if row is not None and row.errors.local_sqnr_db is not None]
    return min(known, default=None)


def _loss(run: Run | None) -> float | None:
    if run is None:
        return None
    totals = run.analysis.totals
    return totals.mse if totals.kl is None else totals.kl
