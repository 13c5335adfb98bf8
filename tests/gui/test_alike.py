"""Layers at the same place of every block, selected together from the menu of one of them."""

from __future__ import annotations

import pytest

from qinspect.engine.plan.target import Target
from qinspect.engine.progress import silent
from qinspect.gui import work
from qinspect.gui.panels.alike import alike, place_of

# As MobileNetV2 has them: in joined modules the depthwise convolution's name is like that of the one that expands.
NET = """
from torch import nn

class Block(nn.Module):
    def __init__(self, k):
        super().__init__()
        expand, each = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, k, padding=k // 2, groups=8)
        self.conv = nn.Sequential(nn.Sequential(expand, nn.ReLU()), nn.Sequential(each, nn.ReLU()), nn.Conv2d(8, 8, 1))

    def forward(self, x):
        return x + self.conv(x)

def model():
    last = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, groups=8))
    return nn.Sequential(nn.Conv2d(3, 8, 3), Block(3), Block(3), Block(5), last).eval()
"""
DEPTHWISE = ("1.conv.1.0:conv2d", "2.conv.1.0:conv2d")


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    code = tmp_path_factory.mktemp("alike") / "net.py"
    code.write_text(NET)
    spec = {"source": f"{code}:model", "weights": None, "input_shape": [[1, 3, 16, 16]]}
    return work.load_model(spec, True, None, Target(), silent)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("features.3.conv.1.0", "features.*.conv.*.*"),
        ("layer2.0.conv1", "layer*.*.conv1"),  # conv1 and conv2 of a block are two
        ("encoder.layer.11.attention.self.query", "encoder.layer.*.attention.self.query"),
        ("3", "*"),
        ("", ""),
    ],
)
def test_a_place_is_a_path_without_the_numbers_of_repeated_modules(path, place):
    assert place_of(path) == place


def test_layers_at_the_same_place_are_alike_where_operator_and_kernel_are_the_same(opened):
    graph = opened.model.graph
    every = [layer.id for layer in graph.layers]
    assert alike(graph, ["1.conv.1.0:conv2d"], every) == DEPTHWISE  # the third one's kernel is 5×5
    assert alike(graph, ["3.conv.0.0:conv2d"], every) == tuple(f"{n}.conv.0.0:conv2d" for n in (1, 2, 3))
    assert alike(graph, ["1:add", "1.conv.2:conv2d"], every) == tuple(
        f"{n}{part}" for n in (1, 2, 3) for part in (".conv.2:conv2d", ":add")
    )
    assert alike(graph, ["4.0:conv2d"], every) == ("4.0:conv2d",)  # the other one there is depthwise
    assert alike(graph, ["nowhere"], every) == ()


def test_the_menu_of_a_layer_selects_those_like_it_for_one_edit_of_all(make_window, opened):
    window = make_window()
    document = window.document
    document.set_model(opened.model, opened.inspected, opened.plan)
    window.go("layers")
    document.select(DEPTHWISE[:1])
    menu = window.layers_page.menu(document.selection)
    (entry,) = [one for one in menu.actions() if one.text() == "Select all *.conv.*.*:conv2d 3×3 (2)"]
    entry.trigger()
    menu.close()
    assert document.selection == DEPTHWISE
    document.change(document.selection, "weight", bits=5)
    assert document.undo_stack.undoText() == "weight 5 bits for 2 layers"
    # A whole block, as the graph hands it over.
    block = tuple(row.id for row in document.rows() if row.id.startswith("1.") and row.fused_into is None)
    menu = window.layers_page.menu(block)
    (entry,) = [one for one in menu.actions() if "at these places" in one.text()]
    entry.trigger()
    menu.close()
    assert {layer_id[0] for layer_id in document.selection} == {"1", "2", "3"}
    menu = window.layers_page.menu(("0:conv2d",))  # it has no like
    assert [one.text() for one in menu.actions() if one.text().startswith("Select all")] == ["Select all conv2d"]
    menu.close()
