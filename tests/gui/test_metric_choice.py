"""The metric: chosen, confirmed before anything else, in its own unit and direction everywhere."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QTableWidget

from qinspect.engine.footprint import Memory
from qinspect.engine.metric import METRICS
from qinspect.session import load_session

from .test_window import answer

BAD = """
import os, time

def abort(outputs, targets):
    os.abort()

def hang(outputs, targets):
    with open(os.environ["PID_FILE"], "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)
"""

TWO_HEADS = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Linear(64, 10), nn.Linear(64, 12)
    def forward(self, x):
        return {"first": self.first(x.flatten(1)), "second": self.second(x.flatten(1)).relu()}

def model():
    return Net()
"""

LEFT = Qt.MouseButton.LeftButton

METRIC = """
import torch

def wrong(outputs, targets):
    return float((outputs.argmax(-1) != targets).float().mean()) * 10

wrong.higher_is_better = False
wrong.unit = "errors in ten"
"""


def choose(card, text):
    card.choice.setCurrentText(text)
    card.choice.activated.emit(card.choice.currentIndex())


@pytest.fixture
def card(make_window, digits):
    window = make_window(digits)
    window.go("data")
    return window, window.data_page.metric_card


def test_another_metric_is_computed_at_once_and_must_be_confirmed_anew(card, qtbot, digits):
    window, card = card
    document = window.document
    top1 = document.check.metric
    assert [card.choice.itemText(i) for i in range(card.choice.count() - 1)] == list(METRICS)
    assert document.freshness == "exact"
    choose(card, "top-5")
    qtbot.waitUntil(lambda: document.check is not None and document.check.metric_name == "top-5", timeout=30_000)
    assert document.check.metric >= top1
    assert "top-5 of the float model" in card.note.text()
    assert "higher is better" in card.note.text()
    assert document.confirmed == ""
    assert not window.run_action.isEnabled()
    # What was judged by top-1 is not shown as judged by top-5.
    assert document.freshness == "stale"
    qtbot.mouseClick(card.confirm, LEFT)
    assert window.run_action.isEnabled()
    choose(card, "top-1")
    qtbot.waitUntil(lambda: document.check is not None and document.check.metric_name == "top-1", timeout=30_000)
    assert document.freshness == "exact"
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)


def test_a_metric_that_does_not_suit_the_outputs_says_so_and_cannot_be_confirmed(card, qtbot):
    window, card = card
    problems = []
    window.tasks.problem.connect(problems.append)
    choose(card, "rmse")
    qtbot.waitUntil(lambda: bool(problems), timeout=30_000)
    assert "do not fit" in problems[0].what
    assert not card.confirm.isEnabled()


def test_a_function_of_ones_own_runs_after_the_question_with_its_unit_and_direction(card, qtbot, tmp_path):
    window, card = card
    document = window.document
    code = tmp_path / "own_metric.py"
    code.write_text(METRIC)
    choose(card, "function of your own…")
    qtbot.keyClicks(card.own, f"{code}:wrong")
    answer(accept=False)
    qtbot.keyClick(card.own, Qt.Key.Key_Return)
    assert document.metric is None
    choose(card, "function of your own…")
    card.own.setText(f"{code}:wrong")
    answer(accept=True)
    qtbot.keyClick(card.own, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: document.check is not None and document.check.metric_name == "wrong", timeout=30_000)
    assert card.value.text().endswith("errors in ten")
    assert "lower is better" in card.note.text()
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.mouseClick(card.confirm, LEFT)
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)
    window.tasks.run_quick()
    qtbot.waitUntil(lambda: document.freshness == "quick", timeout=60_000)
    window.go("verdict")
    page = window.verdict_page
    totals = document.find().analysis.totals
    assert page.fp32.value.text() == f"{totals.fp32_metric:.4g} errors in ten"
    assert page.fp32.note.text() == "wrong, lower is better"
    assert "errors in ten" in page.simulated.note.text()
    window.go("fix")
    panel = window.fix_page.search
    panel.kind.setCurrentIndex(panel.kind.findData("drop"))
    assert panel.limit.suffix() == " errors in ten"
    table = window.fix_page.runs.findChild(QTableWidget)
    assert any("errors in ten" in table.item(row, 2).text() for row in range(table.rowCount()))
    path = tmp_path / "a.qinspect"
    job = window.keeper.save_session(path)
    with qtbot.waitSignal(job.done, timeout=30_000):
        pass
    assert load_session(path).metric == f"{code}:wrong"


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_function_of_ones_own_that_crashes_or_hangs_takes_nothing_with_it(card, qtbot, tmp_path, monkeypatch):
    window, card = card
    document = window.document
    pid = tmp_path / "pid"
    monkeypatch.setenv("PID_FILE", str(pid))
    code = tmp_path / "bad_metric.py"
    code.write_text(BAD)
    problems = []
    window.tasks.problem.connect(problems.append)

    def choose_own(name):
        choose(card, "function of your own…")
        card.own.setText(f"{code}:{name}")
        qtbot.keyClick(card.own, Qt.Key.Key_Return)

    answer(accept=True)  # once: it is the same file afterwards
    choose_own("abort")
    qtbot.waitUntil(lambda: bool(problems), timeout=30_000)
    assert (problems[0].where, "SIGABRT" in problems[0].what) == (f"{code}:abort", True)
    assert document.check is None
    assert not card.confirm.isEnabled()
    choose_own("hang")
    qtbot.waitUntil(lambda: pid.exists() and bool(pid.read_text()), timeout=30_000)
    job = window.jobs.current
    with qtbot.waitSignal(job.cancelled, timeout=5000):
        qtbot.mouseClick(window.strip.cancel, LEFT)
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=5000)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    choose(card, "top-1")
    qtbot.waitUntil(lambda: document.check is not None and document.check.metric_name == "top-1", timeout=30_000)


def test_another_output_is_judged_and_a_session_keeps_which(make_window, qtbot, digits, tmp_path):
    code = tmp_path / "two_heads.py"
    code.write_text(TWO_HEADS)
    spec = {"source": f"{code}:model", "weights": None, "input_shape": [[1, 1, 8, 8]]}
    window = make_window()
    document, card = window.document, window.data_page.metric_card
    problems = []
    window.tasks.problem.connect(problems.append)

    def checked(index):
        qtbot.waitUntil(
            lambda: bool(problems) or (document.check is not None and document.judged_output == index), timeout=60_000
        )
        assert not problems, str(problems[0])
        return document.check.metric

    answer(accept=True)
    window.opening.model(spec, None, digits.data_spec, ("top-5", "second"))
    of_second = checked(1)
    window.go("data")
    assert [card.output.itemText(i) for i in range(card.output.count())] == ["0 first (N × 10)", "1 second (N × 12)"]
    assert card.output.isVisible()
    assert (card.choice.currentText(), card.output.currentIndex()) == ("top-5", 1)
    with qtbot.waitActive(window):
        window.activateWindow()
    qtbot.mouseClick(card.confirm, LEFT)
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)
    window.tasks.calibrate(then=window.tasks.run_quick)
    qtbot.waitUntil(lambda: document.freshness == "quick", timeout=60_000)
    path = tmp_path / "a.qinspect"
    with qtbot.waitSignal(window.keeper.save_session(path).done, timeout=30_000):
        pass
    assert load_session(path).output == 1
    card.output.setCurrentIndex(0)
    card.output.activated.emit(0)
    assert checked(0) != of_second
    # What was judged by one output is not shown as judged by another.
    assert (document.freshness, document.confirmed) == ("stale", "")
    window.opening.session(path)
    qtbot.waitUntil(lambda: document.freshness == "quick", timeout=60_000)
    assert checked(1) == of_second
    assert card.output.currentIndex() == 1
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=30_000)


def test_targets_that_are_no_classes_are_judged_by_rmse(make_window, digits, qtbot, tmp_path):
    from qinspect.engine.progress import silent
    from qinspect.gui import work

    model = digits.opened.model
    values = np.load(digits.data_spec["source"])["x"][:40]
    import torch

    with torch.inference_mode():
        y = model.forward(torch.from_numpy(values)).numpy() + 0.5
    np.savez(tmp_path / "regression.npz", x=values, y=y.astype(np.float32))
    window = make_window()
    document = window.document
    document.set_model(model, digits.opened.inspected, digits.opened.plan)
    opened = work.open_data({"source": str(tmp_path / "regression.npz")}, model, False, silent)
    document.set_data(opened.data)
    window.tasks.check_float()
    card = window.data_page.metric_card
    window.go("data")
    qtbot.waitUntil(lambda: document.check is not None, timeout=30_000)
    assert card.value.text() == "none"
    assert "rmse compares them" in card.note.text()
    choose(card, "rmse")
    qtbot.waitUntil(lambda: document.check is not None and document.check.metric is not None, timeout=30_000)
    assert document.check.metric == pytest.approx(0.5, abs=1e-4)
    assert card.value.text() == "0.5"


def test_of_few_samples_it_is_said_how_sure_the_float_figure_is(make_window, digits):
    window = make_window(digits)
    window.document.set_check(replace(digits.check, metric=0.6, samples=5))
    note = window.data_page.metric_card.note.text()
    assert "5 samples" in note
    assert "95% sure: 23.1% to 88.2%." in note  # Wilson's interval of 3 of 5
    window.document.set_check(replace(digits.check, metric=0.6, samples=20, others=15))
    assert "so 15 of other splits count here. 95% sure: 38.7% to 78.1%." in window.data_page.metric_card.note.text()
    window.document.set_check(replace(digits.check, metric=0.6, metric_name="mean-iou", samples=5))
    assert "sure" not in window.data_page.metric_card.note.text()


def test_what_a_run_takes_is_in_the_way_only_where_it_is_much_of_what_is_free(make_window, digits):
    page = make_window(digits).data_page
    page.window().go("data")
    roomy = Memory(weights_bytes=10**6, run_bytes=10**9, free_bytes=10**10, batch=16)
    for memory, much in ((roomy, False), (replace(roomy, run_bytes=9 * 10**9), True)):
        page.show_samples((), memory=memory)
        assert page.memory.isVisible() == much
        assert str(memory.sentence) in page.splits.toolTip()


def test_without_labels_the_box_says_that_agreement_counts(make_window, digits, qtbot, tmp_path):
    from qinspect.engine.progress import silent
    from qinspect.gui import work

    np.savez(tmp_path / "unlabelled.npz", x=np.load(digits.data_spec["source"])["x"][:40])
    window = make_window(digits)
    document, card = window.document, window.data_page.metric_card
    window.go("data")
    assert card.choice.currentText() == "top-1"
    opened = work.open_data({"source": str(tmp_path / "unlabelled.npz")}, digits.opened.model, False, silent)
    document.set_data(opened.data)
    window.tasks.check_float()
    qtbot.waitUntil(lambda: document.check is not None, timeout=30_000)
    assert card.value.text() == "no labels"
    assert card.choice.currentText() == "agreement"
    assert document.metric_source == "top-1"  # with labels it counts again
    document.set_data(digits.data.data)
    document.set_check(digits.check)
    assert card.choice.currentText() == "top-1"
