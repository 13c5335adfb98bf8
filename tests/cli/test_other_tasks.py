"""Models that are no classifiers of one input go through the same verbs."""

from __future__ import annotations

import json
import runpy

import numpy as np
import onnxruntime
import pytest
import torch
from scipy.special import rel_entr

from qinspect.cli import main

NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two, self.head = nn.Linear(6, 8), nn.Linear(3, 8), nn.Linear(8, 2)
    def forward(self, left, right):
        y = torch.relu(self.one(left) + self.two(right))
        return self.head(y), 100 * y

def model():
    return Net(), (torch.rand(2, 6), torch.rand(2, 3))
"""


@pytest.fixture
def analyzed(tmp_path, capsys):
    (tmp_path / "net.py").write_text(NET)
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "data.npz",
        right=rng.gamma(2, size=(80, 3)).astype("f4"), left=rng.gamma(2, size=(80, 6)).astype("f4"),
        y=rng.normal(size=(80, 2)).astype("f4"),
    )  # fmt: skip

    def run(*more, without="--no-kernels"):
        words = ["analyze", f"{tmp_path}/net.py:model", "--data", str(tmp_path / "data.npz"), without]
        assert main([*words, "--out", str(tmp_path / "out"), *more]) == 0
        return json.loads((tmp_path / "out" / "analysis.json").read_text()), capsys.readouterr().out

    return run


def test_a_regression_with_two_inputs_and_two_outputs(analyzed):
    found, said = analyzed("--metric", "rmse", without="--no-latency")
    assert found["data"]["metric"] == "rmse"
    assert found["data"]["labelled"] is True
    assert found["totals"]["fp32_metric"] == pytest.approx(found["totals"]["quantized_metric"], rel=0.1)
    assert found["totals"]["sqnr_db"] > 20
    assert found["totals"]["kl"] is found["totals"]["agreement"] is found["totals"]["estimated_kl"] is None
    assert found["samples"][0]["kl"] is None
    assert found["totals"]["estimated_mse"] > 0
    assert len(found["outputs"]) == 2
    assert [o["index"] for o in found["outputs"]] == [0, 1]
    assert len(found["samples"]) == found["totals"]["samples"]
    assert all(row["quantized"] for row in found["layers"] if row["op"] == "linear")
    assert "%" not in said.split("rmse", 1)[1].split(";")[0]
    each = ", ".join(f"{output['sqnr_db']:.1f} dB" for output in found["outputs"])
    assert f"in the kernels (of each {each})" in said
    # The kernels really ran, and of such outputs this says how well.
    assert found["totals"]["kernel_sqnr_db"] == pytest.approx(found["totals"]["sqnr_db"], abs=0.5)


def test_targets_that_top_1_cannot_use_are_said_to_be_so(analyzed):
    found, said = analyzed()
    assert found["totals"]["fp32_metric"] is None
    assert "--metric" in said


GRAPH_NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.one, self.two = nn.Linear(6, 8), nn.Linear(8, 3)
    def forward(self, x, edges):
        return self.two(torch.bmm(edges, self.one(x)).relu()), torch.cdist(x, x)

def model():
    return Net(), (torch.rand(2, 4, 6), torch.rand(2, 4, 4))
"""


def test_an_operator_that_onnx_does_not_know_keeps_kernels_from_running_but_nothing_else(tmp_path, capsys):
    (tmp_path / "net.py").write_text(GRAPH_NET)
    rng = np.random.default_rng(0)
    np.savez(
        tmp_path / "data.npz",
        x=rng.random((12, 4, 6), dtype="f4"), edges=rng.random((12, 4, 4), dtype="f4"),
    )  # fmt: skip
    words = ["analyze", f"{tmp_path}/net.py:model", "--data", str(tmp_path / "data.npz"), "--target", "ort"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert found["totals"]["sqnr_db"] > 20
    assert found["totals"]["int8_ms"] is None
    assert [row["asked"] for row in found["layers"] if row["op"] == "linear"] == [True, True]
    said = capsys.readouterr().out
    assert "No kernels of ONNX Runtime were run" in said
    assert "cdist" in said


FACES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.body, self.box, self.kind = nn.Linear(6, 16), nn.Linear(16, 4), nn.Linear(16, 3)
    def forward(self, x):
        x = torch.relu(self.body(x))
        return 50 * self.box(x), torch.softmax(3 * self.kind(x), 1)

def model():
    return Net(), (torch.rand(2, 6),)
"""


def test_an_export_prints_the_figures_of_the_analysis_for_boxes_and_probabilities(tmp_path, capsys):
    (tmp_path / "net.py").write_text(FACES)
    rng = np.random.default_rng(0)
    x, y = rng.gamma(2, size=(96, 6)).astype("f4"), rng.integers(0, 3, 96)
    np.savez(tmp_path / "data.npz", x=x, y=y)
    out, file = tmp_path / "out", tmp_path / "net.onnx"
    given = [f"{tmp_path}/net.py:model", "--data", str(tmp_path / "data.npz")]
    assert main(["analyze", *given, "--no-latency", "--out", str(out)]) == 0
    totals = json.loads((out / "analysis.json").read_text())["totals"]
    assert main(["export", *given, "--plan", str(out / "plan.json"), "--to", "onnx", "--out", str(file)]) == 0
    found = json.loads((tmp_path / "net.verify.json").read_text())
    assert found["float_kl"] == pytest.approx(totals["kernel_kl"], rel=1e-3)
    assert found["float_sqnr_db"] == pytest.approx(totals["sqnr_db"], abs=0.1)
    assert found["float_agreement"] == totals["kernel_agreement"]
    rows = json.loads((out / "analysis.json").read_text())["samples"]
    chosen = x[[row["index"] for row in rows]]
    q = onnxruntime.InferenceSession(str(file)).run(None, {"x": chosen})[1].astype(np.float64)
    module, _ = runpy.run_path(str(tmp_path / "net.py"))["model"]()
    p = module(torch.from_numpy(chosen))[1].detach().numpy().astype(np.float64)
    assert totals["kernel_kl"] == pytest.approx(rel_entr(p, q).sum(1).mean(), rel=1e-2)


def test_figures_of_dynamic_layers_are_those_of_the_batch_that_the_target_runs(analyzed, tmp_path, capsys):
    found, _ = analyzed("--preset", "default-dynamic", "--target", "ort", without="--no-latency")
    model, file, arrays = f"{tmp_path}/net.py:model", str(tmp_path / "net.onnx"), str(tmp_path / "data.npz")
    words = ["export", model, "--plan", str(tmp_path / "out" / "plan.json"), "--data", arrays, "--to", "onnx"]
    assert main([*words, "--out", file]) == 0
    net = runpy.run_path(str(tmp_path / "net.py"))["model"]()[0].eval()
    stored, final = np.load(arrays), [sample["index"] for sample in found["samples"]]
    session = onnxruntime.InferenceSession(file)
    alone = [
        session.run(None, {key: stored[key][[index]] for key in ("left", "right")}) for index in final
    ]  # each on the range that it has itself
    with torch.no_grad():
        floats = net(*(torch.from_numpy(stored[key][final]) for key in ("left", "right")))
    of_each = [
        ((np.concatenate(made) - ours.numpy()) ** 2).sum() / (ours.numpy() ** 2).sum()
        for made, ours in zip(zip(*alone, strict=True), floats, strict=True)
    ]
    assert len(final) == found["totals"]["samples"]
    assert found["totals"]["mse"] == pytest.approx(np.mean(of_each), rel=1e-3)
    assert found["totals"]["kernel_sqnr_db"] == pytest.approx(-10 * np.log10(np.mean(of_each)), abs=0.01)
    assert main(["compare", model, file, "--data", arrays, "--no-latency", "--out", str(tmp_path / "c")]) == 0
    totals = json.loads((tmp_path / "c" / "compare.json").read_text())["totals"]
    assert totals["sqnr_db"] == pytest.approx(-10 * np.log10(np.mean(of_each)), abs=0.01)
