"""``qinspect export``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ..engine.problem import Problem
from . import options as words
from .terminal import progress
from .verb import Verb


def add(verb: Verb) -> None:
    export = verb("export", _export, "write the quantized model, and verify it in a new process")
    words.model_options(export)
    words.data_options(export, required=False)
    words.plan_options(export, plan_required=True)
    words.stats_option(export)
    export.add_argument("--to", required=True, choices=("onnx", "fx", "script"))
    export.add_argument("--out", type=Path, required=True, metavar="FILE", help="the .onnx file, or a folder")


def _export(options: argparse.Namespace) -> int:
    if options.data is None:
        raise Problem(
            "export", "has no samples to verify the result on", "Give --data; --stats saves the calibration only."
        )
    from ..engine.export import export

    with progress() as report:
        model = words.load(options, report)
        data = words.open_data_set(options, model)
        plan = words.plan_of(options, model)
        calibration, note = words.statistics(options, model, data, plan, report)
        found = export(model, plan, calibration, data, options.to, options.out, report, metric=words.metric(options))
    for line in note:
        print(f"note: {line}")
    agreement = "" if found.agreement is None else f", agreement with the simulation {found.agreement:.1%}"
    print(f"{found.path}: {len(found.quantized)} of {len(found.asked)} layers in integers{agreement}")
    for problem in found.problems:
        print(f"qinspect: {found.path}: {problem}", file=sys.stderr)
    return 0 if found.verified else 1
