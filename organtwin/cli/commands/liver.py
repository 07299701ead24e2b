"""``organtwin liver`` and ``organtwin territories``: what is in the liver, and which branch feeds what."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, opened, tell
from organtwin.cli.choose import choose_scan, choose_segmentation
from organtwin.cli.follow import run_job
from organtwin.errors import BadInput
from organtwin.store.relations import organ_trees

Seeds = list[str] | None


@app.command()
def liver(
    project: ProjectPath,
    portal: Annotated[Seeds, typer.Option(help='Where the portal trunk begins, as "x,y,z" in LPS mm.')] = None,
    hepatic: Annotated[Seeds, typer.Option(help="Where a hepatic vein opens into the vena cava (repeat).")] = None,
    tumour: Annotated[
        Seeds, typer.Option(help="A point in a tumour; only those pointed at are taken (repeat).")
    ] = None,
    volume: Annotated[str | None, typer.Option(help="Which volume, when there are several.")] = None,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Find tumours, portal and hepatic veins in the liver, and name the branches."""
    seeds = {"portal_seeds_mm": portal, "hepatic_seeds_mm": hepatic, "tumour_seeds_mm": tumour}
    parameters: dict[str, Any] = {key: [point_mm(text) for text in told] for key, told in seeds.items() if told}
    with opened(project) as document:
        source = choose_segmentation(document, "liver", segmentation)
        scan = choose_scan(document, source, volume)
        inputs = {"volume": scan.uuid, "segmentation": source.uuid}
        made = run_job(document, "liver", inputs, parameters, "Liver: tumours and veins")
    tell(made, as_json)


@app.command()
def territories(
    project: ProjectPath,
    level: Annotated[
        int,
        typer.Option(min=1, max=6, help="1 right and left, 2 sectors, 3 about Couinaud's segments, more: numbered."),
    ] = 3,
    portal: Annotated[
        Seeds, typer.Option(help='Where the portal trunk begins, as "x,y,z" in LPS mm, where it would not be found.')
    ] = None,
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    as_json: AsJson = False,
) -> None:
    """Share the liver out among the branches of its portal vein."""
    with opened(project) as document:
        source = choose_segmentation(document, "portal_vein", segmentation)
        found = organ_trees(source.uuid, document.entries("centerline"), document.project.root)
        inputs = {"segmentation": source.uuid}
        parameters: dict[str, Any] = {"level": level}
        if portal:
            parameters["portal_seeds_mm"] = [point_mm(text) for text in portal]
        elif "portal_vein" in found:
            inputs["tree"] = found["portal_vein"].uuid
        made = run_job(document, "territories", inputs, parameters, "Territories of the liver")
    tell(made, as_json)


def point_mm(text: str) -> list[float]:
    """ "x,y,z" as numbers."""
    try:
        point = [float(part) for part in text.split(",")]
    except ValueError:
        point = []
    if len(point) != 3:
        raise BadInput(f"'{text}' is no point", remedy='Give three numbers in LPS mm, as in "12.5,-40,103".')
    return point
