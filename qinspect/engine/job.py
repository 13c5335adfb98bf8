"""The steps before an analysis: does the data fit, plan, fuse, calibrate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Protocol

import torch

from .apart import kept_apart
from .backends.grouping import OWN
from .backends.tables import hands_on_float, table
from .calibrate import Calibration, calibrate, wanted_values
from .calibrate.observe import SHARE
from .data import Dataset, batches, kind_of_source
from .decide import is_asked
from .existing import Given
from .feed import checked_batches
from .finite import demand_calibrated
from .fuse import Fused, fuse
from .graph import LayerGraph
from .graph.memory import check_memory, fitting_batch, fixed_batch, is_large
from .load import Model
from .plan import QuantPlan, Remedy
from .plan.qconfig import QConfig
from .plan.target import Target, first_qconfig
from .problem import Problem
from .progress import Report, silent
from .quantize import Quantization, quantize
from .remedies import equalize, pairs, remedied
from .text import Text, counted

REMEDY_SAMPLES = 64
"""Samples of the calibrate split that remedies look at, at most."""

BATCH = 16
"""Samples at a time, where the model's batch is free."""


def batch_size(graph: LayerGraph) -> int:
    """The model's own batch where it is fixed, else `BATCH`, or fewer where the memory that is free is too little."""
    return fixed_batch(graph) or fitting_batch(graph, BATCH)


def measured_batch(quantization: Quantization) -> int:
    """The batch that figures are taken with: the target's, where layers take their range from the batch they are in."""
    size = batch_size(quantization.graph)
    free = fixed_batch(quantization.graph) is None
    return min(size, quantization.plan.target.batch) if quantization.dynamic and free else size


def whole_batches(graph: LayerGraph, indices: Sequence[int], limit: int | None = None) -> tuple[int, ...]:
    """Samples in whole batches where the model's batch is fixed, of which one is taken whatever the limit."""
    size = fixed_batch(graph)
    if size is None:
        return tuple(indices[:limit])
    count = len(indices) if limit is None else min(len(indices), max(limit, size))
    return tuple(indices[: count // size * size])


def final_samples(graph: LayerGraph, data: Dataset, limit: int | None = None) -> tuple[int, ...]:
    """Samples of the final split, in whole batches where the model's batch is fixed.

    Raises
    ------
    Problem
        Where there are none.
    """
    chosen = whole_batches(graph, data.splits.final, limit)
    if chosen:
        return chosen
    what, count = Text("the final split is empty"), len(data.splits.final)
    if count:
        batch = fixed_batch(graph)
        what = Text(
            "the final split has {count} samples, fewer than the model's batch of {batch}", count=count, batch=batch
        )
    raise Problem(data.spec.source, what, Text("Give more samples, or --split."))


TENSORS = frozenset(
    str(found).removeprefix("torch.") for found in vars(torch).values() if isinstance(found, torch.dtype)
)
"""Names of tensors' types; a size has Python's."""


def check_by_sample(model: Model) -> None:
    """Refuse a model of whose outputs one is not of samples.

    Raises
    ------
    Problem
    """
    for number, name in enumerate(model.graph.output_values):
        producer = model.graph.producer.get(name)
        if producer is not None and not producer.shape and producer.dtype in TENSORS:
            raise Problem(
                model.spec.source,
                Text("its output {number} is one number for all samples together, such as a loss", number=number),
                Text("Leave that one out: what quantization does is measured sample by sample."),
            )


def check_fits(model: Model, data: Dataset) -> None:
    """Compare one sample with the model's inputs.

    Raises
    ------
    Problem
        Saying both shapes; and of a model that gives one number for all samples.
    """
    check_by_sample(model)
    inputs = data.load([0])
    specs = model.graph.inputs
    if len(inputs) != len(specs):
        raise Problem(
            data.spec.source,
            Text(
                "gives {given}, the model takes {taken}",
                given=counted(len(inputs), Text("tensor")),
                taken=", ".join(model.graph.input_names) or 0,
            ),
            Text("Give one for each input."),
        )
    for spec, tensor in zip(specs, inputs, strict=True):
        wanted, got = spec.shape[1:], tuple(tensor.shape[1:])
        if len(wanted) != len(got) or any(w is not None and w != g for w, g in zip(wanted, got, strict=False)):
            raise Problem(
                data.spec.source,
                Text(
                    "a sample has shape {got}, the model's input {name} wants {wanted}",
                    got=got,
                    name=spec.name,
                    wanted=tuple(wanted),
                ),
                Text("Set --resize and --crop, or --input-shape.")
                if kind_of_source(data.spec.source) == "images"
                else Text("Give samples of that shape, or the model another --input-shape."),
            )
        if str(tensor.dtype) != f"torch.{spec.dtype}":
            raise Problem(
                data.spec.source,
                Text(
                    "its samples are {got}, the model's input {name} is {wanted}",
                    got=str(tensor.dtype).removeprefix("torch."),
                    name=spec.name,
                    wanted=spec.dtype,
                ),
                Text("Store them as {wanted}, or give --normalize.", wanted=spec.dtype)
                if spec.dtype == "float32" and kind_of_source(data.spec.source) == "arrays"
                else Text("Store them as {wanted}.", wanted=spec.dtype),
            )


def fed(pairs: Iterable[tuple[tuple[torch.Tensor, ...], Any]]) -> Iterator[tuple[torch.Tensor, ...]]:
    for inputs, _ in pairs:
        yield inputs


def first_plan(graph: LayerGraph, target: Target, default: QConfig | None = None) -> QuantPlan:
    """The plan to begin with: the target's preset, and real numbers where the model's output is made.

    Where no kernel sums integers up to real numbers, the output's range is min-max: clipping pays inside a
    network, where it buys finer steps; at the output it cuts off just the largest logits, which are the answer.
    (EfficientNet-Lite0 on ONNX Runtime: KL 0.047 with the range of 128 samples' logits, 0.009 without.)

    Parameters
    ----------
    graph, target
    default : QConfig | None
        Instead of the preset.
    """
    plan = QuantPlan(target, default or first_qconfig(target))
    activation = plan.default.activation
    if activation is None or activation.dynamic:
        return plan
    abilities = table(target)
    for producer in map(graph.by_id.__getitem__, graph.output_makers):
        # What shares its input's quantizer has no configuration of its own.
        if producer.transparent or abilities.grouping(producer) != OWN or not is_asked(producer, plan):
            continue
        if abilities.why_not(producer, plan.qconfig(producer), target) is None:
            own = activation.but(estimator="none" if hands_on_float(producer, target) else "minmax")
            plan = plan.with_layer(producer.id, activation=own) if own != activation else plan
    return plan


def begin_with(plan: QuantPlan, graph: LayerGraph, default: QConfig) -> QuantPlan:
    """The plan with another default for its layers; what was set for single ones stays, as do fusions and remedies."""
    old, new = (first_plan(graph, plan.target, each).overrides for each in (plan.default, default))
    own = [override for override in plan.overrides if override not in old]
    return dataclasses.replace(plan, default=default, overrides=new).with_overrides(own)


def opening_plan(model: Model, target: Target) -> QuantPlan:
    """The plan to begin with: what a file has quantized already, else `first_plan`."""
    if model.existing is None:
        return first_plan(model.graph, target)
    plan = QuantPlan(target)
    for layer_id in () if model.existing.plan else model.existing.apart(fused_graph(model, plan).graph):
        plan = plan.with_fusion(layer_id, False)
    return model.existing.plan_for(fused_graph(model, plan).graph, target, plan.fusions)


def retarget(plan: QuantPlan, graph: LayerGraph, target: Target) -> QuantPlan:
    """The plan for another target; a plan that nobody changed becomes the new target's first."""
    if dataclasses.replace(plan, target=target) == dataclasses.replace(first_plan(graph, plan.target), target=target):
        return first_plan(graph, target)
    return plan.with_target(target)


@lru_cache(maxsize=8)
def _fused(
    model: Model,
    fusions: tuple[tuple[str, bool], ...],
    apart: tuple[tuple[tuple[str, str], str], ...],
    remedies: tuple[Remedy, ...],
) -> Fused:
    fused = fuse(model.graph, QuantPlan(fusions=fusions), dict(apart))
    if not remedies:
        return fused
    chosen = [(remedy.layers[0], remedy.layers[1]) for remedy in remedies]
    possible = pairs(fused.graph)
    for pair in chosen:
        if pair not in possible:
            raise Problem(
                pair[0],
                Text("cannot be equalized with {other}", other=pair[1]),
                Text("Take the remedy out of the plan."),
            )
    return dataclasses.replace(fused, graph=equalize(fused.graph, chosen))


def fused_graph(model: Model, plan: QuantPlan) -> Fused:
    """The fused graph, equalized where the plan says so; kept for the last few choices of fusions."""
    remedies = tuple(item for item in plan.remedies if item.kind == "equalize")
    return _fused(model, plan.fusions, tuple(kept_apart(model.graph, plan).items()), remedies)


def known_grids(model: Model, graph: LayerGraph, plan: QuantPlan) -> Given | None:
    """Grids of a file that was quantized already, for what the plan still asks as it was done there."""
    return None if model.existing is None else model.existing.given(graph, plan)


def quantization_of(
    model: Model, data: Dataset, plan: QuantPlan, calibration: Calibration, report: Report = silent
) -> Quantization:
    """All numbers that a plan's simulation and lowering need, what its remedies change included.

    Parameters
    ----------
    data : Dataset
        Remedies look at samples of its calibrate split.
    calibration : Calibration
        Holding every value of the plan's fused graph, as `calibrate_model` gives it.
    """
    graph = fused_graph(model, plan).graph
    quantization = quantize(graph, plan, calibration.tensors, known_grids(model, graph, plan))
    if not any(item.kind != "equalize" for item in plan.remedies):
        return quantization
    chosen = whole_batches(model.graph, data.splits.calibrate, REMEDY_SAMPLES)
    return remedied(quantization, list(fed(batches(data, chosen, batch_size(model.graph)))), report)


def calibration_key(model: Model, data: Dataset) -> str:
    """What statistics depend on."""
    return f"{model.digest}-{data.digest}"


class Gather(Protocol):
    """A pass over samples that gathers statistics: here, or elsewhere. The words are those of `calibrate`."""

    def __call__(
        self,
        graph: LayerGraph,
        data: Dataset,
        indices: Sequence[int],
        report: Report,
        *,
        total: int,
        only: frozenset[str],
        share: float,
        start: Calibration | None,
        keep: Callable[[Calibration], None] | None,
    ) -> Calibration: ...


def gather_here(graph: LayerGraph, data: Dataset, indices: Sequence[int], report: Report, **words: Any) -> Calibration:
    """The pass in this process."""
    return calibrate(graph, fed(checked_batches(graph, data, indices, batch_size(graph))), report, **words)


def _stored_names(graph: LayerGraph) -> dict[str, str]:
    """Names of the values that a fused graph hands on, by those that their statistics are stored under."""
    return {graph.statistics.get(name, name): name for name in wanted_values(graph)}


def goes_on(model: Model, plan: QuantPlan, begun: Calibration) -> bool:
    """Whether a pass that was stopped goes on with a plan; other fusions have other values, and it begins anew."""
    return _stored_names(fused_graph(model, plan).graph).keys() == begun.tensors.keys()


def calibrate_model(
    model: Model,
    data: Dataset,
    plan: QuantPlan,
    report: Report = silent,
    known: Calibration | None = None,
    *,
    share: float | None = None,
    keep: Callable[[Calibration], None] | None = None,
    gather: Gather | None = None,
) -> Calibration:
    """Statistics of every value that the plan's fused graph hands on.

    Parameters
    ----------
    known : Calibration | None
        Statistics gathered before; what they hold is not gathered again, and a pass that was
        stopped goes on where it stopped.
    share : float | None
        Share of the values that variance, zeros and histogram rest on (1: all); None is that of
        `known`, else the usual one. Another share than that of `known` begins anew.
    keep : callable, optional
        Given what there is, to be handed in as `known` later: now and then, and when the report raises Cancelled.
    gather : Gather, optional
        In place of `gather_here`: `cluster.gather_on`.
    """
    check_fits(model, data)
    check_memory(model.graph, model.spec.source)
    key = calibration_key(model, data)
    graph = fused_graph(model, plan).graph
    names = _stored_names(graph)
    if known is not None and ((known.key and known.key != key) or (share is not None and known.share != share)):
        known = None
    if known is not None and not known.complete and not goes_on(model, plan, known):
        known = None
    begun = known if known is not None and not known.complete else None
    missing = frozenset(name for stored, name in names.items() if known is None or begun or stored not in known.tensors)
    chosen = whole_batches(graph, data.splits.calibrate)

    def checked(whole: Calibration) -> Calibration:
        demand_calibrated(whole, model.spec.source, graph, data, chosen, batch_size(graph))
        return whole

    if known is not None and not missing:
        return checked(known)
    if not chosen:
        raise Problem(data.spec.source, Text("the calibrate split is empty"), Text("Give more samples."))

    def stored(part: Calibration) -> Calibration:
        tensors = {graph.statistics.get(name, name): stats for name, stats in part.tensors.items()}
        return dataclasses.replace(part, tensors=tensors, key=key)

    start = None
    if begun is not None:
        start = dataclasses.replace(begun, tensors={names[name]: stats for name, stats in begun.tensors.items()})
    rest = chosen if start is None else chosen[start.samples :]
    found = stored(
        (gather or gather_here)(
            graph,
            data,
            rest,
            report,
            total=len(chosen),
            only=missing,
            share=share or (SHARE if known is None else known.share),
            start=start,
            keep=None if keep is None or (known and not begun) else lambda part: keep(stored(part)),
        )
    )
    if known is None or begun is not None:
        return checked(found)
    tensors = {**known.tensors, **found.tensors}
    return checked(dataclasses.replace(known, tensors=tensors, seconds=known.seconds + found.seconds))


@lru_cache(maxsize=4)
def _float_onnx(graph: LayerGraph) -> bytes:
    from .backends.onnx.export import float_model

    return float_model(graph)


def float_onnx(quantization: Quantization) -> bytes:
    """The fused float graph as an ONNX file, kept for the last few graphs where it is not large."""
    graph = quantization.float_graph
    return _float_onnx.__wrapped__(graph) if is_large(graph) else _float_onnx(graph)


def handed_onnx(quantization: Quantization) -> bytes | None:
    """`float_onnx` for a process that lowers the plan; None where that rather writes its own than copies this one."""
    if quantization.plan.target.backend != "ort" or is_large(quantization.float_graph):
        return None
    return float_onnx(quantization)
