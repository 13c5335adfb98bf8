"""Where the selected layer is: the modules around it, each a link."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from .model import Block

BETWEEN = " › "


class Trail(QLabel):
    """A path of modules; the outer ones give way where there is no room.

    Signals
    -------
    chosen(str)
        The user chose a block of the path.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._blocks: tuple[Block, ...] = ()
        self._words = ""
        self.setAccessibleName(self.tr("Modules around the selected layer"))
        self.setTextFormat(Qt.TextFormat.RichText)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.LinksAccessibleByMouse | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setContentsMargins(12, 0, 12, 0)
        # The same while nothing is selected, or the graph would jump at the first click.
        self.setFixedHeight(24)
        self.linkActivated.connect(lambda link: self.chosen.emit(self._blocks[int(link)].id))

    def show_path(self, blocks: Sequence[Block]) -> None:
        """Show where a block is, outermost module first."""
        self._blocks, self._words = tuple(blocks), ""
        self.setToolTip(blocks[-1].id if blocks else "")
        self._fit()

    def show_text(self, text: str) -> None:
        """Show some words in place of a path."""
        self._blocks = ()
        self.setToolTip("")
        self._words = text
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self._fit()

    def _fit(self) -> None:
        metrics, room = self.fontMetrics(), self.width() - 32
        first = 0
        while (
            first < len(self._blocks) - 1
            and metrics.horizontalAdvance(BETWEEN.join(block.title for block in self._blocks[first:])) > room
        ):
            first += 1
        color = self.palette().color(QPalette.ColorRole.Link).name()
        parts = ["…"] if first else []
        for place, block in enumerate(self._blocks[first:], first):
            title = html.escape(block.title)
            if place < len(self._blocks) - 1:
                title = f'<a href="{place}" style="color: {color}; text-decoration: none">{title}</a>'
            parts.append(title)
        self.setText(BETWEEN.join(parts) or html.escape(self._words))
