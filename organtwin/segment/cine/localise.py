"""Where the left ventricle is in a short-axis stack: bright discs in dark rings, one above the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float64]

STEP_MM = 3.0  # of the search
RADII_MM = np.arange(9.0, 37.0, 3.0)  # of the cavity, apex at end-systole to a dilated base
DIRECTIONS = 24
ENOUGH = 0.4  # contrast beyond which a ring is a ring: lung around a vessel is darker than any muscle
SHIFT_PER_MM = 0.7  # how far the centre may wander from slice to slice, for each mm between them
RADIUS_COST_PER_MM = 0.03
OFF_CENTRE_MM = 45.0  # standard deviation of its place in the picture
OFF_AXIS_MM = 15.0  # standard deviation of a slice's centre from the axis of the ventricle
SEARCH_MM = 100.0  # from the middle
SHIFT_MM = 5.0  # and by breathing


def centres(
    stack: FloatArray, spacing_mm: tuple[float, float], gap_mm: float, motion: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The centre of the left ventricle in every slice.

    Parameters
    ----------
    stack : (nk, nj, ni) array
        Short-axis slices.
    spacing_mm : (down, across)
    gap_mm : float
        Between slices.
    motion : (nk, nj, ni) array, optional
        How much each voxel changes over the cycle.

    Returns
    -------
    (nk, 2) centres (row, column) in pixels, (nk,) radii in mm, (nk,) score of each slice (a ring of full contrast is 1).
    """
    zoom = (spacing_mm[0] / STEP_MM, spacing_mm[1] / STEP_MM)
    coarse = np.stack([_coarse(plane, zoom) for plane in stack])
    corner = [max(0, (n - round(2 * SEARCH_MM / STEP_MM)) // 2) for n in coarse.shape[1:]]
    crop = tuple(slice(c, n - c) for c, n in zip(corner, coarse.shape[1:], strict=True))
    coarse = coarse[:, *crop]
    weight = _middle(coarse.shape[1:])
    if motion is not None:
        moved = np.stack([_coarse(plane, zoom)[crop] for plane in motion])
        moved = np.stack([ndimage.gaussian_filter(plane, 4.0) for plane in moved])
        weight = weight * (0.25 + 0.75 * np.clip(moved / np.quantile(moved, 0.995), 0, 1))
    high = np.quantile(coarse, 0.98)
    scores = np.empty((len(coarse), len(RADII_MM), *coarse.shape[1:]))
    for k, plane in enumerate(coarse):
        for n, radius in enumerate(RADII_MM):
            scores[k, n] = _rings(plane, radius / STEP_MM, high)
    scores *= weight if weight.ndim == 2 else weight[:, None]
    reach_mm = SHIFT_MM + SHIFT_PER_MM * gap_mm
    best, path = _chain(scores, reach_mm)
    scores *= _near_axis(best, path, scores.shape[2:])
    best, path = _chain(scores, reach_mm)
    rows, columns, radii = path
    # zoom by edges: pixel p of the fine grid is at (p + 0.5) * zoom - 0.5 of the coarse one
    where = np.stack([(rows + corner[0] + 0.5) / zoom[0] - 0.5, (columns + corner[1] + 0.5) / zoom[1] - 0.5], axis=1)
    return where, RADII_MM[radii], best


def _coarse(plane: FloatArray, zoom: tuple[float, float]) -> FloatArray:
    sigma = [max(0.0, 0.4 / z) for z in zoom]
    smooth = ndimage.gaussian_filter(np.asarray(plane, float), sigma)
    shape = tuple(max(4, round(n * z)) for n, z in zip(plane.shape, zoom, strict=True))
    rows = (np.arange(shape[0]) + 0.5) / zoom[0] - 0.5
    columns = (np.arange(shape[1]) + 0.5) / zoom[1] - 0.5
    return np.asarray(
        ndimage.map_coordinates(smooth, np.meshgrid(rows, columns, indexing="ij"), order=1, mode="nearest")
    )


def _middle(shape: tuple[int, ...]) -> FloatArray:
    """A scan is planned around the ventricle: it is near the middle of the picture."""
    rows, columns = (np.arange(n) - (n - 1) / 2 for n in shape)
    return np.exp(-0.5 * (rows[:, None] ** 2 + columns[None, :] ** 2) * (STEP_MM / OFF_CENTRE_MM) ** 2)


def _near_axis(score: FloatArray, path: tuple[NDArray[np.intp], ...], shape: tuple[int, ...]) -> FloatArray:
    """(nk, 1, rows, columns) how near each place is to the straight axis through what was found, which the clear slices tell."""
    k = np.arange(len(score))
    axis = [np.polyval(np.polyfit(k, at, 1, w=score + 0.05), k)[:, None, None] for at in path[:2]]
    down, across = np.arange(shape[0])[:, None] - axis[0], np.arange(shape[1])[None, :] - axis[1]
    return np.asarray(np.exp(-0.5 * (down**2 + across**2) * (STEP_MM / OFF_AXIS_MM) ** 2)[:, None])


def _rings(plane: FloatArray, radius: float, high: float) -> FloatArray:
    """How much each place is the centre of a bright disc in a dark ring, 0 to 1."""
    angles = np.linspace(0, 2 * np.pi, DIRECTIONS, endpoint=False)

    def around(distance: float) -> FloatArray:
        return np.stack([_moved(plane, distance * np.sin(a), distance * np.cos(a)) for a in angles])

    core = np.sort(np.concatenate([plane[None], around(0.35 * radius)]), axis=0)
    rest = np.sort(around(0.75 * radius), axis=0)
    # papillary muscles are dark, and lie near the wall; a septum goes right through: both ventricles together are no disc
    bright = np.minimum(core[int(0.12 * len(core))], rest[int(0.35 * DIRECTIONS)])
    wall = np.minimum(around(radius + 4 / STEP_MM), around(radius + 7 / STEP_MM))
    wall.sort(axis=0)
    dark = wall[int(0.8 * DIRECTIONS)]  # the ring is open where fat or a valve is
    contrast = (bright - dark) / (bright + dark + 0.1 * high)
    size = min(1.0, 0.35 + 0.65 * radius * STEP_MM / 20.0)
    return np.clip(contrast / ENOUGH, 0, 1) * size * np.clip(bright / (0.35 * high), 0, 1)


def _moved(plane: FloatArray, down: float, across: float) -> FloatArray:
    """The plane as seen from a place (down, across) further on."""
    return np.asarray(ndimage.shift(plane, (-down, -across), order=1, mode="nearest"))


def _chain(scores: FloatArray, reach_mm: float) -> tuple[FloatArray, tuple[NDArray[np.intp], ...]]:
    """The best place and radius in every slice, each near to that of its neighbour (Viterbi)."""
    reach = max(1, round(reach_mm / STEP_MM))
    offsets = np.argwhere(np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1]) <= reach) - reach
    change = RADIUS_COST_PER_MM * np.abs(RADII_MM[:, None] - RADII_MM[None, :])
    total = scores[0].copy()
    came: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
    for plane in scores[1:]:
        resized = total[None] - change[:, :, None, None]
        size = resized.argmax(axis=1)
        total = resized.max(axis=1)
        best, choice = np.full_like(total, -1e9), np.zeros(total.shape, np.intp)
        for n, offset in enumerate(offsets):  # near is better: a step costs a little
            option = _shifted(total, *offset) - 0.01 * np.hypot(*offset)
            better = option > best
            best[better], choice[better] = option[better], n
        came.append((choice, size))
        total = plane + best
    radius, row, column = np.unravel_index(total.argmax(), total.shape)
    path = [(radius, row, column)]
    for choice, size in came[::-1]:
        down, across = offsets[choice[radius, row, column]]
        row, column = row + down, column + across
        radius = size[radius, row, column]
        path.append((radius, row, column))
    radii, rows, columns = np.array(path[::-1]).T
    return scores[np.arange(len(scores)), radii, rows, columns], (rows, columns, radii)


def _shifted(planes: FloatArray, down: int, across: int) -> FloatArray:
    out = np.full_like(planes, -1e9)
    n, m = planes.shape[-2:]
    a, b = max(0, -down), min(n, n - down)
    c, d = max(0, -across), min(m, m - across)
    out[..., a:b, c:d] = planes[..., a + down : b + down, c + across : d + across]
    return out
