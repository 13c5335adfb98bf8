"""The layer table's order, hints and menu, and the words of log and fields, through real widgets."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QContextMenuEvent, QHelpEvent
from PySide6.QtWidgets import QApplication, QStyleOptionViewItem, QTableWidget, QToolTip

from qinspect.engine.results.kernels import KernelCheck
from qinspect.gui.panels.figures import millis
from qinspect.gui.panels.layer_columns import COLUMNS
from qinspect.gui.panels.layer_menu import LayerMenu
from qinspect.gui.panels.layer_tree import OPERATOR
from qinspect.gui.plots.kernel import KernelPlot

LEFT = Qt.MouseButton.LeftButton
KEYS = [column.key for column in COLUMNS]


@pytest.fixture
def window(make_window, digits):
    made = make_window(digits)
    made.go("layers")
    return made


def click_header(tree, key, qtbot):
    header = tree.view.header()
    column = KEYS.index(key)
    place = QPoint(header.sectionViewportPosition(column) + header.sectionSize(column) // 2, header.height() // 2)
    qtbot.mouseClick(header.viewport(), LEFT, pos=place)


def shown(tree, key):
    rows = range(tree.proxy.rowCount())
    return [tree.proxy.index(row, KEYS.index(key)).data() for row in rows]


def test_the_first_click_on_error_puts_the_largest_first_and_on_names_the_first_letter(window, qtbot):
    tree = window.layers_page.tree
    click_header(tree, "share", qtbot)
    shares = [float(text.rstrip("%")) for text in shown(tree, "share") if text != "–"]
    assert len(shares) > 3
    assert shares == sorted(shares, reverse=True)
    click_header(tree, "share", qtbot)
    assert [float(text.rstrip("%")) for text in shown(tree, "share") if text != "–"] == shares[::-1]
    click_header(tree, "layer", qtbot)
    assert shown(tree, "layer") == sorted(shown(tree, "layer"))


def test_a_filter_that_nothing_matches_says_so(window, qtbot):
    tree = window.layers_page.tree
    qtbot.keyClicks(tree.filter, "nowhere")
    assert tree.proxy.rowCount() == 0
    assert tree.view.hint == "No layer matches “nowhere”."
    assert tree.view.accessibleDescription() == tree.view.hint
    empty = tree.view.viewport().grab().toImage()
    tree.view.hint = ""
    assert tree.view.viewport().grab().toImage() != empty
    tree.filter.clear()
    assert tree.view.hint == tree.view.accessibleDescription() == ""


def test_like_this_one_is_the_row_under_the_pointer(window, qtbot):
    document, page = window.document, window.layers_page
    document.change(("conv:conv2d",), "activation", bits=5)
    document.select(("conv:conv2d", "project:conv2d", "fc:linear"))
    view = page.tree.view
    index = page.tree.proxy.mapFromSource(page.tree.model.index_of("conv:conv2d"))
    place = view.visualRect(index).center()
    QApplication.sendEvent(
        view.viewport(),
        QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, view.viewport().mapToGlobal(place)),
    )
    menu = page.findChild(LayerMenu)
    assert document.selection == ("conv:conv2d", "project:conv2d", "fc:linear")
    (entry,) = [action for action in menu.actions() if action.text().startswith("All conv2d")]
    entry.trigger()
    assert document.qconfig("project:conv2d").activation.bits == 5
    menu.close()


def test_undo_and_log_say_what_was_chosen_in_words(window):
    document = window.document
    for fields, said in (
        ({"estimator": "fixed", "range": (0.0, 2.101655578300727)}, "fixed, 0 … 2.102"),
        ({"estimator": "moving_average", "dynamic": False}, "moving average"),
        ({"dynamic": True}, "dynamic"),
        ({"estimator": "percentile", "dynamic": False, "percentile": 99.9}, "percentile, percentile 99.9%"),
        ({"symmetric": True, "narrow": False}, "symmetric"),
        ({"bits": 6}, "6 bits"),
    ):
        document.change(("conv:conv2d",), "activation", **fields)
        assert document.undo_stack.undoText() == f"activation {said} for conv:conv2d"
        assert document.log_lines[-1].endswith(document.undo_stack.undoText())
    assert document.change(("conv:conv2d",), "weight", granularity="per_tensor")
    assert document.undo_stack.undoText() == "weight scale per tensor for conv:conv2d"


def test_what_only_says_how_it_is_cannot_be_chosen(window):
    document, editor = window.document, window.layers_page.detail.editor
    box = editor.estimator["activation"]
    document.select(("conv:conv2d", "fc:linear"))
    assert box.currentText() == "mixed"
    assert not box.model().item(box.currentIndex()).isEnabled()
    assert "moving average" in [box.itemText(place) for place in range(box.count())]
    document.select(("conv:conv2d",))
    assert box.findText("mixed") < 0


def test_every_column_and_every_sqnr_is_explained(make_window, digits):
    window = make_window(digits)
    window.go("fix")
    window.go("layers")
    tables = window.findChildren(QTableWidget)
    assert len(tables) >= 6
    unexplained = [
        (table.accessibleName(), table.horizontalHeaderItem(column).text())
        for table in tables
        for column in range(table.columnCount())
        if not table.horizontalHeaderItem(column).toolTip()
    ]
    assert unexplained == []
    assert all(column.tip for column in COLUMNS)
    formula = "10 log10(Σ y² / Σ (y − ŷ)²)"
    window.document.select(("conv:conv2d",))
    window.layers_page.refresh()
    assert formula in window.layers_page.detail.histogram._caption.toolTip()
    assert formula in window.layers_page.detail.candidates.horizontalHeaderItem(2).toolTip()


def test_the_tooltip_of_a_candidate_is_beside_the_list(window, qtbot):
    window.document.select(("conv:conv2d",))
    table = window.layers_page.detail.candidates
    qtbot.waitUntil(lambda: table.rowCount() > 0 and table.isVisible(), timeout=60_000)
    place = table.visualItemRect(table.item(1, 0)).center()
    port = table.viewport()
    QApplication.sendEvent(port, QHelpEvent(QEvent.Type.ToolTip, place, port.mapToGlobal(place)))
    assert QToolTip.text() == table.item(1, 0).toolTip()
    tip = next(widget for widget in QApplication.topLevelWidgets() if widget.inherits("QTipLabel"))
    assert tip.geometry().right() < port.mapToGlobal(QPoint(0, 0)).x()
    QToolTip.hideText()


def test_a_kernel_that_agrees_is_one_bar_with_its_share_and_an_axis_of_few_marks(qtbot):
    plot = KernelPlot()
    qtbot.addWidget(plot)
    plot.resize(340, 560)
    plot.show()
    plot.set_check(KernelCheck(0, 1.0, 1.0, False, {0: 5_000_000}))
    QApplication.processEvents()
    texts = [item.toPlainText() for item in plot.plot.items if hasattr(item, "toPlainText")]
    assert texts == ["100.0%"]
    low, high = plot.plot.vb.viewRange()[1]
    ticks = [value for _, values in plot.plot.getAxis("left").tickValues(low, high, 480) for value in values]
    assert 3 <= len(ticks) <= 8
    assert high > 6.7
    plot.set_check(KernelCheck(2, 0.9, 0.99, False, {-1: 90, 0: 900_000, 1: 99_000, 2: 10}))
    texts = [item.toPlainText() for item in plot.plot.items if hasattr(item, "toPlainText")]
    assert texts == ["90", "90.1%", "9.9%", "10"]


def test_names_without_room_keep_what_tells_them_apart(window):
    tree = window.layers_page.tree
    view, index = tree.view, tree.proxy.index(0, 0)
    option = QStyleOptionViewItem()
    delegate = view.itemDelegateForColumn(0)
    delegate.initStyleOption(option, index)
    assert option.text == "conv"  # the operator's column says the rest
    view.setColumnHidden(OPERATOR, True)
    for width, said in ((400, "features.14.conv.1.0:conv2d@1"), (60, "features.14.conv.1.0@1")):
        option.rect = QRect(0, 0, width, 22)
        tree.model._node(tree.proxy.mapToSource(index)).name = "features.14.conv.1.0:conv2d@1"
        delegate.initStyleOption(option, index)
        assert option.text == said
        assert option.textElideMode == Qt.TextElideMode.ElideLeft


@pytest.mark.parametrize(
    ("value", "shown"), [(3.6, "3.60"), (4.0, "4.00"), (12.04, "12.0"), (0.5, "0.500"), (123.4, "123"), (None, "–")]
)
def test_times_below_one_another_have_as_many_digits(value, shown):
    assert millis(value) == shown
