"""A closed triangle surface of one structure."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from organtwin.model.base import Array, TwinObject


class Surface(TwinObject):
    """Triangles in LPS mm, outward oriented.

    ``points_mm`` (n, 3) float64, ``triangles`` (m, 3) int32. ``report`` holds the surface-to-mask error in mm
    (mean_error_mm, p95_error_mm, max_error_mm) and the volume error in percent (volume_error_percent).
    """

    kind: ClassVar[str] = "surface"

    structure: str
    points_mm: Array
    triangles: Array
    frame_uid: str = ""
    report: dict[str, float] = Field(default_factory=dict)
