"""Deforming an organ."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from organtwin.cli.base import (
    AsJson,
    ProjectPath,
    app,
    solve,
)


@app.command()
def deform(
    project: ProjectPath,
    case: Annotated[Path | None, typer.Argument(help="A tissue case as JSON.")] = None,
    preset: Annotated[str | None, typer.Option(help="A named case, as in: liver-pull.")] = None,
    mesh: Annotated[str | None, typer.Option(help="Which mesh, by name, uuid or structure.")] = None,
    as_json: AsJson = False,
) -> None:
    """Solve the deformation of an organ mesh."""
    solve(project, "tissue", case, preset, mesh, 1, as_json)
