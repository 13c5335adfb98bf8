"""The command palette: every action and every layer, found by typing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QDialog, QLineEdit, QListWidget, QListWidgetItem, QMenu, QMenuBar, QVBoxLayout, QWidget

from .panels.rows import AsideRole, TwoParts

SHOWN = 60
"""Nobody reads further; the next letter narrows it."""


@dataclass(frozen=True)
class Entry:
    """One thing that can be done.

    Parameters
    ----------
    text : str
        What is searched and shown, such as ``View: Layers``.
    keys : str
        Its shortcut.
    run : callable
    """

    text: str
    keys: str
    run: Callable[[], object]


def actions_of(bar: QMenuBar, all_: bool = False) -> list[Entry]:
    """Every enabled action of the menus, with the names of the menus it is in; with `all_` the others, too."""
    found: list[Entry] = []
    for action in bar.actions():
        menu = action.menu()
        if isinstance(menu, QMenu):
            found += actions_in(menu, action.text().replace("&", "") + ": ", all_)
    return found


def actions_in(menu: QMenu, above: str, all_: bool = False) -> Iterator[Entry]:
    """The same of one menu, called `above`."""
    for action in menu.actions():
        text, _, keys = action.text().replace("&", "").rstrip("…").partition("\t")
        inner = action.menu()
        if isinstance(inner, QMenu):
            yield from actions_in(inner, f"{above}{text}: ", all_)
        elif text and (all_ or action.isEnabled()):
            keys = keys or action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            yield Entry(f"{above}{text}", keys, _trigger(action))


def _trigger(action: QAction) -> Callable[[], object]:
    return lambda: action.trigger()


def ranked(entries: Sequence[Entry], text: str) -> list[Entry]:
    """Entries that hold every word of the text; those where a word begins a word come first."""
    words = text.lower().split()
    found = []
    for place, entry in enumerate(entries):
        hay = entry.text.lower()
        if all(word in hay for word in words):
            inside = sum(not f" {hay}".replace(".", " ").replace(":", " ").count(f" {word}") for word in words)
            found.append((inside, place, entry))
    return [entry for *_, entry in sorted(found, key=lambda item: item[:2])]


class Palette(QDialog):
    """A line to type in, and what matches below it; Enter does it, Escape closes.

    Parameters
    ----------
    entries : sequence of Entry
    parent : QWidget
        It appears at the top of its middle.
    """

    def __init__(self, entries: Sequence[Entry], parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Popup)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # for its edge
        self._entries = list(entries)
        self._shown: list[Entry] = []
        self.line = QLineEdit(placeholderText=self.tr("Type a command or a layer"))
        self.line.setAccessibleName(self.tr("Command"))
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Commands"))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setItemDelegate(TwoParts(self.list, right=True))
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.addWidget(self.line)
        column.addWidget(self.list, 1)
        self.line.textChanged.connect(self._fill)
        self.line.installEventFilter(self)
        self.list.itemClicked.connect(lambda item: self._run(self.list.row(item)))
        width = min(640, parent.width() - 80)
        self._most = min(420, parent.height() - 120)
        self.resize(width, self._most)
        corner = parent.mapToGlobal(parent.rect().topLeft())
        self.move(corner.x() + (parent.width() - width) // 2, corner.y() + 64)
        self._fill("")
        self.line.setFocus()

    def _fill(self, text: str) -> None:
        found = ranked(self._entries, text)
        self._shown = found[:SHOWN]
        self.list.clear()
        for entry in self._shown:
            item = QListWidgetItem(entry.text)
            item.setData(AsideRole, entry.keys)
            self.list.addItem(item)
        if not found or len(found) > SHOWN:
            said = self.tr("and {0} more").format(len(found) - SHOWN) if found else self.tr("nothing is called so")
            more = QListWidgetItem(said)
            more.setFlags(Qt.ItemFlag.NoItemFlags)
            self.list.addItem(more)
        self.list.setCurrentRow(0)
        # No larger than what it lists.
        rows = self.list.sizeHintForRow(0) * self.list.count() + 2 * self.list.frameWidth()
        around = self.layout().contentsMargins()
        margins = around.top() + around.bottom() + self.layout().spacing()
        self.resize(self.width(), min(self._most, rows + self.line.sizeHint().height() + margins))

    def texts(self) -> list[str]:
        """What is listed."""
        return [entry.text for entry in self._shown]

    def _run(self, place: int) -> None:
        if 0 <= place < len(self._shown):
            entry = self._shown[place]
            self.close()
            entry.run()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.line and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            key, place = event.key(), self.list.currentRow()
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
                way = 1 if key == Qt.Key.Key_Down else -1
                self.list.setCurrentRow(min(max(place + way, 0), len(self._shown) - 1))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._run(place)
                return True
        return super().eventFilter(watched, event)
