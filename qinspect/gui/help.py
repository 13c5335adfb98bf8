"""The help pages in a window of their own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from PySide6.QtCore import QPoint, Qt, QUrl, Signal
from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QListWidget,
    QTextBrowser,
    QWidget,
)

from ..resources import resource
from .language import language_of

PAGES = ("start", "debug-a-drop", "folding", "observers", "pooling-and-activations", "flows", "plan-file", "terms")
"""In the order of the list."""

OF_STEP = {
    "open": "start",
    "data": "debug-a-drop",
    "target": "flows",
    "verdict": "debug-a-drop",
    "layers": "observers",
    "fix": "folding",
    "export": "flows",
}
"""The page that F1 opens on each step."""


def page_text(name: str) -> str:
    """A page as Markdown, in the application's language where there is one."""
    language = language_of(QApplication.instance())
    if language != "en":
        try:
            return resource(f"help/{language}/{name}.md").read_text(encoding="utf-8")
        except FileNotFoundError:
            pass
    return resource(f"help/{name}.md").read_text(encoding="utf-8")


def term_in(words: Sequence[str]) -> str:
    """The heading of the page of terms that explains the first term which one of some texts has; empty for none.

    A heading such as "Median, p90, spread" names several terms, and one such as "KL divergence" has it in short.
    """
    headings = re.findall(r"^## (.+)$", page_text("terms"), re.MULTILINE)
    terms = {
        _SHORTENED.sub("", term).strip(): heading for heading in headings for term in _BETWEEN.split(heading) if term
    }
    for text in words:
        found = [(at.start(), -len(term), terms[term]) for term in terms if (at := _word(term).search(text))]
        if found:
            return min(found)[-1]
    return ""


def _word(term: str) -> re.Pattern[str]:
    # Chinese has no spaces between words.
    return re.compile(rf"\b{re.escape(term)}\b" if term.isascii() else re.escape(term), re.IGNORECASE)


_BETWEEN = re.compile(r",\s*(?:and\s+)?|\s+and\s+|、|与")
_SHORTENED = re.compile(r"\s*(?:error|divergence|share|误差|散度|份额)$")


def words_at(place: QPoint) -> list[str]:
    """What is said at a place of the screen: titles of columns, texts, tooltips; the nearest first."""
    widget = QApplication.widgetAt(place)
    found: list[str] = []
    while widget is not None and not widget.isWindow():
        if isinstance(widget, QHeaderView):
            section, model = widget.logicalIndexAt(widget.mapFromGlobal(place)), widget.model()
            roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole)
            found += [str(model.headerData(section, widget.orientation(), role) or "") for role in roles]
        if isinstance(widget, (QLabel, QAbstractButton)):
            found.append(widget.text())
        found.append(widget.toolTip())
        widget = widget.parentWidget()
    return list(filter(None, found))


def title_of(text: str) -> str:
    """The first heading of a page."""
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1] if found else ""


class HelpWindow(QDialog):
    """A list of pages and the page; links lead from one to the other.

    Signals
    -------
    shown(str)
        A page was opened.
    """

    shown = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Help"))
        self.resize(920, 640)
        self.list = QListWidget()
        self.list.setAccessibleName(self.tr("Pages"))
        self.list.setFixedWidth(250)
        self.list.setWordWrap(True)
        self.list.setSpacing(3)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view = QTextBrowser()
        self.view.setAccessibleName(self.tr("Help"))
        self.view.setOpenLinks(False)
        self.view.setOpenExternalLinks(False)
        self.view.document().setDocumentMargin(16)
        self._texts = {name: page_text(name) for name in PAGES}
        for name in PAGES:
            self.list.addItem(title_of(self._texts[name]))
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(0)
        across.addWidget(self.list)
        across.addWidget(self.view, 1)
        self.list.currentRowChanged.connect(lambda place: self.open(PAGES[place]))
        self.view.anchorClicked.connect(self._follow)
        self.page = ""

    def open(self, page: str, heading: str = "") -> None:
        """Show a page, from one of its headings on."""
        if page not in PAGES:
            return
        if page != self.page:
            self.page = page
            self.list.setCurrentRow(PAGES.index(page))
            self.view.document().setMarkdown(self._texts[page], QTextDocument.MarkdownFeature.MarkdownDialectGitHub)
            self._space_tables()
            self.shown.emit(page)
        self.view.moveCursor(QTextCursor.MoveOperation.Start)
        if heading:
            self.view.find(heading)
            self.view.ensureCursorVisible()
        self.show()
        self.raise_()

    def _space_tables(self) -> None:
        cursor = self.view.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.Start)
        while not cursor.atEnd():
            table = cursor.currentTable()
            if table is not None:
                shape = table.format()
                shape.setCellPadding(4)
                shape.setCellSpacing(0)
                shape.setBorderCollapse(True)
                table.setFormat(shape)
                cursor.setPosition(table.lastPosition() + 1)
            elif not cursor.movePosition(QTextCursor.MoveOperation.NextBlock):
                break

    def _follow(self, url: QUrl) -> None:
        self.open(url.fileName().removesuffix(".md"), url.fragment())
