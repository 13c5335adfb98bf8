"""How figures are written everywhere."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from ...engine.plan.qconfig import TensorConfig
from ...engine.text import percent
from ..language import translated


def share(value: float | None) -> str:
    """A fraction in percent."""
    return "–" if value is None else percent(value)


def measured(value: float | None, unit: str | None = "share") -> str:
    """A metric in its own unit; a share in percent."""
    if value is None or unit in (None, "share"):
        return share(value)
    return f"{value:.4g} {unit}".rstrip()


def drop(value: float, metric: float, unit: str | None = "share") -> str:
    """The difference to the float metric: of a share in points, else in its own unit."""
    if unit not in (None, "share"):
        return f"{value - metric:+.3g} {unit}".rstrip()
    points = (value - metric) * 100
    text = "±0" if abs(points) < 0.05 else f"{points:+.1f}"
    return QCoreApplication.translate("Figures", "{0} points").format(text)


def decibel(value: float | None, exact: bool = False) -> str:
    """An SQNR."""
    return (
        QCoreApplication.translate("Figures", "exact")
        if exact and value is None
        else "–"
        if value is None
        else f"{value:.1f} dB"
    )


def micros(value: float | None, sign: bool = False) -> str:
    """A time given in µs; in ms from a thousand on."""
    if value is None:
        return "–"
    plus = "+" if sign else ""
    if abs(value) >= 1000:
        return f"{value / 1000:{plus}.2f} ms"
    return f"{value:{plus}.0f} µs" if abs(value) >= 10 else f"{value:{plus}.1f} µs"


def millis(value: float | None) -> str:
    """A time in ms with three digits, so that figures below one another have as many."""
    if value is None:
        return "–"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def small(value: float | None) -> str:
    """Any figure with three digits, those that are zeros too; integers as they are."""
    if value is None:
        return "–"
    whole = abs(value) < 1000 and value == int(value)
    return f"{value:.0f}" if whole else f"{value:#.3g}".rstrip(".")


def layer_name(layer_id: str) -> str:
    """The last parts of a layer's id, for narrow places."""
    path, _, op = layer_id.rpartition(":")
    return f"{path or 'model'} ({op})"


def described(config: TensorConfig | None) -> str:
    """How a tensor is quantized, in words."""
    return "float" if config is None else translated(config.text)
