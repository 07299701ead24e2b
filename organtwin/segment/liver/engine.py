"""The automatic liver engine: organ, tumours, portal and hepatic veins in a contrast CT."""

from __future__ import annotations

from organtwin.model import Frozen
from organtwin.segment.engine import Engine


class LiverParameters(Frozen):
    """Nothing to choose."""


ENGINE = Engine(
    name="liver",
    title="Liver, its vessels and tumours",
    licence="Apache-2.0",
    structures=("liver", "tumour", "portal_vein", "hepatic_vein"),
    parameters=LiverParameters,
    function="organtwin.segment.liver.automatic:segment",
    about="Finds the liver and what surrounds it, then its tumours and the two trees of veins. Needs a contrast CT, best in the portal phase.",
    modalities=("CT",),
)
