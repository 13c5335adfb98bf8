"""Sessions: opened, saved, and kept on the way, so that a crash or a kill loses nothing that counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal

from ..engine.problem import Problem
from ..engine.text import Text
from ..session import Session, load_session, save_session, session_brief, session_title
from . import work
from .document import Document
from .errands import Errands
from .jobs import Job, Jobs
from .language import translated
from .tasks import Tasks

AUTOSAVE_MS = 20_000
"""Everything, statistics and figures too, is kept so long after it changed."""
KEPT = 10
"""Sessions that were left for another model, the newest ones."""
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
    set_aside(path)
        The session was left for another model, and is kept there.
    """

    session_opened = Signal(str)
    set_aside = Signal(object)

    def __init__(self, document: Document, jobs: Jobs, tasks: Tasks, autosave: Path | None = None) -> None:
        super().__init__(document, jobs)
        self._tasks = tasks
        self.autosave = autosave
        self.step = "open"
        self._saver = QTimer(self, singleShot=True, interval=AUTOSAVE_MS)
        self._saver.timeout.connect(self._save_quietly)
        self._noter = QTimer(self, singleShot=True, interval=EDITS_MS)
        self._noter.timeout.connect(self._note_edits)
        self._resumed = False  # whether what lies in the autosaved file is this window's
        self._at_rest: tuple[Any, ...] = ()  # what a file of the user's holds
        document.leaving.connect(self._leave)
        for changed in (document.results_changed, document.check_changed, tasks.analyzing_changed):
            changed.connect(self._touch)

    def open_session(
        self,
        path: Path,
        found: Callable[[Session], Session | None],
        allowed: Callable[[Session], bool | None],
    ) -> Job | None:
        """Open everything that a session names.

        Parameters
        ----------
        found : callable
            Asks where the files are that are no longer where the session says; None opens nothing.
        allowed : callable
            Asks for trust in its code.
        """
        given = recovered(path)
        session = found(given) if given.model is not None else None
        if session is None or session.model is None:
            return None
        model_spec, allow = session.model, allowed(session)
        if allow is None:
            return None

        def opened(found: work.Reopened) -> None:
            data = found.data
            self._resumed = self._resumed or path == self.autosave
            self._document.set_model(found.model.model, found.model.inspected, found.model.plan)
            self._tasks.model_opened.emit(model_spec)
            if data is not None:
                self._document.set_data(data.data)
                self._tasks.data_opened.emit(data)
            self._document.restore(session, found.metric)
            self._at_rest = () if path == self.autosave or session != given else self._state()
            if found.calibration is not None and data is not None and found.calibration.key.endswith(data.data.digest):
                if found.calibration.complete:
                    self._document.set_calibration(found.calibration)
                else:
                    self._document.set_begun(found.calibration)
            self.session_opened.emit(session.step)
            if data is not None:
                self._tasks.check_float()
            if (lost := found.problem) is not None:
                where = Text("{file}, {part}", file=path, part=lost.where)
                self._tasks.problem.emit(Problem(where, lost.what, lost.remedy))

        job = self._start(
            self.tr("Opening {0}").format(path.name if path != self.autosave else self.tr("the last session")),
            lambda report: work.reopen(session, allow, report),
            opened,
        )
        self._tasks.making_many.emit(job)
        return job

    def save_session(self, path: Path, quiet: bool = False) -> Job:
        """Write the session in the background."""
        session, calibration, state = self._document.session(self.step, None), self._tasks.statistics, self._state()

        def saved(_: None) -> None:
            if not quiet:
                self._at_rest = state
                self._document.wrote(path)

        return self._start(
            self.tr("Saving {0}").format(path.name),
            lambda report: _save(session, calibration, path),
            saved,
            quiet,
            aside=True,
        )

    def _state(self) -> tuple[Any, ...]:
        """What of the session is the user's own work."""
        document = self._document
        return document.plan.fingerprint, document.confirmed, tuple(run.name for run in document.runs)

    def _leave(self) -> None:
        """Another model is about to be opened: keep the session that is open, or what an earlier window left."""
        if self.autosave is None:
            return
        first, self._resumed = not self._resumed, True
        document = self._document
        if document.model is None:
            left = session_brief(self.autosave)
            if first and (edits_beside(self.autosave).is_file() or (left is not None and left[1])):
                path = self._place(left[0] if left is not None else "session")
                for one, other in ((self.autosave, path), (edits_beside(self.autosave), edits_beside(path))):
                    if one.is_file():
                        one.replace(other)
                self.set_aside.emit(path)
        elif (document.runs or document.undo_stack.count()) and self._state() != self._at_rest:
            path = self._place(document.model.name)
            self.save_session(path, quiet=True)
            self._at_rest = ()
            document.log(self.tr("kept {0}").format(path))
            self.set_aside.emit(path)

    def _place(self, source: str) -> Path:
        """Where a session is kept; the oldest of them makes room."""
        assert self.autosave is not None
        folder = self.autosave.with_name("left")
        folder.mkdir(parents=True, exist_ok=True)
        for old in sorted(folder.glob("*.qinspect"), key=lambda file: file.stat().st_mtime)[: -2 * KEPT]:
            old.unlink(missing_ok=True)
        stem = re.sub(r"[^\w.-]+", "-", Path(source.partition(":")[0]).stem) or "session"
        return folder / f"{stem} {datetime.now():%Y-%m-%d %H.%M.%S}{self.autosave.suffix}"

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
