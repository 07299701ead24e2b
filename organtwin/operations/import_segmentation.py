"""The operation "import-segmentation": label maps, structure sets and surfaces of other programs in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from organtwin.model import Segmentation, TwinObject, Volume
from organtwin.monitor import Monitor
from organtwin.operations.registry import Operation, Parameters


class ImportSegmentationParameters(Parameters):
    """``files``: DICOM SEG or RTSTRUCT, ``.seg.nrrd``, NIfTI, NRRD, MHA, STL, OBJ, PLY, VTP; several of one structure
    each become one segmentation. With a volume as input the labels come onto its grid, else they keep their own.

    ``trust_frame``: take the coordinates of the file for the scan's although it names another frame of reference.
    ``resample``: take the nearest voxel where the file's grid is not that of the scan.
    ``overlap``: where structures overlap keep the "smaller", or make a segmentation of each of the "layers".
    ``threshold``: from which share on a voxel of a fractional SEG belongs. ``space``: of the coordinates of surfaces.
    ``voxel_mm``: of surfaces and contours without a scan.
    """

    files: tuple[str, ...]
    name: str = ""
    trust_frame: bool = False
    resample: bool = False
    overlap: Literal["smaller", "layers"] = "smaller"
    threshold: Annotated[float, Field(gt=0, le=1)] = 0.5
    space: Literal["LPS", "RAS"] | None = None
    voxel_mm: Annotated[float, Field(gt=0.05, le=20)] | None = None


OPERATION = Operation(
    name="import-segmentation",
    title="Import a segmentation",
    inputs={},
    optional={"volume": "volume"},
    parameters=ImportSegmentationParameters,
    function="organtwin.operations.import_segmentation:run",
    packages=("organtwin", "numpy", "pydicom", "highdicom", "SimpleITK"),
    private=("files",),
)


def run(
    inputs: Mapping[str, TwinObject], parameters: ImportSegmentationParameters, monitor: Monitor
) -> Sequence[Segmentation]:
    """Read the files.

    Raises
    ------
    BadInput
        When a file is no segmentation, is damaged, belongs to another scan, or lies on another grid: one sentence.
    """
    from organtwin.io.segmentation_files import bring_in

    volume = inputs.get("volume")
    assert volume is None or isinstance(volume, Volume)
    made = bring_in(
        parameters.files, volume.grid if volume else None, monitor, trust_frame=parameters.trust_frame,
        resample=parameters.resample, layers=parameters.overlap == "layers", threshold=parameters.threshold,
        space=parameters.space, voxel_mm=parameters.voxel_mm,
    )  # fmt: skip
    monitor.progress(1.0, "imported")
    if parameters.name:
        made = [
            one.with_(name=parameters.name if n == 1 else f"{parameters.name} {n}") for n, one in enumerate(made, 1)
        ]
    return made
