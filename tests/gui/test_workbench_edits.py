"""Edits of many layers at once, through menus, dialogs and keys."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QDialogButtonBox, QFileDialog, QLineEdit, QMessageBox

from qinspect.engine.plan import Override
from qinspect.engine.results import Finding
from qinspect.gui.panels.layer_menu import LayerMenu

from .conftest import fill

LEFT = Qt.MouseButton.LeftButton
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def window(make_window, digits):
    made = make_window(digits)
    made.go("layers")
    return made


def action(menu, text):
    for found in menu.actions():
        if found.text().split("\t")[0] == text:
            return found
    raise AssertionError(f"{text} is not among {[one.text() for one in menu.actions()]}")


def test_the_layer_with_the_largest_share_is_selected_when_the_workbench_is_first_opened(window):
    rows = [row for row in window.document.rows() if row.errors.estimated_kl]
    assert window.document.current == max(rows, key=lambda row: row.errors.estimated_kl).id
    assert not window.layers_page.detail.histogram.empty


def test_what_is_known_of_an_edit_is_painted_before_the_rest_of_the_workbench_follows(window, qtbot, monkeypatch):
    page, seen = window.layers_page, []

    class Painted(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Paint:
                seen.append(watched.text())
            return False

    painted = Painted()
    QApplication.processEvents()
    page.banner.installEventFilter(painted)
    monkeypatch.setattr(page.tree, "show_facts", lambda facts: seen.append("the table"))
    spin = page.detail.editor.bits["activation"]
    spin.setFocus()
    qtbot.keyClick(spin, Qt.Key.Key_Down)
    assert seen[0].startswith("Edited")
    assert seen[1] == "the table"


def test_a_qconfig_is_copied_from_one_layer_to_others_by_keys(window, qtbot):
    document = window.document
    document.change(("conv:conv2d",), "activation", bits=6)
    document.select(("conv:conv2d",))
    qtbot.keyClick(window, Qt.Key.Key_C, CTRL_SHIFT)
    document.select(("project:conv2d", "fc:linear"))
    qtbot.keyClick(window, Qt.Key.Key_V, CTRL_SHIFT)
    wanted = document.qconfig("conv:conv2d")
    assert wanted.activation.bits == 6
    assert document.qconfig("project:conv2d") == document.qconfig("fc:linear") == wanted
    assert document.undo_stack.undoText() == "pasted qconfig for 2 layers"


def test_pasting_what_is_no_qconfig_says_so_and_changes_nothing(window, qtbot):
    QGuiApplication.clipboard().setText("int8 please")
    window.document.select(("conv:conv2d",))
    before = window.document.plan
    qtbot.keyClick(window, Qt.Key.Key_V, CTRL_SHIFT)
    (box,) = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
    assert "clipboard" in box.text()
    box.close()
    assert window.document.plan is before


def test_layers_are_edited_by_a_pattern_that_counts_while_it_is_typed(window, qtbot):
    window.document.select(("conv:conv2d",))
    qtbot.keyClick(window, Qt.Key.Key_P, CTRL_SHIFT)
    (dialog,) = [child for child in window.layers_page.children() if type(child).__name__ == "PatternDialog"]
    dialog.pattern.clear()
    assert not dialog.apply.isEnabled()
    qtbot.keyClicks(dialog.pattern, "no*such")
    assert dialog.found.text() == "No layer matches."
    dialog.pattern.clear()
    qtbot.keyClicks(dialog.pattern, "p*ject")
    assert dialog.found.text() == "Matching layers (1): project:conv2d"
    dialog.what.setCurrentText("float")
    qtbot.mouseClick(dialog.buttons.button(QDialogButtonBox.StandardButton.Ok), Qt.MouseButton.LeftButton)
    assert window.document.plan.overrides[-1] == Override("path", "p*ject", None, None)
    assert window.document.qconfig("project:conv2d").activation is None
    window.document.undo_stack.undo()
    assert window.document.qconfig("project:conv2d").activation is not None


def test_the_fields_of_a_pattern_keep_their_room_above_the_layers_that_match(window, qtbot):
    window.edit_by_pattern()
    (dialog,) = [child for child in window.layers_page.children() if type(child).__name__ == "PatternDialog"]
    dialog.pattern.clear()
    qtbot.waitExposed(dialog)
    before = dialog.pattern.height()
    dialog.found.setText("")
    dialog.matching = lambda: [f"encoder.layers.{place}.feed_forward.dense:linear" for place in range(6)]
    qtbot.keyClicks(dialog.pattern, "*")
    QApplication.processEvents()
    assert dialog.pattern.height() == before
    assert dialog.found.height() >= dialog.found.heightForWidth(dialog.found.width())
    names = [dialog.what.itemText(place) for place in range(dialog.what.count())]
    assert len(names) == len(set(names))
    dialog.reject()


def test_layers_without_a_weight_have_no_say_in_what_their_selection_s_weights_are(window):
    editor = window.layers_page.detail.editor
    window.select_all()
    chosen = len(window.document.selection)
    window.document.change(window.document.selection, "weight", granularity="per_tensor")
    assert editor.granularity["weight"].currentData() == "tensor"
    weighted = sum(map(window.document.weighted, window.document.selection))
    assert 1 < weighted < chosen
    assert window.document.undo_stack.undoText().endswith(f"for {weighted} layers")


def test_select_all_beside_a_filtered_table_takes_what_it_shows(window, qtbot):
    qtbot.keyClicks(window.layers_page.tree.filter, "project")
    window.select_all()
    assert window.document.selection == ("project:conv2d",)


def test_no_range_is_left_standing_where_a_layer_has_none(window):
    ranges = window.layers_page.detail.ranges
    window.document.select(("project:conv2d",))
    assert ranges.low.text() != "–"
    window.document.make_float(("fc:linear",))
    window.document.select(("fc:linear",))
    assert (ranges.low.text(), ranges.high.text()) == ("–", "–")


def test_a_fusion_is_switched_off_in_the_menu_of_its_layer(window, digits):
    fusion = next(row for row in digits.analysis.fusions if row.state == "fused")
    menu = window.layers_page.menu((fusion.layers[0],))
    assert isinstance(menu, LayerMenu)
    inside = action(menu, "Fusions").menu()
    entry = next(one for one in inside.actions() if one.isCheckable())
    assert entry.isChecked()
    entry.trigger()
    assert not window.document.plan.fusion(fusion.id)
    window.document.undo_stack.undo()
    assert window.document.plan.fusion(fusion.id)
    menu.close()


def test_the_palette_finds_commands_and_layers_and_enter_does_it(window, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    palette = next(child for child in window.children() if type(child).__name__ == "Palette")
    qtbot.keyClicks(palette.line, "verdict")
    assert palette.texts()[0] == "View: Verdict"
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.step == "verdict"
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "proj conv2d")
    assert palette.texts() == ["project:conv2d"]
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert window.step == "layers"
    assert window.document.selection == ("project:conv2d",)


def test_the_palette_edits_what_is_selected(window, qtbot):
    document = window.document
    document.select(("conv:conv2d", "fc:linear"))
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "weights 4 bits")
    assert palette.texts() == ["2 layers: Weights: 4 bits"]
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert [document.qconfig(layer_id).weight.bits for layer_id in document.selection] == [4, 4]
    document.select(("conv:conv2d",))
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "leave in float")
    assert palette.texts() == ["Selected layer: Leave in float"]
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert document.undo_stack.undoText() == "float for conv:conv2d"
    # Its menu does not stay behind.
    qtbot.waitUntil(lambda: not window.findChildren(LayerMenu))


def test_the_palette_offers_nothing_that_cannot_be_done_now(make_window, qtbot):
    window = make_window()
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "calibrate")
    assert palette.texts() == []
    palette.line.clear()
    qtbot.keyClicks(palette.line, "target")
    qtbot.keyClick(palette.line, Qt.Key.Key_Down)
    qtbot.keyClick(palette.line, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    assert window.step == "open"


@pytest.mark.parametrize("kind", ["png", "svg", "csv"])
def test_where_a_plot_was_written_is_said_and_logged(window, qtbot, tmp_path, kind):
    path, page = tmp_path / f"depth.{kind}", window.layers_page

    def answer():
        dialog = QApplication.activeModalWidget()
        name = dialog.findChild(QLineEdit)
        name.setText(str(path))
        qtbot.keyClick(name, Qt.Key.Key_Return)

    QTimer.singleShot(200, answer)
    qtbot.mouseClick(page.centre.depth._export, LEFT)
    assert path.stat().st_size > 500
    assert window.statusBar().currentMessage() == f"Wrote {path}"
    assert page.bottom.log.toPlainText().endswith(f"wrote {path}")


def test_what_was_selected_while_the_graph_was_hidden_is_marked_when_it_is_shown(window):
    page, document = window.layers_page, window.document
    page.centre.setCurrentWidget(page.centre.graph)
    document.select(("conv:conv2d",))
    canvas = page.centre.graph.canvas
    assert canvas.selected == "conv:conv2d"
    page.centre.setCurrentWidget(page.centre.depth)
    document.select(("fc:linear",))
    page.centre.setCurrentWidget(page.centre.graph)
    assert canvas.selected == "fc:linear"
    assert canvas.seen().contains(canvas.item.rect_of("fc:linear"))
    assert page.centre.graph.trail.text().endswith("linear")
    window.show_layers(("conv:conv2d", "fc:linear"))
    assert {canvas.selected, *canvas.item.also} == {"conv:conv2d", "fc:linear"}
    # The model's input and output are drawn, and a click on them selects no layer.
    ports = [block.title for block in canvas.model.roots if block.port]
    assert ports == ["x", "output"]
    page.centre.graph.canvas.choose("x")
    assert set(document.selection) == {"conv:conv2d", "fc:linear"}
    assert document.current == "conv:conv2d"  # the first of those that were asked for is shown in detail


def test_a_layer_is_edited_only_where_it_is_unlike_the_first_plan(window):
    document, page = window.document, window.layers_page
    # The first plan has min-max at the output; nobody has edited that.
    assert [(o.kind, o.pattern) for o in document.plan.overrides] == [("id", "fc:linear")]
    first = document.qconfig("fc:linear")
    document.select(("fc:linear",))
    assert document.edited() == frozenset()
    assert not page.detail.editor.follow.isEnabled()
    document.change(("fc:linear",), "activation", bits=6)
    assert document.edited() == {"fc:linear"}
    assert page.facts().overridden == {"fc:linear"}
    # Taking it back leads to the first plan, not to the default.
    page.detail.editor.follow.click()
    assert document.qconfig("fc:linear") == first
    assert document.edited() == frozenset()
    assert not page.detail.editor.follow.isEnabled()


def test_an_edit_marks_every_tab_as_stale_and_moves_nothing(window):
    document, page = window.document, window.layers_page
    text = page.banner.text()

    def top():
        return page.tree.mapTo(page, QPoint(0, 0)).y()

    before = top()
    assert text == f"Figures of “{document.shown.name}”, on all samples."
    tabs = {page.centre.tabText(place): place for place in range(page.centre.count())}

    def late():
        return [name for name, place in tabs.items() if place in page.centre.marks.marked]

    bar = page.centre.tabBar()
    places = [bar.tabRect(place) for place in range(bar.count())]
    plain = bar.grab().toImage()
    assert late() == []
    document.change(("conv:conv2d",), "activation", bits=6)
    # Latency was not measured here.
    assert late() == ["Depth", "Graph", "Error × gain"]
    assert "estimated" in page.centre.tabToolTip(tabs["Pareto"])
    assert [bar.tabRect(place) for place in range(bar.count())] == places
    assert bar.grab().toImage() != plain
    assert "another plan" in bar.accessibleTabName(tabs["Depth"])
    assert page.centre.depth.plot.vb.childGroup.opacity() < 0.5
    assert top() == before
    assert page.banner.text().startswith("Edited: italics are of “1: ")
    page.centre.setCurrentWidget(page.centre.graph)
    assert page.centre.graph.canvas.item.stale
    document.undo_stack.undo()
    assert late() == []
    assert not page.centre.graph.canvas.item.stale
    assert (top(), page.banner.text()) == (before, text)


def test_hidden_tabs_are_brought_up_to_date_when_they_are_shown(window):
    document, page = window.document, window.layers_page
    page.centre.setCurrentWidget(page.centre.scatter)
    asked = []
    page.centre.depth.set_points = lambda points: asked.append(len(points))
    document.change(("conv:conv2d",), "activation", bits=6)
    document.select(("fc:linear",))
    assert asked == []
    page.centre.setCurrentWidget(page.centre.depth)
    assert len(asked) == 1
    assert page.centre.depth._selected == "fc:linear"
    page.centre.setCurrentWidget(page.centre.scatter)
    page.centre.setCurrentWidget(page.centre.depth)
    assert len(asked) == 1


def test_statistics_that_an_edit_needs_besides_are_collected_once_for_all_that_follow(window, qtbot, monkeypatch):
    from qinspect.engine import job

    asked, real = [], job.gather_here
    told = lambda *given, **words: asked.append(words["only"]) or real(*given, **words)  # noqa: E731
    monkeypatch.setattr(job, "gather_here", told)
    document = window.document
    fused = next(row for row in document.shown.analysis.fusions if row.state == "fused" and "relu" in row.pattern)

    def figures():
        window.tasks.run_quick()
        qtbot.waitUntil(lambda: document.freshness == "quick" and window.jobs.idle, timeout=60_000)

    window.go("verdict")  # no histogram asks for them
    document.set_fusion(fused.id, False)  # what is made before it is a value of its own now
    figures()
    document.make_float(("fc:linear",))
    figures()
    assert len(asked) == 1
    trials = window.tasks._trials[1]
    assert trials.known.keys() >= {document.plan.fingerprint}
    assert len(trials.known) == 2  # the float outputs of the first served for the second
    document.set_model(document.model, document.inspected, document.plan)
    assert window.tasks._trials == ("", None)


def test_a_plan_that_the_histogram_and_the_figures_both_ask_about_is_gathered_for_once(window, qtbot, monkeypatch):
    from qinspect.engine import job

    asked, real = [], job.gather_here
    told = lambda *given, **words: asked.append(words["only"]) or real(*given, **words)  # noqa: E731
    monkeypatch.setattr(job, "gather_here", told)
    document = window.document
    fused = next(row for row in document.shown.analysis.fusions if row.state == "fused" and "relu" in row.pattern)
    window.go("layers")
    document.select((fused.layers[0],))
    document.set_fusion(fused.id, False)
    window.questions.ask_statistics(document.plan)
    window.tasks.run_quick()  # queued with the statistics from before
    qtbot.waitUntil(lambda: document.freshness == "quick" and window.jobs.idle, timeout=60_000)
    assert len(asked) == 1
    assert document.statistics() is not None


def test_the_integers_of_a_layer_are_saved_from_its_menu(window, qtbot, tmp_path, monkeypatch):
    out = tmp_path / "evidence"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **words: (str(out), ""))
    menu = window.layers_page.menu(("conv:conv2d",))
    action(menu, "Save its integers as evidence…").trigger()
    menu.close()
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=120_000)
    assert {"tensors.npz", "layer.json", "README.txt"} <= {path.name for path in out.iterdir()}
    assert str(out) in window.document.log_lines[-1]


def test_kernel_size_channels_and_shape_of_a_layer_are_said(window):
    window.go("layers")
    detail = window.layers_page.detail
    detail.setCurrentIndex(2)
    layer = window.document.layer("conv:conv2d")
    out, inner, *kernel = window.document.model.graph.params[layer.roles["weight"]].shape
    window.document.select(("conv:conv2d",))
    said = detail.kernel_text.text().splitlines()[0]
    assert said.startswith(f"{kernel[0]}×{kernel[1]} · padding {layer.args[4][0]} · {inner} → {out} · N×{out}×")
    assert detail.editor.state.toolTip() == said
    window.document.select(("fc:linear",))
    out, inner = window.document.model.graph.params[window.document.layer("fc:linear").roles["weight"]].shape
    assert detail.kernel_text.text().startswith(
        f"{inner} → {out} · N×{out} · {(inner * out + out) / 1e3:.3g} k parameters"
    )


def test_the_palette_applies_remedies_and_chooses_the_form_of_an_export(window, qtbot):
    document = window.document
    plan = document.plan.with_layer("fc:linear", weight=None, activation=None)
    finding = Finding("rule", "fc is to blame", "", ("fc:linear",), "warning", None, "Keep it.", plan.to_json())
    document.add_run(document.plan, replace(document.find().analysis, findings=(finding,)), exact=True)
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "apply blame")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert document.plan == plan
    palette = window.show_palette()
    qtbot.keyClicks(palette.line, "apply")
    assert not any("blame" in text for text in palette.texts())  # it is of another plan now
    palette.line.setText("export kit")
    qtbot.keyClick(palette.line, Qt.Key.Key_Return)
    assert (window.step, window.export_page.to) == ("export", "kit")


def test_a_graph_that_was_looked_at_before_there_were_figures_is_coloured_by_the_first_ones(make_window, digits):
    window = make_window()
    document = fill(window.document, digits, analyzed=False)
    window.go("layers")
    page = window.layers_page
    page.centre.setCurrentWidget(page.centre.graph)
    assert page.centre.graph.overlay.currentIndex() == 0
    document.add_run(document.plan, digits.analysis, exact=True)
    assert page.centre.graph.overlay.currentText() == "Error share"
    page.centre.graph.overlay.setCurrentIndex(0)  # who takes the colours away wants none
    document.make_float(("fc:linear",))
    document.add_run(document.plan, digits.analysis, exact=False)
    assert page.centre.graph.overlay.currentIndex() == 0
