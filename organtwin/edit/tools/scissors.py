"""Scissors in 3D: a closed line on the screen cuts all the way through."""

from __future__ import annotations

from typing import Annotated, Literal

import numba
import numpy as np
from pydantic import Field

from organtwin.edit.boxes import box_of, chosen
from organtwin.edit.canvas import Box, Canvas, Proposal
from organtwin.edit.fields import Finite, Matrix, Screen
from organtwin.edit.prism import EVERYWHERE, prism
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor


class ScissorsOptions(Frozen):
    """``line``: corners on the screen, x to the right and y up, each from -1 to 1 over the view; the last joins the first.
    ``to_clip``: the camera as a 4 x 4 matrix, rows first, from LPS mm to clip coordinates (VTK: the composite projection
    transform with near -1 and far 1). ``depth``: only between these depths of the picture, -1 near, 1 far. erase-inside,
    erase-outside: of the segments ``keys``, or the one in hand where there are none; fill-inside: the one in hand."""

    line: Annotated[tuple[Screen, ...], Field(min_length=3)]
    to_clip: Annotated[Matrix, Field(min_length=4, max_length=4)]
    action: Literal["erase-inside", "erase-outside", "fill-inside"] = "erase-inside"
    keys: tuple[str, ...] = ()
    depth: tuple[Finite, Finite] | None = None


TOOL = Tool(
    name="scissors",
    title="Scissors",
    about="Draw a closed line over the 3D view: erase what lies inside it, erase what lies outside, or fill.",
    options=ScissorsOptions,
    function="organtwin.edit.tools.scissors:scissors",
    target=False,
)


def scissors(canvas: Canvas, options: ScissorsOptions, monitor: Monitor) -> Proposal:
    """Voxels whose centre is seen within the line (even-odd rule). What lies behind the eye is not seen."""
    to_clip = np.asarray(options.to_clip, float)
    if abs(np.linalg.det(to_clip)) < 1e-30:
        raise BadInput("The matrix of the camera cannot be inverted, so it shows nothing")
    corners = np.asarray(options.line, float)
    depth = EVERYWHERE
    if options.depth is not None:
        near, far = sorted(options.depth)
        depth = near, far + 1e-9
    fill = options.action == "fill-inside"
    numbers = [canvas.label] if fill or not options.keys else [canvas.label_of(key) for key in options.keys]
    box = _seen(canvas, to_clip, corners, options.depth) if fill else box_of(canvas.labels, *numbers)
    if box is None:
        return Proposal(said="There is nothing to cut.")
    seen = prism(canvas.grid, box, corners, to_clip, depth)
    if fill:
        return canvas.put(box, seen)
    wanted = np.array(canvas.labels[box])
    _erase(wanted, seen, chosen(canvas.labels, numbers), options.action == "erase-inside")
    return canvas.relabelled(box, wanted)


def _seen(canvas: Canvas, to_clip: np.ndarray, corners: np.ndarray, depth: tuple[float, float] | None) -> Box:
    """Box of the part of the grid that can be seen within the line; all of it without a range of depths."""
    if depth is None:
        return canvas.whole
    (left, low), (right, high) = corners.min(0), corners.max(0)
    ends = np.array([(x, y, z, 1.0) for x in (left, right) for y in (low, high) for z in depth])
    back = ends @ np.linalg.inv(to_clip).T
    if (back[:, 3] * back[0, 3] <= 0).any():
        return canvas.whole
    index = canvas.grid.to_index(back[:, :3] / back[:, 3:])
    size = np.asarray(canvas.grid.size)
    first = np.clip(np.floor(index.min(0)), 0, size).astype(int)
    stop = np.clip(np.ceil(index.max(0)) + 1, first, size).astype(int)
    i, j, k = (slice(int(a), int(b)) for a, b in zip(first, stop, strict=True))
    return k, j, i


@numba.njit(cache=True)
def _erase(labels, seen, cut, inside):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = labels.shape
    for k in range(nk):
        for j in range(nj):
            for i in range(ni):
                if seen[k, j, i] == inside and cut[labels[k, j, i]]:
                    labels[k, j, i] = 0
