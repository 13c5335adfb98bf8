"""Export for ONNX Runtime: the QDQ model as a file that can be deployed, and is verified."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import onnx

from ...files import write_atomically, write_json
from ...problem import Problem
from ...progress import Report, part, silent
from ...quantize import Quantization
from ...results.export import ExportReport
from ...staged import scratch_folder, staged_file
from ...text import Text
from ..exported import Batches, Score, need_samples
from ..onnx.export import float_model
from ..onnx.interface import grids, integer_io
from ..onnx.naming import PLAN
from ..onnx.opset import with_opset
from ..onnx.protos import set_property
from ..onnx.qdq import quantized_model
from ..onnx.verify import Written, real_tensors, verify_onnx
from .runner import tapped_model


def export_onnx(
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
    """Write the model, load it in a new process, run it and compare.

    What was found, see `onnx.verify.verify_onnx`, is also written beside the file, as
    ``<name>.verify.json``.

    Parameters
    ----------
    quantization : Quantization
        For target ort.
    out : Path
        ``*.onnx``; it and what lies beside it are replaced when it is verified, or not at all.
    samples : sequence of batches
        A batch is the tuple of the model's inputs. The first is compared layer by layer.
    report : Report
    float_bytes : bytes, optional
        The float model, where there is one already.
    score : Score, optional
        What the outputs over all samples are judged by.
    notes : sequence of str
        For the report.
    opset : int, optional
        See `onnx.opset.with_opset`.
    io : str
        ``float`` or ``int8``: whether inputs and outputs are real or integers.

    Raises
    ------
    Problem
        Where the plan does not allow the form, the file cannot be written, or what was written does not run.
    """
    check_file(out, samples)
    report(0, 1, Text("writing the model"))
    with scratch_folder() as work, staged_file(out) as file:
        floats, tapped = work / "float.onnx", work / "tapped.onnx"
        inner = with_opset(lowered(quantized_model, quantization, floats, float_bytes), opset)
        left = write_model(file, inner, quantization, io)
        tapped.write_bytes(tapped_model(inner, quantization, real_tensors(inner, quantization).values()))
        written = Written(file, inner, tapped, floats)
        found = verify_onnx(quantization, "onnx", written, samples, part(report, 0.1, 1), score, (*notes, *left))
        result = replace(found, path=str(out))
        write_json(beside(file), result.to_json())
    report(1, 1, Text("done"))
    return result


def lowered(
    lower: Callable[[bytes, Quantization], bytes],
    quantization: Quantization,
    floats: Path,
    float_bytes: bytes | None,
) -> onnx.ModelProto:
    """The quantized model, and the float one in a file: of that no copy stays in memory."""
    before = float_bytes or float_model(quantization.float_graph)
    floats.write_bytes(before)
    return onnx.load_from_string(lower(before, quantization))


def check_file(out: Path, samples: Batches) -> None:
    """Refuse what cannot be written or verified.

    Raises
    ------
    Problem
    """
    need_samples(out, samples)
    if out.is_dir():
        raise Problem(str(out), Text("is a folder"), Text("Give the name of a file, such as model.onnx."))


def beside(out: Path) -> Path:
    """Where the report on a file lies."""
    return out.with_name(f"{out.stem}.verify.json")


def write_model(out: Path, inner: onnx.ModelProto, quantization: Quantization, io: str) -> tuple[str, ...]:
    """Write a model with its plan, in the form that was asked for; returns what is to be said of that."""
    if io not in ("float", "int8"):
        raise Problem("--io", Text("{io!r} is not known", io=io), Text("Give float or int8."))
    model = integer_io(inner) if io == "int8" else inner
    set_property(model, PLAN, json.dumps(quantization.plan.to_json()))
    write_atomically(out, model.SerializeToString())
    if io != "int8":
        return ()
    whole = grids(model).keys()
    real = [each.name for each in model.graph.output if each.name not in whole and _is_float(each)]
    return tuple(
        Text("output {name} is real numbers: the layer that makes it has no range (min-max gives it one)", name=name)
        for name in real
    )


def _is_float(info: onnx.ValueInfoProto) -> bool:
    return bool(info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT)
