"""A closed line drawn in a plane, filled."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from organtwin.edit.canvas import Canvas, Proposal
from organtwin.edit.fields import Point
from organtwin.edit.places import around
from organtwin.edit.prism import layer_mm, onto_plane, prism
from organtwin.edit.tool import Tool
from organtwin.errors import BadInput
from organtwin.model import Frozen
from organtwin.monitor import Monitor


class ContourOptions(Frozen):
    """``points_mm``: the line, LPS mm; its end joins its beginning. ``normal`` of the plane it was drawn in; None: the plane that
    fits it best. ``thickness_mm``: fill a slab so thick about the plane; None: one layer of voxels. ``erase``: take away."""

    points_mm: Annotated[tuple[Point, ...], Field(min_length=3)]
    normal: Point | None = None
    thickness_mm: Annotated[float, Field(gt=0, le=1000)] | None = None
    erase: bool = False


TOOL = Tool(
    name="contour",
    title="Contour",
    about="Draw a closed line in a slice of any direction; what it holds is added or erased.",
    options=ContourOptions,
    function="organtwin.edit.tools.contour:contour",
    quick=True,
)


def contour(canvas: Canvas, options: ContourOptions, monitor: Monitor) -> Proposal:
    """Voxels of the layer whose centre lies within the line (even-odd rule, so a line that crosses itself leaves holes)."""
    points = np.asarray(options.points_mm, float)
    middle = points.mean(0)
    normal = _normal(points - middle) if options.normal is None else np.asarray(options.normal, float)
    if not np.any(normal):
        raise BadInput("The normal of a plane cannot be zero")
    half = None if options.thickness_mm is None else options.thickness_mm / 2
    depth = layer_mm(canvas.grid, normal) if half is None else (-half, half)
    plane = onto_plane(middle, normal)
    flat = points @ plane[:3, :3].T + plane[:3, 3]
    box = around(canvas.grid, points, depth[1] + float(np.abs(flat[:, 2]).max()))
    mask = prism(canvas.grid, box, flat[:, :2], plane, depth)
    proposal = canvas.take(box, mask) if options.erase else canvas.put(box, mask)
    said = "" if mask.any() else "The line holds the middle of no voxel of this scan; nothing has changed."
    return Proposal(proposal.box, proposal.wanted, said=said)


def _normal(about_middle: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal of the plane that fits best.

    Raises
    ------
    BadInput
        When the points lie on a line.
    """
    _, sizes, axes = np.linalg.svd(about_middle, full_matrices=False)
    if sizes[1] <= 1e-6 * max(sizes[0], 1e-12):
        raise BadInput(
            "The points of this contour lie on one line, so it holds nothing", remedy="Draw around something."
        )
    return np.asarray(axes[2])
