"""Tools are right in the world, whatever the order, sense, tilt and spacing of the voxels: each against a slow plain reference."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from organtwin.edit.apply import Edited
from organtwin.edit.canvas import Canvas
from organtwin.edit.edit import Edit
from organtwin.edit.rules import Rules
from organtwin.edit.runs import parts
from organtwin.errors import BadInput
from organtwin.model import Segment
from organtwin.space import Grid


def _turned(a: float, b: float) -> np.ndarray:
    about_z = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
    return about_z @ about_x


SHEAR = np.eye(4)
SHEAR[:3, :3] = np.array([[0.9, 0, 0], [0, 0.9, 0.6], [0, 0, 2.5]])
GRIDS = {
    "plain": Grid.make((22, 20, 14), (1.0, 1.0, 1.5), (-8, 20, 3)),
    "thick slices": Grid.make((24, 22, 7), (0.7, 0.7, 5.0), (4, -9, -30)),
    "negated": Grid.make((22, 20, 12), (0.8, 0.9, 2.0), (30, 1, 5), np.diag([-1.0, 1.0, -1.0])),
    "sagittal": Grid.make((20, 16, 15), (1.0, 1.2, 1.5), (0, 0, 0), np.array([[0, 0, 1.0], [1, 0, 0], [0, -1, 0]])),
    "turned": Grid.make((22, 20, 12), (0.8, 0.9, 2.0), (3, 4, 5), _turned(0.5, -0.3)),
    "sheared": Grid((18, 18, 10), SHEAR),
    "one slice": Grid.make((22, 20, 1), (0.7, 0.8, 5.0), (1, 2, 3), _turned(0.2, 0.1)),
}
every_grid = pytest.mark.parametrize("grid", GRIDS.values(), ids=GRIDS.keys())


def world(grid: Grid) -> np.ndarray:
    k, j, i = np.indices(grid.shape)
    return grid.to_world(np.stack([i, j, k], -1))


def canvas(
    grid: Grid, labels: np.ndarray | None = None, target: str = "liver", values: np.ndarray | None = None
) -> Canvas:
    labels = np.zeros(grid.shape, np.uint8) if labels is None else labels
    table = tuple(
        Segment.of(n, key, float((labels == n).sum()) * grid.voxel_volume_mm3)
        for n, key in ((1, "liver"), (2, "spleen"), (3, "aorta"))
    )
    return Canvas(grid, labels, table, target, values)


def done(on: Canvas, tool: str, rules: Rules | None = None, **options: Any) -> tuple[np.ndarray, Edited]:
    before = on.labels.copy()
    answer = Edit(tool=tool, segment=on.target, options=options, rules=rules or Rules()).perform(on)
    np.testing.assert_array_equal(on.labels, before)
    labels = before.astype(answer.patch.dtype)
    answer.patch.apply(labels)
    for segment in answer.segments:
        assert segment.volume_mm3 == pytest.approx((labels == segment.label).sum() * on.grid.voxel_volume_mm3)
    assert set(np.unique(labels)) <= {0, *(s.label for s in answer.segments)}
    return labels, answer


def blob(grid: Grid, seed: int = 3) -> np.ndarray:
    """Something with holes, islands and a ragged edge."""
    noise = np.random.default_rng(seed).normal(size=grid.shape)
    smooth = ndimage.gaussian_filter(noise, (0.6, 1.2, 1.2))
    return np.asarray(smooth > np.quantile(smooth, 0.6)).astype(np.uint8)


def in_line(corners: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Even-odd rule, point by point."""
    inside = np.zeros(xy.shape[:-1], bool)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        crosses = (a[1] > xy[..., 1]) != (b[1] > xy[..., 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            at = a[0] + (xy[..., 1] - a[1]) * (b[0] - a[0]) / (b[1] - a[1])
        inside ^= crosses & (xy[..., 0] < at)
    return inside


def star(rng: np.random.Generator, count: int, low: float, high: float) -> np.ndarray:
    angles = np.sort(rng.uniform(0, 2 * np.pi, count))
    return np.stack([np.cos(angles), np.sin(angles)], 1) * rng.uniform(low, high, (count, 1))


# -- paint --------------------------------------------------------------------------------------------------------


@every_grid
def test_a_way_of_the_brush_takes_what_lies_within_its_radius(grid: Grid) -> None:
    points = grid.to_world(np.array([[4, 5, 0], [15, 12, 6], [15, 12, 6], [3, 16, 2]]))
    wanted = np.zeros(grid.shape, bool)
    for a, b in pairwise(points):
        d = b - a
        along = np.clip((world(grid) - a) @ d / max(d @ d, 1e-12), 0, 1)
        wanted |= np.linalg.norm(world(grid) - a - along[..., None] * d, axis=-1) <= 3.1
    labels, _ = done(canvas(grid), "paint", points_mm=points.tolist(), radius_mm=3.1)
    np.testing.assert_array_equal(labels == 1, wanted)


@every_grid
def test_a_disc_stays_in_its_slice(grid: Grid) -> None:
    for axis in range(3):
        normal = np.cross(grid.directions[:, (axis + 1) % 3], grid.directions[:, (axis + 2) % 3])
        at = np.array(grid.size) // 2
        labels, _ = done(
            canvas(grid), "paint", points_mm=[grid.to_world(at).tolist()], radius_mm=3.1, normal=normal.tolist()
        )
        layers = np.unique(np.argwhere(labels == 1)[:, 2 - axis])
        assert layers.tolist() == [at[axis]]
        offset = world(grid) - grid.to_world(at)
        unit = normal / np.linalg.norm(normal)
        flat = offset - (offset @ unit)[..., None] * unit
        layer = np.take(np.linalg.norm(flat, axis=-1), at[axis], 2 - axis)
        np.testing.assert_array_equal(np.take(labels == 1, at[axis], 2 - axis), layer <= 3.1)


@every_grid
def test_a_brush_smaller_than_a_voxel_draws_a_line_without_gaps(grid: Grid) -> None:
    ends = grid.to_world(np.array([[2, 2, 0], [16, 13, grid.size[2] - 1]]))
    labels, _ = done(canvas(grid), "paint", points_mm=ends.tolist(), radius_mm=0.05)
    assert labels[0, 2, 2] == 1
    assert labels[-1, 13, 16] == 1
    assert len(parts(labels == 1, corners=True)) == 1


def test_a_brush_by_intensity_stays_with_what_is_alike_and_connected() -> None:
    grid = GRIDS["turned"]
    values = np.zeros(grid.shape, np.int16)
    values[:, :, 8:12] = 100  # a wall between two like halves
    options = {"points_mm": [grid.to_world((5, 10, 6)).tolist()], "radius_mm": 30.0}
    labels, _ = done(canvas(grid, values=values), "paint", **options, like=20)
    assert labels[:, :, :8].all()
    assert not labels[:, :, 8:].any()
    labels, _ = done(canvas(grid, values=values), "paint", **options, values=(-5, 5))
    np.testing.assert_array_equal(labels == 1, values == 0)


def test_painting_outside_of_the_grid_changes_nothing() -> None:
    grid = GRIDS["turned"]
    far = (grid.centre_mm + 1000).tolist()
    for options in ({}, {"normal": (0, 0, 1)}, {"erase": True}, {"like": 5}):
        values = np.zeros(grid.shape, np.int16)
        assert done(canvas(grid, values=values), "paint", points_mm=[far, far], radius_mm=20, **options)[1].nothing


# -- lines --------------------------------------------------------------------------------------------------------


@every_grid
@pytest.mark.parametrize("plane", ["i", "j", "k", "oblique"])
def test_a_contour_is_filled_in_a_plane_of_any_direction(grid: Grid, plane: str) -> None:
    rng = np.random.default_rng(11)
    d = grid.directions
    normal = {"i": np.cross(d[:, 1], d[:, 2]), "j": np.cross(d[:, 2], d[:, 0]), "k": np.cross(d[:, 0], d[:, 1])}.get(
        plane, np.array([0.513, 0.337, 0.711])
    )
    normal /= np.linalg.norm(normal)
    u = np.cross(normal, [0.3, 0.9, 0.1])
    u /= np.linalg.norm(u)
    axes = np.stack([u, np.cross(normal, u)])
    middle = grid.to_world(np.array(grid.size) // 2)
    corners = star(rng, 15, 2.0, 8.0)
    labels, _ = done(canvas(grid), "contour", points_mm=(middle + corners @ axes).tolist(), normal=normal.tolist())
    half = 0.5 * np.abs(grid.affine[:3, :3].T @ normal).max()
    wanted = in_line(corners, (world(grid) - middle) @ axes.T) & (np.abs((world(grid) - middle) @ normal) < half - 1e-9)
    np.testing.assert_array_equal(labels == 1, wanted)
    again, _ = done(canvas(grid, labels), "contour", points_mm=(middle + corners @ axes).tolist(), erase=True)
    assert not again.any()


def test_a_contour_on_a_line_or_of_two_points_holds_nothing() -> None:
    grid = GRIDS["plain"]
    with pytest.raises(BadInput, match="one line"):
        done(canvas(grid), "contour", points_mm=[(0, 0, 0), (1, 1, 1), (2, 2, 2)])
    with pytest.raises(BadInput, match="at least 3"):
        done(canvas(grid), "contour", points_mm=[(0, 0, 0), (1, 1, 1)])
    tiny = [(0.1, 0.1, 0), (0.2, 0.1, 0), (0.2, 0.2, 0)]
    assert "no voxel" in done(canvas(grid), "contour", points_mm=[(x, y + 24, z + 9) for x, y, z in tiny])[1].said


def look(eye: np.ndarray, at: np.ndarray, field: float) -> np.ndarray:
    """World to clip of a camera."""
    f = (at - eye) / np.linalg.norm(at - eye)
    r = np.cross(f, [0.1, 0.2, 1.0])
    r /= np.linalg.norm(r)
    view = np.eye(4)
    view[:3, :3] = r, np.cross(r, f), -f
    view[:3, 3] = -view[:3, :3] @ eye
    t, near, far = 1 / np.tan(field / 2), 1.0, 500.0
    w = np.array(
        [[t, 0, 0, 0], [0, t, 0, 0], [0, 0, (far + near) / (near - far), 2 * far * near / (near - far)], [0, 0, -1, 0]]
    )
    return np.asarray(w @ view)


@every_grid
@pytest.mark.parametrize("distance", [300.0, 25.0, 3.0])  # from far, near, and from within
@pytest.mark.parametrize("depth", [None, (-0.5, 0.97)])
def test_scissors_cut_what_is_seen_within_the_line(
    grid: Grid, distance: float, depth: tuple[float, float] | None
) -> None:
    rng = np.random.default_rng(5)
    labels = blob(grid)
    labels[:, ::3] = 2
    line = star(rng, 40, 0.05, 0.9)
    to_clip = look(grid.centre_mm + distance * np.array([0.6, -0.7, 0.3]), grid.centre_mm, 0.7)
    clip = np.concatenate([world(grid), np.ones((*grid.shape, 1))], -1) @ to_clip.T
    seen = clip[..., 3] > 0
    shown = clip[..., :3] / np.where(seen, clip[..., 3], 1)[..., None]
    seen &= in_line(line, shown[..., :2])
    if depth:
        seen &= (shown[..., 2] >= depth[0]) & (shown[..., 2] <= depth[1])
    options = {"line": line.tolist(), "to_clip": to_clip.tolist(), "depth": depth}
    got, _ = done(canvas(grid, labels), "scissors", **options)
    np.testing.assert_array_equal(got, np.where(seen & (labels == 1), 0, labels))
    got, _ = done(canvas(grid, labels), "scissors", **options, action="erase-outside", keys=["liver", "spleen"])
    np.testing.assert_array_equal(got, np.where(seen, labels, 0))
    got, _ = done(canvas(grid, labels), "scissors", **options, action="fill-inside")
    np.testing.assert_array_equal(got, np.where(seen, 1, labels))


def test_scissors_along_the_rows_of_the_grid_cut_whole_rows() -> None:
    grid = GRIDS["negated"]
    to_clip = np.eye(4)[[1, 2, 0, 3]] / np.array([[20.0], [40.0], [100.0], [1.0]])  # sees P to the right, S up
    to_clip[:2, 3] = -0.5, 0.3
    square = [(-0.2, -0.2), (0.2, -0.2), (0.2, 0.2), (-0.2, 0.2)]
    labels, _ = done(canvas(grid), "scissors", line=square, to_clip=to_clip.tolist(), action="fill-inside")
    seen = np.all(np.abs(world(grid) @ to_clip[:2, :3].T + to_clip[:2, 3]) < 0.2, axis=-1)
    assert seen.any()
    np.testing.assert_array_equal(labels == 1, seen)


@every_grid
def test_a_plane_removes_or_splits_what_lies_in_front_of_it(grid: Grid) -> None:
    labels = blob(grid)
    point, normal = grid.centre_mm + 0.123, np.array([0.3, -0.8, 0.4])
    front = (world(grid) - point) @ normal >= 0
    options = {"point_mm": point.tolist(), "normal": normal.tolist()}
    got, _ = done(canvas(grid, labels), "cut-plane", **options)
    np.testing.assert_array_equal(got, np.where(front, 0, labels))
    got, _ = done(canvas(grid, labels), "cut-plane", **options, side="behind")
    np.testing.assert_array_equal(got, np.where(front, labels, 0))
    got, answer = done(canvas(grid, labels), "cut-plane", **options, action="split")
    np.testing.assert_array_equal(got == 4, front & (labels == 1))
    assert answer.segments[-1].name == "Liver, cut"
    assert answer.segments[-1].label == 4


# -- distances ----------------------------------------------------------------------------------------------------


def _within(mask: np.ndarray, grid: Grid, reach: float) -> np.ndarray:
    if not mask.any():
        return mask
    distance, _ = cKDTree(world(grid)[mask]).query(world(grid).reshape(-1, 3))
    return np.asarray(distance.reshape(grid.shape) <= reach * (1 + 1e-7))


@every_grid
@pytest.mark.parametrize("margin", [0.75, 2.6, 5.05, -0.95, -2.05])
def test_a_margin_is_the_same_in_all_directions(grid: Grid, margin: float) -> None:
    labels = blob(grid)
    labels = labels if margin > 0 else 1 - labels
    got, _ = done(canvas(grid, labels), "margin", margin_mm=margin)
    mask = labels == 1
    wanted = _within(mask, grid, margin) if margin > 0 else mask & ~_within(~mask, grid, -margin)
    np.testing.assert_array_equal(got == 1, wanted)


def test_an_organ_that_the_scan_cuts_keeps_its_cut_face() -> None:
    grid = GRIDS["plain"]
    labels = np.zeros(grid.shape, np.uint8)
    labels[:, 5:15, 5:15] = 1
    got, _ = done(canvas(grid, labels), "margin", margin_mm=-1.0)
    assert got[0, 6:14, 6:14].all()
    assert got.sum() == 8 * 8 * grid.size[2]


@every_grid
@pytest.mark.parametrize("shell", ["inside", "medial", "outside"])
def test_a_shell_is_as_thick_as_was_asked(grid: Grid, shell: str) -> None:
    labels = np.zeros(grid.shape, np.uint8)
    labels[2:-2, 4:-4, 5:-5] = 1
    labels = labels if grid.size[2] > 1 else np.pad(np.ones((1, 8, 8), np.uint8), ((0, 0), (6, 6), (7, 7)))
    got, _ = done(canvas(grid, labels), "hollow", thickness_mm=2.6, shell=shell)
    mask = labels == 1
    inside, outside = {"inside": (2.6, 0), "medial": (1.3, 1.3), "outside": (0, 2.6)}[shell]
    cross = ndimage.generate_binary_structure(3, 1)
    wanted = np.zeros_like(mask)
    if inside:
        wanted |= mask & (_within(~mask, grid, inside) | ndimage.binary_dilation(~mask, cross))
    if outside:
        wanted |= ~mask & (
            _within(mask, grid, outside) | (ndimage.binary_dilation(mask, cross) if not inside else False)
        )
    np.testing.assert_array_equal(got == 1, wanted)


def test_a_wall_is_laid_around_a_lumen_that_stays() -> None:
    grid = GRIDS["plain"]
    labels = np.zeros(grid.shape, np.uint8)
    labels[:, 8:12, 8:12] = 3
    got, _ = done(canvas(grid, labels, "aorta"), "hollow", thickness_mm=2.0, shell="outside", into="liver")
    np.testing.assert_array_equal(got == 3, labels == 3)
    assert (got[:, 10, 6:8] == 1).all()
    assert (got[:, 10, 12:14] == 1).all()
    assert not got[:, 10, :6].any()


# -- parts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize("fill", [0.1, 0.3, 0.5, 0.7])
def test_parts_are_those_of_a_plain_flood(corners: bool, fill: float) -> None:
    rng = np.random.default_rng(int(fill * 10))
    for shape in ((9, 11, 13), (1, 20, 20), (20, 1, 1), (1, 1, 30)):
        mask = rng.random(shape) < fill
        wanted, count = ndimage.label(mask, np.ones((3, 3, 3)) if corners else None)
        found = parts(mask, corners)
        assert len(found) == count
        numbers = found.numbered(np.arange(1, count + 1, dtype=np.uint16))
        np.testing.assert_array_equal(numbers > 0, mask)
        assert len(np.unique(np.stack([numbers[mask], wanted[mask]]), axis=1).T) == count
        np.testing.assert_array_equal(found.sizes, np.bincount(numbers[mask], minlength=count + 1)[1:])
        assert (np.diff(found.sizes) <= 0).all()


def islands_of(grid: Grid) -> np.ndarray:
    labels = np.zeros(grid.shape, np.uint8)
    labels[1:4, 2:8, 2:8] = 1  # 108
    labels[6:8, 2:6, 2:6] = 1  # 32
    labels[6, 10, 10] = 1
    labels[9, 10:14, 10:14] = 2
    return labels


def test_islands_are_kept_removed_and_split() -> None:
    grid = GRIDS["plain"]
    labels = islands_of(grid)
    at = grid.to_world((3, 3, 6)).tolist()
    kept = {
        "keep-largest": done(canvas(grid, labels), "islands")[0],
        "two": done(canvas(grid, labels), "islands", count=2)[0],
        "keep-at": done(canvas(grid, labels), "islands", action="keep-at", point_mm=at)[0],
        "remove-at": done(canvas(grid, labels), "islands", action="remove-at", point_mm=at)[0],
        "remove-small": done(canvas(grid, labels), "islands", action="remove-small", smaller_than_ml=0.01)[0],
    }
    assert {name: int((got == 1).sum()) for name, got in kept.items()} == {
        "keep-largest": 108, "two": 140, "keep-at": 32, "remove-at": 109, "remove-small": 140,
    }  # fmt: skip
    assert all((got == 2).sum() == 16 for got in kept.values())
    got, answer = done(canvas(grid, labels), "islands", action="split")
    assert [int((got == n).sum()) for n in (1, 2, 4, 5)] == [108, 16, 32, 1]
    assert [s.name for s in answer.segments[3:]] == ["Liver 2", "Liver 3"]
    with pytest.raises(BadInput, match="no voxel at this point"):
        done(canvas(grid, labels), "islands", action="keep-at", point_mm=(1e4, 0, 0))
    with pytest.raises(BadInput, match="Give the point"):
        done(canvas(grid, labels), "islands", action="remove-at")


def test_splitting_into_the_256th_segment_widens_the_labels() -> None:
    grid = Grid.make((40, 40, 3), (1, 1, 1))
    labels = np.zeros(grid.shape, np.uint8)
    labels[:, ::2, ::2] = 1
    got, answer = done(canvas(grid, labels), "islands", action="split")
    assert len(answer.segments) == 3 + 399
    assert got.dtype == np.uint16
    assert got.max() == 402


@every_grid
def test_holes_are_what_the_border_cannot_reach(grid: Grid) -> None:
    labels = blob(grid)
    labels[labels == 0] = np.where(np.random.default_rng(1).random(grid.shape) < 0.05, 2, 0)[labels == 0]
    mask = labels == 1
    if grid.size[2] > 1:
        holes = ndimage.binary_fill_holes(mask) & ~mask
        got, _ = done(canvas(grid, labels), "fill-holes")
        np.testing.assert_array_equal(got, np.where(holes & (labels == 0), 1, labels))
        got, _ = done(canvas(grid, labels), "fill-holes", others=True)
        np.testing.assert_array_equal(got, np.where(holes, 1, labels))
    for patient, view in enumerate(("sagittal", "coronal", "axial")):
        axis = 2 - int(np.argmax(np.abs(grid.directions[patient])))
        holes = np.stack([ndimage.binary_fill_holes(m) for m in np.moveaxis(mask, axis, 0)]) & ~np.moveaxis(
            mask, axis, 0
        )
        got, _ = done(canvas(grid, labels), "fill-holes", each=view)
        np.testing.assert_array_equal(got, np.where(np.moveaxis(holes, 0, axis) & (labels == 0), 1, labels))


# -- threshold ----------------------------------------------------------------------------------------------------


@every_grid
def test_a_threshold_takes_a_range_everywhere_in_a_ball_or_in_a_block(grid: Grid) -> None:
    rng = np.random.default_rng(2)
    values = rng.integers(0, 100, grid.shape).astype(np.int16)
    labels = (rng.random(grid.shape) < 0.2).astype(np.uint8)
    asked = (values >= 30) & (values <= 60)
    on = canvas(grid, labels, values=values)
    got, _ = done(on, "threshold", values=(30, 60))
    np.testing.assert_array_equal(got == 1, asked)
    got, _ = done(on, "threshold", values=(30, float("inf")), mode="erase")
    np.testing.assert_array_equal(got == 1, (labels == 1) & (values < 30))
    centre = grid.centre_mm
    near = np.linalg.norm(world(grid) - centre, axis=-1) <= 4.05
    got, _ = done(on, "threshold", values=(30, 60), within={"centre_mm": centre.tolist(), "radius_mm": 4.05})
    np.testing.assert_array_equal(got == 1, np.where(near, asked, labels == 1))
    block = np.all(np.abs(world(grid) - centre) <= (3.03, 4.03, 2.53), axis=-1)
    half = np.array([3.03, -4.03, 2.53])
    ends = {
        "corner_mm": (centre + half).tolist(),
        "opposite_mm": (centre - half).tolist(),
    }
    got, _ = done(on, "threshold", values=(30, 60), within=ends, mode="add")
    np.testing.assert_array_equal(got == 1, (block & asked) | (labels == 1))


def test_a_threshold_may_be_held_to_what_a_point_hangs_together_with() -> None:
    grid = GRIDS["negated"]
    values = (islands_of(grid) == 1).astype(np.int16) * 50
    at = grid.to_world((3, 3, 6)).tolist()
    got, _ = done(canvas(grid, values=values), "threshold", values=(40, 60), at_mm=at)
    assert (got == 1).sum() == 32
    with pytest.raises(BadInput, match="not in the range"):
        done(canvas(grid, values=values), "threshold", values=(40, 60), at_mm=grid.to_world((0, 0, 0)).tolist())
    with pytest.raises(BadInput, match="from the lower value to the higher"):
        done(canvas(grid, values=values), "threshold", values=(60, 40))
    with pytest.raises(BadInput, match="looks at the scan"):
        done(canvas(grid), "threshold", values=(0, 1))


# -- unhappy ways -------------------------------------------------------------------------------------------------

PLANE = {"point_mm": (0, 0, 0), "normal": (0, 0, 1)}
SQUARE = [(-1, -1), (1, -1), (1, 1), (-1, 1)]
ASKED: dict[str, dict[str, Any]] = {
    "islands": {},
    "fill-holes": {},
    "hollow": {},
    "margin": {"margin_mm": 3},
    "cut-plane": PLANE,
    "scissors": {"line": SQUARE, "to_clip": np.eye(4).tolist()},
    "combine": {"action": "clear"},
}


@pytest.mark.parametrize(("tool", "options"), ASKED.items(), ids=ASKED.keys())
@every_grid
def test_an_empty_segment_stays_empty(grid: Grid, tool: str, options: dict[str, Any]) -> None:
    answer = done(canvas(grid), tool, **options)[1]
    assert answer.nothing
    assert answer.said


@pytest.mark.parametrize(("tool", "options"), ASKED.items(), ids=ASKED.keys())
def test_a_segment_that_there_is_not_is_named(tool: str, options: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="no segment 'lung_left'"):
        done(canvas(GRIDS["plain"], target="lung_left"), tool, **options)


@pytest.mark.parametrize(("tool", "options"), ASKED.items(), ids=ASKED.keys())
def test_a_full_grid_is_no_trouble(tool: str, options: dict[str, Any]) -> None:
    for grid in (GRIDS["one slice"], GRIDS["turned"]):
        done(canvas(grid, np.ones(grid.shape, np.uint8)), tool, **options)


NAN = float("nan")


@pytest.mark.parametrize(
    ("tool", "options"),
    [
        ("paint", {"points_mm": [(0, NAN, 0)]}),
        ("paint", {"points_mm": []}),
        ("paint", {"points_mm": [(0, 0, 0)], "radius_mm": NAN}),
        ("paint", {"points_mm": [(0, 0, 0)], "radius_mm": -1}),
        ("contour", {"points_mm": [(0, 0, 0), (1, 0, 0), (0, float("inf"), 0)]}),
        ("contour", {"points_mm": [(0, 0, 0), (1, 0, 0), (0, 1, 0)], "normal": (0, 0, 0)}),
        ("cut-plane", {"point_mm": (0, 0, 0), "normal": (0, 0, 0)}),
        ("cut-plane", {"point_mm": (0, 0, 0), "normal": (0, NAN, 1)}),
        ("scissors", {"line": SQUARE, "to_clip": np.zeros((4, 4)).tolist()}),
        ("scissors", {"line": SQUARE, "to_clip": np.eye(3).tolist()}),
        ("scissors", {"line": SQUARE[:2], "to_clip": np.eye(4).tolist()}),
        ("margin", {"margin_mm": NAN}),
        ("hollow", {"thickness_mm": 0}),
        ("hollow", {"into": "liver"}),
        ("threshold", {"values": (NAN, 3)}),
        ("islands", {"count": 0}),
        ("islands", {"size": 3}),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(tool: str, options: dict[str, Any]) -> None:
    grid = GRIDS["plain"]
    labels = np.ones(grid.shape, np.uint8)
    with pytest.raises(BadInput) as told:
        done(canvas(grid, labels, values=labels.astype(np.int16)), tool, **options)
    assert "\n" not in told.value.sentence


def test_a_locked_lumen_gets_its_wall_but_no_stroke() -> None:
    grid = GRIDS["plain"]
    labels = np.zeros(grid.shape, np.uint8)
    labels[:, 8:12, 8:12] = 3
    on = canvas(grid, labels, "aorta")
    locked = Canvas(
        grid, labels, tuple(s.model_copy(update={"locked": s.key == "aorta"}) for s in on.segments), "aorta"
    )
    got, _ = done(locked, "hollow", thickness_mm=2.0, shell="outside", into="liver")
    np.testing.assert_array_equal(got == 3, labels == 3)
    assert (got == 1).any()
    for tool, options in (
        ("paint", {"points_mm": [grid.centre_mm.tolist()]}),
        ("margin", {"margin_mm": -2}),
        ("scissors", ASKED["scissors"]),
    ):
        with pytest.raises(BadInput, match="'Aorta' is locked"):
            done(
                locked,
                tool,
                **{
                    **options,
                    **({"to_clip": (np.eye(4) / [[99], [99], [99], [1]]).tolist()} if tool == "scissors" else {}),
                },
            )


def test_locked_neighbours_are_safe_from_every_tool() -> None:
    grid = GRIDS["plain"]
    labels = islands_of(grid)
    on = canvas(grid, labels, values=labels.astype(np.int16))
    locked = Canvas(
        grid, labels, tuple(s.model_copy(update={"locked": s.key == "spleen"}) for s in on.segments), "liver", on.values
    )
    asked: dict[str, list[dict[str, Any]]] = {
        "paint": [{"points_mm": [grid.centre_mm.tolist()], "radius_mm": 100}],
        "threshold": [{"values": (0, 9)}],
        "contour": [
            {"points_mm": [grid.to_world(p).tolist() for p in ((0, 0, 9), (21, 0, 9), (21, 19, 9), (0, 19, 9))]}
        ],
        "margin": [{"margin_mm": 30}],
        "hollow": [{"thickness_mm": 30, "shell": "outside"}],
        "combine": [
            {"action": "union", "others": ["spleen"]},
            {"action": "invert"},
            {"action": "copy", "others": ["spleen"]},
        ],
        "scissors": [
            {
                "line": SQUARE,
                "to_clip": (np.eye(4) / [[99], [99], [99], [1]]).tolist(),
                "keys": ["spleen"],
                "action": action,
            }
            for action in ("erase-inside", "erase-outside", "fill-inside")
        ],
        "cut-plane": [
            {**PLANE, "keys": ["spleen", "liver"], "action": action, "side": side}
            for action in ("remove", "split")
            for side in ("front", "behind")
        ],
    }
    for tool, ways in asked.items():
        for options in ways:
            got, _ = done(locked, tool, **options)
            np.testing.assert_array_equal(got == 2, labels == 2, f"{tool} {options}")
