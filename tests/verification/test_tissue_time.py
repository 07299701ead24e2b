"""Tissue in time: relaxation as the Prony series says, motion of order two, damping as the spectral radius says."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from organtwin_solvers.fem.backend import fem, ufl
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.tissue.dynamics import Motion, follow_time
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import law
from organtwin_solvers.tissue.linear_solver import LinearSolver
from organtwin_solvers.tissue.materials import Elastic
from organtwin_solvers.tissue.newton import Newton, Path
from organtwin_solvers.tissue.problem import Problem, Support, Traction
from organtwin_solvers.validation.block import FACES, block, nearest_point

from organtwin.errors import BadInput
from organtwin.model import TissueCase
from organtwin.model.tissue_case import Dynamics, Material, Pull, Region, Relaxation
from organtwin.monitor import NullMonitor

SERIES = ((0.3, 0.2), (0.4, 2.0))
YOUNG_PA, DENSITY, LENGTH_MM = 6000.0, 1.06e-3, 80.0
WAVE_MM_PER_S = np.sqrt(YOUNG_PA / DENSITY)
FREE = {"tolerance": 1e-10}


QUADRATIC = Formulation(False, 2)


def sheared(shear: float, formulation: Formulation = QUADRATIC, name: str = "neo_hookean") -> Problem:
    """A cube of relaxing tissue, all of its surface held in simple shear."""
    mesh = fem_mesh(block((2, 2, 2), (10.0, 10.0, 10.0)))
    elastic = Elastic.from_young(law(name), YOUNG_PA, 0.4, relaxation=SERIES)
    move = Support("all", mesh.facets(*FACES), lambda x: np.stack([shear * x[1], 0 * x[1], 0 * x[1]]))
    return Problem(mesh.mesh, elastic, formulation, [move])


def shear_stress(problem: Problem) -> float:
    """First Piola stress P_xy of the uniform state, from the energy."""
    piola = ufl.diff(problem.groups[0].smooth, problem.F)
    return fem.assemble_scalar(fem.form(piola[0, 1] * problem.groups[0].dx(2))) / 1000.0


def remaining(t: float) -> float:
    return 1 - sum(share * (1 - np.exp(-t / time_s)) for share, time_s in SERIES)


@pytest.mark.parametrize("formulation", [Formulation(False, 1), Formulation(True, 2)], ids=lambda f: f.name)
def test_the_stress_at_a_held_deformation_relaxes_by_the_exponentials_of_the_series(formulation: Formulation):
    body = sheared(0.4, formulation)
    found: list[tuple[float, float]] = []
    follow_time(body, duration_s=3.0, step_s=0.25, **FREE, accepted=lambda t: found.append((t, shear_stress(body))))
    at_once = YOUNG_PA / 2.8 * 0.4
    assert found[0] == (0.0, pytest.approx(at_once, rel=1e-8))
    assert len(found) == 13
    for t, stress in found:
        assert stress == pytest.approx(at_once * remaining(t), rel=1e-8)


def test_the_stress_along_a_ramp_is_the_convolution_of_the_series():
    body, shear = sheared(1e-3), 1e-3
    follow_time(body, duration_s=1.0, step_s=0.1, ramp_s=1.0, **FREE)
    expected = 1 - sum(share for share, _ in SERIES) + sum(s * tau * (1 - np.exp(-1 / tau)) for s, tau in SERIES)
    assert shear_stress(body) == pytest.approx(YOUNG_PA / 2.8 * shear * expected, rel=1e-5)


def test_the_tangent_of_relaxing_tissue_is_the_derivative_of_its_residual():
    body = sheared(0.2)
    follow_time(body, duration_s=0.5, step_s=0.25, ramp_s=0.5)
    assert body.memory is not None
    body.memory.begin(0.3)
    random = np.random.default_rng(5)
    state = body.state.x.array
    state += 0.1 * random.standard_normal(len(state))
    there, step = state.copy(), random.standard_normal(len(state))
    step[body.held] = 0
    tangent = body.assemble_tangent()
    x, y = tangent.createVecs()
    x.array[:] = step
    tangent.mult(x, y)
    state[:] = there + 1e-5 * step
    forward = body.residual()
    state[:] = there - 1e-5 * step
    free = body.free
    difference = (forward - body.residual())[free] / 2e-5
    assert np.linalg.norm(y.array[free] - difference) <= 1e-6 * np.linalg.norm(difference)


def test_a_case_that_relaxes_ends_with_the_stiffness_that_stays():
    material = Material(young="6 kPa", poisson=0.45, relaxation=(Relaxation(share=0.5, time="1 s"),))
    case = TissueCase(
        material=material,
        fixed=(Region(boundary="z1"),),
        pulls=(Pull(region=Region(boundary="z0"), displacement_mm=(0, 0, -2)),),
        dynamics=Dynamics(duration="20 s", step="2 s", inertia=False),
    )
    result = deform(block((2, 2, 4), (30.0, 30.0, 80.0), "bar"), case)
    force = result.histories["force at pull 1 N"]
    assert force[-1] == pytest.approx(0.5 * force[1], rel=0.06)  # the volume does not relax
    assert result.times_s[-1] == 20.0
    assert len(result.histories["time s"]) == len(force)


# -- motion ---------------------------------------------------------------------------------------------------------


def rod(cells: int, stress_pa: float, name: str = "linear") -> tuple[Problem, int]:
    """A rod clamped at z = 0 that can only move along z and is pulled at its end; and the unknown of that end."""
    organ = block((1, 1, cells), (10.0, 10.0, LENGTH_MM), "rod")
    mesh = fem_mesh(organ)
    elastic = Elastic.from_young(law(name), YOUNG_PA, 0.0, density=DENSITY)
    supports = [Support("clamped", mesh.facets("z0")), Support("guided", mesh.facets(*FACES), components=(0, 1))]
    pull = Traction(mesh.facets("z1"), (0.0, 0.0, stress_pa))
    problem = Problem(mesh.mesh, elastic, Formulation(False, 2), supports, [pull], inertia=True)
    x = problem.displacement_space.tabulate_dof_coordinates()
    end = int(np.linalg.norm(x - organ.points_mm[nearest_point(organ, (0.0, 0.0, LENGTH_MM))], axis=1).argmin())
    return problem, 3 * end + 2


def test_a_bar_swings_with_the_period_of_its_wave():
    problem, end = rod(10, 60.0)
    found: list[tuple[float, float]] = []
    period, still = 4 * LENGTH_MM / WAVE_MM_PER_S, 60.0 / YOUNG_PA * LENGTH_MM
    follow_time(
        problem, duration_s=2 * period, step_s=period / 60, spectral_radius=0.9, **FREE,
        accepted=lambda t: found.append((t, problem.state.x.array[end] - still)),
    )  # fmt: skip
    t, u = np.array(found).T
    crossings = [t[i] - u[i] * (t[i + 1] - t[i]) / (u[i + 1] - u[i]) for i in np.flatnonzero(u[:-1] * u[1:] < 0)]
    assert crossings == pytest.approx(np.array([0.25, 0.75, 1.25, 1.75]) * period, rel=0.01)
    assert u.max() == pytest.approx(still, rel=0.08)  # to twice the deflection at rest, with a rounded peak


def load_vector(problem: Problem) -> np.ndarray:
    """Force of the full load on every unknown, from the residual at rest."""
    problem.set_load(1.0)
    return np.where(problem.free, -problem.residual(), 0.0)


@pytest.mark.parametrize("spectral_radius", [0.0, 0.5, 1.0])
def test_motion_is_of_order_two_in_the_step(spectral_radius: float):
    problem, _ = rod(2, 60.0)
    force, motion = load_vector(problem), Motion(problem, 1.0, 0.0)
    inside = np.flatnonzero(problem.free)
    stiffness, mass = (dense(matrix)[np.ix_(inside, inside)] for matrix in (problem.assemble_tangent(), motion.mass))
    rates, modes = scipy.linalg.eigh(stiffness, mass)
    exact = modes @ (modes.T @ force[inside] / rates * (1 - np.cos(np.sqrt(rates) * 0.05)))

    def error(steps: int) -> float:
        moving, _ = rod(2, 60.0)
        follow_time(moving, duration_s=0.05, step_s=0.05 / steps, spectral_radius=spectral_radius, **FREE)
        return float(np.linalg.norm(moving.state.x.array[inside] - exact))

    coarse, fine = error(250), error(500)
    assert fine < 0.3 * coarse
    assert fine < 0.02 * np.linalg.norm(exact)


def dense(matrix) -> np.ndarray:
    rows, columns, values = matrix.getValuesCSR()
    return scipy.sparse.csr_array((values, columns, rows)).toarray()


def test_motion_without_numerical_damping_keeps_its_energy():
    problem, _ = rod(4, 60.0)
    force = load_vector(problem)
    potential: list[float] = []
    course = follow_time(
        problem, duration_s=0.2, step_s=0.002, spectral_radius=1.0, **FREE,
        accepted=lambda t: potential.append(problem.totals()[2] - force @ problem.state.x.array),
    )  # fmt: skip
    assert abs(np.array(potential) + course.kinetic[1:]).max() < 1e-6 * max(course.kinetic)


@pytest.mark.parametrize("spectral_radius", [0.3, 0.8])
def test_motion_much_faster_than_the_step_dies_out_as_the_spectral_radius_says(spectral_radius: float):
    problem, _ = rod(2, 0.0)
    motion = Motion(problem, spectral_radius, 0.0)
    motion.v = np.where(problem.free, 1.0, 0.0)
    newton = Newton(problem, LinearSolver(problem), 1e-9, 10, NullMonitor(), Path())
    size = []
    for _ in range(20):
        motion.begin(10.0)  # hundreds of periods
        assert newton.reach(1.0, np.where(problem.free, motion.guess(), 0.0)) is not None
        motion.accept()
        size.append(np.linalg.norm(motion.u))
    assert (size[19] / size[9]) ** (1 / 10) == pytest.approx(spectral_radius, rel=0.15)


def test_damping_brings_a_case_to_its_rest():
    mesh = block((2, 2, 4), (30.0, 30.0, 80.0), "bar")
    given = {"fixed": (Region(boundary="z1"),), "gravity": (0, 0, -1)}
    still = deform(mesh, TissueCase(**given))
    moved = deform(
        mesh, TissueCase(**given, dynamics=Dynamics(duration="2 s", step="20 ms", ramp="0.2 s", damping_per_s=10.0))
    )
    assert moved.fields["displacement_mm"][-1] == pytest.approx(still.fields["displacement_mm"][-1], abs=0.05)
    assert moved.times_s[1] == pytest.approx(0.02)
    assert {q.name for q in moved.quantities} >= {"largest displacement in time", "time of the largest displacement"}
    assert moved.histories["kinetic energy mJ"][-1] < 1e-4 * max(moved.histories["kinetic energy mJ"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"step": "0 s"}, "must be positive"), ({"step": "1 us"}, r"steps of 1 us needs more than 20000 steps")],
)
def test_a_motion_that_cannot_be_followed_is_refused(changes: dict[str, str], sentence: str):
    case = TissueCase(
        fixed=(Region(boundary="z1"),),
        gravity=(0, 0, -1),
        dynamics=Dynamics(**{"duration": "1 s", "step": "10 ms", **changes}),
    )
    with pytest.raises(BadInput, match=sentence):
        deform(block((2, 2, 4), (30.0, 30.0, 80.0), "bar"), case)
