"""Both ventricles through the cycle: each phase on its own, then all made to agree in time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.cine.heart import Heart, heart_of, present, right_side, seen
from organtwin.segment.cine.stack import Stack
from organtwin.segment.cine.ventricle import Guess, Walls, again, find, look

FloatArray = NDArray[np.float64]

ENOUGH_PHASES = 6  # to smooth over time
OUTER_FOLLOWS = 0.25  # of the shortening of the inner radius, where the volume of the muscle stays
MUSCLE_THICKENS = 1.05  # area of muscle in a slice, against the widest phase: the ventricle grows shorter
AGREEMENTS = 2  # turns in which the phases learn from each other
SMOOTH_CYCLE = 0.7 / 30  # standard deviation of the smoothing: it takes a hundredth of the swing of the volume


def hearts(values: FloatArray, stack: Stack, cyclic: bool, monitor: Monitor) -> list[Heart]:
    """The heart at each phase of (nt, nk, nj, ni) slices.

    Raises
    ------
    BadInput
        When no ring of muscle around blood is in it.
    """
    phases = len(values)
    motion = np.ptp(values, axis=0) if phases < ENOUGH_PHASES else values.std(axis=0)
    guesses = []
    for phase, stack_now in enumerate(values):
        monitor.progress(0.3 * phase / phases, f"looking for the left ventricle, phase {phase + 1} of {phases}")
        guesses.append(look(stack_now, stack.spacing_mm, stack.gap_mm, motion))
    seen(np.stack([guess.score for guess in guesses]))
    if phases >= ENOUGH_PHASES:
        guesses = _agreed(guesses, cyclic)
    every = []
    for phase, guess in enumerate(guesses):
        part = PartMonitor(monitor, 0.3 + 0.4 * phase / phases, 0.3 + 0.4 * (phase + 1) / phases)
        every.append(find(values[phase], stack.spacing_mm, stack.gap_mm, guess, part))
    every = _together(every, values, stack)
    if phases >= ENOUGH_PHASES:
        every = _in_time(every, cyclic)
    angle = right_side(every, values, stack.spacing_mm)
    held = np.stack([present(one) for one in every])
    if phases >= ENOUGH_PHASES:  # the base comes and goes once in a cycle, not for a phase or two
        held = ndimage.median_filter(held, (5, 1), mode="wrap" if cyclic else "nearest")
    made = []
    for phase, one in enumerate(every):
        monitor.progress(0.7 + 0.3 * phase / phases, f"right ventricle, phase {phase + 1} of {phases}")
        made.append(heart_of(one, values[phase], stack.spacing_mm, held[phase], angle))
    return made


def _together(every: list[Walls], values: FloatArray, stack: Stack) -> list[Walls]:
    """Walls traced again with what the phases say of each other, which a single one cannot know.

    The outer wall moves little, and a slice has as much muscle when the cavity is narrow as when it is widest, where it is seen best.
    """
    for _ in range(AGREEMENTS):
        inner = np.stack([walls.inner_mm.mean(axis=1) for walls in every])  # (nt, nk)
        narrowed = np.median(inner / np.maximum(inner.max(axis=0), 1.0), axis=1)
        size = 1 - OUTER_FOLLOWS * (1 - narrowed / narrowed.max())
        # each about its own centre, which takes out how the heart moves as a whole
        usual = np.mean([walls.outer_mm / s for walls, s in zip(every, size, strict=True)], axis=0)
        outer = usual.mean(axis=1) * size[:, None]
        widest = int(narrowed.argmax())
        muscle = MUSCLE_THICKENS * (outer[widest] ** 2 - inner[widest] ** 2)
        left = np.sqrt(np.maximum(outer**2 - muscle, 1.0))
        every = [
            again(walls, plane, stack.spacing_mm, stack.gap_mm, s * usual, radius)
            for walls, plane, s, radius in zip(every, values, size, left, strict=True)
        ]
    return every


def _agreed(guesses: list[Guess], cyclic: bool) -> list[Guess]:
    """Each guess as the median of it and of those before and after: one phase gone astray is brought back."""
    mode = "wrap" if cyclic else "nearest"

    def median(name: str) -> FloatArray:
        over_time = np.stack([getattr(guess, name) for guess in guesses])
        return np.asarray(ndimage.median_filter(over_time, (5, *[1] * (over_time.ndim - 1)), mode=mode))

    centres, radii, score = median("centres"), median("radii_mm"), median("score")
    return [Guess(*of) for of in zip(centres, radii, score, strict=True)]


def _in_time(walls: list[Walls], cyclic: bool) -> list[Walls]:
    """Radii and centres smoothed over time."""
    sigma = SMOOTH_CYCLE * len(walls)
    mode = "wrap" if cyclic else "nearest"

    def smooth(name: str) -> FloatArray:
        over_time = np.stack([getattr(w, name) for w in walls])
        return np.asarray(ndimage.gaussian_filter1d(over_time, sigma, axis=0, mode=mode))

    made = {name: smooth(name) for name in ("centres", "inner_mm", "outer_mm", "blood", "muscle", "ring")}
    return [replace(w, **{name: of[n] for name, of in made.items()}) for n, w in enumerate(walls)]
