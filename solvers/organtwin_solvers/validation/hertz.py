"""Hertz 1882: a rigid ball pressed into a half-space, the known answer for contact.

At depth d a ball of radius R meets the force F = 4/3 E* √R d^(3/2), touches within a = √(R d), and presses most in the
middle, with p₀ = 3 F / (2 π a²), where E* = E / (1 − ν²) (Johnson 1985, Contact Mechanics, section 4.2). Two planes of
symmetry leave a quarter. What is cut off of the half-space answers as far away as under a point force: the far faces
move as Boussinesq's solution for F says (ibid., section 3.2). Where they are held instead, the block would be too stiff
by about 0.4 a/L; as it is, by the cube of that. The theory takes both the depth and the slope of the ball to be small:
with d/R = 1 % it is itself good to a few parts in a thousand.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh, TissueCase
from organtwin.model.tissue_case import Material, Region
from organtwin.model.tool import Pose, RigidTool, Sphere
from organtwin.monitor import Monitor, PartMonitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.case import facets
from organtwin_solvers.tissue.contact import Contact, Skin
from organtwin_solvers.tissue.contact_organs import OrganContact
from organtwin_solvers.tissue.contact_tools import tools_of
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.problem import Problem, Support
from organtwin_solvers.tissue.together import together
from organtwin_solvers.validation.block import block

Array = NDArray[np.float64]

YOUNG_PA = 6000.0
RADIUS_MM, DEPTH_MM, BLOCK_MM = 10.0, 0.1, 16.0
GRADING = 5.0  # cells in the middle are finer by sinh(5)/5 = 15
TOUCH_MM = float(np.sqrt(RADIUS_MM * DEPTH_MM))
SOURCE = "Hertz 1882; Johnson 1985, Contact Mechanics, section 4.2"


def boussinesq(x: Array, force: float, poisson: float) -> Array:
    """Displacement (3, n) at places (3, n) of a half-space z < 0 that a force presses down at the origin."""
    shear = YOUNG_PA / (2 * (1 + poisson))
    depth, across = -x[2], np.maximum(np.hypot(x[0], x[1]), 1e-9)
    distance = np.hypot(across, depth)
    size = force / (4 * np.pi * shear * distance)
    outward = size * (across * depth / distance**2 - (1 - 2 * poisson) * across / (distance + depth))
    down = size * (depth**2 / distance**2 + 2 * (1 - poisson))
    return np.stack([outward * x[0] / across, outward * x[1] / across, -down])


def by_hand(poisson: float) -> tuple[float, float]:
    """Force (g mm/s²) and largest pressure (Pa)."""
    force = 4 / 3 * YOUNG_PA / (1 - poisson**2) * np.sqrt(RADIUS_MM) * DEPTH_MM**1.5
    return float(force), float(3 * force / (2 * np.pi * TOUCH_MM**2))


def half_space(cells: int) -> OrganMesh:
    """A quarter block under z = 0, in cubic shells around the place of contact."""

    def shape(unit: Array) -> Array:
        from_there = unit * (1, 1, -1)
        shell = np.abs(from_there).max(axis=1, keepdims=True)
        size = np.sinh(GRADING * shell) / np.sinh(GRADING)
        return np.asarray(BLOCK_MM * from_there * size / np.maximum(shell, 1e-12))

    return block((cells, cells, cells), shape, "half-space")


def two_bodies(poisson: float, formulation: Formulation, cells: int, monitor: Monitor) -> tuple[float, float, str]:
    """Force of a ball on a half-space of the same material, that on the half-space over that on the ball, and the mesh.

    With 1/E* = 2 (1 − ν²)/E the force at that approach is half of the rigid ball's. The ball is its paraboloid, and far
    away a half-space too.
    """
    lower, finer = half_space(cells), half_space(cells + 1)
    upper_mm = np.asarray(finer.points_mm) * (1, 1, -1)
    bump = (upper_mm[:, :2] ** 2).sum(axis=1) / (2 * RADIUS_MM) * (1 - upper_mm[:, 2] / BLOCK_MM) ** 3
    upper_mm[:, 2] += np.where(bump < BLOCK_MM / 4, bump, BLOCK_MM / 4)
    ball = finer.with_(points_mm=upper_mm, tets=np.asarray(finer.tets)[:, [0, 2, 1, 3]])
    case = TissueCase(fixed=(Region(boundary="z1"),), gravity=(0, 0, 1), neighbour_material=Material())
    both = together(ball, case, {"half-space": lower})
    whole = both.mesh
    fem = fem_mesh(whole.with_(boundary_tags=np.arange(both.first[-1], dtype=np.int32)))
    faces = [np.concatenate([ball.boundary_tags, lower.boundary_tags]) == tag for tag in range(6)]
    force = by_hand(poisson)[0] / 2

    def at(mask: Array, piece: int) -> Array:
        return facets(fem, mask & both.triangles(piece))

    def above(x: Array) -> Array:
        moved = boussinesq(x * [[1], [1], [-1]], force, poisson) * [[1], [1], [-1]]
        return np.asarray(moved - [[0], [0], [DEPTH_MM]])

    far = faces[1] | faces[3] | faces[5]
    supports = [
        Support("below", at(far, 1), lambda x: boussinesq(x, force, poisson)),
        Support("above", at(far, 0), above),
        *(Support(f"{name}{i}", at(faces[2 * k], i), components=(k,)) for k, name in enumerate("xy") for i in (0, 1)),
    ]
    problem = Problem(fem.mesh, Elastic.from_young(law("linear"), YOUNG_PA, poisson), formulation, supports)
    own, other = (Skin(problem.displacement_space, problem.u_dofs, at(faces[4], piece)) for piece in (0, 1))
    contact = OrganContact(own, other, YOUNG_PA / (1 - poisson**2), "half-space")
    problem.add(contact)
    follow_load(problem, steps=2, tolerance=1e-7, monitor=monitor)
    found = 4 * contact.forces(problem.state.x.array, fem.comm)["half-space"][2]
    b = np.zeros_like(problem.state.x.array)
    contact.add_residual(problem.state.x.array, b)
    on_lower = 4 * b[np.unique(other.unknowns[:, :, 2])].sum()
    return float(found), float(on_lower / found), f"{len(whole.tets)} tetrahedra, {formulation.name}"


def solve(poisson: float, formulation: Formulation, cells: int, monitor: Monitor) -> tuple[float, float, float, str]:
    """Force, contact radius and largest pressure as the solver finds them, and the mesh in words."""
    mesh = half_space(cells)
    fem = fem_mesh(mesh)
    force, _ = by_hand(poisson)
    supports = [
        Support("far", fem.facets("x1", "y1", "z1"), lambda x: boussinesq(x, force, poisson)),
        Support("x", fem.facets("x0"), components=(0,)),
        Support("y", fem.facets("y0"), components=(1,)),
    ]
    problem = Problem(fem.mesh, Elastic.from_young(law("linear"), YOUNG_PA, poisson), formulation, supports)
    ball = RigidTool(
        shape=Sphere(radius=f"{RADIUS_MM} mm"),
        start=Pose(tip_mm=(0, 0, RADIUS_MM)),
        pose=Pose(tip_mm=(0, 0, RADIUS_MM - DEPTH_MM)),
    )
    skin = Skin(problem.displacement_space, problem.u_dofs, fem.facets("z0"))
    contact = Contact(skin, tools_of((ball,)), YOUNG_PA / (1 - poisson**2))
    problem.add(contact)
    follow_load(problem, steps=2, tolerance=1e-7, monitor=monitor)

    state = problem.state.x.array
    pressure = contact.pressures(state)
    share = pressure * skin.weight / (pressure * skin.weight).sum()
    across = (skin.rest[..., :2] ** 2).sum(axis=-1)
    touch = float(np.sqrt(2.5 * (share * across).sum()))  # ∫ r² p / ∫ p = 2/5 a²
    inner = across < (0.7 * touch) ** 2
    # p² falls linearly with r²: the largest pressure is where the line through it meets the axis
    line = np.polyfit(across[inner], pressure[inner] ** 2, 1, w=np.sqrt(skin.weight[inner]))
    found = -4 * contact.forces(state, fem.comm)["sphere"][2]
    return float(found), touch, float(np.sqrt(line[1])), f"{len(mesh.tets)} tetrahedra, {formulation.name}"


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Compressible and nearly incompressible; the full run on two meshes, and with what organs are solved with."""
    rows: list[Row] = []
    todo = [(0.3, Formulation(False, 2), 10, 3.0), (0.49, Formulation(True, 2), 8 if quick else 10, 3.0)]
    if not quick:
        todo += [(0.3, Formulation(False, 2), 12, 3.0), (0.49, Formulation(True, 2), 12, 3.0)]
        todo += [(0.49, Formulation(True, 1), 16, 6.0), (0.49, Formulation(True, 1), 20, 4.0)]
    for i, (poisson, formulation, cells, accepted) in enumerate(todo):
        begin = time.perf_counter()
        part = PartMonitor(monitor, i / len(todo), (i + 1) / len(todo))
        force, touch, pressure, mesh = solve(poisson, formulation, cells, part)
        seconds = time.perf_counter() - begin
        reference, peak = by_hand(poisson)
        label = f"Poisson {poisson:g}, depth 1 % of the radius"
        rows += [
            Row(f"{label}: force", 1e-3 * reference, 1e-3 * force, "mN", accepted, SOURCE, mesh, seconds),
            Row(f"{label}: contact radius", TOUCH_MM, touch, "mm", accepted, SOURCE, mesh, seconds),
            Row(f"{label}: largest pressure", peak, pressure, "Pa", accepted, SOURCE, mesh, seconds),
        ]
    begin = time.perf_counter()
    force, _, mesh = two_bodies(0.3, Formulation(False, 2), 5, monitor)
    half = by_hand(0.3)[0] / 2
    label = "Poisson 0.3, a ball that gives way as the half-space does: force"
    seconds = time.perf_counter() - begin
    rows.append(Row(label, 1e-3 * half, 1e-3 * force, "mN", 5.0, SOURCE, mesh, seconds))
    return rows


CASE = Case("hertz", "A rigid ball on a half-space", run)
