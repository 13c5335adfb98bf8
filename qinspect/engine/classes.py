"""Which output is judged, and where it has its classes: the last of two axes, or at every pixel or position."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

from .data import Dataset
from .data.named import flat
from .graph import Layer, LayerGraph
from .metric import TOP1, Metric, axis_for
from .problem import Problem
from .text import Text, dimensions


@dataclass(frozen=True)
class Of:
    """Classes of another output than the first, or ones that are given as probabilities.

    Parameters
    ----------
    output : int
    axis : int | "flat" | None
        As in `ClassAxis`.
    probabilities : bool
        The model ends in a softmax: what it gives is the distribution itself, not its logits.
    sigmoid : bool
        It ends in a sigmoid of one value: the probability of the second of two classes.
    """

    output: int
    axis: int | Literal["flat"] | None = "flat"
    probabilities: bool = False
    sigmoid: bool = False


ClassAxis = int | Literal["flat"] | None | Of
"""The axis of the classes; ``flat`` is the last of two axes (samples, classes), where the output has two.

None is an output that is no logits: embeddings, boxes, an image. It is of the logits in the first output, unless `Of`
says otherwise.
"""

SHAPE_KEPT = frozenset({"aten.alias", "aten.clone", "aten.contiguous", "aten.detach", "aten._to_copy", "aten.to"})
"""Operators between a softmax and the output that leave each value, and where it is, alone."""

MOVES = frozenset(
    f"aten.{name}"
    for name in ("squeeze", "unsqueeze", "view", "reshape", "_unsafe_view", "flatten", "mean", "sum", "amax", "amin")
)
"""Operators that leave the one number of a sample what it is."""


PICKS = SHAPE_KEPT | {f"aten.{name}" for name in ("squeeze", "view", "reshape", "flatten", "select", "slice")}
"""Operators that hand on one of the vectors that they are given."""

BESIDE_NORM = frozenset(f"aten.{name}" for name in ("clamp", "clamp_min", "expand", "add", "unsqueeze", "maximum"))
"""Operators between a norm and what is divided by it."""


def place_of(classes: ClassAxis) -> tuple[int, int | Literal["flat"] | None]:
    """Which output, and the axis of its classes."""
    return (classes.output, classes.axis) if isinstance(classes, Of) else (0, classes)


def judged(metric: Metric, graph: LayerGraph, data: Dataset | None) -> Metric:
    """The metric with the output that it is of, and how that is read; one that has its output already keeps it.

    Without a word of the user's it is the first output that can hold the labels' classes: floats (samples,
    classes) with more classes than the largest label, of several the one with the nearest number; or one
    that has a class for each position of y. Where there is none, it is the first of all.
    """
    output = _judged_output(metric, graph, data) if metric.output is None else metric.output
    sigmoid = metric.classes == "flat" and _is_sigmoid(graph, graph.output_values[output])
    return dataclasses.replace(metric, output=output, sigmoid=sigmoid)


def _judged_output(metric: Metric, graph: LayerGraph, data: Dataset | None) -> int:
    found: dict[int, int] = {}
    real = [graph.dtypes.get(name, "").startswith(("float", "bfloat")) for name in graph.output_values]
    targets = None if data is None else data.targets
    if data is not None and targets is not None and len(targets) and targets.dtype.kind in "iu":
        for index, name in enumerate(graph.output_values):
            shape = _shape(graph, name)
            if not real[index]:
                continue
            if data.labels is None:
                if axis_for(len(shape), targets.shape[1:], shape) is not None:
                    found[index] = 0
            elif metric.classes == "flat" and len(shape) == 2 and shape[1] is not None:
                over = shape[1] - 1 - int(data.labels.max())
                if over >= 0 and shape[1] > 1:
                    found[index] = over
    return min(found, key=lambda index: found[index], default=real.index(True) if any(real) else 0)


def named_output(graph: LayerGraph, word: str) -> int:
    """The output that a word names: its number from 0, its key in a dictionary, or its value's name.

    Raises
    ------
    Problem
        Listing the outputs.
    """
    count = len(graph.output_values)
    if word.isdecimal() and int(word) < count:
        return int(word)
    keys = list(flat(graph.outputs))
    for names in (keys if len(keys) == count else [], graph.output_values):
        if word in names:
            return list(names).index(word)
    known = ", ".join(output_words(graph))
    raise Problem(
        "--output", Text("there is no output {word}", word=repr(word)), Text("It has {arrays}.", arrays=known)
    )


def output_words(graph: LayerGraph) -> list[str]:
    """Each output as people are to recognize it: number, key where it has one, shape of N samples."""
    keys = list(flat(graph.outputs))
    words = []
    for index, name in enumerate(graph.output_values):
        key = keys[index] if len(keys) == len(graph.output_values) and not keys[index].isdecimal() else ""
        shape = " × ".join(filter(None, ["N", dimensions(_shape(graph, name)[1:])]))
        words.append(" ".join(filter(None, [str(index), key, f"({shape})"])))
    return words


def judged_shape(graph: LayerGraph, metric: Metric) -> tuple[int | None, ...]:
    """Shape of the output that a metric is of, with its batch axis."""
    return _shape(graph, graph.output_values[metric.output or 0])


def class_count(graph: LayerGraph, classes: ClassAxis) -> int | None:
    """How many classes the judged output has; None where it has none, or where their number is free."""
    output, axis = place_of(classes)
    if isinstance(classes, Of) and classes.sigmoid:
        return 2
    shape = _shape(graph, graph.output_values[output])
    if axis is None or (axis == "flat" and len(shape) != 2):
        return None
    return shape[-1 if axis == "flat" else axis]


def judged_note(metric: Metric, graph: LayerGraph) -> str | None:
    """Which output is judged, where there are several."""
    if len(graph.output_values) < 2:
        return None
    words = output_words(graph)
    return Text(
        "Of {count} outputs, number {output} is judged by metric, agreement and KL (--output names another); SQNR and "
        "MSE are of all, each beside its own power.",
        count=len(words),
        output=words[metric.output or 0],
    )


def class_axis(graph: LayerGraph, data: Dataset | None, metric: Metric) -> ClassAxis:
    """How the judged output is to be read, as far as the metric, y or the shape says it.

    Logits of shape (N, C, H, W) or (N, T, C) look like any other tensor. They are taken for such where
    the metric is one of pixels or tokens, or where y has a class index for each of their positions.
    """
    metric = judged(metric, graph, data)
    output = metric.output or 0
    axis = _axis(graph, data, metric, output)
    probabilities = _is_softmax(graph, graph.output_values[output], axis)
    sigmoid = metric.sigmoid and axis == "flat"
    return Of(output, axis, probabilities, sigmoid) if output or probabilities or sigmoid else axis


def one_answer(graph: LayerGraph, data: Dataset, metric: Metric) -> bool:
    """Whether the judged output is logits (samples, classes), or one probability: each sample has one answer."""
    classes = class_axis(graph, data, metric)
    output, axis = place_of(classes)
    if isinstance(classes, Of) and classes.sigmoid:
        return True
    name = graph.output_values[output]
    shape = _shape(graph, name)
    return axis == "flat" and len(shape) == 2 and shape[1] != 1 and graph.dtypes.get(name, "").startswith("float")


def _axis(graph: LayerGraph, data: Dataset | None, metric: Metric, output: int) -> int | Literal["flat"] | None:
    if metric.classes is None or isinstance(metric.classes, int):
        return metric.classes
    if data is not None and data.targets is not None and data.labels is None:
        shape = _shape(graph, graph.output_values[output])
        whole = data.targets.dtype.kind in "iu"
        return axis_for(len(shape), data.targets.shape[1:], shape) if whole else None
    unsaid = (data is None or data.targets is None) and metric.name == TOP1.name and metric.function is None
    return None if unsaid and is_embedding(graph, graph.output_values[output]) else "flat"


def is_embedding(graph: LayerGraph, name: str) -> bool:
    """Whether a value (samples, features) is a vector for each sample, and no scores of classes.

    It is, where the model ends in what no classifier ends in: a layer norm, a division by the vector's own length,
    a tanh, or a mean of tokens behind any of these or weighted by a mask.
    """
    shape = _shape(graph, name)
    if len(shape) != 2 or shape[1] == 1:
        return False
    layer = _maker(graph, name, PICKS)
    if layer is not None and layer.op == "mean" and len(_shape(graph, layer.inputs[0])) == 3:
        layer = _maker(graph, layer.inputs[0], PICKS)
    if layer is None:
        return False
    last = (layer, *layer.executed)[-1]
    if last.op == "div" and len(layer.inputs) == 2:
        whole, length = _maker(graph, layer.inputs[0], PICKS), _maker(graph, layer.inputs[1], BESIDE_NORM)
        pooled = whole is not None and whole.target.startswith("aten.sum.")
        return pooled or (length is not None and length.target.startswith(("aten.linalg_vector_norm", "aten.sqrt")))
    return last.op in ("layer_norm", "rms_norm", "tanh")


def _is_softmax(graph: LayerGraph, name: str, axis: int | Literal["flat"] | None) -> bool:
    """Whether a value is a softmax over the axis of its classes."""
    layer = _maker(graph, name, SHAPE_KEPT)
    if layer is None or layer.op != "softmax" or axis is None or len(layer.args) < 2:
        return False
    over, rank = layer.args[1], len(layer.shape)
    return isinstance(over, int) and over % rank == (-1 if axis == "flat" else axis) % rank


def _is_sigmoid(graph: LayerGraph, name: str) -> bool:
    """Whether a value is a sigmoid, of one number for each sample."""
    shape = _shape(graph, name)
    layer = _maker(graph, name, SHAPE_KEPT | MOVES)
    if layer is None or (layer, *layer.executed)[-1].op != "sigmoid" or len(shape) not in (1, 2):
        return False
    return all(size == 1 for size in (*shape[1:], *layer.shape[1:]))


def _maker(graph: LayerGraph, name: str, passed: frozenset[str]) -> Layer | None:
    """The layer that makes a value, behind operators that only hand it on."""
    layer = graph.producer.get(name)
    while layer is not None and layer.target.rpartition(".")[0] in passed and layer.inputs:
        layer = graph.producer.get(layer.inputs[0])
    return layer


def _shape(graph: LayerGraph, name: str) -> tuple[int | None, ...]:
    """Shape of a value, with its batch axis."""
    producer = graph.producer.get(name)
    if producer is not None:
        return tuple(producer.shape)
    return next((spec.shape for spec in graph.inputs if spec.name == name), ())
