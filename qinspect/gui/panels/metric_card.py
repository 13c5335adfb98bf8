"""The float model's own figure, by the metric that is chosen: to be confirmed before anything else."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QPushButton

from ..dialogs import in_fields
from ..document import Document
from ..icons import set_icon, set_primary
from .cards import Card, heading, label, row
from .figures import measured, share

OWN = ""
"""In the box: a function of the user's own."""


class MetricCard(Card):
    """Metric, the float model's figure, and the button that says that it is right.

    Signals
    -------
    metric_chosen(source)
        A name, or ``file.py:callable``.
    output_chosen(int)
        Of several.
    confirmed(), next_requested(), check_wanted()
    """

    metric_chosen = Signal(str)
    output_chosen = Signal(int)
    confirmed = Signal()
    next_requested = Signal()
    check_wanted = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.outdated = False
        """Whether the fields beside it no longer say what was opened."""
        self.choice = QComboBox()
        self.choice.setAccessibleName(self.tr("Metric"))
        self.choice.setToolTip(
            self.tr("What the outputs are judged by; a callable gets outputs and targets, and gives a number")
        )
        self.choice.activated.connect(self._chosen)
        self.own = QLineEdit(placeholderText=self.tr("metric.py:function"))
        self.own.setAccessibleName(self.tr("Function of your own"))
        self.own.setToolTip(
            self.tr("metric(outputs, targets) → float; with attributes higher_is_better and unit. Enter opens it.")
        )
        self.own.returnPressed.connect(lambda: self.metric_chosen.emit(self.own.text().strip()))
        self.output = QComboBox()
        self.output.setAccessibleName(self.tr("Output that is judged"))
        self.output.setToolTip(self.tr("Of several outputs the one that metric, agreement and KL are of"))
        self.output.activated.connect(self.output_chosen)
        self.value = label("–", wrap=False, factor=2.1, bold=True)
        self.note = label("", "muted")
        self.confirm = QPushButton(self.tr("This is right: confirm"))
        self.confirm.setToolTip(self.tr("Nothing is quantized before the float figure was confirmed"))
        set_icon(self.confirm, "check")
        # As wide when it says “Confirmed”: the button beside it must not move under the pointer.
        self.confirm.ensurePolished()
        self.confirm.setMinimumWidth(self.confirm.sizeHint().width())
        self.confirm.clicked.connect(self.confirmed)
        self.next = QPushButton(self.tr("Next: target"))
        set_icon(self.next, "arrow-right")
        self.next.clicked.connect(self.next_requested)
        self.body.addLayout(row(heading(self.tr("Float metric")), 1, self.output, self.own, self.choice))
        self.body.addWidget(self.value)
        self.body.addWidget(self.note)
        self.again = QPushButton(self.tr("Run the float model"))
        set_icon(self.again, "play")
        self.again.clicked.connect(self.check_wanted)
        self.again.hide()
        self._stopped = ""
        self.body.addLayout(row(self.confirm, self.next, self.again, 1))

    def _chosen(self) -> None:
        source = self.choice.currentData()
        self.own.setVisible(source == OWN)
        if source == OWN:
            self.own.setFocus()
        else:
            self.metric_chosen.emit(source)

    def _fill(self) -> None:
        """List the metrics; torch, which they import, is there once a model is open."""
        if self.choice.count() or self._document.model is None:
            return
        from ...engine.metric import METRICS

        for name in METRICS:
            self.choice.addItem(name, name)
        self.choice.addItem(self.tr("function of your own…"), OWN)

    def _show_outputs(self) -> None:
        """List the outputs, where there are several."""
        model = self._document.model
        several = model is not None and len(model.graph.output_values) > 1
        self.output.setVisible(several and self._document.data is not None)
        if model is None or not several:
            return
        from ...engine.classes import output_words

        words = output_words(model.graph)
        if words != [self.output.itemText(index) for index in range(self.output.count())]:
            self.output.clear()
            self.output.addItems(words)
        self.output.setCurrentIndex(self._document.judged_output)

    def show_stopped(self, reason: str) -> None:
        """The float model was not run to the end: nothing is known of it."""
        self._stopped = reason or self.tr("The float model was stopped before it had seen all samples.")
        self.refresh()

    def show_running(self) -> None:
        """The float model is being run."""
        self._stopped = ""
        self.refresh()

    def refresh(self) -> None:
        """Show the metric and the float model's figure."""
        document = self._document
        self._fill()
        self._show_outputs()
        known = self.choice.findData(document.metric_source)
        self.choice.setCurrentIndex(self.choice.findData(self._counts()))
        if known < 0 and self.choice.count():
            self.own.setText(document.metric_source)
        self.choice.setVisible(document.data is not None)
        self.own.setVisible(document.data is not None and known < 0)
        sure = document.data is not None and document.confirmed == document.data.digest
        ready = document.data is not None and document.check is not None
        self.confirm.setText(self.tr("Confirmed") if sure else self.tr("This is right: confirm"))
        ready = ready and not self.outdated
        set_primary(self.confirm, ready and not sure)
        leads_on = self.confirm.hasFocus() and sure
        self.next.setEnabled(sure)
        if leads_on:  # before the button that has it is disabled, which would give it to any other
            self.next.setFocus()
        self.confirm.setEnabled(ready and not sure)
        set_primary(self.next, sure)
        self.set_edge("good" if sure else "warn")
        self.again.setVisible(bool(self._stopped) and document.check is None)
        self._show_value(document.check)
        if self.outdated:
            self.note.setText(self.tr("The fields say otherwise than the data that are open: open them again."))

    def _counts(self) -> str:
        """What the box says: without labels not the metric that would be computed of them."""
        document = self._document
        if self.choice.findData(document.metric_source) < 0:
            return OWN
        check = document.check
        if check is not None and check.metric is None and not document.labelled and check.predictions:
            return "agreement"
        return document.metric_source

    def _show_value(self, check: Any) -> None:
        if check is None and self._stopped:
            self.value.setText("–")
            self.note.setText(in_fields(self._stopped))
        elif check is None:
            self.value.setText("…")
            self.note.setText(self.tr("The float model runs on the data."))
        elif check.metric is None and check.metric_name == "agreement" and self._document.labelled:
            self.value.setText(self.tr("without labels"))
            self.note.setText(
                self.tr("The labels are left aside: on {0} samples agreement with the float model will count.").format(
                    check.samples
                )
            )
        elif check.metric is None and not self._document.labelled and not check.predictions:
            self.value.setText(self.tr("no classes"))
            self.note.setText(
                self.tr(
                    "{0} samples without labels, and outputs that are no scores of classes: how near they stay to the "
                    "float model's will count. If they are scores after all, choose “agreement”."
                ).format(check.samples)
            )
        elif check.metric is None and not self._document.labelled:
            self.value.setText(self.tr("no labels"))
            self.note.setText(
                self.tr(
                    "{0} samples without labels: agreement with the float model will count. "
                    "Look whether its answers make sense."
                ).format(check.samples)
            )
        elif check.metric is None:
            self.value.setText(self.tr("none"))
            self.note.setText(in_fields(check.silence or ""))
        else:
            better = self.tr("higher is better") if check.higher_is_better else self.tr("lower is better")
            self.value.setText(measured(check.metric, check.unit))
            said = self.tr("{0} of the float model on {1} samples ({2}).").format(
                check.metric_name, check.samples, better
            )
            if check.others:
                said += " " + self.tr("Few are to report on, so {0} of other splits count here.").format(check.others)
            if check.metric_name.startswith("top-"):
                # Each sample has one answer there.
                from ...engine import intervals  # imports numpy, which the check did

                limits = intervals.share(check.metric * check.samples, check.samples)
                said += " " + self.tr("95% sure: {0} to {1}.").format(share(limits.low), share(limits.high))
            self.note.setText(said + " " + self.tr("Is that what it should reach?"))
