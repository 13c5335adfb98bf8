"""``qinspect inspect``: what can be said of a model without data."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..engine.results import FusionRow, LayerRow
from . import early
from . import options as words
from .terminal import progress
from .verb import Verb

if TYPE_CHECKING:
    from ..engine.existing import Ran


def add(verb: Verb) -> None:
    inspect = verb("inspect", _inspect, "layer table and fusion ledger of a model")
    words.model_options(inspect)
    words.plan_options(inspect)
    inspect.add_argument("--json", action="store_true", help="the same as JSON on stdout")


def _inspect(options: argparse.Namespace) -> int:
    early.check_words(options)
    from ..engine.inspect import inspect, what_runs

    with progress() as report:
        model = words.load(options, report)
        kernels, said = what_runs(model, report)
    plan = words.plan_of(options, model)
    found = inspect(model, plan, kernels)
    found = replace(found, notes=tuple(filter(None, (*found.notes, said))))
    if options.json:
        print(json.dumps(_not_run(found.to_json()), indent=1))
        return 0
    own = [row for row in found.layers if row.fused_into is None]
    width = max((len(row.id) for row in own), default=0)
    inputs = ", ".join(f"{s['name']} {_sizes(s['shape'])}" for s in found.model["inputs"])
    print(f"{found.model['name']}: {len(own)} layers after fusion, {found.model['parameters']:,} parameters")
    if inputs:
        print(f"input {inputs}")
    print(f"{'layer':{width}}  {'operator':34} {'shape':>16} {'multiply-adds':>14}  note")
    existing = found.model["existing"]
    ops = {row.id: row.op for row in found.layers}  # in the order in which they run
    for row in own:
        operator = "+".join(op for layer_id, op in ops.items() if layer_id in (row.id, *row.fused))
        shape = "x".join(map(str, row.shape))
        note = row.why_not or ("" if row.asked else "float") if existing is None else _grids(row, kernels.get(row.id))
        print(f"{row.id:{width}}  {operator:34} {shape:>16} {row.macs:>14,}  {note}")
    states = {state: sum(row.state == state for row in found.fusions) for state in ("fused", "off", "blocked")}
    print(f"fusions: {states['fused']} fused, {states['off']} off, {states['blocked']} blocked")
    for line in _not_fused(found.fusions):
        print(f"  {line}")
    if existing is not None:
        maker = f" by {existing['producer']}" if existing["producer"] else ""
        plan_there = "the plan that made it is in the file" if existing["plan"] else "it carries no plan"
        print(f"quantized already ({existing['form']}{maker}): {len(existing['quantized'])} layers; {plan_there}")
        for island in existing["float_islands"]:
            print(f"  float between quantized layers: {', '.join(island)}")
    for note in found.notes:
        print(note)
    return 0


def _sizes(shape: Iterable[int | None]) -> str:
    return f"({', '.join('any' if size is None else str(size) for size in shape)})"


def _not_run(found: dict[str, Any]) -> dict[str, Any]:
    """Whether a layer that is to be integers really runs so is not known where nothing was run."""
    if found["model"]["existing"] is None:
        for row in found["layers"]:
            if row["asked"] and row["why_not"] is None:
                row["quantized"], row["why_not"] = None, "not run"
    return found


def _not_fused(fusions: Iterable[FusionRow]) -> list[str]:
    """A line for each candidate that is not fused; one for all that are alike and have the same reason."""
    alike: dict[tuple[str, str, str | None], list[str]] = {}
    for row in fusions:
        if row.state != "fused":
            alike.setdefault((row.pattern, row.state, row.reason), []).append(row.id)
    lines = []
    for (pattern, state, reason), ids in alike.items():
        names = ids[0] if len(ids) == 1 else f"{len(ids)} from {ids[0]} to {ids[-1]}"
        lines.append(f"{names} ({pattern}): {state}{', ' + reason if reason else ''}")
    return lines


def _grids(row: LayerRow, ran: Ran | None) -> str:
    """What is quantized already of a layer: the types of its weight and its value, and the value's range."""
    parts = [] if row.quantized else ["float"]
    if row.weight is not None:
        parts.append(f"weight {row.weight['dtype']} {row.weight['granularity'].replace('_', ' ')}")
    if row.activation is not None:
        grid = row.activation
        scale = f"{grid['scale']:.6g}" if isinstance(grid["scale"], float) else "per channel"
        parts.append(f"{grid['dtype']} {grid['min']:.4g} to {grid['max']:.4g}, scale {scale}")
        if isinstance(grid["zero_point"], int):
            parts[-1] += f", zero point {grid['zero_point']}"
    if ran is not None and not ran.integer:
        parts.append(f"computed in float by {ran.operator}")
    return "; ".join(parts)
