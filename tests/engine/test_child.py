"""What happens to a process for kernels reaches the caller as a Problem, and nothing else does."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from qinspect.engine.problem import Problem
from qinspect.engine.process import child
from qinspect.engine.process.child import OURS, POLICY, Died, run_in_child, wait_asleep
from qinspect.engine.progress import Cancelled

CODE = """
import ctypes, os, signal, time
from qinspect.engine.problem import Problem

def double(work, report):
    report(1, 2, "half")
    return 2 * work

def read_nowhere(work, report):
    ctypes.string_at(0)

def run_out_of_memory(work, report):
    os.kill(os.getpid(), signal.SIGKILL)

def leave(work, report):
    os._exit(3)

def policy(work, report):
    return os.environ.get("OMP_WAIT_POLICY")

def refuse(work, report):
    raise Problem("layer a", "cannot run", "Leave it out.")

def fail(work, report):
    raise ZeroDivisionError("by nought")

def hang(work, report):
    with open(work, "w") as file:
        file.write(str(os.getpid()))
    while True:
        time.sleep(1)
"""


@pytest.fixture(autouse=True)
def _code(tmp_path, monkeypatch):
    (tmp_path / "kernels_of_a_test.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))


def run(name, work=None, report=None):
    return run_in_child(f"kernels_of_a_test:{name}", work, report or (lambda *_: None), what="target x")


def test_the_result_and_the_progress_come_back():
    heard = []
    assert run("double", 21, lambda *values: heard.append(values)) == 42
    assert heard


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("function", "part"),
    [
        ("read_nowhere", "SIGSEGV"),
        ("run_out_of_memory", "memory"),
        ("leave", "exit 3"),
        ("fail", "ZeroDivisionError: by nought"),
    ],
)
def test_a_process_that_dies_is_a_problem_that_says_how(function, part):
    with pytest.raises(Died, match=part) as found:
        run(function)
    assert found.value.where == "target x"
    assert found.value.remedy


def test_the_childs_own_problem_is_handed_on():
    with pytest.raises(Problem, match="layer a: cannot run") as found:
        run("refuse")
    assert not isinstance(found.value, Died)


def gone(path):
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)


def hung(path):
    """Whether the child has begun."""
    return path.exists() and bool(path.read_text())


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_cancelling_kills_a_process_that_hangs(tmp_path):
    path = tmp_path / "pid"

    def report(*_):
        if hung(path):
            raise Cancelled

    with pytest.raises(Cancelled):
        run("hang", str(path), report)
    gone(path)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_process_that_is_silent_for_too_long_is_killed_and_said_to_hang(tmp_path, monkeypatch):
    path = tmp_path / "pid"
    began = []

    def report(*_):
        # From when it hangs on; importing torch takes its time.
        if hung(path) and not began:
            began.append(time.monotonic())
            monkeypatch.setattr(child, "SILENCE_S", 0.0)

    with pytest.raises(Died, match="hangs"):
        run("hang", str(path), report)
    gone(path)
    assert began


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_an_analysis_whose_kernels_crash_keeps_what_it_simulated(digits_model, monkeypatch):
    from qinspect.engine import kernels
    from qinspect.engine.analyze import analyze
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.job import calibrate_model, first_plan
    from qinspect.engine.load import ModelSpec, load_model
    from qinspect.engine.plan import Target

    def crash(function, work, report, what, as_deployed):  # as `run_in_child`
        return run_in_child("kernels_of_a_test:read_nowhere", None, report, what=what)

    monkeypatch.setattr(kernels, "run_in_child", crash)
    model = load_model(ModelSpec(digits_model.source, str(digits_model.weights), ((1, 1, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(digits_model.data), samples=60), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    found = analyze(model, data, plan, calibrate_model(model, data, plan))
    (note,) = (note for note in found.notes if note.startswith("No kernels of ONNX Runtime were run: "))
    assert "SIGSEGV" in note
    assert found.totals.kl is not None
    assert (found.totals.kernel_metric, found.totals.int8_ms) == (None, None)


@pytest.mark.parametrize(
    "words",
    [
        "from qinspect.engine.process.child import run_in_child as run; run("
        "'qinspect.engine.process.child:nothing', None)",
        "from qinspect.engine.process.resident import Resident as run; run('a.py:f')",
    ],
    ids=["child", "resident"],
)
def test_what_lies_in_the_current_folder_is_not_imported(tmp_path, words):
    """A folder of downloads may hold a torch.py."""
    (tmp_path / "torch.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    # Started as the installed program is: the current folder is not among the places where it looks.
    done = subprocess.run(
        [sys.executable, "-P", "-c", f"import os; os.chdir({str(tmp_path)!r}); {words}"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(place for place in sys.path if place != str(tmp_path))},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "no such file" in done.stderr or "nothing" in done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def environment(monkeypatch):
    """Names that nobody has set, and that are gone afterwards."""
    for name in (POLICY, OURS):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return monkeypatch


def test_torch_s_threads_sleep_while_they_wait_but_in_a_process_that_times_them(environment):
    wait_asleep()
    assert run("policy") == "passive"
    assert run_in_child("kernels_of_a_test:policy", None, as_deployed=True) is None


def test_how_threads_wait_is_the_user_s_where_he_says_so(environment):
    environment.setenv(POLICY, "active")
    wait_asleep()
    assert run_in_child("kernels_of_a_test:policy", None, as_deployed=True) == "active"


@pytest.mark.skipif(sys.platform != "linux", reason="reads what GNU's OpenMP says of itself")
def test_the_program_loads_torch_with_threads_that_wait_asleep(environment, tmp_path):
    code = "import torch\ndef model():\n    return torch.nn.Linear(4, 2).eval()\n"
    (tmp_path / "net.py").write_text(code)
    command = [sys.executable, "-m", "qinspect", "inspect", f"{tmp_path / 'net.py'}:model", "--input-shape", "1,4"]
    told = {**os.environ, "OMP_DISPLAY_ENV": "true"}
    done = subprocess.run(command, env=told, capture_output=True, text=True, check=True, timeout=300)
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr
