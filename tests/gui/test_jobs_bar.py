"""The row of a job that was killed: it says so, and goes on at a press."""

from __future__ import annotations

import json

import numpy as np
from organtwin_gui.jobs_bar import JobsBar
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton

from organtwin.document import Document
from organtwin.jobs import Job, JobState
from organtwin.jobs.spec import CHECKPOINT


def killed_job(document: Document) -> Job:
    """A job that was started, left a checkpoint and died."""
    job = Job.create(document.project.jobs_folder, "surface", {}, {}, "Flow, pulsatile")
    np.savez(job.folder / CHECKPOINT, done=np.array([3]))
    words = [{"event": "started", "pid": 999999, "born": 1}, {"event": "failed", "sentence": "It was killed."}]
    (job.folder / "events.jsonl").write_text("".join(json.dumps(word) + "\n" for word in words))
    return job


def test_a_killed_job_offers_to_go_on_and_does(window, qtbot, tmp_path, monkeypatch):
    document = Document.create(tmp_path / "case.otwin")
    killed_job(document)
    document.close()
    window.open_project(tmp_path / "case.otwin")
    bar = window.findChild(JobsBar)
    qtbot.waitUntil(lambda: bool(bar.rows), timeout=5000)
    (row,) = bar.rows.values()
    assert row.job.state is JobState.FAILED
    button = next(b for b in row.findChildren(QToolButton) if b.text() == "Go on")
    assert button.isVisible()
    started = []
    monkeypatch.setattr(Job, "start", lambda job: started.append(job.id))
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert started == [row.job.id]
    assert row.job.state is JobState.WAITING
    assert not button.isVisible()
