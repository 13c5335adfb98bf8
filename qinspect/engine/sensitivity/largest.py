"""The largest effects, of one layer on one sample each: run, where all others are estimated.

A few of them make up much of every sum, and they are what a gradient says worst: noise so large bends back (a softmax
can lose no more than its answer), and the square of one random vector is off by its own size. Which they are has to be
told by other random vectors than those of the estimate that they replace: of estimates that are picked because they are
large the others would be too small in the mean.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..classes import ClassAxis
from ..errors import OutputErrors
from ..graph import Layer
from ..graph.execute import Executor
from ..graph.memory import VALUE_BYTES
from ..graph.recurrent import RECURRENT
from ..parallel import in_parallel
from ..progress import Report
from ..quantize import Quantization
from ..simulate import Simulation
from ..text import Text
from .onwards import every_value, outputs_from

Estimates = Mapping[str, NDArray[np.float64]]
"""By layer id, shape (vectors, samples)."""


class Pair(NamedTuple):
    """A layer and a sample."""

    id: str
    sample: int


class Effect(NamedTuple):
    """What one layer's quantization does to the outputs of one sample.

    Parameters
    ----------
    kl : float | None
        Nats.
    squares : tuple of float
        Of each output, the sum of the squared differences.
    """

    kl: float | None
    squares: tuple[float, ...]


def largest(estimates: Estimates, count: int) -> frozenset[Pair]:
    """The largest of them, means over the vectors; no zeros."""
    ids = list(estimates)
    if not ids or not len(estimates[ids[0]]):
        return frozenset()
    means = np.stack([estimates[id].mean(0) for id in ids])
    order = np.argsort(-means, axis=None, kind="stable")[:count]
    places = zip(*np.unravel_index(order, means.shape), strict=True)
    return frozenset(Pair(ids[i], int(sample)) for i, sample in places if means[i, sample] > 0)


def replaced(estimates: Estimates, by: Mapping[Pair, float]) -> dict[str, NDArray[np.float64]]:
    """Estimates, with measured ones in the place of some."""
    found = dict(estimates)
    for pair, value in by.items():
        if found[pair.id] is estimates[pair.id]:
            found[pair.id] = estimates[pair.id].copy()
        found[pair.id][:, pair.sample] = value
    return found


def measured(
    variants: Mapping[str, Quantization],
    wanted: Mapping[str, Iterable[Pair]],
    inputs: Mapping[int, Sequence[torch.Tensor]],
    report: Report,
    classes: ClassAxis = "flat",
) -> dict[str, dict[Pair, Effect]]:
    """Run single layers of some plans quantized alone, on single samples.

    Parameters
    ----------
    variants : mapping of str to Quantization
    wanted : mapping of str to iterable of Pair
        Of each plan.
    inputs : mapping of int to sequence of torch.Tensor
        Of each sample that is named, as a batch of one.
    report : Report
    classes : ClassAxis
    """
    by_sample: dict[int, list[tuple[str, Pair]]] = {}
    for name, pairs in wanted.items():
        for pair in sorted(pairs):
            by_sample.setdefault(pair.sample, []).append((name, pair))
    graph = next(iter(variants.values())).float_graph
    layers = {layer.id: layer for layer in graph.layers}
    plain = Executor(graph, channels_last=True)
    simulations = {
        name: Simulation(_of_layers(variants[name], {pair.id for pair in pairs}), channels_last=True)
        for name, pairs in wanted.items()
        if pairs
    }

    def run(sample: int, report: Report) -> dict[tuple[str, Pair], Effect]:
        found = {}
        with torch.inference_mode():
            values = every_value(plain, inputs[sample])
            reference = [values[name] for name in graph.output_values]
            for number, (name, pair) in enumerate(by_sample[sample]):
                report(number, len(by_sample[sample]), Text("measuring the largest effects"))
                layer, errors = layers[pair.id], OutputErrors(classes)
                errors.add(reference, outputs_from(layer, plain, values, _noisy(simulations[name], layer, values)))
                found[name, pair] = Effect(errors.mean_kl, tuple(power.noise for power in errors.powers))
        return found

    def size(sample: int) -> float:
        return len(by_sample[sample])

    def taken(sample: int) -> int:
        return 2 * VALUE_BYTES * sum(math.prod(layer.shape) for layer in graph.layers)  # floats, and those of one run

    effects: dict[str, dict[Pair, Effect]] = {name: {} for name in wanted}
    total = sum(map(len, by_sample.values()))
    for part in in_parallel(run, sorted(by_sample), size, report, total=total, each=taken, apart=not graph.opaque):
        for (name, pair), effect in part.items():
            effects[name][pair] = effect
    return effects


def _of_layers(q: Quantization, ids: Set[str]) -> Quantization:
    """With the weights of some layers alone on a grid: of a large model not every plan is to have its own."""
    return replace(q, weights={key: p for key, p in q.weights.items() if key in ids or key.rpartition("/")[0] in ids})


def _noisy(simulation: Simulation, layer: Layer, values: Mapping[str, Any]) -> Any:
    """A layer's value with the very noise that was estimated: what rounding the float value itself changes is added.

    Where the layer's value is rounded after its weight's noise has been added, every value falls to another side. Pairs
    that were picked because their noise was large would be measured with some other noise, which is smaller.
    """
    value, quantization = values[layer.value], simulation.quantization
    if layer.id not in quantization.quantized or not isinstance(value, torch.Tensor) or layer.op in RECURRENT:
        return simulation.run_layer(layer, values)
    read = simulation.compute(layer, simulation.as_read(layer, values))
    return read + (simulation.round(layer, value) - value)


__all__ = ["Effect", "Pair", "largest", "measured", "replaced"]
