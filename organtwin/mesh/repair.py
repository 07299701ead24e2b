"""Making a surface sound before it is filled: one closed sheet that looks outwards and does not cut through itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.errors import BadInput
from organtwin.mesh import triangles as tri
from organtwin.mesh.crossings import crossing_triangles

SHOWN_PLACES = 200  # failing triangles that a view is told of


class BadSurface(BadInput):
    """A surface that cannot be filled; ``points_mm`` and ``triangles`` with ``failing`` (triangle numbers) show where."""

    def __init__(
        self,
        what: str,
        points_mm: tri.Points,
        triangles: NDArray[np.int32],
        failing: NDArray[np.int64],
        remedy: str = "",
    ) -> None:
        self.points_mm = points_mm
        self.triangles = triangles
        self.failing = failing
        self.centres_mm = points_mm[triangles[failing]].mean(axis=1)
        shown = "; ".join(place(c) for c in self.centres_mm[:3])
        more = f" and {len(failing) - 3} more" if len(failing) > 3 else ""
        self.places_mm = tuple((float(x), float(y), float(z)) for x, y, z in self.centres_mm[:SHOWN_PLACES])
        super().__init__(what, where=f"triangles at {shown}{more}" if len(failing) else "", remedy=remedy)


def place(point: NDArray[np.float64]) -> str:
    """A point as people read it: L 12.0, P 35.3, S 2.1 mm."""
    x, y, z = point
    return f"{'L' if x >= 0 else 'R'} {abs(x):.1f}, {'P' if y >= 0 else 'A'} {abs(y):.1f}, {'S' if z >= 0 else 'I'} {abs(z):.1f} mm"


@dataclass(frozen=True)
class Findings:
    """What is wrong with a surface: numbers of triangles, and the closed loops of open edges."""

    degenerate: NDArray[np.int64]
    non_manifold: NDArray[np.int64]
    flipped: bool
    holes: tuple[NDArray[np.int64], ...]
    crossing: NDArray[np.int64]

    @property
    def sound(self) -> bool:
        return not (len(self.degenerate) or len(self.non_manifold) or self.flipped or self.holes or len(self.crossing))


def examine(points: tri.Points, triangles: tri.Triangles) -> Findings:
    """Look for everything that keeps a surface from being filled."""
    m = len(triangles)
    edges = tri.directed_edges(triangles)
    keys = tri.edge_keys(edges, len(points))
    _, number, times = np.unique(keys, return_inverse=True, return_counts=True)
    crowded = np.unique(np.flatnonzero(times[number] > 2) % m)
    forward = edges[:, 0] * len(points) + edges[:, 1]
    doubled = len(np.unique(forward)) < len(forward) and len(crowded) == 0
    open_ = edges[times[number] == 1]
    closed = len(open_) == 0
    flipped = doubled or (closed and len(crowded) == 0 and tri.volume(points, triangles) < 0)
    thin = tri.areas(points, triangles) <= 1e-12 * float(np.ptp(points, axis=0).max()) ** 2
    return Findings(np.flatnonzero(thin), crowded, flipped, _loops(open_), crossing_triangles(points, triangles))


def repaired(
    points: tri.Points,
    triangles: tri.Triangles,
    *,
    largest_hole_mm: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> tuple[tri.Points, tri.Triangles, tuple[str, ...]]:
    """A closed, outward oriented surface without crossings, and notes on what was changed.

    Points that coincide are joined, degenerate and doubled triangles dropped, triangles turned to one sense, small holes closed and
    crossings smoothed away.

    Parameters
    ----------
    points, triangles
    largest_hole_mm : float, optional
        Holes up to this diameter are closed; by default an eighth of the extent.

    Raises
    ------
    BadSurface
        When a hole is larger, edges are shared by more than two triangles, or crossings stay.
    """
    if len(triangles) < 4:
        raise BadInput("A surface of fewer than four triangles encloses nothing")
    if not np.isfinite(points).all():
        raise BadInput("The surface has points that are not numbers")
    notes: list[str] = []
    extent = float(np.ptp(points, axis=0).max())
    points, triangles = _welded(points, triangles, 1e-7 * extent)
    edges = tri.directed_edges(triangles)
    _, number, times = np.unique(tri.edge_keys(edges, len(points)), return_inverse=True, return_counts=True)
    crowded = np.unique(np.flatnonzero(times[number] > 2) % len(triangles))
    if len(crowded):
        raise BadSurface(
            f"{len(crowded)} triangles of the surface meet three or more at an edge",
            points,
            triangles,
            crowded,
            remedy="Smooth the segmentation there, or remove the inner sheet.",
        )
    triangles, turned = _one_sense(triangles, len(points))
    if turned:
        notes.append(f"{turned} triangles looked the wrong way and were turned.")
    progress()
    limit = extent / 8 if largest_hole_mm is None else largest_hole_mm
    for loop in _loops(_open_edges(triangles, len(points))):
        outline = points[loop]
        width = float(np.linalg.norm(outline[:, None] - outline[None], axis=2).max()) if len(loop) < 2000 else extent
        where = place(outline.mean(axis=0))
        if width > limit:
            beside = np.flatnonzero(np.isin(triangles, loop).sum(axis=1) >= 2)
            raise BadSurface(
                f"The surface has a hole of {width:.1f} mm at {where}",
                points,
                triangles,
                beside,
                remedy="Close it: fill the segmentation there, or give the opening of a vessel a flat cap.",
            )
        first = len(points)
        points = np.concatenate([points, outline.mean(axis=0)[None]])
        patch = np.stack([np.roll(loop, -1), loop, np.full(len(loop), first)], axis=1)
        triangles = np.concatenate([triangles, patch.astype(np.int32)])
        notes.append(f"A hole of {width:.1f} mm at {where} was closed.")
    triangles = _outward(points, triangles)
    points, triangles, _ = tri.compact(points, triangles)
    points, rounds, left = untangled(points, triangles, np.zeros(len(points), bool), progress)
    if len(left):
        raise BadSurface(
            f"{len(left)} triangles of the surface cut through each other",
            points,
            triangles,
            left,
            remedy="Use more smoothing, or the mesher fTetWild.",
        )
    if rounds:
        notes.append("Triangles that cut through each other were smoothed apart.")
    return points, triangles, tuple(notes)


def plugged(
    points: tri.Points, triangles: tri.Triangles, tags: NDArray[np.int16], most_edges: int = 8
) -> tuple[tri.Points, tri.Triangles, NDArray[np.int16]]:
    """Close pin-holes of a few edges and drop loose scraps, which remeshing may leave; a patch has the tag of what is beside it."""
    number, part = tri.parts(triangles, len(points))
    if number > 1:
        kept = (np.bincount(part) > most_edges)[part]
        points, triangles, _ = tri.compact(points, triangles[kept])
        tags = tags[kept]
    new_points, new_faces, new_tags = [points], [triangles], [tags]
    count = len(points)
    for loop in _loops(_open_edges(triangles, count)):
        if len(loop) > most_edges:
            continue
        beside = tags[np.isin(triangles, loop).sum(axis=1) >= 2]
        if len(loop) == 3:
            patch = loop[None, ::-1]
        else:
            hub = sum(len(p) for p in new_points)
            new_points.append(points[loop].mean(axis=0)[None])
            patch = np.stack([np.roll(loop, -1), loop, np.full(len(loop), hub)], axis=1)
        new_faces.append(patch.astype(np.int32))
        new_tags.append(np.full(len(patch), beside[0] if len(beside) else tags[0], np.int16))
    return np.concatenate(new_points), np.concatenate(new_faces), np.concatenate(new_tags)


def untangled(
    points: tri.Points,
    triangles: tri.Triangles,
    fixed: NDArray[np.bool_],
    progress: Callable[[], None] = lambda: None,
    rounds: int = 12,
) -> tuple[tri.Points, int, NDArray[np.int64]]:
    """Smooth the surroundings of triangles that cut through each other until none does.

    Returns the points, the number of rounds it took, and the triangles that still cross. ``fixed`` points stay.
    """
    mean = _neighbour_mean(triangles, len(points))
    ring = mean.astype(bool)
    out = points
    for done in range(rounds + 1):
        progress()
        bad = crossing_triangles(out, triangles)
        if len(bad) == 0 or done == rounds:
            return out, done, bad
        zone = np.zeros(len(points), bool)
        zone[triangles[bad]] = True
        for _ in range(1 + done // 2):
            zone |= ring @ zone
        zone &= ~fixed
        out = out.copy()
        for _ in range(3):
            out[zone] += 0.6 * ((mean @ out)[zone] - out[zone])
    return out, rounds, bad


def fair(
    points: tri.Points, triangles: tri.Triangles, rounds: int, fixed: NDArray[np.bool_] | None = None
) -> tri.Points:
    """Smoothing without shrinkage (Taubin 1995)."""
    mean = _neighbour_mean(triangles, len(points))
    out = points.copy()
    for _ in range(rounds):
        for step in (0.6, -0.64):
            change = mean @ out - out
            if fixed is not None:
                change[fixed] = 0.0
            out += step * change
    return out


def _neighbour_mean(triangles: tri.Triangles, count: int) -> csr_matrix:
    edges = tri.directed_edges(triangles)
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 0]])
    graph = coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count)).tocsr()
    graph.data[:] = 1.0
    total = np.maximum(np.asarray(graph.sum(axis=1)).ravel(), 1.0)
    graph.data /= np.repeat(total, np.diff(graph.indptr))
    return graph


def _welded(points: tri.Points, triangles: tri.Triangles, tolerance: float) -> tuple[tri.Points, tri.Triangles]:
    """Join points that coincide; drop triangles that collapse and those that come twice."""
    _, first, number = np.unique(
        np.round(points / max(tolerance, 1e-12)).astype(np.int64), axis=0, return_index=True, return_inverse=True
    )
    faces = number.reshape(-1)[triangles]
    real = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    faces = faces[real]
    _, once = np.unique(np.sort(faces, axis=1), axis=0, return_index=True)
    kept, renumbered, _ = tri.compact(points[first], faces[np.sort(once)])
    return kept, renumbered


def _open_edges(triangles: tri.Triangles, count: int) -> NDArray[np.int64]:
    edges = tri.directed_edges(triangles)
    _, number, times = np.unique(tri.edge_keys(edges, count), return_inverse=True, return_counts=True)
    return edges[times[number] == 1]


def _loops(open_edges: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Closed chains of directed open edges."""
    after: dict[int, list[int]] = {}
    for a, b in open_edges.tolist():
        after.setdefault(a, []).append(b)
    loops = []
    while after:
        start = next(iter(after))
        loop, at = [], start
        while at in after:
            loop.append(at)
            following = after[at].pop()
            if not after[at]:
                del after[at]
            at = following
            if at == start:
                break
        loops.append(np.array(loop, np.int64))
    return tuple(loops)


def _one_sense(triangles: tri.Triangles, count: int) -> tuple[tri.Triangles, int]:
    """Turn triangles so that neighbours run their common edge in opposite senses; how many of the fewer were turned."""
    m = len(triangles)
    edges = tri.directed_edges(triangles)
    keys = tri.edge_keys(edges, count)
    order = np.argsort(keys, kind="stable")
    pair = np.flatnonzero(keys[order][1:] == keys[order][:-1])
    one, other = order[pair], order[pair + 1]
    disagree = edges[one, 0] == edges[other, 0]
    if not disagree.any():
        return triangles, 0
    # states: triangle as it is, or turned; each shared edge ties the states of its two triangles
    rows = np.concatenate([one % m, one % m + m])
    columns = np.concatenate([other % m + np.where(disagree, m, 0), other % m + np.where(disagree, 0, m)])
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(2 * m, 2 * m)).tocsr()
    _, state = connected_components(graph, directed=False)
    turned = np.zeros(m, bool)
    pieces, piece_of = np.unique(np.minimum(state[:m], state[m:]), return_inverse=True)
    for one_piece in range(len(pieces)):
        members = piece_of == one_piece
        if np.any(state[:m][members] == state[m:][members]):
            raise BadInput("The surface has only one side", remedy="It cannot enclose a volume.")
        flips = state[:m][members] != state[int(np.flatnonzero(members)[0])]
        turned[np.flatnonzero(members)[flips if 2 * flips.sum() <= len(flips) else ~flips]] = True
    out = triangles.copy()
    out[turned] = out[turned][:, ::-1]
    return out, int(turned.sum())


def _outward(points: tri.Points, triangles: tri.Triangles) -> tri.Triangles:
    """Each part turned so that its volume is positive."""
    count, part = tri.parts(triangles, len(points))
    out = triangles.copy()
    for one in range(count):
        own = part == one
        if tri.volume(points, triangles[own]) < 0:
            out[own] = triangles[own][:, ::-1]
    return out


__all__ = ["BadSurface", "Findings", "examine", "fair", "place", "repaired", "untangled"]
