"""The deformation that every solver is given: a block held above, its lower face drawn down and aside, neo-Hookean.

Linear tetrahedra with displacement unknowns, the same load steps, Newton to the same tolerance. OrganTwin's volumetric
energy is κ/4 (J² − 1 − 2 ln J), the peer's κ/2 (J − 1)²: at Poisson's ratio 0.45 that shows in the fourth digit.
"""

from __future__ import annotations

import json
import resource
import time
from dataclasses import asdict, dataclass

import numpy as np

EDGE_MM = 40.0
YOUNG_PA, POISSON = 6000.0, 0.45
SHEAR_PA = YOUNG_PA / (2 * (1 + POISSON))
BULK_PA = YOUNG_PA / (3 * (1 - 2 * POISSON))
PULL_MM = np.array([4.0, 0.0, -8.0])
STEPS, TOLERANCE = 4, 1e-6


@dataclass(frozen=True)
class Measured:
    """What a solver needed, and the displacement (mm) of the middle of the block, by which they must agree."""

    name: str
    unknowns: int
    tets: int
    cpu_s: float
    wall_s: float
    memory_mb: float
    middle_mm: tuple[float, float, float]

    def say(self) -> None:
        print("MEASURED", json.dumps(asdict(self)), flush=True)


class Watch:
    """CPU and wall seconds since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def cpu_s(self) -> float:
        return time.process_time() - self._cpu

    @property
    def wall_s(self) -> float:
        return time.perf_counter() - self._wall


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def middle(points_mm: np.ndarray) -> int:
    return int(np.linalg.norm(points_mm - EDGE_MM / 2, axis=1).argmin())
