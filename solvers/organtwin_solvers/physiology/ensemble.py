"""Shapes that every model of an ensemble shares."""

from __future__ import annotations

import numpy as np

from organtwin.physiology.model import Floats


def each_member(drives: Floats, members: int, times: int) -> Floats:
    """Drives (nt, d) or (m, nt, d) as (m, nt, d)."""
    drives = np.asarray(drives, dtype=float)
    if drives.ndim == 2:
        drives = drives[None]
    return np.broadcast_to(drives, (members, times, drives.shape[-1]))
