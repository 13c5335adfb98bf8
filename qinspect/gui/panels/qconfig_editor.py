"""The qconfig of the selected layers: weight and activation apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpacerItem,
    QSpinBox,
    QToolButton,
    QWidget,
)

from ...engine.plan.qconfig import DTYPES, ESTIMATORS, FLOATS, PRESETS, TensorConfig
from ..icons import set_icon
from ..words import AFFINE, DYNAMIC, NARROW, NONE, SCHEMES, SYMMETRIC, word
from .cards import Elided, Real, Whole, Wrapped

FLOAT = "float"
MIXED = QT_TRANSLATE_NOOP("Qconfig", "mixed")
DIFFER = "≠"
"""Of bits that differ in a selection; there is no room for a word."""
BITS_WIDTH = 48
"""Pixels, for two figures and the arrows."""
ROLES = ("weight", "activation")
PER = {
    "weight": (
        QT_TRANSLATE_NOOP("Qconfig", "tensor"),
        QT_TRANSLATE_NOOP("Qconfig", "channel"),
        QT_TRANSLATE_NOOP("Qconfig", "group"),
    ),
    "activation": (QT_TRANSLATE_NOOP("Qconfig", "tensor"), QT_TRANSLATE_NOOP("Qconfig", "token")),
}


class _UndoesPlan:
    """Undo and redo belong to the plan, not to the text inside the field."""

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            keys = QKeySequence.StandardKey
            if event.matches(keys.Undo) or event.matches(keys.Redo):
                event.ignore()
                return True
        return bool(super().event(event))  # type: ignore[misc]


class _Whole(_UndoesPlan, Whole):
    pass


class _Real(_UndoesPlan, Real):
    pass


class QConfigEditor(QWidget):
    """Fields for weight and activation side by side; those that differ in a selection say "mixed".

    Signals
    -------
    changed(role, fields)
        Some fields of the weight or activation, as `Document.change` takes them.
    floated(role)
        It is to stay float.
    preset_chosen(name)
        A key of `PRESETS`.
    followed()
        The override is to go.
    """

    changed = Signal(str, object)
    floated = Signal(str)
    preset_chosen = Signal(str)
    followed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._filling = False
        self.dtype: dict[str, QComboBox] = {}
        self.bits: dict[str, QSpinBox] = {}
        self.scheme: dict[str, QComboBox] = {}
        self.granularity: dict[str, QComboBox] = {}
        self.estimator: dict[str, QComboBox] = {}
        self.percentile: dict[str, QDoubleSpinBox] = {}
        self.momentum: dict[str, QDoubleSpinBox] = {}
        self.group: dict[str, QSpinBox] = {}
        grid = QGridLayout(self)
        grid.setContentsMargins(8, 4, 8, 2)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(2, 1)
        self.name = Elided()
        self.state = Wrapped(role="muted")
        self.preset = QComboBox()
        self.preset.addItem(self.tr("Preset…"))
        self.preset.addItems(list(PRESETS))
        self.preset.setAccessibleName(self.tr("Preset for the selection"))
        self.preset.setToolTip(self.tr("Give the selected layers the qconfig that a library uses"))
        self.preset.setMaximumWidth(104)
        self.preset.view().setMinimumWidth(160)
        self.preset.activated.connect(self._preset)
        self.follow = QToolButton()
        set_icon(self.follow, "backup-restore")
        self.follow.setToolTip(self.tr("Follow the default: remove what was set for these layers alone"))
        self.follow.setAccessibleName(self.tr("Follow the default"))
        self.follow.clicked.connect(self.followed)
        top = QHBoxLayout()
        top.setSpacing(4)
        top.addWidget(self.name, 1)
        top.addWidget(self.preset)
        top.addWidget(self.follow)
        grid.addLayout(top, 0, 0, 1, 3)
        grid.addWidget(self.state, 1, 0, 1, 3)
        roles = {"weight": self.tr("Weight"), "activation": self.tr("Activation")}
        for column, role in enumerate(ROLES, 1):
            grid.addWidget(QLabel(roles[role]), 2, column)
        names = (
            (self.tr("Type, bits"), self.tr("Storage type; float leaves it as it is")),
            (
                self.tr("Scheme"),
                self.tr(
                    "symmetric: zero point in the middle; narrow leaves out the smallest number; "
                    "affine: x ≈ scale · (q − zero point)"
                ),
            ),
            (
                self.tr("Scale per"),
                self.tr("One scale for the tensor, for each output channel, each group of weights, or each token"),
            ),
            (
                self.tr("Range"),
                self.tr("How the range is chosen from the statistics; dynamic takes each batch's own at run time"),
            ),
            (self.tr("Percentile"), self.tr("Share of the values inside the range")),
            (self.tr("Momentum"), self.tr("Weight of each new batch in the moving average")),
            (self.tr("Group size"), self.tr("Weights that share one scale, along the input's features")),
        )
        self._lines: list[tuple[QLabel, tuple[QWidget, ...]]] = []
        bits = self.tr("Bits")
        fields = {role: self._fields(role) for role in ROLES}
        for line, (text, tip) in enumerate(names):
            title = QLabel(text)
            title.setToolTip(tip)
            title.setProperty("role", "muted")
            grid.addWidget(title, line + 3, 0)
            for column, role in enumerate(ROLES, 1):
                widget = fields[role][line]
                widget.setToolTip(tip)
                widget.setAccessibleName(f"{roles[role]} {text}")
                widget.setMinimumWidth(84 if line else 58)
                if line:
                    grid.addWidget(widget, line + 3, column)
                    continue
                # Side by side: a row less leaves the histogram its room.
                width = self.bits[role]
                width.setToolTip(
                    self.tr("Width of the grid; fewer than the type's leave headroom (torch: reduce_range)")
                )
                width.setAccessibleName(f"{roles[role]} {bits}")
                width.setFixedWidth(BITS_WIDTH)
                across = QHBoxLayout()
                across.setSpacing(3)
                across.addWidget(widget, 1)
                across.addWidget(width)
                grid.addLayout(across, line + 3, column)
            self._lines.append((title, tuple(fields[role][line] for role in ROLES)))
        # What is left over goes below the fields, not between them.
        policy = QSizePolicy.Policy
        grid.addItem(QSpacerItem(0, 0, policy.Minimum, policy.Expanding), len(names) + 3, 0)
        grid.setRowStretch(len(names) + 3, 1)
        self.show_qconfigs((), (), (), "")

    def _fields(self, role: str) -> tuple[QWidget, ...]:
        dtype = self.dtype[role] = QComboBox()
        _add(dtype, (FLOAT, *DTYPES, *FLOATS))
        dtype.activated.connect(lambda: self._dtype_chosen(role))
        bits = self.bits[role] = _Whole(minimum=1, maximum=16, specialValueText=DIFFER)
        bits.setKeyboardTracking(False)
        bits.valueChanged.connect(lambda value: value > 1 and self._emit(role, bits=value))
        scheme = self.scheme[role] = QComboBox()
        _add(scheme, SCHEMES)
        scheme.activated.connect(lambda: self._choose(role, scheme, lambda text: SCHEMES[text]))
        granularity = self.granularity[role] = QComboBox()
        _add(granularity, PER[role])
        granularity.activated.connect(
            lambda: self._choose(role, granularity, lambda text: {"granularity": f"per_{text}"})
        )
        estimator = self.estimator[role] = QComboBox()
        _add(estimator, (name for name in ESTIMATORS if name not in ("fixed", "none")))
        if role == "activation":
            _add(estimator, (NONE, DYNAMIC))
        estimator.activated.connect(lambda: self._choose(role, estimator, _range_fields))
        percentile = self.percentile[role] = _Real(
            minimum=50.0, maximum=100.0, decimals=3, singleStep=0.01, suffix="%", specialValueText="–"
        )
        percentile.valueChanged.connect(lambda value: value > 50 and self._emit(role, percentile=value))
        momentum = self.momentum[role] = _Real(
            minimum=0.0, maximum=1.0, decimals=3, singleStep=0.01, specialValueText="–"
        )
        momentum.valueChanged.connect(lambda value: value > 0 and self._emit(role, momentum=value))
        group = self.group[role] = _Whole(minimum=1, maximum=4096, specialValueText="–")
        group.valueChanged.connect(lambda value: value > 1 and self._emit(role, group_size=value))
        for spin in (percentile, momentum, group):
            spin.setKeyboardTracking(False)
        return dtype, scheme, granularity, estimator, percentile, momentum, group

    # -- what the user does -------------------------------------------------------------------

    def _emit(self, role: str, **fields: Any) -> None:
        if not self._filling:
            self.changed.emit(role, fields)

    def _choose(self, role: str, box: QComboBox, fields: Any) -> None:
        if box.currentData() not in (MIXED, "fixed"):
            self._emit(role, **fields(box.currentData()))

    def _dtype_chosen(self, role: str) -> None:
        text = self.dtype[role].currentData()
        if text == FLOAT:
            self.floated.emit(role)
        elif text != MIXED:
            self._emit(role, dtype=text)

    def _preset(self, index: int) -> None:
        if index > 0:
            name = self.preset.currentText()
            self.preset.setCurrentIndex(0)
            self.preset_chosen.emit(name)

    # -- what is shown ------------------------------------------------------------------------

    def show_qconfigs(
        self,
        ids: Sequence[str],
        weights: Sequence[TensorConfig | None],
        activations: Sequence[TensorConfig | None],
        note: str,
        overridden: bool = False,
        tip: str = "",
    ) -> None:
        """Show the qconfigs of a selection.

        Parameters
        ----------
        ids : sequence of str
            The layers.
        weights, activations : sequence of TensorConfig | None
            What the plan asks for each; None is float. Layers without a weight have no place in the first.
        note : str
            One line below the name.
        overridden : bool
            Whether any has an override of its own.
        tip : str
            What else there is to know of the layer, for a tool tip of its name and note.
        """
        self._filling = True
        name = (
            ids[0].removeprefix(":")
            if len(ids) == 1
            else self.tr("{0} layers").format(len(ids))
            if ids
            else self.tr("No layer selected")
        )
        self.name.setText(name)
        self.state.setText(
            note if ids else self.tr("Select layers in the table or in the graph to edit their qconfig.")
        )
        self.state.setVisible(bool(self.state.text()))
        self.state.setToolTip(tip)
        self._fill("weight", weights)
        self._fill("activation", activations)
        # What is needed seldom takes room only then.
        for title, widgets in self._lines[4:]:
            needed = any(widget.isEnabled() for widget in widgets)
            for widget in (title, *widgets):
                widget.setVisible(needed)
        self.preset.setEnabled(bool(ids))
        self.follow.setEnabled(overridden)
        self._filling = False

    def _fill(self, role: str, configs: Sequence[TensorConfig | None]) -> None:
        quantized = [config for config in configs if config is not None]
        _set(self.dtype[role], {FLOAT if config is None else config.dtype for config in configs})
        whole = [config for config in quantized if not config.is_float]
        scaled = [config for config in quantized if config.has_scale]
        static = [config for config in scaled if not config.dynamic]
        widths = {config.bits for config in quantized}
        self.bits[role].setSpecialValueText(DIFFER if widths else "–")
        self.bits[role].setValue(widths.pop() if len(widths) == 1 else 1)
        _set(self.scheme[role], {_scheme(config) for config in whole})
        _set(self.granularity[role], {config.granularity.removeprefix("per_") for config in scaled})
        _set(self.estimator[role], {DYNAMIC if config.dynamic else config.estimator for config in scaled})
        for box, name, nothing, used in (
            (self.percentile, "percentile", 50.0, [c for c in static if c.estimator == "percentile"]),
            (self.momentum, "momentum", 0.0, [c for c in static if c.estimator == "moving_average"]),
            (self.group, "group_size", 1, [c for c in scaled if c.granularity == "per_group"]),
        ):
            box[role].setEnabled(bool(used) and len(used) == len(quantized))
            box[role].setValue(getattr(used[0], name) if used else nothing)
        self.dtype[role].setEnabled(bool(configs))
        self.bits[role].setEnabled(bool(whole))
        self.bits[role].setVisible(bool(whole) or not configs)
        self.scheme[role].setEnabled(bool(whole))
        self.granularity[role].setEnabled(bool(scaled))
        self.estimator[role].setEnabled(bool(scaled))


def _scheme(config: TensorConfig) -> str:
    return AFFINE if not config.symmetric else NARROW if config.narrow else SYMMETRIC


def _range_fields(text: str) -> dict[str, Any]:
    return {"dynamic": True} if text == DYNAMIC else {"estimator": text, "dynamic": False}


def _set(box: QComboBox, values: set[str]) -> None:
    """Show the one value, or that there are several, or nothing; both only while it is so."""
    for extra in (MIXED, "fixed"):
        if (place := box.findData(extra)) >= 0:
            box.removeItem(place)
    value = MIXED if len(values) > 1 else next(iter(values), None)
    if value is not None and box.findData(value) < 0:
        _add(box, (value,))
        if value in (MIXED, "fixed"):
            # It says how it is; there is nothing to choose.
            box.model().item(box.findData(value)).setEnabled(False)
    box.setCurrentIndex(-1 if value is None else box.findData(value))


def _add(box: QComboBox, values: Iterable[str]) -> None:
    """Values of a qconfig to choose from, in the words of the window's language."""
    for value in values:
        box.addItem(word(value), value)


class RangeFields(QWidget):
    """A range that is fixed by hand.

    Signals
    -------
    fixed(low, high), freed()
    """

    fixed = Signal(float, float)
    freed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._filling = False
        self.on = QToolButton(text=self.tr("Fix range"), checkable=True)
        self.on.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        set_icon(self.on, "pin-outline")
        self.on.setToolTip(
            self.tr("Take this range whatever the estimator says; dragging a line of the histogram does it, too")
        )
        self.low, self.high = (
            _Real(minimum=-1e6, maximum=1e6, decimals=4, singleStep=0.1, specialValueText="–") for _ in range(2)
        )
        across = QHBoxLayout(self)
        across.setContentsMargins(8, 0, 8, 2)
        across.setSpacing(4)
        across.addWidget(self.on)
        across.addStretch(1)
        for spin, name in (
            (self.low, self.tr("Low end of the range")),
            (self.high, self.tr("High end of the range")),
        ):
            spin.setKeyboardTracking(False)
            spin.setAccessibleName(name)
            spin.setToolTip(name)
            spin.setMaximumWidth(104)
            spin.setEnabled(False)
            spin.valueChanged.connect(self._typed)
            across.addWidget(spin)
        self.on.toggled.connect(self._toggled)

    def show_range(self, low: float | None, high: float | None, fixed: bool, usable: bool) -> None:
        """Show the ends of the grid, and whether they are fixed."""
        self._filling = True
        self.on.setEnabled(usable and low is not None)
        self.on.setChecked(fixed)
        for spin, value in ((self.low, low), (self.high, high)):
            spin.setEnabled(fixed)
            spin.setValue(spin.minimum() if value is None else value)
        self._filling = False

    def _toggled(self, on: bool) -> None:
        if self._filling:
            return
        if on:
            self._typed()
        else:
            self.freed.emit()

    def _typed(self) -> None:
        if not self._filling and self.on.isChecked() and self.low.value() < self.high.value():
            self.fixed.emit(self.low.value(), self.high.value())
