"""From every prediction to its data sheet: what it rests on, where it holds, what is known to be wrong with it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import yaml

from organtwin.errors import BadInput
from organtwin.physiology.datasheet import DataSheet
from organtwin.store import Entry

BY_HAND = ("threshold", "grow", "random-walker")


@cache
def _sheets() -> dict[str, DataSheet]:
    data = yaml.safe_load(files("organtwin.document").joinpath("sheets.yaml").read_text(encoding="utf-8"))
    return {name: DataSheet.model_validate(sheet) for name, sheet in data.items()}


def sheet_of(entry: Entry) -> tuple[str, DataSheet] | None:
    """The name of the model behind an object, and its sheet; None for what is no prediction (scans, readings, cases)."""
    known = _sheets()
    facts = entry.facts
    match entry.kind:
        case "result" | "rehearsal":
            operation = entry.recipe.operation if entry.recipe else ""
            name = "rehearsal" if entry.kind == "rehearsal" else str(facts.get("physics", operation))
            return (name, known[name]) if name in known else None
        case "twin-state" | "forecast" | "course":
            return _of_twin(str(facts.get("model", "")), str(facts.get("subject", "")))
        case "segmentation" | "dynamic-segmentation":
            engine = str(entry.recipe.parameters.get("engine", "")) if entry.recipe else ""
            operation = entry.recipe.operation if entry.recipe else "edit"
            name = engine or {"liver": "liver", "cine": "cine-mr"}.get(operation, "by-hand")
            name = "by-hand" if name in BY_HAND else name
            return (name, known[name]) if name in known else None
        case "centerline":
            return "vessel", known["vessel"]
    return None


def _of_twin(model: str, subject: str) -> tuple[str, DataSheet] | None:
    from organtwin.physiology.model import find
    from organtwin.twin.course import subjects

    if subject:
        sheet = subjects.sheet_of(subject)
        return (subject, sheet) if sheet is not None else None
    try:
        return model, find(model).sheet
    except BadInput:  # the model is not installed here
        return None
