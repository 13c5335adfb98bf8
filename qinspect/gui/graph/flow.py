"""Modules whose layers the data leave and come back to are taken apart. Pure: no Qt, no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .model import GraphNode


def in_flow(
    families: list[list[GraphNode]], inputs: Mapping[str, Sequence[str]], order: Mapping[str, int]
) -> list[list[GraphNode]]:
    """Families of layers, with those taken apart that the data leave and come back to.

    A box around the stages of a U-Net, or around all calls of one pooling, would have the whole network both above
    and below it: no picture of it shows the way of the data. Such a family becomes its runs: layers that follow
    each other in execution order. Runs never form a circle.

    Parameters
    ----------
    families : list of list of GraphNode
        Each in execution order.
    inputs : mapping of str to sequence of str
        Ids that a layer reads, by its id.
    order : mapping of str to int
        Place of each layer in execution order.
    """
    home = {node.id: place for place, family in enumerate(families) for node in family}
    reads = [
        {home[name] for node in family for name in inputs.get(node.id, ()) if name in home} - {place}
        for place, family in enumerate(families)
    ]
    circling = _circling(reads)
    following = {name: at for at, name in enumerate(sorted(home, key=order.__getitem__))}
    found = []
    for place, family in enumerate(families):
        run: list[GraphNode] = []
        for node in family:
            if run and place in circling and following[node.id] != following[run[-1].id] + 1:
                found.append(run)
                run = []
            run.append(node)
        found.append(run)
    return sorted(found, key=lambda run: order[run[0].id])


def _circling(reads: Sequence[set[int]]) -> set[int]:
    """What reads, by way of others, from itself: strongly connected components of more than one (Kosaraju)."""
    finished: list[int] = []
    seen: set[int] = set()
    for start in range(len(reads)):
        stack = [(start, iter(reads[start]))] if start not in seen else []
        seen.add(start)
        while stack:
            place, rest = stack[-1]
            new = next((other for other in rest if other not in seen), None)
            if new is None:
                finished.append(place)
                stack.pop()
            else:
                seen.add(new)
                stack.append((new, iter(reads[new])))
    readers: list[list[int]] = [[] for _ in reads]
    for place, others in enumerate(reads):
        for other in others:
            readers[other].append(place)
    found: set[int] = set()
    waiting = set(range(len(reads)))
    for start in reversed(finished):
        part, todo = [], [start] if start in waiting else []
        waiting.discard(start)
        while todo:
            part.append(place := todo.pop())
            new_ones = [other for other in readers[place] if other in waiting]
            waiting.difference_update(new_ones)
            todo += new_ones
        if len(part) > 1:
            found.update(part)
    return found
