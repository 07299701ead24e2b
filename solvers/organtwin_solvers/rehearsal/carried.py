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
from organtwin.model.terminology import STRUCTURES
from organtwin.rehearsal.frame import SKIN
from organtwin_solvers.rehearsal.body import Body

Points = NDArray[np.float64]

NEAR_MM = 3.0  # a point no farther from the skin than this belongs to the organ: surfaces of scans do not fit exactly
FADE_MM = 40.0  # farther from the skin than this a point stays where it is
LEAST_TORN = 3  # triangles of a vessel; fewer are a graze
VESSEL = ("vein", "vena", "cava", "arter", "aorta", "vessel", "duct")
TUMOUR = ("tumour", "tumor", "lesion", "metasta", "nodule", "cyst", "abscess", "cancer")


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
    inside : (k,) bool
        Whether the point lies in the organ, or so near that it belongs to it.
    taken : (k,) bool
        Whether it was taken away with the tissue around it.
    torn : (m,) bool
        Triangles that a cut goes through.
    """

    name: str
    kind: str
    points_mm: Points
    triangles: NDArray[np.int32]
    nodes: NDArray[np.int32]
    weights: Points
    offset_mm: Points
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
    def bound(cls, name: str, kind: str, points_mm: Points, triangles: NDArray[np.int32], body: Body) -> Carried:
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
            np.zeros(n, bool),
            np.zeros(n, bool),
            np.zeros(len(triangles), bool),
        )
        return empty._bound_again(np.arange(n), body.rest_mm, body.tets, body.triangles[body.kinds == SKIN])[0]

    def positions(self, x: Points) -> Points:
        """Where the points are (k, 3) when those of the body are at ``x`` (n, 3)."""
        out = np.empty((len(self.nodes), 3))
        _follow(x, self.nodes, self.weights, self.offset_mm, out)
        return out

    def after(
        self, cut: Cut, rest_mm: Points, skin: NDArray[np.bool_], gone_pieces: NDArray[Any], across: NDArray[Any]
    ) -> Carried:
        """The same after a cut.

        Parameters
        ----------
        cut : Cut
            Before anything was taken away.
        rest_mm : (n, 3)
            Places at rest after the cut.
        skin : (k,) bool
            Which of ``cut.triangles`` are skin.
        gone_pieces : (g,)
            Pieces that are taken away.
        across : (m,) bool
            Triangles that the sheet goes through, from :meth:`crossed`.
        """
        moved = np.flatnonzero(~self.taken)
        new, owner = self._bound_again(moved, rest_mm, cut.tets, cut.triangles[skin])
        outside = owner < 0
        tet = np.where(outside, 0, owner)
        tet[outside] = cut.triangle_tet[skin][-1 - owner[outside]]
        taken = self.taken.copy()
        taken[moved] = np.isin(cut.piece, gone_pieces)[tet] & new.inside[moved]
        torn = self.torn | across | _torn(self.triangles, new.nodes, cut.twin, self.taken)
        return replace(new, taken=taken, torn=torn)

    def crossed(self, sheet: Sheet, places: Points) -> tuple[NDArray[np.bool_], Points]:
        """Triangles in the organ that a sheet goes through (m,), and for each the mean place at rest where it does (m, 3).

        ``places`` (k, 3) are the points in the space of the sheet.
        """
        m = len(self.triangles)
        height, _ = sheet.measure(places)
        ends = np.stack([self.triangles, np.roll(self.triangles, -1, axis=1)], axis=2).reshape(-1, 2).astype(np.int64)
        live = np.repeat(~self.gone, 3) & self.inside[ends].all(axis=1)
        rows = np.flatnonzero(live & ((height[ends[:, 0]] > 0) != (height[ends[:, 1]] > 0)))
        hit, middle = np.zeros(m, bool), np.zeros((m, 3))
        if not len(rows):
            return hit, middle
        share, truly = crossings(sheet, places, height, ends[rows])
        rows, share = rows[truly], share[truly, None]
        at = (1.0 - share) * self.points_mm[ends[rows, 0]] + share * self.points_mm[ends[rows, 1]]
        hit[rows // 3] = True
        times = np.maximum(np.bincount(rows // 3, minlength=m), 1)
        for k in range(3):
            middle[:, k] = np.bincount(rows // 3, at[:, k], m) / times
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

    def _bound_again(
        self, which: NDArray[Any], rest_mm: Points, tets: NDArray[np.int32], skin: NDArray[np.int32]
    ) -> tuple[Carried, NDArray[np.int64]]:
        """Bound anew at the points ``which``; and for each of these its tetrahedron, or -1 - row of its skin triangle."""
        nodes, weights, offset = self.nodes.copy(), self.weights.copy(), self.offset_mm.copy()
        inside = self.inside.copy()
        places = self.points_mm[which]
        found, share = locate(places, rest_mm, tets)
        owner = found.astype(np.int64)
        within = found >= 0
        nodes[which[within]], weights[which[within]] = tets[found[within]], share[within]
        offset[which[within]], inside[which[within]] = 0.0, True
        out = np.flatnonzero(~within)
        if len(out) and len(skin):
            feet, row, three = _on_skin(places[out], rest_mm, skin)
            away = np.linalg.norm(places[out] - feet, axis=1)
            follow = np.clip(1.0 - (away - NEAR_MM) / FADE_MM, 0.0, 1.0)
            at = which[out]
            nodes[at] = np.concatenate([skin[row], skin[row][:, :1]], axis=1)
            weights[at] = follow[:, None] * np.concatenate([three, np.zeros((len(out), 1))], axis=1)
            offset[at] = places[out] - follow[:, None] * feet
            inside[at] = away <= NEAR_MM
            owner[out] = -1 - row
        made = replace(self, nodes=nodes, weights=weights, offset_mm=offset, inside=inside)
        return made, owner


def kind_of(structure: str, name: str = "") -> str:
    """What a structure is to a surgeon: "vessel", "tumour" or "other"."""
    known = STRUCTURES.get(structure)
    said = f"{structure} {name}".lower()
    if known is not None and known.vessel:
        return "vessel"
    if any(word in said for word in TUMOUR):
        return "tumour"
    return "vessel" if any(word in said for word in VESSEL) else "other"


def _on_skin(places: Points, rest_mm: Points, skin: NDArray[np.int32]) -> tuple[Points, NDArray[np.int64], Points]:
    """Nearest places on the skin (k, 3), rows of their triangles, and weights of these triangles' corners (k, 3)."""
    surface = NearestOnSurface(rest_mm, skin)
    feet, _, _, row = surface.at(places)
    a, b, c = (rest_mm[skin[row, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    square = np.maximum(np.einsum("ij,ij->i", normal, normal), 1e-300)
    two = np.einsum("ij,ij->i", np.cross(c - feet, a - feet), normal) / square
    three = np.einsum("ij,ij->i", np.cross(a - feet, b - feet), normal) / square
    return feet, row, np.stack([1.0 - two - three, two, three], axis=1)


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
