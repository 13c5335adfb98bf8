"""Models whose state goes in and comes out: what quantization does to it when it is fed back, step by step."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .backends import simulation
from .data import Dataset, batches
from .errors import Power, sqnr_db
from .graph import LayerGraph
from .graph.execute import Executor, outputs_of
from .progress import Report
from .quantize import Quantization
from .results.samples import Drift
from .text import Text

STEPS = 32
"""Steps that a state is fed back for, at most."""

STREAMS = 8
"""Streams that run beside each other, at most."""

LEAST_STEPS = 4
"""Fewer say nothing of a drift."""


def state_pairs(graph: LayerGraph) -> tuple[tuple[int, int], ...]:
    """Inputs that are a state, each with the output that is the next one; positions.

    A state is an input behind the first whose shape (batch first, all else fixed) and float type are those of
    an output behind the first: the first input is what the model looks at, the first output its answer. As many
    inputs as outputs have to be alike, and they belong together in their order.
    """
    values = graph.output_values
    found: list[tuple[int, int]] = []
    kinds: dict[tuple[tuple[int | None, ...], str], tuple[list[int], list[int]]] = {}
    for place, spec in enumerate(graph.inputs[1:], 1):
        kinds.setdefault((spec.shape[1:], spec.dtype), ([], []))[0].append(place)
    for place, value in enumerate(values[1:], 1):
        producer = graph.producer.get(graph.origin(value))
        made = graph.producer.get(value) or producer
        if made is not None and (kind := (tuple(made.shape[1:]), made.dtype)) in kinds:
            kinds[kind][1].append(place)
    for (shape, dtype), (inputs, outputs) in kinds.items():
        if shape and None not in shape and dtype.startswith("float") and len(inputs) == len(outputs):
            found += zip(inputs, outputs, strict=True)
    return tuple(sorted(found))


def drift(quantization: Quantization, data: Dataset, samples: Sequence[int], report: Report) -> Drift | None:
    """Run float and simulated model side by side, each on its own last state; None where there is no state.

    Parameters
    ----------
    quantization : Quantization
    data : Dataset
    samples : sequence of int
        Taken in the order of the data set and cut into streams: the samples of one are its steps, and its first
        one brings the state that both models begin with.
    report : Report
        Called before every step.
    """
    graph = quantization.graph
    pairs = state_pairs(graph)
    free = bool(graph.inputs) and graph.inputs[0].shape[:1] == (None,)
    streams = max(1, min(STREAMS, len(samples) // STEPS)) if free else 1
    steps = min(STEPS, len(samples) // streams)
    if not pairs or steps < LEAST_STEPS or (not free and graph.inputs[0].shape[0] != 1):
        return None
    ordered = sorted(samples)[: streams * steps]
    exact, model = Executor(quantization.float_graph), simulation(quantization)
    own: tuple[list[torch.Tensor], list[torch.Tensor]] | None = None
    first: list[torch.Tensor] = []
    moving = False
    rows: dict[str, list[float | None]] = {"output": [], "state": [], "fresh": []}
    with torch.inference_mode():
        for step in range(steps):
            report(step, steps, Text("feeding the state back"))
            chosen = [ordered[stream * steps + step] for stream in range(streams)]
            (given, _), *_ = batches(data, chosen, streams)
            brought = [given[i] for i, _ in pairs]
            first = first or brought
            moving = moving or any(
                not torch.equal(one[:1].expand_as(two), two) for one, two in zip(first, brought, strict=True)
            )
            states = own or (brought, brought)
            floats = outputs_of(exact(_with(given, pairs, states[0])))
            simulated = outputs_of(model(_with(given, pairs, states[1])))
            alone = outputs_of(model(_with(given, pairs, states[0])))
            own = [floats[o] for _, o in pairs], [simulated[o] for _, o in pairs]
            kept = {o for _, o in pairs}
            answers = [place for place in range(len(floats)) if place not in kept]
            rows["output"].append(_sqnr(floats, simulated, answers))
            rows["state"].append(_sqnr(floats, simulated, sorted(kept)))
            rows["fresh"].append(_sqnr(floats, alone, answers))
    names = tuple(graph.inputs[i].name for i, _ in pairs)
    output, state, fresh = (tuple(rows[key]) for key in ("output", "state", "fresh"))
    return Drift(names, tuple(o for _, o in pairs), streams, output, state, fresh, moving)


def _with(
    given: Sequence[torch.Tensor], pairs: Sequence[tuple[int, int]], states: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, ...]:
    changed = dict(zip((i for i, _ in pairs), states, strict=True))
    return tuple(changed.get(place, tensor) for place, tensor in enumerate(given))


def _sqnr(one: Sequence[torch.Tensor], two: Sequence[torch.Tensor], places: Sequence[int]) -> float | None:
    """Of several outputs, each over its own power; None where nothing differs."""
    shares = []
    for place in places:
        power = Power()
        power.add(one[place].float(), two[place].float())
        if power.signal:
            shares.append(power.noise / power.signal)
    return sqnr_db(1.0, sum(shares) / len(shares)) if shares else None
