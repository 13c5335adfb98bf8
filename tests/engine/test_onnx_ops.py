"""Every ONNX operator that is read gives what onnxruntime gives."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from qinspect.engine.load import ModelSpec, load_model

RNG = np.random.default_rng(0)


def real(*shape, low=-2.0, high=2.0):
    return RNG.uniform(low, high, shape).astype(np.float32)


def whole(*values):
    return np.array(values, np.int64)


class Stored:
    """An input that is stored in the model."""

    def __init__(self, array):
        self.array = np.asarray(array)


def case(kind, *inputs, outputs=1, **attributes):
    return kind, inputs, outputs, attributes


X = real(2, 6, 8, 8)
SMALL = real(2, 3, 4)
BOOL = RNG.random((2, 3, 4)) > 0.5

UNARY = [
    *(case(kind, SMALL) for kind in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Mish", "HardSwish")),
    *(case(kind, SMALL) for kind in ("Abs", "Neg", "Exp", "Floor", "Ceil", "Round", "Sign", "Erf", "Sin", "Cos")),
    *(case(kind, real(2, 3, low=0.1, high=2)) for kind in ("Log", "Sqrt", "Reciprocal")),
    *(case(kind, real(2, 3, low=-0.9, high=0.9)) for kind in ("Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh")),
    *(case(kind, real(2, 3, low=-0.9, high=0.9)) for kind in ("Asinh", "Atanh", "IsNaN", "IsInf")),
    case("Acosh", real(2, 3, low=1.1, high=3)),
    case("Not", BOOL),
    case("Identity", SMALL),
    case("Dropout", SMALL),
    case("LeakyRelu", SMALL, alpha=0.2),
    case("Elu", SMALL, alpha=0.7),
    case("Celu", SMALL, alpha=0.7),
    case("Selu", SMALL),
    case("Selu", SMALL, alpha=1.5, gamma=1.2),
    case("ThresholdedRelu", SMALL, alpha=0.6),
    case("HardSigmoid", SMALL, alpha=0.3, beta=0.4),
    case("HardSigmoid", SMALL, alpha=1 / 6, beta=0.5),
    case("Shrink", SMALL, bias=0.1, lambd=0.4),
    case("Gelu", SMALL),
    case("Gelu", SMALL, approximate="tanh"),
    case("PRelu", X, Stored(real(6, 1, 1))),
    case("PRelu", X, Stored(real(1))),
    case("PRelu", SMALL, Stored(real(4))),
    case("Clip", SMALL, Stored(np.float32(0)), Stored(np.float32(1.5))),
    case("Clip", SMALL, Stored(np.float32(-0.5))),
    case("Softmax", SMALL),
    case("Softmax", SMALL, axis=1),
    case("LogSoftmax", SMALL, axis=1),
    case("Cast", SMALL, to=TensorProto.INT64),
    case("Cast", RNG.integers(0, 2, (2, 3)), to=TensorProto.FLOAT),
    case("CumSum", SMALL, Stored(np.array(1))),
    case("LpNormalization", SMALL, axis=1, p=2),
    case("LRN", X, size=3, alpha=0.01),
]

BINARY = [
    *(case(kind, SMALL, real(3, 1)) for kind in ("Add", "Sub", "Mul", "Div", "Min", "Max", "Sum", "Mean")),
    *(case(kind, SMALL, Stored(np.float32(0.3))) for kind in ("Add", "Sub", "Mul", "Div", "Greater", "LessOrEqual")),
    case("Sub", Stored(np.float32(0.3)), SMALL),
    case("Div", Stored(np.float32(0.3)), real(2, 3, low=1, high=2)),
    case("Div", whole(7, -7, 8), whole(2, 2, -3)),
    case("Pow", real(2, 3, low=0.1, high=2), real(2, 3)),
    case("Pow", SMALL, Stored(np.float32(2))),
    case("Pow", SMALL, Stored(np.int64(2))),
    case("Mod", whole(7, -7, 8), whole(3, 3, 5)),
    case("Mod", real(3, low=1, high=5), real(3, low=1, high=2), fmod=1),
    case("Equal", whole(1, 2), whole(1, 3)),
    case("Less", SMALL, real(3, 1)),
    case("GreaterOrEqual", SMALL, real(3, 1)),
    *(case(kind, BOOL, ~BOOL | (SMALL > 0)) for kind in ("And", "Or", "Xor")),
    case("BitShift", np.array([1, 2], np.uint8), np.array([2, 1], np.uint8), direction="LEFT"),
    case("Where", BOOL, SMALL, real(2, 3, 4)),
    case("Where", BOOL, SMALL, Stored(np.float32(-1))),
    case("MatMul", real(2, 3, 4), real(2, 4, 5)),
    case("MatMul", real(2, 3, 4), Stored(real(4, 5))),
    case("Gemm", real(3, 4), Stored(real(5, 4)), Stored(real(5)), transB=1),
    case("Gemm", real(4, 3), Stored(real(4, 5)), Stored(real(1, 5)), transA=1, alpha=0.5, beta=2.0),
    case("Gemm", real(3, 4), real(4, 5)),
    case("Einsum", real(2, 3), real(3, 4), equation="ij,jk->ik"),
    *(
        case(f"Reduce{kind}", real(2, 3, 4, low=0.1, high=2), Stored(whole(1, -1)), keepdims=keep)
        for keep in (0, 1)
        for kind in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp")
    ),
    case("ReduceMean", SMALL),
    case("ReduceSum", SMALL, noop_with_empty_axes=1),
    case("ArgMax", SMALL, axis=1),
    case("ArgMin", SMALL, axis=-1, keepdims=0),
]

WINDOWS = [
    case("Conv", X, Stored(real(4, 3, 3, 3)), Stored(real(4)), group=2, pads=[1, 1, 1, 1], strides=[2, 1]),
    case("Conv", X, Stored(real(4, 6, 3, 3)), pads=[0, 1, 2, 3], dilations=[1, 2]),
    case("Conv", X, Stored(real(4, 6, 3, 3)), auto_pad="SAME_UPPER", strides=[2, 2]),
    case("Conv", X, Stored(real(4, 6, 4, 4)), auto_pad="SAME_LOWER"),
    case("Conv", real(2, 3, 9), Stored(real(4, 3, 3)), pads=[2, 2]),
    case("Conv", real(1, 2, 4, 5, 6), Stored(real(3, 2, 2, 2, 2))),
    case("ConvTranspose", X, Stored(real(6, 2, 3, 3)), Stored(real(4)), group=2, strides=[2, 2], pads=[1, 1, 1, 1]),
    case("ConvTranspose", X, Stored(real(6, 2, 3, 3)), strides=[2, 2], pads=[0, 1, 1, 0], output_padding=[1, 1]),
    case("ConvTranspose", X, Stored(real(6, 2, 3, 3)), strides=[2, 2], output_shape=[16, 17]),
    case("MaxPool", X, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    case("MaxPool", X, kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1),
    case("MaxPool", X, kernel_shape=[2, 2], pads=[0, 0, 1, 1], dilations=[2, 2]),
    case("MaxPool", X, kernel_shape=[3, 3], auto_pad="SAME_UPPER", strides=[2, 2]),
    case("MaxPool", real(2, 3, 9), kernel_shape=[2], strides=[2]),
    case("AveragePool", X, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
    case("AveragePool", X, kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
    case("AveragePool", X, kernel_shape=[2, 2], pads=[0, 0, 1, 1]),
    case("GlobalAveragePool", X),
    case("GlobalMaxPool", X),
    case("BatchNormalization", X, *(Stored(real(6, low=0.5)) for _ in range(4)), epsilon=1e-3),
    case("LayerNormalization", SMALL, Stored(real(4)), Stored(real(4)), epsilon=1e-3),
    case("LayerNormalization", SMALL, Stored(real(3, 4)), axis=1),
    case("InstanceNormalization", X, Stored(real(6)), Stored(real(6))),
    case("GroupNormalization", X, Stored(real(6)), Stored(real(6)), num_groups=3),
    case("Resize", X, None, Stored(np.float32([1, 1, 2, 2])), mode="nearest", nearest_mode="floor",
         coordinate_transformation_mode="asymmetric"),
    case("Resize", X, None, Stored(np.float32([1, 1, 2, 3])), mode="nearest"),
    case("Resize", X, None, None, Stored(whole(2, 6, 13, 5)), mode="linear"),
    case("Resize", X, None, None, Stored(whole(2, 6, 13, 5)), mode="linear",
         coordinate_transformation_mode="align_corners"),
    case("Resize", X, None, Stored(np.float32([1, 1, 1.5, 2])), mode="cubic"),
    case("DepthToSpace", real(1, 8, 2, 3), blocksize=2),
    case("DepthToSpace", real(1, 8, 2, 3), blocksize=2, mode="CRD"),
    case("SpaceToDepth", X, blocksize=2),
]  # fmt: skip

MOVES = [
    case("Reshape", SMALL, Stored(whole(0, -1))),
    case("Flatten", X),
    case("Flatten", X, axis=2),
    case("Flatten", X, axis=0),
    case("Squeeze", real(1, 3, 1), Stored(whole(0, 2))),
    case("Squeeze", real(1, 3, 1)),
    case("Unsqueeze", SMALL, Stored(whole(0, -1))),
    case("Transpose", SMALL, perm=[2, 0, 1]),
    case("Transpose", SMALL),
    case("Slice", X, Stored(whole(1, 2)), Stored(whole(6, -1)), Stored(whole(2, 3)), Stored(whole(2, 1))),
    case("Slice", SMALL, Stored(whole(-1)), Stored(whole(-99)), Stored(whole(1)), Stored(whole(-1))),
    case("Split", SMALL, Stored(whole(1, 3)), outputs=2, axis=2),
    case("Split", X, outputs=4, axis=1, num_outputs=4),
    case("Gather", SMALL, Stored(whole(2, 0)), axis=2),
    case("Gather", SMALL, Stored(np.array(-1)), axis=1),
    case("Gather", Stored(real(7, 3)), np.array([[1, 6], [0, 2]])),
    case("Gather", SMALL, Stored(np.array([[0, 1], [1, 0]])), axis=0),
    case("GatherElements", SMALL, RNG.integers(0, 3, (2, 3, 4)), axis=1),
    case("GatherND", SMALL, np.array([[0, 1], [1, 2]])),
    case("ScatterElements", SMALL, RNG.permuted(np.tile(np.arange(3), (2, 4, 1)), axis=2).transpose(0, 2, 1),
         real(2, 3, 4), axis=1),
    case("ScatterND", SMALL, np.array([[0, 1], [1, 2]]), real(2, 4)),
    case("Expand", real(3, 1), Stored(whole(2, 1, 4))),
    case("Tile", SMALL, Stored(whole(1, 2, 1))),
    case("Pad", X, Stored(whole(0, 0, 1, 2, 0, 0, 3, 0))),
    case("Pad", X, Stored(whole(0, 0, 1, 2, 0, 0, 3, 0)), Stored(np.float32(1.5))),
    case("Pad", X, Stored(whole(1, 2, 1, 0)), None, Stored(whole(2, 3)), mode="reflect"),
    case("Pad", X, Stored(whole(0, 0, 1, 2, 0, 0, 3, 0)), mode="edge"),
    case("Concat", SMALL, real(2, 1, 4), Stored(real(2, 2, 4)), axis=1),
    case("TopK", SMALL, Stored(whole(2)), outputs=2, axis=1),
    case("Trilu", SMALL, Stored(np.array(1)), upper=0),
    case("OneHot", whole(1, 0, 3), Stored(np.array(4)), Stored(np.float32([0, 2]))),
    case("Shape", SMALL),
    case("Size", SMALL),
    case("ConstantOfShape", Stored(whole(2, 3)), value=numpy_helper.from_array(np.float32([1.5]))),
    case("Range", Stored(np.int64(1)), Stored(np.int64(9)), Stored(np.int64(3))),
    case("LSTM", real(5, 2, 3), Stored(real(2, 16, 3)), Stored(real(2, 16, 4)), Stored(real(2, 32)), outputs=3,
         hidden_size=4, direction="bidirectional"),
    case("GRU", real(5, 2, 3), Stored(real(1, 12, 3)), Stored(real(1, 12, 4)), Stored(real(1, 24)), None,
         real(1, 2, 4), outputs=2, hidden_size=4, linear_before_reset=1),
    case("RNN", real(5, 2, 3), Stored(real(1, 4, 3)), Stored(real(1, 4, 4)), outputs=2, hidden_size=4),
]  # fmt: skip

OLDER = [
    case("Clip", SMALL, min=0.0, max=6.0),
    case("Softmax", real(2, 3, 4, 2), axis=1),
    case("LogSoftmax", SMALL, axis=2),
    case("Squeeze", real(1, 3, 1), axes=[0]),
    case("Unsqueeze", SMALL, axes=[1]),
    case("ReduceSum", SMALL, axes=[1], keepdims=0),
    case("ReduceMean", SMALL, axes=[-1]),
    case("Slice", X, starts=[1, 0], ends=[5, 2], axes=[2, 0]),
    case("Split", SMALL, outputs=2, axis=2, split=[1, 3]),
    case("Pad", X, pads=[0, 0, 1, 1, 0, 0, 1, 1], mode="constant", value=0.5),
    case("Upsample", X, Stored(np.float32([1, 1, 2, 2])), mode="nearest"),
    case("Dropout", SMALL, ratio=0.5),
]


def built(cases, opset):
    """One model in which every case is an operator of its own, and what to feed it."""
    nodes, inputs, outputs, stored, feed = [], [], [], [], {}
    for index, (kind, values, count, attributes) in enumerate(cases):
        names = []
        for place, value in enumerate(values):
            name = f"{kind}_{index}_{place}"
            if value is None:
                name = ""
            elif isinstance(value, Stored):
                stored.append(numpy_helper.from_array(value.array, name))
            else:
                array = np.ascontiguousarray(value)
                inputs.append(
                    helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
                )
                feed[name] = array
            names.append(name)
        made = [f"{kind}_{index}_out{i}" for i in range(count)]
        nodes.append(helper.make_node(kind, names, made, f"{kind}_{index}", **attributes))
        outputs += [helper.make_empty_tensor_value_info(name) for name in made]
    graph = helper.make_graph(nodes, "cases", inputs, outputs, stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model), feed


@pytest.mark.parametrize(
    ("cases", "opset"),
    [
        pytest.param(UNARY, 20, id="activations"),
        pytest.param(BINARY, 20, id="arithmetic"),
        pytest.param(WINDOWS, 21, id="windows and norms"),
        pytest.param(MOVES, 20, id="moves"),
        pytest.param(OLDER, 9, id="opset 9"),
    ],
)
def test_every_operator_gives_what_onnxruntime_gives(cases, opset, tmp_path):
    model, feed = built(cases, opset)
    path = tmp_path / "cases.onnx"
    onnx.save(model, path)
    wanted = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feed)
    opened = load_model(ModelSpec(str(path)))
    found = opened.forward(*(torch.from_numpy(feed[spec.name]) for spec in opened.graph.inputs))
    assert list(found) == [output.name for output in model.graph.output]
    for (name, ours), theirs in zip(found.items(), wanted, strict=True):
        assert ours.shape == theirs.shape, name
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-5, err_msg=name)
