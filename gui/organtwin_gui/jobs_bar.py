"""The jobs at the bottom: what runs, how far, how long still, and a way to stop it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QProgressBar, QToolButton, QVBoxLayout, QWidget

from organtwin.jobs import Job, JobState
from organtwin_gui import theme
from organtwin_gui.bridge import Bridge
from organtwin_gui.notice import without_flags


def seconds_left(eta_s: float | None) -> str:
    """``"about 40 s left"``; empty where nobody knows."""
    if eta_s is None:
        return ""
    if eta_s < 90:
        return f"about {max(round(eta_s), 1)} s left"
    return f"about {round(eta_s / 60)} min left"


class JobRow(QFrame):
    """One job."""

    def __init__(self, job: Job, bridge: Bridge) -> None:
        super().__init__()
        self.job, self._bridge = job, bridge
        self._icon = QLabel()
        self._label = QLabel(job.spec.label)
        self._label.setMinimumWidth(170)
        self._bar = QProgressBar()
        self._bar.setRange(0, 1000)
        self._bar.setTextVisible(False)
        self._percent = QLabel()
        self._percent.setMinimumWidth(44)
        self._percent.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._what = QLabel()
        self._what.setObjectName("small")
        self._what.setMinimumWidth(320)
        self._button = QToolButton()
        self._button.setIcon(theme.icon("cancel"))
        self._button.clicked.connect(self._press)
        self._again = QToolButton()
        self._again.setText("Go on")
        self._again.setToolTip("Go on from the last checkpoint of this job")
        self._again.clicked.connect(lambda: bridge.resume(self.job))
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(12, 2, 8, 2)
        row.setSpacing(12)
        self._room = QWidget()  # keeps an ended job's words at the left
        for widget in (self._icon, self._label):
            row.addWidget(widget)
        row.addWidget(self._bar, 1)
        for widget in (self._percent, self._what):
            row.addWidget(widget)
        row.addWidget(self._room, 1)
        row.addWidget(self._again)
        row.addWidget(self._button)
        self.refresh()

    def refresh(self) -> None:
        """Show the job as it is now."""
        job, look = self.job, theme.current()
        running = not job.state.ended
        icon, colour = {
            JobState.DONE: ("done", look.good),
            JobState.FAILED: ("error", look.danger),
            JobState.CANCELLED: ("cancel", look.text_quiet),
        }.get(job.state, ("run", look.accent))
        self._icon.setPixmap(theme.icon(icon, colour).pixmap(theme.ICON_SIZE))
        self._bar.setValue(int(1000 * job.fraction))
        self._bar.setVisible(running)
        failed = job.state is JobState.FAILED
        self._room.setVisible(not running and not failed)
        self._what.setWordWrap(failed)  # all of the sentence can be read
        self._row.setStretchFactor(self._what, int(failed))
        self._percent.setVisible(running)
        self._percent.setText(f"{100 * job.fraction:.0f} %")
        if running:
            parts = [job.what or "starting", seconds_left(job.eta_s)]
            self._what.setText(", ".join(p for p in parts if p))
        elif job.state is JobState.FAILED:
            self._what.setText(without_flags(job.error.sentence) if job.error else "failed")
        elif job.done is not None:
            self._what.setText(f"done in {job.done.seconds:.1f} s, {job.done.peak_memory_mb:.0f} MB")
        else:
            self._what.setText("cancelled")
        self._what.setToolTip(self._what.text())
        self._again.setVisible(job.can_resume)
        self._button.setIcon(theme.icon("cancel" if running else "close"))
        self._button.setToolTip("Cancel this job" if running else "Put this line aside")

    def _press(self) -> None:
        if not self.job.state.ended:
            self.job.cancel()
            self._what.setText("stopping")
        elif self._bridge.document is not None:
            with self._bridge.guarded():
                self._bridge.document.dismiss(self.job)
            self.hide()
            self.deleteLater()


class JobsBar(QFrame):
    """All jobs of the open project, the running ones always in sight; ended ones go when the next starts."""

    def __init__(self, bridge: Bridge, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self._bridge = bridge
        self.rows: dict[str, JobRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 4)
        self._column.setSpacing(0)
        bridge.job_changed.connect(self._take)
        bridge.closed.connect(self._clear)
        self.hide()

    def _take(self, job: Job) -> None:
        row = self.rows.get(job.id)
        if row is None:
            self._drop_ended()
            row = self.rows[job.id] = JobRow(job, self._bridge)
            row.destroyed.connect(lambda _=None, key=job.id: self._gone(key))
            self._column.addWidget(row)
            self.show()
        row.refresh()

    def _drop_ended(self) -> None:
        for key, row in list(self.rows.items()):
            if row.job.state.ended:
                del self.rows[key]
                row.hide()
                row.deleteLater()

    def _gone(self, key: str) -> None:
        if self.rows.pop(key, None) is not None and not self.rows:  # unknown ones went with the bar itself
            self.hide()

    def _clear(self) -> None:
        for row in self.rows.values():
            row.deleteLater()
        self.rows.clear()
        self.hide()
