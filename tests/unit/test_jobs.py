"""Jobs: followed, cancelled, survived and adopted. The operations they run here come from a throw-away distribution."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from organtwin.cli.follow import follow
from organtwin.declared import declared
from organtwin.document import Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.jobs import Job, JobState
from organtwin.worker import EventMonitor

MODULE = """
import os, time
from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.operations.registry import Operation, Parameters
from organtwin.space import Grid
import numpy as np

class P(Parameters):
    seconds: float = 0.0
    deaf: bool = False
    fail: str = ""
    name: str = "made"

def run(inputs, parameters, monitor):
    until = time.monotonic() + parameters.seconds
    step = 0
    while time.monotonic() < until:
        time.sleep(0.02)
        step += 1
        if not parameters.deaf:
            monitor.progress(1 - (until - time.monotonic()) / parameters.seconds, "waiting")
            monitor.residual("r", step, 1 / step)
    if parameters.fail == "killed once":
        before = monitor.kept()
        monitor.keep({"count": np.array([1 if before is None else before["count"][0] + 1])})
        if before is None:
            os.kill(os.getpid(), 9)
        name = f"went on from {before['count'][0]}"
        return [Volume(name=name, grid=Grid.make((2, 2, 2), (1, 1, 1)), values=np.zeros((2, 2, 2), np.int16))]
    if parameters.fail == "input":
        raise BadInput("The slice is upside down", where="slice 7", remedy="Turn it.")
    if parameters.fail == "places":
        error = BadInput("The surface crosses itself")
        error.places_mm = ((1.0, 2.0, 3.0),)
        raise error
    if parameters.fail == "crash":
        raise RuntimeError("boom")
    if parameters.fail == "abort":
        os.abort()
    grid = Grid.make((2, 2, 2), (1, 1, 1))
    return [Volume(name=parameters.name, grid=grid, values=np.zeros((2, 2, 2), np.int16))]

OPERATION = Operation("wait", "Wait", {}, P, "waiting_room:run")
DERIVED = Operation("derive", "Derive", {"volume": "volume"}, P, "waiting_room:run")
"""


@pytest.fixture
def waiting_room(tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "waiting_room-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "waiting_room.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: waiting-room\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[organtwin.operations]\nwait = waiting_room:OPERATION\nderive = waiting_room:DERIVED\n"
    )
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    declared.cache_clear()
    yield
    declared.cache_clear()
    sys.modules.pop("waiting_room", None)


@pytest.fixture
def document(tmp_path, waiting_room):
    document = Document.create(tmp_path / "case.otwin")
    yield document
    document.close()


def until_ended(document: Document, job: Job, timeout_s: float = 60) -> None:
    end = time.monotonic() + timeout_s
    while not job.state.ended:
        assert time.monotonic() < end, "the job did not end"
        document.poll()
        time.sleep(0.02)


def until_running(document: Document, job: Job) -> None:
    while job.fraction == 0 and not job.state.ended:
        document.poll()
        time.sleep(0.02)


def test_a_finished_job_becomes_objects_with_a_recipe_in_one_undoable_step(document):
    job = document.start("wait", {}, {"seconds": 0.3}, "Wait a little")
    until_ended(document, job)
    assert job.state is JobState.DONE
    (entry,) = document.entries()
    assert entry.recipe.operation == "wait"
    assert entry.recipe.parameters["seconds"] == 0.3
    assert "organtwin" in entry.recipe.versions
    assert job.residuals["r"]
    assert document.undo_label == "Wait a little"
    document.undo()
    assert document.entries() == []


def test_cancel_ends_a_job_that_listens_and_one_that_does_not(document):
    for deaf in (False, True):
        job = document.start("wait", {}, {"seconds": 60, "deaf": deaf})
        while job.state is JobState.WAITING:
            document.poll()
            time.sleep(0.02)
        job.cancel()
        until_ended(document, job, timeout_s=10)
        assert job.state is JobState.CANCELLED
    assert document.entries() == []


def test_bad_input_in_a_worker_arrives_as_its_sentence(document):
    job = document.start("wait", {}, {"fail": "input"})
    until_ended(document, job)
    assert job.state is JobState.FAILED
    assert job.error.sentence == "The slice is upside down (slice 7). Turn it."
    assert job.error.exit_code == 3


def test_the_places_of_a_failure_reach_whoever_follows_the_job(document):
    job = document.start("wait", {}, {"fail": "places"})
    until_ended(document, job)
    assert job.error.places_mm == ((1.0, 2.0, 3.0),)


def test_a_crash_is_one_sentence_and_its_traceback_is_in_the_log(document):
    job = document.start("wait", {}, {"fail": "crash"})
    until_ended(document, job)
    assert "boom" in job.error.sentence
    assert "Traceback" not in job.error.sentence
    assert "Traceback" in (job.folder / "stdout.log").read_text()


@pytest.mark.parametrize("how", ["abort", "kill"])
def test_a_worker_that_dies_leaves_the_project_whole(document, how):
    job = document.start(
        "wait", {}, {"seconds": 0 if how == "abort" else 60, "fail": "abort" if how == "abort" else ""}
    )
    if how == "kill":
        until_running(document, job)
        os.kill(job._process.pid, signal.SIGKILL)
    until_ended(document, job)
    assert job.state is JobState.FAILED
    assert "ended by signal" in job.error.sentence
    assert document.entries() == []
    document.close()
    Document.open(document.project.folder).close()


def test_a_restarted_program_follows_a_living_job_and_adopts_a_finished_one(tmp_path, waiting_room):
    first = Document.create(tmp_path / "p.otwin")
    job = first.start("wait", {}, {"seconds": 2.5})
    until_running(first, job)
    first.close()
    second = Document.open(tmp_path / "p.otwin")
    (followed,) = second.jobs.values()
    second.poll()
    assert followed.state is JobState.RUNNING
    second.close()
    job._process.wait(timeout=30)
    third = Document.open(tmp_path / "p.otwin")
    third.poll()
    assert [e.name for e in third.entries()] == ["made"]
    third.close()
    fourth = Document.open(tmp_path / "p.otwin")
    fourth.poll()
    assert len(fourth.entries()) == 1
    assert fourth.jobs == {}
    fourth.close()


def test_a_mistake_in_the_parameters_is_told_before_anything_starts(document):
    with pytest.raises(BadInput, match=r"Unknown key 'secnods'.*seconds"):
        document.start("wait", {}, {"secnods": 1})
    with pytest.raises(BadInput, match="There is no operation 'wiat'"):
        document.start("wiat")
    with pytest.raises(BadInput, match="needs a volume"):
        document.start("derive", {})
    assert list(document.project.jobs_folder.iterdir()) == []


def test_a_stale_object_is_made_again_from_the_newest_inputs_and_takes_its_own_place(document):
    until_ended(document, document.start("wait", {}, {"name": "source"}))
    source = document.latest("volume")
    until_ended(document, document.start("derive", {"volume": source.uuid}, {"name": "derived"}))
    edited = document.get(source.uuid).with_(uuid="edited", replaces=source.uuid, name="edited")
    document.add([edited], "Edit")
    (old,) = document.stale()
    until_ended(document, document.refresh(old))
    assert document.stale() == set()
    assert sorted(e.name for e in document.entries()) == ["derived", "edited"]
    assert document.latest("volume").recipe.inputs == {"volume": "edited"}


def test_a_killed_job_goes_on_from_its_checkpoint_also_after_a_restart(document, tmp_path):
    job = document.start("wait", {}, {"fail": "killed once"})
    until_ended(document, job)
    assert job.state is JobState.FAILED
    assert "last checkpoint" in job.error.sentence
    document.close()
    again = Document.open(tmp_path / "case.otwin")
    try:
        (found,) = again.jobs.values()
        again.poll()
        assert found.can_resume
        again.resume(found)
        until_ended(again, found)
        assert found.state is JobState.DONE
        assert [e.name for e in again.entries()] == ["went on from 1"]
        assert not found.can_resume
    finally:
        again.close()


def test_a_command_that_ends_with_a_killed_job_leaves_it_for_another_to_go_on_with(document, tmp_path):
    job = document.start("wait", {}, {"fail": "killed once"})
    with pytest.raises(OrganTwinError, match="last checkpoint"):
        follow(document, job)
    document.close()
    again = Document.open(tmp_path / "case.otwin")
    try:
        again.poll()
        again.resume(again.jobs[job.id])
        assert [e.name for e in follow(again, again.jobs[job.id])] == ["went on from 1"]
    finally:
        again.close()


def test_a_full_disk_takes_away_what_a_worker_says_but_not_its_work(tmp_path, monkeypatch):
    monitor = EventMonitor(tmp_path)
    monitor.progress(0.5, "half")
    real = Path.open

    def full(path, *arguments, **named):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "open", full)
    monitor.progress(0.6, "more")
    monitor.keep({"a": np.zeros(3)})
    monkeypatch.setattr(Path, "open", real)
    monitor.progress(0.7, "room again")
    said = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines() if line]
    assert [event["what"] for event in said] == ["half", "room again"]


def test_a_job_without_a_checkpoint_says_that_it_cannot_go_on(document):
    job = document.start("wait", {}, {"fail": "crash"})
    until_ended(document, job)
    with pytest.raises(BadInput, match="no checkpoint"):
        document.resume(job)
