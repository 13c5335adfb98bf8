"""Layers that stand at the same place of repeated modules, such as the depthwise convolution of every block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...engine.graph import Layer, LayerGraph


def place_of(path: str) -> str:
    """A module path with ``*`` for its numbers: ``blocks.3.conv1`` and ``blocks.7.conv1`` are one place.

    The last name keeps its number, since ``conv1`` and ``conv2`` of one block are two.
    """
    parts = path.split(".")
    named = [place for place, part in enumerate(parts) if not part.isdigit()]
    last = named[-1] if named else -1
    return ".".join(part if place == last else _without_number(part) for place, part in enumerate(parts))


def alike(graph: LayerGraph, ids: Iterable[str], among: Sequence[str]) -> tuple[str, ...]:
    """Those `among` some layers that are like one of `ids`: same place, same operator, same kernel."""
    layers: Mapping[str, Layer] = graph.by_id
    wanted = {_likeness(layers[layer_id], graph) for layer_id in ids if layer_id in layers}
    return tuple(one for one in among if one in layers and _likeness(layers[one], graph) in wanted)


def name_of(layer: Layer, graph: LayerGraph) -> str:
    """What those that are like a layer have in common: ``blocks.*.depthwise:conv2d 3×3``."""
    place, op, kernel, _ = _likeness(layer, graph)
    return f"{place}:{op} {'×'.join(map(str, kernel))}".rstrip()


def _likeness(layer: Layer, graph: LayerGraph) -> tuple[str, str, tuple[int, ...], bool]:
    weight = graph.params.get(layer.roles.get("weight", ""))
    kernel = tuple(weight.shape[2:]) if weight is not None else ()
    # Where modules have numbers alone, a depthwise convolution stands at the place of the one that expands.
    return place_of(layer.path), layer.op, kernel, bool(kernel) and weight is not None and int(weight.shape[1]) == 1


def _without_number(part: str) -> str:
    name = part.rstrip("0123456789")
    return part if name == part else f"{name}*"
