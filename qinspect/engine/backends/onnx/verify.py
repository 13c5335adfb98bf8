"""Whether an ONNX file does what the plan says: run in a new process, and compared layer by layer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ...graph.execute import Executor, outputs_of
from ...kernels import compare
from ...progress import Report, part
from ...quantize import Quantization
from ...results.export import ExportReport
from ...results.kernels import KernelCheck
from ...simulate import Simulation
from ...staged import scratch_folder
from ...text import Text
from .. import simulation as simulate
from ..exported import LAYERS, Batches, Score, run_python, summed_up, unlike
from ..ort.runner import kernels_of, true_integers
from . import alone
from .interface import grids, to_integers, to_real
from .naming import MERGED, VALUES, metadata
from .opset import lowest_onnxruntime, opset_of

CRITERION = Text(
    "{layers}; float layers are those of the graph; all layers that the plan asks for, and no reason speaks against, "
    "run in integers",
    layers=LAYERS,
)

LAYER_SAMPLES = 4
"""Samples that are compared layer by layer."""


@dataclass(frozen=True)
class Written:
    """A file that was written, and what it is held against.

    Parameters
    ----------
    path : Path
        The file.
    inner : onnx.ModelProto
        The same model with real inputs and outputs.
    tapped : Path
        A copy of `inner` that hands out integers, and the real numbers of float layers, as well.
    floats : Path
        The float model. It is in a file, of which the memory of this process needs no copy.
    kernels : mapping of layer id to str | None
        Layers in integers as far as the file itself says; None asks ONNX Runtime what it makes of it.
    """

    path: Path
    inner: onnx.ModelProto
    tapped: Path
    floats: Path
    kernels: Mapping[str, str] | None = None


def verify_onnx(
    q: Quantization,
    to: str,
    written: Written,
    samples: Batches,
    report: Report,
    score: Score | None,
    notes: Sequence[str],
    problems: Sequence[str] = (),
) -> ExportReport:
    """Run a file in a process that has onnxruntime and numpy alone, and compare it with the simulation.

    Checked are: which layers run in integers, every integer layer's output against the simulation,
    fed the kernel's own input, the float layers, and the outputs. Where the file says itself what is
    in integers it is run operator by operator, without the runtime's optimizations.
    """
    with scratch_folder() as folder:
        found = _run_alone(folder, written, q, samples, part(report, 0, 0.6))
        return _compare(q, to, written, samples, folder, found, score, notes, problems, part(report, 0.6, 1))


def _run_alone(folder: Path, written: Written, q: Quantization, samples: Batches, report: Report) -> Mapping[str, Any]:
    names = q.graph.input_names
    first = _first(q, samples)
    whole = grids(onnx.load(written.path, load_external_data=False))
    alone.write_arrays(folder / "inputs.npz", _feeds(names, samples, whole))
    alone.write_arrays(folder / "first.npz", _feeds(names, [first], {}))
    runs = [
        {
            "model": str(model.resolve()),
            "inputs": inputs,
            "outputs": f"{name}.npz",
            "optimized": f"{name}.optimized.onnx" if name == "outputs" else None,
            "optimize": written.kernels is None or name == "float",
        }
        for name, model, inputs in (
            ("outputs", written.path, "inputs.npz"),
            ("integers", written.tapped, "first.npz"),
            ("float", written.floats, "first.npz"),
        )
    ]
    (folder / "work.json").write_text(json.dumps({"runs": runs, "threads": q.plan.target.threads}), encoding="utf-8")
    run_python([str(Path(alone.__file__).resolve()), str(folder)], folder, report, str(written.path))
    found: Mapping[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def _feeds(names: Sequence[str], batches: Batches, whole: Mapping[str, Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    feeds = {}
    for index, batch in enumerate(batches):
        for name, tensor in zip(names, batch, strict=True):
            array = tensor.detach().numpy()
            feeds[f"{index}/{name}"] = to_integers(array, whole[name]) if name in whole else array
    return feeds


def _compare(
    q: Quantization,
    to: str,
    written: Written,
    samples: Batches,
    folder: Path,
    found: Mapping[str, Any],
    score: Score | None,
    notes: Sequence[str],
    problems: Sequence[str],
    report: Report,
) -> ExportReport:
    problems = list(problems)
    if found["others"]:
        problems.append(Text("it needs more than onnxruntime: {others}", others=", ".join(found["others"])))
    model, inner = onnx.load(written.path), written.inner
    kernels = written.kernels
    if kernels is None:
        ran = folder / "outputs.optimized.onnx"
        kernels = kernels_of(model, onnx.load(ran), q.quantized | q.rounding, q.giving_real)
    simulation = simulate(q)
    outputs, simulated = [], []
    names = [output.name for output in model.graph.output]
    whole = grids(model)
    with torch.no_grad():
        first = _first(q, samples)
        arrays = _arrays(folder / "integers.npz", 0)
        checks = _checks(simulation, inner, arrays, first, kernels)
        problems += unlike(checks) + _not_compared(q, kernels, checks)
        problems += _unlike_floats(simulation, inner, arrays, first, checks)
        plain = outputs_of(Executor(q.float_graph)(first))
        for name, wanted in zip(names, plain, strict=True):
            got = torch.from_numpy(_arrays(folder / "float.npz", 0)[name])
            if not _close(got, wanted):
                problems.append(Text("{name}: the float model behind it gives other numbers than the graph", name=name))
        for done, batch in enumerate(samples):
            report(done, len(samples), Text("comparing"))
            simulated.append(outputs_of(simulation(batch)))
            arrays = _arrays(folder / "outputs.npz", done)
            real = [to_real(arrays[name], whole[name]) if name in whole else arrays[name] for name in names]
            outputs.append([torch.from_numpy(array) for array in real])
    count = Counter(node.op_type for node in model.graph.node)
    nodes = count["QuantizeLinear"], count["DequantizeLinear"]
    versions = {**found["versions"], "onnx": onnx.__version__, "opset": str(opset_of(model))}
    if whole:
        floats = [name for name in names if name not in whole]
        said = Text("{outputs}: computed in float and on no grid, so float in the file", outputs=", ".join(floats))
        notes = (*notes, said) if floats else notes
    result = summed_up(
        q, written.path, to, samples, outputs, simulated, problems, kernels, nodes, versions, score, notes,
        checks, CRITERION,
    )  # fmt: skip
    return replace(
        result,
        size_bytes=written.path.stat().st_size,
        float_size_bytes=written.floats.stat().st_size,
        lowest_onnxruntime=lowest_onnxruntime(model),
        io={name: dict(grid) for name, grid in whole.items()},
    )


def _checks(
    simulation: Simulation,
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]],
    inputs: Sequence[torch.Tensor],
    kernels: Mapping[str, str],
) -> dict[str, KernelCheck]:
    """What the layers that run in integers hand on against the simulation, fed the kernel's own input.

    Of those that hand on real numbers these are compared, in steps of an 8-bit grid over their range: one number
    that is read and lies halfway between two steps may be rounded to either.
    """
    q = simulation.quantization
    found: dict[str, Any] = {}
    reals = {value: torch.from_numpy(arrays[name]) for value, name in real_tensors(model, q).items()}
    compare(simulation, true_integers(q, model, arrays), inputs, found, reals)
    return {layer: difference.check() for layer, difference in found.items() if layer in kernels}


def _not_compared(q: Quantization, kernels: Mapping[str, str], checks: Mapping[str, KernelCheck]) -> list[Text]:
    whole = {layer.id for layer in q.graph.layers if layer.id in q.asked and q.at_origin(layer.value)}
    missing = sorted(whole & kernels.keys() - checks)
    return [Text("{layer}: could not be compared with the simulation", layer=layer) for layer in missing]


def _unlike_floats(
    simulation: Simulation,
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]],
    inputs: Sequence[torch.Tensor],
    compared: Collection[str],
) -> list[str]:
    """Float layers that give other numbers than the graph, fed what they were fed in the file.

    But for those that were `compared` in steps.
    """
    q = simulation.quantization
    taps = real_tensors(model, q)
    values: dict[str, Any] = dict(zip(q.graph.input_names, inputs, strict=True))
    whole = true_integers(q, model, arrays)
    found: list[str] = []
    for layer in q.graph.layers:
        if q.at_origin(layer.value) and layer.value in whole:
            values[layer.value] = q.values[layer.value].dequantize(whole[layer.value])
            continue
        values[layer.value] = wanted = simulation.run_layer(layer, values)
        if layer.value in taps:
            values[layer.value] = got = torch.from_numpy(arrays[taps[layer.value]])
            if layer.id not in compared and not _close(got, wanted):
                found.append(Text("{layer}: in float, it gives other numbers than the graph", layer=layer.id))
    return found


def real_tensors(model: onnx.ModelProto, q: Quantization) -> dict[str, str]:
    """Tensors of real numbers in the model by the value that they hold."""
    names: dict[str, str] = json.loads(metadata(model, VALUES))
    merged = json.loads(metadata(model, MERGED))
    written = {name for node in model.graph.node for name in node.output}
    return {
        layer.value: names[layer.value]
        for layer in q.graph.layers
        if not q.at_origin(layer.value)
        and layer.id not in merged
        and layer.dtype == "float32"
        and names.get(layer.value) in written
    }


def _close(got: torch.Tensor, wanted: torch.Tensor) -> bool:
    return torch.allclose(got, wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max().clamp_min(1)))


def _first(q: Quantization, samples: Batches) -> tuple[torch.Tensor, ...]:
    """The samples that are compared layer by layer: all values of them are held at once."""
    varies = all(spec.shape and spec.shape[0] is None for spec in q.graph.inputs)
    return tuple(tensor[:LAYER_SAMPLES] if varies else tensor for tensor in samples[0])


def _arrays(path: Path, batch: int) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        prefix = f"{batch}/"
        return {key.removeprefix(prefix): stored[key] for key in stored.files if key.startswith(prefix)}
