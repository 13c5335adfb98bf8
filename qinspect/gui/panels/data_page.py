"""Data: samples as the model will see them, the splits, and the float metric to confirm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QVBoxLayout,
    QWidget,
)

from ..document import Document
from ..icons import set_primary
from ..language import translated
from .cards import Card, Hint, Page, clear, heading, label
from .data_form import DataForm
from .glimpse import GlimpseView
from .metric_card import MetricCard
from .quality_card import QualityCard

if TYPE_CHECKING:
    from ...engine.footprint import Memory

THUMBNAIL = 112, 200
"""Pixels along the edge of a sample's picture, at least and at most."""
COLUMNS = 4


def sentence(words: str) -> str:
    """With a capital letter to begin with."""
    return words[:1].upper() + words[1:]


class DataPage(Page):
    """Where the data come from and how they are prepared.

    Signals
    -------
    open_requested(dict), metric_chosen(source), output_chosen(int), confirmed(), next_requested()
    """

    open_requested = Signal(object)
    metric_chosen = Signal(str)
    output_chosen = Signal(int)
    confirmed = Signal()
    next_requested = Signal()

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
        self.form = DataForm()
        self.form.submitted.connect(self.submit)
        self.form.source.textChanged.connect(self._look)
        self.form.edited.connect(self._compare)
        left.addWidget(self.form)
        self.metric_card = MetricCard(document)
        self.metric_card.confirmed.connect(self.confirmed)
        self.metric_card.next_requested.connect(self.next_requested)
        self.metric_card.metric_chosen.connect(self.metric_chosen)
        self.metric_card.output_chosen.connect(self.output_chosen)
        # Above the samples: what is to be confirmed is in sight in a small window, too.
        right.addWidget(self.metric_card)
        self.quality = QualityCard(document)
        left.addWidget(self.quality)
        left.addStretch(1)
        right.addWidget(self._make_samples(), 1)
        self._glimpses: list[tuple[int, Any]] = []
        self._tight = False  # whether a run takes much of the memory that is free
        self._glimpsed: Any = None  # the data that they are of
        self.classes: tuple[str, ...] = ()
        document.model_changed.connect(self._offer_preparation)
        for changed in (document.model_changed, document.data_changed, document.check_changed):
            changed.connect(self.refresh)
        document.check_changed.connect(self._lead_on)
        self.refresh()

    def _make_samples(self) -> Card:
        card = Card()
        self.samples_title = heading(self.tr("Samples as the model will see them"))
        card.body.addWidget(self.samples_title)
        self.splits = label("", "muted")
        self.warning = label("")
        self.memory = label("", "muted")
        self.values = label("", "muted")
        self.unscaled = label("")
        card.body.addWidget(self.values)
        card.body.addWidget(self.unscaled)
        card.body.addWidget(self.splits)
        card.body.addWidget(self.memory)
        card.body.addWidget(self.warning)
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(16)
        self.grid.setVerticalSpacing(8)
        for column in range(COLUMNS):
            self.grid.setColumnStretch(column, 1)
        card.body.addLayout(self.grid)
        self.hint = Hint("")
        card.body.addWidget(self.hint, 1)
        card.body.addStretch(1)
        return card

    # -- what the user does -------------------------------------------------------------------

    def leads(self) -> tuple[QWidget, ...]:
        return self.metric_card.confirm, self.metric_card.next

    def submit(self) -> None:
        """Open what the fields say."""
        spec = self.form.read()
        if spec is not None:
            self.open_requested.emit(spec)

    def _compare(self) -> None:
        """Figures of data that were opened otherwise than the fields say are not confirmed as if they were of these."""
        outdated = self._document.data is not None and self.form.outdated
        if outdated != self.metric_card.outdated:
            self.metric_card.outdated = outdated
            set_primary(self.form.go, outdated)
            self.metric_card.refresh()

    def _look(self) -> None:
        """Show the fields of the kind of data that is named."""
        if self._document.model is not None:
            # Imports torch, which is there as soon as a model is.
            from ...engine.data import kind_of_source

            self.form.fix_split(False)
            self.form.show_kind(kind_of_source(self.form.source.text().strip()))

    def _offer_preparation(self) -> None:
        """Put into the fields what the model's author names for its data, before any data was opened."""
        model = self._document.model
        pictures = [
            len(value.shape) == 4 and value.dtype.startswith("float") for value in (model.graph.inputs if model else ())
        ]
        self.form.set_pictures(model is None or any(pictures))
        if model is not None and self._document.data is None:
            # Until data are named, the input says what they are likely to be.
            self.form.show_kind("images" if pictures == [True] else "arrays")
            self._look()
        if model is not None and model.preparation and self._document.data is None:
            self.form.fill({**self.form.spec(), **model.preparation})

    # -- what is shown ------------------------------------------------------------------------

    def show_samples(self, glimpses: Any, classes: tuple[str, ...] = (), memory: Memory | None = None) -> None:
        """Show decoded samples.

        Parameters
        ----------
        glimpses : iterable of (int, Glimpse)
            Sample index and what is seen of it.
        classes : tuple of str
            Names of the classes; empty shows their numbers.
        memory : Memory | None
            What a run will take: said where that is much of what is free.
        """
        self.memory.setText("" if memory is None else translated(memory.sentence))
        self._tight = memory is not None and memory.tight
        self._glimpses, self._glimpsed, self.classes = list(glimpses), self._document.data, classes
        self.refresh()

    def refresh(self) -> None:
        """Show the data set that is open."""
        data, check = self._document.data, self._document.check
        self.setEnabled(self._document.model is not None)
        self.hint.setText(
            self.tr("Open a model first.")
            if self._document.model is None
            else self.tr("Open data to see its first samples here, as the model gets them.")
        )
        if data is None or data is not self._glimpsed:
            self._glimpses = []  # those of other data come later, or are not there yet
        self.hint.setVisible(data is None)
        self.metric_card.setVisible(data is not None)
        self.splits.setVisible(data is not None)
        self.memory.setVisible(data is not None and self._tight)
        self.warning.setVisible(data is not None and bool(data.splits.warning))
        if data is not None:
            counts = data.splits
            self.form.fix_split(data.samples.parts is not None)
            labels = (
                self.tr("with labels")
                if data.labels is not None
                else self.tr("without labels")
                if data.targets is None
                else self.tr("with targets")
            )
            self.splits.setText(
                self.tr("{0} samples {1}: {2} to calibrate, {3} to select, {4} to report on.").format(
                    len(data),
                    labels,
                    len(counts.calibrate),
                    len(counts.select),
                    len(counts.final),
                )
            )
            # The fields beside it say the same of the preparation; what a run takes counts where it is much.
            self.splits.setToolTip(f"{sentence(translated(data.preparation))}\n{self.memory.text()}".strip())
            self.warning.setText(f"⚠ {translated(counts.warning)}" if counts.warning else "")
        self.metric_card.refresh()
        self._say_values()
        self._show_samples({found.index: found for found in check.predictions} if check is not None else {})

    def _say_values(self) -> None:
        """The numbers that the model gets: of a picture they cannot be seen."""
        found = None
        if self._glimpses:
            from ...engine.data.glimpse import said, together

            found = together([glimpse.values for _, glimpse in self._glimpses if glimpse.values is not None])
        self.values.setText("" if found is None else sentence(translated(said(found))) + ".")
        self.unscaled.setText(
            ""
            if found is None or not found.unscaled
            else self.tr(
                "⚠ The model gets values up to {0}. Unless it scales them itself, they are to be divided, by 255 say: "
                "see Normalization."
            ).format(f"{found.high:.4g}")
        )
        for shown in (self.values, self.unscaled):
            shown.setVisible(bool(shown.text()))

    def _lead_on(self) -> None:
        """The float figure came: to who does nothing else on the page, the button that confirms it is next."""
        if self.hasFocus() and self.metric_card.confirm.isEnabled():
            self.metric_card.confirm.setFocus()
            QTimer.singleShot(0, self, lambda: self.ensureWidgetVisible(self.metric_card.confirm))

    def _class(self, number: int) -> str:
        return self.classes[number] if 0 <= number < len(self.classes) else str(number)

    def _show_samples(self, rows: dict[int, Any]) -> None:
        clear(self.grid)
        for place, (index, glimpse) in enumerate(self._glimpses):
            cell = QWidget()
            column = QVBoxLayout(cell)
            column.setContentsMargins(0, 0, 0, 0)
            column.setSpacing(2)
            image = GlimpseView(*THUMBNAIL)
            image.show_glimpse(glimpse)
            data = self._document.data
            name = data.names[index] if data is not None else ""
            image.setToolTip(f"{name}\n{image.toolTip()}".strip())
            image.setAccessibleName(name)
            column.addWidget(image)
            text = label("", "muted", factor=0.9)
            if index in rows:
                found = rows[index]
                right = found.label is None or found.label == found.top
                mark = "" if found.label is None else "✓ " if right else "✗ "
                beside = "" if right else self.tr(" (label {0})").format(self._class(found.label))
                text.setText(f"{mark}{self._class(found.top)}{beside}, {found.probability:.0%}")
                text.setToolTip(f"{text.text()}\n{name}")
            elif rows and data is not None:
                # The float model answers for the samples that are reported on.
                text.setText(self.tr("to calibrate") if index in data.splits.calibrate else self.tr("to select"))
            column.addWidget(text)
            column.addStretch(1)
            self.grid.addWidget(cell, place // COLUMNS, place % COLUMNS)
