"""A folder that measures float and quantized model on another device, with onnxruntime and numpy alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from ..files import write_json
from ..progress import Report, part, silent
from ..quantize import Quantization
from ..results.export import ExportReport
from ..text import Text
from .device.runtime import BORDERS
from .exported import Batches, Score, first_inputs, need_samples, new_folder
from .kit import KIT_SAMPLES, try_kit, unequal, write_kit
from .onnx.alone import write_arrays
from .onnx.export import float_model
from .onnx.interface import grids, to_integers
from .onnx.opset import with_opset
from .ort.export import beside, export_onnx
from .ort.runner import session
from .tensorrt.export import export_tensorrt

README = """\
{name}, quantized for {target} by qinspect {version}: a kit to measure it on another device.

bench.py      python bench.py: measures both models, end to end and per layer; writes bench.json
measure/      what bench.py runs
float.onnx    the model in float32
int8.onnx     the quantized model
borders.onnx  quantizing and dequantizing alone: what a border between float and integers costs
inputs.npz    a few inputs, real numbers; a model that takes whole ones says on which grid, and bench.py rounds them
expected.npz  what the quantized model gave for them where it was exported
plan.json     what was asked for: qconfigs, fusions, target
verify.json   what came out when the quantized model was checked here

Needs Python, numpy and onnxruntime {lowest} or later. To see the figures beside the layers:

{back}"""


def export_kit(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    name: str = "model",
    float_bytes: bytes | None = None,
    score: Score | None = None,
    notes: Sequence[str] = (),
    opset: int | None = None,
    io: str = "float",
) -> ExportReport:
    """Write the folder, verify the quantized model, and try the kit in a new process.

    Parameters are as for `ort.export.export_onnx`; `out` is the folder.

    Raises
    ------
    Problem
        Where the folder cannot be written, or the kit does not run.
    """
    need_samples(out, samples)
    to_file = export_tensorrt if quantization.plan.target.backend == "tensorrt" else export_onnx
    with new_folder(out) as folder:
        file = folder / "int8.onnx"
        verified = to_file(
            quantization,
            file,
            samples,
            part(report, 0, 0.8),
            float_bytes=float_bytes,
            score=score,
            notes=notes,
            opset=opset,
            io=io,
        )
        beside(file).unlink()
        before = onnx.load_from_string(float_bytes or float_model(quantization.float_graph))
        (folder / "float.onnx").write_bytes(with_opset(before, opset).SerializeToString())
        del before
        given = first_inputs(quantization, samples, KIT_SAMPLES)
        inputs = {name: tensor.numpy() for name, tensor in zip(quantization.graph.input_names, given, strict=True)}
        write_arrays(folder / "inputs.npz", inputs)
        write_arrays(folder / "expected.npz", _outputs(file, inputs))
        write_json(folder / "plan.json", quantization.plan.to_json())
        (folder / BORDERS).write_bytes(borders_model().SerializeToString())
        words = {"name": name, "target": quantization.plan.target.name, "lowest": str(verified.lowest_onnxruntime)}
        write_kit(folder, "runtime", (), README, **words)
        trial = try_kit(folder, "runtime", ("torch", "onnx", "qinspect"), part(report, 0.8, 1))
        problems = (*verified.problems, *unequal(trial))
        result = replace(verified, path=str(out), to="kit", verified=not problems, problems=problems)
        write_json(folder / "verify.json", result.to_json())
    report(1, 1, Text("done"))
    return result


BORDER_SIZES = (1_000, 30_000, 300_000)
"""Numbers of values whose conversion is timed; the first is mostly what a call of an operator costs."""


def borders_model() -> onnx.ModelProto:
    """Quantizers and dequantizers by themselves, ``quantize_1000`` and so on, for `device.runtime.borders`."""
    scale = onnx.numpy_helper.from_array(np.asarray(0.02, np.float32), "scale")
    zero = onnx.numpy_helper.from_array(np.asarray(3, np.uint8), "zero")
    ends = {"quantize": (TensorProto.FLOAT, TensorProto.UINT8), "dequantize": (TensorProto.UINT8, TensorProto.FLOAT)}
    nodes, inputs, outputs = [], [], []
    for kind, (takes, gives) in ends.items():
        for size in BORDER_SIZES:
            name = f"{kind}_{size}"
            operator = f"{kind.capitalize()}Linear"
            nodes.append(helper.make_node(operator, [f"{name}/in", "scale", "zero"], [f"{name}/out"], name))
            inputs.append(helper.make_tensor_value_info(f"{name}/in", takes, [1, size]))
            outputs.append(helper.make_tensor_value_info(f"{name}/out", gives, [1, size]))
    graph = helper.make_graph(nodes, "borders", inputs, outputs, [scale, zero])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=7)


def _outputs(file: Path, inputs: Mapping[str, np.ndarray[Any, Any]]) -> dict[str, np.ndarray[Any, Any]]:
    opened = session(file.read_bytes(), 1)
    names = [output.name for output in opened.get_outputs()]
    whole = grids(onnx.load(file))
    feed = {name: to_integers(array, whole[name]) if name in whole else array for name, array in inputs.items()}
    return dict(zip(names, opened.run(names, feed), strict=True))
