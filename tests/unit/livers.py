"""A liver that is known exactly: an ellipsoid with two trees of tubes and two tumours, in a scan with noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

SPACING_MM = 1.5
SIZE = (104, 92, 84)  # i, j, k
ORIGIN_MM = (-90.0, -60.0, 10.0)
CENTRE = np.array([-12.0, 8.0, 72.0])
AXES = np.array([62.0, 48.0, 44.0])

# from, to, radius; L P S mm
PORTAL = (
    ((-6, 4, 14), (-8, 4, 52), 5.5),  # the trunk comes from below
    ((-8, 4, 52), (-30, 4, 58), 4.5), ((-8, 4, 52), (14, 2, 60), 4.0),  # right and left
    ((-30, 4, 58), (-42, -10, 68), 3.4), ((-30, 4, 58), (-42, 22, 64), 3.4),  # right anterior and posterior
    ((-42, -10, 68), (-44, -14, 92), 2.4), ((-42, -10, 68), (-50, -14, 50), 2.4),
    ((-42, 22, 64), (-46, 28, 88), 2.4), ((-42, 22, 64), (-52, 26, 52), 2.4),
    ((14, 2, 60), (34, 4, 66), 3.0), ((14, 2, 60), (14, -18, 66), 3.0),  # left lateral and medial
)  # fmt: skip
HEPATIC = (
    ((-12, 40, 98), (-32, 22, 92), 4.0), ((-32, 22, 92), (-58, 8, 66), 3.0), ((-32, 22, 92), (-26, 24, 66), 2.4),
    ((-11, 38, 98), (-14, 4, 92), 4.0), ((-14, 4, 92), (-24, -18, 72), 3.0), ((-14, 4, 92), (-6, -18, 80), 2.4),
    ((-8, 38, 96), (18, 14, 86), 3.4), ((18, 14, 86), (32, -4, 78), 2.4),
)  # fmt: skip
CAVA = ((-10, 46, 12), (-10, 46, 108), 9.0)
TUMOURS = (((-34, -6, 96), 9.0), ((26, 22, 62), 7.0))
HU = {"liver": 100.0, "vein": 180.0, "tumour": 45.0, "cava": 170.0, "fat": -90.0}


@dataclass
class KnownLiver:
    """Truth as masks (nk, nj, ni), the scan, and the segmentation that a first look gives: no tumours, no veins."""

    grid: Grid
    masks: dict[str, np.ndarray] = field(default_factory=dict)
    volume: Volume | None = None
    segmentation: Segmentation | None = None

    @property
    def inputs(self):
        return {"volume": self.volume, "segmentation": self.segmentation}


def tubes(places: np.ndarray, segments) -> np.ndarray:
    """Which places lie in one of the tubes."""
    inside = np.zeros(len(places), bool)
    for start, stop, radius in segments:
        a, b = np.array(start, float), np.array(stop, float)
        along = np.clip((places - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        inside |= ((places - a - along[:, None] * (b - a)) ** 2).sum(axis=1) <= radius**2
    return inside


def known_liver(*, contrast: bool = True, tumours: bool = True, cava: bool = True, liver: bool = True) -> KnownLiver:
    grid = Grid.make(SIZE, [SPACING_MM] * 3, ORIGIN_MM, frame_uid="1.2.3")
    k, j, i = np.indices(grid.shape).reshape(3, -1)
    places = grid.to_world(np.stack([i, j, k], axis=1))
    whole = (((places - CENTRE) / AXES) ** 2).sum(axis=1) <= 1
    in_cava = tubes(places, [CAVA])
    whole &= ~in_cava
    portal = tubes(places, PORTAL) & ~in_cava
    hepatic = tubes(places, HEPATIC) & whole & ~portal
    lumps = [((places - np.array(c)) ** 2).sum(axis=1) <= r**2 for c, r in TUMOURS] if tumours else []
    hu = np.full(len(places), HU["fat"])
    hu[whole] = HU["liver"]
    for lump in lumps:
        hu[lump & whole] = HU["tumour"]
    hu[portal | hepatic] = HU["vein"] if contrast else HU["liver"]
    hu[in_cava] = HU["cava"] if contrast else HU["liver"]
    shape = grid.shape
    image = ndimage.gaussian_filter(hu.reshape(shape), 0.5)
    image += np.random.default_rng(7).normal(0, 8.0, shape)
    labels = np.zeros(shape, np.uint8)
    labels[whole.reshape(shape)] = 20
    labels[in_cava.reshape(shape)] = 14
    masks = {
        "whole": whole, "portal_vein": portal & (whole | (places[:, 2] > 14)), "hepatic_vein": hepatic, "cava": in_cava,
        **{f"tumour_{n}": lump & whole for n, lump in enumerate(lumps, start=1)},
    }  # fmt: skip
    made = KnownLiver(grid, {key: mask.reshape(shape) for key, mask in masks.items()})
    made.volume = Volume(name="CT", grid=grid, values=np.rint(image).astype(np.int16), modality="CT")
    wanted = [("liver", 20, liver), ("inferior_vena_cava", 14, cava)]
    for _, label, there in wanted:
        if not there:
            labels[labels == label] = 0
    each = grid.voxel_volume_mm3
    segments = tuple(
        Segment.of(label, key, float((labels == label).sum()) * each, 0.9) for key, label, there in wanted if there
    )
    made.segmentation = Segmentation(name="first look", grid=grid, labels=labels, segments=segments)
    return made
