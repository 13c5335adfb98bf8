"""Python's searches for garbage: the long ones not while the window is in use."""

from __future__ import annotations

import gc

from PySide6.QtCore import QObject

from .document import Document
from .jobs import Job
from .tasks import Tasks

NEVER = 1 << 30


class Garbage(QObject):
    """Keeps the search through all objects from holding the window while torch is imported and models are opened.

    Both make some hundred thousand objects that stay, and whenever a quarter more are there, Python looks through all
    of them and every thread waits: seven times while 1,251 layers are opened, up to 0.6 s each. So the young alone are
    looked through meanwhile, and what is there afterwards is set aside (`gc.freeze`). Where a model takes another one's
    place all are looked through once, for what the old one left behind.

    One for the process: it changes what Python does in all of it.
    """

    def __init__(self, tasks: Tasks, document: Document) -> None:
        super().__init__(tasks)
        self._usual = gc.get_threshold()
        self._making: list[Job] = []
        self._replaced = False
        tasks.making_many.connect(self._put_off)
        document.leaving.connect(lambda: self._leave(document))

    def _put_off(self, job: Job) -> None:
        self._making.append(job)
        gc.set_threshold(*self._usual[:2], NEVER)
        job.finished.connect(lambda: self._set_aside(job))

    def _leave(self, document: Document) -> None:
        self._replaced = document.model is not None

    def _set_aside(self, job: Job) -> None:
        self._making.remove(job)
        if self._replaced:
            self._replaced = False
            gc.unfreeze()
            gc.collect()
        gc.freeze()
        if not self._making:
            gc.set_threshold(*self._usual)
