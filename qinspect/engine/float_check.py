"""What the float model does before anything is quantized, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray

from .classes import ClassAxis, class_axis, judged, judged_shape
from .data import Dataset
from .errors import logits
from .feed import checked_batches, float_outputs
from .finite import demand_answers
from .graph import LayerGraph
from .graph.execute import Executor, one_after_the_other, outputs_of
from .graph.memory import check_memory
from .job import batch_size, check_fits, final_samples, whole_batches
from .load import Model
from .load.own_process import Running
from .metric import TOP1, Metric
from .progress import Report, part, silent
from .text import Text


@dataclass(frozen=True)
class Prediction:
    """The float model's answer for one sample."""

    index: int
    name: str
    label: int | None
    top: int
    probability: float


@dataclass(frozen=True)
class FloatCheck:
    """What the float model does on the final split: to be confirmed before anything is quantized.

    Parameters
    ----------
    metric : float | None
    metric_name, unit : str
    higher_is_better : bool
    samples : int
    predictions : tuple of Prediction
        Empty where the judged output is no logits.
    max_abs_delta : float
        Largest difference between the user's model and the canonical graph; 0 is bitwise equal.
    others : int
        How many of the samples are not of the final split.
    silence : str | None
        Why the metric says nothing of the targets.
    """

    metric: float | None
    metric_name: str
    samples: int
    predictions: tuple[Prediction, ...]
    max_abs_delta: float
    unit: str = "share"
    higher_is_better: bool = True
    others: int = 0
    silence: str | None = None


def _again(report: Report, done: int, total: int) -> Report:
    """Says how far the float model is, while it runs."""
    return lambda *_: report(done, total, Text("running the float model"))


ENOUGH = 128
"""With fewer labelled samples to report on, those of the other splits say as well whether the preparation is right."""


def checked_samples(graph: LayerGraph, data: Dataset) -> tuple[int, ...]:
    """The final split, and as many others as it takes to tell a right preparation from a wrong one.

    Nothing was chosen on any sample yet: each says as much of the float model as another.
    """
    final = final_samples(graph, data)
    if data.targets is None or len(final) >= ENOUGH:
        return final
    every = dict.fromkeys((*final, *data.splits.select, *data.splits.calibrate))
    return whole_batches(graph, tuple(every), ENOUGH)


def check_float(model: Model, data: Dataset, report: Report = silent, metric: Metric = TOP1) -> FloatCheck:
    """Run the user's float model on `checked_samples`, and the canonical graph beside it on the first of them."""
    check_fits(model, data)
    graph = model.graph
    check_memory(graph, model.spec.source)
    chosen = checked_samples(graph, data)
    executor = Executor(graph)
    metric = judged(metric, graph, data)
    collected: list[list[NDArray[Any]]] = []
    delta, done = 0.0, 0
    with torch.inference_mode():
        for inputs, _ in checked_batches(graph, data, chosen, batch_size(graph), model.spec.source):
            again = _again(report, done, len(chosen))
            again(0, 1, "")
            names = [data.names[index] for index in chosen[done : done + len(inputs[0])]]
            outputs = float_outputs(model, inputs, names, again)
            done += len(inputs[0])
            if not collected:
                ours = outputs_of(executor(inputs))
                for a, b in zip(outputs, ours, strict=True):
                    delta = max(delta, float((a.float() - b.float()).abs().max()) if a.numel() else 0.0)
            collected.append([o.float().numpy() for o in outputs])
    joined = one_after_the_other(collected)
    answers = list(map(torch.from_numpy, joined))
    demand_answers(answers, model.spec.source, graph, data, chosen, batch_size(graph))
    targets = None if data.targets is None else data.targets[list(chosen)]
    value = metric(joined, targets, part(report, 1, 1))
    return FloatCheck(
        value,
        metric.name,
        len(chosen),
        _predictions(data, chosen, answers, class_axis(graph, data, metric)),
        delta,
        metric.unit,
        metric.higher_is_better,
        len(set(chosen) - set(data.splits.final)),
        metric.silence(targets, value, shape=judged_shape(graph, metric)),
    )


def _predictions(
    data: Dataset, chosen: Sequence[int], outputs: Sequence[torch.Tensor], classes: ClassAxis
) -> tuple[Prediction, ...]:
    values = logits(outputs, classes)
    if values is None or values.shape[1] != 1:
        return ()
    probabilities = values[:, 0].double().softmax(-1).numpy()
    return tuple(
        Prediction(
            index,
            data.names[index],
            None if data.labels is None else int(data.labels[index]),
            int(row.argmax()),
            float(row.max()),
        )
        for index, row in zip(chosen, probabilities, strict=True)
    )


def forward_seconds(model: Model, data: Dataset, report: Report = silent) -> float:
    """Wall time of the user's own float model over the calibrate split, s: what calibration is held against."""
    chosen = whole_batches(model.graph, data.splits.calibrate)
    seconds, done = 0.0, 0
    with torch.inference_mode():
        for inputs, _ in checked_batches(model.graph, data, chosen, batch_size(model.graph), model.spec.source):
            again = _again(report, done, len(chosen))
            again(0, 1, "")
            names = [data.names[index] for index in chosen[done : done + len(inputs[0])]]
            began = _spent(model)
            float_outputs(model, inputs, names, again)
            seconds += _spent(model) - began
            done += len(inputs[0])
    return seconds


def _spent(model: Model) -> float:
    """A clock, s, that runs while the model does: one in a process of its own is not charged with the way there."""
    return model.forward.seconds if isinstance(model.forward, Running) else time.perf_counter()
