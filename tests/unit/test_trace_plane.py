"""What flows through a plane is integrated exactly."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from organtwin.trace.plane import cut


def bricks(shape=(10, 5, 5), size=(30.0, 10.0, 10.0)):
    """A box of tetrahedra with a corner at the origin."""
    axes = [np.linspace(0, length, n) for length, n in zip(size, shape, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(len(points)).reshape(shape)
    unit = np.array([number[1, 0, 0], number[0, 1, 0], number[0, 0, 1]])
    ways = [np.cumsum([0, *unit[list(order)]]) for order in permutations(range(3))]
    return points, np.concatenate([number[:-1, :-1, :-1].ravel()[:, None] + way for way in ways])


POINTS, TETS = bricks()


@settings(max_examples=30, deadline=None)
@given(st.floats(1, 29), st.floats(-0.15, 0.15), st.floats(-0.15, 0.15))
def test_the_flow_through_a_pipe_is_the_same_wherever_and_however_it_is_cut(at, tilt_y, tilt_z):
    _, y, z = POINTS.T
    # linear profiles have no divergence and are exact in the cells; the walls are along x
    velocity = np.stack([5 + 2 * y - 0.5 * z, 0 * y, 0 * y], axis=1)
    at = float(np.clip(at, 4, 26))
    made = cut(POINTS, TETS, (at, 5, 5), (1, tilt_y, tilt_z))
    assert made is not None
    assert made.flow_mm3_per_s(made.values(velocity)) == pytest.approx((5 + 10 - 2.5) * 100, rel=1e-9)
    assert made.area_mm2 == pytest.approx(100 * np.sqrt(1 + tilt_y**2 + tilt_z**2), rel=1e-9)


def test_a_plane_through_points_of_the_mesh_is_cut_whole():
    made = cut(POINTS, TETS, POINTS[len(POINTS) // 2], (1, 0, 0))
    assert made is not None
    assert made.area_mm2 == pytest.approx(100, rel=1e-6)


def test_means_and_centre_are_those_of_the_area():
    made = cut(POINTS, TETS, (7.3, 5, 5), (2, 0, 0))
    assert made is not None
    assert np.allclose(made.centre_mm, (7.3, 5, 5))
    assert made.mean(made.values(3 * POINTS[:, 0] + POINTS[:, 1])) == pytest.approx(3 * 7.3 + 5)
    assert np.allclose(made.normal, (1, 0, 0))


def test_only_the_branch_at_the_origin_of_the_plane_is_cut():
    both = np.concatenate([POINTS, POINTS + np.array([0, 40, 0])])
    tets = np.concatenate([TETS, TETS + len(POINTS)])
    near = cut(both, tets, (10, 44, 4), (1, 0, 0))
    whole = cut(both, tets, (10, 44, 4), (1, 0, 0), connected=False)
    assert near is not None
    assert whole is not None
    assert near.area_mm2 == pytest.approx(100)
    assert near.points_mm[:, 1].min() >= 40
    assert whole.area_mm2 == pytest.approx(200)


def test_a_plane_beside_the_mesh_cuts_nothing():
    assert cut(POINTS, TETS, (99, 0, 0), (1, 0, 0)) is None
