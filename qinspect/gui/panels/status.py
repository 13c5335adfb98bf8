"""The strip that shows a job: what it does, how far it is, how long it takes, and Cancel."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QWidget

from ..icons import set_icon
from ..jobs import Job, Jobs
from ..language import translated


class JobStrip(QWidget):
    """Follows the job that runs."""

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self._job: Job | None = None
        self.note = QLabel()
        self.note.setMinimumWidth(220)
        self.remaining = QLabel()
        self.remaining.setProperty("role", "muted")
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
            return
        self.cancel.setEnabled(True)
        self.pause.setChecked(job.paused)
        self._show(0.0, "", -1.0)
        job.progress.connect(self._show)

    def _show(self, share: float, note: str, remaining_s: float) -> None:
        if self._job is None:
            return
        self.note.setText(f"{self._job.title}: {translated(note)}" if note else self._job.title)
        # Without a known share the bar moves by itself.
        self.bar.setMaximum(1000 if share > 0 else 0)
        self.bar.setValue(round(share * 1000))
        # What was on its way when it was paused or cancelled does not say otherwise.
        if not (self._job.paused or self._job.cancelling):
            self.remaining.setText("" if remaining_s < 0 else self.tr("{0} left").format(duration(remaining_s)))

    def _pause(self, on: bool) -> None:
        set_icon(self.pause, "play" if on else "pause")
        if self._job is not None:
            self._job.pause(on)
            if on:
                self.remaining.setText(self.tr("paused"))

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
