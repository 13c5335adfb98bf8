"""The fields of the data page follow the kind of data that is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from qinspect.engine.data import DataSpec, kind_of_source
from qinspect.engine.problem import Problem
from qinspect.gui.panels.data_form import DataForm
from qinspect.gui.panels.path_line import PathLine
from qinspect.gui.theme import LIGHT, stylesheet


@pytest.fixture
def form(qtbot: Any) -> DataForm:
    made = DataForm()
    qtbot.addWidget(made)
    made.show()
    return made


def test_audio_has_a_rate_and_no_crop_and_its_settings_reach_the_specification(qtbot: Any, form: DataForm) -> None:
    form.show_kind("audio")
    assert form.rate.isVisible()
    assert form.seconds.isVisible()
    assert not form.crop.isVisible()
    assert not form.tokenizer.isVisible()
    form.show_source("sounds")
    form.rate.clear()
    qtbot.keyClicks(form.rate, "16000")
    form.seconds.clear()
    qtbot.keyClicks(form.seconds, form.locale().toString(0.5))
    form.crop.setValue(224)
    spec = DataSpec.from_json(form.spec())
    assert (spec.rate, spec.seconds, spec.crop, spec.mean) == (16000, 0.5, None, None)


def test_arrays_for_a_model_that_takes_no_pictures_have_no_colours(form: DataForm) -> None:
    form.show_kind("arrays")
    assert form.channels.isVisible()
    form.set_pictures(False)
    assert not form.channels.isVisible()
    assert not form.layout_.isVisible()
    assert form.normalize.isVisible()
    form.show_kind("images")
    assert form.channels.isVisible()


def test_orders_of_channels_and_axes_are_shown_in_capitals_and_kept_as_the_command_line_has_them(
    form: DataForm,
) -> None:
    form.fill({"source": "photos", "channels": "bgr", "layout": "nhwc"})
    assert (form.channels.currentText(), form.layout_.currentText()) == ("BGR", "NHWC")
    spec = DataSpec.from_json(form.spec())
    assert (spec.channels, spec.layout) == ("bgr", "nhwc")


def test_a_table_has_a_column_of_labels(qtbot: Any, form: DataForm) -> None:
    form.show_kind("table")
    qtbot.keyClicks(form.label, "species")
    assert DataSpec.from_json(form.spec()).label == "species"


def test_a_normalization_of_ones_own_can_be_typed(qtbot: Any, form: DataForm) -> None:
    edit = form.normalize.lineEdit()
    edit.selectAll()
    qtbot.keyClicks(edit, "0.498,0.498,0.498/0.502,0.502,0.502")
    spec = DataSpec.from_json(form.spec())
    assert spec.mean == (0.498,) * 3
    assert spec.std == (0.502,) * 3
    edit.selectAll()
    qtbot.keyClicks(edit, "a half")
    with pytest.raises(Problem, match="MEAN/STD"):
        form.spec()


def test_a_normalization_of_pixels_is_typed_as_models_describe_it_and_enter_opens(qtbot: Any, form: DataForm) -> None:
    edit = form.normalize.lineEdit()
    edit.selectAll()
    qtbot.keyClicks(edit, "(x - 123.7,116.8,103.9) / 58.4,57.1,57.4")
    form.show_source("photos")
    with qtbot.waitSignal(form.submitted):
        qtbot.keyClick(edit, Qt.Key.Key_Return)
    spec = DataSpec.from_json(form.spec())
    assert (spec.mean, spec.std) == ((123.7, 116.8, 103.9), (58.4, 57.1, 57.4))
    form.fill(spec.to_json())
    assert form.normalize.currentText() == "123.7,116.8,103.9/58.4,57.1,57.4"


def test_the_lines_of_a_list_that_can_be_typed_over_are_as_high_as_those_of_others(qtbot: Any, form: DataForm) -> None:
    form.setStyleSheet(stylesheet(LIGHT))
    form.show()
    heights = []
    for box in (form.normalize, form.interpolation):
        box.showPopup()
        heights.append(box.view().sizeHintForRow(0))
        box.hidePopup()
    assert abs(heights[0] - heights[1]) <= 4


def test_other_numbers_among_the_normalizations_leads_to_an_empty_field(qtbot: Any, form: DataForm) -> None:
    form.normalize.setFocus()
    for _ in range(form.normalize.count() - 1 - form.normalize.currentIndex()):
        qtbot.keyClick(form.normalize, Qt.Key.Key_Down)
    assert form.normalize.currentText() == ""
    qtbot.keyClicks(form.normalize.lineEdit(), "(x-127)/128")
    assert DataSpec.from_json(form.spec()).mean == (127.0,)


@pytest.mark.parametrize(
    "spec",
    [
        DataSpec("photos", mean=(127,), std=(128,)),
        DataSpec(
            "photos", 12, (80, 10, 10), 3, 256, 224, "bicubic", (0.1, 0.2, 0.3), (1 / 3, 0.5, 0.25), "bgr", "nhwc"
        ),
        DataSpec("photos", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225)),
        DataSpec("photos"),
    ],
)
def test_what_is_shown_is_what_is_read_back(form: DataForm, spec: DataSpec) -> None:
    form.fill(spec.to_json())
    assert DataSpec.from_json(form.spec()) == spec


def test_text_and_its_tokenizer_are_read_back(form: DataForm) -> None:
    spec = DataSpec("lines.txt", tokenizer="tokenizer.json", max_length=64, label="kind", seed=5)
    form.show_kind("text")
    form.fill(spec.to_json())
    assert DataSpec.from_json(form.spec()) == spec


def test_the_kind_is_told_by_a_quick_look(tmp_path: Path) -> None:
    for folder, file in (("photos", "a.PNG"), ("sounds", "b.wav"), ("tables", "c.parquet")):
        (tmp_path / folder / "class").mkdir(parents=True)
        (tmp_path / folder / "class" / file).write_bytes(b"")
    np.save(tmp_path / "x.npy", np.zeros(3))
    (tmp_path / "lines").write_text("a line\nanother\n")
    kinds = {name: kind_of_source(str(tmp_path / name)) for name in ("photos", "sounds", "tables", "x.npy", "lines")}
    assert list(kinds.values()) == ["images", "audio", "table", "arrays", "text"]
    assert kind_of_source("data.py:batches") == "arrays"
    assert kind_of_source(str(tmp_path / "not there")) == kind_of_source("") == ""


def test_why_the_split_cannot_be_typed_is_said_below_it(form: DataForm) -> None:
    assert form.split.isEnabled()
    assert not any("sub-folders" in shown.text() for shown in form.findChildren(QLabel) if shown.isVisible())
    form.fix_split(True)
    assert not form.split.isEnabled()
    assert any("sub-folders" in shown.text() for shown in form.findChildren(QLabel) if shown.isVisible())


def test_of_a_path_without_room_the_end_is_seen_after_an_ellipsis_until_it_is_typed_in(qtbot) -> None:
    holder = QWidget()
    qtbot.addWidget(holder)
    line = PathLine()
    other = QPushButton("elsewhere")
    column = QVBoxLayout(holder)
    column.addWidget(line)
    column.addWidget(other)
    holder.resize(200, 100)
    holder.show()
    with qtbot.waitActive(holder):
        holder.activateWindow()
    other.setFocus()
    line.setText("/short")
    assert line.shown() == "/short"
    whole = "/a/place/that/is/far/too/long/for/its/field/photos"
    line.setText(whole)
    assert line.toolTip() == whole
    assert line.shown().startswith("…")
    assert line.shown().endswith("/photos")
    painted, seen = line.grab().toImage(), line.shown()
    line.setText(seen)  # as a field is painted that has the room
    assert line.grab().toImage() == painted
    line.setText(whole)
    line.setFocus()
    qtbot.keyClick(line, Qt.Key.Key_End)
    assert line.text() == whole
    assert line.grab().toImage() != painted
