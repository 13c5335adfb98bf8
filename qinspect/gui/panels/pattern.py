"""Edit all layers that match a pattern: one override in the plan, whatever their number."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from ...engine.plan import MatchKind, Override
from ...engine.plan.qconfig import PRESETS, QConfig
from ..document import Document
from .cards import label

SHOWN = 6


class PatternDialog(QDialog):
    """Which layers, and what they get; how many match is shown while typing.

    Signals
    -------
    chosen(kind, pattern, QConfig, name)
        As `Document.apply_matching` takes them.
    """

    chosen = Signal(str, str, object, str)

    def __init__(self, document: Document, parent: QWidget) -> None:
        super().__init__(parent)
        self._document = document
        self.setWindowTitle(self.tr("Edit by pattern"))
        self.setMinimumWidth(440)
        self.kind = QComboBox()
        self.kind.addItem(self.tr("module path"), "path")
        self.kind.addItem(self.tr("operator"), "op")
        self.pattern = QLineEdit(placeholderText=self.tr("features.*.conv, head, …"))
        self.pattern.setToolTip(
            self.tr("* stands for anything, ? for one character; a module's name takes all that is in it")
        )
        self.what = QComboBox()
        current = document.current
        qconfig = document.qconfig(current or "")
        if current is not None and qconfig is not None:
            self.what.addItem(self.tr("like {0}").format(current), qconfig)
        for name, preset in sorted(PRESETS.items(), key=lambda item: item[0] != "float"):
            self.what.addItem(self.tr("float") if name == "float" else name, preset)
        form = QFormLayout()
        for name, widget in (
            (self.tr("&Match"), self.kind),
            (self.tr("&Pattern"), self.pattern),
            (self.tr("&Give them"), self.what),
        ):
            widget.setAccessibleName(name.replace("&", ""))
            form.addRow(name, widget)
        self.found = label("", "muted")
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.apply = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.apply.setText(self.tr("Apply"))
        self.buttons.accepted.connect(self._accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.found)
        column.addStretch(1)
        column.addWidget(self.buttons)
        self.pattern.textChanged.connect(self._count)
        self.kind.currentIndexChanged.connect(self._count)
        layer = document.layer(current or "")
        self.pattern.setText(layer.path.rpartition(".")[0] if layer is not None else "")
        self.pattern.selectAll()
        self._count()

    @property
    def match(self) -> Override:
        """The override as the fields say it."""
        kind: MatchKind = self.kind.currentData()
        qconfig: QConfig = self.what.currentData()
        return Override(kind, self.pattern.text().strip(), qconfig.weight, qconfig.activation)

    def matching(self) -> list[str]:
        """Ids of the layers that match, without those that were absorbed."""
        match = self.match
        if not match.pattern:
            return []
        layers = ((row.id, self._document.layer(row.id)) for row in self._document.rows() if row.fused_into is None)
        return [layer_id for layer_id, layer in layers if layer is not None and match.matches(layer)]

    def _count(self) -> None:
        found = self.matching()
        self.apply.setEnabled(bool(found))
        if not self.pattern.text().strip():
            self.found.setText(self.tr("Type a pattern."))
        elif not found:
            self.found.setText(self.tr("No layer matches."))
        else:
            more = self.tr(" and {0} more").format(len(found) - SHOWN) if len(found) > SHOWN else ""
            names = ", ".join(found[:SHOWN])
            self.found.setText(self.tr("Matching layers ({0}): {1}").format(len(found), names) + more)
        # A dialog does not grow by itself with text that is broken: it presses the fields together.
        self.resize(self.width(), max(self.height(), self.layout().totalHeightForWidth(self.width())))

    def _accept(self) -> None:
        match = self.match
        self.chosen.emit(match.kind, match.pattern, self.what.currentData(), self.what.currentText())
        self.accept()
