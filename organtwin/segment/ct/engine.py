"""The automatic contrast-CT engine: which structures it finds, and in which order they lean on each other."""

from __future__ import annotations

from organtwin.model import Frozen
from organtwin.segment.engine import Engine


class CTParameters(Frozen):
    """``least_confidence``: what is less sure than this is not painted, but named as not found."""

    least_confidence: float = 0.4


ENGINE = Engine(
    name="ct",
    title="Contrast CT, automatic",
    licence="Apache-2.0",
    structures=(
        "body", "lung_right", "lung_left", "bone",
        "aorta", "aorta_true_lumen", "aorta_false_lumen", "heart",
        "pulmonary_artery", "superior_vena_cava", "inferior_vena_cava",
        "brachiocephalic_trunk", "carotid_left", "subclavian_left", "blood_pool",
        "liver", "spleen", "kidney_right", "kidney_left",
    ),
    parameters=CTParameters,
    function="organtwin.segment.ct.automatic:segment",
    about="Great vessels, heart, lungs, bone and upper abdominal organs of a CT of the trunk. Made for contrast; without it, "
    "organs are found with less confidence and vessels are not painted.",
)  # fmt: skip
