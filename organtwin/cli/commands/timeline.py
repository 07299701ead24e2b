"""``organtwin readings``: what was measured on a patient, in, listed, set aside and out again."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, describe, opened
from organtwin.cli.commands.study import remove_empty
from organtwin.cli.follow import console, run_job
from organtwin.cli.plain import print_json
from organtwin.document import Document
from organtwin.errors import BadInput, OrganTwinError
from organtwin.model import Event, Observations
from organtwin.timeline.codes import TABLE, find
from organtwin.timeline.days import DAY_S, day_of, moment_of
from organtwin.timeline.timeline import Timeline
from organtwin.timeline.words import number_words, unit_words, with_unit

readings = typer.Typer(no_args_is_help=True, help="What was measured on a patient: import, list, quarantine, export.")
app.add_typer(readings, name="readings")


@readings.command("import")
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="FHIR, Apple Health, Fitbit, Garmin, Google, glucose meter or sensor, table; files, zips, folders."
        ),
    ],
    project: Annotated[Path, typer.Option("-p", "--project", help="Project folder; made when it is not there.")],
    timezone: Annotated[
        str, typer.Option(help='The patient\'s, for times that tell none, as in "Europe/Berlin".')
    ] = "",
    dates: Annotated[str, typer.Option(help="day-first or month-first, where a file does not tell.")] = "",
    patient: Annotated[
        str, typer.Option(help="Whose readings to take of a file with several patients: the id there.")
    ] = "",
    unit: Annotated[
        list[str] | None, typer.Option(help="Of readings whose file tells none, as in weight=kg (repeat).")
    ] = None,
    purpose: Annotated[
        str,
        typer.Option(
            help="What the patient's consent allows these readings to be used for: care, research, teaching, quality, technical. "
            "From then on reports and exports need one that is covered."
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read readings into a project; what is wrong with some of them is set aside, with the reason."""
    for path in paths:
        if not path.exists():
            raise BadInput("There is nothing at this place", where=str(path), remedy="Check the path.")
    parameters: dict[str, Any] = {"paths": [str(path.resolve()) for path in paths]}
    told = {"timezone": timezone, "dates": dates, "patient": patient, "purpose": purpose}
    parameters.update({key: value for key, value in told.items() if value})
    if unit:
        pairs = [text.partition("=") for text in unit]
        if not all(name and mark and to for name, mark, to in pairs):
            raise BadInput("A unit is given as reading=unit", remedy="As in --unit weight=kg.")
        parameters["units"] = {name: to for name, _, to in pairs}
    fresh = not project.exists()
    try:
        with opened(project, create=True) as document:
            inputs = {f"observations-{n}": entry.uuid for n, entry in enumerate(document.entries("observations"), 1)}
            made = run_job(document, "import-observations", inputs, parameters, "Import readings")
            found = [_observations(document, entry.uuid) for entry in made]
    except OrganTwinError:
        if fresh:
            remove_empty(project)
        raise
    if as_json:
        rows = [{**describe(e), "readings": len(o), "set_aside": _reasons(o)} for e, o in zip(made, found, strict=True)]
        print_json(rows)
        return
    for entry, one in zip(made, found, strict=True):
        line = f"{_count(len(one), 'reading')} of {_count(len(one.codes), 'kind')}, {_count(len(one.events), 'event')}"
        print(f"{line}  [{entry.uuid[:8]}]")
        for note in one.notes:
            print(f"  {note}")
        if aside := _reasons(one):
            told_aside = ", ".join(f"{count} {reason}" for reason, count in aside.items())
            print(f"  set aside: {told_aside}. 'organtwin readings quarantine {project}' lists them.")


@readings.command("list")
def list_(
    project: ProjectPath,
    code: Annotated[str, typer.Option(help="Only this reading, by LOINC code or name, with its last values.")] = "",
    last: Annotated[int, typer.Option(min=1, help="With --code: how many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """What was measured, how often and when; or the last values of one reading."""
    with opened(project) as document:
        timeline = _timeline(document)
        if code:
            _list_one(timeline, code, last, as_json)
        else:
            _list_all(timeline, as_json)


def _list_all(timeline: Timeline, as_json: bool) -> None:
    rows: list[dict[str, Any]] = []
    for loinc in timeline.codes:
        series = timeline.series(loinc)
        if not len(series):
            continue
        rows.append({
            "code": loinc, "title": series.known.title, "unit": series.known.unit, "count": len(series),
            "first": day_of(series.times_s[0], series.offset_min[0]), "last": day_of(series.times_s[-1], series.offset_min[-1]), "value": float(series.values[-1]),
            "least": float(series.values.min()), "greatest": float(series.values.max()),
        })  # fmt: skip
    events = [
        {
            "kind": e.kind,
            "code": e.code,
            "display": e.display,
            "start": day_of(e.start_s),
            "status": e.status,
            **e.detail,
        }
        for e in timeline.events
    ]
    if as_json:
        person = timeline.person.model_dump(exclude={"identity"})
        print_json({"person": person, "readings": rows, "events": events})
        return
    for row in rows:
        print(
            f"{row['code']:<14}{row['title'][:40]:<41}{row['count']:>8}  {row['first']} to {row['last']}"
            f"  last {with_unit(row['value'], row['unit'])}"
        )
    for line in _event_lines(timeline.events):
        print(line)


def _event_lines(events: Sequence[Event]) -> Iterator[str]:
    """A line for each thing that happened, with how often: a visit each month is one line, not twenty-four."""
    alike: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        alike.setdefault((event.kind, event.display), []).append(event)
    for (kind, display), same in alike.items():
        days = sorted(day_of(e.start_s) for e in same)
        when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        often = f"{len(same)} times, " if len(same) > 1 else ""
        statuses = ", ".join(dict.fromkeys(e.status for e in same if e.status))
        shown = display if len(display) <= 60 else f"{display[:59].rstrip()}…"
        yield f"{kind:<14}{shown:<61}{often}{when}  {statuses}".rstrip()


def _list_one(timeline: Timeline, code: str, last: int, as_json: bool) -> None:
    known = find(code)
    if known is None:
        raise BadInput(f"'{code}' is no reading that is known here", remedy="'organtwin readings codes' lists them.")
    series = timeline.series(known.loinc)
    part = series.part(slice(max(len(series) - last, 0), len(series)))
    sources = [timeline.sources[n] for n in part.source]
    rows = [
        {
            "time": moment_of(time, offset),
            "value": float(value),
            "unit": known.unit,
            "source": source.device or source.name,
        }
        for time, offset, value, source in zip(part.times_s, part.offset_min, part.values, sources, strict=True)
    ]
    if as_json:
        print_json({"code": known.loinc, "title": known.title, "readings": rows})
        return
    print(f"{known.title} ({known.loinc}), {len(series)} in all")
    for row in rows:
        print(f"  {row['time']}  {number_words(row['value']):>10} {unit_words(row['unit']):<10} {row['source']}")


@readings.command()
def quarantine(
    project: ProjectPath,
    reason: Annotated[
        str, typer.Option(help="Only these: duplicate, unit, impossible, clock, patient, code, unreadable, status.")
    ] = "",
    most: Annotated[int, typer.Option(min=1, help="How many of each kind to show.")] = 5,
    as_json: AsJson = False,
) -> None:
    """What was set aside, why, and where it stood."""
    with opened(project) as document:
        told = [q for one in document.objects(Observations) for q in one.quarantined]
    told = [one for one in told if not reason or one.reason == reason]
    if as_json:
        print_json(told)
        return
    if not told:
        print("Nothing was set aside.")
    counts = Counter[tuple[str, str]]()
    for one in told:
        counts[one.reason, one.said] += one.count
    shown = Counter[tuple[str, str]]()
    for one in sorted(told, key=lambda one: (one.reason, one.said)):
        key = one.reason, one.said
        if not shown[key]:
            print(f"{one.reason}: {one.said}" + (f"  ({counts[key]})" if counts[key] > 1 else ""))
        shown[key] += 1
        if shown[key] <= most and one.raw:
            print(f"    {one.place}: {one.raw}")


@readings.command()
def export(
    project: ProjectPath,
    target: Annotated[Path, typer.Option("-o", "--output", help="bundle.json, or readings.ndjson.")],
    keep_dates: Annotated[
        bool, typer.Option(help="Leave the dates as they are; else all are shifted by whole weeks.")
    ] = False,
    keep_texts: Annotated[
        bool, typer.Option(help="Keep free texts and names of devices, which may name people.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write everything as FHIR R4, de-identified: no names, numbers or texts, and dates shifted together."""
    from organtwin.io.observations.fhir_export import write_fhir

    weeks = 0 if keep_dates else secrets.choice([n for n in range(-51, 52) if abs(n) >= 4])
    with opened(project) as document:
        document.project.leaves("export" if keep_dates or keep_texts else "deidentify", "readings as FHIR")
        count = write_fhir(_timeline(document), target, weeks * 7 * DAY_S, keep_texts)
    if as_json:
        print_json({"file": target, "resources": count, "dates_shifted": not keep_dates})
        return
    kept = [word for word, on in (("dates", keep_dates), ("texts", keep_texts)) if on]
    print(
        f"{target}: {count} resources of FHIR R4" + (f", with {' and '.join(kept)} kept" if kept else ", de-identified")
    )
    if kept:
        console.print("warning: what is kept may tell who the patient is.", style="yellow")


@readings.command()
def codes(as_json: AsJson = False) -> None:
    """The readings that are known: code, unit, what is possible and what is usual."""
    if as_json:
        rows = [
            {
                "code": c.loinc,
                "title": c.title,
                "unit": c.unit,
                "possible": c.possible,
                "usual": c.usual,
                "source": c.source,
            }
            for c in TABLE
        ]
        print_json(rows)
        return
    for code in TABLE:
        usual = f"  usual {code.usual[0]:g} to {code.usual[1]:g}" if code.usual else ""
        print(
            f"{code.loinc:<14}{code.title:<44}{unit_words(code.unit):<18}{code.possible[0]:g} to {code.possible[1]:g}{usual}"
        )


def _timeline(document: Document) -> Timeline:
    found = document.objects(Observations)
    if not found:
        raise BadInput("The project has no readings yet", remedy="'organtwin readings import' brings them in.")
    return Timeline(found)


def _observations(document: Document, uuid: str) -> Observations:
    found = document.get(uuid)
    assert isinstance(found, Observations)
    return found


def _reasons(one: Observations) -> dict[str, int]:
    counts = Counter[str]()
    for aside in one.quarantined:
        counts[aside.reason] += aside.count
    return dict(counts.most_common())


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
