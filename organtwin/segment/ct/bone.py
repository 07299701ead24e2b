"""Bone with its marrow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from organtwin.segment.ct.context import CTContext


def find_bone(context: CTContext) -> NDArray[np.bool_]:
    """Bone on the working grid."""
    return (context.hu > 220) & context.body
