"""What a plan is made from, and plans as they are told on the command line."""

from __future__ import annotations

from typing import Any

from organtwin.cli.choose import choose
from organtwin.cli.follow import run_job
from organtwin.cli.plain import print_json
from organtwin.document import Document
from organtwin.errors import BadInput
from organtwin.model import OrganMesh
from organtwin.model.resection_plan import ResectionPlan
from organtwin.store import Entry
from organtwin.store.relations import organ_trees


def sources(document: Document, organ: str, segmentation: str | None, territories: str | None) -> dict[str, str]:
    """The inputs of a plan: the newest segmentation of the organ (with tumours before one without), the territories and the
    trees that were found on it."""
    if segmentation is None:
        fit = [e for e in document.entries("segmentation") if organ in _keys(e)]
        fit.sort(key=lambda e: any(k.startswith("tumour") for k in _keys(e)))
        if not fit:
            raise BadInput(f"The project has no segmentation with a {organ}", remedy="Segment it first.")
        base = fit[-1]
    else:
        base = choose(document, "segmentation", segmentation)
    inputs = {"segmentation": base.uuid}
    if territories is not None:
        inputs["territories"] = choose(document, "segmentation", territories).uuid
    else:
        found = [e for e in document.entries("segmentation") if e.recipe and e.recipe.operation == "territories"]
        own = [e for e in found if e.recipe and base.uuid in e.recipe.inputs.values()]
        if own or found:
            inputs["territories"] = (own or found)[-1].uuid
    return inputs | trees(document, base)


def trees(document: Document, base: Entry) -> dict[str, str]:
    """The newest vessel tree of each structure of a segmentation, by role."""
    found = organ_trees(base.uuid, document.entries("centerline"), document.project.root)
    return {f"tree-{n}": entry.uuid for n, entry in enumerate(found.values(), start=1)}


def _keys(entry: Entry) -> list[str]:
    return [s["key"] for s in entry.facts.get("segments", ())]


def run_plan(document: Document, inputs: dict[str, str], parameters: dict[str, Any], *, solve: bool) -> list[Entry]:
    """One job for the plan, and with ``solve`` another for the opened organ."""
    label = "Propose resections" if parameters.get("propose") else "Plan a resection"
    if solve:
        parameters = {"opened": "open", **parameters}
    made = run_job(document, "resection-plan", inputs, parameters, label)
    if solve:
        from organtwin.resection.opening import opening_case

        plan, mesh = (document.get(e.uuid) for e in made)
        assert isinstance(plan, ResectionPlan)
        assert isinstance(mesh, OrganMesh)
        made = [
            *made,
            *run_job(
                document, "tissue", {"mesh": mesh.uuid}, {"case": opening_case(plan, mesh)}, "Solve the opened organ"
            ),
        ]
    return made


def show_comparison(one: ResectionPlan, other: ResectionPlan, as_json: bool) -> None:
    """Two plans side by side."""
    from organtwin.resection.comparison import compare_plans

    found = compare_plans(one, other)
    if as_json:
        rows = [
            {
                "name": r.name,
                "unit": r.unit,
                "one": r.one and r.one.value,
                "other": r.other and r.other.value,
                "better": r.better,
            }
            for r in found.rows
        ]
        shared = {"both_ml": found.both_ml, "only_one_ml": found.only_one_ml, "only_other_ml": found.only_other_ml}
        print_json({"one": one.uuid, "other": other.uuid, "rows": rows, **shared})
        return
    print(f"{'':<34}{one.name[:28]:>30}{other.name[:28]:>30}")
    for r in found.rows:
        values = [f"{q.value:.1f} {r.unit}" if q else "–" for q in (r.one, r.other)]
        marks = [" *" if r.better == side else "  " for side in ("one", "other")]
        print(f"{r.name:<34}{values[0] + marks[0]:>30}{values[1] + marks[1]:>30}")
    print(
        f"both take {found.both_ml:.0f} mL; only the first {found.only_one_ml:.0f} mL, only the second {found.only_other_ml:.0f} mL"
    )


def plan_of(document: Document, name: str) -> ResectionPlan:
    """The plan of that name or uuid."""
    found = document.get(choose(document, "plan", name).uuid)
    assert isinstance(found, ResectionPlan)
    return found


def plane_of(text: str) -> dict[str, Any]:
    """ "x,y,z:nx,ny,nz" as a plane."""
    try:
        point, normal = ([float(x) for x in half.split(",")] for half in text.split(":"))
    except ValueError:
        point = normal = []
    if not len(point) == len(normal) == 3:
        raise BadInput(f"'{text}' is not a plane", remedy='Write it as "x,y,z:nx,ny,nz", in LPS mm.')
    return {"point_mm": point, "normal": normal}


def protected(text: str) -> tuple[str, str]:
    """ "hepatic_vein=5 mm" as a structure and a distance."""
    key, equals, distance = text.partition("=")
    if not equals:
        raise BadInput(f"'{text}' says no distance", remedy='Write it as "hepatic_vein=5 mm".')
    return key.strip(), distance.strip()
