"""Circuits in time: the generalised-alpha scheme, a steady state, and the periodic state.

Jansen, Whiting and Hulbert, Comput. Methods Appl. Mech. Eng. 190, 2000: second order in time, and damping of what the step
does not resolve, set by ``rho`` (1 none, 0 all).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dgetrf, dgetrs

from organtwin.errors import SolveFailed
from organtwin_solvers.lumped.circuit import System, Vector

RHO = 0.5
TOLERANCE = 1e-11  # of each equation, relative to the terms in it
MAX_ITERATIONS = 40


@dataclass(frozen=True)
class Track:
    """States over time: ``y`` and ``dy`` (steps + 1, unknowns)."""

    times: Vector
    y: NDArray[np.float64]
    dy: NDArray[np.float64]


class Stepper:
    """Steps of one length; the factored Jacobian is kept while it still brings Newton's method on.

    Equations are met to ``relative`` of the terms in them, or to ``absolute`` where that is more.
    """

    def __init__(
        self, system: System, step: float, rho: float = RHO, relative: float = TOLERANCE, absolute: float = 0.0
    ) -> None:
        self.system = system
        self.step = step
        self.relative = relative
        self.absolute = absolute
        self.alpha_m = 0.5 * (3.0 - rho) / (1.0 + rho)
        self.alpha_f = 1.0 / (1.0 + rho)
        self.gamma = 0.5 + self.alpha_m - self.alpha_f
        self._factors: tuple[NDArray[np.float64], NDArray[np.int32]] | None = None
        self._greatest = np.zeros(len(system.names))

    def advance(self, y: Vector, dy: Vector, time: float) -> tuple[Vector, Vector]:
        """The state one step after ``time``.

        Raises
        ------
        SolveFailed
            When Newton's method does not converge.
        """
        system, length = self.system, self.gamma * self.step
        system.at(time + self.alpha_f * self.step)
        new, rate = y.copy(), dy * (1.0 - 1.0 / self.gamma)
        before = np.inf
        for _ in range(MAX_ITERATIONS):
            y_f = y + self.alpha_f * (new - y)
            dy_m = dy + self.alpha_m * (rate - dy)
            left = system.residual(y_f, dy_m)
            size = system.size(np.abs(y) + np.abs(new), np.abs(dy) + np.abs(rate))
            self._greatest = np.maximum(self._greatest, size)
            size += 1e-3 * self._greatest  # where all terms happen to be zero now, rounding is of what they were
            norm = float(np.max(np.abs(left) / np.where(size > 0.0, size, 1.0)))
            if norm <= self.relative or float(np.max(np.abs(left))) < self.absolute:
                return new, rate
            if not np.isfinite(norm):
                break
            if self._factors is None or system.moving or norm > 0.1 * before:
                matrix = system.jacobian(y_f, dy_m, self.alpha_m, self.alpha_f * length)
                self._factors = factored(matrix)
            before = norm
            change = -solved(self._factors, left)
            for clamp in system.clamps:
                clamp(new)
            rate += change
            new += length * change
        self._factors = None
        raise SolveFailed(f"The lumped circuit could not be solved at {time:.4g} s")

    def march(self, y: Vector, dy: Vector, steps: int, time: float = 0.0) -> Track:
        """States at ``time`` and after each of ``steps`` steps."""
        times = time + self.step * np.arange(steps + 1, dtype=np.float64)
        track = Track(times, np.empty((steps + 1, len(y))), np.empty((steps + 1, len(y))))
        track.y[0], track.dy[0] = y, dy
        for i in range(steps):
            track.y[i + 1], track.dy[i + 1] = self.advance(track.y[i], track.dy[i], float(track.times[i]))
        return track

    def over(self, y: Vector, dy: Vector, steps: int) -> NDArray[np.float64]:
        """How a small change of (y, dy) has grown after ``steps`` steps, linearised at a state: (2 n, 2 n)."""
        length = self.gamma * self.step
        per_value = self.system.jacobian(y, dy, 0.0, 1.0)
        per_rate = self.system.jacobian(y, dy, 1.0, 0.0)
        both = np.hstack([per_value, (1.0 - self.alpha_m / self.gamma) * per_rate])
        factors = factored(self.alpha_m * per_rate + self.alpha_f * length * per_value)
        change = -solved(factors, both)
        n = len(y)
        once = np.vstack([length * change, change])
        once[:n, :n] += np.eye(n)
        once[n:, n:] += (1.0 - 1.0 / self.gamma) * np.eye(n)
        return np.linalg.matrix_power(once, steps)


def rest(system: System, guess: Vector | None = None) -> Vector:
    """The state that does not change, for a system whose sources do not.

    Raises
    ------
    SolveFailed
        When there is none.
    """
    y = np.zeros(len(system.names)) if guess is None else guess.copy()
    none = np.zeros_like(y)
    system.at(0.0)
    for _ in range(MAX_ITERATIONS):
        left = system.residual(y, none)
        if np.all(np.abs(left) <= TOLERANCE * system.size(np.abs(y), none)):
            return y
        y -= solved(factored(system.jacobian(y, none, 0.0, 1.0)), left)
    raise SolveFailed("The lumped circuit has no steady state", remedy="Every part of the vessel needs an outlet.")


def periodic(
    system: System, period: float, steps: int, y: Vector, tolerance: float = 1e-6, most: int = 40
) -> tuple[Track, int]:
    """The beat that ends where it began, and the number of beats marched to find it.

    After each beat the start is moved by Newton's method with the linearised beat: nearly linear circuits are there after
    two or three, however slowly their windkessels fill. Where that brings it no nearer, the next beat just goes on.

    Raises
    ------
    SolveFailed
        When ``most`` beats were not enough.
    """
    stepper = Stepper(system, period / steps, relative=1e-3 * tolerance)
    track = stepper.march(y, np.zeros_like(y), steps)
    mean = track.y[:-1].mean(axis=0)
    growth = stepper.over(mean, np.zeros_like(mean), steps)
    to_start = np.linalg.pinv(np.eye(2 * len(y)) - growth, rcond=1e-9) if np.isfinite(growth).all() else None
    flows = np.array([name.startswith("flow:") for name in system.names])
    before = np.inf
    for beats in range(1, most + 1):
        off = track.y[-1] - track.y[0]
        size = np.abs(track.y).max(axis=0)
        scale = np.where(flows, size[flows].max(initial=0.0), size[~flows].max(initial=0.0))
        worst = float(np.max(np.abs(off) / np.where(scale > 0.0, scale, 1.0)))
        if worst <= tolerance:
            return track, beats
        y, dy = track.y[-1], track.dy[-1]
        if to_start is not None and worst < before:
            move = to_start @ np.concatenate([off, track.dy[-1] - track.dy[0]])
            y, dy = track.y[0] + move[: len(y)], track.dy[0] + move[len(y) :]
        before = worst
        track = stepper.march(y, dy, steps)
    raise SolveFailed(
        f"The lumped circuit is not periodic after {most} beats: it still changes by {100.0 * worst:.2g} %",
        remedy="Windkessels whose resistance times compliance is hundreds of beats do that.",
    )


def factored(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """LU factors.

    Raises
    ------
    SolveFailed
        When the matrix is singular.
    """
    lu, pivots, info = dgetrf(matrix)
    if info:
        raise SolveFailed(
            "The lumped circuit has no unique solution", remedy="Every part of the vessel needs an outlet."
        )
    return lu, pivots


def solved(factors: tuple[NDArray[np.float64], NDArray[np.int32]], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve with LU factors."""
    solution, _ = dgetrs(*factors, right)
    return solution
