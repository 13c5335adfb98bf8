"""A model of 1 GB of weights: what opening and analyzing it take, over the size of its weights."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap

import numpy as np
import pytest

pytestmark = [
    pytest.mark.bench,
    pytest.mark.timeout(3000),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads memory figures from /proc"),
]

MAKE = """
import torch
from torch import nn
net = nn.Sequential(*[m for _ in range(16) for m in (nn.Linear(4096, 4096), nn.ReLU())]).eval()
batch = torch.export.Dim("batch")
torch.export.save(torch.export.export(net, (torch.rand(2, 4096),), dynamic_shapes=({0: batch},)), "net.pt2")
"""

RUN = """
import json, sys, torch
torch.set_num_threads(1)
from qinspect.engine import footprint, job, memory
from qinspect.engine.analyze import analyze
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.target import Target
if sys.argv[1] == "read":
    memory.MAPPED_BYTES = 1 << 60

def status(key):
    line = next(line for line in open("/proc/self/status") if line.startswith(key))
    return int(line.split()[1]) * 1024

before = status("RssAnon")
model = load_model(ModelSpec("net.pt2"))
found = {"weights": sum(t.nbytes for t in model.graph.params.values()), "opened": status("RssAnon") - before}
if sys.argv[1] == "mapped":
    data = open_data(DataSpec("d.npz"), model.graph.inputs[0].shape)
    plan = job.first_plan(model.graph, Target())
    found["predicted"] = footprint.memory_of(model, plan).run_bytes
    calibration = job.calibrate_model(model, data, plan)
    open("/proc/self/clear_refs", "w").write("5")
    resident = status("VmRSS")
    found["mse"] = analyze(model, data, plan, calibration, kernels=False, exact=False).totals.mse
    found["analyzed"] = status("VmHWM") - resident
print(json.dumps(found))
"""


def test_a_gigabyte_of_weights_opens_without_taking_a_gigabyte(tmp_path):
    subprocess.run([sys.executable, "-c", textwrap.dedent(MAKE)], cwd=tmp_path, check=True, capture_output=True)
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((32, 4096), np.float32))
    found = {}
    for how in ("read", "mapped"):
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(RUN), how], cwd=tmp_path, check=True, capture_output=True, text=True
        )
        found[how] = json.loads(done.stdout.splitlines()[-1])
    weights = found["mapped"]["weights"]
    share = {f"{how} {what}": n / weights for how, figures in found.items() for what, n in figures.items()}
    print(f"\n{weights / 2**30:.2f} GB of weights; as shares of them: {share}")
    assert found["mapped"]["opened"] < 0.2 * weights < found["read"]["opened"]
    assert found["mapped"]["analyzed"] < 1.3 * found["mapped"]["predicted"]
