"""What is wrong with a field of a form, said below it."""

from __future__ import annotations

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
        self._form, self._field = form, field
        fields = [form.itemAt(row, QFormLayout.ItemRole.FieldRole) for row in range(form.rowCount())]
        form.insertRow([item and item.widget() for item in fields].index(line) + 1, "", self)
        form.setRowVisible(self, False)
        changed = field.textChanged if isinstance(field, QLineEdit) else field.currentTextChanged
        changed.connect(lambda _: self.take_back())

    def say(self, problem: Problem) -> None:
        """Show what is wrong and what to write, and lead the cursor there."""
        where = translated(problem.where)
        # An option is the subject of what is said of it.
        what = in_fields(f"{where} {translated(problem.what)}" if where.startswith("--") else translated(problem.what))
        text = f"{what[:1].upper()}{what[1:]}. {in_fields(translated(problem.remedy))}"
        self.setText(text)
        self._form.setRowVisible(self, True)
        # For those who hear the window, too.
        self._field.setAccessibleDescription(text)
        self._field.setFocus()
        line = self._field if isinstance(self._field, QLineEdit) else self._field.lineEdit()
        if line is not None:
            line.selectAll()

    def take_back(self) -> None:
        """Nothing is wrong any more, or it is not known yet."""
        self._form.setRowVisible(self, False)
        self._field.setAccessibleDescription("")
