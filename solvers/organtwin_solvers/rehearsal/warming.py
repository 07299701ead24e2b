"""Having all compiled that a cut needs, before the clock starts."""

from __future__ import annotations

from itertools import permutations

import numpy as np

from organtwin.mesh import quality
from organtwin.mesh.cutting import blade, cut
from organtwin.model.tissue_case import Material
from organtwin_solvers.rehearsal.body import Body
from organtwin_solvers.rehearsal.carried import Carried, Skin
from organtwin_solvers.rehearsal.laws import Elastic
from organtwin_solvers.rehearsal.pieces import pieces_of


def warm_up() -> None:
    """Have everything that a cut needs compiled, by cutting a cube: the first time takes some seconds."""
    corners = np.stack(np.meshgrid(*3 * [np.arange(3.0)], indexing="ij"), axis=-1).reshape(-1, 3)
    number = np.arange(27).reshape(3, 3, 3)
    base = np.stack(np.meshgrid(*3 * [np.arange(2)], indexing="ij"), axis=-1).reshape(-1, 3)
    tets = []
    for axes in permutations(range(3)):
        steps = np.cumsum([np.zeros(3, int), *np.eye(3, dtype=int)[list(axes)]], axis=0)
        tets.append(np.stack([number[tuple((base + step).T)] for step in steps], axis=1))
    filled = quality.oriented(corners, np.concatenate(tets))
    skin = quality.boundary(filled)
    kinds = np.zeros(len(skin), np.uint8)
    body = Body(corners, filled, np.zeros(len(filled), np.int16), (Elastic.of(Material()),), skin, kinds)
    ends = np.array([[0.9, -1.0, 2.0], [1.1, 3.0, 2.0]])
    (sheet,) = blade(ends, np.tile([0.0, 0.0, -1.0], (2, 1)), 3.0, 1.0, 0.5, 0.5)
    made = cut(corners, filled, skin, sheet)
    rest = made.carry(corners)
    triangle = np.array([[0.3, 1.1, 1.2], [1.7, 1.1, 1.2], [2.5, 1.4, 1.4]])
    thing = Carried.bound("", "vessel", triangle, np.array([[0, 1, 2]], np.int32), body)
    hit, _ = thing.crossed(sheet, thing.positions(corners), made.near)
    thing.after(made, rest, Skin(rest, made.triangles, made.triangle_parent >= 0), made.crumbs, hit)
    pieces_of(body)
