"""A metric of the user's runs in a process of its own: what happens to it happens to nothing else."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time

import numpy as np
import pytest

from qinspect.engine.metric import metric_of
from qinspect.engine.problem import Problem
from qinspect.engine.process.child import Died
from qinspect.engine.process.resident import Resident
from qinspect.engine.progress import Cancelled

CODE = """
import ctypes, os, sys, time

def wrong(outputs, targets):
    print("noise on stdout")
    return (outputs.argmax(-1) != targets).float().sum()

wrong.higher_is_better = False
wrong.unit = "errors"

def several(outputs, targets):
    return len(outputs) + outputs[1].shape[1] / 10

def abort(outputs, targets):
    if targets.max() > 2:
        os.abort()
    return 1

def read_nowhere(outputs, targets):
    ctypes.string_at(0)

def leave(outputs, targets):
    os._exit(3)

def end_politely(outputs, targets):
    sys.exit("no more")

def fail(outputs, targets):
    raise ZeroDivisionError("by nought")

def words(outputs, targets):
    return "good"

def hang(outputs, targets):
    with open(os.environ["PID_FILE"], "w") as file:
        file.write(str(os.getpid()))
    while targets.max() > 2:
        time.sleep(1)
    return 0.5
"""

LOGITS = np.eye(4, dtype=np.float32)
Y = np.array([0, 1, 2, 0])

unix = pytest.mark.skipif(sys.platform == "win32", reason="signals")


@pytest.fixture(scope="module")
def code(tmp_path_factory):
    path = tmp_path_factory.mktemp("metrics") / "metrics_of_a_test.py"
    path.write_text(CODE)
    return path


@pytest.fixture
def opened(code):
    return lambda name: metric_of(f"{code}:{name}")


def test_it_gives_what_it_gives_in_this_process_and_its_attributes_count(opened, capfd):
    metric = opened("wrong")
    assert (metric.name, metric.unit, metric.higher_is_better) == ("wrong", "errors", False)
    assert metric([LOGITS], Y) == 1.0
    assert metric([LOGITS], np.zeros(4, np.int64)) == 3.0
    assert capfd.readouterr().out == ""
    assert "metrics_of_a_test" not in " ".join(sys.modules)


def test_all_outputs_arrive_with_any_targets(opened):
    assert opened("several")([LOGITS, np.zeros((4, 7), np.float32)], np.zeros((4, 2))) == pytest.approx(2.7)


def test_a_package_is_found_where_this_process_finds_it(code, monkeypatch):
    monkeypatch.syspath_prepend(str(code.parent))
    assert metric_of("metrics_of_a_test:wrong")([LOGITS], Y) == 1.0


@unix
@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("abort", "crashed (SIGABRT)"),
        ("read_nowhere", "crashed (SIGSEGV)"),
        ("leave", "stopped (exit 3)"),
        ("end_politely", "ended the program: sys.exit(no more)"),
        ("fail", "raises ZeroDivisionError (by nought)"),
        ("words", "raises ValueError"),
    ],
)
def test_one_that_ends_its_process_or_raises_is_a_problem_that_says_how(opened, name, part):
    metric = opened(name)
    with pytest.raises(Problem) as found:
        metric([LOGITS], np.array([0, 1, 2, 3]))
    assert part in str(found.value)
    if name == "abort":
        assert isinstance(found.value, Died)
        assert metric([LOGITS], Y) == 1.0  # the next call begins anew


@unix
def test_importing_it_may_crash_as_well(tmp_path):
    path = tmp_path / "aborts.py"
    path.write_text("import os\nos.abort()\n")
    with pytest.raises(Died, match=r"aborts.py:metric.*SIGABRT"):
        metric_of(f"{path}:metric")
    path.write_text("1 / 0\n")
    with pytest.raises(Problem, match="ZeroDivisionError"):
        metric_of(f"{path}:metric")
    path.write_text("")
    with pytest.raises(Problem, match="there is no 'metric'"):
        metric_of(f"{path}:metric")


@unix
def test_cancelling_kills_one_that_hangs_and_the_next_call_begins_anew(opened, tmp_path, monkeypatch):
    pid = tmp_path / "pid"
    monkeypatch.setenv("PID_FILE", str(pid))
    metric = opened("hang")

    def report(*_):
        if pid.exists() and pid.read_text():
            raise Cancelled

    with pytest.raises(Cancelled):
        metric([LOGITS], np.array([0, 1, 2, 3]), report)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    pid.unlink()
    assert metric([LOGITS], Y) == 0.5


@unix
def test_resampling_can_be_cancelled_between_two_of_a_function(opened):
    told = []

    def report(done, total, note):
        told.append(done / total)
        if done / total > 0.1:
            raise Cancelled

    with pytest.raises(Cancelled):
        opened("wrong").drop([LOGITS], [LOGITS[::-1].copy()], Y, report=report)
    assert told == sorted(told)


def test_a_changed_file_does_not_run_after_a_crash_without_being_opened_anew(tmp_path):
    path = tmp_path / "changes.py"
    path.write_text("import os\n\ndef metric(outputs, targets):\n    os._exit(1)\n")
    metric = metric_of(f"{path}:metric")
    path.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n\ndef metric(outputs, targets):\n    return 1\n")
    with pytest.raises(Died):
        metric([LOGITS], Y)
    with pytest.raises(Problem, match="has changed"):
        metric([LOGITS], Y)
    assert not (tmp_path / "ran").exists()


def test_it_is_pickled_by_its_name(opened):
    metric = opened("wrong")
    other = pickle.loads(pickle.dumps(metric))
    assert isinstance(other.function, Resident)
    assert other([LOGITS], Y) == 1.0


@unix
def test_its_process_goes_with_it(opened):
    metric = opened("several")
    process = metric.function._guest.process
    before = threading.active_count()
    del metric
    deadline = time.monotonic() + 10
    while process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert process.returncode is not None
    assert threading.active_count() <= before
