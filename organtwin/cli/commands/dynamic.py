"""``organtwin phase``, ``cine`` and ``propagate``: what is done with a series that moves."""

from __future__ import annotations

from typing import Annotated

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.follow import run_job

Which = Annotated[str | None, typer.Option("--series", help="Which series that moves, when there are several.")]


@app.command()
def phase(
    project: ProjectPath,
    number: Annotated[int, typer.Argument(metavar="N", min=1, help="Which phase, from 1.")],
    series: Which = None,
    segmentation: Annotated[
        bool, typer.Option("--segmentation", help="Of the newest segmentation that moves, not of the scan.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Take one phase of a cine or gated scan as a volume, for every other tool."""
    with opened(project) as document:
        kind, role = ("dynamic-segmentation", "segmentation") if segmentation else ("dynamic", "dynamic")
        source = choose(document, kind, series)
        made = run_job(document, "phase", {role: source.uuid}, {"phase": number}, f"Phase {number} of {source.name}")
    tell(made, as_json)


@app.command()
def cine(project: ProjectPath, series: Which = None, as_json: AsJson = False) -> None:
    """Segment both ventricles through the cycle of a short-axis cine MR: volumes, ejection fraction, mass."""
    with opened(project) as document:
        source = choose(document, "dynamic", series)
        made = run_job(document, "cine", {"dynamic": source.uuid}, {}, f"Heart in {source.name}")
    tell(made, as_json)


@app.command()
def propagate(
    project: ProjectPath,
    phase: Annotated[int, typer.Option(min=1, help="The phase that the segmentation belongs to, from 1.")],
    segmentation: Annotated[str | None, typer.Option(help="Which segmentation; the newest when left out.")] = None,
    series: Which = None,
    as_json: AsJson = False,
) -> None:
    """Carry a segmentation of one phase through all the others by registration."""
    with opened(project) as document:
        source = choose(document, "dynamic", series)
        drawn = choose(document, "segmentation", segmentation)
        inputs = {"dynamic": source.uuid, "segmentation": drawn.uuid}
        made = run_job(document, "propagate", inputs, {"phase": phase}, f"{drawn.name} through {source.name}")
    tell(made, as_json)
