"""What a cut does to the vessels: which are cut and how wide they are there, and what of the remnant they leave without
blood.

A voxel of the organ belongs to the nearest place of a vessel (as vascular territories are made). Where the way from
that place to the root of the vessel goes through what is taken, or the place itself is taken, the voxel has lost that
vessel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from organtwin.model.resection_plan import CutVessel
from organtwin.resection.anatomy import CAVA, Anatomy, Tree
from organtwin.resection.cut import Cut
from organtwin.resection.distance import Mask, places, voxel_of

SMALLEST_MM = 1.5
_TOUCHING = np.ones((3, 3, 3), bool)


def vessels_cut(anatomy: Anatomy, cut: Cut) -> tuple[CutVessel, ...]:
    """The vessels that the cut goes through, the widest first: by the branches of the trees where there are trees, else each
    place where the voxels of a vessel pass from one side to the other."""
    found: list[CutVessel] = []
    with_tree = {tree.vessel for tree in anatomy.trees}
    for tree in anatomy.trees:
        found += _branches_cut(anatomy, cut, tree)
    for key in anatomy.vessels:
        if key not in with_tree:
            found += _places_cut(anatomy, cut, key)
    return tuple(sorted((v for v in found if v.diameter_mm >= SMALLEST_MM), key=lambda v: -v.diameter_mm))


def without(anatomy: Anatomy, cut: Cut, key: str) -> NDArray[np.bool_]:
    """For each voxel of the organ on :attr:`Anatomy.thin`: whether it has lost this vessel."""
    tree = next((t for t in anatomy.trees if t.vessel == key), None)
    if tree is not None:
        lost = _lost_points(anatomy, cut, tree)
        return np.asarray(lost[anatomy.nearest_of_tree(tree)])
    flat, nearest = anatomy.nearest_vessel(key)
    return np.asarray(_lost_voxels(anatomy, cut, key).ravel()[flat][nearest])


def lost_ml(anatomy: Anatomy, cut: Cut, keys: tuple[str, ...]) -> float:
    """Volume of the remnant that has lost at least one of these vessels."""
    own = anatomy.organ[anatomy.thin]
    stays = ~cut.taken[anatomy.thin][own]
    if not stays.any():
        return 0.0
    lost = np.logical_or.reduce([without(anatomy, cut, key) for key in keys])
    remnant = float(np.count_nonzero(anatomy.organ & ~cut.taken)) * anatomy.voxel_ml
    return remnant * float((lost & stays).sum()) / float(stays.sum())


def _lost_voxels(anatomy: Anatomy, cut: Cut, key: str) -> Mask:
    """Voxels of a vessel that are taken, or that no longer hang together with its root."""
    mask, root = anatomy.vessels[key], anatomy.roots(key)
    left = mask & ~cut.taken
    before = _with_root(mask, root)
    after = _with_root(left, root & left)
    return np.asarray(mask & (cut.taken | (before & ~after)))


def _with_root(mask: Mask, root: Mask) -> Mask:
    number, count = ndimage.label(mask, structure=_TOUCHING)
    held = np.zeros(count + 1, bool)
    held[np.unique(number[root])] = True
    held[0] = False
    return np.asarray(held[number])


def _is_taken(cut: Cut, anatomy: Anatomy, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(cut.taken[voxel_of(anatomy.grid, points_mm)])


def _lost_points(anatomy: Anatomy, cut: Cut, tree: Tree) -> NDArray[np.bool_]:
    lost = _is_taken(cut, anatomy, tree.points_mm)
    while True:  # carried from each point to those behind it, however the points are ordered
        carried = lost | ((tree.before >= 0) & lost[tree.before])
        if (carried == lost).all():
            return lost
        lost = carried


def _branches_cut(anatomy: Anatomy, cut: Cut, tree: Tree) -> list[CutVessel]:
    """Each branch once, at the first place from the root where it goes over the cut."""
    taken = _is_taken(cut, anatomy, tree.points_mm)
    behind = np.flatnonzero(tree.before >= 0)
    crossing = behind[taken[behind] != taken[tree.before[behind]]]
    found: dict[str, CutVessel] = {}
    for n in crossing:
        branch = tree.branch[n] or f"{anatomy.known(tree.vessel)} branch"
        if branch not in found:
            at = 0.5 * (tree.points_mm[n] + tree.points_mm[tree.before[n]])
            vessel = anatomy.known(tree.vessel)
            stem = vessel.lower().removesuffix("s")
            name = branch if stem in branch.lower() else f"{vessel}: {branch}"
            name = name[:1].upper() + name[1:]
            found[branch] = CutVessel(name=name, at_mm=_triple(at), diameter_mm=round(2 * float(tree.radius_mm[n]), 2))
    return list(found.values())


def _places_cut(anatomy: Anatomy, cut: Cut, key: str) -> list[CutVessel]:
    mask = anatomy.vessels[key]
    within = mask & anatomy.organ
    if not (within & cut.taken).any() or (key == CAVA and not (mask & cut.taken).any()):
        return []
    band = within & (np.abs(cut.field) <= 1.2 * anatomy.voxel_mm)
    number, _ = ndimage.label(band, structure=_TOUCHING)
    depth = -anatomy.vessel_mm(key)
    found = []
    for n, box in enumerate(ndimage.find_objects(number), start=1):
        here = number[box] == n
        gone = cut.taken[box][here]
        if gone.all() or not gone.any():
            continue
        wide = 2.0 * float(depth[box][here].max())
        at = places(number == n, anatomy.grid).mean(axis=0)
        found.append(CutVessel(name=anatomy.known(key), at_mm=_triple(at), diameter_mm=round(max(wide, 0.0), 2)))
    if len(found) > 1:
        found.sort(key=lambda v: -v.diameter_mm)
        found = [v.model_copy(update={"name": f"{v.name} ({n})"}) for n, v in enumerate(found, start=1)]
    return found


def _triple(vector: NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = (round(float(v), 2) for v in vector)
    return x, y, z
