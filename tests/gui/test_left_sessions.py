"""A session that is left for another model is kept, without a question."""

from __future__ import annotations

import re
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from qinspect.gui import choose
from qinspect.gui.keeper import edits_beside
from qinspect.gui.panels.rows import AsideRole, MainRole
from qinspect.gui.recent import recent, remember
from qinspect.session import Run, Session, load_session, save_session

from .conftest import fill


def test_opening_another_model_keeps_the_runs_of_the_first(make_window, digits, settings, qtbot):
    window = make_window(digits, autosave=True)
    window.document.make_float(("conv:conv2d",))
    edited = window.document.plan.fingerprint
    fill(window.document, digits, analyzed=False)
    assert window.document.runs == []
    kept = Path(recent(settings)[0]["session"])
    qtbot.waitUntil(kept.is_file, timeout=10_000)
    session = load_session(kept)
    assert session.plan.fingerprint == edited
    assert len(session.runs) == 1
    item = window.open_page.recent.item(0)
    assert item.text() == str(kept)
    # Where the program keeps it is nobody's concern; when it was left is.
    assert item.data(MainRole) == digits.opened.model.name
    assert re.fullmatch(r"left \d{4}-\d\d-\d\d \d\d:\d\d", item.data(AsideRole))


def test_a_model_that_was_only_looked_at_is_not_kept(make_window, digits, settings):
    window = make_window(autosave=True)
    fill(window.document, digits, analyzed=False)
    fill(window.document, digits, analyzed=False)
    assert not [entry for entry in recent(settings) if "session" in entry]


def test_what_is_in_a_file_of_the_users_is_not_kept_twice(make_window, digits, settings, tmp_path, qtbot):
    window = make_window(digits, autosave=True)
    with qtbot.waitSignal(window.keeper.save_session(tmp_path / "mine.qinspect").done):
        pass
    fill(window.document, digits, analyzed=False)
    assert not [entry for entry in recent(settings) if "session" in entry]


def test_what_could_not_be_saved_is_kept_all_the_same(make_window, digits, settings, tmp_path, qtbot):
    window = make_window(digits, autosave=True)
    (tmp_path / "file").write_text("")
    with qtbot.waitSignal(window.keeper.save_session(tmp_path / "file" / "mine.qinspect", quiet=False).failed):
        pass
    qtbot.waitUntil(lambda: window.jobs.idle)
    fill(window.document, digits, analyzed=False)
    kept = Path(recent(settings)[0]["session"])
    qtbot.waitUntil(kept.is_file, timeout=10_000)
    assert len(load_session(kept).runs) == 1


def test_what_an_earlier_window_left_survives_another_model(make_window, digits, settings, tmp_path):
    plan = digits.opened.plan
    run = Run("1", digits.opened.model.digest, digits.data.data.digest, True, plan, digits.analysis)
    earlier = Session({**digits.model_spec, "source": "other.py:net"}, digits.data_spec, plan, "", (run,))
    save_session(earlier, tmp_path / "autosave.qinspect")
    save_session(
        Session(earlier.model, None, plan.with_layer("fc:linear", None, None)),
        edits_beside(tmp_path / "autosave.qinspect"),
    )
    window = make_window(digits, autosave=True)
    kept = Path(recent(settings)[0]["session"])
    assert load_session(kept).runs[0].name == "1"
    assert edits_beside(kept).is_file()
    window.close()
    assert load_session(tmp_path / "autosave.qinspect").model["source"] == digits.model_spec["source"]


def test_what_is_opened_again_is_listed_once(settings):
    spec = {"source": "a.py:model", "input_shape": ((1, 3, 8, 8),), "free": ()}
    remember(settings, spec)
    remember(settings, {"session": "b.qinspect"})
    remember(settings, spec)
    assert [entry.get("source", "session") for entry in recent(settings)] == ["a.py:model", "session"]


def test_long_paths_of_what_was_opened_before_are_no_wider_than_the_list(make_window):
    window = make_window()
    window.open_page.set_recent([{"session": f"/{'long/' * 60}a.qinspect"}])
    shown = window.open_page.recent
    assert shown.visualItemRect(shown.item(0)).width() <= shown.viewport().width()


def test_what_was_named_from_the_current_folder_is_found_from_another_one(settings, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("net.py", "b.qinspect", "w.pt"):
        (tmp_path / name).write_text("")
    remember(settings, {"session": "b.qinspect"})
    remember(settings, {"source": "net.py:model", "weights": "w.pt", "input_shape": [[1, 3]]})
    remember(settings, {"source": "timm:resnet18", "weights": None})
    assert recent(settings) == [
        {"source": "timm:resnet18", "weights": None},
        {"source": f"{tmp_path}/net.py:model", "weights": f"{tmp_path}/w.pt", "input_shape": [[1, 3]]},
        {"session": f"{tmp_path}/b.qinspect"},
    ]


def test_what_was_opened_before_takes_no_more_room_than_it_needs_and_says_its_name_first(make_window):
    window = make_window()
    shown = window.open_page.recent
    window.open_page.set_recent([{"session": "/some/where/a.qinspect"}, {"source": "/far/away/net.py:model"}])
    assert shown.height() < 4 * shown.sizeHintForRow(0)
    assert [shown.item(row).data(MainRole) for row in (0, 1)] == ["a.qinspect", "net.py:model"]
    assert [shown.item(row).data(AsideRole) for row in (0, 1)] == ["/some/where", "/far/away"]
    assert shown.item(1).text() == "/far/away/net.py:model"
    shown.setCurrentRow(0)
    assert not shown.grab().isNull()


def test_a_model_is_listed_once_however_it_was_opened_and_opens_with_one_click(make_window, settings, qtbot):
    for shape in ([[1, 1, 8, 8]], [[4, 1, 8, 8]]):
        remember(settings, {"source": "net.onnx", "weights": None, "input_shape": shape})
    remember(settings, {"source": "net.onnx", "weights": "other.pt", "input_shape": None})
    assert [entry.get("input_shape") for entry in recent(settings)] == [None, [[4, 1, 8, 8]]]
    window = make_window()
    page = window.open_page
    page.open_requested.disconnect()
    asked = []
    page.open_requested.connect(asked.append)
    place = page.recent.visualItemRect(page.recent.item(1)).center()
    qtbot.mouseClick(page.recent.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert [entry["input_shape"] for entry in asked] == [[[4, 1, 8, 8]]]


def test_a_session_is_saved_under_the_model_s_name_unless_another_is_typed(make_window, digits, monkeypatch):
    window, offered = make_window(digits), []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *words: offered.append(words[2]) or ("", ""))
    choose.save(window)
    assert offered == [f"{digits.opened.model.name}.qinspect"]
