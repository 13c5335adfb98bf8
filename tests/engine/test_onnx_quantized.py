"""Files that are quantized already show what was quantized, whoever made them."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

from qinspect.cli import main
from qinspect.engine.analyze import analyze
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort.export import write_model
from qinspect.engine.backends.ort.runner import OrtRunner
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.inspect import inspect
from qinspect.engine.job import calibrate_model, first_plan, fused_graph, known_grids, opening_plan, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def digits(digits_model):
    """The float model and its data."""
    spec = ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,))
    return load_model(spec, allow_code=True), open_data(DataSpec(source=str(digits_model.data), samples=200))


@pytest.fixture(scope="module")
def foreign(digits, tmp_path_factory):
    """The float model as torch's older exporter writes it."""
    path = tmp_path_factory.mktemp("foreign") / "float.onnx"
    torch.onnx.export(
        digits[0].forward, (torch.rand(2, 1, 8, 8),), path, dynamo=False, opset_version=17,
        input_names=["image"], output_names=["answer"], dynamic_axes={"image": {0: "n"}, "answer": {0: "n"}},
    )  # fmt: skip
    return path


class Reader(CalibrationDataReader):
    def __init__(self, data):
        self.feeds = iter([{"image": data.load([index])[0].numpy()} for index in data.splits.calibrate[:40]])

    def get_next(self):
        return next(self.feeds, None)


def static(source, path, data, form):
    quantize_static(source, path, Reader(data), quant_format=form, per_channel=True, weight_type=QuantType.QInt8)
    return path


def run(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


@pytest.mark.parametrize("io", ["float", "int8"])
def test_our_own_file_opens_with_the_plan_the_layers_and_the_qparams_that_it_was_made_with(digits, tmp_path, io):
    model, data = digits
    plan = first_plan(model.graph, Target()).with_layer("fc:linear", weight=None, activation=None)
    plan = plan if io == "float" else first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    wanted = quantization_of(model, data, plan, calibration)
    path = tmp_path / "int8.onnx"
    write_model(path, onnx.load_from_string(quantized_model(float_model(wanted.graph), wanted)), wanted, io)
    opened = load_model(ModelSpec(str(path)))
    assert opened.existing.plan == plan
    assert opening_plan(opened, Target()) == plan
    graph = fused_graph(opened, plan).graph
    assert [layer.id for layer in graph.layers if not layer.transparent] == [
        layer.id for layer in wanted.graph.layers if not layer.transparent
    ]
    again = quantization_of(opened, data, plan, calibrate_model(opened, data, plan))
    assert again.quantized == wanted.quantized
    for layer in graph.layers:
        before = wanted.graph.by_id[layer.id]
        for found in (opened.existing.activation(layer), again.values.get(layer.value)):
            if before.value in wanted.values:
                assert found.to_json() == wanted.values[before.value].to_json(), layer.id
        if layer.id in wanted.weights:
            params = wanted.weights[layer.id]
            for found in (opened.existing.weights[layer.id], again.weights[layer.id]):
                np.testing.assert_array_equal(found.scale, params.scale)
                np.testing.assert_array_equal(found.zero_point, params.zero_point)
            whole = params.quantize(wanted.graph.weight(before)).numpy()
            np.testing.assert_array_equal(opened.existing.integers[layer.id], whole)
            histogram = opened.existing.weight_histogram(layer.id)
            assert histogram.counts.sum() == whole.size
            assert set(histogram.numbers) == set(np.unique(whole))


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator], ids=str)
def test_onnxruntimes_own_files_show_their_grids_and_give_the_float_model_behind_them(digits, foreign, tmp_path, form):
    model, data = digits
    path = static(foreign, tmp_path / "int8.onnx", data, form)
    opened = load_model(ModelSpec(str(path)))
    existing = opened.existing
    rows = {row.id: row for row in inspect(opened).layers}
    weighted = ["conv:conv2d", "depthwise:conv2d", "project:conv2d", "fc:linear"]
    assert all(rows[name].quantized and rows[name].weight["dtype"] == "int8" for name in weighted)
    assert rows["conv:conv2d"].fused[-1].endswith(":relu")  # the file leaves it to the grid
    assert any("left" in note or "leaves" in note for note in opened.notes)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    whole = {name.removesuffix("_quantized"): array for name, array in stored.items() if array.ndim > 1}
    for layer, found in existing.integers.items():
        name = next(n for n, array in whole.items() if np.array_equal(array, found) or np.array_equal(array.T, found))
        np.testing.assert_array_equal(existing.weights[layer].scale, stored[f"{name}_scale"])
    x = data.load(list(data.splits.final[:32]))[0]
    reference = model.forward(x).detach().numpy()
    behind = opened.forward(x)["answer"].numpy()
    assert 10 * np.log10((reference**2).sum() / ((reference - behind) ** 2).sum()) > 25
    plan = opening_plan(opened, Target())
    quantization = quantization_of(opened, data, plan, calibrate_model(opened, data, plan))
    for value, params in existing.values.items():
        if value in quantization.values:
            assert quantization.values[value].to_json() == params.to_json()
    assert set(weighted) <= quantization.quantized


def test_a_file_quantized_at_run_time_shows_its_weights_and_where_ranges_are_found_then(tmp_path):
    rng = np.random.default_rng(0)
    weight, bias = rng.normal(size=(6, 4)).astype(np.float32), rng.normal(size=4).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["y"], "fc"),
        helper.make_node("Add", ["y", "b"], ["z"], "add"),
        helper.make_node("Tanh", ["z"], ["t"], "tanh"),
    ]
    info = [helper.make_tensor_value_info(name, 1, ["n", size]) for name, size in (("x", 6), ("t", 4))]
    stored = [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(bias, "b")]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "f.onnx")
    quantize_dynamic(tmp_path / "f.onnx", tmp_path / "d.onnx", weight_type=QuantType.QInt8)
    opened = load_model(ModelSpec(str(tmp_path / "d.onnx")))
    linear, tanh = (layer for layer in opened.graph.layers if not layer.transparent)
    assert (linear.op, tanh.op) == ("linear", "tanh")
    assert opened.existing.form == "dynamic"
    assert opened.existing.dynamic == {"x"}
    assert opened.existing.is_quantized(linear)
    assert not opened.existing.is_quantized(tanh)
    np.testing.assert_allclose(opened.graph.weight(linear).numpy(), weight.T, atol=0.02)
    config = opening_plan(opened, Target()).qconfig(linear)
    assert config.activation.dynamic
    x = rng.normal(size=(5, 6)).astype(np.float32)
    found = opened.forward(torch.from_numpy(x))["t"].numpy()
    np.testing.assert_allclose(found, run(tmp_path / "d.onnx", x), atol=0.05)

    # That our own lowering takes no such weights is no reason why the file's layer should not be in integers.
    quantize_dynamic(tmp_path / "f.onnx", tmp_path / "u.onnx", weight_type=QuantType.QUInt8, per_channel=True)
    row = inspect(load_model(ModelSpec(str(tmp_path / "u.onnx")))).layers[0]
    assert row.quantized
    assert row.weight["dtype"] == "uint8"
    assert len(row.weight["scale"]) == 4
    assert row.why_not is None


def test_float_layers_between_quantized_ones_are_islands(digits, foreign, tmp_path):
    _, data = digits
    path = tmp_path / "int8.onnx"
    names = [node.name for node in onnx.load(foreign).graph.node if "project" in node.name]
    quantize_static(foreign, path, Reader(data), nodes_to_exclude=names)
    opened = load_model(ModelSpec(str(path)))
    graph = fused_graph(opened, QuantPlan()).graph
    assert any("project:conv2d" in island for island in opened.existing.float_islands(graph))


def test_inspect_says_what_is_quantized(digits, foreign, tmp_path, capsys):
    path = static(foreign, tmp_path / "int8.onnx", digits[1], QuantFormat.QDQ)
    assert main(["inspect", str(path)]) == 0
    said = capsys.readouterr().out
    assert "quantized already (QDQ by onnx.quantize" in said
    assert "weight int8 per channel; int8 0 to" in said
    assert main(["inspect", str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["model"]["existing"]["form"] == "QDQ"
    row = next(row for row in found["layers"] if row["id"] == "conv:conv2d")
    assert row["quantized"]
    assert {"scale", "zero_point", "dtype", "min", "max"} <= row["activation"].keys()


@pytest.mark.parametrize(("one", "clips"), [(1.0, 0), (0.5, 1)])
def test_what_a_gelu_adds_to_its_erf_is_no_relu_that_a_grid_stands_for(tmp_path, one, clips):
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in
              {"one": np.float32(one), "scale": np.float32(2 / 255), "zero": np.uint8(0)}.items()]  # fmt: skip
    nodes = [
        helper.make_node("Erf", ["x"], ["erf"]),
        helper.make_node("Add", ["erf", "one"], ["sum"]),
        helper.make_node("QuantizeLinear", ["sum", "scale", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "scale", "zero"], ["real"]),
        helper.make_node("Mul", ["x", "real"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 8]) for name in "xy"]
    graph = helper.make_graph(nodes, "gelu", ends[:1], ends[1:], stored)
    path = tmp_path / "gelu.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    model = load_model(ModelSpec(str(path)))
    assert sum(layer.op == "relu" for layer in model.graph.layers) == clips


def test_a_single_number_that_a_file_quantizes_when_it_runs_is_read(tmp_path):
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in
              {"two": np.float32(2), "scale": np.float32(2 / 127), "zero": np.int8(0)}.items()]  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["two", "scale", "zero"], ["whole"]),
        helper.make_node("DequantizeLinear", ["whole", "scale", "zero"], ["real"]),
        helper.make_node("Mul", ["x", "real"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 8]) for name in "xy"]
    path = tmp_path / "scalar.onnx"
    graph = helper.make_graph(nodes, "scalar", ends[:1], ends[1:], stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    x = torch.ones(1, 8)
    assert torch.allclose(outputs_of(Executor(load_model(ModelSpec(str(path))).graph)((x,)))[0], 2 * x)


class Words(torch.nn.Module):
    """A table that is looked up, and what makes an answer of the rows."""

    def __init__(self):
        super().__init__()
        self.table, self.places = torch.nn.Embedding(50, 16), torch.nn.Embedding(6, 16)
        self.norm, self.head = torch.nn.LayerNorm(16), torch.nn.Linear(16, 4)

    def forward(self, tokens):
        return self.head(self.norm(self.table(tokens) + self.places(torch.arange(6)[None]))).mean(1)


@pytest.mark.parametrize("form", ["dynamic", "QOperator"])
def test_a_file_whose_tables_of_words_are_in_whole_numbers_opens_with_them_and_is_compared(tmp_path, form):
    torch.manual_seed(0)
    net = Words().eval()
    tokens = torch.randint(0, 50, (60, 6))
    before, path = tmp_path / "float.onnx", tmp_path / "int8.onnx"
    torch.onnx.export(
        net, (tokens[:2],), before, dynamo=False, opset_version=17, input_names=["tokens"], output_names=["answer"],
        dynamic_axes={"tokens": {0: "n"}, "answer": {0: "n"}},
    )  # fmt: skip
    if form == "dynamic":
        quantize_dynamic(before, path, weight_type=QuantType.QUInt8)
    else:

        class Sentences(CalibrationDataReader):
            left = iter([{"tokens": tokens.numpy()}])

            def get_next(self):
                return next(self.left, None)

        quantize_static(
            before, path, Sentences(), quant_format=QuantFormat.QOperator, weight_type=QuantType.QUInt8,
            activation_type=QuantType.QUInt8,
        )  # fmt: skip
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(path).graph.initializer}
    opened = load_model(ModelSpec(str(path)))
    rows = {row.op: row for row in inspect(opened).layers}
    name = next(row.id for row in inspect(opened).layers if row.op == "embedding")
    np.testing.assert_array_equal(opened.existing.integers[name], stored["table.weight_quantized"])
    assert rows["embedding"].quantized
    assert rows["embedding"].weight["scale"] == pytest.approx(float(stored["table.weight_scale"]))
    assert rows["linear"].quantized
    np.savez(tmp_path / "tokens.npz", x=tokens.numpy())
    words = ["compare", before, path, "--data", tmp_path / "tokens.npz", "--no-latency", "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    found = json.loads((tmp_path / "out" / "compare.json").read_text())
    data = open_data(DataSpec(str(tmp_path / "tokens.npz")), opened.graph.inputs[0].shape)
    final = data.load(list(data.splits.final))[0].numpy()
    real, rounded = (  # one at a time: of a dynamic file each has the range that it has itself
        np.concatenate([ask(file, final[i : i + 1]) for i in range(len(final))]) for file in (before, path)
    )
    decibels = 10 * np.log10((real.astype("f8") ** 2).sum() / ((real - rounded).astype("f8") ** 2).sum())
    assert found["totals"]["sqnr_db"] == pytest.approx(decibels, abs=0.01)
    row = next(row for row in found["layers"] if row["op"] == "embedding")
    table = net.table.weight.detach().double().numpy()
    error = table - (stored["table.weight_quantized"] - float(stored["table.weight_zero_point"])) * float(
        stored["table.weight_scale"]
    )
    assert row["weight_sqnr_db"] == pytest.approx(10 * np.log10((table**2).sum() / (error**2).sum()), abs=0.01)
    wanted = 10 * np.log10((table[final] ** 2).sum() / (error[final] ** 2).sum())
    assert row["errors"]["sqnr_db"] == pytest.approx(wanted, abs=0.01)


def ask(path, tokens):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"tokens": tokens})[0]


def test_a_last_layer_that_a_foreign_file_hands_out_in_float_is_in_integers_when_it_is_opened(
    digits, foreign, tmp_path
):
    # As tools for TensorRT write it: quantizers stand before layers, and none behind the last.
    path = static(foreign, tmp_path / "q.onnx", digits[1], QuantFormat.QDQ)
    model = onnx.load(path)
    makes = {name: node for node in model.graph.node for name in node.output}
    dequantizer = makes["answer"]
    quantizer = makes[dequantizer.input[0]]
    makes[quantizer.input[0]].output[0] = "answer"
    model.graph.node.remove(dequantizer)
    model.graph.node.remove(quantizer)
    onnx.save(model, path)
    opened = load_model(ModelSpec(str(path)))
    plan = opening_plan(opened, Target())
    graph = fused_graph(opened, plan).graph
    (last,) = graph.output_makers
    layer = graph.by_id[last]
    assert (layer.op, plan.qconfig(layer).activation.estimator) == ("linear", "none")
    q = quantize(graph, plan, {}, known_grids(opened, graph, plan))
    assert last in q.quantized
    assert last not in q.why_not
    assert layer.value not in q.values
    runner = OrtRunner(q, float_model(q.float_graph))
    assert "Gemm" in runner.kernels[last]
    x = digits[1].load([0, 1, 2, 3])[0]
    theirs = onnxruntime.InferenceSession(str(path)).run(None, {"image": x.numpy()})[0]
    np.testing.assert_allclose(runner.run((x,))[0], theirs, atol=1e-5)
    assert inspect(opened).model["existing"]["quantized"].count(last) == 1


class Padded(torch.nn.Module):
    """A padding of the input before the first convolution, as TensorFlow's models have it, and one inside."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(1, 4, 3), torch.nn.Conv2d(4, 4, 3)
        self.last = torch.nn.Linear(4, 3)

    def forward(self, x):
        x = torch.relu(self.first(torch.nn.functional.pad(x, (0, 1, 0, 1))))
        x = torch.nn.functional.max_pool2d(self.second(torch.nn.functional.pad(x, (0, 1, 0, 1))), 2)
        return self.last(x.mean((2, 3)))


def test_window_export_and_the_file_opened_again_count_the_same_layers(tmp_path):
    torch.manual_seed(0)
    np.savez(tmp_path / "x.npz", x=np.random.default_rng(0).normal(size=(48, 1, 9, 9)).astype(np.float32))
    program = torch.export.export(
        Padded().eval(), (torch.randn(2, 1, 9, 9),), dynamic_shapes=({0: torch.export.Dim("n")},)
    )
    torch.export.save(program, tmp_path / "padded.pt2")
    model = load_model(ModelSpec(str(tmp_path / "padded.pt2")))
    data = open_data(DataSpec(str(tmp_path / "x.npz")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    shown = analyze(model, data, plan, calibration, latency=False)
    rows = [row for row in shown.layers if row.fused_into is None]
    report = export(model, plan, calibration, data, "onnx", tmp_path / "out")
    opened = load_model(ModelSpec(str(report.path)))
    again = inspect(opened)
    asked, whole = ({row.id for row in rows if getattr(row, name)} for name in ("asked", "quantized"))
    assert len(rows) > len(asked)  # the first padding moves real numbers
    assert (set(report.asked), set(report.quantized)) == (asked, whole)
    assert set(again.model["existing"]["quantized"]) == whole
    assert {row.id for row in again.layers if row.quantized and row.fused_into is None} == whole
