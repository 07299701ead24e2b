"""What is done with a project: export, report, info."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from organtwin.cli.base import (
    AsJson,
    ProjectPath,
    Purpose,
    app,
    describe,
)
from organtwin.cli.plain import print_json
from organtwin.model import Result, Segmentation, TwinObject
from organtwin.store import Project
from organtwin.store.relations import scan_behind


@app.command()
def export(
    project: ProjectPath,
    object_: Annotated[str, typer.Argument(metavar="OBJECT", help="Name or uuid.")],
    file: Annotated[
        Path,
        typer.Argument(
            help="The ending decides: .nii.gz .nrrd .seg.nrrd .mha .dcm .stl .obj .ply .vtp .vtu .csv .json"
        ),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="What a .dcm file becomes: dicom-seg, dicom-seg-fractional, dicom-labelmap, rtstruct, rtstruct-smooth, sr.",
        ),
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of the scan itself: DICOM files then refer to its images, as archives want it."),
    ] = None,
    keep_identity: Annotated[
        bool, typer.Option("--keep-identity", help="Name the patient in DICOM files, as the scan of --source does.")
    ] = False,
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Write an object to a file of the field."""
    from organtwin.cli.choose import choose_in
    from organtwin.io.export import export as write

    began = time.time() - 0.1
    with Project(project, read_only=True) as opened_project:
        entry = choose_in(opened_project.entries(), object_)
        thing = opened_project.load(entry.uuid)
        opened_project.leaves("export", f"{entry.name} as {''.join(file.suffixes[-2:])}", [entry.uuid], purpose)
        things = [thing]
        if isinstance(thing, Result):  # a result is points and fields; the cells are the mesh's
            things.append(opened_project.load(thing.mesh))
        elif form == "sr" and isinstance(thing, Segmentation):
            things += _measured_with(opened_project, thing)
        written = write(things, file, form=form, sources=source or (), keep_identity=keep_identity)
    beside = [file for file in _beside(written) if file.exists() and file.stat().st_mtime >= began]
    if as_json:
        print_json({"file": written, "beside": beside})
    else:
        print("\n".join(f"wrote {one}" for one in (written, *beside)))


def _beside(written: Path) -> list[Path]:
    """Files that some formats need beside their own: the table of a label map, the segmentation that a report refers to."""
    stem = written.name
    for ending in (".gz", ".nii", ".mha", ".dcm"):
        stem = stem.removesuffix(ending)
    return [written.with_name(f"{stem}.labels.csv"), written.with_name(f"{stem}-seg.dcm")]


def _measured_with(project: Project, segmentation: Segmentation) -> list[TwinObject]:
    """What a segmentation's measurements also come from: the scan behind it, and its centrelines."""
    entries = project.entries()
    lines = [e for e in entries if e.kind == "centerline" and e.facts.get("segmentation") == segmentation.uuid]
    scan = scan_behind(project.entry(segmentation.uuid), entries)
    return [project.load(e.uuid) for e in ([scan] if scan else []) + lines]


@app.command()
def report(
    project: ProjectPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="report.html or report.pdf.")] = Path("report.html"),
    audience: Annotated[str, typer.Option("--for", help="clinician, patient (in plain language), or both.")] = "both",
    purpose: Purpose = "",
    as_json: AsJson = False,
) -> None:
    """Write a report with pictures, as HTML or PDF, for the clinician and for the patient."""
    from organtwin.errors import BadInput
    from organtwin.report.html import AUDIENCES, write_report

    if audience not in AUDIENCES:
        raise BadInput(
            f"A report is not written for '{audience}'", remedy=f"Write it for one of: {', '.join(AUDIENCES)}."
        )
    with Project(project, read_only=True) as opened_project:
        opened_project.leaves("report", f"report for {audience} as {output.suffix}", purpose=purpose)
        written = write_report(opened_project, output, AUDIENCES[audience])
    if as_json:
        print_json({"file": written})
    else:
        print(f"wrote {written}")


@app.command()
def info(project: ProjectPath, as_json: AsJson = False) -> None:
    """Say what a project holds, what is stale, and which jobs run."""
    from organtwin.cli.summary import tree
    from organtwin.document.staleness import stale
    from organtwin.jobs import unseen

    opened_project = Project(project, read_only=True)
    entries = opened_project.entries()
    jobs = unseen(opened_project.jobs_folder, opened_project.seen_jobs)
    for job in jobs:
        job.poll()
    old = stale(opened_project)
    if as_json:
        print_json(
            {
                "name": opened_project.name,
                "folder": str(opened_project.folder),
                "undo": opened_project.undo_label,
                "objects": [{**describe(e), "stale": e.uuid in old} for e in entries],
                "jobs": [
                    {"id": j.id, "label": j.spec.label, "state": j.state.value, "can_resume": j.can_resume}
                    for j in jobs
                ],
            }
        )
    else:
        for line in tree(opened_project.name, entries, old):
            print(line)
        for job in jobs:
            what = f"{job.state.value}, {job.fraction:.0%}" if not job.state.ended else job.state.value
            print(
                f"job {job.id}  {job.spec.label}: {what}{', organtwin resume lets it go on' if job.can_resume else ''}"
            )
