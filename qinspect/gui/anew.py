"""Everything in the window that has words in it, made once more: after the language changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenuBar, QStatusBar, QTabWidget, QToolBar

from .help import HelpWindow

if TYPE_CHECKING:
    from .main_window import MainWindow


AFTER_MS = 50
"""The workbench is made so long after a page that is shown instead of it."""


@dataclass(frozen=True)
class _Look:
    """What the user has chosen to see of the workbench: tabs, set of columns, buttons of the table, filter, order."""

    places: tuple[int, ...]
    pressed: tuple[bool, ...]
    filter: str
    sorted_by: int
    order: Qt.SortOrder


def _tabs(window: MainWindow) -> tuple[QTabWidget, ...]:
    return window.layers_page.centre, window.layers_page.bottom


def _look(window: MainWindow) -> _Look:
    tree = window.layers_page.tree
    header = tree.view.header()
    return _Look(
        (*(tabs.currentIndex() for tabs in _tabs(window)), tree.sets.currentIndex()),
        (tree.flat.isChecked(), tree.absorbed.isChecked()),
        tree.filter.text(),
        header.sortIndicatorSection(),
        header.sortIndicatorOrder(),
    )


def _look_again(window: MainWindow, look: _Look) -> None:
    tree = window.layers_page.tree
    for tabs, place in zip(_tabs(window), look.places, strict=False):
        tabs.setCurrentIndex(place)
    tree.sets.setCurrentIndex(look.places[-1])
    for button, pressed in zip((tree.flat, tree.absorbed), look.pressed, strict=True):
        button.setChecked(pressed)
    tree.filter.setText(look.filter)
    tree.view.sortByColumn(look.sorted_by, look.order)


def make_anew(window: MainWindow) -> None:
    """Replace menus, bars and pages by new ones that show the same document, the same step and the same layout.

    Jobs go on: they report to the document, and the new pages hear of it as the old ones did.
    """
    step, workbench, bottom = window.step, window.has_workbench, window.bottom_action.isChecked()
    target, export = window.target_page, window.export_page
    look = _look(window) if workbench else None
    window.save_layout()
    window.keep_fix_tab()
    direct = Qt.FindChildOption.FindDirectChildrenOnly
    for kind in (QToolBar, QAction, QActionGroup, HelpWindow):
        for old in window.findChildren(kind, options=direct):
            if isinstance(old, QToolBar):
                window.removeToolBar(old)
            old.deleteLater()
    # These, and the widget in the middle, delete the one before them.
    window.setMenuBar(QMenuBar())
    window.setStatusBar(QStatusBar())
    window.make_pages()
    window.bottom_action.setChecked(bottom)
    if target.known is not None:
        window.target_page.show_host(target.known)
    for report in export.reports:
        window.export_page.show_report(report)
    if window.opened is not None and window.document.data is window.opened.data:
        window.show_data(window.opened)
    window.show_analyzing(window.tasks.analyzing)
    if look is not None and step == "layers":
        window.make_workbench()
        _look_again(window, look)
    window.go(step)
    if look is not None and step != "layers":
        # It takes longer than all the rest, and is not in sight: the page that is comes first.
        QTimer.singleShot(AFTER_MS, window.stack, lambda: _look_again(window, look))
