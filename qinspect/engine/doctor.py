"""What is wrong, why, and what to do: findings of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from .calibrate import Calibration
from .plan import QuantPlan
from .quantize import FLOAT_INPUT, Quantization
from .results import Analysis, Finding, LayerRow

UNEQUAL = 0.999
"""A kernel with fewer values equal to the simulation than this, or more than one step off, is unlike it."""

DROP = 0.02
"""KL (nats) below which no layer is worth blaming."""


def diagnose(
    analysis: Analysis, plan: QuantPlan, quantization: Quantization, calibration: Calibration
) -> tuple[Finding, ...]:
    """Findings, those that would win back most first.

    Parameters
    ----------
    analysis : Analysis
        Without findings.
    plan, quantization, calibration
        What it rests on.
    """
    rules: Sequence[Callable[[], list[Finding]]] = (
        lambda: _float_metric(analysis),
        lambda: _kernels(analysis, plan),
        lambda: _sensitive(analysis, plan),
        lambda: _fusions(analysis, plan),
        lambda: _not_quantized(analysis, plan),
        lambda: _slower(analysis, plan),
        lambda: _unstable(quantization, calibration),
        lambda: _nonfinite(calibration),
    )
    found = [finding for rule in rules for finding in rule()]
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda f: (order[f.severity], -(f.gain or 0.0))))


def _own(analysis: Analysis) -> list[LayerRow]:
    return [row for row in analysis.layers if row.fused_into is None]


def _list(layers: Sequence[str], most: int = 3) -> str:
    more = f" and {len(layers) - most} more" if len(layers) > most else ""
    return ", ".join(layers[:most]) + more


def _time(ms: float) -> str:
    return f"{ms:.2f} ms" if ms >= 1 else f"{1000 * ms:.0f} µs"


def _float_metric(analysis: Analysis) -> list[Finding]:
    metric = analysis.totals.fp32_metric
    classes = next((row.shape[-1] for row in reversed(_own(analysis)) if row.op == "linear" and row.shape), 0)
    few = (analysis.totals.samples or 0) < 20
    if metric is None or few or analysis.data.get("metric") != "top-1" or not classes or metric > max(0.1, 3 / classes):
        return []
    return [
        Finding(
            "float_metric_low",
            "The float model itself is hardly better than chance",
            f"top-1 {metric:.1%} with {classes} classes, before anything is quantized",
            (),
            "error",
            None,
            "Check the preprocessing: channel order, scale, crop and normalization.",
        )
    ]


def _kernels(analysis: Analysis, plan: QuantPlan) -> list[Finding]:
    rows = [
        row
        for row in _own(analysis)
        if row.kernel is not None and (row.kernel.max_steps > 1 or row.kernel.equal_share < 0.995)
    ]
    if not rows:
        return []
    worst = min(rows, key=lambda row: row.kernel.equal_share if row.kernel else 1.0)
    assert worst.kernel is not None
    totals = analysis.totals
    gain = None
    if totals.kernel_kl is not None and totals.kl is not None:
        gain = max(0.0, totals.kernel_kl - totals.kl)
    saturated = any(row.kernel and row.kernel.saturated for row in rows)
    engine = plan.target.name
    serious = (gain or 0.0) > DROP or worst.kernel.equal_share < 0.9
    evidence = (
        f"worst at {worst.id}: {worst.kernel.equal_share:.1%} of the values equal, "
        f"up to {worst.kernel.max_steps} steps apart"
    )
    if totals.kernel_agreement is not None and totals.agreement is not None:
        evidence += f"; agreement {totals.kernel_agreement:.1%} in the kernels, {totals.agreement:.1%} simulated"
    remedy, edited = "Keep these layers in float, or choose another engine.", None
    activation = plan.default.activation
    if saturated and activation is not None and activation.bits > 7:
        remedy = "Use 7-bit activations: half the range of each number, so that sums of two products fit 16 bits."
        edited = plan.with_default(activation=activation.but(bits=7))
        edited = replace(
            edited,
            overrides=tuple(
                replace(o, activation=o.activation.but(bits=7))
                if o.activation not in ("inherit", None) and not isinstance(o.activation, str)
                else o
                for o in edited.overrides
            ),
        )
    elif serious:
        edited = plan
        for row in rows:
            edited = edited.with_layer(row.id, weight=None, activation=None)
    return [
        Finding(
            "kernel_unlike_simulation",
            f"{len(rows)} of the layers that {engine} runs compute something else than the plan says"
            + (": the kernel's sums saturate" if saturated else ""),
            evidence,
            tuple(row.id for row in rows),
            "error" if serious else "note",
            gain,
            remedy,
            None if edited is None else edited.to_json(),
        )
    ]


def _sensitive(analysis: Analysis, plan: QuantPlan) -> list[Finding]:
    rows = [row for row in _own(analysis) if row.quantized and row.errors.estimated_kl]
    total = sum(row.errors.estimated_kl or 0.0 for row in rows)
    kl = analysis.totals.kl
    if not rows or kl is None or kl < DROP or total <= 0:
        return []
    rows.sort(key=lambda row: -(row.errors.estimated_kl or 0.0))
    chosen, won = [], 0.0
    for row in rows[: max(1, len(rows) // 6)]:
        chosen.append(row)
        won += row.errors.estimated_kl or 0.0
        if won > 0.6 * total:
            break
    if won < 0.25 * total:
        return []
    edited = plan
    for row in chosen:
        edited = edited.with_layer(row.id, weight=None, activation=None)
    return [
        Finding(
            "sensitive_layers",
            f"{len(chosen)} of {len(rows)} quantized layers cause {won / total:.0%} of the error (estimated)",
            f"{_list([row.id for row in chosen])}; KL of the whole plan {kl:.3f} nats",
            tuple(row.id for row in chosen),
            "error" if kl > 0.1 else "warning",
            kl * won / total,
            "Keep them in float, then look for a cheaper remedy layer by layer.",
            edited.to_json(),
        )
    ]


def _fusions(analysis: Analysis, plan: QuantPlan) -> list[Finding]:
    found = []
    for absorbed in dict.fromkeys(row.pattern.split("+")[-1] for row in analysis.fusions if row.state == "off"):
        same = [row for row in analysis.fusions if row.pattern.split("+")[-1] == absorbed]
        off = [row for row in same if row.state == "off"]
        edited = plan
        for row in off:
            edited = edited.with_fusion(row.id, True)
        found.append(
            Finding(
                "fusion_off",
                f"{len(off)} of {len(same)} {absorbed} layers are not fused",
                f"switched off in the plan: {_list([row.id for row in off])}",
                tuple(row.id for row in off),
                "warning",
                None,
                "Fuse them: a tensor less is rounded for each, and its grid is not spent on values that are cut off.",
                edited.to_json(),
            )
        )
    norms = [row for row in analysis.fusions if row.pattern.split("+")[-1] == "batch_norm"]
    blocked = [row for row in norms if row.state == "blocked"]
    for reason in dict.fromkeys(row.reason for row in blocked):
        rows = [row for row in blocked if row.reason == reason]
        found.append(
            Finding(
                "batch_norm_not_folded",
                f"{len(rows)} of {len(norms)} BatchNorms cannot be folded",
                f"{reason}: {_list([row.id for row in rows])}",
                tuple(row.id for row in rows),
                "warning",
                None,
                "Change the model so that each follows a convolution or linear layer of its own, in eval mode.",
            )
        )
    return found


def _not_quantized(analysis: Analysis, plan: QuantPlan) -> list[Finding]:
    # What only passes values on runs as its input does: that is no finding of its own.
    rows = [row for row in _own(analysis) if row.asked and not row.quantized and row.why_not != FLOAT_INPUT]
    found = []
    for reason in dict.fromkeys(row.why_not for row in rows):
        same = [row for row in rows if row.why_not == reason]
        macs = sum(row.macs for row in same)
        whole = sum(row.macs for row in _own(analysis)) or 1
        edited = plan
        for row in same:
            edited = edited.with_layer(row.id, weight=None, activation=None)
        found.append(
            Finding(
                "asked_not_quantized",
                f"{len(same)} layer{'s' * (len(same) != 1)} asked for, but run in float",
                f"{reason}: {_list([row.id for row in same])} ({macs / whole:.0%} of the multiply-adds)",
                tuple(row.id for row in same),
                "warning" if macs > 0.01 * whole else "note",
                None,
                "Ask for float there, so that the plan says what runs; or choose another target.",
                edited.to_json(),
            )
        )
    return found


def _slower(analysis: Analysis, plan: QuantPlan) -> list[Finding]:
    found = []
    totals = analysis.totals
    if totals.fp32_ms and totals.int8_ms and totals.int8_ms > 1.05 * totals.fp32_ms:
        found.append(
            Finding(
                "int8_slower",
                f"The integer model is slower than the float one: {_time(totals.fp32_ms)} → {_time(totals.int8_ms)}",
                f"{plan.target.name}, {plan.target.threads} thread(s), batch {plan.target.batch}, medians",
                (),
                "error",
                None,
                "Choose another target, or keep the layers below in float.",
            )
        )
    rows = [
        row
        for row in _own(analysis)
        if row.quantized
        and row.latency
        and row.latency.fp32_us
        and row.latency.int8_us
        and row.latency.int8_us > 1.1 * row.latency.fp32_us
        and row.latency.int8_us - row.latency.fp32_us > max(5.0, row.latency.spread_us or 0.0)
    ]
    if rows:
        lost = sum((row.latency.int8_us or 0) - (row.latency.fp32_us or 0) for row in rows if row.latency)
        rows.sort(key=lambda row: (row.latency.fp32_us or 0) - (row.latency.int8_us or 0) if row.latency else 0)
        found.append(
            Finding(
                "layer_slower",
                f"{len(rows)} quantized layer{'s are' if len(rows) != 1 else ' is'} slower than in float",
                f"{lost:.0f} µs lost, most at {_list([row.id for row in rows])}",
                tuple(row.id for row in rows),
                "warning" if totals.int8_ms and lost > 50 * totals.int8_ms else "note",
                None,
                "Keep them in float, where that does not add borders that cost more.",
            )
        )
    return found


def _unstable(quantization: Quantization, calibration: Calibration) -> list[Finding]:
    unlike = []
    for name in quantization.values:
        stats = calibration.tensors.get(name)
        if stats is None or len(stats.batch_max) < 4:
            continue
        halves = np.array_split(np.maximum(np.abs(stats.batch_max), np.abs(stats.batch_min)), 2)
        one, two = float(halves[0].max()), float(halves[1].max())
        if max(one, two) > 1.25 * min(one, two):
            unlike.append(name)
    if len(unlike) < max(2, 0.2 * len(quantization.values)):
        return []
    return [
        Finding(
            "too_few_samples",
            f"The ranges of {len(unlike)} of {len(quantization.values)} tensors differ by more than a quarter "
            "between the halves of the calibration data",
            f"{calibration.samples} samples; {_list(unlike)}",
            tuple(unlike),
            "warning",
            None,
            "Calibrate on more samples, or on ones that are more alike what the model will see.",
        )
    ]


def _nonfinite(calibration: Calibration) -> list[Finding]:
    names = [name for name, stats in calibration.tensors.items() if stats.nonfinite]
    if not names:
        return []
    return [
        Finding(
            "nonfinite_values",
            f"{len(names)} tensors held NaN or infinite values during calibration",
            _list(names),
            tuple(names),
            "error",
            None,
            "Find the first of them in the graph: the float model is broken there, or the data is.",
        )
    ]
