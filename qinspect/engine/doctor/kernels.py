"""Rules on what the target's kernels really do."""

from __future__ import annotations

from dataclasses import replace

from ..backends.clips import CLIPS
from ..plan.qconfig import TensorConfig
from ..results import Finding, LayerRow
from ..text import Text, counted, listed, percent
from .case import Case, duration, in_float

DROP = 0.02
"""KL (nats) between kernels and simulation that is worth an error."""


def kernel_unlike_simulation(case: Case) -> list[Finding]:
    """Kernels that give other numbers than the plan says, fed the same input."""
    plan, totals = case.plan, case.analysis.totals
    rows = [
        row
        for row in case.rows
        if row.kernel is not None and (row.kernel.max_steps > 1 or row.kernel.equal_share < 0.995)
    ]
    if not rows:
        return []
    worst = min(rows, key=lambda row: row.kernel.equal_share if row.kernel else 1.0)
    assert worst.kernel is not None
    gain = None
    if totals.kernel_kl is not None and totals.kl is not None:
        gain = max(0.0, totals.kernel_kl - totals.kl)
    saturated = any(row.kernel and row.kernel.saturated for row in rows)
    title = Text(
        "{count} of the layers that {target} runs compute something else than the plan says",
        count=len(rows),
        target=plan.target.title,
    )
    serious = (gain or 0.0) > DROP or worst.kernel.equal_share < 0.9
    last_bit = not serious and all(row.kernel is None or row.kernel.max_steps <= 1 for row in rows)
    if last_bit:
        title = Text(
            "{count} of the layers that {target} runs round some values to the next step",
            count=len(rows),
            target=plan.target.title,
        )
    if saturated:
        title = Text("{title}: the kernel's sums saturate", title=title)
    evidence = Text(
        "worst at {worst}: {share} of the values equal, the others up to {steps} apart",
        worst=worst.id,
        share=percent(worst.kernel.equal_share),
        steps=counted(worst.kernel.max_steps, Text("step")),
    )
    if totals.kernel_agreement is not None and totals.agreement is not None:
        evidence = Text(
            "{evidence}; agreement {kernels:.1%} in the kernels, {simulated:.1%} simulated",
            evidence=evidence,
            kernels=totals.kernel_agreement,
            simulated=totals.agreement,
        )
    remedy, edited = Text("Keep these layers in float, or choose another engine."), None
    if last_bit:
        remedy = Text("Nothing need be done: it is the last bit of a number, which no range can help.")
    activation = plan.default.activation
    if saturated and activation is not None and activation.bits > 7:
        remedy = Text("Use 7-bit activations: half the range of each number, so that sums of two products fit 16 bits.")
        edited = plan.with_default(activation=activation.but(bits=7))
        edited = replace(
            edited,
            overrides=tuple(
                replace(o, activation=o.activation.but(bits=7)) if isinstance(o.activation, TensorConfig) else o
                for o in edited.overrides
            ),
        )
    elif serious:
        edited = in_float(plan, [row.id for row in rows])
    return [
        Finding(
            "kernel_unlike_simulation",
            title,
            evidence,
            tuple(row.id for row in rows),
            "error" if serious else "note",
            gain,
            remedy,
            None if edited is None else edited.to_json(),
        )
    ]


def relu_dropped(case: Case) -> list[Finding]:
    """A kernel hands on numbers below 0 behind a ReLU that was fused into it."""
    rows = [row for row in case.rows if row.kernel is not None and row.kernel.below_zero]
    if not rows:
        return []
    edited = case.plan
    layers = case.quantization.graph.by_id
    for row in rows:
        for part in layers[row.id].executed if row.id in layers else ():
            if part.op in CLIPS:
                edited = edited.with_fusion(part.id, False)
    values = sum(row.kernel.below_zero for row in rows if row.kernel)
    return [
        Finding(
            "relu_dropped",
            Text(
                "{relus} left out by {target}",
                relus=counted(len(rows), Text("fused ReLU")),
                target=case.plan.target.title,
            ),
            Text("{values:,} values below 0 behind {layers}", values=values, layers=listed([row.id for row in rows])),
            tuple(row.id for row in rows),
            "error",
            None,
            Text("Do not fuse them: the grid of these layers reaches below 0, so nothing else clips there."),
            edited.to_json(),
        )
    ]


def _lost_us(row: LayerRow) -> float:
    """What a layer takes longer than in float."""
    latency = row.latency
    return (latency.int8_us or 0.0) - latency.fp32_us if latency is not None and latency.fp32_us else 0.0


def slower(case: Case) -> list[Finding]:
    """The integer model, or layers of it, take longer than in float."""
    found = []
    plan, totals = case.plan, case.analysis.totals
    if totals.fp32_ms and totals.int8_ms and totals.int8_ms > 1.05 * totals.fp32_ms:
        # Float layers too: what is dequantized for them is in their time.
        costly = [row for row in case.rows if row.latency and _lost_us(row) > 5.0]
        costly.sort(key=_lost_us, reverse=True)
        measured = Text(
            "{target}, threads: {threads}, batch: {batch}, medians",
            target=plan.target.title,
            threads=plan.target.threads,
            batch=plan.target.batch,
        )
        # An interval of the runs that reaches to the other median: something else was running, perhaps.
        unsure = totals.fp32_p90_ms is not None and totals.fp32_p90_ms > totals.int8_ms
        if unsure:
            measured = Text(
                "{measured}; a tenth of the float runs took {time} or more, so this may be chance",
                measured=measured,
                time=duration(totals.fp32_p90_ms or 0.0),
            )
        found.append(
            Finding(
                "int8_slower",
                Text(
                    "The integer model is slower than the float one: {float_time} → {int8_time}",
                    float_time=duration(totals.fp32_ms),
                    int8_time=duration(totals.int8_ms),
                ),
                Text("{measured}; most is lost at {layers}", measured=measured, layers=listed([r.id for r in costly]))
                if costly
                else measured,
                tuple(row.id for row in costly),
                "warning" if unsure else "error",
                None,
                Text("Measure again when nothing else is running.")
                if unsure
                else Text("Choose another target, or keep the layers below in float."),
            )
        )
    rows = [
        row
        for row in case.rows
        if row.quantized
        and row.latency
        and row.latency.fp32_us
        and row.latency.int8_us
        and row.latency.slower
        and row.latency.int8_us - row.latency.fp32_us > 5.0
    ]
    if rows:
        lost = sum((row.latency.int8_us or 0) - (row.latency.fp32_us or 0) for row in rows if row.latency)
        rows.sort(key=lambda row: (row.latency.fp32_us or 0) - (row.latency.int8_us or 0) if row.latency else 0)
        found.append(
            Finding(
                "layer_slower",
                Text("{count} quantized layers are slower than in float", count=len(rows))
                if len(rows) != 1
                else Text("1 quantized layer is slower than in float"),
                Text(
                    "{lost} lost, most at {layers}",
                    lost=duration(lost / 1000),
                    layers=listed([row.id for row in rows]),
                ),
                tuple(row.id for row in rows),
                "warning" if totals.int8_ms and lost > 50 * totals.int8_ms else "note",
                None,
                Text("Keep them in float and measure again: each border between float and integers costs time too.")
                if len(rows) != 1
                else Text("Keep it in float and measure again: each border between float and integers costs time too."),
                in_float(plan, [row.id for row in rows]).to_json(),
            )
        )
    return found
