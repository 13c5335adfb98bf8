"""Times that another device measured, brought back."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QPushButton

from ...session import Run
from ..document import Document
from ..icons import set_icon
from ..work import layer_info_beside
from .cards import Card, label, row
from .figures import millis


class DeviceCard(Card):
    """What the measuring kit, trtexec or ONNX Runtime's profiler wrote on another device.

    Signals
    -------
    profile_requested(path, layer_info)
        `layer_info` is empty where there is no such file beside the profile.
    """

    profile_requested = Signal(str, str)

    def __init__(self, document: Document) -> None:
        super().__init__(self.tr("Measured on another device"))
        self._document = document
        self.text = label("", "muted")
        self.body.addWidget(self.text)
        self.go = QPushButton(self.tr("Bring back measurements…"))
        set_icon(self.go, "timer-outline")
        self.go.setToolTip(
            self.tr(
                "bench.json of the kit, trtexec --exportProfile (its --exportLayerInfo is found beside it), "
                "or an ONNX Runtime profile"
            )
        )
        self.go.clicked.connect(self.ask)
        self.body.addLayout(row(self.go, 1))
        for changed in (document.results_changed, document.calibration_changed):
            changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the newest times of the current plan from elsewhere."""
        run = self._document.find()
        self.go.setEnabled(self._document.calibration is not None)
        if run is not None and run.device:
            self.text.setText(self._described(run))
        else:
            self.text.setText(
                self.tr(
                    "Run the kit (or trtexec) there, and bring its JSON back: its times take the place of this "
                    "computer's beside the layers, as a run of its own."
                )
            )

    def _described(self, run: Run) -> str:
        """Device, whole times and the number of layers that were timed."""
        totals, sums = run.analysis.totals, run.analysis.latency
        timed = sum(row.latency is not None and row.latency.int8_us is not None for row in run.analysis.layers)
        parts = [run.device]
        if totals.fp32_ms is not None and totals.int8_ms is not None:
            parts.append(f"fp32 {millis(totals.fp32_ms)} ms, int8 {millis(totals.int8_ms)} ms")
        if sums is not None and sums.runs:
            parts.append(self.tr("{0} runs").format(sums.runs))
        parts.append(self.tr("{0} layers timed").format(timed))
        return ", ".join(parts)

    def ask(self) -> None:
        """Ask for the file."""
        path, _ = QFileDialog.getOpenFileName(
            self, self.tr("Measurements of another device"), "", self.tr("Profiles (*.json)")
        )
        if path:
            self.profile_requested.emit(path, layer_info_beside(Path(path)))
