"""What every single rounding costs at the model's output: the numbers that any plan's estimate is a sum of.

The noise of a plan comes from roundings of three kinds: of a layer's weight, of a value (where a
quantized layer makes it, or where one reads what a float layer made), and of what a dynamic layer
reads. Each is scored apart, for each configuration that it may have, so that a new plan needs no new
run: its estimate is looked up and added. Whether a value is rounded depends on both ends of it, which is
why a layer that is left in float between quantized ones wins less than its own score says.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ..classes import ClassAxis
from ..decide import WEIGHTED, Decisions, decide
from ..graph import Layer, LayerGraph
from ..plan import QuantPlan
from ..plan.qconfig import TensorConfig
from ..progress import Report, silent
from ..quantize import Quantization, quantize
from ..sensitivity.estimate import DRAWS, Draws, score
from ..sensitivity.scores import Answers
from ..statistics import TensorStats
from .timings import Timings


class Rounding(NamedTuple):
    """One tensor and the grid that it is rounded to.

    Parameters
    ----------
    kind : str
        ``weight``, ``value``, or ``read`` for what a dynamic layer reads.
    name : str
        Id of the layer; of a value its name, where it was computed (a view of it is the same numbers).
    config : TensorConfig
    """

    kind: Literal["weight", "value", "read"]
    name: str
    config: TensorConfig


@dataclass(frozen=True)
class Effect:
    """Estimated error at the output.

    Parameters
    ----------
    kl : float | None
        Nats; None where the first output is no logits.
    mse : float
        Normalized.
    shifts : float64 array, shape (samples,) | None
        What it changes the margin of each sample's answer by; None where that was not followed.
    """

    kl: float | None
    mse: float
    shifts: NDArray[np.float64] | None = field(default=None, compare=False, repr=False)


class Power(NamedTuple):
    """Mean squared error that rounding leaves in a tensor.

    Parameters
    ----------
    inside, cut : float
        Of the values within the grid's range, and of those beyond it.
    """

    inside: float
    cut: float

    @property
    def whole(self) -> float:
        """Of all of them."""
        return self.inside + self.cut


@dataclass(frozen=True)
class Costs:
    """Estimates and measured times that plans on one fused graph are judged by.

    Parameters
    ----------
    effects : mapping of Rounding to Effect
    samples : int
        Samples that the effects rest on.
    timings : Timings | None
        Measured on the target's own runtime; None where that was not done.
    answers : Answers | None
        The float model's, on the samples of the effects' shifts.
    powers : dict of Rounding to Power | None
        Rounding errors that were looked up before, see `whatif`; filled as they are needed.
    """

    effects: Mapping[Rounding, Effect] = field(default_factory=dict)
    samples: int = 0
    timings: Timings | None = None
    answers: Answers | None = None
    powers: dict[Rounding, Power | None] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def of_tensors(self) -> Mapping[tuple[str, str], tuple[Rounding, ...]]:
        """What was scored of each tensor: by kind and name."""
        found: dict[tuple[str, str], list[Rounding]] = {}
        for item in self.effects:
            found.setdefault((item.kind, item.name), []).append(item)
        return {key: tuple(items) for key, items in found.items()}

    def merged(self, other: Costs) -> Costs:
        """What either knows; the other's where both do."""
        return Costs(
            {**self.effects, **other.effects},
            other.samples or self.samples,
            other.timings or self.timings,
            other.answers or self.answers,
            {**self.powers, **other.powers},
        )


def roundings(graph: LayerGraph, decisions: Decisions) -> tuple[Rounding, ...]:
    """All that a plan rounds, each tensor once."""
    found: dict[tuple[str, str], Rounding] = {}

    def add(kind: Literal["weight", "value", "read"], name: str, config: TensorConfig) -> None:
        found.setdefault((kind, name), Rounding(kind, name, config))

    for layer in graph.layers:
        if layer.transparent or layer.id in decisions.passing:
            continue
        config = decisions.configs[layer.id]
        rounds = layer.id in decisions.quantized or layer.id in decisions.dynamic or layer.id in decisions.weight_only
        if rounds and config.weight is not None and has_weight(layer):
            add("weight", layer.id, config.weight)
        if layer.id in decisions.dynamic and config.activation is not None:
            add("read", layer.id, config.activation)
        if layer.id not in decisions.quantized:
            continue
        for name in layer.inputs:
            producer = graph.producer.get(name)
            if name in decisions.grids and (producer is None or producer.id not in decisions.quantized):
                add("value", graph.origin(name), decisions.grids[name][1])
        if layer.value in decisions.grids:
            add("value", layer.value, decisions.grids[layer.value][1])
    return tuple(found.values())


def has_weight(layer: Layer) -> bool:
    """Whether a layer has a weight that is quantized beside the activations."""
    return layer.op in WEIGHTED and "weight" in layer.roles


def score_plans(
    graph: LayerGraph,
    plans: Iterable[QuantPlan],
    stats: Mapping[str, TensorStats],
    batches: Iterable[Sequence[torch.Tensor]],
    known: Costs | None = None,
    report: Report = silent,
    *,
    total: int = 0,
    draws: Draws = DRAWS,
    classes: ClassAxis = "flat",
    margins: bool = False,
    labels: NDArray[np.int64] | None = None,
) -> Costs:
    """Score everything that some plans round and that is not known yet, from one run over the samples.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    plans : iterable of QuantPlan
        All on this graph.
    stats : mapping of value name to TensorStats
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    known : Costs, optional
        What was scored before.
    report : Report
    total : int
        Number of samples to come, for the report.
    draws : Draws
    classes : ClassAxis
        How the first output is read.
    margins : bool
        Whether answers are to be estimated as well; then `batches` are the same as for `known`.
    labels : int64 array, shape (samples,), optional
        The samples' classes.

    Returns
    -------
    Costs
        `known` with what was missing.
    """
    known = known or Costs()
    taken = set(known.effects)
    variants: dict[str, Quantization] = {}
    sought: list[tuple[str, str, Rounding]] = []  # variant, layer, what its score there is of
    for index, plan in enumerate(plans):
        wanted = [item for item in roundings(graph, decide(graph, plan)) if item not in taken]
        if not wanted:
            continue
        taken.update(wanted)
        q = quantize(graph, plan, stats)
        for name, variant, claims in _apart(q, wanted):
            variants[f"{index} {name}"] = variant
            sought += [(f"{index} {name}", layer, item) for layer, item in claims.items()]
    if not variants:
        return known
    found = score(variants, batches, report, total=total, draws=draws, classes=classes, margins=margins)
    effects: dict[Rounding, Effect] = {}
    samples, answers = 0, None
    for name, layer, item in sought:
        scores = found[name]
        samples, answers = scores.samples, scores.answers
        shifts = None if answers is None else answers.shifts.get(layer)
        kl, mse = scores.kl.get(layer, 0.0) if scores.kl else None, scores.mse.get(layer, 0.0)
        if (before := effects.get(item)) is not None:  # a model input that several layers read
            kl, mse = None if kl is None or before.kl is None else kl + before.kl, mse + before.mse
            shifts = None if shifts is None or before.shifts is None else shifts + before.shifts
        effects[item] = Effect(kl, mse, shifts)
    answers = None if answers is None else dataclasses.replace(answers, shifts={}, labels=labels)
    return known.merged(Costs(effects, samples, answers=answers))


def _apart(q: Quantization, wanted: Sequence[Rounding]) -> Iterable[tuple[str, Quantization, dict[str, Rounding]]]:
    """A quantization's roundings one kind at a time: name, quantization, and what each layer's score is of."""
    graph = q.graph
    nothing = dataclasses.replace(
        q,
        quantized=frozenset(),
        passing=frozenset(),
        dynamic=frozenset(),
        weight_only=frozenset(),
        values={},
        weights={},
    )
    weights = {item.name: item for item in wanted if item.kind == "weight" and item.name in q.weights}
    if weights:
        kept = {key: q.weights[key] for key in weights}
        yield "weights", dataclasses.replace(nothing, weight_only=frozenset(weights), weights=kept), weights
    reads = {item.name: item for item in wanted if item.kind == "read"}
    if reads:
        yield "reads", dataclasses.replace(nothing, dynamic=frozenset(reads)), reads
    params = {graph.origin(name): p for name, p in q.values.items()}
    params.update({name: p for name, p in q.values.items() if graph.origin(name) == name})
    values = {item.name: item for item in wanted if item.kind == "value"}
    # A value is rounded where it is made, even by a layer that stays in float: that is its effect at the output.
    made = {graph.producer[name].id: item for name, item in values.items() if name in graph.producer}
    if made:
        grids = {item.name: params[item.name] for item in made.values()}
        yield "values", dataclasses.replace(nothing, quantized=frozenset(made), values=grids), made
    inputs = {}
    grids = {}
    for layer in graph.layers:
        for name in layer.inputs if layer.id in q.quantized - q.passing else ():
            item = values.get(graph.origin(name))
            if item is not None and item.name not in graph.producer and name in q.values:
                inputs[layer.id], grids[name] = item, q.values[name]
    if inputs:
        yield "inputs", dataclasses.replace(nothing, quantized=frozenset(inputs), values=grids), inputs


def plan_bytes(graph: LayerGraph, decisions: Decisions) -> int:
    """Size of the stored tensors under a plan, bytes: weights at their width with their scales, the rest as it is."""
    counted: dict[tuple[str, TensorConfig | None], int] = {}
    rounds = decisions.quantized | decisions.dynamic | decisions.weight_only
    for layer in graph.layers:
        quantized = layer.id in rounds and has_weight(layer)
        for part in (layer, *layer.executed):
            for role, key in part.roles.items():
                if key not in graph.params:
                    continue
                tensor = graph.params[key]
                config = (
                    decisions.configs[layer.id].weight if quantized and part is layer and role == "weight" else None
                )
                if (key, config) not in counted:
                    counted[key, config] = tensor_bytes(tensor, config, layer)
    return sum(counted.values())


def tensor_bytes(tensor: torch.Tensor, config: TensorConfig | None, layer: Layer) -> int:
    """Size of one stored tensor, bytes; a scale takes 4 and a zero point 1."""
    if config is None:
        return tensor.numel() * tensor.element_size()
    axis = 1 if layer.op.startswith("conv_transpose") else 0
    rows = tensor.shape[axis] if config.granularity in ("per_channel", "per_group") else 1
    groups = -(-(tensor.numel() // rows) // config.group_size) if config.granularity == "per_group" else 1
    scales = rows * groups if config.has_scale else 0
    return (tensor.numel() * config.width + 7) // 8 + 5 * scales
