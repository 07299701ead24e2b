"""What each branch of a tree feeds or drains, and where a tree divides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from organtwin.liver.trees import Points, Tree

STEP_MM = 1.0  # middle lines are sampled so densely
MAJOR = 0.13  # of what a stem feeds: a smaller branch is a side branch, not a division
MAJOR_ROOT = 0.05


@dataclass(frozen=True)
class Supply:
    """``volume`` (branches,) of what is nearest to each branch alone, ``centre_mm`` (branches, 3) of it; with all
    below: ``whole``."""

    volume: Points
    centre_mm: Points
    whole: Points
    whole_centre_mm: Points


def samples(tree: Tree, branches: Sequence[int]) -> tuple[Points, NDArray[np.int64]]:
    """Points along branches about :data:`STEP_MM` apart, (n, 3), and the branch of each."""
    points, owner = [np.empty((0, 3))], [np.empty(0, np.int64)]
    for number in branches:
        line = tree.branches[number].points_mm
        steps = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        place = np.linspace(0, steps[-1], max(2, int(np.ceil(steps[-1] / STEP_MM)) + 1))
        if tree.branches[number].parent >= 0:
            place = place[1:]  # the fork is the parent's
        points.append(np.stack([np.interp(place, steps, line[:, axis]) for axis in range(3)], axis=1))
        owner.append(np.full(len(place), number))
    return np.concatenate(points), np.concatenate(owner)


def nearest(tree: Tree, branches: Sequence[int], places_mm: Points) -> NDArray[np.int64]:
    """The branch that is nearest to each place, among those given.

    The distance is the straight one to the branch's middle line. Branches run inside the liver, which is nearly convex around
    each of them, and what a branch feeds is compact. Selle et al. 2002 ("Analysis of vasculature for liver surgical
    planning", IEEE Trans. Med. Imaging 21:1344) divide the liver by such a rule; it is an estimate, and better the
    further a tree can be followed.
    """
    points, owner = samples(tree, branches)
    return np.asarray(owner[cKDTree(points).query(places_mm)[1]])


def supply_of(tree: Tree, places_mm: Points, volume_each: float) -> Supply:
    """Share out places (n, 3) of the organ among all branches."""
    count = len(tree.branches)
    owner = nearest(tree, range(count), places_mm)
    volume = np.bincount(owner, minlength=count).astype(np.float64) * volume_each
    total = np.stack([np.bincount(owner, places_mm[:, axis], count) for axis in range(3)], axis=1) * volume_each
    whole, whole_total = volume.copy(), total.copy()
    for number in range(count - 1, -1, -1):
        parent = tree.branches[number].parent
        if parent >= 0:
            whole[parent] += whole[number]
            whole_total[parent] += whole_total[number]
    ends = np.array([branch.points_mm[-1] for branch in tree.branches]).reshape(-1, 3)

    def centres(sums: Points, of: Points) -> Points:
        return np.where(of[:, None] > 0, sums / np.maximum(of, 1e-9)[:, None], ends)

    return Supply(volume, centres(total, volume), whole, centres(whole_total, whole))


@dataclass(frozen=True)
class Division:
    """A stem: the branches from ``head`` to where it divides, and the heads that come of it (none: it only has side
    branches)."""

    head: int
    stem: tuple[int, ...]
    heads: tuple[int, ...]


def division(tree: Tree, supply: Supply, head: int) -> Division:
    """Follow a branch past side branches to the first fork of which two parts feed at least :data:`MAJOR` of it."""
    stem, children = [head], tree.children
    while True:
        major = [c for c in children[stem[-1]] if supply.whole[c] >= MAJOR * supply.whole[head]]
        if len(major) > 1:
            return Division(head, tuple(stem), tuple(major))
        if not major:
            return Division(head, tuple(stem), ())
        stem.append(major[0])


def major_roots(tree: Tree, supply: Supply) -> list[int]:
    """The roots that feed enough to count; the largest where none does."""
    total = sum(supply.whole[r] for r in tree.roots)
    return [r for r in tree.roots if supply.whole[r] >= MAJOR_ROOT * total] or sorted(
        tree.roots, key=lambda r: -supply.whole[r]
    )[:1]
