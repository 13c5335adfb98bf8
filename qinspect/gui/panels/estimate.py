"""What is known of an edited plan before its figures are there, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from ...engine.results import Totals
from .figures import measured, micros, share, small

if TYPE_CHECKING:
    from ...engine.search.pareto import Verified
    from ...engine.search.whatif import WhatIf
    from ..document import Document

translate = QCoreApplication.translate


def edit_line(document: Document) -> tuple[str, str]:
    """What an edit does: what was measured at the outputs, else an estimate; and a tool tip. Empty where neither is."""
    run = document.shown
    totals = run.analysis.totals if run else None
    if (found := document.measured) is not None:
        return measured_line(totals, found, run.analysis.data.get("metric_unit") if run else None), ""
    estimate = document.estimate() if document.freshness == "stale" else None
    if estimate is None:
        return "", ""
    before = document.estimate(run.plan) if run else None
    return estimate_line(totals, before, estimate), explanation(before, estimate)


def measured_line(shown: Totals | None, found: Verified, unit: str | None = None) -> str:
    """What a plan does to the outputs, beside the figures on the screen; the metric is in a unit of its own."""
    shown = shown or Totals()
    kl = None if found.kl is None else found.kl.value
    agreement = None if found.agreement is None else found.agreement.value

    def metric(value: float | None) -> str:
        return measured(value, unit)

    figures: tuple[tuple[str, float | None, float | None, Callable[[float | None], str]], ...] = (
        (translate("Estimate", "KL {0} nats"), shown.kl, kl, small),
        (translate("Estimate", "MSE / power {0}"), shown.mse, found.mse if kl is None else None, small),
        (translate("Estimate", "agreement {0}"), shown.agreement, agreement, share),
        (translate("Estimate", "metric {0}"), shown.quantized_metric, found.metric, metric),
    )
    parts = [
        text.format(write(new) if old is None else f"{write(old)} → {write(new)}")
        for text, old, new, write in figures
        if new is not None
    ]
    return translate("Estimate", "Measured on {0} samples: {1}. The layers follow.").format(
        found.samples, " · ".join(parts)
    )


def estimate_line(shown: Totals | None, before: WhatIf | None, after: WhatIf) -> str:
    """What a plan is estimated to change of the figures on the screen.

    Estimates rest on the select split, whose samples may be harder or easier than those that were reported on (in
    the demo their KL divergence is three times as large). So a measured figure is changed in proportion.

    Parameters
    ----------
    shown : Totals | None
        The figures on the screen.
    before : WhatIf | None
        Estimates of their plan; None where nothing is known of it.
    after : WhatIf
    """

    def change(old: str, new: str) -> str:
        return new if before is None or old == "–" else f"{old} → {new}"

    parts = []
    if after.kl is not None:
        pair = _in_proportion(shown.kl if shown else None, before.kl if before else None, after.kl)
        parts.append(translate("Estimate", "KL {0} nats").format(change(*map(small, pair))))
    if after.mse is not None:
        pair = _in_proportion(shown.mse if shown else None, before.mse if before else None, after.mse)
        parts.append(translate("Estimate", "MSE / power {0}").format(change(*map(small, pair))))
    if after.drop is not None:
        drop = after.drop
        parts.append(
            translate("Estimate", "{0} points lost on the select split ({1} … {2})").format(
                f"{drop.value * 100:.1f}", f"{drop.low * 100:.1f}", f"{drop.high * 100:.1f}"
            )
        )
    elif after.agreement is not None:
        same = after.agreement
        value, low, high = share(same.value), share(same.low), share(same.high)
        parts.append(translate("Estimate", "agreement on the select split {0} ({1} … {2})").format(value, low, high))
    if after.ms is not None:
        old = None if before is None or before.ms is None else before.ms * 1e3
        parts.append(change(micros(old), micros(after.ms * 1e3)))
    parts.append(change("–" if before is None else _size(before.bytes), _size(after.bytes)))
    return translate("Estimate", "Estimated, not measured: {0}.").format(" · ".join(parts))


def _in_proportion(measured: float | None, before: float | None, after: float) -> tuple[float | None, float]:
    """The old and the new figure: measured, and changed as the estimates change, where that is known of both."""
    return (measured, measured * after / before) if measured and before else (before, after)


def explanation(before: WhatIf | None, after: WhatIf) -> str:
    """What the line rests on, for a tool tip."""
    lines = [
        translate(
            "Estimate",
            "Sums over all roundings of the plan, each scored apart on samples of the select split; times are sums of "
            "what runs measured layer by layer. The interval is that of the samples, not of the estimate.",
        )
    ]
    if before is not None and before.kl and after.kl is not None:
        lines.append(
            translate(
                "Estimate", "The sums are {0} → {1} nats there: what was measured is changed in this proportion."
            ).format(small(before.kl), small(after.kl))
        )
    if after.scaled:
        lines.append(
            translate(
                "Estimate",
                "{0} roundings were not scored yet as they are now: taken in proportion to their rounding error.",
            ).format(after.scaled)
        )
    if after.ms is None:
        lines.append(translate("Estimate", "No time: no run on this target timed all layers on the kernels they need."))
    return "\n".join(lines)


def _size(number: int) -> str:
    return f"{number / 1e6:.2f} MB" if number >= 1e5 else f"{number / 1e3:.1f} KB"
