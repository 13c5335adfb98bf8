"""Layers that share one quantizer: what pools, puts together, clips or pads has that of what it reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .decide import Decisions
from .existing import Existing
from .graph import LayerGraph
from .plan import QuantPlan
from .text import Text, listed


@dataclass(frozen=True)
class SharedGroup:
    """Layers whose values have one scale and zero point, to be edited as a unit.

    Parameters
    ----------
    leader : str
        Id of the layer whose activation qconfig holds for all of them: the one that makes the
        earliest value, or reads it where it is made in float.
    layers : tuple of str
        Ids in the order in which they run, the leader's among them where its own value is shared.
    """

    leader: str
    layers: tuple[str, ...]


def shared_groups(graph: LayerGraph, decisions: Decisions) -> tuple[SharedGroup, ...]:
    """Groups of two layers or more, transparent ones left out.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    decisions : Decisions
        From `decide.decide`, with its grids.
    """
    members: dict[str, list[str]] = {}
    for layer in graph.layers:
        if layer.id in decisions.quantized and layer.value in decisions.grids and not layer.transparent:
            members.setdefault(decisions.grids[layer.value][0], []).append(layer.id)
    found = []
    for value, layers in members.items():
        producer = graph.producer.get(value)
        if producer is None or producer.id not in decisions.quantized:
            readers = graph.consumers.get(value, ())
            producer = next((r for r in readers if r.id in decisions.quantized and not r.transparent), None)
        leader = layers[0] if producer is None else producer.id
        if set(layers) - {leader}:
            found.append(SharedGroup(leader, tuple(layers)))
    return tuple(found)


def leader_of(groups: Iterable[SharedGroup], layer_id: str) -> str:
    """The layer to edit where a layer's activation is to change: its group's leader, else itself."""
    return next((group.leader for group in groups if layer_id in group.layers), layer_id)


def unshared(existing: Existing | None, graph: LayerGraph, plan: QuantPlan, decisions: Decisions) -> tuple[Text, ...]:
    """Where a file has grids of their own for values that share one for this target, for people.

    Parameters
    ----------
    existing : Existing | None
        What the file has.
    graph : LayerGraph
        Fused as the plan wants.
    plan : QuantPlan
    decisions : Decisions
    """
    if existing is None:
        return ()
    known = existing.given(graph, plan).values
    grids: dict[str, dict[str, None]] = {}
    for value, (leader, _) in decisions.grids.items():
        if value in known:
            grids.setdefault(leader, {})[str(known[value].to_json())] = None
    apart = [_maker(graph, leader) for leader, found in grids.items() if len(found) > 1]
    if not apart:
        return ()
    return (
        Text(
            "The file has grids of their own for values that share one on this target, that of {leaders}. Figures here "
            "are of the shared grid; qinspect compare runs the file as it is.",
            leaders=listed(apart),
        ),
    )


def ranged(graph: LayerGraph, plan: QuantPlan, decisions: Decisions) -> tuple[Text, ...]:
    """Layers whose values the plan wants in real numbers and that are rounded all the same, for people."""
    found = [
        layer.id
        for layer in graph.layers
        if layer.value in decisions.grids and layer.id in decisions.quantized and not layer.transparent
        and (asked := plan.qconfig(layer).activation) is not None and asked.estimator == "none"
    ]  # fmt: skip
    if not found:
        return ()
    return (
        Text(
            "The plan wants real numbers (range: none) of {layers}: on this target whole ones are handed on there, and "
            "their range is min-max.",
            layers=listed(found),
        ),
    )


def _maker(graph: LayerGraph, value: str) -> str:
    """Id of the layer that makes a value, or the input's name."""
    return graph.producer[value].id if value in graph.producer else value


def unheard(
    plan: QuantPlan, graph: LayerGraph, groups: Iterable[SharedGroup], existing: Existing | None = None
) -> tuple[str, ...]:
    """Overrides that have no effect, for people.

    The layer shares its leader's quantizer, or it is fused into another layer, whose qconfig holds. Of a plan that
    says what a file does (see `unshared`) nobody wrote the overrides.
    """
    of_file = existing is not None and plan.overrides == existing.plan_for(graph, plan.target).overrides
    hosts = {inner.id: layer.id for layer in graph.layers for inner in layer.fused}
    found = []
    for override in plan.overrides:
        matched = [layer.id for layer in graph.by_id.values() if override.matches(layer)]
        if matched and all(layer_id in hosts for layer_id in matched):
            found.append(
                Text(
                    "The override for {kind} {pattern!r} has no effect: {matched} is fused into {hosts}, "
                    "whose qconfig holds.",
                    kind=override.kind,
                    pattern=override.pattern,
                    matched=matched[0],
                    hosts=hosts[matched[0]],
                )
            )
    for group in () if of_file else groups:
        holds = plan.qconfig(graph.by_id[group.leader]).activation
        for layer_id in group.layers:
            layer = graph.by_id[layer_id]
            own = [o.activation for o in plan.overrides if o.activation != "inherit" and o.matches(layer)]
            if layer_id != group.leader and own and own[-1] != holds:
                found.append(
                    Text(
                        "{layer_id} shares the quantizer of {leader}, whose activation qconfig holds for both "
                        "({holds}); its own ({own}) has no effect.",
                        layer_id=layer_id,
                        leader=group.leader,
                        holds=holds,
                        own=own[-1],
                    )
                )
    return tuple(found)
