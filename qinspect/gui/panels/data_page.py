"""Data: samples as the model will see them, the splits, and the float metric to confirm."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ...engine.problem import Problem
from ...engine.text import Text
from ..document import Document
from ..icons import set_icon
from ..language import translated
from .cards import Card, Hint, Page, clear, heading, label, row
from .metric_card import MetricCard
from .quality_card import QualityCard

OTHERS = ("rate", "seconds", "tokenizer", "max_length", "label")
"""Settings of audio, text and tables, which have no fields of their own here and stay as they were given."""

INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "lanczos", "box")
NORMALIZATIONS: dict[str, tuple[list[float], list[float]] | None] = {
    "none (0..1)": None,
    "ImageNet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "-1..1": ([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
}
THUMBNAIL = 132
COLUMNS = 4


def parse_split(text: str) -> list[float]:
    """``50/25/25`` as three numbers.

    Raises
    ------
    Problem
        Where it is not that.
    """
    try:
        parts = [float(part) for part in text.split("/")]
    except ValueError:
        parts = []
    if len(parts) != 3:
        raise Problem(Text("split"), Text("{text!r} is not three shares", text=text), Text("Write it as 50/25/25."))
    return parts


class DataPage(Page):
    """Where the data come from and how they are prepared.

    Signals
    -------
    open_requested(dict), metric_chosen(source), confirmed(), next_requested(), problem(Problem)
    """

    open_requested = Signal(object)
    metric_chosen = Signal(str)
    confirmed = Signal()
    next_requested = Signal()
    problem = Signal(object)

    def __init__(self, document: Document) -> None:
        super().__init__("", "")
        self.set_title(self.tr("Data"))
        self.purpose.setText(
            self.tr(
                "The float model's figure comes first: if it is not what the model should reach, "
                "the preparation is wrong and every int8 figure would be too."
            )
        )
        self._document = document
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.body.addLayout(columns, 1)
        left, right = QVBoxLayout(), QVBoxLayout()
        columns.addLayout(left, 4)
        columns.addLayout(right, 7)
        left.addWidget(self._make_form())
        self.metric_card = MetricCard(document)
        self.metric_card.confirmed.connect(self.confirmed)
        self.metric_card.next_requested.connect(self.next_requested)
        self.metric_card.metric_chosen.connect(self.metric_chosen)
        left.addWidget(self.metric_card)
        self.quality = QualityCard(document)
        left.addWidget(self.quality)
        left.addStretch(1)
        right.addWidget(self._make_samples(), 1)
        self._pictures: list[tuple[int, Any]] = []
        self._others: dict[str, Any] = {}
        self._others_of = ""
        self.classes: tuple[str, ...] = ()
        document.model_changed.connect(self._offer_preparation)
        for changed in (document.model_changed, document.data_changed, document.check_changed):
            changed.connect(self.refresh)
        self.refresh()

    def _make_form(self) -> Card:
        card = Card(self.tr("Source and preparation"))
        form = QFormLayout()
        self.source = QLineEdit(placeholderText=self.tr("folder of images, .npz, .npy, .safetensors"))
        folder, file = QPushButton(), QPushButton()
        set_icon(folder, "folder-open-outline")
        set_icon(file, "file-outline")
        folder.setToolTip(self.tr("Choose a folder of images; class sub-folders are labels"))
        file.setToolTip(self.tr("Choose an array file with x and, optionally, y"))
        folder.clicked.connect(self.browse_folder)
        file.clicked.connect(self._browse_file)
        for button in (folder, file):
            button.setAccessibleName(button.toolTip())
        line = QWidget()
        across = QHBoxLayout(line)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(4)
        across.addWidget(self.source, 1)
        across.addWidget(folder)
        across.addWidget(file)
        self.resize_to = self._number(self.tr("as usual (crop · 256/224)"))
        self.resize_to.setToolTip(self.tr("Short side in pixels to which an image is scaled"))
        self.crop = self._number(self.tr("the model's size"))
        self.crop.setToolTip(self.tr("Side in pixels of the square cut from the centre"))
        self.interpolation = self._choice(INTERPOLATIONS, "bilinear", self.tr("With antialiasing, as Pillow does it"))
        self.normalize = self._choice(tuple(NORMALIZATIONS), "ImageNet", self.tr("(x − mean) / std per channel"))
        self.channels = self._choice(("rgb", "bgr"), "rgb", self.tr("Order of the colours that the model wants"))
        self.layout_ = self._choice(
            ("nchw", "nhwc"), "nchw", self.tr("Order of the axes: batch, channels, height, width")
        )
        self.split = QLineEdit("50/25/25")
        self.split.setToolTip(
            self.tr(
                "calibrate / select / final: three parts that share no sample, "
                "so that what a search chose on is not what it is reported on"
            )
        )
        self.samples = self._number(self.tr("all"))
        for name, widget in (
            (self.tr("&Data"), line),
            (self.tr("&Resize"), self.resize_to),
            (self.tr("&Crop"), self.crop),
            (self.tr("&Interpolation"), self.interpolation),
            (self.tr("&Normalization"), self.normalize),
            (self.tr("C&hannels"), self.channels),
            (self.tr("Layo&ut"), self.layout_),
            (self.tr("&Samples"), self.samples),
            (self.tr("S&plit"), self.split),
        ):
            form.addRow(name, widget)
            target = self.source if widget is line else widget
            target.setAccessibleName(name.replace("&", ""))
            form.labelForField(widget).setBuddy(target)  # type: ignore[attr-defined]
        self.source.returnPressed.connect(self.submit)
        self.source.textChanged.connect(self.source.setToolTip)
        card.body.addLayout(form)
        self.go = QPushButton(self.tr("Open data"))
        self.go.clicked.connect(self.submit)
        card.body.addLayout(row(1, self.go))
        return card

    def _number(self, automatic: str) -> QSpinBox:
        made = QSpinBox(maximum=100_000, specialValueText=automatic)
        made.setAccelerated(True)
        made.setMinimumHeight(26)
        return made

    def _choice(self, values: tuple[str, ...], start: str, tip: str) -> QComboBox:
        made = QComboBox()
        made.addItems(values)
        made.setCurrentText(start)
        made.setToolTip(tip)
        return made

    def _make_samples(self) -> Card:
        card = Card()
        self.samples_title = heading(self.tr("Samples as the model will see them"))
        card.body.addWidget(self.samples_title)
        self.splits = label("", "muted")
        self.warning = label("")
        self.memory = label("", "muted")
        card.body.addWidget(self.splits)
        card.body.addWidget(self.memory)
        card.body.addWidget(self.warning)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(8)
        self.grid.setColumnStretch(COLUMNS, 1)
        card.body.addLayout(self.grid)
        self.hint = Hint(self.tr("Open data to see its first samples here, cropped and scaled as the model gets them."))
        card.body.addWidget(self.hint, 1)
        card.body.addStretch(1)
        return card

    # -- what the user does -------------------------------------------------------------------

    def submit(self) -> None:
        """Open what the fields say."""
        try:
            if not self.source.text().strip():
                raise Problem(
                    Text("data"), Text("nothing is named"), Text("Choose a folder of images or an array file.")
                )
            self.open_requested.emit(self.spec())
        except Problem as problem:
            self.problem.emit(problem)

    def spec(self) -> dict[str, Any]:
        """The fields as a specification."""
        chosen = NORMALIZATIONS.get(self.normalize.currentText(), self.normalize.currentData())
        mean, std = chosen or (None, None)
        return {
            "source": self.source.text().strip(),
            "samples": self.samples.value() or None,
            "split": parse_split(self.split.text()),
            "resize": self.resize_to.value() or None,
            "crop": self.crop.value() or None,
            "interpolation": self.interpolation.currentText(),
            "mean": mean,
            "std": std,
            "channels": self.channels.currentText(),
            "layout": self.layout_.currentText(),
            # Of another source the settings of the last one say nothing.
            **(self._others if self.source.text().strip() == self._others_of else {}),
        }

    def show_source(self, source: str) -> None:
        """Name the data; of a long path the beginning is seen, and all of it in the tooltip."""
        self.source.setText(source)
        self.source.setCursorPosition(0)

    def fill(self, spec: dict[str, Any]) -> None:
        """Show a specification in the fields."""
        self._others = {key: value for key, value in spec.items() if key in OTHERS and value is not None}
        self._others_of = spec["source"]
        self.show_source(spec["source"])
        self.samples.setValue(spec.get("samples") or 0)
        self.split.setText("/".join(f"{share:g}" for share in spec.get("split") or (50, 25, 25)))
        self.resize_to.setValue(spec.get("resize") or 0)
        self.crop.setValue(spec.get("crop") or 0)
        self.interpolation.setCurrentText(spec.get("interpolation") or "bilinear")
        self.channels.setCurrentText(spec.get("channels") or "rgb")
        self.layout_.setCurrentText(spec.get("layout") or "nchw")
        mean, std = spec.get("mean"), spec.get("std")
        wanted = None if mean is None or std is None else (list(mean), list(std))
        name = next((name for name, value in NORMALIZATIONS.items() if value == wanted), None)
        if name is None:
            name = f"{mean} / {std}"
            if self.normalize.findText(name) < 0:
                self.normalize.addItem(name, wanted)
        self.normalize.setCurrentText(name)

    def browse_folder(self) -> None:
        if path := QFileDialog.getExistingDirectory(self, self.tr("A folder of images"), self.source.text()):
            self.show_source(path)
            self.submit()

    def _browse_file(self) -> None:
        kinds = self.tr("Arrays (*.npz *.npy *.safetensors *.pt);;All files (*)")
        path, _ = QFileDialog.getOpenFileName(self, self.tr("An array file"), "", kinds)
        if path:
            self.show_source(path)
            self.submit()

    def _offer_preparation(self) -> None:
        """Put into the fields what the model's author names for its data, before any data was opened."""
        model = self._document.model
        if model is not None and model.preparation and self._document.data is None:
            self.fill({**self.spec(), **model.preparation})

    # -- what is shown ------------------------------------------------------------------------

    def show_pictures(self, pictures: Any, classes: tuple[str, ...] = (), memory: str = "") -> None:
        """Show decoded samples.

        Parameters
        ----------
        pictures : iterable of (int, uint8 array of shape (H, W, 3) or None)
            Sample index and picture.
        classes : tuple of str
            Names of the classes; empty shows their numbers.
        memory : str
            What a run will take.
        """
        self.memory.setText(translated(memory))
        self._pictures, self.classes = list(pictures), classes
        self.refresh()

    def refresh(self) -> None:
        """Show the data set that is open."""
        data, check = self._document.data, self._document.check
        self.setEnabled(self._document.model is not None)
        if self._document.model is None:
            self.hint.setText(self.tr("Open a model first."))
        if data is None:
            self._pictures = []
        self.hint.setVisible(data is None)
        self.metric_card.setVisible(data is not None)
        self.splits.setVisible(data is not None)
        self.memory.setVisible(data is not None and bool(self.memory.text()))
        self.warning.setVisible(data is not None and bool(data.splits.warning))
        if data is not None:
            counts = data.splits
            labels = self.tr("with labels") if data.labels is not None else self.tr("without labels")
            self.splits.setText(
                self.tr("{0} samples {1}: {2} to calibrate, {3} to select, {4} to report on. {5}").format(
                    len(data),
                    labels,
                    len(counts.calibrate),
                    len(counts.select),
                    len(counts.final),
                    translated(data.preparation),
                )
            )
            self.warning.setText(f"⚠ {translated(counts.warning)}" if counts.warning else "")
        self.metric_card.refresh()
        self._show_samples({found.index: found for found in check.predictions} if check is not None else {})

    def _class(self, number: int) -> str:
        return self.classes[number] if 0 <= number < len(self.classes) else str(number)

    def _show_samples(self, rows: dict[int, Any]) -> None:
        clear(self.grid)
        for place, (index, picture) in enumerate(self._pictures):
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            image = QLabel()
            image.setFixedSize(QSize(THUMBNAIL, THUMBNAIL))
            image.setAlignment(Qt.AlignmentFlag.AlignCenter)
            if picture is None:
                image.setText(self.tr("no picture"))
            else:
                image.setPixmap(pixmap(picture, THUMBNAIL))
            data = self._document.data
            name = data.names[index] if data is not None else ""
            image.setToolTip(name)
            image.setAccessibleName(name)
            column.addWidget(image)
            text = label("", "muted", wrap=False, factor=0.9)
            text.setFixedWidth(THUMBNAIL + 24)
            if index in rows:
                found = rows[index]
                right = found.label is None or found.label == found.top
                mark = "" if found.label is None else "✓ " if right else "✗ "
                beside = "" if right else self.tr(" (label {0})").format(self._class(found.label))
                text.setText(f"{mark}{self._class(found.top)}{beside}, {found.probability:.0%}")
                text.setToolTip(f"{text.text()}\n{name}")
            column.addWidget(text)
            self.grid.addWidget(cell, place // COLUMNS, place % COLUMNS)


def pixmap(picture: Any, side: int) -> QPixmap:
    """A picture, uint8 of shape (H, W, 3), that fits into a square."""
    # Numpy is imported with the first data set, not with the window.
    import numpy as np

    array = np.ascontiguousarray(picture)
    height, width = array.shape[:2]
    image = QImage(array.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
    smooth = max(width, height) > side
    mode = Qt.TransformationMode.SmoothTransformation if smooth else Qt.TransformationMode.FastTransformation
    return QPixmap.fromImage(image).scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, mode)
