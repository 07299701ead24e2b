"""A cut through a tetrahedral mesh along a sheet: points of their own on both sides, tetrahedra that still fit together.

Points very near the sheet are brought onto it; every other edge that crosses the sheet is bisected where it does, in all
tetrahedra around it alike. Faces that then lie on the sheet between tetrahedra above and below are opened: each part of
the star of a point that no common face joins gets a point of its own. Where the sheet ends inside, the points of its
border are not doubled: they are the crack's front.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh.cutting import kernels
from organtwin.mesh.cutting.sheets import Sheet

Points = NDArray[np.float64]

ON_SHEET = 0.25  # a point inside is brought onto the sheet when it crosses an edge this near, in edge lengths
ON_SHEET_SKIN = 0.15  # the same for points of the boundary
SLIDE = 0.35  # so far along an edge of the boundary such a point may slide, in edge lengths,
BULGE = 1e-10  # only where the boundary is flat: the organ keeps its volume to rounding
QUALITY_KEPT = 0.4  # share of the worst mean ratio around a point that moving it must leave
OFF_SHEET = 0.3  # a sheet is crossed only where its height really vanishes, in edge lengths
CRUMB_TETS = 4.0  # a piece smaller than so many tetrahedra of mean size is a crumb
ABOVE, BELOW, ON, FAR = 1, -1, 0, 2


@dataclass(frozen=True, eq=False)
class Cut:
    """A mesh after a cut.

    Parameters
    ----------
    a, b : (n,) int32
    t : (n,) float64
        Point i lies at (1 - t) of ``a`` and t of ``b``, points of the mesh before. The points of before keep their
        numbers, whether they are still used or not.
    twin : (n,) int32
        The point that it was before the faces were opened: itself, or the point that it is a copy of.
    tets : (m, 4) int32
    parent : (m,) int32
        The tetrahedron of before that it is a part of.
    side : (m,) int8
        +1 above, -1 below where it touches the sheet, 0 elsewhere.
    triangles : (k, 3) int32
        The whole boundary, outward.
    triangle_parent : (k,) int32
        The boundary triangle of before that it is a part of, -1 for cut faces.
    triangle_tet : (k,) int32
    piece : (m,) int32
        Pieces from the largest to the smallest, by ``piece_mm3``.
    changed : (p,) bool
        Tetrahedra of before that are not as they were, for example because a point of theirs moved.
    near : (n0,) bool
        Points of before of tetrahedra that the sheet goes through, or that lie on it.
    dihedral_deg : least angle between faces where it was cut, before and after.
    """

    a: NDArray[np.int32]
    b: NDArray[np.int32]
    t: NDArray[np.float64]
    twin: NDArray[np.int32]
    tets: NDArray[np.int32]
    parent: NDArray[np.int32]
    side: NDArray[np.int8]
    triangles: NDArray[np.int32]
    triangle_parent: NDArray[np.int32]
    triangle_tet: NDArray[np.int32]
    piece: NDArray[np.int32]
    piece_mm3: NDArray[np.float64]
    changed: NDArray[np.bool_]
    near: NDArray[np.bool_]
    dihedral_deg: tuple[float, float]
    mean_tet_mm3: float

    def carry(self, field: NDArray[Any]) -> NDArray[np.float64]:
        """A field at the points of before (n0, ...) at the points of now."""
        t = self.t.reshape(-1, *[1] * (field.ndim - 1))
        return np.asarray((1.0 - t) * field[self.a] + t * field[self.b])

    @property
    def cut_faces(self) -> NDArray[np.int32]:
        """(k, 3) triangles that this cut laid open."""
        return self.triangles[self.triangle_parent < 0]

    @property
    def crumbs(self) -> NDArray[np.intp]:
        """Numbers of the pieces that are too small to be tissue that one could hold; never the largest."""
        small = np.flatnonzero(self.piece_mm3 < CRUMB_TETS * self.mean_tet_mm3)
        return small[small > 0]

    @property
    def piece_sides(self) -> NDArray[np.int8]:
        """+1 and -1 for pieces that lie above and below the sheet, 0 for those that it does not separate."""
        above = np.bincount(self.piece, self.side > 0, len(self.piece_mm3)) > 0
        below = np.bincount(self.piece, self.side < 0, len(self.piece_mm3)) > 0
        return above.astype(np.int8) - below.astype(np.int8)

    def without(self, pieces: NDArray[Any]) -> Cut:
        """The same with whole pieces taken away; points keep their numbers, and so do the pieces (now of no volume)."""
        stays = ~np.isin(self.piece, pieces)
        number = np.cumsum(stays) - 1
        shown = stays[self.triangle_tet]
        volume = self.piece_mm3.copy()
        volume[pieces] = 0.0
        return replace(
            self,
            tets=self.tets[stays],
            parent=self.parent[stays],
            side=self.side[stays],
            piece=self.piece[stays],
            piece_mm3=volume,
            triangles=self.triangles[shown],
            triangle_parent=self.triangle_parent[shown],
            triangle_tet=number[self.triangle_tet[shown]].astype(np.int32),
        )


def cut(
    points: Points,
    tets: NDArray[np.int32],
    triangles: NDArray[np.int32],
    sheet: Sheet,
    *,
    rest_mm: Points | None = None,
    at_rest: bool = False,
    pinned: NDArray[np.bool_] | None = None,
) -> Cut:
    """Cut a mesh along a sheet.

    Parameters
    ----------
    points : (n, 3)
        Where the points are now (mm).
    tets : (m, 4) int32
        Positively oriented.
    triangles : (k, 3) int32
        Their boundary.
    sheet : Sheet
    rest_mm : (n, 3), optional
        Where the points are at rest, if that is elsewhere. Tetrahedra are spoilt in neither place; volumes are those at
        rest.
    at_rest : bool
        Whether the sheet lies among the places at rest instead of those of now.
    pinned : (n,) bool, optional
        Points that must not move in the tissue, for example where two materials meet.

    Raises
    ------
    BadInput
        When the sheet goes through nothing.
    """
    before = np.array(points if rest_mm is None else rest_mm, float)
    places, others = (np.array(p, float) for p in ((before, points) if at_rest else (points, before)))
    n = len(places)
    longest = kernels.longest_edge(places, tets)
    height, past = sheet.measure(places, longest)
    sign = np.where(height > 0, ABOVE, BELOW).astype(np.int8)
    within = (np.abs(height) <= longest) & (past <= longest)
    sign[~within] = FAR
    near = kernels.crossing_tets(tets, sign)
    edges = _edges_between(tets[near], sign)
    share, truly = crossings(sheet, places, height, edges)
    edges, share = edges[truly], share[truly]
    if len(edges) == 0:
        raise _nothing()

    moved_to, moved_share, moved = _snap(places, others, tets, triangles, sign, pinned, edges, share)
    crossed = (sign[edges] != ON).all(axis=1)
    edges, share = edges[crossed], share[crossed]
    length = np.linalg.norm(places[edges[:, 0]] - places[edges[:, 1]], axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0], -length))  # the longest are bisected first
    edges, share = edges[order], share[order]

    divided, rows = _divided(tets, near, edges, n)
    whole = np.ones(len(tets), bool)
    whole[near] = False
    new_tets = np.ascontiguousarray(np.concatenate([tets[whole], divided]), np.int32)
    parent = np.concatenate([np.flatnonzero(whole), near[rows]])
    new_triangles, triangle_rows = _divided_triangles(triangles, sign, edges, n)

    sign = np.concatenate([sign, np.zeros(len(edges), np.int8)])
    side = kernels.sides(new_tets, sign)
    other = kernels.neighbours(new_tets)
    pairs = kernels.open_faces(new_tets, other, side, sign == ON)
    together = new_tets.copy()
    copies = kernels.part_stars(new_tets, other, sign == ON, n + len(edges))
    if kernels.close_faces(new_tets, other, pairs) == 0:
        raise _nothing()
    faces, row = kernels.boundary_of(together, other, new_triangles)
    piece, count = kernels.pieces_of(other)

    a = np.arange(n, dtype=np.int32)
    b, t = a.copy(), np.zeros(n)
    b[moved], t[moved] = moved_to, moved_share
    a, b, t = (np.concatenate([x, y]) for x, y in ((a, edges[:, 0]), (b, edges[:, 1]), (t, share)))
    twin = np.concatenate([np.arange(n + len(edges)), copies]).astype(np.int32)
    a, b, t = a[twin].astype(np.int32), b[twin].astype(np.int32), t[twin]

    rest = (1.0 - t[:, None]) * before[a] + t[:, None] * before[b]
    volumes = quality.volumes(rest, new_tets)
    piece, piece_mm3 = _largest_first(piece, np.bincount(piece, volumes, count))
    disturbed = np.zeros(n, bool)
    disturbed[moved] = True
    changed = disturbed[tets].any(axis=1)
    split = np.bincount(parent, minlength=len(tets)) > 1
    touched = np.flatnonzero((changed | split)[parent])
    around = sign[:n] == ON
    around[tets[changed | split]] = True
    return Cut(
        a=a,
        b=b,
        t=t,
        twin=twin,
        tets=new_tets,
        parent=parent.astype(np.int32),
        side=_side_at_sheet(new_tets, side, sign[twin] == ON),
        triangles=new_tets[faces[:, :1], kernels.FACES[faces[:, 1]]],
        triangle_parent=np.where(row >= 0, triangle_rows[row], -1).astype(np.int32),
        triangle_tet=faces[:, 0].astype(np.int32),
        piece=piece,
        piece_mm3=piece_mm3,
        changed=changed | split,
        near=around,
        dihedral_deg=(
            _least_angle(before, tets[np.unique(parent[touched])]),
            _least_angle(rest, new_tets[touched]),
        ),
        mean_tet_mm3=float(piece_mm3.sum()) / len(tets),
    )


def _nothing() -> BadInput:
    return BadInput(
        "The cut goes through nothing",
        remedy="Place it through the tissue; a cut that is shorter or less deep than an edge of the mesh opens nothing.",
    )


def _edges_between(tets: NDArray[np.int32], sign: NDArray[np.int8]) -> NDArray[np.int64]:
    """(k, 2) edges with one end above and one below, each once, in the order of their points."""
    ends = tets[:, kernels.EDGES].reshape(-1, 2).astype(np.int64)
    ends = ends[(sign[ends[:, 0]].astype(np.int16) * sign[ends[:, 1]]) == ABOVE * BELOW]
    count = len(sign)
    keys = np.unique(ends.min(axis=1) * count + ends.max(axis=1))
    return np.stack([keys // count, keys % count], axis=1)


def crossings(
    sheet: Sheet, points: Points, height: NDArray[np.float64], edges: NDArray[np.int64], rounds: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Share of each edge at which it meets the sheet, and whether it does so within the sheet's border (regula falsi)."""
    low, high = np.zeros(len(edges)), np.ones(len(edges))
    at_low, at_high = height[edges[:, 0]], height[edges[:, 1]]
    start, along = points[edges[:, 0]], points[edges[:, 1]] - points[edges[:, 0]]
    for _ in range(rounds):
        share = np.clip(low + (high - low) * at_low / (at_low - at_high), 0.0, 1.0)
        value, past = sheet.measure(start + share[:, None] * along)
        same = (value > 0) == (at_low > 0)
        low, at_low = np.where(same, share, low), np.where(same, value, at_low)
        high, at_high = np.where(same, high, share), np.where(same, at_high, value)
        scale = np.maximum(np.linalg.norm(along, axis=1), 1e-12)
        if np.all(np.abs(value) <= 1e-9 * scale):
            break
        at_low, at_high = (
            np.where(at_low == 0, 1e-300, at_low),
            np.where(at_high == 0, -np.sign(at_low) * 1e-300, at_high),
        )
    return share, (np.abs(value) <= OFF_SHEET * scale) & (past <= 0)


def _snap(
    places: Points,
    others: Points,
    tets: NDArray[np.int32],
    triangles: NDArray[np.int32],
    sign: NDArray[np.int8],
    pinned: NDArray[np.bool_] | None,
    edges: NDArray[np.int64],
    share: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Bring points near the sheet onto it (``sign``, ``places`` and ``others`` change); toward which points, by what
    share, and the points that moved.

    Points inside move along any edge, those of the boundary along its edges, and only where it is flat.
    """
    n = len(sign)
    skin = np.zeros(n, bool)
    skin[triangles] = True
    point, toward = np.concatenate([edges[:, 0], edges[:, 1]]), np.concatenate([edges[:, 1], edges[:, 0]])
    part = np.concatenate([share, 1.0 - share])
    length = np.linalg.norm(places[toward] - places[point], axis=1)
    close = np.zeros(n, bool)
    close[point[part < np.where(skin[point], ON_SHEET_SKIN, ON_SHEET)]] = True
    border = skin[edges].all(axis=1)
    border[border] = _numbers(edges[border], _triangle_edges(triangles, close), n) >= 0
    allowed = np.where(skin[point], np.concatenate([border, border]) & (part < SLIDE), part < ON_SHEET)
    if pinned is not None:
        allowed &= ~pinned[point]
    use = np.flatnonzero(close[point])
    use = use[np.lexsort((toward[use], part[use] * length[use], ~allowed[use], point[use]))]
    first = use[np.unique(point[use], return_index=True)[1]]  # for each point the edge along which it moves least
    point, toward, part = point[first], np.where(allowed[first], toward[first], -1), part[first]
    order = np.lexsort((point, part * length[first]))
    near, rim = (np.ascontiguousarray(cells[close[cells].any(axis=1)]) for cells in (tets, triangles))
    starts, around = kernels.cells_around(near, n)
    rim_starts, rim_around = kernels.cells_around(rim, n)
    done = kernels.snap(
        places,
        others,
        near,
        starts,
        around,
        rim,
        rim_starts,
        rim_around,
        sign,
        order,
        point,
        toward,
        part,
        BULGE * length[first],
        QUALITY_KEPT,
    )
    moved = done == 2
    return toward[moved], part[moved], point[moved]


def _triangle_edges(triangles: NDArray[np.int32], close: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(k, 2) edges of the triangles around the points that are ``close``; each may come twice."""
    own = triangles[close[triangles].any(axis=1)].astype(np.int64)
    return np.stack([own, np.roll(own, -1, axis=1)], axis=2).reshape(-1, 2)


def _numbers(ends: NDArray[np.int64], edges: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Number of each edge (..., 2) among ``edges``, -1 for others."""
    keys = edges.min(axis=1) * count + edges.max(axis=1)
    order = np.argsort(keys)
    wanted = ends.min(axis=-1) * count + ends.max(axis=-1)
    at = np.minimum(np.searchsorted(keys[order], wanted), max(len(keys) - 1, 0))
    if len(keys) == 0:
        return np.full(wanted.shape, -1)
    found = order[at]
    return np.where(keys[found] == wanted, found, -1)


def _divided(
    tets: NDArray[np.int32], near: NDArray[np.int64], edges: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The tetrahedra ``near`` the sheet bisected at their crossed edges, and which of them each is a part of."""
    return _split(tets[near], kernels.EDGES, edges, n)


def _divided_triangles(
    triangles: NDArray[np.int32], sign: NDArray[np.int8], edges: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All triangles, those with corners on both sides bisected, and the row of each."""
    corners = sign[triangles]
    mixed = (corners == ABOVE).any(axis=1) & (corners == BELOW).any(axis=1)
    rows = np.flatnonzero(mixed)
    made, of = _split(triangles[rows], kernels.TRIANGLE_EDGES, edges, n)
    keep = np.flatnonzero(~mixed)
    return np.ascontiguousarray(np.concatenate([triangles[keep], made]), np.int32), np.concatenate([keep, rows[of]])


def _split(
    cells: NDArray[np.int32], ends: NDArray[np.int64], edges: NDArray[np.int64], n: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    made: tuple[NDArray[np.int32], NDArray[np.int64]] = kernels.split(
        cells, ends, _numbers(cells[:, ends].astype(np.int64), edges, n), n
    )
    return made


def _side_at_sheet(tets: NDArray[np.int32], side: NDArray[np.int8], on_sheet: NDArray[np.bool_]) -> NDArray[np.int8]:
    return np.where(on_sheet[tets].any(axis=1), side, 0).astype(np.int8)


def _largest_first(
    piece: NDArray[np.int32], volumes: NDArray[np.float64]
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    order = np.argsort(-volumes, kind="stable")
    number = np.empty(len(order), np.int32)
    number[order] = np.arange(len(order))
    return number[piece], volumes[order]


def _least_angle(points: Points, tets: NDArray[np.int32]) -> float:
    return float(quality.dihedral_angles_deg(points, tets).min()) if len(tets) else 180.0
