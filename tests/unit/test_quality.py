"""Quality without a truth: what is wrong is found and said, what is right is left in peace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.report.quality import write_quality
from organtwin.segment.quality import Quality, quality
from organtwin.space import Grid

GRID = Grid.make((70, 60, 50), (3.6, 3.6, 3.6), (-100, -90, 0))


def ball(centre: tuple[float, float, float], radius: float, grid: Grid = GRID) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return (i - centre[0]) ** 2 + (j - centre[1]) ** 2 + (k - centre[2]) ** 2 < radius**2


def measured(
    masks: dict[str, np.ndarray], grid: Grid = GRID, hu: dict[str, float] | None = None, **more: object
) -> dict[str, Quality]:
    labels = np.zeros(grid.shape, np.uint8)
    values = np.full(grid.shape, -1000, np.int16)
    segments = []
    for n, (key, mask) in enumerate(masks.items(), 1):
        labels[mask] = n
        values[mask] = (hu or {}).get(key, 100)
        segments.append(Segment.of(n, key, 0.0, **more))
    volume = Volume(name="v", grid=grid, values=values, modality="CT", value_unit="HU")
    drawn = Segmentation(name="s", grid=grid, labels=labels, segments=tuple(segments))
    return {q.key: q for q in quality(drawn, volume)}


LIVER, SPLEEN = ball((20, 30, 25), 17), ball((52, 32, 28), 12)  # the patient's right is at small i


def test_smooth_organs_in_their_places_are_good() -> None:
    found = measured({"liver": LIVER, "spleen": SPLEEN})
    assert [q.level for q in found.values()] == ["good", "good"], found
    assert found["liver"].volume_ml == pytest.approx(LIVER.sum() * 3.6**3 / 1000)
    assert (found["liver"].islands, found["liver"].largest_share) == (1, 1.0)
    assert (found["liver"].mean, found["liver"].sd) == (100, 0)


def level(found: dict[str, Quality], key: str, measure: str) -> str:
    return next((flag.level for flag in found[key].flags if flag.measure == measure), "good")


def test_an_island_is_counted_and_flagged() -> None:
    found = measured({"liver": LIVER | ball((60, 50, 40), 8)})
    assert found["liver"].islands == 2
    assert level(found, "liver", "islands") == "poor" if found["liver"].largest_share < 0.9 else "fair"
    assert "2 pieces" in found["liver"].doubts


def test_a_hole_is_flagged_but_a_tumour_in_the_liver_is_none() -> None:
    hole = ball((20, 30, 25), 5)
    assert level(measured({"liver": LIVER & ~hole}), "liver", "holes") == "fair"
    filled = measured({"liver": LIVER, "tumour": hole})
    assert level(filled, "liver", "holes") == "good"


def test_what_the_scan_cuts_is_named_by_the_patients_side() -> None:
    masks = {"liver": ball((8, 30, 25), 17), "spleen": ball((55, 30, 44), 12)}
    found = measured(masks)
    assert found["liver"].border == ("right",)
    assert found["spleen"].border == ("top",)
    turned = Grid.make(GRID.size, GRID.spacing_mm, (100, 90, 150), np.diag([-1.0, -1, 1]))
    assert measured(masks, turned)["liver"].border == ("left",)


def test_a_mirrored_scan_and_swapped_kidneys_are_seen() -> None:
    assert level(measured({"liver": SPLEEN, "spleen": LIVER}), "liver", "side") == "poor"
    right, left = ball((18, 30, 20), 9), ball((50, 30, 20), 9)
    assert level(measured({"kidney_right": right, "kidney_left": left}), "kidney_left", "side") == "good"
    assert level(measured({"kidney_right": left, "kidney_left": right}), "kidney_left", "side") == "poor"


def test_an_organ_of_the_wrong_size_or_brightness_is_flagged() -> None:
    found = measured({"liver": ball((30, 30, 25), 6), "spleen": SPLEEN}, hu={"spleen": -900})
    assert level(found, "liver", "volume") == "poor"
    assert level(found, "spleen", "intensity") == "poor"


def test_missing_slices_and_a_rough_skin_are_flagged() -> None:
    gap = LIVER.copy()
    gap[25] = False
    assert level(measured({"liver": gap}), "liver", "slices") == "fair"
    noisy = LIVER & (np.random.default_rng(0).random(LIVER.shape) < 0.6)
    assert level(measured({"liver": noisy}), "liver", "roughness") == "poor"


def test_an_empty_structure_is_poor_and_a_doubt_of_the_engine_is_kept() -> None:
    found = measured({"liver": np.zeros(GRID.shape, bool)})
    assert found["liver"].level == "poor"
    assert "no voxels" in found["liver"].doubts
    sure = measured({"liver": LIVER}, confidence=0.4, doubt="its edge is faint")
    assert "Its edge is faint." in sure["liver"].doubts
    assert sure["liver"].level == "poor"


def test_the_page_shows_three_planes_of_each_structure_and_names_its_flags(tmp_path: Path) -> None:
    labels = np.where(LIVER, 1, 0).astype(np.uint8)
    values = np.where(LIVER, 100, -1000).astype(np.int16)
    segments = (Segment.of(1, "liver", 0.0), Segment.of(2, "spleen", 0.0))
    drawn = Segmentation(name="<b>Größe</b>", grid=GRID, labels=labels, segments=segments)
    volume = Volume(name="v", grid=GRID, values=values, value_unit="HU", modality="CT")
    write_quality(drawn, volume, tmp_path / "q.html")
    page = (tmp_path / "q.html").read_text()
    assert page.count("data:image/png;base64,") == 3
    assert "It has no voxels." in page
    assert "<b>Größe" not in page
    assert "http" not in page
    write_quality(drawn, None, tmp_path / "plain.html")
    with pytest.raises(BadInput, match=r"\.html"):
        write_quality(drawn, volume, tmp_path / "q.docx")
