"""How a long computation tells how far it is, and how it is stopped."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[float, float, str], None]
"""``report(done, total, note)``: called at least every 100 ms where the operators allow.

The call raises `Cancelled` when the work is to stop; the work lets that pass.
"""


class Cancelled(Exception):
    """The user asked for the work to stop."""


def silent(done: float, total: float, note: str = "") -> None:
    """Report to nobody."""


def part(report: Report, start: float, stop: float, note: str = "") -> Report:
    """A report for one part of a longer piece of work.

    Parameters
    ----------
    report : Report
        Where the whole is reported; its total is 1.
    start, stop : float
        The share of the whole (0 to 1) at which the part begins and ends.
    note : str
        Used where the part gives no note of its own.
    """

    def inner(done: float, total: float, inner_note: str = "") -> None:
        share = done / total if total else 1.0
        report(start + (stop - start) * share, 1.0, inner_note or note)

    return inner
