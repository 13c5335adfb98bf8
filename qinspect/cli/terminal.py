"""What goes to the terminal: progress, lines, the verdict."""

from __future__ import annotations

import contextlib
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..engine.progress import Cancelled, Report
from ..engine.results import Analysis
from ..engine.text import percent

EVERY_S = 10.0
"""Where no terminal shows the progress, a line of it comes so often; what is done sooner says nothing."""

TWICE_S = 0.1
"""Signals that come sooner after each other are one: what is sent to a group of processes comes a second time from
the one that watches."""


def duration(ms: float) -> str:
    """With three digits or so: ms, or µs below a tenth of one."""
    return f"{ms:.2f} ms" if ms >= 0.1 else f"{1000 * ms:.1f} µs"


def durations(*each: float) -> list[str]:
    """Several, to be compared: all in the unit of the longest."""
    longest = max(each)
    digits = 3 if longest < 1 else 2
    return [f"{ms:.{digits}f} ms" if longest >= 0.1 else f"{1000 * ms:.1f} µs" for ms in each]


def nats(kl: float) -> str:
    """A KL divergence as a number; a small one with its magnitude."""
    return f"{kl:.4f}" if kl == 0 or abs(kl) >= 5e-4 else f"{kl:.1e}"


def divergence(kl: float) -> str:
    """A KL divergence with its unit, or in words where it is no number."""
    return f"{nats(kl)} nats" if math.isfinite(kl) else "infinite" if kl > 0 else "undefined"


def summary(found: Analysis) -> str:
    """The verdict in one line."""
    totals, unit = found.totals, found.data["metric_unit"]

    def share(value: float | None) -> str:
        return "–" if value is None else percent(value)

    def run(figure: Callable[[Any], str], simulated: float | None, kernels: float | None) -> str:
        return f"{figure(simulated)} simulated" + ("" if kernels is None else f", {figure(kernels)} in the kernels")

    parts = []
    if totals.fp32_metric is not None:
        # A metric of the user's own is no fraction unless it says so.
        figure = share if unit == "share" else lambda value: f"{value:.4g} {unit or ''}".strip()
        other = run(figure, totals.quantized_metric, totals.kernel_metric)
        parts.append(f"{found.data['metric']} {figure(totals.fp32_metric)} float, {other}")
    if totals.agreement is not None:
        parts.append(f"agreement {run(share, totals.agreement, totals.kernel_agreement)}")
    if totals.kl is not None:
        doubt = "; this does not hold" if totals.estimate_holds is False else ""
        parts.append(f"KL {divergence(totals.kl)} (estimated {nats(totals.estimated_kl or 0)}{doubt})")
    if totals.cosine is not None:
        parts.append(f"cosine {run('{:.4f}'.format, totals.cosine, totals.kernel_cosine)}")
    if totals.sqnr_db is not None:
        both = totals.agreement is None and totals.kernel_sqnr_db is not None
        decibels = "{:.1f} dB".format
        said = run(decibels, totals.sqnr_db, totals.kernel_sqnr_db) if both else decibels(totals.sqnr_db)
        each = ", ".join("–" if one.sqnr_db is None else decibels(one.sqnr_db) for one in found.outputs)
        parts.append(f"SQNR of all outputs {said} (of each {each})" if len(found.outputs) > 1 else f"SQNR {said}")
    if totals.int8_ms is not None and totals.fp32_ms is not None:
        float_time, int8_time = durations(totals.fp32_ms, totals.int8_ms)
        parts.append(f"{float_time} float, {int8_time} int8")
    return "; ".join(parts)


def aside(text: str) -> None:
    """Say something on stderr while `progress` shows how far the work is."""
    print("\r\033[K" if sys.stderr.isatty() else "", f"note: {text}", sep="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress() -> Iterator[Report]:
    """One line on a terminal's stderr, rewritten; in a file or pipe a line every `EVERY_S` seconds."""
    shown = sys.stderr.isatty()
    last = 0.0
    latest = "starting"

    def report(done: float, total: float, note: str = "") -> None:
        nonlocal last, latest
        latest = f"{done / total if total else 1.0:4.0%}  {note}"
        now = time.monotonic()
        if not shown or now - last < 0.1:
            return
        last = now
        print(f"\r\033[K{latest}", end="", file=sys.stderr, flush=True)

    over = threading.Event()

    def remind() -> None:
        while not over.wait(EVERY_S):
            print(latest.strip(), file=sys.stderr, flush=True)

    # Reports come when the work gets to it: importing torch or tracing a model takes its time without any.
    reminder = None if shown else threading.Thread(target=remind, daemon=True)
    if reminder is not None:
        reminder.start()
    try:
        yield report
    finally:
        over.set()
        if reminder is not None:
            reminder.join()
        else:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


@contextlib.contextmanager
def stoppable(report: Report) -> Iterator[Report]:
    """Ctrl+C ends the work at its next report, with what it has intact; a second one ends it at once."""
    asked: float | None = None

    def stop(*_: object) -> None:
        nonlocal asked
        if asked is not None and time.monotonic() - asked > TWICE_S:
            raise KeyboardInterrupt
        asked = time.monotonic() if asked is None else asked

    def inner(done: float, total: float, note: str = "") -> None:
        if asked is not None:
            raise Cancelled
        report(done, total, note)

    try:
        before = {kind: signal.signal(kind, stop) for kind in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not in the main thread, as in tests
        yield report
        return
    try:
        yield inner
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def say(line: str) -> None:
    """A line on stdout, without the rest of the progress before it."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(line, flush=True)
