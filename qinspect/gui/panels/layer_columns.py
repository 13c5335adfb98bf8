"""The columns of the layer table: what each shows, sorts by and explains."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP

from ...engine.results import LayerRow
from .figures import decibel, micros, share, small
from .layer_facts import Facts, flags_text, gain_us, operator_text, type_text


@dataclass(frozen=True)
class Column:
    """One column.

    Parameters
    ----------
    key, title, tip : str
        Stable name; what the header says; what it means, with the formula.
    value : callable
        ``(row, facts)`` to what it sorts by; None is not measured.
    text : callable
        From that value to what is shown.
    stale : str
        Which staleness greys it: ``figures``, ``times`` or nothing.
    total : bool
        A module shows the sum of its layers.
    right : bool
        A number.
    unit : str
        Of the value; it stands at the title on the clipboard, where cells are bare numbers.
    """

    key: str
    title: str
    tip: str
    value: Callable[[LayerRow, Facts], Any]
    text: Callable[[Any], str] = str
    stale: str = ""
    total: bool = False
    right: bool = True
    unit: str = ""

    def plain(self, value: Any) -> str:
        """A value for a spreadsheet: a bare number in the column's unit; nothing where it was not measured."""
        if not isinstance(value, int | float) or not math.isfinite(value):
            return "" if value is None else self.text(value)
        return str(value) if isinstance(value, int) else f"{value * (100 if self.unit == '%' else 1):.7g}"

    @property
    def large_first(self) -> bool:
        """Whether the first click sorts from the largest down: numbers, but those of which few are bad."""
        return self.right and self.key not in ("local", "cumulative", "cosine")


def _activation(name: str) -> Callable[[LayerRow, Facts], Any]:
    def get(row: LayerRow, _: Facts) -> Any:
        value = (row.activation or {}).get(name)
        return value[0] if isinstance(value, list) and len(value) == 1 else value

    return get


def _error(name: str) -> Callable[[LayerRow, Facts], Any]:
    def get(row: LayerRow, _: Facts) -> Any:
        value = getattr(row.errors, name)
        return math.inf if value is None and row.errors.exact and name.endswith("_db") else value

    return get


def _time(name: str) -> Callable[[LayerRow, Facts], Any]:
    def get(row: LayerRow, facts: Facts) -> Any:
        time = facts.times.get(row.id)
        return None if time is None else getattr(time, name)

    return get


def _db(value: float | None) -> str:
    return decibel(None, True) if value == math.inf else decibel(value)


def _count(value: float | None) -> str:
    if value is None or value == 0:
        return "–"
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"


COLUMNS: tuple[Column, ...] = (
    Column(
        "layer",
        QT_TRANSLATE_NOOP("Columns", "Layer"),
        QT_TRANSLATE_NOOP("Columns", "Module path, in execution order"),
        lambda r, f: r.id,
        right=False,
    ),
    Column(
        "op",
        QT_TRANSLATE_NOOP("Columns", "Operator"),
        QT_TRANSLATE_NOOP(
            "Columns", "The operator, and what was fused into it (bn is BatchNorm); point at it for the full names"
        ),
        lambda r, f: operator_text(r),
        right=False,
    ),
    Column(
        "type",
        QT_TRANSLATE_NOOP("Columns", "Weight · act."),
        QT_TRANSLATE_NOOP(
            "Columns",
            "What the plan asks for: weight type · type of the output. /ch is per channel, 7b a grid of 7 bits",
        ),
        type_text,
        right=False,
    ),
    Column(
        "share",
        QT_TRANSLATE_NOOP("Columns", "Error"),
        QT_TRANSLATE_NOOP(
            "Columns",
            "Estimated share of the output error: E[(vᵀ J_i δ_i)²] of the layer, divided by the sum over all layers. "
            "The bar is as long as the share is beside the largest one: red from 60% of it on, amber from 25%",
        ),
        lambda r, f: f.shares.get(r.id),
        share,
        "figures",
        True,
        unit="%",
    ),
    Column(
        "gain",
        QT_TRANSLATE_NOOP("Columns", "Won"),
        QT_TRANSLATE_NOOP(
            "Columns",
            "Time that the integer kernel wins, fp32 − int8; negative where it loses. "
            "Grey where the quartiles of both times overlap: the difference may be noise",
        ),
        gain_us,
        lambda v: micros(v, sign=True),
        "times",
        True,
        unit="µs",
    ),
    Column(
        "flags",
        QT_TRANSLATE_NOOP("Columns", "Flags"),
        QT_TRANSLATE_NOOP("Columns", "What is worth a look; point at it for the reason"),
        flags_text,
        right=False,
    ),
    Column(
        "local",
        QT_TRANSLATE_NOOP("Columns", "Local"),
        QT_TRANSLATE_NOOP(
            "Columns", "SQNR of the layer's own rounding, fed with float inputs: 10 log10(Σ y² / Σ (y − ŷ)²)"
        ),
        _error("local_sqnr_db"),
        _db,
        "figures",
        unit="dB",
    ),
    Column(
        "cumulative",
        QT_TRANSLATE_NOOP("Columns", "Cumulative"),
        QT_TRANSLATE_NOOP("Columns", "SQNR against the float model when everything before it is quantized too"),
        _error("cumulative_sqnr_db"),
        _db,
        "figures",
        unit="dB",
    ),
    Column(
        "cosine",
        QT_TRANSLATE_NOOP("Columns", "Cosine"),
        QT_TRANSLATE_NOOP(
            "Columns", "Cosine similarity with the float model's value, everything before it quantized too"
        ),
        _error("cumulative_cosine"),
        lambda v: "–" if v is None else f"{v:.4f}",
        "figures",
    ),
    Column(
        "estimated_kl",
        QT_TRANSLATE_NOOP("Columns", "Est. KL"),
        QT_TRANSLATE_NOOP(
            "Columns", "Estimated KL(fp32‖int8) at the output that this layer alone causes, in nats (Fisher estimate)"
        ),
        _error("estimated_kl"),
        small,
        "figures",
        True,
        unit="nats",
    ),
    Column(
        "isolated_kl",
        QT_TRANSLATE_NOOP("Columns", "Isolated KL"),
        QT_TRANSLATE_NOOP("Columns", "KL(fp32‖int8) at the output with this layer alone quantized, in nats"),
        _error("isolated_kl"),
        small,
        "figures",
        unit="nats",
    ),
    Column(
        "leave_one_out_kl",
        QT_TRANSLATE_NOOP("Columns", "Without it"),
        QT_TRANSLATE_NOOP("Columns", "KL(fp32‖int8) at the output with every layer quantized but this one, in nats"),
        _error("leave_one_out_kl"),
        small,
        "figures",
        unit="nats",
    ),
    Column(
        "fp32_us",
        QT_TRANSLATE_NOOP("Columns", "fp32"),
        QT_TRANSLATE_NOOP("Columns", "Median time of the float layer"),
        _time("fp32_us"),
        micros,
        "times",
        True,
        unit="µs",
    ),
    Column(
        "int8_us",
        QT_TRANSLATE_NOOP("Columns", "int8"),
        QT_TRANSLATE_NOOP("Columns", "Median time of what really runs"),
        _time("int8_us"),
        micros,
        "times",
        True,
        unit="µs",
    ),
    Column(
        "spread",
        QT_TRANSLATE_NOOP("Columns", "Spread"),
        QT_TRANSLATE_NOOP("Columns", "Interquartile range of the int8 time"),
        _time("spread_us"),
        micros,
        "times",
        unit="µs",
    ),
    Column(
        "macs",
        QT_TRANSLATE_NOOP("Columns", "MACs"),
        QT_TRANSLATE_NOOP("Columns", "Multiply-adds for one sample"),
        lambda r, f: r.macs,
        _count,
        total=True,
    ),
    Column(
        "parameters",
        QT_TRANSLATE_NOOP("Columns", "Params"),
        QT_TRANSLATE_NOOP("Columns", "Number of parameters"),
        lambda r, f: r.parameters,
        _count,
        total=True,
    ),
    Column(
        "scale",
        QT_TRANSLATE_NOOP("Columns", "Scale"),
        QT_TRANSLATE_NOOP("Columns", "Width of one step of the output's grid"),
        _activation("scale"),
        small,
        "figures",
    ),
    Column(
        "zero_point",
        QT_TRANSLATE_NOOP("Columns", "Zero point"),
        QT_TRANSLATE_NOOP("Columns", "The integer that stands for 0"),
        _activation("zero_point"),
        small,
        "figures",
    ),
    Column(
        "min",
        QT_TRANSLATE_NOOP("Columns", "Min"),
        QT_TRANSLATE_NOOP("Columns", "Smallest value seen in calibration"),
        _activation("min"),
        small,
        "figures",
    ),
    Column(
        "max",
        QT_TRANSLATE_NOOP("Columns", "Max"),
        QT_TRANSLATE_NOOP("Columns", "Largest value seen in calibration"),
        _activation("max"),
        small,
        "figures",
    ),
)

SWEPT = ("isolated_kl", "leave_one_out_kl")
"""What is measured by itself of small models, else where it is asked for."""

SETS: Mapping[str, tuple[str, ...]] = {
    QT_TRANSLATE_NOOP("Columns", "Overview"): ("layer", "op", "type", "share", "gain", "flags"),
    QT_TRANSLATE_NOOP("Columns", "Accuracy"): (
        "layer",
        "type",
        "share",
        "local",
        "cumulative",
        "cosine",
        "estimated_kl",
        "isolated_kl",
        "leave_one_out_kl",
    ),
    QT_TRANSLATE_NOOP("Columns", "Speed"): (
        "layer",
        "op",
        "type",
        "fp32_us",
        "int8_us",
        "gain",
        "spread",
        "macs",
        "parameters",
    ),
    QT_TRANSLATE_NOOP("Columns", "Ranges"): ("layer", "type", "scale", "zero_point", "min", "max"),
}
