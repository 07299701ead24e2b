"""``organtwin phase``, ``cine`` and ``propagate``: what is done with a series that moves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import typer

from organtwin.cli.base import AsJson, ProjectPath, app, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.follow import run_job
from organtwin.document import Document
from organtwin.model import DynamicSegmentation

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
        curves = list(_curves(document, made[-1].uuid))
    tell(made, as_json)
    if not as_json:
        print("\n".join(curves))


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
        curves = list(_curves(document, made[-1].uuid))
    tell(made, as_json)
    if not as_json:
        print("\n".join(curves))


def _curves(document: Document, uuid: str) -> Iterator[str]:
    """Each structure's volume at every phase, in mL."""
    moving = document.get(uuid)
    if not isinstance(moving, DynamicSegmentation):
        return
    volumes = np.asarray(moving.volumes_mm3) / 1000.0
    yield "  mL at phase" + " " * 17 + "".join(f"{n:8d}" for n in range(1, len(volumes) + 1))
    for segment, curve in zip(moving.segments, volumes.T, strict=True):
        yield f"  {segment.name:<26}" + "".join(f"{v:8.1f}" for v in curve)
