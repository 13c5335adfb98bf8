"""The workbench: table, error along the depth and graph, details; one selection for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QPoint, Qt, Signal
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSplitter, QVBoxLayout, QWidget

from ...engine.plan.qconfig import PRESETS
from ...engine.problem import Problem
from ..document import Document
from ..icons import set_icon, set_primary
from ..planned import Role
from .bottom import Bottom
from .cards import OneLine
from .centre import Centre
from .detail import Detail
from .estimate import edit_line
from .layer_facts import Facts, facts_of, floats_of, unmeant
from .layer_menu import LayerMenu, copy_qconfig, paste_qconfig
from .layer_tree import LayerTree
from .pattern import PatternDialog

if TYPE_CHECKING:
    from ..close_up import SampleErrors

NARROWER = 0.9
"""Where the page is narrower than this share of what it was laid out for, it is laid out anew."""

BRIEF = 28
"""Letters of a run's name in the line above the table, at most."""


class LayersPage(QWidget):
    """Places the parts and carries what they emit to the document.

    Signals
    -------
    problem(Problem), run_requested()
    """

    problem = Signal(object)
    run_requested = Signal()
    evidence_wanted = Signal(str)

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self._late = False
        self._placed = False
        self._analyzing = False
        self.tree = LayerTree()
        self.centre = Centre(document)
        self.detail = Detail(document)
        self.bottom = Bottom(document)
        upper = QSplitter(Qt.Orientation.Horizontal)
        upper.addWidget(self.tree)
        upper.addWidget(self.centre)
        upper.setStretchFactor(0, 1)
        upper.setStretchFactor(1, 3)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(upper)
        left.addWidget(self.bottom)
        left.setStretchFactor(0, 1)
        # The details take the whole height: editor, histogram and candidates belong together.
        self.split = QSplitter(Qt.Orientation.Horizontal)
        # One line, always there: the table must not move under the pointer at every edit.
        self.banner = OneLine()
        self.run = QPushButton(self.tr("Calibrate and analyze"))
        self.run.setToolTip(self.tr("Ctrl+Enter"))
        set_icon(self.run, "play")
        set_primary(self.run)
        self.run.clicked.connect(self.run_requested)
        self.split.addWidget(left)
        self.split.addWidget(self.detail)
        self.split.setStretchFactor(0, 1)
        self.splitters = (self.split, left, upper)
        for splitter in self.splitters:
            splitter.setChildrenCollapsible(False)
        self.tree.setMinimumWidth(300)
        self.detail.setMinimumWidth(308)
        self.centre.setMinimumWidth(260)
        self.reset_layout()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        top = QHBoxLayout()
        top.setContentsMargins(0, 0, 4, 0)
        top.addWidget(self.banner, 1)
        top.addWidget(self.run)
        outer.addLayout(top)
        outer.addWidget(self.split, 1)
        self._connect()
        self.refresh()

    def _changed(self) -> None:
        # A hidden page is brought up to date when it is shown.
        self._late = self._late or not self.isVisible()
        if not self._late:
            # What an edit is estimated to do is on the screen before the rest is made.
            self._show_banner()
            self.banner.repaint()
            self.refresh()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._placed:
            self.reset_layout()
        if self._late:
            self._late = False
            self.refresh()
        # The details look after themselves, see there.
        self.tree.select(self._document.selection)
        self.centre.show_selection()

    def reset_layout(self) -> None:
        """Sizes as at the first start, for the room that there is: more of it is for plots and graph."""
        self._placed = self.isVisible()
        width, height = self.width(), self.height()
        self._room = width
        detail = min(max(round(width * 0.22), 340), 440)
        tree = min(max(round((width - detail) * 0.59), 572), 660)
        bottom = min(max(round(height * 0.2), 132), 240)
        wanted = (width - detail, detail), (height - bottom, bottom), (tree, width - detail - tree)
        for splitter, sizes in zip(self.splitters, wanted, strict=True):
            splitter.setSizes(list(sizes))

    def save_layout(self) -> list[QByteArray]:
        """The splitters' sizes; nothing where the page was never shown."""
        return [splitter.saveState() for splitter in self.splitters] if self._placed else []

    def restore_layout(self, states: list[QByteArray]) -> None:
        """What `save_layout` gave."""
        self._placed = len(states) == len(self.splitters)
        for splitter, state in zip(self.splitters, states, strict=False):
            splitter.restoreState(state)
        self._room = sum(self.split.sizes())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        # Shrunk in proportion, the table would hide its last columns.
        if self._placed and self.width() < NARROWER * self._room:
            self.reset_layout()

    def _connect(self) -> None:
        document, editor = self._document, self.detail.editor
        document.results_changed.connect(self._changed)
        # What was looked for in the last model would hide the layers of the next one.
        document.model_changed.connect(self.tree.filter.clear)
        document.file_kernels_found.connect(self._changed)
        document.outputs_measured.connect(self._show_banner)
        document.selection_changed.connect(self._show_selection)
        document.calibration_changed.connect(self.detail.refresh)
        document.check_changed.connect(self._show_banner)
        self.tree.selected.connect(document.select)
        self.tree.toggled.connect(self.refresh)
        self.tree.filtered.connect(self._show_detail)
        self.tree.menu_requested.connect(self._table_menu)
        self.centre.graph.context_requested.connect(self._graph_menu)
        editor.changed.connect(self._change)
        editor.floated.connect(lambda role: document.make_float(document.selection, role))
        editor.preset_chosen.connect(lambda name: document.apply(document.selection, PRESETS[name], name))
        editor.followed.connect(lambda: document.follow_default(document.selection))
        self.detail.range_fixed.connect(
            lambda low, high: self._change("activation", {"estimator": "fixed", "range": (low, high)})
        )
        self.detail.range_freed.connect(self._free_range)
        self.detail.candidates.taken.connect(document.take)
        self.detail.matrix.taken.connect(lambda role, config: document.give(document.current, role, config))

    # -- edits --------------------------------------------------------------------------------

    def _change(self, role: Role, fields: dict[str, Any]) -> None:
        try:
            self._document.change(self._document.selection, role, **fields)
        except Problem as problem:
            self.problem.emit(problem)
            self.detail.refresh()

    def _free_range(self) -> None:
        default = self._document.plan.default.activation
        usual = "mse" if default is None or default.estimator == "fixed" else default.estimator
        self._change("activation", {"estimator": usual})

    def menu(self, ids: tuple[str, ...]) -> QMenu:
        """Edits for a selection, for all layers of its operator, and for its module."""
        hidden, save = self.tree.hidden(ids), self.evidence_wanted.emit
        menu = LayerMenu(self._document, ids, self.problem.emit, self.edit_by_pattern, hidden, save)
        menu.setParent(self, menu.windowFlags())
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addSeparator()
        menu.addAction(self.tr("Copy table"), self.tree.copy)
        return menu

    def _table_menu(self, point: QPoint, under: str) -> None:
        ids = self._document.selection
        if under in ids:
            # "Like this one" is like the row that was pointed at.
            ids = (*(layer_id for layer_id in ids if layer_id != under), under)
        self.menu(ids).popup(point)

    def edit_by_pattern(self) -> PatternDialog:
        """Ask for a pattern of layers, and give those a qconfig."""
        dialog = PatternDialog(self._document, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._document.apply_matching)
        dialog.open()
        return dialog

    def copy_qconfig(self) -> None:
        """Put the current layer's qconfig on the clipboard."""
        copy_qconfig(self._document)

    def paste_qconfig(self) -> None:
        """Give the selection the qconfig on the clipboard."""
        try:
            paste_qconfig(self._document)
        except Problem as problem:
            self.problem.emit(problem)

    def _graph_menu(self, name: str, point: QPoint) -> None:
        graph = self.centre.graph
        ids = graph.layers_of(name)
        self._document.select(ids)
        menu = self.menu(ids)
        graph.add_toggle(menu, name)
        menu.popup(point)

    # -- what is shown ------------------------------------------------------------------------

    def facts(self) -> Facts:
        """Rows and plan as the columns take them."""
        document = self._document
        rows = document.rows()
        run, exact = document.find(), document.last_exact
        qconfigs = document.qconfigs(row.id for row in rows)
        idle = [row for row in rows if unmeant(row)]
        shown = document.shown
        if document.freshness != "stale" or shown is None:
            then = qconfigs
        elif shown.plan.target == document.plan.target:
            then = document.qconfigs((row.id for row in idle), shown.plan)
        else:
            then = {}
        return facts_of(
            rows,
            document.edited(),
            qconfigs,
            frozenset(row.id for row in rows if document.weighted(row.id)),
            document.freshness == "stale",
            exact.analysis.layers if exact is not None else (),
            exact is not None and exact is not run,
            document.freshness == "exact",
            None if document.file_kernels is None else document.file_kernels.ran,
            floats_of(idle, then, qconfigs),
            document.apart(),
        )

    def refresh(self) -> None:
        """Show the document."""
        facts = self.facts()
        self.tree.show_facts(facts)
        # What was selected while the table had no rows yet, or others.
        self.tree.select(self._document.selection)
        self._show_banner()
        self.centre.show_facts(facts)
        self._show_detail()

    def set_analyzing(self, on: bool) -> None:
        """While everything is analyzed, figures are not missing but on their way."""
        self._analyzing = on
        if on and self.run.hasFocus():
            self.tree.view.setFocus()  # else hiding the button hands it to the filter
        self._show_banner()
        self.centre.depth.set_awaited(on)

    def show_sample(self, found: SampleErrors) -> None:
        """One sample's errors, laid over those of all."""
        self.bottom.samples.show_sample(found)
        self.centre.show_sample(found)

    def _show_banner(self) -> None:
        document = self._document
        freshness, run = document.freshness, document.shown
        name = run.name if run else ""
        sure = document.data is not None and document.confirmed == document.data.digest
        old = self.tr("Edited: italics are of “{0}”.")
        if run is not None and not document.about(run):
            old = self.tr("Italics are of “{0}”, on other data or by another metric.")
        none = self.tr("No figures yet: choose data, confirm the float metric, then Calibrate and analyze.")
        if self._analyzing:
            none = self.tr("The first figures are on their way.")
        elif sure:
            none = self.tr("No figures yet: Ctrl+Enter calibrates and analyzes.")
        self.run.setVisible(freshness == "none" and sure and not self._analyzing)
        text = {
            "none": none,
            "stale": old.format(_brief(name)),
            "quick": self.tr("Times and kernels in italics are of an older run; Ctrl+Enter runs all."),
            "exact": self.tr("Figures of “{0}”, on all samples.").format(name),
        }[freshness]
        if document.model is None:
            text = self.tr("Open a model to see its layers here.")
        line, tip = edit_line(document)
        words = (line, text) if freshness == "quick" else (text, line)
        self.banner.show_text(" ".join(filter(None, words)), tip)

    def _show_selection(self, ids: tuple[str, ...]) -> None:
        # A hidden page is brought up to date when it is shown.
        if self._late or not self.isVisible():
            return
        self.tree.select(ids)
        self.centre.show_selection()
        self._show_detail()

    def _show_detail(self) -> None:
        self.detail.hidden = self.tree.hidden(self._document.selection)
        self.detail.refresh()


def _brief(name: str) -> str:
    """The beginning of a run's name: in a small window, too, there is room for what the edit does."""
    return name if len(name) <= BRIEF else f"{name[: BRIEF - 1].rstrip()}…"
