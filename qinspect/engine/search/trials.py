"""Plans tried out: simulated whole on samples, beside float outputs that are computed once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch

from ..backends import simulation
from ..classes import class_axis, judged
from ..data import Dataset, batches
from ..errors import OutputErrors
from ..graph import LayerGraph
from ..graph.execute import Executor, one_after_the_other, outputs_of, portions
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
                if not quantization.dynamic:
                    parts = portions(self.graph, inputs)
                elif size < len(inputs[0]):  # the range of a dynamic layer's input is that of the batch
                    parts = list(zip(*(tensor.split(size) for tensor in inputs), strict=True))
                else:
                    parts = [inputs]
                made = [[o.float() for o in outputs_of(model(some))] for some in parts]
                reference = self._reference[index]
                outputs = [_together(same, f) for same, f in zip(zip(*made, strict=True), reference, strict=True)]
                errors.add(reference, outputs)
                found.append(outputs)
        before, after = (one_after_the_other([[o.numpy() for o in b] for b in all]) for all in (self._reference, found))
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


def _together(parts: Sequence[torch.Tensor], whole: torch.Tensor) -> torch.Tensor:
    """One output of a batch that was passed in parts, whatever axis has the samples: recurrent state has the second."""
    axes = [i for i, (a, b) in enumerate(zip(parts[0].shape, whole.shape, strict=True)) if a != b]
    return torch.cat(list(parts), axes[0] if axes else 0) if len(parts) > 1 else parts[0]
