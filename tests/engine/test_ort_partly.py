"""Weight-only, dynamic, low-bit and 16-bit plans in ONNX Runtime: which operators really run, and what they compute."""

from __future__ import annotations

from collections import Counter

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.weights import blocks
from qinspect.engine.backends.ort.runner import OrtRunner, open_model
from qinspect.engine.backends.ort.simulate import OrtSimulation
from qinspect.engine.decide import decide
from qinspect.engine.kernels import compare
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import PRESETS, QConfig, TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.ranges import estimate_weight

PLAN = QuantPlan.preset(Target())
INT8 = TensorConfig("int8", symmetric=True, narrow=True, granularity="per_channel")
INT4 = PRESETS["weight-only-int4"].weight
DYNAMIC = TensorConfig("uint8", dynamic=True)
ROWS = torch.randn(6, 5, 40, generator=torch.Generator().manual_seed(1))
IMAGES = torch.randn(6, 3, 9, 9, generator=torch.Generator().manual_seed(2))


class Rows(nn.Module):
    """Linear layers that share an input, with and without bias and activation, and a product of two values."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(40, 48), nn.Linear(40, 48, bias=False)
        self.mlp, self.head = nn.Linear(5, 33), nn.Linear(33, 4)

    def forward(self, x):
        attention = self.query(x) @ self.key(x).transpose(1, 2)
        return self.head(torch.relu(self.mlp(attention)).mean(1))


class Images(nn.Module):
    """Convolutions with padding, stride, groups, an activation, a transposed one, and a pooling between."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, stride=2, groups=8, bias=False)
        self.line = nn.Conv1d(8, 6, 3, padding=2)
        self.up = nn.ConvTranspose1d(6, 6, 2, stride=2)
        self.head = nn.Linear(6, 4)

    def forward(self, x):
        x = torch.relu(self.first(x))
        x = nn.functional.max_pool2d(nn.functional.relu6(self.depthwise(x)), 2)
        return self.head(self.up(self.line(x.flatten(2))).mean(2))


@pytest.fixture
def lowered(canonical, quantized):
    def make(net, x, config, **layers):
        plan = PLAN.with_default(config.weight, config.activation)
        for layer, other in layers.items():
            plan = plan.with_layer(layer, other.weight, other.activation)
        q = quantized(canonical(net.eval(), x), plan, [(x,)])
        return OrtRunner(q, float_model(q.graph))

    return make


def assert_like_simulation(runner, x, rel=1e-4):
    simulation = OrtSimulation(runner.quantization)
    for batch in (x, x[:2] * 3):
        with torch.no_grad():
            wanted = simulation((batch,))
        found = runner.run((batch,))[0]
        assert float((found - wanted).abs().max()) <= rel * float(wanted.abs().max())


def steps(runner, x):
    """Largest difference between kernel and simulation in steps of the grid, by layer, both fed the same."""
    found = {}
    with torch.no_grad():
        compare(OrtSimulation(runner.quantization), runner.integers((x,)), (x,), found)
    return {layer: difference.check().max_steps for layer, difference in found.items()}


def kinds(runner):
    """How many of each operator the runtime runs."""
    _, optimized = open_model(runner.model_bytes, 1)
    return Counter(node.op_type for node in optimized.graph.node)


@pytest.mark.parametrize("granularity", ["per_tensor", "per_channel"])
@pytest.mark.parametrize("dtype", ["int8", "int4", "uint8", "uint4"])
def test_dynamic_rows_run_in_integers(lowered, dtype, granularity):
    symmetric = granularity == "per_channel" or dtype.startswith("int")
    weight = TensorConfig(dtype, symmetric=symmetric, granularity=granularity)
    if symmetric and dtype.startswith("u"):
        weight = weight.but(symmetric=False, granularity="per_tensor")
    runner = lowered(Rows(), ROWS, QConfig(weight, DYNAMIC))
    q = runner.quantization
    assert q.dynamic == q.asked == {"query:linear", "key:linear", ":matmul", "mlp:linear", "head:linear"}
    assert not q.why_not
    assert q.dynamic <= runner.kernels.keys()
    assert set(runner.kernels.values()) <= {"DynamicQuantizeMatMul", "MatMulIntegerToFloat"}
    # query and key read the same value, which is rounded once.
    assert runner.kernels["query:linear"] == runner.kernels["key:linear"] == "MatMulIntegerToFloat"
    assert "Gemm" not in kinds(runner)
    assert_like_simulation(runner, ROWS)


def test_dynamic_convolutions_run_in_integers(lowered):
    runner = lowered(Images(), IMAGES, QConfig(INT8, DYNAMIC))
    q = runner.quantization
    assert q.dynamic == {"first:conv2d", "depthwise:conv2d", "line:conv1d", "head:linear"}
    assert q.why_not == {"up:conv_transpose1d": "ONNX Runtime has no dynamic kernel for conv_transpose1d"}
    assert {runner.kernels[layer] for layer in q.dynamic} == {"ConvInteger", "DynamicQuantizeMatMul"}
    assert kinds(runner)["Conv"] == 0
    assert_like_simulation(runner, IMAGES)


def test_dynamic_weights_with_a_zero_point(lowered):
    weight = TensorConfig("uint8", granularity="per_tensor")
    for net, x in ((Rows(), ROWS), (Images(), IMAGES)):
        runner = lowered(net, x, QConfig(weight, DYNAMIC))
        assert runner.quantization.dynamic <= runner.kernels.keys()
        assert_like_simulation(runner, x)


@pytest.mark.parametrize(
    "weight",
    [
        INT4,
        INT4.but(granularity="per_channel"),
        TensorConfig("int4", granularity="per_tensor"),
        TensorConfig("uint4", granularity="per_group", group_size=16, estimator="mse"),
        INT4.but(group_size=64, bits=3),
    ],
    ids=str,
)
def test_weight_only_rows_run_in_a_low_bit_kernel(lowered, weight):
    runner = lowered(Rows(), ROWS, QConfig(weight, None))
    q = runner.quantization
    assert q.weight_only == q.asked == {"query:linear", "key:linear", "mlp:linear", "head:linear"}
    assert runner.kernels == dict.fromkeys(q.weight_only, "MatMulNBits")
    assert not q.why_not
    # The values stay float32: the runtime's own way from a DequantizeLinear would round them to 8 bits.
    assert_like_simulation(runner, ROWS, 1e-5)
    model = onnx.load_from_string(runner.model_bytes)
    assert {item.domain for item in model.opset_import} == {"", "com.microsoft"}


@pytest.mark.parametrize(
    "weight",
    [
        TensorConfig("fp16"),
        TensorConfig("bf16"),
        TensorConfig("fp8_e4m3", granularity="per_channel"),
        TensorConfig("fp8_e5m2"),
        INT4.but(group_size=20),
        INT8,
        INT8.but(granularity="per_tensor", bits=5),
        TensorConfig("uint8"),
        INT8.but(granularity="per_group", group_size=16),
        TensorConfig("int16", symmetric=True, granularity="per_channel"),
    ],
    ids=str,
)
def test_other_weights_are_stored_small_and_computed_in_float(lowered, weight):
    runner = lowered(Rows(), ROWS, QConfig(weight, None))
    q = runner.quantization
    assert q.weight_only == q.asked
    assert q.why_not.keys() == q.asked
    assert all("the kernel computes in float" in reason for reason in q.why_not.values())
    assert not runner.kernels
    assert_like_simulation(runner, ROWS, 1e-5)
    stored = {t.name: t for t in onnx.load_from_string(runner.model_bytes).graph.initializer}
    of_query = stored["query:linear/weight/quantized"]
    name = {"fp16": "FLOAT16", "bf16": "BFLOAT16", "fp8_e4m3": "FLOAT8E4M3FN", "fp8_e5m2": "FLOAT8E5M2"}
    assert of_query.data_type == getattr(onnx.TensorProto, name.get(weight.dtype, weight.dtype.upper()))


@pytest.mark.parametrize("weight", [INT8, INT8.but(dtype="int4"), TensorConfig("fp16")], ids=str)
def test_weight_only_convolutions_are_computed_in_float(lowered, weight):
    runner = lowered(Images(), IMAGES, QConfig(weight, None))
    q = runner.quantization
    assert q.weight_only == q.asked
    convolutions = {layer for layer in q.weight_only if "conv" in layer}
    assert len(convolutions) == 4
    assert convolutions <= q.why_not.keys()
    assert not convolutions & runner.kernels.keys()
    assert_like_simulation(runner, IMAGES, 1e-5)


def test_four_bit_weights_with_eight_bit_activations_are_stored_in_four_and_run_in_integers(lowered):
    config = QConfig(INT8.but(dtype="int4"), PLAN.default.activation)
    runner = lowered(Images(), IMAGES, config)
    q = runner.quantization
    assert {"first:conv2d", "depthwise:conv2d", "line:conv1d"} <= runner.kernels.keys()
    assert not (q.asked & q.quantized) - runner.kernels.keys()
    stored = {t.name: t for t in onnx.load_from_string(runner.model_bytes).graph.initializer}
    assert stored["first:conv2d/weight/quantized"].data_type == onnx.TensorProto.INT4
    assert max(steps(runner, IMAGES).values()) == 0


@pytest.mark.parametrize("dtype", ["int16", "uint16"])
def test_sixteen_bit_activations_are_rounded_as_asked_and_computed_in_float(lowered, dtype):
    symmetric = dtype == "int16"
    runner = lowered(Images(), IMAGES, QConfig(INT8, TensorConfig(dtype, symmetric=symmetric)))
    q = runner.quantization
    assert not runner.kernels.keys() & q.asked
    assert q.asked | {"up:conv_transpose1d"} == q.why_not.keys()  # which a default does not mean
    assert {"first:conv2d", ":max_pool2d", "line:conv1d"} <= q.quantized
    assert all("in float" in q.why_not[layer] for layer in q.quantized & q.asked)
    found = steps(runner, IMAGES)
    assert found.keys() == q.quantized & q.asked
    assert max(found.values()) <= 2
    assert_like_simulation(runner, IMAGES, 1e-3)


def test_a_layer_between_grids_of_8_and_16_bits_is_said_to_be_float(lowered):
    wide = QConfig(INT8, TensorConfig("int16", symmetric=True))
    runner = lowered(Images(), IMAGES, PLAN.default, **{"first:conv2d": wide})
    q = runner.quantization
    assert q.why_not["first:conv2d"].startswith("ONNX Runtime computes it in float")
    assert q.why_not["depthwise:conv2d"] == "no integer kernel takes int16 and uint8 together"
    assert decide(q.graph, q.plan).why_not["depthwise:conv2d"] == q.why_not["depthwise:conv2d"], "without statistics"
    assert not {"first:conv2d", "depthwise:conv2d"} & runner.kernels.keys()
    assert runner.kernels["line:conv1d"] == "QLinearConv"
    assert_like_simulation(runner, IMAGES, 0.02)


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("dtype", ["int4", "uint4", "int8", "uint8"])
def test_blocks_hold_the_numbers_of_the_weight(dtype, size):
    weight = torch.randn(3, 40)
    params = estimate_weight(weight, TensorConfig(dtype, granularity="per_group", group_size=size), 0)
    packed, scale, zero, block = blocks(weight, params)
    assert block == size
    bits = 4 if dtype.endswith("4") else 8
    if bits == 4:
        packed, zero = (np.stack([a & 15, a >> 4], -1).reshape(*a.shape[:-1], -1) for a in (packed, zero))
    count = scale.shape[1]
    real = (packed.astype(np.float32) - zero[:, :count, None]) * scale[..., None]
    assert np.array_equal(real.reshape(3, -1)[:, :40], params.fake_quantize(weight).numpy())


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (QConfig(INT8, DYNAMIC.but(granularity="per_token")), "at run time"),
        (QConfig(INT8, TensorConfig("int8", dynamic=True)), "at run time"),
        (QConfig(INT4, DYNAMIC), "dynamic kernels take weights"),
        (QConfig(TensorConfig("fp16"), DYNAMIC), "dynamic kernels take weights"),
        (QConfig(INT8.but(symmetric=False), None), "symmetric weights"),
        (QConfig(INT8, TensorConfig("fp16")), "8 or 16 bits"),
        (QConfig(INT8.but(dynamic=True), None), "no dynamic range"),
    ],
)
def test_what_the_runtime_cannot_do_is_refused_by_layer_before_anything_runs(canonical, quantized, config, says):
    plan = PLAN.with_default(config.weight, config.activation).with_layer(":matmul", activation=None)
    q = quantized(canonical(Rows().eval(), ROWS), plan, [(ROWS,)])
    linear = {layer for layer in q.asked if "linear" in layer}
    assert len(linear) == 4
    assert all(says in q.why_not[layer] for layer in linear)
    assert not linear & (q.quantized | q.rounding)


def test_groups_along_a_convolution_are_refused(canonical, quantized):
    q = quantized(canonical(Images().eval(), IMAGES), PLAN.with_default(INT4, None), [(IMAGES,)])
    assert q.why_not["first:conv2d"] == "groups are along the features of linear layers"
    assert q.weight_only == {"head:linear"}


class AddedProduct(nn.Module):
    """A product of two values that is added to a third (``baddbmm``)."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(8, 8) for _ in range(3))

    def forward(self, x):
        return torch.baddbmm(self.one(x), self.two(x), self.three(x))


def test_an_added_product_runs_in_integers_where_it_is_static_and_is_refused_where_it_is_dynamic(canonical, quantized):
    x = torch.randn(3, 8, 8)
    graph = canonical(AddedProduct(), x)
    q = quantized(graph, PLAN, [(x,)])
    runner = OrtRunner(q, float_model(q.graph))
    assert runner.kernels[":matmul"] in ("MatMulIntegerToFloat", "QLinearMatMul")
    with torch.no_grad():
        wanted = OrtSimulation(q)((x,))
    assert torch.equal(runner.run((x,))[0], wanted[0] if isinstance(wanted, (tuple, list)) else wanted)
    q = quantized(graph, QuantPlan(Target()).with_default(INT8, DYNAMIC), [(x,)])
    assert "adds none" in q.why_not[":matmul"]
    assert ":matmul" not in q.dynamic


@pytest.mark.parametrize("config", [QConfig(INT8, DYNAMIC), PRESETS["weight-only-int4"]])
def test_kernels_that_hand_on_real_numbers_are_compared_with_the_simulation(lowered, config):
    runner = lowered(Rows(), ROWS, config)
    q = runner.quantization
    partly = {layer for layer in runner.kernels if layer in q.dynamic | q.weight_only}
    simulation, found, spoilt = OrtSimulation(q), {}, {}
    with torch.no_grad():
        reals = runner.reals((ROWS,))
        compare(simulation, runner.integers((ROWS,)), (ROWS,), found, reals)
        assert partly >= {"query:linear", "key:linear", "mlp:linear", "head:linear"}
        assert partly <= found.keys()
        assert all(found[layer].check().equal_share > 0.999 for layer in partly)
        compare(simulation, {}, (ROWS,), spoilt, {**reals, "query:linear": 1.5 * reals["query:linear"]})
    assert spoilt["query:linear"].check().max_steps > 2
