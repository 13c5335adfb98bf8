"""The simulation of torch's engines rounds as their kernels do, where sums lie between two steps too."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends import simulation
from qinspect.engine.backends.fx.runner import FxRunner
from qinspect.engine.backends.fx.simulate import TorchSimulation
from qinspect.engine.graph.execute import outputs_of
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import FX_ENGINES, Target
from qinspect.engine.qparams import QParams
from qinspect.engine.quantize import Quantization
from qinspect.engine.simulate import Simulation

ENGINES = [name for name in FX_ENGINES if name in torch.backends.quantized.supported_engines]
pytestmark = pytest.mark.skipif(not ENGINES, reason="this torch has no engine for integer kernels")


class Added(nn.Module):
    """Input (N, 12, 10, 10); an addition behind a convolution, and a ReLU behind that."""

    def __init__(self) -> None:
        super().__init__()
        self.side, self.conv = nn.Conv2d(12, 12, 1), nn.Conv2d(12, 12, 1)

    def forward(self, x):
        return F.relu(self.conv(x) + self.side(x))


KINDS = {
    "conv": (lambda: nn.Sequential(nn.Conv2d(12, 24, 3, padding=1)), (2, 12, 10, 10)),
    "relu": (lambda: nn.Sequential(nn.Conv2d(12, 24, 1), nn.ReLU()), (2, 12, 10, 10)),
    "relu6": (lambda: nn.Sequential(nn.Conv2d(12, 24, 1), nn.ReLU6()), (2, 12, 10, 10)),
    "depthwise": (lambda: nn.Sequential(nn.Conv2d(24, 24, 3, stride=2, groups=24)), (2, 24, 15, 15)),
    "grouped": (lambda: nn.Sequential(nn.Conv2d(32, 48, 3, groups=2)), (2, 32, 8, 8)),
    "no bias": (lambda: nn.Sequential(nn.Conv2d(12, 24, 1, bias=False)), (2, 12, 10, 10)),
    "linear": (lambda: nn.Sequential(nn.Linear(64, 40)), (64, 64)),
    "added": (Added, (2, 12, 10, 10)),
}


def on_edges(q: Quantization, seed: int, per_channel: bool) -> tuple[Quantization, torch.Tensor]:
    """The same layers with scales for which many sums lie between two steps of the output, and an input on its grid."""
    rng = np.random.default_rng(seed)
    params, values, weights = dict(q.graph.params), dict(q.values), {}

    def grid(scale: float, zero: int) -> QParams:
        return QParams(np.asarray(scale, np.float32), np.asarray(zero), "uint8", 0, 255)

    (spec,) = q.graph.inputs
    values[spec.name] = grid(rng.uniform(0.01, 0.06), int(rng.integers(0, 200)))
    shape = [2 if n is None else n for n in spec.shape]
    shape[0] = 64 if len(shape) == 2 else 2
    x = values[spec.name].dequantize(torch.from_numpy(rng.integers(0, 256, shape)))
    for layer in q.graph.layers:
        weight, bias = q.graph.weight(layer), q.graph.bias(layer)
        if weight is None:
            continue
        channels = weight.shape[0]
        steps = rng.uniform(0.001, 0.01) * (2.0 ** rng.integers(-1, 2, channels) if per_channel else np.ones(()))
        steps = np.asarray(steps, np.float32)
        axis = 0 if per_channel else None
        weights[layer.id] = QParams(steps, np.zeros(steps.shape), "int8", -128, 127, axis)
        whole = torch.from_numpy(rng.integers(-127, 128, weight.shape))
        params[layer.roles["weight"]] = weights[layer.id].dequantize(whole)
        source = values[layer.inputs[0]]
        # An even multiple of the sums' own step, so that half steps of the output are sums too.
        values[layer.value] = grid(float(steps.min()) * float(source.scale) * 400, int(rng.integers(90, 160)))
        if any(part.op.startswith("relu") for part in layer.executed):
            values[layer.value] = grid(float(values[layer.value].scale) / 2, 0)
        if bias is not None:
            numbers = rng.integers(-2000, 2000, channels)
            params[layer.roles["bias"]] = torch.from_numpy(
                numbers * steps.astype(np.float64) * float(source.scale)
            ).float()
    graph = dataclasses.replace(q.graph, params=params)
    return dataclasses.replace(q, graph=graph, values=values, weights={**q.weights, **weights}), x


@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_whole_number_is_the_kernels(canonical, quantized, engine, per_channel):
    plain_differs, count = 0, 0
    for kind, (make, shape) in KINDS.items():
        if kind == "depthwise" and engine == "fbgemm":
            continue  # its kernel saturates
        plan = QuantPlan.preset(Target("fx", engine))
        weight = plan.default.weight.but(granularity="per_channel" if per_channel else "per_tensor")
        plan = plan.with_default(weight, TensorConfig("uint8"))
        x = torch.randn(shape)
        q = quantized(canonical(make(), x), plan, [(x,)])
        for seed in range(4):
            edged, given = on_edges(q, seed, per_channel)
            wanted = FxRunner(edged).integers((given,))
            found: dict[str, torch.Tensor] = {}
            simulated = simulation(edged)
            assert isinstance(simulated, TorchSimulation)
            with torch.no_grad():
                simulated((given,), lambda layer, value, found=found: found.setdefault(layer.value, value))
                plain = outputs_of(Simulation(edged)((given,)))[0]
                exact = outputs_of(simulation(edged)((given,)))[0]
            scaled = [layer for layer in edged.graph.layers if simulated.scales(layer)]
            assert scaled
            if kind == "added" and engine == "onednn":
                assert any(part.op == "add" for layer in scaled for part in layer.executed)
            for layer in scaled:
                ours, theirs = edged.values[layer.value].quantize(found[layer.value]), wanted[layer.value]
                assert torch.equal(ours, theirs.reshape(ours.shape)), (kind, seed, layer.id)
            plain_differs += int((plain != exact).sum())
            count += exact.numel()
    # The order of rounding is what is tested: without it the numbers are others.
    assert plain_differs > 0
    assert plain_differs < 0.2 * count


AVERAGED = {
    "windows": lambda: (nn.Conv2d(4, 16, 1), nn.AvgPool2d(2)),
    "padded": lambda: (nn.Conv2d(4, 16, 1), nn.AvgPool2d(4, 2, padding=1)),
    "uneven": lambda: (nn.Conv2d(4, 16, 1), nn.AvgPool2d(3, 2)),
    "whole": lambda: (nn.Conv2d(4, 16, 1), nn.AdaptiveAvgPool2d(1)),
    "parts": lambda: (nn.Conv2d(4, 16, 1), nn.AdaptiveAvgPool2d(4)),
    "volumes": lambda: (nn.Unflatten(1, (1, 4)), nn.Conv3d(1, 16, 1), nn.AvgPool3d(2)),
}


@pytest.mark.parametrize("zero", [0, 3, 128])
@pytest.mark.parametrize("kind", AVERAGED)
def test_averages_between_two_whole_numbers_are_rounded_as_the_kernel_does(canonical, quantized, kind, zero):
    x = torch.randn(8, 4, 8, 8)
    q = quantized(canonical(nn.Sequential(*AVERAGED[kind]()), x), QuantPlan.preset(Target("fx", ENGINES[0])), [(x,)])
    values = {
        name: params if name in q.graph.input_names else QParams(np.float32(0.0371), np.asarray(zero), "uint8", 0, 255)
        for name, params in q.values.items()
    }
    q = dataclasses.replace(q, values=values)
    pool = next(layer for layer in q.graph.layers if "avg_pool" in layer.op)
    whole, made = FxRunner(q).integers((x,)), q.values[pool.value]
    read = {pool.inputs[0]: made.dequantize(whole[pool.inputs[0]])}
    simulated = made.quantize(simulation(q).run_layer(pool, read))
    assert torch.equal(simulated, whole[pool.value].reshape(simulated.shape))


def test_the_simulation_keeps_the_layout_that_it_is_asked_for(canonical, quantized):
    make, shape = KINDS["relu6"]
    x = torch.randn(shape)
    q = quantized(canonical(make(), x), QuantPlan.preset(Target("fx", ENGINES[0])), [(x,)])
    with torch.no_grad():
        one, two = (outputs_of(simulation(q, channels_last=last)((x,)))[0] for last in (False, True))
    assert torch.equal(one, two)
