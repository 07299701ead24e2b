"""``organtwin calibrate``, ``update``, ``twin``, ``forecast``, ``twin-flow``, ``models``: the twin of a patient on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from organtwin.cli.base import AsJson, ProjectPath, app, describe, mesh_named, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.follow import console, run_job
from organtwin.cli.plain import print_json
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import DynamicVolume, FlowCase, Forecast, TwinState
from organtwin.physiology import model as physiology
from organtwin.physiology.model import Physiology
from organtwin.store import Entry
from organtwin.timeline.days import DAY_S, day_of, minute_of
from organtwin.timeline.words import heading, number_words, unit_words

SPAN = "middle, 5 to 95 %"

Model = Annotated[str, typer.Option("--model", help="circulation, respiration, glucose ... ('organtwin models').")]
Dates = Annotated[
    list[str] | None,
    typer.Option(
        "--date", help="The day of a segmented heart's scan, as NAME=2024-03-01, where it does not tell (repeat)."
    ),
]


@app.command()
def calibrate(
    project: ProjectPath,
    model: Model = "circulation",
    learn: Annotated[
        list[str] | None, typer.Option(help="A parameter to estimate (repeat); else the model's usual ones.")
    ] = None,
    from_date: Annotated[str, typer.Option("--from", help="Readings from this day on, as 2024-03-01.")] = "",
    until_date: Annotated[str, typer.Option("--until", help="Readings up to this day.")] = "",
    date: Dates = None,
    members: Annotated[int, typer.Option(min=40, max=5000, help="Size of the ensemble.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Estimate a model's parameters from the patient's own readings, with uncertainty."""
    known = physiology.find(model)
    with opened(project) as document:
        inputs, dates = readings_of(document, date)
        parameters = {
            "model": known.name, "learn": learn or [], "from_date": from_date, "until_date": until_date, "dates": dates,
            "members": members,
        }  # fmt: skip
        made = run_job(document, "calibrate", inputs, parameters, f"Calibrate {known.title.lower()}")
        states = [_state(document, e) for e in made]
    show(made, states, known, as_json)


@app.command()
def update(
    project: ProjectPath,
    model: Annotated[str | None, typer.Option("--model", help="Only this model's twin; else all there are.")] = None,
    until_date: Annotated[str, typer.Option("--until", help="Readings up to this day.")] = "",
    date: Dates = None,
    as_json: AsJson = False,
) -> None:
    """Take readings that came since into the twin."""
    with opened(project) as document:
        inputs, dates = readings_of(document, date)
        made: list[Entry] = []
        for entry in newest_states(document, model):
            name = physiology.find(entry.facts["model"]).title.lower()
            parameters = {"until_date": until_date, "dates": dates}
            made += run_job(document, "assimilate", {"state": entry.uuid, **inputs}, parameters, f"Update {name}")
        states = [_state(document, e) for e in made]
    if as_json:
        print_json([as_data(e, s) for e, s in zip(made, states, strict=True)])
        return
    for entry, state in zip(made, states, strict=True):
        show([entry], [state], physiology.find(state.model), False)


@app.command()
def twin(
    project: ProjectPath,
    model: Annotated[str | None, typer.Option("--model", help="Only this model's twin; else all there are.")] = None,
    sheet: Annotated[
        bool, typer.Option("--sheet", help="Also the model's data sheet: sources, validity, known bias.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What the twin believes of the patient, how sure it is, and how far from what was measured."""
    with opened(project) as document:
        entries = newest_states(document, model)
        states = [_state(document, e) for e in entries]
    if as_json:
        print_json([as_data(e, s) for e, s in zip(entries, states, strict=True)])
        return
    for entry, state in zip(entries, states, strict=True):
        known = physiology.find(state.model)
        show([entry], [state], known, False)
        if sheet:
            for line in sheet_lines(known):
                print(line)


@app.command()
def forecast(
    project: ProjectPath,
    model: Model = "circulation",
    days: Annotated[float, typer.Option(min=0.003, max=3660.0, help="How far ahead (0.04 is an hour).")] = 7.0,
    scenario: Annotated[str | None, typer.Option(help="A scenario of the project: name or uuid; else as now.")] = None,
    members: Annotated[int, typer.Option(min=20, max=5000, help="Size of the ensemble.")] = 200,
    as_json: AsJson = False,
) -> None:
    """What is to be expected, with intervals that the patient's own past has checked; with a scenario, what would be."""
    known = physiology.find(model)
    with opened(project) as document:
        inputs = {"state": newest_states(document, known.name)[0].uuid, **readings_of(document, None, hearts=False)[0]}
        if scenario:
            inputs["scenario"] = choose(document, "scenario", scenario).uuid
        made = run_job(
            document, "forecast", inputs, {"days": days, "members": members}, f"Forecast, {known.title.lower()}"
        )
        found = [_forecast(document, e) for e in made]
    if as_json:
        print_json([forecast_data(e, f) for e, f in zip(made, found, strict=True)])
        return
    for one in found:
        for line in forecast_lines(one, known):
            print(line)


@app.command(name="twin-flow")
def twin_flow(
    project: ProjectPath,
    mesh: Annotated[str | None, typer.Option(help="The vessel mesh: name, uuid or structure.")] = None,
    site: Annotated[
        str | None, typer.Option(help="Where the inlet lies, when the mesh does not tell: see 'sites' of the error.")
    ] = None,
    share: Annotated[
        float | None, typer.Option(min=0.001, max=1.0, help="Part of the cardiac output that enters.")
    ] = None,
    steady: Annotated[bool, typer.Option("--steady", help="The mean of the beat instead of the beat.")] = False,
    save: Annotated[Path | None, typer.Option(help="Also write the case as JSON, for 'organtwin flow'.")] = None,
    as_json: AsJson = False,
) -> None:
    """Boundary conditions of a flow from the patient's calibrated circulation: waveform, period, pressures."""
    with opened(project) as document:
        vessel = mesh_named(document, mesh)
        state = newest_states(document, "circulation")[0]
        parameters = {"site": site or "", "share": share, "mode": "steady" if steady else "pulsatile"}
        made = run_job(
            document, "twin-flow", {"mesh": vessel.uuid, "state": state.uuid}, parameters, f"Flow case of {vessel.name}"
        )
        case = document.get(made[0].uuid)
    if save:
        assert isinstance(case, FlowCase)
        plain = case.model_dump(mode="json", exclude={"uuid", "created", "recipe", "replaces", "notes"})
        save.write_text(json.dumps(plain, indent=1), encoding="utf-8")
    tell(made, as_json)


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(help="One model, with its data sheet.")] = None, as_json: AsJson = False
) -> None:
    """The models of physiology: what they need, what they predict, where they hold."""
    found = [physiology.find(n) for n in ([name] if name else physiology.names())]
    if as_json:
        print_json([model_data(m) for m in found])
        return
    for one in found:
        print(f"{one.name:<14}{one.title}. {one.about}")
        if name is None:
            continue
        for p in one.parameters:
            print(
                f"  {p.key:<30}{number_words(p.default):>10} {unit_words(p.unit):<18}{'learned' if p.learned else '':<9}{p.title}. {p.source}"
            )
        for r in one.readings:
            print(f"  reads {r.key:<24}{unit_words(r.unit):<10}± {r.noise:<8g}{r.loinc:<10}{r.title}")
        for line in sheet_lines(one):
            print(line)


def readings_of(
    document: Document, date: list[str] | None, hearts: bool = True
) -> tuple[dict[str, str], dict[str, str]]:
    """Inputs of an operation on the twin, and the dates of scans by number: all observations, and segmented hearts whose day is known."""
    from organtwin.twin.course.study import SCANNED

    told = dict(_named_date(text) for text in date or [])
    inputs = {f"observations-{n}": e.uuid for n, e in enumerate(document.entries("observations"), 1)}
    dates: dict[str, str] = {}
    number = 0
    for heart in document.entries("dynamic-segmentation") if hearts else []:
        if not heart.facts.get("quantities"):
            continue
        scan = next((e for e in document.entries("dynamic") if e.uuid == heart.facts.get("dynamic")), None)
        day = told.pop(heart.name, None) or told.pop(heart.uuid, None) or (told.pop(scan.name, None) if scan else None)
        thing = document.get(scan.uuid) if scan else None
        if not day and not (isinstance(thing, DynamicVolume) and thing.acquisition.get(SCANNED)):
            console.print(
                f"'{heart.name}' is left out: the day of its scan is not known (--date '{heart.name}=2024-03-01')",
                style="yellow",
            )
            continue
        number += 1
        inputs[f"heart-{number}"] = heart.uuid
        if scan:
            inputs[f"dynamic-{number}"] = scan.uuid
        if day:
            dates[str(number)] = day
    if told:
        names = ", ".join(f"'{e.name}'" for e in document.entries("dynamic-segmentation")) or "none"
        raise BadInput(f"There is no segmented heart '{next(iter(told))}' to date", remedy=f"There are: {names}.")
    if not inputs:
        raise BadInput(
            "The project has no readings of the patient", where=str(document.project.folder),
            remedy="Import some: organtwin readings import FILE -p PROJECT.",
        )  # fmt: skip
    return inputs, dates


def newest_states(document: Document, model: str | None) -> list[Entry]:
    """The newest twin of each model, or of one."""
    wanted = physiology.find(model).name if model else None
    newest = {e.facts["model"]: e for e in document.entries("twin-state") if wanted in (None, e.facts["model"])}
    if not newest:
        of = f" of the model '{wanted}'" if wanted else ""
        raise BadInput(
            f"The project has no twin{of} yet", remedy="Calibrate one: organtwin calibrate PROJECT --model NAME."
        )
    return list(newest.values())


def _named_date(text: str) -> tuple[str, str]:
    name, sign, day = text.rpartition("=")
    if not sign or not name:
        raise BadInput(f"'{text}' dates nothing", remedy="Write it as NAME=2024-03-01.")
    return name.strip(), day.strip()


def _state(document: Document, entry: Entry) -> TwinState:
    found = document.get(entry.uuid)
    assert isinstance(found, TwinState)
    return found


def _forecast(document: Document, entry: Entry) -> Forecast:
    found = document.get(entry.uuid)
    assert isinstance(found, Forecast)
    return found


def show(entries: list[Entry], states: list[TwinState], known: Physiology, as_json: bool) -> None:
    """A twin as a table."""
    if as_json:
        print_json([as_data(e, s) for e, s in zip(entries, states, strict=True)])
        return
    for entry, state in zip(entries, states, strict=True):
        print(
            f"{entry.name}  [{entry.uuid[:8]}]  {known.title}, {len(state.weights)} members, as of {minute_of(state.at_s)} UTC"
        )
        titles = {p.key: p.title for p in known.parameters}
        wide = max(len(t) for t in (*titles.values(), *(q.name for q in (*state.quantities, *state.fit)), "parameter"))
        print(f"  {'parameter':<{wide}}  {'value':>8}  {'5 to 95 %':<18}{'before':>8}  {'unit':<18}learned")
        for e in state.estimates:
            apart = f"  not apart from {titles.get(e.with_, e.with_)}" if e.with_ else ""
            span = f"{number_words(e.low)} to {number_words(e.high)}"
            print(
                f"  {titles.get(e.key, e.key):<{wide}}  {number_words(e.value):>8}  {span:<18}{number_words(e.prior):>8}  "
                f"{unit_words(e.unit):<18}{e.learned:4.0%}{apart}"
            )
        print("  twin less measured:")
        for q in state.fit:
            less = ("+" if q.value > 0 else "") + number_words(q.value)
            print(f"  {q.name:<{wide}}  {less:>8} {unit_words(q.unit):<10}[{q.level}]  {q.why}")
        print("  what follows:")
        for q in state.quantities:
            name = _spread_words(q.name, known)
            print(f"  {name:<{wide}}  {number_words(q.value):>8} {unit_words(q.unit):<10}{q.why}")
        print(f"  {state.method}; taught by {sum(state.used.values())} readings")
        for note in state.notes:
            print(f"  note: {note}")


def _spread_words(name: str, known: Physiology) -> str:
    """What the program calls "scatter of heart_rate" and "walk", for people."""
    _, of, key = name.partition("scatter of ")
    if of:
        return "Scatter: " + next((r.title for r in known.readings if r.key == key), key)
    return "Change of the patient in a day" if name == "walk" else name


def as_data(entry: Entry, state: TwinState) -> dict[str, Any]:
    """A twin as JSON: what is believed, not the members."""
    return {
        "uuid": entry.uuid, "name": entry.name, "model": state.model, "at": minute_of(state.at_s), "at_s": state.at_s,
        "members": len(state.weights), "estimates": [e.model_dump() for e in state.estimates],
        "quantities": [q.model_dump() for q in state.quantities], "fit": [q.model_dump() for q in state.fit],
        "used": state.used, "method": state.method, "notes": list(state.notes),
        "verified_by": list(physiology.find(state.model).sheet.verified_by),
    }  # fmt: skip


def forecast_lines(one: Forecast, known: Physiology) -> Iterator[str]:
    """A forecast as a table: a few times of it."""
    quantiles, times = np.asarray(one.quantiles), np.asarray(one.times_s)
    yield f"{one.name}  [{one.uuid[:8]}]  {one.members} members"
    some = np.unique(np.linspace(0, len(times) - 1, 5).astype(int))
    there = [
        k for k in range(len(known.readings)) if np.isfinite(quantiles[k]).all() and np.abs(quantiles[k]).max() > 1e-9
    ]
    titles = {k: heading(known.readings[k].title, known.readings[k].unit) for k in there}
    wide = max([len(t) for t in titles.values()] + [len(SPAN)])
    hours = known.pace == "minute" or times[-1] - times[0] < 3 * DAY_S
    written = minute_of if hours else day_of
    yield f"  {SPAN:<{wide}}" + "".join(f"{written(times[k]):>24}" for k in some) + ("  (UTC)" if hours else "")
    for place, title in titles.items():
        cells = [_cells(quantiles[place][:, k]) for k in some]
        yield f"  {title:<{wide}}" + "".join(f"{cell:>24}" for cell in cells)
    if one.checked:
        yield f"  {one.checked}"
    for sentence in one.assumes:
        yield f"  assumes: {sentence}"
    yield f"  model: 'organtwin models {known.name}' shows its sources, validity and known bias"


def _cells(quantiles: np.ndarray) -> str:
    """The middle, and the ends of the interval."""
    return f"{number_words(quantiles[2])}  {number_words(quantiles[0])} to {number_words(quantiles[-1])}"


def forecast_data(entry: Entry, one: Forecast) -> dict[str, Any]:
    return {
        **describe(entry), "keys": list(one.keys), "units": list(one.units), "levels": list(one.levels),
        "times_s": np.asarray(one.times_s).tolist(), "quantiles": np.asarray(one.quantiles).tolist(),
        "assumes": list(one.assumes), "checked": one.checked,
    }  # fmt: skip


def model_data(known: Physiology) -> dict[str, Any]:
    return {
        "name": known.name, "title": known.title, "about": known.about, "pace": known.pace,
        "parameters": [vars(p) for p in known.parameters], "readings": [vars(r) for r in known.readings],
        "drives": [vars(d) for d in known.drives], "sheet": known.sheet.model_dump(),
    }  # fmt: skip


def sheet_lines(known: Physiology) -> Iterator[str]:
    """The data sheet of a model."""
    sheet = known.sheet
    yield f"  data sheet of {known.title}"
    yield f"    for: {sheet.purpose}"
    yield f"    holds: {sheet.validity}"
    yield f"    known bias: {sheet.bias}"
    for source in sheet.sources:
        yield f"    source: {source}"
    for case in sheet.verified_by:
        yield f"    verified by: organtwin validate {case}"
