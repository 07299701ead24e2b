"""Ventricles and muscle of the heart in a short-axis cine MR, from one phase of it."""

from __future__ import annotations

from collections.abc import Sequence

from organtwin.model import Frozen, Volume
from organtwin.monitor import Monitor
from organtwin.segment.engine import Engine, Found

STRUCTURES = ("left_ventricle", "myocardium", "right_ventricle")


class CineParameters(Frozen):
    """It needs no parameters."""


ENGINE = Engine(
    name="cine-mr",
    title="Cine MR of the heart",
    licence="Apache-2.0",
    structures=STRUCTURES,
    parameters=CineParameters,
    function="organtwin.segment.cine.engine:segment",
    about=(
        "Left ventricle, its muscle and the right ventricle in short-axis cine MR, bright blood in dark muscle. "
        "Papillary muscles count as cavity. The ventricle has to be near the middle of the picture."
    ),
    modalities=("MR",),
)


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: CineParameters, monitor: Monitor
) -> Sequence[Found]:
    """Masks of the wanted structures.

    Raises
    ------
    BadInput
        When the volume is no stack of thick slices, or no ring of muscle around blood is in it.
    """
    import numpy as np

    from organtwin.segment.cine.heart import find_heart
    from organtwin.segment.cine.stack import Stack

    stack = Stack.of(volume.grid)
    heart = find_heart(stack.slices(np.asarray(volume.values)), stack, monitor)
    return [found for found in heart.found(stack) if structures is None or found.key in structures]
