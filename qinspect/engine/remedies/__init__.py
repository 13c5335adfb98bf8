"""Remedies beyond qconfigs: they change numbers of the model, not the grids.

Equalization changes the float weights (the model computes the same), rounding and bias correction
change what is stored of the quantized ones. A plan names them; they are computed anew from model,
plan and data, always with the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from ..graph import Layer, LayerGraph, Param
from ..problem import Problem
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..text import Text
from .bias import correct_biases
from .equalize import equalize, pairs
from .rounding import SUPPORTED, round_weights

__all__ = ["adjusted", "equalize", "pairs", "remedied"]

Batches = Sequence[Sequence[torch.Tensor]]


def remedied(quantization: Quantization, batches: Batches, report: Report = silent) -> Quantization:
    """The quantization with what its plan's remedies make of weights and biases.

    Parameters
    ----------
    quantization : Quantization
        Its graph is equalized already, where the plan says so.
    batches : sequence of sequences of torch.Tensor
        Model inputs of the calibrate split.
    report : Report

    Raises
    ------
    Problem
        Where a remedy is for a layer that it cannot help.
    """
    q, plan = quantization, quantization.plan
    total = sum(int(inputs[0].shape[0]) for inputs in batches)
    rounded, biased = plan.remedied("adaround"), plan.remedied("bias_correction")
    for key in (*rounded, *biased):
        layer = q.graph.by_id.get(key)
        if layer is None or key not in q.weights:
            raise Problem(key, Text("has no quantized weight to remedy"), Text("Take the remedy out of the plan."))
        if key in rounded and layer.op not in SUPPORTED:
            raise Problem(
                key,
                Text("weights of {op} cannot be rounded by data", op=layer.op),
                Text("Take the remedy out of the plan."),
            )
    if rounded:
        weights = round_weights(q, batches, rounded, report, total, unshifted=biased)
        q = adjusted(q, {key: ("weight", weight) for key, weight in weights.items()})
    if biased:
        found = correct_biases(q, batches, biased, part(report, 0.7, 1), total)
        q = adjusted(q, {key: ("bias", bias) for key, bias in found.items()})
    return q


def adjusted(quantization: Quantization, tensors: Mapping[str, tuple[str, torch.Tensor]]) -> Quantization:
    """With other weights or biases than the float model's, which stays what it is held against.

    Parameters
    ----------
    tensors : mapping of layer id to (role, tensor)
    """
    q = quantization
    layers = {layer.id: layer for layer in q.graph.layers}
    changed, kept = dict(q.graph.params), dict(q.float_graph.params)
    for key, (role, tensor) in tensors.items():
        name = f"{key}.{role}/adjusted"
        old = layers[key].roles.get(role)
        changed[name] = tensor
        kept[name] = torch.zeros_like(tensor) if old is None else q.float_graph.params[old]
        layers[key] = _reading(layers[key], role, name)
    ordered = tuple(layers[layer.id] for layer in q.graph.layers)

    def graph(of: LayerGraph, params: dict[str, torch.Tensor]) -> LayerGraph:
        return replace(of, layers=ordered, params=params).pruned()

    return replace(q, graph=graph(q.graph, changed), reference=graph(q.float_graph, kept))


def _reading(layer: Layer, role: str, key: str) -> Layer:
    """The layer with another stored tensor."""
    place = {"weight": 1, "bias": 2}[role]
    args = list(layer.args) + [None] * (place + 1 - len(layer.args))
    args[place] = Param(key)
    return replace(layer, args=tuple(args), roles={**layer.roles, role: key})
