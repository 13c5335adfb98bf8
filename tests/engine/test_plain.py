"""Taking in-place operators out of a program oneself gives what torch's own decomposition gives."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.graph.execute import Executor
from qinspect.engine.graph.normalize import normalize
from qinspect.engine.load import plain as room
from qinspect.engine.load import quiet


class Convolutional(nn.Module):
    """One of everything that nets of convolutions are made of."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6(inplace=True))
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.norm, self.act = nn.BatchNorm2d(8), nn.Hardswish(inplace=True)
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1), nn.SiLU(inplace=True), nn.Sigmoid())
        self.pool, self.drop = nn.MaxPool2d(2, ceil_mode=True), nn.Dropout(inplace=False)
        self.prelu, self.head = nn.PReLU(), nn.Linear(16 * 25, 5)

    def forward(self, x):
        x = self.stem(x)
        y = self.act(self.norm(self.depthwise(x)))
        y = y.mul_(self.gate(y))
        y += x
        y = F.relu_(y).add_(1)
        z = torch.cat([F.avg_pool2d(y, 2, ceil_mode=True), self.prelu(self.pool(y))], 1)
        z = F.pad(z[:, :, 1:], (0, 0, 1, 0)).permute(0, 1, 3, 2).contiguous()
        return self.head(self.drop(z.view(z.size(0), -1))), y.mean((2, 3))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.norm, self.linear = nn.Embedding(7, 8), nn.LayerNorm(8), nn.Linear(8, 24)

    def forward(self, x):
        q, k, v = self.linear(self.norm(self.embed(x))).split(8, -1)
        return F.gelu(F.scaled_dot_product_attention(q, k, v)).flatten(1)


class Shared(nn.Module):
    """An operand that is changed in place, and what others see of it."""

    def __init__(self, forward):
        super().__init__()
        self.conv, self.do = nn.Conv2d(3, 4, 3), forward

    def forward(self, x):
        return self.do(x, self.conv(x))


def view_before(x, y):
    z = y.view(y.size(0), -1)
    y.relu_()
    return z


def part_of(x, y):
    y[:, 1].relu_()
    return y


def input_itself(x, y):
    x.sub_(0.5)
    return y + x.mean()


def values_before_and_after(x, y):
    z = y + 1
    y.relu_()
    return z + y, y


def twice(x, y):
    return torch.sigmoid_(torch.relu_(y)) + y


def wider_type(x, y):
    return y.mul_(torch.ones((), dtype=torch.float64)).relu_()


SEEN_BY_OTHERS = (view_before, part_of, input_itself, wider_type)
SEEN_BY_NONE = (values_before_and_after, twice)


def exported(module, inputs, dynamic):
    shapes = torch.export.ShapesCollection()
    for tensor in inputs:
        shapes[tensor] = {0: torch.export.Dim("batch")}
    with quiet():
        return torch.export.export(module, inputs, dynamic_shapes=shapes if dynamic else None)


def described(program):
    graph = normalize(program)
    return graph.layers, sorted(graph.params), graph.inputs, graph.outputs


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize(
    ("make", "inputs"),
    [(Convolutional, (torch.rand(2, 3, 10, 10),)), (Attention, (torch.randint(0, 7, (2, 5)),))],
)
def test_the_layers_are_those_of_torch_s_decomposition(make, inputs, dynamic, monkeypatch):
    module = make().eval().requires_grad_(False)
    ours = exported(module, inputs, dynamic)
    assert room._rewritten(ours)
    monkeypatch.setattr(room, "_rewritten", lambda program: False)
    with quiet():
        theirs = room.plain(exported(module, inputs, dynamic))
    assert described(ours) == described(theirs)


@pytest.mark.parametrize("forward", [*SEEN_BY_OTHERS, *SEEN_BY_NONE], ids=lambda forward: forward.__name__)
def test_what_else_sees_an_operand_that_is_changed_in_place_sees_the_right_values(forward):
    module = Shared(forward).eval().requires_grad_(False)
    x = torch.rand(2, 3, 6, 6) - 0.5
    assert room._rewritten(exported(module, (x.clone(),), True)) == (forward in SEEN_BY_NONE)
    with quiet():
        graph = normalize(room.plain(exported(module, (x.clone(),), True)))
    ours, theirs = Executor(graph)((x.clone(),)), module(x.clone())
    for a, b in zip(*(v if isinstance(v, tuple) else (v,) for v in (ours, theirs)), strict=True):
        assert torch.equal(a, b)
