"""Curved reformats and cross-sections of a bent vessel, measured in the picture."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.operations.registry import find
from organtwin.space import Grid
from organtwin.vessel.reformat import cross_section, curved


@pytest.fixture(scope="module")
def bent():
    """A quarter of a ring of radius 40 mm, 8 mm wide, bright; and a small bright ball beside it to its outer side."""
    a = np.linspace(0, np.pi / 2, 600)
    points = np.stack([40 * np.cos(a), np.zeros_like(a), 40 * np.sin(a)], axis=1)
    grid = Grid.make((70, 30, 70), (0.9, 0.9, 0.9), (-8, -13.3, -8))
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in grid.size), indexing="ij"), axis=-1).reshape(-1, 3)
    world = grid.to_world(voxels)
    away = cKDTree(points).query(world)[0].reshape(grid.size).transpose(2, 1, 0)
    ball = np.linalg.norm(world - 48 / np.sqrt(2) * np.array([1, 0, 1]), axis=1).reshape(grid.size).transpose(2, 1, 0)
    values = 300 / (1 + np.exp((away - 4) / 0.4)) + 500 * (ball < 1.5)
    volume = Volume(name="v", grid=grid, values=values.astype(np.int16), modality="CT")
    labels = (away < 4).astype(np.uint8)
    segmentation = Segmentation(name="s", grid=grid, labels=labels, segments=(Segment.of(1, "vessel", 0.0),))
    (line,) = find("vessel")({"segmentation": segmentation})
    return volume, line


@pytest.mark.parametrize("angle", [0.0, 37.0, 90.0, 210.0])
def test_a_straightened_vessel_is_a_straight_band_of_its_diameter_at_every_angle(bent, angle):
    volume, line = bent
    made = curved(volume, line, angle_deg=angle)
    rows = slice(len(made.image) // 4, 3 * len(made.image) // 4)
    width = (made.image[rows] > 150)[:, (made.image.shape[1] // 2 - 40) : (made.image.shape[1] // 2 + 40)].sum(axis=1)
    assert width.mean() * made.pixel_mm == pytest.approx(8.0, abs=0.5)
    assert (made.far - made.near)[rows].mean() * made.pixel_mm == pytest.approx(8.0, abs=0.3)
    assert len(made.image) * made.pixel_mm == pytest.approx(line.distance_mm[-1], rel=0.02)


def test_a_place_in_the_picture_is_a_place_in_the_patient(bent):
    volume, line = bent
    made = [curved(volume, line, angle_deg=a, kind=k) for k in ("straightened", "stretched") for a in (0, 90, 180, 270)]
    seen = [(m, int(m.image.argmax())) for m in made if m.image.max() > 450]
    assert seen
    for one, at in seen:
        place = one.world(*np.unravel_index(at, one.image.shape))
        assert np.linalg.norm(place - 48 / np.sqrt(2) * np.array([1, 0, 1])) < 2.5


def test_the_wall_of_a_stretched_vessel_lies_on_its_edge_in_the_picture(bent):
    volume, line = bent
    made = curved(volume, line, kind="stretched", angle_deg=45)
    for row in range(len(made.image) // 4, 3 * len(made.image) // 4, 20):
        for column in (made.near[row], made.far[row]):
            assert made.image[row, int(np.clip(column, 0, made.image.shape[1] - 1))] == pytest.approx(150, abs=120)


def test_a_cross_section_shows_a_round_vessel_with_its_outline(bent):
    volume, line = bent
    middle = len(line.points_mm) // 4
    made = cross_section(volume, line, middle, width_mm=20)
    area = np.count_nonzero(made.image > 150) * made.pixel_mm**2
    assert area == pytest.approx(np.pi * 16, rel=0.06)
    assert made.least_mm == pytest.approx(8, abs=0.3)
    assert np.hypot(*(made.outline - 127.5).T).mean() * made.pixel_mm == pytest.approx(4, abs=0.15)
    assert np.cross(made.right, made.down) @ np.asarray(line.tangent[middle]) == pytest.approx(
        np.sign(np.cross(made.right, made.down) @ np.asarray(line.tangent[middle])), abs=1e-6
    )


def test_an_unknown_branch_is_named_with_those_there_are(bent):
    volume, line = bent
    with pytest.raises(BadInput, match="no branch 'iliac'"):
        curved(volume, line, "iliac")
