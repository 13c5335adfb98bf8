"""The search: asked for in the Fix page, shown as points and rows, and a plan taken."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from qinspect.engine.intervals import Interval
from qinspect.engine.search.pareto import Pareto, Point, Verified
from qinspect.gui import work

from .conftest import fill

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def found(digits):
    plan = digits.opened.plan

    def point(layers, kl, ms, measured):
        changed = plan
        for layer_id in layers:
            changed = changed.with_layer(layer_id, None, None)
        share = Interval(0.01, 0.0, 0.04)
        select = Verified("select", 30, Interval(kl, 0, 1), None, share, 0.9, 0.89, share) if measured else None
        return Point(changed, layers, (), kl * 1.1, None, ms * 1.1, 1000, select, None, 9.0, ms if measured else None)

    points = (
        point((), 0.5, 1.0, True),
        point(("conv:conv2d",), 0.2, 2.0, True),
        point(("conv:conv2d", "fc:linear"), 0.05, 3.0, False),
    )
    return Pareto({}, {}, {}, "latency", None, points[0], points, 1, True, "at the knee", None, 12, (), 3.0)


def test_what_is_asked_for_reaches_the_search_and_its_plans_are_listed(make_window, qtbot, digits, found, monkeypatch):
    asked = []

    def search(model, data, plan, calibration, kind, limit, objective, metric, report):
        asked.append((kind, limit, objective))
        return found

    monkeypatch.setattr(work, "search", search)
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    assert not panel.table.isVisible()
    assert not panel.limit.isVisible()
    panel.kind.setCurrentIndex(panel.kind.findData("drop"))
    panel.limit.setValue(0.5)
    panel.objective.setCurrentIndex(panel.objective.findData("layers"))
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: panel.table.rowCount() == 3)
    assert asked == [("drop", 0.005, "layers")]
    assert "at the knee" in panel.note.text()
    rows = [[panel.table.item(r, c).text() for c in range(6)] for r in range(3)]
    assert rows[1] == ["● plan 2", "2", "0.2", "1.00 (0.0 … 4.0)", "1", "0"]
    assert rows[2][:4] == ["plan 3", "≈ 3.3", "≈ 0.055", "–"]
    kinds = [point.kind for point, *_ in panel.pareto.shown()]
    assert kinds.count("search") == 2
    assert kinds.count("estimate") == 1


def test_a_plan_is_taken_by_the_button_and_by_a_double_click_undoably(make_window, qtbot, digits, found):
    window = make_window(digits)
    document = window.document
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    document.set_searched(found)
    first = document.plan
    assert panel.table.currentRow() == 1
    qtbot.mouseClick(panel.take, LEFT)
    assert document.plan == found.points[1].plan
    document.undo_stack.undo()
    assert document.plan == first
    panel.pareto.opened.emit("search|2")
    assert document.plan == found.points[2].plan
    assert document.undo_stack.undoText() == "plan 3"
    panel.pareto.chosen.emit("search|0")
    assert panel.table.currentRow() == 0


def test_the_search_can_be_asked_for_once_there_are_statistics(make_window, digits):
    window = make_window()
    fill(window.document, digits, analyzed=False)
    calibration = window.document.calibration
    window.document.calibration = None
    go = window.fix_page.search.go
    assert not go.isEnabled()
    window.document.set_calibration(calibration)
    assert go.isEnabled()


@pytest.mark.slow
def test_a_real_search_ends_with_plans_that_can_be_taken(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    panel.objective.setCurrentIndex(panel.objective.findData("layers"))
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: window.document.searched is not None, timeout=120_000)
    assert panel.table.rowCount() == len(window.document.searched.points) > 1
    assert not window.tasks.analyzing
