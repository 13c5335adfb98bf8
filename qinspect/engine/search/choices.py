"""What a search may decide on a model: units of layers, their options, the borders between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..backends.grouping import SHARED
from ..backends.tables import float_kernel, table
from ..decide import WEIGHTED, Decisions, decide
from ..graph import Layer, LayerGraph
from ..plan import QuantPlan
from ..plan.qconfig import QConfig, TensorConfig
from ..text import Text
from .candidates import options_of
from .costs import Costs, Effect, Rounding, has_weight, tensor_bytes
from .front import Choices, Crossing, Option, Selection, Unit
from .pareto import Objective
from .timings import Timings, elements, kernel

FLOAT = QConfig(None, None)
NONE = Effect(0.0, 0.0)

WORTH = 0.9
"""Another range or granularity is taken where it leaves no more than this share of the loss: estimates are
from few samples, and the best of several that differ little is best by chance."""


@dataclass(frozen=True)
class Alternatives:
    """Other configurations that the target runs: title and configuration."""

    weights: tuple[tuple[str, TensorConfig], ...]
    values: tuple[tuple[str, TensorConfig], ...]


@dataclass(frozen=True)
class Space:
    """A plan, and what may be changed in it.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    plan : QuantPlan
        The plan in question; what it leaves in float stays so.
    decisions : Decisions
        What runs in integers under it.
    units : tuple of (layer id, ...)
        Layers that are decided together, the one that leads first.
    alternatives : tuple of Alternatives
        By unit.
    """

    graph: LayerGraph
    plan: QuantPlan
    decisions: Decisions
    units: tuple[tuple[str, ...], ...]
    alternatives: tuple[Alternatives, ...]

    def with_floats(self, floats: Sequence[int]) -> QuantPlan:
        """The plan with some units left in float."""
        return self.plan.with_layers({key: FLOAT for index in floats for key in self.units[index]})

    def plans_to_score(self) -> list[QuantPlan]:
        """Few plans that together have every configuration of every unit."""
        found = [self.plan]
        longest = max((max(len(a.weights), len(a.values)) for a in self.alternatives), default=0)
        for index in range(longest):
            configs: dict[str, QConfig] = {}
            for unit, other in zip(self.units, self.alternatives, strict=True):
                now = self.decisions.configs[unit[0]]
                weight = other.weights[index][1] if index < len(other.weights) else now.weight
                value = other.values[index][1] if index < len(other.values) else now.activation
                if (weight, value) != (now.weight, now.activation):
                    configs[unit[0]] = QConfig(weight, value)
            found.append(self.plan.with_layers(configs))
        return found

    def select(self, choices: Choices, selection: Selection) -> QuantPlan:
        """The plan that a selection stands for.

        A layer that a plan names is rounded whatever is around it. So another range is given only to what is rounded
        beside the layers in float anyway: an addition that no integer kernel reads is not.
        """
        chosen = [
            (unit, index, unit.options[index].config) for unit, index in zip(choices.units, selection, strict=True)
        ]
        plan = self.plan.with_layers(
            {key: FLOAT for unit, _, config in chosen if config is None for key in unit.layers}
        )
        decisions = decide(self.graph, plan)
        rounds = decisions.quantized | decisions.dynamic | decisions.weight_only
        return plan.with_layers({u.id: config for u, index, config in chosen if config and index and u.id in rounds})


def space(graph: LayerGraph, plan: QuantPlan, alternatives: bool = True, objective: Objective = "latency") -> Space:
    """What may be changed in a plan.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    plan : QuantPlan
    alternatives : bool
        Whether other configurations than the plan's own and float are looked at.
    objective : str
        Four-bit weights are looked at where the size is what counts.
    """
    decisions = decide(graph, plan)
    units = _units(graph, plan, decisions)
    alone = _alone(graph, decisions, units)
    others = tuple(
        _alternatives(graph, graph.by_id[unit[0]], plan, alone[index], objective)
        if alternatives
        else Alternatives((), ())
        for index, unit in enumerate(units)
    )
    return Space(graph, plan, decisions, units, others)


def _units(graph: LayerGraph, plan: QuantPlan, decisions: Decisions) -> tuple[tuple[str, ...], ...]:
    """Layers that round, each with those behind it that share its quantizer or have none."""
    abilities = table(plan.target)
    members: dict[str, list[str]] = {}
    leader: dict[str, str] = {}
    for layer in graph.layers:
        if layer.transparent or layer.id not in decisions.quantized | decisions.dynamic | decisions.weight_only:
            continue
        data = graph.data(layer)
        maker = graph.producer.get(graph.origin(data[0])) if len(data) == 1 else None
        follows = layer.id in decisions.passing or abilities.grouping(layer) == SHARED
        if follows and maker is not None and maker.id in leader:
            leader[layer.id] = leader[maker.id]
            members[leader[layer.id]].append(layer.id)
        elif layer.id not in decisions.passing:
            leader[layer.id] = layer.id
            members[layer.id] = [layer.id]
    return tuple(tuple(found) for found in members.values())


def _alone(graph: LayerGraph, decisions: Decisions, units: Sequence[Sequence[str]]) -> list[bool]:
    """Whether each unit's value shares its range with no other unit's: a group has one configuration."""
    unit_of = {key: index for index, unit in enumerate(units) for key in unit}
    makers: dict[str, set[int]] = {}
    for value, (group, _) in decisions.grids.items():
        producer = graph.producer.get(value)
        if producer is not None and producer.id in unit_of:
            makers.setdefault(group, set()).add(unit_of[producer.id])
    shared = {index for found in makers.values() if len(found) > 1 for index in found}
    return [index not in shared for index in range(len(units))]


def _alternatives(graph: LayerGraph, layer: Layer, plan: QuantPlan, alone: bool, objective: Objective) -> Alternatives:
    now = plan.qconfig(layer)
    options = dict(options_of(layer, plan, layer.id in graph.output_makers))
    if now.weight is not None and objective == "size":
        options[Text("weight int4")] = QConfig(now.weight.but(dtype="int4", bits=4), now.activation)
    if now.activation is not None and not now.activation.dynamic:
        options[Text("activation int16")] = QConfig(now.weight, now.activation.but(dtype="int16", bits=16))
    weights: list[tuple[str, TensorConfig]] = []
    values: list[tuple[str, TensorConfig]] = []
    for title, config in options.items():
        if table(plan.target).why_not(layer, config, plan.target) or float_kernel(layer, config, plan.target):
            continue
        weight, value = config.weight, config.activation
        # Fewer or more bits of the same type are headroom against a kernel's overflow, which no estimate sees.
        if weight is not None and weight != now.weight and _same_headroom(weight, now.weight) and has_weight(layer):
            weights.append((title, weight))
        if value is not None and value != now.activation and _same_headroom(value, now.activation) and alone:
            values.append((title, value))
    return Alternatives(tuple(dict.fromkeys(weights)), tuple(dict.fromkeys(values)))


def _same_headroom(one: TensorConfig, two: TensorConfig | None) -> bool:
    return two is not None and one.dynamic == two.dynamic and (one.dtype != two.dtype or one.bits == two.bits)


def choices(space: Space, costs: Costs, objective: Objective) -> Choices:
    """The units with what each of their options adds to loss and cost.

    Parameters
    ----------
    space : Space
    costs : Costs
        That know all of `Space.plans_to_score`; with timings where the objective is latency.
    objective : str
        The cost is in µs for latency, bytes for size, and the number of layers left in float for layers.
    """
    graph, decisions = space.graph, space.decisions
    by_kl = all(effect.kl is not None for effect in costs.effects.values())

    def loss(kind: str, name: str, config: TensorConfig | None) -> float:
        effect = NONE if config is None else costs.effects.get(Rounding(kind, name, config), NONE)  # type: ignore[arg-type]
        return effect.kl or 0.0 if by_kl else effect.mse

    units = []
    for layers, others in zip(space.units, space.alternatives, strict=True):
        layer = graph.by_id[layers[0]]
        now = decisions.configs[layer.id]
        whole = layer.id in decisions.quantized
        weights = [("", now.weight if has_weight(layer) else None)]
        weights += _worth(others.weights, lambda c, n=layer.id: loss("weight", n, c), weights[0][1])
        name, kind = (layer.value, "value") if whole else (layer.id, "read")
        values = [("", now.activation)]
        values += _worth(others.values, lambda c, n=name, k=kind: loss(k, n, c), now.activation)
        shared = sum(
            loss("value", other.value, decisions.grids[other.value][1])
            for other in (graph.by_id[key] for key in layers[1:])
            if other.value in decisions.grids and other.id not in decisions.passing
        )
        options = [
            Option(
                QConfig(weight if has_weight(layer) else now.weight, value),
                ", ".join(filter(None, (of_weight, of_value))),
                loss("weight", layer.id, weight) + loss(kind, name, value) + shared,
                _cost(space, layers, QConfig(weight, value), costs.timings, objective),
            )
            for of_weight, weight in weights
            for of_value, value in values
            if _timed(space, layers, QConfig(weight, value), costs.timings, objective)
        ]
        options.append(Option(None, "float", 0.0, _cost(space, layers, None, costs.timings, objective)))
        in_float = 0.0 if objective == "layers" else options[-1].cost
        unread = in_float if whole and _float_unread(space, layers) else None
        units.append(Unit(layer.id, layers, _undominated(options), whole, unread))
    return Choices(tuple(units), _crossings(space, costs.timings if objective == "latency" else None, loss))


def _float_unread(space: Space, unit: Sequence[str]) -> bool:
    """Whether quantized layers are computed in float where no integer kernel reads them; see `decide`."""
    graph, plan = space.graph, space.plan
    layer, *behind = (graph.by_id[key] for key in unit)
    config = space.decisions.configs[layer.id].activation
    if layer.op in WEIGHTED or plan.names(layer) or (config is not None and config.estimator == "fixed"):
        return False
    if getattr(table(plan.target), "ROUNDS_FOR_READERS", False):
        return True
    handed_on = {_rounded(space, graph.origin(name)) for name in graph.output_values}
    averages = any(item.op != "cat" and table(plan.target).grouping(item) == SHARED for item in (layer, *behind))
    return not averages and handed_on.isdisjoint(item.value for item in (layer, *behind))


def _worth(
    others: Sequence[tuple[str, TensorConfig]], loss: object, now: TensorConfig | None
) -> list[tuple[str, TensorConfig | None]]:
    """Those that gain enough, or are of another type."""
    assert callable(loss)
    usual = loss(now)
    return [
        (title, config)
        for title, config in others
        if loss(config) <= WORTH * usual or (now is not None and config.dtype != now.dtype)
    ]


def _undominated(options: Sequence[Option]) -> tuple[Option, ...]:
    """The plan's own and float always, others where nothing is at least as good in both."""
    kept = [options[0]]
    for index, option in enumerate(options[1:-1], 1):
        rivals = [o for i, o in enumerate(options[:-1]) if i != index]
        beaten = any(
            o.loss <= option.loss and o.cost <= option.cost and (o.loss, o.cost) != (option.loss, option.cost)
            for o in rivals
        )
        if not beaten and all((o.loss, o.cost) != (option.loss, option.cost) for o in kept):
            kept.append(option)
    return (*kept, options[-1])


def _cost(
    space: Space, layers: Sequence[str], config: QConfig | None, timings: Timings | None, objective: Objective
) -> float:
    graph = space.graph
    lead = graph.by_id[layers[0]]
    if objective == "layers":
        return float(len(layers)) if config is None else 0.0
    if objective == "size":
        weight = graph.weight(lead) if has_weight(lead) else None
        return 0.0 if weight is None else float(tensor_bytes(weight, None if config is None else config.weight, lead))
    assert timings is not None
    total = 0.0
    for key in layers:
        own = config if config is None or key == lead.id else space.decisions.configs[key]
        name = kernel(own, bool(graph.by_id[key].roles))
        total += timings.layers.get((key, name), timings.layers.get((key, "float"), 0.0))
    return total


def _timed(space: Space, layers: Sequence[str], config: QConfig, timings: Timings | None, objective: Objective) -> bool:
    """Whether it is known how long the kernel takes that a configuration runs on."""
    if objective != "latency" or timings is None:
        return True
    lead = layers[0]
    now = kernel(space.decisions.configs[lead], bool(space.graph.by_id[lead].roles))
    name = kernel(config, bool(space.graph.by_id[lead].roles))
    return name == now or (lead, name) in timings.layers


def _crossings(space: Space, timings: Timings | None, loss: object) -> tuple[Crossing, ...]:
    """Values whose maker and readers may differ in kind."""
    assert callable(loss)
    graph, decisions = space.graph, space.decisions
    unit_of = {key: index for index, unit in enumerate(space.units) for key in unit}
    readers: dict[str, list[int | None]] = {}
    configs: dict[str, TensorConfig] = {}
    for layer in graph.layers:
        if layer.transparent:
            continue
        for name in graph.data(layer):
            readers.setdefault(graph.origin(name), []).append(unit_of.get(layer.id))
            if name in decisions.grids:
                configs.setdefault(graph.origin(name), decisions.grids[name][1])
    for name in graph.output_values:
        readers.setdefault(graph.origin(name), []).append(None)
    found = []
    for value, who in readers.items():
        producer = graph.producer.get(value)
        maker = None if producer is None else unit_of.get(producer.id)
        others = tuple(dict.fromkeys(who)) if maker is None else tuple(r for r in dict.fromkeys(who) if r != maker)
        if not others or (maker is None and all(reader is None for reader in others)):
            continue
        count = elements(graph, value) * space.plan.target.batch
        found.append(
            Crossing(
                maker,
                others,
                loss("value", _rounded(space, value), configs.get(value)),
                0.0 if timings is None else timings.quantize.us(count),
                0.0 if timings is None else timings.dequantize.us(count),
            )
        )
    return tuple(found)


def _rounded(space: Space, value: str) -> str:
    """The value whose rounding was scored: in front of layers that round nothing, such as a max pooling."""
    producer = space.graph.producer.get(value)
    while producer is not None and producer.id in space.decisions.passing:
        value = space.graph.origin(space.graph.data(producer)[0])
        producer = space.graph.producer.get(value)
    return value


def described(space: Space, choices: Choices, selection: Selection) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Ids of the layers that a selection leaves in float, and what it changes of others, by id."""
    floats: list[str] = []
    changed: dict[str, str] = {}
    plan = space.select(choices, selection)
    named = {override.pattern for override in plan.overrides if override.kind == "id"}
    for unit, index in zip(choices.units, selection, strict=True):
        option = unit.options[index]
        if option.config is None:
            floats += unit.layers
        elif index and unit.id in named:
            changed[unit.id] = option.what
    return tuple(floats), changed
