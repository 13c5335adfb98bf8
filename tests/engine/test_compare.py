"""A quantized model beside the float one: the file's own numbers against the float model's, layer by layer."""

from __future__ import annotations

import contextlib
import io
import json
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static

from qinspect.cli import main
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort.export import write_model
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.job import calibrate_model, first_plan, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.measure import measure
from qinspect.engine.plan.target import Target


@pytest.fixture(scope="module")
def made(digits_model, tmp_path_factory):
    """The float model as ONNX, two quantized files of it, and what the simulation says of them."""
    folder = tmp_path_factory.mktemp("compare")
    spec = ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,))
    model = load_model(spec, allow_code=True)
    data = open_data(DataSpec(source=str(digits_model.data), samples=120))
    plan = first_plan(model.graph, Target())
    rounded = plan.default.activation.but(estimator="minmax")
    plan = plan.with_layer("fc:linear", activation=rounded)  # integers as the output
    quantization = quantization_of(model, data, plan, calibrate_model(model, data, plan))
    before = float_model(quantization.graph)
    (folder / "float.onnx").write_bytes(float_model(model.graph))
    for form in ("float", "int8"):
        inner = onnx.load_from_string(quantized_model(before, quantization))
        write_model(folder / f"{form}_io.onnx", inner, quantization, form)
    samples = data.load(list(data.splits.final))
    return folder, digits_model, quantization, samples


def compared(made, one, other, *more):
    folder, digits = made[0], made[1]
    out = folder / f"out {len(list(folder.iterdir()))}"
    words = ["compare", *one, other, "--data", digits.data, "--samples", "120", "--no-latency", "--out", out, *more]
    assert main([str(word) for word in words]) == 0
    return json.loads((out / "compare.json").read_text())


@pytest.fixture(scope="module")
def plain(made):
    """compare.json of the file with float inputs, and what was said."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        found = compared(made, [made[0] / "float.onnx"], made[0] / "float_io.onnx")
    return found, said.getvalue()


def test_what_is_said_names_every_layer_and_how_it_was_matched(plain):
    found, said = plain
    assert all(f"{row['float_id']} " in said for row in found["layers"])
    assert said.count(" identity ") == len(found["layers"])
    assert "run by onnxruntime" in said


def test_the_page_has_every_layer_with_its_weights_and_needs_nothing_else(made, plain):
    found, _ = plain
    page = next(iter(made[0].glob("out */compare.html"))).read_text(encoding="utf-8")
    assert "://" not in page
    for row in found["layers"]:
        assert f"<code>{row['float_id']}</code>" in page
        assert (row["weight_histogram"] is None) == (row["weight"] is None)
    weighted = [row for row in found["layers"] if row["weight_histogram"] is not None]
    assert weighted
    assert page.count("<path d=") == len(weighted)
    for row in weighted:
        histogram = row["weight_histogram"]
        assert sum(histogram["counts"]) == sum(histogram["real_counts"])
        assert f"int8, {histogram['integers'][0]} to {histogram['integers'][-1]} of -128 to 127" in page


@pytest.mark.parametrize("form", ["float", "int8"])
def test_our_own_file_is_matched_by_identity_and_its_errors_are_those_of_the_simulation(made, plain, form):
    folder, _, quantization, samples = made
    found = plain[0] if form == "float" else compared(made, [folder / "float.onnx"], folder / "int8_io.onnx")
    assert found["version"] == 1
    assert found["runtime"] == "onnxruntime"
    assert found["unmatched_float"] == found["unmatched_quantized"] == []
    assert {row["matched_by"] for row in found["layers"]} == {"identity"}
    simulated = measure(quantization, [samples])
    for row in found["layers"]:
        assert row["quantized"]
        assert row["integer"]
        expected = simulated.layers[row["float_id"]]
        assert row["errors"]["sqnr_db"] == pytest.approx(expected.cumulative_sqnr_db, abs=0.5)
        assert row["errors"]["cosine"] == pytest.approx(expected.cumulative_cosine, abs=1e-3)
    totals = found["totals"]
    assert totals["samples"] == len(samples[0])
    assert totals["agreement"] == simulated.outputs.agreement
    assert totals["sqnr_db"] == pytest.approx(simulated.outputs.sqnr_db, abs=0.5)
    assert totals["kl"] == pytest.approx(simulated.outputs.mean_kl, rel=0.3)
    assert totals["fp32_metric"] > 0.9
    assert totals["fp32_ms"] is None


def run(model, feed):
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, feed)


def test_errors_are_those_of_the_tensors_that_onnxruntime_hands_out(made, plain):
    folder, _, _, samples = made
    found = plain[0]
    model = onnx.load(folder / "float_io.onnx")
    quantizer = next(node for node in model.graph.node if node.op_type == "QuantizeLinear" and "fc" in node.name)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    model.graph.output.append(onnx.helper.make_tensor_value_info(quantizer.output[0], onnx.TensorProto.UINT8, None))
    feed = {model.graph.input[0].name: samples[0].numpy()}
    whole = run(model.SerializeToString(), feed)[1]
    scale, zero = (arrays[name].astype(np.float64) for name in quantizer.input[1:])
    real = (whole - zero) * scale
    wanted = run(folder / "float.onnx", feed)[0]
    row = next(row for row in found["layers"] if row["float_id"] == "fc:linear")
    assert row["errors"]["mse"] == pytest.approx(float(((real - wanted) ** 2).mean()), rel=1e-4)
    assert row["activation"]["scale"] == pytest.approx(float(scale))
    assert row["activation"]["zero_point"] == int(zero)


def test_a_file_with_convolutions_quantized_at_run_time_is_compared_layer_by_layer(made):
    folder, _, _, samples = made
    path = folder / "dynamic.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_dynamic(folder / "float.onnx", path, weight_type=QuantType.QInt8)
    products = [n for n in onnx.load(path).graph.node if n.op_type in ("ConvInteger", "MatMulInteger")]
    found = compared(made, [folder / "float.onnx"], path)
    assert found["unmatched_float"] == found["unmatched_quantized"] == []
    assert sum(row["weight"] is not None for row in found["layers"]) == len(products)
    assert all(row["errors"]["sqnr_db"] > 15 for row in found["layers"])
    wanted, given = (  # one at a time, each on the range that it has itself
        np.concatenate([run(file, {"x": x.numpy()})[0] for x in samples[0].split(1)])
        for file in (folder / "float.onnx", path)
    )
    last = found["layers"][-1]
    assert last["errors"]["mse"] == pytest.approx(float(((given - wanted) ** 2).mean()), rel=1e-3)
    opened = load_model(ModelSpec(str(path)))
    assert opened.existing.float_islands(opened.graph) == ()


@pytest.mark.parametrize("bits", [8, 16])
def test_what_a_file_has_in_whole_numbers_and_the_runtime_computes_in_float_is_said_layer_by_layer(made, bits, capsys):
    folder, _, _, samples = made
    path = folder / f"static{bits}.onnx"

    class Reader(CalibrationDataReader):
        left = iter([samples[0].numpy()])

        def get_next(self):
            return next(({"x": array} for array in self.left), None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            folder / "float.onnx", path, Reader(), weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8 if bits == 8 else QuantType.QUInt16,
            extra_options={"UseQDQContribOps": bits == 16},
        )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "runs.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    runs = [node.op_type for node in onnx.load(folder / "runs.onnx").graph.node]
    found = compared(made, [folder / "float.onnx"], path)
    rows = [row for row in found["layers"] if row["quantized"]]
    assert len(rows) > 4
    assert {row["op"] for row in rows} >= {"conv2d", "linear", "max_pool2d"}
    note = [note for note in found["notes"] if note.startswith("On this computer ONNX Runtime computes ")]
    said = capsys.readouterr().out
    page = sorted(folder.glob("out */compare.html"), key=lambda file: file.stat().st_mtime)[-1].read_text()
    assert main(["inspect", str(path), "--json"]) == 0
    inspected = json.loads(capsys.readouterr().out)
    kernels = inspected["model"]["existing"]["kernels"]
    assert kernels == {row["quantized_id"]: {"operator": row["kernel"], "integer": row["integer"]} for row in rows}
    assert [text for text in inspected["notes"] if text in note] == note
    if bits == 8:
        assert sum(row["kernel"].startswith("QLinearConv") for row in rows) == runs.count("QLinearConv") > 0
        assert all(row["integer"] for row in rows)
        assert not note
        assert "in float by" not in said
        return
    assert "QLinearConv" not in runs
    assert all(row["integer"] is False for row in rows)
    assert sum(row["kernel"] in ("Conv", "FusedConv") for row in rows) == sum(row["op"] == "conv2d" for row in rows)
    assert f"quantizers, {len(rows)} of the {len(rows)} layers" in note[0]
    assert said.count("in float by ") == page.count("in float by ") == len(rows)
    assert main(["inspect", str(path)]) == 0
    assert capsys.readouterr().out.count("; computed in float by ") == len(rows)


def test_a_file_that_the_runtime_does_not_take_is_inspected_all_the_same(made, tmp_path, capsys):
    model = onnx.load(made[0] / "float_io.onnx")
    model.ir_version = 99
    onnx.save(model, tmp_path / "new.onnx")
    assert main(["inspect", str(tmp_path / "new.onnx"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["existing"]["kernels"] is None
    assert any("does not take the model" in note for note in found["notes"])


def test_a_model_compared_with_itself_is_exact(made):
    digits = made[1]
    words = [digits.source, "--weights", digits.weights, "--input-shape", "1,1,8,8"]
    found = compared(made, words, digits.source, "--quantized-weights", digits.weights)
    assert found["runtime"] == "torch"
    assert all(row["errors"]["exact"] and row["matched_by"] == "identity" for row in found["layers"])
    assert found["totals"]["agreement"] == 1
    assert found["totals"]["mse"] == 0


def test_a_model_of_other_outputs_is_refused(made, tmp_path, capsys):
    folder, digits = made[0], made[1]
    code = tmp_path / "net.py"
    code.write_text("from torch import nn\n\n\ndef net():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 3))\n")
    words = ["compare", folder / "float.onnx", f"{code}:net", "--data", digits.data, "--out", tmp_path / "o"]
    assert main([str(word) for word in words]) == 1
    captured = capsys.readouterr()
    assert "gives outputs of shape" in captured.err
    assert captured.err.count("\n") == 1


def test_of_two_models_the_one_that_the_data_do_not_suit_is_named(made, tmp_path, capsys):
    folder, digits = made[0], made[1]
    np.savez(tmp_path / "wide.npz", x=np.zeros((40, 3, 9, 9), np.float32))
    (tmp_path / "code.py").write_text("from torch import nn\n\n\ndef net():\n    return nn.Conv2d(3, 4, 3)\n")
    (folder / "wide.onnx").write_bytes(float_model(load_model(
        ModelSpec(f"{tmp_path / 'code.py'}:net", None, ((1, 3, 9, 9),)), allow_code=True).graph))  # fmt: skip
    for one, two, data, named in (
        ("float.onnx", "float_io.onnx", tmp_path / "wide.npz", "float.onnx"),
        ("float.onnx", "wide.onnx", digits.data, "wide.onnx"),
        ("wide.onnx", "float_io.onnx", tmp_path / "wide.npz", "float_io.onnx"),
    ):
        words = ["compare", folder / one, folder / two, "--data", data, "--out", tmp_path / "o"]
        assert main([str(word) for word in words]) == 1
        said = capsys.readouterr().err
        assert f"(that is {folder / named})" in said
        assert "Leave it out" not in said
