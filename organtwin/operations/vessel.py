"""The operation "vessel": a structure, a surface or a mesh in, its measured tree out, with stenoses and aneurysms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from organtwin.errors import BadInput
from organtwin.model import Centerline, OrganMesh, Segmentation, Surface, TwinObject, Volume, structure
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from organtwin.space import Grid


class VesselParameters(Parameters):
    """``structure`` of the segmentation, and what ``also`` belongs to its tree, as the arteries of the arch to the aorta; ``inlet_mm`` (LPS) a point near the end that blood comes from, where it is not what
    the name of the structure says; ``refine``: move the outlines to the edges of the volume, where one is given."""

    structure: str = ""
    also: tuple[str, ...] = ()
    inlet_mm: tuple[float, float, float] | None = None
    refine: bool = True


def run(inputs: Mapping[str, TwinObject], parameters: VesselParameters, monitor: Monitor) -> Sequence[TwinObject]:
    """The :class:`Centerline` with everything measured; see :func:`organtwin.vessel.measured.of_mask`.

    Raises
    ------
    BadInput
        When there is nothing to measure, or too much.
    """
    from organtwin.vessel.measured import of_mask

    given = [thing for role, thing in inputs.items() if role.partition("-")[0] != "volume"]
    if len(given) != 1:
        raise BadInput(
            "A vessel to be measured is one thing: a structure of a segmentation, a surface or a mesh",
            remedy=f"Give one of them, not {len(given)}.",
        )
    mask, grid, key, source = _mask(given[0], parameters.structure, parameters.also)
    volume = inputs.get("volume") if parameters.refine else None
    if isinstance(volume, Volume) and not volume.grid.same_as(grid):
        if not isinstance(given[0], Segmentation):
            raise BadInput(
                "The wall of a surface or a mesh is not looked for in a volume",
                remedy="Give the segmentation that it was made from.",
            )
        raise BadInput(f"'{volume.name}' and '{given[0].name}' do not lie on the same grid")
    line = of_mask(
        mask,
        grid,
        key,
        name=f"{structure(key).name}, measured",
        volume=volume if isinstance(volume, Volume) else None,
        inlet_mm=parameters.inlet_mm,
        progress=monitor.progress,
        **source,
    )
    if isinstance(given[0], OrganMesh):
        line = _with_caps(line, given[0])
    return (line,)


def _mask(thing: TwinObject, key: str, also: Sequence[str]) -> tuple[NDArray[np.bool_], Grid, str, dict[str, str]]:
    import numpy as np

    from organtwin.vessel.voxels import of_surface

    if isinstance(thing, Segmentation):
        if not key:
            vessels = [s.key for s in thing.segments if structure(s.key).vessel or len(thing.segments) == 1]
            if len(vessels) != 1:
                raise BadInput(
                    f"Which structure of '{thing.name}' is to be measured?",
                    remedy=f"It has: {', '.join(s.key for s in thing.segments) or 'none'}.",
                )
            key = vessels[0]
        mask = thing.with_whole(key).mask(key)
        for more in also:
            mask |= thing.with_whole(more).mask(more)
        return mask, thing.grid, key, {"segmentation": thing.uuid}
    if isinstance(thing, Surface):
        mask, grid = of_surface(np.asarray(thing.points_mm, float), np.asarray(thing.triangles), thing.frame_uid)
        return mask, grid, thing.structure, {"surface": thing.uuid}
    if isinstance(thing, OrganMesh):
        points, faces = np.asarray(thing.points_mm, float), np.asarray(thing.boundary_triangles)
        used, number = np.unique(faces, return_inverse=True)
        mask, grid = of_surface(points[used], number.reshape(-1, 3), thing.frame_uid)
        return mask, grid, thing.structure, {"mesh": thing.uuid}
    raise BadInput(f"A {thing.kind} is no vessel")


def _with_caps(line: Centerline, organ: OrganMesh) -> Centerline:
    """Ends that lie in an opening of the mesh are called as it is."""
    import numpy as np

    caps = list(organ.caps)
    branches = []
    for branch in line.branches:
        if branch.cap and caps:
            end = np.asarray(line.points_mm)[branch.last]
            near = min(caps, key=lambda cap: float(np.linalg.norm(end - cap.centre_mm)))
            if np.linalg.norm(end - near.centre_mm) < 1.5 * near.radius_mm:
                branch = branch.model_copy(update={"cap": near.name})
        branches.append(branch)
    return line.with_(branches=tuple(branches))


OPERATION = Operation(
    name="vessel",
    title="Measure a vessel",
    inputs={},
    parameters=VesselParameters,
    function="organtwin.operations.vessel:run",
    packages=("organtwin", "numpy", "scipy", "scikit-image"),
    optional={"segmentation": "segmentation", "surface": "surface", "mesh": "mesh", "volume": "volume"},
)
