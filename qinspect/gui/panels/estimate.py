"""What is known of an edited plan before its figures are there, in one line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from ...engine.results import Totals
from .figures import measured, micros, share, small

if TYPE_CHECKING:
    from ...engine.search.pareto import Pareto, Point
    from ...engine.search.whatif import WhatIf
    from ...session import Run
    from ..document import Document

translate = QCoreApplication.translate


def edit_line(document: Document) -> tuple[str, str]:
    """What an edit did: what was measured of it, else an estimate; and a tool tip. Empty where neither is."""
    run = document.shown
    totals = run.analysis.totals if run else None
    unit = run.analysis.data.get("metric_unit") if run else None
    if (found := document.measured) is not None:
        kl, agreement = (None if each is None else each.value for each in (found.kl, found.agreement))
        outputs = Totals(kl=kl, mse=found.mse, agreement=agreement, quantized_metric=found.metric)
        chosen = () if document.data is None else document.data.splits.final[: found.samples]
        old = _on(run, chosen) or totals
        rest = translate("Estimate", "Stopped before the layers' figures were there.")
        rest = rest if document.stopped else translate("Estimate", "The layers follow.")
        return " ".join((measured_line(old, outputs, found.samples, unit), rest)), ""
    if run is not None and document.freshness == "quick":
        chosen = tuple(row.index for row in run.analysis.samples)
        return measured_line(_on(document.measured_before, chosen), run.analysis.totals, len(chosen), unit), ""
    stale = document.freshness == "stale"
    if stale and (point := document.found_point()) is not None and document.searched is not None:
        return searched_line(document.searched, point), ""
    estimate = document.estimate() if stale else None
    stopped = translate("Estimate", "Stopped before the new figures were there.") if document.stopped else ""
    if estimate is None:
        return stopped, ""
    before = document.estimate(run.plan) if run else None
    return " ".join(filter(None, (estimate_line(totals, before, estimate), stopped))), explanation(before, estimate)


def searched_line(found: Pareto, point: Point) -> str:
    """What the search has measured of one of its plans, beside the one that it was given."""
    given, taken = found.start.select, point.select
    if given is None or taken is None:
        return ""
    scale, unit = (100, translate("Estimate", "points")) if found.drop_unit == "points" else (1, found.drop_unit)
    kl, drop = translate("Estimate", "KL {0} nats"), translate("Estimate", "{0} {1} lost")
    parts = []
    if given.kl is not None and taken.kl is not None:
        parts.append(kl.format(f"{small(given.kl.value)} → {small(taken.kl.value)}"))
    elif given.mse is not None and taken.mse is not None:
        parts.append(translate("Estimate", "MSE / power {0}").format(f"{small(given.mse)} → {small(taken.mse)}"))
    if given.drop is not None and taken.drop is not None:
        old, new = (f"{each.value * scale:.3g}" for each in (given.drop, taken.drop))
        parts.append(drop.format(f"{old} → {new}", unit))
    if found.start.int8_ms is not None and point.int8_ms is not None:
        parts.append(f"{micros(found.start.int8_ms * 1e3)} → {micros(point.int8_ms * 1e3)}")
    text = translate("Estimate", "Measured by the search on {0} samples of the select split: {1}.")
    return text.format(taken.samples, " · ".join(parts))


def _on(run: Run | None, chosen: Sequence[int]) -> Totals | None:
    """Figures of a run on some samples of its own, or None: what rests on others says nothing of an edit."""
    wanted = set(chosen)
    rows = [] if run is None else [row for row in run.analysis.samples if row.index in wanted]
    if run is None or not rows or len(rows) < len(wanted):
        return None
    if len(rows) == len(run.analysis.samples):
        return run.analysis.totals
    kl, same = ([getattr(row, name) for row in rows] for name in ("kl", "agreement"))
    means = (None if None in each else sum(each) / len(each) for each in (kl, same))
    return Totals(**dict(zip(("kl", "agreement"), means, strict=True)))


def measured_line(old: Totals | None, new: Totals, samples: int, unit: str | None = None) -> str:
    """What was measured of a plan, beside the figures of the one before; the metric is in a unit of its own."""
    old = old or Totals()

    def metric(value: float | None) -> str:
        return measured(value, unit)

    figures: tuple[tuple[str, float | None, float | None, Callable[[float | None], str]], ...] = (
        (translate("Estimate", "KL {0} nats"), old.kl, new.kl, small),
        (translate("Estimate", "MSE / power {0}"), old.mse, new.mse if new.kl is None else None, small),
        (translate("Estimate", "agreement {0}"), old.agreement, new.agreement, share),
        (translate("Estimate", "metric {0}"), old.quantized_metric, new.quantized_metric, metric),
    )
    parts = [
        text.format(write(now) if was is None else f"{write(was)} → {write(now)}")
        for text, was, now, write in figures
        if now is not None
    ]
    return translate("Estimate", "Measured on {0} samples: {1}.").format(samples, " · ".join(parts)) if parts else ""


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
        return new if before is None or old in ("–", new) else f"{old} → {new}"

    parts = []
    if after.kl is not None:
        pair = _in_proportion(shown.kl if shown else None, before.kl if before else None, after.kl)
        parts.append(translate("Estimate", "KL {0} nats").format(change(*map(small, pair))))
    elif after.mse is not None:
        pair = _in_proportion(shown.mse if shown else None, before.mse if before else None, after.mse)
        parts.append(translate("Estimate", "MSE / power {0}").format(change(*map(small, pair))))
    parts += _answers(shown, before, after)
    if after.ms is not None:
        was = None if before is None or before.ms is None else before.ms * 1e3
        parts.append(change(micros(was), micros(after.ms * 1e3)))
    parts.append(change("–" if before is None else _size(before.bytes), _size(after.bytes)))
    text = (
        translate("Estimate", "Roughly, as values are cut off: {0}.")
        if after.cut
        else translate("Estimate", "Estimated: {0}.")
    )
    return text.format(" · ".join(parts))


def _answers(shown: Totals | None, before: WhatIf | None, after: WhatIf) -> list[str]:
    """What becomes of the answers: what is lost on the screen, changed as the select split's estimates change.

    Estimates of that split alone would stand beside figures of another one, which may be far from them.
    """
    if after.drop is not None:
        was = None if before is None or before.drop is None else before.drop.value
        kept = (None, None) if shown is None else (shown.fp32_metric, shown.quantized_metric)
        lost = None if None in kept else kept[0] - kept[1]  # type: ignore[operator]
        if not lost or lost < 0 or not was or was < 0:
            return []
        points = (f"{each * 100:.1f}" for each in (lost, lost * max(0.0, after.drop.value) / was))
        return [translate("Estimate", "{0} points lost").format(_change(*points))]
    if after.agreement is not None and before is not None and before.agreement is not None:
        lost = None if shown is None or shown.agreement is None else 1 - shown.agreement
        was = 1 - before.agreement.value
        if not lost or not was:
            return []
        new = 1 - min(1.0, lost * (1 - after.agreement.value) / was)
        return [translate("Estimate", "agreement {0}").format(_change(share(1 - lost), share(new)))]
    return []


def _change(old: str, new: str) -> str:
    return new if old == new else f"{old} → {new}"


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
    for text, figure in (
        (translate("Estimate", "{0} points lost there, {1} … {2}."), after.drop),
        (translate("Estimate", "Agreement there {0}%, {1} … {2}."), None if after.drop else after.agreement),
    ):
        if figure is not None:
            lines.append(text.format(*(f"{each * 100:.1f}" for each in (figure.value, figure.low, figure.high))))
    if after.scaled:
        lines.append(
            translate(
                "Estimate",
                "{0} roundings were not scored yet as they are now: taken in proportion to their rounding error.",
            ).format(after.scaled)
        )
    if after.cut:
        lines.append(
            translate(
                "Estimate",
                "Of {0} of them most of the error is that of values beyond the range. What cutting these off does "
                "is not in proportion to their error, and can be several times more or less.",
            ).format(after.cut)
        )
    if after.ms is None:
        lines.append(translate("Estimate", "No time: no run on this target timed all layers on the kernels they need."))
    return "\n".join(lines)


def _size(number: int) -> str:
    return f"{number / 1e6:.2f} MB" if number >= 1e5 else f"{number / 1e3:.1f} KB"
