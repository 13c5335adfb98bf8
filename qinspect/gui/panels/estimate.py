"""What an edit is estimated to do, in one line: nothing in it was measured under the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from .figures import micros, share, small

if TYPE_CHECKING:
    from ...engine.search.whatif import WhatIf

translate = QCoreApplication.translate


def estimate_line(before: WhatIf | None, after: WhatIf) -> str:
    """Estimates of a plan beside those of the one that the figures on the screen are of.

    Parameters
    ----------
    before : WhatIf | None
        None where nothing is known of it.
    after : WhatIf
    """

    def change(old: str, new: str) -> str:
        return new if before is None or old == "–" else f"{old} → {new}"

    parts = []
    if after.kl is not None:
        text = change(small(None if before is None else before.kl), small(after.kl))
        parts.append(translate("Estimate", "KL {0} nats").format(text))
    if after.mse is not None:
        text = change(small(None if before is None else before.mse), small(after.mse))
        parts.append(translate("Estimate", "MSE / power {0}").format(text))
    if after.drop is not None:
        drop = after.drop
        parts.append(
            translate("Estimate", "{0} points lost ({1} … {2})").format(
                f"{drop.value * 100:.1f}", f"{drop.low * 100:.1f}", f"{drop.high * 100:.1f}"
            )
        )
    elif after.agreement is not None:
        same = after.agreement
        value, low, high = share(same.value), share(same.low), share(same.high)
        parts.append(translate("Estimate", "agreement {0} ({1} … {2})").format(value, low, high))
    if after.ms is not None:
        old = None if before is None or before.ms is None else before.ms * 1e3
        parts.append(change(micros(old), micros(after.ms * 1e3)))
    parts.append(change("–" if before is None else _size(before.bytes), _size(after.bytes)))
    return translate("Estimate", "Estimated, not measured: {0}.").format(" · ".join(parts))


def explanation(after: WhatIf) -> str:
    """What the line rests on, for a tool tip."""
    lines = [
        translate(
            "Estimate",
            "Sums over all roundings of the plan, each scored apart on samples of the select split; times are sums of "
            "what runs measured layer by layer. The interval is that of the samples, not of the estimate.",
        )
    ]
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
