"""Vessels from clicks: in noise, beside bone, through a stenosis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Volume
from organtwin.operations.registry import find
from organtwin.space import Grid

GRID = Grid.make((60, 60, 60), (0.8, 0.8, 1.2), (-24.0, -24.0, 0.0))


def lines():
    """A vessel that swings about, a branch of it, and a rod of bone that comes near."""
    z = np.linspace(-2, 74, 800)
    main = np.stack([8 * np.sin(z / 14), 5 * np.cos(z / 17), z], axis=1)
    t = np.linspace(0, 22, 200)
    branch = main[400] + t[:, None] * np.array([0.8, 0.55, 0.23])
    bone = np.stack([main[:, 0] - 9.0, main[:, 1], z], axis=1)
    return main, branch, bone


@pytest.fixture(scope="module")
def scene():
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in GRID.size), indexing="ij"), axis=-1).reshape(-1, 3)
    world = GRID.to_world(voxels)

    def near(line, radius):
        away, at = cKDTree(line).query(world)
        return (away < np.broadcast_to(radius, len(line))[at]).reshape(GRID.size).transpose(2, 1, 0)

    main, branch, bone = lines()
    radius = np.full(len(main), 3.0)
    radius[500:560] = 1.6
    trunk, side, rod = near(main, radius), near(branch, 2.0), near(bone, 4.0)
    values = np.full(GRID.shape, 45.0)
    values[rod] = 900
    values[trunk | side] = 350
    values = gaussian_filter(values, 0.5) + np.random.default_rng(1).normal(0, 15, GRID.shape)
    return Volume(name="v", grid=GRID, values=values.astype(np.int16), modality="CT"), trunk, side, rod


def segmented(volume, points, **more):
    (made,) = find("segment")({"volume": volume}, {"engine": "vessel", "options": {"points_mm": points, **more}})
    return made


def dice(a, b):
    return 2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b))


def test_two_clicks_give_the_vessel_between_them_without_branch_and_bone(scene):
    volume, trunk, _, rod = scene
    main = lines()[0]
    made = segmented(volume, [tuple(main[60]), tuple(main[740])])
    mask = np.asarray(made.labels) > 0
    between = (np.arange(GRID.size[2]) * 1.2 > main[60, 2] + 2) & (np.arange(GRID.size[2]) * 1.2 < main[740, 2] - 2)
    assert dice(mask[between], trunk[between]) > 0.9
    assert np.count_nonzero(mask & rod) < 0.01 * mask.sum()
    assert made.segments[0].confidence > 0.6


def test_one_click_follows_the_vessel_and_its_branch_and_stays_out_of_bone(scene):
    volume, trunk, side, rod = scene
    made = segmented(volume, [tuple(lines()[0][300])])
    mask = np.asarray(made.labels) > 0
    assert dice(mask, trunk | side) > 0.85
    assert np.count_nonzero(mask & rod & ~trunk & ~side) < 0.02 * mask.sum()


def test_reach_ends_the_tree_and_says_so(scene):
    volume, trunk, _, _ = scene
    made = segmented(volume, [tuple(lines()[0][300])], reach_mm=15)
    assert np.count_nonzero(np.asarray(made.labels)) < 0.7 * trunk.sum()
    assert "beyond the reach" in made.segments[0].doubt


def test_clicks_in_tissue_and_outside_are_refused_with_their_number(scene):
    volume, *_ = scene
    with pytest.raises(BadInput, match="Click 2 is not in a bright vessel"):
        segmented(volume, [tuple(lines()[0][60]), (20.0, 20.0, 60.0)])
    with pytest.raises(BadInput, match="Click 1 lies outside"):
        segmented(volume, [(200.0, 0.0, 0.0)])


def test_two_vessels_that_nothing_joins_are_refused(scene):
    volume, *_ = scene
    values = np.asarray(volume.values).copy()
    values[25:40] = 45
    with pytest.raises(BadInput, match="No bright vessel leads"):
        segmented(volume.with_(values=values), [tuple(lines()[0][60]), tuple(lines()[0][740])])
