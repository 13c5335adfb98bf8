"""Sessions whose model or data are no longer where they were."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from qinspect.gui import dialogs
from qinspect.session import Run, Session, load_session, missing, moved, save_session

LONG = 120_000


@pytest.fixture
def session(digits, digits_model, tmp_path):
    """A session that was saved where its files were before they went away; and where they are now."""
    here = tmp_path / "now"
    here.mkdir()
    code = Path(digits_model.source.rpartition(":")[0])
    places = [Path(shutil.copy(file, here)) for file in (code, digits_model.weights, digits_model.data)]
    model, data, plan = digits.opened.model, digits.data.data, digits.opened.plan
    run = Run("first", model.digest, data.digest, True, plan, digits.analysis)
    gone = tmp_path / "gone"
    named = digits_model.source.rpartition(":")[2]
    spec = {
        **digits.model_spec,
        "source": f"{gone / code.name}:{named}",
        "weights": str(gone / digits_model.weights.name),
    }
    where = {**digits.data_spec, "source": str(gone / digits_model.data.name)}
    path = tmp_path / "work.qinspect"
    statistics = digits.calibration.to_bytes()
    save_session(Session(spec, where, plan, data.digest, (run,), statistics, step="layers"), path)
    return path, places


@pytest.fixture
def asked(monkeypatch):
    """What the questions said; each is answered by the button of this text."""
    said: list[str] = []

    def answer(button: str, count: int) -> None:
        def press():
            box = QApplication.activeModalWidget()
            assert isinstance(box, QMessageBox)
            said.append(box.text())
            next(b for b in box.buttons() if button in b.text()).click()

        def wait(left: int) -> None:
            if isinstance(QApplication.activeModalWidget(), QMessageBox):
                press()
                left -= 1
            if left:
                QTimer.singleShot(50, lambda: wait(left))

        wait(count)

    return said, answer


@pytest.fixture
def window(make_window):
    made = make_window()
    made.opening.allow = lambda *sources: any(source and ".py:" in source for source in sources)
    return made


def test_where_the_files_are_now_is_asked_and_everything_opens(window, session, asked, qtbot, monkeypatch):
    path, places = session
    said, answer = asked
    given = iter(places)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(next(given)), ""))
    answer("Choose", 3)
    window.opening.session(path)
    qtbot.waitUntil(lambda: window.document.check is not None, timeout=LONG)
    assert [place.name in text for place, text in zip(places, said, strict=True)] == [True] * 3
    document = window.document
    assert (document.freshness, len(document.runs)) == ("exact", 1)
    assert document.calibration is not None
    kept = document.session("layers", None)
    assert kept.model["source"].startswith(str(places[0]))
    assert kept.data["source"] == str(places[2])
    assert missing(kept) == ()


def test_without_its_data_a_session_shows_what_it_holds(window, session, asked, qtbot, monkeypatch):
    path, places = session
    said, answer = asked
    given = iter(places)

    def choose(*_):
        chosen = next(given)
        if chosen == places[1]:  # the data are asked for next
            QTimer.singleShot(0, lambda: answer("without data", 1))
        return str(chosen), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    answer("Choose", 2)
    window.opening.session(path)
    qtbot.waitUntil(lambda: window.document.model is not None and window.jobs.idle, timeout=LONG)
    assert places[2].name in said[-1]
    assert window.document.data is None
    assert len(window.document.runs) == 1


@pytest.fixture
def judged(session, tmp_path):
    """The session, with a metric of the user's own that went away with the rest; and where that is now."""
    path, places = session
    code = tmp_path / "now" / "judge.py"
    code.write_text("def score(outputs, targets):\n    return float((outputs.argmax(1) == targets).float().mean())\n")
    save_session(replace(load_session(path), metric=f"{tmp_path / 'gone' / 'judge.py'}:score"), path)
    return path, [*places, code]


def test_where_the_metric_is_now_is_asked_as_well(window, judged, asked, qtbot, monkeypatch):
    path, places = judged
    said, answer = asked
    given = iter(places)
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(next(given)), ""))
    answer("Choose", 4)
    window.opening.session(path)
    qtbot.waitUntil(lambda: window.document.check is not None, timeout=LONG)
    assert said[-1].startswith("The metric of this session is not where it was:")
    assert window.document.metric_source == f"{places[-1]}:score"
    assert missing(window.document.session("layers", None)) == ()


def test_without_its_metric_a_session_opens_with_top_1(window, judged, asked, qtbot, monkeypatch):
    path, places = judged
    said, answer = asked
    given = iter(places)

    def choose(*_):
        chosen = next(given)
        if chosen == places[2]:  # the metric is asked for next
            QTimer.singleShot(0, lambda: answer("top-1", 1))
        return str(chosen), ""

    monkeypatch.setattr(QFileDialog, "getOpenFileName", choose)
    answer("Choose", 3)
    window.opening.session(path)
    qtbot.waitUntil(lambda: window.document.check is not None, timeout=LONG)
    assert "judge.py" in said[-1]
    assert window.document.metric_source == "top-1"
    assert len(window.document.runs) == 1


def test_giving_up_opens_nothing(window, session, asked, qtbot):
    said, answer = asked
    answer("Cancel", 1)
    window.opening.session(session[0])
    assert len(said) == 1
    assert window.jobs.idle
    assert window.document.model is None


def test_what_names_no_file_is_not_missing(tmp_path):
    given = Session({"source": "timm:resnet18"}, {"source": "package.module:batches"})
    assert missing(given) == ()
    given = Session({"source": f"{tmp_path}/net.py:model"}, {"source": str(tmp_path)})
    assert missing(given) == (("model", "source", tmp_path / "net.py"),)
    assert moved(given, "model", "source", Path("/a/b.py")).model == {"source": "/a/b.py:model"}
    for strange in ("x" * 5000 + ".pt2", "~nobody-of-this-name/net.pt2", "nul\0.pt2"):
        assert [name for _, name, _ in missing(Session({"source": strange}, None))] == ["source"]


def test_what_is_left_of_a_session_without_its_model_asks_once_and_stays(make_window, session, asked, qtbot, tmp_path):
    shutil.copy(session[0], tmp_path / "autosave.qinspect")
    said, answer = asked
    window = make_window(autosave=True)
    before = (tmp_path / "autosave.qinspect").read_bytes()
    answer("Cancel", 1)
    qtbot.mouseClick(window.open_page.resume, Qt.MouseButton.LeftButton)
    assert len(said) == 1
    assert window.jobs.idle
    assert window.open_page.resume.isVisible()
    assert (tmp_path / "autosave.qinspect").read_bytes() == before


def test_what_was_found_last_is_where_the_next_is_looked_for(window, session, qtbot, monkeypatch):
    path, places = session
    given, looked = iter(places), []

    def ask(_, part, place, folder):
        looked.append(folder)
        return next(given)

    monkeypatch.setattr(dialogs, "ask_moved", ask)
    window.opening.session(path)
    qtbot.waitUntil(lambda: window.document.check is not None, timeout=LONG)
    assert looked == [path.parent, places[0].parent, places[0].parent]
