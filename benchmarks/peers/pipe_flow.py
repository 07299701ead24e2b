"""The flow that every solver is given: Womersley's in a straight pipe, from its exact state, for some steps.

The mesh has ``rings`` cells along the radius; the step keeps the Courant number near a half. The error is that of the axial
velocity at the end, over the whole velocity, in the L2 norm.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import asdict, dataclass

import numpy as np
from organtwin_solvers.validation.womersley import PUBLISHED, Womersley

from organtwin.model import OrganMesh

EXACT: Womersley = PUBLISHED
START_S = -EXACT.period / 4.0
LENGTH_MM = 6.0 * EXACT.radius
WARM_UP = 3  # steps that are not timed


def layers(rings: int) -> int:
    return 3 * rings


def step_s(rings: int) -> float:
    """Half the time in which the fastest blood crosses a cell along the pipe."""
    fastest = float(EXACT.constant(0.0)) + float(np.abs(EXACT.phasor(np.zeros(1)))[0])
    return 0.5 * LENGTH_MM / layers(rings) / fastest


def mesh(rings: int) -> OrganMesh:
    """Tetrahedra."""
    from organtwin_solvers.validation.pipes import pipe

    return pipe(EXACT.radius, LENGTH_MM, rings, layers(rings))


def velocity(r: np.ndarray, time_s: float) -> np.ndarray:
    """Exact axial velocity, mm/s."""
    return EXACT.constant(r) + EXACT.oscillating(r, time_s)


def relative_error(r: np.ndarray, computed: np.ndarray, weights: np.ndarray, time_s: float) -> float:
    """Of velocity vectors (n, 3), against the exact ones at that time."""
    exact = velocity(r, time_s)
    wrong = (computed[:, 2] - exact) ** 2 + computed[:, 0] ** 2 + computed[:, 1] ** 2
    return float(np.sqrt(np.sum(weights * wrong) / np.sum(weights * exact**2)))


@dataclass(frozen=True)
class Measured:
    """What a solver needed: CPU seconds of one core (all of them together) and wall seconds for the timed steps."""

    name: str
    unknowns: int
    steps: int
    cpu_s: float
    wall_s: float
    error: float
    memory_mb: float
    note: str = ""

    def print(self) -> None:
        print("MEASURED " + json.dumps(asdict(self)), flush=True)


class Watch:
    """CPU and wall seconds since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def read(self) -> tuple[float, float]:
        return time.process_time() - self._cpu, time.perf_counter() - self._wall


def memory_mb() -> float:
    """Greatest resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0
