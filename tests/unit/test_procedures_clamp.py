"""A branch of a vessel clamped: what goes, what stays, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe, tee

from organtwin.errors import BadInput, Cancelled
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.procedures import perform
from organtwin.model import Centerline
from organtwin.model.centerline import Branch
from organtwin.model.procedure import Clamp

WIDTH, STEM, BRANCH = 4.0, 12.0, 12.0


@pytest.fixture(scope="module")
def fork():
    """A tee of square channels with its centreline."""
    mesh = tee(WIDTH, STEM, BRANCH, 4)
    middle = WIDTH / 2
    fork_z, end_x = STEM + middle, BRANCH + middle
    up = np.linspace(0, fork_z, 29)
    out = np.linspace(0, end_x, 29)
    stem = np.stack([0 * up, middle + 0 * up, up], axis=1)
    right = np.stack([out, middle + 0 * out, fork_z + 0 * out], axis=1)
    left = right * [-1, 1, 1]
    line = Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=(
            Branch(name="stem", parent=-1, cap="", first=0, last=28),
            Branch(name="left", parent=0, cap="left", first=29, last=57),
            Branch(name="right", parent=0, cap="right", first=58, last=86),
        ),
        points_mm=np.concatenate(
            [stem, left if _left_is_negative(mesh) else right, right if _left_is_negative(mesh) else left]
        ),
        distance_mm=np.concatenate([up, fork_z + out, fork_z + out]),
        radius_mm=np.full(87, middle),
        area_mm2=np.full(87, WIDTH**2),
    )
    return mesh, line


def _left_is_negative(mesh):
    return mesh.cap("left").centre_mm[0] < 0


@pytest.fixture(scope="module")
def clamped(fork):
    mesh, line = fork
    return perform(mesh, Clamp(action="clamp", toward="left", at_mm=STEM + WIDTH / 2 + 7.0), line)


def test_a_clamped_branch_ends_in_wall_where_it_is_clamped(fork, clamped):
    mesh, _ = fork
    volumes = quality.volumes(clamped.points_mm, clamped.tets)
    assert volumes.min() > 0
    assert tri.is_closed(clamped.boundary_triangles)
    side = np.sign(mesh.cap("left").centre_mm[0])
    assert (side * np.asarray(clamped.points_mm)[:, 0]).max() == pytest.approx(7.0, abs=0.02)
    lost = WIDTH**2 * (BRANCH + WIDTH / 2 - 7.0)
    assert clamped.report["volume_change_mm3"] == pytest.approx(-lost, rel=0.01)
    assert clamped.report["volume_mm3"] == pytest.approx(volumes.sum())


def test_only_the_clamped_opening_goes(fork, clamped):
    mesh, _ = fork
    assert [c.name for c in clamped.caps] == ["inlet", "right"]
    assert set(clamped.boundaries) == {"wall", "inlet", "right"}
    assert set(np.unique(clamped.boundary_tags).tolist()) == set(clamped.boundaries.values())
    for cap in clamped.caps:
        area = tri.areas(np.asarray(clamped.points_mm), clamped.boundary(cap.name)).sum()
        assert area == pytest.approx(mesh.cap(cap.name).area_mm2)


def test_cells_far_from_the_clamp_are_kept(fork, clamped):
    mesh, _ = fork
    kept = int(clamped.report["kept_tets"])
    assert kept > 0.5 * len(mesh.tets)
    before = {p.tobytes() for p in np.asarray(mesh.points_mm)[mesh.tets].mean(axis=1).round(9)}
    after = np.asarray(clamped.points_mm)[clamped.tets[:kept]].mean(axis=1).round(9)
    assert sum(p.tobytes() in before for p in after) == kept
    assert clamped.report["worst_quality"] > 0.1


@pytest.mark.parametrize(
    ("toward", "at", "said"),
    [
        ("inlet", 5.0, "where the blood enters"),
        ("left", 5.0, "last outlet"),
        ("left", 99.0, "but the vessel is 28.0 mm long"),
        ("left", 13.0, "lies in a fork"),
        ("left", 27.9, "would lie on an opening"),
        ("moon", 5.0, "no opening 'moon'"),
    ],
)
def test_a_clamp_that_stops_all_flow_or_is_off_the_vessel_is_refused(fork, toward, at, said):
    mesh, line = fork
    with pytest.raises(BadInput, match=said):
        perform(mesh, Clamp(action="clamp", toward=toward, at_mm=at), line)


def test_the_only_outlet_of_a_pipe_cannot_be_clamped():
    mesh = pipe(3.0, 20.0, 2, 10)
    z = np.linspace(0, 20, 41)
    line = Centerline(
        name="line",
        mesh=mesh.uuid,
        inlet="inlet",
        branches=(Branch(name="all", parent=-1, cap="outlet", first=0, last=40),),
        points_mm=np.stack([0 * z, 0 * z, z], axis=1),
        distance_mm=z,
        radius_mm=np.full(41, 3.0),
        area_mm2=np.full(41, 9 * np.pi),
    )
    with pytest.raises(BadInput, match="last outlet"):
        perform(mesh, Clamp(action="clamp", toward="outlet", at_mm=10.0), line)


def test_a_procedure_can_be_cancelled(fork):
    mesh, line = fork
    beats = 0

    def beat():
        nonlocal beats
        beats += 1
        if beats == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        perform(mesh, Clamp(action="clamp", toward="left", at_mm=STEM + WIDTH / 2 + 7.0), line, beat)
