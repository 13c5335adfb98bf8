"""Quantized .pt2 files open as a float graph with what was quantized beside it, whoever made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.backends.pt2e.export import Work, write
from qinspect.engine.backends.pt2e.lower import quiet
from qinspect.engine.calibrate import calibrate
from qinspect.engine.fuse import fuse
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.inspect import inspect
from qinspect.engine.load import Model, ModelSpec, load_model
from qinspect.engine.plan import QuantPlan
from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.engine.quantize import Quantization, quantize
from qinspect.engine.simulate import Simulation


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU6())
        self.narrow, self.fc = nn.Conv2d(8, 4, 1), nn.Linear(4, 5)

    def forward(self, x):
        x = self.narrow(self.features(x))
        return F.gelu(self.fc(F.max_pool2d(x, 3, 2, ceil_mode=True).mean((2, 3))))


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def quantization(trace_once, one_thread, x) -> Quantization:
    torch.manual_seed(0)
    plan = QuantPlan.preset(Target("pt2e", "inductor"))
    fused = fuse(trace_once(Net(), x), plan).graph
    return quantize(fused, plan, calibrate(fused, [(x,)], share=1.0).tensors)


@pytest.fixture(scope="module")
def reopened(quantization, tmp_path_factory) -> Model:
    path = tmp_path_factory.mktemp("pt2e") / "net.pt2"
    write(Work(quantization, path), silent)
    return load_model(ModelSpec(str(path)))


def test_an_export_opens_with_the_same_plan_layers_and_qparams(reopened, quantization, x):
    existing = reopened.existing
    assert existing is not None
    assert existing.plan == quantization.plan
    fused = fuse(reopened.graph, existing.plan).graph
    # The BatchNorm went into the weights; all others are there again, the ceil_mode of the pooling too.
    assert {layer.id for layer in fused.layers} == {layer.id for layer in quantization.graph.layers}
    statistics = calibrate(fused, [(x,)], share=1.0).tensors
    again = quantize(fused, existing.plan, statistics, existing.given(fused, existing.plan))
    assert set(again.values) == set(quantization.values)
    for name, params in again.values.items():
        assert params.scale == quantization.values[name].scale
        assert params.zero_point == quantization.values[name].zero_point
    for layer_id, params in quantization.weights.items():
        assert np.array_equal(again.weights[layer_id].scale, params.scale)
        layer = quantization.graph.by_id[layer_id]
        weight = quantization.graph.weight(layer)
        assert weight is not None
        assert np.array_equal(existing.integers[layer_id], params.quantize(weight).numpy())
    with torch.no_grad():
        (ours,), (theirs,) = (outputs_of(Simulation(q)((x,))) for q in (again, quantization))
    assert torch.equal(ours, theirs)


def test_inspect_says_what_is_quantized_and_what_is_float(reopened, quantization):
    rows = {row.id: row for row in inspect(reopened).layers}
    assert rows["narrow:conv2d"].quantized
    assert rows["narrow:conv2d"].weight["granularity"] == "per_channel"
    assert rows["narrow:conv2d"].activation["scale"] == float(quantization.values["narrow:conv2d"].scale)
    assert not rows[":gelu"].quantized


def test_the_float_graph_of_a_quantized_file_is_close_to_the_float_model(reopened, quantization, x):
    with torch.no_grad():
        (ours,) = outputs_of(Executor(reopened.graph)((x,)))
        (theirs,) = outputs_of(Executor(quantization.graph)((x,)))
    assert float((ours - theirs).abs().max()) < 0.02 * float(theirs.abs().max())


def test_a_linear_layer_of_a_foreign_program_that_hands_on_float_is_in_integers_when_it_is_opened(tmp_path):
    net = nn.Sequential(nn.Linear(8, 16), nn.LayerNorm(16), nn.Linear(16, 16), nn.Softmax(-1)).eval()
    x = torch.randn(4, 8)
    path, wanted = by_torchao(net, x, tmp_path)
    model = load_model(ModelSpec(str(path)))
    existing, target = model.existing, Target("pt2e", "inductor")
    graph = fuse(model.graph, QuantPlan(target)).graph
    linear = {layer.id for layer in graph.layers if layer.op == "linear"}
    assert existing.weights.keys() == linear
    assert not linear & existing.values.keys()
    plan = existing.plan_for(graph, target)
    q = quantize(graph, plan, {}, existing.given(graph, plan))  # all grids are the file's
    assert q.giving_real == linear
    assert not q.weight_only
    assert not q.why_not
    with torch.no_grad():
        (ours,) = outputs_of(Simulation(q)((x,)))
    assert torch.allclose(ours, wanted, atol=1e-6)


def by_torchao(net, x, folder):
    """A program that torchao's own quantizer for x86 made, and what it answers."""
    with quiet():
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer.x86_inductor_quantizer import (
            X86InductorQuantizer,
            get_default_x86_inductor_quantization_config,
        )

        quantizer = X86InductorQuantizer().set_global(get_default_x86_inductor_quantization_config())
        with torch.no_grad():
            prepared = prepare_pt2e(torch.export.export(net, (x,)).module(), quantizer)
            prepared(x)
            converted = convert_pt2e(prepared)
            path: Path = folder / "foreign.pt2"
            torch.export.save(torch.export.export(converted, (x,)), path)
            return path, converted(x)


def test_a_program_quantized_by_torchao_itself_opens_with_its_grids(x, tmp_path):
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 4)).eval()
    path, wanted = by_torchao(net, x, tmp_path)
    model = load_model(ModelSpec(str(path)))
    existing = model.existing
    assert existing is not None
    assert existing.plan is None
    assert {layer.op for layer in model.graph.layers} == {"conv2d", "relu", "flatten", "linear"} or {
        layer.op for layer in model.graph.layers
    } == {"conv2d", "relu", "view", "linear"}
    assert len(existing.weights) == 2
    plan = existing.plan_for(fuse(model.graph, QuantPlan(Target("pt2e", "inductor"))).graph, Target("pt2e", "inductor"))
    fused = fuse(model.graph, plan).graph
    q = quantize(fused, plan, calibrate(fused, [(x,)], share=1.0).tensors, existing.given(fused, plan))
    assert q.values[model.graph.inputs[0].name].scale == existing.values[model.graph.inputs[0].name].scale
    with torch.no_grad():
        (ours,) = outputs_of(Simulation(q)((x,)))
    assert float((ours - wanted).abs().max()) < 0.05 * float(wanted.abs().max())
