"""Questions and bad news."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from .. import __version__
from ..engine.problem import Problem
from .jobs import Failure
from .trust import Code


def _tr(text: str) -> str:
    return QCoreApplication.translate("dialogs", text)


def show_problem(parent: QWidget, problem: Problem | Failure) -> QMessageBox:
    """Say what did not work and what to do; the window stays usable behind it."""
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setTextFormat(Qt.TextFormat.PlainText)
    if isinstance(problem, Problem):
        box.setWindowTitle(_tr("That did not work"))
        what = problem.what[:1].upper() + problem.what[1:]
        box.setText(f"{problem.where}\n\n{what}.")
        box.setInformativeText(problem.remedy)
    else:
        box.setIcon(QMessageBox.Icon.Critical)
        box.setWindowTitle(_tr("Something unexpected happened"))
        box.setText(f"{problem.title}\n\n{problem.summary}")
        box.setInformativeText(
            _tr("Nothing was lost: the model, the plan and all figures are as before. The details help to report it.")
        )
        box.setDetailedText(f"qinspect {__version__}\n{problem.details}")
    box.open()
    return box


def ask_trust(parent: QWidget, code: Code) -> bool:
    """Ask whether the user's own Python code may run."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(_tr("Run Python code?"))
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(_tr("Opening {0} runs the code in this file:").format(code.source) + f"\n\n{code.path}")
    box.setInformativeText(
        f"SHA-256 {code.digest[:32]}\n{code.digest[32:]}\n\n"
        + _tr("It can do whatever you can. Allow it if you know where it comes from. A changed file asks again.")
    )
    run = box.addButton(_tr("Run it"), QMessageBox.ButtonRole.AcceptRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    allowed = box.clickedButton() is run
    box.deleteLater()
    return allowed


SHORTCUTS = (
    ("Alt+1 … Alt+7, 1 … 7", "the steps"),
    ("Ctrl+Enter", "calibrate if need be, and analyze everything"),
    ("Ctrl+Z, Ctrl+Shift+Z", "undo, redo"),
    ("Ctrl+F", "find a layer"),
    ("Ctrl+C", "copy the layer table"),
    ("Enter, Shift+Enter", "in the candidates: apply; apply to all layers like it"),
    ("Escape", "cancel the job that runs"),
    ("Ctrl+O, Ctrl+D", "open a model, open data"),
    ("Ctrl+S", "save the session"),
)


def show_shortcuts(parent: QWidget) -> QMessageBox:
    """The keys."""
    rows = "".join(f"<tr><td><b>{keys}</b>&nbsp;&nbsp;</td><td>{what}</td></tr>" for keys, what in SHORTCUTS)
    return _show(parent, _tr("Keyboard shortcuts"), f"<table cellspacing=4>{rows}</table>")


def show_about(parent: QWidget) -> QMessageBox:
    """What this is."""
    text = _tr("See what quantization does to a model, layer by layer, and repair it.")
    return _show(parent, _tr("About qinspect"), f"<h3>qinspect {__version__}</h3><p>{text}</p>")


def _show(parent: QWidget, title: str, text: str) -> QMessageBox:
    box = QMessageBox(parent)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.setWindowTitle(title)
    box.setTextFormat(Qt.TextFormat.RichText)
    box.setText(text)
    box.open()
    return box
