"""A drawing as a file, PNG or SVG, and the dialog that asks where it goes."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QRectF, QSize
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QWidget

from ..engine.files import unwritable, write_atomically

LONGEST, MOST = 16_000, 16e6
"""Pixels along a side and in all that a PNG has at most: what is larger is drawn smaller."""


def ask_file(parent: QWidget, title: str, name: str, kinds: Sequence[str], first: str) -> Path | None:
    """Where something is to be written; the file's suffix is one of `kinds`.

    Parameters
    ----------
    parent : QWidget
    title : str
        Of the dialog.
    name : str
        What the file could be called, in any characters.
    kinds : sequence of str
        Suffixes without the dot.
    first : str
        The one that is proposed.
    """
    filters = [f"{kind.upper()} (*.{kind})" for kind in kinds]
    name = "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
    dialog = QFileDialog(parent, title)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setNameFilters(filters)

    def take(chosen: str) -> None:
        kind = kinds[filters.index(chosen)] if chosen in filters else first
        # So that what is asked about, if it is there already, is the file that is written.
        dialog.setDefaultSuffix(kind)
        path = Path(next(iter(dialog.selectedFiles()), ""))
        if path.suffix.lower().removeprefix(".") in kinds:
            dialog.selectFile(path.with_suffix(f".{kind}").name)

    dialog.filterSelected.connect(take)
    dialog.selectNameFilter(filters[kinds.index(first)])
    dialog.setDefaultSuffix(first)
    dialog.selectFile(f"{name}.{first}")
    try:
        path = Path(dialog.selectedFiles()[0]) if dialog.exec() else None
    finally:
        dialog.deleteLater()
    if path is not None and path.suffix.lower().removeprefix(".") not in kinds:
        path = path.with_name(f"{path.name}.{dialog.defaultSuffix()}")
    return path


def save_picture(path: Path, size: QSize, title: str, dpi: int, paint: Callable[[QPainter], None]) -> None:
    """Write a drawing of so many pixels as PNG, in two times its size where that is not too large, or as SVG.

    Raises
    ------
    ValueError
        The suffix is neither.
    Problem
        The file cannot be written; an older one stays as it was.
    """
    suffix = path.suffix.lower()
    into = QBuffer()
    into.open(QIODevice.OpenModeFlag.WriteOnly)
    if suffix == ".png":
        ratio = min(2.0, LONGEST / max(size.width(), size.height()), math.sqrt(MOST / (size.width() * size.height())))
        image = QImage(size * ratio, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(ratio)
        painter = QPainter(image)
        paint(painter)
        painter.end()
        # Of a PNG the quality is how little it is compressed: a large graph is to be there in a few seconds.
        image.save(into, "PNG", 70)
    elif suffix == ".svg":
        # Version 1.1 can clip what is zoomed out of sight; Tiny cannot.
        made = QSvgGenerator(QSvgGenerator.SvgVersion.Svg11)
        made.setOutputDevice(into)
        made.setSize(size)
        made.setViewBox(QRectF(0, 0, size.width(), size.height()))
        made.setTitle(title)
        # Recorded pictures, such as axes, are scaled by the ratio of the resolutions.
        made.setResolution(dpi)
        painter = QPainter(made)
        paint(painter)
        painter.end()
    else:
        raise ValueError(f"{path.name}: use .png or .svg")
    write_beside(path, into.data().data())


def write_beside(path: Path, content: bytes | str) -> None:
    """Write what a person asked for into a folder that is there.

    Raises
    ------
    Problem
        The file cannot be written; an older one stays as it was.
    """
    if not path.parent.is_dir():  # what its name says is a slip of the pen, and is not made
        raise unwritable(path, FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
    write_atomically(path, content)
