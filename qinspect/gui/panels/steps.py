"""The way that people go, as a bar: seven steps, each with its state."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QToolButton, QWidget

from ..document import Document
from ..icons import set_icon

STEPS = ("open", "data", "target", "verdict", "layers", "fix", "export")
"""In the order of the way."""

STATES = {"todo": "muted", "now": "accent", "done": "good", "stale": "warn", "error": "bad"}


class StepBar(QWidget):
    """Seven buttons; a step that cannot be done yet can still be looked at.

    Signals
    -------
    chosen(step)
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        titles = {
            "open": self.tr("Open"),
            "data": self.tr("Data"),
            "target": self.tr("Target"),
            "verdict": self.tr("Verdict"),
            "layers": self.tr("Layers"),
            "fix": self.tr("Fix"),
            "export": self.tr("Export"),
        }
        tips = {
            "open": self.tr("the model: what was found in it"),
            "data": self.tr("samples as the model will see them, and the float metric"),
            "target": self.tr("where the quantized model will run"),
            "verdict": self.tr("float, simulated, real kernel, time; and what the doctor found"),
            "layers": self.tr("the workbench: errors, ranges, qconfigs layer by layer"),
            "fix": self.tr("remedies, fusions, runs compared"),
            "export": self.tr("files, each verified in a new process"),
        }
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        self._group = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        for step in STEPS:
            button = QToolButton()
            button.setText(titles[step])
            button.setCheckable(True)
            button.setAccessibleName(titles[step])
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.clicked.connect(lambda _=False, step=step: self.chosen.emit(step))
            self._group.addButton(button)
            self.buttons[step] = button
            layout.addWidget(button)
        self.titles = titles
        self._tips = {step: f"{titles[step]}: {tips[step]} (Alt+{n})" for n, step in enumerate(STEPS, 1)}
        for step in STEPS:
            self.set_state(step, "todo")

    def set_current(self, step: str) -> None:
        """Mark the step that is shown."""
        self.buttons[step].setChecked(True)

    def set_state(self, step: str, state: str) -> None:
        """Show whether a step is to do, done, or stale; `state` is a key of `STATES`."""
        number = STEPS.index(step) + 1
        name = {
            "todo": f"numeric-{number}-circle-outline",
            "now": f"numeric-{number}-circle",
            "done": "check-circle",
            "stale": "clock-alert-outline",
            "error": "alert-circle",
        }[state]
        words = {
            "todo": self.tr("comes later"),
            "now": self.tr("can be done now"),
            "done": self.tr("done"),
            "stale": self.tr("of another plan, or of few samples"),
            "error": self.tr("there is something to mend"),
        }[state]
        self.buttons[step].setToolTip(f"{self._tips[step]}\n{words}")
        self.buttons[step].setProperty("state", state)
        set_icon(self.buttons[step], name, STATES[state])


def states(document: Document) -> dict[str, str]:
    """How far each step is."""
    opened, data = document.model is not None, document.data is not None
    confirmed = document.data is not None and document.confirmed == document.data.digest
    freshness = document.freshness
    figures = {"none": "now" if confirmed else "todo", "stale": "stale", "quick": "stale", "exact": "done"}[freshness]
    run = document.find()
    errors = run is not None and any(finding.severity == "error" for finding in run.analysis.findings)
    measured = freshness != "none"
    export = "now" if data and document.calibration is not None else "todo"
    if document.exported is not None and document.exported[0] == document.plan.fingerprint:
        export = "done" if document.exported[1] else "error"
    return {
        "open": "done" if opened else "now",
        "data": "done" if confirmed else "now" if opened else "todo",
        "target": "done" if measured or document.calibration is not None else "now" if confirmed else "todo",
        "verdict": "error" if errors else figures,
        "layers": "now" if measured else "todo",
        "fix": "now" if measured else "todo",
        "export": export,
    }
