"""Icons from one font (Material Design Icons), recoloured with the theme."""

from __future__ import annotations

import os
from typing import Any

from PySide6.QtGui import QAction, QIcon
from PySide6.QtWidgets import QAbstractButton, QPushButton, QWidget

from .theme import LIGHT, Colours, readable_on

os.environ["QT_API"] = "pyside6"
import qtawesome

_colours: dict[str, str] = {"faint": LIGHT.line}


def icon(name: str, role: str = "text") -> QIcon:
    """An icon such as ``play`` in one of the theme's colours."""
    found = qtawesome.icon(f"mdi6.{name}", color=_colours[role], color_disabled=_colours["faint"])
    assert isinstance(found, QIcon)
    return found


def set_icon(owner: Any, name: str, role: str = "text") -> None:
    """Give an action or button an icon that follows the theme; `role` is a field of `Colours`."""
    owner.setProperty("iconName", f"{name}:{role}")
    owner.setIcon(icon(name, role))


def set_primary(button: QPushButton, on: bool = True) -> None:
    """Make a button the one to press next, or not; its icon goes with it."""
    button.setDefault(on)
    if wanted := button.property("iconName"):
        set_icon(button, str(wanted).partition(":")[0], "on_accent" if on and button.isEnabled() else "text")


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
