"""What a march asks of discrete equations, whichever they are."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin_solvers.fem.organ import FemMesh
from organtwin_solvers.flow.setup.conditions import Conditions
from organtwin_solvers.flow.state import State

Array = NDArray[np.float64]


class FlowScheme(Protocol):
    """Arrays hold what this rank owns, in the scheme's own order; :meth:`to_points` brings them into the mesh's.

    Where ``restartable``, ``pack``, ``unpack`` and ``from_points`` take a state through a checkpoint (see ``Scheme``).
    """

    mesh: FemMesh
    conditions: Conditions
    restartable: bool
    iterations: int  # of the linear solver in the last step
    cfl_rate: float  # CFL number of a step of one second, 1/s

    def step(self, state: State, dt_s: float, *, steady: bool = False, tolerance: float = 3e-6) -> State:
        """One step of ``dt_s``, solved until the velocity is right to about ``tolerance`` of itself.

        Raises
        ------
        NotConverged
        """

    def rest(self) -> State:
        """Blood that stands still, with the windkessels as charged as the conditions say."""

    def reaction(self, state: State) -> Array:
        """Force (owned, 3) of the boundary on the blood, of the step just made, in g mm/s^2."""

    def to_points(self, values: Array) -> Array:
        """Values (owned,) or (owned, 3) at the mesh's points, on every rank."""

    def norm(self, velocity: Array) -> float:
        """Root of the integral of |u|^2, mm^(5/2)/s."""

    def flows_by_cap(self, state: State) -> dict[str, float]:
        """Flow through each cap, mm^3/s: in through inlets, out through outlets."""

    def pressures_by_cap(self, state: State) -> dict[str, float]:
        """Mean pressure over each cap, Pa."""

    def residence_s(self) -> float:
        """Volume over flow."""

    def inflow_speed(self) -> float:
        """The greatest prescribed speed over a period, mm/s."""

    def fastest(self, state: State) -> tuple[float, tuple[float, float, float]]:
        """The greatest speed in mm/s and where it is (mm)."""
