"""Histogram, range, candidates and editor of the selected layer, through their widgets."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from qinspect.engine.calibrate import tensor_stats
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.progress import silent
from qinspect.engine.ranges import estimate_activation
from qinspect.gui import close_up
from qinspect.gui import work as window_work
from qinspect.gui.panels.range_panel import expected_sqnr_db, rounded

from .conftest import Digits

LEFT = Qt.MouseButton.LeftButton
LAYER = "conv:conv2d"


@pytest.fixture
def window(make_window, digits):
    made = make_window(digits)
    made.go("layers")
    made.document.select((LAYER,))
    return made


def drag_line(plot, which, to):
    port = plot.canvas.viewport()

    def point(value):
        (_, _), (low, high) = plot.plot.vb.viewRange()
        place = plot.plot.vb.mapViewToScene(QPointF(value, low + 0.37 * (high - low)))
        return QPoint(round(place.x()), round(place.y()))

    start, end = point(plot.lines[which].value()), point(to)
    QTest.mouseMove(port, start)
    QTest.qWait(20)
    QTest.mousePress(port, LEFT, Qt.KeyboardModifier.NoModifier, start)
    captions = []
    for step in range(1, 6):
        QTest.qWait(15)
        QTest.mouseMove(port, start + (end - start) * step / 5)
        QApplication.processEvents()
        captions.append(plot.caption())
    QTest.qWait(15)
    QTest.mouseRelease(port, LEFT, Qt.KeyboardModifier.NoModifier, end)
    QApplication.processEvents()
    return captions


def test_what_the_histogram_says_of_its_own_values_and_what_was_measured_stand_apart(window):
    detail, document = window.layers_page.detail, window.document
    plot, row = detail.histogram, document.find().analysis.row(LAYER)
    stats = detail.range.stats(row)
    expected = expected_sqnr_db(stats, estimate_activation(stats, document.qconfig(LAYER).activation))
    assert f"SQNR ≈ {expected:.1f} dB" in plot.caption()
    assert f"layer {row.errors.local_sqnr_db:.1f} dB" in plot.caption()


def test_in_a_small_window_the_histogram_keeps_room_to_drag_its_lines(window, qtbot):
    window.resize(1366, 746)  # of 768, below the title of a window
    detail = window.layers_page.detail
    plot = detail.histogram
    qtbot.waitUntil(lambda: plot.plot.vb.height() >= 140)


def test_dragging_a_line_shows_clipping_and_sqnr_on_the_way_and_is_one_undoable_edit(window, qtbot):
    detail, document = window.layers_page.detail, window.document
    qtbot.mouseClick(detail.ranges.on, LEFT)
    edits = document.undo_stack.count()
    high = detail.histogram.range()[1]
    captions = drag_line(detail.histogram, 1, high / 2)
    assert len(set(captions)) > 2
    assert all("SQNR ≈" in caption and "clipped" in caption for caption in captions[1:])
    config = document.qconfig(LAYER).activation
    assert config.estimator == "fixed"
    assert config.range[1] == pytest.approx(high / 2, rel=0.1)
    assert document.undo_stack.count() <= edits + 1
    document.undo_stack.undo()
    config = document.qconfig(LAYER).activation
    assert config.range is None or config.range[1] == pytest.approx(high, rel=1e-3)


def test_a_line_is_dragged_at_once_and_its_range_is_fixed_from_then_on(window):
    detail, document = window.layers_page.detail, window.document
    plot = detail.histogram
    assert not detail.ranges.on.isChecked()
    assert plot.lines[1].pen.style() == Qt.PenStyle.DashLine
    high, (seen, _) = plot.range()[1], plot.plot.vb.viewRange()
    drag_line(plot, 1, high / 2)
    config = document.qconfig(LAYER).activation
    assert (config.estimator, config.range[1]) == ("fixed", pytest.approx(high / 2, rel=0.1))
    # The picture stays where it was, and the fields and the line show what holds now.
    assert plot.plot.vb.viewRange()[0] == seen
    assert detail.ranges.on.isChecked()
    assert plot.lines[1].pen.style() == Qt.PenStyle.SolidLine
    document.undo_stack.undo()
    assert document.qconfig(LAYER).activation.estimator != "fixed"
    assert plot.range()[1] == pytest.approx(high, rel=1e-3)


def test_the_expected_sqnr_agrees_with_rounding_the_values_themselves():
    rng = np.random.default_rng(1)
    values = torch.from_numpy(rng.normal(0.3, 1.0, 200_000).astype(np.float32))
    stats = tensor_stats(values.reshape(100, 1, -1))
    config = TensorConfig("uint8", bits=4, estimator="fixed", range=(-1.5, 2.0))
    params = estimate_activation(stats, config)
    noise = ((params.fake_quantize(values) - values) ** 2).double().mean()
    exact = 10 * math.log10(float((values.double() ** 2).mean() / noise))
    assert expected_sqnr_db(stats, params) == pytest.approx(exact, abs=0.2)
    moved = rounded(stats.histogram, params)
    assert moved.counts.sum() == stats.histogram.counts.sum()
    assert (moved.counts > 0).sum() < (stats.histogram.counts > 0).sum()


def test_the_values_after_rounding_and_those_of_the_select_split_are_outlined(window, qtbot, digits):
    panel = window.layers_page.detail.range
    compare_with(panel, "after rounding")
    assert "outlined: after rounding" in panel.histogram.caption()
    compare_with(panel, "unseen samples")
    qtbot.waitUntil(lambda: "outlined: select split" in panel.histogram.caption(), timeout=30_000)
    found = close_up.validation_stats(digits.opened.model, digits.data.data, digits.opened.plan, LAYER, silent)
    whole = digits.calibration.tensors
    assert found.count != whole[next(iter(whole))].count
    compare_with(panel, "compare…")
    assert "outlined" not in panel.histogram.caption()


def compare_with(panel, text):
    QApplication.processEvents()
    place = next(i for i in range(panel.compare.count()) if panel.compare.itemText(i).startswith(text))
    panel.compare.setFocus()
    panel.compare.setCurrentIndex(place)
    panel.compare.activated.emit(place)


def test_the_grid_before_the_edit_and_that_of_a_run_are_drawn_beside_the_plans_own(window):
    panel, document = window.layers_page.detail.range, window.document
    low, high = panel.ends()
    row = document.analysis.row(LAYER)
    document.change((LAYER,), "activation", estimator="fixed", range=(low, high / 2))
    compare_with(panel, "before “")
    caption = panel.histogram.caption()
    assert f"before the edit: range {low:.4g} … {high:.4g}" in caption
    assert f"range {low:.4g} … {panel.ends()[1]:.4g}" in caption
    assert panel.ends()[1] == pytest.approx(high / 2, rel=1e-2)
    assert panel.histogram._other_grid.scale == pytest.approx(row.activation["scale"])
    compare_with(panel, "run “1: ")
    assert "1: ONNX Runtime: range" in panel.histogram.caption()
    document.make_float((LAYER,))
    compare_with(panel, "before “")
    assert f"before the edit: range {low:.4g} … {panel.histogram._other_grid.high:.4g}" in panel.histogram.caption()


PAIR = """
import torch
from torch import nn

def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(64, 10)).eval()
"""


def test_values_that_equalizing_scales_are_shown_as_the_model_has_them(make_window, qtbot, digits_model, tmp_path):
    from qinspect.engine.job import fused_graph
    from qinspect.engine.plan import Remedy

    code = tmp_path / "pair.py"
    code.write_text(PAIR)
    spec = {"source": f"{code}:model", "weights": None, "input_shape": [[1, 1, 8, 8]]}
    made = Digits(spec, {"source": str(digits_model.data), "samples": 64})
    window = make_window(made)
    window.go("layers")
    panel, document = window.layers_page.detail.range, window.document
    document.select(("0:conv2d",))
    plain = panel._stats.max
    document.edit("equalize", document.plan.with_remedy(Remedy("equalize", ("0:conv2d", "2:conv2d"))))
    qtbot.waitUntil(lambda: document.statistics() is not None, timeout=30_000)
    graph = fused_graph(made.opened.model, document.plan).graph
    name = next(name for name in graph.statistics)
    assert panel._stats.max == document.calibration.tensors[graph.statistics[name]].max
    assert panel._stats.max != plain
    compare_with(panel, "before “")
    assert panel.histogram._other_grid.high == pytest.approx(plain, rel=0.2)
    assert "before the edit: range" in panel.histogram.caption()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)


def test_weight_levels_are_those_of_the_folded_weight(digits):
    plan = digits.opened.plan
    found = close_up.weight_ranges(digits.opened.model, plan, LAYER, silent)
    assert found.levels.sum(1).tolist() == [
        digits.opened.model.graph.weight(digits.opened.model.graph.by_id[LAYER]).flatten(1).shape[1]
    ] * len(found.low)
    low, high = plan.qconfig(digits.opened.model.graph.by_id[LAYER]).weight.grid
    assert found.first_level == low
    # Per-channel symmetric min-max: the widest value of each channel is at an end of the grid.
    ends = found.levels[:, 0] + found.levels[:, high - found.first_level]
    assert (ends > 0).all()
    assert close_up.weight_ranges(digits.opened.model, plan.with_layer(LAYER, None, None), LAYER, silent).levels is None


def test_a_candidate_is_previewed_under_the_mouse_applied_by_enter_and_to_all_by_shift_enter(window, qtbot):
    detail, document = window.layers_page.detail, window.document
    table = detail.candidates
    qtbot.waitUntil(lambda: table.rowCount() > 0 and table.isVisible(), timeout=60_000)
    before = detail.histogram.caption()
    place = next(
        i for i, c in enumerate(table.found)
        if not c.current and c.why_not is None and c.activation is not None
        and c.activation != document.qconfig(LAYER).activation
    )  # fmt: skip
    wanted = table.found[place]
    port = table.viewport()
    qtbot.mouseMove(port, table.visualItemRect(table.item(place, 0)).center() + QPoint(1, 0))
    qtbot.mouseMove(port, table.visualItemRect(table.item(place, 0)).center())
    qtbot.waitUntil(lambda: detail.histogram.caption() != before)
    # It is of other samples than the layer's own figure, which stood there before.
    assert re.search(rf"candidate\D* {wanted.local_sqnr_db:.1f} dB", detail.histogram.caption())
    table.setFocus()
    table.setCurrentCell(place, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert document.qconfig(LAYER).activation == wanted.activation
    assert document.undo_stack.undoText() == f"{wanted.title} for {LAYER}"
    document.undo_stack.undo()
    qtbot.waitUntil(lambda: table.rowCount() > 0 and table.isVisible(), timeout=60_000)
    place = next(i for i, c in enumerate(table.found) if c.title == wanted.title)
    table.setFocus()
    table.setCurrentCell(place, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    assert document.plan.overrides[-1].kind == "op"
    others = [row.id for row in document.rows() if row.op == "conv2d" and row.fused_into is None]
    assert len(others) > 1
    assert {document.qconfig(layer_id).activation for layer_id in others} == {wanted.activation}


def choose(box, text):
    box.setCurrentText(text)
    box.activated.emit(box.currentIndex())


def test_the_editor_offers_every_type_and_shows_what_belongs_to_it_only_then(window):
    editor, document = window.layers_page.detail.editor, window.document
    assert not editor.group["weight"].isVisible()
    choose(editor.dtype["weight"], "int4")
    choose(editor.granularity["weight"], "group")
    assert editor.group["weight"].isVisible()
    editor.group["weight"].setValue(16)
    weight = document.qconfig(LAYER).weight
    assert (weight.dtype, weight.granularity, weight.group_size) == ("int4", "per_group", 16)
    choose(editor.estimator["activation"], "moving_average")
    editor.momentum["activation"].setValue(0.25)
    assert document.qconfig(LAYER).activation.momentum == 0.25
    choose(editor.estimator["activation"], "dynamic")
    assert document.qconfig(LAYER).activation.dynamic
    assert not editor.momentum["activation"].isVisible()
    assert not window.layers_page.detail.ranges.on.isEnabled()
    choose(editor.estimator["activation"], "minmax")
    assert not document.qconfig(LAYER).activation.dynamic
    choose(editor.dtype["activation"], "bf16")
    assert not editor.bits["activation"].isEnabled()
    assert not editor.scheme["activation"].isEnabled()
    choose(editor.dtype["activation"], "float")
    assert document.qconfig(LAYER).activation is None


def test_an_edit_that_does_not_go_together_is_refused_in_words(window):
    from PySide6.QtWidgets import QMessageBox

    editor = window.layers_page.detail.editor
    before = window.document.plan
    editor.bits["activation"].setValue(12)
    (box,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert "12 bits in uint8" in box.text()
    box.close()
    assert window.document.plan is before
    assert editor.bits["activation"].value() == 8


def test_a_click_shows_the_values_of_every_channel_and_another_layer_its_own(window, qtbot):
    detail, plot = window.layers_page.detail, window.layers_page.detail.activation_channels
    # Nothing runs for a picture that nobody sees.
    with qtbot.assertNotEmitted(window.questions.channels_found, wait=50):
        plot.by_value.setChecked(True)
    plot.by_value.setChecked(False)
    detail.setCurrentIndex(1)
    with qtbot.waitSignal(window.questions.channels_found, timeout=20_000):
        QTest.mouseClick(plot.by_value, LEFT)
    qtbot.waitUntil(lambda: plot.table()[0][-1] == "values")
    data = window.document.data
    samples = min(close_up.CHANNEL_SAMPLES, len(data.splits.calibrate))
    assert sum(row[-1] for row in plot.table()[1]) == samples * 16 * 8 * 8
    assert f"{samples} samples" in plot.caption()
    with qtbot.waitSignal(window.questions.channels_found, timeout=20_000):
        window.document.select(("fc:linear",))
    qtbot.waitUntil(lambda: plot.table()[0][-1] == "values")
    assert sum(row[-1] for row in plot.table()[1]) == samples * 10
    QTest.mouseClick(plot.by_value, LEFT)
    assert plot.table()[0][-1] == "grid_high"


def listed(window, qtbot):
    """The table of candidates, once it is there."""
    table = window.layers_page.detail.candidates
    qtbot.waitUntil(lambda: table.rowCount() > 0 and table.isVisible(), timeout=60_000)
    return table


def test_candidates_are_copied_with_bare_numbers_and_where_a_time_is_from(window, qtbot):
    table = listed(window, qtbot)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = [line.split("\t") for line in QGuiApplication.clipboard().text().splitlines()]
    assert lines[0] == ["Candidate", "KL (nats)", "SQNR (dB)", "Time (µs)", "Time is"]
    assert len(lines) == 1 + len(table.found)
    for candidate, line in zip(table.found, lines[1:], strict=True):
        assert float(line[1] or "nan") == pytest.approx(candidate.isolated_kl, rel=1e-5)
        known = candidate.local_sqnr_db
        assert line[2] == "" if known is None else float(line[2]) == pytest.approx(known, rel=1e-5)


def test_candidates_of_another_layer_are_gone_with_the_click_and_come_back_at_once(window, qtbot):
    detail, document = window.layers_page.detail, window.document
    table = listed(window, qtbot)
    table.setCurrentCell(2, 0)
    mine = table.found
    document.select(("fc:linear",))
    assert (table.rowCount(), table.found) == (0, ())
    assert detail.below.hint.isVisible()
    assert detail.below.hint.text.text() == "Computing what else fc:linear could be…"
    listed(window, qtbot)
    assert all(candidate.weight_of == "fc:linear" for candidate in table.found)
    assert table.currentRow() == -1
    # What was computed once is not computed again: no job is started.
    document.select((LAYER,))
    assert table.found == ()
    assert window.questions.ask_candidates() is None
    assert table.found is mine


def test_without_a_layer_or_with_several_none_are_listed_and_a_hint_says_why(window, qtbot, make_window, digits):
    detail, document = window.layers_page.detail, window.document
    listed(window, qtbot)
    document.select(())
    assert detail.candidates.found == ()
    assert detail.below.hint.text.text() == "Select a layer to see what else it could be."
    assert detail.histogram.empty
    assert "Select a layer" in detail.histogram._hint.text()
    document.select((LAYER, "fc:linear"))
    assert detail.candidates.found == ()
    assert detail.below.hint.text.text() == "2 layers are selected. Select one to see what else it could be."
    assert detail.editor.state.text() == "conv2d ×1, linear ×1"
    assert detail.histogram.title() == "fc:linear"
    document.select((LAYER,))
    assert detail.histogram.title() == "Activation"
    other = make_window()
    other.go("layers")
    assert "After the analysis" in other.layers_page.detail.below.hint.text.text()


def test_enter_on_what_the_layer_is_already_is_no_edit(window, qtbot):
    document, table = window.document, listed(window, qtbot)
    place = next(i for i, candidate in enumerate(table.found) if candidate.current)
    table.setFocus()
    table.setCurrentCell(place, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    table.cellDoubleClicked.emit(place, 0)
    assert not document.take(table.found[place])
    # Nor is choosing in a field what it shows already.
    editor = window.layers_page.detail.editor
    editor.dtype["activation"].activated.emit(editor.dtype["activation"].currentIndex())
    assert document.undo_stack.count() == 0


def test_after_an_edit_the_list_says_what_the_layer_is_now_and_the_cursor_stays_with_its_candidate(window, qtbot):
    table = listed(window, qtbot)
    was = next(i for i, candidate in enumerate(table.found) if candidate.current)
    place = next(i for i, c in enumerate(table.found) if not c.current and c.why_not is None and c.activation)
    wanted = table.found[place]
    table.setFocus()
    table.setCurrentCell(place, 0)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert [c.current for c in table.found].index(True) == place
    assert table.item(place, 0).text().startswith("● ")
    assert table.item(was, 0).text() == "as it was"
    assert table.item(place, 1).font().italic()
    # The list for the new plan is in another order; the cursor is on the same candidate or on none.
    table.show_candidates(table.found[::-1])
    assert table.found[table.currentRow()] == replace(wanted, current=True)
    table.show_candidates(tuple(c for c in table.found if not c.current))
    assert table.currentRow() == -1
    assert not table.selectedItems()


def seen(histogram):
    return histogram.plot.vb.viewRange()[0]


def test_the_histogram_fits_the_layer_that_is_shown_and_leaves_what_was_zoomed(window, qtbot):
    histogram, document = window.layers_page.detail.histogram, window.document
    document.change(("fc:linear",), "activation", estimator="fixed", range=(-500.0, 500.0))
    document.select(("fc:linear",))
    low, high = seen(histogram)
    assert low < -500 < 500 < high
    # conv's ReLU has nothing below 0, and neither has its grid.
    document.select((LAYER,))
    grid, stats = histogram._grid, window.layers_page.detail.range.stats(document.analysis.row(LAYER))
    low, high = seen(histogram)
    wide = max(grid.high, stats.max) - min(grid.low, stats.min)
    assert high - low < 1.2 * wide
    assert low > -0.1 * wide
    # A zoom into the layer outlives its own refreshes, and no more.
    histogram.plot.vb.sigRangeChangedManually.emit([True, True])
    histogram.plot.setXRange(0.0, 0.5, padding=0)
    window.layers_page.detail.refresh()
    assert seen(histogram) == [0.0, 0.5]
    histogram.show_all()
    assert seen(histogram) == [low, high]


def test_hidden_tabs_wait_and_weights_of_another_layer_are_not_shown_meanwhile(window, qtbot):
    detail, document = window.layers_page.detail, window.document
    document.select((LAYER,))
    detail.setCurrentIndex(1)
    qtbot.waitUntil(lambda: not detail.channels.empty, timeout=60_000)
    document.select(("fc:linear",))
    assert detail.channels.empty
    assert detail.levels.empty
    qtbot.waitUntil(lambda: not detail.channels.empty, timeout=60_000)
    detail.setCurrentIndex(0)
    asked = []
    detail.activation_channels.set_ranges = lambda *ranges: asked.append(ranges)
    document.select((LAYER,))
    assert asked == []
    detail.setCurrentIndex(1)
    assert len(asked) == 1


def test_a_click_draws_the_histogram_once(window):
    histogram, document = window.layers_page.detail.histogram, window.document
    drawn, redraw = [], histogram.redraw
    histogram.redraw = lambda: (drawn.append(1), redraw())
    document.select(("fc:linear",))
    assert len(drawn) == 1


def test_candidates_do_not_wait_for_the_effects_of_all_roundings_which_are_computed_afterwards(
    window, qtbot, monkeypatch
):
    document, detail, began = window.document, window.layers_page.detail, []
    # Those of the first layer are asked for a moment after it is selected; they are not what this is about.
    qtbot.waitUntil(lambda: detail.candidates.rowCount() > 0 and window.jobs.idle, timeout=60_000)

    def effects(*given):
        began.append(len(began))
        for _ in range(2000):
            given[-1](0, 1, "")  # ends it when it is cancelled
            QTest.qSleep(10)

    monkeypatch.setattr(window_work, "effects", effects)
    window.questions._scored = ""
    monkeypatch.setattr(document, "estimate", lambda *_: None)
    window.questions.ask_effects()
    qtbot.waitUntil(lambda: len(began) == 1)
    with qtbot.waitSignal(window.questions.candidates_found, timeout=60_000) as found:
        document.select(("fc:linear",))
    assert found.args[0] == "fc:linear"
    assert detail.below.isVisible()
    qtbot.waitUntil(lambda: len(began) == 2, timeout=60_000)
    window.questions.stop()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)
