"""Random use of the real workbench by mouse and keys: what the editor shows is always what the plan says."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from qinspect.session import load_session, save_session

from .conftest import fill

LEFT, CONTROL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier
LAYERS = ("conv:conv2d", "depthwise:conv2d", "project:conv2d", ":add", "pool:max_pool2d", "fc:linear")
USES = st.lists(
    st.one_of(
        st.tuples(st.just("click"), st.sampled_from(LAYERS)),
        st.tuples(st.just("extend"), st.sampled_from(LAYERS)),
        st.tuples(st.just("bits"), st.sampled_from([Qt.Key.Key_Up, Qt.Key.Key_Down])),
        st.tuples(st.just("type"), st.sampled_from(["float", "int8", "uint8", "int4"])),
        st.tuples(st.just("range"), st.sampled_from(["minmax", "mse", "percentile"])),
        st.tuples(st.just("preset"), st.sampled_from(["onednn", "qnnpack", "float"])),
        st.tuples(st.just("key"), st.sampled_from([Qt.Key.Key_Z, Qt.Key.Key_Y])),
        st.tuples(st.just("follow"), st.none()),
        st.tuples(st.just("reopen"), st.none()),
    ),
    min_size=3,
    max_size=14,
)


@pytest.fixture
def window(make_window, digits):
    made = make_window(digits)
    made.go("layers")
    return made


def choose(box, text):
    place = box.findText(text)
    if box.isEnabled() and place >= 0:
        box.setCurrentIndex(place)
        box.activated.emit(place)


def use(window, tmp_path, kind, what):
    """One thing that a person does."""
    document, tree = window.document, window.layers_page.tree
    editor = window.layers_page.detail.editor
    if kind in ("click", "extend"):
        index = tree.proxy.mapFromSource(tree.model.index_of(what))
        tree.view.scrollTo(index)
        place = tree.view.visualRect(index).center()
        QTest.mouseClick(
            tree.view.viewport(), LEFT, CONTROL if kind == "extend" else Qt.KeyboardModifier.NoModifier, place
        )
    elif kind == "bits":
        spin = editor.bits["activation"]
        if spin.isEnabled():
            spin.setFocus()
            QTest.keyClick(spin, what)
    elif kind == "type":
        choose(editor.dtype["activation"], what)
    elif kind == "range":
        choose(editor.estimator["activation"], what)
    elif kind == "preset" and document.selection:
        choose(editor.preset, what)
    elif kind == "key":
        QTest.keyClick(window, what, CONTROL)
    elif kind == "follow":
        QTest.mouseClick(editor.follow, LEFT)
    elif kind == "reopen":
        save_session(document.session("layers", None), tmp_path / "a.qinspect")
        document.restore(load_session(tmp_path / "a.qinspect"))
    for box in [b for b in window.children() if b.inherits("QMessageBox")]:
        box.close()
    QApplication.processEvents()


@given(USES)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_editor_always_shows_what_the_plan_says_and_all_edits_can_be_undone(window, digits, tmp_path, uses):
    document = fill(window.document, digits)
    window.tasks.rest()
    editor = window.layers_page.detail.editor
    for kind, what in uses:
        use(window, tmp_path, kind, what)
        window.tasks.rest()
        if kind == "reopen":
            assert not document.undo_stack.canUndo()
        shown = {document.qconfig(layer_id).activation for layer_id in document.selection}
        if len(shown) == 1:
            (config,) = shown
            assert editor.dtype["activation"].currentText() == ("float" if config is None else config.dtype)
            if config is not None and not config.is_float:
                assert editor.bits["activation"].value() == config.bits
    # What was undone last can still be done again.
    while document.undo_stack.canRedo():
        document.undo_stack.redo()
    end = document.plan
    while document.undo_stack.canUndo():
        document.undo_stack.undo()
    while document.undo_stack.canRedo():
        document.undo_stack.redo()
    assert document.plan.fingerprint == end.fingerprint
