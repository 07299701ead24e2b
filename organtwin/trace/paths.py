"""Streamlines of one moment, and paths of particles through all moments of a cycle.

Velocity is linear within a cell and between two frames; the ways are integrated with the classical Runge-Kutta method of
fourth order, in steps shorter than the cells they cross.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from organtwin.trace.cells import OUTSIDE, Cells


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
    from organtwin.trace import kernels

    speed = np.ascontiguousarray(velocity, dtype=np.float32)
    return Paths(
        *kernels.follow(
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
    from organtwin.trace import kernels

    field = np.ascontiguousarray(velocity, dtype=np.float32)
    least = slowest * float(np.sqrt((field.astype(np.float64) ** 2).sum(axis=1).max(initial=0.0)))
    return Paths(
        *kernels.streamlines(
            cells.tets, cells.neighbours, cells.first_mm, cells.inverse, cells.size_mm, field[None],
            np.ascontiguousarray(places_mm, np.float64), np.ascontiguousarray(start_cells, np.int64),
            -1.0 if backwards else 1.0, int(steps), max(least, 1e-9),
        )
    )  # fmt: skip
