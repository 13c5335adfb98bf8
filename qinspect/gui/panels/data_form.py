"""Where the data lie and how they are prepared; fields that the kind of data has no use for are hidden."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QStyledItemDelegate,
    QWidget,
)

from ...engine.problem import Problem
from ...engine.text import Text
from ..icons import set_icon
from .cards import Card, Real, Whole, heading, label, row
from .faults import Fault
from .path_line import PathLine

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
NORMALIZATIONS: dict[str, tuple[list[float], list[float]] | None] = {
    "none": None,
    "ImageNet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "-1..1": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    "(x − 127) / 128": ([127.0], [128.0]),
    "0..255": ([0.0], [1 / 255]),
}
IMAGES = ("resize", "crop", "interpolation", "normalize", "channels", "layout")
FIELDS = {
    "images": IMAGES,
    "arrays": ("normalize", "channels", "layout", "label"),
    "audio": ("rate", "seconds", "layout"),
    "text": ("tokenizer", "max_length", "label"),
    "table": ("label", *IMAGES, "rate", "seconds", "tokenizer", "max_length"),
}
"""What each kind of data is prepared by; the split, the seed and the number of samples are for all."""


class DataForm(Card):
    """Source and preparation.

    Signals
    -------
    submitted()
        The user wants to open what the fields say.
    edited()
        The fields say something else than before.
    shape_requested(tuple of int)
        The model is to be opened anew, for inputs of this shape.
    """

    submitted = Signal()
    edited = Signal()
    shape_requested = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.body.addWidget(heading(self.tr("Source and preparation")))
        self.kind, self.pictures = "images", True
        self._opened: dict[str, Any] | None = None  # what the fields said of the data that are open
        self._form = QFormLayout()
        self._make_source()
        self._make_fields()
        self.split = QLineEdit("50/25/25")
        self.samples = self._number(self.tr("all"))
        self.seed = Whole(maximum=2**31 - 1)
        self.seed.setMinimumHeight(26)
        self.seed.setToolTip(self.tr("Decides which samples go into which part"))
        for name, widget in (
            (self.tr("&Samples"), self.samples),
            (self.tr("S&plit"), self.split),
            (self.tr("Seed"), self.seed),
        ):
            self._add(name, widget, widget)
        self._parts_said = label(self.tr("The sub-folders are the parts."), "muted", wrap=False)
        self._form.insertRow(self._form.getWidgetPosition(self.split)[0] + 1, "", self._parts_said)
        self.fix_split(False)
        self._no_source = Fault(self._form, self.source.parentWidget(), self.source)
        self._wrong_numbers = Fault(self._form, self.normalize, self.normalize)
        self._wrong_split = Fault(self._form, self.split, self.split)
        self.body.addLayout(self._form)
        self.go = QPushButton(self.tr("Open data"))
        self.go.clicked.connect(self.submitted)
        self.reopen = QPushButton(self.tr("Reopen the model with {0}").format("…"))
        self.reopen.hide()
        self.reopen.clicked.connect(lambda: self.shape_requested.emit(self._shape))
        self._shape: tuple[int, ...] = ()  # of samples that the model does not take
        self.body.addLayout(row(self.reopen, 1, self.go))
        for field in (self.source, self.split, self.label, self.tokenizer, self.normalize.lineEdit()):
            field.returnPressed.connect(self.submitted, Qt.ConnectionType.QueuedConnection)
        for line in (self.source, self.split, self.label, self.tokenizer):
            line.textChanged.connect(self.edited)
        for box in (self.interpolation, self.normalize, self.channels, self.layout_):
            box.currentTextChanged.connect(self.edited)
        for spin in (self.resize_to, self.crop, self.rate, self.seconds, self.max_length, self.samples, self.seed):
            spin.valueChanged.connect(self.edited)
        self.show_kind("images")

    def _make_source(self) -> None:
        self.source = PathLine("", self.tr("a folder, .npz, .npy, .safetensors, .parquet, .csv, text"))
        folder, file = QPushButton(), QPushButton()
        set_icon(folder, "folder-open-outline")
        set_icon(file, "file-outline")
        folder.setToolTip(self.tr("Choose a folder of images, audio or tables; class sub-folders are labels"))
        file.setToolTip(self.tr("Choose a file: arrays with x and, optionally, y; a table; lines of text"))
        folder.clicked.connect(self.browse_folder)
        file.clicked.connect(self._browse_file)
        self._add(self.tr("&Data"), _beside(self.source, folder, file), self.source)

    def _make_fields(self) -> None:
        self.resize_to = self._number(self.tr("as usual (crop · 256/224)"))
        self.resize_to.setToolTip(self.tr("Short side in pixels to which an image is scaled"))
        self.crop = self._number(self.tr("the model's size"))
        self.crop.setToolTip(self.tr("Side in pixels of the square cut from the centre"))
        self.interpolation = self._choice(INTERPOLATIONS, "bilinear", self.tr("With antialiasing, as Pillow does it"))
        self.normalize = self._choice(
            tuple(NORMALIZATIONS),
            "ImageNet",
            self.tr(
                "(x − mean) / std per channel: one of these, or numbers, for pixels of 0..1 such as "
                "0.5,0.5,0.5/0.25,0.25,0.25, for pixels of 0..255 such as (x − 127.5) / 127.5"
            ),
        )
        self.normalize.addItem(self.tr("other numbers…"))
        self.normalize.setEditable(True)
        # Qt lists what can be typed over without the air between the lines that a list of choices has.
        self.normalize.setItemDelegate(QStyledItemDelegate(self.normalize))
        self.normalize.lineEdit().setPlaceholderText("(x − 123.7,116.8,103.9) / 58.4,57.1,57.4")
        self.normalize.activated.connect(self._ask_for_numbers)
        self.normalize.lineEdit().setTextMargins(-2, 0, 0, 0)  # Qt's own two pixels before what can be typed over
        self.normalize.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.channels = self._choice(("RGB", "BGR"), "RGB", self.tr("Order of the colours that the model wants"))
        self.layout_ = self._choice(
            ("NCHW", "NHWC"), "NCHW", self.tr("Order of the axes: batch, channels, height, width")
        )
        self.rate = self._number(self.tr("as the files are"))
        self.rate.setToolTip(self.tr("Audio: samples per second to which it is brought, in Hz"))
        self.seconds = Real(maximum=86_400, decimals=3, specialValueText=self.tr("what the model takes"))
        self.seconds.setMinimumHeight(26)
        self.seconds.setToolTip(self.tr("Audio: its length in seconds; cut, or filled with silence"))
        self.tokenizer = PathLine("", self.tr("the model's tokenizer.json"))
        file = QPushButton()
        set_icon(file, "file-outline")
        file.setToolTip(self.tr("Choose the tokenizer.json of the model"))
        file.clicked.connect(self._browse_tokenizer)
        self.max_length = self._number(self.tr("what the model takes"))
        self.max_length.setToolTip(self.tr("Text: tokens at most"))
        self.label = QLineEdit(placeholderText=self.tr("y, labels or label"))
        self.label.setToolTip(self.tr("The column or array that the metric compares the outputs with"))
        self._rows: dict[str, QWidget] = {}
        for key, name, widget, target in (
            ("label", self.tr("&Labels"), self.label, self.label),
            ("resize", self.tr("&Resize"), self.resize_to, self.resize_to),
            ("crop", self.tr("&Crop"), self.crop, self.crop),
            ("interpolation", self.tr("&Interpolation"), self.interpolation, self.interpolation),
            ("normalize", self.tr("&Normalization"), self.normalize, self.normalize),
            ("channels", self.tr("C&hannels"), self.channels, self.channels),
            ("layout", self.tr("Layo&ut"), self.layout_, self.layout_),
            ("rate", self.tr("Ra&te"), self.rate, self.rate),
            ("seconds", self.tr("Sec&onds"), self.seconds, self.seconds),
            ("tokenizer", self.tr("To&kenizer"), _beside(self.tokenizer, file), self.tokenizer),
            ("max_length", self.tr("Tokens at &most"), self.max_length, self.max_length),
        ):
            self._add(name, widget, target)
            self._rows[key] = widget

    def _add(self, name: str, widget: QWidget, target: QWidget) -> None:
        """A row; `target` is what its name leads to."""
        self._form.addRow(name, widget)
        target.setAccessibleName(name.replace("&", ""))
        self._form.labelForField(widget).setBuddy(target)  # type: ignore[attr-defined]

    def _number(self, automatic: str) -> Whole:
        made = Whole(maximum=1_000_000, specialValueText=automatic)
        made.setAccelerated(True)
        made.setMinimumHeight(26)
        return made

    def _choice(self, values: tuple[str, ...], start: str, tip: str) -> QComboBox:
        made = QComboBox()
        made.addItems(values)
        made.setCurrentText(start)
        made.setToolTip(tip)
        return made

    def fix_split(self, fixed: bool) -> None:
        """Whether the data themselves say what each part is; the shares are not used then."""
        self.split.setEnabled(not fixed)
        self._form.setRowVisible(self._parts_said, fixed)
        self.split.setToolTip(
            self.tr("The sub-folders calibrate, select and final are the parts")
            if fixed
            else self.tr(
                "calibrate / select / final: three parts that share no sample, "
                "so that what a search chose on is not what it is reported on"
            )
        )

    def show_kind(self, kind: str) -> None:
        """Show the fields of a kind of data, one of `FIELDS`; of another one nothing changes."""
        if kind not in FIELDS:
            return
        if kind != self.kind and "normalize" in FIELDS[kind]:
            # Images are 0..255 and nearly always standardized; stored arrays are what the model takes.
            self.normalize.setCurrentText("none" if kind == "arrays" else "ImageNet")
        self.kind = kind
        self._show_fields()

    def set_pictures(self, pictures: bool) -> None:
        """Whether the model takes pictures; stored arrays for others have no colours, and their axes one order."""
        self.pictures = pictures
        self._show_fields()

    def _fields(self) -> tuple[str, ...]:
        fields = FIELDS[self.kind]
        if self.kind == "arrays" and not self.pictures:
            return tuple(field for field in fields if field not in ("channels", "layout"))
        return fields

    def _show_fields(self) -> None:
        fields = self._fields()
        self._wrong_numbers.take_back()
        for key, widget in self._rows.items():
            self._form.setRowVisible(widget, key in fields)

    def read(self) -> dict[str, Any] | None:
        """The fields as a specification; None where one of them makes no sense, which is said below it."""
        from ...engine.data_spec import parse_split

        if not self.source.text().strip():
            remedy = Text("Choose a folder of images or an array file.")
            self._no_source.say(Problem(Text("data"), Text("nothing is named"), remedy))
            return None
        normalized = "normalize" in self._fields()
        for fault, check in (
            (self._wrong_numbers, self._normalization if normalized else lambda: None),
            (self._wrong_split, lambda: parse_split(self.split.text())),
        ):
            try:
                check()
            except Problem as problem:
                fault.say(problem)
                return None
        return self.spec()

    def spec(self) -> dict[str, Any]:
        """The fields as a specification; what does not apply to the kind of data says nothing.

        Raises
        ------
        Problem
            Where a field makes no sense.
        """
        # Numpy, which it needs, is imported with the first data set, not with the window.
        from ...engine.data_spec import parse_split

        mean, std = self._normalization()
        used = self._fields()
        given: dict[str, Any] = {
            "resize": self.resize_to.value() or None,
            "crop": self.crop.value() or None,
            "interpolation": self.interpolation.currentText(),
            "channels": self.channels.currentText().lower(),
            "layout": self.layout_.currentText().lower(),
            "rate": self.rate.value() or None,
            "seconds": self.seconds.value() or None,
            "tokenizer": self.tokenizer.text().strip() or None,
            "max_length": self.max_length.value() or None,
            "label": self.label.text().strip() or None,
        }
        return {
            "source": self.source.text().strip(),
            "samples": self.samples.value() or None,
            "split": list(parse_split(self.split.text())),
            "seed": self.seed.value(),
            **{key: value for key, value in given.items() if key in used},
            **({"mean": mean, "std": std} if "normalize" in used else {}),
        }

    def show_opened(self, spec: dict[str, Any]) -> None:
        """Show the specification of the data that are open now."""
        self.take_back()
        self.fill(spec)
        self._opened = self.spec()
        self.edited.emit()

    @property
    def outdated(self) -> bool:
        """Whether the fields say something else than of the data that are open."""
        try:
            return self._opened is not None and self.spec() != self._opened
        except Problem:
            return True

    def _ask_for_numbers(self, index: int) -> None:
        """The last choice is none: the cursor stands where numbers are typed."""
        if index == len(NORMALIZATIONS):
            self.normalize.setCurrentIndex(-1)
            self.normalize.clearEditText()
            self.normalize.lineEdit().setFocus()

    def _normalization(self) -> tuple[Any, Any]:
        text = self.normalize.currentText().strip()
        if text in NORMALIZATIONS:
            return NORMALIZATIONS[text] or (None, None)
        from ...engine.data_spec import parse_normalize

        return parse_normalize(text.lower())

    def refuse(self, problem: Problem, shape: tuple[int, ...] = ()) -> None:
        """Say below the source why it cannot be opened, and offer the shape that the model may take instead."""
        self._no_source.say_refused(problem)
        self._shape = shape
        self.reopen.setText(self.tr("Reopen the model with {0}").format(",".join(map(str, shape))))
        self.reopen.setVisible(bool(shape))

    def take_back(self) -> None:
        """The source is being opened: whether it can be is not known yet."""
        self._no_source.take_back()
        self.reopen.hide()

    def fill(self, spec: dict[str, Any]) -> None:
        """Show a specification."""
        self.show_source(spec["source"])
        self.samples.setValue(spec.get("samples") or 0)
        self.split.setText("/".join(f"{share:g}" for share in spec.get("split") or (50, 25, 25)))
        self.seed.setValue(spec.get("seed") or 0)
        self.resize_to.setValue(spec.get("resize") or 0)
        self.crop.setValue(spec.get("crop") or 0)
        self.interpolation.setCurrentText(spec.get("interpolation") or "bilinear")
        self.channels.setCurrentText((spec.get("channels") or "rgb").upper())
        self.layout_.setCurrentText((spec.get("layout") or "nchw").upper())
        self.rate.setValue(spec.get("rate") or 0)
        self.seconds.setValue(spec.get("seconds") or 0)
        self.tokenizer.setText(spec.get("tokenizer") or "")
        self.max_length.setValue(spec.get("max_length") or 0)
        self.label.setText(spec.get("label") or "")
        mean, std = spec.get("mean"), spec.get("std")
        wanted = None if mean is None or std is None else (list(mean), list(std))
        name = next((name for name, value in NORMALIZATIONS.items() if value == wanted), None)
        self.normalize.setCurrentText(name or "/".join(",".join(map(_number, part)) for part in wanted or ()))

    def show_source(self, source: str) -> None:
        """Name the data."""
        self.source.setText(source)

    def browse_folder(self) -> None:
        title = self.tr("A folder of images, audio or tables")
        if path := QFileDialog.getExistingDirectory(self, title, self.source.text()):
            self.show_source(path)
            self.submitted.emit()

    def _browse_file(self) -> None:
        kinds = self.tr("Data (*.npz *.npy *.safetensors *.pt *.parquet *.arrow *.csv *.txt *.jsonl);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("A file of data"), "", kinds)
        if path:
            self.show_source(path)
            self.submitted.emit()

    def _browse_tokenizer(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, self.tr("A tokenizer"), "", "tokenizer.json (*.json)")
        if path:
            self.tokenizer.setText(path)


def _number(value: float) -> str:
    """As it was typed, as far as that can be told."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def _beside(field: QLineEdit, *buttons: QPushButton) -> QWidget:
    """A field with buttons to its right."""
    line = QWidget()
    across = QHBoxLayout(line)
    across.setContentsMargins(0, 0, 0, 0)
    across.setSpacing(4)
    across.addWidget(field, 1)
    for button in buttons:
        button.setAccessibleName(button.toolTip())
        across.addWidget(button)
    return line
