"""What an edit may touch."""

from __future__ import annotations

from typing import Literal

from organtwin.edit.fields import Range
from organtwin.model import Frozen


class Rules(Frozen):
    """``inside``: keys of the segments whose voxels may change; "" among them is the background; None: everywhere.
    ``values``: only voxels whose scan value lies in this range, ends included, None an open end.
    ``over``: whether a tool takes voxels from other segments ("any") or only from the background ("background").

    Locked segments neither lose nor gain a voxel, whatever the rules say.
    """

    inside: tuple[str, ...] | None = None
    values: Range | None = None
    over: Literal["any", "background"] = "any"
