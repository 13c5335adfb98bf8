"""What is wrong, why, and what to do: findings of an analysis.

Every rule is a function of the `Case` that returns its findings; `RULES` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ..calibrate import Calibration
from ..plan import QuantPlan
from ..quantize import Quantization
from ..results import Analysis, Finding
from ..statistics import TensorStats
from . import data, estimators, kernels, ranges, states, structure, unseen
from .case import Case

__all__ = ["RULES", "diagnose"]

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


def diagnose(
    analysis: Analysis,
    plan: QuantPlan,
    quantization: Quantization,
    calibration: Calibration,
    validation: Mapping[str, TensorStats] | None = None,
) -> tuple[Finding, ...]:
    """Findings: the most severe first, then those that would win back most.

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
    order = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda f: (order[f.severity], -(f.gain or 0.0))))
