"""On what a search looks: other targets beside the plan's, and whose times."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtGui import QAction, QMouseEvent
from PySide6.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from ...engine.plan.target import TARGETS, Target
from ..document import Document
from ..icons import set_icon
from .cards import row


class StayingMenu(QMenu):
    """A menu that stays open while things are ticked in it."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.trigger()
        else:
            super().mouseReleaseEvent(event)


class SearchScope(QWidget):
    """Two buttons with menus.

    Times of a device are of one target: with them no other target is looked at.
    """

    def __init__(self, document: Document) -> None:
        super().__init__()
        self._document = document
        self.profile = self.float_profile = ""
        self._objective = "latency"
        self.targets_button = QPushButton()
        self.targets_button.setAccessibleName(self.tr("Other targets"))
        set_icon(self.targets_button, "crosshairs-gps", with_text=True)
        menu = StayingMenu(self)
        self.targets: dict[str, QAction] = {}
        for name in TARGETS:
            action = menu.addAction(Target.parse(name).title)
            action.setCheckable(True)
            action.toggled.connect(self._show)
            self.targets[name] = action
        self.targets_button.setMenu(menu)
        self.times_button = QPushButton()
        self.times_button.setAccessibleName(self.tr("Times"))
        set_icon(self.times_button, "timer-outline", with_text=True)
        menu = QMenu(self)
        self.here = menu.addAction(self.tr("Measured on this computer"))
        self.here.triggered.connect(self._forget)
        self.elsewhere = menu.addAction(self.tr("Measured on another device…"))
        self.elsewhere.triggered.connect(self._ask)
        self.of_float = menu.addAction(self.tr("Its profile of the float model…"))
        self.of_float.triggered.connect(self._ask_float)
        self.times_button.setMenu(menu)
        line = row(self.targets_button, self.times_button)
        line.setContentsMargins(0, 0, 0, 0)
        self.setLayout(line)
        document.plan_changed.connect(self._show)
        document.model_changed.connect(self._forget)
        self._show()

    def set_objective(self, objective: str) -> None:
        """Times count where the search is for them."""
        self._objective = objective
        self._show()

    def chosen_targets(self) -> tuple[str, ...]:
        """The other targets that are to be searched too; none with a device's times."""
        if self._with_device:
            return ()
        own = self._document.plan.target.name
        return tuple(name for name, action in self.targets.items() if action.isChecked() and name != own)

    def chosen_profiles(self) -> tuple[str, str]:
        """The device's file and that of its float model; empty where there is none or where it does not count."""
        return (self.profile, self.float_profile) if self._with_device else ("", "")

    @property
    def _with_device(self) -> bool:
        return bool(self.profile) and self._objective == "latency"

    def set_profile(self, path: str, float_path: str = "") -> None:
        """Take the times of a device's file; an empty path is this computer."""
        self.profile, self.float_profile = path, float_path if path else ""
        self._show()

    def _forget(self) -> None:
        """Another model's times are not this one's."""
        self.set_profile("")

    def _ask(self) -> None:
        title = self.tr("Measurements of another device")
        path, _ = QFileDialog.getOpenFileName(self, title, "", self.tr("Profiles (*.json)"))
        if path:
            self.set_profile(path)

    def _ask_float(self) -> None:
        title = self.tr("Profile of the float model")
        path, _ = QFileDialog.getOpenFileName(self, title, "", self.tr("Profiles (*.json)"))
        if path:
            self.set_profile(self.profile, path)

    def _show(self) -> None:
        own = self._document.plan.target.name
        titles = {name: Target.parse(name).title for name in self.targets}
        for name, action in self.targets.items():
            action.setEnabled(name != own)
            title = titles[name]
            action.setText(self.tr("{0} (the plan's)").format(title) if name == own else title)
        others = ", ".join(titles[name] for name in self.chosen_targets())
        self.targets_button.setText(
            self.tr("{0} and {1}").format(titles[own], others) if others else self.tr("{0} only").format(titles[own])
        )
        self.targets_button.setEnabled(not self._with_device)
        self.targets_button.setToolTip(
            self.tr("The times are those of one target on that device")
            if self._with_device
            else self.tr("Targets that are searched too: the best plans of all make one front")
        )
        names = [Path(path).name for path in (self.profile, self.float_profile) if path]
        self.times_button.setText(
            self.tr("times of {0}").format(" + ".join(names)) if names else self.tr("times of this computer")
        )
        self.times_button.setEnabled(self._objective == "latency")
        self.times_button.setToolTip(
            self.tr(
                "bench.json of the kit, trtexec --exportProfile (its --exportLayerInfo is found beside it), "
                "or an ONNX Runtime profile, which needs that of the float model too"
            )
            if self._objective == "latency"
            else self.tr("Times count where a plan is to be as fast as possible")
        )
        self.of_float.setEnabled(bool(self.profile))
