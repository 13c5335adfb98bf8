"""Windows that were closed leave nothing behind."""

from __future__ import annotations

import gc
from collections import Counter

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from qinspect.gui.main_window import MainWindow
from qinspect.gui.theme import Theme

from .conftest import fill


def settle() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    QApplication.processEvents()
    gc.collect()


def test_opening_and_closing_leaves_no_widgets_and_no_objects(qtbot, settings, digits):
    app = QApplication.instance()
    theme = app.findChild(Theme) or Theme(app, "light")

    def once() -> None:
        window = MainWindow(theme, settings)
        window.show()
        fill(window.document, digits)
        for step in ("layers", "fix", "verdict"):
            window.go(step)
            QApplication.processEvents()
        window.close()
        window.deleteLater()

    def ours() -> Counter[str]:
        return Counter(type(o).__name__ for o in gc.get_objects() if str(type(o).__module__).startswith("qinspect"))

    once()
    settle()
    widgets, before = len(QApplication.allWidgets()), ours()
    for _ in range(4):
        once()
        settle()
    grown = ours() - before
    assert len(QApplication.allWidgets()) <= widgets
    assert sum(grown.values()) < 40, grown.most_common(8)
