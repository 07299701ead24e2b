"""``organtwin course``: how something went over several scans, and how it may go on."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, opened, tell
from organtwin.cli.follow import run_job
from organtwin.errors import BadInput
from organtwin.store import Entry
from organtwin.store.relations import scan_behind


@app.command()
def course(
    project: ProjectPath,
    structure: Annotated[
        str,
        typer.Option(
            help="What is followed, as aorta, tumour, liver; none for the heart: cines, and what reports of echos say."
        ),
    ] = "",
    what: Annotated[
        str,
        typer.Option(
            help="volume, diameter, stenosis, heart, or a quantity as 'LV mass'; auto takes what suits the structure."
        ),
    ] = "auto",
    on: Annotated[
        list[str] | None,
        typer.Option(help="A segmentation (name or uuid) of each date (repeat); all there are, when none is named."),
    ] = None,
    date: Annotated[
        list[str] | None,
        typer.Option(
            help="The day of each scan in the order of --on (repeat), as 2024-03-01, where it does not say so itself."
        ),
    ] = None,
    years: Annotated[
        float | None,
        typer.Option(help="How far to look ahead; by itself twice as far as the scans look back, but 1 to 5."),
    ] = None,
    landmark: Annotated[str, typer.Option(help="A value whose date is wanted, as '55 mm'.")] = "",
    law: Annotated[str, typer.Option(help="auto, linear or exponential.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Follow an aneurysm, a stenosis, a lesion, an organ or a heart over several scans, and look ahead."""
    with opened(project) as document:
        entries = document.entries()
        chosen = _chosen(entries, structure, on, document.project.root)
        inputs: dict[str, str] = {}
        if not structure:  # what reports of other images say of the heart
            told = [e for e in entries if e.kind == "observations"]
            inputs = {f"observations-{number}": e.uuid for number, e in enumerate(told, len(chosen) + 1)}
        for number, entry in enumerate(chosen, 1):
            inputs.update(_of_date(entry, entries, structure, number, document.project.root))
        days = date or []
        if days and len(days) != len(chosen):
            names = ", ".join(e.name for e in chosen)
            raise BadInput(
                f"There are {len(chosen)} scans and {len(days)} dates",
                remedy=f"Give a --date for each, in this order: {names}.",
            )
        parameters: dict[str, Any] = {
            "structure": structure, "what": what, "years": years, "landmark": landmark, "law": law,
            "dates": {str(number): day for number, day in enumerate(days, 1)},
        }  # fmt: skip
        made = run_job(document, "course", inputs, parameters, f"Course of {structure or 'the heart'}")
    tell(made, as_json)


def _chosen(entries: list[Entry], structure: str, on: list[str] | None, root: Any) -> list[Entry]:
    kind = "segmentation" if structure else "dynamic-segmentation"
    own = [e for e in entries if e.kind == kind]
    if on:
        from organtwin.cli.choose import choose_in

        return [choose_in(own, name) for name in on]
    shows = [e for e in own if not structure or any(_shows(s, structure) for s in e.facts["segments"])]
    newest: dict[str, Entry] = {}
    for entry in shows:  # of several segmentations of one scan the newest
        scan = scan_behind(entry, entries) if structure else None
        newest[scan.uuid if scan else entry.facts.get("dynamic") or entry.uuid] = entry
    if not newest and (structure or not any(e.kind == "observations" for e in entries)):
        what = f"'{structure}'" if structure else "the heart in a cine"
        raise BadInput(f"No segmentation of this project shows {what}", remedy="Segment the scans of each date first.")
    return list(newest.values())


def _shows(segment: dict[str, Any], structure: str) -> bool:
    key = str(segment["key"])
    return segment["volume_mm3"] > 0 and (
        key == structure or (key.rpartition("_")[0] == structure and key.rpartition("_")[2].isdigit())
    )


def _of_date(entry: Entry, entries: list[Entry], structure: str, number: int, root: Any) -> dict[str, str]:
    """What belongs to one date, by its role."""
    if entry.kind == "dynamic-segmentation":
        dynamic = entry.facts.get("dynamic", "")
        found = {f"heart-{number}": entry.uuid}
        return {**found, f"dynamic-{number}": dynamic} if any(e.uuid == dynamic for e in entries) else found
    found = {f"segmentation-{number}": entry.uuid}
    if (scan := scan_behind(entry, entries)) is not None:
        found[f"volume-{number}"] = scan.uuid
    lines = [
        e for e in entries
        if e.kind == "centerline" and e.facts.get("structure") == structure and e.facts.get("segmentation")
        and root(e.facts["segmentation"]) == root(entry.uuid) and e.recipe is not None and e.recipe.operation == "vessel"
    ]  # fmt: skip
    if lines:
        found[f"centerline-{number}"] = lines[-1].uuid
    return found
