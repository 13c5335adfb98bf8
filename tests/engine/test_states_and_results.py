"""Buffers that change, results that are rarely read, and operators as core ATen programs have them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.export import Dim, export, save

from qinspect.engine.fuse import fuse
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.plan import QuantPlan

IMAGE = torch.rand(2, 3, 8, 8)


def run(graph: LayerGraph, *inputs: torch.Tensor) -> list[torch.Tensor]:
    with torch.no_grad():
        return outputs_of(Executor(graph)(inputs))


def ops(graph: LayerGraph) -> list[str]:
    return [layer.op for layer in graph.layers if not layer.transparent]


class Smoothed(nn.Module):
    """Its mean moves on with every call."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(8, 4)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("calls", torch.zeros((), dtype=torch.int64))

    def forward(self, x):
        self.calls += 1
        y = self.linear(x)
        self.mean.mul_(0.9).add_(y.mean((0, 1, 2)) * 0.1)
        return y - self.mean


def smoothed():
    torch.manual_seed(0)
    return Smoothed(), (torch.rand(2, 3, 8, 8),)


def test_a_buffer_that_changes_is_read_as_it_is_stored_and_named_in_a_note():
    model = load_model(ModelSpec(f"{__file__}:smoothed"), allow_code=True)
    assert [note for note in model.notes if "changed by the forward pass" in note and "mean" in note]
    expected = smoothed()[0](IMAGE)
    assert all(torch.equal(run(model.graph, IMAGE)[0], expected) for _ in range(2))


class InTrainMode(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 1)
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("var", torch.ones(4))

    def forward(self, x):
        return F.relu(F.batch_norm(self.conv(x), self.mean, self.var, training=True))


def test_a_batch_norm_in_train_mode_is_in_the_ledger_with_that_reason(canonical):
    module = InTrainMode()
    graph = canonical(module, IMAGE)
    assert ops(graph) == ["conv2d", "batch_norm", "relu"]
    assert torch.equal(run(graph, IMAGE)[0], module(IMAGE))
    row = next(row for row in fuse(graph, QuantPlan()).rows if row.pattern == "conv2d+batch_norm")
    assert row.state == "blocked"
    assert "train mode" in row.reason


class Unpooled(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)

    def forward(self, x):
        y, places = F.max_pool2d(self.conv(x), 2, return_indices=True)
        return F.max_unpool2d(y.sigmoid(), places, 2)


def test_pooling_whose_indices_are_read_stays_one_operator(canonical):
    module = Unpooled()
    graph = canonical(module, IMAGE)
    assert ops(graph) == ["conv2d", "other", "sigmoid", "other"]
    assert torch.equal(run(graph, IMAGE)[0], module(IMAGE))


class Positive(nn.Module):
    def forward(self, x):
        return x[x > 0.5].mean() + x


def test_a_size_that_depends_on_the_values_does_not_stop_anything(canonical):
    graph = canonical(Positive(), IMAGE)
    for x in (IMAGE, 0.3 + IMAGE):
        assert torch.equal(run(graph, x)[0], Positive()(x))


def test_products_with_computed_weights_have_multiply_adds(canonical):
    class Computed(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.k = nn.Parameter(torch.rand(5, 6)), nn.Parameter(torch.rand(2, 1, 3))

        def forward(self, x):
            return F.linear(x, self.w * x.mean()), F.conv1d(x[:, None], self.k * x.mean())

    graph = canonical(Computed(), torch.rand(2, 6))
    assert {layer.op: layer.macs for layer in graph.layers if layer.macs} == {"linear": 5 * 6, "conv1d": 2 * 4 * 3}


@pytest.mark.parametrize("masked", [False, True])
def test_attention_has_multiply_adds_with_and_without_a_mask(canonical, masked):
    class Attention(nn.Module):
        def forward(self, x):
            mask = torch.ones(5, 5, dtype=torch.bool, device=x.device).tril() if masked else None
            return F.scaled_dot_product_attention(x, x, x, mask)

    graph = canonical(Attention(), torch.rand(2, 3, 5, 4))
    macs = {layer.op: layer.macs for layer in graph.layers if layer.macs}
    assert macs == {"scaled_dot_product_attention": 2 * 3 * 5 * 5 * 4}


def core_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1, groups=2),
        nn.GroupNorm(2, 4),
        nn.Conv2d(4, 4, 3, dilation=2, groups=4),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 6 * 6, 5),
    )


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("transposed", [False, True])
def test_core_aten_convolutions_of_any_rank_are_convolutions(canonical, axes, transposed):
    class Core(nn.Module):
        def forward(self, x):
            rank = [axes * [n] for n in (2, 1, 1, 1 if transposed else 0)]
            return torch.convolution(x, self.w, self.b, rank[0], rank[1], rank[2], transposed, rank[3], 2)

    module = Core()
    module.w, module.b = nn.Parameter(torch.randn(4, 2, *axes * [3])), nn.Parameter(torch.randn(4))
    x = torch.randn(2, 4, *axes * [5])
    graph = canonical(module, x)
    assert ops(graph) == [f"conv_transpose{axes}d" if transposed else f"conv{axes}d"]
    assert graph.layers[-1].roles.keys() == {"weight", "bias"}
    assert torch.equal(run(graph, x)[0], module(x))


@pytest.mark.parametrize(
    ("padding", "kernel", "dilation", "numbers"),
    [("valid", 4, 1, [0, 0]), ("same", 3, 1, [1, 1]), ("same", (5, 4), (1, 2), [2, 3]), ("same", 4, 1, None)],
)
def test_padding_by_name_becomes_numbers_where_both_sides_are_padded_alike(
    canonical, padding, kernel, dilation, numbers
):
    module = nn.Conv2d(3, 4, kernel, padding=padding, dilation=dilation)
    graph = canonical(module, IMAGE)
    (layer,) = graph.layers
    assert (layer.target, layer.args[4]) == (
        ("aten.conv2d.padding", "same") if numbers is None else ("aten.conv2d.default", numbers)
    )
    with torch.no_grad():
        assert torch.equal(run(graph, IMAGE)[0], module(IMAGE))


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
def test_a_file_of_core_aten_operators_has_the_layers_and_fusions_of_its_module(tmp_path, canonical):
    net = core_net().eval()
    with torch.no_grad():
        program = export(net, (IMAGE,), dynamic_shapes=({0: Dim("batch")},)).run_decompositions()
    save(program, tmp_path / "core.pt2")
    graph = load_model(ModelSpec(str(tmp_path / "core.pt2"))).graph
    mine = canonical(net, IMAGE)
    assert ops(graph) == ops(mine)
    found, expected = fuse(graph, QuantPlan()), fuse(mine, QuantPlan())
    assert [(row.pattern, row.state) for row in found.rows] == [(row.pattern, row.state) for row in expected.rows]
    with torch.no_grad():
        assert torch.equal(run(graph, IMAGE)[0], net(IMAGE))


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.part = torch.jit.script(nn.Sequential(nn.Conv2d(4, 4, 3), nn.SiLU()))

    def forward(self, x):
        return self.part(self.conv(x)).relu()


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_a_part_in_torchscript_is_one_float_layer(canonical):
    module = Scripted()
    graph = canonical(module, IMAGE)
    assert [layer.path for layer in graph.opaque] == ["part"]
    assert ops(graph) == ["conv2d", "other", "relu"]
    with torch.no_grad():
        assert torch.equal(run(graph, IMAGE)[0], module(IMAGE))
