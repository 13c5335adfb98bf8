"""``qinspect export``: from data, from statistics alone, and for another target than the plan's."""

from __future__ import annotations

import json

import onnx
import pytest

from qinspect.cli import main
from qinspect.engine.plan import QuantPlan, Target


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


def test_the_plan_follows_what_is_exported_and_that_is_said(model, stats, plan, tmp_path, capsys):
    given, out = plan("fx-x86"), tmp_path / "digits.onnx"
    words = ["export", *model, "--plan", given, "--stats", str(stats), "--to", "onnx", "--out", str(out)]
    assert main(words) == 0
    assert f"note: {given} is for fx-x86; what was exported is for ort" in capsys.readouterr().out
    assert any(node.op_type == "QuantizeLinear" for node in onnx.load(out).graph.node)


def test_a_target_that_does_not_run_what_is_asked_for_is_refused(model, stats, plan, tmp_path, capsys):
    words = ["export", *model, "--plan", plan("ort"), "--stats", str(stats), "--target", "fx-x86", "--to", "onnx"]
    assert main([*words, "--out", str(tmp_path / "x.onnx")]) == 1
    assert "the plan is for fx-x86. Set the target to one of ort" in capsys.readouterr().err


def test_neither_statistics_nor_data_is_wrong_usage(model, plan, tmp_path, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["export", *model, "--plan", plan("ort"), "--to", "onnx", "--out", str(tmp_path / "x.onnx")])
    assert caught.value.code == 2
    assert "--stats --data" in capsys.readouterr().err
