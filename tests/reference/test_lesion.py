"""Lesions planted with a known border, and what one click makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from organtwin.edit.edit import Edit, edited
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.monitor import NullMonitor
from organtwin.segment.lesion.engine import ENGINE, LesionParameters
from organtwin.space import Grid

GRID = Grid.make((120, 110, 60), (0.8, 0.8, 1.6), (-40, 10, 5))
LIVER, FAT, NOISE = 110.0, -100.0, 18.0


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))


def from_point(grid: Grid, place: tuple[float, float, float]) -> np.ndarray:
    """Distance (mm) of every voxel from a point given in parts of the grid (k, j, i)."""
    off = [(np.arange(n) - p * n) * s for n, p, s in zip(grid.shape, place, grid.spacing_mm[::-1], strict=True)]
    return np.asarray(np.sqrt(off[0][:, None, None] ** 2 + off[1][None, :, None] ** 2 + off[2][None, None, :] ** 2))


def planted(
    radius_mm: float, contrast: float, core: float = 0.0, at_rim: bool = False, seed: int = 0
) -> tuple[Volume, np.ndarray]:
    """A liver in fat with one lesion: uneven border, partial volume, texture, noise as wide as a voxel and a half."""
    rng = np.random.default_rng(seed)
    liver = from_point(GRID, (0.5, 0.5, 0.5)) < 40
    place = (0.5, 0.5, 0.5 + (40 - 0.4 * radius_mm) / 96) if at_rim else (0.48, 0.55, 0.45)
    far = from_point(GRID, place)
    uneven = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 0.4 * radius_mm / GRID.spacing_mm[::-1])
    far = far * (1 + 0.06 * uneven / uneven.std())
    part = np.clip((radius_mm - far) / 1.5 + 0.5, 0, 1) * liver
    noise = ndimage.gaussian_filter(rng.normal(size=GRID.shape), 0.7)
    level = contrast + core * contrast * np.clip((0.5 * radius_mm - far) / 3 + 0.5, 0, 1)
    values = np.where(liver, LIVER, FAT) + part * level + NOISE * noise / noise.std()
    return Volume(name="v", grid=GRID, values=values.astype(np.int16), modality="CT"), part > 0.5


def clicks(truth: np.ndarray, count: int) -> list[tuple[float, float, float]]:
    inner = np.argwhere(ndimage.binary_erosion(truth, iterations=2))
    chosen = inner[np.random.default_rng(7).integers(len(inner), size=count)]
    return [tuple(GRID.to_world(kji[::-1]).tolist()) for kji in chosen]


def found(volume: Volume, *points: tuple[float, float, float]) -> np.ndarray:
    strokes = [{"key": "tumour", "points_mm": [p], "radius_mm": 1.0} for p in points]
    (one,) = ENGINE.run(volume, ["tumour"], LesionParameters.model_validate({"strokes": strokes}), NullMonitor())
    return np.zeros(volume.grid.shape, bool) if one.mask is None else one.mask


@pytest.mark.parametrize(
    ("radius_mm", "contrast", "core", "at_rim", "least"),
    [
        (5, -50, 0.0, False, 0.85), (9, -35, 0.0, False, 0.88), (9, 60, 0.0, False, 0.88), (14, -40, 0.8, False, 0.9),
        (20, -40, 0.0, False, 0.92), (12, -50, 0.0, True, 0.85),
    ],
)  # fmt: skip
def test_a_click_anywhere_in_a_lesion_gives_its_mask(radius_mm: float, contrast: float, core: float, at_rim: bool, least: float) -> None:  # fmt: skip
    volume, truth = planted(radius_mm, contrast, core, at_rim)
    masks = [found(volume, p) for p in clicks(truth, 3)]
    assert min(dice(m, truth) for m in masks) > least
    assert min(dice(a, b) for a in masks for b in masks) > 0.85


def test_a_click_on_necrosis_on_an_agent_that_stayed_or_between_gives_the_whole_tumour() -> None:
    volume, truth = planted(15, -50)
    values = np.array(volume.values, np.float32)
    necrosis = from_point(GRID, (0.48, 0.57, 0.42)) < 7
    agent = truth & (from_point(GRID, (0.48, 0.46, 0.52)) < 7)
    values[necrosis & truth] -= 40
    values[agent] += 400
    mixed = volume.with_(values=values.astype(np.int16))
    between = ndimage.binary_dilation(agent, iterations=2) & truth & ~agent
    for part in (necrosis & truth, agent, between):
        inner = ndimage.binary_erosion(part) if part is not between else part
        place = np.argwhere(inner)[np.count_nonzero(inner) // 2]
        assert dice(found(mixed, tuple(GRID.to_world(place[::-1]).tolist())), truth) > 0.85


def test_a_click_in_healthy_liver_finds_nothing_and_says_so() -> None:
    volume, _ = planted(6, -50)
    healthy = tuple(GRID.to_world((85, 40, 20)).tolist())
    strokes = [{"key": "tumour", "points_mm": [healthy], "radius_mm": 1.0}]
    (one,) = ENGINE.run(volume, None, LesionParameters.model_validate({"strokes": strokes}), NullMonitor())
    assert one.mask is None
    assert "stands out" in one.doubt


def test_a_click_outside_the_scan_is_refused_in_one_sentence() -> None:
    volume, _ = planted(6, -50)
    with pytest.raises(BadInput, match="outside the scan"):
        found(volume, (1e4, 0.0, 0.0))


def test_the_grow_tool_adds_a_lesion_to_the_segment_in_hand_and_keeps_what_it_has() -> None:
    volume, truth = planted(10, -50)
    labels = np.where(from_point(GRID, (0.5, 0.5, 0.5)) < 40, 1, 0).astype(np.uint8)
    labels[:3] = 2
    s = Segmentation(
        name="s", grid=GRID, labels=labels, segments=(Segment.of(1, "liver", 1.0), Segment.of(2, "tumour", 1.0))
    )
    stroke = {"key": "tumour", "points_mm": [clicks(truth, 1)[0]], "radius_mm": 1.0}
    out = edited(s, Edit(tool="grow", segment="tumour", options={"mode": "lesion", "strokes": [stroke]}), volume)
    assert (out.labels[:3] == 2).all()
    assert dice(out.mask("tumour")[3:], truth[3:]) > 0.88


@pytest.mark.real_data
def test_a_lesion_planted_into_a_real_liver_is_found_by_one_click(real_data: Path) -> None:
    from organtwin.io import study

    folder = real_data / "dicom-edge" / "jpeg2000-empty-uids"
    scan = study.read(study.scan([str(folder)]).series[0])[0]
    network = study.read(study.scan([f"{folder}.labels.nii.gz"]).series[0])[0]
    liver = scan.grid.from_canonical(network.grid.to_canonical(network.values)) == 5
    depth = ndimage.distance_transform_edt(liver, scan.grid.spacing_mm[::-1])
    k = scan.grid.shape[0] // 2  # the ends of the slab would cut it
    j, i = np.unravel_index(int(np.argmax(depth[k])), depth[k].shape)
    far = [
        (np.arange(n) - c) * s for n, c, s in zip(scan.grid.shape, (k, j, i), scan.grid.spacing_mm[::-1], strict=True)
    ]
    r = np.sqrt(far[0][:, None, None] ** 2 + far[1][None, :, None] ** 2 + far[2][None, None, :] ** 2)
    part = np.clip((9 - r) / 1.5 + 0.5, 0, 1)
    values = np.asarray(scan.values, np.float32)
    own = ndimage.gaussian_filter(values, 2.0 / scan.grid.spacing_mm[::-1])  # vessels and shades there; the noise stays
    changed = scan.with_(values=(values + part * (np.median(values[liver]) - 40 - own)).astype(np.int16))
    mask = found(changed, tuple(scan.grid.to_world((i + 3, j - 2, k)).tolist()))
    assert dice(mask, part > 0.5) > 0.85
