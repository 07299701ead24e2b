"""Regions of a case as triangles of the organ's boundary, and the checks that they make sense together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Region
from organtwin.units import parse

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Regions:
    """Boundary triangles (masks over ``OrganMesh.boundary_triangles``) of what a case holds, pulls, presses and
    draws back. A region of single points may have none: it is held where its points are."""

    fixed: tuple[Mask, ...]
    pulls: tuple[Mask, ...]
    presses: tuple[Mask, ...]
    springs: tuple[Mask, ...] = ()


def resolve(mesh: OrganMesh, case: TissueCase) -> Regions:
    """Find the triangles of every region of ``case``.

    Raises
    ------
    BadInput
        For a region that catches nothing, for regions that contradict each other, and for a part of the mesh that
        nothing holds.
    """
    fixed = tuple(triangles(mesh, region, "fixed region", True) for region in case.fixed)
    pulls = tuple(triangles(mesh, pull.region, "pulled region", True) for pull in case.pulls)
    presses = tuple(triangles(mesh, press.region, "pressed region") for press in case.presses)
    springs = tuple(triangles(mesh, spring.region, "sprung region") for spring in case.springs)
    held = [
        _Held("fixed region", r, points(mesh, r, m), (0.0, 0.0, 0.0)) for r, m in zip(case.fixed, fixed, strict=True)
    ]
    held += [
        _Held("pulled region", p.region, points(mesh, p.region, m), p.displacement_mm)
        for p, m in zip(case.pulls, pulls, strict=True)
    ]
    for i, one in enumerate(held):
        for other in held[:i]:
            same = one.displacement is not None and one.displacement == other.displacement
            if not same and np.intersect1d(one.points, other.points).size:
                raise BadInput(
                    f"The {one.what} ({describe(one.region)}) touches the {other.what} ({describe(other.region)}), "
                    "so that the tissue between them would have to tear",
                    remedy="Make one of them smaller or move them apart.",
                )
    anywhere_held = np.any([np.zeros(len(mesh.boundary_triangles), bool), *fixed, *pulls], axis=0)
    free_presses = []
    for press, mask in zip(case.presses, presses, strict=True):
        if not (mask & ~anywhere_held).any():
            raise BadInput(
                f"The pressed region ({describe(press.region)}) lies wholly on fixed or pulled tissue",
                remedy="Move it.",
            )
        free_presses.append(mask & ~anywhere_held)
    sprung = [np.unique(np.asarray(mesh.boundary_triangles)[mask]) for mask in springs]
    _every_part_is_held(mesh, np.unique(np.concatenate([*(h.points for h in held), *sprung])))
    return Regions(fixed, pulls, tuple(free_presses), springs)


@dataclass(frozen=True)
class _Held:
    what: str
    region: Region
    points: NDArray[np.integer]
    displacement: tuple[float, float, float] | None


def points(mesh: OrganMesh, region: Region, mask: Mask) -> NDArray[np.integer]:
    """Points of the mesh that belong to a region whose triangles are ``mask``."""
    if region.points is not None:
        return np.unique(region.points)
    return np.unique(np.asarray(mesh.boundary_triangles)[mask])


def triangles(mesh: OrganMesh, region: Region, what: str, points_suffice: bool = False) -> Mask:
    """Mask (n_triangles,) of the boundary triangles whose centroid lies in ``region``, or whose corners are its points.

    Raises
    ------
    BadInput
        When there are none, naming ``what`` the region is for; single points are enough when ``points_suffice``.
    """
    corners = np.asarray(mesh.points_mm)[np.asarray(mesh.boundary_triangles)]
    centroids = corners.mean(axis=1)
    if region.boundary is not None:
        mesh.boundary(region.boundary)  # raises for an unknown name
        mask = np.asarray(mesh.boundary_tags) == mesh.boundaries[region.boundary]
        remedy = f"It has: {', '.join(_populated(mesh))}."
    elif region.points is not None:
        _check_points(mesh, region.points, what)
        mask = np.isin(mesh.boundary_triangles, region.points).all(axis=1)
        if points_suffice:
            return np.asarray(mask)
        remedy = "Name the points of whole faces."
    elif region.centre_mm is not None and region.radius is not None:
        distance = np.linalg.norm(centroids - np.array(region.centre_mm), axis=1)
        mask = distance <= parse(region.radius, "length")
        remedy = f"The surface is {distance.min():.1f} mm from the centre: move it or enlarge the radius."
    else:
        direction = np.array(region.toward, float)
        length = float(np.linalg.norm(direction))
        if length == 0:
            raise BadInput(f"The direction of the {what} is zero", remedy="Give for example [0, 1, 0] for posterior.")
        along = np.asarray(mesh.points_mm)[np.unique(mesh.tets)] @ (direction / length)
        reach = along.max() - float(region.fraction or 0) * (along.max() - along.min())
        mask = centroids @ (direction / length) >= reach
        remedy = "Enlarge the fraction."
    if not mask.any():
        raise BadInput(f"The {what} ({describe(region)}) catches no face of the mesh '{mesh.name}'", remedy=remedy)
    return np.asarray(mask)


def _check_points(mesh: OrganMesh, given: tuple[int, ...], what: str) -> None:
    used = np.zeros(len(mesh.points_mm), bool)
    used[np.asarray(mesh.tets)] = True
    wrong = [p for p in given if not (0 <= p < len(used) and used[p])]
    if wrong or not given:
        raise BadInput(
            f"The {what} names the point {wrong[0]}, which no tetrahedron of the mesh '{mesh.name}' has"
            if wrong
            else f"The {what} names no point",
            remedy=f"Its points are numbered from 0 to {len(used) - 1}.",
        )
    if len(set(given)) < len(given):
        raise BadInput(f"The {what} names a point twice", remedy="Name every point once.")


def describe(region: Region) -> str:
    """A region in a few words."""
    if region.points is not None:
        return f"{len(region.points)} points"
    if region.boundary is not None:
        return f"the boundary '{region.boundary}'"
    if region.centre_mm is not None:
        centre = ", ".join(f"{x:.0f}" for x in region.centre_mm)
        return f"within {region.radius} of ({centre}) mm"
    return f"the outer {100 * (region.fraction or 0):.0f} % toward {_direction(region.toward or (0, 0, 0))}"


def _direction(vector: tuple[float, float, float]) -> str:
    names = (("left", "right"), ("posterior", "anterior"), ("superior", "inferior"))
    size = max(abs(x) for x in vector) or 1.0
    parts = [(abs(x), pair[x < 0]) for x, pair in zip(vector, names, strict=True) if abs(x) > 0.2 * size]
    return "-".join(name for _, name in sorted(parts, reverse=True))


def _populated(mesh: OrganMesh) -> list[str]:
    return [name for name, tag in mesh.boundaries.items() if (np.asarray(mesh.boundary_tags) == tag).any()]


def _every_part_is_held(mesh: OrganMesh, held: NDArray[np.integer]) -> None:
    """Refuse a mesh with a loose piece: it would float away, and the linear system be singular."""
    tets = np.asarray(mesh.tets, np.int64)
    edges = np.concatenate([tets[:, [0, 1]], tets[:, [1, 2]], tets[:, [2, 3]]])
    n = len(mesh.points_mm)
    count, piece = connected_components(
        coo_array((np.ones(len(edges), np.int8), edges.T), shape=(n, n)), directed=False
    )
    used = np.zeros(count, bool)
    used[piece[tets[:, 0]]] = True
    used[piece[held]] = False
    if used.any():
        loose = np.asarray(mesh.points_mm)[np.isin(piece, np.flatnonzero(used))]
        raise BadInput(
            f"A separate piece of the mesh '{mesh.name}' is held nowhere",
            where=f"{len(loose)} points around ({', '.join(f'{x:.0f}' for x in loose.mean(axis=0))}) mm",
            remedy="Remove it in the segmentation, or fix it too.",
        )
