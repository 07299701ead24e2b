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


@app.command()
def quality(
    project: ProjectPath,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    volume: Annotated[str | None, typer.Option(help="The scan to measure it on, when it is not clear.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with pictures here.")] = None,
    pictures: Annotated[
        bool, typer.Option(help="Put three pictures of each structure into the JSON, as base64 PNG.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say how far a segmentation can be believed: volumes, islands, holes, what the scan cuts."""
    import json

    from organtwin.cli.base import measured_with
    from organtwin.cli.choose import choose_in
    from organtwin.model import Segmentation, Volume
    from organtwin.segment.quality import quality as measure
    from organtwin.store import Project

    with Project(project, read_only=True) as opened_project:
        entries = [e for e in opened_project.entries() if e.kind == "segmentation"]
        if not entries:
            raise BadInput("The project has no segmentation yet", where=str(project))
        chosen = choose_in(entries, segmentation, "segmentation") if segmentation else entries[-1]
        drawn = opened_project.load(chosen.uuid)
        assert isinstance(drawn, Segmentation)
        if volume:
            scans = [
                opened_project.load(
                    choose_in([e for e in opened_project.entries() if e.kind == "volume"], volume, "volume").uuid
                )
            ]
        else:
            scans = measured_with(opened_project, drawn)
        scan = next((s for s in scans if isinstance(s, Volume)), None)
        if pictures:
            from organtwin.report.quality import thumbnails

            drawings = thumbnails(drawn, scan)
        if html is not None:
            from organtwin.report.quality import write_quality

            found = write_quality(drawn, scan, html)
        else:
            found = measure(drawn, scan)
    if as_json:
        seen = {"pictures": drawings} if pictures else {}
        print(
            json.dumps(
                [q.model_dump() | {name: of.get(q.key, []) for name, of in seen.items()} for q in found], indent=1
            )
        )
        return
    for q in found:
        print(f"{q.level:5} {q.name:28} {q.volume_ml:9.1f} mL  {q.doubts}".rstrip())
    if html is not None:
        print(f"wrote {html}")
