"""The layer graph: grouping, layout, and what mouse and keyboard do in it."""

from __future__ import annotations

import random
import re
import time
from itertools import combinations, pairwise

import pytest
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QContextMenuEvent, QImage, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLineEdit, QMenu

from qinspect.gui.graph.columns import LONG, fold
from qinspect.gui.graph.export import save_graph
from qinspect.gui.graph.layout import Layout, lay_out
from qinspect.gui.graph.model import FEW, Figures, GraphModel, GraphNode
from qinspect.gui.graph.nesting import lay_out_blocks
from qinspect.gui.graph.overlay import OVERLAYS, Scale, figure_text, overlay_title
from qinspect.gui.graph.trail import Trail
from qinspect.gui.graph.view import GraphView
from qinspect.gui.picture import LONGEST
from qinspect.gui.theme import DARK, LIGHT, colours_of, readable_on, sequential

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def residual_net(blocks: int = 6) -> list[GraphNode]:
    """A stem, residual blocks of two convolutions and an add, and a linear layer."""
    nodes = [GraphNode("stem:conv2d", "stem", "conv2d", (), "conv2d + relu6", ("stem.bn:batch_norm",))]
    last = "stem.bn:batch_norm"
    for k in range(blocks):
        one = GraphNode(f"features.{k}.conv.0:conv2d", f"features.{k}.conv.0", "conv2d", (last,))
        two = GraphNode(f"features.{k}.conv.1:conv2d", f"features.{k}.conv.1", "conv2d", (one.id,))
        add = GraphNode(f"features.{k}:add", f"features.{k}", "add", (last, two.id))
        nodes += [one, two, add]
        last = add.id
    nodes.append(GraphNode(":flatten", "", "flatten", (last,)))
    nodes.append(GraphNode("head:linear", "head", "linear", (":flatten",)))
    return nodes


def flat_net(count: int) -> list[GraphNode]:
    """No modules at all, as a functional model has it."""
    nodes = [GraphNode(":conv2d", "", "conv2d", ())]
    for k in range(1, count):
        skip = (nodes[-4].id,) if k % 5 == 0 else ()
        nodes.append(GraphNode(f":conv2d#{k}", "", "conv2d", (nodes[-1].id, *skip)))
    return nodes


def some_figures(nodes: list[GraphNode], floats: tuple[str, ...] = ()) -> dict[str, Figures]:
    chance = random.Random(0)
    found = {}
    for node in nodes:
        if node.op == "flatten":
            found[node.id] = Figures()
            continue
        kind = "float" if node.id in floats else "int8"
        found[node.id] = Figures(kind, "", chance.random() / len(nodes), chance.random(), chance.random() * 100)
    return found


def overlap(one: tuple[float, ...], two: tuple[float, ...]) -> bool:
    return (
        one[0] < two[0] + two[2] and two[0] < one[0] + one[2] and one[1] < two[1] + two[3] and two[1] < one[1] + one[3]
    )


def unet() -> list[GraphNode]:
    """Stages in lists (down, up, dec), one pooling for all, a skip from each stage down to the one up."""
    nodes = [GraphNode("x", "", "input", (), "x", dtype="float32", port="input")]

    def add(layer_id: str, *inputs: str) -> str:
        path, _, op = layer_id.partition(":")
        nodes.append(GraphNode(layer_id, path, re.split("[@#]", op)[0], inputs or (nodes[-1].id,)))
        return layer_id

    skips = []
    for k in range(3):
        add(f"down.{k}.0:conv2d")
        skips.append(add(f"down.{k}.1:conv2d"))
        if k < 2:
            add("pool:max_pool2d" + (f"@{k + 1}" if k else ""))
    for k in range(2):
        up = add(f"up.{k}:conv_transpose2d")
        add(f":cat#{k}", up, skips[1 - k])
        add(f"dec.{k}.0:conv2d")
        add(f"dec.{k}.1:conv2d")
    add("head:conv2d")
    nodes.append(GraphNode(">0", "", "output", ("head:conv2d",), "output", port="output"))
    return nodes


# -- layout -----------------------------------------------------------------------------------


def test_edges_lead_down_and_boxes_do_not_overlap() -> None:
    chance = random.Random(3)
    for _ in range(20):
        count = chance.randint(2, 40)
        nodes = [(str(k), chance.choice((20.0, 90.0, 200.0)), chance.choice((20.0, 60.0))) for k in range(count)]
        edges = [(str(a), str(b)) for a, b in combinations(range(count), 2) if chance.random() < 1.5 / count]
        layout = lay_out(nodes, edges)
        assert set(layout.boxes) == {name for name, _, _ in nodes}
        assert not any(overlap(a, b) for a, b in combinations(layout.boxes.values(), 2))
        for a, b in edges:
            points = layout.edges[a, b]
            assert points[0][1] == pytest.approx(layout.boxes[a][1] + layout.boxes[a][3])
            assert points[-1][1] == pytest.approx(layout.boxes[b][1])
            assert all(one[1] <= two[1] for one, two in pairwise(points))


def test_long_edges_pass_beside_the_boxes() -> None:
    nodes = [(str(k), 100.0, 40.0) for k in range(6)]
    edges = [(str(k), str(k + 1)) for k in range(5)] + [("0", "5"), ("1", "4")]
    layout = lay_out(nodes, edges)
    for pair in (("0", "5"), ("1", "4")):
        for x, y in layout.edges[pair][1:-1]:
            assert not any(bx < x < bx + w and by < y < by + h for bx, by, w, h in layout.boxes.values())


def chain(count: int, skip: int = 4) -> Layout:
    """Boxes below each other, with an edge over `skip` of them at every fifth."""
    edges = [(str(k - 1), str(k)) for k in range(1, count)]
    edges += [(str(k - skip), str(k)) for k in range(skip, count, 5)]
    return lay_out([(str(k), 212.0, 48.0) for k in range(count)], edges)


@pytest.mark.parametrize("count", [60, 200, 1000])
def test_a_long_chain_stands_in_columns_and_edges_lead_around_its_boxes(count) -> None:
    plain = chain(count)
    layout = fold(plain)
    assert layout.boxes.keys() == plain.boxes.keys()
    assert layout.edges.keys() == plain.edges.keys()
    assert 0.8 < layout.width / layout.height < 3
    rects = {name: QRectF(*box) for name, box in layout.boxes.items()}
    whole = QRectF(0, 0, layout.width, layout.height)
    assert all(whole.contains(rect) for rect in rects.values())
    assert not any(one.intersects(two) for one, two in combinations(rects.values(), 2))
    # In the order of the chain: down, then on to the right.
    order = sorted(rects, key=lambda name: (rects[name].left() // 240, rects[name].top()))
    assert order == [str(k) for k in range(count)]
    for (source, target), points in layout.edges.items():
        assert points[0] == (rects[source].center().x(), rects[source].bottom())
        assert points[-1] == (rects[target].center().x(), rects[target].top())
        for (x, y), (next_x, next_y) in pairwise(points):
            if x != next_x and y != next_y:
                continue  # a bend within a column
            line = QRectF(QPointF(x, y), QPointF(next_x, next_y)).normalized().adjusted(-0.1, 0.2, 0.1, -0.2)
            assert not any(line.intersects(rect) for rect in rects.values())


def test_what_is_short_or_wide_stays_as_it_is() -> None:
    short = chain(30)
    assert fold(short) is short
    wide = lay_out([(str(k), 3000.0, 400.0) for k in range(12)], [(str(k), str(k + 1)) for k in range(11)])
    assert wide.height > LONG
    assert fold(wide) is wide
    # Every row is left by more edges than may be cut.
    tangle = [(str(a), str(b)) for a in range(60) for b in range(a + 1, min(a + 9, 60))]
    braid = lay_out([(str(k), 100.0, 48.0) for k in range(60)], tangle)
    assert fold(braid) is braid


@pytest.mark.parametrize("nodes", [flat_net(300), residual_net(60)], ids=["flat", "residual"])
def test_home_on_a_long_chain_shows_boxes_and_the_start_its_first_layer(qtbot, nodes) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(1000, 700)
    view.show()
    view.set_graph(nodes)
    view.expand()
    canvas = view.canvas
    assert canvas.seen().contains(canvas.item.nodes[0].rect)
    assert canvas.zoom >= 0.5
    assert canvas.minimap.isVisible()
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert canvas.seen().contains(canvas.item.boundingRect())
    # A thin line before: 48 px high boxes were less than two.
    assert canvas.zoom * 48 > 7
    assert not canvas.minimap.isVisible()


def test_a_chain_with_a_skip_is_drawn_straight() -> None:
    layout = lay_out([(str(k), 100.0, 40.0) for k in range(4)], [("0", "1"), ("1", "2"), ("2", "3"), ("0", "3")])
    places = [x for x, _, _, _ in layout.boxes.values()]
    assert max(places) - min(places) < 0.1


def test_an_edge_back_in_execution_order_is_no_trouble() -> None:
    layout = lay_out([("a", 10.0, 10.0), ("b", 10.0, 10.0)], [("a", "b"), ("b", "a"), ("a", "a")])
    assert layout.edges["b", "a"] == layout.edges["a", "b"][::-1]


def test_nothing_and_parts_without_edges_are_laid_out() -> None:
    assert lay_out([], []).boxes == {}
    layout = lay_out([("a", 10.0, 10.0), ("b", 30.0, 10.0), ("c", 5.0, 5.0)], [("a", "b")])
    assert not any(overlap(one, two) for one, two in combinations(layout.boxes.values(), 2))


def test_open_blocks_hold_what_is_in_them() -> None:
    model = GraphModel(residual_net())
    opened = model.all_open()
    links = model.links(opened, {})
    size = {block.id: (100.0, 40.0) for block in model.visible(opened)}
    layout = lay_out_blocks(model.roots, opened, [(k.source, k.target) for k in links], model.parent, size)
    for name, (x, y, width, height) in layout.boxes.items():
        above = model.parent[name]
        if above is not None:
            bx, by, bw, bh = layout.boxes[above]
            assert bx <= x
            assert by <= y
            assert x + width <= bx + bw
            assert y + height <= by + bh
    visible = [layout.boxes[name] for name in size]
    assert not any(overlap(one, two) for one, two in combinations(visible, 2))
    assert set(layout.edges) == {(k.source, k.target) for k in links}


# -- model ------------------------------------------------------------------------------------


@pytest.mark.parametrize("nodes", [residual_net(), residual_net(30), flat_net(1000), flat_net(5000)])
def test_first_view_has_about_forty_blocks_and_every_layer_once(nodes: list[GraphNode]) -> None:
    model = GraphModel(nodes)
    opened = model.first_open()
    blocks = list(model.visible(opened))
    assert 1 < len(blocks) <= FEW * 1.1
    assert sorted(name for block in blocks for name in block.layers) == sorted(node.id for node in nodes)


def test_lists_of_stages_are_drawn_in_the_order_of_the_data(qtbot) -> None:
    nodes = unet()
    model = GraphModel(nodes)
    titles = [block.title for block in model.roots]
    assert titles[:6] == ["x", "down.0", "max_pool2d", "down.1", "max_pool2d", "down.2"]
    assert titles[6:] == ["conv_transpose2d", "cat", "dec.0", "conv_transpose2d", "cat", "dec.1", "conv2d", "output"]
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(800, 700)
    view.show()
    view.set_graph(nodes)
    for opened in (frozenset(), model.all_open()):
        view.canvas.set_opened(opened)
        tops = [view.canvas.item.rect_of(block.id).top() for block in model.visible(opened)]
        assert tops == sorted(set(tops))


def test_modules_that_are_called_twice_or_beside_each_other_are_blocks_still() -> None:
    def calls(first: tuple[str, str], second: tuple[str, str], between: str) -> GraphModel:
        one = [
            GraphNode("enc.a:linear", "enc.a", "linear", ("x",)),
            GraphNode("enc.b:linear", "enc.b", "linear", first),
        ]
        two = [
            GraphNode("enc.a:linear@1", "enc.a", "linear", (between,)),
            GraphNode("enc.b:linear@1", "enc.b", "linear", second),
        ]
        mid = [GraphNode(":relu", "", "relu", ("enc.b:linear",))] if between == ":relu" else []
        return GraphModel([GraphNode("x", "", "input", (), "x", port="input"), *one, *mid, *two])

    # One after the other: two blocks with the relu between them. Side by side on two inputs: one.
    following = calls(("enc.a:linear",), ("enc.a:linear@1",), ":relu")
    assert [block.title for block in following.roots] == ["x", "enc", "relu", "enc (2)"]
    assert len(following.blocks) == 1 + 1 + 2 * 3
    beside = calls(("enc.a:linear",), ("enc.a:linear@1",), "x")
    assert [block.title for block in beside.roots] == ["x", "a", "b"]


def test_inputs_may_name_an_absorbed_layer() -> None:
    model = GraphModel(residual_net())
    assert ("stem:conv2d", "features.0.conv.0:conv2d") in model.edges
    assert model.holder("stem.bn:batch_norm", frozenset()) == "stem:conv2d"


def test_figures_of_a_block_are_the_sums_of_its_layers() -> None:
    nodes = residual_net()
    figures = some_figures(nodes, floats=("features.1.conv.0:conv2d",))
    model = GraphModel(nodes)
    block = model.summed(figures)["features.1/"]
    own = [figures[name] for name in model.blocks["features.1/"].layers]
    assert block.error_share == pytest.approx(sum(one.error_share or 0 for one in own))
    assert block.latency_us == pytest.approx(sum(one.latency_us or 0 for one in own))
    assert (block.kind, block.quantized, block.float_layers) == ("mixed", 2, 1)
    assert block.borders == 1  # Float to int8 inside; int8 to float comes from the block before.


def test_what_was_not_measured_stays_unknown_in_the_sum() -> None:
    model = GraphModel(residual_net())
    assert model.summed({})["features.1/"].error_share is None


def test_borders_between_int8_and_float_see_through_layers_without_a_type() -> None:
    nodes = residual_net()
    model = GraphModel(nodes)
    figures = some_figures(nodes, floats=("features.0.conv.0:conv2d", "head:linear"))
    borders = {(k.source, k.target): k.border for k in model.links(model.all_open(), figures) if k.border}
    assert borders == {
        ("stem:conv2d", "features.0.conv.0:conv2d"): "dequantize",
        ("features.0.conv.0:conv2d", "features.0.conv.1:conv2d"): "quantize",
        (":flatten", "head:linear"): "dequantize",
    }


# -- colours ----------------------------------------------------------------------------------


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_scale_runs_from_the_background_to_the_far_end_and_text_stays_readable(colours) -> None:
    def light(color: QColor) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in color.getRgbF()[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    steps = [sequential(k / 20, colours) for k in range(21)]
    values = [light(step) for step in steps]
    assert values == sorted(values, reverse=not colours.dark)
    for step, value in zip(steps, values, strict=True):
        ink = light(readable_on(step))
        assert (max(ink, value) + 0.05) / (min(ink, value) + 0.05) >= 3.9


def test_scale_ignores_what_was_not_measured() -> None:
    scale = Scale.over("latency", [Figures(), Figures(latency_us=4.0), Figures(latency_us=float("nan"))])
    assert (scale.low, scale.high) == (0.0, 4.0)
    assert scale.fill(Figures(), LIGHT) is None
    assert Scale.over("error", [Figures(error_share=0.0)]).share(Figures(error_share=0.0)) == 0.0
    assert figure_text("latency", 1500.0) == "1.50 ms"


# -- the widget -------------------------------------------------------------------------------


@pytest.fixture
def view(qtbot):
    made = GraphView()
    qtbot.addWidget(made)
    made.resize(800, 700)
    nodes = residual_net()
    made.show()
    made.set_graph(nodes, some_figures(nodes, floats=("features.2.conv.1:conv2d",)))
    QApplication.processEvents()
    return made


def click(view: GraphView, name: str) -> None:
    view.canvas.center_on(name)
    place = view.canvas.point_of(name)
    assert place is not None
    QTest.mouseClick(view.canvas.viewport(), LEFT, NONE, place)


def double_click(view: GraphView, name: str) -> None:
    view.canvas.center_on(name)
    place = view.canvas.point_of(name)
    assert place is not None
    QTest.mouseDClick(view.canvas.viewport(), LEFT, NONE, place)


def test_empty_graph_says_what_fills_it(qtbot) -> None:
    made = GraphView()
    qtbot.addWidget(made)
    made.show()
    assert "model" in made._hint.text()
    assert made._hint.isVisible()
    made.set_graph(residual_net())
    assert not made._hint.isVisible()


def test_click_on_a_layer_selects_it(view, qtbot) -> None:
    with qtbot.waitSignal(view.layer_selected) as caught:
        click(view, "head:linear")
    assert caught.args == ["head:linear"]
    assert "linear" in view.canvas.accessibleDescription()


def test_click_on_a_block_hands_out_its_layers(view, qtbot) -> None:
    view.canvas.set_opened(frozenset({"features/"}))
    with qtbot.waitSignal(view.block_selected) as caught, qtbot.assertNotEmitted(view.layer_selected):
        click(view, "features.1/")
    assert caught.args[0] == ("features.1.conv.0:conv2d", "features.1.conv.1:conv2d", "features.1:add")


def test_a_clicked_layer_does_not_jump_when_the_window_selects_it_too(view) -> None:
    view.layer_selected.connect(view.select)
    view.expand()
    view.canvas.center_on("features.2:add")
    before = view.canvas.point_of("features.2.conv.1:conv2d")
    QTest.mouseClick(view.canvas.viewport(), LEFT, NONE, before)
    assert view.canvas.selected == "features.2.conv.1:conv2d"
    assert view.canvas.point_of("features.2.conv.1:conv2d") == before


def test_another_type_moves_the_border_and_nothing_else(view) -> None:
    view.expand()
    boxes = view.canvas.item.boxes.copy()
    view.set_figures(some_figures(list(view.canvas.model.nodes.values()), floats=("stem:conv2d",)))
    assert (view.canvas.item.boxes == boxes).all()
    borders = {(k.source, k.target): k.border for k in view.canvas._links if k.border}
    assert set(borders.values()) == {"quantize"}
    assert all(source == "stem:conv2d" for source, _ in borders)


def test_double_click_opens_a_block_and_on_its_title_closes_it(view) -> None:
    view.canvas.set_opened(frozenset({"features/"}))
    double_click(view, "features.1/")
    assert "features.1/" in view.canvas.opened
    assert view.canvas.node("features.1:add") is not None
    double_click(view, "features.1/")
    assert "features.1/" not in view.canvas.opened
    assert view.canvas.node("features.1:add") is None


def test_opening_a_block_leaves_it_in_its_place(view) -> None:
    view.canvas.set_opened(frozenset({"features/"}))
    view.canvas.center_on("features.3/")
    before = view.canvas.mapFromScene(view.canvas.item.rect_of("features.3/").topLeft())
    view.canvas.toggle("features.3/")
    after = view.canvas.mapFromScene(view.canvas.item.rect_of("features.3/").topLeft())
    assert (after - before).manhattanLength() <= 2


def test_selection_from_outside_opens_blocks_centres_and_is_silent(view, qtbot) -> None:
    view.canvas.set_opened(frozenset())
    with qtbot.assertNotEmitted(view.layer_selected):
        view.select("features.5.conv.1:conv2d")
    place = view.canvas.point_of("features.5.conv.1:conv2d")
    assert (place - view.canvas.viewport().rect().center()).manhattanLength() < 6
    view.select("stem.bn:batch_norm")
    assert view.canvas.selected == "stem:conv2d"
    view.select("no such layer")
    assert view.canvas.selected is None


def test_wheel_zooms_about_the_pointer(view) -> None:
    canvas = view.canvas
    place = QPointF(300, 260)
    before, zoom = canvas.mapToScene(place.toPoint()), canvas.zoom
    event = QWheelEvent(
        place, canvas.viewport().mapToGlobal(place), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton, NONE,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(canvas.viewport(), event)
    assert canvas.zoom == pytest.approx(zoom * 1.2)
    moved = canvas.mapToScene(place.toPoint()) - before
    assert abs(moved.x()) + abs(moved.y()) < 4


def test_drag_pans_and_selects_nothing(view, qtbot) -> None:
    canvas = view.canvas
    canvas.center_on("features.2/")
    start = canvas.point_of("features.2/")
    with qtbot.assertNotEmitted(view.layer_selected), qtbot.assertNotEmitted(view.block_selected):
        QTest.mousePress(canvas.viewport(), LEFT, NONE, start)
        for step in range(1, 6):
            QTest.mouseMove(canvas.viewport(), start + QPoint(0, 16 * step))
        QTest.mouseRelease(canvas.viewport(), LEFT, NONE, start + QPoint(0, 80))
    assert canvas.point_of("features.2/").y() == pytest.approx(start.y() + 80, abs=2)


def seen(canvas) -> QRectF:
    return canvas.mapToScene(canvas.viewport().rect()).boundingRect()


def test_f_shows_what_is_selected_and_home_shows_everything(view) -> None:
    canvas = view.canvas
    view.expand()
    canvas.set_zoom(0.05)
    click(view, "features.4:add")
    canvas.set_zoom(0.05)
    QTest.keyClick(canvas, Qt.Key.Key_F)
    rect = canvas.item.rect_of("features.4:add")
    assert seen(canvas).contains(rect)
    assert canvas.zoom * rect.width() > 150
    QTest.keyClick(canvas, Qt.Key.Key_Home)
    assert seen(canvas).contains(canvas.item.boundingRect())


def test_brackets_and_the_slider_open_and_close_levels_of_modules(view) -> None:
    canvas = view.canvas
    canvas.set_opened(frozenset())
    assert canvas.model.levels == 3
    for level in (1, 2, 3, 3):
        QTest.keyClick(canvas, Qt.Key.Key_BracketRight)
        assert view.levels.value() == level == canvas.model.level_of(canvas.opened)
    assert canvas.opened == canvas.model.all_open()
    view.levels.setFocus()
    QTest.keyClick(view.levels, Qt.Key.Key_Left)
    assert canvas.opened == {"features/", *(f"features.{k}/" for k in range(6))}
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    assert canvas.opened == {"features/"}


def test_another_level_is_framed_so_that_it_can_be_read(view) -> None:
    canvas = view.canvas
    canvas.set_opened(canvas.model.all_open())
    canvas.set_zoom(0.1)
    QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    assert canvas.zoom >= 0.5
    assert canvas.seen().intersects(canvas.item.boundingRect())
    for _ in range(3):
        QTest.keyClick(canvas, Qt.Key.Key_BracketLeft)
    # Four boxes fit: all of them are in sight, at their own size.
    assert canvas.seen().contains(canvas.item.boundingRect())
    assert canvas.zoom == 1.0
    view.select("features.3.conv.0:conv2d")
    canvas.set_zoom(0.1)
    view.levels.setValue(0)
    view.levels.setValue(3)
    assert canvas.zoom >= 0.5
    assert canvas.seen().contains(canvas.item.rect_of(canvas.selected))


def test_several_layers_are_marked_framed_and_counted(view, qtbot) -> None:
    canvas, item = view.canvas, view.canvas.item
    canvas.set_opened(frozenset())
    chosen = ("stem.bn:batch_norm", "features.2:add", "features.4.conv.1:conv2d")
    with qtbot.assertNotEmitted(view.block_selected):
        view.select(*chosen)
    assert {item.selected, *item.also} == {"stem:conv2d", "features.2:add", "features.4.conv.1:conv2d"}
    assert all(canvas.seen().contains(item.rect_of(name)) for name in ("stem:conv2d", *item.also))
    assert view.trail.text() == "3 layers selected"
    # Where their blocks are closed, those are marked; a search dims none of them.
    canvas.set_opened(frozenset())
    assert {item.selected, *item.also} == {"stem:conv2d", "features/"}
    view.search.setText("head")
    lit = [node.block.id for node in item.nodes if item._lit(node)]
    assert lit == ["stem:conv2d", "features/", "head:linear"]
    # All layers of a block are the block, and one layer is one again.
    view.select(*view.layers_of("features.1/"))
    assert (item.selected, item.also) == ("features.1/", frozenset())
    view.select("head:linear")
    assert (item.selected, item.also) == ("head:linear", frozenset())
    assert view.trail.text().endswith("linear")
    view.select()
    assert item.selected is None
    assert view.trail.text() == ""


def test_several_layers_far_apart_in_closed_blocks_come_into_sight_together(view) -> None:
    canvas = view.canvas
    canvas.set_opened(frozenset())
    view.select("features.0.conv.0:conv2d")
    view.select("features.0.conv.0:conv2d", "features.5.conv.0:conv2d", "features.5:add")
    assert canvas.item.also == {"features.0.conv.0:conv2d", "features.5.conv.0:conv2d"}
    assert all(canvas.seen().contains(canvas.item.rect_of(name)) for name in (canvas.selected, *canvas.item.also))
    # What is marked already does not jump when the window comes back with it.
    canvas.set_zoom(1.0)
    place = canvas.seen()
    view.select("features.0.conv.0:conv2d", "features.5.conv.0:conv2d", "features.5:add")
    assert canvas.seen() == place


def test_inputs_and_outputs_are_boxes_but_no_layers(qtbot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(800, 700)
    view.show()
    nodes = unet()
    kinds = {node.id: Figures("int8", "int8", 0.1) for node in nodes if not node.port}
    view.set_graph(nodes, kinds)
    borders = {(link.source, link.target): link.border for link in view.canvas._links if link.border}
    assert list(borders.values()) == ["quantize", "dequantize"]
    with qtbot.assertNotEmitted(view.layer_selected), qtbot.assertNotEmitted(view.context_requested):
        click(view, "x")
        place = view.canvas.point_of("x")
        QTest.mouseClick(view.canvas.viewport(), Qt.MouseButton.RightButton, NONE, place)
    assert view.canvas.selected == "x"
    assert view.canvas.model.matching("x") == view.canvas.model.matching("max")


def test_the_trail_names_the_modules_around_and_leads_to_them(view, qtbot) -> None:
    assert view.trail.text() == ""
    view.select("features.1.conv.0:conv2d")
    assert view.trail.text().endswith("conv2d")
    titles = [block.title for block in view.canvas.model.trail("features.1.conv.0:conv2d")]
    assert titles == ["features", "features.1", "conv", "conv2d"]
    view.trail.setFocus()
    with qtbot.waitSignal(view.block_selected) as caught:
        QTest.keyClick(view.trail, Qt.Key.Key_Tab)
        QTest.keyClick(view.trail, Qt.Key.Key_Return)
    assert caught.args[0] == view.layers_of(view.canvas.selected)
    assert view.canvas.selected == "features/"


def test_the_trail_gives_up_outer_modules_where_there_is_no_room(qtbot) -> None:
    made = Trail()
    qtbot.addWidget(made)
    made.resize(900, 24)
    made.show()
    made.show_path(GraphModel(residual_net()).trail("features.1.conv.0:conv2d"))
    assert "features.1" in made.text()
    made.resize(120, 24)
    QApplication.processEvents()
    assert made.text().startswith("…")
    assert "features.1" not in made.text()
    assert made.text().endswith("conv2d")


def test_hover_tells_shape_type_and_source(view) -> None:
    node = GraphNode("a", "", "conv2d", (), "conv2d", (), "N×32×8×8", "float32", "net.py:12")
    view.set_graph([node, GraphNode("b", "", "relu", ("a",))], {"a": Figures("int8", "int8/ch", 0.25)})
    text = view.canvas.describe("a")
    assert "N×32×8×8 float32" in text
    assert "net.py:12" in text
    assert "25.0%" in text


def test_edges_of_the_selected_layer_stand_out_and_carry_shapes(view) -> None:
    first, last = GraphNode("x", "", "input", ()), GraphNode("b", "", "relu", ("a",))
    view.set_graph([first, GraphNode("a", "", "conv2d", ("x",), shape="N×32×8×8"), last])
    view.canvas.set_zoom(1.0)

    def between() -> QImage:
        one, two = (view.canvas.mapFromScene(view.canvas.item.rect_of(name)).boundingRect() for name in "ab")
        picture = view.canvas.viewport().grab()
        return picture.copy(one.left(), one.bottom() + 6, one.width(), two.top() - one.bottom() - 12).toImage()

    plain = between()
    view.select("a", center=False)
    marked = between()
    accent = LIGHT.color("accent") if not colours_of(view).dark else DARK.color("accent")
    middle = QPoint(marked.width() // 2, marked.height() // 2)
    assert marked.pixelColor(middle) == accent
    assert plain.pixelColor(middle) != accent
    view.set_graph([first, GraphNode("a", "", "conv2d", ("x",)), last])
    view.canvas.set_zoom(1.0)
    assert between() != plain


def test_typing_brings_the_first_match_into_sight(view) -> None:
    canvas = view.canvas
    view.expand()
    canvas.set_zoom(1.0)
    canvas.center_on("stem:conv2d")
    QTest.keyClicks(view.search, "head")
    assert seen(canvas).contains(canvas.item.rect_of("head:linear"))
    assert canvas.selected is None


def test_arrow_keys_travel_along_edges(view, qtbot) -> None:
    view.expand()
    view.select("features.0.conv.0:conv2d")
    QTest.keyClick(view.canvas, Qt.Key.Key_Down)
    assert view.canvas.selected == "features.0.conv.1:conv2d"
    with qtbot.waitSignal(view.layer_selected) as caught:
        QTest.keyClick(view.canvas, Qt.Key.Key_Down)
    assert caught.args == ["features.0:add"]
    QTest.keyClick(view.canvas, Qt.Key.Key_Up)
    assert view.canvas.selected == "features.0.conv.1:conv2d"


def test_from_an_open_block_arrow_keys_lead_into_it_and_back_to_what_is_before_it(view) -> None:
    view.canvas.set_opened(frozenset({"features/"}))
    click(view, "features.1/")
    QTest.keyClick(view.canvas, Qt.Key.Key_Return)
    assert view.canvas.selected == "features.1/"
    QTest.keyClick(view.canvas, Qt.Key.Key_Down)
    first = view.canvas.selected
    assert first.startswith("features.1.")
    top = view.canvas.item.rect_of(first).top()
    inside = [n for n in view.canvas.item.nodes if n.block.id.startswith("features.1")]
    assert top == min(node.rect.top() for node in inside)
    view.canvas.choose("features.1/")
    QTest.keyClick(view.canvas, Qt.Key.Key_Up)
    assert view.canvas.selected == "features.0/"


def test_left_and_right_travel_among_siblings(qtbot) -> None:
    made = GraphView()
    qtbot.addWidget(made)
    made.show()
    made.set_graph(
        [
            GraphNode("x", "", "input", ()),
            *(GraphNode(n, n, "linear", ("x",)) for n in "qkv"),
            GraphNode("sum", "", "add", ("q", "k", "v")),
        ]
    )
    made.select("q")
    seen = []
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Right, Qt.Key.Key_Left):
        QTest.keyClick(made.canvas, key)
        seen.append(made.canvas.selected)
    assert seen == ["k", "v", "v", "k"]


def test_return_opens_and_backspace_closes_a_block(view) -> None:
    view.canvas.set_opened(frozenset({"features/"}))
    click(view, "features.1/")
    QTest.keyClick(view.canvas, Qt.Key.Key_Return)
    assert "features.1/" in view.canvas.opened
    click(view, "features.1:add")
    QTest.keyClick(view.canvas, Qt.Key.Key_Backspace)
    assert "features.1/" not in view.canvas.opened
    assert view.canvas.selected == "features.1/"


def test_search_counts_dims_and_steps_through_matches(view, qtbot) -> None:
    QTest.keyClicks(view.search, "conv.1")
    assert view.found.text().startswith("6")
    with qtbot.waitSignal(view.layer_selected) as caught:
        QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert caught.args == ["features.0.conv.1:conv2d"]
    assert view.canvas.selected == "features.0.conv.1:conv2d"
    assert view.canvas.item.matches is not None
    assert "head:linear" not in view.canvas.item.matches
    QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert view.canvas.selected == "features.1.conv.1:conv2d"
    QTest.keyClick(view.search, Qt.Key.Key_Up)
    assert view.canvas.selected == "features.0.conv.1:conv2d"
    QTest.keyClick(view.search, Qt.Key.Key_Escape)
    assert view.canvas.item.matches is None


def test_context_menu_is_asked_for_with_the_layer(view, qtbot) -> None:
    view.canvas.center_on("head:linear")
    place = view.canvas.point_of("head:linear")
    port = view.canvas.viewport()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, port.mapToGlobal(place))
    with qtbot.waitSignal(view.context_requested) as caught:
        QApplication.sendEvent(port, event)
    assert caught.args[0] == "head:linear"
    assert view.layers_of("features.1/") == view.canvas.model.blocks["features.1/"].layers


def right_click(view, place: QPoint) -> None:
    port = view.canvas.viewport()
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, port.mapToGlobal(place))
    QApplication.sendEvent(port, event)


def pick(text: str) -> None:
    """Take an entry of the menu that is open, by the keyboard."""
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    menu.setActiveAction(next(action for action in menu.actions() if action.text().partition("\t")[0] == text))
    QTest.keyClick(menu, Qt.Key.Key_Return)


def test_beside_the_boxes_a_right_click_offers_what_can_be_done_with_the_whole_graph(view, qtbot) -> None:
    empty = QPoint(4, view.canvas.viewport().height() - 4)
    view.collapse()
    first = view.canvas.opened
    right_click(view, empty)
    pick("Open every block")
    assert view.canvas.opened == view.canvas.model.all_open()
    right_click(view, empty)
    pick("Collapse to some forty blocks")
    assert view.canvas.opened == first
    view.canvas.set_zoom(2.5)
    right_click(view, empty)
    pick("Show the whole graph")
    assert view.canvas.seen().contains(view.canvas.item.boundingRect())
    right_click(view, empty)
    colours = next(a.menu() for a in QApplication.activePopupWidget().actions() if a.text() == "Colour by")
    assert [action.text() for action in colours.actions() if action.isChecked()] == [overlay_title("none")]
    colours.actions()[OVERLAYS.index("latency")].trigger()
    QApplication.activePopupWidget().close()
    assert view.legend.scale.name == "latency"


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_the_graph_is_saved_whole_with_its_legend(view, qtbot, tmp_path, kind: str) -> None:
    path = tmp_path / f"net.{kind}"

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QFileDialog)
        # The type that is chosen is the one that is written, whatever was proposed.
        types = next(box for box in dialog.findChildren(QComboBox) if box.findText(f"{kind.upper()} (*.{kind})") >= 0)
        types.setFocus()
        QTest.keyClicks(types, kind)
        types.activated.emit(types.currentIndex())
        assert dialog.selectedFiles()[0].endswith(f"graph.{kind}")
        name = dialog.findChild(QLineEdit)
        name.setText(str(path.with_suffix("")))
        QTest.keyClick(name, Qt.Key.Key_Return)

    QTimer.singleShot(200, answer)
    view.set_overlay("latency")
    view.expand()
    view.canvas.set_zoom(1.5)
    view.canvas.center(view.canvas.item.boundingRect().topLeft())
    right_click(view, QPoint(4, 4))
    pick("Export the graph as PNG…")
    assert path.exists()
    bounds = view.canvas.item.boundingRect()
    if kind == "svg":
        text = path.read_text()
        assert "add" in text
        assert "Latency (µs)" in text
        assert text.count("conv2d") > 4
        return
    picture = QImage(str(path))
    assert picture.height() > 2 * bounds.height()
    # The last box is far out of sight.
    rect = view.canvas.item.rect_of("head:linear")
    across = rect.center().x() - bounds.center().x() + picture.width() / 4
    x, y = across - rect.width() / 2 + 6, rect.center().y() - bounds.top() + 16
    assert picture.pixelColor(round(x * 2), round(y * 2)) == view.canvas.node("head:linear").fill


def test_a_graph_that_is_too_large_for_a_png_is_drawn_smaller(qtbot, tmp_path) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(700, 500)
    view.set_graph(flat_net(900))
    view.expand()
    save_graph(view.canvas, view.legend, tmp_path / "net.png")
    bounds = view.canvas.item.boundingRect()
    picture = QImage(str(tmp_path / "net.png"))
    assert 0 < max(picture.width(), picture.height()) <= LONGEST
    assert picture.width() / picture.height() == pytest.approx(bounds.width() / bounds.height(), rel=0.1)


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_overlay_paints_with_its_legend(view, name: str) -> None:
    view.overlay.setCurrentIndex(OVERLAYS.index(name))
    view.expand()
    picture = view.grab().toImage()
    fill = view.canvas.node("features.1:add").fill
    assert (fill is None) == (name == "none")
    assert view.legend.isVisible()
    assert view.legend.scale.name == name
    if fill is not None:
        view.canvas.center_on("features.1:add")
        picture = view.canvas.viewport().grab().toImage()
        rect = view.canvas.mapFromScene(view.canvas.item.rect_of("features.1:add")).boundingRect()
        place = QPoint(rect.left() + 4, rect.center().y()) * picture.devicePixelRatio()
        assert picture.pixelColor(place) == fill


def test_other_figures_change_colours_and_are_marked_while_stale(view) -> None:
    view.set_overlay("latency")
    before = view.canvas.node("head:linear").note
    figures = {name: Figures("int8", latency_us=7.0 * k) for k, name in enumerate(view.canvas.model.nodes)}
    view.set_figures(figures, stale=True)
    assert view.canvas.node("head:linear").note != before
    assert "stale" in view.legend._title()
    view.set_figures(figures)
    assert "stale" not in view.legend._title()


def test_minimap_leads_to_where_it_is_clicked(view) -> None:
    view.expand()
    view.canvas.show_start()
    QApplication.processEvents()
    minimap = view.canvas.minimap
    assert minimap.isVisible()
    QTest.mouseClick(minimap, LEFT, NONE, QPoint(minimap.width() // 2, minimap.height() - 8))
    seen = view.canvas.mapToScene(view.canvas.viewport().rect()).boundingRect()
    assert seen.contains(view.canvas.item.rect_of("head:linear").center())


def test_five_thousand_layers_open_and_repaint_quickly(qtbot) -> None:
    nodes = flat_net(5000)
    made = GraphView()
    qtbot.addWidget(made)
    made.resize(1280, 900)
    made.show()
    start = time.perf_counter()
    made.set_graph(nodes, some_figures(nodes))
    made.expand()
    QApplication.processEvents()
    assert time.perf_counter() - start < 10.0  # 0.6 s on an idle machine.
    made.canvas.fit()
    QApplication.processEvents()
    start = time.perf_counter()
    for _ in range(5):
        made.canvas.viewport().repaint()
    assert (time.perf_counter() - start) / 5 < 0.5  # 0.01 s on an idle machine.


VIEWED = """
from torch import nn

class Viewed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(144, 5)

    def forward(self, x):
        return self.fc(self.conv(x).view(x.size(0), -1))
"""


def test_the_length_of_an_axis_is_no_edge(tmp_path):
    from qinspect.engine.inspect import inspect
    from qinspect.engine.load import load_model
    from qinspect.engine.plan import QuantPlan
    from qinspect.engine.source import ModelSpec
    from qinspect.gui.panels.overlays import graph_nodes

    (tmp_path / "viewed.py").write_text(VIEWED)
    model = load_model(ModelSpec(f"{tmp_path}/viewed.py:Viewed", None, ((2, 3, 8, 8),)), allow_code=True)
    nodes = {node.op: node for node in graph_nodes(inspect(model, QuantPlan()).layers, model.graph)}
    assert nodes["conv2d"].inputs == ("x",)
    assert nodes["linear"].inputs == ("conv:conv2d",)


def test_the_legend_says_what_the_colours_are_in_words_that_have_room(view) -> None:
    legend = view.legend
    view.set_overlay("error")
    assert legend.caption(400) == "Share of the output error, estimated (%)"
    assert legend.caption(170) == "Error share, est. (%)"
    # No part of a word; all of it is in the tooltip.
    assert legend.caption(40) == ""
    assert legend.toolTip() == "Share of the output error, estimated (%)"


def test_the_minimap_makes_way_for_the_selected_box(qtbot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(700, 600)
    view.show()
    view.set_graph(flat_net(60))
    view.expand()
    canvas = view.canvas

    def box() -> QRect:
        return canvas.mapFromScene(canvas.item.rect_of(canvas.selected)).boundingRect()

    usual = canvas.minimap.pos()
    QTest.keyClick(canvas, Qt.Key.Key_Down)
    canvas.set_zoom(3.0)
    # Drag the box below the overview.
    canvas.scroll_by(QPointF(box().center() - canvas.minimap.geometry().center()))
    assert canvas.minimap.isVisible()
    assert canvas.minimap.pos() != usual
    assert not canvas.minimap.geometry().intersects(box())
    canvas.scroll_by(QPointF(0, 5000))
    assert canvas.minimap.pos() == usual


def test_the_first_and_the_last_box_are_shown_without_empty_room_beyond_them(qtbot) -> None:
    view = GraphView()
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.show()
    nodes = flat_net(60)
    view.set_graph(nodes)
    view.expand()
    canvas, whole = view.canvas, view.canvas.item.boundingRect()
    for layer in (nodes[0].id, nodes[-1].id):
        view.select(layer)
        seen = canvas.seen()
        assert seen.contains(canvas.item.rect_of(layer))
        assert seen.top() >= whole.top() - 20 / canvas.zoom
        assert seen.bottom() <= whole.bottom() + 20 / canvas.zoom
