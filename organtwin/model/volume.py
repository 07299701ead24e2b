"""A scan: values on a grid."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from organtwin.model.base import Array, TwinObject
from organtwin.model.fields import GridField


class Volume(TwinObject):
    """A 3D image.

    ``values`` has shape (nk, nj, ni) in the order of ``grid``; CT is in Hounsfield units (int16 where it fits).
    """

    kind: ClassVar[str] = "volume"

    grid: GridField
    values: Array
    modality: str = "OT"
    value_unit: str = ""
    window: tuple[float, float] | None = None  # (level, width) proposed by the file
    acquisition: dict[str, str] = Field(
        default_factory=dict
    )  # de-identified facts: kernel, phase, contrast, study date shifted
