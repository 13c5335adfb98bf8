"""Opening does not stop the window for searches through all objects."""

from __future__ import annotations

import json
import os
import subprocess
import sys

RUN = """
import gc, json, sys, weakref
from pathlib import Path
from PySide6.QtCore import QEventLoop, QSettings
from qinspect.gui.app import application, make_window
from qinspect.gui.garbage import Garbage

app = application()
window = make_window(autosave=False, settings=QSettings("s.ini", QSettings.Format.IniFormat))
window.asks = False
Garbage(window.tasks, window.document)
usual = gc.get_threshold()
whole = []
gc.callbacks.append(lambda phase, info: phase == "start" and info["generation"] == 2 and whole.append(1))

def wait(job):
    loop = QEventLoop()
    job.finished.connect(loop.quit)
    loop.exec()

class Loop:
    pass

loop = Loop()
loop.self = loop
spec = json.loads(sys.argv[1])
window.tasks.look_at_host()
wait(window.tasks.open_model(spec, True))
found = {"first": len(whole), "frozen": gc.get_freeze_count() > 50_000, "usual": gc.get_threshold() == usual}
left = weakref.ref(loop)  # set aside with the first model; refers to itself
del loop
wait(window.keeper.save_session(Path("kept.qinspect")))
wait(window.tasks.open_model({**spec, "source": str(Path("missing.pt2"))}, True))
found["after a refusal"] = gc.get_threshold() == usual
wait(window.tasks.open_model(spec, True))
found["second"], found["left"] = len(whole), left() is not None
wait(window.keeper.open_session(Path("kept.qinspect"), lambda given: given, lambda given: True))
found["session"] = len(whole)
window.close()
print(json.dumps(found))
"""


def test_no_search_through_all_objects_stops_the_window_while_torch_and_a_first_model_are_loaded(digits, tmp_path):
    words = [sys.executable, "-c", RUN, json.dumps(digits.model_spec)]
    done = subprocess.run(words, cwd=tmp_path, env=dict(os.environ), check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == {
        "first": 0, "frozen": True, "usual": True, "after a refusal": True, "second": 1, "left": False, "session": 2,
    }  # fmt: skip
