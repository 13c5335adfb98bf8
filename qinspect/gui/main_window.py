"""The window: places the panels and carries what they emit to document and tasks."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QByteArray, QCoreApplication, QSettings, QSize, Qt, QTimer
from PySide6.QtGui import QAction, QCloseEvent, QCursor, QDragEnterEvent, QDragLeaveEvent, QDropEvent, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QLabel,
    QMainWindow,
    QMenu,
    QStackedWidget,
    QWidget,
)

from ..engine.plan.file import plan_from_json
from ..engine.problem import Problem
from ..engine.process import guest
from ..engine.results import Finding
from . import dialogs
from .actions import commands_of, keys_of, make_actions
from .anew import make_anew
from .document import Document
from .dropping import Dropping, keep_out
from .help import OF_STEP, HelpWindow, term_in, words_at
from .icons import recolour
from .jobs import Failure, Jobs
from .keeper import Keeper, to_recover
from .language import install, translated, wanted
from .opening import Opening
from .palette import Palette
from .panels.cards import Page
from .panels.data_page import DataPage
from .panels.export_page import ExportPage
from .panels.open_page import OpenPage
from .panels.status import JobStrip
from .panels.steps import STEPS, StepBar, states
from .panels.target_page import TargetPage
from .panels.verdict_page import VerdictPage
from .questions import Questions
from .recent import recent
from .tasks import Tasks
from .theme import Colours, Theme
from .wiring import connect_fix, connect_layers, connect_pages, connect_window

if TYPE_CHECKING:
    from .panels.fix_page import FixPage
    from .panels.layers_page import LayersPage
    from .work import Opened

FRAME = 32
"""Height in pixels of the frame that a window system puts around."""
SAID_MS = 6000
"""So long the status bar says where a file was written."""
ASK_MS = 250
"""Candidates are asked for when the selection has stood still so long."""


class MainWindow(QMainWindow):
    """Everything that a person sees.

    Parameters
    ----------
    theme : Theme
    settings : QSettings
        Where window, recent files and trust are remembered.
    autosave : Path | None
        Where the session is kept on the way; None keeps none.
    """

    recent_menu: QMenu
    save_action: QAction
    save_plan_action: QAction
    report_action: QAction
    profile_action: QAction
    export_action: QAction
    undo_action: QAction
    redo_action: QAction
    run_action: QAction
    quick_action: QAction
    sweep_action: QAction
    cancel_action: QAction
    bottom_action: QAction
    help_action: QAction

    def __init__(self, theme: Theme, settings: QSettings, autosave: Path | None = None) -> None:
        super().__init__()
        self.theme, self.settings = theme, settings
        self.document = Document(self)
        self.jobs = Jobs(self)
        self.tasks = Tasks(self.document, self.jobs)
        self.questions = Questions(self.document, self.jobs, self.tasks)
        self.keeper = Keeper(self.document, self.jobs, self.tasks, autosave)
        self.opening = Opening(self)
        self.dropping = Dropping(self)
        self.stopped, self.asks = True, True  # asks: whether there is somebody to answer when it closes
        self.setAcceptDrops(True)
        self.opened: Opened | None = None
        self._fix_tab = 0
        self._asker = QTimer(self, singleShot=True, interval=ASK_MS)
        self.make_pages()
        self._connect()
        self.setMinimumSize(960, 600)
        self._usual_size()
        if isinstance(geometry := settings.value("geometry"), QByteArray):
            self.restoreGeometry(geometry)
        self.go("open")

    def make_pages(self) -> None:
        """Make everything that has words in it, in the language that is set."""
        self.steps = StepBar()
        self.stack = QStackedWidget()
        self.setCentralWidget(self.stack)
        self.open_page = OpenPage(self.document)
        self.data_page = DataPage(self.document)
        self.target_page = TargetPage(self.document)
        self.verdict_page = VerdictPage(self.document)
        self.export_page = ExportPage(self.document)
        # These two import pyqtgraph; they are made after the window is on the screen: the workbench right
        # away, the page of remedies when it is gone to.
        self._layers: LayersPage | None = None
        self._fix: FixPage | None = None
        self._help: HelpWindow | None = None
        self.pages: dict[str, QWidget] = {
            "open": self.open_page,
            "data": self.data_page,
            "target": self.target_page,
            "verdict": self.verdict_page,
            "layers": QWidget(),
            "fix": QWidget(),
            "export": self.export_page,
        }
        for page in self.pages.values():
            self.stack.addWidget(page)
        keep_out(self.stack)
        self.strip = JobStrip(self.jobs)
        self.where = QLabel()
        self.where.setContentsMargins(8, 0, 0, 0)
        self.statusBar().addWidget(self.where)
        self.statusBar().addPermanentWidget(self.strip)
        make_actions(self)
        connect_pages(self)
        self._show_recent(recent(self.settings))
        autosave = self.keeper.autosave if self.document.model is None else None
        title = None if autosave is None else to_recover(autosave)
        self.open_page.set_resume(autosave if title else None, _brief(title or ""))
        self.refresh()

    def _connect(self) -> None:
        document = self.document
        connect_window(self)
        self.theme.changed.connect(self._restyle)
        self.opening.recent_changed.connect(self._show_recent)
        self.tasks.model_opened.connect(self._model_opened)
        self.tasks.data_opened.connect(self._data_opened)
        self.tasks.analyzing_changed.connect(self.show_analyzing)
        self.jobs.changed.connect(lambda _: self._enable())
        self._asker.timeout.connect(self._ask)
        for changed in (document.selection_changed, document.results_changed, document.calibration_changed):
            changed.connect(lambda *_: self._asker.start())

    # -- pages --------------------------------------------------------------------------------

    @property
    def step(self) -> str:
        """The step that is shown."""
        return self.keeper.step

    def go(self, step: str) -> None:
        """Show a step."""
        if step == "layers":
            self.make_workbench()
        elif step == "fix":
            self.make_fix()
        self.keeper.step = step if step in STEPS else "open"
        self.stack.setCurrentWidget(self.pages[self.step])
        self.steps.set_current(self.step)
        page = self.pages[self.step]
        # No focus proxy: the tabulator would jump over what stands in front of the table, or of the next button.
        leads = page.leads() if isinstance(page, Page) else ()
        ready = next((button for button in leads if button.isEnabled() and button.isVisibleTo(page)), page)
        (self.layers_page.tree.view if step == "layers" else ready).setFocus()
        self._asker.start()
        self._select_worst()

    def _select_worst(self) -> None:
        """Where nothing is selected among layers that have figures, the worst is."""
        document = self.document
        if self.step == "layers" and not document.selection and document.shown is not None:
            document.select(filter(None, (document.worst(),)))

    def make_workbench(self) -> None:
        """Make the pages that take longer to import; once."""
        if self._layers is not None:
            return
        from .panels.layers_page import LayersPage

        self._layers = LayersPage(self.document)
        self._put("layers", self._layers)
        connect_layers(self, self._layers)
        self._layers.set_analyzing(self.tasks.analyzing)
        self._layers.bottom.samples.set_classes(self.data_page.classes)
        if isinstance(sizes := self.settings.value("splitters"), list):
            self._layers.restore_layout(sizes)
        self.show_bottom()

    def make_fix(self) -> None:
        """Make the page of remedies; once."""
        if self._fix is not None:
            return
        from .panels.fix_page import FixPage

        self._fix = FixPage(self.document)
        self._fix.tabs.setCurrentIndex(self._fix_tab)
        self._put("fix", self._fix)
        connect_fix(self, self._fix)
        self._fix.set_analyzing(self.tasks.analyzing)

    def keep_fix_tab(self) -> None:
        """The page of remedies is about to be made anew, if it is gone to: with the tab that is open now."""
        if self._fix is not None:
            self._fix_tab = self._fix.tabs.currentIndex()

    def _put(self, step: str, page: QWidget) -> None:
        """Put a page where an empty one kept its place."""
        old = self.pages[step]
        self.stack.insertWidget(STEPS.index(step), page)
        self.stack.removeWidget(old)
        old.deleteLater()
        keep_out(page)
        self.pages[step] = page

    @property
    def has_workbench(self) -> bool:
        """Whether the workbench was made."""
        return self._layers is not None

    @property
    def layers_page(self) -> LayersPage:
        """The workbench."""
        self.make_workbench()
        assert self._layers is not None
        return self._layers

    @property
    def fix_page(self) -> FixPage:
        """Remedies, fusions, runs."""
        self.make_fix()
        assert self._fix is not None
        return self._fix

    def show_bottom(self) -> None:
        """Show latency, runs and log below the layers, or hide them."""
        self.layers_page.bottom.setVisible(self.bottom_action.isChecked())

    def refresh(self) -> None:
        """Title, steps, and what can be done."""
        document = self.document
        for step, state in states(document).items():
            self.steps.set_state(step, state)
        name = document.model.name if document.model is not None else ""
        self.setWindowTitle(f"{name} – qinspect" if name else "qinspect")
        parts = [name, document.plan.target.title if name else ""]
        run = document.find()
        if run is not None:
            parts.append(self.tr("all samples") if run.exact else self.tr("quick figures"))
        elif document.freshness == "stale":
            last = document.shown
            same = last is not None and document.about(last)
            parts.append(self.tr("figures are of another plan") if same else self.tr("figures are of other data"))
        self.where.setText("  ·  ".join(part for part in parts if part))
        self._enable()
        self._select_worst()

    def _enable(self) -> None:
        there = self.document.model is not None
        for action in (self.save_action, self.save_plan_action, self.export_action):
            action.setEnabled(there)
        self.profile_action.setEnabled(self.document.calibration is not None)
        self.report_action.setEnabled(self.document.find() is not None)
        free = self.tasks.ready and not self.tasks.analyzing
        self.run_action.setEnabled(free)
        self.sweep_action.setEnabled(free)
        self.quick_action.setEnabled(free and self.document.calibration is not None)
        self.cancel_action.setEnabled(self.strip.busy)

    def show_analyzing(self, on: bool) -> None:
        """Say on every page whether everything is being analyzed."""
        for page in (self.target_page, self.verdict_page, self._layers, self._fix, self.export_page):
            if page is not None:
                page.set_analyzing(on)
        self._enable()

    def _ask(self) -> None:
        if self.step != "layers":
            return
        if self.document.current is not None:
            self.questions.ask_weights()
            self.questions.ask_candidates()
        self.questions.ask_effects()

    def cease_asking(self) -> None:
        """Ask nothing more of the selected layer, until another one is selected."""
        self._asker.stop()
        self.questions.stop()

    # -- opening ------------------------------------------------------------------------------

    def _model_opened(self, spec: Any) -> None:
        self.opening.remember(spec)
        self.open_page.set_resume(None, "")

    def _data_opened(self, opened: Opened) -> None:
        self.opened = opened
        self.show_data(opened)
        if self.step in ("open", "target", "verdict"):
            self.go("data")

    def show_data(self, opened: Opened) -> None:
        """Show the samples of the data that are open."""
        self.data_page.form.show_opened(opened.data.spec.to_json())
        self.data_page.show_samples(opened.glimpses, opened.classes, opened.memory)
        if self._layers is not None:
            self._layers.bottom.samples.set_classes(opened.classes)

    def _show_recent(self, entries: list[dict[str, Any]]) -> None:
        self.open_page.set_recent(entries)
        self.recent_menu.clear()
        for entry in entries:
            action = self.recent_menu.addAction(entry.get("session") or entry["source"])
            action.triggered.connect(lambda _=False, e=entry: self.opening.again(e))
        self.recent_menu.setEnabled(bool(entries))

    # -- doing --------------------------------------------------------------------------------

    def run(self) -> None:
        """Calibrate if need be and analyze everything."""
        self.tasks.run_all()

    def apply_finding(self, finding: Finding) -> None:
        """Carry out a remedy as one edit."""
        try:
            assert finding.plan is not None
            plan = plan_from_json(finding.plan)
            self.document.edit(self.document.remedy_name(plan) or translated(finding.title), plan)
        except Problem as problem:
            self.show_problem(problem)

    def show_layers(self, ids: tuple[str, ...]) -> None:
        """Select layers and show them in the workbench: in detail the first, which of a finding is the worst."""
        self.go("layers")
        self.document.select(reversed(ids))

    def find_layer(self) -> None:
        """Put the cursor into the filter of the layers."""
        self.go("layers")
        self.layers_page.tree.filter.setFocus()
        self.layers_page.tree.filter.selectAll()

    def edit_by_pattern(self) -> None:
        """Ask for a pattern of layers to edit."""
        if self.document.model is not None:
            self.go("layers")
            self.layers_page.edit_by_pattern()

    def show_palette(self) -> Palette:
        """Find a command or a layer by typing."""
        chosen = self.document.selection
        edits = self.layers_page.menu(chosen) if self.has_workbench and chosen else None
        palette = Palette(commands_of(self, edits), self)
        if edits is not None:
            edits.setParent(palette, edits.windowFlags())  # it goes when the palette goes
        palette.show()
        return palette

    def choose_export(self, kind: str) -> None:
        """Go to the export page, with a form chosen."""
        self.go("export")
        self.export_page.choose(kind)
        self.export_page.go.setFocus()

    def select_all(self) -> None:
        """Select every layer that was not absorbed; beside the table those that its filter leaves."""
        tree = self.layers_page.tree
        if self.step == "layers" and tree.filtering:
            self.document.select(tree.shown())
        else:
            self.document.select(row.id for row in self.document.rows() if row.fused_into is None)

    def say_written(self, path: str) -> None:
        """Say for a moment where a file is that the user asked for."""
        self.statusBar().showMessage(self.tr("Wrote {0}").format(path), SAID_MS)

    def show_problem(self, problem: Problem | Failure) -> None:
        """Say what did not work."""
        dialogs.show_problem(self, problem)

    def show_help(self, page: str = "", heading: str = "") -> HelpWindow:
        """A help page; without a name the one of this step."""
        if self._help is None:
            self._help = HelpWindow(self)
        self._help.open(page or OF_STEP[self.step], heading)
        return self._help

    def help_here(self) -> HelpWindow:
        """Help on the term that is under the mouse, else on this step."""
        heading = term_in(words_at(QCursor.pos()))
        return self.show_help("terms", heading) if heading else self.show_help()

    def set_language(self, name: str) -> None:
        """Another language: everything that has words in it is made anew, from the document."""
        self.settings.setValue("language", name)
        app = QCoreApplication.instance()
        assert isinstance(app, QApplication)
        install(app, wanted(self.settings))
        make_anew(self)

    def show_shortcuts(self) -> None:
        """The keys."""
        dialogs.show_shortcuts(self, keys_of(self))

    def show_about(self) -> None:
        """What this is."""
        dialogs.show_about(self)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Qt presses the button that has the cursor on Enter only on some desktops; here on all.
        here = QApplication.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(here, QAbstractButton):
            here.click()
            return
        super().keyPressEvent(event)

    # -- files --------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.dropping.enter(event)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        self.dropping.leave()

    def dropEvent(self, event: QDropEvent) -> None:
        self.dropping.drop(event)

    # -- the window itself --------------------------------------------------------------------

    def set_theme(self, mode: str) -> None:
        """Light, dark, or as the system."""
        self.theme.set_mode(mode)
        self.settings.setValue("theme", mode)

    def _restyle(self, colours: Colours) -> None:
        recolour(self, colours)
        self.verdict_page.refresh()
        if self._fix is not None:
            self._fix.refresh()

    def _usual_size(self) -> None:
        """As at the first start: no larger than the screen."""
        room = self.screen().availableGeometry().size() - QSize(0, FRAME)
        self.resize(QSize(1366, 768).boundedTo(room))

    def reset_layout(self) -> None:
        """Sizes as at the first start."""
        for key in ("geometry", "splitters"):
            self.settings.remove(key)
        self._usual_size()
        self.bottom_action.setChecked(True)
        self.layers_page.reset_layout()
        self.show_bottom()

    def save_layout(self) -> None:
        """Remember the sizes inside the workbench."""
        if self._layers is not None:
            self.settings.setValue("splitters", self._layers.save_layout())

    def closeEvent(self, event: QCloseEvent) -> None:
        try:
            self.keeper.save_now()
        except Problem as problem:
            if self.asks and not dialogs.close_unsaved(self, problem):
                event.ignore()
                return
        busy = not self.jobs.idle
        self._asker.stop()
        self.settings.setValue("geometry", self.saveGeometry())
        self.save_layout()
        self.stopped = self.jobs.close()
        self.tasks.rest()
        guest.dismiss()
        guest.keep(None)
        if busy:  # and what was cancelled left something
            with contextlib.suppress(Problem):
                self.keeper.save_now()
        super().closeEvent(event)


def _brief(source: str) -> str:
    """The name of a source, for a button."""
    return Path(source).name
