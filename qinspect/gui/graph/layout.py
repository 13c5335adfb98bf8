"""Where the blocks and edges of a graph are drawn. Pure functions; layering by fast-sugiyama."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from fast_sugiyama import from_edges

Point = tuple[float, float]
Box = tuple[float, float, float, float]

GAP_X = 24.0
GAP_Y = 32.0
GAP_PORT = 16.0
BEND = 10.0
"""Room that an edge takes where it passes a row."""

MOST_BENDS = 40_000
"""With more bends than this a layout takes seconds; such graphs get straight edges."""


@dataclass(frozen=True)
class Layout:
    """Result of `lay_out`.

    Parameters
    ----------
    boxes : dict of str to (x, y, width, height)
        Upper left corner and size of each node.
    edges : dict of (str, str) to list of points
        From the lower side of the first node to the upper side of the second.
    width, height : float
        Of the whole, which begins at (0, 0).
    """

    boxes: dict[str, Box]
    edges: dict[tuple[str, str], list[Point]]
    width: float
    height: float


def lay_out(
    nodes: Sequence[tuple[str, float, float]],
    edges: Iterable[tuple[str, str]],
    gap_x: float = GAP_X,
    gap_y: float = GAP_Y,
) -> Layout:
    """Layers from top to bottom.

    Parameters
    ----------
    nodes : sequence of (id, width, height)
        In execution order: an edge that leads back in it (a shared module) counts as reversed.
    edges : iterable of (id, id)
        Others than between two different nodes are left out.
    gap_x, gap_y : float
        Least distance of neighbours and of rows.
    """
    index = {name: place for place, (name, _, _) in enumerate(nodes)}
    size = {place: (width, height) for place, (_, width, height) in enumerate(nodes)}
    wanted = list(dict.fromkeys((a, b) for a, b in edges if a != b and a in index and b in index))
    pairs = list(dict.fromkeys(tuple(sorted((index[a], index[b]))) for a, b in wanted))
    parts = [_component(members, inner, size, gap_x, gap_y) for members, inner in _components(len(nodes), pairs)]

    boxes: dict[str, Box] = {}
    routes: dict[tuple[int, int], list[Point]] = {}
    left = top = right = bottom = 0.0
    for part in parts:
        # Parts without an edge between them stand side by side, as long as that is not too wide.
        if left and left + part.width > max(2400.0, parts[0].width):
            left, top = 0.0, bottom + gap_y
        for place, (x, y, width, height) in part.boxes.items():
            boxes[nodes[place][0]] = (x + left, y + top, width, height)
        for pair, points in part.routes.items():
            routes[pair] = [(x + left, y + top) for x, y in points]
        right, bottom = max(right, left + part.width), max(bottom, top + part.height)
        left += part.width + gap_x

    found: dict[tuple[str, str], list[Point]] = {}
    for a, b in wanted:
        one, two = index[a], index[b]
        found[a, b] = routes[one, two] if one < two else routes[two, one][::-1]
    return Layout(boxes, found, right, bottom)


@dataclass
class _Part:
    """One connected part; its upper left corner is (0, 0)."""

    boxes: dict[int, Box] = field(default_factory=dict)
    routes: dict[tuple[int, int], list[Point]] = field(default_factory=dict)
    width: float = 0.0
    height: float = 0.0


def _components(count: int, pairs: list[tuple[int, ...]]) -> list[tuple[list[int], list[tuple[int, ...]]]]:
    above = list(range(count))

    def top(place: int) -> int:
        while above[place] != place:
            above[place] = above[above[place]]
            place = above[place]
        return place

    for a, b in pairs:
        one, two = sorted((top(a), top(b)))
        above[two] = one
    found: dict[int, tuple[list[int], list[tuple[int, ...]]]] = {}
    for place in range(count):
        found.setdefault(top(place), ([], []))[0].append(place)
    for pair in pairs:
        found[top(pair[0])][1].append(pair)
    return list(found.values())


def _component(
    members: list[int],
    pairs: list[tuple[int, ...]],
    size: Mapping[int, tuple[float, float]],
    gap_x: float,
    gap_y: float,
) -> _Part:
    if not pairs:
        width, height = size[members[0]]
        return _Part({members[0]: (0.0, 0.0, width, height)}, {}, width, height)
    rank = _ranks(members, pairs)
    bends = sum(rank[b] - rank[a] - 1 for a, b in pairs)
    # Own numbers from 0 on, because the library takes what is above the last one for a bend.
    number = {place: new for new, place in enumerate(members)}
    widest = max(size[place][0] for place in members)
    (positions, _, _, found), *_ = from_edges(
        [(number[a], number[b]) for a, b in pairs],
        vertex_spacing=widest + gap_x,
        dummy_vertices=bends <= MOST_BENDS,
        dummy_size=0.15,
        minimum_length=1,
        ranking_type="up",
    )
    chains = list(found) if found is not None else []
    extent = {number[place]: size[place] for place in members}
    rows = _rows(dict(positions), len(members))
    centre = _centres(rows, dict(positions), chains, extent, gap_x)
    y, gap, box, middle = 0.0, 0.0, {}, {}
    for row in rows:
        if all(v not in extent or not extent[v][1] for v in row) and y:
            # No box in this row, only a way in or out: it needs less room.
            y -= gap_y - GAP_PORT
        tallest = max((extent[v][1] for v in row if v in extent), default=0.0)
        for v in row:
            middle[v] = (centre[v], y + tallest / 2)
            if v in extent:
                width, height = extent[v]
                box[v] = (centre[v] - width / 2, y + (tallest - height) / 2, width, height)
        gap = gap_y if tallest else GAP_PORT
        y += tallest + gap
    left = min(x for x, _, _, _ in box.values())
    left = min(left, min(x - BEND / 2 for x in centre.values()))
    part = _Part()
    for place in members:
        x, top, width, height = box[number[place]]
        part.boxes[place] = (x - left, top, width, height)
    part.height = y - gap
    part.width = max(max(x + w for x, _, w, _ in box.values()), max(centre.values()) + BEND / 2) - left
    tall = {v: max((extent[u][1] for u in row if u in extent), default=0.0) for row in rows for v in row}
    passing = _chains(chains, len(members))
    for a, b in pairs:
        one, two = box[number[a]], box[number[b]]
        points = [(one[0] + one[2] / 2, one[1] + one[3])]
        for v in passing.get((number[a], number[b]), []):
            x, mid = middle[v]
            # Straight past the whole row, so that no bend cuts a neighbour's corner.
            points += [(x, mid - tall[v] / 2), (x, mid + tall[v] / 2)]
        points.append((two[0] + two[2] / 2, two[1]))
        part.routes[a, b] = [(x - left, top) for x, top in points]
    return part


def _ranks(members: list[int], pairs: list[tuple[int, ...]]) -> dict[int, int]:
    rank = dict.fromkeys(members, 0)
    for a, b in sorted(pairs):
        rank[b] = max(rank[b], rank[a] + 1)
    return rank


def _chains(edges: Iterable[tuple[int, int]], real: int) -> dict[tuple[int, int], list[int]]:
    """The bends of every long edge, from its first to its last."""
    following = {}
    starts = []
    for a, b in edges:
        if a >= real:
            following[a] = b
        elif b >= real:
            starts.append((a, b))
    found: dict[tuple[int, int], list[int]] = {}
    for a, b in starts:
        chain = [b]
        while following[chain[-1]] >= real:
            chain.append(following[chain[-1]])
        found[a, following[chain[-1]]] = chain
    return found


def _rows(positions: Mapping[int, Point], real: int) -> list[list[int]]:
    """What is in each row, left to right, from the top; mirrored where that reads better."""
    by_y: dict[float, list[int]] = {}
    for v, (_, y) in positions.items():
        by_y.setdefault(y, []).append(v)
    rows = [sorted(by_y[y], key=lambda v: positions[v][0]) for y in sorted(by_y, reverse=True)]
    # Layers in execution order, long edges on the right of them (bends have the highest numbers).
    wrong = sum(one > two for row in rows for one, two in pairwise(row) if min(one, two) < real)
    right = sum(one < two for row in rows for one, two in pairwise(row) if min(one, two) < real)
    return [row[::-1] for row in rows] if wrong > right else rows


def _centres(
    rows: list[list[int]],
    positions: Mapping[int, Point],
    chains: list[tuple[int, int]],
    extent: Mapping[int, tuple[float, float]],
    gap: float,
) -> dict[int, float]:
    """Centres with no two neighbours of a row closer than `gap`.

    The library places all nodes as if they were equally wide and gives an edge's bends as much
    weight as layers. Here each row in turn goes under the mean of what it hangs on, layers
    counting most, and is moved as little as possible (least squares under the order: pool
    adjacent violators).
    """
    place = {v: depth for depth, row in enumerate(rows) for v in row}
    above: dict[int, list[tuple[int, float]]] = {}
    below: dict[int, list[tuple[int, float]]] = {}
    for a, b in chains:
        one, two = (a, b) if place[a] < place[b] else (b, a)
        weight = 8.0 if one in extent and two in extent else 1.0
        below.setdefault(one, []).append((two, weight))
        above.setdefault(two, []).append((one, weight))
    offsets = []
    for row in rows:
        offset, own = 0.0, []
        for left, v in zip([None, *row], row, strict=False):
            if left is not None:
                widths = (extent[left][0] if left in extent else BEND) + (extent[v][0] if v in extent else BEND)
                offset += widths / 2 + (gap if v in extent or left in extent else BEND / 2)
            own.append(offset)
        offsets.append(own)
    wish = {v: x for v, (x, _) in positions.items()}
    if rows and any(wish[a] > wish[b] for row in rows for a, b in pairwise(row)):
        wish = {v: -x for v, x in wish.items()}
    centre: dict[int, float] = {}
    for row, own in zip(rows, offsets, strict=True):
        _place(row, own, [(wish[v], 4.0 if v in extent else 1.0) for v in row], centre)
    sweeps = 6 if len(place) < 2000 else 2 if len(place) < 20_000 else 0
    for sweep in range(sweeps):
        near = above if sweep % 2 == 0 else below
        for row, own in list(zip(rows, offsets, strict=True))[:: 1 if sweep % 2 == 0 else -1]:
            goals = []
            for v in row:
                pulls = near.get(v)
                if pulls is None:
                    goals.append((centre[v], 0.5))
                else:
                    # Bends follow layers, never the other way: else long edges bow every chain.
                    most = max(weight for _, weight in pulls)
                    own_pulls = [centre[u] for u, weight in pulls if weight == most]
                    goals.append((sum(own_pulls) / len(own_pulls), most * len(own_pulls) if v in extent else 1e-3))
            _place(row, own, goals, centre)
    return centre


def _place(row: list[int], offsets: list[float], goals: list[tuple[float, float]], centre: dict[int, float]) -> None:
    """Move one row as near to its goals (place, weight) as the distances allow."""
    blocks: list[tuple[float, float, int]] = []
    for offset, (goal, weight) in zip(offsets, goals, strict=True):
        mean, total, count = goal - offset, weight, 1
        while blocks and blocks[-1][0] >= mean:
            last, other, more = blocks.pop()
            mean = (last * other + mean * total) / (other + total)
            total, count = total + other, count + more
        blocks.append((mean, total, count))
    shifts = [mean for mean, _, count in blocks for _ in range(count)]
    centre.update({v: shift + offset for v, shift, offset in zip(row, shifts, offsets, strict=True)})
