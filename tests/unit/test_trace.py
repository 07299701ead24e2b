"""Particles and streamlines go where the field says."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from organtwin.model import Cap, OrganMesh
from organtwin.trace.cells import OUTSIDE, Cells
from organtwin.trace.particles import entrances, period_of, stream
from organtwin.trace.paths import follow, streamlines


@pytest.fixture(scope="module")
def box() -> OrganMesh:
    """A box of 40 x 20 x 20 mm; inlet at x = 0, outlet at x = 40, the rest is wall."""
    shape = (13, 8, 8)
    axes = [np.linspace(*span, n) for span, n in zip(((0, 40), (-10, 10), (-10, 10)), shape, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    inside = (np.abs(points[:, 1:]) < 9.9).all(axis=1) & (points[:, 0] > 0.1) & (points[:, 0] < 39.9)
    points[inside] += np.random.default_rng(1).uniform(-0.3, 0.3, (int(inside.sum()), 3))
    number = np.arange(len(points)).reshape(shape)
    low = number[:-1, :-1, :-1].ravel()
    unit = np.array([number[1, 0, 0], number[0, 1, 0], number[0, 0, 1]])
    # each brick in six tetrahedra around its diagonal
    ways = [np.cumsum([0, *unit[list(order)]]) for order in permutations(range(3))]
    tets = np.concatenate([low[:, None] + way for way in ways])
    corners = points[tets]
    volume = np.linalg.det(corners[:, 1:] - corners[:, :1])
    tets[volume < 0] = tets[volume < 0][:, [1, 0, 2, 3]]
    faces = np.sort(tets[:, [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)]].reshape(-1, 3), axis=1)
    outer, times = np.unique(faces, axis=0, return_counts=True)
    outer = outer[times == 1]
    a, b, c = (points[outer[:, k]] for k in range(3))
    inward = np.einsum("ij,ij->i", np.cross(b - a, c - a), a - (20, 0, 0)) < 0
    outer[inward] = outer[inward][:, [0, 2, 1]]
    at = points[outer][:, :, 0]
    tags = np.where((at < 1e-9).all(axis=1), 1, np.where((at > 40 - 1e-9).all(axis=1), 2, 0))
    caps = (
        Cap(name="inlet", role="inlet", centre_mm=(0, 0, 0), normal=(-1, 0, 0), area_mm2=400, radius_mm=11),
        Cap(name="outlet", role="outlet", centre_mm=(40, 0, 0), normal=(1, 0, 0), area_mm2=400, radius_mm=11),
    )
    return OrganMesh(
        name="box", structure="aorta", points_mm=points, tets=tets.astype(np.int32),
        boundary_triangles=outer.astype(np.int32), boundary_tags=tags.astype(np.int16),
        boundaries={"wall": 0, "inlet": 1, "outlet": 2}, caps=caps,
    )  # fmt: skip


@pytest.fixture(scope="module")
def cells(box) -> Cells:
    return Cells.of(box)


def uniform(box, *speeds: float) -> np.ndarray:
    field = np.zeros((len(speeds), len(box.points_mm), 3))
    field[..., 0] = np.array(speeds)[:, None]
    return field


def test_places_are_found_in_their_cells_and_none_outside(box, cells):
    weights = np.random.default_rng(0).dirichlet(np.ones(4), len(box.tets))
    places = np.einsum("ij,ijk->ik", weights, box.points_mm[box.tets])
    assert (cells.find(places) == np.arange(len(box.tets))).all()
    assert (cells.find(np.array([(-1.0, 0, 0), (20, 30, 0)])) < 0).all()


def test_in_a_uniform_flow_a_particle_goes_straight_at_its_speed(box, cells):
    start = np.array([(1.0, 2.0, -3.0), (5.0, 0.5, 0.5)])
    paths = follow(
        cells, uniform(box, 10.0), start, cells.find(start), np.zeros(2), step_s=0.1, frames_per_step=0, steps=20
    )
    assert (paths.count == 20).all()
    assert np.allclose(paths.places_mm - start[:, None], np.arange(20)[None, :, None] * (1.0, 0, 0), atol=1e-5)
    assert np.allclose(paths.speed, 10.0)


def test_in_solid_rotation_a_particle_keeps_its_radius_and_comes_around(box, cells):
    x, y, _ = box.points_mm.T
    omega = 2 * np.pi
    field = np.stack([-omega * y, omega * (x - 20), 0 * x], axis=1)[None]
    start = np.array([(26.0, 0.0, 1.0)])
    paths = follow(cells, field, start, cells.find(start), np.zeros(1), step_s=0.02, frames_per_step=0, steps=51)
    radius = np.linalg.norm(paths.places_mm[0, :, :2] - (20, 0), axis=1)
    assert np.allclose(radius, 6.0, rtol=1e-4)
    assert np.allclose(paths.places_mm[0, 50], start[0], atol=1e-2)


def test_a_particle_leaves_through_the_outlet(box, cells):
    start = np.array([(35.0, 1.0, 2.0)])
    paths = follow(
        cells, uniform(box, 20.0), start, cells.find(start), np.zeros(1),
        step_s=0.1, frames_per_step=0, steps=10, wall_tag=0,
    )  # fmt: skip
    assert paths.end[0] == -1 - box.boundaries["outlet"]
    assert paths.count[0] == 3


def test_a_particle_driven_at_the_wall_stays_there(box, cells):
    start = np.array([(20.0, 9.0, 0.0)])
    field = np.zeros((1, len(box.points_mm), 3))
    field[..., 1] = 5.0
    keep = {"step_s": 0.1, "frames_per_step": 0, "steps": 10}
    stays = follow(cells, field, start, cells.find(start), np.zeros(1), **keep, wall_tag=0)
    assert stays.count[0] == 10
    assert stays.places_mm[0, -1, 1] <= 10
    assert follow(cells, field, start, cells.find(start), np.zeros(1), **keep).end[0] == -1


def test_velocity_is_linear_between_frames_and_the_last_goes_over_into_the_first(box, cells):
    start = np.array([(2.0, 0.3, 0.2)])
    # speed 0, 10, 0, 10 ...: over each frame the particle goes 5 mm/s times its length
    paths = follow(
        cells, uniform(box, 0.0, 10.0), start, cells.find(start), np.zeros(1), step_s=0.5, frames_per_step=1, steps=6
    )
    assert np.allclose(np.diff(paths.places_mm[0, :, 0]), 2.5, atol=1e-5)


def test_a_streamline_runs_from_inlet_to_outlet_and_back(box, cells):
    places, at = cells.near_boundary(box, "inlet", 30)
    assert (cells.find(places) >= 0).all()
    lines = streamlines(cells, uniform(box, 50.0)[0], places, at)
    assert (lines.end == -1 - box.boundaries["outlet"]).all()
    back = streamlines(cells, uniform(box, 50.0)[0], places, at, backwards=True)
    assert (back.end == -1 - box.boundaries["inlet"]).all()


def test_a_streamline_ends_where_blood_stands(box, cells):
    places, at = cells.near_boundary(box, "inlet", 3)
    lines = streamlines(cells, np.zeros((len(box.points_mm), 3)), places, at)
    assert (lines.count <= 1).all()


def test_a_stream_of_particles_repeats_with_the_cycle_and_fills_the_way(box, cells):
    velocity = uniform(box, 30.0, 60.0, 30.0, 10.0)
    made = stream(box, cells, velocity, 0.8, ["inlet"], moments=20, at_once=400)
    assert made.moments == 20
    assert period_of(np.array([0.2, 0.4, 0.6, 0.8])) == pytest.approx(0.8)
    heads = np.concatenate([t[:, 0] for t in made.tails_mm])
    assert heads[:, 0].min() < 2
    assert heads[:, 0].max() > 35
    # the particles of the first moment are those of the last one, a moment later
    tails = made.tails_mm[0]
    older = tails[:, 1, 0] > 1
    known = {tuple(p) for p in made.tails_mm[-1][:, 0].round(4).tolist()}
    assert all(tuple(p) in known for p in tails[older, 1].round(4).tolist())


def test_particles_are_set_free_where_and_when_blood_comes_in(box, cells):
    velocity = uniform(box, 0.0, 40.0, 0.0, -40.0)
    velocity[..., 0] *= box.points_mm[:, 1] > 0  # only the half with y > 0 flows
    made = stream(box, cells, velocity, 0.8, ["inlet"], moments=16, at_once=400, longest=1.0)
    new = [t[np.linalg.norm(t[:, 0] - t[:, 1], axis=1) == 0] for t in made.tails_mm]
    assert len(new[4]) > 5  # the peak
    assert [len(n) for n in new[9:16]] == [0] * 7  # blood goes out
    assert np.concatenate(new)[:, 0, 1].min() > -3.0


def test_nothing_is_found_in_the_void(cells):
    assert cells.find(np.array([(1e6, 0, 0)]))[0] < 0
    assert OUTSIDE < -1000


def test_blood_enters_where_the_field_says_not_where_the_mesh_does(box):
    assert entrances(box, uniform(box, 10.0, 5.0)) == ["inlet"]
    assert entrances(box, uniform(box, -10.0, 2.0)) == ["outlet"]
    assert entrances(box, uniform(box, 0.0)) == ["inlet"]
