"""What is known of the layers beside their rows, and what the table and the panels say of a row."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from ...engine.plan.qconfig import QConfig, TensorConfig
from ...engine.results import LayerRow, error_shares
from ...engine.results.kernels import Latency
from ..language import translated

if TYPE_CHECKING:
    from ...engine.existing import Ran  # imports torch

SHORT: Mapping[str, str] = {"batch_norm": "bn"}
"""How an operator is called where it was absorbed by another."""


@dataclass(frozen=True)
class Facts:
    """What the table needs beside the rows.

    Parameters
    ----------
    rows : tuple of LayerRow
        In execution order.
    qconfigs : mapping of str to QConfig
        What the current plan asks, by layer id.
    weighted : frozenset of str
        Layers that have a weight.
    overridden : frozenset of str
        Layers whose own override is not that of the plan to begin with.
    stale : bool
        The rows' figures are those of another plan.
    times : mapping of str to Latency
        The last times measured.
    times_stale : bool
        They were measured for another plan.
    measured : bool
        The rows' ``quantized`` is what the kernels of the target did; before, it says nothing.
    in_file : mapping of str to Ran
        What ONNX Runtime runs the layers with that the open file has in integers, as it is.
    floats : frozenset of str
        Layers that the plan's default does not mean, see `floats_of`.
    apart : frozenset of str
        Layers of fusions that the plan switched off.
    """

    rows: tuple[LayerRow, ...] = ()
    qconfigs: Mapping[str, QConfig] = field(default_factory=dict)
    weighted: frozenset[str] = frozenset()
    overridden: frozenset[str] = frozenset()
    stale: bool = False
    times: Mapping[str, Latency] = field(default_factory=dict)
    times_stale: bool = False
    shares: Mapping[str, float] = field(default_factory=dict)
    measured: bool = False
    in_file: Mapping[str, Ran] = field(default_factory=dict)
    floats: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()


def facts_of(
    rows: tuple[LayerRow, ...],
    overridden: frozenset[str],
    qconfigs: Mapping[str, QConfig],
    weighted: frozenset[str],
    stale: bool,
    timed: tuple[LayerRow, ...],
    times_stale: bool,
    measured: bool = False,
    in_file: Mapping[str, Ran] | None = None,
    floats: frozenset[str] = frozenset(),
    apart: frozenset[str] = frozenset(),
) -> Facts:
    """Everything that the table shows, from rows and plan."""
    return Facts(
        rows,
        qconfigs,
        weighted,
        overridden,
        stale,
        {row.id: row.latency for row in timed if row.latency is not None},
        times_stale,
        error_shares(rows),
        measured,
        in_file or {},
        floats,
        apart,
    )


def floats_of(rows: Iterable[LayerRow], then: Mapping[str, QConfig], now: Mapping[str, QConfig]) -> frozenset[str]:
    """Layers that a plan's default does not mean, since its target has no integer kernel for them.

    Parameters
    ----------
    rows : iterable of LayerRow
        Those of an analysis, or of what is known before there is one.
    then, now : mapping of str to QConfig
        What the plan of the rows asked of these layers, and what the current plan asks: of a layer that is edited
        it is not known yet what becomes of it.
    """
    return frozenset(row.id for row in rows if row.id in then and then[row.id] == now.get(row.id) and unmeant(row))


def unmeant(row: LayerRow) -> bool:
    """Whether nothing was asked of a layer, and nothing rounds what it hands on, whatever the default says."""
    if row.asked or row.fused_into is not None:
        return False
    return row.why_not is not None or (row.errors.cumulative_sqnr_db is not None and row.activation is None)


def short(config: TensorConfig | None) -> str:
    """A tensor's type in few letters: ``int8/ch``, ``uint8 7b``, ``float``."""
    if config is None:
        return "float"
    bits = "" if config.bits == config.width else f" {config.bits}b"
    per = {"per_channel": "/ch", "per_group": f"/{config.group_size}", "per_token": "/tok"}.get(config.granularity, "")
    return f"{config.dtype}{bits}{per}{' dyn' if config.dynamic else ''}"


def type_text(row: LayerRow, facts: Facts) -> str:
    """Weight and activation type that the plan asks for."""
    if row.fused_into is not None:
        return ""
    qconfig = facts.qconfigs.get(row.id)
    if qconfig is None:
        return ""
    if row.id in facts.floats:
        return "float"
    if row.id not in facts.weighted:
        return short(qconfig.activation)
    if qconfig.weight is None and qconfig.activation is None:
        return "float"
    return f"{short(qconfig.weight)} · {short(qconfig.activation)}"


def stays_float(row: LayerRow, measured: bool) -> bool:
    """Whether it is known that the plan asks for integers in vain.

    Parameters
    ----------
    row : LayerRow
    measured : bool
        Kernels were looked at; without that only a reason tells.
    """
    in_vain = row.asked and not row.quantized and row.fused_into is None
    return in_vain and (row.why_not is not None or measured)


translate = QCoreApplication.translate


def flags(row: LayerRow, facts: Facts) -> list[tuple[str, str]]:
    """Short words with their explanations."""
    found = []
    if stays_float(row, facts.measured) and not facts.stale:
        why = translated(row.why_not or translate("Flags", "the plan asks for integers, the kernel is a float one"))
        found.append((translate("Flags", "stays float"), why))
    ran = facts.in_file.get(row.id)
    if ran is not None and not ran.integer:
        found.append((translate("Flags", "float in file"), ran_text(ran)))
    if row.kernel is not None:
        steps = row.kernel.max_steps
        if row.kernel.saturated:
            why = translate("Flags", "intermediate sums overflow: up to {0} steps off").format(steps)
            found.append((translate("Flags", "saturates"), why))
        elif steps > 1:
            why = translate("Flags", "the kernel is up to {0} steps off the simulation").format(steps)
            found.append((translate("Flags", "kernel ≠ sim"), why))
    time = facts.times.get(row.id)
    if time is not None and time.fp32_us and time.int8_us and row.quantized and time.slower:
        why = translate("Flags", "int8 takes {0} times as long as float").format(f"{time.int8_us / time.fp32_us:.1f}")
        found.append((translate("Flags", "slower"), why))
    if row.id in facts.apart:
        why = translate("Flags", "a fusion of this layer is switched off (Fix, Fusions)")
        found.append((translate("Flags", "fusion off"), why))
    if row.id in facts.overridden:
        why = translate("Flags", "this layer has another qconfig of its own than the plan to begin with gave it")
        found.append((translate("Flags", "edited"), why))
    return found


def flags_text(row: LayerRow, facts: Facts) -> str:
    """The short words alone."""
    return ", ".join(word for word, _ in flags(row, facts))


def ran_text(ran: Ran) -> str:
    """What ONNX Runtime runs a layer of a quantized file with."""
    if ran.integer:
        return translate("Flags", "ONNX Runtime runs this layer of the file in integers: {0}").format(ran.operator)
    return translate(
        "Flags",
        "the file has this layer in integers, and ONNX Runtime computes it in float, between dequantizers "
        "and quantizers: {0}",
    ).format(ran.operator)


def gain_us(row: LayerRow, facts: Facts) -> float | None:
    """µs won by the integer kernel; negative where it loses."""
    time = facts.times.get(row.id)
    if time is None or time.fp32_us is None or time.int8_us is None:
        return None
    return time.fp32_us - time.int8_us


def operator_text(row: LayerRow) -> str:
    """The operator and, in short, what was fused into it: ``conv2d +bn +relu6``."""
    # Which call of a shared module it is, or which operator of its kind, says nothing here.
    inner = (re.split("[@#]", layer_id.rpartition(":")[2])[0] for layer_id in row.fused)
    return " +".join([row.op, *(SHORT.get(op, op) for op in inner)])
