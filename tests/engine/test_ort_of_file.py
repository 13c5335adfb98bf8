"""Which layers of a quantized file ONNX Runtime runs in integers, read off the graph that it makes of it."""

from __future__ import annotations

import warnings

import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.of_file import open_file
from qinspect.engine.job import fused_graph, opening_plan
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.target import Target


def test_a_convolution_whose_padding_is_uneven_is_known_again(canonical, tmp_path):
    net = nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.Conv2d(8, 4, 1)).eval()
    x = torch.randn(4, 3, 9, 9)
    before = onnx.load_from_string(float_model(canonical(net, x, dynamic=True)))
    for node in before.graph.node:
        del node.metadata_props[:]  # as if it were somebody else's
    onnx.save(before, tmp_path / "float.onnx")
    name = before.graph.input[0].name

    class Reader(CalibrationDataReader):
        left = iter([{name: x.numpy()}])

        def get_next(self):
            return next(self.left, None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            tmp_path / "float.onnx", tmp_path / "q.onnx", Reader(), weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
        )  # fmt: skip
    model = load_model(ModelSpec(str(tmp_path / "q.onnx")))
    graph = fused_graph(model, opening_plan(model, Target())).graph
    _, found = open_file(onnx.load(tmp_path / "q.onnx"), graph, model.existing)
    weighted = {layer.id for layer in graph.layers if layer.op == "conv2d"}
    assert len(weighted) == 2
    assert {layer_id for layer_id, ran in found.items() if ran.operator == "QLinearConv"} == weighted
    assert all(ran.integer for ran in found.values())
