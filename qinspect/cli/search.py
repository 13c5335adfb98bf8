"""``qinspect search``: the best plans between all integers and all float."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.problem import Unmet
from ..engine.text import Text, counted
from . import early
from . import options as words
from .terminal import aside, progress, summary
from .verb import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..engine.data import Dataset
    from ..engine.graph import LayerGraph
    from ..engine.metric import Metric
    from ..engine.profiles import DeviceTimes
    from ..engine.results import Analysis
    from ..engine.search.pareto import Constraint, Pareto, Point, Verified


def add(verb: Verb) -> None:
    search = verb("search", _search, "which layers to leave in float, and what else to change; a plan per point")
    words.model_options(search)
    words.data_options(search, required=True)
    words.output_option(search)
    words.plan_options(search, several=True)
    words.stats_option(search)
    words.profile_options(search)
    search.add_argument(
        "--float-profile", type=Path, metavar="FILE", help="the float model's, where --profile is of the quantized one"
    )
    limit = search.add_mutually_exclusive_group()
    limit.add_argument(
        "--max-drop",
        type=words.amount,
        metavar="X",
        help="percentage points of the metric (or its own unit); without y, of the agreement with float",
    )
    limit.add_argument("--max-kl", type=words.amount, metavar="X", help="nats, mean per sample")
    limit.add_argument("--max-ms", type=words.amount, metavar="X", help="milliseconds of a forward pass")
    search.add_argument(
        "--objective",
        choices=("latency", "size", "layers"),
        default="latency",
        help="what is to be small beside the loss; layers is the number of layers left in float",
    )
    search.add_argument("--floats-only", action="store_true", help="change nothing but which layers stay float")
    search.add_argument("--no-report", action="store_true", help="write no analysis.json and report.html")
    words.language_option(search)
    search.add_argument("--out", type=Path, required=True, metavar="DIR", help=words.OUT["search"])


def _search(options: argparse.Namespace) -> int:
    made = early.out_folder(options)
    targets = options.target or [None]
    _refuse_profile(options, targets)
    from ..engine.analyze import analyze
    from ..engine.classes import judged_note, judged_shape
    from ..engine.job import fused_graph
    from ..engine.progress import part
    from ..engine.report import write_analysis
    from ..engine.search.pareto import write_pareto
    from ..engine.search.run import search
    from ..engine.search.targets import search_targets

    with progress() as report:
        model = words.load(options, report)
        data = words.open_data_set(options, model, report)
        metric = words.metric(options, model, data)
        plans = [words.plan_of(argparse.Namespace(**{**vars(options), "target": name}), model) for name in targets]
        constraint = _constraint(options, metric, data.targets is not None)
        short = _too_few(model.graph, data, metric, constraint)
        if short is not None:  # said before minutes are spent
            aside(f"{short.what}. {short.remedy} The nearest plan is looked for all the same.")
        calibration, note = words.statistics(options, model, data, plans[0], report)
        wanted = {
            "constraint": constraint,
            "objective": options.objective,
            "metric": metric,
            "alternatives": not options.floats_only,
        }
        inner = part(report, 0, 0.85)
        device = None
        if options.profile is None:
            found = search_targets(model, data, plans, calibration, inner, **wanted)
        else:
            device = _device(options, fused_graph(model, plans[0]).graph)
            found = search(model, data, plans[0], calibration, inner, device=device, **wanted)
        write_pareto(found, options.out)
        analysis = None
        if not options.no_report:
            # What the device took for another plan is not what it takes for this one.
            here = device is None
            analysis = analyze(
                model, data, found.best.plan, calibration, part(report, 0.85, 1), metric=metric, latency=here
            )
            write_analysis(analysis, options.out, words.language(options))
    best = found.best.final or found.best.select
    shape = judged_shape(model.graph, metric)
    silence = None if best is None else metric.silence(data.targets, best.fp32_metric, best.metric, shape=shape)
    _print(found)
    notes = [*made, *found.notes, *note, *filter(None, (judged_note(metric, model.graph), silence))]
    _say_chosen(found, analysis, notes, options.out)
    if not found.met:
        nearest = f"The nearest is {options.out / found.file(found.chosen)}."
        raise Unmet("search", found.why, nearest if short is None else f"{nearest} {short.remedy}")
    print(f"the float model is chosen: {found.why}" if found.best.all_float else f"chosen as {found.why}")
    return 0


def _refuse_profile(options: argparse.Namespace, targets: Sequence[str | None]) -> None:
    """Flags that go with --profile where it is not given, and those that it does not go with."""
    if options.profile is None and (options.float_profile or options.layer_info):
        raise words.WrongUsage("search", "there is no --profile that it belongs to", "Give --profile too.")
    if options.profile is not None and (len(targets) > 1 or options.objective != "latency"):
        what = "is of one target, and of the objective latency"
        raise words.WrongUsage("--profile", what, "Leave out the other targets and --objective, or --profile.")


def _too_few(graph: LayerGraph, data: Dataset, metric: Metric, constraint: Constraint | None) -> Unmet | None:
    """Why no plan can be shown to keep the constraint on so few samples, where that is so."""
    from ..engine.classes import one_answer
    from ..engine.job import whole_batches
    from ..engine.search.choose import too_few

    compared = metric.reads_targets and data.targets is not None  # else the agreement counts
    if not one_answer(graph, data, metric) or (compared and metric.function is not None):
        return None
    return too_few(len(whole_batches(graph, data.splits.select)), constraint, not compared)


def _say_chosen(found: Pareto, analysis: Analysis | None, notes: Sequence[str], out: Path) -> None:
    """Notes, each once, and where the plans and the report of the chosen one are."""
    for line in notes:
        print(f"note: {line}")
    if analysis is not None:
        print(f"chosen, on the final split: {summary(analysis)}")
        for line in analysis.notes:
            if line not in notes:  # such as that its times are not to be trusted
                print(f"note: {line}")
    print(f"{counted(len(found.points), Text('plan'))}: {out / 'pareto.json'}; chosen: {found.file(found.chosen)}")
    if analysis is not None:
        print(f"report: {out / 'report.html'}")


def _device(options: argparse.Namespace, graph: LayerGraph) -> DeviceTimes:
    from ..engine.profiles import read_profile
    from ..engine.search.device import with_float

    device = read_profile(options.profile, graph, options.layer_info)
    if options.float_profile is None:
        return device
    return with_float(device, read_profile(options.float_profile, graph, options.layer_info))


def _constraint(options: argparse.Namespace, metric: Metric, measured: bool) -> Constraint | None:
    from ..engine.search.pareto import Constraint

    if options.max_kl is not None:
        return Constraint("kl", options.max_kl)
    if options.max_ms is not None:
        return Constraint("ms", options.max_ms)
    if options.max_drop is None:
        return None
    # On flags points, in all files fractions; a metric of the user's own has its own unit.
    return Constraint("drop", options.max_drop / 100 if metric.unit == "share" or not measured else options.max_drop)


SHORT_MS = 0.1
"""Where a plan takes less than this the table is in µs."""


def _print(found: Pareto) -> None:
    """One line a point; what is an estimate says so."""
    rows = [(found.start, "as given", False)]
    rows += [(point, found.file(index), index == found.chosen) for index, point in enumerate(found.points)]
    times = [point.ms for point, *_ in rows if point.ms is not None]
    size = "KB" if not times else "µs" if min(times) < SHORT_MS else "ms"
    loss = "KL" if found.start.select is None or found.start.select.kl is not None else "MSE"
    drop = f"drop, {found.drop_unit}"
    head = f"{'':3}{'plan':13} {'float':>5} {'changed':>7} {loss:>9} {'(est.)':>9} {drop:>12}"
    print(f"{head} {size:>9} {'(est.)' if times else '':>9}{'  target' if found.targets else ''}")
    for point, name, chosen in rows:
        target = f"  {point.plan.target.name}" if found.targets else ""
        print(f"{_line(point, name, chosen, found.drop_unit, size)}{target}")
    print("On the select split. float and changed: layers; (est.): estimated, all else was run.")
    for point, name in ((found.best, "chosen"), (found.start, "as given")):
        if point.final is not None and point.plan.target == found.best.plan.target:
            print(f"On the final split, {name + ':':9} {_of_final(point.final, loss, found.drop_unit)}")
    if found.best.final is not None:
        print(f"Simulated, {found.best.final.samples} samples that nothing was chosen on; in brackets 95 % intervals.")


def _of_final(final: Verified, loss: str, drop_unit: str) -> str:
    """KL and drop with their intervals; MSE without one."""
    if final.kl is None:
        told = f"{loss} {final.mse:.3g}"
    else:
        told = f"{loss} {final.kl.value:.3g} [{final.kl.low:.3g}, {final.kl.high:.3g}]"
    if final.drop is None:
        return told
    scale, form = (100, ".1f") if drop_unit == "points" else (1, ".4g")
    value, low, high = (f"{each * scale:{form}}" for each in (final.drop.value, final.drop.low, final.drop.high))
    return f"{told}, drop {value} [{low}, {high}] {drop_unit}"


def _line(point: Point, name: str, chosen: bool, drop_unit: str, unit: str) -> str:
    select = point.select
    kl, drop = (None, None) if select is None else (select.kl, select.drop)

    def number(value: float | None, form: str, scale: float = 1.0) -> str:
        return "–" if value is None else f"{value * scale:{form}}"

    verified, estimated = (None if kl is None else kl.value), point.estimated_kl
    if select is not None and kl is None:  # no distribution over classes: of the outputs' normalized MSE
        verified, estimated = select.mse, point.estimated_mse
    losses = f"{number(verified, '.3g'):>9} {number(estimated, '.3g'):>9}"
    lost = None if drop is None else drop.value
    of_drop = number(lost, ".3f", 100) if drop_unit == "points" else number(lost, ".5g")
    if unit == "KB":
        size, estimate = f"{point.bytes / 1000:,.{0 if point.bytes >= 1e5 else 1}f}", ""
    else:
        form, scale = (".2f", 1e3) if unit == "µs" else (".3f", 1.0)
        size, estimate = number(point.int8_ms, form, scale), number(point.estimated_ms, form, scale)
    return (
        f"{' * ' if chosen else '   '}{name:13} {len(point.float_layers):5} {len(point.changed):7} "
        f"{losses} {of_drop:>12} "
        f"{size:>9} {estimate:>9}{'  the float model' if point.all_float else ''}"
    )
