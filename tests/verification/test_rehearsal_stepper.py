"""The stepper of the rehearsal against mechanics: the law, rest, momentum, inverted elements, wild tools, cuts, undo."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organtwin_solvers.rehearsal import ogden
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.laws import CODES
from organtwin_solvers.rehearsal.stepper import Stepper
from organtwin_solvers.rehearsal.supports import Held, Link, Springs, held_by
from organtwin_solvers.rehearsal.system import System
from organtwin_solvers.tissue.laws.ogden import sum_of_powers
from organtwin_solvers.validation import balance, determinism, rehearsal
from organtwin_solvers.validation.block import block

from organtwin.errors import BadInput
from organtwin.model.rehearsal import Scene
from organtwin.model.tissue_case import Material, Region, Spring
from organtwin.monitor import NullMonitor

DOWN = (0.0, 0.0, -9806.65)


def body(law: str = "neo_hookean", poisson: float = 0.49, cells: tuple[int, int, int] = (2, 2, 4)) -> Body:
    mesh = block(cells, (20.0, 20.0, 40.0))
    return Body.of(mesh, Scene(material=Material(law=law, young="6 kPa", poisson=poisson)))


def hanging(**more: object) -> Stepper:
    stepper = Stepper(body(), **more)
    top = np.flatnonzero(stepper.x[:, 2] > 39.9).astype(np.int32)
    stepper.held["top"] = Held(top, stepper.x[top])
    return stepper


def moved(stepper: Stepper) -> float:
    return float(np.linalg.norm(stepper.x - stepper.body.rest_mm, axis=1).max())


def ratios(stepper: Stepper) -> np.ndarray:
    corners = stepper.x[stepper.body.tets]
    return np.linalg.det(corners[:, 1:] - corners[:, :1]) / 6 / stepper.body.volume_mm3


# -- the law ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("law", CODES)
@pytest.mark.parametrize("amplitude", [0.5, 8.0])  # the second turns elements inside out
def test_forces_are_the_slope_of_the_energy_inverted_or_not(law: str, amplitude: float):
    system = System(body(law, 0.4))
    rng = np.random.default_rng(3)
    x = system.body.rest_mm + amplitude * rng.standard_normal((system.n, 3))
    way = rng.standard_normal((system.n, 3))
    step = 1e-4
    up, down = (system.energy_and_force(x + s * step * way)[0] for s in (1, -1))
    _, force = system.energy_and_force(x)
    assert (up - down) / (2 * step) == pytest.approx(-float((force * way).sum()), rel=1e-4)


def test_a_turned_and_shifted_body_bears_no_force():
    system = System(body())
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    _, force = system.energy_and_force(system.body.rest_mm @ turn.T + 100.0)
    assert np.abs(force).max() < 1e-4  # of some 1e6 when deformed


@pytest.mark.parametrize("name", rehearsal.CASES)
def test_at_rest_it_is_the_full_solve(name: str):
    mesh, case = rehearsal.organ(3), rehearsal.CASES[name]
    reference = rehearsal.full(mesh, case, "linear", NullMonitor())
    apart = np.linalg.norm(rehearsal.at_rest(mesh, case) - reference, axis=1).max()
    assert apart < 1e-3 * np.linalg.norm(reference, axis=1).max()


def test_an_ogden_body_with_fractional_powers_rests_where_the_full_solve_does():
    shape = {"alpha_1": -5.3, "alpha_2": 3.7, "share_2": 0.3, "alpha_3": 9.0, "share_3": 0.2}
    mesh, case = rehearsal.organ(3), rehearsal.CASES["grasp"]
    material = Material(law="ogden", parameters=shape, young="6.9 kPa", poisson=0.49)
    case = case.model_copy(update={"material": material})
    reference = rehearsal.full(mesh, case, "linear", NullMonitor())
    apart = np.linalg.norm(rehearsal.at_rest(mesh, case) - reference, axis=1).max()
    assert apart < 1e-3 * np.linalg.norm(reference, axis=1).max()


@pytest.mark.parametrize("first", [(3.9, 3.6), (3.0, 3.0), (6.0, 11.0)])
def test_derivatives_of_ogden_are_slopes_of_the_energy_of_the_full_solve(first: tuple[float, float]):
    alphas, shares = (-5.3, 3.7, 9.0), (0.5, 0.3, 0.2)
    row = np.concatenate([[1.0, 1.0], ogden.numbers((alphas[0], alphas[1], shares[1], alphas[2], shares[2]))])

    def energy(I1: float, I2: float) -> float:
        return sum(2 * s / a**2 * (sum_of_powers(I1, I2, a / 2) - 3) for a, s in zip(alphas, shares, strict=True))

    found = ogden.derivatives(1.0, row, *first)
    h = 1e-4
    at = {(i, j): energy(first[0] + i * h, first[1] + j * h) for i in (-1, 0, 1) for j in (-1, 0, 1)}
    assert found[0] == pytest.approx(at[0, 0], abs=1e-12)
    slopes = (at[1, 0] - at[-1, 0]) / (2 * h), (at[0, 1] - at[0, -1]) / (2 * h)
    assert found[1:3] == pytest.approx(slopes, rel=1e-6)
    mixed = (at[1, 1] - at[1, -1] - at[-1, 1] + at[-1, -1]) / (4 * h * h)
    second = (at[1, 0] - 2 * at[0, 0] + at[-1, 0]) / h**2, mixed, (at[0, 1] - 2 * at[0, 0] + at[0, -1]) / h**2
    assert found[3:] == pytest.approx(second, rel=1e-4, abs=1e-6)


def test_where_nothing_acts_nothing_is_out_of_balance():
    stepper = hanging()
    stepper.step()
    assert stepper.unrest() == 0.0


def test_a_law_with_fibres_is_refused_in_a_sentence():
    with pytest.raises(BadInput, match="cannot follow the law 'guccione'"):
        Body.of(block((1, 1, 1), (1.0, 1.0, 1.0)), Scene(material=Material(law="guccione")))


def test_an_inverted_tetrahedron_is_refused_with_its_place():
    mesh = block((2, 2, 2), (10.0, 10.0, 10.0))
    tets = mesh.tets.copy()
    tets[5] = tets[5][[0, 2, 1, 3]]
    with pytest.raises(BadInput, match=r"1 flat or inverted tetrahedra \(the first is 5, at"):
        Body.of(mesh.with_(tets=tets), Scene())


# -- motion -------------------------------------------------------------------------------------------------------------


def test_steps_end_where_settling_ends():
    still, moving = hanging(gravity_mm_per_s2=DOWN), hanging(gravity_mm_per_s2=DOWN, damping_per_s=20.0)
    assert still.settle(1e-5)
    for _ in range(240):
        moving.step()
    assert np.abs(moving.x - still.x).max() < 1e-3 * moved(still)
    assert moving.unrest() < 1e-3


def test_what_holds_it_bears_its_weight():
    stepper = hanging(gravity_mm_per_s2=DOWN)
    assert stepper.settle(1e-5)
    weight = stepper.body.mass.sum() * 9806.65
    top = stepper.held["top"].nodes
    own = stepper.body.mass[top].sum() * 9806.65
    assert stepper.reaction("top") == pytest.approx([0, 0, weight], abs=1e-3 * weight + own * 1e-9)


def test_a_thrown_body_keeps_its_momenta_and_gains_no_energy():
    flight = balance.fly(balance.bar(1), 1 / 240, 0.1)
    assert np.allclose(flight.momentum, flight.momentum[0], rtol=1e-4, atol=1e-3)
    assert np.linalg.norm(flight.angular[-1] - flight.angular[0]) < 0.02 * np.linalg.norm(flight.angular[0])
    assert flight.energy.max() <= flight.energy[0] * (1 + 1e-4)


def test_a_thread_draws_two_places_together_with_equal_forces():
    stepper = Stepper(body())
    a, b = np.array([0, 1], np.int32), np.array([len(stepper.x) - 1], np.int32)
    before = np.linalg.norm(stepper.x[a].mean(axis=0) - stepper.x[b[0]])
    stepper.links.append(Link(a, np.array([0.5, 0.5]), b, np.array([1.0]), 2e5))
    for _ in range(30):
        stepper.step()
    assert np.linalg.norm(stepper.x[a].mean(axis=0) - stepper.x[b[0]]) < 0.9 * before
    momentum = (stepper.body.mass[:, None] * stepper.v).sum(axis=0)
    assert np.abs(momentum).max() < 1e-2 * (stepper.body.mass[:, None] * np.abs(stepper.v)).sum()


def test_springs_along_the_normal_let_it_slide():
    mesh = block((2, 2, 4), (20.0, 20.0, 40.0))
    stepper = Stepper(body(), gravity_mm_per_s2=(0.0, 3000.0, -9806.65), damping_per_s=10.0)
    stepper.springs.append(
        Springs.of(mesh, Spring(region=Region(boundary="z0"), stiffness="20 kPa/mm", normal_only=True))
    )
    for _ in range(60):
        stepper.step()
    assert stepper.x[:, 1].mean() - stepper.body.rest_mm[:, 1].mean() > 20.0
    assert abs(stepper.x[:, 2].min()) < 0.5


# -- never explodes -----------------------------------------------------------------------------------------------------


def test_no_element_stays_inside_out():
    stepper = hanging()
    x = stepper.x.copy()
    free = x[:, 2] < 39.9
    x[free] += np.random.default_rng(4).normal(0, 8.0, (free.sum(), 3))
    stepper.adopt(stepper.body, x, np.zeros_like(x))
    assert (ratios(stepper) < 0).sum() > 20
    for _ in range(60):
        stepper.step()
    assert ratios(stepper).min() > 0


@given(st.lists(st.tuples(*[st.floats(-1e3, 1e3)] * 3), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_held_points_that_jump_anywhere_leave_a_finite_state(places: list[tuple[float, float, float]]):
    stepper = hanging()
    corner = np.array([0, 1, 3], np.int32)
    rest = stepper.x[corner]
    for place in places:
        stepper.held["tool"] = Held(corner, rest + place)
        stepper.step()
        assert np.isfinite(stepper.x).all()
        assert np.isfinite(stepper.v).all()
        assert np.array_equal(stepper.x[corner], rest + place)
    del stepper.held["tool"]
    for _ in range(20):
        stepper.step()
    assert np.isfinite(stepper.x).all()


# -- cuts, undo, determinism ----------------------------------------------------------------------------------------------


def test_what_is_held_follows_a_cut():
    stepper = hanging(gravity_mm_per_s2=DOWN)
    old = stepper.body
    mesh = block((2, 2, 4), (20.0, 20.0, 40.0))
    origin = np.concatenate([np.arange(len(stepper.x)), [stepper.held["top"].nodes[0]]])
    rest = old.rest_mm[origin]
    stepper.adopt(old.with_(rest_mm=rest), rest, np.zeros_like(rest), origin)
    assert len(origin) - 1 in stepper.held["top"].nodes
    stepper.step()
    assert np.isfinite(stepper.x).all()
    assert (
        held_by(mesh, Scene(fixed=(Region(boundary="z1"),)))["fixed 1"].nodes.size == stepper.held["top"].nodes.size - 1
    )


def test_the_same_input_gives_the_same_bytes_also_after_going_back():
    assert determinism.digest(3) == determinism.digest(3) == determinism.digest(3, back=True)


@pytest.mark.slow
def test_the_number_of_threads_changes_no_byte():
    assert determinism.elsewhere(3, 1) == determinism.elsewhere(3, 2) == determinism.digest(3)


@pytest.mark.slow
def test_what_is_compiled_afresh_moves_tissue_to_the_same_bytes_as_what_was_kept(tmp_path):
    moved = """
import hashlib
from organtwin_solvers.validation.block import block
from organtwin_solvers.rehearsal.engine import Engine
from organtwin.model.rehearsal import Scene
from organtwin.model.tissue_case import Region
engine = Engine({"mesh": block((6, 4, 3), (50.0, 30.0, 20.0))}, Scene(fixed=(Region(boundary="x0"),), gravity=(0, 0, -1)))
for _ in range(5):
    engine.step()
print(engine.digest())
"""
    kept = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    first, second = (
        subprocess.run([sys.executable, "-c", moved], capture_output=True, text=True, check=True, env=kept).stdout
        for _ in range(2)
    )
    assert len(first.strip()) == 64
    assert first == second
