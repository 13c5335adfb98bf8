"""What jobs do, in the worker thread: the engine is imported here and not before it is needed."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..engine.plan import QuantPlan, Remedy
from ..engine.plan.target import Target, host_isa
from ..engine.problem import Problem
from ..engine.progress import Report, part
from ..engine.results import Analysis
from ..engine.text import Text
from ..resources import is_ours
from . import translation

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..engine.calibrate import Calibration
    from ..engine.calibrate.quality import RangeGrowth
    from ..engine.data import Dataset
    from ..engine.data.glimpse import Glimpse
    from ..engine.dump import Dump
    from ..engine.export import ExportReport
    from ..engine.float_check import FloatCheck
    from ..engine.footprint import Memory
    from ..engine.graph import LayerGraph
    from ..engine.load import Model
    from ..engine.metric import Metric
    from ..engine.search.costs import Costs
    from ..engine.search.pareto import Pareto
    from ..engine.search.trials import Trials
    from ..session import Session

QUICK_SAMPLES = 64
"""An edit's figures rest on so many samples; Ctrl+Enter takes all."""
QUICK_LAYER_SAMPLES = 16
"""And the layers' errors and shares on so many of them."""
SHOWN_SAMPLES = 12
"""Samples that are decoded for looking at."""


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
    memory: Memory | None = None


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
    from ..engine.load import ModelSpec, is_callable, load_model
    from ..engine.load.own_process import load_apart

    wanted = ModelSpec.from_json(spec)
    apart = allow_code and is_callable(wanted.source) and not is_ours(Path(wanted.source.rpartition(":")[0]))
    model = load_apart(wanted, report) if apart else load_model(wanted, report, allow_code)
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
    source = DataSpec.from_json(spec)
    data = open_data(source, graph.inputs[0].shape, allow_code, graph.input_names, report, apart=True)
    wanted = (*data.splits.final, *data.splits.select, *data.splits.calibrate)[:SHOWN_SAMPLES]
    glimpses = []
    for number, index in enumerate(wanted):
        report(number, len(wanted), Text("decoding samples"))
        glimpses.append((index, glimpse(data, index)))
    from ..engine.footprint import memory_of
    from ..engine.plan import QuantPlan

    return Opened(data, tuple(glimpses), class_names(data), memory_of(model, QuantPlan()))


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


def open_metric(source: str, output: int | str | None, model: Model, report: Report) -> Metric:
    """A metric by name, or from the user's own code, of an output by its number or name."""
    report(0, 1, Text("opening the metric"))
    from ..engine.metric import metric_of

    if isinstance(output, str):
        from ..engine.classes import named_output

        output = named_output(model.graph, output)
    elif output is not None and output >= len(model.graph.output_values):  # of a session whose model has changed
        output = None
    return replace(metric_of(source, report), output=output)


def check_float(model: Model, data: Dataset, report: Report, metric: Metric | None = None) -> FloatCheck:
    """The float model's metric."""
    from ..engine.float_check import check_float
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
    from ..engine.calibrate.quality import range_growth

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
    report(0, 1, Text("getting ready"))
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
            remedies=False,
            metric=metric,
            exact=False,
        )
    return analyze(model, data, plan, calibration, report, metric=metric, exact=sweep or None, partly=partly)


def first_figures(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    calibration: Calibration,
    metric: Metric | None,
    known: Trials | None,
    report: Report,
) -> Trials | None:
    """What a plan does to the outputs of the samples of quick figures, long before its layers' errors are known.

    Parameters
    ----------
    calibration : Calibration
        Holding every value of the plan's fused graph, as `statistics` gives it.

    Returns
    -------
    Trials | None
        With the plan among the `known`; those that were given where they are of the same graph, whose float outputs
        are not computed again. None of plans with remedies of single layers, and of files that were quantized already.
    """
    from ..engine.job import fused_graph, whole_batches
    from ..engine.metric import TOP1
    from ..engine.search.trials import Trials

    if model.existing is not None or any(item.kind != "equalize" for item in plan.remedies):
        return None
    stats, graph = calibration.tensors, fused_graph(model, plan).graph
    if known is None or known.graph is not graph or known.stats is not stats:
        samples = whole_batches(graph, data.splits.final, QUICK_SAMPLES)
        known = Trials(graph, stats, data, "final", samples, metric or TOP1)
    if known.samples:
        known.verify(plan, report)
    return known


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


def dump(
    model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, layer_id: str, out: Path, report: Report
) -> Dump:
    """Write one layer's integers, and the layer as a model of its own."""
    from ..engine.dump import dump

    return dump(model, data, plan, calibration, layer_id, out, report)


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


def write_report(analysis: Analysis, path: Path, language: str = "en") -> None:
    """One HTML file that opens offline, in the language of a code such as ``zh_CN``."""
    from ..engine.files import write_atomically
    from ..engine.report import report_html

    write_atomically(path, report_html(analysis, translation.language(language)))


@dataclass(frozen=True)
class Reopened:
    """Everything that a session names; `problem` says why its statistics are not there, though it holds some."""

    model: OpenedModel
    data: Opened | None
    calibration: Calibration | None
    metric: Metric
    problem: Problem | None = None


def reopen(session: Session, allow_code: bool, report: Report) -> Reopened:
    """Open everything that a session names again; it has a model."""
    from ..engine.calibrate import load_calibration

    assert session.model is not None
    model = load_model(session.model, allow_code, session.plan, Target(), part(report, 0, 0.7))
    data = None if session.data is None else open_data(session.data, model.model, allow_code, part(report, 0.7, 1))
    calibration = problem = None
    try:
        calibration = None if session.calibration is None else load_calibration(session.calibration)
    except Problem as found:  # they can be gathered again; plan and runs cannot
        problem = found
    metric = open_metric(session.metric, session.output, model.model, report)
    return Reopened(model, data, calibration, metric, problem)
