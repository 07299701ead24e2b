"""The tools of the workbench on the command line: each edit a version that can be undone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from organtwin.cli import commands  # noqa: F401  # fills the application
from organtwin.cli.base import app
from organtwin.document import Document
from organtwin.edit.tool import names
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

GRID = Grid.make((20, 18, 12), (1.0, 1.0, 2.0))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[2:6, 2:8, 2:8] = 1
    labels[9, 9, 9] = 1
    volume = Volume(name="scan", grid=GRID, values=np.arange(labels.size, dtype=np.int16).reshape(GRID.shape))
    elsewhere = Volume(name="later", grid=Grid.make((3, 3, 3), (1, 1, 1)), values=np.zeros((3, 3, 3), np.int16))
    with_liver = Segmentation(name="s", grid=GRID, labels=labels, segments=(Segment.of(1, "liver", 290.0),))
    document = Document.create(tmp_path / "a.otwin")
    document.add([volume, with_liver, elsewhere], "begin")
    document.close()
    return tmp_path / "a.otwin"


def run(*arguments: object) -> str:
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    if done.exception is not None:
        raise done.exception
    return done.output


def labels_of(project: Path, undo: int = 0) -> np.ndarray:
    document = Document.open(project)
    for _ in range(undo):
        document.undo()
    found = document.get(document.entries("segmentation")[-1].uuid)
    assert isinstance(found, Segmentation)
    labels = np.array(found.labels)
    document.close()
    return labels


def test_an_edit_becomes_the_next_version_and_can_be_undone(project: Path) -> None:
    before = labels_of(project)
    (told,) = json.loads(run("edit", project, "--tool", "islands", "--segment", "liver", "--json"))
    assert told["segments"][0]["volume_mm3"] == 288.0
    assert labels_of(project)[9, 9, 9] == 0
    np.testing.assert_array_equal(labels_of(project, undo=1), before)


def test_rules_hold_and_the_scan_on_the_same_grid_is_found(project: Path) -> None:
    rules = json.dumps({"inside": ["liver"]})
    run("edit", project, "--tool", "table", "--options", '{"action": "add", "name": "hot"}')
    asked = ("--tool", "threshold", "--segment", "hot", "--options", '{"values": [1000, null]}')
    run("edit", project, *asked, "--rules", rules)
    labels = labels_of(project)
    values = np.arange(labels.size).reshape(labels.shape)
    np.testing.assert_array_equal(labels == 2, (values >= 1000) & (labels > 0))


def test_what_cannot_be_done_is_said(project: Path) -> None:
    for arguments, said in (
        (("--tool", "knit"), "no tool 'knit'"),
        (("--tool", "islands", "--segment", "lung_left"), "no segment 'lung_left'"),
        (("--tool", "islands", "--segment", "liver", "--options", '{"x": 1}'), "Unknown key 'x'"),
        (("--tool", "islands", "--segment", "liver", "--rules", '{"over": "all"}'), "rules"),
        (("--tool", "islands", "--segment", "liver", "--options", "{"), "not JSON"),
    ):
        with pytest.raises(BadInput, match=said):
            run("edit", project, *arguments)
    assert "Nothing has changed" in run("edit", project, "--tool", "fill-holes", "--segment", "liver")


def test_the_tools_are_listed_with_their_options() -> None:
    listed = run("tools")
    assert all(name in listed for name in names())
    assert "margin_mm" in run("tools", "margin")
    schemas = json.loads(run("tools", "--json"))
    assert {s["name"] for s in schemas} == set(names())
