"""The graph with its controls, as the window places it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QMenu,
    QMessageBox,
    QSizePolicy,
    QSlider,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...engine.problem import Problem
from ..icons import set_icon
from ..language import translated
from ..picture import ask_file
from .canvas import GraphCanvas
from .export import save_graph
from .model import Figures, GraphNode
from .overlay import OVERLAYS, Legend, Scale, overlay_title
from .trail import Trail

ROOMY = 500
"""Width in pixels from which the slider for the levels has room."""


class _Search(QLineEdit):
    """Down and Up go to the next and previous match, Escape clears."""

    step = Signal(int)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self.step.emit(1 if event.key() == Qt.Key.Key_Down else -1)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.step.emit(-1 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 1)
        elif event.key() == Qt.Key.Key_Escape and self.text():
            self.clear()
        else:
            super().keyPressEvent(event)


class GraphView(QWidget):
    """The layer graph with overlay, search and zoom.

    Signals
    -------
    layer_selected(str)
        The user chose a layer.
    block_selected(tuple of str)
        The user chose a block: ids of the layers in it.
    context_requested(str, QPoint)
        A menu is wanted for a layer's id or a block's (`layers_of` says what is in it), at a
        global position.
    exported(str)
        A file was written.
    """

    layer_selected = Signal(str)
    block_selected = Signal(object)
    context_requested = Signal(str, QPoint)
    exported = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.canvas = GraphCanvas()
        self.canvas.layer_selected.connect(self.layer_selected)
        self.canvas.block_selected.connect(self.block_selected)
        self.canvas.context_requested.connect(self.context_requested)
        self.canvas.background_requested.connect(lambda place: self.menu().popup(place))
        self.canvas.changed.connect(self._show_state)
        self.canvas.marked.connect(self._show_trail)
        self.canvas.several.connect(lambda count: self.trail.show_text(self.tr("{0} layers selected").format(count)))
        self.legend = Legend()
        self.trail = Trail()
        self.trail.chosen.connect(self._go_up)
        self.trail.hide()
        self._matches: list[str] = []
        self._place = -1

        self.search = _Search()
        self.search.setPlaceholderText(self.tr("Find…"))
        self.search.setAccessibleName(self.tr("Find a layer"))
        self.search.setClearButtonEnabled(True)
        self.search.setMaximumWidth(260)
        self.search.setMinimumWidth(64)
        self.search.textChanged.connect(self._find)
        self.search.step.connect(self._step)
        self.found = QLabel()
        self.found.setProperty("role", "muted")

        self.overlay = QComboBox()
        self.overlay.setAccessibleName(self.tr("Colour by"))
        self.overlay.setToolTip(self.tr("What the colours of the layers stand for"))
        for name in OVERLAYS:
            self.overlay.addItem(overlay_title(name), name)
        self.overlay.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.overlay.currentIndexChanged.connect(self._overlay_chosen)

        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self.search, 100)  # before the gap: what is typed is to be seen
        row.addWidget(self.found)
        row.addStretch(1)
        row.addWidget(self.overlay)
        self._commands = (
            ("fit-to-page-outline", self.tr("Show the whole graph"), "Home", self.canvas.fit),
            ("crosshairs-gps", self.tr("Show the selected layer"), "F", self.canvas.show_selected),
            ("collapse-all-outline", self.tr("Collapse to some forty blocks"), "", self.collapse),
            ("expand-all-outline", self.tr("Open every block"), "", self.expand),
        )
        for name, text, key, slot in self._commands:
            button = QToolButton()
            set_icon(button, name)
            tip = f"{text} ({key})" if key else text
            button.setToolTip(tip)
            button.setAccessibleName(tip)
            button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            button.clicked.connect(slot)
            row.addWidget(button)
        self.levels = QSlider(Qt.Orientation.Horizontal)
        self.levels.setFixedWidth(72)
        self.levels.setPageStep(1)
        self.levels.setAccessibleName(self.tr("Levels of modules that are open"))
        self.levels.setToolTip(self.tr("Levels of modules that are open ([ and ])"))
        self.levels.valueChanged.connect(self.canvas.show_level)
        row.insertWidget(row.count() - 1, self.levels)
        find = QAction(self)
        find.setShortcut(QKeySequence.StandardKey.Find)
        find.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.triggered.connect(self.search.setFocus)
        self.addAction(find)

        self._hint = QLabel(self.tr("The layer graph appears here once a model is open."))
        self._hint.setProperty("role", "muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(self._hint)
        self._stack.addWidget(self.canvas)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(bar)
        column.addWidget(self.trail)
        column.addWidget(body, 1)
        column.addWidget(self.legend)
        self.setFocusProxy(self.canvas)

    # -- content ------------------------------------------------------------------------------

    def set_graph(self, nodes: Sequence[GraphNode], figures: Mapping[str, Figures] | None = None) -> None:
        """Show a graph; an empty one shows the hint."""
        self.search.clear()
        self.trail.show_path(())
        self.trail.setVisible(bool(nodes))
        self._stack.setCurrentWidget(self.canvas if nodes else self._hint)
        self.canvas.set_graph(nodes, figures)

    def clear(self) -> None:
        """Show the hint."""
        self.set_graph(())

    def set_figures(self, figures: Mapping[str, Figures], stale: bool = False) -> None:
        """Other figures for the same layers."""
        self.canvas.set_figures(figures, stale)

    def set_overlay(self, name: str) -> None:
        """Colour by one of `OVERLAYS`."""
        self.overlay.setCurrentIndex(OVERLAYS.index(name))

    def select(self, *layers: str, center: bool = True) -> None:
        """Mark layers without a signal; their blocks open, and they come into the middle."""
        self.canvas.select(layers, center)

    def layers_of(self, block_id: str) -> tuple[str, ...]:
        """Ids of the layers in a block; of a layer, itself."""
        return self.canvas.model.blocks[block_id].layers

    def collapse(self) -> None:
        """Back to some forty blocks."""
        self.canvas.set_opened(self.canvas.model.first_open())
        self.canvas.show_start()

    def expand(self) -> None:
        """Open every block."""
        self.canvas.set_opened(self.canvas.model.all_open(), self.canvas.selected)
        self.canvas.frame()

    # -- the graph as a whole -----------------------------------------------------------------

    def menu(self) -> QMenu:
        """What can be done with the graph as a whole."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name, text, key, slot in self._commands:
            set_icon(menu.addAction(f"{text}\t{key}", slot), name)
        colours = menu.addMenu(self.tr("Colour by"))
        group = QActionGroup(menu)
        for name in OVERLAYS:
            action = colours.addAction(overlay_title(name), partial(self.set_overlay, name))
            action.setCheckable(True)
            action.setChecked(name == OVERLAYS[self.overlay.currentIndex()])
            group.addAction(action)
        menu.addSeparator()
        for kind in ("png", "svg"):
            menu.addAction(self.tr("Export the graph as {}…").format(kind.upper()), partial(self.ask_export, kind))
        return menu

    def add_toggle(self, menu: QMenu, block_id: str) -> None:
        """Put first into a block's menu that it can be opened, or closed."""
        if self.canvas.model.blocks[block_id].group:
            text = self.tr("Close the block") if block_id in self.canvas.opened else self.tr("Open the block")
            action = QAction(f"{text}\t{QKeySequence(Qt.Key.Key_Return).toString()}", menu)
            action.triggered.connect(lambda: self.canvas.toggle(block_id))
            menu.insertAction(menu.actions()[0] if menu.actions() else None, action)
            menu.insertSeparator(menu.actions()[1] if len(menu.actions()) > 1 else None)

    def ask_export(self, kind: str) -> None:
        """Ask for a file and draw the graph, as far as it is open, into it."""
        title = self.tr("Export the graph")
        path = ask_file(self, title, "graph", ("png", "svg"), kind)
        if path is not None:
            try:
                save_graph(self.canvas, self.legend, path)
            except Problem as problem:
                QMessageBox.warning(self, title, translated(problem.text))
            else:
                self.exported.emit(str(path))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.levels.setVisible(self.width() >= ROOMY)

    def sizeHint(self) -> QSize:
        return QSize(720, 560)

    # -- controls -----------------------------------------------------------------------------

    def _show_state(self, scale: Scale) -> None:
        canvas = self.canvas
        if canvas.item.nodes:
            self.legend.show_scale(scale, canvas.item.stale)
        else:
            self.legend.hide()
        self.levels.blockSignals(True)
        self.levels.setRange(0, canvas.model.levels)
        self.levels.setValue(canvas.model.level_of(canvas.opened))
        self.levels.blockSignals(False)

    def _show_trail(self, block_id: str) -> None:
        self.trail.show_path(self.canvas.model.trail(block_id) if block_id else ())

    def _go_up(self, block_id: str) -> None:
        self.canvas.choose(block_id)
        self.canvas.show_selected()
        self.canvas.setFocus()

    def _overlay_chosen(self, index: int) -> None:
        self.canvas.set_overlay(OVERLAYS[index])

    def _find(self, text: str) -> None:
        self._matches = self.canvas.model.matching(text)
        self._place = -1
        self.canvas.set_matches(self._matches if text.strip() else None)
        if text.strip():
            self.canvas.show_first_match()
        self._count()

    def _count(self) -> None:
        if not self.search.text().strip():
            self.found.setText("")
        elif self._place < 0:
            self.found.setText(self.tr("{} found").format(len(self._matches)))
        else:
            self.found.setText(self.tr("{} of {}").format(self._place + 1, len(self._matches)))

    def _step(self, way: int) -> None:
        if not self._matches:
            return
        # From nowhere, backwards is from the end.
        start = self._place if self._place >= 0 or way > 0 else 0
        self._place = (start + way) % len(self._matches)
        name = self._matches[self._place]
        self.canvas.select((name,))
        self.canvas.set_matches(self._matches)
        self._count()
        self.layer_selected.emit(name)
