"""What every layer's quantization noise does to the model's output, from a few backward passes.

The noise that layer i adds reaches the output as J_i δ_i. For a random output vector v with
E[v vᵀ] = I, E[(vᵀ J_i δ_i)²] = |J_i δ_i|²: the squared output error of every layer from one
gradient. With E[v vᵀ] = diag(p) − p pᵀ, p the softmax, half of it is the second-order (Fisher)
estimate of KL(float || quantized). Such a v is √p·s − p (√p·s summed) with random signs s; a one-hot
sample of p minus p would do as well, but where the model is sure of its answer such samples are
nearly all 0, and the estimate rests on the rare other ones. Signs, in place of Gaussian numbers, have a
square that is always 1: of what one class alone does the square is exact (Hutchinson 1990).

A layer's noise is the sum of what rounding its inputs (where they are rounded when read), its weight
and its output adds. Each is followed for itself, per sample and once for all plans that have it in
common; a plan's effect is the square of the sum. So another candidate costs the rounding that only
it has, and no gradient.

A gradient takes everything behind it for straight. Most of what is not is the next activation: the
values of a ReLU6 that lie close to its corners pass more noise, or less, than the slope at their
place says (MobileNetV2's second expansion: six times more). So a rounded value goes through the
layers that read it as it is, and only from there on along the gradient.

Of few samples, or of values that are cut off, a handful of effects makes up much of the sum. These are run (`largest`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..classes import ClassAxis
from ..graph import LayerGraph
from ..graph.execute import Executor, portions, samples_of
from ..graph.memory import VALUE_BYTES, fixed_batch
from ..parallel import in_parallel
from ..progress import Report, part, silent
from ..quantize import Quantization
from .largest import Effect, Estimates, Pair, largest, measured, replaced
from .noise import Noises
from .scores import Answers, Scores
from .walk import Draws, Walk

KEPT_BYTES = 128 << 20
"""Values of all layers of a portion, which are kept until the gradients have come back to them."""


SAMPLES, DRAWS = 64, Draws(1, 2)
"""What an estimate rests on: samples, and random vectors of each."""

LIGHT, LIGHT_DRAWS = 200, Draws(2, 2)
"""Multiply-adds for each value that layers hand on, below which a net spends its time on memory, and a gradient costs
but a fourth of a forward pass (MobileNetV2 45, ResNet-18 700): one more for the squared error is cheap."""

MORE = ((256, Draws(4, 8)), (256, Draws(2, 4)), (128, Draws(2, 4)), (128, Draws(2, 2)))
"""Where they cost little, more of both: of a small net's layers many do much the same, and 64 samples say less about
256 others than an estimate says about them (a trained ResNet of 0.6 million multiply-adds: Spearman 0.82)."""

MORE_MACS = 2e10
"""Multiply-adds of the forward passes for all vectors that count as little: a few seconds."""

STEP_MACS = 4e6
"""What passing one layer with a portion, forth and back, costs whatever its size, in multiply-adds: a millisecond."""

LARGEST = 16
"""Effects of one layer on one sample that are run instead, for each of KL divergence and squared error, of all plans.

A fourth of a forward pass of 64 samples; a sum of KL scatters by 7 % then on MobileNetV2 (without 16 %) and by 5 % on
EfficientNet-Lite0 (26 %), of squared errors by 5 and 7 % (9 and 65 %). Four times as many do little more."""

PORTION = 16
"""Samples of one portion, as batches are cut."""

TAKEN = 7
"""Memory that a portion takes, over that of all layers' values of it: measured at 5.7 and 6.3."""


def taken_bytes(graph: LayerGraph, samples: int) -> int:
    """Memory that scoring takes for a portion of so many samples."""
    return TAKEN * VALUE_BYTES * samples * sum(math.prod(layer.shape) for layer in graph.layers)


def effort(graph: LayerGraph, available: int, plans: int = 1) -> tuple[int, Draws]:
    """How many samples and random vectors a graph's scores are to rest on.

    Parameters
    ----------
    graph : LayerGraph
    available : int
        Samples that there are; whole batches of a graph whose batch is fixed.
    plans : int
        That are scored at once. Of several it is their roundings that cost most, once for each vector, and what
        ranks them is the KL divergence.

    Returns
    -------
    int
        Samples, in whole batches as well.
    Draws
    """
    batch = fixed_batch(graph) or 1
    macs = sum(layer.macs for layer in graph.layers) / batch

    def whole(samples: int) -> int:
        return min(-(-samples // batch) * batch, available)

    for most, draws in MORE:
        samples = whole(most)
        steps = STEP_MACS * len(graph.layers) * samples / max(batch, PORTION)
        if draws.kl / DRAWS.kl * (samples * macs + steps) <= MORE_MACS:
            return samples, draws
    values = sum(math.prod(layer.shape) for layer in graph.layers)
    return whole(SAMPLES), LIGHT_DRAWS if plans == 1 and macs * batch < LIGHT * values else DRAWS


def score(
    variants: Mapping[str, Quantization],
    batches: Iterable[Sequence[torch.Tensor]],
    report: Report = silent,
    *,
    total: int = 0,
    draws: Draws = DRAWS,
    only: frozenset[str] | None = None,
    seed: int = 0,
    classes: ClassAxis = "flat",
    margins: bool = False,
    to_run: int = LARGEST,
) -> dict[str, Scores]:
    """Estimate the effect of every layer's noise, for several plans on one graph at once.

    Parameters
    ----------
    variants : mapping of str to Quantization
        All on the same fused graph; gradients are computed once for all.
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    report : Report
    total : int
        Number of samples to come, for the report.
    draws : Draws
    only : frozenset of str, optional
        Ids of the layers to score; all quantized ones otherwise.
    seed : int
        Of the random vectors.
    classes : ClassAxis
        How the first output is read.
    margins : bool
        Whether `Scores.answers` is wanted: one more backward pass.
    to_run : int
        The largest effects, of one layer on one sample each, that are run instead of estimated, for each of KL
        divergence and squared error: so many, or half as many as there are samples. Several plans share them.
    """
    graph = next(iter(variants.values())).float_graph
    noises, executor = Noises(graph, variants, only), Executor(graph, channels_last=True)
    parts = (each for batch in batches for each in portions(graph, batch, kept=KEPT_BYTES))

    def run(portion: tuple[int, Sequence[torch.Tensor]], report: Report) -> Walk:
        # Every portion draws from numbers of its own: whose turn it is does not count.
        own = np.random.SeedSequence((seed, portion[0])).generate_state(1)  # torch's generator takes 32 bits
        generator = torch.Generator().manual_seed(int(own[0]))
        with torch.no_grad():
            return Walk(executor, noises, draws, generator, classes, margins).go(portion[1], report)

    def size(portion: tuple[int, Sequence[torch.Tensor]]) -> int:
        return samples_of(portion[1])

    def each(portion: tuple[int, Sequence[torch.Tensor]]) -> int:
        return taken_bytes(graph, size(portion))

    walks = list(
        in_parallel(run, enumerate(parts), size, part(report, 0, 0.85), total=total, each=each, apart=not graph.opaque)
    )
    if not walks:
        return {name: Scores({}, {}, 0) for name in variants}
    effects = {name: _effects(name, walks, noises) for name in variants}
    inputs = _one_by_one(graph, walks)
    count = -(-min(to_run, len(inputs) // 2) // len(variants))
    mixed = frozenset[str]().union(*(walk.mixed for walk in walks))
    picked = {name: _picked(found, count, mixed) for name, found in effects.items()}
    ran = measured(variants, {name: a | b for name, (a, b) in picked.items()}, inputs, part(report, 0.85, 1), classes)
    return {name: _scores(effects[name], picked[name], ran[name], walks) for name in variants}


@dataclass(frozen=True)
class _Effects:
    """Of one plan.

    Parameters
    ----------
    whole, weight : mapping of layer id to float64 array, shape (vectors, samples)
        v' J δ of all that a layer rounds, and of its weight alone.
    squares, by_kl : slice
        The vectors for the squared error and for the KL divergence; of the latter there may be none.
    """

    whole: dict[str, NDArray[np.float64]]
    weight: dict[str, NDArray[np.float64]]
    squares: slice
    by_kl: slice

    @property
    def mse(self) -> Estimates:
        return {id: effect[self.squares] ** 2 for id, effect in self.whole.items()}

    @property
    def kl(self) -> Estimates:
        return {id: effect[self.by_kl] ** 2 / 2 for id, effect in self.whole.items()}


def _effects(name: str, walks: Sequence[Walk], noises: Noises) -> _Effects:
    walk = walks[0]
    samples = sum(each.size for each in walks)
    squares, by_kl = slice(0, walk.squares), slice(walk.squares, sum(walk.draws))
    keys = dict.fromkeys(key for each in walks for key in each.effects)
    effects = {
        key: np.concatenate([each.effects.get(key, np.zeros((walk.vectors, each.size))) for each in walks], 1)
        for key in keys
    }
    used = {id: noisy.used[name] for id, noisy in noises.layers.items() if name in noisy.used}
    zero = np.zeros((walk.vectors, samples))
    whole = {id: sum((effects.get((id, key), zero) for key in keys), zero) for id, keys in used.items()}
    weight = {
        id: sum((effects.get((id, key), zero) for key in keys if key[0] == "weight"), zero) for id, keys in used.items()
    }
    to_all_power = _to_all_power(walks)
    for effect in (*whole.values(), *weight.values()):
        effect[squares] *= to_all_power
    return _Effects(whole, weight, squares, by_kl)


def _picked(effects: _Effects, count: int, mixed: Set[str]) -> tuple[frozenset[Pair], frozenset[Pair]]:
    """Whose effects are run instead of estimated: for the first half of the vectors, and for the second.

    The halves are those for the squared error and those for the KL divergence, where there are both.
    """
    first, second = ({id: half[id] for id in half if id not in mixed} for half in _halves(effects))
    return largest(second, count), largest(first, count)


def _halves(effects: _Effects) -> tuple[Estimates, Estimates]:
    """Estimates by two sets of random vectors, of which neither says anything of the other."""
    if effects.by_kl.start < effects.by_kl.stop:
        return effects.mse, effects.kl
    return {id: e[::2] for id, e in effects.mse.items()}, {id: e[1::2] for id, e in effects.mse.items()}


def _one_by_one(graph: LayerGraph, walks: Sequence[Walk]) -> dict[int, Sequence[torch.Tensor]]:
    """Every sample's inputs; nothing where samples cannot be told apart."""
    singles = [single for walk in walks for single in portions(graph, walk.inputs, most=1)]
    return dict(enumerate(singles)) if len(singles) == sum(walk.size for walk in walks) else {}


def _scores(
    effects: _Effects,
    picked: tuple[frozenset[Pair], frozenset[Pair]],
    ran: Mapping[Pair, Effect],
    walks: Sequence[Walk],
) -> Scores:
    """Of one plan."""
    samples = sum(walk.size for walk in walks)
    powers = np.array([walk.powers for walk in walks]).sum(0) / samples

    def share(effect: Effect) -> float:
        shares = [square / power for square, power in zip(effect.squares, powers, strict=True) if power]
        return sum(shares) / len(shares) if shares else 0.0

    first, second = _halves(effects)
    first = replaced(first, {pair: share(ran[pair]) for pair in picked[0]})
    if walks[0].has_kl:
        mse, kl = first, replaced(second, {pair: ran[pair].kl or 0.0 for pair in picked[1]})
    else:
        second = replaced(second, {pair: share(ran[pair]) for pair in picked[1]})
        mse, kl = {id: np.concatenate([first[id], second[id]]) for id in first}, {}

    def of_weights(all_of_it: Estimates, estimated: Estimates, vectors: slice, half: float) -> dict[str, float]:
        """The weights' part: as estimated, of what the layer does."""
        parts = {}
        for id, values in all_of_it.items():
            whole, weight = float(estimated[id].mean()), half * float((effects.weight[id][vectors] ** 2).mean())
            parts[id] = weight * float(values.mean()) / whole if whole else 0.0
        return parts

    return Scores(
        {id: float(values.mean()) for id, values in mse.items()},
        {id: float(values.mean()) for id, values in kl.items()},
        samples,
        of_weights(kl, effects.kl, effects.by_kl, 0.5),
        of_weights(mse, effects.mse, effects.squares, 1.0),
        _standard_error(kl),
        _standard_error(mse),
        None if walks[0].tops is None else _answers(walks, effects.whole),
    )


def _answers(walks: Sequence[Walk], effects: Mapping[str, NDArray[np.float64]]) -> Answers:
    tops = np.concatenate([walk.tops for walk in walks if walk.tops is not None])
    return Answers(
        tops, np.concatenate([walk.gaps for walk in walks]), {id: effect[-1] for id, effect in effects.items()}
    )


def _to_all_power(walks: Sequence[Walk]) -> NDArray[np.float64]:
    """What each sample's effects on the squared error are multiplied with, to be shares of the power of all samples.

    A portion's vectors were divided by its own power, before the others had been seen. Of several outputs
    the mean is taken, as if their powers changed together.

    Returns
    -------
    float64 array, shape (samples,)
    """
    powers = np.array([walk.powers for walk in walks])
    sizes = np.array([walk.size for walk in walks])
    total = powers.sum(0)
    known = total > 0
    if not known.any():
        return np.ones(sizes.sum())
    shares = (powers[:, known] / sizes[:, None]) / (total[known] / sizes.sum())
    return np.repeat(np.sqrt(shares.mean(1)), sizes)


def _standard_error(of_layers: Mapping[str, NDArray[np.float64]]) -> float | None:
    """Of the mean over samples of the sum over layers; samples differ, and so do their random vectors."""
    if not of_layers:
        return None
    sums = sum(of_layers.values(), np.zeros(1)).mean(0)
    return float(sums.std(ddof=1) / len(sums) ** 0.5) if len(sums) > 1 else None


__all__ = ["Draws", "effort", "score"]
