"""Float ONNX files become the same layers as the program that they were exported from."""

from __future__ import annotations

import json
from collections import Counter
from random import Random

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from qinspect.cli import main
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.load.onnx.file import Op
from qinspect.engine.load.onnx.names import module_path
from qinspect.engine.load.onnx.trace import read_float
from qinspect.engine.problem import Problem


@pytest.fixture(autouse=True)
def _quick(one_thread):
    """torch on one thread."""


class Block(nn.Module):
    """Sizes that are computed in the graph, a residual, and what exporters take apart."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU6())
        self.body = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.SiLU(), nn.Conv2d(8, 8, 1), nn.Hardswish()
        )
        self.tokens = nn.Linear(8, 6)
        self.norm = nn.LayerNorm(6)
        self.head = nn.Linear(6, 4)

    def forward(self, image):
        x = self.stem(image)
        x = self.body(x) + x
        x = self.norm(self.tokens(x.reshape(x.shape[0], x.shape[1], -1).transpose(1, 2)))
        return self.head(x.mean(1))


def exported(module, path, example, dynamo, dynamic=True, opset=17):
    if dynamo:
        shapes = ({0: torch.export.Dim("n")},) if dynamic else None
        torch.onnx.export(
            module, (example,), path, dynamo=True, dynamic_shapes=shapes, input_names=["image"],
            output_names=["answer"], verbose=False,
        )  # fmt: skip
    else:
        axes = {"image": {0: "n"}, "answer": {0: "n"}} if dynamic else None
        torch.onnx.export(
            module, (example,), path, dynamo=False, dynamic_axes=axes, input_names=["image"], output_names=["answer"],
            opset_version=opset,
        )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def block():
    torch.manual_seed(0)
    module = Block().eval()
    module.stem[1].running_mean.uniform_(-1, 1)
    return module


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("dynamo", "opset"), [(False, 9), (False, 17), (True, 18)])
def test_both_exporters_files_become_the_layers_of_the_module(block, dynamo, opset, tmp_path):
    if opset == 9:
        block = nn.Sequential(block.stem, block.body).eval()
    path = exported(block, tmp_path / "block.onnx", torch.rand(2, 3, 8, 8), dynamo, opset=opset)
    model = load_model(ModelSpec(str(path)))
    assert model.dynamic_batch
    assert model.graph.inputs[0].name == "image"
    assert model.graph.inputs[0].shape == (None, 3, 8, 8)
    x = torch.rand(5, 3, 8, 8)
    found = model.forward(x)
    assert list(found) == ["answer"]
    torch.testing.assert_close(found["answer"], block(x), rtol=1e-4, atol=1e-5)
    wanted = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": x.numpy()})[0]
    np.testing.assert_allclose(found["answer"].numpy(), wanted, rtol=1e-4, atol=1e-5)
    ops = [layer.op for layer in model.graph.layers if not layer.transparent]
    conv = ["conv2d", "relu6", "conv2d", "silu", "conv2d", "hardswish"]
    if opset > 9:
        assert ops == [*conv, "add", "linear", "layer_norm", "mean", "linear"]
        ids = [layer.id for layer in model.graph.layers]
        assert {"body.0:conv2d", "body.1:silu", "body.2:conv2d", "norm:layer_norm", "head:linear"} <= set(ids)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dynamo", [False, True])
def test_a_prelu_with_a_slope_for_each_channel_stays_one_whatever_axes_the_exporter_gave_it(dynamo, tmp_path):
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.PReLU(4), nn.Conv2d(4, 5, 3), nn.PReLU(), nn.Flatten(), nn.Linear(80, 6), nn.PReLU(6)
    ).eval()  # fmt: skip
    for slope in (net[1].weight, net[6].weight):
        slope.data.uniform_(0.1, 0.9)
    model = load_model(ModelSpec(str(exported(net, tmp_path / "net.onnx", torch.rand(2, 3, 8, 8), dynamo))))
    ops = [layer.op for layer in model.graph.layers if not layer.transparent]
    assert ops == ["conv2d", "prelu", "conv2d", "prelu", "linear", "prelu"]
    x = torch.randn(5, 3, 8, 8)
    torch.testing.assert_close(model.forward(x)["answer"], net(x), rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_a_file_of_a_fixed_batch_keeps_it_and_says_so(block, tmp_path):
    path = exported(block, tmp_path / "block.onnx", torch.rand(1, 3, 8, 8), False, dynamic=False)
    model = load_model(ModelSpec(str(path)))
    assert not model.dynamic_batch
    assert model.graph.inputs[0].shape == (1, 3, 8, 8)
    assert any("batch size is fixed" in note for note in model.notes)


@pytest.mark.parametrize(
    ("kind", "name", "weight", "scopes", "path"),
    [
        ("Conv", "/features/features.1/conv/conv.0/conv.0.0/Conv", "onnx::Conv_1", None, "features.1.conv.0.0"),
        ("Conv", "Conv_12", "layer1.0.conv.weight", None, "layer1.0.conv"),
        ("Add", "/Add", "y", None, ""),
        ("Add", "Add_3", "y", None, "Add_3"),
        ("Relu", "model/block/Relu", "", None, "model.block"),
        ("Add", "node_add", "y", "['', 'features.3', 'add']", "features.3"),
        ("Add", "node_add", "y", "__import__('os')", "node_add"),
    ],
)
def test_a_layer_is_called_after_the_module_that_it_came_from(kind, name, weight, scopes, path):
    meta = {} if scopes is None else {"pkg.torch.onnx.name_scopes": scopes}
    op = Op(kind, name, ("x", weight), ("z",), meta=meta)
    assert module_path(op, {"onnx::Conv_1": np.zeros(1), "layer1.0.conv.weight": np.zeros(1)}) == path


# -- what is refused -------------------------------------------------------------------------------


def written(path, nodes, inputs, outputs, stored=(), opset=18, **more):
    graph = helper.make_graph(nodes, "g", inputs, outputs, stored)
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("custom", 1)]
    onnx.save(helper.make_model(graph, opset_imports=imports, ir_version=9, **more), path)
    return path


def info(name, *shape, dtype=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(kind, inputs, outputs, **attributes):
    return helper.make_node(kind, inputs, outputs, f"{kind}_here", **attributes)


def refused(path, *parts, shape=None):
    with pytest.raises(Problem) as caught:
        load_model(ModelSpec(str(path), None, shape))
    text = str(caught.value)
    assert str(path) in text or "--input-shape" in text
    for part in parts:
        assert part in text, text
    return text


def stored(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def external(name, location, shape, offset=0, length=None):
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    entries = {"location": location, "offset": str(offset)} | ({} if length is None else {"length": str(length)})
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_a_custom_operator_is_refused_by_name_and_nothing_of_it_runs(tmp_path):
    custom = helper.make_node("Run", ["x"], ["y"], "evil", domain="custom")
    path = written(tmp_path / "m.onnx", [custom], [info("x", 1, 2)], [info("y", 1, 2)])
    refused(path, "evil", "custom::Run")


@pytest.mark.parametrize("location", ["../secret", "/etc/hostname", "link", ""])
def test_data_outside_of_the_models_folder_is_not_read(tmp_path, location):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(np.ones(4, np.float32).tobytes())
    (folder / "link").symlink_to(tmp_path / "secret")
    add = node("Add", ["x", "w"], ["y"])
    path = written(folder / "m.onnx", [add], [info("x", 1, 4)], [info("y", 1, 4)], [external("w", location, [4])])
    refused(path, "outside of the model's folder")


def test_data_beside_the_model_is_mapped_and_must_be_whole(tmp_path):
    np.arange(6, dtype=np.float32).tofile(tmp_path / "weights.bin")
    add = node("Add", ["x", "w"], ["y"])

    def write(**where):
        w = external("w", "weights.bin", [4], **where)
        return written(tmp_path / "m.onnx", [add], [info("x", 1, 4)], [info("y", 1, 4)], [w])

    model = load_model(ModelSpec(str(write(offset=8))))
    assert model.forward(torch.zeros(1, 4))["y"].tolist() == [[2, 3, 4, 5]]
    refused(write(offset=12), "is not in 'weights.bin' whole")
    refused(write(length=8), "is not in 'weights.bin' whole")
    refused(write(offset=-4), "is not in 'weights.bin' whole")
    (tmp_path / "weights.bin").unlink()
    refused(write(), "is missing")


def test_shapes_that_nobody_can_hold_are_refused_before_memory_is_taken(tmp_path):
    relu = node("Relu", ["x"], ["y"])
    huge = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1 << 40], raw_data=b"\0" * 16)
    add = node("Add", ["x", "w"], ["y"])
    x, y = info("x", 1, 4), info("y", 1, 4)
    refused(written(tmp_path / "a.onnx", [add], [x], [y], [huge]), "which its data cannot hold")
    refused(written(tmp_path / "b.onnx", [relu], [info("x", 1, 3, 1 << 20, 1 << 20)], [y]), "absurd shape")
    negative = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[-4], raw_data=b"\0" * 16)
    refused(written(tmp_path / "c.onnx", [add], [x], [y], [negative]), "claims the shape")
    sizes = [stored("s", np.array([1 << 20, 1 << 20, 1, 4]))]
    refused(written(tmp_path / "d.onnx", [node("Expand", ["x", "s"], ["y"])], [x], [y], sizes), "absurd shape")
    fill = [node("ConstantOfShape", ["s"], ["f"]), node("Add", ["x", "f"], ["y"])]
    refused(written(tmp_path / "e.onnx", fill, [x], [y], sizes))


def test_functions_that_unfold_without_end_are_refused(tmp_path):
    def function(name, *calls):
        nodes = [helper.make_node(call, ["x"], ["y" if i == len(calls) - 1 else f"t{i}"], domain="custom")
                 for i, call in enumerate(calls)]  # fmt: skip
        return helper.make_function("custom", name, ["x"], ["y"], nodes, [helper.make_opsetid("custom", 1)])

    doubling = [function(f"f{i}", f"f{i + 1}", f"f{i + 1}") for i in range(40)]
    last = helper.make_function(
        "custom", "f40", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", 18)]
    )
    call = helper.make_node("f0", ["x"], ["y"], domain="custom")
    x, y = info("x", 1, 4), info("y", 1, 4)
    refused(written(tmp_path / "a.onnx", [call], [x], [y], functions=[*doubling, last]), "unfolds to more than")
    own = [function("f0", "f0")]
    refused(written(tmp_path / "b.onnx", [call], [x], [y], functions=own), "calls itself")
    once = [function("f0", "f40"), last]
    model = load_model(ModelSpec(str(written(tmp_path / "c.onnx", [call], [x], [y], functions=once))))
    assert [layer.op for layer in model.graph.layers] == ["relu"]


def test_control_flow_is_followed_where_its_condition_is_known_and_else_refused(tmp_path):
    def branch(kind):
        return helper.make_graph([helper.make_node(kind, ["x"], ["z"])], kind, [], [info("z", 1, 4)])

    choose = node("If", ["c"], ["y"], then_branch=branch("Relu"), else_branch=branch("Neg"))
    x, y = info("x", 1, 4), info("y", 1, 4)
    known = written(tmp_path / "a.onnx", [choose], [x], [y], [stored("c", False)])
    assert load_model(ModelSpec(str(known))).forward(torch.ones(1, 4))["y"].tolist() == [[-1] * 4]
    unknown = written(tmp_path / "b.onnx", [choose], [x, info("c", dtype=TensorProto.BOOL)], [y])
    refused(unknown, "If_here", "depends on the data")


def test_sizes_that_the_file_leaves_free_are_asked_for(tmp_path):
    relu = node("Relu", ["x"], ["y"])
    path = written(tmp_path / "m.onnx", [relu], [info("x", "n", "length")], [info("y", "n", None)])
    refused(path, "axis 1 (length) is free", "--input-shape")
    model = load_model(ModelSpec(str(path), None, ((1, 7),)))
    assert model.graph.inputs[0].shape == (None, 7)
    refused(path, "gives 2 shapes", shape=((1, 7), (1,)))
    image = info("x", "n", 3, "h", "w")
    path = written(tmp_path / "i.onnx", [relu], [image], [info("y", "n", 3, None, None)])
    model = load_model(ModelSpec(str(path)))
    assert model.graph.inputs[0].shape == (None, 3, 224, 224)
    assert any("224 was assumed" in note for note in model.notes)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no ONNX graph"),
        (b"\x08\x08\x12\xff", "not a whole ONNX file"),
        (b"\x00hello", "not a whole ONNX file"),
        (b"hello", "is text"),
    ],
)
def test_a_damaged_file_is_named(tmp_path, content, says):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    refused(path, says)


def test_half_precision_is_computed_in_float32_and_said_so(tmp_path):
    half = TensorProto.FLOAT16
    path = written(
        tmp_path / "m.onnx",
        [node("Add", ["x", "w"], ["y"])],
        [info("x", 1, 4, dtype=half)],
        [info("y", 1, 4, dtype=half)],
        [stored("w", np.float16([1, 2, 3, 4]))],
    )
    model = load_model(ModelSpec(str(path)))
    assert model.graph.inputs[0].dtype == "float32"
    assert any("float32" in note for note in model.notes)


def test_metadata_that_is_no_text_is_read_all_the_same(tmp_path):
    product = node("MatMul", ["x", "w"], ["y"])
    helper.set_model_props(product, {"qinspect.layer": "A_KEY_OF_OURS"})
    path = written(
        tmp_path / "m.onnx", [product], [info("x", 1, 4)], [info("y", 1, 4)], [stored("w", np.eye(4, dtype=np.float32))]
    )
    path.write_bytes(path.read_bytes().replace(b"A_KEY_OF_OURS", b"\xff" * 13))
    assert [layer.op for layer in load_model(ModelSpec(str(path))).graph.layers] == ["linear"]


def test_the_file_is_sniffed_by_content_and_goes_through_analyze(digits_model, tmp_path, capsys):
    source = load_model(
        ModelSpec(digits_model.source, str(digits_model.weights), (digits_model.input_shape,)), allow_code=True
    )
    from qinspect.engine.backends.onnx.export import float_model

    path = tmp_path / "digits.model"
    path.write_bytes(float_model(source.graph))
    words = ["analyze", path, "--data", digits_model.data, "--samples", "60", "--no-kernels", "--out", tmp_path / "out"]
    assert main([str(word) for word in words]) == 0
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert [row["id"] for row in found["layers"]] == [
        layer.id for layer in source.graph.layers if not layer.transparent
    ]
    assert found["totals"]["fp32_metric"] > 0.9


def spoilt(data, random):
    """A file that was cut, or in which bytes were changed, taken out or doubled."""
    kind = random.random()
    if kind < 0.2:
        return data[: random.randrange(len(data))]
    changed = bytearray(data)
    if kind < 0.7:
        for _ in range(random.choice([1, 2, 5, 20])):
            changed[random.randrange(len(changed))] = random.randrange(256)
        return bytes(changed)
    start = random.randrange(len(changed))
    end = min(len(changed), start + random.randrange(1, 40))
    changed[start:end] = b"" if kind < 0.85 else changed[start:end] * 2
    return bytes(changed)


def test_five_hundred_spoilt_files_are_read_or_named(tmp_path):
    scale, zero = stored("s", np.float32(0.1)), stored("z", np.uint8(3))
    nodes = [
        node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        node("DequantizeLinear", ["q", "s", "z"], ["d"]),
        helper.make_node("DequantizeLinear", ["w", "s", "z"], ["e"], "weights"),
        node("MatMul", ["d", "e"], ["m"]),
        node("Add", ["m", "b"], ["y"]),
    ]
    tensors = [
        scale,
        zero,
        stored("w", np.arange(12, dtype=np.uint8).reshape(4, 3)),
        stored("b", np.float32([1, 2, 3])),
    ]
    path = written(tmp_path / "m.onnx", nodes, [info("x", 1, 4)], [info("y", 1, 3)], tensors)
    whole, random, counts = path.read_bytes(), Random(0), Counter()
    for _ in range(500):
        path.write_bytes(spoilt(whole, random))
        try:
            read_float(path)
            counts["read"] += 1
        except Problem as problem:
            counts["named" if str(path) in problem.where else "not named"] += 1
    assert counts["not named"] == 0
    assert counts["named"] > 200
    assert counts["read"] > 10
