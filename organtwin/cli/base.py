"""What the commands have in common: the application, its arguments, opening a project, telling what was made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin.cli.choose import choose
from organtwin.cli.follow import run_job
from organtwin.cli.plain import print_json
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.store import Entry

app = typer.Typer(
    name="organtwin",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    help="From a patient's scan to organ meshes, blood flow and tissue deformation. Research and rehearsal only: not a medical device. "
    "Every command also takes --passphrase-file FILE, for a sealed project, and --role NAME.",
)

ProjectPath = Annotated[Path, typer.Argument(help="The project folder, case.otwin.")]
Purpose = Annotated[str, typer.Option("--purpose", help="What it is for: the patient's consent must cover it.")]
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
        print_json([describe(e) for e in entries])
        return
    from organtwin.cli.summary import summary

    for entry in entries:
        for line in summary(entry):
            print(line)


def mesh_named(document: Document, name: str | None) -> Entry:
    """The mesh of that name, uuid or structure. Of several of a structure it is the newest that was not cut or opened:
    what a rehearsal or a plan left has a name of its own."""
    meshes = document.entries("mesh")
    if name is None or any(name in (e.name, e.uuid) for e in meshes):
        return choose(document, "mesh", name)
    left_by = ("rehearse", "rehearsal-check", "resection-plan")
    named = [e for e in meshes if e.facts.get("structure") == name]
    whole = [e for e in named if not (e.recipe and e.recipe.operation in left_by)]
    return (whole or named)[-1] if named else choose(document, "mesh", name)


def solve(
    project: Path,
    physics: str,
    case: Path | None,
    preset: str | None,
    mesh: str | None,
    ranks: int,
    as_json: bool,
    options: dict[str, Any] | None = None,
) -> None:
    parameters = {**case_parameter(case, preset), **(options or {})}
    with opened(project) as document:
        if mesh is None and preset:
            organ = preset.partition("-")[0]
            source = document.latest("mesh", structure=organ) or choose(document, "mesh")
        else:
            source = mesh_named(document, mesh)
        label = f"{'Deform' if physics == 'tissue' else 'Flow in'} {source.facts.get('structure', source.name)}"
        made = run_job(document, physics, {"mesh": source.uuid}, parameters, label, ranks)
    tell(made, as_json)


def case_parameter(file: Path | None, preset: str | None) -> dict[str, Any]:
    """The parameter that says what to solve."""
    if (file is None) == (preset is None):
        raise BadInput("Give either a case file or --preset NAME", remedy="The help of this command has an example.")
    return {"preset": preset} if preset else {"case": json_argument(f"@{file}")}


def json_argument(text: str) -> dict[str, Any]:
    """JSON from the command line, or from a file after ``@``."""
    where = ""
    if text.startswith("@"):
        where = text[1:]
        try:
            text = Path(where).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"This file cannot be read: {why(error)}", where=where) from error
    try:
        data = json.loads(text)
    except ValueError as error:
        raise BadInput(f"This is not JSON: {error}", where=where) from error
    if not isinstance(data, dict):
        raise BadInput('A JSON object is needed here, as in {"key": value}', where=where)
    return data


def why(error: OSError | UnicodeDecodeError) -> str:
    return "it is not text" if isinstance(error, UnicodeDecodeError) else str(error.strerror or error)
