"""What is left when the window is killed: the last edits are offered at the next start."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from qinspect.engine.problem import Problem
from qinspect.gui.keeper import edits_beside, recovered, to_recover
from qinspect.session import Session, load_session, save_session

from .test_window import answer

LEFT = Qt.MouseButton.LeftButton

WINDOW = """
import json, sys
from PySide6.QtCore import QTimer
from qinspect.gui import app as start

app = start.application()
window = start.make_window()
window.show()

def edit(_):
    window.go("layers")
    window.document.select(("conv:conv2d",))
    editor = window.layers_page.detail.editor
    editor.bits["activation"].setFocus()
    editor.bits["activation"].setValue(5)
    window.document.make_float(("fc:linear",))
    watch()

def watch():
    from qinspect.gui.keeper import edits_beside
    path = edits_beside(window.keeper.autosave)
    if path.is_file():
        print(window.keeper.autosave, flush=True)
    else:
        QTimer.singleShot(50, watch)

window.tasks.model_opened.connect(edit)
window.tasks.open_model(json.loads(sys.argv[1]), True)
app.exec()
"""


@pytest.mark.slow
def test_edits_survive_a_kill_and_are_offered_at_the_next_start(make_window, qtbot, digits, tmp_path):
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-c", WINDOW, json.dumps(digits.model_spec)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
    )  # fmt: skip
    try:
        line = child.stdout.readline().strip()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
    autosave = Path(line)
    assert autosave.is_relative_to(tmp_path)
    assert not autosave.exists()
    (tmp_path / "autosave.qinspect").unlink(missing_ok=True)
    edits_beside(autosave).rename(edits_beside(tmp_path / "autosave.qinspect"))
    window = make_window(autosave=True)
    assert window.open_page.resume.isVisible()
    assert "digits_net.py" in window.open_page.resume.text()
    answer(accept=True)
    qtbot.mouseClick(window.open_page.resume, LEFT)
    qtbot.waitUntil(lambda: window.document.model is not None, timeout=60_000)
    assert window.document.qconfig("conv:conv2d").activation.bits == 5
    assert window.document.qconfig("fc:linear").weight is None
    assert window.step == "layers"
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)


QUIET = """
from PySide6.QtCore import QTimer
from qinspect.gui import app as start

usual = start.make_window

def make_window():
    made = usual()
    # Long after the engine was looked at: nothing happens in the window any more.
    QTimer.singleShot(50, lambda: made.tasks.look_at_host().done.connect(lambda _: print("quiet", flush=True)))
    return made

start.make_window = make_window
print("ended", start.run(), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_closes_a_window_that_nobody_touches(tmp_path, kind):
    environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    child = subprocess.Popen([sys.executable, "-c", QUIET], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "quiet\n"
        time.sleep(1)
        child.send_signal(kind)
        assert child.wait(60) == 0
        assert child.stdout.read() == "ended 0\n"
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


def test_edits_after_the_last_autosave_win_and_its_figures_are_kept(digits, tmp_path):
    from qinspect.session import Run

    plan, path = digits.opened.plan, tmp_path / "autosave.qinspect"
    run = Run("1", digits.opened.model.digest, digits.data.data.digest, True, plan, digits.analysis)
    saved = Session(digits.model_spec, digits.data_spec, plan, "x", (run,), digits.calibration.to_bytes(), "layers")
    save_session(saved, path)
    assert recovered(path).plan.fingerprint == plan.fingerprint
    edited = plan.with_layer("fc:linear", None, None)
    save_session(replace(saved, plan=edited, runs=(), calibration=None, step="fix"), edits_beside(path))
    found = recovered(path)
    assert found.plan.fingerprint == edited.fingerprint
    assert found.step == "fix"
    assert [run.name for run in found.runs] == ["1"]
    assert found.calibration == saved.calibration
    other = replace(saved, model={**digits.model_spec, "source": "other.py:net"}, plan=edited, runs=())
    save_session(other, edits_beside(path))
    assert recovered(path).runs == ()
    assert to_recover(path) == "other.py:net"


def test_a_damaged_autosave_does_not_hide_the_edits_and_nothing_at_all_is_said(digits, tmp_path):
    path = tmp_path / "autosave.qinspect"
    assert to_recover(path) is None
    with pytest.raises(Problem):
        recovered(path)
    save_session(Session(digits.model_spec, None, digits.opened.plan), edits_beside(path))
    path.write_bytes(b"PK broken")
    assert recovered(path).plan.fingerprint == digits.opened.plan.fingerprint


def test_closing_keeps_all_in_one_file(make_window, digits, tmp_path, qtbot):
    window = make_window(digits, autosave=True)
    window.document.make_float(("conv:conv2d",))
    edits = edits_beside(window.keeper.autosave)
    qtbot.waitUntil(edits.is_file, timeout=10_000)
    assert load_session(edits).plan.fingerprint == window.document.plan.fingerprint
    window.close()
    assert not edits.exists()
    assert load_session(tmp_path / "autosave.qinspect").plan.fingerprint == window.document.plan.fingerprint
