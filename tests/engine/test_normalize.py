"""Ids, sources, batches and outputs of the canonical graph; its operators are in test_canonical."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from qinspect.engine.graph.execute import Executor
from qinspect.engine.load import ModelSpec, load_model
from qinspect.engine.problem import Problem


class Function(nn.Module):
    """A module from a function and sub-modules."""

    def __init__(self, function, **parts):
        super().__init__()
        self.function = function
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                self.add_module(name, part)
            else:
                setattr(self, name, part)

    def forward(self, *inputs):
        return self.function(self, *inputs)


def rand(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) - 0.4


IMAGE = rand(2, 4, 8, 8)
SEQUENCE = rand(2, 5, 8)


def test_pooling_with_indices_hands_on_the_values(canonical):
    module = Function(lambda m, x: F.max_pool2d(x, 2, return_indices=True)[0])
    graph = canonical(module, IMAGE)
    assert [layer.op for layer in graph.layers] == ["max_pool2d"]
    assert torch.equal(Executor(graph)([IMAGE]), module(IMAGE))


@pytest.mark.parametrize("name", ["max", "min"])
def test_the_largest_along_an_axis_is_one_layer_whichever_way_it_is_asked_for(canonical, name):
    module = Function(lambda m, x: getattr(torch, name)(x, 2, keepdim=True)[0])
    other = Function(lambda m, x: getattr(torch, f"a{name}")(x, 2, keepdim=True))
    graph = canonical(module, IMAGE)
    assert [(layer.id, layer.target) for layer in graph.layers] == [(f":a{name}", f"aten.a{name}.default")]
    assert [layer.id for layer in canonical(other, IMAGE).layers] == [f":a{name}"]
    assert torch.equal(Executor(graph)([IMAGE]), module(IMAGE))


def test_the_place_of_the_largest_keeps_the_operator_that_gives_it(canonical):
    module = Function(lambda m, x: torch.max(x, 2))
    graph = canonical(module, IMAGE)
    for found, wanted in zip(Executor(graph)([IMAGE]), module(IMAGE), strict=True):
        assert torch.equal(found, wanted)


def test_a_batch_of_one_in_the_example_is_grown_so_that_the_batch_stays_free(canonical):
    graph = canonical(nn.Conv2d(4, 2, 1), IMAGE[:1], dynamic=True)
    assert graph.inputs[0].shape == (None, 4, 8, 8)
    assert graph.layers[0].shape == (1, 2, 8, 8)


def test_a_model_that_fixes_its_batch_is_traced_with_that_batch(canonical):
    graph = canonical(Function(lambda m, x: x.reshape(1, 4, 8, 8).relu()), IMAGE[:1], dynamic=False)
    assert graph.inputs[0].shape == (1, 4, 8, 8)


class Shared(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2d(4, 4, 1), nn.ReLU())
        self.act = nn.ReLU()

    def forward(self, x):
        x = self.act(self.block(x))
        x = self.act(self.block(x) + 1)
        return F.relu(F.relu(x) - 1)


def test_ids_name_the_module_the_call_and_the_occurrence(canonical):
    ids = [layer.id for layer in canonical(Shared(), IMAGE).layers]
    assert ids == [
        "block.0:conv2d",
        "block.1:relu",
        "act:relu",
        "block.0:conv2d@2",
        "block.1:relu@2",
        ":add",
        "act:relu@2",
        ":relu",
        ":sub",
        ":relu#2",
    ]


def test_ids_are_the_same_when_the_model_is_traced_again(canonical):
    module = Shared()
    assert [x.id for x in canonical(module, IMAGE).layers] == [x.id for x in canonical(module, rand(3, 4, 8, 8)).layers]


def test_a_shared_module_keeps_its_path_and_one_stored_weight(canonical):
    graph = canonical(Shared(), IMAGE)
    one, two = graph.by_id["block.0:conv2d"], graph.by_id["block.0:conv2d@2"]
    assert one.path == two.path == "block.0"
    assert one.roles == two.roles == {"weight": "block.0.weight", "bias": "block.0.bias"}


def test_a_layer_knows_the_line_that_its_author_wrote(canonical):
    layer = canonical(Shared(), IMAGE).by_id[":add"]
    name, _, line = layer.source.rpartition(":")
    with open(name) as file:
        assert "self.block(x) + 1" in file.readlines()[int(line) - 1]


def test_multiply_adds_are_of_one_sample(canonical):
    conv = canonical(nn.Conv2d(4, 6, 3, padding=1, groups=2), IMAGE).layers[0]
    assert conv.macs == 6 * 8 * 8 * 2 * 9
    transposed = canonical(nn.ConvTranspose2d(4, 6, 2, groups=2), IMAGE).layers[0]
    assert transposed.macs == 4 * 8 * 8 * 3 * 4
    assert canonical(nn.Linear(8, 3), SEQUENCE).layers[0].macs == 5 * 8 * 3
    product = canonical(Function(lambda m, x: x @ x.transpose(1, 2)), SEQUENCE).layers[-1]
    assert product.macs == 5 * 8 * 5


def test_attention_keeps_its_products_softmax_and_output_projection(canonical):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x, need_weights=False)[0]

    net = Net()
    graph = canonical(net, SEQUENCE)
    ops = [layer.op for layer in graph.layers]
    assert ops.count("linear") == 2
    assert "scaled_dot_product_attention" in ops or ops.count("matmul") == 2
    assert torch.allclose(Executor(graph)([SEQUENCE]), net(SEQUENCE), atol=1e-6)


def test_an_lstm_is_one_layer_or_its_parts_and_computes_the_same(canonical):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(8, 4, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0].relu()

    net = Net()
    graph = canonical(net, SEQUENCE)
    with torch.no_grad():
        assert torch.allclose(Executor(graph)([SEQUENCE]), net(SEQUENCE), atol=1e-6)


def test_an_embedding_keeps_its_integer_input(canonical):
    net = nn.Embedding(10, 4)
    tokens = torch.tensor([[1, 2, 3], [4, 5, 6]])
    graph = canonical(net, tokens)
    assert graph.inputs[0].dtype == "int64"
    assert graph.layers[0].op == "embedding"
    assert torch.equal(Executor(graph)([tokens]), net(tokens))


def test_outputs_keep_their_nesting(canonical):
    module = Function(lambda m, x: {"a": x.relu(), "b": [x + 1, None], "c": 3})
    result = Executor(canonical(module, IMAGE))([IMAGE])
    assert torch.equal(result["a"], IMAGE.relu())
    assert torch.equal(result["b"][0], IMAGE + 1)
    assert result["b"][1] is None
    assert result["c"] == 3


def test_what_nothing_reads_is_left_out(canonical):
    def forward(m, x):
        x.sigmoid()
        return x.relu()

    assert [layer.op for layer in canonical(Function(forward), IMAGE).layers] == ["relu"]


def test_two_inputs_keep_their_order(canonical):
    graph = canonical(Function(lambda m, a, b: a - b), IMAGE, IMAGE * 2)
    assert len(graph.inputs) == 2
    assert torch.equal(Executor(graph)([IMAGE, IMAGE * 2]), IMAGE - IMAGE * 2)


UNTRACEABLE = """\
import torch


class Net(torch.nn.Module):
    def forward(self, x):
        if x.sum() > 0:  # the line at fault
            return x + 1
        return x - 1
"""


def test_a_model_that_cannot_be_traced_is_refused_naming_file_and_line(tmp_path):
    (tmp_path / "net.py").write_text(UNTRACEABLE)
    with pytest.raises(Problem) as caught:
        load_model(ModelSpec(f"{tmp_path / 'net.py'}:Net", None, ((1, 4),)), allow_code=True)
    assert caught.value.where == f"{tmp_path / 'net.py'}:6"
    assert "trace" in caught.value.what
    assert "\n" not in str(caught.value)


class Windowed(nn.Module):
    """A mask made as Swin makes its own: of zeros that are written piece by piece, and compared."""

    def forward(self, x):
        mask = x.new_zeros(4, 4)
        for index, place in enumerate((slice(0, 2), slice(2, 4))):
            mask[place] = index
        apart = mask.unsqueeze(0) - mask.unsqueeze(1)
        apart = apart.masked_fill(apart != 0, -100.0)
        edge = torch.full_like(x[0, 0, 0], 2.0) * torch.ones_like(x[0])
        return torch.softmax(x + apart[0] + edge, -1)


def test_what_is_made_of_an_inputs_sizes_alone_is_a_constant(canonical):
    x = torch.randn(3, 4, 4, 4)
    net = Windowed().eval()
    graph = canonical(net, x)
    assert [layer.op for layer in graph.layers if not layer.transparent] == ["add", "add", "softmax"]
    assert torch.equal(Executor(graph)([x]), net(x))


def test_what_has_as_many_samples_as_the_input_is_made_anew_for_each_batch(canonical):
    x = torch.randn(3, 4, 4)

    class Like(nn.Module):
        def forward(self, x):
            return torch.cat([x, torch.full_like(x, 2.0), x.new_ones(x.shape[0], 1, 4)], 1)

    graph = canonical(Like(), x)
    for batch in (x, torch.randn(5, 4, 4)):
        assert torch.equal(Executor(graph)([batch]), Like()(batch))
