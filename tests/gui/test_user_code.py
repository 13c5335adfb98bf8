"""A model's or the data's own code that hangs, leaves or crashes, through the window."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QMessageBox

from qinspect.engine.load import own_process
from qinspect.engine.process import guest
from qinspect.gui import dialogs
from qinspect.gui.panels.faults import Fault
from tests.user_code import ENDS, is_gone, needs_signals, write_code

pytestmark = needs_signals

LONG = 120_000

LOAD_APART, PREPARE = own_process.load_apart, guest.prepare  # other tests make their models in the window's process


@pytest.fixture
def code(tmp_path):
    return write_code(tmp_path)


@pytest.fixture
def window(make_window, monkeypatch):
    monkeypatch.setattr(own_process, "load_apart", LOAD_APART)
    made = make_window()
    made.opening.allow = lambda *sources: any(source and ".py:" in source for source in sources)
    return made


def spec(source):
    return {"source": str(source), "weights": None, "input_shape": [[1, 1, 8, 8]]}


def said(window, qtbot) -> str:
    """The message that comes up, which is closed; or what is said below a field, after what stands in it."""
    boxes: list[QMessageBox] = []
    faults: list[Fault] = []

    def there() -> bool:
        boxes[:] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        faults[:] = [fault for fault in window.findChildren(Fault) if fault.isVisible()]
        return bool(boxes or faults)

    qtbot.waitUntil(there, timeout=LONG)
    if not boxes:
        qtbot.waitUntil(lambda: window.jobs.idle, timeout=LONG)
        return f"{faults[0].field.text()} {faults[0].text()}"
    assert boxes[0].icon() == QMessageBox.Icon.Warning, boxes[0].detailedText()
    text = f"{boxes[0].text()} {boxes[0].informativeText()}"
    boxes[0].close()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=LONG)
    return text


def cancel_when_it_hangs(window, qtbot, pid):
    qtbot.waitUntil(pid.exists, timeout=LONG)
    window.jobs.current.cancel()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=10_000)
    assert is_gone(pid)
    pid.unlink()


def open_model(window, qtbot, source, data=None):
    window.opening.model(spec(source), data=data)
    qtbot.waitUntil(lambda: window.document.model is not None, timeout=LONG)


def test_a_model_or_data_that_hang_are_cancelled_and_the_window_goes_on(window, code, qtbot):
    path, pid = code
    window.opening.model(spec(f"{path}:hangs"))
    cancel_when_it_hangs(window, qtbot, pid)
    assert window.document.model is None
    open_model(window, qtbot, f"{path}:net")
    window.opening.data({"source": f"{path}:batches_that_hang"})
    cancel_when_it_hangs(window, qtbot, pid)
    assert window.document.data is None
    window.opening.data({"source": f"{path}:good"})
    qtbot.waitUntil(lambda: window.document.check is not None, timeout=LONG)
    assert window.document.check.max_abs_delta == 0


@pytest.mark.parametrize("how", ENDS)
def test_a_model_that_ends_its_process_is_named(window, code, qtbot, how):
    window.opening.model(spec(f"{code[0]}:{how}"))
    text = said(window, qtbot)
    assert f"{code[0]}:{how}" in text
    assert ENDS[how] in text
    assert window.document.model is None


@pytest.mark.parametrize(("name", "how"), [("batches_that_leave", "leaves"), ("batches_that_crash", "crashes")])
def test_data_that_end_their_process_are_named_and_the_model_stays(window, code, qtbot, name, how):
    open_model(window, qtbot, f"{code[0]}:net")
    model = window.document.model
    window.opening.data({"source": f"{code[0]}:{name}"})
    text = said(window, qtbot)
    assert f"{code[0]}:{name}" in text
    assert ENDS[how] in text
    assert window.document.model is model


def test_a_model_that_hangs_or_crashes_when_it_runs_is_cancelled_or_named(window, code, qtbot):
    path, pid = code
    open_model(window, qtbot, f"{path}:hangs_later", {"source": f"{path}:good"})
    cancel_when_it_hangs(window, qtbot, pid)
    assert window.document.data is not None
    assert window.document.check is None
    window.opening.model(spec(f"{path}:crashes_later"), data={"source": f"{path}:good"})
    text = said(window, qtbot)
    assert f"{path}:crashes_later" in text
    assert ENDS["crashes"] in text


def test_no_process_outlives_the_window_nor_a_no_to_its_code(window, code, qtbot, monkeypatch):
    made, start = [], guest._start
    monkeypatch.setattr(guest, "_start", lambda: made.append(start()) or made[-1])
    monkeypatch.setattr(guest, "prepare", PREPARE)
    del window.opening.allow
    monkeypatch.setattr(dialogs, "ask_trust", lambda *_: False)
    window.opening.model(spec(f"{code[0]}:net"))
    assert window.jobs.idle
    assert [process.returncode is None for process in made] == [False]
    monkeypatch.setattr(dialogs, "ask_trust", lambda *_: True)
    window.opening.model(spec(f"{code[0]}:net"), data={"source": "no.npz"})
    assert len(made) == 2  # it is there before the model is asked for
    said(window, qtbot)  # there are no such data
    assert [process.poll() is None for process in made] == [False, True]
    window.close()
    assert [process.returncode is None for process in made] == [False, False]


def test_a_process_that_no_job_asks_for_is_ended_when_all_is_done(window, code, qtbot, monkeypatch):
    made, start = [], guest._start
    monkeypatch.setattr(guest, "_start", lambda: made.append(start()) or made[-1])
    monkeypatch.setattr(guest, "prepare", PREPARE)
    guest.prepare(2)
    window.opening.model(spec(f"{code[0]}:leaves"))
    said(window, qtbot)
    assert len(made) == 2
    assert [process.returncode is None for process in made] == [False, False]


def test_of_a_chosen_python_file_the_callable_is_taken_or_its_callables_are_offered(make_window, tmp_path, monkeypatch):
    path = tmp_path / "net.py"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    page = make_window().open_page
    path.write_text("raise SystemExit\ndef net(): ...\ndef wide(width): ...\n")
    page.browse_model()
    assert page.source.text() == f"{path}:net"
    path.write_text("def net(): ...\ndef small(): ...\n")
    page.browse_model()
    assert page.source.text() == f"{path}:"
    popup = page.source.completer().popup()
    assert [popup.model().index(row, 0).data() for row in range(popup.model().rowCount())] == [
        f"{path}:net",
        f"{path}:small",
    ]
    popup.hide()


def test_a_python_file_without_a_callable_says_which_ones_there_are(window, qtbot, tmp_path):
    path = tmp_path / "net.py"
    path.write_text("def net(): ...\ndef small(): ...\n")
    window.go("open")
    window.open_page.source.setText(f"{path}:")
    window.open_page.source.setFocus()
    qtbot.keyClick(window.open_page.source, Qt.Key.Key_Return)
    assert "such as net.py:net, net.py:small" in said(window, qtbot)
