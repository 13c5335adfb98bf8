"""Plans tried out: simulated whole on samples, beside float outputs that are computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray

from ..backends import simulation
from ..classes import class_axis, judged
from ..data import Dataset, batches
from ..errors import OutputErrors
from ..graph import LayerGraph
from ..graph.execute import Executor, outputs_of
from ..intervals import Interval
from ..job import batch_size, fed, measured_batch
from ..metric import Metric
from ..plan import QuantPlan
from ..progress import Report, part, silent
from ..quantize import quantize
from ..statistics import TensorStats
from ..text import Text
from .pareto import Verified

KEPT_BYTES = 256 << 20
"""Samples that take more than this are read again for every plan."""


class Trials:
    """What plans do on one split; the float model runs once, each plan once.

    Parameters
    ----------
    graph : LayerGraph
        Fused.
    stats : mapping of value name to TensorStats
    data : Dataset
    split : str
        Its name.
    samples : tuple of int
    metric : Metric
    """

    def __init__(
        self,
        graph: LayerGraph,
        stats: Mapping[str, TensorStats],
        data: Dataset,
        split: str,
        samples: tuple[int, ...],
        metric: Metric,
    ) -> None:
        self.graph, self.stats, self.data = graph, stats, data
        self.metric = judged(metric, graph, data)
        self.split, self.samples = split, samples
        self.classes = class_axis(graph, data, metric)
        self.targets = None if data.targets is None else data.targets[list(samples)]
        self._inputs: list[tuple[torch.Tensor, ...]] = []
        self._reference: list[list[torch.Tensor]] = []
        self._float_figures: dict[bytes, float] = {}
        self.known: dict[str, Verified] = {}

    def verify(self, plan: QuantPlan, report: Report = silent) -> Verified:
        """Simulate a plan; what was simulated before is not run again."""
        key = plan.fingerprint
        if key not in self.known:
            self._run_float(report)
            self.known[key] = self._run(plan, report)
        return self.known[key]

    def _run_float(self, report: Report) -> None:
        if self._reference:
            return
        executor = Executor(self.graph, channels_last=True)
        with torch.inference_mode():
            for inputs in self._batches():
                report(0, 1, Text("running the float model"))
                if sum(tensor.nbytes for tensor in inputs) * len(self.samples) <= KEPT_BYTES * len(inputs[0]):
                    self._inputs.append(inputs)
                self._reference.append([o.float() for o in outputs_of(executor(inputs))])

    def _batches(self) -> Iterator[tuple[torch.Tensor, ...]]:
        """Inputs: those that were kept, else read again."""
        if self._inputs and len(self._inputs) == len(self._reference):
            return iter(self._inputs)
        self._inputs.clear()
        return fed(batches(self.data, self.samples, batch_size(self.graph)))

    def _run(self, plan: QuantPlan, report: Report) -> Verified:
        quantization = quantize(self.graph, plan, self.stats)
        model, size = simulation(quantization, channels_last=True), measured_batch(quantization)
        errors = OutputErrors(self.classes)
        found: list[list[torch.Tensor]] = []
        with torch.inference_mode():
            for index, inputs in enumerate(self._batches()):
                report(index, len(self._reference), "")
                parts = [inputs]
                if quantization.dynamic and size < len(inputs[0]):
                    parts = list(zip(*(tensor.split(size) for tensor in inputs), strict=True))
                made = [[o.float() for o in outputs_of(model(some))] for some in parts]
                outputs = [torch.cat(same) if len(same) > 1 else same[0] for same in zip(*made, strict=True)]
                errors.add(self._reference[index], outputs)
                found.append(outputs)
        before, after = _joined(self._reference), _joined(found)
        last = part(report, 1, 1)
        drop = self.metric.drop(before, after, self.targets, self._float_figures, report=last)
        agreement = errors.agreement_interval
        if drop is None and agreement is not None:  # without a metric of y, by how much the agreement is below 1
            drop = Interval(1 - agreement.value, 1 - agreement.high, 1 - agreement.low)
        return Verified(
            self.split,
            len(self.samples),
            errors.kl_interval,
            errors.mse,
            agreement,
            self.metric(before, self.targets, last),
            self.metric(after, self.targets, last),
            drop,
        )


def _joined(parts: Sequence[Sequence[torch.Tensor]]) -> list[NDArray[Any]]:
    return [torch.cat(list(items)).numpy() for items in zip(*parts, strict=True)]
