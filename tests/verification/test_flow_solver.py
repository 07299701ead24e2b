"""The flow solver against what must hold: Poiseuille, balance, symmetry, Ohm's law of an outlet, the period."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from organtwin_solvers.flow.fast.coupled import NotConverged
from organtwin_solvers.flow.fast.scheme import Scheme
from organtwin_solvers.flow.march import pulsatile
from organtwin_solvers.flow.march import steady as march
from organtwin_solvers.flow.solve import solve
from organtwin_solvers.validation.pipes import pipe, tee
from organtwin_solvers.validation.poiseuille import CASE, value

from organtwin.errors import Cancelled, SolveFailed
from organtwin.model import FlowCase
from organtwin.monitor import NullMonitor
from organtwin.operations import find


@pytest.fixture(scope="module")
def tube():
    return pipe(5.0, 40.0, rings=4, layers=16)


def case(flow: str = "10 mL/s", **parts) -> FlowCase:
    return FlowCase.model_validate({"inlets": [{"cap": "inlet", "flow": flow}]} | parts)


def test_poiseuille_is_met_and_approached_with_second_order():
    rows = CASE.run(True, NullMonitor())
    assert {row.quantity for row in rows if row.at_least} == {
        f"order of convergence: {name}" for name in ("velocity", "pressure drop", "wall shear")
    }
    assert [row.to_json() for row in rows if not row.passed] == []


def test_wall_shear_is_even_around_a_pipe_and_no_point_is_left_out(tube):
    result = solve(tube, case())
    shear = result.fields["wall_shear_pa"][0]
    wall = np.unique(tube.boundary("wall"))
    assert shear[wall].std() < 0.05 * shear[wall].mean()
    assert not shear[np.setdiff1d(np.arange(len(shear)), wall)].any()


def test_what_flows_in_flows_out_and_a_symmetric_fork_shares_it_evenly():
    organ = tee(8.0, 12.0, 12.0, cells=6)
    result = solve(organ, case("8 mL/s"))
    assert value(result, "Flow inlet") == pytest.approx(8.0, rel=1e-9)
    assert value(result, "Mass imbalance") < 0.01
    assert value(result, "Flow left") == pytest.approx(4.0, rel=2e-3)
    assert value(result, "Flow right") == pytest.approx(4.0, rel=2e-3)


def test_an_outlet_with_resistance_stands_at_p0_plus_r_times_q(tube):
    outlets = [{"cap": "outlet", "pressure": "80 mmHg", "resistance": "1.5 mmHg*s/mL"}]
    result = solve(tube, case("10 mL/s", outlets=outlets))
    assert value(result, "Pressure outlet") == pytest.approx(80.0 + 1.5 * 10.0, abs=0.02)
    plain = solve(tube, case("10 mL/s"))
    drop = "Pressure drop inlet → outlet"
    assert value(result, drop) == pytest.approx(value(plain, drop), rel=5e-3)


def test_resistances_decide_the_split():
    organ = tee(8.0, 8.0, 8.0, cells=4)
    outlets = [{"cap": "left", "resistance": "20 mmHg*s/mL"}, {"cap": "right", "resistance": "10 mmHg*s/mL"}]
    result = solve(organ, case("3 mL/s", outlets=outlets))
    assert value(result, "Flow right") == pytest.approx(2.0, rel=0.01)


def test_a_pulsatile_flow_repeats_balances_and_has_the_mean_it_was_given(tube):
    numerics = {"mode": "pulsatile", "period": "0.8 s", "cycles": 3, "steps_per_cycle": 40, "frames_per_cycle": 40}
    beating = case(
        inlets=[{"cap": "inlet", "flow": "5 mL/s", "waveform": "systolic"}],
        outlets=[{"cap": "*", "pressure": "90 mmHg", "resistance": "2 mmHg*s/mL"}],
        blood={"viscosity": "35 mPa*s"},  # thick: a transient dies within a beat
        numerics=numerics,
    )
    result = solve(tube, beating)
    assert result.fields["velocity_mm_per_s"].shape == (40, len(tube.points_mm), 3)
    assert np.all(np.diff(result.times_s) > 0)
    assert result.times_s[-1] == pytest.approx(2.4)
    assert value(result, "Flow inlet") == pytest.approx(5.0, rel=5e-3)
    assert value(result, "Flow outlet") == pytest.approx(5.0, rel=5e-3)
    assert value(result, "Mass imbalance") < 0.05
    cycles = np.reshape(result.histories["flow outlet (mL/s)"], (3, 40))
    np.testing.assert_allclose(cycles[2], cycles[1], atol=0.01)
    assert "last two cycles differ by 0.0" in result.credibility["periodicity"]


def test_time_stepping_converges_with_second_order():
    """A pipe started smoothly from rest, at one instant, with steps of T/20, T/40, T/80 against T/320."""
    organ = pipe(5.0, 10.0, rings=3, layers=3)

    def at_the_end(steps: int) -> np.ndarray:
        numerics = {"mode": "pulsatile", "period": "0.4 s", "cycles": 1, "steps_per_cycle": 320, "frames_per_cycle": 1}
        from organtwin_solvers.fem.organ import fem_mesh
        from organtwin_solvers.flow.setup.conditions import resolve

        conditions = resolve(case(outlets=[{"cap": "*"}], numerics=numerics), organ)
        inflow = replace(conditions.inflows[0], waveform=_Smooth())
        scheme = Scheme(fem_mesh(organ), replace(conditions, inflows=(inflow,)))
        state = scheme.rest()
        for _ in range(steps):
            state = scheme.step(state, 0.4 / steps, tolerance=1e-9)
        return state.velocity

    reference = at_the_end(320)
    errors = [np.linalg.norm(at_the_end(steps) - reference) for steps in (20, 40, 80)]
    assert np.log2(errors[1] / errors[2]) > 1.8


class _Smooth:
    """Inflow that grows like sin^4 and has no kink at the start."""

    mean = peak = 5e3

    def __call__(self, time_s: float) -> float:
        return self.peak * float(np.sin(2.5 * time_s) ** 4)


def test_blood_that_comes_back_at_an_outlet_does_not_blow_up():
    """The flow is reversed within a fork while it is fast: both outlets draw and push."""
    organ = tee(8.0, 8.0, 8.0, cells=4)
    numerics = {"mode": "pulsatile", "period": "0.4 s", "cycles": 1, "steps_per_cycle": 40, "frames_per_cycle": 10}
    outlets = [{"cap": "left", "pressure": "0 mmHg"}, {"cap": "right", "pressure": "3 mmHg"}]
    result = solve(organ, case("5 mL/s", outlets=outlets, numerics=numerics))
    assert value(result, "Flow right") < 0.0
    assert np.isfinite(result.fields["velocity_mm_per_s"]).all()


def test_the_answer_does_not_depend_on_the_order_of_points(tube):
    order = np.random.default_rng(1).permutation(len(tube.points_mm))
    where = np.argsort(order)
    shuffled = tube.with_(
        points_mm=tube.points_mm[order],
        tets=where[tube.tets].astype(np.int32),
        boundary_triangles=where[tube.boundary_triangles].astype(np.int32),
    )
    one, two = (solve(organ, case(numerics={"tolerance": 1e-6})) for organ in (tube, shuffled))
    velocity = one.fields["velocity_mm_per_s"][0]
    np.testing.assert_allclose(two.fields["velocity_mm_per_s"][0], velocity[order], atol=1e-3 * velocity.max())


def test_a_step_that_fails_is_repeated_with_a_shorter_one(tube, monkeypatch):
    step, failures = Scheme.step, []

    def fragile(self, state, dt_s, **options):
        if len(failures) < 2:
            failures.append(dt_s)
            raise NotConverged("for the sake of the test")
        return step(self, state, dt_s, **options)

    monkeypatch.setattr(Scheme, "step", fragile)
    result = solve(tube, case())
    assert failures[1] == failures[0] / 2
    assert "2 retried" in result.credibility["step"]


def test_a_flow_that_cannot_be_solved_says_when_and_where(tube, monkeypatch):
    def hopeless(self, state, dt_s, **options):
        raise NotConverged("the velocity is no longer a number")

    monkeypatch.setattr(Scheme, "step", hopeless)
    with pytest.raises(SolveFailed, match=r"t = 0 s.*no longer a number.*mm LPS.*refine it"):
        solve(tube, case())


def test_a_flow_that_never_settles_is_averaged_and_says_so(tube):
    result = solve(tube, case("10 mL/s", numerics={"tolerance": 1e-15, "max_steps": 100}))
    assert result.credibility["residual"].startswith("NOT steady")
    assert result.notes


def test_cancel_ends_a_solve_at_the_next_step(tube):
    class Impatient(NullMonitor):
        steps = 0

        def residual(self, name: str, step: int, value: float) -> None:
            self.steps = step
            if step == 3:
                raise Cancelled

    monitor = Impatient()
    with pytest.raises(Cancelled):
        find("flow")({"mesh": tube}, {"case": case().model_dump(include={"inlets"})}, monitor)
    assert monitor.steps == 3


def test_a_run_that_was_ended_and_goes_on_ends_where_an_unbroken_one_does(monkeypatch):
    organ = pipe(5.0, 20.0, rings=3, layers=6)
    numerics = {
        "mode": "pulsatile",
        "cycles": 2,
        "steps_per_cycle": 20,
        "frames_per_cycle": 4,
        "linear_tolerance": 1e-9,
    }
    beating = case(targets={}, numerics=numerics, inlets=[{"cap": "inlet", "flow": "10 mL/s", "waveform": "systolic"}])
    monkeypatch.setattr(pulsatile, "KEEP_EVERY_S", -1.0)

    class Ended(NullMonitor):
        arrays = None
        logged: list[str] = []  # noqa: RUF012

        def log(self, text: str) -> None:
            self.logged.append(text)

        def keep(self, arrays):
            self.arrays = arrays

        def kept(self):
            return self.arrays

        def residual(self, name: str, step: int, value: float) -> None:
            if step == 33 and not self.again:
                raise Cancelled

    monitor = Ended()
    monitor.again = False
    with pytest.raises(Cancelled):
        solve(organ, beating, monitor)
    monitor.again = True
    broken, whole = solve(organ, beating, monitor), solve(organ, beating)
    for name, field in whole.fields.items():
        np.testing.assert_allclose(broken.fields[name], field, atol=1e-5 * np.abs(field).max(), err_msg=name)
    assert len(broken.histories["time_s"]) == len(whole.histories["time_s"]) == 40
    monkeypatch.setattr(pulsatile, "FORMAT", "of another version")
    afresh = solve(organ, beating, monitor)
    assert len(afresh.histories["time_s"]) == 40
    assert any("begins afresh" in text for text in monitor.logged)


def test_progress_never_goes_back(tube):
    class Watch(NullMonitor):
        seen: list[float] = []  # noqa: RUF012

        def progress(self, fraction: float, what: str = "") -> None:
            self.seen.append(fraction)

    solve(tube, case(), Watch())
    assert np.all(np.diff(Watch.seen) >= 0.0)
    assert march.GROWTH > 1.0
