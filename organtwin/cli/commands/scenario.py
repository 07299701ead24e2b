"""``organtwin scenario`` and ``organtwin interventions``: what if something else were done."""

from __future__ import annotations

import inspect
from typing import Annotated, Any
from uuid import uuid4

import typer

from organtwin.cli.base import AsJson, ProjectPath, app, mesh_named, opened, tell
from organtwin.cli.choose import choose
from organtwin.cli.commands.twin import newest_states
from organtwin.cli.follow import console, run_job
from organtwin.cli.plain import print_json
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import Observations, Scenario, TwinState
from organtwin.physiology import model as physiology
from organtwin.store import Entry
from organtwin.twin import intervention as interventions
from organtwin.twin import scenario as scenarios
from organtwin.twin.intervention import Kind

group = typer.Typer(no_args_is_help=True, help="What if something else were done: scenarios, side by side.")
app.add_typer(group, name="scenario")


@group.command()
def new(
    project: ProjectPath,
    name: Annotated[str, typer.Option(help="What to call it.")],
    do: Annotated[
        list[str],
        typer.Option(
            help='One thing done (repeat), as \'vasodilator drug=amlodipine dose="5 mg" start=7 end="12 weeks"\'.'
        ),
    ],
    about: Annotated[str, typer.Option(help="Why, in words.")] = "",
    as_json: AsJson = False,
) -> None:
    """Write down a scenario: things done together."""
    acts = tuple(scenarios.read(text) for text in do)
    with opened(project) as document:
        if any(entry.name == name for entry in document.entries("scenario")):
            raise BadInput(f"The project has a scenario '{name}' already", remedy="Give this one another name.")
        made = Scenario(name=name, interventions=acts, about=about)
        scenarios.check(made)
        document.add([made], f"Scenario {name}")
    if as_json:
        print_json(made)
    else:
        print(f"scenario      {name}  [{made.uuid[:8]}]: {scenarios.described(acts)}")


@group.command()
def procedure(
    project: ProjectPath,
    before: Annotated[str, typer.Option(help="The flow result before it: name or uuid.")],
    after: Annotated[str, typer.Option(help="The flow result after it.")],
    name: Annotated[str, typer.Option(help="What to call the scenario.")],
    toward: Annotated[str, typer.Option(help="The opening it is about; else the way whose drop changes most.")] = "",
    do: Annotated[list[str] | None, typer.Option(help="What else is done with it (repeat).")] = None,
    as_json: AsJson = False,
) -> None:
    """A scenario from two flow results of a vessel: what a procedure there does to the whole circulation."""
    from organtwin.model import Intervention, Result
    from organtwin.twin.interventions.procedure import from_results

    with opened(project) as document:
        found = [document.get(choose(document, "result", one).uuid) for one in (before, after)]
        first, second = found
        assert isinstance(first, Result)
        assert isinstance(second, Result)
        output = None
        if document.latest("twin-state", model="circulation"):
            known = twin_of(document, "circulation").quantities
            output = next((q.value for q in known if q.name == "Cardiac output"), None)
        act = Intervention(kind="procedure", options=from_results(first, second, toward, output))
        made = Scenario(name=name, interventions=(act, *map(scenarios.read, do or ())), results=(second.uuid,))
        scenarios.check(made)
        document.add([made], f"Scenario {name}")
    if as_json:
        print_json(made)
    else:
        print(f"scenario      {name}: {scenarios.described(made.interventions)}")


@group.command(name="list")
def list_scenarios(project: ProjectPath, as_json: AsJson = False) -> None:
    """The scenarios of a project."""
    with opened(project) as document:
        found = document.objects(Scenario)
    if as_json:
        print_json(found)
        return
    for one in found:
        print(f"{one.name}  [{one.uuid[:8]}]: {scenarios.described(one.interventions)}")
    if not found:
        print(
            "The project has no scenario yet: organtwin scenario new PROJECT --name NAME --do 'KIND option=value ...'"
        )


@group.command()
def compare(
    project: ProjectPath,
    names: Annotated[
        list[str] | None, typer.Argument(help="Scenarios (name or uuid); all of the project's unless given.")
    ] = None,
    model: Annotated[str, typer.Option(help="The model that answers: circulation, glucose ...")] = "circulation",
    days: Annotated[float, typer.Option(min=0.05, max=3660.0, help="How far ahead.")] = 90.0,
    target: Annotated[
        list[str] | None, typer.Option(help="What a reading should be, as 'systolic<125' (repeat).")
    ] = None,
    members: Annotated[int, typer.Option(min=20, max=5000, help="Size of the ensemble.")] = 200,
    seed: Annotated[int, typer.Option(help="Another number draws other responses.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Scenarios side by side, against going on as now: one table with intervals, probabilities and what each assumes."""
    from organtwin.twin import comparison
    from organtwin.twin.drives import Driven
    from organtwin.twin.readings import Readings

    known = physiology.find(model)
    with opened(project) as document:
        chosen = _chosen(document, names)
        if not chosen:
            raise BadInput(
                "The project has no scenario yet",
                remedy="Make one: organtwin scenario new PROJECT --name NAME --do ...",
            )
        state = twin_of(document, known.name)
        observations = document.objects(Observations)
    for one in chosen:
        for sentence in scenarios.already(one, observations, state.at_s):
            console.print(f"warning: {sentence}", style="yellow", markup=False)
    aims = dict(comparison.read_target(text) for text in target or [])
    with console.status(f"{len(chosen) + 1} scenarios, {members} members ..."):
        compared = comparison.compare(
            known, state, Readings.of(known, observations), chosen, days=days, driven=Driven.of(known, observations),
            targets=aims, members=members, seed=seed,
        )  # fmt: skip
    if as_json:
        print_json(compared)
        return
    for line in comparison.lines(compared):
        print(line)
    print(
        f"model: 'organtwin models {known.name}' and 'organtwin interventions NAME' show sources, validity and known bias"
    )


@group.command()
def flow(
    project: ProjectPath,
    names: Annotated[
        list[str] | None, typer.Argument(help="Scenarios (name or uuid); all of the project's unless given.")
    ] = None,
    mesh: Annotated[str | None, typer.Option(help="The vessel mesh: name, uuid or structure.")] = None,
    days: Annotated[float, typer.Option(min=0.05, max=3660.0, help="Which day of the scenario.")] = 90.0,
    site: Annotated[str, typer.Option(help="Where the inlet lies, when the mesh does not tell.")] = "",
    share: Annotated[
        float | None, typer.Option(min=0.001, max=1.0, help="Part of the cardiac output that enters.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="The 3D solve instead of the lumped one of a second.")] = False,
    steady: Annotated[bool, typer.Option("--steady", help="The mean of the beat instead of the beat.")] = False,
    as_json: AsJson = False,
) -> None:
    """Each scenario in a vessel of the patient: flow and pressure along it with the circulation as it would then be."""
    from organtwin.model import OrganMesh
    from organtwin.twin.scenario_state import flow_under

    made: list[Entry] = []
    with opened(project) as document:
        vessel = mesh_named(document, mesh)
        organ = document.get(vessel.uuid)
        assert isinstance(organ, OrganMesh)
        state = twin_of(document, "circulation")
        for scenario in (scenarios.AS_NOW, *_chosen(document, names)):
            case = flow_under(
                physiology.find("circulation"), state, organ, scenario, day=days, site=site, share=share,
                mode="steady" if steady else "pulsatile",
            )  # fmt: skip
            plain = case.model_dump(mode="json", exclude={"uuid", "created", "recipe", "replaces"})
            result = run_job(
                document, "flow" if full else "lumped", {"mesh": vessel.uuid}, {"case": plain}, f"Flow, {scenario.name}"
            )
            made += result
            if scenario.interventions:
                later = scenario.with_(
                    uuid=str(uuid4()), replaces=scenario.uuid, results=(*scenario.results, *(e.uuid for e in result))
                )
                document.add([later], f"Flow of {scenario.name}")
    tell(made, as_json)


@app.command(name="interventions")
def list_interventions(
    name: Annotated[str | None, typer.Argument(help="One of them: its options and data sheet.")] = None,
    as_json: AsJson = False,
) -> None:
    """What can be done in a scenario, with the sources of each."""
    kinds = [interventions.find(one) for one in ([name] if name else interventions.names())]
    if as_json:
        print_json([_kind(kind) for kind in kinds])
        return
    for kind in kinds:
        print(f"{kind.name:<16}{kind.group:<16}{kind.about}")
        if name is None:
            continue
        for key, option in kind.options.model_json_schema().get("properties", {}).items():
            told = kind.options.model_fields[key]
            usual = "needed" if told.is_required() else "" if told.default is None else f"usually {told.default}"
            print(f"  {key:<20}{usual:<28}{_choices(option)}")
        for line in (inspect.getdoc(kind.options) or "").replace("``", "'").splitlines():
            print(f"  {line}".rstrip())
        print(f"  acts on: {', '.join(kind.models)}")
        sheet = kind.sheet
        for label, text in (("purpose", sheet.purpose), ("validity", sheet.validity), ("known bias", sheet.bias)):
            print(f"  {label}: {text}")
        for source in sheet.sources:
            print(f"  source: {source}")


def twin_of(document: Document, model: str) -> TwinState:
    """The newest twin of a model."""
    found = document.get(newest_states(document, model)[0].uuid)
    assert isinstance(found, TwinState)
    return found


def _chosen(document: Document, names: list[str] | None) -> list[Scenario]:
    """Those named, or all of the project."""
    found = document.objects(Scenario)
    if not names:
        return found
    wanted = [choose(document, "scenario", name).uuid for name in names]
    return [one for uuid in wanted for one in found if one.uuid == uuid]


def _choices(option: dict[str, Any]) -> str:
    for one in (option, *option.get("anyOf", ())):
        if "enum" in one:
            return ", ".join(map(str, one["enum"]))
        if "const" in one:
            return str(one["const"])
    return str(option.get("description", ""))


def _kind(kind: Kind) -> dict[str, Any]:
    return {
        "name": kind.name, "title": kind.title, "group": kind.group, "about": kind.about, "models": list(kind.models),
        "options": kind.options.model_json_schema(), "sheet": kind.sheet.model_dump(),
    }  # fmt: skip
