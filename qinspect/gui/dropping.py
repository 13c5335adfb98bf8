"""Files and folders that are dragged over the window: a sign says what will become of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, QRect, QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QFont, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from .icons import icon
from .recent import kind_of
from .theme import colours_of

if TYPE_CHECKING:
    from .main_window import MainWindow

SIGN = QSize(40, 40)


class DropSign(QWidget):
    """Lies over the whole window while something is dragged over it; takes no events itself."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.lines: tuple[str, ...] = ()
        self.welcome = True
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def show_lines(self, lines: tuple[str, ...], welcome: bool) -> None:
        """Say what will be done; not `welcome` is what nothing can be done with."""
        self.lines, self.welcome = lines, welcome
        self.setAccessibleName("; ".join(lines))
        parent = self.parentWidget()
        self.setGeometry(parent.rect())
        self.raise_()
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        colours = colours_of(self)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), colours.color("panel", 190))
        edge = colours.color("accent" if self.welcome else "muted")
        painter.setPen(QPen(edge, 2, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(10, 10, -10, -10), 8, 8)
        font = QFont(self.font())
        font.setPointSizeF(font.pointSizeF() * 1.4)
        font.setBold(True)
        metrics = QFontMetrics(font)
        room = self.width() - 120
        lines = [metrics.elidedText(line, Qt.TextElideMode.ElideMiddle, room) for line in self.lines]
        width = max(map(metrics.horizontalAdvance, lines), default=0) + 64
        height = SIGN.height() + 12 + metrics.lineSpacing() * len(lines) + 40
        card = QRect(0, 0, width, height)
        card.moveCenter(self.rect().center())
        painter.setPen(QPen(edge, 1))
        painter.setBrush(colours.color("background"))
        painter.drawRoundedRect(QRectF(card), 8, 8)
        name, role = ("tray-arrow-down", "accent") if self.welcome else ("close", "muted")
        place = QRect(card.center().x() - SIGN.width() // 2, card.top() + 20, SIGN.width(), SIGN.height())
        icon(name, role).paint(painter, place)
        painter.setFont(font)
        painter.setPen(colours.color("text"))
        words = card.adjusted(0, 20 + SIGN.height() + 12, 0, -20)
        painter.drawText(words, Qt.AlignmentFlag.AlignCenter, "\n".join(lines))


class Dropping(QObject):
    """What is dragged over the window, and dropped."""

    def __init__(self, window: MainWindow) -> None:
        super().__init__(window)
        self._window = window
        self.sign = DropSign(window)

    def enter(self, event: QDragEnterEvent) -> None:
        """Files came over the window: say what a drop will do."""
        paths = _paths(event.mimeData())
        if not paths:
            return
        known = [path for path in paths if kind_of(path)]
        words = tuple(self.words(path) for path in known[:5] or paths[:1])
        self.sign.show_lines(words, bool(known))
        _accept(event)

    def leave(self) -> None:
        """They went away again."""
        self.sign.hide()

    def drop(self, event: QDropEvent) -> None:
        """Open what was dropped, in the order in which one needs the other."""
        self.sign.hide()
        known = [path for path in _paths(event.mimeData()) if kind_of(path)]
        if not known:
            return
        _accept(event)
        # Later: whoever dragged it waits for the drop to end, and a question may come up.
        QTimer.singleShot(0, self, lambda: self.open(known))

    def open(self, paths: list[Path]) -> None:
        """Open files of known kinds."""
        if known := [path for path in paths if kind_of(path)]:
            self._window.activateWindow()
            self._window.opening.take_all(known)

    def words(self, path: Path) -> str:
        """What a drop of this file or folder will do."""
        name = path.name
        there = self._window.document.model is not None
        kind = self._window.opening.kind(path)
        if kind == "session":
            return self.tr("Open the session {0}").format(name)
        if kind == "model":
            if path.suffix == ".py":
                return self.tr("Open a model from the code in {0}").format(name)
            return self.tr("Open the model {0}").format(name)
        if kind == "weights":
            return self.tr("Take the weights in {0}").format(name)
        if kind == "data":
            if there:
                return self.tr("Open the data in {0}").format(name)
            return self.tr("Take the data in {0} for the model that you open next").format(name)
        if kind == "plan":
            return self.tr("Take the plan {0}; this can be undone").format(name)
        if kind == "profile":
            return self.tr("Take the times that another device measured: {0}").format(name)
        return self.tr("{0} is no model, data set, plan or session").format(name)


def keep_out(root: QWidget) -> None:
    """Let nothing in it take what is dropped, fields as a piece of text, drawings to no end: the window opens it."""
    for widget in root.findChildren(QWidget):
        widget.setAcceptDrops(False)


def _accept(event: QDropEvent) -> None:
    """As a copy, whatever was proposed: of what was moved, the program that it comes from may delete its own."""
    event.setDropAction(Qt.DropAction.CopyAction)
    event.accept()


def _paths(mime: QMimeData) -> list[Path]:
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]
