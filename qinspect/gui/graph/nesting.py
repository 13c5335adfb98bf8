"""Blocks in blocks: where everything is drawn when some of them are open. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from .columns import fold
from .layout import Box, Layout, Point, lay_out
from .model import Block

HEADER, PADDING = 28.0, 16.0
"""Height of the title of an open block, and room around what is in it."""

MANY = 200
"""Of so many blocks in one, not all are held above the way out."""

FAR, EDGE = 160.0, 4.0
"""An edge that leaves or enters a block so far from its middle runs along its border, so near to it."""


Step = tuple[str | None, str, str]
"""A piece of an edge: the block that it lies in (None at the top), and what it leads from and to there."""


def lay_out_blocks(
    roots: Sequence[Block],
    opened: frozenset[str],
    edges: Iterable[tuple[str, str]],
    parent: Mapping[str, str | None],
    size: Mapping[str, Point],
) -> Layout:
    """Lay out every open block by itself, and it as one node of the block around it.

    Parameters
    ----------
    roots : sequence of Block
    opened : frozenset of str
        Ids of the blocks that are open.
    edges : iterable of (id, id)
        Between visible blocks.
    parent : mapping
        The block around each block, None at the top.
    size : mapping of str to (width, height)
        Of the visible blocks.

    Returns
    -------
    Layout
        `boxes` has the visible blocks and the frames of the open ones.
    """
    ways = {pair: _way(_around(pair[0], parent), _around(pair[1], parent)) for pair in edges}
    inside: dict[str | None, dict[tuple[str, str], None]] = {}
    for way in ways.values():
        for level, start, end in way:
            inside.setdefault(level, {})[start, end] = None
    layouts: dict[str | None, Layout] = {}

    def arrange(name: str | None, blocks: Sequence[Block]) -> Point:
        """Lay out what is in a block; how large the block becomes."""
        sizes = {b.id: arrange(b.id, b.children) if b.id in opened else size[b.id] for b in blocks}
        layouts[name] = found = _lay_out_one(name, sizes, list(inside.get(name, ())))
        return found.width + 2 * PADDING, found.height + HEADER + PADDING

    arrange(None, roots)
    boxes: dict[str, Box] = {}
    corner: dict[str | None, Point] = {None: (0.0, 0.0)}

    def place(name: str | None, blocks: Sequence[Block]) -> None:
        """Move what is in a block to where the block has come to stand."""
        x, y = corner[name]
        for block in blocks:
            left, top, width, height = layouts[name].boxes[block.id]
            boxes[block.id] = (x + left, y + top, width, height)
            if block.id in opened:
                corner[block.id] = (x + left + PADDING, y + top + HEADER)
                place(block.id, block.children)

    place(None, roots)
    routes = {pair: _route(way, layouts, corner) for pair, way in ways.items()}
    return Layout(boxes, routes, layouts[None].width, layouts[None].height)


def _around(name: str, parent: Mapping[str, str | None]) -> list[str]:
    """A block and all around it, outermost first."""
    line = [name]
    while (above := parent[line[-1]]) is not None:
        line.append(above)
    return line[::-1]


def _way(one: Sequence[str], two: Sequence[str]) -> list[Step]:
    """Out of every block around the first, across, and into every block around the second.

    All that enters or leaves a block does so at one place, which keeps long edges apart.
    """
    common = next(place for place, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    out: list[Step] = [(block, inner, f"{block}>out") for block, inner in pairwise(one[common:])]
    into: list[Step] = [(block, f"{block}>in", inner) for block, inner in pairwise(two[common:])]
    return [*reversed(out), (one[common - 1] if common else None, one[common], two[common]), *into]


def _lay_out_one(name: str | None, sizes: Mapping[str, Point], edges: list[tuple[str, str]]) -> Layout:
    """Lay out the blocks in one, and the places where edges enter and leave it."""
    way_in, way_out = f"{name}>in", f"{name}>out"
    ends = {end for pair in edges for end in pair}
    nodes = [(block, *wide) for block, wide in sizes.items()]
    if way_in in ends:
        nodes.insert(0, (way_in, 1.0, 0.0))
    if way_out in ends:
        if len(nodes) < MANY:  # everything that ends here stays above the way out
            starts = {start for start, _ in edges}
            edges = [*edges, *((node, way_out) for node, _, _ in nodes if node not in starts)]
        nodes.append((way_out, 1.0, 0.0))
    return fold(lay_out(nodes, edges))


def _route(
    way: Iterable[Step], layouts: Mapping[str | None, Layout], corner: Mapping[str | None, Point]
) -> list[Point]:
    """The points of an edge, all blocks being placed."""
    points: list[Point] = []
    for level, start, end in way:
        x, y = corner[level]
        piece = [(x + px, y + py) for px, py in layouts[level].edges[start, end]]
        if points and abs(points[-1][0] - piece[0][0]) > FAR and points[-1][1] <= piece[0][1]:
            # Along the border of the block, not across what is in it.
            border = points[-1][1] + EDGE if start.endswith(">in") else piece[0][1] - 2 * EDGE
            points += [(points[-1][0], border), (piece[0][0], border)]
        points += piece
    return points
