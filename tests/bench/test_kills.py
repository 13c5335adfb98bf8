"""``kill -9`` while the window calibrates, analyzes, saves and exports: what was there before is there after.

QINSPECT_KILLS=200 python -m pytest -m bench -s tests/bench/test_kills.py
"""

from __future__ import annotations

import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from qinspect.session import load_session

pytestmark = [pytest.mark.bench, pytest.mark.skipif(sys.platform == "win32", reason="kills by signal")]

KILLS = int(os.environ.get("QINSPECT_KILLS", "200"))
SECONDS = float(os.environ.get("QINSPECT_KILL_S", "12"))
"""A window lives at most so long from its first job on."""
OPENS_S = 900.0
"""A window that has not begun so long after its start hangs; on a busy computer it takes minutes."""
LAST_S = 5.0
"""What was done in the last seconds may be lost."""

WINDOW = """
import random, sys
from pathlib import Path
from PySide6.QtCore import QTimer
import qinspect.gui.keeper as keeper

keeper.AUTOSAVE_MS = 500
from qinspect.gui.app import application, make_window

folder, model, data = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
app = application()
window = make_window()
window.show()
window.make_workbench()
document, work = window.document, window.tasks
rng = random.Random(int(sys.argv[4]))

def say(*words):
    print(*words, flush=True)

work.problem.connect(lambda problem: say("problem", problem))
window.jobs.changed.connect(lambda job: say("doing", job.title.split()[0] if job else "nothing"))
document.results_changed.connect(lambda: say("runs", len(document.runs)))
document.calibration_changed.connect(lambda: document.calibration and say("calibrated"))

def export():
    job = work.export("onnx", folder / "model.onnx", {})
    if job is None:
        return again()
    job.finished.connect(lambda: (say("exported"), QTimer.singleShot(0, again)))

def save():
    job = window.keeper.save_session(folder / "user.qinspect")
    runs = len(document.runs)
    job.finished.connect(lambda: (say("saved", runs), QTimer.singleShot(0, export)))

def again():
    layer = rng.choice([row.id for row in document.rows() if row.asked and document.weighted(row.id)])
    document.change((layer,), "weight", bits=rng.randint(3, 8))
    if rng.random() < 0.5:
        document.calibration = None
    analyze()

def analyze():
    work.run_all()

def begin():
    document.confirm()
    analyze()

work.analyzed.connect(lambda exact: exact and save())
document.check_changed.connect(lambda: document.confirmed or QTimer.singleShot(0, begin))
if window.keeper.autosave.exists():
    window.keeper.session_opened.connect(lambda step: say("reopened", len(document.runs)))
    document.check_changed.connect(lambda: document.confirmed and QTimer.singleShot(0, again))
    window.opening.session(window.keeper.autosave)
else:
    spec = {"source": model, "weights": None, "input_shape": None}
    window.opening.model(spec, None, {"source": data, "samples": 120})
app.exec()
"""


@pytest.fixture(scope="module")
def program(digits_model, tmp_path_factory) -> Path:
    """The digits model as a file that opens without a question."""
    import torch

    from qinspect.engine.load import quiet
    from qinspect.engine.load.callable import build
    from qinspect.engine.source import ModelSpec

    path = tmp_path_factory.mktemp("program") / "digits.pt2"
    module, _ = build(ModelSpec(digits_model.source, str(digits_model.weights)))
    with quiet():
        batch = {0: torch.export.Dim("batch")}
        torch.export.save(torch.export.export(module, (torch.rand(2, 1, 8, 8),), dynamic_shapes=(batch,)), path)
    return path


@pytest.mark.timeout(24 * 3600)
def test_a_window_that_is_killed_opens_again_with_all_but_the_last_seconds(program, digits_model, tmp_path):
    rng = random.Random(0)
    struck: collections.Counter[str] = collections.Counter()
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path]),
        **{name: str(tmp_path / name) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")},
    }
    autosave = tmp_path / "XDG_DATA_HOME" / "qinspect" / "qinspect" / "autosave.qinspect"
    known = 0  # runs that an earlier window had for longer than the last seconds
    for number in range(KILLS):
        words = [str(tmp_path), str(program), str(digits_model.data), str(number)]
        child = subprocess.Popen(
            [sys.executable, "-c", WINDOW, *words], env=environment, stdout=subprocess.PIPE, text=True
        )
        said: list[tuple[float, str]] = []
        begun = threading.Event()

        def listen(stream=child.stdout, said=said, begun=begun) -> None:
            for line in stream:
                said.append((time.monotonic(), line.strip()))
                if line.startswith(("doing Calibrating", "doing Analyzing")):
                    begun.set()

        reader = threading.Thread(target=listen)
        reader.start()
        in_time = begun.wait(OPENS_S)
        time.sleep(rng.uniform(0, SECONDS))
        child.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        child.wait()
        reader.join()
        assert in_time, said
        assert child.stdout is not None
        child.stdout.close()
        lines = [line for _, line in said]
        assert not [line for line in lines if line.startswith("problem")], lines
        struck[next(line for line in reversed(lines) if line.startswith("doing")).removeprefix("doing ")] += 1
        reopened = next((int(line.split()[1]) for line in lines if line.startswith("reopened")), None)
        if known:
            assert reopened is not None, lines
            assert reopened >= known, lines
        saved = [int(line.split()[1]) for line in lines if line.startswith("saved")]
        if saved:
            assert len(load_session(tmp_path / "user.qinspect").runs) >= saved[-1]
        long_ago = [int(line.split()[1]) for at, line in said if line.startswith("runs") and killed - at > LAST_S]
        known = max([known, *long_ago])
        if known:
            assert len(load_session(autosave).runs) >= known, lines
        if "exported" in lines:
            import onnx

            onnx.checker.check_model(str(tmp_path / "model.onnx"))
        print(f"kill {number + 1}: {dict(struck)}; {known} runs kept", flush=True)
    print(f"\n{KILLS} kills: {dict(struck)}; {known} runs kept")
