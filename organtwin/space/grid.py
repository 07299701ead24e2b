"""A voxel grid: how many voxels, and where each one lies in the patient."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Grid:
    """Index space of an image and its place in DICOM patient coordinates (LPS, mm).

    Parameters
    ----------
    size : tuple of int
        (ni, nj, nk): number of columns, rows and slices. Arrays on the grid have shape (nk, nj, ni).
    affine : (4, 4) array
        Maps an index (i, j, k, 1) at voxel centres to (x, y, z, 1) in LPS mm.
    frame_uid : str
        FrameOfReferenceUID. Objects combine only where it agrees.
    """

    size: tuple[int, int, int]
    affine: FloatArray
    frame_uid: str = ""

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.allclose(affine[3], (0, 0, 0, 1)):
            raise ValueError("affine must be 4x4 with last row 0 0 0 1")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-12:
            raise ValueError("affine is singular")
        affine.flags.writeable = False
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "size", tuple(int(n) for n in self.size))

    @classmethod
    def make(
        cls,
        size: ArrayLike,
        spacing_mm: ArrayLike,
        origin_mm: ArrayLike = (0.0, 0.0, 0.0),
        directions: ArrayLike | None = None,
        frame_uid: str = "",
    ) -> Grid:
        """Build from spacing, origin and a (3, 3) matrix whose columns are the unit directions of i, j and k."""
        columns = np.eye(3) if directions is None else np.asarray(directions, dtype=np.float64)
        affine = np.eye(4)
        affine[:3, :3] = columns * np.asarray(spacing_mm, dtype=np.float64)
        affine[:3, 3] = np.asarray(origin_mm, dtype=np.float64)
        ni, nj, nk = (int(n) for n in np.asarray(size))
        return cls((ni, nj, nk), affine, frame_uid)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Array shape (nk, nj, ni)."""
        return self.size[2], self.size[1], self.size[0]

    @cached_property
    def spacing_mm(self) -> FloatArray:
        """(3,) distance between voxel centres along i, j, k."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @cached_property
    def directions(self) -> FloatArray:
        """(3, 3) unit directions of i, j, k in its columns."""
        return np.asarray(self.affine[:3, :3] / self.spacing_mm)

    @property
    def origin_mm(self) -> FloatArray:
        """(3,) centre of voxel (0, 0, 0)."""
        return np.asarray(self.affine[:3, 3])

    @property
    def voxel_volume_mm3(self) -> float:
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @cached_property
    def inverse(self) -> FloatArray:
        """(4, 4) LPS mm to index."""
        return np.asarray(np.linalg.inv(self.affine))

    def to_world(self, ijk: ArrayLike) -> FloatArray:
        """(..., 3) indices (i, j, k) to (..., 3) LPS mm."""
        return np.asarray(np.asarray(ijk, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3])

    def to_index(self, xyz_mm: ArrayLike) -> FloatArray:
        """(..., 3) LPS mm to (..., 3) fractional indices (i, j, k)."""
        return np.asarray(np.asarray(xyz_mm, dtype=np.float64) @ self.inverse[:3, :3].T + self.inverse[:3, 3])

    @property
    def centre_mm(self) -> FloatArray:
        return self.to_world((np.asarray(self.size) - 1) / 2)

    def same_as(self, other: Grid, tolerance_mm: float = 1e-3) -> bool:
        """Same size, frame and place: the corners agree within the tolerance."""
        if self.size != other.size or self.frame_uid != other.frame_uid:
            return False
        far = np.asarray(self.size) - 1
        corners = np.array([(a, b, c) for a in (0, far[0]) for b in (0, far[1]) for c in (0, far[2])])
        return bool(np.allclose(self.to_world(corners), other.to_world(corners), atol=tolerance_mm))

    def crop(self, start: ArrayLike, stop: ArrayLike) -> Grid:
        """The part from index ``start`` up to, not with, ``stop`` (both i, j, k)."""
        first, last = np.asarray(start), np.asarray(stop)
        affine = np.array(self.affine)
        affine[:3, 3] = self.to_world(first)
        ni, nj, nk = (int(n) for n in last - first)
        return Grid((ni, nj, nk), affine, self.frame_uid)

    def with_spacing(self, spacing_mm: ArrayLike) -> Grid:
        """A grid over the same box with (about) another spacing; its outer faces stay where they are."""
        wanted = np.asarray(spacing_mm, dtype=np.float64)
        size = np.maximum(1, np.round(np.asarray(self.size) * self.spacing_mm / wanted)).astype(int)
        spacing = np.asarray(self.size) * self.spacing_mm / size
        first = self.to_world(-0.5 + 0.5 * spacing / self.spacing_mm)
        return Grid.make(size, spacing, first, self.directions, self.frame_uid)

    # -- canonical order ------------------------------------------------------------------------------------------

    @cached_property
    def canonical_axes(self) -> tuple[tuple[int, int], ...]:
        """For patient axes L, P, S: (index axis that runs nearest to it, +1 or -1 for its sense)."""
        weights = np.abs(self.directions)
        best: list[tuple[int, int]] = [(0, 1)] * 3
        free_rows, free_columns = {0, 1, 2}, {0, 1, 2}
        while free_rows:
            row, column = max(((r, c) for r in free_rows for c in free_columns), key=lambda rc: weights[rc])
            best[row] = (column, 1 if self.directions[row, column] >= 0 else -1)
            free_rows.remove(row)
            free_columns.remove(column)
        return tuple(best)

    def canonical(self) -> Grid:
        """The same voxels with i nearest to L, j to P and k to S. Arrays follow with :meth:`to_canonical`."""
        permutation = [axis for axis, _ in self.canonical_axes]
        affine = np.array(self.affine)
        first = np.zeros(3)
        for axis, sense in self.canonical_axes:
            if sense < 0:
                first[axis] = self.size[axis] - 1
        affine[:3, :3] = np.stack([self.affine[:3, axis] * sense for axis, sense in self.canonical_axes], axis=1)
        affine[:3, 3] = self.to_world(first)
        ni, nj, nk = (self.size[axis] for axis in permutation)
        return Grid((ni, nj, nk), affine, self.frame_uid)

    def to_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """View of an array (nk, nj, ni) of this grid, in the order of :meth:`canonical`."""
        order = [2 - self.canonical_axes[axis][0] for axis in (2, 1, 0)]
        turned = array.transpose(order)
        flips = tuple(slice(None, None, self.canonical_axes[axis][1]) for axis in (2, 1, 0))
        return turned[flips]

    def from_canonical(self, array: NDArray[Any]) -> NDArray[Any]:
        """Inverse of :meth:`to_canonical`."""
        flips = tuple(slice(None, None, self.canonical_axes[axis][1]) for axis in (2, 1, 0))
        order = [2 - self.canonical_axes[axis][0] for axis in (2, 1, 0)]
        return array[flips].transpose(np.argsort(order))


def direction_letters(direction: ArrayLike, threshold: float = 0.2) -> str:
    """Letters of an LPS direction, largest part first: (0.9, -0.4, 0) is ``"LA"``."""
    vector = np.asarray(direction, dtype=np.float64)
    vector = vector / np.linalg.norm(vector)
    letters = ("RL", "AP", "IS")
    order = np.argsort(-np.abs(vector))
    return "".join(letters[axis][int(vector[axis] > 0)] for axis in order if abs(vector[axis]) > threshold)
