"""What a layer would take with another qconfig, from the times that runs measured."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from ..graph import Layer
from ..plan.qconfig import QConfig
from ..plan.target import Target
from ..results import Analysis, LayerRow
from ..text import Text
from .timings import FLOAT, kernel

SAME = ("backend", "engine", "isa", "threads", "batch")
"""Times of runs that differ in one of these say nothing of each other."""


@dataclass(frozen=True)
class ExpectedTime:
    """The time of one layer, without the borders to its neighbours.

    Parameters
    ----------
    us : float | None
        Median, µs; None where nothing tells.
    measured : bool
        Whether this layer was timed on kernels of these types; else it is estimated from other layers.
    source : str
        What it rests on, or why there is none, one line.
    """

    us: float | None
    measured: bool
    source: str


def expected_time(
    layer: Layer, config: QConfig, in_float: bool, target: Target, analyses: Sequence[Analysis]
) -> ExpectedTime:
    """Time of a layer with a qconfig: its types decide on the kernel, since nothing else changes its time.

    Parameters
    ----------
    layer : Layer
        Of the fused graph.
    config : QConfig
    in_float : bool
        Whether the target rounds as asked, but computes in float.
    target : Target
    analyses : sequence of Analysis
        Runs of the same model with times, the newest first.
    """
    wanted = kernel(None if in_float else config, bool(layer.roles))
    if in_float:
        return ExpectedTime(None, False, Text("computed in float from rounded numbers, which was not timed"))
    here = {key: target.on_this_host().get(key) for key in SAME}
    same = [a for a in analyses if all(a.target.get(key) == value for key, value in here.items())]
    if not same:
        return ExpectedTime(
            None, False, Text("no run on {target} with these threads and batch was timed", target=target.title)
        )
    for analysis in same:
        row = analysis.row(layer.id)
        for name, us in () if row is None else _timed(row):
            if name == wanted:
                return ExpectedTime(us, True, Text("measured on this layer, {kernel}", kernel=name))
        if row is not None and row.latency is not None:
            other = row.latency.fp32_in if wanted == FLOAT else row.latency.int8_in
            if other is not None:
                return ExpectedTime(None, False, Text("the runtime computes it within {other}", other=other))
    ratios = list(_ratios(layer, wanted, same[0].layers))
    own = next((us for a in same if (row := a.row(layer.id)) for name, us in _timed(row) if name == FLOAT), None)
    if own is None:
        return ExpectedTime(None, False, Text("this layer was not timed in float"))
    if not ratios:
        return ExpectedTime(None, False, Text("no {op} was timed with {kernel}", op=layer.op, kernel=wanted))
    source = Text(
        "estimated: its float time times the median ratio of {count} {op} timed with {kernel}",
        count=len(ratios),
        op=layer.op,
        kernel=wanted,
    )
    return ExpectedTime(own * median(ratios), False, source)


def _timed(row: LayerRow) -> Iterator[tuple[str, float]]:
    """Kernel and µs of what a run timed of a layer."""
    time = row.latency
    if time is None:
        return
    if time.fp32_us is not None:
        yield FLOAT, time.fp32_us
    if time.int8_us is not None and (name := _kernel(row)) is not None:
        yield name, time.int8_us


def _kernel(row: LayerRow) -> str | None:
    """The integer kernel that a layer ran on, named by its types; None where it ran in float."""
    if not row.quantized or row.activation is None:
        return None
    name = str(row.activation["dtype"]) + (" dynamic" if row.activation.get("dynamic") else "")
    return name if row.weight is None else f"{name}, {row.weight['dtype']}"


def _ratios(layer: Layer, wanted: str, rows: Iterable[LayerRow]) -> Iterator[float]:
    """Integer time over float time of layers of the same operator on the kernel that is wanted."""
    for row in rows:
        times = dict(_timed(row))
        if row.op == layer.op and wanted != FLOAT and wanted in times and times.get(FLOAT):
            yield times[wanted] / times[FLOAT]
