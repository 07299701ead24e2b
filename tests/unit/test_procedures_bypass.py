"""A graft on the mesh of a vessel: joined twice, sound, and nothing else changed."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.procedures import perform
from organtwin.model import Centerline
from organtwin.model.centerline import Branch
from organtwin.model.procedure import Bypass

pytest.importorskip("manifold3d")

LENGTH, RADIUS = 60.0, 5.0


@pytest.fixture(scope="module")
def vessel():
    mesh = pipe(RADIUS, LENGTH, 4, 50)
    z = np.linspace(0, LENGTH, 121)
    line = Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=(Branch(name="inlet → outlet", parent=-1, cap="outlet", first=0, last=120),),
        points_mm=np.stack([0 * z, 0 * z, z], axis=1),
        distance_mm=z,
        radius_mm=np.full(121, RADIUS),
        area_mm2=np.full(121, np.pi * RADIUS**2),
    )
    return mesh, line


def graft(vessel, start=14.0, stop=46.0, diameter="6 mm", toward="outlet"):
    mesh, line = vessel
    action = Bypass(
        action="bypass", start_toward=toward, start_mm=start, stop_toward="outlet", stop_mm=stop, diameter=diameter
    )
    return perform(mesh, action, line)


@pytest.fixture(scope="module")
def bypassed(vessel):
    return graft(vessel)


def genus(faces):
    return 1 - (len(np.unique(faces)) - 3 * len(faces) // 2 + len(faces)) // 2


def test_a_vessel_with_a_graft_is_one_closed_body_with_one_way_round(vessel, bypassed):
    volumes = quality.volumes(bypassed.points_mm, bypassed.tets)
    faces = bypassed.boundary_triangles
    assert volumes.min() > 0
    assert tri.is_closed(faces)
    assert tri.parts(faces, len(bypassed.points_mm))[0] == 1
    assert genus(vessel[0].boundary_triangles) == 0
    assert genus(faces) == 1
    assert tri.volume(bypassed.points_mm, faces) == pytest.approx(volumes.sum())
    shell = {tuple(t) for t in np.sort(quality.boundary(np.asarray(bypassed.tets)), axis=1).tolist()}
    assert shell == {tuple(t) for t in np.sort(faces, axis=1).tolist()}
    assert bypassed.report["worst_quality"] > 0.1
    assert bypassed.report["min_dihedral_deg"] > 5


def test_a_graft_adds_the_volume_of_its_tube(vessel, bypassed):
    beside = np.hypot(*np.asarray(bypassed.points_mm)[:, :2].T).max()
    assert beside > 2 * RADIUS  # it stands clear of the vessel
    longest = np.hypot(46 - 14, 2 * beside) * np.pi * 9
    shortest = (46 - 14) * np.pi * 9 * 0.6
    assert shortest < bypassed.report["volume_change_mm3"] < longest


def test_a_graft_leaves_the_openings_and_far_cells_alone(vessel, bypassed):
    mesh, _ = vessel
    assert bypassed.caps == mesh.caps
    assert bypassed.boundaries == mesh.boundaries
    points = np.asarray(bypassed.points_mm)
    for cap in mesh.caps:
        faces = bypassed.boundary(cap.name)
        assert tri.areas(points, faces).sum() == pytest.approx(cap.area_mm2, rel=1e-9)
        assert np.abs((points[np.unique(faces)] - cap.centre_mm) @ np.array(cap.normal)).max() < 1e-9
    kept = int(bypassed.report["kept_tets"])
    assert kept > 0.3 * len(mesh.tets)
    before = {p.tobytes() for p in np.asarray(mesh.points_mm)[mesh.tets].mean(axis=1).round(9) + 0.0}
    after = points[bypassed.tets[:kept]].mean(axis=1).round(9) + 0.0
    assert sum(p.tobytes() in before for p in after) == kept


def test_a_graft_wider_than_the_vessel_is_narrowed_where_it_joins(vessel):
    after = graft(vessel, diameter="10 mm", start=10.0, stop=50.0)
    assert "narrows to 8.5 mm" in " ".join(after.notes)
    assert quality.volumes(after.points_mm, after.tets).min() > 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"diameter": "0 mm"}, "A diameter of 0 mm is none"),
        ({"diameter": "40 mm"}, "more than 3 times as wide"),
        ({"stop": 20.0}, "only 6.0 mm apart"),
        ({"start": -0.0, "stop": 30.0}, "opening 'inlet'"),
        ({"stop": 99.0}, "The graft ends at 99 mm, but the vessel is 60.0 mm long"),
        ({"toward": "moon"}, "No branch of the vessel ends at 'moon'"),
    ],
)
def test_a_graft_that_cannot_be_is_refused_in_one_sentence(vessel, given, said):
    with pytest.raises(BadInput, match=said):
        graft(vessel, **given)
