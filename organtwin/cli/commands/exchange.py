"""``organtwin import-segmentation``: what other programs drew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.follow import run_job
from organtwin.errors import BadInput


@app.command("import-segmentation")
def import_segmentation(
    project: ProjectPath,
    files: Annotated[
        list[Path], typer.Argument(help="DICOM SEG or RTSTRUCT, .seg.nrrd .nii.gz .nrrd .mha .stl .obj .ply .vtp")
    ],
    volume: Annotated[str | None, typer.Option(help="The scan it belongs to, when there are several.")] = None,
    alone: Annotated[bool, typer.Option("--alone", help="Keep its own grid, without a scan.")] = False,
    trust_frame: Annotated[
        bool, typer.Option("--trust-frame", help="Take its coordinates for the scan's though it names another frame.")
    ] = False,
    resample: Annotated[
        bool, typer.Option("--resample", help="Take the nearest voxel where its grid is not the scan's.")
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="Several segmentations where structures overlap; else the smaller is kept.")
    ] = False,
    threshold: Annotated[float, typer.Option(help="Of fractional segmentations: a voxel belongs from here on.")] = 0.5,
    space: Annotated[str | None, typer.Option(help="LPS or RAS: of surfaces whose file does not say.")] = None,
    voxel: Annotated[
        float | None, typer.Option(help="Voxel size in mm of surfaces and contours without a scan.")
    ] = None,
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    as_json: AsJson = False,
) -> None:
    """Read segmentations, structure sets and surfaces of other programs into a project."""
    for file in files:
        if file.is_dir():
            raise BadInput("This is a folder", where=str(file), remedy="Name the files of the segmentation.")
        if not file.is_file():
            raise BadInput("There is no file at this place", where=str(file), remedy="Check the path.")
    parameters: dict[str, Any] = {
        "files": [str(file.resolve()) for file in files], "name": name, "trust_frame": trust_frame, "resample": resample,
        "overlap": "layers" if layers else "smaller", "threshold": threshold, "voxel_mm": voxel,
        "space": space.upper() if space else None,
    }  # fmt: skip
    with opened(project, create=alone) as document:
        inputs: dict[str, str] = {}
        if not alone and (volume is not None or document.entries("volume")):
            inputs["volume"] = choose(document, "volume", volume).uuid
        made = run_job(document, "import-segmentation", inputs, parameters, "Import segmentation")
    tell(made, as_json)
