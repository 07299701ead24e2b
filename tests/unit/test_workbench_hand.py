"""The hand in a process of its own: the newest question counts, it stops when told, and its death loses nothing."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.document import Document
from organtwin.document.workbench import Answer, Failed, Workbench
from organtwin.edit.edit import Edit
from organtwin.errors import BadInput
from organtwin.jobs.process import born
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

GRID = Grid.make((20, 18, 12), (1.0, 1.0, 2.0), (5.0, -3.0, 40.0))


@pytest.fixture(scope="module")
def same_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """One for all tests: a process takes seconds to begin."""
    document = Document.create(tmp_path_factory.mktemp("hand") / "a.otwin")
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:6, 2:8, 2:8] = 1
    labels[9, 9, 9] = 1
    labels[2:6, 12:16, 2:8] = 2
    volume = Volume(name="scan", grid=GRID, values=np.arange(labels.size, dtype=np.int16).reshape(GRID.shape))
    table = [Segment.of(n, key, float((labels == n).sum() * 2)) for n, key in ((1, "liver"), (2, "spleen"))]
    document.add([volume, Segmentation(name="s", grid=GRID, labels=labels, segments=tuple(table))], "begin")
    yield document.workbench(document.entries("segmentation")[-1].uuid)
    document.close()


@pytest.fixture
def bench(same_bench: Workbench) -> Workbench:
    while same_bench.document.undo_label != "begin":
        same_bench.document.undo()
    assert (same_bench.labels == 1).sum() == 145
    return same_bench


def edit(tool: str, segment: str = "liver", **options: Any) -> Edit:
    return Edit(tool=tool, segment=segment, options=options)


def heard(bench: Workbench, patience_s: float = 60.0) -> list[Answer | Failed]:
    """All that comes until nothing is awaited."""
    got: list[Answer | Failed] = []
    stop = [bench.answered.connect(got.append), bench.failed.connect(got.append)]
    end = time.monotonic() + patience_s
    while bench.poll() and time.monotonic() < end:
        time.sleep(0.01)
    for each in stop:
        each()
    assert not bench.busy
    return got


def pid_of(bench: Workbench) -> int:
    assert bench._hand is not None
    assert bench._hand.pid is not None
    return bench._hand.pid


def test_the_hand_does_what_would_be_done_here(bench: Workbench) -> None:
    volume = bench.document.entries("volume")[0].uuid
    bench.ask(edit("threshold", values=(1000, float("inf"))), volume)
    (answer,) = heard(bench)
    assert isinstance(answer, Answer)
    there, table = bench.labels.copy(), bench.segments
    bench.document.undo()
    bench.do(edit("threshold", values=(1000, float("inf"))), volume)
    np.testing.assert_array_equal(bench.labels, there)
    assert bench.segments == table
    assert (there == 1).any()


def test_a_preview_is_not_done_until_it_is_accepted(bench: Workbench) -> None:
    before, version = bench.labels.copy(), bench.uuid
    bench.preview(edit("islands"))
    (answer,) = heard(bench)
    assert isinstance(answer, Answer)
    np.testing.assert_array_equal(bench.labels, before)
    assert bench.uuid == version
    bench.accept(answer)
    assert bench.labels[9, 9, 9] == 0
    with pytest.raises(BadInput, match="has changed since"):
        bench.accept(answer)
    bench.document.undo()
    np.testing.assert_array_equal(bench.labels, before)


def test_of_many_questions_the_newest_is_answered(bench: Workbench) -> None:
    for margin in (1.0, 2.0, 3.0, 4.0):
        bench.preview(edit("margin", margin_mm=margin))
    (answer,) = heard(bench)
    assert answer.question.edit.options == {"margin_mm": 4.0}


def test_an_answer_is_of_the_labels_as_they_are_now(bench: Workbench) -> None:
    bench.ask(edit("islands"))
    bench.do(edit("paint", points_mm=[GRID.to_world((15, 4, 4)).tolist()], radius_mm=2.5))
    bench.do(edit("table", action="rename", name="Hepar"))
    (answer,) = heard(bench)
    assert isinstance(answer, Answer)
    assert answer.done.said.startswith("2 of 3 islands")
    assert bench.segments[0].name == "Hepar"
    assert bench.labels[4, 4, 15] == 0


def test_what_the_tool_refuses_is_told_and_changes_nothing(bench: Workbench) -> None:
    before = bench.labels.copy()
    for wrong, said in (
        (edit("islands", action="keep-at"), "Give the point"),
        (edit("islands", "lung_left"), "no segment 'lung_left'"),
        (edit("islands", size=2), "Unknown key 'size'"),
        (edit("knit"), "no tool 'knit'"),
    ):
        bench.ask(wrong)
        (failed,) = heard(bench)
        assert isinstance(failed, Failed)
        assert isinstance(failed.error, BadInput)
        assert said in failed.error.sentence
    np.testing.assert_array_equal(bench.labels, before)


def test_a_hand_that_is_killed_is_told_once_and_the_next_question_is_answered(bench: Workbench) -> None:
    before = bench.labels.copy()
    bench.ask(edit("islands"))
    os.kill(pid_of(bench), signal.SIGKILL)
    (failed,) = heard(bench)
    assert isinstance(failed, Failed)
    assert "nothing has changed" in failed.error.sentence
    assert failed.error.sentence.count(".") == 2
    np.testing.assert_array_equal(bench.labels, before)
    bench.ask(edit("islands"))
    (answer,) = heard(bench)
    assert isinstance(answer, Answer)
    os.kill(pid_of(bench), signal.SIGKILL)  # while nobody asks
    time.sleep(0.1)
    assert heard(bench) == []
    bench.preview(edit("margin", margin_mm=2))
    assert isinstance(heard(bench)[0], Answer)


@pytest.mark.slow
def test_a_hand_that_does_not_listen_is_ended(bench: Workbench) -> None:
    bench.preview(edit("islands"))
    heard(bench)
    deaf = pid_of(bench)
    os.kill(deaf, signal.SIGSTOP)
    time.sleep(0.3)
    bench.preview(edit("islands"))
    bench.stop()
    assert not bench.busy
    end = time.monotonic() + 20
    while born(deaf) is not None and time.monotonic() < end:
        bench.poll()
        time.sleep(0.01)
    assert born(deaf) is None
    bench.ask(edit("islands"))
    assert isinstance(heard(bench)[0], Answer)


@pytest.mark.slow
def test_a_newer_question_goes_to_another_hand_when_the_first_is_deaf(bench: Workbench) -> None:
    bench.preview(edit("islands"))
    heard(bench)
    os.kill(pid_of(bench), signal.SIGSTOP)
    time.sleep(0.3)
    bench.preview(edit("islands"))
    bench.preview(edit("margin", margin_mm=2))
    (answer,) = heard(bench)
    assert isinstance(answer, Answer)
    assert answer.question.edit.tool == "margin"


def test_after_the_256th_segment_the_hand_sees_the_wider_labels(bench: Workbench) -> None:
    bench.preview(edit("islands"))
    heard(bench)
    bench.do(edit("table", "", action="add", name="x"))
    table = tuple(Segment.of(n, f"s{n}", 0.0) for n in range(3, 256))
    bench.segments = (*bench.segments[:2], *table)
    bench.do(edit("table", "", action="add", name="last"))
    assert bench.labels.dtype == np.uint16
    bench.ask(edit("combine", "last", action="union", others=["liver"]))
    assert isinstance(heard(bench)[0], Answer)
    assert (bench.labels == 256).sum() == 145
    bench.document.undo()
    bench.document.undo()
    assert (bench.labels == 1).sum() == 145


LIVES = """
import sys, time
from pathlib import Path
from organtwin.document import Document
document = Document.open(Path(sys.argv[1]))
bench = document.workbench(document.entries("segmentation")[-1].uuid)
bench.warm()
print(bench._hand.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_the_hand_does_not_outlive_the_window(bench: Workbench, tmp_path: Path) -> None:
    folder = tmp_path / "copy.otwin"
    shutil.copytree(bench.document.project.folder, folder, ignore=shutil.ignore_patterns("lock"))
    window = subprocess.Popen([sys.executable, "-c", LIVES, str(folder)], stdout=subprocess.PIPE, text=True)
    assert window.stdout is not None
    hand = int(window.stdout.readline())
    assert born(hand) is not None
    window.kill()
    window.wait()
    window.stdout.close()
    end = time.monotonic() + 20
    while born(hand) is not None and time.monotonic() < end:
        time.sleep(0.05)
    assert born(hand) is None
