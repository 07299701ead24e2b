"""Slices as pictures: what a plane through a volume looks like on a screen, in plain numpy.

Arrays here are in canonical order (see :meth:`organtwin.space.Grid.canonical`): ``array[k, j, i]`` with i to the
patient's left, j to the back, k up. A *slice image* has rows downwards and columns to the right as they are shown:
axial is seen from the feet (the patient's right on the left of the picture), coronal from the front, sagittal from the
left side with the face on the left of the picture; the head is up.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from organtwin.space import Grid, direction_letters

Image8 = NDArray[np.uint8]


class Plane(StrEnum):
    """The three anatomical planes."""

    AXIAL = "axial"
    SAGITTAL = "sagittal"
    CORONAL = "coronal"


# plane -> index axes (0 is i) shown to the right, shown downwards, and through the picture; and the downward sense
_AXES: dict[Plane, tuple[int, int, int, int]] = {
    Plane.AXIAL: (0, 1, 2, 1),
    Plane.CORONAL: (0, 2, 1, -1),
    Plane.SAGITTAL: (1, 2, 0, -1),
}


@dataclass(frozen=True, eq=False)
class SliceGeometry:
    """Where the slices of a plane lie: from (column, row, slice) of a slice image to LPS mm and back.

    Parameters
    ----------
    grid : Grid
        In canonical order.
    plane : Plane
    """

    grid: Grid
    plane: Plane

    @property
    def through_axis(self) -> int:
        """Index axis (0 is i) that counts the slices."""
        return _AXES[self.plane][2]

    @property
    def count(self) -> int:
        return self.grid.size[self.through_axis]

    @property
    def columns(self) -> int:
        return self.grid.size[_AXES[self.plane][0]]

    @property
    def rows(self) -> int:
        return self.grid.size[_AXES[self.plane][1]]

    @property
    def column_mm(self) -> float:
        return float(self.grid.spacing_mm[_AXES[self.plane][0]])

    @property
    def row_mm(self) -> float:
        return float(self.grid.spacing_mm[_AXES[self.plane][1]])

    @property
    def thickness_mm(self) -> float:
        """Distance between slices."""
        return float(self.grid.spacing_mm[self.through_axis])

    @cached_property
    def to_world_matrix(self) -> NDArray[np.float64]:
        """(4, 4) from (column, row, slice, 1) to LPS mm."""
        right, down, through, sense = _AXES[self.plane]
        to_index = np.zeros((4, 4))
        to_index[right, 0] = 1
        to_index[down, 1] = sense
        to_index[through, 2] = 1
        to_index[3, 3] = 1
        if sense < 0:
            to_index[down, 3] = self.rows - 1
        return np.asarray(self.grid.affine @ to_index)

    @cached_property
    def from_world_matrix(self) -> NDArray[np.float64]:
        return np.asarray(np.linalg.inv(self.to_world_matrix))

    def to_world(self, column_row_slice: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) of a slice image to (..., 3) LPS mm."""
        m = self.to_world_matrix
        return np.asarray(np.asarray(column_row_slice, dtype=float) @ m[:3, :3].T + m[:3, 3])

    def from_world(self, xyz_mm: ArrayLike) -> NDArray[np.float64]:
        """(..., 3) LPS mm to fractional (column, row, slice)."""
        m = self.from_world_matrix
        return np.asarray(np.asarray(xyz_mm, dtype=float) @ m[:3, :3].T + m[:3, 3])

    def slice_of(self, xyz_mm: ArrayLike) -> int:
        """The slice nearest to a point, kept inside the volume."""
        return int(np.clip(np.rint(self.from_world(xyz_mm)[2]), 0, self.count - 1))

    def letters(self) -> tuple[str, str, str, str]:
        """Orientation letters at the left, right, top and bottom of the picture, from the real directions."""
        right, down = self.to_world_matrix[:3, 0], self.to_world_matrix[:3, 1]
        return direction_letters(-right), direction_letters(right), direction_letters(-down), direction_letters(down)

    def slice_image(self, array: NDArray[Any], index: int) -> NDArray[Any]:
        """View (rows, columns) of one slice of a canonical array (nk, nj, ni), as it is shown."""
        if self.plane is Plane.AXIAL:
            return array[index]
        if self.plane is Plane.CORONAL:
            return array[::-1, index, :]
        return array[::-1, :, index]


@dataclass(frozen=True)
class Framing:
    """Which part of a slice image is on the screen: its centre, the scale and the size of the picture in pixels."""

    centre_column: float
    centre_row: float
    mm_per_pixel: float
    width: int
    height: int

    @classmethod
    def fit(cls, geometry: SliceGeometry, width: int, height: int, margin: float = 1.0) -> Framing:
        """The whole slice, as large as it goes."""
        wide = geometry.columns * geometry.column_mm
        high = geometry.rows * geometry.row_mm
        scale = margin * max(wide / max(width, 1), high / max(height, 1))
        return cls((geometry.columns - 1) / 2, (geometry.rows - 1) / 2, scale, width, height)

    def to_pixel(self, geometry: SliceGeometry, column: ArrayLike, row: ArrayLike) -> tuple[Any, Any]:
        """Screen position (x, y) in pixels of slice-image positions."""
        x = (np.asarray(column) - self.centre_column) * geometry.column_mm / self.mm_per_pixel + self.width / 2
        y = (np.asarray(row) - self.centre_row) * geometry.row_mm / self.mm_per_pixel + self.height / 2
        return x, y

    def to_image(self, geometry: SliceGeometry, x: ArrayLike, y: ArrayLike) -> tuple[Any, Any]:
        """Slice-image (column, row) of screen positions in pixels."""
        column = (np.asarray(x) - self.width / 2) * self.mm_per_pixel / geometry.column_mm + self.centre_column
        row = (np.asarray(y) - self.height / 2) * self.mm_per_pixel / geometry.row_mm + self.centre_row
        return column, row

    def nearest(
        self, geometry: SliceGeometry
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_], NDArray[np.intp], NDArray[np.bool_]]:
        """Column of every pixel across and whether it lies in the slice at all, and the same of the rows down."""
        across, down = self._positions(geometry)
        return *_nearest(across, geometry.columns), *_nearest(down, geometry.rows)

    def zoomed(self, geometry: SliceGeometry, factor: float, x: float, y: float) -> Framing:
        """Larger by ``factor`` with what lies under (x, y) kept in its place."""
        column, row = self.to_image(geometry, x, y)
        closer = replace(self, mm_per_pixel=self.mm_per_pixel / factor)
        column_then, row_then = closer.to_image(geometry, x, y)
        return replace(
            closer,
            centre_column=float(self.centre_column + column - column_then),
            centre_row=float(self.centre_row + row - row_then),
        )

    def panned(self, geometry: SliceGeometry, dx: float, dy: float) -> Framing:
        """Moved by so many pixels with the picture following the hand."""
        return replace(
            self,
            centre_column=self.centre_column - dx * self.mm_per_pixel / geometry.column_mm,
            centre_row=self.centre_row - dy * self.mm_per_pixel / geometry.row_mm,
        )

    def _positions(self, geometry: SliceGeometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fractional column of each pixel column and fractional row of each pixel row."""
        column, _ = self.to_image(geometry, np.arange(self.width) + 0.5, 0.0)
        _, row = self.to_image(geometry, 0.0, np.arange(self.height) + 0.5)
        return column, row


def _interpolation(positions: NDArray[np.float64], count: int) -> sparse.csr_array:
    """Matrix (pixels, count) that samples a row of voxels: linear when enlarged, a triangle filter when reduced.

    Pixels outside the voxels (beyond half a voxel from the last centre) get an empty row.
    """
    step = float(abs(positions[1] - positions[0])) if len(positions) > 1 else 1.0
    reach = max(1.0, step)
    taps = int(np.ceil(2 * reach)) + 1
    voxels = np.floor(positions - reach)[:, None].astype(int) + 1 + np.arange(taps)
    weights = np.maximum(0.0, 1.0 - np.abs(voxels - positions[:, None]) / reach)
    inside = (positions >= -0.5) & (positions <= count - 0.5)
    weights = weights * inside[:, None] / weights.sum(axis=1, keepdims=True)
    pixels = np.repeat(np.arange(len(positions)), taps)
    columns = np.clip(voxels, 0, count - 1).ravel()
    used = weights.ravel() > 0
    matrix = sparse.coo_array(
        (weights.ravel()[used].astype(np.float32), (pixels[used], columns[used])), shape=(len(positions), count)
    )
    return matrix.tocsr()


def _nearest(positions: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Nearest voxel of each pixel, and whether the pixel lies in the volume at all."""
    inside = (positions >= -0.5) & (positions <= count - 0.5)
    return np.clip(np.rint(positions), 0, count - 1).astype(np.intp), inside


def render_grey(image: NDArray[Any], geometry: SliceGeometry, framing: Framing, level: float, width: float) -> Image8:
    """Slice image (rows, columns) through a window, resampled to the screen.

    Values are interpolated first and windowed after, so that edges stay where they are.

    Returns
    -------
    (height, width) uint8; black outside the volume.
    """
    across, down = framing._positions(geometry)
    wide = _interpolation(across, geometry.columns)
    high = _interpolation(down, geometry.rows)
    low = level - width / 2
    scaled = (np.ascontiguousarray(image, dtype=np.float32) - np.float32(low)) * np.float32(255.0 / max(width, 1e-6))
    sampled = np.asarray((wide @ np.ascontiguousarray((high @ scaled).T)).T)
    np.clip(sampled, 0, 255, out=sampled)
    return np.ascontiguousarray(sampled.astype(np.uint8))


def sample_labels(
    labels: NDArray[Any], grid: Grid, geometry: SliceGeometry, index: int, framing: Framing
) -> NDArray[Any]:
    """Labels (nk, nj, ni) in canonical order of ``grid`` at each pixel of slice ``index``, by the nearest voxel.

    ``grid`` may be another grid of the same frame; 0 outside it.
    """
    across, down = framing._positions(geometry)
    to_label = grid.inverse @ geometry.to_world_matrix
    right_axis, down_axis, through_axis, _ = _AXES[geometry.plane]
    aligned = np.zeros((3, 3), dtype=bool)
    aligned[right_axis, 0] = aligned[down_axis, 1] = aligned[through_axis, 2] = True
    drift = np.abs(to_label[:3, :3][~aligned]).max() * max(geometry.rows, geometry.columns, geometry.count)
    if drift < 0.25:  # the label grid runs along the picture: rows and columns are found apart
        through = to_label[through_axis, 2] * index + to_label[through_axis, 3]
        if not -0.5 <= through <= grid.size[through_axis] - 0.5:
            return np.zeros((framing.height, framing.width), labels.dtype)
        columns, column_in = _nearest(to_label[right_axis, 0] * across + to_label[right_axis, 3], grid.size[right_axis])
        rows, row_in = _nearest(to_label[down_axis, 1] * down + to_label[down_axis, 3], grid.size[down_axis])
        slab = np.take(labels, int(np.clip(np.rint(through), 0, grid.size[through_axis] - 1)), axis=2 - through_axis)
        picture = np.take(slab, columns, axis=1)[rows]  # whole rows are quick to repeat
        if not (column_in.all() and row_in.all()):
            picture = picture * (row_in[:, None] & column_in)
        return np.ascontiguousarray(picture)
    at = (
        to_label[:3, 0] * across[None, :, None]
        + to_label[:3, 1] * down[:, None, None]
        + (to_label[:3, 2] * index + to_label[:3, 3])
    )
    nearest = np.rint(at).astype(np.intp)
    size = np.asarray(grid.size)
    inside = ((nearest >= 0) & (nearest < size)).all(axis=-1)
    np.clip(nearest, 0, size - 1, out=nearest)
    return np.asarray(labels[nearest[..., 2], nearest[..., 1], nearest[..., 0]] * inside)


def outline(labels: NDArray[Any], thickness: int = 1) -> NDArray[np.bool_]:
    """Pixels of a label picture within ``thickness`` of another label: the inner rim of each segment."""
    rim = np.zeros(labels.shape, dtype=bool)
    for step in range(1, thickness + 1):
        across = labels[:, step:] != labels[:, :-step]
        rim[:, step:] |= across
        rim[:, :-step] |= across
        down = labels[step:] != labels[:-step]
        rim[step:] |= down
        rim[:-step] |= down
    return rim & (labels > 0)


@dataclass(frozen=True)
class LabelStyle:
    """How one label is painted."""

    colour: tuple[int, int, int]
    opacity: float = 1.0
    visible: bool = True


def colour_table(styles: dict[int, LabelStyle], opacity: float, size: int = 256) -> NDArray[np.uint32]:
    """(size,) colours as premultiplied ARGB; labels without a style are transparent."""
    table = np.zeros(size, np.uint32)
    for label, style in styles.items():
        alpha = opacity * style.opacity if style.visible else 0.0
        red, green, blue = (round(channel * alpha) for channel in style.colour)
        table[label] = (round(255 * alpha) << 24) | (red << 16) | (green << 8) | blue
    return table


def paint_labels(
    labels: NDArray[Any],
    styles: dict[int, LabelStyle],
    fill_opacity: float,
    line_opacity: float,
    thickness: int = 1,
) -> NDArray[np.uint32]:
    """(height, width) premultiplied ARGB of a label picture: filled areas, outlines, or both."""
    painted = np.zeros(labels.shape, np.uint32)
    high, wide = np.flatnonzero(labels.any(axis=1)), np.flatnonzero(labels.any(axis=0))
    if not len(high):
        return painted
    box = slice(high[0], high[-1] + 1), slice(wide[0], wide[-1] + 1)
    inside = labels[box]
    size = max(256, *(label + 1 for label in styles), int(inside.max()) + 1)
    painted[box] = np.take(colour_table(styles, fill_opacity, size), inside)
    if line_opacity > 0:
        shown = np.array([n in styles and styles[n].visible for n in range(size)]) * np.arange(size, dtype=labels.dtype)
        # a border of background, so that segments cut by the box have a rim there too
        rim = outline(np.pad(np.take(shown, inside), thickness), thickness)[thickness:-thickness, thickness:-thickness]
        lines = colour_table(styles, line_opacity, size)
        painted[box][rim] = lines[inside[rim]]
    return painted


@dataclass(frozen=True)
class Statistics:
    """Values of the voxels in a disc."""

    mean: float
    deviation: float
    low: float
    high: float
    count: int


def disc_statistics(
    image: NDArray[Any], geometry: SliceGeometry, column: float, row: float, radius_mm: float
) -> Statistics | None:
    """Statistics of the voxels of a slice image whose centres lie in a disc; the nearest voxel when none does.

    None outside the image.
    """
    nearest_column, nearest_row = round(column), round(row)
    if not (0 <= nearest_column < geometry.columns and 0 <= nearest_row < geometry.rows):
        return None
    reach_columns = int(radius_mm / geometry.column_mm) + 1
    reach_rows = int(radius_mm / geometry.row_mm) + 1
    columns = np.arange(
        max(0, nearest_column - reach_columns), min(geometry.columns, nearest_column + reach_columns + 1)
    )
    rows = np.arange(max(0, nearest_row - reach_rows), min(geometry.rows, nearest_row + reach_rows + 1))
    distance = np.hypot((columns[None, :] - column) * geometry.column_mm, (rows[:, None] - row) * geometry.row_mm)
    values = image[np.ix_(rows, columns)][distance <= radius_mm].astype(np.float64)
    if values.size == 0:
        values = np.array([float(image[nearest_row, nearest_column])])
    deviation = float(values.std(ddof=1)) if values.size > 1 else 0.0
    return Statistics(float(values.mean()), deviation, float(values.min()), float(values.max()), int(values.size))


def patient_text(xyz_mm: ArrayLike, digits: int = 1) -> str:
    """LPS mm as people of the field read it: ``"R 17.6  P 35.3  S 12.1 mm"``."""
    letters = ("RL", "AP", "IS")
    parts = [
        f"{letters[axis][int(value >= 0)]} {abs(value):.{digits}f}"
        for axis, value in enumerate(np.asarray(xyz_mm, float))
    ]
    return "  ".join(parts) + " mm"
