"""The liver engine at work: the organs by the CT engine, then the liver from inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from organtwin.liver.anatomy import Seeds, Vein, examine
from organtwin.liver.region import Region
from organtwin.model import Volume
from organtwin.monitor import Monitor, PartMonitor
from organtwin.segment.ct.automatic import segment as organs
from organtwin.segment.ct.engine import CTParameters
from organtwin.segment.engine import Found
from organtwin.segment.liver.engine import ENGINE, LiverParameters

AROUND = (
    "liver", "spleen", "kidney_right", "kidney_left", "lung_right", "lung_left", "bone",
    "aorta", "heart", "inferior_vena_cava",
)  # fmt: skip


def segment(
    volume: Volume, structures: Sequence[str] | None, parameters: LiverParameters, monitor: Monitor
) -> tuple[Found, ...]:
    """Liver, tumours ("tumour", "tumour_2" ...), portal and hepatic veins; the veins lie on the liver, the tumours on both.

    Raises
    ------
    BadInput
        When the volume is no CT of a body, or its liver is too small a part to be looked into.
    """
    wanted = ENGINE.structures if structures is None else tuple(structures)
    around = {f.key: f for f in organs(volume, AROUND, CTParameters(), PartMonitor(monitor, 0.0, 0.6))}
    liver = around["liver"]
    if liver.mask is None or not liver.mask.any():
        reason = f"the liver was not found: {liver.doubt}"
        return tuple(Found(key, None, None, reason) for key in wanted)
    region = Region.around(np.asarray(volume.values), volume.grid, liver.mask)
    inside = {k: region.inside(f.mask, volume.grid) for k, f in around.items() if f.mask is not None and k != "liver"}
    named = {key: mask for key, mask in inside.items() if mask.any()}
    found = examine(region, region.inside(liver.mask, volume.grid), named, Seeds(), PartMonitor(monitor, 0.6, 0.97))
    taken = np.zeros(volume.grid.shape, bool)
    for key, other in around.items():
        if key != "liver" and other.mask is not None:
            taken |= other.mask
    whole = region.outside(found.liver, volume.grid) & ~taken
    result = [Found("liver", whole, liver.confidence, liver.doubt)]
    for key, vein in (("portal_vein", found.portal), ("hepatic_vein", found.hepatic)):
        result.append(_vein(key, vein, region, volume, taken))
    for number, tumour in enumerate(found.tumours, start=1):
        key = "tumour" if number == 1 else f"tumour_{number}"
        result.append(Found(key, region.outside(tumour.mask, volume.grid) & ~taken, tumour.confidence, tumour.doubt))
    if not found.tumours:
        result.append(Found("tumour", None, None, "nothing round in the liver is darker than it"))
    return tuple(f for f in result if f.key in wanted or f.key.rpartition("_")[0] in wanted)


def _vein(key: str, vein: Vein, region: Region, volume: Volume, taken: np.ndarray) -> Found:
    mask = None if vein.mask is None else region.outside(vein.mask, volume.grid) & ~taken
    return Found(key, mask, vein.confidence, vein.doubt)
