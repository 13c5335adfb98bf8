"""The export page: what a target can be exported to, its options, what came out, times from elsewhere."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QLabel, QPushButton

from qinspect.engine.plan.kinds import KINDS, refused
from qinspect.engine.plan.target import TARGETS, Target
from qinspect.engine.results.export import ExportReport
from qinspect.gui import work

LEFT = Qt.MouseButton.LeftButton


def texts(widget) -> str:
    return "\n".join(found.text() for found in widget.findChildren(QLabel))


@pytest.mark.parametrize("name", TARGETS)
def test_cards_that_the_target_cannot_give_are_grey_with_the_reason(make_window, digits, name):
    window = make_window(digits)
    window.go("export")
    window.document.set_target(Target.parse(name))
    page = window.export_page
    for kind in KINDS:
        able = refused(kind, Target.parse(name)) is None
        assert page.cards[kind].refused != able
        assert (f"target is {Target.parse(name).title};" in page.cards[kind].toolTip()) == (not able)
        (way,) = page.cards[kind].findChildren(QPushButton)
        assert way.text().startswith("Needs target")
        assert way.isVisible() == (not able)
    # What can be written stands above what needs another target.
    page.body.activate()
    last = max(page.cards[kind].y() for kind in KINDS if not page.cards[kind].refused)
    assert all(page.cards[kind].y() > last for kind in KINDS if page.cards[kind].refused)
    assert not page.cards[page.to].refused
    assert page.cards[page.to].picked
    assert page.to == {"ort": "onnx"}.get(Target.parse(name).backend, Target.parse(name).backend)


def test_a_grey_form_leads_to_the_target_that_it_needs(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("export")
    page, card = window.export_page, window.export_page.cards["fx"]
    qtbot.mouseClick(card, LEFT)
    assert page.to == "onnx"  # a grey card cannot be chosen
    (way,) = card.findChildren(QPushButton)
    qtbot.mouseClick(way, LEFT)
    assert window.step == "target"
    assert window.focusWidget() is window.target_page.cards["fx-x86"]
    qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Space)
    window.go("export")
    assert page.to == "fx"
    assert not way.isVisible()


@pytest.mark.parametrize("where", ["root", "gone", "usual"])
def test_exports_go_beside_what_one_works_on_or_else_to_the_users_own_folder(make_window, tmp_path, monkeypatch, where):
    home, here = tmp_path / "home", tmp_path / "here"
    here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir("/" if where == "root" else here)
    if where == "gone":
        here.rmdir()
    expected = here if where == "usual" else home
    assert make_window().export_page.folder.text() == str(expected / "qinspect-export")
    monkeypatch.chdir(tmp_path)


def test_each_form_has_its_own_options_and_they_reach_the_export(make_window, qtbot, digits, monkeypatch, tmp_path):
    asked = []

    def export(model, plan, calibration, data, to, out, options, metric, report):
        asked.append((to, out, options))
        return ExportReport(str(out), to, True, (), 0, None, None, None, None, (), ())

    monkeypatch.setattr(work, "export", export)
    window = make_window(digits)
    window.go("export")
    page = window.export_page
    page.folder.setText(str(tmp_path))
    page.opset.setCurrentIndex(page.opset.findData(17))
    page.io.setCurrentIndex(page.io.findData("int8"))
    qtbot.mouseClick(page.go, LEFT)
    qtbot.waitUntil(lambda: len(page.reports) == 1)
    qtbot.mouseClick(page.cards["kit"], LEFT)
    assert page.opset.isVisible()
    assert page.io.isVisible()
    qtbot.mouseClick(page.go, LEFT)
    qtbot.waitUntil(lambda: len(page.reports) == 2)
    qtbot.keyClick(page.cards["script"], Qt.Key.Key_Space)
    assert not page.opset.isVisible()
    qtbot.mouseClick(page.go, LEFT)
    qtbot.waitUntil(lambda: len(page.reports) == 3)
    assert asked == [
        ("onnx", tmp_path, {"opset": 17, "io": "int8"}),
        ("kit", tmp_path, {"opset": 17, "io": "int8"}),
        ("script", tmp_path, {"opset": None, "io": "float"}),
    ]


def test_while_an_export_runs_no_key_reaches_another_field_and_then_the_button_has_the_focus_again(
    make_window, qtbot, digits, tmp_path, monkeypatch
):
    from qinspect.gui import work

    gate = threading.Event()
    report = ExportReport(str(tmp_path), "onnx", True, (), 0, None, None, None, None, (), ())
    monkeypatch.setattr(work, "export", lambda *_: (gate.wait(20), report)[1])
    window = make_window(digits)
    window.go("export")
    page = window.export_page
    page.folder.setText(str(tmp_path))
    page.go.setFocus()
    qtbot.keyClick(page.go, Qt.Key.Key_Return)
    assert not page.go.isEnabled()
    assert page.go.text() == "Exporting to ONNX, QDQ…"
    assert page.hasFocus()
    gate.set()
    qtbot.waitUntil(lambda: len(page.reports) == 1)
    qtbot.waitUntil(page.go.hasFocus)


def test_what_runs_in_float_although_the_plan_asks_is_named_with_the_reason_and_shown(make_window, qtbot, digits):
    rows = tuple(
        replace(row, quantized=False, why_not="no such kernel") if row.id == "fc:linear" else row
        for row in digits.analysis.layers
    )
    window = make_window(digits)
    window.document.add_run(window.document.plan, replace(digits.analysis, layers=rows), exact=True)
    window.go("export")
    report = ExportReport(
        "model.onnx", "tensorrt", False, ("one layer differs",), 30, 0.9, 0.8, 31.0, 0.93,
        ("conv:conv2d", "fc:linear"), ("conv:conv2d",), 7, 9, {"onnx": "1.19"}, ("checked by rules",),
        2_000_000, 8_000_000, "1.14", "trtexec --onnx=model.onnx --int8",
    )  # fmt: skip
    window.export_page.show_report(report)
    card = window.export_page.results.itemAt(0).widget()
    shown = texts(card)
    for part in (
        "Not verified", "Layers in integers", "1 of the 2 that", "fc:linear: no such kernel", "7, 9",
        "8.00 MB → 2.00 MB", "one layer differs", "checked by rules",
    ):  # fmt: skip
        assert part in shown
    buttons = {button.text(): button for button in card.findChildren(QPushButton)}
    qtbot.mouseClick(buttons["Copy the command"], LEFT)
    assert QGuiApplication.clipboard().text() == report.build
    qtbot.mouseClick(buttons["Show layer"], LEFT)
    assert window.step == "layers"
    assert window.document.selection == ("fc:linear",)


def test_why_an_export_is_verified_of_whose_output_few_values_are_equal(make_window, digits):
    window = make_window(digits)
    window.go("export")
    report = ExportReport(
        "model.onnx", "onnx", True, (), 30, 0.99, 0.4, 31.0, 0.93, ("fc:linear",), ("fc:linear",),
        layer_equal_share=0.998, layers_compared=1, criterion="every layer is within one step",
    )  # fmt: skip
    window.export_page.show_report(report)
    shown = texts(window.export_page.results.itemAt(0).widget())
    verified = "Verified: every layer is within one step."
    for part in ("Equal values at the output", "40", "99.8", verified, "in an early layer"):
        assert part in shown
    # What is said of the layers comes before what has grown on its way to the output.
    assert shown.index("Layer by layer") < shown.index("Equal values at the output")
    window.export_page.show_report(replace(report, equal_share=1.0))
    assert "in an early layer" not in texts(window.export_page.results.itemAt(0).widget())


def test_times_of_another_device_are_a_run_of_their_own_beside_the_layers(
    make_window, qtbot, digits, tmp_path, monkeypatch
):
    bench = tmp_path / "bench.json"
    operators = {"conv:conv2d": 40.0, "fc:linear": 8.0}
    bench.write_text(
        json.dumps(
            {
                "bench": 1,
                "host": {"cpu": "Cortex-A72"},
                "runs": 50,
                "batch": 1,
                "threads": 4,
                "float": {"median_ms": 2.0, "p90_ms": 2.2, "operators_us": {k: 3 * v for k, v in operators.items()}},
                "int8": {"median_ms": 0.9, "p90_ms": 1.0, "operators_us": operators},
                "plan": digits.opened.plan.to_json(),
            }
        )
    )
    window = make_window(digits)
    document = window.document
    window.go("export")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a: (str(bench), ""))
    qtbot.mouseClick(window.export_page.device.go, LEFT)
    qtbot.waitUntil(lambda: len(document.runs) == 2, timeout=60_000)
    run = document.find()
    assert run.device == "Cortex-A72"
    assert run.analysis.totals.int8_ms == 0.9
    assert run.analysis.row("conv:conv2d").latency.int8_us == 40.0
    assert "Cortex-A72, fp32 2.00 ms, int8 0.900 ms, 50 runs, 2 layers timed" in window.export_page.device.text.text()
    window.go("layers")
    tree = window.layers_page.tree
    line = next(text for text in tree.as_tsv().splitlines() if text.startswith("conv:conv2d"))
    assert "\t80\t" in line
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)


def test_a_profile_that_is_dropped_is_told_from_a_plan(tmp_path):
    from qinspect.gui.recent import kind_of

    for text, kind in (
        ('{"bench": 1, "runs": 5}', "profile"),
        ('[{"count": 10}, {"name": "conv", "averageMs": 1.0}]', "profile"),
        ('{"version": 1, "target": {}}', "plan"),
        ("", "plan"),
    ):
        path = tmp_path / "some.json"
        path.write_text(text)
        assert kind_of(path) == kind


def test_a_file_that_is_no_profile_is_said_to_be_none(make_window, qtbot, digits, tmp_path):
    wrong = tmp_path / "plan.json"
    wrong.write_text("{}")
    window = make_window(digits)
    problems = []
    window.tasks.problem.connect(problems.append)
    window.export_page.profile_requested.emit(str(wrong), "")
    qtbot.waitUntil(lambda: bool(problems), timeout=30_000)
    assert "is no profile that is known" in problems[0].what
    assert len(window.document.runs) == 1


def test_before_the_calibration_export_and_workbench_have_a_button_that_runs_it(
    make_window, digits, qtbot, monkeypatch
):
    window = make_window()
    runs = []
    monkeypatch.setattr(window.tasks, "run_all", lambda: runs.append(window.step))
    window.go("export")
    page = window.export_page
    assert page.run.isVisible()
    assert not page.run.isEnabled()  # there are no data, and no figure was confirmed
    assert not page.go.isVisible()
    assert "confirm the float metric" in page.note.text()
    window.go("layers")
    assert not window.layers_page.run.isVisible()
    document = window.document
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    document.set_check(digits.check)
    document.confirm()
    qtbot.mouseClick(window.layers_page.run, LEFT)
    window.go("export")
    qtbot.mouseClick(page.run, LEFT)
    assert runs == ["layers", "export"]
    window.show_analyzing(True)
    assert not page.run.isEnabled()
    assert not window.layers_page.run.isVisibleTo(window.layers_page)
    window.show_analyzing(False)
    document.set_calibration(digits.calibration)
    document.add_run(digits.opened.plan, digits.analysis, exact=True)
    assert page.go.isVisible()
    assert not page.run.isVisible()
    window.go("layers")
    assert not window.layers_page.run.isVisible()
