"""What is done in a rehearsal is recorded, undone, redone and replayed; frames travel whole; a torn recording is read."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Fix, Scene, Script, Settle, Step
from organtwin.rehearsal import recording
from organtwin.rehearsal.frame import Frame, Measures
from organtwin.rehearsal.performance import Performance
from organtwin.rehearsal.shared_frames import Reader, Writer

SLACK = 12  # the tick at which something comes up that nobody asked for


class Pendulum:
    """The smallest engine: one point that is drawn to the hand; it refuses to be fixed at negative heights."""

    def __init__(self) -> None:
        self.tick, self.x, self.v, self.hand = 0, np.zeros(3), np.zeros(3), np.zeros(3)
        self.resting = False

    def move(self, pose: np.ndarray) -> None:
        self.hand = pose[:3]

    def do(self, command: Any) -> str:
        if isinstance(command, Fix):
            if command.at_mm[2] < 0:
                raise BadInput("There is nothing to hold there")
            self.x = np.array(command.at_mm)
        return "done"

    def step(self) -> str:
        self.v = 0.9 * self.v + 0.1 * (self.hand - self.x)
        self.x = self.x + self.v
        self.tick += 1
        return "The string has gone slack." if self.tick == SLACK else ""

    def snapshot(self) -> Any:
        return self.tick, self.x, self.v, self.hand

    def restore(self, snapshot: Any) -> None:
        self.tick, self.x, self.v, self.hand = snapshot

    def digest(self) -> str:
        return hashlib.sha256(self.x.tobytes() + self.v.tobytes()).hexdigest()


def pose(x: float) -> np.ndarray:
    return np.array([x, 0, 0, 0, 0, -1, 0, -1, 0], float)


def played() -> Performance:
    performance = Performance(Pendulum(), Scene())  # type: ignore[arg-type]
    for tick in range(30):
        performance.move(pose(0.3 * tick))
        if tick in (7, 19):
            performance.do(Fix(at_mm=(1.0, 2.0, float(tick))))
        performance.tick()
    return performance


def test_a_replay_ends_in_the_same_bytes() -> None:
    first = played()
    again = Performance(Pendulum(), Scene())  # type: ignore[arg-type]
    again.play(Script.model_validate_json(first.script().model_dump_json()))
    assert again.engine.digest() == first.engine.digest()
    assert again.script() == first.script()


def test_what_comes_up_between_commands_is_told_at_the_next_tick() -> None:
    told: dict[int, str] = {}
    Performance(Pendulum(), Scene()).play(played().script(), lambda tick, said: told.update({tick: said}))  # type: ignore[arg-type]
    assert {tick: said for tick, said in told.items() if said} == {
        7: "done",
        SLACK: "The string has gone slack.",
        19: "done",
    }


def test_undo_goes_to_the_moment_before_the_command_and_redo_back_again() -> None:
    performance = played()
    last = performance.engine.digest()
    performance.undo()
    assert performance.engine.tick == 19
    assert len(performance.steps) == 1
    assert max(row[0] for row in performance.poses) <= 19
    performance.undo()
    assert performance.engine.tick == 7
    assert performance.steps == []
    performance.redo()
    performance.redo()
    assert performance.engine.digest() == last
    assert performance.script() == played().script()


def test_what_is_done_after_an_undo_replays_as_if_the_undone_had_never_been() -> None:
    performance = played()
    performance.undo()
    for _ in range(5):
        performance.tick()
    performance.do(Settle())
    assert not performance.can_redo
    again = Performance(Pendulum(), Scene())  # type: ignore[arg-type]
    again.play(performance.script())
    assert again.engine.digest() == performance.engine.digest()


def test_a_refused_command_leaves_no_trace() -> None:
    performance = played()
    before = performance.script()
    with pytest.raises(BadInput):
        performance.do(Fix(at_mm=(0.0, 0.0, -1.0)))
    assert performance.script() == before
    assert len(performance.undone) == 0


def test_a_recording_on_disk_gives_the_script_again_with_undo_and_a_torn_last_line(tmp_path: Path) -> None:
    record = recording.Recording(tmp_path, {"mesh": "m"}, Scene())
    performance = Performance(Pendulum(), Scene(), record)  # type: ignore[arg-type]
    for tick in range(20):
        performance.move(pose(tick))
        if tick % 6 == 0:
            performance.do(Settle())
        performance.tick()
    performance.undo()
    performance.redo()
    performance.undo()
    record.close()
    with (tmp_path / recording.FILE).open("a") as stream:
        stream.write('{"pose": [3.0, ')
    inputs, script = recording.read(tmp_path)
    assert inputs == {"mesh": "m"}
    assert script.steps == tuple(performance.steps)
    assert script.poses == tuple(performance.poses)


def test_a_recording_that_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="missing"):
        recording.read(tmp_path)


def test_a_step_needs_a_tick_that_is_not_negative() -> None:
    with pytest.raises(ValueError, match="tick"):
        Step(tick=-1, command=Settle())


def frame(n: int, tick: int) -> Frame:
    return Frame(
        tick=tick,
        topology=1,
        points_mm=np.full((n, 3), tick, np.float32),
        rest_mm=np.zeros((n, 3), np.float32),
        triangles=np.arange(n - n % 3, dtype=np.int32).reshape(-1, 3),
        kinds=np.zeros(n // 3, np.uint8),
        strain=np.full(n, tick, np.float32),
        force_n=np.zeros(n, np.float32),
        carried_mm={"Tumour ä/1": np.full((5, 3), tick, np.float32)},
        carried_gone={"Tumour ä/1": np.array([True, False])},
        tool=np.arange(9.0),
        measures=Measures(tumour="Tumour ä/1", vessels_cut=("portal vein 3",), strain_at_mm=(1.0, 2.0, 3.0)),
    )


def test_a_frame_arrives_as_it_left_and_only_once() -> None:
    writer = Writer()
    assert writer.write(frame(100, 3))
    assert writer.path is not None
    reader = Reader(writer.path)
    got, sent = reader.newest(), frame(100, 3)
    assert got is not None
    assert got.measures == sent.measures
    for name in ("points_mm", "triangles", "kinds", "strain", "tool"):
        np.testing.assert_array_equal(getattr(got, name), getattr(sent, name))
    np.testing.assert_array_equal(got.carried_gone["Tumour ä/1"], [True, False])
    assert reader.newest() is None
    assert not writer.path.exists()  # nothing is left behind when both processes die


def test_a_larger_frame_moves_to_a_larger_room() -> None:
    writer = Writer()
    writer.write(frame(10, 1))
    first = writer.path
    assert writer.write(frame(200_000, 2))
    assert writer.path != first
    assert writer.path is not None
    got = Reader(writer.path).newest()
    assert got is not None
    assert len(got.points_mm) == 200_000


def test_frames_are_never_torn_while_the_writer_is_faster_than_the_reader() -> None:
    writer = Writer()
    writer.write(frame(20_000, 0))
    assert writer.path is not None
    reader, stop = Reader(writer.path), threading.Event()

    def write() -> None:
        tick = 0
        while not stop.is_set():
            tick += 1
            writer.write(frame(20_000, tick))

    thread = threading.Thread(target=write)
    thread.start()
    whole = 0
    for _ in range(200):
        got = reader.newest()
        if got is not None:
            whole += 1
            assert (got.points_mm == got.tick).all()
            assert (got.strain == got.tick).all()
            assert (got.carried_mm["Tumour ä/1"] == got.tick).all()
    stop.set()
    thread.join()
    assert whole > 0
