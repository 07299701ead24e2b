"""A tissue case on a mesh as supports, loads and directions of the discrete problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Press, Region
from organtwin.units import parse
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.tissue import fibres
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.problem import Load, Pressure, Spring, Support, Traction
from organtwin_solvers.tissue.regions import Mask, Regions

NAMES = {"fibre": "fibres", "sheet": "sheets"}


def supports(mesh: OrganMesh, fem: FemMesh, case: TissueCase, regions: Regions) -> list[Support]:
    """What is fixed and what is pulled."""
    found = [
        _support(f"fixed {i}", fem, r, m) for i, (r, m) in enumerate(zip(case.fixed, regions.fixed, strict=True), 1)
    ]
    for i, (pull, mask) in enumerate(zip(case.pulls, regions.pulls, strict=True), 1):
        if pull.each_mm is not None:
            move = _each(mesh, np.asarray(pull.region.points), np.array(pull.each_mm, float))
        else:
            shift = np.array(pull.displacement_mm, float)[:, None]
            move = lambda x, shift=shift: np.tile(shift, x.shape[1])  # noqa: E731
        found.append(_support(f"pull {i}", fem, pull.region, mask, move))
    return found


def loads(mesh: OrganMesh, fem: FemMesh, case: TissueCase, regions: Regions) -> list[Load]:
    """What presses, and what draws back to rest."""
    found: list[Load] = []
    for press, mask in zip(case.presses, regions.presses, strict=True):
        if press.pressure is not None:
            found.append(Pressure(facets(fem, mask), parse(press.pressure, "pressure")))
        else:
            traction = traction_pa(mesh, press, mask)
            found.append(Traction(facets(fem, mask), (float(traction[0]), float(traction[1]), float(traction[2]))))
    for i, (spring, mask) in enumerate(zip(case.springs, regions.springs, strict=True), 1):
        stiffness = parse(spring.stiffness, "foundation")
        if stiffness <= 0:
            raise BadInput(f"A spring of {spring.stiffness} does not hold", remedy='Give for example "1 kPa/mm".')
        found.append(Spring(facets(fem, mask), stiffness, spring.normal_only, f"spring {i}"))
    return found


def directions(mesh: OrganMesh, fem: FemMesh, case: TissueCase, materials: Sequence[Elastic]) -> dict[str, Any]:
    """Directions of fibres and sheets, where a material wants them.

    Raises
    ------
    BadInput
        When the case does not give them.
    """
    wanted = {name for material in materials for name in material.law.directions}
    contracts = any(material.active_pa for material in materials)
    if not (wanted or contracts):
        return {}
    given: dict[str, Any] = {}
    if case.fibres is not None and case.fibres.direction is not None:
        given = fibres.uniform(case.fibres)
    elif case.fibres is not None:
        walls = []
        for name in (case.fibres.endo, case.fibres.epi):
            assert name is not None
            mesh.boundary(name)  # raises for an unknown name
            walls.append(facets(fem, np.asarray(mesh.boundary_tags) == mesh.boundaries[name]))
        given = fibres.helix(fem.mesh, case.fibres, *walls)
    for name in sorted(wanted | ({"fibre"} if contracts else set())):
        if name not in given:
            who = next((m.law.title for m in materials if name in m.law.directions), "active tension")
            raise BadInput(
                f"{who} needs the direction of the {NAMES[name]}",
                remedy='Give the case fibres, for example {"direction": [1, 0, 0], "sheet": [0, 1, 0]}.',
            )
    return given


def facets(fem: FemMesh, triangles: Mask) -> NDArray[np.int32]:
    """Facets of boundary triangles; the tag of a facet is its triangle."""
    return np.asarray(fem.facet_tags.indices[triangles[fem.facet_tags.values]], np.int32)


def traction_pa(mesh: OrganMesh, press: Press, mask: Mask) -> NDArray[np.float64]:
    """A total force spread evenly over the region."""
    direction = np.array(press.direction, float)
    length = np.linalg.norm(direction)
    if length == 0:
        raise BadInput("The direction of a pressing force is zero", remedy="Give for example [0, 1, 0] for backwards.")
    corners = np.asarray(mesh.points_mm, float)[np.asarray(mesh.boundary_triangles)[mask]]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1).sum() / 2
    return np.asarray(parse(press.force or "", "force") * direction / length / area)


def _support(name: str, fem: FemMesh, region: Region, mask: Mask, move: Any = None) -> Support:
    if region.points is None:
        return Support(name, facets(fem, mask), move)
    return held_points(name, fem, np.asarray(region.points), move)


def held_points(name: str, fem: FemMesh, points: NDArray[np.integer], move: Any = None) -> Support:
    """A support of single points of the mesh."""
    topology = fem.mesh.topology
    vertex_of_node = np.full(len(fem.point_of_node), -1, np.int32)
    vertex_of_node[np.asarray(fem.mesh.geometry.dofmaps[0]).ravel()] = topology.connectivity(3, 0).array
    held = np.isin(fem.point_of_node, points) & (vertex_of_node >= 0)
    return Support(name, np.zeros(0, np.int32), move, vertices=np.sort(vertex_of_node[held]))


def _each(mesh: OrganMesh, points: NDArray[np.integer], moves: NDArray[np.float64]) -> Any:
    """Displacement of given points, and in the middle of the edges between them their mean."""
    place = np.full(len(mesh.points_mm), -1)
    place[points] = np.arange(len(points))
    tets = place[np.asarray(mesh.tets)]
    edges = np.concatenate([tets[:, [i, j]] for i in range(4) for j in range(i + 1, 4)])
    edges = np.unique(np.sort(edges[(edges >= 0).all(axis=1)], axis=1), axis=0)
    x = np.asarray(mesh.points_mm, float)[points]
    tree = cKDTree(np.concatenate([x, x[edges].mean(axis=1)]))
    values = np.concatenate([moves, moves[edges].mean(axis=1)])
    return lambda at: values[tree.query(at.T)[1]].T
