"""The bundled demo: MobileNetV2 with its ImageNet weights on photographs, and the story it tells."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .engine.files import write_json
from .engine.plan import QuantPlan
from .engine.plan.file import plan_from_json
from .engine.plan.target import Target
from .engine.progress import Report, part
from .engine.text import ENGLISH, Language
from .resources import resource

if TYPE_CHECKING:
    from .engine.calibrate import Calibration
    from .engine.data import Dataset, DataSpec
    from .engine.float_check import FloatCheck
    from .engine.graph import LayerGraph
    from .engine.load import Model
    from .engine.results import Analysis
    from .engine.source import ModelSpec

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def model_spec() -> ModelSpec:
    """MobileNetV2 from the packaged files."""
    from .engine.source import ModelSpec

    folder = resource("demo")
    return ModelSpec(
        f"{folder / 'mobilenet_v2.py'}:model", str(folder / "mobilenet_v2.safetensors"), ((1, 3, 224, 224),)
    )


def data_spec() -> DataSpec:
    """The packaged photographs, prepared as the weights were trained."""
    from .engine.data_spec import DataSpec

    return DataSpec(str(resource("demo/photos")), resize=256, crop=224, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def story(graph: LayerGraph) -> Iterator[tuple[str, str, QuantPlan]]:
    """The plans that people try, worst first: name, title, plan."""
    import torch

    from .engine.job import first_plan

    engines = torch.backends.quantized.supported_engines
    if "fbgemm" in engines:
        plan = first_plan(graph, Target("fx", "fbgemm"))
        yield (
            "prepare-fx",
            "fbgemm, fused as by prepare_fx, 8 bit",
            _as_prepare_fx(graph, _activation_bits(plan, 8)),
        )
        yield "fbgemm", "fbgemm, ReLU6 fused, 7-bit activations", plan
    if "onednn" in engines:
        plan = first_plan(graph, Target("fx", "onednn"))
        assert plan.default.weight is not None
        assert plan.default.activation is not None
        plan = plan.with_default(activation=plan.default.activation.but(estimator="minmax"))
        per_tensor = plan.with_default(weight=plan.default.weight.but(granularity="per_tensor"))
        yield "onednn-per-tensor", "onednn, min-max, per-tensor weights", per_tensor
        yield "onednn", "onednn, min-max, per-channel weights", plan
    plan = first_plan(graph, Target())
    yield "ort", "ONNX Runtime, per-channel weights", plan


def _as_prepare_fx(graph: LayerGraph, plan: QuantPlan) -> QuantPlan:
    """The plan without fused ReLU6: torch's FX mode observes what comes before, negative values and all."""
    from .engine.fuse import fuse

    for row in fuse(graph, plan).rows:
        if row.pattern.endswith("+relu6"):
            plan = plan.with_fusion(row.id, False)
    return plan


def _activation_bits(plan: QuantPlan, bits: int) -> QuantPlan:
    """The plan with another width of all activations."""
    assert plan.default.activation is not None
    overrides = tuple(
        dataclasses.replace(o, activation=o.activation.but(bits=bits))
        if o.activation is not None and not isinstance(o.activation, str)
        else o
        for o in plan.overrides
    )
    return dataclasses.replace(
        plan.with_default(activation=plan.default.activation.but(bits=bits)), overrides=overrides
    )


@dataclass(frozen=True)
class Outcome:
    """What the headless demo ends with; the window can show it."""

    model: Model
    data: Dataset
    calibration: Calibration
    check: FloatCheck
    analysis: Analysis


def run_headless(out: Path, report: Report, say: Callable[[str], None], language: Language = ENGLISH) -> Outcome:
    """The whole job without a window.

    Writes one folder per plan of the story, and the best one's analysis into `out` itself.

    Parameters
    ----------
    say : callable
        Told lines for people.
    language : Language
        Of the reports.
    """
    from .engine.analyze import analyze
    from .engine.data import open_data
    from .engine.float_check import check_float
    from .engine.job import calibrate_model, first_plan
    from .engine.load import load_model
    from .engine.report import write_analysis

    model = load_model(model_spec(), part(report, 0, 0.05), allow_code=True)
    data = open_data(data_spec(), model.graph.inputs[0].shape)
    say(f"{model.name}: {len(model.graph.layers)} operators; {len(data)} views of photographs, split by photograph")
    checked = check_float(model, data, part(report, 0.05, 0.08))
    say(f"float: canonical graph differs from the model by {checked.max_abs_delta:g}")
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan, part(report, 0.08, 0.15))
    tensors, samples = len(calibration.tensors), calibration.samples
    say(f"calibrated {tensors} tensors on {samples} samples in {calibration.seconds:.1f} s")
    plans = list(story(model.graph))
    rows = []
    found = None
    for index, (name, title, plan) in enumerate(plans):
        share = part(report, 0.15 + 0.6 * index / len(plans), 0.15 + 0.6 * (index + 1) / len(plans))
        found = analyze(model, data, plan, calibration, share)
        write_analysis(found, out / name, language)
        rows.append({"name": name, "title": title, **dataclasses.asdict(found.totals)})
        say(
            _line(
                title, found.totals.agreement, found.totals.kernel_agreement, found.totals.fp32_ms, found.totals.int8_ms
            )
        )
        worst = next((f for f in found.findings if f.rule == "kernel_unlike_simulation"), None)
        if worst is not None and worst.severity == "error":
            say(f"    {worst.title}: {worst.evidence}")
        elif name == "prepare-fx":
            say("    this processor does not show the collapse: its kernels do not saturate")
    assert found is not None
    remedy = next((f for f in found.findings if f.rule == "sensitive_layers" and f.plan), None)
    if remedy is not None and remedy.plan is not None:
        repaired = analyze(model, data, plan_from_json(remedy.plan), calibration, part(report, 0.75, 0.92))
        title = f"ONNX Runtime, {len(remedy.layers)} layers in float"
        rows.append({"name": "remedy", "title": title, **dataclasses.asdict(repaired.totals)})
        t = repaired.totals
        say(_line(title, t.agreement, t.kernel_agreement, t.fp32_ms, t.int8_ms))
        if (t.kl or 0.0) < (found.totals.kl or 0.0):
            found = repaired
    path = write_analysis(found, out, language)
    write_json(out / "demo.json", {"version": 1, "plans": rows})
    say(f"report: {path}")
    return Outcome(model, data, calibration, checked, found)


def _line(
    title: str, simulated: float | None, kernels: float | None, fp32_ms: float | None, int8_ms: float | None
) -> str:
    agreement = "not run" if kernels is None else f"{kernels:6.1%}"
    speed = "" if fp32_ms is None or int8_ms is None else f"   {fp32_ms:6.2f} → {int8_ms:6.2f} ms"
    return f"{title:42} agreement with float: simulated {simulated or 0:6.1%}, kernels {agreement}{speed}"
