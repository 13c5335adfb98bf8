"""Other qconfigs for one layer, with what each would do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .backends import table
from .calibrate import Calibration
from .data import Dataset, batches
from .errors import sqnr_db
from .execute import Executor
from .graph import Layer
from .job import batch_size, calibrate_model, fed, fused_graph, whole_batches
from .load import Model
from .plan import QuantPlan
from .progress import Report, part, silent
from .qconfig import PRESETS, QConfig, TensorConfig
from .quantize import WEIGHTED, Quantization, quantize
from .sensitivity import score
from .simulate import Simulation

FLOAT = QConfig(None, None)

SAMPLES = 16
"""Samples of the select split that the estimates rest on."""


@dataclass(frozen=True)
class Candidate:
    """Another qconfig for one layer, with its estimated effect.

    Parameters
    ----------
    title : str
    weight, activation : TensorConfig | None
        None is float.
    estimated_kl, estimated_mse : float | None
        Of this layer alone at the output; 0 in float.
    local_sqnr_db : float | None
    why_not : str | None
        Why the target cannot run it.
    current : bool
        Whether the plan has it now.
    """

    title: str
    weight: TensorConfig | None
    activation: TensorConfig | None
    estimated_kl: float | None
    estimated_mse: float | None
    local_sqnr_db: float | None
    why_not: str | None
    current: bool = False


def candidates(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    layer_id: str,
    report: Report = silent,
) -> tuple[Candidate, ...]:
    """Up to eight other qconfigs for a layer, the best first by estimated KL (MSE without logits)."""
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    graph = fused_graph(model, plan).graph
    layer = graph.by_id[layer_id]
    layer = next((item for item in graph.layers if layer_id in (item.id, *(i.id for i in item.fused))), layer)
    options = options_of(layer, plan)
    variants, plans = {}, {}
    abilities = table(plan.target)
    reasons: dict[str, str | None] = {}
    for title, config in options.items():
        plans[title] = plan.with_layer(layer.id, config.weight, config.activation)
        reasons[title] = abilities.why_not(layer, config, plan.target)
        if reasons[title] is None and config != FLOAT:
            variants[title] = quantize(graph, plans[title], calibration.tensors)
    chosen = whole_batches(graph, data.splits.select or data.splits.final, SAMPLES)
    size = batch_size(graph)
    only = frozenset({layer.id})
    inputs = list(fed(batches(data, chosen, size)))
    found = score(variants, inputs, part(report, 0.1, 0.6), total=len(chosen), draws=4, only=only) if variants else {}
    rows = []
    for index, (title, config) in enumerate(options.items()):
        report(0.6 + 0.4 * index / len(options), 1, "comparing candidates")
        current = plans[title].qconfig(layer) == plan.qconfig(layer)
        if config == FLOAT:
            rows.append(Candidate(title, None, None, 0.0, 0.0, None, reasons[title], current))
            continue
        scores = found.get(title)
        rows.append(
            Candidate(
                title,
                config.weight,
                config.activation,
                None if scores is None or not scores.kl else scores.kl.get(layer.id),
                None if scores is None else scores.mse.get(layer.id),
                None if scores is None else _local_sqnr(variants[title], layer, inputs[0]),
                reasons[title],
                current,
            )
        )

    def effect(row: Candidate) -> float:
        known = row.estimated_kl if row.estimated_kl is not None else row.estimated_mse
        return np.inf if known is None or row.why_not else known

    return tuple(sorted(rows, key=effect))


def options_of(layer: Layer, plan: QuantPlan) -> Mapping[str, QConfig]:
    """What a layer may be, by title; each changes the weight's or the activation's configuration, or is float."""
    now = plan.qconfig(layer)
    base = PRESETS[plan.target.preset]
    weight = now.weight or base.weight
    activation = now.activation or base.activation
    assert weight is not None
    assert activation is not None
    weighted = layer.op in WEIGHTED
    found: dict[str, QConfig] = {"as it is": now} if now.activation is not None else {}
    for estimator in ("minmax", "mse", "percentile", "entropy"):
        if activation.estimator != estimator:
            found[f"activation {estimator}"] = QConfig(weight, activation.but(estimator=estimator, range=None))
    if weighted:
        other = "per_tensor" if weight.granularity == "per_channel" else "per_channel"
        found[f"weight {other.replace('_', '-')}"] = QConfig(weight.but(granularity=other), activation)
        if weight.estimator != "mse":
            found["weight mse"] = QConfig(weight.but(estimator="mse"), activation)
    bits = 7 if activation.bits == 8 else 8
    found[f"activation {bits} bit"] = QConfig(weight, activation.but(bits=bits))
    found["float"] = QConfig(None, None)
    return found


def _local_sqnr(quantization: Quantization, layer: Layer, inputs: Sequence[torch.Tensor]) -> float | None:
    simulation = Simulation(quantization)
    values: dict[str, Any] = dict(zip(quantization.graph.input_names, inputs, strict=True))
    result: list[float | None] = []

    def keep(seen: Layer, value: torch.Tensor) -> torch.Tensor:
        values[seen.value] = value
        if seen.id == layer.id:
            noise = simulation.run_layer(layer, values) - value
            result.append(sqnr_db(float((value**2).sum()), float((noise**2).sum())))
        return value

    with torch.inference_mode():
        Executor(quantization.graph)(inputs, keep)
    return result[0] if result else None
