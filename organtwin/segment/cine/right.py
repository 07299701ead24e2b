"""The right ventricle: blood that lies against the septum, bounded by a curve around the left ventricle's centre."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.segment.cine import contours

FloatArray = NDArray[np.float64]

DEEPEST_MM = 75.0
N_DEPTHS = round(DEEPEST_MM / contours.STEP_MM)
SECTOR = np.radians(180.0)  # of the circle that it may take, about its middle
HINT = 0.4
LEFT_OUT = 0.7  # what a millimetre of blood costs that is not taken, against one of muscle that is
UNSURE_MM = 4.0  # of the outer wall: muscle there costs less
IS_BLOOD = 0.45  # where muscle is 0 and blood of the left ventricle 1


def sample(plane: FloatArray, spacing_mm: tuple[float, float], centre: FloatArray, outer_mm: FloatArray) -> FloatArray:
    """(ANGLES, N_DEPTHS) values outward from the outer wall."""
    angles = np.arange(contours.ANGLES) * 2 * np.pi / contours.ANGLES
    radii = outer_mm[:, None] + (np.arange(N_DEPTHS) + 0.5) * contours.STEP_MM
    rows = centre[0] + np.sin(angles)[:, None] * radii / spacing_mm[0]
    columns = centre[1] + np.cos(angles)[:, None] * radii / spacing_mm[1]
    return np.asarray(ndimage.map_coordinates(plane, [rows, columns], order=1, mode="constant"))


def evidence(rays: FloatArray, weight: FloatArray) -> FloatArray:
    """(ANGLES,) how much blood the slices have next to the wall.

    Parameters
    ----------
    rays : (nk, ANGLES, N_DEPTHS) array
        With muscle 0 and blood 1.
    weight : (nk,) array
    """
    near = rays[:, :, round(3 / contours.STEP_MM) : round(25 / contours.STEP_MM)]
    bright = np.clip((near - 0.2) / 0.5, 0, 1).mean(axis=2)
    return np.asarray((bright * weight[:, None]).sum(axis=0))


def side(seen: FloatArray) -> float:
    """The angle at which the right ventricle lies: where most blood was seen over a third of the circle.

    Short-axis pictures are taken with the right ventricle on the left: a hint, no more, where fat is as bright as blood.
    """
    angles = np.arange(contours.ANGLES) * 2 * np.pi / contours.ANGLES
    width = round(contours.ANGLES / 3)
    hinted = seen * (1 + HINT * np.cos(angles - np.pi))
    smooth = ndimage.convolve1d(hinted, np.hanning(width + 2)[1:-1], mode="wrap")
    return float(angles[smooth.argmax()])


def blood(rays: FloatArray, angle: float, weight: FloatArray) -> FloatArray:
    """(nk,) level of its blood, where that of the left ventricle is 1: coils are nearer to the right ventricle, or further."""
    near = rays[:, away(angle) < np.radians(45), round(3 / contours.STEP_MM) : round(20 / contours.STEP_MM)]
    levels = np.quantile(near.reshape(len(rays), -1), 0.65, axis=1)
    held = weight > 0
    usual = float(np.median(levels[held])) if held.any() else 1.0
    smooth = ndimage.gaussian_filter1d(ndimage.median_filter(levels, 3, mode="nearest"), 1.0, mode="nearest")
    return np.clip(np.clip(smooth, 0.7 * usual, 1.4 * usual), 0.35, 1.8)


def away(angle: float) -> FloatArray:
    """(ANGLES,) how far each ray is from an angle."""
    rays = np.arange(contours.ANGLES) * 2 * np.pi / contours.ANGLES
    return np.asarray(np.abs(np.angle(np.exp(1j * (rays - angle)))))


def trace(rays: FloatArray, angle: float, near: FloatArray | None = None) -> FloatArray:
    """How deep the right ventricle is outward from the wall at each angle, in mm; 0 where it is not.

    Parameters
    ----------
    rays : (ANGLES, N_DEPTHS) array
        With muscle 0 and blood 1.
    angle : float
        Where it lies.
    near : (ANGLES,) array, optional
        Depth in the neighbouring slices.
    """
    u = np.asarray(rays)
    inside = np.clip((IS_BLOOD + 0.1 - u) / 0.4, 0.0, 1.0) + np.clip((u - 1.5) / 0.5, 0.0, 1.0)
    inside = inside + np.where(away(angle) > SECTOR / 2, 3.0, 0.0)[:, None]
    inside[:, : round(UNSURE_MM / contours.STEP_MM)] *= 0.3
    slope = ndimage.gaussian_filter(u, (0.7, 1.0 / contours.STEP_MM), order=(0, 1), mode=("wrap", "nearest"))
    slope = slope / contours.STEP_MM
    edge = np.zeros((contours.ANGLES, N_DEPTHS + 1))
    edge[:, 1:-1] = -12.0 * np.clip(-0.5 * (slope[:, 1:] + slope[:, :-1]), 0.0, 0.25)
    depths = np.arange(N_DEPTHS + 1) * contours.STEP_MM
    prior = 0.0002 * depths[None] ** 2 + np.zeros((contours.ANGLES, 1))
    if near is not None:
        prior = prior + np.minimum(0.02 * (depths[None] - near[:, None]) ** 2, 5.0)

    def summed(cost: FloatArray) -> FloatArray:
        return np.concatenate([np.zeros((contours.ANGLES, 1)), np.cumsum(cost, axis=1)], axis=1) * contours.STEP_MM

    # with depth d: inside up to d, outside beyond, where only the near part counts
    within, beyond = summed(inside), summed(LEFT_OUT * np.clip((u - 0.2) / 0.4, 0.0, 1.0))
    return np.asarray(_cheapest(within + beyond[:, -1:] - beyond + edge + prior) * contours.STEP_MM)


@njit(cache=True)
def _cheapest(own):  # type: ignore[no-untyped-def]
    angles, n = own.shape
    turns = 2 * angles
    reach = 8
    total = own[0].copy()
    fresh = total.copy()
    came = np.zeros((turns, n), np.int64)
    for turn in range(1, turns):
        a = turn % angles
        for d in range(n):
            best, where = 1e30, d
            for p in range(max(0, d - reach), min(n, d + reach + 1)):
                cost = total[p] + 0.25 * abs(p - d)
                if cost < best:
                    best, where = cost, p
            fresh[d] = best + own[a, d]
            came[turn, d] = where
        total, fresh = fresh, total
    d = int(np.argmin(total))
    depth = np.zeros(angles)
    half = angles // 2
    for turn in range(turns - 1, -1, -1):
        if half <= turn < half + angles:
            depth[turn % angles] = d
        d = came[turn, d]
    return depth
