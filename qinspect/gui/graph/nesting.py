"""Blocks in blocks: where everything is drawn when some of them are open. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from .columns import fold
from .layout import Box, Layout, Point, lay_out
from .model import Block

HEADER, PADDING = 28.0, 16.0
"""Height of the title of an open block, and room around what is in it."""

FAR, EDGE = 160.0, 4.0
"""An edge that leaves or enters a block so far from its middle runs along its border, so near to it."""


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
    wanted = list(edges)
    inner: dict[str | None, list[tuple[str, str]]] = {}
    steps: dict[tuple[str, str], list[tuple[str | None, str, str]]] = {}
    lines: dict[str, list[str]] = {}

    def line(name: str) -> list[str]:
        """A block and all around it, outermost first."""
        if name not in lines:
            above = parent[name]
            lines[name] = [*(line(above) if above is not None else ()), name]
        return lines[name]

    for a, b in wanted:
        one, two = line(a), line(b)
        common = 0
        while one[common] == two[common]:
            common += 1
        # Out of every block around the first, across, and into every block around the second;
        # all that enters or leaves a block does so at one place, which keeps long edges apart.
        way: list[tuple[str | None, str, str]] = [(p, c, f"{p}>out") for p, c in pairwise(one) if p in one[common:]]
        way.reverse()
        way.append((one[common - 1] if common else None, one[common], two[common]))
        way += [(p, f"{p}>in", c) for p, c in pairwise(two) if p in two[common:]]
        steps[a, b] = way
        for level, start, end in way:
            inner.setdefault(level, []).append((start, end))

    layouts: dict[str | None, Layout] = {}

    def arrange(name: str | None, blocks: Sequence[Block]) -> Point:
        own = list(dict.fromkeys(inner.get(name, ())))
        ends = {end for pair in own for end in pair}
        nodes = []
        if f"{name}>in" in ends:
            nodes.append((f"{name}>in", 1.0, 0.0))
        for block in blocks:
            width, height = arrange(block.id, block.children) if block.id in opened else size[block.id]
            nodes.append((block.id, width, height))
        if f"{name}>out" in ends:
            nodes.append((f"{name}>out", 1.0, 0.0))
            # Everything that ends here stays above the way out.
            starts = {a for a, _ in own}
            if len(nodes) < 200:
                own += [(n, f"{name}>out") for n, _, _ in nodes if n not in starts and not n.endswith(">out")]
        layouts[name] = fold(lay_out(nodes, own))
        return layouts[name].width + 2 * PADDING, layouts[name].height + HEADER + PADDING

    arrange(None, roots)
    boxes: dict[str, Box] = {}
    corner: dict[str | None, Point] = {None: (0.0, 0.0)}

    def place(name: str | None, blocks: Sequence[Block]) -> None:
        x, y = corner[name]
        for block in blocks:
            left, top, width, height = layouts[name].boxes[block.id]
            boxes[block.id] = (x + left, y + top, width, height)
            if block.id in opened:
                corner[block.id] = (x + left + PADDING, y + top + HEADER)
                place(block.id, block.children)

    place(None, roots)
    routes: dict[tuple[str, str], list[Point]] = {}
    for pair, way in steps.items():
        points: list[Point] = []
        for level, start, end in way:
            x, y = corner[level]
            inside = [(x + px, y + py) for px, py in layouts[level].edges[start, end]]
            if points and abs(points[-1][0] - inside[0][0]) > FAR and points[-1][1] <= inside[0][1]:
                # Along the border of the block, not across what is in it.
                border = points[-1][1] + EDGE if start.endswith(">in") else inside[0][1] - 2 * EDGE
                points += [(points[-1][0], border), (inside[0][0], border)]
            points += inside
        routes[pair] = points
    return Layout(boxes, routes, layouts[None].width, layouts[None].height)
