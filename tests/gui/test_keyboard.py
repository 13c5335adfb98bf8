"""Everything can be reached and used with the keyboard alone, and says to a screen reader what it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QPushButton,
    QTabBar,
    QToolButton,
    QWidget,
)

from qinspect.engine.results import Finding
from qinspect.gui.panels.steps import STEPS

TAB = Qt.FocusPolicy.TabFocus


def takes_focus(widget: QWidget) -> bool:
    """Whether the tabulator stops there; the parts of Qt's own widgets are theirs."""
    above, inner = widget.parent(), widget.objectName().startswith("qt_")
    while isinstance(above, QWidget):
        inner = inner or isinstance(above, (QComboBox, QAbstractSpinBox))
        above = above.parent()
    if isinstance(widget, QAbstractButton) and widget.group() is not None and not widget.isChecked():
        return False  # arrow keys lead from the one that is down to the others
    return bool(widget.focusPolicy() & TAB == TAB) and widget.focusProxy() is None and not inner


def named(widget: QWidget) -> bool:
    if widget.accessibleName() or isinstance(widget, QTabBar):
        return True
    if isinstance(widget, QAbstractButton):
        return bool(widget.text())
    # A label that links and can be selected reads itself.
    return isinstance(widget, QLabel)


@pytest.fixture
def window(make_window, digits):
    made = make_window(digits)
    made.make_workbench()
    for page in made.pages.values():
        page.ensurePolished()
    return made


def test_whatever_takes_the_focus_has_a_name(window):
    nameless = {
        (type(widget).__name__, type(widget.parent()).__name__, widget.toolTip()[:40])
        for widget in window.findChildren(QWidget)
        if takes_focus(widget) and not named(widget)
    }
    assert nameless == set()


@pytest.mark.parametrize("step", STEPS)
def test_the_tabulator_reaches_everything_that_can_be_used(window, qtbot, step):
    window.go(step)
    page = window.stack.currentWidget()
    QApplication.processEvents()
    wanted = {
        widget
        for widget in page.findChildren(QWidget)
        if takes_focus(widget) and widget.isVisibleTo(window) and widget.isEnabled()
    }
    reached: list[QWidget] = []
    for _ in range(len(window.findChildren(QWidget))):
        before = QApplication.focusWidget()
        qtbot.keyClick(before, Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        assert now is not None
        assert now is not before, f"the tabulator stays in {type(now).__name__} {now.accessibleName()}"
        if reached and now is reached[0]:
            break
        reached.append(now)
    missed = wanted - set(reached)
    assert {(type(w).__name__, w.accessibleName() or getattr(w, "text", str)()) for w in missed} == set()


@pytest.mark.parametrize("step", ["data", "target", "export"])
def test_fields_below_each_other_follow_each_other(window, qtbot, step):
    window.go(step)
    page = window.stack.currentWidget()
    QApplication.processEvents()
    fields = [
        w for w in page.findChildren(QWidget)
        if isinstance(w, (QLineEdit, QComboBox, QAbstractSpinBox)) and takes_focus(w) and w.isVisibleTo(window)
        and w.isEnabled() and not isinstance(w, QAbstractScrollArea)
    ]  # fmt: skip
    order = []
    for _ in range(80):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        now = QApplication.focusWidget()
        if now in order:
            break
        order.append(now)
    order = [w for w in order if w in fields]
    columns: dict[int, list[int]] = {}
    for widget in order:
        place = widget.mapTo(window, widget.rect().topLeft())
        columns.setdefault(place.x() // 300, []).append(place.y())
    assert set(order) == set(fields)
    for heights in columns.values():
        assert heights == sorted(heights)


@pytest.mark.parametrize("step", ["verdict", "fix"])
def test_the_findings_buttons_come_before_what_stands_after_them(window, digits, qtbot, step):
    found = tuple(
        Finding(f"rule-{k}", "found", "seen", (layer.id,), "warning", None, "mend it", digits.analysis.plan)
        for k, layer in enumerate(digits.analysis.layers[:2])
    )
    window.document.add_run(digits.opened.plan, replace(digits.analysis, findings=found), exact=True)
    window.go(step)
    page = window.stack.currentWidget()
    first = page.to_layers if step == "verdict" else page.run
    first.setFocus()
    order = []
    for _ in range(8):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Tab)
        order.append(QApplication.focusWidget())
    words = [w.text() for w in order if isinstance(w, QPushButton)]
    assert not [w.text() for w in order[:4] if isinstance(w, QToolButton)], "the steps come before the findings"
    assert words[:4] == ["Show layer", "Apply"] * 2
    if step == "fix":
        tabs = next(place for place, w in enumerate(order) if isinstance(w, QTabBar))
        assert tabs > [w.text() if isinstance(w, QPushButton) else "" for w in order].index("Apply") + 2


def test_a_key_goes_on_from_the_page_that_the_program_opens_with(make_window, digits, qtbot):
    window = make_window()
    page = window.open_page
    assert window.focusWidget() is page.demo
    page.set_resume(Path("left.qinspect"), "left")
    window.go("data")
    window.go("open")
    assert window.focusWidget() is page.resume
    page.source.setFocus()
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    assert window.focusWidget() is page.next
    qtbot.keyClick(page.next, Qt.Key.Key_Return)
    assert window.step == "data"


def test_enter_alone_leads_from_the_float_figure_to_the_export(make_window, digits, qtbot, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    window = make_window()
    document = window.document
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    document.set_check(digits.check)

    def enter():
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Return)

    window.go("data")
    enter()
    assert document.confirmed == digits.data.data.digest
    enter()
    assert window.step == "target"
    started = []
    monkeypatch.setattr(window.tasks, "run_all", lambda: started.append(True))
    enter()
    assert started
    document.set_calibration(digits.calibration)
    document.add_run(digits.opened.plan, digits.analysis, exact=True)
    window.go("verdict")
    assert window.focusWidget() is window.verdict_page  # to be read: arrows scroll
    window.go("export")
    written = []
    monkeypatch.setattr(window.tasks, "export", lambda *given: written.append(given[0]))
    enter()
    assert written == ["onnx"]
