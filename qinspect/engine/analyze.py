"""One analysis: everything that a plan does, measured."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .backends import not_run_here
from .calibrate import Calibration, calibrate
from .calibrate.quality import range_growth
from .classes import ClassAxis, class_axis, judged, judged_note
from .data import Dataset
from .decide import decide
from .doctor import diagnose
from .doctor.states import said
from .errors import OutputErrors
from .feed import checked_batches
from .finite import demand_answers
from .graph import LayerGraph
from .graph.execute import one_after_the_other
from .groups import ranged, shared_groups, unheard, unshared
from .inspect import data_json, model_json, notes_of
from .intervals import Interval
from .job import (
    BATCH,
    calibrate_model,
    calibration_key,
    fed,
    fused_graph,
    handed_onnx,
    measured_batch,
    quantization_of,
    whole_batches,
)
from .kernels import KernelFigures, KernelWork, run_kernels
from .latency import device_latencies, device_sums, latency_sums, layer_latencies
from .load import Model
from .measure import Measured, measure
from .metric import TOP1, Metric
from .plan import QuantPlan
from .plan.file import plan_from_json
from .plan.target import Target
from .problem import NotWritten, Problem
from .process.child import Died
from .process.resident import Resident
from .profiles import DeviceTimes
from .progress import Cancelled, Report, part, silent
from .quantize import Quantization
from .results import Analysis, CalibrationQuality, Totals
from .results.kernels import Latency, LatencySums
from .rows import fusion_rows, layer_rows
from .samples import output_rows, sample_rows, worst_samples
from .sensitivity.estimate import effort, score
from .sensitivity.scores import Scores, holds
from .sensitivity.sweep import Sweep, sweep
from .states import drift
from .text import Text

SWEEP_SAMPLES = (256, 128, 64, 32)
"""Samples of the final split that isolated and leave-one-out errors rest on: as many as are cheap, or the last."""

SWEEP_MACS = 2e10
"""Cheap is what takes no more multiply-adds than this, a few seconds; it is measured without being asked for."""

LAYER_MACS = 1e6
"""What running one layer costs whatever its size, in multiply-adds."""

INTERVAL_S = 3.0
"""A metric that takes longer for its confidence interval goes without one."""

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
    report(0, 1, Text("fusing layers and quantizing weights"))
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.05), calibration)
    fused = fused_graph(model, plan)
    graph = fused.graph
    quantization = quantization_of(model, data, plan, calibration, part(report, 0.05, 0.06))
    graph = quantization.graph
    final = whole_batches(graph, data.splits.final, samples)
    select = whole_batches(graph, data.splits.select) or final
    if not final:
        raise Problem(data.spec.source, Text("the final split is empty"), Text("Give more samples, or --split."))
    size = measured_batch(quantization)
    latency = latency and device is None
    absent = not_run_here(plan.target, graph) if kernels else None
    kernels = kernels and absent is None
    share = 0.45 if kernels else 1.0
    enough, draws = effort(graph, len(final))
    chosen = final[: enough if layer_samples is None else layer_samples]

    def feed(chosen: Sequence[int]) -> Iterator[tuple[torch.Tensor, ...]]:
        return fed(checked_batches(graph, data, chosen, size))

    metric = judged(metric, graph, data)
    outputs, classes = _Collected(), class_axis(graph, data, metric)
    decisions = decide(graph, plan)
    groups = shared_groups(graph, decisions)

    def unscored(measured: Measured) -> None:
        """Hand over what was measured before causes were looked for, be it of some samples only."""
        # A metric of the user's own may take any time, and cancelling is not to.
        answers = outputs.joined("float")
        if partly is None or isinstance(metric.function, Resident) or not all(map(np.all, map(np.isfinite, answers))):
            return
        seen, none = final[: measured.samples], Scores({}, {}, measured.samples)
        of_seen = None if data.targets is None else data.targets[list(seen)]
        partly(
            Analysis(
                model_json(model),
                data_json(data, metric),
                plan.target.on_this_host(),
                plan.to_json(),
                _totals(measured, none, None, outputs, of_seen, metric, calibration, classes, silent),
                layer_rows(model, fused, quantization, measured, none, None, None, {}, groups),
                fused.rows,
                notes=(Text("It was stopped before causes were looked for."),),
                samples=sample_rows(data, seen, answers, outputs.joined("simulated"), classes),
            )
        )

    whole = measure(
        quantization,
        feed(final),
        part(report, 0.05, 0.6 * share),
        total=len(final),
        layer_samples=len(chosen),
        collect=outputs,
        classes=classes,
        partly=unscored,
    )
    demand_answers(
        list(map(torch.from_numpy, outputs.joined("float"))),
        model.spec.source,
        quantization.float_graph,
        data,
        final,
        size,
    )
    targets = None if data.targets is None else data.targets[list(final)]
    try:
        scores = score(
            {"plan": quantization},
            feed(chosen),
            part(report, 0.6 * share, 0.85 * share),
            total=len(chosen),
            draws=draws,
            classes=classes,
        )["plan"]
    except Cancelled:
        unscored(whole)
        raise
    swept_samples = sweep_samples(graph, data, samples)
    if exact is None:
        exact = _sweep_macs(graph, len(quantization.rounding), len(swept_samples)) <= SWEEP_MACS
    alone = None
    if exact:
        effects = scores.kl or scores.mse
        key = sweep_key(model, data, plan, len(swept_samples), metric)
        alone = sweep(
            quantization,
            list(feed(swept_samples)),
            part(report, 0.85 * share, 0.95 * share),
            order=sorted(effects, key=lambda id: -effects[id]),
            metric=metric,
            targets=None if data.targets is None else data.targets[list(swept_samples)],
            known=swept if swept is not None and swept.key == key else Sweep(key=key),
            keep=keep,
            classes=classes,
        )
    # The samples that the layers' errors rest on were not calibrated on: are they alike?
    unseen = calibrate(graph, feed(chosen), part(report, 0.95 * share, share), total=len(chosen)).tensors
    report(share, 1, Text("comparing the fused layers with the model's own"))
    # Equalized values are scaled: what folding changed shows without that.
    folded = fused_graph(model, dataclasses.replace(plan, remedies=()))
    fusions = fusion_rows(model, folded, feed(select[: min(4, size)] if size == BATCH else select[:size]))
    report(share, 1, Text("looking for the worst samples"))
    by_sample = sample_rows(data, final, outputs.joined("float"), outputs.joined("simulated"), classes)
    worst = worst_samples(quantization, data, by_sample)
    drifted = drift(quantization, data, final)

    def finished(figures: KernelFigures | None, absent: str | None) -> Analysis:
        """All that there is, with what the kernels gave."""
        place = 0.98 if figures is not None else share
        last = part(report, place, 1)
        totals = _totals(whole, scores, figures, outputs, targets, metric, calibration, classes, last)
        totals = dataclasses.replace(totals, sweep_samples=None if alone is None else alone.samples)
        latencies, sums = _latencies(figures, device)
        target = plan.target.on_this_host()
        if device is not None:
            measured = ("fp32_ms", "int8_ms", "fp32_p90_ms", "int8_p90_ms")
            totals = dataclasses.replace(totals, **{key: getattr(device, key) for key in measured})
            with_what = {key: n for key in ("threads", "batch") if (n := getattr(device, key)) is not None}
            target = {**target, **with_what, "device": device.device}
        notes = (
            data.splits.warning,
            judged_note(metric, graph),
            *notes_of(model, plan),
            *unshared(model.existing, graph, plan, decisions),
            *ranged(graph, plan, decisions),
            *unheard(plan, graph, groups, model.existing),
            metric.silence(data.targets, totals.fp32_metric, totals.quantized_metric),
            _not_run(plan.target, absent),
            _restless(totals),
            None if drifted is None else said(drifted),
        )
        analysis = Analysis(
            model_json(model),
            data_json(data, metric),
            target,
            plan.to_json(),
            totals,
            layer_rows(model, fused, quantization, whole, scores, alone, figures, latencies, groups),
            fusions,
            notes=tuple(filter(None, notes)) + _brought_back(plan, device),
            samples=by_sample,
            outputs=output_rows(outputs.joined("float"), outputs.joined("simulated")),
            latency=sums,
            quality=_quality(calibration.of(graph), quantization),
            worst=worst,
            drift=drifted,
        )
        report(place, 1, Text("looking for causes"))
        findings = diagnose(analysis, plan, quantization, calibration.of(graph), unseen)
        totals = dataclasses.replace(totals, analyze_s=time.perf_counter() - began)
        return dataclasses.replace(analysis, findings=findings, totals=totals)

    figures = None
    if kernels:
        if partly is not None:
            partly(finished(None, None))
        try:
            onnx = handed_onnx(quantization)
            work = KernelWork(quantization, onnx, data.spec, select[:CHECK_SAMPLES], final, size, latency)
            figures = run_kernels(work, part(report, share, 0.98))
        except (Died, NotWritten) as problem:  # what was simulated holds all the same
            absent = problem.what
    return finished(figures, absent)


def sweep_samples(graph: LayerGraph, data: Dataset, limit: int | None = None) -> tuple[int, ...]:
    """Samples of the final split that isolated and leave-one-out errors rest on."""
    rounded = sum(not layer.transparent for layer in graph.layers)
    cheap = (n for n in SWEEP_SAMPLES if _sweep_macs(graph, rounded, n) <= SWEEP_MACS)
    return whole_batches(graph, data.splits.final, limit)[: next(cheap, SWEEP_SAMPLES[-1])]


def sweep_key(model: Model, data: Dataset, plan: QuantPlan, samples: int, metric: Metric) -> str:
    """What such measurements depend on."""
    return f"{calibration_key(model, data)}-{plan.fingerprint}-{samples}-{metric.source}-{metric.output}"


class _Collected:
    """Outputs of the float and the simulated model over the final split."""

    def __init__(self) -> None:
        self.float: list[list[NDArray[Any]]] = []
        self.simulated: list[list[NDArray[Any]]] = []

    def __call__(self, reference: Sequence[torch.Tensor], quantized: Sequence[torch.Tensor]) -> None:
        self.float.append([o.float().numpy() for o in reference])
        self.simulated.append([o.float().numpy() for o in quantized])

    def joined(self, which: str) -> list[NDArray[Any]]:
        return one_after_the_other(self.float if which == "float" else self.simulated)


def _not_run(target: Target, reason: str | None) -> str | None:
    if reason is None:
        return None
    return Text("No kernels of {target} were run: {reason}.", target=target.title, reason=reason)


RESTLESS = 3.0
"""Where a tenth of the runs takes so many times the median, something else was running."""


def _restless(totals: Totals) -> Text | None:
    """That times are not to be trusted, where they vary by more than the model itself can."""
    pairs = (totals.fp32_p90_ms, totals.fp32_ms), (totals.int8_p90_ms, totals.int8_ms)
    ratios = [p90 / ms for p90, ms in pairs if p90 and ms]
    if not ratios or max(ratios) < RESTLESS:
        return None
    return Text(
        "Times varied much: a tenth of the runs took {ratio:.1f} times the median or more. Measure again when nothing "
        "else is running.",
        ratio=max(ratios),
    )


def _brought_back(plan: QuantPlan, device: DeviceTimes | None) -> tuple[str, ...]:
    """What is to be said of times that another device measured."""
    if device is None:
        return ()
    notes = [Text("Latencies were measured on {device}, {runs} runs.", device=device.device, runs=device.runs)]
    if device.unknown_us:
        notes.append(
            Text(
                "{unknown_us:.1f} µs there were spent in operators that belong to no layer.",
                unknown_us=device.unknown_us,
            )
        )
    if device.plan is not None and plan_from_json(device.plan).fingerprint != plan.fingerprint:
        notes.append(Text("They were measured with another plan than this one."))
    return tuple(notes)


def _totals(
    whole: Measured,
    scores: Scores,
    figures: KernelFigures | None,
    outputs: _Collected,
    targets: NDArray[Any] | None,
    metric: Metric,
    calibration: Calibration,
    classes: ClassAxis,
    report: Report,
) -> Totals:
    kernel_metric = kernel_agreement = kernel_kl = kernel_sqnr = kernel_cosine = None
    fp32_ms = int8_ms = fp32_p90 = int8_p90 = None
    reference = outputs.joined("float")
    if figures is not None:
        kernel_metric = metric(figures.outputs, targets, report)
        ran = OutputErrors(classes)
        ran.add(*([torch.from_numpy(t) for t in o] for o in (reference, figures.outputs)))
        kernel_agreement, kernel_kl, kernel_sqnr = ran.agreement, ran.mean_kl, ran.sqnr_db
        kernel_cosine = ran.cosine
        if figures.timing is not None:
            fp32_ms, int8_ms = (float(np.median(t)) for t in (figures.timing.fp32_ms, figures.timing.int8_ms))
            fp32_p90, int8_p90 = (float(np.percentile(t, 90)) for t in (figures.timing.fp32_ms, figures.timing.int8_ms))
    kls = np.concatenate(whole.outputs.kl)[: scores.samples] if whole.outputs.kl else None
    estimate_holds, reason = holds(
        scores,
        None if kls is None else float(kls.mean()),
        whole.outputs.mse if whole.samples == scores.samples else None,
    )
    drop = metric.drop(reference, outputs.joined("simulated"), targets, seconds=INTERVAL_S, report=report)
    return Totals(
        fp32_metric=metric(reference, targets, report),
        quantized_metric=metric(outputs.joined("simulated"), targets, report),
        kernel_metric=kernel_metric,
        agreement=whole.outputs.agreement,
        kernel_agreement=kernel_agreement,
        kl=whole.outputs.mean_kl,
        kernel_kl=kernel_kl,
        agreement_interval=_ends(whole.outputs.agreement_interval),
        kl_interval=_ends(whole.outputs.kl_interval),
        drop=None if drop is None else drop.value,
        drop_interval=_ends(drop),
        mse=whole.outputs.mse,
        sqnr_db=whole.outputs.sqnr_db,
        kernel_sqnr_db=kernel_sqnr,
        cosine=whole.outputs.cosine,
        kernel_cosine=kernel_cosine,
        estimated_kl=sum(scores.kl.values()) if scores.kl else None,
        estimated_mse=sum(scores.mse.values()) if scores.mse else None,
        estimated_kl_error=scores.kl_error,
        estimated_mse_error=scores.mse_error,
        estimate_holds=estimate_holds,
        estimate_reason=reason,
        fp32_ms=fp32_ms,
        int8_ms=int8_ms,
        fp32_p90_ms=fp32_p90,
        int8_p90_ms=int8_p90,
        forward_s=calibration.forward_seconds,
        calibrate_s=calibration.seconds,
        samples=whole.samples,
        exact=whole.outputs.exact,
    )


def _quality(calibration: Calibration, quantization: Quantization) -> CalibrationQuality | None:
    """Ranges against the number of samples, of the values that are put on grids."""
    tensors = {name: stats for name, stats in calibration.tensors.items() if name in quantization.values}
    found = range_growth(dataclasses.replace(calibration, tensors=tensors))
    if found is None:
        return None
    counts, typical, low = (tuple(values.tolist()) for values in (found.counts, found.typical, found.low))
    return CalibrationQuality(counts, typical, low, found.growing, len(found.growth), found.enough)


def _ends(interval: Interval | None) -> tuple[float, float] | None:
    return None if interval is None or not math.isfinite(interval.high) else (interval.low, interval.high)


def _sweep_macs(graph: LayerGraph, rounded: int, samples: int) -> float:
    """What measuring so many layers alone takes at most."""
    return rounded * (samples * sum(layer.macs for layer in graph.layers) + LAYER_MACS * len(graph.layers))


def _latencies(
    figures: KernelFigures | None, device: DeviceTimes | None
) -> tuple[dict[str, Latency], LatencySums | None]:
    if device is not None:
        return device_latencies(device), device_sums(device)
    if figures is None or figures.timing is None:
        return {}, None
    return layer_latencies(figures.timing), latency_sums(figures.timing)
