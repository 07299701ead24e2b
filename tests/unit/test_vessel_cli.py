"""What the command "vessel" says and writes."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from organtwin.cli import vessel
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.operations.registry import find
from organtwin.space import Grid


@pytest.fixture(scope="module")
def narrowed():
    grid = Grid.make((30, 30, 60), (1.0, 1.0, 1.5))
    k, j, i = np.indices(grid.shape)
    z = 1.5 * k
    radius = 6.0 - 3.0 * np.where(np.abs(z - 45) < 8, 0.5 * (1 + np.cos(np.pi * (z - 45) / 8)), 0.0)
    inside = np.hypot(i - 14.7, j - 15.2) < radius
    volume = Volume(name="v", grid=grid, values=np.where(inside, 300, 40).astype(np.int16), modality="CT")
    segmentation = Segmentation(
        name="s", grid=grid, labels=inside.astype(np.uint8), segments=(Segment.of(1, "aorta", 0.0),)
    )
    (line,) = find("vessel")({"segmentation": segmentation})
    return volume, line


def test_a_stenosis_is_told_in_one_sentence_with_its_numbers(narrowed):
    (said,) = vessel.findings(narrowed[1])
    assert said.startswith("Stenosis of aorta")
    assert "50 % by diameter" in said or "49 % by diameter" in said or "51 % by diameter" in said


def test_the_table_has_a_row_for_each_point(narrowed, tmp_path):
    line = narrowed[1]
    vessel.write_table(line, None, tmp_path / "a.csv")
    with (tmp_path / "a.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == len(line.points_mm)
    assert float(rows[len(rows) // 4]["diameter_mm"]) == pytest.approx(12.0, abs=0.4)


def test_the_reformat_is_a_picture(narrowed, tmp_path):
    for stretched in (False, True):
        vessel.write_reformat(*narrowed, None, 30.0, stretched, tmp_path / "a.png")
        assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


def test_a_place_that_cannot_be_written_is_one_sentence(narrowed, tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        vessel.write_table(narrowed[1], None, tmp_path / "none" / "a.csv")
