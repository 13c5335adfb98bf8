"""A comparison as files: compare.json and one HTML page that opens offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from ..files import write_atomically, write_json
from ..plan.qconfig import DTYPES
from ..report import Decibels, page
from ..staged import staged_file
from ..text import ENGLISH, Language
from . import ComparedLayer, Comparison

WIDTH, HEIGHT = 256, 40
"""Of a layer's histogram, in units of the picture."""


def write_comparison(found: Comparison, out: Path, language: Language = ENGLISH) -> Path:
    """Write a folder with ``compare.json`` and ``compare.html``.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    Problem
        Where the folder cannot be written.
    """
    with staged_file(out / "compare.html") as page_file:
        write_json(page_file.with_name("compare.json"), found.to_json())
        write_atomically(page_file, compare_html(found, language))
    return out / "compare.html"


def compare_html(found: Comparison, language: Language = ENGLISH) -> str:
    """The comparison as one page with everything in it."""
    existing = found.quantized.get("existing") or {}
    maker = f" by {existing['producer']}" if existing.get("producer") else ""
    return page(
        "compare.html.j2",
        found.data.get("metric_unit"),
        language,
        c=found,
        t=found.totals,
        form=f"{existing['form']}{maker}" if existing else "",
        rows=[_row(row) for row in found.layers],
        chart=_chart(found.layers),
        plan=json.dumps(existing["plan"], indent=1) if existing.get("plan") else "",
    )


def _row(row: ComparedLayer) -> dict[str, Any]:
    kinds = [grid["dtype"] for grid in (row.weight, row.activation) if grid is not None]
    histogram = row.weight_histogram
    zeros = None
    middle = None if row.weight is None else _number(row.weight["zero_point"])
    if histogram is not None and middle is not None:
        at = dict(zip(histogram["integers"], histogram["counts"], strict=True))
        zeros = at.get(middle, 0) / max(1, sum(histogram["counts"]))
    return {
        "row": row,
        "kind": " / ".join(kinds),
        "zeros": zeros,
        "bars": None if histogram is None else _bars(histogram),
    }


def _number(zero_point: Any) -> int | None:
    """The zero point that holds for all channels; None where they differ."""
    (first, *others) = np.unique(zero_point)
    return None if others else int(first)


def _bars(histogram: dict[str, Any]) -> dict[str, str] | None:
    """One bar for each whole number, or for several where the type has more than there is room for."""
    numbers, counts = histogram["integers"], histogram["counts"]
    low, high = DTYPES.get(histogram["dtype"], (min(numbers, default=0), max(numbers, default=0)))
    if not numbers or low > numbers[0] or high < numbers[-1]:
        return None
    many = min(WIDTH, high - low + 1)
    sums = [0] * many
    for number, count in zip(numbers, counts, strict=True):
        sums[(number - low) * many // (high - low + 1)] += count
    step, largest = WIDTH / many, max(sums)
    path = " ".join(
        f"M{step * i:g} {HEIGHT}v-{HEIGHT * count / largest:.1f}h{step:g}v{HEIGHT * count / largest:.1f}z"
        for i, count in enumerate(sums)
        if count
    )
    text = f"{histogram['dtype']}, {numbers[0]} to {numbers[-1]} of {low} to {high}"
    if histogram["real_min"] is not None:
        text += f"; real {histogram['real_min']:.4g} to {histogram['real_max']:.4g}"
    return {"path": path, "text": text}


def _chart(rows: tuple[ComparedLayer, ...]) -> dict[str, Any] | None:
    """SQNR along the depth, in a 1000 by 240 box."""
    figures = [row.errors["sqnr_db"] for row in rows]
    known = [(i, value) for i, value in enumerate(figures) if value is not None]
    if len(rows) < 2 or not known:
        return None
    scale = Decibels([value for _, value in known], len(rows))
    points = [(*scale.point(i, value), f"{rows[i].float_id}: {value:.1f} dB") for i, value in known]
    return {"ticks": scale.ticks, "points": points, "line": scale.line(figures)}
