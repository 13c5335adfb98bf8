"""Writing the QDQ model to a file, and finding out whether what was written does what the plan says."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from ..execute import Executor, outputs_of
from ..files import write_atomically, write_json
from ..kernels import compare
from ..problem import Problem
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..results import ExportReport
from . import verify
from .exported import Batches, Score, need_samples, run_python, summed_up
from .onnx_export import MERGED, OPSET, VALUES, float_model, metadata
from .onnx_qdq import quantized_model
from .ort import kernels_of, tapped_model, true_integers
from .ort_simulate import OrtSimulation

WITHIN_ONE = 0.999
"""Share of a layer's values that must be within one step of the simulation."""


LAYER_SAMPLES = 4
"""Samples that are compared layer by layer."""


def export_onnx(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    float_bytes: bytes | None = None,
    score: Score | None = None,
    notes: Sequence[str] = (),
) -> ExportReport:
    """Write the model, load it in a new process, run it and compare.

    The new process has onnxruntime and numpy alone. Checked are: the graph that the runtime makes of
    the file (each layer that was asked must run in integers), every integer layer's output against
    the simulation, fed the kernel's own input, the float layers, and the outputs. What was found is
    also written beside the file, as ``<name>.verify.json``.

    Parameters
    ----------
    quantization : Quantization
        For target ort.
    out : Path
        ``*.onnx``; replaced whole or not at all.
    samples : sequence of batches
        A batch is the tuple of the model's inputs. The first is compared layer by layer.
    report : Report
    float_bytes : bytes, optional
        The float model, where there is one already.
    score : callable, optional
        The metric of the outputs over all samples.
    notes : sequence of str
        For the report.

    Raises
    ------
    Problem
        Where the file cannot be written, or what was written does not run.
    """
    need_samples(out, samples)
    if out.is_dir():
        raise Problem(str(out), "is a folder", "Give the name of a file, such as model.onnx.")
    report(0, 1, "writing the model")
    before = float_bytes or float_model(quantization.graph)
    written = quantized_model(before, quantization)
    beside = out.with_name(f"{out.stem}.verify.json")
    beside.unlink(missing_ok=True)
    write_atomically(out, written)
    with tempfile.TemporaryDirectory(prefix="qinspect-") as name:
        folder = Path(name)
        # The file itself is run, and a copy of it that also hands out the whole numbers.
        model = onnx.load(out)
        taps = _real_tensors(model, quantization)
        names = {output.name for output in model.graph.output}
        (folder / "tapped.onnx").write_bytes(tapped_model(model, quantization, set(taps.values()) - names))
        (folder / "float.onnx").write_bytes(before)
        found = _run_alone(folder, out, quantization, samples, part(report, 0.1, 0.6))
        result = _compare(quantization, out, samples, folder, found, score, notes, part(report, 0.6, 1, "comparing"))
    write_json(beside, result.to_json())
    report(1, 1, "done")
    return result


def _run_alone(
    folder: Path, out: Path, quantization: Quantization, samples: Batches, report: Report
) -> Mapping[str, Any]:
    names = quantization.graph.input_names
    feeds = {
        f"{index}/{name}": tensor.detach().numpy()
        for index, batch in enumerate(samples)
        for name, tensor in zip(names, batch, strict=True)
    }
    verify.write_arrays(folder / "inputs.npz", feeds)
    first = zip(names, _first(quantization, samples), strict=True)
    verify.write_arrays(folder / "first.npz", {f"0/{name}": tensor.detach().numpy() for name, tensor in first})
    runs = [
        {"model": model, "inputs": inputs, "outputs": f"{name}.npz", "optimized": f"{name}.optimized.onnx"}
        for name, model, inputs in (
            ("outputs", str(out.resolve()), "inputs.npz"),
            ("integers", "tapped.onnx", "first.npz"),
            ("float", "float.onnx", "first.npz"),
        )
    ]
    threads = quantization.plan.target.threads
    (folder / "work.json").write_text(json.dumps({"runs": runs, "threads": threads}), encoding="utf-8")
    run_python([str(Path(verify.__file__).resolve()), str(folder)], folder, report, str(out))
    found: Mapping[str, Any] = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    return found


def _compare(
    q: Quantization,
    out: Path,
    samples: Batches,
    folder: Path,
    found: Mapping[str, Any],
    score: Score | None,
    notes: Sequence[str],
    report: Report,
) -> ExportReport:
    problems: list[str] = []
    if found["others"]:
        problems.append(f"it needs more than onnxruntime: {', '.join(found['others'])}")
    model = onnx.load(out)
    kernels = kernels_of(model, onnx.load(folder / "outputs.optimized.onnx"), q.quantized)
    simulation = OrtSimulation(q)
    with torch.no_grad():
        first = _first(q, samples)
        arrays = _arrays(folder / "integers.npz", 0)
        problems += _unlike(simulation, model, arrays, first, kernels)
        problems += _unlike_floats(simulation, model, arrays, first)
        plain = outputs_of(Executor(q.float_graph)(first))
        for name, wanted in zip(_output_names(model), plain, strict=True):
            got = torch.from_numpy(_arrays(folder / "float.npz", 0)[name])
            if not _close(got, wanted):
                problems.append(f"{name}: the float model behind it gives other numbers than the graph")
        simulated = []
        for done, batch in enumerate(samples):
            report(done, len(samples), "")
            simulated.append(outputs_of(simulation(batch)))
    outputs = []
    for index in range(len(samples)):
        arrays = _arrays(folder / "outputs.npz", index)
        outputs.append([torch.from_numpy(arrays[name]) for name in _output_names(model)])
    count = Counter(node.op_type for node in model.graph.node)
    nodes = count["QuantizeLinear"], count["DequantizeLinear"]
    versions = {**found["versions"], "onnx": onnx.__version__, "opset": str(OPSET)}
    return summed_up(q, out, "onnx", samples, outputs, simulated, problems, kernels, nodes, versions, score, notes)


def _unlike(
    simulation: OrtSimulation,
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]],
    inputs: Sequence[torch.Tensor],
    kernels: Mapping[str, str],
) -> list[str]:
    """Layers whose whole numbers are not those of the simulation."""
    checks: dict[str, Any] = {}
    compare(simulation, true_integers(simulation.quantization, model, arrays), inputs, checks)
    found = []
    for layer, difference in checks.items():
        check = difference.check()
        if layer in kernels and check.within_one < WITHIN_ONE:
            share = 100 * (1 - check.within_one)
            found.append(f"{layer}: {share:.1f} % of its values are up to {check.max_steps} steps from the simulation")
    missing = [layer for layer in simulation.quantization.asked if layer in kernels and layer not in checks]
    return found + [f"{layer}: could not be compared with the simulation" for layer in sorted(missing)]


def _unlike_floats(
    simulation: OrtSimulation,
    model: onnx.ModelProto,
    arrays: Mapping[str, NDArray[Any]],
    inputs: Sequence[torch.Tensor],
) -> list[str]:
    """Float layers that give other numbers than the graph, fed what they were fed in the file."""
    q = simulation.quantization
    taps = _real_tensors(model, q)
    values: dict[str, Any] = dict(zip(q.graph.input_names, inputs, strict=True))
    whole = true_integers(q, model, arrays)
    found = []
    for layer in q.graph.layers:
        if q.at_origin(layer.value) and layer.value in whole:
            values[layer.value] = q.values[layer.value].dequantize(whole[layer.value])
            continue
        values[layer.value] = wanted = simulation.compute(layer, values)
        if layer.value in taps:
            values[layer.value] = got = torch.from_numpy(arrays[taps[layer.value]])
            if not _close(got, wanted):
                found.append(f"{layer.id}: in float, it gives other numbers than the graph")
    return found


def _real_tensors(model: onnx.ModelProto, q: Quantization) -> dict[str, str]:
    """Tensors of real numbers in the model by the value that they hold."""
    names: dict[str, str] = json.loads(metadata(model, VALUES))
    merged = json.loads(metadata(model, MERGED))
    written = {name for node in model.graph.node for name in node.output}
    return {
        layer.value: names[layer.value]
        for layer in q.graph.layers
        if layer.id not in q.quantized
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


def _output_names(model: onnx.ModelProto) -> list[str]:
    return [output.name for output in model.graph.output]


def _arrays(path: Path, batch: int) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as stored:
        prefix = f"{batch}/"
        return {key.removeprefix(prefix): stored[key] for key in stored.files if key.startswith(prefix)}
