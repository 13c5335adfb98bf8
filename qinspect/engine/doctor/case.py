"""What the rules look at, and the words that they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..calibrate import Calibration
from ..plan import QuantPlan
from ..quantize import Quantization
from ..results import Analysis, LayerRow
from ..statistics import TensorStats


@dataclass(frozen=True)
class Case:
    """Everything that is known of one analysis.

    Parameters
    ----------
    analysis : Analysis
        Without findings.
    plan, quantization, calibration
        What it rests on.
    validation : mapping of value name to TensorStats
        The same statistics of samples that were not calibrated on; empty where they were not gathered.
    """

    analysis: Analysis
    plan: QuantPlan
    quantization: Quantization
    calibration: Calibration
    validation: Mapping[str, TensorStats] = field(default_factory=dict)

    @cached_property
    def rows(self) -> tuple[LayerRow, ...]:
        """The layers that are not absorbed by others."""
        return own(self.analysis)

    @cached_property
    def row_of(self) -> Mapping[str, LayerRow]:
        return {row.id: row for row in self.rows}

    def layers_of(self, values: Iterable[str]) -> tuple[str, ...]:
        """Ids of the layers that make these values; the model's inputs have none."""
        producer = self.quantization.graph.producer
        return tuple(producer[name].id for name in values if name in producer)


def own(analysis: Analysis) -> tuple[LayerRow, ...]:
    """The layers that are not absorbed by others."""
    return tuple(row for row in analysis.layers if row.fused_into is None)


def in_float(plan: QuantPlan, layers: Sequence[str]) -> QuantPlan:
    """The plan with these layers in float."""
    for layer in layers:
        plan = plan.with_layer(layer, weight=None, activation=None)
    return plan


def duration(ms: float) -> str:
    return f"{ms:.2f} ms" if ms >= 1 else f"{1000 * ms:.0f} µs"
