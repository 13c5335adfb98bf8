"""The graph that is looked at: selection, opening and closing of blocks, travel by keyboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QContextMenuEvent, QHelpEvent, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QToolTip, QWidget

from ..theme import colours_of
from .drawing import GROUP_SIZE, LAYER_SIZE, PORT_SIZE, GraphItem, Node, node_of
from .layout import Layout
from .minimap import Minimap
from .model import Figures, GraphModel, GraphNode, Link
from .nesting import lay_out_blocks
from .overlay import Scale, describe
from .travel import first_inside, neighbour
from .zoom import ZoomView

TRAVEL = {
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
}

READABLE = 0.5
"""Zoom from which on a whole graph is shown, and not a part of it."""

MOST_OPENED = 24
"""Of more selected layers than this, blocks that hold them stay closed."""


class GraphCanvas(ZoomView):
    """Draws the blocks and answers mouse and keyboard.

    Signals
    -------
    layer_selected(str)
        The user chose a layer.
    block_selected(tuple of str)
        The user chose a block: ids of the layers in it.
    context_requested(str, QPoint)
        A menu is wanted for a layer or block, at a global position.
    background_requested(QPoint)
        A menu is wanted for the graph as a whole.
    changed(Scale)
        Something is drawn otherwise: a block opened, a figure came.
    marked(str)
        Another layer or block is the selected one; empty for none.
    several(int)
        So many layers are selected.
    """

    layer_selected = Signal(str)
    block_selected = Signal(object)
    context_requested = Signal(str, QPoint)
    background_requested = Signal(QPoint)
    changed = Signal(object)
    marked = Signal(str)
    several = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.item = GraphItem()
        super().__init__(self.item, parent)
        self.setAccessibleName(self.tr("Layer graph"))
        self.setMinimumSize(160, 120)
        self.item.set_font(self.font())
        self.model = GraphModel()
        self.opened: frozenset[str] = frozenset()
        self._figures: Mapping[str, Figures] = {}
        self._summed: dict[str, Figures] = {}
        self._links: list[Link] = []
        self._layout = Layout({}, {}, 0.0, 0.0)
        self._rects: dict[str, QRectF] = {}
        self._chosen: tuple[str, ...] = ()  # layers, or the block, that are selected, whether they can be seen or not
        self._found: tuple[str, ...] | None = None  # layers that a search found
        self._overlay = "none"
        self._fresh = True
        self.minimap = Minimap(self)
        self.moved.connect(self._place_minimap)
        self.clicked.connect(self._click)
        self._restyle = QTimer(self)
        self._restyle.setSingleShot(True)
        self._restyle.setInterval(0)
        self._restyle.timeout.connect(self.restyle)
        self.restyle()

    # -- content ------------------------------------------------------------------------------

    def set_graph(self, nodes: Sequence[GraphNode], figures: Mapping[str, Figures] | None = None) -> None:
        """Show another graph, collapsed to some forty blocks."""
        self.model = GraphModel(nodes)
        self._figures = figures or {}
        self.opened = self.model.first_open()
        self.item.selected, self.item.matches, self.item.also = None, None, frozenset()
        self._chosen, self._found = (), None
        self._rebuild()
        self._fresh = True
        self.show_start()

    def set_figures(self, figures: Mapping[str, Figures], stale: bool = False) -> None:
        """Other figures for the same layers; `stale` ones are drawn paler and called so."""
        kinds = self.model.kinds(self._figures)
        self._figures = figures
        self.item.stale = stale
        self._summed = self.model.summed(figures)
        if kinds != self.model.kinds(figures):
            # Borders moved; everything stays in its place.
            self._links = self.model.links(self.opened, figures)
            self._draw_edges()
        self._recolour()

    def set_overlay(self, name: str) -> None:
        """Colour by ``none``, ``error``, ``sensitivity``, ``latency`` or ``type``."""
        self._overlay = name
        self._recolour()

    def set_opened(self, opened: frozenset[str], anchor: str | None = None) -> None:
        """Open exactly these blocks; what `anchor` names stays where it is on the screen."""
        before = self.item.rect_of(anchor) if anchor else None
        point = self.mapFromScene(before.topLeft()) if before is not None else QPoint()
        self.opened = opened
        self._rebuild()
        after = self.item.rect_of(anchor) if anchor else None
        if before is not None and after is not None:
            self.scroll_by(QPointF(self.mapFromScene(after.topLeft()) - point))
        if self._chosen:
            marked = self.model.holder(self._chosen[-1], opened)
            if marked != self.item.selected:
                self._mark(marked)
        self._show_chosen()
        self.set_matches(self._found)

    def toggle(self, block_id: str) -> None:
        """Open a closed block, close an open one."""
        if not self.model.blocks[block_id].group:
            return
        inside = {block_id}
        if block_id in self.opened:
            self.set_opened(self.opened - inside, block_id)
        else:
            self.set_opened(self.opened | inside, block_id)

    def _rebuild(self) -> None:
        model, opened = self.model, self.opened
        self._summed = model.summed(self._figures)
        self._links = model.links(opened, self._figures)
        size = {b.id: GROUP_SIZE if b.group else PORT_SIZE if b.port else LAYER_SIZE for b in model.visible(opened)}
        pairs = [(link.source, link.target) for link in self._links]
        self._layout = lay_out_blocks(model.roots, opened, pairs, model.parent, size)
        self._rects = {name: QRectF(*self._layout.boxes[name]) for name in size}
        self._draw_edges()
        self._recolour()
        self.set_extent()

    def _draw_edges(self) -> None:
        boxes, blocks = self._layout.boxes, self.model.blocks
        frames = [(blocks[name], QRectF(*box)) for name, box in boxes.items() if name in self.opened]
        self.item.set_layout(self._layout, self._links, frames)

    def _recolour(self) -> None:
        colours = colours_of(self)
        words = {"layers": self.tr("layers"), "mixed": self.tr("mixed")}
        blocks = [self.model.blocks[name] for name in self._rects]
        empty = Figures()
        shown = [self._summed.get(block.id, empty) for block in blocks]
        scale = Scale.over(self._overlay, shown)
        pairs = zip(blocks, shown, strict=True)
        self.item.set_nodes([node_of(b, self._rects[b.id], f, scale, colours, words) for b, f in pairs])
        self.minimap.redraw()
        self._place_minimap()
        self.changed.emit(scale)

    # -- looking ------------------------------------------------------------------------------

    def first(self) -> QRectF:
        return self.item.nodes[0].rect if self.item.nodes else super().first()

    def fit(self) -> None:
        """Show all of it."""
        bounds = self.item.boundingRect()
        if not bounds.isEmpty():
            self.show_area(bounds)

    def show_selected(self) -> None:
        """Show the selected layer or block as large as it fits, all of it where nothing is selected."""
        rect = self.item.rect_of(self.item.selected) if self.item.selected is not None else None
        if rect is None:
            self.fit()
        else:
            # With its neighbours above and below.
            self.show_area(rect.adjusted(-24, -96, 24, 96))

    def show_level(self, level: int) -> None:
        """Open so many levels of modules, and close what is deeper."""
        self.set_opened(self.model.level_open(min(max(level, 0), self.model.levels)), self.item.selected)
        self.frame()

    def frame(self) -> None:
        """Show all of it where that can be read; else what is selected, or the beginning."""
        bounds, view = self.item.boundingRect(), self.viewport().rect().adjusted(16, 16, -16, -16)
        if bounds.isEmpty() or view.isEmpty():
            return
        if min(view.width() / bounds.width(), view.height() / bounds.height()) >= READABLE:
            self.fit()
            return
        self.show_start()
        rect = self.item.rect_of(self.item.selected) if self.item.selected is not None else None
        if rect is not None and rect.height() < self.seen().height():
            self.center(rect.center())

    def center_on(self, block_id: str) -> None:
        """Bring a block to the middle, near enough to be read."""
        rect = self.item.rect_of(block_id)
        if rect is not None:
            if self.zoom < 0.5:
                self.set_zoom(0.75)
            self.center(rect.center())

    def point_of(self, block_id: str) -> QPoint | None:
        """Where in the viewport the middle of a box (of an open block: of its title) is."""
        rect = self.item.rect_of(block_id)
        if rect is None:
            return None
        if block_id in self.opened:
            return self.mapFromScene(QPointF(rect.center().x(), rect.top() + 14))
        return self.mapFromScene(rect.center())

    # -- selection ----------------------------------------------------------------------------

    @property
    def selected(self) -> str | None:
        """Id of the selected layer or block."""
        return self.item.selected

    def select(self, layers: Sequence[str], center: bool = True) -> None:
        """Mark layers without a signal; their blocks open, and they come into the middle.

        Layers that are all that a block has mark the block. Of very many, what holds them is marked.
        """
        # What the user has just clicked comes back from the window: it must not jump.
        before = self.item.selected, self.item.also
        names = list(dict.fromkeys(self.model.owner[name] for name in layers if name in self.model.owner))
        block = self.model.block_of(names) if len(names) > 1 else None
        # The user's own click on a block comes back from the window as the layers in it.
        selected = self.model.blocks.get(self.item.selected or "")
        if block is not None and selected is not None and set(selected.layers) == set(names):
            block = selected.id
        self._chosen = tuple(names) if block is None else (block,)
        if not names:
            self._mark(None)
            self._show_chosen()
            return
        name = self._chosen[-1]
        opened = self.opened
        for one in self._chosen if len(self._chosen) <= MOST_OPENED else ():
            opened = self.model.revealed(one, opened)
        if opened != self.opened:
            self.set_opened(opened)
        self._mark(self.model.holder(name, self.opened))
        self._show_chosen()
        stays = before == (self.item.selected, self.item.also)
        if center and not (stays and (len(self._chosen) > 1 or self._in_sight(name))):
            self._bring()

    def _bring(self) -> None:
        """Bring what is selected into the middle, all of it where it is several."""
        marked = [name for name in (self.item.selected, *self.item.also) if name is not None]
        if len(marked) == 1:
            self.center_on(marked[0])
        elif marked:
            area = QRectF()
            for name in marked:
                area = area.united(self.item.rect_of(name) or QRectF())
            if not self.seen().contains(area):
                self.show_area(area.adjusted(-24, -48, 24, 48))

    def _show_chosen(self) -> None:
        """Mark the boxes that are or hold the layers of a selection of several."""
        holders = {self.model.holder(name, self.opened) for name in self._chosen[:-1]}
        self.item.also = frozenset(filter(None, holders - {self.item.selected}))
        self.item.update()
        if len(self._chosen) > 1:
            self.several.emit(len(self._chosen))

    def _in_sight(self, block_id: str) -> bool:
        rect = self.item.rect_of(block_id)
        return rect is not None and self.seen().contains(rect)

    def _mark(self, block_id: str | None) -> None:
        self.item.selected = block_id
        self.item.update()
        self._place_minimap()
        self.minimap.update()
        self.setAccessibleDescription("" if block_id is None else self.describe(block_id))
        self.marked.emit(block_id or "")

    def choose(self, block_id: str) -> None:
        """Mark a block for the user, who is told of it by a signal; inputs and outputs are no layers."""
        self._chosen = (block_id,)
        self._mark(block_id)
        self._show_chosen()
        if self.model.blocks[block_id].port:
            return
        if self.model.blocks[block_id].group:
            self.block_selected.emit(self.model.blocks[block_id].layers)
        else:
            self.layer_selected.emit(block_id)

    def describe(self, block_id: str) -> str:
        """What is known of a block, in a few lines."""
        return describe(self.model, block_id, self._summed.get(block_id, Figures()))

    def set_matches(self, layers: Sequence[str] | None) -> None:
        """Dim all but the boxes that are or hold these layers; None lights everything."""
        self._found = None if layers is None else tuple(layers)
        found = None
        if layers is not None:
            found = frozenset(filter(None, (self.model.holder(name, self.opened) for name in layers)))
        self.item.matches = found
        self.item.update()

    def show_first_match(self) -> None:
        """Bring the first match into sight, where none is."""
        found = [node.block.id for node in self.item.nodes if node.block.id in (self.item.matches or ())]
        if found and not any(self._in_sight(name) for name in found):
            self.center_on(found[0])

    # -- events -------------------------------------------------------------------------------

    def _hit(self, point: QPoint) -> str | None:
        where = self.mapToScene(point)
        node = self.item.node_at(where)
        if node is not None:
            return node.block.id
        frame = self.item.frame_at(where)
        return None if frame is None else frame.id

    def _click(self, place: QPoint) -> None:
        hit = self._hit(place)
        if hit is not None:
            self.choose(hit)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        hit = self._hit(event.position().toPoint())
        if hit is not None:
            self.toggle(hit)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            hit = self.item.selected
            place = self.point_of(hit) if hit else None
            where = self.viewport().mapToGlobal(place) if place is not None else event.globalPos()
        else:
            hit, where = self._hit(self.viewport().mapFromGlobal(event.globalPos())), event.globalPos()
        if hit is not None and not self.model.blocks[hit].port:
            self._chosen = (hit,)
            self._mark(hit)
            self._show_chosen()
            self.context_requested.emit(hit, where)
        elif self.item.nodes:
            self.background_requested.emit(where)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            hit = self._hit(event.pos())
            QToolTip.showText(event.globalPos(), self.describe(hit) if hit else "", self.viewport())
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.set_extent()
        if self._fresh:
            # Not looked at yet: the size that it was laid out for was not the one it is shown in.
            self.show_start()
            self._bring()
            self._fresh = not self.isVisible()
        self._place_minimap()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange) and hasattr(self, "_restyle"):
            # Later, once for both events: Qt is walking over all widgets.
            self._restyle.start()

    def restyle(self) -> None:
        """Take over colours and font of the palette."""
        self.setBackgroundBrush(colours_of(self).color("background"))
        self.item.set_font(self.font())
        if self.item.nodes:
            self._recolour()

    def _place_minimap(self) -> None:
        """Into the right corner, or into the next one where the selected box is not under it."""
        self.minimap.follow()
        rect = self.item.rect_of(self.item.selected) if self.item.selected is not None else None
        hidden = QRect() if rect is None else self.mapFromScene(rect).boundingRect()
        room, size = self.viewport().rect().adjusted(12, 12, -12, -12), self.minimap.size()
        right, low = room.right() - size.width(), room.bottom() - size.height()
        corners = [QPoint(x, y) for x in (right, room.left()) for y in (room.top(), low)]
        free = (corner for corner in corners if not QRect(corner, size).intersects(hidden))
        self.minimap.move(next(free, corners[0]))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, current = event.key(), self.item.selected
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if key in TRAVEL and plain:
            self._travel(TRAVEL[Qt.Key(key)])
        elif key == Qt.Key.Key_F and plain:
            self.show_selected()
        elif key == Qt.Key.Key_Home and plain:
            self.fit()
        elif key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
            self.show_level(self.model.level_of(self.opened) + (1 if key == Qt.Key.Key_BracketRight else -1))
        elif key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            self.set_zoom(self.zoom * 1.2)
        elif key == Qt.Key.Key_Minus:
            self.set_zoom(self.zoom / 1.2)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and current is not None:
            self.toggle(current)
        elif key == Qt.Key.Key_Backspace and current is not None and self.model.parent[current] is not None:
            above = self.model.parent[current]
            assert above is not None
            self.toggle(above)
            self.choose(above)
        else:
            super().keyPressEvent(event)

    def _travel(self, way: str) -> None:
        nodes = self.item.nodes
        if not nodes:
            return
        rects = {node.block.id: node.rect for node in nodes}
        target: str | None = nodes[0].block.id
        if (chosen := self.item.selected) is not None:
            inside = first_inside(chosen, self.model.parent, rects) if chosen in self.opened else None
            name = inside or self.model.holder(chosen, self.opened)
            if inside is not None and way == "down":
                target = inside
            elif name in rects:
                target = neighbour(name, way, self._links, rects)
        if target is not None:
            self.choose(target)
            rect = self.item.rect_of(target)
            assert rect is not None
            self.ensureVisible(rect, 48, 96)
            self.minimap.update()

    def node(self, block_id: str) -> Node | None:
        """What is drawn for a block."""
        place = self.item.index.get(block_id)
        return None if place is None else self.item.nodes[place]
