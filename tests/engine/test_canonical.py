"""Every operator that is promised becomes its canonical one: a model with all of them is traced once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils import parametrizations

from qinspect.engine.calibrate import wanted_values
from qinspect.engine.graph import LayerGraph
from qinspect.engine.graph.execute import Executor, outputs_of


class Part(nn.Module):
    """A function of its input, with sub-modules and parameters of its own."""

    def __init__(self, function, **own):
        super().__init__()
        self.function = function
        for name, item in own.items():
            setattr(self, name, item)

    def forward(self, x):
        return self.function(self, x)


class Standardized(nn.Conv2d):
    """Its weight is computed from the stored one at every call."""

    def forward(self, x):
        weight = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        return self._conv_forward(x, weight / weight.std((1, 2, 3), keepdim=True), self.bias)


class Plain2d(nn.Conv2d):
    def forward(self, x):
        return F.conv2d(x, self.weight, self.bias, self.stride, 1, self.dilation, self.groups)


class Plain1d(nn.Conv1d):
    def forward(self, x):
        return F.conv1d(x, self.weight, self.bias, self.stride, self.padding)


class Plain3d(nn.Conv3d):
    def forward(self, x):
        return F.conv3d(x, self.weight, self.bias, self.stride, self.padding)


class PlainTransposed(nn.ConvTranspose2d):
    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, self.bias, self.stride)


def _without_gradient(m, x):
    with torch.no_grad():
        y = x.relu()
    return y + 1


def own(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.rand(shape, generator=torch.Generator().manual_seed(len(shape))) - 0.4)


def inputs(batch: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(batch)
    shapes = ((4, 8, 8), (6, 16), (4, 9), (4, 4, 5, 6), (8,))
    made = [torch.rand((batch, *shape), generator=generator) - 0.4 for shape in shapes]
    return [*made, torch.randint(0, 10, (batch, 3), generator=generator)]


IMAGE, SEQUENCE, LINE, VOLUME, VECTOR, TOKENS = range(6)
CONV_ROLES = {"weight", "bias"}
NORM_ROLES = {"weight", "bias", "running_mean", "running_var"}
CELL_ROLES = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}
LSTM_ROLES = {f"{role}_l0" for role in CELL_ROLES}

P = Part
WEIGHTS = {
    "Conv1d": (nn.Conv1d(4, 6, 3, stride=2), LINE, ["conv1d"]),
    "Conv1d same, even": (nn.Conv1d(4, 6, 4, padding="same"), LINE, ["conv1d"]),
    "conv1d subclass": (Plain1d(4, 6, 3), LINE, ["conv1d"]),
    "conv1d function": (P(lambda m, x: F.conv1d(x, m.w), w=own(3, 4, 2)), LINE, ["conv1d"]),
    "Conv2d": (nn.Conv2d(4, 6, 3, padding=1), IMAGE, ["conv2d"]),
    "Conv2d same": (nn.Conv2d(4, 4, 3, padding="same"), IMAGE, ["conv2d"]),
    "Conv2d depthwise": (nn.Conv2d(4, 8, 3, groups=4, dilation=2), IMAGE, ["conv2d"]),
    "conv2d subclass": (Plain2d(4, 4, 3), IMAGE, ["conv2d"]),
    "conv2d function": (P(lambda m, x: F.conv2d(x, m.w), w=own(3, 4, 1, 1)), IMAGE, ["conv2d"]),
    "Conv2d circular": (nn.Conv2d(4, 6, 3, padding=1, padding_mode="circular"), IMAGE, ["pad", "conv2d"]),
    "Conv3d": (nn.Conv3d(4, 4, 2, groups=2), VOLUME, ["conv3d"]),
    "Conv3d replicate": (nn.Conv3d(4, 4, 3, padding=1, padding_mode="replicate"), VOLUME, ["pad", "conv3d"]),
    "conv3d subclass": (Plain3d(4, 6, 2), VOLUME, ["conv3d"]),
    "conv3d function": (P(lambda m, x: F.conv3d(x, m.w, padding="same"), w=own(3, 4, 2, 2, 2)), VOLUME, ["conv3d"]),
    "ConvTranspose1d": (nn.ConvTranspose1d(4, 6, 3), LINE, ["conv_transpose1d"]),
    "ConvTranspose2d": (nn.ConvTranspose2d(4, 6, 3, 2, groups=2), IMAGE, ["conv_transpose2d"]),
    "ConvTranspose3d": (nn.ConvTranspose3d(4, 2, 2), VOLUME, ["conv_transpose3d"]),
    "transposed subclass": (PlainTransposed(4, 6, 3), IMAGE, ["conv_transpose2d"]),
    "transposed function": (
        P(lambda m, x: F.conv_transpose1d(x, m.w, stride=2, output_padding=1), w=own(4, 3, 3)), LINE,
        ["conv_transpose1d"],
    ),
    "Linear": (nn.Linear(16, 3), SEQUENCE, ["linear"]),
    "linear function": (P(lambda m, x: F.linear(x, m.w, m.b), w=own(3, 16), b=own(3)), SEQUENCE, ["linear"]),
    "stored matrix": (P(lambda m, x: x @ m.w, w=own(16, 5)), SEQUENCE, ["linear"]),
    "einsum, stored": (P(lambda m, x: torch.einsum("bij,kj->bik", x, m.w), w=own(12, 16)), SEQUENCE, ["linear"]),
    "einsum, stored right": (P(lambda m, x: torch.einsum("bij,jk->bik", x, m.w), w=own(16, 12)), SEQUENCE, ["linear"]),
    "tensordot, stored": (P(lambda m, x: torch.tensordot(x, m.w, dims=([2], [0])), w=own(16, 5)), SEQUENCE, ["linear"]),
    "addmm": (P(lambda m, x: torch.addmm(m.b, x, m.w), w=own(8, 3), b=own(3)), VECTOR, ["linear"]),
    "Bilinear": (P(lambda m, x: m.b(x, x), b=nn.Bilinear(16, 16, 3)), SEQUENCE, ["bilinear"]),
    "weight_norm": (parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), IMAGE, ["conv2d"]),
    "spectral_norm": (parametrizations.spectral_norm(nn.Linear(16, 3)), SEQUENCE, ["linear"]),
    "orthogonal": (parametrizations.orthogonal(nn.Linear(16, 16)), SEQUENCE, ["linear"]),
    "standardized": (Standardized(4, 4, 3), IMAGE, ["conv2d"]),
    "Embedding": (nn.Embedding(10, 4, padding_idx=0), TOKENS, ["embedding"]),
    "LSTM": (P(lambda m, x: m.lstm(x)[0], lstm=nn.LSTM(16, 4, batch_first=True)), SEQUENCE, ["lstm"]),
    "LSTM, state": (P(lambda m, x: m.lstm(x)[1][1], lstm=nn.LSTM(16, 4, batch_first=True)), SEQUENCE, ["lstm"]),
    "GRU": (P(lambda m, x: m.gru(x)[0], gru=nn.GRU(16, 4, batch_first=True)), SEQUENCE, ["gru"]),
    "RNN": (P(lambda m, x: m.rnn(x)[0], rnn=nn.RNN(16, 4, batch_first=True)), SEQUENCE, ["rnn"]),
    "LSTMCell": (P(lambda m, x: m.cell(x)[0], cell=nn.LSTMCell(8, 4)), VECTOR, ["lstm_cell"]),
    "GRUCell": (nn.GRUCell(8, 4), VECTOR, ["gru_cell"]),
    "RNNCell": (nn.RNNCell(8, 4), VECTOR, ["rnn_cell"]),
    "PReLU": (nn.PReLU(4), LINE, ["prelu"]),
    "BatchNorm1d": (nn.BatchNorm1d(4), LINE, ["batch_norm"]),
    "BatchNorm1d, flat": (nn.BatchNorm1d(8), VECTOR, ["batch_norm"]),
    "BatchNorm2d": (nn.BatchNorm2d(4), IMAGE, ["batch_norm"]),
    "BatchNorm3d": (nn.BatchNorm3d(4), VOLUME, ["batch_norm"]),
    "LayerNorm": (nn.LayerNorm(16), SEQUENCE, ["layer_norm"]),
    "LayerNorm, two axes": (nn.LayerNorm((6, 16)), SEQUENCE, ["layer_norm"]),
    "GroupNorm": (nn.GroupNorm(2, 4), IMAGE, ["group_norm"]),
    "InstanceNorm2d": (nn.InstanceNorm2d(4, affine=True, track_running_stats=True), IMAGE, ["instance_norm"]),
    "RMSNorm": (nn.RMSNorm(16), SEQUENCE, ["rms_norm"]),
}  # fmt: skip

ROLES = {
    "conv": CONV_ROLES, "batch_norm": NORM_ROLES, "instance_norm": NORM_ROLES, "layer_norm": CONV_ROLES,
    "group_norm": CONV_ROLES, "rms_norm": {"weight"}, "embedding": {"weight"}, "prelu": {"weight"},
    "lstm_cell": CELL_ROLES, "gru_cell": CELL_ROLES, "rnn_cell": CELL_ROLES,
    "lstm": LSTM_ROLES, "gru": LSTM_ROLES, "rnn": LSTM_ROLES, "linear": {"weight"}, "bilinear": CONV_ROLES,
}  # fmt: skip

REST = {
    "matmul": (P(lambda m, x: x @ x.mT), SEQUENCE, ["matmul"]),
    "mm": (P(lambda m, x: torch.mm(x, x.t())), VECTOR, ["matmul"]),
    "mv": (P(lambda m, x: torch.mv(x, m.w), w=own(8)), VECTOR, ["matmul"]),
    "addmm, scaled": (
        P(lambda m, x: torch.addmm(m.b, x, m.w, beta=0.5, alpha=2), w=own(8, 3), b=own(3)), VECTOR, ["matmul"]),
    "bmm": (P(lambda m, x: torch.bmm(x, x.mT)), SEQUENCE, ["matmul"]),
    "baddbmm": (P(lambda m, x: torch.baddbmm(m.b, x, x.mT, alpha=0.5), b=own(6, 6)), SEQUENCE, ["matmul"]),
    "einsum": (P(lambda m, x: torch.einsum("bhid,bhjd->bhij", x, x)), IMAGE, ["matmul"]),
    "einsum of three": (
        P(lambda m, x: torch.einsum("bij,jk,kl->bil", x, m.w, m.v), w=own(16, 7), v=own(7, 12)), SEQUENCE,
        ["linear", "linear"],
    ),
    "einsum that only permutes": (P(lambda m, x: torch.einsum("bij->bji", x)), SEQUENCE, []),
    "attention": (P(lambda m, x: F.scaled_dot_product_attention(x, x, x)), IMAGE, ["scaled_dot_product_attention"]),
    "instance_norm without parameters": (nn.InstanceNorm1d(4), LINE, ["instance_norm"]),
    "layer_norm without parameters": (nn.LayerNorm(16, elementwise_affine=False), SEQUENCE, ["layer_norm"]),
    "batch_norm of the batch": (nn.BatchNorm2d(4, track_running_stats=False), IMAGE, ["batch_norm"]),
    "relu": (nn.ReLU(inplace=True), IMAGE, ["relu"]),
    "Tensor.relu_": (P(lambda m, x: (x + 1).relu_()), IMAGE, ["add", "relu"]),
    "relu6": (P(lambda m, x: F.relu6(x)), IMAGE, ["relu6"]),
    "clamp(min=0)": (P(lambda m, x: x.clamp(min=0)), IMAGE, ["relu"]),
    "clamp_min": (P(lambda m, x: torch.clamp_min(x, 0)), IMAGE, ["relu"]),
    "hardtanh 0 6": (nn.Hardtanh(0, 6), IMAGE, ["relu6"]),
    "clamp 0 6": (P(lambda m, x: x.clamp(0, 6)), IMAGE, ["relu6"]),
    "clamp": (P(lambda m, x: x.clamp(max=0.3)), IMAGE, ["clamp"]),
    "hardtanh": (nn.Hardtanh(-0.1, 0.2), IMAGE, ["hardtanh"]),
    "leaky_relu": (P(lambda m, x: F.leaky_relu(x, 0.2)), IMAGE, ["leaky_relu"]),
    "rrelu": (nn.RReLU(0.1, 0.3), IMAGE, ["leaky_relu"]),
    "elu": (nn.ELU(0.5, inplace=True), IMAGE, ["elu"]),
    "selu": (nn.SELU(), IMAGE, ["selu"]),
    "celu": (nn.CELU(), IMAGE, ["celu"]),
    "mish": (nn.Mish(), IMAGE, ["mish"]),
    "softplus": (nn.Softplus(), IMAGE, ["softplus"]),
    "logsigmoid": (nn.LogSigmoid(), IMAGE, ["logsigmoid"]),
    "glu": (nn.GLU(1), IMAGE, ["glu"]),
    "hardswish": (nn.Hardswish(inplace=True), IMAGE, ["hardswish"]),
    "hardsigmoid": (nn.Hardsigmoid(inplace=True), IMAGE, ["hardsigmoid"]),
    "sigmoid": (P(lambda m, x: torch.sigmoid(x)), IMAGE, ["sigmoid"]),
    "tanh": (P(lambda m, x: x.tanh()), IMAGE, ["tanh"]),
    "silu": (nn.SiLU(inplace=True), IMAGE, ["silu"]),
    "gelu": (nn.GELU("tanh"), IMAGE, ["gelu"]),
    "softmax": (P(lambda m, x: x.softmax(-1)), IMAGE, ["softmax"]),
    "log_softmax": (nn.LogSoftmax(1), IMAGE, ["log_softmax"]),
    **{f"max_pool{n}d": (getattr(nn, f"MaxPool{n}d")(3, 2, ceil_mode=True), at, [f"max_pool{n}d"])
       for n, at in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"avg_pool{n}d": (getattr(nn, f"AvgPool{n}d")(3, 2, ceil_mode=True), at, [f"avg_pool{n}d"])
       for n, at in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"adaptive_avg_pool{n}d": (getattr(nn, f"AdaptiveAvgPool{n}d")(2), at, [f"adaptive_avg_pool{n}d"])
       for n, at in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    **{f"adaptive_max_pool{n}d": (getattr(nn, f"AdaptiveMaxPool{n}d")(2), at, [f"adaptive_max_pool{n}d"])
       for n, at in ((1, LINE), (2, IMAGE), (3, VOLUME))},
    "mean": (P(lambda m, x: x.mean((2, 3), keepdim=True)), IMAGE, ["mean"]),
    "mean of all axes behind": (P(lambda m, x: x.flatten(1).mean(-1)), IMAGE, ["mean"]),
    "add": (P(lambda m, x: x.relu() + x), IMAGE, ["relu", "add"]),
    "sub": (P(lambda m, x: x.relu() - x), IMAGE, ["relu", "sub"]),
    "mul": (P(lambda m, x: x.relu() * x), IMAGE, ["relu", "mul"]),
    "div": (P(lambda m, x: x.relu() / (x + 2)), IMAGE, ["relu", "add", "div"]),
    "numbers": (P(lambda m, x: (1 - (x * 2 + 1)) / 3), IMAGE, ["mul", "add", "sub", "div"]),
    "in place": (P(lambda m, x: x.relu().mul_(2).add_(x).sub_(3).div_(2)), IMAGE,
                 ["relu", "mul", "add", "sub", "div"]),
    "stored operand": (P(lambda m, x: x * m.w + m.w, w=own(4, 1, 1)), IMAGE, ["mul", "add"]),
    "cat": (P(lambda m, x: torch.cat([x, x.relu()], 1)), IMAGE, ["relu", "cat"]),
    "hstack": (P(lambda m, x: torch.hstack([x, x.relu()])), IMAGE, ["relu", "cat"]),
    "stack": (P(lambda m, x: torch.stack([x, x.relu()], 1)), IMAGE, ["relu", "stack"]),
    **{f"pad {mode}": (P(lambda m, x, mode=mode: F.pad(x, (1, 2, 0, 1), mode=mode)), IMAGE, ["pad"])
       for mode in ("constant", "reflect", "replicate", "circular")},
    "pad with a number": (nn.ConstantPad1d((1, 2), 1.5), LINE, ["pad"]),
    **{f"interpolate {mode}": (P(lambda m, x, mode=mode: F.interpolate(x, scale_factor=2, mode=mode)), IMAGE,
                               ["interpolate"]) for mode in ("nearest", "nearest-exact", "bilinear", "bicubic")},
    "interpolate line": (nn.Upsample(size=5, mode="linear"), LINE, ["interpolate"]),
    "interpolate volume": (nn.Upsample(scale_factor=2, mode="trilinear"), VOLUME, ["interpolate"]),
    "interpolate volume, nearest": (nn.Upsample(scale_factor=2), VOLUME, ["interpolate"]),
    "interpolate smoothly": (
        P(lambda m, x: F.interpolate(x, size=(5, 7), mode="bilinear", antialias=True)), IMAGE, ["interpolate"]),
    "area": (P(lambda m, x: F.interpolate(x, size=(5, 7), mode="area")), IMAGE, ["adaptive_avg_pool2d"]),
    "constant": (P(lambda m, x: x * (m.w.exp() + 1), w=own(1)), IMAGE, ["mul"]),
    "without gradient": (P(_without_gradient), IMAGE, ["relu", "add"]),
    "unknown": (P(lambda m, x: x.erfinv().relu()), IMAGE, ["other", "relu"]),
    "several results": (P(lambda m, x: [t.relu() for t in x.topk(2, 1)[:1]]), IMAGE, ["other", "relu"]),
    "all of several results": (P(lambda m, x: torch.var_mean(x, 1)), IMAGE, ["other"]),
    "dropout": (nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.AlphaDropout()), IMAGE, []),
    "identity": (nn.Identity(), IMAGE, []),
}  # fmt: skip

MOVES: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "chunk": lambda x: x.chunk(2, 1)[1],
    "split": lambda x: x.split([1, 3], 1)[1],
    "tensor_split": lambda x: x.tensor_split(2, 1)[1],
    "unsafe_chunk": lambda x: torch.unsafe_chunk(x, 2, 1)[0],
    "slice": lambda x: x[:, 1:, ::2],
    "negative index": lambda x: x[..., -1],
    "new axis": lambda x: x[:, None],
    "list of indices": lambda x: x[:, [0, 2]],
    "index_select": lambda x: x.index_select(1, torch.tensor([0, 2])),
    "narrow": lambda x: x.narrow(1, 1, 2),
    "select": lambda x: x.select(1, 2),
    "unbind": lambda x: x.unbind(1)[3],
    "view": lambda x: x.view(x.size(0), -1),
    "reshape": lambda x: x.reshape(x.shape[0], 2, -1),
    "flatten": lambda x: x.flatten(2),
    "unflatten": lambda x: x.unflatten(1, (2, 2)),
    "transpose": lambda x: x.transpose(1, 2),
    "permute": lambda x: x.permute(0, 2, 3, 1),
    "movedim": lambda x: x.movedim(1, -1),
    "swapaxes": lambda x: x.swapaxes(1, 2),
    "mT": lambda x: x.mT,
    "squeeze": lambda x: x[:, :1].squeeze(1),
    "unsqueeze": lambda x: x.unsqueeze(2),
    "expand": lambda x: x[:, :1].expand(-1, 3, -1, -1),
    "broadcast_to": lambda x: torch.broadcast_to(x[:, :1], x.shape),
    "repeat": lambda x: x.repeat(1, 2, 1, 1),
    "tile": lambda x: x.tile(1, 2, 1, 1),
    "repeat_interleave": lambda x: x.repeat_interleave(2, 1),
    "contiguous": lambda x: x.transpose(1, 2).contiguous(),
    "clone": lambda x: x.clone(),
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "float": lambda x: x.float().type_as(x).to(torch.float32),
    "pixel_shuffle": lambda x: F.pixel_shuffle(x, 2),
    "pixel_unshuffle": lambda x: F.pixel_unshuffle(x, 2),
    "channel_shuffle": lambda x: F.channel_shuffle(x, 2),
    "flip": lambda x: torch.fliplr(x).flip(2),
    "roll": lambda x: x.roll(1, 2),
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)),
    "windows": lambda x: x.unfold(2, 2, 1),
    "diagonal": lambda x: x.diagonal(0, 2, 3),
}
"""What only moves or renames values is no layer for people."""

ZOO = {**WEIGHTS, **REST, **{name: (Part(lambda m, x, f=f: f(x)), IMAGE, []) for name, f in MOVES.items()}}


class Everything(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = nn.ModuleList(module for module, _, _ in ZOO.values())
        self.reads = [place for _, place, _ in ZOO.values()]

    def forward(self, *given):
        return [part(given[place].clone()) for part, place in zip(self.parts, self.reads, strict=True)]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    net = Everything().eval().requires_grad_(False)
    for part in net.modules():
        if isinstance(part, nn.modules.batchnorm._NormBase) and part.running_mean is not None:
            part.running_mean.uniform_(-0.3, 0.3)
            part.running_var.uniform_(0.5, 2)
    return net


@pytest.fixture(scope="module")
def graph(model, trace_once) -> LayerGraph:
    return trace_once(model, *inputs(2), dynamic=True)


def layers_of(graph, name):
    path = f"parts.{list(ZOO).index(name)}"
    return [layer for layer in graph.layers if layer.path == path or layer.path.startswith(f"{path}.")]


@pytest.mark.parametrize("name", ZOO)
def test_what_is_shown_of_a_part_are_its_canonical_operators(name, graph):
    assert [layer.op for layer in layers_of(graph, name) if not layer.transparent] == ZOO[name][2]


@pytest.mark.parametrize("batch", [1, 3])
def test_the_canonical_float_output_is_bitwise_the_models(batch, model, graph):
    given = inputs(batch)
    with torch.no_grad():
        ours = Executor(graph)([x.clone() for x in given])
        theirs = model(*given)
    for name, mine, wanted in zip(ZOO, ours, theirs, strict=True):
        for one, other in zip(outputs_of(mine), outputs_of(wanted), strict=True):
            assert torch.equal(one, other), name


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_layer_knows_what_its_stored_tensors_are_for(name, graph):
    layer = next(layer for layer in layers_of(graph, name) if layer.roles)
    kind = "conv" if layer.op.startswith("conv") else layer.op
    roles = set(layer.roles)
    assert roles - {"bias"} == ROLES[kind] - {"bias"}
    assert all(key in graph.params for key in layer.roles.values())


def test_layers_know_the_line_of_the_author_where_it_is_not_torchs(graph):
    own = [name for name, (module, _, _) in ZOO.items() if isinstance(module, Part)]
    assert own
    for name in own:
        for layer in layers_of(graph, name):
            if not layer.target.startswith(("aten.sym_size", "_operator.")):
                assert layer.source, (name, layer.id)
                assert layer.source.startswith(__file__)


def test_ids_are_unique(graph):
    assert len({layer.id for layer in graph.layers}) == len(graph.layers)


MACS = {
    "Conv1d": 6 * 4 * 4 * 3,
    "Conv3d": 4 * (3 * 4 * 5) * 2 * 8,
    "ConvTranspose2d": 4 * 64 * 3 * 9,
    "Linear": 6 * 16 * 3,
    "einsum, stored": 6 * 16 * 12,
    "matmul": 6 * 6 * 16,
    "bmm": 6 * 6 * 16,
    "baddbmm": 6 * 6 * 16,
    "mv": 8,
    "einsum": 4 * 8 * 8 * 8,
    "attention": 2 * 4 * 8 * 8 * 8,
    "LSTM": 6 * 4 * 4 * (16 + 4),
    "GRU": 6 * 3 * 4 * (16 + 4),
    "RNN": 6 * 4 * (16 + 4),
    "LSTMCell": 4 * 4 * (8 + 4),
    "relu": 0,
}


@pytest.mark.parametrize("name", MACS)
def test_multiply_adds_are_those_of_one_sample(name, graph):
    assert sum(layer.macs for layer in layers_of(graph, name)) == MACS[name]


def test_every_float_value_that_is_made_new_can_be_observed(graph):
    observed = set(wanted_values(graph))
    for name in ("LSTM", "several results"):
        picked = next(layer for layer in layers_of(graph, name) if layer.op == "getitem")
        assert picked.value in observed
    moved = [layer for layer in layers_of(graph, "permute") if layer.transparent]
    assert not observed & {layer.value for layer in moved}
