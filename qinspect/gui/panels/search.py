"""Search: what is asked for, the plans that were found, and one of them taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QPushButton,
    QSplitter,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ..document import Document
from ..icons import set_icon
from ..language import translated
from ..work import SearchWish
from .cards import Real, label, row
from .figures import small
from .pareto import PlanPareto, point_key
from .search_scope import SearchScope
from .tables import align_right, copy_as, explain, filling, row_table, set_bare

if TYPE_CHECKING:
    from ...engine.search.pareto import Pareto, Point, Verified

LIMITS = {"": (0.0, ""), "drop": (1.0, ""), "kl": (0.05, " nats"), "ms": (5.0, " ms")}
"""Kinds of constraint with a first value and a unit; empty is none, of a drop it is the metric's."""


class SearchPanel(QWidget):
    """Fields and button above, the Pareto plot in the middle, the plans as a table below.

    Signals
    -------
    search_requested(SearchWish)
    plan_requested(name, QuantPlan)
        A plan that was found is to be the current one.
    """

    search_requested = Signal(object)
    plan_requested = Signal(str, object)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._shown: Pareto | None = None
        self.kind = QComboBox()
        for kind, text in (
            ("", self.tr("none: best compromise")),
            ("drop", self.tr("lose at most")),
            ("kl", self.tr("KL at most")),
            ("ms", self.tr("take at most")),
        ):
            self.kind.addItem(text, kind)
        self.kind.setAccessibleName(self.tr("What is asked for"))
        self.kind.setToolTip(
            self.tr("Metric (agreement without labels), divergence in nats, or time of a forward pass")
        )
        self.limit = Real(minimum=0.0, maximum=1e6, decimals=3)
        self.limit.setAccessibleName(self.tr("Limit"))
        self.objective = QComboBox()
        for name, text in (
            ("latency", self.tr("as fast as possible")),
            ("size", self.tr("as small as possible")),
            ("layers", self.tr("few layers in float")),
        ):
            self.objective.addItem(text, name)
        self.objective.setAccessibleName(self.tr("Objective"))
        self.go = QPushButton(self.tr("Search"))
        self.go.setToolTip(
            self.tr(
                "Finds the plans that no other one beats in both loss and cost; simulates and times the best of them"
            )
        )
        set_icon(self.go, "magnify")
        self.scope = SearchScope(document)
        self.pareto = PlanPareto(document)
        self.note = label("", "muted")
        self.note.setContentsMargins(8, 0, 8, 0)
        self.table = row_table(
            [
                self.tr("Plan"),
                self.tr("Time (ms)"),
                self.tr("KL (nats)"),
                self.tr("Lost"),
                self.tr("In float"),
                self.tr("Changed"),
                self.tr("Target"),
            ],
            self.tr("Plans that the search found"),
        )
        align_right(self.table, *range(1, 7))
        explain(
            self.table,
            self.tr("Numbered by the search; double-click takes it"),
            self.tr("Of a forward pass; ≈ is the sum of the layers' times, not measured as a whole"),
            self.tr("On the select split; ≈ is estimated, not simulated"),
            self.tr("On the select split, with its 95% confidence interval"),
            self.tr("Number of layers that the plan leaves in float; point at it for their names"),
            self.tr("Number of other layers that it changed; point at it for what"),
            self.tr("Backend and engine that the plan is for"),
        )
        self.table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.take = QPushButton(self.tr("Take this plan"))
        self.take.setToolTip(self.tr("Make it the current plan; can be undone"))
        set_icon(self.take, "check")
        limit = label(self.tr("Limit"), "muted", wrap=False)
        objective = label(self.tr("Objective"), "muted", wrap=False)
        limit.setBuddy(self.kind)
        objective.setBuddy(self.objective)
        top = row(limit, self.kind, self.limit, objective, self.objective, self.go, 1)
        top.setContentsMargins(8, 6, 8, 2)
        split = QSplitter(Qt.Orientation.Vertical)
        split.addWidget(self.pareto)
        split.addWidget(self.table)
        split.setStretchFactor(0, 3)
        split.setStretchFactor(1, 2)
        split.setChildrenCollapsible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        below = row(self.scope, 1, self.take)
        below.setContentsMargins(8, 0, 8, 2)
        column.addLayout(top)
        column.addLayout(below)
        column.addWidget(self.note)
        column.addWidget(split, 1)
        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self.objective.currentIndexChanged.connect(lambda: self.scope.set_objective(self.objective.currentData()))
        self.go.clicked.connect(lambda: self.search_requested.emit(self._wish()))
        self.take.clicked.connect(lambda: self._take(self.table.currentRow()))
        self.table.cellDoubleClicked.connect(lambda place, _: self._take(place))
        self.table.itemSelectionChanged.connect(self._selected)
        self.pareto.plan_chosen.connect(lambda place: self.table.selectRow(place))
        self.pareto.plan_opened.connect(self._take)
        for changed in (document.results_changed, document.calibration_changed):
            changed.connect(self.refresh)
        self._kind_chosen()
        self.refresh()

    def _wish(self) -> SearchWish:
        kind = self.kind.currentData()
        limit = self.limit.value() / (self._drop_scale() if kind == "drop" else 1)
        return SearchWish(
            kind, limit, self.objective.currentData(), self.scope.chosen_targets(), *self.scope.chosen_profiles()
        )

    def _kind_chosen(self) -> None:
        value = LIMITS[self.kind.currentData()][0]
        self.limit.setVisible(bool(self.kind.currentData()))
        self._show_unit()
        self.limit.setValue(value)

    def _show_unit(self) -> None:
        kind = self.kind.currentData()
        unit = LIMITS[kind][1]
        if kind == "drop":
            unit = f" {self._drop_unit(self._document.drop_unit)}"
        self.limit.setSuffix(unit)

    def _drop_unit(self, unit: str) -> str:
        return self.tr("points") if unit == "points" else unit

    def _drop_scale(self) -> float:
        """What a drop is multiplied with to be in the unit that it is said in."""
        return 100.0 if self._document.drop_unit == "points" else 1.0

    def set_busy(self, busy: bool) -> None:
        """While something runs, nothing is searched."""
        self.go.setEnabled(not busy and self._document.calibration is not None)

    def refresh(self) -> None:
        """Show what was found."""
        found = self._document.searched
        self.go.setEnabled(self._document.calibration is not None)
        self._show_unit()
        if found is self._shown and found is not None:
            return
        self._shown = found
        self.table.setVisible(found is not None)
        self.take.setEnabled(False)
        self.note.setVisible(found is not None)
        if found is None:
            self.table.setRowCount(0)
            return
        first = (
            self.tr("{0} plans simulated in {1} s. Chosen: {2}").format(
                found.verified, f"{found.search_s:.0f}", translated(found.why)
            )
            if found.met
            else self.tr("The limit is not met: {0}. The nearest is marked.").format(translated(found.why))
        )
        said = [first, *self._on_select(found), *self._on_final(found), *(translated(note) for note in found.notes)]
        self.note.setText("\n".join(said))
        lost = self.tr("Lost ({0})").format(self._drop_unit(found.drop_unit))
        self.table.horizontalHeaderItem(3).setText(lost)
        self.table.setColumnHidden(6, not found.targets)
        # Outputs that are no distribution over classes have no divergence.
        by_mse = found.start.select is not None and found.start.select.kl is None
        loss = self.tr("MSE / power") if by_mse else self.tr("KL (nats)")
        self.table.horizontalHeaderItem(2).setText(loss)
        for column, title in ((1, self.tr("Time (ms)")), (2, loss)):
            copy_as(self.table, column, title, self.tr("{0}, estimated").format(title))
        copy_as(self.table, 3, lost, self.tr("at least"), self.tr("at most"))
        with filling(self.table):
            self.table.setRowCount(len(found.points))
            for place, point in enumerate(found.points):
                self._fill(place, point, place == found.chosen, found.drop_unit, by_mse)
        self.table.selectRow(found.chosen)

    def _on_select(self, found: Pareto) -> list[str]:
        """What the table's figures are of."""
        on = found.start.select
        text = self.tr("Table and plot show what plans lose on the {0} samples that they were chosen on.")
        return [] if on is None else [text.format(on.samples)]

    def _on_final(self, found: Pareto) -> list[str]:
        """What the chosen plan does on samples that nothing was chosen on, beside the one that was given."""
        chosen, given = found.best.final, found.start.final
        if chosen is None:
            return []
        first = self.tr("On {0} samples that it was not chosen on, simulated: {1}")
        said = [first.format(chosen.samples, self._losses(chosen, found.drop_unit))]
        if given is not None and found.start.plan.target == found.best.plan.target:
            said.append(self.tr("The plan as given, on the same: {0}").format(self._losses(given, found.drop_unit)))
        return said

    def _losses(self, found: Verified, drop_unit: str) -> str:
        """KL and drop, with their 95 % confidence intervals."""
        if found.kl is None:
            loss = f"MSE {small(found.mse)}"
        else:
            loss = f"KL {small(found.kl.value)} ({small(found.kl.low)} … {small(found.kl.high)})"
        if found.drop is None:
            return loss
        return self.tr("{0}, lost {1} {2}").format(loss, _lost(found, drop_unit), self._drop_unit(drop_unit))

    def _fill(self, place: int, point: Point, chosen: bool, drop_unit: str, by_mse: bool) -> None:
        name = self.tr("plan {0}").format(place + 1)
        if point.all_float:
            name = self.tr("{0}: the float model").format(name)
        times, loss = (point.int8_ms, point.estimated_ms), _loss(point, by_mse)
        texts = (
            f"● {name}" if chosen else name,
            _figure(*times),
            _figure(*loss),
            _lost(point.select, drop_unit),
            str(len(point.float_layers)),
            str(len(point.changed)),
            point.plan.target.title,
        )
        bare = ((name,), times, loss, _limits(point.select, drop_unit), (), (), ())
        tips = (
            "",
            "",
            "",
            "",
            "\n".join(point.float_layers),
            "\n".join(f"{key}: {translated(what)}" for key, what in point.changed),
            "",
        )
        for column, (text, tip) in enumerate(zip(texts, tips, strict=True)):
            item = QTableWidgetItem(text)
            item.setToolTip(tip)
            if bare[column]:
                set_bare(item, *bare[column])
            if point.all_float:
                font = item.font()
                font.setItalic(True)
                item.setFont(font)
            if column:
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            self.table.setItem(place, column, item)

    def _selected(self) -> None:
        place = self.table.currentRow()
        self.take.setEnabled(self._shown is not None and 0 <= place < len(self._shown.points))
        self.pareto.select((point_key(place),))

    def _take(self, place: int) -> None:
        if self._shown is not None and 0 <= place < len(self._shown.points):
            self.plan_requested.emit(self.tr("plan {0}").format(place + 1), self._shown.points[place].plan)


def _figure(measured: float | None, estimated: float | None) -> str:
    if measured is not None:
        return small(measured)
    return "–" if estimated is None else f"≈ {small(estimated)}"


def _loss(point: Point, by_mse: bool) -> tuple[float | None, float | None]:
    """On the select split, simulated and estimated."""
    select = point.select
    if by_mse:
        return None if select is None else select.mse, point.estimated_mse
    return None if select is None or select.kl is None else select.kl.value, point.estimated_kl


def _limits(found: Verified | None, unit: str) -> tuple[float | None, ...]:
    """What a plan loses, in a unit, and between what limits."""
    drop = None if found is None else found.drop
    if drop is None:
        return None, None, None
    scale = 100 if unit == "points" else 1
    return drop.value * scale, drop.low * scale, drop.high * scale


def _lost(found: Verified | None, unit: str) -> str:
    lost, low, high = _limits(found, unit)
    if lost is None:
        return "–"
    if unit == "points":
        return f"{lost:.1f} ({low:.1f} … {high:.1f})"
    return f"{lost:.3g} ({low:.2g} … {high:.2g})"
