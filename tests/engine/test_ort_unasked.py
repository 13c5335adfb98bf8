"""onnxruntime quantizes float layers behind dequantizers of its own accord: the files keep its hands off them."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.runner import OrtRunner
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target


class Net(nn.Module):
    """Input (N, 4, 8, 8)."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.middle = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(8, 8, 3, groups=2, padding=1)
        self.up, self.last = nn.ConvTranspose2d(8, 6, 2, stride=2), nn.Conv2d(6, 5, 1)
        self.fc, self.end = nn.Linear(5, 7), nn.Linear(7, 3)

    def forward(self, x):
        x = self.last(torch.relu(self.up(torch.relu(self.middle(torch.relu(self.first(x)))))))
        return self.end(torch.relu(self.fc(x.mean((2, 3)))))


def test_a_padding_before_a_float_layer_is_not_asked_to_be_an_integer_kernel(canonical, quantized):
    class Padded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.middle, self.last = (nn.Conv2d(n, 8, 3) for n in (4, 8, 8))

        def forward(self, x):
            x = nn.functional.pad(nn.functional.relu6(self.first(x)), (0, 1, 0, 1))
            return self.last(nn.functional.pad(torch.relu(self.middle(x)), (0, 1, 0, 1)))

    x = torch.randn(6, 4, 12, 12)
    graph = canonical(Padded(), x)
    for float_layers in ((), ("middle:conv2d",)):
        plan = QuantPlan.preset(Target())
        for layer_id in float_layers:
            plan = plan.with_layer(layer_id, None, None)
        q = quantized(graph, plan, [(x,)])
        assert (":pad" in q.asked) == (not float_layers)
        assert ":pad#2" in q.asked or float_layers
        assert q.asked == OrtRunner(q, float_model(q.graph)).kernels.keys()


FLOAT = ("middle:conv2d", "up:conv_transpose2d", "fc:linear")


@pytest.mark.parametrize("weight_only", [False, True])
def test_a_float_layer_between_quantized_ones_stays_float(canonical, quantized, weight_only):
    x = torch.randn(6, 4, 8, 8)
    plan = QuantPlan.preset(Target())
    weight = TensorConfig("int8", symmetric=True, granularity="per_channel") if weight_only else None
    for layer_id in FLOAT:
        plan = plan.with_layer(layer_id, weight, None)
    q = quantized(canonical(Net(), x), plan, [(x,)])
    runner = OrtRunner(q, float_model(q.graph))
    assert not set(FLOAT) & runner.kernels.keys()
    assert {"first:conv2d", "last:conv2d", "end:linear"} <= runner.kernels.keys()
    with torch.no_grad():
        wanted = outputs_of(simulation(q)((x,)))[0]
    step = float(q.values["end:linear"].scale)
    # A float layer's sums differ in their last bits, and a value may so be rounded to the step beside.
    assert float((runner.run((x,))[0] - wanted).abs().max()) <= 1.01 * step


@pytest.mark.parametrize("layer_id", FLOAT[:2])
def test_what_a_float_convolution_reads_has_its_one_scale_once_for_each_channel(canonical, quantized, layer_id):
    x = torch.randn(6, 4, 8, 8)
    q = quantized(canonical(Net(), x), QuantPlan.preset(Target()).with_layer(layer_id, None, None), [(x,)])
    model = onnx.load_from_string(OrtRunner(q, float_model(q.graph)).model_bytes)
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    makers = {name: node for node in model.graph.node for name in node.output}
    (node,) = (node for node in model.graph.node if node.name == layer_id)
    scale = arrays[makers[node.input[0]].input[1]]
    assert scale.shape == (8,)
    assert len(np.unique(scale)) == 1


def test_nothing_is_stored_that_nothing_reads(canonical, quantized):
    """onnxruntime warns of each; the scale that a float layer reads by channel replaces one."""
    x = torch.randn(6, 4, 8, 8)
    net = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Flatten(), nn.Linear(288, 3))
    q = quantized(canonical(net, x), QuantPlan.preset(Target()).with_layer("2:linear", None, None), [(x,)])
    graph = onnx.load_from_string(OrtRunner(q, float_model(q.graph)).model_bytes).graph
    assert {tensor.name for tensor in graph.initializer} <= {name for node in graph.node for name in node.input}
