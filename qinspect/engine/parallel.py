"""Portions of the data on several processors at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain, islice
from threading import Lock
from typing import TypeVar

import torch

from .graph.memory import free_bytes
from .progress import Cancelled, Report, silent

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Portions at a time: each keeps its values, and all share the memory's speed."""


def at_a_time(each: int = 0) -> int:
    """How many portions are worked on at the same time, with the threads that torch has.

    Parameters
    ----------
    each : int
        Bytes that a portion takes while it is worked on; all together take half of what is free at most.
    """
    free = free_bytes() if each else None
    room = MOST if free is None else free // 2 // each
    return max(1, min(MOST, torch.get_num_threads(), room))


def in_parallel(
    work: Callable[[T, Report], R],
    portions: Iterable[T],
    samples: Callable[[T], float],
    report: Report = silent,
    *,
    before: float = 0.0,
    total: float = 0.0,
    each: Callable[[T], int] | None = None,
    apart: bool = True,
) -> Iterator[R]:
    """Results of some work on every portion, in their order.

    torch's own threads share every operator and wait for one another behind each, busily: on a computer
    that has something else to do a pass of small layers takes several times as long as with one thread.
    Portions wait for nobody. So each has a thread to itself, and torch's threads are shared out among
    them; the next portions are fetched (and images decoded) meanwhile.

    Parameters
    ----------
    work : callable
        Given a portion, and what it reports its own share to; gradient modes are per thread, so it sets them.
    portions : iterable
        Taken by the calling thread, a few ahead.
    samples : callable
        Of a portion: its part in the progress.
    report : Report
        Called by one thread at a time. What it raises ends the work on all portions.
    before, total : float
        Samples that were passed before, and all that are to come; 0 where that is not known.
    each : callable, optional
        Bytes that a portion takes while it is worked on.
    apart : bool
        False where portions may not run beside one another: code of the user's may not bear it.
    """
    progress = _Progress(report, before, total)
    waiting = iter(portions)
    first = list(islice(waiting, 2))
    threads = torch.get_num_threads()
    count = 1 if len(first) < 2 or not apart else at_a_time(each(first[0]) if each is not None else 0)
    if count < 2:
        for portion in chain(first, waiting):
            yield progress.run(work, portion, samples(portion))
    else:
        pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(threads // count,))
        running: deque[Future[R]] = deque()
        try:
            for portion in chain(first, waiting):
                running.append(pool.submit(progress.run, work, portion, samples(portion)))
                if len(running) > count:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            progress.left = True
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)  # the pool's number is that of every new thread
    if progress.cancelled:
        raise Cancelled


class _Progress:
    """What all portions have done together."""

    def __init__(self, report: Report, done: float, total: float) -> None:
        self.cancelled = self.left = False
        self._report, self._done, self._total, self._begun = report, done, total, done
        self._lock = Lock()

    def run(self, work: Callable[[T, Report], R], portion: T, samples: float) -> R:
        """A portion's result. Where the work is cancelled at its very end it is kept, and no other one begins."""
        known, last = 0.0, ""
        self._begun += samples

        def report(done: float, total: float, note: str = "") -> None:
            nonlocal known, last
            with self._lock:
                if self.cancelled or self.left:
                    raise Cancelled
                share = samples * (done / total if total else 1.0)
                self._done += share - known
                known, last = share, note or last
                self._report(self._done, self._total or self._begun, last)

        result = work(portion, report)
        try:
            report(1, 1)
        except Cancelled:
            self.cancelled = True
        return result
