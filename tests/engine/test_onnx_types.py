"""Integers and real ones meet in a model: torch widens by itself, ONNX has to be told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.export import export_onnx
from qinspect.engine.backends.ort.runner import session
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target

COUNT = torch.arange(6)


class Boxes(nn.Module):
    """A detector's head, whose grid of cells is made of integers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.box = nn.Conv2d(3, 8, 3, 2, 1), nn.Conv2d(8, 4, 1)

    def forward(self, image):
        x = self.box(self.conv(image).relu())
        height, width = x.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        cell = torch.stack([columns, rows], -1).reshape(1, -1, 2)
        x = x.flatten(2).transpose(1, 2)
        middle, size = (cell + x[..., :2].sigmoid()) * 8, x[..., 2:].exp() * 8
        return torch.cat([middle - size / 2, middle + size / 2], -1)


MEETINGS = {
    "add": lambda x: COUNT + x,
    "sub": lambda x: COUNT - x,
    "mul": lambda x: x * COUNT,
    "quotient of integers": lambda x: x + COUNT / (COUNT + 4),
    "half a whole number": lambda x: x + COUNT / 2,
    "cat": lambda x: torch.cat([x, COUNT.expand(x.shape[0], 6)], 1),
    "clamp of integers": lambda x: x + (COUNT + x.argmax()).clamp(1, 4),
    "relu of integers": lambda x: x + torch.relu(COUNT - x.argmax()),
    "mask": lambda x: x * (x > 0),
}


@pytest.mark.parametrize("meeting", MEETINGS)
def test_types_are_widened_as_torch_widens_them(canonical, meeting):
    class Net(nn.Module):
        def forward(self, x):
            return MEETINGS[meeting](x.sigmoid() - 0.4)

    x = torch.linspace(-2, 2, 12).reshape(2, 6)
    found = session(float_model(canonical(Net(), x)), 1).run(None, {"x": x.numpy()})[0]
    torch.testing.assert_close(torch.from_numpy(found), Net()(x))


def test_a_detectors_boxes_are_written_and_verified(canonical, quantized, tmp_path):
    torch.manual_seed(0)
    samples = [(torch.randn(4, 3, 16, 16),)]
    graph = quantized(canonical(Boxes(), *samples[0], dynamic=True), QuantPlan.preset(Target()), samples)
    found = export_onnx(graph, tmp_path / "boxes.onnx", samples)
    assert found.problems == ()
