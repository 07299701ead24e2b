"""Cuts of tetrahedral meshes keep the volume, fit together, and open what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh.cutting import Cut, Flat, Offset, Sheet, Swept, Triangulated, blade, cut
from organtwin.mesh.cutting.kernels import neighbours
from organtwin.mesh.cutting.nearest import NearestOnSurface

EDGE = 2.0


def block(cells: tuple[int, int, int] = (8, 6, 5), jitter: float = 0.2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, tetrahedra and boundary of a block of cubes of six tetrahedra, its inner points shaken."""
    shape = np.array(cells) + 1
    at = np.stack(np.meshgrid(*(np.arange(s) for s in shape), indexing="ij"), axis=-1).reshape(-1, 3)
    inner = ((at > 0) & (at < shape - 1)).all(axis=1)
    points = EDGE * (at + np.where(inner[:, None], jitter * np.random.default_rng(3).uniform(-1, 1, at.shape), 0.0))
    number = np.arange(len(points)).reshape(shape)
    base = np.stack(np.meshgrid(*(np.arange(c) for c in cells), indexing="ij"), axis=-1).reshape(-1, 3)
    tets = []
    for axes in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1), (2, 1, 0), (1, 0, 2)):
        steps = np.cumsum(np.concatenate([np.zeros((1, 3), int), np.eye(3, dtype=int)[list(axes)]]), axis=0)
        tets.append(np.stack([number[tuple((base + step).T)] for step in steps], axis=1))
    filled = quality.oriented(points, np.concatenate(tets))
    return points, filled, quality.boundary(filled)


def checked(points: np.ndarray, tets: np.ndarray, made: Cut) -> np.ndarray:
    """What holds after every cut; the points of now."""
    now = made.carry(points)
    volumes = quality.volumes(now, made.tets)
    assert volumes.min() > 0
    assert volumes.sum() == pytest.approx(quality.volumes(points, tets).sum(), rel=1e-12)
    other = neighbours(made.tets)
    assert not (other == -2).any()  # no face belongs to three
    assert (other == -1).sum() == len(made.triangles)  # and the boundary is all that belong to one
    assert np.array_equal(np.sort(quality.boundary(made.tets), 0), np.sort(made.triangles, 0))
    edges = np.sort(np.stack([made.triangles, np.roll(made.triangles, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    _, times = np.unique(edges, axis=0, return_counts=True)
    assert (times % 2 == 0).all()  # closed
    assert np.array_equal(made.tets[made.triangle_tet[:, None], :].shape[:1], made.triangles.shape[:1])
    assert made.dihedral_deg[1] > 2.0
    return now


def euler(triangles: np.ndarray) -> int:
    edges = np.sort(np.stack([triangles, np.roll(triangles, -1, axis=1)], axis=2).reshape(-1, 2), axis=1)
    return len(np.unique(triangles)) - len(np.unique(edges, axis=0)) + len(triangles)


def test_a_plane_through_a_block_makes_two_pieces_of_the_right_volume() -> None:
    points, tets, skin = block()
    made = cut(points, tets, skin, Flat((7.3, 0.0, 0.0), (1.0, 0.0, 0.0)))
    checked(points, tets, made)
    assert len(made.piece_mm3) == 2
    assert euler(made.triangles) == 4  # two balls
    right = made.piece_mm3[made.piece_sides > 0].sum()
    assert right == pytest.approx((16 - 7.3) * 12 * 10, rel=0.01)  # points near it bend the cut a little


def test_the_two_faces_of_a_cut_are_alike() -> None:
    points, tets, skin = block()
    made = cut(points, tets, skin, Flat((7.3, 0.0, 0.0), (1.0, 0.3, -0.2)))
    now = made.carry(points)
    faces = made.cut_faces
    area = np.linalg.norm(np.cross(now[faces[:, 1]] - now[faces[:, 0]], now[faces[:, 2]] - now[faces[:, 0]]), axis=1)
    side = made.side[made.triangle_tet[made.triangle_parent < 0]]
    assert area[side > 0].sum() == pytest.approx(area[side < 0].sum())
    assert not np.intersect1d(faces[side > 0], faces[side < 0]).size


def test_an_incision_that_ends_inside_leaves_one_piece_whose_crack_is_open() -> None:
    points, tets, skin = block()
    path = np.array([[8.1, 2.0, 10.0], [8.1, 10.0, 10.0]])
    (sheet,) = blade(path, np.tile([0.0, 0.0, -1.0], (2, 1)), 6.0, 2.0, 1.0, 0.3)
    made = cut(points, tets, skin, sheet)
    now = checked(points, tets, made)
    assert len(made.piece_mm3) == 1
    assert euler(made.triangles) == 2  # still a ball
    doubled = np.flatnonzero(np.bincount(made.twin) > 1)
    depth = 10.0 - now[doubled, 2]
    assert depth.max() < 6.0  # the front stays joined
    assert depth.max() > 2.0
    assert (depth == 0).any()  # the crack is open at the skin
    assert len(made.cut_faces) > 20


def test_two_crossing_planes_make_four_pieces() -> None:
    points, tets, skin = block()
    first = cut(points, tets, skin, Flat((8.3, 0.0, 0.0), (1.0, 0.1, 0.0)))
    second = cut(first.carry(points), first.tets, first.triangles, Flat((0.0, 6.2, 0.0), (0.0, 1.0, 0.2)))
    checked(first.carry(points), first.tets, second)
    assert len(second.piece_mm3) == 4
    assert euler(second.triangles) == 8


def test_a_freehand_curve_goes_through_beyond_its_ends() -> None:
    points, tets, skin = block()
    made = cut(
        points, tets, skin, Swept(np.array([[6.0, 5.0, 0.0], [8.0, 6.0, 0.0], [10.0, 5.0, 0.0]]), (0, 0, 1), 99.0)
    )
    checked(points, tets, made)
    assert len(made.piece_mm3) == 2


def test_a_margin_that_touches_no_skin_leaves_a_hollow() -> None:
    points, tets, skin = block((10, 10, 10), 0.2)
    inner, faces = sphere(np.array([10.0, 10.0, 10.0]), 3.0)
    made = cut(points, tets, skin, Offset(inner, faces, 2.0))
    checked(points, tets, made)
    assert len(made.piece_mm3) == 2
    ball = made.piece_mm3[made.piece_sides < 0].sum()
    assert ball == pytest.approx(4 / 3 * np.pi * 5**3, rel=0.08)
    kept = made.without(np.flatnonzero(made.piece_sides < 0))
    assert euler(kept.triangles) == 4  # an outer and an inner sphere
    assert kept.piece_mm3.sum() == pytest.approx(8000 - ball)


def test_boundary_triangles_know_which_they_were_part_of() -> None:
    points, tets, skin = block()
    made = cut(points, tets, skin, Flat((7.3, 5.0, 0.0), (1.0, 1.0, 0.3)))
    now = made.carry(points)
    old = made.triangle_parent >= 0
    middles = now[made.triangles[old]].mean(axis=1)
    parents = points[skin[made.triangle_parent[old]]]
    normal = np.cross(parents[:, 1] - parents[:, 0], parents[:, 2] - parents[:, 0])
    assert np.abs(np.einsum("ij,ij->i", middles - parents[:, 0], normal)).max() < 1e-9
    area = [
        0.5 * np.linalg.norm(np.cross(t[:, 1] - t[:, 0], t[:, 2] - t[:, 0]), axis=1).sum()
        for t in (now[made.triangles[old]], points[skin])
    ]
    assert area[0] == pytest.approx(area[1])


def test_a_linear_field_is_carried_exactly() -> None:
    points, tets, skin = block()
    made = cut(points, tets, skin, Flat((7.3, 5.0, 0.0), (1.0, 1.0, 0.3)))
    field = points @ np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]]) + 4.0
    assert np.allclose(made.carry(field), made.carry(points) @ np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.1]]) + 4.0)


def test_a_cut_drawn_on_the_deformed_organ_is_the_same_cut_at_rest() -> None:
    rest, tets, skin = block()
    bent = rest + np.stack([0.02 * rest[:, 2] ** 2, 0.1 * rest[:, 0], np.zeros(len(rest))], axis=1)
    made = cut(bent, tets, skin, Flat((8.0, 6.0, 5.0), (1.0, 0.2, 0.0)), rest_mm=rest)
    checked(rest, tets, made)
    assert quality.volumes(made.carry(bent), made.tets).min() > 0
    assert len(made.piece_mm3) == 2


@pytest.mark.parametrize(
    "sheet",
    [
        Flat((99.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
        blade(np.array([[8.0, 2.0, 14.0], [8.0, 10.0, 14.0]]), np.tile([0.0, 0.0, -1.0], (2, 1)), 2.0, 1.0, 1.0, 0.3)[
            0
        ],
        blade(np.array([[8.1, 5.9, 10.0], [8.1, 6.0, 10.0]]), np.tile([0.0, 0.0, -1.0], (2, 1)), 0.1, 1.0, 1.0, 0.0)[0],
    ],
)
def test_a_cut_through_nothing_is_refused(sheet: Sheet) -> None:
    points, tets, skin = block()
    with pytest.raises(BadInput, match="goes through nothing"):
        cut(points, tets, skin, sheet)


def test_cutting_the_same_place_twice_is_refused_as_nothing_is_left_to_open() -> None:
    points, tets, skin = block()
    plane = Flat((7.3, 0.0, 0.0), (1.0, 0.1, 0.0))
    first = cut(points, tets, skin, plane)
    try:
        again = cut(first.carry(points), first.tets, first.triangles, plane)
    except BadInput:
        return
    assert again.crumbs.size == 0  # at most a face or two that the first cut had bent


def test_a_sliver_cut_off_is_told_as_a_crumb() -> None:
    points, tets, skin = block()
    made = cut(points, tets, skin, Flat((15.0, 11.5, 9.5), (1.0, 1.0, 1.0)))
    assert list(made.crumbs) == [1]
    checked(points, tets, made)


def test_a_path_that_crosses_itself_is_cut_as_several_sheets() -> None:
    path = np.array([[2.0, 2.0, 10.0], [12.0, 10.0, 10.0], [12.0, 2.0, 10.0], [2.0, 10.0, 10.0]])
    sheets = blade(path, np.tile([0.0, 0.0, -1.0], (4, 1)), 6.0, 2.0, 1.0, 0.3)
    assert len(sheets) == 2
    points, tets, skin = block()
    for sheet in sheets:
        made = cut(points, tets, skin, sheet)
        points, tets, skin = checked(points, tets, made), made.tets, made.triangles


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(*(st.floats(0.5, 9.5) for _ in range(3)), *(st.floats(-1, 1) for _ in range(3))).filter(
            lambda p: sum(x * x for x in p[3:]) > 0.01
        ),
        min_size=1,
        max_size=3,
    )
)
@example([(1.0, 1.0, 1.0, 0.0, 1.0, 1.0), (1.0, 1.0, 2.0, 1e-06, 0.0, 1.0)])  # almost along what was cut before
def test_random_planes_leave_whole_positive_fitting_tetrahedra(planes: list[tuple[float, ...]]) -> None:
    points, tets, skin = block((5, 5, 5))
    for plane in planes:
        try:
            made = cut(points, tets, skin, Flat(plane[:3], plane[3:]))
        except BadInput:
            continue
        now = made.carry(points)
        assert quality.volumes(now, made.tets).min() > 0
        assert quality.volumes(now, made.tets).sum() == pytest.approx(1000.0, rel=1e-11)
        other = neighbours(made.tets)
        assert not (other == -2).any()
        assert (other == -1).sum() == len(made.triangles)
        assert set(np.unique(made.piece_sides)) <= {-1, 0, 1}
        points, tets, skin = now, made.tets, made.triangles


def test_the_side_of_a_closed_surface_and_the_distance_to_it_are_right() -> None:
    points, faces = sphere(np.zeros(3), 10.0)
    queries = np.random.default_rng(1).normal(size=(500, 3)) * 8
    got = NearestOnSurface(points, faces).distance(queries)
    assert np.abs(got - (np.linalg.norm(queries, axis=1) - 10.0)).max() < 0.1


def test_past_its_border_a_sheet_goes_on_flat() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    sheet = Triangulated(points, np.array([[0, 1, 2], [0, 2, 3]]), reach_mm=0.5)
    height, past = sheet.measure(np.array([[0.5, 0.5, 0.3], [2.0, 0.5, -0.2], [1.2, 0.5, 0.1]]))
    assert height == pytest.approx([0.3, -0.2, 0.1])
    assert past == pytest.approx([0.0, 0.5, 0.0])


def sphere(centre: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    import pyvista as pv

    ball = pv.Icosphere(radius=radius, nsub=4, center=tuple(centre))
    return np.asarray(ball.points, float), ball.faces.reshape(-1, 4)[:, 1:].astype(np.int32)
