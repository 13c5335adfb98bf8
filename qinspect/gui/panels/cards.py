"""The few building blocks that all pages share: page, card, figure, hint."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QDoubleSpinBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ..theme import colours_of

GAP = 8
TEXT_INSET = 7
"""Pixels from the edge of a field for numbers to its text, which so begins where that of other fields does."""
WIDE = 1180
"""Text is not easier to read when lines are longer than this many pixels."""


def scaled(widget: QWidget, factor: float, bold: bool = False) -> None:
    """Set a font size relative to the application's."""
    font = QFont(widget.font())
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setBold(bold)
    widget.setFont(font)


def label(text: str = "", role: str = "", wrap: bool = True, factor: float = 1.0, bold: bool = False) -> QLabel:
    """A label; `role` is ``muted``, ``title``, ``bad`` or nothing."""
    made = QLabel(text)
    made.setWordWrap(wrap)
    made.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    if role:
        made.setProperty("role", role)
    if factor != 1.0 or bold:
        scaled(made, factor, bold)
    return made


class Wrapped(QLabel):
    """A label that keeps the height of all its lines; a splitter would cut off those beyond the first."""

    def __init__(self, text: str = "", role: str = "") -> None:
        super().__init__()
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        if role:
            self.setProperty("role", role)
        self.setText(text)

    def setText(self, text: str) -> None:
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._fit()

    def _fit(self) -> None:
        self.setMinimumHeight(self.heightForWidth(self.width()) if self.text() else 0)


class OneLine(QLabel):
    """A muted line that keeps its height, whatever it says; what has no room is in the tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self._tip = ""
        self.setProperty("role", "muted")
        self.setContentsMargins(8, 3, 8, 3)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setMinimumHeight(self.fontMetrics().height() + 6)

    def show_text(self, text: str, tip: str = "") -> None:
        """Say something; `tip` explains it."""
        self._tip = tip
        self.setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        cut = self.fontMetrics().horizontalAdvance(self.text()) > self.contentsRect().width()
        self.setToolTip("\n\n".join(filter(None, (self.text() if cut else "", self._tip))))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter, room = QPainter(self), self.contentsRect()
        painter.setPen(colours_of(self).color("muted"))
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room.width())
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


class Elided(QLabel):
    """A title of one line; of one that has no room the beginning and the end are seen, and all of it in the tooltip."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "title")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def paintEvent(self, event: QPaintEvent) -> None:
        room, whole = self.contentsRect(), self.text()
        text = self.fontMetrics().elidedText(whole, Qt.TextElideMode.ElideMiddle, room.width())
        self.setToolTip("" if text == whole else whole)
        painter = QPainter(self)
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def heading(text: str) -> QLabel:
    """The title of a card."""
    return label(text, "title", factor=1.1)


def row(*items: QWidget | int, spacing: int = GAP) -> QHBoxLayout:
    """Widgets side by side; a number is a stretch."""
    made = QHBoxLayout()
    made.setSpacing(spacing)
    for item in items:
        if isinstance(item, int):
            made.addStretch(item)
        else:
            made.addWidget(item)
    return made


def clear(layout: QLayout) -> None:
    """Take everything out of a layout and delete it."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.setParent(None)
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)


class Whole(QSpinBox):
    """A field for a whole number."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _inset(self)


class Real(QDoubleSpinBox):
    """A field for a number."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        _inset(self)


def _inset(box: QAbstractSpinBox) -> None:
    """Let the text begin where that of other fields does, which no style sheet reaches."""
    box.lineEdit().setTextMargins(TEXT_INSET, 0, 0, 0)


class Card(QFrame):
    """A rounded surface with a vertical layout; with ``choosable`` it acts like a radio button."""

    chosen = Signal()

    def __init__(self, title: str = "", parent: QWidget | None = None, choosable: bool = False) -> None:
        super().__init__(parent)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 12, 16, 12)
        self.body.setSpacing(GAP)
        self.choosable = choosable
        self.picked = self.refused = False
        self.edge = ""
        if title:
            self.body.addWidget(heading(title))
        if choosable:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.PointingHandCursor)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if self.choosable:
            # A label whose text can be selected keeps the click for itself.
            for words in self.findChildren(QLabel):
                words.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)

    def set_refused(self, refused: bool) -> None:
        """Whether it cannot be chosen now: what it says is greyed, and a button in it can be pressed all the same."""
        self.refused = refused
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus if refused else Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor if refused else Qt.CursorShape.PointingHandCursor)
        for words in self.findChildren(QLabel):
            words.setEnabled(not refused)

    def set_picked(self, picked: bool) -> None:
        """Draw it as the one that is chosen."""
        self.picked = picked
        self.update()

    def set_edge(self, name: str) -> None:
        """A coloured left edge: ``good``, ``warn``, ``bad`` or nothing."""
        self.edge = name
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self.choosable and not self.refused and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit()
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if (
            self.choosable
            and not self.refused
            and event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)
        ):
            self.chosen.emit()
            return
        super().keyPressEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.EnabledChange):
            self.update()
        super().changeEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.choosable and self.hasFocus()
        edge = QColor(colours.accent if self.picked or focused else colours.line)
        painter.setPen(QPen(edge, 2 if self.picked else 1))
        painter.setBrush(QColor(colours.background))
        area = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.drawRoundedRect(area, 6, 6)
        if focused:
            painter.setPen(QPen(colours.color("muted"), 1, Qt.PenStyle.DotLine))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(4, 4, -4, -4), 4, 4)
        if self.edge:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colours.color(self.edge))
            painter.drawRoundedRect(QRectF(1, 1, 4, self.height() - 2), 2, 2)


class Figure(Card):
    """One figure, large, with what it is above and what it rests on below."""

    def __init__(self, title: str, tip: str) -> None:
        super().__init__()
        self.setToolTip(tip)
        self.setAccessibleName(title)
        self.title = label(title, "muted", wrap=False)
        self.value = label("–", wrap=False, factor=2.1, bold=True)
        self.note = label("", "muted")
        for widget in (self.title, self.value, self.note):
            self.body.addWidget(widget)
        self.body.setSpacing(2)
        self.body.addStretch(1)

    def show_value(self, value: str, note: str = "", tone: str = "", stale: bool = False) -> None:
        """Show it; `tone` colours it, a stale figure is greyed and says so."""
        colours = colours_of(self)
        self.value.setText(value)
        self.note.setText(self.tr("not for the current plan") if stale else note)
        self.value.setEnabled(not stale)
        name = "" if stale else tone
        self.value.setStyleSheet(f"color: {getattr(colours, name)};" if name else "")
        self.set_edge(name)


class Hint(QWidget):
    """What an empty panel shows: what will fill it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = label(text, "muted")
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 24)
        layout.addStretch(1)
        layout.addWidget(self.text)
        layout.addStretch(1)

    def setText(self, text: str) -> None:
        self.text.setText(text)


class Page(QScrollArea):
    """A step of the way: a title, one sentence on what it is for, and content of a readable width."""

    def __init__(self, title: str, purpose: str) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        outer = QWidget()
        across = QHBoxLayout(outer)
        across.setContentsMargins(24, 16, 24, 16)
        column = QWidget()
        column.setMaximumWidth(WIDE)
        column.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.body = QVBoxLayout(column)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(12)
        self.title = label(title, factor=1.5, bold=True)
        self.purpose = label(purpose, "muted")
        self.body.addWidget(self.title)
        self.body.addWidget(self.purpose)
        across.addStretch(1)
        across.addWidget(column, 1000)
        across.addStretch(1)
        self.setWidget(outer)
        self.setAccessibleName(title)

    def leads(self) -> tuple[QWidget, ...]:
        """Buttons that go on from here: who comes to the page has the first one that can be pressed under the key."""
        return ()

    def set_title(self, title: str) -> None:
        """Name the step, to a screen reader too."""
        self.title.setText(title)
        self.setAccessibleName(title)
