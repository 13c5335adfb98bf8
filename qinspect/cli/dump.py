"""``qinspect dump``."""

from __future__ import annotations

import argparse
from pathlib import Path

from . import early
from . import options as words
from .terminal import progress
from .verb import Verb


def add(verb: Verb) -> None:
    dump = verb("dump", _dump, "one layer's integers and the layer as a model of its own, as evidence")
    words.model_options(dump)
    words.data_options(dump, required=True)
    words.plan_options(dump)
    words.stats_option(dump)
    dump.add_argument("--layer", required=True, metavar="ID", help="as inspect and analysis.json have it")
    dump.add_argument("--out", type=Path, required=True, metavar="DIR", help=words.OUT["dump"])


def _dump(options: argparse.Namespace) -> int:
    made = early.out_folder(options)
    from ..engine.dump import dump
    from ..engine.text import counted

    with progress() as report:
        model = words.load(options, report)
        data = words.open_data_set(options, model, report)
        plan = words.plan_of(options, model)
        calibration, notes = words.statistics(options, model, data, plan, report)
        found = dump(model, data, plan, calibration, options.layer, options.out, report)
    for line in (*made, *notes):
        print(f"note: {line}")
    if found.equal_share is None:
        print(f"{found.layer}: {found.samples} samples; no kernel ran here")
    else:
        kernel = f"{found.kernel}: " if found.kernel else ""
        apart = f", the others are up to {counted(found.max_steps, 'step')} apart" if found.max_steps else ""
        samples = f"{found.samples} samples"
        # Rounded, all but a few values would be all of them.
        share = "over 99.99%" if 0.9999 < found.equal_share < 1 else f"{found.equal_share:.2%}"
        print(f"{found.layer}: {kernel}{samples}, {share} of the values equal the simulation{apart}")
    print(f"{found.model}: gives {found.model_equal_share:.2%} of the same values alone")
    print(f"wrote {found.path}")
    return 0
