"""Spoilt, closed, missing and vanishing files in the window: each is named, and what was open stays as it was."""

from __future__ import annotations

import errno
import io
import json
import os
import shutil
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QMimeData, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from qinspect.engine.load import quiet
from qinspect.gui import dialogs
from qinspect.gui.main_window import MainWindow
from qinspect.gui.panels.faults import Fault
from qinspect.session import load_session, save_session

LEFT = Qt.MouseButton.LeftButton


# -- sound files, and what is done to them -----------------------------------------------------------


@pytest.fixture(scope="module")
def sound(digits, tmp_path_factory) -> dict[str, Path]:
    """A sound file of each kind; the statistics are in the session."""
    from qinspect.engine.files import write_json
    from qinspect.session import Run, Session

    folder = tmp_path_factory.mktemp("sound")
    model, plan = digits.opened.model, digits.opened.plan
    run = Run("first", model.digest, digits.data.data.digest, True, plan, digits.analysis)
    session = Session(
        digits.model_spec, digits.data_spec, plan, digits.data.data.digest, (run,), digits.calibration.to_bytes()
    )
    save_session(session, folder / "work.qinspect")
    write_json(folder / "plan.json", plan.with_layer("fc:linear", None, None).to_json())
    np.savez(folder / "data.npz", x=np.random.default_rng(0).random((8, 1, 8, 8), np.float32), y=np.arange(8))
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))
    with quiet():
        torch.export.save(torch.export.export(net.eval(), (torch.rand(2, 1, 8, 8),)), folder / "net.pt2")
    return {
        "session": folder / "work.qinspect",
        "plan": folder / "plan.json",
        "data": folder / "data.npz",
        "model": folder / "net.pt2",
    }


def in_archive(content: bytes, end: str, change: Any) -> bytes:
    """A zip file with one member changed."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        assert sum(name.endswith(end) for name in old.namelist()) == 1, old.namelist()
        for info in old.infolist():
            data = old.read(info)
            new.writestr(info, change(data) if info.filename.endswith(end) else data, zipfile.ZIP_STORED)
    return out.getvalue()


def in_json(**values: Any) -> Any:
    return lambda content: json.dumps({**json.loads(content), **values}).encode()


def npz(**arrays: Any) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def flipped(content: bytes) -> bytes:
    data = bytearray(content)
    for place in range(11, len(data), 211):
        data[place] ^= 0x55
    return bytes(data)


def statistics(change: Any) -> Any:
    return lambda content: in_archive(content, "calibration.npz", change)


SPOIL = {
    "truncated": dict.fromkeys(("session", "plan", "data", "model"), lambda content: content[: len(content) // 2])
    | {"statistics": statistics(lambda content: content[: len(content) // 2])},
    "flipped": dict.fromkeys(("session", "plan", "data", "model"), flipped) | {"statistics": statistics(flipped)},
    "version": {
        "session": lambda content: in_archive(content, "session.json", in_json(version=2)),
        "plan": in_json(version=2),
        "data": lambda content: in_archive(content, "x.npy", lambda array: array[:6] + b"\x09" + array[7:]),
        "model": lambda content: in_archive(content, "archive_version", lambda _: b"99"),
        "statistics": statistics(
            lambda content: in_archive(content, "header.npy", lambda a: a.replace(b'"version": 1', b'"version": 9'))
        ),
    },
    "types": {
        "session": lambda content: in_archive(content, "session.json", in_json(plan=[3], runs=1)),
        "plan": in_json(overrides={"match": 3}),
        "data": lambda _: npz(x=np.array(["a", "b"])),
        "model": lambda content: in_archive(content, "models/model.json", in_json(graph_module=3)),
        "statistics": statistics(lambda _: npz(a=np.array(["text"]))),
    },
}
KINDS = ("session", "plan", "data", "model")


@dataclass
class Open:
    """What is open in a window."""

    window: MainWindow

    def state(self) -> tuple[Any, ...]:
        document = self.window.document
        objects = (document.model, document.data, document.check, document.calibration, *document.runs)
        return (*map(id, objects), document.plan.fingerprint, document.confirmed, document.freshness)

    def drop(self, path: Path) -> None:
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(path))])
        self.window.dropEvent(
            QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, mime, LEFT, Qt.KeyboardModifier.NoModifier)
        )
        # It is opened when the drop has ended.
        QApplication.processEvents()

    def said(self, qtbot) -> str:
        """The message that comes up, which is closed; or what is said below a field, after what stands in it."""
        boxes: list[QMessageBox] = []
        faults: list[Fault] = []

        def there() -> bool:
            boxes[:] = [box for box in self.window.findChildren(QMessageBox) if box.isVisible()]
            faults[:] = [fault for fault in self.window.findChildren(Fault) if fault.isVisible()]
            return bool(boxes or faults)

        qtbot.waitUntil(there, timeout=30_000)
        if not boxes:
            (fault,) = faults
            qtbot.waitUntil(lambda: self.window.jobs.idle, timeout=30_000)
            return f"{fault.field.text()} {fault.text()}"
        (box,) = boxes
        # Critical ones have a traceback: a fault of the program.
        assert box.icon() == QMessageBox.Icon.Warning, box.detailedText()
        text = f"{box.text()} {box.informativeText()}"
        box.close()
        qtbot.waitUntil(lambda: self.window.jobs.idle, timeout=30_000)
        return text

    def goes_on(self) -> None:
        """An edit, and back: the window is usable."""
        document = self.window.document
        before = document.plan.fingerprint
        document.make_float(("fc:linear",))
        assert document.plan.fingerprint != before
        document.undo_stack.undo()
        assert document.plan.fingerprint == before


@pytest.fixture
def opened(make_window, digits) -> Open:
    window = make_window(digits)
    window.opening.allow = lambda *sources: any(source and ".py:" in source for source in sources)
    return Open(window)


def test_what_is_written_on_the_open_page_stays_when_something_is_found_of_the_open_model(opened, qtbot):
    window, page = opened.window, opened.window.open_page
    window.go("open")
    page.source.setFocus()
    page.source.setText("another.pt2")
    window.document.file_kernels_found.emit()
    assert page.source.text() == "another.pt2"
    assert page.source.hasFocus()


def test_why_a_model_cannot_be_opened_stands_below_its_field_until_it_is_written_otherwise(opened, qtbot, tmp_path):
    window, page = opened.window, opened.window.open_page
    window.go("open")
    missing = tmp_path / "net.pt2"
    page.source.setText(str(missing))
    page.weights.clear()
    page.shape.clear()
    page.source.setFocus()
    qtbot.keyClick(page.source, Qt.Key.Key_Return)
    assert opened.said(qtbot).startswith(f"{missing} No such file")
    assert page.source.hasFocus()
    assert page.source.selectedText() == str(missing)
    qtbot.keyClicks(page.source, "x")
    assert not [fault for fault in page.findChildren(Fault) if fault.isVisible()]


def test_why_weights_cannot_be_opened_stands_below_theirs(opened, qtbot, tmp_path, digits):
    window, page = opened.window, opened.window.open_page
    window.go("open")
    page.fill(digits.model_spec)
    page.weights.setText(str(tmp_path / "net.safetensors"))
    qtbot.mouseClick(page.go, Qt.MouseButton.LeftButton)
    opened.said(qtbot)
    assert page.weights.hasFocus()


def test_why_data_cannot_be_opened_stands_below_their_field(opened, qtbot, tmp_path):
    window, form = opened.window, opened.window.data_page.form
    window.go("data")
    np.savez(tmp_path / "x.npz", x=np.zeros((40, 1, 5, 5), np.float32))
    form.show_source(str(tmp_path / "x.npz"))
    window.data_page.submit()
    said = opened.said(qtbot)
    assert "Holds x of shape 40 × 1 × 5 × 5" in said
    assert "“Input shape” 1,1,5,5" in said
    # Arrays are not resized: what cannot be done is not asked for.
    assert "Resize" not in said
    assert form.source.hasFocus()


@pytest.mark.parametrize("fault", SPOIL)
@pytest.mark.parametrize("kind", KINDS)
def test_a_spoilt_file_is_named_and_what_was_open_stays(opened, sound, qtbot, tmp_path, kind, fault):
    path = tmp_path / f"spoilt {sound[kind].name}"
    path.write_bytes(SPOIL[fault][kind](sound[kind].read_bytes()))
    before = opened.state()
    opened.drop(path)
    said = opened.said(qtbot)
    assert path.name in said
    assert "Traceback" not in said
    assert opened.state() == before
    opened.goes_on()


@pytest.mark.parametrize("fault", SPOIL)
def test_a_session_whose_statistics_are_spoilt_opens_without_them_and_that_is_said(
    opened, sound, qtbot, tmp_path, fault
):
    path = tmp_path / "spoilt.qinspect"
    path.write_bytes(SPOIL[fault]["statistics"](sound["session"].read_bytes()))
    document, before = opened.window.document, opened.window.document.model
    opened.drop(path)
    said = opened.said(qtbot)
    assert f"{path}, statistics" in said
    assert "Calibrate anew" in said
    assert document.model is not before
    assert (document.freshness, document.calibration, len(document.runs)) == ("exact", None, 1)
    assert document.check is not None
    opened.goes_on()


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_file_is_named_and_what_was_open_stays(opened, sound, qtbot, tmp_path, kind):
    path = tmp_path / sound[kind].name
    before = opened.state()
    opened.drop(path)
    assert str(path) in opened.said(qtbot)
    assert opened.state() == before
    opened.goes_on()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_may_not_be_read_is_named_and_what_was_open_stays(
    opened, sound, qtbot, tmp_path, kind, monkeypatch
):
    path = tmp_path / sound[kind].name
    shutil.copy(sound[kind], path)
    closed(path, monkeypatch)
    before = opened.state()
    opened.drop(path)
    said = opened.said(qtbot)
    assert str(path) in said
    assert "ermission denied" in said
    assert opened.state() == before
    opened.goes_on()


def closed(path: Path, monkeypatch) -> None:
    """Take the right to read away; from root it cannot be taken but here."""
    path.chmod(0)
    if not os.access(path, os.R_OK):
        return
    usual = io.open

    def opens(file, *words, **more):
        if not isinstance(file, int) and os.fspath(file) in (str(path), os.fsencode(path)):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return usual(file, *words, **more)

    monkeypatch.setattr("io.open", opens)
    monkeypatch.setattr("builtins.open", opens)


def full(monkeypatch) -> None:
    """What is flushed to the disk does not fit any more."""

    def flush(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("qinspect.engine.files.os.fsync", flush)


@pytest.mark.parametrize("fault", ["full", "folder"])
@pytest.mark.parametrize(
    ("action", "name"), [("save", "a.qinspect"), ("save_plan", "plan.json"), ("report", "report.html")]
)
def test_what_cannot_be_saved_is_said_and_the_older_file_stays(
    opened, qtbot, tmp_path, monkeypatch, action, name, fault
):
    from qinspect.gui import choose

    path = tmp_path / name
    if fault == "full":
        path.write_text("of before")
        full(monkeypatch)
    else:  # what is to be its folder is a file
        (tmp_path / "file").write_text("of before")
        path = tmp_path / "file" / name
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    before = opened.state()
    getattr(choose, action)(opened.window)
    said = opened.said(qtbot)
    assert str(path) in said
    assert "cannot be written" in said.lower()
    (left,) = tmp_path.glob("*[!i]")
    assert left.read_text() == "of before"
    assert opened.state() == before
    opened.goes_on()


def test_a_disk_that_stays_full_is_said_once_while_work_goes_on(make_window, digits, qtbot, monkeypatch):
    window = make_window(digits, autosave=True)
    full(monkeypatch)
    for layer in ("fc:linear", "conv:conv2d"):
        window.document.make_float((layer,))
        window.keeper._save_quietly()
        qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)
    (box,) = (box for box in window.findChildren(QMessageBox) if box.isVisible())
    assert "autosave.qinspect" in box.text()
    monkeypatch.undo()
    box.close()


@pytest.mark.parametrize("closes", [False, True])
def test_a_window_that_cannot_keep_what_was_done_asks_before_it_closes(make_window, digits, qtbot, monkeypatch, closes):
    window = make_window(digits, autosave=True)
    asked: list[str] = []

    def answer() -> None:
        (box,) = (box for box in window.findChildren(QMessageBox) if box.isVisible())
        asked.append(box.text())
        role = QMessageBox.ButtonRole.DestructiveRole if closes else QMessageBox.ButtonRole.RejectRole
        next(button for button in box.buttons() if box.buttonRole(button) is role).click()

    with monkeypatch.context() as patch:
        full(patch)
        QTimer.singleShot(0, answer)
        assert window.close() is closes
    assert "autosave.qinspect" in asked[0]
    assert window.isVisible() is not closes
    if not closes:
        assert window.close()
        assert window.keeper.autosave.is_file()


def test_a_window_that_a_signal_closes_asks_nobody(make_window, digits, monkeypatch):
    window = make_window(digits, autosave=True)
    window.asks = False
    with monkeypatch.context() as patch:
        full(patch)
        assert window.close()


def test_files_that_go_away_while_they_are_open_take_nothing_along(opened, digits, sound, qtbot, tmp_path, monkeypatch):
    """Model, arrays, plan and session are in memory: figures come without them, and the session is written anew."""
    window, document = opened.window, opened.window.document
    session = tmp_path / "work.qinspect"
    for name in ("digits_net.py", "digits.safetensors", "digits.npz"):
        shutil.copy(Path(digits.data_spec["source"]).parent / name, tmp_path / name)
    text = load_session(sound["session"])
    model = {
        **digits.model_spec,
        "source": f"{tmp_path}/digits_net.py:model",
        "weights": f"{tmp_path}/digits.safetensors",
    }
    data = {**digits.data_spec, "source": f"{tmp_path}/digits.npz"}

    save_session(replace(text, model=model, data=data), session)
    opened.drop(session)
    qtbot.waitUntil(
        lambda: document.check is not None and document.model.spec.source == model["source"], timeout=60_000
    )
    for path in tmp_path.iterdir():
        if path.is_file() and path.suffix != ".ini":
            path.unlink()
    document.make_float(("fc:linear",))
    window.tasks.run_quick()
    qtbot.waitUntil(lambda: document.freshness == "quick", timeout=60_000)
    with qtbot.waitSignal(window.keeper.save_session(session).done, timeout=30_000):
        pass
    assert load_session(session).plan.fingerprint == document.plan.fingerprint
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)
    assert not [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    # Opened again, the session asks once where the first of them is; who does not know goes on as before.
    before, asked = opened.state(), []
    monkeypatch.setattr(dialogs, "ask_moved", lambda _, part, place, folder: asked.append((part, place, folder)))
    opened.drop(session)
    assert asked == [("model", tmp_path / "digits_net.py", tmp_path)]
    assert window.jobs.idle
    assert opened.state() == before


def test_a_picture_that_goes_away_is_named_and_what_was_computed_stays(opened, qtbot, tmp_path):
    document = opened.window.document
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for index in range(40):
        Image.fromarray(rng.integers(0, 255, (8, 8), np.uint8)).save(folder / f"{index:02}.png")
    opened.window.opening.data({"source": str(folder), "channels": "rgb"})
    qtbot.waitUntil(lambda: document.check is not None and document.data.spec.source == str(folder), timeout=60_000)
    document.confirm()
    qtbot.waitUntil(lambda: opened.window.jobs.idle, timeout=30_000)
    before = opened.state()
    for path in folder.iterdir():
        path.unlink()
    opened.window.tasks.run_all()
    assert ".png" in opened.said(qtbot)
    assert opened.state() == before
    opened.goes_on()


def test_data_of_another_shape_open_the_model_anew_with_one_press(make_window, tmp_path, qtbot):
    """A model made by a callable takes what size its net takes; that is one press away from the error."""
    code = "import torch\n\ndef net():\n    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten())\n"
    (tmp_path / "net.py").write_text(code)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(40, 1, 20, 24)).astype(np.float32))
    window = make_window()
    window.opening.allow = lambda *sources: any(source and ".py:" in source for source in sources)
    window.opening.model({"source": f"{tmp_path / 'net.py'}:net", "weights": None, "input_shape": [[1, 1, 8, 8]]})
    qtbot.waitUntil(lambda: window.document.model is not None, timeout=60_000)
    window.go("data")
    form = window.data_page.form
    assert form.reopen.isHidden()
    form.show_source(str(tmp_path / "x.npy"))
    qtbot.mouseClick(form.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(form.reopen.isVisible, timeout=30_000)
    assert form.reopen.text() == "Reopen the model with 1,1,20,24"
    qtbot.mouseClick(form.reopen, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.document.data is not None, timeout=60_000)
    assert window.document.model.graph.inputs[0].shape[1:] == (1, 20, 24)
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)
    assert form.reopen.isHidden()
