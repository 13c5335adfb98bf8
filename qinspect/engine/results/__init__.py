"""What an analysis found: plain data, as analysis.json, the report and the window show it.

Every figure that was not measured is None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ..text import Text
from ..typed import made
from .kernels import KernelCheck, Latency, LatencySums
from .samples import Drift, SampleRow, WorstSample


@dataclass(frozen=True)
class Totals:
    """Figures of the whole model, on the final split.

    Parameters
    ----------
    fp32_metric, quantized_metric : float | None
        The metric (top-1 as a fraction unless the user gave another) of the float and of the
        simulated model; None without labels.
    kernel_metric, kernel_agreement : float | None
        The metric of the integer kernels that really ran, and their share of top-1 answers equal
        to the float model's.
    agreement : float | None
        Share of samples with the same top-1 answer as the float model, simulated. Of an output with
        classes at every position (pixel, token) the share of positions.
    kl, kernel_kl : float | None
        KL(fp32 || int8) in nats, mean per sample (and over its positions), of the softmax of the first output.
    agreement_interval, kl_interval : (float, float) | None
        Their 95 % confidence intervals over samples: Wilson's for a share, else the bootstrap's.
    drop, drop_interval : float | None, (float, float) | None
        By how much the metric is worse than in float, on the same samples; without targets None.
    mse, sqnr_db : float | None
        Of the outputs, each normalized by its own float power, mean over elements; where the outputs are
        equal `exact` is true, and the SQNR, which is infinite, None.
    kernel_sqnr_db : float | None
        The same SQNR of the integer kernels that really ran.
    cosine, kernel_cosine : float | None
        Of embeddings: cosine of each sample's vector with the float one, mean over the samples.
    estimated_kl, estimated_mse : float | None
        Sums over the layers of the one-pass estimates.
    estimated_kl_error, estimated_mse_error : float | None
        Their standard errors.
    estimate_holds : bool | None
        Whether the sum of the estimates says what the whole plan does; `estimate_reason` says why not.
    sweep_samples : int | None
        Samples that the isolated and leave-one-out errors rest on.
    fp32_ms, int8_ms, fp32_p90_ms, int8_p90_ms : float | None
        Median and 90th percentile of a forward pass, same runtime, the target's batch and threads.
    forward_s, calibrate_s, analyze_s : float | None
        Wall time of the plain float pass over the calibration data, of the calibration, of all.
    """

    fp32_metric: float | None = None
    quantized_metric: float | None = None
    kernel_metric: float | None = None
    agreement: float | None = None
    kernel_agreement: float | None = None
    agreement_interval: tuple[float, float] | None = None
    kl: float | None = None
    kernel_kl: float | None = None
    kl_interval: tuple[float, float] | None = None
    drop: float | None = None
    drop_interval: tuple[float, float] | None = None
    mse: float | None = None
    sqnr_db: float | None = None
    kernel_sqnr_db: float | None = None
    cosine: float | None = None
    kernel_cosine: float | None = None
    estimated_kl: float | None = None
    estimated_mse: float | None = None
    estimated_kl_error: float | None = None
    estimated_mse_error: float | None = None
    estimate_holds: bool | None = None
    estimate_reason: str | None = None
    sweep_samples: int | None = None
    fp32_ms: float | None = None
    int8_ms: float | None = None
    fp32_p90_ms: float | None = None
    int8_p90_ms: float | None = None
    forward_s: float | None = None
    calibrate_s: float | None = None
    analyze_s: float | None = None
    samples: int | None = None
    exact: bool = False


@dataclass(frozen=True)
class Errors:
    """What quantization does to one layer's value, and what its quantization does to the model's output.

    *Local* is the layer with its own quantization on float input; *cumulative* has everything before
    it quantized as well. *Isolated* has only this layer quantized and *leave-one-out* everything but
    this layer, both at the model's output. SQNR in dB, null with ``exact`` where infinite.

    Parameters
    ----------
    local_mse, cumulative_mse : float | None
        Mean over the values, in the square of their unit.
    isolated_mse, leave_one_out_mse, estimated_mse : float | None
        Share of the outputs' power.
    local_rmse_steps, cumulative_rmse_steps, isolated_rmse_steps, leave_one_out_rmse_steps : float | None
        Root mean square in steps of the value's (the first output's) grid; that of rounding alone is 1/√12.
    local_max, cumulative_max, isolated_max, leave_one_out_max : float | None
        Largest absolute difference, in the value's (the first output's) unit.
    local_weight_sqnr_db, local_activation_sqnr_db : float | None
        Of rounding the weight alone, and of rounding inputs and output alone.
    isolated_kl, leave_one_out_kl, estimated_kl, estimated_weight_kl : float | None
        Nats, mean per sample; the last is the part of the weight.
    isolated_agreement, leave_one_out_agreement : float | None
        Share of samples with the float model's answer.
    isolated_metric, leave_one_out_metric : float | None
        The metric on those samples.
    """

    local_sqnr_db: float | None = None
    cumulative_sqnr_db: float | None = None
    local_mse: float | None = None
    cumulative_mse: float | None = None
    local_cosine: float | None = None
    cumulative_cosine: float | None = None
    isolated_mse: float | None = None
    isolated_kl: float | None = None
    estimated_mse: float | None = None
    estimated_kl: float | None = None
    exact: bool = False
    local_rmse_steps: float | None = None
    cumulative_rmse_steps: float | None = None
    local_max: float | None = None
    cumulative_max: float | None = None
    local_weight_sqnr_db: float | None = None
    local_activation_sqnr_db: float | None = None
    estimated_weight_kl: float | None = None
    isolated_sqnr_db: float | None = None
    isolated_rmse_steps: float | None = None
    isolated_cosine: float | None = None
    isolated_max: float | None = None
    isolated_agreement: float | None = None
    isolated_metric: float | None = None
    leave_one_out_mse: float | None = None
    leave_one_out_sqnr_db: float | None = None
    leave_one_out_rmse_steps: float | None = None
    leave_one_out_cosine: float | None = None
    leave_one_out_max: float | None = None
    leave_one_out_kl: float | None = None
    leave_one_out_agreement: float | None = None
    leave_one_out_metric: float | None = None


@dataclass(frozen=True)
class LayerRow:
    """One canonical layer that is not transparent; `shares_with` is the layer whose activation qconfig holds for it.

    That is another layer's where the two have one quantizer, see `groups`.
    """

    id: str
    path: str
    op: str
    fused: tuple[str, ...]
    fused_into: str | None
    asked: bool
    quantized: bool
    why_not: str | None
    source: str | None
    shape: tuple[int, ...]
    macs: int
    parameters: int
    weight: dict[str, Any] | None = None
    activation: dict[str, Any] | None = None
    errors: Errors = Errors()
    latency: Latency | None = None
    kernel: KernelCheck | None = None
    shares_with: str | None = None


def error_shares(rows: Iterable[LayerRow]) -> dict[str, float]:
    """Each layer's part of the estimated output error, by id; by KL, or by MSE where there is none."""
    rows = list(rows)
    for name in ("estimated_kl", "estimated_mse"):
        values = {row.id: getattr(row.errors, name) for row in rows}
        total = sum(value for value in values.values() if value is not None and value > 0)
        if 0 < total < math.inf:
            return {key: max(value, 0.0) / total for key, value in values.items() if value is not None}
    return {}


def integer_layers(rows: Iterable[LayerRow]) -> tuple[int, int]:
    """How many layers really run in integers, and of how many the plan asks it; absorbed ones are not counted."""
    own = [row for row in rows if row.fused_into is None]
    return sum(row.quantized for row in own), sum(row.asked for row in own)


@dataclass(frozen=True)
class FusionRow:
    """One fusion candidate: `state` is ``fused``, ``off`` (by the user) or ``blocked`` with a reason."""

    id: str
    layers: tuple[str, ...]
    pattern: str
    state: str
    reason: str | None = None
    max_abs_delta: float | None = None


@dataclass(frozen=True)
class OutputRow:
    """The error of one of the model's outputs.

    Parameters
    ----------
    index : int
    shape : tuple of int
        Of one sample.
    power : float
        Mean square of the float output.
    mse : float | None
        Over that power; None where the output is all 0.
    sqnr_db : float | None
    """

    index: int
    shape: tuple[int, ...]
    power: float
    mse: float | None
    sqnr_db: float | None


@dataclass(frozen=True)
class CalibrationQuality:
    """Whether there were enough calibration samples, see `qinspect.engine.calibrate.quality`.

    Parameters
    ----------
    counts : tuple of int
        Numbers of samples, rising, the last one all.
    typical, low : tuple of float
        Part of its whole range that a tensor has with so many samples: the median over the tensors, and
        the tenth percentile.
    growing : tuple of str
        Values whose ranges the second half of the samples still widens, the fastest first.
    tensors : int
        Values that were looked at.
    enough : bool
    """

    counts: tuple[int, ...]
    typical: tuple[float, ...]
    low: tuple[float, ...]
    growing: tuple[str, ...]
    tensors: int
    enough: bool


@dataclass(frozen=True)
class Tried:
    """What a finding's remedy does when it is simulated, beside the plan that it was found in, on the same samples.

    Parameters
    ----------
    samples : int
        Of the final split.
    kl_before, kl : float | None
        Nats, mean per sample; None where there are no classes.
    won : (float, float, float) | None
        By how much the KL divergence becomes less, with the ends of its 95 % confidence interval over the samples.
    mse_before, mse : float | None
        Of the outputs, shares of their float power.
    agreement_before, agreement : float | None
    """

    samples: int
    kl_before: float | None
    kl: float | None
    won: tuple[float, float, float] | None
    mse_before: float | None
    mse: float | None
    agreement_before: float | None
    agreement: float | None

    @property
    def gain(self) -> float:
        """What is won back and these samples can tell, nats, else a share of the power; below 0 where it is worse."""
        if self.won is not None:
            value, low, high = self.won
            return value if low > 0 or high < 0 else 0.0
        return (self.mse_before or 0.0) - (self.mse or 0.0)

    @property
    def said(self) -> Text:
        """For people, in one line."""
        count = self.samples
        if self.kl_before is not None and self.kl is not None:
            kl = Text("KL {before:.3g} → {after:.3g} nats", before=self.kl_before, after=self.kl)
            if self.gain > 0:
                return Text("{kl}, run on {count} samples", kl=kl, count=count)
            if self.gain < 0:
                return Text("makes it worse: {kl}, run on {count} samples", kl=kl, count=count)
            return Text("no difference that {count} samples can tell: {kl}", kl=kl, count=count)
        mse = Text("MSE {before:.3g} → {after:.3g} of the outputs' power", before=self.mse_before, after=self.mse)
        if self.gain > 0:
            return Text("{mse}, run on {count} samples", mse=mse, count=count)
        return Text("wins nothing back: {mse}, run on {count} samples", mse=mse, count=count)


@dataclass(frozen=True)
class Finding:
    """Something that the doctor found, with evidence and what to do.

    Parameters
    ----------
    rule : str
        Stable name of the rule, such as ``kernel_unlike_simulation``.
    title, evidence : str
        One line each, for people.
    layers : tuple of str
        Ids of the layers concerned.
    severity : str
        ``error``, ``warning`` or ``note``.
    gain : float | None
        What the remedy is estimated to win back, in nats of KL; None where it is not known.
    remedy : str
        What to do, one line.
    plan : dict | None
        The whole plan after the remedy, as plan.json has it; None where no edit helps.
    tried : Tried | None
        What that plan does; None where it was not run.
    """

    rule: str
    title: str
    evidence: str
    layers: tuple[str, ...]
    severity: str
    gain: float | None
    remedy: str
    plan: dict[str, Any] | None = None
    tried: Tried | None = None

    @property
    def wins(self) -> float | None:
        """What the remedy wins back: run, else estimated."""
        return self.gain if self.tried is None else self.tried.gain


OF_POWER = "share of the float power, mean over the outputs"
UNITS = {
    "totals.mse": OF_POWER,
    "totals.estimated_mse": OF_POWER,
    "outputs.mse": "share of the output's float power",
    "samples.mse": OF_POWER,
    "layers.errors.local_mse": "square of the value's unit",
    "layers.errors.cumulative_mse": "square of the value's unit",
    "layers.errors.isolated_mse": OF_POWER,
    "layers.errors.leave_one_out_mse": OF_POWER,
    "layers.errors.estimated_mse": OF_POWER,
    "kl": "nats, mean per sample",
    "findings.gain": "nats, estimated",
    "findings.tried.won": "nats, then the ends of the 95 % confidence interval",
    "findings.tried.mse": OF_POWER,
}
"""What figures of analysis.json are of whose name may mean several things."""


@dataclass(frozen=True)
class Analysis:
    """Everything that analysis.json holds."""

    model: dict[str, Any]
    data: dict[str, Any]
    target: dict[str, Any]
    plan: dict[str, Any]
    totals: Totals
    layers: tuple[LayerRow, ...]
    fusions: tuple[FusionRow, ...]
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()
    samples: tuple[SampleRow, ...] = ()
    outputs: tuple[OutputRow, ...] = ()
    latency: LatencySums | None = None
    quality: CalibrationQuality | None = None
    worst: tuple[WorstSample, ...] = ()
    drift: Drift | None = None

    def to_json(self) -> dict[str, Any]:
        """As analysis.json, version 1."""
        found = {"version": 1, **asdict(self), "units": UNITS}
        if self.latency is not None:
            found["latency"]["boundaries"] = [
                {"from": item.source, "to": item.reader, "us": item.us} for item in self.latency.boundaries
            ]
        return found

    def row(self, layer_id: str) -> LayerRow | None:
        """The row of one layer."""
        return next((row for row in self.layers if row.id == layer_id), None)


def analysis_from_json(data: dict[str, Any]) -> Analysis:
    """Read what `Analysis.to_json` wrote, for sessions that reopen.

    Raises
    ------
    TypeError, KeyError
        Where a value is missing or of another kind than its field says.
    """
    found = {key: value for key, value in data.items() if key not in ("version", "units")}
    if found.get("latency") is not None:
        boundaries = [
            {"source": item["from"], "reader": item["to"], "us": item["us"]} for item in found["latency"]["boundaries"]
        ]
        found["latency"] = {**found["latency"], "boundaries": boundaries}
    return made(Analysis, found)
