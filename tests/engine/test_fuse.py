"""What is folded computes the same, and the ledger says of every candidate why it was or was not."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from qinspect.engine.fuse import fuse
from qinspect.engine.graph import Layer, Ref
from qinspect.engine.graph.execute import Executor
from qinspect.engine.graph.fold import fold_batch_norm, fold_into_next, followed, scale_and_shift
from qinspect.engine.plan import QuantPlan

CONVS = {
    "conv1d": (F.conv1d, 1),
    "conv2d": (F.conv2d, 2),
    "conv3d": (F.conv3d, 3),
    "conv_transpose1d": (F.conv_transpose1d, 1),
    "conv_transpose2d": (F.conv_transpose2d, 2),
    "conv_transpose3d": (F.conv_transpose3d, 3),
    "linear": (F.linear, 0),
}


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(sorted(CONVS)),
    groups=st.integers(1, 3),
    inner=st.integers(1, 2),
    outer=st.integers(1, 3),
    bias=st.booleans(),
    affine=st.booleans(),
    eps=st.sampled_from([1e-5, 1e-3, 0.5]),
    seed=st.integers(0, 2**31),
)
def test_a_folded_batch_norm_computes_what_the_two_layers_computed(kind, groups, inner, outer, bias, affine, eps, seed):
    function, spatial = CONVS[kind]
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    transposed = "transpose" in kind
    groups = 1 if kind == "linear" else groups
    channels = groups * outer
    kernel = [2] * spatial
    weight = draw(groups * inner, outer, *kernel) if transposed else draw(channels, inner, *kernel)
    b = draw(channels) if bias else None
    gamma, beta = (draw(channels), draw(channels)) if affine else (None, None)
    mean, var = draw(channels), draw(channels).abs()
    x = draw(2, groups * inner, *[4] * spatial)
    extra = {} if kind == "linear" else {"groups": groups}
    expected = F.batch_norm(function(x, weight, b, **extra), mean, var, gamma, beta, False, 0.1, eps)
    norm = scale_and_shift(gamma, beta, mean, var, eps)
    folded, shifted = fold_batch_norm(weight, b, *norm, axis=int(transposed), groups=groups if transposed else 1)
    assert folded.shape == weight.shape
    assert torch.allclose(function(x, folded, shifted, **extra), expected, rtol=1e-9, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(
    kind=st.sampled_from(sorted(CONVS)),
    groups=st.integers(1, 3),
    inner=st.integers(1, 2),
    outer=st.integers(1, 3),
    bias=st.booleans(),
    affine=st.booleans(),
    eps=st.sampled_from([1e-5, 1e-3, 0.5]),
    repeat=st.integers(1, 4),
    seed=st.integers(0, 2**31),
)
def test_a_batch_norm_folded_into_the_layer_after_it_computes_the_same(
    kind, groups, inner, outer, bias, affine, eps, repeat, seed
):
    function, spatial = CONVS[kind]
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    transposed = "transpose" in kind
    groups, repeat = (1, repeat) if kind == "linear" else (groups, 1)
    channels = groups * inner
    kernel = [1 if transposed else 2] * spatial
    weight = draw(channels, outer, *kernel) if transposed else draw(groups * outer, inner * repeat, *kernel)
    b = draw(groups * outer) if bias else None
    gamma, beta = (draw(channels), draw(channels)) if affine else (None, None)
    mean, var = draw(channels), draw(channels).abs()
    x = draw(2, channels, *([repeat] if kind == "linear" else [4] * spatial))
    extra = {} if kind == "linear" else {"groups": groups}
    normal = F.batch_norm(x, mean, var, gamma, beta, False, 0.1, eps)
    if kind == "linear":
        x, normal = x.flatten(1), normal.flatten(1)
    expected = function(normal, weight, b, **extra)
    norm = scale_and_shift(gamma, beta, mean, var, eps)
    folded, shifted = fold_into_next(weight, b, *norm, axis=0 if transposed else 1, groups=groups, repeat=repeat)
    assert folded.shape == weight.shape
    assert torch.allclose(
        function(x, folded, shifted, **extra), expected, rtol=1e-10, atol=1e-10 * expected.abs().max()
    )


@st.composite
def moved(draw):
    """Sizes with the batch on one axis, where the channels stand, and a permutation or a merging of axes."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=2, max_size=5))
    batch = draw(st.integers(0, len(sizes) - 1))
    axis = draw(st.sampled_from([i for i in range(len(sizes)) if i != batch]))
    cuts = sorted(draw(st.sets(st.integers(1, len(sizes) - 1))))
    order = draw(st.one_of(st.none(), st.permutations(range(len(sizes)))))
    return sizes, batch, axis, cuts, order


@settings(max_examples=300, deadline=None)
@given(moved())
def test_channels_are_found_again_behind_what_moves_them_or_not_claimed(case):
    sizes, batch, axis, cuts, order = case

    def layer(target, args, shape, free):
        return Layer(target, "", target.split(".")[1], target, args, shape=tuple(shape), free=free, transparent=True)

    one = [1 if i == batch else n for i, n in enumerate(sizes)]
    before = layer("aten.conv2d.default", (), one, (batch,))
    if order is not None:
        move = layer("aten.permute.default", (Ref("x"), list(order)), [one[i] for i in order], (order.index(batch),))
    else:
        ends = [0, *cuts, len(sizes)]
        groups = [range(a, b) for a, b in itertools.pairwise(ends)]
        shape = [math.prod(one[i] for i in group) for group in groups]
        free = tuple(j for j, group in enumerate(groups) if batch in group)
        move = layer("aten.view.default", (Ref("x"), shape), shape, free)
    found = followed(move, before, axis, 1)
    merged = order is None and axis > batch and not any(batch < cut <= axis for cut in cuts)
    assert found is not None or merged or order is None
    if found is None:
        return
    place, repeat = found
    for size in (1, 3):
        real = [size if i == batch else n for i, n in enumerate(sizes)]
        view = [-1 if i == axis else 1 for i in range(len(real))]
        channels = torch.arange(real[axis]).view(view).expand(real)
        if order is not None:
            behind = channels.permute(list(order))
        else:
            behind = channels.reshape([math.prod(real[i] for i in group) for group in groups])
        along = behind.movedim(place, 0).flatten(1)
        assert torch.equal(along, (torch.arange(len(along)) // repeat)[:, None].expand_as(along))


class Net(nn.Module):
    def __init__(self, *parts, after=None):
        super().__init__()
        self.parts = nn.Sequential(*parts)
        self.after = after

    def forward(self, x):
        y = self.parts(x)
        return y if self.after is None else self.after(self, x, y)


def settle(module):
    """Statistics and parameters of BatchNorms that are not the identity."""
    generator = torch.Generator().manual_seed(3)
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            for tensor in (part.weight, part.bias, part.running_mean, part.running_var):
                if tensor is not None:
                    tensor.data.copy_(torch.rand(tensor.shape, generator=generator) + 0.3)
    return module.eval()


IMAGE = torch.rand(2, 4, 6, 6, generator=torch.Generator().manual_seed(0)) - 0.4

CHAINS = {
    "conv bn relu": (
        [nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU()],
        ["conv2d+batch_norm", "conv2d+batch_norm+relu"],
    ),
    "conv bn relu6": (
        [nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU6()],
        ["conv2d+batch_norm", "conv2d+batch_norm+relu6"],
    ),
    "grouped": ([nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)], ["conv2d+batch_norm"]),
    "depthwise": ([nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.BatchNorm2d(4, affine=False)], ["conv2d+batch_norm"]),
    "transposed": (
        [nn.ConvTranspose2d(4, 6, 2, groups=2), nn.BatchNorm2d(6), nn.Hardtanh()],
        ["conv_transpose2d+batch_norm", "conv_transpose2d+batch_norm+hardtanh"],
    ),
    "linear": (
        [nn.Flatten(), nn.Linear(144, 5), nn.BatchNorm1d(5), nn.ReLU()],
        ["linear+batch_norm", "linear+batch_norm+relu"],
    ),
    "conv relu": ([nn.Conv2d(4, 6, 3), nn.ReLU()], ["conv2d+relu"]),
    "linear relu": ([nn.Linear(6, 5), nn.ReLU()], ["linear+relu"]),
    "dropout between": ([nn.Conv2d(4, 6, 3), nn.Dropout(), nn.BatchNorm2d(6)], ["conv2d+batch_norm"]),
    "pad conv bn": (
        [nn.ZeroPad2d((1, 1, 2, 2)), nn.Conv2d(4, 6, 3, padding=1), nn.BatchNorm2d(6)],
        ["pad+conv2d", "pad+conv2d+batch_norm"],
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_becomes_one_layer_with_the_same_output(name, canonical):
    parts, patterns = CHAINS[name]
    net = settle(Net(*parts))
    graph = canonical(net, IMAGE)
    fused = fuse(graph, QuantPlan())
    assert [row.pattern for row in fused.rows] == patterns
    assert {row.state for row in fused.rows} == {"fused"}
    assert len([layer for layer in fused.graph.layers if not layer.transparent]) == 1
    assert torch.allclose(Executor(fused.graph)([IMAGE]), net(IMAGE), atol=1e-5)


def test_a_fused_unit_keeps_its_own_id_and_hands_on_the_last_value(canonical):
    fused = fuse(canonical(settle(Net(*CHAINS["conv bn relu"][0])), IMAGE), QuantPlan()).graph
    (unit,) = fused.layers
    assert unit.id == "parts.0:conv2d"
    assert unit.value == "parts.2:relu"
    assert unit.folded == ("parts.1:batch_norm",)
    assert set(fused.by_id) == {"parts.0:conv2d", "parts.1:batch_norm", "parts.2:relu"}


def test_the_original_graph_is_left_as_it_was(canonical):
    net = settle(Net(*CHAINS["conv bn relu"][0]))
    graph = canonical(net, IMAGE)
    before = {key: tensor.clone() for key, tensor in graph.params.items()}
    fuse(graph, QuantPlan())
    assert all(torch.equal(before[key], graph.params[key]) for key in before)
    assert len(graph.layers) == 3


def test_a_shared_convolution_is_folded_with_each_of_its_norms(canonical):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 1)
            self.one, self.two = nn.BatchNorm2d(4), nn.BatchNorm2d(4)

        def forward(self, x):
            return self.two(self.conv(self.one(self.conv(x)).relu()))

    net = settle(Twice())
    fused = fuse(canonical(net, IMAGE), QuantPlan())
    assert [row.state for row in fused.rows] == ["fused"] * 3
    assert torch.allclose(Executor(fused.graph)([IMAGE]), net(IMAGE), atol=1e-5)


BN = [nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)]
BLOCKED = {
    "second reader": (
        Net(nn.Conv2d(4, 4, 1), after=lambda m, x, y: y.relu() + y.sigmoid()),
        "relu",
        "also read by :sigmoid",
    ),
    "output": (Net(nn.Conv2d(4, 4, 1), after=lambda m, x, y: (y.relu(), y)), "relu", "also an output of the model"),
    "norm after relu": (
        Net(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.BatchNorm2d(4)),
        "batch_norm",
        "parts.1:relu stands between",
    ),
    "norm first": (Net(nn.BatchNorm2d(4)), "batch_norm", "the model's input"),
    "norm after add": (
        Net(after=lambda m, x, y: F.batch_norm(x.tanh() + x, torch.zeros(4), torch.ones(4))),
        "batch_norm",
        "no convolution or linear layer (:add)",
    ),
    "norm of another axis": (Net(nn.Flatten(2), nn.Linear(36, 7), nn.BatchNorm1d(4)), "batch_norm", "another axis"),
    "weight at run time": (
        Net(
            nn.Identity(),
            after=lambda m, x, y: F.batch_norm(
                F.conv2d(y, x[0].reshape(-1)[:16].reshape(4, 4, 1, 1)), torch.zeros(4), torch.ones(4)
            ),
        ),
        "batch_norm",
        "computed at run time",
    ),
    "asymmetric pad": (
        Net(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(4, 4, 3, stride=2)),
        "pad",
        "one side more than the other",
    ),
    "pad of ones": (Net(nn.ConstantPad2d(1, 1.0), nn.Conv2d(4, 4, 3)), "pad", "does not pad with zeros"),
    "reflection": (Net(nn.ReflectionPad2d(1), nn.Conv2d(4, 4, 3)), "pad", "does not pad with zeros"),
    "cropping pad": (Net(nn.ZeroPad2d(-1), nn.Conv2d(4, 4, 3)), "pad", "it crops"),
    "pad of channels": (
        Net(nn.Identity(), nn.ConstantPad3d((0, 0, 0, 0, 1, 1), 0.0), nn.Conv2d(6, 4, 3)),
        "pad",
        "another axis",
    ),
    "pad before transposed": (Net(nn.ZeroPad2d(1), nn.ConvTranspose2d(4, 4, 3)), "pad", "no padding of this kind"),
    "pad read twice": (
        Net(nn.ZeroPad2d(1), after=lambda m, x, y: F.conv2d(y, torch.ones(4, 4, 3, 3)).sum() + y.sum()),
        "pad",
        "also read by",
    ),
    "clip by a tensor": (
        Net(nn.Conv2d(4, 4, 1), after=lambda m, x, y: torch.clamp(y, max=torch.linspace(0.1, 1, 4).reshape(4, 1, 1))),
        "clamp",
        "its limits are tensors",
    ),
    "clip after clip": (Net(nn.Conv2d(4, 4, 1), nn.ReLU6(), nn.ReLU()), "relu", "parts.1:relu6 stands between"),
}


@pytest.mark.parametrize("name", BLOCKED)
def test_a_near_miss_is_in_the_ledger_with_its_reason(name, canonical):
    net, op, reason = BLOCKED[name]
    settle(net)
    graph = canonical(net, IMAGE)
    fused = fuse(graph, QuantPlan())
    rows = [row for row in fused.rows if row.state == "blocked"]
    assert [graph.by_id[row.id].op for row in rows] == [op]
    assert reason in rows[0].reason
    for mine, theirs in zip(_flat(Executor(fused.graph)([IMAGE])), _flat(net(IMAGE)), strict=True):
        assert torch.allclose(mine, theirs, atol=1e-5)


def _flat(result):
    return result if isinstance(result, tuple) else (result,)


def test_a_norm_in_train_mode_is_blocked(canonical):
    def forward(m, x, y):
        return F.batch_norm(y, None, None, training=True)

    fused = fuse(canonical(Net(nn.Conv2d(4, 4, 1), after=forward), IMAGE), QuantPlan())
    (row,) = fused.rows
    assert row.state == "blocked"
    assert "train mode" in row.reason


def test_a_relu_behind_a_norm_that_is_not_folded_is_blocked_with_that_reason(canonical):
    net = settle(Net(*CHAINS["conv bn relu"][0]))
    plan = QuantPlan().with_fusion("parts.1:batch_norm", False)
    fused = fuse(canonical(net, IMAGE), plan)
    assert [(row.id, row.state) for row in fused.rows] == [("parts.1:batch_norm", "off"), ("parts.2:relu", "blocked")]
    assert "not folded" in fused.rows[1].reason
    assert [layer.op for layer in fused.graph.layers] == ["conv2d", "batch_norm", "relu"]


def test_each_fusion_can_be_switched_off_alone(canonical):
    net = settle(Net(nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.ReLU()))
    fused = fuse(canonical(net, IMAGE), QuantPlan().with_fusion("parts.1:relu", False))
    assert [(row.id, row.state) for row in fused.rows] == [("parts.1:relu", "off"), ("parts.3:relu", "fused")]
    assert [layer.id for layer in fused.graph.layers] == ["parts.0:conv2d", "parts.1:relu", "parts.2:conv2d"]


def test_add_takes_the_relu_behind_it(canonical):
    net = Net(nn.Conv2d(4, 4, 1), after=lambda m, x, y: torch.relu(y + x))
    fused = fuse(canonical(net, IMAGE), QuantPlan())
    assert [(row.pattern, row.state) for row in fused.rows] == [("conv2d+add", "blocked"), ("add+relu", "fused")]
    assert "unsupported by the backends" in fused.rows[0].reason
    assert [layer.op for layer in fused.graph.layers] == ["conv2d", "add"]
