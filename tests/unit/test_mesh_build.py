"""Segmentations to tetrahedral meshes: sound cells, exact boundaries, flat named caps, and what happens when it goes wrong."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput, Cancelled, SolveFailed
from organtwin.mesh import build, child, quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.label_surface import label_surfaces
from organtwin.mesh.meshers import MESHERS, Mesher, fill, gmsh_program
from organtwin.model import Segment, Segmentation
from organtwin.operations.mesh import OPERATION
from organtwin.space import Grid


def segmentation(labels, spacing=(1.0, 1.0, 1.0), key="aorta", directions=None):
    grid = Grid.make(labels.shape[::-1], spacing, (10.0, -40.0, 100.0), directions)
    return Segmentation(name="test", grid=grid, labels=labels.astype(np.uint8), segments=(Segment.of(1, key, 0.0),))


def bent_tube(radius=7.0):
    """A quarter of a ring of 30 mm, from one border of the scan to another."""
    k, j, i = np.meshgrid(np.arange(45), np.arange(24), np.arange(45), indexing="ij")
    ring = np.hypot(i, k) - 30.0
    return np.hypot(ring, j - 12.0) < radius


@pytest.fixture(scope="module")
def tube():
    return OPERATION({"segmentation": segmentation(bent_tube())}, {"structure": "aorta"})


def check_cells(mesh):
    volumes = quality.volumes(mesh.points_mm, mesh.tets)
    assert volumes.min() > 0
    shell = {tuple(t) for t in np.sort(quality.boundary(np.asarray(mesh.tets)), axis=1).tolist()}
    assert shell == {tuple(t) for t in np.sort(mesh.boundary_triangles, axis=1).tolist()}
    assert tri.is_closed(mesh.boundary_triangles)
    assert tri.volume(mesh.points_mm, mesh.boundary_triangles) == pytest.approx(volumes.sum())
    assert np.array_equal(np.unique(mesh.tets), np.arange(len(mesh.points_mm)))
    assert len(np.unique(np.round(mesh.points_mm, 6), axis=0)) == len(mesh.points_mm)
    assert set(np.unique(mesh.boundary_tags).tolist()) == set(mesh.boundaries.values())
    assert mesh.report["min_dihedral_deg"] > 8.0
    assert mesh.report["worst_quality"] > 0.1


def test_a_vessel_mesh_has_sound_cells_and_an_exact_boundary(tube):
    _, mesh = tube
    check_cells(mesh)
    assert abs(mesh.report["volume_error_percent"]) < 1.0
    assert mesh.report["tets"] == len(mesh.tets)
    assert mesh.mesher in {m.name for m in MESHERS}


def test_the_caps_of_a_vessel_are_flat_named_and_face_outwards(tube):
    surface, mesh = tube
    assert {c.role for c in mesh.caps} == {"inlet", "outlet"}
    assert set(mesh.boundaries) == {"wall", *(c.name for c in mesh.caps)}
    for cap in mesh.caps:
        faces = mesh.boundary(cap.name)
        centre, normal = np.array(cap.centre_mm), np.array(cap.normal)
        height = (np.asarray(mesh.points_mm) - centre) @ normal
        assert np.abs(height[np.unique(faces)]).max() < 1e-6
        vectors = tri.area_vectors(np.asarray(mesh.points_mm), faces)
        assert (vectors @ normal > 0).all()
        assert cap.area_mm2 == pytest.approx(np.pi * 49, rel=0.06)
        assert len(faces) > 20
    assert abs(surface.report["volume_error_percent"]) < 1.0


def test_the_wall_lies_where_the_vessel_is(tube):
    _, mesh = tube
    wall = np.asarray(mesh.points_mm)[np.unique(mesh.boundary("wall"))]
    local = wall - (10.0, -40.0, 100.0)
    radius = np.hypot(np.hypot(local[:, 0], local[:, 2]) - 30.0, local[:, 1] - 12.0)
    assert np.percentile(np.abs(radius - 7.0), 95) < 0.6


def test_openings_can_be_given_by_hand_and_then_only_those_are_cut():
    places = [
        {"name": "heart side", "role": "inlet", "point_mm": (12.0, -28.0, 130.0)},
        {"name": "elbow", "role": "outlet", "point_mm": (10 + 30 * np.cos(0.9), -28.0, 100 + 30 * np.sin(0.9))},
    ]
    _, mesh = OPERATION({"segmentation": segmentation(bent_tube())}, {"structure": "aorta", "openings": places})
    assert [c.name for c in mesh.caps] == ["heart side", "elbow"]
    check_cells(mesh)
    assert np.linalg.norm(np.array(mesh.caps[1].centre_mm) - places[1]["point_mm"]) < 2.0


def test_openings_can_be_extended_by_straight_tubes(tube):
    _, plain = tube
    _, mesh = OPERATION({"segmentation": segmentation(bent_tube())}, {"structure": "aorta", "extension": 1.5})
    check_cells(mesh)
    for cap, before in zip(mesh.caps, plain.caps, strict=True):
        moved = np.array(cap.centre_mm) - before.centre_mm
        assert moved @ np.array(cap.normal) == pytest.approx(1.5 * 2 * before.radius_mm, rel=0.05)
    assert mesh.report["max_error_mm"] < 3.0


def test_an_opening_outside_the_vessel_is_refused():
    place = [{"name": "inlet", "role": "inlet", "point_mm": (200.0, 0.0, 0.0), "normal": (1.0, 0.0, 0.0)}]
    with pytest.raises(BadInput, match="no vessel at the place"):
        OPERATION({"segmentation": segmentation(bent_tube())}, {"structure": "aorta", "openings": place})


@pytest.mark.parametrize("flip", [1.0, -1.0])
def test_an_organ_is_split_by_the_direction_it_faces(flip):
    labels = np.zeros((16, 20, 24), bool)
    labels[3:13, 3:17, 3:21] = True
    seg = segmentation(labels, key="liver", directions=np.diag([flip, 1.0, 1.0]))
    _, mesh = OPERATION({"segmentation": seg}, {"structure": "liver", "edge": "3 mm"})
    check_cells(mesh)
    assert set(mesh.boundaries) == {"left", "right", "anterior", "posterior", "superior", "inferior"}
    assert abs(mesh.report["volume_error_percent"]) < 1.0
    points = np.asarray(mesh.points_mm)
    for name, axis, sense in (("left", 0, 1), ("posterior", 1, 1), ("superior", 2, 1), ("right", 0, -1)):
        middle = points[mesh.boundary(name)].mean(axis=(0, 1))
        assert sense * (middle - points.mean(axis=0))[axis] > 0
    assert mesh.caps == ()


def test_a_smaller_edge_makes_more_cells():
    labels = np.zeros((24, 24, 24), bool)
    labels[3:21, 3:21, 3:21] = True
    coarse, fine = (
        OPERATION({"segmentation": segmentation(labels, key="spleen")}, {"structure": "spleen", "edge": edge})[1]
        for edge in ("6 mm", "3 mm")
    )
    assert fine.report["tets"] > 3 * coarse.report["tets"]


def test_a_ball_meshed_as_a_vessel_says_what_to_do():
    k, j, i = np.meshgrid(*[np.arange(30)] * 3, indexing="ij")
    labels = (i - 15) ** 2 + (j - 15) ** 2 + (k - 15) ** 2 < 100
    with pytest.raises(BadInput, match="mesh it as an organ"):
        OPERATION({"segmentation": segmentation(labels)}, {"structure": "aorta"})
    _, mesh = OPERATION({"segmentation": segmentation(labels)}, {"structure": "aorta", "kind": "organ", "edge": "4 mm"})
    assert mesh.report["volume_mm3"] == pytest.approx(np.count_nonzero(labels), rel=0.01)


def test_a_ring_without_ends_says_what_to_do():
    k, j, i = np.meshgrid(np.arange(20), np.arange(60), np.arange(60), indexing="ij")
    labels = np.hypot(np.hypot(i - 30, j - 30) - 20, k - 10) < 5
    with pytest.raises(BadInput, match="No opening was found"):
        OPERATION({"segmentation": segmentation(labels)}, {"structure": "aorta"})


def test_an_aorta_cut_to_nothing_is_refused_in_a_sentence():
    labels = np.zeros((10, 10, 10), bool)
    with pytest.raises(BadInput, match="no voxels"):
        OPERATION({"segmentation": segmentation(labels)}, {"structure": "aorta"})
    labels[4:6, 4:6, 4:6] = True
    with pytest.raises(BadInput, match="only 8 connected voxels"):
        OPERATION({"segmentation": segmentation(labels)}, {"structure": "aorta"})


@pytest.mark.parametrize("edge", ["2", "2 mmHg", "-1 mm"])
def test_an_edge_needs_a_length(edge):
    with pytest.raises(BadInput):
        OPERATION({"segmentation": segmentation(bent_tube())}, {"structure": "aorta", "edge": edge})


# -- the chain ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def box():
    labels = np.zeros((12, 12, 12), bool)
    labels[3:9, 3:9, 3:9] = True
    (surface,) = label_surfaces(segmentation(labels, key="liver"), ["liver"], smoothing=0.5)
    return surface.points_mm, surface.triangles


def failing(points, triangles, beat, timeout_s):
    raise child.ChildFailed("fell over")


def wrong(points, triangles, beat, timeout_s):
    return points[:4], np.array([[0, 1, 2, 3]], np.int32)


def test_the_next_mesher_takes_over_and_the_failures_are_told(box):
    meshers = (Mesher("first", failing, 1.0), Mesher("second", wrong, 1.0), *MESHERS[2:3])
    made = fill(*box, meshers=meshers)
    assert made.mesher == "netgen"
    assert made.failures[0] == "first fell over"
    assert made.failures[1].startswith("second")
    assert quality.volumes(made.points, made.tets).min() > 0


def test_when_every_mesher_fails_the_sentence_names_them(box):
    with pytest.raises(SolveFailed, match="first fell over"):
        fill(*box, meshers=(Mesher("first", failing, 1.0),))


@pytest.mark.parametrize("mesher", MESHERS, ids=lambda m: m.name)
def test_every_mesher_of_the_chain_fills_a_box(box, mesher):
    if mesher.name.startswith("gmsh") and gmsh_program.executable() is None:
        pytest.skip("gmsh is not installed")
    made = fill(*box, meshers=(mesher,))
    assert quality.volumes(made.points, made.tets).min() > 0
    assert quality.volumes(made.points, made.tets).sum() == pytest.approx(tri.volume(*box), rel=0.02)
    if mesher.keeps_surface:
        assert len(quality.boundary(made.tets)) == len(box[1])


@pytest.mark.slow
def test_caps_survive_a_mesher_that_makes_its_own_surface():
    (surface,) = label_surfaces(segmentation(bent_tube()[:, ::1]), ["aorta"], alone=True)
    made = build.vessel(surface, edge_mm=3.0, meshers=MESHERS[3:])
    assert made.mesher == "fTetWild"
    assert len(made.caps) == 2
    for cap in made.caps:
        assert cap.area_mm2 == pytest.approx(np.pi * 49, rel=0.08)


def test_without_gmsh_the_other_meshers_do(box, monkeypatch):
    monkeypatch.setattr(gmsh_program, "executable", lambda: None)
    made = fill(*box)
    assert made.mesher == "netgen"
    assert "gmsh is not installed" in made.failures[0]


def test_a_program_that_hangs_is_ended(tmp_path):
    with pytest.raises(child.ChildFailed, match="longer than"):
        child.run_program(["sleep", "60"], tmp_path, lambda: None, 0.3)


def test_cancelling_ends_the_mesher(tmp_path):
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        child.run_program(["sleep", "60"], tmp_path, stop, 100.0)


def test_a_child_that_dies_says_how(tmp_path):
    with pytest.raises(child.ChildFailed, match="code 3: out of luck"):
        child.run_program(["sh", "-c", "echo out of luck; exit 3"], tmp_path, lambda: None, 10.0)


def test_gmsh_is_never_imported():
    import sys

    assert "gmsh" not in sys.modules
