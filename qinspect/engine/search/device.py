"""Times of layers and borders as another device measured them, for a search on this computer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from ..decide import decide
from ..graph import LayerGraph
from ..plan import QuantPlan
from ..plan.file import plan_from_json
from ..problem import Problem
from ..profiles import DeviceTimes
from ..results import Analysis
from ..text import Text
from .expected import SAME
from .timings import FLOAT, Border, Timings, elements, kernels_used, scaled

NO_BORDERS = Text(
    "What a border between float and integers costs there is not in the file and counts as nothing; "
    "a bench kit that is exported now measures it."
)


def device_timings(graph: LayerGraph, plan: QuantPlan, device: DeviceTimes) -> tuple[Timings, tuple[str, ...]]:
    """What a search needs to know of times, from a device's file alone.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    plan : QuantPlan
        That the device measured, where its file does not say which.
    device : DeviceTimes

    Returns
    -------
    Timings
        Of each layer as a float layer and on the kernel that it had there; of other kernels nothing is known.
    tuple of str
        What is to be said of it.

    Raises
    ------
    Problem
        Where the file has times of one of the two models only.
    """
    if not device.fp32_us or not device.int8_us:
        what = Text("the file has times of the float model only, and a search compares both")
        if device.int8_us:
            what = Text("the file has times of the quantized model only, and a search compares both")
        elif not device.fp32_us:
            what = Text("the file has times of whole models only, none of layers, and a search adds those up")
        raise Problem(
            device.device,
            what,
            Text(
                "Give bench.json of a bench kit (export --to kit), or the float model's profile with --float-profile."
            ),
        )
    measured = plan if device.plan is None else plan_from_json(device.plan)
    floats = scaled(device.fp32_us, device.fp32_ms or sum(device.fp32_us.values()) / 1e3)
    wholes = scaled(device.int8_us, device.int8_ms or sum(device.int8_us.values()) / 1e3)
    layers: dict[tuple[str, str], float] = {}
    for key, name in kernels_used(graph, decide(graph, measured)).items():
        # A layer without a time of its own is inside another's, or takes none.
        layers[key, FLOAT] = floats.get(key, 0.0)
        if name != FLOAT:
            layers[key, name] = wholes.get(key, 0.0)
    borders = [border(device.borders.get(kind, ())) for kind in ("quantize", "dequantize")]
    notes = [
        Text(
            "Times are those of {device}, {runs} runs; of a plan they are the sum over its layers and borders, an "
            "estimate: measure the chosen plan there.",
            device=device.device,
            runs=device.runs,
        )
    ]
    if None in borders:
        notes.append(NO_BORDERS)
    quantize, dequantize = (found or Border() for found in borders)
    float_ms = sum(floats.values()) / 1e3
    return Timings(layers, quantize, dequantize, float_ms, sum(wholes.values()) / 1e3), tuple(notes)


def run_timings(graph: LayerGraph, plan: QuantPlan, runs: Sequence[Analysis]) -> Timings | None:
    """The same from runs that timed the plan's target, the newest first; None where none did.

    Layers are known on the kernels that one of the runs had them on.
    """
    here = {key: plan.target.on_this_host().get(key) for key in SAME}
    found: Timings | None = None
    for run in runs:
        times = _run_times(graph, run) if all(run.target.get(key) == value for key, value in here.items()) else None
        if times is None:
            continue
        timings, _ = device_timings(graph, plan, times)
        found = timings if found is None else replace(found, layers={**timings.layers, **found.layers})
    return found


def _run_times(graph: LayerGraph, run: Analysis) -> DeviceTimes | None:
    timed = {row.id: row.latency for row in run.layers if row.latency is not None}
    fp32 = {key: time.fp32_us for key, time in timed.items() if time.fp32_us is not None}
    int8 = {key: time.int8_us for key, time in timed.items() if time.int8_us is not None}
    if not fp32 or not int8:
        return None
    quantized = {row.id for row in run.layers if row.quantized}
    borders: dict[str, list[tuple[int, float]]] = {"quantize": [], "dequantize": []}
    batch = int(run.target.get("batch") or 1)
    for item in run.latency.boundaries if run.latency is not None else ():
        source, reader = graph.by_id.get(item.source), graph.by_id.get(item.reader)
        kind = "quantize" if item.reader in quantized else "dequantize"
        value = item.source if source is None else source.value
        borders[kind].append((elements(graph, value) * batch, item.us))
        owner = item.source if reader is None else item.reader
        if owner in int8:  # the border's time is part of the layer's, and is added where a plan has one
            int8[owner] = max(int8[owner] - item.us, 0.0)
    # The model's input and output alone are too few sizes for a line of each kind.
    both = borders["quantize"] + borders["dequantize"]
    return DeviceTimes(
        "",
        0 if run.latency is None else run.latency.runs,
        fp32,
        int8,
        fp32_ms=run.totals.fp32_ms,
        int8_ms=run.totals.int8_ms,
        plan=run.plan,
        borders={
            kind: tuple(found if len({count for count, _ in found}) > 1 else both) for kind, found in borders.items()
        },
    )


def border(measured: Sequence[tuple[int, float]]) -> Border | None:
    """What crossing costs, from µs at several numbers of values: the line through them, no part of it negative."""
    if not measured:
        return None
    counts, us = np.asarray(measured, float).T
    if len(set(counts)) < 2:
        return Border(0.0, float(us.mean() / counts.mean() * 1e6))
    slope, fixed = np.polyfit(counts, us, 1)
    return Border(max(0.0, float(fixed)), max(0.0, float(slope)) * 1e6)


def with_float(device: DeviceTimes, other: DeviceTimes) -> DeviceTimes:
    """The times of a quantized model's profile with those of the float model from a profile of its own."""
    times: Mapping[str, float] = other.fp32_us or other.int8_us
    inside = other.fp32_in if other.fp32_us else other.int8_in
    return replace(device, fp32_us=times, fp32_in=inside, fp32_ms=other.fp32_ms)
