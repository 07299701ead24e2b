"""Segmentation to smooth closed surfaces that fit together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from organtwin.model import Segmentation, Surface, TwinObject
from organtwin.monitor import Monitor, PartMonitor
from organtwin.operations.registry import Operation, Parameters


class SurfaceParameters(Parameters):
    """``structures`` empty: all but what lies around and between them (body, fat, muscle, skin, blood pool).
    ``smoothing`` from 0 (voxel steps stay) to 1.

    ``parts``: keep the largest island of each structure, or all of some size.
    """

    structures: tuple[str, ...] = ()
    smoothing: Annotated[float, Field(ge=0, le=1)] = 0.7
    parts: Literal["largest", "all"] = "largest"


def run(inputs: dict[str, TwinObject], parameters: SurfaceParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """One :class:`Surface` per structure."""
    from organtwin.liver.whole import as_whole, is_of_liver
    from organtwin.mesh.label_surface import FILLERS, label_surfaces

    segmentation = inputs["segmentation"]
    assert isinstance(segmentation, Segmentation)
    for key in parameters.structures:
        segmentation = segmentation.with_whole(key)
    keys = parameters.structures or tuple(s.key for s in segmentation.segments if s.key not in FILLERS)
    # the liver is shown as a whole, and what lies in it by itself
    within = [s.key for s in segmentation.segments if is_of_liver(s.key)]
    whole = as_whole(segmentation, "liver", within) if within and "liver" in keys else segmentation
    groups = [
        (whole, [key for key in keys if key not in within], parameters.parts),
        (segmentation, [key for key in keys if key in within], "all"),  # veins hang together only through the cava
    ]
    made = []
    for n, (labels, some, islands) in enumerate(groups):
        part = PartMonitor(monitor, 0.7 * n if within else 0.0, 0.7 + 0.3 * n if within else 1.0)
        if some:
            made += label_surfaces(labels, some, smoothing=parameters.smoothing, parts=islands, progress=part.progress)
    monitor.progress(1.0, "done")
    return [
        Surface(
            name=segmentation.segment(one.key).name,
            structure=one.key,
            points_mm=one.points_mm,
            triangles=one.triangles,
            frame_uid=segmentation.grid.frame_uid,
            report=one.report,
            notes=one.notes,
        )
        for one in made
    ]


OPERATION = Operation(
    name="surface",
    title="Surface",
    inputs={"segmentation": "segmentation"},
    parameters=SurfaceParameters,
    function="organtwin.operations.surface:run",
    packages=("organtwin", "numpy", "scipy"),
)
