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
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..classes import ClassAxis
from ..graph import LayerGraph
from ..graph.execute import Executor, portions, samples_of
from ..graph.memory import VALUE_BYTES, fixed_batch
from ..parallel import in_parallel
from ..progress import Report, silent
from ..quantize import Quantization
from ..text import Text
from .noise import Noises
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

PORTION = 16
"""Samples of one portion, as batches are cut."""

TAKEN = 7
"""Memory that a portion takes, over that of all layers' values of it: measured at 5.7 and 6.3."""


def taken_bytes(graph: LayerGraph, samples: int) -> int:
    """Memory that scoring takes for a portion of so many samples."""
    return TAKEN * VALUE_BYTES * samples * sum(math.prod(layer.shape) for layer in graph.layers)


def effort(graph: LayerGraph, available: int) -> tuple[int, Draws]:
    """How many samples and random vectors a graph's scores are to rest on.

    Parameters
    ----------
    graph : LayerGraph
    available : int
        Samples that there are; whole batches of a graph whose batch is fixed.

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
    return whole(SAMPLES), LIGHT_DRAWS if macs * batch < LIGHT * values else DRAWS


@dataclass(frozen=True, eq=False)
class Answers:
    """Answers of the float model on some samples, and what each layer's noise does to their margins.

    Parameters
    ----------
    tops : int64 array, shape (samples, 1 + rivals)
        The answer, and the classes that come next.
    gaps : float64 array, shape (samples, rivals)
        By how much the answer's logit is larger than theirs.
    shifts : mapping of layer id to float64 array, shape (samples,)
        What the first of these is changed by, to first order.
    labels : int64 array, shape (samples,) | None
    """

    tops: NDArray[np.int64]
    gaps: NDArray[np.float64]
    shifts: Mapping[str, NDArray[np.float64]]
    labels: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Scores:
    """Estimated output error that each layer's own quantization causes.

    Parameters
    ----------
    mse : mapping of layer id to float
        Share of the output's power (each output normalized by its own), mean over outputs.
    kl : mapping of layer id to float
        Nats per sample; empty where the first output is no logits.
    samples : int
        Samples that it rests on.
    weight_kl, weight_mse : mapping of layer id to float
        What rounding the weight alone adds; the rest is the activations'.
    kl_error, mse_error : float | None
        Standard error of the sums over the layers.
    together_kl, together_mse : float | None
        The same noises added before they are squared: what they do together to first order, where
        they lean the same way or cancel out.
    answers : Answers | None
        How near each sample's answer is to another one; None where that was not followed.
    """

    mse: Mapping[str, float]
    kl: Mapping[str, float]
    samples: int
    weight_kl: Mapping[str, float] = dataclasses.field(default_factory=dict)
    weight_mse: Mapping[str, float] = dataclasses.field(default_factory=dict)
    kl_error: float | None = None
    mse_error: float | None = None
    together_kl: float | None = None
    together_mse: float | None = None
    answers: Answers | None = None


LIMIT_KL = 0.3
"""Above so many nats a sum of estimates only says that it is bad: noise so large bends back, or tips over."""

LIMIT_MSE = 0.1
"""The same for the share of the outputs' power, where there is no KL divergence."""

TOLERANCE = 0.2
"""Estimate and measurement agree where they differ by no more than this share, or by two standard errors."""

NEGLIGIBLE_KL, NEGLIGIBLE_MSE = 1e-4, 1e-5
"""Or by so many nats, or so small a share of the power (50 dB): errors of that size decide nothing."""


def holds(scores: Scores, kl: float | None = None, mse: float | None = None) -> tuple[bool | None, str | None]:
    """Whether the sum over the layers says what the whole plan does.

    Before the plan has been run only its own size speaks against an estimate.

    Parameters
    ----------
    scores : Scores
    kl, mse : float | None
        Measured on the same samples; the second counts where there is no KL divergence.

    Returns
    -------
    bool | None
        None where nothing was estimated.
    str | None
        Why it does not hold.
    """
    if scores.kl:
        estimated, error, measured = sum(scores.kl.values()), scores.kl_error, kl
        limit, unit, negligible = LIMIT_KL, Text("nats of KL"), NEGLIGIBLE_KL
    elif scores.mse:
        estimated, error, measured = sum(scores.mse.values()), scores.mse_error, mse
        limit, unit, negligible = LIMIT_MSE, Text("of the output's power"), NEGLIGIBLE_MSE
    else:
        return None, None
    if estimated > limit:
        return False, Text(
            "estimates above {limit:g} {unit} are too large to be added up layer by layer", limit=limit, unit=unit
        )
    if measured is None:
        return True, None
    if abs(estimated - measured) <= max(TOLERANCE * measured, 2 * (error or 0.0), negligible):
        return True, None
    if math.isnan(measured):
        return False, Text("the quantized model's answers are not numbers")
    how = Text("add to one another") if measured > estimated else Text("cancel out in part")
    return False, Text(
        "measured {measured:.3g} {unit}, {estimated:.3g} estimated: the layers' errors {how}",
        measured=measured,
        unit=unit,
        estimated=estimated,
        how=how,
    )


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
    """
    graph = next(iter(variants.values())).float_graph
    noises, executor = Noises(graph, variants, only), Executor(graph, channels_last=True)
    parts = (part for batch in batches for part in portions(graph, batch, kept=KEPT_BYTES))

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

    walks = list(in_parallel(run, enumerate(parts), size, report, total=total, each=each, apart=not graph.opaque))
    return {name: _scores(name, walks, noises) if walks else Scores({}, {}, 0) for name in variants}


def _scores(name: str, walks: Sequence[Walk], noises: Noises) -> Scores:
    """Of one plan."""
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
    for effect in (*whole.values(), *weight.values()):
        effect[squares] *= _to_all_power(walks)
    mse = {id: effect[squares] ** 2 for id, effect in whole.items()}
    kl = {id: effect[by_kl] ** 2 / 2 for id, effect in whole.items() if walk.has_kl}
    together = sum(whole.values(), zero)
    return Scores(
        {id: float(values.mean()) for id, values in mse.items()},
        {id: float(values.mean()) for id, values in kl.items()},
        samples,
        {id: float((weight[id][by_kl] ** 2).mean()) / 2 for id in kl},
        {id: float((weight[id][squares] ** 2).mean()) for id in mse},
        _standard_error(kl),
        _standard_error(mse),
        float((together[by_kl] ** 2).mean()) / 2 if kl else None,
        float((together[squares] ** 2).mean()) if mse else None,
        None if walk.tops is None else _answers(walks, whole),
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


__all__ = ["Answers", "Draws", "Scores", "effort", "holds", "score"]
