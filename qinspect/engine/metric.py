"""How good outputs are."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from .intervals import Interval, share_lost, statistic
from .problem import Problem
from .process.resident import Raised, Resident
from .progress import Cancelled, Report, part, silent
from .source import is_callable
from .tallies import Tally, of_classes, of_positions, of_squares
from .text import Text, dimensions


@dataclass(frozen=True)
class Metric:
    """How good outputs are.

    Parameters
    ----------
    name : str
        For people.
    function : callable | None
        ``metric(outputs, targets) -> float``; None is top-1. What a user names is a `Resident`.
    higher_is_better : bool
    unit : str
        ``share`` for fractions.
    classes : int | "flat" | None
        How it reads the judged output, see `qinspect.engine.classes`; None is no logits.
    output : int | None
        The output that is judged; None is to be chosen, see `qinspect.engine.classes.judged`. A function of the
        user's gets all outputs whatever it is; agreement and KL are of this one.
    of_one : bool
        Whether the function gets the judged output alone.
    sigmoid : bool
        The judged output is one probability, of the second of two classes, which is the answer above a half; see
        `qinspect.engine.classes.judged`.
    reads_targets : bool
        Without, there is no metric, whatever the data hold: agreement with the float model counts.
    """

    name: str = "top-1"
    function: Callable[[Any, Any], float] | None = None
    higher_is_better: bool = True
    unit: str = "share"
    classes: int | Literal["flat"] | None = "flat"
    reads_targets: bool = True
    output: int | None = None
    of_one: bool = False
    sigmoid: bool = False

    def __call__(
        self, outputs: Sequence[NDArray[Any]], targets: NDArray[Any] | None, report: Report = silent
    ) -> float | None:
        """The metric of concatenated outputs; None without targets, or where they are not of its kind.

        Parameters
        ----------
        outputs : sequence of arrays, shape (samples, ...)
        targets : array, shape (samples, ...), or None
        report : Report
            Called while a function of the user's runs; where it raises, the function is stopped.

        Raises
        ------
        Problem
            Where outputs and targets do not fit, or the user's function raises, or ends its process.
        """
        if targets is None or not outputs or not self.reads_targets:
            return None
        if self.function is not None:
            arrays = [np.asarray(output) for output in ([self.one(outputs)] if self.of_one else outputs)]
            try:
                if isinstance(self.function, Resident):
                    return self.function(arrays, targets, report)
                tensors = [torch.from_numpy(array) for array in arrays]
                return float(self.function(tensors[0] if len(tensors) == 1 else tensors, torch.from_numpy(targets)))
            except (Problem, Cancelled):
                raise
            except Exception as error:
                raise self._fault(Raised.of(error), arrays, targets) from error
        one = self.one(outputs)
        axis = axis_for(one.ndim, targets.shape[1:], one.shape)
        if axis is not None and targets.dtype.kind in "iu":
            return _accuracy(torch.from_numpy(one), torch.from_numpy(targets), axis)
        if self.sigmoid:
            return _top_k(_both_classes(one), _as_indices(targets), 1)
        return _top_k(one, targets, 1)

    @property
    def source(self) -> str:
        """As a user names it."""
        return self.function.source if isinstance(self.function, Resident) else self.name

    def one(self, outputs: Sequence[NDArray[Any]]) -> NDArray[Any]:
        """The judged one of a model's outputs."""
        return np.asarray(outputs[self.output or 0])

    def _answers(self, outputs: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
        one = self.one(outputs)
        return np.asarray((_both_classes(one) if self.sigmoid else one).argmax(-1))

    def _tally(self, targets: NDArray[Any]) -> Callable[[NDArray[Any]], Tally] | None:
        """What samples add to the metric, where it is known of which sums it is made."""
        if self.function is not None:
            counted = COUNTED.get(self.function)
            return None if counted is None else partial(counted, targets=targets)

        def at_positions(one: NDArray[Any]) -> Tally:
            axis = axis_for(one.ndim, targets.shape[1:], one.shape)
            assert axis is not None
            return of_positions(one, targets, axis)

        return at_positions

    def _fault(self, raised: Raised, outputs: Sequence[NDArray[Any]], targets: NDArray[Any]) -> Problem:
        shapes = " and ".join(str(tuple(output.shape)) for output in outputs)
        return Problem(
            Text("metric {name}", name=self.name),
            Text("raises {kind} ({said})", kind=raised.kind, said=raised.said),
            Text(
                "It is given outputs of shape {outputs} and y of shape {y}, and returns a number.",
                outputs=shapes,
                y=tuple(targets.shape),
            ),
        )

    def silence(
        self, targets: NDArray[Any] | None, *values: float | None, shape: Sequence[int | None] = ()
    ) -> str | None:
        """Why it says nothing of these targets, where the user may expect that it does, and what to change.

        Parameters
        ----------
        targets
            The data's.
        *values : float | None
            What it gave for outputs of the models.
        shape : sequence of int or None
            Of the judged output, with its batch axis.
        """
        if not self.reads_targets or (targets is None and self.name == TOP1.name):
            return None
        if targets is None:
            return Text("{metric} was not computed: the data have no y to compare with.", metric=self.name)
        if values[:1] == (None,):
            nothing = Text(
                "{metric} says nothing of outputs of shape {shape} with y of shape {y}",
                metric=self.name,
                shape=dimensions((None, *shape[1:])),
                y=dimensions(targets.shape),
            )
            if (mend := _mend(targets, tuple(shape))) is not None:
                return Text("{nothing}: {mend}", nothing=nothing, mend=mend)
            return Text("{nothing}: --metric names another, or a function of your own.", nothing=nothing)
        wrong = [value for value in values if value is not None and not math.isfinite(value)]
        return Text("{metric} gives {value}, which is no figure.", metric=self.name, value=wrong[0]) if wrong else None

    def drop(
        self,
        before: Sequence[NDArray[Any]],
        after: Sequence[NDArray[Any]],
        targets: NDArray[Any] | None,
        known: dict[bytes, float] | None = None,
        seconds: float = math.inf,
        report: Report = silent,
    ) -> Interval | None:
        """By how much the metric is worse, on the same samples; None where there is none.

        Parameters
        ----------
        before, after : sequence of arrays
            Concatenated outputs of the float and of the quantized model.
        targets
        known : dict, optional
            Kept between calls with the same `before`: what it gets on every resample.
        seconds : float
            Where resampling would take longer than this, the interval is infinite.
        report : Report
            Called while a function of the user's runs, and before every resample.
        """
        began = time.perf_counter()
        if targets is None or self(before, targets, part(report, 0, 0)) is None:
            return None
        once = time.perf_counter() - began
        resamples = RESAMPLES if sum(o.size for o in before) <= LARGE else RESAMPLES // 5
        done = 0
        known = {} if known is None else known
        if self.function is None and (self.sigmoid or self.one(before).ndim == 2):
            labels = _as_indices(targets) if self.sigmoid else targets
            return share_lost(self._answers(before) == labels, self._answers(after) == labels)
        sign = 1.0 if self.higher_is_better else -1.0
        if not isinstance(self.function, Resident) and (tally := self._tally(targets)) is not None:
            one, two = tally(self.one(before)), tally(self.one(after))
            return statistic(lambda picked: sign * (one.of(picked) - two.of(picked)), len(targets), RESAMPLES)

        def figure(outputs: Sequence[NDArray[Any]], picked: NDArray[np.int64]) -> float:
            inner = part(report, done / (resamples + 1), done / (resamples + 1))
            inner(0, 1, Text("computing {metric} on resamples", metric=self.name))
            found = self([o[picked] for o in outputs], targets[picked], inner)
            return math.nan if found is None else found

        def lost(picked: NDArray[np.int64]) -> float:
            nonlocal done
            key = picked.tobytes()
            if key not in known:
                known[key] = figure(before, picked)
            change = sign * (known[key] - figure(after, picked))
            done += 1
            return change

        if 2 * once * resamples > seconds:
            return Interval(lost(np.arange(len(targets))), -math.inf, math.inf)
        return statistic(lost, len(targets), resamples)


def _mend(targets: NDArray[Any], shape: tuple[int | None, ...]) -> Text | None:
    """What makes class indices of targets in another form, or compares numbers that are none."""
    whole, classes = targets.dtype.kind in "iu", shape[1] if len(shape) > 1 else None
    if targets.ndim > 1 and targets.shape[1] == 1 and whole and classes != 1:
        return Text("its second axis has one place; store y[:, 0].")
    if classes is not None and classes > 1 and len(shape) == 2 and targets.size:
        if targets.shape[1:] == (classes,) and np.isin(targets, (0, 1)).all() and (targets.sum(1) == 1).all():
            return Text("it is one-hot; store the indices of the classes, y.argmax(1).")
        indices = targets.ndim == 1 and not whole and targets.min() >= 0 and targets.max() < classes
        if indices and (targets == np.floor(targets)).all():
            return Text("these are indices of classes stored as real numbers; store y.astype('int64').")
    if not whole and targets[:1].size == math.prod(n or 0 for n in shape[1:]):
        return Text("these are numbers and no classes; --metric rmse compares them.")
    return None


RESAMPLES = 200
"""Of the samples, for the interval of a metric that is no mean over samples."""

LARGE = 4_000_000
"""Output values from which on a fifth of the resamples has to do: each computes the metric anew."""


def axis_for(axes: int, positions: Sequence[int], shape: Sequence[int | None]) -> int | None:
    """The axis that is left where class indices of shape (samples, *positions) fit an output of this shape.

    Where both the second and the last fit, it is the last of three axes (tokens), else the second (pixels).
    """
    if axes < 3 or len(positions) != axes - 2:
        return None

    def fits(rest: Sequence[int | None]) -> bool:
        return all(have in (None, want) for have, want in zip(rest, positions, strict=True))

    found = [axis for axis, rest in ((1, shape[2:]), (axes - 1, shape[1:-1])) if fits(rest)]
    if not found:
        return None
    return found[-1] if axes == 3 else found[0]


def _both_classes(second: NDArray[Any]) -> NDArray[Any]:
    """Probabilities of both classes, shape (samples, 2), from those of the second one; a half is the first."""
    second = second.reshape(len(second))
    return np.stack([1 - second, second], 1)


def _as_indices(targets: NDArray[Any]) -> NDArray[Any]:
    """Labels of two classes as indices, shape (samples,), from a column or from floats as well."""
    whole = targets.reshape(len(targets)) if targets.size == len(targets) else targets
    return whole.astype(np.int64) if np.isin(whole, (0, 1)).all() else whole


def _top_k(first: NDArray[Any], targets: NDArray[Any], k: int) -> float | None:
    """Share of samples whose class is among the k largest logits."""
    if first.ndim != 2 or first.shape[-1] < 2 or targets.ndim != 1 or targets.dtype.kind not in "iu":
        return None
    if len(targets) and not 0 <= int(targets.min()) <= int(targets.max()) < first.shape[1]:
        raise Problem(
            Text("labels"),
            Text(
                "they go from {min} to {max}, but the model has {classes} classes",
                min=targets.min(),
                max=targets.max(),
                classes=first.shape[1],
            ),
            Text("Number the classes from 0 to {last}.", last=first.shape[1] - 1),
        )
    if k == 1:
        return float((first.argmax(-1) == targets).mean())
    k = min(k, first.shape[1])
    best = np.argpartition(-first, k - 1, 1)[:, :k]
    return float((best == targets[:, None]).any(1).mean())


def _top5(outputs: Any, targets: Any) -> float:
    found = _top_k(_first(outputs).numpy(), targets.numpy(), 5)
    if found is None:
        raise Problem(
            Text("metric top-5"),
            Text("needs logits (samples, classes) and class indices"),
            Text("Choose another metric."),
        )
    return found


def _mean_iou(outputs: Any, targets: Any) -> float:
    """Mean over the classes that occur of intersection over union; logits (N, C, ...), masks (N, ...)."""
    logits = _first(outputs)
    if logits.dim() != targets.dim() + 1 or logits.shape[2:] != targets.shape[1:]:
        raise Problem(
            Text("metric mean-iou"),
            Text("output {output} and y {y} do not fit", output=tuple(logits.shape), y=tuple(targets.shape)),
            Text("Give logits (N, C, H, W) and masks (N, H, W) of class indices; negative ones are left out."),
        )
    known = targets >= 0
    answer, truth = logits.argmax(1)[known], targets[known]
    shares = []
    for index in torch.unique(truth).tolist():
        both = int(((answer == index) & (truth == index)).sum())
        either = int(((answer == index) | (truth == index)).sum())
        shares.append(both / either)
    return float(np.mean(shares)) if shares else float("nan")


def _accuracy(logits: torch.Tensor, targets: torch.Tensor, axis: int) -> float:
    """Share of the positions with the right class, those with a negative one left out."""
    count = logits.shape[axis]
    if len(targets) and int(targets.max()) >= count:
        raise Problem(
            "y",
            Text("its classes go up to {highest}, but the model has {classes}", highest=targets.max(), classes=count),
            Text("Number the classes from 0 to {last}; positions with a negative one are left out.", last=count - 1),
        )
    known = targets >= 0
    if not bool(known.any()):
        return math.nan
    return float((logits.argmax(axis) == targets)[known].double().mean())


def _pixels(outputs: Any, targets: Any) -> float:
    """Share of the pixels with the right class; logits (N, C, ...), masks (N, ...)."""
    return _at_positions(_first(outputs), targets, 1)


def _tokens(outputs: Any, targets: Any) -> float:
    """Share of the tokens with the right class; logits (N, ..., C), classes (N, ...)."""
    return _at_positions(_first(outputs), targets, -1)


def _at_positions(first: torch.Tensor, targets: torch.Tensor, axis: int) -> float:
    if first.dim() < 3 or first.movedim(axis, -1).shape[:-1] != targets.shape:
        raise Problem(
            Text("metric pixel-accuracy") if axis == 1 else Text("metric token-accuracy"),
            Text("output {output} and y {y} do not fit", output=tuple(first.shape), y=tuple(targets.shape)),
            Text("Give logits (N, C, H, W) and masks (N, H, W) of class indices; negative ones are left out.")
            if axis == 1
            else Text("Give logits (N, T, C) and class indices (N, T); negative ones are left out."),
        )
    return _accuracy(first, targets, axis)


def _rmse(outputs: Any, targets: Any) -> float:
    """Root of the mean squared difference."""
    first = _first(outputs).double()
    if first.numel() != targets.numel():
        raise Problem(
            Text("metric rmse"),
            Text("output {output} and y {y} do not fit", output=tuple(first.shape), y=tuple(targets.shape)),
            Text("Give y the shape of the output."),
        )
    return float(((first.reshape(-1) - targets.double().reshape(-1)) ** 2).mean().sqrt())


def _cosine(outputs: Any, targets: Any) -> float:
    """Mean cosine of output and target, sample by sample (embeddings)."""
    first = _first(outputs).double().flatten(1)
    if targets.dim() < 2 or first.shape != targets.flatten(1).shape:
        raise Problem(
            Text("metric cosine"),
            Text("output {output} and y {y} do not fit", output=tuple(first.shape), y=tuple(targets.shape)),
            Text("Give y the shape of the output."),
        )
    return float(torch.nn.functional.cosine_similarity(first, targets.double().flatten(1)).mean())


COUNTED: Mapping[Callable[..., float], Callable[..., Tally]] = {
    _mean_iou: of_classes,
    _pixels: partial(of_positions, axis=1),
    _tokens: partial(of_positions, axis=-1),
    _rmse: of_squares,
}
"""Of which sums over samples a metric is made: its resamples read them, and not the outputs each time."""


def _first(outputs: Any) -> torch.Tensor:
    return outputs if isinstance(outputs, torch.Tensor) else outputs[0]


TOP1 = Metric()

METRICS: Mapping[str, Metric] = {
    "top-1": TOP1,
    "top-5": Metric("top-5", _top5, of_one=True),
    "mean-iou": Metric("mean-iou", _mean_iou, classes=1, of_one=True),
    "pixel-accuracy": Metric("pixel-accuracy", _pixels, classes=1, of_one=True),
    "token-accuracy": Metric("token-accuracy", _tokens, classes=-1, of_one=True),
    "rmse": Metric("rmse", _rmse, higher_is_better=False, unit="", classes=None, of_one=True),
    "cosine": Metric("cosine", _cosine, classes=None, of_one=True),
    "agreement": Metric("agreement", reads_targets=False),
}
"""Metrics by name: of the judged output against y. Without y they still say how the output is to be read.

``agreement`` leaves labels aside, such as folders that are not the model's classes."""


def metric_of(source: str | None, report: Report = silent) -> Metric:
    """The metric that a user named: one of `METRICS`, or ``file.py:callable``; None is top-1.

    Code of the user's runs in a process of its own: where it crashes or hangs, nothing else does.

    Raises
    ------
    Problem
        Where there is none of that name.
    """
    if source is None:
        return TOP1
    if source in METRICS:
        return METRICS[source]
    if not is_callable(source):
        remedy = Text("Use {names}, or FILE.py:CALLABLE.", names=", ".join(METRICS))
        raise Problem("--metric", Text("{source} is not known", source=repr(source)), remedy)
    try:
        function = Resident(source, report)
    except Raised as error:
        what = Text("importing it raises {error}: {said}", error=error.kind, said=error.said)
        raise Problem(source, what, Text("Mend the file.")) from error
    return Metric(function.name, function, function.higher_is_better, function.unit)
