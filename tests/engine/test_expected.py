"""The time that a candidate would take: measured where this layer was timed so, estimated from others, or why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qinspect.engine.graph import Layer
from qinspect.engine.plan.qconfig import PRESETS, QConfig
from qinspect.engine.plan.target import Target
from qinspect.engine.results import Analysis, LayerRow, Totals
from qinspect.engine.results.kernels import Latency
from qinspect.engine.search.expected import expected_time

FLOAT = QConfig(None, None)
INT8 = PRESETS["qinspect"]
DYNAMIC = PRESETS["default-dynamic"]


def layer(name: str, op: str = "linear") -> Layer:
    return Layer(name, name, op, f"aten.{op}.default", (), roles={"weight": f"{name}.w"})


def row(name, fp32, int8, config=INT8, quantized=True, **inside) -> LayerRow:
    activation = None if config.activation is None else config.activation.to_json()
    weight = None if config.weight is None else config.weight.to_json()
    found = LayerRow(name, name, "linear", (), None, True, quantized, None, None, (1, 4), 0, 0, weight, activation)
    return replace(found, latency=Latency(fp32, int8, None, **inside))


def run(*rows, target=None) -> Analysis:
    target = target or Target()
    return Analysis({}, {}, target.on_this_host(), {}, Totals(), rows, ())


def test_what_was_timed_on_this_layer_is_measured_in_the_newest_run_that_has_it():
    new = run(row("a", 30.0, 9.0, DYNAMIC))
    old = run(row("a", 40.0, 8.0), row("b", 20.0, 5.0))
    assert expected_time(layer("a"), INT8, False, Target(), [new, old]).us == 8.0
    found = expected_time(layer("a"), FLOAT, False, Target(), [new, old])
    assert (found.us, found.measured) == (30.0, True)
    found = expected_time(layer("a"), DYNAMIC, False, Target(), [new, old])
    assert (found.us, found.measured) == (9.0, True)
    assert "this layer" in found.source
    # Ranges and granularity change no kernel.
    finer = QConfig(INT8.weight, INT8.activation.but(estimator="minmax"))
    assert expected_time(layer("a"), finer, False, Target(), [old]).us == 8.0


def test_another_kernel_is_estimated_from_layers_of_the_same_operator_that_ran_on_it():
    analysis = run(row("a", 40.0, 40.0, FLOAT, False), row("b", 20.0, 5.0), row("c", 10.0, 5.0), row("d", 10.0, 4.0))
    found = expected_time(layer("a"), INT8, False, Target(), [analysis])
    assert found.us == pytest.approx(40 * 0.4)
    assert not found.measured
    assert "3 linear" in found.source


def test_what_nothing_tells_is_not_known_with_the_reason():
    analysis = run(row("a", 40.0, 8.0), row("b", None, None, int8_in="a"))
    assert "no run on FX x86" in expected_time(layer("a"), INT8, False, Target.parse("fx-x86"), [analysis]).source
    one = expected_time(layer("a"), DYNAMIC, False, Target(), [analysis])
    assert one.us is None
    assert "no linear was timed with uint8 dynamic" in one.source or "no linear was timed with" in one.source
    assert "within a" in expected_time(layer("b"), INT8, False, Target(), [analysis]).source
    assert expected_time(layer("a"), INT8, True, Target(), [analysis]).us is None
    assert expected_time(layer("c"), INT8, False, Target(), [analysis]).source == "this layer was not timed in float"
    assert expected_time(layer("a"), INT8, False, Target(), []).us is None
