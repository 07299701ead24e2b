"""The tools and neighbours of a case as a term of the problem, checked and set at rest.

What overlaps the organ a little before anything has moved, such as a tool laid into its surface or a neighbour whose
segmentation claims the same voxels, starts smaller by that much and grows to its size along the load. What is deep in
it is refused. Neighbours are rigid, or give way where the case says what they are made of
(:mod:`organtwin_solvers.tissue.together`).
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
from organtwin_solvers.tissue.contact_organs import OrganContact
from organtwin_solvers.tissue.contact_tools import Tool, tools_of
from organtwin_solvers.tissue.problem import Problem
from organtwin_solvers.tissue.regions import Mask
from organtwin_solvers.tissue.together import Together

TOO_DEEP_MM = 10.0  # overlap of organs that segmentation does not explain
SAFE_STEP = 0.8  # of a tool's depth to its core: what it moves in one load step


def contacts_of(
    problem: Problem,
    fem: FemMesh,
    organ: OrganMesh,
    case: TissueCase,
    neighbours: Mapping[str, OrganMesh],
    joined: Together | None,
) -> tuple[list[Contact | OrganContact], list[str]]:
    """The contacts of a case, and notes for the person who reads the result.

    Parameters
    ----------
    problem, fem
        Of the organ, or of all that is ``joined``.
    organ : OrganMesh
        What tools and neighbours touch.
    neighbours : mapping of str to OrganMesh
        By :func:`names`.
    joined : Together or None
        Where the neighbours are a part of the problem.

    Raises
    ------
    BadInput
        For a tool that starts inside the organ, and for a neighbour that overlaps it by more than segmentation explains.
    """
    tools = tools_of(case.tools)
    others = [Neighbour.of(mesh, name) for name, mesh in neighbours.items()]
    if not (tools or others):
        return [], []
    own = None if joined is None else joined.triangles(0)
    finest = min((tool.reach_mm for tool in tools), default=np.inf)
    skin = _skin(problem, fem, own, finest)
    places, notes, relief = skin.rest.reshape(-1, 3), [], []
    body = Neighbour.of(organ, "organ") if any(len(tool.inner_places()) for tool in tools) else None
    for obstacle in (*tools, *others):
        obstacle.move(0.0)
        gap = obstacle.gap(places).distance
        deepest = gap.argmin()
        overlap = float(max(-gap[deepest], 0.0))
        if isinstance(obstacle, Tool):
            _starts_outside(obstacle, body)
        elif overlap > TOO_DEEP_MM:
            raise BadInput(
                f"'{obstacle.name}' and '{organ.name}' overlap by {overlap:.0f} mm",
                where=_near(places[deepest]),
                remedy="Correct one of their segmentations, or leave the neighbour out.",
            )
        if joined is None or isinstance(obstacle, Tool):
            notes += _overlapped(obstacle.name, overlap, places[deepest])
        relief.append(overlap)
    listed = ", ".join(neighbours)
    if joined is None:
        if others:
            notes.append(f"Neighbours are rigid and stay where they are: {listed}.")
        return [Contact(skin, (*tools, *others), _modulus(problem, skin), relief)], notes
    notes.append(
        f"Neighbours give way ({listed}); each is held where its surface is farther from the organ than halfway to its "
        "farthest point."
    )
    found: list[Contact | OrganContact] = []
    if tools:
        found.append(Contact(skin, tools, _modulus(problem, skin), relief[: len(tools)]))
    for piece, (name, overlap) in enumerate(zip(neighbours, relief[len(tools) :], strict=True), 1):
        other = _skin(problem, fem, joined.triangles(piece), held=True)
        skin = _skin(problem, fem, own, float(np.median(other.length)))
        softer = np.minimum(_modulus(problem, skin), _modulus(problem, other)[0])
        contact = OrganContact(skin, other, softer, name, overlap)
        notes += _overlapped(name, *contact.relieve(problem.state.x.array))
        found.append(contact)
    return found, notes


def steps_for(case: TissueCase) -> int:
    """Load steps such that no tool can pass through skin within one."""
    steps = case.numerics.load_steps
    for tool in tools_of(case.tools):
        if np.isfinite(tool.reach_mm):
            steps = max(steps, ceil(tool.travel_mm / (SAFE_STEP * tool.reach_mm)))
    return steps


def names(neighbours: Mapping[str, OrganMesh]) -> dict[str, OrganMesh]:
    """By what they are called where that is clear, by their roles otherwise."""
    names = [mesh.structure or mesh.name for mesh in neighbours.values()]
    return {
        name if names.count(name) == 1 and name else role: mesh
        for name, (role, mesh) in zip(names, neighbours.items(), strict=True)
    }


def _skin(problem: Problem, fem: FemMesh, of: Mask | None, apart_mm: float = np.inf, held: bool = False) -> Skin:
    """Boundary triangles ``of`` a piece; those that cannot move only if ``held``."""
    facets = np.asarray(fem.facet_tags.indices, np.int32)
    if of is not None:  # the tag of a facet is its boundary triangle
        facets = facets[of[fem.facet_tags.values]]
    skin = Skin(problem.displacement_space, problem.u_dofs, facets, apart_mm)
    if held:
        return skin
    return skin.only(problem.free[skin.unknowns].any(axis=(1, 2)))


def _overlapped(name: str, overlap_mm: float, place_mm: NDArray[np.float64]) -> list[str]:
    if overlap_mm <= 0.01:
        return []
    return [
        f"The {name} overlapped the organ by {overlap_mm:.1f} mm at rest, {_near(place_mm)}: it was let grow to its size "
        "along the load."
    ]


def _near(place_mm: NDArray[np.float64]) -> str:
    return f"near ({', '.join(f'{x:.0f}' for x in place_mm)}) mm"


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


__all__ = ["contacts_of", "names", "steps_for"]
