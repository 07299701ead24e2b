"""The compiled loops of tracing: from cell to cell, and along a field. Imported when they are first used."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from organtwin.trace.cells import OUTSIDE

_TOLERANCE = 1e-9  # of a barycentric weight
_MAX_WALK = 400
_CELLS_PER_STEP = 0.5
_MAX_SUBSTEPS = 40


@numba.njit(cache=True, nogil=True, inline="always")
def weights_in(x: float, y: float, z: float, cell: int, first: Any, inverse: Any, out: Any) -> None:
    """Barycentric weights of a place in a cell into ``out`` (4,)."""
    dx, dy, dz = x - first[cell, 0], y - first[cell, 1], z - first[cell, 2]
    total = 0.0
    for row in range(3):
        w = inverse[cell, row, 0] * dx + inverse[cell, row, 1] * dy + inverse[cell, row, 2] * dz
        out[row + 1] = w
        total += w
    out[0] = 1.0 - total


@numba.njit(cache=True, nogil=True)
def walk(x: float, y: float, z: float, cell: int, first: Any, inverse: Any, neighbours: Any, out: Any) -> int:
    """The cell of a place, from a cell nearby; the negative code of the boundary where the way leaves the mesh."""
    for _ in range(_MAX_WALK):
        weights_in(x, y, z, cell, first, inverse, out)
        inner, lowest_inner, outer, lowest_outer = -1, -_TOLERANCE, -1, -_TOLERANCE
        for corner in range(4):
            if neighbours[cell, corner] >= 0:
                if out[corner] < lowest_inner:
                    inner, lowest_inner = corner, out[corner]
            elif out[corner] < lowest_outer:
                outer, lowest_outer = corner, out[corner]
        if inner < 0 and outer < 0:
            return cell
        if inner < 0:
            return neighbours[cell, outer]
        cell = neighbours[cell, inner]
    return OUTSIDE


@numba.njit(cache=True, nogil=True)
def walk_all(places: Any, start: Any, first: Any, inverse: Any, neighbours: Any) -> Any:
    """:func:`walk` for many places (n, 3) from as many cells (n,)."""
    found = np.empty(len(places), np.int64)
    out = np.empty(4)
    for n in range(len(places)):
        found[n] = walk(places[n, 0], places[n, 1], places[n, 2], start[n], first, inverse, neighbours, out)
    return found


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
def follow(
    tets: Any, neighbours: Any, first: Any, inverse: Any, size: Any, field: Any, places: Any, start_cells: Any,
    start_frame: Any, step_s: float, frames_per_step: float, steps: int, wall: int,
) -> Any:  # fmt: skip
    """:func:`organtwin.trace.paths.follow`; ``wall`` is the code of the boundary at which particles stay."""
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
def streamlines(
    tets: Any, neighbours: Any, first: Any, inverse: Any, size: Any, field: Any, places: Any, start_cells: Any,
    sense: float, steps: int, slowest: float,
) -> Any:  # fmt: skip
    """:func:`organtwin.trace.paths.streamlines`; ``sense`` is 1 along the field and -1 against it."""
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
