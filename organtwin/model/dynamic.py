"""What moves: a scan with a time axis, and which voxel belongs to which structure at every time of it."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from organtwin.errors import BadInput
from organtwin.model.base import Array, TwinObject
from organtwin.model.fields import GridField
from organtwin.model.result import Quantity
from organtwin.model.segmentation import Segment, Segmentation
from organtwin.model.volume import Volume


class DynamicVolume(TwinObject):
    """A cine or gated series as one object.

    ``values`` (nt, nk, nj, ni) in the order of ``grid``; ``times_s`` (nt,) from the trigger (the R wave where the scan is
    gated). ``period_s`` is the length of the cycle, 0 where nobody knows it.
    """

    kind: ClassVar[str] = "dynamic"

    grid: GridField
    values: Array
    times_s: Array
    period_s: float = 0.0
    modality: str = "OT"
    value_unit: str = ""
    window: tuple[float, float] | None = None
    acquisition: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.values.shape != (len(self.times_s), *self.grid.shape):
            raise ValueError("values do not fit the grid and the times")
        return self

    def at(self, phase: int) -> Volume:
        """The scan at one phase, from 0. It shares the memory.

        Raises
        ------
        BadInput
            When there is no such phase.
        """
        _check(phase, len(self.times_s), self.name)
        return Volume(
            name=f"{self.name}, phase {phase + 1} of {len(self.times_s)}", grid=self.grid, values=self.values[phase],
            modality=self.modality, value_unit=self.value_unit, window=self.window, acquisition=self.acquisition,
        )  # fmt: skip


class DynamicSegmentation(TwinObject):
    """Structures at every phase of a :class:`DynamicVolume`.

    ``labels`` uint8 or uint16 (nt, nk, nj, ni). ``volumes_mm3`` (nt, number of segments), in the order of ``segments``,
    whose own ``volume_mm3`` is that at ``reference``, the phase that was segmented first. ``quantities`` are what follows
    from the curves: end-diastolic and end-systolic volumes, stroke volume, ejection fraction, mass.
    """

    kind: ClassVar[str] = "dynamic-segmentation"

    dynamic: str  # uuid
    grid: GridField
    labels: Array
    times_s: Array
    segments: tuple[Segment, ...]
    volumes_mm3: Array
    reference: int = 0
    quantities: tuple[Quantity, ...] = ()

    def at(self, phase: int) -> Segmentation:
        """The segmentation at one phase, from 0. It shares the memory.

        Raises
        ------
        BadInput
            When there is no such phase.
        """
        _check(phase, len(self.times_s), self.name)
        segments = tuple(
            s.model_copy(update={"volume_mm3": float(v)})
            for s, v in zip(self.segments, self.volumes_mm3[phase], strict=True)
        )
        name = f"{self.name}, phase {phase + 1} of {len(self.times_s)}"
        return Segmentation(name=name, grid=self.grid, labels=self.labels[phase], segments=segments)


def _check(phase: int, phases: int, name: str) -> None:
    if not 0 <= phase < phases:
        raise BadInput(f"'{name}' has no phase {phase + 1}", remedy=f"It has phases 1 to {phases}.")
