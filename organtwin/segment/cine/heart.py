"""Both ventricles and the muscle of a short-axis stack as masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.cine import contours, right
from organtwin.segment.cine.stack import Stack
from organtwin.segment.cine.ventricle import Walls, find, look
from organtwin.segment.engine import Found

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

SEEN = 0.3  # score of the search below which there is no ventricle


@dataclass(frozen=True)
class Heart:
    """Masks (nk, nj, ni), and in which slices the left ventricle was found."""

    left: BoolArray
    muscle: BoolArray
    right: BoolArray
    slices: BoolArray
    ring: float  # mean part of the circle that is closed
    contrast: float  # of muscle against blood, 0 to 1

    def found(self, stack: Stack) -> list[Found]:
        """What an engine says about it, in the order of the volume's own array."""
        sure = float(np.clip(0.95 * self.ring * np.clip(self.contrast / 0.4, 0.4, 1.0), 0.1, 0.95))
        doubt = "" if self.contrast > 0.4 else "blood and muscle differ little"
        base = "the slices at the base are the doubtful ones"
        return [
            Found("left_ventricle", stack.back(self.left), sure, doubt or base),
            Found("myocardium", stack.back(self.muscle), 0.9 * sure, doubt or base),
            Found(
                "right_ventricle", stack.back(self.right) if self.right.any() else None, 0.7 * sure if self.right.any() else None,
                "its thin wall is hardly seen" if self.right.any() else "no blood was seen beside the septum",
            ),
        ]  # fmt: skip


def find_heart(slices: FloatArray, stack: Stack, monitor: Monitor, motion: FloatArray | None = None) -> Heart:
    """Both ventricles of a stack (nk, nj, ni).

    Raises
    ------
    BadInput
        When no ring of muscle around blood is in it.
    """
    monitor.progress(0.0, "looking for the left ventricle")
    guess = look(slices, stack.spacing_mm, stack.gap_mm, motion)
    seen(guess.score)
    walls = find(slices, stack.spacing_mm, guess, PartMonitor(monitor, 0.2, 0.8))
    monitor.progress(0.8, "right ventricle")
    return heart_of(walls, slices, stack.spacing_mm, stack.gap_mm)


def heart_of(walls: Walls, stack: FloatArray, spacing_mm: tuple[float, float], gap_mm: float) -> Heart:
    """Fill the walls, decide which slices belong, and find the right ventricle."""
    shape = stack.shape[1:]
    slices = present(walls, gap_mm)
    left, muscle, outer = np.zeros((3, *stack.shape), bool)
    for k in np.flatnonzero(slices):
        left[k] = contours.fill(shape, spacing_mm, walls.centres[k], walls.inner_mm[k])
        outer[k] = contours.fill(shape, spacing_mm, walls.centres[k], walls.outer_mm[k])
    muscle = outer & ~left
    return Heart(
        left, muscle, _right(walls, stack, spacing_mm, slices, outer), slices, float(walls.ring[slices].mean()),
        float(1 - (walls.muscle[slices] / walls.blood[slices]).mean()),
    )  # fmt: skip


def seen(score: FloatArray) -> None:
    """Whether the search saw a ventricle at all.

    Raises
    ------
    BadInput
        When it did not.
    """
    if score.max() < SEEN:
        raise BadInput(
            "No left ventricle was found: no slice has bright blood in a ring of dark muscle near its middle",
            remedy="Use a short-axis cine MR (bright blood); for other scans choose another engine.",
        )


def present(walls: Walls, gap_mm: float) -> BoolArray:
    """Slices that hold the left ventricle: one run of them with a closed ring of muscle."""
    good = (walls.ring > 0.9) & (walls.score > 0)
    middle = int(np.argmax(ndimage.uniform_filter1d(walls.score * good, 3, mode="constant")))
    labels, _ = ndimage.label(walls.ring > 0.9)
    return np.asarray(labels == labels[middle]) & (labels > 0)


def _right(
    walls: Walls, stack: FloatArray, spacing_mm: tuple[float, float], slices: BoolArray, outer: BoolArray
) -> BoolArray:
    nk = len(stack)
    rays = np.zeros((nk, contours.ANGLES, right.N_DEPTHS))
    for k in range(nk):
        smooth = ndimage.gaussian_filter(stack[k], [0.8 / s for s in spacing_mm])
        values = right.sample(smooth, spacing_mm, walls.centres[k], walls.outer_mm[k])
        rays[k] = (values - walls.muscle[k]) / (walls.blood[k] - walls.muscle[k])
    angle = right.side(rays, walls.score * slices)
    rays /= right.blood(rays, angle, walls.score * slices)[:, None, None]
    depth = np.zeros((nk, contours.ANGLES))
    held = np.flatnonzero(slices)
    for turn in range(2):
        before = depth.copy()
        for n, k in enumerate(held):
            near = None
            if turn:
                beside = [before[held[m]] for m in (n - 1, n + 1) if 0 <= m < len(held)]
                near = np.mean(beside, axis=0) if beside else None
            depth[k] = right.trace(rays[k], angle, near)
    mask = np.zeros(stack.shape, bool)
    for k in held:
        whole = contours.fill(stack.shape[1:], spacing_mm, walls.centres[k], walls.outer_mm[k] + depth[k])
        mask[k] = _largest(ndimage.binary_opening(whole & ~outer[k], iterations=1))
        if mask[k].sum() * spacing_mm[0] * spacing_mm[1] < 60.0:
            mask[k] = False
    return mask


def _largest(mask: BoolArray) -> BoolArray:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(ndimage.sum_labels(mask, labels, range(1, count + 1)))))
