"""What is wrong, why, and what to do: findings of an analysis.

Every rule is a function of the `Case` that returns its findings; `RULES` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from ..calibrate import Calibration
from ..plan import QuantPlan
from ..quantize import Quantization
from ..results import Analysis, Finding
from ..statistics import TensorStats
from . import data, estimators, kernels, ranges, states, structure, unseen
from .case import Case

__all__ = ["RULES", "diagnose", "ordered"]

RULES: Sequence[Callable[[Case], list[Finding]]] = (
    data.float_metric_low,
    kernels.kernel_unlike_simulation,
    kernels.relu_dropped,
    structure.sensitive_layers,
    structure.fusions,
    structure.asked_not_quantized,
    structure.float_islands,
    kernels.slower,
    estimators.outliers_rule_range,
    estimators.estimator_cuts,
    ranges.symmetric_on_nonnegative,
    ranges.weight_channel_spread,
    ranges.weights_rounded,
    ranges.cat_unequal_ranges,
    ranges.constant_tensors,
    ranges.dead_channels,
    unseen.clipped_on_unseen,
    data.too_few_samples,
    data.calibration_unlike_validation,
    data.synthetic_calibration,
    data.nonfinite_values,
    data.output_hidden,
    states.state_drifts,
    states.state_never_moves,
)

NOT_FOR_QUALITY = frozenset(
    {"layer_slower", "int8_slower", "float_islands", "asked_not_quantized", "fusion_off", "batch_norm_not_folded"}
)
"""Rules whose remedies are for time and size: that they win back nothing of the error is no wonder."""


def diagnose(
    analysis: Analysis,
    plan: QuantPlan,
    quantization: Quantization,
    calibration: Calibration,
    validation: Mapping[str, TensorStats] | None = None,
) -> tuple[Finding, ...]:
    """Findings, in the order of `ordered`.

    Parameters
    ----------
    analysis : Analysis
        Without findings.
    plan, quantization, calibration
        What it rests on.
    validation : mapping of value name to TensorStats, optional
        Statistics of samples that were not calibrated on.
    """
    case = Case(analysis, plan, quantization, calibration, validation or {})
    found = [finding for rule in RULES for finding in rule(case)]
    return ordered(found)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors of which nobody knows what their remedy wins, then those that win back most, then by severity.

    What was tried and wins nothing back is a note.
    """
    severities = ("error", "warning", "note")

    def place(finding: Finding) -> tuple[bool, float, int]:
        wins = finding.wins
        return finding.severity != "error" or wins is not None, -(wins or 0.0), severities.index(finding.severity)

    return tuple(sorted(map(_weighed, findings), key=place))


def _weighed(finding: Finding) -> Finding:
    idle = finding.tried is not None and finding.tried.gain <= 0 and finding.rule not in NOT_FOR_QUALITY
    return replace(finding, severity="note") if idle else finding
