"""``qinspect export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..engine.plan.kinds import KINDS, misnamed
from ..engine.results.export import ExportReport
from ..engine.text import counted, listed, percent
from . import early
from . import options as words
from .terminal import divergence, progress
from .verb import Verb

if TYPE_CHECKING:
    from ..engine.decide import Decisions
    from ..engine.load import Model
    from ..engine.plan import QuantPlan

HELP = (
    "onnx: a QDQ model for ONNX Runtime; tensorrt: one by TensorRT's rules, with the trtexec line; "
    "kit: a folder that measures float and int8 on another device with onnxruntime (or torch) alone; "
    "fx, eager: a folder for torch; pt2e: a quantized .pt2; script: readable Python"
)


def add(verb: Verb) -> None:
    export = verb("export", _export, "write the quantized model, and verify it in a new process")
    words.model_options(export)
    words.data_options(export, required=False)
    words.output_option(export)
    words.plan_options(export)
    words.stats_option(export)
    export.add_argument("--to", required=True, choices=[kind for kind in KINDS if kind != "plan"], help=HELP)
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .onnx or .pt2 file, or a folder")
    export.add_argument("--opset", type=int, metavar="N", help="of an ONNX file, 13 to 21; the plan may need 21")
    export.add_argument("--io", choices=("float", "int8"), default="float", help="what an ONNX file takes and gives")


def _say_refused(decisions: Decisions) -> None:
    """Layers that stay float against the plan's wish, by reason, before anything runs."""
    reasons: dict[str, list[str]] = {}
    for layer in sorted(decisions.asked & decisions.why_not.keys()):
        reasons.setdefault(decisions.why_not[layer], []).append(layer)
    for reason, layers in reasons.items():
        print(f"float: {listed(layers)}: {reason}", flush=True)


def _say_figures(found: ExportReport) -> None:
    """What was measured on the samples, against the simulation and against the float model."""
    equal = "" if found.equal_share is None else f"{percent(found.equal_share)} of the values equal, "
    on = counted(found.samples, "sample")
    print(f"against the simulation: {equal}SQNR {_db(found.sqnr_db, found.equal_share)} ({on})")
    figures = [] if found.float_agreement is None else [f"agreement {found.float_agreement:.1%}"]
    figures += [] if found.float_kl is None else [f"KL {divergence(found.float_kl)}"]
    print(f"against the float model: {', '.join([*figures, f'SQNR {_db(found.float_sqnr_db)}'])}")
    for name, grid in found.io.items():
        print(f"{name}: {grid['dtype']}, scale {grid['scale']:.9g}, zero point {grid['zero_point']}")
    path = Path(found.path)
    for place in (path / "verify.json", path.with_name(f"{path.stem}.verify.json")):
        if place.is_file():
            why = f" ({found.criterion})" if found.criterion else ""
            print(f"verified: {place}{why}" if found.verified else f"not verified: {place}")
            break


def _db(value: float | None, equal_share: float | None = None) -> str:
    if value is not None:
        return f"{value:.1f} dB"
    return "infinite or undefined" if equal_share is None else "infinite" if equal_share == 1 else "undefined"


def _plan(options: argparse.Namespace, model: Model) -> tuple[QuantPlan, tuple[str, ...]]:
    """The plan for what --to names, and what is to be said of where it comes from."""
    from ..engine.export import suited

    plan = words.plan_of(options, model)
    if options.plan is None:
        if options.target is None:
            options.target = suited(plan, model.graph, options.to)[0].target.name
            plan = words.plan_of(options, model)
        return plan, (f"no --plan was given: this is the one that analyze begins with for {plan.target.name}",)
    if options.target is not None:
        return plan, ()
    fitting, changes = suited(plan, model.graph, options.to)
    if fitting is plan:
        return plan, ()
    said = f"{options.plan} is for {plan.target.name}; what was exported is for {fitting.target.name}"
    return fitting, (said, *changes)


def _export(options: argparse.Namespace) -> int:
    if options.data is None and options.stats is None:
        raise words.WrongUsage("export", "neither --stats nor --data is given", "Give one of --stats and --data.")
    from ..engine.decide import decide
    from ..engine.export import export
    from ..engine.job import fused_graph

    if problem := misnamed(options.to, options.out):
        raise problem
    notes = early.out_file(options)
    with progress() as report:
        model = words.load(options, report)
        data = None if options.data is None else words.open_data_set(options, model, report)
        plan, remarks = _plan(options, model)
        _say_refused(decide(fused_graph(model, plan).graph, plan))
        if data is None:
            calibration = words.stored_statistics(options, model)
            assert calibration is not None
        else:
            calibration, more = words.statistics(options, model, data, plan, report)
            notes = (*notes, *more)
        found = export(
            model,
            plan,
            calibration,
            data,
            options.to,
            options.out,
            report,
            metric=words.metric(options, model, data),
            opset=options.opset,
            io=options.io,
            remarks=remarks,
        )
    for line in (*notes, *found.notes):
        print(f"note: {line}")
    agreement = "" if found.agreement is None else f", agreement with the simulation {percent(found.agreement)}"
    print(f"{found.path}: {len(found.quantized)} of {len(found.asked)} layers in integers{agreement}")
    _say_figures(found)
    if found.size_bytes is not None:
        size = f"{found.size_bytes / 1e6:.2f} MB"
        if found.float_size_bytes:
            size += f" (float {found.float_size_bytes / 1e6:.2f} MB)"
        if found.lowest_onnxruntime:
            size += f", opset {found.versions['opset']}, ONNX Runtime {found.lowest_onnxruntime} or later"
        print(size)
    if found.build is not None:
        print(f"build: {found.build}")
    for wrong in found.problems:
        print(f"qinspect: {found.path}: {wrong}", file=sys.stderr)
    return 0 if found.verified else 1
