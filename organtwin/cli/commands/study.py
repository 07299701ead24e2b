"""From a scan to meshes: import, series, segment, mesh."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin.cli.base import (
    AsJson,
    ProjectPath,
    app,
    json_argument,
    opened,
    tell,
)
from organtwin.cli.choose import choose, choose_segmentation
from organtwin.cli.follow import run_job
from organtwin.cli.plain import print_json
from organtwin.errors import BadInput, OrganTwinError


@app.command("import")
def import_(
    sources: Annotated[list[Path], typer.Argument(help="Folder, zip, DICOMDIR, NIfTI, NRRD or MHA.")],
    project: Annotated[Path, typer.Option("-p", "--project", help="Project folder; made when it is not there.")],
    series: Annotated[
        list[str] | None, typer.Option(help="Series to take, by number or UID (repeat for several).")
    ] = None,
    keep_identity: Annotated[bool, typer.Option(help="Keep the patient's name and number.")] = False,
    as_phases: Annotated[
        bool, typer.Option("--as-phases", help="The volumes are phases of one scan, in this order.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a scan into a project."""
    for source in sources:
        if not source.exists():
            raise BadInput("There is nothing at this place", where=str(source), remedy="Check the path.")
    parameters = {"sources": [str(s.resolve()) for s in sources], "series": series, "keep_identity": keep_identity}
    if as_phases:
        parameters["as_phases"] = True
    fresh = not project.exists()
    try:
        with opened(project, create=True) as document:
            made = run_job(document, "import", {}, parameters, "Import scan")
    except OrganTwinError:
        if fresh:
            remove_empty(project)
        raise
    tell(made, as_json)


@app.command()
def series(
    sources: Annotated[list[Path], typer.Argument(help="Folder, zip, DICOMDIR, NIfTI, NRRD or MHA.")],
    as_json: AsJson = False,
) -> None:
    """List the series that could be imported, with the reason for those that cannot."""
    from organtwin.operations.import_study import list_series

    found = list_series([str(source) for source in sources])
    if as_json:
        print_json([one.model_dump() for one in found])
        return
    for one in found:
        mark = "*" if one.best else " "
        print(f"{mark} {one.number}: {one.description or 'no description'} ({one.modality or '?'}), {one.summary}")
        if one.reason:
            print(f"     not a volume: {one.reason}")


@app.command()
def segment(
    project: ProjectPath,
    engine: Annotated[str, typer.Option(help="By name; 'organtwin engines' lists them.")] = "ct",
    structures: Annotated[str | None, typer.Option(help="Only these, as in: aorta,liver.")] = None,
    volume: Annotated[str | None, typer.Option(help="Which volume, when there are several.")] = None,
    options: Annotated[str | None, typer.Option(help="The engine's options as JSON, or @FILE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find structures in a scan."""
    with opened(project) as document:
        source = choose(document, "volume", volume)
        parameters: dict[str, Any] = {"engine": engine, "options": json_argument(options) if options else {}}
        if structures:
            parameters["structures"] = [s.strip() for s in structures.split(",") if s.strip()]
        made = run_job(document, "segment", {"volume": source.uuid}, parameters, f"Segment {source.name}")
    tell(made, as_json)


@app.command()
def engines(as_json: AsJson = False) -> None:
    """List the segmentation engines: what each finds, its licence, how it runs, and why not where it cannot."""
    from organtwin.segment.engine import find, names

    found = [find(name) for name in names()]
    if as_json:
        told = [
            {
                "name": e.name,
                "title": e.title,
                "about": e.about,
                "licence": e.licence,
                "runtime": e.runtime,
                "modalities": e.modalities,
                "structures": e.structures,
                "by_hand": e.hand,
                "why_not": e.why_not(),
                "options": e.parameters.model_json_schema(),
            }
            for e in found
        ]
        print_json(told)
        return
    for engine in found:
        print(f"{engine.name:<18}{engine.title}; {engine.licence}, {engine.runtime}")
        if engine.about:
            print(f"{'':<18}{engine.about}")
        if reason := engine.why_not():
            print(f"{'':<18}cannot run here: {reason}")


@app.command()
def surface(
    project: ProjectPath,
    structures: Annotated[str, typer.Option(help="Which structures, as in: tumour,portal_vein.")],
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make smooth surfaces of structures: what a rehearsal shows inside an organ."""
    with opened(project) as document:
        keys = [key.strip() for key in structures.split(",") if key.strip()]
        source = choose_segmentation(document, keys, segmentation)
        made = run_job(document, "surface", {"segmentation": source.uuid}, {"structures": keys}, "Surfaces")
    tell(made, as_json)


@app.command()
def mesh(
    project: ProjectPath,
    structure: Annotated[str, typer.Option(help="The structure to mesh, as in: aorta.")],
    edge: Annotated[
        str | None, typer.Option(help='Edge length with its unit, as in "2 mm"; automatic when left out.')
    ] = None,
    parts: Annotated[
        str | None, typer.Option(help="What lies in it and becomes a material of the mesh, as in: tumour,portal_vein.")
    ] = None,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a surface and tetrahedra of one structure."""
    with opened(project) as document:
        inside = [part.strip() for part in (parts or "").split(",") if part.strip()]
        source = choose_segmentation(document, [structure, *inside], segmentation)
        parameters: dict[str, Any] = {"structure": structure}
        if inside:
            parameters["parts"] = inside
        if edge:
            parameters["edge"] = edge
        made = run_job(document, "mesh", {"segmentation": source.uuid}, parameters, f"Mesh {structure}")
    tell(made, as_json)


def remove_empty(project: Path) -> None:
    """Take away a project that was made for an import that failed."""
    import shutil

    if (project / "objects").is_dir() and not any((project / "objects").iterdir()):
        shutil.rmtree(project, ignore_errors=True)
