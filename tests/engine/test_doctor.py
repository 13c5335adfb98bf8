"""Each finding is raised by its cause, names the layers, and its remedy is a plan that changes them."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from qinspect.engine.calibrate import Calibration, calibrate, tensor_stats
from qinspect.engine.doctor import diagnose
from qinspect.engine.fuse import fuse
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.file import plan_from_json
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.results import Analysis, Errors, FusionRow, LayerRow, Totals
from qinspect.engine.results.kernels import KernelCheck, Latency
from qinspect.engine.text import Text

PLAN = QuantPlan.preset(Target.parse("fx-fbgemm")).with_default(activation=TensorConfig("uint8"))


def row(identity="a:conv2d", **changes):
    base = LayerRow(identity, "a", identity.partition(":")[2], (), None, True, True, None, None, (1, 4), 1000, 10)
    return dataclasses.replace(base, **changes)


def analysis(*rows, totals=None, fusions=(), data=None):
    return Analysis({}, data or {}, {}, {}, totals or Totals(kl=0.001), tuple(rows or (row(),)), tuple(fusions))


@pytest.fixture(scope="module")
def base(trace_once):
    """A quantization and its calibration, in which nothing is wrong."""
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    graph = fuse(trace_once(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)), x[:2]), PLAN).graph
    calibration = calibrate(graph, [(x,)] * 4)
    return quantize(graph, PLAN, calibration.tensors), calibration


@pytest.fixture
def found(base):
    def run(given, plan=PLAN, calibration=None):
        quantization, clean = base
        return diagnose(given, plan, quantization, calibration or clean)

    return run


def test_a_healthy_analysis_has_no_finding(found):
    assert found(analysis(row(kernel=KernelCheck(0, 1.0, 1.0)))) == ()


def test_a_kernel_unlike_the_simulation_is_found_with_what_it_costs(found):
    saturated = KernelCheck(60, 0.5, 0.7, True)
    (finding,) = found(
        analysis(
            row(kernel=saturated),
            row("b:conv2d", kernel=KernelCheck(1, 0.999, 1.0)),
            totals=Totals(kl=0.01, kernel_kl=2.0, agreement=0.9, kernel_agreement=0.1),
        )
    )
    assert (finding.rule, finding.severity, finding.layers) == ("kernel_unlike_simulation", "error", ("a:conv2d",))
    assert finding.gain == pytest.approx(1.99)
    assert "60 steps" in finding.evidence
    assert plan_from_json(finding.plan).default.activation.bits == 7


def test_the_remedy_for_saturation_reaches_overrides_too(found):
    plan = PLAN.with_layer("a:conv2d", activation=TensorConfig(estimator="minmax")).with_layer(
        "c:relu", activation=None
    )
    (finding,) = found(analysis(row(kernel=KernelCheck(60, 0.5, 0.7, True))), plan)
    edited = plan_from_json(finding.plan)
    assert [o.activation and o.activation.bits for o in edited.overrides] == [7, None]


def test_a_kernel_that_is_wrong_without_saturating_is_to_stay_float(found):
    (finding,) = found(analysis(row(kernel=KernelCheck(9, 0.4, 0.6))))
    edited = plan_from_json(finding.plan)
    assert [(o.pattern, o.weight, o.activation) for o in edited.overrides] == [("a:conv2d", None, None)]


def test_one_step_at_a_few_values_is_no_finding(found):
    assert found(analysis(row(kernel=KernelCheck(1, 0.998, 1.0)))) == ()


def test_one_step_at_more_values_is_the_last_bit_and_asks_for_nothing(found):
    (finding,) = found(analysis(row(kernel=KernelCheck(1, 0.96, 1.0))))
    assert finding.severity == "note"
    assert "to the next step" in finding.title
    assert finding.remedy.startswith("Nothing need be done")
    assert finding.plan is None
    (other,) = found(analysis(row(kernel=KernelCheck(2, 0.96, 1.0))))
    assert "something else" in other.title


def test_the_layers_that_cause_most_of_the_error_are_found(found):
    rows = [row(f"l{i}:conv2d", errors=Errors(estimated_kl=1.0 if i == 3 else 0.01)) for i in range(10)]
    (finding,) = found(analysis(*rows, totals=Totals(kl=0.5)))
    assert (finding.rule, finding.layers, finding.severity) == ("sensitive_layers", ("l3:conv2d",), "error")
    assert finding.gain == pytest.approx(0.5 * 1 / 1.09)
    assert plan_from_json(finding.plan).overrides[0].pattern == "l3:conv2d"
    assert finding.title.startswith("1 of 10 layers that round causes ")
    assert finding.remedy.startswith("Keep it in float")


def test_layers_that_only_round_their_weight_are_blamed_too_and_models_without_classes_by_their_mse(found):
    rows = [
        row(f"l{i}:conv2d", quantized=i != 3, errors=Errors(estimated_kl=1.0 if i == 3 else 0.01)) for i in range(9)
    ]
    finding = next(f for f in found(analysis(*rows, totals=Totals(kl=0.5))) if f.rule == "sensitive_layers")
    assert finding.layers == ("l3:conv2d",)
    rows = [row(f"l{i}:conv2d", errors=Errors(estimated_mse=1.0 if i == 3 else 0.01)) for i in range(9)]
    (finding,) = found(analysis(*rows, totals=Totals(mse=0.2)))
    assert (finding.layers, finding.gain, finding.severity) == (("l3:conv2d",), None, "error")
    assert "MSE of the whole plan 0.2 of the outputs' power" in finding.evidence
    assert found(analysis(*rows, totals=Totals(mse=0.001))) == ()


def test_no_layer_is_blamed_for_a_share_of_an_error_without_end(found):
    rows = [row("a:conv2d", errors=Errors(estimated_kl=math.inf)), row("b:conv2d", errors=Errors(estimated_kl=0.01))]
    assert found(analysis(*rows, totals=Totals(kl=math.inf))) == ()


def test_no_layer_is_blamed_where_the_error_is_small_or_even(found):
    rows = [row(f"l{i}:conv2d", errors=Errors(estimated_kl=1.0 if i == 3 else 0.01)) for i in range(10)]
    assert found(analysis(*rows, totals=Totals(kl=0.001))) == ()
    even = [row(f"l{i}:conv2d", errors=Errors(estimated_kl=0.1)) for i in range(20)]
    assert found(analysis(*even, totals=Totals(kl=2.0))) == ()


def norm(identity, state, reason=None):
    return FusionRow(identity, ("c:conv2d", identity), "conv2d+batch_norm", state, reason)


def test_norms_that_are_not_folded_are_one_finding_for_each_reason(found):
    fusions = [
        norm("a", "off"),
        norm("b", "blocked", "x"),
        norm("c", "blocked", "x"),
        norm("d", "blocked", "y"),
        norm("e", "fused"),
    ]
    findings = found(analysis(fusions=fusions), PLAN.with_fusion("a", False))
    assert [f.layers for f in findings] == [("a",), ("b", "c"), ("d",)]
    assert [f.rule for f in findings] == ["fusion_off", "batch_norm_not_folded", "batch_norm_not_folded"]
    assert "1 of 5" in findings[0].title
    assert plan_from_json(findings[0].plan).fusion("a")
    assert findings[1].plan is None


def test_a_relu_that_is_not_fused_is_not_taken_for_a_norm(found):
    relu = FusionRow("r", ("b", "r"), "batch_norm+relu", "blocked", "the norm is not folded")
    assert found(analysis(fusions=[relu])) == ()


def test_layers_that_were_asked_and_run_in_float_are_found_by_reason(found):
    rows = [row("a:silu", quantized=False, why_not="no kernel", macs=0), row("b:conv2d", macs=10**6)]
    (finding,) = found(analysis(*rows))
    assert (finding.rule, finding.severity, finding.layers) == ("asked_not_quantized", "note", ("a:silu",))
    (finding,) = found(analysis(dataclasses.replace(rows[0], macs=10**6), rows[1]))
    assert finding.severity == "warning"
    assert "50%" in finding.evidence


def test_operators_that_a_target_lacks_in_the_same_way_are_one_finding(found):
    def lacking(op):
        return Text("torch has no dynamic kernel for {op}", op=op)

    rows = [row(f"{op}:{op}", quantized=False, why_not=lacking(op)) for op in ("add", "mean", "add")]
    other = row("c:conv2d", quantized=False, why_not=Text("torch has no kernel for {op} in {dtype}", op="c", dtype="x"))
    one, two = found(analysis(*rows, other))
    assert one.layers == ("add:add", "mean:mean", "add:add")
    assert one.evidence.startswith("torch has no dynamic kernel for add, mean: add:add")
    assert two.layers == ("c:conv2d",)


def test_absorbed_layers_are_not_counted_again(found):
    rows = [
        row("a:conv2d", quantized=False, why_not="no"),
        row("r:relu", quantized=False, why_not="no", fused_into="a:conv2d"),
    ]
    (finding,) = found(analysis(*rows))
    assert finding.layers == ("a:conv2d",)


def test_an_integer_model_slower_than_float_is_an_error(found):
    (finding,) = found(analysis(totals=Totals(kl=0.0, fp32_ms=1.0, int8_ms=1.5)))
    assert (finding.rule, finding.severity) == ("int8_slower", "error")
    assert "1.00 ms → 1.50 ms" in finding.title
    assert found(analysis(totals=Totals(kl=0.0, fp32_ms=1.5, int8_ms=1.0))) == ()


def test_a_slower_integer_model_is_no_error_where_float_runs_took_as_long(found):
    totals = Totals(kl=0.0, fp32_ms=1.0, int8_ms=1.5, fp32_p90_ms=1.8, int8_p90_ms=2.5)
    (finding,) = found(analysis(totals=totals))
    assert (finding.rule, finding.severity) == ("int8_slower", "warning")
    assert "a tenth of the float runs took 1.80 ms or more" in finding.evidence
    (finding,) = found(analysis(totals=dataclasses.replace(totals, fp32_p90_ms=1.2)))
    assert finding.severity == "error"


def test_a_slower_integer_model_comes_with_the_layers_that_cost_it_float_ones_too(found):
    """A float layer between integer ones pays for what is dequantized for it."""
    rows = (
        row("a:conv2d", latency=Latency(100.0, 60.0, 1.0)),
        row("b:silu", quantized=False, latency=Latency(50.0, 90.0, 90.0)),
        row("c:conv2d", latency=Latency(100.0, 300.0, 250.0)),
    )
    findings = found(analysis(*rows, totals=Totals(kl=0.0, fp32_ms=0.25, int8_ms=0.45)))
    (finding,) = (one for one in findings if one.rule == "int8_slower")
    assert finding.layers == ("c:conv2d", "b:silu")
    assert "most is lost at c:conv2d, b:silu" in str(finding.evidence)


def test_a_layer_slower_than_in_float_is_found_only_beyond_the_spread(found):
    slow = row(latency=Latency(100.0, 200.0, 10.0))
    (finding,) = found(analysis(slow))
    assert (finding.rule, finding.layers) == ("layer_slower", ("a:conv2d",))
    assert "µs lost, most at a:conv2d" in finding.evidence
    assert plan_from_json(finding.plan).overrides[0].activation is None
    assert finding.remedy.startswith("Keep it in float")
    (finding,) = found(analysis(slow, dataclasses.replace(slow, id="b:conv2d")))
    assert finding.remedy.startswith("Keep them in float")
    spread = Latency(100, 150, 80, None, None, 90, 110, 100, 180)
    for fine in (Latency(100, 105, 1), spread, Latency(1, 3, 0.1), Latency(None, 100, 1)):
        assert found(analysis(dataclasses.replace(slow, latency=fine))) == ()


@pytest.mark.parametrize(("metric", "findings"), [(0.1, 1), (0.9, 0), (None, 0)])
def test_a_float_model_no_better_than_chance_is_found_first(found, metric, findings):
    given = analysis(
        totals=Totals(kl=0.0, fp32_metric=metric, fp32_ms=1.0, int8_ms=2.0, samples=64),
        data={"metric": "top-1", "classes": 10},
    )
    rules = [finding.rule for finding in found(given)]
    assert rules.count("float_metric_low") == findings
    assert rules[-1] == "int8_slower"


@pytest.mark.parametrize(
    ("classes", "metric", "findings"), [(2, 1.0, 0), (2, 0.7, 0), (2, 0.5, 1), (3, 0.9, 0), (1, 0.3, 0), (None, 0.3, 0)]
)
def test_few_classes_need_no_more_than_all_right_to_be_better_than_chance(found, classes, metric, findings):
    data = {"metric": "top-1", "classes": classes}
    given = analysis(totals=Totals(kl=0.0, fp32_metric=metric, samples=50), data=data)
    rules = [finding.rule for finding in found(given)]
    assert rules.count("float_metric_low") == findings


def test_ranges_that_differ_between_the_halves_ask_for_more_samples(base, found):
    _, clean = base
    wide = {
        name: dataclasses.replace(
            stats, batch_max=stats.batch_max * [1, 1, 4, 4], batch_min=stats.batch_min * [1, 1, 4, 4]
        )
        for name, stats in clean.tensors.items()
    }
    (finding,) = found(analysis(), calibration=Calibration(wide, 64))
    assert finding.rule == "too_few_samples"
    assert "64 samples" in finding.evidence


def test_values_that_are_not_finite_are_found(base, found):
    _, clean = base
    bad = {**clean.tensors, "0:linear": tensor_stats(torch.tensor([1.0, float("nan")]))}
    (finding,) = found(analysis(), calibration=Calibration(bad, 16))
    assert (finding.rule, finding.layers, finding.severity) == ("nonfinite_values", ("0:linear",), "error")


class Masked(nn.Module):
    """Scores that a mask takes away, as attention has them; `broken` ones are infinite by themselves."""

    def __init__(self, broken):
        super().__init__()
        self.broken = broken
        self.register_buffer("some", torch.tensor([False, True, False, True]))

    def forward(self, x):
        mask = torch.zeros_like(x).masked_fill((x < 0) & self.some, -torch.inf).view(-1, 2, 2)
        scores = torch.log(torch.relu(x)).view(-1, 2, 2) if self.broken else x.view(-1, 2, 2)
        return torch.softmax(scores + mask, -1)


@pytest.mark.parametrize("broken", [False, True])
def test_what_a_mask_fills_with_infinity_before_a_softmax_is_no_fault(trace_once, broken):
    # Every text classifier with padded sentences was called broken.
    x = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    graph = fuse(trace_once(Masked(broken), x[:2]), PLAN).graph
    calibration = calibrate(graph, [(x,)] * 4)
    assert sum(stats.nonfinite > 0 for stats in calibration.tensors.values()) >= 2
    given = diagnose(analysis(), PLAN, quantize(graph, PLAN, calibration.tensors), calibration)
    found = [finding.layers for finding in given if finding.rule == "nonfinite_values"]
    assert bool(found) == broken
    if broken:
        assert not any("masked_fill" in layer for layer in found[0])


def test_findings_are_ordered_by_severity_and_then_by_what_they_win_back(found):
    rows = [row(f"l{i}:conv2d", errors=Errors(estimated_kl=1.0 if i == 0 else 0.001)) for i in range(6)]
    rows[1] = dataclasses.replace(rows[1], kernel=KernelCheck(50, 0.4, 0.5, True))
    rows.append(row("s:silu", quantized=False, why_not="no kernel", macs=0))
    totals = Totals(kl=0.3, kernel_kl=4.0)
    assert [f.rule for f in found(analysis(*rows, totals=totals))] == [
        "kernel_unlike_simulation",
        "sensitive_layers",
        "asked_not_quantized",
    ]


def test_the_doctor_does_not_import_all_of_scipys_statistics():
    """It takes 0.6 s, and 2.5 on a busy machine, of the start of every analysis."""
    import subprocess
    import sys

    code = "import sys, qinspect.engine.analyze; sys.exit('scipy.stats' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
