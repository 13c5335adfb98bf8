"""Remedies in the Fix page: what is possible, applied and taken out as one edit, with figures before and after."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication

from qinspect.engine.plan import QuantPlan, Remedy
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.results import error_shares
from qinspect.gui.panels.figures import share

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def panel(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("fix")
    panel = window.fix_page.remedies
    window.fix_page.tabs.setCurrentWidget(panel)
    panel.kind.setCurrentIndex(panel.kind.findData("adaround"))
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0, timeout=30_000)
    return window, panel


def select(panel, layer_id):
    place = next(i for i, remedy in enumerate(panel._shown) if layer_id in remedy.layers)
    flags = QItemSelectionModel.SelectionFlag
    panel.table.selectionModel().select(panel.table.model().index(place, 0), flags.ClearAndSelect | flags.Rows)
    return place


def test_a_remedy_is_applied_to_the_selected_layer_undone_and_taken_out(panel, qtbot):
    window, panel = panel
    document = window.document
    assert {remedy.layers for remedy in panel._shown} == {
        ("conv:conv2d",), ("depthwise:conv2d",), ("project:conv2d",), ("fc:linear",),
    }  # fmt: skip
    assert (panel.apply.text(), panel.remove.text()) == ("Apply to all", "Take all out")  # nothing is selected
    place = select(panel, "project:conv2d")
    assert (panel.apply.text(), panel.remove.text()) == ("Apply", "Take out")
    assert not panel.remove.isEnabled()
    qtbot.mouseClick(panel.apply, LEFT)
    assert document.plan.remedied("adaround") == ("project:conv2d",)
    assert document.undo_stack.undoText() == "Round by data: project:conv2d"
    assert panel.table.item(place, 1).text() == "on"
    select(panel, "fc:linear")
    qtbot.mouseClick(panel.apply, LEFT)
    assert document.plan.remedies == (Remedy("adaround", ("project:conv2d", "fc:linear")),)
    select(panel, "project:conv2d")
    qtbot.mouseClick(panel.remove, LEFT)
    assert document.plan.remedied("adaround") == ("fc:linear",)
    for _ in range(3):
        document.undo_stack.undo()
    assert document.plan.remedies == ()
    assert panel.table.item(place, 1).text() == "off"


def test_the_layers_that_cause_most_of_the_error_stand_on_top(panel):
    window, panel = panel
    shares = error_shares(window.document.rows())
    for kind in ("adaround", "equalize"):
        panel.kind.setCurrentIndex(panel.kind.findData(kind))
        parts = [sum(shares[layer_id] for layer_id in remedy.layers) for remedy in panel._shown]
        assert parts == sorted(parts, reverse=True)
        shown = [panel.table.item(place, 4).text() for place in range(panel.table.rowCount())]
        assert shown == [share(part) for part in parts]


def test_after_an_edit_its_quick_figures_are_those_of_the_layers(panel, digits):
    window, panel = panel
    document = window.document
    document.change(("fc:linear",), "weight", granularity="per_tensor")
    window.tasks.rest()
    place = select(panel, "conv:conv2d")
    assert panel.table.item(place, 2).text() == "–"
    document.add_run(document.plan, digits.analysis, exact=False)
    own = digits.analysis.row("conv:conv2d").errors.local_sqnr_db
    assert panel.table.item(place, 2).text() == f"{own:.1f} dB"


def test_until_they_are_known_nothing_is_said_to_be_without_help_and_what_was_cancelled_is_asked_anew(
    make_window, digits, qtbot
):
    window = make_window(digits)
    gate = threading.Event()
    window.jobs.start("something long", lambda report: gate.wait(20))
    window.go("fix")
    panel = window.fix_page.remedies
    panel.kind.setCurrentIndex(panel.kind.findData("adaround"))
    window.fix_page.tabs.setCurrentWidget(panel)
    assert panel.hint.text.text() == "Looking for layers that this could help…"
    window.jobs.cancel_all()
    gate.set()
    qtbot.waitUntil(lambda: window.jobs.idle)
    assert "cancelled" in panel.hint.text.text()
    window.fix_page.tabs.setCurrentIndex(0)
    window.fix_page.tabs.setCurrentWidget(panel)
    qtbot.waitUntil(lambda: panel.table.rowCount() > 0, timeout=30_000)
    panel.show_possible(window.document.plan.fingerprint, ())
    assert panel.hint.text.text() == "There is no layer of the plan that this could help."


def test_without_a_selection_all_layers_get_it_in_one_edit(panel, qtbot):
    window, panel = panel
    panel.kind.setCurrentIndex(panel.kind.findData("bias_correction"))
    panel.table.clearSelection()
    edits = window.document.undo_stack.count()
    qtbot.mouseClick(panel.apply, LEFT)
    assert window.document.undo_stack.count() == edits + 1
    assert len(window.document.plan.remedied("bias_correction")) == 4
    assert window.document.undo_stack.undoText() == "Correct biases: 4 layers"


@pytest.mark.slow
def test_trying_measures_both_plans_and_shows_the_layers_figures_without_and_with(panel, qtbot):
    window, panel = panel
    document = window.document
    place = select(panel, "project:conv2d")
    # Of what was not tried the plan's own figure stands alone.
    own = document.shown.analysis.row("project:conv2d").errors.local_sqnr_db
    assert panel.table.item(place, 2).text() == f"{own:.1f} dB"
    assert panel.table.item(place, 3).text() == "–"
    assert panel.table.item(place, 2).toolTip() == "Not measured yet: try it"
    before = document.plan
    qtbot.mouseClick(panel.measure, LEFT)
    qtbot.waitUntil(lambda: "→" in panel.table.item(place, 3).text(), timeout=120_000)
    assert document.plan is before
    with_it = before.with_remedies((Remedy("adaround", ("project:conv2d",)),), True)
    here, there = document.find(exact=False), document.find(with_it, exact=False)
    low, high = (run.analysis.row("project:conv2d").errors.local_sqnr_db for run in (here, there))
    assert panel.table.item(place, 2).text() == f"{low:.1f} dB → {high:.1f} dB"
    assert "tried: Round by data project:conv2d" in [run.name for run in document.runs]
    # The same figures stand there once it is applied: without → with.
    qtbot.mouseClick(panel.apply, LEFT)
    assert panel.table.item(place, 2).text() == f"{low:.1f} dB → {high:.1f} dB"
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)


def test_remedies_are_copied_with_bare_numbers_before_and_after_apart(panel, qtbot):
    _, panel = panel
    select(panel, "project:conv2d")
    qtbot.mouseClick(panel.measure, LEFT)
    place = panel._shown.index(panel.selected()[0])
    qtbot.waitUntil(lambda: panel.table.item(place, 2).text().count(" dB") == 2, timeout=60_000)
    panel.table.setFocus()
    qtbot.keyClick(panel.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0][2:6] == ["SQNR without (dB)", "SQNR with (dB)", "KL without (nats)", "KL with (nats)"]
    assert lines[0][6:] == ["Error (%)"]
    assert {len(line) for line in lines} == {7}
    before, after = (float(text) for text in lines[1 + place][2:4])
    assert panel.table.item(place, 2).text() == f"{before:.1f} dB → {after:.1f} dB"
    assert all(float(text) > 0 for text in lines[1 + place][4:])


def test_a_layer_made_float_loses_its_remedy_and_one_that_is_left_over_is_said_to_be(panel, qtbot):
    window, panel = panel
    document = window.document
    select(panel, "fc:linear")
    qtbot.mouseClick(panel.apply, LEFT)
    remedied = document.plan
    document.make_float(("fc:linear",))
    assert document.plan.remedies == ()
    for edit in (
        lambda: document.apply(("fc:linear",), PRESETS["float"], "float"),
        lambda: document.apply_matching("op", "linear", PRESETS["float"], "float"),
    ):
        document.undo_stack.undo()
        assert document.plan.remedies == remedied.remedies
        edit()
        assert document.plan.remedies == ()
    document.edit("a plan from elsewhere", remedied.with_layer("fc:linear", None, None))
    window.tasks.rest()
    qtbot.waitUntil(
        lambda: any("take it out" in panel.table.item(i, 1).text() for i in range(panel.table.rowCount())),
        timeout=30_000,
    )


def test_many_layers_of_one_remedy_are_single_rows():
    plan = QuantPlan(remedies=(Remedy("equalize", ("a", "b")), Remedy("adaround", ("a", "b"))))
    assert plan.single_remedies == (
        Remedy("equalize", ("a", "b")), Remedy("adaround", ("a",)), Remedy("adaround", ("b",)),
    )  # fmt: skip
    off = plan.with_remedies((Remedy("adaround", ("a",)),), False)
    assert off.single_remedies == (Remedy("equalize", ("a", "b")), Remedy("adaround", ("b",)))
    assert off.with_remedies((Remedy("adaround", ("b",)), Remedy("equalize", ("a", "b"))), False).remedies == ()
