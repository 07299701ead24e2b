"""What a cut lays open, with the scan on it: each triangle has a small picture of the voxels it goes through."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkRenderingCore import vtkTexture

from organtwin.model import Volume
from organtwin_gui.views.items.base import tissue_look
from organtwin_gui.views.items.moving_triangles import MovingTriangles

_TEXELS = 400_000  # in all: sampled within a few hundredths of a second
_FINEST_MM = 0.4
_FLESH = np.array([1.0, 0.90, 0.84])  # a grey picture in the warm light of the theatre


class ScanSampler:
    """The part of a scan around an organ, in grey values from 0 to 255; read beside the window, before the first cut."""

    def __init__(self, volume: Volume, window: tuple[float, float], low_mm: NDArray, high_mm: NDArray) -> None:
        corners = np.array(np.meshgrid(*np.stack([low_mm, high_mm], axis=1))).reshape(3, -1).T
        index = volume.grid.to_index(corners)
        first = np.maximum(np.floor(index.min(axis=0)).astype(int) - 2, 0)
        last = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 3, volume.grid.size)
        last = np.maximum(last, first + 1)
        (i0, j0, k0), (i1, j1, k1) = first, last
        level, width = window
        self._grid, self._first = volume.grid, first

        def read() -> NDArray[np.float32]:
            values = np.asarray(volume.values[k0:k1, j0:j1, i0:i1], np.float32)
            return np.clip((values - (level - width / 2)) / max(width, 1e-6), 0, 1) * np.float32(255)

        reader = ThreadPoolExecutor(1)
        self._read = reader.submit(read)
        reader.shutdown(wait=False)

    def __call__(self, points_mm: NDArray[np.floating]) -> NDArray[np.float32]:
        """Grey (n,) at points (n, 3) of the scan's own space."""
        values = self._read.result()
        if not values.size:
            return np.full(len(points_mm), 128.0, np.float32)
        ijk = self._grid.to_index(points_mm) - self._first
        return np.asarray(map_coordinates(values, ijk[:, ::-1].T, np.float32, order=1, mode="nearest", prefilter=False))


class CutFaces(MovingTriangles):
    """Cut triangles; without a scan they are plain."""

    def __init__(self, sampler: ScanSampler | None, colour: tuple[int, int, int]) -> None:
        self._sampler = sampler
        self._texture = vtkTexture()
        self._texture.InterpolateOn()
        super().__init__(apart=True)
        prop = self.actor.GetProperty()
        tissue_look(prop, (255, 255, 255) if sampler else tuple(int(0.8 * c) for c in colour))  # type: ignore[arg-type]
        prop.SetAmbient(0.25)
        prop.SetDiffuse(0.75)

    def cover(self, triangles: NDArray[np.integer], rest_mm: NDArray[np.floating]) -> None:
        """Show these triangles of a body whose points lie at ``rest_mm`` in the scan."""
        self.set_triangles(triangles)
        if self._sampler is None or not len(triangles):
            self.actor.SetTexture(None)
            return
        corners = np.asarray(rest_mm, np.float64)[triangles]  # (t, 3, 3)
        longest = float(np.linalg.norm(corners[:, 1:] - corners[:, :1], axis=2).mean())
        fine = int(np.clip(longest / _FINEST_MM, 4, 32))
        size = int(np.clip(np.sqrt(_TEXELS / len(triangles)), 4, fine))
        across = int(np.ceil(np.sqrt(len(triangles))))
        down = -(-len(triangles) // across)
        # each square tile goes on past the triangle's long side, so that nothing foreign bleeds in at its edges
        share = (np.arange(size) - 0.5) / (size - 2)
        u, v = share[None, :, None], share[:, None, None]
        a, b, c = (corners[:, k, None, None, :] for k in range(3))
        grey = self._sampler((a + u * (b - a) + v * (c - a)).reshape(-1, 3)).reshape(len(triangles), size, size)
        atlas = np.zeros((down * across, size, size), np.float32)
        atlas[: len(triangles)] = grey
        atlas = atlas.reshape(down, across, size, size).transpose(0, 2, 1, 3).reshape(down * size, across * size)
        colour = (atlas[..., None] * _FLESH).astype(np.uint8)
        self._give(np.ascontiguousarray(colour))
        column, row = np.arange(len(triangles)) % across, np.arange(len(triangles)) // across
        first = np.stack([column, row], axis=1) * size + 1.0
        step = size - 2.0
        places = first[:, None] + step * np.array([(0.0, 0.0), (1.0, 0.0), (0.0, 1.0)])
        self._places = np.ascontiguousarray((places / (across * size, down * size)).reshape(-1, 2), dtype=np.float32)
        self.surface.GetPointData().SetTCoords(numpy_to_vtk(self._places))
        self.actor.SetTexture(self._texture)

    def _give(self, colour: NDArray[np.uint8]) -> None:
        height, width, _ = colour.shape
        self._picture = colour.reshape(-1, 3)
        image = vtkImageData()
        image.SetDimensions(width, height, 1)
        image.GetPointData().SetScalars(numpy_to_vtk(self._picture))
        self._texture.SetInputData(image)
