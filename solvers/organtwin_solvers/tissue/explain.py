"""Why a deformation was not found, in terms of the case: where the tissue suffers most, and what to do."""

from __future__ import annotations

import numpy as np

from organtwin.errors import SolveFailed
from organtwin.model import OrganMesh, TissueCase
from organtwin.units import parse, show
from organtwin_solvers.tissue import case as case_terms
from organtwin_solvers.tissue.contact_tools import tools_of
from organtwin_solvers.tissue.fields import Recovery
from organtwin_solvers.tissue.regions import Regions
from organtwin_solvers.tissue.regions import points as region_points


def explained(
    failure: SolveFailed, mesh: OrganMesh, case: TissueCase, regions: Regions, recovery: Recovery
) -> SolveFailed:
    """Say where the tissue suffers most and what is likely wrong with the case."""
    ratios, centroids = recovery.volume_ratios()
    place = ", ".join(f"{x:.0f}" for x in centroids[ratios.min(axis=1).argmin()])
    return SolveFailed(
        f"{failure.what.rstrip('.')} because {failure.where}; the tissue is squeezed most near ({place}) mm",
        remedy=_advice(mesh, case, regions),
    )


def _edge_mm(mesh: OrganMesh) -> float:
    """Mean edge length of the triangles of the surface."""
    corners = np.asarray(mesh.points_mm, float)[np.asarray(mesh.boundary_triangles)]
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean())


def _advice(mesh: OrganMesh, case: TissueCase, regions: Regions) -> str:
    place = np.asarray(mesh.points_mm, float)
    held = [region_points(mesh, r, m) for r, m in zip(case.fixed, regions.fixed, strict=True)]
    young = parse(case.material.young, "pressure")
    for pull, mask in zip(case.pulls, regions.pulls, strict=True):
        if not held:
            break
        pulled = place[region_points(mesh, pull.region, mask)].mean(axis=0)
        distance = np.linalg.norm(place[np.concatenate(held)] - pulled, axis=1).min()
        moves = pull.each_mm if pull.each_mm is not None else (pull.displacement_mm,)
        length = float(np.linalg.norm(np.array(moves, float), axis=1).max())
        if length > 0.5 * distance:
            return (
                f"A pull of {length:.0f} mm on tissue that is fixed {distance:.0f} mm away is likely more than it can follow: "
                "pull less, over a larger region, or fix less."
            )
    for press, mask in zip(case.presses, regions.presses, strict=True):
        stress = (
            parse(press.pressure, "pressure")
            if press.pressure
            else np.linalg.norm(case_terms.traction_pa(mesh, press, mask))
        )
        if abs(stress) > 0.3 * young:
            return (
                f"A load of {show(float(abs(stress)), 'pressure', 'kPa')} on tissue of stiffness {case.material.young} "
                "is likely more than it can bear: press less, or over a larger region."
            )
    thinnest = min(tools_of(case.tools), key=lambda tool: tool.reach_mm, default=None)
    edge = _edge_mm(mesh)
    if thinnest is not None and thinnest.reach_mm < 1.5 * edge:
        return (
            f"The {thinnest.name} is round with {thinnest.reach_mm:.1f} mm where the mesh has edges of {edge:.1f} mm: "
            "bring it less deep, or mesh finer."
        )
    if case.gravity is not None and not (case.pulls or case.presses):
        return "The organ is likely too soft for its own weight where it is fixed: fix a larger region or check the stiffness."
    return "Reduce the load, enlarge the regions, use more load steps, or mesh finer where the load acts."
