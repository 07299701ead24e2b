"""The program itself: validate, demo, gui, version."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from organtwin import __version__
from organtwin.cli.base import (
    AsJson,
    app,
)
from organtwin.cli.plain import print_json


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
        print_json({"project": finished, "report": finished.parent / "report.html"})
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
