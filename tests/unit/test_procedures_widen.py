"""A stent, a balloon and a removed stenosis on the mesh of a vessel."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.procedures import perform
from organtwin.mesh.procedures.suggest import stenoses
from organtwin.mesh.procedures.widen import BALLOON_RECOIL
from organtwin.model import Centerline
from organtwin.model.centerline import Branch
from organtwin.model.procedure import Widen

LENGTH, RADIUS = 40.0, 4.0


def profile(z, depth):
    return 1 - depth * np.exp(-(((z - 20) / 3) ** 2))


def narrow_pipe(depth, aside=0.0):
    """A pipe with a stenosis in its middle, which may lie to one side."""

    def shape(points):
        share = profile(points[:, 2], depth)
        out = points.copy()
        out[:, :2] *= share[:, None]
        out[:, 0] += aside * (1 - share)
        return out

    mesh = pipe(RADIUS, LENGTH, 3, 40, shape=shape)
    z = np.linspace(0, LENGTH, 161)
    share = profile(z, depth)
    points = np.stack([aside * (1 - share), 0 * z, z], axis=1)
    line = Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=(Branch(name="inlet → outlet", parent=-1, cap="outlet", first=0, last=160),),
        points_mm=points,
        distance_mm=np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]),
        radius_mm=RADIUS * share,
        area_mm2=np.pi * (RADIUS * share) ** 2,
    )
    return mesh, line


def widen(mesh, line, action="stent", diameter: str | None = "8 mm", start=12.0, stop=28.0, toward="outlet"):
    return perform(mesh, Widen(action=action, toward=toward, start_mm=start, stop_mm=stop, diameter=diameter), line)


def check_sound(mesh):
    volumes = quality.volumes(mesh.points_mm, mesh.tets)
    assert volumes.min() > 0
    assert tri.is_closed(mesh.boundary_triangles)
    assert tri.volume(mesh.points_mm, mesh.boundary_triangles) == pytest.approx(volumes.sum())
    assert np.array_equal(np.unique(mesh.tets), np.arange(len(mesh.points_mm)))
    shell = {tuple(t) for t in np.sort(quality.boundary(np.asarray(mesh.tets)), axis=1).tolist()}
    assert shell == {tuple(t) for t in np.sort(mesh.boundary_triangles, axis=1).tolist()}
    assert set(np.unique(mesh.boundary_tags).tolist()) == set(mesh.boundaries.values())


def radii(mesh, low, high):
    wall = np.asarray(mesh.points_mm)[np.unique(mesh.boundary("wall"))]
    return np.hypot(wall[:, 0], wall[:, 1])[(wall[:, 2] > low) & (wall[:, 2] < high)]


@pytest.mark.parametrize("depth", [0.3, 0.75])
def test_a_stent_gives_the_span_its_diameter(depth):
    mesh, line = narrow_pipe(depth)
    after = widen(mesh, line)
    check_sound(after)
    assert radii(after, 14, 26) == pytest.approx(RADIUS, rel=1e-3)
    whole = pipe(RADIUS, LENGTH, 3, 40)
    assert after.report["volume_mm3"] == pytest.approx(quality.volumes(whole.points_mm, whole.tets).sum(), rel=1e-3)


def test_a_stent_on_a_stenosis_keeps_the_cells_and_their_order():
    mesh, line = narrow_pipe(0.5)
    after = widen(mesh, line)
    assert np.array_equal(after.tets, mesh.tets)
    assert after.report["kept_tets"] == len(mesh.tets)
    assert after.report["made_tets"] == 0


def test_a_stenosis_to_one_side_is_opened_too():
    mesh, line = narrow_pipe(0.6, aside=2.0)
    after = widen(mesh, line)
    check_sound(after)
    middle = radii(after, 14, 26)
    assert middle.min() > 0.9 * RADIUS
    assert middle.max() < 1.1 * RADIUS


def test_openings_stay_as_they_are():
    mesh, line = narrow_pipe(0.5)
    after = widen(mesh, line, diameter="12 mm", start=2.0, stop=30.0)
    check_sound(after)
    assert after.caps == mesh.caps
    for cap in after.caps:
        faces = after.boundary(cap.name)
        assert tri.areas(np.asarray(after.points_mm), faces).sum() == pytest.approx(cap.area_mm2)
        height = (np.asarray(after.points_mm)[np.unique(faces)] - cap.centre_mm) @ np.array(cap.normal)
        assert np.abs(height).max() < 1e-9


def test_nothing_gets_narrower():
    mesh, line = narrow_pipe(0.5)
    after = widen(mesh, line, diameter="6 mm")
    before = np.hypot(*np.asarray(mesh.points_mm)[:, :2].T)
    wall = np.unique(mesh.boundary("wall"))
    assert (np.hypot(*np.asarray(after.points_mm)[wall, :2].T) >= before[wall] - 1e-9).all()
    assert radii(after, 19, 21).min() == pytest.approx(3.0, rel=0.01)


def test_a_wide_stent_tapers_off_beyond_its_ends():
    mesh, line = narrow_pipe(0.0)
    after = widen(mesh, line, diameter="10 mm", start=15.0, stop=25.0)
    assert radii(after, 16, 24) == pytest.approx(5.0, rel=0.01)
    assert 4.02 < radii(after, 28.5, 29.5).mean() < 4.98
    assert radii(after, 36, 39) == pytest.approx(RADIUS)


def test_a_balloon_leaves_less_than_its_diameter():
    mesh, line = narrow_pipe(0.5)
    after = widen(mesh, line, action="balloon")
    narrowest = radii(mesh, 19, 21).min()
    assert radii(after, 19, 21).min() == pytest.approx(narrowest + (1 - BALLOON_RECOIL) * (4 - narrowest), rel=0.02)
    assert "recoil" in " ".join(after.notes)


def test_a_removed_stenosis_takes_the_width_of_its_ends():
    mesh, line = narrow_pipe(0.6)
    after = widen(mesh, line, action="remove-stenosis", diameter=None)
    check_sound(after)
    assert radii(after, 13, 27) == pytest.approx(RADIUS, rel=0.01)
    assert after.name == "pipe, stenosis removed"


def test_a_narrow_stent_changes_nothing_and_says_so():
    mesh, line = narrow_pipe(0.0)
    after = widen(mesh, line, diameter="6 mm")
    assert np.array_equal(after.points_mm, mesh.points_mm)
    assert "nothing was widened" in " ".join(after.notes)
    assert after.uuid != mesh.uuid


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"stop": 60.0}, "ends at 60 mm, but the vessel is 40.0 mm long"),
        ({"diameter": "0 mm"}, "A diameter of 0 mm is none"),
        ({"diameter": "30 mm"}, "more than 3 times"),
        ({"toward": "moon"}, "No branch of the vessel ends at 'moon'"),
    ],
)
def test_a_span_or_a_diameter_that_cannot_be_is_refused_in_one_sentence(given, said):
    mesh, line = narrow_pipe(0.3)
    with pytest.raises(BadInput, match=said):
        widen(mesh, line, **given)


def test_a_stent_that_would_run_into_the_neighbouring_limb_is_refused():
    def bend(points):  # a U: two limbs along z, 4 mm apart, joined by half a circle
        z, x = points[:, 2], points[:, 0]
        limb, arc = 14.0, 6.0 * np.pi
        angle = np.clip((z - limb) / 6.0, 0, np.pi)
        beyond = np.maximum(z - limb - arc, 0)
        radius = 6.0 + x
        out = np.stack(
            [6.0 - radius * np.cos(angle), points[:, 1], np.minimum(z, limb) + radius * np.sin(angle)], axis=1
        )
        out[:, 0] = np.where(z > limb, out[:, 0], -x)
        out[:, 2] -= beyond
        return out

    mesh = pipe(4.0, 28.0 + 6.0 * np.pi, 2, 50, shape=bend)
    z = np.linspace(0, 28.0 + 6.0 * np.pi, 201)
    line = Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=(Branch(name="u", parent=-1, cap="outlet", first=0, last=200),),
        points_mm=bend(np.stack([0 * z, 0 * z, z], axis=1)),
        distance_mm=z,
        radius_mm=np.full(201, 4.0),
        area_mm2=np.full(201, 16 * np.pi),
    )
    assert quality.volumes(mesh.points_mm, mesh.tets).min() > 0
    check_sound(widen(mesh, line, diameter="9 mm", start=4.0, stop=8.0))
    with pytest.raises(BadInput, match="run into itself or a neighbour"):
        widen(mesh, line, diameter="20 mm", start=4.0, stop=10.0)


def test_a_stenosis_is_found_with_its_span_and_the_width_beside_it():
    _, line = narrow_pipe(0.5)
    (found,) = stenoses(line)
    assert found.toward == "outlet"
    assert found.throat_mm == pytest.approx(20, abs=0.6)
    assert 13 < found.start_mm < 17
    assert 23 < found.stop_mm < 27
    assert found.diameter_mm == pytest.approx(8, rel=0.06)
    assert found.loss == pytest.approx(0.5, abs=0.03)


def test_an_even_or_a_tapering_pipe_has_no_stenosis():
    _, line = narrow_pipe(0.0)
    assert stenoses(line) == ()
    taper = line.with_(radius_mm=np.linspace(4, 2, 161), area_mm2=np.pi * np.linspace(4, 2, 161) ** 2)
    assert stenoses(taper) == ()


def test_the_operation_gives_the_procedure_and_the_mesh_after_it():
    from organtwin.operations.procedure import OPERATION

    mesh, _ = narrow_pipe(0.5)
    action = {"action": "stent", "toward": "outlet", "start_mm": 12.0, "stop_mm": 28.0, "diameter": "0.8 cm"}
    done, after = OPERATION({"mesh": mesh}, {"action": action})
    assert (done.before, done.after) == (mesh.uuid, after.uuid)
    assert after.name == "pipe, stent 8 mm"
    assert after.derived_from == (mesh.uuid,)
    assert after.structure == mesh.structure
    assert radii(after, 15, 25) == pytest.approx(RADIUS, rel=0.02)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"diameter": "8"}, "no unit"), ({"diameter": "8 s"}, "not a length"), ({"start_mm": 30.0}, "beyond its start")],
)
def test_an_action_without_a_unit_or_a_span_is_refused(given, said):
    from organtwin.operations.procedure import OPERATION

    action = {"action": "stent", "toward": "outlet", "start_mm": 12.0, "stop_mm": 28.0, "diameter": "8 mm", **given}
    with pytest.raises(BadInput, match=said):
        OPERATION.read({"action": action})
