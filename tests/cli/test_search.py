"""The search from the command line: files, exit statuses, what is said."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from qinspect.cli import main, options
from qinspect.engine.plan.file import read_plan


@pytest.fixture(scope="module")
def words(digits_model):
    return [
        "search", digits_model.source, "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8",
        "--data", str(digits_model.data),
    ]  # fmt: skip


def test_a_limit_that_is_kept_gives_plans_and_the_chosen_ones_analysis(words, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("qinspect.engine.assemble.RESTLESS", 0.0)
    assert main([*words, "--max-kl", "0.05", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "pareto.json").read_text())
    assert found["constraint"] == {"kind": "kl", "limit": 0.05}
    for row in found["points"]:
        assert (tmp_path / row["plan"]).is_file()
        assert row["int8_ms"] > 0
        assert row["estimated_ms"] > 0
    chosen = next(row for row in found["points"] if row["chosen"])
    assert chosen["select"]["kl_interval"][1] <= 0.05
    assert chosen["final"]["samples"] == found["data"]["final"]
    plan = read_plan(tmp_path / "plan.json")
    assert plan.fingerprint == read_plan(tmp_path / found["chosen"]).fingerprint
    analysis = json.loads((tmp_path / "analysis.json").read_text())
    assert analysis["plan"] == plan.to_json()
    assert analysis["totals"]["kl"] == pytest.approx(chosen["final"]["kl"])
    assert (tmp_path / "report.html").is_file()
    said = capsys.readouterr().out
    if chosen["all_float"]:  # on so small a model integers may cost more time than they save
        assert "the float model is chosen: no layer is to be quantized" in said
    else:
        assert "the cheapest of those whose KL is at most 0.05 nats" in said
    assert "as given" in said
    assert "drop, points" in said
    for name, row in (("chosen: ", chosen), ("as given:", found["start"])):
        low, high = row["final"]["kl_interval"]
        assert f"On the final split, {name}" in said
        assert f"KL {row['final']['kl']:.3g} [{low:.3g}, {high:.3g}], drop" in said
    assert said.count("note: Times varied much") == 1  # the analysis has a note on the times that are printed here


def test_of_the_plans_that_keep_a_limit_the_smallest_is_chosen(words, tmp_path, capsys):
    wanted = [*words, "--max-kl", "0.05", "--objective", "size", "--no-report", "--out", str(tmp_path)]
    assert main(wanted) == 0
    said = capsys.readouterr().out
    assert "chosen as the cheapest of those whose KL is at most 0.05 nats" in said
    assert "the float model" in said


def test_a_limit_that_nothing_keeps_exits_with_3_and_the_nearest(words, tmp_path, capsys):
    wanted = [*words, "--max-kl", "1e-12", "--objective", "size", "--no-report", "--out", str(tmp_path)]
    assert main(wanted) == 3
    found = json.loads((tmp_path / "pareto.json").read_text())
    assert not found["met"]
    said = capsys.readouterr()
    assert "only the float model keeps the KL at 1e-12 nats; the nearest plan that quantizes has" in said.err
    nearest = next(row for row in found["points"] if row["chosen"])
    assert not nearest["all_float"]
    assert f"has {nearest['select']['kl']:.4g} nats" in said.err
    assert nearest["select"]["kl_interval"][1] <= found["start"]["select"]["kl_interval"][1]
    assert found["chosen"] in said.err
    assert not (tmp_path / "analysis.json").exists()


def test_points_of_the_metric_are_given_as_such_and_too_few_samples_are_named(words, tmp_path, capsys, monkeypatch):
    wanted = [*words, "--objective", "size", "--no-report", "--out", str(tmp_path), "--max-drop"]
    assert main([*wanted, "10"]) == 0
    assert json.loads((tmp_path / "pareto.json").read_text())["constraint"] == {"kind": "drop", "limit": 0.1}
    said = []
    statistics = options.statistics
    monkeypatch.setattr(
        "qinspect.cli.options.statistics", lambda *each: said.append(capsys.readouterr().err) or statistics(*each)
    )
    assert main([*wanted, "0.5"]) == 3
    assert len(said) == 1  # before anything long is done, and with the nearest when it is
    for text in (*said, capsys.readouterr().err):
        assert "150 samples" in text
        assert "cannot resolve a drop of 0.5 points" in text
        assert re.search(r"About 7[67]\d would do \(--samples, --split\), or a limit of 2\.5 points", text)
    assert "known to no better than 2.497 points" in said[0]
    found = json.loads((tmp_path / "pareto.json").read_text())
    assert not found["met"]
    assert f"The nearest is {tmp_path / found['chosen']}." in text
    assert (tmp_path / found["chosen"]).is_file()


def test_without_labels_a_drop_is_that_of_the_agreement(words, digits_model, tmp_path):
    np.save(tmp_path / "x.npy", np.load(digits_model.data)["x"])
    wanted = [*words[:-1], str(tmp_path / "x.npy"), "--objective", "size", "--no-report", "--out", str(tmp_path)]
    assert main([*wanted, "--max-drop", "10"]) == 0
    found = json.loads((tmp_path / "pareto.json").read_text())
    final = next(row for row in found["points"] if row["chosen"])["final"]
    assert final["metric"] is None
    assert final["drop"] == pytest.approx(1 - final["agreement"])


def test_two_limits_at_once_are_wrong_usage(words, tmp_path):
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--max-kl", "1", "--max-ms", "1", "--out", str(tmp_path)])
    assert stopped.value.code == 2


@pytest.mark.parametrize("limit", ["--max-drop=-5", "--max-kl=-1", "--max-ms=nan"])
def test_a_limit_below_nothing_is_wrong_usage(words, tmp_path, capsys, limit):
    with pytest.raises(SystemExit) as stopped:
        main([*words, limit, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "is no number from 0 up" in capsys.readouterr().err


def test_a_drop_of_a_metric_of_numbers_is_in_its_own_unit_and_up_is_worse(words, digits_model, tmp_path):
    x, y = (np.load(digits_model.data)[key] for key in "xy")
    np.savez(tmp_path / "numbers.npz", x=x, y=np.eye(10, dtype=np.float32)[y] * 10)
    wanted = [*words[:-1], str(tmp_path / "numbers.npz"), "--metric", "rmse", "--objective", "size", "--no-report"]
    assert main([*wanted, "--max-drop", "0.5", "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / "pareto.json").read_text())
    assert found["constraint"] == {"kind": "drop", "limit": 0.5}
    assert "is at most 0.5 rmse" in found["why"]
    for row in found["points"]:
        select = row["select"]
        assert select["kl"] is None
        assert select["agreement"] is None
        assert select["drop"] == pytest.approx(select["metric"] - select["fp32_metric"])
        assert select["drop_interval"][0] <= select["drop"] <= select["drop_interval"][1]


def test_the_times_of_a_bench_kit_are_searched_with(words, tmp_path, capsys):
    layers = ("conv:conv2d", "depthwise:conv2d", "project:conv2d", "fc:linear")

    def side(us):
        return {"median_ms": 0.4, "p90_ms": 0.5, "ms": [0.4], "operators_us": dict(zip(layers, us, strict=True))}

    border = [[1000, 1.0], [30000, 3.0]]
    bench = {
        "bench": 1,
        "host": {"cpu": "Cortex-A76"},
        "runs": 20,
        "threads": 2,
        "batch": 1,
        "float": side((100, 100, 100, 100)),
        "int8": side((20, 20, 300, 20)),
        "borders_us": {"quantize": border, "dequantize": border},
    }
    (tmp_path / "bench.json").write_text(json.dumps(bench))
    wanted = [*words, "--no-report", "--out", str(tmp_path / "out"), "--profile", str(tmp_path / "bench.json")]
    assert main(wanted) == 0
    found = json.loads((tmp_path / "out" / "pareto.json").read_text())
    assert found["target"]["device"] == "Cortex-A76"
    assert "project:conv2d" in found["points"][0]["float_layers"]
    assert found["points"][0]["int8_ms"] is None
    assert "Times are those of Cortex-A76" in capsys.readouterr().out
    for more in (["--objective", "size"], ["--target", "ort", "--target", "fx-onednn"]):
        assert main([*wanted, *more]) == 2
    alone = ["--float-profile", str(tmp_path / "bench.json")]
    assert main([*words, "--no-report", "--out", str(tmp_path / "out"), *alone]) == 2


def test_several_targets_give_one_front(words, tmp_path, capsys):
    wanted = ["--target", "ort", "--target", "tensorrt", "--objective", "size", "--no-report", "--out", str(tmp_path)]
    assert main([*words, *wanted]) == 0
    found = json.loads((tmp_path / "pareto.json").read_text())
    assert found["targets"] == ["ort", "tensorrt"]
    for row in found["points"]:
        assert read_plan(tmp_path / row["plan"]).target.name == row["target"]
    assert "target" in capsys.readouterr().out.splitlines()[0]
