"""An analysis as files: analysis.json, plan.json and one HTML page that opens offline."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..resources import resource
from .files import write_atomically, write_json
from .plan.target import Target
from .problem import Problem
from .results import Analysis, CalibrationQuality, LayerRow, error_shares
from .results.samples import Drift, WorstSample
from .staged import staged_file
from .text import ENGLISH, Language, Text, percent, remade


def write_analysis(analysis: Analysis, out: Path, language: Language = ENGLISH) -> Path:
    """Write a folder with ``analysis.json``, ``plan.json`` and ``report.html``.

    Parameters
    ----------
    analysis : Analysis
    out : Path
    language : Language
        Of the report; the JSON is English in all.

    Returns
    -------
    Path
        Of the report.

    Raises
    ------
    Problem
        Where the folder cannot be written.
    """
    with staged_file(out / "report.html") as page_file:
        write_json(page_file.with_name("analysis.json"), analysis.to_json())
        write_json(page_file.with_name("plan.json"), analysis.plan)
        write_atomically(page_file, report_html(analysis, language))
    return out / "report.html"


def report_html(analysis: Analysis, language: Language = ENGLISH) -> str:
    """The report as one page with everything in it.

    Raises
    ------
    Problem
        Where the analysis, which may come from a session's file, lacks a value.
    """
    from jinja2 import UndefinedError

    try:
        return _report(analysis, language)
    except (UndefinedError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        what = Text("a value of the analysis is missing or makes no sense ({error})", error=error)
        raise Problem(Text("report"), what, Text("Analyze it anew.")) from error


def _report(analysis: Analysis, language: Language) -> str:
    own = [row for row in analysis.layers if row.fused_into is None]
    shares = error_shares(own)
    return page(
        "report.html.j2",
        analysis.data.get("metric_unit"),
        language,
        a=analysis,
        t=analysis.totals,
        rows=[_row(row, shares.get(row.id)) for row in own],
        chart=_chart(own, shares),
        depths={item.index: _depth(item, own) for item in analysis.worst},
        drift=None if analysis.drift is None else _drift(analysis.drift),
        growth=None if analysis.quality is None else _growth(analysis.quality),
        target=Target(str(analysis.target["backend"]), str(analysis.target["engine"])).title,
        plan=json.dumps(analysis.plan, indent=1),
        absorbed=len(analysis.layers) - len(own),
    )


def page(template: str, unit: str | None, language: Language = ENGLISH, **values: Any) -> str:
    """A template of the resources, filled in.

    Parameters
    ----------
    template : str
        Its name; it extends ``page.html.j2``.
    unit : str | None
        Of the metric; ``share`` or None is a fraction.
    language : Language
        What the template has in ``_("…{x}…", x=…)``, and the engine's own texts given to ``said``, are put into it.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(resource("page.html.j2").parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        metric=lambda v: f"{v:.1%}" if unit in (None, "share") else f"{v:.4g} {unit}".strip(),
        said=language.say,
        percent=lambda v: "–" if v is None else percent(v),
        number=_number,
        short=lambda v: "–" if v is None else f"{v:.3g}",
        signed=lambda v: "–" if v is None else f"{v:+.0f}".replace("-", "−"),
    )
    figure = environment.filters

    def say(template: str, **values: Any) -> str:
        return language.say(remade(template.format(**values), template, values))

    def points(value: float, alone: bool = True) -> str:
        if unit not in (None, "share"):
            return str(figure["metric"](value))
        number = f"{100 * value:.1f}"
        return language.say(Text("{number} points", number=number)) if alone else number

    def span(ends: tuple[float, float] | None, kind: str) -> str:
        if ends is None:
            return ""
        low, high = (points(v, alone=False) if kind == "points" else figure[kind](v) for v in ends)
        return language.say(Text(" ({low} to {high})", low=low, high=high))

    figure.update(points=points, span=span)
    environment.globals["_"] = say
    made = datetime.datetime.now().astimezone().strftime("%Y-%m-%d %H:%M")
    return environment.get_template(template).render(made=made, language=language.code, **values)


def _number(value: float | None, digits: int = 3) -> str:
    """With so many decimals; what would be zeros alone has its magnitude instead."""
    if value is None:
        return "–"
    return f"{value:.1e}" if value and abs(value) < 0.5 * 10.0**-digits else f"{value:.{digits}f}"


def _row(row: LayerRow, share: float | None) -> dict[str, Any]:
    won = None
    if row.latency and row.latency.fp32_us is not None and row.latency.int8_us is not None:
        won = row.latency.fp32_us - row.latency.int8_us
    weight = row.weight["dtype"] if row.quantized and row.weight else ("float" if row.parameters else "")
    activation = row.activation["dtype"] if row.quantized and row.activation else "float"
    return {"row": row, "share": share, "won": won, "weight": weight, "activation": activation}


def _chart(own: list[LayerRow], of_error: Mapping[str, float]) -> dict[str, Any] | None:
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
    scale = Decibels(figures, len(rows))
    shares = [of_error.get(row.id, 0.0) for row in rows]
    largest = max(shares) or 1.0
    step = scale.step
    return {
        "ticks": scale.ticks,
        "local": scale.line([row.errors.local_sqnr_db for row in rows]),
        "cumulative": scale.line([row.errors.cumulative_sqnr_db for row in rows]),
        "bars": [
            (step * i + step * 0.15, step * 0.7, 240 * s / largest, row.id, s)
            for i, (row, s) in enumerate(zip(rows, shares, strict=True))
        ],
    }


class Decibels:
    """Figures of layers or steps in a 1000 by 240 box, one place for each; SQNR grows upwards."""

    def __init__(self, figures: list[float], places: int) -> None:
        self.low = math.floor(min(0.0, *figures) / 10) * 10
        self.high = max(math.ceil(max(figures) / 10) * 10, self.low + 10)
        self.step = 1000 / places
        # Every 10 dB; a file that was edited may say anything.
        spacing = 10 * max(1, (self.high - self.low) // 300)
        self.ticks = [(v, self.y(v)) for v in range(self.low, self.high + 1, spacing)]

    def y(self, value: float) -> float:
        return 240 * (self.high - value) / (self.high - self.low)

    def point(self, place: int, value: float) -> tuple[float, float]:
        return round(self.step * (place + 0.5), 1), round(self.y(value), 1)

    def line(self, values: list[float | None]) -> str:
        points = (self.point(i, v) for i, v in enumerate(values) if v is not None)
        return " ".join(f"{x},{y}" for x, y in points)


def _depth(sample: WorstSample, own: list[LayerRow]) -> dict[str, Any]:
    """One sample's error along the depth beside that of all samples, and where it grows most."""
    usual = {row.id: row.errors.cumulative_sqnr_db for row in own}
    names = list(sample.cumulative_sqnr_db)
    values = [sample.cumulative_sqnr_db[name] for name in names]
    others = [usual.get(name) for name in names]
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if not known:
        return {"fall": None, "ticks": [], "line": "", "all": "", "points": []}
    scale = Decibels([v for v in (*values, *others) if v is not None], len(names))
    return {
        "fall": None if sample.falls_at is None else (sample.falls_at, sample.falls_db),
        "ticks": scale.ticks,
        "line": scale.line(values),
        "all": scale.line(others),
        "points": [(*scale.point(i, v), names[i], v) for i, v in known],
    }


def _drift(drift: Drift) -> dict[str, Any] | None:
    """Errors of a state that was fed back, step by step; None where nothing differs."""
    series = {"output": drift.output_sqnr_db, "fresh": drift.fresh_sqnr_db, "state": drift.state_sqnr_db}
    figures = [value for values in series.values() for value in values if value is not None]
    if not figures:
        return None
    scale = Decibels(figures, drift.steps)
    return {"ticks": scale.ticks, **{name: scale.line(list(values)) for name, values in series.items()}}


def _growth(quality: CalibrationQuality) -> dict[str, Any]:
    """Parts of the whole range against the number of samples, its logarithm, in a 500 by 160 box."""
    counts = quality.counts
    least = min(0.9, math.floor(10 * min(quality.low)) / 10)
    across = {n: round(500 * math.log(n) / math.log(counts[-1]), 1) for n in counts}

    def y(share: float) -> float:
        return round(160 * (1 - share) / (1 - least), 1)

    def line(shares: tuple[float, ...]) -> str:
        return " ".join(f"{across[n]},{y(share)}" for n, share in zip(counts, shares, strict=True))

    marks = [n for n in counts[:-1] if across[n] < 460] + [counts[-1]]
    ticks = [least + (1 - least) * i / 4 for i in range(5)]
    return {
        "typical": line(quality.typical),
        "low": line(quality.low),
        "ticks": [(f"{100 * share:.0f}", y(share)) for share in ticks],
        "marks": [(n, across[n]) for n in marks],
        "half": quality.typical[counts.index(counts[-1] // 2)],
    }
