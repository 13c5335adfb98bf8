"""The whole way as a person goes it, with a real model, and the exported file in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from qinspect.gui.panels.steps import states

LEFT = Qt.MouseButton.LeftButton
LONG = 180_000

EVALUATE = """
import json, sys
import numpy as np, onnxruntime as ort
model, data, indices = sys.argv[1], np.load(sys.argv[2]), json.loads(sys.argv[3])
session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
right = 0
for i in indices:
    (out, *_) = session.run(None, {name: data["x"][i : i + 1]})
    right += int(out.argmax() == data["y"][i])
print(right / len(indices))
"""


def allow():
    """Say yes to the question whether the code may run."""

    def press():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        next(b for b in box.buttons() if box.buttonRole(b) == QMessageBox.ButtonRole.AcceptRole).click()

    QTimer.singleShot(200, press)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_open_to_an_exported_model_that_is_as_accurate_as_the_window_says(
    make_window, qtbot, digits_model, tmp_path
):
    window = make_window()
    document = window.document
    problems = []
    window.tasks.problem.connect(problems.append)

    def until(condition):
        qtbot.waitUntil(lambda: bool(problems) or condition(), timeout=LONG)
        assert problems == []

    # Open
    page = window.open_page
    qtbot.keyClicks(page.source, digits_model.source)
    qtbot.keyClicks(page.weights, str(digits_model.weights))
    qtbot.keyClicks(page.shape, "1,1,8,8")
    allow()
    qtbot.mouseClick(page.go, LEFT)
    until(lambda: document.model is not None)
    # Without a window manager nobody gives the focus back after the question.
    with qtbot.waitActive(window):
        window.activateWindow()
    assert page.found.isVisible()
    qtbot.mouseClick(page.next, LEFT)

    # Data, and the float metric
    assert window.step == "data"
    window.data_page.form.normalize.setCurrentIndex(0)
    qtbot.keyClicks(window.data_page.form.source, str(digits_model.data))
    qtbot.mouseClick(window.data_page.form.go, LEFT)
    until(lambda: document.check is not None)
    assert document.check.metric > 0.9
    assert window.data_page.metric_card.value.text() == f"{document.check.metric:.1%}"
    assert not window.run_action.isEnabled()
    qtbot.mouseClick(window.data_page.metric_card.confirm, LEFT)
    qtbot.mouseClick(window.data_page.metric_card.next, LEFT)

    # Target, calibrate, analyze
    assert window.step == "target"
    qtbot.mouseClick(window.target_page.run, LEFT)
    until(lambda: document.freshness == "exact")
    assert window.step == "verdict"
    first = document.find().analysis
    assert window.verdict_page.fp32.value.text() == f"{first.totals.fp32_metric:.1%}"
    assert first.totals.kernel_metric is not None
    assert first.totals.int8_ms is not None
    qtbot.mouseClick(window.verdict_page.to_layers, LEFT)

    # The worst layer, by sorting the table
    assert window.step == "layers"
    tree = window.layers_page.tree
    qtbot.mouseClick(tree.flat, LEFT)
    tree.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    top = tree.view.indexAt(tree.view.viewport().rect().topLeft())
    qtbot.mouseClick(tree.view.viewport(), LEFT, pos=tree.view.visualRect(top).center())
    worst = document.current
    own = [row for row in first.layers if row.fused_into is None and row.errors.estimated_kl is not None]
    assert worst == max(own, key=lambda row: row.errors.estimated_kl).id
    assert not window.layers_page.detail.histogram.empty

    # An edit, its estimate at once and its figures soon
    editor = window.layers_page.detail.editor
    editor.bits["activation"].setFocus()
    editor.bits["activation"].setValue(3)
    assert document.freshness == "stale"
    assert document.qconfig(worst).activation.bits == 3
    told = []
    document.outputs_measured.connect(lambda: told.append((document.measured, window.layers_page.banner.text())))
    until(lambda: document.freshness == "quick")
    changed = document.find().analysis
    assert changed.totals.kl > first.totals.kl
    ((outputs, banner),) = told
    assert outputs.kl.value == pytest.approx(changed.totals.kl, rel=1e-3)
    assert f"→ {outputs.kl.value:.3g} nats" in banner
    assert "The layers follow" in banner
    assert document.measured is None
    # Beside the new figures those of the plan before stay in sight.
    banner = window.layers_page.banner.text()
    indices = {row.index for row in changed.samples}
    same = [row.kl for row in first.samples if row.index in indices]
    assert f"KL {sum(same) / len(same):.3g} → {changed.totals.kl:.3g} nats" in banner
    assert "Ctrl+Enter runs all" in banner

    # Undo shows what was computed before
    qtbot.keyClick(editor.bits["activation"], Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert document.freshness == "exact"
    assert document.find().analysis is first

    # Export, and what a new process makes of it
    window.go("export")
    folder = tmp_path / "out"
    window.export_page.folder.setText(str(folder))
    reports = []
    window.tasks.exported.connect(reports.append)
    qtbot.mouseClick(window.export_page.go, LEFT)
    until(lambda: bool(reports))
    (report,) = reports
    assert report.verified
    (model,) = [Path(report.path)] if Path(report.path).is_file() else list(Path(report.path).glob("*.onnx"))
    indices = list(document.data.splits.final)
    found = subprocess.run(
        [sys.executable, "-c", EVALUATE, str(model), str(digits_model.data), json.dumps(indices)],
        capture_output=True,
        text=True,
        check=True,
    )
    accuracy = float(found.stdout)
    assert accuracy == pytest.approx(first.totals.kernel_metric, abs=1e-9)
    window.go("verdict")
    assert window.verdict_page.kernel.value.text() == f"{accuracy:.1%}"
    until(lambda: window.jobs.idle)


AGREE = """
import json, sys
import numpy as np, onnxruntime as ort
inputs, tops = np.load(sys.argv[2]), json.loads(sys.argv[3])
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
name = session.get_inputs()[0].name
outputs = [session.run(None, {name: inputs[i : i + 16]})[0] for i in range(0, len(inputs), 16)]
print(float(np.mean(np.concatenate(outputs).argmax(-1) == np.array(tops))))
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_demo_from_its_button_to_an_export_that_agrees_as_the_window_says(make_window, qtbot, tmp_path):
    window = make_window()
    document = window.document
    problems = []
    window.tasks.problem.connect(problems.append)

    def until(condition):
        qtbot.waitUntil(lambda: bool(problems) or condition(), timeout=2 * LONG)
        assert problems == []

    qtbot.mouseClick(window.open_page.demo, LEFT)
    until(lambda: document.check is not None)
    window.go("data")
    qtbot.mouseClick(window.data_page.metric_card.confirm, LEFT)
    qtbot.mouseClick(window.data_page.metric_card.next, LEFT)
    qtbot.mouseClick(window.target_page.run, LEFT)
    until(lambda: document.freshness == "exact")
    first = document.find().analysis
    qtbot.mouseClick(window.verdict_page.to_layers, LEFT)

    tree = window.layers_page.tree
    qtbot.mouseClick(tree.flat, LEFT)
    tree.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)
    top = tree.view.indexAt(tree.view.viewport().rect().topLeft())
    qtbot.mouseClick(tree.view.viewport(), LEFT, pos=tree.view.visualRect(top).center())
    worst = document.current
    assert worst == max(first.layers, key=lambda row: row.errors.estimated_kl or 0.0).id
    editor = window.layers_page.detail.editor
    editor.bits["activation"].setFocus()
    editor.bits["activation"].setValue(3)
    until(lambda: document.freshness == "quick")
    assert document.find().analysis.totals.kl > first.totals.kl
    qtbot.keyClick(editor.bits["activation"], Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert document.find().analysis is first

    window.go("export")
    window.export_page.folder.setText(str(tmp_path / "out"))
    reports = []
    window.tasks.exported.connect(reports.append)
    qtbot.mouseClick(window.export_page.go, LEFT)
    until(lambda: bool(reports))
    assert reports[0].verified
    assert states(document)["export"] == "done"
    indices = list(document.data.splits.final)
    np.save(tmp_path / "inputs.npy", document.data.load(indices)[0].numpy())
    tops = [prediction.top for prediction in document.check.predictions]
    found = subprocess.run(
        [sys.executable, "-c", AGREE, reports[0].path, str(tmp_path / "inputs.npy"), json.dumps(tops)],
        capture_output=True,
        text=True,
        check=True,
    )
    agreement = float(found.stdout)
    assert agreement == pytest.approx(first.totals.kernel_agreement, abs=1e-9)
    window.go("verdict")
    assert window.verdict_page.kernel.value.text() == f"{agreement:.1%}"
    until(lambda: window.jobs.idle)
