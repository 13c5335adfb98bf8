"""Activations and norms that a file writes out in parts are the layers again that their author meant."""

from __future__ import annotations

import math
import warnings

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.onnx.opset import with_opset
from qinspect.engine.backends.ort.export import export_onnx
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.job import fused_graph
from qinspect.engine.load import ModelSpec, load_model, quiet
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize

X = torch.linspace(-3, 3, 2 * 3 * 6 * 6).reshape(2, 3, 6, 6).sin() * 3


class Net(nn.Module):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function
        self.first, self.last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1)
        self.scale, self.shift = nn.Parameter(torch.rand(8) + 0.5), nn.Parameter(torch.rand(8))

    def forward(self, x):
        return self.last(self.function(self.first(x), self.scale, self.shift))


def last(function):
    """A norm of the last axis on the channels."""
    return lambda x, scale, shift: function(x.permute(0, 2, 3, 1), scale, shift).permute(0, 3, 1, 2)


FUNCTIONS = {
    "gelu": lambda x, *_: F.gelu(x),
    "gelu, tanh": lambda x, *_: F.gelu(x, approximate="tanh"),
    "mish": lambda x, *_: F.mish(x),
    "rms_norm": last(lambda x, scale, _: F.rms_norm(x, (8,), scale)),
    "layer_norm": last(lambda x, scale, shift: F.layer_norm(x, (8,), scale, shift)),
    "group_norm": lambda x, scale, shift: F.group_norm(x, 2, scale, shift),
    "stack": lambda x, *_: torch.stack((x, x * 2), 2).flatten(1, 2)[:, ::2],
    "mean": lambda x, *_: x.mean((2, 3), keepdim=True),
    "adaptive_avg_pool2d": lambda x, *_: F.adaptive_avg_pool2d(x, 1),
    "glu": lambda x, *_: F.glu(x, 1).repeat(1, 2, 1, 1),
    "pad": lambda x, *_: F.conv2d(F.pad(x, (0, 1, 0, 1)), torch.eye(8)[:, :, None, None]),
    "pad, even": lambda x, *_: F.conv2d(F.pad(x, (1, 1, 1, 1)), torch.eye(8)[:, :, None, None]),
}


def opened(path):
    return load_model(ModelSpec(str(path))).graph


def layers(graph):
    return [layer.id for layer in graph.layers if not layer.transparent]


def written_by_torch(net, path, opset):
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (X,), str(path), dynamo=False, opset_version=opset, verbose=False)


@pytest.mark.parametrize("opset", [18, 20])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_layer_of_an_export_is_the_same_layer_when_the_file_is_opened(canonical, tmp_path, name, opset):
    graph = canonical(Net(FUNCTIONS[name]), X, dynamic=True)
    model = with_opset(onnx.load_from_string(float_model(graph)), opset)
    onnx.save(model, tmp_path / "net.onnx")
    again = opened(tmp_path / "net.onnx")
    assert layers(again) == layers(graph)
    with torch.no_grad():
        ours, theirs = (outputs_of(Executor(g)((X,)))[0] for g in (graph, again))
    assert torch.allclose(ours, theirs, atol=1e-5)
    run = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    assert np.allclose(run.run(None, {run.get_inputs()[0].name: X.numpy()})[0], ours.numpy(), atol=1e-4)
    whole = {node.op_type for node in model.graph.node} & {"Gelu", "Erf"}
    assert whole == ({"Gelu"} if opset == 20 else {"Erf"} if name == "gelu" else set()) or "gelu" not in name


@pytest.mark.parametrize("name", ["gelu", "gelu, tanh", "mish", "layer_norm", "group_norm", "stack"])
def test_what_torchs_exporter_takes_apart_is_one_layer_again(canonical, tmp_path, name):
    net = Net(FUNCTIONS[name]).eval().requires_grad_(False)
    written_by_torch(net, tmp_path / "net.onnx", 16)
    kinds = [layer.op for layer in canonical(net, X).layers if not layer.transparent]
    graph = opened(tmp_path / "net.onnx")
    assert [layer.op for layer in graph.layers if not layer.transparent] == kinds
    with torch.no_grad():
        assert torch.allclose(outputs_of(Executor(graph)((X,)))[0], net(X), atol=1e-5)


class Encoder(nn.Module):
    """Attention on sequences, between linear layers of three axes."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.inward, self.outward = nn.Linear(16, 48), nn.Linear(16, 4)

    def forward(self, x, mask):
        q, k, v = (part.reshape(x.size(0), 6, 2, 8).transpose(1, 2) for part in self.inward(x).chunk(3, -1))
        more = {"causal": {"is_causal": True}, "plain": {}, "scaled": {"scale": 0.2}}.get(self.form)
        if more is None:
            mask = mask[:, None, None]
            more = {"attn_mask": mask > 0 if self.form == "truth" else mask}
        y = F.scaled_dot_product_attention(q, k, v, **more).transpose(1, 2).reshape(x.size(0), 6, 16)
        return self.outward(y), mask.flatten(1).sum(1)


@pytest.mark.parametrize("form", ["plain", "causal", "scaled", "truth", "added"])
def test_attention_between_linear_layers_is_quantized_exported_and_the_same_again(canonical, quantized, tmp_path, form):
    plan = QuantPlan.preset(Target())
    x = torch.randn(3, 6, 16), (torch.arange(6) < torch.tensor([[2], [6], [4]])).float()
    graph = canonical(Encoder(form), *x, dynamic=True)
    before = quantized(graph, plan, [x])
    report = export_onnx(before, tmp_path / "net.onnx", [x])
    assert report.problems == ()
    assert {"inward:linear", "outward:linear"} <= set(report.quantized)
    model = load_model(ModelSpec(str(tmp_path / "net.onnx")))
    again = fused_graph(model, plan).graph
    assert layers(again) == layers(before.graph)
    after = quantize(again, plan, {}, model.existing.given(again, plan))
    for layer in before.graph.layers:
        if not layer.transparent and layer.value in before.values:
            ours, theirs = before.values[layer.value], after.values[again.by_id[layer.id].value]
            assert theirs.to_json() == ours.to_json(), layer.id
    attention = next(layer for layer in again.layers if layer.op == "scaled_dot_product_attention")
    original = next(layer for layer in graph.layers if layer.op == "scaled_dot_product_attention")
    assert (attention.kwargs.get("scale") is None) == (original.kwargs.get("scale") is None)
    with torch.no_grad():
        ours, theirs = (outputs_of(Executor(g)(x))[0] for g in (graph, model.graph))
    assert torch.allclose(ours, theirs, atol=0.1)  # its weights are rounded


def by_hand(path, parts, numbers, outputs=("y",)):
    """A file of operators on one input; `parts` are (kind, inputs, output)."""
    given = [numpy_helper.from_array(np.float32(value), name) for name, value in numbers.items()]
    nodes = [helper.make_node(kind, list(inputs), [output]) for kind, inputs, output in parts]
    tensors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 8]) for name in ("x", *outputs)]
    graph = helper.make_graph(nodes, "g", tensors[:1], tensors[1:], given)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), path)


NUMBERS = {"half": 0.5, "one": 1, "three": 3, "c": 0.044715, "k": math.sqrt(2 / math.pi), "wrong": 0.05}
CUBE = (("Pow", ("x", "three"), "p"), ("Mul", ("c", "p"), "q"), ("Add", ("x", "q"), "r"), ("Mul", ("k", "r"), "u"))
END = (("Tanh", ("u",), "t"), ("Add", ("one", "t"), "a"), ("Mul", ("x", "half"), "h"), ("Mul", ("h", "a"), "y"))
FACTORED = (
    ("Mul", ("x", "k"), "v"), ("Mul", ("x", "c"), "w"), ("Mul", ("w", "x"), "q"), ("Add", ("q", "one"), "r"),
    ("Mul", ("v", "r"), "u"),
)  # fmt: skip


@pytest.mark.parametrize("inside", [CUBE, FACTORED])
def test_a_gelu_written_out_with_tanh_is_a_gelu_in_whatever_order_it_is_multiplied(tmp_path, inside):
    by_hand(tmp_path / "net.onnx", (*inside, *END), NUMBERS)
    graph = opened(tmp_path / "net.onnx")
    assert [(layer.op, dict(layer.kwargs)) for layer in graph.layers] == [("gelu", {"approximate": "tanh"})]


def test_what_is_nearly_a_gelu_or_is_read_inside_stays_as_it_is_written(tmp_path):
    by_hand(tmp_path / "other.onnx", ((CUBE[0]), ("Mul", ("wrong", "p"), "q"), *CUBE[2:], *END), NUMBERS)
    assert "gelu" not in {layer.op for layer in opened(tmp_path / "other.onnx").layers}
    by_hand(tmp_path / "read.onnx", (*CUBE, *END), NUMBERS, ("y", "t"))
    assert {layer.op for layer in opened(tmp_path / "read.onnx").layers} >= {"tanh", "add", "mul"}


def test_a_padding_that_a_convolution_took_over_has_its_grid_again(canonical, quantized, tmp_path):
    plan = QuantPlan.preset(Target())
    before = quantized(canonical(Net(FUNCTIONS["pad"]), X, dynamic=True), plan, [(X,)])
    pad = next(layer for layer in before.graph.layers if layer.op == "pad")
    assert export_onnx(before, tmp_path / "net.onnx", [(X,)]).problems == ()
    model = load_model(ModelSpec(str(tmp_path / "net.onnx")))
    graph = fused_graph(model, plan).graph
    again = graph.by_id[pad.id]
    assert again.args[1] == pad.args[1]
    grid = model.existing.given(graph, plan).values[again.value]
    assert grid.to_json() == before.values[pad.value].to_json()
