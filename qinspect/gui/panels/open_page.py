"""Open: where the model comes from, and what was found in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import (
    QCompleter,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from ...engine.problem import Problem
from ...engine.source import callables_in, free_axes
from ...engine.text import Text
from ..document import Document
from ..icons import set_icon, set_primary
from ..trust import names_code
from .cards import GAP, Card, Page, heading, label, row
from .faults import Fault
from .found_card import FoundCard
from .path_line import PathLine
from .rows import AsideRole, MainRole, TwoParts

MODEL_FILES = "*.pt2 *.onnx *.py"
TOP = Qt.AlignmentFlag.AlignTop
LEFT = re.compile(r"(?P<name>.+) (?P<day>\d{4}-\d\d-\d\d) (?P<hour>\d\d)\.(?P<minute>\d\d)\.\d\d\.qinspect")
"""A session that was left for another model, as `keeper` calls it."""
WEIGHT_FILES = "*.safetensors *.pt *.pth"


def parse_shapes(text: str) -> list[list[int]] | None:
    """``1,3,224,224`` (several joined by ``;``) as lists; None for nothing.

    Raises
    ------
    Problem
        Where it is not a shape.
    """
    if not text.strip():
        return None
    try:
        shapes = [
            [int(number.strip().removeprefix("~")) for number in part.replace("x", ",").split(",")]
            for part in text.split(";")
        ]
    except ValueError:
        shapes = [[]]
    if any(not shape or min(shape) < 1 for shape in shapes):
        raise Problem(
            Text("input shape"), Text("{text!r} is not a shape", text=text), Text("Give numbers such as 1,3,224,224.")
        )
    return shapes


class OpenPage(Page):
    """Start page and model summary.

    Signals
    -------
    open_requested(dict), demo_requested(), session_requested(path)
    """

    open_requested = Signal(object)
    demo_requested = Signal()
    session_requested = Signal(str)
    next_requested = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__(
            "qinspect",
            "",
        )
        self.purpose.setText(
            self.tr(
                "See what quantization does to a model, layer by layer: "
                "what the numbers look like, how wrong they become, what they cost."
            )
        )
        self._document = document
        self._shown: dict[str, str] = {}  # a model, and what was said beside it, by field
        self._met: Any = None
        self._aside: set[str] = set()  # fields that were emptied when another model was named
        columns = QHBoxLayout()
        columns.setSpacing(12)
        self.body.addLayout(columns, 1)
        left, right = QVBoxLayout(), QVBoxLayout()
        columns.addLayout(left, 5)
        columns.addLayout(right, 6)
        left.addWidget(self._make_resume())
        self.new = self._make_demo()
        left.addWidget(self.new)
        left.addWidget(self._make_form())
        left.addWidget(self._make_recent())
        left.addStretch(1)
        self.steps = self._make_steps()
        right.addWidget(self.steps)
        self.found = FoundCard(document)
        self.next = QPushButton(self.tr("Next: choose data"))
        set_icon(self.next, "arrow-right")
        self.next.clicked.connect(self.next_requested)
        self.found.body.addLayout(row(self.next, 1))
        right.addWidget(self.found)
        right.addStretch(1)
        for changed in (document.model_changed, document.file_kernels_found):
            changed.connect(self.refresh)
        self.refresh()

    def _make_resume(self) -> Card:
        self.last = Card(self.tr("Last session"))
        self.resume = QPushButton(self.tr("Go on"))
        set_icon(self.resume, "history")
        self.resume.clicked.connect(lambda: self.session_requested.emit(self.resume.property("path")))
        self.last.body.addLayout(row(self.resume, 1))
        self.last.hide()
        return self.last

    def _make_demo(self) -> Card:
        card = Card()
        self.demo_title = heading(self.tr("New here?"))
        card.body.addWidget(self.demo_title)
        card.body.addWidget(
            label(
                self.tr("MobileNetV2 with its ImageNet weights and real photographs, everything on this computer."),
                "muted",
            )
        )
        self.demo = QPushButton(self.tr("Open the demo"))
        set_icon(self.demo, "play-circle-outline")
        set_primary(self.demo)
        self.demo.clicked.connect(self.demo_requested)
        card.body.addLayout(row(self.demo, 1))
        return card

    def _make_form(self) -> Card:
        card = Card(self.tr("Open a model"))
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.source = PathLine("", self.tr("model.pt2, model.onnx, model.py:build, package:build"))
        self.weights = PathLine("", self.tr("optional: .safetensors, .pt, .pth"))
        self.shape = QLineEdit(placeholderText=self.tr("optional: 1,3,224,224"))
        self.source.setToolTip(
            self.tr(
                "A file, or Python code that returns the model: file.py:callable or package.module:callable. "
                "Code runs only after you said so."
            )
        )
        self.weights.setToolTip(self.tr("A checkpoint for the module that the code builds; nothing in it is executed."))
        self.shape.setToolTip(self.tr("Batch first; several inputs joined by ;"))
        self.source.textChanged.connect(self._keep_beside)
        self._callables = QStringListModel(self)
        completer = QCompleter(self._callables, self)
        completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
        self.source.setCompleter(completer)
        for name, edit, choose in (
            (self.tr("&Model"), self.source, self.browse_model),
            (self.tr("&Weights"), self.weights, self._browse_weights),
            (self.tr("Input &shape"), self.shape, None),
        ):
            edit.setAccessibleName(name.replace("&", ""))
            edit.setMinimumWidth(260)
            # Queued: the key is through with the window then, whose button with the cursor it would press as well.
            edit.returnPressed.connect(self.submit, Qt.ConnectionType.QueuedConnection)
            line = QWidget()
            across = QHBoxLayout(line)
            across.setContentsMargins(0, 0, 0, 0)
            across.addWidget(edit, 1)
            if choose is not None:
                button = QPushButton()
                set_icon(button, "folder-open-outline")
                button.setToolTip(self.tr("Choose a file"))
                button.setAccessibleName(self.tr("Choose a file"))
                button.clicked.connect(choose)
                across.addWidget(button)
            form.addRow(name, line)
            form.labelForField(line).setBuddy(edit)  # type: ignore[attr-defined]
        self._no_source = Fault(form, self.source.parentWidget(), self.source)
        self._wrong_weights = Fault(form, self.weights.parentWidget(), self.weights)
        self._wrong_shape = Fault(form, self.shape.parentWidget(), self.shape)
        card.body.addLayout(form)
        self.go = QPushButton(self.tr("Open"))
        self.go.clicked.connect(self.submit)
        card.body.addLayout(row(1, self.go))
        return card

    def _make_recent(self) -> Card:
        card = Card(self.tr("Recent"))
        self.recent = QListWidget()
        self.recent.setObjectName("recent")
        self.recent.setAccessibleName(self.tr("Recent models and sessions"))
        self.recent.setItemDelegate(TwoParts(self.recent))
        self.recent.itemActivated.connect(self._open_recent)
        self.no_recent = label(self.tr("Models and sessions that you open are listed here."), "muted")
        card.body.addWidget(self.no_recent)
        card.body.addWidget(self.recent, 1)
        card.body.addStretch(0)
        return card

    def _make_steps(self) -> Card:
        card = Card(self.tr("Three steps to the verdict"))
        steps = QGridLayout()
        steps.setHorizontalSpacing(2 * GAP)
        steps.setVerticalSpacing(2)
        steps.setColumnStretch(1, 1)
        card.body.addLayout(steps)
        for number, title, text in (
            (
                1,
                self.tr("Open"),
                self.tr("Name a model. Its layers, BatchNorms and fusions are listed at once."),
            ),
            (
                2,
                self.tr("Data"),
                self.tr(
                    "Choose images or arrays. You see the samples as the model will, and the float metric: "
                    "wrong preprocessing is the commonest cause of an “int8 drop”."
                ),
            ),
            (
                3,
                self.tr("Target"),
                self.tr(
                    "Choose where it will run and press Calibrate and analyze. The verdict says what int8 "
                    "does to accuracy and speed, which layers are to blame, and how to win it back."
                ),
            ),
        ):
            line = 2 * number
            steps.addWidget(label(str(number), "muted", wrap=False, factor=1.8, bold=True), line, 0, 2, 1, TOP)
            steps.addWidget(label(title, "title", wrap=False), line, 1)
            steps.addWidget(label(text, "muted"), line + 1, 1)
            steps.setRowMinimumHeight(line, self.fontMetrics().height() + GAP)
        card.body.addWidget(
            label(
                self.tr(
                    "They are the first three of the bar above. Verdict, Layers, Fix and Export follow once there are "
                    "figures; you can go back and forth at any time."
                ),
                "muted",
            )
        )
        card.body.addWidget(
            label(
                self.tr("You can also drop a model, a data folder, a plan or a session onto the window."),
                "muted",
            )
        )
        return card

    # -- what the user does -------------------------------------------------------------------

    def submit(self) -> None:
        """Open what the fields say."""
        source = self.source.text().strip()
        if not source:
            nothing = Problem(Text("model"), Text("nothing is named"), Text("Choose a file or name a callable."))
            self._no_source.say(nothing)
            return
        try:
            spec: dict[str, Any] = {
                "source": source,
                "weights": self.weights.text().strip() or None,
                "input_shape": parse_shapes(self.shape.text()),
                "free": free_axes(self.shape.text().replace("x", ",")),
            }
        except Problem as problem:
            self._wrong_shape.say(problem)
            return
        self.open_requested.emit(spec)

    def refuse(self, problem: Problem) -> None:
        """Say below the field that is to blame why what the fields name cannot be opened."""
        weights = self.weights.text().strip()
        asked = f"{problem.where} {problem.remedy}"
        if "--weights" in asked or (weights and problem.where.startswith(weights)):
            fault = self._wrong_weights
        elif "--input-shape" in asked:
            fault = self._wrong_shape
        else:
            fault = self._no_source
        fault.say_refused(problem)

    def take_back(self) -> None:
        """What the fields name is being opened: whether it can be is not known yet."""
        for fault in (self._no_source, self._wrong_weights, self._wrong_shape):
            fault.take_back()

    def _keep_beside(self, source: str) -> None:
        """Weights and shape of the model that was opened are not those of another one that is named in its place.

        Another callable of the same file may well take them.
        """
        shown = self._shown
        if not shown:
            return
        same = _file_of(source) == _file_of(shown["source"])
        for name, field in (("weights", self.weights), ("shape", self.shape)):
            if same and name in self._aside:
                self._aside.remove(name)
                field.setText(field.text() or shown[name])
            elif not same and shown[name] and field.text() == shown[name]:
                self._aside.add(name)
                field.clear()

    def fill(self, spec: dict[str, Any]) -> None:
        """Show a specification in the fields."""
        self._shown = {}
        self._aside.clear()
        self.source.setText(spec["source"])
        self.weights.setText(spec.get("weights") or "")
        shapes = spec.get("input_shape") or ()
        free = (*(spec.get("free") or ()), *((),) * len(shapes))
        self.shape.setText(
            ";".join(
                ",".join(f"~{n}" if axis in axes else str(n) for axis, n in enumerate(shape))
                for shape, axes in zip(shapes, free, strict=False)
            )
        )
        self._shown = {"source": spec["source"], "weights": self.weights.text(), "shape": self.shape.text()}

    def browse_model(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Open a model"), "", self.tr("Models ({0});;All files (*)").format(MODEL_FILES)
        )
        if path.endswith(".py"):
            self._take_code(path)
        elif path:
            self.source.setText(path)
            self.submit()

    def take(self, path: Path) -> None:
        """A Python file or a checkpoint was dropped: the callable's name or the model is still to be typed."""
        if path.suffix == ".py":
            self._take_code(str(path))
        else:
            self.weights.setText(str(path))
            self.weights.setFocus()

    def _take_code(self, path: str) -> None:
        """The callable that a file defines, without running it; of several one is to be chosen, or typed."""
        names = callables_in(Path(path))
        self.source.setText(f"{path}:{names[0] if len(names) == 1 else ''}")
        self.source.setFocus()
        self._callables.setStringList([f"{path}:{name}" for name in names])
        if len(names) > 1:
            self.source.completer().complete()

    def _browse_weights(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Weights"), "", self.tr("Checkpoints ({0})").format(WEIGHT_FILES)
        )
        if path:
            self.weights.setText(path)

    def set_recent(self, entries: list[dict[str, Any]]) -> None:
        """List what was opened before: specifications, or sessions as ``{"session": path}``."""
        self.recent.clear()
        for entry in entries:
            title = entry.get("session") or entry["source"]
            item = QListWidgetItem(title)
            item.setToolTip(title)
            item.setData(Qt.ItemDataRole.UserRole, entry)
            place = max(title.rfind("/"), title.rfind("\\")) + 1
            left = LEFT.fullmatch(title[place:])
            item.setData(MainRole, left["name"] if left else title[place:])
            when = self.tr("left {0}").format(f"{left['day']} {left['hour']}:{left['minute']}") if left else ""
            item.setData(AsideRole, when or title[: max(place - 1, 0)])
            self.recent.addItem(item)
        height = self.recent.sizeHintForRow(0) * max(len(entries), 1) + 2 * self.recent.frameWidth()
        self.recent.setFixedHeight(max(height, 0))
        self.recent.setVisible(bool(entries))
        self.no_recent.setVisible(not entries)
        self.demo_title.setText(self.tr("Demo") if entries else self.tr("New here?"))

    def set_resume(self, path: Path | None, name: str) -> None:
        """Offer to go on with the session that was saved when the window closed."""
        self.last.setVisible(path is not None)
        if path is not None:
            self.resume.setProperty("path", str(path))
            self.resume.setText(self.tr("Go on with {0}").format(name))
        self._lead()

    def _open_recent(self, item: QListWidgetItem) -> None:
        entry = item.data(Qt.ItemDataRole.UserRole)
        if "session" in entry:
            self.session_requested.emit(entry["session"])
        else:
            self.fill(entry)
            self.open_requested.emit(entry)

    def _lead(self) -> None:
        """One button is the one to press next: to the data, to what was left, or into the demo."""
        opened, left = self._document.model is not None, not self.last.isHidden()
        self._first = self.next if opened else self.resume if left else self.demo
        for button in (self.next, self.resume, self.demo):
            set_primary(button, button is self._first)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        # Whom the page is shown to presses a key to go on; with the tabulator the page itself is reached, to scroll.
        if event.reason() in (Qt.FocusReason.OtherFocusReason, Qt.FocusReason.ActiveWindowFocusReason):
            self._first.setFocus()

    # -- what was found -----------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the model that is open."""
        model = self._document.model
        self.steps.setVisible(model is None)
        self.new.setVisible(model is None)  # the File menu has it still
        self.found.refresh()
        self._lead()
        if model is not self._met and model is not None:  # whoever writes the next one's name is not disturbed
            self.fill(model.spec.to_json())
            if self.isVisible():
                self._first.setFocus()
        self._met = model


def _file_of(source: str) -> str:
    """The file or module of a callable; of anything else all of it."""
    return source.strip().rpartition(":")[0] if names_code(source.strip()) else source.strip()
