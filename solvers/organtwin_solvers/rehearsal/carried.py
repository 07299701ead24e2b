"""Surfaces that the tissue carries along: vessels and tumours inside the organ.

Each point is bound to the tetrahedron that it lies in at rest, where it is in the scan; a point outside the organ follows
the nearest place of its skin, less and less the farther away it is. Binding is by places at rest, so a cut, whose two
faces lie at the same place at rest, leaves each point on its own side.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from organtwin.mesh.cutting import Cut, Sheet, crossings
from organtwin.mesh.cutting.locate import locate
from organtwin.mesh.cutting.nearest import NearestOnSurface
from organtwin.model import Surface
from organtwin.model.kinds import Kind, kind_of
from organtwin.rehearsal.frame import CUT
from organtwin_solvers.rehearsal.body import Body

Points = NDArray[np.float64]

NEAR_MM = 3.0  # a point no farther from the skin than this belongs to the organ: surfaces of scans do not fit exactly
FADE_MM = 40.0  # farther from the skin than this a point stays where it is
LEFT = np.iinfo(np.int64).min  # of a point whose tissue was taken away
LEAST_TORN = 3  # triangles of a vessel; fewer are a graze


@dataclass(frozen=True)
class Torn:
    """Where a cut goes through a surface inside: the middle in the scan, and how wide it is there."""

    name: str
    at_mm: tuple[float, float, float]
    diameter_mm: float


@dataclass(frozen=True, eq=False)
class Carried:
    """A surface inside the organ.

    Parameters
    ----------
    name : str
    kind : "vessel", "tumour" or "other"
    points_mm : (k, 3)
        At rest: in the scan.
    triangles : (m, 3) int32
    nodes : (k, 4) int32
    weights : (k, 4)
        Points of the body that each point follows.
    offset_mm : (k, 3)
        What is added to the weighted mean: nothing inside.
    owner : (k,) int64
        The tetrahedron of each point, or for a point outside -1 - row of its boundary triangle.
    inside : (k,) bool
        Whether the point lies in the organ, or so near that it belongs to it.
    taken : (k,) bool
        Whether it was taken away with the tissue around it.
    torn : (m,) bool
        Triangles that a cut goes through.
    """

    name: str
    kind: Kind
    points_mm: Points
    triangles: NDArray[np.int32]
    nodes: NDArray[np.int32]
    weights: Points
    offset_mm: Points
    owner: NDArray[np.int64]
    inside: NDArray[np.bool_]
    taken: NDArray[np.bool_]
    torn: NDArray[np.bool_]
    gone: NDArray[np.bool_] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "gone", self.torn | self.taken[self.triangles].any(axis=1))

    @classmethod
    def of(cls, surface: Surface, body: Body) -> Carried:
        """A surface bound to a body."""
        name = surface.name or surface.structure.replace("_", " ").capitalize()
        return cls.bound(
            name,
            kind_of(surface.structure, surface.name),
            np.asarray(surface.points_mm, float),
            np.asarray(surface.triangles, np.int32),
            body,
        )

    @classmethod
    def bound(cls, name: str, kind: Kind, points_mm: Points, triangles: NDArray[np.int32], body: Body) -> Carried:
        """Any triangles bound to a body, by their places at rest."""
        n = len(points_mm)
        empty = cls(
            name,
            kind,
            np.ascontiguousarray(points_mm, float),
            np.ascontiguousarray(triangles, np.int32),
            np.zeros((n, 4), np.int32),
            np.zeros((n, 4)),
            np.zeros((n, 3)),
            np.zeros(n, np.int64),
            np.zeros(n, bool),
            np.zeros(n, bool),
            np.zeros(len(triangles), bool),
        )
        skin = Skin(body.rest_mm, body.triangles, body.kinds != CUT)
        return empty._bound(np.arange(n), body.rest_mm, body.tets, np.arange(len(body.tets)), skin)

    def positions(self, x: Points) -> Points:
        """Where the points are (k, 3) when those of the body are at ``x`` (n, 3)."""
        out = np.empty((len(self.nodes), 3))
        _follow(x, self.nodes, self.weights, self.offset_mm, out)
        return out

    def after(
        self, cut: Cut, rest_mm: Points, skin: Skin, gone_pieces: NDArray[Any], across: NDArray[np.bool_]
    ) -> Carried:
        """The same after a cut.

        Parameters
        ----------
        cut : Cut
            Before anything was taken away.
        rest_mm : (n, 3)
            Places at rest after the cut.
        skin : Skin
            Of ``cut.triangles``.
        gone_pieces : (g,)
            Pieces that are taken away.
        across : (m,) bool
            Triangles that the sheet goes through, from :meth:`crossed`.
        """
        within, live = self.owner >= 0, ~self.taken & (self.owner != LEFT)
        same, changed = _same_tets(cut), cut.changed
        keep = np.flatnonzero(within & live & ~changed[np.maximum(self.owner, 0)])
        nodes, owner = self.nodes.copy(), self.owner.copy()
        owner[keep] = same[self.owner[keep]]
        nodes[keep] = cut.tets[owner[keep]]
        out = np.flatnonzero(~within & live)
        child = _same_triangles(cut)[-1 - self.owner[out]]
        follows = child >= 0
        owner[out[follows]] = -1 - child[follows]
        nodes[out[follows], :3] = _as_before(cut, cut.triangles[child[follows]], self.nodes[out[follows], :3])
        nodes[out[follows], 3] = nodes[out[follows], 0]
        made = replace(self, nodes=nodes, owner=owner)
        again = np.concatenate([np.flatnonzero(within & live & changed[np.maximum(self.owner, 0)]), out[~follows]])
        fresh = np.flatnonzero(changed[cut.parent])
        made = made._bound(again, rest_mm, cut.tets[fresh], fresh, skin)

        goes = np.isin(cut.piece, gone_pieces)
        tet = np.where(made.owner >= 0, made.owner, 0)
        outer = (made.owner < 0) & (made.owner != LEFT)
        tet[outer] = cut.triangle_tet[-1 - made.owner[outer]]
        lost = live & goes[tet]
        # of a vessel what lies outside goes on to other organs; a tumour that bulges out goes with its tissue
        taken = self.taken | (lost & (made.inside | (self.kind == "tumour")))
        stays, shown = np.cumsum(~goes) - 1, np.cumsum(~goes[cut.triangle_tet]) - 1
        number = np.where(made.owner >= 0, stays[np.maximum(made.owner, 0)], made.owner)
        number[outer] = -1 - shown[-1 - made.owner[outer]]
        number[lost | ~live] = LEFT
        torn = self.torn | across | _torn(self.triangles, made.nodes, cut.twin, self.taken)
        return replace(made, owner=number, taken=taken, torn=torn)

    def crossed(self, sheet: Sheet, places: Points, near: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], Points]:
        """Triangles in the organ that a sheet goes through (m,), and for each the mean place at rest where it does (m, 3).

        ``places`` (k, 3) are the points in the space of the sheet; only those that follow points of the body that are
        ``near`` (n,) are looked at.
        """
        m = len(self.triangles)
        hit, middle = np.zeros(m, bool), np.zeros((m, 3))
        maybe = self.inside & near[self.nodes].any(axis=1)
        rows = np.flatnonzero(maybe[self.triangles].any(axis=1) & self.inside[self.triangles].all(axis=1) & ~self.gone)
        if not len(rows):
            return hit, middle
        used, corners = np.unique(self.triangles[rows], return_inverse=True)
        corners = corners.reshape(-1, 3)
        ends = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
        own = places[used]
        longest = float(np.linalg.norm(own[ends[:, 0]] - own[ends[:, 1]], axis=1).max())
        height, _ = sheet.measure(own, longest)
        change = (height[ends[:, 0]] > 0) != (height[ends[:, 1]] > 0)
        over = np.flatnonzero(change & np.isfinite(height)[ends].all(axis=1))
        if not len(over):
            return hit, middle
        share, truly = crossings(sheet, own, height, ends[over], rounds=1)  # these edges are short
        over, share = over[truly], share[truly, None]
        at = (1.0 - share) * self.points_mm[used[ends[over, 0]]] + share * self.points_mm[used[ends[over, 1]]]
        row = rows[over // 3]
        hit[row] = True
        times = np.maximum(np.bincount(row, minlength=m), 1)
        for k in range(3):
            middle[:, k] = np.bincount(row, at[:, k], m) / times
        return hit, middle

    def tears(self, hit: NDArray[np.bool_], middle: Points) -> list[Torn]:
        """The separate places at which a cut goes through this surface, from :meth:`crossed`."""
        rows = np.flatnonzero(hit)
        if len(rows) < LEAST_TORN:
            return []
        corners = self.triangles[rows]
        n = len(self.points_mm)
        ends = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]]])
        piece = connected_components(coo_matrix((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n)), False)[1]
        out = []
        for number in np.unique(piece[corners[:, 0]]):
            at = middle[rows[piece[corners[:, 0]] == number]]
            if len(at) < LEAST_TORN:
                continue
            centre = at.mean(axis=0)
            spread = np.linalg.svd(at - centre, compute_uv=False) / np.sqrt(len(at))
            # points around an ellipse spread by half axis / sqrt(2); the small axis is the width, however oblique the cut
            out.append(
                Torn(
                    self.name, (float(centre[0]), float(centre[1]), float(centre[2])), float(2 * np.sqrt(2) * spread[1])
                )
            )
        return out

    def _bound(
        self, which: NDArray[Any], rest_mm: Points, tets: NDArray[np.int32], numbers: NDArray[Any], skin: Skin
    ) -> Carried:
        """Bound anew at the points ``which``: to ``tets``, that have these ``numbers``, or else to the skin."""
        nodes, weights, offset = self.nodes.copy(), self.weights.copy(), self.offset_mm.copy()
        owner, inside = self.owner.copy(), self.inside.copy()
        places = self.points_mm[which]
        found, share = locate(places, rest_mm, tets)
        hit = found >= 0
        at = which[hit]
        nodes[at], weights[at], offset[at] = tets[found[hit]], share[hit], 0.0
        owner[at], inside[at] = numbers[found[hit]], True
        at = which[~hit]
        if len(at):
            feet, row, corners, three = skin.at(self.points_mm[at])
            away = np.linalg.norm(self.points_mm[at] - feet, axis=1)
            follow = np.clip(1.0 - (away - NEAR_MM) / FADE_MM, 0.0, 1.0)
            nodes[at] = np.concatenate([corners, corners[:, :1]], axis=1)
            weights[at] = follow[:, None] * np.concatenate([three, np.zeros((len(at), 1))], axis=1)
            offset[at] = self.points_mm[at] - follow[:, None] * feet
            owner[at], inside[at] = -1 - row, away <= NEAR_MM
        return replace(self, nodes=nodes, weights=weights, offset_mm=offset, owner=owner, inside=inside)


class Skin:
    """The uncut surface of the organ at rest, to bind to what lies outside."""

    def __init__(self, rest_mm: Points, triangles: NDArray[np.int32], uncut: NDArray[np.bool_]) -> None:
        self._rest_mm, self._triangles = rest_mm, triangles
        self._rows = np.flatnonzero(uncut) if uncut.any() else np.arange(len(triangles))
        self._surface: NearestOnSurface | None = None

    def at(self, places: Points) -> tuple[Points, NDArray[np.int64], NDArray[np.int32], Points]:
        """Nearest places on it (k, 3), rows of their triangles, these triangles' corners and the corners' weights."""
        if self._surface is None:  # often nothing outside has changed
            self._surface = NearestOnSurface(self._rest_mm, self._triangles[self._rows])
        feet, _, _, which = self._surface.at(places)
        row = self._rows[which]
        corners = self._triangles[row]
        a, b, c = (self._rest_mm[corners[:, k]] for k in range(3))
        normal = np.cross(b - a, c - a)
        square = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
        two = np.einsum("ij,ij->i", np.cross(c - feet, a - feet), normal) / square
        three = np.einsum("ij,ij->i", np.cross(a - feet, b - feet), normal) / square
        return feet, row, corners, np.stack([1.0 - two - three, two, three], axis=1)


def _same_tets(cut: Cut) -> NDArray[np.int64]:
    """Where each tetrahedron of before is, one of its parts where it was split."""
    at = np.zeros(len(cut.changed), np.int64)
    at[cut.parent] = np.arange(len(cut.parent))
    return at


def _same_triangles(cut: Cut) -> NDArray[np.int64]:
    """Where each boundary triangle of before is, -1 if it was split or a corner of it moved."""
    old = np.flatnonzero(cut.triangle_parent >= 0)
    parent = cut.triangle_parent[old]
    whole = (np.bincount(parent)[parent] == 1) & (cut.t[cut.triangles[old]] == 0).all(axis=1)
    at = np.full(int(parent.max(initial=-1)) + 1, -1, np.int64)
    at[parent[whole]] = old[whole]
    return at


def _as_before(cut: Cut, corners: NDArray[np.int32], before: NDArray[np.int32]) -> NDArray[np.int32]:
    """Corners (k, 3) of triangles in the order in which those of before (k, 3) had them."""
    was = cut.a[corners]
    at = (was[:, None, :] == before[:, :, None]).argmax(axis=2)
    return np.take_along_axis(corners, at, axis=1)


@numba.njit(cache=True, nogil=True)
def _follow(x: Any, nodes: Any, weights: Any, offset: Any, out: Any) -> None:
    for i in range(len(nodes)):
        for k in range(3):
            out[i, k] = (
                offset[i, k]
                + weights[i, 0] * x[nodes[i, 0], k]
                + weights[i, 1] * x[nodes[i, 1], k]
                + weights[i, 2] * x[nodes[i, 2], k]
                + weights[i, 3] * x[nodes[i, 3], k]
            )


@numba.njit(cache=True, nogil=True)
def _torn(triangles: Any, nodes: Any, twin: Any, taken: Any) -> Any:
    """Triangles of which two corners follow tissue that met at a point before the cut and no longer does."""
    out = np.zeros(len(triangles), np.bool_)
    for t in range(len(triangles)):
        for e in range(3):
            i, j = triangles[t, e], triangles[t, (e + 1) % 3]
            if taken[i] or taken[j]:
                continue
            met, meets = False, False
            for a in range(4):
                for b in range(4):
                    one, two = nodes[i, a], nodes[j, b]
                    meets = meets or one == two
                    met = met or twin[one] == twin[two]
            if met and not meets:
                out[t] = True
    return out
