"""Cutting a closed surface flat across a vessel, and closing the cut with a cap."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.errors import BadInput
from organtwin.mesh import triangles as tri
from organtwin.vessel.section import heights, plane_axes, section

WALL = 1


def cut_flat(
    points: tri.Points,
    triangles: tri.Triangles,
    tags: NDArray[np.int16],
    centre: tri.Points,
    normal: tri.Points,
    cap_tag: int,
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    """Take away what lies beyond a plane at one place, and close the cut with a flat cap.

    Only the loop around ``centre`` is cut: the plane may run through other parts of the vessel without touching them.

    Parameters
    ----------
    points, triangles : a closed, outward oriented surface
    tags : (m,) int16
        Kept for the triangles that stay.
    centre, normal : (3,)
        The plane; ``normal`` (unit) points to what is taken away.
    cap_tag : int
        Tag of the cap's triangles.

    Raises
    ------
    BadInput
        When the plane does not separate an end of the vessel.
    """
    loop = section(points, triangles, centre, normal)
    if loop is None:
        raise BadInput("A cut lies outside the vessel", where=np.array2string(centre, precision=1))
    height = heights(points, centre, normal)
    split, ids, old_edges = _split_crossed(triangles, loop.triangles, height, len(points))
    a, b = old_edges[:, 0], old_edges[:, 1]
    t = np.clip(height[a] / (height[a] - height[b]), 0.02, 0.98)
    new = points[a] + t[:, None] * (points[b] - points[a])
    new -= ((new - centre) @ normal)[:, None] * normal
    every = np.concatenate([points, new])
    rest = np.ones(len(triangles), bool)
    rest[loop.triangles] = False
    faces = np.concatenate([triangles[rest], split]).astype(np.int64)
    face_tags = np.concatenate([tags[rest], np.repeat(tags[loop.triangles], 3)])
    beyond = np.concatenate([np.zeros(np.count_nonzero(rest), bool), ids])
    fresh = faces >= len(points)
    part = _parts_without_loop(faces, len(every), len(points))
    first = np.count_nonzero(rest)
    gone = np.unique(part[beyond])
    stays = np.unique(part[first:][~ids])
    if np.intersect1d(gone, stays).size:
        raise BadInput(
            "A cut does not separate an end of the vessel: the vessel goes round it",
            where=np.array2string(centre, precision=1),
            remedy="Place the opening elsewhere.",
        )
    keep = ~np.isin(part, gone)
    faces, face_tags = faces[keep], face_tags[keep]
    rim = _rim(faces, fresh[keep], len(points))
    cap, extra = _cap(every, rim, normal)
    every = np.concatenate([every, extra])
    out_points, out_faces, _ = tri.compact(every, np.concatenate([faces, cap]))
    return out_points, out_faces, np.concatenate([face_tags, np.full(len(cap), cap_tag, np.int16)])


def extended(
    points: tri.Points, triangles: tri.Triangles, tags: NDArray[np.int16], cap_tag: int, shift: tri.Points, layers: int
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    """Move a flat cap outwards by ``shift`` (3,) and join it to the wall with a straight tube of ``layers`` rings."""
    on_cap = tags == cap_tag
    cap, wall = triangles[on_cap], triangles[~on_cap]
    edges = tri.directed_edges(cap)
    rim = edges[~np.isin(tri.edge_keys(edges, len(points)), _inner_keys(edges, len(points)))]
    corners, number = np.unique(rim, return_inverse=True)
    rim = number.reshape(-1, 2)
    rings = [corners]
    new_points = [points]
    count = len(points)
    for layer in range(1, layers + 1):
        new_points.append(points[corners] + shift * (layer / layers))
        rings.append(np.arange(count, count + len(corners)))
        count += len(corners)
    inner = np.setdiff1d(np.unique(cap), corners)
    new_points.append(points[inner] + shift)
    moved = np.arange(len(points))
    moved[corners] = rings[-1]
    moved[inner] = np.arange(count, count + len(inner))
    tube = []
    for low, high in pairwise(rings):
        a, b, c, d = low[rim[:, 0]], low[rim[:, 1]], high[rim[:, 0]], high[rim[:, 1]]
        tube += [np.stack([a, b, d], 1), np.stack([a, d, c], 1)]
    side = np.concatenate(tube)
    faces = np.concatenate([wall, side, moved[cap]])
    new_tags = np.concatenate([tags[~on_cap], np.full(len(side), WALL), np.full(len(cap), cap_tag)]).astype(np.int16)
    out, numbered, _ = tri.compact(np.concatenate(new_points), faces)
    return out, numbered, new_tags


def _inner_keys(edges: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Edges that two of the triangles share."""
    keys, times = np.unique(tri.edge_keys(edges, count), return_counts=True)
    return keys[times > 1]


def _split_crossed(
    triangles: tri.Triangles, crossed: NDArray[np.int64], height: NDArray[np.float64], count: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.int64]]:
    """Three triangles for each crossed one, whether they lie beyond, and the edges that got a point (numbered from ``count``)."""
    faces = triangles[crossed].astype(np.int64)
    above = height[faces] > 0
    lone_above = above.sum(axis=1) == 1
    lone = np.where(lone_above, above.argmax(axis=1), (~above).argmax(axis=1))
    row = np.arange(len(faces))
    a, b, c = (faces[row, (lone + k) % 3] for k in range(3))
    keys = np.concatenate([tri.edge_keys(np.stack([a, b], 1), count), tri.edge_keys(np.stack([a, c], 1), count)])
    names, number = np.unique(keys, return_inverse=True)
    ab, ac = count + number[: len(faces)], count + number[len(faces) :]
    pieces = np.stack([np.stack([a, ab, ac], 1), np.stack([ab, b, c], 1), np.stack([ab, c, ac], 1)], axis=1).reshape(
        -1, 3
    )
    beyond = np.stack([lone_above, ~lone_above, ~lone_above], axis=1).ravel()
    return pieces, beyond, np.stack([names // count, names % count], axis=1)


def _parts_without_loop(faces: NDArray[np.int64], count: int, first_new: int) -> NDArray[np.int32]:
    """Part of each triangle when the surface is opened along the new edges in the plane."""
    m = len(faces)
    edges = tri.directed_edges(faces)
    keys = tri.edge_keys(edges, count)
    on_cut = (edges >= first_new).all(axis=1)
    # an inner edge of a split piece also joins two new points, unless it lies in the plane: ab-c and c-ac do not
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    pair = np.flatnonzero((ordered[1:] == ordered[:-1]) & ~on_cut[order[1:]])
    one, other = order[pair] % m, order[pair + 1] % m
    graph = coo_matrix((np.ones(len(one), np.int8), (one, other)), shape=(m, m))
    return np.asarray(connected_components(graph, directed=False)[1])


def _rim(faces: NDArray[np.int64], fresh: NDArray[np.bool_], first_new: int) -> NDArray[np.int64]:
    """Points of the open loop, in the sense in which the cap must run it."""
    edges = tri.directed_edges(faces)
    own = (edges >= first_new).all(axis=1)
    edges = edges[own]
    after = dict(zip(edges[:, 1].tolist(), edges[:, 0].tolist(), strict=True))
    start = int(edges[0, 1])
    loop = [start]
    while (point := after[loop[-1]]) != start:
        loop.append(point)
        if len(loop) > len(edges):
            break
    if len(loop) != len(edges):
        raise BadInput("A cut through the vessel is not one simple loop", remedy="Place the opening elsewhere.")
    return np.array(loop)


def _cap(points: tri.Points, rim: NDArray[np.int64], normal: tri.Points) -> tuple[NDArray[np.int64], tri.Points]:
    """Triangles over the loop, and the points they need besides: rings to the middle, or the polygon alone if it is not convex enough."""
    outline = points[rim]
    u, v = plane_axes(normal)
    flat = np.stack([outline @ u, outline @ v], axis=1)
    following = np.roll(flat, -1, axis=0)
    cross = flat[:, 0] * following[:, 1] - flat[:, 1] * following[:, 0]
    middle = ((flat + following) * cross[:, None]).sum(axis=0) / (3 * cross.sum())
    spokes, next_spokes = flat - middle, following - middle
    if np.all(spokes[:, 0] * next_spokes[:, 1] - spokes[:, 1] * next_spokes[:, 0] > 0):
        centre = outline.mean(axis=0)
        centre = centre + (middle[0] - centre @ u) * u + (middle[1] - centre @ v) * v
        n, first = len(rim), len(points)
        hub = np.full(n, first)
        return np.stack([rim, np.roll(rim, -1), hub], axis=1), centre[None]
    return rim[ear_clipped(flat)], np.zeros((0, 3))


def ear_clipped(polygon: NDArray[np.float64]) -> NDArray[np.int64]:
    """(n - 2, 3) triangles of a simple, counter-clockwise polygon (n, 2)."""
    left = list(range(len(polygon)))
    out: list[tuple[int, int, int]] = []
    while len(left) > 3:
        best, quality = -1, -np.inf
        p = polygon[left]
        before, after = np.roll(p, 1, axis=0), np.roll(p, -1, axis=0)
        doubled = (p[:, 0] - before[:, 0]) * (after[:, 1] - before[:, 1]) - (p[:, 1] - before[:, 1]) * (
            after[:, 0] - before[:, 0]
        )
        longest = np.maximum(
            np.maximum(((p - before) ** 2).sum(1), ((after - p) ** 2).sum(1)), ((after - before) ** 2).sum(1)
        )
        for at in np.argsort(-doubled / longest).tolist():
            if doubled[at] <= 0:
                break
            a, b, c = before[at], p[at], after[at]
            others = np.delete(p, [at - 1, at, (at + 1) % len(p)], axis=0)
            if not _any_inside(others, a, b, c):
                best, quality = at, 1.0
                break
        if best < 0 or quality < 0:
            raise BadInput("A cut through the vessel crosses itself", remedy="Place the opening elsewhere.")
        out.append((left[best - 1], left[best], left[(best + 1) % len(left)]))
        left.pop(best)
    out.append((left[0], left[1], left[2]))
    return np.array(out)


def _any_inside(p: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]) -> bool:
    def side(s: NDArray[np.float64], e: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray((e[0] - s[0]) * (p[:, 1] - s[1]) - (e[1] - s[1]) * (p[:, 0] - s[0]))

    return bool(((side(a, b) >= 0) & (side(b, c) >= 0) & (side(c, a) >= 0)).any())
