"""The search: asked for in the Fix page, shown as points and rows, and a plan taken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton

from qinspect.engine.intervals import Interval
from qinspect.engine.plan.target import Target
from qinspect.engine.search.pareto import Pareto, Point, Verified
from qinspect.gui import work
from qinspect.gui.icons import WITH_TEXT
from qinspect.gui.panels.estimate import edit_line
from qinspect.gui.panels.pareto import pareto_points

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

    def search(model, data, plan, calibration, wish, metric, report):
        asked.append(wish)
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
    assert asked == [work.SearchWish("drop", 0.005, "layers")]
    assert "at the knee" in panel.note.text()
    rows = [[panel.table.item(r, c).text() for c in range(6)] for r in range(3)]
    assert rows[1] == ["● plan 2", "2", "0.200", "1.0 (0.0 … 4.0)", "1", "0"]
    assert panel.table.isColumnHidden(6)
    assert rows[2][:4] == ["plan 3", "≈ 3.30", "≈ 0.0550", "–"]
    kinds = [point.kind for point, *_ in panel.pareto.shown()]
    assert kinds.count("search") == 2
    assert kinds.count("estimate") == 1


def test_the_chosen_plan_is_reported_on_samples_that_it_was_not_chosen_on_beside_the_given_one(
    make_window, digits, found
):
    chosen = Verified("final", 60, Interval(0.012, 0.009, 0.016), None, None, 0.9, 0.88, Interval(0.02, 0.005, 0.06))
    given = replace(chosen, kl=Interval(0.031, 0.02, 0.05), drop=None)
    best = replace(found.best, final=chosen)
    window = make_window(digits)
    panel = window.fix_page.search
    for start in (found.start, replace(found.start, final=given)):
        points = (found.points[0], best, *found.points[2:])
        window.document.set_searched(replace(found, start=start, points=points))
        assert "60 samples" in panel.note.text()
        assert "KL 0.0120 (0.00900 … 0.0160), lost 2.0 (0.5 … 6.0) points" in panel.note.text()
        assert ("as given, on the same: KL 0.0310 (0.0200 … 0.0500)" in panel.note.text()) == (start.final is given)


def test_plans_are_copied_with_bare_numbers_and_what_is_estimated_in_a_column_of_its_own(
    make_window, qtbot, digits, found
):
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    window.document.set_searched(found)
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0][1:4] == ["Time (ms)", "Time (ms), estimated", "KL (nats)"]
    assert lines[0][5:8] == ["Lost (points)", "at least", "at most"]
    assert lines[2] == ["plan 2", "2", "2.2", "0.2", "0.22", "1", "0", "4", "1", "0"]
    assert lines[3][1:8] == ["", "3.3", "", "0.055", "", "", ""]


def test_icons_keep_their_distance_from_the_texts_beside_them(make_window, digits):
    window = make_window(digits)
    window.go("layers")
    window.go("fix")
    beside = [
        button.text()
        for button in window.findChildren(QPushButton)
        if button.text() and button.property("iconName") and button.iconSize() != WITH_TEXT
    ]
    assert beside == []


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
    # What the search has measured of it counts, and not another estimate.
    line, _ = edit_line(document)
    assert line == (
        "Measured by the search on 30 samples of the select split: "
        "KL 0.500 → 0.200 nats · 1 → 1 points lost · 1.00 ms → 2.00 ms."
    )
    assert [point.key for point in pareto_points(document) if point.current] == ["search|1"]
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


def bench_json(digits, path):
    """What a board's kit wrote: every layer ten times as fast in integers, but one that is nine times slower."""
    layers = [row.id for row in digits.analysis.layers if row.fused_into is None and row.quantized]
    slow = next(name for name in layers if name.startswith("project"))
    times = {"median_ms": 0.5, "p90_ms": 0.6}
    board = {
        "bench": 1,
        "host": {"cpu": "a board"},
        "batch": 1,
        "threads": 1,
        "runs": 9,
        "float": {**times, "operators_us": dict.fromkeys(layers, 100.0)},
        "int8": {**times, "operators_us": {name: 900.0 if name == slow else 10.0 for name in layers}},
    }
    path.write_text(json.dumps(board))
    return slow


def test_other_targets_and_a_devices_times_exclude_each_other(make_window, qtbot, digits, found, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(work, "search", lambda *given: asked.append(given[4]) or found)
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    scope = panel.scope
    assert scope.targets_button.text() == "ONNX Runtime only"
    assert not scope.targets["ort"].isEnabled()
    menu = scope.targets_button.menu()
    menu.popup(scope.targets_button.mapToGlobal(QPoint()))
    menu.setActiveAction(scope.targets["fx-onednn"])
    qtbot.mouseClick(menu, LEFT, pos=menu.actionGeometry(scope.targets["fx-onednn"]).center())
    assert menu.isVisible()  # for the next tick
    menu.close()
    assert scope.targets_button.text() == "ONNX Runtime and FX onednn"
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: len(asked) == 1 and not window.tasks.analyzing)
    assert asked[0].targets == ("fx-onednn",)
    path = tmp_path / "bench.json"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    assert not scope.of_float.isEnabled()
    scope.elsewhere.trigger()
    assert scope.times_button.text() == "times of bench.json"
    assert not scope.targets_button.isEnabled()
    scope.of_float.trigger()
    assert scope.times_button.text() == "times of bench.json + bench.json"
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: len(asked) == 2 and not window.tasks.analyzing)
    assert (asked[1].targets, asked[1].profile, asked[1].float_profile) == ((), str(path), str(path))
    # Where times do not count, neither does whose they are.
    panel.objective.setCurrentIndex(panel.objective.findData("size"))
    assert not scope.times_button.isEnabled()
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: len(asked) == 3 and not window.tasks.analyzing)
    assert (asked[2].targets, asked[2].profile) == (("fx-onednn",), "")
    scope.here.trigger()
    assert scope.times_button.text() == "times of this computer"


def test_a_search_of_several_targets_names_each_plans_own(make_window, digits, found):
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    other = replace(found.points[0], plan=found.points[0].plan.with_target(Target.parse("fx-onednn")))
    points = (other, *found.points[1:])
    window.document.set_searched(replace(found, points=points, targets=("ort", "fx-onednn"), notes=("a note",)))
    assert not panel.table.isColumnHidden(6)
    assert [panel.table.item(row, 6).text() for row in range(3)] == ["FX onednn", "ONNX Runtime", "ONNX Runtime"]
    assert "a note" in panel.note.text()


def test_a_search_with_a_devices_times_keeps_in_float_what_is_slow_over_there(make_window, qtbot, digits, tmp_path):
    slow = bench_json(digits, tmp_path / "bench.json")
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.search
    window.fix_page.tabs.setCurrentWidget(panel)
    panel.scope.set_profile(str(tmp_path / "bench.json"))
    qtbot.mouseClick(panel.go, LEFT)
    qtbot.waitUntil(lambda: window.document.searched is not None, timeout=120_000)
    assert slow in window.document.searched.points[0].float_layers
    assert panel.table.item(0, 1).text().startswith("≈")
    assert "a board" in panel.note.text()
