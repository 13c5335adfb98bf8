"""Menus, tool bar and keys of the main window."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QSizePolicy, QToolBar, QWidget

from . import choose
from .icons import set_icon
from .panels.steps import STEPS
from .theme import MODES

if TYPE_CHECKING:
    from .main_window import MainWindow


def make_actions(window: MainWindow) -> None:
    """Fill the menu bar and the tool bar of a window."""
    tr = window.tr

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
    file = bar.addMenu(tr("&File"))
    add(file, tr("Open &model…"), partial(choose.model, window), QKeySequence.StandardKey.Open, "folder-open-outline")
    add(file, tr("Open &data…"), partial(choose.data, window), "Ctrl+D", "image-multiple-outline")
    add(file, tr("Open &plan…"), partial(choose.plan, window), "", "file-document-outline")
    add(file, tr("Open &session…"), partial(choose.session, window), "Ctrl+Shift+O")
    window.recent_menu = file.addMenu(tr("&Recent"))
    add(file, tr("Open the demo"), window.opening.demo, "", "play-circle-outline")
    file.addSeparator()
    window.save_action = add(
        file, tr("&Save session…"), partial(choose.save, window), QKeySequence.StandardKey.Save, "content-save-outline"
    )
    window.save_plan_action = add(file, tr("Save p&lan…"), partial(choose.save_plan, window))
    window.report_action = add(file, tr("Save &report…"), partial(choose.report, window), "", "file-chart-outline")
    window.export_action = add(file, tr("&Export…"), lambda: window.go("export"), "Ctrl+E", "export-variant")
    file.addSeparator()
    add(file, tr("&Quit"), window.close, QKeySequence.StandardKey.Quit)

    edit = bar.addMenu(tr("&Edit"))
    stack = window.document.undo_stack
    undo, redo = stack.createUndoAction(window, tr("&Undo")), stack.createRedoAction(window, tr("&Redo"))
    undo.setShortcut(QKeySequence("Ctrl+Z"))
    redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
    set_icon(undo, "undo")
    set_icon(redo, "redo")
    edit.addActions([undo, redo])
    edit.addSeparator()
    add(edit, tr("Copy qconfig"), window.copy_qconfig, "Ctrl+Shift+C", "content-copy")
    add(edit, tr("Paste qconfig"), window.paste_qconfig, "Ctrl+Shift+V", "content-paste")
    add(edit, tr("Edit by pattern…"), window.edit_by_pattern, "Ctrl+Shift+P")
    edit.addSeparator()
    add(edit, tr("Find a layer"), window.find_layer, "Ctrl+F", "magnify")
    add(edit, tr("Select all layers"), window.select_all, "Ctrl+Shift+A")

    run = bar.addMenu(tr("&Run"))
    window.run_action = add(run, tr("Calibrate and analyze"), window.run, "Ctrl+Return", "play")
    window.run_action.setShortcuts([QKeySequence("Ctrl+Return"), QKeySequence("Ctrl+Enter")])
    window.quick_action = add(run, tr("Quick figures"), window.tasks.run_quick, "Ctrl+Shift+Return")
    window.cancel_action = add(run, tr("Cancel"), window.jobs.cancel_all, "Escape", "close")

    view = bar.addMenu(tr("&View"))
    theme = view.addMenu(tr("&Theme"))
    group = QActionGroup(window)
    titles = {"system": tr("Follow the system"), "light": tr("Light"), "dark": tr("Dark")}
    for mode in MODES:
        action = add(theme, titles[mode], lambda mode=mode: window.set_theme(mode))
        action.setCheckable(True)
        action.setChecked(mode == window.theme.mode)
        group.addAction(action)
    window.bottom_action = add(view, tr("Runs and log"), window.show_bottom, "Ctrl+J")
    window.bottom_action.setCheckable(True)
    window.bottom_action.setChecked(True)
    add(view, tr("Reset layout"), window.reset_layout)
    view.addSeparator()
    for number, step in enumerate(STEPS, 1):
        action = add(view, window.steps.titles[step], lambda step=step: window.go(step))
        action.setShortcuts([QKeySequence(f"Alt+{number}"), QKeySequence(str(number))])

    help_ = bar.addMenu(tr("&Help"))
    add(help_, tr("All commands…"), window.show_palette, "Ctrl+K")
    add(help_, tr("Keyboard shortcuts"), window.show_shortcuts, QKeySequence.StandardKey.HelpContents)
    add(help_, tr("About qinspect"), window.show_about)

    tools = QToolBar(tr("Steps"))
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
    window.addToolBar(tools)
