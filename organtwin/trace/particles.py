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
    """Particles set free at the inlets as the blood comes in, each for the same volume of it, and carried until they leave
    or touch the wall.

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
    nt = len(velocity)
    field = np.ascontiguousarray(velocity, dtype=np.float32)
    start_frame = np.arange(moments) * (nt / moments if nt > 1 else 0.0)
    inflow = [_inflow(mesh, name, field, start_frame) for name in inlets]  # (moments, triangles) mm3/s each
    per_period = sum(float(flux.mean(axis=0).sum()) for flux in inflow) * period_s
    stay = _volume(mesh) / per_period if per_period > 0 else longest  # periods that blood is in the vessel, on average
    released = at_once / float(np.clip(stay, 0.2, longest))
    tails: list[list[NDArray[np.float32]]] = [[] for _ in range(moments)]
    speeds: list[list[NDArray[np.float32]]] = [[] for _ in range(moments)]
    owed = 0.0  # parts of particles
    for release in range(moments):
        progress(release / moments)
        for name, flux in zip(inlets, inflow, strict=True):
            owed += released * float(flux[release].sum()) * period_s / moments / per_period if per_period > 0 else 0.0
            count, owed = int(owed), owed - int(owed)
            if count == 0:
                continue
            places, at = cells.near_boundary(mesh, name, count, flux[release], chance=release)
            paths = follow(
                cells, field, places, at, np.full(count, start_frame[release]), step_s=period_s / moments,
                frames_per_step=nt / moments if nt > 1 else 0.0, steps=round(moments * longest),
            )  # fmt: skip
            for age in range(int(paths.count.max(initial=0))):
                alive = np.flatnonzero(paths.count > age)
                moment = (release + age) % moments
                tails[moment].append(paths.places_mm[alive][:, [max(age - back, 0) for back in range(TAIL)]])
                speeds[moment].append(paths.speed[alive, age])
    empty = np.empty((0, TAIL, 3), np.float32)
    return Particles(
        period_s,
        tuple(np.concatenate([empty, *t]) for t in tails),
        tuple(np.concatenate([empty[:, 0, 0], *s]) for s in speeds),
    )


def entrances(mesh: OrganMesh, velocity: NDArray[Any]) -> list[str]:
    """The openings through which blood comes in, taken over all frames (nt, n, 3); those meant as inlets where it stands."""
    field = np.asarray(velocity, np.float32)
    names = [cap.name for cap in mesh.caps if cap.name in mesh.boundaries]
    net = {name: float(_through(mesh, name, field).sum()) for name in names}
    most = max((abs(flow) for flow in net.values()), default=0.0)
    found = [name for name, flow in net.items() if flow > 0.01 * most]
    return found or [cap.name for cap in mesh.caps if cap.role == "inlet" and cap.name in mesh.boundaries]


def _through(mesh: OrganMesh, name: str, field: NDArray[np.float32]) -> NDArray[np.float64]:
    """(nt, t) what comes in through each triangle of a boundary, mm3/s; negative where it goes out."""
    triangles = np.asarray(mesh.boundary(name), np.int64)
    corners = np.asarray(mesh.points_mm, np.float64)[triangles]
    outwards = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]) / 2
    return np.asarray(-np.einsum("tjd,jd->tj", field[:, triangles].mean(axis=2, dtype=np.float64), outwards))


def _inflow(mesh: OrganMesh, name: str, field: NDArray[np.float32], frames: NDArray[Any]) -> NDArray[np.float64]:
    """(moments, t) what comes in through each triangle of a boundary at each moment, mm3/s; nothing where it goes out."""
    into = _through(mesh, name, field)
    before = np.floor(frames).astype(int)
    share = (frames - before)[:, None]
    moments = into[before % len(into)] * (1 - share) + into[(before + 1) % len(into)] * share
    return np.maximum(moments, 0.0)


def _volume(mesh: OrganMesh) -> float:
    corners = np.asarray(mesh.points_mm, np.float64)[np.asarray(mesh.tets)]
    return float(np.abs(np.linalg.det(corners[:, 1:] - corners[:, :1])).sum() / 6)
