"""The centreline tree of a vessel mesh: from its inlet to every other opening.

The way to an opening is the cheapest one along the edges of the mesh, where a step costs its length over the squared depth,
so it keeps to the middle. Each way is then drawn to where the largest ball fits in the plane across it, and smoothed.
Ways that run together are one branch. Compare Antiga et al., IEEE Trans. Med. Imaging 22, 2003, who look for the same
line on the Voronoi diagram of the wall.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.centerline import Branch, Centerline
from organtwin.vessel.polyline import smooth, tangents
from organtwin.vessel.section import plane_axes, section
from organtwin.vessel.wall_distance import WallDistance

Points = NDArray[np.float64]
Progress = Callable[[float, str], None]

POINTS_PER_RADIUS = 4.0
ROUNDS = 4  # of centring and smoothing
SMOOTHING = 2.0  # points: half a radius
WIDER = 1.3  # times the usual ratio of section to ball: near a fork, more is taken as two vessels in one section
TOGETHER = 0.2  # of the radius: ways that are closer are one


@dataclass(eq=False)
class _Twig:
    """A branch while the tree grows: its points, the last one shared with its children."""

    points: Points
    parent: int
    cap: str = ""
    caps: list[str] = field(default_factory=list)  # openings beyond it


def of_mesh(organ: OrganMesh, progress: Progress = lambda fraction, what: None) -> Centerline:
    """The tree from the inlet of a vessel mesh to each of its other openings, from cap centre to cap centre.

    Radii are those of the largest balls inside. Areas are of the plane section across the line; where branches meet, the
    section is no longer that of one vessel, and its ratio to the ball's disc is carried on from where it still was. In a
    vessel with a loop (a graft) only the deeper way round is followed, and a note says so.

    Raises
    ------
    BadInput
        For a mesh without wall, without two openings, or in pieces.
    """
    if "wall" not in organ.boundaries or len(organ.caps) < 2:
        raise BadInput(
            f"The mesh '{organ.name}' has no centreline: it needs a wall and at least two openings",
            remedy="Mesh a vessel with its ends cut open.",
        )
    inlet = next((cap for cap in organ.caps if cap.role == "inlet"), organ.caps[0])
    others = [cap for cap in organ.caps if cap.name != inlet.name]
    depth = WallDistance(organ.points_mm, organ.boundary("wall"))
    progress(0.05, "depth of the vessel")
    ways = _ways(organ, inlet.name, [cap.name for cap in others], depth.rough(np.asarray(organ.points_mm)))
    lines: dict[str, Points] = {}
    for at, cap in enumerate(others):
        progress(0.3 + 0.4 * at / len(others), f"centreline to {cap.name}")
        rough = np.asarray(organ.points_mm)[ways[cap.name]].copy()
        rough[0], rough[-1] = inlet.centre_mm, cap.centre_mm
        lines[cap.name] = _centred(rough, depth)
    twigs = _merged(lines, depth)
    progress(0.75, "sections")
    made = _described(organ, inlet.name, twigs, depth, lambda f: progress(0.75 + 0.25 * f, "sections"))
    progress(1.0, "done")
    return made


# -- ways through the mesh ------------------------------------------------------------------------------------------


def _ways(organ: OrganMesh, inlet: str, others: list[str], depth: NDArray[np.float64]) -> dict[str, NDArray[np.int64]]:
    """Mesh points from the inlet to each other cap."""
    points, tets = np.asarray(organ.points_mm), np.asarray(organ.tets, np.int64)
    pairs = np.concatenate([tets[:, [i, j]] for i, j in ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))])
    pairs.sort(axis=1)
    keys = np.unique(pairs[:, 0] * len(points) + pairs[:, 1])
    a, b = keys // len(points), keys % len(points)
    length = np.linalg.norm(points[a] - points[b], axis=1)
    cost = length / np.maximum(0.5 * (depth[a] + depth[b]), 0.1 * length) ** 2
    graph = coo_array((cost, (a, b)), shape=(len(points), len(points))).tocsr()

    def middle(name: str) -> int:
        own = np.unique(organ.boundary(name))
        return int(own[np.linalg.norm(points[own] - organ.cap(name).centre_mm, axis=1).argmin()])

    root = middle(inlet)
    total, before = dijkstra(graph, directed=False, indices=root, return_predecessors=True)
    ways = {}
    for name in others:
        way = [middle(name)]
        if not np.isfinite(total[way[0]]):
            raise BadInput(
                f"No way leads through the mesh '{organ.name}' from '{inlet}' to '{name}'",
                remedy="Mesh the vessel again: it is in pieces.",
            )
        while way[-1] != root:
            way.append(int(before[way[-1]]))
        ways[name] = np.array(way[::-1])
    return ways


def _centred(line: Points, depth: WallDistance) -> Points:
    """The line drawn to the middle, its ends kept, with :data:`POINTS_PER_RADIUS` points a radius."""
    line = _resampled(line, depth)
    for _ in range(ROUNDS):
        line = smooth(_resampled(smooth(_drawn_in(line, depth), SMOOTHING), depth), SMOOTHING)
    return _resampled(smooth(_drawn_in(line, depth), SMOOTHING), depth)


def _drawn_in(line: Points, depth: WallDistance) -> Points:
    """Each inner point moved, in the plane across the line, to where the largest ball fits: a pattern search."""
    out, tangent = line.copy(), tangents(line)
    u, v = np.empty_like(line), np.empty_like(line)
    for at, direction in enumerate(tangent):
        u[at], v[at] = plane_axes(direction)
    radius = depth(out)
    reach = radius.copy()
    angles = np.linspace(0.0, 2.0 * np.pi, 6, endpoint=False)
    for step in (0.3, 0.15, 0.08, 0.04, 0.02, 0.01):
        for turn in (0.0, np.pi / 6):
            a = angles + turn
            aside = np.cos(a)[None, :, None] * u[:, None, :] + np.sin(a)[None, :, None] * v[:, None, :]
            tried = out[:, None, :] + (step * reach)[:, None, None] * aside
            found = depth(tried.reshape(-1, 3)).reshape(len(out), -1)
            best = found.argmax(axis=1)
            better = found[np.arange(len(out)), best] > radius * (1 + 1e-4)
            better[[0, -1]] = False
            out[better] = tried[better, best[better]]
            radius[better] = found[better, best[better]]
    return out


def _resampled(line: Points, depth: WallDistance) -> Points:
    """Points a quarter of the local radius apart."""
    step = np.linalg.norm(np.diff(line, axis=0), axis=1)
    keep = np.r_[True, step > 1e-9]
    line = line[keep]
    fine = np.concatenate([np.linspace(a, b, 4, endpoint=False) for a, b in pairwise(line)])
    fine = np.concatenate([fine, line[-1:]])
    radius = np.maximum(depth(fine), 1e-3)
    span = np.linalg.norm(np.diff(fine, axis=0), axis=1)
    count = np.r_[0.0, np.cumsum(span * 0.5 * (1 / radius[1:] + 1 / radius[:-1]))] * POINTS_PER_RADIUS
    places = np.linspace(0.0, count[-1], max(4, round(count[-1]) + 1))
    return np.stack([np.interp(places, count, fine[:, k]) for k in range(3)], axis=1)


# -- the tree ---------------------------------------------------------------------------------------------------------


def _length(line: Points) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())


def _merged(lines: dict[str, Points], depth: WallDistance) -> list[_Twig]:
    """Branches of the ways: the longest first, each other one from where it leaves those before it."""
    order = sorted(lines, key=lambda cap: -_length(lines[cap]))
    twigs = [_Twig(lines[order[0]], -1, order[0])]
    for cap in order[1:]:
        line = lines[cap]
        owner = np.concatenate([np.full(len(t.points), k) for k, t in enumerate(twigs)])
        index = np.concatenate([np.arange(len(t.points)) for t in twigs])
        every = np.concatenate([t.points for t in twigs])
        away, near = cKDTree(every).query(line)
        radius = np.maximum(depth(line), 1e-6)
        # halfway between two points of the tree a point on it is an eighth of a radius away
        apart = away > (TOGETHER + 0.5 / POINTS_PER_RADIUS) * radius
        leaves = int(apart.argmax()) if apart.any() else len(line) - 1
        leaves = min(max(leaves, 1), len(line) - 2)
        twig, at = int(owner[near[leaves - 1]]), int(index[near[leaves - 1]])
        twig = _split(twigs, twig, at)
        own = line[leaves:].copy()
        start = twigs[twig].points[-1]
        twigs.append(_Twig(np.concatenate([start[None], own]), twig, cap))
    for end in [k for k, twig_ in enumerate(twigs) if twig_.cap]:
        up = end
        while up >= 0:
            twigs[up].caps.append(twigs[end].cap)
            up = twigs[up].parent
    return _in_order(twigs)


def _split(twigs: list[_Twig], twig: int, at: int) -> int:
    """Make point ``at`` of a branch a fork; the branch that ends there. Forks a few points apart are one."""
    one = twigs[twig]
    near = int(POINTS_PER_RADIUS / 2)
    if at <= near and one.parent >= 0:
        return one.parent
    at = max(at, 1)
    if at >= len(one.points) - 1 - near and not one.cap:
        return twig
    at = min(at, len(one.points) - 2)
    twigs.append(_Twig(one.points[at:].copy(), twig, one.cap))
    for other in twigs[:-1]:
        if other.parent == twig:
            other.parent = len(twigs) - 1
    one.points, one.cap = one.points[: at + 1].copy(), ""
    return twig


def _in_order(twigs: list[_Twig]) -> list[_Twig]:
    """Parents before their children."""
    order = [k for k, t in enumerate(twigs) if t.parent < 0]
    for k in order:
        order += [j for j, t in enumerate(twigs) if t.parent == k]
    number = {k: at for at, k in enumerate(order)}
    return [_Twig(twigs[k].points, number.get(twigs[k].parent, -1), twigs[k].cap, sorted(twigs[k].caps)) for k in order]


def _described(
    organ: OrganMesh, inlet: str, twigs: list[_Twig], depth: WallDistance, progress: Callable[[float], None]
) -> Centerline:
    """Distances, radii, areas and names of the branches."""
    branches: list[Branch] = []
    distance: list[NDArray[np.float64]] = []
    radius: list[NDArray[np.float64]] = []
    area: list[NDArray[np.float64]] = []
    children = [[j for j, t in enumerate(twigs) if t.parent == k] for k in range(len(twigs))]
    first = 0
    for k, twig in enumerate(twigs):
        progress(k / len(twigs))
        line = twig.points
        start = 0.0 if twig.parent < 0 else float(distance[twig.parent][-1])
        distance.append(start + np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        radius.append(depth(line))
        ends = (
            inlet if twig.parent < 0 else None,
            twig.cap or None,
        )
        sections = _areas(organ, line, radius[-1], ends)
        begin_zone = 1.3 * radius[-1][0] if twig.parent >= 0 else 0.0
        end_zone = 1.3 * radius[-1][-1] if children[k] else 0.0
        area.append(_without_forks(sections, radius[-1], distance[-1], begin_zone, end_zone))
        name = twig.cap or (inlet if twig.parent < 0 else " + ".join(twig.caps))
        branches.append(Branch(name=name, parent=twig.parent, cap=twig.cap, first=first, last=first + len(line) - 1))
        first += len(line)
    return Centerline(
        name=f"{organ.name} centreline",
        mesh=organ.uuid,
        inlet=inlet,
        branches=tuple(branches),
        points_mm=np.concatenate([t.points for t in twigs]),
        distance_mm=np.concatenate(distance),
        radius_mm=np.concatenate(radius),
        area_mm2=np.concatenate(area),
        notes=_loops(organ),
    )


def _areas(
    organ: OrganMesh, line: Points, radius: NDArray[np.float64], ends: tuple[str | None, str | None]
) -> NDArray[np.float64]:
    """Areas (n,) of the sections across the line; at a cap, across the cap."""
    points, shell = np.asarray(organ.points_mm), np.asarray(organ.boundary_triangles)
    centres = points[shell].mean(axis=1)
    size = np.linalg.norm(points[shell] - centres[:, None], axis=2).max(axis=1)
    across = tangents(line)
    along = np.r_[0.0, np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))]
    for name, sign, away in ((ends[0], -1.0, along), (ends[1], 1.0, along[-1] - along)):
        if name is not None:  # the plane turns towards that of the cap
            cap = organ.cap(name)
            share = np.clip(1.0 - away / (1.5 * cap.radius_mm), 0.0, 1.0)[:, None]
            across = (1.0 - share) * across + share * sign * np.array(cap.normal)
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-12)
    area = np.full(len(line), np.nan)
    for at in range(len(line)):
        cap_name = ends[0] if at == 0 else ends[1] if at == len(line) - 1 else None
        if cap_name is not None:
            area[at] = organ.cap(cap_name).area_mm2
            continue
        near = np.abs((centres - line[at]) @ across[at]) <= size
        cut = section(points, shell[near], line[at], across[at])
        if cut is not None:
            area[at] = cut.area_mm2
    return np.where(np.isfinite(area), area, np.pi * radius**2)


def _without_forks(
    area: NDArray[np.float64],
    radius: NDArray[np.float64],
    distance: NDArray[np.float64],
    begin_mm: float,
    end_mm: float,
) -> NDArray[np.float64]:
    """Areas with the ratio to the ball's disc carried on into the zones at forks."""
    disc = np.pi * np.maximum(radius, 1e-6) ** 2
    along = distance - distance[0]
    own = (along >= begin_mm) & (along <= along[-1] - end_mm)
    if own.any():  # beyond the ball at a fork the section may still hold the neighbour too
        near = (along < 3.0 * begin_mm) | (along > along[-1] - 3.0 * end_mm)
        own &= ~near | (area / disc <= WIDER * np.median((area / disc)[own]))
    if own.all():
        return area
    if not own.any():
        return np.asarray(disc)
    return np.where(own, area, disc * np.interp(along, along[own], (area / disc)[own]))


def _loops(organ: OrganMesh) -> tuple[str, ...]:
    """A note when the vessel goes round a loop: its closed boundary has a handle (Euler characteristic below 2)."""
    shell = np.asarray(organ.boundary_triangles, np.int64)
    edges = np.sort(shell[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    euler = len(np.unique(shell)) - len(np.unique(edges, axis=0)) + len(shell)
    handles = (2 - euler) // 2
    if handles <= 0:
        return ()
    return (
        f"The vessel goes round {handles} loop{'s' if handles > 1 else ''} (a graft, or walls that touch): "
        "the centreline follows the deeper way only.",
    )
