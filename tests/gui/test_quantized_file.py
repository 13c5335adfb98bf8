"""A file that somebody else quantized, in the window: which of its layers run in integers, and which in float."""

from __future__ import annotations

import warnings

import onnx
import pytest
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel

from qinspect.engine.backends.onnx.export import float_model


@pytest.fixture(scope="module")
def file(digits, tmp_path_factory):
    """The digits model from quantize_static, the value of one convolution in 16 bits: no kernel takes that."""
    folder = tmp_path_factory.mktemp("foreign")
    model = onnx.load_from_string(float_model(digits.opened.model.graph))
    for node in model.graph.node:
        del node.metadata_props[:]  # as if it were somebody else's
    onnx.save(model, folder / "float.onnx")
    wide = [node.output[0] for node in model.graph.node if node.op_type == "Conv"][-1]
    data = digits.data.data

    class Reader(CalibrationDataReader):
        left = iter([{model.graph.input[0].name: data.load(list(data.splits.final))[0].numpy()}])

        def get_next(self):
            return next(self.left, None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_static(
            folder / "float.onnx", folder / "q.onnx", Reader(), weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            extra_options={
                "UseQDQContribOps": True, "TensorQuantOverrides": {wide: [{"quant_type": QuantType.QUInt16}]}
            },
        )  # fmt: skip
    return folder / "q.onnx"


def test_layers_that_a_foreign_file_has_in_whole_numbers_and_that_run_in_float_are_shown(make_window, file, qtbot):
    window = make_window()
    window.opening.take(file)
    document = window.document
    qtbot.waitUntil(lambda: document.model is not None, timeout=60_000)
    texts = {label.text() for label in window.open_page.found.findChildren(QLabel)}
    assert "ONNX Runtime is being asked…" in texts
    assert any("(QDQ" in text and text.endswith("; it carries no plan of its own") for text in texts), texts
    qtbot.waitUntil(lambda: document.file_kernels is not None, timeout=60_000)
    ran = document.file_kernels.ran
    floats = [layer_id for layer_id, item in ran.items() if not item.integer]
    assert 0 < len(floats) < len(ran)
    texts = [label.text() for label in window.open_page.found.findChildren(QLabel)]
    assert any(text.startswith(f"{len(ran) - len(floats)} of {len(ran)} layers in ONNX Runtime's") for text in texts)
    assert any(floats[0] in text for text in texts)

    window.go("layers")
    layers = window.layers_page
    words = {row.id: layers.tree.model.index_of(row.id) for row in document.rows() if row.fused_into is None}
    shown = {layer_id: index.siblingAtColumn(5) for layer_id, index in words.items()}
    assert {layer_id for layer_id, index in shown.items() if "float in file" in index.data()} == set(floats)
    assert ran[floats[0]].operator in shown[floats[0]].data(Qt.ItemDataRole.ToolTipRole)
    layers.detail.setCurrentIndex(2)
    for layer_id, item in ran.items():
        document.select((layer_id,))
        said = layers.detail.kernel_text.text()
        assert item.operator in said
        assert ("in float" in said) == (layer_id in floats)


def test_what_was_found_of_a_file_is_not_shown_of_the_next_model(make_window, file, digits, qtbot):
    window = make_window()
    window.opening.take(file)
    document = window.document
    qtbot.waitUntil(lambda: document.model is not None, timeout=60_000)
    document.set_model(digits.opened.model, digits.opened.inspected, digits.opened.plan)
    qtbot.waitUntil(lambda: window.jobs.idle, timeout=60_000)
    assert document.file_kernels is None
    assert not any("ONNX Runtime" in label.text() for label in window.open_page.found.findChildren(QLabel))
