"""OrganTwin from Python: what can be done, and a project as the script that does it again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from organtwin.cli.base import AsJson, ProjectPath, app
from organtwin.cli.plain import print_json


@app.command()
def script(
    project: ProjectPath,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="A .py file; printed when left out.")] = None,
) -> None:
    """Print a project as the Python script that does it all again."""
    from organtwin.io.writing import write_whole
    from organtwin.script import script_of
    from organtwin.store import Project

    with Project(project, read_only=True) as opened_project:
        text = script_of(opened_project)
    if output is None:
        print(text, end="")
    else:
        write_whole(output, text.encode())
        print(f"wrote {output}")


@app.command()
def operations(
    name: Annotated[str | None, typer.Argument(help="One operation; all of them when left out.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what can be done with a project: inputs and parameters of every operation."""
    from organtwin.operations import find, names

    found = [find(name)] if name else [find(one) for one in names()]
    if as_json:
        told = [
            {"name": o.name, "title": o.title, "inputs": o.inputs, "optional": o.optional, "parameters": o.parameters.model_json_schema()}
            for o in found
        ]  # fmt: skip
        print_json(told)
        return
    for operation in found:
        roles = [*operation.inputs, *(f"[{role}]" for role in operation.optional)]
        print(f"{operation.name:<20}{operation.title}{'; from ' + ', '.join(roles) if roles else ''}")
        if name:
            for parameter, field in operation.parameters.model_fields.items():
                default = "required" if field.is_required() else f"{field.get_default(call_default_factory=True)!r}"
                print(f"    {parameter:<24}{default}")
            print("\n    " + (operation.parameters.__doc__ or "").strip().replace("``", "'"))
