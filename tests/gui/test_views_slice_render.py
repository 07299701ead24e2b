"""Slices as pictures: sides, scale, window, overlays and numbers, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from organtwin_gui.views.slice_render import (
    Framing,
    LabelStyle,
    Plane,
    SliceGeometry,
    disc_statistics,
    outline,
    paint_labels,
    patient_text,
    render_grey,
    sample_labels,
)

from organtwin.space import Grid

LEFT, POSTERIOR, HEAD = 300, 600, 900


def asymmetric(directions: np.ndarray, size=(24, 30, 18), spacing=(2.0, 1.0, 3.0)) -> tuple[Grid, np.ndarray]:
    """A phantom with one block towards the left, one towards the back and one towards the head, on any grid."""
    centre = np.array([10.0, -20.0, 30.0])
    extent = (np.array(size) - 1) * np.array(spacing) / 2
    grid = Grid.make(size, spacing, centre - directions @ extent, directions)
    k, j, i = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
    at = grid.to_world(np.stack([i, j, k], axis=-1)) - centre
    values = np.zeros(grid.shape, np.int16)
    near = np.abs(at).max(axis=-1) < 4
    for offset, value in (((10, 0, 0), LEFT), ((0, 9, 0), POSTERIOR), ((0, 0, 14), HEAD)):
        values[np.abs(at - np.array(offset)).max(axis=-1) < 4] = value
    values[near] = 100
    return grid, values


def orientations() -> list[np.ndarray]:
    """Every way to lay axes along the patient: permutations with every choice of sign."""
    made = []
    for order in ((0, 1, 2), (1, 2, 0), (2, 0, 1), (0, 2, 1)):
        for signs in ((1, 1, 1), (-1, 1, 1), (1, -1, 1), (1, 1, -1), (-1, -1, -1)):
            made.append(np.eye(3)[:, order] * np.array(signs))
    return made


def where(picture: np.ndarray, level: float) -> np.ndarray:
    """(x, y) middle of the pixels of about that brightness, relative to the picture's middle."""
    found = np.argwhere(np.abs(picture.astype(float) - level) < 3)
    assert len(found), f"nothing of brightness {level}"
    return found.mean(axis=0)[::-1] - np.array(picture.shape[::-1]) / 2


def picture_of(grid: Grid, values: np.ndarray, plane: Plane, size: int = 240) -> tuple[np.ndarray, SliceGeometry]:
    canonical, turned = grid.canonical(), grid.to_canonical(values)
    geometry = SliceGeometry(canonical, plane)
    index = geometry.slice_of(np.array([10.0, -20.0, 30.0]))
    framing = Framing.fit(geometry, size, size)
    return render_grey(geometry.slice_image(turned, index), geometry, framing, 500, 1000), geometry


@pytest.mark.parametrize("directions", orientations(), ids=lambda d: "".join(f"{v:+.0f}" for v in d.ravel()))
def test_the_patients_left_is_on_the_right_of_axial_and_coronal_whatever_the_grid(directions) -> None:
    grid, values = asymmetric(directions)
    axial, _ = picture_of(grid, values, Plane.AXIAL)
    x, y = where(axial, LEFT / 1000 * 255)
    assert x > 15
    assert abs(y) < 6
    x, y = where(axial, POSTERIOR / 1000 * 255)
    assert y > 15, "the back is below: the picture is seen from the feet"
    assert abs(x) < 6
    coronal, _ = picture_of(grid, values, Plane.CORONAL)
    assert where(coronal, LEFT / 1000 * 255)[0] > 15
    assert where(coronal, HEAD / 1000 * 255)[1] < -15, "the head is up"
    sagittal, _ = picture_of(grid, values, Plane.SAGITTAL)
    assert where(sagittal, POSTERIOR / 1000 * 255)[0] > 15, "the face is on the left"
    assert where(sagittal, HEAD / 1000 * 255)[1] < -15


def test_letters_come_from_the_real_directions() -> None:
    straight = SliceGeometry(Grid.make((4, 4, 4), (1, 1, 1)), Plane.AXIAL)
    assert straight.letters() == ("R", "L", "A", "P")
    assert SliceGeometry(straight.grid, Plane.CORONAL).letters() == ("R", "L", "S", "I")
    assert SliceGeometry(straight.grid, Plane.SAGITTAL).letters() == ("A", "P", "S", "I")
    turn = np.radians(30)
    directions = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    oblique = SliceGeometry(Grid.make((4, 4, 4), (1, 1, 1), directions=directions), Plane.AXIAL)
    assert oblique.letters() == ("RA", "LP", "AL", "PR")


@given(
    plane=st.sampled_from(list(Plane)),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
    point=st.tuples(*[st.floats(-50, 50)] * 3),
    turn=st.floats(-0.5, 0.5),
)
@settings(max_examples=60, deadline=None)
def test_a_point_comes_back_from_the_screen(plane, spacing, point, turn) -> None:
    directions = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    geometry = SliceGeometry(Grid.make((40, 50, 30), spacing, (-40, 5, -30), directions), plane)
    framing = Framing.fit(geometry, 333, 271).zoomed(geometry, 2.3, 20, 250).panned(geometry, 13, -40)
    column, row, index = geometry.from_world(point)
    x, y = framing.to_pixel(geometry, column, row)
    back = geometry.to_world((*framing.to_image(geometry, x, y), index))
    assert np.allclose(back, point, atol=1e-6)


def test_millimetres_are_square_on_the_screen_when_voxels_are_not() -> None:
    grid = Grid.make((40, 20, 10), (1.0, 2.0, 5.0))
    values = np.full(grid.shape, 1000, np.int16)
    for plane in Plane:
        geometry = SliceGeometry(grid, plane)
        framing = Framing.fit(geometry, 300, 200)
        picture = render_grey(geometry.slice_image(values, 3), geometry, framing, 500, 1000)
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        wide, high = geometry.columns * geometry.column_mm, geometry.rows * geometry.row_mm
        assert len(columns) / len(rows) == pytest.approx(wide / high, rel=0.03)


def test_zoom_keeps_what_lies_under_the_pointer() -> None:
    geometry = SliceGeometry(Grid.make((64, 64, 8), (0.7, 0.7, 3)), Plane.CORONAL)
    before = Framing.fit(geometry, 400, 300)
    after = before.zoomed(geometry, 3.0, 50, 60)
    assert np.allclose(before.to_image(geometry, 50, 60), after.to_image(geometry, 50, 60))
    assert after.mm_per_pixel == pytest.approx(before.mm_per_pixel / 3)


def test_the_window_maps_its_ends_to_black_and_white() -> None:
    grid = Grid.make((30, 10, 2), (1, 1, 1))
    values = np.zeros(grid.shape, np.int16)
    values[..., :10], values[..., 10:20], values[..., 20:] = -160, 40, 240
    geometry = SliceGeometry(grid, Plane.AXIAL)
    picture = render_grey(geometry.slice_image(values, 0), geometry, Framing.fit(geometry, 300, 100), 40, 400)
    assert picture[50, 40] == 0
    assert picture[50, 150] in (127, 128)
    assert picture[50, 260] == 255


def test_values_are_averaged_when_the_slice_is_shown_smaller() -> None:
    grid = Grid.make((256, 256, 2), (1, 1, 1))
    checks = np.indices(grid.shape).sum(axis=0) % 2 * 200
    geometry = SliceGeometry(grid, Plane.AXIAL)
    picture = render_grey(geometry.slice_image(checks, 0), geometry, Framing.fit(geometry, 50, 50), 100, 200)
    inner = picture[2:-2, 2:-2].astype(int)
    assert np.ptp(inner) < 8
    assert inner.mean() == pytest.approx(127, abs=3)


def test_nothing_is_invented_outside_the_scan() -> None:
    grid = Grid.make((20, 20, 3), (1, 1, 1))
    geometry = SliceGeometry(grid, Plane.AXIAL)
    framing = Framing.fit(geometry, 200, 100)
    picture = render_grey(np.full((20, 20), 1000), geometry, framing, 0, 100)
    assert not picture[:, :49].any()
    assert not picture[:, 151:].any()
    assert picture[:, 51:149].all()
    labels = sample_labels(np.ones(grid.shape, np.uint8), grid, geometry, 1, framing)
    assert not labels[:, :49].any()
    assert labels[:, 51:149].all()


@pytest.mark.parametrize("plane", list(Plane))
def test_labels_on_another_grid_of_the_frame_lie_where_they_belong(plane) -> None:
    grid, _ = asymmetric(np.eye(3))
    turn = np.radians(17)
    directions = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    centre = np.array([10.0, -20.0, 30.0])
    label_grids = (
        Grid.make((60, 60, 60), (1, 1, 1), centre - 29.5),
        Grid.make((90, 90, 90), (0.8, 0.8, 0.8), centre - directions @ np.full(3, 44.5 * 0.8), directions),
    )
    geometry = SliceGeometry(grid, plane)
    index = geometry.slice_of(centre)
    framing = Framing.fit(geometry, 200, 200)
    for label_grid in label_grids:
        k, j, i = np.indices(label_grid.shape)
        at = label_grid.to_world(np.stack([i, j, k], axis=-1))
        labels = (np.linalg.norm(at - centre - (3, 0, 0), axis=-1) < 8).astype(np.uint8)
        picture = sample_labels(labels, label_grid, geometry, index, framing)
        rows, columns = np.nonzero(picture)
        middle = geometry.to_world((*framing.to_image(geometry, columns.mean() + 0.5, rows.mean() + 0.5), index))
        expected = centre + np.array((3, 0, 0))
        seen = [axis for axis in range(3) if axis != geometry.through_axis]
        assert np.allclose(middle[seen], expected[seen], atol=0.5)


def test_labels_keep_their_own_grids_slices_apart() -> None:
    grid = Grid.make((10, 10, 6), (1, 1, 2))
    labels = np.zeros(grid.shape, np.uint8)
    labels[4] = 7
    geometry = SliceGeometry(grid, Plane.AXIAL)
    framing = Framing.fit(geometry, 50, 50)
    assert set(np.unique(sample_labels(labels, grid, geometry, 4, framing))) == {7}
    assert not sample_labels(labels, grid, geometry, 3, framing).any()


def test_outlines_run_inside_each_segment_and_between_neighbours() -> None:
    labels = np.zeros((40, 40), np.uint8)
    labels[10:30, 10:20], labels[10:30, 20:30] = 1, 2
    rim = outline(labels, 2)
    assert not rim[labels == 0].any()
    assert rim[20, 10]
    assert rim[20, 11]
    assert rim[20, 18:22].all()
    assert not rim[20, 14]


def test_a_hidden_segment_leaves_no_trace_and_a_faint_one_is_faint() -> None:
    labels = np.array([[0, 1, 2, 3]], np.uint8).repeat(4, axis=0)
    styles = {
        1: LabelStyle((200, 100, 0)),
        2: LabelStyle((0, 0, 255), visible=False),
        3: LabelStyle((0, 80, 0), opacity=0.5),
    }
    painted = paint_labels(labels, styles, 0.5, 0.0)[1]
    alpha = painted >> 24
    assert list(alpha) == [0, 128, 0, 64]
    assert (painted[1] >> 16) & 255 == 100, "colours are premultiplied"
    outlined = paint_labels(labels, styles, 0.0, 1.0)
    assert not outlined[:, 2].any()


def test_disc_statistics_are_those_of_the_voxels_inside() -> None:
    grid = Grid.make((50, 50, 1), (0.5, 1.0, 1.0))
    image = np.random.default_rng(1).normal(50, 10, (50, 50))
    geometry = SliceGeometry(grid, Plane.AXIAL)
    found = disc_statistics(image, geometry, 20, 25, 6.0)
    rows, columns = np.indices(image.shape)
    inside = np.hypot((columns - 20) * 0.5, rows - 25) <= 6
    assert found is not None
    assert found.count == inside.sum()
    assert found.mean == pytest.approx(image[inside].mean())
    assert found.deviation == pytest.approx(image[inside].std(ddof=1))
    point = disc_statistics(image, geometry, 3.2, 4.4, 0.0)
    assert point is not None
    assert (point.count, point.mean) == (1, image[4, 3])
    assert disc_statistics(image, geometry, 80, 4, 2.0) is None


def test_positions_read_as_the_field_writes_them() -> None:
    assert patient_text((-17.6, 35.3, 12.1)) == "R 17.6  P 35.3  S 12.1 mm"
    assert patient_text((17.6, -35.3, -12.1)) == "L 17.6  A 35.3  I 12.1 mm"
