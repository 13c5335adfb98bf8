"""Cross-layer equalization: channels of neighbouring layers scaled so that one grid serves all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import torch

from ..graph import Layer, LayerGraph, Param

FIRST = frozenset({"conv1d", "conv2d", "conv3d", "linear"})
HOMOGENEOUS = frozenset({"relu", "leaky_relu", "prelu"})
"""f(s x) = s f(x) for s > 0."""

BETWEEN = HOMOGENEOUS | {
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool3d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
}
"""They treat every channel alike and commute with scaling it."""

SWEEPS = 20


def pairs(graph: LayerGraph) -> tuple[tuple[str, str], ...]:
    """Neighbouring layers whose common channels can be scaled without changing what the model computes.

    The first is a convolution or linear layer, behind it only what is positively homogeneous channel
    by channel (ReLU, but not ReLU6), and one reader: the second, a convolution or linear layer.
    """
    found = []
    for layer in graph.layers:
        chain = _chain(graph, layer)
        if chain is not None:
            found.append((layer.id, chain[-1].id))
    return tuple(found)


def _chain(graph: LayerGraph, layer: Layer) -> list[Layer] | None:
    """The layers from behind `layer` up to its partner."""
    if layer.op not in FIRST or "weight" not in layer.roles or not _scales(layer):
        return None
    here, chain = layer, []
    while True:
        readers = graph.consumers.get(here.value, ())
        if len(readers) != 1 or here.value in graph.output_values:
            return None
        (reader,) = readers
        if sum(name == here.value for name in reader.inputs) != 1 or reader.inputs[0] != here.value:
            return None
        chain.append(reader)
        if reader.op in FIRST and "weight" in reader.roles:
            break
        if reader.op not in BETWEEN or not _scales(reader):
            return None
        here = reader
    channels = graph.params[layer.roles["weight"]].shape[0]
    second = chain[-1]
    weight = graph.params[second.roles["weight"]]
    same_kind = (layer.op == "linear") == (second.op == "linear")
    last_axis = layer.op != "linear" or all(item.op in HOMOGENEOUS for item in chain[:-1])
    fits = weight.shape[1] * _groups(second) == channels
    return chain if same_kind and last_axis and fits else None


def _scales(layer: Layer) -> bool:
    return all(part.op in HOMOGENEOUS for part in layer.executed)


def _groups(layer: Layer) -> int:
    return int(layer.args[6]) if layer.op != "linear" and len(layer.args) > 6 else 1


def equalize(graph: LayerGraph, chosen: Sequence[tuple[str, str]]) -> LayerGraph:
    """Scale the channels between pairs of layers.

    ``s_c = sqrt(r1_c / r2_c)`` with r1_c = max |W1[c]|, r2_c = max |W2[:, c]|; ``W1'[c] = W1[c] / s_c``,
    ``b1' = b1 / s``, ``W2'[:, c] = W2[:, c] s_c`` (Nagel et al., Data-Free Quantization Through Weight
    Equalization and Bias Correction, 2019, section 4.1), repeated until no scale moves.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    chosen : sequence of pairs of layer ids
        From `pairs`; others are passed over.

    Returns
    -------
    LayerGraph
        It computes the same up to rounding. Values between a pair are scaled, and their statistics
        have names of their own.
    """
    allowed = set(pairs(graph))
    wanted = [pair for pair in chosen if pair in allowed]
    if not wanted:
        return graph
    weights = {key: graph.weight(graph.by_id[key]) for pair in wanted for key in pair}
    double = {key: weight.detach().double() for key, weight in weights.items() if weight is not None}
    factors = {pair: torch.ones(double[pair[0]].shape[0], dtype=torch.float64) for pair in wanted}
    for _ in range(SWEEPS):
        moved = 0.0
        for pair in wanted:
            first, second = pair
            one = double[first].abs().flatten(1).amax(1)
            two = _by_input(double[second], _groups(graph.by_id[second])).abs().amax(1)
            alive = (one > 0) & (two > 0)
            s = torch.where(alive, torch.sqrt(one / two.clamp_min(1e-300)), torch.ones_like(one))
            double[first] = double[first] / s.reshape(-1, *[1] * (double[first].dim() - 1))
            double[second] = _scaled_inputs(double[second], s, _groups(graph.by_id[second]))
            factors[pair] = factors[pair] * s
            moved = max(moved, float((s - 1).abs().max()))
        if moved < 1e-3:
            break
    return _with(graph, double, factors)


def _by_input(weight: torch.Tensor, groups: int) -> torch.Tensor:
    """One row per input channel, shape (inputs, rest)."""
    outputs, inside = weight.shape[:2]
    parts = weight.reshape(groups, outputs // groups, inside, -1)
    return parts.permute(0, 2, 1, 3).reshape(groups * inside, -1)


def _scaled_inputs(weight: torch.Tensor, s: torch.Tensor, groups: int) -> torch.Tensor:
    outputs, inside = weight.shape[:2]
    parts = weight.reshape(groups, outputs // groups, inside, -1)
    return (parts * s.reshape(groups, 1, inside, 1)).reshape(weight.shape)


def _with(
    graph: LayerGraph, weights: dict[str, torch.Tensor], factors: dict[tuple[str, str], torch.Tensor]
) -> LayerGraph:
    params = dict(graph.params)
    layers = {layer.id: layer for layer in graph.layers}
    names = dict(graph.statistics)
    for key, weight in weights.items():
        layer = layers[key]
        name = f"{key}.weight/equalized"
        params[name] = weight.to(graph.params[layer.roles["weight"]].dtype)
        layers[key] = replace(
            layer,
            args=(layer.args[0], Param(name), *layer.args[2:]),
            roles={**layer.roles, "weight": name},
        )
    for (first, _), s in factors.items():
        layer = layers[first]
        bias = graph.bias(layer)
        if bias is not None:
            name = f"{first}.bias/equalized"
            params[name] = (bias.detach().double() / s).to(bias.dtype)
            layers[first] = replace(
                layer,
                args=(*layer.args[:2], Param(name), *layer.args[3:]),
                roles={**layer.roles, "bias": name},
            )
        mark = hashlib.sha256(s.numpy().tobytes()).hexdigest()[:8]
        chain = _chain(graph, graph.by_id[first]) or []
        for value in (graph.by_id[first].value, *(item.value for item in chain[:-1])):
            names[value] = f"{value}~{mark}"
    ordered = tuple(layers[layer.id] for layer in graph.layers)
    return replace(graph, layers=ordered, params=params, statistics=names).pruned()
