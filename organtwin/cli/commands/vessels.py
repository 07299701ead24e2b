"""What is done with a vessel: its middle line, flow, and procedures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from organtwin.cli.base import (
    AsJson,
    ProjectPath,
    app,
    case_parameter,
    json_argument,
    mesh_named,
    opened,
    solve,
    tell,
)
from organtwin.cli.choose import choose, choose_scan, choose_segmentation
from organtwin.cli.follow import console, follow, run_job
from organtwin.errors import BadInput
from organtwin.model import Centerline, Volume
from organtwin.operations import find

FlowCaseFile = Annotated[
    Path | None,
    typer.Argument(
        help="A flow case as JSON; 'organtwin check PROJECT --preset NAME --json' prints one to begin with."
    ),
]


@app.command()
def centerline(
    project: ProjectPath,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the middle lines of a vessel mesh, with radius and area along them."""
    with opened(project) as document:
        source = mesh_named(document, mesh)
        made = run_job(document, "centerline", {"mesh": source.uuid}, {}, f"Centreline of {source.name}")
    tell(made, as_json)


@app.command()
def vessel(
    project: ProjectPath,
    structure: Annotated[str, typer.Option(help="Of the segmentation, as in: aorta.")] = "aorta",
    also: Annotated[
        list[str] | None, typer.Option(help="A structure that belongs to its tree; may be repeated.")
    ] = None,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, by name or uuid.")] = None,
    volume: Annotated[str | None, typer.Option(help="Which scan, by name or uuid; the one it was made from.")] = None,
    as_segmented: Annotated[bool, typer.Option("--as-segmented", help="Do not look for the wall in the scan.")] = False,
    to: Annotated[str | None, typer.Option(help="A branch: table and picture are of the way to its end.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write what was measured at each point of the way.")] = None,
    cpr: Annotated[Path | None, typer.Option(help="Write a curved reformat of the way as PNG.")] = None,
    angle: Annotated[float, typer.Option(help="Degrees by which the reformat is turned.")] = 0.0,
    stretched: Annotated[
        bool, typer.Option("--stretched", help="A stretched reformat, not a straightened one.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure a vessel: its tree, diameters and areas along it, stenoses and aneurysms."""
    from organtwin.cli import vessel as told

    with opened(project) as document:
        source = choose_segmentation(document, [structure, *(also or [])], segmentation)
        inputs = {"segmentation": source.uuid}
        scan = None
        if not as_segmented or cpr:
            scan = choose_scan(document, source, volume)
        if scan is not None and not as_segmented:
            inputs["volume"] = scan.uuid
        parameters = {"structure": structure, "also": also or []}
        made = run_job(document, "vessel", inputs, parameters, f"Measuring {structure}")
        line = document.get(made[-1].uuid)
        assert isinstance(line, Centerline)
        if csv:
            told.write_table(line, to, csv)
        if cpr and scan is not None:
            shown = document.get(scan.uuid)
            assert isinstance(shown, Volume)
            told.write_reformat(shown, line, to, angle, stretched, cpr)
    tell(made, as_json)
    if not as_json:
        for text in told.findings(line):
            console.print(text)
        for file in (csv, cpr):
            if file is not None and (file == csv or scan is not None):
                print(f"wrote {file}")


@app.command()
def extend(
    project: ProjectPath,
    diameters: Annotated[float, typer.Option(min=0, help="Length of the tubes, in diameters of their openings.")] = 5.0,
    at: Annotated[list[str] | None, typer.Option(help="Another length at one opening, as in: inlet=3.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Add straight tubes at the openings of a vessel mesh, for the flow to develop in."""
    own: dict[str, float] = {}
    for text in at or []:
        name, _, length = text.partition("=")
        try:
            own[name] = float(length)
        except ValueError:
            raise BadInput(f"'{text}' is no opening with a length", remedy="Write it as in: inlet=3.") from None
    with opened(project) as document:
        source = mesh_named(document, mesh)
        made = run_job(
            document, "extend", {"mesh": source.uuid}, {"diameters": diameters, "at": own}, f"Extending {source.name}"
        )
    tell(made, as_json)


@app.command()
def flow(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-steady.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    ranks: Annotated[int, typer.Option(min=1, help="MPI ranks.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Solve blood flow in a vessel mesh."""
    solve(project, "flow", case, preset, mesh, ranks, as_json)


@app.command()
def check(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-pulsatile.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would be wrong, or weak, about a flow case on a mesh, and what its outlets would be; solves nothing."""
    parameters = case_parameter(case, preset)
    with opened(project) as document:
        organ = document.get(mesh_named(document, mesh).uuid)
    (resolved,) = find("flow-check")({"mesh": organ}, parameters)
    if as_json:
        print(resolved.model_dump_json(indent=1, exclude={"uuid", "created", "recipe"}))
        return
    for note in resolved.notes or ("Nothing is wrong with this case.",):
        console.print(note)


@app.command()
def resume(
    project: ProjectPath,
    job: Annotated[
        str | None, typer.Argument(help="Which job, by its number; the latest that can, when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a job that was ended before it was done go on from its last checkpoint."""
    with opened(project) as document:
        document.poll()
        able = [j for j in document.jobs.values() if j.can_resume]
        if not able:
            raise BadInput("No job of this project can go on from a checkpoint", remedy="Start it again.")
        able = [j for j in able if job in (None, j.id)] or able
        if job not in (None, able[-1].id):
            known = ", ".join(f"{j.id} ({j.spec.label})" for j in able)
            raise BadInput(f"There is no job '{job}' that can go on", remedy=f"There are: {known}.")
        document.resume(able[-1])
        made = follow(document, able[-1])
    tell(made, as_json)


@app.command("flow-convergence")
def flow_convergence(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-steady.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    coarse: Annotated[float, typer.Option(help="Edges of the coarser mesh, in those of the given one.")] = 1.5,
    fine: Annotated[float, typer.Option(help="Edges of the finer mesh, in those of the given one.")] = 0.7,
    as_json: AsJson = False,
) -> None:
    """Solve on three meshes of the same vessel: how far each number is from that of endlessly small cells."""
    solve(project, "flow-convergence", case, preset, mesh, 1, as_json, {"coarse": coarse, "fine": fine})


@app.command()
def lumped(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-steady.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pressures, flows and FFR along a vessel in under a second, from a lumped (0D) model of its tree."""
    solve(project, "lumped", case, preset, mesh, 1, as_json)


@app.command()
def procedure(
    project: ProjectPath,
    action: Annotated[
        str, typer.Argument(help="stent, balloon, remove-stenosis, clamp or bypass; or all of it as JSON, or @FILE.")
    ],
    toward: Annotated[str | None, typer.Option(help="The opening that the way leads to from the inlet.")] = None,
    start_mm: Annotated[float | None, typer.Option(help="Where it starts, in mm from the inlet.")] = None,
    stop_mm: Annotated[float | None, typer.Option(help="Where it ends, in mm from the inlet.")] = None,
    at_mm: Annotated[float | None, typer.Option(help="Where the clamp is, in mm from the inlet.")] = None,
    stop_toward: Annotated[str | None, typer.Option(help="The opening beyond the end of a bypass.")] = None,
    diameter: Annotated[str | None, typer.Option(help='Of the stent, balloon or graft, as in "8 mm".')] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Try a stent, a balloon, a clamp or a bypass on a vessel mesh."""
    from organtwin.cli.procedure import described

    with opened(project) as document:
        named = [e for e in document.entries("mesh") if mesh and e.facts.get("structure") == mesh]
        vessels = [e for e in document.entries("mesh") if e.facts.get("caps")]
        source = named[-1] if named else vessels[-1] if mesh is None and vessels else choose(document, "mesh", mesh)
        if action.lstrip().startswith(("{", "@")):
            told = json_argument(action.lstrip())
        else:
            told = described(
                action,
                source,
                toward=toward,
                start_mm=start_mm,
                stop_mm=stop_mm,
                at_mm=at_mm,
                stop_toward=stop_toward,
                diameter=diameter,
            )
        label = f"{str(told.get('action', 'Procedure')).capitalize()} on {source.name}"
        made = run_job(document, "procedure", {"mesh": source.uuid}, {"action": told}, label)
    tell(made, as_json)
