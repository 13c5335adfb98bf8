"""What all plots share: title, caption, hint while empty, theme, export."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPoint, QPointF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QMessageBox,
    QSizePolicy,
    QStackedLayout,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from ...engine.problem import Problem
from ..icons import set_icon
from ..language import translated
from ..picture import ask_file
from ..theme import Colours, colours_of
from .export import save_plot

STALE = 0.4
"""Opacity of figures that belong to another plan."""

_UNIT = re.compile(r"(?<=[≈<]) (?=\d)|(?<=\d) (?=dB|ms|µs|nats|bit)")
Table = tuple[Sequence[str], Sequence[Sequence[object]]]


class Plot(QWidget):
    """A titled plot; subclasses fill `plot`, say what `table` exports, and end with `begin`.

    Signals
    -------
    exported(str)
        A file was written.
    """

    exported = Signal(str)

    def __init__(self, parent: QWidget | None = None, box: pg.ViewBox | None = None) -> None:
        super().__init__(parent)
        self.setBackgroundRole(QPalette.ColorRole.Base)
        self.setAutoFillBackground(True)
        # Without the menus that would be made for each of them only to be switched off.
        box = box or pg.ViewBox(enableMenu=False)
        self.canvas = pg.PlotWidget(viewBox=box, axisItems={side: Axis(side) for side in ("bottom", "left")})
        self.canvas.setAntialiasing(True)
        self.plot: pg.PlotItem = self.canvas.getPlotItem()
        self.plot.hideButtons()
        self.plot.layout.setContentsMargins(4, 6, 12, 2)
        # Its own menu offers much that means nothing here; ours is short.
        self.plot.setMenuEnabled(False)
        self.plot.vb.setMenuEnabled(False)
        self.canvas.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.canvas.customContextMenuRequested.connect(self._menu)

        self._title = _Title()
        self._title.setProperty("role", "title")
        self._title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._controls = QHBoxLayout()
        self._controls.setSpacing(4)
        self._export = QToolButton()
        set_icon(self._export, "tray-arrow-down")
        self._export.setToolTip(self.tr("Save the plot as PNG or SVG, or its numbers as CSV"))
        self._export.setAccessibleName(self.tr("Export the plot"))
        self._export.clicked.connect(self.ask_export)
        self._top = QWidget()
        top = QHBoxLayout(self._top)
        top.setContentsMargins(12, 2, 4, 0)
        top.setSpacing(4)
        top.addWidget(self._title, 1)
        top.addLayout(self._controls)
        top.addWidget(self._export)

        self._caption = QLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setContentsMargins(12, 2, 12, 3)
        self._caption.setWordWrap(True)
        self._caption.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._hint = QLabel()
        self._hint.setProperty("role", "muted")
        self._hint.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._hint.setWordWrap(True)
        self._hint.setContentsMargins(24, 8, 24, 8)
        full = QWidget()
        inner = QVBoxLayout(full)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(0)
        inner.addWidget(self.canvas, 1)
        inner.addWidget(self._caption)
        body = QWidget()
        self._stack = QStackedLayout(body)
        self._stack.addWidget(self._hint)
        self._stack.addWidget(full)
        self._full = full
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._top)
        column.addWidget(body, 1)
        self._styled: Colours | None = None
        self._begun = False
        self.stale = False
        self._said = ""

    # -- for subclasses -----------------------------------------------------------------------

    def begin(self, title: str, hint: str) -> None:
        """Name the plot, say in one line what fills it, and show that.

        Parameters
        ----------
        title : str
        hint : str
            Shown while there is no data.
        """
        self.set_title(title)
        self.setAccessibleName(title)
        self.canvas.setAccessibleName(title)
        self._hint.setText(hint)
        self.show_data(False)
        self._begun = True
        self.restyle()

    def set_hint(self, hint: str) -> None:
        """What is said while there is no data."""
        self._hint.setText(hint)

    @property
    def colours(self) -> Colours:
        return colours_of(self)

    def add_control(self, widget: QWidget) -> None:
        """Put a button or box to the right of the title."""
        self._controls.addWidget(widget)

    def toggle(self, text: str, tip: str, on: bool = False) -> QToolButton:
        """A button that stays down, added to the right of the title."""
        button = QToolButton()
        button.setText(text)
        button.setToolTip(tip)
        button.setAccessibleName(tip)
        button.setCheckable(True)
        button.setProperty("role", "toggle")
        button.setChecked(on)
        self.add_control(button)
        return button

    def show_data(self, there: bool) -> None:
        """Show the axes, or the hint where there is nothing to draw."""
        self._stack.setCurrentWidget(self._full if there else self._hint)
        self._export.setEnabled(there)

    @property
    def empty(self) -> bool:
        return self._stack.currentWidget() is self._hint

    def set_caption(self, text: str) -> None:
        self._said = text
        # No line ends between a figure and its unit.
        self._caption.setText(_UNIT.sub("\N{NO-BREAK SPACE}", text))
        self._caption.setVisible(bool(text))

    def caption(self) -> str:
        return self._said

    def set_title(self, text: str) -> None:
        self._title.setText(text)

    def title(self) -> str:
        return self._title.text()

    def set_stale(self, stale: bool) -> None:
        """Draw the data paler: they are not of what is edited now."""
        self.stale = stale
        self.plot.vb.childGroup.setOpacity(STALE if stale else 1.0)

    def _axes(self, bottom: str, left: str) -> None:
        """Name the axes; units are part of the name, prefixes (k, m) are never invented."""
        for side, text in (("bottom", bottom), ("left", left)):
            # Upright, the two strokes of one letter run together into a block.
            self.plot.getAxis(side).setLabel(text.replace("‖", "||") if side == "left" else text)

    def set_legend(self, *entries: tuple[str, str, str]) -> None:
        """Say above the plot, where it hides nothing, what is what: (symbol, text, colour)."""
        text = "&nbsp;&nbsp;&nbsp;".join(
            f'<span style="color:{color}">{symbol}</span> {html.escape(name)}' for symbol, name, color in entries
        )
        self.plot.setTitle(text or None, color=self.colours.muted, size="8pt", justify="right")
        if text:
            self.plot.layout.setRowFixedHeight(0, 20)

    def table(self) -> Table:
        """Header and rows of what is drawn, for CSV."""
        raise NotImplementedError

    def redraw(self) -> None:
        """Draw the data anew; after the theme changed, too."""

    # -- theme --------------------------------------------------------------------------------

    def restyle(self) -> None:
        """Take over the colours of the palette."""
        colours = self.colours
        if colours is self._styled:
            return
        self._styled = colours
        self.canvas.setBackground(colours.color("background"))
        for side in ("bottom", "left"):
            axis = self.plot.getAxis(side)
            axis.setPen(pg.mkPen(colours.line))
            axis.setTextPen(pg.mkPen(colours.muted))
            # The default ticks reach outwards into the numbers.
            axis.setStyle(tickLength=-4, tickTextOffset=4, tickTextHeight=14)
        self.plot.showGrid(x=False, y=True, alpha=0.14 if colours.dark else 0.1)
        self.redraw()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and getattr(self, "_begun", False):
            # Later: Qt is walking over all widgets, and redrawing would delete items under it.
            QTimer.singleShot(0, self, self.restyle)

    def fill_menu(self, menu: QMenu, place: QPointF) -> None:
        """Put first into the menu what can be done with what is drawn at a place of the scene."""

    def show_all(self) -> None:
        """Bring everything into sight, whatever was zoomed."""
        self.plot.autoRange()

    # -- export -------------------------------------------------------------------------------

    def _menu(self, place: QPoint) -> None:
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.fill_menu(menu, self.canvas.mapToScene(place))
        menu.addAction(self.tr("Show all"), self.show_all)
        menu.addSeparator()
        for kind in ("png", "svg", "csv"):
            action = menu.addAction(self.tr("Export as {}…").format(kind.upper()))
            action.triggered.connect(lambda _=False, kind=kind: self.ask_export(kind))
        menu.popup(self.canvas.mapToGlobal(place))

    def ask_export(self, kind: str | bool = "png") -> None:
        """Ask for a file and write the plot to it."""
        first = kind if isinstance(kind, str) else "png"
        target = ask_file(self, self.tr("Export the plot"), self.title(), ("png", "svg", "csv"), first)
        if target is None:
            return
        try:
            self.export(target)
        except Problem as problem:
            QMessageBox.warning(self, self.tr("Export the plot"), translated(problem.text))

    def export(self, path: Path) -> None:
        """Write PNG, SVG or CSV, as the suffix says."""
        save_plot(self, path)
        self.exported.emit(str(path))

    def sizeHint(self) -> QSize:
        return QSize(420, 260)


class _Title(QLabel):
    """A label; of one that has no room the beginning and the end are seen, and all of it in the tooltip."""

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideMiddle, self.width())
        self.setToolTip("" if text == self.text() else self.text())
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class Axis(pg.AxisItem):
    """Writes numbers as they are; on a log scale 0.1, 1, 10, 100 alike while that is short."""

    def updateAutoSIPrefix(self) -> None:
        # The base class multiplies the ticks by 1000 where it finds that shorter, even when told
        # not to, and says so only where it knows the unit.
        self.picture = None
        self.update()

    def logTickValues(
        self, minVal: float, maxVal: float, size: float, stdTicks: Sequence[tuple[float, Sequence[float]]]
    ) -> list[tuple[float | None, list[float]]]:
        # The base class labels all of 1 to 9 of each decade, one over the other on a small plot.
        decades = range(math.floor(minVal), math.ceil(maxVal) + 1)
        room = max(size, 1.0) / max(maxVal - minVal, 1e-9)
        # Over many decades those alone are enough.
        if room * math.log10(2) >= 16 and maxVal - minVal <= 3:
            found = [decade + math.log10(part) for decade in decades for part in (1, 2, 5)]
        else:
            step = math.ceil(18 / room)
            found = [float(decade) for decade in decades if decade % step == 0]
        return [(None, [value for value in found if minVal <= value <= maxVal])]

    def logTickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if all(-5 <= value <= 5 for value in values):
            return [np.format_float_positional(float(f"{10.0**value:.3g}"), trim="-") for value in values]
        found: list[str] = super().logTickStrings(values, scale, spacing)
        return found


def rgba(color: str | QColor, alpha: int) -> QColor:
    """A colour that lets the grid through."""
    made = QColor(color)
    made.setAlpha(alpha)
    return made


def short_name(layer_id: str, length: int = 28) -> str:
    """The end of a layer's id, which tells layers apart."""
    return layer_id if len(layer_id) <= length else "…" + layer_id[1 - length :]


def told_apart(ids: Sequence[str], length: int) -> list[str]:
    """Ends of layers' ids that tell them apart, of about `length` letters.

    Where there is no room for all operators they are left out of all whose path says enough; an end that two share
    grows.
    """
    paths = [layer_id.rpartition(":")[0] or layer_id for layer_id in ids]
    alike = Counter(paths)
    short = any(len(layer_id) > length for layer_id, path in zip(ids, paths, strict=True) if alike[path] == 1)
    names = [path if short and alike[path] == 1 else layer_id for layer_id, path in zip(ids, paths, strict=True)]
    longest, different = max(map(len, names), default=0), len(set(names))
    found = [short_name(name, length) for name in names]
    while length < longest and len(set(found)) < different:
        length += 4
        found = [short_name(name, length) for name in names]
    return found
