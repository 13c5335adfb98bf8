"""The rows of an analysis: what is known of every layer and every fusion, put together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .fuse import Fused
from .graph import Layer, LayerGraph
from .graph.execute import Executor
from .graph.recurrent import RECURRENT
from .groups import SharedGroup, leader_of
from .kernels import KernelFigures
from .load import Model
from .measure import Measured
from .plan.qconfig import TensorConfig
from .qparams import QParams
from .quantize import Quantization
from .results import Errors, FusionRow, LayerRow
from .results.kernels import KernelCheck, Latency
from .sensitivity.scores import Scores
from .sensitivity.sweep import Sweep
from .text import Text


def layer_rows(
    model: Model,
    fused: Fused,
    quantization: Quantization,
    measured: Measured,
    scores: Scores,
    alone: Sweep | None,
    figures: KernelFigures | None,
    latencies: Mapping[str, Latency],
    groups: Sequence[SharedGroup],
) -> tuple[LayerRow, ...]:
    """One row for each canonical layer that is not transparent, absorbed ones included, in the author's order."""
    rows: list[LayerRow] = []
    for layer in fused.graph.layers:
        if layer.transparent:
            continue
        asked = layer.id in quantization.asked
        runs = layer.id in quantization.integer
        reason = quantization.why_not.get(layer.id)
        if runs and figures is not None and layer.id not in figures.kernels:
            runs, reason = False, Text("the target ran it in float (no integer kernel was made of it)")
        errors = measured.layers.get(layer.id, Errors())
        if scores.mse and layer.id in quantization.rounding:
            errors = dataclasses.replace(
                errors,
                estimated_mse=scores.mse.get(layer.id),
                estimated_kl=scores.kl.get(layer.id),
                estimated_weight_kl=scores.weight_kl.get(layer.id) if layer.id in quantization.weights else None,
                **_alone(alone, layer.id),
            )
        rows += row_and_absorbed(
            fused.graph,
            layer,
            asked,
            runs,
            reason,
            weight=_weight_json(quantization, layer),
            activation=_activation_json(quantization, layer),
            errors=errors,
            latency=latencies.get(layer.id),
            kernel=None if figures is None else figures.checks.get(layer.id),
            shares_with=group_leader(groups, layer),
        )
    order = {layer.id: i for i, layer in enumerate(model.graph.layers)}
    rows.sort(key=lambda row: order.get(row.id, 0))
    return tuple(rows)


def _alone(alone: Sweep | None, layer_id: str) -> dict[str, Any]:
    """Measured effects of one layer, by their names in `Errors`."""
    kinds = {} if alone is None else {"isolated": alone.isolated, "leave_one_out": alone.leave_one_out}
    return {
        f"{kind}_{name}": value
        for kind, rows in kinds.items()
        if layer_id in rows
        for name, value in dataclasses.asdict(rows[layer_id]).items()
    }


def row_and_absorbed(
    graph: LayerGraph,
    layer: Layer,
    asked: bool,
    quantized: bool,
    reason: str | None,
    *,
    weight: dict[str, Any] | None = None,
    activation: dict[str, Any] | None = None,
    errors: Errors | None = None,
    latency: Latency | None = None,
    kernel: KernelCheck | None = None,
    shares_with: str | None = None,
) -> list[LayerRow]:
    """The rows of a layer and of those that it absorbed, which run as it does and have no figures of their own."""
    parameters = sum(graph.params[key].numel() for key in layer.roles.values() if key in graph.params)
    own = LayerRow(
        layer.id,
        layer.path,
        layer.op,
        tuple(inner.id for inner in layer.fused),
        None,
        asked,
        quantized,
        reason,
        layer.source,
        layer.shape,
        layer.macs,
        parameters,
        weight,
        activation,
        errors or Errors(),
        latency,
        kernel,
        shares_with,
    )
    absorbed = [
        LayerRow(i.id, i.path, i.op, (), layer.id, asked, quantized, reason, i.source, i.shape, i.macs, 0)
        for i in layer.fused
    ]
    return [own, *absorbed]


def group_leader(groups: Sequence[SharedGroup], layer: Layer) -> str | None:
    """The layer whose activation qconfig holds for this one, where that is another."""
    leader = leader_of(groups, layer.id)
    return None if leader == layer.id else leader


def config_json(config: TensorConfig | None, params: QParams | None) -> dict[str, Any] | None:
    """A configuration with the grid that it came to; None of what is float."""
    return None if config is None else {**config.to_json(), **_params_json(params)}


def _weight_json(quantization: Quantization, layer: Layer) -> dict[str, Any] | None:
    """None of a layer without a weight, and of one whose weight stays float."""
    params = quantization.weights.get(layer.id)
    if params is None and (layer.op not in RECURRENT or layer.id not in quantization.rounding):
        return None
    return config_json(quantization.configs[layer.id].weight, params)


def _activation_json(quantization: Quantization, layer: Layer) -> dict[str, Any] | None:
    params = quantization.values.get(layer.value)
    if params is None and layer.id not in quantization.dynamic:
        return None
    return config_json(quantization.configs[layer.id].activation, params)


def _params_json(params: QParams | None) -> dict[str, Any]:
    if params is None:
        return {}
    return {
        "scale": params.scale.tolist(),
        "zero_point": params.zero_point.tolist(),
        "min": float(np.min(params.low)),
        "max": float(np.max(params.high)),
    }


def fusion_rows(model: Model, fused: Fused, feed: Iterator[tuple[torch.Tensor, ...]]) -> tuple[FusionRow, ...]:
    """The ledger with what each fusion changed: the largest difference of its value on a few samples."""
    inputs = next(feed, None)
    if inputs is None:
        return fused.rows
    wanted = {before for before, _ in fused.stands_for.values()}
    absorbing = {after: (layer_id, before) for layer_id, (before, after) in fused.stands_for.items()}
    values: dict[str, torch.Tensor] = {}
    deltas: dict[str, float] = {}

    def keep(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        if layer.id in wanted:
            values[layer.id] = value
        return value

    def compare(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        if layer.value in absorbing:
            layer_id, before = absorbing[layer.value]
            delta = float((value - values[before]).abs().max())
            deltas.update(dict.fromkeys((inner.id for inner in fused.graph.by_id[layer_id].fused), delta))
        return value

    with torch.inference_mode():
        Executor(model.graph)(inputs, keep)
        Executor(fused.graph)(inputs, compare)
    return tuple(dataclasses.replace(row, max_abs_delta=deltas.get(row.id)) for row in fused.rows)
