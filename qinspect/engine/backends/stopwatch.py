"""Times of whole runs, as far as may be without what other programs take of the processor."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

COUNTS = sys.platform != "win32"
"""Whether a thread's computing time is counted finely enough; Windows does so in steps of 15.6 ms."""


class Stopwatch:
    """Of work on one thread the time that it computes, of work on several the time that passes.

    On a computer that does something else as well the median of what passes was three times what the same model takes
    there alone, and other figures would be as wrong that rest on it: a ratio, the plan that a search calls best.

    Parameters
    ----------
    threads : int
    """

    def __init__(self, threads: int) -> None:
        self._alone = threads == 1 and COUNTS
        self._passed = self._computed = 0.0

    def ms(self, run: Callable[[], Any]) -> float:
        """Milliseconds of a run."""
        passed, computed = time.perf_counter(), time.thread_time()
        run()
        computed, passed = time.thread_time() - computed, time.perf_counter() - passed
        self._passed += passed
        self._computed += computed
        return (computed if self._alone else passed) * 1e3

    @property
    def waited(self) -> float:
        """Share of the time in which the thread waited for the processor, 0 to 1; 0 where several threads compute."""
        return max(0.0, 1 - self._computed / self._passed) if self._alone and self._passed else 0.0
