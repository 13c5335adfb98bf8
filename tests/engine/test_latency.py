"""Times of layers, borders and the whole, from runs."""

from __future__ import annotations

import dataclasses
import sys
import time

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.backends.ort.runner import OrtRunner
from qinspect.engine.backends.runner import Timing
from qinspect.engine.backends.stopwatch import Stopwatch
from qinspect.engine.latency import latency_sums, layer_latencies, outliers
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.results import Analysis, Totals, analysis_from_json
from qinspect.engine.results.kernels import Latency

TIMING = Timing(
    [1.0] * 19 + [9.0],
    [0.5, 0.6] * 10,
    {"a": [10.0, 30.0, 20.0], "": [1.0, 1.0, 1.0]},
    {"a": [4.0, 8.0, 6.0], "b": [2.0, 2.0, 2.0]},
    {("x", "a"): [1.0, 3.0, 2.0], ("b", "output"): [5.0, 5.0, 5.0]},
    {"b": "a"},
)


def test_a_layer_that_was_fused_into_another_names_it_and_has_no_time_of_its_own():
    found = layer_latencies(TIMING)
    assert (found["a"].fp32_us, found["a"].int8_us, found["a"].spread_us) == (20.0, 6.0, 2.0)
    assert (found["b"].fp32_us, found["b"].fp32_in, found["b"].int8_us, found["b"].int8_in) == (None, "a", 2.0, None)
    assert set(found) == {"a", "b"}


def test_a_layer_is_slower_where_the_quartiles_do_not_overlap():
    found = layer_latencies(TIMING)["a"]
    assert (found.fp32_low_us, found.fp32_high_us, found.int8_low_us, found.int8_high_us) == (15.0, 25.0, 5.0, 7.0)
    assert found.apart
    assert not found.slower
    assert Latency(10.0, 20.0, 1.0, None, None, 9.0, 11.0, 19.0, 21.0).slower
    assert not Latency(10.0, 20.0, 20.0, None, None, 9.0, 11.0, 10.5, 30.5).slower
    # Another device says no quartiles.
    assert Latency(10.0, 20.0).slower
    assert not Latency(10.0, 10.5).slower
    assert not Latency(None, 20.0).apart


def test_sums_borders_and_outliers_stand_beside_the_whole():
    found = latency_sums(TIMING)
    assert (found.fp32_layers_us, found.int8_layers_us) == (21.0, 8.0)
    assert (found.fp32_outliers, found.int8_outliers) == (1, 0)
    assert [(b.source, b.reader, b.us) for b in found.boundaries] == [("b", "output", 5.0), ("x", "a", 2.0)]
    assert outliers([1.0, 50.0]) == 0


def test_analysis_json_has_from_and_to_and_is_read_again():
    analysis = Analysis({}, {}, {}, {}, Totals(), (), (), latency=latency_sums(TIMING))
    data = analysis.to_json()
    assert data["latency"]["boundaries"][0] == {"from": "b", "to": "output", "us": 5.0}
    assert analysis_from_json(data) == analysis
    del data["latency"]
    assert analysis_from_json(data).latency is None


class Net(nn.Module):
    """A residual addition, which onnxruntime fuses into a float convolution, and a float island."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.body = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 3, padding=1)
        self.last = nn.Conv2d(16, 16, 1)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = self.body(x) + x
        return self.last(F.silu(x))


def test_onnxruntimes_times_are_given_to_layers_borders_and_groups(canonical, quantized):
    x = torch.randn(1, 16, 24, 24)
    plan = QuantPlan.preset(Target())
    quantization = quantized(canonical(Net(), x), plan, [(x,)])
    runner = OrtRunner(quantization, float_model(quantization.graph))
    timing = runner.time((x,), 1, 5)
    layers = {layer.id for layer in quantization.graph.layers}
    assert {"stem:conv2d", "body:conv2d", ":add", "last:conv2d"} <= set(timing.int8_us)
    assert timing.fp32_in.get(":add", "body:conv2d") == "body:conv2d"
    assert ":add" in timing.fp32_us or ":add" in timing.fp32_in
    assert all(len(times) == 5 for times in (*timing.fp32_us.values(), *timing.int8_us.values()))
    between = set(timing.boundaries)
    assert ("x", "stem:conv2d") in between  # the input is quantized
    # Into the float island: of the sum, which only float reads, no grid is made.
    assert {("stem:conv2d", ":add"), ("body:conv2d", ":add")} <= between
    # And out of it: the runtime names the one operator that it makes of the curve's two anew.
    assert (":silu", "last:conv2d") in between
    assert {":silu"} <= timing.fp32_us.keys() & timing.int8_us.keys()
    assert ":silu" not in {**timing.fp32_in, **timing.int8_in}
    assert ("last:conv2d", "output") in between
    assert all(source in layers | {"x"} and reader in layers | {"output"} for source, reader in between)
    border = sum(sum(times) for times in timing.boundaries.values())
    assert 0 < border < sum(sum(times) for times in timing.int8_us.values())


class Gate(nn.Module):
    """A curve that onnxruntime takes into a convolution, which it names after it; changes of layout before another."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.gate, self.last = nn.Conv2d(16, 16, 3, padding=1), nn.Conv2d(16, 16, 1), nn.Conv2d(16, 16, 1)

    def forward(self, x):
        x = F.hardswish(self.body(x))
        return self.last(x * F.hardsigmoid(self.gate(x)))


def test_a_convolution_named_after_its_curve_is_its_own_layer_and_a_change_of_layout_hides_no_border(
    canonical, quantized
):
    x = torch.randn(1, 16, 24, 24)
    quantization = quantized(canonical(Gate(), x), QuantPlan.preset(Target()), [(x,)])
    timing = OrtRunner(quantization, float_model(quantization.graph)).time((x,), 1, 3)
    assert timing.fp32_in[":hardsigmoid"] == "gate:conv2d"
    assert "gate:conv2d" in timing.fp32_us
    assert ":hardsigmoid" not in timing.fp32_us
    assert {("body:conv2d", ":hardswish"), (":hardswish", "gate:conv2d")} <= set(timing.boundaries)


@pytest.mark.skipif("x86" not in torch.backends.quantized.supported_engines, reason="no engine x86")
def test_torchs_times_are_given_to_the_borders_too(canonical, quantized):
    from qinspect.engine.backends.fx.runner import FxRunner

    x = torch.randn(1, 16, 24, 24)
    quantization = quantized(canonical(Net(), x), QuantPlan.preset(Target.parse("fx-x86")), [(x,)])
    timing = FxRunner(quantization).time((x,), 1, 3, lambda *_: None)
    assert set(timing.boundaries) == {
        ("x", "stem:conv2d"),
        ("stem:conv2d", ":add"),
        ("body:conv2d", ":add"),
        (":silu", "last:conv2d"),
        ("last:conv2d", "output"),
    }
    assert all(len(times) == 3 for times in timing.boundaries.values())


def test_float_and_integers_take_turns_in_going_first(canonical, quantized, monkeypatch):
    from qinspect.engine.backends.ort import runner

    x = torch.randn(8, 3, 8, 8)
    quantization = quantized(canonical(nn.Conv2d(3, 4, 1), x), QuantPlan.preset(Target()), [(x,)])
    found = OrtRunner(quantization, float_model(quantization.graph))
    real, order = runner.session, []

    class Told:
        def __init__(self, *given):
            self.session, self.number = real(*given), len(sessions)
            sessions.append(self)

        def run(self, *given):
            order.append(self.number)
            return self.session.run(*given)

        def end_profiling(self):
            return self.session.end_profiling()

    sessions = []
    monkeypatch.setattr(runner, "session", Told)
    found.time((x[:1],), 1, 4)
    whole, layers = order[:28], order[28:]
    assert whole == [0, 1, 1, 0] * 7
    assert layers == [2, 3, 3, 2] * 7


@pytest.mark.skipif(sys.platform == "win32", reason="counts a thread's time in steps of 15.6 ms")
def test_of_one_thread_the_time_without_the_processor_is_not_counted_and_of_several_it_is():
    one, several = Stopwatch(1), Stopwatch(2)
    assert one.ms(lambda: time.sleep(0.2)) < 100
    assert several.ms(lambda: time.sleep(0.2)) >= 200
    assert one.waited > 0.5
    assert several.waited == 0.0


@pytest.mark.parametrize(("waited", "told"), [(0.05, False), (0.5, True)])
def test_an_analysis_says_that_other_programs_ran_while_times_were_taken(digits_model, monkeypatch, waited, told):
    from qinspect.engine import analyze
    from qinspect.engine.data import DataSpec, open_data
    from qinspect.engine.job import calibrate_model, first_plan
    from qinspect.engine.load import ModelSpec, load_model

    measured = analyze.run_kernels

    def run_kernels(work, report):
        figures = measured(dataclasses.replace(work, runs=3), report)
        return dataclasses.replace(figures, timing=dataclasses.replace(figures.timing, waited=waited))

    monkeypatch.setattr(analyze, "run_kernels", run_kernels)
    model = load_model(ModelSpec(digits_model.source, str(digits_model.weights), ((1, 1, 8, 8),)), allow_code=True)
    data = open_data(DataSpec(str(digits_model.data), samples=60), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    found = analyze.analyze(model, data, plan, calibrate_model(model, data, plan))
    assert any("had the processor for 50% of the time" in note for note in found.notes) == told
