"""Estimates of a trained ResNet against brute force: with random weights there is nothing to rank.

Run ``python -m pytest -m bench -s tests/bench/test_trained_resnet.py``; it takes half a minute.
"""

from __future__ import annotations

import pytest
import torch
from scipy.stats import spearmanr
from sklearn.datasets import load_digits
from torch import nn

from qinspect.engine.calibrate import calibrate
from qinspect.engine.job import first_plan, fused_graph
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.measure import measure
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.sensitivity.estimate import holds, score
from qinspect.engine.sensitivity.sweep import sweep
from tests.bench.test_speed import RESNET18

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

NET = (
    RESNET18
    + """
def model():
    widths = [8, 8, 8, 16, 16, 16, 32, 32, 32]
    blocks = [Block(widths[max(0, i - 1)], width, 2 if i in (3, 6) else 1) for i, width in enumerate(widths)]
    stem = [nn.Conv2d(1, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))
"""
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """ResNet-20 of half its width, trained on 1,400 digits; the model, and the others."""
    digits = load_digits()
    x, y = torch.tensor(digits.images[:, None] / 16, dtype=torch.float32), torch.tensor(digits.target)
    torch.manual_seed(0)
    order = torch.randperm(len(x))
    names: dict = {}
    exec(NET, names)
    net: nn.Module = names["model"]()
    optimizer = torch.optim.SGD(net.parameters(), 0.05, momentum=0.9, weight_decay=1e-4)
    for _ in range(6):
        for chosen in order[:1400][torch.randperm(1400)].split(64):
            noisy = x[chosen] + 0.1 * torch.randn(x[chosen].shape)
            loss = nn.functional.cross_entropy(net(noisy), y[chosen], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    folder = tmp_path_factory.mktemp("resnet")
    (folder / "net.py").write_text(NET)
    torch.save(net.state_dict(), folder / "net.pt")
    spec = ModelSpec(f"{folder / 'net.py'}:model", str(folder / "net.pt"), ((1, 1, 8, 8),))
    with torch.no_grad():
        right = (net.eval()(x[order[1400:]]).argmax(1) == y[order[1400:]]).double().mean()
    print(f"\ntrained: {right:.1%} of the other digits")
    return load_model(spec, allow_code=True), x[order[1400:]]


@pytest.mark.parametrize("kind", ["per_channel", "per_tensor"])
def test_the_layers_of_a_trained_resnet_are_ranked_as_brute_force_ranks_them(trained, one_thread, kind):
    """Spearman of the estimates on 64 samples over four seeds, against each layer quantized alone.

    The layers' effects lie close together here (the line says how close), and a single random vector a sample
    tells a fifth more from a fifth less only.
    """
    model, digits = trained
    plan = first_plan(model.graph, Target.parse("ort"))
    assert plan.default.weight is not None
    plan = plan.with_default(plan.default.weight.but(granularity=kind), plan.default.activation)
    graph = fused_graph(model, plan).graph
    quantization = quantize(graph, plan, calibrate(graph, [(digits[:128],)]).tensors)
    feed = [(digits[128:192],)]
    exact, whole = sweep(quantization, feed), measure(quantization, feed, layer_samples=0).outputs
    ids = list(exact.isolated)
    most = [exact.isolated[i].kl for i in ids]
    print(f"\nlargest effect over median: {max(most) / sorted(most)[len(most) // 2]:.1f}")
    for draws in (1, 4, 16):
        found = [score({"plan": quantization}, feed, draws=draws, seed=seed)["plan"] for seed in range(4)]
        ranks = {
            name: [
                spearmanr([getattr(f, name)[i] for i in ids], [getattr(exact.isolated[i], name) for i in ids]).statistic
                for f in found
            ]
            for name in ("kl", "mse")
        }
        sums = " ".join(f"{sum(f.kl.values()):.3g}" for f in found)
        print(
            f"\n| {kind}, {draws} draws, {len(ids)} layers | "
            + " | ".join(f"{min(each):.3f} to {max(each):.3f}" for each in ranks.values())
            + f" | {sums} | {whole.mean_kl:.3g} | {[holds(f, whole.mean_kl)[0] for f in found]} |"
        )
        assert min(ranks["kl"]) > 0.8
