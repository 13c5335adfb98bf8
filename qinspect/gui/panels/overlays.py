"""From rows and plan to what the graph and the plots take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication

from ...engine.results import Analysis, LayerRow
from ..graph.model import FLOAT, INT8, Figures, GraphNode
from ..plots.depth import DepthPoint
from ..plots.latency import LatencyBar
from .layer_facts import Facts, gain_us, operator_text, short

if TYPE_CHECKING:
    from ...engine.graph import Layer, LayerGraph


def graph_nodes(rows: Iterable[LayerRow], graph: LayerGraph) -> list[GraphNode]:
    """One node per layer that was not absorbed, and one per input and output of the model.

    Edges go through layers that only move values.

    Parameters
    ----------
    rows : iterable of LayerRow
    graph : LayerGraph
        Before fusion: the edges are its own.
    """
    layers = graph.by_id
    nodes = [
        GraphNode(spec.name, "", "input", (), spec.name, shape=_shape(spec.shape), dtype=spec.dtype, port="input")
        for spec in graph.inputs
    ]
    for row in rows:
        if row.fused_into is not None:
            continue
        inside = {row.id, *row.fused}
        wanted = [name for member in (row.id, *row.fused) if member in layers for name in layers[member].inputs]
        own = layers.get(row.id)
        about = ("", "", "") if own is None else (shape_text(own), own.dtype, own.source or "")
        inputs = _makers(layers, wanted, inside)
        nodes.append(GraphNode(row.id, row.path, row.op, inputs, operator_text(row), row.fused, *about))
    output = QCoreApplication.translate("Overlay", "output")
    for place, value in enumerate(graph.output_values):
        name = f"{output} {place + 1}" if len(graph.output_values) > 1 else output
        last = layers.get(value)
        shape = "" if last is None else shape_text(last)
        made = _makers(layers, [value], set())
        nodes.append(GraphNode(f">{place}:{value}", "", "output", made, name, shape=shape, port="output"))
    return nodes


def _makers(layers: Mapping[str, Layer], wanted: Sequence[str], inside: set[str]) -> tuple[str, ...]:
    """What makes some values, seen through layers that only move them."""
    inputs: dict[str, None] = {}
    waiting, seen = list(wanted), set(inside)
    while waiting:
        name = waiting.pop(0)
        if name in seen:
            continue
        seen.add(name)
        layer = layers.get(name)
        if layer is not None and layer.op == "sym_size":
            continue  # how long an axis is, as in x.view(x.size(0), -1), is no value that flows
        if layer is not None and layer.transparent:
            waiting += layer.inputs
        else:
            inputs[name] = None
    return tuple(inputs)


def _shape(lengths: Sequence[int | None]) -> str:
    return "×".join("N" if length is None else str(length) for length in lengths)


def shape_text(layer: Layer) -> str:
    """Shape of a layer's output with ``N`` for the axes that follow the batch, such as ``N×32×112×112``."""
    return "×".join("N" if axis in layer.free else str(length) for axis, length in enumerate(layer.shape))


def graph_figures(facts: Facts) -> Mapping[str, Figures]:
    """What the overlays show of each layer."""
    found = {}
    for row in facts.rows:
        if row.fused_into is not None:
            continue
        qconfig = facts.qconfigs.get(row.id)
        asked = qconfig is not None and (qconfig.weight is not None or qconfig.activation is not None)
        asked = asked and row.id not in facts.floats
        whole = asked if facts.stale or (row.activation is None and not row.quantized) else row.quantized
        dtype = ""
        if whole and qconfig is not None:
            dtype = short(qconfig.weight if row.id in facts.weighted else qconfig.activation)
        time = facts.times.get(row.id)
        found[row.id] = Figures(
            INT8 if whole else FLOAT,
            dtype,
            facts.shares.get(row.id),
            row.errors.estimated_kl,
            None if time is None else time.int8_us,
            int(whole),
            int(not whole),
        )
    return found


def worth(facts: Facts) -> list[tuple[LayerRow, float, float]]:
    """Layers with both an error share and a time won."""
    found = []
    for row in facts.rows:
        part, won = facts.shares.get(row.id), gain_us(row, facts)
        if row.fused_into is None and part is not None and won is not None:
            found.append((row, part, won))
    return found


def depth_points(rows: Iterable[LayerRow], facts: Facts) -> list[DepthPoint]:
    """The errors of layers along the depth."""
    return [
        DepthPoint(
            row.id,
            row.id,
            row.errors.local_sqnr_db,
            row.errors.cumulative_sqnr_db,
            facts.shares.get(row.id),
            row.errors.isolated_kl,
            row.errors.leave_one_out_kl,
        )
        for row in rows
    ]


def latency_bars(rows: Iterable[LayerRow], facts: Facts, exact: Analysis | None) -> list[LatencyBar]:
    """The times of layers, with what their borders cost in the run that measured them."""
    borders = border_times(exact) if exact is not None else {}
    return [
        LatencyBar(
            row.id,
            row.id,
            time.fp32_us,
            time.int8_us,
            time.spread_us,
            borders.get(row.id),
            _pair(time.fp32_low_us, time.fp32_high_us),
            _pair(time.int8_low_us, time.int8_high_us),
            time.slower,
        )
        for row in rows
        if (time := facts.times.get(row.id)) is not None
    ]


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def border_times(analysis: Analysis) -> dict[str, float]:
    """µs of the quantizers and dequantizers at each layer's borders; at an output it is that of the layer before."""
    known = {row.id for row in analysis.layers}
    found: dict[str, float] = {}
    for border in analysis.latency.boundaries if analysis.latency is not None else ():
        owner = border.reader if border.reader in known else border.source
        found[owner] = found.get(owner, 0.0) + border.us
    return found
