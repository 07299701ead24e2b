"""What holds and draws the tissue: held points, springs of what surrounds it, threads, and forces of contact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from organtwin.model import OrganMesh
from organtwin.model.rehearsal import Scene
from organtwin.model.tissue_case import Spring
from organtwin.units import parse

Points = NDArray[np.float64]
Nodes = NDArray[np.int32]


@dataclass(frozen=True)
class Held:
    """Points (k,) that are at ``targets_mm`` (k, 3) at the end of a step, whatever pulls at them."""

    nodes: Nodes
    targets_mm: Points

    def on(self, origin: NDArray[np.integer]) -> Held:
        """The same on the points of a body whose point i was point ``origin[i]`` of the one before."""
        now, before = _follow(self.nodes, origin)
        return Held(now, self.targets_mm[before])


def _follow(nodes: Nodes, origin: NDArray[np.integer]) -> tuple[Nodes, NDArray[np.int64]]:
    """New points (k,) that were one of ``nodes``, and which of them each was."""
    place = np.full(
        max(int(origin.max(initial=-1)), int(nodes.max(initial=-1))) + 2, -1, np.int64
    )  # the last is for -1
    place[nodes] = np.arange(len(nodes))
    which = place[origin]
    now = np.flatnonzero(which >= 0)
    return now.astype(np.int32), which[now]


@dataclass(frozen=True)
class Springs:
    """Springs from points (k,) to the places ``rest_mm`` (k, 3): ``stiffness`` (k,) in g/s^2, in every direction, or
    along ``normals`` (k, 3) only."""

    nodes: Nodes
    stiffness: NDArray[np.float64]
    rest_mm: Points
    normals: Points | None = None

    @classmethod
    def of(cls, organ: OrganMesh, spring: Spring) -> Springs:
        """Of a region of the surface: each point bears a third of the triangles around it."""
        from organtwin_solvers.tissue.regions import triangles

        corners = np.asarray(organ.boundary_triangles)[triangles(organ, spring.region, "region of springs")]
        p = np.asarray(organ.points_mm, float)[corners]
        area = np.cross(p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]) / 6.0  # a third of it, along the normal
        spread = np.zeros((len(organ.points_mm), 3))
        size = np.zeros(len(organ.points_mm))
        for k in range(3):
            np.add.at(spread, corners[:, k], area)
            np.add.at(size, corners[:, k], np.linalg.norm(area, axis=1))
        nodes = np.unique(corners).astype(np.int32)
        length = np.linalg.norm(spread[nodes], axis=1, keepdims=True)
        normals = spread[nodes] / np.maximum(length, 1e-300) if spring.normal_only else None
        stiffness = size[nodes] * parse(spring.stiffness, "foundation")
        return cls(nodes, stiffness, np.asarray(organ.points_mm, float)[nodes], normals)

    def on(self, origin: NDArray[np.integer]) -> Springs:
        """The same on another body; a point that was doubled shares its spring."""
        now, before = _follow(self.nodes, origin)
        shares = np.bincount(before, minlength=len(self.nodes))
        normals = None if self.normals is None else self.normals[before]
        return Springs(now, (self.stiffness / np.maximum(shares, 1))[before], self.rest_mm[before], normals)


@dataclass(frozen=True)
class Link:
    """A thread that draws two weighted means of points together: ``stiffness`` in g/s^2, ``length_mm`` when slack ends."""

    nodes_a: Nodes
    weights_a: NDArray[np.float64]
    nodes_b: Nodes
    weights_b: NDArray[np.float64]
    stiffness: float
    length_mm: float = 0.0

    def on(self, origin: NDArray[np.integer]) -> Link | None:
        """The same on another body, or None when one end is gone."""
        ends = []
        for nodes, weights in ((self.nodes_a, self.weights_a), (self.nodes_b, self.weights_b)):
            now, before = _follow(np.asarray(nodes), origin)
            if not len(now):
                return None
            share = np.asarray(weights)[before]
            ends += [now, share / share.sum()]
        return Link(*ends, self.stiffness, self.length_mm)


class NodalLoad(Protocol):
    """Forces on points that depend on where these are, such as contact."""

    def begin(self, x: Points, v: Points, dt: float) -> None:
        """Once, before a step from ``x`` (n, 3) with velocity ``v``."""

    def evaluate(self, x: Points) -> tuple[Nodes, Points, NDArray[np.float64]]:
        """Points (k,) int32, forces on them (k, 3), and stiffness (k, 3, 3): how the force falls as the point moves, symmetric
        and not negative. Entries of one point add up."""

    def missed(self, x: Points) -> bool:
        """Whether points went so far into something in this step, without having been pushed before, that the step must go on."""


def held_by(organ: OrganMesh, scene: Scene) -> dict[str, Held]:
    """The fixed regions of a scene as held points, named "fixed 1" and so on."""
    from organtwin_solvers.tissue.regions import triangles

    held = {}
    for i, region in enumerate(scene.fixed, 1):
        nodes = np.unique(np.asarray(organ.boundary_triangles)[triangles(organ, region, "fixed region")])
        held[f"fixed {i}"] = Held(nodes.astype(np.int32), np.asarray(organ.points_mm, float)[nodes])
    return held
