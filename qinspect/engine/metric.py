"""How good outputs are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .problem import Problem


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

    def __call__(self, outputs: Sequence[NDArray[Any]], labels: NDArray[Any] | None) -> float | None:
        """The metric of concatenated outputs; None without labels."""
        if labels is None or not outputs:
            return None
        if self.function is not None:
            tensors = [torch.from_numpy(np.asarray(o)) for o in outputs]
            return float(self.function(tensors[0] if len(tensors) == 1 else tensors, torch.from_numpy(labels)))
        first = outputs[0]
        if first.ndim != 2 or first.shape[-1] < 2:
            return None
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < first.shape[1]:
            raise Problem(
                "labels",
                f"they go from {labels.min()} to {labels.max()}, but the model has {first.shape[1]} classes",
                f"Number the classes from 0 to {first.shape[1] - 1}.",
            )
        return float((first.argmax(-1) == labels).mean())


TOP1 = Metric()
