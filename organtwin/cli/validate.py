"""``organtwin validate``: every case computes afresh and is printed beside its reference."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from organtwin import validation
from organtwin.cli.follow import console
from organtwin.cli.plain import print_json
from organtwin.errors import OrganTwinError
from organtwin.monitor import NullMonitor
from organtwin.store.atomic import write_json


def run_cases(names: list[str], quick: bool, file: Path | None, as_json: bool) -> bool:
    """Run the named cases (all when none are named); returns whether every row passed."""
    rows: list[dict[str, object]] = []
    broken: list[str] = []
    table = Table(title=f"OrganTwin validation{' (quick)' if quick else ''}")
    for heading in ("case", "quantity", "reference", "computed", "unit", "error", "accepted", "mesh", "time", ""):
        table.add_column(
            heading, justify="right" if heading in ("reference", "computed", "error", "accepted", "time") else "left"
        )
    for case in [
        validation.find(name) for name in names or validation.names()
    ]:  # a mistyped one is told before the hours
        console.print(f"{case.name}: {case.title}", style="dim")
        try:
            computed = case.run(quick, NullMonitor())
        except OrganTwinError as error:  # the other cases still have something to say
            console.print(f"{case.name}: {error.sentence}", style="red")
            broken.append(case.name)
            continue
        for row in computed:
            rows.append({"case": case.name, **row.to_json()})
            table.add_row(
                case.name,
                row.quantity,
                f"{row.reference:.6g}",
                f"{row.computed:.6g}",
                row.unit,
                f"{row.error_percent:+.3g} %",
                f"{'>= ' if row.at_least else ''}{'-' if row.at_least else '±'}{row.accepted_percent:g} %",
                row.mesh,
                f"{row.seconds:.1f} s",
                "[green]pass[/]" if row.passed else "[bold red]FAIL[/]",
            )
        if file is not None:  # after each case: the whole takes long, and may be ended before its end
            write_json(file, rows)
    if as_json:
        print_json(rows)
    else:
        Console(width=None if Console().is_terminal else 170).print(table)
    return not broken and all(bool(row["passed"]) for row in rows)
