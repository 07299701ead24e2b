"""A branch clamped or tied: the blood beyond is taken away, and the cut is wall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.mesh import triangles as tri
from organtwin.mesh.cut import cut_flat
from organtwin.mesh.procedures.changed import Beat, Changed
from organtwin.mesh.procedures.refit import adopted, edges_at, refit
from organtwin.mesh.procedures.way import Way
from organtwin.model import Centerline, OrganMesh
from organtwin.model.procedure import Clamp
from organtwin.vessel.section import heights, section

LARGEST = 1.6  # a section across a vessel is at most so many times as large as that of its tube
ROOM = 0.5  # least distance of a clamp from an opening, in radii


def clamped(organ: OrganMesh, action: Clamp, line: Centerline, beat: Beat = lambda: None) -> Changed:
    """The vessel without what lies beyond the clamp.

    Raises
    ------
    BadInput
        Where blood could then no longer enter or leave, or the place is not on the vessel.
    """
    if organ.cap(action.toward).role == "inlet":
        raise BadInput(
            f"'{action.toward}' is where the blood enters: clamped, none would flow", remedy="Clamp a branch instead."
        )
    way = Way.to(line, action.toward)
    way.check(action.at_mm, "The clamp is")
    room = ROOM * float(way.radius(action.at_mm))
    if not room <= action.at_mm <= way.length_mm - room:
        raise BadInput(
            f"The clamp at {action.at_mm:g} mm would lie on an opening of the vessel",
            remedy=f"Give a distance from {room:.1f} to {way.length_mm - room:.1f} mm.",
        )
    way = way.resampled(0.25 * float(way.radius_mm.min()))
    points, faces = np.asarray(organ.points_mm, float), np.asarray(organ.boundary_triangles)
    tags = np.asarray(organ.boundary_tags)
    centre, normal = way.place(action.at_mm), way.direction(action.at_mm)
    loop = section(points, faces, centre, normal)
    if loop is None:
        raise BadInput(f"The clamp at {action.at_mm:g} mm does not meet the wall", remedy="Place it elsewhere.")
    if (tags[loop.triangles] != organ.boundaries["wall"]).any():
        raise BadInput(
            f"The clamp at {action.at_mm:g} mm would cut through an opening",
            remedy="Place it farther from the opening.",
        )
    near_fork = BadInput(
        f"The clamp at {action.at_mm:g} mm would not shut '{action.toward}' alone: it lies in a fork or a bend",
        remedy="Place it a diameter farther on.",
    )
    if loop.area_mm2 > LARGEST * np.pi * float(way.radius(action.at_mm)) ** 2:
        raise near_fork
    shut = int(max(organ.boundaries.values())) + 1
    try:
        shell, cut, cut_tags = cut_flat(points, faces, tags, centre, normal, shut)
    except BadInput as failure:
        raise near_fork from failure
    beat()
    lost = [cap for cap in organ.caps if not (cut_tags == organ.boundaries[cap.name]).any()]
    left = tuple(cap for cap in organ.caps if cap not in lost)
    if any(cap.role == "inlet" for cap in lost):
        raise BadInput(
            "The clamp would shut the inlet off", remedy="Place it beyond the inlet's own part of the vessel."
        )
    if not any(cap.role == "outlet" for cap in left):
        raise BadInput(
            f"With '{action.toward}' clamped there blood could leave nowhere: it is the way to the last outlet",
            remedy="Clamp only one branch, beyond its fork.",
        )
    every, own, changed = adopted(points, faces, shell, cut)
    changed &= ~np.isin(cut_tags, [organ.boundaries[cap.name] for cap in left])
    cells, touched = _before(
        points, np.asarray(organ.tets), np.setdiff1d(faces, own), centre, normal, points[faces[loop.triangles]]
    )
    edges = edges_at(points, faces)
    on = np.unique(faces)
    sizes = edges[on][cKDTree(points[on]).query(every)[1]]
    body = refit(every, cells, own, cut_tags, changed, sizes, touched=touched, beat=beat)
    gone = {cap.name for cap in lost}
    boundaries = {name: tag for name, tag in organ.boundaries.items() if name not in gone}
    body = replace(body, tags=np.where(body.tags == shut, organ.boundaries["wall"], body.tags).astype(np.int16))
    note = "The vessel is shut towards " + " and ".join(f"'{cap.name}'" for cap in lost) + "."
    return Changed(body, boundaries, left, (note,))


def _before(
    points: tri.Points,
    tets: NDArray[np.int32],
    lost: NDArray[np.int32],
    centre: tri.Points,
    normal: tri.Points,
    loop: tri.Points,
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The cells before a cut, and the points of those that it goes through; ``lost`` are points beyond it."""
    reach = 1.05 * float(np.linalg.norm(loop - centre, axis=-1).max())
    above = (heights(points, centre, normal) > 0)[tets]
    near = np.linalg.norm(points[tets].mean(axis=1) - centre, axis=1) < reach
    through = near & above.any(axis=1) & ~above.all(axis=1)
    rest = tets[~through]
    edges = np.concatenate([rest[:, [0, 1]], rest[:, [1, 2]], rest[:, [2, 3]]])
    graph = coo_matrix((np.ones(len(edges), np.int8), (edges[:, 0], edges[:, 1])), shape=(len(points), len(points)))
    _, part = connected_components(graph, directed=False)
    beyond = np.isin(part[rest[:, 0]], np.unique(part[np.intersect1d(lost, rest)]))
    return rest[~beyond], np.unique(tets[through])
