"""What a plan would do, from numbers that are known already: no run, a few milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..backends.tables import float_kernel, table
from ..calibrate import Calibration
from ..classes import class_axis
from ..data import Dataset, batches
from ..decide import decide
from ..errors import sqnr_db
from ..graph import Layer, LayerGraph
from ..intervals import Interval
from ..job import batch_size, calibrate_model, fed, fused_graph, whole_batches
from ..load import Model
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..progress import Report, part, silent
from ..qconfig import QConfig, TensorConfig
from ..ranges import estimate_activation, estimate_weight, rounding_error
from ..statistics import TensorStats
from .answers import chances_to_stay, expected_agreement, expected_drop
from .costs import Costs, Effect, Rounding, has_weight, plan_bytes, roundings, score_plans
from .timings import plan_ms

SAMPLES = 32
"""Samples of the select split that scores for estimates rest on."""


@dataclass(frozen=True)
class WhatIf:
    """An estimate: nothing here was measured under the plan itself.

    Parameters
    ----------
    kl, mse : float | None
        Sum of the effects of all that the plan rounds; None where one of them is not known yet.
    ms : float | None
        From the measured times of the layers and of the borders; None where a layer was not timed so.
    bytes : int
        Size of the stored tensors.
    float_layers : int
        Layers with a weight that the plan does not run in integers.
    missing : tuple of Rounding
        What `score_missing` would have to score.
    agreement, drop : Interval | None
        Share of the answers that stay, and by how much top-1 falls; None where answers were not followed,
        or there are no labels. The intervals are those of the samples, not of the estimate.
    """

    kl: float | None
    mse: float | None
    ms: float | None
    bytes: int
    float_layers: int
    missing: tuple[Rounding, ...] = ()
    agreement: Interval | None = None
    drop: Interval | None = None

    @property
    def known(self) -> bool:
        """Whether the error is known without scoring anything."""
        return not self.missing


def estimate_plan(graph: LayerGraph, plan: QuantPlan, costs: Costs) -> WhatIf:
    """Estimate a plan from cached scores.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    plan : QuantPlan
    costs : Costs

    Returns
    -------
    WhatIf
    """
    decisions = decide(graph, plan)
    needed = roundings(graph, decisions)
    missing = tuple(item for item in needed if item not in costs.effects)
    kl, mse = (None, None) if missing else _sums([costs.effects[item] for item in needed])
    ms = None if costs.timings is None else plan_ms(graph, decisions, costs.timings, plan.target.batch)
    agreement = drop = None
    if costs.answers is not None and not missing:
        shifts = [found for item in needed if (found := costs.effects[item].shifts) is not None]
        if len(shifts) == len(needed):
            stays = chances_to_stay(costs.answers, shifts)
            agreement, drop = expected_agreement(stays), expected_drop(costs.answers, shifts, stays)
    left = sum(has_weight(layer) and layer.id not in decisions.integer for layer in graph.layers)
    return WhatIf(kl, mse, ms, plan_bytes(graph, decisions), left, missing, agreement, drop)


def _sums(effects: Sequence[Effect]) -> tuple[float | None, float]:
    kl = [effect.kl for effect in effects if effect.kl is not None]
    return (sum(kl) if len(kl) == len(effects) else None), sum(effect.mse for effect in effects)


def score_missing(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    costs: Costs,
    report: Report = silent,
    *,
    samples: int = SAMPLES,
    metric: Metric = TOP1,
) -> Costs:
    """Score what a plan rounds and `costs` does not know yet, on the select split.

    Parameters
    ----------
    costs : Costs
        Of the same fused graph.

    Returns
    -------
    Costs
        With which `estimate_plan` knows the plan.
    """
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.2), calibration)
    graph = fused_graph(model, plan).graph
    chosen = whole_batches(graph, data.splits.select or data.splits.final, samples)
    feed = fed(batches(data, chosen, batch_size(graph)))
    return score_plans(
        graph,
        [plan],
        calibration.tensors,
        feed,
        costs,
        part(report, 0.2, 1),
        total=len(chosen),
        classes=class_axis(graph, data, metric),
        margins=True,
        labels=None if data.labels is None or metric.function is not None else data.labels[list(chosen)],
    )


@dataclass(frozen=True)
class Cell:
    """One configuration of one tensor: what is left of it after rounding.

    Parameters
    ----------
    config : TensorConfig
    sqnr_db : float | None
        Power of the tensor over that of its rounding error; None where nothing is rounded away.
    why_not : str | None
        Why the target cannot run it, or why not in an integer kernel.
    current : bool
        Whether the plan has it now.
    """

    config: TensorConfig
    sqnr_db: float | None
    why_not: str | None
    current: bool


def weight_matrix(graph: LayerGraph, plan: QuantPlan, layer: Layer) -> tuple[Cell, ...]:
    """SQNR of a layer's weight (BatchNorm folded in) in every type, scheme, granularity and estimator."""
    weight = graph.weight(layer)
    now = plan.qconfig(layer)
    if weight is None or layer.op.endswith("_norm"):
        return ()
    exact = weight.detach()
    axis = 1 if layer.op.startswith("conv_transpose") else 0
    power = float((exact.double() ** 2).sum())
    cells = []
    granularities, estimators = ("per_channel", "per_tensor"), ("minmax", "percentile", "mse")
    for config in _grid(now.weight, ("int8", "int4", "uint8"), granularities, estimators):
        noise = estimate_weight(exact, config, axis).fake_quantize(exact) - exact
        found = sqnr_db(power, float((noise.double() ** 2).sum()))
        cells.append(_cell(layer, plan, config, found, QConfig(config, now.activation), config == now.weight))
    return tuple(cells)


def value_matrix(plan: QuantPlan, layer: Layer, stats: Mapping[str, TensorStats]) -> tuple[Cell, ...]:
    """SQNR of the value that a layer hands on, in every type, scheme and estimator, from its histogram."""
    now = plan.qconfig(layer)
    seen = stats.get(layer.value)
    if seen is None:
        return ()
    cells = []
    power = seen.variance + seen.sample_mean**2
    estimators = ("minmax", "percentile", "mse", "entropy")
    for config in _grid(now.activation, ("uint8", "int8", "int16"), ("per_tensor",), estimators):
        found = sqnr_db(power, rounding_error(seen, estimate_activation(seen, config)))
        cells.append(_cell(layer, plan, config, found, QConfig(now.weight, config), config == now.activation))
    return tuple(cells)


def _grid(
    now: TensorConfig | None, dtypes: tuple[str, ...], granularities: tuple[str, ...], estimators: tuple[str, ...]
) -> list[TensorConfig]:
    """Every combination, and what the plan has now."""
    found = [
        TensorConfig(
            dtype,
            symmetric=symmetric,
            narrow=now is not None and now.narrow and symmetric,
            granularity=granularity,
            estimator=estimator,
        )
        for dtype in dtypes
        for symmetric in (True, False)
        for granularity in granularities
        for estimator in estimators
    ]
    return found if now is None or now in found else [now, *found]


def _cell(
    layer: Layer, plan: QuantPlan, config: TensorConfig, found: float | None, whole: QConfig, current: bool
) -> Cell:
    reason = table(plan.target).why_not(layer, whole, plan.target) or float_kernel(layer, whole, plan.target)
    return Cell(config, found, reason, current)
