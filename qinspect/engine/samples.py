"""Which samples, and which of several outputs, quantization harms most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .backends import simulation
from .classes import ClassAxis
from .data import Dataset
from .errors import Noise, agreement, kl_divergence, logits, sqnr_db
from .graph import Layer, LayerGraph
from .graph.execute import Executor
from .graph.memory import fixed_batch
from .quantize import Quantization
from .results import OutputRow
from .results.samples import SampleRow, WorstSample

WORST = 5
"""Samples whose errors are followed layer by layer without being asked for."""


def sample_rows(
    data: Dataset,
    chosen: Sequence[int],
    reference: Sequence[NDArray[Any]],
    quantized: Sequence[NDArray[Any]],
    classes: ClassAxis = "flat",
) -> tuple[SampleRow, ...]:
    """Every sample with its divergence, the worst first.

    Parameters
    ----------
    data : Dataset
    chosen : sequence of int
        The samples that the outputs belong to, in order.
    reference, quantized : sequence of arrays
        Outputs of the float and of the quantized model, each of shape (samples, ...).
    classes : ClassAxis
        How the first output is read.

    Returns
    -------
    tuple of SampleRow
        By KL where the judged output is logits, else by MSE. Empty where the first axis of an output
        is not the samples.
    """
    if not reference or not chosen or any(not output.ndim or len(output) != len(chosen) for output in reference):
        return ()
    mse = np.zeros(len(chosen))
    for f, q in zip(reference, quantized, strict=True):
        wide = f.astype(np.float64).reshape(len(f), -1)
        power = float((wide**2).mean())
        if power > 0:
            mse += ((q.astype(np.float64).reshape(wide.shape) - wide) ** 2).mean(1) / power / len(reference)
    first, second = (logits([torch.from_numpy(t) for t in found], classes) for found in (reference, quantized))
    kl = same = tops = None
    if first is not None and second is not None:
        kl, same = kl_divergence(first, second).numpy(), agreement(first, second)
        if first.shape[1] == 1:
            tops = first.argmax(-1)[:, 0].tolist(), second.argmax(-1)[:, 0].tolist()
    order = np.argsort(-(mse if kl is None else kl), kind="stable")
    return tuple(
        SampleRow(
            int(chosen[i]),
            data.names[chosen[i]],
            None if data.labels is None else int(data.labels[chosen[i]]),
            None if kl is None else float(kl[i]),
            float(mse[i]),
            None if tops is None else tops[0][i],
            None if tops is None else tops[1][i],
            None if same is None else float(same[i]),
        )
        for i in order
    )


def output_rows(reference: Sequence[NDArray[Any]], quantized: Sequence[NDArray[Any]]) -> tuple[OutputRow, ...]:
    """Each output's own error: in a sum the largest output's scale hides what happens to the others."""
    rows = []
    for index, (f, q) in enumerate(zip(reference, quantized, strict=True)):
        wide = f.astype(np.float64)
        signal, noise = float((wide**2).sum()), float(((q.astype(np.float64) - wide) ** 2).sum())
        size = max(1, f.size)
        mse = noise / signal if signal else None
        rows.append(OutputRow(index, tuple(f.shape[1:]), signal / size, mse, sqnr_db(signal, noise)))
    return tuple(rows)


def layer_errors(
    quantization: Quantization, inputs: Sequence[torch.Tensor], pair: tuple[Executor, Executor] | None = None
) -> dict[str, float | None]:
    """SQNR in dB of every layer's value with everything before it quantized as well, in the order of running.

    Parameters
    ----------
    quantization : Quantization
    inputs : sequence of torch.Tensor
        Model inputs of one sample (or of copies of it, where the model's batch is fixed).
    pair : tuple of Executor, optional
        `both_models` of the quantization, where there are several samples.

    Returns
    -------
    dict of layer id to float | None
        None where the value is exact.
    """
    floats: dict[str, torch.Tensor] = {}
    noises: dict[str, Noise] = {}

    def keep(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        if not layer.transparent and isinstance(value, torch.Tensor) and value.is_floating_point():
            floats[layer.id] = value
        return value

    def compare(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        if layer.id in floats:
            noises[layer.id] = Noise()
            noises[layer.id].add(floats.pop(layer.id), value)
        return value

    plain, simulated = pair or both_models(quantization)
    with torch.inference_mode():
        plain(inputs, keep)
        simulated(inputs, compare)
    return {name: noise.sqnr_db for name, noise in noises.items()}


def both_models(quantization: Quantization) -> tuple[Executor, Executor]:
    """The float and the simulated model, ready to run; making the second rounds all weights."""
    return Executor(quantization.float_graph, channels_last=True), simulation(quantization, channels_last=True)


def worst_samples(quantization: Quantization, data: Dataset, rows: Sequence[SampleRow]) -> tuple[WorstSample, ...]:
    """The `WORST` samples that quantization harms most, layer by layer; `rows` has the worst first."""
    copies = fixed_batch(quantization.graph) or 1
    found = []
    pair = both_models(quantization) if rows else None
    for row in rows[:WORST]:
        errors = layer_errors(quantization, data.load([row.index] * copies), pair)
        found.append(WorstSample(row.index, errors, *(largest_fall(quantization.graph, errors) or (None, None))))
    return tuple(found)


def largest_fall(graph: LayerGraph, errors: Mapping[str, float | None]) -> tuple[str, float] | None:
    """The layer at which a sample's SQNR falls most, and by how many dB.

    A layer is held against the noisiest of the values that it reads: one that joins a clean value and a
    noisy one is not to blame for what the noisy one brings.

    Parameters
    ----------
    errors : mapping of layer id to dB
        As `layer_errors` gives it.

    Returns
    -------
    tuple of (str, float) | None
        None where no layer has less than what it reads, or nothing is known of that.
    """
    falls = []
    for layer in graph.layers:
        own = errors.get(layer.id)
        before = [db for name in layer.inputs if (db := _known_before(graph, name, errors)) is not None]
        if own is not None and before and min(before) > own:
            falls.append((layer.id, min(before) - own))
    return max(falls, key=lambda item: item[1], default=None)


def _known_before(graph: LayerGraph, name: str, errors: Mapping[str, float | None]) -> float | None:
    """SQNR of a value, or of that which it is a view of."""
    producer = graph.producer.get(graph.origin(name))
    return None if producer is None else errors.get(producer.id)
