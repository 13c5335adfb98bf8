"""The command line: the same engine functions as the window, the same numbers."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import __version__
from .engine.plan import TARGETS, QuantPlan, Target, read_plan
from .engine.problem import Problem, Unmet
from .engine.progress import Cancelled, Report

if TYPE_CHECKING:
    from .engine.calibrate import Calibration
    from .engine.data import Dataset, DataSpec
    from .engine.load import Model, ModelSpec
    from .engine.metric import Metric

VERBS = ("demo", "inspect", "analyze", "calibrate", "export")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb, or open the window.

    Returns
    -------
    int
        0 done, 1 the job failed, 2 wrong usage, 3 a constraint that nothing meets, 130 cancelled.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    parser = _parser()
    # Without a verb the words are the window's.
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb not in VERBS and not {"-h", "--help", "--version"} & set(words):
        words = ["window", *words]
    options = parser.parse_args(words)
    try:
        with _interruptible():
            return int(options.run(options))
    except (Cancelled, KeyboardInterrupt):
        print("cancelled", file=sys.stderr)
        return 130
    except Problem as problem:
        if options.debug:
            raise
        print(f"qinspect: {' '.join(str(problem).split())}", file=sys.stderr)
        return 3 if isinstance(problem, Unmet) else 1
    except BrokenPipeError:
        # The reader of our output has gone, as with ``| head``: nothing to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if options.debug:
            raise
        what = " ".join(str(error).split())[:300]
        print(
            f"qinspect: {type(error).__name__}: {what}. This is a fault of qinspect; --debug shows where.",
            file=sys.stderr,
        )
        return 1


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends like Ctrl+C, so that children are killed and half-written files removed."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    try:
        before = signal.signal(signal.SIGTERM, stop)
    except ValueError:  # not in the main thread, as in tests
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# -- words ---------------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="qinspect",
        description="See what quantization does to a model, layer by layer, and repair it. "
        "Without a verb, the window opens: qinspect [MODEL] [--data DATA] [--plan PLAN].",
    )
    parser.add_argument("--version", action="version", version=f"qinspect {__version__}")
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)

    def verb(name: str, run: Callable[[argparse.Namespace], int], text: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument("--debug", action="store_true", help="show tracebacks")
        return made

    window = verb("window", _window, "open the window (also without this word)")
    window.add_argument("model", nargs="?", metavar="MODEL")
    _model_options(window)
    _data_options(window, required=False)
    window.add_argument("--plan", type=Path, metavar="PLAN", help="plan.json to begin with")

    demo = verb("demo", _demo, "the bundled model and photographs: the whole main job")
    demo.add_argument("--headless", action="store_true", help="no window; write into --out")
    demo.add_argument("--out", type=Path, default=Path("qinspect-demo"), metavar="DIR")

    inspect = verb("inspect", _inspect, "layer table and fusion ledger of a model")
    inspect.add_argument("model", metavar="MODEL")
    _model_options(inspect)
    inspect.add_argument("--plan", type=Path, metavar="PLAN")
    inspect.add_argument("--target", choices=TARGETS)
    inspect.add_argument("--json", action="store_true", help="the same as JSON on stdout")

    analyze = verb("analyze", _analyze, "calibrate, simulate, run the kernels; write a report")
    analyze.add_argument("model", metavar="MODEL")
    _model_options(analyze)
    _data_options(analyze, required=True)
    _plan_options(analyze)
    analyze.add_argument("--stats", type=Path, metavar="STATS", help="statistics from calibrate")
    analyze.add_argument("--no-kernels", action="store_true", help="simulate only: no kernels, no latency")
    analyze.add_argument("--no-latency", action="store_true", help="run the kernels, but do not time them")
    analyze.add_argument("--out", type=Path, required=True, metavar="DIR")

    calibrate = verb("calibrate", _calibrate, "statistics once, for all that follows")
    calibrate.add_argument("model", metavar="MODEL")
    _model_options(calibrate)
    _data_options(calibrate, required=True)
    calibrate.add_argument("--out", type=Path, required=True, metavar="STATS")

    export = verb("export", _export, "write the quantized model, and verify it in a new process")
    export.add_argument("model", metavar="MODEL")
    _model_options(export)
    _data_options(export, required=False)
    _plan_options(export, plan_required=True)
    export.add_argument("--stats", type=Path, metavar="STATS")
    export.add_argument("--to", required=True, choices=("onnx", "fx", "script"))
    export.add_argument("--out", type=Path, required=True, metavar="FILE")
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", metavar="FILE", help=".safetensors, .pt or .pth for a callable's module")
    parser.add_argument("--input-shape", metavar="N,C,H,W", help="of the example; several inputs joined by ;")


def _data_options(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--data", required=required, metavar="DATA", help="folder of images, .npz, ...")
    parser.add_argument("--resize", type=int, metavar="PX")
    parser.add_argument("--crop", type=int, metavar="PX")
    parser.add_argument("--interpolation", default="bilinear", choices=("nearest", "bilinear", "bicubic", "lanczos"))
    parser.add_argument("--normalize", default=None, metavar="imagenet|none|MEAN/STD")
    parser.add_argument("--channels", default="rgb", choices=("rgb", "bgr"))
    parser.add_argument("--layout", default="nchw", choices=("nchw", "nhwc"))
    parser.add_argument("--samples", type=int, metavar="N")
    parser.add_argument("--split", default="50/25/25", metavar="50/25/25", help="calibrate/select/final")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--metric", metavar="FILE.py:CALLABLE", help="metric(outputs, targets) -> float; replaces top-1"
    )


def _plan_options(parser: argparse.ArgumentParser, plan_required: bool = False) -> None:
    parser.add_argument("--plan", type=Path, metavar="PLAN", required=plan_required)
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--batch", type=int, metavar="N")


# -- verbs ---------------------------------------------------------------------------------------


def _window(options: argparse.Namespace) -> int:
    from .gui.app import run

    return run(
        None if options.model is None else _model_spec(options).to_json(),
        None if options.data is None else _data_spec(options).to_json(),
        options.plan,
    )


def _demo(options: argparse.Namespace) -> int:
    if not options.headless:
        from .gui.app import run

        return run(None, None, None, demo=True)
    from .demo import run_headless

    with _progress() as report:
        for line in run_headless(options.out, report):
            _say(report, line)
    return 0


def _inspect(options: argparse.Namespace) -> int:
    from .engine.analyze import inspect

    with _progress() as report:
        model = _load(options, report)
    plan = _plan(options, model)
    found = inspect(model, plan)
    if options.json:
        print(json.dumps(found.to_json(), indent=1))
        return 0
    own = [row for row in found.layers if row.fused_into is None]
    width = max((len(row.id) for row in own), default=0)
    inputs = ", ".join(f"{s['name']} {tuple(s['shape'])}" for s in found.model["inputs"])
    print(f"{found.model['name']}: {len(own)} layers after fusion, {found.model['parameters']:,} parameters")
    print(f"input {inputs}")
    for row in own:
        absorbed = "+".join(i.rpartition(":")[2] for i in row.fused)
        shape = "x".join(map(str, row.shape))
        note = row.why_not or ("" if row.asked else "float")
        print(
            f"{row.id:{width}}  {row.op + ('+' + absorbed if absorbed else ''):34} {shape:>16} {row.macs:>14,}  {note}"
        )
    states = {state: sum(row.state == state for row in found.fusions) for state in ("fused", "off", "blocked")}
    print(f"fusions: {states['fused']} fused, {states['off']} off, {states['blocked']} blocked")
    for fusion in found.fusions:
        if fusion.state != "fused":
            print(f"  {fusion.id} ({fusion.pattern}): {fusion.state}{', ' + fusion.reason if fusion.reason else ''}")
    for note in found.notes:
        print(note)
    return 0


def _analyze(options: argparse.Namespace) -> int:
    from .engine.analyze import analyze
    from .engine.report import write_analysis

    with _progress() as report:
        model = _load(options, report)
        data = _data(options, model)
        metric = _metric(options)
        plan = _plan(options, model)
        forward = None if options.stats else _forward_seconds(model, data, report)
        calibration = _statistics(options, model, data, plan, report)
        if forward is not None:
            calibration = dataclasses.replace(calibration, forward_seconds=forward)
        found = analyze(
            model,
            data,
            plan,
            calibration,
            report,
            kernels=not options.no_kernels,
            latency=not options.no_latency,
            metric=metric,
        )
    path = write_analysis(found, options.out)
    print(summary(found.totals))
    for finding in found.findings:
        print(f"{finding.severity}: {finding.title} ({finding.evidence}). {finding.remedy}")
    print(f"report: {path}")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from .engine.job import calibrate_model, first_plan

    with _progress() as report:
        model = _load(options, report)
        data = _data(options, model)
        forward = _forward_seconds(model, data, report)
        found = calibrate_model(model, data, first_plan(model.graph, Target()), report)
    dataclasses.replace(found, forward_seconds=forward).save(options.out)
    print(f"{options.out}: {len(found.tensors)} tensors, {found.samples} samples, {found.seconds:.1f} s")
    return 0


def _export(options: argparse.Namespace) -> int:
    if options.data is None:
        raise Problem(
            "export", "has no samples to verify the result on", "Give --data; --stats saves the calibration only."
        )
    from .engine.export import export

    with _progress() as report:
        model = _load(options, report)
        data = _data(options, model)
        plan = _plan(options, model)
        calibration = _statistics(options, model, data, plan, report)
        found = export(model, plan, calibration, data, options.to, options.out, report, metric=_metric(options))
    agreement = "" if found.agreement is None else f", agreement with the simulation {found.agreement:.1%}"
    print(f"{found.path}: {len(found.quantized)} of {len(found.asked)} layers in integers{agreement}")
    for problem in found.problems:
        print(f"qinspect: {found.path}: {problem}", file=sys.stderr)
    return 0 if found.verified else 1


def summary(totals: Any) -> str:
    """The verdict in one line."""

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.1%}"

    parts = []
    if totals.fp32_metric is not None:
        parts.append(f"metric {share(totals.fp32_metric)} float, {share(totals.quantized_metric)} simulated")
        if totals.kernel_metric is not None:
            parts[-1] += f", {share(totals.kernel_metric)} in the kernels"
    if totals.agreement is not None:
        parts.append(f"agreement {share(totals.agreement)} simulated")
        if totals.kernel_agreement is not None:
            parts[-1] += f", {share(totals.kernel_agreement)} in the kernels"
    if totals.kl is not None:
        parts.append(f"KL {totals.kl:.4f} nats (estimated {totals.estimated_kl or 0:.4f})")
    if totals.sqnr_db is not None:
        parts.append(f"SQNR {totals.sqnr_db:.1f} dB")
    if totals.int8_ms is not None and totals.fp32_ms is not None:
        parts.append(f"{totals.fp32_ms:.2f} ms float, {totals.int8_ms:.2f} ms int8")
    return "; ".join(parts)


# -- what verbs share ----------------------------------------------------------------------------


def _model_spec(options: argparse.Namespace) -> ModelSpec:
    from .engine.source import ModelSpec, parse_shape

    return ModelSpec(
        options.model, options.weights, None if options.input_shape is None else parse_shape(options.input_shape)
    )


def _load(options: argparse.Namespace, report: Report) -> Model:
    report(0, 1, "importing torch")
    from .engine.load import load_model

    # A source with a colon was named on the command line: that is the permission to run it.
    return load_model(_model_spec(options), report, allow_code=True)


def _data_spec(options: argparse.Namespace) -> DataSpec:
    from .engine.data_spec import DataSpec, parse_normalize

    mean, std = (None, None) if options.normalize is None else parse_normalize(options.normalize)
    try:
        shares = tuple(float(part) for part in options.split.split("/"))
    except ValueError:
        shares = ()
    if len(shares) != 3:
        raise Problem("--split", f"{options.split!r} is not three shares", "Give such as 50/25/25.")
    return DataSpec(
        source=options.data,
        samples=options.samples,
        split=(shares[0], shares[1], shares[2]),
        seed=options.seed,
        resize=options.resize,
        crop=options.crop,
        interpolation=options.interpolation,
        mean=mean,
        std=std,
        channels=options.channels,
        layout=options.layout,
    )


def _data(options: argparse.Namespace, model: Model) -> Dataset:
    from .engine.data import open_data
    from .engine.job import check_fits

    data = open_data(_data_spec(options), model.graph.inputs[0].shape, allow_code=True)
    check_fits(model, data)
    return data


def _metric(options: argparse.Namespace) -> Metric:
    from .engine.metric import TOP1, Metric

    if options.metric is None:
        return TOP1
    from .engine.load.callable import resolve

    function = resolve(options.metric)
    return Metric(
        getattr(function, "__name__", options.metric),
        function,
        bool(getattr(function, "higher_is_better", True)),
        str(getattr(function, "unit", "")),
    )


def _plan(options: argparse.Namespace, model: Model) -> QuantPlan:
    from .engine.job import first_plan, retarget

    wanted = None if options.target is None else Target.parse(options.target)
    if options.plan is None:
        plan = first_plan(model.graph, wanted or Target())
    else:
        plan = read_plan(options.plan)
        if wanted is not None and wanted.name != plan.target.name:
            plan = retarget(
                plan, model.graph, dataclasses.replace(plan.target, backend=wanted.backend, engine=wanted.engine)
            )
    settings = {name: value for name in ("threads", "batch") if (value := getattr(options, name, None)) is not None}
    return dataclasses.replace(plan, target=dataclasses.replace(plan.target, **settings)) if settings else plan


def _statistics(
    options: argparse.Namespace, model: Model, data: Dataset, plan: QuantPlan, report: Report
) -> Calibration:
    from .engine.calibrate import load_calibration
    from .engine.job import calibrate_model

    known = load_calibration(options.stats) if options.stats else None
    if known is not None and not known.key.startswith(model.digest):
        raise Problem(str(options.stats), "was made with another model", "Run qinspect calibrate on this one.")
    if known is not None:
        # Other data may be given for the verdict than for the statistics: that is what --stats is for.
        known = dataclasses.replace(known, key="")
    return calibrate_model(model, data, plan, report, known)


def _forward_seconds(model: Model, data: Dataset, report: Report) -> float:
    from .engine.job import forward_seconds

    return forward_seconds(model, data, report)


@contextlib.contextmanager
def _progress() -> Iterator[Report]:
    """One line on a terminal's stderr, rewritten; silent elsewhere."""
    shown = sys.stderr.isatty()
    began = last = 0.0

    def report(done: float, total: float, note: str = "") -> None:
        nonlocal began, last
        now = time.monotonic()
        if not shown or now - last < 0.1:
            return
        began, last = began or now, now
        share = done / total if total else 1.0
        print(f"\r\033[K{share:4.0%}  {note}", end="", file=sys.stderr, flush=True)

    try:
        yield report
    finally:
        if shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _say(report: Report, line: str) -> None:
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(line, flush=True)


__all__ = ["main", "summary"]
