"""The tools and neighbours of a case as a term of the problem, checked and set at rest.

What overlaps the organ a little before anything has moved, such as a tool laid into its surface or a neighbour whose
segmentation claims the same voxels, starts smaller by that much and grows to its size along the load. What is deep in
it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import BadInput
from organtwin.model import OrganMesh, TissueCase
from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.tissue.contact import Contact, Skin
from organtwin_solvers.tissue.contact_neighbours import Neighbour
from organtwin_solvers.tissue.contact_tools import Tool, tools_of
from organtwin_solvers.tissue.problem import Problem

TOO_DEEP_MM = 10.0  # overlap of organs that segmentation does not explain
SAFE_STEP = 0.8  # of a tool's depth to its core: what it moves in one load step


def contact_of(
    problem: Problem, fem: FemMesh, case: TissueCase, neighbours: Mapping[str, OrganMesh]
) -> tuple[Contact | None, list[str]]:
    """The contact of a case, and notes for the person who reads the result.

    Raises
    ------
    BadInput
        For a tool that starts inside the organ, and for a neighbour that overlaps it by more than segmentation explains.
    """
    tools = tools_of(case.tools)
    others = [Neighbour.of(mesh, name) for name, mesh in _named(neighbours).items()]
    if not (tools or others):
        return None, []
    if others and case.neighbour_material is not None:
        raise BadInput(
            "The full solve takes neighbouring organs as rigid, and the case gives them a material",
            remedy="Leave out neighbour_material; what gives way between organs can be a spring.",
        )
    skin = _skin(problem, fem, min((tool.reach_mm for tool in tools), default=np.inf))
    places, notes, relief = skin.rest.reshape(-1, 3), [], []
    own = Neighbour.of(fem.organ, "organ") if any(len(tool.inner_places()) for tool in tools) else None
    for obstacle in (*tools, *others):
        obstacle.move(0.0)
        gap = obstacle.gap(places).distance
        deepest = gap.argmin()
        overlap = float(max(-gap[deepest], 0.0))
        where = f"near ({', '.join(f'{x:.0f}' for x in places[deepest])}) mm"
        if isinstance(obstacle, Tool):
            _starts_outside(obstacle, own)
        elif overlap > TOO_DEEP_MM:
            raise BadInput(
                f"'{obstacle.name}' and '{fem.organ.name}' overlap by {overlap:.0f} mm",
                where=where,
                remedy="Correct one of their segmentations, or leave the neighbour out.",
            )
        if overlap > 0.01:
            notes.append(
                f"The {obstacle.name} overlapped the organ by {overlap:.1f} mm at rest, {where}: it was let grow to its size "
                "along the load."
            )
        relief.append(overlap)
    if others:
        notes.append(f"Neighbours are rigid and stay where they are: {', '.join(other.name for other in others)}.")
    return Contact(skin, (*tools, *others), _modulus(problem, skin), relief), notes


def steps_for(case: TissueCase, contact: Contact | None) -> int:
    """Load steps such that no tool can pass through skin within one."""
    steps = case.numerics.load_steps
    for obstacle in () if contact is None else contact.obstacles:
        if isinstance(obstacle, Tool) and np.isfinite(obstacle.reach_mm):
            steps = max(steps, ceil(obstacle.travel_mm / (SAFE_STEP * obstacle.reach_mm)))
    return steps


def _named(neighbours: Mapping[str, OrganMesh]) -> dict[str, OrganMesh]:
    """By what they are called where that is clear, by their roles otherwise."""
    names = [mesh.structure or mesh.name for mesh in neighbours.values()]
    return {
        name if names.count(name) == 1 and name else role: mesh
        for name, (role, mesh) in zip(names, neighbours.items(), strict=True)
    }


def _skin(problem: Problem, fem: FemMesh, apart_mm: float) -> Skin:
    """Every boundary triangle that can move."""
    facets = np.asarray(fem.facet_tags.indices, np.int32)
    skin = Skin(problem.displacement_space, problem.u_dofs, facets, apart_mm)
    return skin.only(problem.free[skin.unknowns].any(axis=(1, 2)))


def _modulus(problem: Problem, skin: Skin) -> NDArray[np.float64]:
    """E / (1 − ν²) at every triangle of the skin, (m,), in Pa."""
    plane_strain = []
    for material in problem.parts.materials:
        ratio = material.shear_pa / material.bulk_pa  # 0 when incompressible
        plane_strain.append(4 * material.shear_pa * (3 + ratio) / (3 + 4 * ratio))
    return np.array(plane_strain)[problem.parts.of_cells[skin.cells]]


def _starts_outside(tool: Tool, organ: Neighbour | None) -> None:
    """Refuse a tool whose core is inside: which way it should push the tissue would be unclear."""
    inner: Sequence[NDArray[np.float64]] | NDArray[np.float64] = tool.inner_places()
    if organ is None or not len(inner):
        return
    depth = -organ.gap(np.asarray(inner)).distance
    if depth.max() > 0:
        place = ", ".join(f"{x:.0f}" for x in inner[int(depth.argmax())])
        raise BadInput(
            f"The {tool.name} starts inside the organ, {depth.max():.1f} mm under its surface",
            where=f"at ({place}) mm",
            remedy="Give it a start outside, from which it is brought to its pose.",
        )


__all__ = ["contact_of", "steps_for"]
