"""The middle lines of a vessel: a tree of branches from its inlet to every other opening, or to where it gets too thin
to be seen."""

from __future__ import annotations

from typing import ClassVar, Self

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


class Centerline(TwinObject):
    """Along each branch, in order of flow: ``points_mm`` (n, 3), ``distance_mm`` (n,) from the inlet along the line,
    ``radius_mm`` (n,) of the largest ball inside, ``area_mm2`` (n,) of the section across the line.

    It belongs to a ``mesh``, or to one ``structure`` of a ``segmentation`` (uuids). Veins are followed against their flow.
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

    @model_validator(mode="after")
    def _of_something(self) -> Self:
        if bool(self.mesh) == bool(self.segmentation):
            raise ValueError("a centreline is of a mesh or of a segmentation")
        return self

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
        parts: list[NDArray[np.int64]] = []
        while at >= 0:
            branch = self.branches[at]
            start = branch.first + (branch.parent >= 0)  # the fork itself belongs to the parent
            parts.append(np.arange(start, branch.last + 1))
            at = branch.parent
        return np.concatenate(parts[::-1])
