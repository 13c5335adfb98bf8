"""The strip that shows a job: what it does, how far it is, how long it takes, and Cancel."""

from __future__ import annotations

import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from ..icons import set_icon
from ..jobs import UNKNOWN_S, Job, Jobs
from ..language import translated

OVERDUE_S = 2.0
"""So long after the foretold end the remaining time is said no more."""


LEAST, LONGEST = 220, 520
"""Pixels for what a job does."""


class JobStrip(QWidget):
    """Follows the job that runs."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._job: Job | None = None
        self._began = 0.0
        self._ends: float | None = None  # when the job will be over, by its last progress
        self._share = 0.0
        self._paused = 0.0
        self._clock = QTimer(self, interval=1000)
        self._clock.timeout.connect(self._show_time)
        self.note = QLabel()
        self.note.setMinimumWidth(LEAST)
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.remaining = QLabel()
        self.remaining.setProperty("role", "muted")
        # The bar stays where it is, whatever is said beside it.
        usual = self.tr("{0} left").format("00 min")
        self.remaining.setMinimumWidth(self.remaining.fontMetrics().horizontalAdvance(usual))
        self.bar = QProgressBar(textVisible=False, maximum=1000)
        self.bar.setFixedWidth(220)
        self.bar.setAccessibleName(self.tr("Progress"))
        self.pause = QPushButton()
        self.pause.setCheckable(True)
        self.pause.setToolTip(self.tr("Pause; the computer is free for something else"))
        self.pause.setAccessibleName(self.tr("Pause"))
        set_icon(self.pause, "pause")
        self.pause.setMaximumWidth(48)
        self.pause.toggled.connect(self._pause)
        self.cancel = QPushButton(self.tr("Cancel"))
        self.cancel.setToolTip(self.tr("Stop; what was computed before stays (Ctrl+.)"))
        set_icon(self.cancel, "close")
        self.cancel.setMaximumWidth(120)
        self.cancel.clicked.connect(self._cancel)
        for button in (self.pause, self.cancel):
            # A click leaves the focus where the work is: when the strip hides, it would go to some other page's button.
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 0)
        for widget in (self.note, self.bar, self.remaining, self.pause, self.cancel):
            layout.addWidget(widget)
        layout.setAlignment(Qt.AlignmentFlag.AlignRight)
        jobs.changed.connect(self._follow)
        self.hide()
        self._follow(jobs.current)

    @property
    def busy(self) -> bool:
        """Whether a job is shown."""
        return self._job is not None

    def _follow(self, job: Job | None) -> None:
        if job is self._job:
            return
        self._job = job
        self.setVisible(job is not None)
        if job is None:
            self._clock.stop()
            return
        self.cancel.setEnabled(True)
        self.pause.setChecked(job.paused)
        self._began, self._ends, self._share = time.monotonic(), None, 0.0
        self._clock.start()
        self._show(0.0, "", -1.0)
        job.progress.connect(self._show)

    def _show(self, share: float, note: str, remaining_s: float) -> None:
        if self._job is None:
            return
        self._say(f"{self._job.title}: {translated(note)}" if note else self._job.title)
        # Without a known share the bar moves by itself.
        self.bar.setMaximum(1000 if share > 0 else 0)
        self.bar.setValue(round(share * 1000))
        # Work that is told of again without progress is not foretold anew.
        if remaining_s >= 0 and (share != self._share or self._ends is None):
            self._ends = time.monotonic() + remaining_s
        self._share = share
        self._show_time()

    def _say(self, text: str) -> None:
        """What the job does, in as much room as it takes; of a long path the beginning and the end."""
        metrics = self.note.fontMetrics()
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, LONGEST)
        self.note.setText(shown)
        self.note.setToolTip(text if shown != text else "")
        # The status bar gives a label what it asked for before its text grew, and the first letters were cut off.
        self.note.setMinimumWidth(max(LEAST, metrics.horizontalAdvance(shown) + 2))

    def _show_time(self) -> None:
        """What remains, which passes while nothing is heard; where it is not known, how long it has been."""
        # What was on its way when it was paused or cancelled does not say otherwise.
        if self._job is None or self._job.paused or self._job.cancelling:
            return
        now = time.monotonic()
        if self._ends is not None and now < self._ends + OVERDUE_S:
            self.remaining.setText(self.tr("{0} left").format(duration(self._ends - now)))
        elif now - self._began < UNKNOWN_S:
            self.remaining.setText("")
        else:
            self.remaining.setText(self.tr("{0} so far").format(duration(now - self._began)))

    def _pause(self, on: bool) -> None:
        set_icon(self.pause, "play" if on else "pause")
        if self._job is not None:
            self._job.pause(on)
            if on:
                self._paused = time.monotonic()
                self.remaining.setText(self.tr("paused"))
            else:
                passed = time.monotonic() - self._paused
                self._began += passed
                self._ends = None if self._ends is None else self._ends + passed

    def _cancel(self) -> None:
        if self._job is not None:
            self.cancel.setEnabled(False)
            self.remaining.setText(self.tr("stopping…"))
            self._job.cancel()


def duration(seconds: float) -> str:
    """A time for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min"
