"""Both ventricles through the cycle: each phase starts from the one before, then all are made to agree in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.cine.heart import Heart, heart_of, seen
from organtwin.segment.cine.stack import Stack
from organtwin.segment.cine.ventricle import Guess, Walls, find, look

FloatArray = NDArray[np.float64]

ENOUGH_PHASES = 6  # to smooth over time
SMOOTH_PHASES = 0.7  # standard deviation of the smoothing, for 30 phases a cycle more


def hearts(values: FloatArray, stack: Stack, cyclic: bool, monitor: Monitor) -> list[Heart]:
    """The heart at each phase of (nt, nk, nj, ni) slices.

    Raises
    ------
    BadInput
        When no ring of muscle around blood is in it.
    """
    phases = len(values)
    motion = np.ptp(values, axis=0) if phases < ENOUGH_PHASES else values.std(axis=0)
    guesses: dict[int, Guess] = {}
    for n, phase in enumerate(sorted({0, phases // 3, 2 * phases // 3})):
        monitor.progress(0.02 * n, "looking for the left ventricle")
        guesses[phase] = look(values[phase], stack.spacing_mm, stack.gap_mm, motion)
    first = max(guesses, key=lambda phase: float(guesses[phase].score.sum()))
    seen(guesses[first].score)
    walls: dict[int, Walls] = {}
    for path in (range(first, phases), range(first - 1, -1, -1)):
        for phase in path:
            done = 0.06 + 0.6 * len(walls) / phases
            before = walls.get(phase - 1 if phase > first else phase + 1)
            guess = guesses[first] if before is None else _from(before)
            walls[phase] = find(values[phase], stack.spacing_mm, guess, PartMonitor(monitor, done, done + 0.6 / phases), 4 if before is None else 3)
    every = [walls[phase] for phase in range(phases)]
    if phases >= ENOUGH_PHASES:
        every = _in_time(every, cyclic)
    made = []
    for phase, one in enumerate(every):
        monitor.progress(0.66 + 0.34 * phase / phases, f"right ventricle, phase {phase + 1} of {phases}")
        made.append(heart_of(one, values[phase], stack.spacing_mm, stack.gap_mm))
    return made


def _from(walls: Walls) -> Guess:
    return Guess(walls.centres, walls.inner_mm.mean(axis=1), walls.score)


def _in_time(walls: list[Walls], cyclic: bool) -> list[Walls]:
    """Radii and centres smoothed over time."""
    sigma = SMOOTH_PHASES * max(1.0, len(walls) / 30)
    mode = "wrap" if cyclic else "nearest"

    def smooth(name: str) -> FloatArray:
        over_time = np.stack([getattr(w, name) for w in walls])
        return np.asarray(ndimage.gaussian_filter1d(over_time, sigma, axis=0, mode=mode))

    made = {name: smooth(name) for name in ("centres", "inner_mm", "outer_mm", "blood", "muscle", "ring")}
    return [replace(w, **{name: of[n] for name, of in made.items()}) for n, w in enumerate(walls)]
