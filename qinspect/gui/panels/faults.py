"""What is wrong with a field of a form, said below it."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QComboBox, QFormLayout, QLineEdit, QWidget

from ...engine.problem import Problem
from ..dialogs import in_fields
from ..language import translated
from .cards import Wrapped


class Fault(Wrapped):
    """A line below a field, hidden until there is something to say; typing into the field takes it away.

    Parameters
    ----------
    form : QFormLayout
    line : QWidget
        The row of the form that it comes below.
    field : QLineEdit | QComboBox
        What is to be written otherwise.
    """

    def __init__(self, form: QFormLayout, line: QWidget, field: QLineEdit | QComboBox) -> None:
        super().__init__("", "bad")
        self._form, self.field = form, field
        fields = [form.itemAt(row, QFormLayout.ItemRole.FieldRole) for row in range(form.rowCount())]
        form.insertRow([item and item.widget() for item in fields].index(line) + 1, "", self)
        form.setRowVisible(self, False)
        changed = field.textChanged if isinstance(field, QLineEdit) else field.currentTextChanged
        changed.connect(lambda _: self.take_back())

    def sizeHint(self) -> QSize:
        # A label's own guess is that of narrower lines, and the form would keep that room.
        return QSize(super().sizeHint().width(), self.minimumHeight())

    def say(self, problem: Problem, place: str = "") -> None:
        """Show what is wrong and what to write, and lead the cursor there.

        Parameters
        ----------
        problem : Problem
        place : str
            Where in what the field names it is, such as a line or a layer.
        """
        where = translated(problem.where)
        # An option is the subject of what is said of it.
        what = in_fields(f"{where} {translated(problem.what)}" if where.startswith("--") else translated(problem.what))
        what = f"{place}: {what}" if place else f"{what[:1].upper()}{what[1:]}"
        text = f"{what}. {in_fields(translated(problem.remedy))}"
        self.setText(text)
        self._form.setRowVisible(self, True)
        # For those who hear the window, too.
        self.field.setAccessibleDescription(text)
        self.field.setFocus()
        line = self.field if isinstance(self.field, QLineEdit) else self.field.lineEdit()
        if line is not None:
            line.selectAll()

    def say_refused(self, problem: Problem) -> None:
        """Show why what the field names cannot be opened."""
        named = self.field.text() if isinstance(self.field, QLineEdit) else self.field.currentText()
        where = translated(problem.where)
        if where.startswith("--"):
            self.say(problem)
            return
        # The field is right above: its own text need not be said again.
        self.say(problem, in_fields(where.removeprefix(named.strip()).lstrip(",: ")))

    def take_back(self) -> None:
        """Nothing is wrong any more, or it is not known yet."""
        self._form.setRowVisible(self, False)
        self.field.setAccessibleDescription("")
