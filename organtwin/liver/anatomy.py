"""The liver from inside, all in one: its mask repaired, tumours, and portal and hepatic veins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.segmentation import watershed

from organtwin.errors import BadInput
from organtwin.liver.names import hepatic_names, portal_names
from organtwin.liver.region import Mask, Region
from organtwin.liver.repair import repaired
from organtwin.liver.roots import hepatic_roots, picked, portal_roots
from organtwin.liver.separation import grow
from organtwin.liver.skeleton import Graph, Skeleton
from organtwin.liver.supply import supply_of
from organtwin.liver.tissue import Parenchyma
from organtwin.liver.trees import Tree, tree_of
from organtwin.liver.tumours import Tumour, find_tumours
from organtwin.liver.vessels import find_vessels
from organtwin.monitor import Monitor

BLOOD_KEYS = ("aorta", "heart", "inferior_vena_cava")
WALLS = ("lung_right", "lung_left", "heart", "inferior_vena_cava")
NOISE_MM = 1.5
BLOOD_SPREADS, BLOOD_MARGIN_HU = 1.9, 40.0  # of its noise, and by how much one vein may be brighter than another
NO_BLOOD_HU = 400.0


@dataclass(frozen=True)
class Seeds:
    """Places that a person picked, as voxels (n, 3) k, j, i; None where nobody did."""

    portal: NDArray[np.int64] | None = None
    hepatic: NDArray[np.int64] | None = None
    tumour: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class Vein:
    """``mask`` (nk, nj, ni) or None where it was not found; ``doubt`` says why, or why the confidence is not higher."""

    mask: Mask | None
    confidence: float | None
    doubt: str
    tree: Tree | None = None


@dataclass(frozen=True)
class Anatomy:
    """All on the region's grid; ``liver`` with its tumours and the vessels in it."""

    liver: Mask
    tumours: tuple[Tumour, ...]
    portal: Vein
    hepatic: Vein
    notes: tuple[str, ...]


def examine(region: Region, liver: Mask, named: Mapping[str, Mask], seeds: Seeds, monitor: Monitor) -> Anatomy:
    """Find what is in a liver.

    Parameters
    ----------
    liver : (nk, nj, ni) bool
        As it was segmented.
    named : mapping of str to (nk, nj, ni) bool
        Other structures by their keys, on the region's grid.

    Raises
    ------
    BadInput
        When there is too little liver.
    """
    smooth = ndimage.gaussian_filter(region.hu, NOISE_MM / region.mm, truncate=3)
    monitor.progress(0.1, "repairing the liver's mask")
    others = _union(named, tuple(named), liver.shape)
    whole = repaired(region, smooth, liver, _union(named, WALLS, liver.shape), others)
    monitor.progress(0.25, "brightness of healthy liver")
    parenchyma = Parenchyma.of(region, smooth, whole)
    blood = blood_hu(region, named)
    monitor.progress(0.3, "tumours")
    tumours = find_tumours(region, parenchyma, whole, blood, seeds.tumour)
    tumour = np.any([t.mask for t in tumours], axis=0) if tumours else np.zeros_like(whole)
    monitor.progress(0.5, "vessels")
    found = find_vessels(
        region, parenchyma, whole, tumour, others, blood, lambda done: monitor.progress(0.5 + 0.25 * done, "vessels")
    )
    if isinstance(found, str):
        return Anatomy(whole, tuple(tumours), Vein(None, None, found), Vein(None, None, found), ())
    monitor.progress(0.75, "middle lines of the vessels")
    vessels = found.inside | found.trunk
    skeleton = Skeleton.of(region, vessels)
    monitor.progress(0.85, "portal and hepatic veins")
    cava, heart = named.get("inferior_vena_cava"), named.get("heart")
    if seeds.portal is not None:
        portal_at = picked(skeleton, seeds.portal, region.mm)
    else:
        portal_at = portal_roots(region, skeleton, whole, found.trunk, cava)
    hepatic_at: list[int] = []
    if seeds.hepatic is not None:
        hepatic_at = picked(skeleton, seeds.hepatic, region.mm)
    elif cava is not None:
        hepatic_at = [r for r in hepatic_roots(region, skeleton, found.inside, cava, heart) if r not in portal_at]
    graph = Graph.of(skeleton, region.mm, [*portal_at, *hepatic_at])
    roots = [sorted(set(graph.node_of[at].tolist())) for at in (portal_at, hepatic_at)]
    grown = grow(graph, roots, region.mm)
    markers = np.zeros(whole.shape, np.int32)
    for edge, tree in zip(graph.edges, grown.tree, strict=True):
        markers[tuple(graph.skeleton.voxels[edge.path].T)] = tree + 1 if tree >= 0 else 3
    owner = watershed(-region.depth(vessels), markers, mask=vessels)
    places, each = _places(region, whole)
    trees = [tree_of(region, graph, grown, number) for number in (0, 1)]
    portal = _vein(
        owner == 1, trees[0], seeds.portal is not None, "the portal vein was not found where it enters the liver"
    )
    if portal.tree is not None:
        portal = replace(portal, tree=portal_names(portal.tree, supply_of(portal.tree, places, each)))
    missing = "no vessel was seen to open into the vena cava"
    if cava is None:
        missing = "the vena cava, where they end, is not in the segmentation"
    hepatic = _vein(owner == 2, trees[1], seeds.hepatic is not None, missing)
    if hepatic.tree is not None:
        hepatic = replace(hepatic, tree=hepatic_names(hepatic.tree, supply_of(hepatic.tree, places, each)))
    loose = np.count_nonzero(owner == 3) * region.voxel_ml
    notes = (
        (f"{loose:.1f} mL of loose pieces of vessels belong to neither tree and were left out.",) if loose > 0.5 else ()
    )
    return Anatomy(whole, tuple(tumours), portal, hepatic, notes)


def blood_hu(region: Region, named: Mapping[str, Mask]) -> float:
    """The brightest that blood is: what is brighter in the liver is calcium, or a contrast agent that stayed.

    The middle of each vessel and its noise, so that calcium in its wall does not count.
    """
    deep = [region.hu[region.shrunk(named[key], 2.0)] for key in BLOOD_KEYS if key in named]
    levels = [float(np.median(hu)) + BLOOD_SPREADS * _spread(hu) + BLOOD_MARGIN_HU for hu in deep if hu.size]
    return max(levels, default=NO_BLOOD_HU)


def _spread(hu: NDArray[np.float32]) -> float:
    """A standard deviation that stray values do not move."""
    return 1.4826 * float(np.median(np.abs(hu - np.median(hu))))


def portal_tree(
    region: Region, portal: Mask, liver: Mask, cava: Mask | None, seeds: NDArray[np.int64] | None = None
) -> Tree:
    """The portal tree, with names, from the voxels of the portal vein.

    Raises
    ------
    BadInput
        When no trunk is found to begin at.
    """
    skeleton = Skeleton.of(region, portal)
    if seeds is not None:
        roots = picked(skeleton, seeds, region.mm)
    else:
        roots = portal_roots(region, skeleton, liver, portal & ~liver, cava)
    if not roots:
        raise BadInput("No trunk of the portal vein was found", remedy="Pick the place where it enters the liver.")
    graph = Graph.of(skeleton, region.mm, roots)
    tree = tree_of(region, graph, grow(graph, [sorted(set(graph.node_of[roots].tolist()))], region.mm), 0)
    return portal_names(tree, supply_of(tree, *_places(region, liver)))


def _places(region: Region, liver: Mask) -> tuple[NDArray[np.float64], float]:
    """Places all over the liver, and the mL that each stands for."""
    step = max(1, round(3.0 / region.mm))
    return region.world(np.argwhere(liver[::step, ::step, ::step]) * step), step**3 * region.voxel_ml


def _vein(mask: Mask, tree: Tree, picked: bool, missing: str) -> Vein:
    if not tree.branches or not mask.any():
        return Vein(None, None, f"{missing}: pick the place where it begins")
    return Vein(
        mask, None if picked else 0.7, "where portal and hepatic veins touch, shape and direction tell them apart", tree
    )


def _union(named: Mapping[str, Mask], keys: tuple[str, ...], shape: tuple[int, ...]) -> Mask:
    out = np.zeros(shape, bool)
    for key in keys:
        if key in named:
            out |= named[key]
    return out
