"""Layers' times from the whole model's profile against the same layers run and timed alone."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import pytest
import torch

from qinspect import demo
from qinspect.engine.backends.cut import cut, inputs_of, write_cut
from qinspect.engine.backends.ort.runner import OrtRunner, session
from qinspect.engine.backends.pt2e.runner import Pt2eRunner
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import open_data
from qinspect.engine.job import first_plan, float_onnx, fused_graph
from qinspect.engine.latency import latency_sums, layer_latencies
from qinspect.engine.load import load_model
from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.engine.quantize import quantize

pytestmark = pytest.mark.bench


def test_a_layers_time_in_the_profile_is_near_that_of_the_layer_alone():
    model = load_model(demo.model_spec(), allow_code=True)
    data = open_data(demo.data_spec(), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    graph = fused_graph(model, plan).graph
    inputs = data.load([0])
    q = quantize(graph, plan, calibrate(graph, [inputs]).tensors)
    runner = OrtRunner(q, float_onnx(q))
    times = layer_latencies(runner.time(inputs, 1, 50))
    values = runner.integers(inputs)
    ratios = []
    print()
    for layer in graph.layers:
        if layer.op != "conv2d" or layer.macs < 5_000_000 or not layer.id.startswith("features.1"):
            continue
        reads = inputs_of(q, layer)
        small = cut(q, layer, {name: tuple(values[name].shape) for name in reads})
        with tempfile.TemporaryDirectory() as folder:
            write_cut(small, tuple(q.values[name].dequantize(values[name]) for name in reads), Path(folder))
            opened = session((Path(folder) / "layer.onnx").read_bytes(), 1)
        feed = {opened.get_inputs()[0].name: values[reads[0]].numpy().astype("uint8")}
        laps = []
        for _ in range(200):
            start = time.perf_counter()
            opened.run(None, feed)
            laps.append((time.perf_counter() - start) * 1e6)
        alone, inside = statistics.median(laps), times[layer.id].int8_us
        ratios.append(inside / alone)
        print(f"{layer.id:32} in the profile {inside:7.1f} µs, alone {alone:7.1f} µs, ratio {ratios[-1]:.2f}")
    assert len(ratios) >= 5
    assert 0.4 < statistics.median(ratios) < 1.5
    assert torch.tensor(ratios).isfinite().all()


def test_inductors_kernels_beside_the_whole():
    """PT2E end to end against inductor's fp32, and kernel by kernel; the sum is no end-to-end time."""
    model = load_model(demo.model_spec(), allow_code=True)
    data = open_data(demo.data_spec(), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target.parse("pt2e"))
    graph = fused_graph(model, plan).graph
    inputs = data.load([0])
    runner = Pt2eRunner(quantize(graph, plan, calibrate(graph, [inputs]).tensors))
    timing = runner.time(inputs, 1, 50, silent)
    fp32, int8 = statistics.median(timing.fp32_ms), statistics.median(timing.int8_ms)
    sums = latency_sums(timing)
    assert sums.fp32_layers_us is not None
    assert sums.int8_layers_us is not None
    print(f"\nMobileNetV2, inductor: {fp32:.2f} / {int8:.2f} ms = {fp32 / int8:.2f}; kernels alone")
    print(f"{sums.fp32_layers_us / 1e3:.2f} / {sums.int8_layers_us / 1e3:.2f} ms, to no layer")
    print(f"{statistics.median(timing.int8_us.get('', [0.0])):.0f} µs of int8")
    for layer, times in sorted(timing.int8_us.items(), key=lambda item: -statistics.median(item[1]))[:8]:
        plain = timing.fp32_us.get(layer)
        before = "" if plain is None else f"{statistics.median(plain):.1f}"
        print(f"{layer:34} {before:>8} {statistics.median(times):8.1f}")
    weighted = {layer.id for layer in graph.layers if layer.op in ("conv2d", "linear")}
    assert weighted <= set(timing.int8_us)
    assert weighted <= set(timing.fp32_us)
    assert 0.3 < sums.int8_layers_us / 1e3 / int8 < 1.3
