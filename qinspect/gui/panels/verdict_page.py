"""Verdict: four figures in one line, then what the doctor found."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget

from ...engine.results import Totals, error_shares, integer_layers
from ...engine.results.samples import Drift
from ...session import Run
from ..dialogs import in_fields
from ..document import Document
from ..icons import set_icon, set_primary
from ..language import translated
from ..prices import price
from .cards import GAP, Card, Figure, Page, heading, label, row
from .error_strip import ErrorStrip
from .estimate import edit_line
from .figures import decibel, drop, measured, millis, share, small
from .findings import MEASURED, Findings, unscored

translate = QCoreApplication.translate


class VerdictPage(Page):
    """The whole model on one screen.

    Signals
    -------
    run_requested(), layers_requested(), fix_requested()
    """

    run_requested = Signal()
    layers_requested = Signal()

    def __init__(self, document: Document) -> None:
        super().__init__("", "")
        self.set_title(self.tr("Verdict"))
        self._document = document
        self._analyzing = False
        self._unit: str | None = "share"
        tiles = QHBoxLayout()
        tiles.setSpacing(8)
        self.fp32 = Figure(self.tr("Float"), self.tr("The metric of the float model on the final split"))
        self.simulated = Figure(
            self.tr("int8, simulated"),
            self.tr("Every tensor rounded to its grid: q = clamp(round(x / scale) + zero point), computed in float"),
        )
        self.kernel = Figure(
            self.tr("int8, real kernel"), self.tr("What the integer kernels of the target really gave")
        )
        self.time = Figure(
            self.tr("Time of a forward pass"),
            self.tr(
                "Median of interleaved runs in a process of its own, same runtime for float and int8; "
                "p90: nine of ten runs take no longer"
            ),
        )
        for tile in (self.fp32, self.simulated, self.kernel, self.time):
            tiles.addWidget(tile, 1)
        self.body.addLayout(tiles)
        self.line = label("", "muted")
        self.body.addWidget(self.line)
        self.empty = Card()
        self.empty_text = label("", "muted")
        self.run = QPushButton(self.tr("Calibrate and analyze"))
        set_icon(self.run, "play")
        self.run.clicked.connect(self.run_requested)
        line = row(spacing=2 * GAP)
        line.addWidget(self.empty_text, 1)
        line.addWidget(self.run)
        self.empty.body.addLayout(line)
        self.body.addWidget(self.empty)
        self.findings_title = heading("")
        to_layers = QPushButton(self.tr("Open the layers"))
        set_icon(to_layers, "arrow-right")
        to_layers.clicked.connect(self.layers_requested)
        self.head = row(self.findings_title, 1, to_layers)
        self.body.addLayout(self.head)
        self.to_layers = to_layers
        self.findings = Findings(beside=True)
        self.findings.after = to_layers
        self.body.addWidget(self.findings)
        self.origin = Card(self.tr("Where the error comes from"))
        self.origin.body.addWidget(
            label(
                self.tr(
                    "Share of the output error, estimated: a bar for each layer, in execution order; "
                    "those marked cause half of it. A click opens the layer."
                ),
                "muted",
            )
        )
        self.strip = ErrorStrip()
        self.origin.body.addWidget(self.strip)
        self.body.addWidget(self.origin)
        self.body.addStretch(1)
        for changed in (
            document.results_changed,
            document.outputs_measured,
            document.check_changed,
            document.data_changed,
            document.calibration_changed,
        ):
            changed.connect(self.refresh)
        self.refresh()

    def leads(self) -> tuple[QWidget, ...]:
        return () if self._document.shown is not None else (self.run,)  # with figures, it is read and scrolled

    def set_analyzing(self, on: bool) -> None:
        """While everything is analyzed it cannot be started once more."""
        self._analyzing = on
        if on and self.run.hasFocus():
            self.setFocus()  # else disabling the button hands it to any other
        self.refresh()

    def refresh(self) -> None:
        """Show the newest run."""
        document = self._document
        run, freshness = document.shown, document.freshness
        totals = run.analysis.totals if run is not None else Totals()
        stale = freshness == "stale"
        ready = document.data is not None and document.confirmed == document.data.digest
        self.purpose.setText(
            self._conditions(run) if run is not None else self.tr("What quantization does to accuracy and speed.")
        )
        self._show_tiles(totals, stale, {} if run is None else run.analysis.data)
        self.empty.setVisible(self._analyzing or run is None or freshness != "exact")
        calibrated = document.calibration is not None
        self.run.setText(self.tr("Analyze") if calibrated else self.tr("Calibrate and analyze"))
        self.run.setEnabled(ready and not self._analyzing)
        set_primary(self.run, run is None and ready and not self._analyzing)
        if self._analyzing:
            text = self.tr("Running…")
        elif run is None:
            first = self.tr("Open a model, choose data and confirm the float metric first.")
            if document.data is not None:
                first = self.tr("Confirm on the Data page what the float model answers, then it can be run.")
            text = self.tr("Nothing was analyzed yet. ") + ("" if ready else first)
        elif stale and not document.about(run):
            text = self.tr("Figures of “{0}”, on other data or by another metric.").format(run.name)
        elif stale:
            text = self.tr("The plan changed: these figures are those of “{0}”.").format(run.name)
        else:
            text = self.tr("Quick figures on few samples, without kernels and time. Run everything to be sure.")
        if run is not None and not self._analyzing:
            text = f"{text} {edit_line(document)[0]}".rstrip()
        self.empty_text.setText(text)
        self.line.setVisible(run is not None)
        lines = () if run is None else (summary(totals), *self._notes(run), _drifted(run.analysis.drift))
        self.line.setText("\n".join(dict.fromkeys(filter(None, lines))))
        rows = run.analysis.layers if run is not None else ()
        shares = error_shares(layer for layer in rows if layer.fused_into is None)
        self.origin.setVisible(bool(shares))
        self.strip.show_shares(shares, stale)
        findings = run.analysis.findings if run is not None else ()
        self.findings_title.setText(
            self.tr("Findings ({0})").format(len(findings)) if findings else self.tr("Findings")
        )
        self.to_layers.setEnabled(document.model is not None)
        hint = (
            self.tr("After the analysis, the doctor's findings stand here, each with its evidence and a remedy.")
            if run is None
            else self.tr("It was stopped before causes were looked for.")
            if unscored(run.analysis.totals)
            else self.tr("The doctor found nothing to mend.")
        )
        last = document.last_exact
        unsure = freshness == "quick" and last is not None
        older = tuple(f for f in last.analysis.findings if f.rule in MEASURED) if unsure and last is not None else ()
        self.findings.show_findings(findings, hint, stale, older, partial(price, document))

    def _notes(self, run: Run) -> list[str]:
        """What is to be said of an analysis, such as why no kernels ran; the Open page has what is of the model."""
        model = self._document.model
        known = () if model is None else model.notes
        notes = [in_fields(translated(note)) for note in run.analysis.notes if note not in known]
        if (reason := run.analysis.totals.estimate_reason) is not None:
            notes.insert(0, self.tr("The estimate does not hold: {0}.").format(translated(reason)))
        return notes

    def _conditions(self, run: Run) -> str:
        target = run.analysis.target
        threads = target.get("threads", 1)
        parts = [
            self.tr("Target {0}").format(run.plan.target.title),
            str(target.get("isa", "")),
            self.tr("1 thread") if threads == 1 else self.tr("{0} threads").format(threads),
            self.tr("batch {0}").format(target.get("batch", 1)),
            self.tr("{0} samples of the final split").format(run.analysis.totals.samples),
            self.tr("{0} of {1} layers in integers").format(*integer_layers(run.analysis.layers)),
        ]
        return " · ".join(part for part in parts if part)

    def _show_tiles(self, totals: Totals, stale: bool, data: dict[str, Any]) -> None:
        check, exact = self._document.check, self._document.last_exact
        metric, name, unit = totals.fp32_metric, data.get("metric"), data.get("metric_unit")
        higher = data.get("metric_higher_is_better") is not False
        if metric is None and check is not None:
            metric, name, unit, higher = check.metric, check.metric_name, check.unit, check.higher_is_better
        labelled = metric is not None
        # Quick figures know nothing of kernels and time: the last exact run's are shown, as stale.
        quick = self._document.freshness == "quick"
        old = exact.analysis.totals if quick and exact is not None else totals
        self._show_time(old, stale or quick)
        if not labelled and totals.agreement is None and (totals.sqnr_db is not None or totals.exact):
            self._show_sqnr(totals, old, stale, quick)
            return
        note = self.tr("no labels: agreement with it counts")
        if labelled:
            note = str(name) if higher else self.tr("{0}, lower is better").format(name)
        self._unit = unit if labelled else "share"
        self.fp32.show_value(measured(metric, self._unit) if labelled else self.tr("reference"), note)
        simulated = totals.quantized_metric if labelled else totals.agreement
        self.simulated.show_value(
            measured(simulated, self._unit),
            self._against(simulated, metric, totals.agreement, totals),
            tone(simulated, metric, self._unit, higher, totals),
            stale,
        )
        kernel = old.kernel_metric if labelled else old.kernel_agreement
        self.kernel.show_value(
            measured(kernel, self._unit),
            self._against(kernel, metric, old.kernel_agreement) if labelled or kernel is None else self._where_run(),
            tone(kernel, metric, self._unit, higher, totals),
            stale or quick,
        )

    def _where_run(self) -> str:
        exact = self._document.last_exact
        return "" if exact is None else self.tr("agreement with float, in {0}").format(exact.plan.target.title)

    def _show_sqnr(self, totals: Totals, old: Totals, stale: bool, quick: bool) -> None:
        """Of outputs that are no classes, and without labels, the signal-to-noise ratio is what is known."""
        if totals.cosine is not None:
            self._show_cosine(totals, old, stale, quick)
            return
        self.fp32.show_value(self.tr("reference"), self.tr("no labels and no classes: SQNR against it counts"))
        note = self.tr("signal-to-noise ratio of the outputs")
        self.simulated.show_value(decibel(totals.sqnr_db, totals.exact), note, "", stale)
        ran = old.kernel_sqnr_db is not None
        self.kernel.show_value(
            decibel(old.kernel_sqnr_db), note if ran else self.tr("not measured"), "", stale or quick
        )

    def _show_cosine(self, totals: Totals, old: Totals, stale: bool, quick: bool) -> None:
        """Of embeddings, which are compared by their angles."""
        self.fp32.show_value(self.tr("reference"), self.tr("embedding: the cosine with it counts"))
        for tile, cosine, sqnr, late in (
            (self.simulated, totals.cosine, totals.sqnr_db, stale),
            (self.kernel, old.kernel_cosine, old.kernel_sqnr_db, stale or quick),
        ):
            note = self.tr("cosine with float; SQNR {0}").format(decibel(sqnr, totals.exact))
            known = cosine is not None
            text = f"{cosine:.4f}" if known else "–"
            tile.show_value(text, note if known else self.tr("not measured"), tone(cosine, 1.0) if known else "", late)

    def _show_time(self, old: Totals, stale: bool) -> None:
        if old.fp32_ms and old.int8_ms:
            ratio = old.fp32_ms / old.int8_ms
            text = (
                self.tr("{0}× faster").format(f"{ratio:.2f}")
                if ratio >= 1
                else self.tr("{0}× slower").format(f"{1 / ratio:.2f}")
            )
            if old.fp32_p90_ms and old.int8_p90_ms:
                text += f" · p90 {millis(old.fp32_p90_ms)} → {millis(old.int8_p90_ms)}\u00a0ms"
            self.time.show_value(
                f"{millis(old.fp32_ms)} → {millis(old.int8_ms)} ms",
                text,
                "good" if ratio > 1.05 else "bad" if ratio < 0.95 else "",
                stale,
            )
        else:
            self.time.show_value("–", self.tr("not measured") if self._document.shown else "")

    def _against(
        self, value: float | None, metric: float | None, agreement: float | None, sure: Totals | None = None
    ) -> str:
        """How far a figure is from the float model's; with `sure`, and between what limits that is known."""
        if value is None:
            return self.tr("not measured") if self._document.shown else ""
        limits = None if sure is None else sure.agreement_interval if metric is None else sure.drop_interval
        parts = []
        if metric is not None:
            parts.append(drop(value, metric, self._unit))
            if limits is not None:
                low, high = (drop(metric - end, metric, self._unit) for end in reversed(limits))
                parts[0] += self.tr(" ({0} to {1}, 95% sure)").format(low.partition(" ")[0], high.partition(" ")[0])
        if agreement is not None:
            parts.append(self.tr("agrees with float {0}").format(share(agreement)))
            if metric is None and limits is not None:
                parts[-1] = self.tr("agreement with float; {0} to {1}, 95% sure").format(*map(share, limits))
        return ", ".join(parts)


UNRESOLVED = 0.1
"""Where so much could be lost in truth, for all that the samples say, nothing is called good."""


def tone(
    value: float | None,
    metric: float | None,
    unit: str | None = "share",
    higher: bool = True,
    totals: Totals | None = None,
) -> str:
    """Good within one point of the float model, bad beyond five; percent of it in another unit than a share.

    What `totals` say to rest on too few samples is not good.
    """
    if value is None:
        return ""
    reference = 1.0 if metric is None else metric
    lost = reference - value if higher else value - reference
    if unit not in (None, "share"):
        lost /= abs(reference) or 1.0
    if lost <= 0.01:
        return "good" if totals is None or _most_lost(totals, metric, unit) <= UNRESOLVED else ""
    return "warn" if lost <= 0.05 else "bad"


def _most_lost(totals: Totals, metric: float | None, unit: str | None) -> float:
    """The end of the confidence interval of what is lost, a share."""
    if metric is None:
        return 0.0 if totals.agreement_interval is None else 1.0 - totals.agreement_interval[0]
    if totals.drop_interval is None:
        return 0.0
    return totals.drop_interval[1] / (1.0 if unit in (None, "share") else abs(metric) or 1.0)


def _drifted(drift: Drift | None) -> str:
    """What became of a state that was fed back."""
    if drift is None:
        return ""
    from ...engine.doctor.states import said

    return translated(said(drift))


def summary(totals: Totals) -> str:
    """The rest of the figures in one line."""
    nats = translate("Verdict", "nats")
    parts = []

    def estimated(value: float) -> str:
        """With two standard errors of it: few samples may carry most of a sum."""
        error = totals.estimated_kl_error
        return small(value) if error is None else f"{small(value)} ± {2 * error:.2g}"

    for name, value, form, unit in (
        ("KL(fp32‖int8)", totals.kl, small, nats),
        (translate("Verdict", "estimated"), totals.estimated_kl, estimated, nats),
        (translate("Verdict", "kernel"), totals.kernel_kl, small, nats),
        # Where that is all that is known, it stands above already.
        (
            "SQNR",
            None if totals.fp32_metric is None and totals.agreement is None else totals.sqnr_db,
            "{:.1f}".format,
            "dB",
        ),
    ):
        if value is not None:
            parts.append(f"{name} {form(value)} {unit}")
    return "   ·   ".join(parts)
