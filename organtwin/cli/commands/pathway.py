"""``organtwin pathway``: who waits how long for beds, theatres and scanners under a plan."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from organtwin.cli.base import AsJson, app, opened
from organtwin.cli.follow import console
from organtwin.cli.plain import print_json
from organtwin.errors import BadInput
from organtwin.model import Observations

if TYPE_CHECKING:
    from organtwin.pathway import Comparison
    from organtwin.pathway.laws import Duration


@app.command()
def pathway(
    plan: Annotated[
        Path, typer.Argument(help="A plan, YAML or JSON: resources, patients, and what each needs in turn.")
    ],
    other: Annotated[
        list[Path] | None, typer.Option("--compare", help="Another plan for the same patients (repeat).")
    ] = None,
    twin: Annotated[
        list[Path] | None,
        typer.Option(
            help="A project (repeat): its recorded procedures say how long they take here, and what is planned for it waits."
        ),
    ] = None,
    replications: Annotated[
        int | None, typer.Option(min=2, max=1000, help="How often each plan is lived through.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Waiting times, use and throughput of a care pathway, and what another plan would change."""
    from organtwin.pathway import compare, read_plan, simulate

    plans = [read_plan(file) for file in (plan, *(other or ()))]
    if len({one.name for one in plans}) < len(plans):
        raise BadInput("Two plans have the same name", remedy="Give each its own 'name'.")
    first = plans[0]
    times, waiting = of_twins(twin or [])
    outcomes = []
    for one in plans:
        same = one.model_copy(update={"seed": first.seed, "replications": replications or first.replications})
        with console.status(f"{one.name} ..."):
            outcomes.append(simulate(same.with_planned(waiting).with_times(times)))
    compared = compare(outcomes)
    if as_json:
        print_json(compared)
        return
    for line in table(compared):
        print(line)


def of_twins(projects: list[Path]) -> tuple[dict[str, Duration], Counter[str]]:
    """What the records of projects say of their procedures, and how many are planned of each kind."""
    from organtwin.pathway import of_events, planned

    timelines: list[Observations] = []
    waiting: Counter[str] = Counter()
    for folder in projects:
        with opened(folder) as document:
            kinds = ("observations", "procedure", "plan", "scenario")
            found = [document.get(entry.uuid) for kind in kinds for entry in document.entries(kind)]
        timelines += [thing for thing in found if isinstance(thing, Observations)]
        kind = planned(found)
        if kind:
            waiting[kind] += 1
    return of_events(timelines), waiting


def table(compared: Comparison) -> list[str]:
    """Numbers with 95 % intervals, a column for each plan, and differences from the first."""
    outcomes = compared.outcomes
    names = list(dict.fromkeys(number.name for outcome in outcomes for number in outcome.numbers))
    width = max(map(len, names))
    lines = [f"{'':<{width}}  " + "  ".join(f"{outcome.plan:<34.34}" for outcome in outcomes)]
    for name in names:
        cells = []
        for place, outcome in enumerate(outcomes):
            number = next((n for n in outcome.numbers if n.name == name), None)
            if number is None or math.isnan(number.mean):
                cells.append(f"{'-':<34}")
                continue
            text = f"{number.mean:.3g} [{number.low:.3g}, {number.high:.3g}] {number.unit}"
            if place:
                change = next((n for n in compared.differences[place - 1] if n.name == name), None)
                if change is not None and (change.low > 0.0 or change.high < 0.0):
                    text += f" ({change.mean:+.2g})"
            cells.append(f"{text:<34}")
        lines.append(f"{name:<{width}}  " + "  ".join(cells).rstrip())
    if len(outcomes) > 1:
        lines.append(
            "In brackets after a number: its difference from the first plan, where the 95 % interval leaves out zero."
        )
    for outcome in outcomes:
        lines += [f"warning: {outcome.plan}: {warning}" for warning in outcome.warnings]
    lines += [f"assumes {said}" for said in dict.fromkeys(said for outcome in outcomes for said in outcome.assumes)]
    return lines
