"""Where the first output has its classes: the last of two axes, or at every pixel or position."""

from __future__ import annotations

from typing import Literal

from .data import Dataset
from .graph import LayerGraph
from .metric import Metric, axis_for

ClassAxis = int | Literal["flat"] | None
"""The axis of the classes; ``flat`` is the last of two axes (samples, classes), where the output has two.

None is an output that is no logits: embeddings, boxes, an image.
"""


def class_axis(graph: LayerGraph, data: Dataset, metric: Metric) -> ClassAxis:
    """How the first output is to be read, as far as the metric, y or the shape says it.

    Logits of shape (N, C, H, W) or (N, T, C) look like any other tensor. They are taken for such where
    the metric is one of pixels or tokens, or where y has a class index for each of their positions.
    """
    if metric.classes is None or isinstance(metric.classes, int):
        return metric.classes
    shape = _first_shape(graph)
    if data.targets is not None and data.labels is None:
        whole = data.targets.dtype.kind in "iu"
        return axis_for(len(shape), data.targets.shape[1:], shape) if whole else None
    return "flat"


def _first_shape(graph: LayerGraph) -> tuple[int | None, ...]:
    """Shape of the first output, with its batch axis."""
    name = graph.output_values[0]
    producer = graph.producer.get(name)
    if producer is not None:
        return tuple(producer.shape)
    return next((spec.shape for spec in graph.inputs if spec.name == name), ())
