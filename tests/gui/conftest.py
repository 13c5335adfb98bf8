"""The digits model opened by the real engine, once for all tests of the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSettings

from qinspect.gui.document import Document
from qinspect.gui.main_window import MainWindow


def make_models_here(patch: pytest.MonkeyPatch) -> None:
    """A process for each model that a test opens would take most of the tests' time: see test_user_code."""
    from qinspect.engine.load import load_model, own_process
    from qinspect.engine.process import guest

    patch.setattr(own_process, "load_apart", lambda spec, *report: load_model(spec, *report, allow_code=True))
    patch.setattr(guest, "prepare", lambda count=1: None)


@pytest.fixture(autouse=True)
def _models_made_here(monkeypatch) -> None:
    make_models_here(monkeypatch)


class Digits:
    """Everything that jobs make of the digits model; `analysis` is without kernels and latency.

    Not a dataclass: hypothesis would print all of it.
    """

    def __init__(self, model_spec: dict[str, Any], data_spec: dict[str, Any]) -> None:
        from qinspect.engine.plan.target import Target
        from qinspect.engine.progress import silent
        from qinspect.gui import work

        self.model_spec, self.data_spec = model_spec, data_spec
        self.opened = work.load_model(model_spec, True, None, Target(), silent)
        model, plan = self.opened.model, self.opened.plan
        self.data = work.open_data(data_spec, model, False, silent)
        self.check = work.check_float(model, self.data.data, silent)
        self.calibration = work.calibrate(model, self.data.data, plan, None, silent)
        self.analysis = work.analyze(model, self.data.data, plan, self.calibration, True, silent)


@pytest.fixture(scope="session")
def digits(digits_model) -> Digits:
    model_spec = {
        "source": digits_model.source,
        "weights": str(digits_model.weights),
        "input_shape": [list(digits_model.input_shape)],
    }
    data_spec = {"source": str(digits_model.data), "samples": 120}
    with pytest.MonkeyPatch.context() as patch:
        make_models_here(patch)
        return Digits(model_spec, data_spec)


def fill(document: Document, digits: Digits, analyzed: bool = True) -> Document:
    """Put what jobs made into a document, as `Tasks` does."""
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    document.set_data(digits.data.data)
    document.set_check(digits.check)
    document.confirm()
    document.set_calibration(digits.calibration)
    if analyzed:
        document.add_run(digits.opened.plan, digits.analysis, exact=True)
    return document


@pytest.fixture
def document(digits: Digits) -> Document:
    """A document with one finished run."""
    return fill(Document(), digits)


@pytest.fixture
def settings(tmp_path: Path) -> QSettings:
    return QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)


@pytest.fixture
def make_window(qtbot, settings, tmp_path) -> Iterator[Callable[..., MainWindow]]:
    """Windows that are closed at the end; with ``filled`` they hold the digits model and a run."""
    from PySide6.QtWidgets import QApplication

    from qinspect.gui.theme import Theme

    app = QApplication.instance()
    assert isinstance(app, QApplication)
    theme = app.findChild(Theme) or Theme(app, "light")
    made = []

    def make(filled: Digits | None = None, autosave: bool = False) -> MainWindow:
        window = MainWindow(theme, settings, tmp_path / "autosave.qinspect" if autosave else None)
        qtbot.addWidget(window)
        window.resize(1366, 768)
        window.show()
        # Shortcuts reach only the active window.
        with qtbot.waitActive(window):
            window.activateWindow()
        if filled is not None:
            fill(window.document, filled)
        made.append(window)
        return window

    yield make
    for window in made:
        window.close()
