"""Export for TensorRT: a QDQ model by its rules, and the command that builds it on the device."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from ...files import write_atomically, write_json
from ...graph import LayerGraph
from ...problem import Problem
from ...progress import Report, part, silent
from ...quantize import Quantization
from ...results.export import ExportReport
from ...staged import scratch_folder, staged_file
from ...text import Text
from ..exported import Batches, Score
from ..onnx.opset import with_opset
from ..onnx.verify import Written, real_tensors, verify_onnx
from ..ort.export import beside, check_file, lowered, write_model
from ..ort.runner import tapped_model
from .qdq import tensorrt_model, with_integers
from .rules import OPSETS, check_tensorrt, integer_layers

OPSET = 17
"""What TensorRT 8.5 and later read."""

SHAPES = (1, 8, 32)
"""Smallest, usual and largest batch of the engine's profile, where the batch is free."""


def export_tensorrt(
    quantization: Quantization,
    out: Path,
    samples: Batches,
    report: Report = silent,
    *,
    float_bytes: bytes | None = None,
    score: Score | None = None,
    notes: Sequence[str] = (),
    opset: int | None = None,
    io: str = "float",
) -> ExportReport:
    """Write the model, hold it against TensorRT's rules, and run its numbers through ONNX Runtime.

    There is no TensorRT here: which layers its builder makes integer shows on the device. Beside the
    file lie ``<name>.verify.json`` and ``<name>.trtexec.sh``, which builds and profiles it there.
    Parameters are as for `ort.export.export_onnx`.

    Raises
    ------
    Problem
        Where the plan does not allow the form, the file cannot be written, or what was written does not run.
    """
    check_file(out, samples)
    if opset is not None and opset not in OPSETS:
        raise Problem(
            "--opset",
            Text("{opset} is not one that TensorRT reads", opset=opset),
            Text("Give one from {first} to {last}.", first=OPSETS[0], last=OPSETS[-1]),
        )
    report(0, 1, Text("writing the model"))
    script = f"{out.stem}.trtexec.sh"
    said: tuple[str, ...] = (
        Text("TensorRT was not run: Q/DQ placement was checked by its rules, the numbers through ONNX Runtime"),
        Text("{script} builds and profiles it on the device", script=script),
        *notes,
    )
    with scratch_folder() as work, staged_file(out) as file:
        floats, tapped = work / "float.onnx", work / "tapped.onnx"
        inner = _in_opset(lowered(tensorrt_model, quantization, floats, float_bytes), opset)
        real = real_tensors(inner, quantization).values()
        whole = with_integers(inner, quantization)
        said += write_model(file, inner, quantization, io)
        write_atomically(file.with_name(script), _script(out, quantization.graph))
        tapped.write_bytes(tapped_model(whole, quantization, real))
        written = Written(file, whole, tapped, floats, integer_layers(inner))
        problems = check_tensorrt(onnx.load(file), quantization.graph.by_id.keys() - quantization.quantized)
        found = verify_onnx(quantization, "tensorrt", written, samples, part(report, 0.1, 1), score, said, problems)
        result = replace(found, path=str(out), build=trtexec(out, quantization.graph))
        write_json(beside(file), result.to_json())
    report(1, 1, Text("done"))
    return result


def _in_opset(model: onnx.ModelProto, wanted: int | None) -> onnx.ModelProto:
    """In the opset that was asked for, else in the one that most versions read, or the one that it was written in."""
    if wanted is not None:
        return with_opset(model, wanted)
    try:
        return with_opset(model, OPSET)
    except Problem:  # such as a mean over axes that are found at run time
        return with_opset(model)


def trtexec(out: Path, graph: LayerGraph, strongly_typed: bool = True) -> str:
    """The command that builds and profiles a model, to be run in its folder on the device.

    Parameters
    ----------
    strongly_typed : bool
        As TensorRT 10 and later want it; else as 8.x do.
    """
    stem = out.stem
    words = [
        "trtexec",
        f"--onnx={out.name}",
        "--stronglyTyped" if strongly_typed else "--int8",
        f"--saveEngine={stem}.engine",
    ]
    free = [spec for spec in graph.inputs if None in spec.shape]
    for option, batch in zip(("min", "opt", "max"), SHAPES, strict=True):
        if free:
            shapes = (f"{spec.name}:{'x'.join(map(str, spec.sized(batch)))}" for spec in free)
            words.append(f"--{option}Shapes={','.join(shapes)}")
    if free:
        shapes = (f"{spec.name}:{'x'.join(map(str, spec.sized(1)))}" for spec in free)
        words.append(f"--shapes={','.join(shapes)}")
    words += [
        "--profilingVerbosity=detailed",
        "--separateProfileRun",
        f"--exportProfile={stem}.profile.json",
        f"--exportLayerInfo={stem}.layers.json",
        f"--exportTimes={stem}.times.json",
    ]
    return shlex.join(words)


def _script(out: Path, graph: LayerGraph) -> str:
    back = f"--profile {out.stem}.profile.json --layer-info {out.stem}.layers.json"
    return (
        "#!/bin/sh\n"
        "# Builds the engine and measures its layers; needs TensorRT's trtexec and a GPU.\n"
        f"# Bring the JSON files back: qinspect analyze ... --target tensorrt {back}\n"
        'cd "$(dirname "$0")" || exit 1\n'
        "# TensorRT 10 and later:\n"
        f"{trtexec(out, graph)}\n"
        "# TensorRT 8:\n"
        f"# {trtexec(out, graph, strongly_typed=False)}\n"
    )
