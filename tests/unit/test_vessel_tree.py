"""Centreline trees of vessel meshes whose answer is known."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import pyvista
from organtwin_solvers.validation import pipes
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput
from organtwin.io.export import export
from organtwin.operations.registry import find
from organtwin.vessel.tree import of_mesh
from organtwin.vessel.wall_distance import WallDistance

RADIUS, LENGTH, BEND = 5.0, 60.0, 20.0


def bent(points):
    angle = points[:, 2] / BEND
    return np.column_stack([(BEND + points[:, 0]) * np.cos(angle), points[:, 1], (BEND + points[:, 0]) * np.sin(angle)])


def narrowed(points):
    out = points.copy()
    out[:, :2] *= 1.0 - 0.4 * np.exp(-(((points[:, 2:] - 30.0) / 5.0) ** 2))
    return out


def length_to(line, cap):
    return line.distance_mm[line.path(cap)[-1]]


def test_a_bent_pipe_has_its_own_length_radius_and_area():
    organ = pipe(RADIUS, LENGTH, 5, 40, shape=bent)
    line = of_mesh(organ)
    assert length_to(line, "outlet") == pytest.approx(LENGTH, rel=0.005)
    assert line.radius_mm == pytest.approx(RADIUS, rel=0.02)
    assert line.area_mm2 == pytest.approx(organ.caps[0].area_mm2, rel=0.01)
    off = np.hypot(np.hypot(line.points_mm[:, 0], line.points_mm[:, 2]) - BEND, line.points_mm[:, 1])
    assert off.max() < 0.015 * RADIUS


def test_the_line_goes_from_cap_centre_to_cap_centre():
    organ = pipe(RADIUS, LENGTH, 3, 12)
    line = of_mesh(organ)
    assert line.mesh == organ.uuid
    assert line.inlet == "inlet"
    assert line.points_mm[[0, -1]] == pytest.approx(np.array([cap.centre_mm for cap in organ.caps]))


def test_a_stenosis_shows_its_smallest_radius_and_area_in_the_right_place():
    line = of_mesh(pipe(RADIUS, LENGTH, 5, 60, shape=narrowed))
    throat = int(line.radius_mm.argmin())
    assert line.radius_mm[throat] == pytest.approx(3.0, rel=0.02)
    assert line.area_mm2.min() == pytest.approx(np.pi * 9.0, rel=0.03)
    assert line.distance_mm[throat] == pytest.approx(30.0, abs=1.0)


def test_a_tee_is_a_trunk_with_two_branches_of_like_length_and_area():
    line = of_mesh(tee(10.0, 40.0, 40.0, 6))
    assert [(b.parent, b.cap) for b in line.branches] == [(-1, ""), (0, "left"), (0, "right")]
    assert length_to(line, "left") == pytest.approx(length_to(line, "right"), rel=0.03)
    assert line.area_mm2 == pytest.approx(100.0, rel=0.1)  # no bulge at the fork
    for branch in line.branches[1:]:
        assert np.array_equal(line.points_mm[branch.first], line.points_mm[line.branches[0].last])
        assert line.distance_mm[branch.first] == line.distance_mm[line.branches[0].last]
    way = line.path("left")
    assert (np.diff(line.distance_mm[way]) > 0).all()


def test_distances_to_triangles_are_exact_on_faces_edges_and_corners():
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    away = WallDistance(points, np.array([[0, 1, 2]]))
    asked = np.array([[0.2, 0.2, 2.0], [0.5, -3.0, 0.0], [-3.0, -4.0, 0.0], [1.0, 1.0, 0.0]])
    assert away(asked) == pytest.approx([2.0, 3.0, 5.0, np.sqrt(0.5)])


def test_the_operation_makes_a_centreline_with_its_recipe():
    organ = pipe(RADIUS, LENGTH, 3, 12)
    (line,) = find("centerline")({"mesh": organ}, {})
    assert line.kind == "centerline"
    assert line.recipe.inputs == {"mesh": organ.uuid}


def test_a_vessel_with_one_opening_has_no_way_through():
    organ = pipe(RADIUS, LENGTH, 3, 12)
    with pytest.raises(BadInput, match="two openings"):
        of_mesh(organ.with_(caps=organ.caps[:1]))


def test_a_mesh_in_two_pieces_is_refused():
    organ = pipe(RADIUS, LENGTH, 3, 12)
    low = np.asarray(organ.points_mm)[organ.tets][:, :, 2].max(axis=1) <= 30.0
    high = np.asarray(organ.points_mm)[organ.tets][:, :, 2].min(axis=1) >= 35.0
    with pytest.raises(BadInput, match="in pieces"):
        of_mesh(organ.with_(tets=np.asarray(organ.tets)[low | high]))


def test_a_centreline_is_written_as_a_table_and_as_lines(tmp_path):
    line = of_mesh(tee(10.0, 40.0, 40.0, 4))
    rows = list(csv.DictReader(export(line, tmp_path / "line.csv").open()))
    assert len(rows) == len(line.points_mm)
    assert rows[0]["branch"] == "inlet"
    assert rows[-1]["parent"] == "inlet"
    assert float(rows[-1]["distance_mm"]) == line.distance_mm[-1]
    lines = pyvista.read(export(line, tmp_path / "line.vtp"))
    assert lines.n_cells == 3
    assert lines["radius_mm"] == pytest.approx(line.radius_mm)
    with pytest.raises(BadInput, match="cannot be written"):
        export(line, tmp_path / "line.stl")


def test_of_a_loop_only_one_way_is_followed_and_a_note_says_so():
    size = 4  # cubes across the channel
    ring = {(i, 0, k) for i in range(5) for k in range(5) if i in (0, 4) or k in (0, 4)}
    blocks = ring | {(2, 0, -1), (2, 0, -2), (2, 0, 5), (2, 0, 6)}
    cubes = [
        (size * i + a, size * j + b, size * k + c)
        for i, j, k in blocks
        for a in range(size)
        for b in range(size)
        for c in range(size)
    ]
    points, tets = pipes._kuhn(np.array(cubes))
    ends = points[pipes._outer_faces(tets)]
    regions = np.select([(ends[..., 2] == z).all(axis=1) for z in (points[:, 2].min(), points[:, 2].max())], [1, 2], 0)
    line = of_mesh(pipes.vessel(points, tets, regions, ["inlet", "outlet"], "loop"))
    assert [b.cap for b in line.branches] == ["outlet"]
    assert "1 loop" in line.notes[0]
    assert length_to(line, "outlet") == pytest.approx(2 * 8 + 2 * 10 + 16, rel=0.15)  # round corners
    assert line.radius_mm.min() > 1.5
