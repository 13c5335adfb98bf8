"""``qinspect export``: from data, from statistics alone, and for another target than the plan's."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import onnx
import pytest
import torch

from qinspect.cli import main
from qinspect.engine.backends.onnx.naming import PLAN
from qinspect.engine.job import first_plan
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json, read_plan
from qinspect.engine.plan.target import Target


@pytest.fixture(autouse=True)
def _quick(one_thread):
    """torch on one thread."""


@pytest.fixture(scope="module")
def model(digits_model):
    return [digits_model.source, "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8"]


@pytest.fixture(scope="module")
def stats(model, digits_model, tmp_path_factory):
    out = tmp_path_factory.mktemp("stats") / "digits.stats.npz"
    assert main(["calibrate", *model, "--data", str(digits_model.data), "--out", str(out)]) == 0
    return out


@pytest.fixture
def plan(tmp_path):
    def write(target: str) -> str:
        path = tmp_path / f"{target}.json"
        path.write_text(json.dumps(QuantPlan.preset(Target.parse(target)).to_json()))
        return str(path)

    return write


def test_statistics_alone_are_enough_and_the_samples_are_said_to_be_synthetic(model, stats, plan, tmp_path, capsys):
    out = tmp_path / "digits.onnx"
    words = ["export", *model, "--plan", plan("ort"), "--stats", str(stats), "--to", "onnx", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "note: verified on 32 synthetic inputs drawn from the statistics, no data was given" in said
    beside = json.loads((tmp_path / "digits.verify.json").read_text())
    assert beside["verified"] is True
    assert beside["samples"] == 32
    assert beside["metric"] is None
    assert beside["agreement"] == 1.0
    assert beside["notes"] == ["verified on 32 synthetic inputs drawn from the statistics, no data was given"]


def test_statistics_and_data_give_the_same_file(model, digits_model, stats, plan, tmp_path):
    files = []
    for name, more in (("stats", ["--stats", str(stats)]), ("data", ["--data", str(digits_model.data)])):
        files.append(tmp_path / f"{name}.onnx")
        words = ["export", *model, "--plan", plan("ort"), *more, "--to", "onnx", "--out", str(files[-1])]
        assert main(words) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    beside = json.loads((tmp_path / "data.verify.json").read_text())
    assert beside["notes"] == []
    assert beside["metric"] > 0.9


@pytest.mark.parametrize(("to", "target"), [("onnx", "ort"), ("fx", "fx-x86")])
def test_without_a_plan_that_which_analyze_begins_with_is_exported_and_that_is_said(
    model, stats, tmp_path, capsys, to, target
):
    out = tmp_path / "out.onnx" if to == "onnx" else tmp_path / "out"
    assert main(["export", *model, "--stats", str(stats), "--to", to, "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert f"note: no --plan was given: this is the one that analyze begins with for {target}" in said
    opened = load_model(ModelSpec(model[0], model[2], ((1, 1, 8, 8),)), allow_code=True)
    begun = first_plan(opened.graph, Target.parse(target))
    if to == "fx":
        given = read_plan(out / "plan.json")
    else:
        stored = {item.key: item.value for item in onnx.load(out).metadata_props}
        given = plan_from_json(json.loads(stored[PLAN]))
    assert (given.default, given.target) == (begun.default, begun.target)


def test_the_plan_follows_what_is_exported_and_that_is_said(model, stats, plan, tmp_path, capsys):
    given, out = plan("fx-x86"), tmp_path / "digits.onnx"
    words = ["export", *model, "--plan", given, "--stats", str(stats), "--to", "onnx", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert f"note: {given} is for fx-x86; what was exported is for ort" in said
    assert "note: activation: " in said
    beside = json.loads((tmp_path / "digits.verify.json").read_text())
    assert beside["notes"][1].startswith(f"{given} is for fx-x86") or beside["notes"][0].startswith(f"{given} is for")
    assert 10 < beside["float_sqnr_db"] < 60
    assert f"against the float model: agreement {beside['float_agreement']:.1%}, KL " in said
    assert f"SQNR {beside['float_sqnr_db']:.1f} dB" in said
    assert f"verified: {tmp_path / 'digits.verify.json'} ({beside['criterion']})" in said
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(out).graph.node)


def test_a_target_that_does_not_run_what_is_asked_for_is_refused(model, stats, plan, tmp_path, capsys):
    words = ["export", *model, "--plan", plan("ort"), "--stats", str(stats), "--target", "fx-x86", "--to", "onnx"]
    assert main([*words, "--out", str(tmp_path / "x.onnx")]) == 1
    assert "the plan is for fx-x86. Set the target to one of ort" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("target", "to", "name", "said"),
    [
        ("ort", "onnx", "x.pt", "not how a file for onnx is called. Give a name that ends in .onnx"),
        ("pt2e", "pt2e", "x.onnx", "Give a name that ends in .pt2"),
        ("tensorrt", "tensorrt", "x.engine", "Give a name that ends in .onnx"),
        ("fx-x86", "fx", "x.pt", "an export to fx is a folder. Leave the ending out."),
    ],
)
def test_a_name_that_is_another_kind_of_files_is_refused_at_once(
    model, stats, plan, tmp_path, capsys, target, to, name, said
):
    words = ["export", *model, "--plan", plan(target), "--stats", str(stats), "--to", to, "--out", str(tmp_path / name)]
    assert main(words) == 1
    assert said in capsys.readouterr().err
    assert not (tmp_path / name).exists()


def test_a_folder_may_have_a_dot_in_its_name(model, stats, plan, tmp_path):
    words = ["export", *model, "--plan", plan("ort"), "--stats", str(stats), "--to", "onnx"]
    assert main([*words, "--out", str(tmp_path / "net-1.2")]) == 0
    assert list((tmp_path / "net-1.2").glob("*.onnx"))


def test_neither_statistics_nor_data_is_wrong_usage(model, plan, tmp_path, capsys):
    words = ["export", *model, "--plan", plan("ort"), "--to", "onnx", "--out", str(tmp_path / "x.onnx")]
    assert main(words) == 2
    assert "neither --stats nor --data" in capsys.readouterr().err


def test_the_kit_runs_alone_and_its_figures_come_back(model, digits_model, stats, plan, tmp_path, capsys):
    kit, given = tmp_path / "kit", plan("ort")
    words = ["export", *model, "--plan", given, "--stats", str(stats), "--to", "kit", "--out", str(kit)]
    assert main(words) == 0
    data = {"expected.npz", "float.onnx", "inputs.npz", "int8.onnx", "plan.json", "verify.json"}
    assert {path.name for path in kit.iterdir()} == data | {"README.txt", "bench.py", "borders.onnx", "measure"}
    report = json.loads((kit / "verify.json").read_text())
    assert report["to"] == "kit"
    assert report["verified"] is True
    # As on the device: a copy, without this project on the path.
    away = shutil.copytree(kit, tmp_path / "device")
    code = "import runpy, sys; sys.argv = ['bench.py', '--runs', '4']; runpy.run_path('bench.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=away, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "100.0% of the output values" in done.stdout
    bench = json.loads((away / "bench.json").read_text())
    assert bench["host"]["cores"] >= 1
    for kind in ("quantize", "dequantize"):
        assert [count for count, _ in bench["borders_us"][kind]] == [1000, 30000, 300000]
        assert all(us >= 0 for _, us in bench["borders_us"][kind])
    out = tmp_path / "analysis"
    words = ["analyze", *model, "--data", str(digits_model.data), "--stats", str(stats), "--plan", given]
    assert main([*words, "--no-kernels", "--profile", str(away / "bench.json"), "--out", str(out)]) == 0
    analysis = json.loads((out / "analysis.json").read_text())
    assert analysis["totals"]["int8_ms"] == bench["int8"]["median_ms"]
    assert analysis["totals"]["fp32_p90_ms"] == bench["float"]["p90_ms"]
    assert analysis["target"]["device"] == analysis["latency"]["device"] == bench["host"]["cpu"]
    rows = {row["id"]: row for row in analysis["layers"]}
    assert all(rows[key]["latency"]["int8_us"] is not None for key in ("conv:conv2d", "depthwise:conv2d", "fc:linear"))
    assert not any("another plan" in note for note in analysis["notes"])
    capsys.readouterr()


@pytest.mark.parametrize("target", ["fx-onednn", "eager-onednn", pytest.param("pt2e", marks=pytest.mark.slow)])
def test_the_kit_for_torch_needs_torch_alone_and_its_figures_come_back(
    model, digits_model, stats, plan, tmp_path, capsys, target
):
    if "onednn" not in torch.backends.quantized.supported_engines:
        pytest.skip("this torch has no engine onednn")
    if target == "pt2e" and not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("inductor needs a C++ compiler")
    kit, given = tmp_path / "kit", plan(target)
    words = ["export", *model, "--plan", given, "--stats", str(stats), "--to", "kit", "--out", str(kit)]
    assert main(words) == 0
    report = json.loads((kit / "verify.json").read_text())
    assert (report["to"], report["verified"]) == ("kit", True)
    away = shutil.copytree(kit, tmp_path / "device")
    code = "import runpy, sys; sys.argv = ['bench.py', '--runs', '4', '--batch', '2']\n"
    code += "try: runpy.run_path('bench.py', run_name='__main__')\nexcept SystemExit as end: assert not end.code\n"
    code += "assert not {'qinspect', 'onnxruntime', 'onnx', 'torchao'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=away, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "100.0% of the output values" in done.stdout
    bench = json.loads((away / "bench.json").read_text())
    for kind in ("int8", "float"):
        assert {"conv:conv2d", "fc:linear"} <= bench[kind]["operators_us"].keys()
    assert all(len(bench["borders_us"][kind]) == 3 for kind in ("quantize", "dequantize"))
    if target == "pt2e":
        assert {"conv:conv2d", "depthwise:conv2d", "fc:linear"} <= set(bench["integer_layers"])
    out = tmp_path / "analysis"
    words = ["analyze", *model, "--data", str(digits_model.data), "--stats", str(stats), "--plan", given]
    assert main([*words, "--no-kernels", "--profile", str(away / "bench.json"), "--out", str(out)]) == 0
    analysis = json.loads((out / "analysis.json").read_text())
    assert analysis["totals"]["int8_ms"] == bench["int8"]["median_ms"]
    rows = {row["id"]: row for row in analysis["layers"]}
    for key in ("conv:conv2d", "depthwise:conv2d", "fc:linear"):
        assert rows[key]["latency"]["fp32_us"] is not None
        assert rows[key]["latency"]["int8_us"] is not None
    capsys.readouterr()


def test_a_kit_takes_and_gives_whole_numbers_where_that_is_asked(model, stats, plan, tmp_path, capsys):
    kit = tmp_path / "kit"
    words = ["export", *model, "--plan", plan("ort"), "--stats", str(stats), "--to", "kit", "--io", "int8"]
    assert main([*words, "--out", str(kit)]) == 0
    code = "import runpy, sys; sys.argv = ['bench.py', '--runs', '2']; runpy.run_path('bench.py', run_name='__main__')"
    done = subprocess.run([sys.executable, "-I", "-c", code], cwd=kit, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "100.0% of the output values" in done.stdout
    types = {item.type.tensor_type.elem_type for item in onnx.load(kit / "int8.onnx").graph.input}
    assert types == {onnx.TensorProto.UINT8}
    assert not np.issubdtype(np.load(kit / "expected.npz")[np.load(kit / "expected.npz").files[0]].dtype, np.floating)
    capsys.readouterr()


def test_a_profile_of_trtexec_is_laid_over_the_layers(model, digits_model, stats, tmp_path):
    profile = [{"count": 10}, {"name": "conv:conv2d + conv:conv2d/Relu1", "averageMs": 0.02, "medianMs": 0.019}]
    (tmp_path / "p.json").write_text(json.dumps(profile))
    words = ["analyze", *model, "--data", str(digits_model.data), "--stats", str(stats), "--target", "tensorrt"]
    assert main([*words, "--profile", str(tmp_path / "p.json"), "--out", str(tmp_path / "out")]) == 0
    analysis = json.loads((tmp_path / "out" / "analysis.json").read_text())
    rows = {row["id"]: row for row in analysis["layers"]}
    assert rows["conv:conv2d"]["latency"]["int8_us"] == pytest.approx(19.0)
    assert rows["conv:conv2d"]["latency"]["fp32_us"] is None
    assert rows["fc:linear"]["latency"] is None
    assert analysis["target"]["device"] == "TensorRT"
    assert analysis["totals"]["int8_ms"] is None
    assert any("No kernels of TensorRT were run" in note for note in analysis["notes"])


def test_an_exported_file_is_analyzed_again_and_its_kernels_give_the_same(
    model, digits_model, stats, plan, tmp_path, capfd
):
    file, data = tmp_path / "digits.onnx", ["--data", str(digits_model.data), "--samples", "120", "--no-latency"]
    given = plan("ort")
    words = ["export", *model, "--plan", given, "--stats", str(stats), "--to", "onnx", "--out", str(file)]
    assert main(words) == 0
    found = []
    for name, opened in (("first", [*model, "--plan", given, "--stats", str(stats)]), ("again", [str(file)])):
        out = tmp_path / name
        capfd.readouterr()
        assert main(["analyze", *opened, *data, "--out", str(out)]) == 0
        assert "Warning" not in capfd.readouterr().err
        found.append(json.loads((out / "analysis.json").read_text()))
    first, again = (analysis["totals"] for analysis in found)
    assert again["kernel_agreement"] == again["agreement"] == first["agreement"]
    assert again["quantized_metric"] == first["quantized_metric"]
    assert again["kernel_metric"] == first["kernel_metric"]
    rows = [{row["id"]: row["quantized"] for row in analysis["layers"]} for analysis in found]
    assert {layer: rows[0][layer] for layer in rows[1] if layer in rows[0]} == rows[1]


def test_layers_that_the_target_refuses_are_named_with_the_reason_before_anything_runs(
    model, stats, tmp_path, capsys, monkeypatch
):
    given, out = tmp_path / "plan.json", tmp_path / "digits.onnx"
    int16 = {"dtype": "int16", "symmetric": True}
    given.write_text(
        json.dumps(
            {"version": 1, "target": "tensorrt", "overrides": [{"match": {"op": "linear"}, "activation": int16}]}
        )
    )
    words = ["export", *model, "--plan", str(given), "--stats", str(stats), "--to", "tensorrt", "--out", str(out)]
    assert main(words) == 0
    said = capsys.readouterr().out
    beside = json.loads((tmp_path / "digits.verify.json").read_text())
    refused = {layer: reason for layer, reason in beside["refused"].items() if "int16" in reason}
    assert refused
    assert not refused.keys() & set(beside["quantized"])
    for layer, reason in refused.items():
        assert layer in said.partition(str(out))[0]
        assert f": {reason}" in said

    def stopped(*given, **words):
        raise KeyboardInterrupt

    monkeypatch.setattr("qinspect.engine.export.export", stopped)
    assert main(words) == 130
    assert capsys.readouterr().out.startswith("float: ")


LOG_OF_ROUNDED = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.fc.weight.data.mul_(20)

    def forward(self, x):
        return torch.log(torch.sigmoid(self.fc(x)))
"""


def test_a_ratio_of_infinite_outputs_is_not_called_infinite_as_if_it_were_exact(tmp_path, capsys):
    (tmp_path / "net.py").write_text(LOG_OF_ROUNDED)
    np.save(tmp_path / "x.npy", np.random.default_rng(0).standard_normal((64, 4)).astype(np.float32))
    preset = QuantPlan.preset(Target())
    plan = preset.with_layer(":sigmoid", activation=preset.default.activation)
    (tmp_path / "plan.json").write_text(json.dumps(plan.to_json()))
    words = ["export", f"{tmp_path / 'net.py'}:Net", "--input-shape", "1,4", "--data", str(tmp_path / "x.npy")]
    words += ["--plan", str(tmp_path / "plan.json"), "--to", "onnx", "--out", str(tmp_path / "net.onnx")]
    assert main(words) == 1
    said = capsys.readouterr()
    assert "its outputs are not finite" in said.err
    assert re.search(r"against the float model: .*SQNR infinite or undefined\n", said.out)
