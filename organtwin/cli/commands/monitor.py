"""``organtwin monitor``, ``cohort``, ``alerts`` and ``protocols``: who changed, why, since when, and by which rules."""

from __future__ import annotations

import getpass
from collections.abc import Set
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from organtwin.cli.base import AsJson, ProjectPath, app, opened
from organtwin.cli.plain import print_json
from organtwin.errors import BadInput
from organtwin.timeline.days import day_of, seconds_of

if TYPE_CHECKING:
    from organtwin.model import Alert
    from organtwin.monitoring import Evaluation

COLOURS = {"urgent": "bold red", "warning": "yellow", "note": "cyan"}


@app.command()
def monitor(
    project: ProjectPath,
    protocol: Annotated[
        list[str] | None,
        typer.Option(help="Watch the patient by this protocol from now on: its name or a YAML file (repeat)."),
    ] = None,
    at: Annotated[str | None, typer.Option(help="As of this day or time (ISO 8601), instead of now.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be raised; store nothing.")] = False,
    trends: Annotated[bool, typer.Option("--trends", help="With --json: the last months, day by day, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Judge a patient by protocols: raise alerts, end those that are over, and tell the adherence."""
    from organtwin.monitoring import assign, evaluate_project, keep
    from organtwin.monitoring.protocol import parse
    from organtwin.monitoring.trends import trends_of
    from organtwin.store import Project

    now_s = None if at is None else seconds_of(at, at=1.0)
    texts = {name: protocol_text(name) for name in protocol or []}
    if dry_run:
        tried = tuple(parse(text, name) for name, text in texts.items())
        with Project(project, read_only=True) as read:
            done = evaluate_project(read, now_s, only=tried)
            drawn = trends_of(read) if trends else ()
    else:
        with opened(project) as document:
            if texts:
                assign(document, texts)
            done = evaluate_project(document.project, now_s)
            keep(document, done)
            drawn = trends_of(document.project) if trends else ()
    if as_json:
        print_json(evaluation_json(done) | ({"trends": drawn} if trends else {}))
        return
    tell_evaluation(done)


@app.command()
def cohort(
    folders: Annotated[list[Path], typer.Argument(help="Projects, or folders with projects in them.")],
    at: Annotated[str | None, typer.Option(help="As of this day or time (ISO 8601), instead of now.")] = None,
    as_json: AsJson = False,
) -> None:
    """Many patients at a glance, worst first: who changed, why, since when. Nothing is written."""
    from organtwin.monitoring import cohort as look

    found = look(folders, None if at is None else seconds_of(at, at=1.0))
    if as_json:
        print_json(found.patients)
        return
    table = Table(title=f"{len(found)} patients, {found.seconds:.1f} s")
    for heading in ("patient", "", "since", "why", "waiting", "adherence", "last reading"):
        table.add_column(heading)
    for one in found.patients:
        table.add_row(
            one.name,
            f"[{COLOURS[one.severity]}]{one.severity}[/]" if one.severity else "",
            day_of(one.since_s),
            one.error or one.why or "[dim]as always[/]",
            str(one.waiting or ""),
            "" if one.adhered is None else f"{100 * one.adhered:.0f} %",
            day_of(one.last_reading_s),
        )
    Console(width=None if Console().is_terminal else 170).print(table)


@app.command()
def alerts(
    project: ProjectPath,
    acknowledge: Annotated[
        list[str] | None, typer.Option(help="Say that you have seen this alert (its id, or how it begins; repeat).")
    ] = None,
    by: Annotated[str | None, typer.Option(help="Who has seen it; left out: the name of your account.")] = None,
    said: Annotated[str, typer.Option(help="What was done about it.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """The alerts of a patient, worst first; with --acknowledge somebody has seen one."""
    from organtwin.monitoring import acknowledge as seen
    from organtwin.monitoring import alerts_of
    from organtwin.store import Project

    if acknowledge:
        with opened(project) as document:
            for uuid in acknowledge:
                seen(document, uuid, by or getpass.getuser(), said)
            found = alerts_of(document.project, only_open=not everything)
    else:
        with Project(project, read_only=True) as read:
            found = alerts_of(read, only_open=not everything)
    if as_json:
        print_json(found)
        return
    tell_alerts(found)


@app.command()
def protocols(
    name: Annotated[str | None, typer.Argument(help="Print this protocol's YAML, to read or to copy.")] = None,
    check: Annotated[list[Path] | None, typer.Option(help="Check a protocol's file (repeat).")] = None,
    as_json: AsJson = False,
) -> None:
    """The protocols that patients can be watched by; --check tells whether one of your own is right."""
    from organtwin.monitoring.protocol import parse, read, shipped, shipped_text

    if name:
        print(shipped_text(name), end="")
        return
    listed = [read(file)[0] for file in check] if check else [parse(shipped_text(one), one) for one in shipped()]
    if as_json:
        print_json([one.model_dump(mode="json", by_alias=True) for one in listed])
        return
    for one in listed:
        print(f"{one.name}: {one.title}; {len(one.rules)} rules on {', '.join(w.label for w in one.readings.values())}")


# -- words and JSON -----------------------------------------------------------------------------------------------------


def tell_evaluation(done: Evaluation) -> None:
    screen = Console(highlight=False, width=None if Console().is_terminal else 170)
    watched = ", ".join(done.protocols) or "no protocol: none was chosen and none fits"
    screen.print(
        f"As of {day_of(done.at_s)}: {watched}{' (suggested; choose with --protocol)' if done.suggested and done.protocols else ''}",
        markup=False,
    )
    new = {alert.uuid for alert in done.raised}
    tell_alerts(done.open, new)
    for alert in done.ended:
        screen.print(f"over     {alert.name}", style="green", markup=False)
    # two protocols may expect the same
    for one in {(a.title, a.days, a.expected): a for a in done.adherence}.values():
        screen.print(
            f"{one.title}: {one.taken:g} of {one.expected:g} readings in {one.days:g} days ({100 * one.share:.0f} %)",
            style="dim",
            markup=False,
        )
    for sentence in done.unjudged:
        screen.print(f"not judged: {sentence}", style="dim", markup=False)


def tell_alerts(found: tuple[Alert, ...], new: Set[str] = frozenset()) -> None:
    screen = Console(highlight=False, width=None if Console().is_terminal else 170)
    if not found:
        screen.print("No alerts.")
    for alert in found:
        state = "new" if alert.uuid in new else "over" if alert.ended_s is not None else "open"
        seen = (
            f"; seen by {alert.acknowledged.by}{': ' + alert.acknowledged.said if alert.acknowledged.said else ''}"
            if alert.acknowledged
            else ""
        )
        screen.print(
            f"{alert.severity:8} {alert.uuid[:8]}  {alert.name} ({state} since {day_of(alert.since_s)}{seen})",
            style=COLOURS[alert.severity],
            markup=False,
        )
        screen.print(f"         {alert.why}", markup=False)


def evaluation_json(done: Evaluation) -> dict[str, Any]:
    return {
        "at_s": done.at_s,
        "protocols": done.protocols,
        "suggested": done.suggested,
        "open": done.open,
        "raised": [alert.uuid for alert in done.raised],
        "ended": done.ended,
        "adherence": [{**asdict(one), "share": one.share} for one in done.adherence],
        "unjudged": done.unjudged,
    }


def protocol_text(name: str) -> str:
    """A shipped protocol by its name, or a file; checked."""
    from organtwin.monitoring.protocol import read, shipped, shipped_text

    if name in shipped():
        return shipped_text(name)
    if not Path(name).exists():
        raise BadInput(f"There is no protocol '{name}'", remedy=f"There are: {', '.join(shipped())}; or give a file.")
    return read(Path(name))[1]
