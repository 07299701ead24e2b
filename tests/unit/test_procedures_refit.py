"""Meshing anew only where a surface changed."""

from __future__ import annotations

import numpy as np
import pytest
from organtwin_solvers.validation.pipes import pipe

from organtwin.errors import BadInput, SolveFailed
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.procedures import refit as module
from organtwin.mesh.procedures.refit import edges_at, refit


@pytest.fixture(scope="module")
def tube():
    mesh = pipe(3.0, 24.0, 3, 24)
    points, faces = np.asarray(mesh.points_mm), np.asarray(mesh.boundary_triangles)
    tags = np.asarray(mesh.boundary_tags)
    middle = points[faces].mean(axis=1)[:, 2]
    changed = (tags == 1) & (middle > 10) & (middle < 14)
    return points, np.asarray(mesh.tets), faces, tags, changed, edges_at(points, faces)


def check(body, volume):
    assert quality.volumes(body.points, body.tets).min() > 0
    assert tri.is_closed(body.faces)
    assert quality.volumes(body.points, body.tets).sum() == pytest.approx(volume, rel=0.01)
    shell = {tuple(t) for t in np.sort(quality.boundary(body.tets), axis=1).tolist()}
    assert shell == {tuple(t) for t in np.sort(body.faces, axis=1).tolist()}


def test_only_cells_near_the_change_are_made_anew(tube):
    points, tets = tube[:2]
    body = refit(*tube)
    check(body, quality.volumes(points, tets).sum())
    assert 0.3 * len(tets) < body.kept < 0.9 * len(tets)
    height = body.points[body.tets[body.kept :]].mean(axis=1)[:, 2]
    assert height.min() > 5
    assert height.max() < 19


def test_the_whole_is_filled_anew_where_the_cells_to_keep_are_in_the_way(tube, monkeypatch):
    real = module.fill
    calls = []

    def fill(points, triangles, **options):
        calls.append(len(triangles))
        if len(calls) == 1:
            raise SolveFailed("No mesher could fill the surface")
        return real(points, triangles, **options)

    monkeypatch.setattr(module, "fill", fill)
    points, tets = tube[:2]
    body = refit(*tube)
    assert body.kept == 0
    assert len(calls) == 2
    check(body, quality.volumes(points, tets).sum())


def test_cells_that_touch_the_kept_ones_only_in_a_point_are_not_kept():
    #  two tetrahedra with one corner in common; the outside that stays belongs to the first
    kept = np.array([[0, 1, 2, 3], [0, 4, 5, 6]], np.int32)
    assert module._not_islands(kept, np.array([[1, 2, 3]])).tolist() == [True, False]


def test_a_surface_that_runs_into_itself_is_refused_and_its_place_shown(tube):
    points, tets, faces, tags, changed, sizes = tube
    bad = points.copy()
    wall = np.unique(faces[changed])
    side = wall[points[wall, 0] > 2.0]
    bad[side, 0] -= 8.0  # one side pushed out through the other
    with pytest.raises(BadInput, match="run into itself") as caught:
        refit(bad, tets, faces, tags, changed, sizes)
    assert caught.value.places_mm


def test_a_patch_keeps_its_border(tube):
    points, _, faces, tags, changed, sizes = tube
    more, patch, _ = module.patched(points, faces[changed], tags[changed], 0.5 * sizes)
    every = np.concatenate([points, more])
    whole = np.concatenate([faces[~changed], patch])
    assert tri.is_closed(whole)
    assert len(patch) > 2 * np.count_nonzero(changed)
    assert tri.volume(every, whole) == pytest.approx(tri.volume(points, faces), rel=0.02)
