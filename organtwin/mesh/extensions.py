"""Flow extensions: straight tubes at the openings of a vessel mesh, for the flow to develop before it enters and after it leaves.

The cells of the vessel stay as they are. The triangles of a cap are swept along its normal in layers, while its outline
goes over to the circle of the same area; each prism is cut into three tetrahedra along diagonals that start at its corner
with the lowest number, so that neighbours agree (Dompierre et al., "How to subdivide pyramids, prisms and hexahedra into
tetrahedra", Int. Meshing Roundtable 1999).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.mesh import quality
from organtwin.mesh import triangles as tri
from organtwin.model import Cap, OrganMesh
from organtwin.vessel.section import plane_axes

MORPH = 1.0  # diameters over which the outline becomes a circle, at most half of the tube
TALL, GROWS, TALLEST = (
    1.2,
    1.08,
    2.0,
)  # edges of the cap: the height of the first layer, times what each is higher, and the highest
CLEAR = 1.1  # radii: so far a tube's axis must stay from walls that are not its own


@dataclass(frozen=True)
class _Tube:
    """New points, layer by layer; ``corners`` are the cap's own points in order, ``tets`` number the new ones from ``first``."""

    points: tri.Points
    tets: NDArray[np.int64]
    top: NDArray[np.int64]
    cap: Cap


def extended(
    organ: OrganMesh, diameters: Mapping[str, float], beat: Callable[[float, str], None] = lambda fraction, what: None
) -> OrganMesh:
    """The mesh with a tube of so many diameters at each opening named; openings keep their names and roles.

    Raises
    ------
    BadInput
        When there is no such opening, or a tube would run into the vessel.
    """
    for name in diameters:
        organ.cap(name)
    points, tets = np.asarray(organ.points_mm, float), np.asarray(organ.tets, np.int64)
    faces, tags = np.asarray(organ.boundary_triangles, np.int64), np.asarray(organ.boundary_tags)
    every, cells, caps, notes = [points], [tets], [], []
    count = len(points)
    tops: dict[int, NDArray[np.int64]] = {}
    axes: list[tuple[str, tri.Points, float]] = []
    for number, cap in enumerate(organ.caps):
        beat(number / len(organ.caps), f"extending {cap.name}")
        length = 2 * cap.radius_mm * diameters.get(cap.name, 0.0)
        if length <= 0:
            caps.append(cap)
            continue
        axis = np.asarray(cap.centre_mm) + np.linspace(0, length, max(4, int(4 * length / cap.radius_mm)))[
            :, None
        ] * np.asarray(cap.normal)
        _refuse_collision(organ, cap, axis, axes)
        axes.append((cap.name, axis, cap.radius_mm))
        tag = organ.boundaries[cap.name]
        tube, round_ = _tube(points, faces[tags == tag], cap, length, count)
        if not round_:
            notes.append(f"The outline of '{cap.name}' is too uneven to become a circle: its tube keeps it.")
        every.append(tube.points)
        cells.append(tube.tets)
        tops[tag] = tube.top
        caps.append(tube.cap)
        count += len(tube.points)
    points, tets = np.concatenate(every), np.concatenate(cells).astype(np.int32)
    shell = quality.boundary(tets)
    shell_tags = _tags(shell, faces, tags, tops, organ.boundaries["wall"])
    report = dict(organ.report) | quality.report(points, tets)
    report["extension_mm3"] = float(quality.volumes(points, tets)[len(organ.tets) :].sum())
    of_cells = organ.materials_of_cells
    if of_cells is not None:
        of_cells = np.concatenate([of_cells, np.zeros(len(tets) - len(of_cells), np.asarray(of_cells).dtype)])
    said = ", ".join(f"{name} by {d:g}" for name, d in diameters.items() if d > 0)
    return OrganMesh(
        name=f"{organ.name}, extended",
        structure=organ.structure,
        points_mm=points,
        tets=tets,
        boundary_triangles=shell,
        boundary_tags=shell_tags,
        boundaries=dict(organ.boundaries),
        materials_of_cells=of_cells,
        materials=dict(organ.materials),
        caps=tuple(caps),
        frame_uid=organ.frame_uid,
        mesher=organ.mesher,
        report=report,
        notes=(*organ.notes, f"Extended by straight tubes, in diameters: {said}.", *notes),
    )


def _tube(points: tri.Points, cap_faces: NDArray[np.int64], cap: Cap, length: float, first: int) -> tuple[_Tube, bool]:
    """The swept cells of one cap, and whether its outline became a circle."""
    corners, local = np.unique(cap_faces, return_inverse=True)
    local = local.reshape(-1, 3)
    normal = np.asarray(cap.normal, float)
    base = points[corners]
    centre = np.asarray(cap.centre_mm)
    u, v = plane_axes(normal)
    flat = np.stack([(base - centre) @ u, (base - centre) @ v], axis=1)
    edge = float(tri.edge_lengths(points, cap_faces).mean())
    heights = _heights(length, edge)
    layers = len(heights)
    circle = _circle(flat, local)
    over = min(MORPH * 2 * cap.radius_mm, 0.5 * length)
    new = []
    for height in heights:
        t = min(height / over, 1.0)
        part = t * t * (3 - 2 * t)
        here = flat if circle is None else (1 - part) * flat + part * circle
        new.append(base + height * normal + (here - flat)[:, :1] * u + (here - flat)[:, 1:] * v)
    n = len(corners)
    rows = np.concatenate([corners[None], first + np.arange(layers * n).reshape(layers, n)])
    low = np.sort(local, axis=1)  # the same order in every layer: neighbours cut their common side alike
    cells = []
    for below, above in pairwise(rows):
        a, b, c = (below[low[:, k]] for k in range(3))
        d, e, f = (above[low[:, k]] for k in range(3))
        cells += [np.stack([a, b, c, f], 1), np.stack([a, b, e, f], 1), np.stack([a, d, e, f], 1)]
    tets = np.concatenate(cells)
    made = np.concatenate(new)
    place = np.zeros((first + len(made), 3))
    place[: len(points)] = points
    place[first:] = made
    negative = quality.volumes(place, tets) < 0
    tets[negative] = tets[negative][:, [0, 1, 3, 2]]
    top = rows[-1][local]
    area = float(tri.areas(place, top).sum())
    end = np.average(place[top].mean(axis=1), axis=0, weights=tri.areas(place, top))
    x, y, z = (float(s) for s in end)
    moved = Cap(
        name=cap.name,
        role=cap.role,
        centre_mm=(x, y, z),
        normal=cap.normal,
        area_mm2=area,
        radius_mm=float(np.sqrt(area / np.pi)),
    )
    return _Tube(made, tets, top, moved), circle is not None


def _heights(length: float, edge: float) -> NDArray[np.float64]:
    """Where layers end: higher ones away from the vessel, where the flow changes little along the tube."""
    steps = [TALL * edge]
    while sum(steps) < length:
        steps.append(min(steps[-1] * GROWS, TALLEST * edge))
    every = np.cumsum(steps)
    return np.asarray(every * (length / every[-1]))


def _circle(flat: NDArray[np.float64], faces: NDArray[np.int64]) -> NDArray[np.float64] | None:
    """Where the points of a cap lie when its outline is the circle of the same area: drawn out from the middle by as much as
    the outline is. None when the middle does not see all of the outline, or a triangle would turn over."""
    edges = tri.directed_edges(faces)
    keys = tri.edge_keys(edges, len(flat))
    _, at, times = np.unique(keys, return_index=True, return_counts=True)
    rim = edges[at[times == 1]]
    angle = np.arctan2(flat[:, 1], flat[:, 0])
    radius = np.hypot(flat[:, 0], flat[:, 1])
    turn = (angle[rim[:, 1]] - angle[rim[:, 0]] + np.pi) % (2 * np.pi) - np.pi
    if not (np.all(turn > 0) or np.all(turn < 0)) or abs(abs(turn.sum()) - 2 * np.pi) > 1e-6:
        return None
    on_rim = np.unique(rim)
    order = on_rim[np.argsort(angle[on_rim])]
    gaps = np.diff(np.r_[angle[order], angle[order[0]] + 2 * np.pi])
    cross = flat[rim[:, 0], 0] * flat[rim[:, 1], 1] - flat[rim[:, 0], 1] * flat[rim[:, 1], 0]
    target = float(np.sqrt(abs(cross.sum()) / np.sin(gaps).sum()))
    wall = np.interp(angle, angle[order], radius[order], period=2 * np.pi)
    wall[on_rim] = radius[on_rim]
    out = flat * (target / np.maximum(wall, 1e-9))[:, None]

    def turned(p: NDArray[np.float64]) -> NDArray[np.float64]:
        a, b, c = (p[faces[:, k]] for k in range(3))
        return np.asarray((b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0]))

    before, after = turned(flat), turned(out)
    sign = np.sign(before.sum())
    if (sign * after <= 0.1 * sign * before).any():
        return None
    return np.asarray(out)


def _refuse_collision(
    organ: OrganMesh, cap: Cap, axis: tri.Points, others: list[tuple[str, tri.Points, float]]
) -> None:
    wall = np.asarray(organ.points_mm)[np.unique(organ.boundary("wall"))]
    height = (wall - np.asarray(cap.centre_mm)) @ np.asarray(cap.normal)
    foreign = wall[height > 0.25 * cap.radius_mm]
    names = ["the vessel"] * len(foreign)
    reach = np.full(len(foreign), CLEAR * cap.radius_mm)
    for name, line, radius in others:
        foreign = np.concatenate([foreign, line])
        names += [f"the tube at '{name}'"] * len(line)
        reach = np.r_[reach, np.full(len(line), radius + CLEAR * cap.radius_mm)]
    if len(foreign) == 0:
        return
    away, near = cKDTree(axis).query(foreign)
    hit = np.flatnonzero(away < reach)
    if len(hit):
        first = hit[int(near[hit].argmin())]
        free = float(np.linalg.norm(axis[near[first]] - axis[0])) / (2 * cap.radius_mm) - 0.6
        raise BadInput(
            f"The tube at '{cap.name}' would run into {names[first]}",
            remedy=f"Extend it by at most {max(free, 0.0):.1f} diameters, or not at all.",
        )


def _tags(
    shell: NDArray[np.int32],
    faces: NDArray[np.int64],
    tags: NDArray[np.int16],
    tops: dict[int, NDArray[np.int64]],
    wall: int,
) -> NDArray[np.int16]:
    """Tags of the new outside: those of the old triangles, of the moved caps, and the wall for the tubes."""
    known = np.concatenate([faces, *tops.values()])
    named = np.concatenate([tags, *(np.full(len(t), tag) for tag, t in tops.items())])
    keys = _keys(known)
    order = np.argsort(keys)
    mine = _keys(shell)
    at = np.clip(np.searchsorted(keys[order], mine), 0, len(order) - 1)
    same = keys[order][at] == mine
    return np.where(same, named[order][at], wall).astype(np.int16)


def _keys(faces: NDArray[np.integer]) -> NDArray[np.void]:
    ordered = np.ascontiguousarray(np.sort(faces, axis=1).astype(">i8"))
    return ordered.view("S24").ravel()
