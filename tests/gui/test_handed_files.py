"""Files that the system hands over in an event, as macOS does with those that are clicked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE = """
import sys
from PySide6.QtCore import QCoreApplication, QTimer, QUrl
from PySide6.QtGui import QFileOpenEvent
import qinspect.gui.app as start
from qinspect.gui.opening import Opening

early, late = sys.argv[1:]
taken = []
Opening.take = lambda self, path: taken.append(path.name)
app = start.application()

def hand(path):
    QCoreApplication.sendEvent(app, QFileOpenEvent(QUrl.fromLocalFile(path)))

def later():
    hand(late)
    QTimer.singleShot(200, end)  # not by another timer from the start: those are some percent early or late

def end():
    print(taken)
    app.topLevelWidgets()[0].window().close()
    app.closeAllWindows()

hand(early)  # before there is a window
hand("/there/is/nothing.else")
QTimer.singleShot(3000, later)
start.run()
"""


def test_a_file_that_was_clicked_is_opened_whether_the_window_is_there_or_not(tmp_path):
    names = [tmp_path / name for name in ("work.qinspect", "net.onnx")]
    for path in names:
        path.write_bytes(b"")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        **{name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")},
    }
    done = subprocess.run(
        [sys.executable, "-c", CODE, *map(str, names)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "['work.qinspect', 'net.onnx']", done.stderr
