"""One analysis: everything that a plan does, measured."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

import torch

from .assemble import Collected, Ground, Simulated, assemble, assemble_unscored
from .backends import not_run_here
from .calibrate import Calibration, calibrate
from .classes import class_axis, judged
from .data import Dataset
from .decide import decide
from .doctor import diagnose
from .finite import demand_answers
from .graph import LayerGraph
from .groups import shared_groups
from .job import (
    BATCH,
    calibrate_model,
    calibration_key,
    final_samples,
    fused_graph,
    handed_onnx,
    measured_batch,
    quantization_of,
    whole_batches,
)
from .kernels import KernelFigures, KernelWork, run_kernels
from .load import Model
from .measure import Measured, measure
from .metric import TOP1, Metric
from .plan import QuantPlan
from .problem import NotWritten
from .process.child import Died
from .profiles import DeviceTimes
from .progress import Cancelled, Report, part, silent
from .results import Analysis
from .rows import fusion_rows
from .samples import sample_rows, worst_samples
from .sensitivity.estimate import effort, score
from .sensitivity.scores import Scores
from .sensitivity.sweep import Sweep, sweep
from .states import drift
from .text import Text
from .tried import Trials

SWEEP_SAMPLES = (256, 128, 64, 32)
"""Samples of the final split that isolated and leave-one-out errors rest on: as many as are cheap, or the last."""

SWEEP_MACS = 2e10
"""Cheap is what takes no more multiply-adds than this, a few seconds; it is measured without being asked for."""

LAYER_MACS = 1e6
"""What running one layer costs whatever its size, in multiply-adds."""

CHECK_SAMPLES = 8
"""Samples of the select split on which kernels are compared with the simulation, layer by layer."""


def analyze(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    report: Report = silent,
    *,
    kernels: bool = True,
    latency: bool = True,
    samples: int | None = None,
    layer_samples: int | None = None,
    remedies: bool = True,
    metric: Metric = TOP1,
    device: DeviceTimes | None = None,
    exact: bool | None = None,
    swept: Sweep | None = None,
    keep: Callable[[Sweep], None] | None = None,
    partly: Callable[[Analysis], None] | None = None,
) -> Analysis:
    """Measure what a plan does.

    Parameters
    ----------
    model, data, plan
    calibration : Calibration
        Of this model and data; values that the plan needs and it lacks are gathered first.
    report : Report
    kernels : bool
        Whether to run the integer kernels of the target as well.
    latency : bool
        Whether to time them.
    samples : int | None
        Use no more of the final split than this.
    layer_samples : int | None
        Layers' errors and all estimates rest on the first so many samples of it; None is what `effort` says.
    remedies : bool
        Whether to run the findings' remedies, which takes as long as some of these passes do.
    metric : Metric
    device : DeviceTimes | None
        Latencies that another device measured, in place of this computer's.
    exact : bool | None
        Whether to measure what each layer alone does to the output, and all layers but it
        (`Errors`' isolated and leave-one-out figures, on the first `sweep_samples` of the final
        split); None is where that takes no more than `SWEEP_MACS`.
    swept : Sweep | None
        Such measurements from before, which are not done again where they are of the same.
    keep : callable, optional
        Given them as they grow, most promising layers first.
    partly : callable, optional
        Given the analysis without kernels and times before those are run: what there is where they are cancelled. Where
        it is cancelled before that, it is given the errors of outputs and layers on the samples so far.

    Returns
    -------
    Analysis
        All figures are of the final split; kernels are compared with the simulation on the select split.
    """
    began = time.perf_counter()
    ground = _ground(model, data, plan, calibration, metric, samples, report)
    absent = not_run_here(plan.target, ground.graph) if kernels else None
    kernels = kernels and absent is None
    share = 0.6 if kernels else 1.0  # the shares are those of MobileNetV2's time
    simulated = _simulate(
        ground,
        part(report, 0, 0.8 * share),
        samples,
        layer_samples,
        exact=exact,
        swept=swept,
        keep=keep,
        partly=partly,
    )
    trials = Trials(ground, simulated.outputs) if remedies else None

    def finished(figures: KernelFigures | None, absent: str | None) -> Analysis:
        """All that there is, with what the kernels gave."""
        rest = part(report, 0.8 * share, share) if figures is None else part(report, 0.95, 1)
        found = assemble(ground, simulated, figures, absent, device, rest)
        rest(0, 1, Text("looking for causes"))
        known = ground.calibration.of(ground.graph)
        findings = diagnose(found, plan, ground.quantization, known, simulated.unseen)
        if partly is not None:
            partly(dataclasses.replace(found, findings=findings))
        if trials is not None:
            findings = trials.run(findings, rest)
        totals = dataclasses.replace(found.totals, analyze_s=time.perf_counter() - began)
        return dataclasses.replace(found, findings=findings, totals=totals)

    figures = None
    if kernels:
        if partly is not None:
            partly(finished(None, None))
        try:
            work = KernelWork(
                ground.quantization,
                handed_onnx(ground.quantization),
                data.spec,
                ground.select[:CHECK_SAMPLES],
                ground.final,
                ground.size,
                latency and device is None,
            )
            figures = run_kernels(work, part(report, share, 0.95))
        except (Died, NotWritten) as problem:  # what was simulated holds all the same
            absent = problem.what
    return finished(figures, absent)


def _ground(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    metric: Metric,
    samples: int | None,
    report: Report,
) -> Ground:
    """Fuse and quantize the model, and choose the samples."""
    report(0, 1, Text("fusing layers and quantizing weights"))
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.02), calibration)
    quantization = quantization_of(model, data, plan, calibration, part(report, 0.02, 0.03))
    graph = quantization.graph
    final = final_samples(graph, data, samples)
    metric, decisions = judged(metric, graph, data), decide(graph, plan)
    return Ground(
        model,
        data,
        plan,
        calibration,
        fused_graph(model, plan),
        quantization,
        final,
        whole_batches(graph, data.splits.select) or final,
        measured_batch(quantization),
        metric,
        class_axis(graph, data, metric),
        decisions,
        shared_groups(graph, decisions),
    )


def _simulate(
    ground: Ground,
    report: Report,
    samples: int | None,
    layer_samples: int | None,
    *,
    exact: bool | None,
    swept: Sweep | None,
    keep: Callable[[Sweep], None] | None,
    partly: Callable[[Analysis], None] | None,
) -> Simulated:
    """All that takes no kernels; parameters as for `analyze`."""
    quantization, graph, data, classes = ground.quantization, ground.graph, ground.data, ground.classes
    final, outputs = ground.final, Collected()
    enough, draws = effort(graph, len(final))
    chosen = final[: enough if layer_samples is None else layer_samples]

    def unscored(measured: Measured) -> None:
        """Hand over what was measured before causes were looked for, be it of some samples only."""
        if partly is not None and (found := assemble_unscored(ground, measured, outputs)) is not None:
            partly(found)

    whole = measure(
        quantization,
        ground.feed(final),
        part(report, 0.03, 0.42),
        total=len(final),
        layer_samples=len(chosen),
        collect=outputs,
        classes=classes,
        partly=unscored,
    )
    answers = list(map(torch.from_numpy, outputs.joined("float")))
    demand_answers(answers, ground.model.spec.source, quantization.float_graph, data, final, ground.size)
    try:
        scores = score(
            {"plan": quantization},
            ground.feed(chosen),
            part(report, 0.42, 0.9),
            total=len(chosen),
            draws=draws,
            classes=classes,
        )["plan"]
    except Cancelled:
        unscored(whole)
        raise
    alone = _swept(ground, scores, swept, part(report, 0.9, 0.95), samples=samples, exact=exact, keep=keep)
    # The samples that the layers' errors rest on were not calibrated on: are they alike?
    unseen = calibrate(graph, ground.feed(chosen), part(report, 0.95, 1), total=len(chosen)).tensors
    report(1, 1, Text("comparing the fused layers with the model's own"))
    # Equalized values are scaled: what folding changed shows without that.
    folded = fused_graph(ground.model, dataclasses.replace(ground.plan, remedies=()))
    few = ground.select[: min(4, ground.size) if ground.size == BATCH else ground.size]
    fusions = fusion_rows(ground.model, folded, ground.feed(few))
    report(1, 1, Text("looking for the worst samples"))
    rows = sample_rows(data, final, outputs.joined("float"), outputs.joined("simulated"), classes)
    worst = worst_samples(quantization, data, rows)
    drifted = drift(quantization, data, final, part(report, 1, 1))
    return Simulated(whole, outputs, scores, alone, unseen, fusions, rows, worst, drifted)


def _swept(
    ground: Ground,
    scores: Scores,
    known: Sweep | None,
    report: Report,
    *,
    samples: int | None,
    exact: bool | None,
    keep: Callable[[Sweep], None] | None,
) -> Sweep | None:
    """What each layer alone does to the output, and all but it; None where that is not asked for, or not cheap."""
    quantization, graph, data = ground.quantization, ground.graph, ground.data
    chosen = sweep_samples(graph, data, samples)
    if exact is None:
        exact = _sweep_macs(graph, len(quantization.rounding), len(chosen)) <= SWEEP_MACS
    if not exact:
        return None
    effects = scores.kl or scores.mse
    key = sweep_key(ground.model, data, ground.plan, len(chosen), ground.metric)
    return sweep(
        quantization,
        list(ground.feed(chosen)),
        report,
        order=sorted(effects, key=lambda id: -effects[id]),
        metric=ground.metric,
        targets=ground.targets(chosen),
        known=known if known is not None and known.key == key else Sweep(key=key),
        keep=keep,
        classes=ground.classes,
    )


def sweep_samples(graph: LayerGraph, data: Dataset, limit: int | None = None) -> tuple[int, ...]:
    """Samples of the final split that isolated and leave-one-out errors rest on."""
    rounded = sum(not layer.transparent for layer in graph.layers)
    cheap = (n for n in SWEEP_SAMPLES if _sweep_macs(graph, rounded, n) <= SWEEP_MACS)
    return whole_batches(graph, data.splits.final, limit)[: next(cheap, SWEEP_SAMPLES[-1])]


def sweep_key(model: Model, data: Dataset, plan: QuantPlan, samples: int, metric: Metric) -> str:
    """What such measurements depend on."""
    return f"{calibration_key(model, data)}-{plan.fingerprint}-{samples}-{metric.source}-{metric.output}"


def _sweep_macs(graph: LayerGraph, rounded: int, samples: int) -> float:
    """What measuring so many layers alone takes at most."""
    return rounded * (samples * sum(layer.macs for layer in graph.layers) + LAYER_MACS * len(graph.layers))
