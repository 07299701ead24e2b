"""Both ventricles and the muscle of a short-axis stack as masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.cine import contours, right
from organtwin.segment.cine.stack import Stack
from organtwin.segment.cine.ventricle import Walls, apex_last, find, look
from organtwin.segment.engine import Found

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

CLOSED = 0.9  # part of the circle
HALF_CLOSED = 0.6  # from there on experts may take a slice at the base as part of the ventricle
PLAIN = 0.5  # contrast of muscle against blood that leaves no doubt
AS_CLEAR = 0.6  # as the other slices
GROWS = 1.15
SMALLEST_MM = 3.0  # radius of a cavity
TRABECULAE = 0.06  # of the thickness of the wall
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
    base: float  # part that one more slice at the base would add to the cavity, if it may be one; else 0

    def found(self, stack: Stack) -> list[Found]:
        """What an engine says about it, in the order of the volume's own array."""
        clear = float(np.clip(self.contrast / PLAIN, 0.4, 1.0))
        sure = float(np.clip(0.95 * self.ring * clear * (1 - self.base), 0.1, 0.95))
        doubt = "" if clear > 0.9 else "blood and muscle differ little"
        base = (
            f"one more slice at the base may belong to it, and would add {100 * self.base / (1 - self.base):.0f} % to the cavity"
            if self.base > 0
            else "the slices at the base are the doubtful ones"
        )
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
    walls = find(slices, stack.spacing_mm, stack.gap_mm, guess, PartMonitor(monitor, 0.2, 0.8))
    monitor.progress(0.8, "right ventricle")
    return heart_of(walls, slices, stack.spacing_mm)


def heart_of(
    walls: Walls, stack: FloatArray, spacing_mm: tuple[float, float], slices: BoolArray | None = None,
    angle: float | None = None,
) -> Heart:  # fmt: skip
    """Fill the walls in the slices that hold the left ventricle, and find the right one, which lies at ``angle``.

    What is not given is found.
    """
    shape = stack.shape[1:]
    slices = present(walls) if slices is None else slices
    left, outer = np.zeros((2, *stack.shape), bool)
    for k in np.flatnonzero(slices):
        if walls.inner_mm[k].mean() > SMALLEST_MM:
            left[k] = contours.fill(shape, spacing_mm, walls.centres[k], cavity(walls.inner_mm[k], walls.outer_mm[k]))
        outer[k] = contours.fill(shape, spacing_mm, walls.centres[k], walls.outer_mm[k])
    rays = _rays(walls, stack, spacing_mm)
    if angle is None:
        angle = right.side(right.evidence(rays, _basal(walls, slices)))
    return Heart(
        left, outer & ~left, _right(walls, rays, angle, spacing_mm, slices, outer), slices, float(walls.ring[slices].mean()),
        float(1 - (walls.muscle[slices] / walls.blood[slices]).mean()), _open_base(walls, slices),
    )  # fmt: skip


def _open_base(walls: Walls, slices: BoolArray) -> float:
    """What part of the cavity the slice just beyond the base would be, where muscle is around most of it."""
    held = np.flatnonzero(slices)
    k = int(held[0]) - 1 if apex_last((walls.inner_mm + walls.outer_mm).mean(axis=1)) else int(held[-1]) + 1
    if not 0 <= k < len(slices) or walls.ring[k] < HALF_CLOSED:
        return 0.0
    area = (walls.inner_mm**2).mean(axis=1)
    return float(area[k] / (area[k] + area[slices].sum()))


def right_side(every: Sequence[Walls], stacks: FloatArray, spacing_mm: tuple[float, float]) -> float:
    """The angle at which the right ventricle lies, from all phases (nt, nk, nj, ni) together."""
    seen = np.zeros(contours.ANGLES)
    for walls, stack in zip(every, stacks, strict=True):
        seen += right.evidence(_rays(walls, stack, spacing_mm), _basal(walls, present(walls)))
    return right.side(seen)


def _rays(walls: Walls, stack: FloatArray, spacing_mm: tuple[float, float]) -> FloatArray:
    """(nk, ANGLES, N_DEPTHS) outward from the outer wall, with muscle 0 and blood 1."""
    rays = np.zeros((len(stack), contours.ANGLES, right.N_DEPTHS))
    for k, plane in enumerate(stack):
        smooth = ndimage.gaussian_filter(plane, [0.8 / s for s in spacing_mm])
        values = right.sample(smooth, spacing_mm, walls.centres[k], walls.outer_mm[k])
        rays[k] = (values - walls.muscle[k]) / (walls.blood[k] - walls.muscle[k])
    return rays


def _basal(walls: Walls, slices: BoolArray) -> FloatArray:
    """(nk,) weight of the slices: at the base the right ventricle is large, and nothing else that is bright is near."""
    held = np.flatnonzero(slices)
    order = np.linspace(1.0, 0.1, len(held))
    weight = np.zeros(len(slices))
    weight[held] = order if apex_last((walls.inner_mm + walls.outer_mm).mean(axis=1)) else order[::-1]
    return np.asarray(weight * walls.score)


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


def cavity(inner_mm: FloatArray, outer_mm: FloatArray) -> FloatArray:
    """The curve that experts draw: around papillary muscles and trabeculae, on the compact muscle."""
    thick = float((outer_mm - inner_mm).mean())
    return np.asarray(np.minimum(contours.hull(inner_mm) + TRABECULAE * thick, outer_mm - contours.THINNEST_MM / 2))


def present(walls: Walls) -> BoolArray:
    """Slices that hold the left ventricle: one run of them around the clearest.

    Towards the base a slice belongs while the ring of muscle is closed and nearly as clear as the others: the outflow tract
    opens it. Towards the apex it belongs while there is a ring that does not grow.
    """
    nk = len(walls.score)
    outer = walls.outer_mm.mean(axis=1)
    closed = walls.ring > CLOSED
    last = apex_last((walls.inner_mm + walls.outer_mm).mean(axis=1))
    clear = ndimage.uniform_filter1d(walls.score * closed, 3, mode="constant")
    middle = int(np.argmax(clear))
    usual = float(np.median(walls.score[closed])) if closed.any() else 1.0
    slices = np.zeros(nk, bool)
    slices[middle] = True
    toward_apex = range(middle + 1, nk) if last else range(middle - 1, -1, -1)
    toward_base = range(middle - 1, -1, -1) if last else range(middle + 1, nk)
    before = middle
    for k in toward_apex:
        if not closed[k] or outer[k] > GROWS * outer[before]:
            break
        slices[k], before = True, k
    for k in toward_base:
        if not closed[k] or walls.score[k] < AS_CLEAR * usual:
            # what is seen badly between slices that are seen well belongs to them
            further = [m for m in toward_base if (m < k) == last and m != k]
            if not any(closed[m] and walls.score[m] >= usual for m in further[:3]):
                break
        slices[k] = True
    return slices


def _right(
    walls: Walls, rays: FloatArray, angle: float, spacing_mm: tuple[float, float], slices: BoolArray, outer: BoolArray
) -> BoolArray:
    held = np.flatnonzero(slices)
    rays = rays / right.blood(rays, angle, walls.score * slices)[:, None, None]
    depth = np.zeros((len(rays), contours.ANGLES))
    for turn in range(2):
        before = depth.copy()
        for n, k in enumerate(held):
            near = None
            if turn:
                beside = [before[held[m]] for m in (n - 1, n + 1) if 0 <= m < len(held)]
                near = np.mean(beside, axis=0) if beside else None
            depth[k] = right.trace(rays[k], angle, near)
    mask = np.zeros(outer.shape, bool)
    for k in held:
        whole = contours.fill(outer.shape[1:], spacing_mm, walls.centres[k], walls.outer_mm[k] + depth[k])
        mask[k] = _largest(ndimage.binary_opening(whole & ~outer[k], iterations=1))
        if mask[k].sum() * spacing_mm[0] * spacing_mm[1] < 60.0:
            mask[k] = False
    return mask


def _largest(mask: BoolArray) -> BoolArray:
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    return np.asarray(labels == 1 + int(np.argmax(ndimage.sum_labels(mask, labels, range(1, count + 1)))))
