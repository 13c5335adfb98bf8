"""What every test stands on: no screen, no settings of the user's, no thread left behind."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

# The same examples at every run; --hypothesis-profile=default looks for new ones. Explaining a failure needs a tracer,
# which makes every example several times slower. Nothing fails by the clock: a busy computer is slow at times.
settings.register_profile(
    "qinspect",
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    phases=[phase for phase in Phase if phase is not Phase.explain],
)
settings.load_profile("qinspect")

# Set before anything imports Qt or starts a child process.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_API", "pyside6")
if "PYTEST_XDIST_WORKER" in os.environ:
    # Several processes that each take all processors wait for each other most of the time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# Where tqdm is installed, torch.fx makes progress bars, and the first starts a thread that never ends.
with contextlib.suppress(ImportError):
    import tqdm

    tqdm.tqdm.monitor_interval = 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, files with slow tests come first, and the installed demo before all of them: none ends alone."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: (item.path not in slow, item.path.parent.name != "packaging"))


DIGITS_NET = '''\
"""A tiny digit classifier with one of everything that is usually fused; input (N, 1, 8, 8)."""

import torch
from torch import nn


class DigitsNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(16, 16, 3, padding=1, groups=16, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(16)
        self.relu6 = nn.ReLU6()
        self.project = nn.Conv2d(16, 16, 1)
        self.pool = nn.MaxPool2d(2)
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = self.relu(self.bn(self.conv(x)))
        y = self.relu6(self.depthwise_bn(self.depthwise(x)))
        x = torch.relu(self.project(y) + x)
        return self.fc(self.pool(x).flatten(1))


def model():
    return DigitsNet()
'''


@dataclass(frozen=True)
class DigitsModel:
    """Files of a trained model: ``source`` with ``weights``, and images ``data`` that it was not trained on.

    Parameters
    ----------
    source : str
        ``.../digits_net.py:model``.
    weights : Path
        ``digits.safetensors``.
    data : Path
        ``digits.npz``: x float32 of shape (600, 1, 8, 8) on 0..1, y int64 of shape (600,).
    folder : Path
        Where all three lie; shared by all tests, so not to be written into.
    input_shape : tuple
        ``(1, 1, 8, 8)``.
    """

    source: str
    weights: Path
    data: Path
    folder: Path
    input_shape: tuple[int, ...] = (1, 1, 8, 8)


@pytest.fixture(scope="session", autouse=True)
def private_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Settings, recent files and caches of the tests are the tests' own, in child processes too."""
    folder = tmp_path_factory.mktemp("settings")
    patch = pytest.MonkeyPatch()
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"):
        patch.setenv(name, str(folder / name.lower()))
    from PySide6.QtCore import QSettings

    for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(kind, QSettings.Scope.UserScope, str(folder))
    yield
    patch.undo()


@pytest.fixture(autouse=True)
def no_reminders(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow computer adds no lines of progress to what a test reads from stderr."""
    from qinspect.cli import terminal

    monkeypatch.setattr(terminal, "EVERY_S", 1e6)


@pytest.fixture(autouse=True)
def no_thread_left() -> Iterator[None]:
    """A test that leaves a thread running fails: it would run beside every later measurement."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 3.0
    while left := [t for t in threading.enumerate() if t not in before and t.is_alive()]:
        if time.monotonic() > deadline:
            pytest.fail(f"threads left running: {', '.join(thread.name for thread in left)}")
        time.sleep(0.01)


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """torch on one thread, so that results do not depend on how many cores there are."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def digits_model(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> DigitsModel:
    """A small real classifier, trained in seconds."""
    import importlib.util

    import numpy as np
    import torch
    from safetensors.torch import save_file
    from sklearn.datasets import load_digits

    folder = tmp_path_factory.mktemp("digits")
    code = folder / "digits_net.py"
    code.write_text(DIGITS_NET)
    spec = importlib.util.spec_from_file_location("digits_net_in_training", code)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x = (digits.images[order, None] / 16).astype(np.float32)
    y = digits.target[order].astype(np.int64)
    np.savez(folder / "digits.npz", x=x[:600], y=y[:600])

    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = module.model()
        train(net, torch.from_numpy(x[600:]), torch.from_numpy(y[600:]))
    state = {key: value for key, value in net.state_dict().items() if "num_batches" not in key}
    save_file(state, folder / "digits.safetensors")
    return DigitsModel(f"{code}:model", folder / "digits.safetensors", folder / "digits.npz", folder)


def train(net, x, y, epochs: int = 20) -> None:  # type: ignore[no-untyped-def]
    """Adam with a falling rate; leaves the net in eval mode."""
    import torch

    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    net.train()
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
            optimizer.step()
        schedule.step()
    net.eval()
