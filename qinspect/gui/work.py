"""What jobs do, in the worker thread: the engine is imported here and not before it is needed."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.plan import QuantPlan, Remedy
from ..engine.progress import Report, part
from ..engine.results import Analysis
from ..engine.target import Target, host_isa
from ..engine.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..engine.calibrate import Calibration
    from ..engine.candidates import Candidate
    from ..engine.channels import ChannelValues
    from ..engine.data import Dataset
    from ..engine.data.glimpse import Glimpse
    from ..engine.export import ExportReport
    from ..engine.graph import LayerGraph
    from ..engine.job import FloatCheck
    from ..engine.load import Model
    from ..engine.metric import Metric
    from ..engine.quality import RangeGrowth
    from ..engine.search.costs import Costs
    from ..engine.search.pareto import Pareto
    from ..engine.statistics import TensorStats
    from ..session import Session

QUICK_SAMPLES = 64
"""An edit's figures rest on so many samples; Ctrl+Enter takes all."""
QUICK_LAYER_SAMPLES = 16
"""And the layers' errors and shares on so many of them."""
SHOWN_SAMPLES = 12
"""Samples that are decoded for looking at."""
CHANNEL_SAMPLES = 16
"""Calibration samples whose values are counted channel by channel."""


@dataclass(frozen=True)
class Host:
    """This computer, as far as it matters to a target."""

    isa: str
    cores: int
    torch: str


@dataclass(frozen=True)
class Opened:
    """A data set with some of its samples as the model will see them, and what memory a run with it takes."""

    data: Dataset
    glimpses: tuple[tuple[int, Glimpse], ...]
    classes: tuple[str, ...] = ()
    memory: str = ""


def host(report: Report) -> Host:
    """Import torch, so that the first model opens sooner, and look at the processor."""
    report(0, 1, Text("starting the engine"))
    import torch

    return Host(host_isa(), os.cpu_count() or 1, torch.__version__)


@dataclass(frozen=True)
class OpenedModel:
    """A model, what is known of it without data, and the plan to begin with."""

    model: Model
    inspected: Analysis
    plan: QuantPlan


def load_model(
    spec: dict[str, Any], allow_code: bool, plan: QuantPlan | None, target: Target, report: Report
) -> OpenedModel:
    """Open a model from a specification in JSON form."""
    report(0, 1, Text("importing torch"))
    from ..engine.inspect import inspect
    from ..engine.job import opening_plan
    from ..engine.load import ModelSpec, load_model

    model = load_model(ModelSpec.from_json(spec), report, allow_code)
    plan = plan or opening_plan(model, target)
    return OpenedModel(model, inspect(model, plan), plan)


def open_data(spec: dict[str, Any], model: Model, allow_code: bool, report: Report) -> Opened:
    """Open a data set that fits a model, and decode a few samples."""
    report(0, 1, Text("looking at the data"))
    from ..engine.data import DataSpec, open_data
    from ..engine.data.glimpse import glimpse
    from ..engine.load import check_runs

    check_runs(model)
    graph = model.graph
    data = open_data(DataSpec.from_json(spec), graph.inputs[0].shape, allow_code, graph.input_names, report)
    wanted = (*data.splits.final, *data.splits.select, *data.splits.calibrate)[:SHOWN_SAMPLES]
    glimpses = []
    for number, index in enumerate(wanted):
        report(number, len(wanted), Text("decoding samples"))
        glimpses.append((index, glimpse(data, index)))
    from ..engine.footprint import memory_of
    from ..engine.plan import QuantPlan

    needed = memory_of(model, QuantPlan()).sentence
    return Opened(data, tuple(glimpses), class_names(data), needed)


def class_names(data: Dataset) -> tuple[str, ...]:
    """Lines of the ``classes.txt`` in a data folder or beside it, else its sub-folders; none where they are numbers."""
    source = Path(data.spec.source)
    for place in (source / "classes.txt", source.parent / "classes.txt"):
        if place.is_file():
            try:
                return tuple(place.read_text(encoding="utf-8").splitlines())
            except (OSError, UnicodeDecodeError):
                break
    from ..engine.data import class_folders

    return class_folders(data)


def open_metric(source: str, report: Report) -> Metric:
    """A metric by name, or from the user's own code."""
    report(0, 1, Text("opening the metric"))
    from ..engine.metric import metric_of

    return metric_of(source)


def check_float(model: Model, data: Dataset, report: Report, metric: Metric | None = None) -> FloatCheck:
    """The float model's metric."""
    from ..engine.job import check_float
    from ..engine.metric import TOP1

    return check_float(model, data, report, metric or TOP1)


def calibrate(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    known: Calibration | None,
    report: Report,
    keep: Callable[[Calibration], None] | None = None,
) -> Calibration:
    """Statistics of every tensor; what is known is not gathered again, and what there is when cancelled is kept."""
    from ..engine.job import calibrate_model

    return calibrate_model(model, data, plan, report, known, keep=keep)


def statistics(
    model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, report: Report
) -> tuple[Calibration, Calibration]:
    """All that is known once a plan's own values were gathered too, and that by the names of the plan's graph."""
    from ..engine.job import calibrate_model, fused_graph

    whole = calibrate_model(model, data, plan, report, calibration)
    return whole, whole.of(fused_graph(model, plan).graph)


def possible_remedies(model: Model, plan: QuantPlan, report: Report) -> tuple[Remedy, ...]:
    """What could be done to the numbers of single layers and pairs."""
    report(0, 1, Text("remedies"))
    from ..engine.job import fused_graph
    from ..engine.remedies.possible import possible_remedies

    return possible_remedies(fused_graph(model, plan).graph, plan)


def quality(calibration: Calibration, report: Report) -> RangeGrowth | None:
    """Ranges against the number of samples."""
    from ..engine.quality import range_growth

    return range_growth(calibration, report)


def analyze(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    quick: bool,
    report: Report,
    sweep: bool = False,
    metric: Metric | None = None,
    partly: Callable[[Analysis], None] | None = None,
) -> Analysis:
    """Figures of a plan: everything, or quickly those that need no measuring of time.

    With `sweep`, also what each layer alone does to the output, and all layers but it, however long that takes.
    `partly` is given what there is before kernels are run.
    """
    from ..engine.analyze import analyze
    from ..engine.metric import TOP1

    metric = metric or TOP1
    if quick:
        return analyze(
            model,
            data,
            plan,
            calibration,
            report,
            kernels=False,
            latency=False,
            samples=QUICK_SAMPLES,
            layer_samples=QUICK_LAYER_SAMPLES,
            metric=metric,
            exact=False,
        )
    return analyze(model, data, plan, calibration, report, metric=metric, exact=sweep or None, partly=partly)


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
    """What else a layer could be, by estimated effect and by the time that runs measured."""
    from ..engine.candidates import candidates
    from ..engine.metric import TOP1

    return candidates(model, data, plan, calibration, layer_id, report, metric or TOP1, timed)


def effects(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    known: Costs | None,
    metric: Metric | None,
    report: Report,
) -> tuple[LayerGraph, Costs]:
    """What everything that a plan rounds does to the output, beside what is known; and the graph that it is of."""
    from ..engine.job import fused_graph
    from ..engine.metric import TOP1
    from ..engine.search.costs import Costs
    from ..engine.search.whatif import score_missing

    costs = score_missing(model, data, plan, calibration, known or Costs(), report, metric=metric or TOP1)
    return fused_graph(model, plan).graph, costs


@dataclass(frozen=True)
class SearchWish:
    """What is asked of a search.

    Parameters
    ----------
    kind, limit : str, float
        Of `engine.search.pareto.Constraint`; an empty kind asks for the knee of the front.
    objective : str
    targets : tuple of str
        Names of targets beside the plan's own.
    profile, float_profile : str
        Files with the times of another device, the second of its float model; empty for this computer's.
    """

    kind: str
    limit: float
    objective: str
    targets: tuple[str, ...] = ()
    profile: str = ""
    float_profile: str = ""


def search(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    wish: SearchWish,
    metric: Metric | None,
    report: Report,
) -> Pareto:
    """The plans that none beats in both loss and cost, of all targets that are asked for."""
    from ..engine.job import fused_graph, retarget
    from ..engine.metric import TOP1
    from ..engine.profiles import read_profile
    from ..engine.search.device import with_float
    from ..engine.search.pareto import Constraint
    from ..engine.search.run import search
    from ..engine.search.targets import search_targets

    wanted: dict[str, Any] = {
        "constraint": Constraint(wish.kind, wish.limit) if wish.kind else None,  # type: ignore[arg-type]
        "objective": wish.objective,
        "metric": metric or TOP1,
    }
    if not wish.profile:
        named = [replace(plan.target, backend=t.backend, engine=t.engine) for t in map(Target.parse, wish.targets)]
        plans = [plan, *(retarget(plan, model.graph, target) for target in named)]
        return search_targets(model, data, plans, calibration, report, **wanted)
    graph = fused_graph(model, plan).graph
    device, *floats = (
        read_profile(Path(path), graph, Path(info) if (info := layer_info_beside(Path(path))) else None)
        for path in (wish.profile, wish.float_profile)
        if path
    )
    device = with_float(device, *floats) if floats else device
    return search(model, data, plan, calibration, report, device=device, **wanted)


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
    from ..engine.job import calibrate_model, quantization_of
    from ..engine.samples import fixed_batch, largest_fall, layer_errors

    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    quantization = quantization_of(model, data, plan, calibration, part(report, 0.1, 0.5))
    report(0.5, 1, "")
    # Where the batch is fixed, it is filled with copies of the sample.
    found = layer_errors(quantization, data.load([index] * (fixed_batch(quantization.graph) or 1)))
    known = {name: db for name, db in found.items() if db is not None}
    drop = largest_fall(quantization.graph, found)
    return SampleErrors(index, data.names[index], known, drop, glimpse(data, index))


def export(
    model: Model,
    plan: QuantPlan,
    calibration: Calibration,
    data: Dataset,
    to: str,
    out: Path,
    options: dict[str, Any],
    metric: Metric | None,
    report: Report,
) -> ExportReport:
    """Write and verify what is taken away."""
    from ..engine.export import export
    from ..engine.metric import TOP1

    return export(model, plan, calibration, data, to, out, report, metric or TOP1, **options)


def layer_info_beside(profile: Path) -> str:
    """The ``<name>.layers.json`` that trtexec wrote beside ``<name>.profile.json``; empty where there is none."""
    stem = profile.name.removesuffix(".profile.json")
    found = profile.with_name(f"{stem}.layers.json")
    return str(found) if stem != profile.name and found.is_file() else ""


def device_times(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    profile: Path,
    layer_info: Path | None,
    metric: Metric | None,
    report: Report,
) -> Analysis:
    """Figures of a plan with the times that another device measured in place of this computer's."""
    from ..engine.analyze import analyze
    from ..engine.job import fused_graph
    from ..engine.metric import TOP1
    from ..engine.profiles import read_profile

    device = read_profile(profile, fused_graph(model, plan).graph, layer_info)
    return analyze(model, data, plan, calibration, report, metric=metric or TOP1, device=device)


def write_report(analysis: Analysis, path: Path) -> None:
    """One HTML file that opens offline."""
    from ..engine.files import write_atomically
    from ..engine.report import report_html

    write_atomically(path, report_html(analysis))


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
    from ..engine.channels import channel_values as count
    from ..engine.data import batches
    from ..engine.job import batch_size, fed, fused_graph, whole_batches

    graph = fused_graph(model, plan).graph
    chosen = whole_batches(graph, data.splits.calibrate, CHANNEL_SAMPLES) or data.splits.calibrate[:1]
    if layer_id not in graph.by_id or not -math.inf < ends[0] < ends[1] < math.inf:
        return None
    return count(graph, layer_id, fed(batches(data, chosen, batch_size(graph))), *ends, report, len(chosen))


@dataclass(frozen=True)
class Reopened:
    """Everything that a session names."""

    model: OpenedModel
    data: Opened | None
    calibration: Calibration | None
    metric: Metric


def reopen(session: Session, allow_code: bool, report: Report) -> Reopened:
    """Open everything that a session names again; it has a model."""
    from ..engine.calibrate import load_calibration

    assert session.model is not None
    model = load_model(session.model, allow_code, session.plan, Target(), part(report, 0, 0.7))
    data = None if session.data is None else open_data(session.data, model.model, allow_code, part(report, 0.7, 1))
    calibration = None if session.calibration is None else load_calibration(session.calibration)
    return Reopened(model, data, calibration, open_metric(session.metric, report))
