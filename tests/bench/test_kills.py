"""``kill -9`` while window and verbs calibrate, analyze, save, export and search: what was there before is there after.

QINSPECT_KILLS=200 python -m pytest -m bench -s tests/bench/test_kills.py
"""

from __future__ import annotations

import collections
import contextlib
import json
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

pytestmark = [
    pytest.mark.bench,
    pytest.mark.skipif(sys.platform != "linux", reason="kills by signal, and looks into /proc"),
]

KILLS = int(os.environ.get("QINSPECT_KILLS", "200"))
AIMS = {"Calibrating": 0.4, "Analyzing": 6.0, "Saving": 0.02, "Exporting": 1.5, "Searching": 3.0}
"""What windows do when they are killed, one after the other, at most so many seconds after it began."""
FIRST_S = 8.0
"""A window does what it likes for at most so long before that counts, so that it has something to lose."""
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
from qinspect.gui.work import SearchWish

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
    job.finished.connect(lambda: (say("exported"), QTimer.singleShot(0, search)))

def search():
    job = work.search(SearchWish("", 0.0, "latency"))
    if job is None:
        return again()
    job.finished.connect(lambda: QTimer.singleShot(0, again))

def save():
    job = window.keeper.save_session(folder / "user.qinspect")
    runs = len(document.runs)
    job.finished.connect(lambda: (say("saved", runs), QTimer.singleShot(0, export)))

def again():
    layer = rng.choice([row.id for row in document.rows() if row.asked and document.weighted(row.id)])
    document.change((layer,), "weight", bits=rng.randint(3, 8))
    if sys.argv[5] == "Calibrating" or rng.random() < 0.5:
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
        aim = list(AIMS)[number % len(AIMS)]
        words = [str(tmp_path), str(program), str(digits_model.data), str(number), aim]
        child = subprocess.Popen(
            [sys.executable, "-c", WINDOW, *words], env=environment, stdout=subprocess.PIPE, text=True
        )
        said: list[tuple[float, str]] = []
        begun, aimed = threading.Event(), threading.Event()
        patience = rng.uniform(0, FIRST_S)

        def listen(stream=child.stdout, said=said, begun=begun, aimed=aimed, aim=aim, patience=patience) -> None:
            first = None
            for line in stream:
                said.append((time.monotonic(), line.strip()))
                if line.startswith(("doing Calibrating", "doing Analyzing")):
                    first = first or time.monotonic()
                    begun.set()
                if first and time.monotonic() - first >= patience and line.startswith(f"doing {aim}"):
                    aimed.set()

        reader = threading.Thread(target=listen)
        reader.start()
        in_time = begun.wait(OPENS_S) and aimed.wait(OPENS_S)
        time.sleep(rng.uniform(0, AIMS[aim]))
        child.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        child.wait()
        reader.join()
        assert in_time, said
        assert child.stdout is not None
        child.stdout.close()
        lines = [line for _, line in said]
        assert not [line for line in lines if line.startswith("problem")], lines
        struck[next(line for line in reversed(lines) if line.startswith("doing ")).removeprefix("doing ")] += 1
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


# -- verbs -------------------------------------------------------------------------------------------

VERBS = {
    "calibrate": ("stats.npz",),
    "analyze": ("report",),
    "save": ("report",),
    "export onnx": ("model.onnx", "--to", "onnx"),
    "export fx": ("model.fx", "--to", "fx", "--target", "fx-onednn"),
}
"""What is written, and further words. To be killed while it saves, a verb is watched until it begins to write."""
VERB_KILLS = int(os.environ.get("QINSPECT_VERB_KILLS", "50"))
ENDS_S = 60.0
"""What belongs to a killed program has ended by then."""
WRITES_S = 0.03
"""Writing takes about so long."""


def whole(kind: str, out: Path) -> None:
    """What a verb wrote is read again, all of it."""
    from qinspect.engine.calibrate import load_calibration
    from qinspect.engine.load import load_model
    from qinspect.engine.plan.file import read_plan
    from qinspect.engine.source import ModelSpec

    if kind == "calibrate":
        assert load_calibration(out).complete
    elif kind == "export onnx":
        import onnxruntime

        onnxruntime.InferenceSession(str(out))
    elif kind == "export fx":
        load_model(ModelSpec(str(out)))
    else:
        analysis = json.loads((out / "analysis.json").read_text())
        assert analysis["version"] == 1
        assert read_plan(out / "plan.json").target
        assert (out / "report.html").read_text().rstrip().endswith("</html>")


def state(out: Path) -> dict[str, bytes]:
    """What lies there and beside, without what is not whole yet."""
    files = {path: path.relative_to(out.parent) for path in out.parent.rglob("*") if path.is_file()}
    return {str(name): path.read_bytes() for path, name in files.items() if not str(name).startswith(".")}


def begun_beside(out: Path) -> set[Path]:
    """What is not whole yet."""
    return {*out.parent.glob(".*"), *out.glob(".*")}


def processes_below(pid: int) -> list[int]:
    children = [int(word) for path in Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]
    return [*children, *(grandchild for child in children for grandchild in processes_below(child))]


def run_still(pids: list[int]) -> list[int]:
    running = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                running.append(pid)
    return running


@pytest.mark.timeout(24 * 3600)
def test_a_verb_that_is_killed_leaves_what_was_there_or_what_it_made(program, digits_model, tmp_path):
    rng = random.Random(1)
    data = ["--data", str(digits_model.data), "--samples", "120"]

    def start(kind: str, out: Path) -> subprocess.Popen[str]:
        words = [*data, *(["--plan", str(tmp_path / "plan.json")] * kind.startswith("export"))]
        verb = "analyze" if kind == "save" else kind.split()[0]
        command = [sys.executable, "-m", "qinspect", verb, str(program), *words, *VERBS[kind][1:], "--out", str(out)]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    (tmp_path / "plan.json").write_text('{"version": 1, "target": "ort"}')
    found: collections.Counter[str] = collections.Counter()
    lasts: dict[str, float] = {}
    for number in range(VERB_KILLS):
        kind = list(VERBS)[number % len(VERBS)]
        out = tmp_path / kind.replace(" ", "-") / VERBS[kind][0]
        if kind not in lasts:
            began = time.monotonic()
            start(kind, out).communicate()
            lasts[kind] = time.monotonic() - began
            whole(kind, out)
        before, begun = state(out), begun_beside(out)
        child = start(kind, out)
        began = time.monotonic()
        if kind == "save":
            while child.poll() is None and begun_beside(out) <= begun:
                time.sleep(0.0005)
            time.sleep(rng.uniform(0, WRITES_S))
        else:
            time.sleep(rng.uniform(0.2, 1.0) * lasts[kind])
        below = processes_below(child.pid) if child.poll() is None else []
        child.kill()
        child.communicate()
        while run_still(below) and time.monotonic() - began < lasts[kind] + ENDS_S:
            time.sleep(0.1)
        assert run_still(below) == [], f"{kind}: runs on after the kill"
        whole(kind, out)
        after = state(out)
        what = "ended before" if child.returncode == 0 else "as before" if after == before else "new"
        found[f"{kind}: {what}"] += 1
        print(f"kill {number + 1}, {kind}, {time.monotonic() - began:.1f} of {lasts[kind]:.1f} s: {what}", flush=True)
    for kind in lasts:
        out = tmp_path / kind.replace(" ", "-") / VERBS[kind][0]
        for path in out.parent.glob(".*"):  # what is young may be another's, who has not locked it yet
            os.utime(path, (0, 0))
        child = start(kind, out)
        _, said = child.communicate()
        assert child.returncode == 0, said
        whole(kind, out)
        assert begun_beside(out) == set()
    print(f"\n{VERB_KILLS} kills: {dict(found)}")
