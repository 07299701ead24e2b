"""``organtwin``: the commands. Exit codes: 0 done, 2 usage, 3 bad input, 4 failed, 5 cancelled."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin import __version__
from organtwin.cli.choose import choose
from organtwin.cli.follow import console, follow, run_job
from organtwin.document import Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.operations import find
from organtwin.store import Entry

app = typer.Typer(
    name="organtwin",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="From a patient's scan to organ meshes, blood flow and tissue deformation. Research and rehearsal only: not a medical device.",
)

ProjectPath = Annotated[Path, typer.Argument(help="The project folder, case.otwin.")]
FlowCaseFile = Annotated[
    Path | None,
    typer.Argument(
        help="A flow case as JSON; 'organtwin check PROJECT --preset NAME --json' prints one to begin with."
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@contextmanager
def opened(folder: Path, create: bool = False) -> Iterator[Document]:
    """The document of a project, closed at the end; jobs finished earlier are adopted first."""
    fresh = create and not (folder / "project.json").exists()
    document = Document.create(folder) if fresh else Document.open(folder)
    try:
        document.poll()
        yield document
    finally:
        document.close()


def describe(entry: Entry) -> dict[str, Any]:
    """An object as JSON: its identity and the facts about it."""
    return {
        "uuid": entry.uuid,
        "kind": entry.kind,
        "name": entry.name,
        "created": entry.created,
        "notes": list(entry.notes),
        **{key: value for key, value in entry.facts.items() if key != "histories"},
    }


def tell(entries: list[Entry], as_json: bool) -> None:
    """Print what was made."""
    if as_json:
        print(json.dumps([describe(e) for e in entries], indent=1))
        return
    from organtwin.cli.summary import summary

    for entry in entries:
        for line in summary(entry):
            print(line)


@app.command("import")
def import_(
    sources: Annotated[list[Path], typer.Argument(help="Folder, zip, DICOMDIR, NIfTI, NRRD or MHA.")],
    project: Annotated[Path, typer.Option("-p", "--project", help="Project folder; made when it is not there.")],
    series: Annotated[
        list[str] | None, typer.Option(help="Series to take, by number or UID (repeat for several).")
    ] = None,
    keep_identity: Annotated[bool, typer.Option(help="Keep the patient's name and number.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read a scan into a project."""
    for source in sources:
        if not source.exists():
            raise BadInput("There is nothing at this place", where=str(source), remedy="Check the path.")
    parameters = {"sources": [str(s.resolve()) for s in sources], "series": series, "keep_identity": keep_identity}
    fresh = not project.exists()
    try:
        with opened(project, create=True) as document:
            made = run_job(document, "import", {}, parameters, "Import scan")
    except OrganTwinError:
        if fresh:
            _remove_empty(project)
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
        print(json.dumps([one.model_dump() for one in found], indent=1))
        return
    for one in found:
        mark = "*" if one.best else " "
        print(f"{mark} {one.number}: {one.description or 'no description'} ({one.modality or '?'}), {one.summary}")
        if one.reason:
            print(f"     not a volume: {one.reason}")


@app.command()
def segment(
    project: ProjectPath,
    engine: Annotated[str, typer.Option(help="ct, threshold, grow or random-walker.")] = "ct",
    structures: Annotated[str | None, typer.Option(help="Only these, as in: aorta,liver.")] = None,
    volume: Annotated[str | None, typer.Option(help="Which volume, when there are several.")] = None,
    options: Annotated[str | None, typer.Option(help="The engine's options as JSON, or @FILE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find structures in a scan."""
    with opened(project) as document:
        source = choose(document, "volume", volume)
        parameters: dict[str, Any] = {"engine": engine, "options": _json(options) if options else {}}
        if structures:
            parameters["structures"] = [s.strip() for s in structures.split(",") if s.strip()]
        made = run_job(document, "segment", {"volume": source.uuid}, parameters, f"Segment {source.name}")
    tell(made, as_json)


@app.command()
def mesh(
    project: ProjectPath,
    structure: Annotated[str, typer.Option(help="The structure to mesh, as in: aorta.")],
    edge: Annotated[
        str | None, typer.Option(help='Edge length with its unit, as in "2 mm"; automatic when left out.')
    ] = None,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Make a surface and tetrahedra of one structure."""
    with opened(project) as document:
        source = choose(document, "segmentation", segmentation)
        parameters: dict[str, Any] = {"structure": structure}
        if edge:
            parameters["edge"] = edge
        made = run_job(document, "mesh", {"segmentation": source.uuid}, parameters, f"Mesh {structure}")
    tell(made, as_json)


@app.command()
def centerline(
    project: ProjectPath,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the middle lines of a vessel mesh, with radius and area along them."""
    with opened(project) as document:
        source = _mesh(document, mesh)
        made = run_job(document, "centerline", {"mesh": source.uuid}, {}, f"Centreline of {source.name}")
    tell(made, as_json)


def _mesh(document: Document, name: str | None) -> Entry:
    """The mesh of that name, uuid or structure."""
    named = [e for e in document.entries("mesh") if name and e.facts.get("structure") == name]
    return named[-1] if named else choose(document, "mesh", name)


def _solve(
    project: Path,
    physics: str,
    case: Path | None,
    preset: str | None,
    mesh: str | None,
    ranks: int,
    as_json: bool,
    options: dict[str, Any] | None = None,
) -> None:
    parameters = {**_case(case, preset), **(options or {})}
    with opened(project) as document:
        if mesh is None and preset:
            organ = preset.partition("-")[0]
            source = document.latest("mesh", structure=organ) or choose(document, "mesh")
        else:
            source = _mesh(document, mesh)
        label = f"{'Deform' if physics == 'tissue' else 'Flow in'} {source.facts.get('structure', source.name)}"
        made = run_job(document, physics, {"mesh": source.uuid}, parameters, label, ranks)
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
    _solve(project, "flow", case, preset, mesh, ranks, as_json)


@app.command()
def check(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-pulsatile.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what would be wrong, or weak, about a flow case on a mesh, and what its outlets would be; solves nothing."""
    parameters = _case(case, preset)
    with opened(project) as document:
        organ = document.get(_mesh(document, mesh).uuid)
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
    _solve(project, "flow-convergence", case, preset, mesh, 1, as_json, {"coarse": coarse, "fine": fine})


@app.command()
def lumped(
    project: ProjectPath,
    case: FlowCaseFile = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: aorta-steady.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Pressures, flows and FFR along a vessel in under a second, from a lumped (0D) model of its tree."""
    _solve(project, "lumped", case, preset, mesh, 1, as_json)


@app.command()
def deform(
    project: ProjectPath,
    case: Annotated[Path | None, typer.Argument(help="A tissue case as JSON.")] = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: liver-pull.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Solve the deformation of an organ mesh."""
    _solve(project, "tissue", case, preset, mesh, 1, as_json)


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
            told = _json(action.lstrip())
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
    as_json: AsJson = False,
) -> None:
    """Write an object to a file of the field."""
    from organtwin.cli.choose import choose_in
    from organtwin.io.export import export as write
    from organtwin.model import Result
    from organtwin.store import Project

    with Project(project, read_only=True) as opened_project:
        entry = choose_in(opened_project.entries(), object_)
        thing = opened_project.load(entry.uuid)
        # a result is points and fields; the cells are the mesh's
        written = write([thing, opened_project.load(thing.mesh)] if isinstance(thing, Result) else thing, file)
    print(json.dumps({"file": str(written)}) if as_json else f"wrote {written}")


@app.command()
def report(
    project: ProjectPath,
    output: Annotated[Path, typer.Option("-o", "--output", help="report.html")] = Path("report.html"),
    as_json: AsJson = False,
) -> None:
    """Write a report with pictures."""
    from organtwin.report import write_report
    from organtwin.store import Project

    with Project(project, read_only=True) as opened_project:
        written = write_report(opened_project, output)
    print(json.dumps({"file": str(written)}) if as_json else f"wrote {written}")


@app.command()
def info(project: ProjectPath, as_json: AsJson = False) -> None:
    """Say what a project holds, what is stale, and which jobs run."""
    from organtwin.cli.summary import tree
    from organtwin.document.staleness import stale
    from organtwin.jobs import unseen
    from organtwin.store import Project

    opened_project = Project(project, read_only=True)
    entries = opened_project.entries()
    jobs = unseen(opened_project.jobs_folder, opened_project.seen_jobs)
    for job in jobs:
        job.poll()
    old = stale({e.uuid: e for e in entries})
    if as_json:
        print(
            json.dumps(
                {
                    "name": opened_project.name,
                    "folder": str(opened_project.folder),
                    "undo": opened_project.undo_label,
                    "objects": [{**describe(e), "stale": e.uuid in old} for e in entries],
                    "jobs": [
                        {"id": j.id, "label": j.spec.label, "state": j.state.value, "can_resume": j.can_resume}
                        for j in jobs
                    ],
                },
                indent=1,
            )
        )
    else:
        for line in tree(opened_project.name, entries, old):
            print(line)
        for job in jobs:
            what = f"{job.state.value}, {job.fraction:.0%}" if not job.state.ended else job.state.value
            print(
                f"job {job.id}  {job.spec.label}: {what}{', organtwin resume lets it go on' if job.can_resume else ''}"
            )


@app.command()
def validate(
    names: Annotated[list[str] | None, typer.Argument(help="Cases; all when left out.")] = None,
    quick: Annotated[bool, typer.Option(help="Meshes that finish in about two minutes in all.")] = False,
    file: Annotated[Path | None, typer.Option("--file", help="Also write the rows here as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the verification cases: reference, computed, error."""
    from organtwin.cli.validate import run_cases

    if not run_cases(names or [], quick, file, as_json):
        raise typer.Exit(4)


@app.command()
def demo(
    folder: Annotated[Path | None, typer.Option("-p", "--project", help="Where to put the project.")] = None,
    window: Annotated[bool, typer.Option(help="Open the app at the end where there is a display.")] = True,
    as_json: AsJson = False,
) -> None:
    """The whole way on the sample study, then the app opens on it."""
    from organtwin.cli.demo import run_demo

    finished = run_demo(folder)
    if as_json:
        print(json.dumps({"project": str(finished), "report": str(finished.parent / "report.html")}))
    if window and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise typer.Exit(_open_window([str(finished)]))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def gui(context: typer.Context) -> None:
    """Open the app."""
    raise typer.Exit(_open_window(context.args))


def _open_window(arguments: list[str]) -> int:
    # the window is a program of its own: the twin does not know it
    try:
        return os.spawnv(os.P_WAIT, sys.executable, [sys.executable, "-m", "organtwin_gui", *arguments])
    except KeyboardInterrupt:
        return 0


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def _case(file: Path | None, preset: str | None) -> dict[str, Any]:
    """The parameter that says what to solve."""
    if (file is None) == (preset is None):
        raise BadInput("Give either a case file or --preset NAME", remedy="The help of this command has an example.")
    return {"preset": preset} if preset else {"case": _json(f"@{file}")}


def _json(text: str) -> dict[str, Any]:
    """JSON from the command line, or from a file after ``@``."""
    where = ""
    if text.startswith("@"):
        where = text[1:]
        try:
            text = Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"This file cannot be read: {_why(error)}", where=where) from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(f"This is not JSON: {error}", where=where) from error
    if not isinstance(data, dict):
        raise BadInput('A JSON object is needed here, as in {"key": value}', where=where)
    return data


def _why(error: OSError | UnicodeDecodeError) -> str:
    return "it is not text" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error)


def _remove_empty(project: Path) -> None:
    """Take away a project that was made for an import that failed."""
    import shutil

    if (project / "objects").is_dir() and not any((project / "objects").iterdir()):
        shutil.rmtree(project, ignore_errors=True)


def main() -> None:
    """Entry point: every failure becomes one sentence and a documented exit code."""
    try:
        app(standalone_mode=True)
    except OrganTwinError as error:
        console.print(f"organtwin: {error.sentence}", style="bold", markup=False)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)


if __name__ == "__main__":
    main()
