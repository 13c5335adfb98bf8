"""Plans lowered to ONNX Runtime: what runs in integers, and that it computes what the simulation computes."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch
import torch.nn.functional as F
from onnx import helper, numpy_helper
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.naming import LAYER, metadata
from qinspect.engine.backends.onnx.ops import _as_scales
from qinspect.engine.backends.onnx.qdq import quantized_model
from qinspect.engine.backends.ort.runner import OrtRunner, kernels_of, open_model, session
from qinspect.engine.backends.ort.simulate import OrtSimulation
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import ACTIVATION, WEIGHT, TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.problem import Problem
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.simulate import Simulation

PLAN = QuantPlan.preset(Target())


class TinyNet(nn.Module):
    """One of everything that convolutional nets are made of; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.stem_bn = nn.BatchNorm2d(8)
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False)
        self.depthwise_bn = nn.BatchNorm2d(8)
        self.relu6 = nn.ReLU6()
        self.project = nn.Conv2d(8, 8, 1)
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.strided = nn.Conv2d(8, 8, 3, stride=2)
        self.left, self.right = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 12, 1)
        self.average = nn.AvgPool2d(2)
        self.head = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = self.relu(self.stem_bn(self.stem(x)))
        y = self.relu6(self.depthwise_bn(self.depthwise(x)))
        x = self.relu(self.project(y) + x)
        x = self.strided(F.pad(self.pool(x), (0, 1, 0, 1)))
        x = torch.cat([self.left(x), self.relu(self.right(x))], 1)
        return self.fc(self.head(self.average(x)).flatten(1))


def graph_of(module: nn.Module, *inputs: torch.Tensor) -> LayerGraph:
    """The canonical graph of a module with a dynamic batch."""
    batch = torch.export.Dim("batch")
    with quiet(), torch.no_grad():
        program = torch.export.export(module.eval(), inputs, dynamic_shapes=tuple({0: batch} for _ in inputs))
        return normalize(program.run_decompositions({}))


def quantization_of(graph: LayerGraph, inputs: tuple[torch.Tensor, ...], plan: QuantPlan = PLAN) -> Quantization:
    fused = fuse(graph, plan).graph
    with torch.no_grad():
        return quantize(fused, plan, calibrate(fused, [inputs]).tensors)


def lowered(module: nn.Module, *inputs: torch.Tensor, plan: QuantPlan = PLAN) -> OrtRunner:
    quantization = quantization_of(graph_of(module, *inputs), inputs, plan)
    return OrtRunner(quantization, float_model(quantization.graph))


def differences(
    runner: OrtRunner, inputs: tuple[torch.Tensor, ...], kind: type[Simulation] = Simulation
) -> dict[str, torch.Tensor]:
    """Steps between kernel and simulation, both fed the kernel's own numbers, by layer."""
    q = runner.quantization
    simulation = kind(q)
    integers = runner.integers(inputs)
    values: dict[str, torch.Tensor] = dict(zip(q.graph.input_names, inputs, strict=True))
    found = {}
    with torch.no_grad():
        simulation(inputs, lambda layer, value: values.setdefault(layer.value, value))
        values.update({name: q.values[name].dequantize(numbers) for name, numbers in integers.items()})
        for layer in q.graph.layers:
            if q.at_origin(layer.value) and not layer.transparent:
                expected = q.values[layer.value].quantize(simulation.run_layer(layer, values))
                found[layer.id] = (expected - integers[layer.value]).abs()
    return found


def assert_same(runner: OrtRunner, inputs: tuple[torch.Tensor, ...], share: float = 0.999) -> None:
    for layer, steps in differences(runner, inputs, OrtSimulation).items():
        assert int(steps.max()) == 0, layer
    for layer, steps in differences(runner, inputs).items():
        # The mean of four integers is a tie in a quarter of all cases, and goes either way.
        averages = "avg_pool" in layer
        largest, equal = int(steps.max()), float((steps == 0).double().mean())
        assert largest <= 1, layer
        assert equal >= (0.7 if averages else share), layer


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def tiny(images: torch.Tensor) -> LayerGraph:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = TinyNet()
        net.train()
        with torch.no_grad():
            net(images * 3)
        return graph_of(net, images)


@pytest.fixture(scope="module")
def runner(tiny: LayerGraph, images: torch.Tensor) -> OrtRunner:
    quantization = quantization_of(tiny, (images,))
    return OrtRunner(quantization, float_model(quantization.graph))


def test_the_float_model_computes_what_the_graph_computes_for_any_batch(tiny, images):
    fused = fuse(tiny, PLAN).graph
    model = float_model(fused)
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    runtime = session(model, 1)
    for batch in (1, 3):
        (found,) = runtime.run(None, {fused.input_names[0]: images[:batch].numpy()})
        with torch.no_grad():
            expected = Executor(fused)((images[:batch],))
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_every_node_of_both_models_names_its_layer(runner):
    ids = {layer.id for layer in runner.quantization.graph.layers}
    for data in (runner.float_bytes, runner.model_bytes):
        nodes = onnx.load_from_string(data).graph.node
        assert len({node.name for node in nodes}) == len(nodes)
        unknown = [node.name for node in nodes if metadata(node, LAYER) not in ids]
        assert unknown in ([], ["output/dequantize"])  # the model's output, which no layer reads


def test_the_quantized_model_keeps_the_names_and_the_dynamic_batch(runner, images):
    before, after = onnx.load_from_string(runner.float_bytes).graph, onnx.load_from_string(runner.model_bytes).graph
    assert (before.input, before.output) == (after.input, after.output)
    assert before.input[0].name == "x"
    assert before.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
    assert runner.run((images[:1],))[0].shape == (1, 5)


def test_all_that_was_asked_runs_in_integers(runner):
    q = runner.quantization
    assert not q.why_not
    asked = {layer.id for layer in q.graph.layers if layer.id in q.asked}
    assert asked <= runner.kernels.keys()
    kernels = Counter(runner.kernels[layer] for layer in asked)
    assert kernels["QLinearConv"] == 6
    assert kernels["QGemm"] == 1
    assert kernels["QLinearAdd"] == 1
    assert kernels["QLinearAveragePool"] == kernels["QLinearGlobalAveragePool"] == 1
    assert "Conv" not in kernels


def test_kernels_and_simulation_are_equal_layer_by_layer(runner, images):
    assert_same(runner, (images,))


def test_the_simulation_with_the_kernels_arithmetic_gives_the_same_outputs(runner, images):
    with torch.no_grad():
        assert torch.equal(OrtSimulation(runner.quantization)((images * 1.5,)), runner.run((images * 1.5,))[0])


def test_a_padding_is_merged_into_its_convolution(runner, images):
    pad, conv = ":pad", "strided:conv2d"
    model = onnx.load_from_string(runner.float_bytes)
    assert "Pad" not in {node.op_type for node in model.graph.node}
    (node,) = (node for node in model.graph.node if node.name == conv)
    assert next(list(a.ints) for a in node.attribute if a.name == "pads") == [0, 0, 1, 1]
    assert runner.kernels[pad] == "in QLinearConv"
    assert runner.integers((images,))[pad].shape[2:] == (9, 9)


def test_weights_are_stored_as_integers_and_biases_as_int32(runner):
    stored = {tensor.name: tensor for tensor in onnx.load_from_string(runner.model_bytes).graph.initializer}
    graph = runner.quantization.graph
    for layer, params in runner.quantization.weights.items():
        weight = onnx.numpy_helper.to_array(stored[f"{layer}/weight/quantized"])
        assert weight.dtype == np.int8
        np.testing.assert_array_equal(weight, params.quantize(graph.weight(graph.by_id[layer])))
        assert stored[f"{layer}/bias/quantized"].data_type == onnx.TensorProto.INT32
    assert not any(tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) > 1 for tensor in stored.values())


def test_reading_the_integers_does_not_change_the_result(runner, images):
    q = runner.quantization
    value = q.graph.output_values[0]
    numbers = runner.integers((images,))[value]
    torch.testing.assert_close(q.values[value].dequantize(numbers), runner.run((images,))[0])


ACTIVATIONS = {
    "uint8": ACTIVATION,
    "7 bits": ACTIVATION.but(bits=7),
    "uint8 symmetric": ACTIVATION.but(symmetric=True),
    "int8": ACTIVATION.but(dtype="int8"),
    "int8 symmetric": ACTIVATION.but(dtype="int8", symmetric=True),
    "clipped at a third": ACTIVATION.but(estimator="percentile", percentile=67),
}
WEIGHTS = {
    "per channel": WEIGHT,
    "per tensor": WEIGHT.but(granularity="per_tensor"),
    "affine": WEIGHT.but(granularity="per_tensor", symmetric=False),
    "4 bits": WEIGHT.but(bits=4),
    "uint8": WEIGHT.but(dtype="uint8", symmetric=False, granularity="per_tensor"),
}


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("weight", WEIGHTS)
def test_other_configurations_run_in_integers_and_are_equal_too(tiny, images, activation, weight):
    plan = PLAN.with_default(WEIGHTS[weight], ACTIVATIONS[activation])
    quantization = quantization_of(tiny, (images,), plan)
    runner = OrtRunner(quantization, float_model(quantization.graph))
    assert quantization.asked <= runner.kernels.keys()
    assert_same(runner, (images,), 0.99)


def test_signed_values_are_stored_unsigned_and_given_back_signed(tiny, images):
    plan = PLAN.with_default(activation=ACTIVATIONS["int8 symmetric"])
    quantization = quantization_of(tiny, (images,), plan)
    runner = OrtRunner(quantization, float_model(quantization.graph))
    stored = {tensor.name: tensor for tensor in onnx.load_from_string(runner.model_bytes).graph.initializer}
    zero = onnx.numpy_helper.to_array(stored["x/zero_point"])
    assert (zero.dtype, int(zero)) == (np.uint8, 128)
    assert torch.equal(runner.integers((images,))["x"], quantization.values["x"].quantize(images))


def test_a_layer_that_stays_float_reads_and_hands_on_real_numbers(tiny, images):
    plan = PLAN.with_layer("project:conv2d", None, None)
    quantization = quantization_of(tiny, (images,), plan)
    runner = OrtRunner(quantization, float_model(quantization.graph))
    assert "project:conv2d" not in runner.kernels
    assert quantization.asked <= runner.kernels.keys()
    assert_same(runner, (images,))
    nodes = {node.name: node for node in onnx.load_from_string(runner.model_bytes).graph.node}
    assert nodes["project:conv2d"].input[0] == nodes["project:conv2d/dequantize"].output[0]
    assert nodes["project:conv2d"].input[1] == "project.weight"


def test_a_fusion_that_is_off_leaves_its_layer_to_run_alone(tiny, images):
    (relu,) = (layer.id for layer in tiny.layers if layer.op == "relu6")
    quantization = quantization_of(tiny, (images,), PLAN.with_fusion(relu, False))
    runner = OrtRunner(quantization, float_model(quantization.graph))
    assert runner.kernels[relu] == "Clip"
    assert_same(runner, (images,))


class Clipped(nn.Module):
    def __init__(self, low: float | None, high: float | None) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.low, self.high = low, high

    def forward(self, x):
        return self.two(torch.clamp(self.one(x), self.low, self.high))


@pytest.mark.parametrize(("low", "high"), [(0.0, None), (0.0, 0.4), (-0.1, 0.2), (None, 0.3)])
@pytest.mark.parametrize("symmetric", [False, True])
def test_a_fused_clip_is_dropped_only_where_the_grid_clips_the_same(images, low, high, symmetric):
    plan = PLAN.with_default(activation=ACTIVATION.but(dtype="int8", symmetric=symmetric, estimator="minmax"))
    runner = lowered(Clipped(low, high), images, plan=plan)
    q = runner.quantization
    params = q.values[q.graph.by_id["one:conv2d"].value]
    ends = [params.quantize(torch.tensor([end])) for end in (low, high) if end is not None]
    limits = [limit for limit, end in ((params.qmin, low), (params.qmax, high)) if end is not None]
    has_clip = "Clip" in {node.op_type for node in onnx.load_from_string(runner.model_bytes).graph.node}
    assert has_clip == ([int(end) for end in ends] != limits)
    assert runner.kernels["one:conv2d"] == "QLinearConv"
    assert_same(runner, (images,))
    numbers = runner.integers((images * 3,))[q.graph.by_id["one:conv2d"].value]
    for end, compare in ((low, torch.ge), (high, torch.le)):
        if end is not None:
            assert compare(numbers, params.quantize(torch.tensor([end]))).all()


class DeadChannel(nn.Module):
    """A channel whose weights are nearly 0 and whose bias is not: in steps of its scales it exceeds 32 bits."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        with torch.no_grad():
            self.conv.weight[1] *= 1e-7
            self.conv.bias.copy_(torch.tensor([0.1, 5.0, -0.2, 0.3]))

    def forward(self, x):
        return self.conv(x)


def test_a_bias_that_does_not_fit_into_32_bits_widens_the_weights_steps(images):
    runner = lowered(DeadChannel(), images)
    assert_same(runner, (images,))
    assert torch.allclose(runner.run((images,))[0][:, 1], torch.tensor(5.0), atol=0.05)


class Movements(nn.Module):
    """Values are moved, cut and put together between integer layers; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.one, self.two = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1)
        self.rows = nn.Linear(4, 6)

    def forward(self, x):
        left, right = self.conv(x).chunk(2, 1)
        x = torch.sigmoid(self.one(left)) * self.two(right)
        x = F.leaky_relu(x[:, :, 1:, ::2])
        x = self.rows(x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, 4))
        return {"rows": x, "attention": (x @ x.transpose(1, 2)).softmax(-1)}


def test_what_moves_values_runs_on_the_whole_numbers(images):
    plan = PLAN.with_layer(":softmax", WEIGHT, ACTIVATION)
    runner = lowered(Movements(), images, plan=plan)
    q = runner.quantization
    asked = {layer.id for layer in q.graph.layers if layer.id in q.asked}
    assert asked <= runner.kernels.keys()
    assert {runner.kernels[layer] for layer in asked} == {
        "QLinearConv",
        "QLinearSigmoid",
        "QLinearMul",
        "QLinearLeakyRelu",
        "QGemm",
        "QLinearMatMul",
        "QLinearSoftmax",
    }
    graph = onnx.load_from_string(runner.model_bytes).graph
    assert [output.name for output in graph.output] == ["rows", "attention"]
    dequantized = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    moving = [node for node in graph.node if node.op_type in ("Split", "Slice", "Transpose", "Reshape")]
    assert len(moving) >= 5
    assert not any(name in dequantized for node in moving for name in node.input)
    assert_same(runner, (images,), 0.99)
    assert runner.run((images[:1],))[0].shape == (1, 120, 6)


class Larger(nn.Module):
    """Nearest values in one to three dimensions, and a maximum in three; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.line, self.volume = nn.Conv2d(3, 4, 3), nn.Conv1d(4, 4, 3), nn.Conv3d(4, 4, 1)

    def forward(self, x):
        x = self.conv(x)
        line = F.interpolate(self.line(x.flatten(2)), scale_factor=2)
        volume = F.interpolate(F.max_pool3d(self.volume(x.unflatten(2, (2, 7))), (1, 2, 2)), scale_factor=(2, 3, 1))
        exact = F.interpolate(x, size=(9, 21), mode="nearest-exact"), F.interpolate(x, scale_factor=2.5, mode="nearest")
        return (line, volume, *exact, F.interpolate(x, size=(17, 28)), F.interpolate(x, scale_factor=2, mode="bicubic"))


def test_nearest_values_and_a_maximum_in_three_dimensions_are_taken_of_whole_numbers(images, tmp_path):
    runner = lowered(Larger(), images)
    q = runner.quantization
    assert {layer.op for layer in map(q.graph.by_id.get, q.why_not)} == {"interpolate"}
    assert len(q.why_not) == 1  # the cubic one
    assert {runner.kernels[layer] for layer in q.asked if "interpolate" in layer and layer not in q.why_not} == {
        "Resize"
    }
    assert runner.kernels[":max_pool3d"] in ("MaxPool", "NhwcMaxPool")
    assert_same(runner, (images,))
    path = tmp_path / "int8.onnx"
    path.write_bytes(runner.model_bytes)
    again = load_model(ModelSpec(str(path)))
    with torch.no_grad():
        for found, wanted in zip(outputs_of(Executor(again.graph)((images,))), runner.run((images,)), strict=True):
            assert found.shape == wanted.shape


class Pyramid(nn.Module):
    """What detectors do between convolutions, where the runtime orders the axes anew; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(3, 4, 3, stride=4, padding=1)
        self.three, self.head = nn.Conv2d(4, 4, 1), nn.Conv2d(4, 2, 1)

    def forward(self, x):
        near, far = self.one(x), self.two(x)
        y = near + F.interpolate(far, size=near.shape[-2:], mode="nearest")
        return self.head(y), self.head(F.interpolate(self.three(y), scale_factor=2, mode="nearest"))


def test_convolutions_around_nearest_values_run_in_integers(images, tmp_path):
    runner = lowered(Pyramid(), images)
    assert not runner.quantization.why_not
    assert {runner.kernels[layer] for layer in (":interpolate", ":interpolate#2")} == {"Resize"}
    assert_same(runner, (images,))


@pytest.mark.parametrize("exact", [False, True])
def test_scales_in_place_of_sizes_pick_what_torch_picks(exact):
    taken = 0
    for have, want in itertools.product((1, 5, 7, 14, 16, 33), (1, 2, 8, 9, 17, 28, 33, 66)):
        scales = _as_scales([have], [want], exact)
        if scales is None:
            continue
        taken += 1
        node = helper.make_node(
            "Resize", ["x", "", "scales"], ["y"], mode="nearest",
            coordinate_transformation_mode="half_pixel" if exact else "asymmetric",
            nearest_mode="round_prefer_ceil" if exact else "floor",
        )  # fmt: skip
        x = np.arange(have, dtype=np.float32)[None, None]
        names = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in "xy"]
        stored = numpy_helper.from_array(np.array([1, 1, *scales], np.float32), "scales")
        graph = helper.make_graph([node], "resize", names[:1], names[1:], [stored])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        (found,) = ort.InferenceSession(model.SerializeToString()).run(None, {"x": x})
        wanted = F.interpolate(torch.from_numpy(x), size=want, mode="nearest-exact" if exact else "nearest")
        np.testing.assert_array_equal(found, wanted.numpy(), err_msg=f"{have} to {want}")
    assert taken > 20


class Foreign(nn.Module):
    """Operators that only torch's exporter knows, between convolutions; input (N, 3, 16, 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride=2)
        self.norm, self.mlp = nn.LayerNorm(4), nn.Linear(4, 4)

    def forward(self, x):
        x = F.interpolate(F.gelu(self.one(x)), scale_factor=0.5, mode="bilinear", align_corners=False)
        x = self.norm(self.two(x.roll(1, 2)).flatten(2).transpose(1, 2))
        return self.mlp(x), x


def test_what_the_project_does_not_write_itself_comes_from_torchs_exporter(images):
    runner = lowered(Foreign(), images)
    graph = runner.quantization.graph
    for batch in (2, 3):
        feed = {graph.input_names[0]: images[:batch].numpy()}
        with torch.no_grad():
            expected = outputs_of(Executor(graph)((images[:batch],)))
        for found, wanted in zip(session(runner.float_bytes, 1).run(None, feed), expected, strict=True):
            np.testing.assert_allclose(found, wanted.numpy(), atol=1e-5)
    assert {layer for layer in runner.kernels if layer in runner.quantization.asked} == {
        "one:conv2d",
        "two:conv2d",
        "mlp:linear",
    }
    assert_same(runner, (images,))


class OneHead(nn.Module):
    """Attention of three axes, with and without a mask."""

    def __init__(self) -> None:
        super().__init__()
        self.queries = nn.Conv2d(3, 6, 3, stride=2)

    def forward(self, x):
        x = self.queries(x).flatten(2)
        mask = torch.ones(6, 6, dtype=torch.bool, device=x.device).tril()
        gains = x.mean(2, keepdim=True).expand(-1, -1, 6)
        masked = F.scaled_dot_product_attention(x, x.sigmoid(), x, mask)
        return F.scaled_dot_product_attention(masked, x, x.relu()), F.scaled_dot_product_attention(x, x, masked, gains)


def test_attention_of_three_axes_is_written(images):
    runner = lowered(OneHead(), images)
    graph = runner.quantization.graph
    for batch in (1, 3):
        with torch.no_grad():
            expected = outputs_of(Executor(graph)((images[:batch],)))
        found = session(runner.float_bytes, 1).run(None, {graph.input_names[0]: images[:batch].numpy()})
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other.numpy(), atol=1e-5)


class Shared(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x, y):
        return {"sum": self.conv(self.conv(x)) + y, "first": self.conv(y), "input": y}


def test_a_shared_module_and_several_inputs_and_outputs(images):
    runner = lowered(Shared(), images, images * 2)
    assert {"conv:conv2d", "conv:conv2d@2", "conv:conv2d@3", ":add"} <= runner.kernels.keys()
    assert_same(runner, (images, images * 2))
    first, second, third = runner.run((images, images * 2))
    assert first.shape == second.shape == third.shape
    assert torch.equal(third, images * 2)


@pytest.mark.parametrize("kind", ["static", "dynamic", "weight only"])
def test_a_shared_modules_whole_numbers_are_stored_once(images, tmp_path, kind):
    config = {"static": ACTIVATION, "dynamic": TensorConfig("uint8", dynamic=True), "weight only": None}[kind]
    plan = PLAN.with_default(weight=WEIGHT, activation=config)
    model = lowered(Shared(), images, images * 2, plan=plan).model_bytes
    stored = [tensor.name for tensor in onnx.load_from_string(model).graph.initializer]
    assert [name for name in stored if name.endswith("weight/quantized")] == ["conv:conv2d/weight/quantized"]
    path = tmp_path / "int8.onnx"
    path.write_bytes(model)
    again = load_model(ModelSpec(str(path)))
    if kind != "dynamic":
        assert sum(tensor.dim() == 4 for tensor in again.graph.params.values()) == 1
    assert len([layer for layer in again.existing.weights if layer.startswith("conv:conv2d")]) == 3


def test_layers_that_the_runtime_left_in_float_are_not_called_integer(runner):
    q = runner.quantization
    # Without a quantizer behind it a convolution cannot become an integer one.
    model = onnx.load_from_string(runner.model_bytes)
    (quantizer,) = (node for node in model.graph.node if node.name == "project:conv2d/quantize")
    (conv,) = (node for node in model.graph.node if node.name == "project:conv2d")
    model.graph.node.insert(
        list(model.graph.node).index(quantizer),
        onnx.helper.make_node("Softsign", [conv.output[0]], ["between"], "between"),
    )
    next(node for node in model.graph.node if node.name == quantizer.name).input[0] = "between"
    _, optimized = open_model(model.SerializeToString(), 1)
    found = kernels_of(model, optimized, q.quantized)
    assert set(runner.kernels) - set(found) == {"project:conv2d"}


def test_time_gives_every_run_and_every_layer(runner, images):
    told: list[float] = []
    timing = runner.time((images[:1],), 1, 5, lambda done, total, note: told.append(done / total))
    assert len(timing.fp32_ms) == len(timing.int8_ms) == 5
    assert told == sorted(told)
    layers = {layer.id for layer in runner.quantization.graph.layers}
    for found in (timing.fp32_us, timing.int8_us):
        assert set(found) - {""} <= layers
        assert all(len(times) == 5 for times in found.values())
        weighted = {layer.id for layer in runner.quantization.graph.layers if layer.op in ("conv2d", "linear")}
        assert weighted <= set(found)
    assert timing.fp32_us.get("", []) == []


def test_the_same_quantization_gives_the_same_bytes(runner):
    again = quantized_model(runner.float_bytes, replace(runner.quantization))
    assert again == runner.model_bytes
    assert json.loads(metadata(onnx.load_from_string(again), "qinspect.values"))["x"] == "x"


class Names(nn.Module):
    """Parameters and outputs that are called like inputs and outputs; a linear layer with ReLU on three axes."""

    def __init__(self) -> None:
        super().__init__()
        self.x, self.output = nn.Parameter(torch.ones(6)), nn.Parameter(torch.zeros(6))
        self.rows = nn.Linear(16, 6)

    def forward(self, x):
        return {"x": torch.relu(self.rows(x[:, 0])) * self.x + self.output}


def test_equal_names_of_parameters_inputs_and_outputs_do_not_meet(images):
    runner = lowered(Names(), images)
    graph = onnx.load_from_string(runner.model_bytes).graph
    assert [item.name for item in (*graph.input, *graph.output)] == ["x", "x_out"]
    assert runner.kernels["rows:linear"] == "QGemm"
    assert "rows:linear" in runner.quantization.giving_real
    assert_same(runner, (images,))
    with torch.no_grad():
        wanted = OrtSimulation(runner.quantization)((images,))["x"]
    assert torch.allclose(runner.run((images,))[0], wanted, rtol=1e-5, atol=1e-6)


def test_what_a_float_layer_made_is_rounded_as_the_runtime_rounds_it():
    ties = torch.arange(-60, 60).add(0.5).double().mul(0.037647).float().reshape(1, 3, 8, 5)
    runner = lowered(nn.Conv2d(3, 4, 1), ties.repeat(2, 1, 1, 1))
    q = runner.quantization
    with torch.no_grad():
        assert torch.equal(OrtSimulation(q)((ties,)), runner.run((ties,))[0])


def test_a_model_that_the_runtime_refuses_is_a_problem_of_one_line(runner):
    model = onnx.load_from_string(runner.model_bytes)
    model.graph.node[-1].op_type = "NoSuchOperator"
    with pytest.raises(Problem, match="does not take the model") as caught:
        session(model.SerializeToString(), 1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zero", [0, 3, 128])
def test_an_average_of_all_of_an_image_is_rounded_as_the_kernels_global_one(canonical, quantized, zero):
    # Between two integers it goes to the even one; over windows it goes as the sum of real numbers says.
    x = torch.randn(16, 4, 4, 4)
    q = quantized(canonical(nn.Sequential(nn.Conv2d(4, 32, 1), nn.AvgPool2d(4)), x), PLAN, [(x,)])
    (name,) = q.graph.input_names
    grid = replace(q.values["0:conv2d"], scale=np.float32(0.005367064), zero_point=np.asarray(zero))
    q = replace(q, values={**dict.fromkeys(q.values, grid), name: q.values[name]})
    whole = OrtRunner(q, float_model(q.float_graph)).integers((x,))
    pool = q.graph.by_id["1:avg_pool2d"]
    simulated = OrtSimulation(q).run_layer(pool, {"0:conv2d": grid.dequantize(whole["0:conv2d"])})
    assert torch.equal(grid.quantize(simulated), whole[pool.value])
