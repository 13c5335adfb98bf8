"""What came out when an exported model was loaded in a new process and run."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QFormLayout, QPushButton

from ...engine.results.export import ExportReport
from ...session import Run
from ..icons import icon, set_icon
from ..language import translated
from .cards import GAP, Card, heading, label, row
from .figures import decibel, measured, share

ALIKE = 0.99
"""Of a smaller share of equal output values it is said why it is no fault."""

SHOWN = 6
"""Layers that are named; more are counted."""


class ExportResult(Card):
    """One export: verified or not, the figures, and the layers that are not as the plan asks.

    Parameters
    ----------
    report : ExportReport
    run : Run | None
        What the window knows of the plan that was exported.

    Signals
    -------
    layers_requested(tuple of ids)
    """

    layers_requested = Signal(object)

    def __init__(self, report: ExportReport, run: Run | None) -> None:
        super().__init__()
        self.report = report
        tone = "good" if report.verified else "bad"
        self.set_edge(tone)
        mark = label(wrap=False)
        mark.setPixmap(icon("check-decagram" if report.verified else "alert-circle", tone).pixmap(20, 20))
        top = row(mark)
        top.addWidget(heading(self.tr("Verified in a new process") if report.verified else self.tr("Not verified")), 1)
        folder = QPushButton()
        set_icon(folder, "folder-open-outline")
        folder.setAccessibleName(self.tr("Open the folder"))
        folder.setToolTip(self.tr("Open the folder"))
        folder.clicked.connect(self._open_folder)
        top.addWidget(folder)
        self.body.addLayout(top)
        self.body.addWidget(label(str(report.path)))
        figures = QFormLayout()
        figures.setHorizontalSpacing(2 * GAP)
        figures.setVerticalSpacing(2)
        for name, value in self._figures(run):
            figures.addRow(label(name, "muted", wrap=False), label(value))
        self.body.addLayout(figures)
        if report.verified and report.criterion:
            self.body.addWidget(label(self._why_verified(), "muted"))
        if left := sorted(set(report.asked) - set(report.quantized)):
            self._add_left(left, run)
        for text in (report.problems, report.notes):
            if text:
                self.body.addWidget(label("\n".join(map(translated, text)), "muted"))
        if report.build:
            self._add_build(report.build)
        if report.versions:
            text = ", ".join(f"{name} {version}" for name, version in report.versions.items())
            self.body.addWidget(label(text, "muted"))

    def _figures(self, run: Run | None) -> list[tuple[str, str]]:
        """What was found, by name."""
        report, found = self.report, []
        if report.metric is not None:
            window = run.analysis.totals.kernel_metric if run is not None else None
            unit = run.analysis.data.get("metric_unit") if run is not None else "share"
            beside = "" if window is None else self.tr(", the window showed {0}").format(measured(window, unit))
            found.append(
                (self.tr("Metric on {0} samples").format(report.samples), measured(report.metric, unit) + beside)
            )
        if report.layer_equal_share is not None:
            name = self.tr("Layer by layer, from the kernel's own input")
            found.append((name, self.tr("{0} of the values are equal").format(share(report.layer_equal_share))))
        asked = self.tr("{0} of the {1} that the plan asks for").format(len(report.quantized), len(report.asked))
        found.append((self.tr("Layers in integers"), asked))
        if report.agreement is not None:
            found.append((self.tr("Same top-1 answer as simulated"), share(report.agreement)))
        if report.equal_share is not None:
            found.append((self.tr("Equal values at the output"), share(report.equal_share)))
        if report.sqnr_db is not None:
            found.append((self.tr("Output against the simulation"), decibel(report.sqnr_db)))
        if report.quantize_nodes is not None:
            found.append(("QuantizeLinear, DequantizeLinear", f"{report.quantize_nodes}, {report.dequantize_nodes}"))
        if report.size_bytes is not None:
            whole = "" if report.float_size_bytes is None else f"{report.float_size_bytes / 1e6:.2f} MB → "
            found.append((self.tr("Size"), f"{whole}{report.size_bytes / 1e6:.2f} MB"))
        if report.lowest_onnxruntime is not None:
            found.append((self.tr("Runs on ONNX Runtime"), self.tr("{0} and later").format(report.lowest_onnxruntime)))
        return found

    def _why_verified(self) -> str:
        """What the word rests on, and why few equal outputs do not speak against it."""
        report = self.report
        text = self.tr("Verified: {0}.").format(translated(report.criterion))
        if report.layers_compared and report.equal_share is not None and report.equal_share < ALIKE:
            text += " " + self.tr(
                "A step's difference in an early layer grows on its way through the model, so fewer values of the "
                "output are equal; how far apart they are is said by the SQNR above."
            )
        return text

    def _add_left(self, left: list[str], run: Run | None) -> None:
        """Layers that the plan wants in integers and that run in float, with the reason where it is known."""
        rows = {} if run is None else {row.id: row for row in run.analysis.layers}
        lines = []
        for layer_id in left[:SHOWN]:
            known = rows.get(layer_id)
            why = known.why_not if known is not None else None
            lines.append(f"{layer_id}: {translated(why)}" if why else layer_id)
        if len(left) > SHOWN:
            lines.append(self.tr("and {0} more").format(len(left) - SHOWN))
        self.body.addWidget(label(self.tr("Asked for, but in float:") + "\n" + "\n".join(lines)))
        show = QPushButton(self.tr("Show layer") if len(left) == 1 else self.tr("Show {0} layers").format(len(left)))
        set_icon(show, "crosshairs-gps")
        show.clicked.connect(lambda: self.layers_requested.emit(tuple(left)))
        self.body.addLayout(row(show, 1))

    def _add_build(self, command: str) -> None:
        text = label(command)
        text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        # A command has no spaces where it would have to be broken.
        text.setText(command.replace(" --", "\n  --"))
        copy = QPushButton(self.tr("Copy the command"))
        set_icon(copy, "content-copy")
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(command))
        self.body.addWidget(label(self.tr("Builds it on the device:"), "muted"))
        self.body.addWidget(text)
        self.body.addLayout(row(copy, 1))

    def _open_folder(self) -> None:
        path = Path(self.report.path)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(path if path.is_dir() else path.parent)))
