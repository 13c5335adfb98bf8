"""TensorRT: what is quantized by its rules, where Q/DQ are put, and what its rules refuse."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import nn

from qinspect.engine.backends import not_run_here
from qinspect.engine.backends.exported import Score
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.tables import table
from qinspect.engine.backends.tensorrt.export import export_tensorrt
from qinspect.engine.backends.tensorrt.qdq import tensorrt_model
from qinspect.engine.backends.tensorrt.rules import check_tensorrt, integer_layers
from qinspect.engine.calibrate import calibrate
from qinspect.engine.decide import UNREAD
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import Override, QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import quantize
from qinspect.engine.simulate import Simulation

PLAN = QuantPlan.preset(Target.parse("tensorrt"))


class Net(nn.Module):
    """Residual block, paddings, transposed convolution, pooling, float activation, two outputs; (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.bn = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.one, self.two, self.skip = nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1)
        self.up, self.gate, self.last = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(4, 4, 1), nn.AvgPool2d(2)
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(F.pad(x, (1, 1, 1, 1)))))
        y = self.skip(x)
        x = F.relu(self.two(F.relu(self.one(F.pad(x, (1, 1, 1, 1))))) + y)
        small = F.max_pool2d(x, 2)
        wide = self.last(F.silu(self.gate(self.up(small))))
        return self.fc(small.mean((2, 3))), wide


@pytest.fixture(scope="module")
def samples():
    generator = torch.Generator().manual_seed(0)
    return [(torch.randn(4, 3, 12, 12, generator=generator),), (torch.randn(3, 3, 12, 12, generator=generator),)]


@pytest.fixture(scope="module")
def quantization(samples, trace_once, one_thread):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fused = fuse(trace_once(Net(), *samples[0], dynamic=True), PLAN).graph
    return quantize(fused, PLAN, calibrate(fused, samples, share=1.0).tensors)


@pytest.fixture(scope="module")
def model(quantization):
    return onnx.load_from_string(tensorrt_model(float_model(quantization.graph), quantization))


def makers(model):
    return {name: node for node in model.graph.node for name in node.output}


def test_a_value_is_rounded_where_integers_are_read_and_nowhere_else(quantization):
    q = quantization
    # The convolution whose sum takes the other branch in hands on real numbers, as do the last layers.
    assert {v for v in ("two:conv2d", "gate:conv2d", "fc:linear") if v in q.values} == set()
    assert {"two:conv2d", "gate:conv2d", "fc:linear", "skip:conv2d"} <= q.quantized
    assert q.at_origin("skip:conv2d")
    assert not q.at_origin("two:conv2d")
    assert q.why_not["last:avg_pool2d"] == UNREAD
    assert "last:avg_pool2d" not in q.quantized
    assert all(int(p.zero_point) == 0 and p.dtype == "int8" for p in q.values.values())
    assert all(not p.zero_point.any() and p.dtype == "int8" for p in q.weights.values())
    assert q.weights["up:conv_transpose2d"].axis == 1


def test_the_other_input_of_an_addition_is_quantized_and_the_convolution_before_it_is_not(model):
    made = makers(model)
    (add,) = (node for node in model.graph.node if node.op_type == "Add")
    kinds = sorted(made[name].op_type for name in add.input)
    assert kinds == ["Conv", "DequantizeLinear"]
    conv = next(made[name] for name in add.input if made[name].op_type == "Conv")
    assert conv.name == "two:conv2d"


def test_weights_are_stored_as_int8_and_biases_as_float(model):
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    made = makers(model)
    weighted = [node for node in model.graph.node if node.op_type in ("Conv", "ConvTranspose", "Gemm")]
    assert len(weighted) == 7
    for node in weighted:
        weight = made[node.input[1]]
        assert weight.op_type == "DequantizeLinear"
        assert stored[weight.input[0]].data_type == onnx.TensorProto.INT8
        assert stored[node.input[2]].data_type == onnx.TensorProto.FLOAT


def test_the_model_keeps_its_rules_and_says_what_is_in_integers(model, quantization):
    opset17 = onnx.ModelProto()
    opset17.CopyFrom(model)
    opset17.opset_import[0].version = 17
    assert check_tensorrt(opset17) == []
    merged = {layer.id for layer in quantization.graph.layers if layer.op == "pad"}
    assert set(integer_layers(model)) == (quantization.quantized & quantization.asked) - merged


def change_zero_point(model):
    tensor = next(t for t in model.graph.initializer if t.name == "x/zero_point")
    tensor.CopyFrom(numpy_helper.from_array(np.int8(3), tensor.name))


def store_unsigned(model):
    tensor = next(t for t in model.graph.initializer if t.name == "x/zero_point")
    tensor.CopyFrom(numpy_helper.from_array(np.uint8(0), tensor.name))


def wrong_axis(model):
    node = next(n for n in model.graph.node if n.name == "up:conv_transpose2d/weight/dequantize")
    next(a for a in node.attribute if a.name == "axis").i = 0


def quantizer_before_relu(model):
    index, relu = next((i, n) for i, n in enumerate(model.graph.node) if n.op_type == "Relu")
    grid = ["x/scale", "x/zero_point"]
    q = helper.make_node("QuantizeLinear", [relu.input[0], *grid], ["early"], "early/quantize")
    dq = helper.make_node("DequantizeLinear", ["early", *grid], ["early/real"], "early/dequantize")
    relu.input[0] = "early/real"
    model.graph.node.insert(index, q)
    model.graph.node.insert(index + 1, dq)


def bare_integers(model):
    node = next(n for n in model.graph.node if n.op_type == "MaxPool")
    node.input[0] = node.input[0].replace("dequantized", "quantized")


def float_weight(model):
    node = next(n for n in model.graph.node if n.name == "fc:linear")
    node.input[1] = "fc.weight"


def quantized_bias(model):
    node = next(n for n in model.graph.node if n.name == "fc:linear")
    dq = helper.make_node("DequantizeLinear", ["b", "x/scale"], ["bias"], "bias/dequantize")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(5, np.int8), "b"))
    node.input[2] = "bias"
    model.graph.node.insert(0, dq)


def late_opset(model):
    model.opset_import[0].version = 21


@pytest.mark.parametrize(
    ("breach", "said"),
    [
        (change_zero_point, "x/quantize: zero point 3"),
        (store_unsigned, "x/quantize: its type is not int8"),
        (wrong_axis, "up:conv_transpose2d: its weight is quantized along axis 0, TensorRT wants axis 1"),
        (quantizer_before_relu, "early/quantize: stands between stem:conv2d and"),
        (bare_integers, "reads bare integers"),
        (float_weight, "fc:linear: its weight is not quantized"),
        (quantized_bias, "fc:linear: its bias is quantized"),
        (late_opset, "model: opset 21"),
    ],
)
def test_each_breach_of_a_rule_is_named(model, breach, said):
    broken = onnx.ModelProto()
    broken.CopyFrom(model)
    breach(broken)
    assert any(said in line for line in check_tensorrt(broken)), check_tensorrt(broken)


def test_the_export_is_verified_through_onnxruntime_and_tells_how_to_build_it(quantization, samples, tmp_path):
    out = tmp_path / "net.onnx"
    found = export_tensorrt(quantization, out, samples, score=Score(lambda outputs: len(outputs)))
    assert found.problems == ()
    assert found.verified
    assert found.to == "tensorrt"
    assert set(found.quantized) == set(found.asked) - set(quantization.why_not)
    assert found.metric == 2
    assert found.sqnr_db is None or found.sqnr_db > 40
    assert found.build is not None
    assert "--onnx=net.onnx" in found.build
    assert "--optShapes=x:8x3x12x12" in found.build
    assert "--exportProfile=net.profile.json" in found.build
    assert "--int8" in (tmp_path / "net.trtexec.sh").read_text()
    model = onnx.load(out)
    assert model.opset_import[0].version == 17
    assert check_tensorrt(model) == []
    assert json.loads((tmp_path / "net.verify.json").read_text())["build"] == found.build


def test_a_wrong_lowering_is_not_called_verified(quantization, samples, tmp_path, monkeypatch):
    from qinspect.engine.backends.tensorrt import export as tensorrt_export

    def half(before, q):
        model = onnx.load_from_string(tensorrt_model(before, q))
        tensor = next(t for t in model.graph.initializer if t.name == "skip:conv2d/weight/quantized")
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) // 2, tensor.name))
        return model.SerializeToString()

    monkeypatch.setattr(tensorrt_export, "tensorrt_model", half)
    found = export_tensorrt(quantization, tmp_path / "net.onnx", samples)
    assert not found.verified
    assert any("skip:conv2d" in line for line in found.problems)


class Strided(nn.Module):
    """Paddings on one side, as TensorFlow's nets have them; (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 8, 3, 2, groups=8)

    def forward(self, x):
        x = F.relu(self.one(F.pad(x, (0, 1, 0, 1))))
        return self.two(F.pad(x, (0, 1, 0, 1))).mean((2, 3))


def test_paddings_that_convolutions_take_over_count_as_integers_and_their_readers_are_compared(
    samples, trace_once, tmp_path
):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fused = fuse(trace_once(Strided(), *samples[0], dynamic=True), PLAN).graph
    q = quantize(fused, PLAN, calibrate(fused, samples, share=1.0).tensors)
    found = export_tensorrt(q, tmp_path / "net.onnx", samples)
    assert found.problems == ()
    assert found.quantized == ("one:conv2d", ":pad#2", "two:conv2d")
    assert found.layers_compared == 3  # the padding's readers are fed its integers; the last layer gives real numbers
    assert found.sqnr_db is None or found.sqnr_db > 40


class Skips(nn.Module):
    """Values in integers that a float layer reads as well, and that the model hands out; (N, 3, 12, 12)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1), nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(self.one(x))
        y = F.relu(self.two(x)) + x
        return self.fc(y.mean((2, 3))), x


class Halves(nn.Module):
    """One half goes through a convolution, and both are put together again."""

    def __init__(self):
        super().__init__()
        self.stem, self.one, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(4, 4, 1), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        kept, changed = F.relu(self.stem(x)).chunk(2, 1)
        return self.last(torch.cat([kept, F.relu(self.one(changed))], 1))


def test_a_value_that_is_split_before_it_is_read_is_written_and_compared(samples, trace_once, tmp_path):
    fused = fuse(trace_once(Halves().eval(), *samples[0], dynamic=True), PLAN).graph
    q = quantize(fused, PLAN, calibrate(fused, samples, share=1.0).tensors)
    found = export_tensorrt(q, tmp_path / "net.onnx", samples)
    assert found.problems == ()
    assert found.quantized == ("stem:conv2d", "one:conv2d", ":cat", "last:conv2d")


class Attention(nn.Module):
    """As vision transformers have it: one linear layer, whose value is taken apart; (N, 3, 12, 12)."""

    def __init__(self):
        super().__init__()
        self.patches, self.qkv, self.out = nn.Conv2d(3, 8, 4, 4), nn.Linear(8, 24), nn.Linear(8, 5)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        q, k, v = self.qkv(x).reshape(-1, 9, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = (q * 0.5 @ k.transpose(-2, -1)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(-1, 9, 8)).mean(1)


def test_of_a_value_whose_parts_are_read_in_integers_and_in_float_those_parts_alone_are_rounded(
    samples, trace_once, tmp_path
):
    fused = fuse(trace_once(Attention().eval(), *samples[0], dynamic=True), PLAN).graph
    q = quantize(fused, PLAN, calibrate(fused, samples, share=1.0).tensors)
    assert ":unbind" not in q.quantized
    assert {"qkv:linear", ":matmul#2", "out:linear"} < q.quantized
    assert export_tensorrt(q, tmp_path / "net.onnx", samples).problems == ()


def test_float_layers_and_outputs_take_what_is_in_integers_as_those_say_it(samples, trace_once, tmp_path):
    plan = replace(PLAN, overrides=(Override("id", "fc:linear", None, None),))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fused = fuse(trace_once(Skips(), *samples[0], dynamic=True), plan).graph
    q = quantize(fused, plan, calibrate(fused, samples, share=1.0).tensors)
    adds = [layer.id for layer in q.graph.layers if layer.op == "add"]
    assert not q.quantized & set(adds)
    assert q.at_origin("relu:relu" if "relu:relu" in q.values else ":relu")
    found = export_tensorrt(q, tmp_path / "net.onnx", samples)
    assert found.problems == ()
    assert found.sqnr_db is None or found.sqnr_db > 100
    model = onnx.load(tmp_path / "net.onnx")
    made = makers(model)
    (add,) = (node for node in model.graph.node if node.op_type == "Add")
    assert "DequantizeLinear" in {made[name].op_type for name in add.input}
    assert made[model.graph.output[1].name].op_type == "DequantizeLinear"
    assert check_tensorrt(model) == []


def test_a_convolution_that_stays_float_may_read_what_another_has_in_integers(samples, trace_once, tmp_path):
    plan = replace(PLAN, overrides=(Override("id", "skip:conv2d", None, None),))
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fused = fuse(trace_once(Net(), *samples[0], dynamic=True), plan).graph
    q = quantize(fused, plan, calibrate(fused, samples, share=1.0).tensors)
    skip = q.graph.by_id["skip:conv2d"]
    assert q.at_origin(skip.inputs[0])
    assert export_tensorrt(q, tmp_path / "net.onnx", samples).problems == ()
    # One that is not said to stay float is a breach all the same.
    assert any("skip:conv2d: its weight" in line for line in check_tensorrt(onnx.load(tmp_path / "net.onnx")))


def test_a_fusion_that_is_switched_off_is_off_in_the_file_and_no_breach(samples, trace_once, tmp_path):
    graph = trace_once(Skips(), *samples[0], dynamic=True)
    plan = replace(PLAN, fusions=((":relu", False),))
    fused = fuse(graph, plan).graph
    q = quantize(fused, plan, calibrate(fused, samples, share=1.0).tensors)
    assert q.at_origin("one:conv2d"), "its sums are rounded before the ReLU, which is a layer of its own"
    found = export_tensorrt(q, tmp_path / "net.onnx", samples)
    assert found.problems == ()
    made = makers(onnx.load(tmp_path / "net.onnx"))
    assert {":relu", "one:conv2d"} <= set(found.quantized)
    assert next(n for n in made.values() if n.name == ":relu").op_type == "Relu"


def test_a_tie_that_the_runtime_rounds_the_other_way_does_not_spoil_a_layer_that_gives_real_numbers(
    trace_once, tmp_path
):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 64, generator=generator)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        fused = fuse(trace_once(nn.Linear(64, 32), x, dynamic=True), PLAN).graph
    q = quantize(fused, PLAN, calibrate(fused, [(x,)], share=1.0).tensors)
    scale = torch.from_numpy(q.values[q.graph.input_names[0]].scale)
    halves = (torch.arange(-127, 127) + 0.5) * scale
    near = torch.stack((halves, *(torch.nextafter(halves, halves * sign) for sign in (0, 2)))).flatten()
    apart = near[(near / scale).round() != (near * (1 / scale)).round()]
    assert len(apart)
    x[0, 0] = apart[0]
    found = export_tensorrt(q, tmp_path / "net.onnx", [(x,)])
    assert found.equal_share < 1, "the runtime rounded this number as the simulation did"
    assert found.problems == ()
    assert found.layers_compared == 1


def test_the_simulation_adds_biases_in_float(quantization, samples):
    plain, simulated = Executor(quantization.graph)(samples[0]), Simulation(quantization)
    assert not any(key.endswith("/bias") for key in simulated.own)
    error = simulated(samples[0])[0] - plain[0]
    assert 0 < float((error**2).mean() / (plain[0] ** 2).mean()) < 0.01


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (TensorConfig("uint8"), "symmetric int8 activations, not affine uint8"),
        (TensorConfig("int8"), "not affine int8"),
    ],
)
def test_other_activations_are_refused_by_layer(quantization, config, said):
    plan = PLAN.with_default(activation=config)
    layer = quantization.graph.by_id["one:conv2d"]
    assert said in table(plan.target).why_not(layer, plan.qconfig(layer), plan.target)


def test_opsets_that_tensorrt_does_not_read_are_refused(quantization, samples, tmp_path):
    with pytest.raises(Problem, match="from 13 to 19"):
        export_tensorrt(quantization, tmp_path / "net.onnx", samples, opset=21)


class Centred(nn.Module):
    """Over all axes at once, which opset 17 cannot say of a mean."""

    def __init__(self, spread):
        super().__init__()
        self.conv, self.spread = nn.Conv2d(3, 8, 3), spread

    def forward(self, x):
        x = self.conv(x)
        return x / x.std() if self.spread else x - x.mean()


@pytest.mark.parametrize("spread", [False, True])
def test_what_the_usual_opset_has_no_form_for_is_written_in_a_later_one(samples, trace_once, tmp_path, spread):
    graph = fuse(trace_once(Centred(spread).eval(), *samples[0]), PLAN).graph
    calibration = calibrate(graph, samples)
    found = export_tensorrt(quantize(graph, PLAN, calibration.tensors), tmp_path / "net.onnx", samples)
    assert found.verified, found.problems
    assert onnx.load(tmp_path / "net.onnx").opset_import[0].version == 18


def test_its_kernels_are_not_run_here_and_that_is_said():
    assert "NVIDIA GPU" in (not_run_here(PLAN.target) or "")
    assert not_run_here(Target()) is None
    assert replace(PLAN.target).on_this_host()["isa"] == ""
