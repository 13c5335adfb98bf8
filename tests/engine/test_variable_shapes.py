"""Samples of different shapes: they go through in batches of their own, and statistics are those of all."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch

from qinspect.engine import kernels
from qinspect.engine.analyze import analyze
from qinspect.engine.backends.onnx.export import float_model
from qinspect.engine.calibrate import calibrate
from qinspect.engine.data import DataSpec, batches, open_data
from qinspect.engine.float_check import check_float
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, one_after_the_other
from qinspect.engine.job import calibrate_model, first_plan
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan.target import Target
from qinspect.engine.quantize import quantize
from qinspect.engine.source import free_axes, parse_shape

SOURCE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.bn, self.next = nn.Conv1d(1, 8, 5, stride=2, padding=2), nn.BatchNorm1d(8), nn.Conv1d(8, 8, 3)
        self.head, self.mask = nn.Linear(8, 4), nn.Conv1d(8, 2, 1)

    def forward(self, x):
        y = torch.relu(self.next(torch.relu(self.bn(self.conv(x)))))
        return self.head(y.mean(2)), self.mask(y)

def model():
    return Net()

def data():
    generator = torch.Generator().manual_seed(1)
    for length in [40, 40, 64, 100] * 12:
        yield torch.randn(1, 1, length, generator=generator), torch.randint(0, 4, (1,), generator=generator)
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory, one_thread):
    path = tmp_path_factory.mktemp("net") / "net.py"
    path.write_text(SOURCE)
    shape = "1,1,~64"
    model = load_model(ModelSpec(f"{path}:model", None, parse_shape(shape), free_axes(shape)), allow_code=True)
    return model, open_data(DataSpec(f"{path}:data"), model.graph.inputs[0].shape, allow_code=True)


def test_free_axes_are_marked_in_the_shape():
    assert free_axes("1,3,~224, ~224;1,8") == ((2, 3), ())
    assert free_axes("1,3,224,224") == ()
    assert parse_shape("1,3,~224, ~224;1,8") == ((1, 3, 224, 224), (1, 8))
    spec = ModelSpec("net.py:net", None, ((1, 8),), ((1,),))
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert ModelSpec.from_json({"source": "net.pt2"}) == ModelSpec("net.pt2")


def test_a_model_whose_axis_is_free_runs_at_any_length(opened):
    model, _ = opened
    (spec,) = model.graph.inputs
    assert (spec.shape, spec.sized(3)) == ((None, 1, None), (3, 1, 64))
    conv = next(layer for layer in model.graph.layers if layer.op == "conv1d")
    assert conv.shape == (1, 8, 32)
    for length in (40, 100):
        x = torch.rand(2, 1, length)
        for ours, theirs in zip(Executor(model.graph)([x]), model.forward(x), strict=True):
            assert torch.equal(ours, theirs)


def test_statistics_are_those_of_all_samples_whatever_their_lengths(opened):
    model, data = opened
    chosen = data.splits.calibrate
    given = [inputs for inputs, _ in batches(data, chosen, 16)]
    assert max(len(x[0]) for x in given) > 1
    assert sum(len(x[0]) for x in given) == len(chosen)
    together = calibrate(model.graph, given, share=1.0)
    alone = calibrate(model.graph, [data.load([index]) for index in chosen], share=1.0)
    for name, one in together.tensors.items():
        two = alone.tensors[name]
        assert (one.count, one.min, one.max) == pytest.approx((two.count, two.min, two.max), rel=1e-6)
        assert one.mean == pytest.approx(two.mean, rel=1e-5, abs=1e-6)
        assert one.variance == pytest.approx(two.variance, rel=1e-4)


def test_outputs_of_different_lengths_are_filled_up_with_zeros():
    parts = [[np.ones((2, 3, 4)), np.ones((2, 5))], [np.full((1, 3, 6), 2.0), np.ones((1, 5))]]
    first, second = one_after_the_other(parts)
    assert (first.shape, second.shape) == ((3, 3, 6), (3, 5))
    assert first[:2, :, :4].all()
    assert not first[:2, :, 4:].any()
    assert (first[2] == 2).all()


@pytest.mark.parametrize("target", ["ort", "fx-onednn"])
def test_samples_of_different_lengths_are_analyzed_in_the_kernels_too(opened, target):
    model, data = opened
    assert check_float(model, data).max_abs_delta == 0
    plan = first_plan(model.graph, Target.parse(target))
    found = analyze(model, data, plan, calibrate_model(model, data, plan), latency=False)
    assert found.totals.samples == len(data.splits.final)
    assert 0 < found.totals.kl < 0.1
    assert found.totals.kernel_kl == pytest.approx(found.totals.kl, rel=0.2)
    longest = max(data.samples.shape(index)[0][1] for index in data.splits.final)
    assert [output.shape for output in found.outputs] == [(4,), (2, (longest + 1) // 2 - 2)]
    assert {row.op for row in found.layers if row.quantized} >= {"conv1d", "linear"}


def test_progress_counts_samples_and_not_batches_that_could_be_full(opened, monkeypatch):
    # Each of three lengths is a batch of its own: three times 16 samples of 12 are 400 %.
    model, data = opened
    plan = first_plan(model.graph, Target())
    graph = fuse(model.graph, plan).graph
    quantization = quantize(graph, plan, calibrate_model(model, data, plan).tensors)
    told = []
    work = kernels.KernelWork(quantization, None, data.spec, data.splits.select, data.splits.final, 16, timing=False)
    kernels._work(work, lambda done, total, note: told.append(done / total))
    assert told == sorted(told)
    assert max(told) < 0.6


def test_an_onnx_file_of_it_takes_any_length(opened):
    model, _ = opened
    session = onnxruntime.InferenceSession(float_model(model.graph), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert given.shape == ["batch", 1, f"{given.name}_2"]
    for length in (40, 100):
        x = torch.rand(2, 1, length)
        for ours, theirs in zip(session.run(None, {given.name: x.numpy()}), model.forward(x), strict=True):
            assert np.allclose(ours, theirs, atol=1e-5)
