"""ONNX Runtime: the QDQ model run on the CPU, looked into layer by layer, and timed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import helper

from ...problem import NotWritten, line_of
from ...progress import Report, silent
from ...qparams import QParams
from ...quantize import Quantization
from ...text import Text
from ..onnx.naming import MERGED, VALUES, metadata
from ..onnx.ops import zero_pads
from ..onnx.protos import copied
from ..onnx.qdq import ABSORBED, INTEGERS, quantized_model
from ..runner import WARM_UPS, Call, LayerTimes, Timing
from ..stopwatch import Stopwatch
from .profile import Owners, layer_times, stem
from .table import stored

INTEGER_KERNELS = frozenset(
    {
        "QLinearConv",
        "QLinearAdd",
        "QLinearMul",
        "QLinearMatMul",
        "QGemm",
        "QLinearConcat",
        "QLinearAveragePool",
        "QLinearGlobalAveragePool",
        "QLinearLeakyRelu",
        "QLinearSigmoid",
        "QLinearSoftmax",
        "QLinearReduceMean",
        "QLinearWhere",
        "NhwcMaxPool",
    }
)
"""Operators that compute in integers and take nothing else."""

PARTLY_INTEGER = frozenset(
    {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "MatMulInteger", "ConvInteger", "MatMulNBits"}
)
"""Operators that compute with integers and hand on float values; some scale them in operators of their own."""

EITHER = frozenset(
    {
        "MaxPool",
        "Resize",
        "Pad",
        "Clip",
        "Concat",
        "Reshape",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Slice",
        "Split",
        "Gather",
        "Expand",
        "Tile",
    }
)
"""Operators that run on integers where they are given such."""

BLOCKED = "com.microsoft.nchwc"
"""Domain of operators on channels in blocks, which are of floats; the types of their tensors are not written."""


def session(
    model: bytes, threads: int, optimized: Path | None = None, profile: Path | None = None, plain: bool = False
) -> Any:
    """An inference session on the CPU.

    Parameters
    ----------
    model : bytes
        ONNX.
    threads : int
        Within an operator.
    optimized : Path | None
        Where to write the graph that really runs, without its weights.
    profile : Path | None
        Prefix of the profile to be written; None for no profiling.
    plain : bool
        Operator by operator as the model has them; else with every optimization.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_DISABLE_ALL if plain else levels.ORT_ENABLE_ALL
    options.log_severity_level = 3  # It warns that an optimized graph is for this computer only.
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
        # Its nodes are what is looked at: the weights go into a file of their own, which is not read.
        entry = "session.optimized_model_external_initializers"
        options.add_session_config_entry(f"{entry}_file_name", f"{optimized.name}.data")
        options.add_session_config_entry(f"{entry}_min_size_in_bytes", "1024")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common base but this
        raise NotWritten(
            Text("ONNX Runtime"),
            Text("does not take the model: {line}", line=line_of(error)),
            Text("Use an FX target."),
        ) from error


def kernels_of(
    model: onnx.ModelProto, optimized: onnx.ModelProto, quantized: Iterable[str], real: Collection[str] = ()
) -> dict[str, str]:
    """Which layers the runtime runs in integers, read off the graph that it runs.

    Parameters
    ----------
    model, optimized : onnx.ModelProto
        As given to the runtime, and as written by it.
    quantized : iterable of str
        Ids of the layers to look for.
    real : collection of str
        Those among them that hand on real numbers: what is behind the integer kernel is float.

    Returns
    -------
    dict
        Layer id to the operator that does its work.
    """
    owners = Owners(model, optimized)
    types = {info.name: info.type.tensor_type.elem_type for info in optimized.graph.value_info}
    types.update({info.name: info.type.tensor_type.elem_type for info in optimized.graph.output})
    types.update(
        {name: onnx.TensorProto.FLOAT for n in owners.nodes if n.op_type == "DequantizeLinear" for name in n.output}
    )
    whole = {onnx.TensorProto.UINT8, onnx.TensorProto.INT8, 0}
    of_layer: dict[str, list[Any]] = {}
    for index, owner in owners.named.items():
        of_layer.setdefault(owner, []).append(owners.nodes[index])
    absorbed: dict[str, str] = json.loads(metadata(model, ABSORBED) or "{}")
    found: dict[str, str] = {}
    for layer in quantized:
        own = [n for n in of_layer.get(layer, []) if n.op_type not in ("QuantizeLinear", "DequantizeLinear")]
        if partly := [n for n in own if n.op_type in PARTLY_INTEGER]:
            found[layer] = partly[0].op_type
            continue
        main = [n for n in own if n.op_type in INTEGER_KERNELS]
        floats = [
            n
            for n in own
            if n.op_type not in INTEGER_KERNELS
            and not (
                n.op_type in EITHER
                and n.domain != BLOCKED
                and all(types.get(name, 0) in whole for name in (*n.input[:1], *n.output))
            )
        ]
        if own and (not floats or (main and layer in real)):
            named = [n for n in own if stem(n.name) == layer]
            found[layer] = (main or named or own)[0].op_type
    for layer in quantized:
        if layer in absorbed and (by := absorbed[layer]) in found:
            found[layer] = f"in {found[by]}"
    return found


class OrtRunner:
    """A quantization lowered to ONNX Runtime's CPU provider.

    Parameters
    ----------
    quantization : Quantization
        For target ``ort``.
    float_bytes : bytes
        The float model, from `export.float_model` of the same graph.
    threads : int
        Threads that `run` and `integers` use.
    """

    def __init__(self, quantization: Quantization, float_bytes: bytes, threads: int = 1) -> None:
        self.quantization = quantization
        self.float_bytes = float_bytes
        self.model_bytes = quantized_model(float_bytes, quantization)
        self.threads = threads
        self._model = onnx.load_from_string(self.model_bytes)
        self._session, optimized = open_model(self.model_bytes, threads)
        self._real = quantization.giving_real
        self.kernels: Mapping[str, str] = kernels_of(self._model, optimized, _in_order(quantization), self._real)
        self._tapped: Any = None
        self._changed: set[str] = set()
        self._tapped_real: Any = None
        self._changed_real: set[str] = set()

    def run(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Outputs of the integer model, float32."""
        return [torch.from_numpy(array) for array in self._session.run(None, self._feed(inputs))]

    def integers(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The integers (int32) that the kernels handed on, by value name.

        A padding that its convolution took over is added to what the convolution was given.
        """
        if self._tapped is None:
            tapped = tapped_model(self._model, self.quantization)
            self._tapped, optimized = open_model(tapped, self.threads)
            again = kernels_of(onnx.load_from_string(tapped), optimized, _in_order(self.quantization), self._real)
            # Where reading its numbers changed what a layer computes, they are not its numbers.
            lost = self.kernels.keys() - again.keys()
            self._changed = {layer.value for layer in self.quantization.graph.layers if layer.id in lost}
        names = [output.name for output in self._tapped.get_outputs()]
        arrays = dict(zip(names, self._tapped.run(names, self._feed(inputs)), strict=True))
        found = true_integers(self.quantization, self._model, arrays)
        return {value: numbers for value, numbers in found.items() if value not in self._changed}

    def reals(self, inputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """What layers handed on in float, by value name: of those with an integer kernel, and of what they read.

        They are handed out by a session of its own. Where that changed what a layer computes they are left out.
        """
        q = self.quantization
        of_kernel = [layer for layer in q.graph.layers if layer.id in self.kernels and not q.at_origin(layer.value)]
        wanted = {q.graph.origin(name) for layer in of_kernel for name in layer.inputs}
        wanted |= {layer.value for layer in of_kernel}
        names: dict[str, str] = json.loads(metadata(self._model, VALUES))
        made = {name for node in self._model.graph.node for name in node.output}
        given = {value: names[value] for value in wanted if names.get(value) in made and not q.at_origin(value)}
        if not of_kernel or not given:
            return {}
        if self._tapped_real is None:
            model = tapped_real(self._model, set(given.values()))
            self._tapped_real, optimized = open_model(model, self.threads)
            again = kernels_of(onnx.load_from_string(model), optimized, _in_order(q), self._real)
            self._changed_real = {layer.value for layer in of_kernel if again.get(layer.id) != self.kernels[layer.id]}
        tensors = sorted(set(given.values()))
        arrays = dict(zip(tensors, self._tapped_real.run(tensors, self._feed(inputs)), strict=True))
        return {v: torch.from_numpy(arrays[name]) for v, name in given.items() if v not in self._changed_real}

    def calls(self, inputs: Sequence[torch.Tensor]) -> dict[str, list[Call]]:
        """None: `integers` and `reals` tell all."""
        return {}

    def time(self, inputs: Sequence[torch.Tensor], threads: int, runs: int, report: Report = silent) -> Timing:
        """Time float against integers: 10 warm-ups, then `runs` interleaved runs of each.

        End to end without profiling, then the same number of runs with it, which gives the layers.
        """
        feed = self._feed(inputs)
        self._tapped = self._tapped_real = None  # whose weights are not needed any more
        pair = [session(model, threads) for model in (self.float_bytes, self.model_bytes)]
        total = 2 * (runs + WARM_UPS)
        times: tuple[list[float], list[float]] = ([], [])
        watch = Stopwatch(threads)
        for index in range(runs + WARM_UPS):
            report(index, total, Text("timing the whole model"))
            # Each goes first every other time: what interrupts a run comes more often in the second of a pair.
            for one, into in tuple(zip(pair, times, strict=True))[:: 1 - 2 * (index % 2)]:
                ms = watch.ms(partial(one.run, None, feed))
                if index >= WARM_UPS:
                    into.append(ms)
        del pair
        layers = self._time_layers(feed, threads, runs, report, total)
        fp32, int8 = layers
        absorbed = {layer: by for layer, by in json.loads(metadata(self._model, ABSORBED)).items() if by}
        inside = {**absorbed, **int8.inside}
        return Timing(*times, fp32.us, int8.us, int8.boundaries, fp32.inside, inside, watch.waited)

    def _time_layers(
        self, feed: Mapping[str, Any], threads: int, runs: int, report: Report, total: int
    ) -> list[LayerTimes]:
        found = []
        with tempfile.TemporaryDirectory() as folder:
            sessions, owners = [], []
            for name, model in (("float", self.float_bytes), ("integer", self.model_bytes)):
                path = Path(folder) / f"{name}.onnx"
                sessions.append(session(model, threads, path, Path(folder) / name))
                owners.append(Owners(_without_weights(model), onnx.load(path, load_external_data=False)))
            for index in range(runs + WARM_UPS):
                report(total / 2 + index, total, Text("timing the layers"))
                for one in sessions[:: 1 - 2 * (index % 2)]:
                    one.run(None, feed)
            for one, owner in zip(sessions, owners, strict=True):
                events = json.loads(Path(one.end_profiling()).read_text(encoding="utf-8"))
                found.append(layer_times(events, owner, runs))
        return found

    def _feed(self, inputs: Sequence[torch.Tensor]) -> dict[str, Any]:
        names = self.quantization.graph.input_names
        return {name: tensor.detach().contiguous().numpy() for name, tensor in zip(names, inputs, strict=True)}


def tapped_model(model: onnx.ModelProto, quantization: Quantization, real: Iterable[str] = ()) -> bytes:
    """A copy of a quantized model that also hands out the integers of every value.

    Parameters
    ----------
    model : onnx.ModelProto
        From `quantized_model`.
    quantization : Quantization
    real : iterable of str
        Tensors of real numbers to hand out as well.
    """
    names: dict[str, str] = json.loads(metadata(model, INTEGERS))
    types = {tensor: np.dtype(_stored(quantization, value).dtype) for value, tensor in names.items()}
    return _tapped(model, {**types, **dict.fromkeys(real, np.dtype(np.float32))})


def tapped_real(model: onnx.ModelProto, names: Iterable[str]) -> bytes:
    """A copy of a model that also hands out these tensors of real numbers."""
    return _tapped(model, dict.fromkeys(sorted(set(names)), np.dtype(np.float32)))


def _tapped(model: onnx.ModelProto, types: Mapping[str, np.dtype[Any]]) -> bytes:
    """A copy of a model that also hands out these tensors, where it does not yet."""
    copy = copied(model)
    known = {output.name for output in model.graph.output}
    for name, dtype in types.items():
        if name not in known:
            element = helper.np_dtype_to_tensor_dtype(dtype)
            copy.graph.output.append(helper.make_tensor_value_info(name, element, None))
    return copy.SerializeToString()


def true_integers(
    quantization: Quantization, model: onnx.ModelProto, arrays: Mapping[str, Any]
) -> dict[str, torch.Tensor]:
    """Integers (int32) by value name, on the plan's own grids, from the tensors of `tapped_model`."""
    names: dict[str, str] = json.loads(metadata(model, INTEGERS))
    merged = json.loads(metadata(model, MERGED))
    found = {}
    for value, name in names.items():
        params = quantization.values[value]
        shift = int(_stored(quantization, value).zero_point) - int(params.zero_point)
        tensor = torch.from_numpy(arrays[name].astype(np.int32) - shift)
        producer = quantization.graph.producer.get(value)
        if producer is not None and producer.id in merged:
            tensor = _padded(tensor, zero_pads(producer, tensor.dim()), params.zero_point)
        found[value] = tensor
    return found


def _stored(quantization: Quantization, value: str) -> QParams:
    """A value's grid as the model of its target has it."""
    params = quantization.values[value]
    return stored(params) if quantization.plan.target.backend == "ort" else params


def open_model(model: bytes, threads: int) -> tuple[Any, onnx.ModelProto]:
    """A session, and the graph that it runs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        opened = session(model, threads, path)
        return opened, onnx.load(path, load_external_data=False)


def _without_weights(model: bytes) -> onnx.ModelProto:
    """The nodes of a model and what is said of it."""
    whole = onnx.load_from_string(model)
    graph = helper.make_graph(whole.graph.node, whole.graph.name, whole.graph.input, whole.graph.output)
    found = helper.make_model(graph)
    found.metadata_props.extend(whole.metadata_props)
    return found


def _in_order(quantization: Quantization) -> list[str]:
    rounded = quantization.quantized | quantization.rounding
    return [layer.id for layer in quantization.graph.layers if layer.id in rounded]


def _padded(tensor: torch.Tensor, pads: list[int] | None, zero_point: Any) -> torch.Tensor:
    assert pads is not None
    rank = tensor.dim()
    sides = [n for axis in reversed(range(rank)) for n in (pads[axis], pads[axis + rank])]
    return torch.nn.functional.pad(tensor, sides, value=int(zero_point))
