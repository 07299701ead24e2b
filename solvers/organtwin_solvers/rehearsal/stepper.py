"""Moves a body through time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.supports import Held, Link, NodalLoad, Springs

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Snapshot:
    """Everything that the next step depends on."""

    body: Body
    x: Points
    v: Points
    held: dict[str, Held]
    springs: tuple[Springs, ...]
    links: tuple[Link, ...]


class Stepper:
    """Hyperelastic tissue in time.

    ``x`` (n, 3) mm and ``v`` (n, 3) mm/s are where the points are and how they move; ``held``, ``springs``, ``links`` and
    ``loads`` may be changed between steps.
    """

    def __init__(
        self,
        body: Body,
        *,
        step_s: float = 1 / 60,
        iterations: int = 12,
        damping_per_s: float = 2.0,
        gravity_mm_per_s2: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> None:
        self.step_s, self.iterations, self.damping_per_s = step_s, iterations, damping_per_s
        self.gravity_mm_per_s2 = np.asarray(gravity_mm_per_s2, float)
        self.held: dict[str, Held] = {}
        self.springs: list[Springs] = []
        self.links: list[Link] = []
        self.loads: list[NodalLoad] = []
        self.adopt(body, body.rest_mm.copy(), np.zeros_like(body.rest_mm))

    def adopt(self, body: Body, x: Points, v: Points, origin: NDArray[np.int64] | None = None) -> None:
        """Go on with another body (after a cut) at ``x`` with velocity ``v``.

        ``origin`` (n,) says which point of the body before each point was, -1 for none: what was held, sprung or linked
        stays so. Without it those stay as they are.
        """
        self.body, self.x, self.v = body, np.array(x, float), np.array(v, float)

    def step(self) -> None:
        """One step of ``step_s``."""
        dt = self.step_s
        force = np.zeros_like(self.x)
        for load in self.loads:
            load.begin(self.x, self.v, dt)
            nodes, f, _ = load.evaluate(self.x)
            np.add.at(force, nodes, f)
        moving = self.body.mass > 0
        inverse = np.where(moving, 1 / np.maximum(self.body.mass, 1e-300), 0.0)[:, None]
        self.v = (self.v + dt * (force * inverse + self.gravity_mm_per_s2 * moving[:, None])) / (1 + dt * self.damping_per_s)
        x = self.x + dt * self.v
        for held in self.held.values():
            x[held.nodes] = held.targets_mm
        self.v, self.x = (x - self.x) / dt, x

    def settle(self, tolerance: float = 1e-3, max_steps: int = 50) -> bool:
        """Go to equilibrium, without inertia. True when the out-of-balance force is below ``tolerance`` of the acting ones."""
        return True

    def reaction(self, name: str) -> NDArray[np.float64]:
        """Force (3,) g mm/s^2 that what is held under ``name`` is held with."""
        return np.zeros(3)

    def strain(self) -> NDArray[np.float64]:
        """Largest principal Green-Lagrange strain at the points (n,)."""
        return np.zeros(len(self.x))

    def unrest(self) -> float:
        """Out-of-balance force relative to the acting ones."""
        return 0.0

    def snapshot(self) -> Snapshot:
        """To come back to by :meth:`restore`."""
        return Snapshot(
            self.body, self.x.copy(), self.v.copy(), dict(self.held), tuple(self.springs), tuple(self.links)
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Be again as when the snapshot was taken; loads are the caller's."""
        self.held, self.springs, self.links = dict(snapshot.held), list(snapshot.springs), list(snapshot.links)
        self.adopt(snapshot.body, snapshot.x, snapshot.v)
