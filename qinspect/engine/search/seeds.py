"""Plans that simple rankings of the layers give: tried as well, so that a search does no worse than they.

Estimates of single roundings add up while the errors are small. Where they are large the sums mislead,
and what was measured layer by layer, or even a layer's own error, may name a better set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ..classes import ClassAxis
from ..measure import measure
from ..progress import Report, part, silent
from ..quantize import quantize
from ..sensitivity.sweep import OutputFigures, sweep
from ..statistics import TensorStats
from .choices import Space
from .front import Choices, Selection


def rankings(
    space: Space,
    stats: Mapping[str, TensorStats],
    batches: Sequence[Sequence[torch.Tensor]],
    classes: ClassAxis = "flat",
    report: Report = silent,
) -> tuple[tuple[int, ...], ...]:
    """Orders of the units, those first that are to become float first.

    By the loss that each makes alone, by the loss that is left without it, and by its own SQNR, each
    measured.

    Parameters
    ----------
    space : Space
    stats : mapping of value name to TensorStats
    batches : sequence of sequences of torch.Tensor
        Model inputs.
    classes : ClassAxis
    """
    quantization = quantize(space.graph, space.plan, stats)
    exact = sweep(quantization, batches, part(report, 0, 0.8), classes=classes)
    local = measure(quantization, batches, part(report, 0.8, 1), classes=classes).layers

    def loss(figures: OutputFigures) -> float:
        return figures.kl if figures.kl is not None else (figures.mse or 0.0)

    def alone(unit: Sequence[str]) -> float:
        return -sum(loss(exact.isolated[key]) for key in unit if key in exact.isolated)

    def without(unit: Sequence[str]) -> float:
        return min((loss(exact.leave_one_out[key]) for key in unit if key in exact.leave_one_out), default=float("inf"))

    def own(unit: Sequence[str]) -> float:
        found = local.get(unit[0])
        return float("inf") if found is None or found.local_sqnr_db is None else found.local_sqnr_db

    every = range(len(space.units))
    return tuple(tuple(sorted(every, key=lambda i: key(space.units[i]))) for key in (alone, without, own))


def extended(choices: Choices, selection: Selection, ranking: Sequence[int], count: int) -> Selection:
    """A selection with the next units of a ranking in float too, as far as so many layers in float allow."""
    floats = {i for i, unit in enumerate(choices.units) if unit.options[selection[i]].config is None}
    left = count - sum(len(choices.units[i].layers) for i in floats)
    for index in ranking:
        size = len(choices.units[index].layers)
        if index not in floats and size <= left:
            floats.add(index)
            left -= size
    return tuple(len(unit.options) - 1 if i in floats else selection[i] for i, unit in enumerate(choices.units))
