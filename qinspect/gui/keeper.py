"""Sessions: opened, saved, and kept on the way, so that a crash or a kill loses nothing that counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal

from ..engine.problem import Problem
from ..session import Session, load_session, save_session, session_title
from . import work
from .document import Document
from .errands import Errands
from .jobs import Job, Jobs
from .language import translated
from .tasks import Tasks

AUTOSAVE_MS = 20_000
"""Everything, statistics and figures too, is kept so long after it changed."""
EDITS_MS = 1_000
"""What the user said, which is small, is kept so long after it changed."""


class Keeper(Errands):
    """Reads and writes sessions.

    Parameters
    ----------
    autosave : Path | None
        Where the session is kept on the way; None keeps none.

    Signals
    -------
    session_opened(step)
    """

    session_opened = Signal(str)

    def __init__(self, document: Document, jobs: Jobs, tasks: Tasks, autosave: Path | None = None) -> None:
        super().__init__(document, jobs)
        self._tasks = tasks
        self.autosave = autosave
        self.step = "open"
        self._saver = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._saver.timeout.connect(self._save_quietly)
        self._noter = QTimer(self, singleShot=True, interval=EDITS_MS)
        self._noter.timeout.connect(self._note_edits)
        for changed in (document.results_changed, document.check_changed, tasks.analyzing_changed):
            changed.connect(self._touch)

    def open_session(self, path: Path, allowed: Callable[[Session], bool | None]) -> Job | None:
        """Open everything that a session names; ``allowed`` asks for trust in its code."""
        session = recovered(path) if path == self.autosave else load_session(path)
        if session.model is None:
            return None
        model_spec, allow = session.model, allowed(session)
        if allow is None:
            return None

        def opened(found: work.Reopened) -> None:
            data = found.data
            self._document.set_model(found.model.model, found.model.inspected, found.model.plan)
            self._tasks.model_opened.emit(model_spec)
            if data is not None:
                self._document.set_data(data.data)
                self._tasks.data_opened.emit(data)
            self._document.restore(session, found.metric)
            if found.calibration is not None and data is not None and found.calibration.key.endswith(data.data.digest):
                if found.calibration.complete:
                    self._document.set_calibration(found.calibration)
                else:
                    self._tasks.begun = found.calibration
            self.session_opened.emit(session.step)
            if data is not None:
                self._tasks.check_float()

        return self._start(
            self.tr("Opening {0}").format(path.name), lambda report: work.reopen(session, allow, report), opened
        )

    def save_session(self, path: Path, quiet: bool = False) -> Job:
        """Write the session in the background."""
        session, calibration = self._document.session(self.step, None), self._tasks.statistics
        return self._start(
            self.tr("Saving {0}").format(path.name),
            lambda report: _save(session, calibration, path),
            lambda _: quiet or self._document.log(self.tr("saved {0}").format(path)),
            quiet,
            aside=True,
        )

    def _touch(self) -> None:
        if self.autosave is None:
            return
        if not self._saver.isActive():
            self._saver.start()
        self._noter.start()

    def _note_edits(self) -> None:
        """Write plan and confirmation alone."""
        if self.autosave is None or self._document.model is None:
            return
        session = self._document.session(self.step, None)
        try:
            save_session(replace(session, runs=()), edits_beside(self.autosave))
        except Problem as problem:
            self._document.log(translated(problem.text))

    def _save_quietly(self) -> None:
        if self.autosave is None or self._document.model is None:
            return
        self.save_session(self.autosave, quiet=True)
        if self._tasks.calibrating:
            self._saver.start()

    def save_now(self) -> None:
        """Write the autosaved session at once, when the window closes."""
        self._saver.stop()
        self._noter.stop()
        if self.autosave is not None and self._document.model is not None:
            _save(self._document.session(self.step, None), self._tasks.statistics, self.autosave)
            edits_beside(self.autosave).unlink(missing_ok=True)


def edits_beside(autosave: Path) -> Path:
    """Where the last edits are kept that may not be in an autosaved session yet."""
    return autosave.with_name(f"{autosave.stem}.edits{autosave.suffix}")


def to_recover(autosave: Path) -> str | None:
    """Source of the model that a window which was not closed, or was, had open; None where there is none."""
    return session_title(edits_beside(autosave)) or session_title(autosave)


def recovered(path: Path) -> Session:
    """A session with the edits that were made after it was saved, where the window was not closed.

    Raises
    ------
    Problem
        Where neither can be read.
    """
    edits = edits_beside(path)
    if not edits.is_file():
        return load_session(path)
    last = load_session(edits)
    try:
        saved = load_session(path)
    except Problem:
        return last  # it was killed before all was saved for the first time
    same = saved.model == last.model
    return replace(last, runs=saved.runs if same else (), calibration=saved.calibration if same else None)


def _save(session: Session, calibration: Any, path: Path) -> None:
    data = None if calibration is None else calibration.to_bytes()
    save_session(replace(session, calibration=data), path)
