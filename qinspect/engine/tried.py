"""What remedies do: the plan of each finding simulated, beside the plan that it was found in, on the same samples.

Estimates of what a remedy wins back are sums over layers. Where values are cut off, or several errors lean the same
way, they are off by several times, and now and then a remedy makes it worse.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from . import intervals
from .assemble import Collected, Ground
from .backends import simulation
from .doctor import ordered
from .errors import OutputErrors
from .graph.execute import outputs_of, portions, samples_of
from .graph.memory import VALUE_BYTES, fixed_batch
from .job import calibrate_model, quantization_of
from .parallel import in_parallel
from .plan import QuantPlan
from .plan.file import plan_from_json
from .problem import Problem
from .progress import Report, part
from .results import Finding, Tried
from .text import Text

SAMPLES, LEAST = 64, 16
"""A remedy is run on the first so many samples of the final split, or on fewer of a large model."""
MACS = 6e10
"""So many multiply-adds are to suffice for one."""
MOST = 6
"""So many findings have their remedies run: those that come first."""
KEPT_BYTES = 256 << 20
"""Of inputs; of larger ones fewer samples are taken."""
IN_KERNELS = frozenset({"kernel_unlike_simulation"})
"""Rules whose remedies a simulation shows nothing of."""


@dataclass(frozen=True)
class _Piece:
    """Samples that go through together, with what the float model and the plan make of them."""

    inputs: Sequence[torch.Tensor]
    reference: Sequence[torch.Tensor]
    quantized: Sequence[torch.Tensor]


class Trials:
    """Runs remedies for a plan that was simulated; each plan once.

    Parameters
    ----------
    ground : Ground
    outputs : Collected
        Of the float and the simulated model on the final split, in the pieces of `measure`.
    """

    def __init__(self, ground: Ground, outputs: Collected) -> None:
        self._ground, self._outputs = ground, outputs
        self._pieces: list[_Piece] = []
        self._known: dict[str, Tried | None] = {}

    def run(self, findings: Sequence[Finding], report: Report) -> tuple[Finding, ...]:
        """The findings with what their remedies do, in the order of that."""
        chosen = [f for f in findings if f.plan is not None and f.rule not in IN_KERNELS][:MOST]
        found: dict[int, Finding] = {}
        for number, finding in enumerate(chosen):
            share = part(report, number / len(chosen), (number + 1) / len(chosen))
            assert finding.plan is not None
            found[id(finding)] = replace(finding, tried=self._tried(plan_from_json(finding.plan), share))
        return ordered(found.get(id(finding), finding) for finding in findings)

    def _tried(self, plan: QuantPlan, report: Report) -> Tried | None:
        key = plan.fingerprint
        if key not in self._known:
            try:
                self._known[key] = self._simulate(plan, report)
            except Problem:  # what cannot be run is said where it is applied
                self._known[key] = None
        return self._known[key]

    def _simulate(self, plan: QuantPlan, report: Report) -> Tried | None:
        ground = self._ground
        calibration = calibrate_model(ground.model, ground.data, plan, part(report, 0, 0.2), ground.calibration)
        quantization = quantization_of(ground.model, ground.data, plan, calibration, part(report, 0.2, 0.4))
        model = simulation(quantization, channels_last=True)
        pieces = self._pieces = self._pieces or self._first()

        def run(piece: _Piece, report: Report) -> Sequence[torch.Tensor]:
            report(0, 1, Text("trying remedies"))
            with torch.inference_mode():
                return [output.float() for output in outputs_of(model(piece.inputs))]

        def size(piece: _Piece) -> int:
            return samples_of(piece.inputs)

        def each(piece: _Piece) -> int:
            return VALUE_BYTES * ground.graph.live_values * size(piece)

        before, after = OutputErrors(ground.classes), OutputErrors(ground.classes)
        made = in_parallel(run, pieces, size, part(report, 0.4, 1), each=each, apart=not ground.graph.opaque)
        for piece, outputs in zip(pieces, made, strict=True):
            before.add(piece.reference, piece.quantized)
            after.add(piece.reference, outputs)
        return _compared(sum(map(size, pieces)), before, after)

    def _first(self) -> list[_Piece]:
        """The first samples of the final split, as they were measured."""
        ground, found = self._ground, list[_Piece]()
        each = sum(VALUE_BYTES * math.prod(n for n in spec.shape if n) for spec in ground.graph.inputs)
        macs = sum(layer.macs for layer in ground.graph.layers) / (fixed_batch(ground.graph) or 1)
        most = min(SAMPLES, max(LEAST, int(MACS / max(macs, 1))), KEPT_BYTES // max(each, 1))
        measured = zip(self._outputs.float, self._outputs.simulated, strict=True)
        count = 0
        for batch in ground.feed(ground.final):
            if count + samples_of(batch) > most and found:
                break
            for inputs in [batch] if ground.quantization.dynamic else portions(ground.graph, batch):
                reference, quantized = (_tensors(outputs) for outputs in next(measured))
                found.append(_Piece(inputs, reference, quantized))
            count += samples_of(batch)
        return found


def _tensors(outputs: Iterable[Any]) -> list[torch.Tensor]:
    return [torch.from_numpy(output) for output in outputs]


def _compared(samples: int, before: OutputErrors, after: OutputErrors) -> Tried | None:
    if before.mse is None or after.mse is None or not math.isfinite(before.mse + after.mse):
        return None
    won = None
    if before.kl and after.kl:
        found = intervals.mean(np.concatenate(before.kl) - np.concatenate(after.kl))
        won = found.value, found.low, found.high
    return Tried(samples, before.mean_kl, after.mean_kl, won, before.mse, after.mse, before.agreement, after.agreement)
