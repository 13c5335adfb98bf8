"""A float model and a quantized one of it, side by side: layer by layer, on the same samples."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ..backends.grouping import pads_zeros
from ..classes import class_axis, judged, judged_note, judged_shape
from ..data import Dataset
from ..errors import Power, sqnr_db
from ..existing import TABLE, Existing, Ran, config_of, run_in_float
from ..graph import LayerGraph
from ..graph.matching import Match, match
from ..graph.memory import fixed_batch
from ..graph.recurrent import RECURRENT
from ..inspect import data_json, model_json
from ..job import check_fits, final_samples, fused_graph, known_grids, opening_plan
from ..load import Model, check_runs
from ..metric import TOP1, Metric
from ..plan import QuantPlan
from ..plan.target import Target
from ..problem import Problem
from ..process.child import run_in_child
from ..progress import Report, part, silent
from ..quantize import Quantization, quantize
from ..text import Text
from .run import Found, Work

BATCH = 8
"""Samples at a time: every layer's value of both models is held at once."""

ALONE = 1
"""The same where layers take their range from the batch they are in: a file says no batch, and latency is of one."""


@dataclass(frozen=True)
class ComparedLayer:
    """One layer of the float model and the layer of the quantized one that it became.

    Parameters
    ----------
    float_id, quantized_id, op : str
    matched_by : str
        See `matching.Match`.
    quantized : bool
        Whether the quantized model has it in integers.
    kernel : str | None
        The operator that does its work in the graph that ONNX Runtime makes of the file; None where another
        runtime runs it, or that is not known.
    integer : bool | None
        Whether that one computes with integers; None where it is not known.
    errors : mapping
        Of its value, everything before it quantized as well: ``sqnr_db`` (None where infinite, then
        ``exact``), ``mse``, ``cosine``, ``exact``; None where it could not be read.
    weight_sqnr_db : float | None
        Of its weight; None without one, and where the weights are equal.
    weight, activation : mapping | None
        Type, scale and zero point that the quantized file has.
    weight_histogram : mapping | None
        Of the weight's stored integers, see `existing.WeightHistogram`.
    """

    float_id: str
    quantized_id: str
    op: str
    matched_by: str
    quantized: bool
    errors: dict[str, Any]
    weight_sqnr_db: float | None
    weight: dict[str, Any] | None = None
    activation: dict[str, Any] | None = None
    weight_histogram: dict[str, Any] | None = None
    kernel: str | None = None
    integer: bool | None = None


@dataclass(frozen=True)
class CompareTotals:
    """Figures of the whole models on the final split; agreement, KL and SQNR are of the quantized against the float.

    Where the outputs are equal `exact` is true, and the SQNR, which is infinite, None.
    """

    samples: int
    agreement: float | None
    kl: float | None
    mse: float | None
    sqnr_db: float | None
    fp32_metric: float | None
    quantized_metric: float | None
    fp32_ms: float | None
    quantized_ms: float | None
    exact: bool = False


@dataclass(frozen=True)
class Comparison:
    """Everything that compare.json holds."""

    float: dict[str, Any]
    quantized: dict[str, Any]
    data: dict[str, Any]
    runtime: str
    totals: CompareTotals
    layers: tuple[ComparedLayer, ...]
    unmatched_float: tuple[str, ...]
    unmatched_quantized: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As compare.json, version 1."""
        return {"version": 1, **dataclasses.asdict(self)}


@contextlib.contextmanager
def which(model: Model) -> Iterator[None]:
    """Of two models, what is wrong between the model and the data says which of them it is about."""
    try:
        yield
    except Problem as problem:
        if "the model" not in problem.what:
            raise
        what = Text("{what} (that is {model})", what=problem.what, model=model.spec.source)
        raise Problem(problem.where, what, problem.remedy) from problem


def compare(
    one: Model,
    other: Model,
    data: Dataset | None,
    report: Report = silent,
    *,
    metric: Metric = TOP1,
    timing: bool = True,
) -> Comparison:
    """Run a float model and a quantized one on the final split, and hold them against each other.

    A quantized ONNX file is run by ONNX Runtime, as it is, and its own integers are read; a folder
    exported for torch in torch's integer kernels; any other model by torch, a quantized program and what
    has no kernels here as the simulation of it. All run in a child process. A state_dict cannot be run:
    its weights alone are compared.

    Parameters
    ----------
    one, other : Model
        The float and the quantized model.
    data : Dataset | None
        May be None for a state_dict alone.
    report : Report
    metric : Metric
    timing : bool
        Whether to time both, where the quantized one runs in integer kernels: one sample, one thread, interleaved.

    Raises
    ------
    Problem
        Where the models take other inputs, or the quantized one does not run.
    """
    check_runs(one)
    report(0, 1, Text("matching the layers"))
    if other.existing is not None and other.existing.form == TABLE:
        return _of_weights(one, other, fused_graph(one, QuantPlan()).graph, data, metric)
    assert data is not None
    for model in (one, other):
        with which(model):
            check_fits(model, data)
    metric = judged(metric, one.graph, data)
    size = _common_batch(one, other)
    final = final_samples(other.graph if fixed_batch(other.graph) else one.graph, data)
    existing = other.existing
    runs_file = existing is not None and bool(existing.tensors)
    # What runs a quantized program is torch; what that can quantize is not what ONNX Runtime can.
    target = Target() if existing is None or runs_file else Target.parse("pt2e")
    left, right = _fused_alike(one, other, target, runs_file)
    matches = match(left, right, _identified(other))
    stored = None if existing is None or runs_file else _as_stored(other, right, target)
    kernels, runtime = _runtime(stored, runs_file)
    in_file = existing.tensors if existing is not None and runs_file else ()
    judged_by = {m.float_id: _judged_by(left, right, m, in_file) for m in matches}
    judged_by |= _of_paddings(left, judged_by) if runs_file else {}
    work = Work(
        left,
        right,
        tuple(dict.fromkeys(judged_by.values())),
        existing,
        stored,
        kernels,
        other.spec.source if runs_file else None,
        _float_onnx(left) if runs_file and timing else None,
        data.spec,
        final,
        size or (ALONE if existing is not None and existing.dynamic else BATCH),
        timing,
        class_axis(left, data, metric),
    )
    found: Found = run_in_child("qinspect.engine.compare.run:measure", work, part(report, 0.1, 1), what="the models")
    labels = None if data.targets is None else data.targets[list(final)]
    totals = CompareTotals(
        samples=len(final),
        agreement=found.outputs.agreement,
        kl=found.outputs.mean_kl,
        mse=found.outputs.mse,
        sqnr_db=found.outputs.sqnr_db,
        fp32_metric=metric(found.float_outputs, labels, part(report, 1, 1)),
        quantized_metric=metric(found.other_outputs, labels, part(report, 1, 1)),
        fp32_ms=found.fp32_ms,
        quantized_ms=found.quantized_ms,
        exact=found.outputs.exact,
    )
    rows = tuple(
        _row(left, right, m, found.powers.get(judged_by[m.float_id][0]), existing, found.kernels.get(m.other_id))
        for m in matches
    )
    silence = metric.silence(
        data.targets, totals.fp32_metric, totals.quantized_metric, shape=judged_shape(left, metric)
    )
    notes = tuple(filter(None, (judged_note(metric, left), silence, run_in_float(found.kernels))))
    return _comparison(one, other, (left, right), data_json(data, metric), runtime, totals, rows, notes)


def _common_batch(one: Model, other: Model) -> int | None:
    """The batch that one of the models or both have fixed."""
    sizes = [size for model in (one, other) if (size := fixed_batch(model.graph)) is not None]
    if len(set(sizes)) > 1:
        raise Problem(
            other.spec.source,
            Text("has batch {batch}, the float model {float_batch}", batch=sizes[1], float_batch=sizes[0]),
            Text("Export both for one."),
        )
    return sizes[0] if sizes else None


def _fused_alike(one: Model, other: Model, target: Target, runs_file: bool) -> tuple[LayerGraph, LayerGraph]:
    """Both graphs, fused as the quantized model is."""
    plan = opening_plan(other, target)
    if runs_file and not _identified(other):
        # What the file keeps apart is compared by what both hand on behind it: names may differ.
        plan = dataclasses.replace(plan, fusions=())
    # Layers are the same where the same is fused: an addition goes into a convolution on some targets only.
    own = QuantPlan(plan.target, fusions=plan.fusions)
    alike = dataclasses.replace(plan, remedies=()) if _identified(other) else own
    return fused_graph(one, alike).graph, fused_graph(other, plan).graph


def _of_weights(one: Model, other: Model, left: LayerGraph, data: Dataset | None, metric: Metric) -> Comparison:
    """A state_dict against the float model: no graph, no values, weights alone."""
    right = other.graph
    rows = tuple(_row(left, right, m, None, other.existing) for m in match(left, right, False))
    totals = CompareTotals(0, None, None, None, None, None, None, None, None)
    return _comparison(
        one,
        other,
        (left, right),
        {} if data is None else data_json(data, metric),
        "nothing (a state_dict)",
        totals,
        rows,
    )


def _comparison(
    one: Model,
    other: Model,
    graphs: tuple[LayerGraph, LayerGraph],
    data: dict[str, Any],
    runtime: str,
    totals: CompareTotals,
    rows: tuple[ComparedLayer, ...],
    notes: tuple[str, ...] = (),
) -> Comparison:
    left, right = graphs
    matched = {row.float_id for row in rows}, {row.quantized_id for row in rows}
    return Comparison(
        model_json(one),
        model_json(other),
        data,
        runtime,
        totals,
        rows,
        tuple(layer.id for layer in left.layers if not layer.transparent and layer.id not in matched[0]),
        tuple(layer.id for layer in right.layers if not layer.transparent and layer.id not in matched[1]),
        (*one.notes, *other.notes, *notes),
    )


def _judged_by(left: LayerGraph, right: LayerGraph, match: Match, file: Collection[str]) -> tuple[str, str]:
    """The values that two layers are compared by.

    What a recurrent layer hands on lies in a file as a sequence, time first; a cell's has an axis more. It is judged
    by the tensor, behind what moves the values only, that is as the float model has it.
    """
    ours, theirs = _handed_on(left, match.float_id), _handed_on(right, match.other_id)
    if not file or right.by_id[match.other_id].op not in RECURRENT:
        return ours, theirs
    wanted = left.producer[ours].shape
    behind = [theirs]
    for value in behind:
        behind += [reader.value for reader in right.consumers.get(value, ()) if reader.transparent]
    alike = (value for value in behind if value in file and right.producer[value].shape == wanted)
    return ours, next(alike, theirs)


def _of_paddings(left: LayerGraph, judged_by: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The values that paddings are judged by: those that they pad. A file may have a padding in the layer behind it."""
    found = {}
    made = dict(judged_by.values())
    for layer_id in judged_by:
        layer = left.by_id[layer_id]
        if pads_zeros(layer) and layer.inputs[0] in made:
            found[layer_id] = layer.inputs[0], made[layer.inputs[0]]
    return found


def _handed_on(graph: LayerGraph, layer_id: str) -> str:
    """The value that a layer is judged by: of several (a recurrent layer's), the first that is read."""
    layer = graph.by_id[layer_id]
    picked = [reader for reader in graph.consumers.get(layer.value, ()) if reader.target.endswith("getitem")]
    if layer.dtype != "tuple" or not picked:
        return layer.value
    return min(picked, key=lambda reader: int(reader.args[1])).value


def _identified(model: Model) -> bool:
    """Whether a model's layer ids are this program's own, not names that someone else gave."""
    return model.existing.identified if model.existing is not None else not model.spec.source.endswith(".onnx")


def _runtime(stored: Quantization | None, runs_file: bool) -> tuple[bool, str]:
    """Whether torch's integer kernels run the quantized model, and what runs it, in words."""
    if runs_file:
        return False, "onnxruntime"
    if stored is None:
        return False, "torch"
    target = stored.plan.target
    if target.backend not in ("fx", "eager"):
        return False, "torch"
    if target.engine in torch.backends.quantized.supported_engines:
        return True, f"torch, {target.name} kernels"
    return False, f"torch, simulated: there is no engine {target.engine} here"


def _as_stored(model: Model, graph: LayerGraph, target: Target) -> Quantization:
    """A quantized model with the grids that it holds, which need no statistics."""
    plan = opening_plan(model, target)
    return quantize(graph, plan, {}, known_grids(model, graph, plan))


def _float_onnx(graph: LayerGraph) -> bytes | None:
    """The float model for ONNX Runtime, None where it cannot be written: then nothing is timed."""
    from ..backends.onnx.export import float_model

    try:
        return float_model(graph)
    except Problem:
        return None


def _row(
    left: LayerGraph,
    right: LayerGraph,
    pair: Match,
    power: Power | None,
    existing: Existing | None,
    ran: Ran | None = None,
) -> ComparedLayer:
    ours, theirs = left.by_id[pair.float_id], right.by_id[pair.other_id]
    errors: dict[str, Any] = {"sqnr_db": None, "mse": None, "cosine": None, "exact": False}
    if power is not None and power.count:
        errors = {
            "sqnr_db": sqnr_db(power.signal, power.noise),
            "mse": power.mse,
            "cosine": power.cosine,
            "exact": power.noise == 0,
        }
    weight = None if existing is None else existing.weights.get(theirs.id)
    activation = None if existing is None else existing.activation(theirs)
    stored = right.weight(theirs)
    if existing is not None and not existing.rounded and weight is not None and stored is not None:
        stored = weight.fake_quantize(stored.detach())
    histogram = None if existing is None else existing.weight_histogram(theirs.id)
    return ComparedLayer(
        pair.float_id,
        pair.other_id,
        ours.op,
        pair.by,
        existing is not None and existing.is_quantized(theirs),
        errors,
        _weight_sqnr(left.weight(ours), stored),
        None if weight is None else {**config_of(weight).to_json(), **weight.to_json()},
        None if activation is None else {**config_of(activation).to_json(), **activation.to_json()},
        None if histogram is None else histogram.to_json(),
        None if ran is None else ran.operator,
        None if ran is None else ran.integer,
    )


def _weight_sqnr(one: torch.Tensor | None, two: torch.Tensor | None) -> float | None:
    if one is None or two is None or one.shape != two.shape or not one.is_floating_point():
        return None
    a, b = one.detach().double(), two.detach().double()
    return sqnr_db(float(a.square().sum()), float((a - b).square().sum()))
