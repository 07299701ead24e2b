"""Whatever is done, undone, done again, closed, opened or killed: what is read back is what was there."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from organtwin.document import Document
from organtwin.document.workbench import Workbench
from organtwin.edit.edit import Edit
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation
from organtwin.space import Grid

GRID = Grid.make((12, 11, 9), (0.7, 0.7, 2.0), (5.0, -3.0, 40.0), np.diag([-1.0, 1.0, -1.0]))
POINT = tuple(GRID.centre_mm.tolist())
KEYS = ("s1", "s2", "s3")


def begun(folder: Path, segments: int = 254) -> Document:
    """A project with an empty segmentation; two more segments, and labels need two bytes."""
    document = Document.create(folder)
    table = tuple(Segment.of(n, f"s{n}", 0.0) for n in range(1, segments + 1))
    document.add([Segmentation(name="s", grid=GRID, labels=np.zeros(GRID.shape, np.uint8), segments=table)], "begin")
    return document


def bench_of(document: Document) -> Workbench:
    return document.workbench(document.entries("segmentation")[-1].uuid)


def stroke(n: int) -> Edit:
    """Some stroke; each number has its own."""
    rng = np.random.default_rng(n)
    ways = GRID.to_world(rng.uniform(0, np.array(GRID.size) - 1, (2, 3)))
    options = {"points_mm": ways.tolist(), "radius_mm": float(rng.uniform(0.5, 4)), "erase": bool(n % 4 == 3)}
    return Edit(tool="paint", segment=KEYS[n % 3], options=options)


def named(tool: str, segment: str = "", **options: Any) -> Edit:
    return Edit(tool=tool, segment=segment, options=options)


edits = st.one_of(
    st.integers(0, 99).map(stroke),
    st.sampled_from(
        [
            named("table", action="add", name="new"),
            named("table", "s1", action="rename", name="liver"),
            named("table", "s2", action="remove"),
            named("table", "s1", action="merge", into="s3"),
            named("table", "s3", action="lock"),
            named("table", "s3", action="unlock"),
            named("margin", "s1", margin_mm=1.0),
            named("islands", "s2", action="split"),
            named("combine", "new", action="union", others=["s1"]),
            named("cut-plane", "s3", point_mm=POINT, normal=(0.3, 1, 0), action="split"),
        ]
    ),
)
acts = st.one_of(edits, edits, st.sampled_from(["undo", "undo", "redo", "open"]))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(acts, min_size=4, max_size=14))
def test_any_way_through_edits_undo_redo_and_opening_reads_back_the_same(way: list[Edit | str]) -> None:
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent) / "a.otwin"
        document = begun(folder)
        bench = bench_of(document)
        states, at = [(bench.labels.copy(), bench.segments)], 0
        for act in way:
            match act:
                case "undo" if at > 0:
                    document.undo()
                    at -= 1
                case "redo" if at + 1 < len(states):
                    document.redo()
                    at += 1
                case "open":
                    document.close()
                    document = Document.open(folder)
                    bench = bench_of(document)
                case Edit():
                    version = bench.uuid
                    try:
                        bench.do(act)
                    except BadInput:
                        assert bench.uuid == version
                    if bench.uuid != version:
                        states[at + 1 :] = [(bench.labels.copy(), bench.segments)]
                        at += 1
            labels, table = states[at]
            np.testing.assert_array_equal(bench.labels, labels)
            assert bench.segments == table
            stored = document.project.load(bench.uuid)
            assert isinstance(stored, Segmentation)
            np.testing.assert_array_equal(stored.labels, labels)
            assert stored.segments == table
            counts = np.bincount(labels.ravel(), minlength=300)
            assert all(s.volume_mm3 == pytest.approx(counts[s.label] * GRID.voxel_volume_mm3) for s in table)
        document.close()


PAINTS = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_workbench_crash import Document, bench_of, stroke
document = Document.open(Path(sys.argv[1]))
bench = bench_of(document)
for n in range(100000):
    before = bench.uuid
    bench.do(stroke(n))
    print(n, bench.uuid != before, flush=True)
"""


def test_a_killed_program_loses_at_most_the_last_stroke(tmp_path: Path) -> None:
    folder = tmp_path / "a.otwin"
    begun(folder).close()
    painter = subprocess.Popen(
        [sys.executable, "-c", PAINTS, str(folder), str(Path(__file__).parent)], stdout=subprocess.PIPE, text=True
    )
    assert painter.stdout is not None
    for told in painter.stdout:
        if told.startswith("25 "):
            time.sleep(0.003)
            painter.kill()
            break
    last = [told, *painter.stdout][-1]
    painter.wait()
    painter.stdout.close()
    done = int(last.split()[0]) + 1
    assert done >= 26

    fresh = begun(tmp_path / "b.otwin")
    bench = bench_of(fresh)
    for n in range(done):
        bench.do(stroke(n))
    told_all = bench.labels.copy()
    while bench.do(stroke(done)).nothing:
        done += 1
    one_more = bench.labels.copy()
    fresh.close()

    again = Document.open(folder)
    found = bench_of(again)
    assert any(np.array_equal(found.labels, wanted) for wanted in (told_all, one_more))
    again.undo()
    again.redo()
    found.do(named("table", "s1", action="rename", name="goes on"))
    again.close()
