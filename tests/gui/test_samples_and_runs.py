"""Worst samples, and runs compared."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from qinspect.engine.plan import Remedy
from qinspect.engine.plan.qconfig import PRESETS, QConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.engine.results import Totals
from qinspect.gui import close_up, work
from qinspect.gui.panels.compare import compare, plan_differences
from qinspect.gui.panels.pareto import pareto_points
from qinspect.session import Run

from .conftest import fill

LEFT = Qt.MouseButton.LeftButton


def with_totals(run: Run, name: str, **figures: float) -> Run:
    totals = dataclasses.replace(run.analysis.totals, **figures)
    return dataclasses.replace(run, name=name, analysis=dataclasses.replace(run.analysis, totals=totals))


def test_a_click_on_a_sample_shows_its_error_layer_by_layer(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    bottom, depth = window.layers_page.bottom, window.layers_page.centre.depth
    bottom.setCurrentWidget(bottom.samples)
    table = bottom.samples.table
    worst = digits.analysis.samples[0]
    assert table.item(0, 0).text() == worst.name
    box = table.visualItemRect(table.item(0, 0))
    qtbot.mouseClick(table.viewport(), LEFT, pos=box.center() + QPoint(0, 0))
    qtbot.waitUntil(lambda: "computing" not in bottom.samples.note.text(), timeout=30_000)
    header, rows = depth.table()
    place = header.index("sample_sqnr_db")
    shown = {row[1]: row[place] for row in rows if row[place] is not None}
    plan = digits.opened.plan
    expected = close_up.sample_errors(
        digits.opened.model, digits.data.data, plan, digits.calibration, worst.index, silent
    )
    assert shown == {name: expected.cumulative[name] for name in shown}
    assert len(shown) > 3
    # From the sample it is one press to the layer that harms it most.
    assert bottom.samples.fall.isVisible() == (expected.drop is not None)
    assert expected.drop is not None
    qtbot.mouseClick(bottom.samples.fall, LEFT)
    assert window.document.selection == (expected.drop[0],)
    window.document.make_float(("conv:conv2d",))
    window.document.add_run(window.document.plan, digits.analysis, exact=False)
    assert all(row[place] is None for row in depth.table()[1])


def test_the_sample_with_the_largest_divergence_has_a_lower_sqnr_than_the_one_with_the_least(digits):
    rows = digits.analysis.samples
    args = (digits.opened.model, digits.data.data, digits.opened.plan, digits.calibration)
    ends = [close_up.sample_errors(*args, row.index, silent) for row in (rows[0], rows[-1])]
    last = [list(found.cumulative.values())[-1] for found in ends]
    assert rows[0].kl > rows[-1].kl
    assert last[0] < last[1]


def test_two_runs_are_compared_in_figures_plan_and_layers(document):
    one = document.runs[0]
    plan = one.plan.with_layer("conv:conv2d", None, None)
    rows = tuple(
        dataclasses.replace(row, errors=dataclasses.replace(row.errors, estimated_kl=None))
        if row.id == "conv:conv2d"
        else row
        for row in one.analysis.layers
    )
    two = dataclasses.replace(one, name="two", plan=plan, analysis=dataclasses.replace(one.analysis, layers=rows))
    two = with_totals(two, "two", kl=0.5, int8_ms=None)
    found = compare(one, two)
    kl = next(row for row in found.figures if row.name == "KL, simulated")
    assert kl.two == "0.500 nats"
    assert float(kl.change) == pytest.approx(0.5 - one.analysis.totals.kl, rel=1e-2)
    assert found.plan == ("conv:conv2d: default → weight float, activation float",)
    assert [row.name for row in found.layers] == ["conv:conv2d"]
    assert not compare(one, one).plan
    assert not compare(one, one).layers


def test_every_way_in_which_plans_differ_is_said_as_what_the_second_has(document):
    one = document.plan
    assert one.target.backend == "ort"
    two = dataclasses.replace(one, target=Target.parse("fx-onednn"), default=QConfig(one.default.weight, None))
    two = two.with_fusion("a+b", False).with_remedies([Remedy("equalize", ("conv:conv2d", "fc:linear"))], True)
    two = two.with_layer("fc:linear", None, PRESETS["fbgemm"].activation)
    there, back = (plan_differences(*pair) for pair in ((one.to_json(), two.to_json()), (two.to_json(), one.to_json())))
    assert there == [
        "target backend: ort → fx",
        "target engine: cpu → onednn",
        "default activation: uint8 affine per-tensor mse → float",
        "fc:linear: activation uint8 affine per-tensor none "
        "→ weight float, activation uint8 (7 bit) affine per-tensor mse",
        "fusion a+b: on → off",
        "equalize neighbours conv:conv2d, fc:linear: off → on",
    ]
    assert back[-2:] == ["fusion a+b: off → on", "equalize neighbours conv:conv2d, fc:linear: on → off"]


def test_only_measured_times_are_points_and_the_float_model_stands_beside_them(document):
    run = document.runs[0]
    assert [point.ms for point in pareto_points(document)] == [None]
    document.runs = [with_totals(run, "a", int8_ms=2.0, fp32_ms=8.0, kernel_kl=0.25)]
    points = {point.kind: point for point in pareto_points(document)}
    assert (points["run"].ms, points["run"].kl, points["run"].current) == (2.0, 0.25, True)
    assert (points["float"].ms, points["float"].kl, points["float"].lost) == (8.0, 0.0, 0.0)
    document.runs = [dataclasses.replace(document.runs[0], data="another")]
    assert pareto_points(document) == []


def test_times_of_two_moments_stand_on_one_axis_as_if_float_had_taken_as_long_in_both(document):
    run = document.runs[0]
    slow, fast = (
        with_totals(run, name, int8_ms=int8, fp32_ms=fp32) for name, int8, fp32 in (("a", 4, 16), ("b", 3, 8))
    )
    other = dataclasses.replace(run.plan, target=Target.parse("fx-onednn"))
    foreign = dataclasses.replace(with_totals(run, "c", int8_ms=5.0, fp32_ms=32.0), plan=other)
    document.runs = [slow, foreign, fast]
    points = {point.label: point for point in pareto_points(document)}
    assert {name: (point.ms, point.scaled) for name, point in points.items()} == {
        "a": (2.0, True), "b": (3, False), "c": (5.0, False), "float": (8, False),
    }  # fmt: skip


def test_a_runs_name_keeps_its_room_in_a_narrow_window(make_window, digits):
    window = make_window(digits)
    window.resize(960, 600)
    window.go("layers")
    window.layers_page.bottom.setCurrentIndex(0)
    QApplication.processEvents()
    table = window.layers_page.bottom.runs.table
    # A short one needs less.
    assert table.sizeHintForColumn(0) <= table.columnWidth(0) < 170
    document = window.document
    document.rename_run(document.runs[0], "Keep them in float, then look for a cheaper remedy")
    QApplication.processEvents()
    assert table.columnWidth(0) >= 170
    # With room for all, the name takes what is left.
    window.resize(2400, 900)
    QApplication.processEvents()
    widths = sum(table.columnWidth(column) for column in range(table.columnCount()))
    assert abs(widths - table.viewport().width()) < 3


def test_titles_stand_at_the_side_where_the_cells_below_them_do(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("layers")
    candidates = window.layers_page.detail.candidates
    qtbot.waitUntil(lambda: candidates.rowCount() > 0, timeout=60_000)
    bottom = window.layers_page.bottom
    for table in (bottom.runs.table, bottom.samples.table, candidates):
        for column in range(table.columnCount()):
            assert not table.horizontalHeader().highlightSections()
            title = table.horizontalHeaderItem(column).textAlignment() & Qt.AlignmentFlag.AlignRight
            assert title == table.item(0, column).textAlignment() & Qt.AlignmentFlag.AlignRight


def test_a_comparison_that_has_all_the_width_says_the_runs_names_whole(make_window, digits):
    window = make_window(digits)
    document = window.document
    name = "bias correction for all depthwise layers"
    document.add_run(document.plan.with_target(Target.parse("fx-onednn")), digits.analysis, exact=True, name=name)
    window.go("fix")
    runs = window.fix_page.runs
    window.fix_page.tabs.setCurrentWidget(runs)
    runs.table.selectAll()
    assert name in runs.compared.toPlainText()


def test_runs_of_one_target_need_no_scrolling_sideways(make_window, qtbot, digits):
    window = make_window(digits)
    document = window.document
    window.go("layers")
    runs = window.layers_page.bottom.runs
    window.resize(1280, 690)  # what a screen of 2560 pixels is at 200 %
    bar = runs.table.horizontalScrollBar()
    qtbot.waitUntil(lambda: window.width() == 1280 and bar.maximum() == 0)
    assert runs.table.isColumnHidden(1)
    assert not runs.compared.isVisible()
    assert runs.restore.isVisible()
    other = document.plan.with_target(Target.parse("fx-onednn"))
    document.edit("another target", other)
    document.add_run(other, digits.analysis, exact=True)
    assert not runs.table.isColumnHidden(1)
    assert runs.compared.isVisible()
    window.layers_page.bottom.setCurrentWidget(window.layers_page.bottom.log)
    assert not runs.restore.isVisible()


def test_a_double_click_on_a_point_takes_its_plan_undoably(make_window, qtbot, digits):
    window = make_window(digits)
    document = window.document
    first = document.plan
    document.runs = [with_totals(document.runs[0], "a", int8_ms=2.0, fp32_ms=8.0)]
    document.make_float(("conv:conv2d",))
    window.go("fix")
    window.fix_page.tabs.setCurrentWidget(window.fix_page.pareto)
    plot = window.fix_page.pareto
    plot.opened.emit(next(point.key for point in plot._points if point.kind == "run"))
    assert document.plan == first
    document.undo_stack.undo()
    assert document.plan != first


@pytest.mark.parametrize("which", ["runs", "ledger", "samples"])
def test_tables_copy_to_a_spreadsheet(make_window, qtbot, digits, which):
    window = make_window(digits)
    window.go("layers" if which == "samples" else "fix")
    if which == "samples":
        bottom = window.layers_page.bottom
        bottom.setCurrentWidget(bottom.samples)
        table = bottom.samples.table
    else:
        page = window.fix_page
        page.tabs.setCurrentWidget(getattr(page, which))
        table = getattr(page, which).table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines, model = QGuiApplication.clipboard().text().splitlines(), table.model()
    assert len(lines) == 1 + model.rowCount()
    shown = [column for column in range(model.columnCount()) if not table.isColumnHidden(column)]
    assert len({line.count("\t") for line in lines}) == 1
    assert lines[0].count("\t") >= len(shown) - 1  # a cell may hold several figures
    assert lines[1].split("\t")[0] == model.index(0, 0).data()
    if which == "samples":  # all digits of the figures
        worst = digits.analysis.samples[0]
        assert lines[1].split("\t")[1:3] == [f"{worst.kl:.7g}", f"{worst.mse:.7g}"]


def test_runs_are_copied_with_bare_numbers(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    document = window.document
    totals = dataclasses.replace(digits.analysis.totals, kernel_metric=0.75, fp32_ms=4.5, int8_ms=1.5, sqnr_db=None)
    document.make_float(("fc:linear",))
    document.add_run(document.plan, dataclasses.replace(digits.analysis, totals=totals), exact=True)
    table = window.layers_page.bottom.runs.table
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    title, first, second = (line.split("\t") for line in QGuiApplication.clipboard().text().split("\n"))
    assert title == [
        "Run", "Metric", "Metric's unit", "Kernel", "Kernel's unit", "Agreement (%)", "KL (nats)", "SQNR (dB)",
        "int8 (ms)", "fp32 (ms)", "Speed-up", "Layers int8", "Layers asked for",
    ]  # fmt: skip
    assert {len(title), len(first), len(second)} == {13}
    own = digits.analysis.totals
    rows = [row for row in digits.analysis.layers if row.fused_into is None]
    assert [float(cell) for cell in (first[1], first[3], first[5])] == [
        pytest.approx(own.quantized_metric * 100), 75, pytest.approx(own.agreement * 100),
    ]  # fmt: skip
    assert float(first[6]) == pytest.approx(own.kl, rel=1e-6)
    assert first[2] == first[4] == "%"
    assert first[7:] == ["", "1.5", "4.5", "3", str(sum(r.quantized for r in rows)), str(sum(r.asked for r in rows))]
    assert second[8:11] == ["", "", ""]


def test_the_comparison_of_two_runs_with_long_names_has_room_below_the_layers(make_window, qtbot, digits):
    window = make_window(digits)
    window.go("layers")
    document, runs = window.document, window.layers_page.bottom.runs
    first = document.runs[0]
    document.rename_run(first, "3: activation entropy for features.15.conv.2:conv2d")
    document.add_run(document.plan, with_totals(first, "", fp32_ms=4.5, int8_ms=1.5).analysis, exact=False)
    before = runs.compared.width()
    runs.table.selectAll()
    qtbot.waitUntil(lambda: runs.compared.width() > before)
    assert "agreement, simulated" in runs.compared.toPlainText()
    assert runs.compared.horizontalScrollBar().maximum() == 0
    runs.table.selectRow(0)
    qtbot.waitUntil(lambda: runs.compared.width() == before)


def test_totals_without_figures_are_no_loss():
    from qinspect.gui.panels.pareto import lost

    assert lost(Totals(), {}) is None
    assert lost(Totals(agreement=0.9), {}) == pytest.approx(10)
    assert lost(Totals(fp32_metric=0.8, quantized_metric=0.9, kernel_metric=0.7), {}) == pytest.approx(10)
    rmse = {"metric_unit": "", "metric_higher_is_better": False}
    assert lost(Totals(fp32_metric=0.5, quantized_metric=0.7), rmse) == pytest.approx(0.2)


def test_every_layer_alone_is_measured_when_it_is_asked_for_and_shown_along_the_depth(
    make_window, qtbot, digits, monkeypatch
):
    asked = []

    def analyze(model, data, plan, calibration, quick, report, sweep=False, metric=None, partly=None):
        asked.append(sweep)
        rows = [
            dataclasses.replace(row, errors=dataclasses.replace(row.errors, isolated_kl=0.25, leave_one_out_kl=0.5))
            for row in digits.analysis.layers
        ]
        return dataclasses.replace(digits.analysis, layers=tuple(rows))

    monkeypatch.setattr(work, "analyze", analyze)
    window = make_window()
    fill(window.document, digits, analyzed=False)
    window.go("layers")
    depth = window.layers_page.centre.depth
    assert window.sweep_action.isEnabled()
    window.sweep_action.trigger()
    qtbot.waitUntil(lambda: window.document.freshness == "exact")
    assert asked == [True]
    assert depth.alone.isVisible()
    qtbot.mouseClick(depth.alone, LEFT)
    assert depth.plot.getAxis("left").labelText == "KL(fp32||int8) (nats)"
    window.document.select(("conv:conv2d",))
    assert "alone 0.25 nats · without it 0.5 nats" in depth.caption()
    window.layers_page.tree.show_set("Accuracy")
    assert "Without it" in window.layers_page.tree.as_tsv().splitlines()[0]


def test_without_such_figures_the_button_is_not_there(make_window, digits):
    window = make_window(digits)
    window.go("layers")
    known = any(row.errors.isolated_kl is not None for row in digits.analysis.layers)
    assert window.layers_page.centre.depth.alone.isVisible() == known
