"""A float model and a quantized one of it, side by side: layer by layer, on the same samples."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .child import run_in_child
from .data import Dataset, DataSpec, batches, open_data
from .errors import OutputErrors, Power, sqnr_db
from .execute import Executor, outputs_of
from .existing import Existing, config_of
from .graph import Layer, LayerGraph
from .inspect import data_json, model_json
from .job import batch_size, check_fits, fused_graph, known_grids, opening_plan, whole_batches
from .load import Model
from .matching import Match, match
from .metric import TOP1, Metric
from .plan import QuantPlan
from .problem import Problem
from .progress import Report, part, silent
from .quantize import Quantization, quantize
from .simulate import Simulation
from .target import Target
from .text import Text

BATCH = 8
"""Samples at a time: every layer's value of both models is held at once."""

LAYER_SAMPLES = 64
RUNS, WARM_UPS = 30, 5


@dataclass(frozen=True)
class ComparedLayer:
    """One layer of the float model and the layer of the quantized one that it became.

    Parameters
    ----------
    float_id, quantized_id, op : str
    matched_by : str
        See `matching.Match`.
    quantized : bool
        Whether the quantized model has it in whole numbers.
    errors : mapping
        Of its value, everything before it quantized as well: ``sqnr_db`` (None where infinite, then
        ``exact``), ``mse``, ``cosine``, ``exact``; None where it could not be read.
    weight_sqnr_db : float | None
        Of its weight; None without one, and where the weights are equal.
    weight, activation : mapping | None
        Type, scale and zero point that the quantized file has.
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


@dataclass(frozen=True)
class CompareTotals:
    """Figures of the whole models on the final split; agreement, KL and SQNR are of the quantized against the float."""

    samples: int
    agreement: float | None
    kl: float | None
    mse: float | None
    sqnr_db: float | None
    fp32_metric: float | None
    quantized_metric: float | None
    fp32_ms: float | None
    quantized_ms: float | None


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


@dataclass(frozen=True)
class _Work:
    """What the child needs; `path` is the quantized file, None where its graph is run by torch."""

    one: LayerGraph
    other: LayerGraph
    pairs: tuple[tuple[str, str], ...]  # values
    existing: Existing | None
    quantization: Quantization | None  # of a quantized program: its graph alone would run in float
    path: str | None
    float_onnx: bytes | None
    data: DataSpec
    final: tuple[int, ...]
    batch: int


@dataclass
class _Found:
    """What the child measured."""

    powers: dict[str, Power]
    outputs: OutputErrors
    float_outputs: list[NDArray[Any]] = field(default_factory=list)
    other_outputs: list[NDArray[Any]] = field(default_factory=list)
    fp32_ms: float | None = None
    quantized_ms: float | None = None


def compare(
    one: Model, other: Model, data: Dataset, report: Report = silent, *, metric: Metric = TOP1, timing: bool = True
) -> Comparison:
    """Run a float model and a quantized one on the final split, and hold them against each other.

    A quantized ONNX file is run by ONNX Runtime, as it is, and its own whole numbers are read; any
    other model by torch. Both run in a child process.

    Parameters
    ----------
    one, other : Model
        The float and the quantized model.
    data : Dataset
    report : Report
    metric : Metric
    timing : bool
        Whether to time both, where ONNX Runtime runs the quantized one: one sample, one thread, interleaved.

    Raises
    ------
    Problem
        Where the models take other inputs, or the quantized one does not run.
    """
    check_fits(one, data)
    check_fits(other, data)
    sizes = [batch_size(m.graph) for m in (one, other) if m.graph.inputs[0].shape[:1] not in ((None,), ())]
    if len(set(sizes)) > 1:
        raise Problem(
            other.spec.source,
            Text("has batch {batch}, the float model {float_batch}", batch=sizes[1], float_batch=sizes[0]),
            Text("Export both for one."),
        )
    limiting = other if other.graph.inputs[0].shape[:1] not in ((None,), ()) else one
    final = whole_batches(limiting.graph, data.splits.final)
    if not final:
        raise Problem(data.spec.source, Text("the final split is empty"), Text("Give more samples."))
    report(0, 1, Text("matching the layers"))
    left = fused_graph(one, QuantPlan()).graph
    existing = other.existing
    runs_file = existing is not None and bool(existing.tensors)
    # What runs a quantized program is torch; what that can quantize is not what ONNX Runtime can.
    target = Target() if existing is None or runs_file else Target.parse("pt2e")
    right = fused_graph(other, opening_plan(other, target)).graph
    identified = existing.identified if existing is not None else not other.spec.source.endswith(".onnx")
    matches = match(left, right, identified)
    work = _Work(
        left,
        right,
        tuple((left.by_id[m.float_id].value, right.by_id[m.other_id].value) for m in matches),
        existing,
        None if existing is None or runs_file else _as_stored(other, right),
        other.spec.source if runs_file else None,
        _float_onnx(left) if runs_file and timing else None,
        data.spec,
        final,
        sizes[0] if sizes else BATCH,
    )
    found: _Found = run_in_child("qinspect.engine.compare:measure", work, part(report, 0.1, 1), what="the models")
    labels = None if data.targets is None else data.targets[list(final)]
    totals = CompareTotals(
        len(final),
        found.outputs.agreement,
        found.outputs.mean_kl,
        found.outputs.mse,
        found.outputs.sqnr_db,
        metric(found.float_outputs, labels),
        metric(found.other_outputs, labels),
        found.fp32_ms,
        found.quantized_ms,
    )
    matched = {m.float_id for m in matches}, {m.other_id for m in matches}
    return Comparison(
        model_json(one),
        model_json(other),
        data_json(data, metric),
        "onnxruntime" if runs_file else "torch",
        totals,
        tuple(_row(left, right, m, found.powers.get(left.by_id[m.float_id].value), existing) for m in matches),
        tuple(layer.id for layer in left.layers if not layer.transparent and layer.id not in matched[0]),
        tuple(layer.id for layer in right.layers if not layer.transparent and layer.id not in matched[1]),
        (*one.notes, *other.notes),
    )


def _as_stored(model: Model, graph: LayerGraph) -> Quantization:
    """A quantized program with the grids that it holds, which need no statistics."""
    plan = opening_plan(model, Target.parse("pt2e"))
    return quantize(graph, plan, {}, known_grids(model, graph, plan))


def _float_onnx(graph: LayerGraph) -> bytes | None:
    """The float model for ONNX Runtime, None where it cannot be written: then nothing is timed."""
    from .backends.onnx.export import float_model

    try:
        return float_model(graph)
    except Problem:
        return None


def _row(
    left: LayerGraph, right: LayerGraph, pair: Match, power: Power | None, existing: Existing | None
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
    return ComparedLayer(
        pair.float_id,
        pair.other_id,
        ours.op,
        pair.by,
        existing is not None and existing.is_quantized(theirs),
        errors,
        _weight_sqnr(left.weight(ours), right.weight(theirs)),
        None if weight is None else {**config_of(weight).to_json(), **weight.to_json()},
        None if activation is None else {**config_of(activation).to_json(), **activation.to_json()},
    )


def _weight_sqnr(one: torch.Tensor | None, two: torch.Tensor | None) -> float | None:
    if one is None or two is None or one.shape != two.shape or not one.is_floating_point():
        return None
    a, b = one.detach().double(), two.detach().double()
    return sqnr_db(float(a.square().sum()), float((a - b).square().sum()))


# -- in the child ----------------------------------------------------------------------------------


def measure(work: _Work, report: Report) -> _Found:
    """Run both models and sum up their differences."""
    data = open_data(work.data, work.one.inputs[0].shape, allow_code=True, input_names=work.one.input_names)
    plain = Executor(work.one)
    wanted = {value for value, _ in work.pairs}
    others = tuple(dict.fromkeys(value for _, value in work.pairs))
    run: Any = _TorchRun(Executor(work.other) if work.quantization is None else Simulation(work.quantization), others)
    if work.path is not None:
        assert work.existing is not None
        run = _OrtRun(Path(work.path), work.other, work.existing, others)
    found = _Found({value: Power() for value in wanted}, OutputErrors())
    float_parts: list[list[NDArray[Any]]] = []
    other_parts: list[list[NDArray[Any]]] = []
    done = 0
    with torch.inference_mode():
        for inputs, _ in batches(data, work.final, work.batch):
            report(done, len(work.final), Text("running both models"))
            values: dict[str, torch.Tensor] = {}

            def keep(layer: Layer, value: torch.Tensor, into: dict[str, torch.Tensor] = values) -> torch.Tensor:
                if layer.value in wanted:
                    into[layer.value] = value
                return value

            with_layers = done < LAYER_SAMPLES
            reference = outputs_of(plain(inputs, keep if with_layers else None))
            outputs, theirs = run(inputs, with_layers)
            for ours, name in work.pairs if with_layers else ():
                if ours in values and name in theirs and values[ours].numel() == theirs[name].numel():
                    found.powers[ours].add(values[ours], theirs[name].reshape(values[ours].shape))
            _check_outputs(work, reference, outputs)
            found.outputs.add(reference, outputs)
            float_parts.append([output.float().numpy() for output in reference])
            other_parts.append([output.float().numpy() for output in outputs])
            done += len(inputs[0])
        found.float_outputs = [np.concatenate(items) for items in zip(*float_parts, strict=True)]
        found.other_outputs = [np.concatenate(items) for items in zip(*other_parts, strict=True)]
        if work.float_onnx is not None:
            fixed = work.one.inputs[0].shape[0]
            sample = data.load(data.alike(work.final[: fixed or 1]))
            found.fp32_ms, found.quantized_ms = _times(work, run, sample, report)
    return found


def _check_outputs(work: _Work, ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> None:
    shapes = [[tuple(item.shape) for item in items] for items in (ours, theirs)]
    if shapes[0] != shapes[1]:
        where = work.path or "the second model"
        raise Problem(
            where,
            Text(
                "gives outputs of shape {shape}, the float model {float_shape}",
                shape=shapes[1],
                float_shape=shapes[0],
            ),
            Text("Give one of it."),
        )


class _TorchRun:
    """A graph run by torch; a value that is quantized and dequantized again counts as it is then."""

    def __init__(self, executor: Executor, values: Sequence[str]) -> None:
        self.executor = executor
        self.last = {_on_grid(executor.graph, value): value for value in values}

    def __call__(
        self, inputs: Sequence[torch.Tensor], with_layers: bool
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        found: dict[str, torch.Tensor] = {}

        def keep(layer: Layer, value: torch.Tensor) -> torch.Tensor:
            if layer.value in self.last:
                found[self.last[layer.value]] = value
            return value

        return outputs_of(self.executor(inputs, keep if with_layers else None)), found


def _on_grid(graph: LayerGraph, value: str) -> str:
    """The value behind the quantizer and dequantizer that read a value, else the value itself."""
    for reader in graph.consumers.get(value, ()):
        if reader.target.startswith("quantized_decomposed.quantize"):
            for last in graph.consumers.get(reader.value, ()):
                if last.target.startswith("quantized_decomposed.dequantize"):
                    return last.value
    return value


class _OrtRun:
    """A quantized ONNX file run by ONNX Runtime, once as it is and once with its inner tensors as outputs."""

    def __init__(self, path: Path, graph: LayerGraph, existing: Existing, values: Sequence[str]) -> None:
        import onnx

        from .backends.ort.runner import session

        self.graph, self.existing = graph, existing
        model = onnx.load(path)  # its data files were checked when it was opened
        self.bytes = model.SerializeToString()
        self.plain = session(self.bytes, 1)
        self.names = [item.name for item in self.plain.get_outputs()]
        self.tapped, self.taps = self._with_taps(model, values)

    def _with_taps(self, model: Any, values: Sequence[str]) -> tuple[Any, dict[str, str]]:
        from onnx import TensorProto, helper

        from .backends.ort.runner import session

        made = {name for node in model.graph.node for name in node.output}
        taps = {value: self.existing.tensors[value] for value in values if self.existing.tensors.get(value) in made}
        known = {item.name for item in model.graph.output}
        for value, name in taps.items():
            if name in known:
                continue
            params = self.existing.values.get(value)
            if params is not None and params.is_float:
                continue
            element = TensorProto.FLOAT if params is None else TensorProto.DataType.Value(params.dtype.upper())
            model.graph.output.append(helper.make_tensor_value_info(name, element, None))
            known.add(name)
        return session(model.SerializeToString(), 1), taps

    def feed(self, inputs: Sequence[torch.Tensor]) -> dict[str, NDArray[Any]]:
        found = {}
        for spec, tensor, item in zip(self.graph.inputs, inputs, self.plain.get_inputs(), strict=True):
            kind = item.type.removeprefix("tensor(").removesuffix(")")
            params = self.existing.values.get(spec.name)
            if "int" in kind and params is not None:
                found[item.name] = params.quantize(tensor).numpy().astype(params.dtype)
            else:
                found[item.name] = tensor.numpy().astype({"float": "float32", "double": "float64"}.get(kind, kind))
        return found

    def __call__(
        self, inputs: Sequence[torch.Tensor], with_layers: bool
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        feed = self.feed(inputs)
        arrays = self.plain.run(self.names, feed)
        outputs = [self._real(value, a) for value, a in zip(self.graph.output_values, arrays, strict=True)]
        if not with_layers:
            return outputs, {}
        names = list(dict.fromkeys(self.taps.values()))
        tensors = dict(zip(names, self.tapped.run(names, feed), strict=True)) if names else {}
        return outputs, {value: self._real(value, tensors[name]) for value, name in self.taps.items()}

    def _real(self, value: str, array: NDArray[Any]) -> torch.Tensor:
        params = self.existing.values.get(value)
        if params is None or array.dtype.kind == "f":
            return torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)
        return params.dequantize(torch.from_numpy(array.astype(np.int32)))


def _times(work: _Work, run: _OrtRun, sample: Sequence[torch.Tensor], report: Report) -> tuple[float, float]:
    """Median milliseconds of the float and the quantized model, one thread, interleaved."""
    from .backends.ort.runner import session

    assert work.float_onnx is not None
    plain = session(work.float_onnx, 1)
    feeds: list[Mapping[str, Any]] = [
        {item.name: tensor.numpy() for item, tensor in zip(plain.get_inputs(), sample, strict=True)},
        run.feed(sample),
    ]
    found: tuple[list[float], list[float]] = ([], [])
    for index in range(RUNS + WARM_UPS):
        report(index, RUNS + WARM_UPS, Text("timing both"))
        for one, feed, into in zip((plain, run.plain), feeds, found, strict=True):
            start = time.perf_counter()
            one.run(None, feed)
            if index >= WARM_UPS:
                into.append((time.perf_counter() - start) * 1e3)
    return float(np.median(found[0])), float(np.median(found[1]))
