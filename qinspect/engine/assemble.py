"""An analysis put together from what was measured: totals, rows, notes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .backends.runner import Timing
from .calibrate import Calibration
from .calibrate.quality import range_growth
from .classes import ClassAxis, class_count, judged_note, judged_shape
from .data import Dataset
from .decide import Decisions
from .doctor.states import said
from .errors import OutputErrors
from .feed import checked_batches
from .fuse import Fused
from .graph import LayerGraph
from .graph.execute import one_after_the_other
from .groups import SharedGroup, ranged, unheard, unshared
from .inspect import data_json, model_json, notes_of
from .intervals import Interval
from .job import fed
from .kernels import KernelFigures
from .latency import device_latencies, device_sums, latency_sums, layer_latencies
from .load import Model
from .measure import Measured
from .metric import Metric
from .plan import QuantPlan
from .plan.file import plan_from_json
from .plan.target import Target
from .process.resident import Resident
from .profiles import DeviceTimes
from .progress import Report, silent
from .quantize import Quantization
from .results import Analysis, CalibrationQuality, FusionRow, Totals
from .results.kernels import Latency, LatencySums
from .results.samples import Drift, SampleRow, WorstSample
from .rows import layer_rows
from .samples import output_rows, sample_rows
from .sensitivity.scores import Scores, holds
from .sensitivity.sweep import Sweep
from .statistics import TensorStats
from .text import Text

INTERVAL_S = 3.0
"""A metric that takes longer for its confidence interval goes without one."""


@dataclass(frozen=True)
class Ground:
    """What an analysis stands on.

    Parameters
    ----------
    model, data, plan
    calibration : Calibration
        With all values that the plan needs.
    fused : Fused
        Without what remedies by data change.
    quantization : Quantization
    final, select : tuple of int
        Samples in whole batches.
    size : int
        Samples at a time.
    metric : Metric
    classes : ClassAxis
        How the judged output is read.
    decisions : Decisions
    groups : tuple of SharedGroup
    """

    model: Model
    data: Dataset
    plan: QuantPlan
    calibration: Calibration
    fused: Fused
    quantization: Quantization
    final: tuple[int, ...]
    select: tuple[int, ...]
    size: int
    metric: Metric
    classes: ClassAxis
    decisions: Decisions
    groups: tuple[SharedGroup, ...]

    @property
    def graph(self) -> LayerGraph:
        return self.quantization.graph

    def feed(self, chosen: Sequence[int]) -> Iterator[tuple[torch.Tensor, ...]]:
        """Inputs of these samples, batch by batch."""
        return fed(checked_batches(self.graph, self.data, chosen, self.size))

    def targets(self, chosen: Sequence[int]) -> NDArray[Any] | None:
        """What these samples are judged by."""
        return None if self.data.targets is None else self.data.targets[list(chosen)]


class Collected:
    """Outputs of the float and the simulated model over the final split."""

    def __init__(self) -> None:
        self.float: list[list[NDArray[Any]]] = []
        self.simulated: list[list[NDArray[Any]]] = []

    def __call__(self, reference: Sequence[torch.Tensor], quantized: Sequence[torch.Tensor]) -> None:
        self.float.append([o.float().numpy() for o in reference])
        self.simulated.append([o.float().numpy() for o in quantized])

    def joined(self, which: str) -> list[NDArray[Any]]:
        return one_after_the_other(self.float if which == "float" else self.simulated)


@dataclass(frozen=True)
class Simulated:
    """What was measured without kernels.

    Parameters
    ----------
    whole : Measured
        Errors of the outputs and of every layer.
    outputs : Collected
    scores : Scores
        Estimated effects of the layers.
    alone : Sweep | None
        Measured ones.
    unseen : mapping of value name to TensorStats
        Statistics of samples that were not calibrated on.
    fusions, samples, worst, drift
        As `Analysis` has them.
    """

    whole: Measured
    outputs: Collected
    scores: Scores
    alone: Sweep | None
    unseen: Mapping[str, TensorStats]
    fusions: tuple[FusionRow, ...]
    samples: tuple[SampleRow, ...]
    worst: tuple[WorstSample, ...]
    drift: Drift | None


def assemble(
    ground: Ground,
    found: Simulated,
    figures: KernelFigures | None,
    absent: str | None,
    device: DeviceTimes | None,
    report: Report,
) -> Analysis:
    """All but the findings.

    Parameters
    ----------
    ground, found
    figures : KernelFigures | None
        What the kernels gave, where they were run.
    absent : str | None
        Why they were not.
    device : DeviceTimes | None
        Times that another device measured.
    report : Report
        Called while a metric of the user's runs.
    """
    model, data, plan, graph, metric = ground.model, ground.data, ground.plan, ground.graph, ground.metric
    totals = _totals(ground, found.whole, found.scores, figures, found.outputs, report)
    totals = dataclasses.replace(totals, sweep_samples=None if found.alone is None else found.alone.samples)
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
        *unshared(model.existing, graph, plan, ground.decisions),
        *ranged(graph, plan, ground.decisions),
        *unheard(plan, graph, ground.groups, model.existing),
        metric.silence(data.targets, totals.fp32_metric, totals.quantized_metric, shape=judged_shape(graph, metric)),
        _not_run(plan.target, absent),
        None if figures is None or figures.timing is None else _busy(figures.timing),
        _restless(totals),
        None if found.drift is None else said(found.drift),
    )
    return Analysis(
        model_json(model),
        {**data_json(data, metric), "classes": class_count(graph, ground.classes)},
        target,
        plan.to_json(),
        totals,
        layer_rows(
            model,
            ground.fused,
            ground.quantization,
            found.whole,
            found.scores,
            found.alone,
            figures,
            latencies,
            ground.groups,
        ),
        found.fusions,
        notes=tuple(filter(None, notes)) + _brought_back(plan, device),
        samples=found.samples,
        outputs=output_rows(found.outputs.joined("float"), found.outputs.joined("simulated")),
        latency=sums,
        quality=_quality(ground.calibration.of(graph), ground.quantization),
        worst=found.worst,
        drift=found.drift,
    )


def assemble_unscored(ground: Ground, measured: Measured, outputs: Collected) -> Analysis | None:
    """What there is before causes are looked for, be it of some samples only; None where that may not be said.

    A metric of the user's own may take any time, and cancelling is not to; an output that is no number has no figures.
    """
    answers = outputs.joined("float")
    if isinstance(ground.metric.function, Resident) or not all(map(np.all, map(np.isfinite, answers))):
        return None
    seen, none = ground.final[: measured.samples], Scores({}, {}, measured.samples)
    return Analysis(
        model_json(ground.model),
        data_json(ground.data, ground.metric),
        ground.plan.target.on_this_host(),
        ground.plan.to_json(),
        _totals(ground, measured, none, None, outputs, silent),
        layer_rows(ground.model, ground.fused, ground.quantization, measured, none, None, None, {}, ground.groups),
        ground.fused.rows,
        notes=(Text("It was stopped before causes were looked for."),),
        samples=sample_rows(ground.data, seen, answers, outputs.joined("simulated"), ground.classes),
    )


def _not_run(target: Target, reason: str | None) -> str | None:
    if reason is None:
        return None
    return Text("No kernels of {target} were run: {reason}.", target=target.title, reason=reason)


BUSY = 0.2
"""Where other programs had the processor for so much of the time, they are named as a cause of what times say."""

RESTLESS = 3.0
"""Where a tenth of the runs takes so many times the median, something else was running."""


def _busy(timing: Timing) -> Text | None:
    """That other programs were running while times were taken."""
    if timing.waited < BUSY:
        return None
    return Text(
        "Other programs had the processor for {share:.0f}% of the time in which times were taken. Their share is not "
        "counted, but they slow down memory as well: measure again when nothing else is running.",
        share=timing.waited * 100,
    )


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
    ground: Ground,
    whole: Measured,
    scores: Scores,
    figures: KernelFigures | None,
    outputs: Collected,
    report: Report,
) -> Totals:
    metric, reference = ground.metric, outputs.joined("float")
    targets = ground.targets(ground.final[: whole.samples])
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
        agreement=whole.outputs.agreement,
        kl=whole.outputs.mean_kl,
        agreement_interval=_ends(whole.outputs.agreement_interval),
        kl_interval=_ends(whole.outputs.kl_interval),
        drop=None if drop is None else drop.value,
        drop_interval=_ends(drop),
        mse=whole.outputs.mse,
        sqnr_db=whole.outputs.sqnr_db,
        cosine=whole.outputs.cosine,
        estimated_kl=sum(scores.kl.values()) if scores.kl else None,
        estimated_mse=sum(scores.mse.values()) if scores.mse else None,
        estimated_kl_error=scores.kl_error,
        estimated_mse_error=scores.mse_error,
        estimate_holds=estimate_holds,
        estimate_reason=reason,
        forward_s=ground.calibration.forward_seconds,
        calibrate_s=ground.calibration.seconds,
        samples=whole.samples,
        exact=whole.outputs.exact,
        **({} if figures is None else _kernel_totals(ground, figures, reference, targets, report)),
    )


def _kernel_totals(
    ground: Ground,
    figures: KernelFigures,
    reference: Sequence[NDArray[Any]],
    targets: NDArray[Any] | None,
    report: Report,
) -> dict[str, Any]:
    """What the integer kernels gave and how long they took, by the names of `Totals`."""
    ran = OutputErrors(ground.classes)
    ran.add(*([torch.from_numpy(t) for t in o] for o in (reference, figures.outputs)))
    found: dict[str, Any] = {
        "kernel_metric": ground.metric(figures.outputs, targets, report),
        "kernel_agreement": ran.agreement,
        "kernel_kl": ran.mean_kl,
        "kernel_sqnr_db": ran.sqnr_db,
        "kernel_cosine": ran.cosine,
    }
    if figures.timing is not None:
        for name, times in (("fp32", figures.timing.fp32_ms), ("int8", figures.timing.int8_ms)):
            found |= {f"{name}_ms": float(np.median(times)), f"{name}_p90_ms": float(np.percentile(times, 90))}
    return found


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


def _latencies(
    figures: KernelFigures | None, device: DeviceTimes | None
) -> tuple[dict[str, Latency], LatencySums | None]:
    if device is not None:
        return device_latencies(device), device_sums(device)
    if figures is None or figures.timing is None:
        return {}, None
    return layer_latencies(figures.timing), latency_sums(figures.timing)
