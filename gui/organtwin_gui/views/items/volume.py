"""The scan itself as a volume of light."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPiecewiseFunction
from vtkmodules.vtkCommonMath import vtkMatrix4x4
from vtkmodules.vtkRenderingCore import vtkColorTransferFunction, vtkVolume, vtkVolumeProperty
from vtkmodules.vtkRenderingVolume import vtkFixedPointVolumeRayCastMapper
from vtkmodules.vtkRenderingVolumeOpenGL2 import vtkOpenGLGPUVolumeRayCastMapper

from organtwin.model import Volume
from organtwin.space import Grid
from organtwin_gui.views.items.base import SceneItem, Surroundings

# without a graphics card a ray caster that skips empty space is several times quicker than OpenGL on the processor
_SOFTWARE_VOXELS, _CARD_VOXELS = 160**3, 320**3


@dataclass(frozen=True)
class VolumePreset:
    """A way to light up a volume: points of (value, opacity per 1 mm, colour), and how glossy it is.

    Values are HU for CT; for other images they are fractions between the 1st and the 99.5th percentile of the values.
    ``edges``: opacity only where values change, in units of value per mm (0: no matter).
    """

    name: str
    points: tuple[tuple[float, float, tuple[int, int, int]], ...]
    relative: bool = False
    edges: float = 0.0
    ambient: float = 0.15
    diffuse: float = 0.85
    specular: float = 0.25


VOLUME_PRESETS: dict[str, VolumePreset] = {
    preset.name: preset
    for preset in (
        VolumePreset(
            "CT bone",
            (
                (150, 0.0, (120, 60, 40)),
                (240, 0.06, (168, 110, 76)),
                (360, 0.35, (226, 200, 160)),
                (700, 0.75, (245, 236, 215)),
                (1500, 0.95, (255, 252, 245)),
            ),
            specular=0.3,
        ),
        VolumePreset(
            "CT vessels",
            (
                (110, 0.0, (110, 20, 10)),
                (150, 0.06, (160, 40, 28)),
                (220, 0.3, (214, 70, 48)),
                (400, 0.6, (240, 160, 120)),
                (650, 0.75, (248, 232, 205)),
                (1500, 0.95, (255, 252, 245)),
            ),
            specular=0.4,
        ),
        VolumePreset(
            "CT soft tissue",
            (
                (-160, 0.0, (90, 50, 35)),
                (-80, 0.006, (196, 140, 90)),
                (0, 0.012, (190, 110, 85)),
                (60, 0.06, (196, 96, 80)),
                (120, 0.22, (214, 116, 92)),
                (220, 0.4, (238, 190, 160)),
                (500, 0.7, (246, 236, 216)),
                (1500, 0.9, (255, 252, 245)),
            ),
            edges=12.0,
        ),
        VolumePreset(
            "CT skin",
            (
                (-500, 0.0, (180, 120, 95)),
                (-300, 0.25, (206, 150, 122)),
                (-100, 0.5, (222, 170, 142)),
                (200, 0.8, (236, 200, 176)),
            ),
            specular=0.15,
        ),
        VolumePreset(
            "CT lung",
            (
                (-980, 0.0, (40, 60, 90)),
                (-900, 0.004, (70, 100, 140)),
                (-750, 0.012, (120, 150, 180)),
                (-550, 0.05, (200, 170, 160)),
                (-400, 0.12, (230, 190, 170)),
                (-250, 0.0, (230, 190, 170)),
                (150, 0.0, (240, 200, 180)),
            ),
            edges=20.0,
        ),
        VolumePreset(
            "MR",
            (
                (0.18, 0.0, (30, 40, 60)),
                (0.3, 0.02, (90, 100, 120)),
                (0.55, 0.14, (190, 170, 150)),
                (0.85, 0.45, (240, 220, 196)),
                (1.0, 0.7, (255, 248, 236)),
            ),
            relative=True,
        ),
        VolumePreset(
            "MR vessels",
            (
                (0.45, 0.0, (110, 20, 10)),
                (0.6, 0.1, (190, 56, 40)),
                (0.8, 0.5, (230, 130, 100)),
                (1.0, 0.8, (250, 230, 205)),
            ),
            relative=True,
            specular=0.4,
        ),
    )
}


def presets_for(modality: str) -> list[str]:
    """Names of the presets that make sense for a modality, the best first."""
    return [name for name, preset in VOLUME_PRESETS.items() if preset.relative is not (modality == "CT")]


def block_mean(
    values: NDArray[Any], spacing_mm: NDArray[np.float64], budget: int
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Average whole blocks of voxels until there are at most about ``budget`` of them; the finest axes give way first.

    Parameters
    ----------
    values : (nk, nj, ni) array
    spacing_mm : (3,) spacing along i, j, k

    Returns
    -------
    (nk', nj', ni') array of the same kind, and the (3,) block size along i, j, k.
    """
    block = np.ones(3, dtype=np.int64)
    size = np.array(values.shape[::-1])
    while np.prod(size // block) > budget:
        coarse = np.where(size // block > 1, spacing_mm * block, np.inf)
        block[int(np.argmin(coarse))] += 1
    if block.max() == 1:
        return values, block
    kept = (size // block) * block
    cut = values[: kept[2], : kept[1], : kept[0]]
    shape = [n for axis in (2, 1, 0) for n in (kept[axis] // block[axis], block[axis])]
    mean = cut.reshape(shape).mean(axis=(1, 3, 5), dtype=np.float32)
    return (np.rint(mean).astype(values.dtype) if np.issubdtype(values.dtype, np.integer) else mean), block


class VolumeItem(SceneItem):
    """Direct volume rendering of a scan on the graphics card, or on the processor with a smaller copy."""

    def __init__(self, volume: Volume, around: Surroundings, preset: str | None = None) -> None:
        super().__init__(volume.uuid, volume.name, around)
        self.volume = volume
        self.preset = VOLUME_PRESETS[preset or presets_for(volume.modality)[0]]
        self._prop = vtkVolume()
        self._software = around.software()
        if self._software:
            self._mapper = vtkFixedPointVolumeRayCastMapper()
        else:
            self._mapper = vtkOpenGLGPUVolumeRayCastMapper()
            self._mapper.UseJitteringOn()
        self._mapper.AutoAdjustSampleDistancesOff()
        self._prop.SetMapper(self._mapper)
        self._prop.SetVisibility(False)
        self._low, self._high = 0.0, 1.0
        self._step_mm = 1.0
        self._ready = False
        self.props = [self._prop]
        budget = _SOFTWARE_VOXELS if self._software else _CARD_VOXELS
        around.background.submit((self.uuid, "volume"), lambda: _prepare(volume, budget), self._take)

    def _take(self, prepared: tuple[vtkImageData, Grid, float, float]) -> None:
        image, grid, self._low, self._high = prepared
        self._mapper.SetInputData(image)
        matrix = vtkMatrix4x4()
        rigid = np.eye(4)
        rigid[:3, :3] = grid.directions
        rigid[:3, 3] = grid.origin_mm
        matrix.DeepCopy(tuple(rigid.ravel()))
        self._prop.SetUserMatrix(matrix)
        self._step_mm = float(grid.spacing_mm.min())
        self._ready = True
        self.set_preset(self.preset.name)
        self.set_moving(False)
        self._prop.SetVisibility(self.visible)
        self.around.refresh()

    def set_preset(self, name: str) -> None:
        """Light it another way.

        Raises
        ------
        KeyError
            For a name that is not in :data:`VOLUME_PRESETS`.
        """
        self.preset = preset = VOLUME_PRESETS[name]
        colours, opacity = vtkColorTransferFunction(), vtkPiecewiseFunction()
        low, span = (self._low, self._high - self._low) if preset.relative else (0.0, 1.0)
        for value, alpha, (red, green, blue) in preset.points:
            colours.AddRGBPoint(low + value * span, red / 255, green / 255, blue / 255)
            opacity.AddPoint(low + value * span, alpha)
        look = vtkVolumeProperty()
        look.SetColor(colours)
        look.SetScalarOpacity(opacity)
        look.SetScalarOpacityUnitDistance(1.0)
        if preset.edges:
            gradient = vtkPiecewiseFunction()
            gradient.AddPoint(0, 0.15)
            gradient.AddPoint(preset.edges, 1.0)
            look.SetGradientOpacity(gradient)
        look.SetInterpolationTypeToLinear()
        look.ShadeOn()
        look.SetAmbient(preset.ambient)
        look.SetDiffuse(preset.diffuse)
        look.SetSpecular(preset.specular)
        look.SetSpecularPower(18)
        self._prop.SetProperty(look)
        self.around.refresh()

    def set_visible(self, visible: bool) -> None:
        self.visible = visible
        self._prop.SetVisibility(visible and self._ready)

    def set_moving(self, moving: bool) -> None:
        rate = (2.0 if self._software else 1.0) if moving else (1.0 if self._software else 0.6)
        self._mapper.SetSampleDistance(rate * self._step_mm)


def _prepare(volume: Volume, budget: int) -> tuple[vtkImageData, Grid, float, float]:
    """The volume in canonical order as VTK has it, small enough, and its 1st and 99.5th percentile."""
    grid = volume.grid.canonical()
    values, block = block_mean(volume.grid.to_canonical(volume.values), grid.spacing_mm, budget)
    small = Grid.make(
        values.shape[::-1], grid.spacing_mm * block, grid.to_world((block - 1) / 2), grid.directions, grid.frame_uid
    )
    low, high = np.percentile(values[::2, ::2, ::2], (1, 99.5))
    image = vtkImageData()
    image.SetDimensions(*small.size)
    image.SetSpacing(*small.spacing_mm)
    kind = values.dtype if values.dtype in (np.int16, np.uint16, np.uint8, np.float32) else np.float32
    image.GetPointData().SetScalars(numpy_to_vtk(np.ascontiguousarray(values, dtype=kind).ravel(), deep=True))
    return image, small, float(low), float(high)
