"""``organtwin plan``: a resection planned, several proposed, two compared, the opened organ solved."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, json_argument, opened, tell
from organtwin.cli.plan import plan_of, plane_of, protected, run_plan, show_comparison, sources


@app.command()
def plan(
    project: ProjectPath,
    margin: Annotated[str, typer.Option(help='Around the tumours, as in "10 mm".')] = "10 mm",
    strategy: Annotated[str, typer.Option(help="margin, territories or plane.")] = "margin",
    tumours: Annotated[str | None, typer.Option(help="Only these, by key: tumour_1,tumour_2.")] = None,
    take: Annotated[str | None, typer.Option(help="Territories to take, by key, instead of those touched.")] = None,
    plane: Annotated[
        list[str] | None,
        typer.Option(
            help='A plane as "x,y,z:nx,ny,nz" in LPS mm; what lies along its normal is taken. Several make a wedge.'
        ),
    ] = None,
    protect: Annotated[
        list[str] | None, typer.Option(help='Warn when the cut comes nearer, as in "hepatic_vein=5 mm".')
    ] = None,
    condition: Annotated[str, typer.Option(help="healthy, chemotherapy or cirrhosis.")] = "healthy",
    organ: Annotated[str, typer.Option(help="What is resected.")] = "liver",
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation, when there are several.")] = None,
    territories: Annotated[str | None, typer.Option(help="Which territories, when there are several.")] = None,
    options: Annotated[
        str | None,
        typer.Option(help="All else as JSON, or @FILE: offset, pushes, strokes, smoothing, add_territories ..."),
    ] = None,
    propose: Annotated[bool, typer.Option("--propose", help="Several plans, the best first.")] = False,
    solve: Annotated[bool, typer.Option("--solve", help="Also mesh and solve the opened organ.")] = False,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(help="Nothing is planned: compare two plans, by name or uuid.")
    ] = None,
    name: Annotated[str, typer.Option(help="What to call the plan.")] = "",
    as_json: AsJson = False,
) -> None:
    """Plan a resection: what is taken with a margin, what stays, and which vessels that cuts."""
    with opened(project) as document:
        if compare is not None:
            show_comparison(plan_of(document, compare[0]), plan_of(document, compare[1]), as_json)
            return
        inputs = sources(document, organ, segmentation, territories)
        parameters: dict[str, Any] = {"organ": organ, "margin": margin, "strategy": strategy, "condition": condition}
        for key, text in (("tumours", tumours), ("territories", take)):
            if text:
                parameters[key] = [part.strip() for part in text.split(",") if part.strip()]
        if plane:
            parameters["planes"] = [plane_of(text) for text in plane]
        if protect:
            parameters["protect"] = dict(protected(text) for text in protect)
        if name:
            parameters["name"] = name
        if propose:
            parameters["propose"] = True
        made = run_plan(document, inputs, {**parameters, **(json_argument(options) if options else {})}, solve=solve)
    tell(made, as_json)
