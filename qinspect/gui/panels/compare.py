"""Two runs side by side: what differs in the plan, and what that did."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from html import escape
from typing import Any

from PySide6.QtCore import QCoreApplication

from ...engine.plan.qconfig import config_from_json
from ...engine.results import Totals
from ...session import Run
from .figures import described, drop, measured, millis, share, small

ROLES = ("weight", "activation")
SHOWN = 12
"""Lines of a kind that are shown."""
NAME, WIDE_NAME = 14, 48
"""Letters of a run's name over its column at most, beside the table and where the comparison has all the width."""


translate = QCoreApplication.translate


@dataclass(frozen=True)
class Row:
    """One line of the comparison; `change` says what the second has otherwise."""

    name: str
    one: str
    two: str
    change: str = ""


@dataclass(frozen=True)
class Comparison:
    """What differs between two runs.

    Parameters
    ----------
    figures : tuple of Row
        The model's figures, where either has them.
    plan : tuple of str
        What the second plan has otherwise, a line each.
    layers : tuple of Row
        The layers whose estimated KL changed most, the largest change first.
    """

    figures: tuple[Row, ...]
    plan: tuple[str, ...]
    layers: tuple[Row, ...]


def compare(one: Run, two: Run) -> Comparison:
    """What the second run has otherwise than the first."""
    a, b = one.analysis.totals, two.analysis.totals
    figures = []
    units = [run.analysis.data.get("metric_unit") for run in (one, two)]
    for (name, get, text), (_, _, other_text) in zip(_figures(units[0]), _figures(units[1]), strict=True):
        x, y = get(a), get(b)
        if x is not None or y is not None:
            if x is None or y is None or x == y:
                change = ""
            else:
                change = drop(y, x) if text(x).endswith("%") else f"{y - x:+.3g}"
            figures.append(Row(name, text(x), other_text(y), change))
    rows = []
    for row in two.analysis.layers:
        other = one.analysis.row(row.id)
        x = None if other is None else other.errors.estimated_kl
        y = row.errors.estimated_kl
        if row.fused_into is None and (x or 0.0) != (y or 0.0):
            # A layer in float causes none.
            rows.append((abs((y or 0.0) - (x or 0.0)), Row(row.id, small(x), small(y), f"{(y or 0) - (x or 0):+.3g}")))
    rows.sort(key=lambda item: -item[0])
    return Comparison(
        tuple(figures),
        tuple(plan_differences(one.plan.to_json(), two.plan.to_json())),
        tuple(row for _, row in rows[:SHOWN]),
    )


Figure = tuple[str, Callable[[Totals], float | None], Callable[[float | None], str]]


def _figures(unit: str | None) -> tuple[Figure, ...]:
    """The model's figures; `unit` is the metric's."""

    def ms(value: float | None) -> str:
        return "–" if value is None else f"{millis(value)} ms"

    def nats(value: float | None) -> str:
        return "–" if value is None else f"{small(value)} nats"

    def db(value: float | None) -> str:
        return "–" if value is None else f"{value:.1f} dB"

    return (
        (translate("Compare", "metric, simulated"), lambda t: t.quantized_metric, lambda v: measured(v, unit)),
        (translate("Compare", "metric, kernel"), lambda t: t.kernel_metric, lambda v: measured(v, unit)),
        (translate("Compare", "agreement, simulated"), lambda t: t.agreement, share),
        (translate("Compare", "agreement, kernel"), lambda t: t.kernel_agreement, share),
        (translate("Compare", "KL, simulated"), lambda t: t.kl, nats),
        (translate("Compare", "KL, kernel"), lambda t: t.kernel_kl, nats),
        (translate("Compare", "KL, estimated"), lambda t: t.estimated_kl, nats),
        (translate("Compare", "SQNR of the output"), lambda t: t.sqnr_db, db),
        (translate("Compare", "time, float"), lambda t: t.fp32_ms, ms),
        (translate("Compare", "time, int8"), lambda t: t.int8_ms, ms),
        (translate("Compare", "samples"), lambda t: t.samples, lambda v: "–" if v is None else f"{v:.0f}"),
    )


def as_html(one: Run, two: Run, letters: int = NAME) -> str:
    """The comparison for a text browser, with so many letters of the runs' names."""
    found = compare(one, two)
    # The table beside says them whole; columns with figures are not to be as wide as a name.
    names = [run.name if len(run.name) <= letters else f"{run.name[: letters - 1].rstrip()}…" for run in (one, two)]
    title = translate("Compare", "What differs in the plan")
    parts = [
        _table((translate("Compare", "Figure"), *names, "Δ"), found.figures, whole=True),
        f"<p><b>{escape(title)}</b></p>",
    ]
    lines = list(found.plan) or [translate("Compare", "The plans are the same.")]
    more = [translate("Compare", "and {0} more").format(len(lines) - SHOWN)] if len(lines) > SHOWN else []
    parts += [f"<div>{escape(line)}</div>" for line in (*lines[:SHOWN], *more)]
    if found.layers:
        title = translate("Compare", "Layers whose estimated KL changed most (nats)")
        parts.append(f"<p><b>{escape(title)}</b></p>")
        parts.append(_table((translate("Compare", "Layer"), *names, "Δ"), found.layers))
    return "".join(parts)


def _table(head: tuple[str, ...], rows: tuple[Row, ...], whole: bool = False) -> str:
    """Rows of a table; what a row is called may be broken where it need not stay `whole`."""
    top = "".join(f"<th align='{'left' if i == 0 else 'right'}'>{escape(text)}</th>" for i, text in enumerate(head))
    fixed = " style='white-space: nowrap'"
    lines = "".join(
        f"<tr><td{fixed if whole else ''}>{escape(row.name)}</td>"
        + "".join(f"<td align='right'{fixed}>{escape(text)}</td>" for text in (row.one, row.two, row.change))
        + "</tr>"
        for row in rows
    )
    return f"<table cellpadding='3' cellspacing='0' width='100%'><tr>{top}</tr>{lines}</table>"


def plan_differences(one: dict[str, Any], two: dict[str, Any]) -> list[str]:
    """What the second plan has otherwise than the first, a line each."""
    lines = [*_elsewhere(one["target"], two["target"])]
    for role in ROLES:
        a, b = one["default"][role], two["default"][role]
        if a != b:
            said = translate("Compare", "default {0}: {1} → {2}")
            lines.append(said.format(_role(role), _brief(a), _brief(b)))
    left = {json.dumps(o["match"]): o for o in one["overrides"]}
    right = {json.dumps(o["match"]): o for o in two["overrides"]}
    for key in dict.fromkeys([*left, *right]):
        if left.get(key) != right.get(key):
            ((_, pattern),) = json.loads(key).items()
            lines.append(f"{pattern}: {_override(left.get(key))} → {_override(right.get(key))}")
    off, done = ([read(plan) for plan in (one, two)] for read in (_fusions_off, _remedies))
    to_on, to_off = translate("Compare", "{0}: off → on"), translate("Compare", "{0}: on → off")
    # A remedy is there or not; a fusion is there unless it is switched off.
    for said, some in ((to_off, off[1] - off[0]), (to_on, off[0] - off[1])):
        lines += [said.format(translate("Compare", "fusion {0}").format(name)) for name in sorted(some)]
    for said, some in ((to_on, done[1] - done[0]), (to_off, done[0] - done[1])):
        lines += [said.format(f"{_remedy(kind)} {', '.join(layers)}") for kind, layers in sorted(some)]
    return lines


def _elsewhere(one: dict[str, Any], two: dict[str, Any]) -> Iterator[str]:
    """What differs between two targets."""
    for key in sorted(one.keys() | two.keys()):
        if one.get(key) != two.get(key):
            yield translate("Compare", "target {0}: {1} → {2}").format(key, one.get(key), two.get(key))


def _fusions_off(plan: dict[str, Any]) -> set[str]:
    return {item["id"] for item in plan["fusions"] if not item["on"]}


def _remedies(plan: dict[str, Any]) -> set[tuple[str, tuple[str, ...]]]:
    return {(item["kind"], tuple(item["layers"])) for item in plan.get("remedies", ())}


def _role(role: str) -> str:
    return {"weight": translate("Planned", "weight"), "activation": translate("Planned", "activation")}[role]


def _remedy(kind: str) -> str:
    return {
        "equalize": translate("Planned", "equalize neighbours"),
        "adaround": translate("Planned", "round by data"),
        "bias_correction": translate("Planned", "correct biases"),
    }[kind]


def _brief(item: Any) -> str:
    return described(config_from_json(item))


def _override(item: Any) -> str:
    if item is None:
        return translate("Compare", "default")
    return ", ".join(f"{_role(role)} {_brief(item[role])}" for role in ROLES if role in item)
