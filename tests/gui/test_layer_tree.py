"""The table of layers on made-up rows: modules, sums, sorting, staleness, many layers."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QRegion

from qinspect.engine.plan.qconfig import PRESETS, QConfig
from qinspect.engine.results import Errors, LayerRow, error_shares
from qinspect.engine.results.kernels import KernelCheck, Latency
from qinspect.gui.panels.layer_columns import COLUMNS
from qinspect.gui.panels.layer_facts import facts_of, flags, floats_of, gain_us, operator_text, short, type_text
from qinspect.gui.panels.layer_model import BarRole, LayerModel, SearchRole, build
from qinspect.gui.panels.layer_tree import WIDTHS, LayerTree


def row(layer_id, kl=None, us=None, **changes):
    path, _, op = layer_id.rpartition(":")
    values = {
        "fused": (), "fused_into": None, "asked": True, "quantized": True, "why_not": None, "source": None,
        "shape": (1, 8), "macs": 10, "parameters": 5, "errors": Errors(estimated_kl=kl),
        "latency": None if us is None else Latency(*us), **changes,
    }  # fmt: skip
    return LayerRow(layer_id, path, op, **values)


ROWS = (
    row("stem:conv2d", 0.1, (20.0, 10.0, 1.0), fused=("bn:batch_norm",)),
    row("bn:batch_norm", fused_into="stem:conv2d"),
    row("body.a.conv:conv2d", 0.3, (5.0, 25.0, 1.0)),
    row("body.b.conv:conv2d", 0.6, asked=True, quantized=False, why_not="groups"),
    row("head:linear"),
)


def facts(rows=ROWS, stale=False, times_stale=False):
    qconfigs = {r.id: PRESETS["qinspect"] for r in rows}
    return facts_of(rows, frozenset(), qconfigs, frozenset(r.id for r in rows), stale, rows, times_stale)


def tree_of(node):
    return [(child.name, tree_of(child)) if child.children else child.name for child in node.children]


def test_layers_stand_below_their_modules_and_single_chains_are_joined():
    assert tree_of(build(ROWS, flat=False, absorbed=False)) == [
        "stem:conv2d",
        ("body", ["a.conv:conv2d", "b.conv:conv2d"]),
        "head:linear",
    ]
    assert tree_of(build(ROWS, flat=False, absorbed=True))[0] == ("stem:conv2d", ["bn:batch_norm"])
    assert tree_of(build(ROWS, flat=True, absorbed=False)) == [r.id for r in ROWS if r.fused_into is None]


def test_what_a_module_computes_itself_stands_in_it():
    rows = (
        row("enc.0.norm:layer_norm"),
        row("enc.0:add"),
        row("enc.0.up:linear"),
        row("enc.0:gelu"),
        row("head:linear"),
    )
    tree = build(rows, flat=False, absorbed=False)
    block, head = tree.children
    assert [child.name for child in block.children] == ["norm:layer_norm", "add", "up:linear", "gelu"]
    assert head.name == "head:linear"


def test_shares_add_up_to_one_and_fall_back_to_the_mean_squared_error():
    assert facts().shares == {
        "stem:conv2d": pytest.approx(0.1),
        "body.a.conv:conv2d": pytest.approx(0.3),
        "body.b.conv:conv2d": pytest.approx(0.6),
    }
    rows = [row("a:x", errors=Errors(estimated_mse=1.0)), row("b:x", errors=Errors(estimated_mse=3.0))]
    assert error_shares(rows) == {"a:x": 0.25, "b:x": 0.75}
    endless = [row("a:x", errors=Errors(estimated_mse=float("inf"))), row("b:x", errors=Errors(estimated_mse=3.0))]
    assert error_shares(endless) == {}


def test_a_module_shows_the_sum_of_its_layers(qtbot):
    model = LayerModel()
    model.set_facts(facts(), flat=False, absorbed=False)
    body = model.index(1, 0)
    keys = [column.key for column in COLUMNS]
    assert body.data() == "body"
    assert body.siblingAtColumn(keys.index("share")).data() == "90.0%"
    assert body.siblingAtColumn(keys.index("share")).data(BarRole) is None
    assert body.siblingAtColumn(keys.index("op")).data() == "2 layers"


def test_flags_name_what_is_worth_a_look():
    found = facts()
    words = {r.id: [word for word, _ in flags(r, found)] for r in ROWS}
    assert words["body.a.conv:conv2d"] == ["slower"]
    assert words["body.b.conv:conv2d"] == ["stays float"]
    assert words["stem:conv2d"] == []
    assert gain_us(ROWS[2], found) == -20.0
    off = row("k:conv2d", kernel=KernelCheck(30, 0.5, 0.6, saturated=True))
    assert flags(off, facts((off,)))[0] == ("saturates", "intermediate sums overflow: up to 30 steps off")


def test_layers_of_a_fusion_that_is_off_say_so(make_window, digits):
    window = make_window(digits)
    fused = next(row for row in digits.analysis.fusions if row.state == "fused")
    window.document.edit("apart", window.document.plan.with_fusion(fused.id, False))
    shown = window.layers_page.facts()
    assert shown.apart >= set(fused.layers)
    flagged = next(row for row in shown.rows if row.id == fused.layers[0])
    assert ("fusion off", "a fusion of this layer is switched off (Fix, Fusions)") in flags(flagged, shown)
    window.document.undo_stack.undo()
    assert window.layers_page.facts().apart == frozenset()


def test_what_is_measured_only_when_asked_for_says_how_to_ask(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.flat.setChecked(True)
    tree.show_facts(facts())
    column = [item.key for item in COLUMNS].index("isolated_kl")
    assert "Measure every layer alone" in tree.proxy.index(0, column).data(Qt.ItemDataRole.ToolTipRole)
    measured = tuple(replace(each, errors=Errors(isolated_kl=0.1)) for each in ROWS)
    tree.show_facts(facts(measured))
    assert "Measure every layer alone" not in tree.proxy.index(0, column).data(Qt.ItemDataRole.ToolTipRole)


def test_a_layer_is_slower_only_where_the_quartiles_of_both_times_are_apart(qtbot):
    def timed(low, high):
        return row("a:conv2d", 0.1, (100.0, 150.0, high - low, None, None, 90.0, 110.0, low, high))

    for low, high, slower in ((140.0, 160.0, True), (105.0, 400.0, False)):
        shown = facts((timed(low, high),))
        assert ("slower" in dict(flags(shown.rows[0], shown))) is slower
        tree = LayerTree()
        qtbot.addWidget(tree)
        tree.show_facts(shown)
        won = tree.proxy.index(0, [column.key for column in COLUMNS].index("gain"))
        assert won.data() == "-50 µs"
        assert (won.data(Qt.ItemDataRole.ForegroundRole) is None) is slower


def test_a_layer_stays_float_only_with_a_reason_or_after_its_kernel_was_looked_at():
    from dataclasses import replace

    asked = row("head:linear", quantized=False)
    before = facts((asked,))
    assert flags(asked, before) == []
    assert [word for word, _ in flags(asked, replace(before, measured=True))] == ["stays float"]
    assert flags(replace(asked, why_not="groups"), before) == [("stays float", "groups")]


def test_absorbed_operators_have_short_names_and_are_found_by_their_long_ones():
    stem = row("stem:conv2d", fused=("bn:batch_norm", "act:relu6#1"))
    assert operator_text(stem) == "conv2d +bn +relu6"
    shared = replace(stem, fused=("bn:batch_norm#1", "act:relu6@2"))
    assert operator_text(shared) == "conv2d +bn +relu6"
    model = LayerModel()
    model.set_facts(facts((stem,)), flat=True, absorbed=False)
    index = model.index(0, [column.key for column in COLUMNS].index("op"))
    assert "bn:batch_norm, act:relu6#1" in index.data(Qt.ItemDataRole.ToolTipRole)
    assert "batch_norm" in index.data(SearchRole)


def test_types_are_short():
    preset = PRESETS["fbgemm"]
    assert (short(preset.weight), short(preset.activation), short(None)) == ("int8/ch", "uint8 7b", "float")


def test_stale_figures_are_italic_and_have_no_bar(qtbot):
    model = LayerModel()
    model.set_facts(facts(stale=True), flat=True, absorbed=False)
    keys = [column.key for column in COLUMNS]
    cell = model.index(0, keys.index("share"))
    assert cell.data(Qt.ItemDataRole.FontRole).italic()
    assert cell.data(BarRole) is None
    assert model.index(0, keys.index("type")).data(Qt.ItemDataRole.FontRole) is None
    assert model.index(0, keys.index("gain")).data(Qt.ItemDataRole.FontRole) is None


def test_new_figures_keep_what_is_selected_and_open(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.show_facts(facts())
    tree.select(("body.a.conv:conv2d",))
    tree.view.collapse(tree.proxy.index(1, 0))
    tree.show_facts(facts(stale=True))
    assert tree.ids() == ("body.a.conv:conv2d",)
    assert not tree.view.isExpanded(tree.proxy.index(1, 0))


class Painted(QObject):
    """What of a widget is drawn anew."""

    def __init__(self, widget):
        super().__init__(widget)
        self.region = QRegion()
        widget.installEventFilter(self)

    def eventFilter(self, _, event):
        if event.type() == QEvent.Type.Paint:
            self.region += event.region()
        return False


def test_new_figures_are_drawn_in_every_row_that_is_in_sight(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(600, 400)
    tree.show()
    rows = [row(f"body.{place}.conv:conv2d", 0.1) for place in range(30)]
    tree.show_facts(facts((*rows, row("head:linear"))))
    qtbot.wait(50)
    painted = Painted(tree.view.viewport())
    tree.show_facts(facts((*rows, row("head:linear", 0.5))))
    inner = tree.view.visualRect(tree.proxy.index(5, 3, tree.proxy.index(0, 0)))
    assert inner.isValid()
    qtbot.waitUntil(lambda: painted.region.contains(inner.center()))


def test_names_take_the_room_of_a_wide_table_until_a_width_is_set_by_hand(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.show_facts(facts())
    tree.resize(560, 400)
    tree.show()
    narrow = tree.view.columnWidth(0)
    tree.resize(900, 400)
    wide = tree.view.columnWidth(0)
    assert narrow <= WIDTHS["layer"]
    assert wide == 2 * WIDTHS["layer"]
    tree.view.by_hand = True
    tree.view.setColumnWidth(0, 200)
    tree.resize(1200, 400)
    assert tree.view.columnWidth(0) == 200


def test_what_a_narrow_table_lacks_comes_from_names_and_operators_down_to_three_quarters(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.show_facts(facts(tuple(row(f"layer{n}:conv2d", 0.1) for n in range(60))))
    tree.resize(536, 400)
    tree.show()
    assert tree.view.verticalScrollBar().maximum() > 0
    qtbot.waitUntil(lambda: tree.view.horizontalScrollBar().maximum() == 0)
    assert WIDTHS["layer"] * 3 // 4 < tree.view.columnWidth(0) < WIDTHS["layer"]
    tree.resize(400, 400)
    assert tree.view.columnWidth(0) == WIDTHS["layer"] * 3 // 4


def test_sorting_by_error_puts_the_worst_first_and_what_is_not_measured_last(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.flat.setChecked(True)
    tree.show_facts(facts())
    tree.view.sortByColumn(3, Qt.SortOrder.DescendingOrder)

    def order():
        return [tree.proxy.index(place, 0).data() for place in range(tree.proxy.rowCount(QModelIndex()))]

    assert order() == ["body.b.conv:conv2d", "body.a.conv:conv2d", "stem:conv2d", "head:linear"]
    tree.view.sortByColumn(3, Qt.SortOrder.AscendingOrder)
    assert order() == ["stem:conv2d", "body.a.conv:conv2d", "body.b.conv:conv2d", "head:linear"]


def seconds_for(tree, count):
    """Time to show and filter so many layers."""
    rows = tuple(row(f"stage{i // 500}.block{i // 10}.conv{i % 10}:conv2d", 0.001 * i) for i in range(count))
    found = facts(rows)
    started = time.perf_counter()
    tree.show_facts(found)
    tree.grab()
    tree.filter.setText("block49")
    tree.grab()
    taken = time.perf_counter() - started
    assert len(tree.as_tsv().splitlines()) > 10
    tree.filter.clear()
    return taken


def test_ten_times_the_layers_take_little_more_than_ten_times_as_long(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(600, 700)
    tree.show()
    seconds_for(tree, 600)
    few = min(seconds_for(tree, 500 + i) for i in range(3))
    many = min(seconds_for(tree, 5000 + i) for i in range(2))
    # Something quadratic would take a hundred times as long.
    assert many < 30 * few


def test_what_was_selected_out_of_sight_and_sorted_away_is_in_sight_when_the_table_is_shown(make_window, digits, qtbot):
    window = make_window(digits)
    window.go("layers")
    tree = window.layers_page.tree
    tree.view.setMaximumHeight(90)
    window.document.select(("conv:conv2d",))
    window.go("verdict")
    last = tree.as_tsv().splitlines()[-1].split("\t")[0]
    tree.select((last,))
    tree.view.scrollToTop()  # as sorting does, which is done anew after a change of language
    window.document.select((last,))
    window.go("layers")
    qtbot.waitUntil(
        lambda: tree.view.viewport().rect().contains(tree.view.visualRect(tree.view.currentIndex()).center())
    )
    assert tree.ids() == (last,)


def test_layers_of_hundreds_of_modules_are_painted_and_filtered_selected_nearly_as_fast_as_not(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(600, 900)
    tree.show()
    rows = tuple(row(f"body.{i}.{name}:{name}", 0.1) for i in range(300) for name in ("conv2d", "add"))
    tree.show_facts(facts(rows))

    def seconds(do):
        started = time.thread_time()  # other jobs do not count
        do()
        return time.thread_time() - started

    def filtered():
        tree.filter.setText("conv2d")
        tree.filter.clear()

    paint = tree.view.viewport().grab
    for do in (paint, filtered):
        tree.select(())
        plain = min(seconds(do) for _ in range(3))
        tree.select(tuple(r.id for r in rows))
        assert len(tree.ids()) == len(rows)
        # A parent asked of Python for every part at every cell takes over 20 times as long.
        assert min(seconds(do) for _ in range(3)) < 8 * plain


def test_what_a_filter_hides_is_selected_again_when_it_is_taken_off(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.show_facts(facts())
    tree.select(("stem:conv2d", "head:linear"))
    told = []
    tree.selected.connect(told.append)
    qtbot.keyClicks(tree.filter, "head")
    assert tree.ids() == ("head:linear",)
    qtbot.keyClicks(tree.filter, "x")
    assert tree.ids() == ()
    tree.filter.clear()
    assert set(tree.ids()) == {"stem:conv2d", "head:linear"}
    assert not told


def test_a_module_is_selected_for_what_the_filter_shows_of_it(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.show_facts(facts((row("block.depth:conv2d"), row("block.point:conv2d"), row("head:linear"))))
    qtbot.keyClicks(tree.filter, "depth")
    tree.view.selectAll()
    assert tree.ids() == tree.shown() == ("block.depth:conv2d",)
    assert tree.hidden(tree.ids()) == 0
    tree.filter.clear()
    tree.view.selectAll()
    assert set(tree.ids()) == {"block.depth:conv2d", "block.point:conv2d", "head:linear"}


def test_what_nothing_is_asked_of_is_float_until_it_is_edited():
    ran = Errors(cumulative_sqnr_db=30.0)
    rows = (
        row(":pow", asked=False, quantized=False, errors=ran),  # no kernel, and nothing rounds what it hands on
        row(":add", asked=False, quantized=False, errors=ran, why_not="nothing behind it reads integers"),
        row(":sqrt", asked=False, quantized=False, errors=ran, activation={"scale": 1.0}),  # its output is rounded
        row("fc:linear", errors=ran),
    )
    asked = {r.id: PRESETS["qinspect"] for r in rows}
    assert floats_of(rows, asked, asked) == {":pow", ":add"}
    edited = {**asked, ":add": PRESETS["x86"]}
    assert floats_of(rows, asked, edited) == {":pow"}
    assert floats_of(rows, {}, asked) == frozenset()  # another target: nobody knows yet
    found = facts_of(
        rows, frozenset(), asked, frozenset({"fc:linear"}), True, rows, True, floats=floats_of(rows, asked, asked)
    )
    assert [type_text(r, found) for r in rows] == ["float", "float", "uint8", "int8/ch · uint8"]
    assert build(rows, flat=False, absorbed=False).children[0].name == "pow"


def test_beside_the_operators_names_are_without_them_where_they_are_told_apart_so():
    ids = ("stem:conv2d", "block.one:conv2d", "block.two:add", "block.two:relu", "block.own.pad:pad",
           "block.own:conv2d", ":mean")  # fmt: skip
    root = build(tuple(map(row, ids)), flat=False, absorbed=False)
    block = root.children[1]
    names = [[child.brief for child in node.children] for node in (root, block, block.children[-1])]
    assert names == [["stem", "block", "mean"], ["one", "two:add", "two:relu", "own"], ["pad", "conv2d"]]


def test_flags_take_the_room_that_they_need_and_an_edit_moves_no_column(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(604, 400)
    tree.show()
    known = facts(tuple(row(f"layer{n}:conv2d", 0.1) for n in range(3)))
    tree.show_facts(known)
    name = tree.view.columnWidth(0)
    assert name > WIDTHS["layer"]
    tree.resize(552, 400)  # as in the smallest window
    qtbot.waitUntil(lambda: tree.view.horizontalScrollBar().maximum() == 0)
    tree.resize(604, 400)
    edited = replace(known, overridden=frozenset(r.id for r in known.rows))
    tree.show_facts(edited)
    assert tree.view.columnWidth(0) == name
    slow = tuple(row(f"layer{n}:conv2d", 0.1, (10.0, 90.0, 1.0), why_not="x", quantized=False) for n in range(3))
    tree.show_facts(replace(facts(slow), measured=True, overridden=edited.overridden))
    metrics = tree.view.fontMetrics()
    assert tree.view.columnWidth(0) < name
    flags_room = tree.view.viewport().width() - sum(tree.view.columnWidth(i) for i in range(5))
    assert flags_room >= metrics.horizontalAdvance("stays float, edited")


def test_a_layer_that_is_selected_out_of_sight_comes_into_sight_with_its_neighbours(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(604, 400)
    tree.show()
    tree.show_facts(facts(tuple(row(f"layer{n}:conv2d", 0.1) for n in range(100))))

    def top():
        return tree.view.visualRect(tree.view.currentIndex()).top()

    tree.select(("layer60:conv2d",))
    line, height = tree.view.visualRect(tree.view.currentIndex()).height(), tree.view.viewport().height()
    assert 3 * line < top() < height - 3 * line
    before = tree.view.verticalScrollBar().value()
    tree.select(("layer61:conv2d",))
    assert tree.view.verticalScrollBar().value() == before  # what is in sight does not move


def test_a_type_with_bits_of_its_own_is_not_cut_in_the_smallest_window(qtbot):
    tree = LayerTree()
    qtbot.addWidget(tree)
    tree.resize(604, 400)
    tree.show()
    known = facts(tuple(row(f"layer{n}:conv2d", 0.1) for n in range(3)))
    tree.show_facts(known)
    usual = tree.view.columnWidth(2)
    plain = PRESETS["qinspect"]
    narrow = QConfig(plain.weight, plain.activation.but(bits=6))
    edited = replace(known, qconfigs={r.id: narrow for r in known.rows})
    tree.show_facts(edited)
    said = type_text(known.rows[0], edited)
    assert said == "int8/ch · uint8 6b"
    assert tree.view.columnWidth(2) >= tree.view.fontMetrics().horizontalAdvance(said) + 8
    assert tree.view.columnWidth(2) > usual
    assert tree.view.horizontalScrollBar().maximum() == 0
