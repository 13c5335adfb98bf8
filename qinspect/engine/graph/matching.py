"""Which layer of one graph is which of another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn import functional

from . import Layer, LayerGraph
from .recurrent import RECURRENT

LEAST_CORRELATION = 0.9
"""Of two weights that are taken for one another: 8 bits leave 0.999, 4 bits about 0.98."""


COMPARED = 1 << 16
"""Values of a weight, at most, that are looked at for that."""


@dataclass(frozen=True)
class Match:
    """Two layers that are the same one.

    Parameters
    ----------
    float_id, other_id : str
    by : str
        ``identity`` (both carry the id), ``name`` (module path and operator), ``weights`` (shape and
        correlation of the stored weights) or ``topology`` (between neighbours that match).
    """

    float_id: str
    other_id: str
    by: str


def match(one: LayerGraph, other: LayerGraph, identified: bool) -> tuple[Match, ...]:
    """Match the layers of a float graph with those of a graph made of it.

    Identity is looked at first, then names, then weights, then the places between matched
    neighbours. No layer is matched twice, and only layers of one operator are.

    Parameters
    ----------
    one, other : LayerGraph
        Both fused.
    identified : bool
        Whether the other's ids are known to be this program's: else equal ids are equal names.

    Returns
    -------
    tuple of Match
        In the order of the float graph's layers.
    """
    return _Matcher(one, other).run(identified)


class _Matcher:
    def __init__(self, one: LayerGraph, other: LayerGraph) -> None:
        self.one, self.other = one, other
        self.left = {layer.id: layer for layer in one.layers if not layer.transparent}
        self.right = {layer.id: layer for layer in other.layers if not layer.transparent}
        self.found: dict[str, Match] = {}
        self.partner: dict[str, str] = {}  # of the other graph's layers

    def run(self, identified: bool) -> tuple[Match, ...]:
        for name in list(self.left.keys() & self.right.keys()):
            self._take(name, name, "identity" if identified else "name")
        self._by_key(lambda layer: (layer.path, _kind(layer)))
        self._by_ending()
        self._by_weights()
        while self._by_neighbours():
            pass
        order = {layer.id: index for index, layer in enumerate(self.one.layers)}
        return tuple(sorted(self.found.values(), key=lambda item: order[item.float_id]))

    def _take(self, a: str, b: str, by: str) -> bool:
        one, two = self.left.get(a), self.right.get(b)
        if one is None or two is None or _kind(one) != _kind(two) or _unlike(one, two):
            return False
        del self.left[a], self.right[b]
        self.found[a] = Match(a, b, by)
        self.partner[b] = a
        return True

    def _by_key(self, key: Callable[[Layer], object]) -> None:
        """Layers whose key is unique on both sides."""
        ours, theirs = _unique(self.left.values(), key), _unique(self.right.values(), key)
        for item in ours.keys() & theirs.keys():
            self._take(ours[item].id, theirs[item].id, "name")

    def _by_ending(self) -> None:
        """``encoder.0`` and ``model.encoder.0``: one name ends with the other."""
        at: dict[tuple[str, str], list[str]] = {}  # our layers by kind and path
        ending: dict[tuple[str, str], list[str]] = {}  # and by what their paths end with
        for item in self.left.values():
            if item.path:
                at.setdefault((_kind(item), item.path), []).append(item.id)
            for end in _endings(item.path):
                ending.setdefault((_kind(item), end), []).append(item.id)
        for layer in list(self.right.values()):
            kind = _kind(layer)
            longer = ending.get((kind, layer.path), ()) if layer.path else ()
            shorter = (name for end in _endings(layer.path) for name in at.get((kind, end), ()))
            fits = [name for name in (*longer, *shorter) if name in self.left]
            if len(fits) == 1:
                self._take(fits[0], layer.id, "name")

    def _by_weights(self) -> None:
        """Pairs of weights in one shape, the most alike first."""
        groups: dict[tuple[object, ...], tuple[list[Layer], list[Layer]]] = {}
        for place, (graph, layers) in enumerate(((self.one, self.left), (self.other, self.right))):
            for layer in layers.values():
                weight = graph.weight(layer)
                if weight is not None:
                    groups.setdefault((_kind(layer), *weight.shape), ([], []))[place].append(layer)
        pairs = []
        for ours, theirs in groups.values():
            if ours and theirs:
                table = _deviations(self.one, ours) @ _deviations(self.other, theirs).T
                pairs += [(float(table[a, b]), one.id, two.id)
                          for a, one in enumerate(ours) for b, two in enumerate(theirs)]  # fmt: skip
        for correlation, a, b in sorted(pairs, reverse=True):
            if correlation >= LEAST_CORRELATION:
                self._take(a, b, "weights")

    def _by_neighbours(self) -> bool:
        """Layers all of whose sources match, or all of whose readers do, where no other layer's do as well."""
        changed = False
        for around in (sources, readers):
            ours: dict[tuple[object, ...], list[str]] = {}
            for item in self.left.values():
                ours.setdefault((_kind(item), *around(self.one, item)), []).append(item.id)
            for layer in list(self.right.values()):
                near = tuple(self.partner.get(name, name) for name in around(self.other, layer))
                fits = ours.get((_kind(layer), *near), []) if near else []
                if len(fits) == 1:
                    changed = self._take(fits[0], layer.id, "topology") or changed
        return changed


def _kind(layer: Layer) -> str:
    """The operator; pooling to one place and taking the mean are the same."""
    return "mean" if layer.op.startswith("adaptive_avg_pool") and set(layer.shape[2:]) == {1} else layer.op


def _unlike(one: Layer, two: Layer) -> bool:
    """Whether their values differ in shape; of a layer in a table the shape is not known.

    Recurrent layers may have time and batch the other way round.
    """
    return one.op not in RECURRENT and bool(one.shape and two.shape) and _sizes(one) != _sizes(two)


def _sizes(layer: Layer) -> tuple[int, ...]:
    """The shape of one sample, axes of one place left out."""
    return tuple(size for size in layer.shape[1:] if size != 1)


def _unique(layers: Iterable[Layer], key: Callable[[Layer], object]) -> dict[object, Layer]:
    found: dict[object, Layer] = {}
    twice = set()
    for layer in layers:
        item = key(layer)
        if item in found:
            twice.add(item)
        found[item] = layer
    return {item: layer for item, layer in found.items() if item not in twice}


def _endings(path: str) -> Iterator[str]:
    """What a path ends with, beginning below its first part."""
    while "." in path:
        path = path.partition(".")[2]
        yield path


def _deviations(graph: LayerGraph, layers: Sequence[Layer]) -> torch.Tensor:
    """Weights of one shape around their means, a row of length 1 each, whose products are correlations; float64.

    Of a large one some values, evenly taken. A row is 0 where a weight is constant.
    """
    rows = []
    for layer in layers:
        weight = graph.weight(layer)
        assert weight is not None
        flat = weight.detach().flatten()
        flat = flat[:: -(-flat.numel() // COMPARED) or 1].double()
        rows.append(flat - flat.mean())
    return functional.normalize(torch.stack(rows), dim=1)


def sources(graph: LayerGraph, layer: Layer) -> Iterator[str]:
    """Ids of the layers (or names of the inputs) that a layer reads, seen through those that only move values."""
    for name in layer.inputs:
        producer = graph.producer.get(name)
        if producer is None:
            yield f"input {graph.input_names.index(name)}" if name in graph.input_names else name
        elif producer.transparent:
            yield from sources(graph, producer)
        else:
            yield producer.id


def readers(graph: LayerGraph, layer: Layer) -> Iterator[str]:
    """Ids of the layers that read a layer's value, and ``output n``, seen through those that only move values."""
    if layer.value in graph.output_values:
        yield f"output {graph.output_values.index(layer.value)}"
    for reader in graph.consumers.get(layer.value, ()):
        if reader.transparent:
            yield from readers(graph, reader)
        else:
            yield reader.id
