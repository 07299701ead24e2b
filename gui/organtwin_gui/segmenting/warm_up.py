"""The first stroke must not wait for a compiler: the compiled parts are loaded, or compiled and kept, before it."""

from __future__ import annotations

import numpy as np

from organtwin.edit.canvas import Canvas
from organtwin.edit.edit import Edit
from organtwin.model import Segment
from organtwin.space import Grid
from organtwin_gui.segmenting.surfaces import rough_surfaces


def warm_up() -> int:
    """Strokes and a surface on a tiny scan; returns how many voxels the strokes left."""
    grid = Grid.make((8, 8, 8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    labels = np.zeros(grid.shape, np.uint8)
    canvas = Canvas(grid, labels, (Segment.of(1, "liver", 0.0),), "liver", np.zeros(grid.shape, np.int16), "CT")
    way = {"points_mm": [(3.0, 3.0, 3.0), (4.0, 4.0, 4.0)], "radius_mm": 2.0}
    taken = 0
    for more in ({}, {"normal": (0.0, 0.0, 1.0)}, {"values": (-1.0, 1.0)}, {"erase": True}):
        done = Edit(tool="paint", segment="liver", options=way | more).perform(canvas)
        done.patch.apply(labels)
        taken += sum(done.patch.counts().values())
    rough_surfaces(labels, grid, {"liver": 1}, True)
    return taken
