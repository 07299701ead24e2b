"""Range of values, growing and the random walker: what a few clicks give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from organtwin.errors import BadInput, Cancelled
from organtwin.io import study
from organtwin.io.dicom_seg import read_seg
from organtwin.model import Segmentation, Volume
from organtwin.monitor import NullMonitor
from organtwin.operations.registry import validated
from organtwin.segment import engine, regions
from organtwin.segment.engine import Found
from organtwin.space import Grid

SAMPLE = Path(__file__).parents[2] / "sample_dicom"
SEEDED = ("grow", "random-walker")


def run(name: str, volume: Volume, structures: list[str] | None = None, **options: Any) -> tuple[Found, ...]:
    chosen = engine.find(name)
    return chosen.run(volume, structures, validated(chosen.parameters, options, name), NullMonitor())


def dice(a: np.ndarray | None, b: np.ndarray) -> float:
    assert a is not None
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


def click(key: str, *point: float, radius_mm: float = 4.0) -> dict[str, Any]:
    return {"key": key, "points_mm": [point], "radius_mm": radius_mm}


# -- on the sample ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample() -> Volume:
    with study.scan([SAMPLE / "series"]) as found:
        best = found.best() if callable(found.best) else found.best
        return study.read(best)[0]


@pytest.fixture(scope="module")
def truth(sample: Volume) -> Segmentation:
    return read_seg(SAMPLE / "truth.dcm", sample.grid)


def whole_liver(truth: Segmentation) -> np.ndarray:
    return np.logical_or.reduce([truth.mask(k) for k in ("liver", "portal_vein", "hepatic_vein", "tumour")])


@pytest.mark.parametrize("name", SEEDED)
def test_two_clicks_give_the_liver_with_its_vessels_and_tumours(name: str, sample: Volume, truth: Segmentation) -> None:
    (liver,) = run(name, sample, strokes=[click("liver", -80, 0, -40), click("liver", 0, -50, -40)])
    assert dice(liver.mask, whole_liver(truth)) > 0.96
    assert liver.confidence is None
    assert liver.doubt == ""


@pytest.mark.parametrize(
    ("key", "points"),
    [
        ("spleen", [(105, 30, -70)]),
        ("kidney_left", [(75, 55, -100), (60, 35, -140)]),  # one in the cortex, one that has both cortex and medulla
    ],
)
def test_a_click_or_two_give_a_small_organ(
    sample: Volume, truth: Segmentation, key: str, points: list[tuple[float, float, float]]
) -> None:
    (found,) = run("grow", sample, strokes=[click(key, *point, radius_mm=3) for point in points])
    assert dice(found.mask, truth.mask(key)) > 0.97


@pytest.mark.parametrize("name", SEEDED)
def test_strokes_outside_part_the_aorta_from_the_ventricle(name: str, sample: Volume, truth: Segmentation) -> None:
    strokes = [
        click("aorta", -13, -35, 85), click("aorta", 27, 42, 70), click("aorta", 10, 18, -80),
        click("background", 30, -26, 10, radius_mm=6), click("background", 10, -22, 24, radius_mm=6),
    ]  # fmt: skip
    (aorta,) = run(name, sample, strokes=strokes)
    assert dice(aorta.mask, truth.mask("aorta")) > 0.92  # its branches are aorta to the eye, stubs in the truth
    assert (aorta.mask & truth.mask("left_ventricle")).sum() < 0.02 * truth.mask("left_ventricle").sum()


def test_a_click_in_the_tumour_stays_in_the_tumour(sample: Volume, truth: Segmentation) -> None:
    (found,) = run("grow", sample, strokes=[click("tumour", -96, 12, -76)])
    assert found.mask is not None
    assert found.mask.sum() * sample.grid.voxel_volume_mm3 / 1000 == pytest.approx(np.pi * 34**3 / 6000, rel=0.15)


def test_organs_with_strokes_of_their_own_do_not_overlap(sample: Volume, truth: Segmentation) -> None:
    found = run("grow", sample, strokes=[click("liver", -80, 0, -40), click("spleen", 105, 30, -70)])
    assert [f.key for f in found] == ["liver", "spleen"]
    assert np.sum([f.mask for f in found], axis=0).max() == 1
    assert dice(found[1].mask, truth.mask("spleen")) > 0.97


# -- on made-up blocks --------------------------------------------------------------------------------------------


def ball_scan(order: str = "plain", noise: float = 8.0) -> tuple[Volume, np.ndarray]:
    """A ball of 100 in 0, radius 15 mm about (3, -4, 5), on voxels of 1 x 1 x 3 mm; "flipped": axes permuted and negated."""
    directions = np.eye(3) if order == "plain" else np.array([[0, -1, 0], [0, 0, 1], [1, 0, 0]], float)
    size, spacing = ((50, 52, 18), (1.0, 1.0, 3.0))
    middle = np.array([3.0, -4.0, 5.0])
    origin = middle - directions @ ((np.array(size) - 1) / 2 * spacing) + 1.5
    grid = Grid.make(size, spacing, origin, directions, "1.2.3")
    k, j, i = np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij")
    inside = np.linalg.norm(grid.to_world(np.stack([i, j, k], -1)) - middle, axis=-1) < 15
    values = inside * 100 + np.random.default_rng(0).normal(0, noise, grid.shape)
    return Volume(name="ball", grid=grid, values=values.astype(np.int16), modality="MR"), inside


@pytest.mark.parametrize("order", ["plain", "flipped"])
@pytest.mark.parametrize("name", SEEDED)
def test_clicks_are_world_points_whatever_the_order_of_the_axes(name: str, order: str) -> None:
    volume, inside = ball_scan(order)
    (found,) = run(name, volume, strokes=[click("thing", 3, -4, 5)])
    assert dice(found.mask, inside) > 0.96


@pytest.mark.parametrize("name", SEEDED)
def test_a_thin_bridge_is_not_crossed(name: str) -> None:
    values = np.zeros((40, 40, 80), np.int16)
    k, j, i = np.ogrid[:40, :40, :80]
    left = (k - 20) ** 2 + (j - 20) ** 2 + (i - 20) ** 2 < 14**2
    right = (k - 20) ** 2 + (j - 20) ** 2 + (i - 60) ** 2 < 14**2
    bridge = (abs(k - 20) < 2) & (abs(j - 20) < 2) & (i > 20) & (i < 60)
    values[left | right | bridge] = 100
    noisy = values + np.random.default_rng(1).normal(0, 4, values.shape).astype(np.int16)
    volume = Volume(name="two", grid=Grid.make((80, 40, 40), (1, 1, 1)), values=noisy)
    (found,) = run(name, volume, strokes=[click("left", 20, 20, 20)])
    assert dice(found.mask, np.asarray(left)) > 0.95
    assert not (found.mask & right).any()


@pytest.mark.parametrize("name", SEEDED)
def test_two_structures_of_one_value_meet_half_way_between_their_strokes(name: str) -> None:
    values = np.zeros((16, 30, 60), np.int16)
    values[3:13, 5:25, 5:55] = 200
    noisy = values + np.random.default_rng(2).normal(0, 5, values.shape).astype(np.int16)
    volume = Volume(name="bar", grid=Grid.make((60, 30, 16), (1, 1, 1)), values=noisy)
    one, two = run(
        name, volume, strokes=[click("one", 12, 15, 8, radius_mm=2), click("two", 47, 15, 8, radius_mm=2)], neck_mm=0
    )
    for found in (one, two):
        assert found.mask is not None
        assert found.mask.sum() == pytest.approx(5000, rel=0.15)


@pytest.mark.parametrize("name", SEEDED)
def test_a_stroke_of_several_points_covers_the_line_between_them(name: str) -> None:
    values = np.zeros((20, 40, 60), np.int16)
    values[5:15, 8:32, 5:30], values[5:15, 8:32, 30:55] = 60, 140  # one organ, two tissues
    noisy = values + np.random.default_rng(3).normal(0, 4, values.shape).astype(np.int16)
    volume = Volume(name="bar", grid=Grid.make((60, 40, 20), (1, 1, 1)), values=noisy)
    strokes = [
        {"key": "organ", "points_mm": [(10, 20, 10), (24, 20, 10)], "radius_mm": 2},
        {"key": "organ", "points_mm": [(36, 20, 10), (50, 20, 10)], "radius_mm": 2},
    ]
    (found,) = run(name, volume, strokes=strokes)
    assert dice(found.mask, values > 0) > 0.95


@pytest.mark.parametrize("name", SEEDED)
def test_only_the_wanted_structures_are_given_back(name: str) -> None:
    volume, _ = ball_scan()
    found = run(name, volume, ["a"], strokes=[click("a", 3, -4, 5), click("b", 3, -4, 15)])
    assert [f.key for f in found] == ["a"]


@pytest.mark.parametrize("name", SEEDED)
def test_bad_strokes_are_said_in_a_sentence(name: str) -> None:
    volume, _ = ball_scan()
    with pytest.raises(BadInput, match=r"Stroke 1 .* outside the scan"):
        run(name, volume, strokes=[click("a", 900, 0, 0)])
    with pytest.raises(BadInput, match="no stroke"):
        run(name, volume, strokes=[click("background", 3, -4, 5)])
    with pytest.raises(BadInput, match="no stroke of 'liver'"):
        run(name, volume, ["liver"], strokes=[click("a", 3, -4, 5)])
    with pytest.raises(BadInput, match="colour"):
        run(name, volume, strokes=[{**click("a", 3, -4, 5), "colour": 3}])
    with pytest.raises(BadInput, match="strokes"):
        run(name, volume, strokes=[])


@pytest.mark.parametrize("name", SEEDED)
def test_cancel_stops_at_the_next_step(name: str) -> None:
    class Stop(NullMonitor):
        def progress(self, fraction: float, what: str = "") -> None:
            if fraction > 0.04:
                raise Cancelled

    volume, _ = ball_scan()
    chosen = engine.find(name)
    with pytest.raises(Cancelled):
        chosen.run(volume, None, chosen.parameters.model_validate({"strokes": [click("a", 3, -4, 5)]}), Stop())


@pytest.mark.parametrize("name", SEEDED)
def test_a_scan_of_one_slice_and_an_even_scan_end_well(name: str) -> None:
    square = np.zeros((1, 30, 30), bool)
    square[:, 8:22, 8:22] = True
    flat = (square * 100 + np.random.default_rng(4).normal(0, 5, square.shape)).astype(np.int16)
    (found,) = run(
        name, Volume(name="flat", grid=Grid.make((30, 30, 1), (1, 1, 5)), values=flat), strokes=[click("a", 15, 15, 0)]
    )
    assert dice(found.mask, square) > 0.9
    even = Volume(name="even", grid=Grid.make((20, 20, 20), (1, 1, 1)), values=np.full((20, 20, 20), 7, np.int16))
    (found,) = run(name, even, strokes=[click("a", 10, 10, 10)])
    assert found.mask is not None
    assert found.mask.mean() > 0.9


def test_the_random_walker_on_coarser_voxels_finds_the_same_surface() -> None:
    volume, inside = ball_scan()
    (found,) = run("random-walker", volume, strokes=[click("thing", 3, -4, 5)], largest_problem=6000)
    assert dice(found.mask, inside) > 0.93


# -- range of values ----------------------------------------------------------------------------------------------


def test_a_range_with_a_point_gives_the_part_that_holds_it(sample: Volume, truth: Segmentation) -> None:
    (lungs,) = run(
        "threshold",
        sample,
        ["lung_left"],
        high=-500,
        box_mm=[(2, -90, -110), (150, 90, 160)],
        connected_to_mm=[(90, 0, 40)],
        opening_mm=2.5,
        closing_mm=3,
        fill_holes=True,
    )
    assert lungs.key == "lung_left"
    assert lungs.mask is not None
    assert (lungs.mask & truth.mask("lung_left")).sum() > 0.95 * truth.mask(
        "lung_left"
    ).sum()  # opening takes the thin recess by the diaphragm


def test_largest_islands_holes_box_and_ball() -> None:
    values = np.zeros((20, 20, 40), np.int16)
    values[4:16, 4:16, 4:16] = 10
    values[8:12, 8:12, 8:12] = 0  # a hole of 64 mm³ * 2
    values[5:9, 5:9, 30:34] = 10
    volume = Volume(name="v", grid=Grid.make((40, 20, 20), (1, 1, 2)), values=values)
    assert run("threshold", volume, low=5)[0].mask.sum() == 12**3 - 64 + 64  # type: ignore[union-attr]
    assert run("threshold", volume, low=5, largest=True, fill_holes=True)[0].mask.sum() == 12**3  # type: ignore[union-attr]
    assert run("threshold", volume, low=5, islands_below_ml=0.2)[0].mask.sum() == 12**3 - 64  # type: ignore[union-attr]
    assert run("threshold", volume, low=5, box_mm=[(25, 0, 0), (39, 19, 38)])[0].mask.sum() == 64  # type: ignore[union-attr]
    ball = run("threshold", volume, low=5, ball={"centre_mm": (31.5, 6.5, 13), "radius_mm": 1.3})[0].mask
    assert ball is not None
    assert ball.sum() == 8
    assert run("threshold", volume, low=5, connected_to_mm=[(31, 6, 12)])[0].mask.sum() == 64  # type: ignore[union-attr]


def test_an_empty_range_is_not_painted_but_said() -> None:
    volume, _ = ball_scan()
    (found,) = run("threshold", volume, low=5000)
    assert found.mask is None
    assert "5000" in found.doubt
    (found,) = run("threshold", volume, low=50, connected_to_mm=[(-18, -25, -10)])
    assert found.mask is None
    assert "none of the points" in found.doubt


def test_bad_ranges_are_said_in_a_sentence() -> None:
    volume, _ = ball_scan()
    with pytest.raises(BadInput, match="above the upper"):
        run("threshold", volume, low=5, high=1)
    with pytest.raises(BadInput, match="lower or an upper"):
        run("threshold", volume)
    with pytest.raises(BadInput, match="lies outside the scan"):
        run("threshold", volume, low=5, connected_to_mm=[(999, 0, 0)])
    with pytest.raises(BadInput, match="one structure"):
        run("threshold", volume, ["a", "b"], low=5)
    with pytest.raises(BadInput, match="Unknown key 'lo'"):
        run("threshold", volume, lo=5)


# -- tools on masks -----------------------------------------------------------------------------------------------


def test_radii_are_in_mm_on_voxels_that_are_not_cubes() -> None:
    mask = np.zeros((21, 41, 41), bool)
    mask[10, 20, 20] = True
    grown = regions.grown(mask, 6.0, np.array([1.0, 1.0, 3.0]))
    assert grown[10, 20, 26]
    assert not grown[10, 20, 27]
    assert grown[12, 20, 20]
    assert not grown[13, 20, 20]
    back = regions.shrunk(grown, 4.0, np.array([1.0, 1.0, 3.0]))
    assert back[10, 20, 22]
    assert not back[10, 20, 23]


def test_opening_cuts_spikes_and_closing_fills_clefts() -> None:
    mask = np.zeros((30, 30, 60), bool)
    mask[5:25, 5:25, 5:25] = True
    mask[14:16, 14:16, 25:50] = True
    spacing = np.ones(3)
    opened = regions.opened(mask, 3, spacing)
    assert not opened[:, :, 30:].any()
    assert opened[8:22, 8:22, 8:22].all()
    mask[:, 14:16, 5:20] = False
    assert regions.closed(mask, 3, spacing)[10:20, 14:16, 10:15].all()


def test_a_mask_that_fills_the_scan_survives_every_tool() -> None:
    mask = np.ones((5, 6, 7), bool)
    spacing = np.ones(3)
    for result in (
        regions.opened(mask, 3, spacing),
        regions.closed(mask, 3, spacing),
        regions.filled(mask),
        regions.largest(mask),
    ):
        assert result.all()
    nothing = np.zeros((5, 6, 7), bool)
    for result in (
        regions.opened(nothing, 3, spacing),
        regions.closed(nothing, 3, spacing),
        regions.filled(nothing),
        regions.largest(nothing),
    ):
        assert not result.any()
