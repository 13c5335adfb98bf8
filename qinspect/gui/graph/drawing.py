"""Paints a laid-out graph as one scene item, so that 5,000 layers cost no 5,000 items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from ..theme import Colours, colours_of, readable_on
from .layout import Layout
from .model import FLOAT, INT8, MIXED, Block, Figures, Link
from .nesting import HEADER
from .overlay import Scale, draw_border, figure, figure_text, kind_color

LAYER_SIZE = (212.0, 48.0)
GROUP_SIZE = (212.0, 64.0)
PORT_SIZE = (148.0, 32.0)
NO_TEXT, NO_DETAIL, SHAPES = 0.42, 0.22, 0.7
"""Zoom below which text, and below which edges' curves and rounded corners, cannot be seen; and
from which on the edges carry the shapes of their tensors."""


@dataclass(frozen=True)
class Node:
    """What is written on a box."""

    block: Block
    rect: QRectF
    title: str
    subtitle: str
    note: str
    badge: str
    kind: str
    fill: QColor | None


def node_of(
    block: Block, rect: QRectF, figures: Figures, scale: Scale, colours: Colours, words: Mapping[str, str]
) -> Node:
    """Put a block's figures into words.

    Parameters
    ----------
    words : mapping
        Translated ``layers`` and ``mixed``.
    """
    value = figure(scale.name, figures)
    note = "" if value is None else figure_text(scale.name, value)
    subtitle = block.path
    if block.group:
        parts = [f"{len(block.layers)} {words['layers']}"]
        if figures.quantized:
            parts.append(f"{figures.quantized} int8")
        if figures.float_layers:
            parts.append(f"{figures.float_layers} float")
        subtitle = " · ".join(parts)
        shown = [
            figure_text(name, figure(name, figures))
            for name in ("error", "latency")
            if figure(name, figures) is not None
        ]
        if figures.borders:
            shown.append(f"{figures.borders} Q/DQ")
        note = " · ".join(shown) if scale.name != "sensitivity" or not note else note
    badge = figures.dtype or (words["mixed"] if figures.kind == MIXED else figures.kind)
    return Node(block, rect, block.title, subtitle, note, badge, figures.kind, scale.fill(figures, colours))


class GraphItem(QGraphicsItem):
    """The whole drawing: frames of open blocks, edges, boxes; paints only what is exposed."""

    def __init__(self) -> None:
        super().__init__()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)
        self.nodes: list[Node] = []
        self.index: dict[str, int] = {}
        self.frames: list[tuple[Block, QRectF]] = []
        self.selected: str | None = None
        self.also: frozenset[str] = frozenset()  # what else is selected
        self.matches: frozenset[str] | None = None
        self.stale = False
        self._bounds = QRectF()
        self._boxes = np.zeros((0, 4))
        self._paths: list[QPainterPath] = []
        self._spans = np.zeros((0, 4))
        self._marks: list[tuple[float, float, str]] = []
        self._mark_spans = np.zeros((0, 4))
        self._frame_spans = np.zeros((0, 4))
        self._frame_of: dict[str, QRectF] = {}
        self._ends: dict[str, list[int]] = {}
        self._shapes: list[tuple[float, float, str]] = []
        self._shape_spans = np.zeros((0, 4))
        self._lines: list[list[QLineF]] = []
        self._tips: list[QPolygonF] = []
        self._title, self._small = QFont(), QFont()
        self._elided: dict[tuple[str, bool, int], str] = {}

    # -- what to draw -------------------------------------------------------------------------

    def set_font(self, font: QFont) -> None:
        self._title, self._small = QFont(font), QFont(font)
        self._title.setPixelSize(12)
        self._title.setWeight(QFont.Weight.DemiBold)
        self._small.setPixelSize(11)
        self._elided.clear()

    def set_layout(self, layout: Layout, links: list[Link], frames: list[tuple[Block, QRectF]]) -> None:
        """Take over where everything is; `set_nodes` follows."""
        self.prepareGeometryChange()
        self._bounds = QRectF(-8, -8, layout.width + 16, layout.height + 16)
        self.frames = frames
        self._paths, self._marks, self._lines, self._tips = [], [], [], []
        self._ends, self._shapes = {}, []
        spans = []
        said: set[str] = set()
        for place, link in enumerate(links):
            points = layout.edges[link.source, link.target]
            if link.shape and link.source not in said:
                said.add(link.source)
                way = 1 if points[0][1] <= points[1][1] else -1
                self._shapes.append((points[0][0] + 6, points[0][1] + 8 * way, link.shape))
            for end in (link.source, link.target):
                self._ends.setdefault(end, []).append(place)
            path = _curve(points)
            self._paths.append(path)
            # Plain straight lines are what is left of an edge when it is far away: one, but between columns.
            aside = points[0][1] > points[-1][1] or abs(points[0][0] - points[-1][0]) > 4 * LAYER_SIZE[0]
            ends = points if aside else (points[0], points[-1])
            self._lines.append([QLineF(*one, *two) for one, two in pairwise(ends)])
            xs, ys = [x for x, _ in points], [y for _, y in points]
            spans.append((min(xs) - 4, min(ys) - 4, max(xs) + 4, max(ys) + 4))
            x, y = points[-1]
            way = 1 if points[-2][1] <= y else -1
            self._tips.append(QPolygonF([QPointF(x, y), QPointF(x - 3, y - 6 * way), QPointF(x + 3, y - 6 * way)]))
            if link.border:
                self._marks.append((x, y - 14 * way, INT8 if link.border == "quantize" else FLOAT))
        self._spans = np.array(spans, np.float64).reshape(-1, 4)
        self._mark_spans = np.array([(x - 8, y - 8, x + 8, y + 8) for x, y, _ in self._marks]).reshape(-1, 4)
        self._shape_spans = np.array([(x, y - 8, x + 160, y + 8) for x, y, _ in self._shapes]).reshape(-1, 4)
        self._frame_spans = np.array([r.getCoords() for _, r in frames]).reshape(-1, 4)
        self._frame_of = {block.id: rect for block, rect in frames}
        self.update()

    def set_nodes(self, nodes: list[Node]) -> None:
        """Take over what is written on the boxes."""
        self.nodes = nodes
        self.index = {node.block.id: place for place, node in enumerate(nodes)}
        self._boxes = np.array(
            [(n.rect.left(), n.rect.top(), n.rect.right(), n.rect.bottom()) for n in nodes], np.float64
        ).reshape(-1, 4)
        self.update()

    # -- where things are ---------------------------------------------------------------------

    @property
    def boxes(self) -> np.ndarray:
        """Corners of the boxes, shape (n, 4): left, top, right, bottom."""
        return self._boxes

    def rect_of(self, block_id: str) -> QRectF | None:
        """Where a box or a frame is."""
        if block_id in self.index:
            return self.nodes[self.index[block_id]].rect
        return self._frame_of.get(block_id)

    def node_at(self, point: QPointF) -> Node | None:
        b = self._boxes
        inside = np.flatnonzero(
            (b[:, 0] <= point.x()) & (point.x() <= b[:, 2]) & (b[:, 1] <= point.y()) & (point.y() <= b[:, 3])
        )
        return self.nodes[inside[0]] if len(inside) else None

    def frame_at(self, point: QPointF) -> Block | None:
        """The innermost open block whose title is at a point."""
        for block, rect in reversed(self.frames):
            if QRectF(rect.x(), rect.y(), rect.width(), HEADER).contains(point):
                return block
        return None

    def boundingRect(self) -> QRectF:
        return self._bounds

    # -- painting -----------------------------------------------------------------------------

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        assert widget is not None
        colours = colours_of(widget)
        zoom = option.levelOfDetailFromTransform(painter.worldTransform())
        area = option.exposedRect
        shown = _within(self._boxes, area)
        edges = _within(self._spans, area)
        if zoom < NO_DETAIL:
            self._paint_far(painter, colours, shown, edges)
        else:
            self._paint_frames(painter, colours, area, zoom)
            self._paint_edges(painter, colours, edges, area, zoom)
            for place in shown:
                self._paint_node(painter, colours, self.nodes[place], zoom)
            if zoom >= SHAPES:
                self._paint_shapes(painter, colours, area)
        self._paint_selection(painter, colours, zoom)

    def _paint_far(self, painter: QPainter, colours: Colours, shown: np.ndarray, edges: np.ndarray) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("muted", 24))
        painter.drawRects([rect for _, rect in self.frames if rect.height() > 0][:400])
        pen = QPen(colours.color("muted", 120))
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawLines([line for place in edges for line in self._lines[place]])
        by_color: dict[int, list[QRectF]] = {}
        for place in shown:
            node = self.nodes[place]
            fill = node.fill or colours.color("muted")
            alpha = 255 if self._lit(node) else 50
            by_color.setdefault((fill.rgb() & 0xFFFFFF) | alpha << 24, []).append(node.rect)
        painter.setPen(Qt.PenStyle.NoPen)
        for rgba, rects in by_color.items():
            painter.setBrush(QColor.fromRgba(rgba))
            painter.drawRects(rects)

    def _lit(self, node: Node) -> bool:
        name = node.block.id
        return self.matches is None or name in self.matches or name == self.selected or name in self.also

    def _paint_frames(self, painter: QPainter, colours: Colours, area: QRectF, zoom: float) -> None:
        painter.setFont(self._title)
        for place in _within(self._frame_spans, area):
            block, rect = self.frames[place]
            painter.setPen(QPen(colours.color("line"), 1))
            painter.setBrush(colours.color("muted", 14))
            painter.drawRoundedRect(rect, 8, 8)
            if zoom >= NO_TEXT:
                _chevron(painter, rect.x() + 14, rect.y() + 14, colours.color("muted"), True)
                painter.setPen(colours.color("muted"))
                text = self._short(block.title, True, int(rect.width() - 36))
                painter.drawText(
                    QRectF(rect.x() + 24, rect.y(), rect.width() - 32, HEADER),
                    Qt.AlignmentFlag.AlignVCenter,
                    text,
                )

    def _paint_edges(self, painter: QPainter, colours: Colours, edges: np.ndarray, area: QRectF, zoom: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(colours.color("muted", 170), 1.25))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for place in edges:
            painter.drawPath(self._paths[place])
        # What the selected one reads and who reads it.
        own = self._ends.get(self.selected or "", ())
        painter.setPen(QPen(colours.color("accent"), 2.5))
        for place in own:
            painter.drawPath(self._paths[place])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(colours.color("muted"))
        if zoom >= NO_TEXT:
            for place in edges:
                painter.drawPolygon(self._tips[place])
            painter.setBrush(colours.color("accent"))
            for place in own:
                painter.drawPolygon(self._tips[place])
        for place in _within(self._mark_spans, area):
            x, y, kind = self._marks[place]
            draw_border(painter, x, y, kind, colours)

    def _paint_shapes(self, painter: QPainter, colours: Colours, area: QRectF) -> None:
        """The shape of each tensor where it leaves its layer, clear of the edge."""
        painter.setFont(self._small)
        metrics = QFontMetricsF(self._small)
        ground = colours.color("background", 120)
        for place in _within(self._shape_spans, area):
            x, y, text = self._shapes[place]
            box = QRectF(x, y - 7, metrics.horizontalAdvance(text) + 4, 14)
            painter.fillRect(box, ground)
            painter.setPen(colours.color("muted"))
            painter.drawText(box, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignHCenter, text)

    def _paint_node(self, painter: QPainter, colours: Colours, node: Node, zoom: float) -> None:
        painter.setOpacity(1.0 if self._lit(node) else 0.25)
        rect, fill = node.rect, node.fill
        line = QPen(colours.color("line").darker(112) if not colours.dark else colours.color("line").lighter(118), 1)
        painter.setPen(line)
        painter.setBrush(colours.color("raised"))
        if node.block.group:
            # A second sheet behind it: there is something inside.
            painter.drawRoundedRect(rect.adjusted(4, 4, -4, 4), 6, 6)
        if fill is not None and self.stale:
            fill = QColor(fill)
            fill.setAlpha(110)
        if node.block.port:
            # No layer: a pill on the ground of the canvas.
            painter.setBrush(colours.color("background"))
            painter.setPen(QPen(colours.color("muted"), 1))
        round_ = 16 if node.block.port else 6
        painter.drawRoundedRect(rect, round_, round_)
        if fill is not None:
            painter.setBrush(fill)
            painter.setPen(QPen(fill.darker(115), 1))
            painter.drawRoundedRect(rect, 6, 6)
        if zoom >= NO_TEXT:
            self._paint_text(painter, colours, node, fill)
        painter.setOpacity(1.0)

    def _paint_text(self, painter: QPainter, colours: Colours, node: Node, fill: QColor | None) -> None:
        rect = node.rect
        plain = fill is None or fill.alpha() < 255
        ink = readable_on(fill) if fill is not None and not plain else colours.color("text")
        faint = colours.color("muted") if plain else QColor(ink.red(), ink.green(), ink.blue(), 205)
        metrics = QFontMetricsF(self._small)
        left = rect.x() + 10
        if node.block.group:
            _chevron(painter, left + 4, rect.y() + 16, faint, False)
            left += 14
        room = rect.right() - 10 - left
        if node.badge:
            width = metrics.horizontalAdvance(node.badge) + 10
            badge = QRectF(rect.right() - 8 - width, rect.y() + 8, width, 16)
            tint = kind_color(node.kind, colours)
            painter.setPen(Qt.PenStyle.NoPen)
            # On a coloured box the badge brings its own ground, or it could not be read.
            painter.setBrush(colours.color("background", 255 if not plain else 0))
            painter.drawRoundedRect(badge, 4, 4)
            painter.setBrush(QColor(tint.red(), tint.green(), tint.blue(), 36))
            painter.drawRoundedRect(badge, 4, 4)
            painter.setFont(self._small)
            painter.setPen(tint if colours.dark else tint.darker(125))
            painter.drawText(badge, Qt.AlignmentFlag.AlignCenter, node.badge)
            room -= width + 4
        middle, start = Qt.AlignmentFlag.AlignVCenter, Qt.AlignmentFlag.AlignLeft
        painter.setFont(self._title)
        painter.setPen(ink)
        side = Qt.AlignmentFlag.AlignHCenter if node.block.port else start
        painter.drawText(QRectF(left, rect.y() + 6, room, 20), middle | side, self._short(node.title, True, int(room)))
        painter.setFont(self._small)
        painter.setPen(faint)
        row = QRectF(rect.x() + 10, rect.y() + 25, rect.width() - 20, 18)
        if node.block.group:
            painter.drawText(row, middle | start, self._short(node.subtitle, False, int(row.width())))
            row.translate(0, 17)
            painter.drawText(row, middle | start, self._short(node.note, False, int(row.width())))
            return
        width = metrics.horizontalAdvance(node.note) + 8 if node.note else 0.0
        painter.drawText(row, middle | start, self._short(node.subtitle, False, int(row.width() - width), end=False))
        painter.setPen(ink)
        painter.drawText(row, middle | Qt.AlignmentFlag.AlignRight, node.note)

    def _short(self, text: str, title: bool, width: int, end: bool = True) -> str:
        key = text, title, width
        if key not in self._elided:
            metrics = QFontMetricsF(self._title if title else self._small)
            mode = Qt.TextElideMode.ElideRight if end else Qt.TextElideMode.ElideLeft
            self._elided[key] = metrics.elidedText(text, mode, width)
        return self._elided[key]

    def _paint_selection(self, painter: QPainter, colours: Colours, zoom: float) -> None:
        names = [name for name in (self.selected, *self.also) if name is not None]
        rects = [rect for name in names if (rect := self.rect_of(name)) is not None]
        if not rects:
            return
        pen = QPen(colours.color("accent"), 2.5)
        pen.setCosmetic(True)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        out = min(3 / zoom, 6.0)
        for rect in rects:
            painter.drawRoundedRect(rect.adjusted(-out, -out, out, out), 8, 8)


def _within(spans: np.ndarray, area: QRectF) -> np.ndarray:
    """Places of the boxes that meet an area."""
    return np.flatnonzero(
        (spans[:, 2] >= area.left())
        & (spans[:, 0] <= area.right())
        & (spans[:, 3] + 4 >= area.top())
        & (spans[:, 1] <= area.bottom())
    )


def _curve(points: list[tuple[float, float]]) -> QPainterPath:
    """Through all points, vertical in each of them."""
    path = QPainterPath(QPointF(*points[0]))
    x, y = points[0]
    for nx, ny in points[1:]:
        if nx == x or ny == y:
            path.lineTo(nx, ny)
        else:
            half = (y + ny) / 2
            path.cubicTo(x, half, nx, half, nx, ny)
        x, y = nx, ny
    return path


def _chevron(painter: QPainter, x: float, y: float, color: QColor, down: bool) -> None:
    painter.setPen(QPen(color, 1.5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    if down:
        painter.drawPolyline([QPointF(x - 3.5, y - 2), QPointF(x, y + 2), QPointF(x + 3.5, y - 2)])
    else:
        painter.drawPolyline([QPointF(x - 2, y - 3.5), QPointF(x + 2, y), QPointF(x - 2, y + 3.5)])
