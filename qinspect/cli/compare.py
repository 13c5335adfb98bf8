"""``qinspect compare``: a float model against a quantized one, layer by layer."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from . import early
from . import options as words
from .terminal import divergence, duration, progress
from .verb import Verb

if TYPE_CHECKING:
    from ..engine.compare import CompareTotals


QUANTIZED = (
    "a quantized .onnx or .pt2, a folder that qinspect exported for fx or eager, the state_dict of a model that "
    "torch.ao converted (its weights are compared), or any other MODEL"
)


def add(verb: Verb) -> None:
    compare = verb("compare", _compare, "a float model against a quantized one of it, layer by layer")
    words.model_options(compare)
    compare.add_argument("quantized", metavar="QUANTIZED", help=QUANTIZED)
    compare.add_argument("--quantized-weights", metavar="FILE", help="as --weights, for a QUANTIZED that is code")
    words.data_options(compare, required=False)
    words.output_option(compare)
    compare.add_argument("--no-latency", action="store_true", help="do not time the two")
    words.language_option(compare)
    compare.add_argument("--out", type=Path, required=True, metavar="DIR", help=words.OUT["compare"])


def _compare(options: argparse.Namespace) -> int:
    made = early.out_folder(options)
    from ..engine.compare import compare, which
    from ..engine.compare.report import write_comparison
    from ..engine.existing import TABLE

    with progress() as report:
        one = words.load(options, report)
        other = words.load(
            argparse.Namespace(**{**vars(options), "model": options.quantized, "weights": options.quantized_weights}),
            report,
        )
        if options.data is None and (other.existing is None or other.existing.form != TABLE):
            what = "is needed to run both models"
            raise words.WrongUsage("--data", what, "A state_dict alone is compared without, by its weights.")
        with which(one):
            data = None if options.data is None else words.open_data_set(options, one, report)
        metric = words.metric(options, one, data)
        found = compare(one, other, data, report, metric=metric, timing=not options.no_latency)
    path = write_comparison(found, options.out, words.language(options))
    width = max((len(row.float_id) for row in found.layers), default=5)
    heads = f"{'SQNR dB':>8} {'cosine':>7} {'weight dB':>9}"
    print(f"{'layer':{width}}  {'operator':20} {'matched by':10} {heads}  in the second")
    for row in found.layers:
        same = "" if row.quantized_id == row.float_id else row.quantized_id
        kind = "" if row.quantized else "float"
        if row.integer is False:
            kind = f"in float by {row.kernel}"
        errors = row.errors
        sqnr = "exact" if errors["exact"] else _number(errors["sqnr_db"], 1)
        cells = f"{sqnr:>8} {_number(errors['cosine'], 4):>7} {_number(row.weight_sqnr_db, 1):>9}"
        print(f"{row.float_id:{width}}  {row.op:20} {row.matched_by:10} {cells}  {' '.join((kind, same)).strip()}")
    for title, names in (("float", found.unmatched_float), ("quantized", found.unmatched_quantized)):
        if names:
            print(f"in the {title} model alone: {', '.join(names)}")
    totals, unit = found.totals, found.data.get("metric_unit")
    if totals.samples:
        print(f"{totals.samples} samples of the final split, run by {found.runtime}: {_verdict(totals, unit)}")
    for note in (*made, *found.notes):
        print(f"note: {note}")
    print(f"report: {path}")
    return 0


def _verdict(totals: CompareTotals, unit: str | None) -> str:
    def share(value: float) -> str:
        return f"{value:.1%}" if unit in (None, "share") else f"{value:.4g} {unit}".strip()

    parts = []
    if totals.fp32_metric is not None and totals.quantized_metric is not None:
        parts.append(f"metric {share(totals.fp32_metric)} float, {share(totals.quantized_metric)} quantized")
    if totals.agreement is not None:
        parts.append(f"agreement {totals.agreement:.1%}")
    if totals.kl is not None:
        parts.append(f"KL {divergence(totals.kl)}")
    parts.append("outputs equal" if totals.exact else f"SQNR {_number(totals.sqnr_db, 1)} dB")
    if totals.fp32_ms is not None and totals.quantized_ms is not None:
        parts.append(f"{duration(totals.fp32_ms)} float, {duration(totals.quantized_ms)} quantized")
    return "; ".join(parts)


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"
