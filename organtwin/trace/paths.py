"""Streamlines of one moment, and paths of particles through all moments of a cycle.

Velocity is linear within a cell and between two frames; the ways are integrated with the classical Runge-Kutta method of
fourth order, in steps shorter than the cells they cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.trace.cells import OUTSIDE, Cells, walk

_CELLS_PER_STEP = 0.5
_MAX_SUBSTEPS = 40


@dataclass(frozen=True, eq=False)
class Paths:
    """Ways of n particles at steps of equal time or length: ``places_mm`` (n, s, 3) float32, ``speed`` (n, s) mm/s;
    of each only the first ``count`` (n,) steps are there. ``end`` (n,) is the negative boundary code
    (see :class:`~organtwin.trace.cells.Cells`) through which it left, 0 when it still was inside.
    """

    places_mm: NDArray[np.float32]
    speed: NDArray[np.float32]
    count: NDArray[np.int64]
    end: NDArray[np.int64]


def follow(
    cells: Cells,
    velocity: NDArray[Any],
    places_mm: NDArray[Any],
    start_cells: NDArray[np.int64],
    start_frame: NDArray[Any],
    *,
    step_s: float,
    frames_per_step: float,
    steps: int,
    wall_tag: int | None = None,
) -> Paths:
    """Particles carried by a flow that repeats after its frames.

    Parameters
    ----------
    velocity : (nt, n, 3) mm/s at the points of the mesh, frames of equal distance; frame nt is frame 0 again
    places_mm, start_cells : (p, 3), (p,) where they are set free, and the cell
    start_frame : (p,) when, in frames
    step_s, frames_per_step : time from one kept place to the next, in seconds and in frames (0 for a steady flow)
    steps : most places kept for each
    wall_tag : boundary at which particles stay; they leave through all others

    Returns
    -------
    Paths
    """
    speed = np.ascontiguousarray(velocity, dtype=np.float32)
    return Paths(
        *_follow(
            cells.tets, cells.neighbours, cells.first_mm, cells.inverse, cells.size_mm, speed,
            np.ascontiguousarray(places_mm, np.float64), np.ascontiguousarray(start_cells, np.int64),
            np.ascontiguousarray(start_frame, np.float64), float(step_s), float(frames_per_step), int(steps),
            OUTSIDE if wall_tag is None else -1 - wall_tag,
        )
    )  # fmt: skip


def streamlines(
    cells: Cells,
    velocity: NDArray[Any],
    places_mm: NDArray[Any],
    start_cells: NDArray[np.int64],
    *,
    backwards: bool = False,
    steps: int = 800,
    slowest: float = 1e-3,
) -> Paths:
    """Lines along one velocity field (n, 3), in steps of half a cell, until they leave or come to rest.

    ``slowest`` is the share of the largest speed below which a line ends.
    """
    field = np.ascontiguousarray(velocity, dtype=np.float32)
    least = slowest * float(np.sqrt((field.astype(np.float64) ** 2).sum(axis=1).max(initial=0.0)))
    return Paths(
        *_streamlines(
            cells.tets, cells.neighbours, cells.first_mm, cells.inverse, cells.size_mm, field[None],
            np.ascontiguousarray(places_mm, np.float64), np.ascontiguousarray(start_cells, np.int64),
            -1.0 if backwards else 1.0, int(steps), max(least, 1e-9),
        )
    )  # fmt: skip


@numba.njit(cache=True, nogil=True)
def _sample(field: Any, frame: float, tets: Any, cell: int, weights: Any, out: Any) -> float:
    """Velocity between two frames at weights in a cell, into ``out`` (3,); its length."""
    nt = len(field)
    before = int(np.floor(frame))
    share = frame - before
    before = before % nt
    after = (before + 1) % nt
    for axis in range(3):
        out[axis] = 0.0
    for corner in range(4):
        point, w = tets[cell, corner], weights[corner]
        for axis in range(3):
            value = field[before, point, axis] * (1.0 - share)
            if share > 0.0:
                value += field[after, point, axis] * share
            out[axis] += w * value
    return np.sqrt(out[0] ** 2 + out[1] ** 2 + out[2] ** 2)


@numba.njit(cache=True, nogil=True)
def _step(
    x: Any, cell: int, h: float, frame: float, frames: float, unit: float,
    field: Any, tets: Any, neighbours: Any, first: Any, inverse: Any, slopes: Any, weights: Any, to: Any,
) -> int:  # fmt: skip
    """One Runge-Kutta step of length ``h`` from ``x``; the new place into ``to``, its cell or boundary code returned.

    ``unit`` is 0 for steps in time, 1 or -1 for steps in length along or against the field.
    """
    at = cell
    for stage in range(4):
        part = 0.0 if stage == 0 else (1.0 if stage == 3 else 0.5)
        if stage:
            for axis in range(3):
                to[axis] = x[axis] + part * h * slopes[stage - 1, axis]
        else:
            for axis in range(3):
                to[axis] = x[axis]
        at = walk(to[0], to[1], to[2], at, first, inverse, neighbours, weights)
        if at < 0:
            return at
        speed = _sample(field, frame + part * frames, tets, at, weights, slopes[stage])
        if unit != 0.0:
            for axis in range(3):
                slopes[stage, axis] *= unit / max(speed, 1e-12)
    for axis in range(3):
        to[axis] = x[axis] + h / 6.0 * (
            slopes[0, axis] + 2.0 * slopes[1, axis] + 2.0 * slopes[2, axis] + slopes[3, axis]
        )
    return walk(to[0], to[1], to[2], at, first, inverse, neighbours, weights)


@numba.njit(cache=True, nogil=True)
def _follow(
    tets: Any, neighbours: Any, first: Any, inverse: Any, size: Any, field: Any, places: Any, start_cells: Any,
    start_frame: Any, step_s: float, frames_per_step: float, steps: int, wall: int,
) -> Any:  # fmt: skip
    n = len(places)
    kept = np.zeros((n, steps, 3), np.float32)
    speeds = np.zeros((n, steps), np.float32)
    count = np.zeros(n, np.int64)
    end = np.zeros(n, np.int64)
    slopes, weights, to, x, here = np.empty((4, 3)), np.empty(4), np.empty(3), np.empty(3), np.empty(3)
    for p in range(n):
        cell, frame = start_cells[p], start_frame[p]
        x[:] = places[p]
        for s in range(steps):
            cell = walk(x[0], x[1], x[2], cell, first, inverse, neighbours, weights)
            if cell < 0:
                end[p] = cell
                break
            speed = _sample(field, frame, tets, cell, weights, here)
            for axis in range(3):
                kept[p, s, axis] = x[axis]
            speeds[p, s] = speed
            count[p] = s + 1
            substeps = 1 + int(min(speed * step_s / (_CELLS_PER_STEP * size[cell]), _MAX_SUBSTEPS - 1))
            h, frames = step_s / substeps, frames_per_step / substeps
            for k in range(substeps):
                new = _step(
                    x, cell, h, frame + k * frames, frames, 0.0,
                    field, tets, neighbours, first, inverse, slopes, weights, to,
                )  # fmt: skip
                if new >= 0:
                    x[:] = to
                    cell = new
                elif new != wall:  # at a wall it stays: blood stands there
                    cell = new
                    break
            if cell < 0:
                end[p] = cell
                break
            frame += frames_per_step
    return kept, speeds, count, end


@numba.njit(cache=True, nogil=True)
def _streamlines(
    tets: Any, neighbours: Any, first: Any, inverse: Any, size: Any, field: Any, places: Any, start_cells: Any,
    sense: float, steps: int, slowest: float,
) -> Any:  # fmt: skip
    n = len(places)
    kept = np.zeros((n, steps, 3), np.float32)
    speeds = np.zeros((n, steps), np.float32)
    count = np.zeros(n, np.int64)
    end = np.zeros(n, np.int64)
    slopes, weights, to, x, here = np.empty((4, 3)), np.empty(4), np.empty(3), np.empty(3), np.empty(3)
    for p in range(n):
        cell = start_cells[p]
        x[:] = places[p]
        for s in range(steps):
            cell = walk(x[0], x[1], x[2], cell, first, inverse, neighbours, weights)
            if cell < 0:
                end[p] = cell
                break
            speed = _sample(field, 0.0, tets, cell, weights, here)
            if speed < slowest:
                break
            for axis in range(3):
                kept[p, s, axis] = x[axis]
            speeds[p, s] = speed
            count[p] = s + 1
            new = _step(
                x, cell, _CELLS_PER_STEP * size[cell], 0.0, 0.0, sense,
                field, tets, neighbours, first, inverse, slopes, weights, to,
            )  # fmt: skip
            if new < 0:
                end[p] = new
                break
            x[:] = to
            cell = new
    return kept, speeds, count, end
