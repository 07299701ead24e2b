"""The operation "propagate": a segmentation of one phase, carried through the others by registration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import Field

from organtwin.model import DynamicSegmentation, DynamicVolume, Segmentation, TwinObject
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class PropagateParameters(Parameters):
    """``phase``: the phase that the segmentation belongs to, from 1."""

    phase: int = Field(1, ge=1)


OPERATION = Operation(
    name="propagate",
    title="Carry through the phases",
    inputs={"dynamic": "dynamic", "segmentation": "segmentation"},
    parameters=PropagateParameters,
    function="organtwin.operations.propagate:run",
    packages=("organtwin", "numpy", "scipy", "SimpleITK"),
)


def run(inputs: Mapping[str, TwinObject], parameters: PropagateParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """A :class:`DynamicSegmentation` with the volume of each segment over time.

    From the phase that was segmented it goes forward through one half of the cycle and backward through the other, where
    the series is a cycle; else forward to the end and backward to the start.

    Raises
    ------
    BadInput
        When the segmentation lies on another grid, is empty, or there is no such phase.
    """
    import numpy as np

    from organtwin.errors import BadInput
    from organtwin.segment.registration import Motion, Region
    from organtwin.segment.volumes import volumes_mm3

    moving, segmentation = inputs["dynamic"], inputs["segmentation"]
    assert isinstance(moving, DynamicVolume)
    assert isinstance(segmentation, Segmentation)
    reference = parameters.phase - 1
    moving.at(reference)
    same = moving.grid.size == segmentation.grid.size
    if not same or not np.allclose(moving.grid.affine, segmentation.grid.affine, atol=1e-3):
        raise BadInput(
            f"'{segmentation.name}' does not lie on the grid of '{moving.name}'",
            remedy="Take a phase of the series and segment that.",
        )
    labels = np.asarray(segmentation.labels)
    if not labels.any():
        raise BadInput(f"'{segmentation.name}' is empty", remedy="Segment something in one phase first.")
    phases = len(moving.times_s)
    out = np.empty((phases, *labels.shape), labels.dtype)
    out[reference] = labels
    region = Region.around(labels > 0, moving.grid)
    done = 0
    for path in ways(reference, phases, moving.period_s > 0):
        motion = Motion(moving.values[reference], region)
        for phase in path:
            motion.follow(moving.values[phase], monitor, done, phases - 1, f"phase {phase + 1} of {phases}")
            out[phase] = motion.carry(labels)
            done += 1
    monitor.progress(1.0, "carried")
    return (
        DynamicSegmentation(
            name=f"{segmentation.name}, through {phases} phases", dynamic=moving.uuid, grid=moving.grid, labels=out, times_s=moving.times_s,
            segments=segmentation.segments, volumes_mm3=volumes_mm3(out, segmentation.segments, moving.grid), reference=reference,
            notes=(f"Segmented at phase {reference + 1} and carried to the others by registration (demons).",),
        ),
    )  # fmt: skip


def ways(reference: int, phases: int, cyclic: bool) -> tuple[list[int], list[int]]:
    """The phases in the order in which they are reached from the reference, forward and backward."""
    if cyclic:
        forward = [(reference + n) % phases for n in range(1, phases // 2 + 1)]
        backward = [(reference - n) % phases for n in range(1, (phases - 1) // 2 + 1)]
        return forward, backward
    return list(range(reference + 1, phases)), list(range(reference - 1, -1, -1))
