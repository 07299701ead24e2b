"""Rehearsals without a window: do a script, replay a recording, check it against the full solve."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, json_argument, mesh_named, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.follow import console, run_job
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Rehearsal
from organtwin.store.relations import naming_trees

Inside = Annotated[
    list[str] | None,
    typer.Option(help="A surface that the organ carries, by structure, name or uuid; may be repeated."),
]
Neighbour = Annotated[list[str] | None, typer.Option(help="A mesh that lies beside the organ; may be repeated.")]
Which = Annotated[str | None, typer.Argument(help="Which rehearsal, by name or uuid; the newest when left out.")]


@app.command()
def rehearse(
    project: ProjectPath,
    script: Annotated[Path, typer.Argument(help="What is done, as JSON: scene, steps, poses, ticks.")],
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    inside: Inside = None,
    neighbour: Neighbour = None,
    plan: Annotated[str | None, typer.Option(help="A resection plan that the script follows.")] = None,
    name: Annotated[str, typer.Option(help="What the rehearsal is called.")] = "rehearsal",
    as_json: AsJson = False,
) -> None:
    """Rehearse by a script: tools, cuts and clips at their ticks, in the real-time engine."""
    told = json_argument(f"@{script}")
    with opened(project) as document:
        inputs = {"mesh": mesh_named(document, mesh).uuid}
        inputs |= _roles(document, "inside", "surface", inside) | _roles(document, "neighbour", "mesh", neighbour)
        inputs |= {f"tree-{n}": entry.uuid for n, entry in enumerate(naming_trees(document.entries()), 1)}
        if plan is not None:
            inputs["plan"] = choose(document, "plan", plan).uuid
        made = run_job(document, "rehearse", inputs, {"script": told, "name": name}, f"Rehearse {name}")
    tell(made, as_json)


@app.command()
def replay(project: ProjectPath, rehearsal: Which = None, as_json: AsJson = False) -> None:
    """Replay a rehearsal and say whether it ends in the same bytes."""
    with opened(project) as document:
        recorded, inputs = _recorded(document, rehearsal)
        made = run_job(document, "rehearse", inputs, {"name": recorded.name}, f"Replay {recorded.name}")
        console.print(f"'{recorded.name}' was replayed: {recorded.ticks} ticks, the end is the same to the last bit.")
    tell(made, as_json)


@app.command("rehearsal-check")
def rehearsal_check(
    project: ProjectPath,
    rehearsal: Which = None,
    tick: Annotated[int | None, typer.Option(help="Of which moment; the end when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say how far a rehearsal is from the full solve of the same state."""
    with opened(project) as document:
        recorded, inputs = _recorded(document, rehearsal)
        parameters: dict[str, Any] = {} if tick is None else {"tick": tick}
        made = run_job(document, "rehearsal-check", inputs, parameters, f"Check {recorded.name}")
    tell(made, as_json)


def _recorded(document: Document, name: str | None) -> tuple[Rehearsal, dict[str, str]]:
    """A rehearsal, and what it takes to play it again."""
    recorded = document.get(choose(document, "rehearsal", name).uuid)
    assert isinstance(recorded, Rehearsal)
    gone = [role for role, uuid in recorded.inputs.items() if not document.project.is_live(uuid)]
    if gone:
        raise BadInput(
            f"'{recorded.name}' cannot be played again: its {gone[0].partition('-')[0]} was removed",
            remedy="Undo the removal.",
        )
    return recorded, {**recorded.inputs, "rehearsal": recorded.uuid}


def _roles(document: Document, role: str, kind: str, names: list[str] | None) -> dict[str, str]:
    """The objects of those structures, names or uuids, numbered."""
    found = {}
    for number, name in enumerate(names or (), 1):
        known = document.latest(kind, structure=name) or choose(document, kind, name)
        found[f"{role}-{number}"] = known.uuid
    return found
