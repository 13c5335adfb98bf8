"""Data's own code that hangs or leaves, on the command line: it runs where it is named."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from qinspect.cli import main, watch
from tests.user_code import is_gone, needs_signals, write_code

SHAPE = ["--input-shape", "1,1,8,8"]
needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="crashes are watched for on Linux alone")


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
    with _running(words) as running:
        _wait_for(pid, running)
        running.send_signal(signal.SIGINT)
        said = running.communicate(timeout=60)[1]
    assert running.returncode == 130, said
    assert "cancelled" in said
    assert is_gone(pid)


@needs_linux
def test_ctrl_c_twice_ends_native_code_that_hangs(code, tmp_path):
    path, pid = code
    words = [f"{path}:deaf", *SHAPE, "--data", f"{path}:good", "--out", str(tmp_path / "s.npz")]
    with _running(words) as running:
        _wait_for(pid, running)
        for _ in range(2):
            running.send_signal(signal.SIGINT)
            time.sleep(0.5)
        said = running.communicate(timeout=watch.STOPS_S + 60)[1]
    assert running.returncode == 130, said
    assert said.splitlines()[-1] == "cancelled"
    assert is_gone(pid)


@needs_signals
def test_ctrl_c_again_while_the_end_is_on_its_way_shows_nothing(code, tmp_path):
    # As people press it who see nothing happen: torch takes its time to go.
    path, pid = code
    words = [f"{path}:hangs", *SHAPE, "--data", f"{path}:good", "--out", str(tmp_path / "s.npz")]
    with _running(words) as running:
        _wait_for(pid, running)
        running.send_signal(signal.SIGINT)
        assert running.stderr.readline() == "cancelled\n"
        for _ in range(40):
            running.send_signal(signal.SIGINT)
            time.sleep(0.01)
        said = running.communicate(timeout=60)[1]
    assert (running.returncode, said) == (130, "")


def test_a_process_with_other_threads_is_not_copied():
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    here = os.getpid()
    try:
        assert watch.watched(argparse.Namespace()) is None
        if os.getpid() != here:
            os._exit(1)  # the copy must not go on with the tests
    finally:
        done.set()
        other.join()


@needs_linux
def test_a_kill_of_the_command_ends_its_work(code, tmp_path):
    path, pid = code
    words = [f"{path}:hangs", *SHAPE, "--data", f"{path}:good", "--out", str(tmp_path / "s.npz")]
    with _running(words) as running:
        _wait_for(pid, running)
        running.kill()
    assert is_gone(pid)


@contextlib.contextmanager
def _running(words: list[str]) -> Iterator[subprocess.Popen[str]]:
    def heard() -> None:  # what runs in the background, as these tests may, is deaf to Ctrl+C
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    command = [sys.executable, "-m", "qinspect", "calibrate", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, preexec_fn=heard) as running:
        try:
            yield running
        finally:
            running.kill()  # what does not end would be waited for


def _wait_for(pid: Path, running: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 120
    while not pid.exists() and time.monotonic() < until:
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.05)


@needs_linux
@pytest.mark.parametrize(
    ("model", "data", "wanted"),
    [
        ("crashes", "good", ":{line}: crashed the program (SIGSEGV, segmentation fault). Mend what is called there"),
        ("net", "batches_that_crash", ":{line}: crashed the program (SIGSEGV, segmentation fault)."),
        ("killed_later", "good", ":killed_later: the system ended the program (SIGKILL), as it does where memory"),
    ],
)
def test_a_crash_is_a_failure_that_names_its_line(code, tmp_path, model, data, wanted):
    path, _ = code
    words = [f"{path}:{model}", *SHAPE, "--data", f"{path}:{data}", "--out", str(tmp_path / "s.npz")]
    command = [sys.executable, "-m", "qinspect", "calibrate", *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "string_at(0)" in text)
    assert ended.returncode == 1, ended.stderr
    assert f"qinspect: {path}{wanted.format(line=line)}" in ended.stderr.splitlines()[-1]
    assert "Fatal Python error" not in ended.stderr


@needs_linux
def test_a_crash_outside_the_users_code_says_in_whose_hands_it_was(capsys):
    trace = io.BytesIO(b'Current thread 0x1 (most recent call first):\n  File "/x/torch/functional.py", line 7 in f\n')
    options = argparse.Namespace(model="net.pt2", data="d.npz", debug=True)
    assert watch._status(signal.SIGABRT, False, trace, options) == 1
    *shown, said = capsys.readouterr().err.splitlines()
    assert said.startswith("qinspect: net.pt2: native code crashed the program in functional.py:7 (SIGABRT, abort).")
    assert "Current thread" in shown[0]


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
