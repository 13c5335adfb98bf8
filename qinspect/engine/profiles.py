"""What another device measured, brought back: trtexec's and ONNX Runtime's profiles, and the bench kit's."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from .backends.onnx.naming import output_names
from .files import read_json
from .graph import LayerGraph
from .problem import Problem
from .text import Text

NOT_A_PROFILE = Text("Give trtexec's --exportProfile, an ONNX Runtime profile, or the bench kit's bench.json.")


@dataclass(frozen=True)
class DeviceTimes:
    """Times of a model's layers on another device.

    Parameters
    ----------
    device : str
        Its name, as the file has it.
    runs : int
        Runs that the times rest on.
    fp32_us, int8_us : mapping of layer id to float
        µs; the file tells whether they are medians or means. Of layers that ran as one the time is
        the first weighted one's, and `fp32_in` and `int8_in` map the others to it.
    fp32_ms, int8_ms, fp32_p90_ms, int8_p90_ms : float | None
        Of a forward pass, where the file has it.
    unknown_us : float
        What the int8 model's operators took that belong to no layer.
    batch, threads : int | None
        What was measured with.
    plan : mapping | None
        The plan that was measured, where the file has it.
    borders : mapping of str to tuple of (int, float)
        By ``quantize`` and ``dequantize``: µs of converting so many values, alone.
    """

    device: str
    runs: int
    fp32_us: Mapping[str, float]
    int8_us: Mapping[str, float]
    fp32_in: Mapping[str, str] = field(default_factory=dict)
    int8_in: Mapping[str, str] = field(default_factory=dict)
    fp32_ms: float | None = None
    int8_ms: float | None = None
    fp32_p90_ms: float | None = None
    int8_p90_ms: float | None = None
    unknown_us: float = 0.0
    batch: int | None = None
    threads: int | None = None
    plan: Mapping[str, Any] | None = None
    borders: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)


def read_profile(path: Path, graph: LayerGraph, layer_info: Path | None = None) -> DeviceTimes:
    """Read a file that a device wrote; its content says of what kind it is.

    Parameters
    ----------
    path : Path
        ``trtexec --exportProfile``, an ONNX Runtime profile, or ``bench.json``.
    graph : LayerGraph
        Fused, of the plan that was exported.
    layer_info : Path | None
        ``trtexec --exportLayerInfo``: says which operators TensorRT's layers are made of.

    Raises
    ------
    Problem
        Where the file is of no such kind, or none of its operators is one of the model's.
    """
    data = read_json(path, NOT_A_PROFILE)
    try:
        if isinstance(data, Mapping) and "bench" in data:
            found = _bench(data, graph)
        elif isinstance(data, list) and any("cat" in item for item in data):
            from .backends.ort.profile import node_times

            times = {name: float(np.median(all_of)) for name, all_of in node_times(data).items()}
            runs = max((len(all_of) for all_of in node_times(data).values()), default=0)
            int8 = _with_fused(graph, by_layer(graph, times.items()))
            found = DeviceTimes("ONNX Runtime profile", runs, {}, int8.us, {}, int8.inside, unknown_us=int8.unknown_us)
        elif isinstance(data, list) and any("averageMs" in item or "medianMs" in item for item in data):
            found = read_trtexec(data, None if layer_info is None else read_json(layer_info, NOT_A_PROFILE), graph)
        else:
            raise Problem(str(path), Text("is no profile that is known"), NOT_A_PROFILE)
        _check_times(found)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise Problem(str(path), Text("is no profile that is known ({error})", error=error), NOT_A_PROFILE) from error
    whole_alone = found.int8_ms is not None and not found.unknown_us  # the kit says so where a profiler saw no layer
    if not found.int8_us and not whole_alone:
        raise Problem(
            str(path),
            Text("none of its operators has a name of this model's layers"),
            Text(
                "Profile the file that qinspect exported, with --layer-info from trtexec where its names are its own."
            ),
        )
    return found


def _check_times(found: DeviceTimes) -> None:
    """Refuse what no clock says: NaN, an infinite or a negative time."""
    whole = (found.fp32_ms, found.int8_ms, found.fp32_p90_ms, found.int8_p90_ms)
    times = [
        *found.fp32_us.values(),
        *found.int8_us.values(),
        found.unknown_us,
        *(ms for ms in whole if ms is not None),
    ]
    times += [us for rows in found.borders.values() for _, us in rows]
    if wrong := [time for time in times if not 0 <= time < math.inf]:
        raise ValueError(f"{wrong[0]} is no time")


def read_trtexec(profile: Sequence[Mapping[str, Any]], layer_info: Any, graph: LayerGraph) -> DeviceTimes:
    """Times from ``trtexec --exportProfile``, by layer.

    TensorRT names what it fused after its parts, ``conv1 + relu1``; where it invents a name, the
    layer information's ``Metadata`` has the parts as ``[ONNX Layer: conv1]``.

    Parameters
    ----------
    profile : sequence of mappings
        ``{"count": n}``, then one item per TensorRT layer with ``name``, ``averageMs``, ``medianMs``.
    layer_info : mapping | None
        The content of ``trtexec --exportLayerInfo``, detailed verbosity.
    """
    made_of = {}
    for item in () if layer_info is None else layer_info["Layers"]:
        if isinstance(item, Mapping):
            parts = re.findall(r"\[ONNX Layer: ([^\]\x1e\x1f]+)\]", str(item.get("Metadata", "")))
            if parts:
                made_of[str(item["Name"])] = " + ".join(parts)
    rows = [item for item in profile if "name" in item]
    named = [
        (made_of.get(str(item["name"]), str(item["name"])), 1e3 * float(item.get("medianMs", item.get("averageMs"))))
        for item in rows
    ]
    found = by_layer(graph, named)
    runs = next((int(item["count"]) for item in profile if "count" in item), 0)
    return DeviceTimes("TensorRT", runs, {}, found.us, {}, found.inside, unknown_us=found.unknown_us)


@dataclass(frozen=True)
class ByLayer:
    """Times by layer, layers inside others, and what belongs to none."""

    us: Mapping[str, float]
    inside: Mapping[str, str]
    unknown: Mapping[str, float]

    @property
    def unknown_us(self) -> float:
        return sum(self.unknown.values())


def by_layer(graph: LayerGraph, named: Iterable[tuple[str, float]]) -> ByLayer:
    """Times of operators, µs, added up by the layers that their names say.

    An operator that is several layers counts for the first of them with a weight, else for the first.
    """
    hosts = {inner.id: layer.id for layer in graph.layers for inner in layer.fused}
    hosts.update({layer.id: layer.id for layer in graph.layers})
    ends = {name: graph.consumers[name][0].id for name in graph.input_names if name in graph.consumers}
    for name, value in zip(output_names(graph), graph.output_values, strict=True):
        producer = graph.producer.get(graph.origin(value))
        if producer is not None:
            ends.setdefault(name, producer.id)
    owners = {**ends, **hosts}
    us: dict[str, float] = {}
    inside: dict[str, str] = {}
    unknown: dict[str, float] = {}
    for name, time in named:
        parts: list[str] = []
        for part in _parts(name):
            owner = next((owners[key] for key in _and_above(part) if key in owners), None)
            if owner is not None and owner not in parts:
                parts.append(owner)
        if not parts:
            unknown[name] = unknown.get(name, 0.0) + time
            continue
        main = next((part for part in parts if graph.by_id[part].roles), parts[0])
        us[main] = us.get(main, 0.0) + time
        inside.update({part: main for part in parts if part != main})
    return ByLayer(us, {part: main for part, main in inside.items() if part not in us}, unknown)


def _and_above(name: str) -> Iterator[str]:
    """A name, and what it begins with as a path, the longest first."""
    while name:
        yield name
        name = name.rpartition("/")[0]


CURVES: Mapping[str, str] = {"Gelu": "gelu", "FastGelu": "gelu", "QuickGelu": "silu"}
"""What ONNX Runtime makes of several operators and gives a name of its own, ``Gelu``, ``Gelu_token_0``, ..."""


def _with_curves(graph: LayerGraph, found: ByLayer) -> ByLayer:
    """With the curves that ONNX Runtime names after none of their parts: they run in the order of their layers.

    Where there are as many of them as layers without a time.
    """
    from .backends.ort.profile import stem

    us, unknown = dict(found.us), dict(found.unknown)
    for op in sorted(set(CURVES.values())):
        names = [name for name in unknown if CURVES.get(stem(name)) == op]
        layers = [layer.id for layer in graph.layers if layer.op == op and layer.id not in us]
        if len(names) == len(layers):
            us.update((layer, unknown.pop(name)) for layer, name in zip(layers, names, strict=True))
    inside = {layer: host for layer, host in found.inside.items() if layer not in us}
    return ByLayer(us, inside, unknown)


def _with_fused(graph: LayerGraph, found: ByLayer) -> ByLayer:
    """With the layers that ONNX Runtime names no operator after: each is in the last layer that it reads."""
    found = _with_curves(graph, found)
    inside = dict(found.inside)
    order = {layer.id: index for index, layer in enumerate(graph.layers)}
    for layer in graph.layers:
        if layer.id not in found.us and not layer.transparent:
            before = [graph.producer[name].id for name in map(graph.origin, layer.inputs) if name in graph.producer]
            hosts = [inside.get(name, name) for name in sorted(before, key=order.__getitem__)]
            if hosts and hosts[-1] in found.us:
                inside.setdefault(layer.id, hosts[-1])
    return ByLayer(found.us, inside, found.unknown)


def _parts(name: str) -> list[str]:
    """The operators that a name is made of, without what runtimes add to them."""
    from .backends.ort.profile import stem

    name = re.sub(r"^Reformatting CopyNode for (?:Input|Output) Tensor \d+ (?:to|from) ", "", name)
    inner = re.fullmatch(r"\{ForeignNode\[(.*)\]\}", name)
    pieces = re.split(r" \+ |\.\.\.| \|\| ", inner.group(1) if inner else name)
    return [stem(piece.strip()) for piece in pieces if piece.strip()]


def _of_bench(data: Mapping[str, Any], graph: LayerGraph, kind: str) -> ByLayer:
    """Times of one of the kit's two models; inductor's kit knows which layers are inside others."""
    found = by_layer(graph, data[kind]["operators_us"].items())
    if "inside" not in data:
        return _with_fused(graph, found)
    hosts = {str(one): str(host) for one, host in data["inside"][kind].items()}
    inside = {
        one: host for one, host in hosts.items() if one in graph.by_id and one not in found.us and host in found.us
    }
    return ByLayer(found.us, inside, found.unknown)


def _bench(data: Mapping[str, Any], graph: LayerGraph) -> DeviceTimes:
    fp32, int8 = (_of_bench(data, graph, kind) for kind in ("float", "int8"))
    host = data["host"]
    return DeviceTimes(
        str(name) if (name := host.get("cpu") or host.get("node")) else Text("another device"),
        int(data["runs"]),
        fp32.us,
        int8.us,
        fp32.inside,
        int8.inside,
        fp32_ms=float(data["float"]["median_ms"]),
        int8_ms=float(data["int8"]["median_ms"]),
        fp32_p90_ms=float(data["float"]["p90_ms"]),
        int8_p90_ms=float(data["int8"]["p90_ms"]),
        unknown_us=int8.unknown_us,
        batch=int(data["batch"]),
        threads=int(data["threads"]),
        plan=data.get("plan"),
        borders={
            kind: tuple((int(count), float(us)) for count, us in rows)
            for kind, rows in data.get("borders_us", {}).items()
        },
    )
