"""Icons from one kept set (Material Design Icons, in resources/icons/mdi), recoloured with the theme."""

from __future__ import annotations

from functools import cache
from typing import Any

from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QAction, QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QPushButton, QWidget

from ..resources import resource
from .theme import LIGHT, Colours, readable_on

WITH_TEXT = QSize(20, 16)
"""Of an icon beside a text."""

_colours: dict[str, str] = {"faint": LIGHT.line}


class _Engine(QIconEngine):
    """Draws one shape at whatever size is asked for, paler where it is disabled."""

    def __init__(self, shape: QSvgRenderer, faint: QSvgRenderer) -> None:
        super().__init__()
        self._shape, self._faint = shape, faint

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        shape = self._faint if mode == QIcon.Mode.Disabled else self._shape
        side = min(rect.width(), rect.height())
        # At the left of a box that is wider than high: the rest keeps the text at a distance.
        shape.render(painter, QRectF(rect.x(), rect.y() + (rect.height() - side) / 2, side, side))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        made = QPixmap(size)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint(painter, QRect(QPoint(), size), mode, state)
        painter.end()
        return made

    def clone(self) -> QIconEngine:
        return _Engine(self._shape, self._faint)


@cache
def _shape(name: str, color: str) -> QSvgRenderer:
    text = resource(f"icons/mdi/{name}.svg").read_text(encoding="utf-8")
    return QSvgRenderer(text.replace("<path ", f'<path fill="{color}" ', 1).encode())


def icon(name: str, role: str = "text") -> QIcon:
    """An icon such as ``play`` in one of the theme's colours.

    Parameters
    ----------
    name : str
        A file of resources/icons/mdi; another one of the set is added by copying its SVG there.
    role : str
        A field of `Colours`, or ``on_accent``.

    Raises
    ------
    FileNotFoundError
        No such icon is kept.
    """
    return QIcon(_Engine(_shape(name, _colours[role]), _shape(name, _colours["faint"])))


def set_icon(owner: Any, name: str, role: str = "text", with_text: bool = False) -> None:
    """Give an action or button an icon that follows the theme; `role` is a field of `Colours`.

    A button that has no text yet and will have one says so by `with_text`.
    """
    owner.setProperty("iconName", f"{name}:{role}")
    owner.setIcon(icon(name, role))
    if isinstance(owner, QAbstractButton) and (owner.text() or with_text):
        owner.setIconSize(WITH_TEXT)


def set_primary(button: QPushButton, on: bool = True) -> None:
    """Make a button the one to press next, or not; its icon goes with it."""
    button.setDefault(on)
    if wanted := button.property("iconName"):
        set_icon(button, str(wanted).partition(":")[0], "on_accent" if on else "text")


def recolour(root: QWidget, colours: Colours) -> None:
    """Paint all icons below a widget anew after the theme changed."""
    use(colours)
    for kind in (QAction, QAbstractButton):
        for owner in root.findChildren(kind):
            if wanted := owner.property("iconName"):
                name, _, role = str(wanted).partition(":")
                owner.setIcon(icon(name, role))


def use(colours: Colours) -> None:
    """Take the theme's colours for icons made from now on."""
    _colours["on_accent"] = readable_on(colours.color("accent")).name()
    for role in ("text", "muted", "accent", "good", "warn", "bad"):
        _colours[role] = getattr(colours, role)
    _colours["faint"] = colours.line


use(LIGHT)
