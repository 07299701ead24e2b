"""Vessels of known shape, measured: diameters, stenoses and aneurysms, forks, and what is no vessel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Surface, Volume
from organtwin.operations.registry import find
from organtwin.space import Grid

TILTED = np.array([0.3, 0.2, 1.0]) / np.linalg.norm([0.3, 0.2, 1.0])
SPACING = (0.8, 0.8, 1.5)


def along(length, direction=TILTED, start=(0.0, 0.0, 0.0)):
    return np.asarray(start) + np.linspace(0, length, int(10 * length) + 1)[:, None] * direction


def tubes(*lines, spacing=SPACING, key="aorta", pad=6.0):
    """A segmentation of tubes: each line is (points, radii)."""
    points = np.concatenate([p for p, _ in lines])
    radii = np.concatenate([np.broadcast_to(r, len(p)) for p, r in lines])
    low, high = points.min(axis=0) - radii.max() - pad, points.max(axis=0) + radii.max() + pad
    size = np.ceil((high - low) / spacing).astype(int)
    grid = Grid.make(size, spacing, low)
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1).reshape(-1, 3)
    world = grid.to_world(voxels)
    inside = np.zeros(len(world), bool)
    for line, radius in lines:
        away, at = cKDTree(line).query(world)
        inside |= away < np.broadcast_to(radius, len(line))[at]
    labels = inside.reshape(size).transpose(2, 1, 0).astype(np.uint8)
    return Segmentation(name="tubes", grid=grid, labels=labels, segments=(Segment.of(1, key, 0.0),))


def measured(segmentation, volume=None, **parameters):
    inputs = {"segmentation": segmentation} | ({"volume": volume} if volume is not None else {})
    (line,) = find("vessel")(inputs, parameters)
    return line


@pytest.mark.parametrize(("radius", "within"), [(2.0, 0.08), (4.0, 0.05), (10.0, 0.04)])
def test_the_diameter_of_a_tilted_tube_on_uneven_voxels_is_met(radius, within):
    line = measured(tubes((along(70), radius)))
    clear = np.asarray(line.clear)
    assert line.diameter_mm[clear].mean() == pytest.approx(2 * radius, abs=within)
    assert line.diameter_mm[clear].std() < 0.1
    assert np.asarray(line.circularity)[clear].min() > 0.97
    beside = np.linalg.norm(np.cross(np.asarray(line.points_mm)[clear], TILTED), axis=1)
    assert beside.max() < 0.15
    assert np.abs(np.asarray(line.tangent)[clear] @ TILTED).min() > 0.998
    assert not line.findings


def test_curvature_and_diameter_of_a_bend_are_those_of_its_circle():
    a = np.linspace(0, np.pi, 900)
    line = measured(tubes((np.stack([25 * np.cos(a), np.zeros_like(a), 25 * np.sin(a)], axis=1), 5.0)))
    clear = np.asarray(line.clear)
    assert np.median(np.asarray(line.curvature_per_mm)[clear]) == pytest.approx(1 / 25, rel=0.05)
    assert np.median(line.diameter_mm[clear]) == pytest.approx(10.0, abs=0.1)
    assert np.asarray(line.distance_mm)[clear].max() - np.asarray(line.distance_mm)[clear].min() < np.pi * 25


@pytest.mark.parametrize("percent", [30, 50, 70])
def test_a_stenosis_in_a_tapering_tube_is_graded(percent):
    s = along(160) @ TILTED
    radius = np.linspace(6.5, 5.5, len(s))
    near = np.abs(s - 80) < 12
    radius[near] *= 1 - percent / 100 * (1 + np.cos(np.pi * (s[near] - 80) / 12)) / 2
    (found,) = measured(tubes((along(160), radius))).findings
    assert found.what == "stenosis"
    assert found.percent_diameter == pytest.approx(percent, abs=1.5)
    assert found.percent_area == pytest.approx(100 * (1 - (1 - percent / 100) ** 2), abs=2.5)
    assert np.linalg.norm(np.asarray(found.point_mm) - 80 * TILTED) < 1.5
    assert 14 < found.length_mm < 24
    assert found.reference_mm == pytest.approx(12.0, abs=0.15)


@pytest.mark.parametrize(("ratio", "what"), [(1.35, "dilatation"), (2.0, "aneurysm"), (3.0, "aneurysm")])
def test_an_aneurysm_has_its_diameter_its_neck_and_its_volume(ratio, what):
    s = along(160) @ TILTED
    radius = np.full(len(s), 8.0)
    near = np.abs(s - 90) < 25
    radius[near] *= 1 + (ratio - 1) * (1 + np.cos(np.pi * (s[near] - 90) / 25)) / 2
    (found,) = measured(tubes((along(160), radius))).findings
    assert found.what == what
    assert found.ratio == pytest.approx(ratio, abs=0.03)
    assert found.diameter_mm == pytest.approx(16 * ratio, abs=0.4)
    assert found.neck_diameter_mm == pytest.approx(16, abs=0.2)
    assert found.neck_length_mm == pytest.approx(60, abs=25)
    inside = np.pi * radius[near] ** 2
    assert found.volume_mm3 == pytest.approx(np.trapezoid(inside, s[near]), rel=0.2)


def test_an_aorta_forks_into_its_iliac_arteries_and_keeps_their_diameters():
    down = np.array([0.0, 0.0, -1.0])
    left, right = np.array([0.5, -0.1, -0.86]), np.array([-0.5, -0.1, -0.86])
    fork = np.array([0.0, 0.0, -80.0])
    line = measured(tubes((along(80, down), 8.0), (along(60, left, fork), 5.0), (along(60, right, fork), 4.5)))
    assert [b.name for b in line.branches if not b.cap] == ["aorta"]
    assert {b.cap for b in line.branches if b.cap} == {"iliac_left", "iliac_right"}
    assert np.asarray(line.points_mm)[0][2] > -5
    for name, radius in (("aorta", 8.0), ("iliac_left", 5.0), ("iliac_right", 4.5)):
        branch = line.branches[line.named(name)]
        own = slice(branch.first, branch.last + 1)
        clear = np.asarray(line.clear)[own]
        assert np.median(line.diameter_mm[own][clear]) == pytest.approx(2 * radius, abs=0.2)
    assert not line.findings


def test_outlines_follow_the_half_way_value_of_the_scan_and_not_a_mask_that_is_too_large():
    truth, drawn = tubes((along(60), 5.0)), tubes((along(60), 5.0), pad=6.0)
    grid = drawn.grid
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in grid.size), indexing="ij"), axis=-1).reshape(-1, 3)
    away = cKDTree(along(60)).query(grid.to_world(voxels))[0].reshape(grid.size).transpose(2, 1, 0)
    share = 1 / (1 + np.exp((away - 5.0) / 0.5))
    volume = Volume(name="ct", grid=grid, values=(40 + 300 * share).astype(np.float32), modality="CT")
    wide = drawn.with_(labels=(away < 5.8).astype(np.uint8))
    assert truth.grid.same_as(grid)
    line = measured(wide, volume)
    clear = np.asarray(line.clear)
    assert line.diameter_mm[clear].mean() == pytest.approx(10.0, abs=0.1)
    rough = measured(wide)
    assert rough.diameter_mm[np.asarray(rough.clear)].mean() == pytest.approx(11.6, abs=0.1)


def test_a_surface_is_measured_as_a_mask_is():
    import pyvista

    tube = (
        pyvista.Line((0, 0, 0), (10, 5, 60), resolution=60)
        .tube(radius=4, n_sides=60, capping=True)
        .triangulate()
        .clean()
    )
    surface = Surface(
        name="t",
        structure="aorta",
        points_mm=np.asarray(tube.points, float),
        triangles=tube.faces.reshape(-1, 4)[:, 1:].astype(np.int32),
    )
    (line,) = find("vessel")({"surface": surface})
    assert line.surface == surface.uuid
    assert np.median(line.diameter_mm[np.asarray(line.clear)]) == pytest.approx(8.0, abs=0.08)


def test_of_a_vessel_in_pieces_the_largest_is_measured_and_a_note_says_so():
    line = measured(tubes((along(50), 4.0), (along(20, TILTED, (40, 0, 0)), 4.0)))
    assert any("in 2 pieces" in note for note in line.notes)


def test_a_vessel_two_voxels_wide_is_measured_with_a_warning():
    line = measured(tubes((along(60), 1.5)))
    assert any("uncertain" in note for note in line.notes)
    assert np.median(line.diameter_mm) == pytest.approx(3.0, abs=0.4)


def test_a_ball_is_no_vessel():
    with pytest.raises(BadInput, match="not a tube"):
        measured(tubes((np.zeros((1, 3)), 12.0)))


def test_a_closed_ring_is_no_vessel():
    a = np.linspace(0, 2 * np.pi, 1200)
    with pytest.raises(BadInput, match="ring"):
        measured(tubes((np.stack([25 * np.cos(a), 25 * np.sin(a), 0 * a], axis=1), 4.0)))


def test_a_structure_without_voxels_is_refused():
    empty = tubes((along(20), 3.0))
    with pytest.raises(BadInput, match="no voxels"):
        measured(empty.with_(labels=np.zeros_like(empty.labels)))


def test_one_thing_is_measured_at_a_time():
    with pytest.raises(BadInput, match="one thing"):
        find("vessel")({})
