"""The tools that look at the scan: each test states one claim about what they do to a segmentation."""

from __future__ import annotations

import numpy as np
import pytest

from organtwin.edit.edit import Edit, edited
from organtwin.edit.level_tracing import trace
from organtwin.edit.rules import Rules
from organtwin.errors import BadInput
from organtwin.model import Segment, Segmentation, Volume
from organtwin.space import Grid

TURNED = np.array(
    [[0.8, 0.0, -0.6], [0.0, -1.0, 0.0], [-0.6, 0.0, -0.8]]
).T  # turned about P, j and k against their axes
GRIDS = {
    "plain": Grid.make((56, 48, 40), (1.0, 1.2, 1.6), (5, 6, 7)),
    "turned and flipped": Grid.make((56, 48, 40), (1.0, 1.2, 1.6), (5, 6, 7), TURNED),
}


def world(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_world(np.stack([i, j, k], -1))


def ball(grid: Grid, centre: np.ndarray, radius_mm: float) -> np.ndarray:
    return np.linalg.norm(world(grid) - centre, axis=-1) < radius_mm


def scan(grid: Grid, values: np.ndarray, noise: float = 8.0) -> Volume:
    noisy = values + np.random.default_rng(0).normal(0, noise, grid.shape)
    return Volume(name="scan", grid=grid, values=noisy.astype(np.float32), modality="CT")


def drawing(grid: Grid, **masks: np.ndarray) -> Segmentation:
    """Segments numbered from 1 in the order given."""
    labels = np.zeros(grid.shape, np.uint8)
    segments = []
    for number, (key, mask) in enumerate(masks.items(), 1):
        labels[mask] = number
        segments.append(Segment.of(number, key, float(mask.sum()) * grid.voxel_volume_mm3))
    return Segmentation(name="s", grid=grid, labels=labels, segments=tuple(segments))


def do(tool: str, s: Segmentation, v: Volume | None = None, segment: str = "", rules: Rules | None = None, **options: object) -> Segmentation:  # fmt: skip
    return edited(s, Edit(tool=tool, segment=segment, options=options, rules=rules or Rules()), v)


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * float((a & b).sum()) / max(1.0, float(a.sum() + b.sum()))


def at(point: np.ndarray) -> tuple[float, float, float]:
    return float(point[0]), float(point[1]), float(point[2])


EMPTY = np.zeros(GRIDS["plain"].shape, bool)


@pytest.fixture(params=list(GRIDS))
def grid(request: pytest.FixtureRequest) -> Grid:
    return GRIDS[request.param]


# -- flood ---------------------------------------------------------------------------------------------------------


def test_a_flood_fills_what_is_connected_and_alike(grid: Grid) -> None:
    here, there = ball(grid, grid.centre_mm, 10), ball(grid, grid.to_world((46, 40, 32)), 6)
    out = do("flood", drawing(grid, liver=EMPTY), scan(grid, 100.0 * (here | there)), "liver", points_mm=[at(grid.centre_mm)], tolerance=50)  # fmt: skip
    assert dice(out.mask("liver"), here) > 0.99
    assert not out.mask("liver")[there].any()


def test_a_flood_stops_at_a_neck_and_at_its_reach() -> None:
    g = GRIDS["plain"]
    a, b = g.centre_mm - (12, 0, 0), g.centre_mm - (-12, 0, 0)
    way = (np.abs(world(g)[..., 1:] - g.centre_mm[1:]).max(-1) < 2) & (np.abs(world(g)[..., 0] - g.centre_mm[0]) < 12)
    two = ball(g, a, 8) | ball(g, b, 8) | way
    v, s = scan(g, 100.0 * two), drawing(g, liver=EMPTY)
    free = do("flood", s, v, "liver", points_mm=[at(a)], tolerance=50)
    assert free.mask("liver")[ball(g, b, 5)].all()
    for limit in ({"neck_mm": 6}, {"reach_mm": 12}):
        assert (
            not do("flood", s, v, "liver", points_mm=[at(a)], tolerance=50, **limit).mask("liver")[ball(g, b, 7)].any()
        )


def test_a_flood_of_one_slice_stays_in_it(grid: Grid) -> None:
    v = scan(grid, 100.0 * ball(grid, grid.centre_mm, 10))
    out = do("flood", drawing(grid, liver=EMPTY), v, "liver", points_mm=[at(grid.centre_mm)], tolerance=50,
             normal=at(grid.directions[:, 1]))  # fmt: skip
    assert np.count_nonzero(out.mask("liver").any(axis=(0, 2))) == 1


def test_a_flood_where_the_scan_has_no_value_is_refused_in_one_sentence() -> None:
    g = GRIDS["plain"]
    v = Volume(name="v", grid=g, values=np.full(g.shape, np.nan, np.float32), modality="MR")
    with pytest.raises(BadInput, match="no value"):
        do("flood", drawing(g, liver=EMPTY), v, "liver", points_mm=[at(g.centre_mm)])
    with pytest.raises(BadInput, match="outside the scan"):
        do("flood", drawing(g, liver=EMPTY), v, "liver", points_mm=[(1e4, 0, 0)])


# -- level trace ---------------------------------------------------------------------------------------------------


def test_a_level_trace_encloses_the_disc_that_the_pointer_is_at_the_rim_of(grid: Grid) -> None:
    r = np.linalg.norm(world(grid) - grid.centre_mm, axis=-1)
    v = scan(grid, 100 * np.clip((14 - r) / 6, 0, 1), noise=0.0)
    point = grid.to_world(np.rint(grid.to_index(grid.centre_mm))) + grid.directions[:, 0] * 10
    out = do(
        "level-trace", drawing(grid, liver=EMPTY), v, "liver", point_mm=at(point), normal=at(grid.directions[:, 2])
    )
    k = int(np.flatnonzero(out.mask("liver").any((1, 2)))[0])
    assert np.count_nonzero(out.mask("liver").any((1, 2))) == 1
    i, j, _ = np.rint(grid.to_index(point)).astype(int)
    assert dice(out.mask("liver")[k], r[k] <= r[k, j, i]) > 0.95


def test_a_level_trace_passes_through_the_pointer_and_closes_at_the_edge_of_the_slice() -> None:
    g = GRIDS["plain"]
    v = world(g)[..., 0].astype(np.float32)  # brightness rises to the patient's left: lines run off the slice
    point = g.to_world((30.3, 20, 10))
    found = trace(g, v, at(point), (0, 0, 1), smooth_mm=0)
    assert np.linalg.norm(found.points_mm - point, axis=1).min() < 1.0
    assert found.mask.sum() == 48 * (56 - 31)


def test_a_level_trace_of_a_flat_image_says_that_it_encloses_nothing() -> None:
    g = GRIDS["plain"]
    v = Volume(name="v", grid=g, values=np.full(g.shape, 7.0, np.float32), modality="CT")
    out = do("level-trace", drawing(g, liver=EMPTY), v, "liver", point_mm=at(g.centre_mm), normal=(0, 0, 1))
    assert "encloses nothing" in out.notes[-1]


# -- grow ----------------------------------------------------------------------------------------------------------


def halves(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    along = (world(grid) - grid.centre_mm) @ grid.directions[:, 0]
    body = ball(grid, grid.centre_mm, 18)
    return body & (along < 0), body & (along >= 0)


def test_segments_that_grow_from_one_stroke_each_meet_at_the_edge_of_the_image(grid: Grid) -> None:
    left, right = halves(grid)
    v = scan(grid, 100.0 * left + 170.0 * right)
    step = 8 * grid.directions[:, 0]
    strokes = [{"key": "liver", "points_mm": [at(grid.centre_mm - step)]}, {"key": "spleen", "points_mm": [at(grid.centre_mm + step)]},
               {"key": "background", "points_mm": [at(grid.centre_mm + 2.9 * step)], "radius_mm": 2}]  # fmt: skip
    out = do("grow", drawing(grid, liver=EMPTY, spleen=EMPTY), v, strokes=strokes)
    assert dice(out.mask("liver"), left) > 0.95
    assert dice(out.mask("spleen"), right) > 0.95


def test_growing_leaves_locked_segments_and_what_lies_outside_its_region() -> None:
    g = GRIDS["plain"]
    left, right = halves(g)
    s = drawing(g, liver=EMPTY, spleen=right, aorta=EMPTY)
    s = s.with_(segments=tuple(x.model_copy(update={"locked": x.key == "spleen"}) for x in s.segments))
    out = do("grow", s, scan(g, 100.0 * (left | right)), strokes=[{"key": "liver", "points_mm": [at(g.centre_mm - (8, 0, 0))]}])  # fmt: skip
    assert np.array_equal(out.mask("spleen"), right)
    assert dice(out.mask("liver"), left) > 0.95
    low, high = g.centre_mm - (30, 30, 5), g.centre_mm - (-30, -30, -5)
    part = do("grow", s, scan(g, 100.0 * left), strokes=[{"key": "liver", "points_mm": [at(g.centre_mm - (8, 0, 0))]}],
              region_mm=[at(low), at(high)])  # fmt: skip
    assert not part.mask("liver")[np.abs(world(g)[..., 2] - g.centre_mm[2]) > 6].any()


def test_segments_as_they_are_can_be_the_seeds() -> None:
    g = GRIDS["plain"]
    left, right = halves(g)
    s = drawing(g, liver=ball(g, g.centre_mm - (8, 0, 0), 4), spleen=ball(g, g.centre_mm - (-8, 0, 0), 4))
    out = do("grow", s, scan(g, 100.0 * left + 170.0 * right), from_segments=["liver", "spleen"])
    assert dice(out.mask("liver"), left) > 0.95
    assert dice(out.mask("spleen"), right) > 0.95


def test_growing_on_coarse_voxels_follows_the_edge_on_the_fine_ones() -> None:
    from organtwin.monitor import NullMonitor
    from organtwin.segment import live
    from organtwin.segment.strokes import Stroke, on_grid

    g = Grid.make((120, 100, 90), (1.0, 1.0, 1.0))
    inside = ball(g, g.centre_mm, 30)
    strokes = [Stroke(key="liver", points_mm=(at(g.centre_mm),)), Stroke(key="background", points_mm=((5, 5, 5),))]
    owner = live.owners(scan(g, 100.0 * inside).values, on_grid(strokes, g), g.spacing_mm, 3.0, 1.0, NullMonitor())
    assert live.coarsening(g.shape, g.spacing_mm, live.MOST_VOXELS).max() > 1
    assert dice(owner == 0, inside) > 0.98


def test_growing_without_a_seed_or_with_an_unknown_key_is_refused_in_one_sentence() -> None:
    g = GRIDS["plain"]
    s, v = drawing(g, liver=EMPTY), scan(g, np.zeros(g.shape))
    with pytest.raises(BadInput, match="nothing to grow from"):
        do("grow", s, v)
    with pytest.raises(BadInput, match="no seed"):
        do("grow", s, v, strokes=[{"key": "background", "points_mm": [at(g.centre_mm)]}])
    with pytest.raises(BadInput, match="no seed"):
        do("grow", s, v, from_segments=["liver"])
    with pytest.raises(BadInput, match="no segment 'heart'"):
        do("grow", s, v, strokes=[{"key": "heart", "points_mm": [at(g.centre_mm)]}])


# -- correct -------------------------------------------------------------------------------------------------------


def test_one_stroke_gives_back_what_a_segment_lacks_and_changes_nothing_far_away(grid: Grid) -> None:
    organ = ball(grid, grid.centre_mm, 18)
    hole = grid.centre_mm + 16 * grid.directions[:, 0]
    lacking = organ & ~ball(grid, hole, 9)
    across = 4 * grid.directions[:, 1]
    inner = hole - 3 * grid.directions[:, 0]
    stroke = {"key": "liver", "points_mm": [at(inner - across), at(inner + across)], "radius_mm": 2}
    out = do("grow", drawing(grid, liver=lacking), scan(grid, 100.0 * organ), "liver", mode="correct", strokes=[stroke])
    lost = organ & ~lacking
    assert (out.mask("liver") & lost).sum() > 0.85 * lost.sum()
    assert (out.mask("liver") & ~organ).sum() < 0.1 * lost.sum()
    far = np.linalg.norm(world(grid) - hole, axis=-1) > 30
    assert np.array_equal(out.labels[far], np.where(lacking, 1, 0)[far])


def test_one_stroke_takes_away_a_leak_into_a_neighbour(grid: Grid) -> None:
    organ = ball(grid, grid.centre_mm - 6 * grid.directions[:, 0], 14)
    leak = ball(grid, grid.centre_mm + 13 * grid.directions[:, 0], 8) & ~organ
    v = scan(grid, 100.0 * organ + 160.0 * leak)
    middle = grid.centre_mm + 13 * grid.directions[:, 0]
    stroke = {"key": "background", "points_mm": [at(middle - 4 * grid.directions[:, 1]), at(middle + 4 * grid.directions[:, 1])], "radius_mm": 2}  # fmt: skip
    out = do("grow", drawing(grid, liver=organ | leak), v, "liver", mode="correct", strokes=[stroke])
    assert dice(out.mask("liver"), organ) > 0.97


def test_a_correction_that_is_right_already_changes_nothing_and_one_of_another_segment_is_refused() -> None:
    g = GRIDS["plain"]
    organ = ball(g, g.centre_mm, 12)
    s, v = drawing(g, liver=organ, spleen=EMPTY), scan(g, 100.0 * organ)
    out = do("grow", s, v, "liver", mode="correct", strokes=[{"key": "liver", "points_mm": [at(g.centre_mm)]}])
    assert np.array_equal(out.labels, s.labels)
    with pytest.raises(BadInput, match="has a stroke of 'spleen'"):
        do("grow", s, v, "liver", mode="correct", strokes=[{"key": "spleen", "points_mm": [at(g.centre_mm)]}])


# -- smooth --------------------------------------------------------------------------------------------------------


def rough(mask: np.ndarray, grid: Grid) -> np.ndarray:
    """With bumps of a voxel on its surface."""
    from organtwin.segment import regions

    rim = regions.grown(mask, 1.3, grid.spacing_mm) & ~regions.shrunk(mask, 1.3, grid.spacing_mm)
    return mask ^ (rim & (np.random.default_rng(1).random(mask.shape) < 0.3))


@pytest.mark.parametrize("method", ["median", "gaussian", "joint"])
def test_smoothing_brings_a_rough_ball_nearer_to_the_ball(method: str, grid: Grid) -> None:
    truth = ball(grid, grid.centre_mm, 15)
    bumpy = rough(truth, grid)
    out = do("smooth", drawing(grid, liver=bumpy), segment="liver", method=method, radius_mm=2.0).mask("liver")
    assert dice(out, truth) > dice(bumpy, truth) + 0.01


def test_smoothing_keeps_the_volume_and_thin_branches_when_asked_to() -> None:
    g = GRIDS["plain"]
    off = np.abs(world(g) - g.centre_mm)
    twig = (off[..., 1] < 1.3) & (off[..., 2] < 1.7) & (off[..., 0] < 26)
    whole = ball(g, g.centre_mm, 12) | twig
    plain, keeping = (do("smooth", drawing(g, liver=whole), segment="liver", method=m, radius_mm=2.5).mask("liver") for m in ("opening", "keeping"))  # fmt: skip
    assert (keeping & twig).sum() > 0.95 * twig.sum() > (plain & twig).sum()
    even = do("smooth", drawing(g, liver=ball(g, g.centre_mm, 12)), segment="liver", method="gaussian", radius_mm=2.0)
    assert abs(even.mask("liver").sum() / ball(g, g.centre_mm, 12).sum() - 1) < 0.01


def test_segments_smoothed_together_leave_no_gap_between_them() -> None:
    g = GRIDS["plain"]
    left, right = halves(g)
    mixed = rough(left, g) & (left | right)
    s = drawing(g, liver=mixed, spleen=(left | right) & ~mixed)
    out = do("smooth", s, method="joint", radius_mm=2.0)
    inner = ball(g, g.centre_mm, 14)
    assert (out.labels[inner] > 0).all()
    assert dice(out.mask("liver"), left) > dice(mixed, left)


def test_joint_smoothing_touches_no_segment_that_was_not_named() -> None:
    g = GRIDS["plain"]
    left, right = halves(g)
    s = drawing(g, liver=rough(left, g), spleen=rough(right, g) & ~rough(left, g))
    out = do("smooth", s, method="joint", segments=["liver"], radius_mm=2.0)
    assert np.array_equal(out.mask("spleen"), s.mask("spleen"))


def test_smoothing_an_empty_segment_is_refused_in_one_sentence() -> None:
    with pytest.raises(BadInput, match="no voxel to smooth"):
        do("smooth", drawing(GRIDS["plain"], liver=EMPTY), segment="liver")


# -- interpolate ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_between_painted_ones_are_filled_along_the_direction_they_were_painted_across(
    axis: int, grid: Grid
) -> None:
    truth = ball(grid, grid.centre_mm, 16)
    painted = np.zeros_like(truth)
    some = tuple(slice(1, None, 4) if a == axis else slice(None) for a in range(3))
    painted[some] = truth[some]
    out = do("interpolate", drawing(grid, liver=painted), segment="liver").mask("liver")
    used = np.flatnonzero(painted.any(axis=tuple(a for a in range(3) if a != axis)))
    between = np.zeros_like(truth)
    between[tuple(slice(used[0], used[-1] + 1) if a == axis else slice(None) for a in range(3))] = True
    assert dice(out, truth & between) > 0.96
    assert np.array_equal(out[some], painted[some])


def test_a_shape_that_moves_on_by_more_than_its_width_is_carried_along() -> None:
    g = GRIDS["plain"]
    painted = np.zeros(g.shape, bool)
    painted[10, 20:26, 8:14] = painted[20, 20:26, 38:44] = True
    out = do("interpolate", drawing(g, liver=painted), segment="liver").mask("liver")
    assert out[15, 20:26, 24:28].all()
    assert not out[15, :, 8:14].any()


def test_interpolation_without_gaps_is_refused_in_one_sentence() -> None:
    g = GRIDS["plain"]
    for mask in (EMPTY, ball(g, g.centre_mm, 10)):
        with pytest.raises(BadInput, match="nothing to interpolate"):
            do("interpolate", drawing(g, liver=mask), segment="liver")
