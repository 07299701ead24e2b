"""The liver of a real portal-phase CT: two tumours, two trees that hang together, territories. No truth is at hand:
what anatomy allows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from organtwin.liver.whole import whole_liver
from organtwin.operations import find


@pytest.mark.slow
@pytest.mark.real_data
def test_tumours_veins_and_territories_of_a_real_liver_are_plausible(real_data: Path) -> None:
    made = find("import")({}, {"sources": [str(real_data / "ct-abdomen")]})
    volume = next(thing for thing in made if thing.kind == "volume")
    structures = ["liver", "inferior_vena_cava", "heart", "aorta", "lung_right", "lung_left", "kidney_right"]
    (first,) = find("segment")({"volume": volume}, {"structures": structures})
    found, portal, hepatic = find("liver")({"volume": volume, "segmentation": first})

    ml = {s.key: s.volume_mm3 / 1000 for s in found.segments}
    tumours = [key for key in ml if key.startswith("tumour")]
    assert len(tumours) == 2  # the scan's own description says so
    assert all(20 < ml[key] < 90 for key in tumours)
    centre = {
        key: found.grid.canonical().to_world(np.argwhere(found.grid.to_canonical(found.mask(key))).mean(axis=0)[::-1])
        for key in ("liver", *tumours)
    }
    sides = [centre[key][0] - centre["liver"][0] for key in tumours]
    assert min(sides) < -20 < 20 < max(sides)  # one in the right lobe, one in the left
    assert all(centre[key][2] > centre["liver"][2] + 10 for key in tumours)  # both under the dome

    assert 15 < ml["portal_vein"] < 60
    assert 10 < ml["hepatic_vein"] < 60
    pieces, _ = ndimage.label(found.mask("portal_vein"), np.ones((3, 3, 3)))
    assert np.bincount(pieces[pieces > 0]).max() > 0.8 * np.count_nonzero(pieces)
    names = {b.name for b in portal.branches} | {b.name for b in hepatic.branches}
    assert {"portal vein trunk", "portal vein right", "portal vein left"} <= names
    assert {"hepatic vein right", "hepatic vein middle", "hepatic vein left"} <= names
    trunk = portal.branches[0]
    assert 4 < trunk.radius_mm < 9
    assert not any("tumour" in s.key for s in first.segments)

    (shared,) = find("territories")({"segmentation": found, "tree": portal}, {"level": 1})
    share = {s.name: s.volume_mm3 for s in shared.segments}
    whole = float(np.count_nonzero(whole_liver(found))) * found.grid.voxel_volume_mm3
    assert sum(share.values()) == pytest.approx(whole)
    assert 0.4 < share["Right"] / whole < 0.8
