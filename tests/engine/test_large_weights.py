"""Of weights that are large no more copies are made than are needed at the same time."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import onnx
import pytest

from qinspect.engine import analyze as analyzing
from qinspect.engine import job, samples, simulate
from qinspect.engine.analyze import analyze
from qinspect.engine.backends.onnx import verify
from qinspect.engine.backends.ort.runner import open_model
from qinspect.engine.data import DataSpec, open_data
from qinspect.engine.export import export
from qinspect.engine.footprint import WEIGHTS_ANALYZED, WEIGHTS_RUN, memory_of
from qinspect.engine.graph import memory
from qinspect.engine.job import calibrate_model, first_plan, quantization_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.target import Target

NET = """\
import torch
from torch import nn

def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 4)), torch.rand(2, 16)
"""


@pytest.fixture
def opened(tmp_path, one_thread):
    (tmp_path / "net.py").write_text(NET)
    np.savez(tmp_path / "d.npz", x=np.random.default_rng(0).random((48, 16), np.float32), y=np.arange(48) % 4)
    model = load_model(ModelSpec(f"{tmp_path / 'net.py'}:model"), allow_code=True)
    data = open_data(DataSpec(str(tmp_path / "d.npz")), model.graph.inputs[0].shape)
    plan = first_plan(model.graph, Target())
    return model, data, plan, calibrate_model(model, data, plan)


def test_weights_are_rounded_once_for_each_pass_over_the_data(opened, monkeypatch):
    model, data, plan, calibration = opened
    rounded = []
    plain = simulate.quantized_params
    monkeypatch.setattr(simulate, "quantized_params", lambda q: rounded.append(q) or plain(q))
    found = analyze(model, data, plan, calibration, kernels=False, exact=False)
    assert len(found.worst) == samples.WORST
    # Errors, the largest effects and the worst samples; one of each layer alone and of each sample had its own copies.
    assert len(rounded) == 3


def test_a_large_float_model_is_neither_kept_nor_handed_to_the_kernels_and_figures_are_the_same(opened, monkeypatch):
    model, data, plan, calibration = opened
    handed = []
    run = analyzing.run_kernels
    monkeypatch.setattr(analyzing, "run_kernels", lambda work, report: handed.append(work.float_onnx) or run(work))
    small = analyze(model, data, plan, calibration, latency=False)
    monkeypatch.setattr(memory, "MAPPED_BYTES", 1000)
    job._float_onnx.cache_clear()
    large = analyze(model, data, plan, calibration, latency=False)
    assert [content is None for content in handed] == [False, True]
    assert large.totals.kernel_kl == small.totals.kernel_kl
    assert [row.kernel for row in large.layers] == [row.kernel for row in small.layers]
    q = quantization_of(model, data, plan, calibration)
    assert job.float_onnx(q) == job.float_onnx(q)
    assert job._float_onnx.cache_info().currsize == 0


def test_while_an_export_is_verified_the_large_float_model_is_in_its_file_alone(opened, tmp_path, monkeypatch):
    (tmp_path / "wide.py").write_text(NET.replace("32", "20000"))
    model = load_model(ModelSpec(f"{tmp_path / 'wide.py'}:model"), allow_code=True)
    _, data, *_ = opened
    plan = first_plan(model.graph, Target())
    calibration = calibrate_model(model, data, plan)
    monkeypatch.setattr(memory, "MAPPED_BYTES", 1000)
    kept, runs = [], []

    def seen(arguments, folder, *rest):
        kept.append(tracemalloc.get_traced_memory()[0])
        runs.extend(json.loads((folder / "work.json").read_text())["runs"])
        return run(arguments, folder, *rest)

    run = verify.run_python
    monkeypatch.setattr(verify, "run_python", seen)
    tracemalloc.start()
    try:
        found = export(model, plan, calibration, data, "onnx", tmp_path / "net.onnx")
    finally:
        tracemalloc.stop()
    assert found.verified
    assert found.float_size_bytes > 1_500_000
    assert kept[0] < 0.8 * found.float_size_bytes  # bytes and arrays; torch's tensors are not counted
    assert [item["optimized"] is None for item in runs] == [False, True, True]  # a copy of all weights


def test_of_the_graph_that_the_runtime_optimized_no_weights_are_read(tmp_path):
    weight = onnx.numpy_helper.from_array(np.random.default_rng(0).random((64, 64), np.float32), "w")
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], "product")],
        "net",
        [value("x", onnx.TensorProto.FLOAT, ["N", 64])],
        [value("y", onnx.TensorProto.FLOAT, ["N", 64])],
        [weight],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    session, optimized = open_model(model.SerializeToString(), 1)
    assert [node.name for node in optimized.graph.node] == ["product"]
    assert optimized.ByteSize() < weight.ByteSize() / 4
    assert session.run(None, {"x": np.ones((1, 64), np.float32)})[0] == pytest.approx(
        onnx.numpy_helper.to_array(weight).sum(0, keepdims=True), rel=1e-5
    )


def test_the_memory_foretold_for_onnx_runtime_holds_the_process_that_runs_its_kernels(opened, tmp_path):
    (tmp_path / "wide.py").write_text(NET.replace("32", "20000"))
    model = load_model(ModelSpec(f"{tmp_path / 'wide.py'}:model"), allow_code=True)
    plans = (first_plan(model.graph, Target(*name)) for name in ((), ("fx", "onednn")))
    ort, fx = (found.run_bytes / found.weights_bytes for found in (memory_of(model, plan) for plan in plans))
    assert ort - fx == pytest.approx(WEIGHTS_RUN["ort"] - WEIGHTS_ANALYZED, abs=0.01)
