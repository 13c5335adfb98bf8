"""What a plan would do, from numbers that are known already: no run, a few milliseconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from ..backends.tables import float_kernel, table
from ..calibrate import Calibration
from ..classes import class_axis
from ..data import Dataset, batches
from ..decide import decide
from ..errors import sqnr_db
from ..graph import Layer, LayerGraph
from ..graph.execute import Executor, portions
from ..intervals import Interval
from ..job import batch_size, calibrate_model, fed, fused_graph, whole_batches
from ..load import Model
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..plan.qconfig import QConfig, TensorConfig
from ..progress import Report, part, silent
from ..qparams import QParams
from ..ranges import estimate_activation, estimate_weight, rounding_parts
from ..sensitivity.estimate import DRAWS, effort
from ..statistics import TensorStats
from ..text import Text
from .answers import chances_to_stay, expected_agreement, expected_drop
from .costs import Costs, Effect, Power, Rounding, has_weight, plan_bytes, roundings, score_plans
from .timings import plan_ms

SAMPLES = 32
"""Samples of the select split that scores for estimates rest on; of small nets more, see `effort`."""

LOOKED_UP = 32
"""Of so many roundings at once that are not scored yet the error is looked up: an edit of all is not to wait."""


@dataclass(frozen=True)
class WhatIf:
    """An estimate: nothing here was measured under the plan itself.

    Parameters
    ----------
    kl, mse : float | None
        Sum of the effects of all that the plan rounds; None where one of them is not known yet.
    scaled : int
        Roundings that were not scored as they are: their effect is that of the same tensor in another
        configuration, times the ratio of the two rounding errors.
    cut : int
        Those among them whose error is mostly that of values cut off. These lean one way, and do much less to
        the output than their power says, or much more: the estimate is rough until they are scored.
    ms : float | None
        From the measured times of the layers and of the borders; None where a layer was not timed so.
    bytes : int
        Size of the stored tensors.
    float_layers : int
        Layers with a weight that the plan does not run in integers.
    missing : tuple of Rounding
        What `score_missing` would have to score; those that were scaled among them.
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
    scaled: int = 0
    cut: int = 0

    @property
    def known(self) -> bool:
        """Whether the error is known without scoring anything."""
        return not self.missing


def estimate_plan(
    graph: LayerGraph, plan: QuantPlan, costs: Costs, stats: Mapping[str, TensorStats] | None = None
) -> WhatIf:
    """Estimate a plan from cached scores.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    plan : QuantPlan
    costs : Costs
    stats : mapping of value name to TensorStats, optional
        As `calibrate_model` gives them. With them, what is not scored yet is scaled from what was scored of
        the same tensor; without, the plan's error is not known then.

    Returns
    -------
    WhatIf
    """
    decisions = decide(graph, plan)
    needed = roundings(graph, decisions)
    missing = tuple(item for item in needed if item not in costs.effects)
    effects, cut = dict(costs.effects) if missing else costs.effects, 0
    if missing and stats is not None:
        effects = {**effects, **_scaled(graph, missing, costs, stats)}
        powers = (costs.powers.get(item) for item in missing)
        cut = sum(power is not None and power.cut > power.inside for power in powers)
    found = [effects[item] for item in needed if item in effects]
    whole = len(found) == len(needed)
    kl, mse = _sums(found) if whole else (None, None)
    ms = None if costs.timings is None else plan_ms(graph, decisions, costs.timings, plan.target.batch)
    agreement = drop = None
    if costs.answers is not None and whole:
        shifts = [effect.shifts for effect in found if effect.shifts is not None]
        if len(shifts) == len(needed):
            stays = chances_to_stay(costs.answers, shifts)
            agreement, drop = expected_agreement(stays), expected_drop(costs.answers, shifts, stays)
    left = sum(has_weight(layer) and layer.id not in decisions.integer for layer in graph.layers)
    size = plan_bytes(graph, decisions)
    return WhatIf(kl, mse, ms, size, left, missing, agreement, drop, len(missing) if whole else 0, cut)


def _scaled(
    graph: LayerGraph, missing: Sequence[Rounding], costs: Costs, stats: Mapping[str, TensorStats]
) -> dict[Rounding, Effect]:
    """Effects in proportion to the power of the rounding error, where that of another configuration is known.

    Of many at once the ratio is looked up for those with the largest effects; the others take its median.
    """
    found: dict[Rounding, Effect] = {}
    for kind in dict.fromkeys(item.kind for item in missing):
        pairs = [
            (item, others[0])
            for item in missing
            if item.kind == kind and (others := costs.of_tensors.get((item.kind, item.name)))
        ]
        pairs.sort(key=lambda pair: -costs.effects[pair[1]].mse)
        ratios = [_ratio(graph, item, other, costs, stats) for item, other in pairs[:LOOKED_UP]]
        known = [ratio for ratio in ratios if ratio is not None]
        rest = float(np.median(known)) if len(known) == LOOKED_UP else None
        for place, (item, other) in enumerate(pairs):
            ratio = ratios[place] if place < LOOKED_UP else rest
            if ratio is not None:
                effect = costs.effects[other]
                shifts = None if effect.shifts is None else effect.shifts * ratio**0.5
                found[item] = Effect(None if effect.kl is None else effect.kl * ratio, effect.mse * ratio, shifts)
    return found


def _ratio(
    graph: LayerGraph, item: Rounding, other: Rounding, costs: Costs, stats: Mapping[str, TensorStats]
) -> float | None:
    new, old = (rounding_power(graph, one, costs, stats) for one in (item, other))
    return new.whole / old.whole if new is not None and old is not None and old.whole else None


def rounding_power(graph: LayerGraph, item: Rounding, costs: Costs, stats: Mapping[str, TensorStats]) -> Power | None:
    """Mean squared rounding error of a tensor; None where nothing tells. Kept in `costs`."""
    if item not in costs.powers:
        costs.powers[item] = _power(graph, item, stats)
    return costs.powers[item]


def _power(graph: LayerGraph, item: Rounding, stats: Mapping[str, TensorStats]) -> Power | None:
    if item.config.is_float or item.config.dynamic:
        return None
    if item.kind != "weight":
        seen = stats.get(graph.statistics.get(item.name, item.name))
        return None if seen is None else Power(*rounding_parts(seen, estimate_activation(seen, item.config)))
    layer = graph.by_id[item.name]
    weight = graph.weight(layer)
    if weight is None:
        return None
    exact = weight.detach()
    axis = 1 if layer.op.startswith("conv_transpose") else 0
    return Power(float(torch.mean((estimate_weight(exact, item.config, axis).fake_quantize(exact) - exact) ** 2)), 0.0)


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
    chosen = whole_batches(graph, data.splits.select or data.splits.final)
    most, draws = effort(graph, len(chosen))
    chosen = whole_batches(graph, chosen, most if draws.kl > DRAWS.kl else min(most, SAMPLES)) or chosen
    feed = fed(batches(data, chosen, batch_size(graph)))
    found = score_plans(
        graph,
        [plan],
        calibration.tensors,
        feed,
        costs,
        part(report, 0.2, 1),
        total=len(chosen),
        draws=draws,
        classes=class_axis(graph, data, metric),
        margins=True,
        labels=None if data.labels is None or metric.function is not None else data.labels[list(chosen)],
    )
    for item in found.effects:  # what is compared with at the next edit is known then
        rounding_power(graph, item, found, calibration.tensors)
    return found


ROUGH = 0.1
"""Errors of values that are cut off, in those of the others, from which on a cell may be more than 0.5 dB off."""


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
    rough : bool
        Some of the error is that of values that are cut off, and of those only a share is in the histogram.
    """

    config: TensorConfig
    sqnr_db: float | None
    why_not: str | None
    current: bool
    rough: bool = False


def weight_matrix(graph: LayerGraph, plan: QuantPlan, layer: Layer, report: Report = silent) -> tuple[Cell, ...]:
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
    every = _grid(now.weight, ("int8", "int4", "uint8"), granularities, estimators)
    for number, config in enumerate(every):
        report(number, len(every), Text("rounding the weight in every way"))
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
        inside, cut = rounding_parts(seen, estimate_activation(seen, config))
        found, rough = sqnr_db(power, inside + cut), cut > ROUGH * inside and seen.sampled < seen.count
        whole = QConfig(now.weight, config)
        cells.append(_cell(layer, plan, config, found, whole, config == now.activation, rough))
    return tuple(cells)


def counted(
    cells: Sequence[Cell],
    graph: LayerGraph,
    layer: Layer,
    seen: TensorStats,
    data: Dataset,
    report: Report = silent,
) -> tuple[Cell, ...]:
    """Cells of a value matrix that were rough, with all values that are cut off: the model is run as far as the layer.

    Parameters
    ----------
    cells : sequence of Cell
        Of this layer.
    seen : TensorStats
        That they rest on, of the calibrate split.
    """
    grids = {cell.config: estimate_activation(seen, cell.config) for cell in cells if cell.rough}
    if not grids:
        return tuple(cells)
    ends = {config: _ends(grid) for config, grid in grids.items()}
    lowest, highest = max(low for low, _ in ends.values()), min(high for _, high in ends.values())
    place = next(i for i, each in enumerate(graph.layers) if each.id == layer.id)
    executor, tails, power, count = Executor(graph, channels_last=True), [], 0.0, 0
    chosen = whole_batches(graph, data.splits.calibrate)
    with torch.inference_mode():
        for batch in fed(batches(data, chosen, batch_size(graph))):
            for inputs in portions(graph, batch):
                report(count, seen.count, Text("counting what is cut off"))
                values: dict[str, Any] = {spec.name: tensor for spec, tensor in zip(graph.inputs, inputs, strict=True)}
                for each in graph.layers[: place + 1]:
                    values[each.value] = executor.run_layer(each, values)
                flat = values[layer.value].reshape(-1)
                power, count = power + float(torch.dot(flat, flat)), count + flat.numel()
                tails.append(flat[(flat < lowest) | (flat > highest)].numpy())
    beyond = np.concatenate(tails).astype(np.float64)

    def exact(cell: Cell) -> Cell:
        low, high = ends[cell.config]
        cut = float(((beyond - high).clip(0) ** 2 + (low - beyond).clip(0) ** 2).sum()) / count
        inside, _ = rounding_parts(seen, grids[cell.config])
        return replace(cell, sqnr_db=sqnr_db(power / count, inside + cut), rough=False)

    return tuple(exact(cell) if cell.rough else cell for cell in cells)


def _ends(grid: QParams) -> tuple[float, float]:
    scale, zero = float(grid.scale), int(grid.zero_point)
    return (grid.qmin - zero) * scale, (grid.qmax - zero) * scale


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
    layer: Layer,
    plan: QuantPlan,
    config: TensorConfig,
    found: float | None,
    whole: QConfig,
    current: bool,
    rough: bool = False,
) -> Cell:
    reason = table(plan.target).why_not(layer, whole, plan.target) or float_kernel(layer, whole, plan.target)
    return Cell(config, found, reason, current, rough)
