"""Stored numbers that a layer's result is multiplied with, or that are added to it, go into its weights."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from qinspect.engine.fuse import Fused, fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor
from qinspect.engine.plan import Override, QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig


def states(found: Fused) -> dict[str, str]:
    return {row.pattern: row.state for row in found.rows}


def difference(graph: LayerGraph, *inputs: torch.Tensor, off: str = "") -> float:
    """Largest difference that fusing makes when all is computed in float64, as a share of the largest value."""
    wide = dataclasses.replace(graph, params={key: tensor.double() for key, tensor in graph.params.items()})
    plan = QuantPlan(fusions=((off, False),) if off else ())
    with torch.no_grad():
        one, two = (Executor(g)([x.double() for x in inputs]) for g in (wide, fuse(wide, plan).graph))
    return float((one - two).abs().max() / one.abs().max())


class Frozen(nn.Module):
    """A BatchNorm as detection models have it: buffers, and arithmetic on them."""

    def __init__(self, channels, axes):
        super().__init__()
        for name in ("weight", "bias", "running_mean", "running_var"):
            self.register_buffer(name, torch.rand(channels) + 0.5)
        self.shape = (1, -1, *axes * [1])

    def forward(self, x):
        scale = self.weight.reshape(self.shape) * (self.running_var.reshape(self.shape) + 1e-5).rsqrt()
        return x * scale + (self.bias.reshape(self.shape) - self.running_mean.reshape(self.shape) * scale)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_a_frozen_batch_norm_goes_into_the_convolution_before_it(canonical, axes, transposed):
    kind = getattr(nn, f"Conv{'Transpose' if transposed else ''}{axes}d")
    net = nn.Sequential(kind(4, 6, 3, groups=2, bias=axes == 2), Frozen(6, axes), nn.ReLU())
    x = torch.rand(2, 4, *axes * [5])
    graph = canonical(net, x)
    found = fuse(graph, QuantPlan())
    (layer,) = found.graph.layers
    assert [part.op for part in layer.fused] == ["mul", "add", "relu"]
    assert set(states(found).values()) == {"fused"}
    assert difference(graph, x) < 1e-12


class Arithmetic(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.linear = nn.Linear(4, 3)
        self.how, self.c = how, nn.Parameter(torch.rand(3) + 0.5)

    def forward(self, x):
        return self.how(self.linear(x), self.c)


@pytest.mark.parametrize(
    "how",
    [
        lambda y, c: y * c,
        lambda y, c: c * y,
        lambda y, c: y / c,
        lambda y, c: y + c,
        lambda y, c: y - c,
        lambda y, c: y * 0.125,
        lambda y, c: y / 8,
        lambda y, c: (y - c) / c * 3,
        lambda y, c: y + c[:1],
    ],
)
def test_arithmetic_with_stored_numbers_goes_into_a_linear_layer(canonical, how):
    x = torch.rand(2, 5, 4)
    graph = canonical(Arithmetic(how), x)
    found = fuse(graph, QuantPlan())
    assert [layer.op for layer in found.graph.layers] == ["linear"]
    assert difference(graph, x) < 1e-12


@pytest.mark.parametrize(
    "how",
    [
        lambda y, c: c - y,
        lambda y, c: 1 - y,
        lambda y, c: c / y,
        lambda y, c: y * c[:2, None],
        lambda y, c: torch.add(y, c, alpha=2),
        lambda y, c: torch.div(y, c, rounding_mode="floor"),
        lambda y, c: y[None] * c,
        lambda y, c: y * y,
        lambda y, c: y / 0,
    ],
)
def test_other_arithmetic_is_no_candidate(canonical, how):
    graph = canonical(Arithmetic(how), torch.rand(2, 2, 4))
    assert not [row for row in fuse(graph, QuantPlan()).rows if "linear" in row.pattern]


class TwoReaders(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.c = nn.Conv2d(3, 4, 1), nn.Parameter(torch.rand(4, 1, 1))

    def forward(self, x):
        y = self.conv(x)
        return torch.cat([y, y * self.c], 1)


def test_a_near_miss_is_in_the_ledger_with_its_reason(canonical):
    graph = canonical(TwoReaders(), torch.rand(2, 3, 4, 4))
    (row,) = fuse(graph, QuantPlan()).rows
    assert (row.pattern, row.state) == ("conv2d+mul", "blocked")
    assert "also read by" in row.reason


def test_each_can_be_switched_off_alone(canonical):
    net, x = nn.Sequential(nn.Conv2d(3, 6, 3), Frozen(6, 2), nn.ReLU()), torch.rand(2, 3, 5, 5)
    graph = canonical(net, x)
    for off, expected in (
        ("1:add", {"conv2d+mul": "fused", "conv2d+mul+add": "off", "add+relu": "fused"}),
        ("1:mul", {"conv2d+mul": "off", "add+relu": "fused"}),
    ):
        assert states(fuse(graph, QuantPlan(fusions=((off, False),)))) == expected
        assert difference(graph, x, off=off) < 1e-12


def test_an_activation_of_another_type_stays_apart_behind_it_too(canonical):
    graph = canonical(nn.Sequential(nn.Conv2d(3, 6, 3), Frozen(6, 2), nn.ReLU()), torch.rand(2, 3, 5, 5))
    plan = QuantPlan(overrides=(Override("id", "2:relu", activation=TensorConfig("int16")),))
    row = fuse(graph, plan).rows[-1]
    assert (row.id, row.state) == ("2:relu", "blocked")
    assert "qconfig mismatch" in row.reason
