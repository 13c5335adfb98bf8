"""How long every layer takes in float and in integers, and what a border between them costs: measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from scipy.optimize import nnls

from ..backends.stopwatch import Stopwatch
from ..decide import Decisions
from ..graph import LayerGraph
from ..kernels import make_runner
from ..plan.qconfig import QConfig
from ..process.child import run_in_child
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..text import Text

RUNS = 30
"""Interleaved timed runs of each plan."""

WARM_UPS = 10

FASTEST = 10
"""The percentile of the runs' times that a plan's is: other work on the computer only adds to them."""

FLOAT = "float"


@dataclass(frozen=True)
class Border:
    """What crossing a border costs: `fixed_us` each, and `us_per_million` values that cross it."""

    fixed_us: float = 0.0
    us_per_million: float = 0.0

    def us(self, elements: int) -> float:
        return self.fixed_us + self.us_per_million * elements * 1e-6


@dataclass(frozen=True)
class Timings:
    """Measured times of one model on one target.

    Parameters
    ----------
    layers : mapping of (layer id, kernel) to float
        µs of a layer run as ``float`` or as the kernel that `kernel` names. Scaled so that their
        sum is the whole model's time: a profiler's clock costs time itself.
    quantize, dequantize : Border
        From float to integers and back.
    fp32_ms, int8_ms : float
        Of the float model and of the plan that the layers were measured under.
    error : float | None
        Largest relative difference between the estimated and the measured time of the plans that
        the borders were measured under.
    """

    layers: Mapping[tuple[str, str], float]
    quantize: Border
    dequantize: Border
    fp32_ms: float
    int8_ms: float
    error: float | None = None


def kernel(config: QConfig | None, weighted: bool) -> str:
    """Name of the kernel that a configuration runs on: its types, since nothing else changes its time."""
    if config is None or config.activation is None:
        return FLOAT
    if weighted and config.weight is not None:
        return f"{config.activation.dtype}{' dynamic' if config.activation.dynamic else ''}, {config.weight.dtype}"
    return config.activation.dtype


def kernels_used(graph: LayerGraph, decisions: Decisions) -> dict[str, str]:
    """The kernel of every layer that is not transparent, by id."""
    return {
        layer.id: kernel(decisions.configs[layer.id] if layer.id in decisions.integer else None, bool(layer.roles))
        for layer in graph.layers
        if not layer.transparent
    }


def crossings(graph: LayerGraph, quantized: frozenset[str]) -> dict[str, list[tuple[str, int]]]:
    """Where numbers change their kind.

    Returns
    -------
    dict
        By the id of the layer that reads them (empty for the model's outputs): (``quantize`` or
        ``dequantize``, number of values). What several quantized layers read is quantized once.
    """
    found: dict[str, list[tuple[str, int]]] = {}
    rounded: set[str] = set()

    def cross(reader: str, name: str, whole: bool) -> None:
        value = graph.origin(name)
        producer = graph.producer.get(value)
        if producer is not None and not producer.dtype.startswith("float"):
            return
        made_whole = producer is not None and producer.id in quantized
        if whole == made_whole or (whole and value in rounded):
            return
        if whole:
            rounded.add(value)
        found.setdefault(reader, []).append(("quantize" if whole else "dequantize", elements(graph, value)))

    for layer in graph.layers:
        if not layer.transparent:
            for name in layer.inputs:
                cross(layer.id, name, layer.id in quantized)
    for name in graph.output_values:
        cross("", name, False)
    return found


def elements(graph: LayerGraph, value: str) -> int:
    """Number of values of one sample in a value."""
    producer = graph.producer.get(value)
    shape: Sequence[int | None]
    if producer is None:
        shape = next((spec.sized(1) for spec in graph.inputs if spec.name == value), ())
    else:
        shape = producer.shape
    return math.prod(n or 1 for n in shape[1:])


def plan_ms(graph: LayerGraph, decisions: Decisions, timings: Timings, batch: int = 1) -> float | None:
    """Estimated time of a plan; None where a layer was never timed on the kernel that it needs."""
    total = 0.0
    for layer_id, name in kernels_used(graph, decisions).items():
        time = timings.layers.get((layer_id, name))
        if time is None:
            return None
        total += time
    for borders in crossings(graph, decisions.quantized).values():
        for kind, count in borders:
            total += (timings.quantize if kind == "quantize" else timings.dequantize).us(count * batch)
    return total / 1e3


@dataclass(frozen=True)
class TimingWork:
    """What the child needs.

    Parameters
    ----------
    quantizations : mapping of str to Quantization
        Plans to time, whole.
    layers : frozenset of str
        Names of those whose layers are timed as well.
    float_onnx : bytes | None
        The float model for ONNX Runtime; None for other backends.
    inputs : tuple of torch.Tensor
    runs : int
    """

    quantizations: Mapping[str, Quantization]
    layers: frozenset[str]
    float_onnx: bytes | None
    inputs: tuple[torch.Tensor, ...]
    runs: int = RUNS


@dataclass(frozen=True)
class Timed:
    """Times of one plan.

    Parameters
    ----------
    ms : float
        Of a forward pass, the `FASTEST` percentile of runs interleaved with those of the other plans.
        On one thread it is that thread's own time: where other work interrupts it, a long run is
        interrupted more often than a short one, which would bend every comparison of plans.
    quantized_us, float_us : mapping of layer id to float
        Medians in this plan and in the float model; empty where layers were not asked for.
    """

    ms: float
    quantized_us: Mapping[str, float]
    float_us: Mapping[str, float]


def time_plans(work: TimingWork, report: Report = silent) -> dict[str, Timed]:
    """Time plans beside each other on their target, in a child process.

    Raises
    ------
    Problem
        Where lowering fails or the child dies.
    """
    if not work.quantizations:
        return {}
    target = next(iter(work.quantizations.values())).plan.target
    found: dict[str, Timed] = run_in_child(
        "qinspect.engine.search.timings:_work", work, report, what=f"target {target.title}", as_deployed=True
    )
    return found


def _work(work: TimingWork, report: Report) -> dict[str, Timed]:
    names = list(work.quantizations)
    target = work.quantizations[names[0]].plan.target
    torch.set_num_threads(target.threads)
    runners = {}
    for index, name in enumerate(names):
        report(
            0.4 * index,
            len(names),
            Text("lowering plan {number} of {all} to {target}", number=index + 1, all=len(names), target=target.title),
        )
        runners[name] = make_runner(work.quantizations[name], work.float_onnx)
    ms: dict[str, list[float]] = {name: [] for name in names}
    watch = Stopwatch(target.threads)
    with torch.inference_mode():
        for index in range(WARM_UPS + work.runs):
            report(0.4 + 0.3 * index / (WARM_UPS + work.runs), 1, Text("timing plans beside each other"))
            for name, runner in runners.items():
                taken = watch.ms(partial(runner.run, work.inputs))
                if index >= WARM_UPS:
                    ms[name].append(taken)
    found = {}
    for index, name in enumerate(names):
        float_us: dict[str, float] = {}
        quantized_us: dict[str, float] = {}
        if name in work.layers:
            share = part(
                report, 0.7 + 0.3 * index / len(names), 0.7 + 0.3 * (index + 1) / len(names), Text("timing layers")
            )
            timing = runners[name].time(work.inputs, target.threads, work.runs, share)
            float_us, quantized_us = _medians(timing.fp32_us), _medians(timing.int8_us)
        found[name] = Timed(float(np.percentile(ms[name], FASTEST)), quantized_us, float_us)
    return found


def fit_timings(
    floats: Timed,
    whole: Sequence[tuple[Quantization, Timed]],
    mixed: Sequence[tuple[Quantization, Timed]],
    batch: int = 1,
) -> Timings:
    """Times of layers and borders from timed plans.

    Parameters
    ----------
    floats : Timed
        Of the plan that leaves all in float.
    whole : sequence of (Quantization, Timed)
        Plans that quantize all that they can, the first of them the plan in question; others
        for kernels that it does not use.
    mixed : sequence of (Quantization, Timed)
        Plans with many borders. What a layer behind a border takes longer there than in a whole
        plan is the border's: fitted by least squares that allow no negative cost.
    batch : int
        Samples that were timed at once.
    """
    quantization, first = whole[0]
    graph = quantization.graph
    layers: dict[tuple[str, str], float] = {}
    own_float = scaled(first.float_us, floats.ms)
    layers.update({(layer.id, FLOAT): own_float.get(layer.id, 0.0) for layer in graph.layers if not layer.transparent})
    for q, timed in whole:
        own = scaled(timed.quantized_us, timed.ms)
        for key, name in kernels_used(graph, q.decisions).items():
            layers.setdefault((key, name), own.get(key, 0.0))
    borders = _borders(graph, layers, mixed, batch)
    found = Timings(layers, *borders, floats.ms, first.ms)
    errors = []
    for q, timed in mixed:
        estimate = plan_ms(graph, q.decisions, found, batch)
        if estimate is not None and timed.ms > 0:
            errors.append(abs(estimate - timed.ms) / timed.ms)
    return replace(found, error=max(errors, default=None))


def _medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    return {key: float(np.median(found)) for key, found in times.items() if found}


def scaled(us: Mapping[str, float], ms: float) -> dict[str, float]:
    """Times of layers that add up to that of the whole: a profiler's clock, and a busy computer, cost time."""
    factor = ms * 1e3 / max(sum(us.values()), 1e-9)
    return {key: time * factor for key, time in us.items()}


def _borders(
    graph: LayerGraph,
    layers: Mapping[tuple[str, str], float],
    mixed: Sequence[tuple[Quantization, Timed]],
    batch: int,
) -> tuple[Border, Border]:
    rows: list[list[float]] = []
    extra: list[float] = []
    for q, timed in mixed:
        own = scaled(timed.quantized_us, timed.ms)
        used = kernels_used(graph, q.decisions)
        for key, borders in crossings(graph, q.quantized).items():
            usual = layers.get((key, used.get(key, FLOAT)))
            if key not in own or usual is None:
                continue
            row = [0.0] * 4
            for kind, count in borders:
                at = 0 if kind == "quantize" else 2
                row[at] += 1
                row[at + 1] += count * batch * 1e-6
            rows.append(row)
            extra.append(own[key] - usual)
    if len(rows) < 4:
        return Border(), Border()
    found, _ = nnls(np.asarray(rows), np.asarray(extra))
    return Border(float(found[0]), float(found[1])), Border(float(found[2]), float(found[3]))
