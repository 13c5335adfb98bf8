"""Concatenations and averages of ONNX Runtime between grids of their own: those of a file that somebody else made."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort.export import write_model
from qinspect.engine.compare import compare
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.decide import decide
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.groups import unshared
from qinspect.engine.job import calibrate_model, fused_graph, known_grids, opening_plan, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Branches(nn.Module):
    """What is put together: the input, a pooling, a convolution with a ReLU, a concatenation, a multiple."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(3, 8, 1)
        self.three, self.four = nn.Conv2d(19, 8, 1), nn.Conv2d(27, 10, 1)

    def forward(self, x):
        one = self.one(x)
        first = torch.cat([x, F.max_pool2d(one, 3, 1, 1), F.relu(self.two(x))], 1)
        second = torch.cat([first, 0.5 * self.three(first)], 1)
        return F.adaptive_avg_pool2d(self.four(F.avg_pool2d(second, 2)), 1).flatten(1)


class Reader(CalibrationDataReader):
    def __init__(self, x):
        self.feeds = iter([{"image": sample[None]} for sample in x])

    def get_next(self):
        return next(self.feeds, None)


@pytest.fixture(scope="module")
def float_file(tmp_path_factory):
    folder = tmp_path_factory.mktemp("branches")
    torch.manual_seed(0)
    x = torch.randn(48, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    np.savez(folder / "x.npz", x=x.numpy())
    path = folder / "float.onnx"
    torch.onnx.export(
        Branches().eval(), (x[:2],), path, dynamo=False, opset_version=17, input_names=["image"],
        output_names=["answer"], dynamic_axes={"image": {0: "n"}, "answer": {0: "n"}},
    )  # fmt: skip
    return path


@pytest.fixture
def data(float_file):
    return open_data(DataSpec(str(float_file.parent / "x.npz")))


def ask(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": x.numpy()})[0]


def same_grids(before, after):
    for layer in before.graph.layers:
        if layer.value in before.values:
            value = after.graph.by_id[layer.id].value
            assert after.values[value].to_json() == before.values[layer.value].to_json(), layer.id
    for name in before.graph.input_names:
        assert after.values[name].to_json() == before.values[name].to_json()


@pytest.mark.parametrize("form", [QuantFormat.QDQ, QuantFormat.QOperator])
@pytest.mark.parametrize("dtype", [QuantType.QUInt8, QuantType.QInt8])
def test_grids_of_their_own_in_a_foreign_file_are_simulated_and_written_as_they_are(
    float_file, data, tmp_path, form, dtype
):
    path, again = tmp_path / "int8.onnx", tmp_path / "again.onnx"
    quantize_static(
        float_file, path, Reader(data.load(range(40))[0].numpy()), quant_format=form, activation_type=dtype,
        weight_type=QuantType.QInt8, per_channel=True,
    )  # fmt: skip
    opened = load_model(ModelSpec(str(path)))
    plan = opening_plan(opened, Target())
    q = quantization_of(opened, data, plan, calibrate_model(opened, data, plan))
    made = next(layer for layer in q.graph.layers if layer.op == "cat")
    assert len({float(q.values[name].scale) for name in (*made.inputs, made.value)}) == 3
    assert unshared(opened.existing, q.graph, plan, decide(q.graph, plan)) == ()
    (x,) = data.load(range(40))
    theirs = ask(path, x)
    with torch.inference_mode():
        simulated = outputs_of(simulation(q)((x,)))[0].numpy()
    np.testing.assert_allclose(simulated, theirs, atol=1e-6)
    write_model(again, onnx.load_from_string(quantized_model(float_model(q.graph), q)), q, "float")
    np.testing.assert_allclose(ask(again, x), theirs, atol=1e-6)
    # And once more: the plan and the grids are those that were written, signed ones among them.
    reopened = load_model(ModelSpec(str(again)))
    assert reopened.existing.plan == plan
    graph = fused_graph(reopened, plan).graph
    after = quantize(graph, plan, {}, known_grids(reopened, graph, plan))
    same_grids(q, after)
    found = [compare(load_model(ModelSpec(str(float_file))), other, data, timing=False) for other in (opened, reopened)]
    assert found[0].totals.sqnr_db == pytest.approx(found[1].totals.sqnr_db, abs=1e-3)
    assert found[0].totals.sqnr_db > 20
    for row in (row for comparison in found for row in comparison.layers if row.errors["sqnr_db"] is not None):
        assert row.errors["sqnr_db"] > 20, row.float_id


@pytest.mark.parametrize("io", ["float", "int8"])
def test_signed_grids_are_signed_when_the_file_that_has_them_unsigned_opens_again(float_file, data, tmp_path, io):
    model = load_model(ModelSpec(str(float_file)))
    plan = QuantPlan.preset(Target()).with_default(activation=TensorConfig("int8"))
    q = quantization_of(model, data, plan, calibrate_model(model, data, plan))
    path = tmp_path / "int8.onnx"
    write_model(path, onnx.load_from_string(quantized_model(float_model(q.graph), q)), q, io)
    opened = load_model(ModelSpec(str(path)))
    graph = fused_graph(opened, plan).graph
    after = quantize(graph, plan, {}, known_grids(opened, graph, plan))
    assert {params.dtype for params in q.values.values()} == {"int8"}
    same_grids(q, after)
    found = compare(model, opened, data, timing=False)
    assert found.totals.sqnr_db > 20
    assert all(row.errors["sqnr_db"] > 20 for row in found.layers if row.errors["sqnr_db"] is not None)


def test_two_ranges_that_a_plan_fixes_are_two_and_one_that_it_fixes_is_for_the_group(float_file, data):
    model = load_model(ModelSpec(str(float_file)))
    plan = QuantPlan.preset(Target())
    calibration = calibrate_model(model, data, plan)
    graph = fused_graph(model, plan).graph
    wide, narrow = (TensorConfig("uint8", estimator="fixed", range=(-end, end)) for end in (8.0, 4.0))
    last = [layer for layer in graph.layers if layer.op == "cat"][-1]
    maker = next(name for name in last.inputs if graph.producer[name].op == "conv2d")
    alone = plan.with_layer(graph.producer[maker].id, activation=narrow)
    scales = []
    for edited in (alone, alone.with_layer(last.id, activation=wide)):
        q = quantization_of(model, data, edited, calibration)
        scales.append([round(float(q.values[name].scale), 5) for name in (maker, last.value)])
    assert scales[0][0] == scales[0][1]
    assert scales[1] == [round(8 / 255, 5), round(16 / 255, 5)]
