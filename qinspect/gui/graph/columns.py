"""A long chain in columns, as a newspaper sets its text, so that the whole of it can be seen. Pure functions."""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping, Sequence
from itertools import pairwise

from .layout import Box, Layout, Point

LONG = 3200.0
"""What is no higher than this stays in one column: some forty boxes."""
TALL = 2.5
"""What is less high than so many times its width stays so as well."""
ASPECT = 1.5
"""Width over height that is aimed at."""
COLUMN_GAP = 64.0
LANE = 8.0
"""Distance of two edges that lead from one column to the next."""
MOST_CROSSING = 4
"""A column ends only where no more edges than these are cut."""


def fold(layout: Layout) -> Layout:
    """Break what is far higher than wide into columns, from left to right.

    Parameters
    ----------
    layout : Layout
        Rows from top to bottom.

    Returns
    -------
    Layout
        The same boxes, none of them cut, those of each column in the places that they had to each other. An
        edge between columns leads down out of the first, up between the two, and into the second from above.
        What is short, wide, or nowhere joined by few edges is returned as it is.
    """
    count = round(math.sqrt(ASPECT * layout.height / (layout.width + COLUMN_GAP)))
    if layout.height <= max(LONG, TALL * layout.width) or count < 2:
        return layout
    cuts = _cuts(layout, layout.height / count)
    if not cuts:
        return layout
    tops = [0.0, *cuts]
    sides = [[math.inf, -math.inf] for _ in tops]
    for x, y, width, height in layout.boxes.values():
        side = sides[bisect(cuts, y + height / 2)]
        side[0], side[1] = min(side[0], x), max(side[1], x + width)
    for points in layout.edges.values():
        for x, y in points:
            side = sides[bisect(cuts, y)]
            side[0], side[1] = min(side[0], x), max(side[1], x)
    lefts, right = [], 0.0
    for low, high in sides:
        lefts.append(right)
        right += high - low + COLUMN_GAP
    shifts = [(left - side[0], -top) for left, side, top in zip(lefts, sides, tops, strict=True)]

    boxes: dict[str, Box] = {}
    for name, (x, y, width, height) in layout.boxes.items():
        dx, dy = shifts[bisect(cuts, y + height / 2)]
        boxes[name] = (x + dx, y + dy, width, height)
    lanes = [0] * len(tops)
    edges = {pair: _bent(points, cuts, shifts, lefts, lanes) for pair, points in layout.edges.items()}
    height = max(low - high for high, low in pairwise([*tops, layout.height]))
    return Layout(boxes, edges, right - COLUMN_GAP, height)


def _cuts(layout: Layout, wanted: float) -> list[float]:
    """Heights between two rows, some `wanted` apart, where few edges are cut."""
    rows: list[tuple[float, float]] = []
    for top, bottom in sorted((y, y + height) for _, y, _, height in layout.boxes.values() if height > 0):
        if rows and top <= rows[-1][1]:
            rows[-1] = rows[-1][0], max(rows[-1][1], bottom)
        else:
            rows.append((top, bottom))
    places = [(one[1] + two[0]) / 2 for one, two in pairwise(rows)]
    crossing = _crossing(places, layout.edges)
    found: list[float] = []
    last = 0.0
    for place, (y, edges) in enumerate(zip(places, crossing, strict=True)):
        if edges > MOST_CROSSING or y - last < 0.7 * wanted or layout.height - y < 0.4 * wanted:
            continue
        # A place near by that cuts fewer edges is better, one that is nearer to what is wanted as well.
        near = [
            (other_edges, abs(other - last - wanted))
            for other, other_edges in zip(places[place + 1 :], crossing[place + 1 :], strict=True)
            if other - last <= 1.2 * wanted
        ]
        if not near or (edges, abs(y - last - wanted)) <= min(near):
            found.append(y)
            last = y
    return found


def _crossing(places: Sequence[float], edges: Mapping[tuple[str, str], Sequence[Point]]) -> list[int]:
    """Number of edges at each height."""
    change = [0] * (len(places) + 1)
    for points in edges.values():
        one, two = sorted((points[0][1], points[-1][1]))
        change[bisect(places, one)] += 1
        change[bisect(places, two)] -= 1
    counts, now = [], 0
    for step in change[: len(places)]:
        now += step
        counts.append(now)
    return counts


def _bent(
    points: Sequence[Point],
    cuts: Sequence[float],
    shifts: Sequence[Point],
    lefts: Sequence[float],
    lanes: list[int],
) -> list[Point]:
    """An edge through the columns; `lanes` counts those that lead into each column."""

    def moved(x: float, y: float, column: int) -> Point:
        return x + shifts[column][0], y + shifts[column][1]

    made = [moved(*points[0], bisect(cuts, points[0][1]))]
    for (x, y), (next_x, next_y) in pairwise(points):
        one, two = bisect(cuts, y), bisect(cuts, next_y)
        if one != two:
            first, second = min(one, two), max(one, two)
            lane = lanes[second] % MOST_CROSSING
            lanes[second] += 1
            between = lefts[second] - COLUMN_GAP / 2 + (lane - (MOST_CROSSING - 1) / 2) * LANE
            upper, lower = (x, next_x) if one < two else (next_x, x)
            from_x, from_y = moved(upper, cuts[first] + (lane - 1) * LANE / 2, first)
            to_x, to_y = moved(lower, cuts[second - 1] + (1 - lane) * LANE / 2, second)
            way = [(from_x, from_y), (between, from_y), (between, to_y), (to_x, to_y)]
            made += way if one < two else way[::-1]
        made.append(moved(next_x, next_y, two))
    return made
