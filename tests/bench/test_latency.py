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
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import open_data
from qinspect.engine.job import first_plan, float_onnx, fused_graph
from qinspect.engine.latency import layer_latencies
from qinspect.engine.load import load_model
from qinspect.engine.quantize import quantize
from qinspect.engine.target import Target

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
