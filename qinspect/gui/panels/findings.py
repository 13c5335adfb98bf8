"""The doctor's findings as cards: what, why one should believe it, what it costs, what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ...engine.results import Finding, Totals, Tried
from ..icons import icon, set_icon
from ..language import translated
from ..prices import FASTER, Price
from .cards import Card, Hint, clear, label, row
from .figures import small

SEVERITIES = {
    "error": ("alert-circle", "bad"),
    "warning": ("alert", "warn"),
    "note": ("information-outline", "muted"),
}


Pricing = Callable[[Finding], Price]

MEASURED = ("kernel_unlike_simulation", "relu_dropped", "int8_slower", "layer_slower")
"""Rules that look at kernels and times, of which quick figures know nothing."""


def unscored(totals: Totals) -> bool:
    """Whether an analysis was stopped before it knew what single layers do to the output, and looked for causes."""
    return totals.samples > 0 and totals.estimated_kl is None and totals.estimated_mse is None


class Findings(QWidget):
    """A column of cards.

    Parameters
    ----------
    beside : bool
        What can be done stands beside the words instead of below them: more cards are in sight where there is width.

    Signals
    -------
    apply_requested(Finding), layers_requested(tuple of ids)
    """

    apply_requested = Signal(object)
    layers_requested = Signal(object)

    def __init__(self, beside: bool = False) -> None:
        super().__init__()
        self._beside = beside
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.cards: list[Card] = []
        # Those whose price is not said yet: where to say it, and the button that applies them.
        self._priced: list[tuple[QLabel, QPushButton, Finding, Pricing]] = []
        self._bare: list[QHBoxLayout] = []  # of those that cannot be applied
        self.after: QWidget = self
        """From here the tabulator goes to the first card."""

    def show_findings(
        self,
        findings: tuple[Finding, ...],
        hint: str,
        stale: bool = False,
        older: tuple[Finding, ...] = (),
        price: Pricing | None = None,
    ) -> None:
        """Show findings, or a hint where there are none; those of another plan cannot be applied.

        `older` ones are of a run of another plan, and nothing has been measured since that would say whether
        they still hold. `price` says what a remedy costs at run time.
        """
        focus = QApplication.focusWidget()
        inside = focus is not None and self.isAncestorOf(focus)
        clear(self._column)
        self.cards, self._priced, self._bare = [], [], []
        for finding in findings:
            card = self._card(finding, stale, price)
            self.cards.append(card)
            self._column.addWidget(card)
        self._align()
        if not findings and not older:
            self._column.addWidget(Hint(hint))
        if older:
            note = self.tr("Measured before the last edit; run everything to see whether this still holds:")
            self._column.addWidget(label(note, "muted"))
            for finding in older:
                self._column.addWidget(self._card(finding, stale=True))
        self._column.addStretch(1)
        # Made later than what stands after them, their buttons would be the last that the tabulator comes to.
        last = self.after
        for button in self.findChildren(QPushButton):
            QWidget.setTabOrder(last, button)
            last = button
        if inside:  # what was pressed is gone, and Qt would go to the first button of the window
            self.after.setFocus()
        QTimer.singleShot(0, self, self._say_price)

    def _align(self) -> None:
        """Buttons of one kind are as wide as the widest: what stands beside them forms columns."""
        for name in ("show", "apply"):
            alike = self.findChildren(QPushButton, name)
            widest = max((button.sizeHint().width() for button in alike), default=0)
            for button in alike:
                button.setMinimumWidth(widest)
            for buttons in self._bare if name == "apply" and widest else ():
                buttons.setContentsMargins(0, 0, widest + buttons.spacing(), 0)

    def _say_price(self) -> None:
        """One after the other: of a large model each takes a moment."""
        if self._priced and self.isVisible():
            gain, apply, finding, pricing = self._priced.pop(0)
            price = pricing(finding)
            idle = price.slower and finding.rule in FASTER
            words = self.tr("does not pay: with its borders it {0}").format(price.words) if idle else price.words
            gain.setText(("\n" if self._beside else " · ").join(filter(None, (gain.text(), words))))
            gain.setVisible(bool(gain.text()))
            if idle:
                apply.setEnabled(False)
                apply.setToolTip(self.tr("The borders that it adds would cost more than it wins"))
            QTimer.singleShot(0, self, self._say_price)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        QTimer.singleShot(0, self, self._say_price)

    def _card(self, finding: Finding, stale: bool, price: Pricing | None = None) -> Card:
        name, tone = SEVERITIES.get(finding.severity, SEVERITIES["note"])
        card = Card()
        card.set_edge("" if tone == "muted" else tone)
        card.setAccessibleName(translated(finding.title))
        mark = label(wrap=False)
        mark.setPixmap(icon(name, tone).pixmap(18, 18))
        gain = label("", "muted", wrap=not self._beside)
        if self._beside:
            gain.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if (tried := finding.tried) is not None:
            gain.setText(translated(tried.said))
            gain.setToolTip(self._interval(tried))
        elif finding.gain is not None:
            gain.setText(self.tr("wins back ≈ {0} nats").format(small(finding.gain)))
            gain.setToolTip(self.tr("Estimated decrease of KL(fp32‖int8), mean per sample"))
        title = label(translated(finding.title), "title")
        top = row(mark)
        top.addWidget(title, 1)
        words = QVBoxLayout()
        words.setSpacing(card.body.spacing())
        words.addLayout(top)
        words.addWidget(label(translated(finding.evidence), "muted"))
        words.addWidget(label(translated(finding.remedy)))
        buttons = row(gain if self._beside else 1)
        if not self._beside:
            words.addWidget(gain)
            gain.setVisible(bool(gain.text()))
        if finding.layers:
            show = QPushButton(
                self.tr("Show layer")
                if len(finding.layers) == 1
                else self.tr("Show {0} layers").format(len(finding.layers))
            )
            show.setObjectName("show")
            set_icon(show, "crosshairs-gps")
            show.setToolTip("\n".join(finding.layers[:12]))
            show.clicked.connect(lambda: self.layers_requested.emit(finding.layers))
            buttons.addWidget(show)
        if finding.plan is not None:
            apply = QPushButton(self.tr("Apply"))
            apply.setObjectName("apply")
            set_icon(apply, "auto-fix")
            apply.setEnabled(not stale)
            apply.setToolTip(
                self.tr("The plan changed since: run again") if stale else self.tr("One edit, which can be undone")
            )
            apply.clicked.connect(lambda: self.apply_requested.emit(finding))
            buttons.addWidget(apply)
            if price is not None and not stale:
                self._priced.append((gain, apply, finding, price))
        else:
            self._bare.append(buttons)
        if self._beside:
            across = row(spacing=16)
            across.addLayout(words, 1)
            across.addLayout(buttons)
            card.body.setContentsMargins(16, 10, 16, 10)
            words.setSpacing(4)
            card.body.addLayout(across)
        else:
            card.body.addLayout(words)
            if gain.text() or finding.layers or finding.plan is not None:
                card.body.addLayout(buttons)
        return card

    def _interval(self, tried: Tried) -> str:
        """How the figure was come by, and how sure it is."""
        ran = self.tr("The remedy's plan was simulated on the same samples as this one.")
        if tried.won is None:
            return ran
        won = self.tr("KL becomes less by {0} nats, with 95 % confidence by {1} to {2}.")
        return ran + "\n" + won.format(*map(small, tried.won))
