"""Menus, tool bar and keys of the main window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QSize, Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QWidget

from . import choose
from .help import PAGES, page_text, title_of
from .icons import set_icon
from .language import LANGUAGES
from .panels.steps import STEPS
from .theme import MODES

if TYPE_CHECKING:
    from .main_window import MainWindow


translate = QCoreApplication.translate


def make_actions(window: MainWindow) -> None:
    """Fill the menu bar and the tool bar of a window."""

    def add(
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

    bar = window.menuBar()
    file = bar.addMenu(translate("Menus", "&File"))
    add(
        file,
        translate("Menus", "Open &model…"),
        partial(choose.model, window),
        QKeySequence.StandardKey.Open,
        "folder-open-outline",
    )
    add(file, translate("Menus", "Open &data…"), partial(choose.data, window), "Ctrl+D", "image-multiple-outline")
    add(file, translate("Menus", "Open &plan…"), partial(choose.plan, window), "", "file-document-outline")
    add(file, translate("Menus", "Open &session…"), partial(choose.session, window), "Ctrl+Shift+O")
    window.recent_menu = file.addMenu(translate("Menus", "&Recent"))
    add(file, translate("Menus", "Open the demo"), window.opening.demo, "", "play-circle-outline")
    file.addSeparator()
    window.save_action = add(
        file,
        translate("Menus", "&Save session…"),
        partial(choose.save, window),
        QKeySequence.StandardKey.Save,
        "content-save-outline",
    )
    window.save_plan_action = add(file, translate("Menus", "Save p&lan…"), partial(choose.save_plan, window))
    window.profile_action = add(
        file, translate("Menus", "&Bring back measurements…"), window.export_page.device.ask, "", "timer-outline"
    )
    window.report_action = add(
        file, translate("Menus", "Save &report…"), partial(choose.report, window), "", "file-chart-outline"
    )
    window.export_action = add(
        file, translate("Menus", "&Export…"), lambda: window.go("export"), "Ctrl+E", "export-variant"
    )
    file.addSeparator()
    add(file, translate("Menus", "&Quit"), window.close, QKeySequence.StandardKey.Quit)

    edit = bar.addMenu(translate("Menus", "&Edit"))
    stack = window.document.undo_stack
    undo, redo = (
        stack.createUndoAction(window, translate("Menus", "&Undo")),
        stack.createRedoAction(window, translate("Menus", "&Redo")),
    )
    undo.setShortcut(QKeySequence("Ctrl+Z"))
    redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
    set_icon(undo, "undo")
    set_icon(redo, "redo")
    edit.addActions([undo, redo])
    edit.addSeparator()
    add(edit, translate("Menus", "Copy qconfig"), window.copy_qconfig, "Ctrl+Shift+C", "content-copy")
    add(edit, translate("Menus", "Paste qconfig"), window.paste_qconfig, "Ctrl+Shift+V", "content-paste")
    add(edit, translate("Menus", "Edit by pattern…"), window.edit_by_pattern, "Ctrl+Shift+P")
    edit.addSeparator()
    add(edit, translate("Menus", "Find a layer"), window.find_layer, "Ctrl+F", "magnify")
    add(edit, translate("Menus", "Select all layers"), window.select_all, "Ctrl+Shift+A")

    run = bar.addMenu(translate("Menus", "&Run"))
    window.run_action = add(run, translate("Menus", "Calibrate and analyze"), window.run, "Ctrl+Return", "play")
    window.run_action.setShortcuts([QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Enter")])
    window.quick_action = add(run, translate("Menus", "Quick figures"), window.tasks.run_quick, "Ctrl+Shift+Return")
    window.sweep_action = add(run, translate("Menus", "Measure every layer alone"), partial(window.tasks.run_all, True))
    window.sweep_action.setToolTip(
        translate("Menus", "Isolated and leave-one-out errors at the output, exactly; some forward passes a layer")
    )
    window.cancel_action = add(run, translate("Menus", "Cancel"), window.jobs.cancel_all, "Ctrl+.", "close")

    view = bar.addMenu(translate("Menus", "&View"))
    theme = view.addMenu(translate("Menus", "&Theme"))
    group = QActionGroup(window)
    titles = {
        "system": translate("Menus", "Follow the system"),
        "light": translate("Menus", "Light"),
        "dark": translate("Menus", "Dark"),
    }
    for mode in MODES:
        action = add(theme, titles[mode], lambda mode=mode: window.set_theme(mode))
        action.setCheckable(True)
        action.setChecked(mode == window.theme.mode)
        group.addAction(action)
    language = view.addMenu(translate("Menus", "&Language"))
    tongues = QActionGroup(window)
    for name, title in LANGUAGES.items():
        action = add(
            language, title or translate("Menus", "Follow the system"), lambda name=name: window.set_language(name)
        )
        action.setCheckable(True)
        action.setChecked(name == str(window.settings.value("language", "system")))
        tongues.addAction(action)
    window.bottom_action = add(view, translate("Menus", "Runs and log"), window.show_bottom, "Ctrl+J")
    window.bottom_action.setCheckable(True)
    window.bottom_action.setChecked(True)
    add(view, translate("Menus", "Reset layout"), window.reset_layout)
    view.addSeparator()
    for number, step in enumerate(STEPS, 1):
        action = add(view, window.steps.titles[step], lambda step=step: window.go(step))
        action.setShortcuts([QKeySequence(f"Alt+{number}"), QKeySequence(str(number))])

    help_ = bar.addMenu(translate("Menus", "&Help"))
    add(help_, translate("Menus", "All commands…"), window.show_palette, "Ctrl+K")
    here = add(
        help_,
        translate("Menus", "Help on what the mouse points at, or on this step"),
        window.help_here,
        QKeySequence.StandardKey.HelpContents,
        "help-circle-outline",
    )
    for page in PAGES:
        add(help_, title_of(page_text(page)), lambda page=page: window.show_help(page))
    help_.addSeparator()
    add(help_, translate("Menus", "Keyboard shortcuts"), window.show_shortcuts, "Ctrl+/")
    add(help_, translate("Menus", "About qinspect"), window.show_about)

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
    tools.addActions([undo, redo])
    tools.addSeparator()
    tools.addAction(window.run_action)
    tools.addAction(here)
    window.addToolBar(tools)
