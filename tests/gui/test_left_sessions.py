"""A session that is left for another model is kept, without a question."""

from __future__ import annotations

from pathlib import Path

from qinspect.gui.keeper import edits_beside
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
    assert window.open_page.recent.item(0).text() == str(kept)


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
