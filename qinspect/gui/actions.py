"""Menus, tool bar and keys of the main window."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QWidget

from . import choose
from .edits import names
from .help import PAGES, page_text, title_of
from .icons import set_icon
from .language import LANGUAGES, translated
from .palette import Entry, actions_in, actions_of
from .panels.steps import STEPS
from .prices import worthwhile
from .theme import MODES

if TYPE_CHECKING:
    from .main_window import MainWindow


translate = QCoreApplication.translate


def make_actions(window: MainWindow) -> None:
    """Fill the menu bar and the tool bar of a window."""
    bar = window.menuBar()
    _fill_file(window, bar.addMenu(translate("Menus", "&File")))
    _fill_edit(window, bar.addMenu(translate("Menus", "&Edit")))
    _fill_run(window, bar.addMenu(translate("Menus", "&Run")))
    _fill_view(window, bar.addMenu(translate("Menus", "&View")))
    _fill_help(window, bar.addMenu(translate("Menus", "&Help")))
    _make_tools(window)


def _add(
    menu: QMenu,
    text: str,
    slot: Callable[[], object],
    keys: str | QKeySequence.StandardKey = "",
    name: str = "",
) -> QAction:
    action = menu.addAction(text)
    action.triggered.connect(lambda: slot())
    if keys:
        action.setShortcut(QKeySequence(keys))
    if name:
        set_icon(action, name)
    return action


def _fill_file(window: MainWindow, menu: QMenu) -> None:
    keys = QKeySequence.StandardKey
    open_ = partial(choose.model, window)
    _add(menu, translate("Menus", "Open &model…"), open_, keys.Open, "folder-open-outline")
    _add(menu, translate("Menus", "Open &data…"), partial(choose.data, window), "Ctrl+D", "image-multiple-outline")
    _add(menu, translate("Menus", "Open &plan…"), partial(choose.plan, window), "", "file-document-outline")
    _add(menu, translate("Menus", "Open &session…"), partial(choose.session, window), "Ctrl+Shift+O")
    window.recent_menu = menu.addMenu(translate("Menus", "&Recent"))
    _add(menu, translate("Menus", "Open the demo"), window.opening.demo, "", "play-circle-outline")
    menu.addSeparator()
    save = partial(choose.save, window)
    window.save_action = _add(menu, translate("Menus", "&Save session…"), save, keys.Save, "content-save-outline")
    window.save_plan_action = _add(menu, translate("Menus", "Save p&lan…"), partial(choose.save_plan, window))
    bring = window.export_page.device.ask
    window.profile_action = _add(menu, translate("Menus", "&Bring back measurements…"), bring, "", "timer-outline")
    report = partial(choose.report, window)
    window.report_action = _add(menu, translate("Menus", "Save &report…"), report, "", "file-chart-outline")
    export = partial(window.go, "export")
    window.export_action = _add(menu, translate("Menus", "&Export…"), export, "Ctrl+E", "export-variant")
    menu.addSeparator()
    _add(menu, translate("Menus", "&Quit"), window.close, keys.Quit)


def _fill_edit(window: MainWindow, menu: QMenu) -> None:
    stack = window.document.undo_stack
    window.undo_action = stack.createUndoAction(window, translate("Menus", "&Undo"))
    window.redo_action = stack.createRedoAction(window, translate("Menus", "&Redo"))
    window.undo_action.setShortcut(QKeySequence("Ctrl+Z"))
    window.redo_action.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
    set_icon(window.undo_action, "undo")
    set_icon(window.redo_action, "redo")
    menu.addActions([window.undo_action, window.redo_action])
    menu.addSeparator()
    # Each asks for the workbench when it is chosen, and not now: it is made after the window is on the screen.
    copy, paste = lambda: window.layers_page.copy_qconfig(), lambda: window.layers_page.paste_qconfig()
    _add(menu, translate("Menus", "Copy qconfig"), copy, "Ctrl+Shift+C", "content-copy")
    _add(menu, translate("Menus", "Paste qconfig"), paste, "Ctrl+Shift+V", "content-paste")
    _add(menu, translate("Menus", "Edit by pattern…"), window.edit_by_pattern, "Ctrl+Shift+P")
    menu.addSeparator()
    _add(menu, translate("Menus", "Find a layer"), window.find_layer, "Ctrl+F", "magnify")
    _add(menu, translate("Menus", "Select all layers"), window.select_all, "Ctrl+Shift+A")


def _fill_run(window: MainWindow, menu: QMenu) -> None:
    tasks = window.tasks
    window.run_action = _add(menu, translate("Menus", "Calibrate and analyze"), window.run, "Ctrl+Return", "play")
    window.run_action.setShortcuts([QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Enter")])
    window.quick_action = _add(menu, translate("Menus", "Quick figures"), tasks.run_quick, "Ctrl+Shift+Return")
    window.sweep_action = _add(menu, translate("Menus", "Measure every layer alone"), partial(tasks.run_all, True))
    window.sweep_action.setToolTip(
        translate("Menus", "Isolated and leave-one-out errors at the output, exactly; some forward passes a layer")
    )
    window.cancel_action = _add(menu, translate("Menus", "Cancel"), window.jobs.cancel_all, "Ctrl+.", "close")


def _fill_view(window: MainWindow, menu: QMenu) -> None:
    system = translate("Menus", "Follow the system")
    themes = {"system": system, "light": translate("Menus", "Light"), "dark": translate("Menus", "Dark")}
    modes = {mode: themes[mode] for mode in MODES}
    _offer(window, menu.addMenu(translate("Menus", "&Theme")), modes, window.theme.mode, window.set_theme)
    languages = {name: title or system for name, title in LANGUAGES.items()}
    spoken = str(window.settings.value("language", "system"))
    _offer(window, menu.addMenu(translate("Menus", "&Language")), languages, spoken, window.set_language)
    window.bottom_action = _add(menu, translate("Menus", "Runs and log"), window.show_bottom, "Ctrl+J")
    window.bottom_action.setCheckable(True)
    window.bottom_action.setChecked(True)
    _add(menu, translate("Menus", "Reset layout"), window.reset_layout)
    menu.addSeparator()
    for number, step in enumerate(STEPS, 1):
        action = _add(menu, window.steps.titles[step], partial(window.go, step))
        action.setShortcuts([QKeySequence(f"Alt+{number}"), QKeySequence(str(number))])


def _offer(
    window: MainWindow, menu: QMenu, titles: Mapping[str, str], current: str, choose_: Callable[[str], object]
) -> None:
    """Offer several of which one holds."""
    group = QActionGroup(window)
    for name, title in titles.items():
        action = _add(menu, title, partial(choose_, name))
        action.setCheckable(True)
        action.setChecked(name == current)
        group.addAction(action)


def _fill_help(window: MainWindow, menu: QMenu) -> None:
    _add(menu, translate("Menus", "All commands…"), window.show_palette, "Ctrl+K")
    pointed_at = translate("Menus", "Help on what the mouse points at, or on this step")
    keys = QKeySequence.StandardKey.HelpContents
    window.help_action = _add(menu, pointed_at, window.help_here, keys, "help-circle-outline")
    for page in PAGES:
        _add(menu, title_of(page_text(page)), partial(window.show_help, page))
    menu.addSeparator()
    _add(menu, translate("Menus", "Keyboard shortcuts"), window.show_shortcuts, "Ctrl+/")
    _add(menu, translate("Menus", "About qinspect"), window.show_about)


def _make_tools(window: MainWindow) -> None:
    tools = QToolBar(translate("Menus", "Steps"))
    tools.setIconSize(QSize(20, 20))
    tools.setObjectName("steps")
    tools.setMovable(False)
    tools.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
    tools.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
    tools.addWidget(window.steps)
    space = QWidget()
    space.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    tools.addWidget(space)
    tools.addActions([window.undo_action, window.redo_action])
    tools.addSeparator()
    tools.addActions([window.run_action, window.help_action])
    window.addToolBar(tools)


def keys_of(window: MainWindow) -> list[tuple[str, str]]:
    """Every key of the menus, and what it does."""
    stack = window.document.undo_stack
    known = []
    for entry in actions_of(window.menuBar(), all_=True):
        text = entry.text
        for edit in {stack.undoText(), stack.redoText()} - {""}:  # what would be undone is not the key's meaning
            text = text.removesuffix(edit).rstrip()
        known += [(entry.keys, text)] if entry.keys else []
    return known


def commands_of(window: MainWindow, edits: QMenu | None) -> list[Entry]:
    """Everything that the palette finds: menus, edits of what is selected, remedies, targets, forms of export, layers.

    Parameters
    ----------
    window : MainWindow
    edits : QMenu | None
        What the selected layers have for a menu.
    """
    chosen = window.document.selection
    whose = names(chosen) if len(chosen) > 1 else translate("MainWindow", "Selected layer")
    of_layers = [] if edits is None else list(actions_in(edits, f"{whose}: "))
    remedies = [
        Entry(
            translate("MainWindow", "Apply: {0}").format(translated(one.title)), "", partial(window.apply_finding, one)
        )
        for one in window.document.applicable()
        if worthwhile(window.document, one)
    ]
    targets = [
        Entry(translate("MainWindow", "Target: {0}").format(card.accessibleName()), "", partial(card.chosen.emit))
        for card in window.target_page.cards.values()
    ]
    forms = [
        Entry(
            translate("MainWindow", "Export: {0}").format(card.accessibleName()),
            "",
            partial(window.choose_export, kind),
        )
        for kind, card in window.export_page.cards.items()
        if not card.refused and window.document.calibration is not None
    ]
    rows = (row for row in window.document.rows() if row.fused_into is None)
    layers = [Entry(row.id, "", partial(window.show_layers, (row.id,))) for row in rows]
    return [*actions_of(window.menuBar()), *of_layers, *remedies, *targets, *forms, *layers]
