"""What a layer's integer kernel read and handed on, inside the whole model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from .backends import simulation as simulate
from .backends.runner import Call
from .graph import Layer
from .kernels import make_runner
from .progress import Report
from .quantize import Quantization


@dataclass(frozen=True)
class Work:
    """What the child needs.

    Parameters
    ----------
    quantization : Quantization
    float_onnx : bytes | None
        The float model for ONNX Runtime; None for other backends.
    inputs : tuple of torch.Tensor
        The model's, all samples.
    layer : str
        Its id.
    wanted : tuple of str
        The values whose integers are asked for.
    """

    quantization: Quantization
    float_onnx: bytes | None
    inputs: tuple[torch.Tensor, ...]
    layer: str
    wanted: tuple[str, ...]


@dataclass(frozen=True)
class Seen:
    """What was seen of a layer.

    Parameters
    ----------
    integers : mapping of value name to int32 tensor
    kernels : mapping of layer id to str
        The kernels' names.
    real : mapping of value name to float tensor
        Real numbers of values that are on no grid.
    given : torch.Tensor | None
        What the layer's kernel handed on, where that is on no grid.
    added : torch.Tensor | None
        What the kernel added to the layer's own numbers before it handed them on: an addition behind the layer,
        computed in the same call.
    """

    integers: Mapping[str, torch.Tensor]
    kernels: Mapping[str, str]
    real: Mapping[str, torch.Tensor] = field(default_factory=dict)
    given: torch.Tensor | None = None
    added: torch.Tensor | None = None


def by_kernels(work: Work, report: Report) -> Seen:
    """In a child process: what the kernels read and hand on."""
    q = work.quantization
    runner = make_runner(q, work.float_onnx, report)
    kernels, layer = dict(runner.kernels), q.graph.by_id[work.layer]
    calls = runner.calls(work.inputs).get(layer.id)
    if calls and set(work.wanted) == {*layer.inputs, layer.value}:
        seen = _by_calls(q, layer, calls, len(work.inputs[0]))
        if seen is not None:
            return replace(seen, kernels=kernels)
    integers = runner.integers(work.inputs)
    given = None if layer.value in q.values else runner.reals(work.inputs).get(layer.value)
    return Seen({name: integers[name] for name in work.wanted if name in integers}, kernels, given=given)


def _by_calls(q: Quantization, layer: Layer, calls: Sequence[Call], count: int) -> Seen | None:
    """What a kernel's calls read and gave, where they compute just a layer, or what it hands on in real numbers and
    an addition behind it.
    """
    adds = [part for part in layer.executed if part.op == "add"]
    curves = len(layer.executed) - len(adds)
    read = [(name, [one.source if place == 0 else one.added for one in calls])
            for place, name in enumerate(layer.inputs)]  # fmt: skip
    added = calls[0].added is not None
    behind = added and not adds and layer.value not in q.values and calls[0].result.is_floating_point()
    alike = (added and not behind, calls[0].curve is not None) == (bool(adds), bool(curves))
    if not alike or len(read) != 1 + len(adds) or any(name not in q.values for name, _ in read):
        return None
    found: dict[str, torch.Tensor] = {}
    for name, parts in read:
        joined = _joined(q, name, parts, count)
        if joined is None:
            return None
        found[name] = q.values[name].quantize(joined)
    given = _joined(q, layer.value, [one.result for one in calls], count)
    if given is None:
        return None
    if not given.is_floating_point():
        return Seen({**found, layer.value: given.to(torch.int32)}, {})
    if layer.value in q.values:
        return None
    return Seen(
        found, {}, given=given, added=_joined(q, layer.value, [one.added for one in calls], count) if behind else None
    )


def _joined(q: Quantization, name: str, parts: Sequence[torch.Tensor | None], count: int) -> torch.Tensor | None:
    """What several calls had of a value, as `count` samples of its own shape; None where they do not make it up."""
    producer = q.graph.producer.get(name)
    spec = next((spec for spec in q.graph.inputs if spec.name == name), None)
    sample = producer.shape[1:] if producer is not None else spec.sized(1)[1:] if spec is not None else ()
    batch_first = producer.free == (0,) if producer is not None else spec is not None and spec.shape[0] is None
    joined = torch.cat([part for part in parts if part is not None])
    if not batch_first or joined.numel() % max(1, torch.Size(sample).numel()):
        return None
    whole = joined.reshape(-1, *sample)
    return whole[:count] if len(whole) >= count else None


def by_simulation(q: Quantization, inputs: Sequence[torch.Tensor], wanted: Sequence[str]) -> Seen:
    """What the simulation hands on, where there is no kernel."""
    values: dict[str, torch.Tensor] = dict(zip(q.graph.input_names, inputs, strict=True))

    def keep(layer: Layer, value: torch.Tensor) -> torch.Tensor:
        if layer.value in wanted:
            values[layer.value] = value
        return value

    with torch.inference_mode():
        simulate(q)(inputs, keep)
    whole = {name: q.values[name].quantize(values[name]) for name in wanted if name in q.values}
    return Seen(whole, {}, {name: values[name] for name in wanted if name not in whole})
