"""Every verb in one line: what it writes, and what it says and returns when it cannot."""

from __future__ import annotations

import contextlib
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from qinspect.cli import main
from qinspect.engine.plan.file import plan_from_json, read_plan


@pytest.fixture(autouse=True)
def _quick(one_thread):
    """torch on one thread."""


@pytest.fixture
def fails(capsys):
    """``fails(words, *parts)``: exit 1 (or `status`), and one line on stderr that names all of `parts`."""

    def run(words, *parts, status=1):
        assert main([str(word) for word in words]) == status
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("qinspect: ")
        assert captured.err.count("\n") == 1
        assert "Traceback" not in captured.err
        assert "fault of qinspect" not in captured.err
        for part in parts:
            assert str(part) in captured.err, captured.err

    return run


@pytest.fixture
def model(digits_model):
    return [digits_model.source, "--weights", digits_model.weights, "--input-shape", "1,1,8,8"]


@pytest.fixture
def analyze(model, digits_model, tmp_path):
    def words(*more, model=model, data=digits_model.data):
        return ["analyze", *model, "--data", data, "--no-kernels", "--out", tmp_path / "out", *more]

    return words


# -- what goes well ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analyzed(digits_model, tmp_path_factory):
    out = tmp_path_factory.mktemp("analysis")
    words = ["analyze", digits_model.source, "--weights", digits_model.weights, "--input-shape", "1,1,8,8"]
    words += ["--data", digits_model.data, "--samples", "200", "--no-kernels", "--out", out]
    assert main([str(word) for word in words]) == 0
    return out


NUMBER = (float, int)
OPTIONAL = (*NUMBER, type(None))
SCHEMA = {
    "version": int,
    "model": dict,
    "data": dict,
    "target": {"backend": str, "engine": str, "isa": str, "threads": int, "batch": int},
    "plan": {"version": int, "target": dict, "default": dict, "overrides": list, "fusions": list},
    "totals": {
        **dict.fromkeys(("fp32_metric", "quantized_metric", "agreement", "kl", "mse", "sqnr_db"), NUMBER),
        **dict.fromkeys(("estimated_kl", "estimated_mse", "forward_s", "calibrate_s", "analyze_s"), NUMBER),
        **dict.fromkeys(("fp32_ms", "int8_ms", "kernel_metric", "kernel_agreement"), type(None)),
    },
    "layers": [
        {
            "id": str,
            "path": str,
            "op": str,
            "fused": list,
            "fused_into": (str, type(None)),
            "asked": bool,
            "quantized": bool,
            "why_not": (str, type(None)),
            "weight": (dict, type(None)),
            "activation": (dict, type(None)),
            "errors": dict.fromkeys(
                ("local_sqnr_db", "cumulative_sqnr_db", "isolated_mse", "isolated_kl", "estimated_mse", "estimated_kl"),
                OPTIONAL,
            ),
            "latency": type(None),
        }
    ],
    "fusions": [{"layers": list, "pattern": str, "state": str, "reason": (str, type(None)), "max_abs_delta": OPTIONAL}],
}


def check(data, schema, where=""):
    if isinstance(schema, dict):
        assert isinstance(data, dict), where
        for key, inner in schema.items():
            assert key in data, f"{where}.{key}"
            check(data[key], inner, f"{where}.{key}")
    elif isinstance(schema, list):
        assert data, where
        for item in data:
            check(item, schema[0], f"{where}[]")
    else:
        assert isinstance(data, schema), f"{where} is {data!r}"


def no_constant(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(scope="module")
def analysis(analyzed):
    return json.loads((analyzed / "analysis.json").read_text(), parse_constant=no_constant)


def test_analysis_json_has_every_key_of_its_schema(analysis):
    check(analysis, SCHEMA)
    assert analysis["version"] == 1


def test_the_figures_of_the_digits_model_are_plausible(analysis):
    totals = analysis["totals"]
    assert totals["fp32_metric"] > 0.9
    assert totals["agreement"] > 0.9
    assert 0 <= totals["kl"] < 0.1
    assert totals["sqnr_db"] > 15
    assert 0.2 < totals["estimated_kl"] / totals["kl"] < 5


def test_every_layer_of_the_model_has_its_row(analysis):
    rows = {row["id"]: row for row in analysis["layers"]}
    assert list(rows) == [
        "conv:conv2d",
        "bn:batch_norm",
        "relu:relu",
        "depthwise:conv2d",
        "depthwise_bn:batch_norm",
        "relu6:relu6",
        "project:conv2d",
        ":add",
        ":relu",
        "pool:max_pool2d",
        "fc:linear",
    ]
    assert rows["bn:batch_norm"]["fused_into"] == "conv:conv2d"
    assert rows["conv:conv2d"]["fused"] == ["bn:batch_norm", "relu:relu"]
    assert all(row["quantized"] for row in rows.values())
    assert {row["pattern"] for row in analysis["fusions"] if row["state"] != "fused"} == {"conv2d+add"}
    fused = [row for row in analysis["fusions"] if row["state"] == "fused"]
    assert all(0 <= row["max_abs_delta"] < 1e-3 for row in fused)
    scale = rows["conv:conv2d"]["activation"]
    assert scale["min"] <= 0 < scale["max"]
    assert len(rows["conv:conv2d"]["weight"]["scale"]) == 16
    assert rows["pool:max_pool2d"]["weight"] is rows[":add"]["weight"] is None, "there is no weight"
    assert all("scale" in row["weight"] for row in rows.values() if row["weight"] is not None)


def test_the_plan_that_was_written_is_the_one_that_was_analyzed(analyzed, analysis):
    written = read_plan(analyzed / "plan.json")
    assert written.to_json() == analysis["plan"]
    assert written.fingerprint == plan_from_json(analysis["plan"]).fingerprint
    assert written.unmatched is not None


def test_the_report_needs_nothing_from_outside(analyzed):
    page = (analyzed / "report.html").read_text(encoding="utf-8")
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    assert not re.search(r"url\(|@import|<link|<iframe|fetch\(", page)
    for part in ("conv:conv2d", "fc:linear", "batch_norm"):
        assert part in page


def test_the_written_plan_and_statistics_give_the_same_figures_again(
    analyzed, analysis, analyze, model, digits_model, tmp_path, capsys
):
    stats = tmp_path / "stats.npz"
    data = ["--data", digits_model.data, "--samples", "200"]
    assert main([str(w) for w in ["calibrate", *model, *data, "--out", stats]]) == 0
    words = analyze("--samples", "200", "--plan", analyzed / "plan.json", "--stats", stats)
    assert main([str(w) for w in words]) == 0
    again = json.loads((tmp_path / "out" / "analysis.json").read_text())
    for key in ("kl", "mse", "agreement", "estimated_kl", "quantized_metric"):
        assert again["totals"][key] == pytest.approx(analysis["totals"][key], rel=1e-4)
    assert "KL" in capsys.readouterr().out


def test_inspect_prints_layers_and_ledger_as_json(model, capsys):
    assert main([str(w) for w in ["inspect", *model, "--json"]]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=no_constant)
    assert [row["op"] for row in found["layers"]][:3] == ["conv2d", "batch_norm", "relu"]
    assert found["totals"]["kl"] is None
    assert not any(row["quantized"] for row in found["layers"]), "nothing is measured without data"


def test_inspect_prints_a_table(model, capsys):
    assert main([str(w) for w in ["inspect", *model]]) == 0
    out = capsys.readouterr().out
    assert "conv2d+batch_norm+relu" in out
    assert re.search(r"^input \w+ \(any, 1, \d+, \d+\)$", out, re.MULTILINE)
    assert "fusions: 5 fused, 0 off, 1 blocked" in out


# -- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["missing.pt2", "missing.py:net", "missing.onnx"])
def test_a_missing_model_is_named(fails, analyze, tmp_path, name):
    path = tmp_path / name
    fails(analyze(model=[path]), str(path).partition(":")[0])


def test_missing_weights_are_named(fails, analyze, digits_model, tmp_path):
    fails(analyze(model=[digits_model.source, "--weights", tmp_path / "none.pt"]), tmp_path / "none.pt", "no such file")


def test_missing_data_is_named(fails, analyze, tmp_path):
    fails(analyze(data=tmp_path / "nothing"), tmp_path / "nothing", "not there")


def test_a_batch_that_the_model_fixes_is_that_of_its_example_and_not_one_sample(tmp_path, capsys):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def forward(self, x):\n"
        "        return super().forward(x).reshape(4, 3)\n"
        "def model():\n"
        "    return Net(6, 3), torch.rand(4, 6)\n"
    )
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((24, 6), np.float32))
    data = ["--data", str(tmp_path / "d.npz"), "--no-kernels", "--out", str(tmp_path / "out")]
    assert main(["analyze", f"{tmp_path / 'net.py'}:model", *data]) == 0, capsys.readouterr()
    assert json.loads((tmp_path / "out" / "analysis.json").read_text())["totals"]["samples"] == 4


def test_a_wrong_input_shape_is_named(fails, analyze, digits_model):
    wrong = [digits_model.source, "--weights", digits_model.weights, "--input-shape", "1,1,12,12"]
    fails(analyze(model=wrong), "(1, 1, 12, 12)", "--input-shape")


def test_words_that_make_no_sense_are_wrong_usage(fails, analyze, digits_model):
    fails(analyze(model=[digits_model.source, "--input-shape", "1,x"]), "--input-shape", status=2)
    fails(analyze("--samples", "0"), "samples", status=2)
    fails(analyze("--split", "50/50"), "--split", status=2)
    fails(analyze("--metric", "foo"), "--metric", "top-1", "mean-iou", status=2)


def test_code_that_ends_the_program_is_said_to_do_so(fails, analyze, tmp_path):
    (tmp_path / "metric.py").write_text("import sys\ndef metric(outputs, targets):\n    sys.exit(0)\n")
    fails(analyze("--metric", f"{tmp_path / 'metric.py'}:metric"), "sys.exit(0)")
    (tmp_path / "aborts.py").write_text("import os\ndef metric(outputs, targets):\n    os.abort()\n")
    fails(analyze("--metric", f"{tmp_path / 'aborts.py'}:metric"), f"{tmp_path / 'aborts.py'}:metric", "SIGABRT")


def test_an_input_larger_than_the_memory_is_said_to_be_so(fails, digits_model):
    fails(["inspect", digits_model.source, "--input-shape", "1,1,9000000,9000000"], "too little", "--input-shape")


def test_data_that_does_not_suit_a_callable_is_named_rather_than_the_shape(fails, analyze, digits_model, tmp_path):
    np.save(tmp_path / "coloured.npy", np.zeros((40, 3, 8, 8), np.float32))
    fails(analyze(model=[digits_model.source], data=tmp_path / "coloured.npy"), "coloured.npy", "(40, 3, 8, 8)"[4:])


def test_data_of_another_shape_is_refused_with_both_shapes(fails, analyze, tmp_path):
    np.savez(tmp_path / "wide.npz", x=np.zeros((40, 1, 9, 9), np.float32))
    fails(analyze(data=tmp_path / "wide.npz"), "wide.npz", "9", "8")


def test_data_of_another_type_is_refused(fails, analyze, tmp_path):
    np.savez(tmp_path / "whole.npz", x=np.zeros((40, 1, 8, 8), np.int64))
    fails(analyze(data=tmp_path / "whole.npz"), "whole.npz", "int64")


def test_an_empty_folder_is_refused(fails, analyze, tmp_path):
    (tmp_path / "empty").mkdir()
    fails(analyze(data=tmp_path / "empty"), tmp_path / "empty")


def test_a_damaged_picture_is_no_traceback(capsys, analyze, tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(8):
        Image.new("L", (8, 8)).save(folder / f"{index}.png")
    (folder / "5.png").write_bytes((folder / "5.png").read_bytes()[:40])
    assert main([str(w) for w in analyze(data=folder)]) == 1
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "fault of qinspect" not in err


def test_weights_with_nan_are_refused(fails, analyze, digits_model, tmp_path):
    from safetensors.torch import load_file, save_file

    state = load_file(digits_model.weights)
    state["fc.weight"][0, 0] = float("nan")
    save_file(state, tmp_path / "nan.safetensors")
    wrong = [digits_model.source, "--weights", tmp_path / "nan.safetensors", "--input-shape", "1,1,8,8"]
    fails(analyze(model=wrong), "nan.safetensors", "fc.weight", "NaN")


def test_a_model_that_cannot_be_traced_names_the_line(fails, analyze, tmp_path):
    code = (
        "import torch\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x if x.max() else -x\n"
    )
    (tmp_path / "net.py").write_text(code)
    fails(
        analyze(model=[f"{tmp_path / 'net.py'}:Net", "--input-shape", "1,1,8,8"]), f"{tmp_path / 'net.py'}:5", "trace"
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [('{"version": 2}', "version 1"), ("{", "not JSON"), ('{"version": 1, "default": {}, "x": 1}', "'x'")],
)
def test_a_plan_that_cannot_be_read_is_named(fails, analyze, tmp_path, content, says):
    (tmp_path / "plan.json").write_text(content)
    fails(analyze("--plan", tmp_path / "plan.json"), tmp_path / "plan.json", says)


def test_statistics_of_another_model_are_refused(capsys, fails, analyze, digits_model, tmp_path):
    stats = tmp_path / "stats.npz"
    words = ["calibrate", digits_model.source, "--input-shape", "1,1,8,8", "--data", digits_model.data]
    assert main([str(w) for w in [*words, "--samples", "40", "--out", stats]]) == 0
    capsys.readouterr()
    fails(analyze("--stats", stats), stats, "another model")


def test_a_folder_that_cannot_be_written_is_named(fails, model, digits_model, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    fails(["calibrate", *model, "--data", digits_model.data, "--samples", "40", "--out", out], out)


def test_a_fault_of_our_own_is_one_line_too(monkeypatch, capsys, model):
    def broken(*_, **__):
        raise RuntimeError("first\nsecond")

    monkeypatch.setattr("qinspect.engine.load.load_model", broken)
    words = [str(w) for w in ["inspect", *model]]
    assert main(words) == 1
    assert capsys.readouterr().err == (
        "qinspect: RuntimeError: first second. This is a fault of qinspect; --debug shows where.\n"
    )
    with pytest.raises(RuntimeError, match="first"):
        main([*words, "--debug"])


def test_cancelling_returns_130(monkeypatch, capsys, model):
    def cancel(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("qinspect.engine.load.load_model", cancel)
    assert main([str(w) for w in ["inspect", *model]]) == 130
    assert capsys.readouterr().err == "cancelled\n"


@pytest.mark.parametrize(
    "words",
    [
        ["analyze"],
        ["analyze", "m.pt2", "--out", "x"],
        ["analyze", "m.pt2", "--data", "x", "--out", "y", "--target", "tpu"],
        ["inspect", "m.pt2", "--nonsense"],
        ["export", "m.pt2", "--plan", "p.json", "--to", "gguf", "--out", "x"],
    ],
)
def test_wrong_usage_ends_with_2_and_says_how_it_is_meant(words, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == 2
    assert "usage: qinspect" in capsys.readouterr().err


def test_threads_are_left_as_they_were(model):
    before = torch.get_num_threads()
    main([str(w) for w in ["inspect", *model]])
    assert torch.get_num_threads() == before


def test_a_metric_of_the_users_own_replaces_top_1(digits_model, tmp_path, capsys):
    source = tmp_path / "metric.py"
    # Counts wrong answers, so that top-1 in its place could not give the same figure.
    source.write_text("def wrong(outputs, targets):\n    return float((outputs.argmax(-1) != targets).sum())\n")
    words = ["analyze", str(digits_model.source), "--weights", str(digits_model.weights), "--input-shape", "1,1,8,8"]
    words += ["--data", str(digits_model.data), "--no-kernels", "--out"]
    assert main([*words, str(tmp_path / "plain")]) == 0
    assert main([*words, str(tmp_path / "own"), "--metric", f"{source}:wrong"]) == 0
    plain, own = (json.loads((tmp_path / name / "analysis.json").read_text()) for name in ("plain", "own"))
    wrong = round((1 - plain["totals"]["fp32_metric"]) * plain["totals"]["samples"])
    assert own["totals"]["fp32_metric"] == wrong
    assert own["data"]["metric"] == "wrong"
    assert f"wrong {wrong} float" in capsys.readouterr().out
    assert f"<b>{wrong}</b>" in (tmp_path / "own" / "report.html").read_text()


def test_a_cancelled_calibration_leaves_what_it_had_and_goes_on(monkeypatch, capsys, model, digits_model, tmp_path):
    import qinspect.engine.calibrate as engine
    from qinspect.engine.calibrate import load_calibration
    from qinspect.engine.progress import Cancelled

    def words(out, *more):
        return [str(w) for w in ["calibrate", *model, "--data", digits_model.data, "--out", out, *more]]

    observe, seen = engine._observe, []

    def stop(*args):
        seen.append(1)
        if len(seen) == 4:
            raise Cancelled
        observe(*args)

    part, whole = tmp_path / "part.npz", tmp_path / "whole.npz"
    monkeypatch.setattr(engine, "_observe", stop)
    assert main(words(part)) == 130
    assert "48 of 300 samples; --resume goes on" in capsys.readouterr().out
    monkeypatch.setattr(engine, "_observe", observe)
    assert main(words(part, "--resume")) == 0
    assert main(words(whole)) == 0
    assert "MB of memory" in capsys.readouterr().out
    one, two = load_calibration(part), load_calibration(whole)
    assert one.samples == two.samples == 300
    for name, stats in two.tensors.items():
        assert np.array_equal(one.tensors[name].histogram.counts, stats.histogram.counts)
        assert one.tensors[name].variance == stats.variance


ENDLESS = """
import numpy as np

def batches():
    while True:
        yield np.zeros((8, 1, 28, 28), np.float32)
"""


def test_while_code_gives_the_data_that_is_said_with_what_was_read_and_it_can_be_cancelled(
    monkeypatch, capsys, model, tmp_path
):
    from qinspect.cli import analyze
    from qinspect.engine.progress import Cancelled

    notes = []

    @contextlib.contextmanager
    def progress():
        def report(done, total, note=""):
            notes.append(str(note))
            if str(note).startswith("40 samples read"):
                raise Cancelled

        yield report

    monkeypatch.setattr(analyze, "progress", progress)
    (tmp_path / "d.py").write_text(ENDLESS)
    data = f"{tmp_path / 'd.py'}:batches"
    assert main([str(w) for w in ["calibrate", *model, "--data", data, "--out", tmp_path / "s.npz"]]) == 130
    assert notes[notes.index("opening the data") :][1] == f"running {data}"
    assert not (tmp_path / "s.npz").exists()


def test_resuming_with_other_data_is_refused(fails, model, digits_model, tmp_path, capsys):
    words = ["calibrate", *model, "--data", digits_model.data, "--out", tmp_path / "s.npz"]
    assert main([str(w) for w in [*words, "--samples", "40"]]) == 0
    capsys.readouterr()
    fails([*words, "--samples", "80", "--resume"], "s.npz", "another model, data or split")


def test_all_values_are_counted_on_request(model, digits_model, tmp_path):
    from qinspect.engine.calibrate import load_calibration

    words = ["calibrate", *model, "--data", digits_model.data, "--samples", "100", "--share", "1", "--out"]
    assert main([str(w) for w in [*words, tmp_path / "s.npz"]]) == 0
    assert all(stats.sampled == stats.count for stats in load_calibration(tmp_path / "s.npz").tensors.values())


def test_exact_measures_every_layer_alone_and_goes_on_with_what_it_had(monkeypatch, capsys, analyze, tmp_path):
    import qinspect.engine.analyze as engine
    from qinspect.engine.progress import Cancelled

    words = [str(word) for word in analyze("--exact", "--samples", "80")]
    sweep = engine.sweep

    def stop(*args, keep, **more):
        def once(part):
            keep(part)
            raise Cancelled

        return sweep(*args, keep=once, **more)

    monkeypatch.setattr(engine, "sweep", stop)
    assert main(words) == 130
    state = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert len(state["isolated"]) == 4
    assert not (tmp_path / "out" / "analysis.json").exists()
    monkeypatch.setattr(engine, "sweep", sweep)
    assert main(words) == 0
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    rows = [row["errors"] for row in found["layers"] if row["errors"]["estimated_kl"] is not None]
    assert len(rows) == 5
    assert all(row[f"{kind}_{name}"] is not None for row in rows for kind in ("isolated", "leave_one_out")
               for name in ("mse", "kl", "sqnr_db", "cosine", "max", "agreement", "metric"))  # fmt: skip
    assert found["totals"]["sweep_samples"] == 20
    assert found["totals"]["estimate_holds"] in (True, False)
    # What was judged by another metric is not taken over.
    assert main([*words, "--metric", "agreement"]) == 0
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert {row["errors"]["isolated_metric"] for row in found["layers"]} == {None}
