"""Plans tried out: simulated whole on samples, beside float outputs that are computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .. import intervals
from ..backends import simulation
from ..data import Dataset, batches
from ..errors import OutputErrors
from ..execute import Executor, outputs_of
from ..graph import LayerGraph
from ..intervals import Interval
from ..job import batch_size, fed
from ..metric import Metric
from ..plan import QuantPlan
from ..progress import Report, silent
from ..quantize import quantize
from ..statistics import TensorStats
from ..text import Text
from .pareto import Verified

RESAMPLES = 200
"""Of the samples, for the interval of a metric that is no mean over samples."""

LARGE = 4_000_000
"""Output values from which on a fifth of the resamples has to do: each computes the metric anew."""


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
        self.graph, self.stats, self.data, self.metric = graph, stats, data, metric
        self.split, self.samples = split, samples
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
            for inputs in fed(batches(self.data, self.samples, batch_size(self.graph))):
                report(0, 1, Text("running the float model"))
                self._inputs.append(inputs)
                self._reference.append([o.float() for o in outputs_of(executor(inputs))])

    def _run(self, plan: QuantPlan, report: Report) -> Verified:
        model = simulation(quantize(self.graph, plan, self.stats), channels_last=True)
        errors = OutputErrors()
        found: list[list[torch.Tensor]] = []
        with torch.inference_mode():
            for index, inputs in enumerate(self._inputs):
                report(index, len(self._inputs), "")
                outputs = [o.float() for o in outputs_of(model(inputs))]
                errors.add(self._reference[index], outputs)
                found.append(outputs)
        if not self.data.classifies:
            errors.no_classes()
        agree = np.concatenate(errors.agree) if errors.agree else None
        before, after = _joined(self._reference), _joined(found)
        agreement = None if agree is None else intervals.share(int(agree.sum()), len(agree))
        return Verified(
            self.split,
            len(self.samples),
            intervals.mean(np.concatenate(errors.kl)) if errors.kl else None,
            errors.mse,
            agreement,
            self.metric(before, self.targets),
            self.metric(after, self.targets),
            self._drop(before, after, agreement),
        )

    def _drop(
        self, before: Sequence[NDArray[Any]], after: Sequence[NDArray[Any]], agreement: Interval | None
    ) -> Interval | None:
        """By how much the metric is worse, paired; without targets by how much the agreement is below 1."""
        targets, metric = self.targets, self.metric
        if metric(before, targets) is None:
            if agreement is None:
                return None
            return Interval(1 - agreement.value, 1 - agreement.high, 1 - agreement.low)
        assert targets is not None
        if metric.function is None:
            return intervals.share_lost(before[0].argmax(-1) == targets, after[0].argmax(-1) == targets)
        sign = 1.0 if metric.higher_is_better else -1.0

        def figure(outputs: Sequence[NDArray[Any]], picked: NDArray[np.int64]) -> float:
            found = metric([o[picked] for o in outputs], targets[picked])
            return math.nan if found is None else found

        def drop(picked: NDArray[np.int64]) -> float:
            # The same samples are drawn for every plan: what the float model gets on them is kept.
            key = picked.tobytes()
            if key not in self._float_figures:
                self._float_figures[key] = figure(before, picked)
            return sign * (self._float_figures[key] - figure(after, picked))

        resamples = RESAMPLES if sum(o.size for o in before) <= LARGE else RESAMPLES // 5
        return intervals.statistic(drop, len(targets), resamples)


def _joined(parts: Sequence[Sequence[torch.Tensor]]) -> list[NDArray[Any]]:
    return [torch.cat(list(items)).numpy() for items in zip(*parts, strict=True)]
