"""Taking a plan away: files that reproduce it, each loaded again and compared."""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import torch

from .backends import refuse_opaque
from .backends.exported import Batches, Score
from .calibrate import Calibration
from .carry import carried
from .classes import class_axis, judged
from .data import Dataset, batches
from .files import demand_writable, write_json
from .graph import LayerGraph
from .graph.memory import VALUE_BYTES, is_large
from .job import (
    calibrate_model,
    check_by_sample,
    fed,
    float_onnx,
    fused_graph,
    known_grids,
    measured_batch,
    quantization_of,
    whole_batches,
)
from .load import Model
from .metric import TOP1, Metric
from .plan import QuantPlan
from .plan.file import read_plan
from .plan.kinds import BACKENDS, ENDINGS, KINDS, ONNX_KINDS, holds_onnx, misnamed, refused
from .plan.target import Target
from .problem import Problem
from .progress import Report, part, silent
from .quantize import Quantization, quantize
from .results.export import ExportReport
from .staged import staged_file
from .synthetic import synthetic_inputs
from .text import Text, one_of

__all__ = ["KINDS", "ExportReport", "export", "suited"]

SAMPLES = 1024
"""Samples of the final split, at most, that an exported model is verified on."""

SAMPLES_BYTES = 1 << 30
"""What these samples may take of memory, in which all of them are at once."""

SYNTHETIC = 32
"""Samples made of the statistics that an exported model is verified on where no data is given."""


def suited(plan: QuantPlan, graph: LayerGraph, to: str) -> tuple[QuantPlan, tuple[Text, ...]]:
    """The plan for the backend that runs what `to` names, and what was changed; the same plan where its target does."""
    backends = BACKENDS.get(to, (plan.target.backend,))
    if plan.target.backend in backends:
        return plan, ()
    target = Target.parse(backends[0], threads=plan.target.threads, batch=plan.target.batch)
    return carried(plan, graph, target)


def export(
    model: Model,
    plan: QuantPlan,
    calibration: Calibration,
    data: Dataset | None,
    to: str,
    out: Path,
    report: Report = silent,
    metric: Metric = TOP1,
    *,
    opset: int | None = None,
    io: str = "float",
    remarks: Sequence[str] = (),
) -> ExportReport:
    """Write what `to` says, load it in a new process, run it on the final split and compare.

    Parameters
    ----------
    data : Dataset | None
        Without it, inputs are made of the statistics: the report says so, and has no metric.
    to : str
        One of `KINDS`.
    out : Path
        The ``.onnx`` or ``.pt2`` file, or a folder.
    opset : int | None
        Of an ONNX file; None chooses.
    io : str
        ``float`` or ``int8``: what an ONNX file takes and gives.
    remarks : sequence of str
        For the report, such as what was changed for the target.

    Raises
    ------
    Problem
        Where the plan is for another backend, or the place cannot be written.
    """
    out = out.absolute()
    _refuse(plan.target, to, out, opset, io)
    demand_writable(out.parent if out.suffix == ENDINGS.get(to) else out)
    quantization = _quantization(model, plan, calibration, data, part(report, 0, 0.1))
    if to == "plan":
        return _export_plan(quantization, out)
    if problem := refuse_opaque(quantization.graph, Text("an export to {to}", to=to)):
        raise problem
    size = measured_batch(quantization)
    samples, score, notes = _trial(model, calibration, data, metric, size, part(report, 0.95, 1))
    notes = (*notes, *remarks)
    rest = part(report, 0.1, 1)
    if holds_onnx(to, plan.target):
        file = out if to == "kit" or out.suffix == ".onnx" else out / f"{model.name}.onnx"
        kept = None if is_large(quantization.float_graph) else float_onnx(quantization)
        given = {"float_bytes": kept, "score": score, "notes": notes, "opset": opset, "io": io}
        with staged_file(out / "plan.json") if file.parent == out else nullcontext() as plan_file:
            if plan_file is not None:
                _write_plan(quantization, plan_file.parent)
            return _onnx(to, model.name)(quantization, file, samples, rest, **given)
    if to == "pt2e":
        from .backends.pt2e.export import export_pt2e

        file = out if out.suffix == ".pt2" else out / f"{model.name}.pt2"
        return export_pt2e(quantization, file, samples, rest, score=score, notes=notes)
    return _folder(to, plan.target.backend)(quantization, out, samples, rest, name=model.name, score=score, notes=notes)


def _refuse(target: Target, to: str, out: Path, opset: int | None, io: str) -> None:
    """Refuse what makes no sense, before anything is computed."""
    if to not in KINDS:
        raise Problem(Text("export"), Text("there is no {to!r}", to=to), one_of(to, KINDS))
    if problem := refused(to, target):
        raise problem
    if not holds_onnx(to, target) and (opset is not None or io != "float"):
        raise Problem(
            "--opset and --io",
            Text("say nothing of {to}", to=to),
            Text("They go with --to {onnx_kinds}.", onnx_kinds=" and ".join(ONNX_KINDS)),
        )
    if problem := misnamed(to, out):
        raise problem


def _quantization(
    model: Model, plan: QuantPlan, calibration: Calibration, data: Dataset | None, report: Report
) -> Quantization:
    """All numbers that are written; where the statistics lack some and there is data, that is looked at."""
    if data is not None:
        calibration = calibrate_model(model, data, plan, part(report, 0, 0.5), calibration)
        return quantization_of(model, data, plan, calibration, part(report, 0.5, 1))
    if any(remedy.kind != "equalize" for remedy in plan.remedies):
        raise Problem(Text("plan"), Text("its remedies look at samples"), Text("Give --data as well."))
    check_by_sample(model)
    graph = fused_graph(model, plan).graph
    return quantize(graph, plan, calibration.tensors, known_grids(model, graph, plan))


def _trial(
    model: Model, calibration: Calibration, data: Dataset | None, metric: Metric, size: int, report: Report
) -> tuple[Batches, Score, tuple[str, ...]]:
    """What an export is verified on: batches, the metric, and what is to be said of them."""
    if data is None:
        metric = judged(metric, model.graph, None)
        samples = synthetic_inputs(model.graph, calibration.tensors, SYNTHETIC, size)
        count = size * len(samples)
        return (
            samples,
            Score(lambda outputs: None, class_axis(model.graph, None, metric)),
            (Text("verified on {count} synthetic inputs drawn from the statistics, no data was given", count=count),),
        )
    sample = sum(math.prod(spec.sized(1)) for spec in model.graph.inputs) * VALUE_BYTES
    chosen = whole_batches(model.graph, data.splits.final, min(SAMPLES, max(size, SAMPLES_BYTES // max(1, sample))))
    targets = None if data.targets is None else data.targets[list(chosen)]
    metric = judged(metric, model.graph, data)

    def score(outputs: Sequence[torch.Tensor]) -> float | None:
        return metric([o.float().numpy() for o in outputs], targets, report)

    return list(fed(batches(data, chosen, size))), Score(score, class_axis(model.graph, data, metric)), ()


def _onnx(to: str, name: str) -> Callable[..., ExportReport]:
    """What writes ONNX files."""
    if to == "kit":
        from .backends.kit_onnx import export_kit

        return partial(export_kit, name=name)
    if to == "tensorrt":
        from .backends.tensorrt.export import export_tensorrt

        return export_tensorrt
    from .backends.ort.export import export_onnx

    return export_onnx


def _folder(to: str, backend: str) -> Callable[..., ExportReport]:
    """What writes a folder for Python."""
    if to == "kit" and backend == "pt2e":
        from .backends.kit_pt2e import export_pt2e_kit

        return export_pt2e_kit
    if to == "kit":
        from .backends.kit_torch import export_torch_kit

        return export_torch_kit
    if to in ("fx", "eager"):
        from .backends.fx.export import export_fx

        return export_fx
    from .backends.script import export_script

    return export_script


def _write_plan(quantization: Quantization, folder: Path) -> None:
    write_json(folder / "plan.json", quantization.plan.to_json())
    write_json(folder / "qparams.json", quantization.qparams_json())


def _export_plan(quantization: Quantization, out: Path) -> ExportReport:
    """plan.json and qparams.json; read again, the plan must be the same."""
    plan = quantization.plan
    with staged_file(out / "plan.json") as file:
        _write_plan(quantization, file.parent)
        same = read_plan(file).fingerprint == plan.fingerprint
    asked = sorted(quantization.asked)
    return ExportReport(
        str(out),
        "plan",
        same,
        () if same else (Text("plan.json, read again, is another plan"),),
        0,
        None,
        None,
        None,
        None,
        tuple(asked),
        tuple(sorted(quantization.asked & quantization.quantized)),
        versions={"torch": torch.__version__, "python": platform.python_version()},
    )
