"""Running a float model and a quantized one of it side by side, in a child process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from ..backends import simulation as simulate
from ..backends.ort.table import stored
from ..backends.stopwatch import Stopwatch
from ..classes import ClassAxis
from ..data import DataSpec, open_data
from ..errors import OutputErrors, Power
from ..existing import Existing, Ran
from ..feed import checked_batches
from ..graph import Layer, LayerGraph
from ..graph.execute import Executor, one_after_the_other, outputs_of
from ..problem import Problem
from ..progress import Report
from ..quantize import Quantization
from ..text import Text

LAYER_SAMPLES = 64
"""Samples that the layers' errors rest on."""

RUNS, WARM_UPS = 30, 5

BARE = ("ConvInteger", "MatMulInteger")
"""Operators of ONNX that give sums of products of integers."""


@dataclass(frozen=True)
class Work:
    """What the child needs.

    Parameters
    ----------
    one, other : LayerGraph
        The float model's and the quantized one's, fused.
    pairs : tuple of (str, str)
        Names of the values that are one and the same, in either graph.
    existing : Existing | None
        What is quantized in the other.
    quantization : Quantization | None
        The other with the grids that it holds, where torch runs it: its graph alone would run in float.
    kernels : bool
        Whether torch's integer kernels run that, else the simulation.
    path : str | None
        The quantized file, where ONNX Runtime runs it.
    float_onnx : bytes | None
        The float model for ONNX Runtime, to be timed beside it.
    data : DataSpec
    final : tuple of int
        Samples.
    batch : int
    timing : bool
    classes : ClassAxis
        How the judged output is read.
    """

    one: LayerGraph
    other: LayerGraph
    pairs: tuple[tuple[str, str], ...]
    existing: Existing | None
    quantization: Quantization | None
    kernels: bool
    path: str | None
    float_onnx: bytes | None
    data: DataSpec
    final: tuple[int, ...]
    batch: int
    timing: bool
    classes: ClassAxis = "flat"


@dataclass
class Found:
    """What the child measured."""

    powers: dict[str, Power]
    outputs: OutputErrors
    float_outputs: list[NDArray[Any]] = field(default_factory=list)
    other_outputs: list[NDArray[Any]] = field(default_factory=list)
    fp32_ms: float | None = None
    quantized_ms: float | None = None
    kernels: Mapping[str, Ran] = field(default_factory=dict)


def measure(work: Work, report: Report) -> Found:
    """Run both models and sum up their differences."""
    data = open_data(work.data, work.one.inputs[0].shape, True, work.one.input_names)
    plain = Executor(work.one)
    wanted = {value for value, _ in work.pairs}
    others = tuple(dict.fromkeys(value for _, value in work.pairs))
    run = _runner(work, others)
    found = Found({value: Power() for value in wanted}, OutputErrors(work.classes))
    float_parts: list[list[NDArray[Any]]] = []
    other_parts: list[list[NDArray[Any]]] = []
    done = 0
    with torch.inference_mode():
        for inputs, _ in checked_batches(work.one, data, work.final, work.batch):
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
        found.float_outputs = one_after_the_other(float_parts)
        found.other_outputs = one_after_the_other(other_parts)
        found.kernels = run.kernels
        if work.timing:
            fixed = work.one.inputs[0].shape[0]
            sample = data.load(data.alike(work.final[: fixed or 1]))
            found.fp32_ms, found.quantized_ms = run.time(work.float_onnx, sample, report)
    return found


def _runner(work: Work, values: Sequence[str]) -> _Run:
    if work.path is not None:
        assert work.existing is not None
        return _OrtRun(Path(work.path), work.other, work.existing, values)
    if work.quantization is None:
        return _TorchRun(Executor(work.other), values)
    return _KernelRun(work.quantization, values) if work.kernels else _TorchRun(simulate(work.quantization), values)


class _Run(Protocol):
    """The quantized model, ready to run.

    Attributes
    ----------
    kernels : mapping of layer id to Ran
        What runs the layers that a file has in integers, where that is known.
    """

    kernels: Mapping[str, Ran]

    def __call__(
        self, inputs: Sequence[torch.Tensor], with_layers: bool
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        """Outputs, and real numbers by value name where layers are wanted."""
        ...

    def time(
        self, float_onnx: bytes | None, sample: Sequence[torch.Tensor], report: Report
    ) -> tuple[float | None, float | None]:
        """Median ms of the float and the quantized model, one thread, interleaved; None where not measured."""
        ...


def _check_outputs(work: Work, ours: Sequence[torch.Tensor], theirs: Sequence[torch.Tensor]) -> None:
    shapes = [[tuple(item.shape) for item in items] for items in (ours, theirs)]
    if shapes[0] != shapes[1]:
        where = work.path or Text("the second model")
        what = Text(
            "gives outputs of shape {shape}, the float model {float_shape}", shape=shapes[1], float_shape=shapes[0]
        )
        raise Problem(where, what, Text("Give one of it."))


class _TorchRun:
    """A graph run by torch; a value that is quantized and dequantized again counts as it is then."""

    def __init__(self, executor: Executor, values: Sequence[str]) -> None:
        self.kernels: Mapping[str, Ran] = {}
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

    def time(
        self, float_onnx: bytes | None, sample: Sequence[torch.Tensor], report: Report
    ) -> tuple[float | None, float | None]:
        return None, None


def _on_grid(graph: LayerGraph, value: str) -> str:
    """The value behind the quantizer and dequantizer that read a value, else the value itself."""
    for reader in graph.consumers.get(value, ()):
        if reader.target.startswith("quantized_decomposed.quantize"):
            for last in graph.consumers.get(reader.value, ()):
                if last.target.startswith("quantized_decomposed.dequantize"):
                    return last.value
    return value


class _KernelRun:
    """A plan in torch's integer kernels."""

    def __init__(self, quantization: Quantization, values: Sequence[str]) -> None:
        from ..backends.fx.runner import FxRunner

        self.kernels: Mapping[str, Ran] = {}
        self.runner = FxRunner(quantization)
        self.values = frozenset(values)

    def __call__(
        self, inputs: Sequence[torch.Tensor], with_layers: bool
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        outputs = self.runner.run(inputs)
        seen = self.runner.values(inputs) if with_layers else {}
        return outputs, {
            name: item.dequantize() if item.is_quantized else item for name, item in seen.items() if name in self.values
        }

    def time(
        self, float_onnx: bytes | None, sample: Sequence[torch.Tensor], report: Report
    ) -> tuple[float | None, float | None]:
        found = self.runner.time(sample, 1, RUNS, report)
        return float(np.median(found.fp32_ms)), float(np.median(found.int8_ms))


class _OrtRun:
    """A quantized ONNX file run by ONNX Runtime, once as it is and once with its inner tensors as outputs."""

    def __init__(self, path: Path, graph: LayerGraph, existing: Existing, values: Sequence[str]) -> None:
        import onnx

        from ..backends.ort.of_file import open_file

        self.graph, self.existing = graph, existing
        model = onnx.load(path)  # its data files were checked when it was opened
        self.plain, kernels = open_file(model, graph, existing)
        self.kernels: Mapping[str, Ran] = kernels if existing.for_onnxruntime else {}
        self.names = [item.name for item in self.plain.get_outputs()]
        self.tapped, self.taps = self._with_taps(model, values)

    def _with_taps(self, model: Any, values: Sequence[str]) -> tuple[Any, dict[str, str]]:
        import onnx

        from ..backends.ort.runner import session

        # Sums of integers that no scale stands for are no values.
        made = {o for node in model.graph.node if node.op_type not in BARE for o in node.output}
        taps = {value: self.existing.tensors[value] for value in values if self.existing.tensors.get(value) in made}
        known = {item.name for item in model.graph.output}
        for value, name in taps.items():
            if name in known:
                continue
            params = self.existing.values.get(value)
            if params is not None and params.is_float:
                continue
            # Without a type: ONNX Runtime knows it, be it what a quantizer makes or the sums of ConvInteger.
            model.graph.output.append(onnx.ValueInfoProto(name=name))
            known.add(name)
        return session(model.SerializeToString(), 1), taps

    def feed(self, inputs: Sequence[torch.Tensor]) -> dict[str, NDArray[Any]]:
        found = {}
        for spec, tensor, item in zip(self.graph.inputs, inputs, self.plain.get_inputs(), strict=True):
            kind = item.type.removeprefix("tensor(").removesuffix(")")
            params = self.existing.values.get(spec.name)
            if "int" in kind and params is not None:
                params = stored(params) if kind == "uint8" else params
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
        params = stored(params) if array.dtype == np.uint8 else params
        return params.dequantize(torch.from_numpy(array.astype(np.int32)))

    def time(
        self, float_onnx: bytes | None, sample: Sequence[torch.Tensor], report: Report
    ) -> tuple[float | None, float | None]:
        from ..backends.ort.runner import session

        if float_onnx is None:
            return None, None
        plain = session(float_onnx, 1)
        feeds: list[Mapping[str, Any]] = [
            {item.name: tensor.numpy() for item, tensor in zip(plain.get_inputs(), sample, strict=True)},
            self.feed(sample),
        ]
        found: tuple[list[float], list[float]] = ([], [])
        watch = Stopwatch(1)
        for index in range(RUNS + WARM_UPS):
            report(index, RUNS + WARM_UPS, Text("timing both"))
            for one, feed, into in zip((plain, self.plain), feeds, found, strict=True):
                ms = watch.ms(partial(one.run, None, feed))
                if index >= WARM_UPS:
                    into.append(ms)
        return float(np.median(found[0])), float(np.median(found[1]))
