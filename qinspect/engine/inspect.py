"""What can be said of a model without data."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from .data import Dataset
from .decide import WEIGHTED, decide
from .existing import Ran, config_of, run_in_float
from .graph import Layer, LayerGraph
from .graph.nodes import repeatable
from .groups import ranged, shared_groups, unheard, unshared
from .job import fused_graph, opening_plan
from .load import Model
from .metric import Metric
from .plan import QuantPlan, check_override
from .plan.target import Target
from .problem import Problem
from .process.child import run_in_child
from .progress import Report, silent
from .ranges import estimate_weight
from .results import Analysis, Totals
from .rows import config_json, group_leader, row_and_absorbed
from .text import Text, listed


def what_runs(model: Model, report: Report = silent) -> tuple[Mapping[str, Ran], str | None]:
    """What ONNX Runtime runs the layers with that a quantized ONNX file has in integers.

    Parameters
    ----------
    model : Model
    report : Report

    Returns
    -------
    mapping of layer id to Ran, str | None
        Empty for other models; what is to be said of it.
    """
    existing = model.existing
    if existing is None or not existing.for_onnxruntime:
        return {}, None
    work = (Path(model.spec.source), _as_quantized(model), existing)
    try:
        found: dict[str, Ran] = run_in_child("qinspect.engine.backends.ort.of_file:look", work, report, what="the file")
    except Problem as problem:
        return {}, Text("What runs its layers is not known: {where} {what}", where=problem.where, what=problem.what)
    return found, run_in_float(found)


def inspect(model: Model, plan: QuantPlan | None = None, kernels: Mapping[str, Ran] | None = None) -> Analysis:
    """What can be said of a model without data: layers, fusions, what the target could quantize.

    Parameters
    ----------
    model : Model
    plan : QuantPlan | None
    kernels : mapping of layer id to Ran | None
        From `what_runs`, where that was looked at.
    """
    plan = plan or opening_plan(model, Target())
    fused = fused_graph(model, plan)
    decisions = decide(fused.graph, plan)
    groups = shared_groups(fused.graph, decisions)
    existing = model.existing
    rounded = frozenset() if existing is None else existing.rounded_layers(fused.graph)
    rows = []
    for layer in fused.graph.layers:
        if layer.transparent:
            continue
        asked = layer.id in decisions.asked
        already = layer.id in rounded
        reason = None if already else decisions.why_not.get(layer.id)
        if existing is not None:
            stored = existing.weights.get(layer.id)
            weight = None if stored is None else config_json(config_of(stored), stored)
        else:
            weight = _weight(fused.graph, layer, plan) if asked and reason is None else None
        activation = None if existing is None else existing.activation(layer)
        rows += row_and_absorbed(
            fused.graph,
            layer,
            asked,
            already,
            reason,
            weight=weight,
            activation=None if activation is None else config_json(config_of(activation), activation),
            shares_with=group_leader(groups, layer),
        )
    order = {layer.id: i for i, layer in enumerate(model.graph.layers)}
    rows.sort(key=lambda row: order.get(row.id, 0))
    about = model_json(model)
    if existing is not None:
        found = {layer_id: existing.weight_histogram(layer_id) for layer_id in existing.integers}
        ran = {layer_id: dataclasses.asdict(item) for layer_id, item in (kernels or {}).items()}
        about["existing"]["kernels"] = ran or None
        about["existing"]["weight_histograms"] = {key: item.to_json() for key, item in found.items() if item}
    return Analysis(
        about,
        {},
        plan.target.on_this_host(),
        plan.to_json(),
        Totals(),
        tuple(rows),
        fused.rows,
        notes=(
            *notes_of(model, plan),
            *unshared(existing, fused.graph, plan, decisions),
            *ranged(fused.graph, plan, decisions),
            *unheard(plan, fused.graph, groups, existing),
        ),
    )


def _weight(graph: LayerGraph, layer: Layer, plan: QuantPlan) -> dict[str, Any] | None:
    """How a weight is to be quantized: that takes no data."""
    config, weight = plan.qconfig(layer).weight, graph.weight(layer)
    if config is None or weight is None or layer.op not in WEIGHTED:
        return None
    axis = 1 if layer.op.startswith("conv_transpose") else 0
    return config_json(config, estimate_weight(weight, config, axis))


def model_json(model: Model) -> dict[str, Any]:
    """What analysis.json says of the model."""
    graph = model.graph
    return {
        "name": model.name,
        "source": model.spec.source,
        "weights": model.spec.weights,
        "digest": model.digest,
        "inputs": [dataclasses.asdict(spec) for spec in graph.inputs],
        "dynamic_batch": model.dynamic_batch,
        "layers": sum(not layer.transparent for layer in graph.layers),
        "parameters": sum(t.numel() for t in graph.params.values()),
        "macs": sum(layer.macs for layer in graph.layers),
        "reference": "float model" if model.existing is None or model.existing.holds_float else "rounded weights",
        "existing": None if model.existing is None else model.existing.to_json(_as_quantized(model)),
        "notes": list(model.notes),
        "versions": {"torch": torch.__version__, "python": platform.python_version()},
    }


def _as_quantized(model: Model) -> LayerGraph:
    """The graph fused as what is quantized in it already was."""
    return fused_graph(model, opening_plan(model, Target())).graph


def data_json(data: Dataset, metric: Metric) -> dict[str, Any]:
    """What analysis.json says of the data."""
    return {
        **data.spec.to_json(),
        "samples": len(data),
        "calibrate": len(data.splits.calibrate),
        "select": len(data.splits.select),
        "final": len(data.splits.final),
        "labelled": data.targets is not None,
        "metric": metric.name if data.targets is not None else None,
        "judged_by": metric.name,
        "judged_output": metric.output,
        "metric_unit": metric.unit if data.targets is not None else None,
        "metric_higher_is_better": metric.higher_is_better if data.targets is not None else None,
        "preparation": data.preparation,
        "digest": data.digest,
        "warning": data.splits.warning,
    }


def _draws(layer: Layer) -> bool:
    """Whether a layer that runs as its author wrote it gives something else each time."""
    space, _, name = layer.target.partition(".")
    if layer.op != "other" or space != "aten" or "." not in name:
        return False
    packet, overload = name.split(".")
    return not repeatable(getattr(getattr(torch.ops.aten, packet), overload))


def notes_of(model: Model, plan: QuantPlan) -> tuple[str, ...]:
    """What is to be said of model and plan, overrides that match nothing among it."""
    found = [*model.notes, *plan.warnings()]
    if model.existing is not None and model.graph.inputs:
        found += [model.existing.reference, *filter(None, [model.existing.done])]
    if drawn := [layer.id for layer in model.graph.layers if _draws(layer)]:
        found.append(
            Text(
                "{layers}: random numbers are drawn there, so that two runs differ without any quantization. Leave "
                "that out of what is deployed, or make the numbers an input.",
                layers=listed(drawn),
            )
        )
    for override in plan.unmatched(model.graph):
        try:
            check_override(model.graph, override)
        except Problem as problem:
            found.append(
                Text("An override of the plan is lost: {what}. {remedy}", what=problem.what, remedy=problem.remedy)
            )
    return tuple(found)
