"""A project as a script: what a hand did is done again by the lines that say it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.model import Segmentation, Volume
from organtwin.script import Lines, Twin, script_of
from organtwin.space import Grid


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    grid = Grid.make((24, 22, 16), (1.0, 1.2, 2.0), (-10.0, 4.0, 30.0))
    k, j, i = np.indices(grid.shape)
    ball = (i - 12) ** 2 + (j - 11) ** 2 + (2 * (k - 8)) ** 2 < 60
    values = np.where(ball, 150, -50).astype(np.int16)
    return export(Volume(name="scan", grid=grid, values=values, modality="CT"), tmp_path / "scan.nii.gz")


def worked(twin: Twin, scan: Path) -> None:
    volume = twin.run("import", sources=[str(scan)])
    found = twin.run("segment", volume=volume, engine="threshold", options={"key": "liver", "low": 100, "high": 300})
    for n in range(3):
        at = list(map(float, volume.grid.to_world((4 + 6 * n, 5, 8))))
        found = twin.run("edit", segmentation=found, volume=volume, tool="paint", segment="liver",
                         options={"points_mm": [at], "radius_mm": 2.5, "values": [-100, 0]})  # fmt: skip
    twin.undo()
    twin.rename(twin[found.name], "corrected")
    twin.remove(twin[volume.name])


def test_the_script_of_a_project_makes_the_same_voxels_again(tmp_path: Path, scan: Path) -> None:
    with Twin.create(tmp_path / "a.otwin") as twin:
        worked(twin, scan)
        before = twin["corrected"]
        text = script_of(twin.document.project)
    assert text.count("tool='paint'") == 2
    assert str(scan) not in text
    text = text.replace("again.otwin", str(tmp_path / "b.otwin")).replace("sources=[...]", f"sources=[{str(scan)!r}]")
    scope: dict[str, Twin] = {}
    exec(compile(text, "script", "exec"), scope)
    with scope["twin"] as again:
        (after,) = again.all("segmentation")
        assert again.all("volume") == []
    assert isinstance(before, Segmentation)
    assert isinstance(after, Segmentation)
    assert after.name == "corrected"
    np.testing.assert_array_equal(after.labels, before.labels)
    assert after.segments == before.segments


def test_every_act_is_said_as_it_is_done(tmp_path: Path, scan: Path) -> None:
    with Twin.create(tmp_path / "a.otwin") as twin:
        lines = Lines(twin.document)
        worked(twin, scan)
        said = [line.partition("(")[0] for line in lines.all]
        assert said == ["volume = twin.run", "segmentation = twin.run", *["segmentation = twin.run"] * 3,
                        "twin.undo", "twin.rename", "twin.remove"]  # fmt: skip
        assert Lines(twin.document).all == lines.all[:4] + lines.all[6:]


def test_an_unknown_parameter_is_one_sentence_and_starts_nothing(tmp_path: Path, scan: Path) -> None:
    with Twin.create(tmp_path / "a.otwin") as twin:
        with pytest.raises(BadInput, match="Unknown key 'colour'"):
            twin.run("import", sources=[str(scan)], colour="red")
        with pytest.raises(BadInput, match="no object 'liver'"):
            twin["liver"]
        assert twin.all() == []


def test_an_edited_segmentation_is_not_stale_but_what_was_made_from_it_before_is(tmp_path: Path, scan: Path) -> None:
    with Twin.create(tmp_path / "a.otwin") as twin:
        volume = twin.run("import", sources=[str(scan)])
        found = twin.run(
            "segment", volume=volume, engine="threshold", options={"key": "liver", "low": 100, "high": 300}
        )
        surface = twin.run("surface", segmentation=found, structures=["liver"])
        at = list(map(float, volume.grid.to_world((5, 5, 8))))
        stroke = {"tool": "paint", "segment": "liver", "options": {"points_mm": [at], "radius_mm": 3.0}}
        assert twin.document.stale() == set()
        for radius in (3.0, 4.0):
            stroke["options"] = {"points_mm": [at], "radius_mm": radius}
            found = twin.run("edit", segmentation=found, **stroke)
        assert twin.document.stale() == {surface.uuid}
        twin.undo()
        assert twin.document.stale() == {surface.uuid}
        twin.undo()
        assert twin.document.stale() == set()
