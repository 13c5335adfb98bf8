"""Questions and bad news."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from pathlib import Path

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QMessageBox,
    QSizePolicy,
    QSpacerItem,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from .. import __version__
from ..engine.problem import Problem
from .jobs import Failure
from .language import translated
from .trust import Code

translate = QCoreApplication.translate
WIDE = 420
"""Width in pixels that a box with bad news has at least."""
SHOWN = 10
"""Overrides that a box lists."""


def close_unsaved(parent: QWidget, problem: Problem) -> bool:
    """Ask whether a window may close although what was done last could not be kept for the next start."""
    box = QMessageBox(QMessageBox.Icon.Warning, translate("Dialogs", "Close?"), translated(problem.text), parent=parent)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setInformativeText(translate("Dialogs", "What was done since the last save would be lost."))
    close = box.addButton(translate("Dialogs", "Close all the same"), QMessageBox.ButtonRole.DestructiveRole)
    stay = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(stay)
    box.exec()
    pressed = box.clickedButton()
    box.deleteLater()
    return pressed is close


def show_problem(parent: QWidget, problem: Problem | Failure) -> QMessageBox:
    """Say what did not work and what to do, once at a time; the window stays usable behind it."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setTextFormat(Qt.TextFormat.PlainText)
    if isinstance(problem, Problem):
        box.setWindowTitle(translate("Dialogs", "That did not work"))
        what = in_fields(translated(problem.what))
        what = what[:1].upper() + what[1:]
        box.setText(translate("Dialogs", "{0}\n\n{1}.").format(in_fields(translated(problem.where)), what))
        box.setInformativeText(in_fields(translated(problem.remedy)))
    else:
        box.setIcon(QMessageBox.Icon.Critical)
        box.setWindowTitle(translate("Dialogs", "Something unexpected happened"))
        box.setText(f"{problem.title}\n\n{problem.summary}")
        box.setInformativeText(
            translate(
                "Dialogs",
                "Nothing was lost: the model, the plan and all figures are as before. The details help to report it.",
            )
        )
        box.setDetailedText(f"qinspect {__version__}\n{problem.details}")
    for other in parent.findChildren(QMessageBox):
        if other is not box and other.isVisible() and other.text() == box.text():
            box.deleteLater()
            return other
    # Without it a short text gets a box that is narrower than its own title.
    layout = box.layout()
    if isinstance(layout, QGridLayout):
        wide = QSpacerItem(WIDE, 0, QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Minimum)
        layout.addItem(wide, layout.rowCount(), 0, 1, layout.columnCount())
    box.open()
    return box


def in_fields(text: str) -> str:
    """What the engine says of options, in the words of the window's fields."""
    names = {
        "weights": translate("OpenPage", "&Weights"),
        "input-shape": translate("OpenPage", "Input &shape"),
        "data": translate("DataForm", "&Data"),
        "resize": translate("DataForm", "&Resize"),
        "crop": translate("DataForm", "&Crop"),
        "interpolation": translate("DataForm", "&Interpolation"),
        "normalize": translate("DataForm", "&Normalization"),
        "channels": translate("DataForm", "C&hannels"),
        "layout": translate("DataForm", "Layo&ut"),
        "rate": translate("DataForm", "Ra&te"),
        "seconds": translate("DataForm", "Sec&onds"),
        "tokenizer": translate("DataForm", "To&kenizer"),
        "max-length": translate("DataForm", "Tokens at &most"),
        "label": translate("DataForm", "&Labels"),
        "samples": translate("DataForm", "&Samples"),
        "split": translate("DataForm", "S&plit"),
        "metric": translate("MetricCard", "Float metric"),
        "output": translate("MetricCard", "Output that is judged"),
        "threads": translate("TargetPage", "&Threads"),
        "batch": translate("TargetPage", "&Batch"),
    }

    def field(found: re.Match[str]) -> str:
        name = names.get(found[1])
        return found[0] if name is None else f"“{re.sub(r'[(]&.[)]|&', '', name)}”"

    return re.sub(r"--([a-z]+(?:-[a-z]+)*)", field, text)


def show_lost(parent: QWidget, name: str, count: int, lost: Sequence[str]) -> QMessageBox:
    """Say which overrides of a plan match no layer of the model: they have no effect."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Information)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setWindowTitle(translate("Dialogs", "Overrides without a layer"))
    said = translate("Dialogs", "{0} of {1} overrides in {2} match no layer of this model and have no effect:")
    more = [translate("Dialogs", "and {0} more").format(len(lost) - SHOWN)] if len(lost) > SHOWN else []
    box.setText(said.format(len(lost), count, name) + "\n\n" + "\n".join([*lost[:SHOWN], *more]))
    box.open()
    return box


def ask_trust(parent: QWidget, code: Code) -> bool:
    """Ask whether the user's own Python code may run."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(translate("Dialogs", "Run Python code?"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(
        translate("Dialogs", "Opening {0} runs the code in this file:").format(code.source) + f"\n\n{code.path}"
    )
    box.setInformativeText(
        f"SHA-256 {code.digest[:32]}\n{code.digest[32:]}\n\n"
        + translate(
            "Dialogs",
            "It can do whatever you can. Allow it if you know where it comes from. A changed file asks again.",
        )
    )
    run = box.addButton(translate("Dialogs", "Run it"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    allowed = box.clickedButton() is run
    box.deleteLater()
    return allowed


WITHOUT = Path()
"""What `ask_moved` answers where the session is to open without its data, or its metric."""


def ask_moved(parent: QWidget, part: str, place: Path, folder: Path) -> Path | None:
    """Ask where a session's file or folder is now.

    Parameters
    ----------
    part : str
        ``model``, ``data`` or ``metric``; without the last two a session opens too.
    place : Path
        Where it was.
    folder : Path
        Where to look first.

    Returns
    -------
    Path | None
        Its new place, `WITHOUT`, or None to open nothing.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(translate("Dialogs", "Where is it now?"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    text = {
        "model": translate("Dialogs", "The model of this session is not where it was:"),
        "data": translate("Dialogs", "The data of this session are not where they were:"),
        "metric": translate("Dialogs", "The metric of this session is not where it was:"),
    }[part]
    box.setText(f"{text}\n\n{place}")
    choose = box.addButton(translate("Dialogs", "Choose…"), QMessageBox.ButtonRole.AcceptRole)
    without = None
    if part == "data":
        box.setInformativeText(
            translate("Dialogs", "Without data, the figures that the session holds can be looked at.")
        )
        without = box.addButton(translate("Dialogs", "Open without data"), QMessageBox.ButtonRole.ActionRole)
    elif part == "metric":
        box.setInformativeText(
            translate("Dialogs", "With top-1 in its place the figures of this metric stay among the runs.")
        )
        without = box.addButton(translate("Dialogs", "Open with top-1"), QMessageBox.ButtonRole.ActionRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(choose)
    box.exec()
    pressed = box.clickedButton()
    box.deleteLater()
    if without is not None and pressed is without:
        return WITHOUT
    if pressed is not choose:
        return None
    title = translate("Dialogs", "Where is {0} now?").format(place.name)
    if place.suffix:
        chosen, _ = QFileDialog.getOpenFileName(parent, title, str(folder / place.name))
    else:
        chosen = QFileDialog.getExistingDirectory(parent, title, str(folder))
    return Path(chosen) if chosen else None


def show_shortcuts(parent: QWidget, actions: Sequence[tuple[str, str]]) -> QDialog:
    """The keys: of the menus as they are, and of the panels.

    Parameters
    ----------
    parent : QWidget
    actions : sequence of (str, str)
        Keys and what they do, of the menus.
    """
    panels = (
        ("1 … 7", translate("Dialogs", "the steps")),
        ("Ctrl+C", translate("Dialogs", "in a table: copy it for a spreadsheet")),
        ("Enter, Shift+Enter", translate("Dialogs", "in the candidates: apply; apply to all layers like it")),
        ("↑ ↓ ← →", translate("Dialogs", "in the graph: along the edges")),
        ("Enter, Space", translate("Dialogs", "in the graph: open or close a block")),
        ("+ − F Home", translate("Dialogs", "in the graph: zoom in, zoom out, show the selected layer, show all")),
        ("[ ]", translate("Dialogs", "in the graph: close or open a level of modules")),
        ("Backspace", translate("Dialogs", "in the graph: close the block around the selected layer")),
    )
    groups: dict[str, list[tuple[str, str]]] = {}
    for keys, words in actions:
        menu, _, rest = words.partition(": ")
        groups.setdefault(menu, []).append((keys, rest))
    groups[translate("Dialogs", "In the panels")] = list(panels)
    lines = []
    for group, entries in groups.items():
        lines.append(f"<tr><td colspan=2><br><b>{escape(group)}</b></td></tr>")
        lines += [f"<tr><td><nobr>{escape(k)}</nobr></td><td>{escape(w)}</td></tr>" for k, w in entries]
    dialog = QDialog(parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle(translate("Dialogs", "Keyboard shortcuts"))
    text = QTextBrowser()
    text.setFrameShape(QTextBrowser.Shape.NoFrame)
    text.setHtml(f"<table cellspacing=4 cellpadding=2>{''.join(lines)}</table>")
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
    buttons.rejected.connect(dialog.close)
    column = QVBoxLayout(dialog)
    column.addWidget(text, 1)
    column.addWidget(buttons)
    dialog.resize(620, min(640, parent.height()))
    dialog.open()
    return dialog


def show_about(parent: QWidget) -> QMessageBox:
    """What this is."""
    text = translate("Dialogs", "See what quantization does to a model, layer by layer, and repair it.")
    return _show(parent, translate("Dialogs", "About qinspect"), f"<h3>qinspect {__version__}</h3><p>{text}</p>")


def _show(parent: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(text)
    box.open()
    return box
