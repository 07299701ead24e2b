"""The lumen along a line: its wall on rays in planes across it, kept calm along and around, and then filled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.errors import BadInput
from organtwin.monitor import Monitor
from organtwin.segment.vessel.look import Look, Mask, Points
from organtwin.vessel import kernels
from organtwin.vessel.lumen import RAYS, angles, sampled
from organtwin.vessel.polyline import carried_axes, distances, even, smooth, tangents

Numbers = NDArray[np.float64]

ROUNDS = 5
STEP_MM = 0.15  # along rays
LOCAL_MM = 15.0  # over which the blood's value is taken
LEAP = 1.35  # times what is around it: a ray that goes further has left through a branch or into a neighbour


def lumen(look: Look, line: Points, widest_mm: float, monitor: Monitor) -> tuple[Mask, float, str]:
    """The mask in the box, how sure it is, and why not surer.

    Raises
    ------
    BadInput
        When no wall is found around the line.
    """
    step = 0.5 * float(look.grid.spacing_mm.min())
    line = even(line, step)
    if len(line) < 4:
        raise BadInput("The clicks are too close to each other", remedy="Click at both ends of the vessel.")
    line = smooth(line, 2.0 / step)
    radius = np.full(len(line), 2.0)
    for turn in range(ROUNDS):
        monitor.progress(0.6 + 0.3 * turn / ROUNDS, "the wall along the way")
        way = tangents(line)
        up = carried_axes(way)
        wall = _walls(look, line, way, up, widest_mm)
        if np.isfinite(wall).mean() < 0.2:
            raise BadInput(
                "No wall was found around the way between the clicks",
                remedy="Allow a wider vessel, or click nearer to its middle.",
            )
        outline = _calm(wall, step)
        radius = outline.mean(axis=1)
        if turn == ROUNDS - 1:
            break
        a = angles()
        area = (outline**2).sum(axis=1)
        x = (2 / 3) * (outline**3 * np.cos(a)).sum(axis=1) / area
        y = (2 / 3) * (outline**3 * np.sin(a)).sum(axis=1) / area
        moved = line + x[:, None] * up + y[:, None] * np.cross(way, up)
        line = even(smooth(moved, max(1.0, 0.7 * float(np.median(radius)) / step)), step)
    monitor.progress(0.92, "filling")
    mask = filled(look, line, way, up, outline)
    return mask, *_trust(look, line, wall, outline)


def _walls(look: Look, line: Points, way: Points, up: Points, widest_mm: float) -> Numbers:
    """(n, RAYS) mm to where values fall half-way to the tissue, or rise to calcium."""
    along = distances(line)
    step = float(along[-1]) / (len(line) - 1)
    blood = sampled(look.values, look.grid, line).astype(float)
    blood = np.clip(blood, look.tissue + 0.4 * look.contrast, look.too_bright)
    blood = ndimage.median_filter(blood, max(3, 2 * round(0.5 * LOCAL_MM / step) + 1), mode="nearest")
    level = 0.5 * (blood + look.tissue)
    side = np.cross(way, up)
    a = angles()
    rays = np.cos(a)[:, None] * up[:, None, :] + np.sin(a)[:, None] * side[:, None, :]
    start = np.ascontiguousarray(look.grid.to_index(line)[:, ::-1])
    rays = np.ascontiguousarray((rays @ look.grid.inverse[:3, :3].T)[..., ::-1])
    reach = np.full(len(line), 0.75 * widest_mm)
    most = blood + (look.too_bright - float(look.blood.max()))
    return np.asarray(kernels.first_outside(look.values, start, rays, reach, STEP_MM, level, most))


def _calm(wall: Numbers, step: float) -> Numbers:
    """Rays made to agree with those around them: along the vessel as far as it is wide, and around it a little."""
    good = np.isfinite(wall).any(axis=1)
    centre = np.full(len(wall), np.nan)
    centre[good] = np.nanmedian(wall[good], axis=1)
    centre = np.interp(np.arange(len(centre)), np.flatnonzero(good), centre[good])
    length = max(3, 2 * round(0.5 * float(np.median(centre)) / step) + 1)
    trend = ndimage.median_filter(centre, length, mode="nearest")
    filled_in = np.where(np.isfinite(wall), wall, trend[:, None])
    around = ndimage.median_filter(filled_in, (length, 1), mode="nearest")
    around = ndimage.median_filter(around, (1, RAYS // 8), mode="wrap")
    limited = np.clip(filled_in, around / LEAP, around * LEAP)
    limited = np.minimum(limited, 2.0 * trend[:, None])
    return np.asarray(ndimage.gaussian_filter(limited, (max(0.5, 0.2 * length / 2), 1.5), mode=("nearest", "wrap")))


def filled(look: Look, line: Points, way: Points, up: Points, outline: Numbers) -> Mask:
    """Voxels whose centres are within the outlines."""
    most = float(outline.max())
    grid = look.grid
    reach = most / grid.spacing_mm + 1
    index = grid.to_index(line)
    low = np.maximum(np.floor(index.min(axis=0) - reach), 0).astype(int)
    high = np.minimum(np.ceil(index.max(axis=0) + reach) + 1, grid.size).astype(int)
    near = np.zeros(grid.shape, bool)
    near[low[2] : high[2], low[1] : high[1], low[0] : high[0]] = True
    voxels = np.argwhere(near)
    world = grid.to_world(voxels[:, ::-1])
    away, at = cKDTree(line).query(world, distance_upper_bound=most + 1e-6)
    there = np.isfinite(away)
    voxels, world, at = voxels[there], world[there], at[there]
    to = world - line[at]
    ahead = np.einsum("ij,ij->i", to, way[at])
    x = np.einsum("ij,ij->i", to, up[at])
    y = np.einsum("ij,ij->i", to, np.cross(way, up)[at])
    turn = np.arctan2(y, x) / (2 * np.pi) * RAYS % RAYS
    first = turn.astype(int) % RAYS
    part = turn - np.floor(turn)
    wall = (1 - part) * outline[at, first] + part * outline[at, (first + 1) % RAYS]
    step = float(np.linalg.norm(line[1] - line[0]))
    inside = (np.hypot(x, y) < wall) & (np.abs(ahead) <= max(step, 0.5 * float(grid.spacing_mm.max())))
    mask = np.zeros(grid.shape, bool)
    mask[tuple(voxels[inside].T)] = True
    return mask


def _trust(look: Look, line: Points, wall: Numbers, outline: Numbers) -> tuple[float, str]:
    """How sure: walls that were seen and agree, and blood that is as bright as at the clicks."""
    seen = np.isfinite(wall) & (np.abs(wall - outline) < 0.25 * outline + 0.5 * float(look.grid.spacing_mm.max()))
    share = float(seen.mean())
    values = sampled(look.values, look.grid, line)
    faint = float((values < look.tissue + 0.5 * look.contrast).mean())
    thin = 2 * float(np.percentile(outline.mean(axis=1), 5)) / float(look.grid.spacing_mm.max())
    doubts = []
    if share < 0.85:
        doubts.append(f"its wall shows on {100 * share:.0f} % of it only")
    if faint > 0.05:
        doubts.append(f"{100 * faint:.0f} % of the way is fainter than half the contrast: a narrow or closed place")
    if thin < 3:
        doubts.append(f"it is only {thin:.1f} voxels wide at its narrowest")
    confidence = float(np.clip(share * (1 - faint) * min(1.0, 0.7 + 0.1 * thin), 0.05, 0.98))
    return round(confidence, 2), "; ".join(doubts)
