"""Data's own code that hangs or leaves, on the command line: it runs where it is named."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from qinspect.cli import main
from tests.user_code import is_gone, needs_signals, write_code

SHAPE = ["--input-shape", "1,1,8,8"]


@pytest.fixture
def code(tmp_path):
    return write_code(tmp_path)


def test_data_of_a_callable_are_read_in_this_process(code, tmp_path, monkeypatch):
    def start():
        raise AssertionError("another process")

    monkeypatch.setattr("qinspect.engine.process.guest._start", start)
    words = ["calibrate", f"{code[0]}:net", *SHAPE, "--data", f"{code[0]}:good", "--out", str(tmp_path / "s.npz")]
    assert main(words) == 0
    assert (tmp_path / "s.npz").is_file()


@needs_signals
@pytest.mark.parametrize("name", ["hangs", "batches_that_hang"])
def test_ctrl_c_ends_what_hangs(code, tmp_path, name):
    path, pid = code
    model, data = (name, "good") if name == "hangs" else ("net", name)
    words = [f"{path}:{model}", *SHAPE, "--data", f"{path}:{data}", "--out", str(tmp_path / "s.npz")]
    command = [sys.executable, "-m", "qinspect", "calibrate", *words]

    def heard() -> None:  # what runs in the background, as these tests may, is deaf to Ctrl+C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as running:
        until = time.monotonic() + 120
        while not pid.exists() and time.monotonic() < until:
            assert running.poll() is None, running.stderr.read()
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 130, said
    assert "cancelled" in said
    assert is_gone(pid)


@pytest.mark.parametrize(
    ("model", "data"), [("leaves", "good"), ("net", "batches_that_leave"), ("net", "a_thread_leaves")]
)
def test_code_that_ends_the_process_is_a_failure_that_names_its_line(code, tmp_path, model, data):
    path, _ = code
    words = [f"{path}:{model}", *SHAPE, "--data", f"{path}:{data}", "--out", str(tmp_path / "s.npz")]
    command = [sys.executable, "-m", "qinspect", "calibrate", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 1
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "os._exit(0)" in text)
    wanted = f"qinspect: {path}:{line}: ended the program: os._exit(0). Take that call out of it."
    assert wanted in ended.stderr.splitlines()
    assert "Traceback" not in ended.stderr


def test_a_worker_of_the_users_own_may_end_as_it_likes(code, tmp_path):
    words = [f"{code[0]}:net", *SHAPE, "--data", f"{code[0]}:a_worker_leaves", "--out", str(tmp_path / "s.npz")]
    assert main(["calibrate", *words]) == 0
