"""An analysis as files: analysis.json, plan.json and one HTML page that opens offline."""

from __future__ import annotations

import datetime
import json
import math
from pathlib import Path
from typing import Any

from ..resources import resource
from .files import write_atomically, write_json
from .results import Analysis, LayerRow


def write_analysis(analysis: Analysis, out: Path) -> Path:
    """Write a folder with ``analysis.json``, ``plan.json`` and ``report.html``.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    Problem
        Where the folder cannot be written.
    """
    write_json(out / "analysis.json", finite(analysis.to_json()))
    write_json(out / "plan.json", analysis.plan)
    write_atomically(out / "report.html", report_html(analysis))
    return out / "report.html"


def finite(tree: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for what has no number."""
    if isinstance(tree, float):
        return tree if math.isfinite(tree) else None
    if isinstance(tree, dict):
        return {key: finite(item) for key, item in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [finite(item) for item in tree]
    return tree


def report_html(analysis: Analysis) -> str:
    """The report as one page with everything in it."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    unit = analysis.data.get("metric_unit")
    environment.filters.update(
        metric=lambda v: f"{v:.1%}" if unit in (None, "share") else f"{v:.4g} {unit}".strip(),
        percent=lambda v: "–" if v is None else f"{v:.1%}",
        number=lambda v, digits=3: "–" if v is None else f"{v:.{digits}f}",
        short=lambda v: "–" if v is None else f"{v:.3g}",
        signed=lambda v: "–" if v is None else f"{v:+.0f}",
    )
    template = environment.from_string(resource("report.html.j2").read_text(encoding="utf-8"))
    own = [row for row in analysis.layers if row.fused_into is None]
    return template.render(
        a=analysis,
        t=analysis.totals,
        rows=[_row(row, own) for row in own],
        chart=_chart(own),
        made=datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        plan=json.dumps(analysis.plan, indent=1),
        absorbed=len(analysis.layers) - len(own),
    )


def _row(row: LayerRow, own: list[LayerRow]) -> dict[str, Any]:
    total = sum(r.errors.estimated_kl or 0.0 for r in own)
    share = None
    if row.errors.estimated_kl is not None and total > 0:
        share = row.errors.estimated_kl / total
    won = None
    if row.latency and row.latency.fp32_us is not None and row.latency.int8_us is not None:
        won = row.latency.fp32_us - row.latency.int8_us
    weight = row.weight["dtype"] if row.quantized and row.weight else ("float" if row.parameters else "")
    activation = row.activation["dtype"] if row.quantized and row.activation else "float"
    return {"row": row, "share": share, "won": won, "weight": weight, "activation": activation}


def _chart(own: list[LayerRow]) -> dict[str, Any] | None:
    """Points of the errors along the depth, in a 1000 by 240 box; SQNR grows upwards."""
    rows = [row for row in own if row.quantized]
    figures = [
        value
        for row in rows
        for value in (row.errors.local_sqnr_db, row.errors.cumulative_sqnr_db)
        if value is not None
    ]
    if len(rows) < 2 or not figures:
        return None
    low, high = math.floor(min(0.0, *figures) / 10) * 10, math.ceil(max(figures) / 10) * 10
    shares = [row.errors.estimated_kl or 0.0 for row in rows]
    largest = max(shares) or 1.0
    step = 1000 / len(rows)

    def line(values: list[float | None]) -> str:
        return " ".join(
            f"{step * (i + 0.5):.1f},{240 * (high - v) / (high - low):.1f}"
            for i, v in enumerate(values)
            if v is not None
        )

    return {
        "low": low,
        "high": high,
        "ticks": [(v, 240 * (high - v) / (high - low)) for v in range(low, high + 1, 10)],
        "local": line([row.errors.local_sqnr_db for row in rows]),
        "cumulative": line([row.errors.cumulative_sqnr_db for row in rows]),
        "bars": [
            (step * i + step * 0.15, step * 0.7, 240 * s / largest, row.id, s)
            for i, (row, s) in enumerate(zip(rows, shares, strict=True))
        ],
    }
