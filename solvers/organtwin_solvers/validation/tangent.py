"""Newton's tangent against finite differences of the residual, for every law, formulation and load.

At a random state the directional derivative (R(x + h d) − R(x − h d)) / 2h must be K d. An error here does not spoil a
solution, but it costs the quadratic convergence, and with large loads the solution itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from organtwin.model.tool import Blade, Plane, Pose, RigidTool, Rod, Sphere
from organtwin.monitor import Monitor
from organtwin.validation import Case, Row
from organtwin_solvers.fem.backend import ufl
from organtwin_solvers.fem.organ import FemMesh, fem_mesh
from organtwin_solvers.tissue.contact import Contact, Skin
from organtwin_solvers.tissue.contact_tools import tools_of
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import LAWS, law
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.problem import Pressure, Problem, Spring
from organtwin_solvers.validation.block import block

YOUNG_PA = 6000.0
EDGE_MM, CELLS = 10.0, 2
NOISE_MM, NOISE_PA = 0.15, 300.0
STEP = 1e-5  # of the noise of unit size that the state is moved by
ACCEPTED = 1e-4  # percent
FORMULATIONS = [Formulation(mixed, degree) for mixed in (True, False) for degree in (1, 2)]
SOURCE = "central differences of the residual"

Build = Callable[[FemMesh, Formulation], Problem]


def of_law(name: str, poisson: float = 0.45, **more: float) -> Build:
    """A free block of that law, its fibres along no edge."""

    def build(fem: FemMesh, formulation: Formulation) -> Problem:
        chosen = law(name)
        elastic = Elastic.from_young(chosen, YOUNG_PA, poisson, parameters=chosen.read({}), **more)
        directions = {"fibre": ufl.as_vector((0.6, 0.48, 0.64)), "sheet": ufl.as_vector((0.8, -0.36, -0.48))}
        return Problem(fem.mesh, elastic, formulation, [], directions=directions)

    return build


def with_follower(fem: FemMesh, formulation: Formulation) -> Problem:
    """Under a pressure that follows the surface, and on springs."""
    elastic = Elastic.from_young(law("neo_hookean"), YOUNG_PA, 0.45)
    loads = [
        Pressure(fem.facets("x1", "z1"), 800.0),
        Spring(fem.facets("z0"), 500.0),
        Spring(fem.facets("y0"), 300.0, True),
    ]
    return Problem(fem.mesh, elastic, formulation, [], loads)


def with_tools(fem: FemMesh, formulation: Formulation) -> Problem:
    """Touched by every kind of tool."""
    problem = Problem(fem.mesh, Elastic.from_young(law("neo_hookean"), YOUNG_PA, 0.45), formulation, [])
    middle, aside = EDGE_MM / 2, (1.0, 0.0, 0.1)
    tools = (
        RigidTool(shape=Sphere(radius="4 mm"), pose=Pose(tip_mm=(middle, middle, EDGE_MM + 3.4))),
        RigidTool(
            shape=Blade(width="8 mm"), pose=Pose(tip_mm=(EDGE_MM + 1, middle, 3), axis=(0, 0.1, -1), normal=aside)
        ),
        RigidTool(shape=Rod(), pose=Pose(tip_mm=(-1.5, middle, middle), axis=(0.2, -1, 0))),
        RigidTool(shape=Plane(), pose=Pose(tip_mm=(0, EDGE_MM - 0.1, 0), axis=(0.05, 1, 0), normal=(0, 0, 1))),
    )
    skin = Skin(problem.displacement_space, problem.u_dofs, fem.facets("x0", "x1", "y1", "z1"))
    problem.add(Contact(skin, tools_of(tools), YOUNG_PA))
    return problem


def error(build: Build, formulation: Formulation) -> float:
    """Relative error of K d at a random state in a random direction, forces and volumes apart; the larger one."""
    fem = fem_mesh(block((CELLS, CELLS, CELLS), (EDGE_MM, EDGE_MM, EDGE_MM)))
    problem = build(fem, formulation)
    problem.set_load(1.0)
    random, state = np.random.default_rng(7), problem.state.x.array
    sizes = [(problem.u_dofs, NOISE_MM), (problem.p_dofs, NOISE_PA)]
    step = np.zeros_like(state)
    for unknowns, size in sizes:
        state[unknowns] = size * random.standard_normal(len(unknowns))
        step[unknowns] = size * random.standard_normal(len(unknowns))
    there = state.copy()
    tangent = problem.assemble_tangent()
    x, y = tangent.createVecs()
    x.array[:] = step
    tangent.mult(x, y)
    state[:] = there + STEP * step
    forward = problem.residual()
    state[:] = there - STEP * step
    difference = (forward - problem.residual()) / (2 * STEP)
    errors = [
        np.linalg.norm(y.array[unknowns] - difference[unknowns]) / np.linalg.norm(difference[unknowns])
        for unknowns, _ in sizes
        if len(unknowns)
    ]
    return float(max(errors))


def run(quick: bool, monitor: Monitor) -> list[Row]:
    """Every law with the two elements that are chosen most; the full run with all four."""
    formulations = FORMULATIONS[:1] + FORMULATIONS[-1:] if quick else FORMULATIONS
    builds: dict[str, Build] = {name: of_law(name) for name in LAWS}
    builds["neo_hookean, Poisson 0.5"] = of_law("neo_hookean", 0.5)
    builds["neo_hookean with active tension"] = of_law("neo_hookean", active_pa=3000.0)
    builds["pressure that follows, and springs"] = with_follower
    builds["contact with every tool"] = with_tools
    todo = [(name, formulation) for name in builds for formulation in formulations]
    rows = []
    for i, (name, formulation) in enumerate(todo):
        if not formulation.mixed and "0.5" in name:
            continue  # a displacement alone knows no incompressible tissue
        monitor.progress(i / len(todo), f"{name}, {formulation.name}")
        begin = time.perf_counter()
        value = error(builds[name], formulation)
        seconds = time.perf_counter() - begin
        mesh = f"{6 * CELLS**3} tetrahedra, {formulation.name}"
        rows.append(Row(f"{name}: error of the tangent", 0.0, value, "1", ACCEPTED, SOURCE, mesh, seconds))
    return rows


CASE = Case("tangent", "Newton's tangent against finite differences, every law and load", run)
