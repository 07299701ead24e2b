"""Trees as centrelines, to be shown, picked and kept, and back."""

from __future__ import annotations

import numpy as np

from organtwin.liver.trees import Tree, TreeBranch
from organtwin.model import Branch, Centerline


def centerline_of(tree: Tree, *, name: str, segmentation: str, structure: str, inlet: str) -> Centerline:
    """A tree as a :class:`Centerline` of one structure of a segmentation (its uuid)."""
    points, radius, distance, branches = [], [], [], []
    at_end: list[float] = []
    first = 0
    for branch in tree.branches:
        start = at_end[branch.parent] if branch.parent >= 0 else 0.0
        along = start + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(branch.points_mm, axis=0), axis=1))])
        at_end.append(float(along[-1]))
        points.append(branch.points_mm)
        radius.append(branch.radius_mm)
        distance.append(along)
        last = first + len(along) - 1
        branches.append(
            Branch(
                name=branch.name,
                parent=branch.parent,
                cap="",
                first=first,
                last=last,
                radius_mm=float(np.median(branch.radius_mm)),
                order=branch.order,
                doubt=branch.doubt,
            )
        )
        first = last + 1
    radii = np.concatenate(radius)
    return Centerline(
        name=name,
        segmentation=segmentation,
        structure=structure,
        inlet=inlet,
        branches=tuple(branches),
        points_mm=np.concatenate(points),
        distance_mm=np.concatenate(distance),
        radius_mm=radii,
        area_mm2=np.pi * radii**2,
    )


def tree_from(line: Centerline) -> Tree:
    """The tree that a centreline holds."""
    points, radius = np.asarray(line.points_mm), np.asarray(line.radius_mm)
    return Tree(
        tuple(
            TreeBranch(points[b.first : b.last + 1], radius[b.first : b.last + 1], b.parent, b.order, b.name, b.doubt)
            for b in line.branches
        )
    )
