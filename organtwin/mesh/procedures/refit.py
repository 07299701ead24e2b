"""A changed surface around cells of which most can stay: new triangles where it changed, new cells behind them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from organtwin.errors import BadInput, SolveFailed
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.mesh.crossings import crossing_triangles
from organtwin.mesh.improve import improved
from organtwin.mesh.meshers import fill
from organtwin.mesh.patch import patched
from organtwin.mesh.procedures.changed import Beat, Body
from organtwin.mesh.repair import place


def refit(
    points: tri.Points,
    tets: NDArray[np.int32],
    faces: tri.Triangles,
    tags: NDArray[np.int16],
    changed: NDArray[np.bool_],
    sizes: NDArray[np.float64],
    *,
    rings: int = 2,
    touched: NDArray[np.int64] | None = None,
    beat: Beat = lambda: None,
) -> Body:
    """Cells inside a surface that is partly new.

    Parameters
    ----------
    points : (n, 3)
        Points of the cells and of the surface.
    tets : (m, 4)
        The cells that may stay; those that touch the changed surface, or lie within ``rings`` cells of it, are made anew.
    faces, tags
        The closed surface; where it is not changed its triangles are faces of ``tets``.
    changed : (f,) bool
        The triangles to be made anew.
    sizes : (n,)
        Wanted edges at the points of the changed surface.
    touched : (k,), optional
        Further points around which the cells are made anew.

    Raises
    ------
    BadInput
        When the changed surface cuts through itself or the rest.
    SolveFailed
        When it could not be filled.
    """
    for finer in (1.0, 0.85, 0.7):  # a triangulation that left a pin-hole seldom does so twice
        patch_points, patch, patch_tags = patched(points, faces[changed], tags[changed], finer * sizes, beat)
        every = np.concatenate([points, patch_points])
        surface = np.concatenate([faces[~changed], patch])
        surface_tags = np.concatenate([tags[~changed], patch_tags])
        if tri.is_closed(surface):
            break
    else:
        raise SolveFailed("The changed surface did not close", remedy="Try another place or a larger diameter.")
    refuse_crossings(every, surface, beat)
    anew = np.unique(faces[changed]) if touched is None else np.union1d(faces[changed], touched)
    left = _untouched(len(every), tets, anew, rings)
    for _ in range(20):
        left = left[_not_islands(tets[left], surface)]
        cavity = _cavity(tets[left], surface)
        crowded = _crowded(cavity)
        if len(crowded) == 0:
            break
        left = left[~np.isin(tets[left], crowded).any(axis=1)]
    try:
        return _filled(every, tets[left], cavity, surface, surface_tags, beat)
    except SolveFailed:
        if len(left) == 0:
            raise
    return _filled(every, tets[:0], surface, surface, surface_tags, beat)  # what could be kept was in the way


def adopted(
    points: tri.Points, faces: tri.Triangles, shell_points: tri.Points, shell: tri.Triangles, spread: int = 2
) -> tuple[tri.Points, tri.Triangles, NDArray[np.bool_]]:
    """A surface that is partly an old one, in the numbers of the old points.

    Returns the old points followed by the new ones, the triangles of the surface among them, and which of these are not
    among the old ``faces`` or within ``spread`` triangles of one that is not.
    """
    away, at = cKDTree(points).query(shell_points)
    fresh = away > 1e-9
    number = np.where(fresh, len(points) + np.cumsum(fresh) - 1, at)
    own = number[shell].astype(np.int32)
    every = np.concatenate([points, shell_points[fresh]])
    changed = ~np.isin(_keys(own), _keys(faces))
    for _ in range(spread):
        near = np.zeros(len(every), bool)
        near[own[changed]] = True
        changed |= near[own].any(axis=1)
    return every, own, changed


def edges_at(points: tri.Points, faces: tri.Triangles) -> NDArray[np.float64]:
    """(n,) mean length of the edges at each point of a surface; 0 at other points."""
    edges, lengths = tri.directed_edges(faces), tri.edge_lengths(points, faces)
    total, times = np.zeros(len(points)), np.zeros(len(points))
    for end in range(2):
        total += np.bincount(edges[:, end], lengths, minlength=len(points))
        times += np.bincount(edges[:, end], minlength=len(points))
    return np.asarray(total / np.maximum(times, 1))


def refuse_crossings(points: tri.Points, faces: tri.Triangles, beat: Beat, before: tri.Points | None = None) -> None:
    """Refuse a surface that cuts through itself, where it did not when its points were at ``before``.

    Raises
    ------
    BadInput
    """
    beat()
    bad = crossing_triangles(points, faces)
    if len(bad) and before is not None:
        bad = np.setdiff1d(bad, crossing_triangles(before, faces))
    if len(bad):
        middle = points[faces[bad]].mean(axis=1)
        failure = BadInput(
            "The changed vessel would run into itself or a neighbour",
            where=f"{len(bad)} triangles at {place(middle[0])}",
            remedy="Use a smaller diameter, or another place.",
        )
        failure.places_mm = tuple((float(x), float(y), float(z)) for x, y, z in middle[:200])
        raise failure


def _keys(faces: NDArray[Any]) -> NDArray[np.void]:
    """One comparable item per triangle, whatever the order of its corners."""
    ordered = np.ascontiguousarray(np.sort(faces, axis=1).astype(np.int64))
    return ordered.view(np.dtype((np.void, 24))).ravel()


def _untouched(count: int, tets: NDArray[np.int32], touched: NDArray[Any], rings: int) -> NDArray[np.int64]:
    """Numbers of the cells that can stay: more than ``rings`` cells away from the touched points."""
    near = np.zeros(count, bool)
    near[touched] = True
    for _ in range(rings):
        hit = near[tets].any(axis=1)
        near[tets[hit]] = True
    return np.flatnonzero(~near[tets].any(axis=1))


def _not_islands(kept: NDArray[np.int32], surface: tri.Triangles) -> NDArray[np.bool_]:
    """Whether kept cells hang together, face by face, with the outside that stays: meshers do not spare islands."""
    if len(kept) == 0:
        return np.zeros(0, bool)
    sides = _keys(np.concatenate([kept[:, face] for face in quality.FACES]))
    cell = np.tile(np.arange(len(kept)), 4)
    names, number = np.unique(sides, return_inverse=True)
    order = np.argsort(number, kind="stable")
    pair = np.flatnonzero(number[order][1:] == number[order][:-1])
    one, other = cell[order[pair]], cell[order[pair + 1]]
    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(len(kept), len(kept)))
    part = connected_components(graph, directed=False)[1]
    outside = np.isin(names, _keys(surface))[number]
    return np.isin(part, np.unique(part[cell[outside]]))


def _cavity(kept: NDArray[np.int32], surface: tri.Triangles) -> tri.Triangles:
    """The closed surface of what the kept cells leave to be filled, outward."""
    if len(kept) == 0:
        return surface
    shell = quality.boundary(kept)
    a, b = _keys(surface), _keys(shell)
    return np.concatenate([surface[~np.isin(a, b)], shell[~np.isin(b, a)][:, [0, 2, 1]]])


def _crowded(faces: tri.Triangles) -> NDArray[np.int64]:
    """Points of edges that more or fewer than two triangles share."""
    if len(faces) == 0:
        return np.zeros(0, np.int64)
    edges = tri.directed_edges(faces)
    keys = tri.edge_keys(edges, int(faces.max()) + 1)
    _, number, times = np.unique(keys, return_inverse=True, return_counts=True)
    return np.unique(edges[times[number] != 2])


def _filled(
    points: tri.Points,
    kept: NDArray[np.int32],
    cavity: tri.Triangles,
    surface: tri.Triangles,
    tags: NDArray[np.int16],
    beat: Beat,
) -> Body:
    """The kept cells and new ones in the cavity, as one."""
    shell, faces, used = tri.compact(points, cavity)
    made = improved(fill(shell, faces, beat=beat), beat)
    away, twin = cKDTree(made.points).query(shell)
    if away.max() > 1e-6:
        raise SolveFailed("The new cells do not fit the kept ones")
    number = len(points) + np.arange(len(made.points))
    number[twin] = used
    every = np.concatenate([points, made.points])
    tets = np.concatenate([kept, number[made.tets]]).astype(np.int32)
    final, cells, old = tri.compact(every, tets)
    renumbered = np.full(len(every), -1)
    renumbered[old] = np.arange(len(old))
    return Body(final, cells, renumbered[surface].astype(np.int32), tags, len(kept), made.mesher)
