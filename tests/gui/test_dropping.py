"""Files and folders that are dragged over the window and dropped, at every page."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QTabWidget, QWidget

from qinspect.engine.load import quiet
from qinspect.engine.load.callable import build
from qinspect.engine.source import ModelSpec
from qinspect.gui.panels.steps import STEPS

LEFT = Qt.MouseButton.LeftButton
BATCH = ({0: torch.export.Dim("batch")},)


def drag(widget, paths):
    """Drag files into a widget; whether it takes them, and what a drop there needs."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    made = QDragEnterEvent(
        QPoint(5, 5),
        Qt.DropAction.CopyAction | Qt.DropAction.MoveAction,
        mime,
        LEFT,
        Qt.KeyboardModifier.NoModifier,
    )
    made.setDropAction(Qt.DropAction.MoveAction)
    made.ignore()
    QApplication.sendEvent(widget, made)
    return made.isAccepted() and made.dropAction() == Qt.DropAction.CopyAction, mime


def let_go(widget, mime):
    """Drop what `drag` brought, which its program would rather have moved."""
    both = Qt.DropAction.CopyAction | Qt.DropAction.MoveAction
    made = QDropEvent(QPointF(5, 5), both, mime, LEFT, Qt.KeyboardModifier.NoModifier)
    made.setDropAction(Qt.DropAction.MoveAction)
    QApplication.sendEvent(widget, made)
    QApplication.processEvents()
    return made.dropAction()


def test_what_is_dropped_is_opened_by_its_kind(make_window, digits, tmp_path):
    window = make_window(digits)
    plan = tmp_path / "plan.json"
    changed = window.document.plan.with_layer("conv:conv2d", None, None)
    plan.write_text(json.dumps(changed.to_json()))
    sign = window.dropping.sign
    taken, mime = drag(window, [plan])
    assert taken
    assert sign.isVisible()
    assert sign.size() == window.size()
    assert sign.lines == ("Take the plan plan.json; this can be undone",)
    QApplication.sendEvent(window, QDragLeaveEvent())
    assert not sign.isVisible()
    drag(window, [plan])
    # Of what is said to be moved a file manager may delete its own.
    assert let_go(window, mime) == Qt.DropAction.CopyAction
    assert not sign.isVisible()
    assert window.document.plan.fingerprint == changed.fingerprint
    assert window.document.undo_stack.undoText() == "plan plan.json"


def test_a_field_does_not_take_a_dropped_file_for_text_and_what_cannot_be_opened_is_said(make_window, tmp_path):
    window = make_window()
    window.go("open")
    photos, notes = tmp_path / "photos", tmp_path / "notes.docx"
    photos.mkdir()
    notes.touch()
    taken, _ = drag(window.open_page.source, [photos])
    assert taken
    assert window.dropping.sign.lines == ("Take the data in photos for the model that you open next",)
    drag(window, [notes])
    assert not window.dropping.sign.welcome
    assert "notes.docx" in window.dropping.sign.lines[0]


def test_whatever_part_of_a_page_is_under_it_the_window_gets_what_is_dragged(make_window, digits, tmp_path):
    window = make_window(digits)
    (tmp_path / "photos").mkdir()
    window.make_fix()
    for step in STEPS:
        window.go(step)
        tabs = [(tab, number) for tab in window.pages[step].findChildren(QTabWidget) for number in range(tab.count())]
        for tab, number in tabs or [(None, 0)]:
            if tab is not None:
                tab.setCurrentIndex(number)
            for part in window.pages[step].findChildren(QWidget):
                if part.isVisible():
                    taken, _ = drag(part, [tmp_path / "photos"])
                    assert taken, part
                    assert window.dropping.sign.isVisible(), part
                    QApplication.sendEvent(window, QDragLeaveEvent())


def test_data_and_a_plan_that_are_dropped_with_a_model_are_for_that_model(make_window, digits, tmp_path, qtbot):
    window = make_window(digits)
    document, before = window.document, window.document.model
    model, plan = tmp_path / "digits.pt2", tmp_path / "plan.json"
    module, _ = build(ModelSpec.from_json(digits.model_spec))
    with quiet():
        torch.export.save(torch.export.export(module, (torch.rand(2, 1, 8, 8),), dynamic_shapes=BATCH), model)
    numbers = np.random.default_rng(0)
    np.savez(tmp_path / "own.npz", x=numbers.random((24, 1, 8, 8), np.float32), y=np.arange(24) % 10)
    plan.write_text('{"version": 1, "overrides": [{"match": {"op": "linear"}, "weight": "float"}]}')
    _, mime = drag(window, [tmp_path / "own.npz", plan, model])
    let_go(window, mime)
    qtbot.waitUntil(lambda: document.check is not None and document.data is not digits.data.data, timeout=60_000)
    assert document.model is not before
    assert document.data.spec.source == str(tmp_path / "own.npz")
    assert document.undo_stack.undoText() == "plan plan.json"
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)


@pytest.mark.parametrize("name", ["x.csv", "x.parquet", "lines.txt", "lines.jsonl", "x.feather", "x.tsv"])
def test_every_kind_of_data_file_that_can_be_opened_can_be_dropped(make_window, digits, tmp_path, name):
    window = make_window(digits)
    (tmp_path / name).touch()
    drag(window, [tmp_path / name])
    assert window.dropping.sign.lines == (f"Open the data in {name}",)


def test_tensors_are_data_where_data_are_chosen_and_weights_elsewhere(make_window, digits, tmp_path):
    window = make_window(digits)
    said = []
    for step in ("open", "data"):
        window.go(step)
        drag(window, [tmp_path / "x.safetensors"])
        said += window.dropping.sign.lines
    assert said == ["Take the weights in x.safetensors", "Open the data in x.safetensors"]


def test_times_of_another_device_that_are_of_nothing_yet_say_what_is_missing(make_window, tmp_path):
    window = make_window()
    (tmp_path / "bench.json").write_text('{"bench": 1}')
    window.opening.take(tmp_path / "bench.json")
    (box,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert "No model is calibrated" in box.text()
    box.close()
