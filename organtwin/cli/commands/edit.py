"""``organtwin edit`` and ``organtwin tools``: the tools of the workbench without a window."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, json_argument, opened, tell
from organtwin.cli.choose import choose_in, choose_segmentation
from organtwin.cli.plain import print_json
from organtwin.edit.edit import Edit
from organtwin.edit.rules import Rules
from organtwin.edit.tool import Tool, find, names
from organtwin.store import Entry
from organtwin.store.relations import scan_behind


@app.command()
def edit(
    project: ProjectPath,
    tool: Annotated[str, typer.Option(help="Which tool; 'organtwin tools' lists them.")],
    segment: Annotated[str, typer.Option(help="Key of the segment in hand, for tools that need one.")] = "",
    options: Annotated[str, typer.Option(help="Options of the tool as JSON, or @FILE.")] = "{}",
    rules: Annotated[
        str,
        typer.Option(
            help='What may change, as JSON: {"inside": \\["liver"], "values": \\[-50, 150], "over": "background"}.'
        ),
    ] = "{}",
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    volume: Annotated[
        str | None, typer.Option(help="The scan behind it, where it is not the one it was made from.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Work on a segmentation with one tool; it becomes its next version, and can be undone.

    Example: organtwin edit case.otwin --tool margin --segment liver --options '{"margin_mm": 3}' --rules '{"over": "background"}'
    """
    from organtwin.checked import validated

    asked = Edit(
        tool=find(tool).name,
        segment=segment,
        options=json_argument(options),
        rules=validated(Rules, json_argument(rules), "rules"),
    )
    with opened(project) as document:
        source = choose_segmentation(document, segment or [], segmentation)
        bench = document.workbench(source.uuid)
        entries = document.entries("volume")
        scan = choose_in(entries, volume, "volume") if volume else scan_behind(source, entries)
        done = bench.do(asked, scan.uuid if scan else None)
        entry = document.entry(bench.uuid)
    if done.said and not as_json:
        print(done.said)
    if bench.uuid == source.uuid and not as_json:
        print("Nothing has changed.")
    if not as_json:
        for line in _changes(source, entry):
            print(line)
    tell([entry], as_json)


def _changes(before: Entry, after: Entry) -> Iterator[str]:
    """How much each segment has become: an edit may take voxels from others than the one in hand."""
    old = {s["key"]: s["volume_mm3"] for s in before.facts["segments"]}
    new = {s["key"]: s for s in after.facts["segments"]}
    for key, s in new.items():
        was = old.get(key)
        if was is not None and was != s["volume_mm3"]:
            yield f"{s['name']}: {was / 1000:.2f} -> {s['volume_mm3'] / 1000:.2f} mL"


@app.command()
def tools(
    name: Annotated[str | None, typer.Argument(help="One of them, with its options.")] = None, as_json: AsJson = False
) -> None:
    """List the tools of the workbench, or the options of one."""
    found = [find(name)] if name else [find(each) for each in names()]
    if as_json:
        print_json([_described(tool) for tool in found])
        return
    for tool in found:
        print(f"{tool.name:<14}{tool.about}")
        if name:
            print(f"\n{' '.join((tool.options.__doc__ or '').split())}\n".replace("``", "'"))
            for key, field in tool.options.model_fields.items():
                default = "needed" if field.is_required() else f"default {json.dumps(field.default, default=str)}"
                print(f"  {key:<18}{default}")


def _described(tool: Tool) -> dict[str, Any]:
    return {
        "name": tool.name, "title": tool.title, "about": tool.about, "needs_segment": tool.target, "needs_scan": tool.looks,
        "options": tool.options.model_json_schema(),
    }  # fmt: skip
