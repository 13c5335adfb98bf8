"""A model in a process of its own computes what it computes here, and its time is its own."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from qinspect.engine.data import DataSpec, open_data, stored
from qinspect.engine.float_check import forward_seconds
from qinspect.engine.load import load_model
from qinspect.engine.load.own_process import load_apart
from qinspect.engine.problem import Problem
from qinspect.engine.process import guest
from qinspect.engine.progress import Cancelled, silent
from qinspect.engine.source import ModelSpec
from tests.user_code import is_gone, needs_signals

CODE = """
import time
import torch

class Slow(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(144, 10))

    def forward(self, x):
        if not torch.compiler.is_compiling():
            time.sleep(0.05)
        return self.net(x)
"""


@pytest.fixture
def spec(tmp_path):
    (tmp_path / "slow.py").write_text(CODE)
    return ModelSpec(f"{tmp_path / 'slow.py'}:Slow", input_shape=((1, 1, 8, 8),))


def test_the_way_there_and_back_is_not_charged_to_the_model(spec, tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((64, 1, 8, 8), dtype=np.float32))
    model = load_apart(spec)
    data = open_data(DataSpec(str(tmp_path / "x.npy")), model.graph.inputs[0].shape)
    began, before = time.perf_counter(), model.forward.seconds
    found = forward_seconds(model, data)
    whole = time.perf_counter() - began
    assert found == pytest.approx(model.forward.seconds - before)
    assert 0.1 < found < whole  # two batches, and their files


def test_layers_and_outputs_are_those_of_the_model_here(spec):
    apart, here = load_apart(spec), load_model(spec, allow_code=True)
    assert [layer.id for layer in apart.graph.layers] == [layer.id for layer in here.graph.layers]
    assert (apart.digest, apart.dynamic_batch) == (here.digest, here.dynamic_batch)
    x = torch.rand(3, 1, 8, 8)
    with torch.inference_mode():
        assert torch.equal(apart.forward(x)[0], here.forward(x))


DATA = """
import multiprocessing, os, sys, time
import numpy as np

def batches():
    print("x" * 5_000_000)
    for i in range(3):
        yield np.full((2, 1, 8, 8), i, np.float32), np.array([i, i])

def raises():
    yield np.ones((2, 1, 8, 8), np.float32)
    raise ValueError("half-way")

def leaves():
    yield np.ones((2, 1, 8, 8), np.float32)
    sys.exit(0)

def with_workers():
    worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,), daemon=True)
    worker.start()
    with open(__file__ + ".pid", "w") as file:
        file.write(str(worker.pid))
    yield np.ones((2, 1, 8, 8), np.float32)
    os.abort()

def with_a_runaway():
    def run():
        os.setsid()
        time.sleep(600)

    worker = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    worker.start()
    with open(__file__ + ".pid", "w") as file:
        file.write(str(worker.pid))
    yield np.ones((2, 1, 8, 8), np.float32)
    while os.getsid(worker.pid) != worker.pid:
        time.sleep(0.01)
    os.abort()
"""


LINE = DATA.splitlines().index('    raise ValueError("half-way")') + 1


@pytest.fixture
def code(tmp_path, monkeypatch):
    """The data's file; at the end no folder and no process is left."""
    here = tmp_path / "temporary"
    here.mkdir()
    monkeypatch.setenv("TMPDIR", str(here))
    monkeypatch.setattr("tempfile.tempdir", None)
    started, start = [], guest._start
    monkeypatch.setattr(guest, "_start", lambda: started.append(start()) or started[-1])
    path = tmp_path / "d.py"
    path.write_text(DATA)
    yield path
    assert [process.returncode is None for process in started] == [False]
    assert list(here.iterdir()) == []


def read(path, name, report=silent, **more):
    return open_data(DataSpec(f"{path}:{name}", **more), allow_code=True, report=report, apart=True)


@pytest.mark.parametrize("samples", [None, 3])
def test_data_from_another_process_are_those_from_this_one(code, samples):
    found = read(code, "batches", samples=samples)
    here = open_data(DataSpec(f"{code}:batches", samples=samples), allow_code=True)
    assert found.digest == here.digest
    assert len(found) == (samples or 6)


@needs_signals
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("raises", f"d.py:{LINE}: failed (ValueError: half-way)"),
        ("leaves", "sys.exit(0)"),
        ("with_workers", "crashed (SIGABRT)"),
    ],
)
def test_data_that_end_half_way_are_named_and_leave_nothing_behind(code, name, said):
    began = time.monotonic()
    with pytest.raises(Problem) as caught:
        read(code, name)
    assert said in str(caught.value)
    assert time.monotonic() - began < 60
    if name == "with_workers":
        assert is_gone(Path(f"{code}.pid"))


@needs_signals
def test_what_has_left_the_group_of_processes_keeps_nobody_waiting(code, monkeypatch):
    monkeypatch.setattr(guest, "ENDS_S", 0.2)
    ended = []

    def reads():
        with pytest.raises(Problem) as caught:
            read(code, "with_a_runaway")
        ended.append(str(caught.value))

    reading = threading.Thread(target=reads, daemon=True)  # it would wait for ever
    reading.start()
    reading.join(90)
    runaway = int(Path(f"{code}.pid").read_text())
    os.kill(runaway, signal.SIGKILL)
    assert ended
    assert "crashed (SIGABRT)" in ended[0]


def test_a_full_disk_leaves_nothing_behind(code, monkeypatch):
    def full(**_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stored, "WHOLE_BYTES", 0)
    monkeypatch.setattr("tempfile.TemporaryFile", full)
    with pytest.raises(Problem, match="No space left") as caught:
        read(code, "batches")
    # While the exception lives its frames do, and what they hold is closed all the same.
    assert list((code.parent / "temporary").iterdir()) == []
    assert "TMPDIR" in caught.value.remedy


def test_reading_that_is_cancelled_leaves_nothing_behind(code):
    def report(done, total, note):
        if "samples read" in note:
            raise Cancelled

    with pytest.raises(Cancelled) as caught:
        read(code, "batches", report)
    assert list((code.parent / "temporary").iterdir()) == []
    del caught


def test_one_process_is_kept_for_the_model_that_is_open(spec):
    first = load_apart(spec)
    x = torch.rand(2, 1, 8, 8)
    here, before = first.forward(x)[0], first.forward._guest.process
    second = load_apart(spec)
    assert before.returncode is not None
    assert second.forward._guest.process.poll() is None
    assert torch.equal(first.forward(x)[0], here)  # who goes back to it has it again
    guest.keep(None)
    assert second.forward._guest.process.returncode is not None


def test_what_was_made_ready_and_is_not_wanted_is_ended():
    guest.prepare(2)
    waiting = list(guest._waiting)
    assert [process.poll() for process in waiting] == [None, None]
    guest.dismiss()
    assert None not in [process.returncode for process in waiting]
    assert guest._waiting == []
