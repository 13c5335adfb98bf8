"""Rules on which layers are quantized and fused."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..backends.tables import table
from ..decide import FLOAT_INPUT, NEVER_ASKED
from ..graph import Layer, LayerGraph
from ..plan.qconfig import PRESETS
from ..results import Finding, LayerRow
from ..text import Text, counted, listed, remade
from .case import Case, in_float


def sensitive_layers(case: Case) -> list[Finding]:
    """Few layers cause most of the output's error."""
    plan, loss = case.plan, case.loss
    rows = [row for row in case.rows if loss.of(row)]
    total = sum(loss.of(row) for row in rows)
    if not rows or loss.whole is None or loss.whole < loss.least or not 0 < total < math.inf:
        return []
    rows.sort(key=lambda row: -loss.of(row))
    chosen, won = [], 0.0
    for row in rows[: max(1, len(rows) // 6)]:
        chosen.append(row)
        won += loss.of(row)
        if won > 0.6 * total:
            break
    if won < 0.25 * total:
        return []
    edited = in_float(plan, [row.id for row in chosen])
    return [
        Finding(
            "sensitive_layers",
            Text(
                "{count} of {all} layers that round cause {share:.0%} of the error (estimated)",
                count=len(chosen),
                all=len(rows),
                share=won / total,
            )
            if len(chosen) != 1
            else Text(
                "1 of {all} layers that round causes {share:.0%} of the error (estimated)",
                all=len(rows),
                share=won / total,
            ),
            loss.said(listed([row.id for row in chosen])),
            tuple(row.id for row in chosen),
            "error" if loss.whole > loss.large else "warning",
            loss.whole * won / total if loss.is_kl else None,
            Text("Keep them in float, then look for a cheaper remedy layer by layer.")
            if len(chosen) != 1
            else Text("Keep it in float, then look for a cheaper remedy."),
            edited.to_json(),
        )
    ]


def fusions(case: Case) -> list[Finding]:
    """Fusions that are switched off, and BatchNorms that cannot be folded."""
    found = []
    analysis, plan = case.analysis, case.plan
    for absorbed in dict.fromkeys(row.pattern.split("+")[-1] for row in analysis.fusions if row.state == "off"):
        same = [row for row in analysis.fusions if row.pattern.split("+")[-1] == absorbed]
        off = [row for row in same if row.state == "off"]
        edited = plan
        for row in off:
            edited = edited.with_fusion(row.id, True)
        found.append(
            Finding(
                "fusion_off",
                Text(
                    "{count} of {all} {op} layers are not fused",
                    count=len(off),
                    all=len(same),
                    op=absorbed,
                ),
                Text("switched off in the plan: {layers}", layers=listed([row.id for row in off])),
                tuple(row.id for row in off),
                "warning",
                None,
                Text(
                    "Fuse them: a tensor less is rounded for each, and its grid is not spent on values "
                    "that are cut off."
                ),
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
                Text("{count} of {all} BatchNorms cannot be folded", count=len(rows), all=len(norms)),
                Text("{reason}: {layers}", reason=reason, layers=listed([row.id for row in rows])),
                tuple(row.id for row in rows),
                "warning",
                None,
                Text("Change the model so that each follows a convolution or linear layer of its own, in eval mode."),
            )
        )
    return found


def asked_not_quantized(case: Case) -> list[Finding]:
    """Layers that the plan wants in integers and the target runs in float."""
    # What only passes values on runs as its input does: that is no finding of its own.
    rows = [row for row in case.rows if row.asked and not row.quantized and row.why_not != FLOAT_INPUT]
    found = []
    plan = case.plan
    for cause in dict.fromkeys(_cause(row.why_not) for row in rows):
        same = [row for row in rows if _cause(row.why_not) == cause]
        reason = _of_all([row.why_not or "" for row in same])
        if all(row.id in case.quantization.weight_only for row in same):
            found.append(_stored_small(same))
            continue
        macs = sum(row.macs for row in same)
        whole = sum(row.macs for row in case.rows) or 1
        edited = in_float(plan, [row.id for row in same])
        found.append(
            Finding(
                "asked_not_quantized",
                Text("{layers} asked for, but run in float", layers=counted(len(same), Text("layer"))),
                Text(
                    "{reason}: {layers} ({share:.0%} of the multiply-adds)",
                    reason=reason,
                    layers=listed([row.id for row in same]),
                    share=macs / whole,
                ),
                tuple(row.id for row in same),
                "warning" if macs > 0.01 * whole else "note",
                None,
                Text("Ask for float there, so that the plan says what runs; or choose another target."),
                edited.to_json(),
            )
        )
    return found


def _cause(reason: str | None) -> str | None:
    """What a target lacks, whichever operator it lacks it for: one finding, where the remedy is one."""
    return reason.template if isinstance(reason, Text) and reason.values.keys() == {"op"} else reason


def _of_all(reasons: Sequence[str]) -> str:
    """Reasons of one cause in one: ``torch has no dynamic kernel for add, mean``."""
    first = reasons[0]
    if not isinstance(first, Text) or len(set(reasons)) == 1:
        return first
    ops = ", ".join(dict.fromkeys(str(reason.values["op"]) for reason in reasons if isinstance(reason, Text)))
    return remade(first.template.format(op=ops), first.template, {"op": ops})


def _stored_small(rows: Sequence[LayerRow]) -> Finding:
    """Weights alone were asked for: the file is smaller, and that is all."""
    return Finding(
        "stored_small",
        Text(
            "{weights} rounded and stored as asked: that saves bytes, and no time",
            weights=counted(len(rows), Text("weight")),
        ),
        Text("{reason}: {layers}", reason=rows[0].why_not, layers=listed([row.id for row in rows])),
        tuple(row.id for row in rows),
        "note",
        None,
        Text("Nothing, where it is the size that counts; a dynamic or static qconfig has integer kernels."),
    )


def _read_from_outside(graph: LayerGraph, island: Sequence[Layer]) -> set[str]:
    """Values of other layers that an island reads."""
    made = {layer.value for layer in island}
    return {name for layer in island for name in layer.inputs if name in graph.producer} - made


def float_islands(case: Case) -> list[Finding]:
    """Float layers with integers on all sides: each costs a dequantizer and a quantizer, and rounds once more."""
    q = case.quantization
    graph = q.graph
    islands = [island for island in _float_regions(case) if _surrounded(case, island)]
    if not islands:
        return []
    layers = [layer for island in islands for layer in island if not layer.transparent]
    abilities = table(case.plan.target)
    preset = PRESETS[case.plan.target.preset]

    def stays(layer: Layer) -> bool:
        return (
            layer.op in NEVER_ASKED
            or layer.id in q.asked
            or abilities.why_not(layer, preset, case.plan.target) is not None
        )

    def chosen(layer: Layer) -> bool:
        return any(override.activation is None and override.matches(layer) for override in case.plan.overrides)

    # Where one of an island's layers stays, the others' quantization only moves its border.
    stay = [layer for layer in layers if stays(layer)]
    able = [
        layer
        for island in islands
        if not any(map(stays, (item for item in island if not item.transparent)))
        for layer in island
        if not layer.transparent
    ]
    edited = case.plan
    for layer in able:
        edited = edited.with_layer(layer.id, preset.weight, preset.activation)
    # They are named in the evidence already where they are all of them.
    them = Text("them") if len(able or stay) == len(layers) else listed([layer.id for layer in able or stay])
    borders = sum(len(_read_from_outside(graph, island)) for island in islands)
    return [
        Finding(
            "float_islands",
            Text("{islands} of float inside the integers", islands=counted(len(islands), Text("island"))),
            Text(
                "{layers} in float, {borders} taken out of the integers for them: {names}",
                layers=counted(len(layers), Text("layer")),
                borders=counted(borders, Text("tensor")),
                names=listed([la.id for la in layers]),
            ),
            tuple(layer.id for layer in layers),
            "note",
            None,
            Text("Quantize {layers} too, and see what that costs.", layers=them)
            if able and not any(map(chosen, able))
            else Text(
                "The plan itself keeps them in float. Where that is for their accuracy, it is the price; else quantize "
                "{layers} too.",
                layers=them,
            )
            if able
            else Text(
                "Each costs a dequantizer and a quantizer; this target keeps {layers} in float.",
                layers=them,
            ),
            edited.to_json() if able else None,
        )
    ]


def _float_regions(case: Case) -> list[list[Layer]]:
    """Connected float layers, what only moves values included."""
    q = case.quantization
    graph = q.graph
    floats = {layer.value: layer for layer in graph.layers if layer.id not in q.quantized}
    seen: set[str] = set()
    regions = []
    for layer in graph.layers:
        if layer.value not in floats or layer.value in seen:
            continue
        region, ahead = [], [layer]
        seen.add(layer.value)
        while ahead:
            here = ahead.pop()
            region.append(here)
            near = [floats[name] for name in here.inputs if name in floats]
            near += [reader for reader in graph.consumers.get(here.value, ()) if reader.value in floats]
            for other in near:
                if other.value not in seen:
                    seen.add(other.value)
                    ahead.append(other)
        if not all(item.transparent for item in region):
            regions.append(region)
    return regions


def _surrounded(case: Case, region: list[Layer]) -> bool:
    q = case.quantization
    graph = q.graph
    inside = {layer.value for layer in region}
    before = {name for layer in region for name in layer.inputs if name not in inside}
    after = [
        reader for layer in region for reader in graph.consumers.get(layer.value, ()) if reader.value not in inside
    ]
    if any(layer.value in graph.output_values for layer in region) or not before or not after:
        return False

    def of_integers(name: str) -> bool:
        """On a grid, or handed on in float by an integer kernel, since only the region reads it."""
        maker = graph.producer.get(name)
        return q.at_origin(name) or (maker is not None and maker.id in q.quantized)

    return all(map(of_integers, before)) and all(reader.id in q.quantized for reader in after)
