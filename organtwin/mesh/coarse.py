"""A smooth surface of a mask at a coarser step than its voxels, for meshes whose cells are much larger than voxels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes

from organtwin.mesh import masks
from organtwin.mesh import triangles as tri
from organtwin.space import Grid


def coarse_surface(mask: masks.Mask, grid: Grid, step_mm: float) -> tuple[tri.Points, tri.Triangles]:
    """The closed, outward oriented surface where the mask, averaged over about ``step_mm``, is one half.

    What is thinner than the step is lost; the largest part is kept, without cavities.

    Parameters
    ----------
    mask : (nk, nj, ni) bool on ``grid``
    step_mm : float
    """
    spacing = grid.spacing_mm[::-1]
    room = np.ceil(2 * step_mm / spacing).astype(int) + 1
    field = np.pad(mask, [(int(n), int(n)) for n in room]).astype(np.float32)
    field = ndimage.gaussian_filter(field, 0.6 * step_mm / spacing, truncate=2.5)
    step = step_mm / spacing  # voxels
    size = np.ceil((np.array(field.shape) - 1) / step).astype(int) + 1
    field = ndimage.affine_transform(field, step, output_shape=tuple(size), order=1)
    inside = masks.clean(field > 0.5).mask
    # islands and cavities are put on the other side of one half, close to it, so that the rest of the field stays as it is
    field = np.where(inside, np.maximum(field, 0.501), np.minimum(field, 0.499)).astype(np.float32)
    vertices, faces, _, _ = marching_cubes(field, 0.5, allow_degenerate=False)
    index = vertices * step - room
    points = grid.to_world(index[:, ::-1])
    points, triangles = joined(points, faces.astype(np.int64))
    if tri.volume(points, triangles) < 0:
        triangles = triangles[:, ::-1]
    return points, np.ascontiguousarray(triangles)


def joined(points: tri.Points, faces: NDArray[np.int64]) -> tuple[tri.Points, tri.Triangles]:
    """Only the part with the most triangles."""
    _, part = tri.parts(faces, len(points))
    kept, numbered, _ = tri.compact(points, faces[part == np.bincount(part).argmax()])
    return kept, numbered
