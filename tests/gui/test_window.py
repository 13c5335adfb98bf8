"""The window through its widgets: the way, edits, selection, dialogs, trust, sessions."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QLineEdit, QMessageBox, QPushButton, QWidget

from qinspect.engine.calibrate import load_calibration
from qinspect.engine.problem import Problem
from qinspect.engine.results import FusionRow
from qinspect.engine.results.kernels import Latency
from qinspect.engine.results.samples import Drift
from qinspect.gui import close_up, work
from qinspect.gui.icons import icon
from qinspect.gui.jobs import Failure
from qinspect.gui.panels.faults import Fault
from qinspect.gui.panels.fusion_model import FusionModel
from qinspect.gui.panels.fusions import FusionLedger
from qinspect.gui.panels.steps import STEPS
from qinspect.gui.theme import DARK, MODES
from qinspect.resources import resource
from qinspect.session import load_session

from .conftest import fill

LEFT = Qt.MouseButton.LeftButton


def faults(page):
    return [fault for fault in page.findChildren(Fault) if fault.isVisible()]


def boxes(window):
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


def answer(accept):
    """Press a button of the modal question that comes up."""

    def press():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        wanted = next(
            button
            for button in box.buttons()
            if (box.buttonRole(button) == QMessageBox.ButtonRole.AcceptRole) == accept
        )
        wanted.click()

    QTimer.singleShot(100, press)


def test_importing_the_window_imports_neither_torch_nor_pyqtgraph():
    code = "import sys, qinspect.gui.app; print([m for m in ('torch', 'pyqtgraph', 'numpy') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a locale of other systems")
def test_the_c_locale_is_no_warning_of_qts():
    code = "from qinspect.gui.app import application; application()"
    told = {**os.environ, "LC_ALL": "C", "QT_QPA_PLATFORM": "offscreen"}
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=told)
    assert found.stderr == ""


def test_the_first_start_offers_the_demo_and_says_what_to_do(make_window):
    window = make_window()
    page = window.open_page
    assert page.demo.isVisible()
    assert page.steps.isVisible()
    assert not page.found.isVisible()
    assert not page.resume.isVisible()
    assert not window.run_action.isEnabled()


def test_weights_and_shape_of_the_model_that_is_open_are_not_taken_for_another_one(make_window, digits, qtbot):
    window = make_window(digits)
    page, spec = window.open_page, digits.model_spec
    page.source.setFocus()
    page.source.selectAll()
    qtbot.keyClicks(page.source, "other.onnx")
    assert (page.weights.text(), page.shape.text()) == ("", "")
    page.source.selectAll()
    qtbot.keyClicks(page.source, spec["source"].rpartition(":")[0] + ":another")  # in the same file: they may fit
    assert (page.weights.text(), page.shape.text()) == (spec["weights"], "1,1,8,8")
    page.weights.setText("mine.pt")
    page.source.selectAll()
    qtbot.keyClicks(page.source, "other.py:net")
    assert (page.weights.text(), page.shape.text()) == ("mine.pt", "")


@pytest.mark.parametrize("number", range(1, 8))
def test_alt_and_a_number_open_the_steps(make_window, qtbot, number):
    window = make_window()
    qtbot.keyClick(window, Qt.Key(Qt.Key.Key_0 + number), Qt.KeyboardModifier.AltModifier)
    assert window.step == STEPS[number - 1]
    assert window.stack.currentWidget() is window.pages[window.step]


def test_a_digit_typed_into_a_field_stays_there(make_window, qtbot):
    window = make_window()
    window.activateWindow()
    qtbot.mouseClick(window.open_page.shape, LEFT)
    qtbot.keyClicks(window.open_page.shape, "1,3")
    assert window.open_page.shape.text() == "1,3"
    assert window.step == "open"


def test_every_page_says_what_fills_it_while_nothing_is_open(make_window):
    window = make_window()
    for step in STEPS:
        window.go(step)
    assert "Open a model" in window.data_page.hint.text.text()
    assert "Open a model" in window.layers_page.banner.text()
    assert window.export_page.note.text()
    assert not window.export_page.go.isEnabled()


def test_the_steps_show_how_far_one_is(make_window, digits):
    window = make_window(digits)
    state = {step: button.property("state") for step, button in window.steps.buttons.items()}
    assert state["open"] == state["data"] == "done"
    window.document.make_float(("conv:conv2d",))
    assert window.steps.buttons["verdict"].property("state") == "stale"


def test_choosing_a_target_is_an_edit(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("target")
    qtbot.mouseClick(window.target_page.cards["fx-fbgemm"], LEFT)
    assert window.document.plan.target.name == "fx-fbgemm"
    assert window.document.qconfig("conv:conv2d").activation.bits == 7
    qtbot.keyClick(window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert window.document.plan.target.name == "ort"
    assert window.target_page.cards["ort"].picked


def test_the_verdict_says_what_became_of_a_state_that_was_fed_back(make_window, digits):
    window = make_window(digits)
    window.go("verdict")
    page = window.verdict_page
    assert "fed back" not in page.line.text()
    drift = Drift(("h", "c"), (1, 2), 3, (30.0, 20.0, 10.0, 8.0), (9.0,) * 4, (30.0, None, 29.0, 28.0))
    window.document.add_run(window.document.plan, replace(digits.analysis, drift=drift), exact=True)
    last = page.line.text().splitlines()[-1]
    assert last.startswith("State h, c fed back for 4 steps")
    assert "30.0 dB at the first step, 8.0 dB at the last ones (28.0 dB with" in last


def test_the_error_of_a_state_has_a_tab_step_by_step_where_there_is_a_state(make_window, digits):
    window = make_window(digits)
    window.go("layers")
    centre, plot = window.layers_page.centre, window.layers_page.centre.drift
    assert not centre.isTabVisible(centre.indexOf(plot))
    drift = Drift(("h", "c"), (1, 2), 3, (30.0, 20.0, 10.0, 8.0), (9.0,) * 4, (30.0, None, 29.0, 28.0))
    window.document.add_run(window.document.plan, replace(digits.analysis, drift=drift), exact=True)
    assert centre.isTabVisible(centre.indexOf(plot))
    assert plot.table()[1] == [
        (1, 30.0, 30.0, 9.0),
        (2, 20.0, None, 9.0),
        (3, 10.0, 29.0, 9.0),
        (4, 8.0, 28.0, 9.0),
    ]
    window.document.make_float(("conv:conv2d",))
    assert plot.stale


def test_the_verdict_shows_the_figures_and_marks_them_stale_after_an_edit(make_window, digits):
    window = make_window(digits)
    window.go("verdict")
    totals = digits.analysis.totals
    assert window.verdict_page.simulated.value.text() == f"{totals.quantized_metric:.1%}"
    assert window.verdict_page.kernel.note.text() == "not measured"
    window.document.make_float(("conv:conv2d",))
    assert "not for the current plan" in window.verdict_page.simulated.note.text()


def test_the_verdict_on_outputs_that_are_no_classes_is_their_sqnr(make_window, digits):
    window = make_window(digits)
    window.go("verdict")
    page = window.verdict_page
    nothing = dict.fromkeys(("fp32_metric", "quantized_metric", "kernel_metric", "agreement", "kernel_agreement", "kl"))
    totals = replace(digits.analysis.totals, **nothing, sqnr_db=21.25, kernel_sqnr_db=20.04)
    window.document.set_check(replace(window.document.check, metric=None))
    window.document.add_run(window.document.plan, replace(digits.analysis, totals=totals), exact=True)
    assert page.simulated.value.text() == "21.2 dB"
    assert page.kernel.value.text() == "20.0 dB"
    assert "SQNR" in page.fp32.note.text()
    assert page.time.note.text() == "not measured"


def test_no_flag_stands_at_layers_that_were_not_analyzed(make_window, digits):
    window = make_window()
    document = window.document
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    window.go("layers")
    tree = window.layers_page.tree
    assert "int8" in tree.as_tsv()
    assert "stays float" not in tree.as_tsv()
    document.select(("conv:conv2d",))
    assert "stays float" not in window.layers_page.detail.editor.state.text()


@pytest.mark.parametrize("end", ["done", "failed", "cancelled"])
def test_nothing_can_be_started_while_everything_is_analyzed(make_window, qtbot, digits, monkeypatch, end):
    window = make_window()
    fill(window.document, digits, analyzed=False)
    window.document.calibration = None
    gates = {"calibrate": threading.Event(), "analyze": threading.Event()}

    def wait(name, report, value):
        while not gates[name].is_set():
            report(0, 1, "")
            time.sleep(0.005)
        if name == "analyze" and end == "failed":
            raise Problem("here", "that is wrong", "Do this.")
        return value

    monkeypatch.setattr(work, "calibrate", lambda *a: wait("calibrate", a[4], digits.calibration))
    monkeypatch.setattr(work, "analyze", lambda *a: wait("analyze", a[5], digits.analysis))
    window.fix_page.refresh()
    window.go("verdict")
    page = window.verdict_page
    runs = (page.run, window.target_page.run, window.fix_page.run)
    assert "Nothing was analyzed yet" in page.empty_text.text()

    def busy():
        found = {window.run_action.isEnabled(), *(run.isEnabled() for run in runs)}
        assert len(found) == 1
        return found == {False} and page.empty_text.text().startswith("Running…")

    assert not busy()
    qtbot.mouseClick(page.run, LEFT)
    assert busy()
    assert window.tasks.run_all() is None
    gates["calibrate"].set()
    qtbot.waitUntil(lambda: window.document.calibration is not None)
    assert busy()
    if end == "cancelled":
        window.jobs.cancel_all()
    gates["analyze"].set()
    qtbot.waitUntil(lambda: not window.tasks.analyzing)
    assert not busy()
    assert page.empty.isVisible() == (end != "done")
    for box in boxes(window):
        box.close()


def test_an_unexpected_failure_of_the_candidates_has_a_dialog_and_plain_words(make_window, qtbot, digits, monkeypatch):
    def broken(*_):
        raise KeyError("x")

    monkeypatch.setattr(close_up, "candidates", broken)
    window = make_window(digits)
    window.go("layers")
    hint = window.layers_page.detail.below.hint.text
    for layer_id in ("conv:conv2d", "fc:linear"):
        window.document.select((layer_id,))
        qtbot.waitUntil(lambda name=layer_id: any(name in line for line in window.document.log_lines))
        assert hint.text() == "The candidates for this layer could not be computed."
    # One dialog, not one for each layer.
    (box,) = boxes(window)
    assert "KeyError" in box.text()
    box.close()


def test_the_hint_of_the_editor_is_not_cut_off(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    state = window.layers_page.detail.editor.state
    qtbot.waitUntil(lambda: state.height() > state.fontMetrics().height())
    assert state.height() >= state.heightForWidth(state.width())


@pytest.mark.parametrize(("size", "rows"), [((1366, 768), 5), ((1600, 900), 6)])
def test_there_is_room_for_the_candidates(make_window, qtbot, digits, size, rows):
    window = make_window(digits)
    window.resize(*size)
    window.go("layers")
    select(window, "conv:conv2d")
    found = window.layers_page.detail.candidates
    qtbot.waitUntil(lambda: found.rowCount() > 0 and found.isVisible(), timeout=60_000)
    assert found.viewport().height() >= rows * found.verticalHeader().defaultSectionSize()
    assert window.layers_page.detail.histogram.height() >= 120


def test_a_long_path_of_data_shows_its_end_and_a_tooltip(make_window):
    window = make_window()
    long = "/data/" + "folder/" * 40 + "val.npz"
    window.data_page.form.show_source(long)
    assert window.data_page.form.source.cursorPosition() == len(long)
    assert window.data_page.form.source.toolTip() == long


def select(window, layer_id):
    tree = window.layers_page.tree
    index = tree.proxy.mapFromSource(tree.model.index_of(layer_id))
    assert index.isValid()
    tree.view.setCurrentIndex(index)


def test_one_selection_is_shared_by_table_and_document(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    select(window, "project:conv2d")
    assert window.document.selection == ("project:conv2d",)
    window.document.select(("fc:linear", "conv:conv2d"))
    assert set(window.layers_page.tree.ids()) == {"fc:linear", "conv:conv2d"}
    assert window.layers_page.detail.editor.name.text() == "2 layers"


def test_it_is_said_how_many_of_the_edited_layers_the_filter_hides(make_window, qtbot, digits):
    window = make_window(digits)
    page = window.layers_page
    window.go("layers")
    window.select_all()
    every = window.document.selection
    qtbot.keyClicks(page.tree.filter, "depth")
    count = len(every) - 1
    assert page.detail.editor.state.text().endswith(f"{count} of them are hidden by the filter, and edited too")
    menu = page.menu(window.document.selection)
    assert menu.actions()[0].text() == f"{len(every)} layers, {count} of them hidden by the filter"
    menu.close()
    # What is clicked then is all that is selected.
    view = page.tree.view
    place = view.visualRect(page.tree.proxy.mapFromSource(page.tree.model.index_of("depthwise:conv2d"))).center()
    qtbot.mouseClick(view.viewport(), LEFT, pos=place)
    assert window.document.selection == ("depthwise:conv2d",)
    window.select_all()
    page.tree.filter.clear()
    assert "hidden" not in page.detail.editor.state.text()
    assert "hidden" not in page.menu(every).actions()[0].text()


def test_the_filter_leaves_what_has_every_word(make_window, qtbot, digits):
    window = make_window(digits)
    window.find_layer()
    tree = window.layers_page.tree
    qtbot.keyClicks(tree.filter, "conv2d depth")
    assert [line.split("\t")[0] for line in tree.as_tsv().splitlines()[1:]] == ["depthwise:conv2d"]


def test_the_table_is_copied_for_a_spreadsheet(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    window.layers_page.tree.view.setFocus()
    qtbot.keyClick(window.layers_page.tree.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0].split("\t") == ["Layer", "Operator", "Weight · act.", "Error (%)", "Won (µs)", "Flags"]
    shown = [row for row in digits.analysis.layers if row.fused_into is None]
    assert [line.split("\t")[0] for line in lines[1:]] == [row.id for row in shown]
    assert sum(float(line.split("\t")[3] or 0) for line in lines[1:]) == pytest.approx(100, abs=0.01)


def test_what_is_copied_are_layers_with_bare_numbers_and_no_modules(make_window, qtbot, digits):
    times = {"conv:conv2d": Latency(2500.0, 1250.5, 3.0), "act:relu": Latency(None, None, None)}
    rows = tuple(replace(row, latency=times.get(row.id), macs=1_234_567_891) for row in digits.analysis.layers)
    window = make_window(digits)
    run = window.document.runs[0]
    window.document.add_run(run.plan, replace(run.analysis, layers=rows), exact=True)
    window.go("layers")
    tree = window.layers_page.tree
    tree.sets.setFocus()
    qtbot.keyClicks(tree.sets, "Speed")
    tree.view.setFocus()
    qtbot.keyClick(tree.view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0][3:] == ["Won (µs)", "fp32 (µs)", "int8 (µs)", "Spread (µs)", "MACs", "Params"]
    cells = next(line for line in lines if line[0] == "conv:conv2d")
    assert cells[3:8] == ["1249.5", "2500", "1250.5", "3", "1234567891"]
    assert all(len(line) == len(lines[0]) for line in lines)


def test_absorbed_layers_are_shown_below_those_that_absorbed_them(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    tree = window.layers_page.tree
    qtbot.mouseClick(tree.absorbed, LEFT)
    index = tree.model.index_of("bn:batch_norm")
    assert index.isValid()
    assert index.parent().data() == tree.model.index_of("conv:conv2d").data()


def test_who_picks_an_absorbed_layer_edits_the_one_that_absorbed_it(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    tree, editor = window.layers_page.tree, window.layers_page.detail.editor
    qtbot.mouseClick(tree.absorbed, LEFT)
    index = tree.proxy.mapFromSource(tree.model.index_of("bn:batch_norm"))
    qtbot.mouseClick(tree.view.viewport(), LEFT, pos=tree.view.visualRect(index).center())
    assert window.document.selection == ("conv:conv2d",)
    assert tree.view.currentIndex() == index  # the arrow keys go on from there
    editor.bits["activation"].setValue(6)
    assert window.document.qconfig("conv:conv2d").activation.bits == 6
    assert window.document.edited() == {"conv:conv2d"}


def test_the_editor_changes_weight_and_activation_apart(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    select(window, "conv:conv2d")
    editor = window.layers_page.detail.editor
    before = window.document.qconfig("conv:conv2d")
    editor.estimator["activation"].setFocus()
    editor.estimator["activation"].setCurrentText("entropy")
    editor.estimator["activation"].activated.emit(0)
    now = window.document.qconfig("conv:conv2d")
    assert now.activation.estimator == "entropy"
    assert now.weight == before.weight
    editor.bits["weight"].setValue(4)
    assert window.document.qconfig("conv:conv2d").weight.bits == 4
    qtbot.mouseClick(editor.follow, LEFT)
    assert window.document.qconfig("conv:conv2d").weight == before.weight
    assert not editor.follow.isEnabled()


def test_a_mixed_selection_says_so_and_an_edit_reaches_all(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    window.document.make_float(("conv:conv2d",))
    window.document.select(("conv:conv2d", "project:conv2d"))
    editor = window.layers_page.detail.editor
    assert editor.dtype["weight"].currentText() == "mixed"
    editor.dtype["weight"].setCurrentText("int4")
    editor.dtype["weight"].activated.emit(0)
    for layer_id in ("conv:conv2d", "project:conv2d"):
        assert window.document.qconfig(layer_id).weight.dtype == "int4"
    assert editor.dtype["weight"].currentText() == "int4"


def test_a_range_is_fixed_by_hand_and_freed(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    select(window, "conv:conv2d")
    detail = window.layers_page.detail
    qtbot.mouseClick(detail.ranges.on, LEFT)
    config = window.document.qconfig("conv:conv2d").activation
    assert config.estimator == "fixed"
    detail.ranges.high.setValue(1.5)
    assert window.document.qconfig("conv:conv2d").activation.range[1] == 1.5
    qtbot.mouseClick(detail.ranges.on, LEFT)
    assert window.document.qconfig("conv:conv2d").activation.estimator == "mse"
    # The plan is the one from before, and its figures hold again.
    assert window.document.plan == digits.opened.plan
    assert window.document.freshness == "exact"


def test_the_menu_edits_a_selection(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    menu = window.layers_page.menu(("conv:conv2d", "project:conv2d"))
    next(action for action in menu.actions() if action.text() == "Leave in float").trigger()
    assert window.document.qconfig("project:conv2d").activation is None
    menu.close()
    menu.deleteLater()


def test_the_ledger_toggles_a_fusion(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("fix")
    ledger = window.fix_page.ledger
    assert ledger.model.rowCount() == len(digits.analysis.fusions)
    place = next(i for i, row in enumerate(digits.analysis.fusions) if row.state == "fused")
    box = ledger.model.index(place, 0)
    point = QPoint(9, ledger.table.visualRect(box).center().y())
    qtbot.mouseClick(ledger.table.viewport(), LEFT, pos=point)
    assert not window.document.plan.fusion(digits.analysis.fusions[place].id)
    assert "to be computed" in ledger.model.index(place, 2).data()
    window.document.undo_stack.undo()
    assert box.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
    blocked = next(i for i, row in enumerate(digits.analysis.fusions) if row.state == "blocked")
    point.setY(ledger.table.visualRect(ledger.model.index(blocked, 0)).center().y())
    before = window.document.plan
    qtbot.mouseClick(ledger.table.viewport(), LEFT, pos=point)
    assert window.document.plan is before


def test_a_ledger_of_thousands_makes_only_the_cells_in_sight(qtbot, monkeypatch):
    asked = []
    told = FusionModel.data
    monkeypatch.setattr(FusionModel, "data", lambda self, index, role=0: asked.append(1) or told(self, index, role))
    ledger = FusionLedger()
    qtbot.addWidget(ledger)
    ledger.resize(900, 300)
    ledger.show()
    layers = [(f"body.{i}.conv:conv2d", f"body.{i}.norm:batch_norm") for i in range(5000)]
    rows = tuple(FusionRow(f"{pair[0]}+", pair, "conv2d+batch_norm", "fused") for pair in layers)
    ledger.show_rows(rows, {})
    QApplication.processEvents()
    assert ledger.model.rowCount() == 5000
    assert 0 < len(asked) < 5000
    # Of a layer that is absorbed, only what tells it apart; all of it in the tip and on the clipboard.
    names = ledger.model.index(7, 1)
    assert names.data() == "body.7.conv:conv2d, norm:batch_norm"
    assert names.data(Qt.ItemDataRole.ToolTipRole) == "body.7.conv:conv2d, body.7.norm:batch_norm"
    ledger.table.actions()[0].trigger()
    assert "body.7.conv:conv2d, body.7.norm:batch_norm" in QGuiApplication.clipboard().text()


def test_runs_of_a_model_without_classes_have_their_sqnr_and_no_empty_columns(make_window, digits):
    window = make_window(digits)
    table = window.fix_page.runs.table
    shown = [table.horizontalHeaderItem(i).text() for i in range(table.columnCount()) if not table.isColumnHidden(i)]
    assert {"Metric", "Agreement", "KL (nats)", "SQNR (dB)"} <= set(shown)
    totals = replace(digits.analysis.totals, quantized_metric=None, agreement=None, kl=None, sqnr_db=21.25)
    for run in tuple(window.document.runs):
        window.document.remove_run(run)
    window.document.add_run(window.document.plan, replace(digits.analysis, totals=totals), exact=True)
    shown = [table.horizontalHeaderItem(i).text() for i in range(table.columnCount()) if not table.isColumnHidden(i)]
    assert not {"Metric", "Agreement", "KL (nats)"} & set(shown)
    assert table.item(0, table.columnCount() - 4).text() == "21.2"


def test_a_selected_layer_stays_in_sight_when_its_table_gets_lower(make_window, digits):
    window = make_window(digits)
    window.resize(1366, 900)
    window.go("layers")
    window.grab()
    view = window.layers_page.tree.view
    window.document.select((window.document.rows()[-1].id,))
    place = view.visualRect(view.currentIndex())
    upper = view.viewport().height()
    view.setFixedHeight(view.height() - (upper - place.bottom()) - place.height() // 2)
    window.grab()
    assert view.visualRect(view.currentIndex()).bottom() <= view.viewport().height()


def test_a_run_is_restored_renamed_and_removed_from_its_menu(make_window, qtbot, digits):
    window = make_window(digits)
    document = window.document
    first = document.plan
    document.make_float(("conv:conv2d",))
    assert document.undo_stack.undoText() == "float for conv:conv2d"
    document.add_run(document.plan, digits.analysis, exact=True)
    window.go("layers")
    table = window.layers_page.bottom.runs.table
    acts = {act.text(): act for act in table.actions()}
    assert list(acts)[:3] == ["Restore plan", "Rename", "Remove"]
    assert not acts["Restore plan"].isEnabled()
    qtbot.mouseClick(table.viewport(), LEFT, pos=table.visualItemRect(table.item(1, 0)).center())
    acts["Restore plan"].trigger()
    assert document.plan == first
    acts["Rename"].trigger()
    field = table.findChild(QLineEdit)
    field.setText("before")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: document.runs[0].name == "before")
    acts["Remove"].trigger()
    assert [run.name for run in document.runs] != ["before"]
    assert len(document.runs) == 1


def test_runs_are_compared_renamed_and_restored(make_window, qtbot, digits):
    window = make_window(digits)
    document = window.document
    first = document.plan
    document.make_float(("conv:conv2d",))
    document.add_run(document.plan, digits.analysis, exact=True)
    window.go("fix")
    runs = window.fix_page.runs
    window.fix_page.tabs.setCurrentWidget(runs)
    runs.table.selectAll()
    assert "conv:conv2d: default → weight float, activation float" in runs.compared.toPlainText()
    runs.table.item(1, 0).setText("the first")
    assert document.runs[0].name == "the first"
    runs.table.selectRow(1)
    qtbot.mouseClick(runs.restore, LEFT)
    assert document.plan == first
    assert document.undo_stack.undoText() == "restore the first"


def test_a_problem_says_where_what_and_what_to_do(make_window):
    window = make_window()
    window.show_problem(Problem("model.pt2", "no such file", "Check the path."))
    (box,) = boxes(window)
    assert "model.pt2" in box.text()
    assert box.informativeText() == "Check the path."
    box.close()
    window.show_problem(Failure("Calibrating", "ValueError: no", "Traceback"))
    (box,) = boxes(window)
    assert "Calibrating" in box.text()
    assert "Traceback" in box.detailedText()
    box.close()


def test_buttons_of_dialogs_have_no_icons_of_another_set(make_window):
    window = make_window()
    for dialog in (window.show_shortcuts(), window.show_about()):
        dialog = dialog or window.findChild(QDialog)
        assert [button.icon().isNull() for button in dialog.findChildren(QPushButton) if button.text()] == [True]
        dialog.close()


def test_a_wrong_shape_is_said_below_its_field_and_nothing_is_opened(make_window, qtbot):
    window = make_window()
    window.open_page.source.setText("model.pt2")
    window.open_page.shape.setText("a,b")
    qtbot.mouseClick(window.open_page.go, LEFT)
    (fault,) = faults(window.open_page)
    assert fault.text() == "'a,b' is not a shape. Give numbers such as 1,3,224,224."
    assert fault.geometry().top() >= window.open_page.shape.parentWidget().geometry().bottom()
    assert window.focusWidget() is window.open_page.shape
    assert window.jobs.idle
    assert not boxes(window)
    window.open_page.shape.setText("1,3,8,8")
    assert not faults(window.open_page)
    window.open_page.source.clear()
    qtbot.mouseClick(window.open_page.go, LEFT)
    assert [fault.text() for fault in faults(window.open_page)] == [
        "Nothing is named. Choose a file or name a callable."
    ]


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("source", "", "Nothing is named"),
        ("normalize", "0.5", "“Normalization” 0.5 is not imagenet, none or MEAN/STD. Write it as"),
        ("split", "50/25", "'50/25' is not three shares. Write it as 50/25/25."),
        ("split", "50/25/5", "adds up to 80, not to 100"),
    ],
)
def test_what_is_wrong_in_the_data_form_is_said_below_its_field(make_window, digits, qtbot, field, wrong, said):
    window = make_window(digits)
    window.go("data")
    form = window.data_page.form
    opened = []
    window.data_page.open_requested.connect(opened.append)
    form.source.setText(digits.data_spec["source"])
    widget = getattr(form, field)
    (widget.setCurrentText if field == "normalize" else widget.setText)(wrong)
    qtbot.mouseClick(form.go, LEFT)
    (fault,) = faults(window.data_page)
    assert said in fault.text()
    assert said in widget.accessibleDescription()
    assert not boxes(window)
    assert opened == []


def test_python_code_runs_only_after_the_user_said_so_and_a_changed_file_asks_again(
    make_window, qtbot, tmp_path, monkeypatch
):
    window = make_window()
    opened = []
    monkeypatch.setattr(window.tasks, "open_model", lambda spec, allowed, *_: opened.append(allowed))
    code = tmp_path / "net.py"
    code.write_text("raise SystemExit")
    spec = {"source": f"{code}:build", "weights": None, "input_shape": None}
    answer(accept=False)
    window.opening.model(spec)
    assert opened == []
    answer(accept=True)
    window.opening.model(spec)
    window.opening.model(spec)
    assert opened == [True, True]
    code.write_text("raise SystemExit  # changed")
    answer(accept=False)
    window.opening.model(spec)
    assert len(opened) == 2


def test_the_programs_own_demo_needs_no_permission_when_it_is_opened_again(make_window, monkeypatch):
    from qinspect.demo import model_spec

    window = make_window()
    opened = []
    monkeypatch.setattr(window.tasks, "open_model", lambda spec, allowed, *_: opened.append(allowed))
    window.opening.again(model_spec().to_json())
    assert opened == [True]


def test_a_plan_of_other_layers_is_refused_and_what_it_loses_is_listed(make_window, digits, tmp_path, qtbot):
    window = make_window(digits)
    document, file = window.document, tmp_path / "plan.json"

    def take(plan):
        file.write_text(json.dumps(plan.to_json()))
        window.opening.take(file)
        boxes = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        for box in boxes:
            box.close()
        return [box.text() for box in boxes]

    before = document.plan
    (said,) = take(replace(before, overrides=()).with_layer("nowhere:conv2d", None, None))
    assert "None of its overrides matches a layer" in said
    assert "id 'nowhere:conv2d'" in said
    assert document.plan == before
    some = before.with_layer("nowhere:conv2d", None, None).with_layer("conv:conv2d", None, None)
    (said,) = take(some)
    assert said.splitlines()[0].startswith(f"1 of {len(some.overrides)} overrides in plan.json match no layer")
    assert said.splitlines()[-1] == "id 'nowhere:conv2d'"
    assert document.plan.fingerprint == some.fingerprint
    assert take(some) == [said]
    assert window.statusBar().currentMessage() == "plan.json is the plan that is open"
    empty = make_window()
    empty.opening.take(file)
    (box,) = empty.findChildren(QMessageBox)
    assert "No model is open" in box.text()
    box.close()


def test_the_session_is_kept_on_closing_and_offered_at_the_next_start(make_window, qtbot, digits, settings, tmp_path):
    window = make_window(digits, autosave=True)
    window.document.make_float(("conv:conv2d",))
    plan = window.document.plan
    window.close()
    session = load_session(tmp_path / "autosave.qinspect")
    assert session.plan.fingerprint == plan.fingerprint
    assert len(session.runs) == 1
    again = make_window(autosave=True)
    assert again.open_page.resume.isVisible()
    assert again.open_page.resume.isDefault()
    assert not again.open_page.demo.isDefault()
    assert again.open_page.resume.text() == f"Go on with {Path(digits.model_spec['source']).name}"
    answer(accept=True)
    qtbot.mouseClick(again.open_page.resume, LEFT)
    qtbot.waitUntil(lambda: again.document.calibration is not None, timeout=60_000)
    assert again.document.plan.fingerprint == plan.fingerprint
    assert len(again.document.runs) == 1
    assert again.document.confirmed == digits.data.data.digest
    qtbot.waitUntil(lambda: again.jobs.idle, timeout=60_000)


def test_the_session_is_kept_while_something_long_is_under_way_and_a_calibration_with_what_it_has(
    make_window, qtbot, digits, settings, tmp_path, monkeypatch
):
    monkeypatch.setattr("qinspect.gui.keeper.AUTOSAVE_MS", 50)
    monkeypatch.setattr("qinspect.engine.calibrate.KEEP_S", 0.0)
    window, path = make_window(digits, autosave=True), tmp_path / "autosave.qinspect"
    document = window.document
    document.calibration = None
    gate = threading.Event()
    gather = work.calibrate

    def slow(model, data, plan, known, report, keep):
        def held(done, total, note=""):
            report(done, total, note)
            if done > total / 2:
                gate.wait(30)

        return gather(model, data, plan, known, held, keep)

    monkeypatch.setattr(work, "calibrate", slow)
    window.tasks.run_all()
    qtbot.waitUntil(lambda: path.exists() and load_session(path).calibration is not None, timeout=30_000)
    part = load_calibration(load_session(path).calibration)
    assert 0 < part.samples < part.planned == digits.calibration.samples
    copy = tmp_path / "copy.qinspect"
    copy.write_bytes(path.read_bytes())
    window.jobs.cancel_all()
    gate.set()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)

    again = make_window()
    answer(accept=True)
    again.opening.session(copy)
    qtbot.waitUntil(lambda: again.jobs.idle and again.document.check is not None, timeout=60_000)
    assert again.document.calibration is None
    seen = []
    monkeypatch.setattr(work, "calibrate", lambda *args: seen.append(args[3].samples) or gather(*args))
    again.tasks.calibrate()
    qtbot.waitUntil(lambda: again.document.calibration is not None, timeout=30_000)
    assert seen == [part.samples]
    assert again.document.calibration.samples == part.planned


@pytest.mark.parametrize("mode", MODES)
def test_every_theme_can_be_chosen_on_every_page(make_window, digits, mode):
    window = make_window(digits)
    window.set_theme(mode)
    for step in STEPS:
        window.go(step)
        assert not window.grab().isNull()
    window.set_theme("light")


def test_a_theme_reaches_a_widget_once_however_deep_it_lies(make_window):
    window = make_window()
    inner = outer = QWidget(window)
    for _ in range(8):
        inner = QWidget(inner)
    label = QLabel("deep", inner)
    outer.show()
    heard = []

    class Listener(QObject):
        def eventFilter(self, _, event):
            heard.append(event.type())
            return False

    label.installEventFilter(listener := Listener())
    window.set_theme("dark")
    assert label.palette().color(label.backgroundRole()).name() == DARK.panel
    window.set_theme("light")
    label.removeEventFilter(listener)
    # Off and on, for two themes; replacing the sheet asks every widget once for each one around it.
    assert heard.count(QEvent.Type.StyleChange) == 4


def test_every_icon_that_is_named_is_kept_and_draws_something(qapp):
    import re
    from pathlib import Path

    import qinspect.gui as package

    text = "".join(path.read_text() for path in Path(package.__file__).parent.rglob("*.py"))
    names = set(re.findall(r'(?:set_icon\([^,]+, |[^_]icon\()"([a-z0-9-]+)"', text))
    assert len(names) > 15
    kept = {path.stem for path in resource("icons/mdi").glob("*.svg")}
    assert names <= kept
    for name in kept:
        picture = icon(name).pixmap(16, 16).toImage()
        assert any(picture.pixelColor(x, y).alpha() > 128 for x in range(16) for y in range(16)), name
    with pytest.raises(FileNotFoundError):
        icon("no-such-icon")


def test_every_button_and_field_has_an_accessible_name(make_window, digits):
    from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QLineEdit

    window = make_window(digits)
    window.make_workbench()
    nameless = []
    for kind in (QPushButton, QComboBox, QLineEdit, QAbstractSpinBox):
        for widget in window.findChildren(kind):
            # The parts of Qt's own widgets are named by those.
            if widget.objectName().startswith("qt_") or isinstance(widget.parent(), (QComboBox, QAbstractSpinBox)):
                continue
            text = widget.text() if isinstance(widget, QPushButton) else ""
            if not (widget.accessibleName() or text):
                nameless.append((type(widget).__name__, type(widget.parent()).__name__))
    assert nameless == []


def test_the_report_is_written_from_the_figures_that_are_shown(make_window, qtbot, digits, tmp_path):
    window = make_window(digits)
    job = window.tasks.save_report(tmp_path / "report.html")
    with qtbot.waitSignal(job.done, timeout=30_000):
        pass
    assert "<html" in (tmp_path / "report.html").read_text()


def test_closing_during_a_job_stops_it(make_window, qtbot):
    window = make_window()

    def endless(report):
        while True:
            report(0, 1, "working")

    window.jobs.start("endless", endless)
    qtbot.waitUntil(lambda: window.strip.isVisible())
    window.close()
    assert window.stopped


def test_what_a_job_does_is_never_cut_off_at_its_beginning(make_window, qtbot):
    window = make_window()
    window.resize(960, 600)
    said = ["working", "working on something that takes more words", f"opening /{'folder/' * 40}net.pt2"]
    go_on = threading.Event()

    def work(report):
        for each in said:
            go_on.wait()
            go_on.clear()
            report(1, 4, each)
            time.sleep(0.1)
        go_on.wait()

    window.jobs.start("A job", work)
    note = window.strip.note
    for each in said:
        go_on.set()
        qtbot.waitUntil(lambda each=each: note.text().endswith(each[-7:]))
        QApplication.processEvents()
        assert note.text().startswith("A job: ")
        assert note.contentsRect().width() >= note.fontMetrics().horizontalAdvance(note.text())
        assert window.width() == 960
    assert said[-1] in note.toolTip()
    go_on.set()
    qtbot.waitUntil(lambda: window.jobs.idle)


def test_escape_cancels_the_job(make_window, qtbot):
    window = make_window()

    def endless(report):
        while True:
            report(1, 4, "working")

    job = window.jobs.start("endless", endless)
    qtbot.waitUntil(lambda: "working" in window.strip.note.text())
    with qtbot.waitSignal(job.cancelled, timeout=1000):
        qtbot.keyClick(window, Qt.Key.Key_Period, Qt.KeyboardModifier.ControlModifier)
    assert not window.strip.isVisible()


def test_nothing_lies_on_anything_in_the_details_of_the_smallest_window(make_window, digits, qtbot):
    window = make_window(digits)
    window.resize(960, 600)
    window.go("layers")
    window.document.select(("conv:conv2d",))
    detail = window.layers_page.detail
    qtbot.waitUntil(lambda: not detail.histogram.empty and detail.below.height() > 0)
    QApplication.processEvents()
    parts = [detail.histogram, detail.ranges, detail.below]
    ends = [(part.mapTo(window, QPoint()).y(), part.mapTo(window, QPoint(0, part.height())).y()) for part in parts]
    assert all(above[1] <= below[0] for above, below in itertools.pairwise(ends))
