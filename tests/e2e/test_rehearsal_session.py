"""A rehearsal in a process of its own, as the window talks with it: live, killed, gone on with, recorded, replayed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from organtwin_solvers.validation.block import block

from organtwin.document import Document
from organtwin.jobs import JobState
from organtwin.model import Rehearsal, Result
from organtwin.model.rehearsal import Clip, Close, Fix, Open, Scene, Take
from organtwin.model.tissue_case import Region
from organtwin.model.tool import Pose
from organtwin.rehearsal import messages as say
from organtwin.rehearsal import recording
from organtwin.rehearsal.frame import Frame
from organtwin.rehearsal.session import FOLDER, Session

SCENE = Scene(fixed=(Region(boundary="x0"),))
TOP = (45.0, 15.0, 20.0)


def at(*tip: float) -> Pose:
    return Pose(tip_mm=(tip[0], tip[1], tip[2]), axis=(0.0, 0.0, -1.0), normal=(0.0, 1.0, 0.0))


@pytest.fixture
def project(tmp_path: Path) -> tuple[Document, str]:
    document = Document.create(tmp_path / "case.otwin")
    mesh = block((9, 6, 4), (50.0, 30.0, 20.0))
    document.add([mesh], "Add a block")
    yield document, mesh.uuid
    document.close()


class Heard:
    """Polls a session until something is heard or seen."""

    def __init__(self, session: Session) -> None:
        self.session, self.events, self.frame = session, [], None

    def until(self, true: Callable[[], bool], what: str, patience_s: float = 40.0) -> None:
        limit = time.monotonic() + patience_s
        while not true():
            assert time.monotonic() < limit, f"waited in vain for {what}; heard {self.events[-3:]}"
            self.events += self.session.poll()
            dead = [e for e in self.events if isinstance(e, say.Ended) and e.sentence]
            refused = [e for e in self.events if isinstance(e, say.Refused)]
            for one, expected in ((dead, "Ended"), (refused, "Refused")):
                if one and what != expected:
                    raise AssertionError(one[-1].sentence)
            self.frame = self.session.newest() or self.frame
            time.sleep(0.005)

    def event(self, kind: type, patience_s: float = 40.0) -> object:
        before = len(self.events)
        self.until(lambda: any(isinstance(e, kind) for e in self.events[before:]), kind.__name__, patience_s)
        return next(e for e in self.events[before:] if isinstance(e, kind))

    def moved(self) -> float:
        frame = self.frame
        assert isinstance(frame, Frame)
        return float(np.linalg.norm(frame.points_mm - frame.rest_mm, axis=1).max())


def begun(document: Document, mesh: str, **more: object) -> tuple[Session, Heard]:
    session = Session(document.project.folder, {"mesh": mesh}, SCENE, **more)  # type: ignore[arg-type]
    heard = Heard(session)
    heard.event(say.Ready)
    return session, heard


def pulled(session: Session, heard: Heard, up_mm: float) -> None:
    """Take hold of the top and draw it up."""
    session.move(at(*TOP))
    session.do(Take(tool="grasper"))
    heard.event(say.Said)
    session.do(Close(reach="8 mm"))
    heard.event(say.Said)
    session.move(at(TOP[0], TOP[1], TOP[2] + up_mm))
    heard.until(lambda: heard.moved() > 0.9 * up_mm, "the pulled tissue")


def test_a_pull_moves_the_tissue_undo_brings_it_back_and_redo_again(project) -> None:
    document, mesh = project
    session, heard = begun(document, mesh)
    pulled(session, heard, 6.0)
    assert heard.frame.measures.force_n > 0
    assert heard.frame.grasping
    session.undo()
    session.undo()
    heard.until(lambda: heard.moved() < 0.5 and not heard.frame.grasping, "the tissue where it was")
    session.redo()
    session.redo()
    heard.until(lambda: heard.frame.grasping and heard.moved() > 5.0, "the pulled tissue again")
    session.close(forget=True)
    assert not session.folder.exists()


def test_a_refused_command_is_a_sentence_and_the_rehearsal_goes_on(project) -> None:
    document, mesh = project
    session, heard = begun(document, mesh)
    session.do(Clip(at_mm=TOP))
    refused = heard.event(say.Refused)
    assert "vessel" in refused.sentence
    heard.events.clear()
    session.do(Fix(at_mm=TOP, radius="5 mm"))
    assert "Held" in heard.event(say.Said).text
    session.close(forget=True)


def test_after_kill_9_the_rehearsal_goes_on_from_its_last_step(project) -> None:
    document, mesh = project
    session, heard = begun(document, mesh)
    pulled(session, heard, 5.0)
    session.do(Fix(at_mm=(45.0, 15.0, 25.0), radius="6 mm"))
    heard.event(say.Said)
    os.kill(session._process.pid, signal.SIGKILL)
    ended = heard.event(say.Ended)
    assert "go on from its last step" in ended.sentence
    session.close()
    (left,) = recording.unfinished(document.project.folder / FOLDER)
    inputs, script = recording.read(left)
    assert inputs == {"mesh": mesh}
    assert [step.command.do for step in script.steps] == ["take", "close", "fix"]
    again, heard = begun(document, mesh, replay=script, pace=0.0)
    heard.until(lambda: heard.moved() > 4.0, "the tissue as it was")
    again.close(forget=True)


def test_what_is_kept_is_replayed_to_the_same_bytes_and_checked_by_a_full_solve(project) -> None:
    document, mesh = project
    session, heard = begun(document, mesh)
    pulled(session, heard, 4.0)
    heard.until(lambda: heard.frame.measures.unrest < 1e-2 and heard.moved() > 3.8, "rest")
    session.record("pulled up")
    things = session.take(heard.event(say.Recorded))
    session.close(forget=True)
    document.add(things, "Keep the rehearsal")
    rehearsal, result = things[0], things[-1]
    assert isinstance(rehearsal, Rehearsal)
    assert isinstance(result, Result)
    assert result.physics == "rehearsal"
    assert rehearsal.inputs == {"mesh": mesh}
    roles = {**rehearsal.inputs, "rehearsal": rehearsal.uuid}
    job = document.start("rehearse", roles, {"name": "again"})
    while document.poll():
        time.sleep(0.05)
    assert job.state is JobState.DONE, job.error
    job = document.start("rehearsal-check", roles, {})
    while document.poll():
        time.sleep(0.05)
    assert job.state is JobState.DONE, job.error
    solved = document.get(job.done.objects[-1])
    assert isinstance(solved, Result)
    deviation = {q.name: q.value for q in solved.quantities}["deviation relative to the largest displacement"]
    assert deviation < 8.0


def test_a_scene_that_nothing_holds_is_refused_in_a_sentence(project) -> None:
    document, mesh = project
    session = Session(document.project.folder, {"mesh": mesh}, Scene())
    ended = Heard(session).event(say.Ended)
    assert "float away" in ended.sentence
    session.close(forget=True)


def test_open_without_anything_held_is_refused(project) -> None:
    document, mesh = project
    session, heard = begun(document, mesh)
    session.do(Take(tool="grasper"))
    heard.event(say.Said)
    session.do(Open())
    assert "nothing" in heard.event(say.Refused).sentence
    session.close(forget=True)


def test_a_rehearsal_of_a_sealed_project_is_sealed_while_it_goes_on_and_after_a_kill(tmp_path: Path) -> None:
    document = Document.create(tmp_path / "case.otwin", passphrase="correct horse battery")
    mesh = block((9, 6, 4), (50.0, 30.0, 20.0))
    document.add([mesh], "Add a block")
    session, heard = begun(document, mesh.uuid)
    session.do(Fix(at_mm=TOP, radius="5 mm"))
    heard.event(say.Said)
    session.record("kept")
    assert session.take(heard.event(say.Recorded))[0].kind == "rehearsal"
    os.kill(session._process.pid, signal.SIGKILL)
    heard.event(say.Ended)
    session.close()
    files = [file for file in document.project.folder.rglob("*") if file.is_file()]
    for file in files:
        data = file.read_bytes()
        assert not any(word in data for word in (b'"fix"', b"pose", b'"scene"', b"rehearsal", b"NUMPY")), file.name
    (left,) = recording.unfinished(document.project.folder / FOLDER)
    assert [step.command.do for step in recording.read(left)[1].steps] == ["fix"]
    document.close()
