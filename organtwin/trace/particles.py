"""A stream of particles that repeats with the cycle: at every moment those set free at all earlier moments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin.trace.cells import Cells
from organtwin.trace.paths import follow

TAIL = 4  # places of a tail, the head included


@dataclass(frozen=True, eq=False)
class Particles:
    """``moments`` equal parts of a period of ``period_s``; at moment k tails (p_k, TAIL, 3) float32 mm, the head first,
    and speeds (p_k,) mm/s.
    """

    period_s: float
    tails_mm: tuple[NDArray[np.float32], ...]
    speed: tuple[NDArray[np.float32], ...]

    @property
    def moments(self) -> int:
        return len(self.tails_mm)


def period_of(times_s: NDArray[Any]) -> float:
    """Period of frames spread evenly over one cycle (0 where there is one frame)."""
    return float(len(times_s) * (times_s[-1] - times_s[0]) / (len(times_s) - 1)) if len(times_s) > 1 else 0.0


def stream(
    mesh: OrganMesh,
    cells: Cells,
    velocity: NDArray[Any],
    period_s: float,
    inlets: list[str],
    *,
    moments: int = 60,
    at_once: int = 3000,
    longest: float = 3.0,
    progress: Callable[[float], None] = lambda _: None,
) -> Particles:
    """Particles set free evenly over the inlets at every moment, and carried until they leave or touch the wall.

    A particle set free at phase f is shown at phase f + age, modulo the period, at every age: so the last moment goes
    over into the first, and a cycle can be played again and again.

    Parameters
    ----------
    velocity : (nt, n, 3) mm/s over one cycle; one frame is a steady flow
    period_s : of the cycle; for a steady flow the time after which the picture repeats
    inlets : boundaries that particles enter through
    at_once : about so many are seen at a time
    longest : periods after which a particle is taken away
    progress : called with the share that is done; what it raises ends the work
    """
    steps = round(moments * longest)
    per_inlet = max(1, round(at_once / (longest * moments) / max(len(inlets), 1)))
    nt = len(velocity)
    tails: list[list[NDArray[np.float32]]] = [[] for _ in range(moments)]
    speeds: list[list[NDArray[np.float32]]] = [[] for _ in range(moments)]
    seeds = [cells.near_boundary(mesh, name, per_inlet * moments) for name in inlets]
    places = np.concatenate([s[0].reshape(per_inlet, moments, 3) for s in seeds])
    in_cells = np.concatenate([s[1].reshape(per_inlet, moments) for s in seeds])
    field = np.ascontiguousarray(velocity, dtype=np.float32)
    for release in range(moments):
        progress(release / moments)
        paths = follow(
            cells, field, places[:, release], in_cells[:, release],
            np.full(len(places), release * nt / moments if nt > 1 else 0.0),
            step_s=period_s / moments, frames_per_step=nt / moments if nt > 1 else 0.0, steps=steps,
        )  # fmt: skip
        for age in range(int(paths.count.max(initial=0))):
            alive = np.flatnonzero(paths.count > age)
            tail = paths.places_mm[alive][:, [max(age - back, 0) for back in range(TAIL)]]
            moment = (release + age) % moments
            tails[moment].append(tail)
            speeds[moment].append(paths.speed[alive, age])
    empty = np.empty((0, TAIL, 3), np.float32)
    return Particles(
        period_s,
        tuple(np.concatenate([empty, *t]) for t in tails),
        tuple(np.concatenate([empty[:, 0, 0], *s]) for s in speeds),
    )
