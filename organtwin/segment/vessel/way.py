"""The cheapest way through a vessel from click to click.

A step costs its length over how much its place looks like blood and like the inside of a tube (Deschamps and Cohen, Med.
Image Anal. 5, 2001, with the line filter of Sato et al.).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.errors import BadInput
from organtwin.liver.vesselness import tubeness
from organtwin.monitor import Monitor
from organtwin.segment.vessel.look import Field, Look, Points
from organtwin.space import Grid

SCALES_MM = (1.0, 1.8, 3.2)
FINEST_MM = 0.6
MOST_VOXELS = 4e6
CALM_ABOVE = 0.3  # of the contrast: so much brighter than at the clicks is still blood
FLOOR = 0.004  # of the speed in blood: the speed where there is none
DARK_WAY = 0.2  # share of a way that may run through what does not look like blood


def between(look: Look, monitor: Monitor) -> Points:
    """(n, 3) points from the first click to the last, through those between.

    Raises
    ------
    BadInput
        When the way leaves the blood: no vessel joins the clicks.
    """
    from skimage.graph import MCP_Geometric

    fine, grid = cubic(look)
    monitor.progress(0.15, "tubes in the scan")
    mm = float(grid.spacing_mm.min())
    tube = tubeness(
        np.minimum(fine, look.too_bright), mm, SCALES_MM, lambda done: monitor.progress(0.15 + 0.25 * done, "tubes")
    )
    speed, like = speeds(look, fine, tube)
    monitor.progress(0.4, "the way between the clicks")
    cost = 1 / (FLOOR + speed)
    places = np.clip(np.rint(grid.to_index(look.clicks_mm)).astype(int), 0, np.asarray(grid.size) - 1)[:, ::-1]
    parts: list[NDArray[np.int64]] = []
    for number, (start, stop) in enumerate(pairwise(places)):
        search = MCP_Geometric(cost)
        search.find_costs([tuple(start)], [tuple(stop)])
        way = np.array(search.traceback(tuple(stop)))
        dark = float((like[tuple(way.T)] < 0.3).mean())
        if dark > DARK_WAY:
            raise BadInput(
                f"No bright vessel leads from click {number + 1} to click {number + 2}: "
                f"{100 * dark:.0f} % of the way is not like the blood at the clicks",
                remedy="Click into the same vessel, or add clicks between.",
            )
        parts.append(way[1:] if parts else way)
        monitor.progress(0.4 + 0.2 * (number + 1) / (len(places) - 1), "the way between the clicks")
    return grid.to_world(np.concatenate(parts)[:, ::-1])


def speeds(look: Look, values: Field, tube: Field) -> tuple[Field, Field]:
    """How fast a front goes in each voxel, and how much it looks like blood, both 0 to 1."""
    low, high = float(look.blood.min()), float(look.blood.max())
    width = 0.25 * look.contrast + look.noise
    under = np.clip((low - values) / width, 0, None)
    over = np.clip((values - high) / (CALM_ABOVE * look.contrast + look.noise), 0, None)
    like = np.exp(-0.5 * (under**2 + over**2)).astype(np.float32)
    inside = np.clip(tube / (0.5 * look.contrast), 0, 1)
    return (like**2 * (0.4 + 0.6 * inside)).astype(np.float32), like


def cubic(look: Look, most: float = MOST_VOXELS) -> tuple[Field, Grid]:
    """The values on cubes, as fine as the finest axis, but for a large box."""
    extent = np.asarray(look.grid.size) * look.grid.spacing_mm
    mm = max(float(look.grid.spacing_mm.min()), FINEST_MM, float((extent.prod() / most) ** (1 / 3)))
    grid = look.grid.with_spacing((mm, mm, mm))
    soft = np.maximum(0.5 * (grid.spacing_mm / look.grid.spacing_mm - 1), 0)[::-1]
    calm = ndimage.gaussian_filter(look.values, soft) if soft.any() else look.values
    matrix = (look.grid.inverse @ grid.affine)[:3][:, [2, 1, 0, 3]][[2, 1, 0]]
    fine = ndimage.affine_transform(
        calm, matrix[:, :3], matrix[:, 3], output_shape=grid.shape, order=1, mode="nearest", output=np.float32
    )
    return fine, grid
