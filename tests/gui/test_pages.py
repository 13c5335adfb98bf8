"""The pages of the way from Open to Export, as a hand on mouse and keyboard meets them."""

from __future__ import annotations

import re
import threading
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication, QLabel, QMessageBox, QPushButton

from qinspect.engine.data.glimpse import Values
from qinspect.engine.plan.qconfig import PRESETS
from qinspect.engine.problem import Problem
from qinspect.engine.progress import silent
from qinspect.engine.results import Finding, error_shares
from qinspect.engine.results.kernels import Latency, LatencySums
from qinspect.engine.text import Text
from qinspect.gui import work
from qinspect.gui.dialogs import in_fields
from qinspect.gui.panels.compare import compare
from qinspect.gui.panels.data_page import COLUMNS
from qinspect.gui.panels.error_strip import ErrorStrip
from qinspect.gui.panels.glimpse import GlimpseView

from .conftest import fill

LEFT = Qt.MouseButton.LeftButton


def test_a_click_on_the_words_of_a_card_chooses_it(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("target")
    for words in window.target_page.cards["fx-onednn"].findChildren(QLabel):
        window.document.set_target(window.document.plan.target.parse("ort"))
        qtbot.mouseClick(words, LEFT)
        assert window.document.plan.target.name == "fx-onednn", words.text()
    window.go("export")
    qtbot.mouseClick(window.export_page.cards["script"].findChildren(QLabel)[1], LEFT)
    assert window.export_page.to == "script"


def test_what_was_assumed_of_a_model_is_said_in_the_words_of_the_fields(make_window, digits):
    window = make_window(digits)
    note = Text("Input shape {shape} was assumed; --input-shape sets another.", shape="1,3,224,224")
    window.document.model = replace(digits.opened.model, notes=(note,))
    window.open_page.refresh()
    said = [label.text() for label in window.open_page.findChildren(QLabel)]
    assert "Input shape 1,3,224,224 was assumed; “Input shape” sets another." in said


def test_a_float_model_that_was_stopped_can_be_run_again(make_window, digits, qtbot, monkeypatch):
    window = make_window(digits, autosave=False)
    window.go("data")
    go_on, check = threading.Event(), work.check_float

    def slow(model, data, report, metric=None):
        while not go_on.is_set():
            report(1, 4, "running")
        return check(model, data, report, metric)

    monkeypatch.setattr(work, "check_float", slow)
    card = window.data_page.metric_card
    window.document.set_data(digits.data.data)
    job = window.tasks.check_float()
    assert card.value.text() == "…"
    with qtbot.waitSignal(job.cancelled):
        qtbot.mouseClick(window.strip.cancel, LEFT)
    assert "stopped" in card.note.text()
    assert not card.confirm.isEnabled()
    go_on.set()
    qtbot.mouseClick(card.again, LEFT)
    qtbot.waitUntil(lambda: window.document.check is not None)
    assert not card.again.isVisible()


def test_a_figure_of_another_preparation_than_the_fields_say_is_not_confirmed(make_window, digits, qtbot):
    window = make_window()
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    window.document.set_data(digits.data.data)
    window.show_data(digits.data)
    window.document.set_check(digits.check)
    window.go("data")
    page = window.data_page
    card, said = page.metric_card, page.metric_card.note.text()
    assert card.confirm.isEnabled()
    page.form.normalize.setCurrentText("-1..1")
    assert not card.confirm.isEnabled()
    assert "open them again" in card.note.text()
    window.show_data(digits.data)
    assert card.confirm.isEnabled()
    assert card.note.text() == said


def test_what_was_looked_for_in_one_model_does_not_hide_the_layers_of_the_next(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("layers")
    qtbot.keyClicks(window.layers_page.tree.filter, "no such layer")
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    assert window.layers_page.tree.filter.text() == ""
    assert window.layers_page.tree.shown()


def test_after_confirming_the_keyboard_is_on_the_next_step(make_window, digits, qtbot):
    window = make_window()
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    window.document.set_data(digits.data.data)
    window.document.set_check(digits.check)
    window.go("data")
    card = window.data_page.metric_card
    card.confirm.setFocus()
    qtbot.keyClick(card.confirm, Qt.Key.Key_Space)
    assert card.next.hasFocus()


def test_when_the_float_figure_comes_one_key_confirms_it(make_window, digits, qtbot):
    window = make_window()
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    window.document.set_data(digits.data.data)
    window.go("data")
    card = window.data_page.metric_card
    window.document.set_check(digits.check)
    assert card.confirm.hasFocus()
    qtbot.waitUntil(lambda: not card.confirm.visibleRegion().isEmpty())
    # It is the one to press next, and its icon is readable on the accent.
    assert card.confirm.property("iconName") == "check:on_accent"
    qtbot.keyClick(card.confirm, Qt.Key.Key_Return)
    assert window.document.confirmed == digits.data.data.digest


def test_the_float_figure_takes_the_cursor_from_no_field(make_window, digits):
    window = make_window()
    window.document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    window.document.set_data(digits.data.data)
    window.go("data")
    window.data_page.form.seed.setFocus()
    window.document.set_check(digits.check)
    assert window.data_page.form.seed.hasFocus()


def test_enter_presses_the_button_that_has_the_cursor(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("verdict")
    button = window.verdict_page.to_layers
    button.setFocus()
    qtbot.keyClick(button, Qt.Key.Key_Return)
    assert window.step == "layers"


def test_the_worst_layer_is_selected_when_the_first_figures_come(make_window, digits):
    window = make_window()
    fill(window.document, digits, analyzed=False)
    window.go("layers")
    assert window.document.selection == ()
    assert "Ctrl+Enter" in window.layers_page.banner.text()
    window.document.add_run(digits.opened.plan, digits.analysis, exact=True)
    assert window.document.selection == (window.document.worst(),)


def test_a_share_changes_by_points(digits):

    from qinspect.session import Run

    run = Run("1", "m", "d", True, digits.opened.plan, digits.analysis)
    worse = replace(
        digits.analysis, totals=replace(digits.analysis.totals, agreement=digits.analysis.totals.agreement - 0.5)
    )
    row = next(row for row in compare(run, replace(run, analysis=worse)).figures if row.name == "agreement, simulated")
    assert row.change == "-50.0 points"


def test_a_folder_that_takes_no_files_is_refused_before_anything_is_computed(digits, tmp_path):
    (tmp_path / "file").write_text("")
    said = []
    given = digits.opened.model, digits.opened.plan, digits.calibration, digits.data.data
    with pytest.raises(Problem, match="cannot be written"):
        work.export(*given, "onnx", tmp_path / "file" / "out", {}, None, lambda *told: said.append(told))
    assert said == []


def test_one_export_at_a_time(make_window, digits, qtbot, tmp_path, monkeypatch):
    window = make_window(digits)
    window.go("export")
    go_on, page = threading.Event(), window.export_page

    def slow(*given):
        go_on.wait(20)
        return work_export(*given[:-1], silent)

    work_export = work.export
    monkeypatch.setattr(work, "export", slow)
    page.folder.setText(str(tmp_path))
    page.choose("plan")
    qtbot.mouseClick(page.go, LEFT)
    assert not page.go.isEnabled()
    assert window.steps.buttons["export"].property("state") == "now"
    go_on.set()
    qtbot.waitUntil(page.go.isEnabled, timeout=30_000)
    assert len(page.reports) == 1
    assert window.steps.buttons["export"].property("state") == "done"


def test_another_language_keeps_filter_order_and_tabs(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("layers")
    page = window.layers_page
    page.tree.flat.click()
    qtbot.keyClicks(page.tree.filter, "conv2d")
    page.tree.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    page.centre.setCurrentIndex(1)
    page.bottom.setCurrentIndex(2)
    window.set_language("en")
    after = window.layers_page
    assert after is not page
    assert (after.tree.filter.text(), after.tree.flat.isChecked()) == ("conv2d", True)
    assert after.tree.view.header().sortIndicatorSection() == 3
    assert (after.centre.currentIndex(), after.bottom.currentIndex()) == (1, 2)


def test_the_window_speaks_of_its_fields_and_not_of_options():
    assert in_fields("Leave out --resize and --crop, or give --input-shape.") == (
        "Leave out “Resize” and “Crop”, or give “Input shape”."
    )
    assert in_fields("build it with trtexec --onnx=x") == "build it with trtexec --onnx=x"


def test_labels_of_other_classes_say_so_on_the_page_and_can_be_left_aside(make_window, digits, qtbot):

    window = make_window()
    document, card = window.document, window.data_page.metric_card
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(
        replace(digits.data.data, labels=digits.data.data.labels + 300, targets=digits.data.data.labels + 300)
    )
    window.go("data")
    with qtbot.waitSignal(window.tasks.check_float().finished):
        pass
    assert "300" in card.note.text()
    assert card.again.isVisible()
    for box in window.findChildren(QMessageBox):
        box.close()
    index = card.choice.findData("agreement")
    card.choice.setCurrentIndex(index)
    card.choice.activated.emit(index)
    qtbot.waitUntil(lambda: document.check is not None, timeout=30_000)
    assert document.check.metric is None
    assert "left aside" in card.note.text()
    assert card.confirm.isEnabled()


def test_a_page_that_was_gone_to_while_the_model_opens_stays(make_window, digits, qtbot):
    window = make_window()
    job = window.tasks.open_model(digits.model_spec, True)
    window.go("data")
    with qtbot.waitSignal(job.done, timeout=60_000):
        pass
    assert window.step == "data"
    assert "Open data" in window.data_page.hint.text.text()


def test_the_verdict_says_how_sure_a_share_of_few_samples_is(make_window, digits):
    window = make_window(digits)
    window.go("verdict")
    totals = window.document.shown.analysis.totals
    least, most = totals.drop_interval
    assert least < totals.drop < most
    said = re.match(r"(\S+) points \((\S+) to (\S+), 95% sure\)", window.verdict_page.simulated.note.text())
    # A drop of the metric is a change downwards: its upper end is the lower end of the change.
    changes = [float(number.replace("±", "")) for number in said.groups()]
    assert changes == pytest.approx([-100 * totals.drop, -100 * most, -100 * least], abs=0.06)


def test_a_narrower_window_shows_all_columns_again(make_window, digits, qtbot):
    window = make_window(digits)
    window.resize(2200, 1000)
    window.go("layers")
    tree = window.layers_page.tree
    window.resize(1280, 700)
    qtbot.waitUntil(lambda: tree.width() >= 540)
    assert window.layers_page.detail.width() >= 308


def test_steps_say_what_their_signs_mean(make_window, digits):
    window = make_window()
    assert "comes later" in window.steps.buttons["layers"].toolTip()
    document = window.document
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    assert "can be done now" in window.steps.buttons["data"].toolTip()
    assert "done" in window.steps.buttons["open"].toolTip()


def test_the_palette_finds_targets_and_says_when_nothing_is_found(make_window, digits, qtbot):
    window = make_window(digits)
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "onednn fx")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.document.plan.target.name == "fx-onednn"
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "zzz")
    assert palette.list.item(0).text() == "nothing is called so"
    assert palette.height() < 120
    palette.line.setText("undo")
    palette.line.setText("e")
    assert palette.height() > 300
    palette.close()


def test_what_was_measured_before_an_edit_is_not_gone_after_quick_figures(make_window, digits):
    window = make_window(digits)
    document, page = window.document, window.verdict_page
    slow = Finding("int8_slower", "The integer model is slower", "2 ms", (), "error", None, "Choose another target.")
    exact = replace(digits.analysis, findings=(slow,))
    document.runs.clear()
    document.add_run(document.plan, exact, exact=True)
    window.go("verdict")
    assert len(page.findings.cards) == 1
    document.make_float(("conv:conv2d",))
    document.add_run(document.plan, replace(digits.analysis, findings=()), exact=False)
    said = [words.text() for words in page.findings.findChildren(QLabel)]
    assert "The integer model is slower" in said
    assert any(text.startswith("Measured before the last edit") for text in said)


def test_an_analysis_cancelled_at_its_kernels_keeps_what_it_had(make_window, digits, qtbot, monkeypatch):
    from qinspect.engine import analyze

    window = make_window(digits)
    document = window.document
    document.runs.clear()
    document.make_float(("conv:conv2d",))
    window.tasks.rest()

    def endless(asked, report):
        while True:
            report(1, 4, "timing")

    monkeypatch.setattr(analyze, "run_kernels", endless)
    job = window.tasks.run_all()
    qtbot.waitUntil(lambda: "timing" in window.strip.note.text(), timeout=60_000)
    with qtbot.waitSignal(job.cancelled):
        qtbot.mouseClick(window.strip.cancel, LEFT)
    run = document.find()
    assert not run.exact
    assert run.analysis.totals.agreement is not None
    assert run.analysis.totals.kernel_agreement is None
    assert run.analysis.row("fc:linear").errors.estimated_kl is not None


def test_an_analysis_cancelled_after_its_errors_keeps_those_and_says_that_no_causes_were_looked_for(
    make_window, digits, qtbot, monkeypatch
):
    from qinspect.engine import analyze

    window = make_window(digits)
    window.go("verdict")
    document = window.document
    whole = document.find().analysis
    document.runs.clear()

    def endless(plans, batches, report, **given):
        while True:
            report(1, 4, "scoring")

    monkeypatch.setattr(analyze, "score", endless)
    job = window.tasks.run_all()
    qtbot.waitUntil(lambda: "scoring" in window.strip.note.text(), timeout=60_000)
    with qtbot.waitSignal(job.cancelled, timeout=2000):
        qtbot.mouseClick(window.strip.cancel, LEFT)
    kept = document.find()
    assert not kept.exact
    assert kept.analysis.totals.kl == pytest.approx(whole.totals.kl, rel=1e-5)
    assert kept.analysis.row("fc:linear").errors.cumulative_sqnr_db is not None
    assert kept.analysis.row("fc:linear").errors.estimated_kl is None
    assert len(kept.analysis.fusions) == len(whole.fusions)
    said = [label.text() for label in window.verdict_page.findings.findChildren(QLabel)]
    assert said == ["It was stopped before causes were looked for."]


def test_an_analysis_cancelled_while_its_errors_are_measured_keeps_those_of_the_samples_so_far(
    make_window, digits, qtbot, monkeypatch
):
    from qinspect.engine import analyze, measure

    window = make_window(digits)
    window.go("verdict")
    document = window.document
    whole = document.find().analysis.totals.samples
    document.runs.clear()
    real = measure.in_parallel

    def some(work, portions, samples, report, **given):
        yield next(real(work, portions, samples, report, **given))
        while True:
            report(1, 4, "going on")

    monkeypatch.setattr(measure, "in_parallel", some)
    monkeypatch.setattr(analyze, "measured_batch", lambda quantization: 8)
    job = window.tasks.run_all()
    qtbot.waitUntil(lambda: "going on" in window.strip.note.text(), timeout=60_000)
    with qtbot.waitSignal(job.cancelled, timeout=2000):
        qtbot.mouseClick(window.strip.cancel, LEFT)
    totals = document.find().analysis.totals
    assert totals.samples == 8 < whole
    assert totals.kl is not None
    assert "8 samples of the final split" in window.verdict_page.purpose.text()


@pytest.mark.parametrize("page", ["verdict", "fix"])
def test_figures_of_an_edit_that_were_stopped_are_said_to_be_until_they_are_asked_for_again(
    make_window, digits, qtbot, monkeypatch, page
):
    window = make_window(digits)
    window.go(page)
    document, first = window.document, work.first_figures

    def endless(*given, **words):
        while True:
            given[-1](1, 4, "simulating")

    def said():
        return (window.fix_page.state if page == "fix" else window.verdict_page.empty_text).text()

    monkeypatch.setattr(work, "first_figures", endless)
    document.make_float(("conv:conv2d",))
    qtbot.waitUntil(lambda: "simulating" in window.strip.note.text(), timeout=60_000)
    assert "Stopped" not in said()
    qtbot.mouseClick(window.strip.cancel, LEFT)
    qtbot.waitUntil(lambda: window.jobs.idle)
    assert "Stopped before the new figures were there" in said()
    assert "on their way" not in said()
    monkeypatch.setattr(work, "first_figures", first)
    qtbot.keyClick(window, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier)
    assert "Stopped" not in said()
    qtbot.waitUntil(lambda: document.freshness == "quick", timeout=60_000)
    assert "Stopped" not in said()


def test_a_remedy_is_undone_by_a_name_of_few_words_and_the_keyboard_stays_on_its_page(make_window, digits, qtbot):
    window = make_window(digits)
    document = window.document
    plan = document.plan
    for layer_id in ("conv:conv2d", "fc:linear"):
        plan = plan.with_layer(layer_id, weight=None, activation=None)
    sentence = "Keep them in float, then look for a cheaper remedy layer by layer."
    finding = Finding("rule", "2 of 5 layers", "evidence", (), "warning", 0.1, sentence, plan.to_json())
    document.add_run(document.plan, replace(digits.analysis, findings=(finding,)), exact=True)
    window.go("verdict")
    (apply,) = window.verdict_page.findings.cards[0].findChildren(QPushButton)
    apply.setFocus()
    qtbot.keyClick(apply, Qt.Key.Key_Space)
    assert document.undo_stack.undoText() == "float for 2 layers"
    assert window.verdict_page.isAncestorOf(window.focusWidget())
    document.undo_stack.undo()
    assert document.freshness == "exact"


def test_smaller_data_after_larger_ones_show_no_samples_of_the_larger_until_their_own_are_there(
    make_window, digits, qtbot, tmp_path
):
    window = make_window(digits)
    window.go("data")
    window.show_data(digits.data)
    stored = np.load(digits.data_spec["source"])
    np.savez(tmp_path / "few.npz", x=stored["x"][:8], y=stored["y"][:8])
    form = window.data_page.form
    form.source.selectAll()
    qtbot.keyClicks(form.source, str(tmp_path / "few.npz"))
    form.samples.setValue(0)
    qtbot.keyClick(form.source, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.jobs.idle and len(window.document.data) == 8, timeout=60_000)
    assert window.data_page.grid.count() == 8
    assert "other data" in window.where.text()
    assert "other data" in window.verdict_page.empty_text.text()


def test_a_remedy_says_what_it_costs_at_run_time_where_the_layers_were_timed(make_window, digits, qtbot):
    rows = tuple(
        replace(row, latency=Latency(300.0 if row.id == "conv:conv2d" else 100.0, 200.0))
        if row.fused_into is None and row.quantized
        else row
        for row in digits.analysis.layers
    )
    timed = [row for row in rows if row.latency is not None]
    sums = [sum(getattr(row.latency, name) for row in timed) / 1e3 for name in ("fp32_us", "int8_us")]
    totals = replace(digits.analysis.totals, fp32_ms=sums[0], int8_ms=sums[1])
    plan = digits.opened.plan
    asked = plan.default.activation
    slower = plan.with_layer("conv:conv2d", weight=None, activation=None)
    faster = plan.with_layer("fc:linear", weight=None, activation=None)  # and what hands on to it
    same = plan.with_layer("conv:conv2d", activation=asked.but(estimator="minmax"))
    found = tuple(
        Finding(rule, rule, "evidence", ("conv:conv2d",), "warning", 0.1, "Do it.", each.to_json())
        for rule, each in (("layer_slower", slower), ("layer_slower", faster), ("float", slower), ("range", same))
    )
    analysis = replace(digits.analysis, layers=rows, totals=totals, findings=found, latency=LatencySums(None, 50))
    window = make_window(digits)
    window.document.add_run(plan, analysis, exact=True)
    window.go("verdict")

    def said(text):
        return [any(text in label.text() for label in card.findChildren(QLabel)) for card in findings.cards]

    findings = window.verdict_page.findings
    qtbot.waitUntil(lambda: said("costs ≈ 100 µs") == [True, False, True, False])
    qtbot.waitUntil(lambda: said("saves ≈ 300 µs") == [False, True, False, False])
    qtbot.waitUntil(lambda: said("as fast as now") == [False, False, False, True])
    applied = [next(b for b in card.findChildren(QPushButton) if b.text() == "Apply") for card in findings.cards]
    # What is for time alone and costs time is not offered; what is for accuracy may well cost some.
    assert [button.isEnabled() for button in applied] == [False, True, True, True]
    assert said("does not pay: with its borders it costs ≈ 100 µs") == [True, False, False, False]
    palette = window.show_palette()
    palette.line.setText("apply")
    offered = [text for text in palette.texts() if text.startswith("Apply: ")]
    assert offered == ["Apply: layer_slower", "Apply: float", "Apply: range"]
    palette.close()


def test_the_verdict_says_why_no_kernels_ran_and_what_else_there_is_to_note(make_window, digits):
    window = make_window(digits)
    notes = (
        Text("No kernels of {target} were run: {reason}.", target="PT2E", reason="there is no compiler"),
        Text("Of {count} outputs, number {number} is judged; --output names another.", count=2, number=1),
        "known of the model",
    )
    window.document.model = replace(digits.opened.model, notes=("known of the model",))
    window.document.add_run(window.document.plan, replace(digits.analysis, notes=notes), exact=True)
    window.go("verdict")
    said = window.verdict_page.line.text().splitlines()
    assert said[0].startswith("KL(fp32‖int8)")
    assert said[1] == "No kernels of PT2E were run: there is no compiler."
    assert said[2] == "Of 2 outputs, number 1 is judged; “Output that is judged” names another."
    assert len(said) == 3


def test_targets_are_called_as_people_call_them(make_window, digits):
    window = make_window(digits)
    assert "ONNX Runtime" in window.where.text()
    assert "ONNX Runtime" in window.verdict_page.purpose.text()
    assert window.document.runs[0].name == "1: ONNX Runtime"
    assert "ONNX Runtime" in window.export_page.note.text()
    window.document.set_target(window.document.plan.target.parse("fx-onednn"))
    assert "FX onednn" in window.where.text()
    assert "needs ONNX Runtime" in window.export_page.refused["onnx"]


def test_what_can_be_done_about_a_finding_stands_beside_its_words(make_window, digits, qtbot):
    plan = digits.opened.plan.to_json()
    found = [
        Finding("rule", f"Title {n}", "evidence", ("conv:conv2d",), "warning", 0.1, "Do it.", plan) for n in range(5)
    ]
    window = make_window(digits)
    window.document.add_run(window.document.plan, replace(digits.analysis, findings=tuple(found)), exact=True)
    window.go("verdict")
    page = window.verdict_page
    qtbot.waitUntil(lambda: page.findings.cards[0].isVisible())
    lines = page.findings.cards[0].fontMetrics().height()
    assert all(card.height() <= 4 * lines + 44 for card in page.findings.cards)
    # Three words in a row, and all is in sight in a small window but the last card's lower part.
    lowest = page.findings.cards[3]
    assert lowest.mapTo(page.viewport(), lowest.rect().bottomLeft()).y() < page.viewport().height()
    texts = [button.text() for button in page.findings.cards[0].findChildren(QPushButton)]
    assert texts == ["Show layer", "Apply"]


def test_the_next_button_stays_where_it_is_when_the_float_figure_is_confirmed(make_window, digits, qtbot):
    window = make_window()
    document, card = window.document, window.data_page.metric_card
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    document.set_check(digits.check)
    window.go("data")
    QApplication.processEvents()
    before = card.next.geometry()
    qtbot.mouseClick(card.confirm, Qt.MouseButton.LeftButton)
    QApplication.processEvents()
    assert card.confirm.text() == "Confirmed"
    assert card.next.geometry() == before


def test_what_is_calibrated_is_only_analyzed_again_and_the_button_says_so(make_window, digits):
    window = make_window()
    document, page = window.document, window.target_page
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    document.set_check(digits.check)
    document.confirm()
    assert page.run.text() == window.verdict_page.run.text() == "Calibrate and analyze"
    document.set_calibration(digits.calibration)
    assert page.run.text() == window.verdict_page.run.text() == "Analyze"


def test_the_verdict_shows_where_the_error_comes_from_and_a_click_opens_the_layer(make_window, digits, qtbot):
    window = make_window()
    page = window.verdict_page
    assert page.origin.isHidden()
    fill(window.document, digits)
    window.go("verdict")
    window.resize(1366, 900)
    QApplication.processEvents()
    strip, shares = page.strip, error_shares(row for row in digits.analysis.layers if row.fused_into is None)
    assert strip.isVisible()
    worst = max(shares, key=shares.get)
    place = list(shares).index(worst)
    point = QPoint(round((place + 0.5) * strip.width() / len(shares)), strip.height() // 2)
    assert strip.bar_at(point.x()).worst
    dark = strip.grab().toImage()
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=point)
    assert window.step == "layers"
    assert window.document.selection == (worst,)
    window.document.make_float((worst,))
    window.go("verdict")
    assert strip.grab().toImage() != dark  # figures of another plan are paler


def test_of_more_layers_than_have_room_neighbours_share_a_bar(qtbot):
    strip = ErrorStrip()
    qtbot.addWidget(strip)
    strip.resize(300, 80)
    strip.show_shares({f"layer{i}": 0.5 if i == 777 else 0.5 / 4999 for i in range(5000)})
    assert strip.bar_at(777 / 5000 * 300).id == "layer777"
    assert strip.bar_at(300) is None


def test_a_stopped_calibration_says_what_is_kept_and_that_it_goes_on(make_window, digits, qtbot, monkeypatch):
    monkeypatch.setattr("qinspect.engine.calibrate.KEEP_S", 0.0)
    window = make_window()
    fill(window.document, digits, analyzed=False)
    window.document.calibration = None
    window.go("target")
    page, gate, gather = window.target_page, threading.Event(), work.calibrate
    parts = []

    def slow(model, data, plan, known, report, keep):
        def held(done, total, note=""):
            report(done, total, note)
            if done > total / 2:
                gate.wait(30)

        return gather(model, data, plan, known, held, lambda part: (parts.append(part), keep(part)))

    monkeypatch.setattr(work, "calibrate", slow)
    page.refresh()
    assert page.run.text() == "Calibrate and analyze"
    qtbot.mouseClick(page.run, LEFT)
    qtbot.waitUntil(lambda: bool(parts) and window.strip.cancel.isVisible(), timeout=30_000)
    qtbot.mouseClick(window.strip.cancel, LEFT)
    gate.set()
    qtbot.waitUntil(lambda: page.run.isEnabled(), timeout=30_000)
    kept, all_ = parts[-1].samples, digits.calibration.samples
    assert 0 < kept < all_
    assert f"{kept} of {all_} samples are kept" in page.todo.text()
    assert page.run.text() == "Go on calibrating and analyze"
    fused = next(row for row in window.document.inspected.fusions if row.state == "fused")
    window.document.set_fusion(fused.id, False)
    assert f"{kept} of {all_} samples are of other fusions" in page.todo.text()
    assert page.run.text() == "Calibrate and analyze"
    window.document.undo_stack.undo()
    assert page.run.text() == "Go on calibrating and analyze"
    monkeypatch.setattr(work, "calibrate", gather)
    monkeypatch.setattr(work, "analyze", lambda *args, **kwargs: digits.analysis)
    qtbot.mouseClick(page.run, LEFT)
    qtbot.waitUntil(lambda: window.document.freshness == "exact", timeout=30_000)
    assert page.run.text() == "Analyze"
    assert window.document.calibration.samples == all_


def test_the_numbers_that_the_model_gets_are_said_and_pixels_that_nobody_divided_warned_of(make_window, digits):
    window = make_window(digits)
    page = window.data_page
    window.go("data")
    page.show_samples(digits.data.glimpses, digits.data.classes)
    assert page.values.text().startswith("Values 0 … ")
    assert "mean" in page.values.text()
    assert not page.unscaled.isVisible()
    values = Values(0.0, 255.0, 33.0, 78.0, pictures=True)
    raw = [(index, replace(glimpse, values=values)) for index, glimpse in digits.data.glimpses]
    page.show_samples(raw, digits.data.classes)
    assert page.values.text() == "Values 0 … 255, mean 33, standard deviation 78."
    assert page.unscaled.isVisible()
    assert "divided, by 255 say" in page.unscaled.text()


@pytest.mark.parametrize("width", [1000, 1366])
def test_pictures_of_samples_are_squares_that_fill_their_card(make_window, digits, qtbot, width):
    window = make_window(digits)
    window.resize(width, 768)
    page = window.data_page
    page.show_samples(digits.data.glimpses, digits.data.classes)
    window.go("data")
    pictures = page.findChildren(GlimpseView)
    qtbot.waitUntil(lambda: len({picture.y() for picture in pictures}) == 1 and pictures[0].width() > 50)
    qtbot.waitUntil(lambda: all(picture.width() == picture.height() for picture in pictures))
    first, last = pictures[0], pictures[COLUMNS - 1]
    card = page.samples_title.parentWidget()
    left = first.mapTo(card, QPoint(0, 0)).x()
    right = card.width() - last.mapTo(card, QPoint(last.width(), 0)).x()
    assert left == pytest.approx(right, abs=COLUMNS)
    assert page.horizontalScrollBar().maximum() == 0


def test_the_texts_of_all_kinds_of_fields_begin_on_one_line(make_window, digits):
    window = make_window(digits)
    window.go("data")
    form = window.data_page.form
    edits = [form.source, form.split, form.seed.lineEdit(), form.normalize.lineEdit()]
    begins = []
    for edit in edits:
        edit.setCursorPosition(0)
        place = edit.inputMethodQuery(Qt.InputMethodQuery.ImCursorRectangle).center()
        begins.append(edit.mapTo(form, place).x())
    assert max(begins) - min(begins) <= 1


def test_the_verdict_says_how_sure_the_estimated_sum_is_and_where_it_does_not_hold(make_window, digits):
    window = make_window(digits)
    document, page = window.document, window.verdict_page
    window.go("verdict")
    assert "does not hold" not in page.line.text()
    unsure = replace(digits.analysis.totals, estimated_kl=0.0367, estimated_kl_error=0.0078)
    spoilt = replace(unsure, estimate_holds=False, estimate_reason=Text("the errors {how}", how="lean one way"))
    for totals, told in ((unsure, False), (spoilt, True)):
        document.add_run(document.plan, replace(digits.analysis, totals=totals), exact=True)
        assert "estimated 0.0367 ± 0.016 nats" in page.line.text()
        assert ("The estimate does not hold: the errors lean one way." in page.line.text()) == told


def test_while_the_first_analysis_runs_nobody_is_asked_to_start_it(make_window, digits, qtbot):
    window = make_window()
    fill(window.document, digits, analyzed=False)
    window.go("layers")
    page = window.layers_page

    def waits(report):
        while True:
            report(0, 1, "")

    window.jobs.start("before it", waits)
    window.run()
    assert "on their way" in page.banner.text()
    assert "Ctrl+Enter" not in page.banner.text()
    texts = [label.text() for label in page.centre.depth.findChildren(QLabel) if label.isVisible()]
    assert "The first figures are on their way." in texts
    window.jobs.cancel_all()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=20_000)
    assert "Ctrl+Enter" in page.banner.text()


@pytest.mark.parametrize("size", [(1366, 768), (1280, 680)])
def test_the_float_figure_is_confirmed_without_scrolling_in_a_small_window(make_window, digits, size):
    window = make_window()
    window.resize(*size)
    fill(window.document, digits, analyzed=False)
    window.go("data")
    QApplication.processEvents()
    page = window.data_page
    button = page.metric_card.confirm
    assert button.mapTo(page.viewport(), button.rect().bottomLeft()).y() < page.viewport().height()


def test_buttons_of_findings_stand_below_one_another(make_window, digits, qtbot):
    plan = digits.opened.plan.to_json()
    layers = [("conv:conv2d",), tuple(f"layer{n}" for n in range(12)), ("fc:linear",)]
    plans = (plan, plan, None)
    found = [
        Finding("rule", "Title", "evidence", ids, "warning", 0.1, "Do it.", each)
        for ids, each in zip(layers, plans, strict=True)
    ]
    window = make_window(digits)
    window.document.add_run(window.document.plan, replace(digits.analysis, findings=tuple(found)), exact=True)
    window.go("verdict")
    page = window.verdict_page
    qtbot.waitUntil(lambda: page.findings.cards[0].isVisible())
    left = [
        [button.mapTo(page, QPoint()).x() for button in card.findChildren(QPushButton)] for card in page.findings.cards
    ]
    assert left[0] == left[1] == [*left[2], left[0][1]]


def test_who_has_a_model_open_is_not_asked_whether_he_is_new(make_window, digits):
    window = make_window()
    assert window.open_page.new.isVisible()
    fill(window.document, digits)
    assert not window.open_page.new.isVisible()


def test_what_layers_begin_with_is_chosen_on_the_target_page_and_single_layers_keep_their_own(
    make_window, digits, qtbot
):
    window = make_window(digits)
    window.go("target")
    document, page = window.document, window.target_page
    document.make_float(("conv:conv2d",), "weight")
    before = document.plan
    assert page.preset.currentText() == "of the target"
    box = page.preset
    place = box.findText("onnxruntime")
    qtbot.keyClicks(box, "onnx")  # as a hand on the keyboard finds it
    assert document.plan.default == box.itemData(place)
    assert "per-tensor" in page.weight.text()
    assert document.qconfig("conv:conv2d").weight is None
    (last,) = digits.opened.model.graph.output_makers
    assert document.qconfig(last).activation.dtype == "int8"
    assert document.edited() == {"conv:conv2d"}
    window.document.undo_stack.undo()
    assert document.plan == before
    assert box.currentText() == "of the target"
    document.set_target(document.plan.target.parse("tensorrt"))
    dynamic = box.model().item(box.findText("default-dynamic"))
    assert not dynamic.isEnabled()
    assert "TensorRT" in dynamic.toolTip()


def test_a_preset_for_many_layers_leaves_alone_those_that_the_target_has_no_kernel_for(make_window, digits):
    window = make_window(digits)
    document = window.document
    ids = [row.id for row in document.rows() if row.fused_into is None]
    assert document.apply(ids, PRESETS["default-dynamic"], "default-dynamic")
    asked = {
        layer_id for layer_id, qconfig in document.qconfigs(ids).items() if (a := qconfig.activation) and a.dynamic
    }
    assert asked == {layer_id for layer_id in ids if layer_id.endswith((":linear", ":conv2d"))} < set(ids)
    assert "layers left as they are" in document.log_lines[-2]
    conv = next(layer_id for layer_id in ids if layer_id.endswith(":conv2d"))
    assert document.apply((conv,), PRESETS["default-dynamic"], "default-dynamic")  # who means just this one is told
    assert document.qconfig(conv).activation.dynamic


@pytest.mark.parametrize(
    ("figures", "tone"),
    [
        ({"quantized_metric": 0.8, "drop": 0.0, "drop_interval": (-0.5, 0.5)}, ""),
        ({"quantized_metric": 0.8, "drop": 0.0, "drop_interval": (-0.05, 0.05)}, "good"),
        ({"quantized_metric": 0.6, "drop": 0.2, "drop_interval": (-0.5, 0.6)}, "bad"),
    ],
)
def test_what_few_samples_cannot_tell_is_not_called_good(make_window, digits, figures, tone):
    window = make_window(digits)
    totals = replace(digits.analysis.totals, fp32_metric=0.8, **figures)
    window.document.add_run(window.document.plan, replace(digits.analysis, totals=totals), exact=True)
    window.go("verdict")
    assert window.verdict_page.simulated.edge == tone


def test_the_verdict_says_how_many_layers_run_in_integers_as_the_runs_do(make_window, digits):
    window = make_window(digits)
    document = window.document
    rows = [replace(row, quantized=False) if row.id == "conv:conv2d" else row for row in digits.analysis.layers]
    document.add_run(document.plan, replace(digits.analysis, layers=tuple(rows)), exact=True)
    own = [row for row in rows if row.fused_into is None]
    whole, asked = sum(row.quantized for row in own), sum(row.asked for row in own)
    assert whole < asked
    assert f"{whole} of {asked} layers in integers" in window.verdict_page.purpose.text()
    window.go("layers")
    table = window.layers_page.bottom.runs.table
    assert table.item(0, table.columnCount() - 1).text() == f"{whole} / {asked}"


def test_findings_and_the_search_have_room_in_the_smallest_window(make_window, digits, qtbot):
    plan = digits.opened.plan.to_json()
    layers = tuple(f"features.{n}.conv.0:conv2d" for n in range(12))
    found = tuple(Finding("rule", "A title", "evidence", layers, "warning", 0.00123, "Do it.", plan) for _ in range(9))
    window = make_window(digits)
    window.resize(960, 600)
    window.document.add_run(window.document.plan, replace(digits.analysis, findings=found), exact=True)
    window.go("fix")
    page = window.fix_page
    page.tabs.setCurrentWidget(page.search)
    qtbot.waitUntil(lambda: page.findings.cards[0].isVisible() and not page.findings._priced)
    scroll = page.findings.after
    assert scroll.horizontalScrollBar().maximum() == 0
    for box in (page.search.kind, page.search.objective, page.search.take):
        assert box.width() >= box.sizeHint().width()
