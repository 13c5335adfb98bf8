"""Where the arrow keys lead in the graph."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from PySide6.QtCore import QRectF

from .model import Link


def first_inside(block: str, parents: Mapping[str, str | None], rects: Mapping[str, QRectF]) -> str | None:
    """The uppermost box in an open block.

    Parameters
    ----------
    block : str
    parents, rects
        The block that each box and block lies in, and where the boxes are.
    """

    def within(name: str) -> bool:
        above = parents[name]
        return above is not None and (above == block or within(above))

    return min(filter(within, rects), key=lambda name: rects[name].top(), default=None)


def neighbour(name: str, way: str, links: Iterable[Link], rects: Mapping[str, QRectF]) -> str | None:
    """The next box from one on.

    Parameters
    ----------
    name : str
    way : str
        ``up`` and ``down`` along the edges, to the nearest predecessor or successor; ``left`` and
        ``right`` to the next box that is at the same height.
    links, rects
        All edges, and where the boxes are.
    """
    own = rects[name]
    here = own.center()

    def far(other: str) -> float:
        place = rects[other].center()
        return abs(place.y() - here.y()) + abs(place.x() - here.x())

    if way == "up":
        found = [link.source for link in links if link.target == name]
    elif way == "down":
        found = [link.target for link in links if link.source == name]
    else:
        sign = 1 if way == "right" else -1
        found = [
            other
            for other, rect in rects.items()
            if (rect.center().x() - here.x()) * sign > 0 and rect.bottom() >= own.top() and rect.top() <= own.bottom()
        ]
    return min(found, key=far, default=None)
