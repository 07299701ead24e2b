"""The middle lines of a vessel: a tree of branches from its inlet to every other opening, or to where it gets too thin
to be seen."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from organtwin.errors import BadInput
from organtwin.model.base import Array, Frozen, TwinObject


class Branch(Frozen):
    """Points ``first`` to ``last`` (included) of the centreline: from a fork (or the inlet) to the next fork or an end.

    ``parent`` is the index of the branch it leaves, -1 at the inlet; ``cap`` is the opening at its end, "" at a fork and
    where the vessel is lost. The first point of a branch is the last one of its parent.
    ``radius_mm`` is the median along it, ``order`` that of Strahler (1 for those that fork no more); both 0 where nobody
    asked. ``doubt`` says why its name may be wrong.
    """

    name: str
    parent: int
    cap: str
    first: int
    last: int
    radius_mm: float = 0.0
    order: int = 0
    doubt: str = ""


class Finding(Frozen):
    """A narrow or a wide place of a vessel. Lengths in mm, along ``branch`` (an index), from ``start_mm`` to ``stop_mm``
    (``distance_mm`` of the centreline), at its worst at ``at_mm`` and ``point_mm`` (LPS).

    ``diameter_mm`` is that of the circle of the same area at the worst place, ``least_mm`` and ``most_mm`` the caliper
    diameters there, ``reference_mm`` what the diameter would be there without the lesion (from both sides of it).
    Of a stenosis: ``percent_diameter`` and ``percent_area`` of narrowing against the reference, ``nascet_percent`` against the
    vessel beyond it. Of an aneurysm or a dilatation: ``ratio`` to the reference, ``volume_mm3`` of the sac, and the neck before it.
    ``confidence`` 0 to 1; ``why`` says what it rests on and what speaks against it.
    """

    what: Literal["stenosis", "dilatation", "aneurysm"]
    branch: int
    name: str
    at_mm: float
    start_mm: float
    stop_mm: float
    point_mm: tuple[float, float, float]
    diameter_mm: float
    least_mm: float
    most_mm: float
    reference_mm: float
    percent_diameter: float = 0.0
    percent_area: float = 0.0
    nascet_percent: float | None = None
    ratio: float = 1.0
    volume_mm3: float = 0.0
    neck_diameter_mm: float | None = None
    neck_length_mm: float | None = None
    confidence: float = 1.0
    why: str = ""

    @property
    def length_mm(self) -> float:
        return self.stop_mm - self.start_mm


class Centerline(TwinObject):
    """Along each branch, in order of flow: ``points_mm`` (n, 3), ``distance_mm`` (n,) from the inlet along the line,
    ``radius_mm`` (n,) of the largest ball inside, ``area_mm2`` (n,) of the section across the line.

    It belongs to a ``mesh``, to one ``structure`` of a ``segmentation``, or to a ``surface`` (uuids). Veins are followed
    against their flow.

    A vessel that was measured has more, for each point: the unit ``tangent`` (n, 3) along the flow and ``up`` (n, 3) across
    it; the ``outline_mm`` (n, m) distances to the wall at m even angles about the tangent, the first along ``up``, the next
    towards ``tangent x up``; ``least_mm`` and ``most_mm``, the smallest and the largest caliper diameter; ``circularity``
    4 pi area / perimeter²; ``curvature_per_mm``; ``clear`` (n,) bool, whether the section is of this branch alone and not
    partly of its neighbour at a fork or cut short at an end. ``findings`` are its narrow and wide places.
    """

    kind: ClassVar[str] = "centerline"

    mesh: str = ""
    segmentation: str = ""
    structure: str = ""
    inlet: str
    branches: tuple[Branch, ...]
    points_mm: Array
    distance_mm: Array
    radius_mm: Array
    area_mm2: Array
    surface: str = ""
    tangent: Array | None = None
    up: Array | None = None
    outline_mm: Array | None = None
    least_mm: Array | None = None
    most_mm: Array | None = None
    circularity: Array | None = None
    curvature_per_mm: Array | None = None
    clear: Array | None = None
    findings: tuple[Finding, ...] = ()

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if sum(map(bool, (self.mesh, self.segmentation, self.surface))) != 1:
            raise ValueError("a centreline is of a mesh, of a segmentation or of a surface")
        return self

    @property
    def diameter_mm(self) -> NDArray[np.float64]:
        """(n,) diameters of the circles of the same area."""
        return np.asarray(2 * np.sqrt(np.asarray(self.area_mm2) / np.pi))

    def named(self, name: str) -> int:
        """The branch of that name, or that ends at the opening of that name.

        Raises
        ------
        BadInput
            When there is none.
        """
        for index, branch in enumerate(self.branches):
            if name in (branch.name, branch.cap):
                return index
        known = ", ".join(branch.name for branch in self.branches)
        raise BadInput(f"The vessel has no branch '{name}'", remedy=f"There are: {known}.")

    def path(self, cap: str) -> NDArray[np.int64]:
        """Points from the inlet to an opening.

        Raises
        ------
        BadInput
            When no branch ends there.
        """
        at = next((index for index, branch in enumerate(self.branches) if branch.cap == cap), None)
        if at is None:
            known = ", ".join(branch.cap for branch in self.branches if branch.cap)
            raise BadInput(f"No branch of the vessel ends at '{cap}'", remedy=f"There are: {known}.")
        return self.way(at)

    def way(self, branch: int) -> NDArray[np.int64]:
        """Points from the inlet to the end of a branch (its index)."""
        at = branch
        parts: list[NDArray[np.int64]] = []
        while at >= 0:
            one = self.branches[at]
            start = one.first + (one.parent >= 0)  # the fork itself belongs to the parent
            parts.append(np.arange(start, one.last + 1))
            at = one.parent
        return np.concatenate(parts[::-1])
