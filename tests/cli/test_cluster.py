"""Calibration and the exact sweep on a cluster of real processes give what one process gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from qinspect.cli import main
from qinspect.engine.calibrate import load_calibration

pytest.importorskip("distributed", reason="the extra qinspect[cluster] is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="kills workers by signal"),
    pytest.mark.timeout(300),
]

ROOT = Path(__file__).parents[2]


def environment(**more: str) -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", **more}


@dataclass
class Processes:
    """A scheduler with workers, as ``dask scheduler`` and ``dask worker`` start them."""

    address: str
    folder: Path
    running: list[subprocess.Popen[bytes]]

    def add_worker(self, **more: str) -> subprocess.Popen[bytes]:
        words = [self.address, "--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self.folder)]
        return self._start("dask_worker", words, **more)

    def _start(self, command: str, words: list[str], **more: str) -> subprocess.Popen[bytes]:
        code = f"import sys; from distributed.cli.{command} import main; sys.argv[0] = 'dask'; main()"
        with open(self.folder / f"{command}.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *words], env=environment(**more), stdout=log, stderr=log, cwd=self.folder
            )
        self.running.append(process)
        return process


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    made = Processes("", folder, [])
    where = folder / "scheduler.json"
    made._start(
        "dask_scheduler", ["--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(where)]
    )
    deadline = time.monotonic() + 60
    while not (where.exists() and where.read_text()):
        assert time.monotonic() < deadline, (folder / "dask_scheduler.log").read_text()
        time.sleep(0.05)
    made.address = json.loads(where.read_text())["address"]
    made.add_worker()
    made.add_worker()
    yield made
    for process in made.running:
        process.kill()
        process.wait()


@pytest.fixture
def model(digits_model):
    return [digits_model.source, "--weights", digits_model.weights, "--input-shape", "1,1,8,8"]


def qinspect(*words, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own: a client leaves threads of dask's."""
    return subprocess.run(
        [sys.executable, "-m", "qinspect", *(str(word) for word in words)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def alike(one, other):
    """Whether two calibrations are the same to the last bit where they are to be, and else to that of a float64."""
    assert one.samples == other.samples == one.planned
    assert one.tensors.keys() == other.tensors.keys()
    for name, ours in one.tensors.items():
        theirs = other.tensors[name]
        for key in ("count", "min", "max", "nonfinite", "sampled", "zeros"):
            assert getattr(ours, key) == getattr(theirs, key), (name, key)
        for key in ("channel_min", "channel_max", "batch_min", "batch_max", "sample_min", "sample_max"):
            np.testing.assert_array_equal(getattr(ours, key), getattr(theirs, key), err_msg=f"{name} {key}")
        assert (ours.histogram.exponent, ours.histogram.first) == (theirs.histogram.exponent, theirs.histogram.first)
        np.testing.assert_array_equal(ours.histogram.counts, theirs.histogram.counts)
        for key in ("mean", "sample_mean", "variance"):
            assert getattr(ours, key) == pytest.approx(getattr(theirs, key), rel=1e-12, abs=1e-12), (name, key)


def test_an_analysis_with_its_sweep_is_that_of_one_process(cluster, model, digits_model, tmp_path):
    words = ["analyze", *model, "--data", digits_model.data, "--samples", "160", "--no-kernels", "--exact", "--out"]
    assert main([str(word) for word in [*words, tmp_path / "here"]]) == 0
    done = qinspect(*words, tmp_path / "there", "--cluster", cluster.address)
    assert done.returncode == 0, done.stderr
    here, there = (json.loads((tmp_path / name / "analysis.json").read_text()) for name in ("here", "there"))
    swept = json.loads((tmp_path / "there" / "sweep.json").read_text())
    assert swept["isolated"].keys() == {
        row["id"] for row in here["layers"] if row["errors"]["isolated_mse"] is not None
    }
    measured = dict.fromkeys(("forward_s", "calibrate_s", "analyze_s"))
    assert {**here["totals"], **measured} == {**there["totals"], **measured}
    assert here["layers"] == there["layers"]
    assert (tmp_path / "here" / "plan.json").read_text() == (tmp_path / "there" / "plan.json").read_text()


TWO_HEADS = """
import torch
from torch import nn
from digits_net import DigitsNet

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.net, self.aux = DigitsNet(), nn.Linear(64, 10)
    def forward(self, x):
        return self.net(x), self.aux(x.flatten(1)).relu()

def model():
    return Net()
"""


def test_the_workers_judge_the_output_that_was_named(cluster, digits_model, tmp_path):
    (tmp_path / "digits_net.py").write_text((digits_model.folder / "digits_net.py").read_text())
    (tmp_path / "two.py").write_text(TWO_HEADS)
    words = ["analyze", f"{tmp_path / 'two.py'}:model", "--input-shape", "1,1,8,8", "--data", digits_model.data]
    words += ["--samples", "160", "--no-kernels", "--exact", "--output", "1", "--out"]
    assert main([str(word) for word in [*words, tmp_path / "here"]]) == 0
    done = qinspect(*words, tmp_path / "there", "--cluster", cluster.address)
    assert done.returncode == 0, done.stderr
    here, there = (json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("here", "there"))
    assert here == there
    assert any(row["kl"] > 0 for id, row in here["isolated"].items() if id.startswith("aux"))
    assert not any(row["kl"] for id, row in here["isolated"].items() if id.startswith("net"))


MORTAL = """
import os, signal
from pathlib import Path
from digits_net import DigitsNet

def model():
    sentence = Path(__file__).with_name("sentence")
    if os.environ.get("QINSPECT_TEST_MORTAL") and sentence.exists():
        sentence.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return DigitsNet()
"""


def test_the_share_of_a_worker_that_dies_is_done_by_another(cluster, digits_model, tmp_path):
    (tmp_path / "digits_net.py").write_text((digits_model.folder / "digits_net.py").read_text())
    (tmp_path / "mortal.py").write_text(MORTAL)
    model = [f"{tmp_path / 'mortal.py'}:model", "--weights", digits_model.weights, "--input-shape", "1,1,8,8"]
    words = ["calibrate", *model, "--data", digits_model.data, "--out"]
    assert main([str(word) for word in [*words, tmp_path / "here.npz"]]) == 0
    (tmp_path / "sentence").touch()
    worker = cluster.add_worker(QINSPECT_TEST_MORTAL="1")
    deadline = time.monotonic() + 60
    # Shares go to the workers that are there: it has to be one of them.
    while "Registered to" not in (log := (cluster.folder / "dask_worker.log").read_text()) or (
        log.count("Registered to") < len(cluster.running) - 1
    ):
        assert time.monotonic() < deadline, log
        time.sleep(0.1)
    done = qinspect(*words, tmp_path / "there.npz", "--cluster", cluster.address)
    assert done.returncode == 0, done.stderr
    assert worker.wait(10) < 0
    assert not (tmp_path / "sentence").exists()
    alike(load_calibration(tmp_path / "there.npz"), load_calibration(tmp_path / "here.npz"))


SCRIPT = """
import sys, time
from pathlib import Path
from qinspect.engine.cluster import client as clients
from qinspect.engine.cluster.work import work_of
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.load import load_model
from qinspect.engine.plan import Target
from qinspect.engine.problem import Problem
from qinspect.engine.progress import Cancelled, silent
from qinspect.engine.source import ModelSpec

address, source, weights, data_file, out = sys.argv[1:]
shape = ((1, 1, 8, 8),)
model = load_model(ModelSpec(source, weights, shape), allow_code=True)
data = open_data(DataSpec(data_file), model.graph.inputs[0].shape)
plan = first_plan(model.graph, Target())

def calibrate(client, model, report, keep=None):
    gather = clients.gather_on(client, work_of(model, data, plan))
    calibrate_model(model, data, plan, report, keep=keep, gather=gather)

def cancelling(done, total, note=""):
    if done:
        raise Cancelled

with clients.connected(address) as client:
    try:
        calibrate(client, model, cancelling, lambda part: part.save(Path(out)))
    except Cancelled:
        print("cancelled")
    deadline = time.monotonic() + 60
    while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    # Without weights every process has its own random ones.
    try:
        calibrate(client, load_model(ModelSpec(source, None, shape), allow_code=True), silent)
    except Problem as problem:
        print(problem)

clients.CONNECT_S = 1.0
try:
    with clients.connected("tcp://127.0.0.1:9"):
        pass
except Problem as problem:
    print(problem)
"""


def test_a_stopped_calibration_is_gone_on_with_and_what_is_wrong_with_a_cluster_is_said(
    cluster, model, digits_model, tmp_path
):
    part, here = tmp_path / "part.npz", tmp_path / "here.npz"
    words = [digits_model.source, digits_model.weights, digits_model.data, part]
    code = [sys.executable, "-c", SCRIPT, cluster.address, *map(str, words)]
    done = subprocess.run(code, env=environment(), capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    cancelled, another, nowhere = done.stdout.splitlines()
    assert cancelled == "cancelled"
    assert another.startswith("worker tcp://")
    assert "has something else under the name" in another
    assert "--weights" in another
    assert nowhere.startswith("cluster tcp://127.0.0.1:9: no scheduler answers")
    kept = load_calibration(part)
    assert 0 < kept.samples < kept.planned == 300
    calibrate = [str(word) for word in ["calibrate", *model, "--data", digits_model.data, "--out"]]
    assert main([*calibrate, str(here)]) == 0
    assert main([*calibrate, str(part), "--resume"]) == 0
    alike(load_calibration(part), load_calibration(here))


TEXT_NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.words, self.head = nn.Embedding(4, 8), nn.Linear(8, 2)
    def forward(self, ids):
        return self.head(self.words(ids).mean(1))

def model():
    return Net(), (torch.ones(2, 3, dtype=torch.int64),)
"""


def test_paths_may_be_relative_and_the_workers_elsewhere(cluster, tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason="the extra qinspect[text] is not installed")
    words = {word: i for i, word in enumerate(("[UNK]", "a", "good", "film"))}
    made = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, "[UNK]"))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    made.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "texts.txt").write_text("a good film\na film\n" * 20)
    (tmp_path / "net.py").write_text(TEXT_NET)
    said = ["calibrate", "net.py:model", "--data", "texts.txt", "--tokenizer", "tokenizer.json", "--out"]
    for more in (["here.npz"], ["there.npz", "--cluster", cluster.address]):
        done = qinspect(*said, *more, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    alike(load_calibration(tmp_path / "there.npz"), load_calibration(tmp_path / "here.npz"))
