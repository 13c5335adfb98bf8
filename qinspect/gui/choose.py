"""File dialogs: what the user chooses is handed to the window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QFileDialog

from ..engine.files import write_json
from ..engine.problem import Problem
from ..session import SUFFIX

if TYPE_CHECKING:
    from .main_window import MainWindow

translate = QCoreApplication.translate


def model(window: MainWindow) -> None:
    """Ask for a model file."""
    window.go("open")
    window.open_page.browse_model()


def data(window: MainWindow) -> None:
    """Ask for a folder of images."""
    window.go("data")
    window.data_page.form.browse_folder()


def plan(window: MainWindow) -> None:
    """Ask for a plan."""
    path, _ = QFileDialog.getOpenFileName(
        window, translate("Choose", "Open a plan"), "", translate("Choose", "Plans (*.json)")
    )
    if path:
        window.opening.plan(Path(path))


def session(window: MainWindow) -> None:
    """Ask for a session."""
    path, _ = QFileDialog.getOpenFileName(window, translate("Choose", "Open a session"), "", f"qinspect (*{SUFFIX})")
    if path:
        window.opening.session(Path(path))


def save(window: MainWindow) -> None:
    """Ask where the session goes."""
    name = window.document.model.name if window.document.model is not None else "session"
    path, _ = QFileDialog.getSaveFileName(
        window, translate("Choose", "Save the session"), f"{name}{SUFFIX}", f"qinspect (*{SUFFIX})"
    )
    if path:
        target = Path(path if path.endswith(SUFFIX) else path + SUFFIX)
        window.keeper.save_session(target)
        window.opening.remember({"session": str(target)})


def save_plan(window: MainWindow) -> None:
    """Ask where the plan goes."""
    path, _ = QFileDialog.getSaveFileName(
        window, translate("Choose", "Save the plan"), "plan.json", translate("Choose", "Plans (*.json)")
    )
    if path:
        try:
            write_json(Path(path), window.document.plan.to_json())
            window.document.wrote(path)
        except Problem as problem:
            window.show_problem(problem)


def evidence(window: MainWindow, layer_id: str) -> None:
    """Ask for the folder that a layer's integers go into."""
    name = re.sub(r"[^\w.]+", "-", layer_id)
    path, _ = QFileDialog.getSaveFileName(
        window, translate("Choose", "A new folder for the integers of {0}").format(layer_id), f"{name}-evidence"
    )
    if path:
        window.tasks.dump(layer_id, Path(path))


def report(window: MainWindow) -> None:
    """Ask where the report goes."""
    path, _ = QFileDialog.getSaveFileName(
        window, translate("Choose", "Save the report"), "report.html", "HTML (*.html)"
    )
    if path:
        window.tasks.save_report(Path(path))
