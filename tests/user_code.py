"""Python code that does not give what is asked of it: it hangs, leaves, or crashes. As a model and as data."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

needs_signals = pytest.mark.skipif(
    sys.platform == "win32",
    reason="Windows has no SIGINT and SIGSEGV to end by, and os.kill(pid, 0) ends what it only asks for elsewhere",
)

CODE = """
import ctypes, itertools, multiprocessing, os, sys, threading, time
import numpy as np
import torch

def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(144, 10))

def _hang():
    with open({pid!r} + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename({pid!r} + ".new", {pid!r})
    while True:
        time.sleep(0.05)

def hangs():
    _hang()

def leaves():
    os._exit(0)

def crashes():
    ctypes.string_at(0)

class Odd(torch.nn.Module):
    def __init__(self, what):
        super().__init__()
        self.net, self.what = net(), what

    def forward(self, x):
        if not torch.compiler.is_compiling() and x.shape[0] > 3:
            self.what()
        return self.net(x)

def hangs_later():
    return Odd(_hang)

def crashes_later():
    return Odd(crashes)

def killed_later():
    return Odd(lambda: os.kill(os.getpid(), 9))

def deaf():
    with open({pid!r} + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename({pid!r} + ".new", {pid!r})
    sum(itertools.repeat(0))  # in C, for ever: no signal is heard

def good():
    for seed in range(4):
        rng = np.random.default_rng(seed)
        yield rng.random((8, 1, 8, 8), dtype=np.float32), rng.integers(0, 10, 8)

def good_then(what):
    yield next(good())
    what()

def batches_that_hang():
    return good_then(_hang)

def batches_that_leave():
    return good_then(leaves)

def a_thread_leaves():
    thread = threading.Thread(target=leaves)
    return good_then(lambda: (thread.start(), thread.join()))

def a_worker_leaves():
    worker = multiprocessing.get_context("fork").Process(target=leaves)
    return good_then(lambda: (worker.start(), worker.join()))

def batches_that_crash():
    return good_then(crashes)
"""

ENDS = {"leaves": "stopped (exit 0)", "crashes": "crashed (SIGSEGV)"}
"""How a process ends, by the name of what is called."""


def write_code(folder: Path) -> tuple[Path, Path]:
    """The file, and that in which what hangs writes the number of its process."""
    path, pid = folder / "odd.py", folder / "pid"
    path.write_text(CODE.replace("{pid!r}", repr(str(pid))))
    return path, pid


def is_gone(pid: Path, seconds: float = 20) -> bool:
    """Whether the process of this number has ended, soon."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            os.kill(int(pid.read_text()), 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False
