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

MODEL = "MODEL is file.pt2, file.py:callable or package.module:callable"
DATA = "a folder of images (class sub-folders are labels), .npz with x and y, .npy, .safetensors, .pt, or a callable"
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
    window.add_argument("model", nargs="?", metavar="MODEL", help=MODEL.removeprefix("MODEL is "))
    _model_options(window)
    _data_options(window, required=False)
    window.add_argument("--plan", type=Path, metavar="PLAN", help="plan.json to begin with")

    demo = verb("demo", _demo, "the bundled model and photographs: the whole main job")
    demo.add_argument("--headless", action="store_true", help="no window; write into --out")
    demo.add_argument("--out", type=Path, default=Path("qinspect-demo"), metavar="DIR")

    inspect = verb("inspect", _inspect, "layer table and fusion ledger of a model")
    inspect.add_argument("model", metavar="MODEL", help=MODEL.removeprefix("MODEL is "))
    _model_options(inspect)
    inspect.add_argument("--plan", type=Path, metavar="PLAN")
    inspect.add_argument("--target", choices=TARGETS)
    inspect.add_argument("--json", action="store_true", help="the same as JSON on stdout")

    analyze = verb("analyze", _analyze, "calibrate, simulate, run the kernels; write a report")
    analyze.add_argument("model", metavar="MODEL", help=MODEL.removeprefix("MODEL is "))
    _model_options(analyze)
    _data_options(analyze, required=True)
    _plan_options(analyze)
    analyze.add_argument("--stats", type=Path, metavar="STATS", help="statistics from calibrate")
    analyze.add_argument("--no-kernels", action="store_true", help="simulate only: no kernels, no latency")
    analyze.add_argument("--no-latency", action="store_true", help="run the kernels, but do not time them")
    analyze.add_argument("--out", type=Path, required=True, metavar="DIR")

    calibrate = verb("calibrate", _calibrate, "statistics once, for all that follows")
    calibrate.add_argument("model", metavar="MODEL", help=MODEL.removeprefix("MODEL is "))
    _model_options(calibrate)
    _data_options(calibrate, required=True)
    calibrate.add_argument("--out", type=Path, required=True, metavar="STATS")

    export = verb("export", _export, "write the quantized model, and verify it in a new process")
    export.add_argument("model", metavar="MODEL", help=MODEL.removeprefix("MODEL is "))
    _model_options(export)
    _data_options(export, required=False)
    _plan_options(export, plan_required=True)
    export.add_argument("--stats", type=Path, metavar="STATS")
    export.add_argument("--to", required=True, choices=("onnx", "fx", "script"))
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .onnx file, or a folder")
    return parser


def _model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--weights", metavar="FILE", help=".safetensors, .pt or .pth for a callable's module")
    parser.add_argument("--input-shape", metavar="N,C,H,W", help="of the example; several inputs joined by ;")


def _data_options(parser: argparse.ArgumentParser, required: bool) -> None:
    parser.add_argument("--data", required=required, metavar="DATA", help=DATA)
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
    parser.add_argument(
        "--plan", type=Path, metavar="PLAN", required=plan_required, help="plan.json; analyze writes one"
    )
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--threads", type=int, metavar="N")
    parser.add_argument("--batch", type=int, metavar="N")


# -- verbs ---------------------------------------------------------------------------------------


def _window(options: argparse.Namespace) -> int:
    source = options.model
    if source is not None and ":" not in source and not Path(source).exists():
        raise Problem(source, "is neither a verb nor a model", f"Verbs are {', '.join(VERBS)}; {MODEL}.")
    _need_screen()
    from .gui.app import run

    return run(
        None if options.model is None else _model_spec(options).to_json(),
        None if options.data is None else _data_spec(options).to_json(),
        options.plan,
    )


def _demo(options: argparse.Namespace) -> int:
    if not options.headless:
        _need_screen()
        from .gui.app import run

        return run(None, None, None, demo=True)
    from .demo import run_headless

    with _progress() as report:
        found = run_headless(options.out, report, _say)
        try:
            from .gui.app import screenshot
        except ImportError as error:
            raise Problem("screenshot", f"Qt cannot start ({error})", "Install the libraries that Qt needs.") from error
        picture = options.out / "screenshot.png"
        screenshot(found.model, found.data, found.calibration, found.analysis, picture, check=found.check)
        _say(f"screenshot: {picture}")
    return 0


def _need_screen() -> None:
    """Qt aborts the process where it finds no screen: say so before."""
    has = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"))
    if sys.platform.startswith("linux") and not has:
        raise Problem("window", "there is no screen to open it on", "Use a verb, such as qinspect demo --headless.")


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
    print(f"{'layer':{width}}  {'operator':34} {'shape':>16} {'multiply-adds':>14}  note")
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
    if options.out.exists() and not options.out.is_dir():
        raise Problem(str(options.out), "is a file", "Give --out a folder.")
    from .engine.analyze import analyze
    from .engine.report import write_analysis

    with _progress() as report:
        model = _load(options, report)
        data = _data(options, model)
        metric = _metric(options)
        plan = _plan(options, model)
        forward = None if options.stats else _forward_seconds(model, data, report)
        calibration, note = _statistics(options, model, data, plan, report)
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
    found = dataclasses.replace(found, notes=(*found.notes, *note))
    path = write_analysis(found, options.out)
    print(f"{found.totals.samples} samples of the final split: {summary(found.totals, found.data['metric_unit'])}")
    for line in found.notes:
        print(f"note: {line}")
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
        calibration, note = _statistics(options, model, data, plan, report)
        found = export(model, plan, calibration, data, options.to, options.out, report, metric=_metric(options))
    for line in note:
        print(f"note: {line}")
    agreement = "" if found.agreement is None else f", agreement with the simulation {found.agreement:.1%}"
    print(f"{found.path}: {len(found.quantized)} of {len(found.asked)} layers in integers{agreement}")
    for problem in found.problems:
        print(f"qinspect: {found.path}: {problem}", file=sys.stderr)
    return 0 if found.verified else 1


def summary(totals: Any, unit: str | None = "share") -> str:
    """The verdict in one line."""

    def share(value: float | None) -> str:
        return "–" if value is None else f"{value:.1%}"

    parts = []
    if totals.fp32_metric is not None:
        # A metric of the user's own is no fraction unless it says so.
        figure = share if unit == "share" else lambda value: f"{value:.4g} {unit or ''}".strip()
        parts.append(f"metric {figure(totals.fp32_metric)} float, {figure(totals.quantized_metric)} simulated")
        if totals.kernel_metric is not None:
            parts[-1] += f", {figure(totals.kernel_metric)} in the kernels"
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
    return load_model(_with_shape_of_data(_model_spec(options), options), report, allow_code=True)


def _with_shape_of_data(spec: ModelSpec, options: argparse.Namespace) -> ModelSpec:
    """Arrays say what shape the model takes, where nothing else was said."""
    from .engine.source import is_callable

    source = getattr(options, "data", None)
    if spec.input_shape is not None or not is_callable(spec.source) or source is None or not Path(source).is_file():
        return spec
    from .engine.data import open_data

    inputs = open_data(_data_spec(options)).load([0])
    if not all(tensor.is_floating_point() for tensor in inputs):
        return spec
    return dataclasses.replace(spec, input_shape=tuple(tuple(tensor.shape) for tensor in inputs))


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
) -> tuple[Calibration, tuple[str, ...]]:
    from .engine.calibrate import load_calibration
    from .engine.job import calibrate_model, calibration_key

    known = load_calibration(options.stats) if options.stats else None
    if known is not None and not known.key.startswith(model.digest):
        raise Problem(str(options.stats), "was made with another model", "Run qinspect calibrate on this one.")
    note: tuple[str, ...] = ()
    key = calibration_key(model, data)
    if known is not None and known.key != key:
        # Other data may be given for the verdict than for the statistics; then the splits may overlap.
        note = (
            f"{options.stats} was made with other data, preparation or split: some of it may be in this final split.",
        )
        known = dataclasses.replace(known, key=key)
    return calibrate_model(model, data, plan, report, known), note


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


def _say(line: str) -> None:
    """A line on stdout, without the rest of the progress before it."""
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr, flush=True)
    print(line, flush=True)


__all__ = ["main", "summary"]
