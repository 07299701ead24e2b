"""The tissue way on the command line: rehearse, replay, check and deform, and how each refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from organtwin_solvers.validation.block import block

from organtwin.document import Document
from organtwin.model import Surface

sys.path.insert(0, str(Path(__file__).parent))
from test_cli import made, organtwin

HELD = {"fixed": [{"boundary": "z0"}]}


def pose(tick: float, x: float, y: float, z: float) -> list[float]:
    return [tick, x, y, z, 0, 0, -1, 0, -1, 0]


def step(tick: int, do: str, **what: object) -> dict:
    return {"tick": tick, "command": {"do": do, **what}}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A block of tissue that carries a ball of a tumour, and a block of which one cell is inside out."""
    folder = tmp_path_factory.mktemp("tissue") / "block.otwin"
    good = block((4, 4, 3), (24.0, 24.0, 12.0)).with_(uuid=str(uuid4()), name="block", structure="liver")
    tets = np.array(good.tets)
    tets[-1] = tets[-1, [1, 0, 2, 3]]
    bad = good.with_(uuid=str(uuid4()), name="inside out", tets=tets)
    document = Document.create(folder)
    document.add([good, bad, _ball()], "made")
    document.close()
    return folder


def _ball() -> Surface:
    from skimage.measure import marching_cubes

    grid = np.linspace(-1.3, 1.3, 14)
    r = np.sqrt(sum(a**2 for a in np.meshgrid(grid, grid, grid, indexing="ij")))
    points, triangles, *_ = marching_cubes(r, 1.0, spacing=(grid[1] - grid[0],) * 3)
    middle = points.mean(axis=0)
    return Surface(
        name="Tumour",
        structure="tumour",
        points_mm=3.5 * (points - middle) + [12.0, 12.0, 7.0],
        triangles=np.ascontiguousarray(triangles[:, ::-1], np.int32),
    )


def written(folder: Path, data: dict) -> Path:
    file = folder / "told.json"
    file.write_text(json.dumps(data))
    return file


def test_a_script_is_rehearsed_told_replayed_and_checked(project, tmp_path):
    script = {
        "scene": {**HELD, "gravity": [0, 1, 0]},
        "steps": [
            step(0, "take", tool="ball"),
            step(60, "lay", leave=True),
            step(61, "resect-plane", point_mm=[12, 12, 8], normal=[0, 0, 1]),
        ],
        "poses": [pose(t, 6, 6, 20 - t / 10) for t in range(40)],
        "ticks": 90,
    }
    done = organtwin(
        "rehearse",
        project,
        written(tmp_path, script),
        "--mesh",
        "block",
        "--inside",
        "tumour",
        "--name",
        "whole",
        "--json",
    )
    rehearsal, mesh, result = json.loads(done.stdout)
    assert [rehearsal["kind"], mesh["kind"], result["kind"]] == ["rehearsal", "mesh", "result"]
    assert "tick 61:" in done.stderr  # what was said to the surgeon
    kept = {q["name"]: q["value"] for q in rehearsal["quantities"]}
    assert kept["resected volume"] + kept["remnant volume"] == pytest.approx(24 * 24 * 12 / 1e3, rel=1e-3)
    assert "the same to the last bit" in organtwin("replay", project, "whole").stderr
    checked = made("rehearsal-check", project, "whole")[-1]
    deviation = next(q for q in checked["quantities"] if q["name"] == "deviation of the rehearsal")
    assert 0 <= deviation["value"] < 0.5


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"poses": [[0, 1, 2, 3]]}, "pose 0 has 4 numbers; it needs 10"),
        ({"colour": "red"}, "Unknown key 'script.colour'"),
        ({"steps": [step(0, "take"), step(2, "close")]}, "no grasper in hand (step 2, close at tick 2)"),
    ],
)
def test_a_script_that_cannot_be_meant_is_one_sentence(project, tmp_path, change, says):
    script = written(tmp_path, {"scene": HELD, "ticks": 3, **change})
    assert says in plain(organtwin("rehearse", project, script, "--mesh", "block", code=3).stderr)


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        ("rehearse", ("--mesh", "inside out"), "inverted tetrahedra"),
        ("rehearse", ("--mesh", "block", "--inside", "spleen"), "no surface 'spleen'"),
        ("deform", ("--mesh", "inside out"), "inverted"),
    ],
)
def test_what_the_project_cannot_give_is_one_sentence(project, tmp_path, command, arguments, says):
    told = {"rehearse": {"scene": HELD}, "deform": {**HELD, "gravity": [0, 1, 0]}}[command]
    assert says in plain(organtwin(command, project, written(tmp_path, told), *arguments, code=3).stderr)


def plain(text: str) -> str:
    """Without the line breaks of the terminal."""
    return " ".join(text.split())
