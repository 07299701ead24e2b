"""Centrelines, openings and their names on vessels whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.mesh.label_surface import label_surfaces
from organtwin.model import Segment, Segmentation
from organtwin.space import Grid
from organtwin.vessel import centerline, naming, openings
from organtwin.vessel.polyline import even
from organtwin.vessel.section import section


def tubes(lines, size, spacing=(1.0, 1.0, 1.0), key="aorta"):
    """A segmentation of round tubes: each line is (points (n, 3) mm, radius or radii)."""
    grid = Grid.make(size, spacing)
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in size), indexing="ij"), axis=-1).reshape(-1, 3)
    world = grid.to_world(voxels)
    inside = np.zeros(len(world), bool)
    for points, radius in lines:
        fine = even(np.asarray(points, float), 0.5)
        radii = np.interp(np.linspace(0, 1, len(fine)), np.linspace(0, 1, np.size(radius)), np.atleast_1d(radius))
        distance, at = cKDTree(fine).query(world)
        inside |= distance < radii[at]
    labels = inside.reshape(size).transpose(2, 1, 0).astype(np.uint8)
    return Segmentation(name="tubes", grid=grid, labels=labels, segments=(Segment.of(1, key, 0.0),))


def found_in(seg, key="aorta"):
    (surface,) = label_surfaces(seg, [key], alone=True)
    line = openings.with_surface(centerline.extract(surface.mask, surface.grid), surface.points_mm)
    ends, notes = openings.find(line, surface.points_mm, surface.triangles, surface.on_border)
    return surface, line, ends, notes


def test_the_line_of_a_straight_tube_lies_in_its_middle_with_its_radius():
    _, line, ends, _ = found_in(tubes([([(20, 20, -5), (20, 20, 70)], 8.0)], (40, 40, 64)))
    inner = line.points_mm[(line.points_mm[:, 2] > 12) & (line.points_mm[:, 2] < 52)]
    assert np.abs(inner[:, :2] - 20).max() < 0.6
    assert np.median(line.radii_mm) == pytest.approx(8.0, rel=0.06)
    assert len(ends) == 2
    for opening in ends:
        assert abs(opening.normal[2]) > 0.99
        assert opening.radius_mm == pytest.approx(8.0, rel=0.05)


def test_a_forking_vessel_has_three_ends_and_a_stub_has_none():
    trunk = ([(30, 30, 80), (30, 30, 40)], 8.0)
    left, right = ([(30, 30, 40), (50, 30, -5)], 5.0), ([(30, 30, 40), (10, 30, -5)], 5.0)
    stub = ([(30, 30, 60), (30, 41, 60)], 3.0)
    _, line, ends, _ = found_in(tubes([trunk, left, right, stub], (60, 60, 78)))
    assert len(line.ends) == 3
    names = {o.name: o for o in naming.named(ends, line, "aorta")}
    assert set(names) == {"inlet", "iliac_left", "iliac_right"}
    assert names["inlet"].centre_mm[2] > 60
    assert names["iliac_left"].centre_mm[0] > names["iliac_right"].centre_mm[0]
    assert names["iliac_left"].role == "outlet"


def test_an_arch_has_its_inlet_in_front_and_its_branches_in_order():
    t = np.linspace(0, np.pi, 40)
    arch = np.stack([np.full(40, 40.0), 45 - 25 * np.cos(t), 60 + 25 * np.sin(t)], axis=1)  # from the front to the back
    aorta = ([(40, 20, 20), *arch.tolist(), (40, 70, -5)], 8.0)
    branches = [([(40, y, 84), (x, y, 130)], 3.5) for x, y in ((24, 34), (40, 46), (56, 57))]
    _, line, ends, _ = found_in(tubes([aorta, *branches], (80, 90, 124)))
    named = naming.named(ends, line, "aorta")
    assert [o.name for o in named] == ["inlet", "brachiocephalic", "carotid_left", "subclavian_left", "descending"]
    assert named[0].centre_mm[1] < 30
    assert named[-1].centre_mm[1] > 60


def test_a_bent_tapered_tube_keeps_its_radii_along_the_line():
    t = np.linspace(0, 1, 30)
    way = np.stack([25 + 12 * np.sin(2 * t), 25 + 0 * t, -5 + 80 * t], axis=1)
    _, line, ends, _ = found_in(tubes([(way, np.linspace(9, 5, 10))], (60, 50, 70), (1.0, 1.0, 1.0)))
    inner = (line.points_mm[:, 2] > 14) & (line.points_mm[:, 2] < 56)  # clear of the flat ends
    expected = 9.0 - 4.0 * (line.points_mm[inner, 2] + 5) / 80
    assert np.median(np.abs(line.radii_mm[inner] - expected)) < 0.35
    assert len(ends) == 2


def test_a_ball_is_no_tube():
    seg = tubes([([(20, 20, 20), (20, 20, 20.5)], 12.0)], (40, 40, 40))
    with pytest.raises(BadInput, match="not a tube"):
        centerline.extract(seg.mask("aorta"), seg.grid)


def test_a_flat_lumen_grows_no_branches():
    labels = np.zeros((80, 40, 40), bool)
    labels[:, 16:24, 5:35] = True
    line = centerline.extract(labels, Grid.make((40, 40, 80), (1, 1, 1)))
    assert len(line.ends) == 2


def test_veins_flow_to_the_heart():
    _, line, ends, _ = found_in(
        tubes([([(20, 20, -5), (20, 20, 70)], 8.0)], (40, 40, 64), key="inferior_vena_cava"), "inferior_vena_cava"
    )
    named = {o.role: o for o in naming.named(ends, line, "inferior_vena_cava")}
    assert named["inlet"].centre_mm[2] < named["outlet"].centre_mm[2]


def test_no_two_openings_share_a_name():
    _, _, ends, _ = found_in(tubes([([(20, 20, -5), (20, 20, 70)], 8.0)], (40, 40, 64)))
    names = [o.name for o in naming._distinct([naming._call(o, "celiac") for o in ends])]
    assert names == ["celiac", "celiac_2"]


def test_a_section_measures_only_the_loop_around_its_origin():
    seg = tubes([([(20, 20, -5), (20, 20, 70)], 6.0), ([(50, 20, -5), (50, 20, 70)], 10.0)], (70, 40, 64))
    (surface,) = label_surfaces(seg, ["aorta"], alone=True, parts="all")
    cut = section(surface.points_mm, surface.triangles, np.array([20.0, 20.0, 30.2]), np.array([0.0, 0.0, 1.0]))
    assert cut.area_mm2 == pytest.approx(np.pi * 36, rel=0.04)
    assert cut.compactness == pytest.approx(1.0, abs=0.1)
