"""A planned resection of an organ: what would be taken, what would stay, and what that costs."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from organtwin.model.base import Array, Frozen, TwinObject
from organtwin.model.fields import GridField
from organtwin.model.result import Quantity
from organtwin.units import Length


class CutVessel(Frozen):
    """A vessel that the cut goes through: the branch's name, where, and how wide it is there."""

    name: str
    at_mm: tuple[float, float, float]
    diameter_mm: float


class ResectionPlan(TwinObject):
    """``taken`` is bool (nk, nj, ni) in the order of ``grid``: the voxels of the organ that would be taken away.

    ``cut_points_mm`` (n, 3) and ``cut_triangles`` (m, 3) are the surface between what is taken and what stays.
    It reaches a few mm beyond the organ, so that it cuts a mesh through; its normals point away from what is taken.
    ``territories`` are the vascular territories taken as a whole; ``tumours`` what it is for; ``margin`` what was asked.
    ``settings`` are those of :class:`organtwin.resection.settings.Settings` with what was found filled in: enough to make
    the plan again and to change it by hand. ``warnings`` are sentences that must not be missed.
    """

    kind: ClassVar[str] = "plan"

    segmentation: str  # uuid
    organ: str
    tumours: tuple[str, ...]
    territories: tuple[str, ...] = ()
    margin: Length
    grid: GridField
    taken: Array
    cut_points_mm: Array
    cut_triangles: Array
    vessels_cut: tuple[CutVessel, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    credibility: dict[str, str] = Field(default_factory=dict)
