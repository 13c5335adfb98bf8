"""ONNX files in the form that a device wants: opset, file format, integers in and out."""

from __future__ import annotations

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.onnx.interface import grids, to_integers, to_real
from qinspect.engine.backends.onnx.naming import PLAN as PLAN_KEY
from qinspect.engine.backends.onnx.opset import OPSETS, lowest_onnxruntime, with_opset
from qinspect.engine.backends.ort.export import export_onnx
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem

PLAN = QuantPlan.preset(Target())


class Net(nn.Module):
    """Two inputs, reductions, halves and an enlargement (whose forms changed in opset 18), outputs by name."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 8, 3), nn.Linear(8, 4)

    def forward(self, image, shift):
        x = F.relu(self.conv(image)) + shift
        wide = F.interpolate(x, scale_factor=2, mode="bilinear")
        most = F.glu(wide, 1).amax((2, 3)) + x.flatten(2).max(2)[0][:, :4]
        return {"logits": self.fc(x.mean((2, 3))), "rows": x.mean(3), "most": most}


@pytest.fixture
def samples():
    return [(torch.randn(4, 3, 8, 8), torch.randn(4, 8, 6, 6))]


@pytest.fixture
def quantization(canonical, quantized, samples):
    return quantized(canonical(Net(), *samples[0], dynamic=True), PLAN, samples)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("opset", [13, 17, 21])
def test_the_file_has_the_opset_that_was_asked_for_and_gives_the_same(quantization, samples, tmp_path, opset):
    plain = export_onnx(quantization, tmp_path / "plain.onnx", samples)
    found = export_onnx(quantization, tmp_path / "net.onnx", samples, opset=opset)
    assert found.problems == ()
    model = onnx.load(tmp_path / "net.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert model.opset_import[0].version == opset
    assert found.versions["opset"] == str(opset)
    assert found.lowest_onnxruntime == {13: "1.6", 17: "1.12", 21: "1.18"}[opset]
    assert found.agreement == 1.0
    assert found.equal_share == plain.equal_share
    assert plain.lowest_onnxruntime == "1.14"


def test_names_and_the_free_batch_are_the_models_own(quantization, samples, tmp_path):
    export_onnx(quantization, tmp_path / "net.onnx", samples)
    opened = session(tmp_path / "net.onnx")
    assert [i.name for i in opened.get_inputs()] == ["image", "shift"]
    assert [o.name for o in opened.get_outputs()] == ["logits", "rows", "most"]
    for batch in (1, 3):
        feed = {"image": np.zeros((batch, 3, 8, 8), np.float32), "shift": np.zeros((batch, 8, 6, 6), np.float32)}
        assert [len(y) for y in opened.run(None, feed)] == [batch] * 3


def test_the_file_carries_its_plan_and_its_weights_are_integers(quantization, samples, tmp_path):
    found = export_onnx(quantization, tmp_path / "net.onnx", samples)
    model = onnx.load(tmp_path / "net.onnx")
    stored = next(item.value for item in model.metadata_props if item.key == PLAN_KEY)
    assert plan_from_json(json.loads(stored)) == PLAN
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    assert kinds["conv:conv2d/weight/quantized"] == kinds["fc:linear/weight/quantized"] == onnx.TensorProto.INT8
    assert kinds["conv:conv2d/bias/quantized"] == onnx.TensorProto.INT32
    assert not any(name.endswith(".weight") for name in kinds)
    assert found.size_bytes == (tmp_path / "net.onnx").stat().st_size
    assert found.float_size_bytes is not None


def test_whole_numbers_go_in_and_come_out(quantization, samples, tmp_path):
    real = export_onnx(quantization, tmp_path / "real.onnx", samples)
    found = export_onnx(quantization, tmp_path / "whole.onnx", samples, io="int8")
    assert found.problems == ()
    assert found.equal_share == real.equal_share
    assert found.quantize_nodes == real.quantize_nodes - 2
    model = onnx.load(tmp_path / "whole.onnx")
    known = grids(model)
    assert set(known) == {"image", "shift", "logits"}
    opened, float_opened = session(tmp_path / "whole.onnx"), session(tmp_path / "real.onnx")
    assert [i.type for i in opened.get_inputs()] == ["tensor(uint8)"] * 2
    feed = {name: x.numpy() for name, x in zip(("image", "shift"), samples[0], strict=True)}
    logits, rows, _ = opened.run(None, {name: to_integers(x, known[name]) for name, x in feed.items()})
    assert logits.dtype == np.uint8
    assert rows.dtype == np.float32  # it is computed in float
    told = [note.split()[1] for note in found.notes if "is real numbers: the layer that makes it has no range" in note]
    assert told == ["rows", "most"]
    wanted = float_opened.run(None, feed)
    np.testing.assert_array_equal(to_real(logits, known["logits"]), wanted[0])
    np.testing.assert_array_equal(rows, wanted[1])


def test_an_input_that_is_read_in_float_cannot_be_given_as_whole_numbers(canonical, quantized, samples, tmp_path):
    plan = PLAN.with_layer(":add", activation=None)
    quantization = quantized(canonical(Net(), *samples[0]), plan, samples)
    with pytest.raises(Problem, match="input shift: is read in float"):
        export_onnx(quantization, tmp_path / "net.onnx", samples, io="int8")
    assert not (tmp_path / "net.onnx").exists()


def qdq(dtype: type) -> onnx.ModelProto:
    """A model with one pair of quantizers of a type."""
    grid = [onnx.numpy_helper.from_array(np.float32(0.1), "s"), onnx.numpy_helper.from_array(dtype(0), "z")]
    nodes = [
        onnx.helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        onnx.helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
    ]
    ends = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in "xy"]
    graph = onnx.helper.make_graph(nodes, "g", ends[:1], ends[1:], grid)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=10)


def test_sixteen_bits_need_opset_21_and_a_lower_one_is_refused():
    assert with_opset(qdq(np.int16)).opset_import[0].version == 21
    assert with_opset(qdq(np.int8)).opset_import[0].version == 18
    with pytest.raises(Problem, match="18 is too low for this plan: 16-bit"):
        with_opset(qdq(np.int16), 18)
    with pytest.raises(Problem, match="from 13 to 21"):
        with_opset(qdq(np.int8), 12)


def test_an_operator_that_an_opset_lacks_is_named_with_its_layer_and_the_first_that_has_it():
    model = qdq(np.int8)
    node = onnx.helper.make_node("HardSwish", ["y"], ["w"], "block.act:hardswish")
    model.graph.node.append(node)
    with pytest.raises(Problem, match=r"block\.act:hardswish: HardSwish is not in opset 13\. Give --opset 14"):
        with_opset(model, 13)


def test_the_file_format_is_the_oldest_that_goes_with_the_opset():
    formats = [with_opset(qdq(np.int8), opset).ir_version for opset in OPSETS]
    assert formats == [7, 7, 8, 8, 8, 8, 9, 9, 10]
    assert lowest_onnxruntime(with_opset(qdq(np.int8), 19)) == "1.16"
