"""A batch that is killed at any place and run again: nothing is done twice, nothing is lost."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from organtwin.batch.folder import BatchFolder
from organtwin.io.export import export
from organtwin.model import Volume
from organtwin.space import Grid

pytest.importorskip("distributed")

PROTOCOL = """
name: balls
steps:
  - do: segment
    name: ball
    with: {engine: threshold, options: {key: liver, low: 50}}
"""


def studies(folder: Path, count: int) -> None:
    """Balls of growing size."""
    folder.mkdir()
    k, j, i = np.indices((24, 24, 24)) - 11.5
    for n in range(count):
        values = np.where(k**2 + j**2 + i**2 < (5 + n / 4) ** 2, 100, -50).astype(np.int16)
        export(
            Volume(name=f"ball {n}", grid=Grid.make((24, 24, 24), (2, 2, 2)), values=values), folder / f"ball{n}.nii.gz"
        )


@pytest.fixture
def place(tmp_path: Path) -> Path:
    studies(tmp_path / "in", 3)
    (tmp_path / "protocol.yaml").write_text(PROTOCOL)
    return tmp_path


def start(place: Path, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "organtwin.cli.main", "batch", str(place / "in"), "-o", str(place / "out"),
               "--protocol", str(place / "protocol.yaml"), "--json", *more]  # fmt: skip
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests that run in the background ignore it
    )  # fmt: skip


def finished(process: subprocess.Popen[str]) -> dict[str, object]:
    out, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    return dict(json.loads(out))


def processes(*words: str) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if all(word in line for word in words):
            found.append(int(folder.name))
    return found


def seen(condition: object, within_s: float = 90) -> None:
    until = time.monotonic() + within_s
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < until, "it did not come to that"
        time.sleep(0.05)


def done(place: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    """The objects of each finished study: other ones when it was done again."""
    return {o.id: o.objects for o in BatchFolder(place / "out").outcomes() if o.status == "done"}


def rows(place: Path) -> list[dict[str, str]]:
    with (place / "out" / "table.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[str]]]:
    started: list[subprocess.Popen[str]] = []
    yield started
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_a_batch_whose_command_was_killed_goes_on_and_does_nothing_twice(
    place: Path, ended: list[subprocess.Popen[str]]
) -> None:
    first = start(place)
    ended.append(first)
    seen(lambda: len(done(place)) >= 1)
    first.kill()
    first.communicate()
    seen(lambda: not processes("organtwin.batch.study", str(place)), 20)  # its studies end with it
    before = done(place)
    assert 1 <= len(before) < 3
    summary = finished(start(place))
    assert (summary["done"], summary["failed"], summary["ran"]) == (3, 0, 3 - len(before))
    after = done(place)
    assert {name: after[name] for name in before} == before
    assert finished(start(place))["ran"] == 0
    volumes = sorted(float(row["liver_ml"]) for row in rows(place))
    assert len(volumes) == 3
    assert len(set(volumes)) == 3


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_study_cost_nothing(place: Path, ended: list[subprocess.Popen[str]]) -> None:
    process = start(place)
    ended.append(process)
    seen(lambda: processes("organtwin.batch.study", str(place)))
    study = processes("organtwin.batch.study", str(place))[0]
    worker = int(Path(f"/proc/{study}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(study, signal.SIGKILL)
    seen(lambda: [p for p in processes("organtwin.batch.study", str(place)) if p != study])
    os.kill(worker, signal.SIGKILL)
    summary = finished(process)
    assert (summary["done"], summary["failed"]) == (3, 0)


@pytest.mark.slow
def test_ctrl_c_stops_within_seconds_and_keeps_what_is_done(place: Path, ended: list[subprocess.Popen[str]]) -> None:
    process = start(place)
    ended.append(process)
    seen(lambda: processes("organtwin.batch.study", str(place)))
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    process.communicate(timeout=180)
    assert process.returncode == 5
    seen(lambda: not processes("organtwin.batch.study", str(place)), 10)
    assert (place / "out" / "table.csv").exists()
