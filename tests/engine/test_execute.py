"""Running in portions and in the fast layout gives what running plainly gives."""

from __future__ import annotations

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, by_onednn, portions
from qinspect.engine.plan import QuantPlan


@pytest.fixture(scope="module")
def graph(trace_once):
    net = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ReLU(), nn.Conv2d(8, 4, 3, 2, groups=2), nn.Flatten(), nn.Linear(36, 5))
    return trace_once(net, torch.rand(2, 3, 8, 8))


def test_portions_are_the_batch_in_order_and_no_larger_than_asked(graph):
    x = torch.rand(11, 3, 8, 8)
    largest = 4 * 8 * 8 * 8
    found = portions(graph, [x], limit=3 * largest + 1)
    assert torch.equal(torch.cat([part[0] for part in found]), x)
    assert [len(part[0]) for part in found] == [3, 3, 3, 2]
    assert len(portions(graph, [x], limit=1)) == 11
    assert len(portions(graph, [x])) == 1


def test_portions_are_smaller_where_all_values_are_kept(graph):
    every = 4 * (3 * 64 + sum(torch.Size(layer.shape).numel() for layer in graph.layers))
    found = portions(graph, [torch.rand(8, 3, 8, 8)], kept=2 * every)
    assert [len(part[0]) for part in found] == [2, 2, 2, 2]


def test_a_batch_that_the_model_fixes_stays_whole(canonical):
    class Fixed(nn.Module):
        def forward(self, x):
            return (x.reshape(2, -1) * 2).reshape(2, 3, 4)

    x = torch.rand(2, 3, 4)
    graph = canonical(Fixed(), x, dynamic=False)
    assert len(portions(graph, [x], limit=1)) == 1


def test_the_fast_layout_in_portions_gives_what_the_plain_layout_gives(graph):
    x = torch.rand(9, 3, 8, 8)
    with torch.no_grad():
        plain = Executor(graph)([x])
        fast = Executor(graph, channels_last=True)
        parts = torch.cat([fast(part) for part in portions(graph, [x], limit=6144)])
    assert torch.allclose(plain, parts, atol=1e-5)


@pytest.mark.parametrize("more", [(), (None,), (None, 1, 0, 1, 1), (None, [1, 1], [2, 1], [1, 1], 1)])
def test_one_by_one_kernels_are_handed_over_with_the_same_result(more):
    x, w = torch.randn(3, 5, 6, 7), torch.randn(4, 5, 1, 1)
    args = by_onednn((x, w, *more))
    assert args[5] == [2, 2]
    assert torch.allclose(F.conv2d(*args), F.conv2d(x, w, *more), atol=1e-5)


@pytest.mark.parametrize(
    ("x", "w", "more"),
    [
        ((1, 5, 6, 6), (4, 5, 1, 1), ()),
        ((16, 5, 6, 6), (4, 5, 1, 1), ()),
        ((3, 5, 6, 6), (4, 5, 3, 3), ()),
        ((3, 5, 6, 6), (4, 5, 1, 1), (None, 2)),
        ((3, 4, 6, 6), (4, 2, 1, 1), (None, 1, 0, 1, 2)),
    ],
)
def test_other_convolutions_are_left_alone(x, w, more):
    args = (torch.zeros(x), torch.zeros(w), *more)
    assert by_onednn(args) is args


def test_an_absorbed_activation_overwrites_nothing_that_others_read(trace_once):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 3, 1), nn.Conv2d(3, 3, 1)

        def forward(self, x):
            y = self.first(x)
            z = F.relu(self.second(x) + x)
            return torch.relu(y) + y.sigmoid() + F.hardtanh(x) + z

    net, x = Twice().eval(), torch.randn(2, 3, 4, 4)
    before = x.clone()
    graph = fuse(trace_once(net, x), QuantPlan()).graph
    assert any(layer.executed for layer in graph.layers)
    with torch.inference_mode():
        assert torch.allclose(Executor(graph)([x]), net(x), atol=1e-6)
    assert torch.equal(x, before)


def test_gradients_pass_absorbed_activations(trace_once):
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU6())
    graph = fuse(trace_once(net, torch.randn(2, 3, 4, 4)), QuantPlan()).graph
    assert [layer.op for layer in graph.layers] == ["conv2d"]
    found, wanted = (torch.randn(2, 3, 4, 4, generator=torch.manual_seed(0)).requires_grad_() for _ in range(2))
    Executor(graph)([found]).sum().backward()
    net(wanted).sum().backward()
    assert torch.allclose(found.grad, wanted.grad)


def test_a_curve_that_reads_its_argument_again_finds_it_as_it_was(trace_once):
    class Curve(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 1)

        def forward(self, x):
            y = self.conv(x)
            return y * F.hardtanh(y)

    net, x = Curve().eval(), torch.randn(2, 3, 4, 4)
    graph = trace_once(net, x)
    conv, clip, product = (layer for layer in graph.layers if not layer.transparent)
    whole = dataclasses.replace(conv, fused=(clip, product))
    with torch.inference_mode():
        assert torch.allclose(Executor(graph).compute(whole, {graph.inputs[0].name: x}), net(x))
