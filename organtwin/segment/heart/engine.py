"""The heart engine: which structures it finds, and what it needs."""

from __future__ import annotations

from organtwin.model import Frozen
from organtwin.segment.engine import Engine


class HeartParameters(Frozen):
    """``least_confidence``: what is less sure than this is not painted, but named as not found."""

    least_confidence: float = 0.3


ENGINE = Engine(
    name="ct-heart",
    title="Heart chambers in contrast CT",
    licence="Apache-2.0",
    structures=(
        "left_ventricle", "right_ventricle", "left_atrium", "right_atrium", "myocardium", "aortic_root",
    ),
    parameters=HeartParameters,
    function="organtwin.segment.heart.automatic:segment",
    about="Chambers, left myocardium and aortic root. Needs contrast in the chambers, the aortic root in view and lungs beside it.",
    modalities=("CT",),
)  # fmt: skip
