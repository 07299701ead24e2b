"""Finding equilibrium: load steps that adapt, Newton's method with line search inside each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from organtwin.errors import SolveFailed
from organtwin.monitor import Monitor, NullMonitor
from organtwin_solvers.tissue.drag import Drag
from organtwin_solvers.tissue.linear_solver import LinearSolver
from organtwin_solvers.tissue.problem import Problem

LINE_SEARCH = (1.0, 0.5, 0.25, 0.125, 0.0625)
SMALLEST_STEP = 1 / 32  # of the first load step
PATIENCE = 6  # Newton iterations without improvement after which a step has failed
EASY = 6  # Newton iterations; steps that need fewer may grow again
GROWTH = 2.0
AUGMENTATIONS = 6  # at most, of the contact at one load
ROUGH = 1e-2  # tolerance of the equilibrium between them, and on the way of a creeping body
CREEP_BELOW = 1 / 4  # of the first load step: a step as small as this that fails is tried as creep
CREEP_STEPS = 60  # at most
EASES, STIFFENS = 4.0, 10.0  # how the drag changes after a step that went well, and one that did not


@dataclass
class Path:
    """How equilibrium was followed: for every accepted load step, and for every Newton iteration."""

    loads: list[float] = field(default_factory=lambda: [0.0])
    residuals: list[float] = field(default_factory=list)
    final_residual: float = 0.0
    cuts: int = 0


def follow_load(
    problem: Problem,
    *,
    steps: int = 5,
    tolerance: float = 1e-6,
    max_newton: int = 25,
    monitor: Monitor | None = None,
    accepted: Callable[[float], None] | None = None,
) -> Path:
    """Bring ``problem`` from its present state to full load.

    Parameters
    ----------
    problem : Problem
        Its ``state`` is the start and becomes the solution.
    steps : int
        Load steps when all goes well; a step that fails is halved, and grows again after easy ones.
    tolerance : float
        Of the out-of-balance force relative to the forces that act, and of the volume error.
    max_newton : int
        Newton iterations after which a step has failed.
    monitor : Monitor, optional
        Told of progress and residuals; may cancel.
    accepted : callable, optional
        Called with the load fraction after every step.

    Raises
    ------
    SolveFailed
        When no load step is small enough, with the load fraction reached.
    """
    monitor = monitor or NullMonitor()
    path = Path()
    newton = Newton(problem, LinearSolver(problem), tolerance, max_newton, monitor, path)
    first = step = 1.0 / steps
    load, previous = 0.0, None
    while load < 1.0 - 1e-9:
        target = min(load + step, 1.0)
        if 1.0 - target < 0.01 * first:
            target = 1.0
        start = problem.state.x.array.copy()
        guess = None
        if previous is not None:  # continue as it went in the step before
            guess = start + (start - previous[1]) * (target - load) / (load - previous[0])
        iterations = newton.reach(target, guess)
        if iterations is None and guess is not None and newton.guess_was_inverted:
            problem.state.x.array[:] = start
            iterations = newton.reach(target, None)
        if iterations is None:
            problem.state.x.array[:] = start
            problem.set_load(load)
            path.cuts += 1
            if target - load <= CREEP_BELOW * first:
                iterations = newton.creep(target)
                if iterations is None:
                    problem.state.x.array[:] = start
                    problem.set_load(load)
        if iterations is None:
            step = (target - load) / 2
            monitor.log(f"load {100 * target:.1f} %: no equilibrium found, trying a step of {100 * step:.2f} %")
            if step < SMALLEST_STEP * first:
                raise SolveFailed(
                    f"The tissue finds no equilibrium beyond {100 * load:.0f} % of the load", where=newton.reason
                )
            continue
        previous, load = (load, start), target
        path.loads.append(load)
        if accepted is not None:
            accepted(load)
        if iterations <= EASY:
            step = min(step * GROWTH, first)
    return path


class Newton:
    """Newton's method at one load."""

    def __init__(
        self, problem: Problem, linear: LinearSolver, tolerance: float, max_newton: int, monitor: Monitor, path: Path
    ) -> None:
        self.problem, self.linear, self.tolerance, self.max_newton = problem, linear, tolerance, max_newton
        self.monitor, self.path = monitor, path
        self.reason, self.guess_was_inverted = "", False
        self._least_force = 1e-6 * problem.elastic.shear_pa * problem.length_mm**2
        self._volume = problem.volume_scale()
        self._scale = 1.0

    def reach(self, load: float, guess: NDArray[np.float64] | None) -> int | None:
        """Equilibrium at ``load``: number of iterations, or None with the ``reason``."""
        problem, state = self.problem, self.problem.state.x.array
        start = problem.load
        problem.set_load(load)
        if guess is not None:
            state[:] = guess
        elif not self._close_gap():
            return None
        residual = problem.residual()
        self._set_scale(residual)
        self.guess_was_inverted = not np.isfinite(self._merit(residual))
        return self._settle(start, load)

    def _settle(self, start: float, load: float) -> int | None:
        """Newton's iterations at ``load``, and again whenever a term asks for it."""
        problem, state = self.problem, self.problem.state.x.array
        most = 0
        for _ in range(AUGMENTATIONS if problem.terms else 0):
            iterations = self._iterate(start, load, max(ROUGH, self.tolerance))
            if iterations is None:
                return None
            most = max(most, iterations)
            augmented = [term.augment(state, problem.domain.comm) for term in problem.terms]
            if not any(augmented):
                break
        iterations = self._iterate(start, load, self.tolerance)
        return None if iterations is None else max(most, iterations)

    def creep(self, load: float) -> int | None:
        """Equilibrium at ``load`` as what a body comes to rest in that drag holds back: iterations, or None."""
        problem, state = self.problem, self.problem.state.x.array
        start = problem.load
        problem.set_load(load)
        if not self._close_gap():
            return None
        softest = min(material.shear_pa for material in problem.parts.materials)
        weak, strong = 1e-3 * softest / problem.length_mm**2, 1e3 * softest / self._edge_mm() ** 2
        drag = Drag(problem, strong * 1e-3)
        self.monitor.log(f"load {100 * load:.1f} %: letting the tissue creep to where it comes to rest")
        problem.terms.append(drag)
        try:
            for _ in range(CREEP_STEPS):
                here = state.copy()
                drag.hold(here)
                self._set_scale(problem.residual())
                if self._iterate(start, load, ROUGH) is None:
                    state[:] = here
                    drag.strength *= STIFFENS
                    if drag.strength > strong:
                        return None
                elif drag.strength < weak:
                    break
                else:
                    drag.strength /= EASES
            else:
                return None
        finally:
            problem.terms.remove(drag)
        return self._settle(start, load)

    def _edge_mm(self) -> float:
        """About how long the edges of the tetrahedra are."""
        domain = self.problem.domain
        cells = domain.topology.index_map(3).size_global
        return float((8.5 * self.problem.totals()[0] / cells) ** (1 / 3))

    def _iterate(self, start: float, load: float, tolerance: float) -> int | None:
        """Newton's iterations at ``load``, from the present state; ``start`` is the load before."""
        problem, state = self.problem, self.problem.state.x.array
        residual = problem.residual()
        merit = self._merit(residual)
        history = [merit]
        for iteration in range(1, self.max_newton + 1):
            share = start + (load - start) * (1 - 0.5**iteration)
            self.monitor.progress(share, f"load {100 * load:.0f} %, Newton iteration {iteration}")
            self.monitor.residual("newton", len(self.path.residuals), merit)
            self.path.residuals.append(merit)
            if not np.isfinite(merit):
                self.reason = "elements would turn inside out"
                return None
            if merit < tolerance and problem.terms:  # their forces have become what they are at equilibrium
                self._set_scale(residual)
                merit = self._merit(residual)
            if merit < tolerance:
                self.path.final_residual = merit
                return iteration
            if len(history) > PATIENCE and min(history[-PATIENCE:]) > 0.7 * min(history[:-PATIENCE]):
                self.reason = "Newton's method comes no closer"
                return None
            problem.assemble_tangent()
            step = self.linear.solve(np.where(problem.free, -residual, 0.0))
            if step is None:
                self.reason = "the linear system is singular"
                return None
            before, best = state.copy(), None
            limit = max(history[-3:])
            for alpha in LINE_SEARCH:
                state[:] = before + alpha * step
                residual = problem.residual()
                merit = self._merit(residual)
                if np.isfinite(merit) and (best is None or merit < best[0]):
                    best = (merit, alpha, residual)
                if merit < limit:
                    break
            if best is None:
                self.reason = "elements would turn inside out"
                return None
            merit, alpha, residual = best
            state[:] = before + alpha * step
            history.append(merit)
        self.reason = f"Newton's method does not converge in {self.max_newton} iterations"
        return None

    def _close_gap(self) -> bool:
        """Move the supports to where the load wants them, and the inside with them, by one linear solve."""
        problem, state = self.problem, self.problem.state.x.array
        problem.assemble_tangent()
        step = self.linear.solve(problem.lift(np.where(problem.free, -problem.residual(), 0.0)))
        if step is None:
            self.reason = "the linear system is singular"
            return False
        state[:] += step
        return True

    def _set_scale(self, residual: NDArray[np.float64]) -> None:
        """Fix the force that out-of-balance forces of this load step are compared with."""
        external = residual - self.problem.internal_force()
        held = self.problem.held
        self._scale = max(
            self.problem.norm(external, np.arange(len(external))),
            self.problem.norm(residual[held], held),
            self._least_force,
        )

    def _merit(self, residual: NDArray[np.float64]) -> float:
        """Out-of-balance force relative to the acting forces, with the volume error relative to the volume."""
        problem, u, p = self.problem, self.problem.u_dofs, self.problem.p_dofs
        free = u[problem.free[u]]
        force = problem.norm(residual[free], free) / self._scale
        volume = problem.norm(residual[p], p) / self._volume if len(p) else 0.0
        return float(np.hypot(force, volume))
