"""``qinspect analyze`` and ``qinspect calibrate``."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ..engine.plan.target import Target
from ..engine.problem import Problem
from ..engine.progress import Cancelled
from ..engine.results import Analysis
from ..engine.text import counted
from . import early
from . import options as words
from .terminal import progress, say, stoppable, summary
from .verb import Verb


def add(verb: Verb) -> None:
    analyze = verb("analyze", _analyze, "calibrate, simulate, run the kernels; write a report")
    words.model_options(analyze)
    words.data_options(analyze, required=True)
    words.output_option(analyze)
    words.plan_options(analyze)
    words.stats_option(analyze)
    words.cluster_option(analyze, "calibration and --exact")
    analyze.add_argument("--no-kernels", action="store_true", help="simulate only: no kernels, no latency")
    analyze.add_argument("--no-latency", action="store_true", help="run the kernels, but do not time them")
    words.profile_options(analyze)
    analyze.add_argument(
        "--exact",
        action="store_true",
        help="measure what each layer alone does to the output, and all but it; Ctrl+C leaves what there is in "
        "DIR/sweep.json, and the same command goes on with it",
    )
    words.language_option(analyze)
    analyze.add_argument("--out", type=Path, required=True, metavar="DIR", help=words.OUT["analyze"])

    calibrate = verb("calibrate", _calibrate, "statistics once, for all that follows")
    words.model_options(calibrate)
    words.data_options(calibrate, required=True)
    words.cluster_option(calibrate, "it")
    calibrate.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="STATS",
        help="Ctrl+C leaves what there is in it, a kill all but the last seconds",
    )
    calibrate.add_argument("--resume", action="store_true", help="go on with the STATS that an earlier run left")
    calibrate.add_argument(
        "--share",
        type=_share,
        metavar="X",
        help="share of the values in histograms, 0 to 1; ranges are of all (default: an eighth of large tensors)",
    )


def _analyze(options: argparse.Namespace) -> int:
    made = early.out_folder(options)
    from ..engine.analyze import analyze
    from ..engine.cluster.client import gather_on, sweep_on
    from ..engine.cluster.work import work_of
    from ..engine.files import write_json
    from ..engine.float_check import forward_seconds
    from ..engine.footprint import memory_of
    from ..engine.job import fused_graph
    from ..engine.profiles import read_profile
    from ..engine.report import write_analysis
    from ..engine.sensitivity.sweep import Sweep, read_sweep

    with progress() as report, words.cluster(options) as client:
        model = words.load(options, report)
        data = words.open_data_set(options, model, report)
        metric = words.metric(options, model, data)
        plan = words.plan_of(options, model)
        memory = memory_of(model, plan)
        report(0, 1, memory.sentence)
        forward = None if options.stats or client else forward_seconds(model, data, report)
        device = None
        if options.profile is not None:
            device = read_profile(options.profile, fused_graph(model, plan).graph, options.layer_info)
        gather = None
        if client is not None:
            work = work_of(model, data, plan, options.metric, metric.output)
            gather = gather_on(client, work)
        calibration, note = words.statistics(options, model, data, plan, report, gather)
        if forward is not None:
            calibration = dataclasses.replace(calibration, forward_seconds=forward)
        state = options.out / "sweep.json"
        swept = read_sweep(state) if options.exact and state.exists() else None

        def keep(part: Sweep) -> None:
            write_json(state, part.to_json())

        with stoppable(report) if options.exact else contextlib.nullcontext(report) as stopping:
            if client is not None and options.exact:
                swept = sweep_on(
                    client, work, model, data, plan, calibration, stopping, metric=metric, known=swept, keep=keep
                )
            found = analyze(
                model,
                data,
                plan,
                calibration,
                stopping,
                kernels=not options.no_kernels,
                latency=not options.no_latency,
                metric=metric,
                device=device,
                exact=options.exact or None,
                swept=swept,
                keep=keep if options.exact else None,
            )
    found = dataclasses.replace(found, notes=(*found.notes, *note))
    path = write_analysis(found, options.out, words.language(options))
    _say_found(found, (*made, *found.notes, memory.sentence))
    print(f"report: {path}")
    return 0


def _say_found(found: Analysis, notes: Sequence[str]) -> None:
    """The verdict, the notes, and what the doctor found."""
    print(f"{counted(found.totals.samples, 'sample')} of the final split: {summary(found)}")
    if found.totals.estimate_reason is not None:
        print(f"note: the estimate does not hold: {found.totals.estimate_reason}")
    for line in notes:
        print(f"note: {line}")
    for finding in found.findings:
        tried = f" ({finding.tried.said})" if finding.tried is not None else ""
        print(f"found ({finding.severity}): {finding.title} ({finding.evidence}). {finding.remedy}{tried}")


def _share(text: str) -> float:
    share = float(text)
    if not 0 < share <= 1:
        raise argparse.ArgumentTypeError("a number above 0, up to 1")
    return share


def _calibrate(options: argparse.Namespace) -> int:
    from ..engine.calibrate import Calibration, load_calibration
    from ..engine.cluster.client import gather_on
    from ..engine.cluster.work import work_of
    from ..engine.float_check import forward_seconds
    from ..engine.footprint import calibration_bytes
    from ..engine.job import calibrate_model, calibration_key, first_plan

    made = early.out_file(options)
    known = load_calibration(options.out) if options.resume else None
    with progress() as report, words.cluster(options) as client:
        model = words.load(options, report)
        data = words.open_data_set(options, model, report)
        if known is not None and known.key != calibration_key(model, data):
            raise Problem(str(options.out), "is of another model, data or split", "Leave out --resume to begin anew.")
        plan = first_plan(model.graph, Target())
        memory = f"about {calibration_bytes(model, plan) / 2**20:.0f} MB of memory"
        report(0, 1, f"calibrating takes {memory}, whatever the number of samples")
        forward = None if known is None else known.forward_seconds
        gather = None
        if client is not None:
            gather = gather_on(client, work_of(model, data, plan))
        elif known is None:
            forward = forward_seconds(model, data, report)
        kept: Calibration | None = None

        def keep(part: Calibration) -> None:
            nonlocal kept
            kept = part
            dataclasses.replace(part, forward_seconds=forward).save(options.out)

        try:
            with stoppable(report) as stopping:
                found = calibrate_model(
                    model, data, plan, stopping, known, share=options.share, keep=keep, gather=gather
                )
        except Cancelled:
            if kept is not None:
                say(f"{options.out}: {kept.samples} of {kept.planned} samples; --resume goes on")
            raise
    dataclasses.replace(found, forward_seconds=forward).save(options.out)
    for line in made:
        print(f"note: {line}")
    print(f"{options.out}: {len(found.tensors)} tensors, {found.samples} samples, {found.seconds:.1f} s, {memory}")
    return 0
