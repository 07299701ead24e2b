"""Cut by a plane: what lies on one side goes, or becomes a segment of its own."""

from __future__ import annotations

from typing import Literal

import numba
import numpy as np
from numpy.typing import NDArray

from organtwin.edit.boxes import box_of, chosen, shape_of, start_of
from organtwin.edit.canvas import Box, Canvas, Mask, Proposal
from organtwin.edit.fields import Point
from organtwin.edit.segments import free_name, new_segment
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor
from organtwin.space import Grid


class CutPlaneOptions(Frozen):
    """The plane through ``point_mm`` across ``normal``. remove: what lies on the side that the normal points to goes (``side``
    "behind": the other one); split: it becomes a new segment. ``keys``: the segments to cut; none: the one in hand."""

    point_mm: Point
    normal: Point
    action: Literal["remove", "split"] = "remove"
    side: Literal["front", "behind"] = "front"
    keys: tuple[str, ...] = ()


TOOL = Tool(
    name="cut-plane",
    title="Cut by plane",
    about="Remove what lies on one side of a plane, or make it a segment of its own.",
    options=CutPlaneOptions,
    function="organtwin.edit.tools.cut_plane:cut_plane",
    target=False,
)


def cut_plane(canvas: Canvas, options: CutPlaneOptions, monitor: Monitor) -> Proposal:
    """Voxels whose centre lies on that side (on the plane: in front)."""
    normal = np.asarray(options.normal, float)
    if not np.any(normal):
        raise BadInput("The normal of a plane cannot be zero")
    keys = options.keys or (canvas.target,)
    numbers = [canvas.label_of(key) for key in keys]
    box = box_of(canvas.labels, *numbers)
    if box is None:
        return Proposal(said="There is nothing to cut.")
    old = canvas.labels[box]
    aside = in_front(canvas.grid, box, np.asarray(options.point_mm, float), normal / np.linalg.norm(normal))
    if options.side == "behind":
        aside = ~aside
    aside &= chosen(old, numbers)[old]
    if not aside.any():
        return Proposal(said="Nothing lies on that side of the plane.")
    if options.action == "remove":
        return Proposal(box, np.where(aside, old.dtype.type(0), old))
    table = canvas.segments
    heirs = np.arange(2**16).astype(np.uint16)
    for key, number in zip(keys, numbers, strict=True):
        mine = next(s for s in canvas.segments if s.key == key)
        meets = aside & (old == number)
        if mine.locked or not meets.any():
            continue
        if meets.sum() == (old == number).sum() and len(keys) == 1:
            return Proposal(said=f"All of '{mine.name}' lies on that side of the plane.")
        made = new_segment(table, name=free_name(table, f"{mine.name}, cut"))
        table, heirs[number] = (*table, made), made.label
    wanted = np.where(aside, heirs[old], old)
    narrow = max(s.label for s in table) <= np.iinfo(old.dtype).max
    return Proposal(box, wanted.astype(old.dtype) if narrow else wanted, table)


def in_front(grid: Grid, box: Box, point_mm: NDArray[np.float64], normal: NDArray[np.float64]) -> Mask:
    """Which voxels of a box lie on the side of a plane that its unit normal points to."""
    first = float((grid.to_world(start_of(box)) - point_mm) @ normal)
    along = grid.affine[:3, :3].T @ normal  # mm a step along i, j, k
    front: Mask = np.zeros(shape_of(box), bool)
    _fill(front, first + 1e-9 * float(np.abs(along).max()), along)
    return front


@numba.njit(cache=True)
def _fill(front, first, along):  # type: ignore[no-untyped-def]  # pragma: no cover
    nk, nj, ni = front.shape
    for k in range(nk):
        for j in range(nj):
            at = first + k * along[2] + j * along[1]
            for i in range(ni):
                front[k, j, i] = at + i * along[0] >= 0
