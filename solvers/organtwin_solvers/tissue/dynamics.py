"""The way of a body through time: in motion by generalised-α, or so slowly that only its memory counts.

Generalised-α (Chung and Hulbert 1993, Journal of Applied Mechanics 60, 371) asks for equilibrium between two instants,

    M a_m + c M v_f + f(u_f, t_f) = 0,   a_m = (1 − α_m) a' + α_m a,   u_f = (1 − α_f) u' + α_f u,   v_f and t_f likewise,

with Newmark's u' = u + Δt v + Δt² ((½ − β) a + β a') and v' = v + Δt ((1 − γ) a + γ a'). Of order two, and without
condition on the step for linear bodies; ``spectral_radius`` ρ is what is left per step of motion much faster than the step:
α_m = (2ρ − 1)/(ρ + 1), α_f = ρ/(ρ + 1), γ = ½ − α_m + α_f, β = ¼ (1 − α_m + α_f)².
Here u_f is the unknown. Accelerations are linear in it, so that a step is an equilibrium with a mass term.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.monitor import Monitor, NullMonitor, PartMonitor
from organtwin_solvers.fem.backend import PETSc, fem, ufl
from organtwin_solvers.tissue.linear_solver import LinearSolver
from organtwin_solvers.tissue.newton import EASY, GROWTH, SMALLEST_STEP, Newton, Path
from organtwin_solvers.tissue.problem import Problem

Array = NDArray[np.float64]


@dataclass
class Course(Path):
    """A path through time: when each step ended (s), and the kinetic energy then (g mm²/s²)."""

    times_s: list[float] = field(default_factory=lambda: [0.0])
    kinetic: list[float] = field(default_factory=lambda: [0.0])


class Motion:
    """Displacement, velocity and acceleration of every displacement unknown, and how a step carries them on."""

    def __init__(self, problem: Problem, spectral_radius: float, damping_per_s: float) -> None:
        rho = spectral_radius
        self._problem, self._damping = problem, damping_per_s
        self.alpha_m, self.alpha_f = (2 * rho - 1) / (rho + 1), rho / (rho + 1)
        self._gamma = 0.5 - self.alpha_m + self.alpha_f
        self._beta = (1 - self.alpha_m + self.alpha_f) ** 2 / 4
        u, v = ufl.TrialFunction(problem.displacement_space), ufl.TestFunction(problem.displacement_space)
        self.mass = fem.petsc.assemble_matrix(
            fem.form(sum(g.density * ufl.inner(u, v) * g.dx(2 * problem.formulation.degree) for g in problem.groups))
        )
        self.mass.assemble()
        self.u = problem.state.x.array[problem.u_dofs].copy()
        self.v = np.zeros_like(self.u)
        self.a = np.zeros_like(self.u)

    def start(self) -> None:
        """Take the acceleration that the present load makes: without it, the first step would be of order one."""
        problem = self._problem
        self._momentum(0.0, np.zeros_like(self.u))
        force = np.where(problem.free, -problem.residual(), 0.0)[problem.u_dofs]
        if not force.any():
            return
        solver = PETSc.KSP().create(problem.domain.comm)
        solver.setOperators(self.mass)
        solver.setType("cg")
        solver.getPC().setType("jacobi")
        solver.setTolerances(rtol=1e-12)
        b, x = self.mass.createVecs()
        b.array[:] = force[: b.getLocalSize()]
        solver.solve(b, x)
        acceleration = fem.Function(problem.displacement_space).x
        acceleration.array[: x.getLocalSize()] = x.array
        acceleration.scatter_forward()
        self.a = np.where(problem.free[problem.u_dofs], acceleration.array, 0.0)

    def begin(self, step_s: float) -> None:
        """Make the step's equilibrium one for u_f."""
        self._step_s = step_s
        gain = self._rate(np.ones(1), np.zeros(1), np.zeros(1), np.zeros(1))
        self._momentum(float(gain[0]), self._rate(np.zeros_like(self.u), self.u, self.v, self.a))

    def guess(self) -> Array:
        """u_f with the present acceleration."""
        dt = self._step_s
        return np.asarray(self.u + (1 - self.alpha_f) * (dt * self.v + dt**2 / 2 * self.a))

    def accept(self) -> None:
        """Go from u_f, the problem's state, to the end of the step, where the problem is left in balance too."""
        problem, state = self._problem, self._problem.state.x.array
        self.u, self.v, self.a = self._end(state[problem.u_dofs], self.u, self.v, self.a)
        state[problem.u_dofs] = self.u
        self._momentum(0.0, self.a + self._damping * self.v)

    def kinetic(self) -> float:
        """½ v·M v in g mm²/s²."""
        v, product = self.mass.createVecs()
        v.array[:] = self.v[: v.getLocalSize()]
        self.mass.mult(v, product)
        return float(v.dot(product) / 2)

    def _end(self, u_f: Array, u: Array, v: Array, a: Array) -> tuple[Array, Array, Array]:
        dt = self._step_s
        moved = (u_f - u) / (1 - self.alpha_f)
        a_new = (moved - dt * v) / (self._beta * dt**2) - (1 / (2 * self._beta) - 1) * a
        return u + moved, v + dt * ((1 - self._gamma) * a + self._gamma * a_new), a_new

    def _rate(self, u_f: Array, u: Array, v: Array, a: Array) -> Array:
        """a_m + c v_f."""
        _, v_new, a_new = self._end(u_f, u, v, a)
        damping = self._damping * ((1 - self.alpha_f) * v_new + self.alpha_f * v)
        return np.asarray((1 - self.alpha_m) * a_new + self.alpha_m * a + damping)

    def _momentum(self, rate: float, vector: Array) -> None:
        self._problem.mass_rate.value = rate
        self._problem.momentum_rate.x.array[:] = vector


def follow_time(
    problem: Problem,
    *,
    duration_s: float,
    step_s: float,
    ramp_s: float = 0.0,
    spectral_radius: float = 0.8,
    damping_per_s: float = 0.0,
    tolerance: float = 1e-6,
    max_newton: int = 25,
    monitor: Monitor | None = None,
    accepted: Callable[[float], None] | None = None,
) -> Course:
    """Bring ``problem`` from rest through time; with inertia if it was made so.

    Parameters
    ----------
    problem : Problem
        Its ``state`` becomes that at the end.
    duration_s, step_s : float
        A step that fails is halved, and grows again after easy ones.
    ramp_s : float
        Loads grow linearly until then, and stay; with 0 they are there at once.
    spectral_radius, damping_per_s : float
        Of the time integration, and of the mass.
    tolerance, max_newton, monitor
        As in :func:`organtwin_solvers.tissue.newton.follow_load`.
    accepted : callable, optional
        Called with the time after every step.

    Raises
    ------
    SolveFailed
        When no step is small enough, with the time reached.
    """
    monitor = monitor or NullMonitor()
    course = Course()
    newton = Newton(problem, LinearSolver(problem), tolerance, max_newton, monitor, course)
    motion = None if problem.momentum_rate is None else Motion(problem, spectral_radius, damping_per_s)
    share = 0.0 if motion is None else motion.alpha_f

    def load(time_s: float) -> float:
        return min(time_s / ramp_s, 1.0) if ramp_s > 0 else 1.0

    def take(time_s: float, fraction: float) -> None:
        course.times_s.append(time_s)
        course.loads.append(fraction)
        course.kinetic.append(0.0 if motion is None else motion.kinetic())
        if accepted is not None:
            accepted(time_s)

    time = balanced = 0.0  # the memory goes from one balanced instant to the next
    if ramp_s == 0 and motion is None:  # a jump, to which the tissue answers at once
        _jump(newton, problem)
        if problem.memory is not None:
            problem.memory.accept()
        take(0.0, 1.0)
    if motion is not None:
        problem.set_load(load(0.0))
        motion.start()
    step, previous = step_s, problem.state.x.array.copy()
    while time < duration_s - 1e-9 * step_s:
        end = time + step
        if end > duration_s - 0.01 * step_s:
            end = duration_s
        instant = (1 - share) * end + share * time
        fraction = (1 - share) * load(end) + share * load(time)
        newton.monitor = PartMonitor(monitor, time / duration_s, end / duration_s)
        start = problem.state.x.array.copy()
        if problem.memory is not None:
            problem.memory.begin(instant - balanced)
        guess = 2 * start - previous
        if motion is not None:
            motion.begin(end - time)
            guess = start.copy()
            guess[problem.u_dofs] = motion.guess()
        problem.set_load(fraction)
        guess[problem.held] = problem.prescribed()
        iterations = newton.reach(fraction, guess)
        if iterations is None:
            problem.state.x.array[:] = start
            iterations = newton.reach(fraction, None)
        if iterations is None:
            problem.state.x.array[:] = previous = start
            course.cuts += 1
            step = (end - time) / 2
            monitor.log(f"{1e3 * end:.3g} ms: no equilibrium found, trying a step of {1e3 * step:.3g} ms")
            if step < SMALLEST_STEP * step_s:
                raise SolveFailed(f"The tissue finds no way beyond {1e3 * time:.3g} ms", where=newton.reason)
            continue
        if problem.memory is not None:
            problem.memory.accept()
        previous, time, balanced = start, end, instant
        if motion is not None:
            motion.accept()
            problem.set_load(load(end))
        take(time, load(end))
        if iterations <= EASY:
            step = min(step * GROWTH, step_s)
    return course


def _jump(newton: Newton, problem: Problem) -> None:
    """Full load at once, in as many steps as it takes."""
    reached, step = 0.0, 1.0
    while reached < 1.0:
        start = problem.state.x.array.copy()
        target = min(reached + step, 1.0)
        if newton.reach(target, None) is not None:
            reached = target
            continue
        problem.state.x.array[:] = start
        problem.set_load(reached)
        step = (target - reached) / 2
        if step < SMALLEST_STEP:
            raise SolveFailed(
                f"The tissue finds no equilibrium beyond {100 * reached:.0f} % of the load", where=newton.reason
            )
