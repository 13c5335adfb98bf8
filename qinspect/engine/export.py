"""Taking a plan away: files that reproduce it, each loaded again and compared."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from .calibrate import Calibration
from .data import Dataset, batches
from .files import write_json
from .job import batch_size, calibrate_model, fed, float_onnx, fused_graph, whole_batches
from .load import Model
from .metric import TOP1, Metric
from .plan import QuantPlan, read_plan
from .problem import Problem
from .progress import Report, part, silent
from .quantize import Quantization, quantize
from .results import ExportReport

__all__ = ["KINDS", "ExportReport", "export"]

KINDS = ("onnx", "fx", "script", "plan")
"""What can be written: a QDQ model, a folder for torch.ao FX, a script, plan and qparams as JSON."""

SAMPLES = 1024
"""Samples of the final split, at most, that an exported model is verified on."""


def export(
    model: Model,
    plan: QuantPlan,
    calibration: Calibration,
    data: Dataset,
    to: str,
    out: Path,
    report: Report = silent,
    metric: Metric = TOP1,
) -> ExportReport:
    """Write what `to` says, load it in a new process, run it on the final split and compare.

    Parameters
    ----------
    to : str
        One of `KINDS`.
    out : Path
        The ``.onnx`` file, or a folder.

    Raises
    ------
    Problem
        Where the plan is for another backend, or the place cannot be written.
    """
    out = out.absolute()
    backend = plan.target.backend
    if (to == "onnx" and backend != "ort") or (to == "fx" and backend != "fx"):
        needed = "ort" if to == "onnx" else "one of fx-x86, fx-fbgemm, fx-onednn, fx-qnnpack"
        raise Problem(f"export to {to}", f"the plan is for {plan.target.name}", f"Set the target to {needed} first.")
    if to not in KINDS:
        raise Problem("export", f"there is no {to!r}", f"Use one of {', '.join(KINDS)}.")
    calibration = calibrate_model(model, data, plan, part(report, 0, 0.1), calibration)
    quantization = quantize(fused_graph(model, plan).graph, plan, calibration.tensors)
    if to == "plan":
        return _export_plan(quantization, out)
    chosen = whole_batches(model.graph, data.splits.final, SAMPLES)
    samples = list(fed(batches(data, chosen, batch_size(model.graph))))
    labels = None if data.labels is None else data.labels[list(chosen)]

    def score(outputs: Sequence[torch.Tensor]) -> float | None:
        return metric([o.float().numpy() for o in outputs], labels)

    rest = part(report, 0.1, 1)
    if to == "onnx" and out.suffix != ".onnx":
        out = out / f"{model.name}.onnx"
    return _writer(to, model, plan)(quantization, out, samples, rest, score)


def _writer(to: str, model: Model, plan: QuantPlan) -> Callable[..., ExportReport]:
    if to == "onnx":
        from .backends.ort_export import export_onnx

        return lambda q, out, samples, report, score: export_onnx(
            q, out, samples, report, float_bytes=float_onnx(model, plan), score=score
        )
    if to == "fx":
        from .backends.fx_export import export_fx

        return lambda q, out, samples, report, score: export_fx(q, out, samples, report, name=model.name, score=score)
    from .backends.script import export_script

    return lambda q, out, samples, report, score: export_script(q, out, samples, report, name=model.name, score=score)


def _export_plan(quantization: Quantization, out: Path) -> ExportReport:
    """plan.json and qparams.json; read again, the plan must be the same."""
    plan = quantization.plan
    write_json(out / "plan.json", plan.to_json())
    write_json(out / "qparams.json", quantization.qparams_json())
    same = read_plan(out / "plan.json").fingerprint == plan.fingerprint
    asked = sorted(quantization.asked)
    return ExportReport(
        str(out),
        "plan",
        same,
        () if same else ("plan.json, read again, is another plan",),
        0,
        None,
        None,
        None,
        None,
        tuple(asked),
        tuple(sorted(quantization.asked & quantization.quantized)),
        versions={"torch": torch.__version__, "python": platform.python_version()},
    )
