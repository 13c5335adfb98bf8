"""What jobs find out about one layer or one sample, in the worker thread."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..engine.progress import Report, part
from ..engine.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..engine.calibrate import Calibration
    from ..engine.calibrate.channels import ChannelValues
    from ..engine.data import Dataset
    from ..engine.data.glimpse import Glimpse
    from ..engine.existing import Ran
    from ..engine.load import Model
    from ..engine.metric import Metric
    from ..engine.plan import QuantPlan
    from ..engine.results import Analysis
    from ..engine.search.candidates import Candidate
    from ..engine.search.whatif import Cell
    from ..engine.statistics import TensorStats


CHANNEL_SAMPLES = 16
"""Calibration samples whose values are counted channel by channel."""


def candidates(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    layer_id: str,
    timed: Sequence[Analysis],
    metric: Metric | None,
    report: Report,
) -> tuple[Candidate, ...]:
    """What else a layer could be, by effect and by the time that runs measured."""
    from ..engine.metric import TOP1
    from ..engine.search.candidates import candidates

    return candidates(model, data, plan, calibration, layer_id, report, metric or TOP1, timed)


@dataclass(frozen=True)
class WhatIf:
    """What is left of a layer's tensors in every configuration.

    Parameters
    ----------
    layer_id, plan : str
        The plan's fingerprint.
    weight, activation : tuple of Cell
        Empty where the layer has no weight, or nothing is known of what it hands on.
    """

    layer_id: str
    plan: str
    weight: tuple[Cell, ...]
    activation: tuple[Cell, ...]


def what_if(model: Model, plan: QuantPlan, calibration: Calibration, layer_id: str, report: Report) -> WhatIf:
    """Every type, scheme, granularity and range estimator of a layer, from what is stored."""
    from ..engine.job import fused_graph
    from ..engine.search.whatif import value_matrix, weight_matrix

    graph = fused_graph(model, plan).graph
    layer = graph.by_id.get(layer_id)
    if layer is None:
        return WhatIf(layer_id, plan.fingerprint, (), ())
    weight = weight_matrix(graph, plan, layer, report)
    return WhatIf(layer_id, plan.fingerprint, weight, value_matrix(plan, layer, calibration.of(graph).tensors))


def counted_cells(
    model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, found: WhatIf, report: Report
) -> WhatIf:
    """The same, with all values that are cut off where a cell rests on them."""
    from ..engine.job import fused_graph
    from ..engine.search.whatif import counted

    graph = fused_graph(model, plan).graph
    layer, stats = graph.by_id[found.layer_id], calibration.of(graph).tensors
    return replace(found, activation=counted(found.activation, graph, layer, stats[layer.value], data, report))


@dataclass(frozen=True)
class FileKernels:
    """What ONNX Runtime runs the layers with that a quantized file has in integers.

    Parameters
    ----------
    ran : mapping of layer id to Ran
    said : str | None
        Of those that it computes in float, or why nothing is known.
    """

    ran: Mapping[str, Ran]
    said: str | None


def file_kernels(model: Model, report: Report) -> FileKernels:
    """What a quantized ONNX file's layers are run with, in a process of its own."""
    from ..engine.inspect import what_runs

    return FileKernels(*what_runs(model, report))


@dataclass(frozen=True)
class SampleErrors:
    """One sample through the float and the simulated model.

    Parameters
    ----------
    index : int
        In the data set.
    name : str
    cumulative : dict of str to float
        SQNR in dB of each layer's value, by layer id; exact ones are left out.
    drop : (str, float) | None
        The layer at which the SQNR falls most below that of the noisiest value it reads, and by how many dB.
    glimpse : Glimpse
        What is seen of it.
    """

    index: int
    name: str
    cumulative: dict[str, float]
    drop: tuple[str, float] | None
    glimpse: Glimpse


def sample_errors(
    model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, index: int, report: Report
) -> SampleErrors:
    """The error of one sample, layer by layer."""
    from ..engine.data.glimpse import glimpse
    from ..engine.graph.memory import fixed_batch
    from ..engine.job import calibrate_model, quantization_of
    from ..engine.samples import largest_fall, layer_errors

    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    quantization = quantization_of(model, data, plan, calibration, part(report, 0.1, 0.5))
    report(0.5, 1, "")
    # Where the batch is fixed, it is filled with copies of the sample.
    found = layer_errors(quantization, data.load([index] * (fixed_batch(quantization.graph) or 1)))
    known = {name: db for name, db in found.items() if db is not None}
    drop = largest_fall(quantization.graph, found)
    return SampleErrors(index, data.names[index], known, drop, glimpse(data, index))


@dataclass(frozen=True)
class WeightRanges:
    """A layer's folded weights, per channel.

    Parameters
    ----------
    layer_id : str
    low, high : array, shape (channels,)
        Their ranges.
    grid_low, grid_high : array, shape (channels,) or (1,) | None
        The ends of their grid; None in float.
    levels : int64 array, shape (channels, levels) | None
        How many weights of a channel are at each integer level; None in float.
    first_level : int
        The level of the first column.
    """

    layer_id: str
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    grid_low: NDArray[np.float64] | None = None
    grid_high: NDArray[np.float64] | None = None
    levels: NDArray[np.int64] | None = None
    first_level: int = 0


MOST_LEVELS = 256
"""Of wider types no picture is made."""


def weight_ranges(model: Model, plan: QuantPlan, layer_id: str, report: Report) -> WeightRanges | None:
    """The weights as they are quantized: after BatchNorm was folded."""
    import numpy as np

    from ..engine.job import fused_graph
    from ..engine.ranges import estimate_weight

    report(0, 1, Text("weights"))
    graph = fused_graph(model, plan).graph
    layer = graph.by_id.get(layer_id)
    weight = None if layer is None else graph.weight(layer)
    if layer is None or weight is None or weight.dim() < 2:
        return None
    axis = 1 if layer.op.startswith("conv_transpose") else 0
    channels = weight.detach().transpose(0, axis).flatten(1)
    ends = channels.amin(1).double().numpy(), channels.amax(1).double().numpy()
    config = plan.qconfig(layer).weight
    if config is None or config.is_float:
        return WeightRanges(layer_id, *ends)
    grid = estimate_weight(channels, config, 0)
    # Of several groups in a channel, the widest is drawn.
    low, high = (part.reshape(len(part), -1) if part.ndim else part.reshape(1, 1) for part in (grid.low, grid.high))
    grid_ends = low.min(1), high.max(1)
    if 2**config.bits > MOST_LEVELS:
        return WeightRanges(layer_id, *ends, *grid_ends)
    integers = grid.quantize(channels).numpy().astype(np.int64) - grid.qmin
    wide = grid.qmax - grid.qmin + 1
    shifted = integers + wide * np.arange(len(integers))[:, None]
    counts = np.bincount(shifted.ravel(), minlength=wide * len(integers)).reshape(len(integers), wide)
    return WeightRanges(layer_id, *ends, *grid_ends, counts, grid.qmin)


def validation_stats(model: Model, data: Dataset, plan: QuantPlan, layer_id: str, report: Report) -> TensorStats | None:
    """Statistics of the value that a layer hands on, over the select split."""
    from ..engine.calibrate import calibrate as gather
    from ..engine.data import batches
    from ..engine.job import batch_size, fed, fused_graph, whole_batches

    graph = fused_graph(model, plan).graph
    layer = graph.by_id.get(layer_id)
    chosen = whole_batches(graph, data.splits.select or data.splits.final)
    if layer is None or not chosen:
        return None
    feed = fed(batches(data, chosen, batch_size(graph)))
    found = gather(graph, feed, report, total=len(chosen), only=frozenset((layer.value,)))
    return found.tensors.get(layer.value)


def channel_values(
    model: Model, data: Dataset, plan: QuantPlan, layer_id: str, ends: tuple[float, float], report: Report
) -> ChannelValues | None:
    """A layer's float values by channel, over bins that reach from end to end."""
    from ..engine.calibrate.channels import channel_values as count
    from ..engine.data import batches
    from ..engine.job import batch_size, fed, fused_graph, whole_batches

    graph = fused_graph(model, plan).graph
    chosen = whole_batches(graph, data.splits.calibrate, CHANNEL_SAMPLES) or data.splits.calibrate[:1]
    if layer_id not in graph.by_id or not -math.inf < ends[0] < ends[1] < math.inf:
        return None
    return count(graph, layer_id, fed(batches(data, chosen, batch_size(graph))), *ends, report, len(chosen))
