"""Estimates against brute force on nets of the usual kinds: ranks, and the sum against the whole plan."""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.measure import measure
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.sensitivity.estimate import Draws, score
from qinspect.engine.sensitivity.scores import NEGLIGIBLE_KL, holds
from qinspect.engine.sensitivity.sweep import sweep


def normed(*layers):
    """BatchNorms as after training: every channel about standard normal, then scaled and shifted differently."""
    net = nn.Sequential(*layers)
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.3, 0.5)
    return net


class Block(nn.Module):
    """Residual, of two 3x3 convolutions (ResNet), or of expansion, depthwise and projection (MobileNet)."""

    def __init__(self, width, mobile, stride):
        super().__init__()
        inner = 3 * width if mobile else width
        act = nn.ReLU6 if mobile else nn.ReLU
        self.body = normed(
            nn.Conv2d(width, inner, 1 if mobile else 3, padding=0 if mobile else 1, bias=False),
            nn.BatchNorm2d(inner),
            act(),
            nn.Conv2d(inner, inner, 3, stride, 1, groups=inner if mobile else 1, bias=False),
            nn.BatchNorm2d(inner),
            *((act(), nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width)) if mobile else ()),
        )
        self.stride, self.last = stride, nn.Identity() if mobile else nn.ReLU()

    def forward(self, x):
        return self.last(self.body(x) + x) if self.stride == 1 else self.last(self.body(x))


def convolutional(mobile):
    blocks = [Block(12, mobile, 2 if i == 2 else 1) for i in range(5)]
    return nn.Sequential(
        normed(nn.Conv2d(3, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU()),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(12, 10),
    )


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 32, 4, 4)
        self.blocks = nn.ModuleList(
            nn.ModuleDict(
                {
                    "norm": nn.LayerNorm(32),
                    "qkv": nn.Linear(32, 96),
                    "out": nn.Linear(32, 32),
                    "mlp": nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)),
                }
            )
            for _ in range(4)
        )
        self.head = nn.Linear(32, 10)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            q, k, v = block["qkv"](block["norm"](x)).chunk(3, -1)
            weights = torch.softmax(q @ k.transpose(1, 2) / 32**0.5, -1)
            x = x + block["out"](weights @ v)
            x = x + block["mlp"](x)
        return self.head(x.mean(1))


NETS = {"resnet": lambda: convolutional(False), "mobilenet": lambda: convolutional(True), "transformer": Transformer}


@pytest.fixture(scope="module", params=NETS)
def compared(request, trace_once):
    torch.manual_seed(0)
    net = NETS[request.param]()
    x = torch.randn(160, 3, 16, 16) + torch.randn(160, 3, 1, 1)
    net.train()
    with torch.no_grad():
        for _ in range(30):
            net(x[:64])  # running statistics of the BatchNorms
    net.eval()
    with torch.no_grad():
        head = [m for m in net.modules() if isinstance(m, nn.Linear)][-1]
        head.weight *= 3 / net(x).std()
    plan = QuantPlan.preset(Target.parse("fx-onednn"))
    graph = fuse(trace_once(net, x[:2]), plan).graph
    q = quantize(graph, plan, calibrate(graph, [(x[:64],)], share=1.0).tensors)
    batches = [(part,) for part in x[64:].split(48)]
    found = score({"p": q}, batches, draws=Draws(8, 16))["p"]
    return found, sweep(q, batches), measure(q, batches, layer_samples=0).outputs


@pytest.mark.parametrize("kind", ["mse", "kl"])
def test_layers_are_ranked_as_brute_force_ranks_them(compared, kind):
    scores, exact, _ = compared
    found = getattr(scores, kind)
    ids = [id for id, row in exact.isolated.items() if row.mse]
    assert len(ids) >= 12
    ranks = spearmanr([found[id] for id in ids], [getattr(exact.isolated[id], kind) for id in ids]).statistic
    assert ranks >= 0.97


@pytest.mark.parametrize("kind", ["mse", "kl"])
def test_the_sum_is_within_a_fifth_of_the_sum_of_brute_force(compared, kind):
    scores, exact, _ = compared
    estimated, error = sum(getattr(scores, kind).values()), getattr(scores, f"{kind}_error")
    measured = sum(getattr(row, kind) for row in exact.isolated.values())
    assert abs(estimated - measured) <= max(0.2 * measured, 2 * error)


def test_the_sum_is_within_a_fifth_of_what_the_whole_plan_does_or_is_said_not_to_hold(compared):
    scores, _, whole = compared
    estimated = sum(scores.kl.values())
    found, reason = holds(scores, whole.mean_kl)
    away = abs(estimated - whole.mean_kl)
    assert found == (away <= max(0.2 * whole.mean_kl, NEGLIGIBLE_KL))
    # Nets with random weights answer nearly the same to all: their layers' noises lean the same way.
    assert found or "add to one another" in reason
