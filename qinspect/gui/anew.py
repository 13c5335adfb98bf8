"""Everything in the window that has words in it, made once more: after the language changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup
from PySide6.QtWidgets import QMenuBar, QStatusBar, QToolBar

from .help import HelpWindow

if TYPE_CHECKING:
    from .main_window import MainWindow


def make_anew(window: MainWindow) -> None:
    """Replace menus, bars and pages by new ones that show the same document, the same step and the same layout.

    Jobs go on: they report to the document, and the new pages hear of it as the old ones did.
    """
    step, workbench, bottom = window.step, window.has_workbench, window.bottom_action.isChecked()
    target, export = window.target_page, window.export_page
    window.save_layout()
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
    if workbench:
        window.make_workbench()
    window.show_analyzing(window.tasks.analyzing)
    window.go(step)
