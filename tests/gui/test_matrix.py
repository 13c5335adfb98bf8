"""The what-if matrix of the selected layer: a click on a cell is an edit, cells are what a rounding leaves."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from PySide6.QtCore import Qt

from qinspect.engine.errors import sqnr_db
from qinspect.engine.job import fused_graph
from qinspect.engine.plan.qconfig import TensorConfig
from qinspect.engine.ranges import estimate_weight
from qinspect.engine.search.whatif import Cell
from qinspect.gui import close_up
from qinspect.gui.panels.detail import WHAT_IF
from qinspect.gui.panels.matrix import Matrix


@pytest.fixture
def window(make_window, digits, qtbot):
    made = make_window(digits)
    made.go("layers")
    made.document.select(("conv:conv2d",))
    made.layers_page.detail.setCurrentIndex(WHAT_IF)
    shown(made, qtbot)
    return made


def shown(window, qtbot) -> None:
    """Wait for the numbers of the current plan."""
    matrix = window.layers_page.detail.matrix
    qtbot.waitUntil(lambda: matrix.currentIndex() == 1 and window.jobs.idle, timeout=30_000)


def click(table, qtbot, wanted) -> None:
    """Press the cell of the first configuration that is so."""
    place = next(at for at, cell in table.cells.items() if wanted(cell))
    box = table.visualItemRect(table.item(*place))
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=box.center())


def test_a_click_on_a_cell_is_one_edit_that_can_be_undone(window, qtbot):
    document, tables = window.document, window.layers_page.detail.matrix.tables
    before, count = document.plan, document.undo_stack.count()

    def wanted(cell: Cell) -> bool:
        return cell.config.estimator == "percentile" and cell.why_not is None and not cell.current

    config = next(cell.config for cell in tables["activation"].cells.values() if wanted(cell))
    click(tables["activation"], qtbot, wanted)
    assert document.qconfig("conv:conv2d").activation == config
    assert document.undo_stack.count() == count + 1
    assert "conv:conv2d" in document.undo_stack.undoText()
    shown(window, qtbot)
    qtbot.waitUntil(lambda: any(c.current and c.config == config for c in tables["activation"].cells.values()))
    document.undo_stack.undo()
    assert document.plan == before


def test_a_weight_s_cells_are_what_rounding_leaves_of_it(window):
    document, table = window.document, window.layers_page.detail.matrix.tables["weight"]
    current = [cell for cell in table.cells.values() if cell.current]
    assert [cell.config for cell in current] == [document.qconfig("conv:conv2d").weight]
    assert {cell.config.dtype for cell in table.cells.values()} >= {"int8", "int4", "uint8"}
    by_bits = {
        cell.config.dtype: cell.sqnr_db
        for cell in table.cells.values()
        if cell.config.symmetric and cell.config.granularity == "per_channel" and cell.config.estimator == "minmax"
    }
    assert by_bits["int8"] > by_bits["int4"] + 15
    config = TensorConfig("int4", symmetric=True, narrow=current[0].config.narrow, granularity="per_channel")
    graph = fused_graph(document.model, document.plan).graph
    weight = graph.weight(graph.by_id["conv:conv2d"]).detach()
    noise = estimate_weight(weight, config, 0).fake_quantize(weight) - weight
    assert by_bits["int4"] == pytest.approx(sqnr_db(float(torch.sum(weight**2)), float(torch.sum(noise**2))), abs=0.01)


def test_what_the_target_cannot_run_is_grey_with_the_reason_and_no_click_takes_it(window, qtbot):
    document, table = window.document, window.layers_page.detail.matrix.tables["weight"]
    place, cell = next((at, cell) for at, cell in table.cells.items() if cell.why_not is not None)
    item, plan = table.item(*place), document.plan
    assert not item.flags() & Qt.ItemFlag.ItemIsEnabled
    assert str(cell.why_not) in item.toolTip()
    click(table, qtbot, lambda each: each is cell)
    assert document.plan == plan


def test_enter_applies_the_cell_that_the_cursor_is_on(window, qtbot):
    document, table = window.document, window.layers_page.detail.matrix.tables["activation"]
    place = next(at for at, cell in table.cells.items() if cell.why_not is None and not cell.current)
    table.setFocus()
    table.setCurrentCell(*place)
    qtbot.keyClick(table, Qt.Key.Key_Return)
    assert document.qconfig("conv:conv2d").activation == table.cells[place].config


def test_of_several_layers_and_of_none_it_is_said_what_to_select(window):
    matrix, document = window.layers_page.detail.matrix, window.document
    document.select(("conv:conv2d", "fc:linear"))
    assert matrix.currentIndex() == 0
    assert "Select one layer" in matrix.hint.text.text()


def test_cells_of_values_that_are_cut_off_are_said_to_be_rough_and_the_best_is_bold(qtbot):
    table = Matrix("Activation")
    qtbot.addWidget(table)
    minmax, narrow = TensorConfig("uint8"), TensorConfig("uint8", estimator="percentile")
    table.show_cells((Cell(minmax, 30.0, None, True), Cell(narrow, 28.04, None, False, rough=True)))
    texts = [table.item(0, column).text() for column in range(3)]
    assert texts == ["uint8 aff", "● 30.0", "≈ 28.0"]
    assert [table.item(0, column).font().bold() for column in (1, 2)] == [True, False]
    assert "cut off" in table.item(0, 2).toolTip()


def test_rough_cells_become_exact_by_themselves(window, qtbot, monkeypatch):
    matrix, document, plain = window.layers_page.detail.matrix, window.document, close_up.what_if

    def roughly(*words) -> close_up.WhatIf:
        found = plain(*words)
        cells = tuple(replace(cell, rough=cell.config.estimator == "percentile") for cell in found.activation)
        return replace(found, activation=cells)

    monkeypatch.setattr(close_up, "what_if", roughly)
    answers: list[bool] = []
    window.questions.what_if_found.connect(lambda found: answers.append(any(cell.rough for cell in found.activation)))
    document.select(())
    document.select(("conv:conv2d",))
    qtbot.waitUntil(lambda: answers == [True, False], timeout=30_000)
    table = matrix.tables["activation"]
    assert not any("≈" in table.item(*place).text() for place in table.cells)
