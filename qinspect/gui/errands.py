"""What all that queues jobs shares: a problem is said, a failure and a cancel are logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from ..engine.problem import Problem
from ..engine.progress import Report
from .document import Document
from .jobs import Failure, Job, Jobs
from .language import translated


class Errands(QObject):
    """Queues jobs on a document.

    Signals
    -------
    problem(Problem | Failure)
        Something did not work; nothing was lost.
    """

    problem = Signal(object)

    def __init__(self, document: Document, jobs: Jobs) -> None:
        super().__init__(document)
        self._document = document
        self._jobs = jobs

    def _start(
        self,
        title: str,
        work: Callable[[Report], Any],
        done: Callable[[Any], None],
        quiet: bool = False,
        aside: bool = False,
        refused: Callable[[Problem], Any] | None = None,
    ) -> Job:
        """Queue a job; a problem goes to `refused`, where that is given, and whatever nobody expected to all."""
        job = self._jobs.start(title, work, quiet, aside)
        job.done.connect(done)
        job.failed.connect(
            lambda problem: (
                refused(problem) if refused is not None and isinstance(problem, Problem) else self.problem.emit(problem)
            )
        )
        job.failed.connect(lambda problem: self._document.log(self.tr("failed: {0}: {1}").format(title, line(problem))))
        job.cancelled.connect(lambda: quiet or self._document.log(self.tr("cancelled: {0}").format(title)))
        return job


def line(problem: object) -> str:
    """A problem or a failure in one line."""
    if isinstance(problem, Failure):
        return problem.summary
    return translated(problem.text) if isinstance(problem, Problem) else str(problem)
