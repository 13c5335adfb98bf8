"""Long work: one worker thread, and what the window hears of it. The only file of the window that starts threads."""

from __future__ import annotations

import contextlib
import ctypes
import math
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, QTimer, Signal

from ..engine.problem import Problem
from ..engine.process.unforeseen import problem_of
from ..engine.progress import Cancelled, Report

INTERVAL_S = 0.05
"""Progress is heard of at most this often (20 Hz)."""


SMOOTHED_S = 15.0
"""The rate of the work is that of about so many seconds before."""
UNKNOWN_S = 3.0
"""Nothing is said of the remaining time before."""
LISTEN_S = 10.0
"""Work that does not stop for so long after it was asked to is interrupted; after as long again it is left behind."""
RISE = 1.2
"""The remaining time grows at most by this factor, from one report to the next and within a second."""


class Remaining:
    """How long a job still takes, from an exponentially smoothed rate of its progress.

    Parameters
    ----------
    clock : callable
        Seconds, such as `time.monotonic`; the work begins now.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._began = self._last = clock()
        self._share = 0.0
        self._rate = 0.0
        self._weight = 0.0
        self._shown = -1.0
        self._heard = False

    def skip(self, seconds: float) -> None:
        """Nothing was done for so long: it says nothing of the rate."""
        self._began += seconds
        self._last += seconds

    def after(self, share: float) -> float:
        """Remaining seconds when ``share`` (0 to 1) is done; negative where not yet known."""
        now = self._clock()
        passed = now - self._last
        if passed <= 0:
            return self._shown
        first, self._heard = not self._heard, True
        if first and now - self._began < UNKNOWN_S:
            # What is done already was done before, by a calibration that goes on now: it says nothing of the rate.
            self._last, self._share = now, share
            return self._shown
        old = math.exp(-passed / SMOOTHED_S)
        self._rate = old * self._rate + (1 - old) * max(share - self._share, 0.0) / passed
        # The first seconds have no past to be smoothed with.
        self._weight = old * self._weight + (1 - old)
        self._last, self._share = now, share
        if self._rate <= 0 or now - self._began < UNKNOWN_S:
            return self._shown
        left = (1 - share) * self._weight / self._rate
        if self._shown >= 0:
            left = min(left, self._shown * RISE ** min(passed, 1.0))
        self._shown = left
        return left


@dataclass(frozen=True)
class Failure:
    """An exception that nobody expected, for a dialog with details.

    Parameters
    ----------
    title : str
        What was being done.
    summary : str
        One line: the exception's type and message.
    details : str
        The traceback.
    """

    title: str
    summary: str
    details: str


class Job(QObject):
    """One piece of long work; it lives in the GUI thread, and so do the slots of its signals.

    Signals
    -------
    progress(share, note, remaining_s)
        Share done from 0 to 1; remaining seconds, negative where not yet known.
    done(result), failed(Problem | Failure), cancelled()
        Exactly one of them, once.
    finished()
        After any of the three.
    started(), deaf(Job)
        It runs; it does not stop, although it was asked to and interrupted.
    """

    # A note is passed as the object that it is: as a str of Qt's it would forget how it was made.
    progress = Signal(float, object, float)
    done = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()
    started = Signal()
    deaf = Signal(object)

    _heard = Signal()
    _ended = Signal(str, object)
    _began = Signal()

    def __init__(
        self, title: str, work: Callable[[Report], Any], quiet: bool = False, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.title = title
        self.quiet = quiet
        self.aside = False
        self.over = False
        self._work = work
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._last, self._stage = 0.0, ""
        self._news: tuple[float, object, float] = (0.0, "", -1.0)  # the latest of the worker's
        self._on_its_way = False  # to the GUI thread
        self._told = 0.0
        self._remaining = Remaining()
        self._future: Future[None] | None = None
        self._thread: int | None = None  # in which the work runs now
        self._interrupted = False
        self._lock = threading.Lock()
        # The inner signals are emitted in the worker; queued connections carry them here.
        self._heard.connect(self._hear, Qt.ConnectionType.QueuedConnection)
        self._ended.connect(self._end, Qt.ConnectionType.QueuedConnection)
        self._began.connect(self.started, Qt.ConnectionType.QueuedConnection)

    def cancel(self) -> None:
        """Ask the work to stop; `cancelled` follows when it has."""
        self._stop.set()
        if self._future is not None and self._future.cancel():
            self._ended.emit("cancelled", None)
        elif not self.over:
            QTimer.singleShot(int(1000 * LISTEN_S), self, self._interrupt)

    def pause(self, on: bool) -> None:
        """Hold the work at its next report, or let it go on."""
        if on:
            self._go.clear()
        else:
            self._go.set()

    @property
    def paused(self) -> bool:
        """Whether the work is held."""
        return not self._go.is_set()

    @property
    def cancelling(self) -> bool:
        """Whether the work was asked to stop."""
        return self._stop.is_set()

    def _interrupt(self) -> None:
        """As Ctrl+C does on the command line: a model's own code that never comes back ends at its next instruction."""
        with self._lock:
            if self._thread is None:
                return
            self._interrupted = True
            _raise_in(self._thread, Cancelled)
        QTimer.singleShot(int(1000 * LISTEN_S), self, self._give_up)

    def _give_up(self) -> None:
        if not self.over:
            self.deaf.emit(self)

    def left_behind(self) -> None:
        """It is over for the window, though its thread still runs."""
        what = self.tr("does not stop; it is at {0}").format(_place(self._thread or 0))
        remedy = self.tr(
            "The window goes on without it. It still takes a processor: start qinspect anew to time anything."
        )
        self._end("failed", Problem(self.title, what, remedy))

    # -- in the worker ------------------------------------------------------------------------

    def _report(self, done: float, total: float, note: str = "") -> None:
        self._hold()
        if self._stop.is_set():
            raise Cancelled
        now, stage = time.monotonic(), getattr(note, "template", note)
        # Where something else begins that is said at once: it may be long before more is heard.
        if now - self._last < INTERVAL_S and stage == self._stage:
            return
        self._last, self._stage = now, stage
        share = min(max(done / total, 0.0), 1.0) if total else 0.0
        self._news = share, note, self._remaining.after(share)
        if not self._on_its_way:
            self._on_its_way = True
            self._heard.emit()

    def _hold(self) -> None:
        if self._go.is_set():
            return
        began = time.monotonic()
        while not self._go.wait(0.05) and not self._stop.is_set():
            pass
        self._remaining.skip(time.monotonic() - began)

    def _run(self) -> None:
        self._remaining = Remaining()
        self._began.emit()
        kind, value = "cancelled", None
        with contextlib.suppress(Cancelled):  # an interruption that comes when the work has just ended
            kind, value = self._outcome()
        self._thread = None
        # Closing the window may have deleted the job meanwhile: then nobody listens any more.
        with contextlib.suppress(RuntimeError):
            self._ended.emit(kind, value)

    def _outcome(self) -> tuple[str, Any]:
        with self._lock:
            self._thread = threading.get_ident()
        try:
            return "done", self._work(self._report)
        except Cancelled:
            return "cancelled", None
        except Problem as problem:
            return "failed", problem
        except (Exception, SystemExit) as error:  # the user's code may call sys.exit
            if said := problem_of(error):
                return "failed", said
            summary = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            return "failed", Failure(self.title, summary, traceback.format_exc())
        finally:
            with self._lock:
                self._thread = None
            if self._interrupted:
                _meet()

    # -- in the GUI thread --------------------------------------------------------------------

    def _hear(self) -> None:
        """Tell the latest, and no more often than `INTERVAL_S`: stages may change faster than anybody reads."""
        early = INTERVAL_S - (time.monotonic() - self._told)
        if early > 0:
            QTimer.singleShot(math.ceil(1000 * early), self, self._hear)
            return
        self._told = time.monotonic()
        self._on_its_way = False  # before it is read: what comes after that is told anew
        if not self.over:
            self.progress.emit(*self._news)

    def _end(self, kind: str, value: object) -> None:
        if self.over:
            return
        self.over = True
        if kind == "done" and not self._stop.is_set():
            self.done.emit(value)
        elif kind == "failed":
            self.failed.emit(value)
        else:
            self.cancelled.emit()
        self.finished.emit()


def _place(thread: int) -> str:
    """File and line that a thread is at, outside of Python's own library."""
    library = sysconfig.get_path("stdlib")
    frame = sys._current_frames().get(thread)
    while frame is not None and frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith(library) or "site-packages" in file:
            break
        frame = frame.f_back
    return "?" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _raise_in(thread: int, kind: type[BaseException]) -> None:
    """Raise an exception in another thread at its next instruction."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(kind))


def _meet() -> None:
    """Wait for an exception that was raised in this thread, where it has not arrived yet.

    It cannot be taken back: CPython 3.11 would then look for it at every call and jump of every thread for good, and
    under a tracer never get past the first.
    """
    for _ in range(1000):
        pass


def _one_thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="qinspect-job")


class Jobs(QObject):
    """The queue: one thing at a time, so that a measurement never runs beside a calibration.

    Signals
    -------
    changed(Job | None)
        The job that now runs and is to be shown, or None.
    """

    changed = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = _one_thread()
        self._aside = _one_thread()
        self._left: list[ThreadPoolExecutor] = []  # whose work does not stop
        self._jobs: list[Job] = []
        self._closed = False

    def start(self, title: str, work: Callable[[Report], Any], quiet: bool = False, aside: bool = False) -> Job:
        """Queue ``work(report)``; connect to the job before the event loop runs again.

        Parameters
        ----------
        title : str
            What is being done, for people.
        work : callable
            Called in the worker; what it returns arrives at `Job.done`.
        quiet : bool
            Not shown in the progress strip.
        aside : bool
            Of a moment, and not to wait for what is under way: writing a session. It runs beside the queue.
        """
        # With a parent, the C++ object is deleted here and not where the worker lets go of it.
        job = Job(title, work, quiet, self)
        self._jobs.append(job)
        job.started.connect(self._announce)
        job.deaf.connect(self._leave)
        job.finished.connect(self._sweep)
        if not self._closed:
            job._future = (self._aside if aside else self._pool).submit(job._run)
        job.aside = aside
        self._announce()
        return job

    @property
    def current(self) -> Job | None:
        """The first job that is under way or waiting and that is to be shown."""
        return next((job for job in self._jobs if not job.quiet), None)

    @property
    def idle(self) -> bool:
        """Whether nothing runs or waits."""
        return not self._jobs

    def cancel_all(self) -> None:
        """Ask everything to stop."""
        for job in list(self._jobs):
            job.cancel()

    def close(self, wait_s: float = 5.0) -> bool:
        """Cancel everything and wait for it.

        Returns
        -------
        bool
            Whether the worker stopped; where it did not, the process has to be ended by force.
        """
        self._closed = True
        self.cancel_all()
        for pool in (self._pool, self._aside):
            pool.shutdown(wait=False, cancel_futures=True)
        stop = time.monotonic() + wait_s
        for job in self._jobs:
            future = job._future
            while future is not None and not future.done():
                if time.monotonic() > stop:
                    return False
                time.sleep(0.01)
        for job in list(self._jobs):
            job.over = True
        self._jobs.clear()
        # The worker itself ends a moment after its last future.
        for thread in [thread for pool in (*self._left, self._pool, self._aside) for thread in pool._threads]:
            thread.join(max(0.0, stop - time.monotonic()))
            if thread.is_alive():
                return False
        return True

    def _leave(self, job: Job) -> None:
        """Go on in a new thread with what waits behind work that does not stop."""
        if job.over or self._closed:
            return
        self._left.append(self._pool)
        self._pool = _one_thread()
        for waiting in self._jobs:
            if waiting is job or waiting.aside or waiting._future is None:
                continue
            if waiting._future.cancel():
                waiting._future = self._pool.submit(waiting._run)
        self._left[-1].shutdown(wait=False)
        job.left_behind()

    def _announce(self) -> None:
        self.changed.emit(self.current)

    def _sweep(self) -> None:
        for job in [job for job in self._jobs if job.over]:
            self._jobs.remove(job)
            job.deleteLater()
        self._announce()
