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
from qinspect.engine.sensitivity.estimate import DRAWS, effort, score
from qinspect.engine.sensitivity.scores import holds
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
    """Spearman of the estimates over eight seeds, against each layer quantized alone on the same samples.

    The layers' effects lie close together here (the line says how close), so that few samples and vectors do
    not tell them apart, and other samples have another order: `effort` takes more of both where they are cheap.
    """
    model, digits = trained
    plan = first_plan(model.graph, Target.parse("ort"))
    assert plan.default.weight is not None
    plan = plan.with_default(plan.default.weight.but(granularity=kind), plan.default.activation)
    graph = fused_graph(model, plan).graph
    quantization = quantize(graph, plan, calibrate(graph, [(digits[:128],)]).tensors)
    samples, draws = effort(graph, len(digits) - 128)
    feeds = {n: [(digits[128 : 128 + n],)] for n in (64, samples)}
    exact = {n: sweep(quantization, feed) for n, feed in feeds.items()}
    ids = list(exact[64].isolated)

    def alone(n: int, name: str) -> list[float]:
        return [getattr(exact[n].isolated[i], name) for i in ids]

    most = sorted(alone(samples, "kl"))
    print(f"\nlargest effect over median: {most[-1] / most[len(most) // 2]:.1f}")
    for name in ("kl", "mse"):
        found = spearmanr(alone(64, name), alone(samples, name)).statistic
        print(f"\nbrute force on 64 of them and on all {samples}: {name} {found:.3f}")
    for n, vectors in ((64, DRAWS), (64, draws), (samples, DRAWS), (samples, draws)):
        whole = measure(quantization, feeds[n], layer_samples=0).outputs
        found = [score({"plan": quantization}, feeds[n], draws=vectors, seed=seed)["plan"] for seed in range(8)]
        ranks = {
            name: [spearmanr([getattr(f, name)[i] for i in ids], alone(n, name)).statistic for f in found]
            for name in ("kl", "mse")
        }
        sums = [sum(f.kl.values()) for f in found]
        print(
            f"\n| {kind}, {len(ids)} layers, {n} samples, {vectors} | "
            + " | ".join(f"{min(each):.3f} to {max(each):.3f}" for each in ranks.values())
            + f" | {min(sums):.3g} to {max(sums):.3g} | {whole.mean_kl:.3g} | "
            + f"{sum(bool(holds(f, whole.mean_kl)[0]) for f in found)} of 8 |"
        )
    assert min(ranks["kl"]) > 0.97
    assert min(ranks["mse"]) > 0.96
