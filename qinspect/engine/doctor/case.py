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
from ..text import Text


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
    def loss(self) -> Loss:
        """What the plan loses, by the figure that this model's outputs have."""
        totals = self.analysis.totals
        if totals.kl is not None:
            return Loss(True, totals.kl, 0.02, 0.1)
        return Loss(False, totals.mse, 0.01, 0.1)

    @cached_property
    def row_of(self) -> Mapping[str, LayerRow]:
        return {row.id: row for row in self.rows}

    def layers_of(self, values: Iterable[str]) -> tuple[str, ...]:
        """Ids of the layers that make these values; the model's inputs have none."""
        producer = self.quantization.graph.producer
        return tuple(producer[name].id for name in values if name in producer)


@dataclass(frozen=True)
class Loss:
    """The error at the output that layers are blamed for: KL, nats, or MSE where there are no classes.

    Parameters
    ----------
    is_kl : bool
    whole : float | None
        Of the whole plan, measured.
    least, large : float
        Below the first no layer is worth blaming; above the second it is an error.
    """

    is_kl: bool
    whole: float | None
    least: float
    large: float

    def of(self, row: LayerRow) -> float:
        """What a layer's rounding is estimated to add."""
        return (row.errors.estimated_kl if self.is_kl else row.errors.estimated_mse) or 0.0

    def said(self, layers: str) -> Text:
        """Layers with what the whole plan loses."""
        if self.is_kl:
            return Text("{layers}; KL of the whole plan {kl:.3f} nats", layers=layers, kl=self.whole)
        return Text("{layers}; MSE of the whole plan {mse:.3g} of the outputs' power", layers=layers, mse=self.whole)


def own(analysis: Analysis) -> tuple[LayerRow, ...]:
    """The layers that are not absorbed by others."""
    return tuple(row for row in analysis.layers if row.fused_into is None)


def in_float(plan: QuantPlan, layers: Sequence[str]) -> QuantPlan:
    """The plan with these layers in float."""
    for layer in layers:
        plan = plan.with_layer(layer, weight=None, activation=None)
    return plan


def duration(ms: float) -> str:
    return f"{ms:.2f} ms" if ms >= 1 else f"{1000 * ms:.{0 if ms >= 0.1 else 1}f} µs"
