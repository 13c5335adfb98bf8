"""How good outputs are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .problem import Problem
from .text import Text


@dataclass(frozen=True)
class Metric:
    """How good outputs are.

    Parameters
    ----------
    name : str
        For people.
    function : callable | None
        ``metric(outputs, targets) -> float``; None is top-1.
    higher_is_better : bool
    unit : str
        ``share`` for fractions.
    """

    name: str = "top-1"
    function: Callable[[Any, Any], float] | None = None
    higher_is_better: bool = True
    unit: str = "share"

    def __call__(self, outputs: Sequence[NDArray[Any]], targets: NDArray[Any] | None) -> float | None:
        """The metric of concatenated outputs; None without targets, or where they are not of its kind."""
        if targets is None or not outputs:
            return None
        if self.function is not None:
            tensors = [torch.from_numpy(np.asarray(o)) for o in outputs]
            return float(self.function(tensors[0] if len(tensors) == 1 else tensors, torch.from_numpy(targets)))
        return _top_k(outputs[0], targets, 1)


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


def _rmse(outputs: Any, targets: Any) -> float:
    """Root of the mean squared difference."""
    first = _first(outputs).double()
    if first.numel() != targets.numel():
        raise Problem(
            Text("metric rmse"),
            Text("output {output} and y {y} do not fit", output=tuple(first.shape), y=tuple(targets.shape)),
            Text("Give both."),
        )
    return float(((first.reshape(-1) - targets.double().reshape(-1)) ** 2).mean().sqrt())


def _cosine(outputs: Any, targets: Any) -> float:
    """Mean cosine of output and target, sample by sample (embeddings)."""
    first = _first(outputs).double().flatten(1)
    if first.shape != targets.flatten(1).shape:
        raise Problem(
            Text("metric cosine"),
            Text("output {output} and y {y} do not fit", output=tuple(first.shape), y=tuple(targets.shape)),
            Text("Give both."),
        )
    return float(torch.nn.functional.cosine_similarity(first, targets.double().flatten(1)).mean())


def _first(outputs: Any) -> torch.Tensor:
    return outputs if isinstance(outputs, torch.Tensor) else outputs[0]


TOP1 = Metric()

METRICS: Mapping[str, Metric] = {
    "top-1": TOP1,
    "top-5": Metric("top-5", _top5),
    "mean-iou": Metric("mean-iou", _mean_iou),
    "rmse": Metric("rmse", _rmse, higher_is_better=False, unit=""),
    "cosine": Metric("cosine", _cosine),
}
"""Metrics by name: of the first output against y."""
