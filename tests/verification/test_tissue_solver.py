"""The tissue solver against mechanics: tangents, patches, rotations, balances, published benchmarks, and failures."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from organtwin_solvers.fem.backend import ufl
from organtwin_solvers.fem.organ import fem_mesh
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.tissue.fields import Recovery
from organtwin_solvers.tissue.formulation import Formulation
from organtwin_solvers.tissue.laws import LAWS, law
from organtwin_solvers.tissue.linear_solver import LinearSolver
from organtwin_solvers.tissue.newton import follow_load
from organtwin_solvers.tissue.operation import OPERATION
from organtwin_solvers.tissue.problem import Elastic, Pressure, Problem, Support, Traction
from organtwin_solvers.validation import cook, uniaxial
from organtwin_solvers.validation.block import FACES, block

from organtwin.errors import BadInput, Cancelled, SolveFailed
from organtwin.model import OrganMesh, Result, TissueCase
from organtwin.model.tissue_case import Material, Press, Pull, Region, TissueNumerics
from organtwin.monitor import NullMonitor

FORMULATIONS = [Formulation(mixed, degree) for mixed in (False, True) for degree in (1, 2)]
ELEMENTS = pytest.mark.parametrize("formulation", FORMULATIONS, ids=lambda f: f.name)
DOWN = (0.0, 0.0, -1.0)
AXES = {"fibre": ufl.as_vector((0.6, 0.0, 0.8)), "sheet": ufl.as_vector((0.0, 1.0, 0.0))}


def bar() -> OrganMesh:
    return block((3, 3, 8), (30.0, 30.0, 80.0), "bar")


def problem(
    mesh: OrganMesh, name: str, formulation: Formulation, supports=None, loads=(), poisson: float = 0.45
) -> Problem:
    fem = fem_mesh(mesh)
    chosen = law(name)
    elastic = Elastic.from_young(chosen, 6000.0, poisson, parameters=chosen.read({}))
    loads = [type(load)(fem.facets(load.facets), *list(vars(load).values())[1:]) for load in loads]
    supports = [Support("fixed", fem.facets("z1"))] if supports is None else supports(fem)
    return Problem(fem.mesh, elastic, formulation, supports, loads, directions=AXES)


def quantity(result: Result, name: str) -> float:
    return next(q.value for q in result.quantities if q.name == name)


def hanging(**changes: object) -> TissueCase:
    given = {"material": Material(young="6 kPa", poisson=0.45), "fixed": (Region(boundary="z1"),)}
    return TissueCase(**{**given, **changes})


# -- the discrete problem -------------------------------------------------------------------------------------------


@ELEMENTS
@pytest.mark.parametrize("name", LAWS)
def test_the_tangent_is_the_derivative_of_the_residual(name: str, formulation: Formulation):
    body = problem(block((2, 2, 2), (10.0, 10.0, 10.0)), name, formulation, supports=lambda fem: [])
    random = np.random.default_rng(7)
    state = body.state.x.array
    state[body.u_dofs] = 0.15 * random.standard_normal(len(body.u_dofs))
    state[body.p_dofs] = 500 * random.standard_normal(len(body.p_dofs))
    there, step = state.copy(), np.zeros_like(state)
    step[body.u_dofs] = random.standard_normal(len(body.u_dofs))
    step[body.p_dofs] = 1000 * random.standard_normal(len(body.p_dofs))
    tangent = body.assemble_tangent()
    x, y = tangent.createVecs()
    x.array[:] = step
    tangent.mult(x, y)
    h = 1e-5
    state[:] = there + h * step
    forward = body.residual()
    state[:] = there - h * step
    difference = (forward - body.residual()) / (2 * h)
    for unknowns in (body.u_dofs, body.p_dofs):
        assert np.linalg.norm(y.array[unknowns] - difference[unknowns]) <= 1e-6 * np.linalg.norm(difference[unknowns])


def test_the_tangent_of_a_pressure_that_follows_the_surface_is_exact_too():
    body = problem(
        block((2, 2, 2), (10.0, 10.0, 10.0)), "neo_hookean", FORMULATIONS[0], lambda fem: [], [Pressure("x1", 800.0)]
    )
    body.set_load(1.0)
    random = np.random.default_rng(3)
    state = body.state.x.array
    state[:] = 0.15 * random.standard_normal(len(state))
    there, step = state.copy(), random.standard_normal(len(state))
    tangent = body.assemble_tangent()
    x, y = tangent.createVecs()
    x.array[:] = step
    tangent.mult(x, y)
    state[:] = there + 1e-5 * step
    forward = body.residual()
    state[:] = there - 1e-5 * step
    assert np.allclose(y.array, (forward - body.residual()) / 2e-5, rtol=1e-5, atol=1e-5 * abs(y.array).max())


@ELEMENTS
def test_a_uniform_deformation_prescribed_outside_is_found_inside(formulation: Formulation):
    gradient = np.array([[0.10, 0.05, -0.02], [0.03, -0.06, 0.04], [0.01, 0.02, 0.08]])
    mesh = block((3, 3, 3), (10.0, 10.0, 10.0))
    inside = (np.abs(mesh.points_mm - 5) < 4.9).all(axis=1)
    moved = mesh.points_mm + inside[:, None] * np.random.default_rng(1).uniform(-0.4, 0.4, mesh.points_mm.shape)
    mesh = mesh.with_(points_mm=moved)
    fem = fem_mesh(mesh)
    supports = [Support("all", fem.facets(*FACES), lambda x: gradient @ x)]
    body = Problem(fem.mesh, Elastic.from_young(law("neo_hookean"), 6000.0, 0.45), formulation, supports)
    follow_load(body, steps=1, tolerance=1e-10)
    assert np.allclose(fem.to_points(body.displacement()), moved @ gradient.T, atol=1e-7)
    stress = Recovery(body, fem)().stress_pa
    assert np.allclose(stress, stress[0], rtol=1e-4)


@pytest.mark.parametrize("name", [name for name in LAWS if not LAWS[name].small_strain])
def test_a_rigid_rotation_makes_no_stress(name: str):
    angle = np.radians(80)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    fem = fem_mesh(block((2, 2, 2), (10.0, 10.0, 10.0)))
    body = Problem(
        fem.mesh,
        Elastic.from_young(law(name), 6000.0, 0.45, parameters=law(name).read({})),
        FORMULATIONS[0],
        [],
        directions=AXES,
    )
    turned = body.displacement()
    turned.interpolate(lambda x: (rotation - np.eye(3)) @ x)
    body.state.x.array[body.u_dofs] = turned.x.array
    fields = Recovery(body, fem)()
    assert abs(fields.stress_pa).max() < 1e-6
    assert abs(fields.strain).max() < 1e-6
    assert abs(body.residual()).max() < 1e-6


@ELEMENTS
def test_the_iterative_solvers_agree_with_the_direct_one(formulation: Formulation, monkeypatch: pytest.MonkeyPatch):
    def solve() -> np.ndarray:
        body = problem(bar(), "neo_hookean", formulation, loads=[Traction("z0", (0.0, 300.0, 0.0))])
        follow_load(body, steps=1, tolerance=1e-9)
        return body.displacement().x.array.copy()

    direct = solve()
    monkeypatch.setattr("organtwin_solvers.tissue.linear_solver.DIRECT_UP_TO", {True: 0, False: 0})
    body = problem(bar(), "neo_hookean", formulation)
    assert "MUMPS" not in LinearSolver(body).name
    assert np.allclose(solve(), direct, atol=1e-5 * abs(direct).max())


# -- published and by hand ------------------------------------------------------------------------------------------


def test_every_law_stretches_a_bar_as_computed_by_hand():
    rows = uniaxial.CASE.run(True, NullMonitor())
    assert len(rows) == 4 * 2 * len(LAWS)
    assert [row.quantity for row in rows if not row.passed] == []


def test_cooks_membrane_bends_as_published_in_all_four_variants():
    # references: shared/benchmarks.md; linear plane stress 23.97 is the classic limit, the others an independent code
    rows = {row.quantity: row for row in cook.CASE.run(True, NullMonitor())}
    assert [row.reference for row in rows.values()] == [25.170, 23.9665, 13.773, 14.741, 11.497, 11.999, 6.931, 6.960]
    assert [name for name, row in rows.items() if not row.passed] == []


def test_linear_tetrahedra_with_pressure_do_not_lock_where_those_without_do():
    nearly_incompressible = cook.VARIANTS[2]
    reference = nearly_incompressible.reference[1]
    mixed, _ = cook.solve(nearly_incompressible, 32, Formulation(True, 1))
    alone, _ = cook.solve(nearly_incompressible, 32, Formulation(False, 1))
    assert mixed["u_y(48,52)"] == pytest.approx(reference, rel=0.02)
    assert alone["u_y(48,52)"] < 0.5 * reference


# -- the public way: mesh and case to result ------------------------------------------------------------------------


def test_the_fixed_region_carries_the_weight():
    case = hanging(gravity=DOWN, material=Material(young="6 kPa", poisson=0.45, density="1.06 g/cm^3"))
    result = deform(bar(), case)
    weight = 30 * 30 * 80 * 1.06e-3 * 9806.65e-6
    assert quantity(result, "force at the fixed region") == pytest.approx(weight, rel=1e-5)
    assert result.fields["displacement_mm"][-1, :, 2].min() < -0.5


def test_the_fixed_region_carries_a_pressing_force_in_full():
    push = Press(region=Region(boundary="z0"), force="0.5 N", direction=(0, 1, 0))
    assert quantity(deform(bar(), hanging(presses=(push,))), "force at the fixed region") == pytest.approx(
        0.5, rel=1e-5
    )


@ELEMENTS
def test_uniform_pressure_all_around_compresses_as_the_volumetric_energy_says(formulation: Formulation):
    fem = fem_mesh(block((2, 2, 2), (10.0, 10.0, 10.0)))
    rollers = [Support(face, fem.facets(face), components=(axis,)) for axis, face in enumerate(("x0", "y0", "z0"))]
    elastic = Elastic.from_young(law("neo_hookean"), 6000.0, 0.3)
    body = Problem(fem.mesh, elastic, formulation, rollers, [Pressure(fem.facets("x1", "y1", "z1"), 1000.0)])
    follow_load(body, steps=1, tolerance=1e-10)
    rest, now, _ = body.totals()
    J = now / rest
    assert elastic.bulk_pa / 2 * (J - 1 / J) == pytest.approx(-1000.0, rel=1e-6)
    assert Recovery(body, fem)().pressure_pa == pytest.approx(1000.0, rel=1e-5)


def test_work_of_the_pull_is_stored_as_energy():
    pull = Pull(region=Region(boundary="z0"), displacement_mm=(0, 0, -20))
    result = deform(bar(), hanging(pulls=(pull,), numerics=TissueNumerics(load_steps=10)))
    forces = np.array(result.histories["force at pull 1 N"])
    assert np.trapezoid(forces, 20 * result.times_s) == pytest.approx(quantity(result, "stored energy"), rel=0.01)
    assert quantity(result, "force at the pulled region") == pytest.approx(
        quantity(result, "force at the fixed region"), rel=1e-4
    )


def test_frames_start_at_rest_and_end_with_the_pulled_points_where_they_were_asked():
    mesh, pull = bar(), Pull(region=Region(boundary="z0"), displacement_mm=(3, 0, -12))
    result = deform(mesh, hanging(pulls=(pull,)))
    u = result.fields["displacement_mm"]
    assert u.shape == (6, len(mesh.points_mm), 3)
    assert all(field.dtype == np.float32 for field in result.fields.values())
    assert not u[0].any()
    assert np.allclose(u[-1][np.unique(mesh.boundary("z0"))], (3, 0, -12), atol=1e-5)
    assert not u[-1][np.unique(mesh.boundary("z1"))].any()
    assert result.times_s[-1] == 1.0


def test_fields_follow_the_points_of_the_mesh_whatever_their_order():
    mesh, case = bar(), hanging(gravity=DOWN)
    order = np.random.default_rng(5).permutation(len(mesh.points_mm))
    place = np.argsort(order).astype(np.int32)
    shuffled = mesh.with_(
        points_mm=mesh.points_mm[order], tets=place[mesh.tets], boundary_triangles=place[mesh.boundary_triangles]
    )
    one, other = deform(mesh, case), deform(shuffled, case)
    assert np.allclose(other.fields["displacement_mm"][-1], one.fields["displacement_mm"][-1][order], atol=1e-4)
    assert np.allclose(other.fields["stress_pa"][-1], one.fields["stress_pa"][-1][order], rtol=1e-3, atol=1e-2)


def test_a_result_says_what_earns_its_numbers():
    mesh = bar()
    (result,) = OPERATION({"mesh": mesh}, {"case": hanging(gravity=DOWN).model_dump(mode="json")})
    assert isinstance(result, Result)
    assert result.mesh == mesh.uuid
    assert result.recipe is not None
    assert result.recipe.versions["dolfinx-solver-real"]
    assert set(result.credibility) >= {
        "mesh",
        "formulation",
        "material",
        "source of the material",
        "residual",
        "verification",
    }


def test_the_estimated_error_of_the_force_is_near_the_true_one():
    pull = Pull(region=Region(centre_mm=(15, 15, 0), radius="12 mm"), displacement_mm=(0, 4, -8))
    mesh = block((6, 6, 16), (30.0, 30.0, 80.0), "bar")
    linear, quadratic = (
        deform(mesh, hanging(pulls=(pull,), numerics=TissueNumerics(element=element)))
        for element in ("linear", "quadratic")
    )
    true = quantity(linear, "force at the pulled region") / quantity(quadratic, "force at the pulled region") - 1
    said = float(re.search(r"force to about (\d+) %", linear.credibility["discretisation"])[1]) / 100
    assert true / 2 < said < 3 * true


def test_a_load_that_moves_nothing_is_said():
    touch = Press(region=Region(boundary="z0"), force="1e-9 N", direction=(0, 1, 0))
    assert any("Almost nothing moved" in note for note in deform(bar(), hanging(presses=(touch,))).notes)


# -- when it cannot be ----------------------------------------------------------------------------------------------


def test_a_load_too_large_for_one_step_is_reached_in_smaller_ones():
    squeeze = Pull(region=Region(boundary="z0"), displacement_mm=(0, 0, 65))
    case = hanging(pulls=(squeeze,), numerics=TissueNumerics(load_steps=1, element="linear"))
    result = deform(bar(), case)
    assert len(result.times_s) > 2
    assert result.times_s[-1] == 1.0


def test_an_impossible_pull_ends_in_a_sentence_with_the_load_reached_and_the_likely_reason():
    through = Pull(region=Region(boundary="z0"), displacement_mm=(0, 0, 120))
    case = hanging(pulls=(through,), numerics=TissueNumerics(load_steps=2, element="linear", max_newton=12))
    with pytest.raises(SolveFailed, match=r"no equilibrium beyond \d+ % of the load.*pull of 120 mm.*80 mm away"):
        deform(bar(), case)


def test_an_unstable_material_is_refused():
    with pytest.raises(BadInput, match=r"-2 kPa.*not stable"):
        deform(bar(), hanging(gravity=DOWN, material=Material(young="-2 kPa")))


def test_an_inverted_tetrahedron_is_refused_with_its_place():
    mesh = bar()
    tets = mesh.tets.copy()
    tets[5] = tets[5][[0, 2, 1, 3]]
    with pytest.raises(BadInput, match=r"1 flat or inverted tetrahedra \(the first is 5, at"):
        deform(mesh.with_(tets=tets), hanging(gravity=DOWN))


def test_a_cancelled_solve_stops_inside_newton():
    class Stop(NullMonitor):
        def progress(self, fraction: float, what: str = "") -> None:
            if "Newton" in what:
                raise Cancelled

    with pytest.raises(Cancelled):
        deform(bar(), hanging(gravity=DOWN), Stop())


# -- more than one process ------------------------------------------------------------------------------------------

TWO_RANKS = """
import sys
import numpy as np
from organtwin_solvers.fem.backend import MPI
from organtwin_solvers.tissue.deform import deform
from organtwin_solvers.validation.block import block
from organtwin.model import TissueCase
case = TissueCase(fixed=[{"boundary": "z1"}], presses=[{"region": {"boundary": "x0"}, "pressure": "0.3 kPa"}], gravity=(0, 0, -1))
result = deform(block((3, 3, 8), (30.0, 30.0, 80.0)), case)
if MPI.COMM_WORLD.rank == 0:
    np.save(sys.argv[1], result.fields["displacement_mm"][-1])
"""


@pytest.mark.slow
def test_two_processes_find_what_one_finds(tmp_path: Path):
    mpiexec = Path(sys.executable).with_name("mpiexec")
    if not mpiexec.exists():
        pytest.skip("mpiexec is not installed")
    found = []
    for ranks in (1, 2):
        file = tmp_path / f"{ranks}.npy"
        with (tmp_path / "log").open("w") as log:  # a closed pipe would abort the ranks
            subprocess.run(
                [mpiexec, "-n", str(ranks), sys.executable, "-c", TWO_RANKS, file], stdout=log, stderr=log, check=True
            )
        found.append(np.load(file))
    assert np.allclose(found[0], found[1], atol=1e-5)
