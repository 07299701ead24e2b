"""Surfaces with faults: mended where that is safe, refused with the place where it is not."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.mesh import triangles as tri
from organtwin.mesh.crossings import crossing_triangles
from organtwin.mesh.cut import cut_flat, ear_clipped
from organtwin.mesh.repair import BadSurface, examine, plugged, repaired


def sphere(radius=10.0, rings=16, around=24):
    theta = np.linspace(0, np.pi, rings + 1)[1:-1]
    phi = np.linspace(0, 2 * np.pi, around, endpoint=False)
    t, p = np.meshgrid(theta, phi, indexing="ij")
    body = np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1).reshape(-1, 3)
    points = radius * np.vstack([body, [[0, 0, 1], [0, 0, -1]]])
    top, bottom = len(body), len(body) + 1
    faces = []
    for b in range(around):
        c = (b + 1) % around
        faces.append((top, b, c))
        for a in range(rings - 2):
            p00, p01, p10, p11 = a * around + b, a * around + c, (a + 1) * around + b, (a + 1) * around + c
            faces += [(p00, p10, p11), (p00, p11, p01)]
        last = (rings - 2) * around
        faces.append((bottom, last + c, last + b))
    return points, np.array(faces, np.int32)


def test_a_sound_surface_stays_as_it_is():
    points, faces = sphere()
    assert examine(points, faces).sound
    new_points, new_faces, notes = repaired(points, faces)
    assert notes == ()
    assert tri.volume(new_points, new_faces) == pytest.approx(tri.volume(points, faces))


def test_a_small_hole_is_closed_and_said_where():
    points, faces = sphere()
    assert len(examine(points, faces[3:]).holes) > 0
    new_points, new_faces, notes = repaired(points, faces[1:], largest_hole_mm=5.0)
    assert tri.is_closed(new_faces)
    assert "hole" in notes[0]
    assert "mm at" in notes[0]
    assert tri.volume(new_points, new_faces) == pytest.approx(tri.volume(points, faces), rel=0.01)


def test_a_large_hole_is_refused_with_its_place_and_triangles():
    points, faces = sphere()
    open_ = faces[points[faces][:, :, 2].mean(axis=1) < 6.0]
    with pytest.raises(BadSurface, match=r"hole of 1\d\.\d mm at .*S 5") as caught:
        repaired(points, open_)
    assert len(caught.value.failing) > 0
    assert caught.value.centres_mm.shape == (len(caught.value.failing), 3)
    assert "triangles at" in caught.value.where


def test_triangles_that_look_the_wrong_way_are_turned():
    points, faces = sphere()
    mixed = faces.copy()
    mixed[::7] = mixed[::7][:, ::-1]
    _, new_faces, notes = repaired(points, mixed)
    assert tri.is_closed(new_faces)
    assert "turned" in notes[0]
    inside_out = repaired(points, faces[:, ::-1])
    assert tri.volume(inside_out[0], inside_out[1]) > 0


def test_doubled_points_are_joined():
    points, faces = sphere()
    loose = points[faces].reshape(-1, 3)
    new_points, new_faces, _ = repaired(loose, np.arange(len(loose), dtype=np.int32).reshape(-1, 3))
    assert len(new_points) == len(points)
    assert tri.is_closed(new_faces)


def test_a_sheet_inside_is_refused():
    points, faces = sphere()
    rim = [7 * 24 + b for b in range(24)]
    inner = np.array([(len(points), rim[b], rim[(b + 1) % 24]) for b in range(24)], np.int32)
    with pytest.raises(BadSurface, match="three or more at an edge"):
        repaired(np.vstack([points, [[0, 0, 0]]]), np.vstack([faces, inner]))


def test_triangles_that_cut_through_each_other_are_found_and_smoothed_apart():
    points, faces = sphere()
    assert len(crossing_triangles(points, faces)) == 0
    spike = points.copy()
    spike[100] = -1.2 * spike[100]
    assert len(crossing_triangles(spike, faces)) > 0
    new_points, new_faces, notes = repaired(spike, faces)
    assert len(crossing_triangles(new_points, new_faces)) == 0
    assert "smoothed apart" in notes[-1]


@pytest.mark.parametrize(
    ("points", "faces"),
    [(np.zeros((3, 3)), [[0, 1, 2]]), (np.full((4, 3), np.nan), [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]])],
)
def test_nothing_to_fill_is_refused(points, faces):
    with pytest.raises(BadInput):
        repaired(points, np.array(faces, np.int32))


def test_pin_holes_of_remeshing_are_plugged_with_the_tag_beside_them():
    points, faces = sphere()
    p, f, t = plugged(points, faces[1:], np.full(len(faces) - 1, 4, np.int16))
    assert tri.is_closed(f)
    assert set(t.tolist()) == {4}
    assert len(p) == len(points)


def test_a_cut_leaves_a_closed_surface_with_a_flat_cap():
    points, faces = sphere()
    normal = np.array([0.6, 0.0, 0.8])
    centre = 5.0 * normal
    p, f, t = cut_flat(points, faces, np.ones(len(faces), np.int16), centre, normal, 2)
    assert tri.is_closed(f)
    cap = f[t == 2]
    assert np.abs((p[np.unique(cap)] - centre) @ normal).max() < 1e-9
    assert (tri.area_vectors(p, cap) @ normal > 0).all()
    exact = np.pi * (4 / 3 * 1000 - 25 * 25 / 3)  # sphere without a cap of height 5
    assert tri.volume(p, f) == pytest.approx(exact, rel=0.03)


def test_a_bay_in_the_outline_is_triangulated_without_overlap():
    outline = np.array([[0, 0], [4, 0], [4, 3], [2, 0.5], [0, 3]], float)
    pieces = outline[ear_clipped(outline)]
    u, v = pieces[:, 1] - pieces[:, 0], pieces[:, 2] - pieces[:, 0]
    signed = 0.5 * (u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0])
    assert (signed > 0).all()
    assert signed.sum() == pytest.approx(7.0)
