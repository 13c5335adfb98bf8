"""How the values of one tensor are distributed in each of its channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..graph import Layer, LayerGraph
from ..graph.execute import Executor
from ..progress import Report, silent
from ..text import Text
from .observe import channel_axis

BINS = 96
"""Of one channel: as many as a picture has room for."""


@dataclass(frozen=True)
class ChannelValues:
    """A histogram for every channel, all over the same bins.

    Parameters
    ----------
    layer_id : str
    counts : int64 array, shape (channels, bins)
        Of all finite values; what lies beyond `low` and `high` is in the outermost bins.
    low, high : float
        Ends of the bins, in the tensor's unit.
    samples : int
        That were run.
    """

    layer_id: str
    counts: NDArray[np.int64]
    low: float
    high: float
    samples: int


def channel_values(
    graph: LayerGraph,
    layer_id: str,
    batches: Iterable[Sequence[torch.Tensor]],
    low: float,
    high: float,
    report: Report = silent,
    total: int = 0,
) -> ChannelValues | None:
    """Run the float graph and count a layer's values, channel by channel.

    Parameters
    ----------
    graph : LayerGraph
        Fused as the plan wants.
    layer_id : str
    batches : iterable of sequences of torch.Tensor
        Model inputs, batch first.
    low, high : float
        Ends of the bins, ``low < high``.
    report : Report
    total : int
        Samples to come, for the report.

    Returns
    -------
    ChannelValues | None
        None where the value has no channels, or their number changes from batch to batch.
    """
    value = graph.by_id[layer_id].value
    counts = np.zeros((0, BINS), np.int64)
    samples, mixed = 0, False

    def see(layer: Layer, x: torch.Tensor) -> torch.Tensor:
        nonlocal counts, mixed
        report(samples, total, Text("values per channel"))
        if layer.value == value and x.dim() > 1:
            found = _counted(x, low, high)
            if counts.size and counts.shape != found.shape:
                mixed = True
            else:
                counts = counts + found if counts.size else found
        return x

    executor = Executor(graph, channels_last=True)
    with torch.inference_mode():
        for batch in batches:
            executor(batch, see)
            samples += int(batch[0].shape[0]) if batch[0].dim() else 1
    return None if mixed or not counts.size else ChannelValues(layer_id, counts, low, high, samples)


def _counted(x: torch.Tensor, low: float, high: float) -> NDArray[np.int64]:
    axis = channel_axis(x.dim())
    channels = x.shape[axis]
    rows = x.float().movedim(axis, 0).reshape(channels, -1)
    places = ((rows - low) * (BINS / (high - low))).clamp(0, BINS - 1).floor()
    places[~torch.isfinite(rows)] = -1
    # One bin more on the left, for what is not finite.
    index = places.to(torch.int64) + 1 + torch.arange(channels)[:, None] * (BINS + 1)
    counts = torch.bincount(index.flatten(), minlength=channels * (BINS + 1)).reshape(channels, BINS + 1)
    return np.asarray(counts[:, 1:].numpy())
